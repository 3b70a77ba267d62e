#include "sasl/options.h"

#include <string.h>

#include "util/buf.h"
#include "util/text.h"

bool
sasl_options_parse(const char *list, unsigned *ret, const char **ret_word)
{
	static const struct {
		const char *name;
		unsigned    bit;
	} words[] = {
		{ "noplaintext", SASL_NO_PLAINTEXT },
		{ "noactive", SASL_NO_ACTIVE },
		{ "nodictionary", SASL_NO_DICTIONARY },
		{ "noanonymous", SASL_NO_ANONYMOUS },
		{ "forward_secrecy", SASL_FORWARD_SECRECY },
		{ "mutual_auth", SASL_MUTUAL_AUTH },
	};
	enum { COUNT = sizeof words / sizeof *words };
	unsigned bits = 0;
	size_t	 n, i;

	for (list += strspn(list, TEXT_LIST_SEP); *list != '\0';
	    list += n, list += strspn(list, TEXT_LIST_SEP)) {
		n = strcspn(list, TEXT_LIST_SEP);
		for (i = 0; i < COUNT; i++)
			if (str_is_nocase((struct str){ list, n },
			    words[i].name))
				break;
		if (i == COUNT) {
			*ret_word = list;
			return false;
		}
		bits |= words[i].bit;
	}
	*ret = bits;
	return true;
}

bool
sasl_is_base64(const char *s)
{
	static const char set[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789+/=";

	return s[strspn(s, set)] == '\0';
}
