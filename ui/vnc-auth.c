/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VNC authentication: the viewer encrypts a random challenge with DES, the password being the key,
 * at most 8 bytes, the bits of each byte reversed. Source: RFC 6143, 7.2.2. Weak by today's
 * measure.
 */
#include <nettle/des.h>
#include <string.h>
#include <sys/random.h>

#include "ui/vnc-int.h"

void vnc_challenge(uint8_t challenge[16])
{
    if (getrandom(challenge, 16, 0) != 16)
        g_error("no random numbers from the kernel");
}

bool vnc_response_ok(const uint8_t challenge[16], const uint8_t response[16], const char *password)
{
    struct des_ctx des;
    uint8_t key[8] = { 0 }, want[16], differ = 0;
    for (unsigned i = 0; i < 8 && password[i]; i++)
        for (unsigned bit = 0; bit < 8; bit++)
            key[i] |= (password[i] >> bit & 1) << (7 - bit);
    des_set_key(&des, key); /* false means a weak key: it is the user's choice */
    des_encrypt(&des, 16, want, challenge);
    for (unsigned i = 0; i < 16; i++)
        differ |= want[i] ^ response[i];
    return !differ;
}
