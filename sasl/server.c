#include "sasl/server.h"

#include <stdarg.h>
#include <string.h>

#include "sasl/server_int.h"
#include "util/mem.h"
#include "util/text.h"

static const struct sasl_backend *const backends[] = {
	&sasl_cyrus, &sasl_dovecot,
};

enum { BACKENDS = sizeof backends / sizeof *backends };

struct sasl_server *
sasl_server_open(const struct sasl_server_settings *set, const char **ret_why)
{
	struct sasl_server *server = NEW(struct sasl_server);

	server->set = *set;
	for (int i = 0; i < BACKENDS; i++)
		if (text_eq(set->type, backends[i]->name))
			server->backend = backends[i];
	if (server->backend == NULL)
		*ret_why = "unsupported SASL server implementation";
	else if (server->backend->open(server, ret_why))
		return server;
	mem_free(server);
	return NULL;
}

bool
sasl_server_mechanisms(struct sasl_server *server, const struct sasl_facts *f,
    struct buf *ret, const char **ret_why)
{
	return server->backend->mechanisms(server, f, ret, ret_why);
}

struct sasl_login *
sasl_login_new(struct sasl_server *server, const struct sasl_facts *facts)
{
	struct sasl_login *l = NEW(struct sasl_login);

	l->server = server;
	l->facts = facts;
	l->text = (struct buf)BUF_INIT;
	return l;
}

enum sasl_step
sasl_login_fail(struct sasl_login *l, enum sasl_step step, const char *fmt, ...)
{
	va_list ap;

	buf_clear(&l->text);
	va_start(ap, fmt);
	buf_addv(&l->text, fmt, ap);
	va_end(ap);
	return step;
}

void
sasl_login_set_user(struct sasl_login *l, const char *user)
{
	struct buf b = BUF_INIT;

	text_printable(&b, user, strlen(user), true);
	mem_free(l->user);
	l->user = buf_take(&b);
}

enum sasl_step
sasl_login_begin(struct sasl_login *l, const char *mechanism,
    const char *initial)
{
	if (initial != NULL && !sasl_is_base64(initial))
		return sasl_login_fail(l, SASL_STEP_REFUSED,
		    "Invalid base64 data in initial response");
	return l->server->backend->begin(l, mechanism, initial);
}

enum sasl_step
sasl_login_go_on(struct sasl_login *l, const char *response)
{
	if (!sasl_is_base64(response))
		return sasl_login_fail(l, SASL_STEP_REFUSED,
		    "Invalid base64 data in continued response");
	return l->server->backend->go_on(l, response);
}

const char *
sasl_login_text(const struct sasl_login *l)
{
	return l->text.data;
}

const char *
sasl_login_user(const struct sasl_login *l)
{
	return l->user;
}

void
sasl_login_free(struct sasl_login *l)
{
	if (l == NULL)
		return;
	l->server->backend->end(l);
	if (l->text.size > 0)
		explicit_bzero(l->text.data, l->text.size);
	buf_done(&l->text);
	mem_free(l->user);
	mem_free(l);
}
