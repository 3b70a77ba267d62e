/*
 * load - many sessions at once that send messages to one server
 *
 * The server may be anyone's: what it says is bounded by who reads it, and each
 * wait by WAIT.  Names are looked up once, before the first task starts, so
 * that may block.
 */

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "commands/source/load.h"
#include "net/addr.h"
#include "net/connect.h"
#include "net/dns.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

enum {
	WAIT = 300,			/* seconds */
	RETRY_MS = 1,			/* between attempts to connect */
	PIECE = 256 * 1024,		/* bytes sent within WAIT */
};

static struct {
	const struct load *load;
	const char	*path;		/* of a Unix socket, or NULL */
	struct addr_list servers;
	int		 taken, counted;
	int		 running;	/* sessions */
} run;

/* --- options */

void
load_init(struct load *l, const char *protocol, uint16_t port)
{
	*l = (struct load){
		.protocol = protocol, .port = port,
		.sessions = 1, .messages = 1, .recipients = 1,
		.max_tries = 1,
		.family = AF_UNSPEC,
	};
}

int
load_number(const char *what, const char *text)
{
	long n;

	if (!text_to_long(text, 1, INT32_MAX, &n))
		fatalx("bad %s: %s", what, text);
	return (int)n;
}

/* Between brackets: "192.0.2.1" or "IPv6:2001:db8::1". */
static bool
is_literal(const char *text)
{
	struct addr a;

	if (strncasecmp(text, "IPv6:", 5) == 0)
		return addr_parse(&a, text + 5, 0) && strchr(text + 5, ':');
	return addr_parse(&a, text, 0) && strchr(text, ':') == NULL;
}

static const char *
host_name(const char *text)
{
	size_t n = strlen(text);
	char  *inside;

	if (text[0] != '[') {
		if (!dns_valid_name(text))
			fatalx("bad hostname: %s", text);
		return text;
	}
	inside = mem_strndup(text + 1, n - 1);
	if (n > 1)
		inside[n - 2] = '\0';
	if (text[n - 1] != ']' || !is_literal(inside))
		fatalx("bad address literal: %s", text);
	mem_free(inside);
	return text;
}

bool
load_option(struct load *l, int letter, const char *value)
{
	switch (letter) {
	case '4': l->family = AF_INET; break;
	case '6': l->family = AF_INET6; break;
	case 'c': l->show_count = true; break;
	case 'C': l->max_tries = load_number("connection count", value); break;
	case 'f': l->from = value; break;
	case 'l': l->length = load_number("message length", value); break;
	case 'm': l->messages = load_number("message count", value); break;
	case 'M': l->host = host_name(value); break;
	case 'r': l->recipients = load_number("recipient count", value); break;
	case 'R': l->random_pause = load_number("random delay", value); break;
	case 's': l->sessions = load_number("session count", value); break;
	case 't': l->to = value; break;
	case 'v': log_verbose++; break;
	case 'w': l->pause = load_number("fixed delay", value); break;
	default: return false;
	}
	return true;
}

static void
fill_defaults(struct load *l)
{
	char name[256] = "";

	if (l->pause > 0 && l->random_pause > 0)
		fatalx("do not use -w and -R options at the same time");
	if (l->host == NULL) {
		if (gethostname(name, sizeof name - 1) != 0)
			fatal("gethostname");
		l->host = host_name(mem_strdup(name));
	}
	if (l->from == NULL)
		l->from = mem_printf("foo@%s", l->host);
	if (l->to == NULL)
		l->to = mem_printf("foo@%s", l->host);
}

/* --- the server */

