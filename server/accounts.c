/* accounts - the users and groups that main.cf names */

#include "server/accounts.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include "conf/conf.h"
#include "server/identity.h"
#include "util/text.h"

static bool
check_user(const char *parameter, const char *name, const char **ret_why)
{
	const struct passwd *pw = getpwnam(name);

	if (pw == NULL)
		return identity_fail(ret_why,
		    "parameter %s: unknown user name value: "
		    "%s", parameter, name);
	if (pw->pw_uid == 0)
		return identity_fail(ret_why,
		    "parameter %s: user %s has privileged user "
		    "ID", parameter, name);
	if (pw->pw_gid == 0)
		return identity_fail(ret_why,
		    "parameter %s: user %s has privileged group "
		    "ID", parameter, name);
	return true;
}

static bool
check_group(const char *parameter, const char *name, const char **ret_why)
{
	const struct group *gr = getgrnam(name);

	if (gr == NULL)
		return identity_fail(ret_why,
		    "parameter %s: unknown group name: %s", parameter, name);
	if (gr->gr_gid == 0)
		return identity_fail(ret_why,
		    "parameter %s: group %s has privileged group "
		    "ID", parameter, name);
	return true;
}

bool
accounts_check(const char **ret_why)
{
	if (geteuid() != 0)
		return true;
	if (!check_user("mail_owner", conf_mail.mail_owner, ret_why) ||
	    !check_user("default_privs", conf_mail.default_privs, ret_why) ||
	    !check_group("setgid_group", conf_mail.setgid_group, ret_why))
		return false;
	if (text_eq(conf_mail.mail_owner, conf_mail.default_privs))
		return identity_fail(ret_why,
		    "parameters default_privs and mail_owner specify the same "
		    "user %s", conf_mail.mail_owner);
	return true;
}

bool
accounts_check_set(const char **ret_why)
{
	return (!conf_is_set("mail_owner") && !conf_is_set("default_privs") &&
	    !conf_is_set("setgid_group")) || accounts_check(ret_why);
}
