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

static void __attribute__((noreturn))
give_up(const char *what)
{
	const char *why = strerror(errno);

	if (locked.has_dotlock)
		file_dotunlock(locked.path);
	fatal_exit(EX_TEMPFAIL, "open file %s: %s: %s", locked.path, what,
	    why);
}

enum { STYLE_FCNTL = 1, STYLE_FLOCK = 2, STYLE_DOTLOCK = 4 };

static unsigned
parse_styles(const char *text)
{
	static const struct {
		const char *name;
		unsigned    style;
	} names[] = { { "fcntl", STYLE_FCNTL }, { "flock", STYLE_FLOCK },
	    { "dotlock", STYLE_DOTLOCK } };
	char	*copy = mem_strdup(text), *s = copy, *word;
	unsigned styles = 0;
	size_t	 i;

	while ((word = text_word(&s, TEXT_LIST_SEP, false)) != NULL) {
		for (i = 0; i < 3 && !text_eq_nocase(word, names[i].name); i++)
			;
		if (i == 3)
			fatal_exit(EX_TEMPFAIL, "unknown "
			    "mailbox_delivery_lock value \"%s\" in \"%s\"",
			    word, text);
		styles |= names[i].style;
	}
	mem_free(copy);
	return styles;
}

/* From the first attempt to the last. */
static int
wait_seconds(void)
{
	int delay = conf_mail.deliver_lock_delay;

	return (conf_mail.deliver_lock_attempts - 1) * (delay > 0 ? delay : 1);
}

/* As for a mailbox: the lock file comes first, so that who knows no other
 * lock never sees the file in between. */
static void
lock(unsigned styles)
{
	int   wait = wait_seconds();
	char *what;

	if ((styles & STYLE_DOTLOCK) != 0) {
		locked.has_dotlock = file_dotlock(locked.path, wait,
		    conf_mail.stale_lock_time);
		if (!locked.has_dotlock) {
			if (errno == EAGAIN)
				errno = EEXIST;
			what = mem_printf("unable to create lock file %s.lock",
			    locked.path);
			give_up(what);
		}
	}
	locked.fd = open(locked.path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC |
	    O_NOCTTY, 0600);
	if (locked.fd < 0)
		give_up("cannot open file");
	if (((styles & STYLE_FCNTL) != 0 &&
	    !file_lock(locked.fd, FILE_FCNTL, FILE_EXCLUSIVE, wait)) ||
	    ((styles & STYLE_FLOCK) != 0 &&
	    !file_lock(locked.fd, FILE_FLOCK, FILE_EXCLUSIVE, wait)))
		give_up("unable to lock for exclusive access");
}

/* A command that a signal ended has no status of its own: 1. */
static int
run(char **argv)
{
	int   status;
	pid_t pid = fork();

	if (pid == 0) {
		execvp(argv[0], argv);
		fatal_exit(1, "execvp %s: %s", argv[0], strerror(errno));
	}
	if (pid < 0)
		return EX_UNAVAILABLE;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return EX_UNAVAILABLE;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void __attribute__((noreturn))
usage(void)
{
	fatal_exit(EX_TEMPFAIL, "usage: postlock [-c config_dir]"
	    " [-l lock_style] [-v] folder command...");
}

int
main(int argc, char **argv)
{
	const char *styles = NULL;
	int	    c, status;

	command_name(argv[0]);
	while ((c = getopt(argc, argv, "+c:l:v")) != -1) {
		switch (c) {
		case 'c': conf_set_dir(optarg); break;
		case 'l': styles = optarg; break;
		case 'v': log_verbose++; break;
		default: usage();
		}
	}
	if (argc - optind < 2)
		usage();
	command_start(EX_TEMPFAIL);
	locked.path = argv[optind];
	lock(parse_styles(styles != NULL ? styles :
	    conf_mail.mailbox_delivery_lock));
	status = run(argv + optind + 1);
	if (locked.has_dotlock)
		file_dotunlock(locked.path);
	return status;
}
