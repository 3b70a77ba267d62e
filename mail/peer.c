#include "mail/peer.h"

#include <errno.h>

#include "net/connect.h"
#include "util/clock.h"
#include "util/frame.h"
#include "util/list.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/stream.h"
#include "util/task.h"

enum {
	KEEP_SECONDS = 5,	/* idle connections; a reload waits for them */
	KEEP_MAX = 64,		/* per path */
	AGAIN_WITHIN = 2000,	/* ms, requests whose service died */
	AGAIN_PAUSE = 20,	/* ms */
};

struct kept {
	struct list	 link;	/* of a path, the last used first */
	struct stream	*stream;
	int64_t		 until;	/* clock_ms */
};

struct path {
	struct list	 kept;
	size_t		 count;
};

static struct {
	int		 timeout;
	bool		(*is_ending)(void);
	struct map	*paths;		/* struct path */
	struct map	*names;		/* path that stands for another */
	size_t		 kept_count;
	bool		 sweeping;	/* the sweep task runs */
} peer = { .timeout = 3600 };

void
peer_init(int timeout_seconds, bool (*is_ending)(void))
{
	peer.timeout = timeout_seconds;
	peer.is_ending = is_ending;
}

void
peer_rename(const char *path, const char *other)
{
	if (peer.names == NULL)
		peer.names = map_new();
	mem_free(map_set(peer.names, path, mem_strdup(other)));
}

bool
peer_is_ending(void)
{
	return peer.is_ending != NULL && peer.is_ending();
}

static struct path *
get_path(const char *name)
{
	struct path *path;

	if (peer.paths == NULL)
		peer.paths = map_new();
	if ((path = map_find(peer.paths, name)) == NULL) {
		path = NEW(struct path);
		list_init(&path->kept);
		map_set(peer.paths, name, path);
	}
	return path;
}

static struct stream *
unkeep(struct path *path, struct list *link)
{
	struct kept   *k = LIST_ENTRY(link, struct kept, link);
	struct stream *s = k->stream;

	list_remove(&k->link);
	mem_free(k);
	path->count--;
	peer.kept_count--;
	return s;
}

/* The oldest stand at the end of each list. */
static void
close_older_than(int64_t now)
{
	for (size_t i = 0; peer.paths != NULL && i < map_count(peer.paths); i++) {
		struct path *path = map_at(peer.paths, i)->value;

		while (!list_is_empty(&path->kept)) {
			struct list *last = path->kept.prev;

			if (LIST_ENTRY(last, struct kept, link)->until > now)
				break;
			stream_abort(unkeep(path, last));
		}
	}
}

static void
sweep(void *arg)
{
	(void)arg;
	while (peer.kept_count > 0) {
		task_sleep_ms(KEEP_SECONDS * 500);
		close_older_than(clock_ms());
	}
	peer.sweeping = false;
}

void
peer_close_all(void)
{
	close_older_than(CLOCK_NEVER);
}

/* A socket that nobody listens on was left by a master that was killed: the
 * next one is about to make it anew. */
static struct stream *
open_new(const char *name)
{
	int64_t	       until = clock_ms() + AGAIN_WITHIN;
	const char    *other = peer.names != NULL ? map_find(peer.names, name) :
	    NULL;
	struct stream *s;
	int	       fd;

	while ((fd = connect_unix(other != NULL ? other : name,
	    clock_in(peer.timeout))) < 0 && errno == ECONNREFUSED &&
	    clock_ms() < until)
		task_sleep_ms(AGAIN_PAUSE);
	if (fd < 0)
		return NULL;
	s = stream_open(fd);
	stream_set_deadline(s, peer.timeout);
	return s;
}

/* The one used last, or NULL. */
static struct stream *
take_kept(const char *name)
{
	struct path   *path = get_path(name);
	struct stream *s;

	if (list_is_empty(&path->kept))
		return NULL;
	s = unkeep(path, path->kept.next);
	stream_set_deadline(s, peer.timeout);
	return s;
}

struct stream *
peer_connect(const char *name)
{
	struct stream *s;

	/* Nobody speaks on a kept connection: what comes is its end. */
	while ((s = take_kept(name)) != NULL) {
		if (stream_pending(s) == 0 && stream_failed(s) == NULL)
			return s;
		stream_abort(s);
	}
	return open_new(name);
}

void
peer_keep(const char *name, struct stream *s)
{
	struct path *path = get_path(name);
	struct kept *k;

	if (stream_failed(s) != NULL || path->count >= KEEP_MAX ||
	    !task_running()) {
		stream_close(s);
		return;
	}
	k = NEW(struct kept);
	k->stream = s;
	k->until = clock_in(KEEP_SECONDS);
	list_push(&path->kept, &k->link);
	path->count++;
	peer.kept_count++;
	if (!peer.sweeping) {
		peer.sweeping = true;
		task_start("peer-sweep", sweep, NULL);
	}
}

bool
peer_call(const char *name, const struct frame *request, struct frame *reply,
    size_t max)
{
	int64_t	       until = clock_ms() + AGAIN_WITHIN;
	struct stream *s;
	bool	       is_new;

	for (;;) {
		s = take_kept(name);
		is_new = s == NULL;
		if (is_new && (s = open_new(name)) == NULL)
			return false;
		frame_send(s, request);
		if (frame_receive(s, reply, max)) {
			peer_keep(name, s);
			return true;
		}
		/* A kept connection may have ended in the meantime; with a
		 * new one the service died, and has a successor soon. */
		if (stream_timed_out(s) || (is_new && clock_ms() >= until))
			break;
		stream_abort(s);
		if (is_new)
			task_sleep_ms(AGAIN_PAUSE);
	}
	stream_abort(s);
	errno = EPIPE;
	return false;
}
