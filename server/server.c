/*
 * server - the skeleton of every daemon: options, configuration, log, order
 *
 * Nothing here serves: server_multi.c and server_single.c do.
 */

#include "server/server.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/param.h"
#include "mail/peer.h"
#include "mail/queue_dir.h"
#include "mail/qmgr_client.h"
#include "net/addr.h"
#include "net/connect.h"
#include "server/maillog.h"
#include "server/pass.h"
#include "server/redirect.h"
#include "server/server_int.h"
#include "server/tls.h"
#include "table/table.h"
#include "util/buf.h"
#include "util/frame.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/proc.h"
#include "util/stream.h"
#include "util/text.h"

enum {
	TRIGGER_MAX = 1024,	/* bytes of a trigger frame */
	TRIGGER_HEAD = 6,	/* bytes that tell the type of a frame */
	DEBUG_WAIT = 30,	/* seconds for -D */
};

struct server_start server_start = { .type = "unix", .service = "" };
struct server_state server_state;

/* -o settings, applied when main.cf was read. */
static const char **overrides;
static size_t	    override_count;
static bool	    log_to_stderr;

/* --- what programs ask */

const char *
server_service(void)
{
	return server_start.service;
}

const char *
server_process_name(void)
{
	return server_start.program;
}

char **
server_args(void)
{
	return server_start.args;
}

bool
server_is_alone(void)
{
	return server_start.alone;
}

bool
server_stopping(void)
{
	return server_state.stopping || server_state.retiring;
}

void
server_retire(void)
{
	if (server_state.stopping || server_state.retiring)
		return;
	server_state.retiring = true;
	if (!server_start.alone && server_start.s->kind == SERVER_MULTI)
		server_multi_leave();
}

int
server_sessions(void)
{
	return server_state.sessions;
}

bool
server_stress(void)
{
	return server_start.stress;
}

void
server_report(enum master_status status)
{
	char byte = (char)status;

	/* When master is gone the loop finds out. */
	if (server_start.sockets > 0)
		(void)!write(MASTER_FD_STATUS, &byte, 1);
}

/* --- a connection */

/* A trigger is told by the type in its first bytes, which the sender writes
 * in one go. */
static bool
is_trigger(struct stream *stream)
{
	const char *p;
	size_t	    n;
	uint16_t    type;

	p = stream_peek(stream, &n);
	if (p == NULL || n < TRIGGER_HEAD)
		return false;
	memcpy(&type, p + 4, sizeof type);
	return type == TRIGGER_FRAME;
}

static void
serve_trigger(struct stream *stream)
{
	struct frame f = FRAME_INIT;
	const char  *requests;

	if (frame_receive(stream, &f, TRIGGER_MAX) &&
	    (requests = frame_str(&f, TRIGGER_KEY_REQUESTS)) != NULL)
		server_start.s->triggered(requests);
	frame_done(&f);
}

/* Ends of connections that came over a service of type pass. */
struct ends {
	struct ends	*next;
	struct stream	*stream;
	struct passed	 passed;
};

static struct ends *all_ends;

bool
server_passed(const struct stream *stream, struct addr *ret_client,
    struct addr *ret_server)
{
	for (const struct ends *e = all_ends; e != NULL; e = e->next)
		if (e->stream == stream && e->passed.has_ends) {
			*ret_client = e->passed.client;
			*ret_server = e->passed.server;
			return true;
		}
	return false;
}

static void
serve_passed(struct stream *from)
{
	struct ends   e = { .stream = NULL }, **at;

	e.stream = pass_receive(from, &e.passed);
	if (e.stream == NULL)
		return;
	e.next = all_ends;
	all_ends = &e;
	server_start.s->serve(e.stream);
	for (at = &all_ends; *at != &e; at = &(*at)->next)
		;
	*at = e.next;
	stream_close(e.stream);
}

static void
serve_connection(struct stream *stream)
{
	const struct server *s = server_start.s;
	bool may_trigger = s->triggered != NULL && !server_start.alone &&
	    text_eq(server_start.type, "unix");

	if (may_trigger && is_trigger(stream))
		serve_trigger(stream);
	else if (s->serve != NULL)
		s->serve(stream);
	stream_close(stream);
}

