#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mail/bounce_log.h"
#include "mail/envelope.h"
#include "mail/header_rcpt.h"
#include "mail/queue_dir.h"
#include "mail/queue_file.h"
#include "mail/queue_list.h"
#include "util/frame.h"
#include "util/mem.h"

static const char *const queues[] = {
	QUEUE_MAILDROP, QUEUE_ACTIVE, QUEUE_INCOMING, QUEUE_DEFERRED,
	QUEUE_HOLD,
};

/* --- from the disk */

struct listing {
	struct pool		 pool;
	struct envelope		 e;
	struct queue_list_entry	 entry;
};

static void
add_rcpt(struct listing *l, const struct recipient *r, const char *reason)
{
	struct queue_list_rcpt *to = &l->entry.rcpt[l->entry.rcpt_count++];

	to->address = r->address;
	to->original = r->original != NULL ? r->original : "";
	to->reason = reason != NULL ? reason : "";
	/* As Postfix's defer logs have it. */
	if (reason != NULL && strcmp(to->original, to->address) == 0)
		to->original = "";
}

/* The latest record of each recipient that is still to be delivered. */
static void
match_records(const struct listing *l, const struct bounce_record *records,
    size_t count, const struct bounce_record **latest)
{
	for (size_t i = 0; i < count; i++) {
		const struct bounce_record *b = &records[i];

		if (b->index < l->e.rcpt_count &&
		    l->e.rcpt[b->index].status == RCPT_TODO &&
		    strcmp(l->e.rcpt[b->index].address, b->recipient) == 0)
			latest[b->index] = b;
	}
}

/* Those with a reason first, in the order of their deferral, so that equal
 * reasons stand together; then the rest. */
static void
add_rcpts(struct listing *l)
{
	struct bounce_record *records = NULL;
	const struct bounce_record **latest;
	size_t count = 0, n = l->e.rcpt_count;

	if (strcmp(l->entry.queue, QUEUE_INCOMING) == 0 ||
	    !bounce_log_read(QUEUE_DEFER, l->entry.id, &l->pool, &records,
	    &count))
		count = 0;
	latest = pool_zalloc(&l->pool, (n + 1) * sizeof *latest);
	l->entry.rcpt = pool_alloc(&l->pool, (n + 1) * sizeof *l->entry.rcpt);
	match_records(l, records, count, latest);
	for (size_t i = 0; i < count; i++) {
		const struct bounce_record *b = &records[i];

		if (b->index < n && latest[b->index] == b)
			add_rcpt(l, &l->e.rcpt[b->index], b->reason);
	}
	for (size_t i = 0; i < n; i++)
		if (latest[i] == NULL && l->e.rcpt[i].status == RCPT_TODO)
			add_rcpt(l, &l->e.rcpt[i], NULL);
}

/* --- messages that wait for pickup */

enum { HEADER_LOOK = 64 * 1024 };	/* bytes of content, for sendmail -t */

static void
keep_start(void *arg, const char *bytes, size_t len)
{
	struct buf *start = arg;

	if (start->len + len > HEADER_LOOK)
		len = HEADER_LOOK - start->len;
	buf_add(start, bytes, len);
}

/* Recipients that sendmail -t leaves in the header. */
static void
add_header_rcpts(struct listing *l, const struct queue_file *q)
{
	struct buf   start = BUF_INIT;
	const char **names;
	size_t	     count, known = l->entry.rcpt_count;
	struct queue_list_rcpt *rcpt;

	if (!queue_file_copy(q, queue_file_header_at(q), q->t.header_len,
	    keep_start, &start) ||
	    !queue_file_copy(q, queue_file_body_at(q), q->t.body_len <
	    HEADER_LOOK ? q->t.body_len : HEADER_LOOK, keep_start, &start)) {
		buf_done(&start);
		return;
	}
	count = header_recipients(&l->pool, (struct str){ start.data,
	    start.len }, &names);
	rcpt = pool_alloc(&l->pool, (known + count + 1) * sizeof *rcpt);
	memcpy(rcpt, l->entry.rcpt, known * sizeof *rcpt);
	for (size_t i = 0; i < count; i++)
		rcpt[known + i] = (struct queue_list_rcpt){
			.address = names[i], .original = "", .reason = "" };
	l->entry.rcpt = rcpt;
	l->entry.rcpt_count = known + count;
	buf_done(&start);
}

