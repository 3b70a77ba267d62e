#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"
#include "server/layout.h"
#include "tests/test.h"
#include "util/mem.h"

static char dir[] = "/tmp/layout_test.XXXXXX";
static struct pool texts;

static unsigned
mode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_mode & 07777 : 0;
}

static void
makes_what_is_missing_with_its_modes(void)
{
	const char *why = "";

	CHECK(layout_make(&why));
	CHECK_STR(why, "");
	CHECK_INT(mode_of("spool/active"), 0700);
	CHECK_INT(mode_of("spool/maildrop"), 0730);
	CHECK_INT(mode_of("spool/public"), 0710);
	CHECK_INT(mode_of("spool/pid"), 0755);
	CHECK_INT(mode_of("data"), 0700);
}

static void
leaves_alone_what_is_there_until_told_to_put_it_right(void)
{
	const char *why = "";

	chmod("spool/active", 0755);
	CHECK(layout_make(&why));
	CHECK_INT(mode_of("spool/active"), 0755);
	CHECK(layout_set_permissions(&why));
	CHECK_INT(mode_of("spool/active"), 0700);
}

static void
says_what_stands_in_the_way(void)
{
	const char *why = "", *queue = conf_mail.queue_directory;

	conf_mail.queue_directory = "/dev/null/spool";
	CHECK(!layout_make(&why));
	CHECK(strstr(why, "/dev/null/spool") != NULL);
	conf_mail.queue_directory = queue;
	if (geteuid() != 0)
		return;
	conf_mail.setgid_group = "no-such-group";
	CHECK(!layout_make(&why));
	CHECK(strstr(why, "setgid_group") != NULL);
	conf_mail.setgid_group = "daemon";
	conf_mail.mail_owner = "root";
	CHECK(!layout_make(&why));
	CHECK(strstr(why, "privileged") != NULL);
}

static void
knows_its_own_instance(void)
{
	conf_mail.mail_owner = pool_strdup(&texts,
	    getpwuid(geteuid())->pw_name);
	CHECK(layout_is_own_instance());
	conf_mail.mail_owner = "no-such-user";
	CHECK(!layout_is_own_instance());
}

int
main(void)
{
	if (mkdtemp(dir) == NULL || chdir(dir) < 0 ||
	    setenv("PWD", dir, 1) < 0)
		return 1;
	conf_mail.queue_directory = pool_printf(&texts, "%s/spool", dir);
	conf_mail.data_directory = pool_printf(&texts, "%s/data", dir);
	conf_mail.command_directory = dir;
	/* Accounts that every system has, and that are not root's. */
	conf_mail.mail_owner = conf_mail.setgid_group = "daemon";
	conf_mail.default_privs = "nobody";
	TEST(makes_what_is_missing_with_its_modes);
	TEST(leaves_alone_what_is_there_until_told_to_put_it_right);
	TEST(says_what_stands_in_the_way);
	TEST(knows_its_own_instance);
	(void)!system("rm -rf \"$PWD\"");
	return test_end();
}
