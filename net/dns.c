/*
 * dns - questions with a cache
 *
 * An entry of the cache is made when its question is first asked; who asks
 * the same meanwhile waits for the same answer.  Answers are kept for their
 * TTL within bounds; failures that may pass are not kept, but shared by those
 * who were waiting.
 *
 *	(none) -- ask --> pending -- answer --> done -- expired, or nobody
 *	                                          |     needs it --> (none)
 *	                                          +-- asked: a copy
 */

#include <netinet/in.h>
#include <string.h>

#include "net/dns_int.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/list.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/task.h"
#include "util/text.h"

enum {
	TTL_MAX = 300,		/* seconds */
	NEGATIVE_TTL = 10,
	ENTRIES_MAX = 10000,
	BYTES_MAX = 16 * 1024 * 1024, /* of all records kept: whoever makes us
				   ask can have large answers for us */
	ALIASES_MAX = 10,	/* CNAMEs followed by asking again */
};

struct dns_entry {
	struct list		 age;		/* oldest first */
	char			*key;
	enum dns_type		 type;
	bool			 done;
	bool			 kept;		/* in the map */
	int			 users;		/* who look at it or wait */
	int			 aliases;
	int64_t			 expires;
	size_t			 bytes;		/* of its records */
	struct task_cond	 wake;
	enum dns_status		 status;
	const char		*why;		/* static */
	struct dns_record	*records;
};

static struct {
	struct map	*map;
	struct list	 age;
	size_t		 bytes;
} cache = { .age = LIST_INIT(cache.age) };

/* --- records */

void
dns_free(struct dns_record *r)
{
	while (r != NULL) {
		struct dns_record *next = r->next;

		mem_free(r->name);
		mem_free(r->target);
		mem_free(r);
		r = next;
	}
}

static struct dns_record *
copy_records(const struct dns_record *r)
{
	struct dns_record *first = NULL, **tail = &first;

	for (; r != NULL; r = r->next) {
		*tail = mem_dup(r, sizeof *r);
		(*tail)->name = mem_strdup(r->name);
		if (r->target_len > 0)
			(*tail)->target = mem_dup(r->target,
			    r->target_len + 1);
		else if (r->target != NULL)
			(*tail)->target = mem_strdup(r->target);
		tail = &(*tail)->next;
	}
	*tail = NULL;
	return first;
}

/* --- entries */

static void
entry_forget(struct dns_entry *e)
{
	if (e->kept) {
		map_remove(cache.map, e->key);
		list_remove(&e->age);
		cache.bytes -= e->bytes;
		e->kept = false;
	}
	if (e->users > 0 || !e->done)
		return;
	dns_free(e->records);
	mem_free(e->key);
	mem_free(e);
}

static bool
is_stale(const struct dns_entry *e)
{
	return e->done && e->expires <= clock_ms();
}

static void
make_room(void)
{
	/* The oldest ones are likely to be stale; a few at a time. */
	for (int i = 0; i < 3 && !list_is_empty(&cache.age); i++) {
		struct dns_entry *e = LIST_ENTRY(cache.age.next,
		    struct dns_entry, age);

		if (!e->done || (!is_stale(e) &&
		    map_count(cache.map) < ENTRIES_MAX))
			break;
		entry_forget(e);
	}
}

static struct dns_entry *
entry_new(const char *key, enum dns_type type)
{
	struct dns_entry *e = NEW(struct dns_entry);

	make_room();
	e->key = mem_strdup(key);
	e->type = type;
	e->kept = true;
	task_cond_init(&e->wake);
	map_set(cache.map, key, e);
	list_append(&cache.age, &e->age);
	return e;
}

static size_t
weigh(const struct dns_record *r)
{
	size_t bytes = 0;

	for (; r != NULL; r = r->next)
		bytes += sizeof *r + strlen(r->name) + (r->target_len > 0 ?
		    r->target_len : r->target != NULL ? strlen(r->target) : 0);
	return bytes;
}

