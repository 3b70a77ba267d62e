/* postfix-mysql.so: MariaDB's client library for table/sql.c */

#include <errmsg.h>
#include <mysql.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "table/client.h"

enum {
	CONNECT_WAIT = 10,	/* seconds */
	ANSWER_WAIT = 60,
};

struct connection {
	MYSQL	 db;
	bool	 need_rows;	/* require_result_set */
};

/* Not safe to leave to the first of several threads. */
__attribute__((constructor)) static void
prepare(void)
{
	mysql_library_init(0, NULL, NULL);
}

static const char *
get(const struct client_setting *settings, const char *name)
{
	for (; settings->name != NULL; settings++)
		if (strcmp(settings->name, name) == 0)
			return settings->value[0] == '\0' &&
			    strcmp(name, "option_group") != 0 ? NULL :
			    settings->value;
	return NULL;
}

static bool
is_yes(const char *value)
{
	return value != NULL && strcasecmp(value, "yes") == 0;
}

static void
set_options(MYSQL *db, const struct client_setting *s)
{
	unsigned connect_wait = CONNECT_WAIT, answer_wait = ANSWER_WAIT;
	const char *group = get(s, "option_group");
	my_bool	 verify = is_yes(get(s, "tls_verify_cert"));

	mysql_options(db, MYSQL_OPT_CONNECT_TIMEOUT, &connect_wait);
	mysql_options(db, MYSQL_OPT_READ_TIMEOUT, &answer_wait);
	mysql_options(db, MYSQL_OPT_WRITE_TIMEOUT, &answer_wait);
	if (get(s, "option_file") != NULL)
		mysql_options(db, MYSQL_READ_DEFAULT_FILE,
		    get(s, "option_file"));
	if (group == NULL || *group != '\0')
		mysql_options(db, MYSQL_READ_DEFAULT_GROUP,
		    group == NULL ? "client" : group);
	mysql_options(db, MYSQL_SET_CHARSET_NAME,
	    get(s, "charset") != NULL ? get(s, "charset") : "utf8mb4");
	if (get(s, "tls_key_file") == NULL && get(s, "tls_cert_file") == NULL &&
	    get(s, "tls_CAfile") == NULL && get(s, "tls_CApath") == NULL &&
	    get(s, "tls_ciphers") == NULL)
		return;
	mysql_ssl_set(db, get(s, "tls_key_file"), get(s, "tls_cert_file"),
	    get(s, "tls_CAfile"), get(s, "tls_CApath"), get(s, "tls_ciphers"));
	mysql_options(db, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
}

/* "host", "[host]:port", "inet:host:port": in place. */
static char *
split_port(char *host, unsigned *ret_port)
{
	char *colon = strrchr(host, ':'), *end = strrchr(host, ']');

	if (colon != NULL && colon > end && strchr(host, ':') == colon) {
		*colon = '\0';
		*ret_port = (unsigned)strtoul(colon + 1, NULL, 10);
	} else if (colon != NULL && end != NULL && colon == end + 1) {
		*ret_port = (unsigned)strtoul(colon + 1, NULL, 10);
	}
	if (host[0] == '[' && end != NULL) {
		*end = '\0';
		host++;
	}
	return host;
}

static void
close_db(void *arg)
{
	struct connection *c = arg;

	mysql_close(&c->db);
	mysql_thread_end();
	free(c);
}

static void *
open_db(const struct client_setting *s, const char *where,
    struct client_answer *why)
{
	struct connection *c = calloc(1, sizeof *c);
	const char	  *path = NULL;
	char		  *copy = strdup(where), *host = NULL;
	unsigned	   port = 0;
	bool		   ok = false;

	if (c == NULL || copy == NULL || mysql_init(&c->db) == NULL) {
		why->fail(why, "no memory");
		free(copy);
		free(c);
		return NULL;
	}
	c->need_rows = get(s, "require_result_set") == NULL ||
	    is_yes(get(s, "require_result_set"));
	set_options(&c->db, s);
	if (strncmp(where, "unix:", 5) == 0)
		path = where + 5;
	else
		host = split_port(strncmp(copy, "inet:", 5) == 0 ? copy + 5 :
		    copy, &port);
	ok = mysql_real_connect(&c->db, host, get(s, "user"),
	    get(s, "password"), get(s, "dbname"), port, path,
	    CLIENT_MULTI_RESULTS) != NULL;
	free(copy);
	if (ok)
		return c;
	why->fail(why, mysql_error(&c->db));
	close_db(c);
	return NULL;
}

static void
read_rows(MYSQL_RES *result, struct client_answer *answer)
{
	unsigned       columns = mysql_num_fields(result), row = 0;
	unsigned long *lengths;
	MYSQL_ROW      values;

	for (; (values = mysql_fetch_row(result)) != NULL; row++) {
		lengths = mysql_fetch_lengths(result);
		for (unsigned i = 0; i < columns; i++)
			if (values[i] != NULL && !answer->add(answer, row, i,
			    values[i], lengths[i]))
				return;
	}
}

/* After a CALL a status follows the rows; more rows would be a second
 * answer. */
static bool
read_results(struct connection *c, struct client_answer *answer)
{
	bool	   any = false, twice = false;
	MYSQL_RES *result;
	int	   more;

	do {
		result = mysql_store_result(&c->db);
		if (result != NULL) {
			twice = any;
			if (!any)
				read_rows(result, answer);
			any = true;
			mysql_free_result(result);
		} else if (mysql_errno(&c->db) != 0) {
			answer->fail(answer, mysql_error(&c->db));
			return false;
		}
		more = mysql_next_result(&c->db);
	} while (more == 0);
	if (more > 0)
		answer->fail(answer, mysql_error(&c->db));
	else if (twice)
		answer->fail(answer, "the query gives more than one result "
		    "set");
	else if (!any && c->need_rows)
		answer->fail(answer, "the query gives no result set");
	return more <= 0 && !twice && (any || !c->need_rows);
}

static bool
ask(void *arg, const struct client_question *q, struct client_answer *answer)
{
	struct connection *c = arg;
	unsigned	   code;
	bool		   ok;

	if (mysql_real_query(&c->db, q->text, strlen(q->text)) == 0) {
		ok = read_results(c, answer);
	} else {
		answer->fail(answer, mysql_error(&c->db));
		ok = false;
	}
	code = mysql_errno(&c->db);
	answer->lost = !ok && code >= CR_MIN_ERROR && code <= CR_MAX_ERROR;
	mysql_thread_end();
	return ok;
}

static size_t
quote(void *arg, char *to, const char *from, size_t len)
{
	struct connection *c = arg;

	return mysql_real_escape_string(&c->db, to, from, len);
}

const struct client_plugin client_plugin = {
	.abi = CLIENT_ABI,
	.open = open_db,
	.ask = ask,
	.quote = quote,
	.close = close_db,
};
