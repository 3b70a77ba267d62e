/*
 * Milters on their way to another process: a frame and a descriptor each.
 * The other side believes what a process of ours says, but not that it is
 * well-formed.
 */

#include <string.h>
#include <unistd.h>

#include "milter/session_int.h"
#include "util/frame.h"
#include "util/stream.h"

enum pack_key {
	KEY_NAME = 1, KEY_DEFAULT, KEY_CONTENT_TIMEOUT, KEY_STATE,
	KEY_VERSION, KEY_ACTIONS, KEY_PROTOCOL, KEY_EOH_MACROS,
	KEY_EOM_MACROS,
};

enum { MILTERS_MAX = 100 };

static void
put_names(struct frame *f, uint16_t key, const char *const *names)
{
	struct buf b = BUF_INIT;

	if (names == NULL)
		return;
	for (; *names != NULL; names++)
		buf_addf(&b, "%s%s", b.len > 0 ? " " : "", *names);
	frame_put_str(f, key, b.data);
	buf_done(&b);
}

/* What was said to it must have left before another process goes on. */
bool
milters_pack(struct milters *all, size_t i, struct frame *f, int *ret_fd)
{
	struct milter *m;

	if (i >= all->count)
		return false;
	m = &all->items[i];
	if (m->s != NULL && !stream_flush(m->s))
		milter_fail(m, "can't write: %s", stream_failed(m->s));
	frame_put_str(f, KEY_NAME, m->set.name);
	frame_put_str(f, KEY_DEFAULT, m->set.default_action);
	frame_put_u64(f, KEY_CONTENT_TIMEOUT,
	    (uint64_t)m->set.content_timeout);
	frame_put_u64(f, KEY_STATE, m->state == MILTER_OPEN);
	frame_put_u64(f, KEY_VERSION, m->version);
	frame_put_u64(f, KEY_ACTIONS, m->actions);
	frame_put_u64(f, KEY_PROTOCOL, m->protocol);
	put_names(f, KEY_EOH_MACROS, m->macros.names[MILTER_STAGE_EOH]);
	put_names(f, KEY_EOM_MACROS, m->macros.names[MILTER_STAGE_EOM]);
	*ret_fd = m->state == MILTER_OPEN ? stream_fd(m->s) : -1;
	return true;
}

static const char *const *
get_names(struct pool *pool, const struct frame *f, uint16_t key)
{
	const char *text = frame_str(f, key);

	return text != NULL ? milter_names_parse(pool, text) : NULL;
}

static struct milter *
add(struct milters *all)
{
	struct milter *m;

	all->items = mem_realloc(all->items,
	    (all->count + 1) * sizeof *all->items);
	m = &all->items[all->count++];
	*m = (struct milter){ .all = all, .stuck_text = BUF_INIT,
	    .in = BUF_INIT };
	return m;
}

bool
milters_packed_fd(const struct frame *f)
{
	return frame_u64(f, KEY_STATE, 0) == 1;
}

bool
milters_unpack(struct milters *all, const struct frame *f, int fd)
{
	const char    *name = frame_str(f, KEY_NAME);
	const char    *action = frame_str(f, KEY_DEFAULT);
	uint64_t       timeout = frame_u64(f, KEY_CONTENT_TIMEOUT, 0);
	bool	       open = milters_packed_fd(f);
	struct milter *m;

	if (name == NULL || action == NULL || timeout == 0 ||
	    timeout > INT32_MAX || all->count >= MILTERS_MAX ||
	    open != (fd >= 0)) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	m = add(all);
	m->set.name = pool_strdup(&all->pool, name);
	m->set.default_action = pool_strdup(&all->pool, action);
	m->set.content_timeout = m->set.command_timeout = (int)timeout;
	m->version = (uint32_t)frame_u64(f, KEY_VERSION, 0);
	m->actions = (uint32_t)frame_u64(f, KEY_ACTIONS, 0);
	m->protocol = (uint32_t)frame_u64(f, KEY_PROTOCOL, 0);
	m->macros.names[MILTER_STAGE_EOH] = get_names(&all->pool, f,
	    KEY_EOH_MACROS);
	m->macros.names[MILTER_STAGE_EOM] = get_names(&all->pool, f,
	    KEY_EOM_MACROS);
	m->state = open ? MILTER_OPEN : MILTER_PASSED;
	m->s = open ? stream_open(fd) : NULL;
	return true;
}

void
milters_leave(struct milters *all)
{
	for (size_t i = 0; all != NULL && i < all->count; i++) {
		struct milter *m = &all->items[i];

		if (m->s == NULL)
			continue;
		if (!stream_flush(m->s))
			milter_shut(m, MILTER_DONE);
		else
			close(stream_detach(m->s));
		m->s = NULL;
	}
	milters_free(all);
}
