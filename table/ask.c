#include "table/ask.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "net/addr.h"
#include "net/connect.h"
#include "net/dns.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/stream.h"
#include "util/text.h"

enum {
	CONNECT_WAIT = 30,	/* seconds */
	ANSWER_WAIT = 100,	/* seconds, as Postfix has it */
};

bool
ask_init(struct ask_server *s, const char *where)
{
	if (!text_starts(where, "inet:") && !text_starts(where, "unix:"))
		return false;
	s->where = mem_strdup(where);
	s->idle_count = 0;
	return true;
}

void
ask_done(struct ask_server *s)
{
	while (s->idle_count > 0)
		stream_abort(s->idle[--s->idle_count]);
	mem_free(s->where);
}

/* The host's addresses in turn; -1 with errno. */
static int
connect_host(const char *host, uint16_t port, int64_t deadline)
{
	struct addr_list list = { 0 };
	struct addr	 one;
	const char	*why;
	int		 fd = -1;

	if (addr_parse(&one, host, port)) {
		addr_list_add(&list, &one);
	} else if (dns_addresses(host, DNS_V4 | DNS_V6, true, true, &list,
	    &why) != DNS_OK) {
		errno = EADDRNOTAVAIL;
		return -1;
	}
	for (size_t i = 0; fd < 0 && i < list.count; i++) {
		addr_set_port(&list.items[i], port);
		fd = connect_inet(&list.items[i], NULL, deadline);
	}
	addr_list_done(&list);
	return fd;
}

int
ask_connect(const char *where, const char *default_port, int64_t deadline)
{
	const char *why;
	char	   *copy, *host, *port;
	int	    fd = -1, saved;

	if (text_starts(where, "unix:"))
		return connect_unix(where + 5, deadline);
	copy = mem_strdup(text_starts(where, "inet:") ? where + 5 : where);
	if (!addr_split_host_port(copy, &host, &port, &why))
		port = NULL;
	else if (port == NULL)
		port = (char *)(uintptr_t)default_port;
	if (port != NULL && addr_service_port(port) != 0)
		fd = connect_host(host != NULL ? host : "localhost",
		    addr_service_port(port), deadline);
	else
		errno = EADDRNOTAVAIL;
	saved = errno;
	mem_free(copy);
	errno = saved;
	return fd;
}

static bool
run(struct ask_server *s, struct stream *stream, ask_exchange_fn *exchange,
    void *arg)
{
	stream_set_deadline(stream, ANSWER_WAIT);
	if (!exchange(stream, arg))
		return false;
	stream_set_deadline_at(stream, CLOCK_NEVER);
	if (s->idle_count < (int)(sizeof s->idle / sizeof *s->idle))
		s->idle[s->idle_count++] = stream;
	else
		stream_close(stream);
	return true;
}

bool
ask(struct table *t, struct ask_server *s, ask_exchange_fn *exchange,
    void *arg)
{
	struct stream *stream;
	const char    *why;
	int	       fd;

	while (s->idle_count > 0) {
		stream = s->idle[--s->idle_count];
		if (run(s, stream, exchange, arg))
			return true;
		stream_abort(stream);
	}
	fd = ask_connect(s->where, NULL, clock_in(CONNECT_WAIT));
	if (fd < 0) {
		why = strerror(errno);
		if (t->type == &table_type_tcp) {
			log_warn("connect to TCP map %s: %s", s->where + 5,
			    why);
		} else {
			log_warn("connect to %s: %s", s->where + 5, why);
			log_warn("table %s lookup error: %s", t->full_name,
			    why);
		}
		return table_fail(t, "%s", why);
	}
	stream = stream_open(fd);
	if (run(s, stream, exchange, arg))
		return true;
	why = stream_failed(stream) != NULL ? stream_failed(stream) :
	    "malformed answer";
	log_warn("table %s lookup error: %s", t->full_name, why);
	table_fail(t, "%s", why);
	stream_abort(stream);
	return false;
}
