#include "smtpd/xcommand.h"

#include "smtpd/command.h"
#include "smtpd/reply.h"
#include "util/text.h"

static xcommand_take_fn *
find(const struct xcommand *x, const char *name)
{
	for (const struct xcommand_attr *a = x->attrs; a->name != NULL; a++)
		if (text_eq_nocase(name, a->name))
			return a->take;
	return NULL;
}

bool
xcommand_may_run(struct session *s, const struct xcommand *x,
    const struct command_line *line, bool allowed)
{
	if (*line->rest == '\0')
		reply(s, "501 5.5.4 Syntax: %s attribute=value...", x->name);
	else if (s->tr.has_sender)
		reply(s, "503 5.5.1 Error: MAIL transaction in progress");
	else if (!allowed)
		reply(s, "550 5.7.0 Error: insufficient authorization");
	else
		return true;
	return false;
}

static bool
take_word(struct session *s, const struct xcommand *x, char *word, void *arg)
{
	struct xattr	  a = XATTR_INIT;
	const char	 *no = xattr_parse(&a, word);
	xcommand_take_fn *take;
	bool		  good = false;

	if (no != NULL)
		reply(s, "%s", no);
	else if ((take = find(x, a.name)) == NULL)
		reply(s, "501 5.5.4 Bad %s attribute name: %s", x->name,
		    a.name);
	else if (!take(arg, &a))
		reply(s, "501 5.5.4 Bad %s syntax: %s", a.name, a.value.data);
	else
		good = true;
	buf_done(&a.value);
	return good;
}

bool
xcommand_take(struct session *s, const struct xcommand *x,
    struct command_line *line, void *arg)
{
	char *word, *rest = line->rest;

	while ((word = command_word(&rest)) != NULL)
		if (!take_word(s, x, word, arg))
			return false;
	return true;
}
