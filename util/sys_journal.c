/*
 * sys_journal - what a sync of a file covers, by kind of file system
 *
 * A new name changes directory and inode in one transaction of the journal;
 * fsync() of the file waits for the last transaction that has its inode.
 * ext2, ext3 and ext4 are one to statfs(2).  One that runs a journal shows its
 * thread in /sys and its figures in /proc; a container may lack either.
 */

#include <ctype.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/file.h"

enum { EXT4_MAGIC = 0xef53, XFS_MAGIC = 0x58465342, KNOWN_MAX = 8,
	TASK_MAX = 64 };		/* bytes of "1234\n" */

/* By /sys/dev/block/7:4 -> .../block/loop4; the thread's number is "<none>"
 * where there is no journal. */
static bool
shown_in_sys(dev_t dev)
{
	char	    path[PATH_MAX + 40], target[PATH_MAX];
	const char *name;
	struct buf  task = BUF_INIT;
	ssize_t	    n;
	bool	    ok;

	snprintf(path, sizeof path, "/sys/dev/block/%u:%u", major(dev),
	    minor(dev));
	n = readlink(path, target, sizeof target - 1);
	if (n <= 0)
		return false;
	target[n] = '\0';
	name = strrchr(target, '/');
	snprintf(path, sizeof path, "/sys/fs/ext4/%s/journal_task",
	    name != NULL ? name + 1 : target);
	ok = file_read(path, TASK_MAX, &task) &&
	    isdigit((unsigned char)task.data[0]);
	buf_done(&task);
	return ok;
}

/* By "   7        4    6291456 loop4"; the journal is inode 8 where it is in
 * the file system itself. */
static bool
shown_in_proc(dev_t dev)
{
	FILE	*f = fopen("/proc/partitions", "re");
	char	 line[256], name[128], path[160];
	unsigned maj, min;
	bool	 found = false;

	if (f == NULL)
		return false;
	while (!found && fgets(line, sizeof line, f) != NULL)
		found = sscanf(line, "%u %u %*u %127s", &maj, &min, name) == 3 &&
		    maj == major(dev) && min == minor(dev);
	fclose(f);
	snprintf(path, sizeof path, "/proc/fs/jbd2/%s-8", found ? name : "");
	return found && access(path, F_OK) == 0;
}

static bool
look_up(int fd, dev_t dev)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) != 0)
		return false;
	return (uint32_t)fs.f_type == XFS_MAGIC ||
	    (fs.f_type == EXT4_MAGIC &&
	    (shown_in_sys(dev) || shown_in_proc(dev)));
}

bool
file_sync_has_name_on(int fd, dev_t dev)
{
	static struct {
		dev_t dev;
		bool  yes;
	} known[KNOWN_MAX];
	static int  count;
	int	    n;

	for (int i = 0; i < count; i++)
		if (known[i].dev == dev)
			return known[i].yes;
	n = count < KNOWN_MAX ? count++ : KNOWN_MAX - 1;
	known[n].dev = dev;
	known[n].yes = look_up(fd, dev);
	return known[n].yes;
}

bool
file_sync_has_name(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && file_sync_has_name_on(fd, st.st_dev);
}
