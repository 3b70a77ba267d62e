#include "qmgr/self.h"

#include "mail/deliver.h"
#include "mail/queue_dir.h"
#include "qmgr/message.h"
#include "util/clock.h"
#include "util/list.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/task.h"

struct work {
	struct list	  link;
	struct slice	 *slice;
	struct recipient *rcpt;
	enum self_how	  how;
	struct why	  why;
};

static struct {
	struct list	list;
	bool		running;
} self = { .list = LIST_INIT(self.list) };

/* Uses the agents' code on a delivery of one recipient. */
static void
deliver(struct work *w)
{
	static const struct deliver_via none = { .relay = "none" };
	const struct message *m = w->slice->message;
	char		      status = 0;
	struct delivery	      d = {
		.queue = QUEUE_ACTIVE, .id = m->id, .nexthop = "",
		.sender = message_sender(m),
		.envid = envelope_get(&m->first->env, ATTR_DSN_ENVELOPE_ID),
		.encoding = envelope_get(&m->first->env, ATTR_ENCODING),
		.flags = message_deliver_flags(m),
		.env_flags = m->first->env.flags, .ret = message_ret(m),
		.arrival_us = m->first->env.arrival_us,
		.active_us = m->active_us, .handed_us = clock_wall_us(),
		.rcpt = w->rcpt, .rcpt_count = 1, .status = &status,
		.dead = WHY_INIT,
	};

	if (queue_file_open(&d.file, d.queue, d.id, true) != QUEUE_FILE_OK)
		return;
	if (w->how == SELF_DEFER)
		delivery_deferred(&d, w->rcpt, &none, &w->why);
	else if (w->how == SELF_SENT)
		delivery_sent(&d, w->rcpt, &none, &w->why);
	else if (!queue_file_mark(&d.file, w->rcpt->index, RCPT_DONE))
		log_warn("%s: mark recipient as done: %m", m->id);
	if (d.traced)
		w->slice->message->traced = true;
	if (d.bounced)
		w->slice->message->bounced = true;
	if (d.not_logged)
		w->slice->message->retry_soon = true;
	queue_file_close(&d.file);
	why_done(&d.dead);
	pool_done(&d.pool);
}

static void
run(void *arg)
{
	struct list *it;
	struct work *w;

	(void)arg;
	while ((it = list_take(&self.list)) != NULL) {
		w = LIST_ENTRY(it, struct work, link);
		deliver(w);
		if (w->how == SELF_DEFER)
			w->slice->message->deferred = true;
		message_settled(w->slice, 1);
		why_done(&w->why);
		mem_free(w);
	}
	self.running = false;
}

void
self_settle(struct slice *s, struct recipient *r, enum self_how how,
    const char *dsn, const char *text)
{
	struct work *w = NEW(struct work);

	w->slice = s;
	w->rcpt = r;
	w->how = how;
	w->why = (struct why)WHY_INIT;
	why_set(&w->why, dsn, "%s", text);
	list_append(&self.list, &w->link);
	if (!self.running) {
		self.running = true;
		task_start("self", run, NULL);
	}
}
