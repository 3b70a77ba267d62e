#include "local/recipient.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "conf/param.h"
#include "local/content.h"
#include "local/forward.h"
#include "mail/address.h"
#include "mail/deliver.h"
#include "mail/deliver_proto.h"
#include "mail/extension.h"
#include "server/server.h"
#include "table/table.h"
#include "util/log.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/text.h"

bool
context_gathers(const struct context *c)
{
	return c->gathers || c->owner != NULL;
}

void
context_act_as(struct context *c, const struct user *user)
{
	c->of_user = true;
	c->uid = user->uid;
	c->gid = user->gid;
	c->home = user->home;
	c->shell = user->shell;
}

enum outcome
outcome_worse(enum outcome a, enum outcome b)
{
	if (a == TRY_LATER || b == TRY_LATER)
		return TRY_LATER;
	return a == FAILED || b == FAILED ? FAILED : DONE;
}

static enum outcome
part_told(struct request *r, const struct context *c, struct deliver_via via,
    const struct why *why)
{
	struct recipient part = *r->top;

	if (c->address != NULL)
		part.address = c->address;
	/* The owner of a list knows no recipient but the list. */
	if (c->sender != NULL)
		part.original = part.orcpt = "";
	via.relay = server_service();
	return delivery_part(r->d, &part, &via, why);
}

enum outcome
request_part(struct request *r, const struct context *c, const struct why *why)
{
	return part_told(r, c, (struct deliver_via){ 0 }, why);
}

enum outcome
request_part_of_list(struct request *r, const struct context *c,
    const struct why *why)
{
	return part_told(r, c, (struct deliver_via){
	    .bounce_to = c->blamed }, why);
}

const char *
request_sender(const struct request *r, const struct context *c)
{
	return c->sender != NULL ? c->sender : r->d->sender;
}

const char *
request_original(const struct request *r, const struct context *c)
{
	return c->sender == NULL && *r->top->original != '\0' ?
	    r->top->original : NULL;
}

void
request_expanded(struct request *r, const struct context *c,
    const char *action)
{
	const struct deliver_via as = {
		.relay = server_service(), .action = action,
	};
	struct recipient part = *r->top;
	struct why	 why = WHY_INIT;

	if ((r->top->notify & NOTIFY_SUCCESS) == 0 ||
	    (r->d->flags & (DELIVER_VERIFY | DELIVER_TRACE)) != 0)
		return;
	if (c->address != NULL)
		part.address = c->address;
	why_set(&why, "2.0.0", "alias expanded");
	delivery_expanded(r->d, &part, &as, &why);
	why_done(&why);
	r->top->notify &= (uint8_t)~NOTIFY_SUCCESS;
	if (r->top->notify == 0)
		r->top->notify = NOTIFY_NEVER;
}

bool
request_first(struct request *r, const char *kind, const char *what)
{
	struct buf	 key = BUF_INIT;
	struct map_entry *e;
	bool		 first = true;

	buf_addf(&key, "%s %s", kind, what);
	if (map_count(r->seen) < (size_t)conf_mail.duplicate_filter_limit ||
	    conf_mail.duplicate_filter_limit == 0) {
		e = map_slot(r->seen, key.data, key.len);
		first = e->value == NULL;
		e->value = r;
	} else {
		first = map_find(r->seen, key.data) == NULL;
	}
	buf_done(&key);
	return first;
}

enum outcome
request_end(struct request *r, const struct context *c, const char *dsn,
    const char *text)
{
	struct why	why = WHY_INIT;
	enum outcome	got;

	why_set(&why, dsn, "%s", text);
	got = request_part(r, c, &why);
	why_done(&why);
	return got;
}

enum outcome
request_misconfigured(struct request *r, const struct context *c,
    const char *dsn)
{
	return request_end(r, c, dsn, "mail system configuration error");
}

/* Mail for names that every site must have, bounces and bounces of bounces
 * among it, is not bounced once more. */
static bool
is_required(const char *local, const char *user)
{
	return text_eq_nocase(user, "postmaster") ||
	    text_eq_nocase(user, "mailer-daemon") ||
	    text_eq_nocase(local, conf_mail.double_bounce_sender);
}

static enum outcome
no_such_user(struct request *r, const struct context *c, const char *local)
{
	const char *ext = extension_find(local, strlen(local));
	const char *user = ext == NULL ? local :
	    pool_strndup(r->pool, local, (size_t)(ext - local));

	if (is_required(local, user)) {
		log_warn("required alias not found: %s", user);
		return request_end(r, c, "2.0.0", "discarded");
	}
	return request_end(r, c, "5.1.1", pool_printf(r->pool,
	    "unknown user: \"%s\"", user));
}

