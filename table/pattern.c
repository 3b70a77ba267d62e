/*
 * The rules:
 *
 *	rule	= head ["!" head] [white-space text]
 *		| "if" [white-space] head
 *		| "endif"
 *	head	= ["!"...] DELIM pattern DELIM options
 *
 * The second head is of old, and regexp: has it alone: /this/!/but not this/.
 * A rule that can't be understood is left out with a warning; the others go
 * on working.
 */
#include "table/pattern.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "table/rhs_file.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

enum rule_kind { RULE_MATCH, RULE_IF, RULE_ENDIF };

/* A part of the text: literal bytes, or the group to put there. */
struct piece {
	char	*literal;
	size_t	 len;
	int	 group;			/* 0: literal */
};

struct rule {
	enum rule_kind	 kind;
	bool		 negated;
	int		 line;
	size_t		 next;		/* RULE_IF: where to go on if it does
					   not match */
	void		*compiled;
	void		*second;	/* or NULL: it must be right as well */
	bool		 second_negated;
	int		 max_group;
	struct piece	*pieces;
	size_t		 piece_count;
};

struct pattern_table {
	const struct pattern_engine *engine;
	struct rule	*rules;
	size_t		 count, size;
	size_t		*open;		/* stack of IFs without ENDIF */
	size_t		 depth;
};

/* The head of a rule as text. */
struct head {
	char		*pattern;
	unsigned	 options;
	bool		 negated;
	bool		 has_second;	/* which begins at `rest` */
	char		*rest;
};

