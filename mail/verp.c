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
verp_take(struct buf *out, char ret_delimiters[VERP_DELIMITERS],
    const char *sender)
{
	static const char mark[] = "-@[]";
	const char	 *at = strchr(sender, '@');
	size_t		  len = strlen(sender);

	if (len < sizeof mark || strcmp(sender + len + 1 - sizeof mark,
	    mark) != 0)
		return false;
	len -= sizeof mark - 1;
	if (at >= sender + len || at < sender + 2)
		return false;
	ret_delimiters[0] = at[-1];
	ret_delimiters[1] = '=';
	ret_delimiters[2] = '\0';
	buf_add(out, sender, (size_t)(at - 1 - sender));
	buf_add(out, at, (size_t)(sender + len - at));
	return true;
}

bool
verp_is_valid(const char *delimiters, const char *allowed)
{
	return strlen(delimiters) == 2 &&
	    strspn(delimiters, allowed) == 2;
}
