#include "smtp/sts.h"

#include <string.h>

#include "mail/mtasts_client.h"
#include "mail/nexthop.h"
#include "net/dns.h"
#include "smtp/policy.h"
#include "smtp/route.h"
#include "util/log.h"
#include "util/text.h"

bool
sts_is_eligible(const struct nexthop *hop)
{
	return hop->path == NULL && !hop->no_mx &&
	    !dns_valid_address(hop->host);
}

static void
note_failure(struct policy *p, const char *failure, const char *reason)
{
	p->failure = failure;
	p->failure_reason = reason;
}

/* RFC 8461 4.1 */
static bool
wants(const struct target *t, struct policy *p, struct why *why)
{
	if (mtasts_fits(p->sts->mx, t->name))
		return true;
	note_failure(p, "validation-failure", "mx-host-not-in-policy");
	why_set(why, "4.7.5", "MX host %s is not one that the MTA-STS policy "
	    "of %s names", t->name, p->policy_domain);
	return false;
}

static bool
obey(const struct target *t, struct policy *p, struct why *why)
{
	if (p->sts->mode == MTASTS_TESTING) {
		p->testing = true;
		if (!wants(t, p, why)) {
			log_info("%s: only a test so far", why->text.data);
			why_clear(why);
		}
		return true;
	}
	p->level = TLS_LEVEL_SECURE;
	return wants(t, p, why);
}

bool
sts_apply(struct pool *pool, const struct nexthop *hop,
    const struct target *t, struct policy *p, struct why *why)
{
	struct mtasts_policy *copy;
	struct mtasts_answer  a;
	const char	     *domain;

	if (!route_to_ascii(pool, hop->host, &domain) ||
	    !dns_valid_name(domain))
		return true;
	if (!mtasts_query(pool, domain, &a)) {
		log_warn("%s: no answer about %s (is the service in "
		    "master.cf?)", MTASTS_SERVICE, domain);
		why_set(why, "4.7.5", "MTA-STS policy lookup error");
		return false;
	}
	p->policy_domain = domain;
	if (a.failure != NULL) {
		note_failure(p, a.failure, a.why);
		p->sts_failed = !a.found;
	}
	if (!a.found || a.policy.mode == MTASTS_NONE)
		return true;
	copy = pool_alloc(pool, sizeof *copy);
	*copy = a.policy;
	p->sts = copy;
	return obey(t, p, why);
}

bool
sts_apply_patterns(struct pool *pool, const char *patterns,
    const struct target *t, struct policy *p, struct why *why)
{
	struct mtasts_policy *sts = pool_zalloc(pool, sizeof *sts);
	char		     *next = pool_strdup(pool, patterns), *word;
	const char	    **mx = pool_alloc(pool, (MTASTS_MX_MAX + 1) *
	    sizeof *mx);

	while (sts->mx_count < MTASTS_MX_MAX &&
	    (word = text_word(&next, "\n", false)) != NULL)
		mx[sts->mx_count++] = word;
	mx[sts->mx_count] = NULL;
	sts->mx = mx;
	sts->mode = MTASTS_ENFORCE;
	p->sts = sts;
	return sts->mx_count == 0 || wants(t, p, why);
}
