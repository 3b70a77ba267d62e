/*
 * verify - can mail be delivered to an address?
 *
 * Service private/verify, one process, as mail_owner in the jail.  smtpd asks
 * about addresses; what is not known is found out by a probe: a message
 * without content that travels as any mail, up to the point where the agent
 * knows, and tells here (mail/verify_client.h).  Trusts the other services to
 * tell the truth, and nothing to be well formed.
 *
 * An address goes through these states:
 *
 *	unknown --query--> pending --update--> known --expire time--> unknown
 *	known --query after its refresh time--> known and pending
 *
 * What is known stands in address_verify_map, a line an address:
 * "status:probed:updated:text", times in seconds ("probed": when a probe of
 * a good address last failed, or 0).  What is pending is only in memory: a
 * probe that is lost with us is sent again when somebody asks.  A good address
 * stays good while probes of it fail, until it expires.  Ends when idle, or
 * when master says so.
 */

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conf/param.h"
#include "mail/cache.h"
#include "mail/cleanup_client.h"
#include "mail/own_mail.h"
#include "mail/verify_client.h"
#include "server/requests.h"
#include "server/server.h"
#include "util/clock.h"
#include "util/frame.h"
#include "util/list.h"
#include "util/log.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/proc.h"
#include "util/stream.h"
#include "util/task.h"
#include "util/text.h"

enum {
	PROBE_LIFE = 1000,	/* seconds after one was sent: then another may
				   be sent */
	REFUSED_LIFE = 60,	/* the same for one that cleanup did not take */
	SENDERS_MAX = 20,	/* tasks that hand probes to cleanup */
	TEXT_MAX = 1000,	/* bytes of a reason */
};

struct entry {
	enum verify_status status;
	long long	   probed, updated;	/* seconds, wall clock */
	const char	  *text;
};

/* A probe under way. */
struct pending {
	struct list	  link;		/* of those that wait to be sent */
	int64_t		  until;	/* clock_ms */
	char		  address[];
};

static struct {
	struct cache	*cache;
	struct map	*pending;
	struct list	 unsent;
	int		 senders;
	int64_t		 swept;		/* clock_ms */
} verify = { .unsent = LIST_INIT(verify.unsent) };

/* --- what is known */

static bool
parse_entry(char *line, struct entry *e)
{
	char *part[3], *rest = line, *colon;
	long  status;

	for (int i = 0; i < 3; i++) {
		if ((colon = strchr(rest, ':')) == NULL)
			return false;
		*colon = '\0';
		part[i] = rest;
		rest = colon + 1;
	}
	if (!text_to_long(part[0], VERIFY_OK, VERIFY_BOUNCE, &status))
		return false;
	e->status = (enum verify_status)status;
	e->probed = atoll(part[1]);
	e->updated = atoll(part[2]);
	e->text = rest;
	return true;
}

static bool
is_current(const struct entry *e)
{
	int life = e->status == VERIFY_OK ?
	    conf_mail.address_verify_positive_expire_time :
	    conf_mail.address_verify_negative_expire_time;

	return e->updated + life > time(NULL);
}

static bool
is_stale(const struct entry *e)
{
	int life = e->status == VERIFY_OK ?
	    conf_mail.address_verify_positive_refresh_time :
	    conf_mail.address_verify_negative_refresh_time;

	return e->updated + life < time(NULL) &&
	    e->probed + PROBE_LIFE < time(NULL);
}

/* The text of `e` is in `store`. */
static bool
look_up(const char *address, struct buf *store, struct entry *e)
{
	return cache_find(verify.cache, address, store) &&
	    parse_entry(store->data, e) && is_current(e);
}

static void
keep(const char *address, const struct entry *e)
{
	struct buf line = BUF_INIT;

	buf_addf(&line, "%d:%lld:%lld:", e->status, e->probed, e->updated);
	text_printable(&line, e->text, strnlen(e->text, TEXT_MAX), true);
	cache_put(verify.cache, address, line.data);
	buf_done(&line);
}

static bool
is_worth_keeping(void *arg, const char *key, const char *value)
{
	char	    *copy = mem_strdup(value);
	struct entry e;
	bool	     yes = parse_entry(copy, &e) && is_current(&e);

	(void)arg;
	(void)key;
	mem_free(copy);
	return yes;
}

/* --- probes */

static void
forget(struct pending *p)
{
	map_remove(verify.pending, p->address);
	list_remove(&p->link);
	mem_free(p);
}

static void
sweep(int64_t now)
{
	enum { EVERY_MS = 10000 };

	if (now < verify.swept + EVERY_MS)
		return;
	verify.swept = now;
	for (size_t i = map_count(verify.pending); i-- > 0; ) {
		struct pending *p = map_at(verify.pending, i)->value;

		if (now >= p->until && list_is_empty(&p->link))
			forget(p);
	}
}

static struct pending *
find_pending(const char *address)
{
	struct pending *p = map_find(verify.pending, address);

	if (p != NULL && clock_ms() >= p->until && list_is_empty(&p->link)) {
		forget(p);
		p = NULL;
	}
	return p;
}

static void
send_envelope(struct cleanup_client *c, const char *address)
{
	const struct verify_sender v = {
		.address = conf_mail.address_verify_sender,
		.origin = conf_mail.myorigin,
		.ttl = conf_mail.address_verify_sender_ttl,
	};
	const struct recipient to = { .address = address, .original = address,
		.orcpt = "", .status = RCPT_TODO };
	struct buf sender = BUF_INIT;

	verify_sender(&sender, &v);
	own_mail_envelope(c, sender.data, &to, ENV_PROBE |
	    (text_is_ascii(address, strlen(address)) ? 0 : ENV_SMTPUTF8), NULL);
	buf_done(&sender);
}

