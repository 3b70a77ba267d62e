#include "local/user_names.h"

#include <string.h>

#include "conf/conf.h"
#include "conf/param.h"
#include "mail/address.h"
#include "mail/extension.h"
#include "util/buf.h"
#include "util/mem.h"
#include "util/text.h"

void
user_names_init(struct user_names *n, struct pool *pool, const char *address)
{
	const char *domain = address_domain(address);

	*n = (struct user_names){ .address = address, .domain = domain == NULL ?
	    "" : text_lower(pool_strdup(pool, domain)) };
	n->local = text_lower(pool_strndup(pool, address,
	    address_local_len(address)));
	n->ext = extension_find(n->local, strlen(n->local));
	n->user = n->ext == NULL ? n->local :
	    pool_strndup(pool, n->local, (size_t)(n->ext - n->local));
}

/* The one that was found, or the first of those that could have been. */
static const char *
delimiter(const struct user_names *n)
{
	static char one[2];

	one[0] = n->ext != NULL ? *n->ext : *conf_mail.recipient_delimiter;
	return one[0] != '\0' ? one : NULL;
}

static const char *
get_value(void *arg, const char *name)
{
	struct user_names *n = arg;
	struct { const char *name, *value; } const values[] = {
		{ "home", n->home },
		{ "user", n->user },
		{ "shell", n->shell },
		{ "local", n->local },
		{ "domain", n->domain },
		{ "recipient", n->address },
		{ "extension", n->ext != NULL ? n->ext + 1 : NULL },
		{ "recipient_delimiter", delimiter(n) },
	};

	n->used_ext = n->used_ext || text_eq(name, "extension");
	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		if (text_eq(name, values[i].name))
			return values[i].value;
	return NULL;
}

bool
user_names_expand(struct user_names *n, struct buf *out, const char *text,
    const char *filter, const char **ret_why)
{
	const struct conf_values v = {
		.get = get_value, .arg = n, .filter = filter,
		.lacks = &n->lacks,
	};

	n->lacks = n->used_ext = false;
	return conf_expand_values(out, text, &v, ret_why);
}
