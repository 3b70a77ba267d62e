/*
 * Whole deliveries against scripted servers on loopback, all in this process:
 * servers are tasks; DNS answers and the way back to qmgr are replaced here.
 */

#include <stdarg.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conf/param.h"
#include "mail/deliver.h"
#include "mail/deliver_proto.h"
#include "net/connect.h"
#include "net/dns.h"
#include "smtp/cache.h"
#include "smtp/deliver.h"
#include "smtp/filter.h"
#include "smtp/generic.h"
#include "smtp/policy.h"
#include "smtp/quirks.h"
#include "smtp/settings.h"
#include "tests/test.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/list.h"
#include "util/stream.h"
#include "util/task.h"

/* --- what qmgr would hear: a line a recipient */

static struct buf results = BUF_INIT;

static void
settled(struct delivery *d, const struct recipient *r,
    const struct deliver_via *via, const struct why *why, char status)
{
	char host[ADDR_TEXT + 8] = "none";

	/* the port is by chance */
	if (strcmp(via->relay, "none") != 0)
		snprintf(host, sizeof host, "%.*s",
		    (int)(strrchr(via->relay, ':') - via->relay), via->relay);
	d->status[r - d->rcpt] = status;
	buf_addf(&results, "%s %c %s %s use=%d tls=%s (%s)\n", r->address,
	    status, why->dsn, host, via->conn_use,
	    via->tls != NULL ? via->tls : "", why->text.data);
}

void
delivery_sent(struct delivery *d, struct recipient *r,
    const struct deliver_via *via, const struct why *why)
{
	settled(d, r, via, why, DELIVER_SENT);
}

void
delivery_settle(struct delivery *d, struct recipient *r,
    const struct deliver_via *via, const struct why *why)
{
	settled(d, r, via, why, why_outcome(why) == FAILED ? DELIVER_BOUNCED :
	    DELIVER_DEFERRED);
}

const struct envelope *
delivery_envelope(struct delivery *d)
{
	(void)d;
	return NULL;
}

void
delivery_dead(struct delivery *d, const struct why *why)
{
	why_copy(&d->dead, why);
}

enum outcome
delivery_pass(struct delivery *d, const struct recipient *r,
    const char *transport, const char *nexthop, struct why *why)
{
	(void)d;
	(void)r;
	why_set(why, "2.0.0", "passed to %s:%s", transport, nexthop);
	return DONE;
}

void
delivery_close(struct delivery *d, struct recipient *r, enum outcome got)
{
	d->status[r - d->rcpt] = got == DONE ? DELIVER_SENT : DELIVER_DEFERRED;
}

/* --- the DNS */

static struct {
	const char	*name;
	enum dns_type	 type;		/* 0: SERVFAIL */
	unsigned	 preference;
	const char	*data;
} zone[] = {
	{ "two.example", DNS_MX, 10, "a.two.example" },
	{ "two.example", DNS_MX, 20, "b.two.example" },
	{ "a.two.example", DNS_A, 0, "127.0.0.2" },
	{ "b.two.example", DNS_A, 0, "127.0.0.3" },
	{ "three.example", DNS_MX, 10, "a.two.example" },
	{ "three.example", DNS_MX, 20, "b.three.example" },
	{ "three.example", DNS_MX, 30, "c.three.example" },
	{ "b.three.example", DNS_A, 0, "127.0.0.3" },
	{ "c.three.example", DNS_A, 0, "127.0.0.4" },
	{ "alias.example", DNS_MX, 10, "mx.alias.example" },
	{ "mx.alias.example", DNS_A, 0, "127.0.0.2" },
	{ "null.example", DNS_MX, 0, "." },
	{ "gone.example", DNS_MX, 10, "nothere.example" },
	{ "fail.example", 0, 0, "" },
	{ "plain.example", DNS_A, 0, "127.0.0.2" },
};

enum { ZONE = sizeof zone / sizeof *zone };

static bool
is_in_zone(const char *name)
{
	for (int i = 0; i < ZONE; i++)
		if (strcmp(zone[i].name, name) == 0)
			return true;
	return false;
}

static bool
fails(const char *name)
{
	return strcmp(name, "fail.example") == 0;
}

