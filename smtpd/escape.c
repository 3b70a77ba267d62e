#include "smtpd/escape.h"

#include <string.h>

#include "util/buf.h"

void
escape_add(struct buf *b, const char *p, size_t n)
{
	static const char from[] = "\r\n\t\v\f\a\b\\", to[] = "rntvfab\\";
	const char	 *at;

	for (; n > 0; n--, p++) {
		if (*p != '\0' && (at = strchr(from, *p)) != NULL)
			buf_addf(b, "\\%c", to[at - from]);
		else if ((unsigned char)*p < ' ' || (unsigned char)*p >= 0x7f)
			buf_addf(b, "\\%03o", (unsigned char)*p);
		else
			buf_addc(b, *p);
	}
}
