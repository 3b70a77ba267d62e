/*
 * mtasts - what domains say of TLS at their MX hosts (MTA-STS, RFC 8461)
 *
 * Service private/mtasts, one process, as mail_owner in the jail.  smtp asks
 * before it connects (mail/mtasts_client.h).  The TXT record of
 * _mta-sts.DOMAIN says that there is a policy, and its id tells when it has
 * changed; the policy comes from https://mta-sts.DOMAIN/.  Nothing that
 * comes from there is believed but for a certificate that an authority
 * vouches for, and nothing is longer than it may be.
 *
 * A domain goes through these states:
 *
 *	unknown --question--> busy --> looked at, with or without a policy
 *	looked at --question after mta_sts_recheck_time--> busy (DNS; fetched
 *		if the id is another)
 *	with a policy --mta_sts_refresh_time--> fetched again meanwhile
 *	with a policy --its max_age--> without
 *
 * A policy that was fetched stays in force when it can't be fetched again, or
 * when the record is gone: whoever could bring that about would want just
 * this.  Policies stand in mta_sts_cache_map: a line "id fetched expires
 * used" and the policy.  Ends when idle, or when master says so.
 */

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "conf/param.h"
#include "mail/cache.h"
#include "mail/mtasts.h"
#include "mail/mtasts_client.h"
#include "net/dns.h"
#include "net/https.h"
#include "server/requests.h"
#include "server/server.h"
#include "util/clock.h"
#include "util/frame.h"
#include "util/list.h"
#include "util/log.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/proc.h"
#include "util/task.h"
#include "util/text.h"

enum {
	ENTRIES_MAX = 20000,		/* domains in memory, and bytes of */
	BYTES_MAX = 32 * 1024 * 1024,	/* their policies */
	REFRESH_USED = 31 * 86400,	/* seconds: policies that nobody asked
					   for since are left to expire */
	DAY = 86400,
	REFRESHERS_MAX = 4,
	DOMAIN_MAX = 240,		/* bytes; "_mta-sts." goes before it */
};

/* What the cache holds of a domain, or memory alone if there is no policy. */
struct entry {
	struct list	 by_age;	/* last asked for: at the end */
	char		*policy;	/* mtasts_write(); NULL: none */
	size_t		 bytes;		/* of it, as counted in sts */
	enum mtasts_mode mode;
	char		 id[MTASTS_ID_MAX + 1];
	long long	 fetched, expires, used; /* seconds, wall clock */
	int64_t		 check_at;	/* clock_ms: DNS is asked again */
	const char	*failure;	/* static */
	char		*why;
	bool		 busy;
	int		 users;
	struct task_cond wake;
	char		 domain[];
};

/* A domain whose policy is to be fetched again. */
struct due {
	struct list	 link;
	char		 domain[];
};

static struct {
	struct cache	*cache;
	struct map	*entries;
	struct list	 by_age, due;
	size_t		 bytes;		/* of policies */
	int		 refreshers;
} sts = {
	.by_age = LIST_INIT(sts.by_age), .due = LIST_INIT(sts.due),
};

/* --- what is known */

static void
drop_policy(struct entry *e)
{
	mem_free(e->policy);
	e->policy = NULL;
	e->id[0] = '\0';
}

/* `text` is what the cache holds; false: it makes no sense, or is over. */
static bool
parse_kept(struct entry *e, const char *text)
{
	struct pool	     pool = POOL_INIT;
	struct mtasts_policy p;
	const char	    *body = strchr(text, '\n'), *why;
	bool		     ok;

	ok = body != NULL && sscanf(text, "%32s %lld %lld %lld", e->id,
	    &e->fetched, &e->expires, &e->used) == 4 &&
	    e->expires > time(NULL) &&
	    mtasts_parse(&pool, body + 1, strlen(body + 1), &p, &why);
	if (ok) {
		e->mode = p.mode;
		e->policy = mem_strdup(body + 1);
	}
	pool_done(&pool);
	return ok;
}

