/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Registers after RESET and INIT (Intel SDM 3A, table "processor state following power-up, reset,
 * or INIT"), and the flags word of the interpreter.
 */
#include <string.h>

#include "accel/x86/cpuid.h"

#define PAT_RESET 0x0007040600070406ull

/* fl is `lahf; seto al`: AH the low flags byte, AL the overflow flag */
uint64_t x86_flags(const X86State *s)
{
    return s->rflags | (s->fl >> 8 & 0xd5) | (s->fl & 1) << 11 | FLAG_ONE;
}

void x86_set_flags(X86State *s, uint64_t rflags)
{
    s->rflags = (rflags & ~(uint64_t)FLAG_ARITH) | FLAG_ONE;
    s->fl = (rflags & 0xd5) << 8 | FLAG_ONE << 8 | (rflags >> 11 & 1);
}

static X86Seg real_seg(uint16_t sel, uint64_t base, uint32_t attr)
{
    return (X86Seg){ .sel = sel, .base = base, .limit = 0xffff, .attr = attr };
}

static void reset_segments(X86State *s)
{
    for (int i = 0; i < 6; i++) {
        s->seg[i] = real_seg(0, 0, SEG_P | SEG_S | SEG_RW | SEG_A);
    }
    s->seg[SEG_CS] = real_seg(0xf000, 0xffff0000, SEG_P | SEG_S | SEG_CODE | SEG_RW | SEG_A);
    s->ldt = real_seg(0, 0, SEG_P | 2);
    s->tr = real_seg(0, 0, SEG_P | 11);
    s->gdt = s->idt = (X86Table){ .limit = 0xffff };
}

/* RESET: FCW 0040h, all tags "zero"; the legacy region of the XSAVE image holds them. */
static void reset_fpu(X86State *s)
{
    static const uint8_t fcw[2] = { 0x40, 0 }, mxcsr[4] = { 0x80, 0x1f, 0, 0 };

    memset(&s->xsave, 0, sizeof(s->xsave));
    memcpy(s->xsave.bytes, fcw, 2);
    s->xsave.bytes[4] = 0xff;
    memcpy(s->xsave.bytes + 24, mxcsr, 4);
    s->mxcsr_mask = 0xffff;
    s->xcr0 = 1;
    s->pkru = 0;
}

static void reset_msrs(X86State *s, bool bsp)
{
    s->star = s->lstar = s->cstar = s->fmask = s->kernel_gs_base = 0;
    s->sysenter_cs = s->sysenter_esp = s->sysenter_eip = 0;
    s->tsc_aux = s->tsc_deadline = s->feature_control = s->spec_ctrl = 0;
    s->pat = PAT_RESET;
    s->misc_enable = 1;  /* fast strings */
    s->mtrr_cap = 0x508; /* 8 variable ranges, fixed ranges, write combining */
    s->mtrr_def_type = 0;
    memset(s->mtrr_fixed, 0, sizeof(s->mtrr_fixed));
    memset(s->mtrr_base, 0, sizeof(s->mtrr_base));
    memset(s->mtrr_mask, 0, sizeof(s->mtrr_mask));
    s->mcg_status = 0;
    s->mcg_ctl = ~0ull;
    s->bios_sign = 0x100000000ull;
    s->smbase = 0x30000;
    /* or the kernel would go on writing into the memory of the next system */
    memset(s->pv, 0, sizeof(s->pv));
    s->pv[5] = 1; /* POLL_CONTROL: the host may poll */
}

void x86_reset(X86State *s, bool init, bool bsp)
{
    uint64_t cache_bits = init ? s->cr0 & (CR0_CD | CR0_NW) : CR0_CD | CR0_NW;

    memset(s->g, 0, sizeof(s->g));
    s->g[RDX] = s->model ? cpu_signature(s->model) : 0;
    s->rip = 0xfff0;
    x86_set_flags(s, FLAG_ONE);
    reset_segments(s);
    s->cr0 = CR0_ET | cache_bits;
    s->cr2 = s->cr3 = s->cr4 = s->cr8 = s->efer = 0;
    memset(s->pdpte, 0, sizeof(s->pdpte));
    memset(s->dr, 0, sizeof(s->dr));
    s->dr[6] = 0xffff0ff0;
    s->dr[7] = 0x400;
    s->event = (X86Event){ 0 };
    s->shadow = s->nmi_masked = s->nmi_pending = s->smm = s->triple = 0;
    if (!init) {
        reset_fpu(s);
        reset_msrs(s, bsp);
    }
}
