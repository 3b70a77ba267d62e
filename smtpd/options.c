#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mail/dsn_notify.h"
#include "mail/envelope.h"
#include "smtpd/command.h"
#include "smtpd/options.h"
#include "util/text.h"

static bool
is_space(char c)
{
	return c == ' ' || c == '\t';
}

/*
 * The end of the address: white space outside of <>, "" and ().  NULL if
 * something is left open.
 */
static char *
path_end(char *p)
{
	bool in_angle = false;

	for (; *p != '\0'; p++) {
		if (is_space(*p) && !in_angle)
			return p;
		if (*p == '<') {
			in_angle = true;
		} else if (*p == '>') {
			in_angle = false;
		} else if (*p == '\\' && p[1] != '\0') {
			p++;
		} else if (*p == '"') {
			while (*++p != '"') {
				if (*p == '\\')
					p++;
				if (*p == '\0')
					return NULL;
			}
		}
	}
	return in_angle ? NULL : p;
}

enum path_result
options_path(char *text, const char *keyword, char **ret_path, char **ret_rest)
{
	size_t	n = strlen(keyword);
	char   *end;

	if (strncasecmp(text, keyword, n) != 0)
		return PATH_SYNTAX;
	for (text += n; is_space(*text); text++)
		;
	if (*text == '\0')
		return PATH_SYNTAX;
	if ((end = path_end(text)) == NULL)
		return PATH_UNBALANCED;
	if (*end != '\0')
		*end++ = '\0';
	*ret_path = text;
	*ret_rest = end;
	return PATH_OK;
}

/* --- one function a parameter: false with the reply in *why */

static bool
mail_size(struct mail_options *o, const char *value, const char **why)
{
	uint64_t n;

	*why = "501 5.5.4 Bad message size syntax";
	if (!text_is_digits(value))
		return false;
	*why = "552 5.3.4 Message size exceeds file system imposed limit";
	if (!text_to_u64(value, INT64_MAX, &n))
		return false;
	o->has_size = true;
	o->size = n;
	return true;
}

static bool
mail_body(struct mail_options *o, const char *value, const char **why)
{
	*why = "555 5.5.4 Unsupported option: %s";
	if (text_eq_nocase(value, "8BITMIME"))
		o->body = "8BITMIME";
	else if (text_eq_nocase(value, "7BIT"))
		o->body = "7BIT";
	else
		return false;
	return true;
}

static bool
mail_ret(struct mail_options *o, const char *value, const char **why)
{
	*why = "501 5.5.4 Bad RET parameter syntax";
	if (o->ret != NULL)
		return false;
	if (text_eq_nocase(value, "FULL"))
		o->ret = "FULL";
	else if (text_eq_nocase(value, "HDRS"))
		o->ret = "HDRS";
	return o->ret != NULL;
}

static bool
is_printable(const struct buf *b, bool may_be_8bit)
{
	unsigned char c;

	for (size_t i = 0; i < b->len; i++) {
		c = (unsigned char)b->data[i];
		if (c < ' ' || c == 0x7f || (c > 0x7f && !may_be_8bit))
			return false;
	}
	return true;
}

static bool
mail_envid(struct mail_options *o, const char *value, const char **why)
{
	size_t n = strlen(value);

	*why = "501 5.5.4 Bad ENVID parameter syntax";
	if (o->has_envid || n == 0 ||
	    !text_unxtext(&o->envid, value, n) ||
	    !is_printable(&o->envid, false))
		return false;
	o->has_envid = true;
	return true;
}

/* RFC 4954 5.  As written: it goes into logs and to filters only. */
static bool
mail_auth(struct mail_options *o, const char *value, const char **why)
{
	*why = "503 5.5.4 Error: multiple AUTH= options";
	if (o->has_auth)
		return false;
	o->has_auth = true;
	if (!text_eq(value, "<>"))
		text_printable(&o->auth, value, strlen(value), true);
	return true;
}

static bool
mail_smtputf8(struct mail_options *o, const char *value, const char **why)
{
	(void)value;
	(void)why;
	o->smtputf8 = true;
	return true;
}

static bool
mail_requiretls(struct mail_options *o, const char *value, const char **why)
{
	(void)value;
	(void)why;
	o->requiretls = true;
	return true;
}

static bool
mail_verp(struct mail_options *o, const char *value, const char **why)
{
	(void)why;
	o->verp = value;
	return true;
}

/* Beside the OPTIONS_NO_* bits. */
enum { HAS_VALUE = 1 << 8, MAY_HAVE_VALUE = 1 << 9 };

static const struct mail_parameter {
	const char *name;
	int	    flags;
	bool	  (*take)(struct mail_options *, const char *, const char **);
} mail_parameters[] = {
	{ "SIZE", HAS_VALUE, mail_size },
	{ "BODY", HAS_VALUE, mail_body },
	{ "RET", HAS_VALUE | OPTIONS_NO_DSN, mail_ret },
	{ "ENVID", HAS_VALUE | OPTIONS_NO_DSN, mail_envid },
	{ "AUTH", HAS_VALUE, mail_auth },
	{ "SMTPUTF8", OPTIONS_NO_SMTPUTF8, mail_smtputf8 },
	{ "XVERP", MAY_HAVE_VALUE | OPTIONS_NO_VERP, mail_verp },
	{ "REQUIRETLS", OPTIONS_NO_REQUIRETLS, mail_requiretls },
};

/* The value of "NAME=value" or "" for a bare NAME; NULL if it is another. */
static const char *
value_of(const char *word, const char *name, int flags)
{
	size_t n = strlen(name);

	if (strncasecmp(word, name, n) != 0)
		return NULL;
	if (flags & HAS_VALUE || (flags & MAY_HAVE_VALUE && word[n] != '\0'))
		return word[n] == '=' ? word + n + 1 : NULL;
	return word[n] == '\0' ? word + n : NULL;
}

