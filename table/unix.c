/*
 * unix: the system's accounts and groups
 *
 * Every question costs the C library several system calls, or a daemon's
 * answer, and smtpd asks for every recipient: an answer is good for a second,
 * as other tables' are.  In a chroot there are no accounts: proxymap is asked,
 * which needs the service in master.cf and the table in proxy_read_maps.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>

#include "table/ask.h"
#include "table/proxy.h"
#include "table/proxy_proto.h"
#include "table/table_type.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/text.h"

enum {
	ACCOUNT_BUF = 64 * 1024, /* bytes for one entry of passwd, group */
	ANSWER_MS = 1000,	/* how long an answer of unix: is good */
	ANSWER_MAX = 1000,	/* of them in memory */
};

struct answers {
	struct map	*found;		/* key -> value, "" if there is none */
	int64_t		 since_ms;
	struct ask_server proxymap;	/* for when we are in a chroot */
};

static bool
open_unix(struct table *t)
{
	struct answers *a;

	if (!text_eq(t->name, "passwd.byname") &&
	    !text_eq(t->name, "group.byname"))
		return table_fail(t, "unknown table: %s", t->full_name);
	a = NEW(struct answers);
	a->found = map_new();
	a->since_ms = clock_ms();
	ask_init(&a->proxymap, "unix:" PROXY_SERVICE);
	t->state = a;
	return true;
}

static enum table_result
find_group(struct table *t, const char *key, struct buf *ret, char *room)
{
	struct group  entry, *g;
	int	      error = getgrnam_r(key, &entry, room, ACCOUNT_BUF, &g);
	const char   *sep = "";

	if (error != 0)
		return table_fail_find(t, "%s", strerror(error));
	if (g == NULL)
		return TABLE_NOT_FOUND;
	buf_addf(ret, "%s:%s:%ld:", g->gr_name, g->gr_passwd,
	    (long)g->gr_gid);
	for (char **member = g->gr_mem; *member != NULL; member++) {
		buf_addf(ret, "%s%s", sep, *member);
		sep = ",";
	}
	return TABLE_FOUND;
}

static enum table_result
find_user(struct table *t, const char *key, struct buf *ret, char *room)
{
	struct passwd entry, *p;
	int	      error = getpwnam_r(key, &entry, room, ACCOUNT_BUF, &p);

	if (error != 0)
		return table_fail_find(t, "%s", strerror(error));
	if (p == NULL)
		return TABLE_NOT_FOUND;
	buf_addf(ret, "%s:%s:%ld:%ld:%s:%s:%s", p->pw_name, p->pw_passwd,
	    (long)p->pw_uid, (long)p->pw_gid, p->pw_gecos, p->pw_dir,
	    p->pw_shell);
	return TABLE_FOUND;
}

static enum table_result
find_here(struct table *t, const char *key, struct buf *ret)
{
	char		 *room = mem_alloc(ACCOUNT_BUF);
	enum table_result r = t->name[0] == 'p' ?
	    find_user(t, key, ret, room) : find_group(t, key, ret, room);

	mem_free(room);
	return r;
}

static void
forget_answers(struct answers *a)
{
	map_free(a->found, mem_free);
	a->found = map_new();
	a->since_ms = clock_ms();
}

static enum table_result
find_unix(struct table *t, const char *key, struct buf *ret)
{
	struct answers	 *a = t->state;
	const char	 *known;
	enum table_result r;

	if (clock_ms() - a->since_ms >= ANSWER_MS ||
	    map_count(a->found) >= ANSWER_MAX)
		forget_answers(a);
	known = map_find(a->found, key);
	if (known != NULL) {
		buf_adds(ret, known);
		return ret->len > 0 ? TABLE_FOUND : TABLE_NOT_FOUND;
	}
	r = table_in_chroot() ?
	    proxy_find(t, &a->proxymap, t->full_name, key, ret) :
	    find_here(t, key, ret);
	if (r != TABLE_ERROR)
		mem_free(map_set(a->found, key, mem_strdup(ret->data)));
	return r;
}

static bool
close_unix(struct table *t, bool publish)
{
	struct answers *a = t->state;

	(void)publish;
	map_free(a->found, mem_free);
	ask_done(&a->proxymap);
	mem_free(a);
	return true;
}

const struct table_type table_type_unix = {
	.name = "unix",
	.traits = TYPE_SIMPLE,
	.open = open_unix,
	.close = close_unix,
	.find = find_unix,
};
