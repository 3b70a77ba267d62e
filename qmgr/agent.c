#include "qmgr/agent.h"

#include <errno.h>
#include <string.h>

#include "conf/param.h"
#include "mail/deliver_proto.h"
#include "mail/queue_dir.h"
#include "mail/verp.h"
#include "net/connect.h"
#include "qmgr/message.h"
#include "qmgr/resolve.h"
#include "qmgr/schedule.h"
#include "qmgr/site.h"
#include "qmgr/transport.h"
#include "util/clock.h"
#include "util/frame.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/proc.h"
#include "util/stream.h"
#include "util/task.h"

enum {
	IDLE = 5,		/* seconds; a reload waits for them */
	CONNECT_WAIT = 60,	/* seconds for an agent's full listen queue */
	RESULT_MAX = 1024 * 1024, /* bytes */
	FAILURES_MAX = 5,	/* agents that died in a row */
	ALWAYS = 10,		/* agents of a transport, however many others
				   there are */
};

/*
 *	         entry             result
 *	idle -----------> delivering ------> next entry, or idle
 *	 | IDLE seconds       | connection failed: transport is dead
 *	 v                    v agent died: message is tried again
 *	gone
 */
struct agent {
	struct list	  link;		/* of the transport's idle ones */
	struct transport *transport;
	struct stream	 *stream;	/* NULL: not connected */
	struct entry	 *entry;	/* what it does, NULL idle */
	struct task_cond  work;
	struct frame	  frame;
};

static int deliveries;
static int agents;		/* with a connection, or about to have one */
static bool refused;		/* someone waits for the end of an agent */

int
agent_deliveries(void)
{
	return deliveries;
}

/* --- the request */

/* Is there more for this destination, or was there just now?  Then the agent
 * shall keep its connection. */
static bool
is_popular(const struct dest *d)
{
	return d->peers.count > 0 || d->busy > 1 ||
	    (d->last_ms != 0 && clock_ms() - d->last_ms < 1000);
}

/* With VERP each recipient has a sender, and a delivery, of its own. */
static void
put_sender(struct frame *f, const struct message *m, const struct entry *e)
{
	const char *delimiters = message_verp(m);
	struct buf  sender = BUF_INIT;

	if (delimiters != NULL)
		verp_sender(&sender, message_sender(m), delimiters,
		    *e->rcpt[0]->original != '\0' ?
		    e->rcpt[0]->original : e->rcpt[0]->address);
	frame_put_str(f, DELIVER_KEY_SENDER, delimiters != NULL ?
	    sender.data : message_sender(m));
	buf_done(&sender);
}

static void
put_request(struct frame *f, const struct entry *e)
{
	const struct message  *m = e->slice->message;
	const struct envelope *env = &m->first->env;
	unsigned flags = message_deliver_flags(m) |
	    (is_popular(e->dest) ? DELIVER_KEEP_OPEN : 0);

	frame_begin(f, DELIVER_REQUEST);
	frame_put_str(f, DELIVER_KEY_QUEUE, QUEUE_ACTIVE);
	frame_put_str(f, DELIVER_KEY_ID, m->id);
	frame_put_str(f, DELIVER_KEY_NEXTHOP, e->nexthop);
	put_sender(f, m, e);
	frame_put_u64(f, DELIVER_KEY_FLAGS, flags);
	frame_put_u64(f, DELIVER_KEY_ENV_FLAGS, env->flags);
	frame_put_str(f, DELIVER_KEY_ENVID, env->attr[ATTR_DSN_ENVELOPE_ID]);
	frame_put_u64(f, DELIVER_KEY_RET, message_ret(m));
	frame_put_str(f, DELIVER_KEY_ENCODING, env->attr[ATTR_ENCODING]);
	frame_put_u64(f, DELIVER_KEY_ARRIVAL, (uint64_t)env->arrival_us);
	frame_put_u64(f, DELIVER_KEY_ACTIVE, (uint64_t)m->active_us);
	frame_put_u64(f, DELIVER_KEY_HANDED, (uint64_t)clock_wall_us());
	frame_put_u64(f, DELIVER_KEY_SIZE, m->size);
	for (uint32_t i = 0; i < e->count; i++)
		deliver_put_recipient(f, e->rcpt[i]);
}

