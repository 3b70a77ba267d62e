/*
 * dns_parse - the records of an answer
 *
 * Names are expanded by c-ares, which bounds compression; its parsers for
 * whole answers leave out what we need: owner, TTL, TLSA.  So this walks
 * over the records (RFC 1035 4.1) by itself:
 *
 *	answer = id:u16 flags:u16 count:u16[4] question* record*
 *	question = name type:u16 class:u16
 *	record = name type:u16 class:u16 ttl:u32 length:u16 data
 */

#include <ares.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#include "net/dns_int.h"
#include "util/mem.h"

enum {
	HEADER = 12, QUESTION = 4, RECORD = 10,	/* bytes, without the name */
	CLASS_IN = 1,
	FLAG_ANSWER = 0x8000, FLAG_AUTHENTIC = 0x0020,
};

struct cursor {
	const unsigned char	*start, *at, *end;
};

static size_t
left(const struct cursor *c)
{
	return (size_t)(c->end - c->at);
}

static unsigned
u16(const unsigned char *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static uint32_t
u32(const unsigned char *p)
{
	return (uint32_t)u16(p) << 16 | u16(p + 2);
}

/*
 * A name that ends before `end`: a string to be freed with
 * ares_free_string(), NULL if there is none.  *at moves behind it.
 */
static char *
expand(const struct cursor *c, const unsigned char **at,
    const unsigned char *end)
{
	char *name;
	long  len;

	if (*at >= end || ares_expand_name(*at, c->start,
	    (int)(c->end - c->start), &name, &len) != ARES_SUCCESS)
		return NULL;
	if (len > end - *at) {
		ares_free_string(name);
		return NULL;
	}
	*at += len;
	return name;
}

/* One record as it stands in the answer. */
struct raw {
	char			*owner;		/* ares_free_string() */
	unsigned		 type, class;
	uint32_t		 ttl;
	const unsigned char	*data;
	size_t			 len;
};

static bool
next_raw(struct cursor *c, struct raw *r)
{
	const unsigned char *p;

	if ((r->owner = expand(c, &c->at, c->end)) == NULL)
		return false;
	p = c->at;
	if (left(c) < RECORD || left(c) - RECORD < u16(p + 8)) {
		ares_free_string(r->owner);
		return false;
	}
	r->type = u16(p);
	r->class = u16(p + 2);
	r->ttl = u32(p + 4);
	/* RFC 2181 8: the top bit is to be taken as zero. */
	if (r->ttl > INT32_MAX)
		r->ttl = 0;
	r->len = u16(p + 8);
	r->data = p + RECORD;
	c->at = r->data + r->len;
	return true;
}

/* --- data of each type: false if it is malformed */

/* Some write an address where the name of a host belongs. */
static bool
may_be_address(unsigned type)
{
	return type == DNS_MX || type == DNS_SRV;
}

/* A host name at `skip` that fills the rest.  The root is "" (null MX). */
static bool
take_host(const struct cursor *c, const struct raw *r, size_t skip,
    struct dns_record *ret)
{
	const unsigned char *at = r->data + skip, *end = r->data + r->len;
	char		    *name;

	if (r->len <= skip || (name = expand(c, &at, end)) == NULL)
		return false;
	if (at == end && (*name == '\0' || dns_valid_name(name) ||
	    (may_be_address(r->type) && dns_valid_address(name))))
		ret->target = mem_strdup(name);
	ares_free_string(name);
	return ret->target != NULL;
}

static bool
take_a(const struct cursor *c, const struct raw *r, struct dns_record *ret)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };

	(void)c;
	if (r->len != sizeof sa.sin_addr)
		return false;
	memcpy(&sa.sin_addr, r->data, r->len);
	return addr_from_sockaddr(&ret->addr, (const void *)&sa, sizeof sa);
}

static bool
take_aaaa(const struct cursor *c, const struct raw *r, struct dns_record *ret)
{
	struct sockaddr_in6 sa = { .sin6_family = AF_INET6 };

	(void)c;
	if (r->len != sizeof sa.sin6_addr)
		return false;
	memcpy(&sa.sin6_addr, r->data, r->len);
	return addr_from_sockaddr(&ret->addr, (const void *)&sa, sizeof sa);
}

static bool
take_name(const struct cursor *c, const struct raw *r, struct dns_record *ret)
{
	return take_host(c, r, 0, ret);
}

static bool
take_mx(const struct cursor *c, const struct raw *r, struct dns_record *ret)
{
	if (r->len < 2)
		return false;
	ret->preference = (uint16_t)u16(r->data);
	return take_host(c, r, 2, ret);
}

static bool
take_srv(const struct cursor *c, const struct raw *r, struct dns_record *ret)
{
	if (r->len < 6)
		return false;
	ret->preference = (uint16_t)u16(r->data);
	ret->weight = (uint16_t)u16(r->data + 2);
	ret->port = (uint16_t)u16(r->data + 4);
	return take_host(c, r, 6, ret);
}

