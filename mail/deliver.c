#include "mail/deliver.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "conf/param.h"
#include "mail/address.h"
#include "mail/bounce_client.h"
#include "mail/deliver_filter.h"
#include "mail/deliver_proto.h"
#include "mail/flush_client.h"
#include "mail/peer.h"
#include "mail/verify_client.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/frame.h"
#include "util/log.h"
#include "util/stream.h"
#include "util/text.h"

enum { LINES_MAX = 4096 };	/* bytes of log lines within a result */

/*
 * Order of settling a recipient, for the case that the process dies on the
 * way:
 *
 *	failed:	 bounce log, mark in the queue file, log line
 *		 (a report may come twice, and is never lost)
 *	sent:	 mark, success report if wanted, log line
 *		 (a success report may be lost, the mail does not come twice)
 */

/* --- the request */

static bool
read_recipient(const struct frame_attr *group, struct recipient *r)
{
	struct frame_attr a;
	size_t		  pos = 0;

	r->original = r->orcpt = "";
	r->status = RCPT_TODO;
	while (frame_group_next(group, &pos, &a)) {
		switch (a.key) {
		case DELIVER_KEY_RCPT_ADDRESS:
			r->address = frame_attr_str(&a);
			break;
		case DELIVER_KEY_RCPT_ORIGINAL:
			r->original = frame_attr_str(&a);
			break;
		case DELIVER_KEY_RCPT_ORCPT:
			r->orcpt = frame_attr_str(&a);
			break;
		case DELIVER_KEY_RCPT_NOTIFY:
			r->notify = (uint8_t)frame_attr_u64(&a, 0);
			break;
		case DELIVER_KEY_RCPT_INDEX:
			r->index = (uint32_t)frame_attr_u64(&a, UINT32_MAX);
			break;
		}
	}
	return r->address != NULL && r->original != NULL && r->orcpt != NULL;
}

static bool
read_recipients(const struct frame *f, struct delivery *d)
{
	struct frame_attr a;
	size_t		  pos = 0, count = 0;

	while (frame_next(f, &pos, &a))
		if (a.key == DELIVER_KEY_RCPT)
			count++;
	if (count == 0)
		return false;
	d->rcpt = pool_zalloc(&d->pool, count * sizeof *d->rcpt);
	d->status = pool_zalloc(&d->pool, count);
	pos = 0;
	while (frame_next(f, &pos, &a)) {
		if (a.key != DELIVER_KEY_RCPT)
			continue;
		if (!read_recipient(&a, &d->rcpt[d->rcpt_count++]))
			return false;
	}
	return true;
}

static bool
read_text(struct delivery *d, const struct frame_attr *a)
{
	const char *text = frame_attr_str(a);

	switch (a->key) {
	case DELIVER_KEY_QUEUE:
		d->queue = text;
		break;
	case DELIVER_KEY_ID:
		d->id = text;
		break;
	case DELIVER_KEY_NEXTHOP:
		d->nexthop = text;
		break;
	case DELIVER_KEY_SENDER:
		d->sender = text;
		break;
	case DELIVER_KEY_ENVID:
		d->envid = text;
		break;
	case DELIVER_KEY_ENCODING:
		d->encoding = text;
		break;
	default:
		return false;
	}
	return true;
}

static void
read_number(struct delivery *d, const struct frame_attr *a)
{
	uint64_t n = frame_attr_u64(a, 0);

	switch (a->key) {
	case DELIVER_KEY_FLAGS:
		d->flags = (unsigned)n;
		break;
	case DELIVER_KEY_ENV_FLAGS:
		d->env_flags = (unsigned)n;
		break;
	case DELIVER_KEY_RET:
		d->ret = n == RET_FULL || n == RET_HDRS ? (enum dsn_ret)n :
		    RET_NONE;
		break;
	case DELIVER_KEY_ARRIVAL:
		d->arrival_us = (int64_t)n;
		break;
	case DELIVER_KEY_ACTIVE:
		d->active_us = (int64_t)n;
		break;
	case DELIVER_KEY_HANDED:
		d->handed_us = (int64_t)n;
		break;
	}
}

