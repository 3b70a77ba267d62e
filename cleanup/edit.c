#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup/edit.h"
#include "cleanup/inspect.h"
#include "cleanup/message.h"
#include "conf/param.h"
#include "mail/address.h"
#include "mail/dsn_notify.h"
#include "mail/maps.h"
#include "mail/queue_dir.h"
#include "util/log.h"
#include "util/text.h"

/* --- collecting */

static void
add_body(struct edit *e, struct str bytes)
{
	if (!e->has_body) {
		e->has_body = true;
		if (!queue_writer_open(&e->body, QUEUE_INCOMING, false))
			e->error = errno;
	}
	if (e->error != 0)
		return;
	if (e->body_limit > 0 && e->body.body_len + bytes.n > e->body_limit)
		e->error = EFBIG;
	else
		queue_writer_body(&e->body, bytes.p, bytes.n);
}

enum { EDITS_MAX = 100000 };	/* more is no milter's honest wish */

void
edit_add(struct edit *e, const struct milter_answer *a)
{
	struct milter_answer *to;

	if (a->type == MILTER_REPLACE_BODY) {
		add_body(e, a->body);
		return;
	}
	if (e->count == EDITS_MAX) {
		e->error = E2BIG;
		return;
	}
	if (e->count == e->size) {
		e->size = e->size == 0 ? 8 : 2 * e->size;
		e->list = mem_realloc(e->list, e->size * sizeof *e->list);
	}
	to = &e->list[e->count++];
	*to = *a;
	to->name = pool_strdup(&e->pool, a->name);
	to->value = pool_strdup(&e->pool, a->value);
}

void
edit_drop(struct edit *e)
{
	if (e->has_body)
		queue_writer_abort(&e->body);
	mem_free(e->list);
	e->list = NULL;
	e->count = e->size = 0;
	e->has_body = false;
	e->error = 0;
	pool_clear(&e->pool);
}

/* --- header */

/* The end of the field that begins at `at`. */
static size_t
field_end(const struct buf *h, size_t at)
{
	const char *lf;

	do {
		lf = memchr(h->data + at, '\n', h->len - at);
		at = lf == NULL ? h->len : (size_t)(lf + 1 - h->data);
	} while (at < h->len && (h->data[at] == ' ' || h->data[at] == '\t'));
	return at;
}

static bool
is_named(const struct message *m, const struct edit_field *f,
    const char *name)
{
	return str_is_nocase((struct str){ m->header.data + f->begin,
	    f->name_len }, name);
}

/* The field at an offset. */
static void
field_at(const struct message *m, size_t at, struct edit_field *f)
{
	f->begin = at;
	f->end = field_end(&m->header, at);
	f->name_len = header_name_len(m->header.data + at, f->end - at);
	f->value = at + f->name_len;
	while (f->value < f->end && m->header.data[f->value] != ':')
		f->value++;
	if (f->value < f->end)
		f->value++;
}

void
edit_hide_received(struct message *m)
{
	struct edit_field f;

	m->own_received = SIZE_MAX;
	for (size_t at = 0; at < m->header.len; at = f.end) {
		field_at(m, at, &f);
		if (is_named(m, &f, "Received")) {
			m->own_received = at;
			return;
		}
	}
}

bool
edit_find_field(const struct message *m, size_t i, struct edit_field *f)
{
	for (size_t at = 0; at < m->header.len; at = f->end) {
		field_at(m, at, f);
		if (at != m->own_received && i-- == 0)
			return true;
	}
	return false;
}

/* The n-th (from 1) of that name. */
static bool
find_named(const struct message *m, const char *name, uint32_t n,
    struct edit_field *f)
{
	for (size_t i = 0; edit_find_field(m, i, f); i++)
		if (is_named(m, f, name) && --n == 0)
			return true;
	return false;
}

/* "Name: value"; lines separated by '\n', those after the first begin with
 * white space whatever the milter sent.  Empty lines would end the header. */
static void
make_field(struct buf *b, const struct milter_answer *a)
{
	const char *value = a->value;

	buf_addf(b, "%s:%s", a->name, a->leading_space ? "" : " ");
	for (; *value != '\0'; value++) {
		if (*value == '\r')
			continue;
		if (*value != '\n') {
			buf_addc(b, *value);
			continue;
		}
		while (value[1] == '\n' || value[1] == '\r')
			value++;
		if (value[1] == '\0')
			break;
		buf_addc(b, '\n');
		if (value[1] != ' ' && value[1] != '\t')
			buf_addc(b, '\t');
	}
}

