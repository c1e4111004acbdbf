/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The life of a device: NEW (rows can be set) -> REALIZING -> REALIZED -> LEAVING -> GONE. What a
 * device was given through core calls (rows of a map, doorbells, timers, claims of its links,
 * buses, parts, firmware files) is noted in its DeviceCore and taken back here, after a failed
 * realize just as after unrealize. Its memory stays until the last reference is gone: a home's DMA
 * may still end in it.
 */
#include "core/device.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/device-int.h"
#include "core/firmware.h"
#include "util/log.h"

SET_DECLARE(device);
SET_DECLARE(link);

static const Prop no_rows[] = { { .kind = P_END, .off = sizeof(Device) } };

static const DeviceType root_type = { .name = "machine",
                                      .desc = "the machine",
                                      .size = sizeof(Device) };

const DeviceType *device_type(const char *name)
{
    SET_FOREACH(device, p)
        if (!strcmp((*p)->name, name) || !g_strcmp0((*p)->alias, name))
            return *p;
    return NULL;
}

static const Prop *type_rows(const DeviceType *t)
{
    return t->props ? t->props : no_rows;
}

static const Prop *bus_rows(const DeviceType *t)
{
    return t->bus && t->bus->props ? t->bus->props : no_rows;
}

/* ---- references ---- */

void device_ref(Device *d)
{
    __atomic_add_fetch(&d->ref, 1, __ATOMIC_RELAXED);
}

static void device_free(void *p)
{
    Device *d = p;
    DeviceCore *c = d->core;

    for (guint i = 0; i < c->regions->len; i++)
        region_free(c->regions->pdata[i]);
    device_free_vars(d);
    prop_free(type_rows(d->type), d);
    prop_free(bus_rows(d->type), d);
    g_ptr_array_unref(c->timers);
    g_ptr_array_unref(c->regions);
    g_ptr_array_unref(c->buses);
    g_ptr_array_unref(c->parts);
    g_array_unref(c->waiting);
    g_clear_error(&c->err);
    g_free(c);
    g_free(d->id);
    g_free(d->path);
    g_free(d);
}

/* Only main frees: prop_free drops links, whose owners are main's. */
void device_unref(Device *d)
{
    if (__atomic_sub_fetch(&d->ref, 1, __ATOMIC_ACQ_REL))
        return;
    if (vm_locked() && !vcpu_self())
        device_free(d);
    else
        vm_call_main(d->vm, NULL, device_free, d);
}

/* ---- making ---- */

static void note_error(Device *d, GError *take)
{
    if (d->core->err)
        g_error_free(take);
    else
        d->core->err = take;
}

static const Prop *rows_with(Device *d, const char *prop)
{
    const Prop *rows = type_rows(d->type);

    return prop_find(rows, d, prop) ? rows : bus_rows(d->type);
}

static void lay_word(Device *d, const char *prop, const char *value)
{
    g_autoptr(Json) word = json_kv(value);
    GError *err = NULL;

    if (!prop_set(rows_with(d, prop), d, prop, word, d->vm, &err))
        note_error(d, err);
}

static bool means(const Device *d, const char *type)
{
    return !strcmp(d->type->name, type) || (d->type->bus && !strcmp(d->type->bus->name, type));
}

static void lay_compat(Device *d)
{
    const MachineType *m = d->vm->machine;
    GArray *globals = vm_core(d->vm)->globals;

    for (const CompatRow *const *t = m ? m->compat : NULL; t && *t; t++)
        for (const CompatRow *r = *t; r->type; r++)
            if (means(d, r->type))
                lay_word(d, r->prop, r->value);
    for (guint i = 0; i < globals->len; i++) {
        DeviceGlobal *g = &g_array_index(globals, DeviceGlobal, i);
        if (means(d, g->type))
            lay_word(d, g->prop, g->value);
    }
}

