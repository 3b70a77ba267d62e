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
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "commands/sendmail/die.h"
#include "commands/sendmail/content.h"
#include "commands/sendmail/options.h"
#include "conf/conf.h"
#include "mail/address.h"
#include "mail/submit.h"
#include "net/connect.h"
#include "server/command.h"
#include "server/maillog.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/stream.h"
#include "util/text.h"

enum {
	ANSWER_WAIT = 3600,	/* seconds */
	PART_SIZE = 64 * 1024,	/* bytes of content in a frame */
};

/* --- configuration */

/* The words in which set-gid commands refuse a directory that main.cf does
 * not list; we could read any that the caller can. */
static void
deny_config(void)
{
	log_error("unauthorized configuration directory name: %s", conf_dir());
	fatal_exit(EX_TEMPFAIL, "specify \"alternate_config_directories = %s\""
	    " or \"multi_instance_directories = %s\" in /etc/postfix/main.cf",
	    conf_dir(), conf_dir());
}

static const char *
value(const char *name)
{
	const char *v = conf_value(name);

	return v == NULL ? "" : v;
}

static void
read_configuration(void)
{
	const char *why;

	if (!conf_read(&why)) {
		if (opt.has_config && geteuid() != 0)
			deny_config();
		fatal_exit(EX_TEMPFAIL, "%s", why);
	}
	conf_warn_read();
	if (!maillog_is_allowed(value("maillog_file"),
	    value("maillog_file_prefixes")))
		fatal_exit(EX_TEMPFAIL, MAILLOG_NOT_ALLOWED,
		    value("maillog_file"));
}

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
no_recipient(enum mode mode)
{
	static const char *const names[] = {
		[MODE_QUEUE] = "display queue mode",
		[MODE_ALIASES] = "alias initialization mode",
		[MODE_DAEMON] = "daemon mode",
		[MODE_SMTP] = "stand-alone mode",
		[MODE_FLUSH] = "flush queue mode",
	};

	if (mode != MODE_NOTHING)
		die("%s requires no recipient",
		    names[mode]);
}

static void
run_other(int argc)
{
	char *postfix[] = { mem_strdup("postfix"), mem_strdup("start"), NULL };
	char *smtpd[] = { mem_strdup("smtpd"), mem_strdup("-S"), NULL };

	if (argc > optind)
		no_recipient(opt.mode);
	read_configuration();
	switch (opt.mode) {
	case MODE_QUEUE:
		run_postqueue("-p", NULL);
		break;
	case MODE_FLUSH:
		run_postqueue("-f", NULL);
		break;
	case MODE_ALIASES:
		run_postalias();
		break;
	case MODE_DAEMON:
		if (fork() > 0)		/* nobody waits for it */
			exit(0);
		run("command_directory", postfix);
		break;
	case MODE_SMTP:
		run("daemon_directory", smtpd);
		break;
	default:
		exit(0);
	}
}

/* -qI and -qR: in delivery mode, as for Postfix; but nothing is read. */
static void
flush_some(void)
{
	if (opt.site == NULL && opt.queue_id == NULL)
		return;
	read_configuration();
	if (opt.queue_id != NULL)
		run_postqueue("-i", opt.queue_id);
	run_postqueue("-s", opt.site);
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

/* In the log too; nothing of main.cf is held at this point, see die(). */
static void
warn_sender(void)
{
	command_start(EX_TEMPFAIL);
	log_warn("-f option specified malformed sender: %s", opt.sender);
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
			warn_sender();
	}
	e->sender = pool_strdup(&e->pool, b.data);
	buf_done(&b);
}

/* The null address gets no mail; its mail is the mail system's.  As it will
 * be called in the end: nobody wrote that name. */
static void
add_null(struct envelope *e)
{
	const char *name = value("empty_address_recipient");
	char	   *address = strchr(name, '@') != NULL ? mem_strdup(name) :
	    mem_printf("%s@%s", name, value("myorigin"));

	envelope_add_rcpt(e, address, "", "", opt.notify);
	mem_free(address);
}

/* An argument with no address in it is the null address. */
static void
add_argument(struct envelope *e, const char *arg)
{
	struct buf b = BUF_INIT;
	uint32_t   before = e->rcpt_count;

	for (struct token *t = parse_argument(e, arg); t != NULL;
	    t = t->next) {
		if (t->type != TOKEN_ADDRESS)
			continue;
		buf_clear(&b);
		address_token_get(&b, t);
		if (b.len > 0)
			envelope_add_rcpt(e, b.data, "", "", opt.notify);
		else
			add_null(e);
	}
	if (e->rcpt_count == before)
		add_null(e);
	buf_done(&b);
}

