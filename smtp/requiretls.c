#include "smtp/requiretls.h"

#include <string.h>

#include "conf/param.h"
#include "mail/envelope.h"
#include "mail/nexthop.h"
#include "net/dns.h"
#include "smtp/policy.h"
#include "smtp/session.h"
#include "smtp/settings.h"
#include "table/table.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

enum { STEPS_MAX = 20 };	/* items of smtp_requiretls_policy */

/* An item is a table or, without one, a word for all that come so far. */
static struct step {
	struct table_list	*table;
	const char		*word;
} steps[STEPS_MAX];

static size_t step_count;

static const struct {
	const char	*name;
	enum wish	 wish;
} words[] = {
	{ "disable", WISH_NONE },
	{ "opportunistic", WISH_OPPORTUNISTIC },
	{ "opportunistic+starttls", WISH_STARTTLS },
	{ "enforce", WISH_ENFORCE },
};

void
requiretls_init(void)
{
	char *title = mem_printf("%s_requiretls_policy", settings.prefix);
	char *list = mem_strdup(settings.requiretls_policy), *rest = list;
	char *word;

	while (step_count < STEPS_MAX &&
	    (word = text_word(&rest, TEXT_LIST_SEP, true)) != NULL) {
		struct step *s = &steps[step_count++];

		if (strchr(word, ':') != NULL)
			s->table = table_list_open(title, word, TABLE_FOLD);
		else
			s->word = mem_strdup(word);
	}
	mem_free(list);
	mem_free(title);
}

/* A name, then the domains it is in, each with a dot in front. */
static enum table_result
find_in(struct table_list *t, const char *host, struct buf *ret)
{
	enum table_result got = table_list_find(t, host, ret);

	if (dns_valid_address(host))
		return got;
	for (const char *dot = strchr(host, '.'); dot != NULL &&
	    got == TABLE_NOT_FOUND; dot = strchr(dot + 1, '.'))
		got = table_list_find(t, dot, ret);
	return got;
}

static bool
parse(const char *word, enum wish *ret)
{
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (text_eq_nocase(word, words[i].name)) {
			*ret = words[i].wish;
			return true;
		}
	return false;
}

/* Nothing found: the message's own word counts. */
static bool
by_policy(const char *host, enum wish *ret, struct why *why)
{
	struct buf	  value = BUF_INIT;
	enum table_result got = TABLE_NOT_FOUND;
	bool		  ok = true;

	for (size_t i = 0; i < step_count && got == TABLE_NOT_FOUND; i++) {
		if (steps[i].word == NULL) {
			got = find_in(steps[i].table, host, &value);
			continue;
		}
		got = TABLE_FOUND;
		buf_set(&value, steps[i].word);
	}
	*ret = WISH_ENFORCE;
	if (got == TABLE_ERROR || (got == TABLE_FOUND &&
	    !parse(value.data, ret))) {
		if (got == TABLE_FOUND)
			log_warn("%s_requiretls_policy: \"%s\" for %s is no "
			    "policy; write enforce, opportunistic, "
			    "opportunistic+starttls or disable",
			    settings.prefix, value.data, host);
		why_set(why, "4.7.5", "client TLS configuration problem");
		ok = false;
	}
	buf_done(&value);
	return ok;
}

bool
requiretls_find(unsigned env_flags, const struct nexthop *hop, enum wish *ret,
    struct why *why)
{
	*ret = WISH_NONE;
	if ((env_flags & ENV_REQUIRETLS) != 0 && conf_mail.requiretls_enable)
		return by_policy(hop->path != NULL ? "localhost" : hop->host,
		    ret, why);
	if ((env_flags & ENV_TLS_OPTIONAL) != 0 &&
	    conf_mail.tls_required_enable)
		*ret = WISH_LESS;
	return true;
}

/* A certificate is proof only where it was compared with something. */
static bool
is_proven(const struct policy *p, const struct session *s)
{
	switch (p->effective) {
	case TLS_LEVEL_FINGERPRINT:
	case TLS_LEVEL_DANE:
	case TLS_LEVEL_DANE_ONLY:
	case TLS_LEVEL_VERIFY:
	case TLS_LEVEL_SECURE:
		return tls_info_is_enough(s->tls);
	default:
		return false;
	}
}

bool
requiretls_check(struct policy *p, const struct session *s, struct why *why)
{
	if (p->wish <= WISH_NONE)
		return true;
	p->wish_state = s->tls == NULL ? WISH_NO_STARTTLS :
	    !is_proven(p, s) ? WISH_NO_MATCH :
	    (s->features & FEATURE_REQUIRETLS) == 0 ?
	    WISH_UNKNOWN_TO_SERVER : WISH_FULFILLED;
	if (p->wish < WISH_ENFORCE || p->wish_state == WISH_FULFILLED)
		return true;
	if (p->wish_state == WISH_UNKNOWN_TO_SERVER)
		why_set(why, "5.7.30", "REQUIRETLS is required, but was not "
		    "offered by host %s", s->namaddr);
	else if (p->wish_state == WISH_NO_MATCH)
		why_set(why, "5.7.10", "REQUIRETLS is required, but the "
		    "certificate of host %s is not verified", s->namaddr);
	else
		why_set(why, "5.7.10", "REQUIRETLS is required, but STARTTLS "
		    "was not offered by host %s", s->namaddr);
	return false;
}

const char *
requiretls_log_field(const struct policy *p)
{
	static const char *const failed[] = {
		[WISH_NO_STARTTLS] = "/!requiretls:nostarttls",
		[WISH_NO_MATCH] = "/!requiretls:nocertmatch",
		[WISH_UNKNOWN_TO_SERVER] = "/!requiretls:none",
	};
	static const char *const passed[] = {
		[WISH_NO_STARTTLS] = "/requiretls:nostarttls",
		[WISH_NO_MATCH] = "/requiretls:nocertmatch",
		[WISH_UNKNOWN_TO_SERVER] = "/requiretls:none",
	};

	if (p->wish <= WISH_NONE)
		return "";
	switch (p->wish_state) {
	case WISH_UNDECIDED:
		return "/requiretls?";
	case WISH_FULFILLED:
		return "/requiretls";
	default:
		return (p->wish == WISH_ENFORCE ? failed : passed)
		    [p->wish_state];
	}
}
