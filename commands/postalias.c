/*
 * postalias - make alias databases, and ask, list and change them
 *
 * An administrator's command; newaliases runs it too.  As postmap it acts as
 * the owner of a source file that is not root's while it writes, trusts its
 * arguments and main.cf, and builds a database aside before it takes its name.
 *
 * Ends with 0, or with 1 when nothing was found or on any error (on standard
 * error: "postalias: fatal: ...").
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "conf/conf.h"
#include "table/alias_line.h"
#include "table/table.h"
#include "table/tool.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

static struct {
	bool		 incremental, keep_mode, keep_root, list;
	int		 utf8;		/* -1: as main.cf says */
	const char	*query, *delete_key;
	struct table_tool tool;
} opt = {
	.utf8 = -1,
	.tool = {
		.separator = ":\t",
		.flags = TABLE_FOLD | TABLE_DUP_WARN,
	},
};

static void usage(void) __attribute__((noreturn));

static void
usage(void)
{
	fatalx("usage: postalias [-Nfinoprsuvw] [-c config_dir] [-d key] "
	    "[-q key] [map_type:]file...");
}

/* --- making */

static void
put(struct table *t, const char *key, const char *value)
{
	if (!table_put(t, key, value))
		fatalx("error updating %s: %s", table_name(t), table_error(t));
}

static void
put_line(struct table *t, const char *source, int number, const char *line)
{
	struct buf name = BUF_INIT, value = BUF_INIT, key = BUF_INIT;

	switch (alias_line_parse(line, &name, &value)) {
	case ALIAS_LINE_NO_PAIR:
		log_warn("%s, line %d: need name:value pair", source, number);
		break;
	case ALIAS_LINE_DOMAIN:
		log_warn("%s, line %d: name must be local and have no domain",
		    source, number);
		break;
	case ALIAS_LINE_OK:
		if ((opt.tool.flags & TABLE_FOLD) != 0)
			text_fold(&key, name.data, opt.utf8 > 0);
		else
			buf_adds(&key, name.data);
		put(t, key.data, value.data);
		break;
	}
	buf_done(&name);
	buf_done(&value);
	buf_done(&key);
}

/* Other programs that read the database expect these: "@" says that it is
 * whole, and NIS wants to know when and where it was made. */
static void
put_signatures(struct table *t)
{
	char when[32];

	snprintf(when, sizeof when, "%010lld", (long long)time(NULL));
	put(t, "@", "@");
	put(t, "YP_LAST_MODIFIED", when);
	put(t, "YP_MASTER_NAME", conf_value("myhostname"));
}

/* The keys are folded here: the signatures' are in capitals. */
static void
make_table(const char *name)
{
	struct table_tool    tool = opt.tool;
	struct table_source *s;
	struct table	    *t;
	struct buf	     line = BUF_INIT, why = BUF_INIT;
	const char	    *source;
	int		     number;

	tool.flags &= ~TABLE_FOLD;
	if (opt.incremental)
		tool.flags = (tool.flags & ~TABLE_DUP_WARN) |
		    TABLE_DUP_REPLACE;
	t = tool_build(&tool, name, opt.incremental, opt.keep_mode,
	    opt.keep_root, &s, &source, &why);
	if (t == NULL)
		fatalx("%s", why.data);
	while (table_source_next(s, &line, &number))
		put_line(t, source, number, line.data);
	put_signatures(t);
	if (!tool_built(t, s, &why))
		fatalx("%s", why.data);
	buf_done(&line);
	buf_done(&why);
}

/* --- asking */

static enum tool_result
query(struct buf *why)
{
	struct tool_session *s;
	enum tool_result     r = TOOL_NONE;
	char		    *line = NULL;
	size_t		     size = 0;
	ssize_t		     n;
	bool		     any = false;

	if (strcmp(opt.query, "-") != 0)
		return tool_find(&opt.tool, opt.query, why);
	s = tool_open(&opt.tool, why);
	if (s == NULL)
		return TOOL_ERROR;
	while (r != TOOL_ERROR && (n = getline(&line, &size, stdin)) > 0) {
		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		r = tool_ask(s, line, why);
		any |= r == TOOL_OK;
	}
	free(line);
	tool_close(s);
	return r == TOOL_ERROR ? r : any ? TOOL_OK : TOOL_NONE;
}

/* --- the command line */

static void
set_dup(int flag)
{
	opt.tool.flags &= ~(TABLE_DUP_WARN | TABLE_DUP_REPLACE |
	    TABLE_DUP_IGNORE);
	opt.tool.flags |= flag;
}

static void
take_option(int letter)
{
	if (strchr("diqs", letter) != NULL && (opt.incremental || opt.list ||
	    opt.query != NULL || opt.delete_key != NULL))
		fatalx("specify only one of -d -i -q or -s");
	switch (letter) {
	case 'c': conf_set_dir(optarg); break;
	case 'd': opt.delete_key = optarg; break;
	case 'f': opt.tool.flags &= ~TABLE_FOLD; break;
	case 'i': opt.incremental = true; break;
	case 'j': opt.tool.json = true; break;
	case 'n': opt.tool.flags |= TABLE_TRY0; break;
	case 'N': opt.tool.flags |= TABLE_TRY1; break;
	case 'o': opt.keep_root = true; break;
	case 'p': opt.keep_mode = true; break;
	case 'q': opt.query = optarg; break;
	case 'r': set_dup(TABLE_DUP_REPLACE); break;
	case 's': opt.list = true; break;
	case 'u': opt.utf8 = 0; break;
	case 'v': log_verbose++; break;
	case 'w': set_dup(TABLE_DUP_IGNORE); break;
	default: usage();
	}
}

static void
read_configuration(void)
{
	const char *why;
	bool	    ok;

	conf_set_brief(true);
	ok = conf_read(&why) && conf_load(&param_mail, &why);
	conf_warn_read();
	if (!ok)
		fatalx("%s", why);
	if (opt.utf8 < 0)
		opt.utf8 = text_eq(conf_value("smtputf8_enable"), "yes");
	if (opt.utf8)
		opt.tool.flags |= TABLE_UTF8;
	tool_set_cache();
}

int
main(int argc, char **argv)
{
	static char	 name[] = "postalias";
	struct buf	 why = BUF_INIT;
	enum tool_result r = TOOL_OK;
	int		 letter;

	argv[0] = name;
	log_open(LOG_TO_STDERR, name, NULL, 0);
	while ((letter = getopt(argc, argv, "c:d:fijnNopq:rsuvw")) != -1)
		take_option(letter);
	if (optind == argc)
		usage();
	read_configuration();
	tool_take_names(&opt.tool, argv + optind, argc - optind);
	opt.tool.out = stdout;
	if (opt.query != NULL)
		r = query(&why);
	else if (opt.delete_key != NULL)
		r = tool_delete(&opt.tool, opt.delete_key, stdin, &why);
	else if (opt.list)
		r = tool_list(&opt.tool, &why);
	else
		for (int i = 0; i < opt.tool.count; i++)
			make_table(opt.tool.names[i]);
	if (fflush(stdout) != 0)
		fatal("write error");
	if (r == TOOL_ERROR)
		fatalx("%s", why.data);
	return r == TOOL_OK ? 0 : 1;
}
