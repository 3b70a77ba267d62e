/*
 * qmqp-sink - a QMQP server that accepts mail and throws it away, for tests
 *
 * For anybody, at a port that its rights allow.  All sessions are tasks of one
 * process.  A message is a netstring, of which only the length is looked at
 * while it passes; a client that sends something else loses its connection,
 * and so does one that is silent for long.
 *
 * Ends by a signal, with 0 after the time of -x, or with 1 and a reason.
 */

#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "commands/sink/sink.h"
#include "util/log.h"
#include "util/stream.h"
#include "util/task.h"

enum {
	CONNECTIONS_MAX = 10000,
	DIGITS_MAX = 10,	/* of a length, zeros in front included */
	LENGTH_MAX = INT32_MAX,	/* bytes */
	WAIT = 100,		/* seconds, for each piece */
};

static struct {
	bool	count;
	int	messages;
	int	time;		/* seconds until the end; 0: none */
	int	family;
} run = { .family = AF_UNSPEC };

/* NULL, or what is wrong. */
static const char *
read_length(struct stream *client, size_t *ret_length)
{
	size_t length = 0;
	char   c;

	for (int digits = 0; stream_read(client, &c, 1); digits++) {
		if (c == ':' && digits > 0) {
			*ret_length = length;
			return NULL;
		}
		if (c < '0' || c > '9')
			return "netstring format error";
		length = length * 10 + (size_t)(c - '0');
		if (digits == DIGITS_MAX || length > LENGTH_MAX)
			return "netstring size error";
	}
	return stream_timed_out(client) ? "read timeout" : "lost connection";
}

/* The bytes and the comma behind them. */
static const char *
skip_message(struct stream *client, size_t length)
{
	size_t left = length + 1, n;

	while (left > 0) {
		stream_set_deadline(client, WAIT);
		if (stream_peek(client, &n) == NULL)
			return stream_timed_out(client) ? "read timeout" :
			    "lost connection";
		if (n > left)
			n = left;
		stream_skip(client, n);
		left -= n;
	}
	return NULL;
}

static void
serve(int fd, const struct addr *addr)
{
	struct stream *client = stream_open_socket(fd, addr_family(addr));
	const char    *why;
	size_t	       length;

	log_debug("connect (%s)", addr_family(addr) == AF_INET ? "AF_INET" :
	    addr_family(addr) == AF_INET6 ? "AF_INET6" : "AF_LOCAL");
	stream_set_deadline(client, WAIT);
	why = read_length(client, &length);
	if (why == NULL) {
		if (log_verbose > 1)
			log_debug("read netstring length %zu", length);
		why = skip_message(client, length);
	}
	if (why != NULL) {
		log_warn("%s", why);
	} else {
		stream_puts(client, "3:KOk,");
		run.messages++;
		if (run.count)
			sink_show("%d", run.messages);
	}
	stream_close(client);
}

static void
end_in_time(void *arg)
{
	(void)arg;
	task_sleep_ms(run.time * 1000LL);
	exit(0);
}

static void __attribute__((noreturn))
usage(const char *program)
{
	fatalx("usage: %s [-46cv] [-x time] [host]:port backlog", program);
}

int
main(int argc, char **argv)
{
	int c, backlog, listener;

	log_set_name(argv[0]);
	signal(SIGPIPE, SIG_IGN);
	while ((c = getopt(argc, argv, "46cvx:")) != -1) {
		switch (c) {
		case '4': run.family = AF_INET; break;
		case '6': run.family = AF_INET6; break;
		case 'c': run.count = true; break;
		case 'v': log_verbose++; break;
		case 'x':
			if ((run.time = atoi(optarg)) > 0)
				break;
			/* FALLTHROUGH */
		default: usage(argv[0]);
		}
	}
	if (argc - optind != 2 || (backlog = atoi(argv[optind + 1])) <= 0)
		usage(argv[0]);
	listener = sink_listen(argv[optind], run.family, backlog, 0);
	if (run.time > 0)
		task_start("end", end_in_time, NULL);
	sink_loop(listener, CONNECTIONS_MAX, serve);
}
