/* What is looked up in access tables, and in what order (access(5)).  Tables of
 * patterns see the whole name only. */

#include <string.h>

#include "conf/param.h"
#include "mail/address.h"
#include "mail/extension.h"
#include "smtpd/access/lookup.h"
#include "table/table.h"
#include "util/log.h"

static enum verdict
broken(const struct lookup *l)
{
	return access_reject(l->a, l->about, 451, "4.3.5",
	    "<%s>: %s rejected: Server configuration error", l->name,
	    access_about_text(l->about));
}

bool
lookup_key(struct lookup *l, const char *key)
{
	const char *table = table_name(l->table);

	switch (table_find(l->table, key, &l->value)) {
	case TABLE_NOT_FOUND:
		return true;
	case TABLE_FOUND:
		if (l->value.len > 0) {
			l->verdict = access_action(l->a, l->about, l->name,
			    table, l->value.data);
			return false;
		}
		log_warn("%s lookup of %s returns an empty string result",
		    table, key);
		log_warn("%s should return NO RESULT in case of NOT FOUND",
		    table);
		break;
	default:
		log_warn("%s lookup error for \"%s\"", table, key);
		break;
	}
	l->verdict = broken(l);
	return false;
}

void
lookup_forbid_permit(struct lookup *l, const char *restriction,
    const char *name)
{
	if (l->verdict != VERDICT_PERMIT)
		return;
	log_warn("restriction %s returns OK for %s", restriction, name);
	log_warn("this is not allowed for security reasons");
	log_warn("use DUNNO instead of OK if you want to make an exception");
	l->verdict = access_broken(l->a);
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

bool
lookup_domain(struct lookup *l, const char *domain)
{
	bool	    bare = parents_match();
	const char *dot = domain;

	if (!lookup_key(l, domain))
		return false;
	if (table_is_pattern(l->table) || *domain == '[')
		return true;
	while ((dot = strchr(dot + 1, '.')) != NULL && dot[1] != '\0')
		if (!lookup_key(l, bare ? dot + 1 : dot))
			return false;
	return true;
}

/* 192.0.2.1, 192.0.2, 192.0, 192; 2001:db8::1, 2001:db8, 2001 */
bool
lookup_network(struct lookup *l, const char *ip)
{
	char  text[ADDR_TEXT];
	char *end;

	if (!lookup_key(l, ip))
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
		if (!lookup_key(l, text))
			return false;
	}
	return true;
}

/* An address or "user@": with quotes where they belong, and without. */
static bool
lookup_form(struct lookup *l, const char *key)
{
	struct buf quoted = BUF_INIT;
	bool	   go_on = !address_quote_odd(&quoted, key) ||
	    lookup_key(l, quoted.data);

	buf_done(&quoted);
	return go_on && lookup_key(l, key);
}

/* user+ext@domain, user@domain, domain and above, user+ext@, user@ */
bool
lookup_address(struct lookup *l, const char *address)
{
	struct pool *pool = &l->a->pool;
	const char  *domain = address_domain(address), *ext, *plain = NULL;
	size_t	     n = address_local_len(address);

	if (*address == '\0')
		return lookup_key(l, conf_smtpd.smtpd_null_access_lookup_key);
	if (!lookup_form(l, address))
		return false;
	if (table_is_pattern(l->table))
		return true;
	ext = extension_find(address, n);
	if (ext != NULL)
		plain = pool_strndup(pool, address, (size_t)(ext - address));
	if (plain != NULL && domain != NULL &&
	    !lookup_form(l, pool_printf(pool, "%s@%s", plain, domain)))
		return false;
	if (domain != NULL && *domain != '\0' && !lookup_domain(l, domain))
		return false;
	if (!lookup_form(l, pool_printf(pool, "%.*s@", (int)n, address)))
		return false;
	return plain == NULL || lookup_form(l, pool_printf(pool, "%s@", plain));
}
