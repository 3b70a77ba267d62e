#include <stdarg.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/param.h"
#include "mail/address.h"
#include "mail/why.h"
#include "smtpd/auth.h"
#include "smtpd/notice.h"
#include "smtpd/reply.h"
#include "smtpd/session.h"
#include "util/log.h"
#include "util/stream.h"
#include "util/task.h"
#include "util/text.h"

/* $name in smtpd_reject_footer: facts of the session, then parameters. */
static const char *
footer_value(void *arg, const char *name)
{
	const struct session *s = arg;
	const struct {
		const char *name, *value;
	} facts[] = {
		{ "client_address", s->client.ip },
		{ "client_name", s->client.name },
		{ "helo_name", s->helo },
		{ "sender", s->tr.has_sender ? s->tr.sender : NULL },
		{ "recipient", s->tr.first_rcpt },
	};

	for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
		if (text_eq(name, facts[i].name))
			return facts[i].value != NULL ? facts[i].value : "";
	return conf_text(name);
}

/*
 * "\c" at the beginning continues the last line; otherwise the footer's
 * lines follow with the same codes as the reply, of which `codes` bytes are
 * the codes and the space behind them.
 */
static void
add_footer(struct session *s, size_t codes)
{
	struct buf  text = BUF_INIT;
	const char *why, *p, *end;

	if (!conf_expand(&text, conf_smtpd.smtpd_reject_footer, footer_value,
	    s, &why)) {
		log_warn("smtpd_reject_footer: %s", why);
		buf_done(&text);
		return;
	}
	p = text.data;
	if (text_starts(p, "\\c")) {
		end = strstr(p += 2, "\\n");
		buf_add(&s->text, p, end ? (size_t)(end - p) : strlen(p));
		p = end != NULL ? end + 2 : NULL;
	}
	for (; p != NULL; p = end != NULL ? end + 2 : NULL) {
		size_t last = s->text.len;

		while (last > 0 && s->text.data[last - 1] != '\n')
			last--;
		s->text.data[last + 3] = '-';
		buf_adds(&s->text, "\r\n");
		end = strstr(p, "\\n");
		buf_add(&s->text, s->text.data, codes);
		s->text.data[s->text.len - codes + 3] = ' ';
		buf_add(&s->text, p, end ? (size_t)(end - p) : strlen(p));
	}
	buf_done(&text);
}

static size_t
codes_len(const char *text)
{
	char   dsn[12];
	size_t n = strlen(text);

	if (n < 4)
		return n;
	n = dsn_parse(text + 4, dsn);
	return n > 0 ? 4 + n + 1 : 4;
}

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
	for (size_t i = 0; i < text->len; i++)
		if ((unsigned char)text->data[i] < ' ' || text->data[i] == 0x7f)
			text->data[i] = ' ';
	if (text->data[0] >= '4' && *conf_smtpd.smtpd_reject_footer != '\0')
		add_footer(s, codes_len(text->data));
	buf_adds(text, "\r\n");
	slow_down(s);
	stream_write(s->stream, text->data, text->len);
	notice_out(s, text->data);

	if (text->data[0] >= '4' && memcmp(text->data + 1, "21", 2) == 0)
		s->hanging_up = true;
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

void
log_verdict(struct session *s, const char *action, const char *rcpt,
    const char *text)
{
	struct buf b = BUF_INIT;

	buf_addf(&b, "%s: %s: %s from %s: %s;", session_id(s), action,
	    s->stage, s->client.label, text);
	if (s->tr.has_sender)
		add_address(&b, "from", s->tr.sender);
	if (rcpt != NULL)
		add_address(&b, "to", rcpt);
	buf_addf(&b, " proto=%s", s->protocol);
	if (s->helo != NULL)
		buf_addf(&b, " helo=<%s>", s->helo);
	auth_add_log(s, &b, " ");
	log_info("%s", b.data);
	buf_done(&b);
	if (text_eq(action, "reject"))
		notice_policy(s);
}
