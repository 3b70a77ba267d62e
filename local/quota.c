/*
 * The Maildir++ convention, which Courier, maildrop and Dovecot share: the
 * file maildirsize has the quota in its first line ("1000000S,100C"), then a
 * line "bytes messages" for each change.  It is made anew from the directories
 * when its quota is not ours, when it has grown, or when the mailbox seems full
 * and it is not fresh.  It is only a cache: nobody need lock it, and what a
 * crash leaves out comes back with the next count.
 *
 * All in it can be made by the owner: what is read is bounded, and no link is
 * followed.
 */

#include "local/quota.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "conf/param.h"
#include "mail/cleanup_client.h"
#include "mail/deliver.h"
#include "mail/envelope.h"
#include "mail/own_mail.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/text.h"

enum {
	CACHE_MAX = 5120,	/* bytes of maildirsize: then it is made anew */
	FRESH = 15 * 60,	/* seconds that it is believed when full */
	FILES_MAX = 10000000,
};

/* Files and cache may claim more: sums with it must not overflow. */
static const int64_t BYTES_MAX = INT64_MAX / 2;

struct usage {
	int64_t	bytes, messages;
};

/* --- the setting */

static bool
parse_number(const char *word, int64_t *ret)
{
	static const char units[] = "KMGT";
	char		 *end;
	const char	 *unit;
	int64_t		  n;

	errno = 0;
	n = strtoll(word, &end, 10);
	if (end == word || n < 0 || errno != 0)
		return false;
	if (*end != '\0') {
		unit = strchr(units, *end & ~0x20);
		if (unit == NULL || end[1] != '\0')
			return false;
		for (const char *u = units; u <= unit; u++)
			if (__builtin_mul_overflow(n, 1024, &n))
				return false;
	}
	*ret = n;
	return true;
}

bool
quota_parse(struct quota *q, const char *text)
{
	char	*copy = mem_strdup(text), *at = copy, *word;
	int64_t	 numbers[2] = { 0, 0 };
	int	 count = 0;
	bool	 ok = true;

	while (ok && (word = text_word(&at, TEXT_LIST_SEP, false)) != NULL) {
		ok = count < 2 && (text_eq_nocase(word, "none") ||
		    parse_number(word, &numbers[count]));
		count++;
	}
	mem_free(copy);
	if (!ok || count == 0)
		return false;
	*q = (struct quota){ .bytes = numbers[0], .messages = numbers[1] };
	return true;
}

bool
quota_is_set(const struct quota *q)
{
	return q != NULL && (q->bytes > 0 || q->messages > 0);
}

/* --- counting */

/* By the name, where it says a number, or the file. */
static int64_t
size_of(int dir, const char *name)
{
	const char *given = strstr(name, ",S=");
	struct stat st;
	char	   *end;
	int64_t	    n;

	if (given != NULL) {
		n = strtoll(given + 3, &end, 10);
		if (n >= 0 && end > given + 3 && (*end == '\0' ||
		    *end == ',' || *end == ':'))
			return n;
	}
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return 0;
	return st.st_size;
}

static void
count_files(struct usage *u, const char *path)
{
	int		 fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC);
	DIR		*d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent	*e;

	if (d == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while (u->messages < FILES_MAX && (e = readdir(d)) != NULL) {
		if (*e->d_name == '.')
			continue;
		if (__builtin_add_overflow(u->bytes, size_of(fd, e->d_name),
		    &u->bytes) || u->bytes > BYTES_MAX)
			u->bytes = BYTES_MAX;
		u->messages++;
	}
	closedir(d);
}

static void
count_folder(struct usage *u, const char *maildir, const char *folder)
{
	static const char *const subs[] = { "cur", "new" };
	struct buf path = BUF_INIT;

	for (int i = 0; i < 2; i++) {
		buf_set(&path, maildir);
		buf_addf(&path, "%s%s", folder, subs[i]);
		count_files(u, path.data);
	}
	buf_done(&path);
}

