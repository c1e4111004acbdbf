/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The SCRIPTS processor (LSI53C895A technical manual, 5): block moves, I/O, read/write, transfer
 * control, memory moves, load and store. A script runs until it needs something of the bus, is
 * interrupted, or has run for its share: a guest's endless loop goes on from a timer, so that
 * everybody else has his turn.
 */
#include <string.h>

#include "hw/scsi/lsi.h"

enum { SHARE = 20000, PAUSE_NS = 20000 };
enum { INSN_BLOCK, INSN_IO, INSN_CONTROL, INSN_MEMORY };
enum { BIT_RELATIVE_IO = 1 << 26, BIT_TABLE_IO = 1 << 25, BIT_ATN_IO = 1 << 24 };

static int32_t sign24(uint32_t v)
{
    return (int32_t)(v << 8) >> 8;
}

/* ---- memory: the guest's, or the chip's own registers ---- */

/* Its own registers, by the address of either BAR; a transfer to them is one byte at a time. */
static bool own_register(Lsi *s, uint64_t addr, bool io, unsigned *reg)
{
    uint64_t base;

    if (!pci_bar_at(&s->pci, io ? 0 : 1, &base) || addr < base || addr - base >= 256)
        return false;
    *reg = addr - base;
    return true;
}

static bool memory_rw(Lsi *s, uint64_t addr, uint8_t *p, uint32_t n, bool io, bool write)
{
    unsigned reg;

    if (own_register(s, addr, io, &reg)) {
        for (uint32_t i = 0; i < n; i++, reg = (reg + 1) & 0xff) {
            if (write)
                lsi_reg_write(s, reg, p[i]);
            else
                p[i] = lsi_reg_read(s, reg);
        }
        return true;
    }
    if (io)
        return false; /* other devices' ports are out of reach */
    return write ? dma_write(&s->pci.dev, addr, p, n) : dma_read(&s->pci.dev, addr, p, n);
}

static uint32_t fetch(Lsi *s, uint64_t addr, bool *ok)
{
    uint8_t p[4] = { 0 };

    *ok &= dma_read(&s->pci.dev, addr, p, 4);
    return get_le32(p);
}

static void bus_fault(Lsi *s)
{
    lsi_dma_interrupt(s, DSTAT_BF);
}

/* ---- block moves ---- */

static uint64_t move_address(const Lsi *s)
{
    return (uint64_t)s->st.move_high << 32 | lsi_get32(s, DNAD);
}

static uint32_t counter(const Lsi *s)
{
    return lsi_get32(s, DBC) & 0xffffff;
}

static void set_counter(Lsi *s, uint32_t n)
{
    lsi_put32(s, DBC, (lsi_get32(s, DBC) & 0xff000000) | (n & 0xffffff));
}

/* n bytes went: counter down, address up */
static void count_moved(Lsi *s, uint32_t n)
{
    uint64_t addr = move_address(s) + n;

    set_counter(s, counter(s) - n);
    s->st.move_high = addr >> 32;
    lsi_put32(s, DNAD, addr);
    lsi_put32(s, SBC, (lsi_get32(s, SBC) + n) & 0xffffff);
    lsi_put32(s, CSBC, lsi_get32(s, CSBC) + n);
}

/* The target wants another phase than the script: an interrupt, or the jump that the driver asked
 * for, which finds in these registers how far the move was. */
static void phase_mismatch(Lsi *s)
{
    bool to_guest = s->st.insn >> 24 & 1;
    uint8_t how = s->st.reg[CCNTL0];

    s->st.moving = false;
    if (!(how & CCNTL0_ENPMJ)) {
        lsi_scsi_interrupt(s, SIST0_MA, 0);
        return;
    }
    lsi_put32(s, UA, lsi_get32(s, DNAD));
    lsi_put32(s, RBC, counter(s) | (s->st.insn & 0xff000000));
    lsi_put32(s, IA, s->st.at);
    bool second = how & CCNTL0_PMJCTL ? to_guest : s->st.reg[SCNTL2] & 1; /* WSR */
    lsi_put32(s, DSP, lsi_get32(s, second ? PMJAD2 : PMJAD1));
}

