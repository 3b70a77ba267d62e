/* Against a name server of its own, a child process on a port of its own. */

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/dns.h"
#include "net/dns_int.h"
#include "tests/test.h"
#include "util/buf.h"
#include "util/task.h"

/* --- the server */

enum { TTL = 60, PACKET = 65535 };

struct packet {
	unsigned char	bytes[PACKET];
	size_t		len;
	char		name[256];	/* asked for */
	int		type, count;	/* of answers */
};

static void
add(struct packet *p, const void *bytes, size_t len)
{
	memcpy(p->bytes + p->len, bytes, len);
	p->len += len;
}

static void
add16(struct packet *p, unsigned n)
{
	add(p, (unsigned char[]){ (unsigned char)(n >> 8), (unsigned char)n },
	    2);
}

static void
add_name(struct packet *p, const char *name)
{
	while (*name != '\0') {
		size_t n = strcspn(name, ".");

		add(p, &(char){ (char)n }, 1);
		add(p, name, n);
		name += n + (name[n] == '.');
	}
	add(p, "", 1);
}

/* A record of the name asked for; the data follows, record_end() counts it. */
static size_t
record_begin(struct packet *p, int type, unsigned ttl)
{
	add(p, "\xc0\x0c", 2);
	add16(p, (unsigned)type);
	add16(p, 1);
	add16(p, 0);
	add16(p, ttl);
	add16(p, 0);
	p->count++;
	return p->len;
}

static void
record_end(struct packet *p, size_t from)
{
	size_t n = p->len - from;

	p->bytes[from - 2] = (unsigned char)(n >> 8);
	p->bytes[from - 1] = (unsigned char)n;
}

static void
add_a(struct packet *p, unsigned ttl, const char *addr)
{
	unsigned char bytes[16];
	bool	      v4 = inet_pton(AF_INET, addr, bytes) == 1;
	size_t	      at;

	if (!v4)
		inet_pton(AF_INET6, addr, bytes);
	if (p->type != (v4 ? DNS_A : DNS_AAAA))
		return;
	at = record_begin(p, p->type, ttl);
	add(p, bytes, v4 ? 4 : 16);
	record_end(p, at);
}

static void
add_host(struct packet *p, int type, int preference, const char *host)
{
	size_t at = record_begin(p, type, TTL);

	if (preference >= 0)
		add16(p, (unsigned)preference);
	if (type == DNS_SRV) {
		add16(p, 5);
		add16(p, 993);
	}
	add_name(p, host);
	record_end(p, at);
}

/* Too much for UDP: "truncated". */
static int
add_texts(struct packet *p, int count, bool tcp)
{
	for (int i = 0; tcp && i < count; i++) {
		size_t at = record_begin(p, DNS_TXT, TTL);

		add(p, "\310", 1);
		for (int k = 0; k < 200; k++)
			add(p, "x", 1);
		record_end(p, at);
	}
	return tcp ? 0 : 0x0200;
}

