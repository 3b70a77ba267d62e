/*
 * Where maillog_file may be.  By itself, since the commands that ask are
 * linked with little: sendmail is started for each message.
 */

#include <string.h>

#include "conf/conf.h"
#include "server/maillog.h"
#include "util/mem.h"
#include "util/text.h"

/* "/var" is a prefix of "/var/log/mail.log", not of "/various". */
static bool
is_below(const char *path, const char *prefix)
{
	size_t n = strlen(prefix);

	while (n > 1 && prefix[n - 1] == '/')
		n--;
	return strncmp(path, prefix, n) == 0 &&
	    (path[n] == '/' || path[n] == '\0' || n == 1);
}

bool
maillog_is_allowed(const char *path, const char *prefixes)
{
	char *copy, *s, *word;
	bool  ok = false;

	if (*path == '\0')
		return true;
	s = copy = mem_strdup(prefixes);
	while ((word = text_word(&s, TEXT_LIST_SEP, false)) != NULL)
		ok = ok || is_below(path, word);
	mem_free(copy);
	return ok && strstr(path, "/../") == NULL;
}

bool
maillog_check(const char **ret_why)
{
	static char *why;

	if (maillog_is_allowed(conf_mail.maillog_file,
	    conf_mail.maillog_file_prefixes))
		return true;
	mem_free(why);
	why = mem_printf(MAILLOG_NOT_ALLOWED, conf_mail.maillog_file);
	*ret_why = why;
	return false;
}
