#include <stdint.h>

#include "conf/edit.h"
#include "tests/test.h"
#include "util/buf.h"
#include "util/map.h"

static const char before[] =
    "# a comment\n"
    "mynetworks =\n"
    "    127.0.0.0/8,\r\n"
    "  # within\n"
    "\n"
    "\t[::1]/128\n"
    "#mydomain = x\n"
    "a = 1\n"
    "odd   =   spacing\n"
    "a = 2\n"
    "last = no newline";

static int doubles;

static void
count_double(const char *name)
{
	(void)name;
	doubles++;
}

static const char *
edit(enum edit_how how, const char *name, const char *value)
{
	static struct buf out = BUF_INIT;
	struct buf	  old = BUF_INIT;
	struct map	 *names = map_new();
	const char	 *why = NULL;
	bool		  ok;

	buf_adds(&old, before);
	map_set(names, name, (void *)(intptr_t)value);
	ok = edit_main_cf(&old, &out, how, names, count_double, &why);
	map_free(names, NULL);
	buf_done(&old);
	return ok ? out.data : why;
}

static void
sets_a_value_in_its_place(void)
{
	CHECK_STR(edit(EDIT_SET, "mynetworks", "10.0.0.0/8"),
	    "# a comment\nmynetworks = 10.0.0.0/8\n  # within\n\n"
	    "#mydomain = x\na = 1\nodd   =   spacing\na = 2\n"
	    "last = no newline");
}

static void
adds_a_new_name_at_the_end(void)
{
	const char *got = edit(EDIT_SET, "new", "value");

	CHECK(strncmp(got, before, strlen(before)) == 0);
	CHECK_STR(got + strlen(before), "\nnew = value\n");
}

static void
sets_every_one_of_several_entries(void)
{
	doubles = 0;
	CHECK(strstr(edit(EDIT_SET, "a", "9"), "a = 9\nodd   =   spacing\n"
	    "a = 9\n") != NULL);
	CHECK_INT(doubles, 1);
}

static void
comments_out(void)
{
	CHECK_STR(edit(EDIT_COMMENT, "mynetworks", ""),
	    "# a comment\n#mynetworks =\n#    127.0.0.0/8,\r\n  # within\n"
	    "\n#\t[::1]/128\n#mydomain = x\na = 1\nodd   =   spacing\n"
	    "a = 2\nlast = no newline");
}

static void
removes(void)
{
	CHECK_STR(edit(EDIT_REMOVE, "mynetworks", ""),
	    "# a comment\n  # within\n\n#mydomain = x\na = 1\n"
	    "odd   =   spacing\na = 2\nlast = no newline");
	CHECK_STR(edit(EDIT_REMOVE, "nosuch", ""), before);
}

static void
refuses_what_is_no_main_cf(void)
{
	struct buf  old = BUF_INIT, out = BUF_INIT;
	struct map *names = map_new();
	const char *why = NULL;

	buf_adds(&old, "a = 1\nstray\n");
	CHECK(!edit_main_cf(&old, &out, EDIT_REMOVE, names, NULL, &why));
	CHECK_STR(why, "line 2: missing '=' after attribute name: \"stray\"; "
	    "write \"name = value\"");
	map_free(names, NULL);
	buf_done(&old);
}

int
main(void)
{
	TEST(sets_a_value_in_its_place);
	TEST(adds_a_new_name_at_the_end);
	TEST(sets_every_one_of_several_entries);
	TEST(comments_out);
	TEST(removes);
	TEST(refuses_what_is_no_main_cf);
	return test_end();
}
