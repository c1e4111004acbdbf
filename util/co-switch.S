/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * void co_switch(void **save, void *load): leaves this stack, its pointer in *save, and goes on
 * with the stack whose pointer is load. System V x86-64 ABI: the callee saves rbx, rbp, r12-r15 and
 * the control words of x87 and SSE; everything else is the caller's.
 */
    .text
    .globl  co_switch
    .hidden co_switch
    .type   co_switch, @function
co_switch:
    .cfi_startproc
    pushq   %rbp
    pushq   %rbx
    pushq   %r12
    pushq   %r13
    pushq   %r14
    pushq   %r15
    subq    $8, %rsp
    stmxcsr (%rsp)
    fnstcw  4(%rsp)
    movq    %rsp, (%rdi)
    movq    %rsi, %rsp
    ldmxcsr (%rsp)
    fldcw   4(%rsp)
    addq    $8, %rsp
    popq    %r15
    popq    %r14
    popq    %r13
    popq    %r12
    popq    %rbx
    popq    %rbp
    ret
    .cfi_endproc
    .size   co_switch, . - co_switch
    .section .note.GNU-stack, "", @progbits
