#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/test.h"
#include "util/path.h"

enum { EVE = 54321, ANN = 54322 };	/* uids, where root may give files away */

static char top[] = "/tmp/rohrpost-path-XXXXXX";

static const char *
at(const char *name)
{
	static char path[300];

	snprintf(path, sizeof path, "%s/%s", top, name);
	return path;
}

static void
give(const char *name, uid_t uid)
{
	if (geteuid() == 0)
		CHECK(lchown(at(name), uid, uid) == 0);
}

static void
make_dir(const char *name, uid_t uid, mode_t mode)
{
	CHECK(mkdir(at(name), 0700) == 0 && chmod(at(name), mode) == 0);
	give(name, uid);
}

static void
make_file(const char *name, uid_t uid)
{
	int fd = open(at(name), O_WRONLY | O_CREAT | O_EXCL, 0600);

	CHECK(fd >= 0);
	close(fd);
	give(name, uid);
}

static void
make_link(const char *target, const char *name, uid_t uid)
{
	CHECK(symlink(target, at(name)) == 0);
	give(name, uid);
}

static void
make_tree(void)
{
	CHECK(mkdtemp(top) != NULL && chmod(top, 0755) == 0);
	make_dir("roots", 0, 0755);
	make_file("roots/file", 0);
	make_file("roots/anns", ANN);
	make_dir("eves", EVE, 0755);
	make_file("eves/file", EVE);
	make_file("eves/roots", 0);
	make_dir("eves/anns", ANN, 0755);
	make_file("eves/anns/file", ANN);
	make_dir("sticky", 0, 01777);
	make_file("sticky/eves", EVE);
	make_file("sticky/roots", 0);
	make_dir("open", 0, 0777);
	make_file("open/file", 0);
	make_link("../roots/file", "eves/link", EVE);
	make_link("../eves/file", "roots/link", 0);
	make_link("file", "roots/near", 0);
	make_link("../eves/../roots/file", "roots/round", 0);
	make_link("circle", "roots/circle", 0);
}

static void
tells_who_may_lead_it_elsewhere(void)
{
	static const struct {
		const char *name;
		uid_t	    steers;	/* 0: root alone */
		bool	    many;
	} cases[] = {
		{ "roots/file", 0, false },
		{ "roots//./file", 0, false },
		{ "roots/anns", 0, false },
		{ "roots/near", 0, false },
		{ "eves/file", EVE, false },
		{ "eves/roots", EVE, false },
		{ "eves/link", EVE, false },
		{ "eves/../roots/file", EVE, false },
		{ "roots/link", EVE, false },
		{ "roots/round", EVE, false },
		{ "eves/anns/file", 0, true },
		{ "sticky/eves", EVE, false },
		{ "sticky/roots", 0, false },
		{ "open/file", 0, true },
	};
	struct path_steer s;
	struct stat	  st, seen;

	if (geteuid() != 0)
		return;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *path = at(cases[i].name);

		CHECK(path_follow(path, &seen, &s));
		CHECK(stat(path, &st) == 0 && st.st_ino == seen.st_ino);
		if (s.by_many != cases[i].many || (!s.by_many &&
		    (s.by_user ? s.uid : 0) != cases[i].steers)) {
			printf("# %s\n", path);
			CHECK(false);
		}
	}
}

static void
a_user_steers_what_is_below_a_folder_of_their_own(void)
{
	struct path_steer s;
	struct stat	  st;

	CHECK(path_follow(at("eves/file"), &st, &s));
	CHECK(path_is_steered_by(&s, geteuid() == 0 ? EVE : geteuid()));
	CHECK(!path_is_steered_by(&s, ANN));
}

static void
says_why_it_leads_nowhere(void)
{
	static const struct { const char *name; int error; } cases[] = {
		{ "nothing", ENOENT },
		{ "roots/nothing/file", ENOENT },
		{ "roots/file/file", ENOTDIR },
		{ "roots/file/", ENOTDIR },
		{ "roots/circle", ELOOP },
	};
	char		  longer[5000];
	struct path_steer s;
	struct stat	  st;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		errno = 0;
		CHECK(!path_follow(at(cases[i].name), &st, &s));
		CHECK_INT(errno, cases[i].error);
	}
	CHECK(!path_follow("relative", &st, &s) && errno == EINVAL);
	memset(longer, '/', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	CHECK(!path_follow(longer, &st, &s) && errno == ENAMETOOLONG);
}

int
main(void)
{
	char rm[100];

	make_tree();
	TEST(tells_who_may_lead_it_elsewhere);
	TEST(a_user_steers_what_is_below_a_folder_of_their_own);
	TEST(says_why_it_leads_nowhere);
	snprintf(rm, sizeof rm, "rm -rf %s", top);
	return system(rm) != 0 || test_end();
}
