/*
 * posttls-finger - see how a mail server does TLS
 *
 * For anybody; without privilege.  Finds the servers of a destination, speaks
 * SMTP or LMTP with the first that answers up to STARTTLS, and reports the
 * conversation, the session and the certificate, judged by a security level.
 * No policy table is asked and no daemon: main.cf gives the settings of the
 * TLS library only.  What the server says is shown with harmless characters.
 *
 * Ends with 0 if the level was reached, otherwise with 1 and a reason.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

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
	HOSTS_MAX = 50,
	TLSA_MAX = 50,
	LINE_BYTES = 2048,
	LINES_MAX = 200,	/* of a reply */
	KEEP_MAX = 5,		/* sessions for -r */
};

static struct {
	bool		 lmtp, wrapper, quiet, chain, force_tlsa;
	const char	*family, *lookup, *ca_file, *ca_path, *chains;
	const char	*cert, *key, *digest, *grade, *level, *log;
	const char	*protocols, *sni, *insecure_mx;
	struct buf	 anchors;
	int		 connect_wait, command_wait, again, again_max;
	const char	*destination;
	const char *const *match;
} opt = {
	.family = "any", .lookup = "dns", .grade = "medium",
	.protocols = ">=TLSv1", .insecure_mx = "dane",
	.connect_wait = 30, .command_wait = 30, .again_max = 5,
	.anchors = BUF_INIT,
};

struct host {
	char		*name;
	unsigned	 preference;
	bool		 proven;	/* the name came by DNSSEC */
};

static struct {
	struct pool	 pool;
	struct nexthop	 hop;
	uint16_t	 port;
	struct host	 hosts[HOSTS_MAX];
	size_t		 host_count;
	enum tls_level	 level;
	struct tls_context *context;
	struct buf	 kept;		/* the session, for -r */
	char		*ehlo_name;	/* of the server, at the first time */
	int		 status;
} run = { .pool = POOL_INIT, .kept = BUF_INIT, .status = 1 };

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

