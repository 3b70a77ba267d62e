/*
 * Is an address known in its class?  Mail for addresses that are not would
 * be accepted first and bounced to a forged sender later.
 */

#include <string.h>

#include "conf/param.h"
#include "mail/address.h"
#include "mail/extension.h"
#include "mail/own_domain.h"
#include "mail/srs.h"
#include "mail/why.h"
#include "smtpd/access/access.h"
#include "smtpd/notice.h"
#include "table/table.h"
#include "util/clock.h"
#include "util/map.h"
#include "util/text.h"

enum {
	KNOWN_MS = 5000,
	KNOWN_MAX = 2000,	/* addresses */
};

/*
 * Addresses that were found a moment ago: user databases behind NSS are slow
 * to ask, and mail for the same people comes again and again.  That an
 * address is unknown is never remembered.
 */
static struct map *known;	/* address -> clock_ms, see below */

/* One class of addresses: its flag, its table, its reply. */
struct class {
	unsigned		  flag;
	struct table_list *const *maps;
	const int		 *code;
	const char		 *table;
};

static enum table_result
find(struct table_list *maps, const char *address)
{
	struct buf	     value = BUF_INIT, ext = BUF_INIT;
	enum table_result    r;
	struct table_address query = {
		.address = address,
		.extension = extension_find,
		.is_local = own_domain_is,
		.quote = address_quote_odd,
		.or_internal = true,
	};

	if (maps == NULL)
		return TABLE_NOT_FOUND;
	r = table_list_find_address(maps, &query, &value, &ext);
	buf_done(&value);
	buf_done(&ext);
	return r;
}

/* Rewriting makes an address good whatever its class says. */
static enum table_result
find_rewritten(const char *address, enum access_about about)
{
	struct table_list *lists[] = {
		about == ABOUT_SENDER ? smtpd_config.sender_canonical :
		    smtpd_config.recipient_canonical,
		smtpd_config.canonical, smtpd_config.virtual_aliases,
	};
	enum table_result r;

	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		if ((r = find(lists[i], address)) != TABLE_NOT_FOUND)
			return r;
	return TABLE_NOT_FOUND;
}

/* The time is kept in the pointer, in ms since the first. */
static int64_t
known_clock(void)
{
	static int64_t start;

	if (start == 0)
		start = clock_ms() - 1;
	return clock_ms() - start;
}

static bool
was_known(const char *address)
{
	return known != NULL && (int64_t)(uintptr_t)map_find(known, address) >
	    known_clock();
}

static void
remember(const char *address)
{
	if (known != NULL && map_count(known) >= KNOWN_MAX) {
		map_free(known, NULL);
		known = NULL;
	}
	if (known == NULL)
		known = map_new();
	map_set(known, address, (void *)(uintptr_t)(known_clock() + KNOWN_MS));
}

/* Local addresses that exist without being in a table. */
static bool
is_always_known(const char *address)
{
	const char *const names[] = {
		"postmaster", "mailer-daemon", conf_mail.double_bounce_sender,
	};
	size_t n = address_local_len(address);

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strlen(names[i]) == n &&
		    strncasecmp(address, names[i], n) == 0)
			return true;
	return false;
}

static enum verdict
unknown(struct access *a, enum access_about about, const char *address,
    const struct class *c)
{
	const char *dsn = about == ABOUT_SENDER &&
	    c->flag != RESOLVE_CLASS_ALIAS ? "5.1.0" : "5.1.1";

	notice_bounce(a->s);
	if (!conf_mail.show_user_unknown_table_name)
		return access_reject(a, about, *c->code, dsn,
		    "<%s>: %s rejected: User unknown", address,
		    access_about_text(about));
	return access_reject(a, about, *c->code, dsn,
	    "<%s>: %s rejected: User unknown in %s", address,
	    access_about_text(about), c->table);
}

static enum verdict
trouble(struct access *a, enum access_about about, const char *address)
{
	return access_reject(a, about, 451, "4.3.0",
	    "<%s>: Temporary lookup failure", address);
}

/* The route is "error:5.1.2 no such domain" or "retry:...". */
static enum verdict
error_route(struct access *a, enum access_about about, const char *address,
    const struct resolved *route)
{
	bool	    later = text_eq(route->transport, "retry");
	const char *text = route->nexthop;
	char	    dsn[12];
	size_t	    n = dsn_parse(text, dsn);

	if (n == 0)
		strcpy(dsn, later ? "4.1.1" : "5.1.1");
	while (text[n] == ' ')
		n++;
	notice_bounce(a->s);
	return access_reject(a, about, later ? 450 : 550, dsn,
	    "<%s>: %s rejected: %s", address, access_about_text(about),
	    text + n);
}