/* The server's name; two names and five numbers there must be. */
static bool
take_soa(const struct cursor *c, const struct raw *r, struct dns_record *ret)
{
	const unsigned char *at = r->data, *end = r->data + r->len;
	char		    *server, *person;

	if ((server = expand(c, &at, end)) == NULL)
		return false;
	person = expand(c, &at, end);
	if (person != NULL && end - at == 20)
		ret->target = mem_strdup(server);
	ares_free_string(server);
	ares_free_string(person);
	return ret->target != NULL;
}

/* The strings of a TXT record, put together (RFC 7208 3.3). */
static bool
take_txt(const struct cursor *c, const struct raw *r, struct dns_record *ret)
{
	char  *text = mem_alloc(r->len + 1);
	size_t at = 0, len = 0;

	(void)c;
	while (at < r->len && r->len - at > r->data[at]) {
		memcpy(text + len, r->data + at + 1, r->data[at]);
		len += r->data[at];
		at += 1 + (size_t)r->data[at];
	}
	text[len] = '\0';
	ret->target = text;
	ret->target_len = len;
	return at == r->len && r->len > 0;
}

/* RFC 6698 2.1: usage, selector, matching type, data. */
static bool
take_tlsa(const struct cursor *c, const struct raw *r, struct dns_record *ret)
{
	(void)c;
	if (r->len < 4)
		return false;
	ret->target = mem_alloc(r->len + 1);
	memcpy(ret->target, r->data, r->len);
	ret->target[r->len] = '\0';
	ret->target_len = r->len;
	return true;
}

static const struct taker {
	enum dns_type	 type;
	bool		(*take)(const struct cursor *, const struct raw *,
			    struct dns_record *);
} takers[] = {
	{ DNS_A, take_a },
	{ DNS_AAAA, take_aaaa },
	{ DNS_MX, take_mx },
	{ DNS_NS, take_name },
	{ DNS_CNAME, take_name },
	{ DNS_PTR, take_name },
	{ DNS_SRV, take_srv },
	{ DNS_SOA, take_soa },
	{ DNS_TXT, take_txt },
	{ DNS_TLSA, take_tlsa },
};

/* A record of the type asked for, or NULL if it is malformed. */
static struct dns_record *
take(const struct cursor *c, const struct raw *r)
{
	struct dns_record *ret = NEW(struct dns_record);

	ret->name = mem_strdup(r->owner);
	ret->type = (enum dns_type)r->type;
	ret->ttl = r->ttl;
	for (size_t i = 0; i < sizeof takers / sizeof *takers; i++)
		if (takers[i].type == ret->type && takers[i].take(c, r, ret))
			return ret;
	dns_free(ret);
	return NULL;
}

/* --- the whole */

static bool
skip_questions(struct cursor *c, unsigned count)
{
	for (; count > 0; count--) {
		char *name = expand(c, &c->at, c->end);

		ares_free_string(name);
		if (name == NULL || left(c) < QUESTION)
			return false;
		c->at += QUESTION;
	}
	return true;
}

static void
follow_alias(const struct cursor *c, const struct raw *r,
    struct dns_answer *ret)
{
	struct dns_record one = { 0 };

	if (take_host(c, r, 0, &one)) {
		mem_free(ret->alias);
		ret->alias = one.target;
	}
}

static bool
walk(struct cursor *c, unsigned count, enum dns_type type, bool authentic,
    struct dns_answer *ret)
{
	struct dns_record **tail = &ret->records;
	struct raw	    r;
	int		    room = DNS_RECORDS_MAX;

	for (; count > 0; count--) {
		if (!next_raw(c, &r))
			return false;
		if (r.class == CLASS_IN && r.ttl < ret->ttl)
			ret->ttl = r.ttl;
		if (r.class == CLASS_IN && r.type == type && room-- > 0) {
			if ((*tail = take(c, &r)) == NULL) {
				ret->malformed = true;
			} else {
				(*tail)->authentic = authentic;
				tail = &(*tail)->next;
			}
		} else if (r.class == CLASS_IN && r.type == DNS_CNAME) {
			follow_alias(c, &r, ret);
		}
		ares_free_string(r.owner);
	}
	return true;
}

bool
dns_parse(const unsigned char *bytes, size_t len, enum dns_type type,
    struct dns_answer *ret)
{
	struct cursor	  c = { bytes, bytes, bytes + len };
	struct dns_answer a = { .ttl = UINT32_MAX };
	unsigned	  flags;

	if (len < HEADER || len > UINT16_MAX)
		return false;
	flags = u16(bytes + 2);
	if ((flags & FLAG_ANSWER) == 0)
		return false;
	c.at += HEADER;
	if (!skip_questions(&c, u16(bytes + 4)) ||
	    !walk(&c, u16(bytes + 6), type, (flags & FLAG_AUTHENTIC) != 0,
	    &a)) {
		dns_free(a.records);
		mem_free(a.alias);
		return false;
	}
	if (a.records != NULL || a.malformed) {
		mem_free(a.alias);
		a.alias = NULL;
	}
	*ret = a;
	return true;
}