enum { ADDR_32, ADDR_TABLE_40, ADDR_TABLE_64, ADDR_DIRECT_64 };

static unsigned addressing(const Lsi *s, bool table)
{
    uint8_t c = s->st.reg[CCNTL1];

    if (!table)
        return c & 1 ? ADDR_DIRECT_64 : ADDR_32;
    return !(c & 2) ? ADDR_32 : c & 4 ? ADDR_TABLE_40 : ADDR_TABLE_64;
}

/* In that mode five bits choose the register that has the upper half. */
static uint32_t chosen_high(const Lsi *s, uint32_t n)
{
    if (n < 16)
        return lsi_get32(s, SCRATCHC + 4 * n);
    return n <= 0x15 ? lsi_get32(s, MMRS + 4 * (n - 16)) : 0;
}

/* Where and how much; false: memory refused */
static bool block_operands(Lsi *s, uint32_t insn, uint32_t dsps)
{
    bool ok = true, table = insn & 1 << 28;
    unsigned mode = addressing(s, table);
    uint32_t count = insn & 0xffffff, addr = dsps;

    s->st.move_high = 0;
    if (table) {
        uint32_t entry = lsi_get32(s, DSA) + sign24(dsps), first = fetch(s, entry, &ok);
        addr = fetch(s, entry + 4, &ok);
        count = first & 0xffffff;
        lsi_put32(s, ESA, entry);
        if (mode == ADDR_TABLE_40)
            s->st.move_high = first >> 24;
        else if (mode == ADDR_TABLE_64)
            s->st.move_high = chosen_high(s, first >> 24 & 0x1f);
    } else if (mode == ADDR_DIRECT_64) {
        s->st.move_high = fetch(s, lsi_get32(s, DSP), &ok);
        lsi_put32(s, DSP, lsi_get32(s, DSP) + 4);
    }
    if (insn & 1 << 29)
        addr = fetch(s, addr, &ok);
    lsi_put32(s, DNAD, addr);
    lsi_put32(s, SBC, 0);
    set_counter(s, count);
    return ok;
}

/* The script waits for a target that is not there: it never answered, or has left. */
static void nobody(Lsi *s)
{
    bool sto = s->st.no_answer;

    s->st.moving = s->st.no_answer = false;
    lsi_scsi_interrupt(s, sto ? 0 : SIST0_UDC, sto ? SIST1_STO : 0);
}

/* The bytes of one phase; more than one piece may be needed. -> bytes moved, for the share */
static uint32_t move_data(Lsi *s)
{
    uint32_t n = 0, all = counter(s);
    uint8_t *p = lsi_piece(s, &n);
    bool to_guest = s->st.phase == PH_DATA_IN;

    if (!p) { /* the target has the phase, but its command was lost with a loaded state */
        lsi_scsi_interrupt(s, SIST0_UDC, 0);
        return 0;
    }
    n = MIN(n, all);
    if (!memory_rw(s, move_address(s), p, n, false, to_guest)) {
        s->st.moving = false;
        bus_fault(s);
        return 0;
    }
    s->st.reg[SFBR] = n ? p[0] : s->st.reg[SFBR];
    count_moved(s, n);
    s->st.moving = counter(s);
    lsi_piece_moved(s, n);
    return n;
}

static uint32_t move_message_in(Lsi *s)
{
    uint8_t p[8];
    uint64_t addr = move_address(s);
    uint32_t n = lsi_message_in(s, p, MIN(counter(s), sizeof(p)));

    if (n) {
        s->st.reg[SFBR] = p[0];
        s->st.reg[SIDL] = p[n - 1]; /* the latch: Linux's driver reads tags there */
    }
    count_moved(s, n);
    if (n && !memory_rw(s, addr, p, n, false, true))
        bus_fault(s);
    /* a target that has gone wants nothing: the rest of the count is left */
    s->st.moving = counter(s) && s->st.phase != PH_FREE;
    return n;
}