static enum dns_status
nothing(const char *name, const char **ret_why)
{
	*ret_why = fails(name) ? "Host not found, try again" :
	    is_in_zone(name) ? "Host found but no data record of requested "
	    "type" : "Host not found";
	return fails(name) ? DNS_TRY_AGAIN : is_in_zone(name) ? DNS_NO_DATA :
	    DNS_NOT_FOUND;
}

enum dns_status
dns_query(const char *name, enum dns_type type, struct dns_record **ret,
    const char **ret_why)
{
	struct dns_record *list = NULL, *r;

	for (int i = ZONE - 1; i >= 0; i--) {
		if (zone[i].type != type || strcmp(zone[i].name, name) != 0)
			continue;
		r = NEW(struct dns_record);
		r->preference = (uint16_t)zone[i].preference;
		r->target = mem_strdup(zone[i].data);
		r->next = list;
		list = r;
	}
	if (list == NULL)
		return nothing(name, ret_why);
	*ret = list;
	return DNS_OK;
}

void
dns_free(struct dns_record *r)
{
	while (r != NULL) {
		struct dns_record *next = r->next;

		mem_free(r->target);
		mem_free(r);
		r = next;
	}
}

enum dns_status
dns_addresses(const char *host, int families, bool use_hosts, bool use_dns,
    struct addr_list *ret, const char **ret_why)
{
	struct dns_proof proof;

	return dns_addresses_proven(host, families, use_hosts, use_dns, ret,
	    &proof, ret_why);
}

enum dns_status
dns_addresses_proven(const char *host, int families, bool use_hosts,
    bool use_dns, struct addr_list *ret, struct dns_proof *proof,
    const char **ret_why)
{
	struct addr a;

	*proof = (struct dns_proof){ .type = DNS_AAAA };
	if (strcmp(host, "mx.alias.example") == 0)
		proof->canonical = mem_strdup("a.two.example");
	(void)families;
	(void)use_hosts;
	(void)use_dns;
	for (int i = 0; i < ZONE; i++)
		if (zone[i].type == DNS_A && strcmp(zone[i].name, host) == 0 &&
		    addr_parse(&a, zone[i].data, 0))
			addr_list_add(ret, &a);
	return ret->count > 0 ? DNS_OK : nothing(host, ret_why);
}

void
dns_set_filter(bool (*keep)(const char *record))
{
	(void)keep;
}

/* --- a server: "VERB reply" rules, and a good reply to everything else */

struct fake {
	const char	*address;
	const char	*rules[8];	/* "RCPT 450 no"; "DATA <close>", ends
					   with NULL */
	int		 fd;
	struct buf	 heard;		/* what clients said */
	int		 connections;
	int		 close_after;	/* commands; 0 never */
};

static uint16_t port;

static const char *
rule_for(const struct fake *f, const char *verb)
{
	size_t n = strcspn(verb, " :");

	for (int i = 0; f->rules[i] != NULL; i++)
		if (strncmp(f->rules[i], verb, n) == 0 &&
		    f->rules[i][n] == ' ')
			return f->rules[i] + n + 1;
	if (strncmp(verb, "CONNECT", 7) == 0)
		return "220 fake.example ESMTP";
	if (strncmp(verb, "EHLO", 4) == 0 || strncmp(verb, "LHLO", 4) == 0)
		return "250-fake.example\r\n250-PIPELINING\r\n250 SIZE 5000";
	if (strncmp(verb, "DATA", 4) == 0)
		return "354 go on";
	if (strncmp(verb, "EOD", 3) == 0)
		return "250 2.0.0 taken";
	if (strncmp(verb, "QUIT", 4) == 0)
		return "221 bye";
	return "250 ok";
}

/* False: the connection ends. */
static bool
answer(struct fake *f, struct stream *s, const char *verb)
{
	const char *reply = rule_for(f, verb);

	if (strcmp(reply, "<close>") == 0)
		return false;
	if (strcmp(reply, "<hang>") == 0) {
		task_sleep_ms(3000);
		return false;
	}
	stream_printf(s, "%s\r\n", reply);
	return stream_flush(s) && strncmp(verb, "QUIT", 4) != 0;
}

struct visit {
	struct fake	*fake;
	int		 fd;
};

