#include "mail/verp.h"

#include <string.h>

#include "mail/address.h"
#include "util/buf.h"

void
verp_sender(struct buf *out, const char *sender, const char *delimiters,
    const char *recipient)
{
	const char *domain = address_domain(sender);
	const char *rcpt_domain = address_domain(recipient);

	buf_add(out, sender, address_local_len(sender));
	buf_addc(out, delimiters[0]);
	buf_add(out, recipient, address_local_len(recipient));
	if (rcpt_domain != NULL)
		buf_addf(out, "%c%s", delimiters[1], rcpt_domain);
	if (domain != NULL)
		buf_addf(out, "@%s", domain);
}

bool
verp_is_valid(const char *delimiters, const char *allowed)
{
	return strlen(delimiters) == 2 &&
	    strspn(delimiters, allowed) == 2;
}
