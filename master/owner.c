#include "master/owner.h"

#include <errno.h>

#include "conf/param.h"
#include "master/master.h"
#include "util/log.h"
#include "util/proc.h"

void
owner_begin(void)
{
	if (master.is_root &&
	    !proc_act_as(master.owner_uid, master.owner_gid))
		fatal("act as %s", conf_mail.mail_owner);
}

void
owner_end(void)
{
	int saved = errno;

	if (master.is_root && !proc_act_as_root())
		fatal("be root again");
	errno = saved;
}
