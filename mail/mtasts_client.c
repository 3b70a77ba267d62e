#include "mail/mtasts_client.h"

#include <string.h>

#include "mail/peer.h"
#include "util/clock.h"
#include "util/frame.h"
#include "util/map.h"

enum {
	KEEP_MS = 60000,
	KEEP_MAX = 1000,	/* domains */
};

struct kept {
	struct frame	f;
	int64_t		until;		/* clock_ms */
};

static struct map *kept;

static void
free_kept(void *arg)
{
	struct kept *k = arg;

	frame_done(&k->f);
	mem_free(k);
}

/* They are a minute old at most: when there are too many, all go. */
static void
keep(const char *domain, struct frame *f)
{
	struct kept *k;

	if (kept != NULL && map_count(kept) >= KEEP_MAX) {
		map_free(kept, free_kept);
		kept = NULL;
	}
	if (kept == NULL)
		kept = map_new();
	k = NEW(struct kept);
	k->f = *f;
	k->until = clock_ms() + KEEP_MS;
	*f = (struct frame)FRAME_INIT;
	k = map_set(kept, domain, k);
	if (k != NULL)
		free_kept(k);
}

static const struct frame *
find_kept(const char *domain)
{
	struct kept *k = kept != NULL ? map_find(kept, domain) : NULL;

	return k != NULL && k->until > clock_ms() ? &k->f : NULL;
}

static bool
ask(const char *domain)
{
	struct frame f = FRAME_INIT, reply = FRAME_INIT;
	bool	     ok;

	frame_begin(&f, MTASTS_QUERY);
	frame_put_str(&f, MTASTS_KEY_DOMAIN, domain);
	ok = peer_call(MTASTS_SERVICE, &f, &reply, MTASTS_FRAME_MAX) &&
	    reply.type == MTASTS_ANSWER;
	if (ok)
		keep(domain, &reply);
	frame_done(&f);
	frame_done(&reply);
	return ok;
}

static const char *
copy(struct pool *pool, const char *s)
{
	return s != NULL ? pool_strdup(pool, s) : NULL;
}

bool
mtasts_query(struct pool *pool, const char *domain, struct mtasts_answer *ret)
{
	const struct frame *f = find_kept(domain);
	const char	   *text, *why;

	if (f == NULL && (!ask(domain) || (f = find_kept(domain)) == NULL))
		return false;
	*ret = (struct mtasts_answer){ .found = false };
	text = frame_str(f, MTASTS_KEY_POLICY);
	if (text != NULL && !mtasts_parse(pool, text, strlen(text),
	    &ret->policy, &why))
		return false;
	ret->found = text != NULL;
	ret->failure = copy(pool, frame_str(f, MTASTS_KEY_FAILURE));
	ret->why = copy(pool, frame_str(f, MTASTS_KEY_WHY));
	return true;
}
