/*
 * server_dovecot - logins are Dovecot's to judge (its auth protocol 1.x)
 *
 * One connection serves all sessions of a process, made when the first asks.
 * A task reads replies and gives each to the login that waits for its id:
 *
 *	login: write AUTH or CONT, wait     reader: line -> login with that id
 *
 * When the connection is lost all that wait are told to try later, and the
 * next login makes a new one.
 */

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/connect.h"
#include "net/dns.h"
#include "sasl/dovecot_proto.h"
#include "sasl/server_int.h"
#include "util/clock.h"
#include "util/list.h"
#include "util/mem.h"
#include "util/stream.h"
#include "util/task.h"
#include "util/text.h"

enum {
	CONNECT_WAIT = 10,	/* seconds, handshake too */
	RETRY_MS = 1000,	/* after a failure */
	ANSWER_WAIT = 60,	/* Dovecot makes those who guess wait */
	LINE_MAX_BYTES = 64 * 1024,
	MECHS_MAX = 50,
};

/* The state of a login. */
struct request {
	uint32_t	 id;
	unsigned	 connection;	/* that it was begun on */
};

/* A login that waits for its answer; on its task's stack. */
struct waiting {
	struct list	 link;
	uint32_t	 id;
	struct task_cond answered;
	struct buf	 line;		/* empty: the connection was lost */
	bool		 done;
};

struct dovecot {
	const struct sasl_server *server;
	struct stream	   *stream;	/* NULL: not connected */
	bool		    connecting;
	int64_t		    failed_at;	/* clock_ms of the last failure */
	struct task_cond    changed;	/* connecting has ended */
	struct list	    waiting;
	uint32_t	    last_id;
	unsigned	    connections; /* so far */
	struct pool	    pool;	/* of the connection */
	struct dovecot_line mechs[MECHS_MAX];
	unsigned	    mech_count;
	struct buf	    why;	/* of the last failure */
};

/* --- the connection */

static int
connect_host(char *where, const char **ret_why)
{
	struct addr_list list = { 0 };
	char		*host, *port;
	uint16_t	 number;
	int		 fd = -1;

	if (!addr_split_host_port(where, &host, &port, ret_why))
		return -1;
	*ret_why = "inet:host:port is expected";
	if (host == NULL || port == NULL)
		return -1;
	number = addr_service_port(port);
	if (dns_addresses(host, DNS_V4 | DNS_V6, true, true, &list,
	    ret_why) != DNS_OK)
		return -1;
	for (size_t i = 0; i < list.count && fd < 0; i++) {
		addr_set_port(&list.items[i], number);
		fd = connect_inet(&list.items[i], NULL, clock_in(CONNECT_WAIT));
		*ret_why = strerror(errno);
	}
	addr_list_done(&list);
	return fd;
}

/* smtpd_sasl_path: "inet:host:port", "unix:path" or a path. */
static int
connect_to(const char *where, const char **ret_why)
{
	char *copy;
	int   fd;

	if (text_starts(where, "inet:")) {
		copy = mem_strdup(where + 5);
		fd = connect_host(copy, ret_why);
		mem_free(copy);
		return fd;
	}
	fd = connect_unix(text_starts(where, "unix:") ? where + 5 : where,
	    clock_in(CONNECT_WAIT));
	if (fd < 0)
		*ret_why = strerror(errno);
	return fd;
}

/* One line of the handshake.  False: it is over, *ret_why is NULL if well. */
static bool
take_hello(struct dovecot *d, const struct buf *line, const char **ret_why)
{
	struct dovecot_line *m = &d->mechs[d->mech_count];
	struct dovecot_line  other;

	if (d->mech_count == MECHS_MAX)
		m = &other;
	*ret_why = NULL;
	dovecot_parse(pool_strdup(&d->pool, line->data), m);
	switch (m->verb) {
	case DOVECOT_VERSION:
		if (m->id != 1)
			*ret_why = "its protocol is another version";
		return m->id == 1;
	case DOVECOT_MECH:
		if (m != &other)
			d->mech_count++;
		return true;
	case DOVECOT_BAD:
		*ret_why = "it does not speak the protocol";
		return false;
	case DOVECOT_DONE:
		return false;
	default:
		return true;
	}
}

static bool
shake_hands(struct dovecot *d, struct stream *s, const char **ret_why)
{
	struct buf line = BUF_INIT;
	bool	   more = true;

	pool_clear(&d->pool);
	d->mech_count = 0;
	stream_set_deadline(s, CONNECT_WAIT);
	stream_printf(s, "VERSION\t1\t0\nCPID\t%ld\n", (long)getpid());
	while (more) {
		if (stream_get_line(s, &line, LINE_MAX_BYTES) != LINE_OK) {
			*ret_why = stream_failed(s) != NULL ?
			    stream_failed(s) : "line too long";
			break;
		}
		more = take_hello(d, &line, ret_why);
	}
	buf_done(&line);
	return !more && *ret_why == NULL;
}

