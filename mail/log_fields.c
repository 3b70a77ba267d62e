/* log_fields - the facts in the text of a log line, by name */

#include <stdlib.h>
#include <string.h>

#include "mail/log_line.h"

struct fields {
	struct log_field *list;
	size_t		  count;
};

static void
add(struct fields *f, struct str key, struct str value)
{
	if (f->count < LOG_FIELDS_MAX)
		f->list[f->count++] = (struct log_field){ key, value };
}

static void
add_named(struct fields *f, const char *key, struct str value)
{
	add(f, str_of(key), value);
}

static struct str
skip(struct str s, size_t n)
{
	return n < s.n ? (struct str){ s.p + n, s.n - n } : STR("");
}

static struct str
until(struct str s, const char *end)
{
	const char *at = s.n == 0 ? NULL : memmem(s.p, s.n, end, strlen(end));

	return at == NULL ? s : (struct str){ s.p, (size_t)(at - s.p) };
}

static bool
starts(struct str s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.n >= n && memcmp(s.p, prefix, n) == 0;
}

static bool
is_key_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* Bytes of "key" before '=', 0: none. */
static size_t
key_len(struct str s)
{
	size_t n = 0;

	while (n < s.n && is_key_byte(s.p[n]))
		n++;
	return n < s.n && s.p[n] == '=' ? n : 0;
}

/* A value in <> ends where a separator or the end follows: a quoted local
 * part may have a '>' of its own. */
static size_t
angle_len(struct str s)
{
	bool quoted = false;

	for (size_t i = 1; i < s.n; i++) {
		if (quoted && s.p[i] == '\\') {
			i++;
		} else if (s.p[i] == '"') {
			quoted = !quoted;
		} else if (s.p[i] == '>' && !quoted) {
			return i + 1;
		}
	}
	/* A lone quote: the first '>' that can end it. */
	for (size_t i = 1; i < s.n; i++)
		if (s.p[i] == '>' && (i + 1 == s.n || s.p[i + 1] == ',' ||
		    s.p[i + 1] == ' '))
			return i + 1;
	return s.n;
}

static size_t
plain_len(struct str s)
{
	size_t n = 0;

	while (n < s.n && s.p[n] != ' ' && s.p[n] != ',' && s.p[n] != ';')
		n++;
	return n;
}

/* "(text)" at the end: up to the last parenthesis. */
static struct str
in_parentheses(struct str s)
{
	if (s.n < 2 || *s.p != '(')
		return STR("");
	s = skip(s, 1);
	if (s.n > 0 && s.p[s.n - 1] == ')')
		s.n--;
	return s;
}

