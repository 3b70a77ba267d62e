#include <idn2.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "conf/param.h"
#include "mail/nexthop.h"
#include "mail/own_addr.h"
#include "net/dns.h"
#include "smtp/route.h"
#include "smtp/settings.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/text.h"

enum {
	MX_MAX = 100,		/* hosts looked up for one domain */
	TARGETS_MAX = 200,
};

struct finding {
	struct pool	*pool;
	const char	*domain;
	struct route	*route;
	size_t		 room;		/* of route->targets */
	struct why	*why;
	enum outcome	 worst;		/* DONE: no error so far */
	uint16_t	 port;
	unsigned	 best;		/* preference of all hosts named */
	bool		 is_self;	/* our own address was found ... */
	unsigned	 self_preference; /* ... for this host at best */
};

static uint32_t
random_below(uint32_t below)
{
	uint32_t n;

	if (getrandom(&n, sizeof n, GRND_INSECURE) != sizeof n)
		return 0;
	return n % below;
}

/* In the words of who asks the system. */
static const char *
native_text(enum dns_status status)
{
	return status == DNS_TRY_AGAIN ?
	    "Temporary failure in name resolution" :
	    status == DNS_NO_DATA ? "No address associated with hostname" :
	    "Name or service not known";
}

/* The last host is told of, but trouble with any may pass. */
static void
note_worst(struct finding *f, enum outcome now)
{
	if (f->worst == TRY_LATER)
		f->why->dsn[0] = '4';
	else
		f->worst = now;
}

static void
lookup_failed(struct finding *f, const char *host, const char *type,
    enum dns_status status, const char *text)
{
	/* of addresses the system is asked last */
	bool	    native = settings.use_hosts && *type == 'A';
	const char *dsn = status == DNS_TRY_AGAIN ? "4.4.3" :
	    status == DNS_FAIL ? "5.4.3" :
	    status == DNS_NO_DATA && native ? "5.3.0" : "5.4.4";
	enum outcome now = *dsn == '4' ? TRY_LATER : FAILED;

	if (strcmp(text, DNS_WHY_FILTERED) == 0)
		why_set(f->why, "4.7.0", "Error looking up name=%s type=%s: "
		    "%s", host, type, text);
	else if (status == DNS_FAIL && strcmp(text, "Name server loop") == 0)
		why_set(f->why, "5.4.4", "%s for %s", text, host);
	else if (!native)
		why_set(f->why, dsn, "Host or domain name not found. "
		    "Name service error for name=%s type=%s: %s",
		    host, type, text);
	else
		why_set(f->why, dsn, "unable to look up host %s: %s", host,
		    native_text(status));
	note_worst(f, now);
}

static void
grow(struct finding *f)
{
	struct target *more;

	f->room = f->room == 0 ? 8 : 2 * f->room;
	more = pool_alloc(f->pool, f->room * sizeof *more);
	if (f->route->count > 0)
		memcpy(more, f->route->targets,
		    f->route->count * sizeof *more);
	f->route->targets = more;
}

static struct target *
add_target(struct finding *f, const char *name, const struct addr *addr,
    unsigned preference)
{
	struct target *t;

	if (f->port == 25 &&
	    (own_addr_has(addr) || own_addr_is_proxy(addr)) &&
	    (!f->is_self || preference < f->self_preference)) {
		f->is_self = true;
		f->self_preference = preference;
	}
	if (f->route->count == TARGETS_MAX)
		return NULL;
	if (f->route->count == f->room)
		grow(f);
	t = &f->route->targets[f->route->count++];
	*t = (struct target){ .name = name, .canonical = name, .addr = *addr,
	    .port = f->port, .preference = preference };
	return t;
}