static bool
send_probe(const char *address)
{
	struct cleanup_client *c;
	enum cleanup_status    status;
	struct buf	       b = BUF_INIT;

	c = cleanup_open(CLEANUP_INTERNAL | CLEANUP_MAP |
	    CLEANUP_REWRITE_LOCAL, &status);
	if (c != NULL) {
		send_envelope(c, address);
		own_mail_received(&b, cleanup_queue_id(c));
		cleanup_content(c, b.data, b.len);
		buf_clear(&b);
		status = cleanup_end(c, &b);
	}
	if (c == NULL)	/* else it has said why */
		log_warn("address verification probe was not queued: "
		    "cleanup does not take it");
	buf_done(&b);
	return status == CLEANUP_OK;
}

static void
send_probes(void *arg)
{
	struct list *it;

	(void)arg;
	while ((it = list_take(&verify.unsent)) != NULL) {
		struct pending *p = LIST_ENTRY(it, struct pending, link);
		char	       *address = mem_strdup(p->address);

		/* `p` may be gone when cleanup has answered */
		p->until = clock_in(PROBE_LIFE);
		if (!send_probe(address) &&
		    (p = find_pending(address)) != NULL)
			p->until = clock_in(REFUSED_LIFE);
		mem_free(address);
	}
	verify.senders--;
}

static void
start_probe(const char *address)
{
	size_t	        n = strlen(address) + 1;
	struct pending *p;

	if (map_count(verify.pending) >=
	    (size_t)conf_mail.address_verify_pending_request_limit) {
		log_warn("too many address verification probes are under way "
		    "(address_verify_pending_request_limit)");
		return;
	}
	p = mem_zalloc(sizeof *p + n);
	memcpy(p->address, address, n);
	p->until = clock_in(PROBE_LIFE);
	map_set(verify.pending, p->address, p);
	list_append(&verify.unsent, &p->link);
	if (verify.senders < SENDERS_MAX) {
		verify.senders++;
		task_start("probe", send_probes, NULL);
	}
}

/* --- requests */

static void
put_result(struct frame *reply, enum verify_status status, const char *text)
{
	frame_begin(reply, VERIFY_RESULT);
	frame_put_u64(reply, VERIFY_KEY_STATUS, status);
	frame_put_str(reply, VERIFY_KEY_TEXT, text);
}

static void
do_query(const char *address, struct frame *reply)
{
	struct buf	store = BUF_INIT;
	struct entry	e;
	bool		known = look_up(address, &store, &e);
	struct pending *p = find_pending(address);

	if (known)
		put_result(reply, e.status, e.text);
	else
		put_result(reply, VERIFY_TODO,
		    "Address verification in progress");
	if (p == NULL && (!known || is_stale(&e)))
		start_probe(address);
	buf_done(&store);
}

static void
do_update(const char *address, enum verify_status status, const char *text)
{
	struct buf	store = BUF_INIT;
	struct entry	old, now = { .status = status, .text = text };
	struct pending *p = find_pending(address);
	bool		was_good;

	now.updated = time(NULL);
	was_good = look_up(address, &store, &old) && old.status == VERIFY_OK;
	if (status == VERIFY_OK ||
	    (!was_good && conf_mail.address_verify_negative_cache)) {
		keep(address, &now);
	} else if (was_good) {
		old.probed = now.updated;
		keep(address, &old);
	}
	if (p != NULL)
		forget(p);
	buf_done(&store);
}

static bool
answer(const struct frame *f, struct frame *reply)
{
	const char *address = frame_str(f, VERIFY_KEY_ADDRESS);
	const char *text = frame_str(f, VERIFY_KEY_TEXT);
	uint64_t    status = frame_u64(f, VERIFY_KEY_STATUS, VERIFY_TODO);

	if (address == NULL || *address == '\0')
		return false;
	sweep(clock_ms());
	if (f->type == VERIFY_QUERY) {
		do_query(address, reply);
		return true;
	}
	if (f->type != VERIFY_UPDATE || text == NULL || status >= VERIFY_TODO)
		return false;
	do_update(address, (enum verify_status)status, text);
	put_result(reply, (enum verify_status)status, "");
	return true;
}

static void
serve(struct stream *client)
{
	requests_serve(client, VERIFY_FRAME_MAX, answer);
}

/* The file of the table is mail_owner's and may be out of the jail's sight. */
static void
before_jail(void)
{
	verify.cache = cache_open("verify", conf_mail.address_verify_map,
	    conf_mail.mail_owner);
}

static void
after_jail(void)
{
	verify.pending = map_new();
	cache_clean_every(verify.cache,
	    conf_mail.address_verify_cache_cleanup_interval, is_worth_keeping,
	    NULL);
}

static void
before_exit(void)
{
	cache_close(verify.cache);
}

int
main(int argc, char **argv)
{
	static const struct param_area *const areas[] = { NULL };
	static const struct server	      server = {
		.name = "verify",
		.one_process = true,
		.jail = PROC_JAIL_NET | PROC_JAIL_FILES,
		.areas = areas,
		.before_jail = before_jail,
		.after_jail = after_jail,
		.serve = serve,
		.before_exit = before_exit,
	};

	server_main(argc, argv, &server);
}
