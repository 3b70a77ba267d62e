/*
 * log_line - what a line of the mail log says
 *
 * The log has text that strangers chose: a reply may look like a field.  So
 * the parts are taken from the left in the order in which they are written,
 * and what stands in a reason or in <> is never looked into for more.
 */

#include "mail/log_line.h"

#include <stdlib.h>
#include <string.h>

#include "mail/log_json.h"
#include "mail/queue_id.h"

enum { DAY = 24 * 60 * 60 };

/* --- slices */

static struct str
rest_of(struct str s, size_t n)
{
	return (struct str){ s.p + n, s.n - n };
}

static bool
starts(struct str s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.n >= n && memcmp(s.p, prefix, n) == 0;
}

/* Takes the prefix off, if it is there. */
static bool
take(struct str *s, const char *prefix)
{
	if (!starts(*s, prefix))
		return false;
	*s = rest_of(*s, strlen(prefix));
	return true;
}

static const char *
find(struct str s, const char *what)
{
	return s.n == 0 ? NULL : memmem(s.p, s.n, what, strlen(what));
}

/* What stands before `end`, which is taken off with it; false leaves `s`. */
static bool
take_until(struct str *s, const char *end, struct str *ret)
{
	const char *at = find(*s, end);

	if (at == NULL)
		return false;
	*ret = (struct str){ s->p, (size_t)(at - s->p) };
	*s = rest_of(*s, ret->n + strlen(end));
	return true;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* `n` digits at p. */
static int
digits(const char *p, int n)
{
	int value = 0;

	for (int i = 0; i < n; i++) {
		if (!is_digit(p[i]))
			return -1;
		value = value * 10 + p[i] - '0';
	}
	return value;
}

/* --- the time */

static int
month_of(const char *p)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int i = 0; i < 12; i++)
		if (memcmp(names + i * 3, p, 3) == 0)
			return i;
	return -1;
}

static time_t
in_some_year(time_t latest, int month, int day, int hour)
{
	struct tm now, tm = { 0 };
	time_t	  t;

	localtime_r(&latest, &now);
	for (int back = -1; back <= 1; back++) {
		tm = (struct tm){ .tm_year = now.tm_year - back,
		    .tm_mon = month, .tm_mday = day, .tm_hour = hour,
		    .tm_isdst = -1 };
		t = mktime(&tm);
		if (t <= latest + DAY)
			return t;
	}
	return 0;
}

/* "Nov 22 01:10:54 " */
static bool
take_syslog_time(struct str *s, struct log_clock *c, struct log_line *ret)
{
	const char *p = s->p;
	int	    month, day, hour, minute, second;

	if (s->n < 16 || p[3] != ' ' || p[6] != ' ' || p[9] != ':' ||
	    p[12] != ':' || p[15] != ' ')
		return false;
	month = month_of(p);
	day = p[4] == ' ' ? digits(p + 5, 1) : digits(p + 4, 2);
	hour = digits(p + 7, 2);
	minute = digits(p + 10, 2);
	second = digits(p + 13, 2);
	if (month < 0 || day < 1 || day > 31 || hour < 0 || hour > 23 ||
	    minute < 0 || minute > 59 || second < 0 || second > 60)
		return false;
	if (c->hour_start == 0 || hour != c->hour ||
	    memcmp(c->day, p, 7) != 0) {
		memcpy(c->day, p, 7);
		c->hour = hour;
		c->hour_start = in_some_year(c->latest, month, day, hour);
	}
	ret->time_us = ((int64_t)c->hour_start + minute * 60 + second) *
	    1000000;
	ret->stamp = (struct str){ p, 15 };
	*s = rest_of(*s, 16);
	return true;
}

/* ".123456", "+01:00" or "Z"; the offset in seconds. */
static bool
take_fraction_and_zone(struct str *s, int64_t *us, int *offset)
{
	int scale = 100000, sign, hours, minutes;

	if (take(s, "."))
		for (; s->n > 0 && is_digit(*s->p); *s = rest_of(*s, 1)) {
			*us += (*s->p - '0') * scale;
			scale /= 10;
		}
	*offset = 0;
	if (take(s, "Z"))
		return true;
	if (s->n < 6 || (s->p[0] != '+' && s->p[0] != '-'))
		return false;
	sign = s->p[0] == '-' ? -1 : 1;
	hours = digits(s->p + 1, 2);
	minutes = digits(s->p + (s->p[3] == ':' ? 4 : 3), 2);
	if (hours < 0 || minutes < 0)
		return false;
	*offset = sign * (hours * 3600 + minutes * 60);
	*s = rest_of(*s, s->p[3] == ':' ? 6 : 5);
	return true;
}

