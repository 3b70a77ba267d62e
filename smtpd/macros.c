#include "smtpd/macros.h"

#include <string.h>
#include <time.h>

#include "conf/conf.h"
#include "conf/param.h"
#include "mail/address.h"
#include "smtpd/session.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

static bool allowed[256];

void
macros_init(const char *filter)
{
	struct buf bytes = BUF_INIT;

	memset(allowed, 0, sizeof allowed);
	text_unescape(&bytes, filter);
	for (size_t i = 0; i < bytes.len; i++)
		allowed[(unsigned char)bytes.data[i]] = true;
	buf_done(&bytes);
}

/* --- values */

struct request {
	struct session	   *s;
	const char	   *rcpt;
	const struct macro *extra;
	struct pool	    pool;
	bool		    unknown;	/* a name without meaning was seen */
};

/* "<>" stands for the null address. */
static const char *
whole(struct request *r, const char *address)
{
	(void)r;
	return address != NULL && *address == '\0' ? "<>" : address;
}

static const char *
domain(struct request *r, const char *address)
{
	(void)r;
	return address != NULL ? address_domain(address) : NULL;
}

static const char *
name(struct request *r, const char *address)
{
	if (address == NULL)
		return NULL;
	if (*address == '\0')
		return "<>";
	return pool_strndup(&r->pool, address, address_local_len(address));
}

static const char *
localtime_text(struct request *r)
{
	char	  text[32];
	time_t	  now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(text, sizeof text, "%b %d %H:%M:%S", &tm);
	return pool_strdup(&r->pool, text);
}

static const char *
client_fact(struct request *r, const char *what)
{
	const struct client *c = &r->s->client;
	const struct {
		const char *name, *value;
	} facts[] = {
		{ "client", c->label },
		{ "client_address", c->ip },
		{ "client_name", c->name },
		{ "reverse_client_name", c->reverse_name },
		{ "helo_name", r->s->helo },
		{ "server_name", conf_mail.myhostname },
	};

	for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
		if (text_eq(what, facts[i].name))
			return facts[i].value != NULL ? facts[i].value : "";
	if (text_eq(what, "client_port"))
		return pool_printf(&r->pool, "%u", c->port);
	if (text_eq(what, "localtime"))
		return localtime_text(r);
	return NULL;
}

static const char *
mail_fact(struct request *r, const char *what)
{
	static const struct {
		const char *name;
		bool	    is_sender;
		const char *(*get)(struct request *, const char *);
	} facts[] = {
		{ "sender", true, whole },
		{ "sender_name", true, name },
		{ "sender_domain", true, domain },
		{ "recipient", false, whole },
		{ "recipient_name", false, name },
		{ "recipient_domain", false, domain },
	};
	const char *sender = r->s->tr.has_sender ? r->s->tr.sender : NULL;
	const char *value;

	for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
		if (!text_eq(what, facts[i].name))
			continue;
		value = facts[i].get(r, facts[i].is_sender ? sender : r->rcpt);
		return value != NULL ? value : "";
	}
	return NULL;
}

/*
 * What is not allowed becomes '_'; a dollar is doubled, so that the expansion
 * of the value gives the value.
 */
static const char *
guarded(struct request *r, const char *value)
{
	struct buf  b = BUF_INIT;
	const char *copy;

	for (; *value != '\0'; value++) {
		buf_addc(&b, allowed[(unsigned char)*value] ? *value : '_');
		if (b.data[b.len - 1] == '$')
			buf_addc(&b, '$');
	}
	copy = pool_strndup(&r->pool, b.data, b.len);
	buf_done(&b);
	return copy;
}

static const char *
get(void *arg, const char *what)
{
	struct request *r = arg;
	const char     *value;

	for (const struct macro *m = r->extra; m != NULL && m->name != NULL; m++)
		if (text_eq(what, m->name))
			return guarded(r, m->value != NULL ? m->value : "");
	value = client_fact(r, what);
	if (value == NULL)
		value = mail_fact(r, what);
	if (value == NULL)
		log_warn("unknown macro name \"%s\" in expansion request",
		    what);
	r->unknown = r->unknown || value == NULL;
	return value != NULL ? guarded(r, value) : "";
}

const char *
macros_fact(struct session *s, const char *name, struct pool *pool)
{
	struct request r = { .s = s, .pool = *pool };
	const char    *value = client_fact(&r, name);

	if (value == NULL)
		value = mail_fact(&r, name);
	*pool = r.pool;
	return value;
}

bool
macros_expand(struct buf *out, const char *title, const char *text,
    struct session *s, const char *rcpt, const struct macro *extra)
{
	struct request r = { s, rcpt, extra, POOL_INIT, false };
	const char    *why;
	bool	       ok = conf_expand(out, text, get, &r, &why);

	if (!ok)
		log_warn("%s: %s", title, why);
	pool_done(&r.pool);
	return ok && !r.unknown;
}
