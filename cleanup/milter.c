#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup/edit.h"
#include "cleanup/message.h"
#include "cleanup/milter.h"
#include "conf/param.h"
#include "mail/address.h"
#include "mail/cleanup_proto.h"
#include "mail/maps.h"
#include "mail/milter_conf.h"
#include "milter/session.h"
#include "net/dns.h"
#include "util/frame.h"
#include "util/log.h"
#include "util/text.h"

/*
 * Mail from smtpd comes with the sockets of its milters, which have seen the
 * session and shall see the message.  For other mail a session is played to
 * the milters of non_smtpd_milters: there was none.
 *
 * All happens when the message is complete: header in memory, body in the
 * file (mostly still in its buffer).  A milter that objects, or fails, costs
 * the client an answer and never the mail: nothing was promised yet.
 */
static struct milter_config config;	/* list NULL: none */

/* Of one message. */
struct message_milters {
	struct milters		*all;
	struct message		*m;
	bool			 played;	/* not smtpd's */
	struct milter_value	*macros;	/* of smtpd, in m->pool */
	size_t			 macro_count;
	const char		**rcpt;		/* given before the content */
	size_t			 rcpt_count;
	const char		*mail_addr, *rcpt_addr;	/* at hand, or NULL */
	struct edit		 edit;
	char			*piece;		/* of the body */
	struct buf		 value;		/* of a header, of a macro */
	uint64_t		 header_size;	/* before changes */
	bool			 body_replaced;
};

/* --- parameters */

void
milter_init(void)
{
	const char *why;

	if (*conf_mail.non_smtpd_milters == '\0')
		return;
	if (!milter_conf_load(&config, "non_smtpd_milters",
	    conf_mail.non_smtpd_milters, &why))
		fatalx("%s", why);
	if (!dns_start(&why))
		log_warn("DNS: %s", why);
}

/* --- macros */

static const char *
attr_or(const struct message *m, enum envelope_attr attr, const char *other)
{
	const char *value = m->env.attr[attr];

	return value != NULL && *value != '\0' ? value : other;
}

static const char *
print(struct message_milters *x, const char *fmt, const char *a, const char *b)
{
	buf_clear(&x->value);
	buf_addf(&x->value, fmt, a, b);
	return x->value.data;
}

/* For a session that is played. */
static const char *
own_macro(struct message_milters *x, const char *name)
{
	struct message *m = x->m;
	const char     *client = attr_or(m, ATTR_CLIENT_NAME, "localhost");
	const char     *ip = attr_or(m, ATTR_CLIENT_ADDRESS, "127.0.0.1");
	const struct {
		const char *name, *value;
	} rows[] = {
		{ "i", m->file.id },
		{ "j", conf_mail.myhostname },
		{ "v", conf_milter.milter_macro_v },
		{ "{daemon_name}", conf_milter.milter_macro_daemon_name },
		{ "{daemon_addr}", attr_or(m, ATTR_SERVER_ADDRESS,
		    "127.0.0.1") },
		{ "{daemon_port}", attr_or(m, ATTR_SERVER_PORT, "0") },
		{ "{client_name}", client },
		{ "{client_ptr}", attr_or(m, ATTR_REVERSE_CLIENT_NAME,
		    client) },
		{ "{client_port}", attr_or(m, ATTR_CLIENT_PORT, "0") },
		{ "{auth_type}", m->env.attr[ATTR_SASL_METHOD] },
		{ "{auth_authen}", m->env.attr[ATTR_SASL_USERNAME] },
		{ "{auth_author}", m->env.attr[ATTR_SASL_SENDER] },
		{ "{mail_addr}", x->mail_addr },
		{ "{rcpt_addr}", x->rcpt_addr },
	};

	if (text_eq(name, "_"))
		return print(x, "%s [%s]", client, ip);
	if (text_eq(name, "{client_addr}"))
		return print(x, "%s%s", strchr(ip, ':') != NULL ? "IPv6:" : "",
		    ip);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (text_eq(name, rows[i].name))
			return rows[i].value;
	return NULL;
}

