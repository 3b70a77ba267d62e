#include "qmgr/message.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/param.h"
#include "mail/address.h"
#include "mail/bounce_log.h"
#include "mail/deliver_proto.h"
#include "mail/qmgr_client.h"
#include "mail/queue_dir.h"
#include "mail/queue_list.h"
#include "qmgr/feed.h"
#include "qmgr/policy.h"
#include "qmgr/resolve.h"
#include "qmgr/schedule.h"
#include "qmgr/transport.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/frame.h"
#include "util/log.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/task.h"

enum {
	SLICE = 1000,		/* recipients read at once */
	SOON = 10,		/* seconds */
};

static struct {
	struct map	*active;	/* struct message by id */
	size_t		 recipients;	/* in memory, of all messages */
	int		 reports;	/* report() tasks */
} messages;

static void finish(struct message *);

/* --- looking */

size_t
message_count(void)
{
	return messages.active == NULL ? 0 : map_count(messages.active);
}

int
message_reports(void)
{
	return messages.reports;
}

static struct message *
message_find(const char *id)
{
	return messages.active == NULL ? NULL : map_find(messages.active, id);
}

const char *
message_sender(const struct message *m)
{
	return m->first->env.sender;
}

const char *
message_verp(const struct message *m)
{
	const char *delimiters = m->first->env.attr[ATTR_VERP_DELIMS];

	return delimiters != NULL && strlen(delimiters) == 2 &&
	    *message_sender(m) != '\0' ? delimiters : NULL;
}

static int64_t
message_age(const struct message *m)
{
	return (clock_wall_us() - m->first->env.arrival_us) / 1000000;
}

enum dsn_ret
message_ret(const struct message *m)
{
	int n = atoi(envelope_get(&m->first->env, ATTR_DSN_RET));

	return n == RET_FULL || n == RET_HDRS ? (enum dsn_ret)n : RET_NONE;
}

unsigned
message_deliver_flags(const struct message *m)
{
	unsigned env = m->first->env.flags;

	return (env & ENV_PROBE ? DELIVER_VERIFY | DELIVER_PROBE : 0) |
	    (env & ENV_DELIVER_VERIFY ? DELIVER_VERIFY : 0) |
	    (env & ENV_DELIVER_TRACE ? DELIVER_TRACE : 0) |
	    (m->warned && conf_mail.confirm_delay_cleared ?
	    DELIVER_TELL_SUCCESS : 0);
}

/* For bounce_flush() and the like. */
static void
message_describe(const struct message *m, struct bounce_message *ret)
{
	const struct envelope *env = &m->first->env;

	*ret = (struct bounce_message){
		.queue = QUEUE_ACTIVE, .id = m->id, .sender = env->sender,
		.envid = envelope_get(env, ATTR_DSN_ENVELOPE_ID),
		.ret = message_ret(m),
		.encoding = envelope_get(env, ATTR_ENCODING),
		.env_flags = env->flags,
		.trace_flags = message_deliver_flags(m),
	};
}

/* --- beginning */

static void
add_sender(struct buf *line, const struct message *m)
{
	if (strcmp(conf_mail.info_log_address_format, "internal") == 0)
		buf_adds(line, message_sender(m));
	else
		address_quote(line, message_sender(m));
}

static void
log_active(const struct message *m)
{
	struct buf line = BUF_INIT;

	add_sender(&line, m);
	log_info("%s: from=<%s>, size=%llu, nrcpt=%u (queue active)", m->id,
	    line.data, (unsigned long long)m->size, m->rcpt_count);
	buf_done(&line);
}

static struct slice *
new_slice(struct message *m)
{
	struct slice *s = NEW(struct slice);

	s->message = m;
	list_init(&s->link);
	envelope_init(&s->env);
	if (m->first == NULL)
		m->first = s;
	return s;
}

static void
free_slice(struct slice *s)
{
	envelope_done(&s->env);
	mem_free(s);
}

static struct message *
new_message(const char *id, uint64_t size, uint32_t rcpt_count)
{
	struct message *m = NEW(struct message);

	strncpy(m->id, id, sizeof m->id - 1);
	list_init(&m->jobs);
	m->size = size;
	m->rcpt_count = rcpt_count;
	m->active_us = clock_wall_us();
	new_slice(m);
	return m;
}

