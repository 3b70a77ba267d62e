#include <unistd.h>

#include "smtp/policy_entry.h"
#include "tests/test.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/log.h"
#include "util/mem.h"

static char	    log_path[] = "/tmp/rohrpost-policy-XXXXXX";
static struct pool  pool = POOL_INIT;
static struct policy_entry e;

/* The warning, without what all have in common; "" for none. */
static const char *
complaint(const char *text, bool want)
{
	static struct buf said = BUF_INIT;
	const char	 *at;

	if (truncate(log_path, 0) < 0)
		abort();
	CHECK(policy_entry_parse(&pool, "maps", "far.example", text, &e) ==
	    want);
	buf_clear(&said);
	file_read(log_path, 10000, &said);
	if (said.len > 0 && said.data[said.len - 1] == '\n')
		said.data[--said.len] = '\0';
	at = strstr(said.data, "maps, next-hop destination \"far.example\": ");
	return at != NULL ? at + strlen("maps, next-hop destination "
	    "\"far.example\": ") : said.data;
}

static void
an_entry_is_a_level_and_attributes(void)
{
	CHECK_STR(complaint("Secure match=a:b, match=c protocols=TLSv1.3\t"
	    "ciphers=high exclude= servername=mx.example "
	    "connection_reuse=yes connection_reuse=NO", true), "");
	CHECK(e.level == TLS_LEVEL_SECURE);
	CHECK_STR(e.match, "a:b|c");
	CHECK_STR(e.protocols, "TLSv1.3");
	CHECK_STR(e.ciphers, "high");
	CHECK_STR(e.exclude, "");
	CHECK_STR(e.servername, "mx.example");
	CHECK_STR(e.connection_reuse, "NO");
	CHECK(e.enable_rpk == NULL && e.anchor_files == NULL);
	CHECK_STR(complaint("verify tafile=/a tafile=/b", true), "");
	CHECK_STR(e.anchor_files, "/a /b");
}

static void
braces_keep_blanks_of_a_value(void)
{
	CHECK_STR(complaint("secure match=a.example policy_type=sts "
	    "{ policy_string = version: STSv1 } { policy_string = mode: x }",
	    true), "");
	CHECK_STR(e.policy_lines, "version: STSv1\nmode: x");
	/* but the level has none */
	CHECK_STR(complaint("{ may }", false), "invalid security level \"{\"");
}

static void
what_TLS_does_without_is_ignored(void)
{
	CHECK_STR(complaint("none match=x", true),
	    "ignoring attribute \"match=x\" with TLS disabled");
	CHECK_STR(complaint("none nonsense", true),
	    "ignoring attribute \"nonsense\" with TLS disabled");
	CHECK(e.level == TLS_LEVEL_NONE);
}

static void
mistakes_are_told(void)
{
	static const struct {
		const char *text, *complaint;
	} cases[] = {
		{ "", "invalid empty policy" },
		{ "strong", "invalid security level \"strong\"" },
		{ "half-dane", "invalid security level \"half-dane\"" },
		{ "may foo", "malformed attribute/value pair \"foo\": missing "
		    "'=' after attribute name" },
		{ "may =x", "malformed attribute/value pair \"=x\": missing "
		    "attribute name" },
		{ "may foo=x", "invalid attribute name: \"foo\"" },
		{ "may match=x", "attribute \"match\" invalid at security "
		    "level \"may\"" },
		{ "encrypt tafile=/x", "attribute \"tafile\" invalid at "
		    "security level \"encrypt\"" },
		{ "fingerprint tafile=/x", "attribute \"tafile\" invalid at "
		    "security level \"fingerprint\"" },
		{ "dane-only match=x", "attribute \"match\" invalid at "
		    "security level \"dane-only\"" },
		{ "verify match=", "attribute \"match\" has empty value" },
		{ "may ciphers=", "attribute \"ciphers\" has empty value" },
		{ "may ciphers=high ciphers=high", "attribute \"ciphers\" is "
		    "specified multiple times" },
		{ "may exclude= exclude=", "attribute \"exclude\" is "
		    "specified multiple times" },
		{ "may connection_reuse=maybe", "attribute "
		    "\"connection_reuse\" has bad value: \"maybe\"" },
		{ "may servername=a..b", "\"servername=a..b\" specifies an "
		    "invalid hostname" },
		{ "may servername=192.0.2.1", "\"servername=192.0.2.1\" "
		    "specifies an invalid hostname" },
		{ "may servername=", "\"servername=\" specifies an invalid "
		    "hostname" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		CHECK_STR(complaint(cases[i].text, false), cases[i].complaint);
}

int
main(void)
{
	close(mkstemp(log_path));
	log_open(LOG_TO_FILE, "test", log_path, 0);
	TEST(an_entry_is_a_level_and_attributes);
	TEST(braces_keep_blanks_of_a_value);
	TEST(what_TLS_does_without_is_ignored);
	TEST(mistakes_are_told);
	unlink(log_path);
	pool_done(&pool);
	return test_end();
}
