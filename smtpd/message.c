#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conf/param.h"
#include "mail/address.h"
#include "mail/cleanup_client.h"
#include "mail/queue_id.h"
#include "smtpd/access/access.h"
#include "smtpd/auth.h"
#include "smtpd/config.h"
#include "smtpd/facts.h"
#include "smtpd/handover.h"
#include "smtpd/message.h"
#include "smtpd/milter.h"
#include "smtpd/notice.h"
#include "smtpd/prefilter.h"
#include "smtpd/reply.h"
#include "smtpd/session.h"
#include "smtpd/starttls.h"
#include "smtpd/xforward.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/text.h"

/*
 * Are headers completed?  A filter knows by XFORWARD where the mail came from;
 * otherwise local_header_rewrite_clients says so of the client, for the rest
 * of the session.
 */
bool
message_is_local(struct session *s)
{
	const struct forwarded *f = s->tr.forwarded;

	if (f != NULL && *f->source != '\0')
		return text_eq(f->source, "local");
	s->local_headers = s->local_headers || access_permits_client(s,
	    smtpd_config.local_header_clients);
	return s->local_headers;
}

/* What cleanup shall do: all, but for receive_override_options. */
static unsigned
cleanup_flags(struct session *s)
{
	/* milters of this session are handed over with the message */
	unsigned flags = smtpd_config.cleanup_flags &
	    ~(unsigned)CLEANUP_MILTER;

	if (message_is_local(s))
		flags |= CLEANUP_REWRITE_LOCAL;
	return flags;
}

/* A message without cleanup gets its place in the queue from pickup, and the
 * client an id to ask for. */
enum { NO_INODE = 0x8000 };	/* beside it, so that ids look as always */

static void
make_id(struct transaction *t)
{
	char id[QUEUE_ID_MAX];

	queue_id_make(id, clock_wall_us(), NO_INODE | ((ino_t)getpid() & 0x7fff),
	    conf_mail.enable_long_queue_ids);
	t->queue_id = pool_strdup(&t->pool, id);
}

static void
log_client(struct session *s)
{
	const struct forwarded *f = s->tr.forwarded;
	struct buf		b = BUF_INIT;

	auth_add_log(s, &b, ", ");
	if (f != NULL && *f->ident != '\0')
		buf_addf(&b, ", orig_queue_id=%s", f->ident);
	if (f != NULL && f->has_client)
		buf_addf(&b, ", orig_client=%s", f->label);
	log_info("%s: client=%s%s", session_id(s), s->client.label, b.data);
	buf_done(&b);
}

/* --- a filter before the queue */

/* Its reply lives as long as the transaction. */
static bool
pass_on(struct session *s, bool ok, struct buf *no, const char **ret_no)
{
	if (!ok)
		*ret_no = pool_strdup(&s->tr.pool, no->data);
	buf_done(no);
	return ok;
}

static bool
open_filter(struct session *s, const char **ret_no)
{
	struct transaction *t = &s->tr;
	struct buf	    no = BUF_INIT;

	if (t->prefilter != NULL)
		return true;
	t->prefilter = prefilter_open(s, t->mail_command, &no);
	if (t->prefilter != NULL)
		log_client(s);
	return pass_on(s, t->prefilter != NULL, &no, ret_no);
}

bool
message_ask_rcpt(struct session *s, const char *command, const char **ret_no)
{
	struct buf no = BUF_INIT;

	return s->tr.prefilter == NULL || pass_on(s,
	    prefilter_rcpt(s->tr.prefilter, command, &no), &no, ret_no);
}

bool
message_ask_data(struct session *s, const char **ret_no)
{
	struct buf no = BUF_INIT;

	return s->tr.prefilter == NULL || pass_on(s,
	    prefilter_data(s->tr.prefilter, &no), &no, ret_no);
}

/* A client whose message was taken may err anew, and nobody need hear of what was
 * wrong before. */
static void
forget_errors(struct session *s)
{
	s->errors = s->junk = 0;
	s->notices = 0;
}

/* Its answer is ours. */
static bool
end_filter(struct session *s)
{
	struct buf answer = BUF_INIT, b = BUF_INIT;
	bool	   ok;

	if (s->tr.too_big) {
		log_warn("%s: queue file size limit exceeded", session_id(s));
		reply(s, "552 5.3.4 Error: message file too big");
		return false;
	}
	ok = prefilter_end(s->tr.prefilter, &answer);
	for (const char *p = answer.data; *p != '\0'; p++)
		buf_adds(&b, *p == '\n' ? "??" : (char[]){ *p, '\0' });
	log_answer(s, ok ? "proxy-accept" : "proxy-reject", b.data);
	if (ok)
		forget_errors(s);
	reply_relayed(s, answer.data);
	buf_done(&answer);
	buf_done(&b);
	return ok;
}

