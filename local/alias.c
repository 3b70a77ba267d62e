/*
 * Aliases, and what any list of targets means.
 *
 * A member goes straight to its mailbox, file or command, unless the list is a
 * mailing list - it has an owner, or comes from an :include: file - or the
 * member is not of this host.  Those members become one new message through
 * cleanup (forward.c), so that a list of thousands is queued once, and each
 * member is retried by itself.
 *
 * Who expands decides as whom commands run and files are written: for an
 * alias default_privs (or the owner of an alias file that is not root's), for
 * .forward the user, for :include: what include.c says.
 */

#include <string.h>
#include <strings.h>

#include "conf/param.h"
#include "local/content.h"
#include "local/forward.h"
#include "local/recipient.h"
#include "local/user_names.h"
#include "mail/address.h"
#include "mail/deliver.h"
#include "mail/deliver_proto.h"
#include "mail/extension.h"
#include "mail/resolve_client.h"
#include "mail/rewrite.h"
#include "server/server.h"
#include "table/table.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

/* Only the nearest one: a longer circle meets the nesting limit, one by a
 * .forward ends in that user's mailbox. */
static bool
is_expanding(const struct context *c, const char *alias)
{
	return c->alias != NULL && text_eq_nocase(c->alias, alias);
}

/* --- members that are addresses */

static void
complete_address(struct buf *out, const char *address)
{
	const struct rewrite_rules rules = rewrite_rules_local();

	rewrite_standard(out, address, &rules);
}

static const char *
completed(struct request *r, const char *address)
{
	struct buf	full = BUF_INIT;
	const char     *result;

	if (*address == '\0')
		buf_addf(&full, "%s@%s", conf_mail.empty_address_recipient,
		    conf_mail.myhostname);
	else if (text_eq(address, "@"))
		buf_addf(&full, "%s@", conf_mail.empty_address_recipient);
	else
		complete_address(&full, address);
	result = pool_strdup(r->pool, full.data);
	buf_done(&full);
	return result;
}

void
recipient_gather(struct request *r, const struct context *c,
    const char *address)
{
	struct context	to = *c;
	struct forward *f;

	if (!request_first(r, "address", address))
		return;
	if (r->d->flags & DELIVER_VERIFY) {	/* a report, no mail */
		to.address = address;
		request_end(r, &to, "2.0.0", pool_printf(r->pool, "forwards to %s",
		    address));
		return;
	}
	f = forward_for(&r->forwards, request_sender(r, c), c->delivered_to);
	forward_add(f, address, r->top, c->sender != NULL);
}

/* In the domain of the recipient, which is ours: nobody need be asked. */
static bool
is_neighbour(const struct request *r, const char *address)
{
	const char *domain = address_domain(address);
	const char *ours = address_domain(r->top->address);

	return domain != NULL && ours != NULL && text_eq_nocase(domain, ours);
}

static bool
is_local(struct request *r, const char *address)
{
	struct resolved to;

	return resolve_one(r->pool, r->d->sender, address, &to) &&
	    (to.flags & (RESOLVE_FAIL | RESOLVE_ERROR)) == 0 &&
	    text_eq(to.transport, server_service());
}

/*
 * The user, with any extension, in the user's own .forward.  In what that
 * includes only an alice+ext once mail comes by alice a second time: a list
 * that names its user under other and other extensions would multiply it for
 * ever.
 */
bool
is_own_mailbox(struct request *r, const struct context *c, const char *address)
{
	const char *domain = address_domain(address);
	size_t	    n = c->user != NULL ? strlen(c->user) : 0;
	bool	    bare = address_local_len(address) == n;

	if (n == 0 || strncasecmp(address, c->user, n) != 0 || (!bare &&
	    (address[n] == '\0' || strchr(conf_mail.recipient_delimiter,
	    address[n]) == NULL)))
		return false;
	if (c->kind == LIST_INCLUDE)
		return !bare && domain != NULL &&
		    content_was_delivered_to_user(r->d, c->user, domain);
	return domain == NULL || text_eq_nocase(domain, conf_mail.myorigin) ||
	    is_neighbour(r, address) || is_local(r, address);
}

