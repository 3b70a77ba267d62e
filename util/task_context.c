/* task_context - the first frame of a stack, and ucontext where no assembly is */

#include <string.h>

#include "util/task_int.h"

#if TASK_USES_UCONTEXT

void
task_context_make(struct task_context *c, void *stack, size_t size,
    void (*entry)(void))
{
	getcontext(&c->uc);
	c->uc.uc_stack.ss_sp = stack;
	c->uc.uc_stack.ss_size = size;
	c->uc.uc_link = NULL;
	makecontext(&c->uc, entry, 0);
}

void
task_context_swap(struct task_context *from, struct task_context *to)
{
	swapcontext(&from->uc, &to->uc);
}

#else

/*
 * Lays out what task_context_swap() takes off a stack that it resumes: the
 * saved registers, all zero (so that a walk over the frames ends here), and
 * `entry` as the address to return to.
 */
#if defined(__x86_64__)
enum { FRAME_WORDS = 8, ENTRY_WORD = 6 };	/* r15..rbp, rip, fake rip */
#else
enum { FRAME_WORDS = 20, ENTRY_WORD = 1 };	/* x29, x30, ... */
#endif

void
task_context_make(struct task_context *c, void *stack, size_t size,
    void (*entry)(void))
{
	uintptr_t  top = ((uintptr_t)stack + size) & ~(uintptr_t)15;
	uintptr_t *frame = (uintptr_t *)top - FRAME_WORDS;

	memset(frame, 0, FRAME_WORDS * sizeof *frame);
	frame[ENTRY_WORD] = (uintptr_t)entry;
	c->sp = frame;
}

#endif
