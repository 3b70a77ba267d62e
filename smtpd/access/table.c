/*
 * check_*_access type:table: what is looked up, and in what order
 * (access(5)).  Tables of patterns see the whole name only.
 */

#include <string.h>

#include "conf/param.h"
#include "mail/address.h"
#include "smtpd/access/access.h"
#include "table/table.h"
#include "util/log.h"
#include "util/text.h"

/* One lookup: the keys are tried until one is found. */
struct lookup {
	struct access	 *a;
	struct table	 *table;
	enum access_about about;
	const char	 *name;		/* for the reply */
	struct buf	  value;
	enum verdict	  verdict;
};

/* False: found, or the table is broken; the verdict is set. */
static bool
try(struct lookup *l, const char *key)
{
	switch (table_find(l->table, key, &l->value)) {
	case TABLE_NOT_FOUND:
		return true;
	case TABLE_FOUND:
		l->verdict = access_action(l->a, l->about, l->name,
		    table_name(l->table), l->value.data);
		return false;
	default:
		log_warn("%s: table lookup problem", table_name(l->table));
		l->verdict = access_reject(l->a, l->about, 451, "4.3.5",
		    "<%s>: %s rejected: Server configuration error", l->name,
		    access_about_text(l->about));
		return false;
	}
}

/* smtpd_access_maps in parent_domain_matches_subdomains: "example.com" fits
 * below it too; otherwise ".example.com" does. */
static bool
parents_match(void)
{
	static int known = -1;

	if (known < 0)
		known = config_matches_parents("smtpd_access_maps");
	return known;
}

static bool
try_domain(struct lookup *l, const char *domain)
{
	bool	    bare = parents_match();
	const char *dot = domain;

	if (!try(l, domain))
		return false;
	if (table_is_pattern(l->table) || *domain == '[')
		return true;
	while ((dot = strchr(dot + 1, '.')) != NULL && dot[1] != '\0')
		if (!try(l, bare ? dot + 1 : dot))
			return false;
	return true;
}

/* 192.0.2.1, 192.0.2, 192.0, 192; 2001:db8::1, 2001:db8, 2001 */
static bool
try_network(struct lookup *l, const char *ip)
{
	char  text[ADDR_TEXT];
	char *end;

	if (!try(l, ip))
		return false;
	if (table_is_pattern(l->table))
		return true;
	strcpy(text, ip);
	while ((end = strrchr(text, strchr(ip, ':') ? ':' : '.')) != NULL) {
		while (end > text && end[-1] == ':')
			end--;
		*end = '\0';
		if (*text == '\0')
			break;
		if (!try(l, text))
			return false;
	}
	return true;
}

/* user+ext@domain, user@domain, domain and above, user+ext@, user@ */
static bool
try_address(struct lookup *l, const char *address)
{
	struct pool *pool = &l->a->pool;
	const char  *domain = address_domain(address), *ext, *plain = NULL;
	size_t	     n = address_local_len(address);

	if (*address == '\0')
		return try(l, conf_smtpd.smtpd_null_access_lookup_key);
	if (!try(l, address))
		return false;
	if (table_is_pattern(l->table))
		return true;
	ext = address_extension(address, n, conf_mail.recipient_delimiter,
	    conf_mail.double_bounce_sender);
	if (ext != NULL)
		plain = pool_strndup(pool, address, (size_t)(ext - address));
	if (plain != NULL && domain != NULL &&
	    !try(l, pool_printf(pool, "%s@%s", plain, domain)))
		return false;
	if (domain != NULL && *domain != '\0' && !try_domain(l, domain))
		return false;
	if (!try(l, pool_printf(pool, "%.*s@", (int)n, address)))
		return false;
	return plain == NULL || try(l, pool_printf(pool, "%s@", plain));
}

/* --- the restrictions */

static enum verdict
check(struct access *a, const struct access_item *item,
    enum access_about about)
{
	const char   *name = access_about_name(a, about);
	struct lookup l = { a, item->table, about, name, BUF_INIT,
	    VERDICT_NONE };

	if (about == ABOUT_CLIENT) {
		if (try_domain(&l, a->s->client.name))
			try_network(&l, a->s->client.ip);
	} else if (about == ABOUT_SENDER || about == ABOUT_RECIPIENT) {
		try_address(&l, name);
	} else {
		try_domain(&l, name);
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
	struct lookup l = { a, item->table, ABOUT_CLIENT,
	    a->s->client.reverse_name, BUF_INIT, VERDICT_NONE };

	try_domain(&l, a->s->client.reverse_name);
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
