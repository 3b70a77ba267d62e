/*
 * postlock - run a command while a mailbox is locked
 *
 * As the caller, with the caller's rights.  Locks as local delivery does
 * (mailbox_delivery_lock, or -l); the file is made if it is missing.  Ends
 * with the command's status, or 75 if the lock can't be had.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "conf/conf.h"
#include "server/command.h"
#include "util/file.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

static struct {
	const char	*path;
	int		 fd;
	bool		 has_dotlock;
} locked = { .fd = -1 };

static void
give_up(const char *how)
{
	if (locked.has_dotlock)
		file_dotunlock(locked.path);
	fatal_exit(EX_TEMPFAIL, "lock %s (%s): %s", locked.path, how,
	    strerror(errno));
}

static void
lock_one(const char *how)
{
	int wait = conf_mail.deliver_lock_attempts *
	    (conf_mail.deliver_lock_delay > 0 ?
	    conf_mail.deliver_lock_delay : 1);

	if (text_eq(how, "dotlock")) {
		if (!file_dotlock(locked.path, wait,
		    conf_mail.stale_lock_time))
			give_up(how);
		locked.has_dotlock = true;
	} else if (text_eq(how, "fcntl")) {
		if (!file_lock(locked.fd, FILE_FCNTL, FILE_EXCLUSIVE, wait))
			give_up(how);
	} else if (text_eq(how, "flock")) {
		if (!file_lock(locked.fd, FILE_FLOCK, FILE_EXCLUSIVE, wait))
			give_up(how);
	} else
		fatal_exit(EX_TEMPFAIL, "unknown mailbox_delivery_lock value"
		    " \"%s\"; write fcntl, flock or dotlock", how);
}

/* The status as a shell has it. */
static int
run(char **argv)
{
	int   status;
	pid_t pid = fork();

	if (pid == 0) {
		execvp(argv[0], argv);
		log_error("execvp %s: %s", argv[0], strerror(errno));
		_exit(1);
	}
	if (pid < 0)
		return EX_UNAVAILABLE;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return EX_UNAVAILABLE;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int
main(int argc, char **argv)
{
	const char *styles = NULL;
	char	   *copy, *s, *word;
	int	    c, status;

	command_name(argv[0]);
	opterr = 0;
	while ((c = getopt(argc, argv, "+c:l:v")) != -1) {
		switch (c) {
		case 'c': conf_set_dir(optarg); break;
		case 'l': styles = optarg; break;
		case 'v': log_verbose++; break;
		default: optind = argc;
		}
	}
	if (argc - optind < 2)
		fatal_exit(EX_TEMPFAIL, "usage: postlock [-c config_dir]"
		    " [-l lock_style] [-v] folder command...");
	command_start(EX_TEMPFAIL);
	locked.path = argv[optind];
	locked.fd = open(locked.path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC |
	    O_NOCTTY, 0600);
	if (locked.fd < 0)
		fatal_exit(EX_TEMPFAIL, "open file %s: %s", locked.path,
		    strerror(errno));
	copy = s = mem_strdup(styles != NULL ? styles :
	    conf_mail.mailbox_delivery_lock);
	while ((word = text_word(&s, TEXT_LIST_SEP, false)) != NULL)
		lock_one(word);
	mem_free(copy);
	status = run(argv + optind + 1);
	if (locked.has_dotlock)
		file_dotunlock(locked.path);
	return status;
}
