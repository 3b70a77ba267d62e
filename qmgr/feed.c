#include "qmgr/feed.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "conf/param.h"
#include "mail/qmgr_client.h"
#include "mail/queue_dir.h"
#include "mail/queue_id.h"
#include "qmgr/message.h"
#include "qmgr/timer.h"
#include "qmgr/transport.h"
#include "server/server.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/task.h"

enum {
	BREATH = 50,		/* files between letting others run */
	LOCK_WAIT = 1,		/* seconds until a locked file is tried again */
};

/* A deferred message: when it is due.  It may have been moved or removed
 * meanwhile, so that is looked at when the time has come. */
struct retry {
	struct heap_node node;
	int64_t		 at;		/* seconds, wall clock */
	char		 id[QUEUE_ID_MAX];
};

static bool
is_earlier(const struct heap_node *a, const struct heap_node *b)
{
	return HEAP_ENTRY(a, struct retry, node)->at <
	    HEAP_ENTRY(b, struct retry, node)->at;
}

static struct {
	bool		 incoming, deferred, all;	/* to be done */
	bool		 running;
	bool		 no_room;	/* stopped for want of room */
	bool		 retries_wait;	/* so were these, a little earlier */
	size_t		 turns;		/* of retries, for want of room */
	struct heap	 retries;
	struct timer	 retry, scan, unlock;
	struct map	*was_active;	/* at start; an agent of the last qmgr
					   may hold their lock */
} feed = { .retries = { .before = is_earlier } };

static void	run(void *);
static void	set_retry_timer(void);

static void
wake(void)
{
	if (feed.running || server_stopping())
		return;
	feed.running = true;
	task_start("feed", run, NULL);
}

bool
feed_is_full(void)
{
	return message_count() >=
	    (size_t)conf_qmgr.qmgr_message_active_limit;
}

enum { CLOG_PERCENT = 20 };	/* of the active queue, for one destination */

/* The queue is full: is it one destination's fault? */
static void
warn_of_clog(void)
{
	static int64_t	   next;
	const struct dest *d;
	size_t		   count;

	if (!conf_mail.helpful_warnings || conf_qmgr.qmgr_clog_warn_time <= 0 ||
	    clock_ms() < next)
		return;
	next = clock_in(conf_qmgr.qmgr_clog_warn_time);
	d = transport_busiest(&count);
	if (d == NULL || count * 100 < message_count() * CLOG_PERCENT)
		return;
	log_warn("mail for %s is using up %zu of %zu active queue entries",
	    d->key, count, message_count());
	log_warn("this may slow down other mail deliveries");
	if (d->window.size >= d->transport->window.limit)
		log_warn("you may need to increase the main.cf "
		    "%s_destination_concurrency_limit from %d",
		    d->transport->name, d->transport->window.limit);
	else
		log_warn("you may need a separate master.cf transport for %s",
		    d->key);
	log_warn("please avoid flushing the whole queue when you have lots of "
	    "deferred mail, that is bad for performance");
	log_warn("to turn off these warnings specify: qmgr_clog_warn_time = "
	    "0");
}

bool
feed_has_room(void)
{
	if (!feed_is_full())
		return true;
	warn_of_clog();
	feed.no_room = true;
	return false;
}

/*
 * Retries leave a quarter of the room to new mail.  When the rest is taken, by
 * a destination that is slow for hours perhaps, they get a turn for each new
 * message, and some at each queue run.
 */
static bool
has_room_for_retry(void)
{
	size_t limit = (size_t)conf_qmgr.qmgr_message_active_limit;

	if (message_count() < limit - limit / 4)
		return true;
	if (feed.turns > 0 && message_count() < limit) {
		feed.turns--;
		return true;
	}
	warn_of_clog();
	feed.retries_wait = true;
	return false;
}

void
feed_took_new(void)
{
	if (feed.retries_wait) {
		feed.turns++;
		wake();
	}
}

/* Not for each that leaves: looking through a directory costs. */
void
feed_left(void)
{
	size_t limit = (size_t)conf_qmgr.qmgr_message_active_limit;
	size_t count = message_count();

	if (feed.no_room && count <= limit - limit / 16) {
		feed.no_room = false;
		feed.incoming = true;
		wake();
	}
	if (feed.retries_wait && count <= limit / 2) {
		feed.retries_wait = false;
		wake();
	}
}

/* --- incoming */

static void
try_again(struct timer *t)
{
	(void)t;
	feed.incoming = true;
	wake();
}

static void
load_incoming(const char *id)
{
	bool was_active = feed.was_active != NULL &&
	    map_find(feed.was_active, id) != NULL;
	bool locked;

	if (message_load(id, QUEUE_INCOMING, was_active ?
	    LOAD_LOOK_FOR_LOCK : 0, &locked))
		feed_took_new();
	if (locked)
		timer_set(&feed.unlock, clock_in(LOCK_WAIT), try_again);
	else if (was_active)
		map_remove(feed.was_active, id);
}

static void
scan_incoming(void)
{
	struct queue_scan *scan = queue_scan_open(QUEUE_INCOMING);
	const char	  *id;
	int		   n = 0;

	feed.incoming = false;
	while (scan != NULL && !server_stopping() && feed_has_room() &&
	    (id = queue_scan_next(scan)) != NULL) {
		load_incoming(id);
		if (++n % BREATH == 0)
			task_yield();
	}
	queue_scan_close(scan);
}

