#include "commands/postmap/message.h"

#include <stdlib.h>
#include <string.h>

#include "util/buf.h"
#include "util/mem.h"
#include "util/text.h"

enum { DEPTH_MAX = 100 };	/* of parts in parts, mime_nesting_limit */

/* What the headers being read say of the body below them. */
enum content { CONTENT_OTHER, CONTENT_MESSAGE, CONTENT_PARTS };

struct cutter {
	bool		 mime;
	message_key_fn	*header, *body;
	void		*arg;
	bool		 in_headers;
	bool		 below;		/* the message's own headers are over */
	struct buf	 one;		/* a header, while its lines come */
	enum content	 content;
	char		*boundary;	/* of CONTENT_PARTS */
	bool		 digest;	/* its parts are messages if they do
					   not say */
	struct {
		char	*boundary;
		bool	 digest;
	} open[DEPTH_MAX];
	int		 depth;
};

/* --- Content-Type (RFC 2045 5.1) */

static const char *
skip_space(const char *p)
{
	int depth = 0;

	for (; *p != '\0'; p++) {
		if (*p == '(')
			depth++;
		else if (*p == ')' && depth > 0)
			depth--;
		else if (*p == '\\' && depth > 0 && p[1] != '\0')
			p++;
		else if (depth == 0 && strchr(" \t\r\n", *p) == NULL)
			break;
	}
	return p;
}

/* A token or quoted string; returns what follows. */
static const char *
take_word(const char *p, struct buf *ret)
{
	bool quoted;

	buf_clear(ret);
	p = skip_space(p);
	quoted = *p == '"';
	if (quoted)
		p++;
	while (*p != '\0' && (quoted ? *p != '"' :
	    strchr(" \t\r\n;=\"(", *p) == NULL)) {
		if (quoted && *p == '\\' && p[1] != '\0')
			p++;
		buf_addc(ret, *p++);
	}
	if (quoted && *p == '"')
		p++;
	return skip_space(p);
}

static void
take_boundary(struct cutter *c, const char *p)
{
	struct buf name = BUF_INIT, value = BUF_INIT;

	while (*p == ';') {
		p = take_word(p + 1, &name);
		buf_clear(&value);
		if (*p == '=')
			p = take_word(p + 1, &value);
		if (text_eq_nocase(name.data, "boundary")) {
			mem_free(c->boundary);
			c->boundary = mem_strdup(value.data);
		}
		while (*p != '\0' && *p != ';')
			p++;
	}
	buf_done(&name);
	buf_done(&value);
}

static void
read_content_type(struct cutter *c, const char *header)
{
	static const char name[] = "Content-Type";
	struct buf	  type = BUF_INIT;
	const char	 *p;

	if (!text_starts_nocase(header, name))
		return;
	p = header + sizeof name - 1;
	p += strspn(p, " \t");
	if (*p != ':')
		return;
	p = take_word(p + 1, &type);
	c->content = CONTENT_OTHER;
	if (text_starts_nocase(type.data, "multipart/"))
		c->content = CONTENT_PARTS;
	else if (text_eq_nocase(type.data, "message/rfc822") ||
	    text_eq_nocase(type.data, "message/global"))
		c->content = CONTENT_MESSAGE;
	c->digest = text_eq_nocase(type.data, "multipart/digest");
	if (c->content == CONTENT_PARTS)
		take_boundary(c, p);
	buf_done(&type);
}

/* --- lines */

static void
end_header(struct cutter *c)
{
	if (c->one.len == 0)
		return;
	if (c->mime)
		read_content_type(c, c->one.data);
	if (c->header != NULL)
		c->header(c->arg, c->one.data);
	buf_clear(&c->one);
}

static void
begin_headers(struct cutter *c, bool in_digest)
{
	c->in_headers = true;
	c->content = in_digest ? CONTENT_MESSAGE : CONTENT_OTHER;
	mem_free(c->boundary);
	c->boundary = NULL;
}

static void
end_headers(struct cutter *c, bool blank)
{
	end_header(c);
	c->in_headers = false;
	if (c->content == CONTENT_MESSAGE && blank) {
		begin_headers(c, false);
	} else if (c->content == CONTENT_PARTS && c->boundary != NULL &&
	    c->depth < DEPTH_MAX) {
		c->open[c->depth].boundary = c->boundary;
		c->open[c->depth++].digest = c->digest;
		c->boundary = NULL;
	}
}

/* A delimiter ends all parts within its own.  What follows the boundary is not
 * looked at, as Postfix does not: better a part too many than one unseen. */
static void
look_for_boundary(struct cutter *c, const char *line)
{
	const char *rest;
	size_t	    len;

	if (line[0] != '-' || line[1] != '-')
		return;
	for (int i = c->depth - 1; i >= 0; i--) {
		len = strlen(c->open[i].boundary);
		if (strncmp(line + 2, c->open[i].boundary, len) != 0)
			continue;
		rest = line + 2 + len;
		while (c->depth > i + 1)
			mem_free(c->open[--c->depth].boundary);
		if (text_starts(rest, "--"))
			mem_free(c->open[--c->depth].boundary);
		else
			begin_headers(c, c->open[i].digest);
		return;
	}
}

/* "name:" at the start of a line. */
static bool
is_header(const char *line)
{
	size_t n = 0;

	while (line[n] > ' ' && line[n] < 127 && line[n] != ':')
		n++;
	return n > 0 && line[n + strspn(line + n, " \t")] == ':';
}

static void
take_line(struct cutter *c, const char *line)
{
	if (c->in_headers) {
		if (c->one.len > 0 && (*line == ' ' || *line == '\t')) {
			buf_addf(&c->one, "\n%s", line);
			return;
		}
		end_header(c);
		if (is_header(line)) {
			buf_adds(&c->one, line);
			return;
		}
		/* As where mail comes in, a missing empty line is put in. */
		if (*line != '\0' && !c->below && c->body != NULL)
			c->body(c->arg, "");
		end_headers(c, *line == '\0');
		c->below = true;
	}
	if (c->body != NULL)
		c->body(c->arg, line);
	look_for_boundary(c, line);
}

void
message_cut(FILE *in, bool mime, message_key_fn *header, message_key_fn *body,
    void *arg)
{
	struct cutter c = {
		.mime = mime, .header = header, .body = body, .arg = arg,
		.in_headers = true, .one = BUF_INIT,
	};
	char	     *line = NULL;
	size_t	      size = 0;
	ssize_t	      n;

	while ((n = getline(&line, &size, in)) > 0) {
		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		take_line(&c, line);
	}
	end_header(&c);
	free(line);
	while (c.depth > 0)
		mem_free(c.open[--c.depth].boundary);
	mem_free(c.boundary);
	buf_done(&c.one);
}