/* --- the result */

/* The place is free again, then the message is told, which may be its end.
 * The connection is offered first: or the next entry would open another, and
 * wait behind a full set of agents that hold idle ones. */
static void
release(struct agent *a)
{
	struct entry *e = a->entry;
	struct slice *s = e->slice;
	uint32_t      count = e->count;
	struct dest  *d = e->dest;

	a->entry = NULL;
	schedule_free_entry(e);
	deliveries--;
	d->busy--;
	a->transport->busy--;
	dest_rest(d);
	if (a->stream != NULL)
		list_push(&a->transport->idle, &a->link);
	message_settled(s, count);
	schedule_run(a->transport);
}

static void
note_file(struct message *m, enum deliver_file file)
{
	switch (file) {
	case DELIVER_FILE_OK:
		break;
	case DELIVER_FILE_MISSING:
		m->missing = true;
		break;
	case DELIVER_FILE_DAMAGED:
		m->damaged = true;
		break;
	case DELIVER_FILE_BUSY:
		m->retry_soon = true;
		break;
	}
}

static bool
note_statuses(struct message *m, struct str statuses, uint32_t count)
{
	if (statuses.n != count)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		switch (statuses.p[i]) {
		case DELIVER_SENT:
			break;
		case DELIVER_BOUNCED:
			m->bounced = true;
			break;
		default:
			m->deferred = true;
			break;
		}
	}
	return true;
}

static void
show_window(const struct dest *d, const char *event)
{
	if (conf_mail.destination_concurrency_feedback_debug)
		log_info("concurrency feedback: %s %s/%s: window=%d busy=%d "
		    "success=%.2f failure=%.2f cohorts=%.2f", event,
		    d->transport->name, d->key, d->window.size, d->busy,
		    d->window.success, d->window.failure, d->window.cohorts);
}

static void
feedback(struct dest *d, const struct frame *f)
{
	const char *dsn = frame_str(f, DELIVER_KEY_DEAD_DSN);
	const char *text = frame_str(f, DELIVER_KEY_DEAD_TEXT);
	struct why  why = WHY_INIT;

	d->transport->failures = 0;
	if (dest_is_dead(d))
		return;
	if (dsn == NULL || text == NULL) {
		window_success(&d->window, &d->transport->window, d->busy);
		show_window(d, "success");
		return;
	}
	if (window_failure(&d->window, &d->transport->window)) {
		show_window(d, "dead");
		why_set(&why, dsn, "%s", text);
		dest_set_dead(d, &why);
		why_done(&why);
		return;
	}
	show_window(d, "failure");
}

static void
take_result(struct agent *a)
{
	struct entry   *e = a->entry;
	struct message *m = e->slice->message;
	struct frame   *f = &a->frame;
	struct str	statuses, lines;

	if (frame_bytes(f, DELIVER_KEY_LOG, &lines))
		log_pass_on(lines.p, lines.n);
	if (!frame_bytes(f, DELIVER_KEY_STATUSES, &statuses) ||
	    !note_statuses(m, statuses, e->count)) {
		log_warn("private/%s: malformed delivery result",
		    a->transport->name);
		m->deferred = true;
	}
	if (frame_u64(f, DELIVER_KEY_WAITED, 0) != 0)
		e->dest->one_by_one = true;
	if (frame_u64(f, DELIVER_KEY_TRACED, 0) != 0)
		m->traced = true;
	if (frame_u64(f, DELIVER_KEY_BOUNCED, 0) != 0)
		m->bounced = true;
	note_file(m, (enum deliver_file)frame_u64(f, DELIVER_KEY_FILE, 0));
	if (frame_u64(f, DELIVER_KEY_CLOSING, 0) != 0) {
		stream_abort(a->stream);
		a->stream = NULL;
	}
	feedback(e->dest, f);
	if (e->dest->site != NULL)
		site_connected(e->dest->site, (unsigned)frame_u64(f,
		    DELIVER_KEY_CONNECTIONS, 0));
	release(a);
}

