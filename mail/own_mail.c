#include "mail/own_mail.h"

#include <string.h>
#include <time.h>

#include "conf/param.h"
#include "mail/cleanup_client.h"
#include "mail/envelope.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

enum {
	LINE_WIDTH = 79,	/* bytes, of a folded transcript */
	INDENT = 5,
};

void
own_mail_envelope(struct cleanup_client *c, const char *sender,
    const struct recipient *to, unsigned flags, const char *encoding)
{
	struct envelope e;

	envelope_init(&e);
	e.queue_id = cleanup_queue_id(c);
	e.sender = sender;
	e.arrival_us = e.created_us = clock_wall_us();
	e.flags = ENV_NOTICE | ENV_LOCAL_ORIGIN | flags;
	if (encoding != NULL)
		envelope_set(&e, ATTR_ENCODING, encoding);
	envelope_set(&e, ATTR_LOG_MESSAGE_ORIGIN, "local");
	envelope_set(&e, ATTR_REWRITE_CONTEXT, "local");
	cleanup_envelope(c, &e);
	cleanup_rcpt(c, to);
	envelope_done(&e);
}

void
own_mail_received(struct buf *b, const char *queue_id)
{
	buf_addf(b, "Received: by %s (%s)\r\n\tid %s; ", conf_mail.myhostname,
	    conf_mail.mail_name, queue_id);
	clock_rfc_date(b, time(NULL));
	buf_adds(b, "\r\n");
}

/* --- notices */

static void
send_envelope(struct cleanup_client *c, const char *to)
{
	char	   *from = mem_printf("%s@%s", conf_mail.double_bounce_sender,
	    conf_mail.myhostname);

	own_mail_envelope(c, from, &(struct recipient){ .address = to,
	    .original = to, .orcpt = "", .status = RCPT_TODO }, 0, NULL);
	mem_free(from);
}

static void
send_head(struct cleanup_client *c, const struct own_mail_notice *n)
{
	struct buf b = BUF_INIT;

	own_mail_received(&b, cleanup_queue_id(c));
	buf_adds(&b, "Date: ");
	clock_rfc_date(&b, time(NULL));
	buf_addf(&b, "\r\nFrom: Mail Delivery System <MAILER-DAEMON@%s>\r\n",
	    conf_mail.myhostname);
	buf_addf(&b, "To: Postmaster <%s>\r\n",
	    conf_mail.error_notice_recipient);
	buf_addf(&b, "Subject: %s %s: errors from %s\r\n\r\n",
	    conf_mail.mail_name, n->who, n->about);
	cleanup_content(c, b.data, b.len);
	buf_done(&b);
}

/* Line by line: a long reply is easier to read folded. */
static void
send_transcript(struct cleanup_client *c, const struct buf *transcript)
{
	struct buf  folded = BUF_INIT, line = BUF_INIT;
	const char *p = transcript->data, *end;

	for (; *p != '\0'; p = end + 1) {
		end = strchrnul(p, '\n');
		buf_clear(&line);
		buf_add(&line, p, (size_t)(end - p) -
		    (end > p && end[-1] == '\r'));
		text_wrap(&folded, line.data, LINE_WIDTH, INDENT);
		if (*end == '\0')
			break;
	}
	cleanup_content(c, folded.data, folded.len);
	buf_done(&folded);
	buf_done(&line);
}

static void
send_text(struct cleanup_client *c, const struct own_mail_notice *n)
{
	if (n->first != NULL)
		cleanup_printf(c, "%s", n->first);
	cleanup_printf(c, "Transcript of session follows.\r\n");
	send_transcript(c, n->transcript);
	cleanup_printf(c, "%s", "");
	if (n->last != NULL)
		cleanup_printf(c, "%s", n->last);
	cleanup_printf(c, "For other details, see the local mail logfile");
}

void
own_mail_notice(const struct own_mail_notice *n)
{
	struct cleanup_client *c;
	enum cleanup_status    status;
	struct buf	       why = BUF_INIT;
	unsigned	       flags = CLEANUP_INTERNAL | CLEANUP_MAP |
	    CLEANUP_REWRITE_LOCAL;

	if (text_has_word(conf_mail.internal_mail_filter_classes, "notify"))
		flags |= CLEANUP_FILTER | CLEANUP_MILTER;
	c = cleanup_open(flags, &status);
	if (c != NULL) {
		send_envelope(c, n->to != NULL ? n->to :
		    conf_mail.error_notice_recipient);
		send_head(c, n);
		send_text(c, n);
		status = cleanup_end(c, &why);
	}
	if (status != CLEANUP_OK)
		log_warn("postmaster notice of errors from %s was not queued",
		    n->about);
	buf_done(&why);
}