/* A record of Postfix's: a type byte, the length, the text. */
static uint64_t
record(const char *text)
{
	return 2 + strlen(text);
}

static uint64_t
attribute(const char *name, const char *value)
{
	return *value == '\0' ? 0 : record(name) + 1 + strlen(value);
}

/*
 * What Postfix shows of these is the size of its file: the content and the
 * records round it.
 */
static uint64_t
maildrop_size(const struct listing *l, uint64_t content)
{
	const struct envelope *e = &l->e;
	const char *context = envelope_get(e, ATTR_REWRITE_CONTEXT);
	const char *trace = (e->flags & ENV_DELIVER_VERIFY) != 0 ? "512" :
	    (e->flags & ENV_DELIVER_TRACE) != 0 ? "1024" : "";
	const char *verp = envelope_get(e, ATTR_VERP_DELIMS);
	const char *name = envelope_get(e, ATTR_FULL_NAME);
	uint64_t size = content + 3 * record("");	/* M, X, E */
	char	 time[48];

	snprintf(time, sizeof time, "%lld %d",
	    (long long)(e->arrival_us / 1000000),
	    (int)(e->arrival_us % 1000000));
	size += record(time) + record(e->sender) +
	    attribute("rewrite_context", *context != '\0' ? context :
	    "local") +
	    attribute("envelope_id", envelope_get(e, ATTR_DSN_ENVELOPE_ID)) +
	    attribute("ret_flags", envelope_get(e, ATTR_DSN_RET)) +
	    attribute("encoding", envelope_get(e, ATTR_ENCODING)) +
	    attribute("trace_flags", trace);
	if (*name != '\0')
		size += record(name);
	if (*verp != '\0')
		size += record(verp);
	for (size_t i = 0; i < l->entry.rcpt_count; i++)
		size += record(l->entry.rcpt[i].address);
	for (uint32_t i = 0; i < e->rcpt_count; i++)
		if (e->rcpt[i].notify != 0)
			size += record("notify_flags=1");
	if (atoi(envelope_get(e, ATTR_EXTRACT_NOTIFY)) != 0)
		size += (l->entry.rcpt_count - e->rcpt_count) *
		    record("notify_flags=1");
	return size;
}

/* Not those that postsuper has put there again. */
static bool
is_submission(const struct listing *l)
{
	return strcmp(l->entry.queue, QUEUE_MAILDROP) == 0 &&
	    *l->e.queue_id == '\0';
}

static void
complete_submission(struct listing *l, const struct queue_file *q)
{
	if (l->e.attr[ATTR_EXTRACT_NOTIFY] != NULL)
		add_header_rcpts(l, q);
	l->entry.size = maildrop_size(l, q->t.size);
}

/* --- */

static bool
read_message(struct listing *l, const char *queue, const char *id)
{
	struct queue_file q;
	struct stat	  st;
	bool		  ok;

	if (queue_file_open(&q, queue, id, false) != QUEUE_FILE_OK)
		return false;
	ok = fstat(q.fd, &st) == 0 && queue_file_read_envelope(&q, &l->e);
	if (ok) {
		l->entry = (struct queue_list_entry){
			.queue = queue, .id = id, .sender = l->e.sender,
			.arrival = l->e.arrival_us / 1000000,
			.size = q.t.size,
			.forced_expire =
			    (st.st_mode & QUEUE_MODE_EXPIRED) != 0,
		};
		add_rcpts(l);
		if (is_submission(l))
			complete_submission(l, &q);
	}
	queue_file_close(&q);
	return ok;
}

bool
queue_list_one(const char *queue, queue_list_fn *report, void *arg)
{
	struct queue_scan *scan = queue_scan_open(queue);
	struct listing	   l = { .pool = POOL_INIT };
	const char	  *id;
	bool		   more = true;

	if (scan == NULL)
		return true;
	envelope_init(&l.e);
	while (more && (id = queue_scan_next(scan)) != NULL) {
		pool_clear(&l.pool);
		envelope_clear(&l.e);
		if (read_message(&l, queue, id))
			more = report(arg, &l.entry);
	}
	envelope_done(&l.e);
	pool_done(&l.pool);
	queue_scan_close(scan);
	return more;
}

