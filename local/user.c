#include "local/user.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>

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
	struct map	*users;		/* by name, and ":uid" */
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

/* What is remembered may go while a long delivery still needs it. */
static const struct user *
dup_user(struct pool *pool, const struct user *u)
{
	struct user *copy = pool_alloc(pool, sizeof *copy);

	*copy = (struct user){
		.name = pool_strdup(pool, u->name),
		.home = pool_strdup(pool, u->home),
		.shell = pool_strdup(pool, u->shell),
		.uid = u->uid, .gid = u->gid,
	};
	return copy;
}

static const struct user *
remember(struct pool *pool, const char *key, const struct passwd *pw)
{
	const struct user found = {
		.name = pw->pw_name,
		.home = pw->pw_dir != NULL ? pw->pw_dir : "",
		.shell = pw->pw_shell != NULL ? pw->pw_shell : "",
		.uid = pw->pw_uid, .gid = pw->pw_gid,
	};

	map_set(cache.users, key, (void *)dup_user(&cache.pool, &found));
	return dup_user(pool, &found);
}

static enum user_result
no_entry(void)
{
	return errno == 0 || errno == ENOENT || errno == ESRCH ?
	    USER_UNKNOWN : USER_ERROR;
}

enum user_result
user_find(struct pool *pool, const char *name, const struct user **ret)
{
	const struct passwd	*pw;
	const struct user	*u;

	forget_old();
	if ((u = map_find(cache.users, name)) != NULL) {
		*ret = dup_user(pool, u);
		return USER_OK;
	}
	errno = 0;
	if ((pw = getpwnam(name)) == NULL)
		return no_entry();
	/* A directory service that folds case must not make one mailbox two. */
	if (!text_eq_nocase(pw->pw_name, name))
		return USER_UNKNOWN;
	*ret = remember(pool, name, pw);
	return USER_OK;
}

enum user_result
user_find_uid(struct pool *pool, uid_t uid, const struct user **ret)
{
	const struct passwd	*pw;
	const struct user	*u;
	char			 key[24];

	forget_old();
	snprintf(key, sizeof key, ":%lu", (unsigned long)uid);
	if ((u = map_find(cache.users, key)) != NULL) {
		*ret = dup_user(pool, u);
		return USER_OK;
	}
	errno = 0;
	if ((pw = getpwuid(uid)) == NULL)
		return no_entry();
	*ret = remember(pool, key, pw);
	return USER_OK;
}