enum { HEADER_MAX = 64 * 1024 * 1024 };	/* bytes, in memory */

static void
splice(struct message *m, size_t at, size_t old_len, const struct buf *text)
{
	buf_splice(&m->header, at, old_len, text->data, text->len);
	if (m->own_received != SIZE_MAX && at <= m->own_received)
		m->own_received += text->len - old_len;
}

/* In place of `old_len` bytes at `at`; milter_header_checks may object. */
static void
put_field(struct message *m, size_t at, size_t old_len,
    const struct milter_answer *a)
{
	struct buf text = BUF_INIT, lines = BUF_INIT;

	if (*a->name == '\0')
		return;
	make_field(&text, a);
	if (inspect_milter_field(m, &text))
		mime_add_lines(&lines, (struct str){ text.data, text.len });
	if (m->header.len + lines.len > HEADER_MAX)
		message_fail(m, CLEANUP_TOO_BIG, "message header too big");
	else
		splice(m, at, old_len, &lines);
	buf_done(&text);
	buf_done(&lines);
}

static void
add_header(struct message *m, const struct milter_answer *a)
{
	put_field(m, m->header.len, 0, a);
}

/* Below so many fields, of which our Received: is one. */
static void
insert_header(struct message *m, const struct milter_answer *a)
{
	size_t at = 0;

	for (uint32_t i = 0; i < a->index && at < m->header.len; i++)
		at = field_end(&m->header, at);
	put_field(m, at, 0, a);
}

/* An empty value deletes; a field that is not there is added. */
static void
change_header(struct message *m, const struct milter_answer *a)
{
	static const struct buf nothing = BUF_INIT;
	struct edit_field	f;
	bool found = find_named(m, a->name, a->index > 0 ? a->index : 1, &f);

	if (found && *a->value == '\0')
		splice(m, f.begin, f.end - f.begin, &nothing);
	else if (found)
		put_field(m, f.begin, f.end - f.begin, a);
	else if (*a->value != '\0')
		put_field(m, m->header.len, 0, a);
}

/* --- envelope */

/*
 * "<a@b>" or "a@b" as addresses stand in the envelope; of several the first
 * counts.  False: there is none.
 */
static bool
parse_address(struct message *m, const char *text, const char *what,
    struct buf *ret)
{
	struct str    s = str_of(text);
	struct token *list;
	int	      count = 0;

	list = address_parse_header(&m->pool, s,
	    (size_t)conf_mail.header_address_token_limit);
	for (struct token *t = list; t != NULL; t = t->next)
		if (t->type == TOKEN_ADDRESS && count++ == 0)
			address_token_get(ret, t);
	if (count > 1)
		log_warn("%s: %s: \"%.100s\"", m->file.id, what, text);
	return count > 0;
}

static uint8_t
parse_notify(const char *value)
{
	char   *copy = mem_strdup(value), *next = copy, *word;
	uint8_t bits = 0;

	while ((word = text_word(&next, ",", false)) != NULL)
		bits |= dsn_notify_bit(str_of(word));
	mem_free(copy);
	return bits;
}

static void
parse_rcpt_options(struct message *m, const char *text, struct recipient *r)
{
	char	  *next = pool_strdup(&m->pool, text), *word;
	struct buf orcpt = BUF_INIT;

	while ((word = text_word(&next, " \t", false)) != NULL) {
		buf_clear(&orcpt);
		if (text_starts_nocase(word, "NOTIFY=") &&
		    parse_notify(word + 7) != 0)
			r->notify = parse_notify(word + 7);
		else if (text_starts_nocase(word, "ORCPT=") &&
		    text_unxtext(&orcpt, word + 6, strlen(word + 6)))
			r->orcpt = pool_strdup(&m->pool, orcpt.data);
		else
			log_warn("%s: ignoring ESMTP argument from Milter or "
			    "header/body_checks: \"%.100s\"", m->file.id,
			    word);
	}
	buf_done(&orcpt);
}

static void
add_rcpt(struct message *m, const struct milter_answer *a)
{
	struct recipient r = { .orcpt = "", .original = "",
	    .status = RCPT_TODO };
	struct buf	 address = BUF_INIT;

	if (parse_address(m, a->name, "Milter or header/body_checks request "
	    "to add multi-recipient", &address) && address.len > 0) {
		if (a->type == MILTER_ADD_RCPT_PAR)
			parse_rcpt_options(m, a->value, &r);
		r.address = address.data;
		message_add_rcpt(m, &r);
	}
	buf_done(&address);
}

