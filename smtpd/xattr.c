#include "smtpd/xattr.h"

#include <string.h>

#include "mail/address.h"
#include "net/dns.h"
#include "util/text.h"

enum {
	VALUE_MAX = 255,	/* bytes, before decoding */
	PORT_DIGITS = 5,
};

/* What could end a comment or an address in a header. */
static void
neuter(struct buf *b)
{
	for (size_t i = 0; i < b->len; i++)
		if ((unsigned char)b->data[i] <= ' ' ||
		    (unsigned char)b->data[i] >= 0x7f ||
		    strchr("<>()\\\";@", b->data[i]) != NULL)
			b->data[i] = '?';
}

const char *
xattr_parse(struct xattr *x, char *word)
{
	char  *value = strchr(word, '=');
	size_t n;

	if (value == NULL || value == word || value[1] == '\0')
		return "501 5.5.4 Error: attribute=value expected";
	*value++ = '\0';
	x->name = word;
	if ((n = strlen(value)) > VALUE_MAX)
		return "501 5.5.4 Error: attribute value too long";
	buf_clear(&x->value);
	if (!text_unxtext(&x->value, value, n) ||
	    strlen(x->value.data) != x->value.len)
		buf_set(&x->value, value);
	neuter(&x->value);
	x->unavailable = text_eq_nocase(x->value.data, "[UNAVAILABLE]");
	x->temporary = text_eq_nocase(x->value.data, "[TEMPUNAVAIL]");
	return NULL;
}

bool
xattr_is_hostname(const struct xattr *x)
{
	return address_is_hostname(x->value.data, x->value.len) &&
	    !dns_valid_address(x->value.data);
}

bool
xattr_address(const struct xattr *x, struct addr *ret)
{
	const char *text = x->value.data;
	bool	    v6 = text_starts_nocase(text, "IPV6:");

	return addr_parse(ret, v6 ? text + 5 : text, 0) &&
	    (strchr(text + (v6 ? 5 : 0), ':') != NULL) == v6;
}

bool
xattr_port(const struct xattr *x, uint16_t *ret)
{
	long n;

	if (x->value.len > PORT_DIGITS || !text_is_digits(x->value.data) ||
	    !text_to_long(x->value.data, 0, 99999, &n))
		return false;
	*ret = (uint16_t)n;
	return true;
}
