/*
 * listen - the sockets of services
 *
 * Master alone binds, and keeps the sockets open for as long as the service
 * is in master.cf, so that no connection is refused while workers come and
 * go.  A Unix socket is bound under another name and renamed: clients find
 * the old or the new one, never nothing.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/param.h"
#include "mail/submit.h"
#include "master/interfaces.h"
#include "master/master.h"
#include "master/owner.h"
#include "net/connect.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

enum {
	BACKLOG = 4096,
	BIND_WAIT = 1500,	/* ms */
	BIND_POLL = 10,		/* ms */
};

/* --- binding */

/*
 * The folder says who may connect: private/ is open to mail_owner alone,
 * public/ to the set-gid commands too.
 */
static int
open_unix(const char *path, bool is_dgram)
{
	char *temp = mem_printf("%s.new", path);
	int   fd = is_dgram ? listen_dgram(temp, 0666) :
	    listen_unix(temp, 0666, BACKLOG);
	int   saved;

	if (fd >= 0 && rename(temp, path) < 0) {
		saved = errno;
		close(fd);
		unlink(temp);
		errno = saved;
		fd = -1;
	}
	mem_free(temp);
	return fd;
}

/* Open for writing too: so it never ends for want of writers. */
static int
open_fifo(const char *path)
{
	struct stat st;

	if (lstat(path, &st) == 0 &&
	    (!S_ISFIFO(st.st_mode) || st.st_uid != geteuid()))
		unlink(path);
	if (mkfifo(path, 0622) < 0 && errno != EEXIST)
		return -1;
	if (chmod(path, 0622) < 0)
		return -1;
	return open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
}

/*
 * The sendmail command has no privilege and can't pass public/: pickup's socket
 * has a second name where everybody may go.
 */
static bool
is_entrance(const struct job *j)
{
	return !j->s.is_private && j->s.type == SERVICE_UNIX &&
	    text_eq(j->s.name, conf_mail.pickup_service_name);
}

static void
open_entrance(const char *socket)
{
	static const char temp[] = SUBMIT_ENTRANCE ".new";

	unlink(temp);
	if (link(socket, temp) != 0 || rename(temp, SUBMIT_ENTRANCE) != 0)
		log_error("link %s to %s: %s", socket, SUBMIT_ENTRANCE,
		    strerror(errno));
}

/* --- the listeners of a service */

static void
on_connection(struct watch *w)
{
	worker_start(LIST_ENTRY(w, struct listener, watch)->job);
}

static void
add_listener(struct job *j, int fd, const struct addr *a)
{
	struct listener *l = NEW(struct listener);

	l->job = j;
	if (a != NULL)
		l->addr = *a;
	l->wanted = true;
	watch_init(&l->watch, fd, on_connection);
	list_append(&j->listeners, &l->link);
	j->listener_count++;
}

static void
close_listener(struct listener *l)
{
	watch_off(&l->watch);
	close(l->watch.fd);
	list_remove(&l->link);
	l->job->listener_count--;
	mem_free(l);
}

static void
give_up(bool may_fail, const char *what)
{
	if (!may_fail)
		fatal("%s", what);
	log_error("%s: %s", what, strerror(errno));
}

/* Workers of a master that was killed just now may need a moment to see it. */
static int
bind_patiently(const struct addr *a, bool may_fail)
{
	int64_t until = clock_ms() + BIND_WAIT;
	struct timespec t = { 0, BIND_POLL * 1000000 };
	int fd;

	while ((fd = listen_inet(a, BACKLOG)) < 0 && errno == EADDRINUSE &&
	    !may_fail && clock_ms() < until)
		nanosleep(&t, NULL);
	return fd;
}

static void
want_inet(struct job *j, const struct addr *a, bool may_fail)
{
	char  text[ADDR_TEXT], *what;
	int   fd;

	LIST_EACH(it, &j->listeners) {
		struct listener *l = LIST_ENTRY(it, struct listener, link);

		if (addr_equal(&l->addr, a) &&
		    addr_port(&l->addr) == addr_port(a)) {
			l->wanted = true;
			return;
		}
	}
	fd = bind_patiently(a, may_fail);
	if (fd >= 0) {
		add_listener(j, fd, a);
		return;
	}
	addr_text(a, text);
	what = mem_printf("bind %s port %u", text, (unsigned)addr_port(a));
	give_up(may_fail, what);
	mem_free(what);
}

/* Ports may have moved to another service since: what is not wanted any more
 * is closed first. */
static void
open_inet(struct job *j, bool may_fail)
{
	struct addr_list list = { 0 };
	const char	*why;

	if (!interfaces_of(j->s.name, &list, &why)) {
		if (!may_fail)
			fatalx("%s/master.cf: line %d: %s", conf_dir(),
			    j->s.line, why);
		log_error("%s/master.cf: line %d: %s", conf_dir(), j->s.line,
		    why);
		return;
	}
	LIST_EACH(it, &j->listeners) {
		struct listener *l = LIST_ENTRY(it, struct listener, link);
		bool wanted = false;

		for (size_t i = 0; i < list.count; i++)
			wanted = wanted || (addr_equal(&l->addr,
			    &list.items[i]) && addr_port(&l->addr) ==
			    addr_port(&list.items[i]));
		if (!wanted)
			close_listener(l);
	}
	for (size_t i = 0; i < list.count; i++)
		want_inet(j, &list.items[i], may_fail);
	addr_list_done(&list);
}

void
listen_open(struct job *j, bool may_fail)
{
	int fd;

	if (j->s.type == SERVICE_INET) {
		open_inet(j, may_fail);
		return;
	}
	if (!list_is_empty(&j->listeners))
		return;
	owner_begin();
	if (j->s.type == SERVICE_FIFO)
		fd = open_fifo(j->socket);
	else
		fd = open_unix(j->socket, j->s.type == SERVICE_UNIX_DGRAM);
	owner_end();
	if (fd < 0) {
		char *what = mem_printf("bind %s", j->socket);

		give_up(may_fail, what);
		mem_free(what);
		return;
	}
	add_listener(j, fd, NULL);
	if (is_entrance(j))
		open_entrance(j->socket);
}

void
listen_close(struct job *j)
{
	LIST_EACH(it, &j->listeners)
		close_listener(LIST_ENTRY(it, struct listener, link));
	if (j->socket == NULL)
		return;
	unlink(j->socket);
	if (is_entrance(j))
		unlink(SUBMIT_ENTRANCE);
}
