#include "commands/sendmail/die.h"

#include <stdarg.h>
#include <sysexits.h>

#include "server/command.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/mem.h"

/* The text comes first: opening the log reads main.cf anew. */
static char *
text_for_log(const char *fmt, va_list ap)
{
	struct buf text = BUF_INIT;

	buf_addv(&text, fmt, ap);
	command_start(EX_TEMPFAIL);
	return buf_take(&text);
}

void
die(const char *fmt, ...)
{
	va_list ap;
	char   *text;

	va_start(ap, fmt);
	text = text_for_log(fmt, ap);
	va_end(ap);
	fatal_exit(EX_TEMPFAIL, "%s", text);
}

void
complain(const char *fmt, ...)
{
	va_list ap;
	char   *text;

	va_start(ap, fmt);
	text = text_for_log(fmt, ap);
	va_end(ap);
	log_warn("%s", text);
	mem_free(text);
}