static void
serve_visit(void *arg)
{
	struct visit *v = arg;
	struct stream *s = stream_open(v->fd);
	struct buf line = BUF_INIT;
	bool in_data = false;
	int commands = 0;

	stream_set_deadline(s, 10);
	v->fake->connections++;
	if (!answer(v->fake, s, "CONNECT"))
		goto out;
	while (stream_get_line(s, &line, 2000) == LINE_OK) {
		buf_addf(&v->fake->heard, "%s\n", line.data);
		if (in_data && strcmp(line.data, ".") != 0)
			continue;
		if (!answer(v->fake, s, in_data ? "EOD" : line.data))
			break;
		in_data = !in_data && strcmp(line.data, "DATA") == 0 &&
		    rule_for(v->fake, "DATA")[0] == '3';
		if (v->fake->close_after > 0 &&
		    ++commands == v->fake->close_after)
			break;
	}
out:
	stream_abort(s);
	buf_done(&line);
	mem_free(v);
}

static void
serve(void *arg)
{
	struct fake *f = arg;

	for (;;) {
		int fd = accept4(f->fd, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct visit *v;

		if (fd < 0) {
			if (!task_wait_fd(f->fd, TASK_READ, CLOCK_NEVER))
				return;
			continue;
		}
		v = NEW(struct visit);
		v->fake = f;
		v->fd = fd;
		task_start("visit", serve_visit, v);
	}
}

/* All fakes share one port, chosen by the first. */
static void
start(struct fake *f)
{
	struct addr a;

	addr_parse(&a, f->address, port);
	f->fd = listen_inet(&a, 500);
	if (f->fd < 0) {
		perror("listen");
		exit(1);
	}
	file_set_nonblock(f->fd, true);
	a.len = sizeof a.sa;
	getsockname(f->fd, (struct sockaddr *)&a.sa, &a.len);
	port = addr_port(&a);
	f->heard = (struct buf)BUF_INIT;
	task_start("fake", serve, f);
}

static void
stop(struct fake *f)
{
	/* The task that accepts keeps waiting for a descriptor of nobody. */
	shutdown(f->fd, SHUT_RDWR);
	task_forget_fd(f->fd);
	close(f->fd);
	buf_done(&f->heard);
}

/* --- a request */

static struct {
	const char	*nexthop;
	const char	*rcpts;		/* between blanks */
	unsigned	 flags, env_flags;
	const char	*encoding;
	const char	*body;
	uint32_t	 content_flags;
	uint64_t	 size;
} request;

static void
fill(struct delivery *d)
{
	static const char header[] = "Subject: test\r\n";
	const char *body = request.body != NULL ? request.body :
	    "\r\ntext\r\n";
	char *rcpts = pool_strdup(&d->pool, request.rcpts), *word;

	d->id = "ABCDE123";
	d->nexthop = request.nexthop;
	d->sender = "s@home.example";
	d->envid = "";
	d->encoding = request.encoding != NULL ? request.encoding : "7bit";
	d->flags = request.flags;
	d->env_flags = request.env_flags;
	d->file.fd = memfd_create("message", MFD_CLOEXEC);
	file_write_all(d->file.fd, body, strlen(body));
	file_write_all(d->file.fd, header, strlen(header));
	d->file.t.body_len = strlen(body);
	d->file.t.header_len = strlen(header);
	d->file.t.size = request.size != 0 ? request.size : 100;
	d->file.t.content_flags = request.content_flags;
	d->rcpt = pool_zalloc(&d->pool, 8 * sizeof *d->rcpt);
	d->status = pool_zalloc(&d->pool, 8);
	while ((word = strsep(&rcpts, " ")) != NULL) {
		struct recipient *r = &d->rcpt[d->rcpt_count++];

		r->address = r->original = word;
		r->orcpt = "";
	}
}

/* One delivery; its results, and whether the next hop was called dead. */
static const char *
deliver(bool *ret_dead)
{
	struct delivery d = { .dead = WHY_INIT };

	buf_clear(&results);
	fill(&d);
	deliver_message(&d);
	if (ret_dead != NULL)
		*ret_dead = d.dead.dsn[0] != '\0';
	for (size_t i = 0; i < d.rcpt_count; i++)
		CHECK(d.status[i] != 0);
	close(d.file.fd);
	why_done(&d.dead);
	pool_done(&d.pool);
	return results.data;
}

static const char *
deliver_to(const char *nexthop, const char *rcpts)
{
	memset(&request, 0, sizeof request);
	request.nexthop = nexthop;
	request.rcpts = rcpts;
	return deliver(NULL);
}

static const char *
loopback(const char *address)
{
	static char text[64];

	snprintf(text, sizeof text, "[%s]:%u", address, (unsigned)port);
	return text;
}

#define SENT(r) r "@x s 2.0.0 127.0.0.2[127.0.0.2] use=1 tls=may:none " \
	"(250 2.0.0 taken)\n"

/* --- tests */

static void
sends_all_commands_at_once_and_quit_with_the_dot(void)
{
	struct fake f = { .address = "127.0.0.2" };

	start(&f);
	CHECK_STR(deliver_to(loopback("127.0.0.2"), "a@x b@x"),
	    SENT("a") SENT("b"));
	task_sleep_ms(20);
	CHECK_STR(f.heard.data, "EHLO me.example\n"
	    "MAIL FROM:<s@home.example> SIZE=100\n"
	    "RCPT TO:<a@x>\nRCPT TO:<b@x>\nDATA\n"
	    "Subject: test\n\ntext\n.\nQUIT\n");
	stop(&f);
}

static void
treats_each_recipient_by_its_reply(void)
{
	struct fake f = { .address = "127.0.0.2",
		.rules = { "RCPT 550 5.1.1 nobody" } };

	start(&f);
	CHECK_STR(deliver_to(loopback("127.0.0.2"), "a@x"),
	    "a@x b 5.1.1 127.0.0.2[127.0.0.2] use=1 tls=may:none (host "
	    "127.0.0.2[127.0.0.2] said: 550 5.1.1 nobody (in reply to RCPT TO "
	    "command))\n");
	stop(&f);
}

static void
asks_the_next_host_when_one_says_later(void)
{
	struct fake a = { .address = "127.0.0.2",
		.rules = { "MAIL 451 4.3.0 later" } };
	struct fake b = { .address = "127.0.0.3" };
	char hop[64];

	start(&a);
	start(&b);
	snprintf(hop, sizeof hop, "two.example:%u", (unsigned)port);
	CHECK_STR(deliver_to(hop, "a@x"), "a@x s 2.0.0 "
	    "b.two.example[127.0.0.3] use=1 tls=may:none (250 2.0.0 taken)\n");
	CHECK_INT(a.connections, 1);
	stop(&a);
	stop(&b);
}

/* smtp_mx_session_limit */
static void
a_host_that_does_not_greet_is_no_session(void)
{
	struct fake a = { .address = "127.0.0.2",
		.rules = { "CONNECT 554 5.3.2 not today" } };
	struct fake b = { .address = "127.0.0.3",
		.rules = { "MAIL 451 4.3.0 later" } };
	struct fake c = { .address = "127.0.0.4" };
	char hop[64];

	start(&a);
	start(&b);
	start(&c);
	snprintf(hop, sizeof hop, "three.example:%u", (unsigned)port);
	CHECK_STR(deliver_to(hop, "a@x"), "a@x s 2.0.0 "
	    "c.three.example[127.0.0.4] use=1 tls=may:none "
	    "(250 2.0.0 taken)\n");
	a.rules[0] = "MAIL 451 4.3.0 later";
	CHECK(strstr(deliver_to(hop, "a@x"), "a@x d 4.3.0 b.three") != NULL);
	CHECK_INT(c.connections, 1);
	stop(&a);
	stop(&b);
	stop(&c);
}

static void
a_permanent_refusal_ends_it_at_the_first_host(void)
{
	struct fake a = { .address = "127.0.0.2",
		.rules = { "MAIL 550 5.7.1 never" } };
	struct fake b = { .address = "127.0.0.3" };
	char hop[64];

	start(&a);
	start(&b);
	snprintf(hop, sizeof hop, "two.example:%u", (unsigned)port);
	CHECK_STR(deliver_to(hop, "a@x"), "a@x b 5.7.1 "
	    "a.two.example[127.0.0.2] use=1 tls=may:none (host a.two.example"
	    "[127.0.0.2] said: 550 5.7.1 never (in reply to MAIL FROM "
	    "command))\n");
	CHECK_INT(b.connections, 0);
	stop(&a);
	stop(&b);
}

static void
tells_what_it_did_when_the_connection_was_lost(void)
{
	static const struct {
		const char *rule, *want;
	} cases[] = {
		{ "CONNECT <close>", "receiving the initial server greeting" },
		{ "EHLO <close>", "performing the EHLO handshake" },
		{ "MAIL <close>", "sending MAIL FROM" },
		{ "RCPT <close>", "sending RCPT TO" },
		{ "DATA <close>", "sending DATA command" },
		{ "EOD <close>", "sending end of data -- message may be sent "
		    "more than once" },
	};
	char text[256];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fake f = { .address = "127.0.0.2",
			.rules = { cases[i].rule } };
		bool dead;

		start(&f);
		memset(&request, 0, sizeof request);
		request.nexthop = loopback("127.0.0.2");
		request.rcpts = "a@x";
		snprintf(text, sizeof text, "a@x d 4.4.2 127.0.0.2[127.0.0.2] "
		    "use=1 tls=%s (lost connection with 127.0.0.2[127.0.0.2] "
		    "while %s)\n", i < 2 ? "may?" : "may:none",
		    cases[i].want);
		CHECK_STR(deliver(&dead), text);
		CHECK(dead);
		stop(&f);
	}
}

