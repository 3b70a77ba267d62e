/*
 * smtp-source - send many messages to a server, to see what it bears
 *
 * For anybody; without privilege, and no main.cf is read.  Sessions are tasks
 * that speak SMTP or LMTP with one server, command by command without
 * pipelining, so that a server's cost per message can be compared.  What is the
 * same in all messages is made once.
 *
 * Ends with 0 when all messages were sent; with 1 at the first reply that is
 * not the one that was hoped for (-A: goes on), or when a connection fails.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "commands/source/load.h"
#include "net/connect.h"
#include "server/command.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/stream.h"

enum {
	LINE_BYTES = 8 * 1024,	/* of a reply */
	REPLY_LINES = 100,
	BODY_LINE = 80,		/* with its CRLF */
};

static struct {
	struct load	 load;
	bool		 go_on;			/* -A */
	bool		 stay_connected;	/* -d */
	bool		 lmtp;			/* -L */
	bool		 number_recipients;	/* -N */
	bool		 old;			/* -o */
	const char	*file, *subject;
} opt;

/* What goes over the wire, made once. */
static struct {
	struct buf	 hello, mail, rcpt;	/* commands */
	struct buf	 body;		/* with the dot at its end */
	struct buf	 header;	/* up to the Date ... */
	time_t		 header_time;	/* ... which is this */
	unsigned	 pid;
	unsigned	 recipients;	/* numbered so far */
} text = {
	.hello = BUF_INIT, .mail = BUF_INIT, .rcpt = BUF_INIT,
	.body = BUF_INIT, .header = BUF_INIT,
};

struct session {
	struct stream	*server;	/* NULL: not connected */
	struct buf	 line;
	struct buf	 reply;		/* its text, lines joined by LF */
	int		 code;		/* 0: was no SMTP reply */
	int		 accepted;	/* recipients */
};

/* --- the conversation */

/* Adds the line to the reply; true if more belongs to it.  What is amiss is
 * shown whole. */
static bool
take_line(struct session *s)
{
	const char *p = s->line.data;
	bool	    has_code = strspn(p, "0123456789") == 3, more = false;

	log_debug("<<< %s", p);
	s->code = has_code ? atoi(p) : 0;
	if (has_code) {
		p += 3;
		more = *p == '-';
		if (*p == ' ' || more)
			p++;
	}
	if (s->reply.len > 0)
		buf_addc(&s->reply, '\n');
	buf_adds(&s->reply, p);
	return more;
}

static void
read_reply(struct session *s, const char *doing)
{
	int lines = 0;

	buf_clear(&s->reply);
	load_wait(s->server);
	do {
		enum line got = stream_get_line(s->server, &s->line,
		    LINE_BYTES);

		load_check(s->server, doing);
		if (got == LINE_TOO_LONG || ++lines > REPLY_LINES)
			fatalx("too long a reply while %s", doing);
	} while (take_line(s));
}

/* Is the reply of that class, 2 or 3?  If not, that's the end without -A. */
static bool
expect(struct session *s, int class, const char *doing, const char *complaint)
{
	read_reply(s, doing);
	if (s->code / 100 == class)
		return true;
	if (!opt.go_on)
		fatalx("%s: %d %s", complaint, s->code, s->reply.data);
	log_warn("%s: %d %s", complaint, s->code, s->reply.data);
	return false;
}

/* `line` has its CRLF. */
static void
command(struct session *s, const char *line, size_t len)
{
	log_debug("%.*s", (int)len - 2, line);
	stream_write(s->server, line, len);
}

#define COMMAND(s, literal) command((s), literal, sizeof(literal) - 1)

static void
hello(struct session *s)
{
	s->server = load_connect();
	expect(s, 2, "reading server greeting", "rejected at server banner");
	if (opt.old)
		return;
	command(s, text.hello.data, text.hello.len);
	if (opt.lmtp)
		expect(s, 2, "sending LHLO", "LHLO rejected");
	else
		expect(s, 2, "sending HELO", "HELO rejected");
}

/* The last of several recipients has no number, unless all have their own. */
static void
send_rcpt(struct session *s, int left)
{
	unsigned number = (unsigned)left;

	if (opt.number_recipients)
		number = ++text.recipients;
	if (number == 1 && !opt.number_recipients) {
		command(s, text.rcpt.data, text.rcpt.len);
		return;
	}
	buf_clear(&s->line);
	buf_addf(&s->line, "RCPT TO:<%u%s>\r\n", number, opt.load.to);
	command(s, s->line.data, s->line.len);
}

/* Up to the server's consent to DATA. */
static bool
envelope(struct session *s)
{
	command(s, text.mail.data, text.mail.len);
	if (!expect(s, 2, "sending sender", "sender rejected"))
		return false;
	s->accepted = 0;
	for (int left = opt.load.recipients; left > 0; left--) {
		send_rcpt(s, left);
		if (expect(s, 2, "sending recipient", "recipient rejected"))
			s->accepted++;
	}
	if (s->accepted == 0)
		return false;
	COMMAND(s, "DATA\r\n");
	return expect(s, 3, "sending DATA command", "data rejected");
}