static const struct class *
find_class(unsigned flags)
{
	static const struct class classes[] = {
		{ RESOLVE_CLASS_LOCAL, &smtpd_config.local_recipients,
		    &conf_mail.unknown_local_recipient_reject_code,
		    "local recipient table" },
		{ RESOLVE_CLASS_ALIAS, &smtpd_config.virtual_aliases,
		    &conf_mail.unknown_virtual_alias_reject_code,
		    "virtual alias table" },
		{ RESOLVE_CLASS_VIRTUAL, &smtpd_config.virtual_mailboxes,
		    &conf_mail.unknown_virtual_mailbox_reject_code,
		    "virtual mailbox table" },
		{ RESOLVE_CLASS_RELAY, &smtpd_config.relay_recipients,
		    &conf_mail.unknown_relay_recipient_reject_code,
		    "relay recipient table" },
	};

	for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
		if (flags & classes[i].flag)
			return &classes[i];
	return NULL;
}

/*
 * The route is an error: of relocated_maps, of transport_maps, or what the
 * resolver says of every virtual alias domain, which the class's own table
 * must confirm.
 */
static bool
is_error_route(const struct resolved *route, const struct class *c)
{
	char dsn[12];

	if (text_eq(route->transport, "retry"))
		return true;
	if (!text_eq(route->transport, "error"))
		return false;
	return c == NULL || c->flag != RESOLVE_CLASS_ALIAS ||
	    (dsn_parse(route->nexthop, dsn) > 0 && !text_eq(dsn, "5.1.1"));
}

/* By the tables: found, not found, or can't be known now. */
static enum table_result
look_up(const char *address, enum access_about about, const struct class *c)
{
	enum table_result r = find_rewritten(address, about);

	if (r != TABLE_NOT_FOUND || c->flag == RESOLVE_CLASS_ALIAS)
		return r;
	return *c->maps != NULL ? find(*c->maps, address) : TABLE_FOUND;
}

/* An address that SRS gave away: good, or forged. */
static bool
is_srs(const char *address, enum table_result *ret)
{
	struct buf	sender = BUF_INIT;
	enum srs_result got = srs_recipient(&sender, address);

	buf_done(&sender);
	*ret = got == SRS_GOOD ? TABLE_FOUND : TABLE_NOT_FOUND;
	return got != SRS_NONE;
}

static enum verdict
check(struct access *a, enum access_about about, const char *address,
    const struct resolved *route)
{
	const struct class *c = find_class(route->flags);
	enum table_result   r;

	if (route->flags & RESOLVE_FAIL)
		return trouble(a, about, address);
	if (was_known(route->recipient))
		return VERDICT_NONE;
	if (is_error_route(route, c)) {
		r = find_rewritten(route->recipient, about);
		return r == TABLE_FOUND ? VERDICT_NONE :
		    r == TABLE_ERROR ? trouble(a, about, address) :
		    error_route(a, about, address, route);
	}
	if (c == NULL)	/* of a table that fails cleanup would tell too late */
		return find_rewritten(route->recipient, about) == TABLE_ERROR ?
		    trouble(a, about, address) : VERDICT_NONE;
	if (c->flag == RESOLVE_CLASS_LOCAL && is_always_known(route->recipient))
		return VERDICT_NONE;
	if (about == ABOUT_RECIPIENT && is_srs(route->recipient, &r))
		return r == TABLE_FOUND ? VERDICT_NONE :
		    unknown(a, about, address, c);
	switch (look_up(route->recipient, about, c)) {
	case TABLE_FOUND:
		remember(route->recipient);
		return VERDICT_NONE;
	case TABLE_NOT_FOUND:
		return unknown(a, about, address, c);
	default:
		return trouble(a, about, address);
	}
}

enum verdict
access_unlisted_rcpt(struct access *a)
{
	a->rcpt_known = true;
	if (!smtpd_config.check_recipients)
		return VERDICT_NONE;
	return check(a, ABOUT_RECIPIENT, a->rcpt, access_rcpt_route(a));
}

enum verdict
access_unlisted_sender(struct access *a)
{
	a->sender_known = true;
	if (*a->sender == '\0' || !smtpd_config.check_recipients)
		return VERDICT_NONE;
	return check(a, ABOUT_SENDER, a->sender, access_sender_route(a));
}
