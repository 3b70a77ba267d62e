/* Verdicts become replies and log lines here, with what may change them:
 * warn_if_reject, deferrals, soft_bounce. */

#include <stdarg.h>
#include <stdio.h>

#include "conf/param.h"
#include "net/tls.h"
#include "smtpd/access/access.h"
#include "smtpd/reply.h"
#include "table/match.h"
#include "util/log.h"
#include "util/text.h"

const char *
access_about_text(enum access_about about)
{
	static const char *const texts[] = {
		[ABOUT_CLIENT] = "Client host",
		[ABOUT_REVERSE_CLIENT] = "Unverified Client host",
		[ABOUT_HELO] = "Helo command",
		[ABOUT_SENDER] = "Sender address",
		[ABOUT_RECIPIENT] = "Recipient address",
		[ABOUT_DATA] = "Data command",
		[ABOUT_END_OF_DATA] = "End-of-data",
		[ABOUT_ETRN] = "Etrn command",
		[ABOUT_LOGIN] = "SASL login name",
		[ABOUT_CCERT] = "Client certificate",
		[ABOUT_NOTHING] = "",
	};

	return texts[about];
}

const char *
access_about_name(const struct access *a, enum access_about about)
{
	const char *name = NULL;

	if (a->entry.name != NULL && a->entry.about == about)
		return a->entry.name;
	switch (about) {
	case ABOUT_CLIENT:
		name = a->s->client.label;
		break;
	case ABOUT_REVERSE_CLIENT:
		name = a->s->client.reverse_name;
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
	case ABOUT_LOGIN:
		name = a->s->auth.username;
		break;
	case ABOUT_CCERT:
		name = a->s->tls != NULL ? a->s->tls->peer_cn : NULL;
		break;
	case ABOUT_NOTHING:
		break;
	}
	return name != NULL ? name : "";
}

/* The status that fits what the reply is about, NULL if `dsn` does. */
static const char *
other_detail(enum access_about about, const char *dsn)
{
	static const struct {
		enum access_about about;
		const char	 *from, *to;
	} rows[] = {
		{ ABOUT_SENDER, ".1.1", ".1.7" },
		{ ABOUT_SENDER, ".1.2", ".1.8" },
		{ ABOUT_SENDER, ".1.3", ".1.7" },
		{ ABOUT_SENDER, ".1.4", ".1.0" },
		{ ABOUT_SENDER, ".1.5", ".1.0" },
		{ ABOUT_SENDER, ".1.6", ".1.7" },
		{ ABOUT_RECIPIENT, ".1.7", ".1.3" },
		{ ABOUT_RECIPIENT, ".1.8", ".1.2" },
		{ ABOUT_RECIPIENT, ".1.9", ".1.0" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].about == about && text_eq(dsn + 1, rows[i].from))
			return rows[i].to;
	if (about != ABOUT_SENDER && about != ABOUT_RECIPIENT &&
	    text_starts(dsn + 1, ".1."))
		return ".0.0";
	return NULL;
}

/*
 * Codes of RFC 3463 that say which address is bad must fit what the reply
 * is about.
 */
static void
fit_dsn(enum access_about about, const char *dsn, char ret[12])
{
	const char *detail = about == ABOUT_NOTHING ? NULL :
	    other_detail(about, dsn);

	if (detail == NULL) {
		snprintf(ret, 12, "%s", dsn);
		return;
	}
	snprintf(ret, 12, "%c%s", dsn[0], detail);
	log_info("mapping DSN status %s into %s status %s", dsn,
	    access_about_text(about), ret);
}

/* The reply, with 5 become 4 if `soft`; in a->s->verdict. */
static void
compose(struct access *a, enum access_about about, int code, const char *dsn,
    const char *text, bool soft)
{
	struct buf *b = &a->s->verdict;
	char	    fitted[12];

	fit_dsn(about, dsn, fitted);
	if (soft && code / 100 == 5) {
		code -= 100;
		fitted[0] = '4';
	}
	if (code / 100 != fitted[0] - '0')
		fitted[0] = (char)('0' + code / 100);
	buf_clear(b);
	buf_addf(b, "%d %s %s", code, fitted, text);
	reply_clean(b);
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
		compose(a, ABOUT_NOTHING, d->code, d->dsn, d->text, false);
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
set_deferral(struct access *a, struct deferral *d, enum access_about about,
    int code, const char *dsn, const char *text)
{
	struct pool *pool = &a->s->pool;
	char	     fitted[12];

	if (d->text != NULL)
		return;
	if (a->s->tr.has_sender)
		pool = &a->s->tr.pool;
	d->code = code;
	fit_dsn(about, dsn, fitted);
	d->dsn = pool_strdup(pool, fitted);
	d->text = pool_strdup(pool, text);
}

static enum verdict
defer_if_permit(struct access *a, enum access_about about, int code,
    const char *dsn, const char *text)
{
	if (a->warn) {
		compose(a, about, code, dsn, text, false);
		log_verdict(a->s, "reject_warning", a->rcpt, a->reply);
		a->reply = NULL;
	} else {
		set_deferral(a, &a->deferred.if_permit, about, code, dsn, text);
	}
	return VERDICT_NONE;
}

enum verdict
access_defer_if_permit(struct access *a, enum access_about about, int code,
    const char *dsn, const char *fmt, ...)
{
	struct buf   text = BUF_INIT;
	enum verdict v;
	va_list	     ap;

	va_start(ap, fmt);
	buf_addv(&text, fmt, ap);
	va_end(ap);
	v = defer_if_permit(a, about, code, dsn, text.data);
	buf_done(&text);
	return v;
}

enum verdict
access_tempfail(struct access *a, const char *action, enum access_about about,
    int code, const char *dsn, const char *fmt, ...)
{
	struct buf   text = BUF_INIT;
	enum verdict v;
	va_list	     ap;

	va_start(ap, fmt);
	buf_addv(&text, fmt, ap);
	va_end(ap);
	if (text_eq_nocase(action, "defer"))
		v = reject(a, about, code, dsn, text.data);
	else
		v = defer_if_permit(a, about, code, dsn, text.data);
	buf_done(&text);
	return v;
}

enum verdict
access_defer_if_reject(struct access *a, enum access_about about, int code,
    const char *dsn, const char *fmt, ...)
{
	struct buf text = BUF_INIT;
	va_list	   ap;

	va_start(ap, fmt);
	buf_addv(&text, fmt, ap);
	va_end(ap);
	set_deferral(a, &a->deferred.if_reject, about, code, dsn, text.data);
	buf_done(&text);
	return VERDICT_NONE;
}

enum verdict
access_permit(struct access *a, const char *action, const char *what,
    const char *name, const char *origin)
{
	struct buf b = BUF_INIT;

	/* who is deferred after all was not permitted */
	if (smtpd_config.log_permit == NULL || a->silent ||
	    a->deferred.if_permit.text != NULL ||
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

enum access_about
access_about(const struct access *a)
{
	return a->entry.name != NULL ? a->entry.about : access_stage_about(a);
}

const char *
access_settle(struct access *a, enum verdict v)
{
	const struct deferral *d = &a->deferred.if_permit;

	if (v != VERDICT_REJECT && d->text != NULL) {
		compose(a, ABOUT_NOTHING, d->code, d->dsn, d->text, false);
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
