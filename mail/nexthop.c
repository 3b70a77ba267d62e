#include <string.h>

#include "mail/nexthop.h"
#include "util/text.h"

/* "IPv6:" before an address in brackets is RFC 5321's, not part of it. */
static const char *
strip_literal_tag(const char *host)
{
	return text_starts_nocase(host, "IPv6:") ? host + 5 : host;
}

static bool
parse_bracketed(struct pool *pool, const char *text, struct nexthop *ret,
    const char **ret_why)
{
	const char *end = strchr(text, ']');

	if (end == NULL) {
		*ret_why = "missing \"]\"";
		return false;
	}
	if (end == text + 1) {
		*ret_why = "empty host name";
		return false;
	}
	if (end[1] != '\0' && end[1] != ':') {
		*ret_why = "garbage after \"]\"";
		return false;
	}
	ret->host = strip_literal_tag(pool_strndup(pool, text + 1,
	    (size_t)(end - text - 1)));
	ret->no_mx = true;
	if (end[1] == ':')
		ret->port = end + 2;
	return true;
}

/* Two colons without brackets: an IPv6 address, which has no port here. */
static void
parse_plain(struct pool *pool, const char *text, struct nexthop *ret)
{
	const char *colon = strchr(text, ':');

	if (colon == NULL || strchr(colon + 1, ':') != NULL) {
		ret->host = text;
		return;
	}
	ret->host = pool_strndup(pool, text, (size_t)(colon - text));
	ret->port = colon + 1;
}

bool
nexthop_parse(struct pool *pool, const char *text, struct nexthop *ret,
    const char **ret_why)
{
	struct nexthop n = { .text = pool_strdup(pool, text) };

	if (text_starts(n.text, "unix:")) {
		n.path = n.text + 5;
		if (*n.path == '\0') {
			*ret_why = "empty socket name";
			return false;
		}
		*ret = n;
		return true;
	}
	text = text_starts(n.text, "inet:") ? n.text + 5 : n.text;
	if (*text != '[')
		parse_plain(pool, text, &n);
	else if (!parse_bracketed(pool, text, &n, ret_why))
		return false;
	if (*n.host == '\0') {
		*ret_why = "empty host name";
		return false;
	}
	if (n.port != NULL && *n.port == '\0') {
		*ret_why = "empty port";
		return false;
	}
	*ret = n;
	return true;
}

char **
nexthop_split(struct pool *pool, const char *list)
{
	char *rest = pool_strdup(pool, list), *word;
	size_t n = 0, room = strlen(list) / 2 + 2;
	char **items = pool_alloc(pool, room * sizeof *items);

	while ((word = text_word(&rest, TEXT_LIST_SEP, false)) != NULL)
		if (*word != '\0')
			items[n++] = word;
	items[n] = NULL;
	return items;
}
