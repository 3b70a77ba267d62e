/*
 * Mail to commands that aliases, .forward files and parameters name.  Who runs
 * it stands in the context; how it is run, in process.c.
 */

#include <string.h>

#include "conf/param.h"
#include "local/content.h"
#include "local/process.h"
#include "local/recipient.h"
#include "local/user_names.h"
#include "mail/address.h"
#include "mail/deliver.h"
#include "mail/deliver_proto.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

enum { WORDS_MAX = 100 };	/* of a command without a shell */

/* Characters that a shell would act on become '_' (command_expansion_filter):
 * all of these come from outside. */
static const char *
filtered(struct pool *pool, const char *value)
{
	char *copy;

	if (value == NULL)
		return NULL;
	copy = pool_strdup(pool, value);
	for (char *p = copy; *p != '\0'; p++)
		if (strchr(conf_mail.command_expansion_filter, *p) == NULL)
			*p = '_';
	return copy;
}

static void
env_fill(struct process_env *e, struct request *r, const struct context *c)
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
	const char	*address = c->address;
	const char	*original = request_original(r, c);
	const struct envelope *env = delivery_envelope(r->d);
	struct user_names names;

	user_names_init(&names, p, address);
	process_env_init(e, p, conf_mail.export_environment);
	process_env_add(e, p, "USER", filtered(p, c->logname));
	process_env_add(e, p, "LOGNAME", filtered(p, c->logname));
	process_env_add(e, p, "HOME", filtered(p, c->home));
	process_env_add(e, p, "SHELL", filtered(p, c->shell));
	process_env_add(e, p, "LOCAL", filtered(p, names.local));
	process_env_add(e, p, "DOMAIN", *names.domain ?
	    filtered(p, names.domain) : NULL);
	process_env_add(e, p, "RECIPIENT", filtered(p, address));
	process_env_add(e, p, "ORIGINAL_RECIPIENT", filtered(p, original));
	process_env_add(e, p, "EXTENSION", names.ext ?
	    filtered(p, names.ext + 1) : NULL);
	process_env_add(e, p, "SENDER", filtered(p, request_sender(r, c)));
	process_env_add(e, p, "ENVID", *r->d->envid ?
	    filtered(p, r->d->envid) : NULL);
	for (size_t i = 0; env != NULL && i < sizeof client / sizeof *client; i++)
		if (env->attr[client[i].attr] != NULL)
			process_env_add(e, p, client[i].name,
			    filtered(p, env->attr[client[i].attr]));
}

/* A plain path needs no shell; a bare word may be one of its own. */
static bool
needs_shell(const char *command)
{
	return *command != '/' ||
	    strpbrk(command, "!@#$%^&*()|;<>?{}[]~'\"\\`\n\t") != NULL;
}

static char **
split_words(struct pool *pool, const char *text, const char *last)
{
	char  *copy = pool_strdup(pool, text), *word;
	char **argv = pool_alloc(pool, (WORDS_MAX + 2) * sizeof *argv);
	int    n = 0;

	while (n < WORDS_MAX && (word = text_word(&copy, " \t", false)) != NULL)
		argv[n++] = word;
	if (last != NULL)
		argv[n++] = pool_strdup(pool, last);
	argv[n] = NULL;
	return argv;
}

static void
set_words(struct process *p, struct pool *pool, const char *command)
{
	if (*conf_mail.local_command_shell != '\0') {
		p->argv = split_words(pool, conf_mail.local_command_shell,
		    command);
	} else if (!needs_shell(command)) {
		p->argv = split_words(pool, command, NULL);
	} else {
		p->path = "/bin/sh";
		p->argv = split_words(pool, "sh -c", command);
	}
}

/* Postfix's, and what an administrator may have said. */
static const char *
working_directory(struct request *r, const struct context *c)
{
	struct user_names names;
	struct buf	  path = BUF_INIT;
	const char	 *text = conf_mail.command_execution_directory, *why;
	const char	 *dir = NULL;

	if (*text == '\0')
		return NULL;
	user_names_init(&names, r->pool, c->address);
	names.home = c->home;
	names.shell = c->shell;
	if (user_names_expand(&names, &path, text,
	    conf_mail.execution_directory_expansion_filter, &why))
		dir = pool_strdup(r->pool, path.data);
	else
		log_warn("command_execution_directory: %s", why);
	buf_done(&path);
	return dir;
}

static void
run(struct request *r, const struct context *c, const char *command,
    struct why *why)
{
	struct process_env env;
	struct content	content = {
		.sender = request_sender(r, c),
		.return_path = request_sender(r, c), .postmark = true,
		.original_to = conf_mail.enable_original_recipient ?
		    request_original(r, c) : NULL,
		.delivered_to = content_wants_delivered_to("command") ?
		    c->delivered_to : NULL,
	};
	struct process	p = {
		.env = env.vars,
		.uid = c->uid, .gid = c->gid,
		.time_limit = conf_mail.command_time_limit,
		.title = command, .caller = "",
	};
	struct buf	sent = BUF_INIT, output = BUF_INIT;

	set_words(&p, r->pool, command);
	p.dir = working_directory(r, c);
	env_fill(&env, r, c);
	buf_addf(&sent, "delivered to command: %s", command);
	process_run(&p, r->d, &content, sent.data, why, &output);
	buf_done(&sent);
	buf_done(&output);
}

enum outcome
command_deliver(struct request *r, const struct context *c,
    const char *command)
{
	struct why	why = WHY_INIT;
	enum outcome	got;

	if (r->d->flags & DELIVER_VERIFY)
		why_set(&why, "2.0.0", "delivers to command: %s", command);
	else if (c->uid == 0)
		why_set(&why, "4.3.5", "will not run a command as root");
	else
		run(r, c, command, &why);
	got = request_part_of_list(r, c, &why);
	why_done(&why);
	return got;
}
