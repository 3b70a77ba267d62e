#include "smtpd/prefilter.h"

#include <string.h>
#include <strings.h>

#include "conf/param.h"
#include "mail/spool.h"
#include "smtpd/config.h"
#include "smtpd/message.h"
#include "smtpd/session.h"
#include "smtpd/xforward.h"
#include "table/ask.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/stream.h"
#include "util/text.h"

enum {
	LINE_LIMIT = 2048,	/* bytes of a reply's line */
	LINES_MAX = 100,
	COMMAND_MAX = 510,	/* bytes, RFC 5321 4.5.3.1.4 */
};

#define TROUBLE "451 4.3.0 Error: queue file write error"

/* What a filter may be told of the client, as it says in EHLO. */
enum fact {
	FACT_NAME, FACT_ADDR, FACT_PORT, FACT_HELO, FACT_IDENT, FACT_PROTO,
	FACT_SOURCE, FACT_COUNT
};

static const char *const fact_names[FACT_COUNT] = {
	"NAME", "ADDR", "PORT", "HELO", "IDENT", "PROTO", "SOURCE",
};

struct prefilter {
	struct session	*s;
	const char	*where;
	struct stream	*stream;	/* NULL: not connected, or gone */
	struct buf	 reply;		/* the last, lines joined with "\n" */
	unsigned	 facts;		/* bits of enum fact */
	bool		 in_line;	/* of the content */

	/* speed_adjust */
	bool		 later;
	struct buf	 commands;	/* each with NUL */
	struct spool	 spool;		/* the content */
};

bool
prefilter_is_used(const struct session *s)
{
	return *conf_smtpd.smtpd_proxy_filter != '\0' && !s->standalone;
}

/* --- talking */

/* The filter's trouble is in the log; no postmaster is told of it. */
static void
set_trouble(struct prefilter *f)
{
	buf_set(&f->reply, TROUBLE);
	f->s->quiet_reply = true;
}

static void
hang_up(struct prefilter *f)
{
	stream_abort(f->stream);
	f->stream = NULL;
	set_trouble(f);
}

static void
lose(struct prefilter *f)
{
	if (stream_timed_out(f->stream))
		log_warn("timeout talking to proxy %s", f->where);
	else
		log_warn("lost connection with proxy %s", f->where);
	hang_up(f);
}

static bool
is_code(const char *line)
{
	return strlen(line) >= 3 && *line >= '2' && *line <= '5' &&
	    strspn(line, "0123456789") == 3 &&
	    (line[3] == ' ' || line[3] == '-' || line[3] == '\0');
}

/* Its first digit; 0 when there is no reply, and then `stream` is gone. */
static char
read_reply(struct prefilter *f)
{
	struct buf line = BUF_INIT;
	int	   n = 0;
	enum line  got;
	char	   first = 0;

	buf_clear(&f->reply);
	stream_set_deadline(f->stream, conf_smtpd.smtpd_proxy_timeout);
	do {
		got = stream_get_line(f->stream, &line, LINE_LIMIT);
		if (got != LINE_OK || !is_code(line.data) || ++n > LINES_MAX)
			break;
		if (f->reply.len > 0)
			buf_addc(&f->reply, '\n');
		buf_add(&f->reply, line.data, line.len);
		if (line.data[3] != '-')
			first = line.data[0];
	} while (first == 0);
	if (got == LINE_NONE) {
		lose(f);
	} else if (first == 0) {
		log_warn("proxy %s: no reply of SMTP: \"%.100s\"", f->where,
		    line.data);
		hang_up(f);
	}
	buf_done(&line);
	return first;
}

/* CRLF between lines, as they came, is two '?' for readers of logs. */
static void
show(struct buf *b, const char *reply)
{
	for (; *reply != '\0'; reply++)
		if (*reply == '\n')
			buf_adds(b, "??");
		else
			buf_addc(b, *reply);
}

/* Complains unless the reply is of the kind that is wanted.  What is neither
 * that nor a refusal is of no use to the client. */
