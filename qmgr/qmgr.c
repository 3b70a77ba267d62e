/*
 * qmgr - the queue manager
 *
 * Service public/qmgr, one process.  Takes new messages from cleanup, decides
 * which recipients are delivered when and by which agent, tries again what
 * could not be delivered, and removes what is done.  Runs as mail_owner, in a
 * jail.  Trusts the files of the queue as far as their check sums go, and the
 * other services no more than their frames add up.  Keeps no state that is
 * not in the queue: it may end at any moment.  Ends soon after master retires
 * it: agents mark in the files what they finish without it, and hold locks on
 * those that they have not finished.
 */

#include "conf/param.h"
#include "mail/qmgr_client.h"
#include "mail/queue_dir.h"
#include "qmgr/agent.h"
#include "qmgr/feed.h"
#include "qmgr/message.h"
#include "qmgr/timer.h"
#include "qmgr/transport.h"
#include "server/server.h"
#include "util/clock.h"
#include "util/frame.h"
#include "util/log.h"
#include "util/proc.h"
#include "util/stream.h"

enum {
	REQUEST_MAX = 1024 * 1024,	/* bytes */
	PATIENCE = 500,			/* ms, for what is under way at the end */
};

/* Without room it stays in incoming, where it is found later. */
static void
do_new(const struct frame *f, const char *id)
{
	if (frame_u64(f, QMGR_KEY_MISSED, 0) != 0)
		feed_request((char[]){ QMGR_SCAN_INCOMING, '\0' });
	if (!server_stopping() && feed_has_room())
		message_new(id, f);
}

static bool
do_request(const struct frame *f)
{
	const char *id = frame_str(f, QMGR_KEY_ID);

	if (id == NULL || !queue_id_is_valid(id))
		return false;
	switch (f->type) {
	case QMGR_NEW:
		do_new(f, id);
		return true;
	case QMGR_FLUSH_ID:
		feed_now(id);
		return true;
	}
	return false;
}

static void
serve(struct stream *client)
{
	struct frame f = FRAME_INIT;

	while (frame_receive(client, &f, REQUEST_MAX)) {
		if (!do_request(&f)) {
			log_warn("malformed request");
			break;
		}
	}
	frame_done(&f);
}

/* Asked again and again once it is to end. */
static bool
is_busy(void)
{
	static int64_t until;

	if (until == 0)
		until = clock_ms() + PATIENCE;
	return clock_ms() < until &&
	    (agent_deliveries() > 0 || message_reports() > 0);
}

static void
before_jail(void)
{
	transport_read_limits();
}

static void
after_jail(void)
{
	queue_dir_init(conf_mail.hash_queue_names, conf_mail.hash_queue_depth);
	timer_start();
	feed_start();
}

int
main(int argc, char **argv)
{
	static const struct param_area *const areas[] = { &param_qmgr, NULL };
	static const struct server	      qmgr = {
		.name = "qmgr",
		.one_process = true,
		.jail = PROC_JAIL_NET | PROC_JAIL_FILES,
		.areas = areas,
		.before_jail = before_jail,
		.after_jail = after_jail,
		.serve = serve,
		.triggered = feed_request,
		.is_busy = is_busy,
	};

	server_main(argc, argv, &qmgr);
}
