#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "local/quota.h"
#include "tests/test.h"

static void
reads_sizes_and_numbers(void)
{
	static const struct {
		const char *text;
		int64_t	    bytes, messages;	/* -1: refused */
	} cases[] = {
		{ "1000", 1000, 0 }, { "2K", 2048, 0 }, { "3m", 3145728, 0 },
		{ "1G 500", INT64_C(1) << 30, 500 }, { "1T", INT64_C(1) << 40, 0 },
		{ "none", 0, 0 }, { "0", 0, 0 }, { "0 100", 0, 100 },
		{ "", -1, 0 }, { "x", -1, 0 }, { "-1", -1, 0 }, { "1X", -1, 0 },
		{ "1KB", -1, 0 }, { "1 2 3", -1, 0 },
		{ "99999999999999999999", -1, 0 }, { "9000000000T", -1, 0 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct quota q = { 0 };
		bool	     ok = quota_parse(&q, cases[i].text);

		CHECK(ok == (cases[i].bytes >= 0));
		if (ok && cases[i].bytes >= 0) {
			CHECK(q.bytes == cases[i].bytes);
			CHECK(q.messages == cases[i].messages);
		}
	}
}

static void
put(const char *dir, const char *name, const char *text)
{
	char  path[300];
	FILE *f;

	snprintf(path, sizeof path, "%s%s", dir, name);
	f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
}

/* A Maildir with 1,000 bytes in two messages. */
static void
make_maildir(char *dir)
{
	char path[300];

	static const char *const subs[] = { "", "cur", "new", "tmp", ".Trash",
		".Trash/cur" };

	for (size_t i = 0; i < sizeof subs / sizeof *subs; i++) {
		snprintf(path, sizeof path, "%s%s", dir, subs[i]);
		mkdir(path, 0700);
	}
	put(dir, "cur/1.a.host,S=600:2,S", "x");
	put(dir, "new/2.b.host,S=400", "y");
	put(dir, ".Trash/cur/3.c.host,S=5000", "z");
}

static void
counts_a_maildir_and_remembers(void)
{
	char	     dir[] = "/tmp/rohrpost-quota-XXXXXX/";
	struct quota q = { .bytes = 1500 };
	struct why   why = WHY_INIT;
	char	     rm[300];

	dir[strlen(dir) - 1] = '\0';
	CHECK(mkdtemp(dir) != NULL);
	dir[strlen(dir)] = '/';
	make_maildir(dir);
	CHECK(quota_maildir_check(&q, dir, 500, &why));
	CHECK(q.before == 1000 && q.after == 1500);
	CHECK(!quota_maildir_check(&q, dir, 501, &why));
	CHECK(strstr(why.text.data, "mailbox is full") != NULL);
	CHECK_STR(why.dsn, "5.2.2");
	quota_maildir_add(dir, 500);
	CHECK(!quota_maildir_check(&q, dir, 1, &why) || q.before == 1000);
	/* what others left there is not believed */
	put(dir, "maildirsize", "1500S\n99999999999999999999 x\n-5 -5\n");
	quota_maildir_check(&q, dir, 100, &why);
	put(dir, "maildirsize", "1500S\n9223372036854775807 1\n"
	    "9223372036854775807 9223372036854775807\n");
	CHECK(quota_maildir_check(&q, dir, 500, &why) && q.before == 1000);
	put(dir, "maildirsize", "garbage");
	CHECK(quota_maildir_check(&q, dir, 500, &why) && q.before == 1000);
	q = (struct quota){ .messages = 2 };
	CHECK(!quota_maildir_check(&q, dir, 1, &why));
	q = (struct quota){ .bytes = 1500 };
	/* nor what their file names say, if it can't be */
	put(dir, "cur/4.d.host,S=-600", "1234");
	put(dir, "cur/5.e.host,S=1k", "1234");
	CHECK(quota_maildir_check(&q, dir, 492, &why) && q.before == 1008);
	put(dir, "cur/6.f.host,S=9223372036854775807", "x");
	put(dir, "cur/7.g.host,S=9223372036854775807:2,", "x");
	put(dir, "maildirsize", "garbage");
	CHECK(!quota_maildir_check(&q, dir, 1, &why) && q.after > q.before);
	snprintf(rm, sizeof rm, "rm -rf %s", dir);
	CHECK(system(rm) == 0);
	why_done(&why);
}

int
main(void)
{
	TEST(reads_sizes_and_numbers);
	TEST(counts_a_maildir_and_remembers);
	return test_end();
}
