/* log_files - the files of the mail log, also rotated and compressed ones */

#include "mail/log_files.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/mem.h"
#include "util/text.h"

extern char **environ;

enum {
	BLOCK = 1024 * 1024,	/* bytes */
	LINE_LONGEST = 256 * 1024,
};

/* --- which */

/* Input that can be read once only is kept for the second look. */
static char *
keep_input(void)
{
	char	buffer[64 * 1024];
	FILE   *f = tmpfile();
	size_t	n;

	if (f == NULL)
		return NULL;
	while ((n = fread(buffer, 1, sizeof buffer, stdin)) > 0)
		if (fwrite(buffer, 1, n, f) != n)
			return NULL;
	if (fflush(f) != 0)
		return NULL;
	return mem_printf("/proc/self/fd/%d", fileno(f));
}

bool
log_files_add(struct log_files *files, const char *path)
{
	char	   *name;
	struct stat st;

	name = text_eq(path, "-") ? keep_input() : mem_strdup(path);
	if (name == NULL)
		return false;
	if (stat(name, &st) < 0 || (S_ISDIR(st.st_mode) && (errno = EISDIR)) ||
	    access(name, R_OK) < 0) {
		mem_free(name);
		return false;
	}
	files->items = mem_realloc(files->items,
	    (files->count + 1) * sizeof *files->items);
	files->items[files->count++] = (struct log_file){ name, st.st_mtime };
	return true;
}

static void
add_all(struct log_files *files, const char *begin)
{
	char  *pattern = mem_printf("%s*", begin);
	glob_t g;

	if (glob(pattern, 0, NULL, &g) == 0) {
		for (size_t i = 0; i < g.gl_pathc; i++)
			if (!text_ends_nocase(g.gl_pathv[i], ".lock"))
				log_files_add(files, g.gl_pathv[i]);
		globfree(&g);
	}
	mem_free(pattern);
}

void
log_files_find(struct log_files *files, const char *maillog_file)
{
	if (*maillog_file != '\0' && strncmp(maillog_file, "/dev/", 5) != 0) {
		add_all(files, maillog_file);
		return;
	}
	add_all(files, "/var/log/mail.log");
	add_all(files, "/var/log/maillog");
}

static int
compare(const void *a, const void *b)
{
	const struct log_file *x = a, *y = b;

	if (x->changed != y->changed)
		return x->changed < y->changed ? -1 : 1;
	/* Rotated files of the same second: mail.log.1 is older. */
	return -strcmp(x->path, y->path);
}

void
log_files_sort(struct log_files *files)
{
	size_t kept = 0;

	if (files->count == 0)
		return;
	qsort(files->items, files->count, sizeof *files->items, compare);
	for (size_t i = 0; i < files->count; i++) {
		if (kept > 0 && strcmp(files->items[kept - 1].path,
		    files->items[i].path) == 0)
			mem_free(files->items[i].path);
		else
			files->items[kept++] = files->items[i];
	}
	files->count = kept;
}

void
log_files_done(struct log_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		mem_free(files->items[i].path);
	mem_free(files->items);
	*files = (struct log_files){ 0 };
}

/* --- reading */

static const char *
unpacker(const char *path)
{
	static const struct {
		const char *suffix, *program;
	} known[] = {
		{ ".gz", "gzip" }, { ".bz2", "bzip2" }, { ".xz", "xz" },
		{ ".zst", "zstd" },
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (text_ends_nocase(path, known[i].suffix))
			return known[i].program;
	return NULL;
}

/* The output of "gzip -dc FILE", or -1. */
static int
open_unpacked(const char *program, const char *path, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	char *argv[] = { mem_strdup(program), mem_strdup("-dc"),
		mem_strdup("--"), mem_strdup(path), NULL };
	int   fds[2], error;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
	error = posix_spawnp(ret_pid, program, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	for (int i = 0; i < 4; i++)
		mem_free(argv[i]);
	if (error == 0)
		return fds[0];
	close(fds[0]);
	errno = error;
	return -1;
}

/* Blocks end with a line; a last line without its newline counts as one. */
static bool
read_blocks(int fd, log_block_fn *take, void *arg)
{
	char  *block = mem_alloc(BLOCK + LINE_LONGEST), *nl;
	size_t have = 0, whole;
	bool   more = true;

	while (more) {
		ssize_t n = read(fd, block + have, BLOCK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			if (have > 0)
				take(arg, block, have);
			mem_free(block);
			return n == 0;
		}
		have += (size_t)n;
		nl = memrchr(block, '\n', have);
		if (nl == NULL && have < LINE_LONGEST)
			continue;
		whole = nl == NULL ? have : (size_t)(nl - block) + 1;
		more = take(arg, block, whole);
		memmove(block, block + whole, have - whole);
		have -= whole;
		if (have > LINE_LONGEST)
			have = LINE_LONGEST;	/* no log line is that long */
	}
	mem_free(block);
	return true;
}

bool
log_file_read(const struct log_file *f, log_block_fn *take, void *arg,
    const char **ret_why)
{
	const char *program = unpacker(f->path);
	pid_t	    pid = -1;
	bool	    ok;
	int	    fd;

	if (program == NULL)
		fd = open(f->path, O_RDONLY | O_CLOEXEC);
	else
		fd = open_unpacked(program, f->path, &pid);
	if (fd < 0) {
		*ret_why = strerror(errno);
		return false;
	}
	ok = read_blocks(fd, take, arg);
	if (!ok)
		*ret_why = strerror(errno);
	close(fd);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return ok;
}
