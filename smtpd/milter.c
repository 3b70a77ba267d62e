/*
 * Events go to milters as they happen; the message itself is shown to them by
 * cleanup, which has it as it will be delivered.  At DATA the open sockets go
 * there with what was agreed on (milter_hand_over()); smtpd keeps its own
 * copies, is silent until cleanup has answered, and goes on afterwards.
 */

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "conf/param.h"
#include "mail/address.h"
#include "mail/cleanup_client.h"
#include "mail/milter_conf.h"
#include "mail/resolve_client.h"
#include "mail/rewrite.h"
#include "milter/session.h"
#include "net/tls.h"
#include "smtpd/config.h"
#include "smtpd/milter.h"
#include "smtpd/reply.h"
#include "smtpd/session.h"
#include "table/table.h"
#include "util/log.h"
#include "util/text.h"

static struct {
	struct milter_config	config;		/* smtpd_milters */
	struct milter_settings	defaults;
	struct table_list	*maps;		/* smtpd_milter_maps */
} milter;

/* Of one session. */
struct session_milter {
	struct milters		*all;
	struct milter_config	 config;
	struct milter_list	*own_list;	/* of smtpd_milter_maps */
	struct pool		 pool;		/* of a transaction */
	struct pool		 rcpt_pool;	/* of a recipient */
	struct buf		 args;		/* of MAIL or RCPT */
	struct buf		 value;		/* the last macro */
	bool			 for_message;	/* macros are for cleanup */
	const struct resolved	*mail_route, *rcpt_route;
	const char		*rcpt;		/* at hand, or NULL */
	const char		*mail_addr, *rcpt_addr;
	const char		*refused_dsn, *refused_text;	/* of a RCPT */
	bool			 refused;	/* 5xx at CONNECT or HELO */
};

/* --- parameters */

void
milter_config(void)
{
	const char *why;

	milter.defaults = milter_conf_defaults();
	if (!(smtpd_config.cleanup_flags & CLEANUP_MILTER) ||
	    (*conf_smtpd.smtpd_milters == '\0' &&
	    *conf_smtpd.smtpd_milter_maps == '\0'))
		return;
	if (!milter_conf_load(&milter.config, "smtpd_milters",
	    conf_smtpd.smtpd_milters, &why))
		fatalx("%s", why);
	if (*conf_smtpd.smtpd_milter_maps != '\0')
		milter.maps = table_list_open("smtpd_milter_maps",
		    conf_smtpd.smtpd_milter_maps, TABLE_FOLD);
}

/* --- macros */

static const char *
client_resolve(const struct client *c)
{
	static const char *const names[] = {
		[NAME_OK] = "OK", [NAME_FORGED] = "FORGED",
		[NAME_UNKNOWN] = "FAIL", [NAME_TRY_AGAIN] = "TEMP",
	};

	return names[c->name_status];
}

