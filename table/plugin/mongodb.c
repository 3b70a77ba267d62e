/* postfix-mongodb.so: MongoDB's C driver for table/mongodb.c */

#include <bson/bson.h>
#include <mongoc/mongoc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table/client.h"

enum { WAIT_MS = 10000, DEPTH_MAX = 8 };

struct connection {
	mongoc_client_t		*client;
	mongoc_collection_t	*collection;
};

static const char *
get(const struct client_setting *settings, const char *name)
{
	for (; settings->name != NULL; settings++)
		if (strcmp(settings->name, name) == 0)
			return settings->value;
	return "";
}

static void
ignore_log(mongoc_log_level_t level, const char *domain, const char *text,
    void *arg)
{
	(void)level;
	(void)domain;
	(void)text;
	(void)arg;
}

static void __attribute__((constructor))
begin(void)
{
	mongoc_init();
	mongoc_log_set_handler(ignore_log, NULL);
}

/* Unless the administrator's URI says otherwise. */
static void
set_timeouts(mongoc_uri_t *uri)
{
	static const char *const names[] = {
		MONGOC_URI_SERVERSELECTIONTIMEOUTMS, MONGOC_URI_CONNECTTIMEOUTMS,
		MONGOC_URI_SOCKETTIMEOUTMS,
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!mongoc_uri_has_option(uri, names[i]))
			mongoc_uri_set_option_as_int32(uri, names[i],
			    WAIT_MS);
}

static void
close_connection(void *handle)
{
	struct connection *c = handle;

	if (c->collection != NULL)
		mongoc_collection_destroy(c->collection);
	if (c->client != NULL)
		mongoc_client_destroy(c->client);
	free(c);
}

static void *
open_connection(const struct client_setting *s, const char *host,
    struct client_answer *why)
{
	struct connection *c = calloc(1, sizeof *c);
	bson_error_t	   error;
	mongoc_uri_t	  *uri;

	(void)host;
	if (c == NULL) {
		why->fail(why, "no memory");
		return NULL;
	}
	uri = mongoc_uri_new_with_error(get(s, "uri"), &error);
	if (uri == NULL) {
		why->fail(why, error.message);
		close_connection(c);
		return NULL;
	}
	set_timeouts(uri);
	c->client = mongoc_client_new_from_uri(uri);
	mongoc_uri_destroy(uri);
	if (c->client == NULL) {
		why->fail(why, "bad uri");
		close_connection(c);
		return NULL;
	}
	mongoc_client_set_appname(c->client, "postfix");
	mongoc_client_set_error_api(c->client, MONGOC_ERROR_API_VERSION_2);
	c->collection = mongoc_client_get_collection(c->client,
	    get(s, "dbname"), get(s, "collection"));
	return c;
}

/* --- results */

struct reading {
	struct client_answer	*answer;
	unsigned		 row, column;
	bool			 enough;	/* or failed */
	bool			 failed;
};

static void
add(struct reading *r, const char *text, size_t len)
{
	if (!r->answer->add(r->answer, r->row, r->column++, text, len))
		r->enough = true;
}

static void
fail(struct reading *r, const char *key, const char *what)
{
	char text[300];

	snprintf(text, sizeof text, "field \"%.200s\": %s", key, what);
	r->answer->fail(r->answer, text);
	r->failed = r->enough = true;
}

static void add_value(struct reading *, const bson_iter_t *, int depth);

static void
add_array(struct reading *r, const bson_iter_t *it, int depth)
{
	bson_iter_t item;

	if (depth >= DEPTH_MAX || !bson_iter_recurse(it, &item)) {
		fail(r, bson_iter_key(it), "a list that is too deep");
		return;
	}
	while (!r->enough && bson_iter_next(&item))
		add_value(r, &item, depth + 1);
}

static void
add_value(struct reading *r, const bson_iter_t *it, int depth)
{
	char	    number[40];
	const char *text;
	uint32_t    len;

	switch (bson_iter_type(it)) {
	case BSON_TYPE_UTF8:
		text = bson_iter_utf8(it, &len);
		add(r, text, len);
		break;
	case BSON_TYPE_INT32:
	case BSON_TYPE_INT64:
		snprintf(number, sizeof number, "%lld",
		    (long long)bson_iter_as_int64(it));
		add(r, number, strlen(number));
		break;
	case BSON_TYPE_DOUBLE:
		snprintf(number, sizeof number, "%.15g",
		    bson_iter_double(it));
		add(r, number, strlen(number));
		break;
	case BSON_TYPE_BOOL:
		text = bson_iter_bool(it) ? "true" : "false";
		add(r, text, strlen(text));
		break;
	case BSON_TYPE_ARRAY:
		add_array(r, it, depth);
		break;
	case BSON_TYPE_NULL:
	case BSON_TYPE_UNDEFINED:
		break;
	default:
		fail(r, bson_iter_key(it), "neither text nor number");
		break;
	}
}

