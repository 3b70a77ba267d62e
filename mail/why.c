#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "mail/why.h"

void
why_set(struct why *w, const char *dsn, const char *fmt, ...)
{
	va_list ap;

	why_clear(w);
	snprintf(w->dsn, sizeof w->dsn, "%s", dsn);
	va_start(ap, fmt);
	buf_addv(&w->text, fmt, ap);
	va_end(ap);
}

static void
copy_buf(struct buf *to, const struct buf *from)
{
	buf_clear(to);
	buf_add(to, from->data, from->len);
}

void
why_copy(struct why *to, const struct why *from)
{
	if (to == from)
		return;
	memcpy(to->dsn, from->dsn, sizeof to->dsn);
	copy_buf(&to->text, &from->text);
	copy_buf(&to->remote_mta, &from->remote_mta);
	copy_buf(&to->diag_type, &from->diag_type);
	copy_buf(&to->diag_text, &from->diag_text);
}

void
why_clear(struct why *w)
{
	w->dsn[0] = '\0';
	buf_clear(&w->text);
	buf_clear(&w->remote_mta);
	buf_clear(&w->diag_type);
	buf_clear(&w->diag_text);
}

void
why_done(struct why *w)
{
	w->dsn[0] = '\0';
	buf_done(&w->text);
	buf_done(&w->remote_mta);
	buf_done(&w->diag_type);
	buf_done(&w->diag_text);
}

enum outcome
why_outcome(const struct why *w)
{
	switch (w->dsn[0]) {
	case '2':
		return DONE;
	case '5':
		return FAILED;
	default:
		return TRY_LATER;
	}
}

/* "." and 1 to 3 digits: bytes, or 0. */
static size_t
dot_number(const char *p)
{
	size_t n = 1;

	if (*p != '.')
		return 0;
	while (n < 4 && p[n] >= '0' && p[n] <= '9')
		n++;
	return n > 1 ? n : 0;
}

/* RFC 3463 2: class "." subject "." detail. */
static size_t
dsn_len(const char *s)
{
	size_t subject, detail;

	if (s[0] != '2' && s[0] != '4' && s[0] != '5')
		return 0;
	if ((subject = dot_number(s + 1)) == 0 ||
	    (detail = dot_number(s + 1 + subject)) == 0)
		return 0;
	return 1 + subject + detail;
}

size_t
dsn_parse(const char *text, char ret[12])
{
	size_t n = dsn_len(text);

	if (n == 0 || (text[n] != '\0' && strchr(" \t\r\n", text[n]) == NULL))
		return 0;
	memcpy(ret, text, n);
	ret[n] = '\0';
	return n;
}

bool
dsn_is_valid(const char *s)
{
	size_t n = dsn_len(s);

	return n != 0 && s[n] == '\0';
}

void
why_parse(struct why *w, const char *text, const char *dsn)
{
	char   own[12];
	size_t n = dsn_parse(text, own);

	text += n + strspn(text + n, " \t");
	why_set(w, n > 0 ? own : dsn, "%s", text);
}
