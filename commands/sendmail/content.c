#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "commands/sendmail/content.h"
#include "mail/header_rcpt.h"
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

bool
content_names_recipient(const struct buf *content)
{
	struct pool  pool = POOL_INIT;
	const char **names;
	size_t	     count = header_recipients(&pool, (struct str){
			content->data, content->len }, &names);

	pool_done(&pool);
	return count > 0;
}
