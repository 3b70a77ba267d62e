#include "qmgr/orders.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mail/address.h"
#include "mail/qmgr_client.h"
#include "qmgr/transport.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/frame.h"
#include "util/log.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/text.h"

#define FILE_NAME "saved/orders"

enum {
	ORDERS_MAX = 10000,
	TEXT_MAX = 500,		/* bytes of an object, a target, a reason */
	FIELDS = 6,
	FILE_MAX = 16 * 1024 * 1024,	/* bytes */
};

static struct {
	struct map	*by_object;
	char		*why;		/* text for ret_why */
} orders;

static const char *const kind_names[] = { "suspend", "reroute" };

/* --- finding */

static const struct order *
find(const char *prefix, const char *object)
{
	struct buf	    key = BUF_INIT;
	const struct order *o;

	buf_adds(&key, prefix);
	buf_adds(&key, object);
	text_lower(key.data);
	o = map_find(orders.by_object, key.data);
	buf_done(&key);
	return o;
}

static const struct order *
find_sender(const char *sender)
{
	const char	   *domain = address_domain(sender);
	const struct order *o = find("from:", *sender == '\0' ? "<>" : sender);

	if (o == NULL && domain != NULL)
		o = find("from:@", domain);
	return o;
}

static const struct order *
find_domain(const char *domain)
{
	const struct order *o = find("", domain);

	while (o == NULL && (domain = strchr(domain, '.')) != NULL)
		o = find("", domain++);
	return o;
}

const struct order *
orders_find(const char *sender, const char *recipient, const char *transport,
    const char *nexthop)
{
	const char	   *domain = address_domain(recipient);
	const struct order *o;

	if (orders.by_object == NULL || map_count(orders.by_object) == 0)
		return NULL;
	o = find_sender(sender);
	if (o == NULL && domain != NULL)
		o = find_domain(domain);
	if (o == NULL)
		o = find("", nexthop);
	if (o == NULL)
		o = find("transport:", transport);
	return o;
}

/* --- checking */

static bool
fail(const char **ret_why, const char *fmt, const char *what)
{
	mem_free(orders.why);
	orders.why = mem_printf(fmt, what);
	*ret_why = orders.why;
	return false;
}

static bool
is_text(const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
		if (iscntrl((unsigned char)*p))
			return false;
	return strlen(text) <= TEXT_MAX;
}

static bool
check_object(const char *object, const char **ret_why)
{
	if (*object == '\0' || strchr(object, ' ') != NULL ||
	    (strchr(object, '@') != NULL &&
	    !text_starts_nocase(object, "from:")))
		return fail(ret_why, "\"%s\" is no object of an order; write"
		    " a domain, .domain, from:ADDRESS, from:@DOMAIN, from:<>"
		    " or transport:NAME", object);
	return true;
}

static bool
check_target(const char *target, const char **ret_why)
{
	size_t len = strcspn(target, ":");
	char  *name = mem_strndup(target, len);
	bool   known = len > 0 && target[len] == ':' &&
	    transport_is_known(name);

	mem_free(name);
	if (!known)
		return fail(ret_why, "\"%s\" is no target; write"
		    " TRANSPORT:NEXTHOP with a service of master.cf", target);
	return true;
}

static bool
check(const struct order *o, const char **ret_why)
{
	if (!is_text(o->object) || !is_text(o->target) || !is_text(o->reason))
		return fail(ret_why, "%s: text too long, or with control "
		    "characters", "order");
	if (map_count(orders.by_object) >= ORDERS_MAX)
		return fail(ret_why, "%s: too many orders; take some back",
		    o->object);
	return check_object(o->object, ret_why) &&
	    (o->kind == ORDER_SUSPEND || check_target(o->target, ret_why));
}

/* --- the file: a line each, kind, object, target, since, uid, reason */

static void
write_line(struct buf *b, const struct order *o)
{
	buf_addf(b, "%s\t%s\t%s\t%lld\t%lu\t%s\n", kind_names[o->kind],
	    o->object, o->target, (long long)o->since, (unsigned long)o->by,
	    o->reason);
}

