#include "tlsrpt/report.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "conf/param.h"
#include "mail/cleanup_client.h"
#include "net/dns.h"
#include "net/https.h"
#include "tlsrpt/days.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

enum {
	POST_SECONDS = 60,
	ANSWER_MAX = 16 * 1024,		/* bytes of a web server's answer */
	BASE64_LINE = 57,		/* bytes: 76 characters */
};

/* --- what is sent */

struct report {
	struct pool	     pool;
	struct tlsrpt_report head;
	const char	    *domain, *file;
	struct buf	     body;	/* JSON, compressed */
};

static unsigned serial;

static bool
compress_text(const struct buf *text, struct buf *ret)
{
	enum { GZIP = 15 + 16, MEMORY = 8 };
	z_stream z = { .next_in = (Bytef *)text->data };
	uLong	 max;
	bool	 ok;

	if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP, MEMORY,
	    Z_DEFAULT_STRATEGY) != Z_OK)
		return false;
	z.avail_in = (uInt)text->len;
	max = deflateBound(&z, text->len);
	z.next_out = (Bytef *)buf_room(ret, max);
	z.avail_out = (uInt)max;
	ok = deflate(&z, Z_FINISH) == Z_STREAM_END;
	if (ok)
		buf_grow(ret, z.total_out);
	deflateEnd(&z);
	return ok;
}

static bool
make_report(struct report *r, const struct day *d, const struct domain *m)
{
	struct buf text = BUF_INIT;
	bool	   ok;

	r->domain = m->name;
	r->head.start = m->since > d->number * DAY ? m->since :
	    d->number * DAY;
	r->head.end = (d->number + 1) * DAY - 1;
	if (r->head.end > time(NULL))
		r->head.end = time(NULL);
	r->head.organization = conf_mail.tlsrpt_organization_name;
	r->head.contact = conf_mail.tlsrpt_contact_info;
	r->head.id = pool_printf(&r->pool, "%lld.%d.%u.%s@%s",
	    (long long)r->head.start, (int)getpid(), ++serial, m->name,
	    conf_mail.myhostname);
	r->file = pool_printf(&r->pool, "%s!%s!%lld!%lld!%u.json.gz",
	    conf_mail.myhostname, m->name, (long long)r->head.start,
	    (long long)r->head.end, serial);
	tlsrpt_write_report(&text, &r->head, m->tally);
	ok = compress_text(&text, &r->body);
	buf_done(&text);
	return ok;
}

/* --- by mail: RFC 8460 5.3 */

static void
write_header(struct cleanup_client *c, const struct report *r, const char *to)
{
	struct buf date = BUF_INIT;

	clock_rfc_date(&date, time(NULL));
	cleanup_printf(c, "Received: by %s (%s)", conf_mail.myhostname,
	    conf_mail.mail_name);
	cleanup_printf(c, "\tid %s; %s", cleanup_queue_id(c), date.data);
	cleanup_printf(c, "Date: %s", date.data);
	cleanup_printf(c, "From: %s", conf_mail.tlsrpt_contact_info);
	cleanup_printf(c, "To: %s", to);
	cleanup_printf(c, "Subject: Report Domain: %s", r->domain);
	cleanup_printf(c, "\tSubmitter: %s", conf_mail.myhostname);
	cleanup_printf(c, "\tReport-ID: <%s>", r->head.id);
	cleanup_printf(c, "Message-ID: <%s>", r->head.id);
	cleanup_printf(c, "TLS-Report-Domain: %s", r->domain);
	cleanup_printf(c, "TLS-Report-Submitter: %s", conf_mail.myhostname);
	/* What is in the way of TLS must not be in the way of this. */
	cleanup_printf(c, "TLS-Required: No");
	cleanup_printf(c, "Auto-Submitted: auto-generated");
	cleanup_printf(c, "MIME-Version: 1.0");
	cleanup_printf(c, "Content-Type: multipart/report; "
	    "report-type=\"tlsrpt\";");
	cleanup_printf(c, "\tboundary=\"=_%lld.%u\"",
	    (long long)r->head.start, serial);
	cleanup_printf(c, "%s", "");
	buf_done(&date);
}