/* Bad wherever it would go; the resolver knows of more. */
static bool
is_bad(const char *address)
{
	size_t n = strlen(address);

	return (*address == '-' && !conf_mail.allow_min_user) ||
	    (n > 1 && address[n - 1] == '@');
}

enum { OWN_MAX = 100 };	/* names of a user's own, once mail went round */

static enum outcome
bad_syntax(struct request *r, const struct context *c, const char *address)
{
	return request_end(r, c, "5.1.3", pool_printf(r->pool,
	    "bad recipient address syntax: %s", address));
}

static const char *const kinds[] = {
	[LIST_ALIAS] = "alias", [LIST_FORWARD] = "forward",
	[LIST_INCLUDE] = "include",
};

/* The extension that the list was asked for with goes to its members. */
static const char *
extended(struct request *r, const struct context *c, const char *address)
{
	size_t n = address_local_len(address);

	if (c->unmatched == NULL || !text_has_word(
	    conf_mail.propagate_unmatched_extensions, kinds[c->kind]))
		return address;
	return pool_printf(r->pool, "%.*s%s%s", (int)n, address, c->unmatched,
	    address + n);
}

enum outcome
address_deliver(struct request *r, struct context *c, const char *written)
{
	struct resolved	 to;
	const char	*address = extended(r, c, completed(r, written));

	if (is_bad(address))
		return bad_syntax(r, c, address);
	if (context_gathers(c) && is_own_mailbox(r, c, address)) {
		if (++r->own_count > OWN_MAX)
			return DONE;
	} else if (context_gathers(c)) {
		if (is_neighbour(r, address))
			return recipient_name(r, c, address);
		recipient_gather(r, c, address);
		return DONE;
	}
	if (!resolve_one(r->pool, r->d->sender, address, &to) ||
	    (to.flags & RESOLVE_FAIL))
		return request_end(r, c, "4.3.0", "address resolver failure");
	if (to.flags & RESOLVE_ERROR)
		return bad_syntax(r, c, address);
	if (text_eq(to.transport, server_service()))
		return recipient_name(r, c, to.recipient);
	recipient_gather(r, c, address);
	return DONE;
}

/* --- lists */

static bool
is_allowed(const struct context *c, const char *param)
{
	return text_has_word(param, kinds[c->kind]);
}

static enum outcome
deliver_file(struct request *r, struct context *c, const char *path)
{
	struct why	why = WHY_INIT;
	enum outcome	got;

	if (*path == '~' && (path[1] != '/' || c->home == NULL)) {
		log_warn("%s home directory%s for: %s", path[1] != '/' ?
		    "bad" : "unknown", path[1] != '/' ? " syntax" : "", path);
		return request_misconfigured(r, c, "5.3.5");
	}
	if (*path == '~')
		path = pool_printf(r->pool, "%s%s", c->home, path + 1);
	if (!request_first(r, "file", path))
		return DONE;
	if (is_allowed(c, conf_mail.allow_mail_to_files))
		return file_deliver(r, c, path);
	why_set(&why, "5.7.1", "mail to file is restricted");
	got = request_part_of_list(r, c, &why);
	why_done(&why);
	return got;
}

static enum outcome
deliver_target(struct request *r, struct context *c, const struct target *t)
{
	switch (t->kind) {
	case TARGET_ADDRESS:
		return address_deliver(r, c, t->text);
	case TARGET_INCLUDE:
		return include_deliver(r, c, t->text);
	case TARGET_FILE:
		return deliver_file(r, c, t->text);
	case TARGET_COMMAND:
		if (!is_allowed(c, conf_mail.allow_mail_to_commands))
			return request_end(r, c, "5.7.1",
			    "mail to command is restricted");
		if (!request_first(r, "command", t->text))
			return DONE;
		return command_deliver(r, c, t->text);
	}
	return TRY_LATER;
}

enum outcome
targets_deliver(struct request *r, struct context *c,
    const struct target_list *list)
{
	enum outcome worst = DONE;

	for (size_t i = 0; i < list->count; i++)
		worst = outcome_worse(worst,
		    deliver_target(r, c, &list->items[i]));
	return worst;
}

/* --- aliases */

