#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"
#include "server/maillog.h"
#include "tests/test.h"
#include "util/mem.h"

static char dir[] = "/tmp/maillog_test.XXXXXX";
static struct pool texts;

static void
file_is_made_with_its_permissions(void)
{
	const char *why;
	struct stat st;
	int	    fd;

	umask(077);
	conf_mail.maillog_file_permissions = "0644";
	fd = maillog_open_file(&why);
	CHECK(fd >= 0 && fstat(fd, &st) == 0);
	CHECK_INT(st.st_mode & 07777, 0644);
	close(fd);
	chmod(conf_mail.maillog_file, 0600);
	fd = maillog_open_file(&why);
	CHECK(fd >= 0 && fstat(fd, &st) == 0);
	CHECK_INT(st.st_mode & 07777, 0600);
	close(fd);
}

static void
permissions_that_are_none_are_told(void)
{
	static const char *const bad[] = { "", "rw", "0888", "07777", "-1" };
	const char *why = "";

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		conf_mail.maillog_file_permissions = bad[i];
		CHECK(maillog_open_file(&why) < 0);
		CHECK(strstr(why, "maillog_file_permissions") != NULL);
	}
	conf_mail.maillog_file_permissions = "0600";
}

static void
file_stands_below_a_prefix(void)
{
	static const struct {
		const char *prefixes, *file;
		bool	    ok;
	} cases[] = {
		{ "/var, %", "%/mail.log", true },
		{ "%/", "%/mail.log", true },
		{ "/var", "%/mail.log", false },
		{ "%/mail", "%/mail.log", false },
		{ "%", "%/../mail.log", false },
		{ "", "%/mail.log", false },
	};
	const char *why;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *p = cases[i].prefixes, *f = cases[i].file;
		const char *in = strchr(p, '%');
		int fd;

		conf_mail.maillog_file_prefixes = in == NULL ? p :
		    pool_printf(&texts, "%.*s%s%s", (int)(in - p), p, dir,
		    in + 1);
		conf_mail.maillog_file = pool_printf(&texts, "%s%s", dir,
		    f + 1);
		fd = maillog_open_file(&why);
		CHECK((fd >= 0) == cases[i].ok);
		if (fd >= 0)
			close(fd);
	}
}

int
main(void)
{
	if (mkdtemp(dir) == NULL)
		return 1;
	conf_mail.maillog_file = pool_printf(&texts, "%s/mail.log", dir);
	conf_mail.maillog_file_prefixes = dir;
	TEST(file_is_made_with_its_permissions);
	TEST(permissions_that_are_none_are_told);
	TEST(file_stands_below_a_prefix);
	unlink(pool_printf(&texts, "%s/mail.log", dir));
	rmdir(dir);
	return test_end();
}
