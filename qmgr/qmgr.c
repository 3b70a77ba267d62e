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

#include <sys/socket.h>
#include <unistd.h>

#include "conf/param.h"
#include "mail/qmgr_client.h"
#include "qmgr/agent.h"
#include "qmgr/feed.h"
#include "qmgr/message.h"
#include "qmgr/orders.h"
#include "qmgr/site.h"
#include "qmgr/timer.h"
#include "qmgr/transport.h"
#include "server/server.h"
#include "util/clock.h"
#include "util/frame.h"
#include "util/log.h"
#include "util/proc.h"
#include "util/stream.h"

enum {
	REQUEST_MAX = 1024 * 1024, /* bytes */
	PATIENCE = 500,		/* ms, for what is under way at the end */
};

/* Without room it stays in incoming, where it is found later. */
static void
do_new(struct stream *client, const struct frame *f, const char *id)
{
	if (frame_u64(f, QMGR_KEY_MISSED, 0) != 0)
		feed_request((char[]){ QMGR_SCAN_INCOMING, '\0' });
	if (!server_stopping() && feed_has_room() && message_new(id, f))
		feed_took_new();
	/* lost if it is not read: it is said again with the next */
	if (feed_is_full())
		send(stream_fd(client), "F", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* --- orders */

static bool
may_order(struct stream *client, uid_t *ret_uid)
{
	struct ucred peer;
	socklen_t    len = sizeof peer;

	if (getsockopt(stream_fd(client), SOL_SOCKET, SO_PEERCRED, &peer,
	    &len) != 0)
		return false;
	*ret_uid = peer.uid;
	return peer.uid == 0 || peer.uid == geteuid();
}

static const char *
text_of(const struct frame *f, uint16_t key)
{
	const char *text = frame_str(f, key);

	return text != NULL ? text : "";
}

/* What has waited so far is looked at again, what is deferred tried soon. */
static const char *
carry_out(const struct frame *f, uid_t uid)
{
	struct order o = {
		.kind = f->type == QMGR_REROUTE ? ORDER_REROUTE :
		    ORDER_SUSPEND,
		.object = text_of(f, QMGR_KEY_OBJECT),
		.target = text_of(f, QMGR_KEY_TARGET),
		.reason = text_of(f, QMGR_KEY_REASON),
		.since = clock_wall_us() / 1000000,
		.by = uid,
	};
	const char *why = NULL;

	if (f->type == QMGR_ORDERS)
		return NULL;
	if (f->type == QMGR_RESUME ? !orders_take_back(o.object, &why) :
	    !orders_give(&o, &why))
		return why;
	log_info("%s %s%s%s by uid %lu", f->type == QMGR_RESUME ? "resume" :
	    f->type == QMGR_REROUTE ? "reroute" : "suspend", o.object,
	    *o.target != '\0' ? " to " : "", o.target, (unsigned long)uid);
	transport_review_all();
	if (f->type != QMGR_SUSPEND)
		feed_request((char[]){ QMGR_SCAN_ALL, '\0' });
	return NULL;
}

static void
do_order(struct stream *client, const struct frame *f)
{
	struct frame answer = FRAME_INIT;
	const char  *why = "only root and the mail system may give orders";
	uid_t	     uid;

	if (may_order(client, &uid))
		why = carry_out(f, uid);
	frame_begin(&answer, QMGR_ANSWER);
	frame_put_str(&answer, QMGR_KEY_WHY, why);
	if (why == NULL)
		orders_put(&answer);
	frame_send(client, &answer);
	stream_flush(client);
	frame_done(&answer);
}

/* --- requests */

static bool
do_request(struct stream *client, const struct frame *f)
{
	const char *id = frame_str(f, QMGR_KEY_ID);

	switch (f->type) {
	case QMGR_SUSPEND:
	case QMGR_REROUTE:
	case QMGR_RESUME:
	case QMGR_ORDERS:
		do_order(client, f);
		return true;
	}
	if (id == NULL || !queue_id_is_valid(id))
		return false;
	switch (f->type) {
	case QMGR_NEW:
		do_new(client, f, id);
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
		if (!do_request(client, &f)) {
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

/* There is a recipient, at least, in each active message. */
static void
check_limits(void)
{
	if (conf_qmgr.qmgr_message_recipient_limit >=
	    conf_qmgr.qmgr_message_active_limit)
		return;
	log_warn("qmgr_message_recipient_limit is smaller than "
	    "qmgr_message_active_limit - adjusting "
	    "qmgr_message_recipient_limit");
	conf_qmgr.qmgr_message_recipient_limit =
	    conf_qmgr.qmgr_message_active_limit;
}

static void
before_jail(void)
{
	check_limits();
	if (conf_mail.bounce_queue_lifetime > conf_mail.maximal_queue_lifetime)
		log_warn("bounce_queue_lifetime is larger than "
		    "maximal_queue_lifetime - adjusting bounce_queue_lifetime");
	transport_read_limits();
	site_init();
}

static void
after_jail(void)
{
	timer_start();
	orders_load();
	site_start();
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
		.before_exit = site_save,
	};

	server_main(argc, argv, &qmgr);
}
