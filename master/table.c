/* table - services from master.cf, and what becomes of the old ones */

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf.h"
#include "master/interfaces.h"
#include "master/master.h"
#include "server/maillog.h"
#include "server/master_proto.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/proc.h"
#include "util/text.h"

enum { METRICS_WAKEUP = 60 };	/* seconds: it must listen though nothing is
				   logged */

/* process_session_limit, as main.cf or the service's own -o has it, and what
 * a process has descriptors for; what is no number is for the worker to
 * complain about. */
static int
session_limit(const struct service *s)
{
	static const char name[] = "process_session_limit=";
	int	    limit = conf_mail.process_session_limit;
	int	    files = (proc_max_files() - MASTER_FDS_OTHER) /
	    MASTER_FDS_A_SESSION;
	const char *arg;
	long	    n;

	for (int i = 1; i < s->argc; i++) {
		arg = s->argv[i];
		if (text_eq(arg, "-o") && i + 1 < s->argc)
			arg = s->argv[++i];
		else if (text_starts(arg, "-o"))
			arg += 2;
		if (text_starts(arg, name) &&
		    text_to_long(arg + sizeof name - 1, 0, INT_MAX, &n))
			limit = (int)n;
	}
	if (limit == 0 || limit > files)
		limit = files;
	return limit > 0 ? limit : 1;
}

/* As many processes as half the processors keep busy, or as it takes for the
 * sessions. */
static int
multi_workers(const struct job *j)
{
	int max = j->s.maxproc > 0 ? j->s.maxproc : INT_MAX;
	int usual = (proc_cpus() + 1) / 2, needed = 1;

	/* Without a limit of sessions there is none of processes either, if
	 * someone wants few sessions in each. */
	if (max != INT_MAX)
		needed = max / j->share_max + (max % j->share_max != 0);
	else if (conf_mail.process_session_limit > 0)
		needed = INT_MAX;
	if (needed < usual)
		needed = usual;
	return needed < max ? needed : max;
}

static void
set_limits(struct job *j)
{
	int max = j->s.maxproc;

	j->kind = kind_of(j->s.program);
	j->share_max = j->kind == JOB_MULTI ? session_limit(&j->s) : INT_MAX;
	if (j->kind == JOB_ALONE)
		j->workers_max = 1;
	else if (j->kind == JOB_SINGLE)
		j->workers_max = max > 0 ? max : INT_MAX;
	else	/* the sessions of JOB_SERVICE are not limited, but "1" is 1 */
		j->workers_max = multi_workers(j);
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
	j->wakeup_at = j->calm_at = CLOCK_NEVER;
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
	if (j->missing && !said && j->s.type != SERVICE_INET)
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
	/* Mail shall not wait for an answer that can't come. */
	j->missing = j->missing && s->type != SERVICE_INET;
	if (j->missing)
		listen_close(j);
	else
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

/* What main.cf alone asks for needs no line in master.cf; one that is there
 * counts. */
static void
take_metrics(const struct service_table *t, bool may_fail)
{
	static char    name[] = METRICS_SERVICE;
	char	      *argv[] = { name, NULL };
	struct service s = { .name = name, .type = SERVICE_UNIX_DGRAM,
	    .unprivileged = true, .wakeup = METRICS_WAKEUP, .maxproc = 1,
	    .program = name,
	    .argv = argv, .argc = 1 };

	if (conf_mail.metrics_listen[0] != '\0' &&
	    master_cf_find(t, name, SERVICE_UNIX_DGRAM) == NULL &&
	    !is_disabled(&s))
		take_service(&s, may_fail);
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
	take_metrics(&t, !first);
	LIST_EACH(it, &master.jobs) {
		struct job *j = LIST_ENTRY(it, struct job, link);

		if (!j->wanted && j->s.name[0] != '\0')
			drop_job(j);
		job_update(j);
	}
	master_cf_done(&t);
	return true;
}
