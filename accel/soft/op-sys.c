/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System registers: control and debug registers, MSRs, TSC, CPUID, XCR0, caches and TLB, MONITOR,
 * CLAC/STAC, RDRAND. Source: Intel SDM 2A to 2C, 3A chapters 2, 4 and 18; AMD APM 3.
 */
#include <sys/random.h>

#include "accel/soft/ops.h"
#include "accel/soft/rows-sys.h"
#include "accel/soft/seg.h"
#include "accel/x86/cpuid.h"
#include "accel/x86/msr.h"
#include "core/irqchip.h"
#include "core/vcpu.h"
#include "core/vm.h"

static bool canonical(uint64_t la)
{
    return (uint64_t)((int64_t)(la << 16) >> 16) == la;
}

static void gp_if(X86State *s, const Insn *in, bool bad)
{
    if (bad) {
        soft_raise(s, in, EXC_GP, 0);
    }
}

static unsigned mod_reg(const Insn *in)
{
    return (in->modrm >> 3 & 7) | (in->rex & 4 ? 8 : 0);
}

/* ---- CR0 ---- */

#define CR0_KNOWN                                                                              \
    (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | \
     CR0_PG)

/* Paging goes on with EFER.LME set: long mode */
static void cr0_check_paging_on(X86State *s, const Insn *in)
{
    if (s->efer & EFER_LME) {
        gp_if(s, in, !(s->cr4 & CR4_PAE) || (s->seg[SEG_CS].attr & SEG_L));
    } else if (s->cr4 & CR4_PAE) {
        gp_if(s, in, !soft_load_pdptes(s, s->cr3));
    }
}

static void cr0_write(X86State *s, const Insn *in, uint64_t val)
{
    uint64_t changed;

    gp_if(s, in,
          val >> 32 || ((val & CR0_PG) && !(val & CR0_PE)) || ((val & CR0_NW) && !(val & CR0_CD)));
    val = (val & CR0_KNOWN) | CR0_ET;
    changed = val ^ s->cr0;
    if (changed & val & CR0_PG) {
        cr0_check_paging_on(s, in);
    } else if (changed & CR0_PG) {
        gp_if(s, in, (s->hflags & H_CS64) || (s->cr4 & CR4_PCIDE));
    } else if ((val & CR0_PG) && (s->cr4 & CR4_PAE) && !(s->efer & EFER_LMA) &&
               (changed & (CR0_CD | CR0_NW))) {
        gp_if(s, in, !soft_load_pdptes(s, s->cr3));
    }
    s->cr0 = val;
    if ((val & CR0_PG) && (s->efer & EFER_LME)) {
        s->efer |= EFER_LMA;
    } else if (!(val & CR0_PG)) {
        s->efer &= ~(uint64_t)EFER_LMA;
    }
    if (changed & (CR0_PG | CR0_WP | CR0_PE)) {
        soft_tlb_flush(s);
    }
    soft_hflags(s);
}

/* ---- CR3, CR4, CR8 ---- */

static unsigned pcid_now(const X86State *s)
{
    return s->cr4 & CR4_PCIDE ? s->cr3 & 0xfff : 0;
}

static void cr3_write(X86State *s, const Insn *in, uint64_t val)
{
    bool keep = false;

    if (s->efer & EFER_LMA) {
        uint64_t high = ~0ull << x86_phys_bits(s);

        if (s->cr4 & CR4_PCIDE) {
            keep = val >> 63;
            val &= ~(1ull << 63);
        }
        gp_if(s, in, val & high);
    } else {
        val = (uint32_t)val;
        if ((s->cr0 & CR0_PG) && (s->cr4 & CR4_PAE)) {
            gp_if(s, in, !soft_load_pdptes(s, val));
        }
    }
    s->cr3 = val;
    soft_space_enter(s, pcid_now(s), keep);
}

