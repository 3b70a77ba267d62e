#include "mail/phrase.h"
#include "tests/test.h"
#include "util/buf.h"

static const struct {
	const char	*name, *charset, *want;
} phrases[] = {
	{ "Alice Smith", "utf-8", "Alice Smith" },
	{ "Smith, Alice", "utf-8", "\"Smith, Alice\"" },
	{ "A \"B\" C\\", "utf-8", "\"A \\\"B\\\" C\\\\\"" },
	{ "J\303\274rgen M", "utf-8", "=?utf-8?Q?J=C3=BCrgen_M?=" },
	{ "J\303\274rgen", "", "J\303\274rgen" },
	{ "J\374rgen", "iso-8859-1", "=?iso-8859-1?Q?J=FCrgen?=" },
	{ "", "utf-8", "" },
};

static void
quotes_and_encodes_only_where_it_must(void)
{
	for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++) {
		struct buf b = BUF_INIT;

		phrase_add(&b, phrases[i].name, phrases[i].charset);
		CHECK_STR(b.data, phrases[i].want);
		buf_done(&b);
	}
}

/* RFC 2047 2: 75 bytes a word, whatever the bytes are. */
static void
cuts_long_names_into_words(void)
{
	struct buf  b = BUF_INIT;
	char	    name[400];

	for (int utf8 = 0; utf8 < 2; utf8++) {
		buf_clear(&b);
		for (size_t i = 0; i < sizeof name - 1; i++)
			name[i] = utf8 && i % 2 == 0 ? '\303' : '\244';
		name[sizeof name - 1] = '\0';
		phrase_add(&b, name, "utf-8");
		for (char *word = strtok(b.data, " "); word != NULL;
		    word = strtok(NULL, " "))
			CHECK(strlen(word) <= 75);
	}
	buf_done(&b);
}

int
main(void)
{
	TEST(quotes_and_encodes_only_where_it_must);
	TEST(cuts_long_names_into_words);
	return test_end();
}
