/*
 * Expansion of $name and its relatives.  The grammar:
 *
 *	text	   = *( "$$" / "$" name / "${" macro "}" / "$(" macro ")" / byte )
 *	macro	   = name [ choice ] / "{" text "}" op "{" text "}" [ choice ] /
 *		     function "{" text "}"
 *	choice	   = "?" ( "{" text "}" [ ":" other ] / text ) / ":" other
 *	other	   = "{" text "}" / text
 *	op	   = "==" / "!=" / "<" / "<=" / ">" / ">=", each with or without
 *		     "level" behind it
 *
 * with white space allowed between the parts of a macro, and braces counted
 * to find the ends.  Without a choice a comparison is "true" or nothing.
 *
 * A condition asks whether a name's text is empty, not what becomes of it:
 * with "a = $nosuch" ${a?x} is "x".  Messages are Postfix's, with what it
 * shows of the text around a mistake.
 *
 * Three bounds keep main.cf from running away: the depth of names within
 * names (a loop shows up there), the number of macros, and the size of the
 * result.
 */

#include <dlfcn.h>
#include <idn2.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/level.h"
#include "util/buf.h"
#include "util/mem.h"
#include "util/text.h"

enum {
	DEPTH_MAX = 100,
	MACRO_MAX = 50000,
	SIZE_MAX_BYTES = 4 * 1024 * 1024,
	SHOWN_MAX = 20,		/* bytes after a mistake, in a message */
};

struct expansion {
	struct buf	*out;
	conf_get_fn	*get;
	conf_name_fn	*visit;		/* instead: both sides of each choice */
	void		*arg;
	bool		 plain;		/* values are not expanded */
	const char	*filter;	/* bytes that a value may have, or NULL */
	bool		*lacks;		/* see struct conf_values; or NULL */
	int		 depth, macros;
	const char	*whole;		/* the text that is being expanded */
	const char	**ret_why;
};

static bool expand(struct expansion *, const char *text, size_t len);

/* The message lives until the next failure; see conf.h. */
static bool __attribute__((format(printf, 2, 3)))
fail(struct expansion *x, const char *fmt, ...)
{
	static struct buf message = BUF_INIT;
	va_list		  ap;

	buf_clear(&message);
	va_start(ap, fmt);
	buf_addv(&message, fmt, ap);
	va_end(ap);
	*x->ret_why = message.data;
	return false;
}

/* Shows where something is wrong: "...before>>>after". */
static bool
fail_at(struct expansion *x, const char *what, const char *before,
    struct str after)
{
	int n = after.n < SHOWN_MAX ? (int)after.n : SHOWN_MAX;

	return fail(x, "%s at: \"...%s>>>%.*s\"", what, before, n, after.p);
}

/* The same after text in braces, of which the end is shown. */
static bool
fail_after(struct expansion *x, const char *what, struct str text,
    const char *at, const char *end)
{
	char *before = mem_printf("%.*s}", (int)text.n, text.p);

	fail_at(x, what, before, (struct str){ at, (size_t)(end - at) });
	mem_free(before);
	return false;
}

static bool
is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '_';
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static const char *
skip_space(const char *p, const char *end)
{
	while (p < end && is_space(*p))
		p++;
	return p;
}

/* The bracket that matches the one at `p`, or NULL. */
static const char *
matching(const char *p, const char *end)
{
	char open = *p, close = open == '{' ? '}' : ')';
	int  level = 0;

	for (; p < end; p++) {
		if (*p == open)
			level++;
		else if (*p == close && --level == 0)
			return p;
	}
	return NULL;
}

/* Expands into a string of its own, which the caller frees. */
static bool
expand_apart(struct expansion *x, const char *text, size_t len,
    char **ret_text)
{
	struct buf  part = BUF_INIT, *out = x->out;
	bool	    ok;

	x->out = &part;
	ok = expand(x, text, len);
	x->out = out;
	if (!ok) {
		buf_done(&part);
		return false;
	}
	*ret_text = buf_take(&part);
	return true;
}

/* {text} at *p: its content, with *p moved behind it. */
static bool
braced(struct expansion *x, const char **p, const char *end, struct str *ret)
{
	const char *close = matching(*p, end);

	if (close == NULL)
		return fail(x, "missing '}' in \"%.*s\"", (int)(end - *p), *p);
	*ret = (struct str){ *p + 1, (size_t)(close - *p - 1) };
	*p = skip_space(close + 1, end);
	return true;
}

