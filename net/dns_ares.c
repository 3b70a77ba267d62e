/*
 * dns_ares - questions and answers over c-ares, in the task loop
 *
 * One channel for the process, made before the jail, because it reads
 * resolv.conf.  Any number of questions are under way at once.  c-ares opens a
 * socket (and with it a random port) for the first of them and closes it after
 * the last; each socket has a task that hands events on, and one task looks
 * after lost packets as long as anything is under way.
 *
 *	dns_ares_ask -> c-ares -> on_socket -> task "dns socket"
 *	                  ^                        |
 *	                  +---- ares_process_fd ---+--> on_answer -> caller's fn
 *
 * Questions carry EDNS (larger answers over UDP) and AD (RFC 6840 5.7: please
 * say whether it is authentic).  A server that takes offence at EDNS is asked
 * again without.
 */

/* The calls of Debian 12's c-ares, which later releases have too. */
#define CARES_NO_DEPRECATED
#include <ares.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "net/dns_int.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/list.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/task.h"
#include "util/text.h"

enum {
	CLASS_IN = 1,
	EDNS_SIZE = 1232,	/* no fragments: dnsflagday.net/2020 */
	TICK = 250,		/* ms between looks at lost packets */
	RCODE_FORMERR = 1, RCODE_SERVFAIL = 2, RCODE_NOTIMP = 4,
	RESOLV_CONF_MAX = 64 * 1024,
};

struct question {
	char		*name;
	enum dns_type	 type;
	bool		 plain;		/* without EDNS */
	dns_answer_fn	*fn;
	void		*arg;
};

struct socket {
	struct list	 link;
	int		 fd;
	int		 tasks;		/* that use this struct */
	bool		 stream;
	bool		 closed;
	bool		 want_write;
	bool		 served;	/* has a reader */
	bool		 writing;	/* has a writer */
};

static struct {
	ares_channel	 channel;
	bool		 ready;
	bool		 ticking;
	int		 under_way;
	struct list	 sockets;
} dns = { .sockets = LIST_INIT(dns.sockets) };

/* --- sockets */

static void
release(struct socket *k)
{
	if (k->closed && k->tasks == 0)
		mem_free(k);
}

/* c-ares takes a TCP answer in pieces, a piece a call: until nothing is left,
 * because what is left makes no new edge. */
static bool
has_more(const struct socket *k)
{
	struct pollfd p = { .fd = k->fd, .events = POLLIN };

	return k->stream && !k->closed && poll(&p, 1, 0) > 0;
}

static void
reader(void *arg)
{
	struct socket *k = arg;

	while (!k->closed) {
		if (!task_wait_fd(k->fd, TASK_READ, CLOCK_NEVER) || k->closed)
			continue;
		do
			ares_process_fd(dns.channel, k->fd, ARES_SOCKET_BAD);
		while (has_more(k));
	}
	k->tasks--;
	release(k);
}

static void
writer(void *arg)
{
	struct socket *k = arg;

	while (!k->closed && k->want_write)
		if (task_wait_fd(k->fd, TASK_WRITE, CLOCK_NEVER) && !k->closed)
			ares_process_fd(dns.channel, ARES_SOCKET_BAD, k->fd);
	k->writing = false;
	k->tasks--;
	release(k);
}

static void
serve(struct socket *k)
{
	if (!k->served) {
		k->served = true;
		k->tasks++;
		task_start("dns socket", reader, k);
	}
	if (k->want_write && !k->writing) {
		k->writing = true;
		k->tasks++;
		task_start("dns writer", writer, k);
	}
}

static struct socket *
socket_of(int fd)
{
	struct socket *k;
	int	       type = 0;
	socklen_t      len = sizeof type;

	LIST_EACH(it, &dns.sockets) {
		k = LIST_ENTRY(it, struct socket, link);
		if (k->fd == fd)
			return k;
	}
	k = NEW(struct socket);
	k->fd = fd;
	getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len);
	k->stream = type == SOCK_STREAM;
	list_append(&dns.sockets, &k->link);
	return k;
}

/* c-ares has opened a socket, wants something else of it, or is about to
 * close it (neither). */
static void
on_socket(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct socket *k = socket_of(fd);

	(void)arg;
	k->want_write = writable != 0;
	if (readable || writable) {
		if (task_running())
			serve(k);
		return;
	}
	k->closed = true;
	list_remove(&k->link);
	task_forget_fd(fd);
	release(k);
}

/* --- time */

