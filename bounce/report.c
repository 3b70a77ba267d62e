#include "bounce/report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "conf/conf.h"
#include "mail/address.h"
#include "mail/header.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

enum {
	LINE_WIDTH = 79,	/* bytes of a folded line */
	INDENT = 4,
};

/* --- the message */

static void
find_message_id(struct report_message *r)
{
	static const char name[] = "message-id:";
	const char	 *p = r->header.data, *nl;
	char		 *value;

	for (; (nl = strchr(p, '\n')) != NULL; p = nl + 1) {
		if (strncasecmp(p, name, sizeof name - 1) != 0)
			continue;
		p += sizeof name - 1;
		value = mem_strndup(p, (size_t)(nl - p));
		if (*text_trim(value) == '<' &&
		    text_is_ascii(value, strlen(value)))
			r->message_id = mem_strdup(text_trim(value));
		mem_free(value);
		return;
	}
}

void
report_message_init(struct report_message *r, const struct bounce_message *m)
{
	memset(r, 0, sizeof *r);
	r->m = m;
	r->header = (struct buf)BUF_INIT;
	r->arrival_us = clock_wall_us();
	r->boundary = mem_printf("%s.%lld/%s", m->id,
	    (long long)time(NULL), conf_mail.myhostname);
	if (*m->queue == '\0' ||
	    queue_file_open(&r->file, m->queue, m->id, false) != QUEUE_FILE_OK)
		return;
	envelope_init(&r->e);
	if (!queue_file_read_envelope(&r->file, &r->e) ||
	    !queue_file_read_header(&r->file, &r->header)) {
		log_warn("%s: can't read the queue file: %s", m->id,
		    strerror(errno));
		envelope_done(&r->e);
		queue_file_close(&r->file);
		return;
	}
	r->has_file = true;
	r->arrival_us = r->e.arrival_us;
	find_message_id(r);
}

void
report_message_done(struct report_message *r)
{
	if (r->has_file) {
		envelope_done(&r->e);
		queue_file_close(&r->file);
	}
	buf_done(&r->header);
	mem_free(r->message_id);
	mem_free(r->boundary);
}

/* --- small parts */

void
report_fold(struct buf *out, const char *text)
{
	while (*text == ' ')
		text++;
	text_wrap(out, text, LINE_WIDTH, INDENT);
}

static bool
is_utf8(const struct report *r)
{
	return (r->about->m->env_flags &
	    (ENV_SMTPUTF8 | ENV_SMTPUTF8_NEEDED)) != 0;
}

static bool
wants(const struct report *r, const struct bounce_record *b)
{
	return r->notify == 0 || b->notify == 0 ||
	    (b->notify & r->notify) != 0;
}

size_t
report_count(const struct report *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->count; i++)
		if (wants(r, &r->records[i]))
			n++;
	return n;
}

const char *
report_encoding(const struct report *r)
{
	const char *encoding = r->about->m->encoding;

	return conf_mail.smtputf8_enable ||
	    (encoding != NULL && strcmp(encoding, "8bit") == 0) ?
	    "8bit" : "7bit";
}

static bool
is_8bit(const struct report *r)
{
	return strcmp(report_encoding(r), "8bit") == 0;
}

/* 7bit goes without saying. */
static void
add_encoding(struct buf *out, const struct report *r)
{
	if (is_8bit(r))
		buf_adds(out, "Content-Transfer-Encoding: 8bit\r\n");
}

static void
add_address(struct buf *out, const char *address)
{
	buf_addc(out, '<');
	address_quote(out, address);
	buf_addc(out, '>');
}

/* Addresses from headers of other systems may hold what would end a line. */
static void
add_printable(struct buf *out, const char *text)
{
	text_printable(out, text, strlen(text), true);
}

/* Without SMTPUTF8 nobody has said that he can read other than ASCII. */
static void
mask_8bit(struct buf *out, size_t from)
{
	if (conf_mail.smtputf8_enable)
		return;
	for (size_t i = from; i < out->len; i++)
		if ((unsigned char)out->data[i] >= 0x80)
			out->data[i] = '?';
}

/* An address of ours that lacks its domain gets $myorigin, as cleanup would
 * do it. */
static void
add_local_address(struct buf *out, const char *address)
{
	address_quote(out, address);
	if (strchr(address, '@') == NULL)
		buf_addf(out, "@%s", conf_mail.myorigin);
}

/* "X-Postfix", of any mail_name a word that a field's name may have. */
static const char *
own_field(void)
{
	static char *name;

	if (name != NULL)
		return name;
	name = mem_printf("X-%s", conf_mail.mail_name);
	for (char *p = name; *p != '\0'; p++)
		if (strchr("()<>@,;:\\\".[] \t\r\n", *p) != NULL)
			*p = '-';
	return name;
}

/* --- header */

