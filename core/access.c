/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Accesses: a guest CPU's to registers (space_io), anybody's to memory (space_rw), a device's DMA.
 * RAM is copied with accesses of the guest's size where they are aligned, so that a guest sees no
 * torn word. Nothing of a map is used after a callback: it may have committed.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/memory-int.h"

const Flat *flat_find(const FlatMap *m, uint64_t addr)
{
    size_t lo = 0, hi = m->n;

    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        const Flat *f = &m->row[mid];
        if (addr < f->base)
            hi = mid;
        else if (addr - f->base >= f->size)
            lo = mid + 1;
        else
            return f;
    }
    return NULL;
}

static uint64_t ones(unsigned size)
{
    return size >= 8 ? UINT64_MAX : (1ull << size * 8) - 1;
}

/* ---- RAM ---- */

static uint64_t ram_load(const uint8_t *p, unsigned size)
{
    uint64_t v = 0;

    switch ((uintptr_t)p % size ? 0 : size) {
    case 1: return __atomic_load_n(p, __ATOMIC_RELAXED);
    case 2: return __atomic_load_n((const uint16_t *)p, __ATOMIC_RELAXED);
    case 4: return __atomic_load_n((const uint32_t *)p, __ATOMIC_RELAXED);
    case 8: return __atomic_load_n((const uint64_t *)p, __ATOMIC_RELAXED);
    }
    ram_copy(&v, p, size);
    return v;
}

static void ram_store(uint8_t *p, uint64_t v, unsigned size)
{
    switch ((uintptr_t)p % size ? 0 : size) {
    case 1: __atomic_store_n(p, v, __ATOMIC_RELAXED); return;
    case 2: __atomic_store_n((uint16_t *)p, v, __ATOMIC_RELAXED); return;
    case 4: __atomic_store_n((uint32_t *)p, v, __ATOMIC_RELAXED); return;
    case 8: __atomic_store_n((uint64_t *)p, v, __ATOMIC_RELAXED); return;
    }
    ram_copy(p, &v, size);
}

/* Guest memory is shared with a running guest: a race there is the guest's, not ours. */
#ifdef __SANITIZE_THREAD__
void ram_copy(void *to, const void *from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t b = __atomic_load_n((const uint8_t *)from + i, __ATOMIC_RELAXED);
        __atomic_store_n((uint8_t *)to + i, b, __ATOMIC_RELAXED);
    }
}
#else
void ram_copy(void *to, const void *from, size_t n)
{
    bool aligned = !(((uintptr_t)to | (uintptr_t)from) & (n - 1));

    /* indices of rings: in one access */
    if (n == 2 && aligned)
        __atomic_store_n((uint16_t *)to, __atomic_load_n((const uint16_t *)from, __ATOMIC_RELAXED),
                         __ATOMIC_RELAXED);
    else if (n == 4 && aligned)
        __atomic_store_n((uint32_t *)to, __atomic_load_n((const uint32_t *)from, __ATOMIC_RELAXED),
                         __ATOMIC_RELAXED);
    else
        memcpy(to, from, n);
}
#endif

/* ---- registers ---- */

static uint64_t call_ops(Region *r, uint64_t off, uint64_t val, unsigned size, bool write)
{
    const IoOps *ops = r->ops;

    if (!write)
        return ops->read ? ops->read(r->o, off, size) & ones(size) : ones(size);
    if (ops->write)
        ops->write(r->o, off, val & ones(size), size);
    return 0;
}

/* off is aligned to size, or the region takes unaligned accesses. */
static uint64_t io_impl(Region *r, uint64_t off, uint64_t val, unsigned size, bool write)
{
    const IoOps *ops = r->ops;
    unsigned most = ops->impl_max ? ops->impl_max : ops->max ? ops->max : 8;
    unsigned least = ops->impl_min ? ops->impl_min : 1;
    uint64_t ret = 0;

    if (size < least && r->size >= least) {
        unsigned shift = (off & (least - 1)) * 8;
        ret = call_ops(r, off & ~(uint64_t)(least - 1), val << shift, least, write);
        return ret >> shift & ones(size);
    }
    if (size <= most)
        return call_ops(r, off, val, size, write);
    for (unsigned i = 0; i < size; i += most)
        ret |= call_ops(r, off + i, val >> i * 8, most, write) << i * 8;
    return ret;
}

