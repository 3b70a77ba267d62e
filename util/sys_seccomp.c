/*
 * sys_seccomp - the system calls that a jailed program may make
 *
 * A list of what is allowed; anything else ends the process with SIGSYS, so
 * that a program that was taken over can't start a shell or load code, and a
 * call forgotten here shows at once in the log of master.  Calls that the C
 * library only tries and does without are refused with ENOSYS instead.
 */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "util/proc.h"

/* Names of calls; one that the architecture lacks is skipped. */
static const char *const always[] = {
	/* data */
	"read", "write", "readv", "writev", "pread64", "pwrite64", "preadv",
	"pwritev", "preadv2", "pwritev2", "close", "close_range", "lseek",
	"_llseek", "sendfile", "sendfile64", "splice", "copy_file_range",
	"fsync", "fdatasync", "sync_file_range", "ftruncate", "ftruncate64",
	"fallocate", "fadvise64", "flock", "fcntl", "fcntl64", "dup", "dup2",
	"dup3", "pipe", "pipe2",
	/* looking at files; opening them for reading is allowed below */
	"fstat", "fstat64", "newfstatat", "fstatat64", "stat", "stat64",
	"lstat", "lstat64", "statx", "access", "faccessat", "faccessat2",
	"readlink", "readlinkat", "getdents", "getdents64", "fstatfs",
	"fstatfs64", "statfs", "statfs64", "getcwd", "chdir", "fchdir",
	"umask",
	/* memory */
	"mmap", "mmap2", "munmap", "mprotect", "mremap", "madvise", "brk",
	"membarrier", "mlock", "munlock", "get_mempolicy", "mincore",
	/* waiting */
	"poll", "ppoll", "select", "pselect6", "epoll_create",
	"epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait",
	"epoll_pwait2", "eventfd2", "timerfd_create", "timerfd_settime",
	"timerfd_gettime", "nanosleep", "clock_nanosleep", "pause",
	"restart_syscall",
	/* time, numbers, limits */
	"clock_gettime", "clock_gettime64", "clock_getres", "gettimeofday",
	"time", "times", "getrandom", "getpid", "gettid", "getppid", "getuid",
	"geteuid", "getgid", "getegid", "getresuid", "getresgid", "getgroups",
	"getpgrp", "getpgid", "getsid", "uname", "sysinfo", "getrlimit",
	"ugetrlimit", "prlimit64", "setrlimit", "getrusage", "getcpu",
	"sched_getaffinity", "sched_yield", "getpriority",
	"sched_getparam", "sched_getscheduler",
	/* signals, threads, the end */
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigreturn",
	"rt_sigsuspend", "rt_sigpending", "rt_sigtimedwait", "sigaltstack",
	"signalfd4", "alarm", "setitimer", "tgkill", "tkill", "futex",
	"futex_time64", "set_robust_list", "get_robust_list", "rseq",
	"set_tid_address", "arch_prctl", "set_thread_area", "exit",
	"exit_group", "wait4", "waitid",
	/* sockets that are open already */
	"accept", "accept4", "listen", "shutdown", "sendto", "recvfrom",
	"sendmsg", "recvmsg", "sendmmsg", "recvmmsg", "getsockname",
	"getpeername", "getsockopt", "setsockopt", "socketpair",
	"connect", "bind", "ioctl", "prctl",
	NULL
};

static const char *const files[] = {
	"open", "openat", "creat", "unlink", "unlinkat", "rename", "renameat",
	"renameat2", "link", "linkat", "symlink", "symlinkat", "mkdir",
	"mkdirat", "rmdir", "chmod", "fchmod", "fchmodat", "chown", "fchown",
	"lchown", "fchownat", "utime", "utimes", "utimensat", "futimesat",
	"truncate", "truncate64",
	NULL
};

static const char *const exec[] = {
	"clone", "clone3", "fork", "vfork", "execve", "execveat", "setpgid",
	"kill", "setsid", "pidfd_open", "pidfd_send_signal", "umask",
	NULL
};

static const char *const ids[] = {
	"setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid",
	"setgroups", "setfsuid", "setfsgid", "chroot", "fchown", "chown",
	NULL
};

/* Tried by C libraries, which know what to do without. */
static const char *const refused[] = {
	"clone3", "openat2", "fchmodat2", "io_uring_setup", "rt_tgsigqueueinfo",
	"mseal", "futex_waitv", "pkey_alloc", "map_shadow_stack", "memfd_create",
	"shmget", "pidfd_open", "statmount", "getxattr", "lgetxattr",
	"fgetxattr", "mbind", "set_mempolicy", "sched_setaffinity",
	"sched_setscheduler", "setpriority", "ioprio_set", "inotify_init1",
	"mlock2", "mlockall", "msync", "landlock_create_ruleset",
	"keyctl", "add_key", "request_key",	/* Kerberos */
	NULL
};

