/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Port I/O: in, out, ins, outs with and without REP. Permission by IOPL or the TSS's bitmap comes
 * before everything else, also before rCX = 0. After an access the block is left: the device may
 * have asked for something. Source: Intel SDM 1, chapter 19; IN, INS in volume 2.
 */
#include <string.h>

#include "accel/soft/ops.h"
#include "accel/soft/rows-sys.h"
#include "accel/soft/seg.h"
#include "core/memory.h"
#include "core/vcpu.h"

static void check_bitmap(X86State *s, const Insn *in, uint16_t port, unsigned size)
{
    uint32_t base, bits;

    if (!(s->tr.attr & 8) || s->tr.limit < 103) {
        soft_raise(s, in, EXC_GP, 0);
    }
    base = soft_sys_ld(s, in, s->tr.base + 102, 2) + port / 8;
    if (base + 1 > s->tr.limit) {
        soft_raise(s, in, EXC_GP, 0);
    }
    bits = soft_sys_ld(s, in, s->tr.base + base, 2);
    if (bits >> (port & 7) & ((1u << size) - 1)) {
        soft_raise(s, in, EXC_GP, 0);
    }
}

static void check_port(X86State *s, const Insn *in, uint16_t port, unsigned size)
{
    if ((s->hflags & H_PE) &&
        ((s->rflags & FLAG_VM) || soft_cpl(s) > (unsigned)(s->rflags >> 12 & 3))) {
        check_bitmap(s, in, port, size);
    }
}

static uint32_t port_io(X86State *s, uint16_t port, uint32_t val, unsigned size, bool write)
{
    uint32_t in = space_io(s->vcpu->io, port, val, size, write);

    soft_obey_map(s);
    return in;
}

static unsigned io_size(const Insn *in)
{
    return in->osz == 8 ? 4 : in->osz;
}

/* E4 E5 EC ED in, E6 E7 EE EF out; bit 3: the port is DX */
static uint16_t port_of(X86State *s, const Insn *in)
{
    return in->op & 8 ? rd16(s, RDX * 8) : in->imm & 0xff;
}

H(in_all)
{
    unsigned size = io_size(in);
    uint16_t port = port_of(s, in);

    check_port(s, in, port, size);
    reg_write(s, RAX * 8, size, port_io(s, port, 0, size, false));
    RET(insn_leave(s, in));
}
FAMILY_ALL(in_, in_all);

H(out_all)
{
    unsigned size = io_size(in);
    uint16_t port = port_of(s, in);

    check_port(s, in, port, size);
    port_io(s, port, reg_read(s, RAX * 8, size), size, true);
    RET(insn_leave(s, in));
}
FAMILY_ALL(out, out_all);

/* ---- strings ---- */

static void reg_add(X86State *s, const Insn *in, unsigned reg, int64_t by)
{
    uint64_t val = s->g[reg] + by;

    if (in->amask == 0xffff) {
        s->g[reg] = (s->g[reg] & ~0xffffull) | (val & 0xffff);
    } else {
        s->g[reg] = val & in->amask;
    }
}

/* How many elements at once: forward, inside the page, no trap to be taken after each */
static uint64_t bulk_count(X86State *s, const Insn *in, uint64_t ea, unsigned size, uint64_t left)
{
    uint64_t page = (4096 - (ea & 0xfff)) / size;

    if ((s->rflags & (FLAG_TF | FLAG_DF)) || (s->hflags & H_ONE) || in->asz == 2) {
        return 1;
    }
    return MIN(left, MAX(page, 1));
}

static void ins_some(X86State *s, const Insn *in, uint16_t port, unsigned size, unsigned n)
{
    uint64_t ea = s->g[RDI] & in->amask;
    uint8_t buf[4096];
    uint8_t *host;

    soft_probe_w(s, in, in->index, ea, n * size);
    if (n == 1) {
        soft_st(s, in, in->index, ea, size, port_io(s, port, 0, size, false));
        return;
    }
    space_io_rep(s->vcpu->io, port, buf, size, n, false);
    soft_obey_map(s);
    host = soft_host(s, in, in->index, ea, n * size, true);
    if (host) {
        memcpy(host, buf, n * size);
        return;
    }
    for (unsigned i = 0; i < n; i++) {
        uint32_t val = 0;
        memcpy(&val, buf + i * size, size);
        soft_st(s, in, in->index, ea + i * size, size, val);
    }
}

static void outs_some(X86State *s, const Insn *in, uint16_t port, unsigned size, unsigned n)
{
    uint64_t ea = s->g[RSI] & in->amask;
    uint8_t buf[4096];

    if (n == 1) {
        port_io(s, port, soft_ld(s, in, in->seg, ea, size), size, true);
        return;
    }
    for (unsigned i = 0; i < n; i++) {
        uint32_t val = soft_ld(s, in, in->seg, ea + i * size, size);
        memcpy(buf + i * size, &val, size);
    }
    space_io_rep(s->vcpu->io, port, buf, size, n, true);
    soft_obey_map(s);
}

static const Insn *string_io(X86State *s, const Insn *in, bool is_in)
{
    unsigned size = io_size(in), reg = is_in ? RDI : RSI;
    uint16_t port = rd16(s, RDX * 8);
    int step = s->rflags & FLAG_DF ? -(int)size : (int)size;
    bool rep = in->prefix & PRE_REP;
    uint64_t left = rep ? s->g[RCX] & in->amask : 1;

    check_port(s, in, port, size);
    if (left) {
        uint64_t n = rep ? bulk_count(s, in, s->g[reg] & in->amask, size, left) : 1;

        if (is_in) {
            ins_some(s, in, port, size, n);
        } else {
            outs_some(s, in, port, size, n);
        }
        reg_add(s, in, reg, step * (int64_t)n);
        if (rep) {
            reg_add(s, in, RCX, -(int64_t)n);
        }
        left -= n;
    }
    if (left) {
        /* again, but first whoever wants the processor */
        s->rip = insn_rip(s, in);
        return NULL;
    }
    return insn_leave(s, in);
}

H(ins_all)
{
    RET(string_io(s, in, true));
}
FAMILY_ALL(ins, ins_all);

H(outs_all)
{
    RET(string_io(s, in, false));
}
FAMILY_ALL(outs, outs_all);
