/*
 *	greeting --> command <------------------------------+
 *	               |  DATA, after MAIL and RCPT         |
 *	               +-----------> content --- "." -------+
 *
 * A line ends with CRLF and nothing else, and so does the final dot: what a
 * client gets wrong there shall hang, not pass.  Answers keep the order of
 * commands, also when one is delayed.
 *
 * The content is looked through where it lies in the stream's buffer, and
 * copied only for a dump.
 */

#include "commands/smtp-sink/session.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <syslog.h>
#include <time.h>

#include "commands/smtp-sink/dump.h"
#include "commands/sink/sink.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/stream.h"
#include "util/task.h"
#include "util/text.h"

enum {
	COMMAND_MAX = 2048,	/* bytes, CRLF included */
	END_BYTES = 5,		/* CRLF "." CRLF */
};

#define SPACE " \t"

struct session {
	const struct options *opt;
	struct counters	*counters;
	struct stream	*client;
	const struct addr *addr;
	struct buf	 line, helo;
	const char	*protocol;	/* of the last HELO */
	bool		 has_helo, has_sender;
	int		 rcpt_count;
	bool		 done;
	bool		 has_quit;	/* and was told good-bye */
	struct dump	 dump;
};

static void
reply(struct session *s, const char *text)
{
	stream_puts(s->client, text);
	stream_write(s->client, "\r\n", 2);
}

static void
reset(struct session *s)
{
	s->has_sender = false;
	s->rcpt_count = 0;
	dump_cancel(&s->dump);
}

static void
count(struct session *s)
{
	const struct counters *c = s->counters;

	if (s->opt->count)
		sink_show("sess=%d quit=%d mesg=%d", c->sessions, c->quits,
		    c->messages);
}

enum { CLIENT_TEXT = ADDR_TEXT + 8 };

/* "192.0.2.1", "ipv6:2001:db8::1", or "local" */
static const char *
client_text(const struct session *s, char text[CLIENT_TEXT])
{
	bool  is_v6 = addr_family(s->addr) == AF_INET6;
	char *address = stpcpy(text, is_v6 ? "ipv6:" : "");

	if (is_v6 || addr_family(s->addr) == AF_INET)
		addr_text(s->addr, address);
	else
		strcpy(text, "local");
	return text;
}

/* --- what is written of a message */

/* What comes after "FROM:", or nothing. */
static const char *
without_label(const char *args)
{
	const char *colon = strchr(args, ':');

	return colon == NULL ? "" : colon + 1 + strspn(colon + 1, SPACE);
}

static void
dump_begin(struct session *s, const char *args)
{
	struct dump *d = &s->dump;
	char	     client[CLIENT_TEXT];

	dump_open(d, s->opt->dump, s->opt->dump_is_shared);
	dump_printf(d, "%sX-Client-Addr: %s\nX-Client-Proto: %s\n",
	    s->opt->dump_start.data, client_text(s, client), s->protocol);
	if (s->has_helo)
		dump_printf(d, "X-Helo-Args: %s\n", s->helo.data);
	dump_printf(d, "X-Mail-Args: %s\n", without_label(args));
}

static void
dump_received(struct session *s)
{
	struct dump *d = &s->dump;
	struct buf   date = BUF_INIT;
	char	     client[CLIENT_TEXT];

	client_text(s, client);
	clock_rfc_date(&date, time(NULL));
	if (s->has_helo)
		dump_printf(d, "Received: from %s", s->helo.data);
	else
		dump_printf(d, "Received: from [%s]", client);
	dump_printf(d, " ([%s])\n\tby %s (smtp-sink) with %s id %08x;\n\t%s\n",
	    client, s->opt->hostname, s->protocol, (unsigned)d->id, date.data);
	buf_done(&date);
}

/* --- commands that are obeyed */

static void
do_connect(struct session *s, const char *args)
{
	(void)args;
	if (s->opt->pix)
		reply(s, "220 ********");
	else
		stream_printf(s->client, "220 %s%s\r\n", s->opt->hostname,
		    s->opt->no_esmtp ? "" : " ESMTP");
}

static void
hello(struct session *s, const char *args, const char *protocol)
{
	reset(s);
	buf_set(&s->helo, args);
	s->has_helo = true;
	s->protocol = protocol;
}

static void
do_helo(struct session *s, const char *args)
{
	hello(s, args, "SMTP");
	stream_printf(s->client, "250 %s\r\n", s->opt->hostname);
}

static void
do_ehlo(struct session *s, const char *args)
{
	const struct options *o = s->opt;

	hello(s, args, o->lmtp ? "LMTP" : "ESMTP");
	stream_printf(s->client, "250-%s\r\n", o->hostname);
	if (!o->no_pipelining)
		reply(s, "250-PIPELINING");
	if (!o->no_8bitmime)
		reply(s, "250-8BITMIME");
	if (!o->no_auth)
		reply(s, "250-AUTH PLAIN LOGIN");
	if (!o->no_xclient)
		reply(s, "250-XCLIENT NAME HELO");
	if (!o->no_xforward)
		reply(s, "250-XFORWARD NAME ADDR PROTO HELO");
	if (!o->no_codes)
		reply(s, "250-ENHANCEDSTATUSCODES");
	if (!o->no_dsn)
		reply(s, "250-DSN");
	reply(s, "250 ");
}

