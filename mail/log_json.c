/* log_json - lines of the mail log as JSON objects */

#include "mail/log_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mail/log_line.h"
#include "util/clock.h"
#include "util/text.h"

/* --- writing */

static void
add_key(struct buf *b, struct str key)
{
	buf_adds(b, ",\"");
	for (size_t i = 0; i < key.n; i++)
		buf_addc(b, key.p[i] == '-' ? '_' : key.p[i]);
	buf_adds(b, "\":");
}

/* The time with the zone's offset; lines of one second share the work. */
static void
add_time(struct buf *b, int64_t us, bool has_fraction)
{
	static time_t last;
	static char   day[24], zone[8];
	time_t	      t = (time_t)(us / 1000000);
	struct tm     tm;

	if (t != last || *day == '\0') {
		localtime_r(&t, &tm);
		strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm);
		strftime(zone, sizeof zone, "%z", &tm);
		memmove(zone + 4, zone + 3, 3);
		zone[3] = ':';
		last = t;
	}
	buf_adds(b, day);
	if (has_fraction)
		buf_addf(b, ".%06d", (int)(us % 1000000));
	buf_adds(b, zone);
}

/* Numbers stay numbers: for those that the log writes as such. */
static bool
is_number(const struct log_field *f)
{
	static const char *const names[] = { "delay", "size", "nrcpt", "uid",
		"conn_use", "secret_bits", "algorithm_bits", "code" };
	bool dot = false;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (str_is(f->key, names[i]))
			goto check;
	return false;
check:
	if (f->value.n == 0 || f->value.n > 15 ||
	    (*f->value.p == '0' && f->value.n > 1 && f->value.p[1] != '.'))
		return false;
	for (size_t i = 0; i < f->value.n; i++) {
		if (f->value.p[i] == '.' && !dot && i > 0 &&
		    i + 1 < f->value.n)
			dot = true;
		else if (f->value.p[i] < '0' || f->value.p[i] > '9')
			return false;
	}
	return true;
}

static bool
is_repeated(const struct log_field *list, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (list[k].key.n == list[i].key.n &&
		    memcmp(list[k].key.p, list[i].key.p, list[i].key.n) == 0)
			return true;
	return false;
}

void
log_json_add(struct buf *b, const struct log_line *l)
{
	struct log_field fields[LOG_FIELDS_MAX];
	size_t		 n = log_line_fields(l, fields);

	buf_adds(b, "{\"time\":\"");
	add_time(b, l->time_us, l->has_fraction);
	buf_adds(b, "\",\"host\":");
	text_json(b, l->host.p, l->host.n);
	buf_adds(b, ",\"program\":");
	text_json(b, l->tag.p, l->tag.n);
	if (l->pid > 0)
		buf_addf(b, ",\"pid\":%ld", l->pid);
	buf_addf(b, ",\"level\":\"%s\"", logged_level_name(l->level));
	if (l->id.n > 0) {
		buf_adds(b, ",\"queue_id\":");
		text_json(b, l->id.p, l->id.n);
	}
	buf_adds(b, ",\"message\":");
	text_json(b, l->message.p, l->message.n);
	if (l->kind != LOGGED_OTHER)
		buf_addf(b, ",\"event\":\"%s\"", logged_kind_name(l->kind));
	for (size_t i = 0; i < n; i++) {
		if (is_repeated(fields, i))
			continue;
		add_key(b, fields[i].key);
		if (is_number(&fields[i]))
			buf_add(b, fields[i].value.p, fields[i].value.n);
		else
			text_json(b, fields[i].value.p, fields[i].value.n);
	}
	buf_addc(b, '}');
}

static void
add_line(struct buf *b, struct str line, struct log_clock *clock)
{
	struct buf	scratch = BUF_INIT;
	struct log_line l;

	if (line.n > 0 && *line.p != '{' &&
	    log_line_parse(line.p, line.n, clock, &scratch, &l)) {
		log_json_add(b, &l);
	} else {
		buf_adds(b, "{\"time\":\"");
		add_time(b, clock_wall_us(), false);
		buf_adds(b, "\",\"message\":");
		text_json(b, line.p, line.n);
		buf_addc(b, '}');
	}
	buf_addc(b, '\n');
	buf_done(&scratch);
}

void
log_json_lines(struct buf *b, const char *bytes, size_t len,
    struct log_clock *clock)
{
	const char *nl;
	size_t	    n;

	while (len > 0) {
		nl = memchr(bytes, '\n', len);
		n = nl == NULL ? len : (size_t)(nl - bytes);
		if (n > 0)
			add_line(b, (struct str){ bytes, n }, clock);
		n += nl != NULL;
		bytes += n;
		len -= n;
	}
}

