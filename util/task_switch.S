/*
 * task_switch.S - leave one stack and go on with another
 *
 *	void task_context_swap(struct task_context *from, *to)
 *
 * Only what the calling convention asks a function to preserve is saved, on
 * the stack that is left; a context is nothing but the stack pointer then.
 * The rounding modes (MXCSR, FPCR) are the same in all tasks and stay.
 */

#if !defined(TASK_UCONTEXT) && defined(__x86_64__)
	.text
	.globl	task_context_swap
	.type	task_context_swap, @function
	.p2align 4
task_context_swap:
	.cfi_startproc
	endbr64
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	pushq	%rbx
	.cfi_adjust_cfa_offset 8
	pushq	%r12
	.cfi_adjust_cfa_offset 8
	pushq	%r13
	.cfi_adjust_cfa_offset 8
	pushq	%r14
	.cfi_adjust_cfa_offset 8
	pushq	%r15
	.cfi_adjust_cfa_offset 8
	movq	%rsp, (%rdi)
	movq	(%rsi), %rsp
	popq	%r15
	.cfi_adjust_cfa_offset -8
	popq	%r14
	.cfi_adjust_cfa_offset -8
	popq	%r13
	.cfi_adjust_cfa_offset -8
	popq	%r12
	.cfi_adjust_cfa_offset -8
	popq	%rbx
	.cfi_adjust_cfa_offset -8
	popq	%rbp
	.cfi_adjust_cfa_offset -8
	ret
	.cfi_endproc
	.size	task_context_swap, . - task_context_swap

#elif !defined(TASK_UCONTEXT) && defined(__aarch64__)
	.text
	.globl	task_context_swap
	.type	task_context_swap, %function
	.p2align 4
task_context_swap:
	hint	#34			/* bti c */
	stp	x29, x30, [sp, #-160]!
	stp	x19, x20, [sp, #16]
	stp	x21, x22, [sp, #32]
	stp	x23, x24, [sp, #48]
	stp	x25, x26, [sp, #64]
	stp	x27, x28, [sp, #80]
	stp	d8, d9, [sp, #96]
	stp	d10, d11, [sp, #112]
	stp	d12, d13, [sp, #128]
	stp	d14, d15, [sp, #144]
	mov	x9, sp
	str	x9, [x0]
	ldr	x9, [x1]
	mov	sp, x9
	ldp	x19, x20, [sp, #16]
	ldp	x21, x22, [sp, #32]
	ldp	x23, x24, [sp, #48]
	ldp	x25, x26, [sp, #64]
	ldp	x27, x28, [sp, #80]
	ldp	d8, d9, [sp, #96]
	ldp	d10, d11, [sp, #112]
	ldp	d12, d13, [sp, #128]
	ldp	d14, d15, [sp, #144]
	ldp	x29, x30, [sp], #160
	ret
	.size	task_context_swap, . - task_context_swap
#endif

	.section .note.GNU-stack, "", %progbits
