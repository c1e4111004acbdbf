/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the row tables are written with, and the families they name. Included by tab-*.c only
 * (and the decoder and tests, which walk the rows). */
#ifndef ACCEL_SOFT_ROWS_H
#define ACCEL_SOFT_ROWS_H

#include "accel/soft/decode.h"

/* Every row of every table, in table order. */
void rows_each(void (*fn)(const Row *, void *), void *arg);

#define FAMILIES(...) extern const Family __VA_ARGS__

/* op-alu.c */
FAMILIES(add, or_, adc, sbb, and_, sub, xor_, cmp, test, inc, dec, not_, neg, adcx, adox);
/* op-shift.c */
FAMILIES(rol, ror, rcl, rcr, shl, shr, sar, shld, shrd, rorx, sarx, shlx, shrx);
/* op-mul.c */
FAMILIES(mul, imul, div_, idiv, imul2, imul3, mulx);
/* op-mov.c */
FAMILIES(mov, movzx8, movzx16, movsx8, movsx16, movsxd, lea, xchg, xchg90, pause_, xadd, cmpxchg,
         cmpxchg8b, cmpxchg16b, cbw, cwd, bswap, xlat, movbe, prefetch_reg, nop, cmov[16],
         setcc[16]);
/* op-bit.c */
FAMILIES(bt, bts, btr, btc, bsf, bsr, tzcnt, lzcnt, popcnt, andn, bextr, blsi, blsmsk, blsr, bzhi,
         pdep, pext, crc32_8, crc32_v);
/* op-stack.c */
FAMILIES(push, pop, pusha, popa, pushf, popf, enter, leave, push_seg, pop_e);
/* op-jump.c */
FAMILIES(jcc[16], jmp, jmp_e, call, call_e, ret, loop, loope, loopne, jcxz, hlt, bound, ud);
/* op-string.c */
FAMILIES(movs, cmps, stos, lods, scas);
/* op-bcd.c */
FAMILIES(aaa, aas, aam, aad, daa, das);
/* op-flag.c */
FAMILIES(clc, stc, cmc, cld, std, cli, sti, lahf, sahf, salc);

#endif