static void
send_header(struct session *s, int number)
{
	time_t now = time(NULL);

	if (now != text.header_time) {
		buf_clear(&text.header);
		load_header(&text.header, "\r\n");
		text.header_time = now;
	}
	stream_write(s->server, text.header.data, text.header.len);
	stream_printf(s->server, "Message-Id: <%04x.%08x.%04x@%s>\r\n",
	    text.pid, (unsigned)now, (unsigned)number,
	    opt.load.host);
	if (opt.subject != NULL)
		stream_printf(s->server, "Subject: %s\r\n", opt.subject);
	stream_write(s->server, "\r\n", 2);
}

static void
content(struct session *s, int number)
{
	if (!opt.old && opt.file == NULL)
		send_header(s, number);
	load_write(s->server, &text.body);
	log_debug(".");
	for (int i = opt.lmtp ? s->accepted : 1; i > 0; i--)
		expect(s, 2, "sending message", "end of data rejected");
	load_count();
}

static void
quit(struct session *s)
{
	COMMAND(s, "QUIT\r\n");
	read_reply(s, "sending message");
	stream_close(s->server);
	s->server = NULL;
}

static void
session(void *arg)
{
	struct session s = { .line = BUF_INIT, .reply = BUF_INIT };
	int	       number = 0;

	(void)arg;
	while (load_next(&number)) {
		if (s.server == NULL)
			hello(&s);
		if (envelope(&s)) {
			content(&s, number);
		} else {
			COMMAND(&s, "RSET\r\n");
			expect(&s, 2, "sending message", "rset rejected");
		}
		if (!opt.stay_connected)
			quit(&s);
	}
	if (s.server != NULL)
		quit(&s);
	buf_done(&s.line);
	buf_done(&s.reply);
	load_end();
}

/* --- what to send */

/* -l: that many bytes; the last line gets its CRLF from the dot's. */
static void
make_body(struct buf *b, int length)
{
	char line[BODY_LINE];
	int  left = length;

	memset(line, 'X', sizeof line);
	memcpy(line + BODY_LINE - 2, "\r\n", 2);
	for (int i = 1; left > BODY_LINE; i++, left -= BODY_LINE) {
		line[0] = (char)('0' + i % 10);
		buf_add(b, line, BODY_LINE);
	}
	memset(line, 'X', sizeof line);
	buf_add(b, line, (size_t)left);
	buf_adds(b, "\r\n.\r\n");
}

/* -F: dots are doubled, lines get CRLF, and an empty one follows. */
static void
read_body(struct buf *b, const char *path)
{
	FILE   *f = fopen(path, "re");
	char   *line = NULL;
	size_t	size = 0;
	ssize_t n;

	if (f == NULL)
		fatal("open %s", path);
	while ((n = getline(&line, &size, f)) > 0) {
		if (line[n - 1] == '\n')
			n--;
		if (line[0] == '.')
			buf_addc(b, '.');
		buf_add(b, line, (size_t)n);
		buf_adds(b, "\r\n");
	}
	if (ferror(f))
		fatal("read %s", path);
	free(line);
	fclose(f);
	if (b->len > 0)
		buf_adds(b, "\r\n.\r\n");
}

static void
make_text(void)
{
	const struct load *l = &opt.load;

	text.pid = (unsigned)getpid();
	buf_addf(&text.hello, "%s %s\r\n", opt.lmtp ? "LHLO" : "HELO", l->host);
	buf_addf(&text.mail, "MAIL FROM:<%s>\r\n", l->from);
	buf_addf(&text.rcpt, "RCPT TO:<%s>\r\n", l->to);
	if (opt.file != NULL)
		read_body(&text.body, opt.file);
	else if (l->length > 0)
		make_body(&text.body, l->length);
	if (text.body.len > 0)
		return;
	for (int i = 1; i <= 4; i++)
		buf_addf(&text.body, "La de da de da %d.\r\n", i);
	buf_adds(&text.body, ".\r\n");
}

/* --- options */

static void __attribute__((noreturn))
usage(void)
{
	fatalx("usage: smtp-source [-46AcdLNov] [-C count] [-f from] [-F file]"
	    " [-l length] [-m messages] [-M myhostname] [-r recipients]"
	    " [-R delay] [-s sessions] [-S subject] [-t to] [-T window]"
	    " [-w delay] host[:port] | unix:path");
}

static void
take_option(int letter)
{
	switch (letter) {
	case 'A': opt.go_on = true; break;
	case 'd': opt.stay_connected = true; break;
	case 'F': opt.file = optarg; break;
	case 'L': opt.lmtp = true; break;
	case 'N': opt.number_recipients = true; break;
	case 'o': opt.old = true; break;
	case 'S': opt.subject = optarg; break;
	case 'T':
		connect_set_window(load_number("TCP window size", optarg));
		break;
	default:
		if (!load_option(&opt.load, letter, optarg))
			usage();
	}
}

int
main(int argc, char **argv)
{
	int letter;

	command_name(argv[0]);
	load_init(&opt.load, "smtp", 25);
	while ((letter = getopt(argc, argv, "AdF:LNoS:T:" LOAD_OPTIONS)) != -1)
		take_option(letter);
	if (argc - optind != 1)
		usage();
	if (opt.file != NULL && opt.load.length > 0)
		fatalx("-l option cannot be used with -F");
	load_begin(&opt.load, argv[optind]);
	make_text();
	load_run(session);
	return 0;
}
