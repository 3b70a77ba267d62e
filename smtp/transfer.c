#include <stdio.h>
#include <string.h>

#include "conf/param.h"
#include "mail/deliver_proto.h"
#include "smtp/attempt.h"
#include "smtp/command.h"
#include "smtp/content.h"
#include "smtp/notice.h"
#include "smtp/outgoing.h"
#include "smtp/prepend.h"
#include "smtp/quirks.h"
#include "smtp/session.h"
#include "smtp/settings.h"
#include "smtp/transfer.h"
#include "smtp/xforward.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/stream.h"
#include "util/text.h"

/*
 * One transaction:
 *
 *	RSET				is_alive(), if the session was used
 *	XFORWARD* MAIL RCPT* DATA	converse(), batches of commands
 *	   replies			take_reply()
 *	content . [QUIT]		send_content()
 *	   reply (LMTP: for each)	take_final_replies()
 *	or RSET [QUIT]			reset()
 *
 * Commands are numbered after those of XFORWARD: 0 is MAIL, 1 to n the
 * recipients, n + 1 DATA (RSET for a probe).
 */
enum {
	BATCH_MAX = 4096,	/* bytes of commands sent before replies are
				   read: both sides' socket buffers hold more,
				   so neither waits for the other (RFC 2920
				   3.1) */
};

struct transfer_state {
	struct attempt	*a;
	struct session	*s;
	struct delivery	*d;
	struct outgoing	 out;
	bool		*accepted;	/* for each of its recipients */
	size_t		 accepted_count;
	bool		 mail_refused;
	bool		 in_data;	/* the server waits for content */
	bool		 is_probe;
	bool		 quit_sent;
	size_t		 batch_bytes;
	/* XFORWARD */
	size_t		 introductions;
	struct buf	 introduction[XFORWARD_MAX];
	const char	*introducing[XFORWARD_MAX];
};

static void
say_line(struct transfer_state *t, const struct buf *line)
{
	session_say(t->s, line->data, line->len);
	t->batch_bytes += line->len;
}

/* A probe needs no content: it ends the transaction and, when nobody waits
 * for the session, the conversation. */
static void
send_last(struct transfer_state *t)
{
	if (!t->is_probe) {
		session_says(t->s, "DATA\r\n");
		return;
	}
	session_says(t->s, "RSET\r\n");
	if (!t->a->keep && (t->s->features & FEATURE_PIPELINING)) {
		session_says(t->s, "QUIT\r\n");
		t->quit_sent = true;
	}
}

static void
send_command(struct transfer_state *t, size_t n)
{
	struct buf line = BUF_INIT;

	if (n < t->introductions) {
		say_line(t, &t->introduction[n]);
		return;
	}
	n -= t->introductions;
	if (n > t->out.count) {
		send_last(t);
		return;
	}
	if (n == 0)
		command_mail(&line, t->a, t->out.sender);
	else
		command_rcpt(&line, t->a, &t->d->rcpt[t->out.rcpt[n - 1]],
		    t->out.address[n - 1]);
	say_line(t, &line);
	buf_done(&line);
}

static bool
is_end(const struct transfer_state *t)
{
	return settings.is_lmtp && (prepend_is_final() ||
	    (conf_lmtp.lmtp_assume_final &&
	    !(t->s->features & FEATURE_DSN)));
}

/*
 * RFC 3461 5.2: a server that knows of DSN reports success itself; to others
 * mail was relayed, and that is what we say.
 */
static void
settle_sent(struct transfer_state *t, size_t i, const struct why *why)
{
	struct recipient *r = &t->d->rcpt[t->out.rcpt[i]];
	struct deliver_via via = t->a->via;

	if (!is_end(t))
		via.action = "relayed";
	if ((t->s->features & FEATURE_DSN) && !t->is_probe)
		r->notify &= (uint8_t)~NOTIFY_SUCCESS;
	delivery_sent(t->d, r, &via, why);
}

static void
take_mail_reply(struct transfer_state *t)
{
	struct why why = WHY_INIT;

	if (t->s->reply.code / 100 != 2) {
		t->mail_refused = true;
		session_refused(t->s, "said", "MAIL FROM command", &why);
		attempt_fail_all(t->a, &why, false);
	}
	why_done(&why);
}

static void
set_done(struct transfer_state *t, struct why *why)
{
	why_set(why, t->s->reply.dsn, "%s", t->s->reply.text.data);
	buf_set(&why->remote_mta, t->s->host);
	buf_set(&why->diag_type, "smtp");
	buf_set(&why->diag_text, t->s->reply.text.data);
}

