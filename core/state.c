/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * State by its rows. The stream of one device, numbers big-endian, a text is {u8 length, bytes}:
 *
 *   text address path, then parts, then an empty text
 *   part:  text name, u16 version, u32 elements, for each a field list
 *   list:  fields, then an empty text
 *   field: text name, u8 kind, u32 size, u32 count, then
 *          BOOL, INT: size * count bytes, each element little-endian as it lies in memory
 *          VAR:       count bytes (size is 1)
 *          STRUCT:    count field lists
 *
 * Loading reads into a copy; nothing of the device changes before every row was checked, and what
 * post_load refuses is put back. The stream is hostile: all lengths are bounded by our rows.
 */
#include "core/state.h"

#include <string.h>

#include "core/device-int.h"

/* ---- writing ---- */

static void put8(GByteArray *b, uint8_t v)
{
    g_byte_array_append(b, &v, 1);
}

static void put16(GByteArray *b, uint16_t v)
{
    v = GUINT16_TO_BE(v);
    g_byte_array_append(b, (const uint8_t *)&v, 2);
}

static void put32(GByteArray *b, uint32_t v)
{
    v = GUINT32_TO_BE(v);
    g_byte_array_append(b, (const uint8_t *)&v, 4);
}

static void put_text(GByteArray *b, const char *s)
{
    size_t n = strlen(s);

    g_assert(n <= 255);
    put8(b, n);
    g_byte_array_append(b, (const uint8_t *)s, n);
}

static void put_list(GByteArray *, const Field *, const char *part);

static void put_field(GByteArray *b, const Field *f, const char *at)
{
    const GByteArray *var = f->kind == F_VAR ? *(GByteArray *const *)at : NULL;

    put_text(b, f->name);
    put8(b, f->kind);
    put32(b, var ? 1 : f->size);
    put32(b, var ? var->len : f->count);
    if (var)
        g_byte_array_append(b, var->data, var->len);
    else if (f->kind != F_STRUCT)
        g_byte_array_append(b, (const uint8_t *)at, f->size * f->count);
    for (uint32_t i = 0; f->kind == F_STRUCT && i < f->count; i++)
        put_list(b, f->sub, at + (size_t)i * f->size);
}

static void put_list(GByteArray *b, const Field *rows, const char *part)
{
    for (const Field *f = rows; f->kind != F_END; f++)
        if (f->kind != F_PAD && (!f->when || f->when(part)))
            put_field(b, f, part + f->off);
    put_text(b, "");
}

static void put_parts(GByteArray *b, const StatePart *parts, const char *base)
{
    for (const StatePart *p = parts; p && p->rows; p++) {
        uint32_t n = part_count(p, base);
        put_text(b, p->name);
        put16(b, p->version);
        put32(b, n);
        for (uint32_t i = 0; i < n; i++)
            put_list(b, p->rows, base + p->off + (size_t)i * p->len);
    }
}

void state_save(Device *d, GByteArray *b)
{
    g_autoptr(GString) path = g_string_new(NULL);

    g_assert(vm_locked());
    device_addr(d, path);
    put_text(b, path->str);
    if (d->type->bus)
        put_parts(b, d->type->bus->state, (const char *)d);
    put_parts(b, d->type->state, (const char *)d);
    for (guint i = 0; i < d->core->buses->len; i++) {
        Bus *bus = d->core->buses->pdata[i];
        put_parts(b, bus->type->own, (const char *)bus);
    }
    put_text(b, "");
}

/* ---- reading ---- */

typedef struct Load {
    const uint8_t *p, *end;
    const char *device, *part;
    uint16_t version;
    GError **err;
} Load;

static bool refuse(Load *l, const char *field, const char *why)
{
    if (l->err && !*l->err)
        user_fail(l->err, "%s: %s%s%s: %s", l->device, l->part ? l->part : "state",
                  field ? "." : "", field ? field : "", why);
    return false;
}

static bool get_bytes(Load *l, void *to, size_t n)
{
    if ((size_t)(l->end - l->p) < n) {
        memset(to, 0, n);
        return refuse(l, NULL, "the stream ends too early");
    }
    memcpy(to, l->p, n);
    l->p += n;
    return true;
}

