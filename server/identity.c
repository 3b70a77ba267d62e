#include "server/identity.h"

#include <ctype.h>
#include <string.h>

#include "conf/conf.h"
#include "util/buf.h"
#include "util/log.h"

enum {
	NAME_MAX_LEN = 255,	/* bytes, RFC 1035 2.3.4 */
	LABEL_MAX = 63,
	SHOWN = 100,		/* bytes of a name in a message */
};

static bool
fault(struct buf *why, const char *what, const char *name)
{
	buf_addf(why, "%s: %.*s", what, SHOWN, name);
	return false;
}

/* The label at `p`; false with its fault in `name`. */
static bool
check_label(const char *p, size_t len, const char *name, struct buf *why)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c == '-' && (i == 0 || i == len - 1))
			return fault(why, "misplaced hyphen", name);
		if ((c < 128 && isalnum(c)) || c == '_' || c == '-')
			continue;
		buf_addf(why, "invalid character %d(decimal): %.*s", c, SHOWN,
		    name);
		return false;
	}
	if (len > LABEL_MAX)
		return fault(why, "hostname label too long", name);
	return true;
}

bool
identity_is_hostname(const char *name, struct buf *why)
{
	const char *p = name;
	size_t	    len = strlen(name), label;

	for (;; p += label + 1) {
		label = strcspn(p, ".");
		if (label == 0)
			return fault(why, "misplaced delimiter", name);
		if (!check_label(p, label, name, why))
			return false;
		if (p[label] == '\0')
			break;
	}
	if (strspn(name, "0123456789.") == len)
		return fault(why, "numeric hostname", name);
	if (len <= NAME_MAX_LEN)
		return true;
	buf_addf(why, "bad length %zu for %.*s...", len, SHOWN, name);
	return false;
}

bool
identity_fail(const char **ret_why, const char *fmt, ...)
{
	static struct buf text = BUF_INIT;
	va_list ap;

	buf_clear(&text);
	buf_addf(&text, "file %s/main.cf: ", conf_dir());
	va_start(ap, fmt);
	buf_addv(&text, fmt, ap);
	va_end(ap);
	*ret_why = text.data;
	return false;
}

static bool
check_hostname(const char *parameter, const char *name, const char **ret_why)
{
	struct buf why = BUF_INIT;
	bool	   ok = identity_is_hostname(name, &why);

	if (!ok)
		log_warn("valid_hostname: %s", why.data);
	buf_done(&why);
	return ok || identity_fail(ret_why,
	    "parameter %s: bad parameter value: %s", parameter, name);
}

bool
identity_check(const char **ret_why)
{
	static const char *const which[] = { "first", "second" };
	const char *delimiters = conf_mail.default_verp_delimiters;

	if (!check_hostname("myhostname", conf_mail.myhostname, ret_why) ||
	    !check_hostname("mydomain", conf_mail.mydomain, ret_why))
		return false;
	for (int i = 0; i < 2; i++)
		if (strchr(conf_mail.verp_delimiter_filter, delimiters[i]) ==
		    NULL)
			return identity_fail(ret_why,
			    "parameters default_verp_delimiters and "
			    "verp_delimiter_filter: bad %s VERP "
			    "delimiter character", which[i]);
	return true;
}
