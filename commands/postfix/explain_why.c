#include <string.h>

#include "commands/postfix/explain.h"
#include "conf/conf.h"
#include "table/hit.h"
#include "util/text.h"

static struct pool *why_pool;

struct search {
	const char	*name;
	int		 line;
};

static void
compare(void *arg, const char *name, const char *text, int line)
{
	struct search *s = arg;

	(void)text;
	if (text_eq(name, s->name))
		s->line = line;
}

static int
line_of(const char *parameter)
{
	struct search s = { .name = parameter };

	conf_each(compare, &s);
	return s.line;
}

static struct reason *
add(struct pool *pool, struct reasons *to, const char *parameter,
    const char *value)
{
	struct reason *r = pool_zalloc(pool, sizeof *r);

	if (to->tail == NULL)
		to->tail = &to->first;
	*to->tail = r;
	to->tail = &r->next;
	r->parameter = pool_strdup(pool, parameter);
	r->value = value == NULL ? NULL : pool_strdup(pool, value);
	r->line = line_of(parameter);
	return r;
}

/* Asked twice, an entry is one reason. */
static void
on_hit(void *arg, const char *title, const char *where, const char *key,
    const char *value)
{
	struct reasons *to = arg;
	struct reason  *r;

	for (r = to->first; r != NULL; r = r->next)
		if (r->where != NULL && text_eq(r->parameter, title) &&
		    text_eq(r->where, where) && text_eq(r->key, key))
			return;
	r = add(why_pool, to, title, value);
	r->where = pool_strdup(why_pool, where);
	r->key = pool_strdup(why_pool, key);
}

void
why_start(struct pool *pool, struct reasons *to)
{
	why_pool = pool;
	table_on_hit(on_hit, to);
}

void
why_stop(void)
{
	table_on_hit(NULL, NULL);
}

void
why_parameter(struct pool *pool, struct reasons *to, const char *name)
{
	const char *value = conf_value(name);

	add(pool, to, name, value != NULL ? value : "");
}