/* Whatever domain of ours the mail is for, the owner is of myorigin. */
static const char *
find_owner(struct request *r, const char *alias)
{
	struct buf	 key = BUF_INIT, value = BUF_INIT;
	const char	*owner = NULL;

	if (conf_mail.owner_request_special) {
		buf_addf(&key, "owner-%s", alias);
		if (table_list_find(local_tables.aliases, key.data, &value) ==
		    TABLE_FOUND)
			owner = completed(r, conf_mail.expand_owner_alias ?
			    text_trim(value.data) : key.data);
	}
	buf_done(&key);
	buf_done(&value);
	return owner;
}

/* The default rights, or those of a table that is not root's. */
static bool
act_as_table_owner(struct request *r, struct context *c)
{
	const char *table;
	uid_t	    uid = table_list_owner(local_tables.aliases, &table);
	const struct user *owner;

	c->of_user = false;
	c->uid = local_tables.default_uid;
	c->gid = local_tables.default_gid;
	c->home = c->shell = NULL;
	if (uid == 0)
		return true;
	if (user_find_uid(r->pool, uid, &owner) == USER_OK) {
		context_act_as(c, owner);
		return true;
	}
	log_warn("cannot find username for uid %ld", (long)uid);
	log_warn("cannot find alias database owner for %s", table);
	return false;
}

static enum outcome
expand_alias(struct request *r, const struct context *c, const char *alias,
    const char *value)
{
	struct context	self = *c;
	struct target_list list = { 0 };
	const char     *owner, *local = c->address;
	size_t		n = strlen(alias);

	if (r->d->flags & DELIVER_PROBE)	/* that it exists will do */
		return request_end(r, c, "2.0.0", pool_printf(r->pool,
		    "aliased to %s", value));
	self.parent = c;
	self.alias = alias;
	self.kind = LIST_ALIAS;
	self.unmatched = address_local_len(local) > n ?
	    pool_strndup(r->pool, local + n, address_local_len(local) - n) :
	    NULL;
	if (!act_as_table_owner(r, &self))
		return request_end(r, c, "4.3.0",
		    "cannot find alias database owner");
	self.logname = alias;
	if ((owner = find_owner(r, alias)) != NULL)
		self.owner = self.sender = owner;
	else if (conf_mail.reset_owner_alias)
		self.owner = NULL;
	self.blamed = owner;
	if (!target_list_parse(&list, r->pool, value)) {
		log_warn("alias %s has too many members", alias);
		return request_misconfigured(r, c, "5.3.5");
	}
	if (list.count == 0) {
		log_warn("no recipient in alias lookup result for %s", alias);
		return request_end(r, c, "4.3.0", "alias database unavailable");
	}
	request_expanded(r, c, owner != NULL ? "delivered" : "expanded");
	return targets_deliver(r, &self, &list);
}

/* The alias entry of a local part, with its extension and without. */
static enum table_result
find_alias(struct request *r, const char *local, const char **ret_alias,
    struct buf *value)
{
	enum table_result got = table_list_find(local_tables.aliases, local,
	    value);
	const char	*ext;

	*ret_alias = local;
	if (got != TABLE_NOT_FOUND)
		return got;
	ext = extension_find(local, strlen(local));
	if (ext == NULL)
		return got;
	*ret_alias = pool_strndup(r->pool, local, ext - local);
	return table_list_find(local_tables.aliases, *ret_alias, value);
}

bool
alias_deliver(struct request *r, const struct context *c, const char *address,
    enum outcome *ret)
{
	struct buf	 value = BUF_INIT;
	const char	*alias, *local;
	bool		 took = true;

	local = text_lower(pool_strndup(r->pool, address,
	    address_local_len(address)));
	switch (find_alias(r, local, &alias, &value)) {
	case TABLE_NOT_FOUND:
		took = false;
		break;
	case TABLE_ERROR:
		log_warn("%s: %s", "alias_maps",
		    table_list_error(local_tables.aliases));
		*ret = request_end(r, c, "4.3.0", "alias database unavailable");
		break;
	case TABLE_FOUND:
		/* An alias that names itself means the user of that name. */
		took = !is_expanding(c, alias);
		if (took)
			*ret = expand_alias(r, c, alias, value.data);
		break;
	}
	buf_done(&value);
	return took;
}
