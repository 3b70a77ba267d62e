#include <string.h>
#include <strings.h>

#include "mail/maps.h"
#include "conf/param.h"
#include "mail/address.h"
#include "mail/extension.h"
#include "mail/own_addr.h"
#include "mail/own_domain.h"
#include "mail/rewrite.h"
#include "table/match.h"
#include "table/table.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

/* A parameter that names tables, and when they apply. */
struct mapping {
	const char	  *title;
	struct table_list *tables;
	unsigned	   classes;	/* enum address_class bits */
	bool		   propagate;	/* extensions that were left out */
	bool		   or_internal;	/* keys without quotes count, too */
};

struct masquerade {
	const char	*domain;
	bool		 except;	/* "!domain" */
};

static struct {
	struct rewrite_rules local, remote;
	struct mapping	     sender, recipient, common, virtual;
	struct mapping	     sender_bcc, recipient_bcc, generic;
	char		    *masquerade_words;	/* the list points into them */
	struct masquerade   *masquerade;
	size_t		     masquerade_count;
	unsigned	     masquerade_classes;
	struct match	    *masquerade_exceptions;
} maps;

enum { CANONICAL_DEPTH = 10 };

static unsigned
class_bit(const char *parameter, const char *name)
{
	static const char *const names[] = { "envelope_sender",
	    "envelope_recipient", "header_sender", "header_recipient" };

	for (unsigned i = 0; i < 4; i++)
		if (text_eq_nocase(name, names[i]))
			return 1u << i;
	fatalx("%s: unknown address class \"%s\"; write envelope_sender, "
	    "envelope_recipient, header_sender or header_recipient", parameter,
	    name);
}

static unsigned
classes_of(const char *parameter, const char *value)
{
	char	*copy = mem_strdup(value), *next = copy, *word;
	unsigned bits = 0;

	while ((word = text_word(&next, TEXT_LIST_SEP, false)) != NULL)
		bits |= class_bit(parameter, word);
	mem_free(copy);
	return bits;
}

/* `kind` is its word in propagate_unmatched_extensions. */
static struct mapping
open_mapping(const char *title, const char *names, const char *kind,
    unsigned classes)
{
	int utf8 = conf_mail.smtputf8_enable ? TABLE_UTF8 : 0;

	return (struct mapping){ .title = title, .classes = classes,
	    .tables = table_list_open(title, names, TABLE_FOLD | utf8),
	    .propagate = text_has_word(conf_mail.propagate_unmatched_extensions,
	    kind) };
}

static void
init_masquerade(void)
{
	char *next = mem_strdup(conf_mail.masquerade_domains), *word;

	maps.masquerade_words = next;

	while ((word = text_word(&next, TEXT_LIST_SEP, false)) != NULL) {
		bool except = *word == '!';

		maps.masquerade = mem_realloc(maps.masquerade,
		    (maps.masquerade_count + 1) * sizeof *maps.masquerade);
		maps.masquerade[maps.masquerade_count++] =
		    (struct masquerade){ word + except, except };
	}
	maps.masquerade_classes = classes_of("masquerade_classes",
	    conf_mail.masquerade_classes);
	maps.masquerade_exceptions = match_new("masquerade_exceptions",
	    conf_mail.masquerade_exceptions, false);
}

/* What every table needs. */
static void
init_common(void)
{
	maps.local = rewrite_rules_local();
	maps.remote = rewrite_rules_remote();
	own_domain_init(conf_mail.mydestination, conf_mail.myorigin);
}

void
maps_init(void)
{
	init_common();
	maps.sender = open_mapping("sender_canonical_maps",
	    conf_mail.sender_canonical_maps, "canonical",
	    classes_of("sender_canonical_classes",
	    conf_mail.sender_canonical_classes));
	maps.recipient = open_mapping("recipient_canonical_maps",
	    conf_mail.recipient_canonical_maps, "canonical",
	    classes_of("recipient_canonical_classes",
	    conf_mail.recipient_canonical_classes));
	maps.common = open_mapping("canonical_maps", conf_mail.canonical_maps,
	    "canonical", classes_of("canonical_classes",
	    conf_mail.canonical_classes));
	maps.virtual = open_mapping("virtual_alias_maps",
	    conf_mail.virtual_alias_maps, "virtual", CLASS_ENVELOPE_RECIPIENT);
	maps.sender_bcc = open_mapping("sender_bcc_maps",
	    conf_mail.sender_bcc_maps, "sender_bcc", CLASS_ENVELOPE_SENDER);
	maps.recipient_bcc = open_mapping("recipient_bcc_maps",
	    conf_mail.recipient_bcc_maps, "recipient_bcc",
	    CLASS_ENVELOPE_RECIPIENT);
	maps.sender_bcc.or_internal = maps.recipient_bcc.or_internal = true;
	init_masquerade();
}

