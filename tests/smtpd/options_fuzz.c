/* Any text behind MAIL and RCPT, and behind BDAT. */

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "smtpd/command.h"
#include "smtpd/options.c"
#include "util/mem.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

extern const char *const fuzz_words[];

const char *const fuzz_words[] = {
	"FROM:", "TO:", "<", ">", "@", "\"", "\\", "(", ")", " ", "\t",
	"a@b.example", "SIZE=", "100", "BODY=", "8BITMIME", "7BIT", "RET=",
	"FULL", "HDRS", "ENVID=", "AUTH=", "SMTPUTF8", "NOTIFY=", "NEVER",
	"SUCCESS", ",", "FAILURE", "ORCPT=", "rfc822;", "+20", "+2", "+",
	"LAST", "0", "18446744073709551616", "\303\274", "\377", NULL
};

char *
command_word(char **s)
{
	char *word = *s + strspn(*s, " \t");

	if (*word == '\0')
		return NULL;
	*s = word + strcspn(word, " \t");
	if (**s != '\0')
		*(*s)++ = '\0';
	return word;
}

static void
check_why(const char *why)
{
	assert(why != NULL && (*why == '5' || *why == '4'));
}

static void
try_parameters(const char *text, int flags)
{
	struct mail_options m = MAIL_OPTIONS_INIT;
	struct rcpt_options r = RCPT_OPTIONS_INIT;
	const char	   *why = NULL, *word;
	char		   *copy;

	copy = mem_strdup(text);
	if (!options_mail(copy, flags, &m, &why, &word))
		check_why(why);
	mem_free(copy);
	copy = mem_strdup(text);
	if (!options_rcpt(copy, flags, &r, &why, &word))
		check_why(why);
	assert(!(r.notify & NOTIFY_NEVER) || r.notify == NOTIFY_NEVER);
	mem_free(copy);
	buf_done(&m.envid);
	buf_done(&m.auth);
	buf_done(&r.orcpt);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char	*text = mem_strndup((const char *)bytes, len);
	char	*copy = mem_strdup(text), *path, *rest;
	uint64_t size;
	bool	 last;

	if (options_path(copy, "FROM:", &path, &rest) == PATH_OK) {
		assert(*path != '\0');
		try_parameters(rest, 0);
	}
	mem_free(copy);
	try_parameters(text, 0);
	try_parameters(text, OPTIONS_NO_DSN | OPTIONS_NO_SMTPUTF8);
	options_bdat(text, &size, &last);
	mem_free(text);
	return 0;
}