/*
 * All that the address as it was given has become.  They stay in the file,
 * done.
 */
static void
delete_rcpt(struct message *m, const struct milter_answer *a)
{
	struct buf address = BUF_INIT, given = BUF_INIT;

	if (parse_address(m, a->name, "Milter request to drop "
	    "multi-recipient", &address))
		maps_standard(&address, true);
	for (uint32_t i = 0; address.len > 0 && i < m->env.rcpt_count; i++) {
		buf_set(&given, m->env.rcpt[i].original);
		maps_standard(&given, true);
		if (text_eq(given.data, address.data))
			m->env.rcpt[i].status = RCPT_DONE;
	}
	buf_done(&address);
	buf_done(&given);
}

static void
change_from(struct message *m, const struct milter_answer *a)
{
	struct buf address = BUF_INIT, id = BUF_INIT;
	char	  *next = pool_strdup(&m->pool, a->value), *word;

	parse_address(m, a->name, "Milter request to add multi-sender",
	    &address);
	if (address.len > 0)
		maps_standard(&address, true);
	m->env.sender = pool_strdup(&m->env.pool, address.data);
	while ((word = text_word(&next, " \t", false)) != NULL) {
		buf_clear(&id);
		if (text_eq_nocase(word, "RET=FULL") ||
		    text_eq_nocase(word, "RET=HDRS"))
			envelope_set(&m->env, ATTR_DSN_RET,
			    text_eq_nocase(word, "RET=FULL") ? "1" : "2");
		else if (text_starts_nocase(word, "ENVID=") &&
		    text_unxtext(&id, word + 6, strlen(word + 6)))
			envelope_set(&m->env, ATTR_DSN_ENVELOPE_ID, id.data);
		else
			log_warn("Ignoring bad ESMTP parameter \"%.100s\" in "
			    "SMFI_CHGFROM request", word);
	}
	buf_done(&address);
	buf_done(&id);
}

/* --- body */

/*
 * The new body is written like one that comes from a client; what was noted
 * of the old one is forgotten, but for stray CR and LF, which may have been
 * in the header.
 */
static void
replace_body(struct edit *e, struct message *m)
{
	char	*piece = mem_alloc(MILTER_BODY_MAX);
	uint64_t at = 0;
	ssize_t	 n;

	queue_writer_restart(&m->file);
	m->facts = (struct queue_trailer){ .content_flags =
	    m->facts.content_flags & (CONTENT_BARE_CR | CONTENT_BARE_LF) };
	m->line_len = 0;
	m->pending_cr = false;
	body_bytes(m, "\r\n", 2);
	while ((n = queue_writer_read(&e->body, at, piece,
	    MILTER_BODY_MAX)) > 0) {
		body_bytes(m, piece, (size_t)n);
		at += (uint64_t)n;
	}
	if (n < 0)
		e->error = errno;
	if (m->line_len > 0 || m->pending_cr)
		body_bytes(m, &"\r\n"[m->pending_cr], 2 - m->pending_cr);
	mem_free(piece);
}

/* --- all of it */

static void
carry_out(struct message *m, const struct milter_answer *a)
{
	switch (a->type) {
	case MILTER_ADD_HEADER:
		add_header(m, a);
		break;
	case MILTER_INSERT_HEADER:
		insert_header(m, a);
		break;
	case MILTER_CHANGE_HEADER:
		change_header(m, a);
		break;
	case MILTER_ADD_RCPT:
	case MILTER_ADD_RCPT_PAR:
		add_rcpt(m, a);
		break;
	case MILTER_DELETE_RCPT:
		delete_rcpt(m, a);
		break;
	case MILTER_CHANGE_FROM:
		change_from(m, a);
		break;
	}
}

void
edit_apply(struct edit *e, struct message *m, const char **ret_hold)
{
	for (size_t i = 0; i < e->count && m->status == CLEANUP_OK; i++) {
		if (e->list[i].type == MILTER_QUARANTINE)
			*ret_hold = pool_strdup(&m->pool, e->list[i].name);
		else
			carry_out(m, &e->list[i]);
	}
	if (e->has_body && e->error == 0 && m->status == CLEANUP_OK)
		replace_body(e, m);
	if (e->error == 0)
		return;
	log_warn("%s: change of a message by a milter: %s", m->file.id,
	    strerror(e->error));
	message_fail(m, e->error == EFBIG ? CLEANUP_TOO_BIG :
	    CLEANUP_WRITE_ERROR, NULL);
}
