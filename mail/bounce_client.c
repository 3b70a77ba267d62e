#include "mail/bounce_client.h"

#include <errno.h>
#include <stdio.h>

#include "mail/bounce_proto.h"
#include "mail/peer.h"
#include "util/frame.h"
#include "util/log.h"

static bool
call(const char *service, struct frame *request)
{
	struct frame reply = FRAME_INIT;
	char	     path[64];
	bool	     ok;

	snprintf(path, sizeof path, "private/%s", service);
	ok = peer_call(path, request, &reply, BOUNCE_REQUEST_MAX);
	if (!ok && errno != EPIPE)
		log_warn("connect to %s: %m", path);
	ok = ok && reply.type == BOUNCE_STATUS &&
	    frame_u64(&reply, BOUNCE_KEY_OK, 0) == 1;
	frame_done(&reply);
	frame_done(request);
	return ok;
}

static void
put_rcpt(struct frame *f, const struct bounce_rcpt *b)
{
	const struct recipient *r = b->rcpt;

	frame_put_str(f, BOUNCE_KEY_RCPT, r->address);
	frame_put_str(f, BOUNCE_KEY_ORIGINAL, r->original);
	frame_put_str(f, BOUNCE_KEY_ORCPT, r->orcpt);
	frame_put_u64(f, BOUNCE_KEY_NOTIFY, r->notify);
	frame_put_u64(f, BOUNCE_KEY_INDEX, r->index);
	frame_put_u64(f, BOUNCE_KEY_ARRIVAL, (uint64_t)b->arrival_us);
	frame_put_u64(f, BOUNCE_KEY_ATTEMPT, (uint64_t)b->attempt_us);
	frame_put_str(f, BOUNCE_KEY_RELAY, b->relay);
	frame_put_str(f, BOUNCE_KEY_ACTION, b->action);
	frame_put_str(f, BOUNCE_KEY_DSN, b->why->dsn);
	frame_put_str(f, BOUNCE_KEY_TEXT, b->why->text.data);
	frame_put_str(f, BOUNCE_KEY_MTA, b->why->remote_mta.data);
	frame_put_str(f, BOUNCE_KEY_DIAG_TYPE, b->why->diag_type.data);
	frame_put_str(f, BOUNCE_KEY_DIAG_TEXT, b->why->diag_text.data);
}

static void
put_message(struct frame *f, const struct bounce_message *m)
{
	frame_put_str(f, BOUNCE_KEY_QUEUE, m->queue);
	frame_put_str(f, BOUNCE_KEY_ID, m->id);
	frame_put_str(f, BOUNCE_KEY_SENDER, m->sender);
	frame_put_str(f, BOUNCE_KEY_ENVID, m->envid);
	frame_put_u64(f, BOUNCE_KEY_RET, m->ret);
	frame_put_str(f, BOUNCE_KEY_ENCODING, m->encoding);
	frame_put_u64(f, BOUNCE_KEY_ENV_FLAGS, m->env_flags);
	frame_put_u64(f, BOUNCE_KEY_TRACE_FLAGS, m->trace_flags);
}

bool
bounce_append(const char *service, const char *queue_id,
    const struct bounce_rcpt *b)
{
	struct frame f = FRAME_INIT;

	frame_begin(&f, BOUNCE_APPEND);
	frame_put_str(&f, BOUNCE_KEY_ID, queue_id);
	put_rcpt(&f, b);
	return call(service, &f);
}

static bool
send_message(const char *service, enum bounce_frame type,
    const struct bounce_message *m)
{
	struct frame f = FRAME_INIT;

	frame_begin(&f, type);
	put_message(&f, m);
	return call(service, &f);
}

bool
bounce_flush(const struct bounce_message *m)
{
	return send_message("bounce", BOUNCE_FLUSH, m);
}

bool
bounce_flush_deferred(const struct bounce_message *m)
{
	return send_message("defer", BOUNCE_FLUSH, m);
}

bool
bounce_warn_delay(const struct bounce_message *m)
{
	return send_message("defer", BOUNCE_WARN, m);
}

bool
bounce_trace_flush(const struct bounce_message *m)
{
	return send_message("trace", BOUNCE_FLUSH, m);
}

bool
bounce_one(const struct bounce_message *m, const struct bounce_rcpt *b)
{
	struct frame f = FRAME_INIT;

	frame_begin(&f, BOUNCE_ONE);
	put_message(&f, m);
	put_rcpt(&f, b);
	return call("bounce", &f);
}
