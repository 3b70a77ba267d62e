/*
 * pipe - delivery to commands that master.cf names
 *
 * Started by master as root; one delivery at a time, of one message to one or
 * many recipients; the command runs as the user that master.cf names, never as
 * root, without a shell.  Trusts qmgr and master.cf, nothing in the message:
 * what comes from outside is only ever a whole part of one argument.  Ends
 * when idle or when master says so, or at the start if master.cf makes no
 * sense.
 */

#include <string.h>

#include "conf/conf.h"
#include "conf/param.h"
#include "local/content.h"
#include "local/pipe_attr.h"
#include "local/process.h"
#include "mail/deliver.h"
#include "mail/deliver_filter.h"
#include "mail/deliver_proto.h"
#include "server/server.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/proc.h"
#include "util/text.h"

enum { SENT_OUTPUT_MAX = 100 };	/* bytes of what the command said */

static struct {
	struct pipe_attr	 attr;
	int			 time_limit;
} self;

static void
start(void)
{
	const char *why;

	pipe_attr_read(&self.attr, server_args());
	self.time_limit = conf_time_for(server_service(), "_time_limit",
	    conf_mail.command_time_limit, 's', &why);
	if (why != NULL)
		fatalx("%s", why);
}

static void
before_jail(void)
{
	deliver_filter_open("pipe");
}

static void
fill_content(struct content *c, const struct delivery *d)
{
	const struct pipe_attr *a = &self.attr;
	const char *sender = *d->sender != '\0' ? d->sender : a->null_sender;

	*c = (struct content){
		.sender = sender,
		.return_path = a->flags & PIPE_RETURN_PATH ? sender : NULL,
		.original_to = a->flags & PIPE_ORIGINAL_TO ?
		    d->rcpt[0].original : NULL,
		.delivered_to = a->flags & PIPE_DELIVERED_TO ?
		    d->rcpt[0].address : NULL,
		.postmark = (a->flags & PIPE_FROM_LINE) != 0,
		.quote_from = (a->flags & PIPE_QUOTE_FROM) != 0,
		.final_empty_line = (a->flags & PIPE_BLANK_LINE) != 0,
		.stuff_dots = (a->flags & PIPE_STUFF_DOTS) != 0,
		.eol = a->eol,
	};
}

/* The report of a success says who is in charge from now on. */
static void
settle_all(struct delivery *d, const struct why *why)
{
	const struct deliver_via via = {
		.relay = server_service(),
		.action = self.attr.flags & PIPE_FINAL ? NULL : "relayed",
	};

	for (size_t i = 0; i < d->rcpt_count; i++)
		delivery_settle(d, &d->rcpt[i], &via, why);
}

static void
run_command(struct delivery *d, struct why *why)
{
	struct process_env env;
	struct content	   content;
	struct process	   p = {
		.uid = self.attr.user.uid, .gid = self.attr.user.gid,
		.chroot_dir = self.attr.chroot_dir, .dir = self.attr.dir,
		.time_limit = self.time_limit,
		.env = env.vars, .caller = "pipe_command: ",
	};
	struct buf	   sent = BUF_INIT, output = BUF_INIT;
	const char	  *bad;

	p.argv = pipe_attr_expand(&self.attr, &d->pool, d, &bad);
	if (p.argv == NULL) {
		log_warn("file %s/master.cf: service %s: %s", conf_dir(),
		    server_service(), bad);
		why_set(why, "4.3.5", "mail system configuration error");
		return;
	}
	p.title = p.argv[0];
	process_env_init(&env, &d->pool, conf_mail.export_environment);
	fill_content(&content, d);
	buf_addf(&sent, "delivered via %s service", server_service());
	process_run(&p, d, &content, sent.data, why, &output);
	if (why_outcome(why) == DONE && *text_trim(output.data) != '\0')
		buf_addf(&why->text, " (%.*s)", SENT_OUTPUT_MAX,
		    text_trim(output.data));
	buf_done(&sent);
	buf_done(&output);
}

/* What can be told without a command; false: the command decides. */
static bool
decide(struct delivery *d, struct why *why)
{
	const struct pipe_attr *a = &self.attr;

	if ((a->flags & (PIPE_DELIVERED_TO | PIPE_ORIGINAL_TO)) &&
	    d->rcpt_count > 1) {
		log_warn("pipe flag `%c' requires "
		    "%s_destination_recipient_limit = 1",
		    a->flags & PIPE_DELIVERED_TO ? 'D' : 'O',
		    server_service());
		why_set(why, "4.3.5", "mail system configuration error");
	} else if (a->size > 0 && d->file.t.size > (uint64_t)a->size) {
		why_set(why, "5.2.3", "message too large");
	} else if ((a->flags & PIPE_DELIVERED_TO) &&
	    content_was_delivered_to(d, d->rcpt[0].address)) {
		why_set(why, "5.4.6", "mail forwarding loop for %s",
		    d->rcpt[0].address);
	} else if (d->flags & DELIVER_VERIFY) {
		why_set(why, "2.0.0", "delivers to command: %s",
		    a->argv[0]);
	} else {
		return false;
	}
	return true;
}

static void
deliver(struct delivery *d)
{
	struct why why = WHY_INIT;

	content_forget();
	if (!decide(d, &why))
		run_command(d, &why);
	settle_all(d, &why);
	why_done(&why);
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
		.name = "pipe",
		.kind = SERVER_SINGLE,
		.privileged = true,
		.jail = PROC_JAIL_NET | PROC_JAIL_FILES | PROC_JAIL_EXEC |
		    PROC_JAIL_IDS,
		.before_jail = before_jail,
		.first_session = start,
		.serve = serve,
	};

	server_main(argc, argv, &server);
}
