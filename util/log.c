/*
 * log - log lines, to syslog, postlogd or standard output
 *
 * Finished lines wait in `pending`, one after the other, each ended by '\n'.
 * flush() hands them to the receiver without ever waiting for it: what it
 * does not take now is tried again with the next flush.
 */

#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/clock.h"
#include "util/mem.h"
#include "util/text.h"

enum {
	PENDING_MAX = 4 * 1024 * 1024,	/* bytes for who is gone or behind */
	PENDING_KEPT = 64 * 1024,	/* bytes of memory not given back */
	LINE_MAX_LEN = 2000,		/* bytes of a line's text */
	DATAGRAM_MAX = 32 * 1024,	/* bytes, lines for postlogd */
	FLUSH_AT = 16 * 1024,		/* bytes: do not gather more */
	RETRY_MS = 100,			/* between attempts to connect */
	RATE_MS = 100,			/* over which lines are counted */
	RATE_BUSY = 40,			/* lines in that time: gather them */
	GATHER_MS = 25,			/* then between two flushes */
};

int log_verbose;

static struct {
	enum log_to	 to;
	bool		 also_stderr;
	char		*tag;
	char		*name;		/* in front of lines on stderr */
	char		*path;
	char		*host;
	int		 facility;
	int		 fd;		/* connected, or -1 */
	int64_t		 next_try;	/* clock_ms: not to connect before */
	pid_t		 pid;
	struct buf	 pending;
	unsigned long	 lost;		/* lines */
	log_format_fn	*format;
	struct {
		char	*path;		/* NULL: no copy */
		int	 fd;
		int64_t	 next_try;	/* clock_ms */
		struct buf pending;
	} copy;
	struct {
		int64_t	 since;		/* clock_ms */
		int64_t	 flushed;	/* the last time */
		int	 lines;		/* since then */
		bool	 busy;
	} rate;
	time_t		 stamp_time;
	char		 stamp[16];	/* "Nov 22 01:10:54" */
	bool		 ascii;
	bool		 in_panic;
} state = { .to = LOG_TO_STDERR, .fd = -1, .pending = BUF_INIT,
	.copy = { .fd = -1, .pending = BUF_INIT } };

/* --- the parts of a line */

static const char *
now_stamp(void)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t	  now = time(NULL);
	struct tm tm;

	if (now == state.stamp_time)
		return state.stamp;
	localtime_r(&now, &tm);
	snprintf(state.stamp, sizeof state.stamp, "%.3s %2u %02u:%02u:%02u",
	    months + tm.tm_mon * 3, (unsigned)tm.tm_mday % 32,
	    (unsigned)tm.tm_hour % 24, (unsigned)tm.tm_min % 60,
	    (unsigned)tm.tm_sec % 61);
	state.stamp_time = now;
	return state.stamp;
}

static void
after_fork(void)
{
	state.pid = 0;
	buf_clear(&state.pending);	/* the parent sends those */
	buf_clear(&state.copy.pending);
}

static void
at_exit(void)
{
	log_flush();
}

static pid_t
own_pid(void)
{
	static bool asked;

	if (state.pid == 0) {
		state.pid = getpid();
		if (!asked) {
			pthread_atfork(NULL, NULL, after_fork);
			atexit(at_exit);
		}
		asked = true;
	}
	return state.pid;
}

static const char *
stderr_name(void)
{
	const char *slash;

	if (state.name != NULL)
		return state.name;
	if (state.tag == NULL)
		return program_invocation_short_name;
	slash = strrchr(state.tag, '/');
	return slash == NULL ? state.tag : slash + 1;
}

static const char *
host(void)
{
	char name[256];

	if (state.host == NULL) {
		if (gethostname(name, sizeof name) < 0)
			strcpy(name, "localhost");
		name[sizeof name - 1] = '\0';
		log_set_host(name);
	}
	return state.host;
}

static void
mask(char *text, size_t len)
{
	uint32_t value;
	size_t	 n;

	for (size_t i = 0; i < len; i += n) {
		unsigned char c = (unsigned char)text[i];

		n = 1;
		if (c < 0x80 ? c < ' ' || c == 127 : state.ascii ||
		    (n = text_utf8_char(text + i, len - i, &value)) == 0) {
			text[i] = '?';
			n = 1;
		}
	}
}

