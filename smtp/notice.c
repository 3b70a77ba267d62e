#include "smtp/notice.h"

#include <string.h>

#include "conf/param.h"
#include "mail/cleanup_client.h"
#include "mail/envelope.h"
#include "smtp/session.h"
#include "smtp/settings.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

enum {
	TRANSCRIPT_MAX = 64 * 1024,	/* bytes: then nothing is added */
};

static bool wanted;

void
notice_init(void)
{
	char *copy = mem_strdup(conf_mail.notify_classes), *rest = copy, *word;

	while ((word = text_word(&rest, TEXT_LIST_SEP, false)) != NULL)
		wanted = wanted || text_eq_nocase(word, "protocol");
	mem_free(copy);
}

/* --- the transcript */

static void
add(struct session *s, const char *label, const char *line, size_t len)
{
	if (s->transcript.len > TRANSCRIPT_MAX)
		return;
	buf_adds(&s->transcript, label);
	text_printable(&s->transcript, line, len, true);
	buf_adds(&s->transcript, "\r\n");
}

void
notice_out(struct session *s, const char *text, size_t len)
{
	const char *end = text + len, *cr;

	for (; wanted && text < end; text = cr + 2) {
		cr = memmem(text, (size_t)(end - text), "\r\n", 2);
		if (cr == NULL)
			return;
		add(s, " Out: ", text, (size_t)(cr - text));
	}
}

void
notice_in(struct session *s, const char *line, size_t len)
{
	if (wanted)
		add(s, " In:  ", line, len);
}

void
notice_error(struct session *s)
{
	s->has_erred = true;
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
send_text(struct cleanup_client *c, const struct session *s)
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
	cleanup_printf(c, "Subject: %s %s client: errors from %s",
	    conf_mail.mail_name, settings.is_lmtp ? "LMTP" : "SMTP", s->relay);
	cleanup_printf(c, "%s", "");
	cleanup_printf(c, "Unexpected response from %s.", s->relay);
	cleanup_printf(c, "%s", "");
	cleanup_printf(c, "Transcript of session follows.");
	cleanup_printf(c, "%s", "");
	cleanup_content(c, s->transcript.data, s->transcript.len);
	cleanup_printf(c, "%s", "");
	cleanup_printf(c, "For other details, see the local mail logfile");
	buf_done(&date);
}

void
notice_send(struct session *s)
{
	struct cleanup_client *c;
	enum cleanup_status    status;
	struct buf	       why = BUF_INIT;

	if (!wanted || !s->has_erred)
		return;
	s->has_erred = false;
	c = cleanup_open(CLEANUP_INTERNAL | CLEANUP_MAP |
	    CLEANUP_REWRITE_LOCAL, &status);
	if (c != NULL) {
		send_envelope(c);
		send_text(c, s);
		status = cleanup_end(c, &why);
	}
	if (status != CLEANUP_OK)
		log_warn("postmaster notice of errors from %s was not queued",
		    s->relay);
	buf_done(&why);
}