static Device *device_make(Vm *vm, const DeviceType *t)
{
    Device *d = g_malloc0(t->size);
    DeviceCore *c = g_new0(DeviceCore, 1);

    g_assert(t->size >= sizeof(Device));
    prop_lay_defaults(bus_rows(t), d);
    prop_lay_defaults(type_rows(t), d);
    d->type = t;
    d->vm = vm;
    d->ref = 1;
    d->core = c;
    c->timers = g_ptr_array_new();
    c->regions = g_ptr_array_new();
    c->buses = g_ptr_array_new();
    c->parts = g_ptr_array_new();
    c->waiting = g_array_new(false, false, sizeof(Waiter));
    device_make_vars(d);
    lay_compat(d);
    return d;
}

Device *device_new(Vm *vm, const DeviceType *t, const char *id)
{
    Device *d = device_make(vm, t);

    d->id = g_strdup(id);
    if (!id) {
        d->path = g_strdup_printf("/machine/peripheral-anon/device[%u]", vm_core(vm)->n_anon++);
        return d;
    }
    d->path = g_strdup_printf("/machine/peripheral/%s", id);
    if (device_by_id(vm, id))
        note_error(d, g_error_new(prop_error_quark(), PROP_ERROR_USER,
                                  "Duplicate ID '%s' for device", id));
    return d;
}

Device *device_part(Device *parent, const DeviceType *t, const char *name)
{
    Vm *vm = parent->vm;
    Device *d = device_make(vm, t);

    d->parent = parent;
    d->core->part = true;
    if (name)
        d->path = g_strdup_printf("%s/%s", parent->path, name);
    else if (parent == vm->root)
        d->path = g_strdup_printf("/machine/unattached/device[%u]", vm_core(vm)->n_unattached++);
    else
        d->path = g_strdup_printf("%s/device[%u]", parent->path, parent->core->parts->len);
    g_ptr_array_add(parent->core->parts, d);
    return d;
}

static const char *shown(const Device *d)
{
    return d->id ? d->id : d->path;
}

/* The old value comes back where the device refuses the new one. */
static bool set_live(Device *d, const Prop *rows, const char *prop, const Json *value, GError **err)
{
    const Prop *row = prop_find(rows, d, prop);

    if (!row || !(row->flags & PROP_LIVE) || !d->type->changed)
        return user_fail(
            err, "Attempt to set property '%s' on device '%s' (type '%s') after it was realized",
            prop, shown(d), d->type->name);
    g_autoptr(Json) old = prop_get(rows, d, prop);
    if (!prop_set(rows, d, prop, value, d->vm, err))
        return false;
    if (d->type->changed(d, row, err))
        return true;
    prop_set(rows, d, prop, old, d->vm, NULL);
    return false;
}

bool device_set(Device *d, const char *prop, const Json *value, GError **err)
{
    const Prop *rows = rows_with(d, prop);

    if (!prop_find(rows, d, prop))
        return user_fail(err, "Property '%s.%s' not found", d->type->name, prop);
    if (d->life != LIFE_NEW)
        return set_live(d, rows, prop, value, err);
    return prop_set(rows, d, prop, value, d->vm, err);
}

void device_global(Vm *vm, const char *type, const char *prop, const char *value)
{
    DeviceGlobal g = { g_strdup(type), g_strdup(prop), g_strdup(value) };

    g_array_append_val(vm_core(vm)->globals, g);
}

/* ---- links ---- */

static const PropLink *link_of(unsigned kind)
{
    SET_FOREACH(link, p)
        if ((*p)->kind == kind)
            return *p;
    return NULL;
}

typedef void LinkFn(Device *, const PropLink *, void *link, void *o);

static void links_in(Device *d, const Prop *rows, char *base, LinkFn *fn, void *o)
{
    for (const Prop *p = rows; p->kind != P_END; p++) {
        const PropLink *l = p->kind == P_LINK ? link_of(p->width) : NULL;
        void *link = l ? *(void **)(base + p->off) : NULL;
        if (link)
            fn(d, l, link, o);
        if (p->kind == P_PART && !(p->flags & PROP_BOXED))
            links_in(d, p->aux, base + p->off, fn, o);
    }
}

