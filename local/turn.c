/*
 * All mailboxes share one file, which stays empty: a mailbox is one byte of
 * it, by the hash of its name.  Two that meet there wait for each other, which
 * does no harm.
 */

#include "local/turn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/time.h>

#include "util/clock.h"
#include "util/log.h"

#define TURN_FILE "pid/mailbox.lock"

static struct {
	int		fd;
	struct flock	held;		/* l_len 0: none */
} turn = { .fd = -1 };

void
turn_open(void)
{
	turn.fd = open(TURN_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
	    0600);
	if (turn.fd < 0)
		log_debug("open %s: %m", TURN_FILE);
}

/* FNV-1a. */
static off_t
place_of(const char *path)
{
	uint64_t h = 0xcbf29ce484222325;

	for (; *path != '\0'; path++)
		h = (h ^ (unsigned char)*path) * 0x100000001b3;
	return (off_t)(h >> 2);
}

static void
wake(int sig)
{
	(void)sig;
}

/* The timer goes on ticking: its first tick may come before the wait begins. */
static void
wait_in_line(int wait_seconds)
{
	static const struct itimerval every = { { 1, 0 }, { 1, 0 } }, never;
	struct sigaction act = { .sa_handler = wake }, old;
	int64_t		 until = clock_in(wait_seconds);
	int		 got;

	sigaction(SIGALRM, &act, &old);
	setitimer(ITIMER_REAL, &every, NULL);
	do
		got = fcntl(turn.fd, F_OFD_SETLKW, &turn.held);
	while (got != 0 && errno == EINTR && clock_ms() < until);
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &old, NULL);
	if (got != 0)
		turn.held.l_len = 0;
}

bool
turn_take(const char *path, int wait_seconds)
{
	if (turn.fd < 0)
		return false;
	turn.held = (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET,
	    .l_start = place_of(path), .l_len = 1 };
	if (fcntl(turn.fd, F_OFD_SETLK, &turn.held) == 0)
		return false;
	if (errno == EAGAIN || errno == EACCES) {
		wait_in_line(wait_seconds);
		return true;
	}
	turn.held.l_len = 0;
	return false;
}

void
turn_end(void)
{
	if (turn.held.l_len == 0)
		return;
	turn.held.l_type = F_UNLCK;
	fcntl(turn.fd, F_OFD_SETLK, &turn.held);
	turn.held.l_len = 0;
}