static void
add_addresses(struct finding *f, const char *host, unsigned preference,
    bool proven, const struct addr_list *found, const struct dns_proof *proof)
{
	const char *canonical;

	host = pool_strdup(f->pool, host);
	canonical = proof->canonical == NULL ||
	    strcasecmp(proof->canonical, host) == 0 ? host :
	    pool_strdup(f->pool, proof->canonical);
	if (settings.cname_overrides_servername)
		host = canonical;
	for (size_t i = 0; i < found->count; i++) {
		struct target *t = add_target(f, host, &found->items[i],
		    preference);

		if (t == NULL)
			break;
		t->canonical = canonical;
		t->proven_name = proven;
		t->proven_addr = proof->authentic;
	}
}

static bool
is_final(enum dns_status status)
{
	return status != DNS_NOT_FOUND && status != DNS_NO_DATA;
}

/* smtp_dns_resolver_options: of a name that was completed nobody knows if it is
 * the one that was meant. */
static enum dns_status
ask_dns(const char *host, struct addr_list *ret, struct dns_proof *proof,
    const char **ret_text)
{
	struct buf	name = BUF_INIT;
	enum dns_status status = DNS_NOT_FOUND;

	for (size_t i = 0; !is_final(status) && dns_search_name(host,
	    settings.dns_search, i, &name); i++) {
		if (i > 0) {
			mem_free(proof->canonical);
			addr_list_done(ret);
		}
		status = dns_addresses_proven(name.data, settings.families,
		    false, true, ret, proof, ret_text);
	}
	if (strcmp(name.data, host) != 0)
		proof->authentic = false;
	buf_done(&name);
	return status;
}

/* smtp_host_lookup: the DNS, then what nsswitch.conf says, which no DNSSEC
 * vouches for. */
static enum dns_status
look_up(const char *host, struct addr_list *ret, struct dns_proof *proof,
    const char **ret_text)
{
	enum dns_status status;

	if (settings.use_dns) {
		status = ask_dns(host, ret, proof, ret_text);
		if (status == DNS_OK || !settings.use_hosts)
			return status;
		mem_free(proof->canonical);
		addr_list_done(ret);
	}
	status = dns_addresses_proven(host, settings.families, true, true,
	    ret, proof, ret_text);
	proof->authentic = false;
	return status;
}

/* An address in place of a name, if inet_protocols has its kind. */
static void
add_address(struct finding *f, const char *host, const struct addr *a,
    unsigned preference)
{
	int family = addr_family(a) == AF_INET ? DNS_V4 : DNS_V6;

	if (settings.families & family) {
		add_target(f, pool_strdup(f->pool, host), a, preference);
		return;
	}
	why_set(f->why, "5.4.4", "Name service error for %s: invalid host or "
	    "domain name", host);
	note_worst(f, FAILED);
}

/* `proven`: that this is the host, by DNSSEC or by the configuration. */
static void
add_host(struct finding *f, const char *host, unsigned preference, bool proven)
{
	struct addr_list found = { 0 };
	struct dns_proof proof;
	struct addr	 numeric;
	const char	*text = "";
	enum dns_status	 status;

	if (addr_parse(&numeric, host, 0)) {
		add_address(f, host, &numeric, preference);
		return;
	}
	status = look_up(host, &found, &proof, &text);
	if (status == DNS_OK && found.count == 0)
		status = DNS_NO_DATA;
	if (status != DNS_OK)
		lookup_failed(f, host, proof.type == DNS_AAAA ? "AAAA" : "A",
		    status, text);
	else
		add_addresses(f, host, preference, proven, &found, &proof);
	mem_free(proof.canonical);
	addr_list_done(&found);
}

/* RFC 7505: an MX record whose host is the root says that there is no mail
 * here, whatever stands beside it. */
static bool
is_null_mx(const struct dns_record *mx)
{
	for (; mx != NULL; mx = mx->next)
		if (mx->target != NULL && (mx->target[0] == '\0' ||
		    strcmp(mx->target, ".") == 0))
			return true;
	return false;
}

