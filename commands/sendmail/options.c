#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "commands/sendmail/die.h"
#include "commands/sendmail/options.h"
#include "conf/conf.h"
#include "mail/dsn_notify.h"
#include "mail/submit.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

struct options opt;

static void __attribute__((noreturn))
unsupported(int option, const char *value)
{
	die("unsupported: -%c%.1s", option, value);
}

static void
option_b(const char *arg)
{
	switch (*arg) {
	case 'd':
	case 'l':
		opt.mode = MODE_DAEMON;
		break;
	case 'h':
	case 'H':
		opt.mode = MODE_NOTHING;
		break;
	case 'i':
		opt.mode = MODE_ALIASES;
		break;
	case 'm':
		opt.mode = MODE_MAIL;
		break;
	case 'p':
		opt.mode = MODE_QUEUE;
		break;
	case 's':
		opt.mode = MODE_SMTP;
		break;
	case 'v':
		opt.env_flags |= ENV_DELIVER_VERIFY;
		break;
	default:
		unsupported('b', arg);
	}
}

/* Most settings of Sendmail's have no meaning here. */
static void
option_o(const char *arg)
{
	if (*arg == 'A' && arg[1] != '\0')
		opt.alias_file = arg + 1;
	else if (*arg == 'i')
		opt.keep_dots = true;
}

/* An interval was for a daemon of Sendmail's; queue_run_delay is ours. */
static void
option_q(const char *arg)
{
	if (isdigit((unsigned char)*arg)) {
		if (opt.mode != MODE_DAEMON)
			exit(0);
	} else if (*arg == 'R' || *arg == 'I') {
		if (arg[1] == '\0')
			die("specify: -q%s", *arg == 'R' ?
			    "Rsitename" : "Iqueueid");
		*(*arg == 'R' ? &opt.site : &opt.queue_id) = arg + 1;
	} else if (*arg == ' ') {
		opt.mode = MODE_FLUSH;
	} else {
		die("-q%c is not implemented", *arg);
	}
}

/* RFC 3461 4.1 */
static void
option_n(const char *arg)
{
	char   *copy = mem_strdup(arg), *next = copy, *word;
	uint8_t bits = 0, bit;

	while ((word = text_word(&next, ",", false)) != NULL) {
		bit = dsn_notify_bit(str_of(word));
		if (bit == 0) {
			complain("unknown DSN NOTIFY command value \"%s\" in "
			    "\"%s\"", word, arg);
			bits = 0;
			break;
		}
		bits |= bit;
	}
	if (!dsn_notify_is_sound(bits))
		complain("bad -N option value -- ignored");
	else
		opt.notify = bits;
	mem_free(copy);
}

static void
option_ret(const char *arg)
{
	if (text_eq_nocase(arg, "hdrs"))
		opt.ret = RET_HDRS;
	else if (text_eq_nocase(arg, "full"))
		opt.ret = RET_FULL;
	else
		complain("bad -R option value -- ignored");
}

static void
option_body(const char *arg)
{
	if (text_eq_nocase(arg, "8BITMIME"))
		opt.encoding = "8bit";
	else if (text_eq_nocase(arg, "7BIT"))
		opt.encoding = "7bit";
	else
		die("-B option needs 8BITMIME or 7BIT");
}

/* "-C file" or "-C dir". */
static void
option_config(const char *arg)
{
	const char *slash = strrchr(arg, '/');
	char	   *dir;

	if (slash != NULL && text_eq(slash, "/main.cf")) {
		dir = mem_strndup(arg, (size_t)(slash - arg));
		conf_set_dir(dir);
		mem_free(dir);
	} else {
		conf_set_dir(arg);
	}
}

/* Of Sendmail's long options those that mean something here. */
static void
option_long(const char *arg)
{
	if (text_eq_nocase(arg, "requiretls=yes"))
		opt.env_flags |= ENV_REQUIRETLS;
	else if (text_eq_nocase(arg, "smtputf8=yes"))
		opt.env_flags |= ENV_SMTPUTF8;
}

static void
option_x(const char *arg)
{
	if (*arg != 'V')
		die("unsupported: -X%c", *arg);
	opt.verp = arg + 1;
}

/*
 * RFC 3461 4.4: an envelope id.  Two characters are what -XV was called
 * before there were such ids; when they stand apart, they are no part of the
 * option, but the first recipient.
 */
static void
option_envid(const char *arg, char **argv)
{
	bool apart = argv[optind - 1] == arg;

	if (*arg == '\0') {
		complain("bad syntax in -V option value -- ignored");
		return;
	}
	if (strlen(arg) != 2) {
		opt.envid = arg;
		return;
	}
	if (apart)
		optind--;
	opt.verp = apart ? "" : arg;
	complain("option -V%s is deprecated with Postfix 2.3; specify -XV%s "
	    "instead", opt.verp, opt.verp);
}

static void
take_option(int c, const char *arg, char **argv)
{
	switch (c) {
	case 'b': option_b(arg); break;
	case 'B': option_body(arg); break;
	case 'F': opt.full_name = arg; break;
	case 'f': case 'r': opt.sender = arg; break;
	case 'G': opt.flags |= SUBMIT_GATEWAY; break;
	case 'I': opt.mode = MODE_ALIASES; break;
	case 'i': opt.keep_dots = true; break;
	case 'n':
		die("-n option not supported");
	case 'N': option_n(arg); break;
	case 'O': option_long(arg); break;
	case 'o': option_o(arg); break;
	case 'q': option_q(arg); break;
	case 'R': option_ret(arg); break;
	case 't': opt.flags |= SUBMIT_EXTRACT; break;
	case 'V': option_envid(arg, argv); break;
	case 'v': opt.verbose++; break;
	case 'X': option_x(arg); break;
	default: break;		/* A h L m U x: Sendmail's, no meaning here */
	}
}

#define OPTIONS "+A:B:C:F:GIL:N:O:R:UV:X:b:ce:f:h:imno:p:q:r:tvx"

/* "-q" alone is common, and getopt() would take the next word. */
static void
complete_q(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (text_eq(argv[i], "--"))
			break;
		else if (text_eq(argv[i], "-q"))
			argv[i] = mem_strdup("-q ");
}

/* Twice: complaints about options should come from the right place of
 * configuration. */
void
options_parse(int argc, char **argv)
{
	int c;

	complete_q(argc, argv);
	argv[0] = mem_strdup(opt.name);
	while ((c = getopt(argc, argv, OPTIONS)) != -1)
		if (c == 'C') {
			option_config(optarg);
			opt.has_config = true;
		}
	optind = 0;
	while ((c = getopt(argc, argv, OPTIONS)) != -1) {
		if (c == '?')
			die("usage: sendmail [options]");
		take_option(c, optarg == NULL ? "" : optarg, argv);
	}
	if (opt.queue_id != NULL && opt.mode != MODE_MAIL)
		die("-qI can be used only in delivery mode");
	if (opt.site != NULL && opt.mode != MODE_MAIL)
		die("-qR can be used only in delivery mode");
	if ((opt.flags & SUBMIT_EXTRACT) != 0 && opt.mode != MODE_MAIL)
		die("-t can be used only in delivery mode");
	if ((opt.flags & SUBMIT_EXTRACT) != 0 &&
	    (opt.env_flags & ENV_DELIVER_VERIFY) != 0)
		die("-t option cannot be used with -bv");
	/* More of them ask for details in the log, not for a report. */
	if (opt.verbose == 1 && opt.mode == MODE_MAIL)
		opt.env_flags |= ENV_DELIVER_TRACE;
}