/* --- beginning */

bool
message_open(struct session *s, const char **ret_no)
{
	struct transaction *t = &s->tr;
	enum cleanup_status status;

	if (prefilter_is_used(s))
		return open_filter(s, ret_no);
	if (t->cleanup != NULL || (s->standalone && t->queue_id != NULL))
		return true;
	if (s->standalone) {
		make_id(t);
		log_client(s);
		return true;
	}
	t->cleanup = cleanup_open(cleanup_flags(s), &status);
	if (t->cleanup == NULL) {
		log_warn("%s: no queue file: cleanup service not available",
		    s->client.label);
		*ret_no = status == CLEANUP_NO_SPACE ?
		    "452 4.3.1 Insufficient system storage" :
		    "451 4.3.0 Error: queue file write error";
		return false;
	}
	t->queue_id = pool_strdup(&t->pool, cleanup_queue_id(t->cleanup));
	log_client(s);
	return true;
}

void
message_rcpt(struct session *s, const struct recipient *r)
{
	if (s->tr.prefilter != NULL)
		return;
	if (s->standalone)
		envelope_add_rcpt(&s->tr.env, r->address, r->original,
		    r->orcpt, r->notify);
	else
		cleanup_rcpt(s->tr.cleanup, r);
}

/* --- the envelope */

static void
set_some(struct envelope *e, enum envelope_attr a, const char *value)
{
	if (*value != '\0')
		envelope_set(e, a, value);
}

/* Where it came from, for logs: by XFORWARD, or from the client itself. */
static void
set_origin(struct session *s, struct envelope *e)
{
	struct forwarded f;

	xforward_facts(s, &f);
	envelope_set(e, ATTR_LOG_CLIENT_NAME, f.name);
	envelope_set(e, ATTR_LOG_CLIENT_ADDRESS, f.ip);
	envelope_set(e, ATTR_LOG_CLIENT_PORT, f.port);
	envelope_set(e, ATTR_LOG_MESSAGE_ORIGIN, f.label);
	set_some(e, ATTR_LOG_PROTOCOL_NAME, f.protocol);
	set_some(e, ATTR_LOG_HELO_NAME, f.helo);
	set_some(e, ATTR_LOG_IDENT, *f.ident != '\0' ? f.ident :
	    s->tr.queue_id);
	envelope_set(e, ATTR_REWRITE_CONTEXT, message_is_local(s) ? "local" :
	    "remote");
	set_some(e, ATTR_SASL_METHOD, facts_sasl_method(s));
	set_some(e, ATTR_SASL_USERNAME, facts_sasl_username(s));
	set_some(e, ATTR_SASL_SENDER, facts_sasl_sender(s));
}

/* What actions of access tables want of the message. */
static void
set_decisions(struct session *s)
{
	struct transaction *t = &s->tr;
	struct envelope	   *e = &t->env;

	if (t->hold)
		e->flags |= ENV_QUARANTINE;
	if (t->discard)
		e->flags |= ENV_DISCARD;
	if (t->filter != NULL)
		envelope_set(e, ATTR_CONTENT_FILTER, t->filter);
	if (t->redirect != NULL)
		envelope_set(e, ATTR_REDIRECT, t->redirect);
	for (; t->bcc_sent < t->bcc_count; t->bcc_sent++)
		message_rcpt(s, &(struct recipient){
		    .address = t->bcc[t->bcc_sent], .original = "",
		    .orcpt = "", .notify = NOTIFY_NEVER, .status = RCPT_TODO });
}

/* Decided after the content.  A filter that the header asked for stands,
 * unless there is another. */
static void
send_late_decisions(struct session *s)
{
	struct transaction *t = &s->tr;
	struct envelope	   *e = &t->env;
	unsigned	    flags = (t->hold ? ENV_QUARANTINE : 0) |
	    (t->discard ? ENV_DISCARD : 0);

	if (t->cleanup == NULL || ((e->flags & flags) == flags &&
	    t->bcc_sent == t->bcc_count &&
	    (t->filter == NULL || text_eq(t->filter,
	    envelope_get(e, ATTR_CONTENT_FILTER))) &&
	    (t->redirect == NULL || text_eq(t->redirect,
	    envelope_get(e, ATTR_REDIRECT)))))
		return;
	envelope_set(e, ATTR_CONTENT_FILTER, NULL);
	set_decisions(s);
	cleanup_envelope(t->cleanup, e);
}

