/*
 * Typed values: from text to the fields of the conf_* structs.
 *
 * Speed: every command starts with this.  A text without '$' is parsed where
 * it stands; strings of the tables and of main.cf are pointed to, and only
 * expanded strings are copied.
 */

#include <stdarg.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/entries.h"
#include "util/buf.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/text.h"

enum { WEEK = 7 * 24 * 60 * 60 };

static long
unit_seconds(char unit)
{
	switch (unit) {
	case 's':
		return 1;
	case 'm':
		return 60;
	case 'h':
		return 60 * 60;
	case 'd':
		return 24 * 60 * 60;
	case 'w':
		return WEEK;
	}
	return 0;
}

/* The number, and the factor of its unit in seconds (0: bad). */
static char *
split_time(const char *text, char unit, long *ret_factor)
{
	size_t len = strlen(text);
	char   last = len > 0 ? text[len - 1] : '0';

	if (last < '0' || last > '9') {
		unit = last | 0x20;
		len--;
	}
	*ret_factor = unit_seconds(unit);
	return mem_strndup(text, len);
}

bool
conf_parse_time(const char *text, char unit, int *ret_seconds)
{
	long  seconds, factor;
	char *number = split_time(text, unit, &factor);
	bool  ok = factor > 0 && text_is_digits(number) &&
	    text_to_long(number, 0, INT_MAX / factor, &seconds);

	mem_free(number);
	if (ok)
		*ret_seconds = (int)(seconds * factor);
	return ok;
}

/* "0.25": three digits after the point, 250. */
static long
thousandths(const char *digits)
{
	long n = 0;

	for (long value = 100; *digits != '\0' && value > 0; value /= 10)
		n += (*digits++ - '0') * value;
	return n;
}

bool
conf_parse_delay(const char *text, char unit, long *ret_ms)
{
	long  whole, factor;
	char *number = split_time(text, unit, &factor);
	char *point = strchr(number, '.');
	const char *part = point != NULL ? point + 1 : "0";
	bool  ok;

	if (point != NULL)
		*point = '\0';
	ok = factor > 0 && text_is_digits(number) && text_is_digits(part) &&
	    text_to_long(number, 0, INT_MAX / factor, &whole);
	if (ok)
		*ret_ms = (whole * 1000 + thousandths(part)) * factor;
	mem_free(number);
	return ok;
}

/* What to write, for messages: "main.cf, line 3: write ...". */
static const char *
advice(const struct param *p, const char *name, struct buf *out)
{
	long	    max = p->max != 0 ? p->max :
		p->type == PARAM_LONG ? LONG_MAX : INT_MAX;
	const char *def = param_def(p);

	entry_where(name, out);
	buf_adds(out, ": ");
	switch (p->type) {
	case PARAM_BOOL:
		buf_adds(out, "write \"yes\" or \"no\"");
		break;
	case PARAM_INT:
	case PARAM_LONG:
		buf_addf(out, "write a whole number from %ld to %ld", p->min,
		    max);
		break;
	case PARAM_TIME:
	case PARAM_DELAY:
		buf_addf(out, "write a number with a unit s, m, h, d or w, "
		    "such as \"%s\", from %lds to %lds",
		    strchr(def, '$') == NULL && *def != '\0' ? def : "10s", p->min, max);
		break;
	default:
		if (p->min > 0)
			buf_adds(out, "write a value that is not empty");
		else
			buf_addf(out, "write at most %ld bytes", p->max);
		break;
	}
	return out->data;
}

/* Postfix's words, since they are looked for in logs; what to write instead
 * follows. */
static bool __attribute__((format(printf, 4, 5)))
bad(const struct param *p, const char *name, const char **ret_why,
    const char *fmt, ...)
{
	struct buf text = BUF_INIT, what = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_addv(&what, fmt, ap);
	va_end(ap);
	conf_fail(ret_why, advice(p, name, &text), "%s", what.data);
	buf_done(&what);
	buf_done(&text);
	return false;
}

