/*
 * Lists in the DNS: of bad addresses (DNSBL), of bad domains (RHSBL), of good
 * ones (DNSWL, RHSWL).  RFC 5782.
 *
 * A list that can't be asked blocks nothing.  An allow list that can't be asked
 * turns a later refusal into a deferral: the client might be on it.
 */

#include <stdio.h>
#include <string.h>

#include "conf/param.h"
#include "mail/address.h"
#include "mail/why.h"
#include "net/dns.h"
#include "net/dnsbl.h"
#include "smtpd/access/access.h"
#include "smtpd/macros.h"
#include "table/table.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/map.h"
#include "util/text.h"

enum {
	REASON_MAX = 500,	/* bytes: then no more is added */
	SILENT_MS = 60 * 1000,
	SILENT_MAX = 1000,	/* queries */
};

enum listed { NOT_LISTED, LISTED, NOT_KNOWN, BAD_FILTER };

/* One question to one list. */
struct list {
	struct access	  *a;
	const char	  *arg;		/* "domain=filter" as configured */
	const char	  *domain;	/* of the list */
	const char	  *filter;	/* "127.0.0.2", or NULL: any answer */
	enum access_about  about;
	const char	  *what;	/* that is listed, for the reply */
	struct buf	   query;
	struct buf	   reason;	/* the list's TXT */
};

static bool
begin(struct list *l, struct access *a, const struct access_item *item,
    enum access_about about, const char *what)
{
	const char *eq;

	*l = (struct list){ .a = a, .about = about, .what = what,
	    .query = BUF_INIT, .reason = BUF_INIT };
	if (item->arg == NULL) {
		log_warn("restriction %s requires domain name argument",
		    item->name);
		return false;
	}
	l->arg = item->arg;
	eq = strchr(item->arg, '=');
	l->domain = eq == NULL ? item->arg :
	    pool_strndup(&a->pool, item->arg, (size_t)(eq - item->arg));
	l->filter = eq != NULL ? eq + 1 : NULL;
	return true;
}

static void
done(struct list *l)
{
	buf_done(&l->query);
	buf_done(&l->reason);
}

/* --- asking */

static bool
fits(const struct dns_record *r, const struct dnsbl_filter *f)
{
	for (; r != NULL; r = r->next)
		if (f == NULL || dnsbl_filter_has(f, &r->addr))
			return true;
	return false;
}

static void
add_printable(struct buf *b, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		buf_addc(b, text[i] >= ' ' && text[i] < 127 ? text[i] : ' ');
}

/* Why it is listed: lists say so, or have nothing to say. */
static void
ask_reason(struct list *l)
{
	struct dns_record *r;

	if (dns_query(l->query.data, DNS_TXT, &r, NULL) != DNS_OK)
		return;
	for (const struct dns_record *i = r; i != NULL; i = i->next) {
		if (l->reason.len > REASON_MAX)
			break;
		if (i != r)
			buf_adds(&l->reason, " / ");
		add_printable(&l->reason, i->target, i->target_len);
	}
	dns_free(r);
}

/* Lists that did not answer a moment ago: nobody waits for them again. */
static struct map *silent;	/* query -> clock_ms, in a malloc'ed int64_t */

static bool
is_silent(const char *query)
{
	const int64_t *until = silent != NULL ? map_find(silent, query) : NULL;

	return until != NULL && clock_ms() < *until;
}

static void
note_silent(const char *query)
{
	int64_t until = clock_ms() + SILENT_MS;

	if (silent != NULL && map_count(silent) >= SILENT_MAX) {
		map_free(silent, mem_free);
		silent = NULL;
	}
	if (silent == NULL)
		silent = map_new();
	mem_free(map_set(silent, query, mem_dup(&until, sizeof until)));
}

static enum listed
ask(struct list *l)
{
	struct dnsbl_filter f;
	struct dns_record  *r;
	const char	   *why;
	bool		    hit;

	if (l->filter != NULL && !dnsbl_filter_parse(&f, l->filter, &why)) {
		log_warn("RBL reply error: %s: \"%s=%s\"", why, l->domain,
		    l->filter);
		return BAD_FILTER;
	}
	if (is_silent(l->query.data))
		return NOT_KNOWN;
	switch (dns_query(l->query.data, DNS_A, &r, &why)) {
	case DNS_OK:
		break;
	case DNS_NOT_FOUND:
	case DNS_NO_DATA:
		return NOT_LISTED;
	default:
		log_warn("%s: RBL lookup error: %s name=%s type=A: %s",
		    l->query.data, text_eq(why, DNS_WHY_FILTERED) ?
		    "Error looking up" : "Host or domain name not found. "
		    "Name service error for", l->query.data, why);
		note_silent(l->query.data);
		return NOT_KNOWN;
	}
	hit = fits(r, l->filter != NULL ? &f : NULL);
	dns_free(r);
	ask_reason(l);
	return hit ? LISTED : NOT_LISTED;
}

