/*
 * showq - tell what is in the queue
 *
 * Serves public/showq: postqueue asks, and gets one frame a message
 * (mail/queue_list.h) as they are read.  Runs as mail_owner in its jail,
 * reads the queue's directories, files and defer logs, and trusts nobody:
 * clients can only ask for everything, and who does not read is given up
 * after ipc_timeout.
 *
 * Ends when master takes it away or nothing was to be done for a while.
 */

#include "conf/param.h"
#include "mail/queue_list.h"
#include "server/server.h"
#include "util/frame.h"
#include "util/proc.h"
#include "util/stream.h"

enum { REQUEST_MAX = 256 };	/* bytes */

struct client {
	struct stream	*stream;
	struct frame	 frame;
};

static bool
report(void *arg, const struct queue_list_entry *e)
{
	struct client *c = arg;

	queue_list_write(&c->frame, e);
	stream_set_deadline(c->stream, conf_mail.ipc_timeout);
	frame_send(c->stream, &c->frame);
	return stream_failed(c->stream) == NULL;
}

static void
serve(struct stream *s)
{
	struct client c = { .stream = s, .frame = FRAME_INIT };

	stream_set_deadline(s, conf_mail.ipc_timeout);
	if (!frame_receive(s, &c.frame, REQUEST_MAX) ||
	    c.frame.type != SHOWQ_LIST)
		goto out;
	queue_list(report, &c);
	frame_begin(&c.frame, SHOWQ_END);
	frame_send(s, &c.frame);
	stream_flush(s);
out:
	frame_done(&c.frame);
}

int
main(int argc, char **argv)
{
	static const struct server showq = {
		.name = "showq",
		.kind = SERVER_MULTI,
		.jail = PROC_JAIL_FILES,
		.serve = serve,
	};

	server_main(argc, argv, &showq);
}
