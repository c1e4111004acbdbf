/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * XSAVE, XSAVEC, XRSTOR, XGETBV, XSETBV and CPUID leaf Dh, in real mode: what is written where,
 * what a mask leaves alone, what a header may not say. Every fault ends in a HLT at its vector's
 * stub. Source: Intel SDM volume 1, chapter 13.
 */
#include "accel/soft/fpu.h"
#include "tests/cpu/soft-vm.h"

enum { CODE = 0x1000, IMAGE = 0x2000, STUBS = 0x3000, HEADER = 512, AVX_AT = 576 };

static SoftVm *machine(const char *cpu)
{
    SoftVm *m = soft_vm_new(cpu);
    X86State *s = m->s;

    for (unsigned v = 0; v < 32; v++) {
        uint32_t entry = STUBS + v;
        memcpy(m->mem + v * 4, &entry, 4);
        m->mem[STUBS + v] = 0xf4;
    }
    s->seg[SEG_CS].base = s->seg[SEG_CS].sel = 0;
    s->g[RSP] = 0x8000;
    s->cr4 |= CR4_OSXSAVE | CR4_OSFXSR;
    s->xcr0 = 7;
    for (unsigned i = 0; i < 16; i++) {
        memset(fpu_mem(s)->xmm[i], 0x10 + i, 16);
        memset(fpu_mem(s)->ymm_high[i], 0x80 + i, 16);
    }
    fpu_mem(s)->mxcsr = 0x1fa0;
    return m;
}

/* Runs code and a HLT behind it: the vector that came, -1 none. */
static int run(SoftVm *m, const char *code, unsigned n, uint64_t mask)
{
    X86State *s = m->s;

    memcpy(m->mem + CODE, code, n);
    m->mem[CODE + n] = 0xf4;
    s->rip = CODE;
    s->g[RBX] = IMAGE;
    s->g[RAX] = (uint32_t)mask;
    s->g[RDX] = mask >> 32;
    soft_vm_put(m);
    soft_vm_run(m);
    return s->rip >= STUBS && s->rip <= STUBS + 32 ? (int)(s->rip - STUBS - 1) : -1;
}
#define RUN(m, code, mask) run(m, code, sizeof(code) - 1, mask)

#define XSAVE              "\x0f\xae\x27"
#define XSAVEC             "\x0f\xc7\x27"
#define XRSTOR             "\x0f\xae\x2f"
#define XGETBV             "\x0f\x01\xd0"
#define XSETBV             "\x0f\x01\xd1"

static uint64_t q(SoftVm *m, unsigned at)
{
    uint64_t v;
    memcpy(&v, m->mem + IMAGE + at, 8);
    return v;
}

static void set_q(SoftVm *m, unsigned at, uint64_t v)
{
    memcpy(m->mem + IMAGE + at, &v, 8);
}

static bool avx(void)
{
    return __builtin_cpu_supports("avx");
}

static void test_save(void)
{
    SoftVm *m = machine("max");

    memset(m->mem + IMAGE, 0xee, 832);
    set_q(m, HEADER, 0);
    g_assert_cmpint(RUN(m, XSAVE, 2), ==, -1);
    g_assert_cmphex(q(m, 0), ==, 0xeeeeeeeeeeeeeeee); /* no x87 asked for */
    g_assert_cmphex(q(m, 24) & 0xffffffff, ==, 0x1fa0);
    g_assert_cmphex(q(m, 160 + 7 * 16), ==, 0x1717171717171717);
    g_assert_cmphex(q(m, 160 + 8 * 16), ==, 0xeeeeeeeeeeeeeeee); /* XMM8: 64-bit code only */
    g_assert_cmphex(q(m, HEADER), ==, 2);
    g_assert_cmphex(q(m, HEADER + 8), ==, 0xeeeeeeeeeeeeeeee); /* XCOMP_BV is not XSAVE's */
    g_assert_cmphex(q(m, AVX_AT), ==, 0xeeeeeeeeeeeeeeee);
    if (avx()) {
        g_assert_cmpint(RUN(m, XSAVEC, ~0ull), ==, -1);
        g_assert_cmphex(q(m, HEADER), ==, 7);
        g_assert_cmphex(q(m, HEADER + 8), ==, 7 | 1ull << 63);
        g_assert_cmphex(q(m, AVX_AT + 16), ==, 0x8181818181818181);
    }
    m->s->cr4 &= ~(uint64_t)CR4_OSXSAVE;
    g_assert_cmpint(RUN(m, XSAVE, 7), ==, EXC_UD);
    m->s->cr4 |= CR4_OSXSAVE;
    m->s->cr0 |= CR0_TS;
    g_assert_cmpint(RUN(m, XSAVE, 7), ==, EXC_NM);
    soft_vm_free(m);
}

