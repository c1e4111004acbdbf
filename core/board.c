/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A board is read as a schematic: its first error sticks, NULL passes through. */
#include <string.h>

#include "core/device-int.h"

static bool board_set(Device *d, const char *kv, GError **err)
{
    const DeviceType *t = d->type;

    /* one text for both tables: the keys that are rows of the bus go there */
    g_auto(GStrv) items = g_strsplit(kv, ",", -1);
    for (char **i = items; *i; i++) {
        char *eq = strchr(*i, '=');
        g_autofree char *key = eq ? g_strndup(*i, eq - *i) : g_strdup(*i);
        g_autoptr(Json) word = json_kv(eq ? eq + 1 : "on");
        if (!device_set(d, key, word, err)) {
            g_prefix_error(err, "%s: ", t->name);
            return false;
        }
    }
    return true;
}

Device *board_add(Board *b, const char *type, const char *name, Bus *bus, const char *kv)
{
    const DeviceType *t = device_type(type);

    if (b->err)
        return NULL;
    if (!t) {
        user_fail(&b->err, "the board needs a '%s', which is not built in", type);
        return NULL;
    }
    Device *d = device_part(b->vm->root, t, name);
    if (kv && !board_set(d, kv, &b->err))
        return NULL;
    return device_realize(d, bus, &b->err) ? d : NULL;
}

Bus *board_bus(Device *d, unsigned n)
{
    return d ? device_bus(d, n) : NULL;
}

void board_wire(Device *d, const char *out, unsigned n, const IrqLine *to)
{
    if (d)
        wire(d, out, n, to);
}

const IrqLine *board_pin(Device *d, const char *in, unsigned n)
{
    return d ? pin(d, in, n) : NULL;
}

void board_wires(Device *d, const char *out, Device *to, const char *in, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        board_wire(d, out, i, board_pin(to, in, i));
}

bool board_ok(Board *b, GError **err)
{
    if (!b->err)
        return true;
    g_propagate_error(err, g_steal_pointer(&b->err));
    return false;
}
