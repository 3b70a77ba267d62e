/* Any bytes as a command line: the parts are parts of it, without white space
 * at their ends, and each word is found once. */

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "smtpd/command.c"
#include "util/mem.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

extern const char *const fuzz_words[];

const char *const fuzz_words[] = {
	"EHLO", "mail", "RCPT", "FROM:<a@b>", " ", "\t", "\r", "\v", "NOOP",
	"XCLIENT", "a=b", "\"", "\377", NULL
};

#define STUB(name) \
	bool \
	name(struct session *s, struct command_line *l) \
	{ \
		return s != NULL && l != NULL; \
	}

STUB(auth_run)
STUB(bdat_run)
STUB(data_run)
STUB(ehlo_run)
STUB(etrn_run)
STUB(helo_run)
STUB(help_run)
STUB(mail_run)
STUB(noop_run)
STUB(quit_run)
STUB(rcpt_run)
STUB(rset_run)
STUB(starttls_run)
STUB(vrfy_run)
STUB(xclient_run)
STUB(xforward_run)

static void
count_words(const char *rest)
{
	char  *copy = mem_strdup(rest), *next = copy, *word;
	size_t words = 0, bytes = 0;

	while ((word = command_word(&next)) != NULL) {
		assert(*word != '\0' && strpbrk(word, " \t\r\n\v\f") == NULL);
		bytes += strlen(word);
		words++;
	}
	assert(bytes <= strlen(rest) && words <= strlen(rest));
	mem_free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char		   *line = mem_strndup((const char *)bytes, len);
	size_t		    n = strlen(line);
	struct command_line c;

	command_split(line, &c);
	assert(strlen(c.verb) + strlen(c.rest) <= n);
	assert(*c.verb != '\0' || *c.rest == '\0');
	assert(*c.rest == '\0' || (!is_space(*c.rest) &&
	    !is_space(c.rest[strlen(c.rest) - 1])));
	count_words(c.rest);
	command_find(c.verb);
	mem_free(line);
	return 0;
}
