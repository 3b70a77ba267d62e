/*
 * tls - the library's start, and the watch over keys and certificates
 *
 * The watch is an inotify descriptor from before the jail, so that it sees
 * files that the jailed process does not.  Directories are watched, since
 * certificates are replaced by renaming; where a path is a symbolic link, the
 * directory that it leads to as well.
 */

#include "server/tls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/param.h"
#include "net/tls.h"
#include "server/server.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/task.h"
#include "util/text.h"

enum {
	SETTLE_MS = 300,	/* a key, then its certificate */
	EVENT_SPACE = 4096,	/* bytes */
};

/* --- the library */

static void
say(bool is_warning, const char *text)
{
	if (is_warning)
		log_warn("%s", text);
	else
		log_info("%s", text);
}

bool
server_tls_start(void)
{
	const struct tls_library library = {
		.config_file = conf_tls.tls_config_file,
		.config_name = conf_tls.tls_config_name,
		.high_ciphers = conf_tls.tls_high_cipherlist,
		.medium_ciphers = conf_tls.tls_medium_cipherlist,
		.null_ciphers = conf_tls.tls_null_cipherlist,
		.auto_curves = conf_tls.tls_eecdh_auto_curves,
		.strong_curve = conf_tls.tls_eecdh_strong_curve,
		.ultra_curve = conf_tls.tls_eecdh_ultra_curve,
		.ffdhe_groups = conf_tls.tls_ffdhe_auto_groups,
		.disable_workarounds = conf_tls.tls_disable_workarounds,
		.ssl_options = conf_tls.tls_ssl_options,
		.dane_digests = conf_tls.tls_dane_digests,
		.append_default_ca = conf_tls.tls_append_default_CA,
		/* Who says nothing gets the safer way: our order. */
		.preempt_ciphers = conf_tls.tls_preempt_cipherlist ||
		    !conf_is_set("tls_preempt_cipherlist"),
		.wildcard_many_labels =
		    conf_tls.tls_wildcard_matches_multiple_labels,
		.log = say,
	};
	const char *why = "";

	if (tls_start(&library, &why))
		return true;
	log_warn("TLS library problem: %s: disabling TLS support", why);
	return false;
}

/* --- the watch */

struct watched {
	int	 number;	/* inotify's, of the directory */
	char	*name;		/* of the file in it */
};

static struct {
	int		 fd;
	bool		 open;
	struct watched	*files;
	size_t		 count;
} watch;

static void
add_file(const char *path)
{
	const char *slash = strrchr(path, '/');
	char	   *dir = slash == NULL ? mem_strdup(".") :
	    slash == path ? mem_strdup("/") :
	    mem_strndup(path, (size_t)(slash - path));
	int	    number;

	number = inotify_add_watch(watch.fd, dir, IN_CLOSE_WRITE |
	    IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_ATTRIB);
	mem_free(dir);
	if (number < 0)
		return;
	watch.files = mem_realloc(watch.files,
	    (watch.count + 1) * sizeof *watch.files);
	watch.files[watch.count++] = (struct watched){ number,
	    mem_strdup(slash != NULL ? slash + 1 : path) };
}

void
server_tls_watch(const struct tls_context *c)
{
	const char *const *paths = tls_context_files(c);
	char		  *real;

	if (server_is_alone() || *paths == NULL)
		return;
	if (!watch.open) {
		watch.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
		if (watch.fd < 0) {
			log_warn("TLS certificates that change are not "
			    "noticed before a reload: inotify: %m");
			return;
		}
		watch.open = true;
	}
	for (; *paths != NULL; paths++) {
		add_file(*paths);
		real = realpath(*paths, NULL);
		if (real != NULL && !text_eq(real, *paths))
			add_file(real);
		free(real);
	}
}

/* Is one of ours among the events?  *ret_any: there were events. */
static bool
read_events(bool *ret_any)
{
	_Alignas(struct inotify_event) char space[EVENT_SPACE];
	const struct inotify_event *e;
	bool	ours = false;
	ssize_t n;

	*ret_any = false;
	while ((n = read(watch.fd, space, sizeof space)) > 0) {
		*ret_any = true;
		for (char *p = space; p < space + n; p += sizeof *e + e->len) {
			e = (const struct inotify_event *)(void *)p;
			if (e->mask & IN_Q_OVERFLOW)
				ours = true;
			for (size_t i = 0; i < watch.count && e->len > 0; i++)
				if (watch.files[i].number == e->wd &&
				    text_eq(watch.files[i].name, e->name))
					ours = true;
		}
	}
	return ours;
}

static void
watch_task(void *arg)
{
	bool changed = false, any;

	(void)arg;
	while (!server_stopping()) {
		changed |= read_events(&any);
		if (any)
			continue;
		if (task_wait_fd(watch.fd, TASK_READ, changed ?
		    clock_ms() + SETTLE_MS : CLOCK_NEVER))
			continue;
		if (!changed)
			continue;
		log_info("TLS certificates have changed: making room for a "
		    "new process");
		server_retire();
		return;
	}
}

void
server_tls_watch_start(void)
{
	if (watch.open)
		task_start("certificates", watch_task, NULL);
}
