#include <string.h>

#include "mail/maps.h"
#include "cleanup/message.h"
#include "cleanup/milter.h"
#include "conf/param.h"
#include "mail/address.h"
#include "mail/bounce_client.h"
#include "mail/deliver.h"
#include "mail/deliver_proto.h"
#include "mail/expand.h"
#include "mail/srs.h"
#include "util/log.h"
#include "util/text.h"

/*
 * From the recipients that were given to those in the queue file: standard
 * form, canonical maps, masquerading, virtual aliases, duplicates.
 */

enum { COMPARE_MAX = 8 };	/* recipients that are compared one by one */

/* Case does not count, nor does that of letters in UTF-8. */
static bool
same_text(const char *a, const char *b)
{
	struct buf fa = BUF_INIT, fb = BUF_INIT;
	bool	   is_same = text_eq_nocase(a, b);

	if (is_same || text_is_ascii(a, strlen(a)))
		return is_same;
	text_fold(&fa, a, true);
	text_fold(&fb, b, true);
	is_same = text_eq(fa.data, fb.data);
	buf_done(&fa);
	buf_done(&fb);
	return is_same;
}

/* Without enable_original_recipient nothing but the address counts. */
static bool
same(const struct recipient *a, const struct recipient *b)
{
	return same_text(a->address, b->address) &&
	    (!conf_mail.enable_original_recipient ||
	    (a->notify == b->notify && same_text(a->orcpt, b->orcpt) &&
	    same_text(a->original, b->original)));
}

static void
make_key(struct buf *key, const struct recipient *r)
{
	struct buf whole = BUF_INIT;

	if (conf_mail.enable_original_recipient)
		buf_addf(&whole, "%d\n%s\n%s\n", r->notify, r->orcpt,
		    r->original);
	buf_adds(&whole, r->address);
	text_fold(key, whole.data, true);
	buf_done(&whole);
}

static void
remember(struct message *m, const struct recipient *r)
{
	struct buf key = BUF_INIT;

	make_key(&key, r);
	map_slot(m->known, key.data, key.len)->value = m;
	buf_done(&key);
}

/*
 * Is it there already, among the first duplicate_filter_limit of them?  Most
 * mail has a few recipients: those are compared; then a map takes over.
 */
static bool
is_known(struct message *m, const struct recipient *r)
{
	uint32_t   count = m->env.rcpt_count;
	uint32_t   limit = (uint32_t)conf_mail.duplicate_filter_limit;
	struct buf key = BUF_INIT;
	bool	   known;

	if (limit > 0 && count > limit && m->known == NULL)
		count = limit;
	if (count <= COMPARE_MAX) {
		for (uint32_t i = 0; i < count; i++)
			if (same(&m->env.rcpt[i], r))
				return true;
		return false;
	}
	if (m->known == NULL) {
		m->known = map_new();
		for (uint32_t i = 0; i < count; i++)
			remember(m, &m->env.rcpt[i]);
	}
	make_key(&key, r);
	known = map_find_n(m->known, key.data, key.len) != NULL;
	buf_done(&key);
	if (!known && (limit == 0 || map_count(m->known) < limit))
		remember(m, r);
	return known;
}

static void
add(struct message *m, const struct recipient *given, const char *address)
{
	struct recipient r = *given;

	r.address = address;
	if (m->dups_allowed || !is_known(m, &r))
		envelope_add_rcpt(&m->env, r.address, r.original, r.orcpt,
		    r.notify);
}

/* --- virtual aliases */

static void
refuse(struct message *m, const char *what, const char *address,
    const char *more)
{
	log_warn("%s: unreasonable virtual_alias_maps %s %.300s%s -- message "
	    "not accepted, try again later", m->file.id, what, address, more);
	message_fail(m, CLEANUP_REJECTED, "451 4.6.0 Alias expansion error");
}

/*
 * A probe of an address that stands for several others: that it exists will
 * do, since who asks has one address to refuse or take.
 */
