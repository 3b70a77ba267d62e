#include "sasl/dovecot_proto.h"
#include "sasl/options.h"
#include "tests/test.h"
#include "util/buf.h"

static char		   text[400];
static struct dovecot_line line;

static const struct dovecot_line *
parse(const char *s)
{
	snprintf(text, sizeof text, "%s", s);
	dovecot_parse(text, &line);
	return &line;
}

static void
answers_have_an_id_and_parameters(void)
{
	parse("OK\t4294967295\tuser=alice\tnologin\tempty=");
	CHECK_INT(line.verb, DOVECOT_OK);
	CHECK_INT(line.id, 4294967295U);
	CHECK_STR(dovecot_find(&line, "user"), "alice");
	CHECK_STR(dovecot_find(&line, "nologin"), "");
	CHECK_STR(dovecot_find(&line, "empty"), "");
	CHECK(dovecot_find(&line, "use") == NULL);
	CHECK(dovecot_find(&line, "temp") == NULL);
	parse("CONT\t7\tVXNlcm5hbWU6");
	CHECK_INT(line.verb, DOVECOT_CONT);
	CHECK_INT(line.id, 7);
	CHECK_STR(line.name, "VXNlcm5hbWU6");
	parse("CONT\t7\t");
	CHECK_STR(line.name, "");
	parse("CONT\t7");
	CHECK_STR(line.name, "");
	parse("FAIL\t1\ttemp\treason=try\001tlater\0011\001");
	CHECK_INT(line.verb, DOVECOT_FAIL);
	CHECK_STR(dovecot_find(&line, "reason"), "try\tlater\001\001");
}

static void
a_handshake_is_understood(void)
{
	CHECK_INT(parse("VERSION\t1\t2")->verb, DOVECOT_VERSION);
	CHECK_INT(line.id, 1);
	CHECK_INT(parse("MECH\tPLAIN\tplaintext")->verb, DOVECOT_MECH);
	CHECK_STR(line.name, "PLAIN");
	CHECK_STR(dovecot_find(&line, "plaintext"), "");
	CHECK_INT(parse("SPID\t123")->verb, DOVECOT_OTHER);
	CHECK_INT(parse("COOKIE\tabc")->verb, DOVECOT_OTHER);
	CHECK_INT(parse("")->verb, DOVECOT_OTHER);
	CHECK_INT(parse("DONE")->verb, DOVECOT_DONE);
}

static void
broken_lines_are_bad(void)
{
	static const char *const lines[] = {
		"OK", "OK\t", "OK\tx", "OK\t-1", "OK\t4294967296", "FAIL",
		"CONT\t", "CONT\t1\t!!!", "MECH", "MECH\t", "VERSION",
		"VERSION\tone", "OK\t1 ",
	};

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		CHECK_INT(parse(lines[i])->verb, DOVECOT_BAD);
}

static void
more_parameters_than_room_are_left_out(void)
{
	struct buf b = BUF_INIT;

	buf_adds(&b, "OK\t1");
	for (int i = 0; i < DOVECOT_WORDS + 10; i++)
		buf_addf(&b, "\tw%d=%d", i, i);
	dovecot_parse(b.data, &line);
	CHECK_INT(line.word_count, DOVECOT_WORDS);
	CHECK_STR(dovecot_find(&line, "w63"), "63");
	CHECK(dovecot_find(&line, "w64") == NULL);
	buf_done(&b);
}

static void
options_choose_mechanisms(void)
{
	static const struct {
		const char *mech;
		unsigned    options;
		bool	    offered;
	} rows[] = {
		{ "MECH\tPLAIN\tplaintext", 0, true },
		{ "MECH\tPLAIN\tplaintext", SASL_NO_PLAINTEXT, false },
		{ "MECH\tPLAIN\tplaintext", SASL_NO_ANONYMOUS, true },
		{ "MECH\tANONYMOUS\tanonymous", SASL_NO_ANONYMOUS, false },
		{ "MECH\tCRAM-MD5\tdictionary\tactive", 0, true },
		{ "MECH\tCRAM-MD5\tdictionary\tactive", SASL_NO_ACTIVE, false },
		{ "MECH\tCRAM-MD5\tdictionary\tactive", SASL_NO_DICTIONARY,
		    false },
		{ "MECH\tX", SASL_FORWARD_SECRECY, false },
		{ "MECH\tX\tforward-secrecy", SASL_FORWARD_SECRECY, true },
		{ "MECH\tX", SASL_MUTUAL_AUTH, false },
		{ "MECH\tX\tmutual-auth", SASL_MUTUAL_AUTH, true },
		{ "MECH\tDOVECOT-TOKEN\tprivate", 0, false },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		CHECK_INT(dovecot_may_offer(parse(rows[i].mech),
		    rows[i].options), rows[i].offered);
}

static void
what_is_sent_is_escaped(void)
{
	struct buf b = BUF_INIT;

	buf_adds(&b, "AUTH");
	dovecot_add(&b, "nologin", NULL);
	dovecot_add(&b, "user", "a\tb\n\001c=\r");
	CHECK_STR(b.data, "AUTH\tnologin\tuser=a\001tb\001n\0011c=\001r");
	buf_done(&b);
}

int
main(void)
{
	TEST(answers_have_an_id_and_parameters);
	TEST(a_handshake_is_understood);
	TEST(broken_lines_are_bad);
	TEST(more_parameters_than_room_are_left_out);
	TEST(options_choose_mechanisms);
	TEST(what_is_sent_is_escaped);
	return test_end();
}
