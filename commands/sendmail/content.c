#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "commands/sendmail/content.h"
#include "mail/address.h"
#include "mail/header.h"
#include "util/mem.h"
#include "util/text.h"

enum { READ_SIZE = 64 * 1024 };	/* bytes */

struct input {
	struct buf	raw;
	size_t		pos;		/* of the next line in it */
	bool		at_end;
	int		error;		/* errno of a read that failed */
};

/* A line with its LF, or what comes before the end; n == 0 at the end. */
static struct str
next_line(struct input *in)
{
	struct str  line;
	const char *lf;
	size_t	    searched = in->pos;
	ssize_t	    n;

	while ((lf = memchr(in->raw.data + searched, '\n',
	    in->raw.len - searched)) == NULL && !in->at_end) {
		if (in->pos > 0) {
			buf_skip(&in->raw, in->pos);
			in->pos = 0;
		}
		searched = in->raw.len;
		do
			n = read(STDIN_FILENO, buf_room(&in->raw, READ_SIZE),
			    READ_SIZE);
		while (n < 0 && errno == EINTR);
		if (n < 0)
			in->error = errno;
		else
			buf_grow(&in->raw, (size_t)n);
		in->at_end = n <= 0;
	}
	line.p = in->raw.data + in->pos;
	line.n = lf == NULL ? in->raw.len - in->pos :
	    (size_t)(lf + 1 - line.p);
	in->pos += line.n;
	return line;
}

/* The lines that a mailbox puts in front of a message. */
static bool
is_from_line(struct str line)
{
	return (line.n > 5 && memcmp(line.p, "From ", 5) == 0) ||
	    (line.n > 6 && memcmp(line.p, ">From ", 6) == 0);
}

static bool
ends_in_crlf(struct str line)
{
	return line.n > 1 && line.p[line.n - 1] == '\n' &&
	    line.p[line.n - 2] == '\r';
}

/* Without its LF, and without the CRs before it if those are to go; the last
 * line may have none, and is then left as it is. */
static struct str
strip_end(struct str line, bool strip_cr)
{
	line.n--;
	while (strip_cr && line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

bool
content_read(struct buf *to, const char *fix, bool keep_dots)
{
	struct input in = { .raw = BUF_INIT };
	bool	     strip = text_eq_nocase(fix, "always");
	bool	     at_start = true, first = true, ended;
	struct str   line;

	while ((line = next_line(&in)).n > 0) {
		if (first && text_eq_nocase(fix, "strict"))
			strip = ends_in_crlf(line);
		first = false;
		if (at_start && is_from_line(line))
			continue;
		at_start = false;
		ended = line.p[line.n - 1] == '\n';
		if (ended)
			line = strip_end(line, strip);
		if (ended && !keep_dots && line.n == 1 && *line.p == '.')
			break;
		buf_add(to, line.p, line.n);
		if (ended)
			buf_add(to, "\r\n", 2);
	}
	buf_done(&in.raw);
	errno = in.error;
	return in.error == 0;
}

/* A field with its folded lines; n == 0 at the end of the header. */
static struct str
next_field(const char **at, const char *end)
{
	struct str  field = { *at, 0 };
	const char *p = *at, *lf;

	if (header_name_len(p, (size_t)(end - p)) == 0)
		return field;
	do {
		lf = memchr(p, '\n', (size_t)(end - p));
		p = lf == NULL ? end : lf + 1;
	} while (p < end && (*p == ' ' || *p == '\t'));
	field.n = (size_t)(p - *at);
	*at = p;
	return field;
}

static bool
has_address(struct str text)
{
	struct pool   pool = POOL_INIT;
	struct token *t = address_parse_header(&pool, text, SIZE_MAX);
	struct buf    address = BUF_INIT;
	bool	      found;

	for (; t != NULL && address.len == 0; t = t->next)
		if (t->type == TOKEN_ADDRESS)
			address_token_get(&address, t);
	found = address.len > 0;
	buf_done(&address);
	pool_done(&pool);
	return found;
}

bool
content_names_recipient(const struct buf *content)
{
	const char *at = content->data, *end = at + content->len;
	bool	    named[2] = { false, false }, resent = false;
	struct str  field;

	while ((field = next_field(&at, end)).n > 0) {
		size_t n = header_name_len(field.p, field.n);
		const char *colon = memchr(field.p, ':', field.n);
		const struct header_fact *fact =
		    header_find((struct str){ field.p, n });

		bool is_resent;

		if (fact == NULL || (fact->flags & HEADER_EXTRACT) == 0)
			continue;
		is_resent = (fact->flags & HEADER_IS_RESENT) != 0;
		resent = resent || is_resent;
		if (has_address((struct str){ colon + 1, field.n -
		    (size_t)(colon + 1 - field.p) }))
			named[is_resent] = true;
	}
	return named[resent];
}
