#include "mail/resolve.h"

#include <string.h>
#include <strings.h>

#include "conf/param.h"
#include "mail/address.h"
#include "mail/literal.h"
#include "mail/own_addr.h"
#include "mail/resolve_client.h"
#include "mail/rewrite.h"
#include "net/dns.h"
#include "net/idna.h"
#include "table/match.h"
#include "util/log.h"
#include "util/text.h"

/*
 * Resolving an address:
 *
 *	+--> strip the final dot
 *	|    is the domain ours? -- no --> off host: class by domain
 *	|	yes: strip it
 *	|    routing in what is left (a%b, b!a, "a@b")?
 *	+----- yes: rewrite to a@b	no --> local
 *
 * Every round strips a domain or turns one operator into '@'; ROUNDS_MAX is
 * for somebody who plays games.
 */
enum { ROUNDS_MAX = 100 };

static struct {
	struct match		*here;		/* mydestination */
	struct match		*alias, *mailbox, *relay;
	struct rewrite_rules	 local, remote;
} domains;

/* What is known of an address on its way through the loop. */
struct work {
	struct buf	*address;
	struct buf	 domain;	/* ours, as it was stripped */
	bool		 is_local, failed;
};

void
resolve_init(void)
{
	struct match *parents = match_new("parent_domain_matches_subdomains",
	    conf_mail.parent_domain_matches_subdomains, false);

	domains.here = match_new("mydestination", conf_mail.mydestination,
	    false);
	domains.alias = match_new("virtual_alias_domains",
	    conf_mail.virtual_alias_domains, false);
	domains.mailbox = match_new("virtual_mailbox_domains",
	    conf_mail.virtual_mailbox_domains, false);
	domains.relay = match_new("relay_domains", conf_mail.relay_domains,
	    match_word(parents, "relay_domains") == MATCH_YES);
	match_free(parents);
	domains.local = rewrite_rules_local();
	domains.remote = rewrite_rules_remote();
}

void
resolve_rewrite(const char *context, const char *address, struct buf *out)
{
	rewrite_standard(out, address, strcmp(context, "remote") == 0 ?
	    &domains.remote : &domains.local);
}

/* --- domains */

static bool
is_valid(const char *domain)
{
	struct addr addr;

	if (*domain == '[') {
		literal_warn(domain);
		return literal_parse(domain, &addr);
	}
	if (!text_is_ascii(domain, strlen(domain)))
		return conf_mail.smtputf8_enable &&
		    text_is_utf8(domain, strlen(domain)) &&
		    idna_is_valid(domain);
	if (*domain == '-' || strstr(domain, ".-") != NULL ||
	    strstr(domain, "-.") != NULL)
		return false;
	return dns_valid_name(domain);
}

static bool
matches(struct match *list, const char *domain, bool *failed)
{
	enum match_result got;

	if (match_is_empty(list))
		return false;
	got = match_domain(list, domain);
	if (got == MATCH_ERROR) {
		if (list != domains.here)
			log_warn("%s lookup failure", match_title(list));
		*failed = true;
	}
	return got == MATCH_YES;
}

static bool
is_ours(const char *domain, bool *failed)
{
	struct addr addr;

	if (matches(domains.here, domain, failed))
		return true;
	return literal_parse(domain, &addr) &&
	    (own_addr_has(&addr) || own_addr_is_proxy(&addr));
}

/* The class is known: whether this one can be asked does not matter. */
static void
warn_if_also_in(struct match *list, const char *domain, const char *one)
{
	if (!match_is_empty(list) && match_domain(list, domain) == MATCH_YES)
		log_warn("do not list domain %s in BOTH %s and %s", domain,
		    one, match_title(list));
}

/* --- the loop */

static void
strip_dot(struct buf *a)
{
	if (a->len > 1 && a->data[a->len - 1] == '.' &&
	    a->data[a->len - 2] != '.' && a->data[a->len - 2] != '@')
		buf_cut(a, a->len - 1);
	if (conf_mail.resolve_null_domain && a->len > 0 &&
	    a->data[a->len - 1] == '@')
		buf_cut(a, a->len - 1);
}

static bool
has_routing(const char *local)
{
	return (conf_mail.resolve_dequoted_address &&
	    strchr(local, '@') != NULL) ||
	    (conf_mail.swap_bangpath && strchr(local, '!') != NULL) ||
	    (conf_mail.allow_percent_hack && strchr(local, '%') != NULL);
}

/* user@192.0.2.1 to user@[192.0.2.1] */
static void
add_brackets(struct buf *address)
{
	const char *domain = address_domain(address->data);

	if (!conf_mail.resolve_numeric_domain || !dns_valid_address(domain))
		return;
	buf_splice(address, (size_t)(domain - address->data), 0, "[", 1);
	buf_addc(address, ']');
}

/* As a client may give it: it is asked about before cleanup completes it. */
static void
complete(struct buf *address)
{
	const char *domain = address_domain(address->data);
	struct buf  whole = BUF_INIT;

	if (domain != NULL && *address->data != '@' && *domain != '\0' &&
	    (*domain == '[' || strchr(domain, '.') != NULL))
		return;
	rewrite_standard(&whole, address->data, &domains.local);
	buf_set(address, whole.data);
	buf_done(&whole);
}

/* Takes our own domain off; false if it is another's. */
static bool
strip_domain(struct work *w)
{
	const char *domain = address_domain(w->address->data);

	if (domain == NULL)
		return true;
	add_brackets(w->address);
	domain = address_domain(w->address->data);
	if (!is_ours(domain, &w->failed))
		return false;
	buf_set(&w->domain, domain);
	buf_cut(w->address, (size_t)(domain - 1 - w->address->data));
	return true;
}

