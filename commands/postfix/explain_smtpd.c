#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "commands/postfix/explain.h"
#include "conf/conf.h"
#include "conf/master_cf.h"
#include "conf/param.h"
#include "mail/address.h"
#include "net/addr.h"
#include "util/stream.h"
#include "util/text.h"

/*
 * What smtpd would say: a process of it is asked, over a socket pair, as the
 * client would ask, up to RCPT.  It is told of the client's address by the
 * PROXY protocol (version 1), and knows by its argument "explain" that this
 * is no "sendmail -bs".  Its log goes nowhere: nobody shall be locked out
 * for a question.
 */

extern char **environ;

enum { WAIT = 100, LINE_MAX_BYTES = 2048, ARGS_MAX = 200 };

/* The options of the first smtpd of master.cf that listens. */
static int
service_options(struct pool *pool, const char **argv, int n)
{
	struct service_table table;
	char		    *path = mem_printf("%s/master.cf", conf_dir());
	const char	    *why, *option;

	if (master_cf_read(&table, path, conf_mail.default_process_limit,
	    &why)) {
		for (size_t i = 0; i < table.count; i++) {
			const struct service *s = &table.services[i];
			int		      at = 0;

			if (s->type != SERVICE_INET ||
			    !text_eq(s->program, "smtpd"))
				continue;
			while (n < ARGS_MAX - 30 &&
			    (option = service_option(s, &at)) != NULL) {
				argv[n++] = "-o";
				argv[n++] = pool_strdup(pool, option);
			}
			break;
		}
		master_cf_done(&table);
	}
	mem_free(path);
	return n;
}

static bool
start(struct explanation *e, const char *program, int fd, pid_t *ret_pid)
{
	static const char *const ours[] = {
		"smtpd_upstream_proxy_protocol=haproxy",
		"smtpd_client_event_limit_exceptions=static:all",
		"smtpd_error_sleep_time=0", "smtpd_hard_error_limit=1000",
		"smtpd_tls_wrappermode=no", "smtpd_tls_security_level=none",
		"smtpd_enforce_tls=no", "smtpd_proxy_filter=",
		"notify_classes=", "maillog_file_prefixes=/dev",
		"maillog_file=/dev/null",
	};
	posix_spawn_file_actions_t actions;
	const char		  *argv[ARGS_MAX] = { "smtpd", "-S" };
	int			   n = 2, error;

	n = service_options(e->pool, argv, n);
	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
		argv[n++] = "-o";
		argv[n++] = ours[i];
	}
	argv[n++] = "explain";
	argv[n] = NULL;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fd, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, fd, STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null",
	    O_WRONLY, 0);
	error = posix_spawn(ret_pid, program, &actions, NULL,
	    (char **)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	errno = error;
	return error == 0;
}

/* The last line of a reply; NULL: the conversation has ended. */
static const char *
read_reply(struct explanation *e, struct stream *s)
{
	struct buf  line = BUF_INIT;
	const char *reply = NULL;

	do {
		stream_set_deadline(s, WAIT);
		if (stream_get_line(s, &line, LINE_MAX_BYTES) != LINE_OK) {
			buf_done(&line);
			return NULL;
		}
	} while (line.len > 3 && line.data[3] == '-');
	reply = pool_strdup(e->pool, line.data);
	buf_done(&line);
	return reply;
}

/* NULL after a good reply: go on.  Otherwise what smtpd thinks. */
static const char *
ask(struct explanation *e, struct stream *s, const char *command)
{
	const char *reply;

	stream_puts(s, command);
	stream_flush(s);
	reply = read_reply(e, s);
	if (reply == NULL)
		e->no_reply = "smtpd has ended; see the mail log";
	return reply;
}

static bool
is_good(const char *reply)
{
	return reply != NULL && (*reply == '2' || *reply == '3');
}

static const char *
path_of(struct explanation *e, const char *verb, const char *address,
    const char *more)
{
	struct buf  b = BUF_INIT;
	const char *line;

	buf_addf(&b, "%s:<", verb);
	address_quote(&b, address);
	buf_addf(&b, ">%s\r\n", more);
	line = pool_strdup(e->pool, b.data);
	buf_done(&b);
	return line;
}

static const char *
proxy_line(struct explanation *e)
{
	struct addr a;
	bool	    v6 = addr_parse(&a, e->client, 0) &&
	    addr_family(&a) == AF_INET6;

	return pool_printf(e->pool, "PROXY TCP%d %s %s 10025 25\r\n",
	    v6 ? 6 : 4, e->client, v6 ? "::1" : "127.0.0.1");
}

static void
converse(struct explanation *e, struct stream *s)
{
	bool ascii = text_is_ascii(e->sender, strlen(e->sender)) &&
	    text_is_ascii(e->recipient, strlen(e->recipient));
	const char *lines[] = {
		proxy_line(e),
		pool_printf(e->pool, "EHLO %s\r\n", conf_mail.myhostname),
		path_of(e, "MAIL FROM", e->sender, ascii ? "" : " SMTPUTF8"),
		path_of(e, "RCPT TO", e->recipient, ""),
	};

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		e->reply = ask(e, s, lines[i]);
		if (!is_good(e->reply))
			break;
	}
	stream_puts(s, "QUIT\r\n");
	stream_flush(s);
}

void
explain_smtpd(struct explanation *e)
{
	char *program = mem_printf("%s/smtpd", conf_mail.daemon_directory);
	int   pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
		e->no_reply = pool_strdup(e->pool, strerror(errno));
	} else if (!start(e, program, pair[1], &pid)) {
		e->no_reply = pool_printf(e->pool, "%s: %s", program,
		    strerror(errno));
		close(pair[0]);
		close(pair[1]);
	} else {
		struct stream *s = stream_open(pair[0]);

		close(pair[1]);
		converse(e, s);
		stream_abort(s);
		waitpid(pid, NULL, 0);
	}
	mem_free(program);
}
