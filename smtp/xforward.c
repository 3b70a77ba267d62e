#include "smtp/xforward.h"

#include <string.h>
#include <strings.h>

#include "mail/deliver.h"
#include "smtp/session.h"
#include "smtp/settings.h"
#include "util/text.h"

/* In the order they are sent; a new command begins with PROTO. */
static const struct {
	const char	  *name;
	enum envelope_attr attr;
	size_t		   command;
} attrs[] = {
	{ "NAME", ATTR_LOG_CLIENT_NAME, 0 },
	{ "ADDR", ATTR_LOG_CLIENT_ADDRESS, 0 },
	{ "PORT", ATTR_LOG_CLIENT_PORT, 0 },
	{ "PROTO", ATTR_LOG_PROTOCOL_NAME, 1 },
	{ "HELO", ATTR_LOG_HELO_NAME, 1 },
	{ "IDENT", ATTR_LOG_IDENT, 1 },
	{ "SOURCE", ATTR_REWRITE_CONTEXT, 1 },
};

enum { ATTRS = sizeof attrs / sizeof *attrs };

unsigned
xforward_parse(const char *words)
{
	unsigned bits = 0;

	while (*(words += strspn(words, " \t")) != '\0') {
		size_t n = strcspn(words, " \t");

		for (size_t i = 0; i < ATTRS; i++)
			if (strlen(attrs[i].name) == n &&
			    strncasecmp(words, attrs[i].name, n) == 0)
				bits |= 1u << i;
		words += n;
	}
	return bits;
}

static void
add(struct buf *line, const char *name, const char *value)
{
	if (line->len == 0)
		buf_adds(line, "XFORWARD");
	buf_addf(line, " %s=", name);
	if (strcmp(name, "SOURCE") == 0)
		buf_adds(line, strcasecmp(value, "local") == 0 ? "LOCAL" :
		    "REMOTE");
	else
		text_xtext(line, value, strlen(value));
}

static bool
is_known(const char *value)
{
	return *value != '\0' && strcmp(value, "unknown") != 0;
}

size_t
xforward_make(const struct session *s, struct delivery *d,
    struct buf ret[XFORWARD_MAX], const char *ret_doing[XFORWARD_MAX])
{
	static const char *const doing[XFORWARD_MAX] = { "name/address",
	    "helo/protocol" };
	const struct envelope *env;
	size_t		       n = 0;

	if (!settings.send_xforward_command || s->xforward == 0 ||
	    (env = delivery_envelope(d)) == NULL)
		return 0;
	for (size_t command = 0; command < XFORWARD_MAX; command++) {
		for (size_t i = 0; i < ATTRS; i++) {
			const char *value = envelope_get(env, attrs[i].attr);

			if (attrs[i].command == command && is_known(value) &&
			    (s->xforward & 1u << i))
				add(&ret[n], attrs[i].name, value);
		}
		if (ret[n].len > 0) {
			buf_adds(&ret[n], "\r\n");
			ret_doing[n++] = doing[command];
		}
	}
	return n;
}
