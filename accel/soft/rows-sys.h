/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The families that tab-sys.c names: segments, far transfers, system registers, port I/O. */
#ifndef ACCEL_SOFT_ROWS_SYS_H
#define ACCEL_SOFT_ROWS_SYS_H

#include "accel/soft/decode.h"

/* op-seg.c */
extern const Family mov_e_sw, mov_sw_e, pop_seg, lfar, lar, verr, arpl, sldt, lldt, ltr, sgdt, lgdt;
extern const Family swapgs, fsgsbase;
/* op-far.c */
extern const Family far_imm, far_e, retf, iret, int_n, int3, into, int1;
extern const Family syscall_, sysret, sysenter, sysexit;
/* op-sys.c */
extern const Family mov_from_cr, mov_to_cr, mov_from_dr, mov_to_dr, smsw, lmsw, clts, invlpg;
extern const Family invpcid, wbinvd, rdmsr, wrmsr, rdtsc, rdtscp, rdpmc, rdpid, cpuid_, xgetbv;
extern const Family xsetbv, monitor, mwait, clac, rdrand, fence;
/* op-io.c */
extern const Family in_, out, ins, outs;

#endif
