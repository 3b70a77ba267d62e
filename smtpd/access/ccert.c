/* Certificates of clients: by fingerprint, or by who signed them */

#include <string.h>

#include "net/tls.h"
#include "smtpd/access/access.h"
#include "smtpd/access/lookup.h"
#include "smtpd/facts.h"
#include "smtpd/starttls.h"
#include "table/table_type.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

/* --- check_ccert_access */

static const struct fact {
	const char *name;
	const char *(*get)(const struct session *);
} facts[] = {
	{ "cert_fingerprint", facts_ccert_fingerprint },
	{ "pubkey_fingerprint", facts_ccert_pubkey },
};

enum { FACTS = sizeof facts / sizeof *facts };

/* False: the search has ended. */
static bool
look_up(struct lookup *l, const struct fact *f)
{
	const char *key = f->get(l->a->s);

	return *key == '\0' || lookup_key(l, key);
}

/* "search_order = name, name" of "{ table, { search_order = ... } }" */
static enum verdict
look_up_in_order(struct lookup *l, char *names)
{
	char *word;
	int   i;

	while ((word = text_word(&names, TEXT_LIST_SEP, false)) != NULL) {
		for (i = 0; i < FACTS && !text_eq(word, facts[i].name); i++)
			;
		if (i == FACTS) {
			log_warn("check_ccert_access: unknown name \"%s\" in "
			    "search_order", word);
			return access_broken(l->a);
		}
		if (!look_up(l, &facts[i]))
			break;
	}
	return l->verdict;
}

/* The value of search_order, in place; NULL: none is given; "" an error. */
static char *
search_order(char *arg)
{
	char *next = arg + 1, *option, *value, *end;

	if (*arg != '{')
		return NULL;
	table_next_word(&next);		/* the table */
	if ((option = strchr(next, '{')) == NULL)
		return NULL;
	option = text_trim(option + 1);
	if (!text_starts(option, "search_order") ||
	    (value = strchr(option, '=')) == NULL ||
	    (end = strchr(value, '}')) == NULL)
		return arg + strlen(arg);
	*end = '\0';
	return text_trim(value + 1);
}

static enum verdict
check_ccert(struct access *a, const struct access_item *item)
{
	struct lookup l = {
		.a = a,
		.table = item->table,
		.about = ABOUT_CCERT,
		.value = BUF_INIT,
		.verdict = VERDICT_NONE,
	};
	char *copy, *order;

	if (a->s->tls == NULL)
		return VERDICT_NONE;
	l.name = a->s->tls->peer_cn;
	copy = mem_strdup(item->arg);
	order = search_order(copy);
	if (order != NULL && *order == '\0') {
		log_warn("check_ccert_access: bad syntax: %s", item->arg);
		l.verdict = access_broken(a);
	} else if (order != NULL) {
		l.verdict = look_up_in_order(&l, order);
	} else {
		for (int i = 0; i < FACTS && look_up(&l, &facts[i]); i++)
			;
	}
	mem_free(copy);
	buf_done(&l.value);
	return l.verdict;
}

/* --- permit_tls_... */

static enum verdict
permit_if_known(struct access *a, const struct access_item *item, bool all)
{
	enum access_about about = access_about(a);
	int		  known = starttls_permits(a->s, all);

	if (known < 0)
		return access_reject(a, about, 451, "4.3.0",
		    "<%s>: Temporary lookup failure",
		    access_about_name(a, about));
	if (known == 0)
		return VERDICT_NONE;
	return access_permit(a, item->name, access_about_text(ABOUT_CLIENT),
	    access_about_name(a, ABOUT_CLIENT), NULL);
}

static enum verdict
permit_clientcerts(struct access *a, const struct access_item *item)
{
	return permit_if_known(a, item, false);
}

static enum verdict
permit_all_clientcerts(struct access *a, const struct access_item *item)
{
	return permit_if_known(a, item, true);
}

const struct restriction access_ccert_family[] = {
	{ "check_ccert_access", check_ccert, TAKES_TABLE },
	{ "permit_tls_clientcerts", permit_clientcerts, 0 },
	{ "permit_tls_all_clientcerts", permit_all_clientcerts, 0 },
	{ NULL, NULL, 0 }
};
