/*
 * postkick - send a request to a service of the mail system
 *
 * For scripts: "postkick public qmgr A".  Needs the right to reach the
 * service's socket.  Ends with 1 if the service can't be told.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"
#include "server/command.h"
#include "server/server.h"
#include "util/log.h"
#include "util/mem.h"

/* A service of type fifo is a FIFO yet; all others are sockets. */
static bool
kick(const char *path, const char *requests)
{
	struct stat st;
	ssize_t	    n;
	int	    fd;

	if (stat(path, &st) < 0) {
		log_warn("unable to look up %s: %s", path, strerror(errno));
		return false;
	}
	if (!S_ISFIFO(st.st_mode))
		return server_trigger(path, requests);
	fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = write(fd, requests, strlen(requests));
	close(fd);
	return n > 0;
}

static void __attribute__((noreturn))
usage(void)
{
	fatalx("usage: postkick [-c config_dir] [-v] class service request");
}

int
main(int argc, char **argv)
{
	const char *class, *service, *why;
	char	   *path;
	bool	    done;
	int	    c;

	command_name(argv[0]);
	while ((c = getopt(argc, argv, "+c:v")) != -1) {
		switch (c) {
		case 'c': conf_set_dir(optarg); break;
		case 'v': log_verbose++; break;
		default: usage();
		}
	}
	if (argc - optind != 3)
		usage();
	if (!conf_read(&why) || !conf_load_core(&why))
		fatalx("%s", why);
	class = argv[optind];
	service = argv[optind + 1];
	if (strchr(class, '/') != NULL || strchr(service, '/') != NULL)
		fatalx("class and service are names, not paths");
	if (chdir(conf_mail.queue_directory) < 0)
		fatal("chdir %s", conf_mail.queue_directory);
	path = mem_printf("%s/%s", class, service);
	done = kick(path, argv[optind + 2]);
	mem_free(path);
	if (!done)
		log_warn("Cannot contact class %s service %s - perhaps the mail"
		    " system is down", class, service);
	return done ? 0 : 1;
}
