/*
 * postsuper - the superuser's hand in the queue
 *
 * For root or the owner of the queue.  As root it becomes mail_owner before
 * it touches anything.  Every change is one rename, unlink or chmod, done
 * beside a running mail system: who finds a file gone leaves it alone.
 *
 * Ends with 0, or with 1 and a reason.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands/postsuper/structure.h"
#include "conf/conf.h"
#include "mail/bounce_log.h"
#include "mail/queue_dir.h"
#include "mail/queue_id.h"
#include "mail/queue_list.h"
#include "server/command.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

struct ids {
	char	**items;
	size_t	  count, room;
	bool	  all;
};

/* The queues of a directory list, ended by NULL. */
static const char *const queues_all[] = {
	QUEUE_HOLD, QUEUE_INCOMING, QUEUE_ACTIVE, QUEUE_DEFERRED, NULL,
};
static const char *const queues_deletion[] = {
	QUEUE_MAILDROP, QUEUE_HOLD, QUEUE_INCOMING, QUEUE_ACTIVE,
	QUEUE_DEFERRED, NULL,
};
static const char *const queues_moving[] = {
	QUEUE_INCOMING, QUEUE_ACTIVE, QUEUE_DEFERRED, NULL,
};
static const char *const queues_held[] = { QUEUE_HOLD, NULL };

/* --- one message; true if something was done */

/*
 * Files alone are messages: a link or a folder of that name is a mistake of
 * somebody's.  Those whose owner may not execute them are not complete; they
 * are left alone when they are called by name.
 */
static bool
is_message(const char *queue, const char *id, bool by_name)
{
	struct buf  path = BUF_INIT;
	struct stat st;
	bool	    is;

	queue_path(&path, queue, id);
	is = lstat(path.data, &st) == 0;
	if (is && !S_ISREG(st.st_mode)) {
		if (by_name)
			log_warn("%s: uid %ld: not a regular file", path.data,
			    (long)st.st_uid);
		is = false;
	}
	buf_done(&path);
	return is && (!by_name || (st.st_mode & S_IXUSR) != 0);
}

static bool
delete_message(const char *queue, const char *id)
{
	if (!queue_remove(queue, id))
		return false;
	bounce_log_remove(QUEUE_BOUNCE, id);
	bounce_log_remove(QUEUE_DEFER, id);
	bounce_log_remove(QUEUE_TRACE, id);
	return true;
}

static bool
hold_message(const char *queue, const char *id)
{
	return queue_move(id, queue, QUEUE_HOLD);
}

static bool
release_message(const char *queue, const char *id)
{
	/* Its time, when it is to be tried next, stays what it was. */
	return queue_move(id, queue, QUEUE_DEFERRED);
}

static bool
requeue_message(const char *queue, const char *id)
{
	return queue_move(id, queue, QUEUE_MAILDROP);
}

static bool
expire_message(const char *queue, const char *id)
{
	struct buf  path = BUF_INIT;
	struct stat st;
	bool	    done;

	queue_path(&path, queue, id);
	done = lstat(path.data, &st) == 0 && (st.st_mode & S_IXUSR) != 0 &&
	    !(st.st_mode & QUEUE_MODE_EXPIRED) &&
	    chmod(path.data, (st.st_mode & 0777) | QUEUE_MODE_EXPIRED) == 0;
	buf_done(&path);
	return done;
}

/* --- what is asked for */

/*
 * In the order in which the totals are printed.  -f is two of them, one after
 * the other on the same ids.
 */
