/* milter_conf - milters as main.cf has them */

#ifndef MAIL_MILTER_CONF_H
#define MAIL_MILTER_CONF_H

#include <stdbool.h>

#include "milter/session.h"
#include "milter/settings.h"

/* Reads conf_milter, once loaded. */

/* What holds for a milter that is listed without settings of its own. */
struct milter_settings milter_conf_defaults(void);

/*
 * `list` is the value of smtpd_milters or its like, `parameter` its name.
 * What is filled in lives as long as the process.  False with why, where the
 * parameter at fault is named; it lives until the next call.
 */
bool	milter_conf_load(struct milter_config *, const char *parameter,
	    const char *list, const char **ret_why);

#endif