static void
keep(const struct entry *e)
{
	struct buf b = BUF_INIT;

	buf_addf(&b, "%s %lld %lld %lld\n%s", e->id, e->fetched, e->expires,
	    e->used, e->policy);
	cache_put(sts.cache, e->domain, b.data);
	buf_done(&b);
}

static void
forget(struct entry *e)
{
	map_remove(sts.entries, e->domain);
	list_remove(&e->by_age);
	sts.bytes -= e->bytes;
	mem_free(e->policy);
	mem_free(e->why);
	mem_free(e);
}

static void
make_room(void)
{
	struct list *it = sts.by_age.next, *next;

	for (; (map_count(sts.entries) >= ENTRIES_MAX ||
	    sts.bytes > BYTES_MAX) && it != &sts.by_age; it = next) {
		struct entry *e = LIST_ENTRY(it, struct entry, by_age);

		next = it->next;
		if (e->users == 0)
			forget(e);
	}
}

static struct entry *
make_entry(const char *domain)
{
	size_t	      n = strlen(domain) + 1;
	struct buf    b = BUF_INIT;
	struct entry *e;

	make_room();
	e = mem_zalloc(sizeof *e + n);
	memcpy(e->domain, domain, n);
	task_cond_init(&e->wake);
	map_set(sts.entries, domain, e);
	list_append(&sts.by_age, &e->by_age);
	e->users++;		/* the table may let others run */
	e->busy = true;
	if (cache_find(sts.cache, domain, &b) && !parse_kept(e, b.data))
		e->id[0] = '\0';
	e->busy = false;
	task_wake_all(&e->wake);
	buf_done(&b);
	return e;
}

/* The entry, for this task alone: `release` it. */
static struct entry *
hold(const char *domain)
{
	struct entry *e = map_find(sts.entries, domain);

	if (e == NULL)
		e = make_entry(domain);
	else
		e->users++;
	list_remove(&e->by_age);
	list_append(&sts.by_age, &e->by_age);
	while (e->busy)
		task_wait(&e->wake, CLOCK_NEVER);
	e->busy = true;
	if (e->policy != NULL && e->expires <= time(NULL)) {
		log_info("%s: the MTA-STS policy has expired", e->domain);
		cache_remove(sts.cache, e->domain);
		drop_policy(e);
	}
	return e;
}

/* Whatever became of the policy is counted here. */
static void
release(struct entry *e)
{
	size_t bytes = e->policy != NULL ? strlen(e->policy) : 0;

	sts.bytes += bytes - e->bytes;
	e->bytes = bytes;
	e->busy = false;
	e->users--;
	task_wake_one(&e->wake);
}

/* --- DNS */

/* The id of the one record; false: there is no policy to be had. */
static bool
look_up_id(const char *domain, char ret[MTASTS_ID_MAX + 1])
{
	char		  *name = mem_printf("_mta-sts.%s", domain);
	struct dns_record *list = NULL;
	enum mtasts_record got;
	int		   good = 0, bad = 0;

	if (dns_query(name, DNS_TXT, &list, NULL) == DNS_OK)
		for (struct dns_record *r = list; r != NULL; r = r->next) {
			got = r->target == NULL ? MTASTS_RECORD_OTHER :
			    mtasts_parse_record(r->target, r->target_len,
			    ret);
			good += got == MTASTS_RECORD_OK;
			bad += got == MTASTS_RECORD_BAD;
		}
	if (bad > 0 || good > 1)
		log_info("%s: %s TXT record: no MTA-STS", name, bad > 0 ?
		    "malformed" : "more than one");
	dns_free(list);
	mem_free(name);
	return good == 1 && bad == 0;
}

/* --- the policy */

static bool
failed(struct entry *e, const char *failure, const char *why)
{
	e->failure = failure;
	mem_free(e->why);
	e->why = mem_strdup(why);
	log_info("%s: MTA-STS policy can't be had: %s (%s)%s", e->domain, why,
	    failure, e->policy != NULL ? "; the one of before stays in force" :
	    "");
	return false;
}