static void
a_silent_server_costs_no_more_than_its_time(void)
{
	struct fake f = { .address = "127.0.0.2",
		.rules = { "MAIL <hang>" } };

	start(&f);
	CHECK_STR(deliver_to(loopback("127.0.0.2"), "a@x"),
	    "a@x d 4.4.2 127.0.0.2[127.0.0.2] use=1 tls=may:none "
	    "(conversation with 127.0.0.2[127.0.0.2] timed out while sending "
	    "MAIL FROM)\n");
	stop(&f);
}

static void
a_kept_session_serves_the_next_message(void)
{
	struct fake f = { .address = "127.0.0.2" };

	start(&f);
	memset(&request, 0, sizeof request);
	request.nexthop = loopback("127.0.0.2");
	request.rcpts = "a@x";
	request.flags = DELIVER_KEEP_OPEN;
	CHECK_STR(deliver(NULL), SENT("a"));
	CHECK_STR(deliver(NULL), "a@x s 2.0.0 127.0.0.2[127.0.0.2] use=2 "
	    "tls=may:none (250 2.0.0 taken)\n");
	CHECK_INT(f.connections, 1);
	cache_end();
	task_sleep_ms(20);
	CHECK(strstr(f.heard.data, "\n.\nRSET\nMAIL") != NULL);
	CHECK(strstr(f.heard.data, "QUIT") == NULL);
	stop(&f);
}