/* --- reading: our own objects, which are flat */

struct reader {
	const char *p, *end;
};

static void
add_utf8(struct buf *b, unsigned c)
{
	if (c < 0x80) {
		buf_addc(b, (char)c);
	} else if (c < 0x800) {
		buf_addc(b, (char)(0xc0 | c >> 6));
		buf_addc(b, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		buf_addc(b, (char)(0xe0 | c >> 12));
		buf_addc(b, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_addc(b, (char)(0x80 | (c & 0x3f)));
	} else {
		buf_addc(b, (char)(0xf0 | c >> 18));
		buf_addc(b, (char)(0x80 | (c >> 12 & 0x3f)));
		buf_addc(b, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_addc(b, (char)(0x80 | (c & 0x3f)));
	}
}

/* The four digits of \u; -1. */
static int
unicode(struct reader *r)
{
	int value = 0;

	if (r->end - r->p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = *r->p++;
		int  digit = c >= '0' && c <= '9' ? c - '0' :
		    c >= 'a' && c <= 'f' ? c - 'a' + 10 :
		    c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;

		if (digit < 0)
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

static bool
add_escape(struct buf *b, struct reader *r)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at;
	int	    c, low;

	if (r->p == r->end)
		return false;
	if (*r->p == 'u') {
		r->p++;
		if ((c = unicode(r)) < 0)
			return false;
		if (c >= 0xd800 && c < 0xdc00 && r->end - r->p >= 6 &&
		    r->p[0] == '\\' && r->p[1] == 'u') {
			r->p += 2;
			if ((low = unicode(r)) < 0xdc00 || low > 0xdfff)
				return false;
			c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
		}
		add_utf8(b, (unsigned)c);
		return true;
	}
	if (*r->p == '\0' || (at = strchr(from, *r->p)) == NULL)
		return false;
	buf_addc(b, to[at - from]);
	r->p++;
	return true;
}

/* Adds a string without its quotes. */
static bool
read_string(struct reader *r, struct buf *b)
{
	if (r->p == r->end || *r->p++ != '"')
		return false;
	while (r->p < r->end && *r->p != '"') {
		if (*r->p != '\\')
			buf_addc(b, *r->p++);
		else if (r->p++, !add_escape(b, r))
			return false;
	}
	return r->p++ < r->end;
}

static bool
read_byte(struct reader *r, char c)
{
	while (r->p < r->end && *r->p == ' ')
		r->p++;
	if (r->p == r->end || *r->p != c)
		return false;
	r->p++;
	while (r->p < r->end && *r->p == ' ')
		r->p++;
	return true;
}

/* Where a value is in the scratch buffer: it may move while it grows. */
struct place {
	size_t from, len;
};

static bool
read_value(struct reader *r, struct buf *b, struct place *ret)
{
	ret->from = b->len;
	if (r->p < r->end && *r->p == '"') {
		if (!read_string(r, b))
			return false;
	} else {
		while (r->p < r->end && *r->p != ',' && *r->p != '}')
			buf_addc(b, *r->p++);
	}
	ret->len = b->len - ret->from;
	return true;
}

bool
log_json_parse(struct str line, struct buf *b, struct log_json *ret)
{
	static const char *const names[] = { "time", "host", "program",
		"message", "pid" };
	struct place  places[5] = { { 0 } }, key, value;
	struct reader r = { line.p, line.p + line.n };
	struct str    got[5];
	bool	      more;

	buf_clear(b);
	if (!read_byte(&r, '{'))
		return false;
	do {
		if (!read_value(&r, b, &key) || !read_byte(&r, ':') ||
		    !read_value(&r, b, &value))
			return false;
		for (size_t i = 0; i < 5; i++)
			if (places[i].from == 0 && key.len ==
			    strlen(names[i]) && memcmp(b->data + key.from,
			    names[i], key.len) == 0)
				places[i] = value;
		more = read_byte(&r, ',');
	} while (more);
	if (!read_byte(&r, '}'))
		return false;
	for (size_t i = 0; i < 5; i++)
		got[i] = (struct str){ b->data + places[i].from,
		    places[i].len };
	*ret = (struct log_json){ got[0], got[1], got[2], got[3], 0 };
	for (size_t i = 0; i < got[4].n && got[4].p[i] >= '0' &&
	    got[4].p[i] <= '9' && ret->pid < 100000000; i++)
		ret->pid = ret->pid * 10 + got[4].p[i] - '0';
	return ret->time.n > 0 && ret->message.n > 0;
}
