/*
 *			sender is		sender	postmaster gets
 *	failure		double-bounce		-	- (logged)
 *			null			-	2bounce and bounce
 *							class: all
 *			anybody			all	bounce class: headers
 *	delay		double-bounce, null	-	-
 *			anybody			headers	delay class: headers
 *	trace		double-bounce, null	-	-
 *			anybody			headers	-
 *
 * What the sender gets has the null sender, what the postmaster gets has the
 * double-bounce address: so nothing can go round in circles.
 */
#include "bounce/notify.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "bounce/report.h"
#include "conf/conf.h"
#include "mail/cleanup_client.h"
#include "mail/deliver_proto.h"
#include "mail/own_mail.h"
#include "mail/queue_id.h"
#include "mail/verp.h"
#include "table/match.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

enum {
	HEAD_MAX = 64 * 1024,	/* bytes gathered before they are sent */
};

static struct {
	struct bounce_templates	 templates;
	struct match		*classes;	/* notify_classes */
	unsigned		 cleanup_flags;
	char			*double_bounce;	/* the address */
} state;

static void
warn(const char *text)
{
	log_warn("%s", text);
}

void
notify_init(void)
{
	struct buf why = BUF_INIT;

	bounce_templates_init(&state.templates, warn);
	if (*conf_mail.bounce_template_file != '\0' &&
	    !bounce_templates_read(&state.templates,
	    conf_mail.bounce_template_file, &why))
		log_warn("%s: using the built-in templates", why.data);
	buf_done(&why);
	state.classes = match_new("notify_classes", conf_mail.notify_classes,
	    false);
	state.cleanup_flags = CLEANUP_MAP | CLEANUP_INTERNAL |
	    CLEANUP_REWRITE_LOCAL;
	if (text_has_word(conf_mail.internal_mail_filter_classes, "bounce"))
		state.cleanup_flags |= CLEANUP_FILTER | CLEANUP_MILTER;
	state.double_bounce = mem_printf("%s@%s",
	    conf_mail.double_bounce_sender, conf_mail.myhostname);
}

/* --- sending one */

static const char *
trouble_text(enum cleanup_status status)
{
	switch (status) {
	case CLEANUP_NO_SPACE:
		return "insufficient system storage";
	case CLEANUP_TOO_BIG:
		return "message file too big";
	case CLEANUP_HOPS:
		return "too many hops";
	case CLEANUP_REJECTED:
		return "message content rejected";
	case CLEANUP_NO_RCPT:
		return "no recipients specified";
	case CLEANUP_TABLE_ERROR:
		return "table lookup error";
	case CLEANUP_BAD:
		return "no service, or it ended early";
	default:
		return "queue file write error";
	}
}

static bool
tell_trouble(const struct report *r, enum cleanup_status status)
{
	log_warn("%s: %s notification failed to %s: %s", r->about->m->id,
	    r->to_postmaster ? "postmaster" : "sender", r->recipient,
	    trouble_text(status));
	return false;
}

static void
send_envelope(struct cleanup_client *c, const struct report *r)
{
	const struct recipient to = {
		.address = r->recipient, .original = r->recipient,
		.orcpt = "", .status = RCPT_TODO,
	};

	own_mail_envelope(c, r->to_postmaster ? state.double_bounce : "", &to,
	    r->about->m->env_flags & (ENV_SMTPUTF8 | ENV_SMTPUTF8_NEEDED),
	    report_encoding(r));
}

static void
flush_head(struct cleanup_client *c, struct buf *b)
{
	cleanup_content(c, b->data, b->len);
	buf_clear(b);
}

/* Received: and Date: as every mail of our own begins. */
static void
add_trace_header(struct buf *b, const char *queue_id)
{
	own_mail_received(b, queue_id);
	buf_adds(b, "Date: ");
	clock_rfc_date(b, time(NULL));
	buf_adds(b, "\r\n");
}

static const char *const kinds[] = {
	[NOTIFY_OF_FAILURE] = "non-delivery",
	[NOTIFY_OF_DELAY] = "delay",
	[NOTIFY_OF_TRACE] = "delivery status",
};

static void
log_sent(const struct report *r, const char *what, const char *id)
{
	log_info("%s: %s %s notification: %s", r->about->m->id,
	    r->to_postmaster ? "postmaster" : "sender", what, id);
}

static bool
send_report(const struct report *r, const char *what)
{
	enum cleanup_status    status;
	struct cleanup_client *c = cleanup_open(state.cleanup_flags, &status);
	struct buf	       b = BUF_INIT;
	char		       id[QUEUE_ID_MAX];
	bool		       is_trace = what == kinds[NOTIFY_OF_TRACE], ok;

	if (c == NULL)
		return tell_trouble(r, status);
	snprintf(id, sizeof id, "%s", cleanup_queue_id(c));
	/* Postfix names a trace when it is sent, others when they are begun,
	 * also if in the end nobody wants one. */
	if (!is_trace)
		log_sent(r, what, id);
	send_envelope(c, r);
	add_trace_header(&b, cleanup_queue_id(c));
	report_header(&b, r);
	report_text(&b, r);
	flush_head(c, &b);
	if (report_count(r) == 0) {
		/* Nobody of them wanted to know. */
		cleanup_abort(c);
		buf_done(&b);
		return true;
	}
	report_status(&b, r);
	flush_head(c, &b);
	ok = report_original(r, cleanup_put, c);
	if (!ok) {
		cleanup_abort(c);
		log_warn("%s: can't read the original message", r->about->m->id);
	} else {
		status = cleanup_end(c, &b);
		ok = status == CLEANUP_OK;
		if (!ok)
			tell_trouble(r, status);
		else if (is_trace)
			log_sent(r, what, id);
	}
	buf_done(&b);
	return ok;
}

