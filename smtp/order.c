/* The order in which servers are tried: apart from lookups, for its test. */

#include <stdlib.h>
#include <string.h>

#include "net/dns.h"
#include "smtp/route.h"

static void
shuffle(struct target *t, size_t n, uint32_t (*random)(uint32_t))
{
	struct target swap;

	for (size_t i = n; i > 1; i--) {
		size_t j = random((uint32_t)i);

		swap = t[i - 1];
		t[i - 1] = t[j];
		t[j] = swap;
	}
}

/* Insertion sort: stable, and lists have a few entries (MX_MAX). */
static void
sort_stable(struct target *t, size_t n, int preferred_family)
{
	for (size_t i = 1; i < n; i++) {
		struct target at = t[i];
		bool at_first = addr_family(&at.addr) == preferred_family;
		size_t j = i;

		for (; j > 0; j--) {
			struct target *p = &t[j - 1];

			if (p->preference < at.preference)
				break;
			if (p->preference == at.preference &&
			    (!at_first || addr_family(&p->addr) ==
			    preferred_family))
				break;
			t[j] = *p;
		}
		t[j] = at;
	}
}

void
route_sort(struct target *t, size_t n, const char *prefer,
    uint32_t (*random)(uint32_t))
{
	int family = strcmp(prefer, "ipv6") == 0 ? AF_INET6 :
	    strcmp(prefer, "ipv4") == 0 ? AF_INET : -1;

	if (random != NULL)
		shuffle(t, n, random);
	sort_stable(t, n, family);
}

size_t
route_pick(struct dns_record *const *records, size_t n,
    uint32_t (*random)(uint32_t))
{
	uint32_t total = 0, at;
	size_t	 zeros = 0;

	for (size_t i = 0; i < n; i++) {
		total += records[i]->weight;
		zeros += records[i]->weight == 0;
	}
	/* Those without weight have a very small chance, together. */
	at = random(total + (zeros > 0));
	for (size_t i = 0; i < n; i++) {
		if (records[i]->weight > at)
			return i;
		at -= records[i]->weight;
	}
	at = random((uint32_t)(zeros > 0 ? zeros : n));
	for (size_t i = 0; i < n; i++)
		if (records[i]->weight == 0 && at-- == 0)
			return i;
	return 0;
}

static size_t
count_family(const struct target *t, size_t n, int family)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		found += addr_family(&t[i].addr) == family;
	return found;
}

/*
 * When the first `limit` are all of one family, and the other exists further
 * down, its best ones take the last half of the places: a network that is
 * broken for one family must not use up all attempts.
 */
size_t
route_limit(struct target *t, size_t n, size_t limit, bool balance)
{
	size_t places, at;
	int other;

	if (limit == 0 || n <= limit)
		return n;
	if (!balance || limit < 2)
		return limit;
	other = addr_family(&t[0].addr) == AF_INET ? AF_INET6 : AF_INET;
	if (count_family(t, limit, other) > 0)
		return limit;
	places = count_family(t, n, other);
	if (places > limit / 2)
		places = limit / 2;
	at = limit - places;
	for (size_t i = limit; i < n && at < limit; i++)
		if (addr_family(&t[i].addr) == other)
			t[at++] = t[i];
	return limit;
}
