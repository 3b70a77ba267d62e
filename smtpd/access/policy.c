/* check_policy_service: another program decides.  What it answers is what an
 * access table could. */

#include <string.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/param.h"
#include "smtpd/access/access.h"
#include "smtpd/facts.h"
#include "smtpd/policy.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/text.h"

#define BUILT_IN_ACTION	"451 4.3.5 Server configuration problem"

/* The same for all questions about a message, another for the next; none
 * before MAIL is accepted. */
static const char *
instance(struct session *s)
{
	static unsigned	    serial;
	struct transaction *t = &s->tr;
	int64_t		    now = clock_wall_us();

	if (!t->has_sender || text_eq(s->stage, "MAIL"))
		return "";
	if (t->instance == NULL)
		t->instance = pool_printf(&t->pool, "%x.%llx.%llx.%u",
		    (unsigned)getpid(), (unsigned long long)(now / 1000000),
		    (unsigned long long)(now % 1000000), serial++ % 10);
	return t->instance;
}

/* Control bytes would end the line. */
static void
put(struct buf *b, const char *name, const char *value)
{
	buf_addf(b, "%s=", name);
	for (; value != NULL && *value != '\0'; value++)
		buf_addc(b, (unsigned char)*value < ' ' ? '?' : *value);
	buf_addc(b, '\n');
}

static void
put_number(struct buf *b, const char *name, unsigned long long n)
{
	buf_addf(b, "%s=%llu\n", name, n);
}

static void
put_xtext(struct buf *b, const char *name, const char *value)
{
	buf_addf(b, "%s=", name);
	text_xtext(b, value, strlen(value));
	buf_addc(b, '\n');
}

/* The protocol knows no BDAT. */
static const char *
state_of(const struct access *a)
{
	return text_eq(a->s->stage, "BDAT") ? "DATA" : a->s->stage;
}

static void
put_port(struct buf *b, const char *name, uint16_t port)
{
	if (port == 0)
		put(b, name, "unknown");
	else
		put_number(b, name, port);
}

static void
put_client(struct buf *b, const struct access *a)
{
	const struct client *c = &a->s->client;

	put(b, "request", "smtpd_access_policy");
	put(b, "protocol_state", state_of(a));
	put(b, "protocol_name", a->s->protocol);
	put(b, "client_address", c->ip);
	put(b, "client_name", c->name);
	put_port(b, "client_port", c->port);
	put(b, "reverse_client_name", c->reverse_name);
	put(b, "server_address", c->server_ip);
	put_port(b, "server_port", c->server_port);
	put(b, "helo_name", a->helo);
}

static void
put_mail(struct buf *b, const struct access *a)
{
	struct session *s = a->s;
	bool		counted = a->stage == ACCESS_DATA ||
	    a->stage == ACCESS_END_OF_DATA;

	put(b, "sender", a->sender);
	put(b, "recipient", a->rcpt);
	put_number(b, "recipient_count", counted ? s->tr.rcpt_count : 0);
	put(b, "queue_id", s->tr.queue_id);
	put(b, "instance", instance(s));
	put_number(b, "size", a->stage == ACCESS_END_OF_DATA ? s->tr.size :
	    s->announced_size);
	put(b, "etrn_domain", a->etrn);
	put(b, "stress", conf_value("stress"));
}

static void
put_facts(struct buf *b, const struct session *s)
{
	put(b, "sasl_method", facts_sasl_method(s));
	put(b, "sasl_username", facts_sasl_username(s));
	put(b, "sasl_sender", facts_sasl_sender(s));
	put_xtext(b, "ccert_subject", facts_ccert_subject(s));
	put_xtext(b, "ccert_issuer", facts_ccert_issuer(s));
	put(b, "ccert_fingerprint", facts_ccert_fingerprint(s));
	put(b, "ccert_pubkey_fingerprint", facts_ccert_pubkey(s));
	put(b, "encryption_protocol", facts_tls_protocol(s));
	put(b, "encryption_cipher", facts_tls_cipher(s));
	put_number(b, "encryption_keysize",
	    (unsigned long long)facts_tls_bits(s));
}

static bool
ask(struct access *a, struct policy *p, struct buf *action)
{
	struct buf b = BUF_INIT;
	bool	   ok;

	put_client(&b, a);
	put_mail(&b, a);
	put_facts(&b, a->s);
	put(&b, "policy_context", p->context);
	put(&b, "compatibility_level", conf_mail.compatibility_level);
	put(&b, "mail_version", conf_mail.mail_version);
	buf_addc(&b, '\n');
	ok = policy_ask(p, a->s, &b, action);
	buf_done(&b);
	return ok;
}

static enum verdict
check_policy_service(struct access *a, const struct access_item *item)
{
	enum access_about about = access_about(a);
	struct policy	 *p;
	struct buf	  action = BUF_INIT;
	const char	 *origin;
	enum verdict	  v;
	bool		  answered;

	if (item->arg == NULL) {
		log_warn("restriction check_policy_service must be followed by "
		    "transport:server");
		return access_broken(a);
	}
	if ((p = policy_find(item->arg)) == NULL)
		return access_broken(a);
	origin = p->where;
	answered = ask(a, p, &action);
	if (!answered)
		buf_set(&action, a->in_default_action ? BUILT_IN_ACTION :
		    p->default_action);
	a->in_default_action += !answered;
	a->by_policy = true;
	v = access_action(a, about, access_about_name(a, about), origin,
	    action.data);
	a->by_policy = false;
	a->in_default_action -= !answered;
	buf_done(&action);
	return v;
}

const struct restriction access_policy_family[] = {
	{ "check_policy_service", check_policy_service, TAKES_WORD },
	{ NULL, NULL, 0 }
};
