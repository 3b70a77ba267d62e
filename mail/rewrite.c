#include <string.h>

#include "mail/address.h"
#include "mail/rewrite.h"

/*
 * All is done on the external form: an '@' in quotes separates nothing.
 */

/* The first or the last `c` outside of quotes and literals; or NULL. */
static const char *
find_bare(const char *text, char c, bool last)
{
	const char *found = NULL;
	char	    close = '\0';

	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		else if (close != '\0')
			close = *p == close ? '\0' : close;
		else if (*p == '"' || *p == '[')
			close = *p == '"' ? '"' : ']';
		else if (*p == c) {
			found = p;
			if (!last)
				break;
		}
	}
	return found;
}

/*
 * RFC 5321 appendix C: "@a,@b:user@c" is user@c.
 */
static const char *
skip_route(const char *text)
{
	const char *colon;

	if (text[0] != '@' || (colon = find_bare(text, ':', false)) == NULL ||
	    colon[1] == '\0')
		return text;
	return colon + 1;
}

/* site!user, only when no domain says otherwise. */
static bool
from_bang(struct buf *out, const char *local)
{
	const char *bang = find_bare(local, '!', false);

	if (bang == NULL)
		return false;
	buf_adds(out, bang + 1 + (bang[1] == ' '));
	buf_addc(out, '@');
	buf_add(out, local, (size_t)(bang - local));
	return true;
}

/* user%domain, the last '%' counts. */
static bool
from_percent(struct buf *out, const char *local)
{
	const char *percent = find_bare(local, '%', true);

	if (percent == NULL)
		return false;
	buf_add(out, local, (size_t)(percent - local));
	buf_addc(out, '@');
	buf_adds(out, percent + 1);
	return true;
}

/* "user@site." means the same as "user@site", but "user@." is no site. */
static void
strip_dot(struct buf *out, size_t start)
{
	const char *at = find_bare(out->data + start, '@', true);
	size_t	    domain;

	if (at == NULL)
		return;
	domain = (size_t)(at + 1 - out->data);
	if (out->len > domain + 1 && out->data[out->len - 1] == '.' &&
	    strchr(".\\", out->data[out->len - 2]) == NULL)
		buf_cut(out, out->len - 1);
}

static void
complete(struct buf *out, size_t start, const struct rewrite_rules *rules)
{
	const char *at = find_bare(out->data + start, '@', true);

	if (at == NULL) {
		if (!rules->append_at_origin)
			return;
		buf_addc(out, '@');
		buf_adds(out, rules->origin);
		return;
	}
	if (at[1] == '\0' || strchr(at, '[') != NULL ||
	    find_bare(at, '.', false) != NULL || !rules->append_dot_domain)
		return;
	buf_addc(out, '.');
	buf_adds(out, rules->mydomain);
}

static void
rewrite(struct buf *out, const char *text, const struct rewrite_rules *rules)
{
	size_t start = out->len;

	text = skip_route(text);
	if (*text == '\0')
		return;
	if (find_bare(text, '@', false) != NULL ||
	    (!(rules->swap_bangpath && from_bang(out, text)) &&
	    !(rules->percent_hack && from_percent(out, text))))
		buf_adds(out, text);
	/* "host." is complete */
	complete(out, start, rules);
	strip_dot(out, start);
}

void
rewrite_external(struct buf *out, const char *external,
    const struct rewrite_rules *rules)
{
	struct buf text = BUF_INIT;

	if (strcmp(external, "@") != 0 && strcmp(external, "\"\"") != 0)
		rewrite(&text, external, rules);
	address_unquote(out, text.data);
	buf_done(&text);
}

void
rewrite_standard(struct buf *out, const char *address,
    const struct rewrite_rules *rules)
{
	struct buf quoted = BUF_INIT;

	/* Most are the same in both forms. */
	if (!address_quote_odd(&quoted, address))
		rewrite(out, address, rules);
	else
		rewrite_external(out, quoted.data, rules);
	buf_done(&quoted);
}
