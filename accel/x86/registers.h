/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The registers of one vCPU as text ("info registers" of 7.2, -d cpu), and by name. */
#ifndef ACCEL_X86_REGISTERS_H
#define ACCEL_X86_REGISTERS_H

#include <glib.h>

#include "accel/x86/state.h"

void registers_print(GString *, const X86State *, bool a20, bool halted, bool fpu);

/* The same into the log, behind a title; the FPU's with -d fpu */
void registers_log(const char *title, const X86State *, bool a20, bool halted);

/* "rip" (linear), "eflags", "rax", "r8", "cs", "cs.base", "cs.limit", "cr3" ...; false: no such one
 */
bool registers_get(const X86State *, const char *name, uint64_t *value);

#endif