static void
send_envelope(struct session *s)
{
	struct transaction *t = &s->tr;
	struct envelope	   *e = &t->env;

	e->queue_id = t->queue_id;
	e->sender = t->sender;
	if (t->smtputf8)
		e->flags |= ENV_SMTPUTF8;
	if (t->requiretls)
		e->flags |= ENV_REQUIRETLS;
	client_envelope(&s->client, e);
	envelope_set(e, ATTR_PROTOCOL_NAME, s->protocol);
	if (s->helo != NULL)
		envelope_set(e, ATTR_HELO_NAME, s->helo);
	set_origin(s, e);
	if (t->body != NULL)
		envelope_set(e, ATTR_ENCODING, text_eq(t->body, "8BITMIME") ?
		    "8bit" : "7bit");
	if (t->ret != NULL)
		envelope_set(e, ATTR_DSN_RET, text_eq(t->ret, "FULL") ?
		    "1" : "2");
	if (t->envid != NULL)
		envelope_set(e, ATTR_DSN_ENVELOPE_ID, t->envid);
	if (t->verp != NULL)
		envelope_set(e, ATTR_VERP_DELIMS, t->verp);
	if (*conf_mail.content_filter != '\0')
		envelope_set(e, ATTR_CONTENT_FILTER, conf_mail.content_filter);
	set_decisions(s);
	if (!s->standalone)
		cleanup_envelope(t->cleanup, e);
	else
		t->handover = handover_begin(e);
}

/* In a comment, so what would end it is quoted (RFC 5322 3.2.2). */
static void
add_login(struct buf *b, const char *name)
{
	buf_adds(b, "\t(Authenticated sender: ");
	for (; *name != '\0'; name++) {
		if (strchr("()\\", *name) != NULL)
			buf_addc(b, '\\');
		buf_addc(b, *name);
	}
	buf_adds(b, ")\r\n");
}

/* Who the client is; the next thing on its line is "by". */
static void
add_from(struct buf *b, struct session *s)
{
	const struct client *c = &s->client;
	const char	    *v6 = addr_family(&c->addr) == AF_INET6 ?
	    "IPv6:" : "";

	buf_addf(b, " from %s (%s [%s%s])\r\n",
	    s->helo != NULL ? s->helo : c->name, c->name, v6, c->ip);
	if (s->auth.username != NULL &&
	    conf_smtpd.smtpd_sasl_authenticated_header)
		add_login(b, s->auth.username);
	starttls_received(s, b);
	buf_addc(b, '\t');
}

/*
 * RFC 5321 4.4.  The recipient is named only when it is the only one: nobody
 * shall learn of the others.
 */
static void
add_received(struct buf *b, struct session *s)
{
	struct transaction *t = &s->tr;
	struct buf	    date = BUF_INIT;
	bool		    has_login = s->auth.username != NULL;
	bool		    is_utf8 = t->smtputf8 && s->esmtp;

	clock_rfc_date(&date, (time_t)(t->env.arrival_us / 1000000));
	buf_adds(b, "Received:");
	if (!conf_smtpd.smtpd_hide_client_session)
		add_from(b, s);
	/* RFC 3848, RFC 6531 4.3: there is no such word for HELO */
	buf_addf(b, "%sby %s (%s) with %s%s%s%s",
	    conf_smtpd.smtpd_hide_client_session ? " " : "",
	    conf_mail.myhostname, conf_mail.mail_name, is_utf8 ? "UTF8" : "",
	    is_utf8 ? "SMTP" : s->protocol,
	    facts_is_encrypted(s) && s->esmtp ? "S" : "",
	    has_login && s->esmtp ? "A" : "");
	if (t->queue_id != NULL)
		buf_addf(b, " id %s", t->queue_id);
	if (t->rcpt_count == 1) {
		buf_adds(b, "\r\n\tfor <");
		address_quote(b, t->first_rcpt);
		buf_addf(b, ">; %s\r\n", date.data);
	} else {
		buf_addf(b, ";\r\n\t%s\r\n", date.data);
	}
	buf_done(&date);
}

static void
put_content(void *arg, const void *bytes, size_t len)
{
	struct session	   *s = arg;
	struct transaction *t = &s->tr;

	if (s->standalone) {
		if (t->handover != NULL)
			handover_content(t->handover, bytes, len);
		return;
	}
	if (t->prefilter != NULL) {
		t->too_big = t->too_big || (conf_mail.message_size_limit > 0 &&
		    t->size > (uint64_t)conf_mail.message_size_limit);
		if (!t->too_big)
			prefilter_content(t->prefilter, bytes, len);
		return;
	}
	if (!t->too_big)
		cleanup_content(t->cleanup, bytes, len);
	/* what is too much goes to cleanup until it has found out by itself */
	if (conf_mail.message_size_limit > 0 &&
	    t->size > (uint64_t)conf_mail.message_size_limit &&
	    cleanup_has_failed(t->cleanup))
		t->too_big = true;
}

