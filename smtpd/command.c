#include <string.h>

#include "smtpd/command.h"
#include "util/text.h"

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' ||
	    c == '\v' || c == '\f';
}

void
command_split(char *line, struct command_line *ret)
{
	char *p = line, *end;

	while (is_space(*p))
		p++;
	ret->verb = p;
	while (*p != '\0' && !is_space(*p))
		p++;
	ret->gap = *p;
	if (*p != '\0')
		*p++ = '\0';
	while (is_space(*p))
		p++;
	ret->rest = p;
	for (end = p + strlen(p); end > p && is_space(end[-1]); end--)
		;
	*end = '\0';
}

void
command_join(struct command_line *line)
{
	if (*line->rest != '\0')
		line->verb[strlen(line->verb)] = line->gap;
}

char *
command_word(char **s)
{
	char *word = *s;

	while (is_space(*word))
		word++;
	if (*word == '\0')
		return NULL;
	for (*s = word; **s != '\0' && !is_space(**s); ++*s)
		;
	if (**s != '\0')
		*(*s)++ = '\0';
	return word;
}

static const struct command commands[] = {
	{ "HELO", VERB_HELO, COMMAND_JUNK | COMMAND_LAST | COMMAND_CLEAR,
	    helo_run },
	{ "EHLO", VERB_EHLO, COMMAND_JUNK | COMMAND_LAST | COMMAND_CLEAR,
	    ehlo_run },
	{ "XCLIENT", VERB_XCLIENT, COMMAND_CLEAR, xclient_run },
	{ "XFORWARD", VERB_XFORWARD, COMMAND_CLEAR, xforward_run },
	{ "STARTTLS", VERB_STARTTLS, COMMAND_CLEAR | COMMAND_OTHER,
	    starttls_run },
	{ "AUTH", VERB_AUTH, COMMAND_OTHER, auth_run },
	{ "MAIL", VERB_MAIL, 0, mail_run },
	{ "RCPT", VERB_RCPT, 0, rcpt_run },
	{ "DATA", VERB_DATA, COMMAND_LAST, data_run },
	{ "BDAT", VERB_BDAT, 0, bdat_run },
	{ "RSET", VERB_RSET, COMMAND_JUNK, rset_run },
	{ "NOOP", VERB_NOOP, COMMAND_JUNK | COMMAND_LAST | COMMAND_CLEAR,
	    noop_run },
	{ "VRFY", VERB_VRFY, COMMAND_JUNK | COMMAND_LAST | COMMAND_OTHER,
	    vrfy_run },
	{ "ETRN", VERB_ETRN, COMMAND_JUNK | COMMAND_OTHER, etrn_run },
	{ "QUIT", VERB_QUIT, COMMAND_CLEAR, quit_run },
	{ "HELP", VERB_HELP, COMMAND_CLEAR, help_run },
};

const struct command *
command_find(const char *verb)
{
	const struct command *c = commands;
	const struct command *end = c + sizeof commands / sizeof *commands;

	for (; c < end; c++)
		if (text_eq_nocase(verb, c->verb))
			return c;
	return NULL;
}
