#include "smtp/token.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "net/connect.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/stream.h"
#include "util/text.h"

enum {
	TOKEN_MAX = 8 * 1024,	/* bytes */
	SERVICE_WAIT = 30,	/* seconds */
};

static bool
read_file(const char *path, struct buf *ret, const char **ret_why)
{
	int	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n;

	if (fd < 0) {
		*ret_why = strerror(errno);
		return false;
	}
	n = read(fd, buf_room(ret, TOKEN_MAX), TOKEN_MAX);
	*ret_why = strerror(errno);
	if (n > 0)
		buf_grow(ret, (size_t)n);
	close(fd);
	return n >= 0;
}

static bool
ask_service(const char *path, const char *user, struct buf *ret,
    const char **ret_why)
{
	int	       fd = connect_unix(path, clock_in(SERVICE_WAIT));
	struct stream *s;
	bool	       ok;

	if (fd < 0) {
		*ret_why = strerror(errno);
		return false;
	}
	s = stream_open(fd);
	stream_set_deadline(s, SERVICE_WAIT);
	stream_printf(s, "%s\n", user);
	ok = stream_get_line(s, ret, TOKEN_MAX) == LINE_OK;
	if (!ok)
		*ret_why = stream_timed_out(s) ? "no answer in time" :
		    "no line came";
	stream_abort(s);
	return ok;
}

/* RFC 6750 2.1: what ends a line or a header must not get in. */
static bool
is_token(const char *s)
{
	if (*s == '\0')
		return false;
	for (; *s != '\0'; s++)
		if (*s <= ' ' || *s > '~')
			return false;
	return true;
}

bool
token_read(const char *where, const char *user, struct buf *ret,
    const char **ret_why)
{
	bool ok = false;

	*ret_why = "write file:/path or service:path";
	if (text_starts(where, "file:"))
		ok = read_file(where + 5, ret, ret_why);
	else if (text_starts(where, "service:"))
		ok = ask_service(where + 8, user, ret, ret_why);
	if (!ok)
		return false;
	buf_cut(ret, strcspn(ret->data, "\r\n"));
	*ret_why = "that is no token";
	return ret->len < TOKEN_MAX && is_token(ret->data);
}
