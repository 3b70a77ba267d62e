/* task_stack - mapped stacks with a guard page, in a pool */

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(start, end)	0
#define VALGRIND_STACK_DEREGISTER(id)		((void)(id))
#endif

#include "util/log.h"
#include "util/task_int.h"

#if TASK_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>
#endif

enum {
	POOL_MAX = 2048,	/* free stacks kept through a rush */
	POOL_IDLE = 8,		/* and for good */
	PAINT = 0xa5,		/* of bytes never used, TASK_WATERMARK */
};

/* The one used last is taken first: its pages are in the cache. */
static struct {
	struct list	 free;
	size_t		 count;
	size_t		 unused;	/* least count since the last trim */
	size_t		 page;		/* bytes */
	size_t		 watermark;	/* bytes */
} pool = { .free = LIST_INIT(pool.free) };

/* --- watermark */

#ifdef TASK_WATERMARK
static void
watermark_paint(struct task *t, size_t used)
{
	memset(t->stack + t->stack_size - used, PAINT, used);
}

/* The stack is painted again where it was used, for the next task. */
static void
watermark_read(struct task *t)
{
	size_t free = 0, used;

	while (free < t->stack_size &&
	    (unsigned char)t->stack[free] == PAINT)
		free++;
	used = t->stack_size - free;
	if (used > pool.watermark)
		pool.watermark = used;
	watermark_paint(t, used);
}
#else
static void watermark_paint(struct task *t, size_t used)
{
	(void)t, (void)used;
}

static void watermark_read(struct task *t)
{
	(void)t;
}
#endif

size_t
task_stack_watermark(void)
{
	return pool.watermark;
}

/* --- mapping */

/*
 *	| guard page | stack, growing down                | struct task |
 *	^ mapping    ^ stack                              ^ stack_size
 */
static struct task *
stack_map(void)
{
	struct task *t;
	char	    *map;
	size_t	     room;

	if (pool.page == 0)
		pool.page = (size_t)sysconf(_SC_PAGESIZE);
	map = mmap(NULL, TASK_STACK, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (map == MAP_FAILED || mprotect(map + pool.page,
	    TASK_STACK - pool.page, PROT_READ | PROT_WRITE) < 0)
		panic("no memory for a stack: %m");

	room = (sizeof *t + 63) & ~(size_t)63;
	t = (struct task *)(void *)(map + TASK_STACK - room);
	memset(t, 0, sizeof *t);
	t->stack = map + pool.page;
	t->stack_size = TASK_STACK - pool.page - room;
	t->valgrind_id = VALGRIND_STACK_REGISTER(t->stack,
	    t->stack + t->stack_size);
#if TASK_ASAN
	/* What only a parked task points to is not a leak. */
	__lsan_register_root_region(map + pool.page, TASK_STACK - pool.page);
#endif
	watermark_paint(t, t->stack_size);
	return t;
}

static void
stack_unmap(struct task *t)
{
	char *map = t->stack - pool.page;

	VALGRIND_STACK_DEREGISTER(t->valgrind_id);
#if TASK_ASAN
	__lsan_unregister_root_region(t->stack, TASK_STACK - pool.page);
#endif
	munmap(map, TASK_STACK);
}

struct task *
task_stack_get(void)
{
	struct list *l = list_take(&pool.free);

	if (l == NULL)
		return stack_map();
	if (--pool.count < pool.unused)
		pool.unused = pool.count;
	return LIST_ENTRY(l, struct task, link);
}

void
task_stack_put(struct task *t)
{
#if TASK_ASAN
	/* The last frames never returned, so their red zones are still set. */
	__asan_unpoison_memory_region(t->stack, t->stack_size);
#endif
	watermark_read(t);
	if (pool.count >= POOL_MAX) {
		stack_unmap(t);
		return;
	}
	pool.count++;
	list_push(&pool.free, &t->link);
}

/* --- giving back */

/*
 * Whole pages below the stack pointer hold nothing that will be read again.
 * The 128 bytes below it that x86-64 leaf functions may use are not in use
 * in a parked task: it was left in the middle of a call.
 */
void
task_stack_trim(struct task *t)
{
	uintptr_t from = (uintptr_t)t->stack, to;

#if TASK_USES_UCONTEXT || defined(TASK_WATERMARK)
	(void)from, (void)to;		/* no stack pointer; paint would go */
#else
	to = (uintptr_t)t->context.sp & ~(uintptr_t)(pool.page - 1);
	if (to > from)
		madvise((void *)from, to - from, MADV_DONTNEED);
#endif
}

/* Those that nobody needed since the last time, from the end that was not
 * used for longest.  True if there may be more to do later. */
bool
task_stack_trim_pool(void)
{
	while (pool.count > POOL_IDLE && pool.unused > 0) {
		struct list *l = pool.free.prev;

		list_remove(l);
		pool.count--;
		pool.unused--;
		stack_unmap(LIST_ENTRY(l, struct task, link));
	}
	pool.unused = pool.count;
	return pool.count > POOL_IDLE;
}
