/*
 * bounce - remembers how deliveries ended, and tells senders about it
 *
 * Serves bounce, defer and trace, three names of one program: the name says
 * which log a request is about.  Runs as mail_owner in its jail, many requests
 * at once, each connection a task.  Delivery agents, qmgr and cleanup talk to
 * it over private/; of what they send it believes the format only after a
 * check, since a compromised agent may send anything: a queue id must be one,
 * before it becomes part of a path.
 *
 * A request is answered when it is done: a record of a bounce is on disk, a
 * notification is in the queue.  "Try later" makes the caller keep the
 * message.  Ends when master says so, between two requests.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bounce/notify.h"
#include "conf/conf.h"
#include "mail/bounce_log.h"
#include "mail/bounce_proto.h"
#include "mail/peer.h"
#include "mail/queue_dir.h"
#include "mail/queue_id.h"
#include "server/server.h"
#include "util/buf.h"
#include "util/frame.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/proc.h"
#include "util/stream.h"

static const char *
get_str(const struct frame *f, enum bounce_key key)
{
	const char *s = frame_str(f, key);

	return s != NULL ? s : "";
}

static const char *
get_id(const struct frame *f)
{
	const char *id = get_str(f, BOUNCE_KEY_ID);

	if (queue_id_is_valid(id))
		return id;
	log_warn("request with a bad queue id: \"%.40s\"", id);
	return NULL;
}

/* The record of a request; `text` keeps what is made up here. */
static bool
get_record(const struct frame *f, const char *log, struct bounce_record *r,
    struct buf *text)
{
	const char *relay = get_str(f, BOUNCE_KEY_RELAY);

	*r = (struct bounce_record){
		.recipient = get_str(f, BOUNCE_KEY_RCPT),
		.original = get_str(f, BOUNCE_KEY_ORIGINAL),
		.orcpt = get_str(f, BOUNCE_KEY_ORCPT),
		.notify = (unsigned)frame_u64(f, BOUNCE_KEY_NOTIFY, 0),
		.index = (unsigned)frame_u64(f, BOUNCE_KEY_INDEX, 0),
		.dsn = get_str(f, BOUNCE_KEY_DSN),
		.action = get_str(f, BOUNCE_KEY_ACTION),
		.reason = get_str(f, BOUNCE_KEY_TEXT),
		.diag_type = get_str(f, BOUNCE_KEY_DIAG_TYPE),
		.diag_text = get_str(f, BOUNCE_KEY_DIAG_TEXT),
		.mta_name = get_str(f, BOUNCE_KEY_MTA),
		.relay = relay,
		.time = (long)time(NULL),
	};
	if (strcmp(log, QUEUE_DEFER) == 0)
		r->attempt = (int64_t)frame_u64(f, BOUNCE_KEY_ATTEMPT, 0);
	if (*r->reason == '\0')
		r->reason = "(description unavailable)";
	if (*r->diag_text == '\0')
		r->diag_type = "";
	r->mta_type = *r->mta_name != '\0' ? "dns" : "";
	if (strcmp(log, QUEUE_TRACE) == 0 && *relay != '\0' &&
	    strcmp(relay, "none") != 0) {
		buf_addf(text, "delivery via %s: %s", relay, r->reason);
		r->reason = text->data;
	}
	return *r->recipient != '\0';
}

static bool
do_append(const struct frame *f, const char *log)
{
	struct bounce_record r;
	struct buf	     text = BUF_INIT;
	const char	    *id = get_id(f);
	bool		     ok = false;

	if (id != NULL && get_record(f, log, &r, &text)) {
		ok = bounce_log_append(log, id, &r);
		if (!ok)
			log_warn("%s: append to %s log: %s", id, log,
			    strerror(errno));
	}
	buf_done(&text);
	return ok;
}

static bool
get_message(const struct frame *f, struct bounce_message *m)
{
	*m = (struct bounce_message){
		.queue = get_str(f, BOUNCE_KEY_QUEUE),
		.id = get_id(f),
		.sender = get_str(f, BOUNCE_KEY_SENDER),
		.envid = get_str(f, BOUNCE_KEY_ENVID),
		.ret = (enum dsn_ret)frame_u64(f, BOUNCE_KEY_RET, RET_NONE),
		.encoding = get_str(f, BOUNCE_KEY_ENCODING),
		.env_flags = (unsigned)frame_u64(f, BOUNCE_KEY_ENV_FLAGS, 0),
		.trace_flags = (unsigned)frame_u64(f,
		    BOUNCE_KEY_TRACE_FLAGS, 0),
	};
	return m->id != NULL && strchr(m->queue, '/') == NULL &&
	    m->queue[0] != '.';
}

