#include "local/user.h"

#include <errno.h>
#include <pwd.h>

#include "util/clock.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/text.h"

enum {
	REMEMBER_MS = 5000,
	REMEMBER_MAX = 1000,	/* users */
};

/* A burst of mail for the same users asks the user database now and then;
 * the pool goes with the map. */
static struct {
	struct map	*users;
	struct pool	 pool;
	int64_t		 until;
} cache;

static void
forget_old(void)
{
	int64_t now = clock_ms();

	if (cache.users != NULL && now < cache.until &&
	    map_count(cache.users) < REMEMBER_MAX)
		return;
	if (cache.users != NULL)
		map_free(cache.users, NULL);
	pool_clear(&cache.pool);
	cache.users = map_new();
	cache.until = now + REMEMBER_MS;
}

enum user_result
user_find(const char *name, const struct user **ret)
{
	struct passwd	*pw;
	struct user	*u;

	forget_old();
	if ((u = map_find(cache.users, name)) != NULL) {
		*ret = u;
		return USER_OK;
	}
	errno = 0;
	pw = getpwnam(name);
	if (pw == NULL)
		return errno == 0 || errno == ENOENT || errno == ESRCH ?
		    USER_UNKNOWN : USER_ERROR;
	/* A directory service that folds case must not make one mailbox two. */
	if (!text_eq_nocase(pw->pw_name, name))
		return USER_UNKNOWN;
	u = pool_zalloc(&cache.pool, sizeof *u);
	u->name = pool_strdup(&cache.pool, pw->pw_name);
	u->home = pool_strdup(&cache.pool, pw->pw_dir ? pw->pw_dir : "");
	u->shell = pool_strdup(&cache.pool, pw->pw_shell ? pw->pw_shell : "");
	u->uid = pw->pw_uid;
	u->gid = pw->pw_gid;
	map_set(cache.users, name, u);
	*ret = u;
	return USER_OK;
}
