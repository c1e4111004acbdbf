/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The page walk against a second one written from the rules alone: random tables in a small RAM,
 * random CR0, CR4, EFER, access and privilege. Compared: success, physical address, error code, and
 * all of memory afterwards (accessed and dirty bits).
 */
#include "tests/cpu/soft-vm.h"

enum { TABLES = 0x10000, PAGES = 64 }; /* tables are in 64 pages from 64 KiB on */

typedef struct Case {
    uint64_t cr0, cr3, cr4, efer, la;
    Access acc;
    unsigned mode;
} Case;

typedef struct Answer {
    bool ok;
    uint32_t error;
    uint64_t phys;
} Answer;

/* ---- the reference: one loop over levels, bits as in the manual's figures ---- */

typedef struct Format {
    unsigned levels, bits, entry; /* bits of index a level */
    uint64_t root;
} Format;

static uint64_t entry_read(const SoftVm *m, uint64_t at, unsigned size)
{
    uint64_t v = 0;

    if (at + size > RAM_SIZE) {
        return size == 8 ? ~0ull : 0xffffffff; /* nothing there: all ones */
    }
    memcpy(&v, m->mem + at, size);
    return v;
}

static uint64_t bits(unsigned hi, unsigned lo)
{
    return (~0ull >> (63 - hi)) & (~0ull << lo);
}

/* level 1 is the leaf table */
static bool reserved_set(const Case *c, const Format *f, unsigned level, uint64_t e, bool large)
{
    uint64_t r = 0;

    if (f->entry == 4) {
        r = large ? bits(21, 21) : 0;
        return e & r;
    }
    r = bits(51, 40);
    if (f->levels == 2) {
        r |= bits(62, 52);
    }
    if (!(c->efer & EFER_NXE)) {
        r |= 1ull << 63;
    }
    if (level == 4) {
        r |= bits(7, 7);
    }
    if (large) {
        r |= level == 3 ? bits(29, 13) : bits(20, 13);
    }
    return e & r;
}

static Answer reference(const SoftVm *m, const Case *c, uint8_t *mem_after)
{
    bool pae = c->cr4 & CR4_PAE, lm = c->efer & EFER_LMA, user = c->mode == TLB_USER;
    Format f = { .levels = lm ? 4 : 2, .bits = pae ? 9 : 10, .entry = pae ? 8 : 4 };
    Answer a = { 0 };
    uint64_t at[4], val[4], w = 1, u = 1, nx = 0;
    unsigned n = 0, level, shift;

    a.error = (c->acc == ACCESS_WRITE ? 2 : 0) | (user ? 4 : 0);
    if (c->acc == ACCESS_FETCH && ((c->cr4 & CR4_SMEP) || (pae && (c->efer & EFER_NXE)))) {
        a.error |= 16;
    }
    f.root = lm ? c->cr3 & bits(51, 12) : c->cr3 & 0xfffff000;
    if (pae && !lm) {
        uint64_t p = m->s->pdpte[c->la >> 30 & 3];
        if (!(p & 1)) {
            return a;
        }
        f.root = p & bits(51, 12);
    }
    for (level = f.levels;; level--) {
        bool large;
        shift = 12 + (level - 1) * f.bits;
        at[n] = f.root + (c->la >> shift & ((1u << f.bits) - 1)) * f.entry;
        val[n] = entry_read(m, at[n], f.entry);
        if (!(val[n] & 1)) {
            return a;
        }
        large = (level == 2 && (val[n] & 128) && (pae || (c->cr4 & CR4_PSE))) ||
                (level == 3 && (val[n] & 128));
        if (reserved_set(c, &f, level, val[n], large)) {
            a.error |= 1 | 8;
            return a;
        }
        w &= val[n] >> 1;
        u &= val[n] >> 2;
        nx |= val[n] >> 63;
        n++;
        if (large || level == 1) {
            break;
        }
        f.root = val[n - 1] & (pae ? bits(51, 12) : 0xfffff000);
    }
    if (user ? !u
             : u && ((c->acc == ACCESS_FETCH && (c->cr4 & CR4_SMEP)) ||
                     (c->acc != ACCESS_FETCH && (c->cr4 & CR4_SMAP) && c->mode == TLB_SYS))) {
        a.error |= 1;
        return a;
    }
    if ((c->acc == ACCESS_FETCH && nx) ||
        (c->acc == ACCESS_WRITE && !w && (user || (c->cr0 & CR0_WP)))) {
        a.error |= 1;
        return a;
    }
    a.ok = true;
    a.phys = val[n - 1] & (pae ? bits(51, 12) : 0xfffff000);
    if (!pae && level == 2) {
        a.phys = (val[0] & 0xffc00000) | (val[0] >> 13 & 0xff) << 32;
    }
    a.phys = (a.phys & ~((1ull << shift) - 1)) | (c->la & ((1ull << shift) - 1));
    for (unsigned i = 0; i < n; i++) {
        uint64_t set = 32 | (i == n - 1 && c->acc == ACCESS_WRITE ? 64 : 0);
        if (at[i] < RAM_SIZE) {
            mem_after[at[i]] |= set;
        }
    }
    return a;
}

