/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Spaces: rows in, an immutable sorted table out. The outermost commit flattens every Space anew
 * (a few dozen rows each) and throws away what did not change; for the rest it
 *
 *   holds the vCPUs outside guest code -> merges the dirty log of rows that go -> swaps the pointer
 *   -> tells the listeners -> empties the vCPUs' caches -> releases
 *
 * in that order: a listener told before the swap would let the guest read through a dead map.
 * A home is not waited for: a DMA under way may end in the old table, which its reference keeps,
 * and the owners of the regions in it too.
 */
#include <string.h>
#include <unistd.h>

#include "core/memory-int.h"

Space *space_new(Vm *vm, const char *name, Space *below)
{
    Space *s = g_new0(Space, 1);

    s->vm = vm;
    s->name = g_intern_string(name);
    s->below = below;
    s->rows = g_ptr_array_new_with_free_func(g_free);
    s->hooks = g_array_new(false, false, sizeof(SpaceHook));
    pthread_mutex_init(&s->lock, NULL);
    space_begin(s);
    g_ptr_array_add(vm_core(vm)->spaces, s);
    space_commit(s);
    return s;
}

void space_listen(Space *s, const SpaceListener *ops, void *o)
{
    static const FlatMap nothing;
    SpaceHook h = { ops, o };

    g_assert(vm_locked());
    g_array_append_val(s->hooks, h);
    if (ops->commit)
        ops->commit(o, &nothing, s->flat);
}

const char *space_name(const Space *s)
{
    return s->name;
}

void space_foreach(Space *s, void (*fn)(void *o, const MapRow *), void *o)
{
    for (guint i = 0; i < s->rows->len; i++)
        fn(o, &((MapNode *)s->rows->pdata[i])->row);
}

void spaces_foreach(Vm *vm, void (*fn)(void *o, Space *, Space *below), void *o)
{
    GPtrArray *all = vm_core(vm)->spaces;

    for (guint i = 0; i < all->len; i++) {
        Space *s = all->pdata[i];
        fn(o, s, s->below);
    }
}

MapRow *space_map(Space *s, const MapRow *row)
{
    MapNode *n = g_new0(MapNode, 1);
    Region *r = row->region;

    g_assert(row->size && row->base + row->size - 1 >= row->base);
    g_assert(!r || (row->off < r->size && row->size <= r->size - row->off));
    n->row = *row;
    n->space = s;
    space_begin(s);
    n->seq = ++s->seq;
    g_ptr_array_add(s->rows, n);
    space_commit(s);
    return &n->row;
}

void space_unmap(Space *s, MapRow *row)
{
    space_begin(s);
    bool found = g_ptr_array_remove(s->rows, row);
    g_assert(found);
    space_commit(s);
}

/* ---- flatten ---- */

static gint by_rank(gconstpointer a, gconstpointer b)
{
    const MapNode *x = *(MapNode *const *)a, *y = *(MapNode *const *)b;

    if (x->row.prio != y->row.prio)
        return x->row.prio > y->row.prio ? -1 : 1;
    return x->seq > y->seq ? -1 : 1;
}

static Flat flat_of(const MapRow *r)
{
    const Region *g = r->region;
    bool log = g && (g->logged[DIRTY_MIGRATION] || g->logged[DIRTY_DISPLAY]);

    return (Flat){ r->base, r->size, r->off, r->region, r->readonly, r->io, log };
}