static uint64_t cr4_known(const X86State *s)
{
    static const struct {
        uint32_t bit;
        uint16_t feature;
    } bits[] = {
        { CR4_VME | CR4_PVI, HAS_VME }, { CR4_TSD, HAS_TSC },           { CR4_DE, HAS_DE },
        { CR4_PSE, HAS_PSE },           { CR4_PAE, HAS_PAE },           { CR4_MCE, HAS_MCE },
        { CR4_PGE, HAS_PGE },           { CR4_OSFXSR, HAS_FXSR },       { CR4_OSXMMEXCPT, HAS_SSE },
        { CR4_UMIP, HAS_UMIP },         { CR4_FSGSBASE, HAS_FSGSBASE }, { CR4_PCIDE, HAS_PCID },
        { CR4_OSXSAVE, HAS_XSAVE },     { CR4_SMEP, HAS_SMEP },         { CR4_SMAP, HAS_SMAP },
    };
    uint64_t known = CR4_PCE;

    for (size_t i = 0; i < G_N_ELEMENTS(bits); i++) {
        if (x86_has(s, bits[i].feature)) {
            known |= bits[i].bit;
        }
    }
    return known;
}

static void cr4_write(X86State *s, const Insn *in, uint64_t val)
{
    uint64_t changed = val ^ s->cr4;
    const uint64_t paging = CR4_PSE | CR4_PAE | CR4_PGE | CR4_SMEP | CR4_SMAP | CR4_PCIDE;

    gp_if(s, in, val & ~cr4_known(s));
    if (s->efer & EFER_LMA) {
        gp_if(s, in, !(val & CR4_PAE));
    }
    if (changed & val & CR4_PCIDE) {
        gp_if(s, in, !(s->efer & EFER_LMA) || (s->cr3 & 0xfff));
    }
    if ((s->cr0 & CR0_PG) && !(s->efer & EFER_LMA) && (val & CR4_PAE) && (changed & paging)) {
        gp_if(s, in, !soft_load_pdptes(s, s->cr3));
    }
    s->cr4 = val;
    if (changed & paging) {
        soft_tlb_flush(s);
    }
    soft_hflags(s);
}

static uint64_t cr8_read(const X86State *s)
{
    const LapicOps *ops = s->vcpu->vm->lapic;

    return ops ? ops->get_cr8(s->vcpu) : s->cr8;
}

static void cr8_write(X86State *s, const Insn *in, uint64_t val)
{
    const LapicOps *ops = s->vcpu->vm->lapic;

    gp_if(s, in, val > 15);
    s->cr8 = val;
    if (ops) {
        ops->set_cr8(s->vcpu, val);
    }
}

/* F0h before MOV CR0 is CR8 for 32-bit code on AMD's processors; the decoder refuses it. */
H(cr_read)
{
    uint64_t val;

    switch (mod_reg(in)) {
    case 0: val = s->cr0; break;
    case 2: val = s->cr2; break;
    case 3: val = s->cr3; break;
    case 4: val = s->cr4; break;
    case 8: val = cr8_read(s); break;
    default: soft_raise(s, in, EXC_UD, 0);
    }
    reg_write(s, in->e, in->osz, val);
    NEXT;
}
FAMILY_ALL(mov_from_cr, cr_read);

H(cr_write)
{
    uint64_t val = reg_read(s, in->e, in->osz);

    switch (mod_reg(in)) {
    case 0: cr0_write(s, in, val); break;
    case 2: s->cr2 = val; break;
    case 3: cr3_write(s, in, val); break;
    case 4: cr4_write(s, in, val); break;
    case 8: cr8_write(s, in, val); break;
    default: soft_raise(s, in, EXC_UD, 0);
    }
    RET(insn_leave(s, in));
}
FAMILY_ALL(mov_to_cr, cr_write);

H(smsw_all)
{
    gp_if(s, in, (s->cr4 & CR4_UMIP) && soft_cpl(s) > 0);
    if (in->mem) {
        soft_st(s, in, in->seg, ea_of(s, in), 2, s->cr0);
    } else {
        reg_write(s, in->e, in->osz, s->cr0);
    }
    NEXT;
}
FAMILY_ALL(smsw, smsw_all);

