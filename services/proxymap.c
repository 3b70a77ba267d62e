/*
 * proxymap - tables for others: proxymap to read, proxywrite to change
 *
 * Who sits in a chroot has no accounts and no files but its own, and a server
 * of tables should not see a connection from every process: what
 * proxy_read_maps lists may be asked here.  The service named proxywrite
 * changes what proxy_write_maps lists; it is one process, so that a table
 * has one writer.
 *
 * Runs as mail_owner, outside of any chroot, and opens a table when it is
 * first asked for, with no more rights than that; many clients at once, each
 * a task.  A client may be compromised: a table that is not listed is not
 * opened, whatever is asked, and the first service never writes.  Ends when
 * master retires it or when it has been idle.
 */

#include <string.h>

#include "mail/peer.h"
#include "conf/conf.h"
#include "server/server.h"
#include "table/proxy_proto.h"
#include "table/table.h"
#include "util/buf.h"
#include "util/frame.h"
#include "util/log.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/proc.h"
#include "util/stream.h"
#include "util/text.h"

enum {
	READ_COMBINATIONS = 16,		/* of PROXY_FLAGS' four bits */
};

/* A table that is listed, by the flags it was asked for with. */
struct approved {
	struct table	*with[READ_COMBINATIONS];
};

static struct {
	struct map	*approved;	/* by name, without "proxy:" */
	bool		 writes;
} proxy;

struct request {
	const char	*table;
	uint64_t	 flags;
	const char	*key, *value;
	bool		 first;
};

/* proxy:proxy:x is x. */
static const char *
bare_name(const char *name)
{
	while (text_starts(name, "proxy:"))
		name += strlen("proxy:");
	return name;
}

/* The names in a parameter's value that begin with "proxy:". */
static void
approve(const char *names)
{
	char	   *copy = mem_strdup(names), *p = copy, *word;
	const char *name;

	while ((word = text_word(&p, TEXT_LIST_SEP, true)) != NULL) {
		name = bare_name(word);
		if (name != word && *name != '\0' &&
		    map_find(proxy.approved, name) == NULL)
			map_set(proxy.approved, name, NEW(struct approved));
	}
	mem_free(copy);
}

static void
before_jail(void)
{
	proxy.approved = map_new();
	proxy.writes = text_eq(server_service(), "proxywrite");
	approve(proxy.writes ? conf_mail.proxy_write_maps :
	    conf_mail.proxy_read_maps);
	/* what smtpd learns of strangers */
	if (proxy.writes)
		approve(conf_value("smtpd_greylist_map"));
}

static int
flag_index(uint64_t flags)
{
	return ((flags & TABLE_FOLD) != 0) | ((flags & TABLE_UTF8) != 0) << 1 |
	    ((flags & TABLE_PARENT) != 0) << 2 |
	    ((flags & TABLE_SRC_IS_FILE) != 0) << 3;
}

/* NULL if it is not listed. */
static struct approved *
find_approved(const struct request *r)
{
	return map_find(proxy.approved, bare_name(r->table));
}

/* A table that is written is open once, whatever the flags say: its file is
 * locked. */
static struct table *
open_table(const struct request *r, struct approved *a)
{
	struct table **t = &a->with[proxy.writes ? 0 : flag_index(r->flags)];
	int	       flags = (int)(r->flags & PROXY_FLAGS);

	if (proxy.writes && *t != NULL && table_is_broken(*t)) {
		table_close(*t);
		*t = NULL;
	}
	if (*t == NULL)
		*t = table_open(bare_name(r->table), proxy.writes ? flags |
		    TABLE_WRITE | TABLE_SYNC | TABLE_DUP_REPLACE : flags);
	return *t;
}