/* "a=b, c=<d> e=f (text)" */
static void
add_pairs(struct fields *f, struct str s)
{
	size_t	   n;
	struct str key, value;

	while (s.n > 0) {
		while (s.n > 0 && (*s.p == ' ' || *s.p == ',' || *s.p == ';'))
			s = skip(s, 1);
		if (s.n > 0 && *s.p == '(') {
			add_named(f, "reason", in_parentheses(s));
			return;
		}
		n = key_len(s);
		if (n == 0) {
			/* A word that is no fact: "returned to sender". */
			s = skip(s, plain_len(s) + (plain_len(s) == 0));
			continue;
		}
		key = (struct str){ s.p, n };
		s = skip(s, n + 1);
		n = s.n > 0 && *s.p == '<' ? angle_len(s) : plain_len(s);
		value = (struct str){ s.p, n };
		s = skip(s, n);
		if (value.n >= 2 && *value.p == '<' &&
		    value.p[value.n - 1] == '>')
			value = (struct str){ value.p + 1, value.n - 2 };
		add(f, key, value);
	}
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "550 5.1.1 text": code and dsn, the rest is the reason. */
static void
add_reply(struct fields *f, struct str s)
{
	size_t n;

	if (s.n > 4 && is_digit(s.p[0]) && is_digit(s.p[1]) &&
	    is_digit(s.p[2]) && s.p[3] == ' ') {
		add_named(f, "code", (struct str){ s.p, 3 });
		s = skip(s, 4);
	}
	for (n = 0; n < s.n && (is_digit(s.p[n]) || s.p[n] == '.'); n++)
		;
	if (n >= 5 && s.p[1] == '.' && n < s.n && s.p[n] == ' ') {
		add_named(f, "dsn", (struct str){ s.p, n });
		s = skip(s, n + 1);
	}
	add_named(f, "reason", s);
}

/* Where the facts begin: the last "; " before a pair. */
static size_t
facts_at(struct str s)
{
	for (size_t i = s.n; i-- > 0;)
		if (s.p[i] == ';' && i + 1 < s.n && s.p[i + 1] == ' ' &&
		    (starts(skip(s, i + 2), "from=<") ||
		    starts(skip(s, i + 2), "proto=") ||
		    starts(skip(s, i + 2), "to=<") ||
		    starts(skip(s, i + 2), "client=")))
			return i;
	return s.n;
}

/* "reject: RCPT from host[addr]: 550 5.1.1 text; from=<> to=<> ..." or
 * cleanup's "reject: header Subject: x from host[addr]; from=<>: text" */
static void
add_verdict(struct fields *f, struct str s)
{
	struct str word = until(s, ": "), stage, client;
	size_t	   at;

	add_named(f, "action", word);
	s = skip(s, word.n + 2);
	at = facts_at(s);
	if (starts(s, "header ") || starts(s, "body ")) {
		add_named(f, "stage", until(s, " "));
		add_named(f, "reason", s);
		add_pairs(f, skip(s, at));
		return;
	}
	stage = until(s, " from ");
	if (stage.n < s.n && memchr(stage.p, ':', stage.n) == NULL) {
		add_named(f, "stage", stage);
		s = skip(s, stage.n + 6);
		client = until(s, "]");
		if (client.n < s.n)
			client.n++;
		add_named(f, "client", client);
		s = skip(s, client.n);
		while (s.n > 0 && *s.p != ' ')	/* postscreen's ":port:" */
			s = skip(s, 1);
		s = skip(s, 1);
		at = facts_at(s);
	}
	add_reply(f, (struct str){ s.p, at });
	add_pairs(f, skip(s, at));
}

/* "lost connection after DATA (12 bytes) from host[addr]" */
static void
add_lost(struct fields *f, struct str s)
{
	struct str event = until(s, " after ");

	add_named(f, "event", event);
	s = skip(s, event.n + 7);
	add_named(f, "stage", until(s, " from ").n < until(s, " (").n ?
	    until(s, " from ") : until(s, " ("));
	s = skip(s, until(s, " from ").n + 6);
	add_named(f, "client", s);
}

static struct str
number_at(struct str s)
{
	size_t n = 0;

	while (n < s.n && is_digit(s.p[n]))
		n++;
	return (struct str){ s.p, n };
}

/* "Anonymous TLS connection established from host[addr]: TLSv1.3 with cipher
 * X (256/256 bits)" */
static void
add_tls(struct fields *f, struct str s)
{
	struct str word = until(s, " ");

	add_named(f, "trust", word);
	s = skip(s, until(s, " established ").n + 13);
	add_named(f, "direction", until(s, " "));
	s = skip(s, until(s, " ").n + 1);
	word = until(s, ": ");
	add_named(f, "client", word);
	s = skip(s, word.n + 2);
	word = until(s, " ");
	add_named(f, "protocol", word);
	s = skip(s, until(s, " with cipher ").n + 13);
	word = until(s, " ");
	add_named(f, "cipher", word);
	s = skip(s, word.n + 2);
	add_named(f, "secret_bits", number_at(s));
	s = skip(s, number_at(s).n + 1);
	add_named(f, "algorithm_bits", number_at(s));
}

static void
add_connection(struct fields *f, struct str s)
{
	struct str client;

	s = skip(s, until(s, " from ").n + 6);
	client = until(s, " ");
	add_named(f, "client", client);
	add_pairs(f, skip(s, client.n));
}

/* "host[addr]: SASL PLAIN authentication failed: reason, sasl_username=x" */
static void
add_auth(struct fields *f, struct str s)
{
	struct str client = until(s, ": SASL ");

	if (client.n == s.n)
		return;
	add_named(f, "client", client);
	s = skip(s, client.n + 7);
	add_named(f, "sasl_method", until(s, " "));
	add_named(f, "reason", skip(s, until(s, ": ").n + 2));
}

static void
add_notice(struct fields *f, struct str s)
{
	add_named(f, "notification", until(s, " notification: "));
	add_named(f, "notification_id",
	    skip(s, until(s, " notification: ").n + 15));
}

static void
add_message_id(struct fields *f, struct str s)
{
	struct str id = skip(s, until(s, "=").n + 1);

	if (id.n >= 2 && *id.p == '<' && id.p[id.n - 1] == '>')
		id = (struct str){ id.p + 1, id.n - 2 };
	add_named(f, "message_id", id);
}

size_t
log_line_fields(const struct log_line *l,
    struct log_field ret[LOG_FIELDS_MAX])
{
	struct fields f = { .list = ret };

	switch (l->kind) {
	case LOGGED_CONNECT:
	case LOGGED_DISCONNECT:
		add_connection(&f, l->text);
		break;
	case LOGGED_LOST:
		add_lost(&f, l->text);
		break;
	case LOGGED_TLS:
		add_tls(&f, l->text);
		break;
	case LOGGED_MESSAGE_ID:
		add_message_id(&f, l->text);
		break;
	case LOGGED_REJECT:
		add_verdict(&f, l->text);
		break;
	case LOGGED_NOTICE:
		add_notice(&f, l->text);
		break;
	case LOGGED_AUTH_FAILED:
		add_auth(&f, l->text);
		break;
	case LOGGED_CLIENT:
	case LOGGED_PICKUP:
	case LOGGED_QUEUED:
	case LOGGED_DELIVERY:
	case LOGGED_RETURNED:
		add_pairs(&f, l->text);
		break;
	case LOGGED_OTHER:
	case LOGGED_REMOVED:
		break;
	}
	return f.count;
}

struct str
log_field_get(const struct log_field *list, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++)
		if (str_is(list[i].key, key))
			return list[i].value;
	return STR("");
}
