#include <netinet/in.h>

#include "conf/param.h"
#include "mail/anvil_client.h"
#include "server/server.h"
#include "smtpd/config.h"
#include "smtpd/limits.h"
#include "smtpd/session.h"
#include "table/match.h"
#include "util/log.h"

/* The address with all but its first `bits` cleared. */
static void
network_text(const struct addr *a, int bits, char ret[ADDR_TEXT])
{
	struct addr    net = *a;
	unsigned char *p = addr_family(a) == AF_INET6 ?
	    ((struct sockaddr_in6 *)&net.sa)->sin6_addr.s6_addr :
	    (unsigned char *)&((struct sockaddr_in *)&net.sa)->sin_addr;
	int	       len = addr_family(a) == AF_INET6 ? 16 : 4;

	for (int i = 0; i < len; i++, bits -= 8)
		if (bits < 8)
			p[i] &= (unsigned char)(0xff00 >> (bits > 0 ? bits : 0));
	addr_text(&net, ret);
}

/*
 * The client as anvil counts it: its network, by smtpd_client_ipv4_prefix_length
 * and smtpd_client_ipv6_prefix_length.
 */
static const char *
ident(struct session *s)
{
	const struct addr *a = &s->client.addr;
	bool		   v6 = addr_family(a) == AF_INET6;
	int		   bits = v6 ?
	    conf_smtpd.smtpd_client_ipv6_prefix_length :
	    conf_smtpd.smtpd_client_ipv4_prefix_length;
	char		   text[ADDR_TEXT];

	network_text(a, bits, text);
	if (bits < (v6 ? 128 : 32))
		return pool_printf(&s->pool, "%s:%s/%d", server_service(),
		    text, bits);
	return pool_printf(&s->pool, "%s:%s", server_service(), text);
}

static bool
count(struct session *s, enum anvil_event event, int limit, const char *what)
{
	struct anvil_counts c;

	if (s->limit_ident == NULL || limit <= 0 ||
	    !anvil_event(s->limit_ident, event, &c) ||
	    c.rate <= (unsigned)limit)
		return true;
	s->account_exceeded = false;
	log_warn("%s rate limit exceeded: %u from %s for service %s", what,
	    c.rate, s->client.label, server_service());
	return false;
}

/* --- accounts */

static bool
is_excepted(const char *user)
{
	return smtpd_config.account_exceptions != NULL &&
	    match_word(smtpd_config.account_exceptions, user) == MATCH_YES;
}

static const char *
account_ident(struct session *s, const char *user)
{
	enum { USER_MAX = 150 };	/* bytes: anvil's idents are short */

	return pool_printf(&s->pool, "account:%.*s", USER_MAX, user);
}

static bool
exceeds(struct session *s, unsigned number, int limit, const char *what,
    const char *user)
{
	if (limit <= 0 || number <= (unsigned)limit)
		return false;
	s->account_exceeded = true;
	log_warn("Account %s limit exceeded: %u by %s from %s", what, number,
	    user, s->client.label);
	return true;
}

static bool
count_account(struct session *s, enum anvil_event event, int limit,
    const char *what)
{
	struct anvil_counts c;

	return s->account_ident == NULL || limit <= 0 ||
	    !anvil_event(s->account_ident, event, &c) ||
	    !exceeds(s, c.rate, limit, what, s->auth.username);
}

bool
limits_account_auth(struct session *s, const char *user)
{
	int		    limit = conf_smtpd.smtpd_account_auth_rate_limit;
	struct anvil_counts c;

	return limit <= 0 || user == NULL || is_excepted(user) ||
	    !anvil_event(account_ident(s, user), ANVIL_AUTH, &c) ||
	    !exceeds(s, c.rate, limit, "AUTH command rate", user);
}

static void
end_login(struct session *s)
{
	struct anvil_counts c;

	if (s->account_connected)
		anvil_event(s->account_ident, ANVIL_DISCONNECT, &c);
	s->account_connected = false;
	s->account_ident = NULL;
}

