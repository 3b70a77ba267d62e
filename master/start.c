/* start - how master becomes a daemon, and the only one */

#include "master/start.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "conf/conf.h"
#include "master/master.h"
#include "master/owner.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

enum { BACKGROUND_WAIT = 100 * 1000 };	/* ms for the start */

static int   parent_fd = -1;		/* pipe to the waiting parent */
static char *notify_socket;		/* systemd's */

/* --- locks */

static char *
pid_path(void)
{
	return mem_printf("%s/master.pid", conf_mail.process_id_directory);
}

/* The kernel gives it up when we end, however that comes; no child inherits
 * it. */
static bool
try_lock(int fd)
{
	return file_lock(fd, FILE_FCNTL, FILE_EXCLUSIVE, 0);
}

bool
start_is_locked(void)
{
	char *path = pid_path();
	int   fd = open(path, O_RDWR | O_CLOEXEC);
	bool  locked;

	mem_free(path);
	if (fd < 0) {
		if (errno == ENOENT)
			return false;
		fatal("open %s/%s/master.pid", conf_mail.queue_directory,
		    conf_mail.process_id_directory);
	}
	locked = !try_lock(fd);
	close(fd);
	return locked;
}

static int
open_lock(const char *path, mode_t mode)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode);

	if (fd < 0)
		fatal("open lock file %s", path);
	if (!try_lock(fd))
		fatal("open lock file %s: unable to set exclusive lock", path);
	return fd;
}

static void
lock_data_directory(void)
{
	char *path = mem_printf("%s/master.lock", conf_mail.data_directory);

	owner_begin();
	open_lock(path, 0600);
	owner_end();
	mem_free(path);
}

void
start_lock(void)
{
	char *path = pid_path(), text[24];
	int   fd, n;

	fd = open_lock(path, 0600);
	lock_data_directory();
	n = snprintf(text, sizeof text, "%d\n", (int)getpid());
	if (ftruncate(fd, 0) < 0 ||
	    !file_pwrite_all(fd, text, (size_t)n, 0))
		fatal("write %s", path);
	mem_free(path);
}

/* --- the background */

static void
wait_for_child(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char	      byte;

	if (poll(&p, 1, BACKGROUND_WAIT) == 1 && read(fd, &byte, 1) == 1)
		exit(0);
	exit(1);
}

void
start_in_background(void)
{
	int   pipes[2];
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		fatal("fork");
	if (pid > 0) {
		close(pipes[1]);
		wait_for_child(pipes[0]);
	}
	close(pipes[0]);
	parent_fd = pipes[1];
	setsid();
}

static void
notify(const char *text)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	size_t len = notify_socket != NULL ? strlen(notify_socket) : 0;
	int    fd;

	if (len == 0 || len >= sizeof sa.sun_path)
		return;
	memcpy(sa.sun_path, notify_socket, len);
	if (sa.sun_path[0] == '@')
		sa.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)!sendto(fd, text, strlen(text), MSG_NOSIGNAL,
	    (struct sockaddr *)&sa,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	close(fd);
}

void
start_done(void)
{
	char *text = mem_printf("READY=1\nMAINPID=%d", (int)getpid());

	notify(text);
	mem_free(text);
	if (parent_fd >= 0) {
		(void)!write(parent_fd, "", 1);
		close(parent_fd);
		parent_fd = -1;
	}
}

/* --- what children inherit */

/* NAME keeps what is there, NAME=value sets. */
void
start_clean_environment(void)
{
	char *copy = mem_strdup(conf_mail.import_environment), *s = copy;
	char *word, *equals, *value, **keep = NULL;
	size_t n = 0;

	value = getenv("NOTIFY_SOCKET");
	if (value != NULL)
		notify_socket = mem_strdup(value);
	while ((word = text_word(&s, TEXT_LIST_SEP, true)) != NULL) {
		value = strchr(word, '=') != NULL ? NULL : getenv(word);
		if (strchr(word, '=') == NULL && value == NULL)
			continue;
		keep = mem_realloc(keep, (n + 1) * sizeof *keep);
		keep[n++] = value == NULL ? mem_strdup(word) :
		    mem_printf("%s=%s", word, value);
	}
	clearenv();
	setenv("PATH", "/usr/bin:/bin:/usr/sbin:/sbin", 1);
	for (size_t i = 0; i < n; i++) {
		equals = strchr(keep[i], '=');
		*equals = '\0';
		setenv(keep[i], equals + 1, 1);
		mem_free(keep[i]);
	}
	setenv("MAIL_CONFIG", conf_dir(), 1);
	mem_free(keep);
	mem_free(copy);
}

void
start_detach(bool keep_output)
{
	int fd = open("/dev/null", O_RDWR);

	if (fd < 0)
		fatal("open /dev/null");
	dup2(fd, STDIN_FILENO);
	if (!keep_output) {
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
	}
	if (fd > STDERR_FILENO)
		close(fd);
}