/* PE MP EM TS; PE can be set, never cleared */
H(lmsw_all)
{
    uint64_t val = in->mem ? soft_ld(s, in, in->seg, ea_of(s, in), 2) : rd16(s, in->e);

    cr0_write(s, in, (s->cr0 & ~(uint64_t)0xe) | (val & 0xf));
    RET(insn_leave(s, in));
}
FAMILY_ALL(lmsw, lmsw_all);

H(clts_all)
{
    s->cr0 &= ~(uint64_t)CR0_TS;
    soft_hflags(s);
    RET(insn_leave(s, in));
}
FAMILY_ALL(clts, clts_all);

/* ---- debug registers ---- */

static unsigned dr_number(X86State *s, const Insn *in)
{
    unsigned n = mod_reg(in);

    if (n > 7 || ((n == 4 || n == 5) && (s->cr4 & CR4_DE))) {
        soft_raise(s, in, EXC_UD, 0);
    }
    if (s->dr[7] & 1 << 13) { /* GD: whoever wants the registers is told */
        s->dr[6] |= SOFT_DR6_BD;
        soft_raise(s, in, EXC_DB, 0);
    }
    return n == 4 || n == 5 ? n + 2 : n;
}

H(dr_read)
{
    reg_write(s, in->e, in->osz, s->dr[dr_number(s, in)]);
    NEXT;
}
FAMILY_ALL(mov_from_dr, dr_read);

H(dr_write)
{
    unsigned n = dr_number(s, in);
    uint64_t val = reg_read(s, in->e, in->osz);

    gp_if(s, in, n >= 6 && val >> 32);
    if (n == 6) {
        val = (val & 0xe00f) | 0xffff0ff0;
    } else if (n == 7) {
        val = (val & 0xffff2bff) | 0x400;
    }
    s->dr[n] = val;
    soft_debug_update(s);
    RET(insn_leave(s, in));
}
FAMILY_ALL(mov_to_dr, dr_write);

/* ---- caches, TLB ---- */

H(invlpg_all)
{
    uint64_t la = ea_of(s, in);

    if (!(s->hflags & H_CS64) && in->seg < SEG_FLAT) {
        la = (uint32_t)(la + s->seg[in->seg].base);
    } else if (in->seg == SEG_FS || in->seg == SEG_GS) {
        la += s->seg[in->seg].base;
    }
    if (canonical(la)) {
        soft_tlb_flush_page(s, la);
    }
    RET(insn_leave(s, in));
}
FAMILY_ALL(invlpg, invlpg_all);

/* 0 an address, 1 a PCID, 2 everything, 3 everything but global pages */
static void invpcid_do(X86State *s, uint64_t type, unsigned pcid, uint64_t la)
{
    bool now = pcid == pcid_now(s);

    if (type == 0 && now) {
        soft_tlb_flush_page(s, la);
    } else if (type == 2) {
        soft_tlb_flush(s);
    } else if (type == 3 || now) {
        if (type == 3) {
            soft_spaces_forget(s);
        }
        soft_space_enter(s, pcid_now(s), false);
    } else {
        soft_space_forget(s, pcid);
    }
}

H(invpcid_all)
{
    uint64_t ea = ea_of(s, in), type = reg_read(s, in->g, in->osz);
    uint64_t pcid = soft_ld(s, in, in->seg, ea, 8);
    uint64_t la = soft_ld(s, in, in->seg, (ea + 8) & in->amask, 8);

    gp_if(s, in,
          type > 3 || (type < 2 && (pcid >> 12 || (pcid && !(s->cr4 & CR4_PCIDE)))) ||
              (type == 0 && !canonical(la)));
    invpcid_do(s, type, pcid, la);
    RET(insn_leave(s, in));
}
FAMILY_ALL(invpcid, invpcid_all);

H(wbinvd_all)
{
    NEXT;
}
FAMILY_ALL(wbinvd, wbinvd_all);

/* CLFLUSH and friends read their byte for the faults it may have */
H(fence_all)
{
    if (in->mem) {
        soft_ld(s, in, in->seg, ea_of(s, in), 1);
    } else {
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    }
    NEXT;
}
FAMILY_ALL(fence, fence_all);