static void
take_rcpt_reply(struct transfer_state *t, size_t i)
{
	struct why why = WHY_INIT;

	if (t->mail_refused)
		return;
	if (t->s->reply.code / 100 != 2) {
		session_refused(t->s, "said", "RCPT TO command", &why);
		attempt_fail_one(t->a, t->out.rcpt[i], &why);
		why_copy(&t->a->why, &why);
	} else if (t->is_probe) {
		set_done(t, &why);
		settle_sent(t, i, &why);
	} else {
		t->accepted[i] = true;
		t->accepted_count++;
	}
	why_done(&why);
}

static void
fail_accepted(struct transfer_state *t, const struct why *why)
{
	bool logged = false;

	why_copy(&t->a->why, why);
	for (size_t i = 0; i < t->out.count; i++) {
		if (!t->accepted[i])
			continue;
		/* One line for all of them when another server is next. */
		if (why_outcome(why) == TRY_LATER && !t->a->is_final) {
			if (!logged)
				log_info("%s: %s", t->d->id, why->text.data);
			logged = true;
		} else
			attempt_fail_one(t->a, t->out.rcpt[i], why);
	}
}

static void
take_data_reply(struct transfer_state *t)
{
	struct why why = WHY_INIT;

	if (t->is_probe)
		return;
	t->in_data = t->s->reply.code / 100 == 3;
	if (!t->in_data && t->accepted_count > 0) {
		session_refused(t->s, "said", "DATA command", &why);
		fail_accepted(t, &why);
		t->accepted_count = 0;
	}
	why_done(&why);
}

static const char *
doing(const struct transfer_state *t, size_t n)
{
	return n == 0 ? "sending MAIL FROM" : n <= t->out.count ?
	    "sending RCPT TO" : t->is_probe ? "sending RSET" :
	    "sending DATA command";
}

static int
time_limit(const struct transfer_state *t, size_t n)
{
	return n == 0 ? settings.mail_timeout : n <= t->out.count ?
	    settings.rcpt_timeout : t->is_probe ? settings.rset_timeout :
	    settings.data_init_timeout;
}

/* A session from the cache may be dead, or its server tired of it. */
static bool
is_alive(struct session *s)
{
	struct why why = WHY_INIT;
	bool	   ok;

	session_says(s, "RSET\r\n");
	ok = session_reply(s, settings.rset_timeout, "sending RSET", NULL,
	    &why) && s->reply.code / 100 == 2;
	why_done(&why);
	return ok;
}

/* A server that does not want to know loses nothing but that. */
static bool
take_introduction_reply(struct transfer_state *t, size_t n)
{
	struct why why = WHY_INIT;
	char	   doing[64];
	bool	   ok;

	snprintf(doing, sizeof doing, "sending XFORWARD %s",
	    text_eq(t->introducing[n], "name/address") ? "name/address" :
	    "protocol/helo_name");
	ok = session_reply(t->s, settings.xforward_timeout, doing, NULL, &why);
	if (!ok)
		attempt_fail_all(t->a, &why, true);
	else if (t->s->reply.code / 100 != 2)
		log_warn("host %s said: %s (in reply to XFORWARD %s command)",
		    t->s->relay, t->s->reply.text.data, t->introducing[n]);
	why_done(&why);
	return ok;
}

static bool
take_reply(struct transfer_state *t, size_t n)
{
	struct why why = WHY_INIT;
	bool ok;

	if (n < t->introductions)
		return take_introduction_reply(t, n);
	n -= t->introductions;
	ok = session_reply(t->s, time_limit(t, n), doing(t, n), NULL,
	    &why);
	if (!ok)
		attempt_fail_all(t->a, &why, true);
	else if (n == 0)
		take_mail_reply(t);
	else if (n <= t->out.count)
		take_rcpt_reply(t, n - 1);
	else
		take_data_reply(t);
	why_done(&why);
	return ok;
}

/* Is there a point in the next command, by the replies so far? */
static bool
is_wanted(const struct transfer_state *t, size_t n)
{
	if (t->mail_refused)
		return false;
	if (n < t->introductions)
		return true;
	n -= t->introductions;
	return n <= t->out.count || t->accepted_count > 0 || t->is_probe;
}

static bool
converse(struct transfer_state *t)
{
	size_t last = t->introductions + t->out.count + 1, sent = 0, taken = 0;
	bool pipelining = t->s->features & FEATURE_PIPELINING;
	bool ok = true;

	while (sent <= last && is_wanted(t, sent)) {
		t->batch_bytes = 0;
		do
			send_command(t, sent++);
		while (pipelining && sent <= last &&
		    t->batch_bytes < BATCH_MAX);
		for (; taken < sent && ok; taken++)
			ok = take_reply(t, taken);
		if (!ok)
			break;
	}
	return ok;
}