/* The code of the reply; 0: lost.  EHLO's features are taken note of. */
static int
reply(struct conversation *c, int wait, bool is_ehlo)
{
	int count = 0;

	stream_set_deadline(c->stream, wait);
	do {
		if (++count > LINES_MAX || stream_get_line(c->stream, &c->line,
		    LINE_BYTES) != LINE_OK) {
			log_info("%s: lost connection: %s", c->where,
			    stream_failed(c->stream) != NULL ?
			    stream_failed(c->stream) : "end of file");
			return 0;
		}
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
hello(struct conversation *c)
{
	struct buf text = BUF_INIT;
	int	   code;

	buf_addf(&text, "%s %s", opt.lmtp ? "LHLO" : "EHLO",
	    conf_value("smtp_helo_name"));
	command(c, text.data);
	buf_done(&text);
	code = reply(c, opt.command_wait, true);
	return code / 100 == 2;
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
find_tlsa(struct conversation *c, const struct host *h, bool proven,
    const char *canonical)
{
	const char *names[] = { canonical, h->name };
	struct buf  name = BUF_INIT;

	if (!proven && !opt.force_tlsa)
		return;
	for (int i = 0; i < 2 && c->tlsa_records == NULL; i++) {
		if (names[i] == NULL)
			continue;
		buf_clear(&name);
		buf_addf(&name, "_%u._tcp.%s", (unsigned)run.port, names[i]);
		if (dns_query(name.data, DNS_TLSA, &c->tlsa_records, NULL) ==
		    DNS_OK && c->tlsa_records->authentic)
			c->tlsa_base = names[i];
		else {
			dns_free(c->tlsa_records);
			c->tlsa_records = NULL;
		}
	}
	buf_done(&name);
	for (struct dns_record *r = c->tlsa_records; r != NULL &&
	    c->tlsa_count < TLSA_MAX; r = r->next) {
		const uint8_t *p = (const uint8_t *)r->target;
		struct tlsa    t;

		if (r->type != DNS_TLSA || r->target_len < 4)
			continue;
		t = (struct tlsa){ p[0], p[1], p[2], p + 3,
		    r->target_len - 3 };
		if (tlsa_is_usable(&t))
			c->tlsa[c->tlsa_count++] = t;
	}
	if (c->tlsa_count > 0)
		log_info("using DANE RR: _%u._tcp.%s, %zu usable record%s",
		    (unsigned)run.port, c->tlsa_base, c->tlsa_count,
		    c->tlsa_count == 1 ? "" : "s");
}

/* --- the handshake */

/* "dane" without records is "secure". */
static enum tls_level
level_for(const struct conversation *c)
{
	bool dane = run.level == TLS_LEVEL_DANE ||
	    run.level == TLS_LEVEL_DANE_ONLY ||
	    run.level == TLS_LEVEL_HALF_DANE;

	return dane && c->tlsa_count == 0 ? TLS_LEVEL_SECURE : run.level;
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
show_session(const struct conversation *c, const struct tls_info *i)
{
	struct buf text = BUF_INIT;

	if (i->has_cert)
		log_info("%s: subject_CN=%s, issuer_CN=%s, fingerprint=%s, "
		    "pkey_fingerprint=%s", c->where, i->peer_cn, i->issuer_cn,
		    i->cert_print, i->key_print);
	if (i->verify_error != 0)
		log_info("%s: certificate verification failed: %s", c->where,
		    i->verify_text);
	log_info("%s TLS connection %s to %s: %s", tls_trust_name(i->trust),
	    i->reused ? "reused" : "established", c->where,
	    (tls_info_text(&text, i), text.data));
	buf_clear(&text);
	if (opt.chain) {
		tls_stream_chain(c->stream, &text);
		fputs(text.data, stdout);
		fflush(stdout);
	}
	buf_done(&text);
}

static bool
start_tls(struct conversation *c)
{
	const char	*why;
	struct tls_connect wish = {
		.peer = c->where,
		.level = level_for(c),
		.strength.grade = tls_grade_parse(opt.grade),
		.host = c->tlsa_base != NULL ? c->tlsa_base : c->host,
		.sni = c->tlsa_count > 0 ? c->tlsa_base : opt.sni,
		.tlsa = c->tlsa, .tlsa_count = c->tlsa_count,
		.anchor_files = opt.anchors.len > 0 ? opt.anchors.data : NULL,
		.session_key = opt.again > 0 ? "session" : NULL,
		.log_level = -1,
		.deadline = clock_in(opt.command_wait),
	};
	const struct tls_info *info;

	wish.match = names_for(c, wish.level);
	if (!tls_protocols_parse(&wish.strength.protocols, opt.protocols,
	    &why))
		fatalx("-p: %s", why);
	info = tls_connect(run.context, c->stream, &wish);
	if (info == NULL) {
		log_info("%s: the TLS handshake failed", c->where);
		return false;
	}
	if (!text_eq(opt.log, "0") && !text_eq(opt.log, "none"))
		show_session(c, info);
	else if (opt.chain)
		show_session(c, info);
	if (!tls_info_is_enough(info)) {
		log_info("%s: the server does not reach the level \"%s\"",
		    c->where, tls_level_name(wish.level));
		return true;
	}
	run.status = 0;
	return true;
}

static void
converse(struct conversation *c)
{
	if (opt.wrapper && !start_tls(c))
		return;
	if (reply(c, opt.connect_wait, false) / 100 != 2 || !hello(c))
		return;
	if (!opt.wrapper && run.level != TLS_LEVEL_NONE) {
		if (!c->has_starttls) {
			log_info("%s: the server does not offer STARTTLS",
			    c->where);
		} else {
			command(c, "STARTTLS");
			if (reply(c, opt.command_wait, false) / 100 != 2 ||
			    !start_tls(c) || !hello(c))
				return;
		}
	} else if (run.level == TLS_LEVEL_NONE) {
		run.status = 0;
	}
	command(c, "QUIT");
	reply(c, opt.command_wait, false);
}

static void
end(struct conversation *c)
{
	stream_close(c->stream);
	buf_done(&c->line);
	dns_free(c->tlsa_records);
}

/* --- hosts */

static int
by_preference(const void *a, const void *b)
{
	const struct host *x = a, *y = b;

	return x->preference < y->preference ? -1 :
	    x->preference > y->preference;
}

static void
add_host(const char *name, unsigned preference, bool proven)
{
	if (run.host_count < HOSTS_MAX && *name != '\0')
		run.hosts[run.host_count++] = (struct host){
			mem_strdup(name), preference, proven };
}

static void
find_hosts(void)
{
	struct dns_record *records = NULL;
	const char	  *why = "";
	enum dns_status	   status = DNS_NO_DATA;

	if (!run.hop.no_mx && !opt.lmtp)
		status = dns_query(run.hop.host, DNS_MX, &records, &why);
	for (struct dns_record *r = records; r != NULL; r = r->next)
		if (r->type == DNS_MX)
			add_host(r->target, r->preference, r->authentic ||
			    text_eq(opt.insecure_mx, "dane"));
	if (status == DNS_TRY_AGAIN || status == DNS_FAIL)
		fatalx("Failed to establish session to %s: Name service error"
		    " for name=%s type=MX: %s", opt.destination, run.hop.host,
		    why);
	dns_free(records);
	if (status != DNS_OK)
		add_host(run.hop.host, 0, true);
	if (run.host_count == 0)
		fatalx("Failed to establish session to %s: the domain takes"
		    " no mail", opt.destination);
	qsort(run.hosts, run.host_count, sizeof *run.hosts, by_preference);
}

static bool
try_address(const struct host *h, struct addr *a, bool proven,
    const char *canonical)
{
	struct conversation c = { .host = h->name, .line = BUF_INIT };
	char text[ADDR_TEXT];
	int  fd;

	addr_set_port(a, run.port);
	addr_text(a, text);
	snprintf(c.where, sizeof c.where, "%s[%s]:%u", h->name, text,
	    (unsigned)run.port);
	fd = connect_inet(a, NULL, clock_in(opt.connect_wait));
	if (fd < 0) {
		log_info("connect to %s: %s", c.where, strerror(errno));
		return false;
	}
	log_info("Connected to %s", c.where);
	if (run.level >= TLS_LEVEL_HALF_DANE &&
	    run.level <= TLS_LEVEL_DANE_ONLY)
		find_tlsa(&c, h, proven && h->proven, canonical);
	c.stream = stream_open(fd);
	converse(&c);
	end(&c);
	return true;
}

static bool
try_host(const struct host *h)
{
	struct addr_list list = { 0 };
	struct dns_proof proof = { 0 };
	const char	*why = "";
	struct addr	 numeric;
	bool		 done = false;
	int		 families = text_eq(opt.family, "ipv4") ? DNS_V4 :
			text_eq(opt.family, "ipv6") ? DNS_V6 : DNS_V4 | DNS_V6;

	if (addr_parse(&numeric, h->name, run.port))
		addr_list_add(&list, &numeric);
	else if (dns_addresses_proven(h->name, families,
	    strstr(opt.lookup, "native") != NULL,
	    strstr(opt.lookup, "dns") != NULL, &list, &proof, &why) != DNS_OK)
		log_info("%s: %s", h->name, why);
	for (size_t i = 0; i < list.count && !done; i++)
		done = try_address(h, &list.items[i], proof.authentic,
		    proof.canonical != NULL ? proof.canonical : h->name);
	addr_list_done(&list);
	free(proof.canonical);
	return done;
}

static bool
try_socket(void)
{
	struct conversation c = { .host = "localhost", .line = BUF_INIT };
	int fd = connect_unix(run.hop.path, clock_in(opt.connect_wait));

	snprintf(c.where, sizeof c.where, "localhost[%s]", run.hop.path);
	if (fd < 0) {
		log_info("connect to %s: %s", c.where, strerror(errno));
		return false;
	}
	log_info("Connected to %s", c.where);
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
	for (size_t i = 0; i < run.host_count; i++)
		if (try_host(&run.hosts[i]))
			return true;
	return false;
}

/* -r: again, to see whether the session can be resumed.  A server behind a
 * load balancer may be another one each time. */
static void
probe_all(void *arg)
{
	char *first;

	(void)arg;
	if (run.hop.path == NULL)
		find_hosts();
	if (!probe())
		log_info("Failed to establish session to %s",
		    opt.destination);
	first = run.ehlo_name;
	for (int i = 0; opt.again > 0 && i < opt.again_max &&
	    run.kept.len > 0; i++) {
		task_sleep_ms(opt.again * 1000);
		run.ehlo_name = NULL;
		log_info("Reconnecting after %d seconds", opt.again);
		if (!probe() || run.ehlo_name == NULL || first == NULL ||
		    text_eq(first, run.ehlo_name))
			break;
	}
	log_flush();
	exit(run.status);
}

/* --- options */

static void
usage(void)
{
	fatalx("usage: posttls-finger [-a family] [-A trust-anchor.pem] [-cCfSvwX]"
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
	case 'R': break;	/* SRV records are not looked up */
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

/* "2", "debug": how much of TLS is logged; words that add detail are level
 * 1 and what this program shows anyway. */
static int
log_level(void)
{
	if (opt.log == NULL)
		opt.log = "1";
	if (strstr(opt.log, "developer") != NULL || text_eq(opt.log, "4"))
		return 4;
	if (strstr(opt.log, "expert") != NULL || text_eq(opt.log, "3"))
		return 3;
	if (strstr(opt.log, "debug") != NULL || text_eq(opt.log, "2"))
		return 2;
	return 0;
}

static void
prepare(void)
{
	struct tls_settings set = {
		.chain_files = opt.chains, .ca_file = opt.ca_file,
		.ca_path = opt.ca_path, .verify_depth = 9,
		.rsa = { opt.cert != NULL ? opt.cert : opt.key,
		    opt.key != NULL ? opt.key : opt.cert },
		.log_level = log_level(),
	};
	const char *why;

	set.digest = opt.digest != NULL ? opt.digest :
	    conf_value("smtp_tls_fingerprint_digest");
	if (opt.again > 0) {
		set.session_seconds = 3600;
		set.store = (struct tls_store){ load, save, forget };
	}
	run.level = opt.level == NULL ? TLS_LEVEL_DANE :
	    tls_level_parse(opt.level);
	if (run.level == TLS_LEVEL_BAD)
		fatalx("-l: unknown level \"%s\"", opt.level);
	if (tls_grade_parse(opt.grade) == TLS_GRADE_BAD)
		fatalx("-g: unknown grade \"%s\"", opt.grade);
	if (run.level == TLS_LEVEL_NONE)
		return;
	if (!server_tls_start() ||
	    (run.context = tls_context_new(&set, &why)) == NULL)
		fatalx("TLS is not available");
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
	opt.destination = argv[optind];
	opt.match = (const char *const *)(argv + optind + 1);
	if (!conf_read(&why) || !conf_load(&param_mail, &why) ||
	    !conf_load(&param_tls, &why))
		fatalx("%s", why);
	if (!nexthop_parse(&run.pool, opt.destination, &run.hop, &why))
		fatalx("%s: %s", opt.destination, why);
	port = run.hop.port != NULL ? run.hop.port : opt.lmtp ? "24" : "25";
	if ((run.port = addr_service_port(port)) == 0)
		fatalx("unknown service: %s/tcp", port);
	prepare();
	if (!dns_start(&why))
		fatalx("DNS: %s", why);
	task_start("finger", probe_all, NULL);
	task_loop();
	return run.status;
}
