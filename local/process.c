/*
 * A command that receives mail runs as a user, never as root, in a session of
 * its own, with a new environment and no descriptor of ours but the three.
 * The message is on its standard input; standard output and error, cut to a
 * bound, go into the reason of a failure.  At the time limit its process
 * group is killed.
 *
 * The message goes to it by a file or a pipe that holds all of it, so a
 * command that never reads can't hold us, and one that ends early is no error.
 */

#include "local/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "local/content.h"
#include "mail/deliver.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/proc.h"
#include "util/text.h"

enum {
	OUTPUT_MAX = 4 * 1024,		/* bytes */
	PIPE_MAX = 32 * 1024,		/* bytes of a message: with what is
					   put in front of it they fit */
};

/* --- environment */

void
process_env_add(struct process_env *e, struct pool *pool, const char *name,
    const char *value)
{
	size_t n = strlen(name);
	int    i = 0;

	if (value == NULL)
		return;
	while (i < e->count && (strncmp(e->vars[i], name, n) != 0 ||
	    e->vars[i][n] != '='))
		i++;
	if (i == PROCESS_ENV_MAX)
		return;
	e->vars[i] = pool_printf(pool, "%s=%s", name, value);
	if (i == e->count)
		e->vars[++e->count] = NULL;
}

/* "{ name = a value with blanks }" */
static char *
without_braces(char *word)
{
	size_t n = strlen(word);

	if (n < 2 || *word != '{' || word[n - 1] != '}')
		return word;
	word[n - 1] = '\0';
	return text_trim(word + 1);
}

void
process_env_init(struct process_env *e, struct pool *pool,
    const char *export_environment)
{
	char	*copy = pool_strdup(pool, export_environment);
	char	*word, *eq;

	*e = (struct process_env){ .count = 0 };
	while ((word = text_word(&copy, TEXT_LIST_SEP, true)) != NULL) {
		word = without_braces(word);
		if ((eq = strchr(word, '=')) != NULL) {
			*eq = '\0';
			process_env_add(e, pool, text_trim(word),
			    text_trim(eq + 1));
		} else {
			process_env_add(e, pool, word, getenv(word));
		}
	}
	process_env_add(e, pool, "PATH", "/usr/bin:/bin");
}

/* --- the child */

static void
become_user(const struct process *p)
{
	if (p->chroot_dir != NULL && (chroot(p->chroot_dir) != 0 ||
	    chdir("/") != 0))
		fatal_exit(EX_TEMPFAIL, "chroot(%s): %s", p->chroot_dir,
		    strerror(errno));
	if ((geteuid() == 0 || getuid() == 0) &&
	    !proc_become(p->uid, p->gid, NULL))
		fatal_exit(EX_TEMPFAIL, "change to uid=%ld gid=%ld: %s",
		    (long)p->uid, (long)p->gid, strerror(errno));
	if (p->dir != NULL && chdir(p->dir) != 0)
		fatal_exit(EX_TEMPFAIL, "cannot change directory to \"%s\" for "
		    "uid=%ld gid=%ld: %s", p->dir, (long)p->uid, (long)p->gid,
		    strerror(errno));
}

/* What a shell would have said, where someone reads it. */
static void
cannot_execute(const struct process *p, bool tell)
{
	const char *name = strrchr(log_tag(), '/'), *e = strerror(errno);

	name = name != NULL ? name + 1 : log_tag();
	if (tell)
		dprintf(STDERR_FILENO, "%s: fatal: %sexecvp %s: %s\n", name,
		    p->caller, p->argv[0], e);
	fatal_exit(tell ? EX_TEMPFAIL : 1, "%sexecvp %s: %s", p->caller,
	    p->argv[0], e);
}

static void
run_child(const struct process *p, int in, int out)
{
	setsid();
	become_user(p);
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
	    dup2(out, STDERR_FILENO) < 0)
		_exit(EX_TEMPFAIL);
	proc_keep_files_below(STDERR_FILENO + 1);
	proc_usual_files();
	umask(077);
	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	execve(p->path != NULL ? p->path : p->argv[0], p->argv, p->env);
	cannot_execute(p, in != out);
}

/* --- the message */

static int
write_to_pipe(struct delivery *d, const struct content *c)
{
	int  ends[2];
	bool ok;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		return -1;
	ok = content_write(ends[1], d, c);
	close(ends[1]);
	if (ok && fcntl(ends[0], F_SETFL, 0) == 0)
		return ends[0];
	close(ends[0]);
	return -1;
}

