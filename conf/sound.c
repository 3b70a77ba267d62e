/*
 * What a value must be beyond its type: asked by every program, so that a
 * mistake is told by the first command and not by some daemon an hour later.
 */

#include <string.h>

#include "conf/conf.h"
#include "conf/entries.h"
#include "util/mem.h"
#include "util/text.h"

static bool
is_one_of(const char *word, const char *const *words)
{
	while (*words != NULL && !text_eq(*words, word))
		words++;
	return *words != NULL;
}

/* The first word of a list that is none of `words`, to be freed; or NULL. */
static char *
strange_word(const char *list, const char *const *words, int *ret_count)
{
	char *copy = mem_strdup(list), *rest = copy, *word, *strange = NULL;

	for (*ret_count = 0; (word = text_word(&rest, TEXT_LIST_SEP, false)) !=
	    NULL; (*ret_count)++)
		if (strange == NULL && !is_one_of(word, words))
			strange = mem_strdup(word);
	mem_free(copy);
	return strange;
}

static bool
check_protocols(const char **ret_why)
{
	static const char *const known[] = { "all", "ipv4", "ipv6", NULL };
	int   count;
	char *strange = strange_word(conf_mail.inet_protocols, known, &count);

	if (strange == NULL)
		return true;
	conf_fail(ret_why, "write all, ipv4 or ipv6", "unknown inet_protocols "
	    "value \"%s\" in \"%s\"", strange, conf_mail.inet_protocols);
	mem_free(strange);
	return false;
}

/* Of no meaning beside mynetworks. */
static bool
check_style(const char **ret_why)
{
	static const char *const known[] = { "host", "subnet", "class", NULL };
	const char *style = conf_mail.mynetworks_style;
	int	    count;
	char	   *strange;
	bool	    ok = true;

	if (conf_is_set("mynetworks"))
		return true;
	strange = strange_word(style, known, &count);
	if (strange != NULL)
		ok = conf_fail(ret_why, "write host, subnet or class",
		    "unknown mynetworks mask style value \"%s\" in \"%s\"",
		    strange, style);
	else if (count != 1)
		ok = conf_fail(ret_why, NULL, "bad mynetworks_style value: "
		    "%s; specify exactly one value", style);
	mem_free(strange);
	return ok;
}

static bool
check_origin(const char **ret_why)
{
	const char *origin = conf_mail.myorigin;

	if (origin[strcspn(origin, TEXT_LIST_SEP)] == '\0')
		return true;
	return conf_fail(ret_why, "write one domain", "myorigin parameter "
	    "setting must not contain multiple values: %s", origin);
}

/* Mail for everybody would come back to this host. */
static bool
check_relayhost(const char **ret_why)
{
	if (!text_eq_nocase(conf_mail.relayhost, conf_mail.myhostname))
		return true;
	return conf_fail(ret_why, "name another host", "myhostname and "
	    "relayhost parameter settings must not be identical: %s",
	    conf_mail.myhostname);
}

/* An item of known_tcp_ports, "name=name=port". */
static void
look_at_port(const char *item)
{
	const char *last = strrchr(item, '='), *port;

	if (last == NULL) {
		conf_note("known_tcp_ports: in \"%s\" is not in \"name = "
		    "value\" form", item);
		return;
	}
	port = last + 1 + strspn(last + 1, " \t");
	if (*port == '\0')
		conf_note("known_tcp_ports: in \"%s\": missing port value "
		    "after \"=\"", item);
	else if (port[strcspn(port, " \t")] != '\0')
		conf_note("known_tcp_ports: in \"%s\": whitespace in port "
		    "number", item);
	else if (!text_is_digits(port))
		conf_note("known_tcp_ports: in \"%s\": non-numerical service "
		    "port", item);
}

static void
look_at_known_ports(void)
{
	char *copy = mem_strdup(conf_mail.known_tcp_ports), *rest = copy;
	char *item;

	while ((item = strsep(&rest, ",")) != NULL)
		if (*(item = text_trim(item)) != '\0')
			look_at_port(item);
	mem_free(copy);
}

bool
conf_sound(const char **ret_why)
{
	if (conf_is_set("known_tcp_ports"))
		look_at_known_ports();
	return check_protocols(ret_why) && check_style(ret_why) &&
	    check_origin(ret_why) && check_relayhost(ret_why);
}