void device_links(Device *d, LinkFn *fn, void *o)
{
    links_in(d, bus_rows(d->type), (char *)d, fn, o);
    links_in(d, type_rows(d->type), (char *)d, fn, o);
}

static void release_link(Device *d, const PropLink *l, void *link, void *o)
{
    if (l->release)
        l->release(link, d);
}

static void *device_link_get(Vm *vm, const char *id, GError **err)
{
    Device *d = *id == '/' ? device_by_path(vm, id) : device_by_id(vm, id);

    if (!d) {
        user_fail(err, "Device '%s' not found", id);
        return NULL;
    }
    device_ref(d);
    return d;
}

static const char *device_link_id(const void *link)
{
    const Device *d = link;

    return shown(d);
}

static void device_link_drop(void *link)
{
    device_unref(link);
}

static const PropLink device_link = { .name = "device",
                                      .kind = LINK_DEVICE,
                                      .get = device_link_get,
                                      .id = device_link_id,
                                      .drop = device_link_drop };
REGISTER(link, device_link);

/* ---- what it was given ---- */

void device_own_timer(Device *d, Timer *t)
{
    g_ptr_array_add(d->core->timers, t);
}

void device_disown_timer(Device *d, Timer *t)
{
    g_ptr_array_remove(d->core->timers, t);
}

void device_own_region(Device *d, Region *r)
{
    g_ptr_array_add(d->core->regions, r);
}

static void unrealize(Device *);

/* What sits on the same bus but hangs on d: behind a USB hub */
static Device *hangs_on(const Device *d)
{
    GPtrArray *all = vm_core(d->vm)->devices;

    for (guint i = all->len; i-- > 0;) {
        Device *below = all->pdata[i];
        if (below->parent == d && below->bus && below->bus == d->bus && !below->core->part)
            return below;
    }
    return NULL;
}

/* What hangs below goes first, the last one made first. */
static void drop_below(Device *d)
{
    DeviceCore *c = d->core;
    Device *below;

    while ((below = hangs_on(d)))
        unrealize(below);
    for (guint b = c->buses->len; b-- > 0;) {
        Bus *bus = c->buses->pdata[b];
        while (bus->devices->len)
            unrealize(bus->devices->pdata[bus->devices->len - 1]);
    }
    while (c->parts->len) {
        Device *part = c->parts->pdata[c->parts->len - 1];
        if (part->life == LIFE_REALIZED)
            unrealize(part);
        g_ptr_array_set_size(c->parts, c->parts->len - 1);
        device_unref(part);
    }
}

static void take_back(Device *d)
{
    DeviceCore *c = d->core;

    drop_below(d);
    memory_forget(d);
    device_disarm(d);
    g_ptr_array_set_size(c->timers, 0);
    device_links(d, release_link, NULL);
    fw_forget(d);
    while (c->buses->len) {
        bus_free(c->buses->pdata[c->buses->len - 1]);
        g_ptr_array_set_size(c->buses, c->buses->len - 1);
    }
}

static void leave_bus(Device *d)
{
    if (!d->bus)
        return;
    bus_drop(d->bus, d);
    if (d->bus->type->detach)
        d->bus->type->detach(d->bus, d);
    d->bus = NULL;
    d->space = NULL;
}

static void unrealize(Device *d)
{
    d->life = LIFE_LEAVING;
    drop_below(d);
    device_lines_low(d);
    memory_forget(d);
    device_disarm(d);
    if (d->type->unrealize)
        d->type->unrealize(d);
    take_back(d);
    leave_bus(d);
    d->life = LIFE_GONE;
    g_ptr_array_remove(vm_core(d->vm)->devices, d);
    device_unref(d);
}

/* ---- realize ---- */