static void
make_room_for_bytes(const struct dns_entry *but)
{
	LIST_EACH(it, &cache.age) {
		struct dns_entry *e = LIST_ENTRY(it, struct dns_entry, age);

		if (cache.bytes <= BYTES_MAX)
			break;
		if (e->done && e != but)
			entry_forget(e);
	}
}

static void
settle(struct dns_entry *e, enum dns_status status, const char *why,
    uint32_t ttl)
{
	e->status = status;
	e->why = why;
	e->done = true;
	e->expires = clock_ms() + (int64_t)ttl * 1000;
	if (e->kept && e->records != NULL) {
		e->bytes = weigh(e->records);
		cache.bytes += e->bytes;
		make_room_for_bytes(e);
	}
	task_wake_all(&e->wake);
	if (ttl == 0 || e->users == 0)
		entry_forget(e);
}

static void on_answer(void *, int, const unsigned char *, size_t);

/* An alias that came without the data: its own server may say more. */
static void
ask_for_alias(struct dns_entry *e, const char *alias)
{
	if (++e->aliases > ALIASES_MAX)
		settle(e, DNS_FAIL, "Name server loop", 0);
	else
		dns_ares_ask(alias, e->type, on_answer, e);
}

static const char not_found[] = "Host not found";
static const char try_again[] = "Host not found, try again";
static const char no_data[] =
    "Host found but no data record of requested type";
static const char malformed[] = "Malformed or unexpected name server reply";

static void
on_answer(void *arg, int rcode, const unsigned char *bytes, size_t len)
{
	struct dns_entry *e = arg;
	struct dns_answer a;

	if (bytes == NULL) {
		settle(e, DNS_TRY_AGAIN, try_again, 0);
		return;
	}
	if (!dns_parse(bytes, len, e->type, &a)) {
		settle(e, DNS_INVALID, malformed, 0);
		return;
	}
	e->records = a.records;
	if (rcode == 3)
		settle(e, DNS_NOT_FOUND, not_found, NEGATIVE_TTL);
	else if (rcode == 1)
		settle(e, DNS_FAIL, "Non-recoverable error", 0);
	else if (rcode != 0)	/* SERVFAIL, REFUSED: as resolvers do */
		settle(e, DNS_TRY_AGAIN, try_again, 0);
	else if (a.records != NULL)
		settle(e, DNS_OK, "", a.ttl < TTL_MAX ? a.ttl : TTL_MAX);
	else if (a.malformed)
		settle(e, DNS_INVALID, malformed, NEGATIVE_TTL);
	else if (a.alias != NULL)
		ask_for_alias(e, a.alias);
	else
		settle(e, DNS_NO_DATA, no_data, NEGATIVE_TTL);
	mem_free(a.alias);
}

/* --- asking */

static void
key_of(struct buf *key, const char *name, enum dns_type type)
{
	buf_addf(key, "%d ", (int)type);
	buf_adds(key, name);
	text_lower(key->data);
}

/* A question under way or answered; dns_end() waits.  NULL: no such name. */
static struct dns_entry *
dns_begin(const char *name, enum dns_type type)
{
	struct buf	  key = BUF_INIT;
	struct dns_entry *e;

	if (!dns_valid_name(name))
		return NULL;
	if (cache.map == NULL)
		cache.map = map_new();
	key_of(&key, name, type);
	e = map_find(cache.map, key.data);
	if (e != NULL && is_stale(e)) {
		entry_forget(e);
		e = NULL;
	}
	if (e == NULL) {
		e = entry_new(key.data, type);
		e->users++;
		dns_ares_ask(name, type, on_answer, e);
	} else {
		e->users++;
	}
	buf_done(&key);
	return e;
}

/* --- the filter */

static bool (*filter_keeps)(const char *record);

void
dns_set_filter(bool (*keep)(const char *record))
{
	filter_keeps = keep;
}

