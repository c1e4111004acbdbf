/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Regions: guest RAM and its dirty bits. RAM is private anonymous memory with huge pages, because
 * KSM merges only private pages; region.fd stays -1 until something needs to share it.
 * A dirty bit is set after the bytes were written, and tested first: most pages are dirty already.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "core/memory-int.h"

#define LONG_BITS 64
#define HUGE_PAGE (2ull << 20)

static size_t bitmap_longs(uint64_t size)
{
    return (size + ((1ull << PAGE_BITS) * LONG_BITS - 1)) >> (PAGE_BITS + 6);
}

/* Aligned to a huge page where one fits, so that the kernel can use them. */
static uint8_t *ram_map(uint64_t size, uint64_t align)
{
    align = MAX(align, size >= HUGE_PAGE ? HUGE_PAGE : 4096);
    uint64_t room = size + align - 4096;
    uint8_t *p = mmap(NULL, room, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (p == MAP_FAILED)
        return NULL;
    uint8_t *at = (uint8_t *)(((uintptr_t)p + align - 1) & ~(align - 1));
    if (at > p)
        munmap(p, at - p);
    if (at + size < p + room)
        munmap(at + size, p + room - at - size);
    if (size >= HUGE_PAGE)
        madvise(at, size, MADV_HUGEPAGE);
    return at;
}

static bool init_host(Region *r, Device *d, const char *name, uint64_t size, uint64_t align,
                      RegionKind kind, GError **err)
{
    uint64_t pages = (size + 4095) & ~4095ull;

    *r = (Region){ .name = name, .owner = d, .size = size, .kind = kind, .fd = -1 };
    g_assert(size && d);
    r->host = ram_map(pages, align);
    if (!r->host)
        return user_fail(err, "cannot allocate %" PRIu64 " MiB for '%s': %s", size >> 20, name,
                         g_strerror(errno));
    for (int c = 0; c < DIRTY_CLIENTS; c++) {
        r->dirty[c] = g_malloc(bitmap_longs(size) * sizeof(long));
        memset(r->dirty[c], 0xff, bitmap_longs(size) * sizeof(long));
    }
    device_own_region(d, r);
    return true;
}

bool region_init_ram(Region *r, Device *d, const char *name, uint64_t size, GError **err)
{
    return init_host(r, d, name, size, 0, REGION_RAM, err);
}

bool region_init_aligned(Region *r, Device *d, const char *name, uint64_t size, uint64_t align,
                         GError **err)
{
    return init_host(r, d, name, size, align, REGION_RAM, err);
}

bool region_init_rom(Region *r, Device *d, const char *name, uint64_t size, GError **err)
{
    return init_host(r, d, name, size, 0, REGION_ROM, err);
}

bool region_init_romd(Region *r, Device *d, const char *name, uint64_t size, const IoOps *ops,
                      void *o, GError **err)
{
    if (!init_host(r, d, name, size, 0, REGION_ROMD, err))
        return false;
    r->ops = ops;
    r->o = o;
    return true;
}

void region_init_io(Region *r, Device *d, const char *name, uint64_t size, const IoOps *ops,
                    void *o)
{
    *r = (Region){
        .name = name, .owner = d, .size = size, .kind = REGION_IO, .fd = -1, .ops = ops, .o = o
    };
    g_assert(size && d);
    device_own_region(d, r);
}

void region_free(Region *r)
{
    if (r->host)
        munmap(r->host, (r->size + 4095) & ~4095ull);
    r->host = NULL;
    for (int c = 0; c < DIRTY_CLIENTS; c++)
        g_clear_pointer(&r->dirty[c], g_free);
}

/* ---- dirty bits ---- */

static void tell_code_written(Region *r, uint64_t off, uint64_t len)
{
    VmCore *c = vm_core(r->owner->vm);

    /* the list of spaces and of their listeners grows only before vCPUs exist */
    for (guint i = 0; i < c->spaces->len; i++) {
        Space *s = c->spaces->pdata[i];
        for (guint h = 0; h < s->hooks->len; h++) {
            SpaceHook *k = &g_array_index(s->hooks, SpaceHook, h);
            if (k->ops->code_written)
                k->ops->code_written(k->o, r, off, len);
        }
    }
}

static bool set_bit(unsigned long *bits, uint64_t n)
{
    unsigned long *w = bits + n / LONG_BITS, bit = 1ul << n % LONG_BITS;

    if (__atomic_load_n(w, __ATOMIC_RELAXED) & bit)
        return true;
    return __atomic_fetch_or(w, bit, __ATOMIC_SEQ_CST) & bit;
}

void region_dirty(Region *r, uint64_t off, uint64_t len)
{
    uint64_t last = (off + len - 1) >> PAGE_BITS;
    bool code = false;

    if (!len || !r->dirty[0])
        return;
    for (uint64_t page = off >> PAGE_BITS; page <= last; page++) {
        set_bit(r->dirty[DIRTY_MIGRATION], page);
        set_bit(r->dirty[DIRTY_DISPLAY], page);
        code |= !set_bit(r->dirty[DIRTY_CODE], page);
    }
    if (code)
        tell_code_written(r, off, len);
}

static void each_hook(Region *r, DirtyClient client, bool cleared)
{
    VmCore *c = vm_core(r->owner->vm);

    for (guint i = 0; i < c->spaces->len; i++) {
        Space *s = c->spaces->pdata[i];
        for (guint h = 0; h < s->hooks->len; h++) {
            SpaceHook *k = &g_array_index(s->hooks, SpaceHook, h);
            if (cleared && k->ops->dirty_cleared)
                k->ops->dirty_cleared(k->o, r, client);
            else if (!cleared && k->ops->dirty_sync)
                k->ops->dirty_sync(k->o, r);
        }
    }
}

bool region_dirty_take(Region *r, DirtyClient client, uint64_t off, uint64_t len,
                       unsigned long *bits)
{
    uint64_t first = off >> PAGE_BITS, end = (off + len + 4095) >> PAGE_BITS;
    bool any = false;

    g_assert(vm_locked() && len && off + len <= r->size);
    each_hook(r, client, false);
    for (uint64_t page = first; page < end; page++) {
        unsigned long *w = r->dirty[client] + page / LONG_BITS, bit = 1ul << page % LONG_BITS;
        uint64_t n = page - first;
        bool was = __atomic_load_n(w, __ATOMIC_RELAXED) & bit;
        if (was)
            was = __atomic_fetch_and(w, ~bit, __ATOMIC_SEQ_CST) & bit;
        any |= was;
        if (bits && n % LONG_BITS == 0)
            bits[n / LONG_BITS] = 0;
        if (bits && was)
            bits[n / LONG_BITS] |= 1ul << n % LONG_BITS;
    }
    if (any) {
        gate_hold(r->owner->vm);
        each_hook(r, client, true);
        gate_release(r->owner->vm);
    }
    return any;
}

void region_log(Region *r, DirtyClient client, bool on)
{
    g_assert(vm_locked() && (on || r->logged[client]));
    space_begin(r->owner->vm->mem);
    r->logged[client] += on ? 1 : -1;
    space_commit(r->owner->vm->mem);
}
