/* tlsrpt_client - telling how a session's TLS went, for reports (RFC 8460) */

#ifndef MAIL_TLSRPT_CLIENT_H
#define MAIL_TLSRPT_CLIENT_H

/*
 * Service private/tlsrpt, any number of requests on a connection:
 *
 *	C: RESULT ...		S: TAKEN
 *
 * "R" to its socket (postkick) has reports made at once.
 */
#define TLSRPT_SERVICE "private/tlsrpt"

enum tlsrpt_frame { TLSRPT_RESULT = 1, TLSRPT_TAKEN };

enum tlsrpt_key {		/* all str */
	TLSRPT_KEY_DOMAIN = 1, TLSRPT_KEY_POLICY_TYPE,
	TLSRPT_KEY_POLICY_DOMAIN, TLSRPT_KEY_POLICY, TLSRPT_KEY_MX_PATTERNS,
	TLSRPT_KEY_FAILURE, TLSRPT_KEY_REASON, TLSRPT_KEY_SENDING_IP,
	TLSRPT_KEY_MX_HOST, TLSRPT_KEY_RECEIVING_IP,
};

enum { TLSRPT_FRAME_MAX = 256 * 1024 };	/* bytes */

/* One session.  NULL: not known, or not there. */
struct tlsrpt_result {
	const char	*domain;	/* whose mail it was: who is told */
	const char	*policy_type;	/* "sts", "tlsa", "no-policy-found" */
	const char	*policy_domain;
	const char	*policy;	/* lines, ended by '\n' */
	const char	*mx_patterns;	/* lines */
	const char	*failure;	/* RFC 8460 4.3; NULL: all was well */
	const char	*reason;	/* failure-reason-code */
	const char	*sending_ip, *mx_host, *receiving_ip;
};

/* From now on an external reporter at this datagram socket is told instead of
 * the service (mail/tlsrpt_datagram.h); the path stays the caller's. */
void	tlsrpt_use_socket(const char *path);

/* Waits for nothing: a task of its own does.  What can't be told is lost, and
 * the log says so. */
void	tlsrpt_send(const struct tlsrpt_result *);

/* The result in a RESULT, its strings in the frame. */
struct frame;
struct tlsrpt_result tlsrpt_result_of(const struct frame *);

#endif
