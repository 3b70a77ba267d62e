/* deliver_proto - between qmgr and delivery agents */

#ifndef MAIL_DELIVER_PROTO_H
#define MAIL_DELIVER_PROTO_H

/*
 * qmgr connects to private/TRANSPORT and keeps the connection: one delivery
 * at a time on each.
 *
 *	Q: DELIVER ...			A: DELIVERED status+ [dead-host facts]
 *
 * The agent opens the queue file itself, logs every recipient, marks the
 * finished ones in the file, and tells bounce/defer/trace; qmgr only counts.
 */
enum deliver_frame {
	DELIVER_REQUEST = 1,
	DELIVER_RESULT = 2,
};

enum deliver_key {
	DELIVER_KEY_QUEUE = 1,		/* str: "active" */
	DELIVER_KEY_ID,			/* str */
	DELIVER_KEY_NEXTHOP,		/* str */
	DELIVER_KEY_SENDER,		/* str, internal form */
	DELIVER_KEY_FLAGS,		/* u64: enum deliver_flag */
	DELIVER_KEY_ENV_FLAGS,		/* u64: enum envelope_flag */
	DELIVER_KEY_ENVID,		/* str, decoded */
	DELIVER_KEY_RET,		/* u64: enum dsn_ret */
	DELIVER_KEY_ENCODING,		/* str: "7bit" "8bit" */
	DELIVER_KEY_ARRIVAL,		/* u64: microseconds, wall clock */
	DELIVER_KEY_ACTIVE,		/* u64: entered the active queue */
	DELIVER_KEY_HANDED,		/* u64: handed to the agent */
	DELIVER_KEY_RCPT,		/* group: one recipient */
	DELIVER_KEY_RCPT_ADDRESS,	/* str */
	DELIVER_KEY_RCPT_ORIGINAL,	/* str */
	DELIVER_KEY_RCPT_ORCPT,		/* str */
	DELIVER_KEY_RCPT_NOTIFY,	/* u64 */
	DELIVER_KEY_RCPT_INDEX,		/* u64 */
	/* result */
	DELIVER_KEY_STATUSES,		/* bytes: one a recipient, in order:
					   enum deliver_status */
	DELIVER_KEY_DEAD_DSN,		/* str: the destination does not answer */
	DELIVER_KEY_DEAD_TEXT,		/* str */
	DELIVER_KEY_TRACED,		/* u64 1: a trace record was written */
	DELIVER_KEY_SIZE,		/* u64: message size */
	DELIVER_KEY_FILE,		/* u64: enum deliver_file, if not OK; the
					   statuses are then all deferred */
	DELIVER_KEY_CLOSING,		/* u64 1: the agent ends the connection */
	DELIVER_KEY_CONNECTIONS,	/* u64: made to other hosts for it */
	DELIVER_KEY_BOUNCED,		/* u64 1: a bounce record was written,
					   perhaps of a recipient that waits */
	DELIVER_KEY_WAITED,		/* u64 1: in line with another delivery
					   to the destination */
	DELIVER_KEY_LOG,		/* bytes: finished log lines, which come
					   before those about the result */
};

/* What the agent found instead of a sound queue file. */
enum deliver_file {
	DELIVER_FILE_OK,
	DELIVER_FILE_MISSING,		/* removed by the administrator */
	DELIVER_FILE_DAMAGED,
	DELIVER_FILE_BUSY,		/* can't be opened or locked, or the
					   defer log not written: try soon */
};

struct frame;
struct recipient;

/* A recipient's group in a request. */
void	deliver_put_recipient(struct frame *, const struct recipient *);

enum deliver_flag {
	DELIVER_KEEP_OPEN = 1,		/* more mail waits for this destination:
					   connection cache on demand */
	DELIVER_UNMARKED = 8,		/* who asks marks the recipients */
	DELIVER_VERIFY = 2, DELIVER_TRACE = 4,	/* sendmail -bv, -v; probes */
	DELIVER_PROBE = 16,		/* with VERIFY: verify(8) wants to know */
	DELIVER_TELL_SUCCESS = 32,	/* the sender was told of a delay */
};

enum deliver_status {
	DELIVER_SENT = 's', DELIVER_BOUNCED = 'b', DELIVER_DEFERRED = 'd',
};

#endif