static void test_restore(void)
{
    SoftVm *m = machine("max");
    FpuImage *f = fpu_mem(m->s);

    memset(m->mem + IMAGE, 0, 832);
    set_q(m, 24, 0x1f80);
    memset(m->mem + IMAGE + 160, 0x55, 256);
    set_q(m, HEADER, 2);
    g_assert_cmpint(RUN(m, XRSTOR, 2), ==, -1);
    g_assert_cmphex(f->xmm[3][0], ==, 0x55);
    g_assert_cmphex(f->ymm_high[3][0], ==, 0x83); /* not asked for */
    g_assert_cmphex(f->mxcsr, ==, 0x1f80);
    if (avx()) {
        g_assert_cmpint(RUN(m, XRSTOR, 6), ==, -1); /* XSTATE_BV has no AVX: initial state */
        g_assert_cmphex(f->ymm_high[3][0], ==, 0);
    }
    /* compacted, SSE initial: MXCSR too, what memory has is not looked at */
    set_q(m, 24, 0xffffffff);
    set_q(m, HEADER, 0);
    set_q(m, HEADER + 8, 3 | 1ull << 63);
    f->mxcsr = 0x1fa0;
    g_assert_cmpint(RUN(m, XRSTOR, 3), ==, avx() ? -1 : EXC_GP);
    g_assert_cmphex(f->mxcsr, ==, 0x1f80);
    g_assert_cmphex(f->fcw, ==, 0x37f);
    soft_vm_free(m);
}

static void test_restore_faults(void)
{
    static const struct {
        unsigned at;
        uint64_t val;
    } bad[] = {
        { 24, 0x10000 },    /* MXCSR */
        { HEADER, 8 },      /* a component that XCR0 lacks */
        { HEADER + 8, 1 },  /* XCOMP_BV without bit 63 */
        { HEADER + 16, 1 }, /* reserved */
        { HEADER + 8, 1ull << 63 | 8 },
    };
    SoftVm *m = machine("max");

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        memset(m->mem + IMAGE, 0, 832);
        set_q(m, HEADER, 3);
        set_q(m, bad[i].at, bad[i].val);
        g_assert_cmpint(RUN(m, XRSTOR, 7), ==, EXC_GP);
    }
    memset(m->mem + IMAGE, 0, 832);
    set_q(m, HEADER + 24, 1); /* bytes 24 to 63 count in the compacted form only */
    g_assert_cmpint(RUN(m, XRSTOR, 7), ==, -1);
    m->s->g[RBX] = 0;
    g_assert_cmpint(RUN(m, "\x83\xc3\x08" XRSTOR, 7), ==,
                    EXC_GP); /* add bx, 8: not aligned to 64 */
    soft_vm_free(m);
}

static void test_xcr0(void)
{
    SoftVm *m = machine("max");
    uint32_t r[4];

    m->s->g[RCX] = 0;
    g_assert_cmpint(RUN(m, XSETBV, 0), ==, EXC_GP); /* x87 cannot go */
    g_assert_cmpint(RUN(m, XSETBV, 5), ==, EXC_GP); /* AVX without SSE */
    g_assert_cmpint(RUN(m, XSETBV, 8), ==, EXC_GP);
    g_assert_cmpint(RUN(m, XSETBV, 3), ==, -1);
    g_assert_cmphex(m->s->xcr0, ==, 3);
    cpuid(m->s, 0xd, 0, r);
    g_assert_cmphex(r[0], ==, avx() ? 7 : 3);
    g_assert_cmphex(r[1], ==, 576);
    g_assert_cmphex(r[2], ==, avx() ? 832 : 576);
    g_assert_cmpint(RUN(m, XGETBV, 0), ==, -1);
    g_assert_cmphex(m->s->g[RAX], ==, 3);
    cpuid(m->s, 1, 0, r);
    g_assert_true(r[2] >> 27 & 1); /* OSXSAVE mirrors CR4 */
    m->s->g[RCX] = 2;
    g_assert_cmpint(RUN(m, XGETBV, 0), ==, EXC_GP);
    soft_vm_free(m);
    m = machine("qemu64"); /* has no XSAVE */
    g_assert_cmpint(RUN(m, XGETBV, 0), ==, EXC_UD);
    soft_vm_free(m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cpu/xsave/save", test_save);
    g_test_add_func("/cpu/xsave/restore", test_restore);
    g_test_add_func("/cpu/xsave/restore-faults", test_restore_faults);
    g_test_add_func("/cpu/xsave/xcr0", test_xcr0);
    return g_test_run();
}