/* One of the two, or both if names are being visited. */
static bool
take(struct expansion *x, struct str yes, struct str no, bool condition)
{
	if (x->visit != NULL)
		return expand(x, yes.p, yes.n) && expand(x, no.p, no.n);
	if (!condition)
		yes = no;
	return expand(x, yes.p, yes.n);
}

/*
 * What stands behind a condition: which text is taken.  `p` is at '?' or ':'
 * or at the end.
 */
static bool
choose(struct expansion *x, const char *p, const char *end, bool condition)
{
	struct str yes = { "", 0 }, no = { "", 0 };
	const char *q;

	if (*p == '?') {
		q = skip_space(p + 1, end);
		if (q == end || *q != '{') {
			yes = (struct str){ p + 1, (size_t)(end - p - 1) };
			p = end;
		} else {
			p = q;
			if (!braced(x, &p, end, &yes))
				return false;
			if (p < end && *p != ':')
				return fail_after(x, "\":\" expected", yes, p,
				    end);
		}
	}
	if (p < end) {
		q = skip_space(p + 1, end);
		if (q == end || *q != '{') {
			no = (struct str){ p + 1, (size_t)(end - p - 1) };
		} else {
			if (!braced(x, &q, end, &no))
				return false;
			if (q < end)
				return fail_after(x, "unexpected input", no, q,
				    end);
		}
	}
	return take(x, yes, no, condition);
}

enum relation { EQ = 1, LT = 2, GT = 4 };

static const struct operator {
	const char	*text;
	int		 accepts;	/* enum relation */
} operators[] = {		/* the longer before its beginning */
	{ "==", EQ },	   { "!=", LT | GT }, { "<=", LT | EQ },
	{ ">=", GT | EQ }, { "<", LT },	      { ">", GT },
};

static bool
compare_levels(struct expansion *x, const char *a, const char *b, int *ret)
{
	long la, lb;

	if (!level_parse(a, &la) || !level_parse(b, &lb))
		return fail(x, "malformed compatibility level syntax: \"%s\"",
		    level_parse(a, &la) ? b : a);
	*ret = la < lb ? LT : la > lb ? GT : EQ;
	return true;
}

/* Numbers if both are; of any length, so by length first. */
static int
compare(const char *a, const char *b)
{
	size_t na, nb;
	int    c;

	if (text_is_digits(a) && text_is_digits(b)) {
		a += strspn(a, "0");
		b += strspn(b, "0");
		na = strlen(a);
		nb = strlen(b);
		if (na != nb)
			return na < nb ? LT : GT;
	}
	c = strcmp(a, b);
	return c < 0 ? LT : c > 0 ? GT : EQ;
}

static bool
related(struct expansion *x, struct str left, struct str right,
    int accepts, bool by_level, bool *ret_true)
{
	char *a, *b;
	int   is = 0;
	bool  ok = true;

	if (!expand_apart(x, left.p, left.n, &a))
		return false;
	if (!expand_apart(x, right.p, right.n, &b)) {
		mem_free(a);
		return false;
	}
	if (by_level && x->visit == NULL)
		ok = compare_levels(x, a, b, &is);
	else
		is = compare(a, b);
	mem_free(a);
	mem_free(b);
	if (ok)
		*ret_true = (is & accepts) != 0;
	return ok;
}

/* The operator at *p, which is moved behind it; NULL if none is there. */
static const struct operator *
operator_at(const char **p, const char *end)
{
	size_t n = (size_t)(end - *p), len;

	for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
		len = strlen(operators[i].text);
		if (n >= len && memcmp(*p, operators[i].text, len) == 0) {
			*p += len;
			return &operators[i];
		}
	}
	return NULL;
}

/* The word behind an operator, if there is one, says how to compare. */
static bool
suffix(struct expansion *x, const struct operator *op, const char **p,
    const char *end, bool *ret_by_level)
{
	struct str word = { *p, 0 };

	while (*p < end && is_name(**p))
		(*p)++;
	word.n = (size_t)(*p - word.p);
	*ret_by_level = word.n == 5 && memcmp(word.p, "level", 5) == 0;
	if (word.n > 0 && !*ret_by_level)
		return fail_at(x, "bad operator suffix", op->text, word);
	return true;
}

