#include "mail/mime.h"
#include "tests/test.h"

/*
 * A message is told as letters: H primary, M part, N nested field, its end
 * ".", B a line of the body with its offset; E an error.
 */
static struct buf story;

static void
tell_field(void *arg, struct mime_field *f)
{
	(void)arg;
	buf_addf(&story, "%c %s|", "HMN"[f->where], f->text->data);
}

static void
tell_end(void *arg, enum mime_header where, enum mime_header_end how)
{
	(void)arg;
	(void)where;
	buf_adds(&story, how == MIME_EMPTY_LINE ? ".|" : "!|");
}

static void
tell_body(void *arg, struct str record, bool ends_line, size_t offset)
{
	(void)arg;
	buf_addf(&story, "B%zu %.*s%s|", offset, (int)record.n, record.p,
	    ends_line ? "" : "+");
}

static void
tell_error(void *arg, enum mime_error e, struct str where)
{
	(void)arg;
	buf_addf(&story, "E%d %.*s|", e, (int)where.n, where.p);
}

static const struct mime_handler handler = {
	tell_field, tell_end, tell_body, tell_error,
};

/* Lines end in '\n'; what has none is a record that goes on. */
static const char *
story_of(const char *text, const struct mime_rules *rules)
{
	struct mime *m = mime_new(rules, &handler, NULL);

	buf_clear(&story);
	while (*text != '\0') {
		size_t n = strcspn(text, "\n\r");

		mime_record(m, text, n, text[n] == '\n');
		text += n + (text[n] != '\0');
	}
	mime_end(m);
	mime_free(m);
	return story.data;
}

static const struct mime_rules plain = { 0, 1000, 2048, 100 };

static const struct {
	const char	*text, *want;
} structures[] = {
	{ "A: b\n c\nD : e\n\nx\n\ny\n",
	  "H A: b\n c|H D: e|.|B0 x|B2 |B3 y|" },
	{ "A: b\nno field\nx\n", "H A: b|!|B0 no field|B9 x|" },
	{ "A: b", "H A: b|!|" },
	{ "A: long\r line\nB: c\n\nlong\rer\n",
	  "H A: long line|H B: c|.|B0 long+|B4 er|" },
	{ "Content-Type: multipart/mixed; boundary=b\n\npre\n--b\n"
	  "X : y\n\nz\n--b--\nepi\n--b\nA: b\n",
	  "H Content-Type: multipart/mixed; boundary=b|.|B0 pre|B4 --b|"
	  "M X: y|.|B0 z|B0 --b--|B6 epi|B10 --b|B14 A: b|" },
	{ "Content-Type: multipart/mixed; boundary=b\n\n--b\nno field\n"
	  "--b\n--b\nA: b\n--b\n\n",
	  "H Content-Type: multipart/mixed; boundary=b|.|B0 --b|!|"
	  "B0 no field|B9 --b|!|B0 --b|M A: b|!|B0 --b|.|" },
	{ "Content-Type: message/rfc822\n\nA: b\n"
	  "Content-Type: message/global\n\nC: d\n\nx\n",
	  "H Content-Type: message/rfc822|.|N A: b|"
	  "N Content-Type: message/global|.|N C: d|.|B0 x|" },
	{ "Content-Type: multipart/digest; boundary=b\n\n--b\n\nA: b\n\n"
	  "x\n--b\nContent-Type: text/plain\n\ny\n",
	  "H Content-Type: multipart/digest; boundary=b|.|B0 --b|.|N A: b|"
	  ".|B0 x|B2 --b|M Content-Type: text/plain|.|B0 y|" },
	/* a boundary of any multipart around ends all within */
	{ "Content-Type: multipart/mixed; boundary=b\n\n--b\n"
	  "Content-Type: multipart/mixed; boundary=c\n\n--c\nA: b\n\nx\n"
	  "--b\nC: d\n\n--c\nE: f\n",
	  "H Content-Type: multipart/mixed; boundary=b|.|B0 --b|"
	  "M Content-Type: multipart/mixed; boundary=c|.|B0 --c|M A: b|.|"
	  "B0 x|B2 --b|M C: d|.|B0 --c|B4 E: f|" },
	/* a second type does not hide the parts */
	{ "Content-Type: multipart/mixed; boundary=b\n"
	  "Content-Type: text/plain\n\n--b\nA: b\n\n",
	  "H Content-Type: multipart/mixed; boundary=b|"
	  "H Content-Type: text/plain|.|B0 --b|M A: b|.|" },
	/* what is left of a long boundary's line is no header */
	{ "Content-Type: multipart/mixed; boundary=b\n\n--b\rC: d\r e\n"
	  "A: b\n\nx\n",
	  "H Content-Type: multipart/mixed; boundary=b|.|B0 --b+|B3 C: d+|"
	  "B7  e|M A: b|.|B0 x|" },
	{ "Content-Type: multipart/mixed\n\n--\nA: b\n",
	  "H Content-Type: multipart/mixed|.|B0 --|B3 A: b|" },
};

static void
finds_the_structure(void)
{
	for (size_t i = 0; i < sizeof structures / sizeof *structures; i++)
		CHECK_STR(story_of(structures[i].text, &plain),
		    structures[i].want);
}

static void
ignores_the_structure_if_told_so(void)
{
	static const struct mime_rules flat = { MIME_NO_STRUCTURE, 1000, 70,
	    100 };

	CHECK_STR(story_of("Content-Type: message/rfc822\n\nA: b\n", &flat),
	    "H Content-Type: message/rfc822|.|B0 A: b|");
}

