/* tls_words - what main.cf says about TLS, from words to numbers */

#include <stdlib.h>
#include <string.h>

#include "net/tls_int.h"
#include "util/text.h"

#define SEPARATORS	", \t\r\n:"

/* --- levels and grades */

static const struct {
	const char	*name;
	enum tls_level	 level;
} levels[] = {
	{ "none", TLS_LEVEL_NONE },
	{ "may", TLS_LEVEL_MAY },
	{ "encrypt", TLS_LEVEL_ENCRYPT },
	{ "fingerprint", TLS_LEVEL_FINGERPRINT },
	{ "half-dane", TLS_LEVEL_HALF_DANE },
	{ "dane", TLS_LEVEL_DANE },
	{ "dane-only", TLS_LEVEL_DANE_ONLY },
	{ "verify", TLS_LEVEL_VERIFY },
	{ "secure", TLS_LEVEL_SECURE },
};

enum { LEVELS = sizeof levels / sizeof *levels };

enum tls_level
tls_level_parse(const char *word)
{
	for (int i = 0; i < LEVELS; i++)
		if (text_eq_nocase(word, levels[i].name))
			return levels[i].level;
	return TLS_LEVEL_BAD;
}

const char *
tls_level_name(enum tls_level level)
{
	for (int i = 0; i < LEVELS; i++)
		if (levels[i].level == level)
			return levels[i].name;
	return "invalid";
}

enum tls_grade
tls_grade_parse(const char *word)
{
	static const struct {
		const char	*name;
		enum tls_grade	 grade;
	} grades[] = {
		{ "high", TLS_GRADE_HIGH },
		{ "medium", TLS_GRADE_MEDIUM },
		{ "low", TLS_GRADE_MEDIUM },
		{ "export", TLS_GRADE_MEDIUM },
		{ "null", TLS_GRADE_NULL },
	};

	for (size_t i = 0; i < sizeof grades / sizeof *grades; i++)
		if (text_eq_nocase(word, grades[i].name))
			return grades[i].grade;
	return TLS_GRADE_BAD;
}

/* --- protocols */

static const struct protocol {
	const char	*name;
	int		 version;
	unsigned	 off;
} protocols[] = {
	{ "SSLv2", 0x0002, 0 },		/* long gone: may be named */
	{ "SSLv3", 0x0300, TLS_OFF_SSL3 },
	{ "TLSv1", 0x0301, TLS_OFF_TLS1 },
	{ "TLSv1.1", 0x0302, TLS_OFF_TLS1_1 },
	{ "TLSv1.2", 0x0303, TLS_OFF_TLS1_2 },
	{ "TLSv1.3", 0x0304, TLS_OFF_TLS1_3 },
};

enum { PROTOCOLS = sizeof protocols / sizeof *protocols };

static const struct protocol *
find_protocol(const char *name)
{
	for (int i = 0; i < PROTOCOLS; i++)
		if (text_eq_nocase(name, protocols[i].name))
			return &protocols[i];
	return NULL;
}

/* A bound: a name or the hexadecimal number of a protocol that may be newer
 * than we are; 0 is none. */
static bool
parse_bound(const char *word, int *ret)
{
	const struct protocol *p = find_protocol(word);
	char		      *end;
	unsigned long	       n;

	if (p != NULL) {
		*ret = p->version > 2 ? p->version : 0;
		return true;
	}
	n = strtoul(word, &end, 16);
	if (*word == '\0' || *end != '\0' || n > 0xffff ||
	    (n != 0 && n < 0x0300))
		return false;
	*ret = (int)n;
	return true;
}

static bool
take_protocol(struct tls_protocols *p, const char *word, unsigned *wanted)
{
	const struct protocol *found;

	if (text_starts(word, ">="))
		return parse_bound(word + 2, &p->min);
	if (text_starts(word, "<="))
		return parse_bound(word + 2, &p->max);
	found = find_protocol(word + (*word == '!'));
	if (found == NULL)
		return false;
	if (*word == '!')
		p->off |= found->off;
	else
		*wanted |= found->off;
	return true;
}

