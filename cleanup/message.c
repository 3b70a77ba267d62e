#include <errno.h>
#include <string.h>

#include "cleanup/characters.h"
#include "cleanup/inspect.h"
#include "cleanup/message.h"
#include "cleanup/milter.h"
#include "conf/param.h"
#include "mail/address.h"
#include "mail/maps.h"
#include "mail/qmgr_client.h"
#include "mail/queue_dir.h"
#include "util/log.h"
#include "util/text.h"

static enum cleanup_status
status_of_errno(int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
		return CLEANUP_NO_SPACE;
	case EFBIG:
		return CLEANUP_TOO_BIG;
	default:
		return CLEANUP_WRITE_ERROR;
	}
}

void
message_fail(struct message *m, enum cleanup_status status, const char *why)
{
	if (m->status != CLEANUP_OK)
		return;
	m->status = status;
	if (why != NULL)
		buf_set(&m->why, why);
}

void
message_begin(struct message *m, unsigned flags)
{
	*m = (struct message){ .flags = flags, .pool = POOL_INIT,
	    .why = BUF_INIT, .line = BUF_INIT, .header = BUF_INIT,
	    .last_rcpt = BUF_INIT,
	    .given_sender = "" };
	envelope_init(&m->env);
	m->has_file = queue_writer_open(&m->file, QUEUE_INCOMING,
	    conf_mail.enable_long_queue_ids);
	if (!m->has_file) {
		log_warn("%s: create queue file: %s", QUEUE_INCOMING,
		    strerror(errno));
		message_fail(m, status_of_errno(errno), NULL);
		return;
	}
	m->env.created_us = m->file.created_us;
	m->env.arrival_us = m->file.created_us;
}

/* These are the sender's to know, and the client does not want to; what may
 * go away by itself is tried again. */
static bool
wants_bounce(const struct message *m)
{
	return (m->flags & CLEANUP_BOUNCE) != 0 &&
	    (m->status == CLEANUP_TOO_BIG || m->status == CLEANUP_HOPS ||
	    (m->status == CLEANUP_REJECTED && m->why.data[0] != '4'));
}

bool
message_goes_on(const struct message *m)
{
	return (m->flags & CLEANUP_DISCARD) == 0 && !m->full &&
	    (m->status == CLEANUP_OK || wants_bounce(m));
}

/* Who claims to be the mail system gets no more answers than it does. */
static bool
is_mail_system(const char *sender)
{
	struct buf standard = BUF_INIT;
	bool	   is;

	if (!text_starts_nocase(sender, "MAILER-DAEMON"))
		return false;
	buf_adds(&standard, "MAILER-DAEMON");
	maps_standard(&standard, true);
	is = text_eq_nocase(sender, standard.data);
	buf_done(&standard);
	return is;
}

/* The sender is an address of the envelope like any other. */
static void
map_sender(struct message *m)
{
	struct buf	 b = BUF_INIT;
	enum maps_result r = MAPS_SAME;

	buf_adds(&b, m->given_sender);
	maps_standard(&b, true);
	if ((m->flags & CLEANUP_MAP) != 0) {
		r = maps_canonical(&b, CLASS_ENVELOPE_SENDER, m->file.id);
		if (r != MAPS_ERROR)
			r = maps_masquerade(&b, CLASS_ENVELOPE_SENDER);
	}
	if (r == MAPS_ERROR)
		message_fail(m, CLEANUP_TABLE_ERROR, NULL);
	m->env.sender = is_mail_system(b.data) ? "" :
	    pool_strdup(&m->env.pool, b.data);
	buf_done(&b);
}

void
message_note_utf8(struct message *m, const char *text, size_t len)
{
	m->has_utf8 = m->has_utf8 || !text_is_ascii(text, len);
}

void
message_envelope(struct message *m)
{
	struct envelope *e = &m->env;

	m->given_sender = e->sender;
	e->queue_id = m->file.id;
	e->created_us = m->file.created_us;
	if (e->arrival_us <= 0)
		e->arrival_us = e->created_us;
	if (e->attr[ATTR_REWRITE_CONTEXT] == NULL)
		envelope_set(e, ATTR_REWRITE_CONTEXT,
		    (m->flags & CLEANUP_REWRITE_LOCAL) != 0 ? "local" :
		    "remote");
	if ((e->flags & ENV_QUARANTINE) != 0)
		m->flags |= CLEANUP_HOLD;
	if ((e->flags & ENV_DISCARD) != 0)
		m->flags |= CLEANUP_DISCARD;
	message_note_utf8(m, m->given_sender, strlen(m->given_sender));
	if (*m->given_sender != '\0')
		map_sender(m);
}

/* What Postfix's records of it would take: administrators set limits by it. */
static uint64_t
envelope_size(const struct envelope *e)
{
	enum { RECORD = 2, SIZES_AND_TIMES = 200 };	/* bytes */
	uint64_t size = SIZES_AND_TIMES + RECORD + strlen(e->sender);

	for (int i = 0; i < ATTR_COUNT; i++)
		if (e->attr[i] != NULL)
			size += RECORD + strlen(envelope_attr_names[i]) + 1 +
			    strlen(e->attr[i]);
	for (uint32_t i = 0; i < e->rcpt_count; i++)
		size += 3 * RECORD + strlen(e->rcpt[i].address) +
		    strlen(e->rcpt[i].original) +
		    strlen("dsn_orig_rcpt=") + strlen(e->rcpt[i].orcpt);
	return size;
}

