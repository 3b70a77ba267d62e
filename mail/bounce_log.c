/*
 *	log    = record*
 *	record = LF name=value LF ... LF
 *		 (attempt= first if a log is about one attempt)
 *
 * The empty line in front ends what a crash may have left half-written: a
 * record without its own empty line at the end is not counted.  Control bytes
 * of values become '?', so no value can make up a line.
 */
#include "mail/bounce_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "mail/queue_dir.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/task.h"

enum {
	LOG_MAX = 256 * 1024 * 1024,	/* bytes of one log */
	CHUNK = 64 * 1024,
	LOCK_WAIT = 10,		/* seconds */
};

/* What is text in a record, and its name in the file. */
static const struct field {
	const char	*name;
	size_t		 offset;
} fields[] = {
	{ "recipient", offsetof(struct bounce_record, recipient) },
	{ "original_recipient", offsetof(struct bounce_record, original) },
	{ "dsn_orig_rcpt", offsetof(struct bounce_record, orcpt) },
	{ "status", offsetof(struct bounce_record, dsn) },
	{ "action", offsetof(struct bounce_record, action) },
	{ "reason", offsetof(struct bounce_record, reason) },
	{ "diag_type", offsetof(struct bounce_record, diag_type) },
	{ "diag_text", offsetof(struct bounce_record, diag_text) },
	{ "mta_type", offsetof(struct bounce_record, mta_type) },
	{ "mta_mname", offsetof(struct bounce_record, mta_name) },
	{ "relay", offsetof(struct bounce_record, relay) },
};

enum { FIELD_COUNT = sizeof fields / sizeof *fields };

static const char **
text_field(struct bounce_record *r, size_t offset)
{
	return (const char **)(void *)((char *)r + offset);
}

static void
format(struct buf *out, const struct bounce_record *r)
{
	struct bounce_record copy = *r;

	buf_addc(out, '\n');
	if (r->attempt != 0)
		buf_addf(out, "attempt=%lld\n", (long long)r->attempt);
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		const char *value = *text_field(&copy, fields[i].offset);

		if (value == NULL || *value == '\0')
			continue;
		buf_addf(out, "%s=", fields[i].name);
		for (; *value != '\0'; value++)
			buf_addc(out, (unsigned char)*value < ' ' ||
			    *value == 127 ? '?' : *value);
		while (out->data[out->len - 1] == ' ')
			buf_cut(out, out->len - 1);
		buf_addc(out, '\n');
	}
	if (r->notify != 0)
		buf_addf(out, "notify_flags=%u\n", r->notify);
	buf_addf(out, "offset=%u\ntime=%ld\n\n", r->index, r->time);
}

/*
 * A log of another attempt is emptied.  The first line tells; the lock keeps
 * another process from emptying what this one is about to write.
 */
static bool
begin_attempt(int fd, const struct buf *record)
{
	size_t	len = strcspn(record->data + 1, "\n") + 2;
	char	first[64];
	ssize_t n;

	if (!file_lock(fd, FILE_FLOCK, FILE_EXCLUSIVE, LOCK_WAIT))
		return false;
	n = pread(fd, first, len < sizeof first ? len : sizeof first, 0);
	return n == 0 || (n == (ssize_t)len &&
	    memcmp(first, record->data, len) == 0) || ftruncate(fd, 0) == 0;
}

bool
bounce_log_append(const char *service, const char *id,
    const struct bounce_record *r)
{
	struct buf b = BUF_INIT;
	ssize_t	   n;
	bool	   ok = false;
	int	   fd, saved;

	fd = queue_open(service, id, O_RDWR | O_APPEND | O_CREAT);
	if (fd < 0)
		return false;
	format(&b, r);
	n = r->attempt == 0 || begin_attempt(fd, &b) ?
	    write(fd, b.data, b.len) : -1;
	if (n == (ssize_t)b.len)
		ok = strcmp(service, QUEUE_BOUNCE) != 0 ||
		    task_fsync(fd) == 0;
	else if (n >= 0)
		errno = ENOSPC;
	saved = errno;
	close(fd);
	buf_done(&b);
	errno = saved;
	return ok;
}

