#include <limits.h>
#include <stdlib.h>

#include "conf/level.h"

/* Of the first part as many as a long has room for. */
enum { PARTS = 3, PART_MAX = 1023 };

bool
level_parse(const char *text, long *ret_level)
{
	long  level = 0, part;
	char *end;

	for (int i = 0; i < PARTS; i++) {
		part = 0;
		if (i == 0 || *text == '.') {
			if (i > 0)
				text++;
			if (*text < '0' || *text > '9')
				return false;
			part = strtol(text, &end, 10);
			if (part > (i > 0 ? PART_MAX :
			    LONG_MAX / (PART_MAX + 1) / (PART_MAX + 1)))
				return false;
			text = end;
		}
		level = level * (PART_MAX + 1) + part;
	}
	if (*text != '\0')
		return false;
	*ret_level = level;
	return true;
}