uint64_t region_io(Region *r, uint64_t off, uint64_t val, unsigned size, bool write)
{
    const IoOps *ops = r->ops;
    unsigned step = size, least = ops->min ? ops->min : 1, most = ops->max ? ops->max : 8;
    uint64_t ret = 0;

    if (size < least || size > most)
        return write ? 0 : ones(size);
    while (!(ops->flags & IO_UNALIGNED) && off & (step - 1))
        step /= 2;
    if (step == size)
        return io_impl(r, off, val, size, write);
    if (step < least)
        return write ? 0 : ones(size);
    for (unsigned i = 0; i < size; i += step)
        ret |= io_impl(r, off + i, val >> i * 8, step, write) << i * 8;
    return ret;
}

static uint64_t io_locked(Region *r, uint64_t off, uint64_t val, unsigned size, bool write)
{
    Device *d = r->owner;

    d->in_io++;
    val = region_io(r, off, val, size, write);
    d->in_io--;
    return val;
}

static bool ring_bell(const FlatMap *m, uint64_t addr, uint64_t val, unsigned size)
{
    size_t lo = 0, hi = m->n_bells;
    bool rung = false;

    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (m->bells[mid].addr < addr)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (; lo < m->n_bells && m->bells[lo].addr == addr; lo++) {
        const Bell *b = &m->bells[lo];
        static const uint64_t one = 1;
        if ((b->size && b->size != size) || (!b->any && b->match != (val & ones(size))))
            continue;
        while (write(b->fd, &one, sizeof(one)) < 0 && errno == EINTR) {
        }
        rung = true;
    }
    return rung;
}

static uint64_t io_at(Space *, uint64_t addr, uint64_t val, unsigned size, bool write);

static uint64_t io_halves(Space *s, uint64_t addr, uint64_t val, unsigned size, bool write)
{
    unsigned half = size / 2;
    uint64_t low = io_at(s, addr, val, half, write);

    return low | io_at(s, addr + half, val >> half * 8, half, write) << half * 8;
}

/* Locked, or on a vCPU IN: either keeps the present map. */
static uint64_t io_at(Space *s, uint64_t addr, uint64_t val, unsigned size, bool wr)
{
    const FlatMap *m = atomic_load_explicit(&s->flat, memory_order_acquire);
    const Flat *f = flat_find(m, addr);

    if (!f)
        return wr ? 0 : ones(size);
    Region *r = f->region;
    uint64_t at = addr - f->base, off = f->off + at;
    bool ram = wr ? flat_writes_ram(f) : flat_reads_ram(f);
    if (size > (ram ? f->size - at : r->size - off))
        return io_halves(s, addr, val, size, wr);
    if (ram) {
        if (!wr)
            return ram_load(r->host + off, size);
        ram_store(r->host + off, val, size);
        region_dirty(r, off, size);
        return 0;
    }
    if (!r->ops || (wr && f->readonly && r->kind == REGION_RAM))
        return wr ? 0 : ones(size);
    if (wr && m->n_bells && ring_bell(m, addr, val, size))
        return 0;
    if (r->ops->flags & IO_SELFLOCK)
        return region_io(r, off, val, size, wr);
    if (vm_locked())
        return io_locked(r, off, val, size, wr);
    /* the map may change while we wait for the lock: look again under it */
    vm_lock(s->vm);
    val = io_at(s, addr, val, size, wr);
    vm_unlock(s->vm);
    return val;
}

uint64_t space_io(Space *s, uint64_t addr, uint64_t val, unsigned size, bool write)
{
    return io_at(s, addr, val, size, write);
}

void space_io_rep(Space *s, uint64_t port, void *buf, unsigned size, unsigned n, bool write)
{
    uint8_t *p = buf;
    bool mine = !vm_locked();

    g_assert((uint64_t)n * size <= 4096);
    if (mine)
        vm_lock(s->vm);
    for (unsigned i = 0; i < n; i++, p += size) {
        uint64_t v = 0;
        if (write)
            memcpy(&v, p, size);
        v = io_at(s, port, v, size, write);
        if (!write)
            memcpy(p, &v, size);
    }
    if (mine)
        vm_unlock(s->vm);
}

/* ---- memory of any length ---- */

/* The largest aligned power of two that fits, as a CPU would have to split it. */
static unsigned io_step(uint64_t addr, uint64_t len)
{
    unsigned step = 8;

    while (step > len || addr & (step - 1))
        step /= 2;
    return step;
}

/* One access to registers out of a longer transfer; DMA never re-enters a device that is inside a
 * callback, nor the one that does it. */