/* The fields that were asked for, or all but the document's own name. */
static void
add_document(struct reading *r, const bson_t *document,
    const char *const *columns)
{
	bson_iter_t it, found;

	for (int i = 0; columns != NULL && columns[i] != NULL && !r->enough;
	    i++)
		if (bson_iter_init(&it, document) &&
		    bson_iter_find_descendant(&it, columns[i], &found))
			add_value(r, &found, 0);
	if (columns != NULL || !bson_iter_init(&it, document))
		return;
	while (!r->enough && bson_iter_next(&it))
		if (strcmp(bson_iter_key(&it), "_id") != 0)
			add_value(r, &it, 0);
}

/* --- asking */

static bson_t *
parse(const char *json, const char *what, struct client_answer *answer)
{
	bson_error_t error;
	bson_t	    *b = bson_new_from_json((const uint8_t *)json, -1,
			&error);
	char	     text[600];

	if (b == NULL) {
		snprintf(text, sizeof text, "%s: %s", what, error.message);
		answer->fail(answer, text);
	}
	return b;
}

/* Options of the search: the projection, given or made of the fields. */
static bson_t *
make_options(const struct client_question *q, struct client_answer *answer)
{
	bson_t *all = bson_new(), *given, fields;

	if (q->base != NULL) {
		given = parse(q->base, "projection", answer);
		if (given == NULL) {
			bson_destroy(all);
			return NULL;
		}
		BSON_APPEND_DOCUMENT(all, "projection", given);
		bson_destroy(given);
	} else if (q->columns != NULL) {
		BSON_APPEND_DOCUMENT_BEGIN(all, "projection", &fields);
		BSON_APPEND_INT32(&fields, "_id", 0);
		for (int i = 0; q->columns[i] != NULL; i++)
			BSON_APPEND_INT32(&fields, q->columns[i], 1);
		bson_append_document_end(all, &fields);
	}
	if (q->row_limit > 0)
		BSON_APPEND_INT64(all, "limit", q->row_limit);
	return all;
}

/*
 * Nothing found and no error is also what the library says of a server whose
 * greeting made no sense to it.  A server that answers a ping has answered.
 */
static bool
is_there(struct connection *c, bson_error_t *error)
{
	bson_t *ping = BCON_NEW("ping", BCON_INT32(1));
	bool	ok = mongoc_client_command_simple(c->client, "admin", ping,
	    NULL, NULL, error);

	bson_destroy(ping);
	return ok;
}

static bool
ask(void *handle, const struct client_question *q,
    struct client_answer *answer)
{
	struct connection *c = handle;
	struct reading	   r = { .answer = answer };
	bson_t		  *filter = parse(q->text, "query_filter", answer);
	bson_t		  *options;
	mongoc_cursor_t	  *cursor;
	const bson_t	  *document;
	bson_error_t	   error;

	if (filter == NULL)
		return false;
	options = make_options(q, answer);
	if (options == NULL) {
		bson_destroy(filter);
		return false;
	}
	cursor = mongoc_collection_find_with_opts(c->collection, filter,
	    options, NULL);
	for (; !r.enough && mongoc_cursor_next(cursor, &document); r.row++) {
		r.column = 0;
		add_document(&r, document, q->columns);
	}
	if (!r.failed && (mongoc_cursor_error(cursor, &error) ||
	    (r.row == 0 && !is_there(c, &error)))) {
		answer->fail(answer, error.message);
		answer->lost = error.domain == MONGOC_ERROR_STREAM ||
		    error.domain == MONGOC_ERROR_SERVER_SELECTION;
		r.failed = true;
	}
	mongoc_cursor_destroy(cursor);
	bson_destroy(options);
	bson_destroy(filter);
	return !r.failed;
}

const struct client_plugin client_plugin = {
	.abi = CLIENT_ABI,
	.open = open_connection,
	.ask = ask,
	.close = close_connection,
};
