/* What one user's mailbox is: transport, command, home_mailbox or spool. */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "conf/param.h"
#include "local/biff.h"
#include "local/content.h"
#include "local/maildir.h"
#include "local/mbox.h"
#include "local/quota.h"
#include "local/recipient.h"
#include "mail/address.h"
#include "mail/deliver.h"
#include "mail/deliver_proto.h"
#include "table/table.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

static void
content_for(struct content *out, struct request *r, const struct context *c,
    bool mbox)
{
	*out = (struct content){
		.sender = request_sender(r, c),
		.return_path = request_sender(r, c),
		.original_to = conf_mail.enable_original_recipient ?
		    request_original(r, c) : NULL,
		.delivered_to = content_wants_delivered_to("file") ?
		    c->delivered_to : NULL,
		.postmark = mbox,
		.quote_from = mbox,
		.final_empty_line = mbox,
	};
}

/* `failed`: what the reason is put behind. */
static enum outcome
finish(struct request *r, const struct context *c, enum outcome got,
    const char *sent, const char *failed, struct why *why)
{
	bool	   is_file = text_starts(sent, "delivered to file");
	struct why out = WHY_INIT;

	if (got == DONE)
		why_set(&out, "2.0.0", "%s", sent);
	else if (why->diag_text.len > 0)
		why_copy(&out, why);	/* a full mailbox: said clearly */
	else
		why_set(&out, why->dsn, "%s%s", failed, why->text.data);
	got = is_file ? request_part_of_list(r, c, &out) :
	    request_part(r, c, &out);
	why_done(&out);
	return got;
}

static enum outcome
to_maildir(struct request *r, const struct context *c, const char *path,
    struct quota *quota)
{
	struct maildir	m = {
		.path = path, .uid = c->uid, .gid = c->gid, .quota = quota,
	};
	struct content	content;
	struct why	why = WHY_INIT;
	enum outcome	got;

	content_for(&content, r, c, false);
	got = maildir_add(&m, r->d, &content, &why);
	got = finish(r, c, got, "delivered to maildir",
	    "maildir delivery failed: ", &why);
	why_done(&why);
	return got;
}

static enum outcome
to_mbox(struct request *r, const struct context *c, const char *path,
    bool is_spool, const char *user, struct quota *quota)
{
	off_t		offset = 0;
	struct mbox	m = {
		.path = path, .uid = c->uid, .gid = c->gid,
		.is_spool = is_spool,
		.must_be_file = user != NULL,
		.strict_owner = is_spool && conf_mail.strict_mailbox_ownership,
		.locks = local_tables.locks,
		.lock_attempts = conf_mail.deliver_lock_attempts,
		.lock_delay = conf_mail.deliver_lock_delay,
		.stale_seconds = conf_mail.stale_lock_time,
		.size_limit = conf_mail.mailbox_size_limit,
		.quota = quota, .offset = &offset,
	};
	struct content	content;
	struct why	why = WHY_INIT;
	enum outcome	got;
	char		*sent, *failed;

	if (user != NULL) {
		sent = mem_strdup("delivered to mailbox");
		failed = mem_printf("cannot update mailbox %s for user %s. ",
		    path, user);
	} else {
		sent = mem_printf("delivered to file: %s", path);
		failed = mem_printf("cannot append message to file %s: ", path);
	}
	content_for(&content, r, c, true);
	got = mbox_append(&m, r->d, &content, &why);
	if (got == DONE && user != NULL && conf_mail.biff)
		biff_notify(user, offset);
	got = finish(r, c, got, sent, failed, &why);
	mem_free(sent);
	mem_free(failed);
	why_done(&why);
	return got;
}

enum outcome
file_deliver(struct request *r, const struct context *c, const char *path)
{
	size_t len = strlen(path);

	if (r->d->flags & DELIVER_VERIFY)
		return request_end(r, c, "2.0.0", pool_printf(r->pool,
		    "delivers to file: %s", path));
	if (len == 0 || path[len - 1] != '/')
		return to_mbox(r, c, path, false, NULL, NULL);
	return to_maildir(r, c, path, NULL);
}

