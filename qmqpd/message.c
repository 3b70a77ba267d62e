#include "qmqpd/message.h"

#include <string.h>
#include <sys/socket.h>

#include "conf/param.h"
#include "mail/address.h"
#include "mail/cleanup_client.h"
#include "mail/envelope.h"
#include "mail/verp.h"
#include "server/client.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/text.h"

#define TOO_LARGE "message too large"

/* --- as it arrives */

static void
put_spool(void *arg, const void *bytes, size_t len)
{
	struct message *m = arg;

	spool_add(&m->spool, bytes, len);
}

static void
put_opening(void *arg, const void *bytes, size_t len)
{
	struct message *m = arg;

	if (m->opening.state == OPENING_DONE)
		spool_add(&m->spool, bytes, len);
	else
		opening_feed(&m->opening, bytes, len);
}

bool
message_begin(struct message *m, const struct client *client, unsigned flags)
{
	enum cleanup_status status;

	*m = (struct message){ .client = client, .spool = SPOOL_INIT };
	m->cleanup = cleanup_open(flags, &status);
	if (m->cleanup == NULL) {
		log_warn("%s: no queue file: cleanup service not available",
		    client->label);
		return false;
	}
	/* CRLF ends a line too, though QMQP's lines end in LF */
	content_init(&m->lines, false, true, put_opening, m);
	opening_init(&m->opening, put_spool, m);
	log_info("%s: client=%s", message_id(m), client->label);
	return true;
}

const char *
message_id(const struct message *m)
{
	return cleanup_queue_id(m->cleanup);
}

static void
count(struct message *m, size_t len)
{
	m->size += len;
	if (conf_mail.message_size_limit > 0 &&
	    m->size > (uint64_t)conf_mail.message_size_limit)
		m->too_large = true;
}

void
message_content(struct message *m, const char *bytes, size_t len)
{
	bool end;

	count(m, len);
	content_feed(&m->lines, bytes, len, &end);
}

void
message_sender(struct message *m, const char *address)
{
	struct buf sender = BUF_INIT;
	char	   delimiters[VERP_DELIMITERS];

	if (!verp_take(&sender, delimiters, address)) {
		m->sender = pool_strdup(&m->pool, address);
	} else if (verp_is_valid(delimiters,
	    conf_mail.verp_delimiter_filter)) {
		m->sender = pool_strdup(&m->pool, sender.data);
		m->verp = pool_strdup(&m->pool, delimiters);
	} else {
		m->trouble = pool_printf(&m->pool, "Invalid VERP delimiters: "
		    "\"%s\". Need two characters from \"%s\"", delimiters,
		    conf_mail.verp_delimiter_filter);
	}
	buf_done(&sender);
}

void
message_recipient(struct message *m, const char *address)
{
	struct recipient r = {
		.orcpt = "", .status = RCPT_TODO, .index = m->rcpt_count,
	};

	count(m, strlen(address));
	if (*address == '\0')
		address = conf_mail.empty_address_recipient;
	r.address = r.original = address;
	if (message_is_hopeless(m))
		return;
	cleanup_rcpt(m->cleanup, &r);
	if (m->rcpt_count++ == 0)
		m->first_rcpt = pool_strdup(&m->pool, address);
}

bool
message_is_hopeless(const struct message *m)
{
	return m->spool.error != 0 || m->too_large;
}

/* --- to cleanup */

static void
send_envelope(struct message *m, int64_t now_us)
{
	const struct client *c = m->client;
	struct envelope	     e;

	envelope_init(&e);
	e.queue_id = message_id(m);
	e.sender = m->sender;
	e.arrival_us = e.created_us = now_us;
	client_envelope(c, &e);
	envelope_set(&e, ATTR_PROTOCOL_NAME, "QMQP");
	envelope_set(&e, ATTR_LOG_CLIENT_NAME, c->name);
	envelope_set(&e, ATTR_LOG_CLIENT_ADDRESS, c->ip);
	envelope_set(&e, ATTR_LOG_CLIENT_PORT,
	    envelope_get(&e, ATTR_CLIENT_PORT));
	envelope_set(&e, ATTR_LOG_MESSAGE_ORIGIN, c->label);
	envelope_set(&e, ATTR_LOG_PROTOCOL_NAME, "QMQP");
	if (m->verp != NULL)
		envelope_set(&e, ATTR_VERP_DELIMS, m->verp);
	if (*conf_mail.content_filter != '\0')
		envelope_set(&e, ATTR_CONTENT_FILTER,
		    conf_mail.content_filter);
	cleanup_envelope(m->cleanup, &e);
	envelope_done(&e);
}

