/*
 * posttls-finger - see how a mail server does TLS
 *
 * For anybody; without privilege.  Finds the servers of a destination, speaks
 * SMTP or LMTP with the first that answers up to STARTTLS, and reports the
 * conversation, the session and the certificate, judged by a security level.
 * No policy table is asked and no daemon: main.cf gives the settings of the
 * TLS library only.  What the server says is shown with harmless characters.
 *
 * All of it goes to standard output.  Ends with 0 also where a server is not
 * what the level asks for, with 1 if the options are wrong or the conversation
 * breaks off.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "commands/posttls-finger/servers.h"
#include "conf/conf.h"
#include "conf/param.h"
#include "mail/nexthop.h"
#include "net/connect.h"
#include "net/dns.h"
#include "net/tls.h"
#include "server/command.h"
#include "server/tls.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/stream.h"
#include "util/task.h"
#include "util/text.h"

enum {
	TLSA_MAX = 50,
	LINE_BYTES = 2048,
	LINES_MAX = 200,	/* of a reply */
	KEEP_MAX = 5,		/* sessions for -r */
};

static struct {
	bool		 lmtp, wrapper, quiet, chain, force_tlsa, srv;
	const char	*family, *lookup, *ca_file, *ca_path, *chains;
	const char	*cert, *key, *digest, *grade, *level, *log;
	const char	*protocols, *sni, *insecure_mx;
	struct buf	 anchors;
	int		 connect_wait, command_wait, again, again_max;
	const char	*destination;
	const char *const *match;
} opt = {
	.family = "any", .lookup = "dns", .grade = "medium",
	.log = "routine,certmatch",
	.protocols = ">=TLSv1", .insecure_mx = "dane",
	.connect_wait = 30, .command_wait = 30, .again_max = 5,
	.anchors = BUF_INIT,
};

static struct {
	struct pool	 pool;
	struct nexthop	 hop;
	uint16_t	 port;
	struct servers	 servers;
	enum tls_level	 level;
	int		 log_level;
	unsigned	 say;		/* enum tls_say */
	struct tls_context *context;	/* NULL: no TLS */
	struct buf	 kept;		/* the session, for -r */
	char		*ehlo_name;	/* of the server, at the first time */
} run = { .pool = POOL_INIT, .kept = BUF_INIT };

/* --- one connection */

struct conversation {
	struct stream	*stream;
	const char	*host;
	char		 where[512];	/* "host[addr]:port" */
	struct tlsa	 tlsa[TLSA_MAX];
	size_t		 tlsa_count;
	struct dns_record *tlsa_records;
	const char	*tlsa_base;
	bool		 has_starttls;
	struct buf	 line;
};

static void
say(const char *direction, const char *text)
{
	struct buf b = BUF_INIT;

	if (opt.quiet)
		return;
	text_printable(&b, text, strlen(text), true);
	log_info("%s %s", direction, b.data);
	buf_done(&b);
}

static void
command(struct conversation *c, const char *text)
{
	say(">", text);
	stream_printf(c->stream, "%s\r\n", text);
}

/* The code of the reply.  EHLO's features are taken note of. */
static int
reply(struct conversation *c, int wait, const char *doing, bool is_ehlo)
{
	int count = 0;

	stream_set_deadline(c->stream, wait);
	do {
		if (++count > LINES_MAX || stream_get_line(c->stream, &c->line,
		    LINE_BYTES) != LINE_OK)
			fatalx("%s while %s", stream_timed_out(c->stream) ?
			    "timeout" : "lost connection", doing);
		say("<", c->line.data);
		if (is_ehlo && c->line.len > 4 &&
		    strcasecmp(c->line.data + 4, "STARTTLS") == 0)
			c->has_starttls = true;
		if (is_ehlo && count == 1 && run.ehlo_name == NULL &&
		    c->line.len > 4)
			run.ehlo_name = mem_strndup(c->line.data + 4,
			    strcspn(c->line.data + 4, " "));
	} while (c->line.len > 3 && c->line.data[3] == '-');
	return c->line.len >= 3 ? atoi(c->line.data) : 0;
}

static bool
is_welcome(const struct conversation *c, int code, const char *refusal)
{
	struct buf b = BUF_INIT;

	if (code / 100 == 2)
		return true;
	text_printable(&b, c->line.data, c->line.len, true);
	log_info("%s: %s", refusal, b.data);
	buf_done(&b);
	return false;
}

