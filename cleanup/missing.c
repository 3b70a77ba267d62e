#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cleanup/message.h"
#include "conf/param.h"
#include "mail/address.h"
#include "mail/maps.h"
#include "mail/phrase.h"
#include "mail/queue_id.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/text.h"

/*
 * RFC 5322 3.6: Date and From must be there, Message-ID should.  They are
 * added to mail of our own clients only: elsewhere they would break
 * signatures that cover the absence of a field.
 */

static bool
has(const struct message *m, enum header_id id)
{
	return (m->seen & UINT64_C(1) << id) != 0;
}

static const char *
prefix(const struct message *m)
{
	return m->resent ? "Resent-" : "";
}

static void
add_message_id(struct message *m)
{
	time_t	    now = (time_t)(m->env.arrival_us / 1000000);
	struct tm   tm;
	char	    stamp[32];
	const char *id;

	/* A long queue id comes but once, a short one needs its time. */
	gmtime_r(&now, &tm);
	strftime(stamp, sizeof stamp, "%Y%m%d%H%M%S.", &tm);
	id = pool_printf(&m->pool, "<%s%s@%s>",
	    queue_id_time(m->file.id) >= 0 ? "" : stamp, m->file.id,
	    conf_mail.myhostname);
	buf_addf(&m->header, "%sMessage-Id: %s\r\n", prefix(m), id);
	log_info("%s: %smessage-id=%s", m->file.id,
	    m->resent ? "resent-" : "", id);
	if (!m->resent)
		envelope_set(&m->env, ATTR_MESSAGE_ID, id);
}

static void
add_date(struct message *m)
{
	buf_addf(&m->header, "%sDate: ", prefix(m));
	clock_rfc_date(&m->header, (time_t)(m->env.arrival_us / 1000000));
	buf_adds(&m->header, "\r\n");
}

/* The name was given by a user: no line breaks. */
static const char *
full_name(struct message *m)
{
	char *name = pool_strdup(&m->pool,
	    envelope_get(&m->env, ATTR_FULL_NAME));

	for (char *p = name; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 127)
			*p = ' ';
	return text_trim(name);
}

static void
add_from(struct message *m)
{
	struct buf  address = BUF_INIT;
	const char *name = full_name(m);

	address_quote(&address, m->env.sender);
	buf_addf(&m->header, "%sFrom: ", prefix(m));
	if (*m->env.sender == '\0')
		buf_adds(&m->header, "MAILER-DAEMON");
	else if (*name == '\0')
		buf_add(&m->header, address.data, address.len);
	else if (text_eq_nocase(conf_mail.header_from_format, "obsolete"))
		buf_addf(&m->header, "%s (%s)", address.data, name);
	else {
		phrase_add(&m->header, name,
		    conf_mail.full_name_encoding_charset);
		buf_addf(&m->header, " <%s>", address.data);
	}
	buf_adds(&m->header, "\r\n");
	buf_done(&address);
}

static bool
has_recipient_field(const struct message *m)
{
	return has(m, HEADER_TO) || has(m, HEADER_CC) ||
	    has(m, HEADER_RESENT_TO) || has(m, HEADER_RESENT_CC);
}

static void
add_fields(struct message *m)
{
	if (!has(m, m->resent ? HEADER_RESENT_MESSAGE_ID : HEADER_MESSAGE_ID))
		add_message_id(m);
	if (!has(m, m->resent ? HEADER_RESENT_DATE : HEADER_DATE))
		add_date(m);
	if (!has(m, m->resent ? HEADER_RESENT_FROM : HEADER_FROM))
		add_from(m);
	if ((m->env.flags & ENV_REQUIRETLS) != 0 &&
	    conf_mail.requiretls_enable && conf_mail.requiretls_esmtp_header &&
	    !has(m, HEADER_REQUIRE_TLS_ESMTP))
		buf_adds(&m->header, "Require-TLS-ESMTP: yes\r\n");
	if (*conf_mail.undisclosed_recipients_header != '\0' &&
	    !has_recipient_field(m))
		buf_addf(&m->header, "%s\r\n",
		    conf_mail.undisclosed_recipients_header);
}

/* A recipient of a Resent- field, even an empty one, makes the others count
 * for nothing (RFC 5322 3.6.6: they are of an earlier sending). */
static bool
is_sent_anew(const struct message *m)
{
	return has(m, HEADER_RESENT_TO) || has(m, HEADER_RESENT_CC) ||
	    has(m, HEADER_RESENT_BCC);
}

static void
add_found(struct message *m)
{
	const struct found *list = is_sent_anew(m) ? &m->found_resent :
	    &m->found;
	struct recipient    r = { .orcpt = "", .status = RCPT_TODO };

	if ((m->flags & CLEANUP_EXTRACT) == 0)
		return;
	r.notify = (uint8_t)atoi(envelope_get(&m->env, ATTR_EXTRACT_NOTIFY));
	for (size_t i = 0; i < list->count; i++) {
		r.address = r.original = list->address[i];
		message_rcpt(m, &r);
	}
	envelope_set(&m->env, ATTR_EXTRACT_NOTIFY, NULL);
}

void
missing_add(struct message *m)
{
	if ((m->flags & CLEANUP_REWRITE_LOCAL) != 0 ||
	    maps_has_remote_domain() || conf_mail.always_add_missing_headers)
		add_fields(m);
	if (m->env.attr[ATTR_MESSAGE_ID] == NULL)
		log_info("%s: message-id=<>", m->file.id);
	add_found(m);
}
