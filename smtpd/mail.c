/* MAIL FROM (RFC 5321 4.1.1.2) */

#include <string.h>
#include <sys/statvfs.h>

#include "conf/param.h"
#include "mail/verp.h"
#include "smtpd/access/access.h"
#include "smtpd/command.h"
#include "smtpd/config.h"
#include "smtpd/limits.h"
#include "smtpd/message.h"
#include "smtpd/milter.h"
#include "smtpd/options.h"
#include "smtpd/path.h"
#include "smtpd/prefilter.h"
#include "smtpd/reply.h"
#include "smtpd/session.h"
#include "smtpd/starttls.h"
#include "util/clock.h"
#include "util/log.h"

enum { SPACE_CHECK_MS = 1000 };

/*
 * Room in the queue for one and a half of the largest message, and
 * queue_minfree.  Looked at once a second: a message is refused later anyway
 * when the disk is full.
 */
static bool
has_space(void)
{
	static struct {
		int64_t	until;
		bool	ok;
	} last;
	struct statvfs fs;
	uint64_t       room, limit;

	if (clock_ms() < last.until)
		return last.ok;
	if (statvfs(".", &fs) != 0) {
		log_warn("statvfs queue directory: %m");
		return true;
	}
	room = (uint64_t)fs.f_bavail * fs.f_frsize;
	limit = (uint64_t)conf_mail.message_size_limit;
	last.ok = room > limit + limit / 2 &&
	    (conf_mail.queue_minfree == 0 ||
	    room > (uint64_t)conf_mail.queue_minfree);
	last.until = clock_ms() + SPACE_CHECK_MS;
	if (!last.ok)
		log_warn("not enough free space in mail queue: %llu bytes < "
		    "1.5*message size limit", (unsigned long long)room);
	return last.ok;
}

/* What is wrong with beginning a transaction now; NULL if nothing. */
static const char *
refuse_early(struct session *s)
{
	if (conf_smtpd.smtpd_helo_required && s->helo == NULL)
		return "503 5.5.1 Error: send HELO/EHLO first";
	if (s->tr.has_sender)
		return "503 5.5.1 Error: nested MAIL command";
	if (s->tr.bdat != NULL)
		return "503 5.5.1 Error: MAIL after BDAT";
	return NULL;
}

static bool
parse_sender(struct session *s, char *text, struct buf *sender,
    struct mail_options *o)
{
	char	   *path, *rest;
	const char *why, *word;
	int	    off = 0;

	switch (options_path(text, "FROM:", &path, &rest)) {
	case PATH_SYNTAX:
		reply(s, "501 5.5.4 Syntax: MAIL FROM:<address>");
		return false;
	case PATH_UNBALANCED:
		reply(s, "501 5.1.7 Bad sender address syntax");
		return false;
	case PATH_OK:
		break;
	}
	if (s->ehlo_discard & EHLO_DSN)
		off |= OPTIONS_NO_DSN;
	if (!conf_mail.smtputf8_enable || (s->ehlo_discard & EHLO_SMTPUTF8))
		off |= OPTIONS_NO_SMTPUTF8;
	if (!s->verp_allowed)
		off |= OPTIONS_NO_VERP;
	if (!starttls_may_require(s))
		off |= OPTIONS_NO_REQUIRETLS;
	if (!options_mail(rest, off, o, &why, &word)) {
		reply(s, why, word);
		return false;
	}
	if (o->verp != NULL && *o->verp == '\0')
		o->verp = conf_mail.default_verp_delimiters;
	if (o->verp != NULL &&
	    !verp_is_valid(o->verp, conf_mail.verp_delimiter_filter)) {
		reply(s, "501 5.5.4 Error: XVERP needs two characters from %s",
		    conf_mail.verp_delimiter_filter);
		return false;
	}
	if (!path_parse(s, path, PATH_NULL_OK | (o->smtputf8 ? PATH_UTF8 : 0),
	    sender)) {
		reply(s, "501 5.1.7 Bad sender address syntax");
		return false;
	}
	if ((why = path_needs_utf8(sender, o->smtputf8)) != NULL) {
		reply(s, "%s", why);
		return false;
	}
	if (o->verp != NULL && sender->len == 0) {
		reply(s, "503 5.5.4 Error: XVERP requires non-null sender");
		return false;
	}
	return true;
}

/* Refuses for the size announced: now, before it is sent. */
static const char *
refuse_size(struct session *s)
{
	const char *text = NULL;

	if (conf_mail.message_size_limit > 0 &&
	    s->announced_size > (uint64_t)conf_mail.message_size_limit)
		text = "552 5.3.4 Message size exceeds fixed limit";
	else if (!has_space())
		text = "452 4.3.1 Insufficient system storage";
	if (text != NULL)
		log_verdict(s, "reject", NULL, text);
	return text;
}

static void
begin(struct session *s, const struct buf *sender,
    const struct mail_options *o)
{
	struct transaction *t = &s->tr;

	t->sender = pool_strndup(&t->pool, sender->data, sender->len);
	t->has_sender = true;
	t->smtputf8 = o->smtputf8;
	t->requiretls = o->requiretls;
	t->body = o->body;
	t->ret = o->ret;
	t->envid = o->has_envid ? pool_strdup(&t->pool, o->envid.data) : NULL;
	t->verp = o->verp != NULL ? pool_strdup(&t->pool, o->verp) : NULL;
	if (o->auth.len > 0)
		s->auth.sender = pool_strdup(&t->pool, o->auth.data);
	envelope_init(&t->env);
	t->env.arrival_us = clock_wall_us();
}

/* The sender and its parameters are known; is it taken? */
static bool
accept_sender(struct session *s)
{
	const char *no = NULL;
	uint64_t    size = s->announced_size;

	if (!s->standalone)
		no = access_mail(s, s->tr.sender);
	if (no == NULL && (no = milter_mail(s)) == NULL)
		no = refuse_size(s);
	if (no == NULL && !conf_smtpd.smtpd_delay_open_until_valid_rcpt)
		message_open(s, &no);
	if (no == NULL) {
		reply(s, "250 2.1.0 Ok");
		return true;
	}
	reply_relayed(s, no);
	session_reset(s);
	s->announced_size = size;
	return false;
}

bool
mail_run(struct session *s, struct command_line *line)
{
	struct mail_options o = MAIL_OPTIONS_INIT;
	struct buf	    sender = BUF_INIT, command = BUF_INIT;
	const char	   *no;
	bool		    good = false;

	if (prefilter_is_used(s))
		buf_addf(&command, "%s %s", line->verb, line->rest);
	if ((no = refuse_early(s)) != NULL) {
		reply(s, "%s", no);
	} else if (!limits_mail(s)) {
		reply(s, "450 4.7.1 Error: too much mail from %s",
		    limits_culprit(s));
	} else if (milter_note_args(s, line->rest),
	    parse_sender(s, line->rest, &sender, &o)) {
		if (o.has_size)
			s->announced_size = o.size;
		begin(s, &sender, &o);
		if (command.len > 0)
			s->tr.mail_command = pool_strdup(&s->tr.pool,
			    command.data);
		good = accept_sender(s);
	}
	buf_done(&sender);
	buf_done(&command);
	buf_done(&o.envid);
	buf_done(&o.auth);
	return good;
}
