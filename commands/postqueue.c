/*
 * postqueue, mailq - look at the queue, and have it delivered
 *
 * Set-gid postdrop, so that anybody may reach the sockets in public/: it
 * believes neither its arguments nor a configuration directory that main.cf
 * does not list.  The listing is made by showq; when the mail system is
 * down, root may read the queue directly.
 *
 * Ends with 0, or with EX_UNAVAILABLE and a reason.
 */

#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "commands/postqueue/orders.h"
#include "conf/conf.h"
#include "mail/address.h"
#include "mail/flush_client.h"
#include "mail/peer.h"
#include "mail/qmgr_client.h"
#include "mail/queue_dir.h"
#include "mail/queue_id.h"
#include "mail/queue_list.h"
#include "mail/queue_shape.h"
#include "net/dns.h"
#include "server/command.h"
#include "server/server.h"
#include "table/match.h"
#include "util/frame.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/stream.h"
#include "util/text.h"

enum {
	REASON_COLUMNS = 78,	/* a shorter reason ends there */
	ADDRESS_COLUMN = 41,
	ADDRESS_COLUMN_LONG = 47,
};

struct printer {
	bool		 json;
	struct queue_shape *shape;	/* --summary */
	int64_t		 now;
	uint64_t	 bytes;
	unsigned long	 messages;
	struct buf	 out;		/* one message's text */
};

static void
usage(void)
{
	fatal_exit(EX_UNAVAILABLE, "usage: postqueue -f | postqueue -i queueid"
	    " | postqueue -j | postqueue -p | postqueue -s site");
}

/* --- printing */

static void
json_string(struct buf *out, const char *key, const char *value)
{
	buf_addf(out, "\"%s\": ", key);
	text_json(out, value, strlen(value));
}

static void
json_address(struct buf *out, const char *key, const char *internal)
{
	struct buf external = BUF_INIT;

	address_quote(&external, internal);
	json_string(out, key, external.data);
	buf_done(&external);
}

static void
print_json(struct printer *p, const struct queue_list_entry *e)
{
	struct buf *out = &p->out;

	buf_adds(out, "{");
	json_string(out, "queue_name", e->queue);
	buf_adds(out, ", ");
	json_string(out, "queue_id", e->id);
	buf_addf(out, ", \"arrival_time\": %lld, \"message_size\": %llu, "
	    "\"forced_expire\": %s, ", (long long)e->arrival,
	    (unsigned long long)e->size, e->forced_expire ? "true" : "false");
	json_address(out, "sender", *e->sender != '\0' ? e->sender :
	    "MAILER-DAEMON");
	buf_adds(out, ", \"recipients\": [");
	for (size_t i = 0; i < e->rcpt_count; i++) {
		buf_adds(out, i > 0 ? ", {" : "{");
		json_address(out, "orig_address", e->rcpt[i].original);
		buf_adds(out, ", ");
		json_address(out, "address", e->rcpt[i].address);
		if (*e->rcpt[i].reason != '\0') {
			buf_adds(out, ", ");
			json_string(out, "delay_reason", e->rcpt[i].reason);
		}
		buf_adds(out, "}");
	}
	buf_adds(out, "]}\n");
}

/* Nothing that a stranger chose may act on the terminal. */
static void
add_printable(struct buf *out, const char *text)
{
	text_printable(out, text, strlen(text), true);
}

static void
add_address(struct buf *out, const char *internal)
{
	struct buf external = BUF_INIT;

	address_quote(&external, internal);
	add_printable(out, external.data);
	buf_done(&external);
}

