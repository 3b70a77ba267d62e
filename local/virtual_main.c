/*
 * virtual - delivery to mailboxes that tables describe
 *
 * virtual_mailbox_maps gives the path below virtual_mailbox_base,
 * virtual_uid_maps and virtual_gid_maps the owner: no system users, no
 * aliases, no commands.  Started by master as root; one delivery at a time;
 * acts as the mailbox's owner.  Ends when idle or when master says so.
 */

#include <string.h>

#include "conf/param.h"
#include "local/content.h"
#include "local/maildir.h"
#include "local/mbox.h"
#include "local/quota.h"
#include "local/turn.h"
#include "mail/address.h"
#include "mail/deliver.h"
#include "mail/deliver_filter.h"
#include "mail/deliver_proto.h"
#include "mail/extension.h"
#include "server/server.h"
#include "table/table.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/proc.h"
#include "util/text.h"

static struct {
	struct table_list	*boxes, *uids, *gids, *quotas;
	unsigned		 locks;
	struct deliver_via	 via;
} virtual;

struct owner {
	long		 uid, gid;
	struct quota	*quota;
};

static void
start(void)
{
	int fold = TABLE_FOLD | TABLE_PARENT |
	    (conf_mail.smtputf8_enable ? TABLE_UTF8 : 0);

	if (*conf_mail.virtual_mailbox_base == '\0')
		fatalx("bad string length 0 < 1: virtual_mailbox_base = ");
	mbox_check_limit("virtual_mailbox_limit", conf_mail.virtual_mailbox_limit);
	virtual.via.relay = server_service();
	deliver_filter_open("virtual");
	turn_open();
	virtual.locks = mbox_parse_locks("virtual_mailbox_lock",
	    conf_mail.virtual_mailbox_lock);
	virtual.boxes = table_list_open("virtual_mailbox_maps",
	    conf_mail.virtual_mailbox_maps, fold);
	virtual.uids = table_list_open("virtual_uid_maps",
	    conf_mail.virtual_uid_maps, fold);
	virtual.quotas = table_list_open("mailbox_quota_maps",
	    conf_mail.mailbox_quota_maps, fold);
	virtual.gids = table_list_open("virtual_gid_maps",
	    conf_mail.virtual_gid_maps, fold);
}

/* user+ext@domain, user@domain, @domain. */
static enum table_result
look_up(struct table_list *list, const char *address, struct buf *ret)
{
	const struct table_address key = {
		.address = address,
		.extension = extension_find,
		.quote = address_quote_odd,
		.or_internal = true,
	};

	struct buf		ext = BUF_INIT;
	enum table_result	got;

	got = table_list_find_address(list, &key, ret, &ext);
	buf_done(&ext);
	return got;
}

/* In Postfix's words; the table itself has told of the reason. */
static void
warn_of_error(const char *param, const char *address)
{
	log_warn("table %s: lookup %s: Application error", param, address);
}

/* A uid or gid of a table.  False: settled (the recipient waits). */
static bool
find_id(struct delivery *d, struct recipient *r, struct table_list *list,
    const char *param, long minimum, long *ret)
{
	struct buf	value = BUF_INIT;
	struct why	why = WHY_INIT;
	bool		ok = false;

	switch (look_up(list, r->address, &value)) {
	case TABLE_FOUND:
		ok = text_to_long(value.data, minimum, 4294967294L, ret);
		if (!ok)
			log_warn("recipient %s: bad %cid %s in %s", r->address,
			    param[8], value.data, param);
		break;
	case TABLE_NOT_FOUND:
		log_warn("recipient %s: not found in %s", r->address, param);
		break;
	case TABLE_ERROR:
		warn_of_error(param, r->address);
		break;
	}
	if (!ok) {
		why_set(&why, "4.3.5", "mail system configuration error");
		delivery_deferred(d, r, &virtual.via, &why);
	}
	why_done(&why);
	buf_done(&value);
	return ok;
}

/* False: settled. */
static bool
find_quota(struct delivery *d, struct recipient *r, struct quota *q)
{
	struct buf	  value = BUF_INIT;
	struct why	  why = WHY_INIT;
	enum table_result got = TABLE_NOT_FOUND;

	*q = (struct quota){ 0 };
	if (!table_list_is_empty(virtual.quotas))
		got = look_up(virtual.quotas, r->address, &value);
	if (got == TABLE_ERROR)
		warn_of_error("mailbox_quota_maps", r->address);
	if (got == TABLE_FOUND && !quota_parse(q, value.data)) {
		log_warn("mailbox_quota_maps: bad quota for %s: \"%s\"; write "
		    "bytes, as \"500M\"", r->address, value.data);
		got = TABLE_ERROR;
	}
	if (got == TABLE_ERROR) {
		why_set(&why, "4.3.5", "mail system configuration error");
		delivery_deferred(d, r, &virtual.via, &why);
	}
	why_done(&why);
	buf_done(&value);
	return got != TABLE_ERROR;
}