/* Adds the parts of f that no row of out covers yet; out stays sorted. */
static void fill_gaps(GArray *out, Flat f)
{
    guint i = 0;

    /* rows that end before f: at most one row less than all are looked at twice */
    while (i < out->len) {
        Flat *o = &g_array_index(out, Flat, i);
        if (o->base + o->size - 1 >= f.base)
            break;
        i++;
    }
    for (; f.size && i <= out->len; i++) {
        Flat *o = i < out->len ? &g_array_index(out, Flat, i) : NULL;
        uint64_t gap = !o || o->base > f.base + f.size - 1 ? f.size
                       : o->base > f.base                  ? o->base - f.base
                                                           : 0;
        uint64_t over = gap < f.size ? o->base + o->size - f.base : 0;
        if (gap) {
            Flat part = f;
            part.size = gap;
            g_array_insert_val(out, i, part);
            i++;
        }
        /* past the gap and the row that ends it */
        uint64_t step = gap == f.size ? f.size : MIN(over, f.size);
        f.base += step;
        f.off += step;
        f.size -= step;
    }
}

static bool joins(const Flat *a, const Flat *b)
{
    return a->region == b->region && a->base + a->size == b->base && a->off + a->size == b->off &&
           a->readonly == b->readonly && a->io == b->io && a->log == b->log;
}

/* Holes go, neighbours of one region become one row. */
static void tidy(GArray *rows)
{
    guint n = 0;

    for (guint i = 0; i < rows->len; i++) {
        Flat f = g_array_index(rows, Flat, i), *last = &g_array_index(rows, Flat, n - 1);
        if (!f.region)
            continue;
        if (n && joins(last, &f))
            last->size += f.size;
        else
            g_array_index(rows, Flat, n++) = f;
    }
    g_array_set_size(rows, n);
}