/* Fills in the answer; returns rcode and flags, -1 for silence. */
static int
answer(struct packet *p, const unsigned char *query, size_t len, bool tcp)
{
	static int asked;
	char	   text[40];
	bool	   edns = query[11] != 0;
	size_t	   at;

	(void)len;
	snprintf(text, sizeof text, "192.0.2.%d", ++asked % 250);
	if (strcmp(p->name, "a.example") == 0) {
		add_a(p, TTL, "192.0.2.1");
		add_a(p, TTL, "192.0.2.2");
		add_a(p, TTL, "2001:db8::1");
	} else if (strcmp(p->name, "v4.example") == 0) {
		add_a(p, TTL, "192.0.2.4");
	} else if (strcmp(p->name, "count.example") == 0) {
		add_a(p, TTL, text);
	} else if (strcmp(p->name, "ttl0.example") == 0) {
		add_a(p, 0, text);
	} else if (strcmp(p->name, "mx.example") == 0 && p->type == DNS_MX) {
		add_host(p, DNS_MX, 20, "two.example");
		add_host(p, DNS_MX, 10, "one.example");
	} else if (strcmp(p->name, "null.example") == 0) {
		add_host(p, DNS_MX, 0, "");
	} else if (strcmp(p->name, "bad.example") == 0) {
		add_host(p, DNS_MX, 10, "sp ace.example");
	} else if (strcmp(p->name, "partly.example") == 0) {
		add_host(p, DNS_MX, 10, "do$$ar.example");
		add_host(p, DNS_MX, 20, "good.example");
	} else if (strcmp(p->name, "srv.example") == 0) {
		add_host(p, DNS_SRV, 1, "imap.example");
	} else if (strcmp(p->name, "1.2.0.192.in-addr.arpa") == 0) {
		add_host(p, DNS_PTR, -1, "a.example");
	} else if (strcmp(p->name, "half.example") == 0) {
		add_host(p, DNS_CNAME, -1, "a.example");
	} else if (strcmp(p->name, "loop.example") == 0) {
		add_host(p, DNS_CNAME, -1, "loop.example");
	} else if (strcmp(p->name, "txt.example") == 0) {
		at = record_begin(p, DNS_TXT, TTL);
		add(p, "\6v=spf1\5 -all", 13);
		record_end(p, at);
	} else if (strcmp(p->name, "_25._tcp.a.example") == 0) {
		at = record_begin(p, DNS_TLSA, TTL);
		add(p, "\3\1\1\0\xff", 5);
		record_end(p, at);
	} else if (strcmp(p->name, "big.example") == 0) {
		return add_texts(p, 60, tcp);
	} else if (strncmp(p->name, "fat", 3) == 0) {
		return add_texts(p, 300, tcp);
	} else if (strcmp(p->name, "old.example") == 0) {
		if (edns)
			return 1;
		add_a(p, TTL, "192.0.2.99");
	} else if (strncmp(p->name, "id", 2) == 0) {
		snprintf(text, sizeof text, "192.0.%d.%d", query[0], query[1]);
		add_a(p, TTL, text);
	} else if (strcmp(p->name, "ad.example") == 0) {
		add_a(p, TTL, "192.0.2.1");
		return query[3] & 0x20;
	} else if (strcmp(p->name, "servfail.example") == 0) {
		return 2;
	} else if (strcmp(p->name, "refused.example") == 0) {
		return 5;
	} else if (strcmp(p->name, "nodata.example") != 0) {
		return 3;
	}
	return 0;
}

static bool
respond(struct packet *p, const unsigned char *query, size_t len, bool tcp)
{
	size_t at = 12, n = 0;
	int    flags;

	if (len < 17)
		return false;
	while (query[at] != 0 && at + query[at] < len && n < 200) {
		for (int i = 1; i <= query[at]; i++)
			p->name[n++] = (char)tolower(query[at + (size_t)i]);
		p->name[n++] = '.';
		at += 1 + (size_t)query[at];
	}
	p->name[n > 0 ? n - 1 : 0] = '\0';
	p->type = query[at + 1] << 8 | query[at + 2];
	p->count = 0;
	p->len = at + 5;
	memcpy(p->bytes, query, p->len);
	if ((flags = answer(p, query, len, tcp)) < 0)
		return false;
	p->bytes[2] = (unsigned char)(0x81 | flags >> 8);
	p->bytes[3] = (unsigned char)(0x80 | flags);
	p->bytes[6] = (unsigned char)(p->count >> 8);
	p->bytes[7] = (unsigned char)p->count;
	memset(p->bytes + 8, 0, 4);
	return true;
}

static void
serve_tcp(int listener)
{
	static struct packet p;
	unsigned char	     query[600], head[2];
	ssize_t		     n;
	int		     fd = accept(listener, NULL, NULL), pause;

	if (fd < 0 || recv(fd, head, 2, MSG_WAITALL) != 2)
		abort();
	n = recv(fd, query, (size_t)(head[0] << 8 | head[1]), MSG_WAITALL);
	if (n > 0 && respond(&p, query, (size_t)n, true)) {
		pause = strncmp(p.name, "fat", 3) == 0 ? 0 : 5000;
		head[0] = (unsigned char)(p.len >> 8);
		head[1] = (unsigned char)p.len;
		/* In pieces, to see them put together. */
		if (write(fd, head, 1) + write(fd, head + 1, 1) != 2)
			abort();
		usleep((useconds_t)pause);
		if (write(fd, p.bytes, 100) != 100)
			abort();
		usleep((useconds_t)pause);
		if (write(fd, p.bytes + 100, p.len - 100) < 0)
			abort();
		usleep((useconds_t)pause);
	}
	close(fd);
}