static uint32_t move_from_guest(Lsi *s, bool command)
{
    uint8_t p[256] = { 0 };
    uint32_t n = MIN(counter(s), command ? SCSI_MAX_CDB : sizeof(p));

    s->st.moving = false;
    if (!memory_rw(s, move_address(s), p, n, false, false)) {
        bus_fault(s);
        return n;
    }
    s->st.reg[SFBR] = p[0];
    count_moved(s, n);
    if (!n)
        return 0;
    if (command)
        lsi_command(s, p, n);
    else
        lsi_message_out(s, p, n);
    return n;
}

static uint32_t move_status(Lsi *s)
{
    uint64_t addr = move_address(s);
    uint8_t status = lsi_status(s);

    s->st.moving = false;
    s->st.reg[SFBR] = s->st.reg[SIDL] = status;
    count_moved(s, 1);
    if (!memory_rw(s, addr, &status, 1, false, true))
        bus_fault(s);
    return 1;
}

/* The block move under way, in the phase that there is now. */
static uint32_t move_on(Lsi *s)
{
    uint8_t want = s->st.insn >> 24 & 7;

    if (s->st.phase == PH_FREE) {
        nobody(s);
        return 0;
    }
    if (s->st.phase == PH_NONE) {
        s->st.run = RUN_PHASE;
        return 0;
    }
    /* SeaBIOS selects without ATN and sends its IDENTIFY all the same */
    if (s->st.silent && want == PH_MSG_OUT && s->st.phase == PH_COMMAND)
        lsi_attention(s);
    s->st.silent = false;
    if (s->st.phase != want) {
        phase_mismatch(s);
        return 0;
    }
    if (!counter(s)) {
        s->st.moving = false;
        return 0;
    }
    switch (want) {
    case PH_DATA_IN:
    case PH_DATA_OUT: return move_data(s);
    case PH_COMMAND: return move_from_guest(s, true);
    case PH_STATUS: return move_status(s);
    case PH_MSG_OUT: return move_from_guest(s, false);
    case PH_MSG_IN: return move_message_in(s);
    }
    s->st.moving = false;
    lsi_dma_interrupt(s, DSTAT_IID);
    return 0;
}

static uint32_t block_move(Lsi *s, uint32_t insn, uint32_t dsps)
{
    if (!block_operands(s, insn, dsps)) {
        bus_fault(s);
        return 0;
    }
    s->st.insn = insn;
    s->st.moving = true;
    return move_on(s);
}

/* ---- I/O ---- */

static void select_target(Lsi *s, uint32_t insn, uint32_t other)
{
    unsigned id = insn >> 16 & 15;
    bool ok = true;

    if (insn & BIT_TABLE_IO) {
        uint32_t entry = fetch(s, lsi_get32(s, DSA) + sign24(insn & 0xffffff), &ok);
        id = entry >> 16 & 15;
        s->st.reg[SCNTL3] = entry >> 24;
        s->st.reg[SXFER] = entry >> 8;
    }
    if (!ok) {
        bus_fault(s);
        return;
    }
    s->st.reg[SDID] = id;
    if (s->st.no_answer) {
        nobody(s);
        return;
    }
    if (s->st.phase != PH_FREE) { /* somebody was faster */
        lsi_put32(s, DSP, other);
        return;
    }
    s->st.reg[SSTAT0] |= 4; /* WOA: won arbitration */
    s->st.no_answer = !lsi_select(s, id, insn & BIT_ATN_IO);
}

static void wait_reselect(Lsi *s, uint32_t other)
{
    if (lsi_reselect(s))
        return;
    if (s->st.reg[ISTAT0] & ISTAT_SIGP)
        lsi_put32(s, DSP, other);
    else
        s->st.run = RUN_RESELECT;
}

