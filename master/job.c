/*
 * job - services: what master.cf wants, and when to start a worker
 *
 * A worker is started when a connection waits, no worker takes sessions, and
 * the limit allows one more.  Counting goes by what workers report:
 *
 *	starting  started, not yet READY
 *	open	  READY or OPEN: accepts by itself, master need not look
 *	full	  has its share; counts for the limit
 *	retiring  does not count any more, except where only one may run
 */

#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf.h"
#include "master/interfaces.h"
#include "master/master.h"
#include "server/master_proto.h"
#include "server/server.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/proc.h"
#include "util/text.h"

enum {
	LIMIT_WARN_MS = 200 * 1000,
	BACKOFF_MIN = 100,		/* ms */
	BACKOFF_MAX = 60 * 1000,	/* ms */
};

/* --- limits */

static bool
may_start(const struct job *j)
{
	if (j->missing || master.stopping || j->s.name[0] == '\0' ||
	    j->not_before > clock_ms())
		return false;
	if (j->kind == JOB_ALONE)
		return list_is_empty(&j->workers);
	return j->workers_now < j->workers_max;
}

/* Every worker has its share: say so, and let the next ones be in a hurry. */
static void
warn_limit(struct job *j)
{
	int64_t now = clock_ms();
	char   *colon = strrchr(j->s.name, ':');

	if (j->s.type != SERVICE_INET || j->s.maxproc == 0)
		return;
	j->stress = true;
	if (j->warned_at != 0 && now - j->warned_at < LIMIT_WARN_MS)
		return;
	j->warned_at = now;
	log_warn("service \"%s\" (%u) has reached its process limit \"%d\":"
	    " new clients may experience noticeable delays", j->s.name,
	    (unsigned)addr_service_port(colon ? colon + 1 : j->s.name),
	    j->s.maxproc);
	log_warn("to avoid this condition, increase the process count in"
	    " master.cf or reduce the service time per client");
	log_warn("see https://www.postfix.org/STRESS_README.html for examples"
	    " of stress-adapting configuration settings");
}

void
job_update(struct job *j)
{
	bool idle = j->open == 0 && j->starting == 0;
	bool watch = idle && may_start(j);

	if (idle && !master.stopping && j->kind == JOB_MULTI &&
	    j->workers_now >= j->workers_max)
		warn_limit(j);
	LIST_EACH(it, &j->listeners) {
		struct listener *l = LIST_ENTRY(it, struct listener, link);

		if (watch)
			watch_on(&l->watch);
		else
			watch_off(&l->watch);
	}
}

static bool
connection_waits(const struct job *j)
{
	LIST_EACH(it, &((struct job *)j)->listeners) {
		struct pollfd p = {
			.fd = LIST_ENTRY(it, struct listener, link)->watch.fd,
			.events = POLLIN,
		};

		if (poll(&p, 1, 0) == 1)
			return true;
	}
	return false;
}

/* When the kernel woke a worker that has turned away since, the others do not
 * know of the connection. */
void
job_look(struct job *j)
{
	static const char look = MASTER_LOOK;

	job_update(j);
	if (j->open == 0 || !connection_waits(j))
		return;
	LIST_EACH(it, &j->workers) {
		struct worker *w = LIST_ENTRY(it, struct worker, link);

		if (w->state == WORKER_OPEN)
			(void)!write(w->watch.fd, &look, 1);
	}
}

void
job_throttle(struct job *j)
{
	j->backoff_ms = j->backoff_ms == 0 ? BACKOFF_MIN : j->backoff_ms * 2;
	if (j->backoff_ms > BACKOFF_MAX)
		j->backoff_ms = BACKOFF_MAX;
	j->not_before = clock_ms() + j->backoff_ms;
}

/* --- time */

int64_t
jobs_next(void)
{
	int64_t at = CLOCK_NEVER;

	LIST_EACH(it, &master.jobs) {
		const struct job *j = LIST_ENTRY(it, struct job, link);

		if (j->wakeup_at < at)
			at = j->wakeup_at;
		if (j->not_before != 0 && j->not_before < at)
			at = j->not_before;
	}
	return at;
}

static void
wake_up(struct job *j)
{
	struct listener *l;

	j->wakeup_at = clock_ms() + (int64_t)j->s.wakeup * 1000;
	if ((j->s.wakeup_if_used && !j->was_used) ||
	    list_is_empty(&j->listeners))
		return;
	if (j->s.type == SERVICE_UNIX)
		server_trigger(j->socket, "W");
	else if (j->s.type == SERVICE_FIFO) {
		l = LIST_ENTRY(j->listeners.next, struct listener, link);
		(void)!write(l->watch.fd, "W", 1);
	}
}

void
jobs_tick(void)
{
	int64_t now = clock_ms();

	LIST_EACH(it, &master.jobs) {
		struct job *j = LIST_ENTRY(it, struct job, link);

		if (j->not_before != 0 && j->not_before <= now) {
			j->not_before = 0;
			job_update(j);
		}
		if (j->wakeup_at <= now)
			wake_up(j);
	}
}

