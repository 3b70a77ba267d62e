#include <stdarg.h>
#include <string.h>

#include "conf/param.h"
#include "mail/address.h"
#include "smtpd/auth.h"
#include "smtpd/footer.h"
#include "smtpd/notice.h"
#include "smtpd/reply.h"
#include "smtpd/session.h"
#include "util/log.h"
#include "util/stream.h"
#include "util/task.h"
#include "util/text.h"

/* Who makes many errors gets its answers late. */
static void
slow_down(struct session *s)
{
	if (s->errors < (unsigned)conf_smtpd.smtpd_soft_error_limit ||
	    conf_smtpd.smtpd_error_sleep_time <= 0)
		return;
	stream_flush(s->stream);
	task_sleep_ms((int64_t)conf_smtpd.smtpd_error_sleep_time * 1000);
}

/* soft_bounce: nothing is refused for good, and every line says so. */
static void
soften(struct buf *text)
{
	char *line = text->data;

	while (line != NULL && *line == '5') {
		*line = '4';
		if (strlen(line) > 6 && line[4] == '5' && line[5] == '.')
			line[4] = '4';
		line = strchr(line, '\n');
		line = line == NULL ? NULL : line + 1;
	}
}

/* s->text is the reply but for what sites add to refusals, and CRLF. */
static void
finish(struct session *s)
{
	struct buf *text = &s->text;

	if (text->len == 0)	/* HANGUP of an access table */
		return;
	if (conf_mail.soft_bounce)
		soften(text);
	if (text->data[0] >= '4') {
		footer_filter(text);
		footer_add(s, text);
	}
	buf_adds(text, "\r\n");
	slow_down(s);
	stream_write(s->stream, text->data, text->len);
	notice_out(s, text->data);
	if (text->data[0] >= '4' && memcmp(text->data + 1, "21", 2) == 0)
		s->hanging_up = s->said_no = true;
}

void
reply_clean(struct buf *text)
{
	for (size_t i = 0; i < text->len; i++) {
		unsigned char c = (unsigned char)text->data[i];

		if (c < ' ' || c == 0x7f ||
		    (c >= 0x80 && !conf_mail.smtputf8_enable))
			text->data[i] = ' ';
	}
}

void
reply(struct session *s, const char *fmt, ...)
{
	struct buf *text = &s->text;
	va_list	    ap;

	buf_clear(text);
	va_start(ap, fmt);
	buf_addv(text, fmt, ap);
	va_end(ap);

	/* what the client said, and what is quoted of it, stays one line */
	reply_clean(text);
	finish(s);
}

void
reply_relayed(struct session *s, const char *lines)
{
	const char *nl;

	buf_clear(&s->text);
	for (; (nl = strchr(lines, '\n')) != NULL; lines = nl + 1) {
		text_printable(&s->text, lines, (size_t)(nl - lines) -
		    (nl > lines && nl[-1] == '\r'), true);
		buf_adds(&s->text, "\r\n");
	}
	text_printable(&s->text, lines, strlen(lines), true);
	finish(s);
}

void
reply_lines(struct session *s, const char *code, const char *lines)
{
	const char *nl;

	buf_clear(&s->text);
	for (; *lines != '\0'; lines = nl + 1) {
		nl = strchr(lines, '\n');
		buf_addf(&s->text, "%s%c%.*s\r\n", code,
		    nl[1] == '\0' ? ' ' : '-', (int)(nl - lines), lines);
	}
	slow_down(s);
	stream_write(s->stream, s->text.data, s->text.len);
	notice_out(s, s->text.data);
}

static void
add_address(struct buf *b, const char *label, const char *internal)
{
	struct buf quoted = BUF_INIT;

	address_quote(&quoted, internal);
	buf_addf(b, " %s=<", label);
	text_printable(b, quoted.data, quoted.len, true);
	buf_addc(b, '>');
	buf_done(&quoted);
}

static void
add_mail_facts(struct buf *b, struct session *s, const char *rcpt)
{
	if (s->tr.has_sender)
		add_address(b, "from", s->tr.sender);
	if (rcpt != NULL)
		add_address(b, "to", rcpt);
	buf_addf(b, " proto=%s", s->protocol);
	if (s->helo != NULL)
		buf_addf(b, " helo=<%s>", s->helo);
	auth_add_log(s, b, " ");
}

void
log_answer(struct session *s, const char *action, const char *text)
{
	struct buf b = BUF_INIT;

	buf_addf(&b, "%s: %s: %s;", action, s->stage, text);
	add_mail_facts(&b, s, s->tr.first_rcpt);
	log_info("%s", b.data);
	buf_done(&b);
}

void
log_verdict(struct session *s, const char *action, const char *rcpt,
    const char *text)
{
	struct buf b = BUF_INIT;

	buf_addf(&b, "%s: %s: %s from %s: %s;", session_id(s), action,
	    s->stage, s->client.label, text);
	add_mail_facts(&b, s, rcpt);
	log_info("%s", b.data);
	buf_done(&b);
	if (text_eq(action, "reject"))
		notice_policy(s);
	s->milter_reply = text_eq(action, "milter-reject");
}
