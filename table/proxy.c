/*
 * proxy: tables that a service reads and writes for others
 *
 * A daemon asks private/proxymap, and to change a table private/proxywrite.
 * Connections are made when the first question comes: by then master has
 * started what we ask.  Programs that have a user's rights or root's open the
 * table themselves (see table_use_proxymap()), and so does who wants a type
 * that has neither file nor server, for which a service would only cost time.
 *
 * A command asks the service whatever the type, to see what daemons see; if
 * it has no access there or the mail system is down, it opens the table.
 */
#include "table/proxy.h"

#include <string.h>

#include "table/proxy_proto.h"
#include "table/table_type.h"
#include "util/buf.h"
#include "util/frame.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/stream.h"

struct proxy {
	struct table	 *here;		/* opened by ourselves, or NULL */
	struct ask_server server;
};

static bool use_service;
static char *queue_directory;		/* of a command that may ask */

void
table_use_proxymap(bool yes)
{
	use_service = yes;
}

void
table_try_proxymap(const char *directory)
{
	mem_free(queue_directory);
	queue_directory = mem_strdup(directory);
}

/* --- asking the service */

static bool
exchange(struct stream *s, void *arg)
{
	struct frame *f = arg;
	struct frame  answer = FRAME_INIT;
	bool	      ok;

	frame_send(s, f);
	ok = frame_receive(s, &answer, PROXY_FRAME_MAX) &&
	    answer.type == PROXY_ANSWER;
	if (!ok) {
		frame_done(&answer);
		return false;
	}
	/* The question is still needed when it fails: it is asked again. */
	frame_done(f);
	*f = answer;
	return true;
}

static void
begin(struct frame *f, enum proxy_frame type, const struct table *t,
    const char *name)
{
	frame_begin(f, type);
	frame_put_str(f, PROXY_KEY_TABLE, name);
	frame_put_u64(f, PROXY_KEY_FLAGS, (uint64_t)(t->flags & PROXY_FLAGS));
}

static enum table_result
not_configured(struct table *t, const struct ask_server *server,
    const char *name)
{
	return table_fail_find(t, "%s service is not configured for table "
	    "\"%s\"", strrchr(server->where, '/') + 1, name);
}

/* The answer takes the question's place. */
static enum table_result
call(struct table *t, struct ask_server *server, const char *name,
    struct frame *f)
{
	const char *why;
	uint64_t    status;

	if (f->bytes.len > PROXY_FRAME_MAX)
		return TABLE_NOT_FOUND;
	if (ask(server, exchange, f, &why) != ASK_OK) {
		log_warn("connect to %s: %s", ask_name(server), why);
		log_warn("table %s lookup error: %s", t->full_name, why);
		return table_fail_find(t, "%s", why);
	}
	status = frame_u64(f, PROXY_KEY_STATUS, TABLE_ERROR);
	if (status == TABLE_FOUND || status == TABLE_NOT_FOUND)
		return (enum table_result)status;
	if (status == PROXY_DENIED) {
		not_configured(t, server, name);
		log_warn("%s", table_error(t));
		return TABLE_ERROR;
	}
	/* The service has logged what is the matter. */
	return table_fail_find(t, "Application error");
}

enum table_result
proxy_find(struct table *t, struct ask_server *server, const char *name,
    const char *key, struct buf *ret)
{
	struct frame	  f = FRAME_INIT;
	enum table_result r;
	const char	 *value;

	begin(&f, PROXY_FIND, t, name);
	frame_put_str(&f, PROXY_KEY_KEY, key);
	r = call(t, server, name, &f);
	value = frame_str(&f, PROXY_KEY_VALUE);
	if (r == TABLE_FOUND && value != NULL)
		buf_adds(ret, value);
	frame_done(&f);
	return r;
}

/* --- the type */

/* "static:x" within "proxy:static:x", or what makes no sense at all. */
static bool
is_simple(const char *name)
{
	const struct table_type *type = table_type_find(name,
	    strcspn(name, ":"));

	return type == NULL || (type->traits & TYPE_SIMPLE) != 0;
}

static bool
is_pattern(const struct table *t)
{
	const struct proxy	*p = t->state;
	const struct table_type *type;

	if (p->here != NULL)
		return table_is_pattern(p->here);
	type = table_type_find(t->name, strcspn(t->name, ":"));
	return (type->traits & TYPE_PATTERN) != 0;
}

static const char *
service_for(const struct table *t)
{
	return (t->flags & (TABLE_WRITE | TABLE_EDIT)) != 0 ?
	    PROXY_WRITE_SERVICE : PROXY_SERVICE;
}

static bool
open_here(struct table *t)
{
	struct proxy *p = t->state;

	p->here = table_open(t->name, t->flags);
	if (!table_is_broken(p->here))
		return true;
	table_fail(t, "%s", table_error(p->here));
	table_close(p->here);
	mem_free(p);
	return false;
}

/* May the service be asked for it?  False after table_fail(), unless the
 * service can't be reached. */
