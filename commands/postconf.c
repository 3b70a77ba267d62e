/*
 * postconf - show and change the configuration
 *
 * A user's command without privileges: it shows what anybody may read, and
 * changes what the caller may write.  main.cf and master.cf are trusted only
 * as far as they are read: their bytes are bounded, their values expanded
 * within bounds.  Changes replace the file in one step, so that a reader sees
 * the old or the new file, and keep all they are not about.
 *
 * Ends with 0, or with 1 and a message on standard error.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands/postconf/postconf.h"
#include "conf/conf.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

struct postconf postconf;

static char *tls_mode;

/* Which options go with which; the first that was given decides. */
static const struct mode {
	char		 letter;
	const char	*with;
} modes[] = {
	{ 'a', "acv" },		{ 'A', "Acv" },
	{ 'b', "bcv" },		{ 't', "tcv" },
	{ 'l', "lcv" },		{ 'm', "mcv" },
	{ 'T', "Tcv" },
	{ 'M', "MCcefjovxXq#" },
	{ 'F', "FCcefhHjovxq" },
	{ 'P', "PCcefhHjovxXq" },
};

/* Only one of each of these, in the order in which they are named. */
static const char *const exclusive[] = {
	"aAbFlmMpPt", "denX#", "do", "eoX#", "efX#", "exX#", "ehHX#", "ejX#",
	"fj", "hHj", NULL
};

static void usage(void) __attribute__((noreturn));

static void
usage(void)
{
	fatalx("usage: postconf [-c dir] [-dfhHjnpqx] [-C class,...] "
	    "[-o name=value] [name...] | [-c dir] -e name=value... | "
	    "-X name... | -# name... | -M|-F|-P ... | -a | -A | -l | -m | "
	    "-b|-t [file] | "
	    "-T compile-version|run-version|public-key-algorithms");
}

static void
check_exclusive(const char *letters)
{
	struct buf given = BUF_INIT;

	for (; *letters != '\0'; letters++)
		if (HAS(*letters))
			buf_addf(&given, " -%c", *letters);
	if (given.len > strlen(" -x"))
		fatalx("specify one of%s", given.data);
	buf_done(&given);
}

static void
check_combination(void)
{
	if (HAS('b') && HAS('t'))
		fatalx("specify one of -b and -t");
	for (int i = 0; exclusive[i] != NULL; i++)
		check_exclusive(exclusive[i]);
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		if (!HAS(modes[i].letter))
			continue;
		for (int c = 1; c < 128; c++)
			if (HAS(c) && strchr(modes[i].with, c) == NULL)
				fatalx("with option -%c, do not specify -%c",
				    modes[i].letter, c);
	}
}

static void
set_classes(const char *list)
{
	static const struct {
		const char *name;
		unsigned    classes;
	} known[] = {
		{ "builtin", CLASS_BUILTIN }, { "service", CLASS_SERVICE },
		{ "user", CLASS_USER },
		{ "all", CLASS_BUILTIN | CLASS_SERVICE | CLASS_USER },
	};
	char	*copy = mem_strdup(list), *rest = copy, *word;
	unsigned found;

	while ((word = text_word(&rest, TEXT_LIST_SEP, false)) != NULL) {
		found = 0;
		for (size_t i = 0; i < sizeof known / sizeof *known; i++)
			if (text_eq_nocase(word, known[i].name))
				found = known[i].classes;
		if (found == 0)
			fatalx("unknown -C option value \"%s\" in \"%s\"",
			    word, list);
		postconf.classes |= found;
	}
	mem_free(copy);
}

static void
read_options(int argc, char **argv)
{
	const char *why;
	int	    c;

	while ((c = getopt(argc, argv, "+aAbc:C:defFhHjlmMno:pPqtT:vxX#")) >=
	    0) {
		if (c == '?')
			usage();
		postconf.seen[c] = 1;
		if (c == 'c')
			conf_set_dir(optarg);
		else if (c == 'C')
			set_classes(optarg);
		else if (c == 'T')
			tls_mode = optarg;
		else if (c == 'v')
			log_verbose++;
		else if (c == 'o' && !conf_override(optarg, &why))
			fatalx("%s", why);
	}
	if (!HAS('C'))
		set_classes("all");
}

/* An assignment as the first argument means -e. */
static void
guess_edit(char **args)
{
	if (*args != NULL && strchr(*args, '=') != NULL)
		postconf.seen['e'] = 1;
}

static void
change(char **args)
{
	if (*args == NULL)
		fatalx(HAS('e') ? "-e requires name=value argument" :
		    "missing service argument");
	for (int i = 0; args[i] != NULL; i++) {
		if (strchr(args[i], '\n') != NULL)
			fatalx("-e, -X, or -# accepts no multi-line input");
		if (args[i][strspn(args[i], " \t")] == '#')
			fatalx("-e, -X, or -# accepts no comment input");
	}
	if (HAS('M'))
		change_services(args);
	else if (HAS('F'))
		change_fields(args);
	else if (HAS('P'))
		change_params(args);
	else
		change_main_cf(args);
}

static void __attribute__((noreturn))
bad_tls_mode(void)
{
	log_warn("unknown 'postconf -T' mode: %s", tls_mode);
	log_flush();
	exit(1);
}

static void
list(char **args)
{
	const char *why;

	if (!HAS('d')) {
		if (!conf_read(&why))
			fatalx("%s", why);
		conf_warn_read();
	}
	check_read_services();
	names_init(&postconf.names);
	if (!HAS('d'))
		check_values();
	if (HAS('M') || HAS('F') || HAS('P'))
		services_check(args);
	if (HAS('M'))
		services_show(args);
	else if (HAS('F'))
		services_show_fields(args);
	else if (HAS('P'))
		services_show_params(args);
	else
		params_show(args);
	/* Those who join both outputs see the warnings below the list. */
	fflush(stdout);
	if (!HAS('d'))
		check_names();
}

int
main(int argc, char **argv)
{
	log_open(LOG_TO_STDERR, "postconf", NULL, 0);
	conf_set_brief(true);
	postconf.master_cf = (struct buf)BUF_INIT;
	postconf.services.notes = (struct buf)BUF_INIT;
	read_options(argc, argv);
	argv += optind;
	guess_edit(argv);
	check_combination();
	if (HAS('T')) {
		if (!list_tls(tls_mode))
			bad_tls_mode();
	} else if (HAS('m'))
		list_table_types();
	else if (HAS('l'))
		list_locks();
	else if (HAS('a') || HAS('A'))
		list_sasl(HAS('A'));
	else if (HAS('b') || HAS('t'))
		bounce_show(argv);
	else if (HAS('e') || HAS('X') || HAS('#'))
		change(argv);
	else
		list(argv);
	log_flush();
	return 0;
}
