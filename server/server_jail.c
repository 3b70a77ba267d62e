/*
 * server_jail - what a worker gives up before it serves
 *
 * In this order, each step needing what the next takes away: chroot, ids,
 * no_new_privs, Landlock, seccomp.  A kernel that lacks one of the last two
 * is no reason to refuse mail; any other failure is.
 */

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "conf/conf.h"
#include "server/server_int.h"
#include "util/log.h"
#include "util/proc.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(undefined_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static void
enter_chroot(void)
{
	tzset();	/* reads /etc/localtime */
	if (chroot(".") < 0 || chdir("/") < 0)
		fatal("chroot %s", conf_mail.queue_directory);
}

static struct {
	uid_t	uid;
	gid_t	gid;
} owner;

static void
find_mail_owner(void)
{
	const struct passwd *pw = getpwnam(conf_mail.mail_owner);

	if (pw == NULL)
		fatalx("parameter mail_owner: unknown user \"%s\"; create it,"
		    " or run \"postfix set-permissions\"",
		    conf_mail.mail_owner);
	if (pw->pw_uid == 0)
		fatalx("parameter mail_owner: \"%s\" is the superuser; name"
		    " an account that owns nothing else", conf_mail.mail_owner);
	owner.uid = pw->pw_uid;
	owner.gid = pw->pw_gid;
	/* Its other groups, such as sasl's. */
	if (initgroups(conf_mail.mail_owner, owner.gid) < 0)
		fatal("groups of user %s", conf_mail.mail_owner);
}

static void
become_mail_owner(void)
{
	if (setresgid(owner.gid, owner.gid, owner.gid) < 0 ||
	    setresuid(owner.uid, owner.uid, owner.uid) < 0)
		fatal("change to user %s", conf_mail.mail_owner);
}

/*
 * Files outside of these are never written: neither configuration nor
 * programs nor anyone's mail.  Reading is left to the permissions of
 * mail_owner, since a table may stand anywhere.
 */
static void
limit_files(void)
{
	struct proc_path paths[] = {
		{ "/", false },
		{ ".", true },
		{ "/dev", true },
		{ conf_mail.data_directory, true },
	};

	if (!proc_landlock(paths, sizeof paths / sizeof *paths) &&
	    errno != ENOSYS && errno != EOPNOTSUPP)
		fatal("Landlock");
}

static void
limit_calls(void)
{
	if (!proc_seccomp(server_start.s->jail) && errno != ENOSYS)
		fatal("seccomp");
}

void
server_jail(void)
{
	const struct server *s = server_start.s;
	bool is_root = geteuid() == 0;
	/* master.cf may take a program's privileges away, not give any. */
	bool keeps = s->privileged && !server_start.unprivileged;

	if (server_start.alone)
		return;		/* has only the rights of who runs it */
	/* Names of users are looked up before /etc is out of sight. */
	if (is_root && !keeps)
		find_mail_owner();
	if (is_root && server_start.chroot)
		enter_chroot();
	if (is_root && !keeps)
		become_mail_owner();
	if (SANITIZED)
		return;
	/* Who runs other programs can't tell what those will need. */
	if (s->jail & PROC_JAIL_EXEC)
		return;
	if (!proc_no_new_privs())
		fatal("no_new_privs");
	if (!keeps)
		limit_files();
	limit_calls();
}