/* smtp_connection_reuse_count_limit */
static void
a_kept_session_is_used_again_so_many_times(void)
{
	struct fake f = { .address = "127.0.0.2" };

	start(&f);
	memset(&request, 0, sizeof request);
	request.nexthop = loopback("127.0.0.2");
	request.rcpts = "a@x";
	request.flags = DELIVER_KEEP_OPEN;
	settings.connection_reuse_count_limit = 2;
	for (int i = 0; i < 4; i++)
		deliver(NULL);
	settings.connection_reuse_count_limit = 0;
	CHECK_INT(f.connections, 2);
	cache_end();
	stop(&f);
}

static void
a_kept_session_that_died_is_replaced(void)
{
	/* EHLO, MAIL, RCPT, DATA, the dot: then it hangs up */
	struct fake f = { .address = "127.0.0.2", .close_after = 5 };

	start(&f);
	memset(&request, 0, sizeof request);
	request.nexthop = loopback("127.0.0.2");
	request.rcpts = "a@x";
	request.flags = DELIVER_KEEP_OPEN;
	CHECK_STR(deliver(NULL), SENT("a"));
	CHECK_STR(deliver(NULL), SENT("a"));
	task_sleep_ms(20);
	CHECK_STR(deliver(NULL), SENT("a"));
	CHECK_INT(f.connections, 3);
	cache_end();
	stop(&f);
}