void
queue_list(queue_list_fn *report, void *arg)
{
	for (size_t i = 0; i < sizeof queues / sizeof *queues; i++)
		if (!queue_list_one(queues[i], report, arg))
			return;
}

/* --- through a socket */

enum showq_key {
	KEY_QUEUE = 1, KEY_ID, KEY_SENDER, KEY_ARRIVAL, KEY_SIZE,
	KEY_EXPIRE, KEY_RCPT, KEY_ADDRESS, KEY_ORIGINAL, KEY_REASON,
};

void
queue_list_write(struct frame *f, const struct queue_list_entry *e)
{
	frame_begin(f, SHOWQ_ENTRY);
	frame_put_str(f, KEY_QUEUE, e->queue);
	frame_put_str(f, KEY_ID, e->id);
	frame_put_str(f, KEY_SENDER, e->sender);
	frame_put_u64(f, KEY_ARRIVAL, (uint64_t)e->arrival);
	frame_put_u64(f, KEY_SIZE, e->size);
	frame_put_u64(f, KEY_EXPIRE, e->forced_expire);
	for (size_t i = 0; i < e->rcpt_count &&
	    f->bytes.len < SHOWQ_FRAME_MAX - 64 * 1024; i++) {
		const struct queue_list_rcpt *r = &e->rcpt[i];
		size_t group = frame_open(f, KEY_RCPT);

		frame_put_str(f, KEY_ADDRESS, r->address);
		if (*r->original != '\0')
			frame_put_str(f, KEY_ORIGINAL, r->original);
		/* As often as not the reason is that of the one before. */
		if (*r->reason != '\0' && (i == 0 ||
		    strcmp(r->reason, e->rcpt[i - 1].reason) != 0))
			frame_put_str(f, KEY_REASON, r->reason);
		else if (*r->reason == '\0')
			frame_put_str(f, KEY_REASON, "");
		frame_close(f, group);
	}
}

static bool
read_rcpt(const struct frame_attr *group, const char *last_reason,
    struct queue_list_rcpt *r)
{
	struct frame_attr a;
	size_t pos = 0;

	*r = (struct queue_list_rcpt){ .original = "", .reason = last_reason };
	while (frame_group_next(group, &pos, &a)) {
		const char *text = frame_attr_str(&a);

		if (text == NULL)
			return false;
		switch (a.key) {
		case KEY_ADDRESS: r->address = text; break;
		case KEY_ORIGINAL: r->original = text; break;
		case KEY_REASON: r->reason = text; break;
		}
	}
	return r->address != NULL;
}

static size_t
count_rcpts(const struct frame *f)
{
	struct frame_attr a;
	size_t pos = 0, n = 0;

	while (frame_next(f, &pos, &a))
		n += a.key == KEY_RCPT;
	return n;
}

bool
queue_list_read(const struct frame *f, struct pool *pool,
    struct queue_list_entry *ret)
{
	struct queue_list_entry e = {
		.queue = frame_str(f, KEY_QUEUE), .id = frame_str(f, KEY_ID),
		.sender = frame_str(f, KEY_SENDER),
		.arrival = (int64_t)frame_u64(f, KEY_ARRIVAL, 0),
		.size = frame_u64(f, KEY_SIZE, 0),
		.forced_expire = frame_u64(f, KEY_EXPIRE, 0) != 0,
	};
	const char *reason = "";
	struct frame_attr a;
	size_t pos = 0;

	if (e.queue == NULL || e.id == NULL || e.sender == NULL)
		return false;
	e.rcpt = pool_alloc(pool, (count_rcpts(f) + 1) * sizeof *e.rcpt);
	while (frame_next(f, &pos, &a)) {
		if (a.key != KEY_RCPT)
			continue;
		if (!read_rcpt(&a, reason, &e.rcpt[e.rcpt_count]))
			return false;
		reason = e.rcpt[e.rcpt_count++].reason;
	}
	*ret = e;
	return true;
}