void
message_begin(struct session *s)
{
	struct transaction *t = &s->tr;
	struct buf	    b = BUF_INIT;

	if (t->prefilter == NULL) {
		send_envelope(s);
		if (!s->standalone && !t->discard)
			milter_hand_over(s);
	}
	for (uint32_t i = 0; i < t->prepend_count; i++)
		buf_addf(&b, "%s\r\n", t->prepend[i]);
	add_received(&b, s);
	put_content(s, b.data, b.len);
	buf_done(&b);
	t->size = 0;
	t->has_content = true;
	opening_init(&t->opening, put_content, s);
}

/* --- the content */

void
message_content(void *arg, const void *bytes, size_t len)
{
	struct session *s = arg;

	s->tr.size += len;
	if (s->tr.opening.state == OPENING_DONE)
		put_content(s, bytes, len);
	else
		opening_feed(&s->tr.opening, bytes, len);
}

/* --- the end */

static const char *
failure_text(int status)
{
	switch (status) {
	case CLEANUP_NO_SPACE:
		return "452 4.3.1 Insufficient system storage";
	case CLEANUP_TOO_BIG:
		return "552 5.3.4 Error: message file too big";
	case CLEANUP_HOPS:
		return "554 5.4.0 Error: too many hops";
	case CLEANUP_NO_RCPT:
		return "550 5.1.0 Error: no recipients specified";
	default:
		return "451 4.3.0 Error: queue file write error";
	}
}

static void
reply_failure(struct session *s, int status, const struct buf *why)
{
	/* With what cleanup adds it may be too much for cleanup alone. */
	if (status == CLEANUP_TOO_BIG &&
	    s->tr.size > (uint64_t)conf_mail.message_size_limit)
		log_warn("%s: queue file size limit exceeded", session_id(s));
	else if (status == CLEANUP_BAD)
		log_warn("%s: cleanup service failed", session_id(s));
	if (status == CLEANUP_BAD)
		milter_lost(s);
	if (status == CLEANUP_REJECTED)
		notice_policy(s);
	if (status == CLEANUP_REJECTED && why->len > 0)
		reply_relayed(s, why->data);
	else
		reply(s, "%s", failure_text(status));
}

/* Bare LF where it is forbidden, then smtpd_end_of_data_restrictions. */
static bool
refuse_content(struct session *s)
{
	const char *no;

	if (s->tr.got_bare_lf && !s->loose_newlines &&
	    smtpd_config.bare_newline == BARE_NEWLINE_REJECT) {
		log_verdict(s, "reject", s->tr.rcpt_count == 1 ?
		    s->tr.first_rcpt : NULL, "bare <LF> received");
		reply(s, "%d 5.5.2 %s Error: bare <LF> received",
		    conf_smtpd.smtpd_forbid_bare_newline_reject_code,
		    conf_mail.myhostname);
		return true;
	}
	if (!s->standalone && (no = access_end_of_data(s)) != NULL) {
		reply(s, "%s", no);
		return true;
	}
	send_late_decisions(s);
	return false;
}

/* pickup's answer as cleanup's; the queue id goes into the transaction. */
static int
hand_over(struct transaction *t)
{
	struct buf	   text = BUF_INIT;
	enum submit_status status = SUBMIT_ERROR;

	if (t->handover != NULL)
		status = handover_end(t->handover, &text);
	t->handover = NULL;
	if (status != SUBMIT_OK && text.len > 0)
		log_warn("message not queued: %s", text.data);
	buf_done(&text);
	switch (status) {
	case SUBMIT_OK:
		return CLEANUP_OK;
	case SUBMIT_TOO_BIG:
		return CLEANUP_TOO_BIG;
	default:
		return CLEANUP_WRITE_ERROR;
	}
}

bool
message_end(struct session *s, const char *ok)
{
	struct transaction *t = &s->tr;
	struct buf	    why = BUF_INIT;
	int		    status;
	bool		    good = false;

	s->stage = "END-OF-MESSAGE";
	opening_finish(&t->opening);
	if (refuse_content(s)) {
		good = false;
	} else if (t->prefilter != NULL) {
		good = end_filter(s);
	} else {
		status = s->standalone ? hand_over(t) : (int)
		    cleanup_end(t->cleanup, &why);
		t->cleanup = NULL;
		good = status == CLEANUP_OK;
		if (!good && t->too_big)
			status = CLEANUP_TOO_BIG;
		if (good) {
			forget_errors(s);
			reply(s, "%s%s", ok, t->queue_id);
		} else {
			reply_failure(s, status, &why);
		}
	}
	session_reset(s);
	notice_trim(s);
	buf_done(&why);
	return good;
}
