#include <string.h>

#include "conf/param.h"
#include "mail/cleanup_client.h"
#include "mail/envelope.h"
#include "smtpd/config.h"
#include "smtpd/auth.h"
#include "smtpd/notice.h"
#include "smtpd/session.h"
#include "util/clock.h"
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

	if (line[shown] == '\0') {
		add(s, " In:  ", line);
		return;
	}
	buf_add(&b, line, shown);
	buf_adds(&b, " (not shown)");
	add(s, " In:  ", b.data);
	buf_done(&b);
}

static enum notice_class
class_of(struct session *s, const char *reply)
{
	static const struct {
		const char	 *begins;
		enum notice_class what;
	} rows[] = {
		{ "451 4.3.5", NOTICE_SOFTWARE },
		{ "451 4.3.0 Error", NOTICE_SOFTWARE },
		{ "452 4.3.1", NOTICE_RESOURCE },
		{ "454 4.7.0 TLS not", NOTICE_RESOURCE },
		/* people mistype passwords */
		{ "535 5.7.8", NOTICE_NONE },
		{ "454 4.7.0 Temporary auth", NOTICE_NONE },
		{ "501 5.7.0 Authentication", NOTICE_NONE },
	};
	bool policy = s->policy_reply;

	s->policy_reply = false;
	if (s->milter_reply) {
		s->milter_reply = false;
		return NOTICE_POLICY;
	}
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (text_starts(reply, rows[i].begins))
			return rows[i].what;
	return policy ? NOTICE_POLICY : NOTICE_PROTOCOL;
}

void
notice_out(struct session *s, const char *reply)
{
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
notice_trim(struct session *s)
{
	if (s->transcript_lines <=
	    (unsigned)conf_smtpd.smtpd_history_flush_threshold)
		return;
	buf_clear(&s->transcript);
	s->transcript_lines = 0;
}

/* --- the mail */

static void
send_envelope(struct cleanup_client *c)
{
	const char	*to = conf_mail.error_notice_recipient;
	char		*from = mem_printf("%s@%s",
	    conf_mail.double_bounce_sender, conf_mail.myhostname);
	struct envelope	 e;

	envelope_init(&e);
	e.queue_id = cleanup_queue_id(c);
	e.sender = from;
	e.arrival_us = e.created_us = clock_wall_us();
	e.flags = ENV_NOTICE | ENV_LOCAL_ORIGIN;
	envelope_set(&e, ATTR_LOG_MESSAGE_ORIGIN, "local");
	envelope_set(&e, ATTR_REWRITE_CONTEXT, "local");
	cleanup_envelope(c, &e);
	cleanup_rcpt(c, &(struct recipient){ .address = to, .original = to,
	    .orcpt = "", .status = RCPT_TODO });
	envelope_done(&e);
	mem_free(from);
}

static void
send_text(struct cleanup_client *c, struct session *s)
{
	struct buf date = BUF_INIT;

	clock_rfc_date(&date, (time_t)(clock_wall_us() / 1000000));
	cleanup_printf(c, "Received: by %s (%s)", conf_mail.myhostname,
	    conf_mail.mail_name);
	cleanup_printf(c, "\tid %s; %s", cleanup_queue_id(c), date.data);
	cleanup_printf(c, "Date: %s", date.data);
	cleanup_printf(c, "From: Mail Delivery System <MAILER-DAEMON@%s>",
	    conf_mail.myhostname);
	cleanup_printf(c, "To: Postmaster <%s>",
	    conf_mail.error_notice_recipient);
	cleanup_printf(c, "Subject: %s SMTP server: errors from %s",
	    conf_mail.mail_name, s->client.label);
	cleanup_printf(c, "%s", "");
	cleanup_printf(c, "Transcript of session follows.");
	cleanup_printf(c, "%s", "");
	cleanup_content(c, s->transcript.data, s->transcript.len);
	cleanup_printf(c, "%s", "");
	if (s->reason != NULL)
		cleanup_printf(c, "Session aborted, reason: %s", s->reason);
	cleanup_printf(c, "%s", "");
	cleanup_printf(c, "For other details, see the local mail logfile");
	buf_done(&date);
}

/* internal_mail_filter_classes = notify */
static unsigned
cleanup_flags(void)
{
	char	*list = mem_strdup(conf_mail.internal_mail_filter_classes);
	char	*next = list, *word;
	unsigned flags = CLEANUP_INTERNAL | CLEANUP_MAP |
	    CLEANUP_REWRITE_LOCAL;

	while ((word = text_word(&next, TEXT_LIST_SEP, false)) != NULL)
		if (text_eq_nocase(word, "notify"))
			flags |= CLEANUP_FILTER | CLEANUP_MILTER;
	mem_free(list);
	return flags;
}

void
notice_send(struct session *s)
{
	struct cleanup_client *c;
	enum cleanup_status    status;
	struct buf	       why = BUF_INIT;

	if (!(s->notices & smtpd_config.notices) || s->standalone)
		return;
	c = cleanup_open(cleanup_flags(), &status);
	if (c != NULL) {
		send_envelope(c);
		send_text(c, s);
		status = cleanup_end(c, &why);
	}
	if (status != CLEANUP_OK)
		log_warn("postmaster notice of errors from %s was not queued",
		    s->client.label);
	buf_done(&why);
}
