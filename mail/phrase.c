#include <string.h>

#include "mail/phrase.h"
#include "util/buf.h"
#include "util/text.h"

/* RFC 2047 4.2 and 5(3): what an encoded word in a phrase may show as it
 * is. */
static bool
is_plain(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || (c != '\0' && strchr("!*+-/", c) != NULL);
}

enum { ENCODED_MAX = 75 };	/* bytes of a word, RFC 2047 2 */

/* Room for a character of UTF-8, or in what is none for a byte, and "?=". */
static bool
is_full(size_t word_len, unsigned char next)
{
	return word_len > ENCODED_MAX - ((next & 0xc0) != 0x80 ? 14 : 5);
}

/* As many words as it takes, cut between characters of UTF-8. */
static void
add_encoded(struct buf *out, const char *name, const char *charset)
{
	size_t start = out->len, word = 0;

	for (const unsigned char *p = (const unsigned char *)name; *p != '\0';
	    p++) {
		if (out->len == start || is_full(out->len - word, *p)) {
			buf_adds(out, out->len == start ? "" : "?= ");
			word = out->len;
			buf_addf(out, "=?%s?Q?", charset);
		}
		if (*p == ' ')
			buf_addc(out, '_');
		else if (is_plain(*p))
			buf_addc(out, (char)*p);
		else
			buf_addf(out, "=%02X", *p);
	}
	buf_adds(out, "?=");
}

static void
add_quoted(struct buf *out, const char *name)
{
	buf_addc(out, '"');
	for (; *name != '\0'; name++) {
		if (*name == '"' || *name == '\\')
			buf_addc(out, '\\');
		buf_addc(out, *name);
	}
	buf_addc(out, '"');
}

void
phrase_add(struct buf *out, const char *name, const char *charset)
{
	if (!text_is_ascii(name, strlen(name)) && *charset != '\0')
		add_encoded(out, name, charset);
	else if (strpbrk(name, "()<>@,;:\\\".[]!%") != NULL)
		add_quoted(out, name);
	else
		buf_adds(out, name);
}
