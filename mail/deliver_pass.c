#include <errno.h>
#include <string.h>

#include "mail/deliver.h"
#include "mail/deliver_proto.h"
#include "mail/peer.h"
#include "util/clock.h"
#include "util/frame.h"
#include "util/log.h"
#include "util/stream.h"

enum { RESULT_MAX = 64 * 1024 };	/* bytes */

void
deliver_put_recipient(struct frame *f, const struct recipient *r)
{
	size_t group = frame_open(f, DELIVER_KEY_RCPT);

	frame_put_str(f, DELIVER_KEY_RCPT_ADDRESS, r->address);
	if (*r->original != '\0')
		frame_put_str(f, DELIVER_KEY_RCPT_ORIGINAL, r->original);
	if (*r->orcpt != '\0')
		frame_put_str(f, DELIVER_KEY_RCPT_ORCPT, r->orcpt);
	if (r->notify != 0)
		frame_put_u64(f, DELIVER_KEY_RCPT_NOTIFY, r->notify);
	frame_put_u64(f, DELIVER_KEY_RCPT_INDEX, r->index);
	frame_close(f, group);
}

static void
put_request(struct frame *f, const struct delivery *d,
    const struct recipient *r, const char *nexthop)
{
	frame_begin(f, DELIVER_REQUEST);
	frame_put_str(f, DELIVER_KEY_QUEUE, d->queue);
	frame_put_str(f, DELIVER_KEY_ID, d->id);
	frame_put_str(f, DELIVER_KEY_NEXTHOP, nexthop);
	frame_put_str(f, DELIVER_KEY_SENDER, d->sender);
	frame_put_u64(f, DELIVER_KEY_FLAGS, d->flags | DELIVER_UNMARKED);
	frame_put_u64(f, DELIVER_KEY_ENV_FLAGS, d->env_flags);
	frame_put_str(f, DELIVER_KEY_ENVID, d->envid);
	frame_put_u64(f, DELIVER_KEY_RET, d->ret);
	frame_put_str(f, DELIVER_KEY_ENCODING, d->encoding);
	frame_put_u64(f, DELIVER_KEY_ARRIVAL, (uint64_t)d->arrival_us);
	frame_put_u64(f, DELIVER_KEY_ACTIVE, (uint64_t)d->active_us);
	frame_put_u64(f, DELIVER_KEY_HANDED, (uint64_t)clock_wall_us());
	frame_put_u64(f, DELIVER_KEY_SIZE, d->file.t.size);
	deliver_put_recipient(f, r);
}

static enum outcome
read_result(const struct frame *f, struct delivery *d)
{
	struct str statuses, lines;

	if (frame_bytes(f, DELIVER_KEY_LOG, &lines))
		log_pass_on(lines.p, lines.n);
	if (f->type != DELIVER_RESULT ||
	    !frame_bytes(f, DELIVER_KEY_STATUSES, &statuses) ||
	    statuses.n != 1)
		return TRY_LATER;
	if (frame_u64(f, DELIVER_KEY_TRACED, 0) != 0)
		d->traced = true;
	switch (statuses.p[0]) {
	case DELIVER_SENT:
		return DONE;
	case DELIVER_BOUNCED:
		return FAILED;
	default:
		return TRY_LATER;
	}
}

/* One connection for one request: it must not be sent twice, as it might be
 * over a kept connection that had ended. */
static bool
exchange(const char *path, struct frame *f)
{
	struct stream *s = peer_connect(path);
	bool	       ok;

	if (s == NULL)
		return false;
	/* A delivery takes as long as it takes. */
	stream_set_deadline_at(s, CLOCK_NEVER);
	frame_send(s, f);
	ok = frame_receive(s, f, RESULT_MAX);
	stream_abort(s);
	return ok;
}

enum outcome
delivery_pass(struct delivery *d, const struct recipient *r,
    const char *transport, const char *nexthop, struct why *why)
{
	struct frame f = FRAME_INIT;
	struct buf   path = BUF_INIT;
	enum outcome got = TRY_LATER;

	why_clear(why);
	buf_addf(&path, "private/%s", transport);
	put_request(&f, d, r, nexthop);
	if (strchr(transport, '/') == NULL && exchange(path.data, &f)) {
		got = read_result(&f, d);
	} else {
		log_warn("connect to transport %s: %m", path.data);
		why_set(why, "4.3.0", "mail transport unavailable");
	}
	buf_done(&path);
	frame_done(&f);
	return got;
}
