/* The connection to one milter: made, agreed on, lost. */

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "milter/session_int.h"
#include "table/ask.h"
#include "util/clock.h"
#include "util/stream.h"
#include "util/text.h"

static const char tempfail_text[] =
    "451 4.7.1 Service unavailable - try again later";
const char milter_hang_up_text[] = "421 4.7.0 Server closing connection";
static const char confused_text[] =
    "451 4.3.5 Server configuration problem - try again later";

/* --- the end */

void
milter_shut(struct milter *m, enum milter_state state)
{
	if (m->s != NULL) {
		/* another process may have the socket too */
		shutdown(stream_fd(m->s), SHUT_RDWR);
		stream_abort(m->s);
	}
	m->s = NULL;
	m->state = state;
}

struct milter_verdict
milter_stick(struct milter *m, enum milter_action action, const char *text)
{
	milter_shut(m, MILTER_STUCK);
	buf_clear(&m->stuck_text);
	buf_adds(&m->stuck_text, text);
	m->verdict = (struct milter_verdict){ action, m->stuck_text.data };
	return m->verdict;
}

static void
warn(struct milter *m, const char *fmt, va_list ap)
{
	struct buf b = BUF_INIT;

	buf_addf(&b, "milter %s: ", m->set.name);
	buf_addv(&b, fmt, ap);
	m->all->owner->warn(m->all->arg, b.data);
	buf_done(&b);
}

static struct milter_verdict
take_default(struct milter *m)
{
	enum milter_default d;

	if (!milter_default_parse(m->set.default_action, &d)) {
		milter_note(m, "unrecognized default action: %s",
		    m->set.default_action);
		return milter_stick(m, MILTER_REFUSE, confused_text);
	}
	switch (d) {
	case MILTER_DEFAULT_ACCEPT:
		return milter_stick(m, MILTER_GO_ON, "");
	case MILTER_DEFAULT_REJECT:
		return milter_stick(m, MILTER_REFUSE,
		    "550 5.5.0 Service unavailable");
	case MILTER_DEFAULT_QUARANTINE:
		return milter_stick(m, MILTER_HOLD, "");
	case MILTER_DEFAULT_SHUTDOWN:
		return milter_stick(m, MILTER_HANG_UP,
		    milter_hang_up_text);
	case MILTER_DEFAULT_TEMPFAIL:
		break;
	}
	return milter_stick(m, MILTER_REFUSE, tempfail_text);
}

struct milter_verdict
milter_fail(struct milter *m, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	warn(m, fmt, ap);
	va_end(ap);
	return take_default(m);
}

void
milter_note(struct milter *m, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	warn(m, fmt, ap);
	va_end(ap);
}

struct milter_verdict
milter_confused(struct milter *m, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	warn(m, fmt, ap);
	va_end(ap);
	return milter_stick(m, MILTER_REFUSE, confused_text);
}

/* --- packets */

void
milter_deadline(struct milter *m, int seconds)
{
	stream_set_deadline(m->s, seconds);
}

static const char *
failure(struct milter *m)
{
	const char *why = stream_failed(m->s);

	return why == NULL ? "malformed packet" :
	    text_eq(why, "timed out") ? "Connection timed out" : why;
}

bool
milter_send(struct milter *m, const struct milter_event *e)
{
	struct buf *out = &m->all->out;

	stream_write(m->s, out->data, out->len);
	buf_clear(out);
	if (stream_failed(m->s) == NULL)
		return true;
	milter_fail(m, "can't read %s reply packet header: %s",
	    milter_command_name(e->command), failure(m));
	return false;
}

static bool
read_data(struct milter *m, uint32_t len)
{
	buf_clear(&m->in);
	while (m->in.len < len) {
		size_t	    n;
		const char *p = stream_peek(m->s, &n);

		if (p == NULL)
			return false;
		if (n > len - m->in.len)
			n = len - m->in.len;
		buf_add(&m->in, p, n);
		stream_skip(m->s, n);
	}
	/* also an empty packet ends in a NUL of its own */
	*buf_room(&m->in, 1) = '\0';
	return true;
}

bool
milter_receive(struct milter *m, const struct milter_event *e,
    struct milter_answer *ret)
{
	const char *name = milter_command_name(e->command);
	uint32_t    len;
	char	    type;

