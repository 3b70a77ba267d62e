#include "smtp/policy_entry.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "net/dns.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

#define BIT(level) (1u << TLS_LEVEL_##level)

enum {
	ANY_LEVEL = ~0u >> 1,
	WITH_NAMES = BIT(FINGERPRINT) | BIT(VERIFY) | BIT(SECURE),
	WITH_CHAINS = BIT(VERIFY) | BIT(SECURE),
};

enum kind { TEXT, MAY_BE_EMPTY, YES_OR_NO, HOST };

/* `joiner`: between values of one that may be repeated; 0: it must not. */
static const struct attribute {
	const char	*name;
	size_t		 at;
	enum kind	 kind;
	char		 joiner;
	unsigned	 levels;
} attributes[] = {
#define AT(field) offsetof(struct policy_entry, field)
	{ "ciphers", AT(ciphers), TEXT, 0, ANY_LEVEL },
	{ "connection_reuse", AT(connection_reuse), YES_OR_NO, ' ', ANY_LEVEL },
	{ "enable_rpk", AT(enable_rpk), YES_OR_NO, ' ', ANY_LEVEL },
	{ "exclude", AT(exclude), MAY_BE_EMPTY, 0, ANY_LEVEL },
	{ "match", AT(match), TEXT, '|', WITH_NAMES },
	{ "mx_host_pattern", AT(patterns), TEXT, '\n', ANY_LEVEL },
	{ "policy_domain", AT(policy_domain), TEXT, 0, ANY_LEVEL },
	{ "policy_failure", AT(policy_failure), TEXT, 0, ANY_LEVEL },
	{ "policy_string", AT(policy_lines), TEXT, '\n', ANY_LEVEL },
	{ "policy_ttl", AT(policy_ttl), TEXT, 0, ANY_LEVEL },
	{ "policy_type", AT(policy_type), TEXT, 0, ANY_LEVEL },
	{ "protocols", AT(protocols), MAY_BE_EMPTY, 0, ANY_LEVEL },
	{ "servername", AT(servername), HOST, 0, ANY_LEVEL },
	{ "tafile", AT(anchor_files), TEXT, ' ', WITH_CHAINS },
#undef AT
};

struct entry {
	struct pool		*pool;
	const char		*table, *key;
	struct policy_entry	*e;
};

static bool
mistake(const struct entry *n, const char *text)
{
	log_warn("%s, next-hop destination \"%s\": %s", n->table, n->key,
	    text);
	return false;
}

static const struct attribute *
find_attribute(const char *name)
{
	for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++)
		if (strcasecmp(name, attributes[i].name) == 0)
			return &attributes[i];
	return NULL;
}

/* "{ name = value with spaces }" */
static char *
unwrap(char *word)
{
	size_t n = strlen(word);

	if (*word != '{' || n < 2 || word[n - 1] != '}')
		return word;
	word[n - 1] = '\0';
	return text_trim(word + 1);
}

static const char *
complaint_of_value(struct pool *pool, const struct attribute *a,
    const char *value)
{
	switch (a->kind) {
	case YES_OR_NO:
		if (strcasecmp(value, "yes") != 0 &&
		    strcasecmp(value, "no") != 0)
			return pool_printf(pool, "attribute \"%s\" has bad "
			    "value: \"%s\"", a->name, value);
		break;
	case HOST:
		if (!dns_valid_name(value) || dns_valid_address(value))
			return pool_printf(pool, "\"%s=%s\" specifies an "
			    "invalid hostname", a->name, value);
		break;
	case TEXT:
		if (*value == '\0')
			return pool_printf(pool, "attribute \"%s\" has empty "
			    "value", a->name);
		break;
	case MAY_BE_EMPTY:
		break;
	}
	return NULL;
}

static bool
set(struct entry *n, const struct attribute *a, const char *value)
{
	const char **field = (const char **)(void *)((char *)n->e + a->at);
	const char  *wrong;

	if ((a->levels & (1u << n->e->level)) == 0)
		return mistake(n, pool_printf(n->pool, "attribute \"%s\" "
		    "invalid at security level \"%s\"", a->name,
		    tls_level_name(n->e->level)));
	if (*field != NULL && a->joiner == 0)
		return mistake(n, pool_printf(n->pool, "attribute \"%s\" is "
		    "specified multiple times", a->name));
	if ((wrong = complaint_of_value(n->pool, a, value)) != NULL)
		return mistake(n, wrong);
	*field = *field == NULL || a->kind == YES_OR_NO ? value :
	    pool_printf(n->pool, "%s%c%s", *field, a->joiner, value);
	return true;
}

static bool
take_attribute(struct entry *n, char *word)
{
	const struct attribute *a;
	char		       *value;

	if (n->e->level == TLS_LEVEL_NONE) {
		mistake(n, pool_printf(n->pool, "ignoring attribute \"%s\" "
		    "with TLS disabled", word));
		return true;
	}
	word = unwrap(word);
	value = strchr(word, '=');
	if (value == NULL || value == word)
		return mistake(n, pool_printf(n->pool, "malformed "
		    "attribute/value pair \"%s\": missing %s", word,
		    value == NULL ? "'=' after attribute name" :
		    "attribute name"));
	*value++ = '\0';
	word = text_trim(word);
	a = find_attribute(word);
	if (a != NULL)
		return set(n, a, text_trim(value));
	return mistake(n, pool_printf(n->pool,
	    "invalid attribute name: \"%s\"", word));
}

bool
policy_entry_parse(struct pool *pool, const char *table, const char *key,
    const char *text, struct policy_entry *ret)
{
	struct entry n = { pool, table, key, ret };
	char	    *next = pool_strdup(pool, text), *word;

	*ret = (struct policy_entry){ .level = TLS_LEVEL_BAD };
	word = text_word(&next, TEXT_LIST_SEP, false);
	if (word == NULL)
		return mistake(&n, "invalid empty policy");
	ret->level = tls_level_parse(word);
	/* "half-dane" is what becomes of a policy, none to ask for */
	if (ret->level == TLS_LEVEL_BAD || ret->level == TLS_LEVEL_HALF_DANE)
		return mistake(&n, pool_printf(pool,
		    "invalid security level \"%s\"", word));
	while ((word = text_word(&next, TEXT_LIST_SEP, true)) != NULL)
		if (!take_attribute(&n, word))
			return false;
	return true;
}