static void
lost(struct dovecot *d)
{
	struct list *l;

	stream_abort(d->stream);
	d->stream = NULL;
	while ((l = list_take(&d->waiting)) != NULL) {
		struct waiting *w = LIST_ENTRY(l, struct waiting, link);

		w->done = true;
		task_wake_all(&w->answered);
	}
}

static void
give(struct dovecot *d, uint32_t id, const struct buf *line)
{
	for (struct list *l = d->waiting.next; l != &d->waiting; l = l->next) {
		struct waiting *w = LIST_ENTRY(l, struct waiting, link);

		if (w->id != id)
			continue;
		list_remove(&w->link);
		buf_add(&w->line, line->data, line->len);
		w->done = true;
		task_wake_all(&w->answered);
		return;
	}
}

/* Lives as long as the connection. */
static void
read_answers(void *arg)
{
	struct dovecot	    *d = arg;
	struct buf	     line = BUF_INIT;
	struct dovecot_line  l;
	char		    *copy;

	while (stream_get_line(d->stream, &line, LINE_MAX_BYTES) == LINE_OK) {
		copy = mem_strdup(line.data);
		dovecot_parse(copy, &l);
		if (l.verb == DOVECOT_OK || l.verb == DOVECOT_CONT ||
		    l.verb == DOVECOT_FAIL)
			give(d, l.id, &line);
		mem_free(copy);
		if (l.verb == DOVECOT_BAD)
			break;
	}
	buf_done(&line);
	lost(d);
}

static bool
fail(struct dovecot *d, const char *what, const char *why)
{
	d->failed_at = clock_ms();
	buf_clear(&d->why);
	buf_addf(&d->why, "SASL: %s Dovecot auth socket '%s' failed: %s", what,
	    d->server->set.path, why);
	d->server->set.warn(d->why.data);
	return false;
}

static bool
open_connection(struct dovecot *d)
{
	struct stream *s;
	const char    *why = "";
	int	       fd = connect_to(d->server->set.path, &why);

	if (fd < 0)
		return fail(d, "Connect to", why);
	s = stream_open(fd);
	if (!shake_hands(d, s, &why)) {
		stream_abort(s);
		return fail(d, "Handshake with", why);
	}
	stream_set_deadline_at(s, CLOCK_NEVER);
	d->stream = s;
	d->connections++;
	task_start("dovecot", read_answers, d);
	return true;
}

/* Those who wait while somebody connects share what comes of it. */
static bool
be_connected(struct dovecot *d)
{
	int64_t since = clock_ms();
	bool	ok;

	while (d->connecting)
		task_wait(&d->changed, CLOCK_NEVER);
	if (d->stream != NULL)
		return true;
	if (d->failed_at > since ||
	    (d->failed_at != 0 && since - d->failed_at < RETRY_MS))
		return false;
	d->connecting = true;
	ok = open_connection(d);
	d->connecting = false;
	task_wake_all(&d->changed);
	return ok;
}

/* --- logins */

/* Past the stream, which the reader waits on; a line always fits into an
 * idle socket. */
static bool
write_line(struct dovecot *d, const struct buf *line)
{
	return d->stream != NULL && send(stream_fd(d->stream), line->data,
	    line->len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)line->len;
}

static enum sasl_step
take_answer(struct sasl_login *l, char *text)
{
	struct dovecot_line a;
	const char	   *user, *reason;

	dovecot_parse(text, &a);
	if (a.verb == DOVECOT_CONT) {
		buf_set(&l->text, a.name);
		return SASL_STEP_MORE;
	}
	if ((user = dovecot_find(&a, "user")) != NULL)
		sasl_login_set_user(l, user);
	if (a.verb == DOVECOT_OK && user != NULL && *user != '\0')
		return SASL_STEP_DONE;
	if (a.verb == DOVECOT_OK)
		return sasl_login_fail(l, SASL_STEP_LATER,
		    "authentication server names no user");
	reason = dovecot_find(&a, "reason");
	buf_clear(&l->text);
	if (reason != NULL && *reason != '\0')
		text_printable(&l->text, reason, strlen(reason), true);
	else
		buf_adds(&l->text, "(reason unavailable)");
	return dovecot_find(&a, "temp") != NULL ? SASL_STEP_LATER :
	    SASL_STEP_REFUSED;
}

