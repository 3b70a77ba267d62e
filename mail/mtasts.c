#include "mail/mtasts.h"

#include <string.h>
#include <strings.h>

#include "net/dns.h"
#include "util/buf.h"
#include "util/text.h"

static const char *const mode_names[] = {
	[MTASTS_NONE] = "none", [MTASTS_TESTING] = "testing",
	[MTASTS_ENFORCE] = "enforce",
};

const char *
mtasts_mode_name(enum mtasts_mode mode)
{
	return mode_names[mode];
}

/* --- the policy file: RFC 8461 3.2 */

/* What has been read so far. */
struct draft {
	struct pool	*pool;
	bool		 has_version, has_mode, has_age;
	enum mtasts_mode mode;
	long		 max_age;
	const char	**mx;
	size_t		 mx_count, mx_room;
	const char	*why;
};

static bool
is_wrong(struct draft *d, const char *why)
{
	d->why = why;
	return false;
}

static bool
take_mode(struct draft *d, const char *value)
{
	for (int i = MTASTS_NONE; i <= MTASTS_ENFORCE; i++)
		if (text_eq(value, mode_names[i])) {
			d->mode = (enum mtasts_mode)i;
			d->has_mode = true;
			return true;
		}
	return is_wrong(d, "unknown mode");
}

static bool
take_age(struct draft *d, const char *value)
{
	if (!text_is_digits(value) || strlen(value) > 10 ||
	    !text_to_long(value, 0, 9999999999, &d->max_age))
		return is_wrong(d, "bad max_age");
	if (d->max_age > MTASTS_AGE_MAX)
		d->max_age = MTASTS_AGE_MAX;
	d->has_age = true;
	return true;
}

static bool
take_mx(struct draft *d, char *value)
{
	const char **more;
	size_t	     n = strlen(value);

	if (n > 1 && value[n - 1] == '.')
		value[n - 1] = '\0';
	if (!dns_valid_name(text_starts(value, "*.") ? value + 2 : value))
		return is_wrong(d, "bad mx pattern");
	if (d->mx_count == MTASTS_MX_MAX)
		return is_wrong(d, "too many mx patterns");
	if (d->mx_count + 1 >= d->mx_room) {
		d->mx_room = d->mx_room == 0 ? 8 : 2 * d->mx_room;
		more = pool_alloc(d->pool, d->mx_room * sizeof *more);
		if (d->mx_count > 0)
			memcpy(more, d->mx, d->mx_count * sizeof *more);
		d->mx = more;
	}
	d->mx[d->mx_count++] = text_lower(value);
	return true;
}

/* Of a field that may come once only the first counts. */
static bool
take_line(struct draft *d, char *line)
{
	char *value = strchr(line, ':');

	if (value == NULL)
		return is_wrong(d, "a line without a colon");
	*value++ = '\0';
	line = text_trim(line);
	value = text_trim(value);
	if (text_eq(line, "mx"))
		return take_mx(d, value);
	if (text_eq(line, "mode"))
		return d->has_mode || take_mode(d, value);
	if (text_eq(line, "max_age"))
		return d->has_age || take_age(d, value);
	if (text_eq(line, "version") && !d->has_version) {
		d->has_version = true;
		return text_eq(value, "STSv1") ||
		    is_wrong(d, "unknown version");
	}
	return true;
}

bool
mtasts_parse(struct pool *pool, const char *bytes, size_t len,
    struct mtasts_policy *ret, const char **ret_why)
{
	static const char *const nobody[] = { NULL };
	struct draft d = { .pool = pool };
	char	    *next, *line;
	bool	     ok = true;

	*ret_why = "not text";
	if (len > MTASTS_FILE_MAX || memchr(bytes, '\0', len) != NULL)
		return false;
	next = pool_strndup(pool, bytes, len);
	while (ok && (line = text_word(&next, "\r\n", false)) != NULL)
		if (line[strspn(line, " \t")] != '\0')
			ok = take_line(&d, line);
	if (ok && !d.has_version)
		ok = is_wrong(&d, "no version");
	if (ok && !(d.has_mode && d.has_age))
		ok = is_wrong(&d, d.has_mode ? "no max_age" : "no mode");
	if (ok && d.mx_count == 0 && d.mode != MTASTS_NONE)
		ok = is_wrong(&d, "no mx");
	*ret_why = d.why;
	if (!ok)
		return false;
	if (d.mx_count > 0)
		d.mx[d.mx_count] = NULL;
	*ret = (struct mtasts_policy){ d.mode, d.max_age,
	    d.mx_count > 0 ? d.mx : nobody, d.mx_count };
	return true;
}

