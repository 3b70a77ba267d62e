/* level - compatibility levels: "2", "3.6", "3.10.1" */

#ifndef CONF_LEVEL_H
#define CONF_LEVEL_H

#include <stdbool.h>

/*
 * A level is one to three numbers with dots between them; what is left out
 * is 0.  False on bad syntax.
 */
bool	level_parse(const char *, long *ret_level);

#endif
