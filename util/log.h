/* log - log lines, to syslog, postlogd or standard output */

#ifndef UTIL_LOG_H
#define UTIL_LOG_H

#include <stdbool.h>

/*
 * A line has no newline; control bytes in it are replaced by '?'.  Levels
 * other than info get Postfix's labels "warning: ", "error: ", "fatal: ",
 * "panic: ".
 *
 * Logging never blocks mail.  Lines are gathered in memory and go out with
 * log_flush(), which the event loop calls before it sleeps, and which is called
 * by exit(3); lines of level warning and worse go at once.  When the
 * receiver is gone or full, lines are kept up to a bound (4 MB: the lines of
 * some 25,000 recipients), tried again, then dropped, and the number lost is
 * logged when it is back.
 */
void	log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void	log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void	log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Only with -v (log_verbose > 0). */
void	log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * The process can't go on: logs, sleeps a second in daemons as Postfix does
 * not: master throttles instead, exits with 1.  fatal() adds ": " and
 * strerror(errno).  Only programs and server/ may call them.
 */
void	fatal(const char *fmt, ...)
	    __attribute__((format(printf, 1, 2), noreturn));
void	fatalx(const char *fmt, ...)
	    __attribute__((format(printf, 1, 2), noreturn));

/* As fatalx() with an exit status of <sysexits.h>. */
void	fatal_exit(int status, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3), noreturn));

/* A bug: logs and aborts. */
void	panic(const char *fmt, ...)
	    __attribute__((format(printf, 1, 2), noreturn));

extern int log_verbose;

enum log_to {
	LOG_TO_STDERR,		/* "prog: warning: text": commands */
	LOG_TO_SYSLOG,		/* /dev/log, facility as given */
	LOG_TO_SOCKET,		/* datagrams to postlogd's socket at `path`:
				   finished lines, several in one datagram,
				   each ending in '\n' */
	LOG_TO_STDOUT,		/* as LOG_TO_SOCKET's lines, one write a line */
	LOG_TO_FILE,		/* such lines appended to the file `path`, made
				   with mode 0600 if it is missing: for who may
				   and can't wait for postlogd */
};

/*
 * `tag` as in "postfix/smtpd" (copied); `path` as said above, or NULL.  May
 * be called again when the configuration was read.  Before the first call
 * lines go to stderr.  log_also_stderr(true): a copy on standard error in
 * the commands' form.
 */
void	log_open(enum log_to, const char *tag, const char *path, int facility);

/* The same, but connected only by the first line: for a command, which will
 * hardly write one, and which stays where it is. */
void	log_open_later(enum log_to to, const char *tag, const char *path,
	    int facility);
void	log_also_stderr(bool);

/* Someone listens on the datagram socket `path`, and we may send there. */
bool	log_reaches(const char *path);

/* "mail" -> LOG_MAIL ...; -1 if unknown. */
int	log_facility(const char *name);

/* Shows whatever is not ASCII as '?', not only what is no UTF-8. */
void	log_set_ascii(bool);

/* The host name in front of lines for postlogd; first label, copied. */
void	log_set_host(const char *name);

/*
 * Lines for LOG_TO_FILE and LOG_TO_STDOUT are written by `format`, which adds
 * a finished line (with its newline) to the buffer in another form; NULL: as
 * they are.
 */
struct buf;
typedef void log_format_fn(struct buf *, const char *line, unsigned long len);

void	log_set_format(log_format_fn *);

/*
 * A copy of all lines, with host name, to the datagram socket `path` too, or
 * no longer with NULL.  What it does not take at once is dropped: who counts
 * there must not hold up mail.  To be called after log_open().
 */
void	log_copy_to(const char *path);

const char *log_tag(void);

/* The name in front of lines on standard error; otherwise it is the last part
 * of the tag, or of the program's path before log_open(). */
void	log_set_name(const char *name);

/* False: lines are left, because the receiver takes none now.  The event loop
 * then sleeps a tenth of a second at most and tries again. */
bool	log_flush(void);

/*
 * The same for a loop that is about to sleep: milliseconds after which to call
 * again, -1 if nothing is left.  A process that writes hundreds of lines a
 * second sends them to postlogd some milliseconds late, many at once, so
 * that logging does not cost two wake-ups a line.
 */
int	log_flush_soon(void);

/*
 * Lines may travel with an answer instead, so that they need no wake-up of the
 * receiver's and come before those of who gets the answer: log_take() moves
 * what waits to the end of the buffer, if that is at most `max` bytes (false:
 * nothing was moved); log_pass_on() has finished lines wait here.
 */
bool	log_take(struct buf *, unsigned long max);
void	log_pass_on(const char *lines, unsigned long len);

#endif
