/* opening - greeting and STARTTLS (RFC 3207) */

#include <stdio.h>

#include "net/tls.h"
#include "smtp/policy.h"
#include "smtp/report.h"
#include "smtp/session.h"
#include "smtp/settings.h"
#include "smtp/tls.h"
#include "util/log.h"
#include "util/stream.h"

/* Reported as it is, also where nothing follows from it. */
static void
report_handshake(const struct session *s, const struct policy *p)
{
	if (tls_info_is_enough(s->tls)) {
		report_success(s, p);
		return;
	}
	report_distrust(s, p);
	if (p->testing)
		log_info("%s: the certificate is not what the MTA-STS policy "
		    "of %s wants (%s): only a test so far", s->relay,
		    p->policy_domain, s->tls->verify_text);
}

static enum opening
handshake(struct session *s, const struct policy *p, struct why *why)
{
	if (!client_tls_start(s, p)) {
		report_failure(s, p, "validation-failure",
		    "tls-handshake-failure");
		why_set(why, "4.7.5", "Cannot start TLS: handshake failure");
		return policy_needs_tls(p) ? OPENING_INSECURE :
		    OPENING_PLAIN_AGAIN;
	}
	report_handshake(s, p);
	/* records of no use ask for encryption only */
	if (p->effective <= TLS_LEVEL_ENCRYPT || tls_info_is_enough(s->tls))
		return OPENING_DONE;
	why_set(why, "4.7.5", "Server certificate not verified%s%s",
	    p->sts != NULL ? ", as wants the MTA-STS policy of " : "",
	    p->sts != NULL ? p->policy_domain : "");
	return OPENING_INSECURE;
}

/* What was said behind the reply, perhaps by somebody between us, must not be
 * heard under the protection that comes: RFC 3207 6. */
static void
drop_injected(struct session *s)
{
	size_t n = stream_buffered(s->stream);

	if (n == 0)
		return;
	log_warn("%s: dropping %zu bytes after the reply to STARTTLS",
	    s->relay, n);
	stream_skip(s->stream, n);
}

static enum opening
start_tls(struct session *s, const struct policy *p, const char *loop_text,
    struct why *why)
{
	enum opening got;

	session_says(s, "STARTTLS\r\n");
	if (!session_reply(s, settings.starttls_timeout,
	    "sending the STARTTLS command", NULL, why))
		return OPENING_FAILED;
	if (s->reply.code / 100 != 2) {
		/* Without it the session is as good as before. */
		s->features &= ~(unsigned)FEATURE_STARTTLS;
		report_failure(s, p, "starttls-not-supported",
		    "starttls-refused");
		if (!policy_needs_tls(p))
			return OPENING_DONE;
		why_set(why, s->reply.dsn, "TLS is required, but host %s "
		    "refused to start TLS: %s", s->namaddr,
		    s->reply.text.data);
		return OPENING_INSECURE;
	}
	drop_injected(s);
	got = handshake(s, p, why);
	if (got == OPENING_DONE && !session_hello(s, loop_text, why))
		got = OPENING_FAILED;
	return got;
}

static enum opening
secure(struct session *s, const struct policy *p, const char *loop_text,
    struct why *why)
{
	bool offered = (s->features & FEATURE_STARTTLS) != 0;

	if (p->level == TLS_LEVEL_NONE) {
		if (offered && settings.tls_note_starttls_offer)
			log_info("Host offered STARTTLS: [%s]", s->host);
		return OPENING_DONE;
	}
	if (offered && client_tls_works())
		return start_tls(s, p, loop_text, why);
	if (!offered)
		report_failure(s, p, "starttls-not-supported", NULL);
	if (!policy_needs_tls(p))
		return OPENING_DONE;
	if (offered)
		why_set(why, "4.7.5", "TLS is required, but our TLS engine is "
		    "unavailable");
	else
		why_set(why, "4.7.4", "TLS is required, but was not offered by"
		    " host %s", s->namaddr);
	return OPENING_INSECURE;
}

enum opening
session_open(struct session *s, const struct policy *p, const char *loop_text,
    struct why *why)
{
	enum opening got = OPENING_DONE;

	if (settings.tls_wrappermode) {
		if (!client_tls_works()) {
			why_set(why, "4.7.5", "TLS is required, but our TLS "
			    "engine is unavailable");
			return OPENING_INSECURE;
		}
		got = handshake(s, p, why);
		if (got != OPENING_DONE)
			return got;
	}
	if (!session_greet(s, loop_text, why))
		return OPENING_FAILED;
	return settings.tls_wrappermode ? OPENING_DONE :
	    secure(s, p, loop_text, why);
}
