/*
 * What "postfix check" has to say of owners, modes and damaged messages, in
 * the words and the order of Postfix.
 */

#include <dirent.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"
#include "server/layout.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/log.h"
#include "util/mem.h"

enum {
	SET_GID_MODE = S_ISGID | S_IXUSR | S_IXGRP | S_IXOTH,
	DEPTH_MAX = 16,
	COPY_MAX = 16 * 1024 * 1024,	/* bytes of a file in a chroot */
};

typedef void look_fn(const char *path, const struct stat *);

static struct {
	uid_t	owner;
	gid_t	setgid_group;
	bool	is_root;
} ids;

static void
find_ids(void)
{
	const struct passwd *pw = getpwnam(conf_mail.mail_owner);
	const struct group  *gr = getgrnam(conf_mail.setgid_group);

	/* An ordinary user's instance is all the user's. */
	ids.is_root = geteuid() == 0 && pw != NULL && gr != NULL;
	if (ids.is_root) {
		ids.owner = pw->pw_uid;
		ids.setgid_group = gr->gr_gid;
	}
}

/* --- going through directories */

/* A link counts as what it leads to, or by itself if that is nothing. */
static bool
look_at(const char *path, look_fn *look, struct stat *ret)
{
	if (stat(path, ret) != 0 && lstat(path, ret) != 0)
		return false;
	look(path, ret);
	return true;
}

/* Links to directories are looked at, not followed. */
static void
walk(const char *path, look_fn *look, int depth)
{
	struct dirent *e;
	struct stat    st;
	char	      *sub;
	DIR	      *d;

	if (!look_at(path, look, &st) || lstat(path, &st) != 0 ||
	    !S_ISDIR(st.st_mode) || depth == 0 || (d = opendir(path)) == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		sub = mem_printf("%s/%s", path, e->d_name);
		walk(sub, look, depth - 1);
		mem_free(sub);
	}
	closedir(d);
}

static void
walk_all(const char *dir, look_fn *look)
{
	char *path = mem_printf("%s/.", dir);

	walk(path, look, DEPTH_MAX);
	mem_free(path);
}

static void
walk_queue(const char *name, look_fn *look, int depth)
{
	char *path = mem_printf("%s/%s", conf_mail.queue_directory, name);

	walk(path, look, depth);
	mem_free(path);
}

/* --- what may be wrong */

static void
owned_by_root(const char *path, const struct stat *st)
{
	if (ids.is_root && st->st_uid != 0)
		log_warn("not owned by root: %s", path);
}

static void
owned_by_owner(const char *path, const struct stat *st)
{
	if (ids.is_root && st->st_uid != ids.owner)
		log_warn("not owned by %s: %s", conf_mail.mail_owner, path);
}

static void
of_setgid_group(const char *path, const struct stat *st)
{
	if (ids.is_root && st->st_gid != ids.setgid_group)
		log_warn("not owned by group %s: %s", conf_mail.setgid_group,
		    path);
}

static void
not_writable(const char *path, const struct stat *st)
{
	if ((st->st_mode & 022) != 0)
		log_warn("group or other writable: %s", path);
}

static void
not_writable_by_others(const char *path, const struct stat *st)
{
	if ((st->st_mode & 02) != 0)
		log_warn("group or other writable: %s", path);
}

static void
is_set_gid(const char *path, const struct stat *st)
{
	if (ids.is_root && (st->st_mode & SET_GID_MODE) != SET_GID_MODE)
		log_warn("not set-gid or not owner+group+world executable: %s",
		    path);
}

static void
is_damaged(const char *path, const struct stat *st)
{
	if (S_ISREG(st->st_mode))
		log_warn("damaged message: %s",
		    path + strlen(conf_mail.queue_directory) + 1);
}

/* A copy for chrooted programs. */
static void
is_up_to_date(const char *path, const struct stat *st)
{
	const char *original = path + strlen(conf_mail.queue_directory);
	struct buf  a = BUF_INIT, b = BUF_INIT;

	if (S_ISREG(st->st_mode) && file_read(path, COPY_MAX, &a) &&
	    (!file_read(original, COPY_MAX, &b) || a.len != b.len ||
	    memcmp(a.data, b.data, a.len) != 0))
		log_warn("%s and %s differ", path, original);
	buf_done(&a);
	buf_done(&b);
}

/* --- where */

/* Whoever may change one of these files is root by the next reload. */
static void
check_roots(look_fn *look)
{
	walk_queue(".", look, 0);
	walk_queue("pid", look, 0);
	walk_all(conf_dir(), look);
	walk_all(conf_mail.daemon_directory, look);
}

/* Postfix does not look at the modes of these: it's for people alone. */
static void
check_queue_modes(const char *const *names)
{
	if (!isatty(STDERR_FILENO))
		return;
	for (; *names != NULL; names++)
		walk_queue(*names, not_writable, 0);
	walk_queue("maildrop", not_writable_by_others, 0);
}

static void
check_queue(void)
{
	static const char *const names[] = { "active", "bounce", "corrupt",
	    "defer", "deferred", "flush", "hold", "incoming", "private",
	    "public", "saved", "trace", NULL };

	for (const char *const *name = names; *name != NULL; name++)
		walk_queue(*name, owned_by_owner, DEPTH_MAX);
	walk_queue("maildrop", owned_by_owner, 0);
	check_queue_modes(names);
	walk_queue("public", of_setgid_group, 0);
	walk_queue("maildrop", of_setgid_group, 0);
}

static void
check_commands(look_fn *look)
{
	static const char *const names[] = { "postqueue", "postdrop" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char *path = mem_printf("%s/%s", conf_mail.command_directory,
		    names[i]);

		walk(path, look, 0);
		mem_free(path);
	}
}

static void
check_chroot(void)
{
	static const char *const names[] = { "etc", "lib", "usr" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		walk_queue(names[i], owned_by_root, DEPTH_MAX);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		walk_queue(names[i], is_up_to_date, DEPTH_MAX);
}

void
layout_check(void)
{
	find_ids();
	check_roots(owned_by_root);
	check_roots(not_writable);
	walk_all(conf_mail.data_directory, owned_by_owner);
	walk_all(conf_mail.data_directory, not_writable);
	check_queue();
	check_commands(of_setgid_group);
	check_commands(is_set_gid);
	check_chroot();
	walk_queue("corrupt", is_damaged, DEPTH_MAX);
}
