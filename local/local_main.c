/*
 * local - delivery to users, aliases, files and commands of this host
 *
 * Started by master as root; one delivery at a time; acts as the recipient's
 * user around every delivery, and runs nothing as root.  Trusts qmgr, the alias
 * tables (their owner decides privileges) and nothing in the message.  Ends
 * when idle or when master says so.
 */

#include <grp.h>
#include <pwd.h>

#include "conf/param.h"
#include "local/content.h"
#include "local/mbox.h"
#include "local/recipient.h"
#include "local/turn.h"
#include "mail/deliver.h"
#include "mail/deliver_filter.h"
#include "server/server.h"
#include "server/words.h"
#include "table/table.h"
#include "util/log.h"
#include "util/proc.h"

struct local_tables local_tables;

static void
find_default_privs(void)
{
	struct passwd *pw = getpwnam(conf_mail.default_privs);

	if (pw == NULL)
		fatalx("main.cf: default_privs: no user named \"%s\"; write "
		    "default_privs = nobody", conf_mail.default_privs);
	if (pw->pw_uid == 0)
		fatalx("main.cf: default_privs: user \"%s\" is the superuser; "
		    "write default_privs = nobody", conf_mail.default_privs);
	local_tables.default_uid = pw->pw_uid;
	local_tables.default_gid = pw->pw_gid;
}

static void
check_words(void)
{
	static const char *const kinds[] = { "alias", "forward", "include",
		NULL };
	static const char *const extended[] = { "canonical", "virtual",
		"alias", "forward", "include", "generic", NULL };
	static const char *const delivered[] = { "command", "file", "forward",
		NULL };

	words_check("allow_mail_to_commands",
	    conf_mail.allow_mail_to_commands, kinds);
	words_check("allow_mail_to_files", conf_mail.allow_mail_to_files,
	    kinds);
	words_check("propagate_unmatched_extensions",
	    conf_mail.propagate_unmatched_extensions, extended);
	words_check("prepend_delivered_header",
	    conf_mail.prepend_delivered_header, delivered);
}

static void
start(void)
{
	int fold = TABLE_FOLD | (conf_mail.smtputf8_enable ? TABLE_UTF8 : 0);

	mbox_check_limit("mailbox_size_limit", conf_mail.mailbox_size_limit);
	deliver_filter_open("local");
	turn_open();
	check_words();
	find_default_privs();
	local_tables.locks = mbox_parse_locks("mailbox_delivery_lock",
	    conf_mail.mailbox_delivery_lock);
	local_tables.aliases = table_list_open("alias_maps",
	    conf_mail.alias_maps, fold | TABLE_PARENT);
	local_tables.mailbox_command_maps = table_list_open(
	    "mailbox_command_maps", conf_mail.mailbox_command_maps, fold);
	local_tables.mailbox_quota_maps = table_list_open(
	    "mailbox_quota_maps", conf_mail.mailbox_quota_maps, fold);
	local_tables.mailbox_transport_maps = table_list_open(
	    "mailbox_transport_maps", conf_mail.mailbox_transport_maps, fold);
	local_tables.fallback_transport_maps = table_list_open(
	    "fallback_transport_maps", conf_mail.fallback_transport_maps, fold);
}

static void
deliver(struct delivery *d)
{
	content_forget();
	for (size_t i = 0; i < d->rcpt_count; i++)
		recipient_deliver(d, &d->rcpt[i]);
}

static void
serve(struct stream *s)
{
	deliver_serve(s, deliver);
}

int
main(int argc, char **argv)
{
	static const struct server local = {
		.name = "local",
		.kind = SERVER_SINGLE,
		.privileged = true,
		.jail = PROC_JAIL_NET | PROC_JAIL_FILES | PROC_JAIL_EXEC |
		    PROC_JAIL_IDS,
		.before_jail = start,
		.serve = serve,
	};

	server_main(argc, argv, &local);
}
