#include <errno.h>
#include <stddef.h>

#include "net/addr.h"
#include "net/connect.h"
#include "smtp/dead.h"
#include "util/clock.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/task.h"

enum {
	REMEMBER = 60,		/* seconds */
	DEAD_MAX = 1000,	/* addresses remembered */
};

struct dead {
	int64_t		 until;		/* clock_ms */
	int		 error;		/* errno of the last attempt */
	bool		 probing;	/* someone tries it now */
	int		 waiting;	/* tasks that wait for that one */
	struct task_cond done;
};

static struct map *dead_map;

static struct dead *
find(const struct addr *a)
{
	return dead_map == NULL ? NULL :
	    map_find_n(dead_map, &a->sa, a->len);
}

static bool
is_in_use(const struct dead *d)
{
	return d->probing || d->waiting > 0;
}

static void
drop(size_t i)
{
	struct map_entry *e = map_at(dead_map, i);

	mem_free(e->value);
	map_remove_n(dead_map, e->key, e->key_len);
}

/* Forgets what is past, or else one, each time another. */
static void
make_room(void)
{
	static size_t turn;
	int64_t now = clock_ms();

	for (size_t i = map_count(dead_map); i-- > 0;) {
		const struct dead *d = map_at(dead_map, i)->value;

		if (!is_in_use(d) && d->until <= now)
			drop(i);
	}
	for (size_t n = map_count(dead_map); n > 0 &&
	    map_count(dead_map) >= DEAD_MAX; n--) {
		size_t i = turn++ % map_count(dead_map);

		if (!is_in_use(map_at(dead_map, i)->value))
			drop(i);
	}
}

static void
remember(const struct addr *a, int error)
{
	struct dead *d = find(a);

	if (d == NULL) {
		if (dead_map == NULL)
			dead_map = map_new();
		if (map_count(dead_map) >= DEAD_MAX)
			make_room();
		d = NEW(struct dead);
		task_cond_init(&d->done);
		map_slot(dead_map, &a->sa, a->len)->value = d;
	}
	d->until = clock_in(REMEMBER);
	d->error = error;
}

static void
forget(const struct addr *a)
{
	struct dead *d = find(a);

	if (d == NULL)
		return;
	d->until = 0;
	if (is_in_use(d))
		return;
	map_remove_n(dead_map, &a->sa, a->len);
	mem_free(d);
}

bool
dead_is(const struct addr *a)
{
	struct dead *d = find(a);

	return d != NULL && d->until > clock_ms();
}

static bool
is_silence(int error)
{
	return error == ETIMEDOUT || error == EHOSTUNREACH ||
	    error == ENETUNREACH;
}

static int
attempt(const struct addr *a, const struct addr *bind_to, int64_t deadline)
{
	int fd = connect_inet(a, bind_to, deadline), error = errno;

	if (fd < 0 && is_silence(error))
		remember(a, error);
	else
		forget(a);
	errno = error;
	return fd;
}

/* Waits for the one who tries.  True: still dead, errno says why. */
static bool
share_fate(struct dead *d, int64_t deadline)
{
	bool ended, is_dead;
	int  error;

	d->waiting++;
	ended = task_wait(&d->done, deadline);
	d->waiting--;
	is_dead = !ended || d->until > clock_ms();
	error = d->error;
	if (is_dead)
		errno = error;
	return is_dead;
}

int
dead_connect(const struct addr *a, const struct addr *bind_to,
    int64_t deadline)
{
	struct dead *d = dead_is(a) ? find(a) : NULL;
	int	     fd, error;

	if (d == NULL)
		return attempt(a, bind_to, deadline);
	if (d->probing) {
		if (share_fate(d, deadline))
			return -1;
		return attempt(a, bind_to, deadline);
	}
	d->probing = true;	/* keeps it in the map */
	fd = attempt(a, bind_to, deadline);
	error = errno;
	d->probing = false;
	task_wake_all(&d->done);
	errno = error;
	return fd;
}
