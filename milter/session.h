/* session - milters in the course of an SMTP session, and of a message */

#ifndef MILTER_SESSION_H
#define MILTER_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "milter/protocol.h"
#include "milter/settings.h"
#include "util/buf.h"

/*
 * The milters of one client, in their order.  An event goes to one after the
 * other, until one has something against it.
 *
 *	milters_new			nobody is connected yet
 *	milters_connect milters_helo	once, again after XCLIENT or STARTTLS
 *	milters_mail milters_rcpt milters_data
 *	milters_message			header, body, end of message
 *	milters_abort			after each message, done or not
 *	milters_free			QUIT
 *
 * The message is another process's to show: milters_pack() tells what it needs
 * to know, and milters_unpack() makes milters there that share the sockets.
 * Never do both processes talk at a time; the first one goes on afterwards.
 *
 * A milter that fails is not asked again in this session: its default action
 * stands for its answers.
 */
struct milters;

enum milter_action {
	MILTER_GO_ON,
	MILTER_REFUSE,		/* text: SMTP reply, lines separated by CRLF */
	MILTER_THROW_AWAY,
	MILTER_HOLD,		/* text: why, may be "" */
	MILTER_HANG_UP,		/* text: SMTP reply; the session ends */
};

/* `text` lives until the next event. */
struct milter_verdict {
	enum milter_action	 action;
	const char		*text;
};

/* What the owner does for its milters. */
struct milter_owner {
	/* The value of a macro, or NULL; lives until the next call. */
	const char	*(*macro)(void *arg, const char *name);
	void		 (*warn)(void *arg, const char *text);
};

struct milter_config {
	struct milter_list		*list;
	struct milter_macros		 macros;
	const struct milter_value	*values;	/* milter_macro_defaults */
};

/* `config` must outlive it. */
struct milters	*milters_new(const struct milter_config *,
		    const struct milter_owner *, void *arg);
void		 milters_free(struct milters *);

/* --- events */

/* `family`: '4', '6' or 'U'. */
struct milter_verdict milters_connect(struct milters *, const char *name,
		    char family, uint16_t port, const char *address);
struct milter_verdict milters_helo(struct milters *, const char *name);

/* The address and ESMTP parameters, as the client gave them. */
struct milter_verdict milters_mail(struct milters *, const char *const *words,
		    size_t count);

/* A recipient that is `refused` already is told to milters that want to
 * know. */
struct milter_verdict milters_rcpt(struct milters *, const char *const *words,
		    size_t count, bool refused);
struct milter_verdict milters_data(struct milters *);
struct milter_verdict milters_unknown(struct milters *, const char *command);

/* What stands for all commands since CONNECT or HELO; nobody is asked. */
struct milter_verdict milters_other(struct milters *);

/* The message, if any, is over. */
void		 milters_abort(struct milters *);

/* --- the message */

/* How a message is shown, and changed.  A milter's changes are collected by
 * edit() and carried out by apply() when it has given its last answer; they
 * are forgotten by drop() if it does not come to that. */
struct milter_content {
	/* Field `i` from 0; false: there are no more.  The value is what comes
	 * after the colon, lines ended by CRLF but for the last. */
	bool	(*header)(void *arg, size_t i, struct str *ret_name,
		    struct str *ret_value);
	/* Body from an offset: at most MILTER_BODY_MAX bytes, none at the end;
	 * false: it can't be read. */
	bool	(*body)(void *arg, uint64_t offset, struct str *ret);
	void	(*edit)(void *arg, const struct milter_answer *);
	/* MILTER_GO_ON, or what is wrong with the changes. */
	struct milter_verdict (*apply)(void *arg);
	void	(*drop)(void *arg);
};

struct milter_verdict milters_message(struct milters *,
		    const struct milter_content *, void *arg);

/* --- to another process */

/* Facts of milter `i` from 0, to be sent in a frame together with the
 * descriptor *ret_fd (-1: it needs none).  False: there are no more. */
struct frame;
bool		 milters_pack(struct milters *, size_t i, struct frame *,
		    int *ret_fd);

/* The other side: takes the descriptor over, or closes it.  False: the frame
 * makes no sense. */
struct milters	*milters_new_remote(const struct milter_owner *, void *arg);
bool		 milters_unpack(struct milters *, const struct frame *, int fd);

/* Did a descriptor come with this frame? */
bool		 milters_packed_fd(const struct frame *);

/* Frees them there; the sockets stay open, with their first owner. */
void		 milters_leave(struct milters *);

/* Macros by value, for the other process: those that stages of the message
 * ask for. */
void		 milters_each_macro(struct milters *,
		    void (*give)(void *arg, const char *name,
		    const char *value), void *arg);

/* The other process has failed: nobody knows what was said last. */
void		 milters_lost(struct milters *);

#endif
