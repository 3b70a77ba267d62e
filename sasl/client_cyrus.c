/*
 * client_cyrus - logging in by libsasl2's mechanisms
 *
 * The calls run in helper threads: GSSAPI asks a key server, SCRAM computes
 * for milliseconds.
 */

#include <stdlib.h>
#include <string.h>

#include "sasl/client_int.h"
#include "sasl/cyrus.h"
#include "util/mem.h"
#include "util/task.h"

struct cyrus_talk {
	sasl_conn_t	*conn;
	sasl_callback_t	 callbacks[4];
	sasl_secret_t	*secret;
	const char	*user;
	const char	*authzid;
};

struct call {
	struct sasl_talk *talk;
	const char	 *mechanisms;	/* NULL: a further step */
	const struct buf *in;
	const char	 *out, *mechanism;
	unsigned	  out_len;
	int		  status;
	struct buf	  said;
};

/* --- what the library asks for */

static int
give_name(void *arg, int id, const char **ret, unsigned *ret_len)
{
	const struct cyrus_talk *ct = arg;

	*ret = id == SASL_CB_USER ? ct->authzid : ct->user;
	if (ret_len != NULL)
		*ret_len = (unsigned)strlen(*ret);
	return SASL_OK;
}

static int
give_secret(sasl_conn_t *conn, void *arg, int id, sasl_secret_t **ret)
{
	struct cyrus_talk *ct = arg;

	(void)conn;
	(void)id;
	*ret = ct->secret;
	return SASL_OK;
}

static sasl_secret_t *
secret_new(const char *password)
{
	size_t	       n = strlen(password);
	sasl_secret_t *s = mem_zalloc(sizeof *s + n);

	s->len = n;
	memcpy(s->data, password, n);
	return s;
}

static struct cyrus_talk *
state_new(const struct sasl_talk *t)
{
	struct cyrus_talk *ct = NEW(struct cyrus_talk);
	int (*name)(void) = (int (*)(void))(void (*)(void))give_name;
	int (*secret)(void) = (int (*)(void))(void (*)(void))give_secret;

	ct->user = t->account->user;
	ct->authzid = t->client->set.send_authzid ? ct->user : "";
	ct->secret = secret_new(t->account->password);
	ct->callbacks[0] = (sasl_callback_t){ SASL_CB_USER, name, ct };
	ct->callbacks[1] = (sasl_callback_t){ SASL_CB_AUTHNAME, name, ct };
	ct->callbacks[2] = (sasl_callback_t){ SASL_CB_PASS, secret, ct };
	ct->callbacks[3] = (sasl_callback_t){ SASL_CB_LIST_END, NULL, NULL };
	return ct;
}

/* --- steps */

static void
run(void *arg)
{
	struct call	    *c = arg;
	const struct cyrus  *api = c->talk->client->api;
	struct cyrus_talk   *ct = c->talk->state;

	cyrus_listen(&c->said);
	if (c->mechanisms != NULL) {
		c->status = api->sasl_client_new("smtp",
		    c->talk->account->host, NULL, NULL, ct->callbacks, 0,
		    &ct->conn);
		if (c->status == SASL_OK) {
			cyrus_set_options(ct->conn, c->talk->account->options);
			c->status = api->sasl_client_start(ct->conn,
			    c->mechanisms, NULL, &c->out, &c->out_len,
			    &c->mechanism);
		}
	} else {
		c->status = api->sasl_client_step(ct->conn, c->in->data,
		    (unsigned)c->in->len, NULL, &c->out, &c->out_len);
	}
	cyrus_listen(NULL);
}

static enum sasl_step
step(struct sasl_talk *t, struct call *c)
{
	enum sasl_step r;

	c->talk = t;
	c->said = (struct buf)BUF_INIT;
	task_offload(run, c);
	cyrus_tell(&c->said, t->client->set.warn);
	buf_done(&c->said);
	if (c->status != SASL_OK && c->status != SASL_CONTINUE)
		return sasl_talk_fail(t, cyrus_text(c->status));
	if (c->mechanism != NULL)
		buf_set(&t->mechanism, c->mechanism);
	t->has_text = false;
	r = SASL_STEP_MORE;
	if (c->out != NULL || c->mechanisms == NULL)
		r = sasl_talk_say(t, c->out != NULL ? c->out : "",
		    c->out != NULL ? c->out_len : 0);
	return r;
}

static enum sasl_step
begin(struct sasl_talk *t, const char *mechanisms)
{
	struct call c = { .mechanisms = mechanisms };

	t->state = state_new(t);
	return step(t, &c);
}

static enum sasl_step
go_on(struct sasl_talk *t, const struct buf *challenge)
{
	struct call c = { .in = challenge };

	return step(t, &c);
}

static void
end(struct sasl_talk *t)
{
	struct cyrus_talk *ct = t->state;

	if (ct == NULL)
		return;
	if (ct->conn != NULL)
		t->client->api->sasl_dispose(&ct->conn);
	explicit_bzero(ct->secret->data, ct->secret->len);
	mem_free(ct->secret);
	mem_free(ct);
}

bool
sasl_client_start_cyrus(struct sasl_client *client, const char **ret_why)
{
	struct buf said = BUF_INIT;
	int	   status;

	client->api = cyrus_load(client->set.config_path, ret_why);
	if (client->api == NULL)
		return false;
	cyrus_listen(&said);
	status = client->api->sasl_client_init(cyrus_log_callbacks);
	cyrus_listen(NULL);
	cyrus_tell(&said, client->set.warn);
	buf_done(&said);
	if (status != SASL_OK)
		*ret_why = cyrus_text(status);
	return status == SASL_OK;
}

const struct sasl_way sasl_way_cyrus = { begin, go_on, end };