/* All folders, ".Trash" left out as Maildir++ has it. */
static void
count_all(struct usage *u, const char *maildir)
{
	DIR		*d = opendir(maildir);
	struct dirent	*e;
	char		*folder;

	*u = (struct usage){ 0 };
	count_folder(u, maildir, "");
	while (d != NULL && (e = readdir(d)) != NULL) {
		if (*e->d_name != '.' || strcmp(e->d_name, ".") == 0 ||
		    strcmp(e->d_name, "..") == 0 ||
		    strcmp(e->d_name, ".Trash") == 0)
			continue;
		folder = mem_printf("%s/", e->d_name);
		count_folder(u, maildir, folder);
		mem_free(folder);
	}
	if (d != NULL)
		closedir(d);
}

/* --- maildirsize */

static void
put_header(struct buf *out, const struct quota *q)
{
	if (q->bytes > 0)
		buf_addf(out, "%lldS", (long long)q->bytes);
	if (q->messages > 0)
		buf_addf(out, "%s%lldC", q->bytes > 0 ? "," : "",
		    (long long)q->messages);
	buf_addc(out, '\n');
}

static void
make_cache(const char *maildir, const struct quota *q, const struct usage *u)
{
	struct buf text = BUF_INIT, temp = BUF_INIT, path = BUF_INIT;
	int	   fd;
	bool	   ok;

	put_header(&text, q);
	buf_addf(&text, "%lld %lld\n", (long long)u->bytes,
	    (long long)u->messages);
	buf_addf(&temp, "%stmp/%lld.P%d.maildirsize", maildir,
	    (long long)clock_wall_us(), (int)getpid());
	buf_addf(&path, "%smaildirsize", maildir);
	fd = open(temp.data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0) {
		ok = file_write_all(fd, text.data, text.len);
		close(fd);
		if (!ok || rename(temp.data, path.data) != 0)
			unlink(temp.data);
	}
	buf_done(&text);
	buf_done(&temp);
	buf_done(&path);
}

/* Lines "bytes messages", each a change.  False: their sum makes no sense; the
 * file is the user's. */
static bool
sum_up(char *p, struct usage *u, int *ret_lines)
{
	char *end;

	*u = (struct usage){ 0 };
	for (*ret_lines = 0; *p != '\0'; p = end + 1, ++*ret_lines) {
		if (__builtin_add_overflow(u->bytes, strtoll(p, &end, 10),
		    &u->bytes) ||
		    __builtin_add_overflow(u->messages,
		    strtoll(end, &end, 10), &u->messages))
			return false;
		if ((end = strchr(end, '\n')) == NULL)
			break;
	}
	return u->bytes >= 0 && u->bytes <= BYTES_MAX && u->messages >= 0;
}

/* What the cache says.  False: there is none for this quota, or it has grown
 * long.  *ret_fresh: a count made lately, nothing added since. */
static bool
read_cache(const char *maildir, const struct quota *q, struct usage *u,
    bool *ret_fresh)
{
	struct buf  path = BUF_INIT, header = BUF_INIT;
	char	    text[CACHE_MAX + 1];
	struct stat st;
	ssize_t	    n = -1;
	int	    fd, lines;
	bool	    ok;

	buf_addf(&path, "%smaildirsize", maildir);
	fd = open(path.data, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0) {
		if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
			n = read(fd, text, sizeof text);
		close(fd);
	}
	put_header(&header, q);
	ok = n > 0 && n <= CACHE_MAX && (size_t)n >= header.len &&
	    memcmp(text, header.data, header.len) == 0;
	if (ok) {
		text[n] = '\0';
		ok = sum_up(text + header.len, u, &lines);
		*ret_fresh = lines <= 1 && time(NULL) - st.st_mtime < FRESH;
	}
	buf_done(&path);
	buf_done(&header);
	return ok;
}

/* --- the decision */

static bool
has_room(const struct quota *q, const struct usage *u, int64_t size)
{
	return (q->bytes == 0 || u->bytes <= q->bytes - size) &&
	    (q->messages == 0 || u->messages < q->messages);
}