/* --- trouble */

/*
 * The agent died.  It may have delivered: what it has marked in the file
 * counts, so the message leaves memory and is read anew, soon.  When agents
 * die one after the other the transport rests.
 */
static void
agent_died(struct agent *a)
{
	struct transport *t = a->transport;
	struct message	 *m = a->entry->slice->message;

	log_warn("private/%s socket: malformed response", t->name);
	stream_abort(a->stream);
	a->stream = NULL;
	m->deferred = m->retry_soon = true;
	if (++t->failures >= FAILURES_MAX) {
		t->failures = 0;
		transport_set_dead(t, "4.3.0", "unknown mail transport error");
	}
	release(a);
}

static void
cannot_connect(struct agent *a)
{
	struct transport *t = a->transport;
	struct entry	 *e = a->entry;
	struct dest	 *d = e->dest;

	if (!transport_is_dead(t)) {
		log_warn("connect to transport private/%s: %s", t->name,
		    strerror(errno));
		transport_set_dead(t, "4.3.0", "mail transport unavailable");
	}
	a->entry = NULL;
	deliveries--;
	t->busy--;
	d->busy--;
	resolve_again(e);
	dest_rest(d);
}

/* --- the task */

static bool
connect_agent(struct agent *a)
{
	char *path = mem_printf("private/%s", a->transport->name);
	int   fd = -1;

	errno = ENOENT;
	if (strchr(a->transport->name, '/') == NULL)
		fd = connect_unix(path, clock_in(CONNECT_WAIT));
	mem_free(path);
	if (fd < 0)
		return false;
	a->stream = stream_open(fd);
	return true;
}

static bool
exchange(struct agent *a)
{
	put_request(&a->frame, a->entry);
	/* "queue active" comes before the agent's lines. */
	log_flush_soon();
	frame_send(a->stream, &a->frame);
	return frame_receive(a->stream, &a->frame, RESULT_MAX) &&
	    a->frame.type == DELIVER_RESULT;
}

static void
deliver(struct agent *a)
{
	bool reused = a->stream != NULL, done = false;

	if (reused) {
		done = exchange(a);
		if (!done) {
			/* It may have ended while it was idle. */
			stream_abort(a->stream);
			a->stream = NULL;
		}
	}
	if (!done) {
		if (!connect_agent(a)) {
			cannot_connect(a);
			return;
		}
		done = exchange(a);
	}
	if (done)
		take_result(a);
	else
		agent_died(a);
}

static void
run(void *arg)
{
	struct agent	 *a = arg;
	struct transport *t = a->transport;

	for (;;) {
		if (a->entry != NULL) {
			deliver(a);
			continue;
		}
		if (a->stream == NULL)
			break;
		if (list_is_empty(&a->link))
			list_push(&t->idle, &a->link);
		task_wait(&a->work, clock_in(IDLE));
		list_remove(&a->link);
		if (a->entry == NULL)
			break;
	}
	stream_close(a->stream);
	frame_done(&a->frame);
	mem_free(a);
	agents--;
	if (refused) {
		refused = false;
		transport_run_all();
	}
}

/* A quarter of the descriptors is for all else: cleanup's connections, queue
 * files, questions to other services. */
static int
agents_max(void)
{
	static int max;

	if (max == 0)
		max = proc_max_files() / 4 * 3;
	return max;
}

bool
agent_has_room(const struct transport *t)
{
	if (agents < agents_max() || t->busy < ALWAYS ||
	    !list_is_empty(&t->idle))
		return true;
	refused = true;
	return false;
}

void
agent_deliver(struct transport *t, struct entry *e)
{
	struct list  *it = list_take(&t->idle);
	struct agent *a;

	deliveries++;
	if (it != NULL) {
		a = LIST_ENTRY(it, struct agent, link);
		a->entry = e;
		task_wake_one(&a->work);
		return;
	}
	agents++;
	a = NEW(struct agent);
	a->transport = t;
	a->entry = e;
	a->frame = (struct frame)FRAME_INIT;
	list_init(&a->link);
	task_cond_init(&a->work);
	task_start("agent", run, a);
}
