#include "smtp/failed.h"
#include "smtp/settings.h"
#include "tests/test.h"

static char dir[] = "/tmp/rohrpost-failed-XXXXXX";

static const char *
found(const char *host, const char *user, const char *password)
{
	static char text[200];
	struct buf  b = BUF_INIT;
	char	    dsn[12] = "";
	bool	    yes = failed_find(host, user, password, dsn, &b);

	snprintf(text, sizeof text, "%s %s", dsn, b.data);
	buf_done(&b);
	return yes ? text : NULL;
}

static void
refuse(const char *host, const char *user, const char *password)
{
	failed_add(host, user, password, "5.7.8", "535 5.7.8 no; go away");
}

static void
without_a_table_nothing_is_remembered(void)
{
	failed_open("");
	refuse("mx.example", "me", "secret");
	CHECK(found("mx.example", "me", "secret") == NULL);
}

static void
a_refused_password_is_remembered_for_its_time(void)
{
	char name[200];

	snprintf(name, sizeof name, "proxy:btree:%s/cache", dir);
	settings.prefix = "smtp";
	settings.sasl_auth_cache_time = 100;
	failed_open(name);
	CHECK(found("mx.example", "me", "secret") == NULL);
	refuse("mx.example", "me", "secret");
	CHECK_STR(found("mx.example", "me", "secret"),
	    "5.7.8 535 5.7.8 no; go away");
	CHECK(found("mx.example", "you", "secret") == NULL);
	CHECK(found("mx2.example", "me", "secret") == NULL);
	settings.sasl_auth_cache_time = -1;
	CHECK(found("mx.example", "me", "secret") == NULL);
	settings.sasl_auth_cache_time = 100;
}

static void
another_password_is_tried(void)
{
	refuse("mx.example", "me", "secret");
	CHECK(found("mx.example", "me", "new") == NULL);
	/* and the old entry is of no use any more */
	CHECK(found("mx.example", "me", "secret") == NULL);
}

static void
the_table_has_no_password(void)
{
	char command[200];

	refuse("mx.example", "me", "secret");
	snprintf(command, sizeof command, "! grep -rq secret %s", dir);
	CHECK_INT(system(command), 0);
}

int
main(void)
{
	char command[100];

	if (mkdtemp(dir) == NULL)
		return 1;
	TEST(without_a_table_nothing_is_remembered);
	TEST(a_refused_password_is_remembered_for_its_time);
	TEST(another_password_is_tried);
	TEST(the_table_has_no_password);
	failed_open("");
	snprintf(command, sizeof command, "rm -r %s", dir);
	return system(command) != 0 || test_end();
}
