/* sink - what servers that throw mail away have in common */

#include "commands/sink/sink.h"

#include <errno.h>
#include <netdb.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mail/address.h"
#include "net/connect.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/proc.h"
#include "util/task.h"
#include "util/text.h"

enum { RETRY_MS = 100 };	/* when there is no descriptor left */

/* --- listening */

/* "host:port", "[host]:port", ":port", "port": splits `text` in place. */
static void
split(char *text, const char *where, char **ret_host, char **ret_port)
{
	char *end, *host = NULL, *port = text;

	if (*text == '[') {
		host = text + 1;
		if ((end = strchr(host, ']')) == NULL)
			fatalx("%s: missing \"]\"", where);
		*end++ = '\0';
		if (*end != '\0' && *end != ':')
			fatalx("%s: garbage after \"]\"", where);
		port = *end == ':' ? end + 1 : end;
	} else if ((end = strrchr(text, ':')) != NULL) {
		*end = '\0';
		host = end > text ? text : NULL;
		port = end + 1;
	}
	if (*port == '\0')
		fatalx("%s: missing service information", where);
	*ret_host = host;
	*ret_port = port;
}

static bool
is_number(const char *text)
{
	return *text >= '0' && *text <= '9';
}

/* A host that looks like an address must be one, and no text follows a port's
 * number: getaddrinfo(3) would have its own ideas of both. */
static void
check(const char *where, const char *host, const char *port)
{
	struct addr a;

	if (is_number(port) && !text_is_digits(port))
		fatalx("%s: garbage after numerical service", where);
	if (host != NULL && !addr_parse(&a, host, 0) &&
	    (!address_is_hostname(host, strlen(host)) ||
	    host[strspn(host, "0123456789.")] == '\0'))
		fatalx("%s: valid hostname or network address required", where);
}

static int
listen_first(const struct addrinfo *list, const char *port, int backlog)
{
	struct addr a;
	char	    text[ADDR_TEXT] = "";
	int	    fd = -1;

	for (; list != NULL && fd < 0; list = list->ai_next) {
		/* Not addr_from_sockaddr(), which calls ::ffff:... IPv4. */
		memcpy(&a.sa, list->ai_addr, list->ai_addrlen);
		a.len = list->ai_addrlen;
		addr_text(&a, text);
		log_debug("trying... [%s]:%s", text, port);
		fd = listen_inet(&a, backlog);
	}
	if (fd < 0)
		fatal("bind %s port %s", text, port);
	return fd;
}

static int
listen_host(const char *where, int family, int backlog)
{
	struct addrinfo	 hints = {
		.ai_family = family,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE,
	};
	struct addrinfo *list;
	char		*copy = mem_strdup(where), *host, *port;
	int		 fd, error;

	split(copy, where, &host, &port);
	check(where, host, port);
	error = getaddrinfo(host, port, &hints, &list);
	if (error != 0)
		fatalx("%s: %s", where, error == EAI_SYSTEM ?
		    strerror(errno) : gai_strerror(error));
	fd = listen_first(list, port, backlog);
	freeaddrinfo(list);
	mem_free(copy);
	return fd;
}

int
sink_listen(const char *where, int family, int backlog, int window)
{
	int fd;

	if (text_starts(where, "unix:")) {
		where += strlen("unix:");
		if ((fd = listen_unix(where, 0666, backlog)) < 0)
			fatal("bind: %s", where);
	} else {
		if (text_starts(where, "inet:"))
			where += strlen("inet:");
		fd = listen_host(where, family, backlog);
	}
	/* What is accepted has it from its listener. */
	if (window > 0 && (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &window,
	    sizeof window) < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUF,
	    &window, sizeof window) < 0))
		log_warn("setsockopt: %s", strerror(errno));
	return fd;
}

void
sink_become(const char *user, const char *root)
{
	struct passwd *pw = NULL;

	if (user != NULL && (pw = getpwnam(user)) == NULL)
		fatalx("unknown user: %s", user);
	if (log_verbose > 1)
		log_debug("chroot %s user %s", root != NULL ? root : "(none)",
		    user != NULL ? user : "(none)");
	if (root != NULL && (chroot(root) < 0 || chdir("/") < 0))
		fatal("chroot(%s)", root);
	if (pw != NULL && !proc_become(pw->pw_uid, pw->pw_gid, user))
		fatal("setuid(%ld)", (long)pw->pw_uid);
}

/* --- sessions */

static struct {
	int		 listener;
	size_t		 count, max;
	sink_serve_fn	*serve;
	struct task_cond room;
} sink = { .room = TASK_COND_INIT(sink.room) };

struct visitor {
	int		fd;
	struct addr	addr;
};

static void
session(void *arg)
{
	struct visitor *v = arg;

	sink.serve(v->fd, &v->addr);
	mem_free(v);
	if (sink.count-- == sink.max)
		task_wake_one(&sink.room);
}

static bool
accept_one(void)
{
	struct visitor *v = NEW(struct visitor);

	v->addr.len = sizeof v->addr.sa;
	v->fd = accept4(sink.listener, (void *)&v->addr.sa, &v->addr.len,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (v->fd < 0) {
		mem_free(v);
		return false;
	}
	sink.count++;
	task_start("session", session, v);
	return true;
}

static void
accept_all(void *arg)
{
	(void)arg;
	for (;;) {
		if (sink.count >= sink.max) {
			task_listen_off(sink.listener);
			task_wait(&sink.room, CLOCK_NEVER);
		} else if (accept_one()) {
			continue;
		} else if (errno == EAGAIN) {
			task_wait_accept(sink.listener, CLOCK_NEVER);
		} else if (errno != ECONNABORTED && errno != EINTR) {
			log_warn("accept connection: %s", strerror(errno));
			task_sleep_ms(RETRY_MS);
		}
	}
}

void
sink_loop(int listener, size_t connections_max, sink_serve_fn *serve)
{
	proc_max_files();
	sink.listener = listener;
	sink.max = connections_max;
	sink.serve = serve;
	task_start("accept", accept_all, NULL);
	task_loop();
	exit(0);
}

void
sink_show(const char *fmt, ...)
{
	struct buf b = BUF_INIT;
	va_list	   ap;

	va_start(ap, fmt);
	buf_addv(&b, fmt, ap);
	va_end(ap);
	buf_addc(&b, '\r');
	if (!file_write_all(STDOUT_FILENO, b.data, b.len))
		log_debug("standard output: %s", strerror(errno));
	buf_done(&b);
}
