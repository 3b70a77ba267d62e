/*
 * spawn - a command for each connection
 *
 * What inetd was: policy servers and the like talk over standard input and
 * output.  Started by master as root; the command runs as the user that
 * master.cf names, never as root; one connection at a time a process.  Reads
 * nothing of what goes over the connection.  Ends when idle or when master
 * says so, or at the start if master.cf makes no sense.
 */

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/param.h"
#include "local/command_attr.h"
#include "local/process.h"
#include "server/server.h"
#include "util/file.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/proc.h"
#include "util/stream.h"
#include "util/text.h"

static struct {
	struct command_user	 user;
	char			**argv;
	struct pool		 pool;
	struct process_env	 env;
	int			 time_limit;
} self;

static const struct command_user_texts texts = {
	.no_user = "unknown user name",
	.no_group = "unknown group name",
	.root = "request to deliver as root",
	.root_group = "request to use privileged group id 0",
	.owner = "request to deliver as mail system owner",
};

static void
start(void)
{
	char	  **words = server_args();
	bool	    has_user = false;
	const char *why;

	for (; *words != NULL && !text_starts_nocase(*words, "argv=");
	    words++) {
		if (!text_starts_nocase(*words, "user="))
			fatalx("unknown attribute name: %s", *words);
		command_attr_user(*words + strlen("user="), &texts,
		    &self.user);
		has_user = true;
	}
	if (!has_user)
		fatalx("missing user= attribute");
	if (*words != NULL) {
		*words += strlen("argv=");
		if (**words == '\0')
			words++;
	}
	if (*words == NULL)
		fatalx("missing argv= attribute");
	self.argv = words;
	self.time_limit = conf_time_for(server_service(), "_time_limit",
	    conf_mail.command_time_limit, 's', &why);
	if (why != NULL)
		fatalx("%s", why);
	process_env_init(&self.env, &self.pool,
	    conf_mail.export_environment);
}

static void
report(int status)
{
	if (WIFSIGNALED(status))
		log_warn("command %s killed by signal %d", self.argv[0],
		    WTERMSIG(status));
	else if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
		log_warn("command %s exit status %d", self.argv[0],
		    WEXITSTATUS(status));
}

static void
serve(struct stream *s)
{
	struct process p = {
		.argv = self.argv, .env = self.env.vars,
		.uid = self.user.uid, .gid = self.user.gid,
		.time_limit = self.time_limit, .title = self.argv[0],
		.caller = "spawn_command: ",
	};
	int status;

	file_set_nonblock(stream_fd(s), false);
	status = process_connect(&p, stream_fd(s));
	if (status >= 0)
		report(status);
	else if (errno != ETIMEDOUT)
		log_warn("run %s: %s", self.argv[0], strerror(errno));
	file_set_nonblock(stream_fd(s), true);
}

int
main(int argc, char **argv)
{
	static const struct server server = {
		.name = "spawn",
		.kind = SERVER_SINGLE,
		.privileged = true,
		.jail = PROC_JAIL_NET | PROC_JAIL_FILES | PROC_JAIL_EXEC |
		    PROC_JAIL_IDS,
		.first_session = start,
		.serve = serve,
	};

	server_main(argc, argv, &server);
}
