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
 * The counts are in memory, and every SAVE_EVERY what is new goes to the end of
 * the day's journal, data_directory/tlsrpt-DATE: lines of mail/tlsrpt.h, and
 * "D domain time" for a report that was sent.  A day whose reports are all done
 * is removed with its journal.  Ends when idle, or when master says so; master's
 * wake-ups see to it that reports are sent.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "conf/param.h"
#include "mail/cleanup_client.h"
#include "mail/peer.h"
#include "mail/tlsrpt.h"
#include "net/dns.h"
#include "net/https.h"
#include "server/server.h"
#include "util/clock.h"
#include "util/file.h"
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
	DAY = 86400,			/* seconds */
	SAVE_EVERY = 5,			/* seconds */
	LOOK_EVERY = 60,		/* seconds: which reports are due? */
	RETRY_EVERY = 15 * 60,		/* seconds */
	POST_SECONDS = 60,
	ANSWER_MAX = 16 * 1024,		/* bytes of a web server's answer */
	JOURNAL_MAX = 64 * 1024 * 1024,	/* bytes */
	NAMES_FACTOR = 20,		/* domains that want no report are
					   remembered, too */
	ASKERS_MAX = 4,
	BASE64_LINE = 57,		/* bytes: 76 characters */
};

enum wanted { UNKNOWN, WANTED, UNWANTED };

struct domain {
	struct list	     link;	/* of those whose record is to be
					   looked up */
	struct tlsrpt_tally *tally;
	struct tlsrpt_tally *later;	/* what comes while a report is sent */
	enum wanted	     wanted;
	bool		     done, sending;
	int64_t		     since;	/* time(2): the last report; 0 */
	int64_t		     retry_at;
	char		     name[];
};

struct day {
	struct list	 link;
	int64_t		 number;	/* since 1970 */
	struct map	*domains;
	int		 collected;
	bool		 dirty, full;
};

static struct {
	int		 dir;		/* data_directory */
	struct list	 days, unknown;
	bool		 saving, reporting, now;
	int		 writers;	/* look at days: none is removed */
	int		 askers;
	unsigned	 serial;
} rpt = {
	.dir = -1, .days = LIST_INIT(rpt.days),
	.unknown = LIST_INIT(rpt.unknown),
};

/* --- days and domains */

static int64_t
today(void)
{
	return time(NULL) / DAY;
}

static struct day *
find_day(int64_t number)
{
	struct day *d;

	for (struct list *it = rpt.days.next; it != &rpt.days; it = it->next) {
		d = LIST_ENTRY(it, struct day, link);
		if (d->number == number)
			return d;
	}
	d = NEW(struct day);
	d->number = number;
	d->domains = map_new();
	list_append(&rpt.days, &d->link);
	return d;
}

static void
free_domain(void *arg)
{
	struct domain *m = arg;

	list_remove(&m->link);
	tlsrpt_tally_free(m->tally);
	tlsrpt_tally_free(m->later);
	mem_free(m);
}

/* NULL: there are too many. */
static struct domain *
find_domain(struct day *d, const char *name)
{
	size_t	       limit = (size_t)conf_mail.tlsrpt_domain_limit;
	size_t	       n = strlen(name) + 1;
	struct domain *m = map_find(d->domains, name);

	if (m != NULL)
		return m;
	if ((size_t)d->collected >= limit ||
	    map_count(d->domains) >= NAMES_FACTOR * limit) {
		if (!d->full)
			log_warn("TLSRPT: more domains than "
			    "tlsrpt_domain_limit: the reports of today will "
			    "miss some");
		d->full = true;
		return NULL;
	}
	m = mem_zalloc(sizeof *m + n);
	memcpy(m->name, name, n);
	list_init(&m->link);
	m->tally = tlsrpt_tally_new();
	d->collected++;
	map_set(d->domains, name, m);
	return m;
}

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
	while ((it = list_take(&rpt.unknown)) != NULL) {
		struct domain	    *m = LIST_ENTRY(it, struct domain, link);
		char		    *name = mem_strdup(m->name);
		int64_t		     number = today();
		struct tlsrpt_record r;
		struct pool	     pool = POOL_INIT;
		enum wanted	     got = look_up(&pool, name, &r);
		struct day	    *d = find_day(number);

		m = map_find(d->domains, name);
		if (m != NULL && !m->sending)
			m->wanted = got;
		if (m != NULL && !m->sending && got == UNWANTED) {
			tlsrpt_tally_free(m->tally);
			m->tally = tlsrpt_tally_new();
			d->collected--;
		}
		pool_done(&pool);
		mem_free(name);
	}
	rpt.askers--;
}

