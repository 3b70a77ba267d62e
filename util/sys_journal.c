/*
 * sys_journal - what a sync of a file covers, by kind of file system
 *
 * A new name changes directory and inode in one transaction of the journal;
 * fsync() of the file waits for the last transaction that has its inode.
 * ext2, ext3 and ext4 are one to statfs(2): only one that runs a journal has
 * journal_task in /sys.
 */

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "util/file.h"

enum { EXT4_MAGIC = 0xef53, XFS_MAGIC = 0x58465342, KNOWN_MAX = 8 };

static bool
ext4_has_journal(dev_t dev)
{
	char	    path[64], target[PATH_MAX], task[PATH_MAX + 40];
	const char *name;
	ssize_t	    n;

	snprintf(path, sizeof path, "/sys/dev/block/%u:%u", major(dev),
	    minor(dev));
	n = readlink(path, target, sizeof target - 1);
	if (n <= 0)
		return false;
	target[n] = '\0';
	name = strrchr(target, '/');
	snprintf(task, sizeof task, "/sys/fs/ext4/%s/journal_task",
	    name != NULL ? name + 1 : target);
	return access(task, F_OK) == 0;
}

static bool
look_up(int fd, dev_t dev)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) != 0)
		return false;
	return (uint32_t)fs.f_type == XFS_MAGIC ||
	    (fs.f_type == EXT4_MAGIC && ext4_has_journal(dev));
}

bool
file_sync_has_name(int fd)
{
	static struct {
		dev_t dev;
		bool  yes;
	} known[KNOWN_MAX];
	static int  count;
	struct stat st;
	int	    n;

	if (fstat(fd, &st) != 0)
		return false;
	for (int i = 0; i < count; i++)
		if (known[i].dev == st.st_dev)
			return known[i].yes;
	n = count < KNOWN_MAX ? count++ : KNOWN_MAX - 1;
	known[n].dev = st.st_dev;
	known[n].yes = look_up(fd, st.st_dev);
	return known[n].yes;
}