static bool
in_bounds(const struct param *p, long value)
{
	return value >= p->min && (p->max == 0 || value <= p->max);
}

static bool
bad_number(const struct param *p, const char *name, long value,
    const char **ret_why)
{
	bool low = value < p->min;

	return bad(p, name, ret_why, "invalid %s parameter value %ld %c %ld",
	    name, value, low ? '<' : '>', low ? p->min : p->max);
}

static bool
bad_time(const struct param *p, const char *name, const char *text,
    const char **ret_why)
{
	return bad(p, name, ret_why, "parameter %s: bad time value or unit: "
	    "%s", name, text);
}

static bool
bad_seconds(const struct param *p, const char *name, long seconds,
    const char **ret_why)
{
	bool low = seconds < p->min;

	return bad(p, name, ret_why, "invalid %s: %ld (%s %ld)", name,
	    seconds, low ? "min" : "max", low ? p->min : p->max);
}

static bool
set_bool(const struct param *p, const char *value, bool *ret,
    const char **ret_why)
{
	if (text_eq_nocase(value, "yes"))
		*ret = true;
	else if (text_eq_nocase(value, "no"))
		*ret = false;
	else
		return bad(p, param_name(p), ret_why, "bad boolean "
		    "configuration: %s = %s", param_name(p), value);
	return true;
}

static bool
set_number(const struct param *p, const char *name, const char *value,
    long *ret, const char **ret_why)
{
	long number, max = p->type == PARAM_LONG ? LONG_MAX : INT_MAX;

	if (!text_to_long(value, p->type == PARAM_LONG ? LONG_MIN : INT_MIN,
	    max, &number))
		return bad(p, name, ret_why, "bad numerical configuration: "
		    "%s = %s", name, value);
	if (!in_bounds(p, number))
		return bad_number(p, name, number, ret_why);
	*ret = number;
	return true;
}

static bool
set_time(const struct param *p, const char *name, const char *value, int *ret,
    const char **ret_why)
{
	int seconds;

	if (!conf_parse_time(value, p->unit, &seconds))
		return bad_time(p, name, value, ret_why);
	if (!in_bounds(p, seconds))
		return bad_seconds(p, name, seconds, ret_why);
	*ret = seconds;
	return true;
}

static bool
set_delay(const struct param *p, const char *name, const char *value,
    long *ret, const char **ret_why)
{
	long ms;

	if (!conf_parse_delay(value, p->unit, &ms))
		return bad_time(p, name, value, ret_why);
	if (!in_bounds(p, ms / 1000))
		return bad_seconds(p, name, ms / 1000, ret_why);
	*ret = ms;
	return true;
}

static bool
set_string(const struct param *p, const char *value, const char **ret,
    const char **ret_why)
{
	size_t len = p->min > 0 || p->max > 0 ? strlen(value) : 0;

	if (len < (size_t)p->min ||
	    (p->max > 0 && len > (size_t)p->max))
		return bad(p, param_name(p), ret_why, "bad string length "
		    "%zu %c %ld: %s = %s", len, len < (size_t)p->min ? '<' : '>',
		    len < (size_t)p->min ? p->min : p->max, param_name(p),
		    value);
	*ret = value;
	return true;
}

static bool
set_field(const struct param *p, void *values, const char *value,
    const char **ret_why)
{
	void *field = (char *)values + p->offset;
	long  number;

	switch (p->type) {
	case PARAM_BOOL:
		return set_bool(p, value, field, ret_why);
	case PARAM_INT:
		if (!set_number(p, param_name(p), value, &number, ret_why))
			return false;
		*(int *)field = (int)number;
		return true;
	case PARAM_LONG:
		return set_number(p, param_name(p), value, field, ret_why);
	case PARAM_TIME:
		return set_time(p, param_name(p), value, field, ret_why);
	case PARAM_DELAY:
		return set_delay(p, param_name(p), value, field, ret_why);
	default:
		return set_string(p, value, field, ret_why);
	}
}

