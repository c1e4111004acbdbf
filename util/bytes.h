/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers in memory whose byte order a format fixes; any alignment. */
#ifndef UTIL_BYTES_H
#define UTIL_BYTES_H

#include <stdint.h>
#include <string.h>

#include <glib.h>

#define BYTES_ROWS(order, ORDER, bits)                               \
    static inline uint##bits##_t get_##order##bits(const void *p)    \
    {                                                                \
        uint##bits##_t v;                                            \
                                                                     \
        memcpy(&v, p, sizeof(v));                                    \
        return GUINT##bits##_FROM_##ORDER(v);                        \
    }                                                                \
    static inline void put_##order##bits(void *p, uint##bits##_t v) \
    {                                                                \
        v = GUINT##bits##_TO_##ORDER(v);                             \
        memcpy(p, &v, sizeof(v));                                    \
    }

BYTES_ROWS(le, LE, 16)
BYTES_ROWS(le, LE, 32)
BYTES_ROWS(le, LE, 64)
BYTES_ROWS(be, BE, 16)
BYTES_ROWS(be, BE, 32)
BYTES_ROWS(be, BE, 64)
#undef BYTES_ROWS

#endif