/* What was only delayed so far has failed when its time is up. */
static void
set_failed(struct bounce_record *records, size_t count)
{
	for (size_t i = 0; i < count; i++)
		records[i].action = "failed";
}

/* The report about what stands in a log. */
static bool
send_from_log(enum notify_kind kind, const char *log,
    const struct bounce_message *m)
{
	struct pool	      pool = POOL_INIT;
	struct bounce_record *records;
	size_t		      count;
	bool		      ok;

	if (bounce_log_read(log, m->id, &pool, &records, &count)) {
		if (kind == NOTIFY_OF_FAILURE)
			set_failed(records, count);
		ok = count == 0 || notify(kind, m, records, count);
	} else if ((ok = errno == ENOENT))
		log_debug("%s: no %s log: told before", m->id, log);
	else
		log_warn("%s: read %s log: %s", m->id, log, strerror(errno));
	pool_done(&pool);
	return ok;
}

static bool
do_flush(const struct frame *f, const char *log)
{
	struct bounce_message m;

	if (!get_message(f, &m) ||
	    !send_from_log(strcmp(log, QUEUE_TRACE) == 0 ? NOTIFY_OF_TRACE :
	    NOTIFY_OF_FAILURE, log, &m))
		return false;
	if (!bounce_log_remove(log, m.id) && errno != ENOENT)
		log_warn("%s: remove %s log: %s", m.id, log, strerror(errno));
	return true;
}

static bool
do_warn(const struct frame *f, const char *log)
{
	struct bounce_message m;

	(void)log;
	return get_message(f, &m) &&
	    send_from_log(NOTIFY_OF_DELAY, QUEUE_DEFER, &m);
}

static bool
do_one(const struct frame *f, const char *log)
{
	struct bounce_message m;
	struct bounce_record  r;
	struct buf	      text = BUF_INIT;
	bool		      ok;

	ok = get_message(f, &m) && get_record(f, log, &r, &text) &&
	    notify(NOTIFY_OF_FAILURE, &m, &r, 1);
	buf_done(&text);
	return ok;
}

static const struct request {
	enum bounce_frame type;
	bool		(*run)(const struct frame *, const char *log);
} requests[] = {
	{ BOUNCE_APPEND, do_append },
	{ BOUNCE_FLUSH, do_flush },
	{ BOUNCE_WARN, do_warn },
	{ BOUNCE_ONE, do_one },
};

static const struct request *
find_request(unsigned type)
{
	for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
		if (requests[i].type == type)
			return &requests[i];
	return NULL;
}

/* The log that a service of any name is about. */
static const char *
log_of_service(const char *service)
{
	if (strcmp(service, conf_mail.defer_service_name) == 0)
		return QUEUE_DEFER;
	if (strcmp(service, conf_mail.trace_service_name) == 0)
		return QUEUE_TRACE;
	return QUEUE_BOUNCE;
}

static void
serve(struct stream *s)
{
	const char	     *log = log_of_service(server_service());
	const struct request *request;
	struct frame	      f = FRAME_INIT;
	bool		      ok;

	do {
		stream_set_deadline(s, conf_mail.ipc_timeout);
		if (!frame_receive(s, &f, BOUNCE_REQUEST_MAX))
			break;
		request = find_request(f.type);
		if (request == NULL) {
			log_warn("unknown request %u", f.type);
			break;
		}
		ok = request->run(&f, log);
		frame_begin(&f, BOUNCE_STATUS);
		frame_put_u64(&f, BOUNCE_KEY_OK, ok);
		frame_send(s, &f);
	} while (stream_flush(s) && !peer_is_ending());
	frame_done(&f);
}

static void
before_jail(void)
{
	notify_init();
}

int
main(int argc, char **argv)
{
	static const struct server bounce = {
		.name = "bounce",
		.kind = SERVER_MULTI,
		.jail = PROC_JAIL_NET | PROC_JAIL_FILES,
		.before_jail = before_jail,
		.serve = serve,
	};

	server_main(argc, argv, &bounce);
}