static void
print_rcpts(struct printer *p, const struct queue_list_entry *e)
{
	int column = conf_mail.enable_long_queue_ids ? ADDRESS_COLUMN_LONG :
	    ADDRESS_COLUMN;
	const char *last = "";
	struct buf *out = &p->out, reason = BUF_INIT;

	for (size_t i = 0; i < e->rcpt_count; i++) {
		const struct queue_list_rcpt *r = &e->rcpt[i];

		if (strcmp(r->reason, last) != 0 && *r->reason != '\0') {
			buf_clear(&reason);
			buf_addc(&reason, '(');
			add_printable(&reason, r->reason);
			buf_addc(&reason, ')');
			buf_addf(out, "%*s\n", REASON_COLUMNS, reason.data);
		}
		last = r->reason;
		buf_addf(out, "%*s", column, "");
		add_address(out, r->address);
		buf_addc(out, '\n');
	}
	buf_done(&reason);
}

static void
print_text(struct printer *p, const struct queue_list_entry *e)
{
	bool	   is_long = conf_mail.enable_long_queue_ids;
	time_t	   arrival = (time_t)e->arrival;
	char	   when[32], name[QUEUE_ID_MAX + 4];
	struct tm  tm;

	if (p->messages == 0)
		fputs(is_long ?
		    "----Queue ID----- --Size-- ---Arrival Time---- "
		    "--Sender/Recipient------\n" :
		    "-Queue ID-  --Size-- ----Arrival Time---- "
		    "-Sender/Recipient-------\n", stdout);
	else
		buf_addc(&p->out, '\n');
	snprintf(name, sizeof name, "%s%s%s", e->id,
	    strcmp(e->queue, QUEUE_ACTIVE) == 0 ? "*" :
	    strcmp(e->queue, QUEUE_HOLD) == 0 ? "!" : "",
	    e->forced_expire ? "#" : "");
	strftime(when, sizeof when, "%a %b %e %H:%M:%S",
	    localtime_r(&arrival, &tm));
	buf_addf(&p->out, is_long ? "%-17s %8llu %-19s " : "%-11s %7llu %-20s ",
	    name, (unsigned long long)e->size, when);
	if (*e->sender != '\0')
		add_address(&p->out, e->sender);
	else
		buf_adds(&p->out, "MAILER-DAEMON");
	buf_addc(&p->out, '\n');
	print_rcpts(p, e);
}

static bool
print_entry(void *arg, const struct queue_list_entry *e)
{
	struct printer *p = arg;

	buf_clear(&p->out);
	if (p->shape != NULL)
		queue_shape_add(p->shape, e, p->now);
	else if (p->json)
		print_json(p, e);
	else
		print_text(p, e);
	fwrite(p->out.data, 1, p->out.len, stdout);
	p->messages++;
	p->bytes += e->size;
	return !ferror(stdout);
}

static void
print_summary(struct printer *p)
{
	queue_shape_print(p->shape, &p->out);
	printf("%s\n%lu messages, %llu Kbytes\n", p->out.data, p->messages,
	    (unsigned long long)(p->bytes / 1024));
	queue_shape_free(p->shape);
}

static void
print_end(struct printer *p)
{
	if (p->json)
		;
	else if (p->shape != NULL && p->messages > 0)
		print_summary(p);
	else if (p->messages == 0)
		puts("Mail queue is empty");
	else
		printf("\n-- %llu Kbytes in %lu Request%s.\n",
		    (unsigned long long)(p->bytes / 1024), p->messages,
		    p->messages == 1 ? "" : "s");
	buf_done(&p->out);
	if (fflush(stdout) != 0 && errno != EPIPE)
		fatal_exit(EX_IOERR, "write error: %s", strerror(errno));
}

/* --- listing */

static bool
is_privileged(void)
{
	const struct passwd *pw = getpwnam(conf_mail.mail_owner);

	return getuid() == 0 || (pw != NULL && getuid() == pw->pw_uid);
}

/* authorized_flush_users, authorized_mailq_users: names, files, tables. */
static void
check_user(const char *parameter, const char *list, const char *what)
{
	const struct passwd *pw;
	struct match *users;

	if (is_privileged())
		return;
	pw = getpwuid(getuid());
	users = match_new(parameter, list, false);
	if (match_word(users, pw != NULL ? pw->pw_name : "unknown") !=
	    MATCH_YES)
		fatal_exit(EX_UNAVAILABLE, "User %s(%ld) is not allowed to %s",
		    pw != NULL ? pw->pw_name : "unknown", (long)getuid(), what);
	match_free(users);
}