static bool may_hotplug(Device *d, Bus *bus, GError **err)
{
    if (!vm_is_complete(d->vm) || d->core->part)
        return true;
    if (!(d->type->flags & TYPE_HOTPLUG))
        return user_fail(err, "Device '%s' does not support hotplugging", d->type->name);
    if (bus && !bus->type->unplug_request)
        return user_fail(err, "Bus '%s' does not support hotplugging", bus->name);
    return true;
}

static bool enter_bus(Device *d, Bus *bus, GError **err)
{
    const BusType *want = d->type->bus;

    if (!want)
        return may_hotplug(d, NULL, err);
    if (bus && bus->type != want)
        return user_fail(err, "Device '%s' can't go on %s bus", d->type->name, bus->type->name);
    if (!bus)
        return bus_for(d->vm, want, d, err) && may_hotplug(d, d->bus, err);
    return may_hotplug(d, bus, err) && bus_attach(bus, d, err);
}

static bool plug(Device *d, bool hot, GError **err)
{
    const BusType *t = d->bus ? d->bus->type : NULL;

    return !t || !t->plugged || t->plugged(d->bus, d, hot, err);
}

static void come_alive(Device *d, guint at)
{
    VmCore *c = vm_core(d->vm);

    /* before what realize() made below it: reset goes parents first */
    g_ptr_array_insert(c->devices, at, d);
    if (d->core->part)
        device_ref(d);
    d->life = LIFE_REALIZED;
    d->core->hot = c->complete;
    if (c->complete)
        device_reset_tree(d);
}

bool device_realize(Device *d, Bus *bus, GError **err)
{
    guint at = vm_core(d->vm)->devices->len;
    bool hot = vm_is_complete(d->vm);

    g_assert(vm_locked() && d->life == LIFE_NEW);
    if (d->core->err) {
        g_propagate_error(err, g_steal_pointer(&d->core->err));
        return false;
    }
    if (!boot_index_check(d, err))
        return false;
    if (!enter_bus(d, bus, err)) {
        leave_bus(d);
        return false;
    }
    if (!d->parent)
        d->parent = d->bus ? d->bus->owner : d->vm->root;
    d->life = LIFE_REALIZING;
    bool ok = !d->type->realize || d->type->realize(d, err);
    if (ok && !plug(d, hot, err)) {
        if (d->type->unrealize)
            d->type->unrealize(d);
        ok = false;
    }
    if (!ok) {
        take_back(d);
        leave_bus(d);
        d->life = LIFE_GONE;
        return false;
    }
    come_alive(d, at);
    return true;
}

/* ---- unplug ---- */

static void deleted(Device *d)
{
    EventDevice e = { d->id, d->path };

    event_device_deleted(d->vm, &e);
    unrealize(d);
}

static void quiesced_below(void *p)
{
    Device *d = p;

    if (d->life == LIFE_REALIZED)
        deleted(d);
    device_unref(d);
}

static void del_on_main(void *p)
{
    device_quiesce_tree(p, quiesced_below, p);
}

void device_del_finish(Device *d)
{
    g_assert(vm_locked());
    if (d->core->leaving || d->life != LIFE_REALIZED)
        return;
    d->core->leaving = true;
    device_ref(d);
    vm_call_main(d->vm, NULL, del_on_main, d);
}

bool device_del(Device *d, GError **err)
{
    const BusType *t = d->bus ? d->bus->type : NULL;

    if (d->core->part || !(d->type->flags & TYPE_HOTPLUG))
        return user_fail(err, "Device '%s' does not support hotplugging", d->type->name);
    if (t && !t->unplug_request)
        return user_fail(err, "Bus '%s' does not support hotplugging", d->bus->name);
    if (t)
        return t->unplug_request(d->bus, d, err);
    device_del_finish(d);
    return true;
}

/* ---- finding ---- */

typedef bool Match(const Device *, const char *key);

static Device *find(Vm *vm, Match *match, const char *key, unsigned n)
{
    GPtrArray *all = vm_core(vm)->devices;

    for (guint i = 0; i < all->len; i++)
        if (match(all->pdata[i], key) && n-- == 0)
            return all->pdata[i];
    return NULL;
}

