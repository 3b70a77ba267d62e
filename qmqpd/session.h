/* session - one QMQP client: one message, one answer */

#ifndef QMQPD_SESSION_H
#define QMQPD_SESSION_H

struct stream;

/* Once, before the jail: what main.cf says of clients and of cleanup's work. */
void	session_load(void);

/* Serves a client to its end.  The caller closes the stream. */
void	session_run(struct stream *);

#endif