	if (!stream_read(m->s, &len, sizeof len)) {
		milter_fail(m, "can't read %s reply packet header: %s", name,
		    failure(m));
		return false;
	}
	len = ntohl(len);
	if (len < 1) {
		milter_fail(m, "bad packet length: 0");
		return false;
	}
	if (len > MILTER_PACKET_MAX) {
		milter_fail(m, "unreasonable packet length: %lu > %d",
		    (unsigned long)len, MILTER_PACKET_MAX);
		return false;
	}
	if (!stream_read(m->s, &type, 1) || !read_data(m, len - 1)) {
		milter_fail(m, "can't read %s reply packet: %s", name,
		    failure(m));
		return false;
	}
	if (!milter_parse((unsigned char)type, m->in.data, m->in.len, ret)) {
		milter_fail(m, "malformed packet in %s reply", name);
		return false;
	}
	return true;
}

/* --- the beginning */

static const struct milter_event negotiation = {
	.command = MILTER_OPTIONS,
};

/* An empty list leaves ours in force. */
static void
take_symbols(struct milter *m, const struct milter_answer *a)
{
	for (int i = 0; i < MILTER_STAGE_UNKNOWN; i++)
		if (a->symbols[i] != NULL && *a->symbols[i] != '\0')
			m->macros.names[i] = milter_names_parse(&m->all->pool,
			    a->symbols[i]);
}

/* What the milter wants must be what we have. */
static bool
is_possible(struct milter *m, const struct milter_answer *a, uint32_t version)
{
	if (a->type != MILTER_OPTIONS)
		milter_fail(m, "unexpected reply \"%c\" in initial handshake",
		    a->type > ' ' && a->type < 127 ? a->type : '?');
	else if (a->version > version)
		milter_fail(m, "protocol version %lu conflict with MTA "
		    "protocol version %lu", (unsigned long)a->version,
		    (unsigned long)version);
	else if (a->actions & ~(uint32_t)MILTER_MAY_ALL)
		milter_fail(m, "request mask 0x%lx conflict with MTA request "
		    "mask 0x%x", (unsigned long)a->actions, MILTER_MAY_ALL);
	return m->state == MILTER_NEW;
}

/*
 * Bits of the protocol that we did not offer are a newer library's and mean
 * nothing.
 */
static bool
agree(struct milter *m, uint32_t version, uint32_t own_bits)
{
	uint32_t	     offer = milter_protocol_bits(version);
	struct milter_answer a;

	milter_put_options(&m->all->out, version, MILTER_MAY_ALL, offer);
	if (!milter_send(m, &negotiation) ||
	    !milter_receive(m, &negotiation, &a) ||
	    !is_possible(m, &a, version))
		return false;
	m->version = a.version;
	if (m->version < 2) {
		milter_note(m, "unexpected protocol version %lu",
		    (unsigned long)a.version);
		m->version = version;
	}
	m->actions = a.actions;
	m->protocol = (a.protocol & offer) | own_bits;
	take_symbols(m, &a);
	m->state = MILTER_OPEN;
	return true;
}

static bool
has_transport(struct milter *m)
{
	const char *name = m->set.name;
	struct buf  b = BUF_INIT;

	if (text_starts(name, "inet:") || text_starts(name, "unix:"))
		return true;
	buf_addf(&b, "invalid transport name: %.*s in Milter service: %s",
	    (int)strcspn(name, ":"), name, name);
	m->all->owner->warn(m->all->arg, b.data);
	buf_done(&b);
	milter_stick(m, MILTER_REFUSE, confused_text);
	return false;
}

bool
milter_link(struct milter *m)
{
	uint32_t    version, bits;
	const char *bad;
	struct buf  b = BUF_INIT;
	int	    fd;

	if (!milter_version_parse(&m->all->pool, m->set.protocol, &version,
	    &bits, &bad)) {
		milter_confused(m, "bad protocol information: %s", bad);
		return false;
	}
	if (!has_transport(m))
		return false;
	fd = ask_connect(m->set.name, NULL, clock_in(m->set.connect_timeout));
	if (fd < 0) {
		buf_addf(&b, "connect to Milter service %s: %s", m->set.name,
		    strerror(errno));
		m->all->owner->warn(m->all->arg, b.data);
		buf_done(&b);
		take_default(m);
		return false;
	}
	m->s = stream_open(fd);
	milter_deadline(m, m->set.connect_timeout);
	return agree(m, version, bits);
}
