/* command - the lines of MAIL and RCPT, with their parameters */

#ifndef SMTP_COMMAND_H
#define SMTP_COMMAND_H

#include <stdbool.h>

struct attempt;
struct buf;
struct recipient;

/*
 * Each adds a whole line for the attempt's session: parameters as the server
 * knows them.  An address is in internal form; it may come from a table or a
 * milter, and what would end the line in it becomes '?'.
 */
void	command_mail(struct buf *out, const struct attempt *,
	    const char *sender);
void	command_rcpt(struct buf *out, const struct attempt *,
	    const struct recipient *, const char *address);

/* Must the content be converted, as the server takes 7 bits only?  Then its
 * size is not known before. */
bool	command_is_downgraded(const struct attempt *);

#endif
