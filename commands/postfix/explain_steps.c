#include <string.h>

#include "commands/postfix/explain.h"
#include "conf/param.h"
#include "mail/expand.h"
#include "mail/maps.h"
#include "mail/rewrite.h"

/*
 * The way of an address through cleanup, by cleanup's own functions:
 *
 *	rewrite -> canonical -> masquerade -> alias, and copies for others
 */

/* NULL: there is nothing to tell of it. */
static struct step *
add_step(struct explanation *e, const char *what, const char *from,
    const char **to, size_t to_count)
{
	struct step *s = pool_zalloc(e->pool, sizeof *s);

	*e->steps_tail = s;
	e->steps_tail = &s->next;
	s->what = what;
	s->from = from;
	s->to = to;
	s->to_count = to_count;
	return s;
}

static struct step *
add_change(struct explanation *e, const char *what, const char *from,
    const struct buf *to)
{
	const char **one = pool_alloc(e->pool, sizeof *one);

	*one = pool_strdup(e->pool, to->data);
	return add_step(e, what, from, one, 1);
}

/* --- standard form */

/* A rule has taken part if without it the result is another. */
static void
add_rules(struct explanation *e, struct step *s, const char *given,
    const char *result)
{
	struct rewrite_rules less;
	const struct {
		bool	   *rule;
		const char *name, *other;
	} rows[] = {
		{ &less.swap_bangpath, "swap_bangpath", NULL },
		{ &less.percent_hack, "allow_percent_hack", NULL },
		{ &less.append_at_origin, "append_at_myorigin", "myorigin" },
		{ &less.append_dot_domain, "append_dot_mydomain", "mydomain" },
	};
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		less = *maps_rules();
		*rows[i].rule = false;
		buf_clear(&b);
		rewrite_standard(&b, given, &less);
		if (strcmp(b.data, result) == 0)
			continue;
		why_parameter(e->pool, &s->why, rows[i].name);
		if (rows[i].other != NULL)
			why_parameter(e->pool, &s->why, rows[i].other);
	}
	buf_done(&b);
}

static void
rewrite(struct explanation *e, struct buf *address)
{
	const char  *given = pool_strdup(e->pool, address->data);
	struct step *s;

	if (address->len == 0)
		buf_set(address, conf_mail.empty_address_recipient);
	maps_standard(address, true);
	if (strcmp(given, address->data) == 0)
		return;
	s = add_change(e, "rewrite", given, address);
	if (*given == '\0')
		why_parameter(e->pool, &s->why, "empty_address_recipient");
	add_rules(e, s, *given != '\0' ? given :
	    conf_mail.empty_address_recipient, address->data);
}

/* --- tables */

static void
note_trouble(struct explanation *e, enum maps_result r)
{
	if (r == MAPS_ERROR)
		e->trouble = "a table failed: the message is refused for now";
}

static void
canonical(struct explanation *e, struct buf *address,
    enum address_class class)
{
	const char	*given = pool_strdup(e->pool, address->data);
	struct reasons	 why = { 0 };
	enum maps_result r;

	why_start(e->pool, &why);
	r = maps_canonical(address, class, "explain");
	why_stop();
	if (r == MAPS_CHANGED)
		add_change(e, "canonical", given, address)->why = why;
	note_trouble(e, r);
}

static void
masquerade(struct explanation *e, struct buf *address,
    enum address_class class)
{
	const char     *given = pool_strdup(e->pool, address->data);
	struct reasons	why = { 0 };

	if (maps_masquerade(address, class) != MAPS_CHANGED)
		return;
	why_parameter(e->pool, &why, "masquerade_domains");
	why_parameter(e->pool, &why, "masquerade_classes");
	add_change(e, "masquerade", given, address)->why = why;
}

