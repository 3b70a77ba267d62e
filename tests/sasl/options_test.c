#include "sasl/options.h"
#include "tests/test.h"

static void
words_of_a_list_become_bits(void)
{
	static const struct {
		const char *list;
		unsigned    bits;
	} rows[] = {
		{ "", 0 },
		{ "noanonymous", SASL_NO_ANONYMOUS },
		{ "noplaintext, noanonymous",
		    SASL_NO_PLAINTEXT | SASL_NO_ANONYMOUS },
		{ " noactive\tnodictionary,,forward_secrecy mutual_auth ",
		    SASL_NO_ACTIVE | SASL_NO_DICTIONARY |
		    SASL_FORWARD_SECRECY | SASL_MUTUAL_AUTH },
		{ "NoPlainText", SASL_NO_PLAINTEXT },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *word = NULL;
		unsigned    bits = ~0U;

		CHECK(sasl_options_parse(rows[i].list, &bits, &word));
		CHECK_INT(bits, rows[i].bits);
	}
}

static void
an_unknown_word_is_told(void)
{
	const char *word = NULL;
	unsigned    bits = 7;

	CHECK(!sasl_options_parse("noactive noplain", &bits, &word));
	CHECK_STR(word, "noplain");
	CHECK_INT(bits, 7);
}

static void
base64_is_known_by_its_characters(void)
{
	CHECK(sasl_is_base64(""));
	CHECK(sasl_is_base64("="));
	CHECK(sasl_is_base64("AGEAYg=="));
	CHECK(sasl_is_base64("+/09azAZ"));
	CHECK(!sasl_is_base64("!!!"));
	CHECK(!sasl_is_base64("QUIT now"));
	CHECK(!sasl_is_base64("AG\tEA"));
}

int
main(void)
{
	TEST(words_of_a_list_become_bits);
	TEST(an_unknown_word_is_told);
	TEST(base64_is_known_by_its_characters);
	return test_end();
}