static bool
expect(struct prefilter *f, char want, const char *command)
{
	struct buf shown = BUF_INIT;
	char	   got = read_reply(f);

	if (got == want || got == 0)
		return got == want;
	show(&shown, f->reply.data);
	log_warn("proxy %s rejected \"%s\": \"%s\"", f->where, command,
	    shown.data);
	buf_done(&shown);
	if (got != '4' && got != '5')
		set_trouble(f);
	return false;
}

static bool
say(struct prefilter *f, char want, const char *command)
{
	if (f->stream == NULL)
		return false;
	stream_puts(f->stream, command);
	stream_puts(f->stream, "\r\n");
	return expect(f, want, command);
}

/* --- beginning */

/* "250-XFORWARD NAME ADDR ..." */
static void
find_facts(struct prefilter *f)
{
	const char *line = f->reply.data, *word;

	for (; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strlen(line) > 4 &&
		    strncasecmp(line + 4, "XFORWARD ", 9) == 0)
			break;
	}
	if (line == NULL)
		return;
	for (word = line + 13; *word != '\0' && *word != '\n';
	    word += strspn(word, " ")) {
		size_t n = strcspn(word, " \n");

		for (int i = 0; i < FACT_COUNT; i++)
			if (str_is_nocase((struct str){ word, n },
			    fact_names[i]))
				f->facts |= 1u << i;
		word += n;
	}
}

static const char *
known(const char *value)
{
	return *value == '\0' || text_eq(value, "unknown") ? NULL : value;
}

static void
add_fact(struct buf *b, const struct forwarded *w, enum fact fact, bool local)
{
	const char *values[FACT_COUNT] = {
		[FACT_NAME] = known(w->name), [FACT_ADDR] = known(w->ip),
		[FACT_PORT] = known(w->port), [FACT_HELO] = known(w->helo),
		[FACT_IDENT] = known(w->ident),
		[FACT_PROTO] = known(w->protocol),
		[FACT_SOURCE] = local ? "LOCAL" : "REMOTE",
	};
	const char *v = values[fact];

	buf_addf(b, " %s=", fact_names[fact]);
	if (v == NULL) {
		buf_adds(b, "[UNAVAILABLE]");
		return;
	}
	if (fact == FACT_ADDR && strchr(v, ':') != NULL)
		buf_adds(b, "IPV6:");
	text_xtext(b, v, strlen(v));
}

/* As many commands as their length asks for. */
static bool
forward_facts(struct prefilter *f)
{
	struct forwarded w;
	struct buf	 command = BUF_INIT, one = BUF_INIT;
	bool		 ok = true, local = message_is_local(f->s);

	xforward_facts(f->s, &w);
	for (int i = 0; i < FACT_COUNT && ok; i++) {
		if (!(f->facts & 1u << i))
			continue;
		buf_clear(&one);
		add_fact(&one, &w, (enum fact)i, local);
		if (command.len > 0 && command.len + one.len > COMMAND_MAX) {
			ok = say(f, '2', command.data);
			buf_clear(&command);
		}
		if (command.len == 0)
			buf_adds(&command, "XFORWARD");
		buf_add(&command, one.data, one.len);
	}
	if (ok && command.len > 0)
		ok = say(f, '2', command.data);
	buf_done(&command);
	buf_done(&one);
	return ok;
}

/* Refusals up to here are not for the client. */
static bool
greet(struct prefilter *f)
{
	char *ehlo = mem_printf("EHLO %s", conf_smtpd.smtpd_proxy_ehlo);
	bool  ok = expect(f, '2', "connection request") && say(f, '2', ehlo);

	mem_free(ehlo);
	if (ok) {
		find_facts(f);
		ok = forward_facts(f);
	}
	if (!ok)
		set_trouble(f);
	return ok;
}

static bool
start(struct prefilter *f)
{
	int fd = ask_connect(f->where, NULL,
	    clock_in(conf_smtpd.smtpd_proxy_timeout));

	if (fd < 0) {
		log_warn("connect to proxy filter %s: %m", f->where);
		buf_set(&f->reply, TROUBLE);
		return false;
	}
	f->stream = stream_open(fd);
	stream_set_deadline(f->stream, conf_smtpd.smtpd_proxy_timeout);
	return greet(f);
}

