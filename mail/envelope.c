#include <string.h>

#include "mail/envelope.h"
#include "util/frame.h"

/* Names as postcat, pipe and XFORWARD write them; order of enum
 * envelope_attr. */
const char *const envelope_attr_names[ATTR_COUNT] = {
	[ATTR_CLIENT_NAME] = "client_name",
	[ATTR_REVERSE_CLIENT_NAME] = "reverse_client_name",
	[ATTR_CLIENT_ADDRESS] = "client_address",
	[ATTR_CLIENT_PORT] = "client_port",
	[ATTR_CLIENT_ADDRESS_TYPE] = "client_address_type",
	[ATTR_SERVER_ADDRESS] = "server_address",
	[ATTR_SERVER_PORT] = "server_port",
	[ATTR_HELO_NAME] = "helo_name",
	[ATTR_PROTOCOL_NAME] = "protocol_name",
	[ATTR_LOG_CLIENT_NAME] = "log_client_name",
	[ATTR_LOG_CLIENT_ADDRESS] = "log_client_address",
	[ATTR_LOG_CLIENT_PORT] = "log_client_port",
	[ATTR_LOG_HELO_NAME] = "log_helo_name",
	[ATTR_LOG_PROTOCOL_NAME] = "log_protocol_name",
	[ATTR_LOG_IDENT] = "log_ident",
	[ATTR_LOG_MESSAGE_ORIGIN] = "log_message_origin",
	[ATTR_SASL_METHOD] = "sasl_method",
	[ATTR_SASL_USERNAME] = "sasl_username",
	[ATTR_SASL_SENDER] = "sasl_sender",
	[ATTR_REWRITE_CONTEXT] = "rewrite_context",
	[ATTR_DSN_ENVELOPE_ID] = "envelope_id",
	[ATTR_DSN_RET] = "ret_flags",
	[ATTR_ENCODING] = "encoding",
	[ATTR_CONTENT_FILTER] = "content_filter",
	[ATTR_REDIRECT] = "redirect_to",
	[ATTR_MESSAGE_ID] = "message_id",
	[ATTR_VERP_DELIMS] = "verp_delimiters",
	[ATTR_FULL_NAME] = "full_name",
	[ATTR_TRACE_FLAGS] = "trace_flags",
	[ATTR_TLS_FLAGS] = "tls_flags",
	[ATTR_ORIG_QUEUE_ID] = "orig_queue_id",
	[ATTR_BODY_TYPE] = "body_type",
	[ATTR_EXTRACT_NOTIFY] = "extract_notify",
};

/*
 * Keys in frames and, because queue files hold the same bytes, on disk: a
 * number once given never changes its meaning.  Attributes follow at
 * KEY_ATTR in the order of their enum, which may only be added to at its end.
 */
enum {
	KEY_QUEUE_ID = 1, KEY_SENDER, KEY_ARRIVAL, KEY_CREATED, KEY_FLAGS,
	KEY_UID, KEY_RCPT,
	KEY_ATTR = 64,
};

/* Within a recipient's group.  What is empty or 0 is left out. */
enum { RCPT_KEY_ADDRESS = 1, RCPT_KEY_ORIGINAL, RCPT_KEY_ORCPT,
	RCPT_KEY_NOTIFY };

enum {
	STRING_MAX = 64 * 1024,		/* bytes of one attribute */
	ADDRESS_MAX = 16 * 1024,	/* bytes */
	RCPT_FIRST = 4,			/* allocated with the first */
};

void
envelope_init(struct envelope *e)
{
	*e = (struct envelope){ .pool = POOL_INIT, .queue_id = "",
	    .sender = "" };
}

void
envelope_done(struct envelope *e)
{
	pool_done(&e->pool);
	envelope_init(e);
}

void
envelope_clear(struct envelope *e)
{
	struct pool pool;

	pool_clear(&e->pool);
	pool = e->pool;
	envelope_init(e);
	e->pool = pool;
}

void
envelope_set(struct envelope *e, enum envelope_attr attr, const char *value)
{
	e->attr[attr] = value == NULL ? NULL : pool_strdup(&e->pool, value);
}

const char *
envelope_get(const struct envelope *e, enum envelope_attr attr)
{
	return e->attr[attr] == NULL ? "" : e->attr[attr];
}

/* The pool frees nothing singly: doubling keeps the waste below the size. */
static struct recipient *
new_rcpt(struct envelope *e)
{
	struct recipient *r;
	uint32_t	  size;

	if (e->rcpt_count == e->rcpt_size) {
		size = e->rcpt_size == 0 ? RCPT_FIRST : 2 * e->rcpt_size;
		r = pool_alloc(&e->pool, size * sizeof *r);
		if (e->rcpt_count > 0)
			memcpy(r, e->rcpt, e->rcpt_count * sizeof *r);
		e->rcpt = r;
		e->rcpt_size = size;
	}
	r = &e->rcpt[e->rcpt_count];
	*r = (struct recipient){ .address = "", .original = "", .orcpt = "",
	    .status = RCPT_TODO, .index = e->rcpt_count };
	e->rcpt_count++;
	return r;
}

static const char *
keep(struct envelope *e, const char *s)
{
	return s == NULL || *s == '\0' ? "" : pool_strdup(&e->pool, s);
}

