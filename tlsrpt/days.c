#include "tlsrpt/days.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "conf/param.h"
#include "net/dns.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/log.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/task.h"
#include "util/text.h"

enum {
	JOURNAL_MAX = 64 * 1024 * 1024,	/* bytes */
	NAMES_FACTOR = 20,		/* domains that want no report are
					   remembered, too */
};

struct list days = LIST_INIT(days);

static int dir_fd = -1;		/* data_directory */
static int writers;		/* look at days: none is removed */

/* --- days and domains */

int64_t
today(void)
{
	return time(NULL) / DAY;
}

struct day *
day_find(int64_t number)
{
	struct day *d;

	for (struct list *it = days.next; it != &days; it = it->next) {
		d = LIST_ENTRY(it, struct day, link);
		if (d->number == number)
			return d;
	}
	d = NEW(struct day);
	d->number = number;
	d->domains = map_new();
	list_append(&days, &d->link);
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

struct domain *
day_domain(struct day *d, const char *name)
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
	fd = openat(dir_fd, name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
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

void
journal_save(void)
{
	writers++;
	for (struct list *it = days.next; it != &days; it = it->next) {
		struct day *d = LIST_ENTRY(it, struct day, link);

		if (d->dirty)
			save_day(d);
	}
	writers--;
}

void
journal_done(struct day *d, const struct domain *m)
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
		    (m = day_domain(d, word)) != NULL) {
			tlsrpt_tally_free(m->tally);
			m->tally = tlsrpt_tally_new();
			m->since = atoll(line);
			m->done = m->since >= (d->number + 1) * DAY;
		}
	} else if (tlsrpt_parse_news(&pool, line, &r, &n) &&
	    dns_valid_name(r.domain) &&
	    (m = day_domain(d, r.domain)) != NULL) {
		tlsrpt_count_old(m->tally, &r, n);
	}
	pool_done(&pool);
}

static bool
read_journal(const char *name, struct buf *b)
{
	int	    fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
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
	struct day *d = day_find(number);
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

void
journal_load(void)
{
	int	       fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY |
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

void
journal_open(void)
{
	dir_fd = open(conf_mail.data_directory, O_RDONLY | O_DIRECTORY |
	    O_CLOEXEC);
	if (dir_fd < 0)
		fatal("open %s", conf_mail.data_directory);
}

void
day_unwanted(struct day *d, struct domain *m)
{
	m->wanted = UNWANTED;
	tlsrpt_tally_free(m->tally);
	m->tally = tlsrpt_tally_new();
	d->collected--;
}

bool
day_remove(struct day *d)
{
	char name[32];

	if (writers > 0)
		return false;
	journal_name(d->number, name);
	unlinkat(dir_fd, name, 0);
	list_remove(&d->link);
	map_free(d->domains, free_domain);
	mem_free(d);
	return true;
}
