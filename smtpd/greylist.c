#include "smtpd/greylist.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "mail/address.h"
#include "util/text.h"

enum {
	KEY_MAX = 400,		/* bytes: LMDB takes 511 */
	REFRESH = 3600,		/* seconds between writes of what is known */
};

bool
greylist_parse(const char *text, struct greylist_record *r)
{
	return sscanf(text, "%" SCNd64 " %" SCNd64 " %u", &r->first, &r->last,
	    &r->passes) == 3 && r->first > 0 && r->last >= r->first;
}

void
greylist_format(const struct greylist_record *r, char ret[GREYLIST_RECORD_MAX])
{
	snprintf(ret, GREYLIST_RECORD_MAX, "%" PRId64 " %" PRId64 " %u",
	    r->first, r->last, r->passes);
}

bool
greylist_is_stale(const struct greylist_rules *rules,
    const struct greylist_record *r, int64_t now)
{
	return now > (r->passes > 0 ? r->last + rules->lifetime :
	    r->first + rules->window);
}

/* Seen again: that is worth a write now and then. */
static void
refresh(struct greylist_record *r, int64_t now, bool *store)
{
	*store = now - r->last >= REFRESH;
	if (*store)
		r->last = now;
}

enum greylist_verdict
greylist_judge(const struct greylist_rules *rules, struct greylist_record *r,
    int64_t now, bool *store)
{
	/* a clock that was set back makes a record of the future */
	if (r->first == 0 || r->first > now ||
	    greylist_is_stale(rules, r, now)) {
		*r = (struct greylist_record){ .first = now, .last = now };
		*store = true;
		if (rules->delay > 0)
			return GREYLIST_NEW;
	}
	if (r->passes > 0) {
		refresh(r, now, store);
		return GREYLIST_KNOWN;
	}
	if (now - r->first < rules->delay) {
		*store = false;
		return GREYLIST_EARLY;
	}
	r->last = now;
	r->passes = 1;
	*store = true;
	return GREYLIST_PASSES;
}

bool
greylist_client_passes(const struct greylist_rules *rules,
    struct greylist_record *r, int64_t now, bool *store)
{
	*store = false;
	if (rules->allow_after <= 0 || r->first == 0 || r->first > now ||
	    r->passes < (unsigned)rules->allow_after ||
	    greylist_is_stale(rules, r, now))
		return false;
	refresh(r, now, store);
	return true;
}

void
greylist_client_earns(const struct greylist_rules *rules,
    struct greylist_record *r, int64_t now)
{
	if (r->first == 0 || r->first > now ||
	    greylist_is_stale(rules, r, now))
		*r = (struct greylist_record){ .first = now };
	r->last = now;
	r->passes++;
}

/* --- keys */

void
greylist_network(struct buf *b, const struct addr *a, int v4_bits, int v6_bits)
{
	struct addr    net = *a;
	bool	       v6 = addr_family(a) == AF_INET6;
	unsigned char *p = v6 ?
	    ((struct sockaddr_in6 *)&net.sa)->sin6_addr.s6_addr :
	    (unsigned char *)&((struct sockaddr_in *)&net.sa)->sin_addr;
	int	       bits = v6 ? v6_bits : v4_bits, left = bits;
	char	       text[ADDR_TEXT];

	for (int i = 0; i < (v6 ? 16 : 4); i++, left -= 8)
		if (left < 8)
			p[i] &= (unsigned char)(0xff00 >> (left > 0 ? left : 0));
	addr_text(&net, text);
	buf_addf(b, "%s/%d", text, bits);
}

/* Digits of the local part become one '#'; what follows '+' goes. */
static void
add_sender(struct buf *b, const char *sender)
{
	size_t n = address_local_len(sender);

	for (size_t i = 0; i < n && sender[i] != '+'; i++) {
		if (sender[i] < '0' || sender[i] > '9')
			buf_addc(b, sender[i]);
		else if (i == 0 || sender[i - 1] < '0' || sender[i - 1] > '9')
			buf_addc(b, '#');
	}
	buf_adds(b, sender + n);
}

/* FNV-1a: keeps long keys apart; who finds two that are alike has put
 * himself off. */
static uint64_t
hash(const char *text)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; *text != '\0'; text++)
		h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return h;
}

void
greylist_key(struct buf *b, const char *network, const char *sender,
    const char *recipient)
{
	size_t	 start = b->len;
	uint64_t h;

	buf_addf(b, "%s/", network);
	add_sender(b, sender);
	buf_addf(b, "/%s", recipient);
	for (size_t i = start; i < b->len; i++)
		if ((unsigned char)b->data[i] <= ' ' || b->data[i] == 0x7f)
			b->data[i] = '?';
	text_lower(b->data + start);
	if (b->len - start > KEY_MAX) {
		h = hash(b->data + start);
		buf_cut(b, start + KEY_MAX);
		buf_addf(b, "#%016" PRIx64, h);
	}
}