/* Nobody of this name: another transport may know, or luser_relay. */
static enum outcome
deliver_unknown(struct request *r, struct context *c, const char *address,
    const char *local)
{
	const char	*ext = extension_find(local, strlen(local));
	const char	*user = ext == NULL ? local :
	    pool_strndup(r->pool, local, ext - local);
	const char	*relay;
	enum outcome	 got;

	if (!request_first(r, "user", local))
		return DONE;
	if (mailbox_transport_deliver(r, c, address, user, &got) ||
	    pass_deliver(r, c, address, &(struct pass_rule){
	    .maps = local_tables.fallback_transport_maps, .key = user,
	    .fixed = conf_mail.fallback_transport }, &got))
		return got;
	if (!c->is_luser && (relay = luser_address(r, address)) != NULL) {
		c->is_luser = true;
		return address_deliver(r, c, relay);
	}
	return no_such_user(r, c, local);
}

/* The user that a local part names: itself first, then without extension. */
static enum user_result
find_user(struct pool *pool, const char *local, const struct user **ret)
{
	const char	*ext;
	enum user_result got = user_find(pool, local, ret);

	ext = extension_find(local, strlen(local));
	if (got != USER_UNKNOWN || ext == NULL)
		return got;
	return user_find(pool, pool_strndup(pool, local, ext - local), ret);
}

static char *
lower_local(struct pool *pool, const char *address)
{
	return text_lower(pool_strndup(pool, address,
	    address_local_len(address)));
}

/* The mailbox has a copy for each extension that a list names, as a program
 * that sorts by it would want. */
static enum outcome
deliver_user(struct request *r, const struct context *c, const char *address,
    const struct user *user)
{
	struct context	self = *c;
	enum outcome	got;

	context_act_as(&self, user);
	self.logname = user->name;
	if (conf_mail.require_home_directory && access(user->home, F_OK) != 0)
		return request_end(r, c, "4.3.0", pool_printf(r->pool,
		    "cannot access home directory %s: %s", user->home,
		    strerror(errno)));
	if (dot_forward_deliver(r, &self, address, user, &got))
		return got;
	if (!request_first(r, "user", lower_local(r->pool, address)))
		return DONE;
	return mailbox_deliver(r, &self, address, user);
}

enum outcome
recipient_name(struct request *r, const struct context *c, const char *address)
{
	struct context	 self = *c;
	const struct user *user;
	char		*local;
	enum outcome	 got;

	self.address = address;
	/* Loops are then found by all names that the mail goes through. */
	if (!conf_mail.frozen_delivered_to)
		self.delivered_to = address;
	self.level = c->level + 1;
	if (self.level >= NESTING_MAX) {
		log_warn("recipient nesting limit exceeded for %s", address);
		return request_end(r, &self, "5.4.6",
		    "recipient nesting limit exceeded");
	}
	if (content_was_delivered_to(r->d, address)) {
		if (!request_first(r, "loop", address))
			return DONE;
		return request_end(r, &self, "5.4.6", pool_printf(r->pool,
		    "mail forwarding loop for %s", address));
	}
	if (alias_deliver(r, &self, address, &got))
		return got;
	if (context_gathers(c) && !is_own_mailbox(r, c, address)) {
		recipient_gather(r, c, address);
		return DONE;
	}
	local = lower_local(r->pool, address);
	switch (find_user(r->pool, local, &user)) {
	case USER_OK:
		return deliver_user(r, &self, address, user);
	case USER_ERROR:
		return request_end(r, &self, "4.3.0",
		    "user database lookup failed");
	case USER_UNKNOWN:
		break;
	}
	return deliver_unknown(r, &self, address, local);
}

/* What was gathered goes off; logged for the recipient itself.  Not if a part
 * waits: it is all done again then, and this would come twice. */
static enum outcome
finish_forwards(struct request *r, const struct context *c, enum outcome got)
{
	struct forward *f = got == TRY_LATER ? NULL : r->forwards;
	struct why	why = WHY_INIT;

	for (; f != NULL; f = forward_next(f)) {
		forward_finish(f, r->d, &why);
		got = outcome_worse(got, part_told(r, c, (struct deliver_via){
		    .action = "relayed" }, &why));
	}
	forward_free_all(r->forwards);
	r->forwards = NULL;
	why_done(&why);
	return got;
}

void
recipient_deliver(struct delivery *d, struct recipient *top)
{
	struct pool	pool = POOL_INIT;
	struct recipient own = *top;	/* its DSN wishes may change */
	struct request	r = { .d = d, .top = &own, .pool = &pool };
	struct context	c = {
		.uid = local_tables.default_uid,
		.gid = local_tables.default_gid,
		.address = top->address,
		.delivered_to = top->address,
	};
	enum outcome	got;

	r.seen = map_new();
	got = recipient_name(&r, &c, top->address);
	got = finish_forwards(&r, &c, got);
	delivery_close(d, top, got);
	map_free(r.seen, NULL);
	pool_done(&pool);
}
