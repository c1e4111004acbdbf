/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is remembered of page tables, and what makes it forgotten: MOV CR3 with and without PCIDs,
 * global pages, INVLPG in small and large pages. The tables are changed behind the processor's
 * back: who still sees the old page has it from memory.
 */
#include "tests/cpu/soft-vm.h"

enum { PML4 = 0x1000, PDPT = 0x2000, PD = 0x3000, PT = 0x4000 };
#define LA    0x5000ull
#define LAG   0x6000ull     /* global */
#define LARGE 0x40000000ull /* 2 MiB, second GiB */

static void w64(SoftVm *m, uint64_t at, uint64_t v)
{
    memcpy(m->mem + at, &v, 8);
}

static void pages_set(SoftVm *m, uint64_t to)
{
    w64(m, PT + 5 * 8, (to + 0x5000) | 0x63);
    w64(m, PT + 6 * 8, (to + 0x6000) | 0x163);
    w64(m, PD + 0x1000, (to & ~0x1fffffull) | 0xe3);
}

static SoftVm *machine(bool pcid)
{
    SoftVm *m = soft_vm_new("max");
    X86State *s = m->s;

    w64(m, PML4, PDPT | 0x63);
    w64(m, PDPT, PD | 0x63);
    w64(m, PDPT + 8, (PD + 0x1000) | 0x63);
    w64(m, PD, PT | 0x63);
    pages_set(m, 0x400000);
    s->cr0 = CR0_PE | CR0_PG;
    s->cr3 = PML4;
    s->cr4 = CR4_PAE | CR4_PGE | (pcid ? CR4_PCIDE : 0);
    s->efer = EFER_LME | EFER_LMA;
    soft_hflags(s);
    soft_tlb_flush(s);
    soft_space_enter(s, 0, false);
    return m;
}

static uint64_t seen(SoftVm *m, uint64_t la)
{
    Walk w = soft_walk_cached(m->s, la + 0x123, ACCESS_READ, TLB_SYS);
    g_assert_true(w.ok);
    return w.phys - (la & 0x1fffff) - 0x123;
}
#define OLD 0x400000
#define NEW 0x800000

static void see_all(SoftVm *m, uint64_t to)
{
    pages_set(m, to);
    seen(m, LA);
    seen(m, LAG);
    seen(m, LARGE);
}

static void test_cr3(void)
{
    SoftVm *m = machine(false);

    see_all(m, OLD);
    pages_set(m, NEW);
    g_assert_cmphex(seen(m, LA), ==, OLD);
    soft_space_enter(m->s, 0, false);
    g_assert_cmphex(seen(m, LA), ==, NEW);
    g_assert_cmphex(seen(m, LAG), ==, OLD); /* global pages stay */
    soft_tlb_flush(m->s);
    g_assert_cmphex(seen(m, LAG), ==, NEW);
    soft_vm_free(m);
}

static void test_pcid(void)
{
    SoftVm *m = machine(true);

    soft_space_enter(m->s, 1, false);
    see_all(m, OLD);
    soft_space_enter(m->s, 2, false);
    pages_set(m, NEW);
    g_assert_cmphex(seen(m, LA), ==, NEW);
    soft_space_enter(m->s, 1, true);
    g_assert_cmphex(seen(m, LA), ==, OLD);
    soft_space_enter(m->s, 2, true);
    soft_space_forget(m->s, 1);
    soft_space_enter(m->s, 1, true);
    g_assert_cmphex(seen(m, LA), ==, NEW);
    pages_set(m, OLD);
    soft_spaces_forget(m->s);
    g_assert_cmphex(seen(m, LA), ==, NEW); /* the present one is not meant */
    soft_space_enter(m->s, 2, true);
    g_assert_cmphex(seen(m, LA), ==, OLD);
    for (unsigned i = 3; i < 40; i++) { /* more than are remembered: forgotten, never mixed up */
        soft_space_enter(m->s, i, true);
        pages_set(m, i << 21);
        g_assert_cmphex(seen(m, LA), ==, i << 21);
    }
    soft_vm_free(m);
}

static void test_invlpg(void)
{
    SoftVm *m = machine(false);

    see_all(m, OLD);
    pages_set(m, NEW);
    soft_tlb_flush_page(m->s, LA);
    g_assert_cmphex(seen(m, LA), ==, NEW);
    g_assert_cmphex(seen(m, LAG), ==, OLD);
    soft_tlb_flush_page(m->s, LAG);
    g_assert_cmphex(seen(m, LAG), ==, NEW);
    g_assert_cmphex(seen(m, LARGE), ==, OLD);
    soft_tlb_flush_page(m->s, LARGE + 0x100000); /* anywhere in it */
    g_assert_cmphex(seen(m, LARGE), ==, NEW);
    soft_vm_free(m);
}

/* A read remembered does not make a page writable before its dirty bit is set. */
static void test_dirty(void)
{
    SoftVm *m = machine(false);
    uint64_t pte;

    w64(m, PT + 5 * 8, 0x405023);
    seen(m, LA);
    g_assert_true(soft_walk_cached(m->s, LA, ACCESS_WRITE, TLB_SYS).writable);
    memcpy(&pte, m->mem + PT + 5 * 8, 8);
    g_assert_cmphex(pte, ==, 0x405063);
    soft_vm_free(m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cpu/spaces/cr3", test_cr3);
    g_test_add_func("/cpu/spaces/pcid", test_pcid);
    g_test_add_func("/cpu/spaces/invlpg", test_invlpg);
    g_test_add_func("/cpu/spaces/dirty", test_dirty);
    return g_test_run();
}