static void
serve(int udp, int tcp)
{
	static struct packet	p;
	unsigned char		query[600];
	struct sockaddr_storage from;
	socklen_t		len;
	ssize_t			n;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		struct pollfd fds[2] = { { udp, POLLIN, 0 },
		    { tcp, POLLIN, 0 } };

		poll(fds, 2, -1);
		if (fds[1].revents)
			serve_tcp(tcp);
		if (!fds[0].revents)
			continue;
		len = sizeof from;
		n = recvfrom(udp, query, sizeof query, 0, (void *)&from, &len);
		if (n > 0 && respond(&p, query, (size_t)n, false))
			sendto(udp, p.bytes, p.len, 0, (void *)&from, len);
	}
}

static pid_t server;

/* Both sockets on one port, which may be taken for one of them. */
static bool
bind_both(int udp, int tcp, struct sockaddr_in *a)
{
	socklen_t len = sizeof *a;

	*a = (struct sockaddr_in){ .sin_family = AF_INET };
	a->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(udp, (void *)a, sizeof *a) < 0)
		abort();
	getsockname(udp, (void *)a, &len);
	return bind(tcp, (void *)a, sizeof *a) == 0 && listen(tcp, 10) == 0;
}

static void
start_server(void)
{
	struct sockaddr_in a;
	int		   udp, tcp, tries = 0;
	char		   text[50];

	for (;;) {
		udp = socket(AF_INET, SOCK_DGRAM, 0);
		tcp = socket(AF_INET, SOCK_STREAM, 0);
		if (bind_both(udp, tcp, &a))
			break;
		close(udp);
		close(tcp);
		if (++tries == 50)
			abort();
	}
	if ((server = fork()) == 0)
		serve(udp, tcp);
	close(udp);
	close(tcp);
	snprintf(text, sizeof text, "127.0.0.1:%d", ntohs(a.sin_port));
	if (!dns_use_servers(text))
		abort();
}

/* --- the tests; each runs outside of tasks and in one */

static void (*inside)(void);

static void
run_inside(void *arg)
{
	(void)arg;
	inside();
	task_stop();
}

static void
in_a_task(void (*fn)(void))
{
	inside = fn;
	task_start("test", run_inside, NULL);
	task_loop();
}

static const char *
first_addr(const char *name)
{
	static char	   text[ADDR_TEXT];
	struct dns_record *r;

	if (dns_query(name, DNS_A, &r, NULL) != DNS_OK)
		return "none";
	addr_text(&r->addr, text);
	dns_free(r);
	return text;
}

static const struct {
	const char	*name;
	enum dns_type	 type;
	enum dns_status	 status;
	const char	*result;	/* target or address of all records, or
					   why */
} query_cases[] = {
	{ "a.example", DNS_A, DNS_OK, "192.0.2.1 192.0.2.2 " },
	{ "A.Example", DNS_AAAA, DNS_OK, "2001:db8::1 " },
	{ "mx.example", DNS_MX, DNS_OK, "20:two.example 10:one.example " },
	{ "null.example", DNS_MX, DNS_OK, "0: " },
	{ "bad.example", DNS_MX, DNS_INVALID,
	    "Malformed or unexpected name server reply" },
	{ "partly.example", DNS_MX, DNS_OK, "20:good.example " },
	{ "srv.example", DNS_SRV, DNS_OK, "1:imap.example " },
	{ "txt.example", DNS_TXT, DNS_OK, "0:v=spf1 -all " },
	{ "half.example", DNS_A, DNS_OK, "192.0.2.1 192.0.2.2 " },
	{ "half.example", DNS_CNAME, DNS_OK, "0:a.example " },
	{ "loop.example", DNS_A, DNS_FAIL, "Name server loop" },
	{ "servfail.example", DNS_A, DNS_TRY_AGAIN,
	    "Host not found, try again" },
	{ "refused.example", DNS_A, DNS_TRY_AGAIN,
	    "Host not found, try again" },
	{ "missing.example", DNS_A, DNS_NOT_FOUND, "Host not found" },
	{ "nodata.example", DNS_A, DNS_NO_DATA,
	    "Host found but no data record of requested type" },
	{ "old.example", DNS_A, DNS_OK, "192.0.2.99 " },
	{ "-.example", DNS_A, DNS_NOT_FOUND, "invalid host or domain name" },
	{ "a..example", DNS_A, DNS_NOT_FOUND, "invalid host or domain name" },
};

