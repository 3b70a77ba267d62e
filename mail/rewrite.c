#include <string.h>

#include "mail/rewrite.h"

/*
 * RFC 5321 appendix C: "@a,@b:user@c" is user@c.
 */
static const char *
skip_route(const char *address)
{
	const char *colon;

	if (address[0] != '@' || (colon = strchr(address, ':')) == NULL)
		return address;
	return colon + 1;
}

/* site!user, only when no domain says otherwise. */
static bool
from_bang(struct buf *out, const char *local)
{
	const char *bang = strchr(local, '!');

	if (bang == NULL)
		return false;
	buf_adds(out, bang + 1);
	buf_addc(out, '@');
	buf_add(out, local, (size_t)(bang - local));
	return true;
}

/* user%domain, the last '%' counts. */
static bool
from_percent(struct buf *out, const char *local)
{
	const char *percent = strrchr(local, '%');

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
	const char *at = memrchr(out->data + start, '@', out->len - start);
	size_t	    domain;

	if (at == NULL)
		return;
	domain = (size_t)(at + 1 - out->data);
	if (out->len > domain + 1 && out->data[out->len - 1] == '.' &&
	    out->data[out->len - 2] != '.')
		buf_cut(out, out->len - 1);
}

static void
complete(struct buf *out, size_t start, const struct rewrite_rules *rules)
{
	const char *at = memrchr(out->data + start, '@', out->len - start);

	if (at == NULL) {
		if (!rules->append_at_origin)
			return;
		buf_addc(out, '@');
		buf_adds(out, rules->origin);
		return;
	}
	if (at[1] == '\0' || at[1] == '[' || strchr(at, '.') != NULL ||
	    !rules->append_dot_domain)
		return;
	buf_addc(out, '.');
	buf_adds(out, rules->mydomain);
}

void
rewrite_standard(struct buf *out, const char *address,
    const struct rewrite_rules *rules)
{
	size_t start = out->len;

	address = skip_route(address);
	if (*address == '\0')
		return;
	if (strchr(address, '@') != NULL ||
	    (!(rules->swap_bangpath && from_bang(out, address)) &&
	    !(rules->percent_hack && from_percent(out, address))))
		buf_adds(out, address);
	/* "host." is complete */
	complete(out, start, rules);
	strip_dot(out, start);
}