static bool
save(const char **ret_why)
{
	struct buf b = BUF_INIT;
	bool	   ok;

	for (size_t i = 0; i < map_count(orders.by_object); i++)
		write_line(&b, map_at(orders.by_object, i)->value);
	ok = file_replace_bytes(FILE_NAME, b.data, b.len, 0600);
	buf_done(&b);
	return ok || fail(ret_why, "write " FILE_NAME ": %s",
	    strerror(errno));
}

static void
free_order(struct order *o)
{
	if (o == NULL)
		return;
	mem_free((char *)o->object);
	mem_free((char *)o->target);
	mem_free((char *)o->reason);
	mem_free(o);
}

static struct order *
copy(const struct order *from)
{
	struct order *o = NEW(struct order);

	*o = *from;
	o->object = text_lower(mem_strdup(from->object));
	o->target = mem_strdup(from->target);
	o->reason = mem_strdup(from->reason);
	return o;
}

static bool
read_line(char *line)
{
	char	    *field[FIELDS];
	struct order o = { .kind = ORDER_SUSPEND }, *new;
	long	     since, by;

	for (int i = 0; i < FIELDS; i++)
		if ((field[i] = strsep(&line, "\t")) == NULL)
			return false;
	if (strcmp(field[0], kind_names[ORDER_REROUTE]) == 0)
		o.kind = ORDER_REROUTE;
	else if (strcmp(field[0], kind_names[ORDER_SUSPEND]) != 0)
		return false;
	if (!text_to_long(field[3], 0, INT64_MAX, &since) ||
	    !text_to_long(field[4], 0, UINT32_MAX, &by))
		return false;
	o.object = field[1];
	o.target = field[2];
	o.reason = field[5];
	o.since = since;
	o.by = (uid_t)by;
	new = copy(&o);
	free_order(map_set(orders.by_object, new->object, new));
	return true;
}

void
orders_load(void)
{
	struct buf b = BUF_INIT;
	char	  *next, *line;

	orders.by_object = map_new();
	if (!file_read(FILE_NAME, FILE_MAX, &b)) {
		if (errno != ENOENT)
			log_error("read " FILE_NAME ": %m; orders of "
			    "postqueue are not in force");
	} else {
		next = b.data;
		while ((line = strsep(&next, "\n")) != NULL)
			if (*line != '\0' && !read_line(line))
				log_warn(FILE_NAME ": bad line \"%.100s\"",
				    line);
	}
	buf_done(&b);
}

bool
orders_give(const struct order *o, const char **ret_why)
{
	struct order *new, *old;

	if (!check(o, ret_why))
		return false;
	new = copy(o);
	old = map_set(orders.by_object, new->object, new);
	if (save(ret_why)) {
		free_order(old);
		return true;
	}
	if (old != NULL)
		map_set(orders.by_object, new->object, old);
	else
		map_remove(orders.by_object, new->object);
	free_order(new);
	return false;
}

bool
orders_take_back(const char *object, const char **ret_why)
{
	char	     *key = text_lower(mem_strdup(object));
	struct order *o = map_remove(orders.by_object, key);
	bool	      ok;

	mem_free(key);
	if (o == NULL)
		return fail(ret_why, "there is no order for \"%s\"", object);
	ok = save(ret_why);
	if (ok)
		free_order(o);
	else
		map_set(orders.by_object, o->object, o);
	return ok;
}

void
orders_put(struct frame *f)
{
	for (size_t i = 0; i < map_count(orders.by_object); i++) {
		const struct order *o = map_at(orders.by_object, i)->value;
		size_t		    group = frame_open(f, QMGR_KEY_ORDER);

		frame_put_str(f, QMGR_KEY_ORDER_KIND, kind_names[o->kind]);
		frame_put_str(f, QMGR_KEY_OBJECT, o->object);
		frame_put_str(f, QMGR_KEY_TARGET, o->target);
		frame_put_str(f, QMGR_KEY_REASON, o->reason);
		frame_put_u64(f, QMGR_KEY_SINCE, (uint64_t)o->since);
		frame_put_u64(f, QMGR_KEY_UID, o->by);
		frame_close(f, group);
	}
}
