/*
 *	           digits ':'          the last byte       ','
 *	LENGTH --------------> BYTES -------------> COMMA -----> LENGTH of
 *	   |    of the header:                                   the next part
 *	   |    LENGTH of the content
 *	   +-- ',' instead of a recipient: done
 */

#include "qmqpd/packet.h"

#include <ctype.h>
#include <stdbool.h>

enum { DIGITS_MAX = 20 };	/* zeros in front included */

void
packet_init(struct packet *p, const struct packet_limits *limits,
    const struct packet_events *events, void *arg)
{
	*p = (struct packet){ .limits = *limits, .events = events, .arg = arg,
	    .address = BUF_INIT };
}

void
packet_done(struct packet *p)
{
	buf_done(&p->address);
}

const char *
packet_part_name(const struct packet *p)
{
	static const char *const names[] = {
		[PACKET_HEADER] = "QMQP packet header",
		[PACKET_CONTENT] = "message content",
		[PACKET_SENDER] = "sender address",
		[PACKET_RECIPIENT] = "recipient address",
	};

	return names[p->part];
}

static void
begin_part(struct packet *p, enum packet_part part)
{
	p->part = part;
	p->state = PACKET_LENGTH;
	p->digits = 0;
	p->left = 0;
	buf_clear(&p->address);
}

/* An address ends up in header fields: nothing in it may end their line. */
static bool
sanitize_address(struct buf *address)
{
	for (size_t i = 0; i < address->len; i++) {
		if (address->data[i] == '\0')
			return false;
		if (address->data[i] == '\r' || address->data[i] == '\n')
			address->data[i] = ' ';
	}
	return true;
}

/* The part is there, and so is its comma. */
static enum packet_result
end_part(struct packet *p)
{
	if (!sanitize_address(&p->address))
		return PACKET_BAD;
	if (p->part == PACKET_SENDER)
		p->events->sender(p->arg, p->address.data);
	else if (p->part == PACKET_RECIPIENT)
		p->events->recipient(p->arg, p->address.data);
	begin_part(p, p->part == PACKET_CONTENT ? PACKET_SENDER :
	    PACKET_RECIPIENT);
	return PACKET_MORE;
}

/* The colon behind a length. */
static enum packet_result
end_length(struct packet *p)
{
	uint64_t limit = p->part == PACKET_CONTENT ? p->limits.content :
	    p->limits.address;

	if (p->digits == 0)
		return PACKET_BAD;
	if (p->part == PACKET_HEADER) {
		begin_part(p, PACKET_CONTENT);
		return PACKET_MORE;
	}
	if (limit > 0 && p->left > limit)
		return PACKET_TOO_LONG;
	p->state = p->left > 0 ? PACKET_BYTES : PACKET_COMMA;
	return PACKET_MORE;
}

static enum packet_result
length_byte(struct packet *p, char c)
{
	uint64_t digit;

	if (c == ':')
		return end_length(p);
	if (c == ',' && p->part == PACKET_RECIPIENT && p->digits == 0)
		return PACKET_DONE;
	if (!isdigit((unsigned char)c))
		return PACKET_BAD;
	digit = (uint64_t)(c - '0');
	if (++p->digits > DIGITS_MAX || p->left > (INT64_MAX - digit) / 10)
		return PACKET_TOO_LONG;
	p->left = p->left * 10 + digit;
	return PACKET_MORE;
}

/* As many as there are of the part's bytes; returns how many. */
static size_t
take_bytes(struct packet *p, const char *bytes, size_t len)
{
	size_t n = p->left < len ? (size_t)p->left : len;

	if (p->part == PACKET_CONTENT)
		p->events->content(p->arg, bytes, n);
	else
		buf_add(&p->address, bytes, n);
	p->left -= n;
	if (p->left == 0)
		p->state = PACKET_COMMA;
	return n;
}

enum packet_result
packet_feed(struct packet *p, const char *bytes, size_t len)
{
	const char	  *end = bytes + len;
	enum packet_result r = PACKET_MORE;

	while (bytes < end && r == PACKET_MORE) {
		if (p->state == PACKET_BYTES)
			bytes += take_bytes(p, bytes, (size_t)(end - bytes));
		else if (p->state == PACKET_LENGTH)
			r = length_byte(p, *bytes++);
		else
			r = *bytes++ == ',' ? end_part(p) : PACKET_BAD;
	}
	return r;
}
