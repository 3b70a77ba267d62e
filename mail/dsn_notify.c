#include "mail/dsn_notify.h"

#include "mail/envelope.h"

static const struct {
	const char *word;
	uint8_t	    bit;
} words[] = {
	{ "NEVER", NOTIFY_NEVER }, { "SUCCESS", NOTIFY_SUCCESS },
	{ "FAILURE", NOTIFY_FAILURE }, { "DELAY", NOTIFY_DELAY },
};

enum { WORDS = sizeof words / sizeof *words };

uint8_t
dsn_notify_bit(struct str word)
{
	for (int i = 0; i < WORDS; i++)
		if (str_is_nocase(word, words[i].word))
			return words[i].bit;
	return 0;
}

bool
dsn_notify_is_sound(unsigned bits)
{
	return bits == NOTIFY_NEVER ||
	    (bits != 0 && (bits & NOTIFY_NEVER) == 0);
}

void
dsn_notify_add(struct buf *b, unsigned bits)
{
	const char *separator = "";

	for (int i = 0; i < WORDS; i++)
		if (bits & words[i].bit) {
			buf_addf(b, "%s%s", separator, words[i].word);
			separator = ",";
		}
}