static enum listed
ask_address(struct list *l)
{
	const struct addr *a = &l->a->s->client.addr;

	if (addr_family(a) != AF_INET && addr_family(a) != AF_INET6)
		return NOT_LISTED;
	dnsbl_add_reversed(&l->query, a);
	buf_adds(&l->query, l->domain);
	return ask(l);
}

/* A name without a dot, an address or a literal is on no list. */
static enum listed
ask_domain(struct list *l, const char *domain)
{
	if (domain == NULL || strchr(domain, '.') == NULL || *domain == '[' ||
	    dns_valid_address(domain))
		return NOT_LISTED;
	buf_addf(&l->query, "%s.%s", domain, l->domain);
	return dns_valid_name(l->query.data) ? ask(l) : NOT_LISTED;
}

/* --- refusing */

/* The template for the list, filter and all, or default_rbl_reply.  False: a
 * table failed. */
static bool
template(struct list *l, struct buf *ret)
{
	buf_set(ret, conf_mail.default_rbl_reply);
	if (smtpd_config.rbl_replies == NULL)
		return true;
	switch (table_list_find(smtpd_config.rbl_replies, l->arg, ret)) {
	case TABLE_FOUND:
		return true;
	case TABLE_NOT_FOUND:
		buf_set(ret, conf_mail.default_rbl_reply);
		return true;
	default:
		return false;
	}
}

/* "554 5.7.1 text" taken apart and refused with; the status code may be
 * missing. */
static enum verdict
refuse_with(struct list *l, const char *reply)
{
	char   dsn[12] = "4.7.1";
	long   code;
	size_t n;

	if (strlen(reply) < 4 || (reply[3] != ' ' && reply[3] != '\0') ||
	    !text_to_long(pool_strndup(&l->a->pool, reply, 3), 400, 599,
	    &code)) {
		log_warn("rbl response code configuration error: %s", reply);
		return access_reject(l->a, l->about, 450, "4.7.1",
		    "Service unavailable");
	}
	reply += 4;
	if ((n = dsn_parse(reply, dsn)) > 0)
		for (reply += n; *reply == ' '; reply++)
			;
	return access_reject(l->a, l->about, (int)code, dsn, "%s", reply);
}

/* The reply; a template that makes no sense is replaced by the default. */
static bool
compose(struct list *l, const char *text, struct buf *ret)
{
	char		   code[16];
	const struct macro facts[] = {
		{ "rbl_code", code }, { "rbl_domain", l->domain },
		{ "rbl_what", l->what }, { "rbl_reason", l->reason.data },
		{ "rbl_txt", l->reason.data },
		{ "rbl_class", access_about_text(l->about) }, { NULL, NULL }
	};

	snprintf(code, sizeof code, "%d", conf_mail.maps_rbl_reject_code);
	if (macros_expand(ret, "rbl reply template", text, l->a->s,
	    l->a->rcpt, facts))
		return true;
	log_warn("rbl_reject_reply: bad rbl reply template for domain %s: %s",
	    l->domain, text);
	buf_clear(ret);
	return macros_expand(ret, "default_rbl_reply",
	    conf_mail.default_rbl_reply, l->a->s, l->a->rcpt, facts);
}

static enum verdict
refuse(struct list *l)
{
	struct buf   text = BUF_INIT, reply = BUF_INIT;
	enum verdict v;

	if (!template(l, &text))
		v = access_broken(l->a);
	else if (compose(l, text.data, &reply))
		v = refuse_with(l, reply.data);
	else
		v = access_broken(l->a);
	buf_done(&text);
	buf_done(&reply);
	return v;
}

static enum verdict
refuse_if(enum listed r, struct list *l)
{
	return r == LISTED ? refuse(l) :
	    r == BAD_FILTER ? access_broken(l->a) : VERDICT_NONE;
}

