/* dns_name - which names are fit for DNS */

#include <string.h>

#include "net/addr.h"
#include "net/dns.h"
#include "util/text.h"

enum { NAME_MAX_BYTES = 255, LABEL_MAX_BYTES = 63 };	/* RFC 1035 2.3.4 */

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A hyphen neither begins nor ends a label; '_' is no letter of a host name,
 * but records like _25._tcp and careless hosts have it. */
static bool
is_label(const char *s, size_t len)
{
	if (len == 0 || len > LABEL_MAX_BYTES)
		return false;
	if (s[0] == '-' || s[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_letter(s[i]) && !is_digit(s[i]) && s[i] != '-' &&
		    s[i] != '_')
			return false;
	return true;
}

bool
dns_valid_name(const char *name)
{
	const char *label = name;

	if (strlen(name) > NAME_MAX_BYTES)
		return false;
	for (;;) {
		size_t len = strcspn(label, ".");

		if (!is_label(label, len))
			return false;
		if (label[len] == '\0')
			break;
		label += len + 1;
	}
	/* "1.2" is a mistyped address. */
	return strspn(name, "0123456789.") < strlen(name);
}

bool
dns_valid_address(const char *text)
{
	struct addr a;

	return addr_parse(&a, text, 0);
}

int
dns_families(const char *p)
{
	int families = (text_has_word(p, "ipv4") ? DNS_V4 : 0) |
	    (text_has_word(p, "ipv6") ? DNS_V6 : 0);

	return families == 0 || text_has_word(p, "all") ? DNS_V4 | DNS_V6 :
	    families;
}
