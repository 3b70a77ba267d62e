#include "table/ask.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "net/addr.h"
#include "net/connect.h"
#include "net/dns.h"
#include "util/buf.h"
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

/* In the words of getaddrinfo(3), which logs are searched for. */
static int
not_found(const char *where, const char *why)
{
	log_warn("host or service %s not found: %s", where, why);
	errno = EADDRNOTAVAIL;
	return -1;
}

static const char *
dns_reason(enum dns_status status)
{
	return status == DNS_TRY_AGAIN ?
	    "Temporary failure in name resolution" :
	    status == DNS_NO_DATA ? "No address associated with hostname" :
	    "Name or service not known";
}

/* The host's addresses in turn; -1 with errno. */
static int
connect_host(const char *where, const char *host, uint16_t port,
    int64_t deadline)
{
	struct addr_list list = { 0 };
	enum dns_status	 status;
	struct addr	 one;
	const char	*why;
	int		 fd = -1;

	if (addr_parse(&one, host, port)) {
		addr_list_add(&list, &one);
	} else if ((status = dns_addresses(host, DNS_V4 | DNS_V6, true, true,
	    &list, &why)) != DNS_OK) {
		return not_found(where, dns_reason(status));
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
	uint16_t    number;
	int	    fd, saved;

	if (text_starts(where, "unix:"))
		return connect_unix(where + 5, deadline);
	where += text_starts(where, "inet:") ? 5 : 0;
	copy = mem_strdup(where);
	if (default_port == NULL && strchr(copy, ':') == NULL) {
		host = NULL;
		port = copy;
	} else if (!addr_split_host_port(copy, &host, &port, &why)) {
		port = NULL;
	} else if (port == NULL) {
		port = (char *)(uintptr_t)default_port;
	}
	number = port != NULL ? addr_service_port(port) : 0;
	fd = number == 0 ?
	    not_found(where, "Servname not supported for ai_socktype") :
	    connect_host(where, host != NULL ? host : "localhost", number,
		deadline);
	saved = errno;
	mem_free(copy);
	errno = saved;
	return fd;
}

bool
ask_check_inet(const char *where, struct buf *why)
{
	char	   *copy, *host, *port;
	const char *wrong;
	bool	    ok;

	if (strchr(where, ':') == NULL) {
		ok = !isdigit((unsigned char)*where) || text_is_digits(where);
		wrong = "garbage after numerical service";
	} else {
		copy = mem_strdup(where);
		ok = addr_split_host_port(copy, &host, &port, &wrong);
		wrong = "valid hostname or network address required";
		mem_free(copy);
	}
	if (!ok)
		buf_addf(why, "%s: %s", where, wrong);
	return ok;
}

const char *
ask_name(const struct ask_server *s)
{
	return s->where + strlen("inet:");
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

enum asked
ask(struct ask_server *s, ask_exchange_fn *exchange, void *arg,
    const char **ret_why)
{
	struct stream *stream;
	int	       fd;

	while (s->idle_count > 0) {
		stream = s->idle[--s->idle_count];
		if (run(s, stream, exchange, arg))
			return ASK_OK;
		stream_abort(stream);
	}
	fd = ask_connect(s->where, NULL, clock_in(CONNECT_WAIT));
	if (fd < 0) {
		*ret_why = strerror(errno);
		return ASK_UNREACHED;
	}
	stream = stream_open(fd);
	if (run(s, stream, exchange, arg))
		return ASK_OK;
	*ret_why = stream_failed(stream) != NULL ? stream_failed(stream) :
	    "malformed answer";
	stream_abort(stream);
	return ASK_BROKEN;
}
