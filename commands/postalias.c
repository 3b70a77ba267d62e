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

#include "conf/conf.h"
#include "server/table_command.h"
#include "table/alias_line.h"
#include "table/table.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/text.h"

static bool option(int letter);
static void usage(void) __attribute__((noreturn));
static enum tool_result query(struct buf *why);
static void make_table(const char *name);

static struct table_command opt = {
	.name = "postalias",
	.letters = "c:d:fijnNopq:rsuvw",
	.option = option,
	.usage = usage,
	.query = query,
	.make = make_table,
	.utf8 = -1,
	.tool = {
		.separator = ":\t",
		.flags = TABLE_FOLD | TABLE_DUP_WARN,
	},
};

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

/* Without a word about the one that may be there. */
static void
put_anew(struct table *t, const char *key, const char *value)
{
	if (opt.incremental && table_delete(t, key) == TABLE_ERROR)
		fatalx("error updating %s: %s", table_name(t), table_error(t));
	put(t, key, value);
}

/* Other programs that read the database expect these: "@" says that it is
 * whole, and NIS wants to know when and where it was made. */
static void
put_signatures(struct table *t)
{
	char when[32];

	snprintf(when, sizeof when, "%010lld", (long long)time(NULL));
	put_anew(t, "@", "@");
	put_anew(t, "YP_LAST_MODIFIED", when);
	put_anew(t, "YP_MASTER_NAME", conf_value("myhostname"));
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

	if (strcmp(opt.query_key, "-") != 0)
		return tool_find(&opt.tool, opt.query_key, why);
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

static bool
option(int letter)
{
	if (strchr("diqs", letter) != NULL && (opt.incremental || opt.list ||
	    opt.query_key != NULL || opt.delete_key != NULL))
		fatalx("specify only one of -d -i -q or -s");
	return false;
}

int
main(int argc, char **argv)
{
	return table_command(&opt, argc, argv);
}
