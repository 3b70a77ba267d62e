/*
 * tlsrpt - tells other domains how TLS with their servers went (RFC 8460)
 *
 * Service private/tlsrpt, one process, as mail_owner in the jail.  smtp tells
 * each session (mail/tlsrpt_client.h); they are counted by domain and day
 * (UTC), and when a day is over the domains that ask for it, by a TXT record
 * at _smtp._tls.DOMAIN, get a report by mail or HTTPS.  Trusts the other
 * services to tell the truth, and nothing to be well formed; what the DNS and
 * web servers say is bounded.
 *
 *	collected --day over, time of this domain--> sending --> done
 *	                              ^                 | failed
 *	                              `-- RETRY_EVERY --'   until
 *	                                          tlsrpt_retry_time has passed
 *
 * The counts are in memory, and every SAVE_EVERY seconds what is new goes to
 * the end of the day's journal, data_directory/tlsrpt-DATE: lines of
 * mail/tlsrpt.h, and "D domain time" for a report that was sent.  A day whose
 * reports are all done is removed with its journal.  Ends when idle, or when
 * master says so; master's wake-ups see to it that reports are sent.
 */

#include <string.h>
#include <time.h>

#include "conf/param.h"
#include "net/dns.h"
#include "net/https.h"
#include "server/requests.h"
#include "server/server.h"
#include "tlsrpt/days.h"
#include "tlsrpt/report.h"
#include "util/frame.h"
#include "util/log.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/proc.h"
#include "util/task.h"
#include "util/text.h"

enum {
	SAVE_EVERY = 5,			/* seconds */
	LOOK_EVERY = 60,		/* seconds: which reports are due? */
	RETRY_EVERY = 15 * 60,		/* seconds */
	ASKERS_MAX = 4,
};

static struct list unknown = LIST_INIT(unknown);	/* struct domain */
static int	   askers;		/* tasks */
static bool	   saving, reporting, asked_now;

/* --- who wants reports */

/* UNKNOWN: the DNS does not say now. */
static enum wanted
look_up(struct pool *pool, const char *domain, struct tlsrpt_record *ret)
{
	struct tlsrpt_record r;
	struct dns_record   *list = NULL;
	enum dns_status	     status;
	int		     found = 0;

	status = dns_query(pool_printf(pool, "_smtp._tls.%s", domain), DNS_TXT,
	    &list, NULL);
	for (const struct dns_record *i = list; i != NULL; i = i->next)
		if (i->target != NULL && tlsrpt_parse_record(pool, i->target,
		    i->target_len, &r))
			found++;
	dns_free(list);
	if (status == DNS_TRY_AGAIN || status == DNS_FAIL)
		return UNKNOWN;
	if (found != 1)
		return UNWANTED;
	*ret = r;
	return WANTED;
}

/* Days end, domains don't: nobody frees them while a task looks. */
static void
ask(void *arg)
{
	struct list *it;

	(void)arg;
	while ((it = list_take(&unknown)) != NULL) {
		struct domain	    *m = LIST_ENTRY(it, struct domain, link);
		char		    *name = mem_strdup(m->name);
		int64_t		     number = today();
		struct tlsrpt_record r;
		struct pool	     pool = POOL_INIT;
		enum wanted	     got = look_up(&pool, name, &r);
		struct day	    *d = day_find(number);

		m = map_find(d->domains, name);
		if (m != NULL && !m->sending && m->wanted == UNKNOWN) {
			m->wanted = got;
			if (got == UNWANTED)
				day_unwanted(d, m);
		}
		pool_done(&pool);
		mem_free(name);
	}
	askers--;
}

static void
ask_later(struct domain *m)
{
	list_append(&unknown, &m->link);
	if (askers < ASKERS_MAX) {
		askers++;
		task_start("ask", ask, NULL);
	}
}

/* --- which, and when */

/* What came meanwhile is the next report's. */
static void
settle(struct day *d, struct domain *m, bool sent)
{
	m->sending = false;
	if (sent) {
		tlsrpt_tally_free(m->tally);
		m->tally = m->later != NULL ? m->later : tlsrpt_tally_new();
		m->since = time(NULL);
		m->done = m->since >= (d->number + 1) * DAY;
		journal_done(d, m);
	} else if (m->later != NULL) {
		tlsrpt_tally_merge(m->tally, m->later);
		tlsrpt_tally_free(m->later);
	}
	m->later = NULL;
	d->dirty = true;
}

static void
send_report(struct day *d, struct domain *m)
{
	struct pool	     pool = POOL_INIT;
	struct tlsrpt_record to;
	enum wanted	     got;

	m->sending = true;
	list_remove(&m->link);
	got = look_up(&pool, m->name, &to);
	if (got == UNWANTED)
		settle(d, m, true);
	else
		settle(d, m, got == WANTED && report_send(d, m, &to));
	m->retry_at = time(NULL) + RETRY_EVERY;
	pool_done(&pool);
}

