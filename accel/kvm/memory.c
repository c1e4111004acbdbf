/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest memory for KVM: every page-aligned piece of RAM or ROM of the flat map is a slot; the rest
 * exits. Changed only in SpaceListener.commit, when no vCPU is in the guest. Doorbells are
 * ioeventfds.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "accel/kvm/kvm-int.h"
#include "core/vm.h"

#define PAGE 4096ull

static int slot_set(Kvm *k, const KvmSlot *s, uint64_t size)
{
    struct kvm_userspace_memory_region r = { .slot = s->id,
                                             .flags = s->flags,
                                             .guest_phys_addr = s->base,
                                             .memory_size = size,
                                             .userspace_addr = (uintptr_t)s->host };
    return kvm_vm_ioctl(k, KVM_SET_USER_MEMORY_REGION, &r);
}

/* The slot a row wants; false: none (registers, or not a whole page). */
static bool slot_of(const Kvm *k, const Flat *f, KvmSlot *s)
{
    uint64_t base = (f->base + PAGE - 1) & ~(PAGE - 1), end = (f->base + f->size) & ~(PAGE - 1);
    bool readonly = f->readonly || f->region->kind != REGION_RAM;
    if (f->io || !f->region->host || f->region->kind == REGION_IO || base >= end ||
        (readonly && !k->has_readonly))
        return false;
    *s = (KvmSlot){
        .base = base, .size = end - base, .region = f->region, .off = f->off + (base - f->base)
    };
    s->host = f->region->host + s->off;
    s->flags = (readonly ? KVM_MEM_READONLY : 0) | (f->log ? KVM_MEM_LOG_DIRTY_PAGES : 0);
    /* a slot begins at a host page */
    return ((uintptr_t)s->host & (PAGE - 1)) == 0;
}

static bool slot_same(const KvmSlot *a, const KvmSlot *b)
{
    return a->base == b->base && a->size == b->size && a->host == b->host && a->flags == b->flags;
}

/* ---- dirty log ---- */
static void slot_sync(Kvm *k, const KvmSlot *s)
{
    if (!(s->flags & KVM_MEM_LOG_DIRTY_PAGES))
        return;
    uint64_t pages = s->size / PAGE;
    g_autofree uint64_t *bits = g_new0(uint64_t, (pages + 63) / 64);
    struct kvm_dirty_log log = { .slot = s->id, .dirty_bitmap = bits };
    /* fetches, clears and write-protects again */
    if (kvm_vm_ioctl(k, KVM_GET_DIRTY_LOG, &log) < 0) {
        region_dirty(s->region, s->off, s->size);
        return;
    }
    for (uint64_t p = 0; p < pages; p++)
        if (bits[p / 64] >> (p % 64) & 1)
            region_dirty(s->region, s->off + p * PAGE, PAGE);
}

static void memory_dirty_sync(void *o, Region *r)
{
    Kvm *k = o;
    for (unsigned i = 0; i < k->slots->len; i++) {
        KvmSlot *s = &g_array_index(k->slots, KvmSlot, i);
        if (s->region == r)
            slot_sync(k, s);
    }
}

/* ---- commit ---- */
static uint32_t free_id(const Kvm *k)
{
    for (uint32_t id = 0;; id++) {
        bool used = false;
        for (unsigned i = 0; i < k->slots->len; i++)
            used |= g_array_index(k->slots, KvmSlot, i).id == id;
        if (!used)
            return id;
    }
}

static bool wanted(const Kvm *k, const FlatMap *now, const KvmSlot *have)
{
    KvmSlot s;
    for (size_t i = 0; i < now->n; i++)
        if (slot_of(k, &now->row[i], &s) && slot_same(&s, have))
            return true;
    return false;
}

static bool present(const Kvm *k, const KvmSlot *want)
{
    for (unsigned i = 0; i < k->slots->len; i++)
        if (slot_same(&g_array_index(k->slots, KvmSlot, i), want))
            return true;
    return false;
}

static void bells_set(Kvm *k, const FlatMap *map, bool io, bool add)
{
    for (size_t i = 0; map && i < map->n_bells; i++) {
        const Bell *b = &map->bells[i];
        struct kvm_ioeventfd e = {
            .addr = b->addr, .len = b->any && !io ? 0 : b->size, .fd = b->fd, .datamatch = b->match
        };
        e.flags = (io ? KVM_IOEVENTFD_FLAG_PIO : 0) | (b->any ? 0 : KVM_IOEVENTFD_FLAG_DATAMATCH) |
                  (add ? 0 : KVM_IOEVENTFD_FLAG_DEASSIGN);
        /* a refused doorbell still rings: the write exits, and the core does it */
        kvm_vm_ioctl(k, KVM_IOEVENTFD, &e);
    }
}

static void memory_commit(void *o, const FlatMap *old, const FlatMap *now)
{
    Kvm *k = o;
    KvmSlot s;
    /* first what goes: slots must not overlap */
    for (unsigned i = k->slots->len; i-- > 0;) {
        KvmSlot *have = &g_array_index(k->slots, KvmSlot, i);
        if (wanted(k, now, have))
            continue;
        slot_sync(k, have);
        int r = slot_set(k, have, 0);
        if (r < 0)
            g_error("KVM keeps a memory slot: %s", g_strerror(-r));
        g_array_remove_index_fast(k->slots, i);
    }
    for (size_t i = 0; i < now->n; i++) {
        if (!slot_of(k, &now->row[i], &s) || present(k, &s))
            continue;
        s.id = free_id(k);
        int r = slot_set(k, &s, s.size);
        if (r < 0)
            g_error("KVM refuses %#" PRIx64 " bytes of memory at %#" PRIx64 ": %s", s.size, s.base,
                    g_strerror(-r));
        g_array_append_val(k->slots, s);
    }
    bells_set(k, old, false, false);
    bells_set(k, now, false, true);
}

static void ports_commit(void *o, const FlatMap *old, const FlatMap *now)
{
    bells_set(o, old, true, false);
    bells_set(o, now, true, true);
}

static const SpaceListener memory_listener = { .commit = memory_commit,
                                               .dirty_sync = memory_dirty_sync };
static const SpaceListener ports_listener = { .commit = ports_commit };

bool kvm_memory_init(Kvm *k, GError **err)
{
    k->slots = g_array_new(FALSE, FALSE, sizeof(KvmSlot));
    space_listen(k->vm->mem, &memory_listener, k);
    space_listen(k->vm->io, &ports_listener, k);
    return true;
}
