#include "mail/srs.h"

#include <string.h>
#include <strings.h>

#include "mail/address.h"
#include "table/digest.h"
#include "util/buf.h"
#include "util/mem.h"
#include "util/text.h"

enum { DAY = 24 * 60 * 60, DAYS = 1024, TAG = 4 };	/* TAG: "SRS0" */

static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/* --- parts */

static void
add_day(struct buf *out, time_t now)
{
	unsigned day = (unsigned)(now / DAY) % DAYS;

	buf_addc(out, base32[day >> 5]);
	buf_addc(out, base32[day & 31]);
}

static int
base32_value(char c)
{
	const char *at = c == '\0' ? NULL :
	    strchr(base32, c >= 'a' && c <= 'z' ? c - 32 : c);

	return at == NULL ? -1 : (int)(at - base32);
}

/* Not older than max_age days; a day ahead is another host's clock. */
static bool
is_current(const struct srs *s, const char *day, time_t now)
{
	int high = base32_value(day[0]), low = base32_value(day[1]), age;

	if (high < 0 || low < 0)
		return false;
	age = ((int)((now / DAY) % DAYS) - (high << 5 | low) + DAYS) % DAYS;
	return age <= s->max_age || age == DAYS - 1;
}

/* Appends the first `n` characters of the hash over the parts. */
static bool
add_hash(struct buf *out, const char *secret, const char *const parts[],
    int n)
{
	struct buf text = BUF_INIT, mac = BUF_INIT, code = BUF_INIT;
	bool	   ok;

	for (int i = 0; parts[i] != NULL; i++)
		buf_adds(&text, parts[i]);
	text_lower(text.data);
	ok = digest_hmac(&mac, "SHA1", secret, strlen(secret), text.data,
	    text.len);
	text_base64(&code, mac.data, mac.len);
	if (ok)
		buf_add(out, code.data, code.len < (size_t)n ? code.len :
		    (size_t)n);
	buf_done(&text);
	buf_done(&mac);
	buf_done(&code);
	return ok;
}

/* Case may be lost on the way: it is compared without.  In equal time, since
 * who guesses can measure. */
static bool
is_equal(const char *given, const char *ours, size_t n)
{
	unsigned diff = 0;

	for (size_t i = 0; i < n; i++) {
		char a = given[i], b = ours[i];

		a = a >= 'A' && a <= 'Z' ? (char)(a + 32) : a;
		b = b >= 'A' && b <= 'Z' ? (char)(b + 32) : b;
		diff |= (unsigned)(a ^ b);
	}
	return diff == 0;
}

static bool
is_signed(const struct srs *s, const char *hash, const char *const parts[])
{
	struct buf ours = BUF_INIT;
	size_t	   n = strlen(hash);
	bool	   found = false;

	if (n < (size_t)s->hash_minimum)
		return false;
	for (size_t i = 0; i < s->secret_count && !found; i++) {
		buf_clear(&ours);
		found = add_hash(&ours, s->secrets[i], parts, (int)n) &&
		    ours.len == n && is_equal(hash, ours.data, n);
	}
	buf_done(&ours);
	return found;
}

/* 0 or 1 for "SRS0=" and "SRS1=" in front of a local part, or -1. */
static int
kind_of(const char *local, size_t len)
{
	if (len <= TAG || strncasecmp(local, "SRS", 3) != 0 ||
	    strchr("=+-", local[TAG]) == NULL ||
	    (local[3] != '0' && local[3] != '1'))
		return -1;
	return local[3] - '0';
}

/* The text up to the next '=' as a string; *p goes behind it.  NULL: none. */
static char *
cut(char **p)
{
	char *start = *p, *at = strchr(start, '=');

	if (at == NULL || at == start)
		return NULL;
	*at = '\0';
	*p = at + 1;
	return start;
}

/* --- forward */

