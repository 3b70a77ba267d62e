/*
 * dnsblog - look up addresses in DNS lists, and log what they are listed as
 *
 * Service private/dnsblog, for postscreen (mail/dnsblog_client.h).  Runs as
 * mail_owner in the jail, many questions at the same time.  Trusts its caller
 * to name lists and nothing else; an answer of a list is data.  Ends when it
 * is idle or master says so.
 */

#include "conf/param.h"
#include "mail/dnsblog_client.h"
#include "net/dns.h"
#include "net/dnsbl.h"
#include "server/requests.h"
#include "server/server.h"
#include "util/buf.h"
#include "util/frame.h"
#include "util/log.h"
#include "util/proc.h"

enum { REQUEST_MAX = 4096 };	/* bytes */

static void
put_answers(struct frame *f, const struct dns_record *r, const char *address,
    const char *domain)
{
	uint32_t ttl = UINT32_MAX;
	char	 text[ADDR_TEXT];

	for (; r != NULL; r = r->next) {
		addr_text(&r->addr, text);
		log_info("addr %s listed by domain %s as %s", address, domain,
		    text);
		frame_put_str(f, DNSBLOG_KEY_ADDRESS, text);
		if (r->ttl < ttl)
			ttl = r->ttl;
	}
	frame_put_u64(f, DNSBLOG_KEY_TTL, ttl);
}

static void
look_up(struct frame *answer, const char *domain, const struct addr *a,
    const char *address)
{
	struct buf	   name = BUF_INIT;
	struct dns_record *r;
	const char	  *why;

	dnsbl_add_reversed(&name, a);
	buf_adds(&name, domain);
	switch (dns_query(name.data, DNS_A, &r, &why)) {
	case DNS_OK:
		put_answers(answer, r, address, domain);
		dns_free(r);
		break;
	case DNS_NOT_FOUND:
	case DNS_NO_DATA:
		break;
	default:
		log_warn("dnsblog_query: lookup error for DNS query %s: Host "
		    "or domain name not found. Name service error for name=%s"
		    " type=A: %s", name.data, name.data, why);
		frame_put_u64(answer, DNSBLOG_KEY_FAILED, 1);
	}
	buf_done(&name);
}

static bool
answer(const struct frame *f, struct frame *reply)
{
	const char *domain = frame_str(f, DNSBLOG_KEY_DOMAIN);
	const char *address = frame_str(f, DNSBLOG_KEY_ADDRESS);
	struct addr a;

	if (f->type != DNSBLOG_ASK || domain == NULL || address == NULL ||
	    !addr_parse(&a, address, 0))
		return false;
	frame_begin(reply, DNSBLOG_ANSWER);
	look_up(reply, domain, &a, address);
	return true;
}

static void
serve(struct stream *client)
{
	requests_serve(client, REQUEST_MAX, answer);
}

static void
before_jail(void)
{
	const char *why;

	if (!dns_start(&why))
		log_warn("DNS: %s", why);
}

int
main(int argc, char **argv)
{
	static const struct param_area *const areas[] = { NULL };
	static const struct server	      dnsblog = {
		.name = "dnsblog",
		.jail = PROC_JAIL_NET | PROC_JAIL_FILES,
		.areas = areas,
		.before_jail = before_jail,
		.serve = serve,
	};

	server_main(argc, argv, &dnsblog);
}
