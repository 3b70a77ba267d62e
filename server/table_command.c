#include "server/table_command.h"

#include <stdio.h>
#include <unistd.h>

#include "conf/conf.h"
#include "server/accounts.h"
#include "server/command.h"
#include "server/identity.h"
#include "server/redirect.h"
#include "table/table.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

static void
set_dup(struct table_command *c, int flag)
{
	c->tool.flags &= ~(TABLE_DUP_WARN | TABLE_DUP_REPLACE |
	    TABLE_DUP_IGNORE);
	c->tool.flags |= flag;
}

static void
take_option(struct table_command *c, int letter)
{
	if (c->option(letter))
		return;
	switch (letter) {
	case 'c': conf_set_dir(optarg); break;
	case 'd': c->delete_key = optarg; break;
	case 'f': c->tool.flags &= ~TABLE_FOLD; break;
	case 'i': c->incremental = true; break;
	case 'j': c->tool.json = true; break;
	case 'n': c->tool.flags |= TABLE_TRY0; break;
	case 'N': c->tool.flags |= TABLE_TRY1; break;
	case 'o': c->keep_root = true; break;
	case 'p': c->keep_mode = true; break;
	case 'q': c->query_key = optarg; break;
	case 'r': set_dup(c, TABLE_DUP_REPLACE); break;
	case 's': c->list = true; break;
	case 'u': c->utf8 = 0; break;
	case 'v': log_verbose++; break;
	case 'w': set_dup(c, TABLE_DUP_IGNORE); break;
	default: c->usage();
	}
}

static void
read_configuration(struct table_command *c)
{
	const char *why;
	bool	    ok;

	conf_set_brief(true);
	conf_ignore_interfaces();
	ok = conf_read(&why) && conf_load_core(&why) &&
	    identity_check(&why) && accounts_check_set(&why);
	conf_warn_read();
	if (!ok)
		fatalx("%s", why);
	log_set_ascii(!conf_mail.smtputf8_enable);
	command_open_log(1);
	if (c->configured != NULL)
		c->configured();
	if (c->utf8 < 0)
		c->utf8 = text_eq(conf_value("smtputf8_enable"), "yes");
	if (c->utf8)
		c->tool.flags |= TABLE_UTF8;
	tool_set_limits();
	redirect_tables(false);
	table_try_proxymap(conf_mail.queue_directory);
}

static enum tool_result
run(struct table_command *c, struct buf *why)
{
	if (c->query_key != NULL)
		return c->query(why);
	if (c->delete_key != NULL)
		return tool_delete(&c->tool, c->delete_key, stdin, why);
	if (c->list)
		return tool_list(&c->tool, why);
	for (int i = 0; i < c->tool.count; i++)
		c->make(c->tool.names[i]);
	return TOOL_OK;
}

int
table_command(struct table_command *c, int argc, char **argv)
{
	struct buf	 why = BUF_INIT;
	enum tool_result r;
	char		*letters = mem_printf("+%s", c->letters);
	int		 letter;

	argv[0] = (char *)(uintptr_t)c->name;	/* for getopt's messages */
	command_name(c->name);
	while ((letter = getopt(argc, argv, letters)) != -1)
		take_option(c, letter);
	mem_free(letters);
	read_configuration(c);
	if (optind == argc && c->list)
		return 1;	/* as of a table without entries */
	if (optind == argc)
		c->usage();
	tool_take_names(&c->tool, argv + optind, argc - optind);
	c->tool.out = stdout;
	r = run(c, &why);
	if (fflush(stdout) != 0)
		fatal("write error");
	if (r == TOOL_ERROR)
		fatalx("%s", why.data);
	buf_done(&why);
	return r == TOOL_OK ? 0 : 1;
}
