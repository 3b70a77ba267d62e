/* postfix-sqlite.so: SQLite for table/sql.c */

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "table/client.h"

struct connection {
	sqlite3	    *db;
	char	    *path;
	struct stat  st;	/* of the file that is open */
};

static void
close_db(void *arg)
{
	struct connection *c = arg;

	sqlite3_close(c->db);
	free(c->path);
	free(c);
}

static void *
open_db(const struct client_setting *settings, const char *path,
    struct client_answer *why)
{
	struct connection *c = calloc(1, sizeof *c);

	(void)settings;
	if (c == NULL || (c->path = strdup(path)) == NULL) {
		why->fail(why, "no memory");
		free(c);
		return NULL;
	}
	stat(path, &c->st);
	if (sqlite3_open_v2(path, &c->db, SQLITE_OPEN_READONLY |
	    SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK &&
	    /* Opening is lazy; a file of another kind shows only now. */
	    sqlite3_exec(c->db, "PRAGMA schema_version", NULL, NULL, NULL) !=
	    SQLITE_NOTADB) {
		sqlite3_limit(c->db, SQLITE_LIMIT_LENGTH, 16 * 1024 * 1024);
		return c;
	}
	why->fail(why, sqlite3_errmsg(c->db));
	close_db(c);
	return NULL;
}

/* Another file has come to this path: what is open is the old one.  In a
 * chroot there may be none; what is open is then all there is. */
static bool
is_replaced(const struct connection *c)
{
	struct stat now;

	return stat(c->path, &now) == 0 &&
	    (now.st_ino != c->st.st_ino || now.st_dev != c->st.st_dev);
}

static int
read_rows(sqlite3_stmt *s, struct client_answer *answer)
{
	unsigned row = 0;
	int	 r;

	while ((r = sqlite3_step(s)) == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(s, 0);

		/* As in Postfix the first column alone counts. */
		if (text != NULL && !answer->add(answer, row, 0, text,
		    (size_t)sqlite3_column_bytes(s, 0)))
			break;
		row++;
	}
	return r;
}

static bool
ask(void *arg, const struct client_question *q, struct client_answer *answer)
{
	struct connection *c = arg;
	sqlite3_stmt	  *s = NULL;
	int		   r;

	if (is_replaced(c)) {
		answer->fail(answer, "the file has been replaced");
		answer->lost = true;
		return false;
	}
	sqlite3_busy_timeout(c->db, q->wait_seconds * 1000);
	r = sqlite3_prepare_v2(c->db, q->text, -1, &s, NULL);
	if (r == SQLITE_OK && s == NULL) {
		answer->fail(answer, "the query is empty");
		return false;
	}
	if (r == SQLITE_OK)
		r = read_rows(s, answer);
	if (r != SQLITE_DONE && r != SQLITE_ROW) {
		answer->fail(answer, sqlite3_errmsg(c->db));
		answer->busy = r == SQLITE_BUSY || r == SQLITE_LOCKED;
	}
	sqlite3_finalize(s);
	return r == SQLITE_DONE || r == SQLITE_ROW;
}

const struct client_plugin client_plugin = {
	.abi = CLIENT_ABI,
	.open = open_db,
	.ask = ask,
	.close = close_db,
};