void
maps_init_generic(const char *title, const char *names)
{
	init_common();
	maps.generic = open_mapping(title, names, "generic", 0);
}

void
maps_before_jail(void)
{
	const char *why;

	if (!own_addr_init(conf_mail.inet_interfaces,
	    conf_mail.proxy_interfaces, conf_mail.inet_protocols, &why))
		fatalx("%s", why);
}

const struct rewrite_rules *
maps_rules(void)
{
	return &maps.local;
}

void
maps_standard(struct buf *address, bool local)
{
	struct buf b = BUF_INIT;

	rewrite_standard(&b, address->data, local ? &maps.local : &maps.remote);
	buf_set(address, b.data);
	buf_done(&b);
}

void
maps_standard_external(struct buf *address, const char *external, bool local)
{
	buf_clear(address);
	rewrite_external(address, external, local ? &maps.local : &maps.remote);
}

bool
maps_has_remote_domain(void)
{
	return *conf_mail.remote_header_rewrite_domain != '\0';
}

/* --- table look-ups */

static enum table_result
find(const struct mapping *map, const char *address, struct buf *ret,
    struct buf *ret_ext)
{
	const struct table_address key = {
		.address = address,
		.extension = extension_find,
		.is_local = own_domain_is,
		.quote = address_quote_odd,
		.or_internal = map->or_internal,
	};

	return table_list_find_address(map->tables, &key, ret, ret_ext);
}

/* "user" + "+ext" in front of the domain, or at the end. */
static void
insert_extension(struct buf *address, const struct buf *ext)
{
	size_t at = address_local_len(address->data);

	buf_splice(address, at, 0, ext->data, ext->len);
}

/* Who gets what is for nobody. */
static void
add_empty_recipient(struct buf *b)
{
	buf_addf(b, "%s@%s", conf_mail.empty_address_recipient,
	    conf_mail.myhostname);
}

/* "<>", which is no address to the parser of headers. */
static bool
is_null_path(const char *text)
{
	struct buf b = BUF_INIT;
	bool	   is;

	buf_adds(&b, text);
	is = text_eq(text_trim(b.data), "<>");
	buf_done(&b);
	return is;
}

/*
 * Addresses of a table's text, in internal form and completed; the extension
 * goes on if it is to.  "@other" keeps the user, without the extension where
 * that is added anyway.
 */
static size_t
read_addresses(const struct mapping *map, struct pool *pool, const char *text,
    const char *given, const struct buf *ext, const char ***ret)
{
	struct buf    b = BUF_INIT;
	size_t	      count = 0, size = 0, ext_len = map->propagate ? ext->len : 0;
	size_t	      user = address_local_len(given) - ext_len;
	struct token *t = address_parse_header(pool,
	    str_of(pool_strdup(pool, text)), SIZE_MAX);

	for (struct token *i = t; i != NULL; i = i->next)
		size += i->type == TOKEN_ADDRESS;
	*ret = pool_alloc(pool, (size + 1) * sizeof **ret);
	for (; t != NULL; t = t->next) {
		if (t->type != TOKEN_ADDRESS)
			continue;
		buf_clear(&b);
		address_token_get(&b, t);
		if (b.len == 0)
			add_empty_recipient(&b);
		if (t->children->text.p[0] == '@' && count == 0)
			buf_splice(&b, 0, 0, given, user);
		if (ext_len > 0)
			insert_extension(&b, ext);
		maps_standard(&b, true);
		if (b.len > 0)
			(*ret)[count++] = pool_strdup(pool, b.data);
	}
	if (count == 0 && is_null_path(text)) {
		add_empty_recipient(&b);
		(*ret)[count++] = pool_strdup(pool, b.data);
	}
	buf_done(&b);
	if (count == 0)
		log_warn("%s lookup of %s returns non-address result \"%s\"",
		    map->title, given, text);
	return count;
}

/* One look-up: all addresses that were found. */
static enum maps_result
map_all(const struct mapping *map, struct pool *pool, const char *address,
    const char ***ret, size_t *ret_count)
{
	struct buf	  text = BUF_INIT, ext = BUF_INIT;
	enum table_result r = find(map, address, &text, &ext);

	*ret_count = 0;
	if (r == TABLE_FOUND) {
		*ret_count = read_addresses(map, pool, text.data, address,
		    &ext, ret);
		if (*ret_count == 0)
			r = TABLE_ERROR;
	}
	buf_done(&text);
	buf_done(&ext);
	return r == TABLE_ERROR ? MAPS_ERROR :
	    r == TABLE_FOUND ? MAPS_CHANGED : MAPS_SAME;
}

/* The same where one address can become one only.  MAPS_SAME: there is no
 * entry, or it changes nothing. */
