/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The first instructions of the ring 3 test guest, a firmware image of 64 KiB of its own: from the
 * reset vector through real mode straight into 64-bit mode, page tables at 10000h that map 4 GiB for
 * everybody; and the interrupt stubs. Source: Intel SDM 3A 10.8.5 (entering IA-32e mode), 6.14.
 */
        .section .text.start, "ax"
        .code16
        .globl  start16
start16:
        cli
        cld
        movw    $0x1000, %ax            /* es: the page tables */
        movw    %ax, %es
        xorl    %eax, %eax
        xorw    %di, %di
        movw    $0x1800, %cx
        rep stosl
        movl    $0x11007, %es:0         /* present, writable, user */
        movl    $0x12007, %es:0x1000
        movl    $0x13007, %es:0x1008
        movl    $0x14007, %es:0x1010
        movl    $0x15007, %es:0x1018
        movl    $0x87, %eax             /* and 2 MiB a page */
        movw    $0x2000, %di
1:      movl    %eax, %es:(%di)
        addw    $8, %di
        addl    $0x200000, %eax
        jnc     1b

        lgdtl   %cs:gdt_pointer - 0xf0000
        movl    $0x220, %eax            /* PAE, FXSAVE */
        movl    %eax, %cr4
        movl    $0x10000, %eax
        movl    %eax, %cr3
        movl    $0xc0000080, %ecx       /* EFER.LME */
        rdmsr
        orl     $0x100, %eax
        wrmsr
        movl    $0x80000011, %eax
        movl    %eax, %cr0
        ljmpl   $0x08, $start64

        .code64
start64:
        movl    $0x10, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %ss
        movl    $__bss_start, %edi
        movl    $__bss_end, %ecx
        subl    %edi, %ecx
        xorl    %eax, %eax
        rep stosb
        movl    $0x80000, %esp
        call    kernel

        /* to ring 3, with the right to use ports, cli and sti */
        pushq   $0x1b
        pushq   $0x90000
        pushq   $0x3002
        pushq   $0x23
        leaq    user(%rip), %rax
        pushq   %rax
        iretq

        .balign 8
gdt:    .quad   0, 0x00af9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
        .word   23
        .long   gdt

/* 256 stubs of 16 bytes: push an error code of 0 where the processor pushes none, and the vector */
        .balign 16
        .globl  stubs
stubs:
        vector = 0
        .rept   256
        .balign 16
        .if     !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21)
        pushq   $0
        .endif
        pushq   $vector
        jmp     common
        vector = vector + 1
        .endr

common:
        .irp    r, rax, rcx, rdx, rsi, rdi, r8, r9, r10, r11
        pushq   %\r
        .endr
        movq    72(%rsp), %rdi          /* vector */
        movq    88(%rsp), %rsi          /* rip */
        cld
        call    interrupt
        .irp    r, r11, r10, r9, r8, rdi, rsi, rdx, rcx, rax
        popq    %\r
        .endr
        addq    $16, %rsp
        iretq

        .section .reset, "ax"
        .code16
        ljmpw   $0xf000, $start16 - 0xf0000
        .balign 16
