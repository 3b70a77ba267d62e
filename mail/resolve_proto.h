/* resolve_proto - between trivial-rewrite and those who ask it */

#ifndef MAIL_RESOLVE_PROTO_H
#define MAIL_RESOLVE_PROTO_H

/*
 * Service private/rewrite; a connection serves any number of requests, each
 * answered in order.
 *
 *	C: RESOLVE (sender [verify] recipient+)+	S: RESOLVED answer+
 *	C: REWRITE context address+		S: REWRITTEN address+
 *
 * A sender counts for the recipients after it, and so does `verify`: 1 asks
 * for the way of address probes, 0 for that of mail.  Answers are in order.
 */
enum resolve_frame {
	RESOLVE_REQUEST = 1,
	RESOLVE_REPLY,
	REWRITE_REQUEST,
	REWRITE_REPLY,
};

enum resolve_key {
	RESOLVE_KEY_SENDER = 1,		/* str, internal form */
	RESOLVE_KEY_ADDRESS,		/* str, internal form; repeated */
	RESOLVE_KEY_ANSWER,		/* group: one answer */
	RESOLVE_KEY_TRANSPORT,		/* str */
	RESOLVE_KEY_NEXTHOP,		/* str */
	RESOLVE_KEY_RECIPIENT,		/* str; only if not as asked */
	RESOLVE_KEY_FLAGS,		/* u64: enum resolve_flag */
	RESOLVE_KEY_CONTEXT,		/* str: "local" or "remote" */
	RESOLVE_KEY_VERIFY,		/* u64: address_verify_* routes */
};

enum {
	RESOLVE_BATCH = 1000,		/* addresses in one request */
	RESOLVE_FRAME_MAX = 4 * 1024 * 1024,
};

#define RESOLVE_SERVICE "private/rewrite"

#endif