/* ---- MSRs ---- */

static bool efer_write(X86State *s, uint64_t val)
{
    uint64_t known = (x86_has(s, HAS_SYSCALL) ? EFER_SCE : 0) |
                     (x86_has(s, HAS_LM) ? EFER_LME | EFER_LMA : 0) |
                     (x86_has(s, HAS_NX) ? EFER_NXE : 0);

    if ((val & ~known) || ((val ^ s->efer) & EFER_LME && (s->cr0 & CR0_PG))) {
        return false;
    }
    s->efer = (val & ~(uint64_t)EFER_LMA) | (s->efer & EFER_LMA);
    soft_tlb_flush(s);
    soft_hflags(s);
    return true;
}

static bool apic_msr(uint32_t index)
{
    return index == MSR_APIC_BASE || index == MSR_TSC_DEADLINE || index >> 8 == MSR_X2APIC >> 8;
}

static bool msr_read(X86State *s, uint32_t index, uint64_t *val)
{
    const LapicOps *ops = s->vcpu->vm->lapic;

    if (apic_msr(index)) {
        return ops && (index != MSR_TSC_DEADLINE || x86_has(s, HAS_TSC_DEADLINE)) &&
               ops->msr(s->vcpu, index, val, false);
    }
    switch (index) {
    case MSR_TSC: *val = soft_tsc(s); return true;
    case MSR_EFER: *val = s->efer; return x86_has(s, HAS_SYSCALL) || x86_has(s, HAS_NX);
    case MSR_FS_BASE: *val = s->seg[SEG_FS].base; return x86_has(s, HAS_LM);
    case MSR_GS_BASE: *val = s->seg[SEG_GS].base; return x86_has(s, HAS_LM);
    default: return x86_msr_read(s, index, val);
    }
}

static bool apic_write(X86State *s, uint32_t index, uint64_t val)
{
    const LapicOps *ops = s->vcpu->vm->lapic;

    if (!ops || (index == MSR_TSC_DEADLINE && !x86_has(s, HAS_TSC_DEADLINE)) ||
        !ops->msr(s->vcpu, index, &val, true)) {
        return false;
    }
    if (index == MSR_APIC_BASE) {
        soft_apic_page(s);
        soft_tlb_flush(s);
    }
    return true;
}

static bool msr_write(X86State *s, uint32_t index, uint64_t val)
{
    if (apic_msr(index)) {
        return apic_write(s, index, val);
    }
    switch (index) {
    case MSR_TSC: soft_tsc_set(s, val); return true;
    case MSR_EFER: return efer_write(s, val);
    case MSR_FS_BASE:
    case MSR_GS_BASE:
        if (!canonical(val) || !x86_has(s, HAS_LM)) {
            return false;
        }
        s->seg[index == MSR_FS_BASE ? SEG_FS : SEG_GS].base = val;
        return true;
    default: return x86_msr_write(s, index, val);
    }
}

H(rdmsr_all)
{
    uint64_t val = 0;

    gp_if(s, in, !msr_read(s, rd32(s, RCX * 8), &val));
    s->g[RAX] = (uint32_t)val;
    s->g[RDX] = val >> 32;
    NEXT_LOOP;
}
FAMILY_ALL(rdmsr, rdmsr_all);

H(wrmsr_all)
{
    uint64_t val = (uint32_t)s->g[RAX] | s->g[RDX] << 32;

    gp_if(s, in, !msr_write(s, rd32(s, RCX * 8), val));
    RET(insn_leave(s, in));
}
FAMILY_ALL(wrmsr, wrmsr_all);

/* ---- time stamps and counters ---- */

static void rdtsc_common(X86State *s, const Insn *in)
{
    uint64_t t;

    gp_if(s, in, (s->cr4 & CR4_TSD) && soft_cpl(s) > 0);
    t = soft_tsc(s);
    s->g[RAX] = (uint32_t)t;
    s->g[RDX] = t >> 32;
}

H(rdtsc_all)
{
    rdtsc_common(s, in);
    NEXT;
}
FAMILY_ALL(rdtsc, rdtsc_all);