bool
tls_protocols_parse(struct tls_protocols *ret, const char *text,
    const char **ret_why)
{
	struct tls_protocols p = { 0, 0, 0 };
	char		    *copy = mem_strdup(text), *next = copy, *word;
	unsigned	     wanted = 0;
	bool		     good = true;

	while (good && (word = text_word(&next, SEPARATORS, false)) != NULL)
		good = take_protocol(&p, word, &wanted);
	mem_free(copy);
	if (!good) {
		*ret_why = "write names such as >=TLSv1.2 or !SSLv3";
		return false;
	}
	/* Names without a sign: these and no others. */
	if (wanted != 0)
		p.off |= ~wanted & (TLS_OFF_SSL3 | TLS_OFF_TLS1 |
		    TLS_OFF_TLS1_1 | TLS_OFF_TLS1_2 | TLS_OFF_TLS1_3);
	*ret = p;
	return true;
}

/* --- options of OpenSSL */

struct option {
	const char	*name;
	uint64_t	 bit;
};

#define OPTION(name) { #name, SSL_OP_##name }

static const struct option on_options[] = {
	OPTION(ALLOW_NO_DHE_KEX),
	OPTION(ALLOW_UNSAFE_LEGACY_RENEGOTIATION),
	OPTION(CIPHER_SERVER_PREFERENCE),
	OPTION(CISCO_ANYCONNECT),
	OPTION(CLEANSE_PLAINTEXT),
	OPTION(COOKIE_EXCHANGE),
	OPTION(CRYPTOPRO_TLSEXT_BUG),
	OPTION(ENABLE_KTLS),
	OPTION(ENABLE_MIDDLEBOX_COMPAT),
	OPTION(IGNORE_UNEXPECTED_EOF),
	OPTION(LEGACY_SERVER_CONNECT),
	OPTION(NO_ANTI_REPLAY),
	OPTION(NO_COMPRESSION),
	OPTION(NO_ENCRYPT_THEN_MAC),
	OPTION(NO_EXTENDED_MASTER_SECRET),
	OPTION(NO_QUERY_MTU),
	OPTION(NO_RENEGOTIATION),
	OPTION(NO_SESSION_RESUMPTION_ON_RENEGOTIATION),
	OPTION(NO_TICKET),
	OPTION(PRIORITIZE_CHACHA),
	OPTION(TLSEXT_PADDING),
	{ NULL, 0 }
};

static const struct option workarounds[] = {
	OPTION(CRYPTOPRO_TLSEXT_BUG),
	OPTION(DONT_INSERT_EMPTY_FRAGMENTS),
	OPTION(LEGACY_SERVER_CONNECT),
	OPTION(SAFARI_ECDHE_ECDSA_BUG),
	OPTION(TLSEXT_PADDING),
	/* of older releases: known, and gone */
	{ "MICROSOFT_BIG_SSLV3_BUFFER", 0 },
	{ "MICROSOFT_SESS_ID_BUG", 0 },
	{ "MSIE_SSLV2_RSA_PADDING", 0 },
	{ "NETSCAPE_CHALLENGE_BUG", 0 },
	{ "NETSCAPE_REUSE_CIPHER_CHANGE_BUG", 0 },
	{ "SSLEAY_080_CLIENT_DH_BUG", 0 },
	{ "SSLREF2_REUSE_CERT_TYPE_BUG", 0 },
	{ "TLS_BLOCK_PADDING_BUG", 0 },
	{ "TLS_D5_BUG", 0 },
	{ "TLS_ROLLBACK_BUG", 0 },
	{ "CVE-2005-2969", 0 },
	{ "CVE-2010-4180", 0 },
	{ "ALL", SSL_OP_ALL },
	{ NULL, 0 }
};

static bool
take_option(const struct option *o, const char *word, uint64_t *bits)
{
	char	     *end;
	unsigned long n;

	for (; o->name != NULL; o++)
		if (text_eq_nocase(word, o->name)) {
			*bits |= o->bit;
			return true;
		}
	if (!text_starts_nocase(word, "0x"))
		return false;
	n = strtoul(word, &end, 16);
	*bits |= n;
	return *end == '\0' && end > word + 2;
}

uint64_t
tls_options_parse(const char *parameter, const char *names,
    bool is_workarounds)
{
	char	*copy = mem_strdup(names), *next = copy, *word;
	uint64_t bits = 0;

	while ((word = text_word(&next, SEPARATORS, false)) != NULL)
		if (!take_option(is_workarounds ? workarounds : on_options,
		    word, &bits))
			tls_say(true, "unknown %s value \"%s\" in \"%s\"",
			    parameter, word, names);
	mem_free(copy);
	return bits;
}
