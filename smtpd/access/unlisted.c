/*
 * Is an address known in its class?  Mail for addresses that are not would
 * be accepted first and bounced to a forged sender later.
 */

#include <string.h>

#include "conf/param.h"
#include "mail/address.h"
#include "mail/why.h"
#include "smtpd/access/access.h"
#include "table/table.h"
#include "util/log.h"
#include "util/text.h"

/* One class of addresses: its flag, its table, its reply. */
struct class {
	unsigned	   flag;
	struct table_list *maps;
	int		   code;
	const char	  *table;
};

static enum table_result
find(struct table_list *maps, const char *address)
{
	struct buf	     value = BUF_INIT, ext = BUF_INIT;
	enum table_result    r;
	struct table_address query = {
		.address = address,
		.delimiters = conf_mail.recipient_delimiter,
		.is_local = config_is_local,
	};

	if (maps == NULL)
		return TABLE_NOT_FOUND;
	r = table_list_find_address(maps, &query, &value, &ext);
	if (r == TABLE_ERROR)
		log_warn("%s: lookup of %s failed", table_list_error(maps),
		    address);
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
	if (!conf_mail.show_user_unknown_table_name)
		return access_reject(a, about, c->code, "5.1.1",
		    "<%s>: %s rejected: User unknown", address,
		    access_about_text(about));
	return access_reject(a, about, c->code, "5.1.1",
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
		strcpy(dsn, later ? "4.0.0" : "5.0.0");
	while (text[n] == ' ')
		n++;
	return access_reject(a, about, later ? 450 : 550, dsn,
	    "<%s>: %s rejected: %s", address, access_about_text(about),
	    text + n);
}

static enum verdict
check(struct access *a, enum access_about about, const char *address,
    const struct resolved *route)
{
	const struct class classes[] = {
		{ RESOLVE_CLASS_LOCAL, smtpd_config.local_recipients,
		    conf_mail.unknown_local_recipient_reject_code,
		    "local recipient table" },
		{ RESOLVE_CLASS_ALIAS, smtpd_config.virtual_aliases,
		    conf_mail.unknown_virtual_alias_reject_code,
		    "virtual alias table" },
		{ RESOLVE_CLASS_VIRTUAL, smtpd_config.virtual_mailboxes,
		    conf_mail.unknown_virtual_mailbox_reject_code,
		    "virtual mailbox table" },
		{ RESOLVE_CLASS_RELAY, smtpd_config.relay_recipients,
		    conf_mail.unknown_relay_recipient_reject_code,
		    "relay recipient table" },
	};
	const struct class *c = NULL;
	enum table_result   r;

	if (route->flags & RESOLVE_FAIL)
		return trouble(a, about, address);
	if ((route->flags & RESOLVE_CLASS_LOCAL) &&
	    is_always_known(route->recipient))
		return VERDICT_NONE;
	if ((r = find_rewritten(route->recipient, about)) == TABLE_ERROR)
		return trouble(a, about, address);
	if (r == TABLE_FOUND)
		return VERDICT_NONE;
	for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
		if (route->flags & classes[i].flag)
			c = &classes[i];
	if (c != NULL && c->flag == RESOLVE_CLASS_ALIAS)
		return unknown(a, about, address, c);
	if (text_eq(route->transport, "error") ||
	    text_eq(route->transport, "retry"))
		return error_route(a, about, address, route);
	if (c == NULL || c->maps == NULL)
		return VERDICT_NONE;
	switch (find(c->maps, route->recipient)) {
	case TABLE_FOUND:
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