static void
ask_later(struct domain *m)
{
	list_append(&rpt.unknown, &m->link);
	if (rpt.askers < ASKERS_MAX) {
		rpt.askers++;
		task_start("ask", ask, NULL);
	}
}

/* --- the journal */

static void
journal_name(int64_t number, char ret[32])
{
	time_t	  t = (time_t)(number * DAY);
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(ret, 32, "tlsrpt-%Y-%m-%d", &tm);
}

static void
append(const struct day *d, const struct buf *b)
{
	char name[32];
	int  fd;

	journal_name(d->number, name);
	fd = openat(rpt.dir, name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
	    0600);
	if (fd < 0 || !file_write_all(fd, b->data, b->len) ||
	    task_fsync(fd) < 0)
		log_warn("%s/%s: %s: a restart loses what was counted",
		    conf_mail.data_directory, name, strerror(errno));
	if (fd >= 0)
		close(fd);
}

static void
save_day(struct day *d)
{
	struct buf b = BUF_INIT;

	d->dirty = false;
	for (size_t i = 0; i < map_count(d->domains); i++) {
		struct domain *m = map_at(d->domains, i)->value;

		if (m->wanted != UNWANTED)
			tlsrpt_write_news(&b, m->tally, m->name);
	}
	if (b.len > 0)
		append(d, &b);
	buf_done(&b);
}

static void
save_all(void)
{
	rpt.writers++;
	for (struct list *it = rpt.days.next; it != &rpt.days; it = it->next) {
		struct day *d = LIST_ENTRY(it, struct day, link);

		if (d->dirty)
			save_day(d);
	}
	rpt.writers--;
}

static void
save_soon(void *arg)
{
	(void)arg;
	task_sleep_ms(SAVE_EVERY * 1000);
	rpt.saving = false;
	save_all();
}

static void
save_done(struct day *d, struct domain *m)
{
	struct buf b = BUF_INIT;

	buf_addf(&b, "D %s %lld\n", m->name, (long long)m->since);
	append(d, &b);
	buf_done(&b);
}

static void
load_line(struct day *d, char *line)
{
	struct pool	     pool = POOL_INIT;
	struct tlsrpt_result r;
	struct domain	    *m;
	uint64_t	     n;
	char		    *word;

	if (text_starts(line, "D ")) {
		line += 2;
		word = text_word(&line, " ", false);
		if (word != NULL && dns_valid_name(word) &&
		    (m = find_domain(d, word)) != NULL) {
			tlsrpt_tally_free(m->tally);
			m->tally = tlsrpt_tally_new();
			m->since = atoll(line);
			m->done = m->since >= (d->number + 1) * DAY;
		}
	} else if (tlsrpt_parse_news(&pool, line, &r, &n) &&
	    dns_valid_name(r.domain) &&
	    (m = find_domain(d, r.domain)) != NULL) {
		tlsrpt_count_old(m->tally, &r, n);
	}
	pool_done(&pool);
}

static bool
read_journal(const char *name, struct buf *b)
{
	int	    fd = openat(rpt.dir, name, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t	    n = -1;

	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		if (st.st_size > JOURNAL_MAX)
			st.st_size = JOURNAL_MAX;
		n = read(fd, buf_room(b, (size_t)st.st_size),
		    (size_t)st.st_size);
		if (n > 0)
			buf_grow(b, (size_t)n);
	}
	close(fd);
	return n > 0;
}

/* A line that has no end was being written when the power went. */
static void
load_day(const char *name, int64_t number)
{
	struct day *d = find_day(number);
	struct buf  b = BUF_INIT;
	char	   *line, *end;

	if (read_journal(name, &b))
		for (line = b.data; (end = strchr(line, '\n')) != NULL;
		    line = end + 1) {
			*end = '\0';
			load_line(d, line);
		}
	buf_done(&b);
}

static void
load_all(void)
{
	int	       fd = openat(rpt.dir, ".", O_RDONLY | O_DIRECTORY |
	    O_CLOEXEC), last = 0;
	DIR	      *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;

	if (dir == NULL) {
		log_warn("%s: %s", conf_mail.data_directory, strerror(errno));
		return;
	}
	while ((e = readdir(dir)) != NULL) {
		struct tm tm = { .tm_mday = 0 };

		last = 0;
		if (sscanf(e->d_name, "tlsrpt-%4d-%2d-%2d%n", &tm.tm_year,
		    &tm.tm_mon, &tm.tm_mday, &last) < 3 ||
		    e->d_name[last] != '\0')
			continue;
		tm.tm_year -= 1900;
		tm.tm_mon--;
		load_day(e->d_name, timegm(&tm) / DAY);
	}
	closedir(dir);
}

