/*
 * Mail to commands.  The command runs as the user of the context (never root),
 * in its home or command_execution_directory, with a new environment, the
 * message on standard input, at most command_time_limit seconds.  Standard
 * output and error, cut to a bound, go into the reason of a failure.
 * Exit status: <sysexits.h>.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "conf/param.h"
#include "local/content.h"
#include "local/recipient.h"
#include "mail/address.h"
#include "mail/deliver.h"
#include "mail/deliver_proto.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/proc.h"
#include "util/text.h"

enum { OUTPUT_MAX = 8 * 1024, ENV_MAX = 64 };	/* bytes; variables */

struct environment {
	char	*vars[ENV_MAX + 1];
	int	 count;
};

static void
env_add(struct environment *e, struct pool *pool, const char *name,
    const char *value)
{
	if (value != NULL && e->count < ENV_MAX)
		e->vars[e->count++] = pool_printf(pool, "%s=%s", name, value);
}

/* Characters that a shell would act on become '_' (command_expansion_filter):
 * all of these come from outside. */
static const char *
filtered(struct pool *pool, const char *value)
{
	char *copy = pool_strdup(pool, value == NULL ? "" : value);

	for (char *p = copy; *p != '\0'; p++)
		if (strchr(conf_mail.command_expansion_filter, *p) == NULL)
			*p = '_';
	return copy;
}

static void
env_import(struct environment *e, struct pool *pool)
{
	char	*copy = pool_strdup(pool, conf_mail.export_environment);
	char	*word, *eq;

	while ((word = text_word(&copy, TEXT_LIST_SEP, true)) != NULL) {
		if ((eq = strchr(word, '=')) != NULL) {
			*eq = '\0';
			env_add(e, pool, word, eq + 1);
		} else {
			env_add(e, pool, word, getenv(word));
		}
	}
}

static void
env_fill(struct environment *e, struct request *r, const struct context *c)
{
	static const struct { const char *name; enum envelope_attr attr; }
	client[] = {
		{ "CLIENT_HOSTNAME", ATTR_LOG_CLIENT_NAME },
		{ "CLIENT_ADDRESS", ATTR_LOG_CLIENT_ADDRESS },
		{ "CLIENT_HELO", ATTR_LOG_HELO_NAME },
		{ "CLIENT_PROTOCOL", ATTR_LOG_PROTOCOL_NAME },
		{ "SASL_METHOD", ATTR_SASL_METHOD },
		{ "SASL_SENDER", ATTR_SASL_SENDER },
		{ "SASL_USERNAME", ATTR_SASL_USERNAME },
	};
	struct pool	*p = r->pool;
	const char	*address = r->top->address;
	const char	*domain = address_domain(address), *ext;
	char		*local = pool_strndup(p, address,
	    address_local_len(address));
	const struct envelope *env = delivery_envelope(r->d);

	ext = address_extension(local, strlen(local),
	    conf_mail.recipient_delimiter, conf_mail.double_bounce_sender);
	env_import(e, p);
	env_add(e, p, "PATH", "/usr/bin:/bin");
	env_add(e, p, "USER", c->logname);
	env_add(e, p, "LOGNAME", c->logname);
	env_add(e, p, "HOME", c->home);
	env_add(e, p, "SHELL", c->shell);
	env_add(e, p, "LOCAL", filtered(p, local));
	env_add(e, p, "DOMAIN", domain ? filtered(p, domain) : NULL);
	env_add(e, p, "RECIPIENT", filtered(p, address));
	env_add(e, p, "ORIGINAL_RECIPIENT", *r->top->original ?
	    filtered(p, r->top->original) : NULL);
	env_add(e, p, "EXTENSION", ext ? filtered(p, ext + 1) : NULL);
	env_add(e, p, "SENDER", filtered(p, r->d->sender));
	env_add(e, p, "ENVID", *r->d->envid ? filtered(p, r->d->envid) : NULL);
	for (size_t i = 0; env != NULL && i < sizeof client / sizeof *client; i++)
		if (env->attr[client[i].attr] != NULL)
			env_add(e, p, client[i].name,
			    filtered(p, env->attr[client[i].attr]));
}

