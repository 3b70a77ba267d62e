#include <ctype.h>
#include <string.h>

#include "mail/opening.h"

#define FROM	"From "

void
opening_init(struct opening *o, content_fn *put, void *arg)
{
	*o = (struct opening){ .put = put, .arg = arg };
}

static void
put_held(struct opening *o)
{
	for (; o->quotes > 0; o->quotes--)
		o->put(o->arg, ">", 1);
	if (o->matched > 0)
		o->put(o->arg, o->held, o->matched);
	o->matched = 0;
}

/* A byte of what may be "From ".  True: it was held back. */
static bool
hold(struct opening *o, char c)
{
	if (o->matched == 0 && c == '>') {
		o->quotes++;
		return true;
	}
	if (tolower((unsigned char)c) !=
	    tolower((unsigned char)FROM[o->matched]))
		return false;
	o->held[o->matched++] = c;
	if (o->matched == sizeof o->held) {
		o->put(o->arg, "X-Mailbox-Line: ", 16);
		put_held(o);
		o->state = OPENING_FROM;
	}
	return true;
}

static void
begin_header(struct opening *o, char c)
{
	if (o->quotes == 0 && o->matched == 0 && (c == ' ' || c == '\t'))
		o->put(o->arg, "\r\n", 2);
	put_held(o);
	o->state = OPENING_DONE;
}

void
opening_feed(struct opening *o, const char *bytes, size_t len)
{
	const char *p = bytes, *end = bytes + len, *lf;

	while (p < end && o->state != OPENING_DONE) {
		if (o->state == OPENING_FROM) {
			lf = memchr(p, '\n', (size_t)(end - p));
			if (lf != NULL)
				o->state = OPENING_START;
			o->put(o->arg, p, (size_t)((lf ? lf + 1 : end) - p));
			p = lf != NULL ? lf + 1 : end;
		} else if (hold(o, *p)) {
			p++;
		} else {
			begin_header(o, *p);
		}
	}
	if (p < end)
		o->put(o->arg, p, (size_t)(end - p));
}

void
opening_finish(struct opening *o)
{
	put_held(o);
}
