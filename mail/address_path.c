#include <string.h>

#include "mail/address.h"

/*
 * The paths of MAIL FROM and RCPT TO (RFC 5321 4.1.2), with what old and
 * careless clients add and Postfix takes: spaces inside of <>, comments, no
 * <> at all, a comma at an end, more than one '>'.  White space and comments
 * are dropped; two words side by side are never joined to one, so that what
 * is checked is what will be delivered to.
 */
struct path {
	const char	*p, *end;
	struct buf	*out;
	size_t		 start;		/* of ours in `out` */
	bool		 after_word;
	bool		 strict;
	const char	*why;
};

static bool
is_space(char c)
{
	return c == ' ' || c == '\t';
}

/*
 * Where the path ends: at white space outside of <>, quotes and comments.
 * NULL: something was not closed.
 */
static const char *
path_end(const char *p)
{
	bool quoted = false;
	int  angles = 0, comments = 0;

	for (; *p != '\0'; p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		else if (*p == '"' && comments == 0)
			quoted = !quoted;
		else if (quoted)
			continue;
		else if (*p == '(')
			comments++;
		else if (*p == ')' && comments > 0)
			comments--;
		else if (comments > 0)
			continue;
		else if (*p == '<')
			angles++;
		else if (*p == '>' && angles > 0)
			angles--;
		else if (is_space(*p) && angles == 0)
			break;
	}
	return quoted || comments > 0 || angles > 0 ? NULL : p;
}

static void
skip_comment(struct path *s)
{
	int depth = 0;

	do {
		if (*s->p == '(')
			depth++;
		else if (*s->p == ')')
			depth--;
		else if (*s->p == '\\' && s->p + 1 < s->end)
			s->p++;
		s->p++;
	} while (depth > 0 && s->p < s->end);
}

/* A word may follow a '.', '@' or ':', or begin the path. */
static void
begin_word(struct path *s)
{
	if (s->after_word)
		s->why = "two words without a dot between them";
	s->after_word = true;
}

static void
take_quoted(struct path *s)
{
	begin_word(s);
	for (s->p++; s->p < s->end && *s->p != '"'; s->p++) {
		if (*s->p == '\\' && s->p + 1 < s->end)
			s->p++;
		buf_addc(s->out, *s->p);
	}
	s->p++;
}

static void
take_literal(struct path *s)
{
	begin_word(s);
	while (s->p < s->end && *s->p != ']')
		buf_addc(s->out, *s->p++);
	buf_addc(s->out, ']');
	if (s->p < s->end)
		s->p++;
}

static void
take_atom(struct path *s)
{
	begin_word(s);
	while (s->p < s->end && strchr(" \t()<>[]:;@,\".", *s->p) == NULL) {
		if (*s->p == '\\' && s->p + 1 < s->end)
			s->p++;
		buf_addc(s->out, *s->p++);
	}
}

static void
take_special(struct path *s)
{
	buf_addc(s->out, *s->p++);
	s->after_word = false;
}

/* Only spaces and the same kind of byte between here and the end. */
static bool
is_last(const struct path *s)
{
	for (const char *p = s->p; p < s->end; p++)
		if (!is_space(*p) && *p != ',' && *p != ';')
			return false;
	return true;
}

static void
skip_separator(struct path *s)
{
	if (s->strict || (s->out->len > s->start && !is_last(s)))
		s->why = "more than one address";
	s->p++;
}

/* "@a,@b:user@c": RFC 5321 appendix C lets us ignore the route. */
static void
skip_route(struct path *s)
{
	const char *colon;

	if (s->p == s->end || *s->p != '@')
		return;
	colon = memchr(s->p, ':', (size_t)(s->end - s->p));
	if (colon != NULL && memchr(s->p, '"', (size_t)(colon - s->p)) == NULL)
		s->p = colon + 1;
}

static void
parse_inside(struct path *s)
{
	while (s->p < s->end && (is_space(*s->p) || *s->p == ',' ) )
		s->p++;
	skip_route(s);
	while (s->p < s->end && s->why == NULL)
		switch (*s->p) {
		case ' ':
		case '\t':
			s->p++;
			break;
		case '(':
			if (s->strict)
				s->why = "comment in an address";
			skip_comment(s);
			break;
		case '"':
			take_quoted(s);
			break;
		case '[':
			take_literal(s);
			break;
		case '<':
		case '>':
		case ')':
		case ']':
			s->why = "unbalanced bracket";
			break;
		case ',':
		case ';':
			skip_separator(s);
			break;
		case '.':
		case '@':
		case ':':
			take_special(s);
			break;
		default:
			take_atom(s);
		}
}

/* Behind the '>' that belongs to the '<' at the beginning. */
static const char *
path_angle_end(const struct path *s)
{
	bool	    quoted = false;
	int	    angles = 0;
	const char *p = s->p;

	for (; p < s->end; p++) {
		if (*p == '\\' && p + 1 < s->end)
			p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (!quoted && *p == '<')
			angles++;
		else if (!quoted && *p == '>' && --angles == 0)
			return p + 1;
	}
	return s->end;
}

/*
 * "(comment)<path>(comment)": comments outside.  They are balanced, or
 * path_end() would not have found an end.
 */
static void
strip_comments(struct path *s)
{
	const char *open = s->p, *start, *shut;

	while (s->p < s->end && *s->p == '(')
		skip_comment(s);
	if (s->p == s->end || *s->p != '<') {
		s->p = open;
		return;
	}
	start = s->p;
	s->p = shut = path_angle_end(s);
	while (s->p < s->end && *s->p == '(')
		skip_comment(s);
	if (s->p == s->end)
		s->end = shut;
	s->p = start;
}

/* Takes off "<" and ">".  False: they are not where they should be. */
static bool
strip_brackets(struct path *s)
{
	bool bracket;

	if (!s->strict)
		strip_comments(s);
	bracket = s->p < s->end && *s->p == '<';
	if (s->strict && (!bracket || s->end[-1] != '>'))
		return false;
	if (bracket && s->end[-1] != '>')
		return false;
	while (s->p < s->end && *s->p == '<')
		s->p++;
	while (s->p < s->end && s->end[-1] == '>' &&
	    (s->end - s->p < 2 || s->end[-2] != '\\'))
		s->end--;
	return true;
}

bool
address_parse_path(struct buf *internal, const char *text,
    const char **ret_rest, bool strict, const char **ret_why)
{
	struct path s = { .out = internal, .start = internal->len,
	    .strict = strict };

	while (is_space(*text))
		text++;
	s.p = text;
	if ((s.end = path_end(text)) == NULL || s.end == text)
		s.why = "unbalanced quote or bracket";
	else {
		*ret_rest = s.end;
		if (!strip_brackets(&s))
			s.why = "not in <>";
		else
			parse_inside(&s);
		if (strict && internal->data[s.start] == '@')
			s.why = "nothing before the '@'";
	}
	if (s.why == NULL)
		return true;
	buf_cut(internal, s.start);
	*ret_why = s.why;
	return false;
}