/* Adds the label and the text, clean and bounded, and a newline. */
static void
add_text(struct buf *b, const char *label, const char *fmt, va_list ap)
{
	size_t start;

	buf_adds(b, label);
	start = b->len;
	buf_addv(b, fmt, ap);
	if (b->len - start > LINE_MAX_LEN)
		buf_cut(b, start + LINE_MAX_LEN);
	mask(b->data + start, b->len - start);
	buf_addc(b, '\n');
}

static const char *
own_tag(void)
{
	return state.tag != NULL ? state.tag : stderr_name();
}

static void
add_full_prefix(struct buf *b)
{
	buf_addf(b, "%s %s %s[%d]: ", now_stamp(), host(), own_tag(),
	    (int)own_pid());
}

static void
add_prefix(struct buf *b, int priority)
{
	if (state.to == LOG_TO_SYSLOG)
		buf_addf(b, "<%d>%s %s[%d]: ", state.facility | priority,
		    now_stamp(), own_tag(), (int)own_pid());
	else
		add_full_prefix(b);
}

/* The line that begins at `start`, in its other form. */
static void
reformat(size_t start)
{
	struct buf line = BUF_INIT;

	buf_add(&line, state.pending.data + start, state.pending.len - start);
	buf_cut(&state.pending, start);
	state.format(&state.pending, line.data, line.len);
	buf_done(&line);
}

/* --- sending */

/* -1: nobody there. */
static int
connect_to(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int		   fd;

	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	snprintf(sa.sun_path, sizeof sa.sun_path, "%s", path);
	if (connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0)
		return fd;
	close(fd);
	return -1;
}

