/* dns - DNS and /etc/hosts, for tasks */

#ifndef NET_DNS_H
#define NET_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/addr.h"

/*
 * c-ares underneath.  Every call waits as a task (or blocks outside of one)
 * at most for the resolver's own time limits.  Answers are cached in the
 * process for their TTL, at most 5 minutes, negative ones at most 10 seconds,
 * temporary failures not at all.
 */
enum dns_type {
	DNS_A = 1, DNS_NS = 2, DNS_CNAME = 5, DNS_SOA = 6, DNS_PTR = 12,
	DNS_MX = 15, DNS_TXT = 16, DNS_AAAA = 28, DNS_SRV = 33, DNS_TLSA = 52,
};

enum dns_status {
	DNS_OK,
	DNS_NO_DATA,		/* the name exists, no such record */
	DNS_NOT_FOUND,		/* NXDOMAIN */
	DNS_INVALID,		/* the answer makes no sense, or all records
				   have names that can't be */
	DNS_FAIL,		/* a permanent error: FORMERR, an endless
				   chain of aliases ("Name server loop") */
	DNS_TRY_AGAIN,		/* time-out, SERVFAIL, REFUSED, NOTIMP */
};

struct dns_record {
	struct dns_record	*next;
	char			*name;		/* owner after CNAMEs, no final dot */
	enum dns_type		 type;
	uint32_t		 ttl;
	bool			 authentic;	/* AD bit seen and trusted */
	uint16_t		 preference;	/* MX; SRV priority */
	uint16_t		 weight, port;	/* SRV */
	char			*target;	/* MX NS CNAME PTR SRV SOA host ("" is
						   the root: null MX; MX and SRV may
						   have an address); TXT text */
	size_t			 target_len;	/* TXT, TLSA bytes */
	struct addr		 addr;		/* A, AAAA; port 0 */
};

/* Records in the order received, at most 100; the caller frees them.  A name
 * that is not valid (dns_valid_name()) is DNS_NOT_FOUND at once.  *ret_why (may be
 * NULL) is static text as Postfix writes it: "Host not found", "Host not
 * found, try again", "Host found but no data record of requested type" ... */
enum dns_status	dns_query(const char *name, enum dns_type,
		    struct dns_record **ret, const char **ret_why);
void		dns_free(struct dns_record *);

/*
 * Asked about each record of an answer, as "name. ttl IN MX 10 host.": false
 * leaves it out (smtp_dns_reply_filter).  May wait as a task.  An answer
 * with nothing left is DNS_TRY_AGAIN with this text.
 */
#define DNS_WHY_FILTERED "DNS reply filter drops all results"

void		dns_set_filter(bool (*keep)(const char *record));

enum { DNS_V4 = 1, DNS_V6 = 2 };

/* Those of inet_protocols: "all", "ipv4", "ipv6, ipv4"; both if it names none. */
int		dns_families(const char *inet_protocols);

/*
 * Addresses of a host.  `families`: DNS_V4 | DNS_V6; `use_hosts`: look in
 * /etc/hosts first ("native"), `use_dns`.
 */
enum dns_status	dns_addresses(const char *host, int families, bool use_hosts,
		    bool use_dns, struct addr_list *ret, const char **ret_why);

/*
 * The same, with what DANE wants to know (RFC 7672 2.2.2): did all addresses
 * come authentic out of the DNS, and what is the host's name after aliases
 * (malloc'ed; NULL: its own)?
 */
struct dns_proof {
	bool		 authentic;
	char		*canonical;
	enum dns_type	 type;	/* without addresses: which question's answer
				   the status is, DNS_A or DNS_AAAA */
};

enum dns_status	dns_addresses_proven(const char *host, int families,
		    bool use_hosts, bool use_dns, struct addr_list *ret,
		    struct dns_proof *, const char **ret_why);

/* The name of an address: /etc/hosts, then PTR.  The name is malloc'ed. */
enum dns_status	dns_name_of(const struct addr *, char **ret_name,
		    const char **ret_why);

/*
 * Names that are not complete.  The n-th name to be tried for `name`: with
 * DNS_DEFNAMES one without a dot in the first search domain of resolv.conf,
 * with DNS_SEARCH any in all of them; false: there are no more.  Without these
 * options there is the name alone.
 */
enum { DNS_DEFNAMES = 1, DNS_SEARCH = 2 };

struct buf;
bool		dns_search_name(const char *name, unsigned options, size_t n,
		    struct buf *ret);

/* Once, before a chroot. */
void		dns_search_start(void);

/* A name fit for DNS: labels 1 to 63 bytes of letters, digits, '-' and '_',
 * 255 in all, not all-numeric. */
bool		dns_valid_name(const char *);
bool		dns_valid_address(const char *);	/* numeric IPv4, IPv6 */

/* Once, before a chroot: reads resolv.conf, nsswitch, hosts. */
bool		dns_start(const char **ret_why);

/* Servers in place of resolv.conf's: "192.0.2.1,[2001:db8::1]:5353". */
bool		dns_use_servers(const char *list);

#endif