static void
deliver_to(struct delivery *d, struct recipient *r, const char *path,
    const struct owner *o)
{
	bool		is_maildir = path[strlen(path) - 1] == '/';
	struct content	content = {
		.return_path = d->sender,
		.original_to = conf_mail.enable_original_recipient &&
		    *r->original != '\0' ? r->original : NULL,
		.delivered_to = r->address,
		.postmark = !is_maildir, .quote_from = !is_maildir,
		.final_empty_line = !is_maildir,
	};
	struct mbox	mbox = {
		.path = path, .uid = (uid_t)o->uid, .gid = (gid_t)o->gid,
		.must_be_file = true, .waits = true, .quota = o->quota,
		.strict_owner = conf_mail.strict_mailbox_ownership,
		.locks = virtual.locks,
		.lock_attempts = conf_mail.deliver_lock_attempts,
		.lock_delay = conf_mail.deliver_lock_delay,
		.stale_seconds = conf_mail.stale_lock_time,
		.size_limit = conf_mail.virtual_mailbox_limit,
	};
	struct maildir	maildir = {
		.path = path, .uid = (uid_t)o->uid, .gid = (gid_t)o->gid,
		.waits = true, .quota = o->quota,
	};
	struct why	got = WHY_INIT, why = WHY_INIT;

	if (d->flags & DELIVER_VERIFY)
		why_set(&why, "2.0.0", "delivers to %s",
		    is_maildir ? "maildir" : "mailbox");
	else if ((is_maildir ? maildir_add(&maildir, d, &content, &got) :
	    mbox_append(&mbox, d, &content, &got)) == DONE)
		why_set(&why, "2.0.0", "delivered to %s",
		    is_maildir ? "maildir" : "mailbox");
	else if (got.diag_text.len > 0)
		why_copy(&why, &got);	/* a full mailbox: said clearly */
	else if (is_maildir)
		why_set(&why, got.dsn, "maildir delivery failed: %s",
		    got.text.data);
	else
		why_set(&why, got.dsn, "delivery failed to mailbox %s: %s",
		    path, got.text.data);
	delivery_settle(d, r, &virtual.via, &why);
	if (why_outcome(&why) == DONE && (d->flags & DELIVER_VERIFY) == 0)
		quota_warn(o->quota, d, r->address);
	why_done(&got);
	why_done(&why);
}

static void
deliver_rcpt(struct delivery *d, struct recipient *r)
{
	struct buf	box = BUF_INIT;
	struct why	why = WHY_INIT;
	struct quota	quota;
	struct owner	owner = { .quota = &quota };
	char		*path;

	switch (look_up(virtual.boxes, r->address, &box)) {
	case TABLE_NOT_FOUND:
		why_set(&why, "5.1.1", "unknown user: \"%s\"", r->address);
		delivery_bounced(d, r, &virtual.via, &why);
		break;
	case TABLE_ERROR:
		warn_of_error("virtual_mailbox_maps", r->address);
		why_set(&why, "4.3.5", "mail system configuration error");
		delivery_deferred(d, r, &virtual.via, &why);
		break;
	case TABLE_FOUND:
		if (!find_id(d, r, virtual.uids, "virtual_uid_maps",
		    conf_mail.virtual_minimum_uid, &owner.uid) ||
		    !find_id(d, r, virtual.gids, "virtual_gid_maps", 1,
		    &owner.gid) ||
		    !find_quota(d, r, &quota))
			break;
		path = pool_printf(&d->pool, "%s/%s",
		    conf_mail.virtual_mailbox_base, box.data);
		deliver_to(d, r, path, &owner);
		break;
	}
	why_done(&why);
	buf_done(&box);
}

static void
deliver(struct delivery *d)
{
	content_forget();
	for (size_t i = 0; i < d->rcpt_count; i++)
		deliver_rcpt(d, &d->rcpt[i]);
}

static void
serve(struct stream *s)
{
	deliver_serve(s, deliver);
}

int
main(int argc, char **argv)
{
	static const struct server server = {
		.name = "virtual",
		.kind = SERVER_SINGLE,
		.privileged = true,
		.jail = PROC_JAIL_NET | PROC_JAIL_FILES | PROC_JAIL_IDS,
		.before_jail = start,
		.serve = serve,
	};

	server_main(argc, argv, &server);
}