/* The recipient is named only when it is the only one. */
static void
send_received(struct message *m, int64_t now_us)
{
	const struct client *c = m->client;
	struct buf	     b = BUF_INIT, date = BUF_INIT;

	clock_rfc_date(&date, (time_t)(now_us / 1000000));
	buf_addf(&b, "Received: from %s (%s [%s%s])\r\n"
	    "\tby %s (%s) with QMQP", c->name, c->name,
	    addr_family(&c->addr) == AF_INET6 ? "IPv6:" : "", c->ip,
	    conf_mail.myhostname, conf_mail.mail_name);
	if (m->rcpt_count == 1) {
		buf_addf(&b, " id %s\r\n\tfor <", message_id(m));
		address_quote(&b, m->first_rcpt);
		buf_addf(&b, ">; %s\r\n", date.data);
	} else {
		buf_addf(&b, "\r\n\tid %s; %s\r\n", message_id(m), date.data);
	}
	cleanup_content(m->cleanup, b.data, b.len);
	buf_done(&b);
	buf_done(&date);
}

static void
put_cleanup(void *arg, const void *bytes, size_t len)
{
	cleanup_content(arg, bytes, len);
}

/* False: the content can't be had back. */
static bool
send_all(struct message *m)
{
	int64_t now_us = clock_wall_us();

	content_finish(&m->lines);
	opening_finish(&m->opening);
	send_envelope(m, now_us);
	send_received(m, now_us);
	return spool_read(&m->spool, put_cleanup, m->cleanup);
}

/* --- the answer */

static const struct {
	char	    status;
	const char *text;
} results[] = {
	[CLEANUP_WRITE_ERROR] = { 'Z', "queue file write error" },
	[CLEANUP_NO_SPACE] = { 'Z', "insufficient system storage" },
	[CLEANUP_TOO_BIG] = { 'D', TOO_LARGE },
	[CLEANUP_HOPS] = { 'D', "too many hops" },
	[CLEANUP_REJECTED] = { 'D', "message rejected" },
	[CLEANUP_NO_RCPT] = { 'D', "no recipients specified" },
	[CLEANUP_TABLE_ERROR] = { 'Z', "queue file write error" },
	[CLEANUP_BAD] = { 'Z', "internal error" },
	[CLEANUP_CANCELED] = { 'Z', "internal error" },
};

/* cleanup's own words have an SMTP code in front, which says how it is meant. */
static char
result(enum cleanup_status status, const struct buf *why, struct buf *text)
{
	if (status == CLEANUP_REJECTED && why->len > 4) {
		buf_addf(text, "Error: %s", why->data + 4);
		return why->data[0] == '4' ? 'Z' : 'D';
	}
	buf_addf(text, "Error: %s", results[status].text);
	return results[status].status;
}

static void
done(struct message *m)
{
	spool_done(&m->spool);
	pool_done(&m->pool);
}

void
message_abort(struct message *m)
{
	cleanup_abort(m->cleanup);
	done(m);
}

char
message_end(struct message *m, struct buf *text)
{
	struct buf	    why = BUF_INIT;
	enum cleanup_status status;
	char		    answer;

	if (m->too_large)
		m->trouble = TOO_LARGE;
	if (m->trouble != NULL) {
		buf_addf(text, "Error: %s", m->trouble);
		message_abort(m);
		return 'D';
	}
	if (m->spool.error != 0 || !send_all(m)) {
		log_warn("%s: temporary file: %s", message_id(m),
		    strerror(m->spool.error));
		message_abort(m);
		return result(CLEANUP_WRITE_ERROR, &why, text);
	}
	buf_addf(text, "Ok: queued as %s", message_id(m));
	status = cleanup_end(m->cleanup, &why);
	answer = 'K';
	if (status != CLEANUP_OK) {
		buf_clear(text);
		answer = result(status, &why, text);
	}
	buf_done(&why);
	done(m);
	return answer;
}
