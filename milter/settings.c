#include <stdio.h>
#include <string.h>

#include "milter/settings.h"
#include "util/text.h"

static char why_text[200];

static const char *
why(const char *what, const char *word)
{
	snprintf(why_text, sizeof why_text, "%s: \"%.100s\"", what, word);
	return why_text;
}

/* "{ text }" without its braces; other words as they are. */
static char *
unbrace(char *word)
{
	size_t n = strlen(word);

	if (*word != '{' || n < 2 || word[n - 1] != '}')
		return word;
	word[n - 1] = '\0';
	return text_trim(word + 1);
}

/* "name = value": cuts it in two. */
static bool
split(char *pair, char **ret_name, char **ret_value)
{
	char *equal = strchr(pair, '=');

	if (equal == NULL || equal == pair)
		return false;
	*equal = '\0';
	*ret_name = text_trim(pair);
	*ret_value = text_trim(equal + 1);
	return **ret_name != '\0';
}

/* Seconds of "30", "30s", "5m", "1h". */
static bool
parse_time(const char *text, int *ret)
{
	static const struct {
		char	unit;
		long	seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 },
	    { 'w', 604800 } };
	char	 digits[12];
	size_t	 n = strspn(text, "0123456789");
	long	 value, factor = text[n] == '\0' ? 1 : 0;

	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (text[n] == units[i].unit && text[n + 1] == '\0')
			factor = units[i].seconds;
	if (n >= sizeof digits || factor == 0)
		return false;
	memcpy(digits, text, n);
	digits[n] = '\0';
	if (!text_to_long(digits, 1, 100000000 / factor, &value))
		return false;
	*ret = (int)(value * factor);
	return true;
}

static bool
set(struct milter_settings *m, const char *name, const char *value)
{
	if (text_eq(name, "default_action"))
		m->default_action = value;
	else if (text_eq(name, "protocol"))
		m->protocol = value;
	else if (text_eq(name, "connect_timeout"))
		return parse_time(value, &m->connect_timeout);
	else if (text_eq(name, "command_timeout"))
		return parse_time(value, &m->command_timeout);
	else if (text_eq(name, "content_timeout"))
		return parse_time(value, &m->content_timeout);
	else
		return false;
	return true;
}

/* "{ name, option=value, { option = value } }" */
static bool
parse_item(char *word, struct milter_settings *m, const char **ret_why)
{
	char *next = unbrace(word), *name, *value, *option, shown[100];

	m->name = next;
	if (next == word)
		return true;
	if ((m->name = text_word(&next, TEXT_LIST_SEP, true)) == NULL) {
		*ret_why = "empty list of milter settings";
		return false;
	}
	while ((option = text_word(&next, TEXT_LIST_SEP, true)) != NULL) {
		option = unbrace(option);
		snprintf(shown, sizeof shown, "%s", option);
		if (!split(option, &name, &value) || !set(m, name, value)) {
			*ret_why = why("unknown option", shown);
			return false;
		}
	}
	return true;
}

struct milter_list *
milter_list_new(const char *text, const struct milter_settings *defaults,
    const char **ret_why)
{
	struct milter_list *list = NEW(struct milter_list);
	char		   *next, *word;

	next = pool_strdup(&list->pool, text);
	while ((word = text_word(&next, TEXT_LIST_SEP, true)) != NULL) {
		list->items = mem_realloc(list->items,
		    (list->count + 1) * sizeof *list->items);
		list->items[list->count] = *defaults;
		if (!parse_item(word, &list->items[list->count++], ret_why)) {
			milter_list_free(list);
			return NULL;
		}
	}
	return list;
}

void
milter_list_free(struct milter_list *list)
{
	if (list == NULL)
		return;
	mem_free(list->items);
	pool_done(&list->pool);
	mem_free(list);
}

bool
milter_default_parse(const char *text, enum milter_default *ret)
{
	static const char *const names[] = {
		[MILTER_DEFAULT_TEMPFAIL] = "tempfail",
		[MILTER_DEFAULT_ACCEPT] = "accept",
		[MILTER_DEFAULT_REJECT] = "reject",
		[MILTER_DEFAULT_QUARANTINE] = "quarantine",
		[MILTER_DEFAULT_SHUTDOWN] = "shutdown",
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (text_eq(text, names[i])) {
			*ret = (enum milter_default)i;
			return true;
		}
	return false;
}

bool
milter_version_parse(struct pool *pool, const char *text,
    uint32_t *ret_version, uint32_t *ret_bits, const char **ret_bad)
{
	char	*next = pool_strdup(pool, text), *word;
	uint32_t version = 0, bits = 0;

	while ((word = text_word(&next, TEXT_LIST_SEP, false)) != NULL) {
		if (text_eq(word, "no_header_reply")) {
			bits |= MILTER_NR_HEADER;
		} else if (version == 0 && strlen(word) == 1 &&
		    milter_protocol_bits((uint32_t)(*word - '0')) != 0) {
			version = (uint32_t)(*word - '0');
		} else {
			*ret_bad = word;
			return false;
		}
	}
	if (version == 0) {
		*ret_bad = "no version";
		return false;
	}
	*ret_version = version;
	*ret_bits = bits;
	return true;
}

/* --- macros */

const char *const *
milter_names_parse(struct pool *pool, const char *text)
{
	char	    *next = pool_strdup(pool, text), *word;
	const char **names;
	size_t	     n = 0;

	/* a name takes a byte and a separator at least */
	names = pool_alloc(pool, (strlen(text) / 2 + 2) * sizeof *names);
	while ((word = text_word(&next, TEXT_LIST_SEP, true)) != NULL)
		names[n++] = word;
	names[n] = NULL;
	return names;
}

/*
 * "{name}=value" is a pair; "{ name = value }" is one in braces.  The braces of
 * a long name may be left out.
 */
static bool
parse_value(struct pool *pool, char *word, struct milter_value *ret)
{
	char *name, *value;

	if (*word == '{' && strstr(word, "}=") == NULL)
		word = unbrace(word);
	if (!split(word, &name, &value))
		return false;
	ret->name = *name == '{' || strlen(name) < 2 ? name :
	    pool_printf(pool, "{%s}", name);
	ret->value = value;
	return true;
}

/* The next word; braces may stand at its beginning or anywhere in it. */
static char *
next_pair(char **s)
{
	char *p = *s + strspn(*s, TEXT_LIST_SEP), *word = p;
	int   depth = 0;

	if (*p == '\0')
		return NULL;
	for (; *p != '\0' && (depth > 0 || strchr(TEXT_LIST_SEP, *p) == NULL);
	    p++)
		depth += *p == '{' ? 1 : *p == '}' ? -1 : 0;
	if (*p != '\0')
		*p++ = '\0';
	*s = p;
	return word;
}

const struct milter_value *
milter_values_parse(struct pool *pool, const char *text, const char **ret_why)
{
	char		    *next = pool_strdup(pool, text), *word;
	struct milter_value *values;
	size_t		     n = 0;
	char		     shown[100];

	values = pool_alloc(pool, (strlen(text) / 2 + 2) * sizeof *values);
	while ((word = next_pair(&next)) != NULL) {
		snprintf(shown, sizeof shown, "%s", word);
		if (!parse_value(pool, word, &values[n++])) {
			*ret_why = why("no name=value", shown);
			return NULL;
		}
	}
	values[n] = (struct milter_value){ NULL, NULL };
	return values;
}