static void
add_recipients(struct envelope *e, char **args)
{
	for (; *args != NULL; args++)
		add_argument(e, *args);
	if (e->rcpt_count == 0 && (opt.flags & SUBMIT_EXTRACT) == 0)
		die("%s(%ld): Recipient addresses must be specified on the "
		    "command line or via the -t option", e->sender,
		    (long)getuid());
}

static void
check_verp(const struct envelope *e)
{
	const char *filter = value("verp_delimiter_filter");

	if (opt.verp == NULL)
		return;
	if (*opt.verp != '\0' && (strlen(opt.verp) != 2 ||
	    strspn(opt.verp, filter) != 2))
		die("-V requires two characters from %s", filter);
	if (*e->sender == '\0')
		die("%s(%ld): -V option requires non-null sender address",
		    e->sender, (long)getuid());
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
	check_verp(e);
	if (opt.verp != NULL)
		envelope_set(e, ATTR_VERP_DELIMS, *opt.verp != '\0' ?
		    opt.verp : value("default_verp_delimiters"));
	snprintf(notify, sizeof notify, "%d", opt.notify);
	if ((opt.flags & SUBMIT_EXTRACT) != 0)
		envelope_set(e, ATTR_EXTRACT_NOTIFY, notify);
}

/*
 * All of standard input: it is kept, so that the message can be handed in a
 * second time when the first attempt fails half-way.
 */
static void
read_content(struct buf *to)
{
	if (!content_read(to, value("sendmail_fix_line_endings"),
	    opt.keep_dots))
		die("unable to read standard input: %s", strerror(errno));
}

/* sendmail -bv: no message is read, the report shows a made-up one. */
static void
make_probe(const struct envelope *e, struct buf *to)
{
	buf_addf(to, "From: %s\r\nSubject: probe\r\nTo:", e->sender);
	for (uint32_t i = 0; i < e->rcpt_count; i++)
		buf_addf(to, "%s%s", i == 0 ? "\t" : ",\r\n\t",
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
	for (size_t at = 0; at < content->len; at += PART_SIZE)
		frame_send_bytes(s, SUBMIT_CONTENT, SUBMIT_KEY_BYTES,
		    content->data + at, content->len - at < PART_SIZE ?
		    content->len - at : PART_SIZE);
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
	    SUBMIT_ENTRANCE);
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

static bool
is_too_big(const struct buf *content)
{
	uint64_t limit;

	return text_to_u64(value("message_size_limit"), UINT64_MAX, &limit) &&
	    limit > 0 && content->len > limit;
}

static void __attribute__((noreturn))
postdrop_failed(const struct envelope *e, int status)
{
	const char *directory = value("command_directory");

	log_warn("command \"%s/postdrop -r\" exited with status %d",
	    directory, status);
	die("%s(%ld): unable to execute %s/postdrop -r: Application error",
	    e->sender, (long)getuid(), directory);
}

static void
give_to_postdrop(const struct envelope *e, const struct buf *content,
    struct result *r)
{
	struct stream *s;
	int	       pair[2], status;
	pid_t	       pid, ended;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0 ||
	    (pid = fork()) < 0)
		die("unable to run postdrop: %s", strerror(errno));
	if (pid == 0)
		run_postdrop(pair[1]);
	close(pair[1]);
	s = stream_open(pair[0]);
	converse(s, e, content, r);
	stream_abort(s);
	while ((ended = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
		;
	/* It has said why, and answered nothing.  What is too big has words
	 * of its own. */
	if (!is_too_big(content) && ended == pid && WIFEXITED(status) &&
	    WEXITSTATUS(status) != 0 &&
	    r->status == SUBMIT_ERROR && r->why.len == 0)
		postdrop_failed(e, WEXITSTATUS(status));
}

static _Noreturn void
no_recipients(const struct envelope *e)
{
	die("%s(%ld): No recipient addresses found in message header",
	    e->sender, (long)getuid());
}

static void
report(const struct envelope *e, const struct result *r)
{
	long uid = (long)getuid();

	switch (r->status) {
	case SUBMIT_OK:
		return;
	case SUBMIT_NO_RCPT:
		no_recipients(e);
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

/* Who may submit is for postdrop to say, by main.cf as it is now: pickup knows
 * it as it was at the last reload. */
static bool
is_restricted(void)
{
	return !text_eq(value("authorized_submit_users"), "static:anyone");
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
	if (e.rcpt_count == 0 && !content_names_recipient(&content))
		no_recipients(&e);
	/* what is too big for pickup postdrop refuses, and says so in the
	 * log */
	too_big = is_too_big(&content);
	if (too_big || is_restricted() || !give_to_pickup(&e, &content, &r) ||
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
	options_parse(argc, argv);
	flush_some();
	if (opt.mode == MODE_MAIL)
		send_mail(argv + optind);
	else
		run_other(argc);
	return 0;
}
