/* deliver - what every delivery agent does around its delivery */

#ifndef MAIL_DELIVER_H
#define MAIL_DELIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mail/envelope.h"
#include "mail/queue_file.h"
#include "mail/why.h"
#include "util/mem.h"

struct stream;

/*
 * One request of qmgr: a message and the recipients for one next hop.
 * The queue file is open for as long as the struct lives, and locked
 * (flock, shared), so that a restarted qmgr does not deliver it twice.
 */
struct delivery {
	struct pool		 pool;
	const char		*queue, *id, *nexthop, *sender;
	const char		*envid, *encoding;
	unsigned		 flags;		/* enum deliver_flag */
	unsigned		 env_flags;
	enum dsn_ret		 ret;
	int64_t			 arrival_us, active_us, handed_us;
	int64_t			 connected_us;	/* agent sets it: end of set-up
						   ("c" of delays=a/b/c/d); 0 */
	struct queue_file	 file;
	struct envelope		*envelope;	/* see delivery_envelope() */
	struct recipient	*rcpt;
	size_t			 rcpt_count;
	char			*status;	/* enum deliver_status, 0 not yet */
	/* for qmgr: set with delivery_dead() */
	struct why		 dead;
	bool			 traced;
	bool			 bounced;	/* there is something in the log */
	unsigned		 connections;	/* made to other hosts for it */
	bool			 waited;	/* in line with another delivery
						   to the same mailbox */
	bool			 not_logged;	/* a deferral: no expiry yet */
	enum outcome		*part;		/* delivery_part()'s result */
};

/*
 * The agent's serve(): requests come one after the other on `s`; `deliver` is
 * called for each and must settle every recipient with one of the three
 * calls below; a recipient left over is deferred with 4.3.0 "unknown mail
 * system error".  A damaged or missing queue file is answered without a call.
 */
void	deliver_serve(struct stream *s, void (*deliver)(struct delivery *));

/*
 * Settle a recipient.  Each logs
 *   ID: to=<r>[, orig_to=<o>], relay=R[, conn_use=N], delay=, delays=a/b/c/d,
 *   [tls=..., ]dsn=, status=sent (text)
 * tells trace (NOTIFY=SUCCESS, -v, -bv) or bounce or defer, and marks the
 * file.  `relay` "local", "none", "host[addr]:port".  When the bounce log
 * can't be written the recipient is deferred.  soft_bounce is honoured.
 */
struct deliver_via {
	const char	*relay;
	const char	*tls;		/* "may:none" or NULL: no field */
	int		 conn_use;	/* > 1: logged */
	const char	*action;	/* for a success report: "relayed",
					   "expanded"; NULL "delivered" */
	const char	*bounce_to;	/* who is told at once of a failure, as
					   the owner of a list; NULL: the
					   sender, in the end */
};

void	delivery_sent(struct delivery *, struct recipient *,
	    const struct deliver_via *, const struct why *);
void	delivery_bounced(struct delivery *, struct recipient *,
	    const struct deliver_via *, const struct why *);
void	delivery_deferred(struct delivery *, struct recipient *,
	    const struct deliver_via *, const struct why *);

/* By why_outcome(). */
void	delivery_settle(struct delivery *, struct recipient *,
	    const struct deliver_via *, const struct why *);

/*
 * For a recipient that is delivered in parts (aliases).  delivery_part() logs
 * and reports one part, by why_outcome(), as the calls above do but settles
 * nothing; `part` is the agent's copy with the part's address.  It returns
 * what became of the part: TRY_LATER also where a bounce could not be kept.
 * delivery_close() then settles without another line.
 */
enum outcome delivery_part(struct delivery *, struct recipient *part,
	    const struct deliver_via *, const struct why *);
/* An alias took the mail: tells trace, if a success report is wanted, that its
 * members are told nothing more (RFC 3461 5.2.7). */
void	delivery_expanded(struct delivery *, const struct recipient *,
	    const struct deliver_via *, const struct why *);
void	delivery_close(struct delivery *, struct recipient *, enum outcome);

/*
 * Hands a recipient to another transport ("lmtp", next hop "unix:private/x"),
 * which logs and reports it, and waits for what became of it.  Nothing is
 * settled here: delivery_close() does that.  TRY_LATER with `why` when the
 * transport can't be reached; `why` is empty when the transport has spoken.
 */
enum outcome delivery_pass(struct delivery *, const struct recipient *,
	    const char *transport, const char *nexthop, struct why *);

/* The whole next hop does not answer: feedback for qmgr's scheduling. */
void	delivery_dead(struct delivery *, const struct why *);

/* The rest of the envelope (client attributes), read on first use; NULL if
 * it is damaged. */
const struct envelope *delivery_envelope(struct delivery *);

#endif