static void
free_message(struct message *m)
{
	if (messages.active != NULL && map_find(messages.active, m->id) == m)
		map_remove(messages.active, m->id);
	schedule_forget(m);
	free_slice(m->first);
	mem_free(m);
}

static void
begin_slice(struct slice *s)
{
	s->left = s->env.rcpt_count;
	s->message->in_memory += s->left;
	messages.recipients += s->left;
	if (s->left > 0)
		resolve_slice(s);
}

static void
begin(struct message *m)
{
	if (messages.active == NULL)
		messages.active = map_new();
	map_set(messages.active, m->id, m);
	log_active(m);
	if (m->forced_expire && m->deferred)
		m->next_rcpt = m->rcpt_count;
	else
		begin_slice(m->first);
	if (m->in_memory == 0 && m->next_rcpt >= m->rcpt_count)
		finish(m);
}

static void
save_corrupt(const char *id)
{
	log_warn("saving corrupt file \"%s\" from queue \"%s\" to queue"
	    " \"%s\"", id, QUEUE_ACTIVE, QUEUE_CORRUPT);
	if (!queue_move(id, QUEUE_ACTIVE, QUEUE_CORRUPT))
		log_warn("%s: move to %s: %s", id, QUEUE_CORRUPT,
		    strerror(errno));
}

/* --- from a file */

/* TRANSPORT_recipient_limit, for those that the message has to do with as far
 * as it is known. */
static size_t
room_of(const struct job *j)
{
	const struct transport *t = j->transport;
	size_t limit = t->pool + (j->rank < 0 ? t->extra_pool : 0);

	return t->recipients < limit ? limit - t->recipients : 0;
}

static uint32_t
slice_size(const struct message *m)
{
	size_t limit = (size_t)conf_qmgr.qmgr_message_recipient_limit;
	size_t least = (size_t)conf_qmgr.qmgr_message_recipient_minimum;
	size_t room = messages.recipients < limit ?
	    limit - messages.recipients : 0;

	/* once there are transports their limits count, not the global one */
	if (!list_is_empty(&m->jobs))
		room = SLICE;
	LIST_EACH(it, &m->jobs) {
		size_t n = room_of(LIST_ENTRY(it, struct job, of_message));

		room = n < room ? n : room;
	}
	if (room > SLICE)
		room = SLICE;
	if (room + m->in_memory < least)
		room = least - m->in_memory;
	return (uint32_t)room;
}

/* Is it time for more?  Not a few at a time, but before the last are gone. */
static bool
wants_more(const struct message *m)
{
	uint32_t refill = (uint32_t)conf_qmgr.default_recipient_refill_limit;
	int64_t	 delay = conf_qmgr.default_recipient_refill_delay * 1000L;

	if (m->next_rcpt >= m->rcpt_count)
		return false;
	if (m->in_memory == 0)
		return true;
	if (!list_is_empty(&m->jobs)) {
		const struct transport *t = LIST_ENTRY(m->jobs.next,
		    struct job, of_message)->transport;

		refill = t->refill;
		delay = t->refill_delay;
	}
	if (m->in_memory > refill && (clock_ms() - m->read_ms < delay ||
	    m->in_memory > SLICE))
		return false;
	return slice_size(m) >= refill ||
	    (slice_size(m) > 0 && clock_ms() - m->read_ms >= delay);
}

/* Fills slices until one has a recipient that is not done. */
static bool
read_slice(struct message *m, struct slice *s, const struct queue_file *f)
{
	uint32_t size = slice_size(m);

	m->read_ms = clock_ms();
	do {
		if (!queue_file_read_some(f, &s->env, m->next_rcpt,
		    size > 0 ? size : 1, &m->next_rcpt))
			return false;
	} while (s->env.rcpt_count == 0 && m->next_rcpt < m->rcpt_count);
	return true;
}

static bool
has_log(const char *queue, const char *id)
{
	struct buf path = BUF_INIT;
	bool	   found;

	queue_path(&path, queue, id);
	found = access(path.data, F_OK) == 0;
	buf_done(&path);
	return found;
}

/*
 * What was bounced before a crash has still to be told.  A message that the
 * administrator wants to be expired is, for the reasons of its last deferral.
 * These stay in their log until this attempt has newer ones.
 */
static void
look_for_logs(struct message *m)
{
	m->bounced = has_log(QUEUE_BOUNCE, m->id);
	m->traced = has_log(QUEUE_TRACE, m->id);
	m->from_file = true;
	m->deferred = m->forced_expire && has_log(QUEUE_DEFER, m->id);
}