static void
add_data(struct buf *text, const struct dns_record *r)
{
	char address[ADDR_TEXT];

	switch (r->type) {
	case DNS_A:
	case DNS_AAAA:
		addr_text(&r->addr, address);
		buf_adds(text, address);
		break;
	case DNS_MX:
		buf_addf(text, "%u %s.", r->preference, r->target);
		break;
	case DNS_SRV:
		buf_addf(text, "%u %u %u %s.", r->preference, r->weight,
		    r->port, r->target);
		break;
	case DNS_TXT:
		buf_add(text, r->target, r->target_len);
		break;
	case DNS_TLSA:
		for (size_t i = 0; i < r->target_len; i++)
			buf_addf(text, i < 3 ? "%d " : "%02x",
			    (unsigned char)r->target[i]);
		break;
	default:
		buf_addf(text, "%s.", r->target != NULL ? r->target : "");
	}
}

static const char *
type_name(enum dns_type type)
{
	static const struct {
		enum dns_type	 type;
		const char	*name;
	} names[] = {
		{ DNS_A, "A" }, { DNS_AAAA, "AAAA" }, { DNS_MX, "MX" },
		{ DNS_TXT, "TXT" }, { DNS_PTR, "PTR" }, { DNS_NS, "NS" },
		{ DNS_CNAME, "CNAME" }, { DNS_SRV, "SRV" },
		{ DNS_TLSA, "TLSA" }, { DNS_SOA, "SOA" },
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].type == type)
			return names[i].name;
	return "UNKNOWN";
}

static bool
is_kept(const struct dns_record *r)
{
	struct buf text = BUF_INIT;
	bool	   keep;

	buf_addf(&text, "%s. %u IN %s ", r->name, (unsigned)r->ttl,
	    type_name(r->type));
	add_data(&text, r);
	keep = filter_keeps(text.data);
	buf_done(&text);
	return keep;
}

static void
apply_filter(struct dns_record **list)
{
	struct dns_record *r;

	while ((r = *list) != NULL) {
		if (is_kept(r)) {
			list = &r->next;
			continue;
		}
		*list = r->next;
		r->next = NULL;
		dns_free(r);
	}
}

static enum dns_status
dns_end(struct dns_entry *e, struct dns_record **ret, const char **ret_why)
{
	enum dns_status status;

	if (e == NULL) {
		if (ret_why != NULL)
			*ret_why = "invalid host or domain name";
		return DNS_NOT_FOUND;
	}
	if (!e->done && !task_running())
		dns_ares_wait(&e->done);
	while (!e->done)
		task_wait(&e->wake, CLOCK_NEVER);
	status = e->status;
	if (status == DNS_OK)
		*ret = copy_records(e->records);
	if (ret_why != NULL)
		*ret_why = e->why;
	e->users--;
	if (!e->kept || is_stale(e))
		entry_forget(e);
	if (status == DNS_OK && filter_keeps != NULL) {
		apply_filter(ret);
		if (*ret == NULL) {
			status = DNS_TRY_AGAIN;
			if (ret_why != NULL)
				*ret_why = DNS_WHY_FILTERED;
		}
	}
	return status;
}

enum dns_status
dns_query(const char *name, enum dns_type type, struct dns_record **ret,
    const char **ret_why)
{
	*ret = NULL;
	return dns_end(dns_begin(name, type), ret, ret_why);
}

/* --- hosts */

static void
take_addresses(struct dns_record *records, struct addr_list *ret,
    struct dns_proof *proof)
{
	for (struct dns_record *r = records; r != NULL; r = r->next) {
		addr_list_add(ret, &r->addr);
		proof->authentic = proof->authentic && r->authentic;
		if (proof->canonical == NULL)
			proof->canonical = mem_strdup(r->name);
	}
	dns_free(records);
}

/* Of two answers without an address: which one says more; the last, if they
 * say the same. */
static bool
says_more(enum dns_status a, enum dns_status b)
{
	static const int rank[] = {
		[DNS_OK] = 9, [DNS_TRY_AGAIN] = 5, [DNS_FAIL] = 4,
		[DNS_INVALID] = 3, [DNS_NO_DATA] = 2, [DNS_NOT_FOUND] = 1,
	};

	return rank[a] >= rank[b];
}

static enum dns_status
ask_addresses(const char *host, int families, struct addr_list *ret,
    struct dns_proof *proof, const char **ret_why)
{
	static const struct {
		int		family;
		enum dns_type	type;
	} kinds[] = { { DNS_V4, DNS_A }, { DNS_V6, DNS_AAAA } };
	struct dns_entry *asked[2];
	enum dns_status	  best = DNS_NOT_FOUND, status;
	const char	 *why = not_found;

