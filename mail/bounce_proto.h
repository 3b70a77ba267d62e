/* bounce_proto - between those who have news of a message and bounce(8) */

#ifndef MAIL_BOUNCE_PROTO_H
#define MAIL_BOUNCE_PROTO_H

/*
 * On private/bounce, private/defer and private/trace, any number of requests
 * on a connection, each answered before the next is read:
 *
 *	C: APPEND message-id recipient why	S: STATUS
 *	C: FLUSH message			S: STATUS
 *	C: WARN message				S: STATUS
 *	C: ONE message recipient why		S: STATUS
 *
 * The service that is asked says which log: FLUSH on private/trace makes a
 * trace report.  A string that is missing is empty.
 */
enum bounce_frame {
	BOUNCE_APPEND = 1, BOUNCE_FLUSH, BOUNCE_WARN, BOUNCE_ONE,
	BOUNCE_STATUS,
};

enum bounce_key {
	BOUNCE_KEY_OK = 1,		/* u64: 1 done, 0 try later */
	BOUNCE_KEY_QUEUE, BOUNCE_KEY_ID, BOUNCE_KEY_SENDER, BOUNCE_KEY_ENVID,
	BOUNCE_KEY_RET,			/* u64: enum dsn_ret */
	BOUNCE_KEY_ENCODING,
	BOUNCE_KEY_ENV_FLAGS,		/* u64: enum envelope_flag */
	BOUNCE_KEY_TRACE_FLAGS,		/* u64: enum deliver_flag */
	/* a recipient and how it went */
	BOUNCE_KEY_RCPT, BOUNCE_KEY_ORIGINAL, BOUNCE_KEY_ORCPT,
	BOUNCE_KEY_NOTIFY, BOUNCE_KEY_INDEX, BOUNCE_KEY_ARRIVAL,
	BOUNCE_KEY_RELAY, BOUNCE_KEY_ACTION, BOUNCE_KEY_DSN,
	BOUNCE_KEY_TEXT, BOUNCE_KEY_MTA, BOUNCE_KEY_DIAG_TYPE,
	BOUNCE_KEY_DIAG_TEXT,
	BOUNCE_KEY_ATTEMPT,		/* u64: see struct bounce_rcpt */
};

enum {
	BOUNCE_REQUEST_MAX = 256 * 1024,	/* bytes of a frame */
};

#endif
