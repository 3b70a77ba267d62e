/* session_int - what session.c, link.c, message.c and pack.c share */

#ifndef MILTER_SESSION_INT_H
#define MILTER_SESSION_INT_H

#include "milter/session.h"

struct stream;

/*
 *	NEW --connected, options agreed--> OPEN
 *	OPEN --accept at CONNECT or HELO--> DONE	closed
 *	OPEN --refused at CONNECT or HELO, or failed--> STUCK	closed
 *	OPEN --accept, discard--> PASSED --abort--> OPEN
 */
enum milter_state {
	MILTER_NEW, MILTER_OPEN, MILTER_PASSED, MILTER_DONE, MILTER_STUCK,
};

/* One milter. */
struct milter {
	struct milters		*all;
	struct milter_settings	 set;
	struct milter_macros	 macros;
	struct stream		*s;	/* NULL unless OPEN or PASSED */
	enum milter_state	 state;
	uint32_t		 version, actions, protocol;
	struct milter_verdict	 verdict;	/* of STUCK */
	struct buf		 stuck_text;
	struct buf		 in;		/* data of the last packet */
	char			 skip[8];	/* commands that it wants no
						   more of in this message */
};

struct milters {
	const struct milter_owner *owner;
	void			*arg;
	const struct milter_value *values;	/* macro defaults, or NULL */
	struct pool		 pool;
	struct milter		*items;
	size_t			 count;
	struct buf		 out;		/* packets on their way */
	struct buf		 text;		/* of the last verdict */
	struct buf		 list;		/* scratch: a list of macros */
};

/* What an event is. */
struct milter_event {
	enum milter_command	 command;
	enum milter_stage	 stage;
	uint32_t		 no_bit, nr_bit;	/* 0: always */
};

/* NULL why if the connection stands and options are agreed on. */
bool	milter_link(struct milter *);

/* For so many seconds. */
void	milter_deadline(struct milter *, int seconds);

/* Sends `all->out` and forgets it.  False: failed, STUCK. */
bool	milter_send(struct milter *, const struct milter_event *);

/* The next answer.  False: failed, STUCK. */
bool	milter_receive(struct milter *, const struct milter_event *,
	    struct milter_answer *);

/* Closes it and makes its default action what it says from now on; logs
 * "milter NAME: ..." */
struct milter_verdict milter_fail(struct milter *, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

/* The same for one that talks nonsense: 451 4.3.5. */
struct milter_verdict milter_confused(struct milter *, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

/* "milter NAME: ..." in the log. */
void	milter_note(struct milter *, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

void	milter_shut(struct milter *, enum milter_state);
struct milter_verdict milter_stick(struct milter *, enum milter_action,
	    const char *text);

/* Adds the macros of a stage to all->out. */
void	milter_add_macros(struct milter *, const struct milter_event *);

/* Sends and waits for the verdict. */
struct milter_verdict milter_ask(struct milter *, const struct milter_event *,
	    int timeout);

/* What an answer means that ends an exchange; false: it is none, and of no use
 * in this place. */
bool	milter_judge(struct milter *, const struct milter_event *,
	    const struct milter_answer *, struct milter_verdict *ret);
struct milter_verdict milter_unexpected(struct milter *,
	    const struct milter_event *, int type);

/* May the event be left out? */
bool	milter_skips(const struct milter *, const struct milter_event *);

static const struct milter_verdict milter_go_on = { MILTER_GO_ON, "" };
extern const char milter_hang_up_text[];

#endif
