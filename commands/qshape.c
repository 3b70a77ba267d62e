/*
 * qshape - messages in the queue by domain and age
 *
 * For root or the owner of the queue; as root it becomes mail_owner before it
 * reads anything.  Beside a running mail system: what is gone when it's read is
 * left out.  Ends with 0, or with 1 and a reason.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "conf/conf.h"
#include "mail/queue_dir.h"
#include "mail/queue_list.h"
#include "mail/queue_shape.h"
#include "server/command.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

enum { TOP = 20 };	/* domains shown on a terminal */

static struct queue_shape_options opt;
static int64_t now;

static void
usage(void)
{
	fatal_exit(1, "usage: qshape [-lps] [-b bucket_count] [-t minutes]"
	    " [-m min_subdomains] [-w width] [-n top_domains] [-N count]"
	    " [-c config_dir] [queue_name ...]");
}

static int
number(const char *text)
{
	long n;

	if (!text_to_long(text, 1, 1000000, &n))
		usage();
	return (int)n;
}

static void
parse_options(int argc, char **argv)
{
	int c, top = TOP;

	while ((c = getopt(argc, argv, "b:c:lm:n:N:pst:vw:")) != -1) {
		switch (c) {
		case 'b': opt.buckets = number(optarg); break;
		case 'c': conf_set_dir(optarg); break;
		case 'l': opt.linear = true; break;
		case 'm': opt.parents_min = number(optarg); break;
		case 'n': top = number(optarg); break;
		case 'N': number(optarg); break;	/* is quick enough */
		case 'p': opt.parents = true; break;
		case 's': opt.by_sender = true; break;
		case 't': opt.first_minutes = number(optarg); break;
		case 'v': log_verbose++; break;
		case 'w': opt.width = number(optarg); break;
		default: usage();
		}
	}
	if (isatty(STDOUT_FILENO))
		opt.top = top;
}

static bool
add(void *arg, const struct queue_list_entry *e)
{
	queue_shape_add(arg, e, now);
	return true;
}

/* A name below queue_directory, or the path of a queue elsewhere. */
static void
add_queue(struct queue_shape *q, const char *name)
{
	char *path = mem_strdup(name), *slash;

	for (size_t n = strlen(path); n > 1 && path[n - 1] == '/'; n--)
		path[n - 1] = '\0';
	slash = strrchr(path, '/');
	if (slash != NULL && slash != path) {
		*slash = '\0';
		if (chdir(path) != 0)
			fatal_exit(1, "%s: %s", path, strerror(errno));
		name = slash + 1;
	} else
		name = path;
	if (access(name, R_OK | X_OK) != 0)
		fatal_exit(1, "queue %s: %s", name, strerror(errno));
	queue_list_one(name, add, q);
	if (chdir(conf_mail.queue_directory) != 0)
		fatal_exit(1, "chdir %s: %s", conf_mail.queue_directory,
		    strerror(errno));
	mem_free(path);
}

int
main(int argc, char **argv)
{
	struct queue_shape *q;
	struct buf	    out = BUF_INIT;

	command_name(argv[0]);
	parse_options(argc, argv);
	command_configure(1);
	command_superuser_only(1);
	queue_dir_init(conf_mail.hash_queue_names, conf_mail.hash_queue_depth);
	command_enter_queue(1);
	now = time(NULL);
	q = queue_shape_new(&opt);
	if (optind == argc) {
		add_queue(q, QUEUE_INCOMING);
		add_queue(q, QUEUE_ACTIVE);
	}
	for (; optind < argc; optind++)
		add_queue(q, argv[optind]);
	queue_shape_print(q, &out);
	fwrite(out.data, 1, out.len, stdout);
	if (fflush(stdout) != 0 && errno != EPIPE)
		fatal_exit(1, "write error: %s", strerror(errno));
	queue_shape_free(q);
	buf_done(&out);
	return 0;
}
