/* Any bytes as what the server of a memcache:, socketmap: or tcp: table
 * says. */

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "table/table.h"
#include "util/buf.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

extern const char *const fuzz_words[];

const char *const fuzz_words[] = {
	"m", "s", "t", "VALUE alias:k 0 3\r\nabc\r\nEND\r\n", "END\r\n",
	"VALUE ", " 0 ", "-1", "99999999999", "\r\n", "STORED\r\n", "abc",
	"5:OK a,", "9:NOTFOUND ,", "OK ", "TEMP ", "PERM ", "TIMEOUT ", ":",
	",", "100001:", "200 ", "400 ", "500 x\n", "%20", "%zz", "%0", "\n",
	NULL
};

enum { INPUT_MAX = 16 * 1024 };

static struct {
	int		listener;
	char		names[3][100];
	/* A copy: the thread may still be at it when the table has had
	 * enough. */
	uint8_t		bytes[INPUT_MAX];
	size_t		len;
} server;

/* Says its piece to whoever comes, and waits until that one goes. */
static void *
serve(void *arg)
{
	char unused[4096];
	int  fd;

	(void)arg;
	while ((fd = accept(server.listener, NULL, NULL)) >= 0) {
		if (write(fd, server.bytes, server.len) >= 0)
			shutdown(fd, SHUT_WR);
		while (read(fd, unused, sizeof unused) > 0)
			;
		close(fd);
	}
	return NULL;
}

static void
start(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t	   size = sizeof a;
	int		   fd = memfd_create("settings", 0), port, null;
	pthread_t	   thread;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server.listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(server.listener, (struct sockaddr *)&a, size) != 0 ||
	    listen(server.listener, 100) != 0 || fd < 0 ||
	    getsockname(server.listener, (struct sockaddr *)&a, &size) != 0)
		abort();
	port = ntohs(a.sin_port);
	dprintf(fd, "memcache = inet:127.0.0.1:%d\nmax_try = 1\n"
	    "timeout = 1\n", port);
	snprintf(server.names[0], 100, "memcache:/proc/self/fd/%d", fd);
	snprintf(server.names[1], 100, "socketmap:inet:127.0.0.1:%d:map",
	    port);
	snprintf(server.names[2], 100, "tcp:127.0.0.1:%d", port);
	pthread_create(&thread, NULL, serve, NULL);
	null = open("/dev/null", O_WRONLY);
	dup2(null, STDERR_FILENO);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct buf    ret = BUF_INIT;
	struct table *t;

	if (server.listener == 0)
		start();
	if (len < 2 || len > INPUT_MAX)
		return 0;
	/* Without a whole answer a tcp: table asks for ten seconds. */
	if (bytes[0] % 3 == 2 &&
	    memchr(bytes + 1, '\n', len < 4000 ? len - 1 : 4000) == NULL)
		return 0;
	memcpy(server.bytes, bytes + 1, len - 1);
	server.len = len - 1;
	t = table_open(server.names[bytes[0] % 3], TABLE_FOLD);
	table_find(t, "key", &ret);
	table_close(t);
	buf_done(&ret);
	return 0;
}