static void
ticker(void *arg)
{
	(void)arg;
	while (dns.under_way > 0) {
		task_sleep_ms(TICK);
		ares_process_fd(dns.channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	}
	dns.ticking = false;
}

static void
keep_ticking(void)
{
	if (dns.ticking || !task_running())
		return;
	dns.ticking = true;
	task_start("dns timer", ticker, NULL);
}

/* --- questions */

static void
finish(struct question *q, int rcode, const unsigned char *bytes, size_t len)
{
	dns.under_way--;
	q->fn(q->arg, rcode, bytes, len);
	mem_free(q->name);
	mem_free(q);
}

static void send_question(struct question *);

static void
on_answer(void *arg, int status, int timeouts, unsigned char *bytes, int len)
{
	struct question *q = arg;
	int		 rcode;

	(void)timeouts;
	if (status != ARES_SUCCESS || bytes == NULL || len < 12) {
		/* The last server's refusal, a time-out, no memory ... */
		rcode = status == ARES_ENOTIMP ? RCODE_NOTIMP : RCODE_SERVFAIL;
		bytes = NULL;
		len = 0;
	} else {
		rcode = bytes[3] & 15;
	}
	if ((rcode == RCODE_FORMERR || rcode == RCODE_NOTIMP) && !q->plain) {
		q->plain = true;
		send_question(q);
		return;
	}
	finish(q, rcode, bytes, (size_t)len);
}

/* ares_send() takes the id as it stands in the question: it must be one that
 * nobody can guess (RFC 5452). */
static uint16_t
random_id(void)
{
	static uint16_t ids[64];
	static size_t	unused;

	if (unused == 0) {
		if (getrandom(ids, sizeof ids, 0) != sizeof ids)
			panic("getrandom: %m");
		unused = sizeof ids / sizeof *ids;
	}
	return ids[--unused];
}

static void
send_question(struct question *q)
{
	unsigned char *bytes;
	int	       len, status;

	status = ares_create_query(q->name, CLASS_IN, (int)q->type,
	    random_id(), 1, &bytes, &len, q->plain ? 0 : EDNS_SIZE);
	if (status != ARES_SUCCESS) {
		finish(q, RCODE_SERVFAIL, NULL, 0);
		return;
	}
	bytes[3] |= 0x20;		/* AD */
	ares_send(dns.channel, bytes, len, on_answer, q);
	ares_free_string(bytes);
}

void
dns_ares_ask(const char *name, enum dns_type type, dns_answer_fn *fn,
    void *arg)
{
	struct question *q = NEW(struct question);
	const char	*why;

	q->name = mem_strdup(name);
	q->type = type;
	q->fn = fn;
	q->arg = arg;
	dns.under_way++;
	if (!dns_ares_start(&why)) {
		finish(q, RCODE_SERVFAIL, NULL, 0);
		return;
	}
	keep_ticking();
	send_question(q);
}

void
dns_ares_wait(const bool *done)
{
	struct pollfd  fds[ARES_GETSOCK_MAXNUM];
	ares_socket_t  socks[ARES_GETSOCK_MAXNUM];
	struct timeval limit = { .tv_sec = 1 }, tv, *t;

	while (!*done) {
		unsigned bits;
		int	 n = 0, came;

		/* A bit for reading, 16 higher one for writing; the macros
		 * for them shift into the sign. */
		bits = (unsigned)ares_getsock(dns.channel, socks,
		    ARES_GETSOCK_MAXNUM);
		for (int i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
			int events = (bits >> i & 1 ? POLLIN : 0) |
			    (bits >> (i + ARES_GETSOCK_MAXNUM) & 1 ?
			    POLLOUT : 0);

			if (events != 0)
				fds[n++] = (struct pollfd){
				    socks[i], (short)events, 0 };
		}
		t = ares_timeout(dns.channel, &limit, &tv);
		came = poll(fds, (nfds_t)n,
		    (int)(t->tv_sec * 1000 + t->tv_usec / 1000 + 1));
		for (int i = 0; i < n && came > 0; i++)
			if (fds[i].revents != 0)
				ares_process_fd(dns.channel,
				    fds[i].revents & ~POLLOUT ?
				    fds[i].fd : ARES_SOCKET_BAD,
				    fds[i].revents & POLLOUT ?
				    fds[i].fd : ARES_SOCKET_BAD);
		if (came <= 0)
			ares_process_fd(dns.channel, ARES_SOCKET_BAD,
			    ARES_SOCKET_BAD);
	}
	/* What tasks asked meanwhile is theirs to serve. */
	LIST_EACH(it, &dns.sockets)
		serve(LIST_ENTRY(it, struct socket, link));
	if (dns.under_way > 0 && !dns.ticking) {
		dns.ticking = true;
		task_start("dns timer", ticker, NULL);
	}
}

/* --- start */

/* "options timeout:n attempts:n" of resolv.conf(5), which this c-ares does
 * not know, with resolv.conf's defaults. */
static void
read_limits(long *seconds, long *attempts)
{
	struct buf b = BUF_INIT;
	char	  *line, *rest, *word;

	*seconds = 5;
	*attempts = 2;
	if (file_read("/etc/resolv.conf", RESOLV_CONF_MAX, &b)) {
		rest = b.data;
		while ((line = text_word(&rest, "\n", false)) != NULL) {
			word = text_word(&line, " \t", false);
			if (word == NULL || strcmp(word, "options") != 0)
				continue;
			while ((word = text_word(&line, " \t", false))) {
				if (text_starts(word, "timeout:"))
					text_to_long(word + 8, 1, 30, seconds);
				if (text_starts(word, "attempts:"))
					text_to_long(word + 9, 1, 5, attempts);
			}
		}
	}
	buf_done(&b);
}

/* The answers that later releases would keep are kept by dns.c. */
#ifdef ARES_OPT_QUERY_CACHE
#define NO_CACHE	ARES_OPT_QUERY_CACHE	/* of 0 seconds */
#else
#define NO_CACHE	0
#endif

bool
dns_ares_start(const char **ret_why)
{
	struct ares_options o = {
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES,
		.sock_state_cb = on_socket,
	};
	long seconds, attempts;
	int  status;

	if (dns.ready)
		return true;
	read_limits(&seconds, &attempts);
	/* c-ares doubles the time at each try: a little less at first gives
	 * about the resolver library's time in all. */
	o.timeout = (int)(seconds * 800);
	o.tries = (int)attempts;
	if ((status = ares_library_init(ARES_LIB_INIT_ALL)) == ARES_SUCCESS)
		status = ares_init_options(&dns.channel, &o, ARES_OPT_FLAGS |
		    ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
		    ARES_OPT_SOCK_STATE_CB | NO_CACHE);
	if (status != ARES_SUCCESS) {
		*ret_why = ares_strerror(status);
		return false;
	}
	dns.ready = true;
	return true;
}

bool
dns_use_servers(const char *list)
{
	const char *why;

	return dns_ares_start(&why) &&
	    ares_set_servers_ports_csv(dns.channel, list) == ARES_SUCCESS;
}