/* An address in place of a name is wrong, but can be used. */
static bool
is_usable(const char *domain, const char *type, const char *target)
{
	if (target != NULL && dns_valid_address(target)) {
		log_warn("numeric domain name in resource data of %s record "
		    "for %s: %s", type, domain, target);
		return true;
	}
	if (target != NULL && dns_valid_name(target))
		return true;
	log_warn("malformed domain name in resource data of %s record for "
	    "%s: %s", type, domain, target != NULL ? target : "");
	return false;
}

static void
add_mx_hosts(struct finding *f, const struct dns_record *mx)
{
	int n = 0;

	f->best = UINT_MAX;
	for (; mx != NULL && n < MX_MAX; mx = mx->next, n++) {
		if (!is_usable(f->domain, "MX", mx->target))
			continue;
		if (mx->preference < f->best)
			f->best = mx->preference;
		add_host(f, mx->target, mx->preference, mx->authentic);
	}
	if (f->route->count > 0)
		return;
	log_warn("no MX host for %s has a valid address record", f->domain);
	if (f->worst == DONE) {
		f->worst = FAILED;
		why_set(f->why, "5.4.4", "unable to find a valid MX host "
		    "for %s", f->domain);
	}
	if (settings.defer_if_no_mx_address_found && f->worst == FAILED) {
		f->worst = TRY_LATER;
		f->why->dsn[0] = '4';
	}
}

static void
add_by_mx(struct finding *f)
{
	struct dns_record *mx = NULL;
	const char	  *text = "";
	enum dns_status	   status;

	status = dns_query(f->domain, DNS_MX, &mx, &text);
	if (status == DNS_OK && is_null_mx(mx)) {
		f->worst = FAILED;
		why_set(f->why, "5.1.0",
		    "Domain %s does not accept mail (nullMX)", f->domain);
	} else if (status == DNS_OK)
		add_mx_hosts(f, mx);
	else if (status == DNS_NO_DATA || status == DNS_NOT_FOUND ||
	    conf_mail.ignore_mx_lookup_error)
		/* RFC 5321 5.1: implicit MX */
		add_host(f, f->domain, 0, true);
	else
		lookup_failed(f, f->domain, "MX", status, text);
	dns_free(mx);
}

/*
 * RFC 5321 5.1: of several MX hosts only those better than ourselves may be
 * used, or mail would go in circles.
 */
static enum outcome
leave_out_self(struct finding *f, bool by_mx)
{
	struct route *r = f->route;
	size_t kept = 0;

	if (!f->is_self)
		return DONE;
	r->is_backup = by_mx;
	for (size_t i = 0; i < r->count; i++)
		if (by_mx && r->targets[i].preference < f->self_preference)
			r->targets[kept++] = r->targets[i];
	r->count = kept;
	if (kept > 0)
		return DONE;
	if (by_mx && f->best < f->self_preference) {
		why_set(f->why, "4.4.4", "unable to find primary relay for %s",
		    f->domain);
		return TRY_LATER;
	}
	r->is_ours = by_mx;
	why_set(f->why, "5.4.6", "mail for %s loops back to myself",
	    f->domain);
	return FAILED;
}

/* --- SRV: RFC 2782, RFC 6186 */

static bool
wants_srv(const char *service)
{
	char *copy = mem_strdup(conf_mail.use_srv_lookup), *rest = copy, *word;
	bool  found = false;

	while (!found && (word = text_word(&rest, TEXT_LIST_SEP, false)) !=
	    NULL)
		found = strcasecmp(word, service) == 0;
	mem_free(copy);
	return found;
}

/* By priority, then by weight; the order becomes the preference. */
static void
add_srv_hosts(struct finding *f, const struct dns_record *first,
    const char *name)
{
	struct dns_record *left[MX_MAX];
	uint16_t	   port = f->port;
	size_t		   n = 0, same, i;
	unsigned	   order = 0;

	for (const struct dns_record *r = first; r != NULL && n < MX_MAX;
	    r = r->next)
		left[n++] = (struct dns_record *)(uintptr_t)r;
	while (n > 0) {
		struct dns_record *r;

		/* those of the best priority in front */
		same = 0;
		for (i = 1; i < n; i++)
			if (left[i]->preference < left[0]->preference) {
				r = left[0];
				left[0] = left[i];
				left[i] = r;
			}
		for (i = 0; i < n; i++)
			if (left[i]->preference == left[0]->preference) {
				r = left[same];
				left[same++] = left[i];
				left[i] = r;
			}
		i = route_pick(left, same, random_below);
		r = left[i];
		left[i] = left[--n];
		f->port = r->port;
		if (is_usable(name, "SRV", r->target))
			add_host(f, r->target, order++, r->authentic);
	}
	f->port = port;
}

