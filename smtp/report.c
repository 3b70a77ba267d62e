#include "smtp/report.h"

#include <openssl/x509_vfy.h>
#include <sys/socket.h>

#include "mail/mtasts.h"
#include "mail/tlsrpt_client.h"
#include "net/tls.h"
#include "smtp/policy.h"
#include "smtp/route.h"
#include "smtp/session.h"
#include "smtp/settings.h"
#include "util/buf.h"
#include "util/stream.h"

void
report_init(void)
{
	if (settings.tlsrpt_enable && *settings.tlsrpt_socket_name != '\0')
		tlsrpt_use_socket(settings.tlsrpt_socket_name);
}

/* The records as RFC 6698 2.2 writes them, one line each. */
static void
write_records(struct buf *b, const struct policy *p)
{
	for (size_t i = 0; i < p->tlsa_count; i++) {
		const struct tlsa *r = &p->tlsa[i];

		buf_addf(b, "%d %d %d ", r->usage, r->selector, r->matching);
		for (size_t n = 0; n < r->len; n++)
			buf_addf(b, "%02x", r->data[n]);
		buf_addc(b, '\n');
	}
}

/* `early`: it failed before there was a session, so the policy may not be
 * known. */
static void
tell(struct tlsrpt_result *r, const struct policy *p, bool early)
{
	struct buf text = BUF_INIT, mx = BUF_INIT;

	r->domain = p->domain;
	r->policy_domain = p->domain;
	r->policy_type = "no-policy-found";
	if (p->sts != NULL || (early && p->sts_failed)) {
		r->policy_type = "sts";
		if (p->policy_domain != NULL)
			r->policy_domain = p->policy_domain;
	} else if (p->tlsa_count > 0 || (early && p->dane_failed)) {
		r->policy_type = "tlsa";
	}
	if (p->sts != NULL) {
		if (p->sts_text != NULL)
			buf_adds(&text, p->sts_text);
		else
			mtasts_write(&text, p->sts);
		for (size_t i = 0; i < p->sts->mx_count; i++)
			buf_addf(&mx, "%s\n", p->sts->mx[i]);
	} else {
		write_records(&text, p);
	}
	r->policy = text.len > 0 ? text.data : NULL;
	r->mx_patterns = mx.len > 0 ? mx.data : NULL;
	tlsrpt_send(r);
	buf_done(&text);
	buf_done(&mx);
}

static void
tell_session(const struct session *s, const struct policy *p,
    const char *failure, const char *reason)
{
	struct sockaddr_storage sa;
	socklen_t		len = sizeof sa;
	struct addr		own;
	char			from[ADDR_TEXT] = "", to[ADDR_TEXT];
	struct tlsrpt_result	r = {
		.failure = failure, .reason = reason, .mx_host = s->host,
		.receiving_ip = to,
	};

	/* A host that the policy does not name has been told of. */
	if (!p->report || (failure == NULL && p->testing &&
	    p->failure != NULL))
		return;
	if (getsockname(stream_fd(s->stream), (void *)&sa, &len) == 0 &&
	    addr_from_sockaddr(&own, (void *)&sa, len)) {
		addr_text(&own, from);
		r.sending_ip = from;
	}
	addr_text(&s->addr, to);
	tell(&r, p, false);
}

void
report_success(const struct session *s, const struct policy *p)
{
	if (s->tls != NULL && s->tls->reused &&
	    settings.tlsrpt_skip_reused_handshakes)
		return;
	tell_session(s, p, NULL, NULL);
}

void
report_failure(const struct session *s, const struct policy *p,
    const char *failure, const char *reason)
{
	tell_session(s, p, failure, reason);
}

void
report_distrust(const struct session *s, const struct policy *p)
{
	long error = s->tls->verify_error;

	if (s->tls->reused && settings.tlsrpt_skip_reused_handshakes)
		return;
	if (s->tls->trust == TLS_ANONYMOUS)
		tell_session(s, p, "certificate-not-trusted",
		    "no-certificate");
	else if (error == X509_V_ERR_CERT_HAS_EXPIRED)
		tell_session(s, p, "certificate-expired", NULL);
	else if (error == X509_V_ERR_HOSTNAME_MISMATCH)
		tell_session(s, p, "certificate-host-mismatch", NULL);
	else if (p->tlsa_count > 0)
		tell_session(s, p, "validation-failure", "tlsa-mismatch");
	else
		tell_session(s, p, "certificate-not-trusted",
		    s->tls->verify_text);
}

void
report_policy(const struct target *t, const struct policy *p)
{
	char		     to[ADDR_TEXT];
	struct tlsrpt_result r = {
		.failure = p->failure, .reason = p->failure_reason,
		.mx_host = t->name, .receiving_ip = to,
	};

	if (!p->report || p->failure == NULL)
		return;
	addr_text(&t->addr, to);
	tell(&r, p, true);
}
