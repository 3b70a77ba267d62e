/* idna - domain names beyond ASCII (RFC 5890, UTS 46) */

#ifndef NET_IDNA_H
#define NET_IDNA_H

#include <stdbool.h>

/*
 * Loads libidn2, which is large and which few names need: before a jail that
 * it could not be loaded in.
 */
void	idna_load(void);

/*
 * Can a domain in UTF-8 be written for DNS?  Symbols that UTS 46 allows and
 * RFC 5892 does not are good.  Without the library all of UTF-8 is.
 */
bool	idna_is_valid(const char *domain);

#endif
