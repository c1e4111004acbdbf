/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * daa das aaa aas aam aad, which 64-bit code has not. Source: Intel SDM volume 2, the operation
 * sections; undefined flags are left clear.
 */
#include "accel/soft/ops.h"
#include "accel/soft/rows.h"

/* SF, ZF and PF of a byte; CF and AF as given */
static void bcd_flags(X86State *s, uint8_t v, bool cf, bool af)
{
    bool even = !__builtin_parity(v);
    fl_set(s, FL_ONE | (v & 0x80 ? FL_SF : 0) | (v ? 0 : FL_ZF) | (even ? FL_PF : 0) |
                  (cf ? FL_CF : 0) | (af ? FL_AF : 0));
}

static bool low_digit_over(X86State *s)
{
    return (s->g[RAX] & 15) > 9 || fl_get(s) & FL_AF;
}

H(daa_8)
{
    uint8_t al = s->g[RAX];
    bool af = low_digit_over(s), high = al > 0x99 || fl_get(s) & FL_CF;
    al += (af ? 6 : 0) + (high ? 0x60 : 0);
    wr8(s, RAX * 8, al);
    bcd_flags(s, al, high, af);
    NEXT;
}
H(das_8)
{
    uint8_t al = s->g[RAX];
    bool af = low_digit_over(s), high = al > 0x99 || fl_get(s) & FL_CF, borrow = af && al < 6;
    al -= (af ? 6 : 0) + (high ? 0x60 : 0);
    wr8(s, RAX * 8, al);
    bcd_flags(s, al, high || borrow, af);
    NEXT;
}
H(aaa_8)
{
    bool over = low_digit_over(s);
    uint16_t ax = s->g[RAX] + (over ? 0x106 : 0);
    wr16(s, RAX * 8, ax & 0xff0f);
    bcd_flags(s, ax & 15, over, over);
    NEXT;
}
H(aas_8)
{
    bool over = low_digit_over(s);
    uint16_t ax = s->g[RAX];
    if (over) {
        ax = ax - 6;
        ax = ax - 0x100;
    }
    wr16(s, RAX * 8, ax & 0xff0f);
    bcd_flags(s, ax & 15, over, over);
    NEXT;
}
H(aam_8)
{
    uint8_t al = s->g[RAX], base = in->imm;
    if (!base) {
        soft_raise(s, in, EXC_DE, 0);
    }
    wr16(s, RAX * 8, al / base << 8 | al % base);
    bcd_flags(s, al % base, false, false);
    NEXT;
}
H(aad_8)
{
    uint16_t ax = s->g[RAX];
    uint8_t al = ax + (ax >> 8) * (uint8_t)in->imm;
    wr16(s, RAX * 8, al);
    bcd_flags(s, al, false, false);
    NEXT;
}
FAMILY_ALL(daa, daa_8);
FAMILY_ALL(das, das_8);
FAMILY_ALL(aaa, aaa_8);
FAMILY_ALL(aas, aas_8);
FAMILY_ALL(aam, aam_8);
FAMILY_ALL(aad, aad_8);