/* Strings stay in the frame. */
static bool
read_request(const struct frame *f, struct delivery *d)
{
	struct frame_attr a;
	size_t		  pos = 0;

	*d = (struct delivery){ .file = { .fd = -1 }, .envid = "",
		.encoding = "", .dead = WHY_INIT };
	if (f->type != DELIVER_REQUEST)
		return false;
	while (frame_next(f, &pos, &a))
		if (a.key != DELIVER_KEY_RCPT && !read_text(d, &a))
			read_number(d, &a);
	if (d->queue == NULL || d->id == NULL || !queue_id_is_valid(d->id) ||
	    d->nexthop == NULL || d->sender == NULL || d->envid == NULL ||
	    d->encoding == NULL)
		return false;
	return read_recipients(f, d);
}

static enum deliver_file
open_file(struct delivery *d)
{
	switch (queue_file_open(&d->file, d->queue, d->id, true)) {
	case QUEUE_FILE_OK:
		break;
	case QUEUE_FILE_MISSING:
		return DELIVER_FILE_MISSING;
	case QUEUE_FILE_DAMAGED:
		return DELIVER_FILE_DAMAGED;
	case QUEUE_FILE_ERROR:
		log_warn("open %s %s: %m", d->queue, d->id);
		return DELIVER_FILE_BUSY;
	}
	if (file_lock(d->file.fd, FILE_FLOCK, FILE_SHARED, 0))
		return DELIVER_FILE_OK;
	queue_file_close(&d->file);
	d->file.fd = -1;
	return DELIVER_FILE_BUSY;
}

/*
 * Our lines come before those that qmgr writes about the result, and few of
 * them go with it: one wake-up of postlogd less for each message.
 */
static void
send_result(struct stream *s, struct frame *f, struct delivery *d,
    enum deliver_file file)
{
	struct buf lines = BUF_INIT;

	frame_begin(f, DELIVER_RESULT);
	frame_put(f, DELIVER_KEY_STATUSES, d->status, d->rcpt_count);
	if (d->dead.dsn[0] != '\0') {
		frame_put_str(f, DELIVER_KEY_DEAD_DSN, d->dead.dsn);
		frame_put_str(f, DELIVER_KEY_DEAD_TEXT, d->dead.text.data);
	}
	if (d->traced)
		frame_put_u64(f, DELIVER_KEY_TRACED, 1);
	if (d->bounced)
		frame_put_u64(f, DELIVER_KEY_BOUNCED, 1);
	if (file == DELIVER_FILE_OK && d->not_logged)
		file = DELIVER_FILE_BUSY;
	if (file != DELIVER_FILE_OK)
		frame_put_u64(f, DELIVER_KEY_FILE, file);
	if (d->waited)
		frame_put_u64(f, DELIVER_KEY_WAITED, 1);
	if (d->connections > 0)
		frame_put_u64(f, DELIVER_KEY_CONNECTIONS, d->connections);
	if (peer_is_ending())
		frame_put_u64(f, DELIVER_KEY_CLOSING, 1);
	if (log_take(&lines, LINES_MAX))
		frame_put(f, DELIVER_KEY_LOG, lines.data, lines.len);
	else
		log_flush();
	frame_send(s, f);
	if (!stream_flush(s))
		log_pass_on(lines.data, lines.len);
	buf_done(&lines);
}

/* No recipient is left without a status. */
static void
settle_rest(struct delivery *d)
{
	static const struct deliver_via nowhere = { .relay = "none" };
	struct why			why = WHY_INIT;

	for (size_t i = 0; i < d->rcpt_count; i++) {
		if (d->status[i] != 0)
			continue;
		why_set(&why, "4.3.0", "unknown mail system error");
		delivery_deferred(d, &d->rcpt[i], &nowhere, &why);
	}
	why_done(&why);
}

static void
delivery_done(struct delivery *d)
{
	if (d->file.fd >= 0)
		queue_file_close(&d->file);
	if (d->envelope != NULL) {
		envelope_done(d->envelope);
		mem_free(d->envelope);
	}
	why_done(&d->dead);
	pool_done(&d->pool);
}

