/*
 * reject_greylisted: mail of strangers is put off once.  The rules are in
 * smtpd/greylist.h; here are the tables, the exceptions and the words.
 *
 * What can't be looked up is let through: mail is worth more than one test.
 */

#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

#include "conf/param.h"
#include "mail/cache.h"
#include "smtpd/access/access.h"
#include "smtpd/facts.h"
#include "smtpd/greylist.h"
#include "smtpd/reply.h"
#include "table/match.h"

static struct cache *cache;	/* opened once */

static struct greylist_rules
rules(void)
{
	return (struct greylist_rules){
		.delay = conf_smtpd.smtpd_greylist_delay,
		.window = conf_smtpd.smtpd_greylist_retry_window,
		.lifetime = conf_smtpd.smtpd_greylist_lifetime,
		.allow_after = conf_smtpd.smtpd_greylist_allow_after,
	};
}

/* --- the table: "t:NETWORK/sender/recipient" and "c:NETWORK" */

static bool
keep(void *unused, const char *key, const char *value)
{
	struct greylist_rules  r = rules();
	struct greylist_record record;

	(void)unused;
	(void)key;
	return greylist_parse(value, &record) &&
	    !greylist_is_stale(&r, &record, time(NULL));
}

void
access_greylist_open(void)
{
	if (cache != NULL)
		return;
	cache = cache_open("greylist", conf_smtpd.smtpd_greylist_map,
	    conf_mail.mail_owner);
	if (conf_smtpd.smtpd_greylist_cleanup_interval > 0)
		cache_clean_every(cache,
		    conf_smtpd.smtpd_greylist_cleanup_interval, keep, NULL);
}

static struct greylist_record
find(const char *key)
{
	struct greylist_record r = { 0 };
	struct buf	       value = BUF_INIT;

	if (cache_find(cache, key, &value) && !greylist_parse(value.data, &r))
		r = (struct greylist_record){ 0 };
	buf_done(&value);
	return r;
}

static void
store(const char *key, const struct greylist_record *r)
{
	char text[GREYLIST_RECORD_MAX];

	greylist_format(r, text);
	cache_put(cache, key, text);
}

/* --- judging */

static void
tell(struct access *a, const char *what)
{
	struct buf b = BUF_INIT;

	buf_addf(&b, "<%s>: Recipient address %s", a->rcpt, what);
	log_verdict(a->s, "greylist", a->rcpt, b.data);
	buf_done(&b);
}

/* Its first pass counts for the client. */
static void
credit_client(struct access *a, const char *key, struct greylist_record *client)
{
	struct greylist_rules r = rules();

	if (r.allow_after <= 0)
		return;
	greylist_client_earns(&r, client, time(NULL));
	store(key, client);
	if (client->passes == (unsigned)r.allow_after)
		tell(a, "passes; the client is put off no more");
}

static enum verdict
put_off(struct access *a, const struct greylist_record *r, const char *what)
{
	long left = (long)(r->first + conf_smtpd.smtpd_greylist_delay -
	    time(NULL));

	return access_reject(a, ABOUT_RECIPIENT,
	    conf_smtpd.smtpd_greylist_reject_code, "4.7.1",
	    "<%s>: Recipient address rejected: Greylisted%s, try again in "
	    "%ld seconds", a->rcpt, what, left > 0 ? left : 1);
}

static enum verdict
judge(struct access *a, const char *network)
{
	struct greylist_rules  r = rules();
	int64_t		       now = time(NULL);
	const char	      *client_key, *key;
	struct greylist_record client, triplet;
	struct buf	       b = BUF_INIT;
	char		       waited[64];
	bool		       changed;

	client_key = pool_printf(&a->pool, "c:%s", network);
	client = find(client_key);
	if (greylist_client_passes(&r, &client, now, &changed)) {
		if (changed)
			store(client_key, &client);
		return VERDICT_NONE;
	}
	buf_adds(&b, "t:");
	greylist_key(&b, network, a->sender != NULL ? a->sender : "", a->rcpt);
	key = pool_strdup(&a->pool, b.data);
	buf_done(&b);
	triplet = find(key);
	switch (greylist_judge(&r, &triplet, now, &changed)) {
	case GREYLIST_NEW:
		store(key, &triplet);
		return put_off(a, &triplet, "");
	case GREYLIST_EARLY:
		return put_off(a, &triplet, " still");
	case GREYLIST_PASSES:
		store(key, &triplet);
		snprintf(waited, sizeof waited, "passes after %lld seconds",
		    (long long)(now - triplet.first));
		tell(a, waited);
		credit_client(a, client_key, &client);
		return VERDICT_NONE;
	case GREYLIST_KNOWN:
		break;
	}
	if (changed)
		store(key, &triplet);
	return VERDICT_NONE;
}

static enum verdict
reject_greylisted(struct access *a, const struct access_item *item)
{
	const struct client *c = &a->s->client;
	struct buf	     network = BUF_INIT;
	enum verdict	     v;

	(void)item;
	if (a->rcpt == NULL || *facts_sasl_username(a->s) != '\0' ||
	    (addr_family(&c->addr) != AF_INET &&
	    addr_family(&c->addr) != AF_INET6) ||
	    match_client(smtpd_config.greylist_exceptions, c->name,
	    &c->addr) == MATCH_YES)
		return VERDICT_NONE;
	access_greylist_open();
	greylist_network(&network, &c->addr,
	    conf_smtpd.smtpd_greylist_ipv4_prefix_length,
	    conf_smtpd.smtpd_greylist_ipv6_prefix_length);
	v = judge(a, network.data);
	buf_done(&network);
	return v;
}

const struct restriction access_greylist_family[] = {
	{ "reject_greylisted", reject_greylisted, OPENS_GREYLIST },
	{ NULL, NULL, 0 }
};
