/*
 * qmqp-source - send many messages to a QMQP server, to see what it bears
 *
 * For anybody; without privilege, and no main.cf is read.  Sessions are tasks
 * that send a message each over a connection of its own, which is how QMQP
 * does it.  All messages are the same: their bytes are made once.
 *
 * Ends with 0 when the server has taken all; with 1 when it refuses one, or
 * when a connection fails.
 */

#include <stdio.h>
#include <unistd.h>

#include "commands/source/load.h"
#include "server/command.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/stream.h"

enum {
	REPLY_BYTES = 8 * 1024,
	CONTENT_BYTES = 1024,	/* without -l */
	BODY_LINE = 79,		/* the longest, without its LF */
};

static struct load load;
static struct buf  packet = BUF_INIT;

/* --- what to send */

/* Lines that grow, cut off where the message has its length. */
static void
make_content(struct buf *b, size_t length)
{
	load_header(b, "\n");
	buf_addf(b, "Message-Id: <%d@%s>\n\n", (int)getpid(), load.host);
	for (int n = 1; b->len < length; n += n < BODY_LINE) {
		for (int i = 0; i < n; i++)
			buf_addc(b, 'X');
		buf_addc(b, '\n');
	}
	buf_cut(b, length);
	b->data[length - 1] = '\n';
}

static void
add_netstring(struct buf *b, const char *bytes, size_t len)
{
	buf_addf(b, "%zu:", len);
	buf_add(b, bytes, len);
	buf_addc(b, ',');
}

/* Content, sender, recipients: netstrings within one. */
static void
make_packet(void)
{
	struct buf content = BUF_INIT, all = BUF_INIT, rcpt = BUF_INIT;
	size_t	   length = (size_t)load.length;

	make_content(&content, length > 0 ? length : CONTENT_BYTES);
	add_netstring(&all, content.data, content.len);
	buf_adds(&rcpt, load.from);
	add_netstring(&all, rcpt.data, rcpt.len);
	for (int i = 0; i < load.recipients; i++) {
		buf_clear(&rcpt);
		if (load.recipients > 1)
			buf_addf(&rcpt, "%d", i);
		buf_adds(&rcpt, load.to);
		add_netstring(&all, rcpt.data, rcpt.len);
	}
	add_netstring(&packet, all.data, all.len);
	buf_done(&content);
	buf_done(&all);
	buf_done(&rcpt);
}

/* --- a session */

static const char doing_reply[] = "receiving server reply";

/* The length of a netstring, up to its colon. */
static size_t
read_length(struct stream *s)
{
	size_t n = 0;
	char   c;

	for (int digits = 0;; digits++) {
		stream_read(s, &c, 1);
		load_check(s, doing_reply);
		if (c == ':' && digits > 0)
			return n;
		if (c < '0' || c > '9')
			fatalx("netstring format error while %s", doing_reply);
		n = n * 10 + (size_t)(c - '0');
		if (n > REPLY_BYTES || digits > 8)
			fatalx("netstring size exceeds limit while %s",
			    doing_reply);
	}
}

static void
read_reply(struct stream *s, struct buf *reply)
{
	size_t n = read_length(s);
	char   comma = 0;

	buf_clear(reply);
	stream_read(s, buf_room(reply, n), n);
	stream_read(s, &comma, 1);
	load_check(s, doing_reply);
	buf_grow(reply, n);
	if (comma != ',')
		fatalx("netstring format error while %s", doing_reply);
	if (log_verbose > 0)
		printf("<< %s\n", reply->data);
}

static void
judge(const struct buf *reply)
{
	const char *why = reply->len > 0 ? reply->data + 1 : "";

	switch (reply->data[0]) {
	case 'K': return;
	case 'D': fatalx("unrecoverable error: %s", why);
	case 'Z': fatalx("recoverable error: %s", why);
	default: fatalx("unknown error: %s", why);
	}
}

static void
session(void *arg)
{
	struct buf     reply = BUF_INIT;
	struct stream *s;
	int	       number = 0;

	(void)arg;
	while (load_next(&number)) {
		s = load_connect();
		load_write(s, &packet);
		load_check(s, "sending message");
		load_wait(s);
		read_reply(s, &reply);
		judge(&reply);
		stream_close(s);
		load_count();
	}
	buf_done(&reply);
	load_end();
}

/* --- options */

static void __attribute__((noreturn))
usage(void)
{
	fatalx("usage: qmqp-source [-46cv] [-C count] [-f from] [-l length]"
	    " [-m messages] [-M myhostname] [-r recipients] [-R delay]"
	    " [-s sessions] [-t to] [-w delay] host[:port] | unix:path");
}

int
main(int argc, char **argv)
{
	int letter;

	command_name(argv[0]);
	load_init(&load, "qmqp", 628);
	while ((letter = getopt(argc, argv, LOAD_OPTIONS)) != -1)
		if (!load_option(&load, letter, optarg))
			usage();
	if (argc - optind != 1)
		usage();
	load_begin(&load, argv[optind]);
	make_packet();
	load_run(session);
	return 0;
}
