/* print - a trace as timelines or JSON */

#ifndef COMMANDS_POSTTRACE_PRINT_H
#define COMMANDS_POSTTRACE_PRINT_H

#include <stdbool.h>
#include <stddef.h>

struct trace;

/* All groups, the oldest first.  Returns how many. */
size_t	print_trace(const struct trace *, bool json, bool why);

#endif
