/* Any bytes as the replies of a Redis server. */

#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "table/resp.h"
#include "util/stream.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

extern const char *const fuzz_words[];

const char *const fuzz_words[] = {
	"+OK\r\n", "-ERR x\r\n", ":1\r\n", "$3\r\nabc\r\n", "$-1\r\n",
	"*2\r\n", "*-1\r\n", "$0\r\n\r\n", "\r\n", "$", "*", ":", "9", "-",
	NULL
};

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct stream *s;
	struct buf     text = BUF_INIT;
	long	       n;
	int	       fds[2];

	/* A socket's buffer takes that much without a reader. */
	if (len > 32 * 1024 ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
		return 0;
	if (write(fds[1], bytes, len) == (ssize_t)len) {
		shutdown(fds[1], SHUT_WR);
		s = stream_open(fds[0]);
		while (resp_read(s, &text, &n) != RESP_NONE)
			;
		stream_abort(s);
	} else {
		close(fds[0]);
	}
	close(fds[1]);
	buf_done(&text);
	return 0;
}