/* Not all at once: each domain has its own time. */
static int64_t
due_at(const struct day *d, const struct domain *m)
{
	uint32_t hash = 2166136261;

	for (const char *p = m->name; *p != '\0'; p++)
		hash = (hash ^ (unsigned char)*p) * 16777619;
	return (d->number + 1) * DAY + (conf_mail.tlsrpt_send_delay > 0 ?
	    (int64_t)(hash % (unsigned)conf_mail.tlsrpt_send_delay) : 0);
}

static bool
is_due(const struct day *d, const struct domain *m, bool now)
{
	return !m->done && !tlsrpt_tally_is_empty(m->tally) &&
	    (now || (time(NULL) >= due_at(d, m) && time(NULL) >= m->retry_at));
}

static bool
is_over(const struct day *d)
{
	int64_t end = (d->number + 1) * DAY;

	if (time(NULL) < end)
		return false;
	if (time(NULL) >= end + conf_mail.tlsrpt_send_delay +
	    conf_mail.tlsrpt_retry_time)
		return true;
	for (size_t i = 0; i < map_count(d->domains); i++) {
		const struct domain *m = map_at(d->domains, i)->value;

		if (!m->done && !tlsrpt_tally_is_empty(m->tally))
			return false;
	}
	return true;
}

static void
give_up(const struct day *d)
{
	for (size_t i = 0; i < map_count(d->domains); i++) {
		const struct domain *m = map_at(d->domains, i)->value;

		if (!m->done && !tlsrpt_tally_is_empty(m->tally))
			log_warn("TLSRPT report for %s given up: "
			    "nobody takes it", m->name);
	}
}

static void
report_all(bool now)
{
	struct list *it = days.next, *next;

	for (; it != &days; it = next) {
		struct day *d = LIST_ENTRY(it, struct day, link);

		/* Others add domains at the end, and only this task removes. */
		if (now || d->number < today())
			for (size_t i = 0; i < map_count(d->domains); i++) {
				struct domain *m =
				    map_at(d->domains, i)->value;

				if (is_due(d, m, now))
					send_report(d, m);
			}
		next = it->next;
		if (is_over(d)) {
			give_up(d);
			day_remove(d);
		}
	}
}

static void
report_now(void *arg)
{
	(void)arg;
	while (reporting)
		task_sleep_ms(100);
	reporting = true;
	journal_save();
	report_all(true);
	reporting = false;
	asked_now = false;
}

static void
report_daily(void *arg)
{
	(void)arg;
	for (;;) {
		if (!reporting) {
			reporting = true;
			report_all(false);
			reporting = false;
		}
		task_sleep_ms(LOOK_EVERY * 1000);
	}
}

/* --- requests */

static void
save_soon(void *arg)
{
	(void)arg;
	task_sleep_ms(SAVE_EVERY * 1000);
	saving = false;
	journal_save();
}

static void
count(const struct tlsrpt_result *r)
{
	struct day	    *d = day_find(today());
	struct domain	    *m = day_domain(d, r->domain);
	struct tlsrpt_tally *t;

	if (m == NULL || m->wanted == UNWANTED)
		return;
	if (m->wanted == UNKNOWN && tlsrpt_tally_is_empty(m->tally))
		ask_later(m);
	if (m->sending && m->later == NULL)
		m->later = tlsrpt_tally_new();
	t = m->sending ? m->later : m->tally;
	tlsrpt_count(t, r, 1);
	d->dirty = true;
	if (!saving) {
		saving = true;
		task_start("save", save_soon, NULL);
	}
}

static bool
take_result(const struct frame *f, struct frame *reply)
{
	struct tlsrpt_result r = tlsrpt_result_of(f);
	char		    *name;

	if (f->type != TLSRPT_RESULT || r.domain == NULL ||
	    !dns_valid_name(r.domain))
		return false;
	r.domain = name = text_lower(mem_strdup(r.domain));
	count(&r);
	mem_free(name);
	frame_begin(reply, TLSRPT_TAKEN);
	return true;
}

static void
serve(struct stream *client)
{
	requests_serve(client, TLSRPT_FRAME_MAX, take_result);
}

static void
triggered(const char *requests)
{
	if (strchr(requests, 'R') == NULL || asked_now)
		return;
	asked_now = true;
	task_start("report", report_now, NULL);
}

static bool
is_busy(void)
{
	return asked_now || reporting;
}

/* --- the process */

static void
before_jail(void)
{
	const char *why;

	journal_open();
	if (!dns_start(&why))
		log_warn("DNS: %s", why);
	if (!https_start(conf_mail.https_CAfile, &why))
		log_warn("https_CAfile = %s: %s; reports go by mail only",
		    conf_mail.https_CAfile, why);
}

static void
after_jail(void)
{
	journal_load();
	task_start("reports", report_daily, NULL);
}

int
main(int argc, char **argv)
{
	static const struct param_area *const areas[] = { NULL };
	static const struct server	      server = {
		.name = "tlsrpt",
		.one_process = true,
		.jail = PROC_JAIL_NET | PROC_JAIL_FILES,
		.areas = areas,
		.before_jail = before_jail,
		.after_jail = after_jail,
		.serve = serve,
		.triggered = triggered,
		.before_exit = journal_save,
		.is_busy = is_busy,
	};

	server_main(argc, argv, &server);
}