static bool
hello(struct conversation *c)
{
	struct buf text = BUF_INIT;
	int	   code;

	buf_addf(&text, "%s %s", opt.lmtp ? "LHLO" : "EHLO",
	    conf_value("smtp_helo_name"));
	command(c, text.data);
	buf_done(&text);
	code = reply(c, opt.command_wait, opt.lmtp ? "sending LHLO" :
	    "sending EHLO", true);
	return is_welcome(c, code, opt.lmtp ? "LHLO rejected" :
	    "EHLO rejected");
}

/* --- resumption: one session, in memory */

static bool
load(const char *key, struct buf *ret)
{
	(void)key;
	if (run.kept.len == 0)
		return false;
	buf_add(ret, run.kept.data, run.kept.len);
	return true;
}

static void
save(const char *key, const void *bytes, size_t len)
{
	(void)key;
	buf_clear(&run.kept);
	buf_add(&run.kept, bytes, len);
}

static void
forget(const char *key)
{
	(void)key;
	buf_clear(&run.kept);
}

/* --- TLSA */

static void
take_tlsa(struct conversation *c, const struct dns_record *r)
{
	for (; r != NULL && c->tlsa_count < TLSA_MAX; r = r->next) {
		const uint8_t *p = (const uint8_t *)r->target;
		struct tlsa    t;

		if (r->type != DNS_TLSA || r->target_len < 4)
			continue;
		t = (struct tlsa){ p[0], p[1], p[2], p + 3,
		    r->target_len - 3 };
		if (tlsa_is_usable(&t))
			c->tlsa[c->tlsa_count++] = t;
	}
}

static void
find_tlsa(struct conversation *c, const struct server *h)
{
	const char *names[] = { h->canonical, h->name };
	struct buf  name = BUF_INIT;

	for (int i = 0; i < 2 && c->tlsa_records == NULL && (h->proven ||
	    opt.force_tlsa); i++) {
		buf_clear(&name);
		buf_addf(&name, "_%u._tcp.%s",
		    (unsigned)addr_port(&h->addr), names[i]);
		if (dns_query(name.data, DNS_TLSA, &c->tlsa_records, NULL) ==
		    DNS_OK && c->tlsa_records->authentic)
			c->tlsa_base = names[i];
		else {
			dns_free(c->tlsa_records);
			c->tlsa_records = NULL;
		}
	}
	buf_done(&name);
	take_tlsa(c, c->tlsa_records);
	if (c->tlsa_count == 0 && run.level == TLS_LEVEL_DANE_ONLY)
		log_info("%s, resorting to \"secure\"",
		    c->tlsa_records != NULL ? "all TLSA records unusable" :
		    "no TLSA records found");
}

/* --- the handshake */

static bool
wants_dane(void)
{
	return run.level >= TLS_LEVEL_HALF_DANE &&
	    run.level <= TLS_LEVEL_DANE_ONLY;
}

/* "dane" without records is "secure". */
static enum tls_level
level_for(const struct conversation *c)
{
	return wants_dane() && c->tlsa_count == 0 ? TLS_LEVEL_SECURE :
	    run.level;
}

static const char *const *
names_for(const struct conversation *c, enum tls_level level)
{
	static const char *names[4];
	size_t n = 0;

	if (*opt.match != NULL && level != TLS_LEVEL_DANE &&
	    level != TLS_LEVEL_DANE_ONLY)
		return opt.match;
	if (level == TLS_LEVEL_VERIFY || run.hop.no_mx ||
	    run.hop.host == NULL) {
		names[n++] = c->host;
	} else {
		names[n++] = run.hop.host;
		names[n++] = pool_printf(&run.pool, ".%s", run.hop.host);
	}
	names[n] = NULL;
	return names;
}

static void
show_chain(const struct conversation *c)
{
	struct buf text = BUF_INIT;

	buf_adds(&text, "\n---\nCertificate chain\n");
	tls_stream_chain(c->stream, &text);
	log_flush();
	fputs(text.data, stdout);
	fflush(stdout);
	buf_done(&text);
}