static bool get32(Load *l, uint32_t *v)
{
    if (!get_bytes(l, v, 4))
        return false;
    *v = GUINT32_FROM_BE(*v);
    return true;
}

static bool get16(Load *l, uint16_t *v)
{
    if (!get_bytes(l, v, 2))
        return false;
    *v = GUINT16_FROM_BE(*v);
    return true;
}

static bool get_text(Load *l, char text[256])
{
    uint8_t n;

    if (!get_bytes(l, &n, 1) || !get_bytes(l, text, n))
        return false;
    text[n] = 0;
    if (strlen(text) != n)
        return refuse(l, NULL, "a name with a zero byte");
    return true;
}

static uint64_t int_at(const uint8_t *p, uint32_t size)
{
    uint64_t v = 0;

    memcpy(&v, p, size);
    return v;
}

static bool values_ok(Load *l, const Field *f, const uint8_t *at)
{
    uint64_t max = f->kind == F_BOOL ? 1 : f->max;

    for (uint32_t i = 0; max && i < f->count; i++)
        if (int_at(at + (size_t)i * f->size, f->size) > max)
            return refuse(l, f->name, "a value out of range");
    return true;
}

static bool get_list(Load *, const Field *, char *part);

static bool get_var(Load *l, const Field *f, GByteArray *var, uint32_t n)
{
    if (n > f->count)
        return refuse(l, f->name, "too many bytes");
    if ((size_t)(l->end - l->p) < n)
        return refuse(l, f->name, "the stream ends too early");
    g_byte_array_set_size(var, 0);
    g_byte_array_append(var, l->p, n);
    l->p += n;
    return true;
}

static bool get_field(Load *l, const Field *f, char *at)
{
    uint8_t kind;
    uint32_t size, count;

    if (!get_bytes(l, &kind, 1) || !get32(l, &size) || !get32(l, &count))
        return false;
    if (kind != f->kind)
        return refuse(l, f->name, "another kind of member");
    if (kind == F_VAR)
        return get_var(l, f, *(GByteArray **)at, count);
    /* a struct's size may grow with a version: its rows say what is in it */
    if ((kind != F_STRUCT && size != f->size) || count != f->count)
        return refuse(l, f->name, "another size");
    if (kind != F_STRUCT)
        return get_bytes(l, at, (size_t)size * count) && values_ok(l, f, (uint8_t *)at);
    for (uint32_t i = 0; i < count; i++)
        if (!get_list(l, f->sub, at + (size_t)i * f->size))
            return false;
    return true;
}

static const Field *field_find(const Field *rows, const char *name, unsigned *n)
{
    for (*n = 0; rows->kind != F_END; rows++, (*n)++)
        if (rows->kind != F_PAD && !strcmp(rows->name, name))
            return rows;
    return NULL;
}

/* Every row that must be there was, and none that must not. */
static bool list_complete(Load *l, const Field *rows, const char *part, const bool *seen)
{
    for (const Field *f = rows; f->kind != F_END; f++) {
        bool want = f->kind != F_PAD && f->since <= l->version && (!f->when || f->when(part));
        if (seen[f - rows] != want)
            return refuse(l, f->name, want ? "missing" : "unexpected");
    }
    return true;
}

static bool get_list(Load *l, const Field *rows, char *part)
{
    unsigned n, total = 0;
    char name[256];

    while (rows[total].kind != F_END)
        total++;
    g_autofree bool *seen = g_new0(bool, total + 1);
    for (;;) {
        if (!get_text(l, name))
            return false;
        if (!*name)
            return list_complete(l, rows, part, seen);
        const Field *f = field_find(rows, name, &n);
        if (!f)
            return refuse(l, name, "unknown member");
        if (seen[n])
            return refuse(l, name, "twice");
        seen[n] = true;
        if (!get_field(l, f, part + f->off))
            return false;
    }
}

/* ---- the copy ---- */

/* All elements of one part as loaded, to be exchanged with the device's. */
typedef struct Copy {
    const StatePart *part;
    char *live, *mem;
    bool seen;
} Copy;

static void copies_add(GArray *out, const StatePart *parts, void *base)
{
    for (const StatePart *p = parts; p && p->rows; p++) {
        Copy c = { p, (char *)base + p->off, g_malloc0((size_t)p->len * p->n), false };
        for (uint32_t i = 0; i < p->n; i++)
            part_make_vars(p->rows, c.mem + (size_t)i * p->len);
        g_array_append_val(out, c);
    }
}