static void
do_nothing(struct session *s, const char *args)
{
	(void)args;
	reply(s, "250 2.0.0 Ok");
}

static void
do_mail(struct session *s, const char *args)
{
	if (s->has_sender) {
		reply(s, "503 5.5.1 Error: nested MAIL command");
		return;
	}
	s->has_sender = true;
	reply(s, "250 2.1.0 Ok");
	if (s->opt->dump != NULL)
		dump_begin(s, args);
}

static void
do_rcpt(struct session *s, const char *args)
{
	if (!s->has_sender) {
		reply(s, "503 5.5.1 Error: need MAIL command");
		return;
	}
	s->rcpt_count++;
	reply(s, "250 2.1.5 Ok");
	if (s->dump.is_open)
		dump_printf(&s->dump, "X-Rcpt-Args: %s\n",
		    without_label(args));
}

static void
do_rset(struct session *s, const char *args)
{
	(void)args;
	reset(s);
	reply(s, "250 2.1.0 Ok");
}

static void
do_quit(struct session *s, const char *args)
{
	(void)args;
	reply(s, "221 Bye");
	s->done = s->has_quit = true;
}

/* LMTP has an answer for each recipient (RFC 2033 4.2). */
static void
reply_dot(struct session *s, const char *text)
{
	if (!s->opt->lmtp)
		reply(s, text);
	else
		for (int i = 0; i < s->rcpt_count; i++)
			reply(s, text);
	reset(s);
}

static void
do_dot(struct session *s, const char *args)
{
	(void)args;
	reply_dot(s, s->opt->lmtp ? "250 2.2.0 Ok" : "250 2.0.0 Ok");
}

/* --- the content */

/*
 * Looks for CRLF "." CRLF, of which *matched bytes have come before; at the
 * begin of the content the first two count as come.  The bytes that belong to
 * the message, `n` if its end is not there yet.
 */
static size_t
find_end(const char *p, size_t n, unsigned *matched)
{
	static const char end[] = "\r\n.\r\n";
	const char *cr;
	size_t	    i = 0;

	while (i < n && *matched < END_BYTES) {
		if (*matched == 0) {
			cr = memchr(p + i, '\r', n - i);
			if (cr == NULL)
				return n;
			i = (size_t)(cr - p);
		}
		if (p[i] == end[*matched])
			++*matched;
		else
			*matched = p[i] == '\r';
		i++;
	}
	return i;
}

static bool
read_content(struct session *s)
{
	unsigned    matched = 2;	/* as if after a line */
	const char *p;
	size_t	    n;

	while (matched < END_BYTES) {
		stream_set_deadline(s->client, s->opt->timeout);
		if ((p = stream_peek(s->client, &n)) == NULL)
			return false;
		n = find_end(p, n, &matched);
		if (s->dump.is_open)
			dump_content(&s->dump, p, n);
		stream_skip(s->client, n);
	}
	return true;
}

static void run(struct session *, enum verb, const char *word,
    const char *args);

static void
do_data(struct session *s, const char *args)
{
	(void)args;
	if (s->rcpt_count == 0) {
		reply(s, "503 5.5.1 Error: need RCPT command");
		return;
	}
	reply(s, "354 End data with <CR><LF>.<CR><LF>");
	if (s->dump.is_open)
		dump_received(s);
	if (s->opt->abort_data) {
		stream_flush(s->client);
		task_sleep_ms(s->opt->abort_delay * 1000LL);
		reply(s, "550 This violates SMTP");
		s->done = true;
		return;
	}
	if (s->opt->read_delay > 0) {
		stream_flush(s->client);
		task_sleep_ms(s->opt->read_delay * 1000LL);
	}
	if (!read_content(s))
		return;
	log_debug(".");
	dump_close(&s->dump);
	/* The client of the last message learns nothing, as ever. */
	s->counters->messages++;
	count(s);
	if (s->counters->messages == s->opt->messages_max)
		exit(0);
	run(s, VERB_DOT, ".", "");
}

/* --- what is done about a command */

static void (*const actions[VERB_COUNT])(struct session *, const char *args) = {
	[VERB_CONNECT] = do_connect,
	[VERB_HELO] = do_helo,
	[VERB_EHLO] = do_ehlo,
	[VERB_LHLO] = do_ehlo,
	[VERB_XCLIENT] = do_nothing,
	[VERB_XFORWARD] = do_nothing,
	[VERB_AUTH] = do_nothing,
	[VERB_MAIL] = do_mail,
	[VERB_RCPT] = do_rcpt,
	[VERB_VRFY] = do_nothing,
	[VERB_DATA] = do_data,
	[VERB_DOT] = do_dot,
	[VERB_RSET] = do_rset,
	[VERB_NOOP] = do_nothing,
	[VERB_QUIT] = do_quit,
};