/* False: the domain is to be tried without. */
static bool
add_by_srv(struct finding *f, const char *service)
{
	char		  *name = mem_printf("_%s._tcp.%s", service, f->domain);
	struct dns_record *srv = NULL;
	const char	  *text = "";
	enum dns_status	   status = dns_query(name, DNS_SRV, &srv, &text);
	bool		   none = status == DNS_NO_DATA ||
			       status == DNS_NOT_FOUND ||
			       (status != DNS_OK &&
			       conf_mail.ignore_srv_lookup_error);

	if (status == DNS_OK && is_null_mx(srv)) {
		f->worst = FAILED;
		why_set(f->why, "5.1.0", "Service %s of domain %s is not "
		    "available (null SRV record)", service, f->domain);
	} else if (status == DNS_OK) {
		add_srv_hosts(f, srv, name);
		if (f->route->count == 0 && f->worst == DONE) {
			f->worst = FAILED;
			why_set(f->why, "5.4.4", "unable to find a valid SRV "
			    "host for %s", name);
		}
		none = f->route->count == 0 && f->worst == FAILED;
	} else
		lookup_failed(f, name, "SRV", status, text);
	if (none && conf_mail.allow_srv_lookup_fallback) {
		f->worst = DONE;
		why_clear(f->why);
	} else
		none = false;
	dns_free(srv);
	mem_free(name);
	return !none;
}

bool
route_to_ascii(struct pool *pool, const char *host, const char **ret)
{
	char *ascii;

	*ret = host;
	if (text_is_ascii(host, strlen(host)))
		return true;
	if (idn2_to_ascii_8z(host, &ascii, IDN2_NONTRANSITIONAL) != IDN2_OK)
		return false;
	*ret = pool_strdup(pool, ascii);
	idn2_free(ascii);
	return true;
}

/* `is_domain`: it may have records of its own. */
static void
find_hosts(struct finding *f, const char *service, bool is_domain, bool by_mx)
{
	if (is_domain && wants_srv(service) && add_by_srv(f, service))
		return;
	if (by_mx)
		add_by_mx(f);
	else
		add_host(f, f->domain, 0, true);
}

enum outcome
route_find(struct pool *pool, const struct nexthop *hop, const char *service,
    uint16_t port, struct route *ret, struct why *why)
{
	struct finding	f = { .pool = pool, .route = ret, .why = why,
		.worst = DONE, .port = port };
	bool		is_domain = !hop->no_mx && !settings.disable_dns &&
			    !dns_valid_address(hop->host);
	/* LMTP has no MX records */
	bool		by_mx = is_domain && !settings.is_lmtp;
	enum outcome	got;

	memset(ret, 0, sizeof *ret);
	if (!route_to_ascii(pool, hop->host, &f.domain)) {
		why_set(why, "5.1.2", "Invalid domain name: %s", hop->host);
		return FAILED;
	}
	find_hosts(&f, service, is_domain, by_mx);
	if (ret->count == 0)
		return f.worst == DONE ? FAILED : f.worst;
	if ((got = leave_out_self(&f, by_mx)) != DONE)
		return got;
	route_sort(ret->targets, ret->count, settings.address_preference,
	    settings.randomize_addresses ? random_below : NULL);
	ret->count = route_limit(ret->targets, ret->count,
	    (size_t)settings.mx_address_limit,
	    settings.balance_inet_protocols);
	return DONE;
}