/* Words that need no mail administrator. */
static bool
refuse(const struct quota *q, const struct usage *u, struct why *why)
{
	const char *dsn = conf_mail.mailbox_quota_defer ? "4.2.2" : "5.2.2";

	why_set(why, dsn, "%s %s mailbox is full: %lld",
	    conf_mail.mailbox_quota_defer ? "452" : "552", dsn,
	    (long long)u->bytes);
	if (q->bytes > 0)
		buf_addf(&why->text, " of %lld", (long long)q->bytes);
	buf_adds(&why->text, " bytes in use");
	if (q->messages > 0)
		buf_addf(&why->text, ", %lld of %lld messages",
		    (long long)u->messages, (long long)q->messages);
	buf_set(&why->diag_type, "smtp");
	buf_set(&why->diag_text, why->text.data);
	return false;
}

bool
quota_maildir_check(struct quota *q, const char *path, int64_t size,
    struct why *why)
{
	struct usage u;
	bool	     fresh = false;

	if (!read_cache(path, q, &u, &fresh) ||
	    (!has_room(q, &u, size) && !fresh)) {
		count_all(&u, path);
		make_cache(path, q, &u);
	}
	q->before = u.bytes;
	q->after = u.bytes + size;
	return has_room(q, &u, size) || refuse(q, &u, why);
}

void
quota_maildir_add(const char *path, int64_t size)
{
	struct buf name = BUF_INIT;
	char	   line[40];
	int	   fd, n;

	buf_addf(&name, "%smaildirsize", path);
	n = snprintf(line, sizeof line, "%lld 1\n", (long long)size);
	fd = open(name.data, O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK |
	    O_CLOEXEC);
	if (fd >= 0) {
		(void)!write(fd, line, (size_t)n);
		close(fd);
	}
	buf_done(&name);
}

bool
quota_mbox_check(struct quota *q, int64_t used, int64_t size, struct why *why)
{
	const struct usage u = { .bytes = used };

	q->before = used;
	q->after = used + size;
	return has_room(q, &u, size) || refuse(q, &u, why);
}

/* --- the warning */

static void
send_warning(const struct quota *q, const char *address, int percent)
{
	enum cleanup_status    status;
	struct cleanup_client *c = cleanup_open(CLEANUP_MAP | CLEANUP_INTERNAL |
	    CLEANUP_REWRITE_LOCAL, &status);
	struct recipient       to = { .address = address, .original = address,
		.orcpt = "", .notify = NOTIFY_NEVER, .status = RCPT_TODO };
	struct buf	       why = BUF_INIT;

	if (c == NULL)
		return;
	own_mail_envelope(c, "", &to, 0, NULL);
	cleanup_printf(c, "From: Mail Delivery System <MAILER-DAEMON@%s>",
	    conf_mail.myorigin);
	cleanup_printf(c, "To: %s", address);
	cleanup_printf(c, "Subject: Your mailbox is %d%% full", percent);
	cleanup_printf(c, "Auto-Submitted: auto-generated");
	cleanup_printf(c, "%s", "");
	cleanup_printf(c, "Your mailbox has %lld of at most %lld bytes in "
	    "use.", (long long)q->after, (long long)q->bytes);
	cleanup_printf(c, "When it is full, new mail is %s.",
	    conf_mail.mailbox_quota_defer ? "kept waiting for some days, then "
	    "returned to its senders" : "returned to its senders");
	cleanup_end(c, &why);
	buf_done(&why);
}

void
quota_warn(const struct quota *q, const struct delivery *d,
    const char *address)
{
	int64_t threshold;
	int	percent = conf_mail.mailbox_quota_warning;

	if (!quota_is_set(q) || q->bytes == 0 || percent == 0)
		return;
	threshold = q->bytes / 100 * percent + q->bytes % 100 * percent / 100;
	if (q->before > threshold || q->after <= threshold)
		return;
	percent = (int)((double)q->after * 100 / (double)q->bytes);
	log_info("%s: mailbox of <%s> is %d%% full: %lld of %lld bytes",
	    d->id, address, percent, (long long)q->after,
	    (long long)q->bytes);
	send_warning(q, address, percent);
}
