/*
 * .forward files: what a user wants done with the mail.
 *
 * The first file of forward_path that is there decides.  It is read by the
 * user's rights, without following a link, and what is checked is the open
 * file: the user may change the name's meaning at any time.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/param.h"
#include "local/recipient.h"
#include "local/user_names.h"
#include "mail/address.h"
#include "mail/deliver.h"
#include "mail/deliver_proto.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/proc.h"
#include "util/text.h"

enum { DOT_FORWARD_MAX = 1024 * 1024 };	/* bytes */

/* The files of forward_path that a recipient may have. */
struct search {
	struct user_names names;
	struct buf	  path;
	char		 *rest;		/* of forward_path */
};

static void
search_init(struct search *s, struct request *r, const char *address,
    const struct user *user)
{
	static char *forward_path;	/* expanded once */

	if (forward_path == NULL)
		forward_path = mem_strdup(conf_text("forward_path"));
	s->rest = pool_strdup(r->pool, forward_path);
	s->path = (struct buf)BUF_INIT;
	user_names_init(&s->names, r->pool, address);
	s->names.user = user->name;
	s->names.home = user->home;
	s->names.shell = user->shell;
	/* No way out of the home directory by the extension. */
	if (s->names.ext == NULL || strchr(s->names.ext, '/') == NULL)
		return;
	if (request_first(r, "illegal", address))
		log_warn("%s: address with illegal extension: %s", r->d->id,
		    s->names.local);
	s->names.ext = NULL;
}

static bool
search_next(struct search *s)
{
	const char *why, *word;

	while ((word = text_word(&s->rest, TEXT_LIST_SEP, true)) != NULL) {
		buf_clear(&s->path);
		if (!user_names_expand(&s->names, &s->path, word,
		    conf_mail.forward_expansion_filter, &why))
			log_warn("forward_path: %s", why);
		else if (!s->names.lacks)
			return true;
	}
	return false;
}

static bool
is_missing(int e)
{
	return e == ENOENT || e == ENOTDIR || e == EACCES;
}

/* As root, who may not see it where root is nobody (NFS).  Most users have no
 * such file, and needn't be acted as to find that out. */
static bool
may_have_one(struct request *r, const char *address, const struct user *user)
{
	struct search s;
	struct stat   st;
	bool	      found = false;

	search_init(&s, r, address, user);
	while (!found && search_next(&s))
		found = stat(s.path.data, &st) == 0 ||
		    (errno != ENOENT && errno != ENOTDIR);
	buf_done(&s.path);
	return found;
}

/* Only the user's own regular file counts, not one that others can change. */
static bool
is_trusted(int fd, const char *path, const struct user *user)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		log_warn("file %s is not a regular file", path);
	else if (st.st_uid != user->uid && st.st_uid != 0)
		log_warn("file %s has bad owner uid %ld", path,
		    (long)st.st_uid);
	else if (st.st_mode & S_IWOTH)
		log_warn("file %s is world writable", path);
	else
		return true;
	return false;
}

/* DONE, or FAILED and TRY_LATER after a warning.  Not to wait for a pipe's
 * other end. */
static enum outcome
open_trusted(const char *path, const struct user *user, int *ret_fd)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 && (errno == ELOOP || errno == ENXIO)) {
		log_warn("file %s is not a regular file", path);
		return FAILED;
	}
	if (fd < 0) {
		log_warn("cannot open file %s: %s", path, strerror(errno));
		return is_missing(errno) ? FAILED : TRY_LATER;
	}
	if (!is_trusted(fd, path, user)) {
		close(fd);
		return FAILED;
	}
	*ret_fd = fd;
	return DONE;
}

/* The user named in the file that counts for that name means the mailbox. */
static bool
is_reading(const struct context *c, const struct user *user, const char *path)
{
	for (; c != NULL; c = c->parent)
		if (c->user != NULL && text_eq(c->user, user->name) &&
		    text_eq(c->forward_path, path))
			return true;
	return false;
}

/* FAILED: it is not to be used, or nothing is in it. */
static enum outcome
read_file(struct request *r, struct context *c, const struct user *user,
    struct target_list *list)
{
	int		fd;
	enum outcome	got = open_trusted(c->forward_path, user, &fd);

	if (got != DONE)
		return got;
	got = FAILED;
	if (!is_reading(c->parent, user, c->forward_path)) {
		if (!target_list_read(list, r->pool, fd, DOT_FORWARD_MAX)) {
			log_warn("read file %s: %s", c->forward_path,
			    strerror(errno));
			got = TRY_LATER;
		} else if (list->count > 0) {
			got = DONE;
		}
	}
	close(fd);
	return got;
}

static enum outcome
find_and_read(struct request *r, struct context *c, const char *address,
    const struct user *user, struct target_list *list)
{
	struct search	s;
	struct stat	st;
	enum outcome	got = FAILED;

	search_init(&s, r, address, user);
	while (search_next(&s)) {
		if (lstat(s.path.data, &st) == 0) {
			c->forward_path = pool_strdup(r->pool, s.path.data);
			c->unmatched = s.names.used_ext ? NULL :
			    s.names.ext;
			got = read_file(r, c, user, list);
			break;
		}
		if (!is_missing(errno)) {
			log_warn("lookup file %s: %s", s.path.data,
			    strerror(errno));
			got = TRY_LATER;
			break;
		}
	}
	buf_done(&s.path);
	return got;
}

/* As the user: a home directory may be closed to root (NFS). */
static enum outcome
read_as_user(struct request *r, struct context *c, const char *address,
    const struct user *user, struct target_list *list)
{
	bool		root = geteuid() == 0;
	enum outcome	got;

	if (root && !may_have_one(r, address, user))
		return FAILED;
	if (root && !proc_act_as(user->uid, user->gid))
		return TRY_LATER;
	got = find_and_read(r, c, address, user, list);
	if (root)
		proc_act_as_root();
	return got;
}

bool
dot_forward_deliver(struct request *r, const struct context *c,
    const char *address, const struct user *user, enum outcome *ret)
{
	struct context	self = *c;
	struct target_list list = { 0 };

	self.parent = c;
	switch (read_as_user(r, &self, address, user, &list)) {
	case DONE:
		break;
	case FAILED:
		return false;
	case TRY_LATER:
		*ret = request_end(r, c, "4.3.5", "cannot read .forward file");
		return true;
	}
	if (r->d->flags & DELIVER_PROBE) {
		*ret = request_end(r, c, "2.0.0", pool_printf(r->pool,
		    "forward via file: %s", self.forward_path));
		return true;
	}
	if (!request_first(r, "forward", self.forward_path)) {
		*ret = DONE;
		return true;
	}
	self.user = user->name;
	self.alias = NULL;
	self.kind = LIST_FORWARD;
	request_expanded(r, c, "expanded");
	self.gathers = true;
	*ret = targets_deliver(r, &self, &list);
	return true;
}