static void
a_kept_session_that_says_421_is_replaced(void)
{
	struct fake f = { .address = "127.0.0.2" };

	start(&f);
	memset(&request, 0, sizeof request);
	request.nexthop = loopback("127.0.0.2");
	request.rcpts = "a@x";
	request.flags = DELIVER_KEEP_OPEN;
	CHECK_STR(deliver(NULL), SENT("a"));
	f.rules[0] = "RSET 421 4.4.2 idle too long";
	CHECK_STR(deliver(NULL), SENT("a"));
	CHECK_INT(f.connections, 2);
	cache_end();
	stop(&f);
}

static void
never_sends_in_the_clear_what_needs_tls(void)
{
	struct fake f = { .address = "127.0.0.2" };

	start(&f);
	settings.tls_security_level = "encrypt";
	CHECK_STR(deliver_to(loopback("127.0.0.2"), "a@x"),
	    "a@x d 4.7.4 127.0.0.2[127.0.0.2] use=1 tls=!encrypt (TLS is "
	    "required, but was not offered by host 127.0.0.2[127.0.0.2])\n");
	f.rules[0] = "EHLO 250-fake.example\r\n250 STARTTLS";
	CHECK_STR(deliver_to(loopback("127.0.0.2"), "a@x"),
	    "a@x d 4.7.5 127.0.0.2[127.0.0.2] use=1 tls=!encrypt (TLS is "
	    "required, but our TLS engine is unavailable)\n");
	settings.tls_security_level = "may";
	task_sleep_ms(20);
	CHECK(strstr(f.heard.data, "MAIL") == NULL);
	stop(&f);
}

