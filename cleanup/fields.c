#include <string.h>
#include <strings.h>

#include "mail/maps.h"
#include "cleanup/message.h"
#include "conf/param.h"
#include "mail/address.h"
#include "util/log.h"
#include "util/text.h"

/*
 * What is done with a header field: the steps below, in order, each a line
 * in one table.  Tables have had their say before (inspect.c).
 */
struct field {
	struct message		 *m;
	struct str		  name;
	const struct header_fact *fact;		/* NULL: not a known one */
	struct buf		 *text;		/* the whole field; lines are
						   separated by '\n' */
	size_t			  value;	/* offset of its value */
};

/* False: the field is left out. */
typedef bool step_fn(struct field *);

static struct {
	char	**drop;			/* message_drop_headers */
	size_t	  drop_count;
} fields;

void
fields_init(void)
{
	char *list = mem_strdup(conf_mail.message_drop_headers);
	char *next = list, *word;

	while ((word = text_word(&next, TEXT_LIST_SEP, false)) != NULL) {
		fields.drop = mem_realloc(fields.drop,
		    (fields.drop_count + 1) * sizeof *fields.drop);
		fields.drop[fields.drop_count++] = word;
	}
}

static bool
is_address_field(const struct field *f)
{
	return f->fact != NULL &&
	    (f->fact->flags & (HEADER_IS_SENDER | HEADER_IS_RECIPIENT)) != 0;
}

static struct str
value_of(const struct field *f)
{
	struct str s = { f->text->data + f->value, f->text->len - f->value };

	while (s.n > 0 && strchr(" \t\r\n", s.p[0]) != NULL)
		s.p++, s.n--;
	while (s.n > 0 && strchr(" \t\r\n", s.p[s.n - 1]) != NULL)
		s.n--;
	return s;
}

static void
note_message_id(struct field *f)
{
	struct str  value = value_of(f);
	const char *id = pool_strndup(&f->m->pool, value.p, value.n);

	if (f->fact->id == HEADER_RESENT_MESSAGE_ID) {
		log_info("%s: resent-message-id=%s", f->m->file.id, id);
		return;
	}
	log_info("%s: message-id=%s", f->m->file.id, id);
	envelope_set(&f->m->env, ATTR_MESSAGE_ID, id);
}

/* RFC 8689 5; and what says REQUIRETLS where a filter can't. */
static void
note_privacy(struct field *f)
{
	struct str value = value_of(f);

	if (f->fact->id == HEADER_TLS_REQUIRED && conf_mail.tls_required_enable
	    && str_is_nocase(value, "no"))
		f->m->env.flags |= ENV_TLS_OPTIONAL;
	if (f->fact->id == HEADER_REQUIRE_TLS_ESMTP &&
	    conf_mail.requiretls_enable && conf_mail.requiretls_esmtp_header &&
	    str_is_nocase(value, "yes"))
		f->m->env.flags |= ENV_REQUIRETLS;
}

static bool
note(struct field *f)
{
	struct message *m = f->m;

	if (f->fact == NULL)
		return true;
	if (f->fact->id == HEADER_RECEIVED &&
	    ++m->hops >= conf_mail.hopcount_limit) {
		log_warn("%s: message rejected: hopcount exceeded",
		    m->file.id);
		message_fail(m, CLEANUP_HOPS, "too many hops");
	}
	if ((f->fact->flags & HEADER_IS_RESENT) != 0)
		m->resent = true;
	if (f->fact->id == HEADER_MESSAGE_ID ||
	    f->fact->id == HEADER_RESENT_MESSAGE_ID)
		note_message_id(f);
	note_privacy(f);
	m->seen |= UINT64_C(1) << f->fact->id;
	return true;
}

static struct token *
parse(struct field *f)
{
	struct str value = { f->text->data + f->value,
	    f->text->len - f->value };

	/* tokens outlive the field's buffer when it is rewritten */
	value.p = pool_strndup(&f->m->pool, value.p, value.n);
	return address_parse_header(&f->m->pool, value,
	    (size_t)conf_mail.header_address_token_limit);
}

static void
add_found(struct message *m, struct found *list, const char *address)
{
	if (list->count == list->size) {
		list->size = list->size == 0 ? 16 : 2 * list->size;
		list->address = mem_realloc(list->address,
		    list->size * sizeof *list->address);
	}
	list->address[list->count++] = pool_strdup(&m->pool, address);
}

/* sendmail -t; which of the two lists counts, missing.c says. */
static bool
extract(struct field *f)
{
	struct message *m = f->m;
	struct buf	b = BUF_INIT;
	struct found   *list;

	if ((m->flags & CLEANUP_EXTRACT) == 0 || f->fact == NULL ||
	    (f->fact->flags & HEADER_EXTRACT) == 0)
		return true;
	list = (f->fact->flags & HEADER_IS_RESENT) != 0 ? &m->found_resent :
	    &m->found;
	for (struct token *t = parse(f); t != NULL; t = t->next) {
		if (t->type != TOKEN_ADDRESS)
			continue;
		buf_clear(&b);
		address_token_get(&b, t);
		if (b.len > 0)
			add_found(m, list, b.data);
	}
	buf_done(&b);
	return true;
}

static bool
drop(struct field *f)
{
	for (size_t i = 0; i < fields.drop_count; i++)
		if (str_is_nocase(f->name, fields.drop[i]))
			return false;
	return true;
}

