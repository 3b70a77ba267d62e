/* services - what master.cf must have, before master itself reads it */

#include "commands/postfix/services.h"

#include <stdio.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/edit.h"
#include "conf/master_cf.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/log.h"
#include "util/mem.h"

enum { FILE_MAX = 16 * 1024 * 1024 };	/* bytes */

static char *
master_cf_path(void)
{
	return mem_printf("%s/master.cf", conf_dir());
}

/* Said on standard error only, in the words of the command that would find
 * it: the log gets the line that follows. */
static void
complain(const char *why)
{
	fprintf(stderr, "%s/postconf: fatal: %s\n",
	    conf_mail.command_directory, why);
	fatalx("cannot execute %s/postconf!", conf_mail.command_directory);
}

void
services_check(void)
{
	char *path = master_cf_path();
	struct service_table t;
	const char *why;

	if (access(path, F_OK) != 0)
		fatalx("no %s file found", path);
	if (!master_cf_read(&t, path, conf_mail.default_process_limit, &why))
		complain(why);
	if (conf_mail.maillog_file[0] != '\0' &&
	    master_cf_find(&t, conf_mail.postlog_service_name,
	    SERVICE_UNIX_DGRAM) == NULL)
		fatalx("missing '%s' service in master.cf - run 'postfix "
		    "upgrade-configuration'", conf_mail.postlog_service_name);
	master_cf_done(&t);
	mem_free(path);
}

/* In the order of the releases that brought them. */
static const struct {
	const char	 *name;
	enum service_type type;
	const char	 *fields;
} required[] = {
	{ "relay", SERVICE_UNIX, "-       -       n       -       -       smtp"
	    "\n\t-o syslog_name=postfix/$service_name" },
	{ "flush", SERVICE_UNIX,
	    "n       -       n       1000?   0       flush" },
	{ "trace", SERVICE_UNIX,
	    "-       -       n       -       0       bounce" },
	{ "verify", SERVICE_UNIX,
	    "-       -       n       -       1       verify" },
	{ "proxymap", SERVICE_UNIX,
	    "-       -       n       -       -       proxymap" },
	{ "anvil", SERVICE_UNIX,
	    "-       -       n       -       1       anvil" },
	{ "scache", SERVICE_UNIX,
	    "-       -       n       -       1       scache" },
	{ "discard", SERVICE_UNIX,
	    "-       -       n       -       -       discard" },
	{ "tlsmgr", SERVICE_UNIX,
	    "-       -       n       1000?   1       tlsmgr" },
	{ "retry", SERVICE_UNIX,
	    "-       -       n       -       -       error" },
	{ "proxywrite", SERVICE_UNIX,
	    "-       -       n       -       1       proxymap" },
	{ "postlog", SERVICE_UNIX_DGRAM,
	    "n       -       n       -       1       postlogd" },
};

static void
add_service(struct buf *content, size_t i)
{
	bool dgram = required[i].type == SERVICE_UNIX_DGRAM;

	if (content->len > 0 && content->data[content->len - 1] != '\n')
		buf_addc(content, '\n');
	buf_addf(content, "%-12s %-5s %s%s\n", required[i].name,
	    service_type_name(required[i].type), dgram ? "" : " ",
	    required[i].fields);
	printf("Editing %s/master.cf, adding missing entry for %s%s service\n",
	    conf_dir(), required[i].name, dgram ? " unix-domain datagram" : "");
}

void
services_upgrade(void)
{
	char *path = master_cf_path();
	struct buf content = BUF_INIT;
	struct service_table t;
	const char *why;
	size_t before;

	if (!file_read(path, FILE_MAX, &content))
		fatal("open %s", path);
	if (!master_cf_parse(&t, path, &content,
	    conf_mail.default_process_limit, &why))
		complain(why);
	before = content.len;
	for (size_t i = 0; i < sizeof required / sizeof *required; i++)
		if (master_cf_find(&t, required[i].name, required[i].type) ==
		    NULL)
			add_service(&content, i);
	if (content.len != before && !edit_write(path, &content, &why))
		fatalx("%s", why);
	master_cf_done(&t);
	buf_done(&content);
	mem_free(path);
}
