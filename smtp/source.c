#include <errno.h>
#include <string.h>

#include "conf/param.h"
#include "mail/own_addr.h"
#include "net/addr.h"
#include "smtp/dead.h"
#include "smtp/settings.h"
#include "smtp/source.h"
#include "util/log.h"

struct source {
	bool		 known;		/* worked out already */
	bool		 is_set, is_bad;
	struct addr	 addr;
};

static struct source ipv4, ipv6;

static bool
names_interfaces(void)
{
	return strcmp(conf_mail.inet_interfaces, "all") != 0 &&
	    strcmp(conf_mail.inet_interfaces, "loopback-only") != 0;
}

/* Mail must leave from where the world knows this instance. */
static void
take_only_interface(struct source *s, int family)
{
	const struct addr_list *own = own_addr_list();
	size_t count = 0;

	if (!names_interfaces())
		return;
	for (size_t i = 0; i < own->count; i++) {
		if (addr_family(&own->items[i]) != family)
			continue;
		s->addr = own->items[i];
		count++;
	}
	s->is_set = count == 1 && !addr_is_loopback(&s->addr);
	addr_set_port(&s->addr, 0);
}

static void
work_out(struct source *s, int family, const char *text)
{
	s->known = true;
	if (*text == '\0')
		take_only_interface(s, family);
	else if (addr_parse(&s->addr, text, 0) &&
	    addr_family(&s->addr) == family)
		s->is_set = true;
	else {
		s->is_bad = true;
		log_warn("%s_bind_address%s: bad address \"%s\"; write a "
		    "numeric one of this host", settings.prefix,
		    family == AF_INET6 ? "6" : "", text);
	}
}

/*
 * smtp_bind_address(6); else the only address of its family in
 * inet_interfaces, when that names one.
 */
static const struct source *
source_of(const struct addr *to)
{
	int family = addr_family(to);
	struct source *s = family == AF_INET6 ? &ipv6 : &ipv4;

	if (!s->known)
		work_out(s, family, family == AF_INET6 ?
		    settings.bind_address6 : settings.bind_address);
	return s;
}

int
source_connect(const struct addr *to, int64_t deadline)
{
	const struct source *s = source_of(to);
	/* NULL: let the system choose */
	const struct addr   *source = s->is_set && !addr_is_loopback(to) ?
				 &s->addr : NULL;
	char		     text[ADDR_TEXT];
	int		     fd;

	if (s->is_bad && settings.bind_address_enforce) {
		errno = EADDRNOTAVAIL;
		return -1;
	}
	fd = dead_connect(to, source, deadline);
	if (fd >= 0 || source == NULL || errno != EADDRNOTAVAIL)
		return fd;
	addr_text(source, text);
	log_warn("smtp_connect_addr: bind %s: %s", text, strerror(errno));
	errno = EADDRNOTAVAIL;
	if (!settings.bind_address_enforce)
		fd = dead_connect(to, NULL, deadline);
	return fd;
}
