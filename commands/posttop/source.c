/* source - where posttop's numbers come from: log and queue */

#include "commands/posttop/source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "commands/posttop/flow.h"
#include "conf/conf.h"
#include "mail/peer.h"
#include "mail/queue_dir.h"
#include "mail/queue_list.h"
#include "mail/queue_shape.h"
#include "util/frame.h"
#include "util/mem.h"
#include "util/stream.h"
#include "util/text.h"

enum {
	TAIL = 8 * 1024 * 1024,		/* bytes looked at when it begins */
	PIECE = 64 * 1024,
	LINE_LONGEST = 64 * 1024,
};

const char *const queue_names[QUEUES] = { QUEUE_MAILDROP, QUEUE_INCOMING,
	QUEUE_ACTIVE, QUEUE_DEFERRED, QUEUE_HOLD };

/* --- the log */

static bool
open_file(struct tail *t, bool at_end)
{
	struct stat st;
	int	    fd = open(t->path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0) {
		t->inode = st.st_ino;
		/* The piece of a line at the beginning is no line. */
		if (at_end && st.st_size > TAIL)
			lseek(fd, st.st_size - TAIL, SEEK_SET);
	}
	t->fd = fd;
	buf_clear(&t->rest);
	return true;
}

bool
tail_open(struct tail *t, const char *path)
{
	*t = (struct tail){ .path = path, .fd = -1, .rest = BUF_INIT,
	    .scratch = BUF_INIT };
	return open_file(t, true);
}

static void
take_lines(struct tail *t, struct flow *flow)
{
	const char     *p = t->rest.data, *end = p + t->rest.len, *nl;
	struct log_line l;

	while ((nl = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		if (log_line_parse(p, (size_t)(nl - p), &t->clock,
		    &t->scratch, &l))
			flow_add(flow, &l);
		p = nl + 1;
	}
	buf_skip(&t->rest, (size_t)(p - t->rest.data));
	if (t->rest.len > LINE_LONGEST)
		buf_clear(&t->rest);
}

static void
read_on(struct tail *t, struct flow *flow)
{
	ssize_t n;

	t->clock.latest = time(NULL);
	while (t->fd >= 0 && (n = read(t->fd, buf_room(&t->rest, PIECE),
	    PIECE)) > 0) {
		buf_grow(&t->rest, (size_t)n);
		take_lines(t, flow);
	}
}

void
tail_read(struct tail *t, struct flow *flow)
{
	struct stat st;

	read_on(t, flow);
	if (stat(t->path, &st) < 0 || (t->fd >= 0 && st.st_ino == t->inode &&
	    st.st_size >= lseek(t->fd, 0, SEEK_CUR)))
		return;
	/* Rotated, or cut. */
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
	if (open_file(t, false))
		read_on(t, flow);
}

/* --- the queue */

static void
count_message(struct queue_sizes *q, const struct queue_list_entry *e,
    int64_t now)
{
	for (int i = 0; i < QUEUES; i++)
		q->messages[i] += text_eq(e->queue, queue_names[i]);
	q->bytes += e->size;
	if (now - e->arrival > q->oldest)
		q->oldest = now - e->arrival;
}

void
queue_read(struct queue_sizes *q, struct queue_shape *shape, int64_t now)
{
	char *path = mem_printf("%s/public/%s", conf_mail.queue_directory,
	    conf_mail.showq_service_name);
	struct stream *s = peer_connect(path);
	struct queue_list_entry e;
	struct frame f = FRAME_INIT;
	struct pool pool = POOL_INIT;

	*q = (struct queue_sizes){ .trouble = s == NULL ? strerror(errno) :
	    "the list broke off" };
	mem_free(path);
	if (s == NULL)
		return;
	frame_begin(&f, SHOWQ_LIST);
	frame_send(s, &f);
	for (;;) {
		stream_set_deadline(s, conf_mail.ipc_timeout);
		if (!frame_receive(s, &f, FRAME_MAX))
			break;
		if (f.type == SHOWQ_END) {
			q->trouble = NULL;
			break;
		}
		pool_clear(&pool);
		if (!queue_list_read(&f, &pool, &e))
			break;
		count_message(q, &e, now);
		queue_shape_add(shape, &e, now);
	}
	pool_done(&pool);
	frame_done(&f);
	stream_close(s);
}
