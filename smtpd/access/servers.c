/*
 * check_*_{mx,ns,a}_access type:table: the servers behind a domain, by name and
 * by address.  Whoever owns many domains often has few servers.
 *
 * Names and addresses come from the DNS of those whom the table is about, so it
 * may refuse but not permit.  A lookup that fails decides nothing.
 */

#include <string.h>

#include "conf/param.h"
#include "mail/address.h"
#include "net/dns.h"
#include "server/client.h"
#include "smtpd/access/lookup.h"
#include "util/log.h"
#include "util/text.h"

enum { SERVERS_MAX = 100 };	/* of a domain; the rest is not looked at */

/* A check under way. */
struct check {
	struct lookup	 l;
	const char	*restriction;
	const char	*whose;		/* servers, in warnings */
	enum dns_type	 type;		/* DNS_MX, DNS_NS, DNS_A */
	const char	*kind;		/* "MX" */
};

/* False: something decided.  A permit is not allowed to. */
static bool
goes_on(struct check *c, bool not_found)
{
	if (!not_found)
		lookup_forbid_permit(&c->l, c->restriction, c->whose);
	return not_found;
}

static bool
try_address(struct check *c, const struct addr *a)
{
	char text[ADDR_TEXT];

	addr_text(a, text);
	return goes_on(c, lookup_network(&c->l, text));
}

/* "[192.0.2.1]" has no servers but itself. */
static void
try_literal(struct check *c, const char *literal)
{
	size_t	    n = strlen(literal);
	const char *text;
	struct addr a;

	if (n < 3 || literal[n - 1] != ']' || c->type == DNS_NS)
		return;
	text = pool_strndup(&c->l.a->pool, literal + 1, n - 2);
	if (text_starts_nocase(text, "IPv6:"))
		text += 5;
	if (addr_parse(&a, text, 0))
		try_address(c, &a);
}

/* The server's name, then its addresses; check_..._a_access is about those
 * alone. */
static bool
try_server(struct check *c, const char *host)
{
	struct addr_list list = { 0 };
	enum dns_status	 d;
	bool		 go_on;

	if (c->type != DNS_A && !goes_on(c, lookup_domain(&c->l, host)))
		return false;
	d = dns_addresses(host, smtpd_config.families, true, true, &list,
	    NULL);
	if (d != DNS_OK) {
		if (c->type == DNS_A)
			return true;
		log_warn("Unable to look up %s host %s for %s %s: %s", c->kind,
		    host, access_about_text(c->l.about), c->l.name,
		    client_lookup_error(d));
		return true;
	}
	go_on = true;
	for (size_t i = 0; i < list.count && go_on; i++)
		go_on = try_address(c, &list.items[i]);
	addr_list_done(&list);
	return go_on;
}

/*
 * The records of a domain.  Name servers are those of the zone it is in, so
 * labels are left out until there are some.  *domain ends as what was asked
 * last, NULL if there is nothing above.
 */
static enum dns_status
find_records(enum dns_type type, const char **domain, struct dns_record **ret,
    const char **ret_why)
{
	enum dns_status d;

	for (;;) {
		d = dns_query(*domain, type, ret, ret_why);
		if (type != DNS_NS ||
		    (d != DNS_NOT_FOUND && d != DNS_NO_DATA))
			return d;
		*domain = strchr(*domain, '.');
		if (*domain == NULL || *++*domain == '\0') {
			*domain = NULL;
			return d;
		}
	}
}

static void
try_servers(struct check *c, const char *domain)
{
	struct dns_record *r = NULL;
	const char	  *asked = domain, *why = "";
	enum dns_status	   d = DNS_NO_DATA;
	int		   n = 0;

	if (c->type != DNS_A)
		d = find_records(c->type, &asked, &r, &why);
	if ((d == DNS_NO_DATA || d == DNS_NOT_FOUND) && c->type != DNS_NS) {
		try_server(c, domain);	/* RFC 5321 5.1 */
		return;
	}
	if (d != DNS_OK) {
		log_warn("Unable to look up %s host for %s: %s", c->kind,
		    asked != NULL ? asked : c->l.name,
		    d == DNS_NOT_FOUND ? "Host not found" :
		    text_eq(why, DNS_WHY_FILTERED) ?
		    "DNS reply filter policy" : why);
		return;
	}
	for (struct dns_record *i = r; i != NULL && n++ < SERVERS_MAX;
	    i = i->next)
		if (*i->target != '\0' && !try_server(c, i->target))
			break;
	dns_free(r);
}

/* Whose servers, and what is in the reply. */
struct subject {
	enum access_about about;
	const char	 *name;
	const char	 *domain;	/* NULL: none */
};

static struct subject
subject_of(struct access *a, const char *restriction)
{
	const struct client *c = &a->s->client;
	struct subject	     s = { ABOUT_CLIENT, NULL, NULL };

	if (strstr(restriction, "reverse_client") != NULL) {
		s.about = ABOUT_REVERSE_CLIENT;
		s.name = c->reverse_name;
	} else if (strstr(restriction, "client") != NULL) {
		s.domain = c->name;
		s.name = c->label;
	} else if (strstr(restriction, "helo") != NULL) {
		s.about = ABOUT_HELO;
		s.name = a->helo;
	} else if (strstr(restriction, "sender") != NULL) {
		s.about = ABOUT_SENDER;
		s.name = a->sender;
	} else {
		s.about = ABOUT_RECIPIENT;
		s.name = a->rcpt;
	}
	if (s.name != NULL && s.about >= ABOUT_SENDER)
		s.domain = address_domain(s.name);
	if (s.domain == NULL)	/* "user" alone: a name like any other */
		s.domain = s.name;
	if (s.about < ABOUT_HELO && text_eq(s.domain, "unknown"))
		s.domain = NULL;
	return s;
}

static enum verdict
check(struct access *a, const struct access_item *item, enum dns_type type,
    const char *kind)
{
	struct subject s = subject_of(a, item->what->name);
	struct check   c = {
		.l = { a, item->table, s.about, s.name, BUF_INIT,
		    VERDICT_NONE },
		.restriction = item->what->name, .type = type, .kind = kind,
		.whose = s.about == ABOUT_CLIENT ? s.domain : s.name,
	};

	if (s.domain == NULL || *s.domain == '\0')
		return VERDICT_NONE;
	if (*s.domain == '[')
		try_literal(&c, s.domain);
	else if (type != DNS_NS && dns_valid_address(s.domain))
		try_literal(&c, pool_printf(&a->pool, "[%s]", s.domain));
	else
		try_servers(&c, s.domain);
	buf_done(&c.l.value);
	return c.l.verdict;
}

static enum verdict
check_mx(struct access *a, const struct access_item *item)
{
	return check(a, item, DNS_MX, "MX");
}

static enum verdict
check_ns(struct access *a, const struct access_item *item)
{
	return check(a, item, DNS_NS, "NS");
}

static enum verdict
check_a(struct access *a, const struct access_item *item)
{
	return check(a, item, DNS_A, "A");
}

#define FAMILY(subject) \
	{ "check_" subject "_mx_access", check_mx, TAKES_TABLE }, \
	{ "check_" subject "_ns_access", check_ns, TAKES_TABLE }, \
	{ "check_" subject "_a_access", check_a, TAKES_TABLE }

const struct restriction access_servers_family[] = {
	FAMILY("client"), FAMILY("reverse_client_hostname"), FAMILY("helo"),
	FAMILY("sender"), FAMILY("recipient"),
	{ NULL, NULL, 0 }
};