static void
add_from(struct buf *out, const struct report *r)
{
	static const char name[] = "Mail Delivery System";

	if (r->t->from != NULL)
		buf_addf(out, "From: %s\r\n", r->t->from);
	else if (strcmp(conf_mail.header_from_format, "obsolete") == 0)
		buf_addf(out, "From: MAILER-DAEMON@%s (%s)\r\n",
		    conf_mail.myorigin, name);
	else
		buf_addf(out, "From: %s <MAILER-DAEMON@%s>\r\n", name,
		    conf_mail.myorigin);
}

void
report_header(struct buf *out, const struct report *r)
{
	const char *subject = r->t->subject, *id = r->about->message_id;

	if (r->to_postmaster && r->t->postmaster_subject != NULL)
		subject = r->t->postmaster_subject;
	add_from(out, r);
	buf_addf(out, "Subject: %s\r\nTo: ", subject);
	add_local_address(out, r->recipient);
	buf_adds(out, "\r\n");
	if (conf_mail.enable_threaded_bounces && id != NULL)
		buf_addf(out, "References: %s\r\nIn-Reply-To: %s\r\n", id, id);
	buf_addf(out, "Auto-Submitted: auto-%s\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: multipart/report; report-type=delivery-status;\r\n"
	    "\tboundary=\"%s\"\r\n",
	    r->to_postmaster ? "generated" : "replied", r->about->boundary);
	/* what was said of the message holds for news of it */
	if (conf_mail.tls_required_enable && (r->about->m->env_flags &
	    (ENV_TLS_OPTIONAL | ENV_REQUIRETLS)) == ENV_TLS_OPTIONAL)
		buf_adds(out, "TLS-Required: no\r\n");
	add_encoding(out, r);
	buf_adds(out, "\r\nThis is a MIME-encapsulated message.\r\n");
}

/* --- the part for people */

static const char *
get_parameter(const char *name)
{
	return conf_text(name);
}

static void
warn(const char *text)
{
	log_warn("%s", text);
}

static void
add_template_text(struct buf *out, const struct report *r)
{
	const struct bounce_template_values v = {
		.value = get_parameter,
		.delay_warning_seconds = conf_mail.delay_warning_time,
		.queue_lifetime_seconds = conf_mail.maximal_queue_lifetime,
		.utf8 = conf_mail.smtputf8_enable, .warn = warn,
	};
	struct buf  text = BUF_INIT;
	const char *why, *p, *nl;

	if (!bounce_template_expand(&text, r->t, &v, &why)) {
		log_warn("%s: %s template: %s", r->t->origin, r->t->name, why);
		buf_set(&text, r->t->text);
	}
	for (p = text.data; *p != '\0'; p = nl + (*nl == '\n')) {
		nl = p + strcspn(p, "\n");
		buf_add(out, p, (size_t)(nl - p));
		buf_adds(out, "\r\n");
	}
	buf_done(&text);
}

void
report_text(struct buf *out, const struct report *r)
{
	const char *charset = r->t->charset;
	struct buf  line = BUF_INIT;

	if (is_8bit(r) && text_eq_nocase(charset, "us-ascii"))
		charset = "utf-8";
	buf_addf(out, "\r\n--%s\r\n"
	    "Content-Description: Notification\r\n"
	    "Content-Type: text/plain; charset=%s\r\n",
	    r->about->boundary, charset);
	add_encoding(out, r);
	buf_adds(out, "\r\n");
	if (!r->to_postmaster)
		add_template_text(out, r);
	for (size_t i = 0; i < r->count; i++) {
		const struct bounce_record *b = &r->records[i];

		if (!wants(r, b))
			continue;
		buf_clear(&line);
		add_address(&line, b->recipient);
		if (*b->original != '\0' &&
		    !text_eq_nocase(b->original, b->recipient)) {
			buf_adds(&line, " (expanded from ");
			add_address(&line, b->original);
			buf_addc(&line, ')');
		}
		buf_addf(&line, ": %s", b->reason);
		mask_8bit(&line, 0);
		buf_adds(out, "\r\n");
		report_fold(out, line.data);
	}
	buf_done(&line);
}

/* --- the part for programs */

static void
add_date(struct buf *out, const char *name, int64_t us)
{
	buf_addf(out, "%s: ", name);
	clock_rfc_date(out, (time_t)(us / 1000000));
	buf_adds(out, "\r\n");
}

static const char *
address_type(const struct report *r, const char *address)
{
	return is_utf8(r) && !text_is_ascii(address, strlen(address)) ?
	    "utf-8" : "rfc822";
}

/* Who is told may be another, the owner of a list. */
static const char *
original_sender(const struct report *r)
{
	return r->about->has_file ? r->about->e.sender : r->about->m->sender;
}

