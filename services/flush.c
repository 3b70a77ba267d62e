/*
 * flush - remember which mail waits for which site
 *
 * Service public/flush, as mail_owner in the jail.  Agents tell what they
 * defer; a site of fast_flush_domains has a list of queue ids, one a line, in
 * the directory flush/.  ETRN, sendmail -qR and postqueue -s have the
 * messages of the list tried now (mail/flush_client.h), without a look at the
 * rest of the queue.  Callers are trusted no more than their frames add up:
 * sites become file names only after a check.
 *
 * A list is a help, not a record: what it lacks is tried at its time, and an
 * id of mail that has left does no harm.  The processes of the service share
 * the files under a lock that is never held across a wait.  master's wake-up
 * has lists that nobody asked for tried, and empty ones removed.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "conf/param.h"
#include "mail/flush_client.h"
#include "mail/peer.h"
#include "mail/qmgr_client.h"
#include "mail/queue_id.h"
#include "server/server.h"
#include "util/file.h"
#include "util/frame.h"
#include "util/log.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/proc.h"
#include "util/stream.h"
#include "util/text.h"

#define FLUSH_DIR "flush"

enum {
	SITE_MAX = 200,			/* bytes, so that it fits a file name */
	LIST_MAX = 64 * 1024 * 1024,	/* bytes: two million messages */
	TAIL = 4096,			/* bytes looked through for a repeat */
};

/* --- lists */

/* Letters, digits, '-' and '.' stand for themselves, "_2f" for others. */
static bool
make_path(struct buf *path, const char *site)
{
	size_t n = strlen(site);

	if (n == 0 || n > SITE_MAX)
		return false;
	buf_adds(path, FLUSH_DIR "/");
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)site[i];

		if (c >= 'A' && c <= 'Z')
			c = (unsigned char)(c - 'A' + 'a');
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		    c == '-' || (c == '.' && i > 0))
			buf_addc(path, (char)c);
		else
			buf_addf(path, "_%02x", c);
	}
	return strlen(path->data) < sizeof FLUSH_DIR + 255;
}