/* Tables would not see what stands behind it. */
static void
a_nul_ends_a_field(void)
{
	struct mime *m = mime_new(&plain, &handler, NULL);

	buf_clear(&story);
	mime_record(m, "A: b\0c", 6, true);
	mime_record(m, " d", 2, true);
	mime_record(m, "", 0, true);
	mime_record(m, "e\0f", 3, true);
	CHECK_STR(story.data, "H A: b|.|B0 e|");
	mime_free(m);
}

static const struct {
	const char	*value;
	enum mime_type	 type;
	const char	*boundary;
} types[] = {
	{ " multipart/mixed; boundary=b", MIME_MULTIPART, "b" },
	{ " MULTIPART / mixed ; (c) BOUNDARY = \"q\\\"x\"", MIME_MULTIPART,
	  "q\"x" },
	{ " multipart/mixed; a=\";boundary=no\"; (; boundary=no) boundary=y",
	  MIME_MULTIPART, "y" },
	{ " multipart/mixed; boundary=b:1=2", MIME_MULTIPART, "b:1" },
	{ " multipart/mixed boundary=b", MIME_MULTIPART, "" },
	{ " multipart/digest; boundary=\"\"", MIME_DIGEST, "" },
	{ " multipart", MIME_MULTIPART, "" },
	{ " message/rfc822 (x)", MIME_MESSAGE, "" },
	{ " message/partial", MIME_MESSAGE_PART, "" },
	{ " Message/Global", MIME_MESSAGE_GLOBAL, "" },
	{ " message/delivery-status", MIME_MESSAGE_OTHER, "" },
	{ " text/plain; boundary=b", MIME_TEXT, "" },
	{ "", MIME_TEXT, "" },
	{ " multipart/mixed; boundary=\"open", MIME_MULTIPART, "open" },
};

static void
parses_content_types(void)
{
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		struct buf b = BUF_INIT;

		CHECK_INT(mime_parse_type(str_of(types[i].value), &b),
		    types[i].type);
		CHECK_STR(b.data, types[i].boundary);
		buf_done(&b);
	}
}

static void
parses_encodings(void)
{
	CHECK_INT(mime_parse_encoding(STR(" 8BIT (x)")), MIME_8BIT);
	CHECK_INT(mime_parse_encoding(STR("(x) binary")), MIME_BINARY);
	CHECK_INT(mime_parse_encoding(STR("Base64;")), MIME_BASE64);
	CHECK_INT(mime_parse_encoding(STR(" x-other")), MIME_7BIT);
	CHECK_INT(mime_parse_encoding(STR("")), MIME_7BIT);
}

static const struct {
	const char	*text, *want;
} errors[] = {
	{ "A: \351\nB: \352\n\n", "E2 A: \351|H A: \351|H B: \352|.|" },
	{ "A: b\n\n\351\n\352\n", "H A: b|.|E4 \351|B0 \351|B2 \352|" },
	{ "Content-Transfer-Encoding: quoted-printable\n\n\351\n",
	  "H Content-Transfer-Encoding: quoted-printable|.|B0 \351|" },
	{ "Content-Transfer-Encoding: x-other\n\n\351\n",
	  "H Content-Transfer-Encoding: x-other|.|E4 \351|B0 \351|" },
	{ "Content-Transfer-Encoding: base64\n"
	  "Content-Type: multipart/mixed; boundary=b\n\n",
	  "H Content-Transfer-Encoding: base64|"
	  "H Content-Type: multipart/mixed; boundary=b|.|E8 base64|" },
	{ "Content-Transfer-Encoding: 8bit\nContent-Type: message/partial\n\n",
	  "H Content-Transfer-Encoding: 8bit|"
	  "H Content-Type: message/partial|.|E8 8bit|" },
};

static void
notes_each_error_once(void)
{
	static const struct mime_rules strict = { MIME_FIND_8BIT, 1000, 70,
	    100 };

	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
		CHECK_STR(story_of(errors[i].text, &strict), errors[i].want);
}

static void
bounds_depth_and_length(void)
{
	static const struct mime_rules tight = { 0, 10, 3, 1 };
	struct mime *m = mime_new(&tight, &handler, NULL);
	char	     line[100];
	int	     n;

	buf_clear(&story);
	for (int i = 0; i < 100; i++) {
		n = snprintf(line, sizeof line,
		    "Content-Type: multipart/mixed; boundary=%03dx", i);
		mime_record(m, line, (size_t)n, true);
		mime_record(m, "", 0, true);
		n = snprintf(line, sizeof line, "--%03dy", i);
		mime_record(m, line, (size_t)n, true);
	}
	CHECK_INT(mime_errors(m), MIME_ERROR_NESTING);
	CHECK(strstr(story.data, "B0 --002y|E1 Content-Type: ") != NULL);
	CHECK(strstr(story.data, "B0 --003y|B7 Content-Type") != NULL);
	mime_free(m);

	/* one record more than the limit, and no end of folded lines */
	CHECK_STR(story_of("A: 67\n 9012345\n more\n more\nB: c\n\n", &tight),
	    "H A: 67\n 9012345|H B: c|.|");
}

static void
folds_and_nothing_else_become_line_ends(void)
{
	struct buf b = BUF_INIT;

	mime_add_lines(&b, STR("A: b\n c\nd\n\te\n"));
	CHECK_STR(b.data, "A: b\r\n c\nd\r\n\te\n\r\n");
	buf_done(&b);
}

int
main(void)
{
	story = (struct buf)BUF_INIT;
	TEST(finds_the_structure);
	TEST(ignores_the_structure_if_told_so);
	TEST(a_nul_ends_a_field);
	TEST(parses_content_types);
	TEST(parses_encodings);
	TEST(notes_each_error_once);
	TEST(bounds_depth_and_length);
	TEST(folds_and_nothing_else_become_line_ends);
	buf_done(&story);
	return test_end();
}
