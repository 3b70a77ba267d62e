/*
 * postsuper - the superuser's hand in the queue
 *
 * For root or the owner of the queue.  As root it becomes mail_owner before
 * it touches anything.  Every change is one rename, unlink or chmod, done
 * beside a running mail system: who finds a file gone leaves it alone.
 *
 * Ends with 0, or with 1 and a reason.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

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

enum {
	TEMP_AGE = 24 * 60 * 60,	/* seconds; -p: older is forgotten */
	DEPTH_MAX = 8,			/* of hash directories */
};

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
	done = lstat(path.data, &st) == 0 && S_ISREG(st.st_mode) &&
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

	while (scan != NULL && (id = queue_scan_next(scan)) != NULL)
		add_id(&found, id);
	queue_scan_close(scan);
	for (size_t i = 0; i < found.count; i++)
		op->count += op->run(queue, found.items[i]);
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

/* --- structure: -s, -S, -p */

static struct {
	bool		fix, purge;
	unsigned long	renamed;
} structure;

/* What the id would be if it was made of this inode number. */
static void
id_for_inode(const char *id, ino_t ino, char ret[QUEUE_ID_MAX])
{
	int64_t us = queue_id_time(id);
	char	first[6];

	if (us >= 0) {
		queue_id_make(ret, us, ino, true);
		return;
	}
	snprintf(first, sizeof first, "%.5s", id);
	queue_id_make(ret, (int64_t)strtoul(first, NULL, 16), ino, false);
}

static bool
rename_to(const char *from, const char *queue, const char *id)
{
	struct buf to = BUF_INIT;
	bool	   ok = queue_make_dirs(queue, id);

	queue_path(&to, queue, id);
	if (strcmp(from, to.data) != 0) {
		ok = renameat2(AT_FDCWD, from, AT_FDCWD, to.data,
		    RENAME_NOREPLACE) == 0;
		if (!ok)
			log_warn("rename %s to %s: %s", from, to.data,
			    strerror(errno));
	}
	buf_done(&to);
	return ok;
}

/*
 * A file that was restored from elsewhere has an id that a new message might
 * get; its logs follow it.
 */
static void
fix_message(const char *path, const char *queue, const char *id, ino_t ino)
{
	static const char *const logs[] = { QUEUE_BOUNCE, QUEUE_DEFER,
		QUEUE_TRACE };
	char	   right[QUEUE_ID_MAX];
	struct buf log = BUF_INIT;

	id_for_inode(id, ino, right);
	if (!rename_to(path, queue, right) || strcmp(id, right) == 0)
		return;
	structure.renamed++;
	for (size_t i = 0; i < sizeof logs / sizeof *logs; i++) {
		buf_clear(&log);
		queue_path(&log, logs[i], id);
		if (access(log.data, F_OK) == 0)
			rename_to(log.data, logs[i], right);
	}
	buf_done(&log);
}

static void
look_at_file(const char *path, const char *queue, const char *name)
{
	bool	    is_message = is_among(queues_deletion, queue);
	struct stat st;

	if (lstat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return;
	if (structure.purge && text_starts(name, ".tmp-") &&
	    st.st_mtime + TEMP_AGE < time(NULL))
		unlink(path);
	else if (structure.fix && queue_id_is_valid(name)) {
		if (is_message && strcmp(queue, QUEUE_ACTIVE) != 0)
			fix_message(path, queue, name, st.st_ino);
		else
			rename_to(path, queue, name);
	}
}

static void
walk(const char *path, const char *queue, int depth)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	struct buf sub = BUF_INIT;

	if (dir == NULL)
		return;
	while ((e = readdir(dir)) != NULL) {
		bool is_hash = e->d_name[0] != '.' && e->d_name[1] == '\0';

		buf_clear(&sub);
		buf_addf(&sub, "%s/%s", path, e->d_name);
		if (is_hash && depth < DEPTH_MAX)
			walk(sub.data, queue, depth + 1);
		else if (!is_hash)
			look_at_file(sub.data, queue, e->d_name);
	}
	closedir(dir);
	buf_done(&sub);
}

/* --- */

static const char *const all_queues[] = {
	QUEUE_DEFER, QUEUE_BOUNCE, QUEUE_TRACE, QUEUE_MAILDROP, QUEUE_INCOMING,
	QUEUE_ACTIVE, QUEUE_DEFERRED, QUEUE_HOLD, QUEUE_FLUSH, NULL,
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
	int ch;

	while ((ch = getopt(argc, argv, "c:d:e:f:h:H:pr:sSv")) != -1)
		switch (ch) {
		case 'c': conf_set_dir(optarg); break;
		case 'p': structure.purge = true; break;
		case 's': case 'S': structure.fix = true; break;
		case 'v': log_verbose++; break;
		case '?': usage(); break;
		default: break;		/* second_pass() */
		}
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
	for (int i = 0; i < OPERATIONS; i++)
		if (operations[i].asked)
			run(&operations[i], queues);
	for (int i = 0; i < OPERATIONS; i++)
		if (operations[i].asked)
			print_total(operations[i].total, operations[i].count);
	for (; (structure.fix || structure.purge) && *queues != NULL; queues++)
		walk(*queues, *queues, 0);
	if (structure.renamed > 0)
		print_total("Renamed to match inode number",
		    structure.renamed);
	return 0;
}