static void
list_directly(struct printer *p, const char *why)
{
	if (geteuid() != 0)
		fatal_exit(EX_UNAVAILABLE, "Queue report unavailable - mail "
		    "system is down (Connect to the %s showq service: %s)",
		    conf_mail.mail_name, why);
	log_warn("Mail system is down -- accessing queue directly "
	    "(Connect to the %s showq service: %s)", conf_mail.mail_name, why);
	command_enter_queue(EX_UNAVAILABLE);
	queue_list(print_entry, p);
}

static void
list_from(struct printer *p, struct stream *s)
{
	struct frame f = FRAME_INIT;
	struct pool pool = POOL_INIT;
	struct queue_list_entry e;
	bool ended = false;

	frame_begin(&f, SHOWQ_LIST);
	frame_send(s, &f);
	while (!ended) {
		stream_set_deadline(s, conf_mail.ipc_timeout);
		if (!frame_receive(s, &f, FRAME_MAX))
			break;
		pool_clear(&pool);
		ended = f.type == SHOWQ_END;
		if (!ended && (!queue_list_read(&f, &pool, &e) ||
		    !print_entry(p, &e)))
			break;
	}
	if (!ended && !ferror(stdout))
		fatal_exit(EX_UNAVAILABLE, "the queue report is not complete: "
		    "%s", stream_failed(s) != NULL ? stream_failed(s) :
		    "malformed data");
	pool_done(&pool);
	frame_done(&f);
	stream_close(s);
}

static void
show(int mode)
{
	static const struct queue_shape_options options;
	static char buffer[64 * 1024];
	struct printer p = { .json = mode == 'j', .out = BUF_INIT,
	    .now = time(NULL) };
	struct buf path = BUF_INIT;
	struct stream *s;

	check_user("authorized_mailq_users", conf_mail.authorized_mailq_users,
	    "view the mail queue");
	if (mode == 'S')
		p.shape = queue_shape_new(&options);
	setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
	buf_addf(&path, "public/%s", conf_mail.showq_service_name);
	s = peer_connect(path.data);
	if (s == NULL)
		list_directly(&p, strerror(errno));
	else
		list_from(&p, s);
	print_end(&p);
	buf_done(&path);
}

/* --- delivery */

static void
check_flusher(void)
{
	check_user("authorized_flush_users", conf_mail.authorized_flush_users,
	    "flush the mail queue");
}

static void
is_down(void)
{
	fatal_exit(EX_UNAVAILABLE,
	    "Cannot flush mail queue - mail system is down");
}

static void
flush_all(void)
{
	static const char requests[] = {
		QMGR_FLUSH_DEAD, QMGR_SCAN_ALL, QMGR_SCAN_DEFERRED,
		QMGR_SCAN_INCOMING, '\0',
	};

	check_flusher();
	if (server_trigger(QMGR_SERVICE, requests))
		return;
	if (errno == ENOENT)
		log_warn("unable to look up %s: %s", QMGR_SERVICE,
		    strerror(errno));
	is_down();
}

static void
flush_message(const char *id)
{
	if (!queue_id_is_plausible(id))
		fatal_exit(EX_UNAVAILABLE, "Cannot flush queue ID - invalid "
		    "name: \"%.100s%s\"", id, strlen(id) > 100 ? "..." : "");
	check_flusher();
	if (!queue_id_is_valid(id) || qmgr_flush_message(id))
		return;
	log_warn("connect to public/%s: %s", conf_mail.flush_service_name,
	    strerror(errno));
	is_down();
}

static void
check_site(const char *site)
{
	char   inner[256];
	size_t n = strlen(site);

	if (*site == '[' && n > 2 && n < sizeof inner && site[n - 1] == ']') {
		snprintf(inner, sizeof inner, "%.*s", (int)n - 2, site + 1);
		if (text_starts_nocase(inner, "IPv6:") ?
		    dns_valid_address(inner + 5) :
		    dns_valid_address(inner) && strchr(inner, ':') == NULL)
			return;
	} else if (dns_valid_name(site))
		return;
	fatal_exit(EX_UNAVAILABLE, "Cannot flush mail queue - invalid "
	    "destination: \"%.100s%s\"", site, n > 100 ? "..." : "");
}