void
server_session(struct stream *stream)
{
	if (text_eq(server_start.type, "pass") && server_start.s->serve != NULL)
		serve_passed(stream);
	else
		serve_connection(stream);
	if (!server_state.served) {
		server_state.served = true;
		server_report(MASTER_SERVED);
	}
}

/* --- the command line */

static void
add_override(const char *assignment)
{
	overrides = mem_realloc(overrides,
	    (override_count + 1) * sizeof *overrides);
	overrides[override_count++] = assignment;
}

static int
number(const char *option, const char *text)
{
	long n;

	if (!text_to_long(text, 0, 1000000, &n))
		fatalx("option %s wants a number from 0 to 1000000, not \"%s\"",
		    option, text);
	return (int)n;
}

static void
usage_by_hand(void)
{
	fatalx("%s is started by master; see postfix(1) for starting the mail"
	    " system, or use -S for one session on standard input",
	    server_start.program);
}

static void
parse_options(int argc, char **argv)
{
	struct server_start *st = &server_start;
	int		     c;

	opterr = 0;
	while ((c = getopt(argc, argv, "+c:dDi:lm:n:o:r:s:St:uvVz")) != -1) {
		switch (c) {
		case 'c': conf_set_dir(optarg); break;
		case 'd': case 'l': case 'r': break;	/* nothing to do here */
		case 'D': sleep(DEBUG_WAIT); break;
		case 'i': st->max_idle = number("-i", optarg); break;
		case 'm': st->max_sessions = number("-m", optarg); break;
		case 'n': st->service = optarg; break;
		case 'o': add_override(optarg); break;
		case 's': st->sockets = number("-s", optarg); break;
		case 'S': st->alone = true; break;
		case 't': st->type = optarg; break;
		case 'u': st->unprivileged = true; break;
		case 'v': log_verbose++; break;
		case 'V': log_to_stderr = true; break;
		case 'z': st->chroot = true; break;
		default: st->bad_option = optopt; break;
		}
	}
	st->args = argv + optind;
	if (st->sockets == 0 && !st->alone)
		usage_by_hand();
}

/* --- configuration */

static void
override(const char *assignment)
{
	const char *why;

	if (!conf_override(assignment, &why))
		fatalx("%s", why);
}

static void
override_name(const char *name, const char *value)
{
	char *assignment = mem_printf("%s=%s", name, value);

	override(assignment);
	mem_free(assignment);
}

/* Texts are loaded first: mostly it is known where the log is, and who looks
 * there for the reason shall find it. */
static void __attribute__((noreturn))
give_up(const char *why)
{
	char *text = mem_strdup(why);

	if (conf_mail.maillog_file != NULL && conf_mail.syslog_name != NULL &&
	    conf_mail.syslog_facility != NULL &&
	    conf_mail.postlog_service_name != NULL &&
	    conf_mail.queue_directory != NULL &&
	    chdir(conf_mail.queue_directory) == 0)
		maillog_open(server_start.program, false);
	conf_warn_read();
	fatalx("%s", text);
}

static void
load(const struct param_area *area)
{
	const char *why;

	if (!conf_load(area, &why))
		give_up(why);
}

static void
read_configuration(void)
{
	const struct server *s = server_start.s;
	const char	    *why;

	if (!conf_read(&why))
		fatalx("%s", why);
	override_name("process_name", server_start.program);
	if (server_start.service[0] != '\0')
		override_name("service_name", server_start.service);
	for (size_t i = 0; i < override_count; i++)
		override(overrides[i]);
	load(&param_mail);
	log_set_ascii(!conf_mail.smtputf8_enable);
	addr_set_known_ports(conf_mail.known_tcp_ports);
	connect_set_window(conf_mail.tcp_windowsize);
	for (size_t i = 0; s->areas != NULL && s->areas[i] != NULL; i++)
		load(s->areas[i]);
	why = conf_value("stress");
	server_start.stress = why != NULL && why[0] != '\0';
	if (server_start.max_idle == 0)
		server_start.max_idle = conf_mail.max_idle;
}

