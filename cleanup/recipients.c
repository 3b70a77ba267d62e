#include <string.h>

#include "mail/maps.h"
#include "cleanup/message.h"
#include "cleanup/milter.h"
#include "conf/param.h"
#include "mail/address.h"
#include "util/log.h"
#include "util/text.h"

/*
 * From the recipients that were given to those in the queue file: standard
 * form, canonical maps, masquerading, virtual aliases, duplicates.
 */

enum { COMPARE_MAX = 8 };	/* recipients that are compared one by one */

static bool
same(const struct recipient *a, const struct recipient *b)
{
	return text_eq_nocase(a->address, b->address) &&
	    a->notify == b->notify && text_eq_nocase(a->orcpt, b->orcpt) &&
	    (!conf_mail.enable_original_recipient ||
	    text_eq_nocase(a->original, b->original));
}

static void
make_key(struct buf *key, const struct recipient *r)
{
	buf_addf(key, "%d\n%s\n%s\n", r->notify, r->orcpt,
	    conf_mail.enable_original_recipient ? r->original : "");
	buf_adds(key, r->address);
	text_lower(key->data);
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
 * Is it there already?  Most mail has a few recipients: those are compared;
 * then a map takes over, up to duplicate_filter_limit.
 */
static bool
is_known(struct message *m, const struct recipient *r)
{
	uint32_t   count = m->env.rcpt_count;
	uint32_t   limit = (uint32_t)conf_mail.duplicate_filter_limit;
	struct buf key = BUF_INIT;
	bool	   known;

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

/*
 * A list of addresses; each is replaced by what it stands for, again and
 * again, until it stands for nothing else.  An address that was expanded
 * before stands for itself, so that user -> user, archive ends.
 */
struct expansion {
	struct pool	 pool;
	const char	**address;
	size_t		 count, size;
	struct map	*done;		/* expanded already, lower case */
};

static void
replace(struct expansion *x, size_t at, const char **with, size_t n)
{
	if (x->count + n > x->size) {
		x->size = 2 * (x->count + n);
		x->address = mem_realloc(x->address,
		    x->size * sizeof *x->address);
	}
	memmove(x->address + at + n, x->address + at + 1,
	    (x->count - at - 1) * sizeof *x->address);
	memcpy(x->address + at, with, n * sizeof *with);
	x->count += n - 1;
}

static bool
was_expanded(struct expansion *x, const char *address)
{
	char		 *key = text_lower(pool_strdup(&x->pool, address));
	struct map_entry *e;

	if (x->done == NULL)
		x->done = map_new();
	e = map_slot(x->done, key, strlen(key));
	if (e->value != NULL)
		return true;
	e->value = x;
	return false;
}

static void
refuse(struct message *m, const char *what, const char *address)
{
	log_warn("%s: unreasonable virtual_alias_maps %s for %s -- message "
	    "not accepted, try again later", m->file.id, what, address);
	message_fail(m, CLEANUP_REJECTED, "451 4.6.0 Alias expansion error");
}

/* The limits of one expansion step. */
static bool
is_reasonable(struct message *m, struct expansion *x, const char *given,
    const char **found, size_t count)
{
	if (x->count - 1 + count >
	    (size_t)conf_mail.virtual_alias_expansion_limit) {
		refuse(m, "map expansion size", given);
		return false;
	}
	for (size_t i = 0; i < count; i++)
		if (strlen(found[i]) >
		    (size_t)conf_mail.virtual_alias_address_length_limit) {
			refuse(m, "result", found[i]);
			return false;
		}
	return true;
}

/* Expands the address at `at` until its first result is final. */
static void
expand_one(struct message *m, struct expansion *x, size_t at,
    const char *given)
{
	const char **found;
	size_t	     count;

	for (int depth = 0;; depth++) {
		switch (maps_virtual(&x->pool, x->address[at], &found,
		    &count)) {
		case MAPS_CHANGED:
			break;
		case MAPS_SAME:
			return;
		default:
			message_fail(m, CLEANUP_TABLE_ERROR, NULL);
			return;
		}
		if (was_expanded(x, x->address[at]))
			return;
		if (depth >= conf_mail.virtual_alias_recursion_limit) {
			refuse(m, "map nesting", given);
			return;
		}
		if (!is_reasonable(m, x, given, found, count))
			return;
		replace(x, at, found, count);
	}
}

static void
add_expanded(struct message *m, const struct recipient *r,
    const char *address)
{
	struct expansion x = { .pool = POOL_INIT };

	if ((m->flags & CLEANUP_MAP) == 0) {
		add(m, r, address);
		return;
	}
	x.size = 4;
	x.address = mem_alloc(x.size * sizeof *x.address);
	x.address[x.count++] = address;
	for (size_t i = 0; i < x.count && message_goes_on(m); i++)
		expand_one(m, &x, i, address);
	for (size_t i = 0; i < x.count && message_goes_on(m); i++)
		add(m, r, x.address[i]);
	map_free(x.done, NULL);
	mem_free(x.address);
	pool_done(&x.pool);
}

/* --- one recipient */

/* Standard form and the maps that are one to one. */
static void
map_rcpt(struct message *m, struct buf *address)
{
	const char	*where = "";
	enum maps_result r = MAPS_SAME;

	maps_standard(address, true);
	if ((m->flags & CLEANUP_MAP) == 0)
		return;
	r = maps_canonical(address, CLASS_ENVELOPE_RECIPIENT, &where);
	if (r == MAPS_SAME || r == MAPS_CHANGED)
		r = maps_masquerade(address, CLASS_ENVELOPE_RECIPIENT);
	if (r == MAPS_TOO_DEEP)
		log_warn("%s: unreasonable %s map nesting for %s -- message "
		    "not accepted, try again later", m->file.id, where,
		    address->data);
	if (r == MAPS_TOO_DEEP || r == MAPS_ERROR)
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
	r.original = pool_strdup(&m->pool, address.data);
	maps_standard(&address, true);
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

	if (!message_goes_on(m))
		return;
	if (*r.original == '\0')
		r.original = r.address;
	milter_note_rcpt(m, &r);
	buf_adds(&address, *r.address == '\0' ?
	    conf_mail.empty_address_recipient : r.address);
	map_rcpt(m, &address);
	if (*r.orcpt == '\0') {
		/* RFC 3461 5.2.1: whom the sender meant, for its reports */
		buf_adds(&orcpt, "rfc822;");
		address_quote(&orcpt, address.data);
		r.orcpt = orcpt.data;
	}
	if (message_goes_on(m))
		add_expanded(m, &r, address.data);
	if (m->status == CLEANUP_OK && (m->flags & CLEANUP_BCC) != 0)
		add_mapped_copy(m, address.data, CLASS_ENVELOPE_RECIPIENT);
	buf_done(&address);
	buf_done(&orcpt);
}
