#include "sasl/dovecot_proto.h"

#include <string.h>

#include "sasl/options.h"
#include "util/buf.h"
#include "util/text.h"

static void
unescape(char *s)
{
	static const char codes[] = "01trn", bytes[] = "\0\001\t\r\n";
	const char *at;
	char	   *to = s;

	for (; *s != '\0'; s++) {
		if (*s == '\001' && s[1] != '\0' &&
		    (at = strchr(codes, s[1])) != NULL) {
			s++;
			*to++ = bytes[at - codes];
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

/* The next word, which may be empty; NULL at the end. */
static char *
next_word(char **at)
{
	char *word = *at, *tab;

	if (word == NULL)
		return NULL;
	tab = strchr(word, '\t');
	if (tab != NULL)
		*tab++ = '\0';
	*at = tab;
	unescape(word);
	return word;
}

static enum dovecot_verb
find_verb(const char *word)
{
	static const char *const verbs[DOVECOT_OTHER] = {
		[DOVECOT_VERSION] = "VERSION", [DOVECOT_MECH] = "MECH",
		[DOVECOT_DONE] = "DONE", [DOVECOT_OK] = "OK",
		[DOVECOT_CONT] = "CONT", [DOVECOT_FAIL] = "FAIL",
	};

	for (int i = 0; i < DOVECOT_OTHER; i++)
		if (text_eq(word, verbs[i]))
			return (enum dovecot_verb)i;
	return DOVECOT_OTHER;
}

static bool
take_id(char **at, struct dovecot_line *l)
{
	char	*word = next_word(at);
	uint64_t id;

	if (word == NULL || !text_is_digits(word) ||
	    !text_to_u64(word, UINT32_MAX, &id))
		return false;
	l->id = (uint32_t)id;
	return true;
}

void
dovecot_parse(char *line, struct dovecot_line *ret)
{
	char *at = line, *word = next_word(&at);

	ret->verb = find_verb(word);
	ret->id = 0;
	ret->name = "";
	ret->word_count = 0;
	if (ret->verb == DOVECOT_OTHER || ret->verb == DOVECOT_DONE)
		return;
	if (ret->verb != DOVECOT_MECH && !take_id(&at, ret)) {
		ret->verb = DOVECOT_BAD;
		return;
	}
	if (ret->verb == DOVECOT_MECH || ret->verb == DOVECOT_CONT) {
		word = next_word(&at);
		ret->name = word != NULL ? word : "";
		if (ret->verb == DOVECOT_MECH ? *ret->name == '\0' :
		    !sasl_is_base64(ret->name)) {
			ret->verb = DOVECOT_BAD;
			return;
		}
	}
	while (ret->word_count < DOVECOT_WORDS &&
	    (word = next_word(&at)) != NULL)
		ret->words[ret->word_count++] = word;
}

const char *
dovecot_find(const struct dovecot_line *l, const char *name)
{
	size_t n = strlen(name);

	for (unsigned i = 0; i < l->word_count; i++) {
		const char *word = l->words[i];

		if (strncmp(word, name, n) != 0)
			continue;
		if (word[n] == '=')
			return word + n + 1;
		if (word[n] == '\0')
			return word + n;
	}
	return NULL;
}

bool
dovecot_may_offer(const struct dovecot_line *mech, unsigned options)
{
	static const struct {
		const char *property;
		unsigned    unless;
	} bad[] = {
		{ "plaintext", SASL_NO_PLAINTEXT },
		{ "active", SASL_NO_ACTIVE },
		{ "dictionary", SASL_NO_DICTIONARY },
		{ "anonymous", SASL_NO_ANONYMOUS },
		{ "private", ~0U },	/* between Dovecot's own programs */
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if ((bad[i].unless == ~0U || (options & bad[i].unless)) &&
		    dovecot_find(mech, bad[i].property) != NULL)
			return false;
	if ((options & SASL_FORWARD_SECRECY) &&
	    dovecot_find(mech, "forward-secrecy") == NULL)
		return false;
	return !(options & SASL_MUTUAL_AUTH) ||
	    dovecot_find(mech, "mutual-auth") != NULL;
}

static void
add_escaped(struct buf *b, const char *text)
{
	static const char bytes[] = "\001\t\r\n", codes[] = "1trn";
	const char *at;

	for (; *text != '\0'; text++) {
		if ((at = strchr(bytes, *text)) != NULL) {
			buf_addc(b, '\001');
			buf_addc(b, codes[at - bytes]);
		} else {
			buf_addc(b, *text);
		}
	}
}

void
dovecot_add(struct buf *b, const char *name, const char *value)
{
	buf_addc(b, '\t');
	add_escaped(b, name);
	if (value == NULL)
		return;
	buf_addc(b, '=');
	add_escaped(b, value);
}
