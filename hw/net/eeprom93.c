/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 93C46 (Microchip DS21749, table 2-2; Atmel 93C46 data sheet), 16 bits a word.
 *
 *   CS up | 1 | opcode, 2 bits | address, 6 bits | 16 bits in (write) or out (read)
 *   10 read (goes on with the next word)   01 write   11 erase
 *   00 by the two top bits of the address: 11 writes on, 00 off, 10 erase all, 01 write all
 *
 * A write takes no time: after it DO says ready at once. Threads: the owner's.
 */
#include "hw/net/eeprom93.h"

enum { PHASE_START, PHASE_COMMAND, PHASE_READ, PHASE_WRITE, PHASE_DONE, PHASES };
enum { OP_EXTENDED, OP_WRITE, OP_READ, OP_ERASE };
enum { ADDR_BITS = 6, CARD_SUM = 0xbaba };

/* clang-format off */
const Field Eeprom93_rows[] = {
    FIELD_ARRAY(Eeprom93, words), FIELD(Eeprom93, shift), FIELD(Eeprom93, out), FIELD(Eeprom93, bits, .max = 32),
    FIELD(Eeprom93, phase, .max = PHASES - 1), FIELD(Eeprom93, addr, .max = EEPROM93_WORDS - 1),
    FIELD(Eeprom93, opcode, .max = 3), FIELD(Eeprom93, cs), FIELD(Eeprom93, sk), FIELD(Eeprom93, dout),
    FIELD(Eeprom93, write_on), FIELD_PAD(Eeprom93, pad), FIELD_END
};
/* clang-format on */

void eeprom93_init(Eeprom93 *e)
{
    e->dout = true;
}

void eeprom93_put_mac(Eeprom93 *e, unsigned word, const uint8_t mac[6])
{
    for (unsigned i = 0; i < 3; i++)
        e->words[word + i] = mac[2 * i] | mac[2 * i + 1] << 8;
}

void eeprom93_put_sum(Eeprom93 *e)
{
    uint16_t sum = 0;
    for (unsigned i = 0; i < EEPROM93_WORDS - 1; i++)
        sum += e->words[i];
    e->words[EEPROM93_WORDS - 1] = CARD_SUM - sum;
}

static void eeprom93_fill(Eeprom93 *e, uint16_t val)
{
    for (unsigned i = 0; i < EEPROM93_WORDS && e->write_on; i++)
        e->words[i] = val;
}

/* start bit, opcode and address are in shift */
static void eeprom93_command(Eeprom93 *e)
{
    e->addr = e->shift & (EEPROM93_WORDS - 1);
    e->opcode = e->shift >> ADDR_BITS & 3;
    unsigned extended = e->addr >> (ADDR_BITS - 2);
    e->bits = 0;
    e->phase = PHASE_DONE;
    if (e->opcode == OP_READ) {
        e->out = e->words[e->addr];
        e->dout = false; /* the dummy bit before the data */
        e->phase = PHASE_READ;
    } else if (e->opcode == OP_WRITE || (e->opcode == OP_EXTENDED && extended == 1)) {
        e->phase = PHASE_WRITE;
    } else if (e->opcode == OP_ERASE) {
        if (e->write_on)
            e->words[e->addr] = 0xffff;
    } else if (extended == 2) {
        eeprom93_fill(e, 0xffff);
    } else {
        e->write_on = extended == 3;
    }
}

static void eeprom93_store(Eeprom93 *e)
{
    if (e->opcode == OP_EXTENDED)
        eeprom93_fill(e, e->shift);
    else if (e->write_on)
        e->words[e->addr] = e->shift;
    e->phase = PHASE_DONE;
}

static void eeprom93_read_bit(Eeprom93 *e)
{
    e->dout = e->out & 0x8000;
    e->out <<= 1;
    if (++e->bits == 16) {
        e->bits = 0;
        e->addr = (e->addr + 1) & (EEPROM93_WORDS - 1);
        e->out = e->words[e->addr];
    }
}

static void eeprom93_clock(Eeprom93 *e, bool din)
{
    switch (e->phase) {
    case PHASE_START:
        if (din) {
            e->phase = PHASE_COMMAND;
            e->bits = e->shift = 0;
        }
        break;
    case PHASE_COMMAND:
        e->shift = e->shift << 1 | din;
        if (++e->bits >= 2 + ADDR_BITS)
            eeprom93_command(e);
        break;
    case PHASE_READ: eeprom93_read_bit(e); break;
    case PHASE_WRITE:
        e->shift = e->shift << 1 | din;
        if (++e->bits >= 16)
            eeprom93_store(e);
        break;
    }
}

void eeprom93_wires(Eeprom93 *e, bool cs, bool sk, bool din)
{
    if (!cs || !e->cs) {
        e->phase = PHASE_START;
        e->dout = true; /* ready, or not driven and pulled up */
    }
    if (cs && sk && !e->sk && e->cs)
        eeprom93_clock(e, din);
    e->cs = cs;
    e->sk = sk;
}