/* "{expression}" is missing behind the operator. */
static bool
fail_right(struct expansion *x, struct str left, const struct operator *op,
    const char *at, const char *end)
{
	char *before = mem_printf("{%.*s} %s", (int)left.n, left.p, op->text);

	fail_at(x, "\"{expression}\" expected", before,
	    (struct str){ at, (size_t)(end - at) });
	mem_free(before);
	return false;
}

/* "{a} op {b}" and its choice; `p` is at the first brace. */
static bool
comparison(struct expansion *x, const char *p, const char *end)
{
	const struct operator *op;
	const char	      *q;
	struct str	       left, right;
	bool		       by_level, is_true;

	if (!braced(x, &p, end, &left))
		return false;
	/* The quote marks are where Postfix has them. */
	if ((op = operator_at(&p, end)) == NULL)
		return fail_after(x, "\"==\" or \"!=\"\" or \"<\"\" or "
		    "\"<=\"\" or \">=\"\" or \">\" expected", left, p, end);
	if (!suffix(x, op, &p, end, &by_level))
		return false;
	q = skip_space(p, end);
	if (q == end || *q != '{')
		return fail_right(x, left, op, p, end);
	if (!braced(x, &q, end, &right))
		return false;
	if (q < end && *q != '?' && *q != ':')
		return fail_at(x, "\"?\" or \":\" expected", "}",
		    (struct str){ q, (size_t)(end - q) });
	if (!related(x, left, right, op->accepts, by_level, &is_true))
		return false;
	if (q < end)
		return choose(x, q, end, is_true);
	if (is_true)
		buf_adds(x->out, "true");
	return true;
}

/*
 * libidn2 is loaded by the few configurations that need it: it brings tables
 * that would make up a third of the time in which sendmail starts.
 */
static bool
add_ascii(struct buf *out, const char *domain)
{
	static int (*to_ascii)(const char *, char **, int);
	static void (*free_ascii)(void *);
	void *lib;
	char *ascii = NULL;

	if (to_ascii == NULL) {
		if ((lib = dlopen("libidn2.so.0", RTLD_NOW)) == NULL)
			return false;
		*(void **)&free_ascii = dlsym(lib, "idn2_free");
		*(void **)&to_ascii = dlsym(lib, "idn2_to_ascii_8z");
	}
	if (to_ascii == NULL || free_ascii == NULL ||
	    to_ascii(domain, &ascii, IDN2_NONTRANSITIONAL) != IDN2_OK)
		return false;
	buf_adds(out, ascii);
	free_ascii(ascii);
	return true;
}

/* ${domain_to_ascii{text}}: every domain in a list of them by its A-labels. */
static bool
domain_to_ascii(struct expansion *x, struct str text)
{
	char *domain;

	if (!expand_apart(x, text.p, text.n, &domain))
		return false;
	if (text_is_ascii(domain, strlen(domain)) ||
	    !add_ascii(x->out, domain))
		buf_adds(x->out, domain);
	mem_free(domain);
	return true;
}

static void
add_filtered(struct buf *out, const char *value, const char *allowed)
{
	for (; *value != '\0'; value++)
		buf_addc(out, strchr(allowed, *value) != NULL ? *value : '_');
}

/* A named value, itself expanded. */
static bool
add_value(struct expansion *x, const char *name, const char *value)
{
	const char *whole = x->whole;
	bool	    ok;

	if (x->filter != NULL) {
		add_filtered(x->out, value, x->filter);
		return true;
	}
	if (x->plain || strchr(value, '$') == NULL) {
		buf_adds(x->out, value);
		return true;
	}
	if (x->depth >= DEPTH_MAX)
		return fail(x, "unreasonable macro call nesting: \"%s\"", name);
	x->whole = value;
	ok = expand(x, value, strlen(value));
	x->whole = whole;
	return ok;
}

/* The name's text, or "" for a visitor. */
static const char *
text_of(struct expansion *x, const char *name)
{
	if (x->visit == NULL)
		return x->get(x->arg, name);
	x->visit(x->arg, name);
	return "";
}

