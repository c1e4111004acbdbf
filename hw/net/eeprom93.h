/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A Microwire serial EEPROM, a 93C46 in its 16-bit organisation, as network cards have it: the
 * driver moves four wires by hand.
 */
#ifndef HW_NET_EEPROM93_H
#define HW_NET_EEPROM93_H

#include "core/state.h"

enum { EEPROM93_WORDS = 64 };

/* words: kept over a reset. The rest is the shift register. */
typedef struct Eeprom93 {
    uint16_t words[EEPROM93_WORDS];
    uint32_t shift;
    uint16_t out;
    uint8_t bits, phase, addr, opcode;
    bool cs, sk, dout, write_on;
    uint8_t pad[2];
} Eeprom93;
extern const Field Eeprom93_rows[];

/* realize. A card's maker programs it: its address in three words, the first byte lowest, and in
 * the last word what makes the sum of all baba. */
void eeprom93_init(Eeprom93 *);
void eeprom93_put_mac(Eeprom93 *, unsigned word, const uint8_t mac[6]);
void eeprom93_put_sum(Eeprom93 *);

/* the wires as the host drives them now; a command's bit is taken at SK's rising edge */
void eeprom93_wires(Eeprom93 *, bool cs, bool sk, bool din);
static inline bool eeprom93_dout(const Eeprom93 *e)
{
    return e->dout;
}

#endif
