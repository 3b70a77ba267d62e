/*
 * The loop runs once a line, not once a byte: memchr() finds the LF, and a
 * "run" of lines that need no change is handed on in one piece.
 */

#include <string.h>

#include "mail/content.h"

void
content_init(struct content *c, bool dots, bool strict, content_fn *put,
    void *arg)
{
	*c = (struct content){
		.dots = dots, .strict = strict, .after_crlf = true,
		.put = put, .arg = arg,
	};
}

static void
put(struct content *c, const char *from, const char *to)
{
	if (to > from)
		c->put(c->arg, from, (size_t)(to - from));
}

static void
put_crs(struct content *c, size_t n)
{
	static const char crs[] = "\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r\r";

	for (size_t part; n > 0; n -= part) {
		part = n < sizeof crs - 1 ? n : sizeof crs - 1;
		c->put(c->arg, crs, part);
	}
}

/* The line's end, `crs` CRs and a LF, when it is not the plain CRLF. */
static void
put_newline(struct content *c, size_t crs)
{
	if (c->strict && crs > 1)
		put_crs(c, crs - 1);
	c->put(c->arg, "\r\n", 2);
	if (crs == 0)
		c->got_bare_lf = true;
	c->after_crlf = crs > 0;
	c->state = CONTENT_START;
}

/* A line that is a dot, `held_cr` CRs and a LF.  True: the end. */
static bool
lone_dot(struct content *c)
{
	size_t crs = c->held_cr;

	c->held_cr = 0;
	if (!c->strict || (crs == 1 && c->after_crlf))
		return true;
	if (crs == 0)
		c->got_bare_lf = true;
	if (crs > 1) {
		put_newline(c, crs);
		return false;
	}
	c->after_crlf = crs > 0;
	c->state = CONTENT_START;
	return false;
}

/*
 * From within a line to behind its LF, or to `end`.  *run is where the bytes
 * begin that were not handed on yet.
 */
static const char *
rest_of_line(struct content *c, const char *p, const char *end,
    const char **run)
{
	const char *lf = memchr(p, '\n', (size_t)(end - p));
	const char *eol = lf != NULL ? lf : end;
	size_t	    crs = 0;

	while (eol > p && eol[-1] == '\r') {
		eol--;
		crs++;
	}
	if (lf != NULL && crs == 1) {
		c->after_crlf = true;
		c->state = CONTENT_START;
		return lf + 1;
	}
	put(c, *run, eol);
	if (lf != NULL) {
		put_newline(c, crs);
		return *run = lf + 1;
	}
	c->held_cr = crs;
	c->state = crs > 0 ? CONTENT_CR : CONTENT_LINE;
	return *run = end;
}

/* The states that hold something back; consumes a byte at most. */
static const char *
held_state(struct content *c, const char *p, bool *ret_end)
{
	if (*p == '\r') {
		c->held_cr++;
		if (c->state == CONTENT_DOT)
			c->state = CONTENT_DOT_CR;
		return p + 1;
	}
	if (*p == '\n') {
		if (c->state == CONTENT_CR) {
			put_newline(c, c->held_cr);
			c->held_cr = 0;
		} else {
			*ret_end = lone_dot(c);
		}
		return p + 1;
	}
	put_crs(c, c->held_cr);		/* and a stuffed dot is dropped */
	c->held_cr = 0;
	c->state = CONTENT_LINE;
	return p;
}

size_t
content_feed(struct content *c, const char *bytes, size_t len, bool *ret_end)
{
	const char *p = bytes, *end = bytes + len;
	const char *run = p;

	*ret_end = false;
	while (p < end && !*ret_end) {
		if (c->state == CONTENT_START && c->dots && *p == '.') {
			put(c, run, p);
			c->state = CONTENT_DOT;
			run = ++p;
		} else if (c->state <= CONTENT_LINE) {
			p = rest_of_line(c, p, end, &run);
		} else {
			run = p = held_state(c, p, ret_end);
		}
	}
	put(c, run, p);
	return (size_t)(p - bytes);
}

void
content_finish(struct content *c)
{
	if (c->state == CONTENT_START)
		return;
	put_crs(c, c->strict && c->held_cr > 0 ? c->held_cr - 1 : 0);
	c->held_cr = 0;
	c->put(c->arg, "\r\n", 2);
	c->state = CONTENT_START;
}