static bool
reads_tls(const struct server *s)
{
	for (size_t i = 0; s->areas != NULL && s->areas[i] != NULL; i++)
		if (s->areas[i] == &param_tls)
			return true;
	return false;
}

/* A setting of the service's own in master.cf (after master's) stands. */
void
server_set_stress(bool on)
{
	const struct server *s = server_start.s;
	int		     own = 0;

	for (size_t i = 0; i < override_count; i++)
		own += text_starts(overrides[i], "stress=");
	if (own > 1 || server_start.stress == on)
		return;
	server_start.stress = on;
	override(on ? "stress=yes" : "stress=");
	load(&param_mail);
	for (size_t i = 0; s->areas != NULL && s->areas[i] != NULL; i++)
		load(s->areas[i]);
}

/* A service may have another name in master.cf, for one program with -o: mail
 * of one smtpd goes to a cleanup with options of its own, say. */
static void
name_services(void)
{
	const struct {
		const char *usual, *name;
	} services[] = {
		{ "private/bounce", conf_mail.bounce_service_name },
		{ "private/defer", conf_mail.defer_service_name },
		{ "private/trace", conf_mail.trace_service_name },
		{ "private/rewrite", conf_mail.rewrite_service_name },
		{ "private/tlsmgr", conf_mail.tlsmgr_service_name },
		{ "private/verify", conf_mail.address_verify_service_name },
		{ "public/cleanup", conf_mail.cleanup_service_name },
	};

	for (size_t i = 0; i < sizeof services / sizeof *services; i++) {
		const char *usual = services[i].usual;
		int	    folder = (int)(strchr(usual, '/') - usual);
		char	   *path = mem_printf("%.*s/%s", folder, usual,
		    services[i].name);

		if (!text_eq(path, usual))
			peer_rename(usual, path);
		mem_free(path);
	}
}

static void
table_fails(const char *why)
{
	if (conf_mail.daemon_table_open_error_is_fatal)
		fatalx("%s", why);
	log_error("%s", why);
}

/* --- */

void
server_main(int argc, char **argv, const struct server *s)
{
	const char *slash = strrchr(argv[0], '/');

	server_start.s = s;
	server_start.program = slash != NULL ? slash + 1 : argv[0];
	log_set_name(server_start.program);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	umask(077);

	parse_options(argc, argv);
	conf_set_brief(!isatty(STDERR_FILENO));
	read_configuration();
	if (chdir(conf_mail.queue_directory) < 0)
		fatal("chdir %s", conf_mail.queue_directory);
	queue_dir_init(conf_mail.hash_queue_names, conf_mail.hash_queue_depth);
	maillog_open(server_start.program, false);
	if (log_to_stderr)
		log_also_stderr(true);
	if (server_start.bad_option != 0)
		fatalx("invalid option: %c", server_start.bad_option);
	proc_max_files();
	peer_init(conf_mail.ipc_timeout, server_stopping);
	redirect_tables(!server_start.alone &&
	    !text_eq(s->name, "nbdb_reindexd"));
	name_services();
	if (!s->one_process)
		table_on_stale(server_retire);
	table_on_broken(table_fails);
	table_set_reply_limit((size_t)conf_mail.socketmap_max_reply_size);
	/* Who acts as users must not believe a process of mail_owner. */
	table_use_proxymap(!s->privileged && !server_start.alone &&
	    !text_eq(s->name, "proxymap"));
	if (reads_tls(s))
		table_start_tls_with(server_tls_start);
	if (s->before_jail != NULL)
		s->before_jail();
	server_jail();
	if (s->after_jail != NULL)
		s->after_jail();

	if (server_start.alone) {
		server_run_alone();
	} else if (s->kind == SERVER_SINGLE) {
		server_run_single();
	} else {
		server_run_multi();
	}
	if (s->before_exit != NULL)
		s->before_exit();
	/* all is done; that somebody killed us master shall tell */
	if (server_state.terminated && !s->hides_sigterm) {
		log_flush();
		signal(SIGTERM, SIG_DFL);
		raise(SIGTERM);
	}
	exit(0);
}