static bool
load_file(const char *id, const struct queue_file *f, unsigned flags)
{
	struct message *m = new_message(id, f->t.size, f->t.rcpt_count);
	struct stat	st;

	if (!read_slice(m, m->first, f) || fstat(f->fd, &st) != 0) {
		free_message(m);
		return false;
	}
	m->forced_expire = (st.st_mode & QUEUE_MODE_EXPIRED) != 0;
	m->warned = (st.st_mode & QUEUE_MODE_WARNED) != 0;
	m->asked_for = (flags & LOAD_ASKED_FOR) != 0;
	look_for_logs(m);
	begin(m);
	return true;
}

bool
message_load(const char *id, const char *queue, unsigned flags,
    bool *ret_locked)
{
	struct queue_file f = { .fd = -1 };
	bool		  loaded = false;

	*ret_locked = false;
	if (message_find(id) != NULL || !queue_move(id, queue, QUEUE_ACTIVE))
		return false;
	switch (queue_file_open(&f, QUEUE_ACTIVE, id, false)) {
	case QUEUE_FILE_OK:
		*ret_locked = (flags & LOAD_LOOK_FOR_LOCK) != 0 &&
		    !file_lock(f.fd, FILE_FLOCK, FILE_EXCLUSIVE, 0);
		if (*ret_locked)
			queue_move(id, QUEUE_ACTIVE, queue);
		else if (!(loaded = load_file(id, &f, flags)))
			save_corrupt(id);
		queue_file_close(&f);
		break;
	case QUEUE_FILE_DAMAGED:
		save_corrupt(id);
		break;
	case QUEUE_FILE_ERROR:
		log_warn("open %s %s: %s", QUEUE_ACTIVE, id, strerror(errno));
		queue_move(id, QUEUE_ACTIVE, queue);
		break;
	case QUEUE_FILE_MISSING:
		break;
	}
	return loaded;
}

/* --- from a frame */

bool
message_new(const char *id, const struct frame *new)
{
	struct queue_trailer t;
	struct str	     facts, env;
	struct message	    *m;
	bool		     locked;

	if (!frame_bytes(new, QMGR_KEY_TRAILER, &facts) ||
	    facts.n != sizeof t || !frame_bytes(new, QMGR_KEY_ENVELOPE, &env))
		return message_load(id, QUEUE_INCOMING, 0, &locked);
	if (message_find(id) != NULL ||
	    !queue_move(id, QUEUE_INCOMING, QUEUE_ACTIVE))
		return false;
	memcpy(&t, facts.p, sizeof t);
	m = new_message(id, t.size, t.rcpt_count);
	if (!envelope_read(&(struct frame){ .bytes = { .data =
	    (char *)(uintptr_t)env.p, .len = env.n } }, &m->first->env) ||
	    m->first->env.rcpt_count != t.rcpt_count) {
		free_message(m);
		return message_load(id, QUEUE_ACTIVE, 0, &locked);
	}
	m->next_rcpt = t.rcpt_count;
	m->traced = (m->first->env.flags & ENV_TRACED) != 0;
	begin(m);
	return true;
}

/* --- recipients come and go */

static void
read_more(struct message *m)
{
	struct queue_file f = { .fd = -1 };
	struct slice	 *s;

	switch (queue_file_open(&f, QUEUE_ACTIVE, m->id, false)) {
	case QUEUE_FILE_OK:
		break;
	case QUEUE_FILE_MISSING:
		m->missing = true;
		break;
	case QUEUE_FILE_DAMAGED:
		m->damaged = true;
		break;
	case QUEUE_FILE_ERROR:
		m->deferred = m->retry_soon = true;
		break;
	}
	if (f.fd < 0) {
		m->next_rcpt = m->rcpt_count;
		return;
	}
	s = new_slice(m);
	if (!read_slice(m, s, &f)) {
		m->damaged = true;
		m->next_rcpt = m->rcpt_count;
		s->env.rcpt_count = 0;
	}
	queue_file_close(&f);
	if (s->env.rcpt_count > 0)
		begin_slice(s);
	else
		free_slice(s);
}

