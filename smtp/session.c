#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "smtp/notice.h"
#include "smtp/quirks.h"
#include "smtp/session.h"
#include "smtp/settings.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/stream.h"

void
session_rename(struct session *s, const char *host)
{
	char text[ADDR_TEXT];

	mem_free(s->host);
	mem_free(s->namaddr);
	mem_free(s->relay);
	s->host = mem_strdup(host);
	if (addr_family(&s->addr) == AF_UNIX) {
		const struct sockaddr_un *un = (const void *)&s->addr.sa;

		s->namaddr = mem_printf("%s[%.*s]", host,
		    (int)sizeof un->sun_path, un->sun_path);
		s->relay = mem_strdup(s->namaddr);
		return;
	}
	addr_text(&s->addr, text);
	s->namaddr = mem_printf("%s[%s]", host, text);
	s->relay = mem_printf("%s:%u", s->namaddr,
	    (unsigned)addr_port(&s->addr));
}

struct session *
session_new(int fd, const struct addr *addr, const char *host)
{
	struct session *s = NEW(struct session);

	s->stream = stream_open_socket(fd, addr_family(addr));
	s->addr = *addr;
	s->reply = (struct reply)REPLY_INIT;
	s->line = s->transcript = (struct buf)BUF_INIT;
	s->use_count = 1;
	s->expires = clock_in(settings.connection_reuse_time_limit);
	list_init(&s->by_age);
	list_init(&s->by_addr);
	session_rename(s, host);
	return s;
}

void
session_free(struct session *s)
{
	if (s == NULL)
		return;
	notice_send(s);
	stream_abort(s->stream);
	buf_done(&s->transcript);
	reply_done(&s->reply);
	buf_done(&s->line);
	mem_free(s->host);
	mem_free(s->namaddr);
	mem_free(s->relay);
	mem_free(s->policy);
	mem_free(s->auth_mechs);
	mem_free(s->login);
	mem_free(s);
}

void
session_say(struct session *s, const char *text, size_t len)
{
	notice_out(s, text, len);
	stream_write(s->stream, text, len);
}

void
session_says(struct session *s, const char *text)
{
	session_say(s, text, strlen(text));
}

void
session_quit(struct session *s)
{
	struct why why = WHY_INIT;

	if (stream_failed(s->stream) == NULL) {
		stream_set_deadline(s->stream, settings.quit_timeout);
		session_says(s, "QUIT\r\n");
		if (stream_flush(s->stream) && !settings.skip_quit_response)
			session_reply(s, settings.quit_timeout,
			    "sending QUIT command", NULL, &why);
	}
	why_done(&why);
	session_free(s);
}

/* Before PIPELINING is agreed on it does no harm: the next line may be a reply
 * to the same command. */
static void
junk_line(struct session *s)
{
	struct buf  shown = BUF_INIT;
	const char *address;

	notice_error(s);
	if ((s->features & FEATURE_PIPELINING) == 0)
		return;
	buf_add(&shown, s->line.data, s->line.len < 100 ? s->line.len : 100);
	for (char *p = shown.data; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 127)
			*p = '?';
	log_warn("%s: non-%s response from %s: %s", s->queue_id,
	    settings.is_lmtp ? "LMTP" : "ESMTP", s->relay, shown.data);
	address = s->namaddr + strcspn(s->namaddr, "[") + 1;
	log_warn("to prevent loss of mail, turn off command pipelining "
	    "for %.*s with the %s_discard_%s_keyword_address_maps "
	    "parameter", (int)strcspn(address, "]"), address,
	    settings.prefix, settings.is_lmtp ? "lhlo" : "ehlo");
	buf_done(&shown);
}

/* What is cut off is told; of a reply of several lines once. */
static void
check_length(const struct session *s, size_t *total)
{
	size_t len = s->line.len, before = *total;

	*total += len;
	if (len >= REPLY_LINE_MAX)
		log_warn("%s: response longer than %d: %.30s...", s->relay,
		    REPLY_LINE_MAX, s->line.data);
	if (before > 0 && *total > REPLY_LINE_MAX &&
	    (before <= REPLY_LINE_MAX || s->reply.lines == 2))
		log_warn("%s: multi-line response longer than %d %.30s...",
		    s->relay, REPLY_LINE_MAX, s->reply.text.data);
}

/* The rest of an over-long line is of no interest but must go. */
static enum line
read_line(struct session *s)
{
	enum line  got;
	struct buf rest = BUF_INIT;
	int	   pieces = 0;

	got = stream_get_line(s->stream, &s->line, REPLY_LINE_MAX);
	while (got == LINE_TOO_LONG && pieces++ < REPLY_LINES_MAX)
		got = stream_get_line(s->stream, &rest, REPLY_LINE_MAX);
	buf_done(&rest);
	if (got == LINE_TOO_LONG)
		stream_fail(s->stream, "endless reply line");
	return got;
}

void
session_local_trouble(const struct session *s, struct why *why)
{
	why_set(why, "4.3.0", "local data error while talking to %s",
	    s->namaddr);
}

bool
session_reply(struct session *s, int seconds, const char *doing,
    struct buf *lines, struct why *why)
{
	enum reply_line kind;
	size_t		total = 0;

	reply_begin(&s->reply);
	stream_set_deadline(s->stream, seconds);
	do {
		if (read_line(s) != LINE_OK) {
			session_lost(s, doing, why);
			return false;
		}
		if (!quirks_filter_reply(s, &s->line)) {
			session_local_trouble(s, why);
			stream_fail(s->stream, "local data error");
			return false;
		}
		notice_in(s, s->line.data, s->line.len);
		kind = reply_add_line(&s->reply, s->line.data, s->line.len);
		check_length(s, &total);
		if (kind == REPLY_JUNK)
			junk_line(s);
		else if (lines != NULL && lines->len < REPLY_TEXT_MAX)
			buf_addf(lines, "%s\n",
			    reply_line_text(s->line.data, s->line.len));
		if (s->reply.lines > REPLY_LINES_MAX)
			stream_fail(s->stream, "endless reply");
	} while (kind != REPLY_LAST);
	return true;
}

void
session_lost(const struct session *s, const char *doing, struct why *why)
{
	if (stream_timed_out(s->stream))
		why_set(why, "4.4.2", "conversation with %s timed out while %s",
		    s->namaddr, doing);
	else
		why_set(why, "4.4.2", "lost connection with %s while %s",
		    s->namaddr, doing);
}

/* RFC 5321 4.2.1: x0z is about what we said, and so is 555. */
static bool
is_about_protocol(int code)
{
	return code < 400 || code > 599 || code == 555 || code / 10 == 50;
}

/* A code that fits no refusal, such as 250 to DATA, is beyond repair. */
void
session_refused(struct session *s, const char *verb,
    const char *command, struct why *why)
{
	const struct reply *r = &s->reply;
	bool proper = r->dsn[0] == '4' || r->dsn[0] == '5';
	struct buf text = BUF_INIT;

	if (is_about_protocol(r->code))
		notice_error(s);
	if (!proper)
		buf_adds(&text, "Protocol error: ");
	buf_addf(&text, "host %s %s: %s", s->namaddr, verb, r->text.data);
	if (command != NULL)
		buf_addf(&text, " (in reply to %s)", command);
	why_set(why, proper ? r->dsn : "5.5.0", "%s", text.data);
	buf_set(&why->remote_mta, s->host);
	buf_set(&why->diag_type, "smtp");
	buf_set(&why->diag_text, r->text.data);
	buf_done(&text);
}
