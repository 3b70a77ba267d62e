/*
 * A session's life:
 *
 *	who is it -> may it -> a queue id -> read the packet -> cleanup's verdict
 *	          -> the answer: K it is in the queue, Z try later, D never
 *
 * The content comes first and its sender and recipients behind it, while
 * cleanup wants them the other way round: content is kept (mail/spool.h),
 * recipients go on to cleanup as they come.
 */

#include "qmqpd/session.h"

#include <stdio.h>
#include <string.h>

#include "conf/param.h"
#include "mail/cleanup_client.h"
#include "mail/queue_id.h"
#include "qmqpd/message.h"
#include "qmqpd/packet.h"
#include "server/client.h"
#include "table/match.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/stream.h"
#include "util/task.h"
#include "util/text.h"

static struct {
	struct match	*authorized;
	unsigned	 cleanup_flags;
} config;

struct session {
	struct stream	*stream;
	struct pool	 pool;
	struct client	 client;
	int64_t		 until;		/* clock_ms: the end of patience */
	struct message	 message;
	struct packet	 packet;
};

void
session_load(void)
{
	struct buf unknown = BUF_INIT;

	config.authorized = match_new("qmqpd_authorized_clients",
	    conf_mail.qmqpd_authorized_clients,
	    text_has_word(conf_mail.parent_domain_matches_subdomains,
	    "qmqpd_authorized_clients"));
	config.cleanup_flags = CLEANUP_REWRITE_LOCAL | cleanup_input_flags(
	    conf_mail.receive_override_options, &unknown);
	if (unknown.len > 0)
		fatalx("receive_override_options: unknown word \"%s\"",
		    unknown.data);
	if (conf_mail.smtputf8_enable)
		config.cleanup_flags |= cleanup_autodetect(
		    conf_mail.smtputf8_autodetect_classes, "qmqpd");
}

/* --- talking */

/* Each wait is bounded, and so is their sum. */
static void
set_deadline(struct session *s)
{
	int64_t at = clock_ms() + conf_mail.qmqpd_timeout * INT64_C(1000);

	stream_set_deadline_at(s->stream, at < s->until ? at : s->until);
}

/* The answer, a netstring.  Who did something wrong waits for it. */
static void
answer(struct session *s, char status, const char *text)
{
	if (status == 'D' && conf_mail.soft_bounce)
		status = 'Z';
	if (status != 'K' && conf_mail.qmqpd_error_delay > 0)
		task_sleep_ms(conf_mail.qmqpd_error_delay * INT64_C(1000));
	set_deadline(s);
	stream_printf(s->stream, "%zu:%c%s,", strlen(text) + 1, status, text);
	if (stream_flush(s->stream) && status != 'K')
		client_linger(s->stream);
}

/* --- may it */

static bool
is_authorized(struct session *s)
{
	const struct client *c = &s->client;
	const char	    *text;

	switch (match_client(config.authorized,
	    c->name_status == NAME_OK ? c->name : NULL, &c->addr)) {
	case MATCH_YES:
		return true;
	case MATCH_NO:
		text = pool_printf(&s->pool, "Error: %s is not authorized to "
		    "use this service", c->label);
		answer(s, 'D', text);
		return false;
	default:
		answer(s, 'Z', "Error: server configuration error");
		return false;
	}
}

/* --- the packet */

static void
on_content(void *arg, const char *bytes, size_t len)
{
	message_content(arg, bytes, len);
}

static void
on_sender(void *arg, const char *address)
{
	message_sender(arg, address);
}

static void
on_recipient(void *arg, const char *address)
{
	message_recipient(arg, address);
}

static const struct packet_events events = {
	on_content, on_sender, on_recipient
};

/* PACKET_MORE: the stream has failed, or there is no need to go on. */
static enum packet_result
read_packet(struct session *s)
{
	enum packet_result r = PACKET_MORE;
	const char	  *bytes;
	size_t		   len;

	do {
		set_deadline(s);
		if ((bytes = stream_peek(s->stream, &len)) == NULL)
			break;
		r = packet_feed(&s->packet, bytes, len);
		stream_skip(s->stream, len);
	} while (r == PACKET_MORE && !message_is_hopeless(&s->message));
	return r;
}

/* What is no packet, or no whole one. */
static void
refuse_packet(struct session *s, const char *what, bool is_there)
{
	const char *text = pool_printf(&s->pool, "%s while receiving %s",
	    what, packet_part_name(&s->packet));

	log_info("%s: %s: %s", message_id(&s->message), s->client.label, text);
	message_abort(&s->message);
	if (is_there)
		answer(s, 'D', text);
}

static void
finish(struct session *s)
{
	struct buf text = BUF_INIT;
	char	   status, id[QUEUE_ID_MAX];

	snprintf(id, sizeof id, "%s", message_id(&s->message));
	status = message_end(&s->message, &text);
	if (status != 'K')
		log_warn("%s: %s: %s", id, s->client.label, text.data);
	answer(s, status, text.data);
	buf_done(&text);
}

static void
take_message(struct session *s)
{
	struct packet_limits limits = {
		.content = (uint64_t)conf_mail.message_size_limit,
		.address = (uint64_t)conf_mail.line_length_limit,
	};

	if (!message_begin(&s->message, &s->client, config.cleanup_flags)) {
		answer(s, 'Z', "Error: queue file write error");
		return;
	}
	packet_init(&s->packet, &limits, &events, &s->message);
	switch (read_packet(s)) {
	case PACKET_BAD:
		refuse_packet(s, "netstring format error", true);
		break;
	case PACKET_TOO_LONG:
		refuse_packet(s, "netstring length exceeds storage limit",
		    true);
		break;
	case PACKET_MORE:
		if (stream_failed(s->stream) != NULL) {
			refuse_packet(s, stream_timed_out(s->stream) ?
			    "read/write timeout" : "lost connection", false);
			break;
		}
		/* FALLTHROUGH */
	case PACKET_DONE:
		finish(s);
	}
	packet_done(&s->packet);
}

void
session_run(struct stream *stream)
{
	struct session *s = NEW(struct session);

	s->stream = stream;
	s->until = clock_in(conf_mail.daemon_timeout);
	if (client_find(&s->client, &s->pool, stream_fd(stream), true) &&
	    conf_mail.qmqpd_client_port_logging)
		client_label(&s->client, &s->pool, true);
	log_info("connect from %s", s->client.label);
	if (is_authorized(s))
		take_message(s);
	log_info("disconnect from %s", s->client.label);
	pool_done(&s->pool);
	mem_free(s);
}
