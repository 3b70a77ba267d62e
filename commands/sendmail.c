/*
 * sendmail, mailq, newaliases - the commands that programs know
 *
 * Without privilege: a message goes to pickup over its socket, and the kernel
 * tells pickup who sends it.  When pickup can't be reached, or can't take the
 * message now, the set-gid command postdrop keeps it in maildrop/.  The other
 * modes run postqueue, postalias, postfix or smtpd.
 *
 * It is started for each message that a program sends: so it reads of main.cf
 * only what it needs, and is linked with nothing but the C library.  Ends
 * with 0, or with EX_TEMPFAIL and a reason on standard error.
 */

#include <ctype.h>
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "conf/conf.h"
#include "mail/address.h"
#include "mail/submit.h"
#include "net/connect.h"
#include "server/command.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/stream.h"
#include "util/text.h"

enum mode {
	MODE_MAIL, MODE_QUEUE, MODE_ALIASES, MODE_DAEMON, MODE_SMTP,
	MODE_FLUSH, MODE_FLUSH_SITE, MODE_FLUSH_ID, MODE_NOTHING,
};

enum { ANSWER_WAIT = 3600 };	/* seconds */

static struct {
	enum mode	 mode;
	const char	*name;		/* as called */
	bool		 keep_dots;	/* -i */
	unsigned	 flags;		/* enum submit_flag */
	unsigned	 env_flags;	/* enum envelope_flag */
	const char	*sender;	/* -f, NULL: the caller */
	const char	*full_name;	/* -F */
	const char	*encoding;	/* -B */
	const char	*envid;		/* -V */
	const char	*verp;		/* -XV, NULL none */
	const char	*site;		/* -qR, -qI */
	const char	*alias_file;	/* -oA */
	uint8_t		 notify;	/* -N */
	enum dsn_ret	 ret;		/* -R */
	int		 verbose;	/* -v */
} opt;

/* --- options */

static void __attribute__((noreturn))
unsupported(int option, const char *value)
{
	fatal_exit(EX_TEMPFAIL, "unsupported: -%c%s", option, value);
}

static void
set_mode(enum mode mode)
{
	if (opt.mode != MODE_MAIL && opt.mode != mode)
		fatal_exit(EX_TEMPFAIL, "choose one mode of operation");
	opt.mode = mode;
}