static void copy_clear(void *p)
{
    Copy *c = p;

    for (uint32_t i = 0; i < c->part->n; i++)
        part_free_vars(c->part->rows, c->mem + (size_t)i * c->part->len);
    g_free(c->mem);
}

static GArray *copies_make(Device *d)
{
    GArray *out = g_array_new(false, false, sizeof(Copy));

    g_array_set_clear_func(out, copy_clear);
    if (d->type->bus)
        copies_add(out, d->type->bus->state, d);
    copies_add(out, d->type->state, d);
    for (guint i = 0; i < d->core->buses->len; i++) {
        Bus *b = d->core->buses->pdata[i];
        copies_add(out, b->type->own, b);
    }
    return out;
}

static Copy *copy_find(GArray *copies, const char *name)
{
    for (guint i = 0; i < copies->len; i++) {
        Copy *c = &g_array_index(copies, Copy, i);
        if (!c->seen && !strcmp(c->part->name, name))
            return c;
    }
    return NULL;
}

static bool get_part(Load *l, Device *d, GArray *copies, const char *name)
{
    Copy *c = copy_find(copies, name);
    uint32_t n;

    if (!c)
        return refuse(l, NULL, "a part that this device does not have");
    c->seen = true;
    if (!get16(l, &l->version) || !get32(l, &n))
        return false;
    if (l->version > c->part->version)
        return refuse(l, NULL, "saved by a newer version");
    if (n != part_count(c->part, c->live - c->part->off))
        return refuse(l, NULL, "another number of elements");
    for (uint32_t i = 0; i < n; i++)
        if (!get_list(l, c->part->rows, c->mem + (size_t)i * c->part->len))
            return false;
    return true;
}

static bool get_parts(Load *l, Device *d, GArray *copies)
{
    char name[256];

    for (;;) {
        l->part = NULL;
        if (!get_text(l, name))
            return false;
        if (!*name)
            break;
        l->part = name;
        if (!get_part(l, d, copies, name))
            return false;
    }
    for (guint i = 0; i < copies->len; i++)
        if (!g_array_index(copies, Copy, i).seen) {
            l->part = g_array_index(copies, Copy, i).part->name;
            return refuse(l, NULL, "missing");
        }
    return l->p == l->end || refuse(l, NULL, "bytes after the end");
}

typedef struct Exchange {
    Device *d;
    GArray *copies;
} Exchange;

/* In the device's home. Deadlines change only while their timers are not armed. */
static void exchange(void *p)
{
    Exchange *x = p;

    device_disarm(x->d);
    for (guint i = 0; i < x->copies->len; i++) {
        Copy *c = &g_array_index(x->copies, Copy, i);
        for (size_t b = 0; b < (size_t)c->part->len * c->part->n; b++) {
            char t = c->live[b];
            c->live[b] = c->mem[b];
            c->mem[b] = t;
        }
    }
}

static bool post_load(Device *d, GError **err)
{
    if (d->bus && d->bus->type->post_load && !d->bus->type->post_load(d, err))
        return false;
    return !d->type->post_load || d->type->post_load(d, err);
}

bool state_load(Device *d, const uint8_t *bytes, size_t n, GError **err)
{
    g_autoptr(GError) mine = NULL;
    g_autoptr(GString) path = g_string_new(NULL);
    g_autoptr(GArray) copies = copies_make(d);
    g_autoptr(GPtrArray) one = g_ptr_array_new();
    Load l = { bytes, bytes + n, d->path, NULL, 0, &mine };
    Exchange x = { d, copies };
    char name[256];

    g_assert(vm_locked());
    device_addr(d, path);
    bool ok = get_text(&l, name) &&
              (!strcmp(name, path->str) || refuse(&l, NULL, "the state of another device")) &&
              get_parts(&l, d, copies);
    if (!ok) {
        g_propagate_error(err, g_steal_pointer(&mine));
        return false;
    }
    home_wait(d->home, exchange, &x);
    ok = post_load(d, err);
    if (!ok)
        home_wait(d->home, exchange, &x);
    g_ptr_array_add(one, d);
    device_settle(one);
    return ok;
}
