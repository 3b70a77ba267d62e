#include "smtpd/upstream.h"

#include "conf/param.h"
#include "net/proxy.h"
#include "server/server.h"
#include "smtpd/config.h"
#include "smtpd/escape.h"
#include "smtpd/session.h"
#include "table/match.h"
#include "util/log.h"
#include "util/stream.h"

enum { SHOWN_MAX = 256 };	/* bytes of a bad header in the log */

static enum proxy_result
read_header(struct stream *stream, struct addr *client, struct addr *server,
    struct buf *ret_seen, const char **ret_why)
{
	enum proxy_result r = PROXY_MORE;
	const char	 *p;
	size_t		  len = 0, used;

	*ret_why = NULL;
	do {
		p = stream_peek_more(stream, len, &len);
		if (p == NULL)
			break;
		r = proxy_parse(p, len, client, server, &used, ret_why);
		buf_clear(ret_seen);
		buf_add(ret_seen, p, len < SHOWN_MAX ? len : SHOWN_MAX);
	} while (r == PROXY_MORE);
	if (*ret_why == NULL)
		*ret_why = stream_timed_out(stream) ? "timeout error" :
		    "EOF error";
	if (r == PROXY_OK || r == PROXY_NONE)
		stream_skip(stream, used);
	return r;
}

static void
complain(const char *why, const struct buf *seen)
{
	struct buf b = BUF_INIT;

	escape_add(&b, seen->data, seen->len);
	log_warn("haproxy read: %s%s%s", why, b.len > 0 ? ": " : "", b.data);
	buf_done(&b);
}

void
upstream_judge_client(struct session *s)
{
	struct client	 *c = &s->client;
	enum match_result got;

	client_label(c, &s->pool, conf_smtpd.smtpd_client_port_logging);
	got = match_client(smtpd_config.mynetworks,
	    c->name_status == NAME_OK ? c->name : NULL, &c->addr);
	c->trusted = got == MATCH_YES;
	c->trust_unknown = got == MATCH_ERROR;
}

bool
upstream_find_client(struct session *s)
{
	struct addr	  client, server;
	struct buf	  seen = BUF_INIT;
	const char	 *why;
	enum proxy_result r = PROXY_NONE;
	bool		  lookup = conf_smtpd.smtpd_peername_lookup;
	bool		  is_here = false;

	if (server_passed(s->stream, &client, &server))
		r = PROXY_OK;
	else if (!s->standalone &&
	    *conf_smtpd.smtpd_upstream_proxy_protocol != '\0') {
		stream_set_deadline(s->stream,
		    conf_smtpd.smtpd_upstream_proxy_timeout);
		r = read_header(s->stream, &client, &server, &seen, &why);
		if (r == PROXY_MORE || r == PROXY_BAD)
			complain(why, &seen);
		buf_done(&seen);
	}
	if (r == PROXY_OK)
		client_find_at(&s->client, &s->pool, &client, &server, lookup);
	else if (!client_find(&s->client, &s->pool, stream_fd(s->stream),
	    lookup))
		is_here = s->client.trusted = true;
	if (!is_here)
		upstream_judge_client(s);
	return r == PROXY_OK || r == PROXY_NONE;
}