static unsigned
deny(const struct request *r, struct buf *value)
{
	log_warn("request for unapproved table: \"%.100s\"", r->table);
	log_warn("to approve this table for %s access, list proxy:%.100s in "
	    "main.cf:%s", proxy.writes ? "read-write" : "read-only", r->table,
	    proxy.writes ? "proxy_write_maps" : "proxy_read_maps");
	buf_set(value, "unapproved table");
	return PROXY_DENIED;
}

static unsigned
perform(uint16_t type, const struct request *r, struct table *t,
    struct buf *key, struct buf *value)
{
	switch (type) {
	case PROXY_FIND:
		return table_find(t, r->key, value);
	case PROXY_PUT:
		return table_put(t, r->key, r->value) ? TABLE_FOUND :
		    TABLE_ERROR;
	case PROXY_DELETE:
		return table_delete(t, r->key);
	default:
		return table_sequence(t, r->first, key, value);
	}
}

/* The status of the answer. */
static unsigned
answer(const struct frame *f, struct buf *key, struct buf *value)
{
	struct request r = {
		.table = frame_str(f, PROXY_KEY_TABLE),
		.flags = frame_u64(f, PROXY_KEY_FLAGS, TABLE_FOLD),
		.key = frame_str(f, PROXY_KEY_KEY),
		.value = frame_str(f, PROXY_KEY_VALUE),
		.first = frame_u64(f, PROXY_KEY_FIRST, 1) != 0,
	};
	bool	      changes = f->type == PROXY_PUT || f->type == PROXY_DELETE;
	struct approved *approved;
	struct table *t;
	unsigned      status;

	buf_clear(key);
	buf_clear(value);
	if (r.table == NULL || (r.key == NULL && f->type != PROXY_OPEN &&
	    f->type != PROXY_SEQUENCE) ||
	    (r.value == NULL && f->type == PROXY_PUT)) {
		buf_set(value, "malformed request");
		return TABLE_ERROR;
	}
	if (changes && !proxy.writes) {
		log_warn("refusing to change table \"%.100s\": this is not "
		    "proxywrite", r.table);
		return PROXY_DENIED;
	}
	if ((approved = find_approved(&r)) == NULL)
		return deny(&r, value);
	if (f->type == PROXY_OPEN)
		return TABLE_FOUND;
	t = open_table(&r, approved);
	status = perform(f->type, &r, t, key, value);
	if (status == TABLE_ERROR)
		buf_set(value, table_error(t));
	return status;
}

static void
serve(struct stream *s)
{
	struct frame f = FRAME_INIT;
	struct buf   key = BUF_INIT, value = BUF_INIT;
	unsigned     status;

	do {
		stream_set_deadline(s, conf_mail.ipc_idle);
		if (!frame_receive(s, &f, PROXY_FRAME_MAX))
			break;
		if (f.type < PROXY_FIND || f.type > PROXY_OPEN ||
		    f.type == PROXY_ANSWER) {
			log_warn("unknown request %u", f.type);
			break;
		}
		status = answer(&f, &key, &value);
		frame_begin(&f, PROXY_ANSWER);
		frame_put_u64(&f, PROXY_KEY_STATUS, status);
		frame_put_str(&f, PROXY_KEY_VALUE, value.data);
		frame_put_str(&f, PROXY_KEY_KEY, key.data);
		frame_send(s, &f);
	} while (stream_flush(s) && !peer_is_ending());
	frame_done(&f);
	buf_done(&key);
	buf_done(&value);
}

static void
before_exit(void)
{
	for (size_t i = 0; i < map_count(proxy.approved); i++) {
		struct approved *a = map_at(proxy.approved, i)->value;

		for (int k = 0; k < READ_COMBINATIONS; k++)
			if (a->with[k] != NULL)
				table_close(a->with[k]);
	}
}

int
main(int argc, char **argv)
{
	static const struct server server = {
		.name = "proxymap",
		.jail = PROC_JAIL_NET | PROC_JAIL_FILES,
		.before_jail = before_jail,
		.serve = serve,
		.before_exit = before_exit,
	};

	server_main(argc, argv, &server);
}
