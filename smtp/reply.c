#include <stdio.h>
#include <string.h>

#include "mail/why.h"
#include "smtp/reply.h"
#include "util/text.h"

void
reply_begin(struct reply *r)
{
	r->code = 0;
	r->dsn[0] = '\0';
	buf_clear(&r->text);
	r->lines = 0;
	r->is_last = false;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* RFC 5321 4.2: Reply-code, then SP, '-' or the end of the line. */
static bool
is_reply_line(const char *line, size_t len)
{
	return len >= 3 && is_digit(line[0]) && is_digit(line[1]) &&
	    is_digit(line[2]) &&
	    (len == 3 || line[3] == ' ' || line[3] == '-');
}

const char *
reply_line_text(const char *line, size_t len)
{
	return is_reply_line(line, len) && len > 4 ? line + 4 : line + len;
}

/* A code of another class than the reply's says nothing we could believe. */
static void
take_dsn(struct reply *r, const char *line, size_t len)
{
	char dsn[sizeof r->dsn], start[sizeof r->dsn + 1];
	size_t n = len > 4 ? len - 4 : 0;

	if (n == 0)
		return;
	if (n > sizeof start - 1)
		n = sizeof start - 1;
	memcpy(start, line + 4, n);
	start[n] = '\0';
	if (memchr(start, '\0', n) == NULL && dsn_parse(start, dsn) > 0 &&
	    dsn[0] == line[0] && strchr("245", line[0]) != NULL)
		memcpy(r->dsn, dsn, sizeof dsn);
}

static void
take_text(struct reply *r, const char *line, size_t len)
{
	while (len > 0 && line[len - 1] == ' ')
		len--;
	if (r->text.len + len + 1 > REPLY_TEXT_MAX)
		return;
	if (r->text.len > 0)
		buf_addc(&r->text, ' ');
	text_printable(&r->text, line, len, true);
}

enum reply_line
reply_add_line(struct reply *r, const char *line, size_t len)
{
	if (len > REPLY_LINE_MAX)
		len = REPLY_LINE_MAX;
	r->lines++;
	take_text(r, line, len);
	if (!is_reply_line(line, len))
		return REPLY_JUNK;

	r->code = (line[0] - '0') * 100 + (line[1] - '0') * 10 +
	    (line[2] - '0');
	take_dsn(r, line, len);
	if (len > 3 && line[3] == '-')
		return REPLY_MORE;
	if (r->dsn[0] != line[0] || !dsn_is_valid(r->dsn))
		snprintf(r->dsn, sizeof r->dsn, "%s", line[0] == '2' ?
		    "2.0.0" : line[0] == '4' ? "4.0.0" : line[0] == '5' ?
		    "5.0.0" : "5.5.0");
	r->is_last = true;
	return REPLY_LAST;
}

void
reply_done(struct reply *r)
{
	buf_done(&r->text);
}
