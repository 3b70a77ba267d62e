#include "table/match.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "table/cidr.h"
#include "table/hit.h"
#include "table/table_type.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

enum { FILE_DEPTH = 10 };	/* files named in files */

enum item_kind { ITEM_TEXT, ITEM_NET, ITEM_TABLE, ITEM_BAD };

struct item {
	enum item_kind	 kind;
	bool		 negated;
	struct cidr	 net;
	char		*text;		/* lower case */
	struct table	*table;
};

struct match {
	char		*title;
	bool		 parents;
	struct item	*items;
	size_t		 count;
	struct buf	 folded;	/* what is looked for, lower case */
	struct buf	 value;		/* of tables, unused */
};

static struct item *
add_item(struct match *m, enum item_kind kind, bool negated)
{
	struct item *item;

	m->items = mem_realloc(m->items, (m->count + 1) * sizeof *m->items);
	item = &m->items[m->count++];
	memset(item, 0, sizeof *item);
	item->kind = kind;
	item->negated = negated;
	return item;
}

static void add_words(struct match *, char *words, bool negated, int depth);

static void
add_file(struct match *m, const char *path, bool negated, int depth)
{
	struct table_source *s = NULL;
	struct buf	     line = BUF_INIT;
	const char	    *why = "too many files in files";
	int		     number;

	if (depth < FILE_DEPTH)
		s = table_source_open(path, &why);
	if (s == NULL) {
		log_warn("%s: open file %s: %s", m->title, path, why);
		add_item(m, ITEM_BAD, negated);
		return;
	}
	while (table_source_next(s, &line, &number))
		add_words(m, line.data, negated, depth + 1);
	if (table_source_error(s) != NULL) {
		log_warn("%s: %s", m->title, table_source_error(s));
		add_item(m, ITEM_BAD, negated);
	}
	buf_done(&line);
	table_source_close(s);
}

/* An address or network, also one that is not quite right; host names don't
 * look so. */
static bool
looks_like_net(const char *word)
{
	return *word == '[' || (strchr(word, '/') != NULL &&
	    word[strspn(word, "0123456789./")] == '\0') ||
	    (word[strspn(word, "0123456789.")] == '\0' &&
	    strchr(word, '.') != NULL);
}

static void
add_net(struct match *m, const char *word, bool negated)
{
	struct cidr  net;
	struct buf   why = BUF_INIT, folded = BUF_INIT;
	struct item *item;

	if (cidr_parse(&net, word, &why)) {
		item = add_item(m, ITEM_NET, negated);
		item->net = net;
		text_fold(&folded, word, false);
		item->text = buf_take(&folded);
	} else {
		log_warn("%s: %s", m->title, why.data);
		add_item(m, ITEM_BAD, negated);
	}
	buf_done(&why);
}

static void
add_word(struct match *m, char *word, bool negated, int depth)
{
	struct buf   folded = BUF_INIT;
	struct item *item;

	for (; *word == '!'; word++)
		negated = !negated;
	if (*word == '/') {
		add_file(m, word, negated, depth);
	} else if (looks_like_net(word)) {
		add_net(m, word, negated);
	} else if (strchr(word, ':') != NULL) {
		item = add_item(m, ITEM_TABLE, negated);
		item->table = table_open(word, TABLE_FOLD);
	} else if (*word != '\0') {
		item = add_item(m, ITEM_TEXT, negated);
		text_fold(&folded, word, true);
		item->text = buf_take(&folded);
	}
}

static void
add_words(struct match *m, char *words, bool negated, int depth)
{
	char *word;

	while ((word = table_next_word(&words)) != NULL)
		add_word(m, word, negated, depth);
}

struct match *
match_new(const char *title, const char *items, bool parents)
{
	struct match *m = NEW(struct match);
	char	     *copy = mem_strdup(items);

	m->title = mem_strdup(title);
	m->parents = parents;
	m->folded = m->value = (struct buf)BUF_INIT;
	add_words(m, copy, false, 0);
	mem_free(copy);
	return m;
}

void
match_free(struct match *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->count; i++) {
		mem_free(m->items[i].text);
		if (m->items[i].table != NULL)
			table_close(m->items[i].table);
	}
	mem_free(m->items);
	mem_free(m->title);
	buf_done(&m->folded);
	buf_done(&m->value);
	mem_free(m);
}

const char *
match_title(const struct match *m)
{
	return m->title;
}

bool
match_is_empty(const struct match *m)
{
	return m->count == 0;
}

static enum match_result
table_has(struct match *m, struct table *t, const char *key)
{
	switch (table_find(t, key, &m->value)) {
	case TABLE_FOUND:
		return MATCH_YES;
	case TABLE_NOT_FOUND:
		return MATCH_NO;
	default:
		log_warn("%s: %s: table lookup problem", m->title,
		    table_name(t));
		return MATCH_ERROR;
	}
}

