/* Verdicts become replies and log lines here, with what may change them:
 * warn_if_reject, deferrals, soft_bounce. */

#include <stdarg.h>
#include <stdio.h>

#include "conf/param.h"
#include "smtpd/access/access.h"
#include "smtpd/reply.h"
#include "table/match.h"
#include "util/text.h"

const char *
access_about_text(enum access_about about)
{
	static const char *const texts[] = {
		[ABOUT_CLIENT] = "Client host",
		[ABOUT_HELO] = "Helo command",
		[ABOUT_SENDER] = "Sender address",
		[ABOUT_RECIPIENT] = "Recipient address",
		[ABOUT_DATA] = "Data command",
		[ABOUT_END_OF_DATA] = "End-of-data",
		[ABOUT_ETRN] = "Etrn command",
	};

	return texts[about];
}

const char *
access_about_name(const struct access *a, enum access_about about)
{
	const char *name = NULL;

	switch (about) {
	case ABOUT_CLIENT:
		name = a->s->client.label;
		break;
	case ABOUT_HELO:
		name = a->helo;
		break;
	case ABOUT_SENDER:
		name = a->sender;
		break;
	case ABOUT_RECIPIENT:
		name = a->rcpt;
		break;
	case ABOUT_DATA:
		name = "DATA";
		break;
	case ABOUT_END_OF_DATA:
		name = "END-OF-MESSAGE";
		break;
	case ABOUT_ETRN:
		name = a->etrn;
		break;
	}
	return name != NULL ? name : "";
}

/*
 * Codes of RFC 3463 that say which address is bad must fit what the reply
 * is about.
 */
static const char *
fit_dsn(enum access_about about, const char *dsn)
{
	static const char *const pairs[][2] = {	/* of recipients, senders */
		{ ".1.1", ".1.0" }, { ".1.2", ".1.8" }, { ".1.3", ".1.7" },
		{ ".1.4", ".1.0" }, { ".1.5", ".1.0" }, { ".1.6", ".1.7" },
	};
	static const char *const back[][2] = {
		{ ".1.7", ".1.3" }, { ".1.8", ".1.2" },
	};
	static char changed[12];

	if (about == ABOUT_SENDER) {
		for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
			if (text_eq(dsn + 1, pairs[i][0])) {
				snprintf(changed, sizeof changed, "%c%s",
				    dsn[0], pairs[i][1]);
				return changed;
			}
	} else if (about == ABOUT_RECIPIENT) {
		for (size_t i = 0; i < sizeof back / sizeof *back; i++)
			if (text_eq(dsn + 1, back[i][0])) {
				snprintf(changed, sizeof changed, "%c%s",
				    dsn[0], back[i][1]);
				return changed;
			}
	} else if (dsn[1] == '.' && dsn[2] == '1' && dsn[3] == '.') {
		snprintf(changed, sizeof changed, "%c.0.0", dsn[0]);
		return changed;
	}
	return dsn;
}

/* The reply, with 5 become 4 if `soft`; in a->s->verdict. */
static void
compose(struct access *a, enum access_about about, int code, const char *dsn,
    const char *text, bool soft)
{
	struct buf *b = &a->s->verdict;
	char	    fitted[12];

	snprintf(fitted, sizeof fitted, "%s", fit_dsn(about, dsn));
	if (soft && code / 100 == 5) {
		code -= 100;
		fitted[0] = '4';
	}
	if (code / 100 != fitted[0] - '0')
		fitted[0] = (char)('0' + code / 100);
	buf_clear(b);
	buf_addf(b, "%d %s %s", code, fitted, text);
	a->reply = b->data;
}

static enum verdict
reject(struct access *a, enum access_about about, int code, const char *dsn,
    const char *text)
{
	const struct deferral *d = &a->deferred.if_reject;

	if (a->warn) {
		compose(a, about, code, dsn, text, conf_mail.soft_bounce);
		log_verdict(a->s, "reject_warning", a->rcpt, a->reply);
		a->reply = NULL;
		return VERDICT_NONE;
	}
	if (code / 100 == 5 && d->text != NULL)
		compose(a, about, d->code, d->dsn, d->text, false);
	else
		compose(a, about, code, dsn, text, conf_mail.soft_bounce);
	log_verdict(a->s, "reject", a->rcpt, a->reply);
	return VERDICT_REJECT;
}