/* What can't be understood is told of, and there is no session. */
static bool
choose_strength(const struct conversation *c, struct tls_strength *s)
{
	const char *why;

	s->grade = tls_grade_parse(opt.grade);
	if (s->grade == TLS_GRADE_BAD) {
		log_warn("%s: invalid cipher grade: \"%s\"", c->where,
		    opt.grade);
		return false;
	}
	if (tls_protocols_parse(&s->protocols, opt.protocols, &why))
		return true;
	log_warn("%s: Invalid TLS protocol list \"%s\": aborting TLS session",
	    c->where, opt.protocols);
	return false;
}

static bool
start_tls(struct conversation *c)
{
	struct tls_connect wish = {
		.peer = c->where,
		.level = level_for(c),
		.host = c->tlsa_base != NULL ? c->tlsa_base : c->host,
		.sni = c->tlsa_count > 0 ? c->tlsa_base : opt.sni,
		.tlsa = c->tlsa, .tlsa_count = c->tlsa_count,
		.anchor_files = opt.anchors.len > 0 ? opt.anchors.data : NULL,
		.session_key = opt.again > 0 ? "session" : NULL,
		.log_level = run.log_level, .say = run.say,
		.deadline = clock_in(opt.command_wait),
	};

	wish.match = names_for(c, wish.level);
	if (!choose_strength(c, &wish.strength) ||
	    tls_connect(run.context, c->stream, &wish) == NULL)
		return false;
	if (opt.chain)
		show_chain(c);
	return true;
}

static bool
secure(struct conversation *c)
{
	if (!c->has_starttls || run.context == NULL)
		return true;
	command(c, "STARTTLS");
	return is_welcome(c, reply(c, opt.command_wait, "sending STARTTLS",
	    false), "STARTTLS rejected") && start_tls(c) && hello(c);
}

static void
converse(struct conversation *c)
{
	if (!opt.quiet)
		log_info("Connected to %s", c->where);
	if (opt.wrapper && run.context != NULL && !start_tls(c))
		return;
	if (!is_welcome(c, reply(c, opt.connect_wait,
	    "waiting for the greeting",
	    false), opt.lmtp ? "LMTP service not available" :
	    "SMTP service not available") || !hello(c))
		return;
	if (!opt.wrapper && !secure(c))
		return;
	command(c, "QUIT");
	reply(c, opt.command_wait, "sending QUIT", false);
}

static void
end(struct conversation *c)
{
	stream_close(c->stream);
	buf_done(&c->line);
	dns_free(c->tlsa_records);
}

/* --- servers */

static bool
try_server(const struct server *s)
{
	struct conversation c = { .host = s->name, .line = BUF_INIT };
	char text[ADDR_TEXT];
	int  fd;

	addr_text(&s->addr, text);
	snprintf(c.where, sizeof c.where, "%s[%s]:%u", s->name, text,
	    (unsigned)addr_port(&s->addr));
	fd = connect_inet(&s->addr, NULL, clock_in(opt.connect_wait));
	if (fd < 0) {
		log_info("Failed to establish session to %s via %s: "
		    "connect to %s: %s", opt.destination, s->name, c.where,
		    strerror(errno));
		return false;
	}
	if (wants_dane())
		find_tlsa(&c, s);
	c.stream = stream_open(fd);
	converse(&c);
	end(&c);
	return true;
}

static bool
try_socket(void)
{
	struct conversation c = { .host = conf_mail.myhostname,
	    .line = BUF_INIT };
	int fd = connect_unix(run.hop.path, clock_in(opt.connect_wait));

	snprintf(c.where, sizeof c.where, "%s[%s]", c.host, run.hop.path);
	if (fd < 0) {
		log_info("Failed to establish session to %s: connect to %s: "
		    "%s", opt.destination, c.where, strerror(errno));
		return false;
	}
	c.stream = stream_open(fd);
	converse(&c);
	end(&c);
	return true;
}

static bool
probe(void)
{
	if (run.hop.path != NULL)
		return try_socket();
	for (size_t i = 0; i < run.servers.count; i++)
		if (try_server(&run.servers.list[i]))
			return true;
	return false;
}

static bool
is_same_server(const char *first)
{
	return run.ehlo_name == NULL || first == NULL ||
	    text_eq(first, run.ehlo_name);
}

/* -r: again, to see whether the session can be resumed.  A server behind a
 * load balancer may be another one each time. */