static gint by_addr(gconstpointer a, gconstpointer b)
{
    const Bell *x = a, *y = b;

    return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static GArray *bells_of(VmCore *c, GArray *rows)
{
    GArray *out = g_array_new(false, false, sizeof(Bell));

    for (guint i = 0; i < rows->len; i++) {
        Flat *f = &g_array_index(rows, Flat, i);
        for (guint d = 0; d < c->doorbells->len; d++) {
            DoorBell *b = &g_array_index(c->doorbells, DoorBell, d);
            if (b->region != f->region || b->bell.addr < f->off ||
                b->bell.addr - f->off + b->bell.size > f->size)
                continue;
            Bell bell = b->bell;
            bell.addr = f->base + (b->bell.addr - f->off);
            g_array_append_val(out, bell);
        }
    }
    g_array_sort(out, by_addr);
    return out;
}

static FlatMap *map_make(GArray *rows, GArray *bells)
{
    size_t rows_size = rows->len * sizeof(Flat);
    FlatMap *m = g_malloc0(sizeof(FlatMap) + rows_size + bells->len * sizeof(Bell));
    Bell *at = (Bell *)(m->row + rows->len);

    m->ref = 1;
    m->n = rows->len;
    m->n_bells = bells->len;
    m->bells = at;
    if (rows->len)
        memcpy(m->row, rows->data, rows_size);
    if (bells->len)
        memcpy(at, bells->data, bells->len * sizeof(Bell));
    for (size_t i = 0; i < m->n; i++)
        device_ref(m->row[i].region->owner);
    return m;
}

static void map_unref(const FlatMap *map)
{
    FlatMap *m = (FlatMap *)map;

    if (__atomic_sub_fetch(&m->ref, 1, __ATOMIC_ACQ_REL))
        return;
    for (size_t i = 0; i < m->n; i++)
        device_unref(m->row[i].region->owner);
    g_free(m);
}

static FlatMap *flatten(Space *s)
{
    g_autoptr(GPtrArray) rank = g_ptr_array_new();
    g_autoptr(GArray) rows = g_array_new(false, false, sizeof(Flat));
    const FlatMap *below = NULL;

    if (s->below)
        below = s->below->next ? s->below->next : s->below->flat;
    for (guint i = 0; i < s->rows->len; i++) {
        MapNode *n = s->rows->pdata[i];
        if (n->row.on)
            g_ptr_array_add(rank, n);
    }
    g_ptr_array_sort(rank, by_rank);
    for (guint i = 0; i < rank->len; i++)
        fill_gaps(rows, flat_of(&((MapNode *)rank->pdata[i])->row));
    for (size_t i = 0; below && i < below->n; i++)
        fill_gaps(rows, below->row[i]);
    tidy(rows);
    g_autoptr(GArray) bells = bells_of(vm_core(s->vm), rows);
    return map_make(rows, bells);
}

static bool same_flat(const Flat *a, const Flat *b)
{
    return a->base == b->base && a->size == b->size && a->off == b->off && a->region == b->region &&
           a->readonly == b->readonly && a->io == b->io && a->log == b->log;
}

static bool same_bell(const Bell *a, const Bell *b)
{
    return a->addr == b->addr && a->match == b->match && a->fd == b->fd && a->size == b->size &&
           a->any == b->any;
}

static bool same_map(const FlatMap *a, const FlatMap *b)
{
    if (a->n != b->n || a->n_bells != b->n_bells)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (!same_flat(&a->row[i], &b->row[i]))
            return false;
    for (size_t i = 0; i < a->n_bells; i++)
        if (!same_bell(&a->bells[i], &b->bells[i]))
            return false;
    return true;
}

/* ---- commit ---- */

void space_begin(Space *s)
{
    VmCore *c = vm_core(s->vm);

    g_assert(vm_locked() && !c->map_busy);
    c->map_depth++;
}

static bool is_logged(const FlatMap *m, const Flat *f)
{
    for (size_t i = 0; i < m->n; i++)
        if (same_flat(&m->row[i], f))
            return true;
    return false;
}

/* Bits that an accelerator still keeps for a row that goes would be lost with its slot. */
static void sync_leaving(Space *s)
{
    for (size_t i = 0; i < s->flat->n; i++) {
        const Flat *f = &s->flat->row[i];
        if (!f->log || is_logged(s->next, f))
            continue;
        for (guint h = 0; h < s->hooks->len; h++) {
            SpaceHook *k = &g_array_index(s->hooks, SpaceHook, h);
            if (k->ops->dirty_sync)
                k->ops->dirty_sync(k->o, f->region);
        }
    }
}

static void swap_map(Space *s)
{
    FlatMap *old = s->flat, *now = s->next;

    sync_leaving(s);
    pthread_mutex_lock(&s->lock);
    s->flat = now;
    pthread_mutex_unlock(&s->lock);
    s->next = NULL;
    for (guint h = 0; h < s->hooks->len; h++) {
        SpaceHook *k = &g_array_index(s->hooks, SpaceHook, h);
        if (k->ops->commit)
            k->ops->commit(k->o, old, now);
    }
    map_unref(old);
}

/* A Space below comes before those that show it through: space_new() had to name it. */
static bool make_maps(VmCore *c)
{
    bool changed = false;

    for (guint i = 0; i < c->spaces->len; i++) {
        Space *s = c->spaces->pdata[i];
        FlatMap *now = flatten(s);
        if (!s->flat) {
            s->flat = now; /* a new Space: nobody knows it yet */
        } else if (same_map(s->flat, now)) {
            map_unref(now);
        } else {
            s->next = now;
            changed = true;
        }
    }
    return changed;
}

void space_commit(Space *any)
{
    VmCore *c = vm_core(any->vm);

    g_assert(vm_locked() && c->map_depth);
    if (--c->map_depth || !make_maps(c))
        return;
    c->map_busy = true;
    gate_hold(any->vm);
    for (guint i = 0; i < c->spaces->len; i++) {
        Space *s = c->spaces->pdata[i];
        if (s->next)
            swap_map(s);
    }
    for (unsigned i = 0; i < c->vm.n_vcpus; i++)
        vcpu_caches_drop(c->vm.vcpu[i]);
    gate_release(any->vm);
    c->map_busy = false;
}

void region_doorbell(Region *r, uint64_t off, unsigned size, bool any, uint64_t match, int fd,
                     bool add)
{
    VmCore *c = vm_core(r->owner->vm);
    DoorBell b = { r,
                   { .addr = off, .match = any ? 0 : match, .fd = fd, .size = size, .any = any } };

    space_begin(r->owner->vm->mem);
    if (add) {
        g_array_append_val(c->doorbells, b);
    } else {
        guint i = 0;
        while (i < c->doorbells->len &&
               !(g_array_index(c->doorbells, DoorBell, i).region == r &&
                 same_bell(&g_array_index(c->doorbells, DoorBell, i).bell, &b.bell)))
            i++;
        g_assert(i < c->doorbells->len);
        g_array_remove_index(c->doorbells, i);
    }
    space_commit(r->owner->vm->mem);
}

void memory_forget(Device *d)
{
    VmCore *c = vm_core(d->vm);

    space_begin(d->vm->mem);
    for (guint i = 0; i < c->spaces->len; i++) {
        Space *s = c->spaces->pdata[i];
        for (guint n = s->rows->len; n-- > 0;) {
            MapNode *node = s->rows->pdata[n];
            if (node->row.region && node->row.region->owner == d)
                g_ptr_array_remove_index(s->rows, n);
        }
    }
    for (guint i = c->doorbells->len; i-- > 0;)
        if (g_array_index(c->doorbells, DoorBell, i).region->owner == d)
            g_array_remove_index(c->doorbells, i);
    space_commit(d->vm->mem);
}

/* ---- references ---- */

const FlatMap *space_flat(Space *s, const FlatMap **cache)
{
    if (G_LIKELY(*cache == atomic_load_explicit(&s->flat, memory_order_acquire)))
        return *cache;
    space_flat_drop(cache);
    pthread_mutex_lock(&s->lock);
    FlatMap *m = s->flat;
    __atomic_add_fetch(&m->ref, 1, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&s->lock);
    return *cache = m;
}

void space_flat_drop(const FlatMap **cache)
{
    const FlatMap *m = *cache;

    *cache = NULL;
    if (m)
        map_unref(m);
}

void vcpu_caches_drop(Vcpu *v)
{
    space_flat_drop(&v->mem_cache);
    space_flat_drop(&v->io_cache);
}

/* A home's maps: two are enough for a device's own Space and the machine's. */
static _Thread_local struct {
    Space *space;
    const FlatMap *map;
} home_map[2];

void map_caches_drop(void)
{
    for (int i = 0; i < 2; i++) {
        space_flat_drop(&home_map[i].map);
        home_map[i].space = NULL;
    }
}

static const FlatMap *home_hold(Space *s)
{
    int i = home_map[1].space == s;

    if (home_map[i].space != s) {
        space_flat_drop(&home_map[i].map);
        home_map[i].space = s;
    }
    return space_flat(s, &home_map[i].map);
}

const FlatMap *map_hold(Space *s, MapHold *h)
{
    Vcpu *v = vcpu_self();

    h->ref = NULL;
    if (vm_locked() || (v && v->where == VCPU_IN))
        return h->map = atomic_load_explicit(&s->flat, memory_order_acquire);
    if (on_home())
        return h->map = home_hold(s);
    return h->map = space_flat(s, &h->ref);
}

void map_drop(MapHold *h)
{
    space_flat_drop(&h->ref);
}

void memory_fini(VmCore *c)
{
    /* a map holds its devices, a bus master's Space may be gone with its device's bus: rows first
     */
    for (guint i = 0; i < c->spaces->len; i++) {
        Space *s = c->spaces->pdata[i];
        map_unref(s->flat);
    }
    for (guint i = 0; i < c->spaces->len; i++) {
        Space *s = c->spaces->pdata[i];
        g_ptr_array_unref(s->rows);
        g_array_unref(s->hooks);
        pthread_mutex_destroy(&s->lock);
        g_free(s);
    }
    g_ptr_array_unref(c->spaces);
    g_array_unref(c->doorbells);
}
