#include "mail/route.h"

#include <string.h>
#include <strings.h>

#include "conf/param.h"
#include "mail/address.h"
#include "mail/extension.h"
#include "mail/own_domain.h"
#include "table/match.h"
#include "table/table.h"
#include "util/log.h"

/* The routing parameters; address_verify_* for probes. */
struct set {
	const char		*local, *virtual, *relay, *remote;
	const char		*relayhost;
	struct table_list	*transports;
	struct table_list	*sender_relayhosts;
	struct table_list	*sender_transports;
};

static struct {
	struct set		 set[ROUTE_SETS];
	struct table_list	*relocated;
	bool			 parents;	/* transport_maps: a domain
						   matches subdomains */
} route;

static struct table_list *
open_tables(const char *title, const char *names)
{
	return table_list_open(title, names,
	    TABLE_FOLD | TABLE_PARENT | (conf_mail.smtputf8_enable ?
	    TABLE_UTF8 : 0));
}

static void
init_mail(struct set *s)
{
	s->local = conf_mail.local_transport;
	s->virtual = conf_mail.virtual_transport;
	s->relay = conf_mail.relay_transport;
	s->remote = conf_mail.default_transport;
	s->relayhost = conf_mail.relayhost;
	s->transports = open_tables("transport_maps", conf_mail.transport_maps);
	s->sender_relayhosts = open_tables("sender_dependent_relayhost_maps",
	    conf_mail.sender_dependent_relayhost_maps);
	s->sender_transports = open_tables(
	    "sender_dependent_default_transport_maps",
	    conf_mail.sender_dependent_default_transport_maps);
}

static void
init_verify(struct set *s)
{
	s->local = conf_mail.address_verify_local_transport;
	s->virtual = conf_mail.address_verify_virtual_transport;
	s->relay = conf_mail.address_verify_relay_transport;
	s->remote = conf_mail.address_verify_default_transport;
	s->relayhost = conf_mail.address_verify_relayhost;
	s->transports = open_tables("address_verify_transport_maps",
	    conf_mail.address_verify_transport_maps);
	s->sender_relayhosts = open_tables(
	    "address_verify_sender_dependent_relayhost_maps",
	    conf_mail.address_verify_sender_dependent_relayhost_maps);
	s->sender_transports = open_tables(
	    "address_verify_sender_dependent_default_transport_maps",
	    conf_mail.address_verify_sender_dependent_default_transport_maps);
}

void
route_init(void)
{
	struct match *parents = match_new("parent_domain_matches_subdomains",
	    conf_mail.parent_domain_matches_subdomains, false);

	route.parents = match_word(parents, "transport_maps") == MATCH_YES;
	match_free(parents);
	own_domain_init(conf_mail.mydestination, conf_mail.myorigin);
	init_mail(&route.set[ROUTE_MAIL]);
	init_verify(&route.set[ROUTE_VERIFY]);
	route.relocated = open_tables("relocated_maps",
	    conf_mail.relocated_maps);
}

/* The transports that give a reason where others have a next hop. */
static bool
is_reason(const char *transport)
{
	return strcmp(transport, conf_mail.error_service_name) == 0 ||
	    strcmp(transport, "retry") == 0;
}

void
route_set_text(struct route *r, const char *text, const char *domain)
{
	size_t	    len = strcspn(text, ":");
	const char *nexthop = text[len] == ':' ? text + len + 1 : "";

	nexthop += strspn(nexthop, " \t");
	while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
		len--;
	if (len > 0) {
		buf_clear(&r->transport);
		buf_add(&r->transport, text, len);
	}
	if (*nexthop != '\0')
		buf_set(&r->nexthop, nexthop);
	else if (len > 0 && is_reason(r->transport.data))
		buf_set(&r->nexthop, "Address is undeliverable");
	else if (len > 0 && domain != NULL)
		buf_set(&r->nexthop, domain);
}

static void
set_class(struct route *r, const char *text, const char *title,
    const char *domain)
{
	buf_clear(&r->transport);
	route_set_text(r, text, domain);
	if (r->transport.len == 0) {
		log_warn("%s: no transport name in \"%s\"; write "
		    "\"transport:nexthop\"", title, text);
		r->failed = true;
	}
}

void
route_local(enum route_set which, const char *domain, struct route *r)
{
	set_class(r, route.set[which].local, "local_transport", domain);
}

void
route_virtual(enum route_set which, const char *domain, struct route *r)
{
	set_class(r, route.set[which].virtual, "virtual_transport", domain);
}

/* --- by sender */

/* "DUNNO" ends the search without a result. */
static bool
find_by_sender(struct table_list *tables, const char *sender, const char *null,
    struct buf *found, struct route *r)
{
	struct table_address key = {
		.address = *sender != '\0' ? sender : null,
		.extension = extension_find,
		.is_local = own_domain_is,
		.quote = address_quote_odd,
		.or_internal = true,
	};
	struct buf	  ext = BUF_INIT;
	enum table_result got;

