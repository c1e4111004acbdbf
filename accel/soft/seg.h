/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Descriptors and segment registers: what far transfers, exceptions, task switches and segment
 * loads share. Everything here raises with the instruction given (NULL: rip in state is right).
 * Source: Intel SDM 3A, chapters 3, 5 and 8.
 */
#ifndef ACCEL_SOFT_SEG_H
#define ACCEL_SOFT_SEG_H

#include "accel/soft/env.h"

/* type field of system descriptors */
enum {
    SYS_TSS16 = 1,
    SYS_LDT = 2,
    SYS_TSS16_BUSY = 3,
    SYS_CALL16 = 4,
    SYS_TASK = 5,
    SYS_INT16 = 6,
    SYS_TRAP16 = 7,
    SYS_TSS32 = 9,
    SYS_TSS32_BUSY = 11,
    SYS_CALL32 = 12,
    SYS_INT32 = 14,
    SYS_TRAP32 = 15,
};

typedef struct Desc {
    uint32_t lo, hi;
    uint32_t hi_base; /* system descriptors of long mode: base 32 to 63 */
    uint64_t at;      /* linear address */
    uint32_t attr;    /* as in X86Seg */
} Desc;

static inline unsigned soft_cpl(const X86State *s)
{
    return (s->hflags & H_CPL) >> H_CPL_SHIFT;
}
static inline unsigned attr_dpl(uint32_t attr)
{
    return (attr & SEG_DPL) >> 5;
}
static inline unsigned attr_type(uint32_t attr)
{
    return attr & 15;
}
static inline bool attr_is_code(uint32_t attr)
{
    return (attr & (SEG_S | SEG_CODE)) == (SEG_S | SEG_CODE);
}
static inline bool attr_is_conforming(uint32_t attr)
{
    return attr_is_code(attr) && (attr & SEG_CE);
}
static inline bool attr_is_stack(uint32_t attr)
{
    return (attr & (SEG_S | SEG_CODE | SEG_RW)) == (SEG_S | SEG_RW);
}
static inline bool prot_mode(const X86State *s)
{
    return (s->hflags & (H_PE | H_VM)) == H_PE;
}

/* false: null or outside its table. A fault on the table itself is raised. */
bool desc_read(X86State *, const Insn *, uint16_t sel, Desc *);
/* The same, but not even that: #GP or whatever vector with the selector as error code | ext */
Desc desc_need(X86State *, const Insn *, uint16_t sel, int vector, unsigned ext);
/* Long mode: the second half of a system descriptor (LDT, TSS, call gate); false: outside */
bool desc_read_high(X86State *, const Insn *, uint16_t sel, Desc *);
uint64_t desc_base(const Desc *);
uint32_t desc_limit(const Desc *);
/* Ready for a segment register; sets the accessed bit in memory first */
X86Seg desc_load(X86State *, const Insn *, Desc *, uint16_t sel);
X86Seg desc_to_seg(const Desc *, uint16_t sel);
/* Gates */
uint64_t gate_offset(const Desc *);
static inline uint16_t gate_selector(const Desc *d)
{
    return d->lo >> 16;
}

/* What a data segment register gets in real and virtual-8086 mode. CS, SS there keep their rights
 * as real mode does; in virtual-8086 mode all is fixed. */
void seg_load_real(X86State *, unsigned reg, uint16_t sel);
/* MOV, POP, LDS ...: any mode, not CS. hflags are not updated: the caller ends its block. */
void seg_load(X86State *, const Insn *, unsigned reg, uint16_t sel);
/* A null selector in a data segment or, in 64-bit code, in SS with that RPL */
X86Seg seg_null(uint16_t sel);
/* The checks of a stack segment for privilege level dpl; vector is what a wrong one raises (#TS or
 * #GP), a segment that is not present raises #SS */
X86Seg stack_seg(X86State *, const Insn *, uint16_t sel, unsigned dpl, int vector, unsigned ext);
/* After a return to a less privileged level: data segments it may not use become null */
void seg_drop_privileged(X86State *, unsigned cpl);
/* RIP of a target against CS: limit, or canonical in 64-bit code; #GP(ext) */
void target_check(X86State *, const Insn *, const X86Seg *cs, uint64_t rip, unsigned ext);

/*
 * A stack that is about to become the current one. Slots are collected and written by stack_write,
 * which probes everything first: nothing is committed when it raises.
 */
typedef struct Stack {
    X86State *s;
    X86Seg ss;
    uint64_t sp, mask;
    unsigned size; /* of a slot */
    bool user, long_mode;
    int vector; /* of a limit violation: #SS */
    uint32_t error;
    unsigned n;
    uint64_t slot[48];
} Stack;
/* the present one */
Stack stack_now(X86State *, unsigned size);
Stack stack_new(X86State *, const X86Seg *ss, uint64_t sp, unsigned cpl, unsigned size);
void stack_push(Stack *, uint64_t val);
void stack_write(Stack *, const Insn *);
/* reads the slot n slots above sp, of the present stack; commits nothing */
uint64_t stack_peek(X86State *, const Insn *, uint64_t off, unsigned size);
void stack_set_sp(X86State *, const X86Seg *ss, uint64_t sp);

/* SS:ESP of the TSS for an inner level; raises #TS */
void tss_stack(X86State *, const Insn *, unsigned dpl, unsigned ext, uint16_t *ss, uint32_t *esp);
uint64_t tss_stack64(X86State *, const Insn *, unsigned slot,
                     unsigned ext); /* 0-2 RSPn, 4-10 ISTn */

/* task.c */
typedef enum { TASK_JUMP, TASK_CALL, TASK_IRET, TASK_GATE } TaskWhy;
/* rip: what the old task resumes at. Returns in the new task, rip in state; a fault after the
 * commit point is raised there. has_error: an exception's code goes to the new stack. */
void task_switch(X86State *, const Insn *, uint16_t sel, Desc *tss, TaskWhy, uint64_t rip,
                 bool has_error, uint32_t error);

/* excp.c: INT n, INT3, INTO, INT1. rip is this instruction until the transfer is complete. */
void soft_interrupt(X86State *, const Insn *, int vector, EventKind);

#endif