/* --- later */

static void
keep_command(struct prefilter *f, const char *command)
{
	buf_add(&f->commands, command, strlen(command) + 1);
}

/* MAIL, RCPT ..., DATA */
static bool
replay(struct prefilter *f)
{
	const char *command = f->commands.data;
	const char *end = command + f->commands.len;

	if (f->spool.error != 0) {
		log_warn("temporary file for the proxy filter: %s",
		    strerror(f->spool.error));
		buf_set(&f->reply, TROUBLE);
		return false;
	}
	if (!start(f))
		return false;
	for (; command < end; command += strlen(command) + 1)
		if (!say(f, text_eq(command, "DATA") ? '3' : '2', command))
			return false;
	stream_set_deadline(f->stream, conf_smtpd.smtpd_proxy_timeout);
	return spool_send(&f->spool, f->stream);
}

/* --- in step with the client */

struct prefilter *
prefilter_open(struct session *s, const char *mail, struct buf *ret_no)
{
	struct prefilter *f = NEW(struct prefilter);
	bool		  ok;

	f->s = s;
	f->where = conf_smtpd.smtpd_proxy_filter;
	f->reply = f->commands = (struct buf)BUF_INIT;
	f->spool = (struct spool)SPOOL_INIT;
	f->later = smtpd_config.proxy_speed_adjust;
	if (f->later)
		keep_command(f, mail);
	ok = f->later || (start(f) && say(f, '2', mail));
	if (ok)
		return f;
	buf_set(ret_no, f->reply.data);
	prefilter_close(f);
	return NULL;
}

bool
prefilter_rcpt(struct prefilter *f, const char *command, struct buf *ret_no)
{
	if (f->later) {
		keep_command(f, command);
		return true;
	}
	if (say(f, '2', command))
		return true;
	buf_set(ret_no, f->reply.data);
	return false;
}

bool
prefilter_data(struct prefilter *f, struct buf *ret_no)
{
	if (f->later) {
		keep_command(f, "DATA");
		return true;
	}
	if (say(f, '3', "DATA"))
		return true;
	buf_set(ret_no, f->reply.data);
	return false;
}

static void
put(struct prefilter *f, const char *p, size_t n)
{
	if (!f->later) {
		if (f->stream != NULL)
			stream_write(f->stream, p, n);
		return;
	}
	spool_add(&f->spool, p, n);
}

void
prefilter_content(struct prefilter *f, const void *bytes, size_t len)
{
	const char *p = bytes, *end = p + len, *lf;

	if (f->stream != NULL)
		stream_set_deadline(f->stream, conf_smtpd.smtpd_proxy_timeout);
	while (p < end) {
		if (!f->in_line && *p == '.')
			put(f, ".", 1);
		lf = memchr(p, '\n', (size_t)(end - p));
		f->in_line = lf == NULL;
		lf = lf != NULL ? lf + 1 : end;
		put(f, p, (size_t)(lf - p));
		p = lf;
	}
}

bool
prefilter_end(struct prefilter *f, struct buf *ret_reply)
{
	bool ok = !f->later || replay(f);

	if (ok && f->stream == NULL) {
		buf_set(&f->reply, TROUBLE);
		ok = false;
	}
	if (ok) {
		stream_puts(f->stream, ".\r\n");
		switch (read_reply(f)) {
		case '2':
			break;
		case '3':
			buf_set(&f->reply, TROUBLE);
			/* FALLTHROUGH */
		default:
			ok = false;
		}
	}
	buf_set(ret_reply, f->reply.data);
	return ok;
}

void
prefilter_close(struct prefilter *f)
{
	if (f == NULL)
		return;
	if (f->stream != NULL) {
		stream_set_deadline(f->stream, conf_smtpd.smtpd_proxy_timeout);
		stream_puts(f->stream, "QUIT\r\n");
		stream_close(f->stream);
	}
	buf_done(&f->reply);
	buf_done(&f->commands);
	spool_done(&f->spool);
	mem_free(f);
}