static const char *
macro(void *arg, const char *name)
{
	struct message_milters *x = arg;

	if (x->played)
		return own_macro(x, name);
	for (size_t i = 0; i < x->macro_count; i++)
		if (text_eq(name, x->macros[i].name))
			return x->macros[i].value;
	return NULL;
}

static void
warn(void *arg, const char *text)
{
	(void)arg;
	log_warn("%s", text);
}

static const struct milter_owner owner = { macro, warn };

/* --- smtpd's */

static struct message_milters *
begin(struct message *m)
{
	struct message_milters *x = pool_zalloc(&m->pool, sizeof *x);

	x->m = m;
	x->value = (struct buf)BUF_INIT;
	m->milters = x;
	return x;
}

bool
milter_take(struct message *m, const struct frame *f, int fd)
{
	struct message_milters *x = m->milters;

	if (x == NULL) {
		x = begin(m);
		x->all = milters_new_remote(&owner, x);
		m->flags |= CLEANUP_MILTER;
	}
	return milters_unpack(x->all, f, fd);
}

enum { MACROS_MAX = 1000 };

bool
milter_take_macros(struct message *m, const struct frame *f)
{
	struct message_milters *x = m->milters;
	struct frame_attr	a, b;
	size_t			pos = 0;

	if (x == NULL || x->macros != NULL)
		return x != NULL;
	x->macros = pool_alloc(&m->pool, MACROS_MAX * sizeof *x->macros);
	while (frame_next(f, &pos, &a)) {
		if (a.key != CLEANUP_KEY_NAME || !frame_next(f, &pos, &b) ||
		    b.key != CLEANUP_KEY_VALUE || x->macro_count == MACROS_MAX)
			return false;
		x->macros[x->macro_count++] = (struct milter_value){
			pool_strndup(&m->pool, a.data, a.len),
			pool_strndup(&m->pool, b.data, b.len),
		};
	}
	return true;
}

/* --- log, and what is said */

static void
log_verdict(const struct message *m, const char *action, const char *stage,
    const char *text)
{
	const char *proto = m->env.attr[ATTR_LOG_PROTOCOL_NAME];
	const char *helo = m->env.attr[ATTR_LOG_HELO_NAME];
	struct buf  b = BUF_INIT;

	buf_addf(&b, "%s: %s: %s from %s: ", m->file.id, action, stage,
	    attr_or(m, ATTR_LOG_MESSAGE_ORIGIN, "localhost[127.0.0.1]"));
	if (strcmp(attr_or(m, ATTR_LOG_MESSAGE_ORIGIN, ""), "local") == 0) {
		buf_clear(&b);
		buf_addf(&b, "%s: %s: %s from localhost[127.0.0.1]: ",
		    m->file.id, action, stage);
	}
	text_printable(&b, text, strlen(text), true);
	buf_adds(&b, "; from=<");
	address_quote(&b, m->env.sender);
	buf_addc(&b, '>');
	if (m->log_rcpt != NULL && strcmp(stage, "MAIL") != 0) {
		buf_adds(&b, " to=<");
		address_quote(&b, m->log_rcpt);
		buf_addc(&b, '>');
	}
	if (proto != NULL && *proto != '\0')
		buf_addf(&b, " proto=%s", proto);
	if (helo != NULL && *helo != '\0')
		buf_addf(&b, " helo=<%s>", helo);
	log_info("%s", b.data);
	buf_done(&b);
}

/* True: go on. */
static bool
carry_out(struct message *m, const char *stage, struct milter_verdict v)
{
	switch (v.action) {
	case MILTER_GO_ON:
		return true;
	case MILTER_THROW_AWAY:
		log_verdict(m, "milter-discard", stage,
		    "milter triggers DISCARD action");
		m->flags |= CLEANUP_DISCARD;
		return false;
	case MILTER_HOLD:
		log_verdict(m, "milter-hold", stage, *v.text != '\0' ?
		    v.text : "milter triggers HOLD action");
		m->flags |= CLEANUP_HOLD;
		return false;
	case MILTER_REFUSE:
	case MILTER_HANG_UP:
		break;
	}
	log_verdict(m, "milter-reject", stage, v.text + 4);
	message_fail(m, CLEANUP_REJECTED, v.text);
	return false;
}

