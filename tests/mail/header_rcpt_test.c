#include "mail/header_rcpt.h"
#include "tests/test.h"
#include "util/mem.h"

/* The addresses, each followed by a blank. */
static const char *
recipients_of(const char *content)
{
	static struct buf list = BUF_INIT;
	struct pool	  pool = POOL_INIT;
	const char	**names;
	size_t		  n = header_recipients(&pool, str_of(content), &names);

	buf_clear(&list);
	for (size_t i = 0; i < n; i++)
		buf_addf(&list, "%s ", names[i]);
	pool_done(&pool);
	return list.data;
}

static void
takes_to_cc_and_bcc_in_their_order(void)
{
	CHECK_STR(recipients_of("Subject: x\r\nBcc: c\r\nTo: a, B <b@x>\r\n"
	    "cc: d@y (comment)\r\n\r\nTo: nobody\r\n"), "c a b@x d@y ");
	CHECK_STR(recipients_of("To: a,\n\tb\nReply-To: no\n"), "a b ");
}

static void
resent_fields_hide_the_others(void)
{
	CHECK_STR(recipients_of("To: a\r\nResent-To: b\r\nResent-Bcc: c\r\n"),
	    "b c ");
	CHECK_STR(recipients_of("To: a\r\nResent-To:\r\n"), "");
}

static void
finds_nothing_where_nothing_is(void)
{
	CHECK_STR(recipients_of(""), "");
	CHECK_STR(recipients_of("no header\nTo: a\n"), "");
	CHECK_STR(recipients_of("To: ;\r\n"), "");
}

static void
grows_with_many(void)
{
	struct buf text = BUF_INIT;
	size_t	   n = 0;

	buf_adds(&text, "To: x");
	for (int i = 0; i < 1000; i++)
		buf_addf(&text, ",\r\n a%d", i);
	for (const char *p = recipients_of(text.data); *p != '\0'; p++)
		n += *p == ' ';
	CHECK_INT(n, 1001);
	buf_done(&text);
}

int
main(void)
{
	TEST(takes_to_cc_and_bcc_in_their_order);
	TEST(resent_fields_hide_the_others);
	TEST(finds_nothing_where_nothing_is);
	TEST(grows_with_many);
	return test_end();
}
