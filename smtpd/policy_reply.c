#include "smtpd/policy_reply.h"

#include <string.h>

static struct str
trim(const char *p, size_t n)
{
	while (n > 0 && (*p == ' ' || *p == '\t')) {
		p++;
		n--;
	}
	while (n > 0 && (p[n - 1] == ' ' || p[n - 1] == '\t' ||
	    p[n - 1] == '\r'))
		n--;
	return (struct str){ p, n };
}

/* The first "action" counts; other attributes are for later releases. */
static const char *
take_line(const char *line, size_t len, struct str *action)
{
	const char *eq = memchr(line, '=', len);
	struct str  name;

	if (eq == NULL)
		return "an attribute without \"=\"";
	name = trim(line, (size_t)(eq - line));
	if (action->p == NULL && str_is(name, "action"))
		*action = trim(eq + 1, len - (size_t)(eq + 1 - line));
	return NULL;
}

enum policy_reply
policy_reply_parse(const char *bytes, size_t len, struct str *ret_action,
    size_t *ret_used, const char **ret_why)
{
	const char *p = bytes, *end = bytes + len, *lf;
	struct str  action = { NULL, 0 };
	size_t	    n;

	if (memchr(bytes, '\0', len) != NULL) {
		*ret_why = "a null byte";
		return POLICY_REPLY_BAD;
	}
	for (; (lf = memchr(p, '\n', (size_t)(end - p))) != NULL; p = lf + 1) {
		n = (size_t)(lf - p);
		if (n == 0 || (n == 1 && *p == '\r'))
			break;
		*ret_why = take_line(p, n, &action);
		if (*ret_why != NULL)
			return POLICY_REPLY_BAD;
	}
	if (lf == NULL)
		return POLICY_REPLY_MORE;
	*ret_why = "no action";
	if (action.p == NULL)
		return POLICY_REPLY_BAD;
	*ret_action = action;
	*ret_used = (size_t)(lf + 1 - bytes);
	return POLICY_REPLY_OK;
}