void
deliver_serve(struct stream *s, void (*deliver)(struct delivery *))
{
	struct frame	  request = FRAME_INIT, reply = FRAME_INIT;
	struct delivery	  d;
	enum deliver_file file;
	bool		  sound = true;

	while (sound && frame_receive(s, &request, FRAME_MAX)) {
		sound = read_request(&request, &d);
		if (sound) {
			file = open_file(&d);
			if (file == DELIVER_FILE_OK) {
				deliver(&d);
				settle_rest(&d);
			} else {
				memset(d.status, DELIVER_DEFERRED,
				    d.rcpt_count);
			}
			send_result(s, &reply, &d, file);
		} else {
			log_warn("malformed delivery request");
		}
		delivery_done(&d);
		if (peer_is_ending())
			break;
	}
	frame_done(&request);
	frame_done(&reply);
}

/* --- log lines */

static void
add_address(struct buf *line, const char *address)
{
	if (strcmp(conf_mail.info_log_address_format, "internal") == 0)
		buf_adds(line, address);
	else
		address_quote(line, address);
}

static void
add_delay(struct buf *line, int64_t from_us, int64_t to_us)
{
	int64_t us = to_us > from_us ? to_us - from_us : 0;

	clock_delay(line, us, conf_mail.delay_logging_resolution_limit);
}

static void
add_delays(struct buf *line, const struct delivery *d)
{
	int64_t now = clock_wall_us();
	int64_t ready = d->connected_us != 0 ? d->connected_us : d->handed_us;

	buf_adds(line, ", delay=");
	add_delay(line, d->arrival_us, now);
	buf_adds(line, ", delays=");
	add_delay(line, d->arrival_us, d->active_us);
	buf_addc(line, '/');
	add_delay(line, d->active_us, d->handed_us);
	buf_addc(line, '/');
	add_delay(line, d->handed_us, ready);
	buf_addc(line, '/');
	add_delay(line, ready, now);
}

static void
log_recipient(const struct delivery *d, const struct recipient *r,
    const struct deliver_via *via, const struct why *why, const char *status)
{
	struct buf line = BUF_INIT;

	buf_adds(&line, d->id);
	buf_adds(&line, ": to=<");
	add_address(&line, r->address);
	if (r->original[0] != '\0' && strcasecmp(r->original, r->address) != 0) {
		buf_adds(&line, ">, orig_to=<");
		add_address(&line, r->original);
	}
	buf_adds(&line, ">, relay=");
	buf_adds(&line, via->relay);
	if (via->conn_use > 1)
		buf_addf(&line, ", conn_use=%d", via->conn_use);
	add_delays(&line, d);
	if (via->tls != NULL) {
		buf_adds(&line, ", tls=");
		buf_adds(&line, via->tls);
	}
	buf_adds(&line, ", dsn=");
	buf_adds(&line, why->dsn);
	buf_adds(&line, ", status=");
	buf_adds(&line, status);
	buf_adds(&line, " (");
	buf_add(&line, why->text.data, why->text.len);
	buf_addc(&line, ')');
	log_info("%s", line.data);
	buf_done(&line);
}

/* --- settling */

static bool
append(const struct delivery *d, const struct recipient *r,
    const struct deliver_via *via, const struct why *why,
    const char *service, const char *action)
{
	struct bounce_rcpt b = {
		.rcpt = r, .relay = via->relay, .arrival_us = d->arrival_us,
		.why = why, .action = action,
		.attempt_us = d->active_us,
	};

	return bounce_append(service, d->id, &b);
}

static void
trace(struct delivery *d, const struct recipient *r,
    const struct deliver_via *via, const struct why *why, const char *action)
{
	if (append(d, r, via, why, "trace", action))
		d->traced = true;
	else
		log_warn("%s: trace service failure", d->id);
}

/* A copy of `why` in `store` if its class is not `class`: what becomes of
 * a recipient is not for a table or a remote server to say. */
static const struct why *
with_class(const struct why *why, char class, const char *function,
    struct why *store)
{
	if (why->dsn[0] == class)
		return why;
	log_warn("%s: ignoring dsn code \"%s\"", function, why->dsn);
	why_copy(store, why);
	snprintf(store->dsn, sizeof store->dsn, "%c.0.0", class);
	return store;
}

/*
 * Recipients settled twice keep their first result.  The recipient given
 * may be the agent's own copy: it is known by its index.  A part settles
 * nothing, its result is for the caller.
 */
