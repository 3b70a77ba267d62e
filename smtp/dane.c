#include "smtp/dane.h"

#include <strings.h>

#include "net/dns.h"
#include "smtp/route.h"
#include "smtp/settings.h"
#include "util/buf.h"
#include "util/log.h"

enum { TLSA_HEAD = 3, RECORDS_MAX = 50, TRIES = 2 };

/* RFC 7672 3.1.3: usages 0 and 1 mean nothing between mail servers. */
static bool
is_for_mail(const char *name, const struct tlsa *r)
{
	bool	   good = r->usage == 2 || r->usage == 3;
	struct buf text = BUF_INIT;

	if (good && settings.tls_loglevel < 2)
		return true;
	tlsa_text(&text, r);
	if (good)
		log_info("DNSSEC-signed TLSA record: %s: %s", name, text.data);
	else
		log_warn("%s unsupported TLSA certificate usage: %s", name,
		    text.data);
	buf_done(&text);
	return good;
}

/* RFC 7672 2.2: what is not signed counts for nothing. */
static enum dane
take(struct pool *pool, const char *name, const struct dns_record *r,
    struct tlsa *list, size_t *ret_count)
{
	enum dane got = DANE_NONE;
	size_t	  n = 0;

	for (; r != NULL && n < RECORDS_MAX; r = r->next) {
		const unsigned char *p = (const unsigned char *)r->target;

		if (!r->authentic)
			return DANE_NONE;
		if (r->target_len <= TLSA_HEAD)
			continue;
		list[n] = (struct tlsa){
			.usage = p[0], .selector = p[1], .matching = p[2],
			.data = (const uint8_t *)pool_strndup(pool,
			    r->target + TLSA_HEAD, r->target_len - TLSA_HEAD),
			.len = r->target_len - TLSA_HEAD,
		};
		n += is_for_mail(name, &list[n]);
		got = DANE_UNUSABLE;
	}
	*ret_count = n;
	return n > 0 ? DANE_FOUND : got;
}

/* A second question is cheap, and a message that waits is not. */
static enum dns_status
ask(const char *name, struct dns_record **ret)
{
	enum dns_status status = DNS_TRY_AGAIN;
	const char     *text = "";

	for (int i = 0; i < TRIES && (status == DNS_TRY_AGAIN ||
	    status == DNS_FAIL || status == DNS_INVALID); i++) {
		status = dns_query(name, DNS_TLSA, ret, &text);
		if (status == DNS_TRY_AGAIN || status == DNS_FAIL ||
		    status == DNS_INVALID)
			log_warn("DANE TLSA lookup problem: Host or domain "
			    "name not found. Name service error for name=%s "
			    "type=TLSA: %s", name, text);
	}
	return status;
}

static enum dane
look_for(struct pool *pool, const char *host, uint16_t port,
    const struct tlsa **ret, size_t *ret_count)
{
	const char *name = pool_printf(pool, "_%u._tcp.%s", (unsigned)port,
	    host);
	struct dns_record *records = NULL;
	struct tlsa	  *list;
	enum dns_status	   status = ask(name, &records);
	enum dane	   got;

	if (status == DNS_NO_DATA || status == DNS_NOT_FOUND)
		return DANE_NONE;
	if (status != DNS_OK)
		return DANE_TROUBLE;
	list = pool_alloc(pool, RECORDS_MAX * sizeof *list);
	got = take(pool, name, records, list, ret_count);
	*ret = list;
	dns_free(records);
	return got;
}

enum dane
dane_find(struct pool *pool, const struct target *t, uint16_t port,
    const struct tlsa **ret, size_t *ret_count, const char **ret_base,
    struct why *why)
{
	enum dane got;

	if (!t->proven_addr && !settings.tls_force_insecure_host_tlsa_lookup)
		return DANE_UNPROVEN;
	*ret_base = t->canonical;
	got = look_for(pool, t->canonical, port, ret, ret_count);
	if (got == DANE_NONE && strcasecmp(t->name, t->canonical) != 0) {
		*ret_base = t->name;
		got = look_for(pool, t->name, port, ret, ret_count);
	}
	if (got == DANE_TROUBLE)
		why_set(why, "4.7.5", "TLSA lookup error for %s:%u",
		    t->name, (unsigned)port);
	return got;
}
