/*
 * postmap - make lookup tables, and ask, list and change them
 *
 * An administrator's command.  Run by root on a source file that is not
 * root's it acts as the file's owner while it writes, so that a user's table
 * can't be used to overwrite a file of somebody else's; -o turns that off.
 * It trusts its arguments and main.cf; what it reads from files is bounded.
 * A new table is built aside and takes its name when it is whole.
 *
 * Ends with 0, or with 1 when nothing was found or on any error (on standard
 * error: "postmap: fatal: ...").
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/postmap/message.h"
#include "server/table_command.h"
#include "table/rhs_file.h"
#include "table/table.h"
#include "util/buf.h"
#include "util/log.h"

static bool option(int letter);
static void usage(void) __attribute__((noreturn));
static void configured(void);
static enum tool_result query(struct buf *why);
static void make_table(const char *name);

static struct {
	bool	header, body, mime;
} own;

static struct table_command opt = {
	.name = "postmap",
	.letters = "bc:d:fFhijmnNopq:rsuUvw",
	.option = option,
	.usage = usage,
	.configured = configured,
	.query = query,
	.make = make_table,
	.utf8 = -1,
	.tool = {
		.separator = "\t",
		.flags = TABLE_FOLD | TABLE_DUP_WARN,
	},
};

static void
usage(void)
{
	fatalx("usage: postmap [-bfFhimnNoprsuUvw] [-c config_dir] [-d key] "
	    "[-q key] [map_type:]file...");
}

/* --- making tables */

/* The value names files: what they hold, as base64. */
static bool
read_files(const char *source, int line, const char *value, struct buf *ret)
{
	struct buf why = BUF_INIT;
	bool	   ok = rhs_file_read(value, ret, &why);

	if (!ok)
		log_warn("%s, line %d: %s: skipping this entry", source, line,
		    why.data);
	buf_done(&why);
	return ok;
}

static void
put_line(struct table *t, const char *source, int number, char *line)
{
	static struct buf content = BUF_INIT;
	char		 *key, *value;
	const char	 *wrong = table_source_split(line, &key, &value);

	if (wrong != NULL) {
		log_warn(*wrong == 'u' ? "%s, line %d: %s -- ignoring this "
		    "line" : "%s, line %d: %s", source, number, wrong);
		return;
	}
	if (key[strlen(key) - 1] == ':')
		log_warn("%s, line %d: record is in \"key: value\" format; "
		    "is this an alias file?", source, number);
	if (opt.tool.decode) {
		if (!read_files(source, number, value, &content))
			return;
		value = content.data;
	}
	if (!table_put(t, key, value))
		fatalx("error updating %s: %s", table_name(t), table_error(t));
}

static void
make_table(const char *name)
{
	struct table_source *s;
	struct table	    *t;
	struct buf	     line = BUF_INIT, why = BUF_INIT;
	const char	    *source;
	int		     number;

	t = tool_build(&opt.tool, name, opt.incremental, opt.keep_mode,
	    opt.keep_root, &s, &source, &why);
	if (t == NULL)
		fatalx("%s", why.data);
	while (table_source_next(s, &line, &number))
		put_line(t, source, number, line.data);
	if (!tool_built(t, s, &why))
		fatalx("%s", why.data);
	buf_done(&line);
	buf_done(&why);
}

/* --- asking */

static bool
ask(struct tool_session *s, const char *key)
{
	struct buf	 why = BUF_INIT;
	enum tool_result r = tool_ask(s, key, &why);

	if (r == TOOL_ERROR)
		fatalx("%s", why.data);
	buf_done(&why);
	return r == TOOL_OK;
}

struct asked {
	struct tool_session *session;
	bool		     any;
};

static void
ask_key(void *arg, const char *key)
{
	struct asked *a = arg;

	a->any |= ask(a->session, key);
}

/* Standard input as a message. */
static bool
ask_message(struct tool_session *s)
{
	struct asked a = { .session = s };

	message_cut(stdin, own.mime, own.header ? ask_key : NULL,
	    own.body ? ask_key : NULL, &a);
	return a.any;
}

static bool
ask_lines(struct tool_session *s)
{
	char   *line = NULL;
	size_t	size = 0;
	ssize_t n;
	bool	any = false;

	/* Who asks key by key over a pipe has each answer at once. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((n = getline(&line, &size, stdin)) > 0) {
		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		any |= ask(s, line);
	}
	free(line);
	return any;
}

static enum tool_result
query(struct buf *why)
{
	struct tool_session *s;
	bool		     any;

	if (strcmp(opt.query_key, "-") != 0)
		return tool_find(&opt.tool, opt.query_key, why);
	s = tool_open(&opt.tool, why);
	if (s == NULL)
		return TOOL_ERROR;
	any = own.header || own.body ? ask_message(s) : ask_lines(s);
	tool_close(s);
	return any ? TOOL_OK : TOOL_NONE;
}

/* --- the command line */

static bool
option(int letter)
{
	if (strchr("dqs", letter) != NULL && (opt.query_key != NULL ||
	    opt.delete_key != NULL || opt.list))
		fatalx(letter == 's' ? "specify only one of -s or -q or -d" :
		    "specify only one of -s -q or -d");
	switch (letter) {
	case 'b': own.body = true; break;
	case 'F': opt.tool.decode = true; break;
	case 'h': own.header = true; break;
	case 'm': own.mime = true; break;
	case 'U': opt.utf8 = 1; break;
	default: return false;
	}
	return true;
}

/* The text of messages is bytes. */
static void
configured(void)
{
	bool cuts = own.header || own.body;

	if ((cuts || own.mime) && (opt.query_key == NULL ||
	    strcmp(opt.query_key, "-") != 0))
		fatalx("specify -b -h or -m only with \"-q -\"");
	if (own.mime && !cuts && opt.query_key != NULL)
		log_warn("ignoring -m option without -b or -h");
	if (opt.tool.decode && (opt.query_key != NULL || opt.list))
		opt.tool.flags |= TABLE_SRC_IS_FILE;
	if (opt.utf8 < 0 && (own.header || own.body))
		opt.utf8 = 0;
}

int
main(int argc, char **argv)
{
	return table_command(&opt, argc, argv);
}