struct recipient *
envelope_add_rcpt(struct envelope *e, const char *address,
    const char *original, const char *orcpt, uint8_t notify)
{
	struct recipient *r = new_rcpt(e);

	r->address = keep(e, address);
	/* most are given as they are: one copy for both */
	r->original = original != NULL && strcmp(original, address) == 0 ?
	    r->address : keep(e, original);
	r->orcpt = keep(e, orcpt);
	r->notify = notify;
	return r;
}

static void
put_not_empty(struct frame *f, uint16_t key, const char *s)
{
	if (s != NULL && *s != '\0')
		frame_put_str(f, key, s);
}

static void
put_not_zero(struct frame *f, uint16_t key, uint64_t n)
{
	if (n != 0)
		frame_put_u64(f, key, n);
}

void
envelope_write_rcpt(struct frame *f, const struct recipient *r)
{
	size_t group = frame_open(f, KEY_RCPT);

	frame_put_str(f, RCPT_KEY_ADDRESS, r->address);
	put_not_empty(f, RCPT_KEY_ORIGINAL, r->original);
	put_not_empty(f, RCPT_KEY_ORCPT, r->orcpt);
	put_not_zero(f, RCPT_KEY_NOTIFY, r->notify);
	frame_close(f, group);
}

void
envelope_write(struct frame *f, const struct envelope *e)
{
	put_not_empty(f, KEY_QUEUE_ID, e->queue_id);
	put_not_empty(f, KEY_SENDER, e->sender);
	put_not_zero(f, KEY_ARRIVAL, (uint64_t)e->arrival_us);
	put_not_zero(f, KEY_CREATED, (uint64_t)e->created_us);
	put_not_zero(f, KEY_FLAGS, e->flags);
	put_not_zero(f, KEY_UID, e->uid);
	for (int i = 0; i < ATTR_COUNT; i++)
		if (e->attr[i] != NULL)
			frame_put_str(f, (uint16_t)(KEY_ATTR + i), e->attr[i]);
	for (uint32_t i = 0; i < e->rcpt_count; i++)
		envelope_write_rcpt(f, &e->rcpt[i]);
}

/* A string of at most `max` bytes into the pool. */
static bool
read_str(struct envelope *e, const struct frame_attr *a, size_t max,
    const char **ret)
{
	const char *s = frame_attr_str(a);

	if (s == NULL || a->len > max)
		return false;
	*ret = a->len == 0 ? "" : pool_strndup(&e->pool, s, a->len);
	return true;
}

static bool
read_num(const struct frame_attr *a, uint64_t max, uint64_t *ret)
{
	if (a->len != sizeof *ret)
		return false;
	*ret = frame_attr_u64(a, 0);
	return *ret <= max;
}

bool
envelope_read_rcpt(struct envelope *e, const struct frame_attr *group)
{
	struct recipient  *r = new_rcpt(e);
	struct frame_attr  a;
	size_t		   pos = 0;
	uint64_t	   n;
	bool		   ok = true;

	while (ok && frame_group_next(group, &pos, &a))
		switch (a.key) {
		case RCPT_KEY_ADDRESS:
			ok = read_str(e, &a, ADDRESS_MAX, &r->address);
			break;
		case RCPT_KEY_ORIGINAL:
			ok = read_str(e, &a, ADDRESS_MAX, &r->original);
			break;
		case RCPT_KEY_ORCPT:
			ok = read_str(e, &a, ADDRESS_MAX, &r->orcpt);
			break;
		case RCPT_KEY_NOTIFY:
			if ((ok = read_num(&a, NOTIFY_NEVER | NOTIFY_SUCCESS |
			    NOTIFY_FAILURE | NOTIFY_DELAY, &n)))
				r->notify = (uint8_t)n;
			break;
		}
	return ok && *r->address != '\0';
}

bool
envelope_read_attr(struct envelope *e, const struct frame_attr *a)
{
	uint64_t n = 0;
	bool	 ok = true;

	switch (a->key) {
	case KEY_QUEUE_ID:
		return read_str(e, a, 64, &e->queue_id);
	case KEY_SENDER:
		return read_str(e, a, ADDRESS_MAX, &e->sender);
	case KEY_ARRIVAL:
		if ((ok = read_num(a, INT64_MAX, &n)))
			e->arrival_us = (int64_t)n;
		return ok;
	case KEY_CREATED:
		if ((ok = read_num(a, INT64_MAX, &n)))
			e->created_us = (int64_t)n;
		return ok;
	case KEY_FLAGS:
		if ((ok = read_num(a, UINT32_MAX, &n)))
			e->flags = (uint32_t)n;
		return ok;
	case KEY_UID:
		if ((ok = read_num(a, UINT32_MAX, &n)))
			e->uid = (uint32_t)n;
		return ok;
	}
	/* keys of a later release are not understood, and not an error */
	if (a->key >= KEY_ATTR && a->key < KEY_ATTR + ATTR_COUNT)
		ok = read_str(e, a, STRING_MAX, &e->attr[a->key - KEY_ATTR]);
	return ok;
}

bool
envelope_is_rcpt(const struct frame_attr *a)
{
	return a->key == KEY_RCPT;
}

bool
envelope_read(const struct frame *f, struct envelope *e)
{
	struct frame_attr a;
	size_t		  pos = 0;

	while (frame_next(f, &pos, &a))
		if (!(envelope_is_rcpt(&a) ? envelope_read_rcpt(e, &a) :
		    envelope_read_attr(e, &a)))
			return false;
	return pos == f->bytes.len;
}