static bool
is_approved(struct table *t, bool *ret_reached)
{
	struct proxy *p = t->state;
	struct frame  f = FRAME_INIT;
	enum asked    got;
	const char   *why;
	bool	      ok = false;

	begin(&f, PROXY_OPEN, t, t->name);
	got = ask(&p->server, exchange, &f, &why);
	*ret_reached = got != ASK_UNREACHED;
	if (got == ASK_BROKEN)
		table_fail(t, "%s: %s", ask_name(&p->server), why);
	else if (got == ASK_OK && frame_u64(&f, PROXY_KEY_STATUS,
	    PROXY_DENIED) == PROXY_DENIED)
		not_configured(t, &p->server, t->name);
	else
		ok = got == ASK_OK;
	frame_done(&f);
	return ok;
}

static bool
open_for_command(struct table *t)
{
	struct proxy *p = t->state;
	char	     *where = mem_printf("unix:%s/%s", queue_directory,
	    service_for(t));
	bool	      reached, ok;

	if (strchr(t->name, ':') == NULL) {
		mem_free(where);
		mem_free(p);
		return table_fail(t, "proxymap open failed for table \"%s\": "
		    "invalid request", t->name);
	}
	ask_init(&p->server, where);
	mem_free(where);
	ok = is_approved(t, &reached);
	if (ok)
		return true;
	ask_done(&p->server);
	if (!reached)
		return open_here(t);
	mem_free(p);
	return false;
}

static bool
open_proxy(struct table *t)
{
	struct proxy *p = NEW(struct proxy);
	char	     *where;

	t->state = p;
	if (queue_directory != NULL && (t->flags & TABLE_CREATE) == 0)
		return open_for_command(t);
	if (!use_service || is_simple(t->name) ||
	    (t->flags & (TABLE_CREATE | TABLE_EDIT)) != 0)
		return open_here(t);
	where = mem_printf("unix:%s", service_for(t));
	ask_init(&p->server, where);
	mem_free(where);
	return true;
}

static bool
close_proxy(struct table *t, bool publish)
{
	struct proxy *p = t->state;
	bool	      ok = true;

	if (p->here == NULL)
		ask_done(&p->server);
	else if (!publish && (t->flags & (TABLE_CREATE | TABLE_EDIT)) != 0)
		table_abort(p->here);
	else
		ok = table_close(p->here);
	mem_free(p);
	return ok;
}

/* What our own table says, with its error as ours. */
static enum table_result
from_here(struct table *t, enum table_result r)
{
	struct proxy *p = t->state;

	if (r == TABLE_ERROR)
		table_fail(t, "%s", table_error(p->here));
	return r;
}

static enum table_result
find(struct table *t, const char *key, struct buf *ret)
{
	struct proxy *p = t->state;

	if (p->here != NULL)
		return from_here(t, table_find(p->here, key, ret));
	return proxy_find(t, &p->server, t->name, key, ret);
}

static bool
put(struct table *t, const char *key, const char *value)
{
	struct proxy	 *p = t->state;
	struct frame	  f = FRAME_INIT;
	enum table_result r;

	if (p->here != NULL)
		return table_put(p->here, key, value) ||
		    table_fail(t, "%s", table_error(p->here));
	begin(&f, PROXY_PUT, t, t->name);
	frame_put_str(&f, PROXY_KEY_KEY, key);
	frame_put_str(&f, PROXY_KEY_VALUE, value);
	r = call(t, &p->server, t->name, &f);
	if (r == TABLE_NOT_FOUND)
		table_fail(t, "entry is too large");
	frame_done(&f);
	return r == TABLE_FOUND;
}

static enum table_result
remove_key(struct table *t, const char *key)
{
	struct proxy	 *p = t->state;
	struct frame	  f = FRAME_INIT;
	enum table_result r;

	if (p->here != NULL)
		return from_here(t, table_delete(p->here, key));
	begin(&f, PROXY_DELETE, t, t->name);
	frame_put_str(&f, PROXY_KEY_KEY, key);
	r = call(t, &p->server, t->name, &f);
	frame_done(&f);
	return r;
}

static enum table_result
sequence(struct table *t, bool first, struct buf *ret_key,
    struct buf *ret_value)
{
	struct proxy	 *p = t->state;
	struct frame	  f = FRAME_INIT;
	enum table_result r;
	const char	 *key, *value;

	if (p->here != NULL)
		return from_here(t, table_sequence(p->here, first, ret_key,
		    ret_value));
	begin(&f, PROXY_SEQUENCE, t, t->name);
	frame_put_u64(&f, PROXY_KEY_FIRST, first);
	r = call(t, &p->server, t->name, &f);
	key = frame_str(&f, PROXY_KEY_KEY);
	value = frame_str(&f, PROXY_KEY_VALUE);
	if (r == TABLE_FOUND && key != NULL && value != NULL) {
		buf_adds(ret_key, key);
		buf_adds(ret_value, value);
	} else if (r == TABLE_FOUND) {
		r = table_fail_find(t, "malformed answer");
	}
	frame_done(&f);
	return r;
}

const struct table_type table_type_proxy = {
	.name = "proxy",
	.traits = TYPE_FOLDS_ITSELF,
	.open = open_proxy,
	.close = close_proxy,
	.find = find,
	.put = put,
	.remove = remove_key,
	.sequence = sequence,
	.is_pattern = is_pattern,
};
