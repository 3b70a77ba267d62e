#include "local/command_attr.h"

#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "conf/param.h"
#include "util/log.h"
#include "util/mem.h"

static void
refuse_powerful(const struct command_user *u,
    const struct command_user_texts *t)
{
	const struct passwd *owner;
	const struct group  *drop;

	/* Without root's rights there is only one user to run as. */
	if (geteuid() != 0)
		return;
	if (u->uid == 0)
		fatalx("%s", t->root);
	if (u->gid == 0)
		fatalx("%s", t->root_group);
	owner = getpwnam(conf_mail.mail_owner);
	if (owner != NULL && u->uid == owner->pw_uid)
		fatalx("%s%s", t->owner, t->names_owner ? conf_mail.mail_owner :
		    "");
	if (owner != NULL && u->gid == owner->pw_gid)
		fatalx("%s%s group id %ld", t->owner, t->names_owner ?
		    conf_mail.mail_owner : "", (long)u->gid);
	drop = getgrnam(conf_mail.setgid_group);
	if (drop != NULL && u->gid == drop->gr_gid && t->drop_group != NULL)
		fatalx("%s%s group id %ld", t->drop_group,
		    conf_mail.setgid_group, (long)u->gid);
}

void
command_attr_user(const char *value, const struct command_user_texts *t,
    struct command_user *ret)
{
	char		*name = mem_strdup(value), *group = strchr(name, ':');
	const struct passwd *pw;
	const struct group  *gr;

	if (group != NULL)
		*group++ = '\0';
	if ((pw = getpwnam(name)) == NULL)
		fatalx("%s: %s", t->no_user, name);
	ret->uid = pw->pw_uid;
	ret->gid = pw->pw_gid;
	if (group != NULL && *group != '\0') {
		if ((gr = getgrnam(group)) == NULL)
			fatalx("%s: %s", t->no_group, group);
		ret->gid = gr->gr_gid;
	}
	mem_free(name);
	refuse_powerful(ret, t);
}