void
message_settled(struct slice *s, uint32_t count)
{
	struct message *m = s->message;

	s->left -= count;
	m->in_memory -= count;
	messages.recipients -= count;
	if (s->left == 0 && s != m->first)
		free_slice(s);
	if (wants_more(m))
		read_more(m);
	if (m->in_memory == 0 && m->next_rcpt >= m->rcpt_count &&
	    !m->finishing)
		finish(m);
}

/* --- the end */

static void
remove_file(const struct message *m)
{
	if (m->from_file)
		bounce_log_remove(QUEUE_DEFER, m->id);
	if (queue_remove(QUEUE_ACTIVE, m->id))
		log_info("%s: removed", m->id);
	else if (errno != ENOENT)
		log_warn("%s: remove: %s", m->id, strerror(errno));
}

static void
set_warned(const struct message *m)
{
	struct buf  path = BUF_INIT;
	struct stat st;

	queue_path(&path, QUEUE_ACTIVE, m->id);
	if (stat(path.data, &st) == 0)
		chmod(path.data, (st.st_mode & 07777) | QUEUE_MODE_WARNED);
	buf_done(&path);
}

static void
defer(const struct message *m)
{
	int64_t now = clock_wall_us() / 1000000, when;
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT } };
	struct buf	path = BUF_INIT;

	/* what kills each agent that gets it shall not do so all the time */
	when = now + (m->retry_soon ?
	    retry_delay(message_age(m), SOON, conf_mail.minimal_backoff_time) :
	    retry_delay(message_age(m), conf_mail.minimal_backoff_time,
	    conf_mail.maximal_backoff_time));
	times[1].tv_sec = when;
	queue_path(&path, QUEUE_ACTIVE, m->id);
	utimensat(AT_FDCWD, path.data, times, 0);
	buf_done(&path);
	if (queue_move(m->id, QUEUE_ACTIVE, QUEUE_DEFERRED))
		feed_deferred(m->id, when);
	else if (errno != ENOENT)
		log_warn("%s: move to %s: %s", m->id, QUEUE_DEFERRED,
		    strerror(errno));
}

static void
end(struct message *m)
{
	if (m->damaged)
		save_corrupt(m->id);
	else if (m->missing)
		log_debug("%s: was removed", m->id);
	else if (m->deferred || m->not_told)
		defer(m);
	else
		remove_file(m);
	free_message(m);
	feed_left();
}

static bool
is_expired(const struct message *m)
{
	int64_t limit = conf_mail.maximal_queue_lifetime;

	if (*message_sender(m) == '\0' &&
	    conf_mail.bounce_queue_lifetime < limit)
		limit = conf_mail.bounce_queue_lifetime;
	return m->forced_expire || message_age(m) >= limit;
}

static void
not_told(struct message *m, const char *what)
{
	log_info("%s: status=deferred (%s failed)", m->id, what);
	m->not_told = true;
}

/* Mail that could not be delivered for so long goes back. */
static void
expire(struct message *m, const struct bounce_message *b)
{
	struct buf sender = BUF_INIT;

	add_sender(&sender, m);
	log_info("%s: from=<%s>, status=%s, returned to sender", m->id,
	    sender.data, m->forced_expire ? "force-expired" : "expired");
	buf_done(&sender);
	if (bounce_flush_deferred(b))
		m->deferred = false;
	else
		not_told(m, "bounce");
}

static bool
warning_is_due(const struct message *m)
{
	return conf_mail.delay_warning_time > 0 && !m->warned &&
	    message_age(m) >= conf_mail.delay_warning_time;
}

/* Reports are sent, which waits; a report that can't be sent now keeps the
 * message in the queue. */
static void
report(void *arg)
{
	struct message	     *m = arg;
	struct bounce_message b;

	message_describe(m, &b);
	if (m->traced && !bounce_trace_flush(&b))
		not_told(m, "trace");
	if (m->bounced && !bounce_flush(&b))
		not_told(m, "bounce");
	if (m->deferred && !m->not_told && !m->retry_soon) {
		if (is_expired(m))
			expire(m, &b);
		else if (warning_is_due(m) && bounce_warn_delay(&b))
			set_warned(m);
	}
	messages.reports--;
	end(m);
}

static void
finish(struct message *m)
{
	bool has_news = m->traced || m->bounced || (m->deferred &&
	    !m->retry_soon && (is_expired(m) || warning_is_due(m)));

	m->finishing = true;
	if (m->damaged || m->missing || !has_news) {
		end(m);
	} else {
		messages.reports++;
		task_start("report", report, m);
	}
}