static void
add_message_fields(struct buf *out, const struct report *r)
{
	const struct bounce_message *m = r->about->m;
	const char *sender = original_sender(r);

	buf_addf(out, "Reporting-MTA: dns; %s\r\n", conf_mail.myhostname);
	if (m->envid != NULL && *m->envid != '\0') {
		buf_adds(out, "Original-Envelope-Id: ");
		add_printable(out, m->envid);
		buf_adds(out, "\r\n");
	}
	buf_addf(out, "%s-Queue-ID: %s\r\n", own_field(), m->id);
	buf_addf(out, "%s-Sender: %s; ", own_field(),
	    address_type(r, sender));
	if (*sender != '\0')
		address_quote(out, sender);
	else
		buf_addf(out, "MAILER-DAEMON@%s", conf_mail.myhostname);
	buf_adds(out, "\r\n");
	add_date(out, "Arrival-Date", r->about->arrival_us);
}

static void
add_record_fields(struct buf *out, const struct report *r,
    const struct bounce_record *b)
{
	struct buf line = BUF_INIT;

	buf_addf(out, "\r\nFinal-Recipient: %s; ",
	    address_type(r, b->recipient));
	address_quote(out, b->recipient);
	buf_adds(out, "\r\n");
	if (*b->orcpt != '\0') {
		buf_adds(out, "Original-Recipient: ");
		add_printable(out, b->orcpt);
		buf_adds(out, "\r\n");
	} else if (*b->original != '\0') {
		buf_addf(out, "Original-Recipient: %s; ",
		    address_type(r, b->original));
		address_quote(out, b->original);
		buf_adds(out, "\r\n");
	}
	buf_addf(out, "Action: %s\r\nStatus: %s\r\n",
	    r->delayed ? "delayed" : *b->action != '\0' ? b->action :
	    "failed", b->dsn);
	if (*b->mta_type != '\0' && *b->mta_name != '\0')
		buf_addf(out, "Remote-MTA: %s; %s\r\n", b->mta_type,
		    b->mta_name);
	if (*b->diag_type != '\0' && *b->diag_text != '\0')
		buf_addf(&line, "Diagnostic-Code: %s; %s", b->diag_type,
		    b->diag_text);
	else
		buf_addf(&line, "Diagnostic-Code: %s; %s", own_field(),
		    b->reason);
	report_fold(out, line.data);
	if (r->delayed)
		add_date(out, "Will-Retry-Until", r->about->arrival_us +
		    conf_mail.maximal_queue_lifetime * INT64_C(1000000));
	buf_done(&line);
}

void
report_status(struct buf *out, const struct report *r)
{
	size_t start = out->len;

	buf_addf(out, "\r\n--%s\r\nContent-Description: Delivery report\r\n",
	    r->about->boundary);
	if (is_utf8(r)) {
		buf_adds(out, "Content-Type: message/global-delivery-status"
		    "\r\n");
		add_encoding(out, r);
		buf_adds(out, "\r\n");
	} else {
		buf_adds(out, "Content-Type: message/delivery-status"
		    "\r\n\r\n");
	}
	add_message_fields(out, r);
	for (size_t i = 0; i < r->count; i++)
		if (wants(r, &r->records[i]))
			add_record_fields(out, r, &r->records[i]);
	mask_8bit(out, start);
}

/* --- the original */

static bool
headers_only(const struct report *r)
{
	/* RFC 8689 5: its content must not leave by an open line. */
	if (conf_mail.requiretls_redact_dsn &&
	    (r->about->m->env_flags & ENV_REQUIRETLS) != 0)
		return true;
	return r->success || r->ret == RET_HDRS ||
	    r->about->file.t.size > (uint64_t)conf_mail.bounce_size_limit;
}

bool
report_original(const struct report *r, queue_put_fn *put, void *arg)
{
	struct buf b = BUF_INIT;
	bool	   only = headers_only(r), ok = true;
	const struct queue_file *f = &r->about->file;
	const char *type = only ?
	    is_utf8(r) ? "message/global-headers" : "text/rfc822-headers" :
	    is_utf8(r) ? "message/global" : "message/rfc822";

	if (r->about->has_file) {
		const char *sender = original_sender(r);

		buf_addf(&b, "\r\n--%s\r\nContent-Description: %s%s\r\n"
		    "Content-Type: %s\r\n", r->about->boundary,
		    r->success ? "Message" : "Undelivered Message",
		    only ? " Headers" : "", type);
		add_encoding(&b, r);
		buf_adds(&b, "\r\nReturn-Path: <");
		if (*sender != '\0')
			address_quote(&b, sender);
		else
			buf_addf(&b, "MAILER-DAEMON@%s", conf_mail.myhostname);
		buf_adds(&b, ">\r\n");
		put(arg, b.data, b.len);
		put(arg, r->about->header.data, r->about->header.len);
		if (!only)
			ok = queue_file_copy(f, queue_file_body_at(f),
			    f->t.body_len, put, arg);
	}
	buf_clear(&b);
	buf_addf(&b, "\r\n--%s--\r\n", r->about->boundary);
	put(arg, b.data, b.len);
	buf_done(&b);
	return ok;
}