static void
aliases(struct explanation *e, const char *address, const char ***ret,
    size_t *ret_count)
{
	struct reasons why = { 0 };
	const char    *bad = "";
	static const char *const texts[] = {
		[EXPAND_TABLE_ERROR] = "a table failed for",
		[EXPAND_TOO_DEEP] = "virtual_alias_recursion_limit reached:",
		[EXPAND_TOO_MANY] = "virtual_alias_expansion_limit reached:",
		[EXPAND_TOO_LONG] = "virtual_alias_address_length_limit "
		    "reached:",
	};
	enum expand_result r;

	*ret_count = 0;
	why_start(e->pool, &why);
	r = expand_aliases(e->pool, address, ret, ret_count, &bad);
	why_stop();
	if (r != EXPAND_OK)
		e->trouble = pool_printf(e->pool, "%s %s; the message is "
		    "refused for now", texts[r], bad);
	else if (*ret_count != 1 || strcmp((*ret)[0], address) != 0)
		add_step(e, "alias", address, *ret, *ret_count)->why = why;
}

/* --- copies for others */

struct list {
	const char **address;
	size_t	     count;
};

static void
append(struct explanation *e, struct list *to, const char **more, size_t n)
{
	const char **all = pool_alloc(e->pool, (to->count + n + 1) *
	    sizeof *all);

	if (to->count > 0)
		memcpy(all, to->address, to->count * sizeof *all);
	if (n > 0)
		memcpy(all + to->count, more, n * sizeof *all);
	to->address = all;
	to->count += n;
}

static void
copy(struct explanation *e, struct list *to, const char *of,
    struct buf *address, const struct reasons *why)
{
	const char **list;
	size_t	     count;

	maps_standard(address, true);
	add_change(e, "copy", of, address)->why = *why;
	aliases(e, pool_strdup(e->pool, address->data), &list, &count);
	append(e, to, list, count);
}

static void
mapped_copy(struct explanation *e, struct list *to, const char *of,
    enum address_class class)
{
	struct reasons	 why = { 0 };
	struct buf	 address = BUF_INIT;
	enum maps_result r;

	why_start(e->pool, &why);
	r = maps_bcc(of, class, &address);
	why_stop();
	if (r == MAPS_CHANGED)
		copy(e, to, of, &address, &why);
	note_trouble(e, r);
	buf_done(&address);
}

static void
copies(struct explanation *e, struct list *to, const char *recipient,
    const char *sender)
{
	struct reasons why = { 0 };
	struct buf     b = BUF_INIT;

	mapped_copy(e, to, recipient, CLASS_ENVELOPE_RECIPIENT);
	if (*sender != '\0')
		mapped_copy(e, to, sender, CLASS_ENVELOPE_SENDER);
	if (conf_mail.always_bcc[0] != '\0') {
		why_parameter(e->pool, &why, "always_bcc");
		buf_adds(&b, conf_mail.always_bcc);
		copy(e, to, recipient, &b, &why);
	}
	buf_done(&b);
}

/* The sender decides on relay hosts as cleanup has rewritten it. */
static void
map_sender(struct explanation *e)
{
	struct buf b = BUF_INIT;

	if (*e->sender == '\0')
		return;
	buf_adds(&b, e->sender);
	rewrite(e, &b);
	canonical(e, &b, CLASS_ENVELOPE_SENDER);
	masquerade(e, &b, CLASS_ENVELOPE_SENDER);
	e->sender = pool_strdup(e->pool, b.data);
	buf_done(&b);
}

void
explain_steps(struct explanation *e, const char ***ret, size_t *ret_count)
{
	struct list  list = { .address = NULL };
	struct buf   b = BUF_INIT;
	const char  *recipient, **found;
	size_t	     count;

	map_sender(e);
	buf_adds(&b, e->recipient);
	rewrite(e, &b);
	canonical(e, &b, CLASS_ENVELOPE_RECIPIENT);
	masquerade(e, &b, CLASS_ENVELOPE_RECIPIENT);
	recipient = pool_strdup(e->pool, b.data);
	aliases(e, recipient, &found, &count);
	append(e, &list, found, count);
	copies(e, &list, recipient, e->sender);
	*ret = list.address;
	*ret_count = e->trouble == NULL ? list.count : 0;
	buf_done(&b);
}
