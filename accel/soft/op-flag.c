/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Single flags: clc stc cmc cld std cli sti lahf sahf salc. */
#include "accel/soft/ops.h"
#include "accel/soft/rows.h"

H(clc_all)
{
    fl_set(s, fl_get(s) & ~FL_CF);
    NEXT;
}
H(stc_all)
{
    fl_set(s, fl_get(s) | FL_CF);
    NEXT;
}
H(cmc_all)
{
    fl_set(s, fl_get(s) ^ FL_CF);
    NEXT;
}
H(cld_all)
{
    s->rflags &= ~(uint64_t)FLAG_DF;
    NEXT;
}
H(std_all)
{
    s->rflags |= FLAG_DF;
    NEXT;
}
FAMILY_ALL(clc, clc_all);
FAMILY_ALL(stc, stc_all);
FAMILY_ALL(cmc, cmc_all);
FAMILY_ALL(cld, cld_all);
FAMILY_ALL(std, std_all);

H(lahf_all)
{
    wr8(s, RAX * 8 + 1, (fl_get(s) >> 8 & 0xd5) | 2);
    NEXT;
}
H(sahf_all)
{
    fl_set(s, (fl_get(s) & FL_OF) | FL_ONE | (rd8(s, RAX * 8 + 1) & 0xd5) << 8);
    NEXT;
}
H(salc_all)
{
    wr8(s, RAX * 8, fl_get(s) & FL_CF ? 0xff : 0);
    NEXT;
}
FAMILY_ALL(lahf, lahf_all);
FAMILY_ALL(sahf, sahf_all);
FAMILY_ALL(salc, salc_all);

/* ---- IF: below IOPL 3, virtual-8086 (VME) and ring 3 (PVI) code has a virtual one ---- */
/* The flag that cli and sti change; #GP when it may change none. */
static uint64_t if_flag(X86State *s, const Insn *in)
{
    unsigned iopl = s->rflags >> 12 & 3, cpl = s->hflags >> H_CPL_SHIFT & 3;
    bool virt = s->hflags & H_VM ? s->cr4 & CR4_VME : cpl == 3 && s->cr4 & CR4_PVI;

    if (iopl >= cpl) {
        return FLAG_IF;
    }
    if (!virt) {
        soft_raise(s, in, EXC_GP, 0);
    }
    return FLAG_VIF;
}

H(cli_all)
{
    s->rflags &= ~if_flag(s, in);
    NEXT;
}
H(sti_all)
{
    uint64_t flag = if_flag(s, in);
    if (flag == FLAG_VIF && s->rflags & FLAG_VIP) {
        soft_raise(s, in, EXC_GP, 0);
    }
    if (flag == FLAG_IF && !(s->rflags & FLAG_IF)) {
        s->shadow = 1;
    }
    s->rflags |= flag;
    RET(insn_leave(s, in));
}
FAMILY_ALL(cli, cli_all);
FAMILY_ALL(sti, sti_all);