static void
set_status(struct delivery *d, const struct recipient *r, char status)
{
	size_t i;

	if (d->part != NULL) {
		*d->part = status == DELIVER_SENT ? DONE :
		    status == DELIVER_BOUNCED ? FAILED : TRY_LATER;
		return;
	}
	if (r >= d->rcpt && r < d->rcpt + d->rcpt_count) {
		i = (size_t)(r - d->rcpt);
	} else {
		for (i = 0; i < d->rcpt_count; i++)
			if (d->rcpt[i].index == r->index)
				break;
		if (i == d->rcpt_count)
			return;
	}
	if (d->status[i] == 0)
		d->status[i] = status;
}

static void
finish(struct delivery *d, const struct recipient *r, char status)
{
	if (d->part == NULL && !(d->flags & DELIVER_UNMARKED) &&
	    !queue_file_mark(&d->file, r->index, RCPT_DONE))
		log_warn("%s: mark recipient %s as done: %m", d->id,
		    r->address);
	set_status(d, r, status);
}

/* A result that is lost is found out again when somebody asks. */
static void
tell_verify(const struct delivery *d, const struct recipient *r,
    const struct why *why)
{
	static const enum verify_status statuses[] = { [DONE] = VERIFY_OK,
	    [TRY_LATER] = VERIFY_DEFER, [FAILED] = VERIFY_BOUNCE };

	const char *asked = *r->original != '\0' ? r->original : r->address;
	enum verify_status status = statuses[why_outcome(why)];
	bool ok = verify_update(asked, status, why->text.data);

	/* what it is an alias of is known now, too */
	if (ok && !text_eq_nocase(asked, r->address))
		ok = verify_update(r->address, status, why->text.data);
	if (!ok)
		log_warn("%s: verify service failure", d->id);
}

/* In the words that people look for in logs. */
static const char *
verify_status_name(const struct delivery *d, const struct why *why)
{
	if (why_outcome(why) == DONE)
		return "deliverable";
	return (d->flags & DELIVER_PROBE) &&
	    !conf_mail.address_verify_negative_cache ?
	    "undeliverable-but-not-cached" : "undeliverable";
}

/* sendmail -bv and probes: nothing is delivered or retried, the report tells
 * all. */
static void
report_verify(struct delivery *d, const struct recipient *r,
    const struct deliver_via *via, const struct why *why)
{
	const char *found = verify_status_name(d, why);

	if (d->flags & DELIVER_PROBE)
		tell_verify(d, r, why);
	else
		trace(d, r, via, why, found);
	finish(d, r, DELIVER_SENT);
	log_recipient(d, r, via, why, found);
}

void
delivery_sent(struct delivery *d, struct recipient *r,
    const struct deliver_via *via, const struct why *given)
{
	struct why	  store = WHY_INIT, other = WHY_INIT;
	const struct why *why = deliver_filter_apply(with_class(given, '2',
	    "sent", &store), &other);

	if (d->flags & DELIVER_VERIFY) {
		report_verify(d, r, via, why);
	} else {
		finish(d, r, DELIVER_SENT);
		if ((d->flags & (DELIVER_TRACE | DELIVER_TELL_SUCCESS)) ||
		    (r->notify & NOTIFY_SUCCESS))
			trace(d, r, via, why, via->action != NULL ?
			    via->action : "delivered");
		log_recipient(d, r, via, why, "sent");
	}
	why_done(&store);
	why_done(&other);
}

/* Of fast_flush_domains: what waits for the site is on a list. */
static void
list_for_flush(const struct delivery *d, const struct recipient *r)
{
	const char *domain = address_domain(r->address);

	if (domain != NULL && *domain != '\0' &&
	    flush_add(domain, d->id) == FLUSH_FAIL)
		log_warn("%s: flush service failure", d->id);
}

void
delivery_expanded(struct delivery *d, const struct recipient *r,
    const struct deliver_via *via, const struct why *why)
{
	trace(d, r, via, why, via->action);
}

static void
defer(struct delivery *d, struct recipient *r, const struct deliver_via *via,
    const struct why *why, const char *status)
{
	if (!append(d, r, via, why, "defer", "delayed")) {
		log_warn("%s: defer service failure", d->id);
		d->not_logged = true;
	}
	if (d->flags & DELIVER_TRACE)
		trace(d, r, via, why, "delayed");
	list_for_flush(d, r);
	set_status(d, r, DELIVER_DEFERRED);
	log_recipient(d, r, via, why, status);
}