static void
probe_again(void)
{
	char *first = run.ehlo_name;

	run.log_level = run.log_level == 0 ? 1 : run.log_level;
	run.say = 0;
	for (int i = 0; i < opt.again_max && run.kept.len > 0; i++) {
		log_info("Reconnecting after %d seconds", opt.again);
		log_flush();
		task_sleep_ms(opt.again * 1000);
		run.ehlo_name = NULL;
		if (!probe())
			return;
		if (is_same_server(first)) {
			log_info("Found a previously used server.  Done "
			    "reconnecting.");
			return;
		}
	}
}

static void
probe_all(void *arg)
{
	struct buf why = BUF_INIT;

	(void)arg;
	if (run.hop.path == NULL)
		servers_find(&(struct servers_wanted){
		    .hop = &run.hop, .port = run.port, .lmtp = opt.lmtp,
		    .srv = opt.srv, .ipv6_first = text_eq(opt.family, "ipv6"),
		    .use_dns = text_has_word(opt.lookup, "dns"),
		    .use_hosts = text_has_word(opt.lookup, "native"),
		    .families = dns_families(conf_mail.inet_protocols),
		    .believe_mx = text_eq(opt.insecure_mx, "dane"),
		}, &run.servers, &why);
	if (run.hop.path == NULL && run.servers.count == 0)
		log_info("Destination address lookup failed: %s", why.data);
	else if (probe() && opt.again > 0)
		probe_again();
	buf_done(&why);
	log_flush();
	exit(0);
}

/* --- options */

static void
usage(void)
{
	fatalx("usage: posttls-finger [-a family] [-A trust-anchor.pem]"
	    " [-cCfRSvwX]"
	    " [-d mdalg] [-F CAfile] [-g grade] [-h lookup] [-H chainfiles]"
	    " [-k cert] [-K key] [-l level] [-L logopts] [-m count]"
	    " [-M policy] [-o name=value] [-p protocols] [-P CApath]"
	    " [-r delay] [-s sni] [-t timeout] [-T timeout]"
	    " destination [match ...]");
}

static int
number(int ch)
{
	long n;

	if (!text_to_long(optarg, 1, 100000, &n))
		fatalx("-%c: not a number from 1 to 100000: %s", ch, optarg);
	return (int)n;
}

static void
override(const char *assignment)
{
	const char *why;

	if (!conf_override(assignment, &why))
		fatalx("-o: %s", why);
}

static void
take_option(int ch)
{
	switch (ch) {
	case 'a': opt.family = optarg; break;
	case 'A':
		buf_addf(&opt.anchors, "%s%s", opt.anchors.len > 0 ? ", " : "",
		    optarg);
		break;
	case 'c': opt.quiet = true; break;
	case 'C': opt.chain = true; break;
	case 'd': opt.digest = optarg; break;
	case 'f': opt.force_tlsa = true; break;
	case 'F': opt.ca_file = optarg; break;
	case 'g': opt.grade = optarg; break;
	case 'h': opt.lookup = optarg; break;
	case 'H': opt.chains = optarg; break;
	case 'k': opt.cert = optarg; break;
	case 'K': opt.key = optarg; break;
	case 'l': opt.level = optarg; break;
	case 'L': opt.log = optarg; break;
	case 'm': opt.again_max = number(ch); break;
	case 'M': opt.insecure_mx = optarg; break;
	case 'o': override(optarg); break;
	case 'p': opt.protocols = optarg; break;
	case 'P': opt.ca_path = optarg; break;
	case 'r': opt.again = number(ch); break;
	case 'R': opt.srv = true; break;
	case 's': opt.sni = optarg; break;
	case 'S': opt.lmtp = true; break;
	case 't': opt.connect_wait = number(ch); break;
	case 'T': opt.command_wait = number(ch); break;
	case 'v': log_verbose++; break;
	case 'w': opt.wrapper = true; break;
	case 'x': break;
	case 'X':
		log_warn("-X: sessions are always this program's own");
		break;
	default: usage();
	}
}