static void
write_body(struct cleanup_client *c, const struct report *r)
{
	char	   boundary[64];
	struct buf line = BUF_INIT;

	snprintf(boundary, sizeof boundary, "--=_%lld.%u",
	    (long long)r->head.start, serial);
	cleanup_printf(c, "%s", boundary);
	cleanup_printf(c, "Content-Type: text/plain; charset=us-ascii");
	cleanup_printf(c, "%s", "");
	cleanup_printf(c, "This is an aggregate TLS report for %s from %s.",
	    r->domain, conf_mail.myhostname);
	cleanup_printf(c, "%s", "");
	cleanup_printf(c, "%s", boundary);
	cleanup_printf(c, "Content-Type: application/tlsrpt+gzip");
	cleanup_printf(c, "Content-Transfer-Encoding: base64");
	cleanup_printf(c, "Content-Disposition: attachment;");
	cleanup_printf(c, "\tfilename=\"%s\"", r->file);
	cleanup_printf(c, "%s", "");
	for (size_t i = 0; i < r->body.len; i += BASE64_LINE) {
		size_t n = r->body.len - i;

		buf_clear(&line);
		text_base64(&line, r->body.data + i, n < BASE64_LINE ? n :
		    BASE64_LINE);
		cleanup_printf(c, "%s", line.data);
	}
	cleanup_printf(c, "%s--", boundary);
	buf_done(&line);
}

static void
write_envelope(struct cleanup_client *c, const char *to)
{
	struct envelope e;

	envelope_init(&e);
	e.queue_id = cleanup_queue_id(c);
	e.sender = conf_mail.tlsrpt_sender;
	e.arrival_us = e.created_us = clock_wall_us();
	e.flags = ENV_LOCAL_ORIGIN;
	envelope_set(&e, ATTR_LOG_MESSAGE_ORIGIN, "local");
	envelope_set(&e, ATTR_REWRITE_CONTEXT, "local");
	cleanup_envelope(c, &e);
	cleanup_rcpt(c, &(struct recipient){ .address = to, .original = to,
	    .orcpt = "", .notify = NOTIFY_NEVER, .status = RCPT_TODO });
	envelope_done(&e);
}

/* Milters and signing see it as any mail of ours: without a DKIM signature
 * receivers believe none of it. */
static bool
send_mail(const struct report *r, const char *to)
{
	struct cleanup_client *c;
	enum cleanup_status    status;
	struct buf	       why = BUF_INIT;
	char		      *id = NULL;

	c = cleanup_open(CLEANUP_MAP | CLEANUP_MILTER | CLEANUP_REWRITE_LOCAL,
	    &status);
	if (c != NULL) {
		id = mem_strdup(cleanup_queue_id(c));
		write_envelope(c, to);
		write_header(c, r, to);
		write_body(c, r);
		status = cleanup_end(c, &why);
	}
	if (status == CLEANUP_OK)
		log_info("%s: TLSRPT report for %s, to=<%s>", id, r->domain,
		    to);
	else
		log_warn("TLSRPT report for %s, to=<%s>: not queued: %s",
		    r->domain, to, why.len > 0 ? why.data :
		    "cleanup does not take it");
	mem_free(id);
	buf_done(&why);
	return status == CLEANUP_OK;
}

/* --- by HTTPS: RFC 8460 5.4 */

static bool
send_https(const struct report *r, const char *url)
{
	struct https_answer  a = HTTPS_ANSWER_INIT;
	struct https_request q = {
		.url = url, .body = r->body.data, .body_len = r->body.len,
		.type = "application/tlsrpt+gzip",
		.agent = conf_mail.mail_name, .max = ANSWER_MAX,
		.seconds = POST_SECONDS,
		.families = dns_families(conf_mail.inet_protocols),
	};
	bool		     ok = https_call(&q, &a);

	if (ok && a.code / 100 != 2) {
		snprintf(a.why, sizeof a.why, "HTTP status %ld", a.code);
		ok = false;
	}
	if (ok)
		log_info("TLSRPT report for %s, to=%s", r->domain, url);
	else
		log_warn("TLSRPT report for %s, to=%s: %s", r->domain, url,
		    a.why);
	https_answer_done(&a);
	return ok;
}

/* --- all of it */

static bool
send_to_all(const struct report *r, const struct tlsrpt_record *to)
{
	bool ok = false;

	for (size_t i = 0; i < to->https_count; i++)
		ok |= send_https(r, to->https[i]);
	for (size_t i = 0; i < to->mail_count; i++)
		ok |= send_mail(r, to->mail[i]);
	return ok;
}

bool
report_send(const struct day *d, const struct domain *m,
    const struct tlsrpt_record *to)
{
	struct report r = { .body = BUF_INIT };
	bool	      ok = make_report(&r, d, m) && send_to_all(&r, to);

	buf_done(&r.body);
	pool_done(&r.pool);
	return ok;
}