static bool is_type(const Device *d, const char *key)
{
    return !strcmp(d->type->name, key);
}

static bool has_id(const Device *d, const char *key)
{
    return d->id && !strcmp(d->id, key);
}

static bool has_path(const Device *d, const char *key)
{
    return !strcmp(d->path, key);
}

Device *device_find(Vm *vm, const char *type, unsigned n)
{
    return find(vm, is_type, type, n);
}

Device *device_by_id(Vm *vm, const char *id)
{
    return find(vm, has_id, id, 0);
}

Device *device_by_path(Vm *vm, const char *path)
{
    return find(vm, has_path, path, 0);
}

void device_foreach(Vm *vm, void (*fn)(Device *, void *o), void *o)
{
    GPtrArray *all = vm_core(vm)->devices;

    for (guint i = 0; i < all->len; i++)
        fn(all->pdata[i], o);
}

bool device_hotplugged(const Device *d)
{
    return d->core->hot;
}

void device_addr(const Device *d, GString *out)
{
    if (!d->bus) {
        g_string_append(out, d->path);
        return;
    }
    device_addr(d->bus->owner, out);
    g_string_append_printf(out, "/%s:", d->bus->name);
    if (d->bus->type->addr)
        d->bus->type->addr(d, out);
    else
        g_string_append(out, d->type->name);
}

/* ---- pins ---- */

static const Pin *pin_find(Device *d, const char *name, bool out)
{
    for (const Pin *p = d->type->pins; p && p->name; p++)
        if (p->out == out && !strcmp(p->name, name))
            return p;
    g_error("%s has no %s '%s'", d->type->name, out ? "output" : "input", name);
}

const IrqLine *pin(Device *d, const char *name, unsigned n)
{
    const Pin *p = pin_find(d, name, false);

    g_assert(n < p->count);
    return (const IrqLine *)((char *)d + p->off) + n;
}

void wire(Device *d, const char *name, unsigned n, const IrqLine *to)
{
    const Pin *p = pin_find(d, name, true);

    g_assert(n < p->count);
    ((const IrqLine **)((char *)d + p->off))[n] = to;
}

/* ---- guest errors ---- */

/* Some ten a second and device are logged, all are counted: a guest may make millions. */
void guest_error(Device *d, const char *fmt, ...)
{
    DeviceCore *c = d->core;
    int64_t second = clock_now(d->vm, CLOCK_REAL) / 1000000000;
    unsigned n = c->errors++;
    va_list ap;

    if (c->error_second != second) {
        c->error_second = second;
        c->error_base = n;
    }
    if (!log_on(LOG_GUEST_ERRORS) || n - c->error_base >= 10)
        return;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    log_print("%s: %s\n", shown(d), text);
}

unsigned device_errors(Device *d)
{
    return d->core->errors;
}

/* ---- the machine ---- */

void devices_init(VmCore *c)
{
    Vm *vm = &c->vm;

    c->devices = g_ptr_array_new();
    c->globals = g_array_new(false, false, sizeof(DeviceGlobal));
    c->bus_numbers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    vm->root = device_make(vm, &root_type);
    vm->root->path = g_strdup("/machine");
    vm->root->life = LIFE_REALIZED;
}

void devices_fini(VmCore *c)
{
    Device *root = c->vm.root;

    while (c->devices->len)
        unrealize(c->devices->pdata[c->devices->len - 1]);
    take_back(root);
    root->life = LIFE_GONE;
    for (guint i = 0; i < c->globals->len; i++) {
        DeviceGlobal *g = &g_array_index(c->globals, DeviceGlobal, i);
        g_free(g->type);
        g_free(g->prop);
        g_free(g->value);
    }
    g_array_unref(c->globals);
    g_hash_table_unref(c->bus_numbers);
    g_ptr_array_unref(c->devices);
    device_unref(root);
}