/* name, then its parents: as "example.com" or ".example.com", as the
 * setting says. */
static enum match_result
table_has_domain(struct match *m, struct table *t, const char *name)
{
	enum match_result r = table_has(m, t, name);

	if (table_is_pattern(t))
		return r;
	for (const char *dot = strchr(name + (*name == '.'), '.');
	    r == MATCH_NO && dot != NULL && dot[1] != '\0';
	    dot = strchr(dot + 1, '.'))
		r = table_has(m, t, m->parents ? dot + 1 : dot);
	return r;
}

static bool
text_has_domain(const struct match *m, const char *pattern, const char *name,
    size_t len)
{
	size_t n = strlen(pattern);

	if (n == len)
		return memcmp(pattern, name, n) == 0;
	if (n > len || memcmp(pattern, name + len - n, n) != 0)
		return false;
	return m->parents ? name[len - n - 1] == '.' : *pattern == '.';
}

static enum match_result
item_has_domain(struct match *m, const struct item *item, const char *name,
    size_t len)
{
	switch (item->kind) {
	case ITEM_TEXT:
		return text_has_domain(m, item->text, name, len) ?
		    MATCH_YES : MATCH_NO;
	case ITEM_NET:	/* [192.0.2.1] may stand for itself */
		return strcmp(item->text, name) == 0 ? MATCH_YES : MATCH_NO;
	case ITEM_TABLE:
		return table_has_domain(m, item->table, name);
	default:
		return MATCH_ERROR;
	}
}

/* The first item that has it decides. */
static bool
decides(const struct match *m, const struct item *item, enum match_result r,
    enum match_result *ret)
{
	if (r == MATCH_NO)
		return false;
	if (r == MATCH_YES && !item->negated)
		table_tell_hit(m->title, item->table != NULL ?
		    table_name(item->table) : item->text, m->folded.data,
		    item->table != NULL ? m->value.data : NULL);
	if (r == MATCH_YES && item->negated)
		r = MATCH_NO;
	*ret = r;
	return true;
}

enum match_result
match_domain(struct match *m, const char *domain)
{
	enum match_result r = MATCH_NO;

	if (m->count == 0)
		return MATCH_NO;
	buf_clear(&m->folded);
	text_fold(&m->folded, domain, true);
	for (size_t i = 0; i < m->count; i++)
		if (decides(m, &m->items[i], item_has_domain(m, &m->items[i],
		    m->folded.data, m->folded.len), &r))
			break;
	return r;
}

/* The address as an inet_pton() result; 0 for other families. */
static int
address_bytes(const struct addr *a, unsigned char ret[16])
{
	const struct sockaddr_in  *v4 = (const void *)&a->sa;
	const struct sockaddr_in6 *v6 = (const void *)&a->sa;

	switch (a->sa.ss_family) {
	case AF_INET:
		memcpy(ret, &v4->sin_addr, 4);
		return AF_INET;
	case AF_INET6:
		memcpy(ret, &v6->sin6_addr, 16);
		return AF_INET6;
	default:
		return 0;
	}
}

enum match_result
match_client(struct match *m, const char *name, const struct addr *a)
{
	unsigned char	  bytes[16];
	char		  text[ADDR_TEXT] = "";
	int		  family = address_bytes(a, bytes);
	enum match_result r = MATCH_NO, one;

	if (m->count == 0)
		return MATCH_NO;
	if (family != 0)
		addr_text(a, text);
	buf_clear(&m->folded);
	if (name != NULL)
		text_fold(&m->folded, name, true);
	for (size_t i = 0; i < m->count; i++) {
		const struct item *item = &m->items[i];

		one = MATCH_NO;
		if (name != NULL && item->kind != ITEM_NET)
			one = item_has_domain(m, item, m->folded.data,
			    m->folded.len);
		if (one == MATCH_NO && item->kind == ITEM_NET)
			one = cidr_has(&item->net, family, bytes) ?
			    MATCH_YES : MATCH_NO;
		else if (one == MATCH_NO && item->kind == ITEM_TABLE)
			one = table_has(m, item->table, text);
		else if (item->kind == ITEM_BAD)
			one = MATCH_ERROR;
		if (decides(m, item, one, &r))
			break;
	}
	return r;
}

enum match_result
match_word(struct match *m, const char *word)
{
	enum match_result r = MATCH_NO, one;

	buf_clear(&m->folded);
	text_fold(&m->folded, word, true);
	for (size_t i = 0; i < m->count; i++) {
		const struct item *item = &m->items[i];

		if (item->kind == ITEM_TABLE)
			one = table_has(m, item->table, m->folded.data);
		else if (item->kind == ITEM_BAD)
			one = MATCH_ERROR;
		else
			one = strcmp(item->text, m->folded.data) == 0 ?
			    MATCH_YES : MATCH_NO;
		if (decides(m, item, one, &r))
			break;
	}
	return r;
}