static int
open_list(const char *path, int flags)
{
	int fd = open(path, flags | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0 && errno == ENOENT && (flags & O_CREAT) != 0 &&
	    mkdir(FLUSH_DIR, 0700) == 0)
		fd = open(path, flags | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0 && flock(fd, LOCK_EX) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* A message with many recipients at a site comes once for each of them. */
static bool
was_just_added(int fd, off_t size, const char *line, size_t len)
{
	char	tail[TAIL];
	off_t	from = size > TAIL ? size - TAIL : 0;
	ssize_t n = pread(fd, tail, sizeof tail, from);
	char   *hit = n > 0 ? memmem(tail, (size_t)n, line, len) : NULL;

	return hit != NULL && (hit == tail || hit[-1] == '\n');
}

static bool
append(const char *path, const char *id)
{
	struct buf  line = BUF_INIT;
	struct stat st;
	int	    fd = open_list(path, O_CREAT | O_APPEND);
	bool	    ok = fd >= 0 && fstat(fd, &st) == 0;

	buf_addf(&line, "%s\n", id);
	if (ok && st.st_size < LIST_MAX &&
	    !was_just_added(fd, st.st_size, line.data, line.len))
		ok = file_write_all(fd, line.data, line.len);
	if (!ok)
		log_warn("%s: %m", path);
	if (fd >= 0)
		close(fd);
	buf_done(&line);
	return ok;
}

/* The text of a list, which is empty afterwards. */
static bool
take_list(const char *path, struct buf *ret)
{
	int	    fd = open_list(path, 0);
	struct stat st;
	ssize_t	    n = 0;
	bool	    ok;

	if (fd < 0)
		return errno == ENOENT;
	ok = fstat(fd, &st) == 0 && st.st_size <= LIST_MAX;
	if (ok && st.st_size > 0) {
		n = pread(fd, buf_room(ret, (size_t)st.st_size),
		    (size_t)st.st_size, 0);
		ok = n >= 0;
	}
	if (ok) {
		buf_grow(ret, (size_t)n);
		ok = ftruncate(fd, 0) == 0 && futimens(fd, NULL) == 0;
	}
	if (!ok)
		log_warn("%s: %m", path);
	close(fd);
	return ok;
}

/* --- requests */

static bool
tell_qmgr(struct buf *list)
{
	static const char revive[] = { QMGR_FLUSH_DEAD, QMGR_SCAN_INCOMING,
		'\0' };
	struct map	 *seen = map_new();
	char		 *next = list->data, *id;
	bool		  ok;

	while ((id = text_word(&next, "\n", false)) != NULL)
		if (queue_id_is_valid(id))
			map_set(seen, id, list);
	ok = map_count(seen) == 0 || (server_trigger(QMGR_SERVICE, revive) &&
	    qmgr_flush_messages(seen));
	map_free(seen, NULL);
	return ok;
}

static enum flush_status
flush_path(const char *path)
{
	struct buf list = BUF_INIT, copy = BUF_INIT;
	bool	   ok = take_list(path, &list);
	int	   fd;

	buf_add(&copy, list.data, list.len);
	if (ok && list.len > 0 && !tell_qmgr(&copy)) {
		ok = false;
		fd = open_list(path, O_CREAT | O_APPEND);
		if (fd < 0 || !file_write_all(fd, list.data, list.len))
			log_warn("%s: %m", path);
		if (fd >= 0)
			close(fd);
	}
	buf_done(&list);
	buf_done(&copy);
	return ok ? FLUSH_OK : FLUSH_FAIL;
}

static enum flush_status
do_request(const struct frame *f)
{
	const char	 *site = frame_str(f, FLUSH_KEY_SITE);
	const char	 *id = frame_str(f, FLUSH_KEY_ID);
	struct buf	  path = BUF_INIT;
	enum flush_status status = FLUSH_BAD;

	if (site == NULL || !make_path(&path, site))
		;
	else if (flush_is_listed(site) != MATCH_YES)
		status = flush_is_listed(site) == MATCH_NO ? FLUSH_DENIED :
		    FLUSH_FAIL;
	else if (f->type == FLUSH_SITE)
		status = flush_path(path.data);
	else if (f->type == FLUSH_ADD && id != NULL && queue_id_is_valid(id))
		status = append(path.data, id) ? FLUSH_OK : FLUSH_FAIL;
	buf_done(&path);
	return status;
}

static void
serve(struct stream *client)
{
	struct frame	  f = FRAME_INIT;
	enum flush_status status;

	while (frame_receive(client, &f, FLUSH_FRAME_MAX)) {
		status = do_request(&f);
		if (status == FLUSH_BAD)
			log_warn("malformed request");
		frame_begin(&f, FLUSH_STATUS);
		frame_put_u64(&f, FLUSH_KEY_STATUS, status);
		frame_send(client, &f);
		if (!stream_flush(client) || peer_is_ending())
			break;
	}
	frame_done(&f);
}

/* --- housekeeping */

static void
look_after(const char *path)
{
	struct stat st;
	time_t	    now = time(NULL);

	if (lstat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return;
	if (st.st_size > 0) {
		if (st.st_mtime + conf_mail.fast_flush_refresh_time <= now)
			flush_path(path);
	} else if (st.st_mtime + conf_mail.fast_flush_purge_time <= now) {
		/* Somebody may write to it this moment: that is lost, and
		 * the message is tried at its time. */
		unlink(path);
	}
}

/* The names first: lists come and go meanwhile. */
static void
triggered(const char *requests)
{
	struct pool    pool = POOL_INIT;
	struct map    *paths;
	DIR	      *dir = opendir(FLUSH_DIR);
	struct dirent *e;

	(void)requests;
	if (dir == NULL)
		return;
	paths = map_new();
	while ((e = readdir(dir)) != NULL)
		if (e->d_name[0] != '.')
			map_set(paths, pool_printf(&pool, "%s/%s", FLUSH_DIR,
			    e->d_name), paths);
	closedir(dir);
	for (size_t i = 0; i < map_count(paths); i++)
		look_after(map_at(paths, i)->key);
	map_free(paths, NULL);
	pool_done(&pool);
}

static void
before_jail(void)
{
	flush_open();
}

int
main(int argc, char **argv)
{
	static const struct param_area *const areas[] = { NULL };
	static const struct server	      server = {
		.name = "flush",
		.jail = PROC_JAIL_NET | PROC_JAIL_FILES,
		.areas = areas,
		.before_jail = before_jail,
		.serve = serve,
		.triggered = triggered,
	};

	server_main(argc, argv, &server);
}