void
mtasts_write(struct buf *b, const struct mtasts_policy *p)
{
	buf_addf(b, "version: STSv1\nmode: %s\n", mode_names[p->mode]);
	for (size_t i = 0; i < p->mx_count; i++)
		buf_addf(b, "mx: %s\n", p->mx[i]);
	buf_addf(b, "max_age: %ld\n", p->max_age);
}

/* --- the record: RFC 8461 3.1 */

static bool
is_name(const char *s)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	size_t n = strlen(s);

	return n >= 1 && n <= 32 && strchr(letters, *s) != NULL &&
	    strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789_-.") == n;
}

static bool
is_value(const char *s)
{
	if (*s == '\0')
		return false;
	for (; *s != '\0'; s++)
		if (*s < '!' || *s > '~')
			return false;
	return true;
}

/* The next "name=value" of *text, ended in place.  NULL at the end, and with
 * *ret_bad where something else stands. */
static char *
next_field(char **text, char **ret_value, bool *ret_bad)
{
	char *name, *value;

	*ret_bad = false;
	if (*text == NULL)
		return NULL;
	name = *text + strspn(*text, " \t");
	*text = strchr(name, ';');
	if (*text != NULL)
		*(*text)++ = '\0';
	name = text_trim(name);
	if (*name == '\0' && (*text == NULL ||
	    (*text)[strspn(*text, " \t")] == '\0'))
		return NULL;		/* after the last delimiter */
	value = strchr(name, '=');
	if (value == NULL) {
		*ret_bad = true;
		return NULL;
	}
	*value++ = '\0';
	*ret_value = value;
	if (!is_name(name) || !is_value(value)) {
		*ret_bad = true;
		return NULL;
	}
	return name;
}

static bool
take_id(char ret[MTASTS_ID_MAX + 1], const char *value)
{
	size_t n = strlen(value);

	if (n > MTASTS_ID_MAX || strspn(value, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != n)
		return false;
	memcpy(ret, value, n + 1);
	return true;
}

enum mtasts_record
mtasts_parse_record(const char *text, size_t len, char ret[MTASTS_ID_MAX + 1])
{
	static const char tag[] = "v=STSv1";
	struct pool	  pool = POOL_INIT;
	char		 *next, *name, *value, id[MTASTS_ID_MAX + 1] = "";
	bool		  bad = false;

	if (len < sizeof tag - 1 || memcmp(text, tag, sizeof tag - 1) != 0)
		return MTASTS_RECORD_OTHER;
	next = pool_strndup(&pool, text, len) + sizeof tag - 1;
	next += strspn(next, " \t");
	if (*next++ != ';') {
		pool_done(&pool);
		return MTASTS_RECORD_OTHER;
	}
	if (memchr(text, '\0', len) != NULL)
		bad = true;
	while (!bad && (name = next_field(&next, &value, &bad)) != NULL)
		if (text_eq(name, "id") && *id == '\0')
			bad = !take_id(id, value);
	pool_done(&pool);
	if (bad || *id == '\0')
		return MTASTS_RECORD_BAD;
	memcpy(ret, id, sizeof id);
	return MTASTS_RECORD_OK;
}

/* --- MX hosts: RFC 8461 4.1 */

/* A star stands for one label. */
static bool
fits(const char *pattern, const char *host)
{
	if (!text_starts(pattern, "*."))
		return text_eq_nocase(pattern, host);
	host = strchr(host, '.');
	return host != NULL && text_eq_nocase(pattern + 1, host);
}

bool
mtasts_fits(const char *const *patterns, const char *host)
{
	for (; *patterns != NULL; patterns++)
		if (fits(*patterns, host))
			return true;
	return false;
}
