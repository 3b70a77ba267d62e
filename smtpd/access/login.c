/* Restrictions about who has logged in. */

#include "conf/param.h"
#include "mail/address.h"
#include "mail/extension.h"
#include "mail/own_domain.h"
#include "smtpd/access/access.h"
#include "table/table.h"
#include "util/log.h"
#include "util/text.h"

static enum verdict
permit_authenticated(struct access *a, const struct access_item *item)
{
	if (a->s->auth.username == NULL)
		return VERDICT_NONE;
	return access_permit(a, item->name, access_about_text(ABOUT_CLIENT),
	    access_about_name(a, ABOUT_CLIENT), NULL);
}

/* Without AUTH nobody can have logged in: whoever wrote the restriction
 * should hear of it. */
static bool
is_idle(const char *restriction)
{
	if (conf_smtpd.smtpd_sasl_auth_enable)
		return false;
	log_warn("restriction `%s' ignored: no SASL support", restriction);
	return true;
}

/* By the whole name: no domains above, no networks. */
static enum verdict
check_login(struct access *a, const struct access_item *item)
{
	const char  *name = a->s->auth.username;
	struct buf   action = BUF_INIT;
	enum verdict v = VERDICT_NONE;

	if (is_idle(item->name) || name == NULL)
		return VERDICT_NONE;
	switch (table_find(item->table, name, &action)) {
	case TABLE_FOUND:
		v = access_action(a, ABOUT_LOGIN, name,
		    table_name(item->table), action.data);
		break;
	case TABLE_NOT_FOUND:
		break;
	default:
		log_warn("%s: table lookup problem", table_name(item->table));
		v = access_reject(a, ABOUT_LOGIN, 451, "4.3.5",
		    "<%s>: %s rejected: Server configuration error", name,
		    access_about_text(ABOUT_LOGIN));
	}
	buf_done(&action);
	return v;
}

/* --- smtpd_sender_login_maps: may this login use this sender? */

enum who { ANYBODY, LOGGED_IN, NOT_LOGGED_IN };

static enum table_result
find_owners(struct access *a, struct buf *ret)
{
	const struct resolved *route = access_sender_route(a);
	struct buf	       ext = BUF_INIT;
	enum table_result      r;
	struct table_address   query = {
		.address = route->recipient,
		.extension = extension_find,
		.is_local = own_domain_is,
		.quote = address_quote_odd,
		.or_internal = true,
	};

	if (route->flags & RESOLVE_FAIL)
		return TABLE_ERROR;
	if (smtpd_config.sender_logins == NULL)
		return TABLE_NOT_FOUND;
	r = table_list_find_address(smtpd_config.sender_logins, &query, ret,
	    &ext);
	buf_done(&ext);
	return r;
}

static enum verdict
judge(struct access *a, enum table_result found, char *owners)
{
	const char *user = a->s->auth.username;

	if (found == TABLE_FOUND && *owners == '\0') {
		log_warn("smtpd_sender_login_maps lookup of %s returns an "
		    "empty string result", a->sender);
		log_warn("smtpd_sender_login_maps should return NO RESULT in "
		    "case of NOT FOUND");
		return access_broken(a);
	}
	if (found == TABLE_ERROR)
		return access_reject(a, ABOUT_SENDER, 451, "4.3.0",
		    "<%s>: Temporary lookup failure", a->sender);
	if (user == NULL)
		return found == TABLE_NOT_FOUND ? VERDICT_NONE :
		    access_reject(a, ABOUT_SENDER, 553, "5.7.1",
		    "<%s>: Sender address rejected: not logged in", a->sender);
	if (found == TABLE_FOUND && text_has_word(owners, user))
		return VERDICT_NONE;
	return access_reject(a, ABOUT_SENDER, 553, "5.7.1",
	    "<%s>: Sender address rejected: not owned by user %s", a->sender,
	    user);
}

/* `known_only`: senders that nobody owns are free. */
static enum verdict
check_owner(struct access *a, enum who who, bool known_only)
{
	bool		  logged_in = a->s->auth.username != NULL;
	struct buf	  owners = BUF_INIT;
	enum table_result found;
	enum verdict	  v = VERDICT_NONE;

	if (a->sender == NULL || *a->sender == '\0' ||
	    (who == LOGGED_IN && !logged_in) ||
	    (who == NOT_LOGGED_IN && logged_in))
		return VERDICT_NONE;
	found = find_owners(a, &owners);
	if (!known_only || found != TABLE_NOT_FOUND)
		v = judge(a, found, owners.data);
	buf_done(&owners);
	return v;
}

static enum verdict
reject_mismatch(struct access *a, const struct access_item *item)
{
	bool idle = is_idle("reject_authenticated_sender_login_mismatch") &&
	    is_idle("reject_unauthenticated_sender_login_mismatch");

	(void)item;
	return idle ? VERDICT_NONE : check_owner(a, ANYBODY, false);
}

static enum verdict
reject_known(struct access *a, const struct access_item *item)
{
	return is_idle(item->name) ? VERDICT_NONE :
	    check_owner(a, ANYBODY, true);
}

static enum verdict
reject_logged_in(struct access *a, const struct access_item *item)
{
	return is_idle(item->name) ? VERDICT_NONE :
	    check_owner(a, LOGGED_IN, false);
}

static enum verdict
reject_not_logged_in(struct access *a, const struct access_item *item)
{
	return is_idle(item->name) ? VERDICT_NONE :
	    check_owner(a, NOT_LOGGED_IN, false);
}

const struct restriction access_login_family[] = {
	{ "permit_sasl_authenticated", permit_authenticated, 0 },
	{ "check_sasl_access", check_login, TAKES_TABLE },
	{ "reject_sender_login_mismatch", reject_mismatch, 0 },
	{ "reject_known_sender_login_mismatch", reject_known, 0 },
	{ "reject_authenticated_sender_login_mismatch", reject_logged_in, 0 },
	{ "reject_unauthenticated_sender_login_mismatch",
	    reject_not_logged_in, 0 },
	{ NULL, NULL, 0 }
};
