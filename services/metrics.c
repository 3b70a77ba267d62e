/*
 * metrics - counts what is logged, and tells Prometheus
 *
 * While metrics_listen is set master runs one of it, and every program sends
 * a copy of its log lines to the datagram socket public/metrics (util/log.h);
 * so numbers are the same with syslog, a file or standard output, and programs
 * have nothing to count.  A line that does not fit into the socket is lost to
 * the counters, never to the log.
 *
 * The socket of metrics_listen is bound before the jail, by root.  It answers
 * "GET /metrics" and nothing else, with deadlines and bounded requests; it
 * trusts neither its clients nor what strangers had written into the log.  The
 * queue's sizes are found by a walk over its directories when they are asked
 * for, not more often than its length allows.
 *
 * Ends with master; counters begin anew with each start, as Prometheus
 * expects.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "conf/conf.h"
#include "mail/envelope.h"
#include "mail/log_line.h"
#include "mail/log_metrics.h"
#include "mail/queue_dir.h"
#include "mail/queue_file.h"
#include "mail/queue_id.h"
#include "net/addr.h"
#include "net/connect.h"
#include "server/maillog.h"
#include "server/server.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/proc.h"
#include "util/stream.h"
#include "util/task.h"
#include "util/text.h"

enum {
	CLIENT_WAIT = 10,	/* seconds for a request, and for its answer */
	REQUEST_LINES = 100,
	REQUEST_LINE = 4096,	/* bytes */
	CLIENTS_MAX = 16,
	BACKLOG = 64,
	QUEUE_PAUSE = 5000,	/* ms between two walks over the queue */
	QUEUE_SHARE = 20,	/* a walk's time is at most 1/n of all time */
	FAIR_EACH = 50,		/* messages walked at a stretch */
};

static struct {
	int		 fd;
	int		 clients;
	struct metrics	*metrics;
	struct log_clock clock;
	struct buf	 scratch;
	bool		 walking;
	int64_t		 walk_after;	/* clock_ms */
} state = { .fd = -1, .scratch = BUF_INIT };

/* --- the socket */

static void
bind_inet(const char *text)
{
	char	   *copy = mem_strdup(text), *host = NULL, *port = NULL;
	const char *why;
	struct addr addr;
	int	    one = 1;

	if (!addr_split_host_port(copy, &host, &port, &why) || port == NULL ||
	    !addr_parse(&addr, host != NULL ? host : "127.0.0.1",
	    addr_service_port(port)) || addr_port(&addr) == 0)
		fatalx("parameter metrics_listen: \"%s\" is no numeric address"
		    " with a port; write inet:127.0.0.1:9154", text);
	state.fd = socket(addr_family(&addr), SOCK_STREAM | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0);
	/* After a reload this one begins while the old one ends. */
	if (state.fd < 0 || setsockopt(state.fd, SOL_SOCKET, SO_REUSEADDR,
	    &one, sizeof one) < 0 || setsockopt(state.fd, SOL_SOCKET,
	    SO_REUSEPORT, &one, sizeof one) < 0 || bind(state.fd,
	    (struct sockaddr *)&addr.sa, addr.len) < 0 ||
	    listen(state.fd, BACKLOG) < 0)
		fatal("parameter metrics_listen: bind %s", text);
	mem_free(copy);
}

static void
open_socket(void)
{
	const char *where = conf_mail.metrics_listen;

	if (*where == '\0')
		return;		/* as after a change of main.cf */
	if (text_starts(where, "inet:"))
		bind_inet(where + 5);
	else if (!text_starts(where, "unix:"))
		fatalx("parameter metrics_listen: \"%s\": write unix:path or"
		    " inet:address:port", where);
	/* The directory decides who may connect. */
	else if ((state.fd = listen_unix(where + 5, 0666, BACKLOG)) < 0)
		fatal("parameter metrics_listen: bind %s", where);
}

/* --- the queue */

static bool
find_size_and_arrival(const char *queue, const char *id, uint64_t *ret_size,
    int64_t *ret_arrival_us)
{
	struct envelope	  e;
	struct queue_file q;
	struct stat	  st;
	struct buf	  path = BUF_INIT;
	bool		  ok;

	*ret_arrival_us = queue_id_time(id);
	if (*ret_arrival_us >= 0) {
		queue_path(&path, queue, id);
		ok = stat(path.data, &st) == 0;
		*ret_size = ok ? (uint64_t)st.st_size : 0;
		buf_done(&path);
		return ok;
	}
	if (queue_file_open(&q, queue, id, false) != QUEUE_FILE_OK)
		return false;
	envelope_init(&e);
	ok = queue_file_read_envelope(&q, &e);
	*ret_size = q.t.size;
	*ret_arrival_us = e.arrival_us;
	envelope_done(&e);
	queue_file_close(&q);
	return ok;
}

static void
walk_queue(const char *queue)
{
	struct queue_scan *scan = queue_scan_open(queue);
	const char	  *id;
	uint64_t	   size;
	int64_t		   arrival;

	if (scan == NULL)
		return;
	for (unsigned n = 1; (id = queue_scan_next(scan)) != NULL; n++) {
		if (find_size_and_arrival(queue, id, &size, &arrival))
			metrics_queue_add(state.metrics, queue, size,
			    (clock_wall_us() - arrival) / 1000000);
		if (n % FAIR_EACH == 0)
			task_yield();
	}
	queue_scan_close(scan);
}