/* In the child: never returns. */
static void
run_child(const struct context *c, const char *command, char *const *env,
    int in, int out)
{
	const char *dir = *conf_mail.command_execution_directory != '\0' ?
	    conf_mail.command_execution_directory : c->home;
	char *const argv[] = { (char *)"sh", (char *)"-c", (char *)command, NULL };
	/* A plain path needs no shell; a bare word may be one of its own. */
	bool plain = *command == '/' &&
	    strpbrk(command, "!@#$%^&*()|;<>?{}[]~'\"\\`\n\t") == NULL;

	setsid();
	if (geteuid() == 0 || getuid() == 0)
		if (!proc_become(c->uid, c->gid, NULL))
			_exit(EX_TEMPFAIL);
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(EX_TEMPFAIL);
	/* Ours are closed by execve(): until then there may be a log line. */
	close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
	if (dir == NULL || chdir(dir) != 0)
		if (chdir("/") != 0)
			_exit(EX_TEMPFAIL);
	umask(077);
	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	if (*conf_mail.local_command_shell != '\0') {
		char *shell = mem_strdup(conf_mail.local_command_shell), *word;
		char *args[16];
		int  n = 0;

		while (n < 14 && (word = text_word(&shell, " \t", false)) != NULL)
			args[n++] = word;
		args[n++] = (char *)command;
		args[n] = NULL;
		execve(args[0], args, env);
	} else if (plain) {
		char *words = mem_strdup(command), *word, *args[64];
		int  n = 0;

		while (n < 63 && (word = text_word(&words, " ", false)) != NULL)
			args[n++] = word;
		args[n] = NULL;
		if (n > 0)
			execve(args[0], args, env);
		dprintf(2, "local: fatal: execvp %s: %s\n", args[0],
		    strerror(errno));
		fatal_exit(EX_TEMPFAIL, "execvp %s: %s", args[0],
		    strerror(errno));
	}
	execve("/bin/sh", argv, env);
	_exit(EX_TEMPFAIL);
}

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
		if (out->len < OUTPUT_MAX)
			buf_add(out, chunk, n);
	}
}

/* The message goes to the command by a file, not a pipe: a command that never
 * reads cannot hold us, and one that ends early is no error. */
static int
message_file(struct request *r, const struct context *c)
{
	struct content	content = {
		.return_path = r->d->sender, .postmark = true,
		.original_to = conf_mail.enable_original_recipient &&
		    *r->top->original != '\0' ? r->top->original : NULL,
		.delivered_to = r->delivered_to,
	};
	int		fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	int		again;
	char		proc[40];

	(void)c;
	if (fd < 0)
		return -1;
	if (!content_write(fd, r->d, &content)) {
		close(fd);
		return -1;
	}
	snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd);
	again = open(proc, O_RDONLY | O_CLOEXEC);
	if (again < 0) {
		lseek(fd, 0, SEEK_SET);
		return fd;
	}
	close(fd);
	return again;
}

/* Wait status, or -1 with errno; ETIMEDOUT when it was killed. */
static int
run(struct request *r, const struct context *c, const char *command,
    struct buf *out)
{
	struct environment env = { .count = 0 };
	int64_t	 deadline = clock_in(conf_mail.command_time_limit);
	int	 pipes[2], in = message_file(r, c), status;
	bool	 ended;
	pid_t	 pid;

	if (in < 0 || pipe2(pipes, O_CLOEXEC) != 0) {
		if (in >= 0)
			close(in);
		return -1;
	}
	env_fill(&env, r, c);
	log_flush();
	pid = fork();
	if (pid == 0)
		run_child(c, command, env.vars, in, pipes[1]);
	close(in);
	close(pipes[1]);
	if (pid < 0) {
		close(pipes[0]);
		return -1;
	}
	ended = read_output(pipes[0], out, deadline);
	close(pipes[0]);
	if (!ended)
		kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!ended) {
		errno = ETIMEDOUT;
		return -1;
	}
	return status;
}

static void
explain_exit(struct why *why, int code, const char *command)
{
	static const struct { int code; const char *dsn, *text; } known[] = {
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

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (known[i].code == code) {
			why_set(why, known[i].dsn, "%s", known[i].text);
			return;
		}
	why_set(why, "5.3.0", "Command died with status %d: \"%s\"", code,
	    command);
}

static void
add_output(struct why *why, struct buf *out)
{
	struct buf text = BUF_INIT;

	while (out->len > 0 && out->data[out->len - 1] == '\n')
		buf_cut(out, out->len - 1);
	if (out->len > 0) {
		for (char *p = out->data; *p != '\0'; p++)
			if (*p == '\n')
				*p = ' ';
		text_printable(&text, out->data, out->len, true);
		buf_addf(&why->text, ". Command output: %s ", text.data);
	}
	buf_done(&text);
}

enum outcome
command_deliver(struct request *r, const struct context *c,
    const char *command, const char *title)
{
	struct why	why = WHY_INIT;
	struct buf	out = BUF_INIT;
	enum outcome	got;
	int		status;

	if (r->d->flags & DELIVER_VERIFY)
		why_set(&why, "2.0.0", "delivers to command: %s", title);
	else if (c->uid == 0)
		why_set(&why, "4.3.5", "will not run a command as root");
	else if ((status = run(r, c, command, &out)) < 0 && errno == ETIMEDOUT)
		why_set(&why, "5.3.0", "Command time limit exceeded: \"%s\"",
		    title);
	else if (status < 0)
		why_set(&why, "4.3.0", "cannot run command: %s", strerror(errno));
	else if (WIFSIGNALED(status))
		why_set(&why, "5.3.0", "Command died with signal %d: \"%s\"",
		    WTERMSIG(status), title);
	else if (WEXITSTATUS(status) != 0)
		explain_exit(&why, WEXITSTATUS(status), title);
	else
		why_set(&why, "2.0.0", "delivered to command: %s", title);
	if (why_outcome(&why) != DONE)
		add_output(&why, &out);
	got = request_part(r, c, &why);
	why_done(&why);
	buf_done(&out);
	return got;
}
