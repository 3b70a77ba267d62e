#include "local/address_list.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "util/buf.h"
#include "util/file.h"
#include "util/text.h"

/*
 * A list is read as the value of an address header is, so that what people
 * have written for decades means the same here:
 *
 *	list	= entry *(("," | ";") entry)
 *	entry	= *([phrase] "<" address ">") *address
 *		| [address ">"] *address	(the "<" was forgotten)
 *
 * but '|' is a special character too.  Words side by side are addresses of
 * their own, except before a ">".  "name: entry, entry;" is a group, whose
 * name is left out.
 */
enum { END = -1, COMMENT = '(', WORD = 'w' };

struct scan {
	struct target_list *list;
	struct pool	   *pool;
	const char	   *p;
	const char	   *group;	/* the next one's first entry, or NULL */
	bool		    never_closed; /* no '>' follows */
	bool		    full;
};

/* --- tokens */

static const char *
end_of_comment(const char *p)
{
	int depth = 0;

	for (; *p != '\0'; p++)
		if (*p == '\\' && p[1] != '\0')
			p++;
		else if (*p == '(')
			depth++;
		else if (*p == ')' && --depth == 0)
			return p + 1;
	return p;
}

static const char *
end_of_quoted(const char *p, char close)
{
	for (p++; *p != '\0'; p++)
		if (*p == '\\' && p[1] != '\0')
			p++;
		else if (*p == close)
			return p + 1;
	return p;
}

static const char *
end_of_atom(const char *p)
{
	for (; *p != '\0' && !isspace((unsigned char)*p) &&
	    strchr("()<>@,;:\".[|", *p) == NULL; p++)
		if (*p == '\\' && p[1] != '\0')
			p++;
	return p;
}

/* Its kind, which is a special character's own byte; *at is then behind it. */
static int
next_token(const char **at, struct str *ret)
{
	const char *p = *at;
	int	    kind;

	while (isspace((unsigned char)*p))
		p++;
	ret->p = p;
	kind = (unsigned char)*p;
	if (kind == '\0')
		kind = END;
	else if (kind == '(')
		p = end_of_comment(p);
	else if (kind == '"' || kind == '[')
		p = end_of_quoted(p, kind == '"' ? '"' : ']');
	else if (strchr(")<>@,;:.|", kind) != NULL)
		p++;
	else
		p = end_of_atom(p);
	ret->n = p - ret->p;
	*at = p;
	return kind == END || kind == COMMENT || (ret->n == 1 &&
	    strchr(")<>@,;:.|", kind) != NULL) ? kind : WORD;
}

/* The '>' that closes the '<' before p; NULL if there is none. */
static const char *
find_close(struct scan *s, const char *p)
{
	struct str t;
	int	   kind;

	if (s->never_closed)
		return NULL;
	while ((kind = next_token(&p, &t)) != END)
		if (kind == '>')
			return t.p;
	s->never_closed = true;
	return NULL;
}

/* Behind the last ':' before the next ';'; without that ';' there is no group
 * (":include:/some/file"). */
static const char *
find_group(struct scan *s, const char *p)
{
	const char *found = NULL, *close;
	struct str  t;
	int	    kind;

	while ((kind = next_token(&p, &t)) != END && kind != ';')
		if (kind == '<' && (close = find_close(s, p)) != NULL)
			p = close;
		else if (kind == ':')
			found = p;
	return kind == ';' ? found : NULL;
}

/* --- members */

static void
add_dequoted(struct buf *out, struct str text)
{
	bool literal = text.p[0] == '[';

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '"' && !literal)
			continue;
		if (text.p[i] == '\\' && i + 1 < text.n && !literal)
			i++;
		buf_addc(out, text.p[i]);
	}
}

static struct target
target_of(struct pool *pool, const char *s)
{
	enum target_kind kind = TARGET_ADDRESS;

	if (*s == '|') {
		kind = TARGET_COMMAND;
		s++;
	} else if (*s == '/' || *s == '~') {
		kind = TARGET_FILE;
	} else if (text_starts_nocase(s, ":include:")) {
		kind = TARGET_INCLUDE;
		s += sizeof ":include:" - 1;
	} else if (*s == '\\') {
		s++;
	}
	return (struct target){ kind, pool_strdup(pool, s) };
}

static void
add(struct scan *s, const char *text)
{
	struct target_list *l = s->list;
	struct target	   *more;

	if (l->count == TARGET_LIST_MAX) {
		s->full = true;
		return;
	}
	if (l->count == l->size) {
		l->size = l->size == 0 ? 16 : l->size * 2;
		more = pool_alloc(s->pool, l->size * sizeof *more);
		if (l->count > 0)
			memcpy(more, l->items, l->count * sizeof *more);
		l->items = more;
	}
	l->items[l->count++] = target_of(s->pool, text);
}

/* What stands up to `end`: as one address, or as words that are each one. */
static void
add_addresses(struct scan *s, const char *end, bool one)
{
	struct buf text = BUF_INIT;
	struct str t;
	int	   kind, last = END;

	while (s->p < end && (kind = next_token(&s->p, &t)) != END &&
	    t.p < end) {
		if (kind == COMMENT)
			continue;
		if (!one && kind == WORD && last == WORD) {
			add(s, text.data);
			buf_clear(&text);
		}
		if (kind == WORD)
			add_dequoted(&text, t);
		else
			buf_addc(&text, kind);
		last = kind;
	}
	if (last != END)
		add(s, text.data);
	buf_done(&text);
	s->p = end;
}

/* --- entries */

/* What ends at a separator, or behind a "<...>". */
static void
take_entry(struct scan *s)
{
	const char *p = s->p, *close, *open_lost = NULL;
	struct str  t;
	int	    kind;

	for (;;) {
		kind = next_token(&p, &t);
		if (kind == END || kind == ',' || kind == ';')
			break;
		if (kind == '<' && (close = find_close(s, p)) != NULL) {
			s->p = p;
			add_addresses(s, close, true);
			s->p = close + 1;
			return;
		}
		if (kind == '>')
			open_lost = t.p;
		else if (kind == ':' && p == s->group) {
			s->p = p;
			return;
		}
	}
	if (open_lost != NULL) {
		add_addresses(s, open_lost, true);
		s->p = open_lost + 1;
	}
	add_addresses(s, t.p, false);
	s->p = p;
	if (kind == ';')
		s->group = find_group(s, p);
}

bool
target_list_parse(struct target_list *l, struct pool *pool, const char *text)
{
	struct scan s = { .list = l, .pool = pool, .p = text };

	s.group = find_group(&s, text);
	while (*s.p != '\0' && !s.full)
		take_entry(&s);
	return !s.full;
}

bool
target_list_read(struct target_list *l, struct pool *pool, int fd,
    size_t max_bytes)
{
	struct buf	 file = BUF_INIT, logical = BUF_INIT;
	char		*p, *line;
	bool		 ok = true;

	if (!file_read_fd(fd, max_bytes, &file)) {
		buf_done(&file);
		return false;
	}
	for (p = file.data; ok && (line = strsep(&p, "\n")) != NULL;) {
		if (*line == '#')
			continue;
		if (!isspace((unsigned char)*line) && logical.len > 0) {
			ok = target_list_parse(l, pool, logical.data);
			buf_clear(&logical);
		}
		buf_adds(&logical, line);
		buf_addc(&logical, ' ');
	}
	if (ok)
		ok = target_list_parse(l, pool, logical.data);
	if (!ok)
		errno = E2BIG;
	buf_done(&file);
	buf_done(&logical);
	return ok;
}
