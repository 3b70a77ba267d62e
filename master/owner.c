#include "master/owner.h"

#include <errno.h>
#include <unistd.h>

#include "conf/param.h"
#include "master/master.h"
#include "util/log.h"

void
owner_begin(void)
{
	if (master.is_root && (setegid(master.owner_gid) < 0 ||
	    seteuid(master.owner_uid) < 0))
		fatal("act as %s", conf_mail.mail_owner);
}

void
owner_end(void)
{
	int saved = errno;

	if (master.is_root && (seteuid(0) < 0 || setegid(0) < 0))
		fatal("be root again");
	errno = saved;
}
