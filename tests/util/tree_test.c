#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/test.h"
#include "util/tree.h"

static char top[] = "/tmp/rohrpost-tree-XXXXXX";
static int  left_count;

static void
count_left(const char *path)
{
	(void)path;
	left_count++;
}

static const char *
at(const char *name)
{
	static char path[2][300];
	static int  turn;

	turn = !turn;
	snprintf(path[turn], sizeof path[turn], "%s/%s", top, name);
	return path[turn];
}

static void
make_file(const char *name)
{
	int fd = open(at(name), O_WRONLY | O_CREAT, 0600);

	CHECK(fd >= 0);
	close(fd);
}

static void
make_dirs(const char *const *names)
{
	for (; *names != NULL; names++)
		CHECK(mkdir(at(*names), 0700) == 0);
}

static void
removes_all_or_what_holds_no_text(void)
{
	static const char *const dirs[] = { "q", "q/a", "q/a/b", "q/c", NULL };

	make_dirs(dirs);
	make_file("q/a/b/mail");
	make_file("q/c/.hidden");
	CHECK(mkfifo(at("q/c/fifo"), 0600) == 0);
	CHECK(symlink("q", at("link")) == 0);
	CHECK(tree_has_file(at("q")) && tree_has_file(at("link")));
	CHECK(!tree_has_file(at("q/c")) && !tree_has_file(at("nothing")));
	left_count = 0;
	tree_remove(at("q"), false, count_left);
	CHECK_INT(left_count, 4);
	CHECK(access(at("q/a/b/mail"), F_OK) == 0);
	CHECK(access(at("q/c/fifo"), F_OK) != 0);
	left_count = 0;
	tree_remove(at("q"), true, count_left);
	CHECK_INT(left_count, 0);
	CHECK(access(at("q"), F_OK) != 0);
	unlink(at("link"));
}

static void
does_not_go_where_links_lead(void)
{
	static const char *const dirs[] = { "q", "other", NULL };

	make_dirs(dirs);
	make_file("other/precious");
	CHECK(symlink("../other", at("q/link")) == 0);
	CHECK(!tree_has_file(at("q")));
	tree_remove(at("q"), true, count_left);
	CHECK(access(at("q"), F_OK) != 0);
	CHECK(unlink(at("other/precious")) == 0);
}

int
main(void)
{
	if (mkdtemp(top) == NULL)
		return 1;
	TEST(removes_all_or_what_holds_no_text);
	TEST(does_not_go_where_links_lead);
	rmdir(at("other"));
	rmdir(top);
	return test_end();
}