static bool
forward_plain(const struct srs *s, struct buf *out, const char *local,
    const char *domain, time_t now)
{
	struct buf  day = BUF_INIT;
	const char *parts[4] = { NULL };
	bool	    ok;

	add_day(&day, now);
	parts[0] = day.data;
	parts[1] = domain;
	parts[2] = local;
	buf_addf(out, "SRS0%c", s->separator);
	ok = add_hash(out, s->secrets[0], parts, s->hash_length);
	buf_addf(out, "=%s=%s=%s@%s", day.data, domain, local, s->domain);
	buf_done(&day);
	return ok;
}

/* An address of another forwarder: it alone can take it back, so it is all
 * that is kept besides.  `rest` begins with its separator. */
static bool
forward_again(const struct srs *s, struct buf *out, const char *rest,
    const char *domain)
{
	const char *parts[] = { domain, rest, NULL };
	bool	    ok;

	buf_addf(out, "SRS1%c", s->separator);
	ok = add_hash(out, s->secrets[0], parts, s->hash_length);
	buf_addf(out, "=%s=%s@%s", domain, rest, s->domain);
	return ok;
}

bool
srs_forward(const struct srs *s, struct buf *out, const char *sender,
    time_t now)
{
	size_t	    len = address_local_len(sender), before = out->len;
	const char *domain = address_domain(sender);
	char	   *local, *p, *host;
	bool	    ok = false;

	if (len == 0 || domain == NULL || *domain == '\0' ||
	    s->secret_count == 0 || text_eq_nocase(domain, s->domain))
		return false;
	local = mem_strndup(sender, len);
	switch (kind_of(local, len)) {
	case 0:
		ok = forward_again(s, out, local + TAG, domain);
		break;
	case 1:
		/* SRS1=hash=host=rest: the first forwarder stays. */
		p = local + TAG + 1;
		if (cut(&p) != NULL && (host = cut(&p)) != NULL) {
			ok = forward_again(s, out, p, host);
			break;
		}
		mem_free(local);
		local = mem_strndup(sender, len);
		/* fall through */
	default:
		ok = forward_plain(s, out, local, domain, now);
		break;
	}
	mem_free(local);
	if (!ok)
		buf_cut(out, before);
	return ok;
}

/* --- and back */

static enum srs_result
reverse_plain(const struct srs *s, struct buf *out, char *p, time_t now)
{
	const char *hash = cut(&p), *day, *domain;
	const char *parts[4] = { NULL };

	if (hash == NULL || (day = cut(&p)) == NULL || strlen(day) != 2 ||
	    (domain = cut(&p)) == NULL || *p == '\0')
		return SRS_FORGED;
	parts[0] = day;
	parts[1] = domain;
	parts[2] = p;
	if (!is_signed(s, hash, parts))
		return SRS_FORGED;
	if (!is_current(s, day, now))
		return SRS_EXPIRED;
	buf_addf(out, "%s@%s", p, domain);
	return SRS_GOOD;
}

static enum srs_result
reverse_again(const struct srs *s, struct buf *out, char *p)
{
	const char *hash = cut(&p), *host;
	const char *parts[3] = { NULL };

	if (hash == NULL || (host = cut(&p)) == NULL || *p == '\0' ||
	    strchr("=+-", *p) == NULL)
		return SRS_FORGED;
	parts[0] = host;
	parts[1] = p;
	if (!is_signed(s, hash, parts))
		return SRS_FORGED;
	buf_addf(out, "SRS0%s@%s", p, host);
	return SRS_GOOD;
}

enum srs_result
srs_reverse(const struct srs *s, struct buf *out, const char *address,
    time_t now)
{
	size_t		len = address_local_len(address);
	const char     *domain = address_domain(address);
	char	       *local;
	enum srs_result got;
	int		kind;

	if (domain == NULL || !text_eq_nocase(domain, s->domain) ||
	    (kind = kind_of(address, len)) < 0)
		return SRS_NONE;
	local = mem_strndup(address, len);
	got = kind == 0 ? reverse_plain(s, out, local + TAG + 1, now) :
	    reverse_again(s, out, local + TAG + 1);
	mem_free(local);
	return got;
}