/* -L: a level, and lines besides; traces of OpenSSL come with level 2. */
static void
choose_log(void)
{
	static const struct {
		const char	*word;
		int		 level;
		unsigned	 say;
	} words[] = {
		{ "0", 0, 0 }, { "none", 0, 0 },
		{ "1", 1, 0 }, { "routine", 1, 0 }, { "summary", 1, 0 },
		{ "2", 2, 0 }, { "debug", 2, 0 }, { "verbose", 2, 0 },
		{ "ssl-debug", 2, 0 },
		{ "3", 3, 0 }, { "ssl-expert", 3, 0 },
		{ "ssl-handshake-packet-dump", 3, 0 },
		{ "4", 4, 0 }, { "ssl-developer", 4, 0 },
		{ "ssl-session-packet-dump", 4, 0 },
		{ "untrusted", 0, TLS_SAY_UNTRUSTED },
		{ "peercert", 0, TLS_SAY_CERT },
		{ "certmatch", 0, TLS_SAY_MATCH },
		{ "cache", 0, 0 },
	};
	enum { WORDS = sizeof words / sizeof *words };
	char *copy = mem_strdup(opt.log), *rest = copy, *word;

	while ((word = text_word(&rest, TEXT_LIST_SEP, false)) != NULL) {
		size_t i = 0;

		while (i < WORDS && !text_eq_nocase(word, words[i].word))
			i++;
		if (i == WORDS) {
			log_warn("unknown -L option value \"%s\" in \"%s\"",
			    word, opt.log);
			continue;
		}
		if (words[i].level > run.log_level)
			run.log_level = words[i].level;
		run.say |= words[i].say;
	}
	mem_free(copy);
}

static void
check_lookup(void)
{
	char *copy = mem_strdup(opt.lookup), *rest = copy, *word;

	while ((word = text_word(&rest, TEXT_LIST_SEP, false)) != NULL)
		if (!text_eq_nocase(word, "dns") &&
		    !text_eq_nocase(word, "native"))
			fatalx("unknown -h option value \"%s\" in \"%s\"", word,
			    opt.lookup);
	mem_free(copy);
}

static void
prepare(void)
{
	struct tls_settings set = {
		.chain_files = opt.chains, .ca_file = opt.ca_file,
		.ca_path = opt.ca_path, .verify_depth = 9,
		.rsa = { opt.cert != NULL ? opt.cert : opt.key,
		    opt.key != NULL ? opt.key : opt.cert },
		.log_level = run.log_level,
	};

	set.digest = opt.digest != NULL ? opt.digest :
	    conf_value("smtp_tls_fingerprint_digest");
	if (opt.again > 0) {
		set.session_seconds = 3600;
		set.store = (struct tls_store){ load, save, forget };
	}
	run.level = opt.level == NULL ? TLS_LEVEL_DANE :
	    tls_level_parse(opt.level);
	if (run.level == TLS_LEVEL_BAD)
		fatalx("Invalid TLS level \"%s\"", opt.level);
	if (run.level == TLS_LEVEL_NONE)
		return;
	if (run.log_level >= 2)
		log_info("initializing the client-side TLS engine");
	/* without one the conversation goes on in the clear */
	if (server_tls_start())
		run.context = tls_context_new(&set, NULL);
}

int
main(int argc, char **argv)
{
	const char *why, *port;
	int	    ch;

	command_name(argv[0]);
	while ((ch = getopt(argc, argv,
	    "a:A:cCd:fF:g:h:H:k:K:l:L:m:M:o:p:P:r:Rs:St:T:vwxX")) != -1)
		take_option(ch);
	if (optind >= argc)
		usage();
	/* what is found out is what was asked for */
	if (dup2(STDOUT_FILENO, STDERR_FILENO) < 0)
		fatal("standard output");
	opt.destination = argv[optind];
	opt.match = (const char *const *)(argv + optind + 1);
	if (!conf_read(&why) || !conf_load(&param_mail, &why) ||
	    !conf_load(&param_tls, &why))
		fatalx("%s", why);
	if (!nexthop_parse(&run.pool, opt.destination, &run.hop, &why))
		fatalx("%s in server description: %s", why,
		    opt.destination);
	port = run.hop.port != NULL ? run.hop.port : opt.lmtp ? "24" : "25";
	if ((run.port = addr_service_port(port)) == 0)
		fatalx("unknown service: %s/tcp", port);
	check_lookup();
	choose_log();
	prepare();
	if (!dns_start(&why))
		fatalx("DNS: %s", why);
	task_start("finger", probe_all, NULL);
	task_loop();
	return 0;
}
