/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A Microwire serial EEPROM of the 93C46 to 93C66 family in its 16-bit organisation, as network
 * cards have it: the driver moves four wires by hand.
 */
#ifndef HW_NET_EEPROM93_H
#define HW_NET_EEPROM93_H

#include "core/state.h"

enum { EEPROM93_MOST = 256 };

/* words: kept over a reset. The rest is the shift register. */
typedef struct Eeprom93 {
    uint16_t words[EEPROM93_MOST];
    uint32_t shift;
    uint16_t out;
    uint8_t bits, phase, addr, opcode;
    uint8_t addr_bits; /* 6: 64 words, 8: 256 */
    bool cs, sk, dout, write_on;
    uint8_t pad[1];
} Eeprom93;
extern const Field Eeprom93_rows[];

/* realize; addr_bits 6 to 8 */
void eeprom93_init(Eeprom93 *, unsigned addr_bits);

/* the wires as the host drives them now; a command's bit is taken at SK's rising edge */
void eeprom93_wires(Eeprom93 *, bool cs, bool sk, bool din);
static inline bool eeprom93_dout(const Eeprom93 *e)
{
    return e->dout;
}

#endif