enum verdict
access_reject(struct access *a, enum access_about about, int code,
    const char *dsn, const char *fmt, ...)
{
	struct buf   text = BUF_INIT;
	enum verdict v;
	va_list	     ap;

	va_start(ap, fmt);
	buf_addv(&text, fmt, ap);
	va_end(ap);
	v = reject(a, about, code, dsn, text.data);
	buf_done(&text);
	return v;
}

/* A deferral may outlive the question, to be settled at RCPT. */
static void
set_deferral(struct access *a, struct deferral *d, int code, const char *dsn,
    const char *text)
{
	struct pool *pool = &a->s->pool;

	if (d->text != NULL)
		return;
	if (a->s->tr.has_sender)
		pool = &a->s->tr.pool;
	d->code = code;
	d->dsn = pool_strdup(pool, dsn);
	d->text = pool_strdup(pool, text);
}

enum verdict
access_defer_if_permit(struct access *a, enum access_about about, int code,
    const char *dsn, const char *fmt, ...)
{
	struct buf text = BUF_INIT;
	va_list	   ap;

	va_start(ap, fmt);
	buf_addv(&text, fmt, ap);
	va_end(ap);
	if (a->warn) {
		compose(a, about, code, dsn, text.data, false);
		log_verdict(a->s, "reject_warning", a->rcpt, a->reply);
		a->reply = NULL;
	} else {
		set_deferral(a, &a->deferred.if_permit, code, dsn, text.data);
	}
	buf_done(&text);
	return VERDICT_NONE;
}

enum verdict
access_defer_if_reject(struct access *a, int code, const char *dsn,
    const char *fmt, ...)
{
	struct buf text = BUF_INIT;
	va_list	   ap;

	va_start(ap, fmt);
	buf_addv(&text, fmt, ap);
	va_end(ap);
	set_deferral(a, &a->deferred.if_reject, code, dsn, text.data);
	buf_done(&text);
	return VERDICT_NONE;
}

enum verdict
access_permit(struct access *a, const char *action, const char *what,
    const char *name, const char *origin)
{
	struct buf b = BUF_INIT;

	if (smtpd_config.log_permit == NULL ||
	    match_word(smtpd_config.log_permit, action) != MATCH_YES)
		return VERDICT_PERMIT;
	buf_addf(&b, "action=%s for %s=%s %s%s", action, what, name,
	    origin != NULL ? "from " : "", origin != NULL ? origin : "");
	log_verdict(a->s, "permit", a->rcpt, b.data);
	buf_done(&b);
	return VERDICT_PERMIT;
}

enum access_about
access_stage_about(const struct access *a)
{
	static const enum access_about abouts[ACCESS_STAGES] = {
		[ACCESS_CLIENT] = ABOUT_CLIENT, [ACCESS_HELO] = ABOUT_HELO,
		[ACCESS_SENDER] = ABOUT_SENDER, [ACCESS_RELAY] = ABOUT_RECIPIENT,
		[ACCESS_RECIPIENT] = ABOUT_RECIPIENT,
		[ACCESS_DATA] = ABOUT_DATA,
		[ACCESS_END_OF_DATA] = ABOUT_END_OF_DATA,
		[ACCESS_ETRN] = ABOUT_ETRN,
	};

	return abouts[a->stage];
}

const char *
access_settle(struct access *a, enum verdict v)
{
	const struct deferral *d = &a->deferred.if_permit;

	if (v != VERDICT_REJECT && d->text != NULL) {
		compose(a, ABOUT_CLIENT, d->code, d->dsn, d->text, false);
		log_verdict(a->s, "reject", a->rcpt, a->reply);
		v = VERDICT_REJECT;
	}
	return v == VERDICT_REJECT ? a->reply : NULL;
}

enum verdict
access_broken(struct access *a)
{
	return access_reject(a, ABOUT_DATA, 451, "4.3.5",
	    "Server configuration error");
}