static void
all_queries(void)
{
	for (size_t i = 0; i < sizeof query_cases / sizeof *query_cases; i++) {
		struct dns_record *r;
		const char	  *why;
		char		   got[300] = "", text[ADDR_TEXT];
		enum dns_status	   status;

		status = dns_query(query_cases[i].name, query_cases[i].type,
		    &r, &why);
		CHECK_INT(status, query_cases[i].status);
		for (struct dns_record *k = r; k != NULL; k = k->next) {
			size_t n = strlen(got);

			if (k->type == DNS_A || k->type == DNS_AAAA) {
				addr_text(&k->addr, text);
				snprintf(got + n, sizeof got - n, "%s ", text);
			} else {
				snprintf(got + n, sizeof got - n, "%d:%s ",
				    k->preference, k->target);
			}
		}
		CHECK_STR(status == DNS_OK ? got : why,
		    query_cases[i].result);
		dns_free(r);
	}
}

static void
questions_are_answered_outside_of_tasks(void)
{
	all_queries();
}

static void
questions_are_answered_in_a_task(void)
{
	in_a_task(all_queries);
}

static void
tlsa_bytes(void)
{
	struct dns_record *r;

	CHECK_INT(dns_query("_25._tcp.a.example", DNS_TLSA, &r, NULL), DNS_OK);
	CHECK(r->target_len == 5 && memcmp(r->target, "\3\1\1\0\xff", 5) == 0);
	CHECK(!r->authentic);
	dns_free(r);
	CHECK_INT(dns_query("ad.example", DNS_A, &r, NULL), DNS_OK);
	CHECK(r->authentic);
	CHECK_STR(r->name, "ad.example");
	CHECK_INT(r->ttl, TTL);
	dns_free(r);
}

static void
tlsa_and_the_authentic_bit_come_through(void)
{
	in_a_task(tlsa_bytes);
}

static void
big_answer(void)
{
	struct dns_record *r, *k;
	int		   n = 0;

	CHECK_INT(dns_query("big.example", DNS_TXT, &r, NULL), DNS_OK);
	for (k = r; k != NULL; k = k->next)
		n += k->target_len == 200;
	CHECK_INT(n, 60);
	dns_free(r);
}

static void
a_truncated_answer_is_fetched_over_tcp(void)
{
	in_a_task(big_answer);
}

/* --- cache */

static void
cached(void)
{
	char first[ADDR_TEXT];

	strcpy(first, first_addr("count.example"));
	CHECK_STR(first_addr("COUNT.example"), first);
	strcpy(first, first_addr("ttl0.example"));
	CHECK(strcmp(first_addr("ttl0.example"), first) != 0);
}

static void
answers_are_kept_for_their_ttl(void)
{
	in_a_task(cached);
}

static void
ask_much(int from, int to)
{
	for (int i = from; i < to; i++) {
		struct dns_record *r;
		char		   name[30];

		snprintf(name, sizeof name, "fat%d.example", i);
		CHECK_INT(dns_query(name, DNS_TXT, &r, NULL), DNS_OK);
		dns_free(r);
	}
}

static void
much(void)
{
	char first[ADDR_TEXT];

	strcpy(first, first_addr("count.example"));
	ask_much(0, 100);
	CHECK_STR(first_addr("count.example"), first);
	ask_much(100, 600);
	CHECK(strcmp(first_addr("count.example"), first) != 0);
}

static void
large_answers_push_out_old_ones(void)
{
	in_a_task(much);
}

static char shared[20][ADDR_TEXT];
static int  shared_left;

static void
ask_ttl0(void *arg)
{
	strcpy(arg, first_addr("ttl0.example"));
	if (--shared_left == 0)
		task_stop();
}

static void
equal_questions_at_the_same_time_are_asked_once(void)
{
	shared_left = 20;
	for (int i = 0; i < 20; i++)
		task_start("ask", ask_ttl0, shared[i]);
	task_loop();
	for (int i = 1; i < 20; i++)
		CHECK_STR(shared[i], shared[0]);
}

enum { CROWD = 100 };	/* what fits the server's buffer */

static void
ask_own(void *arg)
{
	char name[40];

	snprintf(name, sizeof name, "id%d.example", (int)(intptr_t)arg);
	CHECK(strcmp(first_addr(name), "none") != 0);
	if (--shared_left == 0)
		task_stop();
}

