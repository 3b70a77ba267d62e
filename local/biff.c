#include "local/biff.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/clock.h"

enum { BIFF_PORT = 512, SILENT = 60 };	/* SILENT: seconds */

static struct {
	int	fd;
	bool	is_open;
	int64_t	silent_until;
} biff = { .fd = -1 };

static bool
open_socket(void)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(BIFF_PORT),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const struct servent *s;

	if (biff.is_open)
		return biff.fd >= 0;
	biff.is_open = true;
	if ((s = getservbyname("biff", "udp")) != NULL)
		to.sin_port = (in_port_t)s->s_port;
	biff.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (biff.fd >= 0 && connect(biff.fd, (struct sockaddr *)&to,
	    sizeof to) != 0) {
		close(biff.fd);
		biff.fd = -1;
	}
	return biff.fd >= 0;
}

void
biff_notify(const char *user, off_t offset)
{
	char	text[300];
	int	n = snprintf(text, sizeof text, "%s@%lld", user,
	    (long long)offset);

	if (clock_ms() < biff.silent_until || n >= (int)sizeof text ||
	    !open_socket())
		return;
	/* With its NUL, as it was ever sent.  An error answers the datagram
	 * before this one: nobody is there. */
	if (send(biff.fd, text, (size_t)n + 1, MSG_NOSIGNAL) < 0 &&
	    errno == ECONNREFUSED)
		biff.silent_until = clock_ms() + SILENT * 1000;
}