bool
bounce_log_remove(const char *service, const char *id)
{
	return queue_remove(service, id);
}

/* --- reading */

static bool
read_all(int fd, struct buf *b)
{
	ssize_t n;

	do {
		n = read(fd, buf_room(b, CHUNK), CHUNK);
		if (n > 0)
			buf_grow(b, (size_t)n);
	} while ((n > 0 && b->len < LOG_MAX) || (n < 0 && errno == EINTR));
	return n >= 0;
}

static void
clear(struct bounce_record *r)
{
	*r = (struct bounce_record){ 0 };
	for (size_t i = 0; i < FIELD_COUNT; i++)
		*text_field(r, fields[i].offset) = "";
}

static void
take_line(struct bounce_record *r, struct pool *pool, const char *line,
    size_t len)
{
	const char *equal = memchr(line, '=', len);
	size_t	    name_len;
	char	   *value;

	if (equal == NULL)
		return;
	name_len = (size_t)(equal - line);
	value = pool_strndup(pool, equal + 1, len - name_len - 1);
	for (size_t i = 0; i < FIELD_COUNT; i++)
		if (strlen(fields[i].name) == name_len &&
		    memcmp(fields[i].name, line, name_len) == 0) {
			*text_field(r, fields[i].offset) = value;
			return;
		}
	if (str_is((struct str){ line, name_len }, "notify_flags"))
		r->notify = (unsigned)strtoul(value, NULL, 10);
	else if (str_is((struct str){ line, name_len }, "offset"))
		r->index = (unsigned)strtoul(value, NULL, 10);
	else if (str_is((struct str){ line, name_len }, "time"))
		r->time = strtol(value, NULL, 10);
}

/*
 * The records of a log, without what was written twice (after a crash).  Of a
 * recipient that waits the newest reason counts; one that failed may have done
 * so in several ways, as an alias.
 */
struct reading {
	struct pool		*pool;
	bool			 newest;
	struct map		*seen;	/* "index address[ reason]" ->
						   position + 1 */
	struct bounce_record	*records;
	size_t			 count, size;
};

static void
add(struct reading *in, const struct bounce_record *r)
{
	char	  *key = mem_printf("%u %s %s", r->index, r->recipient,
	    in->newest ? "" : r->reason);
	uintptr_t  at = (uintptr_t)map_find(in->seen, key);

	if (at == 0) {
		if (in->count == in->size) {
			in->size = in->size == 0 ? 16 : in->size * 2;
			in->records = mem_realloc(in->records,
			    in->size * sizeof *in->records);
		}
		at = ++in->count;
		map_set(in->seen, key, (void *)at);
	}
	in->records[at - 1] = *r;
	mem_free(key);
}

static void
parse(struct reading *in, const struct buf *b)
{
	const char	    *p = b->data, *end = p + b->len, *nl;
	struct bounce_record r;

	clear(&r);
	while ((nl = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		size_t len = (size_t)(nl - p);

		if (len > 0) {
			if (len > 10 && memcmp(p, "recipient=", 10) == 0)
				clear(&r);
			take_line(&r, in->pool, p, len);
		} else if (*r.recipient != '\0') {
			/* time= is a record's last line */
			if (r.time != 0)
				add(in, &r);
			clear(&r);
		}
		p = nl + 1;
	}
}

bool
bounce_log_read(const char *service, const char *id, struct pool *pool,
    struct bounce_record **ret, size_t *ret_count)
{
	struct reading in = {
		.pool = pool, .newest = strcmp(service, QUEUE_DEFER) == 0,
	};
	struct buf     b = BUF_INIT;
	bool	       ok;
	int	       fd = queue_open(service, id, O_RDONLY), saved;

	if (fd < 0)
		return false;
	ok = read_all(fd, &b);
	saved = errno;
	close(fd);
	if (ok) {
		in.seen = map_new();
		parse(&in, &b);
		map_free(in.seen, NULL);
		*ret = pool_alloc(pool, (in.count + 1) * sizeof **ret);
		if (in.count > 0)
			memcpy(*ret, in.records, in.count * sizeof **ret);
		*ret_count = in.count;
		mem_free(in.records);
	}
	buf_done(&b);
	errno = saved;
	return ok;
}
