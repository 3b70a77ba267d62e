/* expand - what an address stands for, by virtual_alias_maps */

#ifndef MAIL_EXPAND_H
#define MAIL_EXPAND_H

#include <stddef.h>

#include "util/mem.h"

enum expand_result {
	EXPAND_OK,
	EXPAND_TABLE_ERROR,	/* logged */
	/* the address is at fault, or one on its way: *ret_bad */
	EXPAND_TOO_DEEP,	/* virtual_alias_recursion_limit */
	EXPAND_TOO_MANY,	/* virtual_alias_expansion_limit */
	EXPAND_TOO_LONG,	/* virtual_alias_address_length_limit */
};

/*
 * Each address is replaced by what it stands for, again and again, until it
 * stands for nothing else; what stands for itself among others (user -> user,
 * archive) is final.  Addresses are internal and complete;
 * the result is in `pool`, in the order of the tables, with `address` itself
 * if there is no entry.
 */
enum expand_result expand_aliases(struct pool *, const char *address,
		    const char ***ret, size_t *ret_count,
		    const char **ret_bad);

#endif