H(rdtscp_all)
{
    rdtsc_common(s, in);
    s->g[RCX] = (uint32_t)s->tsc_aux;
    NEXT;
}
FAMILY_ALL(rdtscp, rdtscp_all);

H(rdpid_all)
{
    reg_write(s, in->e, s->hflags & H_CS64 ? 8 : 4, s->tsc_aux);
    NEXT;
}
FAMILY_ALL(rdpid, rdpid_all);

/* There are no counters, so every number is a wrong one. */
H(rdpmc_all)
{
    soft_raise(s, in, EXC_GP, 0);
}
FAMILY_ALL(rdpmc, rdpmc_all);

/* ---- identification, extended state ---- */

H(cpuid_all)
{
    uint32_t r[4];

    cpuid(s, rd32(s, RAX * 8), rd32(s, RCX * 8), r);
    s->g[RAX] = r[0];
    s->g[RBX] = r[1];
    s->g[RCX] = r[2];
    s->g[RDX] = r[3];
    NEXT_LOOP;
}
FAMILY_ALL(cpuid_, cpuid_all);

static void need_osxsave(X86State *s, const Insn *in)
{
    if (!(s->cr4 & CR4_OSXSAVE)) {
        soft_raise(s, in, EXC_UD, 0);
    }
}

/* ECX 1: XINUSE; all that is enabled counts as in use */
H(xgetbv_all)
{
    uint32_t n = rd32(s, RCX * 8);
    bool inuse = n == 1 && x86_has(s, X86_FEATURE(CPUID_D1_EAX, 2));

    need_osxsave(s, in);
    gp_if(s, in, n != 0 && !inuse);
    s->g[RAX] = (uint32_t)s->xcr0;
    s->g[RDX] = s->xcr0 >> 32;
    NEXT;
}
FAMILY_ALL(xgetbv, xgetbv_all);

H(xsetbv_all)
{
    uint64_t val = (uint32_t)s->g[RAX] | s->g[RDX] << 32;
    uint64_t known = x86_has(s, HAS_AVX) ? 7 : 3;

    need_osxsave(s, in);
    gp_if(s, in,
          rd32(s, RCX * 8) != 0 || soft_cpl(s) != 0 || !(val & 1) || (val & ~known) ||
              ((val & 4) && !(val & 2)));
    s->xcr0 = val;
    soft_hflags(s);
    RET(insn_leave(s, in));
}
FAMILY_ALL(xsetbv, xsetbv_all);

/* ---- the rest ---- */

/* The address is checked; no range is armed: MWAIT wakes up at once, which it always may. */
H(monitor_all)
{
    gp_if(s, in, rd32(s, RCX * 8) != 0);
    soft_ld(s, in, in->seg_no < SEG_FLAT ? in->seg_no : (unsigned)SEG_DS, s->g[RAX] & in->amask, 1);
    NEXT;
}
FAMILY_ALL(monitor, monitor_all);

H(mwait_all)
{
    gp_if(s, in, rd32(s, RCX * 8) & ~1u);
    RET(insn_leave(s, in));
}
FAMILY_ALL(mwait, mwait_all);

/* 0F01 CA clac, CB stac: only at CPL 0, else #UD; not a privilege fault */
H(clac_all)
{
    if (soft_cpl(s) != 0) {
        soft_raise(s, in, EXC_UD, 0);
    }
    if (in->modrm == 0xcb) {
        s->rflags |= FLAG_AC;
    } else {
        s->rflags &= ~(uint64_t)FLAG_AC;
    }
    soft_tlb_select(s);
    NEXT;
}
FAMILY_ALL(clac, clac_all);

/* CF says that there was something to give */
H(rdrand_all)
{
    uint64_t val = 0;
    bool ok = getrandom(&val, sizeof(val), GRND_NONBLOCK) == sizeof(val);

    reg_write(s, in->e, in->osz, ok ? val : 0);
    fl_set(s, FL_ONE | (ok ? FL_CF : 0));
    NEXT_LOOP;
}
FAMILY_ALL(rdrand, rdrand_all);