static void
find_servers(const struct load *l, const char *text)
{
	const struct addrinfo hints = {
		.ai_family = l->family,
		.ai_socktype = SOCK_STREAM,
	};
	char		*copy = mem_strdup(text), *host, *port;
	const char	*why = "missing host information";
	struct addrinfo	*list;
	struct addr	 a;
	int		 rc;

	if (!addr_split_host_port(copy, &host, &port, &why) || host == NULL)
		fatalx("%s: %s", text, why);
	rc = getaddrinfo(host, port, &hints, &list);
	if (rc != 0)
		fatalx("%s: %s", text, gai_strerror(rc));
	for (const struct addrinfo *i = list; i != NULL; i = i->ai_next) {
		if (!addr_from_sockaddr(&a, i->ai_addr, i->ai_addrlen))
			continue;
		if (port == NULL)
			addr_set_port(&a, l->port);
		addr_list_add(&run.servers, &a);
	}
	freeaddrinfo(list);
	mem_free(copy);
	if (run.servers.count == 0)
		fatalx("%s: no address found", text);
}

void
load_begin(struct load *l, const char *server)
{
	fill_defaults(l);
	run.load = l;
	if (strncmp(server, "unix:", 5) == 0)
		run.path = server + 5;
	else if (strncmp(server, "inet:", 5) == 0)
		find_servers(l, server + 5);
	else
		find_servers(l, server);
}

/* To the first address that answers; -1 with the last one's errno. */
static int
connect_once(void)
{
	int64_t deadline = clock_in(WAIT);
	int	fd = -1;

	if (run.path != NULL)
		return connect_unix(run.path, deadline);
	for (size_t i = 0; fd < 0 && i < run.servers.count; i++)
		fd = connect_inet(&run.servers.items[i], NULL, deadline);
	return fd;
}

struct stream *
load_connect(void)
{
	static const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	struct stream		  *s;
	int			   fd;

	for (int try = 1; (fd = connect_once()) < 0; try++) {
		if (try >= run.load->max_tries)
			fatal("connect");
		log_warn("connect: %s", strerror(errno));
		task_sleep_ms(RETRY_MS);
	}
	if (run.path == NULL)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	s = stream_open_socket(fd,
	    run.path != NULL ? AF_UNIX : addr_family(run.servers.items));
	load_wait(s);
	return s;
}

void
load_wait(struct stream *s)
{
	stream_set_deadline(s, WAIT);
}

void
load_write(struct stream *s, const struct buf *bytes)
{
	size_t n;

	for (size_t at = 0; at < bytes->len; at += n) {
		n = bytes->len - at < PIECE ? bytes->len - at : PIECE;
		load_wait(s);
		stream_write(s, bytes->data + at, n);
	}
	stream_flush(s);
}

void
load_check(const struct stream *s, const char *doing)
{
	if (stream_failed(s) == NULL)
		return;
	if (stream_timed_out(s))
		fatalx("timeout while %s", doing);
	fatalx("lost connection while %s", doing);
}

void
load_header(struct buf *b, const char *eol)
{
	const struct load *l = run.load;

	buf_addf(b, "From: <%s>%sTo: <%s>%sDate: ", l->from, eol, l->to, eol);
	clock_rfc_date(b, time(NULL));
	buf_adds(b, eol);
}

/* --- messages and sessions */

static void
pause_between(void)
{
	const struct load *l = run.load;

	if (l->pause > 0)
		task_sleep_ms(l->pause * INT64_C(1000));
	else if (l->random_pause > 0)
		task_sleep_ms(random() % (l->random_pause * 1000L + 1));
}

/* Who finds nothing left before the pause need not wait for it. */
bool
load_next(int *number)
{
	if (*number > 0 && run.taken < run.load->messages)
		pause_between();
	if (run.taken >= run.load->messages)
		return false;
	*number = ++run.taken;
	return true;
}

void
load_count(void)
{
	if (!run.load->show_count)
		return;
	printf("%d\r", ++run.counted);
	fflush(stdout);
}

void
load_end(void)
{
	if (--run.running == 0)
		task_stop();
}

/* Each session has a descriptor. */
static void
raise_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur == r.rlim_max)
		return;
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
}

void
load_run(task_fn *session)
{
	const struct load *l = run.load;

	raise_limit();
	srandom((unsigned)(getpid() ^ time(NULL)));
	run.running = l->sessions < l->messages ? l->sessions : l->messages;
	for (int i = run.running; i > 0; i--)
		task_start(l->protocol, session, NULL);
	task_loop();
	if (l->show_count)
		printf("\n");
}