/* Opened once more, so that it is read from its begin and can't be changed. */
static int
write_to_file(struct delivery *d, const struct content *c)
{
	int	fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), again;
	char	proc[40];

	if (fd < 0)
		fd = memfd_create("message", MFD_CLOEXEC);
	if (fd < 0)
		return -1;
	if (!content_write(fd, d, c)) {
		close(fd);
		return -1;
	}
	snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd);
	again = open(proc, O_RDONLY | O_CLOEXEC);
	if (again < 0 && lseek(fd, 0, SEEK_SET) == 0)
		return fd;
	close(fd);
	return again;
}

static int
message_input(struct delivery *d, const struct content *c)
{
	int fd = -1;

	if (d->file.t.header_len + d->file.t.body_len <= PIPE_MAX)
		fd = write_to_pipe(d, c);
	return fd >= 0 ? fd : write_to_file(d, c);
}

/* --- the parent */

/* Reads what the command says until it is silent for good or time is up. */
static bool
read_output(int fd, struct buf *out, int64_t deadline)
{
	struct pollfd	p = { .fd = fd, .events = POLLIN };
	char		chunk[1024];
	ssize_t		n;
	int64_t		left;

	for (;;) {
		left = deadline - clock_ms();
		if (left <= 0)
			return false;
		if (poll(&p, 1, left > 1000000 ? 1000000 : (int)left) <= 0)
			continue;
		n = read(fd, chunk, sizeof chunk);
		if (n <= 0)
			return true;
		if (out->len + (size_t)n > OUTPUT_MAX)
			n = (ssize_t)(OUTPUT_MAX - out->len);
		buf_add(out, chunk, (size_t)n);
	}
}

/* Sleeps on the process itself where the kernel can. */
static void
await_end(pid_t pid, int64_t deadline)
{
	struct pollfd p = { .events = POLLIN };
	int64_t	      left = deadline - clock_ms();

	p.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (p.fd < 0 && left > 20)
		left = 20;
	if (left > 0)
		poll(&p, p.fd >= 0, left > 1000000 ? 1000000 : (int)left);
	if (p.fd >= 0)
		close(p.fd);
}

/* Wait status; its output may have ended long before it does.  At the
 * deadline it is killed, with all that it has started: -1, ETIMEDOUT. */
static int
end_of(pid_t pid, int64_t deadline)
{
	int   status;
	pid_t got;

	while ((got = waitpid(pid, &status, WNOHANG)) == 0 ||
	    (got < 0 && errno == EINTR)) {
		if (clock_ms() >= deadline)
			break;
		await_end(pid, deadline);
	}
	if (got == pid)
		return status;
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	errno = ETIMEDOUT;
	return -1;
}

/* Wait status, or -1 with errno; ETIMEDOUT when it was killed. */
static int
run(const struct process *p, struct delivery *d, const struct content *c,
    struct buf *output)
{
	int64_t	 deadline = clock_in(p->time_limit);
	int	 ends[2], in = message_input(d, c), status;
	bool	 in_time;
	pid_t	 pid;

	if (in < 0)
		return -1;
	if (pipe2(ends, O_CLOEXEC) != 0) {
		close(in);
		return -1;
	}
	log_flush();
	pid = fork();
	if (pid == 0)
		run_child(p, in, ends[1]);
	close(in);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return -1;
	}
	in_time = read_output(ends[0], output, deadline);
	close(ends[0]);
	if (!in_time)
		log_warn("pipe_command_read: read time limit exceeded");
	status = end_of(pid, in_time ? deadline : 0);
	if (in_time)
		return status;
	/* It has ended, but not all that it has started. */
	kill(-pid, SIGKILL);
	errno = ETIMEDOUT;
	return -1;
}

int
process_connect(const struct process *p, int fd)
{
	int64_t	deadline = clock_in(p->time_limit);
	pid_t	pid;
	int	status;

	log_flush();
	pid = fork();
	if (pid == 0)
		run_child(p, fd, fd);
	if (pid < 0)
		return -1;
	status = end_of(pid, deadline);
	if (status < 0 && errno == ETIMEDOUT)
		log_warn("%s: process id %ld: command time limit exceeded",
		    p->title, (long)pid);
	return status;
}

/* --- what it means */