static bool
may_pipeline_quit(const struct transfer_state *t)
{
	return !t->a->keep && (t->s->features & FEATURE_PIPELINING);
}

/* QUIT went out with the last command. */
static enum transfer
end_after_quit(struct transfer_state *t)
{
	struct why why = WHY_INIT;

	if (!settings.skip_quit_response)
		session_reply(t->s, settings.quit_timeout,
		    "sending QUIT command", NULL, &why);
	why_done(&why);
	return TRANSFER_ENDED;
}

/* The transaction failed, but the session is sound. */
static enum transfer
reset(struct transfer_state *t)
{
	struct why why = WHY_INIT;
	bool quit = may_pipeline_quit(t), ok;

	session_says(t->s, quit ? "RSET\r\nQUIT\r\n" : "RSET\r\n");
	ok = session_reply(t->s, settings.rset_timeout, "sending RSET", NULL,
	    &why) && t->s->reply.code / 100 == 2;
	why_done(&why);
	if (!ok)
		return TRANSFER_ENDED;
	return quit ? end_after_quit(t) : TRANSFER_CLEAN;
}

static void
take_one_final_reply(struct transfer_state *t, size_t i)
{
	struct why why = WHY_INIT;

	if (t->s->reply.code / 100 == 2) {
		set_done(t, &why);
		settle_sent(t, i, &why);
	} else {
		session_refused(t->s, "said", "end of DATA command", &why);
		attempt_fail_one(t->a, t->out.rcpt[i], &why);
		why_copy(&t->a->why, &why);
	}
	why_done(&why);
}

#define FINAL_DOT "sending end of data -- message may be sent more than once"

/* RFC 2033 4.2: LMTP answers once for each recipient it took. */
static bool
take_final_replies_lmtp(struct transfer_state *t, struct why *why)
{
	for (size_t i = 0; i < t->out.count; i++) {
		if (!t->accepted[i])
			continue;
		if (!session_reply(t->s, settings.data_done_timeout, FINAL_DOT,
		    NULL, why))
			return false;
		take_one_final_reply(t, i);
		t->accepted[i] = false;
	}
	return true;
}

static bool
take_final_replies(struct transfer_state *t, struct why *why)
{
	if (settings.is_lmtp)
		return take_final_replies_lmtp(t, why);
	if (!session_reply(t->s, settings.data_done_timeout, FINAL_DOT, NULL,
	    why))
		return false;
	if (t->accepted_count == 0)
		return true;
	if (t->s->reply.code / 100 == 2) {
		for (size_t i = 0; i < t->out.count; i++)
			if (t->accepted[i])
				take_one_final_reply(t, i);
	} else {
		session_refused(t->s, "said", "end of DATA command", why);
		fail_accepted(t, why);
	}
	return true;
}

/* Trouble of our own in the middle of the content: the session is of no more
 * use. */
static enum transfer
fail_content(struct transfer_state *t, enum content result)
{
	struct why why = WHY_INIT;

	if (result == CONTENT_NO_TABLE)
		session_local_trouble(t->s, &why);
	else
		why_set(&why, "4.3.0", "queue file read error");
	attempt_fail_all(t->a, &why, false);
	why_done(&why);
	return TRANSFER_ENDED;
}

/* Seconds before the final dot: some firewalls want it in a packet of its
 * own. */
static int
dot_delay(const struct transfer_state *t)
{
	return t->s->quirks & QUIRK_DELAY_DOT ?
	    settings.pix_workaround_delay_time : 0;
}

/*
 * Nobody was accepted and yet the server waits for content: it gets none, and
 * the session ends there, whatever it makes of that.
 */
static enum transfer
send_content(struct transfer_state *t)
{
	struct session *s = t->s;
	struct why why = WHY_INIT;
	bool quit = may_pipeline_quit(t) || t->accepted_count == 0, ok = true;
	enum content result = CONTENT_SENT;

	if (t->accepted_count == 0)
		session_says(s, ".\r\nQUIT\r\n");
	else
		result = content_send(s, &t->d->file, &(struct content_form){
		    .front = t->out.front.len > 0 ? &t->out.front : NULL,
		    .header = t->out.has_header ? &t->out.header : NULL,
		    .to_7bit = command_is_downgraded(t->a),
		    .pause = dot_delay(t),
		    .after = quit ? "QUIT\r\n" : "" });
	if (t->accepted_count > 0)
		notice_out(s, ".\r\nQUIT\r\n", quit ? 9 : 3);
	if (result != CONTENT_SENT)
		return fail_content(t, result);
	if (stream_failed(s->stream) != NULL) {
		session_lost(s, "sending message body", &why);
		ok = false;
	} else
		ok = take_final_replies(t, &why);
	if (!ok)
		attempt_fail_all(t->a, &why, true);
	why_done(&why);
	if (!ok)
		return TRANSFER_ENDED;
	return quit ? end_after_quit(t) : TRANSFER_CLEAN;
}

