#include "mail/resolve_client.h"

#include <errno.h>
#include <string.h>

#include "mail/address.h"
#include "mail/peer.h"
#include "mail/resolve_proto.h"
#include "util/clock.h"
#include "util/frame.h"
#include "util/map.h"
#include "util/mem.h"

enum {
	CACHE_MS = 1000,
	CACHE_MAX = 1024,	/* answers; then all are forgotten */
};

static struct {
	struct map	*answers;	/* make_key(): struct resolved */
	struct pool	 pool;
	int64_t		 until;		/* clock_ms */
} cache;

/* All age together: the cache is for the same question asked by RCPT, again
 * by a restriction, and again by the next message of a burst. */
static void
cache_expire(void)
{
	int64_t now = clock_ms();

	if (cache.answers != NULL && now < cache.until &&
	    map_count(cache.answers) < CACHE_MAX)
		return;
	map_free(cache.answers, NULL);
	cache.answers = map_new();
	pool_clear(&cache.pool);
	cache.until = now + CACHE_MS;
}

bool
resolve_is_plain(const char *address)
{
	const char *domain = address_domain(address);
	size_t	    local = address_local_len(address);

	return domain != NULL && local > 0 && *address != '-' &&
	    strcspn(address, "@%!") == local;
}

/* 'A' for an address, 'D' for a domain: "@x" may be both. */
static void
make_key(struct buf *key, char scope, const char *sender,
    const char *recipient)
{
	buf_clear(key);
	buf_addc(key, scope);
	buf_add(key, sender, strlen(sender) + 1);
	buf_adds(key, recipient);
}

/* Leaves the domain with its '@'. */
static void
cut_local(struct buf *key, const char *sender, const char *recipient)
{
	make_key(key, 'D', sender, recipient + address_local_len(recipient));
}

static const struct resolved *
find_cached(struct buf *key, const char *sender, const char *recipient)
{
	const struct resolved *r;

	if (resolve_is_plain(recipient)) {
		cut_local(key, sender, recipient);
		r = map_find_n(cache.answers, key->data, key->len);
		if (r != NULL)
			return r;
	}
	make_key(key, 'A', sender, recipient);
	return map_find_n(cache.answers, key->data, key->len);
}

static void
copy(struct pool *pool, const struct resolved *from, struct resolved *to)
{
	to->transport = pool_strdup(pool, from->transport);
	to->nexthop = pool_strdup(pool, from->nexthop);
	to->recipient = pool_strdup(pool, from->recipient);
	to->flags = from->flags;
}

static void
cache_add(const struct buf *key, const struct resolved *r)
{
	struct resolved *kept;

	kept = pool_zalloc(&cache.pool, sizeof *kept);
	copy(&cache.pool, r, kept);
	map_slot(cache.answers, key->data, key->len)->value = kept;
}

/* --- the wire */

static bool
read_answer(struct pool *pool, const struct frame_attr *group,
    const char *asked, struct resolved *ret)
{
	struct resolved	  r = { .recipient = asked };
	struct frame_attr a;
	size_t		  pos = 0;

	while (frame_group_next(group, &pos, &a)) {
		switch (a.key) {
		case RESOLVE_KEY_TRANSPORT:
			r.transport = frame_attr_str(&a);
			break;
		case RESOLVE_KEY_NEXTHOP:
			r.nexthop = frame_attr_str(&a);
			break;
		case RESOLVE_KEY_RECIPIENT:
			r.recipient = frame_attr_str(&a);
			break;
		case RESOLVE_KEY_FLAGS:
			r.flags = (unsigned)frame_attr_u64(&a, 0);
			break;
		}
	}
	if (r.transport == NULL || r.nexthop == NULL || r.recipient == NULL)
		return false;
	copy(pool, &r, ret);
	return true;
}

/* A worker that dies with our question is no reason to turn mail away: its
 * successor is asked. */
static bool
call(const struct frame *request, struct frame *reply)
{
	return peer_call(RESOLVE_SERVICE, request, reply, RESOLVE_FRAME_MAX) ||
	    (errno == EPIPE && peer_call(RESOLVE_SERVICE, request, reply,
	    RESOLVE_FRAME_MAX));
}

/* Asks for those recipients that have no transport yet, at most a batch from
 * `first` on; *ret_next is where to go on. */
static bool
ask(struct pool *pool, const char *sender, const char *const *recipients,
    size_t count, struct resolved *r, size_t first, size_t *ret_next)
{
	struct frame	  request = FRAME_INIT, reply = FRAME_INIT;
	struct frame_attr a;
	size_t		  i, pos = 0, asked = 0;
	bool		  ok;

	frame_begin(&request, RESOLVE_REQUEST);
	frame_put_str(&request, RESOLVE_KEY_SENDER, sender);
	for (i = first; i < count && asked < RESOLVE_BATCH; i++) {
		if (r[i].transport != NULL)
			continue;
		frame_put_str(&request, RESOLVE_KEY_ADDRESS, recipients[i]);
		asked++;
	}
	*ret_next = i;
	ok = asked == 0 || (call(&request, &reply) &&
	    reply.type == RESOLVE_REPLY);
	i = first;
	while (ok && asked > 0 && frame_next(&reply, &pos, &a)) {
		if (a.key != RESOLVE_KEY_ANSWER)
			continue;
		while (r[i].transport != NULL)
			i++;
		ok = read_answer(pool, &a, recipients[i], &r[i]);
		asked--;
	}
	frame_done(&request);
	frame_done(&reply);
	return ok && asked == 0;
}

/* --- the calls */

static void
take_cached(struct pool *pool, const char *sender,
    const char *const *recipients, size_t count, struct resolved *r)
{
	struct buf	       key = BUF_INIT;
	const struct resolved *kept;

	for (size_t i = 0; i < count; i++) {
		kept = find_cached(&key, sender, recipients[i]);
		if (kept == NULL)
			continue;
		copy(pool, kept, &r[i]);
		if (kept->flags & RESOLVE_BY_DOMAIN)
			r[i].recipient = pool_strdup(pool, recipients[i]);
	}
	buf_done(&key);
}

static void
add_to_cache(const char *sender, const char *const *recipients, size_t count,
    const struct resolved *r)
{
	struct buf key = BUF_INIT;

	cache_expire();
	for (size_t i = 0; i < count && i < CACHE_MAX / 2; i++) {
		if ((r[i].flags & RESOLVE_FAIL) ||
		    find_cached(&key, sender, recipients[i]) != NULL)
			continue;
		if (r[i].flags & RESOLVE_BY_DOMAIN)
			cut_local(&key, sender, recipients[i]);
		cache_add(&key, &r[i]);
	}
	buf_done(&key);
}

bool
resolve_recipients(struct pool *pool, const char *sender,
    const char *const *recipients, size_t count, struct resolved *ret)
{
	struct resolved *r;
	size_t		 next = 0;

	cache_expire();
	r = pool_zalloc(pool, count * sizeof *r);
	take_cached(pool, sender, recipients, count, r);
	while (next < count)
		if (!ask(pool, sender, recipients, count, r, next, &next))
			return false;
	add_to_cache(sender, recipients, count, r);
	memcpy(ret, r, count * sizeof *r);
	return true;
}

bool
resolve_one(struct pool *pool, const char *sender, const char *recipient,
    struct resolved *ret)
{
	return resolve_recipients(pool, sender, &recipient, 1, ret);
}