static void
names_that_lead_nowhere(void)
{
	static const struct {
		const char *hop, *want;
	} cases[] = {
		{ "none.example", "b 5.4.4 none use=1 tls= (Host or domain name"
		    " not found. Name service error for name=none.example "
		    "type=AAAA: Host not found)\n" },
		{ "gone.example", "b 5.4.4 none use=1 tls= (Host or domain name"
		    " not found. Name service error for name=nothere.example "
		    "type=AAAA: Host not found)\n" },
		{ "fail.example", "d 4.4.3 none use=1 tls= (Host or domain name"
		    " not found. Name service error for name=fail.example "
		    "type=MX: Host not found, try again)\n" },
		{ "null.example", "b 5.1.0 none use=1 tls= (Domain null.example"
		    " does not accept mail (nullMX))\n" },
		{ "[", "d 4.3.5 none use=1 tls= (bad next hop \"[\": missing "
		    "\"]\")\n" },
		{ "", "d 4.3.0 none use=1 tls= (server unavailable or unable "
		    "to receive mail)\n" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *got = deliver_to(cases[i].hop, "a@x");

		CHECK_STR(strlen(got) > 4 ? got + 4 : got, cases[i].want);
	}
}

/* smtp_cname_overrides_servername */
static void
an_alias_keeps_its_name_unless_told_otherwise(void)
{
	struct fake f = { .address = "127.0.0.2" };
	char	    hop[64];

	start(&f);
	snprintf(hop, sizeof hop, "alias.example:%u", (unsigned)port);
	CHECK(strstr(deliver_to(hop, "a@x"), " mx.alias.example[") != NULL);
	settings.cname_overrides_servername = true;
	CHECK(strstr(deliver_to(hop, "a@x"), " a.two.example[") != NULL);
	settings.cname_overrides_servername = false;
	stop(&f);
}

/* inet_protocols */
static void
an_address_of_a_kind_that_is_off_leads_nowhere(void)
{
	settings.families = DNS_V6;
	CHECK_STR(deliver_to("[127.0.0.2]", "a@x"), "a@x b 5.4.4 none use=1 "
	    "tls= (Name service error for 127.0.0.2: invalid host or domain "
	    "name)\n");
	settings.families = DNS_V4 | DNS_V6;
}

static void
the_fallback_relay_takes_what_others_do_not(void)
{
	struct fake f = { .address = "127.0.0.2" };
	char relay[64];

	start(&f);
	snprintf(relay, sizeof relay, "%s", loopback("127.0.0.2"));
	settings.fallback_relay = relay;
	CHECK_STR(deliver_to(loopback("127.0.0.9"), "a@x"), SENT("a"));
	CHECK_STR(deliver_to("none.example", "a@x"), SENT("a"));
	settings.fallback_relay = "";
	stop(&f);
}

static void
a_message_over_the_servers_limit_bounces(void)
{
	struct fake f = { .address = "127.0.0.2" };

	start(&f);
	memset(&request, 0, sizeof request);
	request.nexthop = loopback("127.0.0.2");
	request.rcpts = "a@x";
	request.size = 5001;
	CHECK_STR(deliver(NULL), "a@x b 5.3.4 127.0.0.2[127.0.0.2] use=1 "
	    "tls=may:none (message size 5001 exceeds size limit 5000 of "
	    "server 127.0.0.2[127.0.0.2])\n");
	stop(&f);
}

static void
stuffs_dots_and_converts_8bit(void)
{
	struct fake f = { .address = "127.0.0.2" };

	start(&f);
	memset(&request, 0, sizeof request);
	request.nexthop = loopback("127.0.0.2");
	request.rcpts = "a@x";
	request.encoding = "8bit";
	request.content_flags = CONTENT_LEADING_DOT | CONTENT_8BIT;
	request.body = "Content-Transfer-Encoding: 8bit\r\n"
	    "\r\n.\r\n\374\r\n";
	/* the first line of this "body" is the header's last */
	CHECK_STR(deliver(NULL), SENT("a"));
	task_sleep_ms(20);
	CHECK(strstr(f.heard.data, "Content-Transfer-Encoding: "
	    "quoted-printable\n\n..\n=FC\n.\n") != NULL);
	stop(&f);
}

/* RFC 6531 3.1 (8) */
static void
smtputf8_implies_8bitmime(void)
{
	struct fake f = { .address = "127.0.0.2",
		.rules = { "EHLO 250-fake.example\r\n250 SMTPUTF8" } };

	start(&f);
	memset(&request, 0, sizeof request);
	request.nexthop = loopback("127.0.0.2");
	request.rcpts = "a@x";
	request.encoding = "8bit";
	CHECK_STR(deliver(NULL), SENT("a"));
	CHECK(strstr(f.heard.data, " BODY=8BITMIME\n") != NULL);
	stop(&f);
}

static void
an_address_brings_no_command_of_its_own(void)
{
	struct fake f = { .address = "127.0.0.2" };

	start(&f);
	memset(&request, 0, sizeof request);
	request.nexthop = loopback("127.0.0.2");
	request.rcpts = "a\r\nQUIT\r\n@x\ny";
	deliver(NULL);
	task_sleep_ms(20);
	CHECK(strstr(f.heard.data, "RCPT TO:<\"a\\??QUIT\\??\"@x?y>\n") !=
	    NULL);
	stop(&f);
}

static void
a_probe_ends_before_data(void)
{
	struct fake f = { .address = "127.0.0.2" };

	start(&f);
	memset(&request, 0, sizeof request);
	request.nexthop = loopback("127.0.0.2");
	request.rcpts = "a@x";
	request.flags = DELIVER_VERIFY;
	CHECK_STR(deliver(NULL), "a@x s 2.0.0 127.0.0.2[127.0.0.2] use=1 "
	    "tls=may:none (250 ok)\n");
	task_sleep_ms(20);
	CHECK(strstr(f.heard.data, "RCPT TO:<a@x>\nRSET\nQUIT\n") != NULL);
	stop(&f);
}

static struct {
	int running, most;
} crowd;

static void
one_of_many(void *arg)
{
	struct delivery d = { .dead = WHY_INIT };

	(void)arg;
	if (++crowd.running > crowd.most)
		crowd.most = crowd.running;
	fill(&d);
	deliver_message(&d);
	CHECK(d.status[0] == DELIVER_SENT);
	close(d.file.fd);
	why_done(&d.dead);
	pool_done(&d.pool);
	crowd.running--;
}

static void
hundreds_of_deliveries_run_at_the_same_time(void)
{
	struct fake f = { .address = "127.0.0.2" };

	start(&f);
	memset(&request, 0, sizeof request);
	request.nexthop = loopback("127.0.0.2");
	request.rcpts = "a@x";
	settings.connect_timeout = settings.helo_timeout =
	    settings.mail_timeout = settings.rcpt_timeout =
	    settings.data_init_timeout = settings.data_done_timeout = 30;
	for (int i = 0; i < 200; i++)
		task_start("delivery", one_of_many, NULL);
	task_sleep_ms(10);
	while (crowd.running > 0)
		task_sleep_ms(10);
	CHECK(crowd.most > 100);
	CHECK_INT(f.connections, 200);
	stop(&f);
}

static void
set_up(void)
{
	conf_mail.myhostname = "me.example";
	conf_mail.relayhost = conf_mail.best_mx_transport = "";
	conf_mail.inet_interfaces = "all";
	conf_mail.use_srv_lookup = "";
	settings = (struct settings){
		.connect_timeout = 2, .mail_timeout = 1, .rcpt_timeout = 1,
		.helo_timeout = 1, .data_init_timeout = 1,
		.data_xfer_timeout = 2, .data_done_timeout = 1,
		.rset_timeout = 1, .quit_timeout = 1,
		.mx_address_limit = 5, .mx_session_limit = 2,
		.line_length_limit = 998, .connection_cache_time_limit = 2,
		.connection_reuse_time_limit = 300,
		.connection_cache_on_demand = true,
		.skip_5xx_greeting = true, .skip_quit_response = true,
		.quote_rfc821_envelope = true, .always_send_ehlo = true,
		.log_tls_feature_status = true,
		.tcp_port = "25", .address_preference = "any",
		.bind_address = "", .bind_address6 = "",
		.connection_cache_destinations = "", .fallback_relay = "",
		.tls_security_level = "may", .tls_policy_maps = "",
		.tls_per_site = "", .address_verify_target = "rcpt",
		.prefix = "smtp", .helo_name = "me.example",
		.discard_keywords = "", .discard_keyword_maps = "",
		.families = DNS_V4 | DNS_V6, .use_dns = true,
		.tls_protocols = ">=TLSv1", .tls_mandatory_protocols = "",
		.tls_ciphers = "medium", .tls_mandatory_ciphers = "medium",
		.tls_exclude_ciphers = "", .tls_mandatory_exclude_ciphers = "",
		.tls_servername = "", .tls_trust_anchor_file = "",
		.tls_session_cache_database = "", .dns_support_level = "",
		.reply_filter = "", .dns_reply_filter = "",
		.pix_workarounds = "", .pix_workaround_maps = "",
		.dane_insecure_mx_policy = "dane", .generic_maps = "",
		.header_checks = "", .mime_header_checks = "",
		.nested_header_checks = "", .body_checks = "",
	};
	quirks_init();
	policy_init();
	generic_init();
	filter_init();
}

static int status;

static void
run_all(void *arg)
{
	(void)arg;
	TEST(sends_all_commands_at_once_and_quit_with_the_dot);
	TEST(treats_each_recipient_by_its_reply);
	TEST(asks_the_next_host_when_one_says_later);
	TEST(a_host_that_does_not_greet_is_no_session);
	TEST(a_permanent_refusal_ends_it_at_the_first_host);
	TEST(tells_what_it_did_when_the_connection_was_lost);
	TEST(a_silent_server_costs_no_more_than_its_time);
	TEST(a_kept_session_serves_the_next_message);
	TEST(a_kept_session_is_used_again_so_many_times);
	TEST(a_kept_session_that_died_is_replaced);
	TEST(a_kept_session_that_says_421_is_replaced);
	TEST(never_sends_in_the_clear_what_needs_tls);
	TEST(names_that_lead_nowhere);
	TEST(an_alias_keeps_its_name_unless_told_otherwise);
	TEST(an_address_of_a_kind_that_is_off_leads_nowhere);
	TEST(the_fallback_relay_takes_what_others_do_not);
	TEST(a_message_over_the_servers_limit_bounces);
	TEST(stuffs_dots_and_converts_8bit);
	TEST(smtputf8_implies_8bitmime);
	TEST(an_address_brings_no_command_of_its_own);
	TEST(a_probe_ends_before_data);
	TEST(hundreds_of_deliveries_run_at_the_same_time);
	status = test_end();
	task_stop();
}

int
main(void)
{
	set_up();
	task_start("tests", run_all, NULL);
	task_loop();
	return status;
}
