/* addr - IP addresses, networks, endpoints */

#ifndef NET_ADDR_H
#define NET_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct buf;

/* An address with port; IPv4-mapped IPv6 addresses become IPv4 on entry. */
struct addr {
	struct sockaddr_storage	 sa;
	socklen_t		 len;
};

enum { ADDR_TEXT = 48 };	/* bytes for a numeric address with NUL */

/* Numeric "192.0.2.1" or "2001:db8::1"; no names, no brackets. */
bool	addr_parse(struct addr *, const char *numeric, uint16_t port);
bool	addr_from_sockaddr(struct addr *, const struct sockaddr *, socklen_t);
void	addr_text(const struct addr *, char ret[ADDR_TEXT]);
uint16_t addr_port(const struct addr *);
void	addr_set_port(struct addr *, uint16_t);
int	addr_family(const struct addr *);	/* AF_INET, AF_INET6, AF_UNIX */
bool	addr_equal(const struct addr *, const struct addr *);	/* not the port */
bool	addr_is_loopback(const struct addr *);

/*
 * "host", "host:port", "[host]:port", ":port", "[v6]:port" of main.cf and
 * master.cf, split in place; either part may come out NULL.  False with why.
 */
bool	addr_split_host_port(char *text, char **ret_host, char **ret_port,
	    const char **ret_why);

/* Service name or number to port; 0 is an error. */
uint16_t addr_service_port(const char *name);

/* "smtp=25, smtps=submissions=465": names that go before the system's table.
 * The text must stay. */
void	 addr_set_known_ports(const char *list);

/* Addresses of the interfaces that are up. */
struct addr_list {
	struct addr	*items;
	size_t		 count;
};

bool	addr_interfaces(struct addr_list *);
void	addr_list_add(struct addr_list *, const struct addr *);
bool	addr_list_has(const struct addr_list *, const struct addr *);
void	addr_list_done(struct addr_list *);

#endif