static bool
is_plain_text(const char *type)
{
	return text_starts_nocase(type, "text/plain") &&
	    strchr(" \t;", type[sizeof "text/plain" - 1]) != NULL;
}

static void
log_policy(const struct entry *e, const struct mtasts_policy *p)
{
	enum { SHOWN = 10 };
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < p->mx_count && i < SHOWN; i++)
		buf_addf(&b, "%s%s", i > 0 ? " " : "", p->mx[i]);
	log_info("%s: MTA-STS policy: mode=%s, id=%s, max_age=%ld, mx=%s%s",
	    e->domain, mtasts_mode_name(p->mode), e->id, p->max_age, b.data,
	    p->mx_count > SHOWN ? " ..." : "");
	buf_done(&b);
}

static bool
take_policy(struct entry *e, const char *id, const struct buf *file)
{
	struct pool	     pool = POOL_INIT;
	struct mtasts_policy p;
	struct buf	     text = BUF_INIT;
	const char	    *why;

	if (!mtasts_parse(&pool, file->data, file->len, &p, &why)) {
		pool_done(&pool);
		return failed(e, "sts-policy-invalid", why);
	}
	mtasts_write(&text, &p);
	if (e->policy == NULL || !text_eq(e->policy, text.data) ||
	    !text_eq(e->id, id)) {
		snprintf(e->id, sizeof e->id, "%s", id);
		log_policy(e, &p);
	}
	mem_free(e->policy);
	e->policy = buf_take(&text);
	e->mode = p.mode;
	e->fetched = time(NULL);
	e->expires = e->fetched + p.max_age;
	if (e->used == 0)
		e->used = e->fetched;
	e->failure = NULL;
	keep(e);
	pool_done(&pool);
	return true;
}

static bool
fetch(struct entry *e, const char *id)
{
	struct https_answer  a = HTTPS_ANSWER_INIT;
	char		    *url = mem_printf(
	    "https://mta-sts.%s/.well-known/mta-sts.txt", e->domain);
	struct https_request r = {
		.url = url, .agent = conf_mail.mail_name,
		.max = MTASTS_FILE_MAX,
		.seconds = conf_mail.mta_sts_fetch_timeout,
		.families = dns_families(conf_mail.inet_protocols),
	};
	char		     text[100];
	bool		     ok = https_call(&r, &a);

	if (!ok)
		failed(e, a.untrusted ? "sts-webpki-invalid" :
		    "sts-policy-fetch-error", a.why);
	else if (a.code != 200) {
		snprintf(text, sizeof text, "HTTP status %ld", a.code);
		ok = failed(e, "sts-policy-fetch-error", text);
	} else if (!is_plain_text(a.type))
		ok = failed(e, "sts-policy-fetch-error",
		    "the file is not text/plain");
	else
		ok = take_policy(e, id, &a.body);
	https_answer_done(&a);
	mem_free(url);
	return ok;
}

/* --- fetching ahead of time */

static bool
is_due(const struct entry *e)
{
	long long now = time(NULL);

	return e->mode != MTASTS_NONE && now - e->used < REFRESH_USED &&
	    now - e->fetched >= conf_mail.mta_sts_refresh_time;
}

static void
refresh(void *arg)
{
	char	     id[MTASTS_ID_MAX + 1];
	struct list *it;

	(void)arg;
	while ((it = list_take(&sts.due)) != NULL) {
		struct due   *d = LIST_ENTRY(it, struct due, link);
		struct entry *e = hold(d->domain);

		if (e->policy != NULL && is_due(e)) {
			if (!look_up_id(e->domain, id))
				strcpy(id, e->id);
			if (!fetch(e, id))
				/* not again at once */
				e->fetched = time(NULL) -
				    conf_mail.mta_sts_refresh_time +
				    conf_mail.mta_sts_recheck_time;
		}
		release(e);
		mem_free(d);
	}
	sts.refreshers--;
}

