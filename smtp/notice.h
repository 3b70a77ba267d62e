/* notice - telling postmaster of servers that break the rules */

#ifndef SMTP_NOTICE_H
#define SMTP_NOTICE_H

#include <stddef.h>

struct session;

/* Reads notify_classes: without "protocol" nothing is kept or sent. */
void	notice_init(void);

/* The transcript: what we said, lines ended by CRLF, and what they said. */
void	notice_out(struct session *, const char *text, size_t len);
void	notice_in(struct session *, const char *line, size_t len);

/* The server said what makes no sense, or that we did. */
void	notice_error(struct session *);

/* At the end of the session: sends the transcript if there was an error. */
void	notice_send(struct session *);

#endif
