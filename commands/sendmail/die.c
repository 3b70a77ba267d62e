#include "commands/sendmail/die.h"

#include <stdarg.h>
#include <sysexits.h>

#include "server/command.h"
#include "util/buf.h"
#include "util/log.h"

void
die(const char *fmt, ...)
{
	struct buf text = BUF_INIT;
	va_list ap;

	/* The text comes first: opening the log reads main.cf anew. */
	va_start(ap, fmt);
	buf_addv(&text, fmt, ap);
	va_end(ap);
	command_start(EX_TEMPFAIL);
	fatal_exit(EX_TEMPFAIL, "%s", text.data);
}

void
complain(const char *fmt, ...)
{
	struct buf text = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_addv(&text, fmt, ap);
	va_end(ap);
	command_start(EX_TEMPFAIL);
	log_warn("%s", text.data);
	buf_done(&text);
}
