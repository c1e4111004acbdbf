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
#include "core/vcpu.h"

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
    H_TS = 1 << 17,  /* CR0.TS: AVX rows do not look at EM */
    H_DEAD = 1 << 30 /* a killed block's value: matches no processor */
};
#define H_CPL_SHIFT 5

typedef struct Block Block;

/* Tags are stored as -page, so that la + tag is the offset in the page on a hit and one compare
 * with 4096 - size tests page and crossing together. Any tag matches some address, also one that is
 * not canonical: that of an empty entry belongs to a page of another index, which never comes here.
 */
#define TLB_SIZE  512
#define TLB_EMPTY (1ull << 63) /* no page and no rip */
typedef struct Tlb {
    uint64_t tag_r[TLB_SIZE], tag_w[TLB_SIZE], delta[TLB_SIZE]; /* host = la + delta */
} Tlb;
static inline uint64_t tlb_empty(unsigned i)
{
    return i ? 1ull << 63 : (1ull << 63) + 4096;
}

/*
 * Privilege of an access. TLB_SYS: supervisor, implicit accesses too; SYS_AC: EFLAGS.AC lets it see
 * user pages in spite of SMAP; ALIGN: CPL 3 with alignment checking, never holds an entry, so that
 * every access is looked at.
 */
enum { TLB_USER, TLB_SYS, TLB_SYS_AC, TLB_ALIGN, TLB_MODES };
static inline bool tlb_is_user(unsigned mode)
{
    return mode == TLB_USER || mode == TLB_ALIGN;
}

/* Where code pages are; soft_fetch_page */
#define FETCH_SIZE 64
typedef struct FetchTlb {
    uint64_t la, phys;
    const uint8_t *host; /* of the page's first byte */
    bool global;
} FetchTlb;

/* walks.c: a walk's result, by page and address space; one table for each kind of access */
enum { WALK_FETCH_SYS = TLB_ALIGN, WALK_FETCH_USER, WALK_KINDS };
#define WALK_SIZE 1024
typedef struct WalkEntry {
    uint64_t page, phys, generation;
    bool writable;
} WalkEntry;

/* PCIDs whose generation is remembered; without PCIDE everything is PCID 0 */
#define SPACES 16
typedef struct AddressSpace {
    uint64_t generation; /* 0: unused */
    unsigned pcid;
} AddressSpace;

#define SOFT_NO_PAGE ~0ull
#define SOFT_DR6_BD  (1u << 13)
#define SOFT_DR6_BS  (1u << 14)
#define SOFT_DR6_BT  (1u << 15)

/* Targets in the upper half of the address space, a kernel's, have the upper half of the slots. */
#define JC_SIZE 2048
#define JC_HALF (JC_SIZE / 2)
typedef struct JumpCache {
    uint64_t pc;
    Block *b;
} JumpCache;

/* Switches that make rare paths common, for tests */
enum { CHAOS_ONE = 1 };

typedef struct SoftEnv {
    X86State x86;
    void *jump[5];      /* __builtin_setjmp buffer of the dispatcher */
    unsigned tlb_mode;  /* of ordinary accesses now; set by soft_hflags() */
    Tlb *tlb_now;       /* &tlb[tlb_mode] */
    uint32_t tlb_clean; /* bit m: tlb[m] holds nothing; 0 at first, when its tags are still 0 */
    Block *scratch;     /* code outside RAM: decoded here for one use */
    uint32_t chaos;     /* CHAOS_... */
    bool look;          /* ask LapicOps.pending() once IF allows it */
    bool stepping;      /* TF was set when the instruction began; soft_deliver() clears it */
    unsigned spins;     /* PAUSE: every so many the host's processor is offered to others */

    /* soft_raise: what the dispatcher finds after the longjmp */
    uint32_t exc_vector, exc_error;
    /* debug registers, derived from DR7: bit n: breakpoint n looks at data, at code */
    uint8_t watch, watch_code;
    uint32_t dr6_pending; /* DR6 bits that this instruction brought: data breakpoints, BT */

    uint64_t apic_page; /* this vCPU's LAPIC page, SOFT_NO_PAGE: none */
    size_t flat_hint;   /* row of the memory map that was hit last */
    uint64_t large[8];  /* bit n: GiB n (mod 512) has entries of larger pages */
    uint64_t gen_last, gen_global, gen_space;
    AddressSpace space[SPACES];
    unsigned space_next;
    bool jc_local; /* the upper half of jc has a target that is not in a global page */
    uint64_t tlb_global[TLB_MODES][TLB_SIZE / 64];
    FetchTlb fetch[2][FETCH_SIZE]; /* [CPL is 3] */
    Tlb tlb[TLB_MODES];
    JumpCache jc[JC_SIZE];
    WalkEntry walks[WALK_KINDS][WALK_SIZE];
} SoftEnv;

