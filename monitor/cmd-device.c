/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Commands that show the machine: its devices and buses, its memory map, its interrupt chips. All
 * of it comes from descriptors; no kind of device is known here but by name.
 */
#include "monitor/monitor-int.h"

#include <inttypes.h>
#include <string.h>

#include "core/device-add.h"
#include "core/memory.h"
#include "util/text.h"

/* ---- info qtree ---- */

static void tree_printf(GString *s, int indent, const char *fmt, ...) G_GNUC_PRINTF(3, 4);
static void tree_printf(GString *s, int indent, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_string_append_printf(s, "%*s", indent, "");
    g_string_append_vprintf(s, fmt, ap);
    va_end(ap);
}

static void tree_value(GString *s, const Prop *row, const Json *v)
{
    g_autofree char *size = NULL;
    switch (v->kind) {
    case J_BOOL: g_string_append(s, v->b ? "true" : "false"); break;
    case J_INT:
    case J_UINT:
        if (row->kind == P_SIZE)
            g_string_append_printf(s, "%" PRIu64 " (%s)", v->u, size = text_size_print(v->u));
        else if (v->kind == J_INT)
            g_string_append_printf(s, "%" PRId64 " (0x%" PRIx64 ")", v->i, (uint64_t)v->i);
        else
            g_string_append_printf(s, "%" PRIu64 " (0x%" PRIx64 ")", v->u, v->u);
        break;
    case J_STR: g_string_append_printf(s, "\"%s\"", v->s); break;
    case J_NULL: g_string_append(s, "\"\""); break;
    default: json_print(s, v, 0);
    }
}

/* some: those of all that are drawn; a nameless part's count as its owner's */
static void tree_rows(GString *s, int indent, const Prop *all, const Prop *some, const Device *d)
{
    for (const Prop *p = some; p && p->kind != P_END; p++) {
        if (!p->name && p->kind == P_PART)
            tree_rows(s, indent, all, p->aux, d);
        if (!p->name || p->kind == P_ALIAS || p->flags & PROP_HIDDEN)
            continue;
        g_autoptr(Json) v = prop_get(all, d, p->name);
        tree_printf(s, indent, "%s = ", p->name);
        if (v)
            tree_value(s, p, v);
        else
            g_string_append(s, "\"\"");
        g_string_append_c(s, '\n');
    }
}

static void tree_props(GString *s, int indent, const Prop *rows, const Device *d)
{
    tree_rows(s, indent, rows, rows, d);
}

static void tree_pins(GString *s, int indent, const Pin *pins)
{
    for (const Pin *p = pins; p && p->name; p++)
        tree_printf(s, indent, "gpio-%s \"%s\" %u\n", p->out ? "out" : "in", p->name, p->count);
}

static void tree_bus(GString *s, int indent, Bus *bus);

static void tree_device(GString *s, int indent, Device *d)
{
    Bus *bus;
    tree_printf(s, indent, "dev: %s, id \"%s\"\n", d->type->name, d->id ? d->id : "");
    indent += 2;
    tree_pins(s, indent, d->type->pins);
    tree_props(s, indent, d->type->props, d);
    if (d->bus)
        tree_props(s, indent, d->bus->type->props, d);
    if (d->bus && d->bus->type->info)
        d->bus->type->info(d, s, indent);
    for (unsigned i = 0; (bus = device_bus(d, i)); i++)
        tree_bus(s, indent, bus);
}

static void tree_bus(GString *s, int indent, Bus *bus)
{
    tree_printf(s, indent, "bus: %s\n", bus->name);
    tree_printf(s, indent + 2, "type %s\n", bus->type->name);
    for (guint i = 0; i < bus->devices->len; i++)
        tree_device(s, indent + 2, bus->devices->pdata[i]);
}

/* What sits on no bus is drawn on the one that 7.2 has for such devices. */
static void tree_top(Device *d, void *o)
{
    if (!d->bus && d != d->vm->root)
        tree_device(o, 2, d);
}