/* ---- random cases ---- */

static uint64_t rnd(GRand *r)
{
    return (uint64_t)g_rand_int(r) << 32 | g_rand_int(r);
}

static bool one_in(GRand *r, unsigned n)
{
    return g_rand_int_range(r, 0, n) == 0;
}

static uint64_t random_entry(GRand *r, bool wide)
{
    uint64_t e = TABLES + (uint64_t)g_rand_int_range(r, 0, PAGES) * 4096;

    e |= rnd(r) & 0xf7f; /* without PS */
    e |= one_in(r, 12) ? 0 : 1;
    e |= one_in(r, 3) ? 0 : 6;
    e |= one_in(r, 4) ? 128 : 0;
    if (e & 128 && !one_in(r, 6)) {
        e &= ~bits(29, 13);
    }
    if (wide) {
        e |= one_in(r, 5) ? 1ull << 63 : 0;
        e |= one_in(r, 30) ? 1ull << (40 + g_rand_int_range(r, 0, 23)) : 0;
    }
    return e;
}

static void fill_tables(SoftVm *m, GRand *r, bool wide)
{
    for (unsigned i = 0; i < PAGES * 4096u / (wide ? 8 : 4); i++) {
        uint64_t e = random_entry(r, wide);
        memcpy(m->mem + TABLES + i * (wide ? 8 : 4), &e, wide ? 8 : 4);
    }
}

static Case random_case(SoftVm *m, GRand *r)
{
    Case c = { .cr0 = CR0_PE | CR0_PG | CR0_ET, .la = rnd(r) };
    unsigned format = g_rand_int_range(r, 0, 3);

    c.cr0 |= one_in(r, 2) ? CR0_WP : 0;
    c.cr4 = (one_in(r, 2) ? CR4_PSE : 0) | (one_in(r, 2) ? CR4_SMEP : 0) |
            (one_in(r, 2) ? CR4_SMAP : 0) | (format ? CR4_PAE : 0);
    c.efer = (one_in(r, 2) ? EFER_NXE : 0) | (format == 2 ? EFER_LMA | EFER_LME : 0);
    c.cr3 = TABLES + (uint64_t)g_rand_int_range(r, 0, PAGES) * 4096;
    c.acc = g_rand_int_range(r, 0, 3);
    c.mode = g_rand_int_range(r, 0, 3);
    c.la = format == 2 ? (uint64_t)((int64_t)(c.la << 16) >> 16) : (uint32_t)c.la;
    if (format == 1) {
        for (int i = 0; i < 4; i++) {
            m->s->pdpte[i] = (TABLES + g_rand_int_range(r, 0, PAGES) * 4096) | !one_in(r, 8);
        }
    }
    return c;
}

static void check(SoftVm *m, const Case *c, const uint8_t *after, Answer want)
{
    X86State *s = m->s;
    Walk got;

    s->cr0 = c->cr0;
    s->cr3 = c->cr3;
    s->cr4 = c->cr4;
    s->efer = c->efer;
    got = soft_walk(s, c->la, c->acc, c->mode);
    g_assert_cmpint(got.ok, ==, want.ok);
    if (want.ok) {
        g_assert_cmphex(got.phys, ==, want.phys);
    } else {
        g_assert_cmphex(got.error, ==, want.error);
    }
    g_assert(memcmp(m->mem + TABLES, after + TABLES, PAGES * 4096) == 0);
}

static void test_random(void)
{
    SoftVm *m = soft_vm_new("max");
    GRand *r = g_rand_new_with_seed(g_test_rand_int());
    g_autofree uint8_t *after = g_malloc(RAM_SIZE);
    unsigned ok = 0;

    for (int i = 0; i < 40000; i++) {
        Case c;
        Answer want;
        if (i % 200 == 0) {
            fill_tables(m, r, i % 400 == 0);
            memcpy(after, m->mem, TABLES + PAGES * 4096);
        }
        c = random_case(m, r);
        want = reference(m, &c, after);
        check(m, &c, after, want);
        ok += want.ok;
    }
    g_test_message("%u of 40000 walks succeed", ok);
    g_assert_cmpuint(ok, >, 1000);
    g_rand_free(r);
    soft_vm_free(m);
}

/* A20 off: bit 20 of every physical address is 0, of the tables' too */
static void test_a20(void)
{
    SoftVm *m = soft_vm_new("max");
    Walk w;

    m->v.a20 = false;
    w = soft_walk(m->s, 0x123456, ACCESS_READ, TLB_SYS);
    g_assert(w.ok);
    g_assert_cmphex(w.phys, ==, 0x023456);
    soft_vm_free(m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cpu/walk/random", test_random);
    g_test_add_func("/cpu/walk/a20", test_a20);
    return g_test_run();
}
