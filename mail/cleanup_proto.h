/* cleanup_proto - between cleanup and those who bring it mail */

#ifndef MAIL_CLEANUP_PROTO_H
#define MAIL_CLEANUP_PROTO_H

/*
 * The order of frames stands in mail/cleanup_client.h.  The answers are
 * QUEUE_ID, then at most one TROUBLE, then RESULT; or RESULT alone when no
 * queue file could be made.
 */
#define CLEANUP_SERVICE "public/cleanup"

enum cleanup_frame {
	/* to cleanup */
	CLEANUP_OPEN = 1,	/* KEY_FLAGS */
	CLEANUP_ENVELOPE,	/* envelope_write() without recipients */
	CLEANUP_RCPT,		/* envelope_write_rcpt() */
	CLEANUP_CONTENT,	/* KEY_BYTES */
	CLEANUP_END,
	CLEANUP_ABORT,
	CLEANUP_MILTER_ONE,	/* milters_pack(), and a descriptor */
	CLEANUP_MACROS,		/* KEY_NAME, KEY_VALUE, again and again */
	/* from cleanup */
	CLEANUP_QUEUE_ID,	/* KEY_ID */
	CLEANUP_TROUBLE,	/* the message will not be taken: what follows
				   is read and thrown away */
	CLEANUP_RESULT,		/* KEY_STATUS, KEY_WHY */
};

enum cleanup_key {
	CLEANUP_KEY_FLAGS = 1,	/* u64: enum cleanup_flag */
	CLEANUP_KEY_ID,		/* str */
	CLEANUP_KEY_BYTES,	/* bytes */
	CLEANUP_KEY_STATUS,	/* u64: enum cleanup_status */
	CLEANUP_KEY_WHY,	/* str: DSN and text, for CLEANUP_REJECTED with
				   an SMTP code in front; may be missing */
	CLEANUP_KEY_NAME,	/* str */
	CLEANUP_KEY_VALUE,	/* str */
};

enum {
	CLEANUP_FRAME_MAX = 1024 * 1024,	/* bytes, to cleanup */
	CLEANUP_ANSWER_MAX = 16 * 1024,		/* bytes, from cleanup */
	CLEANUP_CONTENT_MAX = 64 * 1024,	/* bytes of one CONTENT that the
						   client makes */
};

#endif
