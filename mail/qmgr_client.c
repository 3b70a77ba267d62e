#include "mail/qmgr_client.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "mail/peer.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/frame.h"
#include "util/map.h"
#include "util/stream.h"
#include "util/task.h"

enum {
	PENDING_MAX = 1024 * 1024,	/* bytes that qmgr has not taken */
	PENDING_WAIT = 60,		/* seconds, then the connection goes */
	FULL_MS = 2000,			/* what qmgr said holds for so long */
};

/*
 * One connection a process.  What the socket does not take waits in `pending`
 * and is written by a task; sessions never wait for qmgr.
 */
static struct {
	int		fd;		/* -1 none */
	struct buf	pending;
	bool		writing;	/* the task runs */
	bool		missed;		/* a frame was lost: tell with the next */
	unsigned	connections;	/* so far */
	int64_t		full_until;	/* clock_ms */
} qmgr = { .fd = -1, .pending = BUF_INIT };

static void
disconnect(void)
{
	task_forget_fd(qmgr.fd);
	close(qmgr.fd);
	qmgr.fd = -1;
	if (qmgr.pending.len > 0)
		qmgr.missed = true;
	buf_clear(&qmgr.pending);
}

/* Reads what qmgr says while it is full, until the connection ends. */
static void
listen_to(void *arg)
{
	unsigned connection = qmgr.connections;
	int	 fd = qmgr.fd;
	char	 bytes[64];
	ssize_t	 n;

	(void)arg;
	while (qmgr.fd >= 0 && qmgr.connections == connection) {
		n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
		if (n > 0)
			qmgr.full_until = clock_ms() + FULL_MS;
		else if (n == 0 || (errno != EAGAIN && errno != EINTR))
			break;
		else if (!task_wait_fd(fd, TASK_READ, CLOCK_NEVER))
			break;
	}
}

bool
qmgr_is_full(void)
{
	return qmgr.full_until != 0 && clock_ms() < qmgr.full_until;
}

static bool
connect_now(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	if (qmgr.fd >= 0)
		return true;
	memcpy(sa.sun_path, QMGR_SERVICE, sizeof QMGR_SERVICE);
	qmgr.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (qmgr.fd < 0)
		return false;
	if (connect(qmgr.fd, (struct sockaddr *)&sa, sizeof sa) == 0) {
		qmgr.connections++;
		if (task_running())
			task_start("qmgr-listener", listen_to, NULL);
		return true;
	}
	close(qmgr.fd);
	qmgr.fd = -1;
	return false;
}

/* Bytes taken by the socket; -1: the connection is gone. */
static ssize_t
send_now(const void *bytes, size_t len)
{
	ssize_t n;

	do
		n = send(qmgr.fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return 0;
	return n;
}

static void
write_pending(void *arg)
{
	ssize_t n;

	(void)arg;
	while (qmgr.fd >= 0 && qmgr.pending.len > 0) {
		n = send_now(qmgr.pending.data, qmgr.pending.len);
		if (n < 0 || (n == 0 && !task_wait_fd(qmgr.fd, TASK_WRITE,
		    clock_in(PENDING_WAIT)))) {
			disconnect();
			break;
		}
		buf_skip(&qmgr.pending, (size_t)n);
	}
	qmgr.writing = false;
}

static bool
send_bytes(const char *bytes, size_t len)
{
	bool	fresh = qmgr.fd < 0;
	ssize_t n = 0;

	if (qmgr.pending.len + len > PENDING_MAX || !connect_now())
		return false;
	if (qmgr.pending.len == 0) {
		n = send_now(bytes, len);
		if (n < 0) {
			/* qmgr was started anew since the last message. */
			disconnect();
			return !fresh && send_bytes(bytes, len);
		}
	}
	if ((size_t)n == len)
		return true;
	buf_add(&qmgr.pending, bytes + n, len - (size_t)n);
	if (!qmgr.writing) {
		qmgr.writing = true;
		task_start("qmgr-client", write_pending, NULL);
	}
	return true;
}

/* The frame with its header, see util/frame.h. */
static bool
send_frame(const struct frame *f)
{
	struct {
		uint32_t len;
		uint16_t type, reserved;
	} head = { (uint32_t)f->bytes.len, f->type, 0 };
	struct buf out = BUF_INIT;
	bool	   sent;

	buf_add(&out, &head, sizeof head);
	buf_add(&out, f->bytes.data, f->bytes.len);
	sent = send_bytes(out.data, out.len);
	buf_done(&out);
	return sent;
}

/* The status of recipients stands in the file only. */
static bool
all_to_do(const struct envelope *env)
{
	for (uint32_t i = 0; i < env->rcpt_count; i++)
		if (env->rcpt[i].status != RCPT_TODO)
			return false;
	return true;
}

bool
qmgr_tell_new(const char *id, const struct queue_trailer *t,
    const struct envelope *env)
{
	struct frame f = FRAME_INIT, inner = FRAME_INIT;
	bool	     sent;

	frame_begin(&f, QMGR_NEW);
	frame_put_str(&f, QMGR_KEY_ID, id);
	if (qmgr.missed)
		frame_put_u64(&f, QMGR_KEY_MISSED, 1);
	if (t->envelope_len <= QMGR_NEW_MAX && all_to_do(env)) {
		frame_begin(&inner, 0);
		envelope_write(&inner, env);
		frame_put(&f, QMGR_KEY_TRAILER, t, sizeof *t);
		frame_put(&f, QMGR_KEY_ENVELOPE, inner.bytes.data,
		    inner.bytes.len);
	}
	sent = send_frame(&f);
	qmgr.missed = !sent;
	frame_done(&f);
	frame_done(&inner);
	return sent;
}

bool
qmgr_flush_messages(const struct map *ids)
{
	struct stream *s = peer_connect(QMGR_SERVICE);
	struct frame   f = FRAME_INIT;

	if (s == NULL)
		return false;
	for (size_t i = 0; i < map_count(ids); i++) {
		frame_begin(&f, QMGR_FLUSH_ID);
		frame_put_str(&f, QMGR_KEY_ID, map_at(ids, i)->key);
		frame_send(s, &f);
	}
	frame_done(&f);
	return stream_close(s);
}

bool
qmgr_flush_message(const char *id)
{
	struct map *ids = map_new();
	bool	    ok;

	map_set(ids, id, ids);
	ok = qmgr_flush_messages(ids);
	map_free(ids, NULL);
	return ok;
}