static void
answer_probe(struct message *m, const struct recipient *given,
    const char *address)
{
	static const struct deliver_via none = { .relay = "none" };
	struct recipient r = *given;
	struct delivery	 d = {
		.id = m->file.id, .flags = DELIVER_VERIFY | DELIVER_PROBE,
		.arrival_us = m->env.arrival_us,
		.active_us = m->env.arrival_us,
		.handed_us = m->env.arrival_us,
	};
	struct why why = WHY_INIT;

	r.address = address;
	why_set(&why, "2.0.0", "aliased to multiple recipients");
	delivery_part(&d, &r, &none, &why);
	why_done(&why);
	m->probe_answered = true;
}

struct expanded {
	struct recipient	 rcpt;
	struct expanded		*next;
};

/*
 * The sender hears of the alias, and no more of what becomes of the mail from
 * there on, unless it fails.
 */
static void
note_expanded(struct message *m, struct recipient *r, const char *address)
{
	struct expanded *e = pool_alloc(&m->pool, sizeof *e);

	*e = (struct expanded){ .next = m->expanded, .rcpt = *r };
	e->rcpt.address = pool_strdup(&m->pool, address);
	e->rcpt.original = pool_strdup(&m->pool, r->original);
	e->rcpt.orcpt = pool_strdup(&m->pool, r->orcpt);
	m->expanded = e;
	r->notify &= (uint8_t)~NOTIFY_SUCCESS;
	if (r->notify == 0)
		r->notify = NOTIFY_NEVER;
}

void
recipients_tell_expanded(struct message *m)
{
	struct why why = WHY_INIT;

	why_set(&why, "2.0.0", "alias expanded");
	for (struct expanded *e = m->expanded; e != NULL; e = e->next) {
		struct bounce_rcpt b = {
			.rcpt = &e->rcpt, .relay = "none",
			.arrival_us = m->env.arrival_us, .why = &why,
			.action = "expanded",
		};

		if (bounce_append("trace", m->file.id, &b))
			m->env.flags |= ENV_TRACED;
		else
			log_warn("%s: trace service failure", m->file.id);
	}
	why_done(&why);
}

static bool
is_other(const char **list, size_t count, const char *address)
{
	return count != 1 || !text_eq_nocase(list[0], address);
}

static void
add_expanded(struct message *m, const struct recipient *given,
    const char *address)
{
	struct recipient copy = *given, *r = &copy;
	struct pool  pool = POOL_INIT;
	const char **list, *bad;
	size_t	     count = 0;

	if ((m->flags & CLEANUP_MAP) == 0) {
		add(m, r, address);
		return;
	}
	switch (expand_aliases(&pool, address, &list, &count, &bad)) {
	case EXPAND_OK:
		if (count > 1 && (m->env.flags & ENV_PROBE))
			answer_probe(m, r, address);
		if ((r->notify & NOTIFY_SUCCESS) != 0 &&
		    is_other(list, count, address))
			note_expanded(m, r, address);
		for (size_t i = 0; i < count && message_goes_on(m) &&
		    !m->probe_answered; i++)
			add(m, r, list[i]);
		break;
	case EXPAND_TABLE_ERROR:
		log_warn("%s: virtual_alias_maps map lookup problem for %s -- "
		    "message not accepted, try again later", m->file.id,
		    address);
		message_fail(m, CLEANUP_TABLE_ERROR, NULL);
		break;
	case EXPAND_TOO_DEEP:
		refuse(m, "map nesting for", bad, "");
		break;
	case EXPAND_TOO_MANY:
		refuse(m, "map expansion size for", bad, "");
		break;
	case EXPAND_TOO_LONG:
		refuse(m, "result", bad, "...");
		break;
	}
	pool_done(&pool);
}

/* --- one recipient */

/* A bounce of forwarded mail goes on to its sender. */
static void
reverse_srs(struct buf *address)
{
	struct buf sender = BUF_INIT;

	if (srs_recipient(&sender, address->data) == SRS_GOOD)
		buf_set(address, sender.data);
	buf_done(&sender);
}

/* The maps that are one to one. */
static void
map_rcpt(struct message *m, struct buf *address)
{
	enum maps_result r;

	if ((m->flags & CLEANUP_MAP) == 0)
		return;
	reverse_srs(address);
	r = maps_canonical(address, CLASS_ENVELOPE_RECIPIENT, m->file.id);
	if (r != MAPS_ERROR)
		r = maps_masquerade(address, CLASS_ENVELOPE_RECIPIENT);
	if (r == MAPS_ERROR)
		message_fail(m, CLEANUP_TABLE_ERROR, NULL);
}