CMD(info_qtree, NULL, "info qtree", NULL, Empty, Empty, 0, "show device tree");

static bool cmd_info_qtree(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    Bus *bus;
    g_string_append(r->text, "bus: main-system-bus\n  type System\n");
    device_foreach(vm, tree_top, r->text);
    for (unsigned i = 0; vm->root && (bus = device_bus(vm->root, i)); i++)
        tree_bus(r->text, 2, bus);
    return true;
}

/* ---- info pic ---- */

CMD(info_pic, NULL, "info pic", NULL, Empty, Empty, 0, "show PIC state");

static bool cmd_info_pic(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    static const char *const chips[] = { "ioapic", "isa-i8259" };
    bool any = false;
    for (size_t i = 0; i < G_N_ELEMENTS(chips); i++) {
        Device *d;
        for (unsigned n = 0; (d = device_find(vm, chips[i], n)); n++) {
            if (d->type->info)
                d->type->info(d, r->text);
            any = true;
        }
    }
    if (!any)
        reply_printf(r, "No interrupt controller\n");
    return true;
}

/* ---- info mtree ---- */

typedef struct MtreeArgs {
    bool flat, owner, disabled;
} MtreeArgs;

/* clang-format off */
static const Prop MtreeArgs_rows[] = {
    PROP_BOOL(MtreeArgs, flat,     "flat",     false, "what is really seen"),
    PROP_BOOL(MtreeArgs, owner,    "owner",    false, "whose each piece is"),
    PROP_BOOL(MtreeArgs, disabled, "disabled", false, "rows that are switched off too"),
    PROP_END (MtreeArgs)
};
/* clang-format on */

typedef struct Mtree {
    GString *s;
    const MtreeArgs *args;
    GPtrArray *rows;
    unsigned view;
} Mtree;

static const char *region_kind(const Region *r, bool readonly, bool io)
{
    if (io || r->kind == REGION_IO)
        return "i/o";
    if (r->kind == REGION_ROMD)
        return "romd";
    return readonly || r->kind == REGION_ROM ? "rom" : "ram";
}

static void mtree_owner(const Mtree *t, const Region *r)
{
    if (!t->args->owner || !r->owner)
        return;
    if (r->owner->id)
        g_string_append_printf(t->s, " owner:{dev id=%s}", r->owner->id);
    else
        g_string_append_printf(t->s, " owner:{dev path=%s}", r->owner->path);
}

static void mtree_row(const Mtree *t, const MapRow *m)
{
    const Region *r = m->region;
    g_string_append_printf(t->s, "    %016" PRIx64 "-%016" PRIx64 " (prio %d, %s): ", m->base,
                           m->base + m->size - 1, m->prio,
                           r ? region_kind(r, m->readonly, m->io) : "hole");
    if (r && (m->off || m->size != r->size))
        g_string_append_printf(t->s, "alias %s @%s %016" PRIx64 "-%016" PRIx64, r->name, r->name,
                               m->off, m->off + m->size - 1);
    else
        g_string_append(t->s, r ? r->name : "hole");
    if (!m->on)
        g_string_append(t->s, " [disabled]");
    if (r)
        mtree_owner(t, r);
    g_string_append_c(t->s, '\n');
}

static void mtree_collect(void *o, const MapRow *m)
{
    Mtree *t = o;
    if (m->size && (m->on || t->args->disabled))
        g_ptr_array_add(t->rows, (gpointer)m);
}

static int by_base(gconstpointer a, gconstpointer b)
{
    const MapRow *x = *(const MapRow *const *)a, *y = *(const MapRow *const *)b;
    return x->base != y->base ? (x->base > y->base) - (x->base < y->base) : y->prio - x->prio;
}

