/* XFORWARD: a content filter passes on what its own client told it. */

#include "smtpd/xforward.h"

#include <string.h>

#include "smtpd/command.h"
#include "smtpd/config.h"
#include "smtpd/reply.h"
#include "smtpd/xcommand.h"
#include "util/text.h"

enum { PROTOCOL_MAX = 64 };	/* bytes */

#define UNKNOWN	"unknown"

static const char *
keep(struct session *s, const struct xattr *x, const char *none)
{
	return x->unavailable ? none :
	    pool_strdup(&s->tr.pool, x->value.data);
}

static bool
take_name(void *arg, const struct xattr *x)
{
	struct session *s = arg;

	s->tr.forwarded->has_client = true;
	if (!x->unavailable && !xattr_is_hostname(x))
		return false;
	s->tr.forwarded->name = keep(s, x, UNKNOWN);
	return true;
}

static bool
take_addr(void *arg, const struct xattr *x)
{
	struct session *s = arg;
	struct addr a;
	char	    text[ADDR_TEXT];

	s->tr.forwarded->has_client = true;
	if (x->unavailable) {
		s->tr.forwarded->ip = UNKNOWN;
		return true;
	}
	if (!xattr_address(x, &a))
		return false;
	addr_text(&a, text);
	s->tr.forwarded->ip = pool_strdup(&s->tr.pool, text);
	return true;
}

static bool
take_port(void *arg, const struct xattr *x)
{
	struct session *s = arg;
	uint16_t port;

	s->tr.forwarded->has_client = true;
	if (!x->unavailable && !xattr_port(x, &port))
		return false;
	s->tr.forwarded->port = keep(s, x, UNKNOWN);
	return true;
}

static bool
take_proto(void *arg, const struct xattr *x)
{
	struct session *s = arg;

	if (x->value.len > PROTOCOL_MAX)
		return false;
	s->tr.forwarded->has_client = true;
	s->tr.forwarded->protocol = keep(s, x, "");
	return true;
}

static bool
take_helo(void *arg, const struct xattr *x)
{
	struct session *s = arg;

	s->tr.forwarded->has_client = true;
	s->tr.forwarded->helo = keep(s, x, "");
	return true;
}

static bool
take_ident(void *arg, const struct xattr *x)
{
	struct session *s = arg;

	s->tr.forwarded->ident = keep(s, x, "");
	return true;
}

static bool
take_source(void *arg, const struct xattr *x)
{
	struct session *s = arg;
	static const struct {
		const char *word, *context;
	} rows[] = {
		{ "LOCAL", "local" }, { "REMOTE", "remote" },
		{ "[UNAVAILABLE]", "" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (!text_eq_nocase(x->value.data, rows[i].word))
			continue;
		s->tr.forwarded->source = rows[i].context;
		return true;
	}
	return false;
}

static const struct xcommand xforward = {
	.name = "XFORWARD",
	.attrs = (const struct xcommand_attr[]){
		{ "NAME", take_name }, { "ADDR", take_addr },
		{ "PORT", take_port }, { "PROTO", take_proto },
		{ "HELO", take_helo }, { "IDENT", take_ident },
		{ "SOURCE", take_source }, { NULL, NULL },
	},
};

static struct forwarded *
new(struct session *s)
{
	struct forwarded *f = pool_zalloc(&s->tr.pool, sizeof *f);

	f->name = f->ip = f->port = UNKNOWN;
	f->label = UNKNOWN "[" UNKNOWN "]";
	f->helo = f->protocol = f->ident = f->source = "";
	return f;
}

bool
xforward_run(struct session *s, struct command_line *line)
{
	if (!xcommand_may_run(s, &xforward, line, s->xforward_allowed &&
	    !(s->ehlo_discard & EHLO_XFORWARD)))
		return false;
	if (s->tr.forwarded == NULL)
		s->tr.forwarded = new(s);
	if (!xcommand_take(s, &xforward, line, s))
		return false;
	s->tr.forwarded->label = pool_printf(&s->tr.pool, "%s[%s]",
	    s->tr.forwarded->name, s->tr.forwarded->ip);
	reply(s, "250 2.0.0 Ok");
	return true;
}

void
xforward_facts(struct session *s, struct forwarded *ret)
{
	const struct client    *c = &s->client;
	const struct forwarded *f = s->tr.forwarded;

	if (f != NULL && f->has_client) {
		*ret = *f;
		return;
	}
	*ret = (struct forwarded){
		.name = c->name, .ip = c->ip,
		.port = pool_printf(&s->tr.pool, "%u", c->port),
		.helo = s->helo != NULL ? s->helo : "",
		.protocol = s->protocol,
		.ident = f != NULL ? f->ident : "",
		.source = f != NULL ? f->source : "",
		.label = c->label,
	};
}