static bool
add_list(scmp_filter_ctx f, uint32_t action, const char *const *names)
{
	int nr, rc;

	for (; *names != NULL; names++) {
		nr = seccomp_syscall_resolve_name(*names);
		if (nr == __NR_SCMP_ERROR)
			continue;
		rc = seccomp_rule_add(f, action, nr, 0);
		/* Already allowed, or no such call on this machine. */
		if (rc < 0 && rc != -EEXIST && rc != -EDOM && rc != -EACCES) {
			errno = -rc;
			return false;
		}
	}
	return true;
}

/* The macros of seccomp.h leave a field out, which clang minds. */
static struct scmp_arg_cmp
arg(unsigned n, enum scmp_compare op, scmp_datum_t a, scmp_datum_t b)
{
	return (struct scmp_arg_cmp){ n, op, a, b };
}

static bool
add_one(scmp_filter_ctx f, uint32_t action, const char *name,
    struct scmp_arg_cmp cmp)
{
	int nr = seccomp_syscall_resolve_name(name), rc;

	if (nr == __NR_SCMP_ERROR)
		return true;
	rc = seccomp_rule_add(f, action, nr, 1, cmp);
	if (rc < 0 && rc != -EEXIST && rc != -EDOM) {
		errno = -rc;
		return false;
	}
	return true;
}

/* Without PROC_JAIL_FILES: open for reading only. */
static bool
add_open_read(scmp_filter_ctx f)
{
	const scmp_datum_t writing = O_ACCMODE | O_CREAT | O_TRUNC;

	return add_one(f, SCMP_ACT_ALLOW, "open",
	    arg(1, SCMP_CMP_MASKED_EQ, writing, 0)) &&
	    add_one(f, SCMP_ACT_ALLOW, "openat",
	    arg(2, SCMP_CMP_MASKED_EQ, writing, 0));
}

/*
 * Without PROC_JAIL_NET: Unix sockets only.  Others are refused, since the C
 * library asks for some behind our back (a look at the interfaces).
 */
static bool
add_sockets(scmp_filter_ctx f, bool net)
{
	static const int families[] = {
		AF_UNIX, AF_INET, AF_INET6, AF_NETLINK,
	};

	if (!net)
		return add_one(f, SCMP_ACT_ALLOW, "socket",
		    arg(0, SCMP_CMP_EQ, AF_UNIX, 0)) &&
		    add_one(f, SCMP_ACT_ERRNO(EACCES), "socket",
		    arg(0, SCMP_CMP_NE, AF_UNIX, 0));
	for (size_t i = 0; i < sizeof families / sizeof *families; i++)
		if (!add_one(f, SCMP_ACT_ALLOW, "socket",
		    arg(0, SCMP_CMP_EQ, (scmp_datum_t)families[i], 0)))
			return false;
	return true;
}

static bool
add_rules(scmp_filter_ctx f, unsigned allow)
{
	static const char *const open_names[] = { "open", "openat", NULL };

	if (!add_list(f, SCMP_ACT_ALLOW, always) ||
	    !add_sockets(f, (allow & PROC_JAIL_NET) != 0))
		return false;
	if (allow & PROC_JAIL_FILES ? !add_list(f, SCMP_ACT_ALLOW, files)
	    : !add_open_read(f))
		return false;
	if (allow & PROC_JAIL_EXEC) {
		if (!add_list(f, SCMP_ACT_ALLOW, exec) ||
		    !add_list(f, SCMP_ACT_ALLOW, open_names))
			return false;
	} else if (!add_one(f, SCMP_ACT_ALLOW, "clone", arg(0, SCMP_CMP_MASKED_EQ,
	    CLONE_VM | CLONE_THREAD, CLONE_VM | CLONE_THREAD)))
		return false;
	if (allow & PROC_JAIL_IDS && !add_list(f, SCMP_ACT_ALLOW, ids))
		return false;
	return true;
}

bool
proc_seccomp(unsigned allow)
{
	scmp_filter_ctx f;
	bool		ok;
	int		rc;

	f = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (f == NULL) {
		errno = ENOSYS;
		return false;
	}
	seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	ok = add_rules(f, allow);
	if (ok && !(allow & PROC_JAIL_EXEC))
		ok = add_list(f, SCMP_ACT_ERRNO(ENOSYS), refused);
	if (ok && (rc = seccomp_load(f)) < 0) {
		errno = rc == -EINVAL ? ENOSYS : -rc;
		ok = false;
	}
	rc = errno;
	seccomp_release(f);
	errno = rc;
	return ok;
}
