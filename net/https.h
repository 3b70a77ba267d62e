/* https - one request to a web server, over libcurl */

#ifndef NET_HTTPS_H
#define NET_HTTPS_H

#include <stdbool.h>
#include <stddef.h>

#include "net/addr.h"
#include "util/buf.h"

/*
 * For the few programs that ask web servers: only these are linked with
 * libcurl (see the Makefile).  The server must have a certificate for its name
 * by an authority that is trusted, and speak TLS 1.2 at least.  Redirections
 * are not followed, and no proxy of the environment is used.
 *
 * libcurl works in a helper thread; the task waits.  It asks no resolver:
 * names are looked up here, as all programs do.
 */

/* Once, before the jail; `ca_file` has authorities in PEM and is read now.
 * False with why; then no server is trusted. */
bool	https_start(const char *ca_file, const char **ret_why);

struct https_request {
	const char	*url;		/* "https://host/path" */
	const char	*body;		/* POST; NULL: GET */
	size_t		 body_len;
	const char	*type;		/* of the body */
	const char	*agent;		/* User-Agent */
	size_t		 max;		/* bytes of an answer */
	int		 seconds;	/* for all of it, once the address is
					   known */
	int		 families;	/* DNS_V4 | DNS_V6 */
};

struct https_answer {
	long		 code;		/* 200 ...; 0: no answer came */
	bool		 untrusted;	/* the certificate is not good */
	bool		 too_big;
	char		 type[64];	/* Content-Type, cut */
	struct buf	 body;
	char		 why[300];	/* printable; with code 0 */
};

#define HTTPS_ANSWER_INIT { .body = BUF_INIT }

/* False: no whole answer, see `why`. */
bool	https_call(const struct https_request *, struct https_answer *);
void	https_answer_done(struct https_answer *);

#endif
