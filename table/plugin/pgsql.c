/* postfix-pgsql.so: libpq for table/sql.c */

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "table/client.h"

enum { OPTIONS = 12 };

struct options {
	const char	*names[OPTIONS], *values[OPTIONS];
	int		 count;
};

static void
set(struct options *o, const char *name, const char *value)
{
	if (value == NULL || *value == '\0' || o->count >= OPTIONS - 1)
		return;
	o->names[o->count] = name;
	o->values[o->count++] = value;
}

static const char *
get(const struct client_setting *settings, const char *name)
{
	for (; settings->name != NULL; settings++)
		if (strcmp(settings->name, name) == 0)
			return settings->value;
	return NULL;
}

static bool
is_uri(const char *host)
{
	return strncmp(host, "postgresql://", 13) == 0 ||
	    strncmp(host, "postgres://", 11) == 0;
}

/* "unix:/dir/.s.PGSQL.5432" may name the socket itself; libpq wants its
 * directory and the port. */
static void
set_path(struct options *o, char *path)
{
	char *name = strstr(path, "/.s.PGSQL.");

	if (name != NULL) {
		*name = '\0';
		set(o, "port", name + strlen("/.s.PGSQL."));
	}
	set(o, "host", path);
}

static void
set_host(struct options *o, char *host)
{
	char *colon, *end;

	if (strncmp(host, "unix:", 5) == 0) {
		set_path(o, host + 5);
		return;
	}
	if (strncmp(host, "inet:", 5) == 0)
		host += 5;
	if (host[0] == '/') {
		set_path(o, host);
		return;
	}
	end = strrchr(host, ']');
	colon = strrchr(host, ':');
	if (colon != NULL && (end == NULL ? strchr(host, ':') == colon :
	    colon == end + 1)) {
		*colon = '\0';
		set(o, "port", colon + 1);
	}
	if (host[0] == '[' && end != NULL) {
		*end = '\0';
		host++;
	}
	set(o, "host", host);
}

static void
ignore(void *arg, const char *text)
{
	(void)arg;
	(void)text;
}

static void *
open_db(const struct client_setting *s, const char *where,
    struct client_answer *why)
{
	struct options o = { .count = 0 };
	char	      *copy = strdup(where);
	PGconn	      *db;

	if (copy == NULL) {
		why->fail(why, "no memory");
		return NULL;
	}
	set(&o, "connect_timeout", "10");
	set(&o, "tcp_user_timeout", "60000");
	set(&o, "user", get(s, "user"));
	set(&o, "password", get(s, "password"));
	set(&o, "dbname", get(s, "dbname"));
	set(&o, "client_encoding", get(s, "encoding") != NULL ?
	    get(s, "encoding") : "UTF8");
	/* What the URI says comes last: it wins. */
	if (is_uri(where))
		set(&o, "dbname", where);
	else
		set_host(&o, copy);
	db = PQconnectdbParams(o.names, o.values, 1);
	free(copy);
	if (db != NULL && PQstatus(db) == CONNECTION_OK) {
		PQsetNoticeProcessor(db, ignore, NULL);
		return db;
	}
	why->fail(why, db == NULL ? "no memory" : PQerrorMessage(db));
	PQfinish(db);
	return NULL;
}

/* Waits for the whole of the next result. */
static bool
wait_for(PGconn *db, time_t end)
{
	struct pollfd p = { .fd = PQsocket(db), .events = POLLIN };
	time_t	      left;

	while (PQisBusy(db)) {
		left = end - time(NULL);
		if (left <= 0 || poll(&p, 1, (int)left * 1000) == 0)
			return false;
		if (!PQconsumeInput(db))
			return true;	/* PQgetResult() says what it is */
	}
	return true;
}

static void
read_rows(const PGresult *result, struct client_answer *answer)
{
	int rows = PQntuples(result), columns = PQnfields(result);

	for (int i = 0; i < rows; i++)
		for (int k = 0; k < columns; k++)
			if (!PQgetisnull(result, i, k) &&
			    !answer->add(answer, (unsigned)i, (unsigned)k,
			    PQgetvalue(result, i, k),
			    (size_t)PQgetlength(result, i, k)))
				return;
}

static bool
take_result(PGconn *db, const PGresult *result, struct client_answer *answer)
{
	switch (PQresultStatus(result)) {
	case PGRES_TUPLES_OK:
		read_rows(result, answer);
		return true;
	case PGRES_COMMAND_OK:
	case PGRES_EMPTY_QUERY:
		answer->fail(answer, "the query gives no result set");
		return false;
	default:
		answer->fail(answer, PQresultErrorMessage(result));
		answer->lost = PQstatus(db) != CONNECTION_OK;
		return false;
	}
}

static bool
ask(void *arg, const struct client_question *q, struct client_answer *answer)
{
	PGconn	 *db = arg;
	PGresult *result;
	time_t	  end = time(NULL) + q->wait_seconds;
	bool	  ok = true, any = false;

	/* One statement alone: libpq's extended protocol refuses a second,
	 * should a key ever manage to begin one. */
	if (!PQsendQueryParams(db, q->text, 0, NULL, NULL, NULL, NULL, 0)) {
		answer->fail(answer, PQerrorMessage(db));
		answer->lost = true;
		return false;
	}
	for (;;) {
		if (!wait_for(db, end)) {
			answer->fail(answer, "no answer in time");
			answer->lost = true;
			return false;
		}
		result = PQgetResult(db);
		if (result == NULL)
			break;
		ok = take_result(db, result, answer) && ok;
		any = true;
		PQclear(result);
	}
	if (!any) {
		answer->fail(answer, PQerrorMessage(db));
		answer->lost = true;
	}
	return ok && any;
}

static size_t
quote(void *arg, char *to, const char *from, size_t len)
{
	int    error = 0;
	size_t n = PQescapeStringConn(arg, to, from, len, &error);

	return error != 0 ? (size_t)-1 : n;
}

static void
close_db(void *arg)
{
	PQfinish(arg);
}

const struct client_plugin client_plugin = {
	.abi = CLIENT_ABI,
	.open = open_db,
	.ask = ask,
	.quote = quote,
	.close = close_db,
};
