#include "table/query.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "table/match.h"
#include "util/log.h"
#include "util/text.h"

struct parts {
	struct str	whole, user, domain;
	bool		qualified;	/* there is an '@' */
};

static struct parts
split(struct str whole)
{
	const char  *at = whole.n > 0 ? memrchr(whole.p, '@', whole.n) : NULL;
	struct parts a = { .whole = whole, .user = whole };

	if (at == NULL)
		return a;
	a.qualified = true;
	a.user.n = (size_t)(at - whole.p);
	a.domain = (struct str){ at + 1, whole.n - a.user.n - 1 };
	return a;
}

/* The n-th component from the end, from 1; dots without anything between
 * them are one.  Empty if there is none. */
static struct str
component(struct str domain, int n)
{
	size_t end = domain.n, start;

	for (;;) {
		while (end > 0 && domain.p[end - 1] == '.')
			end--;
		for (start = end; start > 0 && domain.p[start - 1] != '.';)
			start--;
		if (--n == 0 || start == 0)
			return (struct str){ domain.p + start,
			    n == 0 ? end - start : 0 };
		end = start;
	}
}

/* The substitute for a letter; empty: there is none. */
static struct str
substitute(char letter, const struct parts *of)
{
	if (isdigit((unsigned char)letter))
		return of->qualified ? component(of->domain, letter - '0') :
		    (struct str){ "", 0 };
	switch (letter) {
	case 's':
	case 'S':
		return of->whole;
	case 'u':
	case 'U':
		return of->user;
	default:
		return of->qualified ? of->domain : (struct str){ "", 0 };
	}
}

const char *
query_template_check(const char *tmpl)
{
	for (const char *p = tmpl; (p = strchr(p, '%')) != NULL; p += 2)
		if (p[1] == '\0' || strchr("%sudSUD123456789", p[1]) == NULL)
			return "write %% for a percent sign, or one of %s %u "
			    "%d %S %U %D %1 ... %9";
	return NULL;
}

bool
query_fits(const char *tmpl, const char *key, bool is_result)
{
	struct parts of = split(str_of(key));

	for (const char *p = tmpl; (p = strchr(p, '%')) != NULL; p += 2) {
		if (p[1] == '%' || (is_result && islower((unsigned char)p[1])))
			continue;
		if (substitute(p[1], &of).n == 0)
			return false;
	}
	return true;
}

bool
query_expand(struct buf *out, const char *tmpl, const char *key,
    query_add_fn *add, void *arg)
{
	struct parts of = split(str_of(key));
	const char  *p = tmpl, *next;

	while ((next = strchr(p, '%')) != NULL) {
		bool is_percent = next[1] == '%';

		if (!add(arg, out, (struct str){ p, (size_t)(next - p) +
		    (is_percent ? 1 : 0) }, true))
			return false;
		if (!is_percent && !add(arg, out, substitute(next[1], &of),
		    false))
			return false;
		p = next + 2;
	}
	return add(arg, out, str_of(p), true);
}

const char *
query_setting(struct query *q, const char *name, const char *def)
{
	const char *text = settings_text(&q->settings, name, def), *why;

	if (text == NULL)
		return NULL;
	why = query_template_check(text);
	if (why != NULL)
		settings_fail(&q->settings, "Invalid %s template: %s; %s", name,
		    text, why);
	return text;
}

bool
query_init(struct query *q, struct table *t)
{
	const char *domain;

	*q = (struct query){ 0 };
	if (!settings_init(&q->settings, t))
		return false;
	q->result_format = query_setting(q, "result_format", NULL);
	if (q->result_format == NULL)
		q->result_format = query_setting(q, "result_filter", "%s");
	if (*q->result_format == '\0')
		settings_fail(&q->settings, "bad string length 0 < 1: "
		    "result_format = ");
	q->expansion_limit = settings_int(&q->settings, "expansion_limit", 0,
	    0);
	domain = settings_text(&q->settings, "domain", "");
	if (*domain != '\0')
		q->domain = match_new(t->full_name, domain, false);
	return true;
}

void
query_done(struct query *q)
{
	match_free(q->domain);
	settings_done(&q->settings);
}

static enum table_result
check_domain(struct query *q, struct table *t, const char *key)
{
	const char *at = strrchr(key, '@');

	if (at == NULL || at == key)
		return TABLE_NOT_FOUND;
	switch (match_domain(q->domain, at + 1)) {
	case MATCH_YES:
		return TABLE_FOUND;
	case MATCH_NO:
		return TABLE_NOT_FOUND;
	default:
		return table_fail_find(t, "%s: domain: lookup error",
		    t->full_name);
	}
}

enum table_result
query_wants(struct query *q, struct table *t, const char *key,
    const char *const *templates)
{
	if (!text_is_utf8(key, strlen(key)))
		return TABLE_NOT_FOUND;
	if (*key == '\0' && q->domain == NULL) {
		log_warn("table \"%s\": empty query string -- ignored",
		    t->full_name);
		return TABLE_NOT_FOUND;
	}
	for (; *templates != NULL; templates++)
		if (!query_fits(*templates, key, false))
			return TABLE_NOT_FOUND;
	if (!query_fits(q->result_format, key, true))
		return TABLE_NOT_FOUND;
	return q->domain == NULL ? TABLE_FOUND : check_domain(q, t, key);
}

bool
query_add_value(struct query *q, struct table *t, const char *key,
    struct str value, int *count, struct buf *result)
{
	struct parts of_value = split(value), of_key = split(str_of(key));
	const char  *p = q->result_format, *next;
	size_t	     from;

	for (next = p; (next = strchr(next, '%')) != NULL; next += 2)
		if (strchr("sud", next[1]) != NULL &&
		    substitute(next[1], &of_value).n == 0)
			return true;
	/* Also if the format wants nothing of it. */
	if (value.n == 0)
		return true;
	if (q->expansion_limit > 0 && *count >= q->expansion_limit) {
		log_warn("%s: Expansion limit exceeded for key '%s'",
		    t->full_name, key);
		table_fail(t, "Expansion limit exceeded");
		return false;
	}
	if ((*count)++ > 0)
		buf_addc(result, ',');
	from = result->len;
	for (; (next = strchr(p, '%')) != NULL; p = next + 2) {
		struct str s = substitute(next[1], strchr("sud", next[1]) !=
		    NULL ? &of_value : &of_key);

		buf_add(result, p, (size_t)(next - p));
		if (next[1] == '%')
			buf_addc(result, '%');
		else
			buf_add(result, s.p, s.n);
	}
	buf_adds(result, p);
	/* C strings rule outside: what follows a NUL must not vanish. */
	for (size_t i = from; i < result->len; i++)
		if (result->data[i] == '\0')
			result->data[i] = '?';
	return true;
}