/* What is known from a walk that is not long ago will do. */
static void
look_at_queue(void)
{
	static const char *const queues[] = { QUEUE_MAILDROP, QUEUE_INCOMING,
		QUEUE_ACTIVE, QUEUE_DEFERRED, QUEUE_HOLD };
	int64_t begin = clock_ms(), took, pause;

	if (state.walking || begin < state.walk_after)
		return;
	state.walking = true;
	metrics_queue_begin(state.metrics);
	for (size_t i = 0; i < sizeof queues / sizeof *queues; i++)
		walk_queue(queues[i]);
	took = clock_ms() - begin;
	pause = took * QUEUE_SHARE;
	state.walk_after = clock_ms() +
	    (pause > QUEUE_PAUSE ? pause : QUEUE_PAUSE);
	state.walking = false;
}

/* --- clients */

static void
answer(struct stream *s, const char *status, const struct buf *body,
    bool with_body)
{
	stream_printf(s, "HTTP/1.1 %s\r\n"
	    "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
	    "Content-Length: %zu\r\nConnection: close\r\n\r\n", status,
	    body->len);
	if (with_body)
		stream_write(s, body->data, body->len);
}

/* "GET /metrics HTTP/1.1" and headers, which are not looked at. */
static bool
read_request(struct stream *s, struct buf *first)
{
	struct buf header = BUF_INIT;
	bool	   ok = false;

	if (stream_get_line(s, first, REQUEST_LINE) != LINE_OK)
		return false;
	for (int i = 0; i < REQUEST_LINES && !ok; i++) {
		if (stream_get_line(s, &header, REQUEST_LINE) != LINE_OK)
			break;
		ok = header.len == 0;
	}
	buf_done(&header);
	return ok;
}

static bool
is_for_metrics(const char *target)
{
	size_t n = strcspn(target, " ?");

	return (n == 8 && strncmp(target, "/metrics", n) == 0) ||
	    (n == 1 && *target == '/');
}

static void
serve_client(struct stream *s)
{
	struct buf first = BUF_INIT, body = BUF_INIT;
	bool	   is_get, is_head;

	stream_set_deadline(s, CLIENT_WAIT);
	if (!read_request(s, &first))
		goto out;
	is_get = text_starts(first.data, "GET ");
	is_head = text_starts(first.data, "HEAD ");
	if (!is_get && !is_head) {
		buf_set(&body, "only GET\n");
		answer(s, "405 Method Not Allowed", &body, true);
	} else if (!is_for_metrics(strchr(first.data, ' ') + 1)) {
		buf_set(&body, "only /metrics\n");
		answer(s, "404 Not Found", &body, is_get);
	} else {
		look_at_queue();
		metrics_write(state.metrics, &body,
		    conf_mail.queue_directory);
		stream_set_deadline(s, CLIENT_WAIT);
		answer(s, "200 OK", &body, is_get);
	}
	stream_flush(s);
out:
	buf_done(&first);
	buf_done(&body);
}

static void
client_task(void *arg)
{
	struct stream *s = arg;

	serve_client(s);
	stream_close(s);
	state.clients--;
}

static void
accept_task(void *arg)
{
	int fd;

	(void)arg;
	for (;;) {
		fd = accept4(state.fd, NULL, NULL, SOCK_NONBLOCK |
		    SOCK_CLOEXEC);
		if (fd < 0) {
			if (errno == EAGAIN || errno == EWOULDBLOCK)
				task_wait_fd(state.fd, TASK_READ, CLOCK_NEVER);
			else
				task_sleep_ms(200);
			continue;
		}
		if (state.clients >= CLIENTS_MAX) {
			close(fd);
			continue;
		}
		state.clients++;
		task_start("client", client_task, stream_open(fd));
	}
}

/* --- */

static void
take_lines(const char *bytes, unsigned len)
{
	const char     *end = bytes + len, *nl;
	struct log_line l;

	state.clock.latest = time(NULL);
	for (; bytes < end; bytes = nl + 1) {
		nl = memchr(bytes, '\n', (size_t)(end - bytes));
		if (nl == NULL)
			nl = end;
		if (log_line_parse(bytes, (size_t)(nl - bytes), &state.clock,
		    &state.scratch, &l))
			metrics_count_line(state.metrics, &l);
	}
}

static void
after_jail(void)
{
	state.metrics = metrics_new();
	metrics_queue_begin(state.metrics);
	if (state.fd >= 0)
		task_start("accept", accept_task, NULL);
}

int
main(int argc, char **argv)
{
	static const struct server metrics = {
		.name = METRICS_SERVICE,
		.one_process = true,
		.jail = PROC_JAIL_NET | PROC_JAIL_FILES,
		.before_jail = open_socket,
		.after_jail = after_jail,
		.datagram = take_lines,
	};

	server_main(argc, argv, &metrics);
}
