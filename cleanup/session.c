#include "cleanup/message.h"
#include "cleanup/milter.h"
#include "cleanup/session.h"
#include "conf/param.h"
#include "mail/cleanup_proto.h"
#include "mail/peer.h"
#include "milter/session.h"
#include "mail/qmgr_client.h"
#include "util/frame.h"
#include "util/log.h"
#include "util/stream.h"
#include "util/task.h"

struct session {
	struct stream	*client;
	struct frame	 f;		/* the one at hand, and answers */
	struct message	 m;
	bool		 told;		/* TROUBLE was sent */
};

/* What the client does after a frame was taken. */
enum next { MORE, FINISHED, BROKEN };

static void
send_result(struct session *s)
{
	frame_begin(&s->f, CLEANUP_RESULT);
	frame_put_u64(&s->f, CLEANUP_KEY_STATUS, s->m.status);
	if (s->m.why.len > 0)
		frame_put_str(&s->f, CLEANUP_KEY_WHY, s->m.why.data);
	frame_send(s->client, &s->f);
	stream_flush(s->client);
}

static void
send_id(struct session *s)
{
	frame_begin(&s->f, CLEANUP_QUEUE_ID);
	frame_put_str(&s->f, CLEANUP_KEY_ID, s->m.file.id);
	frame_send(s->client, &s->f);
	stream_flush(s->client);
}

/* As soon as it is known that the message won't be taken. */
static void
tell_trouble(struct session *s)
{
	if (s->told || s->m.status == CLEANUP_OK ||
	    (s->m.flags & CLEANUP_BOUNCE) != 0)
		return;
	s->told = true;
	frame_begin(&s->f, CLEANUP_TROUBLE);
	frame_send(s->client, &s->f);
	stream_flush(s->client);
}

static enum next
on_envelope(struct session *s)
{
	if (!envelope_read(&s->f, &s->m.env))
		return BROKEN;
	message_envelope(&s->m);
	return MORE;
}

static enum next
on_rcpt(struct session *s)
{
	struct envelope	  e;
	struct frame_attr a;
	size_t		  pos = 0;
	bool		  ok = true;

	envelope_init(&e);
	while (ok && frame_next(&s->f, &pos, &a))
		if (envelope_is_rcpt(&a))
			ok = envelope_read_rcpt(&e, &a);
	for (uint32_t i = 0; ok && i < e.rcpt_count; i++)
		message_rcpt(&s->m, &e.rcpt[i]);
	envelope_done(&e);
	return ok ? MORE : BROKEN;
}

static enum next
on_milter(struct session *s)
{
	int fd = milters_packed_fd(&s->f) ? stream_take_fd(s->client) : -1;

	return milter_take(&s->m, &s->f, fd) ? MORE : BROKEN;
}

static enum next
on_macros(struct session *s)
{
	return milter_take_macros(&s->m, &s->f) ? MORE : BROKEN;
}

static enum next
on_content(struct session *s)
{
	struct str bytes;

	if (!frame_bytes(&s->f, CLEANUP_KEY_BYTES, &bytes))
		return BROKEN;
	message_content(&s->m, bytes.p, bytes.n);
	return MORE;
}

static enum next
on_end(struct session *s)
{
	message_end(&s->m);
	return FINISHED;
}

static enum next
on_abort(struct session *s)
{
	s->m.status = CLEANUP_CANCELED;
	return FINISHED;
}

static enum next
take_frame(struct session *s)
{
	switch (s->f.type) {
	case CLEANUP_ENVELOPE:
		return on_envelope(s);
	case CLEANUP_RCPT:
		return on_rcpt(s);
	case CLEANUP_MILTER_ONE:
		return on_milter(s);
	case CLEANUP_MACROS:
		return on_macros(s);
	case CLEANUP_CONTENT:
		return on_content(s);
	case CLEANUP_END:
		return on_end(s);
	case CLEANUP_ABORT:
		return on_abort(s);
	}
	return BROKEN;
}

static enum next
take_message(struct session *s)
{
	enum next next = MORE;

	while (next == MORE &&
	    frame_receive(s->client, &s->f, CLEANUP_FRAME_MAX)) {
		next = take_frame(s);
		if (next == MORE)
			tell_trouble(s);
	}
	if (next == BROKEN)
		log_warn("%s: malformed request (frame type %d)",
		    s->m.file.id, s->f.type);
	return next;
}

/* False: the connection is of no more use. */
static bool
serve_message(struct session *s)
{
	uint64_t flags = frame_u64(&s->f, CLEANUP_KEY_FLAGS, UINT64_MAX);
	bool	 ok = false;

	if (s->f.type != CLEANUP_OPEN || flags > UINT32_MAX) {
		log_warn("malformed request (frame type %d)", s->f.type);
		return false;
	}
	s->told = false;
	if (conf_mail.in_flow_delay > 0 && qmgr_is_full())
		task_sleep_ms(conf_mail.in_flow_delay * 1000L);
	message_begin(&s->m, (unsigned)flags);
	if (s->m.status != CLEANUP_OK) {
		send_result(s);
		ok = true;
	} else {
		send_id(s);
		if (take_message(s) == FINISHED) {
			send_result(s);
			ok = true;
		}
	}
	message_done(&s->m);
	return ok;
}

void
session_serve(struct stream *client)
{
	struct session s = { .client = client, .f = FRAME_INIT };

	stream_set_deadline(client, conf_mail.ipc_timeout);
	while (frame_receive(client, &s.f, CLEANUP_FRAME_MAX) &&
	    serve_message(&s) && !peer_is_ending())
		stream_set_deadline(client, conf_mail.ipc_timeout);
	frame_done(&s.f);
}
