/*
 * XCLIENT: a program that we believe says who its client is, and the session
 * begins anew for that one.  For tests of restrictions, and for proxies.
 */

#include <string.h>
#include <strings.h>

#include "conf/param.h"
#include "smtpd/command.h"
#include "smtpd/config.h"
#include "smtpd/limits.h"
#include "smtpd/notice.h"
#include "smtpd/reply.h"
#include "smtpd/upstream.h"
#include "smtpd/xcommand.h"
#include "table/match.h"
#include "util/text.h"

/* What a command says, until it is known to be right as a whole. */
struct change {
	struct session	*s;
	struct client	 client;
	const char	*helo, *protocol, *login;
	bool		 has_login;
};

static const char *
keep(struct change *c, const struct xattr *x)
{
	return pool_strdup(&c->s->pool, x->value.data);
}

/* A name, or why there is none. */
static bool
take_host(struct change *c, const struct xattr *x, const char **name,
    enum name_status *st)
{
	if (x->unavailable || x->temporary) {
		*name = "unknown";
		*st = x->temporary ? NAME_TRY_AGAIN : NAME_UNKNOWN;
		return true;
	}
	if (!xattr_is_hostname(x))
		return false;
	*name = keep(c, x);
	*st = NAME_OK;
	return true;
}

/* The verified name is the unverified one, too. */
static bool
take_name(void *arg, const struct xattr *x)
{
	struct change *c = arg;
	struct client *k = &c->client;

	if (!take_host(c, x, &k->name, &k->name_status))
		return false;
	if (k->name_status == NAME_OK) {
		k->reverse_name = k->name;
		k->reverse_status = NAME_OK;
	}
	return true;
}

static bool
take_reverse_name(void *arg, const struct xattr *x)
{
	struct change *c = arg;
	struct client *k = &c->client;

	return take_host(c, x, &k->reverse_name, &k->reverse_status);
}

static bool
take_ip(const struct xattr *x, struct addr *a, char text[ADDR_TEXT])
{
	if (x->unavailable) {
		memset(a, 0, sizeof *a);
		strcpy(text, "unknown");
		return true;
	}
	if (!xattr_address(x, a))
		return false;
	addr_text(a, text);
	return true;
}

static bool
take_addr(void *arg, const struct xattr *x)
{
	struct change *c = arg;

	return take_ip(x, &c->client.addr, c->client.ip);
}

static bool
take_destaddr(void *arg, const struct xattr *x)
{
	struct change *c = arg;
	struct addr unused;

	return take_ip(x, &unused, c->client.server_ip);
}

static bool
take_port(void *arg, const struct xattr *x)
{
	struct change *c = arg;

	if (x->unavailable)
		c->client.port = 0;
	return x->unavailable || xattr_port(x, &c->client.port);
}

static bool
take_destport(void *arg, const struct xattr *x)
{
	struct change *c = arg;

	if (x->unavailable)
		c->client.server_port = 0;
	return x->unavailable || xattr_port(x, &c->client.server_port);
}

static bool
take_helo(void *arg, const struct xattr *x)
{
	struct change *c = arg;

	c->helo = x->unavailable ? NULL : keep(c, x);
	return true;
}

static bool
take_proto(void *arg, const struct xattr *x)
{
	struct change *c = arg;

	if (text_eq_nocase(x->value.data, "SMTP"))
		c->protocol = "SMTP";
	else if (text_eq_nocase(x->value.data, "ESMTP"))
		c->protocol = "ESMTP";
	else
		return false;
	return true;
}

static bool
take_login(void *arg, const struct xattr *x)
{
	struct change *c = arg;

	c->has_login = true;
	c->login = x->unavailable ? NULL : keep(c, x);
	return true;
}

static const struct xcommand xclient = {
	.name = "XCLIENT",
	.attrs = (const struct xcommand_attr[]){
		{ "NAME", take_name }, { "ADDR", take_addr },
		{ "PORT", take_port }, { "PROTO", take_proto },
		{ "HELO", take_helo }, { "REVERSE_NAME", take_reverse_name },
		{ "LOGIN", take_login }, { "DESTADDR", take_destaddr },
		{ "DESTPORT", take_destport }, { NULL, NULL },
	},
};

static void
begin_anew(struct session *s, const struct change *c)
{
	s->client = c->client;
	upstream_judge_client(s);
	if (c->has_login) {
		s->auth.method = c->login != NULL ? "XCLIENT" : NULL;
		s->auth.username = c->login;
		s->auth.sender = NULL;
	}
	session_reset(s);
	notice_trim(s);
	mem_free(s->helo);
	s->helo = c->helo != NULL ? mem_strdup(c->helo) : NULL;
	s->protocol = c->protocol;
	s->esmtp = text_eq(c->protocol, "ESMTP");
	s->xclient_allowed = match_client(smtpd_config.xclient_hosts,
	    s->client.name, &s->client.addr) == MATCH_YES;
	if (c->has_login && !limits_login(s))
		reply(s, "421 4.7.0 %s Error: too many connections from %s",
		    conf_mail.myhostname, s->auth.username);
	else
		session_greet(s);
}

/* Never counted as done well: the greeting answers another command. */
bool
xclient_run(struct session *s, struct command_line *line)
{
	struct change c = { .s = s, .client = s->client, .protocol = "SMTP" };

	if (xcommand_may_run(s, &xclient, line, s->xclient_allowed &&
	    !(s->ehlo_discard & EHLO_XCLIENT)) &&
	    xcommand_take(s, &xclient, line, &c))
		begin_anew(s, &c);
	return false;
}