/* One address of a header.  True: it is not written as it was. */
static bool
map_address(struct field *f, struct token *t)
{
	struct message	  *m = f->m;
	bool		   local = (m->flags & CLEANUP_REWRITE_LOCAL) != 0;
	bool		   changed;
	enum address_class class =
	    (f->fact->flags & HEADER_IS_SENDER) != 0 ? CLASS_HEADER_SENDER :
	    CLASS_HEADER_RECIPIENT;
	enum maps_result   r = MAPS_SAME;
	struct buf	   text = BUF_INIT, address = BUF_INIT;

	address_token_text(&text, t);
	maps_standard_external(&address, text.data, local);
	if ((m->flags & CLEANUP_MAP) != 0) {
		r = maps_canonical(&address, class, m->file.id);
		if (r != MAPS_ERROR)
			r = maps_masquerade(&address, class);
	}
	if (r == MAPS_ERROR)
		message_fail(m, CLEANUP_TABLE_ERROR, NULL);
	address_token_set(&m->pool, t, address.data);
	changed = !str_is(t->text, text.data);
	buf_done(&text);
	buf_done(&address);
	return changed;
}

enum { BESIDE_MAX = 250 };	/* bytes around an address */

static bool
ends_entry(const struct token *t)
{
	return t->type == TOKEN_SPECIAL && t->text.p[0] == ',';
}

static struct token *
special(struct message *m, const char *byte, struct token *next)
{
	struct token *t = pool_zalloc(&m->pool, sizeof *t);

	t->type = TOKEN_SPECIAL;
	t->text = (struct str){ byte, 1 };
	t->next = next;
	return t;
}

/* From `*start` up to the entry's end, where the result points. */
static struct token **
shorten_entry(struct message *m, struct token **start)
{
	struct token **end = start, *rest, *address = NULL;
	struct buf     all = BUF_INIT, addresses = BUF_INIT;

	for (; *end != NULL && !ends_entry(*end); end = &(*end)->next)
		if ((*end)->type == TOKEN_ADDRESS) {
			address = *end;
			address_token_text(&addresses, address);
		}
	rest = *end;
	*end = NULL;
	address_write_header(&all, *start);
	*end = rest;
	if (address != NULL && all.len > addresses.len + BESIDE_MAX) {
		log_warn("stripping too many comments from address: %.100s...",
		    all.data);
		*start = special(m, "<", address);
		address->next = special(m, ">", rest);
		end = &address->next->next;
	}
	buf_done(&all);
	buf_done(&addresses);
	return end;
}

/*
 * Programs that read mail have crashed on a comment or a name of thousands of
 * bytes (CERT CA-2003-07): beside an address there is not that much to say.
 */
static void
shorten(struct message *m, struct token **list)
{
	struct token **t = list;

	while (*t != NULL)
		t = ends_entry(*t) ? &(*t)->next : shorten_entry(m, t);
}

/* The lines that were written end in CRLF. */
static void
drop_cr(struct buf *text, size_t from)
{
	size_t to = from;

	for (size_t i = from; i < text->len; i++)
		if (text->data[i] != '\r' || text->data[i + 1] != '\n')
			text->data[to++] = text->data[i];
	buf_cut(text, to);
}

/* Where the limit ends the text, or NULL. */
static const char *
limit_end(const struct buf *text, size_t limit, bool count_lf)
{
	for (const char *p = text->data; *p != '\0'; p++) {
		if (*p == '\n' && !count_lf)
			continue;
		if (limit-- == 0)
			return p;
	}
	return NULL;
}

void
fields_cut(struct buf *text, bool count_lf)
{
	size_t	    limit = (size_t)conf_mail.header_size_limit;
	const char *end, *line;

	if (text->len <= limit ||
	    (end = limit_end(text, limit, count_lf)) == NULL)
		return;
	buf_cut(text, (size_t)(end - text->data));
	line = memrchr(text->data, '\n', text->len);
	/* not even a tenth of the limit was left for its last line */
	if (line != NULL && (size_t)(end - line) - !count_lf <= limit / 10)
		buf_cut(text, (size_t)(line - text->data));
}

/* A field that needs no change keeps its form to the byte. */
static bool
rewrite(struct field *f)
{
	struct message *m = f->m;
	struct token   *list;
	bool		changed = false;

	if (!is_address_field(f) || ((m->flags & CLEANUP_REWRITE_LOCAL) == 0 &&
	    !maps_has_remote_domain()))
		return true;
	list = parse(f);
	for (struct token *t = list; t != NULL; t = t->next)
		if (t->type == TOKEN_ADDRESS && map_address(f, t))
			changed = true;
	if (changed) {
		shorten(m, &list);
		buf_cut(f->text, f->value);
		buf_addc(f->text, ' ');
		address_write_header(f->text, list);
		drop_cr(f->text, f->value);
		fields_cut(f->text, false);	/* its folds were spaces */
	}
	return true;
}

static step_fn *const steps[] = {
	note,
	extract,
	drop,
	rewrite,
};

enum { HEADER_MAX = 64 * 1024 * 1024 };	/* bytes of all fields, in memory */

void
fields_apply(struct message *m, struct mime_field *given)
{
	struct field f = { .m = m, .text = given->text, .fact = given->fact,
	    .name = { given->text->data, given->name_len },
	    .value = given->name_len + 1 };

	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
		if (!steps[i](&f))
			return;
	if (m->header.len + f.text->len > HEADER_MAX) {
		message_fail(m, CLEANUP_TOO_BIG, "message header too big");
		return;
	}
	mime_add_lines(&m->header, (struct str){ f.text->data, f.text->len });
}
