/*
 * echo - a daemon for the tests of server/ and master/
 *
 * Greets with its process number and user, repeats lines; CRASH aborts, BUSY
 * and IDLE set what is_busy() says, STRESS tells server_stress(), JAIL does
 * what the jail forbids.  What it is depends on the name it is called by:
 * "spawn" serves one session at a time, "anvil" keeps state.
 */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/server.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/stream.h"

static bool busy;

static bool
is_busy(void)
{
	return busy;
}

static void
answer(struct stream *client, const char *line)
{
	if (strcmp(line, "CRASH") == 0)
		abort();
	if (strcmp(line, "BUSY") == 0 || strcmp(line, "IDLE") == 0)
		busy = line[0] == 'B';
	if (strcmp(line, "JAIL") == 0)
		execl("/bin/sh", "sh", "-c", "exit 0", (char *)NULL);
	if (strcmp(line, "WRITE") == 0)
		line = open("/etc/echo.test", O_WRONLY | O_CREAT, 0600) < 0 ?
		    "refused" : "written";
	if (strcmp(line, "STRESS") == 0)
		line = server_stress() ? "yes" : "no";
	stream_printf(client, "250 %s\r\n", line);
}

static void
serve(struct stream *client)
{
	struct buf line = BUF_INIT;

	stream_printf(client, "220 %d %d %s\r\n", (int)getpid(),
	    (int)geteuid(), server_service());
	while (stream_flush(client)) {
		stream_set_deadline(client, 60);
		if (stream_get_line(client, &line, 500) != LINE_OK ||
		    strcmp(line.data, "QUIT") == 0)
			break;
		answer(client, line.data);
	}
	log_info("session ends");
	buf_done(&line);
}

static void
triggered(const char *requests)
{
	log_info("triggered by %s", requests);
}

static void
say_start(void)
{
	log_info("worker starts");
}

static void
say_end(void)
{
	log_info("worker ends");
}

int
main(int argc, char **argv)
{
	static struct server echo = {
		.name = "echo",
		.serve = serve,
		.triggered = triggered,
		.after_jail = say_start,
		.before_exit = say_end,
		.is_busy = is_busy,
		.jail = 2,	/* files */
	};
	const char *slash = strrchr(argv[0], '/');
	const char *name = slash != NULL ? slash + 1 : argv[0];

	if (strcmp(name, "spawn") == 0)
		echo.kind = SERVER_SINGLE;
	echo.one_process = strcmp(name, "anvil") == 0;
	server_main(argc, argv, &echo);
}
