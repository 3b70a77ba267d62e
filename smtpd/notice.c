#include <string.h>

#include "conf/param.h"
#include "mail/own_mail.h"
#include "smtpd/auth.h"
#include "smtpd/config.h"
#include "smtpd/notice.h"
#include "smtpd/session.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

enum {
	TRANSCRIPT_MAX = 64 * 1024,	/* bytes: then nothing is added */
};

unsigned
notice_classes(const char *list)
{
	static const struct {
		const char	 *name;
		enum notice_class bit;
	} names[] = {
		{ "protocol", NOTICE_PROTOCOL }, { "policy", NOTICE_POLICY },
		{ "resource", NOTICE_RESOURCE }, { "software", NOTICE_SOFTWARE },
		{ "bounce", NOTICE_BOUNCE },
	};
	char	*copy = mem_strdup(list), *next = copy, *word;
	unsigned bits = 0;

	while ((word = text_word(&next, TEXT_LIST_SEP, false)) != NULL)
		for (size_t i = 0; i < sizeof names / sizeof *names; i++)
			if (text_eq_nocase(word, names[i].name))
				bits |= names[i].bit;
	mem_free(copy);
	return bits;
}

/* --- the log of a session that is watched */

/* "> mx.example[192.0.2.1]: 250 2.1.0 Ok": what we say; "<" what we hear. */
static void
trace(const struct session *s, char way, const char *text)
{
	struct buf  line = BUF_INIT;
	const char *end;

	for (; *text != '\0'; text = *end != '\0' ? end + 1 : end) {
		end = strchrnul(text, '\n');
		buf_clear(&line);
		text_printable(&line, text, (size_t)(end - text) -
		    (end > text && end[-1] == '\r'), true);
		log_info("%c %s: %s", way, s->client.label, line.data);
	}
	buf_done(&line);
}

/* --- the transcript */

static void
add(struct session *s, const char *label, const char *text)
{
	struct buf *b = &s->transcript;
	const char *end;

	if (smtpd_config.notices == 0 || b->len > TRANSCRIPT_MAX)
		return;
	for (; *text != '\0'; text = *end != '\0' ? end + 1 : end) {
		end = strchr(text, '\n');
		if (end == NULL)
			end = text + strlen(text);
		buf_adds(b, label);
		text_printable(b, text, (size_t)(end - text) -
		    (end > text && end[-1] == '\r'), true);
		buf_adds(b, "\r\n");
		s->transcript_lines++;
	}
}

void
notice_in(struct session *s, const char *line)
{
	size_t	   shown = auth_shown(line, strlen(line));
	struct buf b = BUF_INIT;

	if (line[shown] != '\0') {
		buf_add(&b, line, shown);
		buf_adds(&b, " (not shown)");
		line = b.data;
	}
	if (s->debug)
		trace(s, '<', line);
	add(s, " In:  ", line);
	buf_done(&b);
}

static enum notice_class
class_of(struct session *s, const char *reply)
{
	static const struct {
		const char	 *begins;
		enum notice_class what;
	} rows[] = {
		{ "451 4.3.5 Server", NOTICE_SOFTWARE },
		{ "451 4.3.0 Error", NOTICE_RESOURCE },
		{ "452 4.3.1", NOTICE_RESOURCE },
		{ "552 5.3.4 Error", NOTICE_BOUNCE },
		{ "554 5.4.0 Error", NOTICE_BOUNCE },
		{ "454 4.7.0 TLS not", NOTICE_RESOURCE },
		/* people mistype passwords */
		{ "535 5.7.8", NOTICE_NONE },
		{ "454 4.7.0 Temporary auth", NOTICE_NONE },
		{ "501 5.7.0 Authentication", NOTICE_NONE },
	};
	bool policy = s->policy_reply, bounce = s->bounce_reply;

	s->policy_reply = s->bounce_reply = false;
	if (s->quiet_reply) {
		s->quiet_reply = false;
		return NOTICE_NONE;
	}
	if (s->milter_reply) {
		s->milter_reply = false;
		return NOTICE_POLICY;
	}
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (text_starts(reply, rows[i].begins))
			return rows[i].what;
	if (bounce)
		return NOTICE_BOUNCE;
	return policy ? NOTICE_POLICY : NOTICE_PROTOCOL;
}

void
notice_out(struct session *s, const char *reply)
{
	if (s->debug)
		trace(s, '>', reply);
	if (smtpd_config.notices == 0)
		return;
	add(s, " Out: ", reply);
	if (*reply >= '4')
		s->notices |= class_of(s, reply);
}

void
notice_policy(struct session *s)
{
	s->policy_reply = true;
}

void
notice_bounce(struct session *s)
{
	s->bounce_reply = true;
}

/* --- the mail */

void
notice_send(struct session *s)
{
	char *reason;

	if (!(s->notices & smtpd_config.notices) || s->standalone)
		return;
	reason = s->reason == NULL ? NULL :
	    mem_printf("Session aborted, reason: %s\r\n", s->reason);
	own_mail_notice(&(struct own_mail_notice){
		.to = s->notices & smtpd_config.notices & NOTICE_BOUNCE ?
		    conf_mail.bounce_notice_recipient : NULL,
		.who = "SMTP server", .about = s->client.label,
		.transcript = &s->transcript,
		.last = reason != NULL ? reason : "",
	});
	mem_free(reason);
}

void
notice_trim(struct session *s)
{
	if (s->transcript_lines <=
	    (unsigned)conf_smtpd.smtpd_history_flush_threshold)
		return;
	notice_send(s);
	s->notices = 0;
	buf_clear(&s->transcript);
	s->transcript_lines = 0;
}