/* message_size_limit counts content as size= will show it, and envelope. */
static void
check_size(struct message *m)
{
	uint64_t size = m->facts.size + m->header.len +
	    mime_open_field(m->mime)->len + m->line.len;

	if (m->envelope_size == 0)
		m->envelope_size = envelope_size(&m->env);
	size += m->envelope_size;

	if (conf_mail.message_size_limit > 0 &&
	    size > (uint64_t)conf_mail.message_size_limit) {
		log_warn("%s: queue file size limit exceeded", m->file.id);
		message_fail(m, CLEANUP_TOO_BIG, "message file too big");
		m->full = true;
	} else if (m->file.error != 0) {
		message_fail(m, status_of_errno(m->file.error), NULL);
	}
}

static void
take_content(struct message *m, const char *p, size_t n)
{
	records_bytes(m, p, n);
	check_size(m);
}

/* `line`: what came of it before `rest`. */
static void
refuse_character(struct message *m, struct str line, struct str rest)
{
	struct buf  text = BUF_INIT;
	const char *lf = memchr(rest.p, '\n', rest.n);

	if (lf != NULL)
		rest.n = (size_t)(lf - rest.p);
	if (rest.n > 0 && rest.p[rest.n - 1] == '\r')
		rest.n--;
	buf_add(&text, m->line.data, m->line.len);
	buf_add(&text, line.p, line.n);
	buf_add(&text, rest.p, rest.n);
	inspect_refuse(m, "content", (struct str){ text.data, text.len },
	    "5.7.1 disallowed character");
	buf_done(&text);
}

/* message_strip_characters and message_reject_characters, which
 * receive_override_options = no_header_body_checks turns off. */
static void
filter_content(struct message *m, const char *p, size_t n)
{
	struct buf  b = BUF_INIT;
	const char *refused = characters_filter(&b, p, n), *lf;
	struct str  line = { b.data, b.len }, rest = { p + n, 0 };

	if (refused != NULL) {
		rest = (struct str){ refused, (size_t)(p + n - refused) };
		lf = memrchr(b.data, '\n', b.len);
		if (lf != NULL) {
			take_content(m, b.data, (size_t)(lf + 1 - b.data));
			line.p = lf + 1;
			line.n = (size_t)(b.data + b.len - line.p);
		}
		refuse_character(m, line, rest);
	}
	take_content(m, line.p, line.n);
	take_content(m, rest.p, rest.n);
	buf_done(&b);
}

/* The envelope is known: milters of mail without a session hear of it. */
static void
begin_content(struct message *m)
{
	header_begin(m);
	milter_begin(m);
}

void
message_content(struct message *m, const char *p, size_t n)
{
	if (!message_goes_on(m))
		return;
	if (m->mime == NULL)
		begin_content(m);
	if (characters_wanted() && (m->flags & CLEANUP_FILTER) != 0)
		filter_content(m, p, n);
	else
		take_content(m, p, n);
}

static void
commit(struct message *m)
{
	m->env.queue_id = m->file.id;
	if ((m->flags & CLEANUP_HOLD) != 0)
		m->file.queue = QUEUE_HOLD;
	m->has_file = false;
	recipients_tell_expanded(m);
	if (!queue_writer_commit(&m->file, &m->header, &m->env, &m->facts)) {
		log_warn("%s: write queue file: %s", m->file.id,
		    strerror(errno));
		message_fail(m, status_of_errno(errno), NULL);
	} else if ((m->flags & CLEANUP_HOLD) == 0) {
		qmgr_tell_new(m->file.id, &m->facts, &m->env);
	}
}

/* All content is there: what is missing is added, the verdict comes. */
static void
finish_content(struct message *m)
{
	if (m->mime == NULL)
		begin_content(m);
	records_end(m);
	inspect_end(m);
	if (m->has_utf8 && ((m->env.flags & ENV_SMTPUTF8) != 0 ||
	    (m->flags & CLEANUP_SMTPUTF8_AUTODETECT) != 0))
		m->env.flags |= ENV_SMTPUTF8_NEEDED;
	if (m->status == CLEANUP_OK || wants_bounce(m))
		recipients_end(m);
	check_size(m);
	if (m->status == CLEANUP_OK && m->env.rcpt_count > 0)
		milter_show(m);
}

void
message_end(struct message *m)
{
	if (message_goes_on(m))
		finish_content(m);
	if (m->status == CLEANUP_OK && m->env.rcpt_count == 0 &&
	    (m->flags & CLEANUP_DISCARD) == 0 && !m->probe_answered)
		message_fail(m, CLEANUP_NO_RCPT, NULL);
	if (m->status == CLEANUP_OK && (m->flags & CLEANUP_DISCARD) != 0) {
		log_info("%s: removed (discarded)", m->file.id);
		return;
	}
	if (m->status == CLEANUP_OK || wants_bounce(m)) {
		milter_add_size(m);
		body_count_header(&m->header, &m->facts,
		    conf_mail.line_length_limit);
	}
	if (m->status == CLEANUP_OK) {
		commit(m);
	} else if (wants_bounce(m) && !conf_mail.soft_bounce) {
		m->status = reject_bounce(m) ? CLEANUP_OK :
		    CLEANUP_WRITE_ERROR;
		if (m->status == CLEANUP_OK)
			log_info("%s: removed (discarded)", m->file.id);
		buf_clear(&m->why);
	} else if (m->status == CLEANUP_TOO_BIG) {
		log_warn("mail_stream_cleanup: close error");
	}
}

void
message_done(struct message *m)
{
	if (m->has_file)
		queue_writer_abort(&m->file);
	m->has_file = false;
	milter_done(m);
	map_free(m->known, NULL);
	mime_free(m->mime);
	buf_done(&m->why);
	buf_done(&m->line);
	buf_done(&m->header);
	buf_done(&m->last_rcpt);
	mem_free(m->found.address);
	mem_free(m->found_resent.address);
	envelope_done(&m->env);
	pool_done(&m->pool);
}
