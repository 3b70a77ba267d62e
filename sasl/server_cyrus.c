/*
 * server_cyrus - logins by libsasl2: sasldb, saslauthd, auxprop plug-ins
 *
 * Each login has a connection of the library's from its beginning to its end.
 * Its calls may wait for a socket or a database, so they run in helper threads,
 * one at a time for a login.  The list of mechanisms depends on the options
 * alone and is asked for once for each set of them.
 */

#include <stdlib.h>
#include <string.h>

#include "sasl/cyrus.h"
#include "sasl/server_int.h"
#include "util/clock.h"
#include "util/mem.h"
#include "util/task.h"
#include "util/text.h"

enum {
	LISTS_MAX = 8,
	CALLS_MAX = 16,		/* at once: others need helper threads, too */
	TURN_WAIT = 30,		/* seconds for a turn */
};

struct list_of {
	unsigned options;
	char	*names;
};

struct cyrus_server {
	const struct cyrus *api;
	struct list_of	    lists[LISTS_MAX];
	unsigned	    list_count;
	unsigned	    calls;	/* under way */
	struct task_cond    call_ended;
	struct buf	    why;
};

/* One call, carried out by a helper thread. */
struct call {
	const struct sasl_server *server;
	const struct sasl_facts	 *facts;
	sasl_conn_t	*conn;
	const char	*mechanism;	/* NULL: a further step */
	const char	*in;
	unsigned	 in_len;
	const char	*out;		/* the connection's */
	unsigned	 out_len;
	int		 status;
	struct buf	 said;
};

static const struct cyrus *
api_of(const struct sasl_server *server)
{
	return ((const struct cyrus_server *)server->state)->api;
}

/* "192.0.2.1;25"; NULL if the address is not known. */
static const char *
endpoint(struct buf *b, const char *ip, unsigned port)
{
	if (*ip == '\0')
		return NULL;
	buf_addf(b, "%s;%u", ip, port);
	return b->data;
}

static void
connect_new(struct call *c)
{
	const struct sasl_server_settings *set = &c->server->set;
	const struct sasl_facts		  *f = c->facts;
	const struct cyrus		  *api = api_of(c->server);
	struct buf local = BUF_INIT, remote = BUF_INIT;

	c->status = api->sasl_server_new(set->service, set->hostname,
	    *set->realm != '\0' ? set->realm : NULL,
	    endpoint(&local, f->server_ip, f->server_port),
	    endpoint(&remote, f->client_ip, f->client_port), NULL, 0,
	    &c->conn);
	if (c->status == SASL_OK) {
		cyrus_set_options(c->conn, f->options);
		if (f->certificate != NULL)
			api->sasl_setprop(c->conn, SASL_AUTH_EXTERNAL,
			    f->certificate);
	}
	buf_done(&local);
	buf_done(&remote);
}

static void
run_step(void *arg)
{
	struct call	   *c = arg;
	const struct cyrus *api = api_of(c->server);

	cyrus_listen(&c->said);
	if (c->mechanism != NULL) {
		connect_new(c);
		if (c->status == SASL_OK)
			c->status = api->sasl_server_start(c->conn,
			    c->mechanism, c->in, c->in_len, &c->out,
			    &c->out_len);
	} else {
		c->status = api->sasl_server_step(c->conn, c->in, c->in_len,
		    &c->out, &c->out_len);
	}
	cyrus_listen(NULL);
}

static void
run_list(void *arg)
{
	struct call *c = arg;

	cyrus_listen(&c->said);
	connect_new(c);
	if (c->status == SASL_OK)
		c->status = api_of(c->server)->sasl_listmech(c->conn, NULL,
		    "", " ", "", &c->out, &c->out_len, NULL);
	cyrus_listen(NULL);
}

/*
 * A saslauthd that hangs holds what waits for it for ever: no more than
 * CALLS_MAX, and the rest of the process goes on.  False: there was no turn.
 */
static bool
call_aside(struct cyrus_server *cs, void (*fn)(void *), struct call *c)
{
	int64_t until = clock_in(TURN_WAIT);

	while (cs->calls >= CALLS_MAX)
		if (!task_wait(&cs->call_ended, until))
			return false;
	cs->calls++;
	task_offload(fn, c);
	cs->calls--;
	task_wake_one(&cs->call_ended);
	return true;
}

static const char *
property(const struct cyrus *api, sasl_conn_t *conn, int which)
{
	const void *value = NULL;

	if (conn == NULL || api->sasl_getprop(conn, which, &value) != SASL_OK)
		return NULL;
	return value;
}

/* Trouble of ours, not of who logs in. */
static bool
is_temporary(int status)
{
	return status == SASL_FAIL || status == SASL_NOMEM ||
	    status == SASL_TRYAGAIN || status == SASL_UNAVAIL ||
	    status == SASL_WEAKPASS;
}