bool
log_reaches(const char *path)
{
	int fd = connect_to(path);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool
connected(void)
{
	int64_t now;

	if (state.fd >= 0)
		return true;
	now = clock_ms();
	if (now < state.next_try)
		return false;
	if (state.to == LOG_TO_FILE)
		state.fd = open(state.path, O_WRONLY | O_APPEND | O_CREAT |
		    O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
	else
		state.fd = connect_to(state.to == LOG_TO_SYSLOG ? "/dev/log" :
		    state.path);
	state.next_try = now + RETRY_MS;
	return state.fd >= 0;
}

static void
disconnect(void)
{
	if (state.fd >= 0)
		close(state.fd);
	state.fd = -1;
}

/* False: not now. */
static bool
send_bytes(const char *p, size_t len)
{
	struct pollfd pfd = { .fd = STDOUT_FILENO, .events = POLLOUT };

	if (state.to == LOG_TO_STDOUT) {
		/* A pipe that is writable takes a line of up to PIPE_BUF. */
		if (poll(&pfd, 1, 0) != 1)
			return false;
		return write(STDOUT_FILENO, p, len) >= 0 || errno != EAGAIN;
	}
	for (int tries = 0; tries < 2; tries++) {
		if (!connected())
			return false;
		if (state.to == LOG_TO_FILE)
			return write(state.fd, p, len) >= 0;
		if (send(state.fd, p, len, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0 ||
		    errno == EMSGSIZE)
			return true;
		if (errno == EAGAIN || errno == ENOBUFS || errno == EINTR)
			return false;
		disconnect();
	}
	return false;
}

/* Bytes that go out together: one line, or for postlogd as many as fit. */
static size_t
portion(const char *p, size_t len)
{
	const char *nl;

	if (state.to == LOG_TO_FILE ||
	    (state.to == LOG_TO_SOCKET && len <= DATAGRAM_MAX))
		return len;
	if (state.to == LOG_TO_SOCKET)
		nl = memrchr(p, '\n', DATAGRAM_MAX);
	else
		nl = memchr(p, '\n', len);
	return nl == NULL ? len : (size_t)(nl - p) + 1;
}

static void
report_lost(void)
{
	unsigned long n = state.lost;

	if (n == 0)
		return;
	state.lost = 0;
	add_prefix(&state.pending, LOG_WARNING);
	buf_addf(&state.pending,
	    "warning: %lu log lines were lost: the log was not taken\n", n);
}

static void
flush(void)
{
	size_t done = 0, n;

	while (done < state.pending.len) {
		n = portion(state.pending.data + done, state.pending.len - done);
		if (!send_bytes(state.pending.data + done,
		    state.to == LOG_TO_SYSLOG ? n - 1 : n))
			break;
		done += n;
		if (done == state.pending.len && state.lost > 0) {
			buf_clear(&state.pending);
			done = 0;
			report_lost();
		}
	}
	buf_skip(&state.pending, done);
	if (state.pending.len == 0 && state.pending.size > PENDING_KEPT)
		buf_done(&state.pending);
}

/* What is left when the receiver does not take it is dropped. */
static void
flush_copy(void)
{
	struct buf *b = &state.copy.pending;
	int64_t	    now;

	if (b->len == 0)
		return;
	if (state.copy.fd < 0 && (now = clock_ms()) >= state.copy.next_try) {
		state.copy.fd = connect_to(state.copy.path);
		state.copy.next_try = now + RETRY_MS;
	}
	if (state.copy.fd >= 0 && send(state.copy.fd, b->data, b->len,
	    MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN &&
	    errno != ENOBUFS && errno != EMSGSIZE) {
		close(state.copy.fd);	/* its successor has another socket */
		state.copy.fd = connect_to(state.copy.path);
		if (state.copy.fd >= 0)
			(void)!send(state.copy.fd, b->data, b->len,
			    MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	buf_clear(b);
}

bool
log_flush(void)
{
	int saved = errno;

	if (state.pending.len > 0)
		flush();
	flush_copy();
	errno = saved;
	return state.pending.len == 0;
}

bool
log_take(struct buf *ret, unsigned long max)
{
	if (state.pending.len == 0 || state.pending.len > max)
		return false;
	buf_add(ret, state.pending.data, state.pending.len);
	buf_clear(&state.pending);
	flush_copy();
	return true;
}

/* Lines of several programs about one message should come in its order, so
 * waiting is only for those who would drown in wake-ups. */
static bool
is_busy(int64_t now)
{
	int64_t time = now - state.rate.since;

	if (time >= RATE_MS) {
		state.rate.busy = (state.to == LOG_TO_SOCKET ||
		    state.to == LOG_TO_FILE) &&
		    state.rate.lines * (int64_t)RATE_MS >= RATE_BUSY * time;
		state.rate.since = now;
		state.rate.lines = 0;
	}
	return state.rate.busy;
}

int
log_flush_soon(void)
{
	int64_t now;

	if (state.pending.len == 0 && state.copy.pending.len == 0)
		return -1;
	now = clock_ms();
	if (is_busy(now) && now - state.rate.flushed < GATHER_MS)
		return (int)(state.rate.flushed + GATHER_MS - now);
	state.rate.flushed = now;
	return log_flush() ? -1 : RETRY_MS;
}

static void
to_stderr(const char *label, const char *fmt, va_list ap)
{
	struct buf b = BUF_INIT;

	buf_addf(&b, "%s: ", stderr_name());
	add_text(&b, label, fmt, ap);
	/* When that fails there is nowhere left to say so. */
	(void)!write(STDERR_FILENO, b.data, b.len);
	buf_done(&b);
}

static void
copy(const char *label, const char *fmt, va_list ap)
{
	va_list again;

	if (state.copy.path == NULL)
		return;
	if (state.copy.pending.len > FLUSH_AT)
		flush_copy();
	va_copy(again, ap);
	add_full_prefix(&state.copy.pending);
	add_text(&state.copy.pending, label, fmt, again);
	va_end(again);
}

/* Room for more?  False: lines are lost. */
static bool
make_room(void)
{
	if (state.pending.len > FLUSH_AT)
		flush();
	return state.pending.len <= PENDING_MAX;
}

void
log_pass_on(const char *lines, unsigned long len)
{
	int count = 0;

	for (const char *p = lines; (p = memchr(p, '\n',
	    (size_t)(lines + len - p))) != NULL; p++)
		count++;
	if (make_room()) {
		buf_add(&state.pending, lines, len);
		state.rate.lines += count;
	} else {
		state.lost += (unsigned long)count;
	}
}

static void
put(int priority, const char *label, const char *fmt, va_list ap)
{
	va_list again;
	size_t	start;
	int	saved = errno;

	if (state.to == LOG_TO_STDERR || state.also_stderr) {
		va_copy(again, ap);
		to_stderr(label, fmt, again);
		va_end(again);
	}
	if (state.to == LOG_TO_STDERR)
		goto out;
	copy(label, fmt, ap);
	if (!make_room()) {
		state.lost++;
		goto out;
	}
	start = state.pending.len;
	add_prefix(&state.pending, priority);
	add_text(&state.pending, label, fmt, ap);
	if (state.format != NULL &&
	    (state.to == LOG_TO_FILE || state.to == LOG_TO_STDOUT))
		reformat(start);
	state.rate.lines++;
	if (priority <= LOG_WARNING)
		flush();
out:
	errno = saved;
}

/* --- what programs call */

void
log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put(LOG_INFO, "", fmt, ap);
	va_end(ap);
}

void
log_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put(LOG_WARNING, "warning: ", fmt, ap);
	va_end(ap);
}

void
log_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put(LOG_ERR, "error: ", fmt, ap);
	va_end(ap);
}

void
log_debug(const char *fmt, ...)
{
	va_list ap;

	if (log_verbose <= 0)
		return;
	va_start(ap, fmt);
	put(LOG_INFO, "", fmt, ap);
	va_end(ap);
}

void
fatal(const char *fmt, ...)
{
	struct buf b = BUF_INIT;
	int	   saved = errno;
	va_list	   ap;

	va_start(ap, fmt);
	buf_addv(&b, fmt, ap);
	va_end(ap);
	fatal_exit(1, "%s: %s", b.data, strerror(saved));
}

void
fatalx(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put(LOG_CRIT, "fatal: ", fmt, ap);
	va_end(ap);
	log_flush();
	exit(1);
}

void
fatal_exit(int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put(LOG_CRIT, "fatal: ", fmt, ap);
	va_end(ap);
	log_flush();
	exit(status);
}

/* Lack of memory leads here, and again while the line is made: then only
 * the end is left. */
void
panic(const char *fmt, ...)
{
	va_list ap;

	if (!state.in_panic) {
		state.in_panic = true;
		va_start(ap, fmt);
		put(LOG_CRIT, "panic: ", fmt, ap);
		va_end(ap);
		log_flush();
	}
	abort();
}

/* --- setting up */

static void
replace(char **where, const char *text)
{
	char *copy = text == NULL ? NULL : mem_strdup(text);

	mem_free(*where);
	*where = copy;
}

void
log_open_later(enum log_to to, const char *tag, const char *path, int facility)
{
	log_flush();
	disconnect();
	if (state.to != to)
		buf_clear(&state.pending);
	state.to = to;
	state.facility = facility;
	state.next_try = 0;
	own_pid();
	replace(&state.tag, tag);
	/* A user may have named us: no tag begins a line of its own. */
	if (state.tag != NULL)
		mask(state.tag, strlen(state.tag));
	replace(&state.path, path);
}

void
log_open(enum log_to to, const char *tag, const char *path, int facility)
{
	log_open_later(to, tag, path, facility);
	/* Connected now, so that a later chroot does no harm. */
	if (to != LOG_TO_STDERR && to != LOG_TO_STDOUT)
		connected();
}

void
log_set_format(log_format_fn *format)
{
	state.format = format;
}

void
log_copy_to(const char *path)
{
	if (state.copy.fd >= 0)
		close(state.copy.fd);
	buf_clear(&state.copy.pending);
	replace(&state.copy.path, path);
	state.copy.next_try = 0;
	/* As for the log itself: before a chroot. */
	state.copy.fd = path == NULL ? -1 : connect_to(path);
}

void
log_also_stderr(bool on)
{
	state.also_stderr = on;
}

void
log_set_name(const char *name)
{
	replace(&state.name, name);
}

void
log_set_ascii(bool on)
{
	state.ascii = on;
}

void
log_set_host(const char *name)
{
	replace(&state.host, name);
	state.host[strcspn(state.host, ".")] = '\0';
}

const char *
log_tag(void)
{
	return state.tag != NULL ? state.tag : stderr_name();
}

int
log_facility(const char *name)
{
	static const struct {
		const char *name;
		int	    value;
	} names[] = {
		{ "auth", LOG_AUTH }, { "authpriv", LOG_AUTHPRIV },
		{ "cron", LOG_CRON }, { "daemon", LOG_DAEMON },
		{ "ftp", LOG_FTP }, { "kern", LOG_KERN }, { "lpr", LOG_LPR },
		{ "mail", LOG_MAIL }, { "news", LOG_NEWS },
		{ "security", LOG_AUTH }, { "syslog", LOG_SYSLOG },
		{ "user", LOG_USER }, { "uucp", LOG_UUCP },
		{ "local0", LOG_LOCAL0 }, { "local1", LOG_LOCAL1 },
		{ "local2", LOG_LOCAL2 }, { "local3", LOG_LOCAL3 },
		{ "local4", LOG_LOCAL4 }, { "local5", LOG_LOCAL5 },
		{ "local6", LOG_LOCAL6 }, { "local7", LOG_LOCAL7 },
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i].name, name) == 0)
			return names[i].value;
	return -1;
}