bool
limits_login(struct session *s)
{
	int		    most, rate;
	struct anvil_counts c;

	end_login(s);
	if (!smtpd_config.account_limits || s->auth.username == NULL ||
	    is_excepted(s->auth.username))
		return true;
	s->account_ident = account_ident(s, s->auth.username);
	most = conf_smtpd.smtpd_account_connection_count_limit;
	rate = conf_smtpd.smtpd_account_connection_rate_limit;
	if ((most <= 0 && rate <= 0) ||
	    !anvil_event(s->account_ident, ANVIL_CONNECT, &c))
		return true;
	s->account_connected = true;
	return !exceeds(s, c.connections, most, "connection concurrency",
	    s->auth.username) &&
	    !exceeds(s, c.rate, rate, "connection rate", s->auth.username);
}

const char *
limits_culprit(const struct session *s)
{
	return s->account_exceeded && s->auth.username != NULL ?
	    s->auth.username : s->client.ip;
}

/* --- clients */

static bool
is_limited(struct session *s)
{
	if (s->limit_ident != NULL)
		return true;
	if (s->standalone || !smtpd_config.limits ||
	    match_client(smtpd_config.limit_exceptions, s->client.name,
	    &s->client.addr) == MATCH_YES)
		return false;
	s->limit_ident = ident(s);
	return true;
}

bool
limits_connect(struct session *s)
{
	int		    most = conf_smtpd.smtpd_client_connection_count_limit;
	int		    rate = conf_smtpd.smtpd_client_connection_rate_limit;
	struct anvil_counts c;

	if (!is_limited(s))
		return true;
	if (most <= 0 && rate <= 0)
		return true;
	if (!anvil_event(s->limit_ident, ANVIL_CONNECT, &c))
		return true;
	s->limit_connected = true;
	s->client_connections = c.connections;
	if (most > 0 && c.connections > (unsigned)most) {
		log_warn("Connection concurrency limit exceeded: %u from %s "
		    "for service %s", c.connections, s->client.label,
		    server_service());
		return false;
	}
	if (rate > 0 && c.rate > (unsigned)rate) {
		log_warn("Connection rate limit exceeded: %u from %s "
		    "for service %s", c.rate, s->client.label,
		    server_service());
		return false;
	}
	return true;
}

bool
limits_mail(struct session *s)
{
	return count(s, ANVIL_MAIL, conf_smtpd.smtpd_client_message_rate_limit,
	    "Message delivery request") &&
	    count_account(s, ANVIL_MAIL,
	    conf_smtpd.smtpd_account_message_rate_limit, "message rate");
}

bool
limits_rcpt(struct session *s)
{
	return count(s, ANVIL_RCPT,
	    conf_smtpd.smtpd_client_recipient_rate_limit,
	    "Recipient address") &&
	    count_account(s, ANVIL_RCPT,
	    conf_smtpd.smtpd_account_recipient_rate_limit, "recipient rate");
}

bool
limits_auth(struct session *s)
{
	return count(s, ANVIL_AUTH, conf_smtpd.smtpd_client_auth_rate_limit,
	    "AUTH command");
}

/* A handshake is dear: whoever had too many is not given another. */
bool
limits_allow_tls(struct session *s, const char *what)
{
	int		    limit;
	struct anvil_counts c;

	limit = conf_smtpd.smtpd_client_new_tls_session_rate_limit;
	if (limit <= 0 || !is_limited(s) ||
	    !anvil_look(s->limit_ident, ANVIL_NEWTLS, &c) ||
	    c.rate <= (unsigned)limit)
		return true;
	log_warn("Refusing %s request from %s for service %s", what,
	    s->client.label, server_service());
	return false;
}

bool
limits_newtls(struct session *s)
{
	if (!is_limited(s))
		return true;
	return count(s, ANVIL_NEWTLS,
	    conf_smtpd.smtpd_client_new_tls_session_rate_limit,
	    "New TLS session");
}

void
limits_disconnect(struct session *s)
{
	struct anvil_counts c;

	if (s->limit_connected)
		anvil_event(s->limit_ident, ANVIL_DISCONNECT, &c);
	s->limit_connected = false;
	end_login(s);
}
