/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What of a device is saved, loaded and migrated, as rows over its state structs. A state struct
 * has no holes (members large to small, an explicit pad[] with its FIELD_PAD): then "rows tile the
 * struct" proves that every byte is covered.
 */
#ifndef CORE_STATE_H
#define CORE_STATE_H

#include <glib.h>

#include "core/types.h"

typedef enum { F_END, F_BOOL, F_INT, F_STRUCT, F_VAR, F_PAD } FieldKind;

/*
 * One member. The last arguments of a row are designators: FIELD(T, head, .max = 15), .since = 2,
 * .when = has_x. max (0: none): load refuses more, by name, as it refuses a bool other than 0 and
 * 1. So every index, count and shift in state carries its max, and post_load is left only for
 * conditions between members. since: the part's version that brought it; when: sent only if true.
 */
typedef struct Field {
    const char *name;
    uint32_t off, size, count;
    uint8_t kind;
    uint16_t since;
    uint64_t max;
    bool (*when)(const void *part);
    const struct Field *sub;
} Field;

/* clang-format off */
#define FIELD_K(T, m) \
    _Generic(((T *)0)->m, bool: F_BOOL, uint8_t: F_INT, uint16_t: F_INT, uint32_t: F_INT, uint64_t: F_INT, \
             int8_t: F_INT, int16_t: F_INT, int32_t: F_INT, int64_t: F_INT)
#define FIELD_N(T, m)           .size = sizeof(((T *)0)->m[0]), .count = sizeof(((T *)0)->m) / sizeof(((T *)0)->m[0])
#define FIELD_1(T, m)           .size = sizeof(((T *)0)->m), .count = 1
#define FIELD_ROW(T, m, k, ...) { .name = #m, .off = offsetof(T, m), .kind = k, __VA_ARGS__ }

#define FIELD(T, m, ...)               FIELD_ROW(T, m, FIELD_K(T, m), FIELD_1(T, m), __VA_ARGS__)
#define FIELD_ARRAY(T, m, ...)         FIELD_ROW(T, m, FIELD_K(T, m[0]), FIELD_N(T, m), __VA_ARGS__)
#define FIELD_STRUCT(T, m, rows, ...)  FIELD_ROW(T, m, F_STRUCT, FIELD_1(T, m), .sub = rows, __VA_ARGS__)
#define FIELD_STRUCTS(T, m, rows, ...) FIELD_ROW(T, m, F_STRUCT, FIELD_N(T, m), .sub = rows, __VA_ARGS__)
/* m is a GByteArray * of at most `most` bytes and tiles as one pointer. The core makes it in device_new,
 * empties it (never NULLs it) where a part is zeroed, and frees it with the device. */
#define FIELD_VAR(T, m, most, ...)     FIELD_ROW(T, m, F_VAR, .size = sizeof(((T *)0)->m), .count = most, __VA_ARGS__)
#define FIELD_PAD(T, m)                FIELD_ROW(T, m, F_PAD, FIELD_1(T, m))
#define FIELD_END                      { .kind = F_END }
/* clang-format on */

/* n > 1: an array; n_off: a uint32_t config member says how many are sent (0: all n) */
typedef struct StatePart {
    const char *name;
    uint32_t off, len, n, n_off;
    uint16_t version;
    bool keep;
    const Field *rows;
} StatePart;

/* clang-format off */
#define STATE_ROW(T, m, l, tab, ver, ...) { .name = #m, .off = offsetof(T, m), .len = l, .version = ver, .rows = tab, __VA_ARGS__ }
/* the core zeroes it before reset hooks run */
#define STATE(T, m, rows, ver)      STATE_ROW(T, m, sizeof(((T *)0)->m), rows, ver, .n = 1)
/* survives reset: CMOS, EEPROM, tray, guest-set MAC. Its first values: realize */
#define STATE_KEEP(T, m, rows, ver) STATE_ROW(T, m, sizeof(((T *)0)->m), rows, ver, .n = 1, .keep = true)
/* virtqueues, ports: num (a uint32_t config member) of them */
#define STATE_ARRAY(T, m, num, rows, ver) \
    STATE_ROW(T, m, sizeof(((T *)0)->m[0]), rows, ver, .n = sizeof(((T *)0)->m) / sizeof(((T *)0)->m[0]), .n_off = offsetof(T, num))
/* one part a chip: two UARTs, two channels; a plug-in drive is a device with its own */
#define STATE_PARTS(...)            (const StatePart[]){ __VA_ARGS__, { .rows = NULL } }
/* clang-format on */

/* Around each state struct: gcc refuses a hole where it is written. Names of rows and parts are
 * wire format: a golden file of all of them is a test. */
#define STATE_BEGIN _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic error \"-Wpadded\"")
#define STATE_END   _Pragma("GCC diagnostic pop")

/*
 * Locked, vCPUs stopped. The bus's parts, the device's own, then those of the buses it owns;
 * state.c draws the stream. Loading checks every row on a copy, then exchanges it and runs
 * post_load: a refused stream leaves the device as it was. Then sync(), and timers with a deadline
 * are armed. A load sets no IRQ line: sinks travel too.
 */
void state_save(Device *, GByteArray *);
bool state_load(Device *, const uint8_t *, size_t n, GError **);

#endif