/* --- a report */

struct report {
	struct pool	     pool;
	struct tlsrpt_report head;
	const char	    *domain, *file;
	struct buf	     body;	/* JSON, compressed */
};

static bool
compress_text(const struct buf *text, struct buf *ret)
{
	enum { GZIP = 15 + 16, MEMORY = 8 };
	z_stream z = { .next_in = (Bytef *)text->data };
	uLong	 max;
	bool	 ok;

	if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP, MEMORY,
	    Z_DEFAULT_STRATEGY) != Z_OK)
		return false;
	z.avail_in = (uInt)text->len;
	max = deflateBound(&z, text->len);
	z.next_out = (Bytef *)buf_room(ret, max);
	z.avail_out = (uInt)max;
	ok = deflate(&z, Z_FINISH) == Z_STREAM_END;
	if (ok)
		buf_grow(ret, z.total_out);
	deflateEnd(&z);
	return ok;
}

static bool
make_report(struct report *r, const struct day *d, const struct domain *m)
{
	struct buf text = BUF_INIT;
	bool	   ok;

	r->domain = m->name;
	r->head.start = m->since > d->number * DAY ? m->since :
	    d->number * DAY;
	r->head.end = (d->number + 1) * DAY - 1;
	if (r->head.end > time(NULL))
		r->head.end = time(NULL);
	r->head.organization = conf_mail.tlsrpt_organization_name;
	r->head.contact = conf_mail.tlsrpt_contact_info;
	r->head.id = pool_printf(&r->pool, "%lld.%d.%u.%s@%s",
	    (long long)r->head.start, (int)getpid(), ++rpt.serial, m->name,
	    conf_mail.myhostname);
	r->file = pool_printf(&r->pool, "%s!%s!%lld!%lld!%u.json.gz",
	    conf_mail.myhostname, m->name, (long long)r->head.start,
	    (long long)r->head.end, rpt.serial);
	tlsrpt_write_report(&text, &r->head, m->tally);
	ok = compress_text(&text, &r->body);
	buf_done(&text);
	return ok;
}

/* --- by mail: RFC 8460 5.3 */

static void
write_header(struct cleanup_client *c, const struct report *r, const char *to)
{
	struct buf date = BUF_INIT;

	clock_rfc_date(&date, time(NULL));
	cleanup_printf(c, "Received: by %s (%s)", conf_mail.myhostname,
	    conf_mail.mail_name);
	cleanup_printf(c, "\tid %s; %s", cleanup_queue_id(c), date.data);
	cleanup_printf(c, "Date: %s", date.data);
	cleanup_printf(c, "From: %s", conf_mail.tlsrpt_contact_info);
	cleanup_printf(c, "To: %s", to);
	cleanup_printf(c, "Subject: Report Domain: %s", r->domain);
	cleanup_printf(c, "\tSubmitter: %s", conf_mail.myhostname);
	cleanup_printf(c, "\tReport-ID: <%s>", r->head.id);
	cleanup_printf(c, "Message-ID: <%s>", r->head.id);
	cleanup_printf(c, "TLS-Report-Domain: %s", r->domain);
	cleanup_printf(c, "TLS-Report-Submitter: %s", conf_mail.myhostname);
	/* What is in the way of TLS must not be in the way of this. */
	cleanup_printf(c, "TLS-Required: No");
	cleanup_printf(c, "Auto-Submitted: auto-generated");
	cleanup_printf(c, "MIME-Version: 1.0");
	cleanup_printf(c, "Content-Type: multipart/report; "
	    "report-type=\"tlsrpt\";");
	cleanup_printf(c, "\tboundary=\"=_%lld.%u\"",
	    (long long)r->head.start, rpt.serial);
	cleanup_printf(c, "%s", "");
	buf_done(&date);
}