static struct operation {
	const char		*options;
	const char		*done, *total;
	const char *const	*queues;
	bool		       (*run)(const char *queue, const char *id);
	bool			 asked;
	struct ids		 ids;
	unsigned long		 count;
} operations[] = {
	{ .options = "r", .done = "requeued", .total = "Requeued",
	    .queues = queues_all, .run = requeue_message },
	{ .options = "d", .done = "removed", .total = "Deleted",
	    .queues = queues_deletion, .run = delete_message },
	{ .options = "ef", .done = "expired", .total = "Force-expired",
	    .queues = queues_all, .run = expire_message },
	{ .options = "h", .done = "placed on hold", .total = "Placed on hold",
	    .queues = queues_moving, .run = hold_message },
	{ .options = "Hf", .done = "released from hold",
	    .total = "Released from hold", .queues = queues_held,
	    .run = release_message },
};

enum { OPERATIONS = sizeof operations / sizeof *operations };

static void
usage(void)
{
	fatalx("usage: postsuper [-c config_dir] [-d queue_id (delete)] "
	    "[-e queue_id (expire)] [-f queue_id (expire and/or un-hold)] "
	    "[-h queue_id (hold)] [-H queue_id (un-hold)] "
	    "[-p (purge temporary files)] [-r queue_id (requeue)] "
	    "[-s (structure fix)] [-S (redundant structure fix)]"
	    "[-v (verbose)] [queue...]");
}

/* What can't be an id at all is worth a word; other ids are just not there. */
static void
add_id(struct ids *ids, const char *id)
{
	if (!queue_id_is_valid(id)) {
		if (!queue_id_is_plausible(id))
			log_warn("invalid mail queue id: %s", id);
		return;
	}
	if (ids->count == ids->room) {
		ids->room = ids->room == 0 ? 64 : 2 * ids->room;
		ids->items = mem_realloc(ids->items,
		    ids->room * sizeof *ids->items);
	}
	ids->items[ids->count++] = mem_strdup(id);
}

static void
clear_ids(struct ids *ids)
{
	for (size_t i = 0; i < ids->count; i++)
		mem_free(ids->items[i]);
	ids->count = 0;
}

static void
add_from_stdin(struct ids *ids)
{
	char   *line = NULL;
	size_t	size = 0;

	while (getline(&line, &size, stdin) > 0) {
		line[strcspn(line, "\n")] = '\0';
		add_id(ids, line);
	}
	free(line);
}

static void
ask(char option, const char *arg)
{
	struct ids *read_already = NULL;

	for (int i = 0; i < OPERATIONS; i++) {
		struct operation *op = &operations[i];

		if (strchr(op->options, option) == NULL)
			continue;
		op->asked = true;
		if (strcmp(arg, "ALL") == 0)
			op->ids.all = true;
		else if (strcmp(arg, "-") != 0)
			add_id(&op->ids, arg);
		else if (read_already == NULL) {
			add_from_stdin(&op->ids);
			read_already = &op->ids;
		} else
			for (size_t n = 0; n < read_already->count; n++)
				add_id(&op->ids, read_already->items[n]);
	}
}

static bool
is_among(const char *const *queues, const char *queue)
{
	for (; *queues != NULL; queues++)
		if (strcmp(*queues, queue) == 0)
			return true;
	return false;
}

static void
run_on_id(struct operation *op, const char *const *queues, const char *id)
{
	for (size_t i = 0; op->queues[i] != NULL; i++) {
		if (!is_among(queues, op->queues[i]) ||
		    !is_message(op->queues[i], id, true) ||
		    !op->run(op->queues[i], id))
			continue;
		log_info("%s: %s", id, op->done);
		op->count++;
		return;
	}
}

/* Names are gathered first: a directory that changes is no good to scan. */
static void
run_on_queue(struct operation *op, const char *queue)
{
	struct ids	   found = { 0 };
	struct queue_scan *scan = queue_scan_open(queue);
	const char	  *id;

	if (access(queue, R_OK | X_OK) != 0)
		fatalx("scan_dir_push: open directory %s: %s", queue,
		    strerror(errno));
	while (scan != NULL && (id = queue_scan_next(scan)) != NULL)
		add_id(&found, id);
	queue_scan_close(scan);
	for (size_t i = 0; i < found.count; i++)
		op->count += is_message(queue, found.items[i], false) &&
		    op->run(queue, found.items[i]);
	clear_ids(&found);
	mem_free(found.items);
}

