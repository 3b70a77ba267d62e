/*
 * job - services: when a worker is started, woken, told
 *
 * A worker is started when a connection waits, no worker takes sessions, and
 * the limit allows one more.  Counting goes by what workers report:
 *
 *	starting  started, not yet READY
 *	open	  READY or OPEN: accepts by itself, master need not look
 *	full	  has its share; counts for the limit
 *	retiring  does not count any more, except where only one may run
 */

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "master/master.h"
#include "server/master_proto.h"
#include "server/server.h"
#include "util/clock.h"
#include "util/log.h"

enum {
	LIMIT_WARN_MS = 200 * 1000,
	STRESS_MS = 1000 * 1000,	/* after the limit was reached last */
	BACKOFF_MIN = 100,		/* ms */
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

/* Who serves this host alone is not what floods come to. */
static bool
is_public(const struct job *j)
{
	for (const struct list *l = j->listeners.next; l != &j->listeners;
	    l = l->next)
		if (!addr_is_loopback(&LIST_ENTRY(l, struct listener,
		    link)->addr))
			return j->s.type == SERVICE_INET;
	return false;
}

static void
set_stress(struct job *j, bool on)
{
	if (on != (j->calm_at != CLOCK_NEVER))
		workers_tell(j, on ? MASTER_STRESS : MASTER_CALM);
	j->calm_at = on ? clock_ms() + STRESS_MS : CLOCK_NEVER;
}

/* Every worker has its share: say so, and let them be in a hurry.  One that
 * is to be alone is no sign of a crowd. */
void
job_reached_limit(struct job *j)
{
	int64_t now = clock_ms();
	char   *colon = strrchr(j->s.name, ':');

	if (j->s.type != SERVICE_INET || j->s.maxproc < 2)
		return;
	if (is_public(j))
		set_stress(j, true);
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
		job_reached_limit(j);
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
job_throttle(struct job *j, enum throttle how)
{
	int64_t most = conf_mail.service_throttle_time * 1000L;

	j->backoff_ms = how == THROTTLE_FULL ? most :
	    how == THROTTLE_LITTLE || j->backoff_ms == 0 ? BACKOFF_MIN :
	    j->backoff_ms * 2;
	if (j->backoff_ms > most)
		j->backoff_ms = most;
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
		if (j->calm_at < at)
			at = j->calm_at;
	}
	return at;
}

enum { DATAGRAM_AGAIN = 200 };	/* ms */

/* An empty line: enough to have a worker started. */
static void
send_datagram(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int		   fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0);

	if (fd < 0)
		return;
	snprintf(sa.sun_path, sizeof sa.sun_path, "%s", path);
	(void)!sendto(fd, "\n", 1, MSG_NOSIGNAL, (struct sockaddr *)&sa,
	    sizeof sa);
	close(fd);
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
	else if (j->s.type == SERVICE_UNIX_DGRAM) {
		send_datagram(j->socket);
		/* One that retires may have taken it. */
		if (j->workers_now == 0)
			j->wakeup_at = clock_ms() + DATAGRAM_AGAIN;
	}
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
		if (j->calm_at <= now)
			set_stress(j, false);
	}
}
