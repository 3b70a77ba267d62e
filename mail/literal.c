#include "mail/literal.h"

#include <string.h>
#include <strings.h>

#include "net/addr.h"
#include "util/log.h"

/* What is between the brackets and after "IPv6:"; false if there are no
 * brackets or it is too long. */
static bool
split(const char *domain, char ret_text[ADDR_TEXT], bool *ret_v6)
{
	size_t len = strlen(domain);

	if (len < 3 || domain[0] != '[' || domain[len - 1] != ']')
		return false;
	domain++;
	len -= 2;
	*ret_v6 = len > 5 && strncasecmp(domain, "IPv6:", 5) == 0;
	if (*ret_v6) {
		domain += 5;
		len -= 5;
	}
	if (len >= ADDR_TEXT)
		return false;
	memcpy(ret_text, domain, len);
	ret_text[len] = '\0';
	return true;
}

bool
literal_parse(const char *domain, struct addr *ret)
{
	char text[ADDR_TEXT];
	bool v6;

	return split(domain, text, &v6) &&
	    v6 == (strchr(text, ':') != NULL) && addr_parse(ret, text, 0);
}

static void
warn_v4(const char *text)
{
	int value = 0, octets = 1;

	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '.') {
			octets++;
			value = 0;
		} else if (*p >= '0' && *p <= '9') {
			value = value * 10 + *p - '0';
		} else {
			log_warn("valid_ipv4_hostaddr: invalid character %d"
			    "(decimal): %s", (unsigned char)*p, text);
			return;
		}
		if (value > 255) {
			log_warn("valid_ipv4_hostaddr: invalid octet value: %s",
			    text);
			return;
		}
	}
	if (octets != 4)
		log_warn("valid_ipv4_hostaddr: invalid octet count: %s", text);
}

static void
warn_v6(const char *text)
{
	int colons = 0;

	for (const char *p = text; *p != '\0'; p++)
		colons += *p == ':';
	if (colons < 2)
		log_warn("valid_ipv6_hostaddr: too few `:' in IPv6 address: %s",
		    text);
	else
		log_warn("valid_ipv6_hostaddr: malformed IPv6 address: %s",
		    text);
}

void
literal_warn(const char *domain)
{
	char	    text[ADDR_TEXT];
	struct addr addr;
	bool	    v6;

	if (literal_parse(domain, &addr) || !split(domain, text, &v6))
		return;
	if (v6)
		warn_v6(text);
	else
		warn_v4(text);
}
