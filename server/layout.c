#include "server/layout.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"
#include "server/accounts.h"
#include "util/file.h"
#include "util/mem.h"

enum for_owner { ROOT, OWNER };
enum for_group { ROOT_GROUP, SETGID_GROUP, OWNER_GROUP };

/* Below queue_directory. */
static const struct dir {
	const char	*name;
	mode_t		 mode;
	enum for_owner	 owner;
	enum for_group	 group;
} dirs[] = {
	{ "active", 0700, OWNER, ROOT_GROUP },
	{ "bounce", 0700, OWNER, ROOT_GROUP },
	{ "corrupt", 0700, OWNER, ROOT_GROUP },
	{ "defer", 0700, OWNER, ROOT_GROUP },
	{ "deferred", 0700, OWNER, ROOT_GROUP },
	{ "flush", 0700, OWNER, ROOT_GROUP },
	{ "hold", 0700, OWNER, ROOT_GROUP },
	{ "incoming", 0700, OWNER, ROOT_GROUP },
	{ "private", 0700, OWNER, ROOT_GROUP },
	{ "saved", 0700, OWNER, ROOT_GROUP },
	{ "trace", 0700, OWNER, ROOT_GROUP },
	/* postdrop writes here what it may not read again. */
	{ "maildrop", 0730, OWNER, SETGID_GROUP },
	{ "public", 0710, OWNER, SETGID_GROUP },
	{ "pid", 0755, ROOT, ROOT_GROUP },
};

enum { DIR_COUNT = sizeof dirs / sizeof *dirs };

static const char *const set_gid_commands[] = { "postdrop", "postqueue" };

static struct {
	uid_t	owner;
	gid_t	owner_group, setgid_group;
	bool	is_root;
} ids;

static bool
fail(const char **ret_why, const char *fmt, const char *what, const char *why)
{
	static char text[512];

	snprintf(text, sizeof text, fmt, what, why);
	*ret_why = text;
	return false;
}

bool
layout_is_own_instance(void)
{
	const struct passwd *pw = getpwnam(conf_mail.mail_owner);

	return pw != NULL && pw->pw_uid == geteuid();
}

static bool
find_ids(const char **ret_why)
{
	const struct passwd *pw;

	ids.is_root = geteuid() == 0;
	if (!ids.is_root)
		return true;
	if (!accounts_check(ret_why))
		return false;
	pw = getpwnam(conf_mail.mail_owner);
	ids.owner = pw->pw_uid;
	ids.owner_group = pw->pw_gid;
	ids.setgid_group = getgrnam(conf_mail.setgid_group)->gr_gid;
	return true;
}

static uid_t
uid_of(enum for_owner o)
{
	return o == OWNER ? ids.owner : 0;
}

static gid_t
gid_of(enum for_group g)
{
	return g == SETGID_GROUP ? ids.setgid_group :
	    g == OWNER_GROUP ? ids.owner_group : 0;
}

/* --- making */

static bool
put_right(const char *path, mode_t mode, uid_t uid, gid_t gid,
    const char **ret_why)
{
	struct stat st;

	if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return fail(ret_why, "%s: %s", path, "not a directory");
	if (ids.is_root && (st.st_uid != uid || st.st_gid != gid) &&
	    chown(path, uid, gid) < 0)
		return fail(ret_why, "change owner of %s: %s", path,
		    strerror(errno));
	/* After chown(), which takes set-id bits away. */
	if ((st.st_mode & 07777) != mode && chmod(path, mode) < 0)
		return fail(ret_why, "change mode of %s: %s", path,
		    strerror(errno));
	return true;
}

static bool
make(const char *path, mode_t mode, uid_t uid, gid_t gid, bool always,
    const char **ret_why)
{
	bool is_new = mkdir(path, mode) == 0;

	if (!is_new && errno == ENOENT)
		is_new = file_mkdirs(path, 0755);
	if (!is_new && errno != EEXIST)
		return fail(ret_why, "make directory %s: %s", path,
		    strerror(errno));
	if (!is_new && !always)
		return true;
	return put_right(path, mode, uid, gid, ret_why);
}

static bool
make_all(bool always, const char **ret_why)
{
	const char *queue = conf_mail.queue_directory;
	bool	    ok;

	if (!find_ids(ret_why))
		return false;
	ok = make(queue, 0755, 0, 0, always, ret_why) &&
	    make(conf_mail.data_directory, 0700, ids.owner, ids.owner_group,
	    always, ret_why);
	for (size_t i = 0; ok && i < DIR_COUNT; i++) {
		const struct dir *d = &dirs[i];
		char *path = mem_printf("%s/%s", queue, d->name);

		ok = make(path, d->mode, uid_of(d->owner), gid_of(d->group),
		    always, ret_why);
		mem_free(path);
	}
	return ok;
}

bool
layout_make(const char **ret_why)
{
	return make_all(false, ret_why);
}

static bool
set_gid(const char *name, const char **ret_why)
{
	char *path = mem_printf("%s/%s", conf_mail.command_directory, name);
	bool  ok = true;

	if (access(path, F_OK) == 0 &&
	    (chown(path, 0, ids.setgid_group) < 0 || chmod(path, 02755) < 0))
		ok = fail(ret_why, "set-gid for %s: %s", path,
		    strerror(errno));
	mem_free(path);
	return ok;
}

bool
layout_set_permissions(const char **ret_why)
{
	if (!make_all(true, ret_why))
		return false;
	if (!ids.is_root)
		return true;
	for (size_t i = 0; i < sizeof set_gid_commands /
	    sizeof *set_gid_commands; i++)
		if (!set_gid(set_gid_commands[i], ret_why))
			return false;
	return true;
}
