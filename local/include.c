/*
 * :include: files, lists of targets.
 *
 * A user who names one (in .forward) stays that user: other users' files may
 * hold what came in their mail.  Where the administrator has named it, the
 * owner of the file may say what commands run, and runs them - unless another
 * user could have put it there, who then counts as the owner: it could be a link
 * to root's secrets, or to a mailbox that has got "|command" by mail.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "local/recipient.h"
#include "mail/deliver.h"
#include "util/log.h"
#include "util/path.h"
#include "util/proc.h"
#include "util/text.h"

enum { INCLUDE_MAX = 64 * 1024 * 1024 };	/* bytes */

/* What was found at a path, and who could have put it there. */
struct found {
	struct stat	  st;
	struct path_steer steer;
};

static bool
is_missing(int e)
{
	return e == ENOENT || e == ENOTDIR || e == EACCES;
}

static const char *
cannot_read(const char *what, const char *path, int e)
{
	log_warn("%s include file %s: %s", what, path, strerror(e));
	return is_missing(e) ? "5.3.5" : "4.3.5";
}

static bool
act_as(const struct context *c)
{
	return !c->of_user || geteuid() != 0 || proc_act_as(c->uid, c->gid);
}

static const char *
look_at(const struct context *c, const char *path, struct found *f)
{
	bool by_root = !c->of_user && geteuid() == 0;

	*f = (struct found){ 0 };
	if (!(by_root ? path_follow(path, &f->st, &f->steer) :
	    stat(path, &f->st) == 0)) {
		log_warn("unable to lookup :include: file %s: %s", path,
		    strerror(errno));
		return is_missing(errno) ? "5.3.5" : "4.3.5";
	}
	if (!S_ISREG(f->st.st_mode))
		log_warn(":include: file %s is not a regular file", path);
	else if (f->st.st_mode & S_IWOTH)
		log_warn(":include: file %s is world writable", path);
	else
		return NULL;
	return "5.3.5";
}

static void
act_as_default(struct context *c, const char *path)
{
	const struct user nobody = {
		.uid = local_tables.default_uid,
		.gid = local_tables.default_gid,
	};

	log_warn(":include: file %s: several users may change what this leads "
	    "to: using default_privs", path);
	context_act_as(c, &nobody);
}

static const char *
act_as_uid(struct request *r, struct context *c, const char *path, uid_t uid)
{
	const struct user *user;

	switch (user_find_uid(r->pool, uid, &user)) {
	case USER_OK:
		context_act_as(c, user);
		return NULL;
	case USER_UNKNOWN:
		log_warn("cannot find username for uid %ld", (long)uid);
		break;
	case USER_ERROR:
		break;
	}
	log_warn("%s: cannot find :include: file owner username", path);
	return "4.3.5";
}

/* Decides whose rights the list has, and reads it; root's means default_privs,
 * once root has read it. */
static const char *
act_as_owner(struct request *r, struct context *inner, const char *path,
    const struct found *f)
{
	uid_t owner = f->st.st_uid;

	if (inner->of_user)
		return NULL;
	if (f->steer.by_many) {
		act_as_default(inner, path);
		return NULL;
	}
	if (!path_is_steered_by(&f->steer, owner))
		owner = f->steer.uid;
	return owner == 0 ? NULL : act_as_uid(r, inner, path, owner);
}

/* Is it still the file that was looked at? */
static bool
is_same(int fd, const struct stat *seen)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_dev == seen->st_dev &&
	    st.st_ino == seen->st_ino && st.st_uid == seen->st_uid;
}

/* By the rights that its members will have.  NULL, or the status of what is
 * wrong, after a warning. */
static const char *
read_members(struct request *r, const char *path, const struct stat *seen,
    struct target_list *list)
{
	int	    fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	const char *dsn = NULL;

	if (fd < 0)
		return cannot_read("cannot open", path, errno);
	if (!is_same(fd, seen)) {
		log_warn(":include: file %s changes while it is opened", path);
		dsn = "4.3.5";
	} else if (!target_list_read(list, r->pool, fd, INCLUDE_MAX)) {
		dsn = cannot_read("cannot read", path, errno);
	}
	close(fd);
	return dsn;
}

/* As read_members(). */
static const char *
read_include(struct request *r, struct context *inner, const char *path,
    struct target_list *list)
{
	bool	     root = geteuid() == 0;
	struct found f;
	const char  *dsn = "4.3.5";

	if (act_as(inner) && (dsn = look_at(inner, path, &f)) == NULL &&
	    (dsn = act_as_owner(r, inner, path, &f)) == NULL)
		dsn = act_as(inner) ? read_members(r, path, &f.st, list) :
		    "4.3.5";
	if (root)
		proc_act_as_root();
	return dsn;
}

enum outcome
include_deliver(struct request *r, const struct context *c, const char *path)
{
	struct target_list list = { 0 };
	struct context	inner = *c;
	const char     *dsn;

	if (!text_starts(path, "/")) {
		log_warn(":include:%s uses a relative path", path);
		return request_misconfigured(r, c, "5.3.5");
	}
	/* A file that includes itself adds nothing. */
	if (!request_first(r, "include", path))
		return DONE;
	inner.parent = c;
	inner.kind = LIST_INCLUDE;
	inner.gathers = true;
	inner.level++;
	if (inner.level > NESTING_MAX)
		return request_end(r, c, "5.4.6",
		    "recipient nesting limit exceeded");
	if ((dsn = read_include(r, &inner, path, &list)) != NULL)
		return request_misconfigured(r, c, dsn);
	return targets_deliver(r, &inner, &list);
}