	for (int i = 0; i < 2; i++)
		if (families & kinds[i].family)
			asked[i] = dns_begin(host, kinds[i].type);
	for (int i = 0; i < 2; i++) {
		struct dns_record *records = NULL;
		const char	  *this_why;

		if ((families & kinds[i].family) == 0)
			continue;
		status = dns_end(asked[i], &records, &this_why);
		take_addresses(records, ret, proof);
		if (says_more(status, best)) {
			best = status;
			why = this_why;
			proof->type = kinds[i].type;
		}
	}
	*ret_why = why;
	return best;
}

enum dns_status
dns_addresses(const char *host, int families, bool use_hosts, bool use_dns,
    struct addr_list *ret, const char **ret_why)
{
	struct dns_proof proof;
	enum dns_status  status = dns_addresses_proven(host, families,
	    use_hosts, use_dns, ret, &proof, ret_why);

	mem_free(proof.canonical);
	return status;
}

enum dns_status
dns_addresses_proven(const char *host, int families, bool use_hosts,
    bool use_dns, struct addr_list *ret, struct dns_proof *proof,
    const char **ret_why)
{
	const char	*why;
	struct addr	 a;
	enum dns_status	 status;

	*proof = (struct dns_proof){ 0 };
	*ret = (struct addr_list){ 0 };
	if (ret_why == NULL)
		ret_why = &why;
	*ret_why = not_found;
	if (addr_parse(&a, host, 0)) {
		if ((families & (addr_family(&a) == AF_INET ? DNS_V4 :
		    DNS_V6)) == 0) {
			*ret_why = no_data;
			return DNS_NO_DATA;
		}
		addr_list_add(ret, &a);
		return DNS_OK;
	}
	if (use_hosts && hosts_use_files()) {
		hosts_addresses(hosts_get(), host, families, ret);
		if (ret->count > 0)
			return DNS_OK;
	}
	/* "native" without "dns" in nsswitch.conf means none. */
	if (!use_dns || (use_hosts && !hosts_use_dns()))
		return DNS_NOT_FOUND;
	proof->authentic = true;
	status = ask_addresses(host, families, ret, proof, ret_why);
	if (ret->count == 0)
		proof->authentic = false;
	return status;
}

static void
reverse_name(const struct addr *a, struct buf *ret)
{
	const unsigned char *p;

	if (addr_family(a) == AF_INET) {
		p = (const void *)
		    &((const struct sockaddr_in *)(const void *)&a->sa)->
		    sin_addr;
		buf_addf(ret, "%d.%d.%d.%d.in-addr.arpa", p[3], p[2], p[1],
		    p[0]);
		return;
	}
	p = (const void *)
	    &((const struct sockaddr_in6 *)(const void *)&a->sa)->sin6_addr;
	for (int i = 15; i >= 0; i--)
		buf_addf(ret, "%x.%x.", p[i] & 15, p[i] >> 4);
	buf_adds(ret, "ip6.arpa");
}

enum dns_status
dns_name_of(const struct addr *a, char **ret_name, const char **ret_why)
{
	struct buf	   reverse = BUF_INIT;
	struct dns_record *records = NULL;
	const char	  *name;
	enum dns_status	   status;

	if (addr_family(a) != AF_INET && addr_family(a) != AF_INET6) {
		if (ret_why != NULL)
			*ret_why = not_found;
		return DNS_NOT_FOUND;
	}
	if (hosts_use_files() && (name = hosts_name(hosts_get(), a)) != NULL) {
		*ret_name = mem_strdup(name);
		return DNS_OK;
	}
	reverse_name(a, &reverse);
	status = dns_query(reverse.data, DNS_PTR, &records, ret_why);
	if (status == DNS_OK)
		*ret_name = mem_strdup(records->target);
	dns_free(records);
	buf_done(&reverse);
	return status;
}

bool
dns_start(const char **ret_why)
{
	hosts_get();
	return dns_ares_start(ret_why);
}