/* "2026-11-22T01:10:54.123456+01:00"; a blank follows, but for JSON. */
static bool
take_iso_time(struct str *s, struct log_line *ret)
{
	struct str rest = *s;
	struct tm  tm = { 0 };
	int64_t	   us = 0;
	int	   offset;

	if (s->n < 20 || s->p[4] != '-' || s->p[7] != '-' ||
	    s->p[10] != 'T' || s->p[13] != ':' || s->p[16] != ':')
		return false;
	tm.tm_year = digits(s->p, 4) - 1900;
	tm.tm_mon = digits(s->p + 5, 2) - 1;
	tm.tm_mday = digits(s->p + 8, 2);
	tm.tm_hour = digits(s->p + 11, 2);
	tm.tm_min = digits(s->p + 14, 2);
	tm.tm_sec = digits(s->p + 17, 2);
	rest = rest_of(rest, 19);
	if (tm.tm_year < 70 || tm.tm_mon < 0 || tm.tm_mon > 11 ||
	    tm.tm_mday < 1 || tm.tm_hour < 0 || tm.tm_min < 0 ||
	    tm.tm_sec < 0)
		return false;
	ret->has_fraction = *rest.p == '.';
	if (!take_fraction_and_zone(&rest, &us, &offset))
		return false;
	ret->time_us = ((int64_t)timegm(&tm) - offset) * 1000000 + us;
	ret->stamp = (struct str){ s->p, s->n - rest.n };
	take(&rest, " ");
	*s = rest;
	return true;
}

/* --- host, program, label, queue id */

static void
set_tag(struct log_line *l, struct str tag)
{
	const char *slash = tag.n == 0 ? NULL : memrchr(tag.p, '/', tag.n);

	l->tag = l->program = tag;
	l->is_mail = slash != NULL;
	if (slash != NULL)
		l->program = rest_of(tag, (size_t)(slash + 1 - tag.p));
}

/* "postfix/smtpd[12]: " or "tag: " */
static bool
take_tag(struct str *s, struct log_line *ret)
{
	const char *colon = find(*s, ": "), *bracket;
	struct str  tag;

	if (colon == NULL)
		return false;
	tag = (struct str){ s->p, (size_t)(colon - s->p) };
	*s = rest_of(*s, tag.n + 2);
	bracket = tag.n == 0 ? NULL : memchr(tag.p, '[', tag.n);
	if (bracket != NULL) {
		for (const char *p = bracket + 1; p < colon && is_digit(*p) &&
		    ret->pid < 100000000; p++)
			ret->pid = ret->pid * 10 + *p - '0';
		tag.n = (size_t)(bracket - tag.p);
	}
	if (tag.n == 0 || memchr(tag.p, ' ', tag.n) != NULL)
		return false;
	set_tag(ret, tag);
	return true;
}

static bool
is_id(struct str word)
{
	char id[QUEUE_ID_MAX];

	if (word.n == 0 || word.n >= sizeof id)
		return false;
	memcpy(id, word.p, word.n);
	id[word.n] = '\0';
	return strlen(id) == word.n && queue_id_is_valid(id);
}

static void
take_label(struct log_line *l)
{
	static const struct {
		const char	 *label;
		enum logged_level level;
	} labels[] = {
		{ "warning: ", LEVEL_WARNING }, { "error: ", LEVEL_ERROR },
		{ "fatal: ", LEVEL_FATAL }, { "panic: ", LEVEL_PANIC },
	};

	for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
		if (take(&l->text, labels[i].label)) {
			l->level = labels[i].level;
			return;
		}
}

static void
take_id(struct log_line *l)
{
	size_t	   n = 0;
	struct str word;

	while (n < l->text.n && n < QUEUE_ID_MAX && l->text.p[n] != ':')
		n++;
	word = (struct str){ l->text.p, n };
	if (n + 1 >= l->text.n || l->text.p[n] != ':' || l->text.p[n + 1] != ' ')
		return;
	if (is_id(word)) {
		l->id = word;
		l->text = rest_of(l->text, n + 2);
	} else
		take(&l->text, "NOQUEUE: ");
}

/* --- what kind it is */

static bool
is_action(struct str text)
{
	static const char *const actions[] = { "reject: ", "milter-reject: ",
		"reject_warning: ", "hold: ", "milter-hold: ", "discard: ",
		"milter-discard: ", "filter: ", "redirect: ", "warn: ",
		"bcc: ", "info: ", "prepend: ", "delay: ", "proxy-reject: ",
		"trace: ", "replace: ",
	};

	for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
		if (starts(text, actions[i]))
			return true;
	return false;
}

static bool
is_lost(struct str text)
{
	return starts(text, "lost connection after ") ||
	    starts(text, "timeout after ") ||
	    starts(text, "too many errors after ");
}

static enum logged_kind
kind_with_id(struct str t)
{
	if (starts(t, "to=<") && find(t, ", status=") != NULL)
		return LOGGED_DELIVERY;
	if (starts(t, "client="))
		return LOGGED_CLIENT;
	if (starts(t, "uid="))
		return LOGGED_PICKUP;
	if (starts(t, "message-id=") || starts(t, "resent-message-id="))
		return LOGGED_MESSAGE_ID;
	if (starts(t, "from=<") && find(t, ", size=") != NULL)
		return LOGGED_QUEUED;
	if (starts(t, "from=<") && find(t, ">, status=") != NULL)
		return LOGGED_RETURNED;
	if ((starts(t, "sender ") || starts(t, "postmaster ")) &&
	    find(t, " notification: ") != NULL)
		return LOGGED_NOTICE;
	if (str_is(t, "removed") || starts(t, "removed ("))
		return LOGGED_REMOVED;
	return LOGGED_OTHER;
}

