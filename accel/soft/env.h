/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One vCPU of the software accelerator: the architectural state, then what speeds it up. Everything
 * after x86 is derived and can be thrown away at any instruction boundary.
 */
#ifndef ACCEL_SOFT_ENV_H
#define ACCEL_SOFT_ENV_H

#include <glib.h>

#include "accel/soft/soft.h"
#include "accel/x86/state.h"

/*
 * hflags: what a decoded block depends on. Blocks are found by (physical page and offset, second
 * page, hflags), so whatever changes decoding or the choice of handlers is in here, nothing else.
 */
enum {
    H_CS64 = 1 << 0,    /* 64-bit code */
    H_CS32 = 1 << 1,    /* 32-bit code (CS.D); neither: 16-bit */
    H_SS32 = 1 << 2,    /* SS.B: stack pointer is ESP; ignored in 64-bit code */
    H_PE = 1 << 3,      /* protected mode */
    H_VM = 1 << 4,      /* virtual-8086 mode */
    H_CPL = 3 << 5,     /* current privilege level */
    H_FLAT_DS = 1 << 7, /* base 0, limit 4 GiB, readable and writable: no segment check */
    H_FLAT_ES = 1 << 8,
    H_FLAT_SS = 1 << 9,
    H_FLAT_CS = 1 << 10,
    H_NOFPU = 1 << 11, /* CR0.TS or CR0.EM: x87 and SSE rows ask first */
    H_OSFXSR = 1 << 12,
    H_OSXSAVE = 1 << 13,
    H_LMA = 1 << 14, /* long mode active, so compatibility mode when not H_CS64 */
    H_ONE = 1 << 15, /* one instruction a block, never linked: TF, chaos, shadow, breakpoints */
    H_AVX = 1 << 16, /* CR4.OSXSAVE and XCR0 has SSE and AVX */
    H_DEAD = 1 << 30 /* a killed block's value: matches no processor */
};
#define H_CPL_SHIFT 5

typedef struct Block Block;

/* Tags are stored as -page, so that la + tag is the offset in the page on a hit and one compare
 * with 4096 - size tests page and crossing together. An empty tag is 1 << 63: 0 would match page 0.
 */
#define TLB_SIZE  512
#define TLB_EMPTY (1ull << 63)
typedef struct Tlb {
    uint64_t tag_r[TLB_SIZE], tag_w[TLB_SIZE], delta[TLB_SIZE]; /* host = la + delta */
} Tlb;

/* Privilege of an access: CPL 3, or supervisor; implicit supervisor accesses use TLB_SYS too. */
enum { TLB_USER, TLB_SYS, TLB_MODES };

#define JC_SIZE 1024
typedef struct JumpCache {
    uint64_t pc;
    Block *b;
} JumpCache;

typedef struct SoftEnv {
    X86State x86;
    void *jump[5];       /* __builtin_setjmp buffer of the dispatcher */
    unsigned tlb_mode;   /* of ordinary accesses now; set by soft_hflags() */
    Tlb *tlb_now;        /* &tlb[tlb_mode] */
    Block *cur;          /* the running one: entered last */
    uint64_t insn_count; /* statistics only */
    Tlb tlb[TLB_MODES];
    JumpCache jc[JC_SIZE];
} SoftEnv;

static inline SoftEnv *soft_env(X86State *s)
{
    return (SoftEnv *)s;
}

/* ---- between the files of accel/soft; every call on the vCPU's own thread, unlocked ---- */

/* walk.c, tlb.c */
typedef enum { ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH } Access;
typedef struct Walk {
    uint64_t phys;     /* of the byte asked for */
    uint32_t error;    /* #PF error code when the walk failed */
    bool ok, writable; /* writable: D is set, a store needs no other walk */
    bool user, global, nx;
    uint64_t page_size;
} Walk;
/* A of every level and D of the leaf are set by cmpxchg, after all rights were checked. Raises
 * nothing: the caller turns a failure into #PF with CR2. */
Walk soft_walk(X86State *, uint64_t la, Access, bool user);
/* la -> physical for a fetch; raises #PF (CR2 = la). Host pointer of the byte, NULL: not RAM or
 * ROM. */
uint64_t soft_fetch_page(X86State *, uint64_t la, const uint8_t **host);
void soft_tlb_flush(X86State *); /* everything, and the jump cache */
void soft_tlb_flush_page(X86State *, uint64_t la);
void soft_tlb_protect(SoftEnv *,
                      uint64_t phys_page); /* out of all tag_w: the page holds code now */

/* block.c: all vCPUs' blocks are one cache, under one leaf lock; readers take no lock */
Block *soft_block(X86State *); /* at rip; decodes, may raise */
void soft_blocks_written(Vm *, Region *, uint64_t off,
                         uint64_t len); /* SpaceListener.code_written */
void soft_blocks_drop_all(Vm *);

/* run.c */
void soft_hflags(X86State *); /* after CR0, CR4, EFER, CS, SS, DS, ES, flags changed */

/* excp.c */
typedef enum { EVENT_FAULT, EVENT_INT_N, EVENT_INT1, EVENT_INT3, EVENT_EXT, EVENT_NMI } EventKind;
/* Delivers through IVT or IDT with double and triple fault; rip in state is what is pushed. A fault
 * on the way is handled inside. Returns normally; a triple fault sets x86.triple. */
void soft_deliver(X86State *, int vector, bool has_error, uint32_t error, EventKind);

#endif