/* --- the message as milters see it */

static bool
header(void *arg, size_t i, struct str *ret_name, struct str *ret_value)
{
	struct message_milters *x = arg;
	const struct buf       *h = &x->m->header;
	struct edit_field	f;

	if (!edit_find_field(x->m, i, &f))
		return false;
	*ret_name = (struct str){ h->data + f.begin, f.name_len };
	*ret_value = (struct str){ h->data + f.value, f.end - f.value };
	if (ret_value->n >= 2 &&
	    memcmp(ret_value->p + ret_value->n - 2, "\r\n", 2) == 0)
		ret_value->n -= 2;
	return true;
}

enum { SEPARATOR = 2 };		/* bytes: the empty line behind the header */

static bool
body(void *arg, uint64_t offset, struct str *ret)
{
	struct message_milters *x = arg;
	size_t			n = 0;
	ssize_t			got;

	if (x->piece == NULL)
		x->piece = pool_alloc(&x->m->pool, MILTER_BODY_MAX);
	do {
		got = queue_writer_read(&x->m->file, offset + SEPARATOR + n,
		    x->piece + n, MILTER_BODY_MAX - n);
		if (got < 0)
			return false;
		n += (size_t)got;
	} while (got > 0 && n < MILTER_BODY_MAX);
	*ret = (struct str){ x->piece, n };
	return true;
}

static void
edit(void *arg, const struct milter_answer *a)
{
	edit_add(&((struct message_milters *)arg)->edit, a);
}

static void
drop(void *arg)
{
	edit_drop(&((struct message_milters *)arg)->edit);
}

static struct milter_verdict
apply(void *arg)
{
	struct message_milters *x = arg;
	const char	       *hold = NULL;
	bool			new_body = x->edit.has_body;

	edit_apply(&x->edit, x->m, &hold);
	edit_drop(&x->edit);
	x->body_replaced |= new_body;
	/* the message has failed or is on its way to somewhere else: nobody
	 * else needs to see it */
	if (hold != NULL)
		return (struct milter_verdict){ MILTER_HOLD, hold };
	return (struct milter_verdict){ MILTER_GO_ON, "" };
}

static const struct milter_content content = {
	header, body, edit, apply, drop,
};

/* --- a session for mail that had none */

static const char *
external(struct message *m, const char *address)
{
	struct buf  b = BUF_INIT;
	const char *text;

	address_quote(&b, address);
	text = pool_strdup(&m->pool, b.data);
	buf_done(&b);
	return text;
}

/* Who sends and who receives was decided by a local user long ago: a milter
 * may refuse the message, but not one of its recipients. */
static void
play_rcpt(struct message_milters *x, const char *rcpt)
{
	struct message	     *m = x->m;
	struct milter_verdict v;

	m->log_rcpt = rcpt;
	x->rcpt_addr = external(m, rcpt);
	v = milters_rcpt(x->all, &x->rcpt_addr, 1, false);
	if (v.action != MILTER_REFUSE && v.action != MILTER_HANG_UP) {
		carry_out(m, "RCPT", v);
		return;
	}
	log_verdict(m, "milter-reject", "RCPT", v.text + 4);
	log_warn("%s: milter configuration error: can't reject recipient in "
	    "non-smtpd(8) submission", m->file.id);
	log_warn("%s: message not accepted, try again later", m->file.id);
	message_fail(m, CLEANUP_REJECTED, "451 4.3.0 Message not accepted, "
	    "try again later");
}

static bool
is_played(const struct message *m)
{
	return config.list != NULL &&
	    (m->flags & CLEANUP_MILTER) != 0 && m->status == CLEANUP_OK &&
	    (m->milters == NULL || m->milters->played);
}

void
milter_rcpt(struct message *m, const struct recipient *r)
{
	struct message_milters *x;
	struct buf		b = BUF_INIT;

	if (!is_played(m))
		return;
	if (m->milters == NULL)
		begin(m)->played = true;
	x = m->milters;
	buf_adds(&b, r->address);
	maps_standard(&b, true);
	if (x->all != NULL) {
		play_rcpt(x, pool_strdup(&m->pool, b.data));
	} else {
		if ((x->rcpt_count & (x->rcpt_count - 1)) == 0)
			x->rcpt = mem_realloc(x->rcpt, (x->rcpt_count == 0 ?
			    1 : 2 * x->rcpt_count) * sizeof *x->rcpt);
		x->rcpt[x->rcpt_count++] = pool_strdup(&m->pool, b.data);
	}
	buf_done(&b);
}

