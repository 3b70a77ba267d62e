#include "mail/verify_client.h"

#include <string.h>
#include <time.h>

#include "mail/address.h"
#include "mail/peer.h"
#include "util/frame.h"
#include "util/text.h"

static bool
call(const struct frame *request, struct frame *reply)
{
	return peer_call(VERIFY_SERVICE, request, reply, VERIFY_FRAME_MAX) &&
	    reply->type == VERIFY_RESULT;
}

bool
verify_query(const char *address, enum verify_status *ret,
    struct buf *ret_text)
{
	struct frame f = FRAME_INIT, reply = FRAME_INIT;
	const char  *text;
	uint64_t     status = VERIFY_TODO + 1;
	bool	     ok;

	frame_begin(&f, VERIFY_QUERY);
	frame_put_str(&f, VERIFY_KEY_ADDRESS, address);
	ok = call(&f, &reply);
	if (ok) {
		status = frame_u64(&reply, VERIFY_KEY_STATUS, VERIFY_TODO + 1);
		text = frame_str(&reply, VERIFY_KEY_TEXT);
		ok = status <= VERIFY_TODO && text != NULL;
	}
	if (ok) {
		*ret = (enum verify_status)status;
		buf_set(ret_text, text);
	}
	frame_done(&f);
	frame_done(&reply);
	return ok;
}

bool
verify_update(const char *address, enum verify_status status, const char *text)
{
	struct frame f = FRAME_INIT, reply = FRAME_INIT;
	bool	     ok;

	frame_begin(&f, VERIFY_UPDATE);
	frame_put_str(&f, VERIFY_KEY_ADDRESS, address);
	frame_put_u64(&f, VERIFY_KEY_STATUS, status);
	frame_put_str(&f, VERIFY_KEY_TEXT, text);
	ok = call(&f, &reply);
	frame_done(&f);
	frame_done(&reply);
	return ok;
}

/* --- the sender */

/* In digits that make no words. */
static void
add_stamp(struct buf *out, long long n)
{
	static const char digits[] = "0123456789BCDFGHJKLMNPQRSTVWXYZ";
	const int	  base = sizeof digits - 1;
	char		  text[24];
	size_t		  i = sizeof text;

	do {
		text[--i] = digits[n % base];
		n /= base;
	} while (n > 0);
	buf_add(out, text + i, sizeof text - i);
}

/* `back` periods ago. */
static void
sender_of(struct buf *out, const struct verify_sender *v, int back)
{
	const char *domain = address_domain(v->address);

	if (address_is_null(v->address))
		return;
	buf_add(out, v->address, address_local_len(v->address));
	if (v->ttl > 0)
		add_stamp(out, time(NULL) / v->ttl - back);
	buf_addc(out, '@');
	buf_adds(out, domain != NULL ? domain : v->origin);
}

void
verify_sender(struct buf *out, const struct verify_sender *v)
{
	sender_of(out, v, 0);
}

bool
verify_is_sender(const char *address, const struct verify_sender *v)
{
	struct buf b = BUF_INIT;
	bool	   is = false;

	for (int back = 0; !is && back <= (v->ttl > 0 ? 1 : 0); back++) {
		buf_clear(&b);
		sender_of(&b, v, back);
		is = b.len > 0 && text_eq_nocase(b.data, address);
	}
	buf_done(&b);
	return is;
}