/* The line has a password in it, perhaps. */
static enum sasl_step
ask(struct sasl_login *l, struct buf *line)
{
	struct dovecot *d = l->server->state;
	struct request *r = l->state;
	struct waiting	w = { .id = r->id, .line = BUF_INIT };
	int64_t		until = clock_in(ANSWER_WAIT);
	enum sasl_step	step;
	bool		sent = r->connection == d->connections &&
	    write_line(d, line);

	explicit_bzero(line->data, line->len);
	buf_done(line);
	if (!sent)
		return sasl_login_fail(l, SASL_STEP_LATER,
		    "Connection lost to authentication server");
	task_cond_init(&w.answered);
	list_append(&d->waiting, &w.link);
	while (!w.done && task_wait(&w.answered, until))
		;
	if (!w.done) {
		list_remove(&w.link);
		step = sasl_login_fail(l, SASL_STEP_LATER,
		    "authentication server timed out");
	} else if (w.line.len == 0) {
		step = sasl_login_fail(l, SASL_STEP_LATER,
		    "Connection lost to authentication server");
	} else {
		step = take_answer(l, w.line.data);
	}
	buf_done(&w.line);
	return step;
}

static bool
is_offered(const struct dovecot *d, const char *name, unsigned options)
{
	for (unsigned i = 0; i < d->mech_count; i++)
		if (text_eq_nocase(d->mechs[i].name, name))
			return dovecot_may_offer(&d->mechs[i], options);
	return false;
}

static void
add_facts(struct buf *b, const struct sasl_login *l)
{
	const struct sasl_facts *f = l->facts;

	dovecot_add(b, "service", l->server->set.service);
	dovecot_add(b, "nologin", NULL);
	dovecot_add(b, "lip", f->server_ip);
	dovecot_add(b, "rip", f->client_ip);
	if (f->encrypted)
		dovecot_add(b, "secured", NULL);
	if (f->certificate != NULL) {
		dovecot_add(b, "valid-client-cert", NULL);
		dovecot_add(b, "cert_username", f->certificate);
	}
}

static enum sasl_step
begin(struct sasl_login *l, const char *mechanism, const char *initial)
{
	struct dovecot *d = l->server->state;
	struct buf	line = BUF_INIT;
	struct request *r = NEW(struct request);

	l->state = r;
	if (!be_connected(d))
		return sasl_login_fail(l, SASL_STEP_LATER,
		    "Can't connect to authentication server");
	if (!is_offered(d, mechanism, l->facts->options))
		return sasl_login_fail(l, SASL_STEP_REFUSED,
		    "Invalid authentication mechanism: '%s'", mechanism);
	r->id = ++d->last_id;
	r->connection = d->connections;
	buf_addf(&line, "AUTH\t%u", (unsigned)r->id);
	dovecot_add(&line, mechanism, NULL);
	add_facts(&line, l);
	if (initial != NULL)
		dovecot_add(&line, "resp", initial);
	buf_addc(&line, '\n');
	return ask(l, &line);
}

static enum sasl_step
go_on(struct sasl_login *l, const char *response)
{
	struct request *r = l->state;
	struct buf	line = BUF_INIT;

	buf_addf(&line, "CONT\t%u", (unsigned)r->id);
	dovecot_add(&line, response, NULL);
	buf_addc(&line, '\n');
	return ask(l, &line);
}

static void
end(struct sasl_login *l)
{
	mem_free(l->state);
}

static bool
mechanisms(struct sasl_server *server, const struct sasl_facts *f,
    struct buf *ret, const char **ret_why)
{
	struct dovecot *d = server->state;

	if (!be_connected(d)) {
		*ret_why = d->why.data;
		return false;
	}
	buf_clear(ret);
	for (unsigned i = 0; i < d->mech_count; i++)
		if (dovecot_may_offer(&d->mechs[i], f->options))
			buf_addf(ret, "%s%s", ret->len > 0 ? " " : "",
			    d->mechs[i].name);
	*ret_why = "no mechanism is left by the security options";
	return ret->len > 0;
}

static bool
open_dovecot(struct sasl_server *server, const char **ret_why)
{
	struct dovecot *d = NEW(struct dovecot);

	(void)ret_why;
	d->server = server;
	d->why = (struct buf)BUF_INIT;
	task_cond_init(&d->changed);
	list_init(&d->waiting);
	server->state = d;
	return true;
}

const struct sasl_backend sasl_dovecot = {
	.name = "dovecot",
	.open = open_dovecot,
	.mechanisms = mechanisms,
	.begin = begin,
	.go_on = go_on,
	.end = end,
};