static void
write_body(struct cleanup_client *c, const struct report *r)
{
	char	   boundary[64];
	struct buf line = BUF_INIT;

	snprintf(boundary, sizeof boundary, "--=_%lld.%u",
	    (long long)r->head.start, rpt.serial);
	cleanup_printf(c, "%s", boundary);
	cleanup_printf(c, "Content-Type: text/plain; charset=us-ascii");
	cleanup_printf(c, "%s", "");
	cleanup_printf(c, "This is an aggregate TLS report for %s from %s.",
	    r->domain, conf_mail.myhostname);
	cleanup_printf(c, "%s", "");
	cleanup_printf(c, "%s", boundary);
	cleanup_printf(c, "Content-Type: application/tlsrpt+gzip");
	cleanup_printf(c, "Content-Transfer-Encoding: base64");
	cleanup_printf(c, "Content-Disposition: attachment;");
	cleanup_printf(c, "\tfilename=\"%s\"", r->file);
	cleanup_printf(c, "%s", "");
	for (size_t i = 0; i < r->body.len; i += BASE64_LINE) {
		size_t n = r->body.len - i;

		buf_clear(&line);
		text_base64(&line, r->body.data + i, n < BASE64_LINE ? n :
		    BASE64_LINE);
		cleanup_printf(c, "%s", line.data);
	}
	cleanup_printf(c, "%s--", boundary);
	buf_done(&line);
}

static void
write_envelope(struct cleanup_client *c, const char *to)
{
	struct envelope e;

	envelope_init(&e);
	e.queue_id = cleanup_queue_id(c);
	e.sender = conf_mail.tlsrpt_sender;
	e.arrival_us = e.created_us = clock_wall_us();
	e.flags = ENV_LOCAL_ORIGIN;
	envelope_set(&e, ATTR_LOG_MESSAGE_ORIGIN, "local");
	envelope_set(&e, ATTR_REWRITE_CONTEXT, "local");
	cleanup_envelope(c, &e);
	cleanup_rcpt(c, &(struct recipient){ .address = to, .original = to,
	    .orcpt = "", .notify = NOTIFY_NEVER, .status = RCPT_TODO });
	envelope_done(&e);
}

/* Milters and signing see it as any mail of ours: without a DKIM signature
 * receivers believe none of it. */
static bool
send_mail(const struct report *r, const char *to)
{
	struct cleanup_client *c;
	enum cleanup_status    status;
	struct buf	       why = BUF_INIT;
	char		      *id = NULL;

	c = cleanup_open(CLEANUP_MAP | CLEANUP_MILTER | CLEANUP_REWRITE_LOCAL,
	    &status);
	if (c != NULL) {
		id = mem_strdup(cleanup_queue_id(c));
		write_envelope(c, to);
		write_header(c, r, to);
		write_body(c, r);
		status = cleanup_end(c, &why);
	}
	if (status == CLEANUP_OK)
		log_info("%s: TLSRPT report for %s, to=<%s>", id, r->domain,
		    to);
	else
		log_warn("TLSRPT report for %s, to=<%s>: not queued: %s",
		    r->domain, to, why.len > 0 ? why.data :
		    "cleanup does not take it");
	mem_free(id);
	buf_done(&why);
	return status == CLEANUP_OK;
}

/* --- by HTTPS: RFC 8460 5.4 */

static int
families(void)
{
	const char *p = conf_mail.inet_protocols;
	bool	    all = *p == '\0' || strstr(p, "all") != NULL;

	return (all || strstr(p, "ipv4") != NULL ? DNS_V4 : 0) |
	    (all || strstr(p, "ipv6") != NULL ? DNS_V6 : 0);
}

static bool
send_https(const struct report *r, const char *url)
{
	struct https_answer  a = HTTPS_ANSWER_INIT;
	struct https_request q = {
		.url = url, .body = r->body.data, .body_len = r->body.len,
		.type = "application/tlsrpt+gzip",
		.agent = conf_mail.mail_name, .max = ANSWER_MAX,
		.seconds = POST_SECONDS, .families = families(),
	};
	bool		     ok = https_call(&q, &a);

	if (ok && a.code / 100 != 2) {
		snprintf(a.why, sizeof a.why, "HTTP status %ld", a.code);
		ok = false;
	}
	if (ok)
		log_info("TLSRPT report for %s, to=%s", r->domain, url);
	else
		log_warn("TLSRPT report for %s, to=%s: %s", r->domain, url,
		    a.why);
	https_answer_done(&a);
	return ok;
}

/* --- which, and when */