static const char *
print(struct session_milter *m, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static const char *
print(struct session_milter *m, const char *fmt, ...)
{
	va_list ap;

	buf_clear(&m->value);
	va_start(ap, fmt);
	buf_addv(&m->value, fmt, ap);
	va_end(ap);
	return m->value.data;
}

static const char *
client_macro(struct session *s, const char *name)
{
	struct session_milter *m = s->milter;
	const struct client   *c = &s->client;

	if (text_eq(name, "_"))
		return print(m, "%s [%s]%s", c->reverse_name, c->ip,
		    strcasecmp(c->name, c->reverse_name) != 0 ?
		    " (may be forged)" : "");
	if (text_eq(name, "{client_addr}"))
		return addr_family(&c->addr) == AF_INET6 ?
		    print(m, "IPv6:%s", c->ip) : c->ip;
	if (text_eq(name, "{client_name}"))
		return c->name;
	if (text_eq(name, "{client_ptr}"))
		return c->reverse_name;
	if (text_eq(name, "{client_port}"))
		return print(m, "%u", c->port);
	if (text_eq(name, "{daemon_addr}"))
		return c->server_ip;
	if (text_eq(name, "{daemon_port}"))
		return print(m, "%u", c->server_port);
	if (m->for_message)
		return NULL;
	if (text_eq(name, "{client_resolve}"))
		return client_resolve(c);
	if (text_eq(name, "{client_connections}"))
		return print(m, "%u", s->client_connections);
	return NULL;
}

static const char *
auth_macro(struct session *s, const char *name)
{
	if (text_eq(name, "{auth_type}"))
		return s->auth.method;
	if (text_eq(name, "{auth_authen}"))
		return s->auth.username;
	if (text_eq(name, "{auth_author}"))
		return s->auth.sender;
	return NULL;
}

/* The address as it will be seen by whoever gets the mail. */
static const struct resolved *
route(struct pool *pool, const char *address, const char **ret_addr)
{
	const struct rewrite_rules rules = rewrite_rules_local();
	struct resolved *r = pool_alloc(pool, sizeof *r);
	struct buf	 full = BUF_INIT, b = BUF_INIT;
	bool		 ok;

	*ret_addr = "";
	rewrite_standard(&full, address, &rules);
	ok = resolve_one(pool, "", full.data, r);
	if (ok && *address != '\0') {
		address_quote(&b, r->recipient);
		text_lower(b.data);
		*ret_addr = pool_strdup(pool, b.data);
	}
	buf_done(&full);
	buf_done(&b);
	return ok ? r : NULL;
}

static const char *
mail_macro(struct session *s, const char *name)
{
	struct session_milter *m = s->milter;

	if (!s->tr.has_sender)
		return NULL;
	if (m->mail_route == NULL)
		m->mail_route = route(&m->pool, s->tr.sender, &m->mail_addr);
	if (m->mail_route == NULL)
		return NULL;
	if (text_eq(name, "{mail_addr}"))
		return m->mail_addr;
	if (text_eq(name, "{mail_host}"))
		return m->mail_route->nexthop;
	if (text_eq(name, "{mail_mailer}"))
		return m->mail_route->transport;
	return NULL;
}

/* Of one that was refused: why, in place of where it would go. */
static const char *
rcpt_macro(struct session_milter *m, const char *name)
{
	if (m->refused_text != NULL) {
		if (text_eq(name, "{rcpt_addr}"))
			return m->refused_text;
		if (text_eq(name, "{rcpt_host}"))
			return m->refused_dsn;
		if (text_eq(name, "{rcpt_mailer}"))
			return "error";
		return NULL;
	}
	if (m->rcpt_route == NULL && m->rcpt != NULL)
		m->rcpt_route = route(&m->rcpt_pool, m->rcpt, &m->rcpt_addr);
	if (m->rcpt_route == NULL)
		return NULL;
	if (text_eq(name, "{rcpt_addr}"))
		return m->rcpt_addr;
	if (text_eq(name, "{rcpt_host}"))
		return m->rcpt_route->nexthop;
	if (text_eq(name, "{rcpt_mailer}"))
		return m->rcpt_route->transport;
	return NULL;
}

static const char *
tls_macro(struct session *s, const char *name)
{
	const struct tls_info *t = s->tls;

	if (t == NULL)
		return NULL;
	if (text_eq(name, "{tls_version}"))
		return t->protocol;
	if (text_eq(name, "{cipher}"))
		return t->cipher;
	if (text_eq(name, "{cipher_bits}"))
		return print(s->milter, "%d", t->used_bits);
	if (t->trust < TLS_TRUSTED)
		return NULL;
	if (text_eq(name, "{cert_subject}"))
		return t->peer_cn;
	if (text_eq(name, "{cert_issuer}"))
		return t->issuer_cn;
	return NULL;
}

static const char *
macro(void *arg, const char *name)
{
	struct session	      *s = arg;
	struct session_milter *m = s->milter;
	const char	      *value;

	if (text_eq(name, "i"))
		return s->tr.queue_id;
	if (text_eq(name, "j"))
		return conf_mail.myhostname;
	if (text_eq(name, "v"))
		return conf_milter.milter_macro_v;
	if (text_eq(name, "{daemon_name}"))
		return conf_milter.milter_macro_daemon_name;
	if ((value = client_macro(s, name)) != NULL ||
	    (value = tls_macro(s, name)) != NULL ||
	    (value = auth_macro(s, name)) != NULL || m->for_message)
		return value;
	if (text_starts(name, "{mail_"))
		return mail_macro(s, name);
	return rcpt_macro(m, name);
}

static void
warn(void *arg, const char *text)
{
	(void)arg;
	log_warn("%s", text);
}

static const struct milter_owner owner = { macro, warn };

/* --- what they say */

static const char *
carry_out(struct session *s, struct milter_verdict v, const char *rcpt)
{
	struct buf b = BUF_INIT;

	switch (v.action) {
	case MILTER_GO_ON:
		return NULL;
	case MILTER_THROW_AWAY:
		log_verdict(s, "milter-discard", rcpt,
		    "milter triggers DISCARD action");
		s->tr.discard = true;
		return NULL;
	case MILTER_HOLD:
		log_verdict(s, "milter-hold", rcpt,
		    *v.text != '\0' ? v.text : "milter triggers HOLD action");
		s->tr.hold = true;
		return NULL;
	case MILTER_REFUSE:
	case MILTER_HANG_UP:
		break;
	}
	text_printable(&b, v.text, strlen(v.text), true);
	log_verdict(s, "milter-reject", rcpt, b.data);
	buf_done(&b);
	return v.text;
}

/* --- events */

/* smtpd_milter_maps first, then smtpd_milters; false: nobody. */
static bool
choose(struct session *s, struct milter_config *c,
    struct milter_list **ret_own)
{
	struct buf  b = BUF_INIT;
	const char *why;
	bool	    any = true;

	*c = milter.config;
	*ret_own = NULL;
	if (milter.maps != NULL && table_list_find(milter.maps, s->client.ip,
	    &b) == TABLE_FOUND) {
		if (text_eq_nocase(b.data, "DISABLE"))
			any = false;
		else if ((*ret_own = milter_list_new(b.data, &milter.defaults,
		    &why)) == NULL)
			log_warn("smtpd_milter_maps: %s", why);
		else
			c->list = *ret_own;
	}
	buf_done(&b);
	return any && c->list->count > 0;
}

static bool
begin(struct session *s)
{
	struct milter_config   c;
	struct milter_list    *own;
	struct session_milter *m;

	milter_end(s);
	if (milter.config.list == NULL || s->standalone)
		return false;
	if (!choose(s, &c, &own)) {
		milter_list_free(own);
		return false;
	}
	m = s->milter = NEW(struct session_milter);
	m->config = c;
	m->own_list = own;
	m->args = m->value = (struct buf)BUF_INIT;
	m->all = milters_new(&m->config, &owner, s);
	return true;
}

const char *
milter_connect(struct session *s)
{
	const struct client  *c = &s->client;
	struct milter_verdict v;
	const char	     *stage = s->stage, *no;
	char		      literal[ADDR_TEXT + 2];

	if (!begin(s))
		return NULL;
	snprintf(literal, sizeof literal, "[%s]", c->ip);
	v = milters_connect(s->milter->all, text_eq(c->name, "unknown") ?
	    literal : c->name, addr_family(&c->addr) == AF_INET6 ? '6' : '4',
	    c->port, c->ip);
	s->stage = "CONNECT";
	no = carry_out(s, v, NULL);
	s->stage = stage;
	s->milter->refused = no != NULL && *no == '5';
	return no;
}

const char *
milter_helo(struct session *s, bool first)
{
	const char *no;

	if (s->milter == NULL)
		return NULL;
	no = carry_out(s, milters_helo(s->milter->all, s->helo), NULL);
	s->milter->refused = no != NULL && *no == '5';
	if (!first)
		milters_abort(s->milter->all);
	return no != NULL && text_starts(no, "421") ? no : NULL;
}

bool
milter_has_refused(const struct session *s)
{
	return s->milter != NULL && s->milter->refused;
}

enum { WORDS_MAX = 30 };

/* "FROM:<a@b> SIZE=1" or "TO: a@b": the address, quotes and all, and what
 * follows.  Cuts `text`. */
static size_t
split_args(char *text, const char *words[WORDS_MAX])
{
	char  *p = strchr(text, ':'), quote = '\0';
	size_t n = 0;
	bool   path;

	p = p != NULL ? p + 1 : text;
	while (n < WORDS_MAX) {
		p += strspn(p, " \t");
		if (*p == '\0')
			break;
		words[n] = p;
		for (path = n == 0 && *p == '<'; *p != '\0' && (path ||
		    quote != '\0' || (*p != ' ' && *p != '\t')); p++) {
			if (*p == '\\' && p[1] != '\0')
				p++;
			else if (n == 0 && *p == '"')
				quote = quote != '\0' ? '\0' : '"';
			else if (*p == '>' && quote == '\0')
				path = false;
		}
		if (*p != '\0')
			*p++ = '\0';
		n++;
	}
	return n;
}

void
milter_note_args(struct session *s, const char *args)
{
	if (s->milter != NULL)
		buf_set(&s->milter->args, args);
}

const char *
milter_mail(struct session *s)
{
	const char *words[WORDS_MAX];
	size_t	    n;

	if (s->milter == NULL)
		return NULL;
	n = split_args(s->milter->args.data, words);
	return carry_out(s, milters_mail(s->milter->all, words, n), NULL);
}

/* What is known of the recipient at hand lasts until the next. */
static void
set_rcpt(struct session_milter *m, const char *rcpt)
{
	pool_clear(&m->rcpt_pool);
	m->rcpt = rcpt;
	m->rcpt_route = NULL;
}

const char *
milter_rcpt(struct session *s, const char *rcpt)
{
	struct session_milter *m = s->milter;
	struct milter_verdict  v;
	const char	      *words[WORDS_MAX];

	if (m == NULL)
		return NULL;
	set_rcpt(m, rcpt);
	v = milters_rcpt(m->all, words, split_args(m->args.data, words),
	    false);
	set_rcpt(m, NULL);
	return carry_out(s, v, rcpt);
}

/* "454 4.7.1 <a@b>: Relay access denied": the status and the last part. */
void
milter_refused_rcpt(struct session *s, const char *reply)
{
	struct session_milter *m = s->milter;
	const char	      *words[WORDS_MAX], *text = reply, *colon;
	size_t		       n;

	if (m == NULL)
		return;
	set_rcpt(m, NULL);
	text += strcspn(text, " ");
	text += strspn(text, " ");
	n = strcspn(text, " ");
	m->refused_dsn = pool_strndup(&m->rcpt_pool, text, n);
	text += n + strspn(text + n, " ");
	if (*text == '<' && (colon = strstr(text, ">: ")) != NULL)
		text = colon + 3;
	m->refused_text = text;
	milters_rcpt(m->all, words, split_args(m->args.data, words), true);
	m->refused_dsn = m->refused_text = NULL;
}

const char *
milter_data(struct session *s)
{
	if (s->milter == NULL)
		return NULL;
	/* as in log lines, the first stands for all */
	set_rcpt(s->milter, s->tr.first_rcpt);
	return carry_out(s, milters_data(s->milter->all), s->tr.first_rcpt);
}

const char *
milter_unknown(struct session *s, const char *verb)
{
	if (s->milter == NULL)
		return NULL;
	return carry_out(s, milters_unknown(s->milter->all, verb), NULL);
}

const char *
milter_other(struct session *s)
{
	struct milter_verdict v;

	if (s->milter == NULL)
		return NULL;
	v = milters_other(s->milter->all);
	return v.action == MILTER_REFUSE || v.action == MILTER_HANG_UP ?
	    v.text : NULL;
}

/* --- the end of things */

void
milter_abort(struct session *s)
{
	struct session_milter *m = s->milter;

	if (m == NULL)
		return;
	milters_abort(m->all);
	m->mail_route = NULL;
	set_rcpt(m, NULL);
	pool_clear(&m->pool);
}

void
milter_hand_over(struct session *s)
{
	struct session_milter *m = s->milter;

	if (m == NULL)
		return;
	m->for_message = true;
	cleanup_milters(s->tr.cleanup, m->all);
	m->for_message = false;
}

void
milter_lost(struct session *s)
{
	if (s->milter != NULL)
		milters_lost(s->milter->all);
}

void
milter_end(struct session *s)
{
	struct session_milter *m = s->milter;

	if (m == NULL)
		return;
	milters_free(m->all);
	milter_list_free(m->own_list);
	pool_done(&m->pool);
	pool_done(&m->rcpt_pool);
	buf_done(&m->args);
	buf_done(&m->value);
	mem_free(m);
	s->milter = NULL;
}
