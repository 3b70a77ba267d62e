/*
 * Messages of any structure: what is handed over is the message again, a
 * second time without any change, and quoted-printable lines are short.
 */

#include <assert.h>
#include <string.h>

#include "mail/mime.h"
#include "tests/fuzz/fuzz.h"
#include "util/mem.h"

const char *const fuzz_words[] = {
	"\r\n", "\r\n\r\n", "\n", "\r", ":", " :", " ", "\t", ";", "=", "\"",
	"\\", "(", ")", "--", "--b\r\n", "--b--\r\n", "--c\r\n", "--c--",
	"Content-Type: ", "multipart/mixed", "multipart/digest",
	"message/rfc822", "message/partial", "text/plain", "; boundary=b",
	"; boundary=\"c\"", "Content-Transfer-Encoding: ", "8bit\r\n",
	"binary\r\n", "base64\r\n", "quoted-printable\r\n", "\303\274", "\351",
	"Subject: s\r\n", "body\r\n", "a b \r\n", NULL,
};

#define MULTIPART "Content-Type: multipart/mixed; boundary=\"b\"\r\n"
#define E8 "Content-Transfer-Encoding: 8bit\r\n"

const struct fuzz_seed fuzz_seeds[] = {
	FUZZ_SEED("Subject: s\r\n" E8 "\r\nGr\303\274\303\237e = x \r\n"),
	FUZZ_SEED(MULTIPART E8 "\r\npre\r\n--b\r\n" E8 "\r\n\351\r\n--b--\r\n"),
	FUZZ_SEED(MULTIPART "\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
	    "Subject: i\r\nContent-Type: multipart/digest; boundary=c\r\n\r\n"
	    "--c\r\n\r\nSubject: j\r\n" E8 "\r\n\351\r\n--c--\r\n--b--\r\n"),
	FUZZ_SEED("Content-Type: message/rfc822\r\n\r\nSubject : n\r\n\r\nb"),
	{ 0 },
};

static void
on_field(void *arg, struct mime_field *f)
{
	assert(f->text->len > f->name_len &&
	    f->text->data[f->name_len] == ':');
	mime_add_lines(arg, (struct str){ f->text->data, f->text->len });
}

static void
on_header_end(void *arg, enum mime_header where, enum mime_header_end how)
{
	(void)where;
	if (how == MIME_EMPTY_LINE)
		buf_adds(arg, "\r\n");
}

static void
on_body(void *arg, struct str record, bool ends_line, size_t offset)
{
	(void)offset;
	buf_add(arg, record.p, record.n);
	if (ends_line)
		buf_adds(arg, "\r\n");
}

static void
on_error(void *arg, enum mime_error e, struct str where)
{
	(void)arg;
	assert(where.n <= 100 && *mime_error_text(e) != 'u');
}

static const struct mime_handler handler = {
	on_field, on_header_end, on_body, on_error,
};

/* Lines end in CRLF; longer ones than `record` bytes come in pieces. */
static unsigned
pass(struct buf *out, struct str in, size_t record,
    const struct mime_rules *rules)
{
	struct mime *m = mime_new(rules, &handler, out);
	const char  *p = in.p, *end = p + in.n;
	unsigned     errors;

	while (p < end) {
		const char *lf = memmem(p, (size_t)(end - p), "\r\n", 2);
		size_t	    n = (size_t)((lf != NULL ? lf : end) - p);
		bool	    ends = lf != NULL && n <= record;

		if (n > record)
			n = record;
		mime_record(m, p, n, ends);
		p += n + (ends ? 2 : 0);
	}
	mime_end(m);
	errors = mime_errors(m);
	mime_free(m);
	return errors;
}

/* A bare LF before white space is taken for a folded line. */
static size_t
count_lf(struct str in)
{
	size_t n = 0;

	for (size_t i = 0; i < in.n; i++)
		n += in.p[i] == '\n';
	return n;
}

static void
check_twice(struct str in, unsigned options, size_t record)
{
	struct mime_rules rules = { options, 1 << 20, 70, 3 };
	struct buf	  once = BUF_INIT, twice = BUF_INIT;

	pass(&once, in, record, &rules);
	pass(&twice, (struct str){ once.data, once.len }, record, &rules);
	assert(once.len == twice.len &&
	    memcmp(once.data, twice.data, once.len) == 0);
	if ((options & MIME_TO_7BIT) == 0)
		assert(once.len <= in.n + 2 + count_lf(in));
	buf_done(&once);
	buf_done(&twice);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const struct mime_rules tight = { MIME_FIND_8BIT, 20, 1, 1 };
	struct str in = { (const char *)bytes, len };
	struct buf out = BUF_INIT;

	check_twice(in, 0, 2048);
	check_twice(in, MIME_FIND_8BIT, 64);
	check_twice(in, MIME_NO_STRUCTURE, 64);
	pass(&out, in, 10, &tight);
	buf_clear(&out);
	pass(&out, in, 2048, &(struct mime_rules){ MIME_TO_7BIT, 1 << 20, 70,
	    100 });
	buf_done(&out);
	return 0;
}
