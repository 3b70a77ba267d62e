/*
 * postlogd - writes the mail log to maillog_file
 *
 * A worker of master's, unprivileged: the file is opened before the jail, by
 * root.  Datagrams on public/postlog are finished lines of our own programs
 * (util/log.h) and of nobody else, since public/ is closed to others; still,
 * control bytes never reach the file.  A message of another program, without
 * our prefix, is written as it is.  For maillog_format = json the lines are
 * taken apart here, so that it costs the others nothing.
 *
 * It ends with master, last of all, after what had come is written.  If the
 * disk is full lines are lost and counted; mail goes on.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"
#include "server/maillog.h"
#include "server/server.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/log.h"
#include "util/text.h"

enum { WRITE_AT = 16 * 1024 };	/* bytes, when more and more comes */

static struct {
	int		fd;
	unsigned long	lost;	/* lines that could not be written */
	struct buf	lines;	/* to be written together */
	bool		is_json;
	struct buf	json;
} logfile = { .fd = -1, .lines = BUF_INIT, .json = BUF_INIT };

static void
open_file(void)
{
	const char *why;

	if (conf_mail.maillog_file[0] == '\0') {
		logfile.fd = -1;	/* as after a change of main.cf */
		return;
	}
	if (text_eq(conf_mail.maillog_file, "/dev/stdout"))
		logfile.fd = STDOUT_FILENO;
	else
		logfile.fd = maillog_open_file(&why);
	if (logfile.fd < 0)
		fatalx("%s", why);
	logfile.is_json = maillog_is_json();
	maillog_open("postlogd", true);
}

static unsigned long
count_lines(const char *bytes, size_t len)
{
	unsigned long n = 0;

	for (size_t i = 0; i < len; i++)
		n += bytes[i] == '\n';
	return n;
}

/* Bytes of one line or many; all that is not printable is masked. */
static void
clean(struct buf *b, size_t from)
{
	for (size_t i = from; i < b->len; i++)
		if (((unsigned char)b->data[i] < ' ' && b->data[i] != '\n') ||
		    b->data[i] == 127)
			b->data[i] = '?';
	if (b->len > 0 && b->data[b->len - 1] != '\n')
		buf_addc(b, '\n');
}

static void
write_lines(void)
{
	struct buf *b = &logfile.lines;

	if (b->len == 0)
		return;
	if (logfile.is_json) {
		buf_clear(&logfile.json);
		maillog_add_json(&logfile.json, b->data, b->len);
		b = &logfile.json;
	}
	if (!file_write_all(logfile.fd, b->data, b->len)) {
		logfile.lost += count_lines(b->data, b->len);
		buf_clear(&logfile.lines);
		return;
	}
	buf_clear(&logfile.lines);
	if (logfile.lost == 0)
		return;
	log_warn("%lu log lines were lost: write %s failed", logfile.lost,
	    conf_mail.maillog_file);
	logfile.lost = 0;
}

static void
take_lines(const char *bytes, unsigned len)
{
	struct buf *b = &logfile.lines;
	size_t	    from = b->len;

	if (logfile.fd < 0 || len == 0)
		return;
	buf_add(b, bytes, len);
	clean(b, from);
	if (b->len >= WRITE_AT)
		write_lines();
}

int
main(int argc, char **argv)
{
	static const struct server postlogd = {
		.name = "postlogd",
		.one_process = true,
		.before_jail = open_file,
		.datagram = take_lines,
		.drained = write_lines,
	};

	server_main(argc, argv, &postlogd);
}
