/* Restrictions on the client's names. */

#include "conf/param.h"
#include "smtpd/access/access.h"
#include "table/table.h"
#include "util/log.h"

/* The configured code, but 450 while the answer may change. */
static int
code_for(enum name_status st)
{
	return st == NAME_TRY_AGAIN ? 450 :
	    conf_mail.unknown_client_reject_code;
}

static enum verdict
reject_unknown_client(struct access *a, const struct access_item *item)
{
	const struct client *c = &a->s->client;

	(void)item;
	if (c->name_status == NAME_OK)
		return VERDICT_NONE;
	return access_reject(a, ABOUT_CLIENT, code_for(c->name_status),
	    "4.7.25", "Client host rejected: cannot find your hostname, [%s]",
	    c->ip);
}

static enum verdict
reject_unknown_reverse(struct access *a, const struct access_item *item)
{
	const struct client *c = &a->s->client;

	(void)item;
	if (c->reverse_status == NAME_OK)
		return VERDICT_NONE;
	return access_reject(a, ABOUT_CLIENT, code_for(c->reverse_status),
	    "4.7.1",
	    "Client host rejected: cannot find your reverse hostname, [%s]",
	    c->ip);
}

/* In local_header_rewrite_clients: is its address in the table? */
static enum verdict
check_address_map(struct access *a, const struct access_item *item)
{
	struct buf   value = BUF_INIT;
	enum verdict v = VERDICT_NONE;

	if (item->table == NULL)
		return v;
	switch (table_find(item->table, a->s->client.ip, &value)) {
	case TABLE_FOUND:
		v = VERDICT_PERMIT;
		break;
	case TABLE_NOT_FOUND:
		break;
	case TABLE_ERROR:
		log_warn("%s: %s", item->name, table_error(item->table));
		break;
	}
	buf_done(&value);
	return v;
}

const struct restriction access_client_family[] = {
	{ "check_address_map", check_address_map, TAKES_TABLE },
	{ "reject_unknown_client_hostname", reject_unknown_client, 0 },
	{ "reject_unknown_client", reject_unknown_client, 0 },
	{ "reject_unknown_reverse_client_hostname", reject_unknown_reverse, 0 },
	{ NULL, NULL, 0 }
};
