#include "smtpd/policy.h"

#include <errno.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/param.h"
#include "smtpd/policy_reply.h"
#include "table/ask.h"
#include "util/clock.h"
#include "util/list.h"
#include "util/log.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/stream.h"
#include "util/task.h"
#include "util/text.h"

struct connection {
	struct list	 link;
	struct stream	*stream;
	const void	*owner;		/* who used it last */
	int64_t		 idle_until, end;	/* clock_ms */
	int		 requests;
	bool		 fresh;		/* not answered anything yet */
};

struct policy_pool {
	struct list	 idle;		/* the last used first */
	bool		 sweeping;
	bool		 failed;	/* the last request was given up */
};

static struct map *services;	/* text -> struct policy */

/* --- settings */

static bool
set_time(int *field, const char *value)
{
	return conf_parse_time(value, 's', field) && *field >= 0;
}

static bool
set_count(int *field, const char *value)
{
	long n;

	if (!text_to_long(value, 0, 1000000, &n))
		return false;
	*field = (int)n;
	return true;
}

static bool
set_text(char **field, const char *value)
{
	mem_free(*field);
	*field = mem_strdup(value);
	return true;
}

static bool
set(struct policy *p, const char *name, const char *value)
{
	const struct {
		const char *name;
		int	   *seconds, *count;
		char	  **text;
	} rows[] = {
		{ "default_action", NULL, NULL, &p->default_action },
		{ "policy_context", NULL, NULL, &p->context },
		{ "timeout", &p->timeout, NULL, NULL },
		{ "max_idle", &p->max_idle, NULL, NULL },
		{ "max_ttl", &p->max_ttl, NULL, NULL },
		{ "retry_delay", &p->retry_delay, NULL, NULL },
		{ "request_limit", NULL, &p->request_limit, NULL },
		{ "try_limit", NULL, &p->try_limit, NULL },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (!text_eq(name, rows[i].name))
			continue;
		return rows[i].seconds ? set_time(rows[i].seconds, value) :
		    rows[i].count ? set_count(rows[i].count, value) :
		    set_text(rows[i].text, value);
	}
	return false;
}

/* "name=value" or "{ name = value }" */
static bool
take_setting(struct policy *p, char *word)
{
	size_t n = strlen(word);
	char  *value;

	if (*word == '{' && word[n - 1] == '}') {
		word[n - 1] = '\0';
		word = text_trim(word + 1);
	}
	if ((value = strchr(word, '=')) == NULL)
		return false;
	*value++ = '\0';
	return set(p, text_trim(word), text_trim(value));
}

static bool
parse(struct policy *p, char *text)
{
	size_t n = strlen(text);
	char  *word;

	if (*text == '{' && text[n - 1] == '}') {
		text[n - 1] = '\0';
		text++;
	}
	word = text_word(&text, TEXT_LIST_SEP, true);
	if (word == NULL || (!text_starts(word, "inet:") &&
	    !text_starts(word, "unix:") && !text_starts(word, "local:"))) {
		log_warn("restriction check_policy_service must be followed by "
		    "transport:server, not \"%s\"", word != NULL ? word : "");
		return false;
	}
	p->where = text_starts(word, "local:") ?
	    mem_printf("unix:%s", word + 6) : mem_strdup(word);
	while ((word = text_word(&text, TEXT_LIST_SEP, true)) != NULL) {
		char *shown = mem_strdup(word);
		bool  good = take_setting(p, word);

		if (!good)
			log_warn("policy service %s: bad setting \"%s\"",
			    p->where, shown);
		mem_free(shown);
		if (!good)
			return false;
	}
	return true;
}

static struct policy *
new(void)
{
	struct policy *p = NEW(struct policy);

	p->default_action = mem_strdup(
	    conf_smtpd.smtpd_policy_service_default_action);
	p->context = mem_strdup(conf_smtpd.smtpd_policy_service_policy_context);
	p->timeout = conf_smtpd.smtpd_policy_service_timeout;
	p->max_idle = conf_smtpd.smtpd_policy_service_max_idle;
	p->max_ttl = conf_smtpd.smtpd_policy_service_max_ttl;
	p->retry_delay = conf_smtpd.smtpd_policy_service_retry_delay;
	p->request_limit = conf_smtpd.smtpd_policy_service_request_limit;
	p->try_limit = conf_smtpd.smtpd_policy_service_try_limit;
	p->pool = NEW(struct policy_pool);
	list_init(&p->pool->idle);
	return p;
}

static void
destroy(struct policy *p)
{
	mem_free(p->where);
	mem_free(p->default_action);
	mem_free(p->context);
	mem_free(p->pool);
	mem_free(p);
}

struct policy *
policy_find(const char *text)
{
	struct policy *p;
	char	      *copy;

	if (services == NULL)
		services = map_new();
	if ((p = map_find(services, text)) != NULL)
		return p;
	p = new();
	copy = mem_strdup(text);
	if (parse(p, copy)) {
		map_set(services, text, p);
	} else {
		destroy(p);
		p = NULL;
	}
	mem_free(copy);
	return p;
}

/* --- connections */

