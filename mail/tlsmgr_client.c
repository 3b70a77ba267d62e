#include "mail/tlsmgr_client.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "mail/peer.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/frame.h"
#include "util/log.h"

#define TLSMGR_PATH "private/tlsmgr"

enum {
	KEYS = 4,		/* the newest and those before it */
	OWN_SECONDS = 3600,	/* life of a key of our own */
	COMPLAIN_MS = 60 * 1000,
	ASK_AGAIN_MS = 1000,	/* for a key that is not known */
};

static struct {
	const char		*cache;
	struct tls_ticket_key	 keys[KEYS];	/* the newest first */
	int			 count;
	int64_t			 ask_at, complain_at;	/* clock_ms */
} client;

static void
complain(void)
{
	if (clock_ms() < client.complain_at)
		return;
	client.complain_at = clock_ms() + COMPLAIN_MS;
	log_warn("connect to %s: %m; TLS sessions are not shared",
	    TLSMGR_PATH);
}

static bool
call(const struct frame *request, struct frame *answer, unsigned type)
{
	if (peer_call(TLSMGR_PATH, request, answer, TLSMGR_FRAME_MAX))
		return answer->type == type;
	complain();
	return false;
}

/* --- ticket keys */

/* In order of their age; one too many takes the oldest's place. */
static void
keep_key(const struct tls_ticket_key *k)
{
	int n;

	for (n = 0; n < client.count; n++)
		if (memcmp(client.keys[n].name, k->name, sizeof k->name) == 0)
			return;
	if (client.count < KEYS)
		client.count++;
	n = client.count - 1;
	for (; n > 0 && client.keys[n - 1].expires < k->expires; n--)
		client.keys[n] = client.keys[n - 1];
	client.keys[n] = *k;
}

static bool
take_bytes(const struct frame *f, unsigned key, void *to, size_t len)
{
	struct str s;

	if (!frame_bytes(f, (uint16_t)key, &s) || s.n != len)
		return false;
	memcpy(to, s.p, len);
	return true;
}

static bool
fetch_key(const unsigned char *name)
{
	struct frame	      request = FRAME_INIT, answer = FRAME_INIT;
	struct tls_ticket_key k = { .expires = 0 };
	bool		      good;

	frame_begin(&request, TLSMGR_TICKET);
	if (name != NULL)
		frame_put(&request, TLSMGR_KEY_NAME, name, sizeof k.name);
	good = call(&request, &answer, TLSMGR_TICKET_KEY) &&
	    take_bytes(&answer, TLSMGR_KEY_NAME, k.name, sizeof k.name) &&
	    take_bytes(&answer, TLSMGR_KEY_CIPHER, k.cipher_key,
	    sizeof k.cipher_key) &&
	    take_bytes(&answer, TLSMGR_KEY_MAC, k.mac_key, sizeof k.mac_key);
	if (good) {
		k.expires = (int64_t)frame_u64(&answer, TLSMGR_KEY_EXPIRES, 0);
		keep_key(&k);
	}
	frame_done(&request);
	memset(answer.bytes.data, 0, answer.bytes.len);
	frame_done(&answer);
	return good;
}

static bool
make_key(void)
{
	struct tls_ticket_key k;

	if (getrandom(&k, sizeof k, 0) != (ssize_t)sizeof k)
		return false;
	k.expires = time(NULL) + OWN_SECONDS;
	keep_key(&k);
	return true;
}

static bool
newest_key(struct tls_ticket_key *ret)
{
	int64_t now = time(NULL);

	if (client.count == 0 || client.keys[0].expires <= now)
		if (!fetch_key(NULL) && !make_key())
			return false;
	*ret = client.keys[0];
	return true;
}

bool
tlsmgr_ticket_key(const unsigned char *name, struct tls_ticket_key *ret)
{
	if (name == NULL)
		return newest_key(ret);
	for (int tries = 0; tries < 2; tries++) {
		for (int i = 0; i < client.count; i++)
			if (memcmp(client.keys[i].name, name,
			    sizeof client.keys[i].name) == 0) {
				*ret = client.keys[i];
				return true;
			}
		/* Anybody may show us names that don't exist. */
		if (clock_ms() < client.ask_at)
			return false;
		client.ask_at = clock_ms() + ASK_AGAIN_MS;
		if (!fetch_key(name))
			return false;
	}
	return false;
}

/* --- sessions */

static bool
load(const char *key, struct buf *ret)
{
	struct frame request = FRAME_INIT, answer = FRAME_INIT;
	struct str   value;
	bool	     found;

	frame_begin(&request, TLSMGR_FIND);
	frame_put_str(&request, TLSMGR_KEY_CACHE, client.cache);
	frame_put_str(&request, TLSMGR_KEY_KEY, key);
	found = call(&request, &answer, TLSMGR_FOUND) &&
	    frame_bytes(&answer, TLSMGR_KEY_VALUE, &value);
	if (found)
		buf_add(ret, value.p, value.n);
	frame_done(&request);
	memset(answer.bytes.data, 0, answer.bytes.len);
	frame_done(&answer);
	return found;
}

static void
save(const char *key, const void *value, size_t len)
{
	struct frame request = FRAME_INIT, answer = FRAME_INIT;

	frame_begin(&request, TLSMGR_SAVE);
	frame_put_str(&request, TLSMGR_KEY_CACHE, client.cache);
	frame_put_str(&request, TLSMGR_KEY_KEY, key);
	frame_put(&request, TLSMGR_KEY_VALUE, value, len);
	call(&request, &answer, TLSMGR_DONE);
	memset(request.bytes.data, 0, request.bytes.len);
	frame_done(&request);
	frame_done(&answer);
}

static void
forget(const char *key)
{
	struct frame request = FRAME_INIT, answer = FRAME_INIT;

	frame_begin(&request, TLSMGR_FORGET);
	frame_put_str(&request, TLSMGR_KEY_CACHE, client.cache);
	frame_put_str(&request, TLSMGR_KEY_KEY, key);
	call(&request, &answer, TLSMGR_DONE);
	frame_done(&request);
	frame_done(&answer);
}

struct tls_store
tlsmgr_store(const char *cache)
{
	client.cache = cache;
	return (struct tls_store){ load, save, forget };
}