static bool rw_io(Space *s, Device *dma, uint64_t addr, uint8_t *buf, unsigned size, bool write)
{
    const Flat *f = flat_find(s->flat, addr);
    Region *r = f ? f->region : NULL;
    uint64_t v = 0;

    if (dma && r && (r->owner == dma || r->owner->in_io)) {
        guest_error(dma, "DMA to the registers of '%s' refused", r->name);
        return false;
    }
    if (dma && r && r->ops && r->ops->flags & IO_SELFLOCK)
        return false;
    if (write)
        memcpy(&v, buf, size);
    v = io_at(s, addr, v, size, write);
    if (!write)
        memcpy(buf, &v, size);
    return r != NULL;
}

static unsigned io_piece(const Flat *f, uint64_t addr, uint64_t len)
{
    unsigned step = io_step(addr, len);

    if (f && f->region->ops && f->region->ops->max && step > f->region->ops->max)
        step = f->region->ops->max;
    return step;
}

/* Bytes done at addr; 0: refused. Nothing there reads all-ones and counts as a failure. */
static uint64_t rw_piece(Space *s, Device *dma, const FlatMap *m, uint64_t addr, uint8_t *buf,
                         uint64_t len, bool write, bool *ok)
{
    const Flat *f = flat_find(m, addr);

    if (f && (write ? flat_writes_ram(f) : flat_reads_ram(f))) {
        uint64_t n = MIN(len, f->size - (addr - f->base)), off = f->off + (addr - f->base);
        uint8_t *host = f->region->host + off;
        if (write) {
            ram_copy(host, buf, n);
            region_dirty(f->region, off, n);
        } else {
            ram_copy(buf, host, n);
        }
        return n;
    }
    if (on_home())
        return 0;
    unsigned n = io_piece(f, addr, len);
    bool mine = !vm_locked();
    if (mine)
        vm_lock(s->vm);
    *ok &= rw_io(s, dma, addr, buf, n, write);
    if (mine)
        vm_unlock(s->vm);
    return n;
}

static bool rw(Space *s, Device *dma, uint64_t addr, uint8_t *buf, uint64_t len, bool write)
{
    bool ok = true;

    if (len && addr + len - 1 < addr)
        return false;
    while (len) {
        /* anew for each piece: a register may have changed the map */
        MapHold h;
        const FlatMap *m = map_hold(s, &h);
        uint64_t n = rw_piece(s, dma, m, addr, buf, len, write, &ok);
        map_drop(&h);
        if (!n)
            return false;
        addr += n;
        buf += n;
        len -= n;
    }
    return ok;
}

bool space_rw(Space *s, uint64_t addr, void *buf, uint64_t len, bool write)
{
    return rw(s, NULL, addr, buf, len, write);
}

bool space_discard(Space *s, uint64_t addr, uint64_t len)
{
    bool ok = true;

    g_assert(vm_locked());
    while (len && ok) {
        const Flat *f = flat_find(s->flat, addr);
        if (!f || !flat_writes_ram(f) || (addr | len) & 4095)
            return false;
        uint64_t n = MIN(len, f->size - (addr - f->base)), off = f->off + (addr - f->base);
        ok =
            madvise(f->region->host + off, n, f->region->shared ? MADV_REMOVE : MADV_DONTNEED) == 0;
        region_dirty(f->region, off, n);
        addr += n;
        len -= n;
    }
    return ok;
}

/* ---- DMA ---- */

bool dma_read(Device *d, uint64_t addr, void *buf, uint64_t len)
{
    Space *s = d->space;

    return s && rw(s, d, addr, buf, len, false);
}

bool dma_write(Device *d, uint64_t addr, const void *buf, uint64_t len)
{
    Space *s = d->space;

    return s && rw(s, d, addr, (uint8_t *)buf, len, true);
}

bool dma_map(Device *d, uint64_t addr, uint64_t len, bool write, DmaMap *out)
{
    Space *s = d->space;
    MapHold h;

    if (!s || !len)
        return false;
    const Flat *f = flat_find(map_hold(s, &h), addr);
    bool ok = f && (write ? flat_writes_ram(f) : flat_reads_ram(f));
    if (ok) {
        uint64_t at = addr - f->base;
        Region *r = f->region;
        device_ref(r->owner);
        r->pins++;
        *out = (DmaMap){ r->host + f->off + at, MIN(len, f->size - at), f->off + at, r, write };
    }
    map_drop(&h);
    return ok;
}

void dma_unmap(Device *d, DmaMap *m, uint64_t written)
{
    Region *r = m->region;

    if (m->write && written)
        region_dirty(r, m->off, MIN(written, m->len));
    r->pins--;
    device_unref(r->owner);
    *m = (DmaMap){ 0 };
}