static void
try_site(const char *site)
{
	check_site(site);
	check_flusher();
	switch (flush_site(site)) {
	case FLUSH_OK:
		return;
	case FLUSH_DENIED:
		fatal_exit(EX_UNAVAILABLE, "Flush service is not configured "
		    "for destination \"%s\"", site);
	case FLUSH_BAD:
		fatal_exit(EX_UNAVAILABLE, "Invalid request: \"%s\"", site);
	case FLUSH_FAIL:
		is_down();
	}
}

/* --- options */

/* Values of long options: an order to qmgr. */
static const struct option long_options[] = {
	{ "suspend", required_argument, NULL, QMGR_SUSPEND },
	{ "reroute", required_argument, NULL, QMGR_REROUTE },
	{ "resume", required_argument, NULL, QMGR_RESUME },
	{ "orders", no_argument, NULL, QMGR_ORDERS },
	{ "to", required_argument, NULL, 't' },
	{ "reason", required_argument, NULL, 'r' },
	{ "json", no_argument, NULL, 'J' },
	{ "summary", no_argument, NULL, 'S' },
	{ NULL, 0, NULL, 0 },
};

static struct {
	int		 mode;		/* letter or enum qmgr_frame */
	const char	*arg;
	const char	*to, *reason;	/* of an order */
	bool		 json;
} opt;

static void
take_option(int ch)
{
	switch (ch) {
	case 'c':
		conf_set_dir(optarg);
		break;
	case 'v':
		if (getuid() == 0)
			log_verbose++;
		break;
	case 't':
		opt.to = optarg;
		break;
	case 'r':
		opt.reason = optarg;
		break;
	case 'J':
		opt.json = true;
		break;
	default:
		if (ch == '?' || opt.mode != 0)
			usage();
		opt.mode = ch;
		opt.arg = optarg;
	}
}

/* Others are complained of as in Postfix, which knows no long ones. */
static bool
has_long_option(char **argv)
{
	for (char **arg = argv; *arg != NULL; arg++)
		for (const struct option *o = long_options; o->name != NULL;
		    o++)
			if (text_starts(*arg, "--") && strncmp(*arg + 2,
			    o->name, strcspn(*arg + 2, "=")) == 0 &&
			    (*arg)[2] != '\0')
				return true;
	return false;
}

static void
parse_options(int argc, char **argv)
{
	static const char letters[] = "c:fi:jps:v";
	bool has_long = has_long_option(argv);
	int  ch;

	while ((ch = has_long ? getopt_long(argc, argv, letters, long_options,
	    NULL) : getopt(argc, argv, letters)) != -1)
		take_option(ch);
	if (opt.mode == 0 || optind < argc ||
	    (opt.mode == QMGR_REROUTE) != (opt.to != NULL))
		usage();
}

int
main(int argc, char **argv)
{
	command_name(argv[0]);
	parse_options(argc, argv);
	command_start(EX_UNAVAILABLE);
	peer_init(conf_mail.ipc_timeout, NULL);
	queue_dir_init(conf_mail.hash_queue_names, conf_mail.hash_queue_depth);
	if (chdir(conf_mail.queue_directory) != 0)
		fatal_exit(EX_UNAVAILABLE, "chdir %s: %s",
		    conf_mail.queue_directory, strerror(errno));
	switch (opt.mode) {
	case 'f': flush_all(); break;
	case 'i': flush_message(opt.arg); break;
	case 's': try_site(opt.arg); break;
	case 'j': case 'p': case 'S': show(opt.mode); break;
	default:
		orders_run((enum qmgr_frame)opt.mode, opt.arg, opt.to,
		    opt.reason, opt.json);
	}
	return 0;
}
