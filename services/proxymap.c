/*
 * proxymap - answer questions about tables that others can't read
 *
 * Who sits in a chroot has no accounts and no files but its own: what
 * proxy_read_maps lists may be asked here.  Runs as mail_owner, outside of any
 * chroot; many clients at once, each a task.  A client may be compromised, so
 * a table that is not listed is not opened, whatever is asked.
 *
 * Only lookups are served: our own programs open tables that they change
 * themselves, so proxywrite has no work.  Ends when master retires it or when
 * it has been idle.
 */

#include <string.h>

#include "mail/peer.h"
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

static struct map *tables;	/* name without "proxy:" -> struct table */

/* The names in a parameter's value that begin with "proxy:".  Tables that
 * only root may read are opened while we are root. */
static void
approve(const char *names)
{
	static const char prefix[] = "proxy:";
	char		 *copy = mem_strdup(names), *p = copy, *word;

	while ((word = text_word(&p, TEXT_LIST_SEP, true)) != NULL) {
		if (!text_starts(word, prefix))
			continue;
		word += sizeof prefix - 1;
		if (map_find(tables, word) == NULL)
			map_set(tables, word, table_open(word, TABLE_FOLD));
	}
	mem_free(copy);
}

static void
before_jail(void)
{
	tables = map_new();
	approve(conf_mail.proxy_read_maps);
}

static enum table_result
find(const struct frame *f, struct buf *ret)
{
	const char	 *name = frame_str(f, PROXY_KEY_TABLE);
	const char	 *key = frame_str(f, PROXY_KEY_KEY);
	struct table	 *t;
	enum table_result r;

	if (name == NULL || key == NULL) {
		buf_set(ret, "malformed request");
		return TABLE_ERROR;
	}
	t = map_find(tables, name);
	if (t == NULL) {
		log_warn("request for unapproved table: \"%.100s\"", name);
		log_warn("to approve this table for read-only access, list "
		    "proxy:%.100s in main.cf:proxy_read_maps", name);
		buf_set(ret, "unapproved table");
		return TABLE_ERROR;
	}
	r = table_find(t, key, ret);
	if (r == TABLE_ERROR)
		buf_set(ret, table_error(t));
	return r;
}

static void
serve(struct stream *s)
{
	struct frame	  f = FRAME_INIT;
	struct buf	  value = BUF_INIT;
	enum table_result r;

	do {
		stream_set_deadline(s, conf_mail.ipc_timeout);
		if (!frame_receive(s, &f, PROXY_FRAME_MAX))
			break;
		if (f.type != PROXY_FIND) {
			log_warn("unknown request %u", f.type);
			break;
		}
		r = find(&f, &value);
		frame_begin(&f, PROXY_ANSWER);
		frame_put_u64(&f, PROXY_KEY_STATUS, r);
		frame_put_str(&f, PROXY_KEY_VALUE, value.data);
		frame_send(s, &f);
	} while (stream_flush(s) && !peer_is_ending());
	frame_done(&f);
	buf_done(&value);
}

int
main(int argc, char **argv)
{
	static const struct server server = {
		.name = "proxymap",
		.jail = PROC_JAIL_NET | PROC_JAIL_FILES,
		.before_jail = before_jail,
		.serve = serve,
	};

	server_main(argc, argv, &server);
}
