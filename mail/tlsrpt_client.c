#include "mail/tlsrpt_client.h"

#include "mail/peer.h"
#include "util/clock.h"
#include "util/frame.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/task.h"

enum {
	WAITING_MAX = 200,		/* tasks */
	COMPLAIN_EVERY = 60000,		/* ms */
};

static int     waiting;
static int64_t complained;

static void
complain(const char *why)
{
	int64_t now = clock_ms();

	if (complained != 0 && now - complained < COMPLAIN_EVERY)
		return;
	complained = now;
	log_warn("%s: %s: the TLSRPT reports will miss sessions",
	    TLSRPT_SERVICE, why);
}

static void
tell(void *arg)
{
	struct frame *f = arg, reply = FRAME_INIT;

	if (!peer_call(TLSRPT_SERVICE, f, &reply, TLSRPT_FRAME_MAX))
		complain("the service can't be reached (is it in master.cf?)");
	frame_done(&reply);
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
