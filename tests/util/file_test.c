#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/test.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/mem.h"

static char dir[] = "/tmp/file_test.XXXXXX";

static void
put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0640);

	CHECK(fd >= 0 && file_write_all(fd, text, strlen(text)));
	close(fd);
}

static void
reads_whole_files_within_a_limit(void)
{
	struct buf b = BUF_INIT;

	put("a", "twelve bytes");
	CHECK(file_read("a", 12, &b));
	CHECK_STR(b.data, "twelve bytes");
	CHECK(!file_read("a", 11, &b) && errno == EFBIG);
	CHECK(!file_read("missing", 11, &b) && errno == ENOENT);
	CHECK_STR(b.data, "twelve bytes");
	buf_done(&b);
}

static void
replaces_in_one_step_and_keeps_the_mode(void)
{
	struct file_replace r;
	struct buf	    b = BUF_INIT;
	struct stat	    st;

	put("b", "old");
	chmod("b", 0604);
	CHECK(file_replace_begin(&r, "b", 0644) >= 0);
	CHECK(file_write_all(r.fd, "new", 3));
	CHECK(file_read("b", 100, &b));
	CHECK_STR(b.data, "old");
	CHECK(file_replace_end(&r));
	buf_clear(&b);
	CHECK(file_read("b", 100, &b));
	CHECK_STR(b.data, "new");
	CHECK(stat("b", &st) == 0 && (st.st_mode & 07777) == 0604);
	buf_done(&b);
}

static void
cancelled_replacement_leaves_nothing(void)
{
	struct file_replace r;

	CHECK(file_replace_begin(&r, "c", 0644) >= 0);
	file_replace_cancel(&r);
	CHECK(access("c", F_OK) < 0);
	CHECK(rmdir(dir) < 0);	/* not empty: a and b */
	CHECK(file_replace_begin(&r, "no/such/c", 0644) < 0);
	CHECK(errno == ENOENT);
}

/* The lock of another process: flock is of the open file, fcntl of the
 * process. */
static void
lock_of_another_process_is_respected(void)
{
	static const enum file_lock kinds[] = { FILE_FLOCK, FILE_FCNTL };

	put("d", "");
	for (int i = 0; i < 2; i++) {
		int fd = open("d", O_RDWR), pipes[2], status;
		pid_t pid;
		char c;

		CHECK(fd >= 0 && pipe(pipes) == 0);
		pid = fork();
		if (pid == 0) {
			int mine = open("d", O_RDWR);

			file_lock(mine, kinds[i], FILE_EXCLUSIVE, 0);
			(void)!write(pipes[1], "x", 1);
			usleep(300000);
			_exit(0);
		}
		CHECK(read(pipes[0], &c, 1) == 1);
		CHECK(!file_lock(fd, kinds[i], FILE_SHARED, 0));
		CHECK(errno == EAGAIN);
		CHECK(file_lock(fd, kinds[i], FILE_EXCLUSIVE, 5));
		CHECK(file_lock(fd, kinds[i], FILE_UNLOCK, 0));
		waitpid(pid, &status, 0);
		close(fd);
		close(pipes[0]);
		close(pipes[1]);
	}
}

static void
dotlock_is_exclusive_and_can_be_stale(void)
{
	int64_t start;

	CHECK(file_dotlock("mbox", 0, 100));
	CHECK(access("mbox.lock", F_OK) == 0);
	CHECK(!file_dotlock("mbox", 0, 100) && errno == EAGAIN);
	start = clock_ms();
	CHECK(file_dotlock("mbox", 5, 1));	/* stale after a second */
	CHECK(clock_ms() - start >= 900);
	file_dotunlock("mbox");
	CHECK(access("mbox.lock", F_OK) < 0);
	CHECK(!file_dotlock("no/such/mbox", 0, 100) && errno == ENOENT);
}

static void
makes_directories_on_the_way(void)
{
	struct stat st;
	char	   *deep = mem_printf("%s/x/y/z", dir);

	CHECK(file_mkdirs("p/q/r", 0755) && file_mkdirs("p/q/r", 0755));
	CHECK(file_mkdirs(deep, 0755));
	CHECK(stat("p/q/r", &st) == 0 && S_ISDIR(st.st_mode));
	CHECK(!file_mkdirs("a/b", 0755) && errno == ENOTDIR);
	CHECK(file_sync_dir("p/q"));
	mem_free(deep);
}

int
main(void)
{
	if (mkdtemp(dir) == NULL || chdir(dir) < 0 || setenv("PWD", dir, 1) < 0)
		return 1;
	TEST(reads_whole_files_within_a_limit);
	TEST(replaces_in_one_step_and_keeps_the_mode);
	TEST(cancelled_replacement_leaves_nothing);
	TEST(lock_of_another_process_is_respected);
	TEST(dotlock_is_exclusive_and_can_be_stale);
	TEST(makes_directories_on_the_way);
	(void)!system("rm -rf \"$PWD\"");
	return test_end();
}
