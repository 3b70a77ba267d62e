#include <errno.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "conf/param.h"
#include "mail/envelope.h"
#include "net/connect.h"
#include "smtpd/handover.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/stream.h"

struct handover {
	struct stream	*stream;
	pid_t		 pid;		/* of postdrop, or 0 */
};

static void
exec_postdrop(int fd)
{
	char *path = mem_printf("%s/postdrop", conf_mail.command_directory);

	if (dup2(fd, STDIN_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0)
		_exit(EX_OSERR);
	execl(path, "postdrop", "-r", (char *)NULL);
	_exit(EX_UNAVAILABLE);
}

static int
start_postdrop(pid_t *ret_pid)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return -1;
	log_flush();
	if ((*ret_pid = fork()) == 0)
		exec_postdrop(pair[1]);
	close(pair[1]);
	if (*ret_pid < 0) {
		close(pair[0]);
		return -1;
	}
	return pair[0];
}

struct handover *
handover_begin(const struct envelope *e)
{
	struct handover *h;
	struct frame	 f = FRAME_INIT;
	pid_t		 pid = 0;
	size_t		 group;
	int		 fd;

	fd = connect_unix(SUBMIT_ENTRANCE, clock_in(conf_mail.ipc_timeout));
	if (fd < 0 && (fd = start_postdrop(&pid)) < 0)
		return NULL;
	h = NEW(struct handover);
	h->pid = pid;
	h->stream = stream_open(fd);
	stream_set_deadline(h->stream, conf_mail.ipc_timeout);
	frame_begin(&f, SUBMIT_ENVELOPE);
	frame_put_u64(&f, SUBMIT_KEY_FLAGS, 0);
	group = frame_open(&f, SUBMIT_KEY_ENVELOPE);
	envelope_write(&f, e);
	frame_close(&f, group);
	frame_send(h->stream, &f);
	frame_done(&f);
	return h;
}

void
handover_content(struct handover *h, const void *bytes, size_t len)
{
	frame_send_bytes(h->stream, SUBMIT_CONTENT, SUBMIT_KEY_BYTES, bytes,
	    len);
}

void
handover_abort(struct handover *h)
{
	if (h == NULL)
		return;
	stream_abort(h->stream);
	if (h->pid > 0)
		while (waitpid(h->pid, NULL, 0) < 0 && errno == EINTR)
			;
	mem_free(h);
}

enum submit_status
handover_end(struct handover *h, struct buf *ret_text)
{
	struct frame	   f = FRAME_INIT;
	enum submit_status status = SUBMIT_ERROR;
	const char	  *text = NULL;

	frame_begin(&f, SUBMIT_END);
	frame_send(h->stream, &f);
	if (frame_receive(h->stream, &f, SUBMIT_ANSWER_MAX) &&
	    f.type == SUBMIT_RESULT) {
		status = (enum submit_status)frame_u64(&f, SUBMIT_KEY_STATUS,
		    SUBMIT_ERROR);
		text = frame_str(&f, status == SUBMIT_OK ? SUBMIT_KEY_ID :
		    SUBMIT_KEY_WHY);
	}
	buf_set(ret_text, text != NULL ? text : "");
	frame_done(&f);
	handover_abort(h);
	return status;
}
