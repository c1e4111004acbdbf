/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Buses: their names, who is on them, the search for one with room. */
#include <string.h>

#include "core/device-int.h"

static unsigned next_number(Vm *vm, const char *prefix)
{
    GHashTable *h = vm_core(vm)->bus_numbers;
    unsigned n = GPOINTER_TO_UINT(g_hash_table_lookup(h, prefix));

    g_hash_table_insert(h, g_strdup(prefix), GUINT_TO_POINTER(n + 1));
    return n;
}

static void make_part(const StatePart *p, void *part, void *o)
{
    part_make_vars(p->rows, part);
}

static void free_part(const StatePart *p, void *part, void *o)
{
    part_free_vars(p->rows, part);
}

void bus_init(Bus *b, Device *owner, const BusType *t, const char *name)
{
    GPtrArray *buses = owner->core->buses;

    b->type = t;
    b->owner = owner;
    if (name)
        b->name = g_strdup(name);
    else if (owner->id)
        b->name = g_strdup_printf("%s.%u", owner->id, buses->len);
    else
        b->name = g_strdup_printf("%s.%u", t->prefix, next_number(owner->vm, t->prefix));
    b->devices = g_ptr_array_new();
    parts_each(t->own, b, make_part, NULL);
    g_ptr_array_add(buses, b);
}

void bus_free(Bus *b)
{
    parts_each(b->type->own, b, free_part, NULL);
    g_clear_pointer(&b->devices, g_ptr_array_unref);
    g_clear_pointer(&b->name, g_free);
}

Bus *device_bus(Device *d, unsigned n)
{
    return n < d->core->buses->len ? d->core->buses->pdata[n] : NULL;
}

bool bus_attach(Bus *b, Device *d, GError **err)
{
    if (b->type->attach && !b->type->attach(b, d, err))
        return false;
    d->bus = b;
    g_ptr_array_add(b->devices, d);
    return true;
}

void bus_drop(Bus *b, Device *d)
{
    g_ptr_array_remove(b->devices, d);
}

/* Buses of the machine first, then those of devices as they were made. */
static Bus *bus_next(Vm *vm, guint *dev, guint *n)
{
    GPtrArray *all = vm_core(vm)->devices;

    for (; *dev <= all->len; (*dev)++, *n = 0) {
        Device *d = *dev ? all->pdata[*dev - 1] : vm->root;
        Bus *b = device_bus(d, (*n)++);
        if (b)
            return b;
    }
    return NULL;
}

Bus *bus_find(Vm *vm, const char *name)
{
    guint dev = 0, n = 0;
    Bus *b;

    while ((b = bus_next(vm, &dev, &n)))
        if (!strcmp(b->name, name))
            return b;
    return NULL;
}

/* The error of the last one that refused is the user's, where there was any. */
bool bus_for(Vm *vm, const BusType *t, Device *d, GError **err)
{
    guint dev = 0, n = 0;
    g_autoptr(GError) last = NULL;
    Bus *b;

    while ((b = bus_next(vm, &dev, &n))) {
        if (b->type != t)
            continue;
        g_clear_error(&last);
        if (bus_attach(b, d, &last))
            return true;
    }
    if (last) {
        g_propagate_error(err, g_steal_pointer(&last));
        return false;
    }
    return user_fail(err, "No '%s' bus found for device '%s'", t->name, d->type->name);
}