static void
many_questions_are_under_way_at_once(void)
{
	shared_left = CROWD;
	for (intptr_t i = 0; i < CROWD; i++)
		task_start("ask", ask_own, (void *)i);
	task_loop();
	CHECK_INT(shared_left, 0);
}

static void
ids(void)
{
	char got[6][ADDR_TEXT];
	int  equal = 0;

	for (int i = 0; i < 6; i++) {
		char name[40];

		snprintf(name, sizeof name, "id-%d.example", i);
		strcpy(got[i], first_addr(name));
		for (int k = 0; k < i; k++)
			equal += strcmp(got[i], got[k]) == 0;
	}
	CHECK(equal < 3);
}

static void
ids_can_not_be_guessed(void)
{
	in_a_task(ids);
}

/* --- hosts */

static void
addresses(void)
{
	static const struct {
		const char	*host;
		int		 families;
		enum dns_status	 status;
		size_t		 count;
	} cases[] = {
		{ "a.example", DNS_V4 | DNS_V6, DNS_OK, 3 },
		{ "a.example", DNS_V4, DNS_OK, 2 },
		{ "v4.example", DNS_V4 | DNS_V6, DNS_OK, 1 },
		{ "v4.example", DNS_V6, DNS_NO_DATA, 0 },
		{ "missing.example", DNS_V4 | DNS_V6, DNS_NOT_FOUND, 0 },
		{ "servfail.example", DNS_V4 | DNS_V6, DNS_TRY_AGAIN, 0 },
		{ "192.0.2.7", DNS_V4 | DNS_V6, DNS_OK, 1 },
		{ "2001:db8::7", DNS_V4, DNS_NO_DATA, 0 },
		{ "no such host", DNS_V4, DNS_NOT_FOUND, 0 },
	};
	struct addr_list l;
	struct addr	 a;
	char		*name;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		CHECK_INT(dns_addresses(cases[i].host, cases[i].families,
		    false, true, &l, NULL), cases[i].status);
		CHECK_INT(l.count, cases[i].count);
		addr_list_done(&l);
	}
	CHECK_INT(dns_addresses("localhost", DNS_V4, true, false, &l, NULL),
	    DNS_OK);
	addr_list_done(&l);

	addr_parse(&a, "192.0.2.1", 0);
	CHECK_INT(dns_name_of(&a, &name, NULL), DNS_OK);
	CHECK_STR(name, "a.example");
	free(name);
	addr_parse(&a, "2001:db8::1", 0);
	CHECK_INT(dns_name_of(&a, &name, NULL), DNS_NOT_FOUND);
}

static void
families_are_those_of_inet_protocols(void)
{
	CHECK_INT(dns_families("all"), DNS_V4 | DNS_V6);
	CHECK_INT(dns_families("ipv4"), DNS_V4);
	CHECK_INT(dns_families("IPv6"), DNS_V6);
	CHECK_INT(dns_families("ipv6, ipv4"), DNS_V4 | DNS_V6);
	CHECK_INT(dns_families("ipv4 all"), DNS_V4 | DNS_V6);
	CHECK_INT(dns_families(""), DNS_V4 | DNS_V6);
}

static void
hosts_have_addresses_and_names(void)
{
	in_a_task(addresses);
	addresses();
}

static void
the_hosts_file_is_read(void)
{
	static const char text[] =
	    "127.0.0.1 localhost\n"
	    "# 192.0.2.1 comment\n"
	    "192.0.2.1\tMail.Example mail alias # mx\r\n"
	    "2001:db8::1 mail.example\n"
	    "192.0.2.9 mail.example other.example\n"
	    "not-an-address x\n"
	    "192.0.2.2\n"
	    "192.0.2.3 bad$name good";
	struct hosts	*h = hosts_parse(text, strlen(text));
	struct addr_list l = { 0 };
	struct addr	 a;

	hosts_addresses(h, "MAIL.example", DNS_V4 | DNS_V6, &l);
	CHECK_INT(l.count, 3);
	addr_list_done(&l);
	hosts_addresses(h, "mail.example", DNS_V6, &l);
	CHECK_INT(l.count, 1);
	addr_list_done(&l);
	hosts_addresses(h, "bad$name", DNS_V4, &l);
	CHECK_INT(l.count, 0);
	hosts_addresses(h, "good", DNS_V4, &l);
	CHECK_INT(l.count, 1);
	addr_list_done(&l);
	addr_parse(&a, "192.0.2.1", 0);
	CHECK_STR(hosts_name(h, &a), "Mail.Example");
	addr_parse(&a, "192.0.2.2", 0);
	CHECK(hosts_name(h, &a) == NULL);
	hosts_free(h);
}

