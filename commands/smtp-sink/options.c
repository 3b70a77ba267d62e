/*
 * Numbers are read as far as they are numbers: "-t 5x" is 5, as it always was
 * for who has scripts.  Only -A is strict.
 */

#include "commands/smtp-sink/options.h"

#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

const char *const verb_names[VERB_COUNT] = {
	[VERB_CONNECT] = "connect", [VERB_HELO] = "HELO",
	[VERB_EHLO] = "EHLO", [VERB_LHLO] = "LHLO",
	[VERB_XCLIENT] = "XCLIENT", [VERB_XFORWARD] = "XFORWARD",
	[VERB_AUTH] = "AUTH", [VERB_MAIL] = "MAIL", [VERB_RCPT] = "RCPT",
	[VERB_VRFY] = "VRFY", [VERB_DATA] = "DATA", [VERB_DOT] = ".",
	[VERB_RSET] = "RSET", [VERB_NOOP] = "NOOP", [VERB_QUIT] = "QUIT",
};

static const char *program;

static void __attribute__((noreturn))
usage(void)
{
	fatalx("usage: %s [-468acCeEFLNpPv] [-A abort_delay]"
	    " [-b soft_bounce_reply] [-B hard_bounce_reply]"
	    " [-d dump-template] [-D dump-template] [-f commands]"
	    " [-h hostname] [-H data_read_delay] [-m max_concurrency]"
	    " [-M message_quit_count] [-n quit_count] [-q commands]"
	    " [-Q commands] [-r commands] [-R root-dir] [-s commands]"
	    " [-S start-string] [-t timeout] [-T windowsize]"
	    " [-u user_privs] [-w delay] [-W command:delay[:odds]]"
	    " [host]:port backlog", program);
}

static int
positive(const char *text, const char *what)
{
	int n = atoi(text);

	if (n > 0)
		return n;
	if (what == NULL)
		usage();
	fatalx("bad %s: %s", what, text);
}

static struct verb_rule *
rule_of(struct options *o, const char *name)
{
	for (int i = 0; i < VERB_COUNT; i++)
		if (text_eq_nocase(name, verb_names[i]))
			return &o->rules[i];
	fatalx("unknown command: %s", name);
}

/* Sets the member at `offset` of the rule of each command of a list. */
static void
set_rules(struct options *o, const char *list, size_t offset)
{
	char *copy = mem_strdup(list), *s = copy, *name;

	while ((name = text_word(&s, TEXT_LIST_SEP, false)) != NULL)
		*(bool *)((char *)rule_of(o, name) + offset) = true;
	mem_free(copy);
}

/* "command:delay" or "command:delay:odds" */
static void
set_delay(struct options *o, const char *text)
{
	char *copy = mem_strdup(text), *s = copy;
	char *name = text_word(&s, ":", false);
	char *delay = text_word(&s, ":", false);
	char *odds = text_word(&s, ":", false);
	struct verb_rule *rule;

	if (*text == ':' || delay == NULL)
		fatalx("invalid command delay argument: %s", text);
	rule = rule_of(o, name);
	if ((rule->delay = atoi(delay)) <= 0)
		fatalx("non-positive '%s' delay", name);
	rule->odds = odds != NULL ? atoi(odds) : 0;
	if (rule->odds < 0 || rule->odds > 99)
		fatalx("delay odds for '%s' out of range", name);
	mem_free(copy);
}

/* A reply of that class, "450 4.3.0 text". */
static const char *
reply_of(const char *text, char class, const char *what)
{
	if (text[0] != class || !isdigit((unsigned char)text[1]) ||
	    !isdigit((unsigned char)text[2]) ||
	    (text[3] != '\0' && text[3] != ' ' && text[3] != '-')) {
		log_error("bad %s error reply: %s", what, text);
		usage();
	}
	return text;
}

static void
set_dump(struct options *o, const char *template, bool is_shared)
{
	if (o->dump != NULL && o->dump_is_shared != is_shared)
		fatalx("use only one of -d or -D, but not both");
	o->dump = template;
	o->dump_is_shared = is_shared;
}