static void set_clear(Lsi *s, uint32_t insn, bool set)
{
    if (insn & 1 << 10)
        s->st.carry = set;
    if (!(insn & 1 << 3))
        return;
    if (set) {
        s->st.reg[SOCL] |= SOCL_ATN;
        lsi_attention(s);
    } else {
        s->st.reg[SOCL] &= ~SOCL_ATN;
    }
}

static void io_insn(Lsi *s, uint32_t insn, uint32_t dsps)
{
    uint32_t other = insn & BIT_RELATIVE_IO ? lsi_get32(s, DSP) + sign24(dsps) : dsps;

    switch (insn >> 27 & 7) {
    case 0: select_target(s, insn, other); break;
    case 1: /* WAIT DISCONNECT: it has, or does now */
    case 2:
        if (s->st.no_answer)
            nobody(s);
        else if ((insn >> 27 & 7) == 2)
            wait_reselect(s, other);
        else
            lsi_disconnect(s);
        break;
    case 3: set_clear(s, insn, true); break;
    case 4: set_clear(s, insn, false); break;
    }
}

/* ---- read and write registers ---- */

static uint8_t alu(Lsi *s, unsigned op, uint8_t a, uint8_t b)
{
    unsigned sum;

    switch (op) {
    case 0: return b;
    case 1:
        sum = a << 1 | s->st.carry;
        s->st.carry = sum >> 8;
        return sum;
    case 2: return a | b;
    case 3: return a ^ b;
    case 4: return a & b;
    case 5:
        sum = a >> 1 | s->st.carry << 7;
        s->st.carry = a & 1;
        return sum;
    }
    sum = a + b + (op == 7 ? s->st.carry : 0);
    s->st.carry = sum >> 8;
    return sum;
}

static void register_insn(Lsi *s, uint32_t insn)
{
    unsigned reg = (insn >> 16 & 0x7f) | (insn & 0x80), how = insn >> 27 & 7, op = insn >> 24 & 7;
    uint8_t data = insn & 1 << 23 ? s->st.reg[SFBR] : insn >> 8;
    uint8_t a = how == 5 ? s->st.reg[SFBR] : op ? lsi_reg_read(s, reg) : 0;
    uint8_t val = alu(s, op, a, data);

    lsi_reg_write(s, how == 6 ? SFBR : reg, val);
}

/* ---- transfer control ---- */

static bool condition(const Lsi *s, uint32_t insn)
{
    bool yes = true;

    if (insn & 1 << 21)
        yes = s->st.carry;
    if (insn & 1 << 17)
        yes &= (s->st.reg[SSTAT1] & 7) == (insn >> 24 & 7);
    if (insn & 1 << 18) {
        uint8_t care = ~(insn >> 8);
        yes &= (s->st.reg[SFBR] & care) == (insn & care & 0xff);
    }
    return yes == !!(insn & 1 << 19);
}

static void control_insn(Lsi *s, uint32_t insn, uint32_t dsps)
{
    uint32_t dsp = lsi_get32(s, DSP), to = insn & 1 << 23 ? dsp + sign24(dsps) : dsps;

    if (insn & 1 << 16 && s->st.phase == PH_NONE) { /* WHEN: the same once more */
        lsi_put32(s, DSP, s->st.at);
        s->st.run = RUN_PHASE;
        return;
    }
    if (insn & 1 << 16 && s->st.phase == PH_FREE) {
        nobody(s);
        return;
    }
    if (!condition(s, insn))
        return;
    switch (insn >> 27 & 7) {
    case 0: lsi_put32(s, DSP, to); break;
    case 1:
        lsi_put32(s, TEMP, dsp);
        lsi_put32(s, DSP, to);
        break;
    case 2: lsi_put32(s, DSP, lsi_get32(s, TEMP)); break;
    case 3:
        if (insn & 1 << 20) {
            s->st.reg[ISTAT0] |= ISTAT_INTF;
            lsi_update_irq(s);
        } else {
            lsi_dma_interrupt(s, DSTAT_SIR);
        }
        break;
    default: lsi_dma_interrupt(s, DSTAT_IID);
    }
}

/* ---- memory ---- */

