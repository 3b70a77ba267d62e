#include "server/pass.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "net/connect.h"
#include "util/clock.h"
#include "util/frame.h"
#include "util/log.h"
#include "util/stream.h"

enum {
	PASS_FRAME = 0x5053,
	KEY_CLIENT = 1, KEY_SERVER,	/* bytes: struct sockaddr */
	WAIT = 10,			/* seconds */
	PASS_MAX = 1024,		/* bytes */
};

bool
pass_send(const char *path, int fd, const struct addr *client,
    const struct addr *server)
{
	struct frame   f = FRAME_INIT;
	struct stream *s;
	int	       to = connect_unix(path, clock_in(WAIT));
	bool	       ok;

	if (to < 0)
		return false;
	s = stream_open_socket(to, AF_UNIX);
	stream_set_deadline(s, WAIT);
	frame_begin(&f, PASS_FRAME);
	if (client != NULL && server != NULL) {
		frame_put(&f, KEY_CLIENT, &client->sa, client->len);
		frame_put(&f, KEY_SERVER, &server->sa, server->len);
	}
	stream_send_fd(s, fd);
	frame_send(s, &f);
	ok = stream_flush(s);
	stream_close(s);
	frame_done(&f);
	if (!ok)
		errno = EPIPE;
	return ok;
}

static bool
take_addr(const struct frame *f, uint16_t key, struct addr *a)
{
	struct str bytes;

	if (!frame_bytes(f, key, &bytes) || bytes.n > sizeof a->sa)
		return false;
	memset(a, 0, sizeof *a);
	memcpy(&a->sa, bytes.p, bytes.n);
	a->len = (socklen_t)bytes.n;
	return addr_family(a) == AF_INET || addr_family(a) == AF_INET6;
}

struct stream *
pass_receive(struct stream *from, struct passed *ret)
{
	struct frame   f = FRAME_INIT;
	struct stream *s = NULL;
	int	       fd = -1;

	*ret = (struct passed){ .has_ends = false };
	stream_set_deadline(from, WAIT);
	if (frame_receive(from, &f, PASS_MAX) && f.type == PASS_FRAME)
		fd = stream_take_fd(from);
	if (fd < 0) {
		log_warn("a connection was announced but not passed: %s",
		    stream_failed(from) != NULL ? stream_failed(from) :
		    "no descriptor");
	} else {
		ret->has_ends = take_addr(&f, KEY_CLIENT, &ret->client) &&
		    take_addr(&f, KEY_SERVER, &ret->server);
		s = stream_open(fd);
	}
	frame_done(&f);
	stream_close(from);
	return s;
}