/* --- who gets what */

static enum bounce_template_type
template_for(enum notify_kind kind, const struct bounce_message *m)
{
	if (kind == NOTIFY_OF_FAILURE)
		return TEMPLATE_FAILURE;
	if (kind == NOTIFY_OF_DELAY)
		return TEMPLATE_DELAY;
	return (m->trace_flags & (DELIVER_VERIFY | DELIVER_TRACE)) != 0 ||
	    (m->env_flags & (ENV_DELIVER_VERIFY | ENV_DELIVER_TRACE)) != 0 ?
	    TEMPLATE_VERIFY : TEMPLATE_SUCCESS;
}

/* A copy is a courtesy: that it fails changes nothing. */
static void
copy_to_postmaster(const struct report *sent, const char *class,
    const char *postmaster, const char *what)
{
	struct report copy = *sent;

	if (match_word(state.classes, class) != MATCH_YES)
		return;
	copy.to_postmaster = true;
	copy.notify = 0;	/* what senders wish is not the postmaster's */
	copy.recipient = postmaster;
	copy.ret = RET_HDRS;
	send_report(&copy, what);
}

/* What the sender is told, and the postmaster's copy. */
static bool
send_with_copy(const struct report *r, enum notify_kind kind)
{
	if (!send_report(r, kinds[kind]))
		return false;
	if (kind == NOTIFY_OF_FAILURE)
		copy_to_postmaster(r, "bounce",
		    conf_mail.bounce_notice_recipient, kinds[kind]);
	else if (kind == NOTIFY_OF_DELAY)
		copy_to_postmaster(r, "delay",
		    conf_mail.delay_notice_recipient, kinds[kind]);
	return true;
}

/* A report for each recipient, to a sender that has it in its address. */
static bool
send_verp(const struct report *all, const char *delimiters,
    enum notify_kind kind)
{
	struct report one = *all;
	struct buf    to = BUF_INIT;
	bool	      ok = true;

	one.count = 1;
	for (size_t i = 0; ok && i < all->count; i++) {
		one.records = &all->records[i];
		if (report_count(&one) == 0)
			continue;
		buf_clear(&to);
		verp_sender(&to, all->about->m->sender, delimiters,
		    *one.records->original != '\0' ?
		    one.records->original : one.records->recipient);
		one.recipient = to.data;
		ok = send_with_copy(&one, kind);
	}
	buf_done(&to);
	return ok;
}

static bool
tell_sender(const struct report *r, enum notify_kind kind)
{
	const char *delimiters = "";

	if (r->about->has_file && !conf_mail.disable_verp_bounces)
		delimiters = envelope_get(&r->about->e, ATTR_VERP_DELIMS);
	if (kind != NOTIFY_OF_TRACE && strlen(delimiters) == 2)
		return send_verp(r, delimiters, kind);
	return send_with_copy(r, kind);
}

static void
log_no_trace(const struct bounce_message *m, const char *kind)
{
	log_info("%s: not sending trace/success notification for %s-bounce "
	    "message", m->id, kind);
}

/* Mail that nobody waits for. */
static bool
tell_of_null_sender(struct report *r, enum notify_kind kind)
{
	if (kind == NOTIFY_OF_TRACE)
		log_no_trace(r->about->m, "single");
	/* who wants copies of bounces wants these, too */
	if (kind != NOTIFY_OF_FAILURE ||
	    (match_word(state.classes, "2bounce") != MATCH_YES &&
	    match_word(state.classes, "bounce") != MATCH_YES))
		return true;
	r->to_postmaster = true;
	r->recipient = conf_mail.n_2bounce_notice_recipient;
	r->notify = 0;
	return send_report(r, kinds[kind]);
}

bool
notify(enum notify_kind kind, const struct bounce_message *m,
    const struct bounce_record *records, size_t count)
{
	struct report_message about;
	struct report	      r = {
		.about = &about,
		.recipient = m->sender, .ret = m->ret,
		.records = records, .count = count,
	};
	bool ok;

	if (strcasecmp(m->sender, state.double_bounce) == 0) {
		if (kind == NOTIFY_OF_FAILURE)
			log_warn("%s: undeliverable postmaster notification "
			    "discarded", m->id);
		else if (kind == NOTIFY_OF_TRACE)
			log_no_trace(m, "double");
		return true;
	}
	if (kind == NOTIFY_OF_FAILURE) {
		r.notify = NOTIFY_FAILURE;
	} else if (kind == NOTIFY_OF_DELAY) {
		r.notify = NOTIFY_DELAY;
		r.delayed = true;
		r.ret = RET_HDRS;
	} else {
		r.success = true;
	}
	r.t = bounce_template_get(&state.templates, template_for(kind, m));
	report_message_init(&about, m);
	ok = *m->sender == '\0' ? tell_of_null_sender(&r, kind) :
	    tell_sender(&r, kind);
	report_message_done(&about);
	return ok;
}
