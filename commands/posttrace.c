/*
 * posttrace - one message's life, from the mail log
 *
 * Has the rights of who runs it, which must be enough to read the log.  Reads
 * it as often as it takes to follow a message through queue ids, sessions,
 * forwarding and notifications; trusts nothing in it.
 *
 * Ends with 0, with 1 if nothing was found, or with 69 or 64 and a message.
 */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "commands/posttrace/print.h"
#include "commands/posttrace/trace.h"
#include "conf/conf.h"
#include "mail/log_files.h"
#include "server/command.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

enum { LIMIT = 1000 };	/* messages */

static const struct option long_options[] = {
	{ "why", no_argument, NULL, 'w' },
	{ "json", no_argument, NULL, 'j' },
	{ "limit", required_argument, NULL, 'n' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static struct {
	bool		 why, json;
	long		 limit;
	struct log_files files;
} opt = { .limit = LIMIT };

static const char usage_text[] = "usage: posttrace [-c config_dir]"
    " [-f logfile ...] [--why] [--json] [--limit n]"
    " queue_id | address | ip_address | message_id";

static void
usage(void)
{
	fatal_exit(EX_USAGE, "%s", usage_text);
}

static void
parse_options(int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "c:f:jn:vw", long_options,
	    NULL)) != -1) {
		switch (c) {
		case 'c':
			conf_set_dir(optarg);
			break;
		case 'h':
			puts(usage_text);
			exit(0);
		case 'f':
			if (!log_files_add(&opt.files, optarg))
				fatal_exit(EX_UNAVAILABLE, "%s: %s", optarg,
				    strerror(errno));
			break;
		case 'j': opt.json = true; break;
		case 'w': opt.why = true; break;
		case 'v': log_verbose++; break;
		case 'n':
			if (!text_to_long(optarg, 1, 1000000, &opt.limit))
				usage();
			break;
		default:
			usage();
		}
	}
	if (optind + 1 != argc || *argv[optind] == '\0')
		usage();
}

/* "<a@b>" is a@b; an IP address may stand in brackets. */
static char *
bare_key(const char *text)
{
	size_t n = strlen(text);

	if (n > 2 && ((*text == '<' && text[n - 1] == '>') ||
	    (*text == '[' && text[n - 1] == ']')))
		return mem_strndup(text + 1, n - 2);
	return mem_strdup(text);
}

static void
find_files(void)
{
	if (opt.files.count == 0) {
		command_configure(EX_UNAVAILABLE);
		log_files_find(&opt.files, conf_mail.maillog_file);
	}
	if (opt.files.count == 0)
		fatal_exit(EX_UNAVAILABLE, "no mail log that can be read: "
		    "name one with -f, or \"journalctl -u postfix -o "
		    "short-iso-precise | posttrace -f - ...\"");
	log_files_sort(&opt.files);
}

int
main(int argc, char **argv)
{
	struct trace t;
	size_t	     groups;
	char	    *key;

	command_name(argv[0]);
	parse_options(argc, argv);
	find_files();
	key = bare_key(argv[optind]);
	trace_run(&t, &opt.files, key, (size_t)opt.limit);
	groups = print_trace(&t, opt.json, opt.why);
	if (fflush(stdout) != 0)
		fatal_exit(EX_IOERR, "write error: %s", strerror(errno));
	if (t.too_many)
		log_warn("there is more than --limit %ld of it; the last are"
		    " shown", opt.limit);
	if (groups == 0)
		fatal_exit(1, "nothing about %s in %zu log file%s", key,
		    opt.files.count, opt.files.count == 1 ? "" : "s");
	trace_done(&t);
	log_files_done(&opt.files);
	mem_free(key);
	return 0;
}