static void
defer_bounce(struct delivery *d, struct recipient *r,
    const struct deliver_via *via, const struct why *why)
{
	struct why soft = WHY_INIT;

	why_copy(&soft, why);
	soft.dsn[0] = '4';
	defer(d, r, via, &soft, "SOFTBOUNCE");
	why_done(&soft);
}

static bool
tell_owner(const struct delivery *d, const struct recipient *r,
    const struct deliver_via *via, const struct why *why)
{
	const struct bounce_message m = {
		.queue = d->queue, .id = d->id, .sender = via->bounce_to,
		.envid = "", .encoding = d->encoding,
		.env_flags = d->env_flags, .trace_flags = d->flags,
	};
	const struct bounce_rcpt b = {
		.rcpt = r, .relay = via->relay, .arrival_us = d->arrival_us,
		.why = why, .action = "failed",
	};

	return bounce_one(&m, &b);
}

static void
bounce(struct delivery *d, struct recipient *r, const struct deliver_via *via,
    const struct why *why)
{
	struct why failure = WHY_INIT;

	if (!(via->bounce_to != NULL ? tell_owner(d, r, via, why) :
	    append(d, r, via, why, "bounce", "failed"))) {
		why_set(&failure, "4.3.0", "bounce or trace service failure");
		defer(d, r, via, &failure, "deferred");
		why_done(&failure);
		return;
	}
	d->bounced = d->bounced || via->bounce_to == NULL;
	if (d->flags & DELIVER_TRACE)
		trace(d, r, via, why, "failed");
	finish(d, r, DELIVER_BOUNCED);
	log_recipient(d, r, via, why, "bounced");
}

/* A filter may make either of the other. */
static void
settle_failure(struct delivery *d, struct recipient *r,
    const struct deliver_via *via, const struct why *given)
{
	struct why	  store = WHY_INIT;
	const struct why *why = deliver_filter_apply(given, &store);

	if (d->flags & DELIVER_VERIFY)
		report_verify(d, r, via, why);
	else if (why->dsn[0] != '5')
		defer(d, r, via, why, "deferred");
	else if (conf_mail.soft_bounce)
		defer_bounce(d, r, via, why);
	else
		bounce(d, r, via, why);
	why_done(&store);
}

void
delivery_deferred(struct delivery *d, struct recipient *r,
    const struct deliver_via *via, const struct why *given)
{
	struct why	  store = WHY_INIT;

	settle_failure(d, r, via, with_class(given, '4', "defer_append",
	    &store));
	why_done(&store);
}

void
delivery_bounced(struct delivery *d, struct recipient *r,
    const struct deliver_via *via, const struct why *given)
{
	struct why	  store = WHY_INIT;

	settle_failure(d, r, via, with_class(given, '5', "bounce_append",
	    &store));
	why_done(&store);
}

void
delivery_settle(struct delivery *d, struct recipient *r,
    const struct deliver_via *via, const struct why *why)
{
	switch (why_outcome(why)) {
	case DONE:
		delivery_sent(d, r, via, why);
		break;
	case TRY_LATER:
		delivery_deferred(d, r, via, why);
		break;
	case FAILED:
		delivery_bounced(d, r, via, why);
		break;
	}
}

enum outcome
delivery_part(struct delivery *d, struct recipient *part,
    const struct deliver_via *via, const struct why *why)
{
	enum outcome got = TRY_LATER;

	d->part = &got;
	delivery_settle(d, part, via, why);
	d->part = NULL;
	return got;
}

void
delivery_close(struct delivery *d, struct recipient *r, enum outcome got)
{
	if (got == TRY_LATER)
		set_status(d, r, DELIVER_DEFERRED);
	else
		finish(d, r, got == DONE ? DELIVER_SENT : DELIVER_BOUNCED);
}

void
delivery_dead(struct delivery *d, const struct why *why)
{
	why_copy(&d->dead, why);
}

const struct envelope *
delivery_envelope(struct delivery *d)
{
	if (d->envelope == NULL) {
		d->envelope = NEW(struct envelope);
		envelope_init(d->envelope);
		if (!queue_file_read_envelope(&d->file, d->envelope)) {
			envelope_done(d->envelope);
			mem_free(d->envelope);
			d->envelope = NULL;
		}
	}
	return d->envelope;
}