static void mtree_space(void *o, Space *sp, Space *below)
{
    Mtree *t = o;
    const char *name = space_name(sp);
    bool ports = strcmp(name, "I/O") == 0;
    g_string_append_printf(t->s, "address-space: %s\n  %016d-%016" PRIx64 " (prio 0, i/o): %s\n",
                           name, 0, ports ? 0xffff : UINT64_MAX, ports ? "io" : "system");
    g_ptr_array_set_size(t->rows, 0);
    space_foreach(sp, mtree_collect, t);
    g_ptr_array_sort(t->rows, by_base);
    for (guint i = 0; i < t->rows->len; i++)
        mtree_row(t, t->rows->pdata[i]);
    if (below)
        g_string_append_printf(t->s, "    below: %s\n", space_name(below));
    g_string_append_c(t->s, '\n');
}

static void mtree_flat(void *o, Space *sp, Space *below)
{
    Mtree *t = o;
    const FlatMap *map = NULL;
    const FlatMap *m = space_flat(sp, &map);
    g_string_append_printf(t->s, "FlatView #%u\n AS \"%s\", root: %s\n Root memory region: %s\n",
                           t->view++, space_name(sp), space_name(sp), space_name(sp));
    for (size_t i = 0; i < m->n; i++) {
        const Flat *f = &m->row[i];
        g_string_append_printf(t->s, "  %016" PRIx64 "-%016" PRIx64 " (prio 0, %s): %s", f->base,
                               f->base + f->size - 1, region_kind(f->region, f->readonly, f->io),
                               f->region->name);
        if (f->off)
            g_string_append_printf(t->s, " @%016" PRIx64, f->off);
        mtree_owner(t, f->region);
        g_string_append_c(t->s, '\n');
    }
    if (!m->n)
        g_string_append(t->s, "  No rendered FlatView\n");
    g_string_append_c(t->s, '\n');
    space_flat_drop(&map);
}

CMD(info_mtree, NULL, "info mtree", "-f:flat -o:owner -D:disabled", MtreeArgs, Empty, 0,
    "show memory tree (-f: dump flat view for address spaces; -o: dump region owners/parents; -D: "
    "dump disabled regions)");

static bool cmd_info_mtree(Vm *vm, const MtreeArgs *a, Reply *r, GError **err)
{
    g_autoptr(GPtrArray) rows = g_ptr_array_new();
    Mtree t = { r->text, a, rows, 0 };
    spaces_foreach(vm, a->flat ? mtree_flat : mtree_space, &t);
    return true;
}

/* ---- info qdm, device_add, device_del ---- */

CMD(info_qdm, NULL, "info qdm", NULL, Empty, Empty, 0, "show qdev device model list");

static bool cmd_info_qdm(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    g_autofree char *list = device_list(true);
    g_string_append(r->text, list);
    return true;
}

CMD(device_add, "device_add", "device_add", "{driver}", DeviceArgs, Empty, 0,
    "add device, like -device on the command line");

static bool cmd_device_add(Vm *vm, const DeviceArgs *a, Reply *r, GError **err)
{
    bool asked = a->driver && text_is_help(a->driver);
    for (size_t i = 0; r->mon && a->rest && i < a->rest->n; i++)
        asked |= !a->driver && text_is_help(a->rest->mem[i].key);
    if (!asked)
        return device_add(vm, a, err);
    g_autofree char *list = device_list(false);
    g_string_append(r->text, list);
    return true;
}

typedef struct DelArgs {
    char *id;
} DelArgs;
static const Prop DelArgs_rows[] = { NEED_STR(DelArgs, id, "id", "the device's id, or its path"),
                                     PROP_END(DelArgs) };

CMD(device_del, "device_del", "device_del", "id", DelArgs, Empty, 0, "remove device");

static bool cmd_device_del(Vm *vm, const DelArgs *a, Reply *r, GError **err)
{
    Device *d = *a->id == '/' ? device_by_path(vm, a->id) : device_by_id(vm, a->id);
    if (!d)
        return user_fail(err, "Device '%s' not found", a->id);
    return device_del(d, err);
}
