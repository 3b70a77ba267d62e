/* self - recipients that the queue manager settles without an agent */

#ifndef QMGR_SELF_H
#define QMGR_SELF_H

struct recipient;
struct slice;

enum self_how {
	SELF_DEFER,	/* there is no retry service */
	SELF_SENT,	/* as if delivered: mail to double-bounce */
	SELF_DROP,	/* marked done without a word: redirected mail */
};

/* Happens soon, in a task; the recipient's message is told afterwards. */
void	self_settle(struct slice *, struct recipient *, enum self_how,
	    const char *dsn, const char *text);

#endif
