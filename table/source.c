#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "table/table.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

enum {
	CHUNK = 64 * 1024,		/* bytes read at once */
	SHOWN = 1000,			/* bytes of a line in a warning */
	LINE_LIMIT = 16 * 1024 * 1024,	/* bytes of a logical line */
};

struct table_source {
	char		*name;
	int		 fd;		/* -1: all is in `in` */
	bool		 close_fd;
	bool		 at_end;
	bool		 utf8;		/* lines of other bytes are left out */
	struct buf	 in;
	size_t		 at;		/* of the next physical line in `in` */
	int		 line;		/* physical lines taken */
	struct buf	 error;
};

static struct table_source *
make(int fd, const char *name)
{
	struct table_source *s = NEW(struct table_source);

	s->name = mem_strdup(name);
	s->fd = fd;
	s->in = s->error = (struct buf)BUF_INIT;
	return s;
}

struct table_source *
table_source_open(const char *path, const char **ret_why)
{
	struct table_source *s;
	int		     fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0) {
		*ret_why = strerror(errno);
		return NULL;
	}
	s = make(fd, path);
	s->close_fd = true;
	return s;
}

struct table_source *
table_source_fd(int fd, const char *name)
{
	return make(fd, name);
}

struct table_source *
table_source_text(const char *text, size_t len, const char *name)
{
	struct table_source *s = make(-1, name);

	buf_add(&s->in, text, len);
	s->at_end = true;
	return s;
}

const char *
table_source_error(const struct table_source *s)
{
	return s->error.len > 0 ? s->error.data : NULL;
}

int
table_source_fileno(const struct table_source *s)
{
	return s->fd;
}

void
table_source_close(struct table_source *s)
{
	if (s == NULL)
		return;
	if (s->close_fd)
		close(s->fd);
	buf_done(&s->in);
	buf_done(&s->error);
	mem_free(s->name);
	mem_free(s);
}

static void
fill(struct table_source *s)
{
	ssize_t n;

	if (s->at > 0) {
		buf_skip(&s->in, s->at);
		s->at = 0;
	}
	do
		n = read(s->fd, buf_room(&s->in, CHUNK), CHUNK);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		buf_grow(&s->in, (size_t)n);
		return;
	}
	s->at_end = true;
	if (n < 0)
		buf_addf(&s->error, "read %s: %s", s->name, strerror(errno));
}

/* The next physical line is in[at .. at + *ret_len); false at the end. */
static bool
peek_line(struct table_source *s, size_t *ret_len, size_t *ret_next)
{
	size_t	    seen = 0;
	const char *nl;

	for (;;) {
		size_t have = s->in.len - s->at;

		nl = memchr(s->in.data + s->at + seen, '\n', have - seen);
		if (nl != NULL) {
			*ret_len = (size_t)(nl - (s->in.data + s->at));
			*ret_next = *ret_len + 1;
			return true;
		}
		seen = have;
		if (s->at_end || have > LINE_LIMIT)
			break;
		fill(s);
	}
	*ret_len = *ret_next = seen;
	return seen > 0;
}

static bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* White space only, or a comment: also between continuation lines. */
static bool
is_empty(const char *p, size_t len)
{
	while (len > 0 && is_space(*p))
		p++, len--;
	return len == 0 || *p == '#';
}

/* Lines that continue nothing, as one: what they say is lost. */
static void
warn_indented(const struct table_source *s, const struct buf *line)
{
	log_warn("%s: logical line must not start with whitespace: \"%.30s\"",
	    s->name, line->data);
}

/* False at the end.  Lines are text, so one ends at a NUL, as it always
 * did. */
static bool
next_line(struct table_source *s, struct buf *line, int *ret_line)
{
	size_t len, next;

	buf_clear(line);
	while (peek_line(s, &len, &next)) {
		const char *p = s->in.data + s->at;
		bool	    empty = is_empty(p, len);

		if (!empty && line->len > 0 && !is_space(*p))
			break;
		s->line++;
		s->at += next;
		if (empty)
			continue;
		if (line->len == 0)
			*ret_line = s->line;
		buf_add(line, p, len);
		if (line->len > LINE_LIMIT)
			break;
	}
	if (line->len == 0)
		return false;
	buf_cut(line, strlen(line->data));
	while (line->len > 0 && is_space(line->data[line->len - 1]))
		buf_cut(line, line->len - 1);
	return true;
}

void
table_source_set_utf8(struct table_source *s)
{
	s->utf8 = true;
}

static bool
is_good(const struct table_source *s, const struct buf *line, int number)
{
	struct buf shown = BUF_INIT;

	if (!s->utf8 || text_is_utf8(line->data, line->len))
		return true;
	text_printable(&shown, line->data, line->len, false);
	log_warn("%s, line %d: non-UTF-8 input \"%.*s\" -- ignoring this line",
	    s->name, number, SHOWN, shown.data);
	buf_done(&shown);
	return false;
}

bool
table_source_next(struct table_source *s, struct buf *line, int *ret_line)
{
	while (next_line(s, line, ret_line))
		if (is_space(line->data[0]))
			warn_indented(s, line);
		else if (is_good(s, line, *ret_line))
			return true;
	return false;
}

/* The end of the first word; white space within double quotes belongs to
 * it, and a backslash hides the next byte.  NULL: a quote is missing. */
static char *
word_end(char *p)
{
	bool quoted = false;

	for (; *p != '\0'; p++) {
		if (*p == '"')
			quoted = !quoted;
		else if (*p == '\\' && p[1] != '\0')
			p++;
		else if (!quoted && is_space(*p))
			break;
	}
	return quoted ? NULL : p;
}

const char *
table_source_split(char *line, char **ret_key, char **ret_value)
{
	static struct buf why = BUF_INIT;
	char		 *key = text_trim(line), *end = word_end(key);

	buf_clear(&why);
	if (end == NULL) {
		buf_addf(&why, "unbalanced '\"' in '%.*s'", SHOWN, key);
		return why.data;
	}
	*ret_key = key;
	if (*end != '\0') {
		*end++ = '\0';
		while (is_space(*end))
			end++;
	}
	*ret_value = end;
	return *key != '\0' && *end != '\0' ? NULL :
	    "expected format: key whitespace value";
}