static void
nsswitch_says_where_to_look(void)
{
	bool files, dns;

	hosts_read_order("passwd: files\nhosts:\tfiles dns # x\n", &files,
	    &dns);
	CHECK(files && dns);
	hosts_read_order("hosts: dns\n", &files, &dns);
	CHECK(!files && dns);
	hosts_read_order("hosts: files mdns4\n", &files, &dns);
	CHECK(files && !dns);
	hosts_read_order("", &files, &dns);
	CHECK(files && dns);
}

/* --- names */

static const char *
tried(const char *name, unsigned options)
{
	static struct buf all = BUF_INIT;
	struct buf	  one = BUF_INIT;

	buf_clear(&all);
	for (size_t i = 0; dns_search_name(name, options, i, &one); i++)
		buf_addf(&all, "%s%s", i > 0 ? " " : "", one.data);
	buf_done(&one);
	return all.data;
}

static void
names_are_completed_as_resolv_conf_says(void)
{
	dns_search_read("domain one.example\n# x\nsearch a.example\tb.example"
	    " -bad-\nnameserver 127.0.0.1\n");
	CHECK_STR(tried("mx", 0), "mx");
	CHECK_STR(tried("mx", DNS_DEFNAMES), "mx.a.example mx");
	CHECK_STR(tried("mx", DNS_SEARCH), "mx");
	CHECK_STR(tried("mx", DNS_DEFNAMES | DNS_SEARCH),
	    "mx.a.example mx.b.example mx");
	CHECK_STR(tried("mx.c", DNS_DEFNAMES), "mx.c");
	CHECK_STR(tried("mx.c", DNS_SEARCH),
	    "mx.c mx.c.a.example mx.c.b.example");
	dns_search_read("nameserver 127.0.0.1\nsearch\n");
	CHECK_STR(tried("mx", DNS_DEFNAMES), "mx");
}

static void
names_fit_for_dns(void)
{
	static const struct {
		const char	*name;
		bool		 ok;
	} cases[] = {
		{ "example.com", true },
		{ "localhost", true },
		{ "_25._tcp.mx.example", true },
		{ "1.0.0.127.in-addr.arpa", true },
		{ "xn--bcher-kva.example", true },
		{ "a-b.example", true },
		{ "", false },
		{ ".", false },
		{ ".example", false },
		{ "example.", false },
		{ "a..b", false },
		{ "-a.example", false },
		{ "a-.example", false },
		{ "a b.example", false },
		{ "b\xc3\xbc" "cher.example", false },
		{ "127.0.0.1", false },
		{ "42", false },
		{ "a/b.example", false },
		{ "123456789012345678901234567890123456789012345678901234567"
		  "890123.example", true },
		{ "123456789012345678901234567890123456789012345678901234567"
		  "8901234.example", false },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		CHECK(dns_valid_name(cases[i].name) == cases[i].ok);
	CHECK(dns_valid_address("192.0.2.1"));
	CHECK(dns_valid_address("::1"));
	CHECK(!dns_valid_address("[::1]"));
}

int
main(void)
{
	int failed;

	start_server();
	TEST(names_are_completed_as_resolv_conf_says);
	TEST(names_fit_for_dns);
	TEST(the_hosts_file_is_read);
	TEST(nsswitch_says_where_to_look);
	TEST(questions_are_answered_outside_of_tasks);
	TEST(questions_are_answered_in_a_task);
	TEST(tlsa_and_the_authentic_bit_come_through);
	TEST(a_truncated_answer_is_fetched_over_tcp);
	TEST(answers_are_kept_for_their_ttl);
	TEST(large_answers_push_out_old_ones);
	TEST(equal_questions_at_the_same_time_are_asked_once);
	TEST(many_questions_are_under_way_at_once);
	TEST(ids_can_not_be_guessed);
	TEST(families_are_those_of_inet_protocols);
	TEST(hosts_have_addresses_and_names);
	failed = test_end();
	kill(server, SIGKILL);
	return failed;
}
