/*
 * cdb: files of Bernstein's constant database, by tinycdb
 *
 * Made as a whole and never changed, so a reader maps the old or the new one.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "table/aside.h"
#include "table/cdb_client.h"
#include "table/plugin.h"
#include "table/table_type.h"
#include "util/log.h"
#include "util/mem.h"

struct cdb_table {
	const struct cdb_client	*client;
	void			*db;	/* or the maker, if `writes` */
	int			 fd;
	bool			 writes;
	bool			 try0, try1;	/* keys without, with NUL */
	struct table_aside	 aside;
};

static void
discard(struct cdb_table *c)
{
	int saved = errno;

	if (c->db != NULL && !c->writes)
		c->client->close(c->db);
	else if (c->db != NULL)
		c->client->finish(c->db, false);
	if (c->fd >= 0)
		close(c->fd);
	aside_done(&c->aside);
	mem_free(c);
	errno = saved;
}

static bool
open_read(struct table *t, struct cdb_table *c)
{
	c->fd = aside_open_read(t);
	if (c->fd < 0)
		return false;
	errno = 0;
	c->db = c->client->open(c->fd);
	return c->db != NULL || table_fail(t, "open database %s: %s", t->path,
	    errno == 0 || errno == EPROTO ? "it is damaged" :
	    strerror(errno));
}

static bool
open_write(struct table *t, struct cdb_table *c)
{
	if ((t->flags & TABLE_CREATE) == 0)
		return table_fail(t, "%s: a cdb file can't be changed, only "
		    "made anew", t->full_name);
	if (!aside_open(t, &c->aside))
		return false;
	if (c->try0 == c->try1) {
		c->try0 = false;
		c->try1 = true;
	}
	c->fd = open(c->aside.path, O_RDWR | O_CLOEXEC);
	if (c->fd >= 0)
		c->db = c->client->make(c->fd);
	return c->db != NULL || table_fail(t, "open database %s: %s", t->path,
	    strerror(errno));
}

static bool
open_cdb(struct table *t)
{
	const struct cdb_client *client = plugin_load(t, "cdb", "cdb_client");
	struct cdb_table	*c;

	if (client == NULL)
		return false;
	if (client->abi != CDB_CLIENT_ABI)
		return table_fail(t, "%s: postfix-cdb.so is of another "
		    "release", t->full_name);
	mem_free(t->path);
	t->path = mem_printf("%s.cdb", t->name);
	memset(&t->stamp, 0, sizeof t->stamp);
	c = NEW(struct cdb_table);
	c->client = client;
	c->fd = -1;
	c->aside = (struct table_aside)TABLE_ASIDE_INIT;
	c->try0 = (t->flags & TABLE_TRY0) != 0;
	c->try1 = (t->flags & TABLE_TRY1) != 0;
	if (!c->try0 && !c->try1)
		c->try0 = c->try1 = true;
	c->writes = (t->flags & (TABLE_CREATE | TABLE_EDIT |
	    TABLE_WRITE)) != 0;
	if (c->writes ? open_write(t, c) : open_read(t, c)) {
		t->state = c;
		return true;
	}
	discard(c);
	return false;
}

static bool
close_cdb(struct table *t, bool publish)
{
	struct cdb_table *c = t->state;
	bool		  ok = true;

	if (c->writes && publish) {
		ok = c->client->finish(c->db, true);
		c->db = NULL;
		ok = ok && aside_publish(&c->aside);
	}
	discard(c);
	return ok;
}

static void
add_value(struct buf *ret, const char *p, size_t n)
{
	if (n > 0 && p[n - 1] == '\0')
		n--;
	buf_add(ret, p, n);
}

static enum table_result
damaged(struct table *t)
{
	return table_fail_find(t, "%s is damaged", t->path);
}

static enum table_result
find(struct table *t, const char *key, struct buf *ret)
{
	struct cdb_table *c = t->state;
	const char	 *value;
	size_t		  len;
	int		  found = 0;

	for (int with_nul = 1; found == 0 && with_nul >= 0; with_nul--) {
		if (!(with_nul ? c->try1 : c->try0))
			continue;
		found = c->client->find(c->db, key, strlen(key) +
		    (size_t)with_nul, &value, &len);
		if (found > 0) {
			c->try0 = !with_nul;
			c->try1 = with_nul;
		}
	}
	if (found < 0)
		return damaged(t);
	if (found == 0)
		return TABLE_NOT_FOUND;
	add_value(ret, value, len);
	return TABLE_FOUND;
}

static bool
put(struct table *t, const char *key, const char *value)
{
	struct cdb_table *c = t->state;
	size_t		  nul = c->try1 ? 1 : 0;

	errno = 0;
	switch (c->client->put(c->db, key, strlen(key) + nul, value,
	    strlen(value) + nul, (t->flags & TABLE_DUP_REPLACE) != 0)) {
	case CDB_CLIENT_DONE:
		return true;
	case CDB_CLIENT_BAD:
		return table_fail(t, "write %s: %s", t->path,
		    strerror(errno));
	case CDB_CLIENT_DUPLICATE:
		break;
	}
	if ((t->flags & TABLE_DUP_IGNORE) != 0)
		return true;
	if ((t->flags & TABLE_DUP_WARN) == 0)
		return table_fail(t, "%s: duplicate entry: \"%s\"",
		    t->path, key);
	log_warn("%s: duplicate entry: \"%s\"", t->path, key);
	return true;
}

static enum table_result
sequence(struct table *t, bool first, struct buf *ret_key,
    struct buf *ret_value)
{
	struct cdb_table *c = t->state;
	const char	 *key, *value;
	size_t		  key_len, len;
	int		  found;

	if (c->writes)
		return table_fail_find(t, "it is being made");
	found = c->client->next(c->db, first, &key, &key_len, &value, &len);
	if (found < 0)
		return damaged(t);
	if (found == 0)
		return TABLE_NOT_FOUND;
	add_value(ret_key, key, key_len);
	add_value(ret_value, value, len);
	return TABLE_FOUND;
}

const struct table_type table_type_cdb = {
	.name = "cdb",
	.traits = TYPE_CREATE,
	.open = open_cdb,
	.close = close_cdb,
	.find = find,
	.put = put,
	.sequence = sequence,
};