static void
run(struct operation *op, const char *const *queues)
{
	for (size_t i = 0; i < op->ids.count; i++)
		run_on_id(op, queues, op->ids.items[i]);
	for (size_t i = 0; op->ids.all && op->queues[i] != NULL; i++)
		if (is_among(queues, op->queues[i]))
			run_on_queue(op, op->queues[i]);
	clear_ids(&op->ids);
}

static void
print_total(const char *what, unsigned long n)
{
	log_info("%s: %lu message%s", what, n, n == 1 ? "" : "s");
}

/* --- structure: -s, -S, -p, or no option at all */

static struct {
	bool	fix, purge;
} structure;

static unsigned long
look_at_structure(const char *const *queues)
{
	unsigned long renamed = 0;

	for (; *queues != NULL; queues++)
		renamed += structure_look(*queues, structure.fix,
		    structure.purge, is_among(queues_deletion, *queues));
	return renamed;
}

/* What got the name of another in the first round is looked at once more. */
static void
put_structure_right(const char *const *queues)
{
	unsigned long renamed;

	if (!structure.fix && !structure.purge)
		return;
	renamed = look_at_structure(queues);
	if (renamed == 0)
		return;
	renamed += look_at_structure(queues);
	print_total("Renamed to match inode number", renamed);
	log_warn("QUEUE FILE NAMES WERE CHANGED TO MATCH INODE NUMBERS");
}

/* --- */

static const char *const all_queues[] = {
	QUEUE_MAILDROP, QUEUE_HOLD, QUEUE_INCOMING, QUEUE_ACTIVE,
	QUEUE_DEFERRED, QUEUE_DEFER, QUEUE_BOUNCE, QUEUE_TRACE, QUEUE_FLUSH,
	NULL,
};

static const char *const *
chosen_queues(char **argv)
{
	if (*argv == NULL)
		return all_queues;
	for (char **p = argv; *p != NULL; p++)
		if (!is_among(all_queues, *p))
			fatalx("invalid directory name: %s", *p);
	return (const char *const *)argv;
}

static void
parse_options(int argc, char **argv)
{
	bool asked = false;
	int  ch;

	while ((ch = getopt(argc, argv, "c:d:e:f:h:H:pr:sSv")) != -1)
		switch (ch) {
		case 'c': conf_set_dir(optarg); break;
		case 'p': structure.purge = asked = true; break;
		case 's': case 'S': structure.fix = asked = true; break;
		case 'v': log_verbose++; break;
		case '?': usage(); break;
		default: asked = true; break;	/* second_pass() */
		}
	if (!asked)
		structure.fix = structure.purge = true;
}

/* Ids are looked at when the log is open and the caller was checked. */
static void
second_pass(int argc, char **argv)
{
	int ch;

	optind = 1;
	while ((ch = getopt(argc, argv, "c:d:e:f:h:H:pr:sSv")) != -1)
		if (strchr("defhHr", ch) != NULL)
			ask((char)ch, optarg);
}

int
main(int argc, char **argv)
{
	const char *const *queues;

	command_name(argv[0]);
	parse_options(argc, argv);
	command_configure(1);
	command_superuser_only(1);
	command_open_log(1);
	queues = chosen_queues(argv + optind);
	second_pass(argc, argv);
	command_enter_queue(1);
	queue_dir_init(conf_mail.hash_queue_names, conf_mail.hash_queue_depth);
	put_structure_right(queues);
	for (int i = 0; i < OPERATIONS; i++)
		if (operations[i].asked)
			run(&operations[i], queues);
	for (int i = 0; i < OPERATIONS; i++)
		if (operations[i].asked)
			print_total(operations[i].total, operations[i].count);
	return 0;
}
