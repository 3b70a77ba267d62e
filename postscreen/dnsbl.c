#include "postscreen/dnsbl.h"

#include <string.h>

#include "conf/param.h"
#include "mail/dnsblog_client.h"
#include "net/dnsbl.h"
#include "postscreen/tests.h"
#include "table/table.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/task.h"
#include "util/text.h"

/* A list with one answer, which several sites may look at. */
struct dnslist {
	char			*domain;
	char			*shown;		/* to clients */
	struct rule {
		struct dnsbl_filter filter;
		bool		    any;	/* no filter */
		int		    weight;
	}			*rules;
	size_t			 rule_count;
};

static struct {
	struct dnslist	*lists;
	size_t		 count;
} sites;

struct score {
	struct addr	 addr;
	int		 users;		/* who hold it, and questions */
	int		 open;		/* questions without an answer */
	int		 points;
	int		 best;		/* weight of `name` */
	const char	*name;
	int		 ttl;
	struct task_cond changed;
};

/* --- set-up */

static void
show_as(struct dnslist *l, struct table_list *names)
{
	struct buf found = BUF_INIT;

	l->shown = mem_strdup(l->domain);
	if (table_list_find(names, l->domain, &found) == TABLE_FOUND) {
		mem_free(l->shown);
		l->shown = mem_strdup(found.data);
	}
	buf_done(&found);
}

static struct dnslist *
list_of(const char *domain, struct table_list *names)
{
	struct dnslist *l;

	for (size_t i = 0; i < sites.count; i++)
		if (text_eq_nocase(sites.lists[i].domain, domain))
			return &sites.lists[i];
	sites.lists = mem_realloc(sites.lists, (sites.count + 1) *
	    sizeof *sites.lists);
	l = &sites.lists[sites.count++];
	*l = (struct dnslist){ .domain = mem_strdup(domain) };
	show_as(l, names);
	return l;
}

static void
add_site(const char *text, struct table_list *names)
{
	struct rule  rule = { .any = true };
	struct site  s;
	struct dnslist *l;
	const char  *why;

	if (!site_parse(&s, text, &why))
		fatalx("postscreen_dnsbl_sites: %s: \"%s\"; write "
		    "DOMAIN[=FILTER][*WEIGHT]", why, text);
	if (s.filter != NULL) {
		rule.any = false;
		if (!dnsbl_filter_parse(&rule.filter, s.filter, &why))
			fatalx("postscreen_dnsbl_sites: %s: \"%s\"", why,
			    text);
	}
	rule.weight = s.weight;
	l = list_of(s.domain, names);
	l->rules = mem_realloc(l->rules, (l->rule_count + 1) *
	    sizeof *l->rules);
	l->rules[l->rule_count++] = rule;
	mem_free(s.domain);
	mem_free(s.filter);
}

void
dnsbl_init(void)
{
	struct table_list *names = table_list_open(
	    "postscreen_dnsbl_reply_map",
	    conf_postscreen.postscreen_dnsbl_reply_map, TABLE_FOLD);
	char *copy = mem_strdup(conf_postscreen.postscreen_dnsbl_sites);
	char *next = copy, *word;

	while ((word = text_word(&next, TEXT_LIST_SEP, false)) != NULL)
		add_site(word, names);
	mem_free(copy);
}

bool
dnsbl_is_used(void)
{
	return sites.count > 0;
}

/* --- asking */

struct question {
	struct score	  *score;
	const struct dnslist *list;
};

static void
release(struct score *s)
{
	if (--s->users == 0)
		mem_free(s);
}

static bool
fits(const struct rule *r, const struct addr_list *answers)
{
	for (size_t i = 0; i < answers->count; i++)
		if (r->any || dnsbl_filter_has(&r->filter, &answers->items[i]))
			return true;
	return false;
}

static void
count(struct score *s, const struct dnslist *l, const struct addr_list *answers)
{
	for (size_t i = 0; i < l->rule_count; i++) {
		const struct rule *r = &l->rules[i];

		if (answers->count == 0 || !fits(r, answers))
			continue;
		s->points += r->weight;
		if (s->name == NULL || r->weight > s->best) {
			s->name = l->shown;
			s->best = r->weight;
		}
	}
}

static void
ask(void *arg)
{
	struct question *q = arg;
	struct score	*s = q->score;
	struct addr_list answers = { 0 };
	int		 ttl = 0;

	if (dnsblog_ask(conf_mail.dnsblog_service_name, q->list->domain,
	    &s->addr, &answers, &ttl)) {
		count(s, q->list, &answers);
		if (answers.count > 0 && (s->ttl == 0 || ttl < s->ttl))
			s->ttl = ttl;
	}
	addr_list_done(&answers);
	s->open--;
	task_wake_all(&s->changed);
	release(s);
	mem_free(q);
}

struct score *
dnsbl_begin(const struct addr *a)
{
	struct score	*s = NEW(struct score);
	struct question *q;

	s->addr = *a;
	s->users = 1;
	task_cond_init(&s->changed);
	for (size_t i = 0; i < sites.count; i++) {
		q = NEW(struct question);
		q->score = s;
		q->list = &sites.lists[i];
		s->users++;
		s->open++;
		task_start("dnsbl", ask, q);
	}
	return s;
}

int
dnsbl_score(struct score *s, int64_t deadline, const char **ret_name,
    int *ret_ttl)
{
	int ttl;

	while (s->open > 0 && task_wait(&s->changed, deadline))
		;
	ttl = s->ttl;
	if (ttl < conf_postscreen.postscreen_dnsbl_min_ttl)
		ttl = conf_postscreen.postscreen_dnsbl_min_ttl;
	if (ttl > conf_postscreen.postscreen_dnsbl_max_ttl)
		ttl = conf_postscreen.postscreen_dnsbl_max_ttl;
	*ret_ttl = ttl;
	*ret_name = s->name != NULL ? s->name : "";
	return s->points;
}

void
dnsbl_done(struct score *s)
{
	if (s != NULL)
		release(s);
}
