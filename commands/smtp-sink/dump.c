/* dump - a message as it was received, written to a file */

#include "commands/smtp-sink/dump.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "util/file.h"
#include "util/log.h"
#include "util/mem.h"

enum {
	MEMORY_MAX = 256 * 1024,	/* bytes of a message in memory */
	PATH_BYTES = 4096,
	NAMES_TRIED = 100,
};

/* --- names */

static void
expand(struct buf *path, const char *template)
{
	time_t	  now = time(NULL);
	struct tm tm;
	size_t	  n;

	localtime_r(&now, &tm);
	buf_clear(path);
	n = strftime(buf_room(path, PATH_BYTES), PATH_BYTES, template, &tm);
	buf_grow(path, n);
}

static void
make_parents(const char *path)
{
	const char *slash = strrchr(path, '/');
	char	   *parent;

	if (slash == NULL || slash == path)
		return;
	parent = mem_strndup(path, (size_t)(slash - path));
	if (!file_mkdirs(parent, 0755))
		fatal("mkdir %s", parent);
	mem_free(parent);
}

/* The file, with missing folders: they are looked for only if it can't be
 * made without. */
static int
open_at(const char *path, int flags)
{
	int fd = open(path, flags | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);

	if (fd < 0 && errno == ENOENT) {
		make_parents(path);
		fd = open(path, flags | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);
	}
	return fd;
}

static uint32_t
random_id(void)
{
	uint32_t n;

	if (getrandom(&n, sizeof n, GRND_INSECURE) != sizeof n)
		n = (uint32_t)clock();
	return n & 0x7fffffff;
}

/* A file that no one has, named by template and id. */
static void
create(struct dump *d, const char *template)
{
	size_t len;

	expand(&d->path, template);
	len = d->path.len;
	for (int i = 0; d->fd < 0; i++) {
		buf_cut(&d->path, len);
		buf_addf(&d->path, "%08x", (unsigned)d->id);
		d->fd = open_at(d->path.data, O_RDWR | O_EXCL);
		if (d->fd >= 0)
			break;
		if (errno != EEXIST || i == NAMES_TRIED)
			fatal("open %s", d->path.data);
		d->id = random_id();
	}
}

void
dump_open(struct dump *d, const char *template, bool is_shared)
{
	dump_cancel(d);
	d->is_open = d->at_line_start = true;
	d->after_cr = false;
	d->id = random_id();
	d->shared = is_shared ? template : NULL;
	if (!is_shared)
		create(d, template);
}

/* --- writing */

static void
spill(struct dump *d)
{
	if (d->fd < 0) {
		create(d, d->shared);
		unlink(d->path.data);
	}
	if (!file_write_all(d->fd, d->text.data, d->text.len))
		fatal("write %s", d->path.data);
	buf_clear(&d->text);
}

static void
spill_if_large(struct dump *d)
{
	if (d->text.len >= MEMORY_MAX)
		spill(d);
}

void
dump_printf(struct dump *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_addv(&d->text, fmt, ap);
	va_end(ap);
	spill_if_large(d);
}

/* Without carriage returns; a dot at the begin of a line is the client's, and
 * alone it is the end, of which an empty line remains. */
void
dump_content(struct dump *d, const char *p, size_t n)
{
	const char *end = p + n, *stop;

	while (p < end) {
		if (d->after_cr && *p == '\n')
			d->at_line_start = true;
		else if (d->at_line_start && *p == '.') {
			d->at_line_start = false;
			p++;
			continue;
		} else
			d->at_line_start = false;
		d->after_cr = *p == '\r';
		if (d->after_cr) {
			p++;
			continue;
		}
		stop = d->at_line_start ? p + 1 : memchr(p, '\r',
		    (size_t)(end - p));
		if (stop == NULL)
			stop = end;
		buf_add(&d->text, p, (size_t)(stop - p));
		p = stop;
	}
	spill_if_large(d);
}

/* --- the end */

/* What was spilled comes first. */
static void
append(struct dump *d, int to)
{
	char	part[4096];
	ssize_t n;
	off_t	at = 0;

	while (d->fd >= 0 && (n = pread(d->fd, part, sizeof part, at)) != 0) {
		if (n < 0 || !file_write_all(to, part, (size_t)n))
			fatal("write %s", d->path.data);
		at += n;
	}
	if (!file_write_all(to, d->text.data, d->text.len))
		fatal("write %s", d->path.data);
}

void
dump_close(struct dump *d)
{
	int fd;

	if (!d->is_open)
		return;
	if (d->shared == NULL) {
		spill(d);
		close(d->fd);
		d->fd = -1;
	} else {
		expand(&d->path, d->shared);
		if ((fd = open_at(d->path.data, O_WRONLY | O_APPEND)) < 0)
			fatal("open %s", d->path.data);
		append(d, fd);
		close(fd);
		buf_clear(&d->text);
	}
	d->is_open = false;
	dump_cancel(d);
}

void
dump_cancel(struct dump *d)
{
	if (d->is_open && d->shared == NULL)
		unlink(d->path.data);
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
	d->is_open = false;
	buf_clear(&d->text);
}

void
dump_done(struct dump *d)
{
	dump_cancel(d);
	buf_done(&d->text);
	buf_done(&d->path);
}
