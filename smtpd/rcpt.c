/* RCPT TO (RFC 5321 4.1.1.3) */

#include <string.h>

#include "conf/param.h"
#include "smtpd/access/access.h"
#include "smtpd/command.h"
#include "smtpd/limits.h"
#include "smtpd/message.h"
#include "smtpd/milter.h"
#include "smtpd/options.h"
#include "smtpd/path.h"
#include "smtpd/prefilter.h"
#include "smtpd/reply.h"
#include "util/log.h"

static bool
parse_options(struct session *s, char *text, struct rcpt_options *o)
{
	const char *why, *word;

	if (options_rcpt(text, s->ehlo_discard & EHLO_DSN ? OPTIONS_NO_DSN : 0,
	    o, &why, &word))
		return true;
	if (o->odd_notify.p != NULL)
		log_warn("unknown DSN NOTIFY command value \"%.*s\" in \"%s\"",
		    (int)o->odd_notify.n, o->odd_notify.p, o->odd_in);
	reply(s, why, word);
	return false;
}

/* RFC 3461 5.2.1: whom the client meant, for reports: its own words. */
static void
note_original(struct buf *orcpt, const char *path)
{
	size_t n = strlen(path);
	bool   bracketed = n > 1 && path[0] == '<' && path[n - 1] == '>';

	buf_set(orcpt, "rfc822;");
	buf_add(orcpt, path + bracketed, n - (bracketed ? 2 : 0));
	while (strchr(" \t", orcpt->data[orcpt->len - 1]) != NULL)
		buf_cut(orcpt, orcpt->len - 1);
}

static bool
parse_recipient(struct session *s, char *text, struct buf *rcpt,
    struct rcpt_options *o)
{
	const char *no;
	char	   *path, *rest;

	switch (options_path(text, "TO:", &path, &rest)) {
	case PATH_SYNTAX:
		reply(s, "501 5.5.4 Syntax: RCPT TO:<address>");
		return false;
	case PATH_UNBALANCED:
		reply(s, "501 5.1.3 Bad recipient address syntax");
		return false;
	case PATH_OK:
		break;
	}
	if (!path_parse(s, path, s->tr.smtputf8 ? PATH_UTF8 : 0, rcpt)) {
		reply(s, "501 5.1.3 Bad recipient address syntax");
		return false;
	}
	if ((no = path_needs_utf8(rcpt, s->tr.smtputf8)) != NULL) {
		reply(s, "%s", no);
		return false;
	}
	if (!parse_options(s, rest, o))
		return false;
	if (!o->has_orcpt)
		note_original(&o->orcpt, path);
	return true;
}

/*
 * RFC 5321 4.5.3.1.10: clients go on with the rest in another transaction.
 * Only those that do not take the hint make an error each.
 */
static bool
refuse_too_many(struct session *s)
{
	reply(s, "452 4.5.3 Error: too many recipients");
	return s->tr.rcpt_overshoot++ <
	    (uint32_t)conf_smtpd.smtpd_recipient_overshoot_limit;
}

static void
add(struct session *s, const char *rcpt, const struct rcpt_options *o)
{
	struct transaction *t = &s->tr;
	struct recipient    r = {
		.address = rcpt, .original = rcpt, .orcpt = o->orcpt.data,
		.notify = o->notify, .status = RCPT_TODO,
		.index = t->rcpt_count,
	};

	message_rcpt(s, &r);
	if (t->rcpt_count++ == 0)
		t->first_rcpt = pool_strdup(&t->pool, rcpt);
}

/* `command` is what the client said. */
static bool
accept_rcpt(struct session *s, const char *rcpt, const struct rcpt_options *o,
    const char *command)
{
	const char *no = NULL;

	if (s->tr.rcpt_count >= (uint32_t)conf_smtpd.smtpd_recipient_limit)
		return refuse_too_many(s);
	if (!s->standalone && (no = access_rcpt(s, rcpt)) != NULL) {
		reply(s, "%s", no);
		milter_refused_rcpt(s, no);
		return false;
	}
	if ((no = milter_rcpt(s, rcpt)) != NULL) {
		reply_relayed(s, no);
		return false;
	}
	if (!message_open(s, &no) || !message_ask_rcpt(s, command, &no)) {
		reply_relayed(s, no);
		return false;
	}
	add(s, rcpt, o);
	reply(s, "250 2.1.5 Ok");
	return true;
}

bool
rcpt_run(struct session *s, struct command_line *line)
{
	struct rcpt_options o = RCPT_OPTIONS_INIT;
	struct buf	    rcpt = BUF_INIT;
	const char	   *command = NULL;
	bool		    good = false;

	if (prefilter_is_used(s) && s->tr.has_sender)
		command = pool_printf(&s->tr.pool, "%s %s", line->verb,
		    line->rest);
	if (!s->tr.has_sender)
		reply(s, "503 5.5.1 Error: need MAIL command");
	else if (s->tr.bdat != NULL)
		reply(s, "503 5.5.1 Error: RCPT after BDAT");
	else if (!limits_rcpt(s))
		reply(s, "450 4.7.1 Error: too many recipients from %s",
		    limits_culprit(s));
	else if (milter_note_args(s, line->rest),
	    parse_recipient(s, line->rest, &rcpt, &o))
		good = accept_rcpt(s, rcpt.data, &o, command);
	buf_done(&rcpt);
	buf_done(&o.orcpt);
	return good;
}