static void warn(const struct table *, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void
warn(const struct table *t, int line, const char *fmt, ...)
{
	struct pattern_table *p = t->state;
	struct buf	      text = BUF_INIT;
	va_list		      ap;

	va_start(ap, fmt);
	buf_addv(&text, fmt, ap);
	va_end(ap);
	log_warn("%s map %s, line %d: %s", p->engine->type, t->name, line,
	    text.data);
	buf_done(&text);
}

static void
free_rule(const struct pattern_table *p, struct rule *r)
{
	for (size_t i = 0; i < r->piece_count; i++)
		mem_free(r->pieces[i].literal);
	mem_free(r->pieces);
	if (r->compiled != NULL)
		p->engine->free(r->compiled);
	if (r->second != NULL)
		p->engine->free(r->second);
}

bool
pattern_close(struct table *t, bool publish)
{
	struct pattern_table *p = t->state;

	(void)publish;
	for (size_t i = 0; i < p->count; i++)
		free_rule(p, &p->rules[i]);
	mem_free(p->rules);
	mem_free(p->open);
	mem_free(p);
	return true;
}

static void
add_rule(struct pattern_table *p, const struct rule *r)
{
	if (p->count == p->size) {
		p->size = p->size == 0 ? 64 : p->size * 2;
		p->rules = mem_realloc(p->rules, p->size * sizeof *p->rules);
		p->open = mem_realloc(p->open, p->size * sizeof *p->open);
	}
	p->rules[p->count++] = *r;
}

/* --- parsing */

static char *
skip_space(char *p)
{
	while (*p == ' ' || (*p >= '\t' && *p <= '\r'))
		p++;
	return p;
}

static bool
take_options(const struct table *t, int line, char **p, unsigned *ret)
{
	struct pattern_table *table = t->state;
	unsigned	      options = 0;

	for (; **p != '\0' && !isspace((unsigned char)**p); ++*p) {
		int bit = table->engine->option(**p);

		if (**p == '!' && table->engine->has_second)
			break;
		if (bit == 0) {
			warn(t, line, "unknown regexp option \"%c\": skipping "
			    "this rule", **p);
			return false;
		}
		if (bit < 0)
			warn(t, line, "ignoring obsolete regexp option "
			    "\"%c\"", **p);
		else
			options ^= (unsigned)bit;
	}
	*ret = options;
	return true;
}

/* Splits !/pattern/options in place; false after a warning. */
static bool
take_head(const struct table *t, int line, char *p, struct head *h)
{
	const struct pattern_table *table = t->state;
	char			    delimiter;

	h->negated = false;
	for (p = skip_space(p); *p == '!'; p = skip_space(p + 1))
		h->negated = !h->negated;
	if (*p == '\0') {
		warn(t, line, "no regexp: skipping this rule");
		return false;
	}
	delimiter = *p++;
	h->pattern = p;
	while (*p != '\0' && (*p != delimiter || *p == '\\'))
		p += *p == '\\' && p[1] != '\0' ? 2 : 1;
	if (*p == '\0') {
		warn(t, line, "no closing regexp delimiter \"%c\": %s this "
		    "rule", delimiter, table->engine->without_delimiter);
		return false;
	}
	*p++ = '\0';
	if (!take_options(t, line, &p, &h->options))
		return false;
	h->has_second = *p == '!';
	h->rest = skip_space(p);
	return true;
}

static void
add_piece(struct rule *r, const char *literal, size_t len, int group)
{
	struct piece *last = r->piece_count == 0 ? NULL :
	    &r->pieces[r->piece_count - 1];

	if (group == 0 && last != NULL && last->group == 0) {
		last->literal = mem_realloc(last->literal,
		    last->len + len + 1);
		memcpy(last->literal + last->len, literal, len);
		last->len += len;
		return;
	}
	r->pieces = mem_realloc(r->pieces,
	    (r->piece_count + 1) * sizeof *r->pieces);
	last = &r->pieces[r->piece_count++];
	last->group = group;
	last->len = len;
	last->literal = group == 0 ? mem_dup(literal, len) : NULL;
}

/* The bracket that belongs to the one at `p`, or NULL. */
static const char *
closing(const char *p, char close)
{
	char open = *p;
	int  depth = 0;

	for (; *p != '\0'; p++) {
		if (*p == open)
			depth++;
		else if (*p == close && --depth == 0)
			return p;
	}
	return NULL;
}

/*
 * The name after a '$': up to the closing bracket, or letters, digits and
 * '_'.  Returns where the text goes on, NULL after a warning that there is no
 * more to be read; the name is empty after any other.
 */
static const char *
macro_name(const char *text, const char *p, struct str *ret)
{
	char close = *p == '{' ? '}' : *p == '(' ? ')' : '\0';

	if (close != '\0') {
		const char *end = closing(p, close);

		if (end == NULL) {
			log_warn("truncated macro reference: \"%s\"", text);
			return NULL;
		}
		*ret = (struct str){ p + 1, (size_t)(end - p - 1) };
		p = end + 1;
	} else {
		size_t n = 0;

		while (isalnum((unsigned char)p[n]) || p[n] == '_')
			n++;
		*ret = (struct str){ p, n };
		p += n;
	}
	if (ret->n == 0)
		log_warn("empty macro name: \"%s\"", text);
	return p;
}

/* $1 of the replacement: its number, or -1 after a warning. */
static int
group_number(const struct table *t, int line, struct str name)
{
	const struct pattern_table *table = t->state;
	char digits[12];
	long n;

	snprintf(digits, sizeof digits, "%.*s", (int)name.n, name.p);
	if (name.n >= sizeof digits || !text_is_digits(digits)) {
		warn(t, line, "non-numeric replacement index \"%.*s\"",
		    (int)name.n, name.p);
		return -1;
	}
	if (!text_to_long(digits, 1, INT_MAX, &n)) {
		warn(t, line, "%s replacement index \"%s\"",
		    table->engine->out_of_range, digits);
		return -1;
	}
	return (int)n;
}

/* Cuts the text at its groups; each that can't be one has its warning. */
static bool
cut_replacement(const struct table *t, struct rule *r, const char *text)
{
	const char *p = text, *dollar;
	struct str  name;
	int	    group;
	bool	    ok = true;

	while (p != NULL && (dollar = strchr(p, '$')) != NULL) {
		if (dollar > p)
			add_piece(r, p, (size_t)(dollar - p), 0);
		if (dollar[1] == '$') {
			add_piece(r, "$", 1, 0);
			p = dollar + 2;
			continue;
		}
		p = macro_name(text, dollar + 1, &name);
		group = p == NULL || name.n == 0 ? -1 :
		    group_number(t, r->line, name);
		if (group > 0)
			add_piece(r, NULL, 0, group);
		else if (dollar[1] == '{' || dollar[1] == '(')
			p = NULL;
		ok = ok && group > 0;
		if (group > r->max_group)
			r->max_group = group;
	}
	if (p != NULL && *p != '\0')
		add_piece(r, p, strlen(p), 0);
	return ok;
}

/* False after a warning: the rule is left out. */
static bool
parse_replacement(const struct table *t, struct rule *r, const char *text)
{
	const char *wrong = NULL;

	if (!cut_replacement(t, r, text))
		wrong = "bad replacement syntax";
	else if (r->max_group > 0 && (t->flags & TABLE_PARENT) != 0)
		wrong = "regular expression substitution is not allowed";
	else if (r->max_group > 0 && r->negated)
		wrong = "$number found in negative match replacement text";
	if (wrong != NULL)
		warn(t, r->line, "%s: skipping this rule", wrong);
	return wrong == NULL;
}

/* NULL after a warning. */
static void *
compile_head(const struct table *t, int line, const struct head *h,
    int *ret_groups)
{
	struct pattern_table *p = t->state;
	struct buf	      why = BUF_INIT;
	void		     *compiled;

	compiled = p->engine->compile(h->pattern, h->options, ret_groups,
	    &why);
	if (compiled == NULL)
		warn(t, line, "%s", why.data);
	buf_done(&why);
	return compiled;
}

static bool
compile(const struct table *t, struct rule *r, const struct head *h)
{
	int groups = 0;

	r->compiled = compile_head(t, r->line, h, &groups);
	if (r->compiled == NULL)
		return false;
	if (r->max_group > groups || r->max_group >= PATTERN_GROUPS) {
		warn(t, r->line, "out of range replacement index \"%d\": "
		    "skipping this rule", r->max_group);
		return false;
	}
	return true;
}

static bool
compile_second(const struct table *t, struct rule *r, const struct head *h)
{
	int groups = 0;

	r->second = compile_head(t, r->line, h, &groups);
	r->second_negated = h->negated;
	return r->second != NULL;
}

static void
parse_match(struct table *t, char *text, int line)
{
	struct pattern_table *p = t->state;
	struct rule	      r = { .kind = RULE_MATCH, .line = line };
	struct buf	      room = BUF_INIT, why = BUF_INIT;
	struct head	      h, second;
	char		     *value;

	if (!take_head(t, line, text, &h) ||
	    (h.has_second && !take_head(t, line, h.rest, &second)))
		return;
	r.negated = h.negated;
	if (h.has_second)
		h.rest = second.rest;
	if (*h.rest == '\0')
		warn(t, line, "no replacement text: using empty string");
	value = rhs_file_value(t, h.rest, &room, &why);
	if (value == NULL)
		warn(t, line, "%s: skipping this rule", why.data);
	else if (parse_replacement(t, &r, value) && compile(t, &r, &h) &&
	    (!h.has_second || compile_second(t, &r, &second)))
		add_rule(p, &r);
	else
		free_rule(p, &r);
	buf_done(&room);
	buf_done(&why);
}

static void
parse_if(struct table *t, char *text, int line)
{
	struct pattern_table *p = t->state;
	struct rule	      r = { .kind = RULE_IF, .line = line };
	struct head	      h;

	if (!take_head(t, line, text, &h))
		return;
	r.negated = h.negated;
	if (*h.rest != '\0') {
		warn(t, line, "ignoring extra text after IF statement: "
		    "\"%s\"", h.rest);
		warn(t, line, "do not prepend whitespace to statements "
		    "between IF and ENDIF");
	}
	if (!compile(t, &r, &h)) {
		free_rule(p, &r);
		return;
	}
	add_rule(p, &r);
	p->open[p->depth++] = p->count - 1;
}

static void
parse_endif(struct table *t, const char *rest, int line)
{
	struct pattern_table *p = t->state;
	struct rule	      r = { .kind = RULE_ENDIF, .line = line };

	if (p->depth == 0) {
		warn(t, line, "ignoring ENDIF without matching IF");
		return;
	}
	if (*rest != '\0')
		warn(t, line, "ignoring extra text after ENDIF");
	add_rule(p, &r);
	p->rules[p->open[--p->depth]].next = p->count;
}

static void
parse_rule(struct table *t, char *line, int number)
{
	if (!isalnum((unsigned char)*line))
		parse_match(t, line, number);
	else if (strncasecmp(line, "IF", 2) == 0 &&
	    !isalnum((unsigned char)line[2]))
		parse_if(t, line + 2, number);
	else if (strncasecmp(line, "ENDIF", 5) == 0 &&
	    !isalnum((unsigned char)line[5]))
		parse_endif(t, skip_space(line + 5), number);
	else
		warn(t, number, "ignoring unrecognized request");
}

bool
pattern_open(struct table *t, const struct pattern_engine *engine)
{
	struct pattern_table *p = NEW(struct pattern_table);

	p->engine = engine;
	t->state = p;
	if (!table_read_rules(t, parse_rule)) {
		pattern_close(t, false);
		return false;
	}
	while (p->depth > 0) {
		struct rule *r = &p->rules[p->open[--p->depth]];

		warn(t, r->line, "IF has no matching ENDIF");
		r->next = p->count;
	}
	return true;
}

/* --- matching */

static void
expand(struct buf *ret, const struct rule *r, const char *key,
    const struct pattern_span *spans)
{
	for (size_t i = 0; i < r->piece_count; i++) {
		const struct piece *piece = &r->pieces[i];

		if (piece->group == 0)
			buf_add(ret, piece->literal, piece->len);
		else if (spans[piece->group].begin >= 0)
			buf_add(ret, key + spans[piece->group].begin,
			    (size_t)(spans[piece->group].end -
			    spans[piece->group].begin));
	}
}

/* Does the rule hold?  An engine's trouble counts as no, whatever is negated,
 * so that a rule never acts on what was not examined. */
static bool
holds(const struct table *t, const struct rule *r, const char *key,
    struct pattern_span *spans)
{
	const struct pattern_engine *e =
	    ((const struct pattern_table *)t->state)->engine;
	struct buf	   why = BUF_INIT;
	size_t		   len = strlen(key);
	enum pattern_match m, want = r->negated ? PATTERN_NO : PATTERN_YES;

	m = e->match(r->compiled, key, len, spans, (size_t)r->max_group + 1,
	    &why);
	if (m == want && r->second != NULL) {
		want = r->second_negated ? PATTERN_NO : PATTERN_YES;
		m = e->match(r->second, key, len, NULL, 0, &why);
	}
	if (m == PATTERN_TROUBLE)
		warn(t, r->line, "%s", why.data);
	buf_done(&why);
	return m == want;
}

enum table_result
pattern_find(struct table *t, const char *key, struct buf *ret)
{
	struct pattern_table *p = t->state;
	struct pattern_span   spans[PATTERN_GROUPS];

	for (size_t i = 0; i < p->count; i++) {
		const struct rule *r = &p->rules[i];

		if (r->kind == RULE_ENDIF)
			continue;
		if (!holds(t, r, key, spans)) {
			if (r->kind == RULE_IF)
				i = r->next - 1;
		} else if (r->kind == RULE_MATCH) {
			expand(ret, r, key, spans);
			return TABLE_FOUND;
		}
	}
	return TABLE_NOT_FOUND;
}