	if (table_list_is_empty(tables))
		return false;
	got = table_list_find_address(tables, &key, found, &ext);
	buf_done(&ext);
	if (got == TABLE_ERROR) {
		log_warn("%s lookup failure", table_list_title(tables));
		r->failed = true;
	}
	return got == TABLE_FOUND && strcasecmp(found->data, "DUNNO") != 0;
}

/* Where off-host mail goes when its transport names no next hop. */
static void
set_relayhost(const struct set *s, const char *sender, const char *domain,
    struct route *r)
{
	struct buf found = BUF_INIT;

	if (find_by_sender(s->sender_relayhosts, sender,
	    conf_mail.empty_address_relayhost_maps_lookup_key, &found, r))
		buf_set(&r->nexthop, found.data);
	else if (s->relayhost[0] != '\0')
		buf_set(&r->nexthop, s->relayhost);
	else
		buf_set(&r->nexthop, domain);
	buf_done(&found);
}

void
route_relay(enum route_set which, const char *sender, const char *domain,
    struct route *r)
{
	const struct set *s = &route.set[which];

	set_relayhost(s, sender, domain, r);
	set_class(r, s->relay, "relay_transport", NULL);
}

void
route_default(enum route_set which, const char *sender, const char *domain,
    struct route *r)
{
	const struct set *s = &route.set[which];
	struct buf	  found = BUF_INIT;

	set_relayhost(s, sender, domain, r);
	if (find_by_sender(s->sender_transports, sender,
	    conf_mail.empty_address_default_transport_maps_lookup_key,
	    &found, r))
		set_class(r, found.data,
		    "sender_dependent_default_transport_maps", NULL);
	else
		set_class(r, s->remote, "default_transport", NULL);
	buf_done(&found);
}

/* --- by recipient */

/* The external form of a key first. */
static enum table_result
find_form(struct table_list *tables, const char *key, bool exact,
    struct buf *found)
{
	struct buf	  quoted = BUF_INIT;
	enum table_result got = TABLE_NOT_FOUND;

	if (address_quote_odd(&quoted, key))
		got = exact ?
		    table_list_find_exact(tables, quoted.data, found) :
		    table_list_find(tables, quoted.data, found);
	buf_done(&quoted);
	if (got != TABLE_NOT_FOUND)
		return got;
	return exact ? table_list_find_exact(tables, key, found) :
	    table_list_find(tables, key, found);
}

static enum table_result
find_address(struct table_list *tables, const char *address, struct buf *found)
{
	size_t		  local = address_local_len(address);
	const char	 *ext = extension_find(address, local);
	struct buf	  key = BUF_INIT;
	enum table_result got;

	got = find_form(tables, address, false, found);
	if (got == TABLE_NOT_FOUND && ext != NULL) {
		buf_add(&key, address, (size_t)(ext - address));
		buf_adds(&key, address + local);
		got = find_form(tables, key.data, true, found);
		buf_done(&key);
	}
	return got;
}

/* domain, then ".parent" (or "parent") up to the last label. */
static enum table_result
find_domain(struct table_list *tables, const char *domain, struct buf *found)
{
	enum table_result got = table_list_find_exact(tables, domain, found);
	const char	 *dot = domain;

	if (*domain == '[')
		return got;
	while (got == TABLE_NOT_FOUND && (dot = strchr(dot + 1, '.')) != NULL)
		got = table_list_find_exact(tables, dot + (route.parents ? 1 :
		    0), found);
	return got;
}

void
route_by_table(enum route_set which, const char *address, struct route *r)
{
	struct table_list *tables = route.set[which].transports;
	const char	  *domain = address_domain(address);
	struct buf	   found = BUF_INIT;
	enum table_result  got;

	if (table_list_is_empty(tables))
		return;
	got = find_address(tables, address, &found);
	if (got == TABLE_NOT_FOUND && domain != NULL && *domain != '\0')
		got = find_domain(tables, domain, &found);
	if (got == TABLE_NOT_FOUND)
		got = table_list_find_exact(tables, "*", &found);
	if (got == TABLE_ERROR) {
		log_warn("%s lookup failure", table_list_title(tables));
		r->failed = true;
	}
	if (got == TABLE_FOUND)
		route_set_text(r, found.data, domain);
	buf_done(&found);
}

bool
route_is_relocated(const char *address, struct buf *ret, struct route *r)
{
	struct table_address key = {
		.address = address,
		.extension = extension_find,
		.is_local = own_domain_is,
		.quote = address_quote_odd,
		.or_internal = true,
	};
	struct buf	  ext = BUF_INIT;
	enum table_result got;

	if (table_list_is_empty(route.relocated))
		return false;
	got = table_list_find_address(route.relocated, &key, ret, &ext);
	buf_done(&ext);
	if (got == TABLE_ERROR) {
		log_warn("relocated_maps lookup failure");
		r->failed = true;
	}
	return got == TABLE_FOUND;
}

bool
route_needs_domain_only(enum route_set which)
{
	return table_list_is_empty(route.set[which].transports) &&
	    table_list_is_empty(route.relocated);
}