static void
set_abort(struct options *o, const char *text)
{
	long n;

	if (!text_is_digits(text) || !text_to_long(text, 0, 1000000, &n))
		usage();
	o->abort_data = true;
	o->abort_delay = (int)n;
}

/* Options without an argument; false if it is none. */
static bool
set_flag(struct options *o, int c)
{
	switch (c) {
	case '4': o->family = AF_INET; break;
	case '6': o->family = AF_INET6; break;
	case '8': o->no_8bitmime = true; break;
	case 'a': o->no_auth = true; break;
	case 'c': o->count = true; break;
	case 'C': o->no_xclient = true; break;
	case 'e': o->no_esmtp = true; break;
	case 'E': o->no_codes = true; break;
	case 'F': o->no_xforward = true; break;
	case 'L': o->lmtp = true; break;
	case 'N': o->no_dsn = true; break;
	case 'p': o->no_pipelining = true; break;
	case 'P': o->pix = o->no_esmtp = true; break;
	case 'v': log_verbose++; break;
	default: return false;
	}
	return true;
}

/* Options with lists of commands.  To refuse means -p: a client that sends
 * ahead would not see what it does after each refusal. */
static bool
set_list(struct options *o, int c, const char *list)
{
	static const struct {
		char	letter;
		size_t	offset;
	} lists[] = {
		{ 'f', offsetof(struct verb_rule, refuse_hard) },
		{ 'q', offsetof(struct verb_rule, hang_up) },
		{ 'Q', offsetof(struct verb_rule, say_goodbye) },
		{ 'r', offsetof(struct verb_rule, refuse_soft) },
		{ 's', offsetof(struct verb_rule, log) },
	};

	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		if (lists[i].letter != c)
			continue;
		set_rules(o, list, lists[i].offset);
		if (c == 'f' || c == 'r')
			o->no_pipelining = true;
		return true;
	}
	return false;
}

static void
set_value(struct options *o, int c, char *arg)
{
	switch (c) {
	case 'A': set_abort(o, arg); break;
	case 'b': o->soft_reply = reply_of(arg, '4', "soft"); break;
	case 'B': o->hard_reply = reply_of(arg, '5', "hard"); break;
	case 'd': set_dump(o, arg, false); break;
	case 'D': set_dump(o, arg, true); break;
	case 'h': o->hostname = arg; break;
	case 'H': o->read_delay = positive(arg, "data read delay"); break;
	case 'm':
		o->connections_max = positive(arg, "concurrency limit");
		break;
	case 'M': o->messages_max = positive(arg, "message quit count"); break;
	case 'n': o->quits_max = positive(arg, "quit count"); break;
	case 'R': o->root = arg; break;
	case 'S':
		buf_clear(&o->dump_start);
		text_unescape(&o->dump_start, arg);
		break;
	case 't': o->timeout = positive(arg, "timeout"); break;
	case 'T': o->window = positive(arg, "TCP window size"); break;
	case 'u': o->user = arg; break;
	case 'w':
		o->rules[VERB_DATA].delay = positive(arg, NULL);
		o->rules[VERB_DATA].odds = 0;
		break;
	case 'W': set_delay(o, arg); break;
	default: usage();
	}
}

void
options_parse(struct options *o, int argc, char **argv)
{
	int c;

	*o = (struct options){
		.soft_reply = "450 4.3.0 Error: command failed",
		.hard_reply = "500 5.3.0 Error: command failed",
		.hostname = "smtp-sink",
		.dump_start = BUF_INIT,
		.connections_max = 256,
		.timeout = 100,
		.family = AF_UNSPEC,
	};
	program = argv[0];
	while ((c = getopt(argc, argv, "468aA:b:B:cCd:D:eEf:Fh:H:Lm:M:n:NpP"
	    "q:Q:r:R:s:S:t:T:u:vw:W:")) != -1)
		if (!set_flag(o, c) && !set_list(o, c, optarg))
			set_value(o, c, optarg);
	if (argc - optind != 2)
		usage();
	o->where = argv[optind];
	o->backlog = positive(argv[optind + 1], NULL);
	if (geteuid() == 0 && o->user == NULL)
		fatalx("-u option is required if running as root");
}