static enum logged_kind
kind_of(const struct log_line *l)
{
	struct str	 t = l->text;
	enum logged_kind kind;

	if (!l->is_mail)
		return LOGGED_OTHER;
	if (l->level == LEVEL_WARNING && find(t, " authentication failed"))
		return LOGGED_AUTH_FAILED;
	if (l->level != LEVEL_INFO)
		return LOGGED_OTHER;
	if (l->id.n > 0 && (kind = kind_with_id(t)) != LOGGED_OTHER)
		return kind;
	if (starts(t, "connect from "))
		return LOGGED_CONNECT;
	if (starts(t, "disconnect from "))
		return LOGGED_DISCONNECT;
	if (is_lost(t))
		return LOGGED_LOST;
	if (is_action(t))
		return LOGGED_REJECT;
	if (find(t, " TLS connection established ") != NULL)
		return LOGGED_TLS;
	return LOGGED_OTHER;
}

static void
set_message(struct log_line *l, struct str message)
{
	l->message = l->text = message;
	take_label(l);
	take_id(l);
	if (l->level == LEVEL_INFO)
		take_label(l);		/* "ID: warning: ..." */
	l->kind = kind_of(l);
}

bool
log_line_parse(const char *line, size_t len, struct log_clock *clock,
    struct buf *scratch, struct log_line *ret)
{
	struct str	s = { line, len };
	struct log_line l = { 0 };
	struct log_json j;

	l.id = l.host = l.stamp = STR("");
	if (len > 0 && *line == '{') {
		if (!log_json_parse(s, scratch, &j))
			return false;
		if (!take_iso_time(&j.time, &l))
			return false;
		l.host = j.host;
		l.pid = j.pid;
		set_tag(&l, j.program);
		set_message(&l, j.message);
		*ret = l;
		return true;
	}
	if (!take_syslog_time(&s, clock, &l) && !take_iso_time(&s, &l))
		return false;
	if (!take_until(&s, " ", &l.host) || !take_tag(&s, &l))
		return false;
	set_message(&l, s);
	*ret = l;
	return true;
}

struct str
log_client_addr(struct str client)
{
	const char *open = client.n == 0 ? NULL :
	    memrchr(client.p, '[', client.n);
	const char *end = open == NULL ? NULL :
	    memchr(open, ']', client.n - (size_t)(open - client.p));

	if (end == NULL)
		return STR("");
	return (struct str){ open + 1, (size_t)(end - open) - 1 };
}

/* --- links */

size_t
log_line_links(const struct log_line *l, struct str ret[LOG_LINKS_MAX])
{
	static const char *const before[] = { "queued as ", "forwarded as ",
		" notification: ", "orig_queue_id=", "orig_id=",
		"queued_as: ", "queued_as=",
	};
	size_t	    count = 0, n;
	const char *at;
	struct str  rest, word;

	for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
		rest = l->text;
		while (count < LOG_LINKS_MAX &&
		    (at = find(rest, before[i])) != NULL) {
			rest = rest_of(rest, (size_t)(at - rest.p) +
			    strlen(before[i]));
			for (n = 0; n < rest.n && (is_digit(rest.p[n]) ||
			    (rest.p[n] >= 'A' && rest.p[n] <= 'Z') ||
			    (rest.p[n] >= 'a' && rest.p[n] <= 'z')); n++)
				;
			word = (struct str){ rest.p, n };
			if (is_id(word) && !(word.n == l->id.n &&
			    memcmp(word.p, l->id.p, n) == 0))
				ret[count++] = word;
		}
	}
	return count;
}

/* --- names */

const char *
logged_kind_name(enum logged_kind kind)
{
	static const char *const names[] = {
		[LOGGED_OTHER] = "other", [LOGGED_CONNECT] = "connect",
		[LOGGED_DISCONNECT] = "disconnect", [LOGGED_LOST] = "lost",
		[LOGGED_TLS] = "tls", [LOGGED_CLIENT] = "client",
		[LOGGED_PICKUP] = "pickup",
		[LOGGED_MESSAGE_ID] = "message-id",
		[LOGGED_QUEUED] = "queued", [LOGGED_DELIVERY] = "delivery",
		[LOGGED_RETURNED] = "returned", [LOGGED_REJECT] = "reject",
		[LOGGED_NOTICE] = "notification",
		[LOGGED_AUTH_FAILED] = "auth-failed",
		[LOGGED_REMOVED] = "removed",
	};

	return names[kind];
}

const char *
logged_level_name(enum logged_level level)
{
	static const char *const names[] = { "info", "warning", "error",
		"fatal", "panic" };

	return names[level];
}