static void
end_connection(struct connection *c)
{
	list_remove(&c->link);
	stream_abort(c->stream);
	mem_free(c);
}

/* Closes what was idle too long. */
static void
sweep(void *arg)
{
	struct policy *p = arg;

	while (!list_is_empty(&p->pool->idle)) {
		task_sleep_ms((int64_t)p->max_idle * 500 + 500);
		LIST_EACH(it, &p->pool->idle) {
			struct connection *c =
			    LIST_ENTRY(it, struct connection, link);

			if (clock_ms() >= c->idle_until)
				end_connection(c);
		}
	}
	p->pool->sweeping = false;
}

static void
keep(struct policy *p, struct connection *c, const void *owner)
{
	int64_t now = clock_ms();

	c->owner = owner;
	c->fresh = false;
	c->requests++;
	c->idle_until = now + (int64_t)p->max_idle * 1000;
	if (now >= c->end ||
	    (p->request_limit > 0 && c->requests >= p->request_limit)) {
		end_connection(c);
		return;
	}
	list_push(&p->pool->idle, &c->link);
	if (!p->pool->sweeping) {
		p->pool->sweeping = true;
		task_start("policy", sweep, p);
	}
}

/* The owner's, or the one used last; of those that the server has closed
 * meanwhile none. */
static struct connection *
take_kept(struct policy *p, const void *owner)
{
	struct connection *found = NULL;

	LIST_EACH(it, &p->pool->idle) {
		struct connection *c = LIST_ENTRY(it, struct connection, link);

		if (clock_ms() >= c->end || stream_pending(c->stream) > 0 ||
		    stream_failed(c->stream) != NULL) {
			end_connection(c);
			continue;
		}
		if (found == NULL || c->owner == owner)
			found = c;
	}
	if (found != NULL)
		list_remove(&found->link);
	return found;
}

static struct connection *
take(struct policy *p, const void *owner)
{
	struct connection *c = take_kept(p, owner);
	int		   fd;

	if (c != NULL)
		return c;
	fd = ask_connect(p->where, NULL, clock_in(p->timeout));
	if (fd < 0) {
		log_warn("connect to %s: %m", p->where + 5);
		return NULL;
	}
	c = NEW(struct connection);
	list_init(&c->link);
	c->stream = stream_open(fd);
	c->end = clock_ms() + (int64_t)p->max_ttl * 1000;
	c->fresh = true;
	return c;
}

/* --- one request */

static bool
read_reply(struct policy *p, struct stream *stream, struct buf *ret_action)
{
	struct str	  action;
	enum policy_reply r;
	const char	 *bytes, *why = "too long";
	size_t		  len = 0, used;

	do {
		bytes = len < STREAM_BUFFER - 1 ?
		    stream_peek_more(stream, len, &len) : NULL;
		if (bytes == NULL)
			break;
		r = policy_reply_parse(bytes, len, &action, &used, &why);
		if (r == POLICY_REPLY_OK) {
			buf_clear(ret_action);
			buf_add(ret_action, action.p, action.n);
			stream_skip(stream, used);
			return true;
		}
	} while (r == POLICY_REPLY_MORE);
	if (stream_failed(stream) == NULL)
		log_warn("reply of policy server %s: %s", p->where + 5, why);
	return false;
}

static void
complain(struct policy *p, int error)
{
	log_warn("problem talking to server %s: %s", p->where + 5,
	    error != 0 ? strerror(error) : "Application error");
}

/* False with errno: 0 if the server did not answer well, which is not logged
 * yet. */
static bool
try(struct policy *p, const void *owner, const struct buf *request,
    struct buf *ret_action, bool *ret_was_kept)
{
	struct connection *c = take(p, owner);
	bool		   late;

	*ret_was_kept = false;
	if (c == NULL) {
		complain(p, errno);
		return false;
	}
	*ret_was_kept = !c->fresh;
	stream_set_deadline(c->stream, p->timeout);
	stream_write(c->stream, request->data, request->len);
	if (stream_flush(c->stream) && read_reply(p, c->stream, ret_action)) {
		keep(p, c, owner);
		return true;
	}
	late = stream_timed_out(c->stream);
	end_connection(c);
	if (late)
		complain(p, ETIMEDOUT);
	errno = late ? ETIMEDOUT : 0;
	return false;
}

/*
 * A server that has just failed a request is not trusted with the first try of
 * the next one, wherever there is another.
 */
bool
policy_ask(struct policy *p, const void *owner, const struct buf *request,
    struct buf *ret_action)
{
	bool was_kept = p->pool->failed;
	int  n = 0;

	if (p->pool->failed) {
		p->pool->failed = false;
		errno = 0;
		n++;
	}
	while (n < p->try_limit) {
		if (n++ > 0 && !was_kept)
			task_sleep_ms((int64_t)p->retry_delay * 1000);
		if (try(p, owner, request, ret_action, &was_kept))
			return true;
		p->pool->failed = n >= p->try_limit &&
		    (errno == 0 || errno == ETIMEDOUT);
	}
	if (errno == 0)
		complain(p, 0);
	return false;
}