static enum maps_result
map_once(const struct mapping *map, struct buf *address, const char *id)
{
	struct pool	 pool = POOL_INIT;
	const char     **found;
	size_t		 count;
	enum maps_result r = map_all(map, &pool, address->data, &found,
	    &count);

	if (count > 1)
		log_warn("%s%smulti-valued %s %s for %s", id,
		    *id != '\0' ? ": " : "", map->title,
		    *id != '\0' ? "entry" : "result", address->data);
	if (r == MAPS_CHANGED && strcmp(found[0], address->data) == 0)
		r = MAPS_SAME;
	if (r == MAPS_CHANGED)
		buf_set(address, found[0]);
	pool_done(&pool);
	return r;
}

/* One parameter's tables, until they have no more to say. */
static enum maps_result
map_one(const struct mapping *map, struct buf *address, const char *id)
{
	char	   *given = mem_strdup(address->data);
	bool	    changed = false;
	int	    i;

	for (i = 0; i < CANONICAL_DEPTH; i++) {
		enum maps_result r = map_once(map, address, id);

		if (r == MAPS_ERROR)
			log_warn("%s: %s map lookup problem for %s -- message "
			    "not accepted, try again later", id, map->title,
			    given);
		if (r == MAPS_SAME || r == MAPS_ERROR) {
			mem_free(given);
			return r == MAPS_ERROR ? r :
			    changed ? MAPS_CHANGED : MAPS_SAME;
		}
		changed = true;
	}
	log_warn("%s: unreasonable %s map nesting for %s -- message not "
	    "accepted, try again later", id, map->title, given);
	mem_free(given);
	return MAPS_CHANGED;
}

enum maps_result
maps_canonical(struct buf *address, enum address_class class, const char *id)
{
	const struct mapping *order[] = { &maps.sender, &maps.recipient,
	    &maps.common };
	enum maps_result      result = MAPS_SAME, r;

	if (address->len == 0)
		return MAPS_SAME;
	for (size_t i = 0; i < 3; i++) {
		if ((order[i]->classes & class) == 0 ||
		    table_list_is_empty(order[i]->tables))
			continue;
		r = map_one(order[i], address, id);
		if (r == MAPS_ERROR)
			return r;
		if (r == MAPS_CHANGED)
			result = MAPS_CHANGED;
	}
	return result;
}

enum maps_result
maps_generic(struct buf *address)
{
	return address->len == 0 || table_list_is_empty(maps.generic.tables) ?
	    MAPS_SAME : map_once(&maps.generic, address, "");
}

/* --- masquerading */

static bool
is_below(const char *domain, const char *parent)
{
	size_t len = strlen(domain), plen = strlen(parent);

	return len > plen && domain[len - plen - 1] == '.' &&
	    text_ends_nocase(domain, parent);
}

static bool
is_exception(const char *address)
{
	char *user;
	bool  found;

	if (match_is_empty(maps.masquerade_exceptions))
		return false;
	user = mem_strndup(address, address_local_len(address));
	found = match_word(maps.masquerade_exceptions, user) == MATCH_YES;
	mem_free(user);
	return found;
}

enum maps_result
maps_masquerade(struct buf *address, enum address_class class)
{
	const char *domain = address_domain(address->data);

	if (domain == NULL || (maps.masquerade_classes & class) == 0)
		return MAPS_SAME;
	for (size_t i = 0; i < maps.masquerade_count; i++) {
		const struct masquerade *q = &maps.masquerade[i];

		if (text_eq_nocase(domain, q->domain))
			return MAPS_SAME;
		if (!is_below(domain, q->domain))
			continue;
		if (q->except || is_exception(address->data))
			return MAPS_SAME;
		buf_cut(address, (size_t)(domain - address->data));
		buf_adds(address, q->domain);
		return MAPS_CHANGED;
	}
	return MAPS_SAME;
}

/* --- virtual aliases and copies */

enum maps_result
maps_virtual(struct pool *pool, const char *address, const char ***ret,
    size_t *ret_count)
{
	if (table_list_is_empty(maps.virtual.tables))
		return MAPS_SAME;
	return map_all(&maps.virtual, pool, address, ret, ret_count);
}

enum maps_result
maps_bcc(const char *address, enum address_class class, struct buf *ret)
{
	const struct mapping *map = class == CLASS_ENVELOPE_SENDER ?
	    &maps.sender_bcc : &maps.recipient_bcc;
	struct buf	      ext = BUF_INIT;
	enum table_result     r = TABLE_NOT_FOUND;

	buf_clear(ret);
	if (!table_list_is_empty(map->tables))
		r = find(map, address, ret, &ext);
	buf_done(&ext);
	if (r == TABLE_ERROR)
		return MAPS_ERROR;
	return r == TABLE_FOUND ? MAPS_CHANGED : MAPS_SAME;
}
