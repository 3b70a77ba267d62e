#include "smtpd/command.h"
#include "tests/test.h"
#include "util/mem.h"

static void
a_line_is_a_verb_and_the_rest_without_white_space_around(void)
{
	static const struct {
		const char *in, *verb, *rest;
	} rows[] = {
		{ "NOOP", "NOOP", "" },
		{ "  RCPT TO:<a b>  ", "RCPT", "TO:<a b>" },
		{ "RCPT\tTO:<a>\t", "RCPT", "TO:<a>" },
		{ "QUIT \r", "QUIT", "" },
		{ "", "", "" },
		{ " \t ", "", "" },
	};
	struct command_line line;
	char		   *copy;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		copy = mem_strdup(rows[i].in);
		command_split(copy, &line);
		CHECK_STR(line.verb, rows[i].verb);
		CHECK_STR(line.rest, rows[i].rest);
		mem_free(copy);
	}
}

static void
a_line_is_put_together_as_it_came(void)
{
	struct command_line line;
	char		    text[] = " GET\t /  x", verb[] = "GET ";

	command_split(text, &line);
	command_join(&line);
	CHECK_STR(line.verb, "GET\t /  x");
	command_split(verb, &line);
	command_join(&line);
	CHECK_STR(line.verb, "GET");
}

static void
words_are_taken_one_after_the_other(void)
{
	char  text[] = "  a  bc\td ";
	char *next = text;

	CHECK_STR(command_word(&next), "a");
	CHECK_STR(command_word(&next), "bc");
	CHECK_STR(command_word(&next), "d");
	CHECK(command_word(&next) == NULL);
	CHECK(command_word(&next) == NULL);
}

static void
verbs_are_known_in_any_case(void)
{
	CHECK(command_find("mAiL") != NULL);
	CHECK_INT(command_find("mAiL")->id, VERB_MAIL);
	CHECK(command_find("MAILX") == NULL);
	CHECK(command_find("") == NULL);
}

int
main(void)
{
	TEST(a_line_is_a_verb_and_the_rest_without_white_space_around);
	TEST(a_line_is_put_together_as_it_came);
	TEST(words_are_taken_one_after_the_other);
	TEST(verbs_are_known_in_any_case);
	return test_end();
}