static inline SoftEnv *soft_env(X86State *s)
{
    return (SoftEnv *)s;
}

/* ---- between the files of accel/soft; every call on the vCPU's own thread, unlocked ---- */

/* phys.c */
typedef struct SoftPhys {
    uint8_t *host; /* of the byte */
    Region *region;
    uint64_t off, left; /* in the region; bytes to the end of the map's row */
    bool page;          /* all of the 4 KiB page is this row */
    bool writable;
} SoftPhys;
/*
 * After what may have waited for the machine lock: the map may have changed meanwhile, and the next
 * instruction of the block has no poll. REQ_TLB stays set for accel.c.
 */
void soft_obey_map(X86State *);

/* false: a device, the LAPIC page or nothing: soft_phys_io */
bool soft_phys(X86State *, uint64_t phys, SoftPhys *);
uint64_t soft_phys_io(X86State *, uint64_t phys, uint64_t val, unsigned size, bool write);
uint64_t soft_a20(const X86State *, uint64_t phys);
bool soft_page_clean(const SoftPhys *); /* some client waits for the first write */
bool soft_page_code(const SoftPhys *);  /* decoded code in it: stores go to soft_phys_wrote */
void soft_page_dirty(const SoftPhys *);
void soft_phys_wrote(X86State *, const SoftPhys *, unsigned size); /* after the store */
void soft_apic_page(X86State *);                                   /* after MSR 1Bh, reset, INIT */

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
 * nothing: the caller turns a failure into #PF with CR2. mode: TLB_USER... */
Walk soft_walk(X86State *, uint64_t la, Access, unsigned mode);
bool soft_load_pdptes(X86State *, uint64_t cr3); /* false: #GP, nothing changed */
/* la -> physical for a fetch; raises #PF (CR2 = la). Host pointer of the byte, NULL: not RAM or
 * ROM, or not up to the end of the page. */
uint64_t soft_fetch_page(X86State *, uint64_t la, const uint8_t **host);
void soft_tlb_flush(X86State *);      /* everything: TLB, walks, jump cache */
void soft_tlb_drop_local(X86State *); /* all but global pages, of TLB and jump cache only */
void soft_tlb_flush_page(X86State *, uint64_t la);
/* out of all tag_w: the 4 KiB at this host address hold code now */
void soft_tlb_protect(SoftEnv *, const uint8_t *page);
/* after CPL, AC, CR0.AM, CR4.SMAP changed: sets tlb_mode and tlb_now; part of soft_hflags */
void soft_tlb_select(X86State *);
/* as soft_probe_w, for GDT, TSS and delivery frames */
void soft_sys_probe_w(X86State *, const Insn *, uint64_t la, unsigned size, bool user);
/* linear address of the next page or byte: 32 bits outside long mode */
static inline uint64_t soft_wrap(const X86State *s, uint64_t la)
{
    return s->efer & EFER_LMA ? la : (uint32_t)la;
}

/* walks.c */
/* soft_walk for the TLB: may answer from memory, with page_size 4096 then */
Walk soft_walk_cached(X86State *, uint64_t la, Access, unsigned mode);
bool soft_walks_large(const SoftEnv *, uint64_t la); /* near la are pages larger than 4 KiB */
void soft_walks_forget_page(SoftEnv *, uint64_t la);
void soft_walks_forget_all(SoftEnv *);
/* MOV CR3; keep: what was remembered of this PCID is still good */
void soft_space_enter(X86State *, unsigned pcid, bool keep);
void soft_space_forget(X86State *, unsigned pcid); /* not the present one */
void soft_spaces_forget(X86State *);               /* all but the present one */

/* block.c: all vCPUs' blocks are one cache, under one leaf lock; readers take no lock */
/* any; after the store. SpaceListener.code_written too */
void soft_blocks_written(Vm *, Region *, uint64_t off, uint64_t len);
void soft_blocks_drop_all(Vm *);

/* run.c */
RunStop soft_run(Vcpu *);     /* events, then blocks, until request or halted or x86.triple */
void soft_hflags(X86State *); /* after CR0, CR4, EFER, CS, SS, DS, ES, flags changed */

/* excp.c */
typedef enum { EVENT_FAULT, EVENT_INT_N, EVENT_INT1, EVENT_INT3, EVENT_EXT, EVENT_NMI } EventKind;
/* Delivers through IVT or IDT with double and triple fault; rip in state is what is pushed. A fault
 * on the way is handled inside. Returns normally; a triple fault sets x86.triple. */
void soft_deliver(X86State *, int vector, bool has_error, uint32_t error, EventKind);
bool soft_vector_has_error(int vector);

/* soft.c */
uint64_t soft_tsc(const X86State *);
void soft_tsc_set(X86State *, uint64_t val);
void soft_debug_update(X86State *); /* after DR0 to DR3 or DR7 changed: watch, watch_code, hflags */

#endif
