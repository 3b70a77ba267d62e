/* session - the conversation with one client of cleanup */

#ifndef CLEANUP_SESSION_H
#define CLEANUP_SESSION_H

struct stream;

/* Messages one after the other until the client closes. */
void	session_serve(struct stream *);

#endif
