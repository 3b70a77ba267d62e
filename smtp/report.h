/* report - how sessions went, for TLSRPT (RFC 8460) */

#ifndef SMTP_REPORT_H
#define SMTP_REPORT_H

struct policy;
struct session;
struct target;
struct tls_info;

/* Who is told: the service, or an external reporter. */
void	report_init(void);

/* Nothing is told unless policy->report. */
void	report_success(const struct session *, const struct policy *);

/* `failure` is a result-type of RFC 8460 4.3, `reason` a word of ours for
 * failure-reason-code, or NULL. */
void	report_failure(const struct session *, const struct policy *,
	    const char *failure, const char *reason);

/* A handshake was done with a certificate that is not good enough. */
void	report_distrust(const struct session *, const struct policy *);

/* What was wrong before there was a session: policy->failure. */
void	report_policy(const struct target *, const struct policy *);

#endif