/* "user@host@": what is left of the empty domain may have one of its own. */
static bool
strip_empty_domain(struct buf *address)
{
	if (address->len == 0 || address->data[address->len - 1] != '@')
		return false;
	buf_cut(address, address->len - 1);
	if (has_routing(address->data))
		return true;
	buf_addc(address, '@');
	return false;
}

static void
find_place(struct work *w)
{
	struct buf next = BUF_INIT;

	complete(w->address);
	for (int round = 0; round < ROUNDS_MAX; round++) {
		strip_dot(w->address);
		if (!strip_empty_domain(w->address)) {
			w->is_local = strip_domain(w);
			if (!w->is_local || !has_routing(w->address->data))
				break;
		}
		buf_clear(&next);
		rewrite_standard(&next, w->address->data, &domains.local);
		buf_set(w->address, next.data);
	}
	buf_done(&next);
}

/* --- the classes */

static void
set_error(struct answer *a, const char *reason)
{
	buf_set(&a->route.transport, conf_mail.error_service_name);
	buf_set(&a->route.nexthop, reason);
}

static void
resolve_local(enum route_set set, struct work *w, struct answer *a)
{
	const char *domain = w->domain.len > 0 ? w->domain.data :
	    conf_mail.myhostname;

	if (strpbrk(a->recipient.data, "@%!") != NULL)
		a->flags |= RESOLVE_ROUTED;
	if (a->recipient.len == 0)
		buf_adds(&a->recipient, conf_mail.empty_address_recipient);
	buf_addc(&a->recipient, '@');
	buf_adds(&a->recipient, domain);
	a->flags |= RESOLVE_CLASS_LOCAL;
	route_local(set, domain, &a->route);
	warn_if_also_in(domains.alias, domain, "mydestination");
	warn_if_also_in(domains.mailbox, domain, "mydestination");
}

static void
resolve_alias(const char *domain, struct answer *a)
{
	a->flags |= RESOLVE_CLASS_ALIAS;
	set_error(a, conf_mail.show_user_unknown_table_name ?
	    "5.1.1 User unknown in virtual alias table" :
	    "5.1.1 User unknown");
	warn_if_also_in(domains.mailbox, domain, "virtual_alias_domains");
	warn_if_also_in(domains.relay, domain, "virtual_alias_domains");
}

static void
resolve_off_host(enum route_set set, struct work *w, const char *sender,
    struct answer *a)
{
	const char *domain = address_domain(a->recipient.data);
	size_t	    local = address_local_len(a->recipient.data);

	if (strcspn(a->recipient.data, "@%!") < local)
		a->flags |= RESOLVE_ROUTED;
	if (!is_valid(domain)) {
		a->flags |= RESOLVE_ERROR | RESOLVE_CLASS_DEFAULT;
	} else if (matches(domains.alias, domain, &w->failed)) {
		resolve_alias(domain, a);
	} else if (matches(domains.mailbox, domain, &w->failed)) {
		a->flags |= RESOLVE_CLASS_VIRTUAL;
		route_virtual(set, domain, &a->route);
		warn_if_also_in(domains.relay, domain, "virtual_mailbox_domains");
	} else if (matches(domains.relay, domain, &w->failed)) {
		a->flags |= RESOLVE_CLASS_RELAY;
		route_relay(set, sender, domain, &a->route);
	} else {
		a->flags |= RESOLVE_CLASS_DEFAULT;
		route_default(set, sender, domain, &a->route);
	}
}

static void
apply_relocated(struct answer *a)
{
	struct buf to = BUF_INIT, reason = BUF_INIT;

	if (route_is_relocated(a->recipient.data, &to, &a->route)) {
		buf_addf(&reason, "5.1.6 %s%s",
		    conf_mail.relocated_prefix_enable ? "User has moved to " :
		    "", to.data);
		set_error(a, reason.data);
	}
	buf_done(&to);
	buf_done(&reason);
}

static void
apply_tables(enum route_set set, struct answer *a)
{
	if (!conf_mail.allow_min_user && a->recipient.data[0] == '-')
		a->flags |= RESOLVE_ERROR;
	if (a->flags & RESOLVE_ERROR) {
		if (strcmp(a->recipient.data, "@") == 0)
			buf_splice(&a->recipient, 0, 0,
			    conf_mail.empty_address_recipient,
			    strlen(conf_mail.empty_address_recipient));
		set_error(a, "5.1.3 bad address syntax");
		return;
	}
	if (!(a->flags & RESOLVE_CLASS_ALIAS))
		route_by_table(set, a->recipient.data, &a->route);
	apply_relocated(a);
}

void
resolve(enum route_set set, const char *sender, const char *recipient,
    struct answer *a)
{
	struct work w = { .address = &a->recipient, .domain = BUF_INIT };

	buf_set(&a->recipient, recipient);
	buf_clear(&a->route.transport);
	buf_clear(&a->route.nexthop);
	a->route.failed = false;
	a->flags = 0;
	find_place(&w);
	if (w.is_local)
		resolve_local(set, &w, a);
	else
		resolve_off_host(set, &w, sender, a);
	apply_tables(set, a);
	if (w.failed || a->route.failed) {
		a->flags |= RESOLVE_FAIL;
		buf_set(&a->route.transport, "retry");
		buf_set(&a->route.nexthop, "4.3.0 address resolver failure");
	} else if (resolve_is_plain(recipient) &&
	    route_needs_domain_only(set) &&
	    strcmp(a->recipient.data, recipient) == 0) {
		a->flags |= RESOLVE_BY_DOMAIN;
	}
	buf_done(&w.domain);
}

void
resolve_answer_done(struct answer *a)
{
	buf_done(&a->route.transport);
	buf_done(&a->route.nexthop);
	buf_done(&a->recipient);
}