static uint32_t memory_move(Lsi *s, uint32_t insn, uint32_t from)
{
    bool ok = true, from_io = s->st.reg[DMODE] & DMODE_SIOM, to_io = s->st.reg[DMODE] & DMODE_DIOM;
    uint32_t n = insn & 0xffffff, to = fetch(s, lsi_get32(s, DSP), &ok);
    uint8_t buf[4096];

    lsi_put32(s, DSP, lsi_get32(s, DSP) + 4);
    lsi_put32(s, TEMP, to);
    for (uint32_t i = 0; ok && i < n;) {
        uint32_t part = MIN(n - i, sizeof(buf));
        ok = memory_rw(s, from + i, buf, part, from_io, false) &&
             memory_rw(s, to + i, buf, part, to_io, true);
        i += part;
    }
    if (!ok)
        bus_fault(s);
    return n;
}

static void load_store(Lsi *s, uint32_t insn, uint32_t dsps)
{
    uint32_t addr = insn & 1 << 28 ? lsi_get32(s, DSA) + sign24(dsps) : dsps, n = insn & 7;
    unsigned reg = insn >> 16 & 0xff;
    uint8_t p[8] = { 0 };

    if (insn & 1 << 24) {
        if (!memory_rw(s, addr, p, n, s->st.reg[DMODE] & DMODE_SIOM, false)) {
            bus_fault(s);
            return;
        }
        for (uint32_t i = 0; i < n; i++)
            lsi_reg_write(s, (reg + i) & 0xff, p[i]);
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        p[i] = lsi_reg_read(s, (reg + i) & 0xff);
    if (!memory_rw(s, addr, p, n, s->st.reg[DMODE] & DMODE_DIOM, true))
        bus_fault(s);
}

/* ---- the processor ---- */

static uint32_t step(Lsi *s)
{
    bool ok = true;
    uint32_t at = lsi_get32(s, DSP), insn = fetch(s, at, &ok), dsps = fetch(s, at + 4, &ok);

    if (!ok) {
        bus_fault(s);
        return 0;
    }
    if (!insn) { /* a move of nothing to nowhere, as SeaBIOS's script has it: a word, no more */
        lsi_put32(s, DSP, at + 4);
        return 0;
    }
    s->st.at = at;
    lsi_put32(s, DBC, insn);
    lsi_put32(s, DSPS, dsps);
    lsi_put32(s, DSP, at + 8);
    switch (insn >> 30) {
    case INSN_BLOCK: return block_move(s, insn, dsps);
    case INSN_IO:
        if ((insn >> 27 & 7) >= 5)
            register_insn(s, insn);
        else
            io_insn(s, insn, dsps);
        return 0;
    case INSN_CONTROL: control_insn(s, insn, dsps); return 0;
    }
    if (insn & 1 << 29)
        load_store(s, insn, dsps);
    else
        return memory_move(s, insn, dsps);
    return 0;
}

/* What it waited for may be there now. */
static void wake(Lsi *s)
{
    if (s->st.run == RUN_PHASE && s->st.phase != PH_NONE)
        s->st.run = RUN_GOING;
    if (s->st.run == RUN_RESELECT && lsi_reselect(s))
        s->st.run = RUN_GOING;
}

void lsi_run(Lsi *s)
{
    uint32_t used = 0;

    if (s->in_script)
        return;
    s->in_script = true;
    wake(s);
    while (s->st.run == RUN_GOING && used < SHARE) {
        used += 1 + (s->st.moving ? move_on(s) : step(s)) / 64;
        if (s->st.run == RUN_GOING && !s->st.moving && s->st.reg[DCNTL] & DCNTL_SSM)
            lsi_dma_interrupt(s, DSTAT_SSI);
        wake(s);
    }
    s->in_script = false;
    if (s->st.run == RUN_GOING)
        timer_set(&s->timer, clock_now(s->pci.dev.vm, CLOCK_VIRTUAL) + PAUSE_NS);
}

void lsi_resume(void *o)
{
    lsi_run(o);
}