/* The stages of a session; an objection ends it. */
void
milter_begin(struct message *m)
{
	const char *ip = attr_or(m, ATTR_CLIENT_ADDRESS, "127.0.0.1");
	const char *name = attr_or(m, ATTR_CLIENT_NAME, "localhost");
	struct message_milters *x;

	if (!is_played(m))
		return;
	if (m->milters == NULL)
		begin(m)->played = true;
	x = m->milters;
	x->all = milters_new(&config, &owner, x);
	x->mail_addr = NULL;
	if (!carry_out(m, "CONNECT", milters_connect(x->all, name,
	    strchr(ip, ':') != NULL ? '6' : '4',
	    (uint16_t)atoi(attr_or(m, ATTR_CLIENT_PORT, "0")), ip)) ||
	    !carry_out(m, "EHLO", milters_helo(x->all,
	    attr_or(m, ATTR_HELO_NAME, "localhost"))))
		return;
	x->mail_addr = external(m, m->env.sender);
	if (!carry_out(m, "MAIL", milters_mail(x->all, &x->mail_addr, 1)))
		return;
	for (size_t i = 0; i < x->rcpt_count && m->status == CLEANUP_OK; i++)
		play_rcpt(x, x->rcpt[i]);
}

/* --- when it is complete */

/*
 * Postfix writes a record after the header and one after the body that can
 * point to what is added later, and fills up short fields, so that they could
 * be replaced by such a pointer.  People compare sizes.
 */
enum { POINTER = 17, POINTER_PAYLOAD = 15, LEAST_FILL = 3 };

static uint64_t
fill(const struct buf *h)
{
	uint64_t    sum = 0;
	const char *p = h->data, *end = p + h->len, *lf;

	for (; p < end; p = lf + 1) {
		size_t n;

		if ((lf = memchr(p, '\n', (size_t)(end - p))) == NULL)
			break;
		n = (size_t)(lf - p) - 1;
		if (*p == ' ' || *p == '\t' || n >= POINTER_PAYLOAD)
			continue;
		sum += POINTER_PAYLOAD - n < LEAST_FILL ? LEAST_FILL :
		    POINTER_PAYLOAD - n;
	}
	return sum;
}

static void
measure_header(struct message_milters *x)
{
	struct queue_trailer t = { 0 };

	body_count_header(&x->m->header, &t, conf_mail.line_length_limit);
	edit_hide_received(x->m);
	x->header_size = t.size + fill(&x->m->header) + POINTER;
}

void
milter_add_size(struct message *m)
{
	struct queue_trailer t = { 0 };

	if (m->milters == NULL || m->milters->header_size == 0)
		return;
	body_count_header(&m->header, &t, conf_mail.line_length_limit);
	m->facts.size += m->milters->header_size - t.size +
	    (m->milters->body_replaced ? 0 : POINTER);
}

void
milter_show(struct message *m)
{
	struct message_milters *x = m->milters;

	if (x == NULL)
		return;
	measure_header(x);
	if ((m->flags & CLEANUP_MILTER) == 0 || m->status != CLEANUP_OK ||
	    (m->flags & CLEANUP_DISCARD) != 0)
		return;
	x->rcpt_addr = NULL;
	if (x->played && !carry_out(m, "DATA", milters_data(x->all)))
		return;
	carry_out(m, "END-OF-MESSAGE", milters_message(x->all, &content, x));
}

void
milter_done(struct message *m)
{
	struct message_milters *x = m->milters;

	if (x == NULL)
		return;
	edit_drop(&x->edit);
	pool_done(&x->edit.pool);
	if (x->played)
		milters_free(x->all);
	else
		milters_leave(x->all);
	mem_free(x->rcpt);
	buf_done(&x->value);
	m->milters = NULL;
}