/* NULL: none.  False: the table can't be asked now. */
static bool
find_command(struct request *r, const struct user *user, const char **ret)
{
	struct buf	  value = BUF_INIT;
	enum table_result got = TABLE_NOT_FOUND;

	*ret = conf_mail.mailbox_command;
	if (!table_list_is_empty(local_tables.mailbox_command_maps))
		got = table_list_find(local_tables.mailbox_command_maps,
		    user->name, &value);
	if (got == TABLE_FOUND)
		*ret = pool_strdup(r->pool, value.data);
	if (**ret == '\0')
		*ret = NULL;
	buf_done(&value);
	return got != TABLE_ERROR;
}

bool
mailbox_transport_deliver(struct request *r, const struct context *c,
    const char *address, const char *user, enum outcome *ret)
{
	return pass_deliver(r, c, address, &(struct pass_rule){
	    .maps = local_tables.mailbox_transport_maps, .key = user,
	    .fixed = conf_mail.mailbox_transport }, ret);
}

/* False: the tables can't be asked now. */
static bool
find_quota(const struct user *user, const char *address, struct quota *q)
{
	struct buf	  value = BUF_INIT;
	enum table_result got;

	*q = (struct quota){ 0 };
	if (table_list_is_empty(local_tables.mailbox_quota_maps))
		return true;
	got = table_list_find(local_tables.mailbox_quota_maps, user->name,
	    &value);
	if (got == TABLE_NOT_FOUND)
		got = table_list_find(local_tables.mailbox_quota_maps,
		    address, &value);
	if (got == TABLE_ERROR)
		log_warn("mailbox_quota_maps: lookup %s: %s", user->name,
		    table_list_error(local_tables.mailbox_quota_maps));
	if (got == TABLE_FOUND && !quota_parse(q, value.data)) {
		log_warn("mailbox_quota_maps: bad quota for %s: \"%s\"; write "
		    "bytes, as \"500M\"", user->name, value.data);
		got = TABLE_ERROR;
	}
	buf_done(&value);
	return got != TABLE_ERROR;
}

/* home_mailbox, or the spool; a Maildir by the '/' at its end. */
static enum outcome
to_own_mailbox(struct request *r, const struct context *c,
    const struct user *user, struct quota *quota)
{
	const char *spool = conf_mail.mail_spool_directory, *path;
	bool	    home = *conf_mail.home_mailbox != '\0', is_maildir;

	if (home)
		path = pool_printf(r->pool, "%s/%s", user->home,
		    conf_mail.home_mailbox);
	else if (text_ends_nocase(spool, "/"))
		path = pool_printf(r->pool, "%s%s/", spool, user->name);
	else
		path = pool_printf(r->pool, "%s/%s", *spool == '\0' ?
		    "/var/mail" : spool, user->name);
	is_maildir = text_ends_nocase(path, "/");
	if (r->d->flags & DELIVER_VERIFY)	/* sendmail -bv */
		return request_end(r, c, "2.0.0", is_maildir ?
		    "delivers to maildir" : "delivers to mailbox");
	return is_maildir ? to_maildir(r, c, path, quota) :
	    to_mbox(r, c, path, !home, user->name, quota);
}

enum outcome
mailbox_deliver(struct request *r, const struct context *c, const char *address,
    const struct user *user)
{
	const char	*command;
	struct quota	 quota;
	enum outcome	 got;

	if (mailbox_transport_deliver(r, c, address, user->name, &got))
		return got;
	if (!find_command(r, user, &command))
		return request_end(r, c, "4.3.0", "table lookup failure");
	if (command != NULL)
		return command_deliver(r, c, command);
	if (!find_quota(user, address, &quota))
		return request_misconfigured(r, c, "4.3.5");
	got = to_own_mailbox(r, c, user, &quota);
	if (got == DONE && (r->d->flags & DELIVER_VERIFY) == 0)
		quota_warn(&quota, r->d, address);
	return got;
}
