/* server_trigger - waking a service by a few bytes */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "mail/qmgr_client.h"
#include "server/server.h"
#include "util/frame.h"

/* The frame as it goes over the wire: a header in front of the attributes. */
static bool
send_frame(int fd, const struct frame *f)
{
	struct {
		uint32_t length;
		uint16_t type, reserved;
	} head = { (uint32_t)f->bytes.len, f->type, 0 };
	struct buf whole = BUF_INIT;
	ssize_t	   n;
	bool	   ok;

	buf_add(&whole, &head, sizeof head);
	buf_add(&whole, f->bytes.data, f->bytes.len);
	n = send(fd, whole.data, whole.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	ok = n == (ssize_t)whole.len;
	if (n >= 0 && !ok)
		errno = EAGAIN;
	buf_done(&whole);
	return ok;
}

bool
server_trigger(const char *path, const char *requests)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct frame	   f = FRAME_INIT;
	bool		   ok = false;
	int		   fd, saved;

	if (strlen(path) >= sizeof sa.sun_path) {
		errno = ENAMETOOLONG;
		return false;
	}
	strcpy(sa.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	if (connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0) {
		frame_begin(&f, TRIGGER_FRAME);
		frame_put_str(&f, TRIGGER_KEY_REQUESTS, requests);
		ok = send_frame(fd, &f);
		frame_done(&f);
	}
	saved = errno;
	close(fd);
	errno = saved;
	return ok;
}