/* --- deferred */

void
feed_deferred(const char *id, int64_t when)
{
	struct retry *r = NEW(struct retry);

	r->at = when;
	strncpy(r->id, id, sizeof r->id - 1);
	heap_add(&feed.retries, &r->node);
	if (heap_first(&feed.retries) == &r->node)
		set_retry_timer();
}

static struct retry *
first_retry(void)
{
	struct heap_node *n = heap_first(&feed.retries);

	return n == NULL ? NULL : HEAP_ENTRY(n, struct retry, node);
}

static void
drop(struct retry *r)
{
	heap_remove(&feed.retries, &r->node);
	mem_free(r);
}

/* When it may be tried, by its file; -1: it is gone. */
static int64_t
due_time(const char *id)
{
	struct buf  path = BUF_INIT;
	struct stat st;
	int	    got;

	queue_path(&path, QUEUE_DEFERRED, id);
	got = stat(path.data, &st);
	buf_done(&path);
	return got == 0 ? st.st_mtim.tv_sec : -1;
}

static int64_t
wall_seconds(void)
{
	return clock_wall_us() / 1000000;
}

/* What waits is known only from the names: postsuper may have been at work. */
static void
scan_deferred(void)
{
	struct queue_scan *scan = queue_scan_open(QUEUE_DEFERRED);
	bool		   all = feed.all;
	const char	  *id;
	int64_t		   at;
	int		   n = 0;

	feed.deferred = feed.all = false;
	while (first_retry() != NULL)
		drop(first_retry());
	while (scan != NULL && !server_stopping() &&
	    (id = queue_scan_next(scan)) != NULL) {
		at = all ? 0 : due_time(id);
		if (at >= 0)
			feed_deferred(id, at);
		if (++n % BREATH == 0)
			task_yield();
	}
	queue_scan_close(scan);
}

static void
load_due(void)
{
	struct retry *r;
	bool	      locked;
	int	      n = 0;

	feed.retries_wait = false;
	while ((r = first_retry()) != NULL && r->at <= wall_seconds() &&
	    !server_stopping() && has_room_for_retry()) {
		char	id[QUEUE_ID_MAX];
		int64_t asked = r->at;

		memcpy(id, r->id, sizeof id);
		drop(r);
		/* 0: at once, whatever the file says */
		if (asked == 0 || due_time(id) <= wall_seconds())
			message_load(id, QUEUE_DEFERRED, asked == 0 ?
			    LOAD_ASKED_FOR : 0, &locked);
		if (++n % BREATH == 0)
			task_yield();
	}
	set_retry_timer();
}

static void
retries_are_due(struct timer *t)
{
	(void)t;
	wake();
}

static void
set_retry_timer(void)
{
	struct retry *r = first_retry();
	int64_t	      wait;

	if (r == NULL || feed.retries_wait) {
		timer_cancel(&feed.retry);
		return;
	}
	wait = r->at - wall_seconds();
	timer_set(&feed.retry, clock_ms() + (wait > 0 ? wait * 1000 : 0),
	    retries_are_due);
}

/* --- */

static void
run(void *arg)
{
	(void)arg;
	do {
		if (feed.incoming)
			scan_incoming();
		if (feed.deferred)
			scan_deferred();
		load_due();
	} while ((feed.incoming || feed.deferred) && !server_stopping());
	feed.running = false;
}

void
feed_request(const char *requests)
{
	for (; *requests != '\0'; requests++) {
		switch (*requests) {
		case QMGR_SCAN_INCOMING:
			feed.incoming = true;
			break;
		case QMGR_SCAN_ALL:
			feed.all = feed.deferred = true;
			break;
		case QMGR_SCAN_DEFERRED:
			feed.deferred = true;
			break;
		case QMGR_FLUSH_DEAD:
			transport_revive_all();
			break;
		case QMGR_WAKEUP:	/* deferred has its own timer */
			feed.incoming = true;
			break;
		}
	}
	wake();
}

void
feed_now(const char *id)
{
	bool locked;

	/* Too many at once wait in line before what is deferred. */
	if (feed_has_room())
		message_load(id, QUEUE_DEFERRED, LOAD_ASKED_FOR, &locked);
	else if (queue_move(id, QUEUE_DEFERRED, QUEUE_INCOMING))
		feed.incoming = true;
}

static void
scan_all(struct timer *t)
{
	feed.incoming = feed.deferred = true;
	feed.turns = (size_t)conf_qmgr.qmgr_message_active_limit / 16 + 1;
	timer_set(t, clock_in(conf_mail.queue_run_delay > 0 ?
	    conf_mail.queue_run_delay : 300), scan_all);
	wake();
}

static void
move_active_to_incoming(void)
{
	struct queue_scan *scan = queue_scan_open(QUEUE_ACTIVE);
	const char	  *id;

	feed.was_active = map_new();
	while (scan != NULL && (id = queue_scan_next(scan)) != NULL) {
		map_set(feed.was_active, id, &feed);
		if (!queue_move(id, QUEUE_ACTIVE, QUEUE_INCOMING))
			log_warn("%s: move to %s: %s", id, QUEUE_INCOMING,
			    strerror(errno));
	}
	queue_scan_close(scan);
}

void
feed_start(void)
{
	move_active_to_incoming();
	scan_all(&feed.scan);
}
