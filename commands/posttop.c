/*
 * posttop - what the mail system does now
 *
 * Has the rights of who runs it: the log must be readable, and showq's socket
 * for the queue (root, or the group of public/).  Only looks: follows the log
 * file, and asks showq now and then.  What strangers wrote is shown without
 * control characters.
 *
 * Ends with 'q' or SIGINT and 0, with --once after one screen; 69 with a
 * message if there is no log.
 */

#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "commands/posttop/flow.h"
#include "commands/posttop/screen.h"
#include "commands/posttop/source.h"
#include "conf/conf.h"
#include "mail/log_files.h"
#include "mail/peer.h"
#include "mail/queue_shape.h"
#include "server/command.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/text.h"

enum {
	QUEUE_PAUSE = 3000,	/* ms between two questions to showq */
	QUEUE_SHARE = 20,	/* which takes at most 1/n of all time */
	ROWS_ONCE = 10,		/* of each list */
	SHAPE_BUCKETS = 7,
	FIXED_LINES = 18,	/* of a screen, without the lists */
};

static const struct option long_options[] = {
	{ "once", no_argument, NULL, 'o' },
	{ "sender", no_argument, NULL, 's' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static struct {
	bool		 once, by_sender;
	const char	*file;
	long		 seconds;
} opt = { .seconds = 1 };

static struct {
	struct tail	    tail;
	struct flow	   *flow;
	struct queue_sizes  sizes;
	struct queue_shape *shape;
	int64_t		    queue_at;	/* clock_ms: ask again */
} state;

static const char usage_text[] = "usage: posttop [-c config_dir]"
    " [-f logfile] [-d seconds] [-s] [--once]";

static void
usage(void)
{
	fatal_exit(EX_USAGE, "%s", usage_text);
}

static void
parse_options(int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "c:d:f:osv", long_options,
	    NULL)) != -1) {
		switch (c) {
		case 'c': conf_set_dir(optarg); break;
		case 'd':
			if (!text_to_long(optarg, 1, 3600, &opt.seconds))
				usage();
			break;
		case 'f': opt.file = optarg; break;
		case 'h': puts(usage_text); exit(0);
		case 'o': opt.once = true; break;
		case 's': opt.by_sender = true; break;
		case 'v': log_verbose++; break;
		default: usage();
		}
	}
	if (optind < argc)
		usage();
}

/* The log that is written now. */
static const char *
find_log(void)
{
	static const char *const usual[] = { "/var/log/mail.log",
		"/var/log/maillog" };

	if (opt.file != NULL)
		return opt.file;
	if (conf_mail.maillog_file[0] == '/' &&
	    !text_starts(conf_mail.maillog_file, "/dev/"))
		return conf_mail.maillog_file;
	return access(usual[0], F_OK) == 0 ? usual[0] : usual[1];
}

static void
ask_queue(int width, int rows)
{
	struct queue_shape_options o = { .buckets = SHAPE_BUCKETS,
	    .by_sender = opt.by_sender, .width = width, .top = rows };
	int64_t begin = clock_ms(), pause;

	queue_shape_free(state.shape);
	state.shape = queue_shape_new(&o);
	queue_read(&state.sizes, state.shape, time(NULL));
	pause = (clock_ms() - begin) * QUEUE_SHARE;
	state.queue_at = clock_ms() + (pause > QUEUE_PAUSE ? pause :
	    QUEUE_PAUSE);
}

static void
add_queues(struct buf *b)
{
	if (state.sizes.trouble != NULL) {
		buf_addf(b, "QUEUE   not known: the mail system is down, or"
		    " showq is out of reach (%s)\n", state.sizes.trouble);
		return;
	}
	buf_adds(b, "QUEUE  ");
	for (int i = 0; i < QUEUES; i++)
		buf_addf(b, " %s %zu ", queue_names[i],
		    state.sizes.messages[i]);
	buf_addf(b, " %llu KB, oldest ",
	    (unsigned long long)state.sizes.bytes / 1024);
	if (state.sizes.oldest >= 3600)
		buf_addf(b, "%.1f h\n", (double)state.sizes.oldest / 3600);
	else
		buf_addf(b, "%lld s\n", (long long)state.sizes.oldest);
}

/* The whole screen as lines; `rows` of each list. */
static void
make_screen(struct buf *b, time_t now, int rows)
{
	struct tm tm;
	char	  when[32];

	strftime(when, sizeof when, "%b %e %H:%M:%S", localtime_r(&now, &tm));
	buf_clear(b);
	buf_addf(b, "posttop  %s  %s  %s\n\n", conf_mail.myhostname, when,
	    state.tail.path);
	flow_print_rates(state.flow, b, now);
	buf_addc(b, '\n');
	add_queues(b);
	if (state.sizes.trouble == NULL) {
		buf_adds(b, opt.by_sender ? "BY SENDER, MINUTES\n" :
		    "BY DESTINATION, MINUTES\n");
		queue_shape_print(state.shape, b);
	}
	buf_addc(b, '\n');
	flow_print_slow(state.flow, b, now, (size_t)rows);
	buf_addc(b, '\n');
	flow_print_clients(state.flow, b, now, (size_t)rows);
}

static void
print_once(void)
{
	struct buf b = BUF_INIT;
	time_t	   now = time(NULL);

	/* A file that someone named may be an old one. */
	if (opt.file != NULL && flow_latest(state.flow) > 0)
		now = flow_latest(state.flow);
	ask_queue(80, ROWS_ONCE);
	make_screen(&b, now, ROWS_ONCE);
	fwrite(b.data, 1, b.len, stdout);
	if (fflush(stdout) != 0)
		fatal_exit(EX_IOERR, "write error: %s", strerror(errno));
	buf_done(&b);
}

/* False: the end. */
static bool
take_key(int key)
{
	switch (key) {
	case 'q': case 'Q': case 3:
		return false;
	case 's': case 'S':
		opt.by_sender = !opt.by_sender;
		state.queue_at = 0;
		break;
	}
	return true;
}

static void
show_live(void)
{
	struct buf b = BUF_INIT;
	int	   rows, columns, lists;

	screen_open();
	do {
		screen_size(&rows, &columns);
		lists = (rows - FIXED_LINES) / 3;
		if (lists < 1)
			lists = 1;
		tail_read(&state.tail, state.flow);
		if (clock_ms() >= state.queue_at)
			ask_queue(columns < 80 ? columns : 80, lists);
		make_screen(&b, time(NULL), lists);
		screen_show(b.data);
	} while (take_key(screen_key((int)opt.seconds * 1000)));
	screen_close();
	buf_done(&b);
}

int
main(int argc, char **argv)
{
	setlocale(LC_CTYPE, "");
	command_name(argv[0]);
	parse_options(argc, argv);
	command_configure(EX_UNAVAILABLE);
	peer_init(conf_mail.ipc_timeout, NULL);
	if (!tail_open(&state.tail, find_log()))
		fatal_exit(EX_UNAVAILABLE, "%s: %s; name the log with -f",
		    state.tail.path, strerror(errno));
	state.flow = flow_new();
	tail_read(&state.tail, state.flow);
	if (opt.once)
		print_once();
	else
		show_live();
	flow_free(state.flow);
	queue_shape_free(state.shape);
	return 0;
}
