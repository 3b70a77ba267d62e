#include "table/redis_cluster.h"

#include <stdint.h>
#include <string.h>

#include "util/mem.h"
#include "util/text.h"

struct node {
	char		*host;
	struct servers	*servers;
};

struct cluster {
	struct servers_options	 options;
	struct node		 nodes[CLUSTER_NODES];
	unsigned		 count;
	uint8_t			*slots;	/* number of the node + 1, or 0 */
};

_Static_assert(CLUSTER_NODES < UINT8_MAX, "a slot holds a node's number");

/* CRC-16/XMODEM, as the cluster specification of Redis wants. */
static unsigned
crc16(const char *p, size_t n)
{
	unsigned crc = 0;

	for (; n > 0; p++, n--) {
		crc ^= (unsigned)(unsigned char)*p << 8;
		for (int bit = 0; bit < 8; bit++)
			crc = (crc & 0x8000) != 0 ? crc << 1 ^ 0x1021 :
			    crc << 1;
	}
	return crc & 0xffff;
}

unsigned
cluster_slot(struct str key)
{
	const char *open = memchr(key.p, '{', key.n), *close;
	size_t	    left;

	if (open != NULL) {
		left = key.n - (size_t)(open + 1 - key.p);
		close = memchr(open + 1, '}', left);
		if (close != NULL && close > open + 1)
			return crc16(open + 1, (size_t)(close - open - 1)) %
			    CLUSTER_SLOTS;
	}
	return crc16(key.p, key.n) % CLUSTER_SLOTS;
}

enum cluster_redirect
cluster_parse(const char *error, unsigned *ret_slot, struct buf *ret_host)
{
	char		     *copy = mem_strdup(error), *rest = copy;
	char		     *kind = text_word(&rest, " ", false);
	char		     *slot = text_word(&rest, " ", false);
	char		     *host = text_word(&rest, " ", false);
	enum cluster_redirect r = CLUSTER_NO;
	long		      n;

	if (host != NULL && text_is_digits(slot) &&
	    text_to_long(slot, 0, CLUSTER_SLOTS - 1, &n) &&
	    strchr(host, ':') != NULL && (host[0] != ':' ||
	    strchr(host + 1, ':') != NULL)) {
		if (text_eq(kind, "MOVED"))
			r = CLUSTER_MOVED;
		else if (text_eq(kind, "ASK"))
			r = CLUSTER_ASK;
	}
	if (r != CLUSTER_NO) {
		char *colon = strrchr(host, ':');

		*ret_slot = (unsigned)n;
		buf_clear(ret_host);
		/* An IPv6 address has no brackets here. */
		if (memchr(host, ':', (size_t)(colon - host)) != NULL &&
		    host[0] != '[')
			buf_addf(ret_host, "inet:[%.*s]%s",
			    (int)(colon - host), host, colon);
		else
			buf_addf(ret_host, "inet:%s", host);
	}
	mem_free(copy);
	return r;
}

struct cluster *
cluster_new(const struct servers_options *options)
{
	struct cluster *c = NEW(struct cluster);

	c->options = *options;
	c->slots = mem_zalloc(CLUSTER_SLOTS);
	return c;
}

void
cluster_free(struct cluster *c)
{
	if (c == NULL)
		return;
	for (unsigned i = 0; i < c->count; i++) {
		servers_free(c->nodes[i].servers);
		mem_free(c->nodes[i].host);
	}
	mem_free(c->slots);
	mem_free(c);
}

struct servers *
cluster_find(const struct cluster *c, unsigned slot)
{
	unsigned n = c->slots[slot % CLUSTER_SLOTS];

	return n > 0 ? c->nodes[n - 1].servers : NULL;
}

struct servers *
cluster_node(struct cluster *c, const char *host)
{
	struct node *node;

	for (unsigned i = 0; i < c->count; i++)
		if (text_eq(c->nodes[i].host, host))
			return c->nodes[i].servers;
	if (c->count == CLUSTER_NODES)
		return NULL;
	node = &c->nodes[c->count++];
	node->host = mem_strdup(host);
	node->servers = servers_new(host, &c->options);
	return node->servers;
}

void
cluster_learn(struct cluster *c, unsigned slot, struct servers *servers)
{
	for (unsigned i = 0; i < c->count; i++)
		if (c->nodes[i].servers == servers)
			c->slots[slot % CLUSTER_SLOTS] = (uint8_t)(i + 1);
}

void
cluster_forget(struct cluster *c, const struct servers *servers)
{
	for (unsigned slot = 0; slot < CLUSTER_SLOTS; slot++)
		if (cluster_find(c, slot) == servers)
			c->slots[slot] = 0;
}
