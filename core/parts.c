/* SPDX-License-Identifier: GPL-2.0-or-later */
/* State parts by their rows: walking, zeroing, members of variable length. */
#include <string.h>

#include "core/device-int.h"

uint32_t part_count(const StatePart *p, const void *base)
{
    uint32_t n = p->n_off ? *(const uint32_t *)((const char *)base + p->n_off) : p->n;

    return MIN(n, p->n);
}

void parts_each(const StatePart *parts, void *base, PartFn *fn, void *o)
{
    for (const StatePart *p = parts; p && p->rows; p++)
        for (uint32_t i = 0; i < p->n; i++)
            fn(p, (char *)base + p->off + (size_t)i * p->len, o);
}

void device_parts(Device *d, bool bus_too, PartFn *fn, void *o)
{
    if (bus_too && d->type->bus)
        parts_each(d->type->bus->state, d, fn, o);
    parts_each(d->type->state, d, fn, o);
    for (guint i = 0; bus_too && i < d->core->buses->len; i++) {
        Bus *b = d->core->buses->pdata[i];
        parts_each(b->type->own, b, fn, o);
    }
}

static bool has_vars(const Field *f)
{
    for (; f->kind != F_END; f++)
        if (f->kind == F_VAR || (f->kind == F_STRUCT && has_vars(f->sub)))
            return true;
    return false;
}

typedef void VarFn(GByteArray **);

static void vars_each(const Field *f, char *part, VarFn *fn)
{
    for (; f->kind != F_END; f++) {
        if (f->kind == F_VAR)
            fn((GByteArray **)(part + f->off));
        for (uint32_t i = 0; f->kind == F_STRUCT && i < f->count; i++)
            vars_each(f->sub, part + f->off + (size_t)i * f->size, fn);
    }
}

static void var_make(GByteArray **v)
{
    *v = g_byte_array_new();
}

static void var_free(GByteArray **v)
{
    g_clear_pointer(v, g_byte_array_unref);
}

static void zero_rows(const Field *f, char *part)
{
    for (; f->kind != F_END; f++) {
        char *at = part + f->off;
        if (f->kind == F_VAR)
            g_byte_array_set_size(*(GByteArray **)at, 0);
        else if (f->kind != F_STRUCT)
            memset(at, 0, (size_t)f->size * f->count);
        for (uint32_t i = 0; f->kind == F_STRUCT && i < f->count; i++)
            zero_rows(f->sub, at + (size_t)i * f->size);
    }
}

void part_zero(const Field *rows, void *part, size_t len)
{
    if (has_vars(rows))
        zero_rows(rows, part);
    else
        memset(part, 0, len);
}

void part_make_vars(const Field *rows, void *part)
{
    vars_each(rows, part, var_make);
}

void part_free_vars(const Field *rows, void *part)
{
    vars_each(rows, part, var_free);
}

static void make_part(const StatePart *p, void *part, void *o)
{
    part_make_vars(p->rows, part);
}

static void free_part(const StatePart *p, void *part, void *o)
{
    part_free_vars(p->rows, part);
}

/* A bus's own parts are made by bus_init and freed by bus_free. */
void device_make_vars(Device *d)
{
    parts_each(d->type->bus ? d->type->bus->state : NULL, d, make_part, NULL);
    parts_each(d->type->state, d, make_part, NULL);
}

void device_free_vars(Device *d)
{
    parts_each(d->type->bus ? d->type->bus->state : NULL, d, free_part, NULL);
    parts_each(d->type->state, d, free_part, NULL);
}