static bool
mail_word(const char *word, int off, struct mail_options *o, const char **why)
{
	const struct mail_parameter *p = mail_parameters;
	const struct mail_parameter *end = p +
	    sizeof mail_parameters / sizeof *mail_parameters;
	const char *value;

	for (; p < end; p++) {
		value = value_of(word, p->name, p->flags);
		if (value == NULL)
			continue;
		if (off & p->flags & OPTIONS_NO_DSN) {
			*why = "501 5.7.1 DSN support is disabled";
			return false;
		}
		if (off & p->flags & (OPTIONS_NO_SMTPUTF8 | OPTIONS_NO_VERP |
		    OPTIONS_NO_REQUIRETLS))
			break;
		return p->take(o, value, why);
	}
	*why = "555 5.5.4 Unsupported option: %s";
	return false;
}

bool
options_mail(char *text, int off, struct mail_options *o,
    const char **ret_why, const char **ret_word)
{
	while ((*ret_word = command_word(&text)) != NULL)
		if (!mail_word(*ret_word, off, o, ret_why))
			return false;
	return true;
}

/* NEVER stands alone (RFC 3461 4.1). */
static bool
rcpt_notify(struct rcpt_options *o, const char *list)
{
	uint8_t	bits = 0, bit;
	size_t	n;

	if (o->notify != 0)
		return false;
	for (const char *word = list; *word != '\0'; word += n) {
		n = strcspn(word, ",");
		if (n == 0) {		/* "SUCCESS,,DELAY" */
			n = 1;
			continue;
		}
		bit = dsn_notify_bit((struct str){ word, n });
		if (bit == 0) {
			o->odd_in = list;
			o->odd_notify = (struct str){ word, n };
			return false;
		}
		bits |= bit;
	}
	if (!dsn_notify_is_sound(bits))
		return false;
	o->notify = bits;
	return true;
}

static void
add_utf8(struct buf *b, unsigned c)
{
	if (c < 0x80) {
		buf_addc(b, (char)c);
		return;
	}
	if (c < 0x800) {
		buf_addc(b, (char)(0xc0 | c >> 6));
	} else if (c < 0x10000) {
		buf_addc(b, (char)(0xe0 | c >> 12));
		buf_addc(b, (char)(0x80 | (c >> 6 & 0x3f)));
	} else {
		buf_addc(b, (char)(0xf0 | c >> 18));
		buf_addc(b, (char)(0x80 | (c >> 12 & 0x3f)));
		buf_addc(b, (char)(0x80 | (c >> 6 & 0x3f)));
	}
	buf_addc(b, (char)(0x80 | (c & 0x3f)));
}

/* "\x{HEX}" for a character, "+" is one (RFC 6533 3, utf-8-addr-xtext) */
static bool
add_unescaped(struct buf *out, const char *p)
{
	unsigned long c;
	size_t	      n;

	for (; *p != '\0'; p++) {
		if (*p != '\\') {
			buf_addc(out, *p);
			continue;
		}
		if (p[1] != 'x' || p[2] != '{')
			return false;
		n = strspn(p += 3, "0123456789ABCDEFabcdef");
		if (n == 0 || n > 6 || p[n] != '}')
			return false;
		c = strtoul(p, NULL, 16);
		if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
			return false;
		add_utf8(out, (unsigned)c);
		p += n;
	}
	return true;
}

/* "type;xtext" (RFC 3461 4.2) */
static bool
rcpt_orcpt(struct rcpt_options *o, const char *value)
{
	const char *semi = strchr(value, ';');
	bool	    good;

	if (o->has_orcpt || semi == NULL || semi == value)
		return false;
	buf_add(&o->orcpt, value, (size_t)(semi + 1 - value));
	if (strncasecmp(value, "utf-8;", 6) == 0)
		good = add_unescaped(&o->orcpt, semi + 1);
	else
		good = text_unxtext(&o->orcpt, semi + 1, strlen(semi + 1));
	if (!good || !is_printable(&o->orcpt, true))
		return false;
	o->has_orcpt = true;
	return true;
}

static bool
rcpt_word(char *word, int off, struct rcpt_options *o, const char **why)
{
	bool good;

	if (strncasecmp(word, "NOTIFY=", 7) == 0) {
		*why = "501 5.5.4 Error: Bad NOTIFY parameter syntax";
		good = (off & OPTIONS_NO_DSN) || rcpt_notify(o, word + 7);
	} else if (strncasecmp(word, "ORCPT=", 6) == 0) {
		*why = "501 5.5.4 Error: Bad ORCPT parameter syntax";
		good = (off & OPTIONS_NO_DSN) || rcpt_orcpt(o, word + 6);
	} else {
		*why = "555 5.5.4 Unsupported option: %s";
		return false;
	}
	if (off & OPTIONS_NO_DSN) {
		*why = "501 5.7.1 DSN support is disabled";
		return false;
	}
	return good;
}

bool
options_rcpt(char *text, int off, struct rcpt_options *o,
    const char **ret_why, const char **ret_word)
{
	char *word;

	while ((*ret_word = word = command_word(&text)) != NULL)
		if (!rcpt_word(word, off, o, ret_why))
			return false;
	return true;
}

bool
options_bdat(char *text, uint64_t *ret_size, bool *ret_last)
{
	char *count = command_word(&text);
	char *last = command_word(&text);

	if (count == NULL || command_word(&text) != NULL ||
	    (last != NULL && !text_eq_nocase(last, "LAST")) ||
	    !text_is_digits(count) ||
	    !text_to_u64(count, INT64_MAX, ret_size))
		return false;
	*ret_last = last != NULL;
	return true;
}