/*
 * A copy for somebody whom the sender knows nothing of: no report tells of it
 * (RFC 3461 4.1).
 */
void
message_copy(struct message *m, const char *text)
{
	struct recipient r = { .orcpt = "", .notify = NOTIFY_NEVER };
	struct buf	 address = BUF_INIT;

	if (!address_unquote(&address, text) || address.len == 0) {
		buf_done(&address);
		return;
	}
	maps_standard(&address, true);
	map_rcpt(m, &address);
	r.original = pool_strdup(&m->pool, address.data);
	add_expanded(m, &r, address.data);
	buf_done(&address);
}

void
message_add_rcpt(struct message *m, const struct recipient *given)
{
	struct recipient r = *given;
	struct buf	 address = BUF_INIT, orcpt = BUF_INIT;

	buf_adds(&address, r.address);
	maps_standard(&address, true);
	r.original = pool_strdup(&m->pool, address.data);
	if (*r.orcpt == '\0') {
		buf_adds(&orcpt, "rfc822;");
		address_quote(&orcpt, address.data);
		r.orcpt = orcpt.data;
	}
	m->dups_allowed = true;
	add_expanded(m, &r, address.data);
	m->dups_allowed = false;
	buf_done(&address);
	buf_done(&orcpt);
}

static void
add_mapped_copy(struct message *m, const char *address,
    enum address_class class)
{
	struct buf copy = BUF_INIT;

	switch (maps_bcc(address, class, &copy)) {
	case MAPS_CHANGED:
		message_copy(m, copy.data);
		break;
	case MAPS_SAME:
		break;
	default:
		log_warn("%s: %s map lookup problem -- message not accepted, "
		    "try again later", m->file.id,
		    class == CLASS_ENVELOPE_SENDER ? "sender_bcc_maps" :
		    "recipient_bcc_maps");
		message_fail(m, CLEANUP_TABLE_ERROR, NULL);
	}
	buf_done(&copy);
}

void
recipients_end(struct message *m)
{
	if ((m->flags & CLEANUP_BCC) == 0 || m->env.rcpt_count == 0)
		return;
	if (*m->env.sender != '\0')
		add_mapped_copy(m, m->env.sender, CLASS_ENVELOPE_SENDER);
	if (*conf_mail.always_bcc != '\0')
		message_copy(m, conf_mail.always_bcc);
}

void
message_rcpt(struct message *m, const struct recipient *given)
{
	struct recipient r = *given;
	struct buf	 address = BUF_INIT, orcpt = BUF_INIT;
	bool		 is_copy;	/* BCC of an access table */

	if (!message_goes_on(m))
		return;
	message_note_utf8(m, r.address, strlen(r.address));
	is_copy = *r.original == '\0' && r.notify == NOTIFY_NEVER;
	if (*r.original == '\0')
		r.original = r.address;
	milter_rcpt(m, &r);
	buf_adds(&address, *r.address == '\0' ?
	    conf_mail.empty_address_recipient : r.address);
	maps_standard(&address, true);
	map_rcpt(m, &address);
	if (*r.orcpt == '\0') {
		/* smtpd knows what its client wrote; this is for others. */
		buf_addf(&orcpt, "%s;%s", !conf_mail.smtputf8_enable ||
		    text_is_ascii(address.data, address.len) ? "rfc822" : "utf-8", address.data);
		r.orcpt = orcpt.data;
	}
	if (m->mime == NULL && !is_copy) {	/* not from the header */
		buf_set(&m->last_rcpt, address.data);
		m->log_rcpt = m->last_rcpt.data;
	}
	if (message_goes_on(m))
		add_expanded(m, &r, address.data);
	if (m->status == CLEANUP_OK && (m->flags & CLEANUP_BCC) != 0)
		add_mapped_copy(m, address.data, CLASS_ENVELOPE_RECIPIENT);
	buf_done(&address);
	buf_done(&orcpt);
}