/* address_verify_target = data: 354 is enough to know. */
static enum transfer
end_probe(struct transfer_state *t)
{
	struct why why = WHY_INIT;

	set_done(t, &why);
	memcpy(why.dsn, "2.0.0", sizeof "2.0.0");
	for (size_t i = 0; i < t->out.count; i++)
		if (t->accepted[i])
			settle_sent(t, i, &why);
	why_done(&why);
	return TRANSFER_ENDED;
}

/* Somebody has spoken for us before the handshake, and the server answers that
 * now: CVE-2009-3555. */
static bool
is_hijacked(struct transfer_state *t)
{
	struct why why = WHY_INIT;

	if (!settings.tls_block_early_mail_reply || t->s->tls == NULL ||
	    t->s->use_count > 1 || stream_pending(t->s->stream) == 0)
		return false;
	why_set(&why, "4.7.0", "unexpected server message");
	attempt_fail_all(t->a, &why, true);
	why_done(&why);
	return true;
}

/* What can be said without asking: size, and what the server lacks. */
static bool
is_too_large(struct transfer_state *t)
{
	const struct session *s = t->s;
	uint64_t   size = t->d->file.t.size;
	struct why why = WHY_INIT;

	if ((s->features & FEATURE_SIZE) == 0 || s->size_limit == 0 ||
	    size <= s->size_limit)
		return false;
	why_set(&why, "5.3.4", "message size %llu exceeds size limit %llu of "
	    "server %s", (unsigned long long)size,
	    (unsigned long long)s->size_limit, s->namaddr);
	attempt_fail_all(t->a, &why, false);
	why_done(&why);
	return true;
}

static bool
is_impossible(struct transfer_state *t)
{
	struct why why = WHY_INIT;

	if ((t->d->env_flags & ENV_SMTPUTF8_NEEDED) == 0 ||
	    (t->s->features & FEATURE_SMTPUTF8) != 0)
		return false;
	why_set(&why, "5.6.7", "SMTPUTF8 is required, but was not offered by "
	    "host %s", t->s->namaddr);
	attempt_fail_all(t->a, &why, false);
	why_done(&why);
	return true;
}

/* Before anything is said, as a table may fail.  False: it did. */
static bool
choose_addresses(struct transfer_state *t)
{
	struct why why = WHY_INIT;
	bool	   ok = outgoing_rewrite(&t->out, t->d, !t->is_probe);

	if (!ok) {
		why_set(&why, "4.3.0", "table lookup error");
		attempt_fail_all(t->a, &why, true);
	}
	why_done(&why);
	return ok;
}

static enum transfer
transfer(struct transfer_state *t)
{
	bool is_verify = t->d->flags & DELIVER_VERIFY;

	t->is_probe = is_verify &&
	    strcmp(settings.address_verify_target, "data") != 0;
	if (t->s->use_count > 1 && !is_alive(t->s))
		return TRANSFER_STALE;
	outgoing_choose(&t->out, t->a);
	t->accepted = pool_zalloc(&t->d->pool,
	    t->out.count * sizeof *t->accepted);
	if (is_hijacked(t) || is_too_large(t))
		return TRANSFER_ENDED;
	if (is_impossible(t) || !choose_addresses(t))
		return TRANSFER_CLEAN;
	t->introductions = xforward_make(t->s, t->d, t->introduction,
	    t->introducing);
	if (!converse(t))
		return TRANSFER_ENDED;
	if (t->in_data && is_verify)
		return end_probe(t);
	if (t->in_data)
		return send_content(t);
	if (t->is_probe && !t->mail_refused)
		return t->quit_sent ? TRANSFER_ENDED : TRANSFER_CLEAN;
	return reset(t);
}

enum transfer
transfer_message(struct attempt *a)
{
	struct transfer_state t = { .a = a, .s = a->session, .d = a->d,
		.out = OUTGOING_INIT,
		.introduction = { BUF_INIT, BUF_INIT } };
	enum transfer	      result = transfer(&t);

	outgoing_done(&t.out);
	for (size_t i = 0; i < XFORWARD_MAX; i++)
		buf_done(&t.introduction[i]);
	return result;
}