/* --- from master.cf */

static void
set_limits(struct job *j)
{
	int max = j->s.maxproc, multi = (proc_cpus() + 1) / 2;

	j->kind = kind_of(j->s.program);
	if (j->kind == JOB_ALONE)
		j->workers_max = 1;
	else if (j->kind == JOB_SINGLE)
		j->workers_max = max > 0 ? max : INT_MAX;
	else	/* the sessions of JOB_SERVICE are not limited, but "1" is 1 */
		j->workers_max = max > 0 && max < multi ? max : multi;
}

static void
copy_service(struct service *to, const struct service *from)
{
	*to = *from;
	to->name = mem_strdup(from->name);
	to->program = mem_strdup(from->program);
	to->argv = mem_zalloc(((size_t)from->argc + 1) * sizeof *to->argv);
	for (int i = 0; i < from->argc; i++)
		to->argv[i] = mem_strdup(from->argv[i]);
	memset(to->fields, 0, sizeof to->fields);
}

static void
free_service(struct service *s)
{
	for (int i = 0; i < s->argc; i++)
		mem_free(s->argv[i]);
	mem_free(s->argv);
	mem_free(s->name);
	mem_free(s->program);
}

static struct job *
find_job(const struct service *s)
{
	LIST_EACH(it, &master.jobs) {
		struct job *j = LIST_ENTRY(it, struct job, link);

		if (j->s.type == s->type && text_eq(j->s.name, s->name) &&
		    (s->type == SERVICE_INET ||
		    j->s.is_private == s->is_private))
			return j;
	}
	return NULL;
}

static struct job *
new_job(const struct service *s)
{
	struct job *j = NEW(struct job);

	list_init(&j->listeners);
	list_init(&j->workers);
	list_append(&master.jobs, &j->link);
	if (s->type != SERVICE_INET)
		j->socket = mem_printf("%s/%s",
		    s->is_private ? "private" : "public", s->name);
	return j;
}

/* A program that is not there is no reason to refuse all other mail. */
static void
check_program(struct job *j)
{
	char *path;
	bool  said;

	path = mem_printf("%s/%s", conf_mail.daemon_directory, j->s.program);
	said = j->missing && text_eq(path, j->path);
	mem_free(j->path);
	j->path = path;
	j->missing = access(path, X_OK) < 0;
	if (j->missing && !said)
		log_warn("%s/master.cf: line %d: service \"%s\": there is no"
		    " program %s; put a '#' before the line if nothing needs"
		    " it", conf_dir(), j->s.line, j->s.name, j->path);
}

static void
take_service(const struct service *s, bool may_fail)
{
	struct job *j = find_job(s);

	if (j == NULL)
		j = new_job(s);
	else
		free_service(&j->s);
	copy_service(&j->s, s);
	j->wanted = true;
	j->backoff_ms = j->not_before = 0;
	set_limits(j);
	check_program(j);
	j->wakeup_at = s->wakeup > 0 && !j->missing ? clock_ms() : CLOCK_NEVER;
	listen_open(j, may_fail);
}

/* Its retiring workers point to it: it stays, without a name that could be
 * found. */
static void
drop_job(struct job *j)
{
	listen_close(j);
	workers_retire(j);
	j->wakeup_at = CLOCK_NEVER;
	j->not_before = 0;
	j->s.name[0] = '\0';
}

/* Of master_service_disable: "smtp/inet", "smtp.inet" as it was once written,
 * or a whole type: "inet". */
static bool
is_disabled(const struct service *s)
{
	const char *type = service_type_name(s->type);
	char *copy = mem_strdup(conf_mail.master_service_disable), *p = copy;
	char *slash = mem_printf("%s/%s", s->name, type);
	char *dot = mem_printf("%s.%s", s->name, type), *word;
	bool  found = false;

	while ((word = text_word(&p, TEXT_LIST_SEP, false)) != NULL)
		found = found || text_eq(word, slash) || text_eq(word, dot) ||
		    text_eq(word, type);
	mem_free(copy);
	mem_free(slash);
	mem_free(dot);
	return found;
}

bool
jobs_read(const char **ret_why)
{
	struct service_table t;
	char *path = mem_printf("%s/master.cf", conf_dir());
	bool  first = list_is_empty(&master.jobs), ok;

	ok = interfaces_read(ret_why) && master_cf_read(&t, path,
	    conf_mail.default_process_limit, ret_why);
	mem_free(path);
	if (!ok)
		return false;
	master_cf_warn(&t);
	LIST_EACH(it, &master.jobs) {
		workers_retire(LIST_ENTRY(it, struct job, link));
		LIST_ENTRY(it, struct job, link)->wanted = false;
	}
	for (size_t i = 0; i < t.count; i++)
		if (!is_disabled(&t.services[i]))
			take_service(&t.services[i], !first);
	LIST_EACH(it, &master.jobs) {
		struct job *j = LIST_ENTRY(it, struct job, link);

		if (!j->wanted && j->s.name[0] != '\0')
			drop_job(j);
		job_update(j);
	}
	master_cf_done(&t);
	return true;
}