static bool
send_to_all(const struct report *r, const struct tlsrpt_record *to)
{
	bool ok = false;

	for (size_t i = 0; i < to->https_count; i++)
		ok |= send_https(r, to->https[i]);
	for (size_t i = 0; i < to->mail_count; i++)
		ok |= send_mail(r, to->mail[i]);
	return ok;
}

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
		save_done(d, m);
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
	struct report	     r = { .body = BUF_INIT };
	struct tlsrpt_record to;
	enum wanted	     got;

	m->sending = true;
	list_remove(&m->link);
	got = look_up(&r.pool, m->name, &to);
	if (got == UNWANTED)
		settle(d, m, true);
	else if (got == WANTED && make_report(&r, d, m))
		settle(d, m, send_to_all(&r, &to));
	else
		settle(d, m, false);
	m->retry_at = time(NULL) + RETRY_EVERY;
	buf_done(&r.body);
	pool_done(&r.pool);
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
remove_day(struct day *d)
{
	char name[32];

	for (size_t i = 0; i < map_count(d->domains); i++) {
		const struct domain *m = map_at(d->domains, i)->value;

		if (!m->done && !tlsrpt_tally_is_empty(m->tally))
			log_warn("TLSRPT report for %s given up: "
			    "nobody takes it", m->name);
	}
	journal_name(d->number, name);
	unlinkat(rpt.dir, name, 0);
	list_remove(&d->link);
	map_free(d->domains, free_domain);
	mem_free(d);
}

static void
report_all(bool now)
{
	struct list *it = rpt.days.next, *next;

	for (; it != &rpt.days; it = next) {
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
		if (is_over(d) && rpt.writers == 0)
			remove_day(d);
	}
}

static void
report_now(void *arg)
{
	(void)arg;
	while (rpt.reporting)
		task_sleep_ms(100);
	rpt.reporting = true;
	save_all();
	report_all(true);
	rpt.reporting = false;
	rpt.now = false;
}

static void
report_daily(void *arg)
{
	(void)arg;
	for (;;) {
		if (!rpt.reporting) {
			rpt.reporting = true;
			report_all(false);
			rpt.reporting = false;
		}
		task_sleep_ms(LOOK_EVERY * 1000);
	}
}

/* --- requests */

static void
count(const struct tlsrpt_result *r)
{
	struct day	    *d = find_day(today());
	struct domain	    *m = find_domain(d, r->domain);
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
	if (!rpt.saving) {
		rpt.saving = true;
		task_start("save", save_soon, NULL);
	}
}

static bool
take_result(const struct frame *f)
{
	struct tlsrpt_result r = {
		.policy_type = frame_str(f, TLSRPT_KEY_POLICY_TYPE),
		.policy_domain = frame_str(f, TLSRPT_KEY_POLICY_DOMAIN),
		.policy = frame_str(f, TLSRPT_KEY_POLICY),
		.mx_patterns = frame_str(f, TLSRPT_KEY_MX_PATTERNS),
		.failure = frame_str(f, TLSRPT_KEY_FAILURE),
		.reason = frame_str(f, TLSRPT_KEY_REASON),
		.sending_ip = frame_str(f, TLSRPT_KEY_SENDING_IP),
		.mx_host = frame_str(f, TLSRPT_KEY_MX_HOST),
		.receiving_ip = frame_str(f, TLSRPT_KEY_RECEIVING_IP),
	};
	const char *domain = frame_str(f, TLSRPT_KEY_DOMAIN);
	char	   *name;

	if (f->type != TLSRPT_RESULT || domain == NULL ||
	    !dns_valid_name(domain))
		return false;
	r.domain = name = text_lower(mem_strdup(domain));
	count(&r);
	mem_free(name);
	return true;
}

static void
serve(struct stream *client)
{
	struct frame request = FRAME_INIT, reply = FRAME_INIT;

	while (frame_receive(client, &request, TLSRPT_FRAME_MAX)) {
		if (!take_result(&request)) {
			log_warn("malformed request");
			break;
		}
		frame_begin(&reply, TLSRPT_TAKEN);
		frame_send(client, &reply);
		if (!stream_flush(client) || peer_is_ending())
			break;
	}
	frame_done(&request);
	frame_done(&reply);
}

static void
triggered(const char *requests)
{
	if (strchr(requests, 'R') == NULL || rpt.now)
		return;
	rpt.now = true;
	task_start("report", report_now, NULL);
}

static bool
is_busy(void)
{
	return rpt.now || rpt.reporting;
}

/* --- the process */

static void
before_jail(void)
{
	const char *why;

	rpt.dir = open(conf_mail.data_directory, O_RDONLY | O_DIRECTORY |
	    O_CLOEXEC);
	if (rpt.dir < 0)
		fatal("open %s", conf_mail.data_directory);
	if (!dns_start(&why))
		log_warn("DNS: %s", why);
	if (!https_start(conf_mail.https_CAfile, &why))
		log_warn("https_CAfile = %s: %s; reports go by mail only",
		    conf_mail.https_CAfile, why);
}

static void
after_jail(void)
{
	load_all();
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
		.before_exit = save_all,
		.is_busy = is_busy,
	};

	server_main(argc, argv, &server);
}