static void
refresh_later(const char *domain)
{
	size_t	    n = strlen(domain) + 1;
	struct due *d = mem_alloc(sizeof *d + n);

	list_init(&d->link);
	memcpy(d->domain, domain, n);
	list_append(&sts.due, &d->link);
	if (sts.refreshers < REFRESHERS_MAX) {
		sts.refreshers++;
		task_start("refresh", refresh, NULL);
	}
}

/* The walk over the cache finds also those that nobody asks for today. */
static bool
is_worth_keeping(void *arg, const char *domain, const char *value)
{
	struct entry e = { .policy = NULL };
	bool	     yes = parse_kept(&e, value);

	(void)arg;
	mem_free(e.policy);
	if (yes && is_due(&e))
		refresh_later(domain);
	return yes;
}

/* --- requests */

static void
look(struct entry *e)
{
	char id[MTASTS_ID_MAX + 1];

	e->failure = NULL;
	if (look_up_id(e->domain, id)) {
		if (e->policy == NULL || !text_eq(id, e->id))
			fetch(e, id);
		else if (is_due(e))
			refresh_later(e->domain);
	}
	e->check_at = clock_in(conf_mail.mta_sts_recheck_time);
}

static void
do_query(const char *domain, struct frame *reply)
{
	struct entry *e = hold(domain);

	if (clock_ms() >= e->check_at)
		look(e);
	if (e->policy != NULL && time(NULL) - e->used > DAY) {
		e->used = time(NULL);
		keep(e);
	}
	frame_begin(reply, MTASTS_ANSWER);
	frame_put_str(reply, MTASTS_KEY_POLICY, e->policy);
	frame_put_str(reply, MTASTS_KEY_FAILURE, e->failure);
	if (e->failure != NULL)
		frame_put_str(reply, MTASTS_KEY_WHY, e->why);
	release(e);
}

static bool
answer(const struct frame *f, struct frame *reply)
{
	const char *text = frame_str(f, MTASTS_KEY_DOMAIN);
	char	   *domain;

	if (f->type != MTASTS_QUERY || text == NULL ||
	    strlen(text) > DOMAIN_MAX || !dns_valid_name(text))
		return false;
	domain = text_lower(mem_strdup(text));
	do_query(domain, reply);
	mem_free(domain);
	return true;
}

static void
serve(struct stream *client)
{
	requests_serve(client, MTASTS_FRAME_MAX, answer);
}

/* master's wake-ups: that we run is enough, cleaning does the rest. */
static void
triggered(const char *requests)
{
	(void)requests;
}

static bool
is_busy(void)
{
	return sts.refreshers > 0;
}

static void
before_jail(void)
{
	const char *why;

	sts.cache = cache_open("mta_sts", conf_mail.mta_sts_cache_map,
	    conf_mail.mail_owner);
	if (!dns_start(&why))
		log_warn("DNS: %s", why);
	if (!https_start(conf_mail.https_CAfile, &why))
		log_warn("https_CAfile = %s: %s; no policy can be fetched",
		    conf_mail.https_CAfile, why);
}

static void
after_jail(void)
{
	sts.entries = map_new();
	cache_clean_every(sts.cache, conf_mail.mta_sts_cache_cleanup_interval,
	    is_worth_keeping, NULL);
}

static void
before_exit(void)
{
	cache_close(sts.cache);
}

int
main(int argc, char **argv)
{
	static const struct param_area *const areas[] = { NULL };
	static const struct server	      server = {
		.name = "mtasts",
		.one_process = true,
		.jail = PROC_JAIL_NET | PROC_JAIL_FILES,
		.areas = areas,
		.before_jail = before_jail,
		.after_jail = after_jail,
		.serve = serve,
		.triggered = triggered,
		.before_exit = before_exit,
		.is_busy = is_busy,
	};

	server_main(argc, argv, &server);
}
