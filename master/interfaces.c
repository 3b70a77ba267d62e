/* interfaces - which addresses inet services listen on */

#include "master/interfaces.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf/conf.h"
#include "util/mem.h"
#include "util/text.h"

struct interfaces {
	struct addr_list list;		/* port 0; empty: all */
	bool		 v4, v6;
};

static struct interfaces current;

static bool
fail(const char **ret_why, const char *fmt, const char *what)
{
	static char text[512];

	snprintf(text, sizeof text, fmt, what);
	*ret_why = text;
	return false;
}

/* A host without IPv6 has no use for "all". */
static bool
kernel_has(int family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool
read_protocols(struct interfaces *f, const char **ret_why)
{
	char *copy = mem_strdup(conf_mail.inet_protocols), *s = copy, *word;
	bool  ok = true;

	while (ok && (word = text_word(&s, TEXT_LIST_SEP, false)) != NULL) {
		if (text_eq_nocase(word, "all"))
			f->v4 = f->v6 = true;
		else if (text_eq_nocase(word, "ipv4"))
			f->v4 = true;
		else if (text_eq_nocase(word, "ipv6"))
			f->v6 = true;
		else
			ok = fail(ret_why, "parameter inet_protocols: unknown"
			    " \"%s\"; write all, ipv4 or ipv6", word);
	}
	if (f->v4 && f->v6) {
		f->v6 = kernel_has(AF_INET6);
		f->v4 = kernel_has(AF_INET);
	}
	mem_free(copy);
	return ok;
}

/* A name or a number, in brackets or not; what inet_protocols leaves out is
 * not added. */
static bool
add_host(const struct interfaces *f, struct addr_list *list, const char *host,
    const char **ret_why)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *res;
	char	       *copy = mem_strdup(host), *name = copy;
	size_t		n = strlen(copy);
	struct addr	a;
	int		rc;

	if (n > 2 && name[0] == '[' && name[n - 1] == ']') {
		name[n - 1] = '\0';
		name++;
	}
	rc = getaddrinfo(name, NULL, &hints, &res);
	mem_free(copy);
	if (rc != 0)
		return fail(ret_why, "host not found: %s; write an address of"
		    " this host, or add the name to /etc/hosts", host);
	for (struct addrinfo *r = res; r != NULL; r = r->ai_next)
		if ((r->ai_family == AF_INET ? f->v4 : f->v6) &&
		    addr_from_sockaddr(&a, r->ai_addr, r->ai_addrlen) &&
		    !addr_list_has(list, &a))
			addr_list_add(list, &a);
	freeaddrinfo(res);
	return true;
}

static bool
read_list(struct interfaces *f, const char **ret_why)
{
	char *copy = mem_strdup(conf_mail.inet_interfaces), *s = copy, *word;
	bool  ok = true, all = false;

	while (ok && (word = text_word(&s, TEXT_LIST_SEP, false)) != NULL) {
		if (text_eq_nocase(word, "all"))
			all = true;
		else if (text_eq_nocase(word, "loopback-only"))
			ok = (!f->v4 ||
			    add_host(f, &f->list, "127.0.0.1", ret_why)) &&
			    (!f->v6 ||
			    add_host(f, &f->list, "::1", ret_why));
		else
			ok = add_host(f, &f->list, word, ret_why);
	}
	mem_free(copy);
	if (ok && !all && f->list.count == 0)
		ok = fail(ret_why, "parameter inet_interfaces: \"%s\" has no"
		    " address that inet_protocols allows; write all, or"
		    " addresses of this host", conf_mail.inet_interfaces);
	if (all)
		addr_list_done(&f->list);
	return ok;
}

bool
interfaces_read(const char **ret_why)
{
	struct interfaces f = { 0 };

	if (!read_protocols(&f, ret_why) || !read_list(&f, ret_why)) {
		addr_list_done(&f.list);
		return false;
	}
	addr_list_done(&current.list);
	current = f;
	return true;
}

static void
add_all(struct addr_list *list)
{
	struct addr a;

	if (current.v4 && addr_parse(&a, "0.0.0.0", 0))
		addr_list_add(list, &a);
	if (current.v6 && addr_parse(&a, "::", 0))
		addr_list_add(list, &a);
}

bool
interfaces_of(const char *service, struct addr_list *ret, const char **ret_why)
{
	char	*text = mem_strdup(service), *host = NULL, *port = text;
	uint16_t number = 0;
	bool	 ok = true;

	if (strchr(text, ':') != NULL)
		ok = addr_split_host_port(text, &host, &port, ret_why);
	if (ok && (port == NULL || (number = addr_service_port(port)) == 0))
		ok = fail(ret_why, "\"%s\": not a port; write a number, a name"
		    " from /etc/services, or host:port", service);
	if (ok && host != NULL && host[0] != '\0')
		ok = add_host(&current, ret, host, ret_why);
	else if (ok && current.list.count == 0)
		add_all(ret);
	else if (ok)
		for (size_t i = 0; i < current.list.count; i++)
			addr_list_add(ret, &current.list.items[i]);
	for (size_t i = 0; i < ret->count; i++)
		addr_set_port(&ret->items[i], number);
	mem_free(text);
	return ok;
}