static void
option_b(const char *arg)
{
	switch (*arg) {
	case 'd':
	case 'l':
		set_mode(MODE_DAEMON);
		break;
	case 'h':
	case 'H':
		set_mode(MODE_NOTHING);
		break;
	case 'i':
		set_mode(MODE_ALIASES);
		break;
	case 'm':
		break;
	case 'p':
		set_mode(MODE_QUEUE);
		break;
	case 's':
		set_mode(MODE_SMTP);
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

static void
option_q(const char *arg)
{
	if (isdigit((unsigned char)*arg))
		set_mode(MODE_NOTHING);
	else if (*arg == 'S')
		fatal_exit(EX_TEMPFAIL, "-qS is not implemented");
	else if (*arg == 'R' || *arg == 'I') {
		if (arg[1] == '\0')
			fatal_exit(EX_TEMPFAIL, "-q%c requires a value", *arg);
		set_mode(*arg == 'R' ? MODE_FLUSH_SITE : MODE_FLUSH_ID);
		opt.site = arg + 1;
	} else {
		set_mode(MODE_FLUSH);
	}
}

/* RFC 3461 4.1 */
static void
option_n(const char *arg)
{
	static const struct {
		const char *word;
		uint8_t	    bit;
	} words[] = { { "never", NOTIFY_NEVER }, { "success", NOTIFY_SUCCESS },
	    { "failure", NOTIFY_FAILURE }, { "delay", NOTIFY_DELAY } };
	char   *copy = mem_strdup(arg), *next = copy, *word;
	uint8_t bits = 0;
	size_t  i;

	while ((word = text_word(&next, ",", false)) != NULL) {
		for (i = 0; i < 4 && !text_eq_nocase(word, words[i].word); i++)
			;
		if (i == 4) {
			log_warn("unknown DSN NOTIFY command value \"%s\" in "
			    "\"%s\"", word, arg);
			bits = 0;
			break;
		}
		bits |= words[i].bit;
	}
	if (bits == 0 || ((bits & NOTIFY_NEVER) != 0 && bits != NOTIFY_NEVER))
		log_warn("bad -N option value -- ignored");
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
		log_warn("bad -R option value -- ignored");
}

static void
option_body(const char *arg)
{
	if (text_eq_nocase(arg, "8BITMIME"))
		opt.encoding = "8bit";
	else if (text_eq_nocase(arg, "7BIT"))
		opt.encoding = "7bit";
	else
		fatal_exit(EX_TEMPFAIL, "-B option needs 8BITMIME or 7BIT");
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
		unsupported('X', arg);
	opt.verp = arg + 1;
}

static void
take_option(int c, const char *arg)
{
	switch (c) {
	case 'b': option_b(arg); break;
	case 'B': option_body(arg); break;
	case 'F': opt.full_name = arg; break;
	case 'f': case 'r': opt.sender = arg; break;
	case 'G': opt.flags |= SUBMIT_GATEWAY; break;
	case 'I': set_mode(MODE_ALIASES); break;
	case 'i': opt.keep_dots = true; break;
	case 'N': option_n(arg); break;
	case 'O': option_long(arg); break;
	case 'o': option_o(arg); break;
	case 'q': option_q(arg); break;
	case 'R': option_ret(arg); break;
	case 't': opt.flags |= SUBMIT_EXTRACT; break;
	case 'V': opt.envid = arg; break;
	case 'v': opt.verbose++; break;
	case 'X': option_x(arg); break;
	default: break;		/* A h L m n U x: Sendmail's, no meaning here */
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
static void
parse_options(int argc, char **argv)
{
	int c;

	complete_q(argc, argv);
	argv[0] = mem_strdup(opt.name);
	while ((c = getopt(argc, argv, OPTIONS)) != -1)
		if (c == 'C')
			option_config(optarg);
	optind = 0;
	while ((c = getopt(argc, argv, OPTIONS)) != -1) {
		if (c == '?')
			fatal_exit(EX_TEMPFAIL, "usage: sendmail [options]");
		take_option(c, optarg == NULL ? "" : optarg);
	}
	if (opt.verbose > 0 && opt.mode == MODE_MAIL)
		opt.env_flags |= ENV_DELIVER_TRACE;
}

/* --- configuration */

static void
read_configuration(void)
{
	const char *why;

	if (!conf_read(&why))
		fatal_exit(EX_TEMPFAIL, "%s", why);
	conf_warn_read();
}

static const char *
value(const char *name)
{
	const char *v = conf_value(name);

	return v == NULL ? "" : v;
}

/* The end with a reason, in the mail log too. */
#define die(...) do { \
	command_start(EX_TEMPFAIL); \
	fatal_exit(EX_TEMPFAIL, __VA_ARGS__); \
} while (0)

/* --- other programs */

static void __attribute__((noreturn))
run(const char *directory, char **argv)
{
	char *path = mem_printf("%s/%s", value(directory), argv[0]);

	log_flush();
	fflush(stdout);
	execv(path, argv);
	die("unable to execute %s: %s", path, strerror(errno));
}

static void
run_postqueue(const char *option, const char *arg)
{
	char *argv[] = { mem_strdup("postqueue"), mem_strdup(option),
	    arg == NULL ? NULL : mem_strdup(arg), NULL };

	run("command_directory", argv);
}

/* The files of alias_database, or the one of -oA. */
static void
run_postalias(void)
{
	const char *files = opt.alias_file != NULL ? opt.alias_file :
	    value("alias_database");
	char	   *next = mem_strdup(files), *word;
	char	  **argv = mem_alloc((strlen(files) + 3) * sizeof *argv);
	int	    n = 0;

	argv[n++] = mem_strdup("postalias");
	argv[n++] = mem_strdup("--");
	while ((word = text_word(&next, TEXT_LIST_SEP, true)) != NULL)
		argv[n++] = word;
	if (n == 2)
		exit(0);
	argv[n] = NULL;
	run("command_directory", argv);
}

static void
run_other(int argc)
{
	char *postfix[] = { mem_strdup("postfix"), mem_strdup("start"), NULL };
	char *smtpd[] = { mem_strdup("smtpd"), mem_strdup("-S"), NULL };

	if (argc > optind && opt.mode == MODE_QUEUE)
		fatal_exit(EX_TEMPFAIL,
		    "display queue mode requires no recipient");
	if (argc > optind && opt.mode == MODE_ALIASES)
		fatal_exit(EX_TEMPFAIL,
		    "alias initialization mode requires no recipient");
	read_configuration();
	switch (opt.mode) {
	case MODE_QUEUE:
		run_postqueue("-p", NULL);
		break;
	case MODE_FLUSH:
		run_postqueue("-f", NULL);
		break;
	case MODE_FLUSH_SITE:
		run_postqueue("-s", opt.site);
		break;
	case MODE_FLUSH_ID:
		run_postqueue("-i", opt.site);
		break;
	case MODE_ALIASES:
		run_postalias();
		break;
	case MODE_DAEMON:
		run("command_directory", postfix);
		break;
	case MODE_SMTP:
		run("daemon_directory", smtpd);
		break;
	default:
		exit(0);
	}
}

/* --- the envelope */

/* The password entry is looked up once, and only if it is needed. */
static const struct passwd *
caller(void)
{
	static const struct passwd *pw;
	static bool		    asked;

	if (!asked)
		pw = getpwuid(getuid());
	asked = true;
	return pw;
}

/* The first field of GECOS; '&' stands for the login name. */
static const char *
gecos_name(struct envelope *e)
{
	const struct passwd *pw = caller();
	struct buf	     b = BUF_INIT;
	const char	    *name;

	if (pw == NULL)
		return "";
	for (const char *p = pw->pw_gecos; p != NULL && *p != '\0' &&
	    *p != ','; p++) {
		if (*p != '&') {
			buf_addc(&b, *p);
			continue;
		}
		buf_addc(&b, (char)toupper((unsigned char)*pw->pw_name));
		if (*pw->pw_name != '\0')
			buf_adds(&b, pw->pw_name + 1);
	}
	name = pool_strdup(&e->pool, b.data);
	buf_done(&b);
	return name;
}

/* The addresses of one argument. */
static struct token *
parse_argument(struct envelope *e, const char *text)
{
	return address_parse_header(&e->pool, str_of(text), SIZE_MAX);
}

static void
set_sender(struct envelope *e)
{
	const struct passwd *pw;
	struct buf	     b = BUF_INIT;
	int		     count = 0;

	if (opt.sender == NULL) {
		if ((pw = caller()) == NULL)
			die("no login name found for user ID %ld",
			    (long)getuid());
		buf_adds(&b, pw->pw_name);
	} else {
		for (struct token *t = parse_argument(e, opt.sender);
		    t != NULL; t = t->next)
			if (t->type == TOKEN_ADDRESS && count++ == 0)
				address_token_get(&b, t);
		if (count > 1)
			log_warn("-f option specified malformed sender: %s",
			    opt.sender);
	}
	e->sender = pool_strdup(&e->pool, b.data);
	buf_done(&b);
}

static void
add_recipients(struct envelope *e, char **args)
{
	struct buf b = BUF_INIT;

	for (; *args != NULL; args++)
		for (struct token *t = parse_argument(e, *args); t != NULL;
		    t = t->next) {
			if (t->type != TOKEN_ADDRESS)
				continue;
			buf_clear(&b);
			address_token_get(&b, t);
			envelope_add_rcpt(e, b.data, "", "", opt.notify);
		}
	buf_done(&b);
	if (e->rcpt_count == 0 && (opt.flags & SUBMIT_EXTRACT) == 0)
		die("%s(%ld): Recipient addresses must be specified on the "
		    "command line or via the -t option", e->sender,
		    (long)getuid());
}

static void
make_envelope(struct envelope *e, char **recipients)
{
	const char *name = opt.full_name;
	char	    notify[12];

	envelope_init(e);
	set_sender(e);
	add_recipients(e, recipients);
	e->flags = opt.env_flags;
	if (name == NULL)
		name = getenv("NAME");
	if (name == NULL)
		name = gecos_name(e);
	if (*name != '\0')
		envelope_set(e, ATTR_FULL_NAME, name);
	envelope_set(e, ATTR_ENCODING, opt.encoding);
	envelope_set(e, ATTR_DSN_ENVELOPE_ID, opt.envid);
	if (opt.ret != RET_NONE)
		envelope_set(e, ATTR_DSN_RET, opt.ret == RET_HDRS ? "2" : "1");
	if (opt.verp != NULL)
		envelope_set(e, ATTR_VERP_DELIMS, *opt.verp != '\0' ?
		    opt.verp : value("default_verp_delimiters"));
	snprintf(notify, sizeof notify, "%d", opt.notify);
	if ((opt.flags & SUBMIT_EXTRACT) != 0)
		envelope_set(e, ATTR_EXTRACT_NOTIFY, notify);
}

/* --- the content */

enum { READ_SIZE = 64 * 1024 };	/* bytes */

struct input {
	struct buf	raw;
	size_t		pos;		/* of the next line in it */
	bool		at_end;
};

/* A line with its LF, or what comes before the end; n == 0 at the end. */
static struct str
next_line(struct input *in)
{
	struct str  line;
	const char *lf;
	size_t	    searched = in->pos;
	ssize_t	    n;

	while ((lf = memchr(in->raw.data + searched, '\n',
	    in->raw.len - searched)) == NULL && !in->at_end) {
		if (in->pos > 0) {
			buf_skip(&in->raw, in->pos);
			in->pos = 0;
		}
		searched = in->raw.len;
		do
			n = read(STDIN_FILENO, buf_room(&in->raw, READ_SIZE),
			    READ_SIZE);
		while (n < 0 && errno == EINTR);
		if (n < 0)
			die("unable to read standard input: %s",
			    strerror(errno));
		buf_grow(&in->raw, (size_t)n);
		in->at_end = n == 0;
	}
	line.p = in->raw.data + in->pos;
	line.n = lf == NULL ? in->raw.len - in->pos :
	    (size_t)(lf + 1 - line.p);
	in->pos += line.n;
	return line;
}

/* The lines that a mailbox puts in front of a message. */
static bool
is_from_line(struct str line)
{
	return (line.n > 5 && memcmp(line.p, "From ", 5) == 0) ||
	    (line.n > 6 && memcmp(line.p, ">From ", 6) == 0);
}

static bool
ends_in_crlf(struct str line)
{
	return line.n > 1 && line.p[line.n - 1] == '\n' &&
	    line.p[line.n - 2] == '\r';
}

/* With CRLF instead of LF; the last line may be without. */
static void
add_line(struct buf *to, struct str line, bool strip_cr)
{
	bool ended = line.n > 0 && line.p[line.n - 1] == '\n';

	line.n -= ended;
	if (ended && strip_cr && line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	buf_add(to, line.p, line.n);
	if (ended)
		buf_add(to, "\r\n", 2);
}

static bool
is_dot(struct str line)
{
	return (line.n == 2 && memcmp(line.p, ".\n", 2) == 0) ||
	    (line.n == 3 && memcmp(line.p, ".\r\n", 3) == 0);
}

/*
 * All of standard input: it is kept, so that the message can be handed in a
 * second time when the first attempt fails half-way.
 */
static void
read_content(struct buf *to)
{
	struct input in = { .raw = BUF_INIT };
	const char  *fix = value("sendmail_fix_line_endings");
	bool	     strip = text_eq_nocase(fix, "always");
	bool	     at_start = true, first = true;
	struct str   line;

	while ((line = next_line(&in)).n > 0) {
		if (first && text_eq_nocase(fix, "strict"))
			strip = ends_in_crlf(line);
		first = false;
		if (at_start && is_from_line(line))
			continue;
		at_start = false;
		if (!opt.keep_dots && is_dot(line))
			break;
		add_line(to, line, strip);
	}
	buf_done(&in.raw);
}

/* sendmail -bv: no message is read, the report shows a made-up one. */
static void
make_probe(const struct envelope *e, struct buf *to)
{
	buf_addf(to, "From: %s\r\nSubject: probe\r\nTo:", e->sender);
	for (uint32_t i = 0; i < e->rcpt_count; i++)
		buf_addf(to, "%s%s", i == 0 ? " " : ",\r\n\t",
		    e->rcpt[i].address);
	buf_adds(to, "\r\n");
}

/* --- handing it in */

struct result {
	enum submit_status	status;
	struct buf		why;
};

static void
converse(struct stream *s, const struct envelope *e,
    const struct buf *content, struct result *r)
{
	struct frame f = FRAME_INIT;
	const char  *why;
	size_t	     group;

	stream_set_deadline(s, ANSWER_WAIT);
	frame_begin(&f, SUBMIT_ENVELOPE);
	frame_put_u64(&f, SUBMIT_KEY_FLAGS, opt.flags);
	group = frame_open(&f, SUBMIT_KEY_ENVELOPE);
	envelope_write(&f, e);
	frame_close(&f, group);
	frame_send(s, &f);
	for (size_t at = 0; at < content->len; at += READ_SIZE)
		frame_send_bytes(s, SUBMIT_CONTENT, SUBMIT_KEY_BYTES,
		    content->data + at, content->len - at < READ_SIZE ?
		    content->len - at : READ_SIZE);
	frame_begin(&f, SUBMIT_END);
	frame_send(s, &f);
	r->status = SUBMIT_ERROR;
	if (frame_receive(s, &f, SUBMIT_ANSWER_MAX) &&
	    f.type == SUBMIT_RESULT) {
		r->status = (enum submit_status)frame_u64(&f,
		    SUBMIT_KEY_STATUS, SUBMIT_ERROR);
		why = frame_str(&f, SUBMIT_KEY_WHY);
		buf_set(&r->why, why == NULL ? "" : why);
	}
	frame_done(&f);
}

/* False: pickup is not there. */
static bool
give_to_pickup(const struct envelope *e, const struct buf *content,
    struct result *r)
{
	char *path = mem_printf("%s/%s", value("queue_directory"),
	    SUBMIT_SERVICE);
	int   fd = connect_unix(path, clock_in(ANSWER_WAIT));
	struct stream *s;

	mem_free(path);
	if (fd < 0)
		return false;
	s = stream_open(fd);
	converse(s, e, content, r);
	stream_abort(s);
	return true;
}

static void
run_postdrop(int fd)
{
	char *argv[] = { mem_strdup("postdrop"), mem_strdup("-r"), NULL };
	char *path = mem_printf("%s/postdrop", value("command_directory"));

	if (dup2(fd, STDIN_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0)
		_exit(EX_OSERR);
	execv(path, argv);
	fprintf(stderr, "%s: unable to execute %s: %s\n", opt.name, path,
	    strerror(errno));
	_exit(EX_UNAVAILABLE);
}

static void
give_to_postdrop(const struct envelope *e, const struct buf *content,
    struct result *r)
{
	struct stream *s;
	int	       pair[2];
	pid_t	       pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0 ||
	    (pid = fork()) < 0)
		die("unable to run postdrop: %s", strerror(errno));
	if (pid == 0)
		run_postdrop(pair[1]);
	close(pair[1]);
	s = stream_open(pair[0]);
	converse(s, e, content, r);
	stream_abort(s);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static bool
is_too_big(const struct buf *content)
{
	uint64_t limit;

	return text_to_u64(value("message_size_limit"), UINT64_MAX, &limit) &&
	    limit > 0 && content->len > limit;
}

static void
report(const struct envelope *e, const struct result *r)
{
	long uid = (long)getuid();

	switch (r->status) {
	case SUBMIT_OK:
		return;
	case SUBMIT_NO_RCPT:
		die("%s(%ld): No recipient addresses found in message header",
		    e->sender, uid);
	case SUBMIT_DENIED:
		die("%s", r->why.data);
	case SUBMIT_TOO_BIG:
		command_start(EX_TEMPFAIL);
		log_warn("mail_stream_cleanup: close error");
		fatal_exit(EX_TEMPFAIL, "%s(%ld): message file too big",
		    e->sender, uid);
	default:
		die("%s(%ld): queue file write error%s%s", e->sender, uid,
		    r->why.len > 0 ? ": " : "", r->why.data);
	}
}

static void
send_mail(char **recipients)
{
	struct envelope e;
	struct buf	content = BUF_INIT;
	struct result	r = { .why = BUF_INIT };
	bool		too_big;

	read_configuration();
	make_envelope(&e, recipients);
	if ((e.flags & ENV_DELIVER_VERIFY) != 0)
		make_probe(&e, &content);
	else
		read_content(&content);
	/* what is too big for pickup postdrop refuses, and says so in the
	 * log */
	too_big = is_too_big(&content);
	if (too_big || !give_to_pickup(&e, &content, &r) ||
	    r.status == SUBMIT_ERROR)
		give_to_postdrop(&e, &content, &r);
	if (too_big && r.status == SUBMIT_ERROR)
		r.status = SUBMIT_TOO_BIG;
	report(&e, &r);
	if ((e.flags & (ENV_DELIVER_VERIFY | ENV_DELIVER_TRACE)) != 0)
		printf("Mail Delivery Status Report will be mailed to <%s>.\n",
		    e.sender);
	envelope_done(&e);
	buf_done(&content);
	buf_done(&r.why);
}

int
main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');

	opt.name = slash == NULL ? argv[0] : slash + 1;
	command_name(argv[0]);
	if (text_eq(opt.name, "mailq"))
		opt.mode = MODE_QUEUE;
	else if (text_eq(opt.name, "newaliases"))
		opt.mode = MODE_ALIASES;
	parse_options(argc, argv);
	if (opt.mode == MODE_MAIL)
		send_mail(argv + optind);
	else
		run_other(argc);
	return 0;
}
