#include <string.h>
#include <strings.h>

#include "mail/address.h"

const char *
address_domain(const char *internal)
{
	const char *at = strrchr(internal, '@');

	return at == NULL ? NULL : at + 1;
}

size_t
address_local_len(const char *internal)
{
	const char *at = strrchr(internal, '@');

	return at == NULL ? strlen(internal) : (size_t)(at - internal);
}

bool
address_is_null(const char *address)
{
	return *address == '\0' || strcmp(address, "<>") == 0;
}

/* RFC 5322 3.2.3: what a dot-atom may not have.  Bytes above 127 are
 * allowed by RFC 6532 3.2. */
static bool
is_special(unsigned char c)
{
	return c <= ' ' || c == 127 || strchr("()<>[]:;@\\,\"", c) != NULL;
}

static bool
is_dot_atom(const char *local, size_t len)
{
	if (len == 0 || local[0] == '.' || local[len - 1] == '.')
		return false;
	for (size_t i = 0; i < len; i++)
		if (is_special((unsigned char)local[i]) ||
		    (local[i] == '.' && local[i + 1] == '.'))
			return false;
	return true;
}

/* "@relay,@other:" in front of an address (RFC 5321 4.1.2, obsolete) is no
 * part of what is quoted; 0: there is none, or nothing that could be one. */
static size_t
route_len(const char *internal)
{
	size_t n;

	if (*internal != '@')
		return 0;
	n = strspn(internal, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789.-_,@");
	return internal[n] == ':' ? n + 1 : 0;
}

void
address_quote(struct buf *out, const char *internal)
{
	size_t route = route_len(internal), len;

	buf_add(out, internal, route);
	internal += route;
	len = address_local_len(internal);
	if (*internal == '\0')
		return;
	if (is_dot_atom(internal, len)) {
		buf_adds(out, internal);
		return;
	}
	buf_addc(out, '"');
	for (size_t i = 0; i < len; i++) {
		if (strchr("\"\\\r", internal[i]) != NULL)
			buf_addc(out, '\\');
		buf_addc(out, internal[i]);
	}
	buf_addc(out, '"');
	buf_adds(out, internal + len);
}

bool
address_quote_odd(struct buf *out, const char *internal)
{
	if (*internal == '\0' || *internal == '@' ||
	    is_dot_atom(internal, address_local_len(internal)))
		return false;
	address_quote(out, internal);
	return true;
}

/* In a literal quotes are bytes like others. */
bool
address_unquote(struct buf *out, const char *external)
{
	bool quoted = false, literal = false;

	for (const char *p = external; *p != '\0'; p++) {
		if (*p == '"' && !literal) {
			quoted = !quoted;
			continue;
		}
		if (!quoted && (*p == '[' || *p == ']'))
			literal = *p == '[';
		if (*p == '\\' && *++p == '\0')
			return false;
		buf_addc(out, *p);
	}
	return !quoted;
}

static bool
is_name(const char *local, size_t len, const char *name)
{
	return strlen(name) == len && strncasecmp(local, name, len) == 0;
}

static bool
is_mailing_list(const char *local, size_t len)
{
	return (len >= 6 && strncasecmp(local, "owner-", 6) == 0) ||
	    (len >= 8 && strncasecmp(local + len - 8, "-request", 8) == 0);
}

const char *
address_extension(const char *local, size_t len,
    const struct address_names *names)
{
	size_t at = 0;

	if (*names->delimiters == '\0' || is_name(local, len, "mailer-daemon") ||
	    is_name(local, len, names->double_bounce))
		return NULL;
	while (at < len && strchr(names->delimiters, local[at]) == NULL)
		at++;
	if (at == 0 || at == len || (local[at] == '-' &&
	    names->owner_request && is_mailing_list(local, len)))
		return NULL;
	return local + at;
}

static bool
is_literal(const char *domain)
{
	size_t len = strlen(domain);

	return len > 2 && domain[0] == '[' && domain[len - 1] == ']';
}

static bool
is_label_byte(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '_' || c >= 128;
}

/* Not net/dns.h's check: the sendmail command would be linked with a DNS
 * library for it. */
bool
address_is_hostname(const char *name, size_t len)
{
	size_t label = 0;
	bool   numeric = true;

	if (len > 0 && name[len - 1] == '.')
		len--;
	if (len == 0 || len > 255)
		return false;
	for (size_t i = 0; i <= len; i++) {
		if (i == len || name[i] == '.') {
			if (label == 0 || label > 63 || name[i - 1] == '-')
				return false;
			label = 0;
			continue;
		}
		if (!is_label_byte((unsigned char)name[i]) ||
		    (label == 0 && name[i] == '-'))
			return false;
		if (name[i] < '0' || name[i] > '9')
			numeric = false;
		label++;
	}
	return !numeric;
}

/* The shape of an address literal; who connects to it parses it whole. */
static bool
is_literal_text(const char *p, size_t len)
{
	bool   v6 = len > 5 && strncasecmp(p, "ipv6:", 5) == 0;
	size_t i = v6 ? 5 : 0, dots = 0;

	if (len == i)
		return false;
	for (; i < len; i++) {
		bool digit = p[i] >= '0' && p[i] <= '9';

		if (p[i] == '.')
			dots++;
		else if (!digit && !(v6 && (p[i] == ':' ||
		    strchr("abcdefABCDEF", p[i]) != NULL)))
			return false;
	}
	return v6 || dots == 3;
}

bool
address_is_domain(const char *domain)
{
	size_t len = strlen(domain);

	if (domain[0] == '[')
		return is_literal(domain) &&
		    is_literal_text(domain + 1, len - 2);
	return address_is_hostname(domain, len);
}