/* --- the restrictions */

static enum verdict
reject_rbl_client(struct access *a, const struct access_item *item)
{
	struct list  l;
	enum verdict v;

	if (!begin(&l, a, item, ABOUT_CLIENT, a->s->client.ip))
		return VERDICT_NONE;
	v = refuse_if(ask_address(&l), &l);
	done(&l);
	return v;
}

/* Whoever runs the list shall not decide who relays here. */
static bool
would_relay(struct access *a)
{
	return a->rcpt != NULL && !access_is_auth_destination(a);
}

static enum verdict
permit_if(enum listed r, struct list *l, const struct access_item *item)
{
	enum verdict v = VERDICT_NONE;

	if (r == LISTED)
		v = access_permit(l->a, item->name,
		    access_about_text(ABOUT_CLIENT), l->a->s->client.label,
		    NULL);
	else if (r == BAD_FILTER)
		v = access_broken(l->a);
	else if (r == NOT_KNOWN)
		v = access_defer_if_reject(l->a, l->about, 450, "4.7.1",
		    "<%s>: %s rejected: Service unavailable", l->what,
		    access_about_text(l->about));
	done(l);
	return v;
}

static enum verdict
permit_dnswl_client(struct access *a, const struct access_item *item)
{
	struct list l;

	if (would_relay(a) ||
	    !begin(&l, a, item, ABOUT_CLIENT, a->s->client.ip))
		return VERDICT_NONE;
	return permit_if(ask_address(&l), &l, item);
}

static enum verdict
permit_rhswl_client(struct access *a, const struct access_item *item)
{
	struct list l;

	if (would_relay(a) ||
	    !begin(&l, a, item, ABOUT_CLIENT, a->s->client.name))
		return VERDICT_NONE;
	return permit_if(ask_domain(&l, a->s->client.name), &l, item);
}

static enum verdict
reject_domain(struct access *a, const struct access_item *item,
    enum access_about about, const char *what, const char *domain)
{
	struct list  l;
	enum verdict v;

	if (!begin(&l, a, item, about, what))
		return VERDICT_NONE;
	v = refuse_if(ask_domain(&l, domain), &l);
	done(&l);
	return v;
}

static enum verdict
reject_rhsbl_client(struct access *a, const struct access_item *item)
{
	const char *name = a->s->client.name;

	return reject_domain(a, item, ABOUT_CLIENT, name, name);
}

static enum verdict
reject_rhsbl_reverse(struct access *a, const struct access_item *item)
{
	const char *name = a->s->client.reverse_name;

	return reject_domain(a, item, ABOUT_REVERSE_CLIENT, name, name);
}

static enum verdict
reject_rhsbl_helo(struct access *a, const struct access_item *item)
{
	return a->helo == NULL ? VERDICT_NONE :
	    reject_domain(a, item, ABOUT_HELO, a->helo, a->helo);
}

static enum verdict
reject_rhsbl_sender(struct access *a, const struct access_item *item)
{
	if (a->sender == NULL || *a->sender == '\0')
		return VERDICT_NONE;
	return reject_domain(a, item, ABOUT_SENDER, a->sender,
	    address_domain(a->sender));
}

static enum verdict
reject_rhsbl_recipient(struct access *a, const struct access_item *item)
{
	return a->rcpt == NULL ? VERDICT_NONE :
	    reject_domain(a, item, ABOUT_RECIPIENT, a->rcpt,
	    address_domain(a->rcpt));
}

const struct restriction access_dnsbl_family[] = {
	{ "reject_rbl_client", reject_rbl_client, TAKES_WORD },
	{ "reject_rbl", reject_rbl_client, TAKES_WORD },
	{ "permit_dnswl_client", permit_dnswl_client, TAKES_WORD },
	{ "permit_rhswl_client", permit_rhswl_client, TAKES_WORD },
	{ "reject_rhsbl_client", reject_rhsbl_client, TAKES_WORD },
	{ "reject_rhsbl_reverse_client", reject_rhsbl_reverse, TAKES_WORD },
	{ "reject_rhsbl_helo", reject_rhsbl_helo, TAKES_WORD },
	{ "reject_rhsbl_sender", reject_rhsbl_sender, TAKES_WORD },
	{ "reject_rhsbl_recipient", reject_rhsbl_recipient, TAKES_WORD },
	{ NULL, NULL, 0 }
};