static bool
named(struct expansion *x, const char *p, const char *end)
{
	const char *q = p, *value;
	char	   *name;
	struct str  text;
	bool	    ok;

	while (q < end && is_name(*q))
		q++;
	name = mem_strndup(p, (size_t)(q - p));
	p = skip_space(q, end);
	if (p == end) {
		value = text_of(x, name);
		if (value == NULL && x->lacks != NULL)
			*x->lacks = true;
		ok = value == NULL || add_value(x, name, value);
	} else if (*p == '?' || *p == ':') {
		value = text_of(x, name);
		ok = choose(x, p, end, value != NULL && *value != '\0');
	} else if (p == q && *p == '{' && text_eq(name, "domain_to_ascii")) {
		ok = braced(x, &p, end, &text);
		if (ok && p < end)
			ok = fail_after(x, "unexpected input", text, p, end);
		ok = ok && domain_to_ascii(x, text);
	} else {
		ok = fail_at(x, "attribute name syntax error", name,
		    (struct str){ q, (size_t)(end - q) });
	}
	mem_free(name);
	return ok;
}

/* What is inside ${} or $(). */
static bool
macro(struct expansion *x, const char *p, const char *end)
{
	if (p == end)
		return fail(x, "empty macro name: \"%s\"", x->whole);
	p = skip_space(p, end);
	if (p < end && *p == '{')
		return comparison(x, p, end);
	return named(x, p, end);
}

/* The macro at the '$' at `p`; moves *p behind it. */
static bool
reference(struct expansion *x, const char **p, const char *end)
{
	const char *from = *p + 1, *q = from;

	if (++x->macros > MACRO_MAX)
		return fail(x, "more than %d macros in one value: \"%.60s\"",
		    MACRO_MAX, x->whole);
	if (q < end && *q == '$') {
		buf_addc(x->out, '$');
		*p = q + 1;
		return true;
	}
	if (q < end && (*q == '{' || *q == '(')) {
		if ((q = matching(q, end)) == NULL)
			return fail(x, "truncated macro reference: \"%s\"",
			    x->whole);
		*p = q + 1;
		return macro(x, from + 1, q);
	}
	while (q < end && is_name(*q))
		q++;
	if (q == from)
		return fail(x, "empty macro name: \"%s\"", x->whole);
	*p = q;
	return named(x, from, q);
}

static bool
expand(struct expansion *x, const char *text, size_t len)
{
	const char *p = text, *end = text + len, *dollar;

	if (++x->depth > 2 * DEPTH_MAX)
		return fail(x, "unreasonable macro nesting: \"%.60s\"",
		    x->whole);
	while (p < end) {
		dollar = memchr(p, '$', (size_t)(end - p));
		buf_add(x->out, p, (size_t)((dollar ? dollar : end) - p));
		if (x->out->len > SIZE_MAX_BYTES)
			return fail(x, "the value of \"%.60s\" is larger than "
			    "%d bytes", x->whole, SIZE_MAX_BYTES);
		if (dollar == NULL)
			break;
		p = dollar;
		if (!reference(x, &p, end))
			return false;
	}
	x->depth--;
	return true;
}

static const char *
get_text(void *arg, const char *name)
{
	(void)arg;
	return conf_text(name);
}

bool
conf_expand(struct buf *out, const char *text, conf_get_fn *get, void *arg,
    const char **ret_why)
{
	struct expansion x = {
		.out = out, .get = get != NULL ? get : get_text, .arg = arg,
		.whole = text, .ret_why = ret_why,
	};

	return expand(&x, text, strlen(text));
}

bool
conf_expand_values(struct buf *out, const char *text,
    const struct conf_values *v, const char **ret_why)
{
	struct expansion x = {
		.out = out, .get = v->get, .arg = v->arg, .plain = true,
		.filter = v->filter, .lacks = v->lacks, .whole = text,
		.ret_why = ret_why,
	};

	return expand(&x, text, strlen(text));
}

bool
conf_visit_names(const char *text, conf_name_fn *visit, void *arg,
    const char **ret_why)
{
	struct buf	 scratch = BUF_INIT;
	struct expansion x = {
		.out = &scratch, .visit = visit, .arg = arg, .whole = text,
		.ret_why = ret_why,
	};
	bool		 ok = expand(&x, text, strlen(text));

	buf_done(&scratch);
	return ok;
}