static enum sasl_step
settle(struct sasl_login *l, struct call *c)
{
	const struct cyrus *api = api_of(l->server);
	const char	   *user;

	cyrus_tell(&c->said, l->server->set.warn);
	buf_done(&c->said);
	if (c->status == SASL_CONTINUE) {
		buf_clear(&l->text);
		text_base64(&l->text, c->out, c->out_len);
		return SASL_STEP_MORE;
	}
	user = property(api, c->conn, SASL_USERNAME);
	if (user == NULL)
		user = property(api, c->conn, SASL_AUTHUSER);
	if (user != NULL)
		sasl_login_set_user(l, user);
	if (c->status == SASL_OK && user != NULL && *user != '\0')
		return SASL_STEP_DONE;
	if (c->status == SASL_OK)
		c->status = SASL_BADPROT;
	return sasl_login_fail(l, is_temporary(c->status) ? SASL_STEP_LATER :
	    SASL_STEP_REFUSED, "%s", cyrus_text(c->status));
}

/* `base64` may be NULL: no response. */
static enum sasl_step
step(struct sasl_login *l, const char *mechanism, const char *base64)
{
	struct call c = {
		.server = l->server, .facts = l->facts, .conn = l->state,
		.mechanism = mechanism, .said = BUF_INIT,
	};
	struct buf     in = BUF_INIT;
	enum sasl_step r;

	if (base64 != NULL && !text_eq(base64, "=") &&
	    !text_unbase64(&in, base64, strlen(base64))) {
		buf_done(&in);
		return sasl_login_fail(l, SASL_STEP_REFUSED,
		    "Invalid base64 data in %s response",
		    mechanism != NULL ? "initial" : "continued");
	}
	if (base64 != NULL) {
		c.in = in.data;
		c.in_len = (unsigned)in.len;
	}
	if (call_aside(l->server->state, run_step, &c)) {
		l->state = c.conn;
		r = settle(l, &c);
	} else {
		r = sasl_login_fail(l, SASL_STEP_LATER,
		    "authentication takes too long");
	}
	if (in.size > 0)
		explicit_bzero(in.data, in.size);
	buf_done(&in);
	return r;
}

static enum sasl_step
begin(struct sasl_login *l, const char *mechanism, const char *initial)
{
	return step(l, mechanism, initial);
}

static enum sasl_step
go_on(struct sasl_login *l, const char *response)
{
	return step(l, NULL, response);
}

static void
end(struct sasl_login *l)
{
	sasl_conn_t *conn = l->state;

	if (conn != NULL)
		api_of(l->server)->sasl_dispose(&conn);
}

static const char *
known_list(const struct cyrus_server *cs, unsigned options)
{
	for (unsigned i = 0; i < cs->list_count; i++)
		if (cs->lists[i].options == options)
			return cs->lists[i].names;
	return NULL;
}

static bool
ask_list(struct sasl_server *server, const struct sasl_facts *f,
    struct buf *ret)
{
	struct cyrus_server *cs = server->state;
	struct call c = { .server = server, .facts = f, .said = BUF_INIT };

	if (!call_aside(cs, run_list, &c))
		c.status = SASL_TRYAGAIN;
	cyrus_tell(&c.said, server->set.warn);
	buf_done(&c.said);
	if (c.status == SASL_OK)
		buf_add(ret, c.out, c.out_len);
	else
		buf_set(&cs->why, cyrus_text(c.status));
	if (c.conn != NULL)
		cs->api->sasl_dispose(&c.conn);
	/* with a certificate EXTERNAL is there too */
	if (c.status == SASL_OK && f->certificate == NULL &&
	    known_list(cs, f->options) == NULL && cs->list_count < LISTS_MAX)
		cs->lists[cs->list_count++] = (struct list_of){ f->options,
		    mem_strdup(ret->data) };
	return ret->len > 0;
}

static bool
mechanisms(struct sasl_server *server, const struct sasl_facts *f,
    struct buf *ret, const char **ret_why)
{
	struct cyrus_server *cs = server->state;
	const char	    *names;

	buf_clear(ret);
	*ret_why = cs->why.data;
	if (f->certificate == NULL &&
	    (names = known_list(cs, f->options)) != NULL) {
		buf_adds(ret, names);
		return ret->len > 0;
	}
	return ask_list(server, f, ret);
}

static bool
open_cyrus(struct sasl_server *server, const char **ret_why)
{
	struct cyrus_server *cs = NEW(struct cyrus_server);
	struct buf	     said = BUF_INIT;
	int		     status;

	cs->why = (struct buf)BUF_INIT;
	buf_set(&cs->why, "no mechanism applicable");
	task_cond_init(&cs->call_ended);
	cs->api = cyrus_load(server->set.config_path, ret_why);
	if (cs->api == NULL)
		return false;
	cyrus_listen(&said);
	status = cs->api->sasl_server_init(cyrus_log_callbacks,
	    server->set.path);
	cyrus_listen(NULL);
	cyrus_tell(&said, server->set.warn);
	buf_done(&said);
	server->state = cs;
	if (status != SASL_OK)
		*ret_why = cyrus_text(status);
	return status == SASL_OK;
}

const struct sasl_backend sasl_cyrus = {
	.name = "cyrus",
	.open = open_cyrus,
	.mechanisms = mechanisms,
	.begin = begin,
	.go_on = go_on,
	.end = end,
};
