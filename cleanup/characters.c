#include <string.h>

#include "cleanup/characters.h"
#include "conf/param.h"
#include "util/log.h"

static struct {
	bool	strip[256], reject[256];
	bool	wanted;
} characters;

/* "\ddd": up to three octal digits after the backslash. */
static unsigned char
octal(const char **p)
{
	unsigned n = 0;

	for (int i = 0; i < 3 && **p >= '0' && **p <= '7'; i++)
		n = n * 8 + (unsigned)(*(*p)++ - '0');
	return (unsigned char)n;
}

/* The byte after a backslash; *p is moved behind it. */
static bool
escape(const char **p, unsigned char *ret)
{
	static const char names[] = "abfnrtv\\", bytes[] = "\a\b\f\n\r\t\v\\";
	const char	 *at;

	if (**p >= '0' && **p <= '7') {
		*ret = octal(p);
		return true;
	}
	if (**p == '\0' || (at = strchr(names, **p)) == NULL)
		return false;
	*ret = (unsigned char)bytes[at - names];
	(*p)++;
	return true;
}

static void
parse(const char *parameter, const char *text, bool set[256])
{
	unsigned char c;

	while (*text != '\0') {
		c = (unsigned char)*text++;
		if (c == '\\' && !escape(&text, &c))
			fatalx("parameter %s: unknown escape \"\\%.1s\"; "
			    "write \\a \\b \\f \\n \\r \\t \\v \\\\ or up to "
			    "three octal digits", parameter, text);
		set[c] = true;
		characters.wanted = true;
	}
}

void
characters_init(void)
{
	parse("message_strip_characters",
	    conf_mail.message_strip_characters, characters.strip);
	parse("message_reject_characters",
	    conf_mail.message_reject_characters, characters.reject);
}

bool
characters_wanted(void)
{
	return characters.wanted;
}

/* The ends of lines are no content. */
const char *
characters_filter(struct buf *to, const char *p, size_t n)
{
	char	   *out = buf_room(to, n);
	const char *refused = NULL;
	size_t	    kept = 0;

	for (size_t i = 0; i < n && refused == NULL; i++) {
		unsigned char c = (unsigned char)p[i];
		bool	      ends_line = c == '\r' || c == '\n';

		if (characters.reject[c] && !ends_line)
			refused = p + i;
		else if (!characters.strip[c] || ends_line)
			out[kept++] = p[i];
	}
	buf_grow(to, kept);
	return refused;
}