static const struct { int code; const char *dsn, *text; } exits[] = {
	{ EX_USAGE, "5.3.0", "command line usage error" },
	{ EX_DATAERR, "5.6.0", "data format error" },
	{ EX_NOINPUT, "5.3.0", "cannot open input" },
	{ EX_NOUSER, "5.1.1", "user unknown" },
	{ EX_NOHOST, "5.1.2", "host name unknown" },
	{ EX_UNAVAILABLE, "5.3.0", "service unavailable" },
	{ EX_SOFTWARE, "5.3.0", "internal software error" },
	{ EX_OSERR, "4.3.0", "system resource problem" },
	{ EX_OSFILE, "5.3.0", "critical OS file missing" },
	{ EX_CANTCREAT, "5.2.0", "can't create user output file" },
	{ EX_IOERR, "5.3.0", "input/output error" },
	{ EX_TEMPFAIL, "4.3.0", "temporary failure" },
	{ EX_PROTOCOL, "5.5.0", "remote error in protocol" },
	{ EX_NOPERM, "5.7.0", "permission denied" },
	{ EX_CONFIG, "5.3.5", "local configuration error" },
};

static void
explain_exit(struct why *why, int code, const char *title)
{
	for (size_t i = 0; i < sizeof exits / sizeof *exits; i++)
		if (exits[i].code == code) {
			why_set(why, exits[i].dsn, "%s", exits[i].text);
			buf_set(&why->diag_text, exits[i].text);
			return;
		}
	why_set(why, "5.3.0", "Command died with status %d: \"%s\"", code,
	    title);
	buf_addf(&why->diag_text, "unknown mail system error %d", code);
}

/* One line, nothing in it that a log or a report should not hold. */
static void
clean(struct buf *output)
{
	struct buf text = BUF_INIT;

	buf_cut(output, strlen(output->data));
	for (size_t i = 0; i < output->len; i++)
		if (output->data[i] == '\n' || output->data[i] == '\t')
			output->data[i] = ' ';
		else if ((unsigned char)output->data[i] < ' ' ||
		    output->data[i] == 127)
			output->data[i] = '_';
	if (text_is_utf8(output->data, output->len))
		return;
	text_printable(&text, output->data, output->len, true);
	for (size_t i = 0; i < output->len && i < text.len; i++)
		if ((output->data[i] & 0x80) != 0 && text.data[i] == '?')
			text.data[i] = '_';
	buf_done(output);
	*output = text;
}

/* The code that the output begins with: it knows better. */
static bool
explain_itself(struct why *why, const char *output)
{
	char	dsn[12];
	size_t	n = dsn_parse(output, dsn);

	if (n == 0)
		return false;
	if (*dsn == '2') {
		log_warn("bounce_append: ignoring dsn code \"%s\"", dsn);
		strcpy(dsn, "5.0.0");
	}
	why_set(why, dsn, "%s", output + n + strspn(output + n, " \t"));
	buf_set(&why->diag_text, why->text.data);
	return true;
}

static void
explain(struct why *why, int status, const char *title,
    const struct buf *output, bool has_output)
{
	if (status >= 0 && !WIFSIGNALED(status) &&
	    explain_itself(why, output->data))
		return;
	if (status < 0) {
		why_set(why, "5.3.0", "Command time limit exceeded: \"%s\"",
		    title);
		buf_set(&why->diag_text, "internal software error");
	} else if (WIFSIGNALED(status))
		why_set(why, "4.3.0", "Command died with signal %d: \"%s\"",
		    WTERMSIG(status), title);
	else
		explain_exit(why, WEXITSTATUS(status), title);
	if (has_output) {
		buf_addf(&why->text, ". Command output: %s", output->data);
		buf_set(&why->diag_text, output->data);
	}
}

void
process_run(const struct process *p, struct delivery *d,
    const struct content *c, const char *sent, struct why *why,
    struct buf *output)
{
	int  status, e;
	bool has_output;

	buf_clear(output);
	status = run(p, d, c, output);
	e = errno;
	has_output = output->len > 0;
	clean(output);
	if (status == 0) {
		why_set(why, "2.0.0", "%s", sent);
		return;
	}
	if (status < 0 && e != ETIMEDOUT) {
		why_set(why, "4.3.0", "cannot run command: %s", strerror(e));
		return;
	}
	explain(why, status, p->title, output, has_output);
	buf_skip(&why->diag_text, strspn(why->diag_text.data, " "));
	if (why->diag_text.len > 0)
		buf_set(&why->diag_type, "x-unix");
}
