#include "mail/tlsrpt_client.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "mail/peer.h"
#include "mail/tlsrpt.h"
#include "mail/tlsrpt_datagram.h"
#include "net/dns.h"
#include "util/clock.h"
#include "util/frame.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/task.h"

enum {
	WAITING_MAX = 200,		/* tasks */
	COMPLAIN_EVERY = 60000,		/* ms */
};

static const char *socket_path;		/* NULL: the service is told */
static int	   waiting;
static int64_t	   complained;

static void
complain(const char *why)
{
	int64_t now = clock_ms();

	if (complained != 0 && now - complained < COMPLAIN_EVERY)
		return;
	complained = now;
	log_warn("%s: %s: the TLSRPT reports will miss sessions",
	    socket_path != NULL ? socket_path : TLSRPT_SERVICE, why);
}

/* --- an external reporter */

/* The one TXT record that asks for reports, in the pool; NULL: there is none,
 * or more (RFC 8460 3). */
static const char *
find_record(struct pool *pool, const char *domain)
{
	struct dns_record   *list = NULL;
	struct tlsrpt_record r;
	const char	    *found = NULL;
	int		     count = 0;

	dns_query(pool_printf(pool, "_smtp._tls.%s", domain), DNS_TXT, &list,
	    NULL);
	for (const struct dns_record *i = list; i != NULL; i = i->next)
		if (i->target != NULL && tlsrpt_parse_record(pool, i->target,
		    i->target_len, &r)) {
			found = pool_strndup(pool, i->target, i->target_len);
			count++;
		}
	dns_free(list);
	return count == 1 ? found : NULL;
}

/* Who is too busy to take it is not waited for. */
static void
send_datagram(const struct buf *b)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (strlen(socket_path) >= sizeof un.sun_path) {
		complain("the name is too long");
	} else {
		strcpy(un.sun_path, socket_path);
		if (fd < 0 || sendto(fd, b->data, b->len, MSG_NOSIGNAL,
		    (const void *)&un, sizeof un) < 0)
			complain(strerror(errno));
	}
	if (fd >= 0)
		close(fd);
}

/* As Postfix's log has it: "starttls_not_supported". */
static void
log_result(const struct tlsrpt_result *r)
{
	struct buf b = BUF_INIT;

	buf_addf(&b, "TLSRPT: status=%s, domain=%s, receiving_mx=%s[%s]",
	    r->failure != NULL ? "failure" : "success",
	    r->policy_domain != NULL ? r->policy_domain : r->domain,
	    r->mx_host != NULL ? r->mx_host : "",
	    r->receiving_ip != NULL ? r->receiving_ip : "");
	if (r->failure != NULL) {
		buf_adds(&b, ", failure_type=");
		for (const char *p = r->failure; *p != '\0'; p++)
			buf_addc(&b, *p == '-' ? '_' : *p);
	}
	if (r->failure != NULL && r->reason != NULL)
		buf_addf(&b, ", failure_reason=%s", r->reason);
	log_info("%s", b.data);
	buf_done(&b);
}

static void
tell_socket(const struct frame *f)
{
	struct tlsrpt_result r = tlsrpt_result_of(f);
	struct pool	     pool = POOL_INIT;
	struct buf	     b = BUF_INIT;
	const char	    *record = find_record(&pool, r.domain);

	if (record != NULL && tlsrpt_write_datagram(&b, &r, record)) {
		log_result(&r);
		send_datagram(&b);
	}
	buf_done(&b);
	pool_done(&pool);
}

void
tlsrpt_use_socket(const char *path)
{
	socket_path = path;
}

/* --- our service */

static void
tell_service(const struct frame *f)
{
	struct frame reply = FRAME_INIT;

	if (!peer_call(TLSRPT_SERVICE, f, &reply, TLSRPT_FRAME_MAX))
		complain("the service can't be reached (is it in master.cf?)");
	frame_done(&reply);
}

struct tlsrpt_result
tlsrpt_result_of(const struct frame *f)
{
	return (struct tlsrpt_result){
		.domain = frame_str(f, TLSRPT_KEY_DOMAIN),
		.policy_type = frame_str(f, TLSRPT_KEY_POLICY_TYPE),
		.policy_domain = frame_str(f, TLSRPT_KEY_POLICY_DOMAIN),
		.policy = frame_str(f, TLSRPT_KEY_POLICY),
		.mx_patterns = frame_str(f, TLSRPT_KEY_MX_PATTERNS),
		.failure = frame_str(f, TLSRPT_KEY_FAILURE),
		.reason = frame_str(f, TLSRPT_KEY_REASON),
		.sending_ip = frame_str(f, TLSRPT_KEY_SENDING_IP),
		.mx_host = frame_str(f, TLSRPT_KEY_MX_HOST),
		.receiving_ip = frame_str(f, TLSRPT_KEY_RECEIVING_IP),
	};
}

/* --- both */

static void
tell(void *arg)
{
	struct frame *f = arg;

	if (socket_path != NULL)
		tell_socket(f);
	else
		tell_service(f);
	frame_done(f);
	mem_free(f);
	waiting--;
}

void
tlsrpt_send(const struct tlsrpt_result *r)
{
	struct frame *f;

	if (waiting >= WAITING_MAX) {
		complain("too slow");
		return;
	}
	f = NEW(struct frame);
	*f = (struct frame)FRAME_INIT;
	frame_begin(f, TLSRPT_RESULT);
	frame_put_str(f, TLSRPT_KEY_DOMAIN, r->domain);
	frame_put_str(f, TLSRPT_KEY_POLICY_TYPE, r->policy_type);
	frame_put_str(f, TLSRPT_KEY_POLICY_DOMAIN, r->policy_domain);
	frame_put_str(f, TLSRPT_KEY_POLICY, r->policy);
	frame_put_str(f, TLSRPT_KEY_MX_PATTERNS, r->mx_patterns);
	frame_put_str(f, TLSRPT_KEY_FAILURE, r->failure);
	frame_put_str(f, TLSRPT_KEY_REASON, r->reason);
	frame_put_str(f, TLSRPT_KEY_SENDING_IP, r->sending_ip);
	frame_put_str(f, TLSRPT_KEY_MX_HOST, r->mx_host);
	frame_put_str(f, TLSRPT_KEY_RECEIVING_IP, r->receiving_ip);
	waiting++;
	task_start("tlsrpt", tell, f);
}
