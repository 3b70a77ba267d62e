/* submit - handing in mail from a local user: sendmail, pickup, postdrop */

#ifndef MAIL_SUBMIT_H
#define MAIL_SUBMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mail/envelope.h"
#include "util/buf.h"
#include "util/frame.h"

struct stream;

/*
 * Protocol "submit", on public/pickup (pid/submit) or with a postdrop process on
 * a socket pair.  The client talks without waiting, the answer comes last:
 *
 *	C: ENVELOPE (flags, envelope_write() in a group)
 *	C: CONTENT bytes ...		lines ended by CRLF, chunks end
 *					anywhere; the last may lack its end
 *	C: END
 *	S: RESULT status id why
 *
 * then both close.  Anybody on this host may be the client: what it says of
 * itself is not believed.  Who it is the kernel tells.
 */
#define SUBMIT_SERVICE "public/pickup"

/* The same socket by another name, where users without privilege may go. */
#define SUBMIT_ENTRANCE "pid/submit"

enum submit_frame {
	SUBMIT_ENVELOPE = 1, SUBMIT_CONTENT, SUBMIT_END, SUBMIT_RESULT,
};

enum submit_key {
	SUBMIT_KEY_FLAGS = 1,	/* u64: enum submit_flag */
	SUBMIT_KEY_ENVELOPE,	/* bytes: attributes of envelope_write() */
	SUBMIT_KEY_BYTES,	/* bytes */
	SUBMIT_KEY_STATUS,	/* u64: enum submit_status */
	SUBMIT_KEY_ID,		/* str */
	SUBMIT_KEY_WHY,		/* str */
};

enum submit_flag {
	SUBMIT_EXTRACT = 1,	/* recipients from the header: -t */
	SUBMIT_GATEWAY = 2,	/* not the first submission: -G */
};

enum submit_status {
	SUBMIT_OK,
	SUBMIT_TOO_BIG,
	SUBMIT_NO_RCPT,
	SUBMIT_DENIED,		/* this user may not: why says so */
	SUBMIT_BAD,		/* bad request */
	SUBMIT_ERROR,		/* try later */
};

enum {
	SUBMIT_FRAME_MAX = 8 * 1024 * 1024,	/* bytes */
	SUBMIT_ANSWER_MAX = 4096,
};

/* Copies what a user may say of a message.  False: control bytes where they
 * may not be. */
bool	submit_copy_allowed(struct envelope *to, const struct envelope *from);

/* The flags of a submission in a file of maildrop/ stand in its envelope. */
void	submit_set_flags(struct envelope *, unsigned flags);
unsigned submit_flags_of(const struct envelope *);

/* --- the serving side */

struct submission {
	struct envelope	 env;		/* only what a user may say */
	unsigned	 flags;		/* enum submit_flag */
	struct frame	 f;		/* the one at hand */
};

/* The first frame.  False: no sound request, the stream has failed. */
bool	submit_begin(struct submission *, struct stream *);

enum submit_next { SUBMIT_MORE, SUBMIT_FINISHED, SUBMIT_BROKEN };

/* The next part of the content, valid until the next call. */
enum submit_next submit_content(struct submission *, struct stream *,
	    struct str *ret);

void	submit_answer(struct submission *, struct stream *,
	    enum submit_status, const char *id, const char *why);
void	submit_done(struct submission *);

#endif