/* A raw parameter that is only "$other" takes the other's raw text. */
static const char *
raw_text(const char *text)
{
	const char *other;

	for (int i = 0; i < 4 && text[0] == '$'; i++) {
		if ((other = conf_text(text + 1)) == NULL)
			break;
		text = other;
	}
	return text;
}

static bool
load_one(const struct param *p, void *values, const char **ret_why)
{
	const struct entry *e = entry_of(p);
	const char	   *name = param_name(p), *text, *value, *why;

	text = e == NULL ? param_default(p) :
	    e->override != NULL ? e->override : e->text;
	if (p->type == PARAM_RAW)
		return set_field(p, values, raw_text(text), ret_why);
	if ((value = entry_value(p, name, text, &why)) != NULL)
		return set_field(p, values, value, ret_why);

	conf_fail_macro(ret_why, name, why);
	return false;
}

/*
 * Strings first, so that a value that can't be expanded is named itself and
 * not a number that refers to it; Postfix complains in this order, too.
 */
static bool
load(const struct param_area *area, unsigned flags, const char **ret_why)
{
	static const unsigned rounds[] = {
		1u << PARAM_STR | 1u << PARAM_RAW,
		1u << PARAM_INT | 1u << PARAM_LONG,
		1u << PARAM_TIME | 1u << PARAM_DELAY,
		1u << PARAM_BOOL,
	};
	const struct param *p;

	for (size_t i = 0; i < sizeof rounds / sizeof *rounds; i++)
		for (p = area->begin; p < area->end; p++)
			if ((rounds[i] >> p->type & 1) != 0 &&
			    (p->flags & flags) == flags &&
			    !load_one(p, area->values, ret_why))
				return false;
	return true;
}

bool
conf_load(const struct param_area *area, const char **ret_why)
{
	return load(area, 0, ret_why) &&
	    (area != &param_mail || conf_sound(ret_why));
}

bool
conf_load_core(const char **ret_why)
{
	return load(&param_mail, CORE, ret_why) && conf_sound(ret_why);
}

/* TRANSPORT_suffix's expanded text, or NULL if it is not set. */
static const char *
text_for(const char *transport, const char *suffix, struct buf *name)
{
	if (*suffix == '_')
		suffix++;
	buf_addf(name, "%s_%s", transport, suffix);
	if (entry_find(name->data) == NULL && param_find(name->data) == NULL)
		return NULL;
	return conf_value(name->data);
}

int
conf_int_for(const char *transport, const char *suffix, int fallback,
    const char **ret_why)
{
	const struct param row = { .type = PARAM_INT };
	struct buf	   name = BUF_INIT;
	const char	  *text = text_for(transport, suffix, &name);
	long		   number = fallback;

	*ret_why = NULL;
	if (text != NULL)
		set_number(&row, name.data, text, &number, ret_why);
	buf_done(&name);
	return (int)number;
}

int
conf_time_for(const char *transport, const char *suffix, int fallback,
    char unit, const char **ret_why)
{
	const struct param row = { .type = PARAM_TIME, .unit = unit };
	struct buf	   name = BUF_INIT;
	const char	  *text = text_for(transport, suffix, &name);
	int		   seconds = fallback;

	*ret_why = NULL;
	if (text != NULL)
		set_time(&row, name.data, text, &seconds, ret_why);
	buf_done(&name);
	return seconds;
}

long
conf_delay_for(const char *transport, const char *suffix, long fallback,
    char unit, const char **ret_why)
{
	const struct param row = { .type = PARAM_DELAY, .unit = unit };
	struct buf	   name = BUF_INIT;
	const char	  *text = text_for(transport, suffix, &name);
	long		   ms = fallback;

	*ret_why = NULL;
	if (text != NULL)
		set_delay(&row, name.data, text, &ms, ret_why);
	buf_done(&name);
	return ms;
}

const char *
conf_str_for(const char *transport, const char *suffix, const char *fallback)
{
	struct buf  name = BUF_INIT;
	const char *text = text_for(transport, suffix, &name);

	buf_done(&name);
	return text != NULL ? text : fallback;
}
