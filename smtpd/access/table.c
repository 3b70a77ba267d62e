/* check_*_access type:table */

#include "mail/resolve_client.h"
#include "smtpd/access/lookup.h"

/*
 * The address that a table knows: where the mail goes by the address's own
 * rules, "user%elsewhere@here" to user@elsewhere.  Most are no riddle, and
 * nobody is asked.
 */
static const char *
address_key(struct access *a, enum access_about about, const char *address)
{
	const struct resolved *r;

	if (*address == '\0' || resolve_is_plain(address))
		return address;
	r = about == ABOUT_SENDER ? access_sender_route(a) :
	    access_rcpt_route(a);
	return r->flags & (RESOLVE_FAIL | RESOLVE_ERROR) ? address :
	    r->recipient;
}

static enum verdict
check(struct access *a, const struct access_item *item,
    enum access_about about)
{
	const char   *name = access_about_name(a, about);
	struct lookup l = { a, item->table, about, name, BUF_INIT,
	    VERDICT_NONE };

	if (about == ABOUT_CLIENT) {
		if (lookup_domain(&l, a->s->client.name))
			lookup_network(&l, a->s->client.ip);
	} else if (about == ABOUT_SENDER || about == ABOUT_RECIPIENT) {
		lookup_address(&l, address_key(a, about, name));
	} else {
		lookup_domain(&l, name);
	}
	buf_done(&l.value);
	return l.verdict;
}

static enum verdict
check_client(struct access *a, const struct access_item *item)
{
	return check(a, item, ABOUT_CLIENT);
}

static enum verdict
check_reverse(struct access *a, const struct access_item *item)
{
	struct lookup l = { a, item->table, ABOUT_REVERSE_CLIENT,
	    a->s->client.reverse_name, BUF_INIT, VERDICT_NONE };

	if (lookup_domain(&l, a->s->client.reverse_name))
		lookup_network(&l, a->s->client.ip);
	lookup_forbid_permit(&l, item->what->name, l.name);
	buf_done(&l.value);
	return l.verdict;
}

static enum verdict
check_helo(struct access *a, const struct access_item *item)
{
	return a->helo != NULL ? check(a, item, ABOUT_HELO) : VERDICT_NONE;
}

static enum verdict
check_sender(struct access *a, const struct access_item *item)
{
	return a->sender != NULL ? check(a, item, ABOUT_SENDER) :
	    VERDICT_NONE;
}

static enum verdict
check_recipient(struct access *a, const struct access_item *item)
{
	return a->rcpt != NULL ? check(a, item, ABOUT_RECIPIENT) :
	    VERDICT_NONE;
}

static enum verdict
check_etrn(struct access *a, const struct access_item *item)
{
	return a->etrn != NULL ? check(a, item, ABOUT_ETRN) : VERDICT_NONE;
}

/* "type:table" alone means what the list it stands in is about. */
static enum verdict
check_by_stage(struct access *a, const struct access_item *item)
{
	switch (access_stage_about(a)) {
	case ABOUT_CLIENT:
		return check_client(a, item);
	case ABOUT_HELO:
		return check_helo(a, item);
	case ABOUT_SENDER:
		return check_sender(a, item);
	case ABOUT_ETRN:
		return check_etrn(a, item);
	default:
		return check_recipient(a, item);
	}
}

const struct restriction access_table_family[] = {
	{ "check_client_access", check_client, TAKES_TABLE },
	{ "check_reverse_client_hostname_access", check_reverse, TAKES_TABLE },
	{ "check_helo_access", check_helo, TAKES_TABLE },
	{ "check_sender_access", check_sender, TAKES_TABLE },
	{ "check_recipient_access", check_recipient, TAKES_TABLE },
	{ "check_etrn_access", check_etrn, TAKES_TABLE },
	{ "check_access_by_stage", check_by_stage, TAKES_TABLE },
	{ NULL, NULL, 0 }
};
