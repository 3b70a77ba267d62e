#include "mail/own_domain.h"

#include <stddef.h>

#include "mail/literal.h"
#include "mail/own_addr.h"
#include "net/addr.h"
#include "table/match.h"
#include "util/text.h"

static struct {
	struct match	*mydestination;
	const char	*myorigin;
} own;

void
own_domain_init(const char *mydestination, const char *myorigin)
{
	match_free(own.mydestination);
	own.mydestination = match_new("mydestination", mydestination, false);
	own.myorigin = myorigin;
}

bool
own_domain_is(void *unused, const char *domain)
{
	struct addr addr;

	(void)unused;
	if (*domain == '[')
		return literal_parse(domain, &addr) &&
		    (own_addr_has(&addr) || own_addr_is_proxy(&addr));
	return text_eq_nocase(domain, own.myorigin) ||
	    match_domain(own.mydestination, domain) == MATCH_YES;
}
