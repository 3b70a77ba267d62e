/* dns_int - between the parts of DNS; for net/dns*.c, hosts.c and tests only */

#ifndef NET_DNS_INT_H
#define NET_DNS_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/dns.h"

enum {
	DNS_RECORDS_MAX = 100,	/* of one answer; the rest is ignored */
};

/* --- dns_parse.c: bytes to records, no I/O */

struct dns_answer {
	struct dns_record	*records;	/* the caller frees */
	char			*alias;		/* end of a chain of CNAMEs that has
						   no data; the caller frees */
	uint32_t		 ttl;		/* the smallest */
	bool			 malformed;	/* a record with a bad name was left
						   out */
};

/* False: not an answer in good order; nothing to free. */
bool	dns_parse(const unsigned char *bytes, size_t len, enum dns_type,
	    struct dns_answer *ret);

/* --- dns_ares.c: questions and answers over c-ares */

/* Called once, within the loop or dns_ares_wait(), and must not wait.  `bytes`
 * is NULL and rcode tells when there is no answer: 2 (SERVFAIL) stands for
 * every passing trouble. */
typedef void dns_answer_fn(void *arg, int rcode, const unsigned char *bytes,
	    size_t len);

bool	dns_ares_start(const char **ret_why);
void	dns_ares_ask(const char *name, enum dns_type, dns_answer_fn *,
	    void *arg);

/* Outside of tasks: serves sockets until *done. */
void	dns_ares_wait(const bool *done);

/* --- dns_search.c: "search" of resolv.conf's text */

void	dns_search_read(const char *resolv_conf);

/* --- hosts.c: /etc/hosts */

struct hosts;

/* Of the file's text; lines that make no sense are skipped. */
struct hosts	*hosts_parse(const char *text, size_t len);
void		 hosts_free(struct hosts *);
void		 hosts_addresses(const struct hosts *, const char *name,
		     int families, struct addr_list *ret);	/* adds */
const char	*hosts_name(const struct hosts *, const struct addr *);

/* The file, read again when it has changed; never NULL. */
const struct hosts *hosts_get(void);

/* nsswitch.conf's "hosts:": is "files" there, is "dns"? */
void		 hosts_read_order(const char *text, bool *ret_files,
		     bool *ret_dns);
bool		 hosts_use_files(void);
bool		 hosts_use_dns(void);

#endif
