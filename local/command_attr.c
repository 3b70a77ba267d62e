#include "local/command_attr.h"

#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "conf/param.h"
#include "util/log.h"
#include "util/mem.h"

static void
find_group(const char *name, struct command_user *u)
{
	const struct group *gr = getgrnam(name);

	if (gr == NULL)
		fatalx("get_service_attr: unknown group: %s", name);
	u->gid = gr->gr_gid;
}

static void
refuse_powerful(const struct command_user *u)
{
	const struct passwd *owner;

	/* Without root's rights there is only one user to run as. */
	if (geteuid() != 0)
		return;
	if (u->uid == 0)
		fatalx("user= command-line attribute specifies root "
		    "privileges");
	if (u->gid == 0)
		fatalx("user= command-line attribute specifies the root "
		    "group");
	owner = getpwnam(conf_mail.mail_owner);
	if (owner != NULL && u->uid == owner->pw_uid)
		fatalx("user= command-line attribute specifies mail system "
		    "owner %s", conf_mail.mail_owner);
	if (owner != NULL && u->gid == owner->pw_gid)
		fatalx("user= command-line attribute specifies mail system "
		    "owner %s group", conf_mail.mail_owner);
}

void
command_attr_user(const char *value, struct command_user *ret)
{
	char		*name = mem_strdup(value), *group = strchr(name, ':');
	const struct passwd *pw;

	if (group != NULL)
		*group++ = '\0';
	if ((pw = getpwnam(name)) == NULL)
		fatalx("get_service_attr: unknown username: %s", name);
	ret->uid = pw->pw_uid;
	ret->gid = pw->pw_gid;
	if (group != NULL && *group != '\0')
		find_group(group, ret);
	mem_free(name);
	refuse_powerful(ret);
}
