/* policy - how much privacy a server is to give, and how it proves itself */

#ifndef SMTP_POLICY_H
#define SMTP_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include "mail/mtasts.h"
#include "mail/why.h"
#include "net/tls.h"
#include "smtp/requiretls.h"
#include "util/mem.h"

struct nexthop;
struct target;

/*
 * By smtp_tls_security_level, smtp_tls_policy_maps and what is found for
 * DANE and MTA-STS.  Strings live in the pool that policy_find() was given.
 */
struct policy {
	bool		 known;		/* false: it could not be found out */
	enum tls_level	 level;		/* "dane" without TLSA is "may" */
	enum tls_level	 effective;	/* what holds: "dane" whose records are
					   of no use is "encrypt" */
	struct tls_strength strength;
	/* as written: no session can be encrypted by it; NULL: good */
	const char	*bad_protocols, *bad_ciphers;
	const char *const *match;	/* see struct tls_connect */
	const char	*sni;
	const char	*anchor_files;
	const struct tlsa *tlsa;
	size_t		 tlsa_count;
	const char	*tlsa_base;
	bool		 rpk;
	bool		 reuse;		/* sessions may serve the next message */
	/* MTA-STS (sts.h): NULL unless a policy applies */
	const struct mtasts_policy *sts;
	const char	*sts_text;	/* lines; NULL: as mtasts_write() */
	const char	*policy_domain;	/* whose policy it is, or NULL */
	bool		 testing;	/* `match` is looked at, but nothing
					   follows from it */
	/* TLSRPT (report.h): what was wrong before there was a session */
	const char	*failure, *failure_reason;
	bool		 sts_failed, dane_failed; /* with that policy */
	bool		 report;	/* sessions are reported ... */
	const char	*domain;	/* ... to this one */
	enum wish	 wish;		/* the message's */
	enum wish_state	 wish_state;
	/* All of it as text: sessions of another are no good. */
	const char	*key;
};

/* Opens tables; before the jail. */
void	policy_init(void);

/*
 * For one server of a next hop; `destination` is the next hop as written.
 * May wait.  False with why: 4.7.5, after a warning.
 */
bool	policy_find(struct pool *, const char *destination,
	    const struct nexthop *, const struct target *, enum wish,
	    struct policy *ret, struct why *why);

/* Must there be TLS? */
bool	policy_needs_tls(const struct policy *);

/*
 * The tls= field of the log; NULL for none.  How far it came: there was no
 * session; a session without or with TLS; ended because of this policy.
 */
enum policy_stage { POLICY_UNDECIDED, POLICY_PLAIN, POLICY_TLS,
	POLICY_FAILED };

const char *policy_log_field(struct pool *, const struct policy *,
	    enum policy_stage);

#endif