/* As many delays as the dice say: another one for each throw below the odds. */
static void
wait_before(struct session *s, const struct verb_rule *rule)
{
	int64_t	 delays = 1;
	uint32_t dice;

	while (rule->odds > 0 &&
	    getrandom(&dice, sizeof dice, GRND_INSECURE) == sizeof dice &&
	    dice % 100 < (uint32_t)rule->odds)
		delays++;
	stream_flush(s->client);
	task_sleep_ms(delays * rule->delay * 1000);
}

static void
refuse(struct session *s, enum verb verb, const char *text)
{
	if (verb == VERB_DOT)
		reply_dot(s, text);
	else
		reply(s, text);
}

static void
run(struct session *s, enum verb verb, const char *word, const char *args)
{
	const struct verb_rule *rule = &s->opt->rules[verb];

	if (rule->log)
		syslog(LOG_INFO, "%s %s", word, args);
	if (rule->hang_up) {
		s->done = true;
	} else if (rule->say_goodbye) {
		reply(s, "421 4.0.0 Server closing connection");
		s->done = true;
	} else if (rule->refuse_hard) {
		refuse(s, verb, s->opt->hard_reply);
	} else if (rule->refuse_soft) {
		refuse(s, verb, s->opt->soft_reply);
	} else {
		if (rule->delay > 0)
			wait_before(s, rule);
		actions[verb](s, args);
	}
}

/* --- the conversation */

static bool
is_offered(const struct options *o, enum verb verb)
{
	switch (verb) {
	case VERB_CONNECT: return false;
	case VERB_HELO: return !o->lmtp;
	case VERB_EHLO: return !o->lmtp && !o->no_esmtp;
	case VERB_LHLO: return o->lmtp;
	case VERB_XCLIENT: return !o->no_xclient;
	case VERB_XFORWARD: return !o->no_xforward;
	default: return true;
	}
}

static void
obey(struct session *s)
{
	char  *word = s->line.data + strspn(s->line.data, SPACE), *args;
	size_t len = strcspn(word, SPACE);

	args = word + len;
	if (*args != '\0')
		*args++ = '\0';
	args += strspn(args, SPACE);
	if (len == 0) {
		reply(s, "500 5.5.2 Error: unknown command");
		return;
	}
	for (int i = 0; i < VERB_COUNT; i++)
		if (text_eq_nocase(word, verb_names[i]) &&
		    is_offered(s->opt, (enum verb)i)) {
			run(s, (enum verb)i, word, args);
			return;
		}
	reply(s, "500 5.5.1 Error: unknown command");
}

/* Commands are shown, logged and written to files. */
static void
make_printable(char *p, size_t n)
{
	for (; n > 0; n--, p++)
		if (((signed char)*p < ' ' && *p != '\t') || *p == '\177')
			*p = '?';
}

/* A line into `line`, without its CRLF; false at the end of the session. */
static bool
read_command(struct session *s)
{
	const char *p, *end;
	size_t	    n;

	stream_set_deadline(s->client, s->opt->timeout);
	p = stream_peek(s->client, &n);
	while (p != NULL && (end = memmem(p, n, "\r\n", 2)) == NULL &&
	    n < COMMAND_MAX)
		p = stream_peek_more(s->client, n, &n);
	if (p == NULL)
		return false;
	if (end == NULL || end - p > COMMAND_MAX - 2) {
		log_warn("command line too long");
		return false;
	}
	buf_clear(&s->line);
	buf_add(&s->line, p, (size_t)(end - p));
	make_printable(s->line.data, s->line.len);
	stream_skip(s->client, (size_t)(end - p) + 2);
	return true;
}

static void
converse(struct session *s)
{
	stream_set_deadline(s->client, s->opt->timeout);
	run(s, VERB_CONNECT, verb_names[VERB_CONNECT], "");
	while (!s->done && read_command(s)) {
		log_debug("%s", s->line.data);
		obey(s);
	}
	stream_set_deadline(s->client, s->opt->timeout);
	stream_flush(s->client);
	if (stream_timed_out(s->client))
		log_warn("read timeout");
}

void
session_serve(const struct options *opt, struct counters *counters, int fd,
    const struct addr *client)
{
	struct session s = {
		.opt = opt,
		.counters = counters,
		.client = stream_open_socket(fd, addr_family(client)),
		.addr = client,
		.line = BUF_INIT,
		.helo = BUF_INIT,
		.protocol = opt->lmtp ? "LMTP" : "SMTP",
		.dump = DUMP_INIT,
	};

	converse(&s);
	stream_close(s.client);
	log_debug("disconnect");
	counters->sessions++;
	counters->quits += s.has_quit;
	count(&s);
	if (s.has_quit && counters->quits == opt->quits_max)
		exit(0);
	buf_done(&s.line);
	buf_done(&s.helo);
	dump_done(&s.dump);
}
