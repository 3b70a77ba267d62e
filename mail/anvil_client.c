#include "mail/anvil_client.h"

#include <errno.h>

#include "mail/peer.h"
#include "util/clock.h"
#include "util/frame.h"
#include "util/log.h"
#include "util/stream.h"
#include "util/task.h"

#define ANVIL_PATH ANVIL_SERVICE

enum {
	WAIT_SECONDS = 10,	/* clients wait, too */
	COMPLAIN_MS = 60 * 1000,
};

/*
 * One stream for the process: anvil takes back the connections that were
 * counted on it when it ends.  `busy` while a request is on it.
 */
static struct {
	struct stream	*stream;
	bool		 busy;
	struct task_cond idle;
	int64_t		 complain_at;
} anvil = { .idle = TASK_COND_INIT(anvil.idle) };

static bool
ask(const struct frame *request, struct frame *answer)
{
	bool fresh = anvil.stream == NULL;

	if (fresh && (anvil.stream = peer_connect(ANVIL_PATH)) == NULL)
		return false;
	stream_set_deadline(anvil.stream, WAIT_SECONDS);
	frame_send(anvil.stream, request);
	if (frame_receive(anvil.stream, answer, ANVIL_FRAME_MAX) &&
	    answer->type == ANVIL_COUNTS)
		return true;
	stream_abort(anvil.stream);
	anvil.stream = NULL;
	errno = EPIPE;
	return false;
}

static bool
ask_twice(const struct frame *request, struct frame *answer)
{
	bool kept = anvil.stream != NULL;

	/* a kept stream may have been closed meanwhile: anvil was idle */
	return ask(request, answer) || (kept && ask(request, answer));
}

static void
complain(void)
{
	if (clock_ms() < anvil.complain_at)
		return;
	anvil.complain_at = clock_ms() + COMPLAIN_MS;
	log_warn("connect to %s: %m; client limits are not in force",
	    ANVIL_PATH);
}

static bool
request_counts(const char *ident, enum anvil_event event, bool look,
    struct anvil_counts *counts)
{
	struct frame request = FRAME_INIT, answer = FRAME_INIT;
	bool	     ok;

	while (anvil.busy)
		task_wait(&anvil.idle, CLOCK_NEVER);
	anvil.busy = true;
	frame_begin(&request, ANVIL_EVENT);
	frame_put_str(&request, ANVIL_KEY_IDENT, ident);
	frame_put_u64(&request, ANVIL_KEY_EVENT, event);
	if (look)
		frame_put_u64(&request, ANVIL_KEY_LOOK, 1);
	ok = ask_twice(&request, &answer);
	if (ok) {
		counts->rate = (unsigned)frame_u64(&answer, ANVIL_KEY_RATE, 0);
		counts->connections = (unsigned)frame_u64(&answer,
		    ANVIL_KEY_CONNECTIONS, 0);
	} else {
		complain();
	}
	anvil.busy = false;
	task_wake_one(&anvil.idle);
	frame_done(&request);
	frame_done(&answer);
	return ok;
}

bool
anvil_event(const char *ident, enum anvil_event event,
    struct anvil_counts *counts)
{
	return request_counts(ident, event, false, counts);
}

bool
anvil_look(const char *ident, enum anvil_event event,
    struct anvil_counts *counts)
{
	return request_counts(ident, event, true, counts);
}
