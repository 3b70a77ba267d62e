#include <string.h>

#include "mail/submit.h"
#include "util/stream.h"
#include "util/text.h"

/* What a user may say of a message, besides sender and recipients. */
static const enum envelope_attr allowed[] = {
	ATTR_FULL_NAME, ATTR_ENCODING, ATTR_DSN_ENVELOPE_ID, ATTR_DSN_RET,
	ATTR_VERP_DELIMS, ATTR_EXTRACT_NOTIFY,
};

enum { ALLOWED_FLAGS = ENV_DELIVER_VERIFY | ENV_DELIVER_TRACE |
	ENV_SMTPUTF8 | ENV_REQUIRETLS };

/* Control bytes would end up in protocols that are made of lines. */
static bool
is_clean(const char *s)
{
	return s == NULL || strpbrk(s, "\r\n") == NULL;
}

bool
submit_copy_allowed(struct envelope *to, const struct envelope *from)
{
	to->sender = pool_strdup(&to->pool, from->sender);
	to->flags = from->flags & ALLOWED_FLAGS;
	if (!is_clean(from->sender))
		return false;
	for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
		if (!is_clean(from->attr[allowed[i]]))
			return false;
		envelope_set(to, allowed[i], from->attr[allowed[i]]);
	}
	for (uint32_t i = 0; i < from->rcpt_count; i++) {
		const struct recipient *r = &from->rcpt[i];

		if (!is_clean(r->address) || !is_clean(r->orcpt))
			return false;
		envelope_add_rcpt(to, r->address, "", r->orcpt, r->notify);
	}
	return true;
}

/* -t is an attribute of the recipients that are still to be found, -G one of
 * rewriting. */
void
submit_set_flags(struct envelope *e, unsigned flags)
{
	if ((flags & SUBMIT_EXTRACT) != 0 &&
	    e->attr[ATTR_EXTRACT_NOTIFY] == NULL)
		envelope_set(e, ATTR_EXTRACT_NOTIFY, "0");
	if ((flags & SUBMIT_GATEWAY) != 0)
		envelope_set(e, ATTR_REWRITE_CONTEXT, "remote");
}

unsigned
submit_flags_of(const struct envelope *e)
{
	unsigned flags = 0;

	if (e->attr[ATTR_EXTRACT_NOTIFY] != NULL)
		flags |= SUBMIT_EXTRACT;
	if (text_eq(envelope_get(e, ATTR_REWRITE_CONTEXT), "remote"))
		flags |= SUBMIT_GATEWAY;
	return flags;
}

static bool
parse_envelope(struct submission *s, struct str bytes)
{
	const struct frame inner = { .bytes = { .data = (char *)(uintptr_t)
	    bytes.p, .len = bytes.n } };
	struct envelope	   e;
	bool		   ok;

	envelope_init(&e);
	ok = envelope_read(&inner, &e) && submit_copy_allowed(&s->env, &e);
	envelope_done(&e);
	return ok;
}

bool
submit_begin(struct submission *s, struct stream *client)
{
	struct str bytes;

	*s = (struct submission){ .f = FRAME_INIT };
	envelope_init(&s->env);
	if (!frame_receive(client, &s->f, SUBMIT_FRAME_MAX))
		return false;
	s->flags = (unsigned)frame_u64(&s->f, SUBMIT_KEY_FLAGS, 0);
	if (s->f.type == SUBMIT_ENVELOPE &&
	    frame_bytes(&s->f, SUBMIT_KEY_ENVELOPE, &bytes) &&
	    parse_envelope(s, bytes))
		return true;
	stream_fail(client, "malformed request");
	return false;
}

enum submit_next
submit_content(struct submission *s, struct stream *client, struct str *ret)
{
	if (!frame_receive(client, &s->f, SUBMIT_FRAME_MAX))
		return SUBMIT_BROKEN;
	if (s->f.type == SUBMIT_END)
		return SUBMIT_FINISHED;
	if (s->f.type == SUBMIT_CONTENT &&
	    frame_bytes(&s->f, SUBMIT_KEY_BYTES, ret))
		return SUBMIT_MORE;
	stream_fail(client, "malformed request");
	return SUBMIT_BROKEN;
}

void
submit_answer(struct submission *s, struct stream *client,
    enum submit_status status, const char *id, const char *why)
{
	frame_begin(&s->f, SUBMIT_RESULT);
	frame_put_u64(&s->f, SUBMIT_KEY_STATUS, status);
	frame_put_str(&s->f, SUBMIT_KEY_ID, id);
	frame_put_str(&s->f, SUBMIT_KEY_WHY, why);
	frame_send(client, &s->f);
	stream_flush(client);
}

void
submit_done(struct submission *s)
{
	envelope_done(&s->env);
	frame_done(&s->f);
}
