/* srs - the Sender Rewriting Scheme: forwarded mail under an address of ours */

#ifndef MAIL_SRS_H
#define MAIL_SRS_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct buf;

/*
 * Mail that is forwarded to another domain would come from a host that its
 * sender's domain never allowed (SPF).  Its sender becomes
 *
 *	SRS0=HHHH=TT=domain=local@ours		user local@domain
 *	SRS1=HHHH=domain==rest@ours		SRS0=rest@domain, from another
 *						forwarder
 *
 * H: the start of the base64 of an HMAC-SHA1 over what follows, in lower case,
 * so that nobody but us makes such addresses; T: the day modulo 1024, in
 * base32.  Understood by libsrs2, postsrsd and others.
 */
struct srs {
	const char	*domain;	/* ours */
	const char	**secrets;	/* the first signs, all verify */
	size_t		 secret_count;
	char		 separator;	/* '=' '+' '-': behind SRS0 */
	int		 hash_length, hash_minimum;	/* characters */
	int		 max_age;	/* days */
};

/* Appends the address for `sender`.  False: it is empty or has no domain, is
 * ours already, or OpenSSL can't be loaded. */
bool	srs_forward(const struct srs *, struct buf *out, const char *sender,
	    time_t now);

enum srs_result {
	SRS_NONE,		/* none of our SRS addresses */
	SRS_GOOD,		/* `out` has the address behind it */
	SRS_FORGED,		/* the hash is not ours */
	SRS_EXPIRED,
};

enum srs_result srs_reverse(const struct srs *, struct buf *out,
	    const char *address, time_t now);

/* --- as main.cf has it (mail/srs_conf.c) */

/* Reads srs_* and the secrets, before the jail: NULL, or what is wrong.
 * Without srs_enable there is nothing to do, and the calls below say no. */
const char	*srs_start(void);

/* The sender to use towards another host if `sender`'s mail for the recipient,
 * who was `original` once, is forwarded from a domain of ours to one that is
 * not.  False: the sender stays. */
bool		 srs_sender(struct buf *out, const char *sender,
		    const char *original, const char *recipient);

enum srs_result	 srs_recipient(struct buf *out, const char *address);

#endif
