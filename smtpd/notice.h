/* notice - telling postmaster of sessions with errors */

#ifndef SMTPD_NOTICE_H
#define SMTPD_NOTICE_H

struct session;

/* The classes of notify_classes that arise here. */
enum notice_class {
	NOTICE_NONE = 0,
	NOTICE_PROTOCOL = 1,	/* the client broke the rules */
	NOTICE_POLICY = 2,	/* it was refused by restrictions */
	NOTICE_RESOURCE = 4,	/* we lack disk space */
	NOTICE_SOFTWARE = 8,	/* our configuration or programs */
	NOTICE_BOUNCE = 16,	/* a message was too large, or on too many hosts;
				   there is no such address */
};

/* Bits of a notify_classes value; words of other programs are skipped. */
unsigned	notice_classes(const char *list);

/*
 * The transcript.  Nothing is kept if nobody wants notices; lines of a session
 * with s->debug are logged.  A reply is
 * classed by its code; `notice_policy` says that the next one is a refusal by
 * restrictions, `notice_bounce` that it is one of an unknown address.
 */
void		notice_in(struct session *, const char *line);
void		notice_out(struct session *, const char *reply);
void		notice_policy(struct session *);
void		notice_bounce(struct session *);

/* A good place to forget a long transcript (smtpd_history_flush_threshold):
 * what notice_send() would tell of it is told before. */
void		notice_trim(struct session *);

/* At the end: sends the transcript if the session had errors of a class that
 * postmaster wants to know of. */
void		notice_send(struct session *);

#endif
