/* why - what a status means, in plain words */

#ifndef COMMANDS_POSTTRACE_WHY_H
#define COMMANDS_POSTTRACE_WHY_H

#include <stdbool.h>

#include "util/buf.h"

/*
 * Adds what DSN code and text of a reply mean and what can be done, as one or
 * more sentences; false if there is nothing to say.  `dsn` may be empty.
 */
bool	why_explain(struct buf *, struct str dsn, struct str text);

#endif
