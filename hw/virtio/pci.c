/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio over PCI: virtio 1.2, 4.1. What both interfaces share: identity, BARs, interrupts,
 * doorbells. pci-legacy.c and pci-modern.c are the registers.
 *
 *   BAR 0  legacy registers, I/O         BAR 1  MSI-X tables
 *   BAR 2  notifications, I/O (modern-pio-notify=on)
 *   BAR 4  modern: 0 common, 1000h ISR, 2000h configuration, 3000h notifications
 *
 * A doorbell of a running queue is an eventfd that main watches (ioeventfd=off: the write itself),
 * so that a vCPU does not wait for the machine lock there. Threads: machine lock.
 */
#include <sys/eventfd.h>
#include <unistd.h>
#include <glib-unix.h>

#include "core/vm.h"
#include "hw/virtio/pci-int.h"

static const char *const on_off_auto[] = { "auto", "on", "off", NULL };

/* clang-format off */
const Prop VirtioPci_rows[] = {
    PROP_BOOL(VirtioPci, page_per_vq, "page-per-vq", false, "a page for each queue's notification"),
    PROP_BOOL(VirtioPci, pio_notify, "modern-pio-notify", false, "modern notifications by I/O too"),
    PROP_BOOL(VirtioPci, ats, "ats", false, "only off: there is no IOMMU"),
    PROP_BOOL(VirtioPci, aer, "aer", false, "only off: there is no PCI Express"),
    PROP_BOOL(VirtioPci, migrate_extra, "migrate-extra", true, "no effect", PROP_HIDDEN),
    PROP_END (VirtioPci)
};
const Prop VirtioPciMode_rows[] = {
    PROP_ENUM(VirtioPci, disable_legacy, "disable-legacy", VIRTIO_LEGACY_AUTO, on_off_auto, "no legacy interface"),
    PROP_BOOL(VirtioPci, disable_modern, "disable-modern", false, "no modern interface"),
    PROP_END (VirtioPci)
};
const Prop VirtioPciVectors_rows[] = {
    PROP_INT (VirtioPci, vectors, "vectors", UINT32_MAX, "MSI-X vectors; 0: none"),
    PROP_END (VirtioPci)
};
const Prop VirtioPciEvent_rows[] = {
    PROP_BOOL(VirtioPci, ioeventfd, "ioeventfd", true, "notifications do not stop the vCPU"),
    PROP_END (VirtioPci)
};
const Prop VirtioPciClass_rows[] = {
    PROP_INT (VirtioPci, class, "class", 0, "PCI class; 0: the usual one"),
    PROP_END (VirtioPci)
};
/* clang-format on */

/* ---- interrupts ---- */

static VirtioPci *pci_of(Virtio *v)
{
    return (VirtioPci *)v->dev;
}

bool virtio_pci_msix(VirtioPci *p)
{
    return p->pci.msix_cap && (p->pci.st.conf[p->pci.msix_cap + 3] & 0x80);
}

static void pci_interrupt(Virtio *v, uint16_t vector)
{
    VirtioPci *p = pci_of(v);

    if (!virtio_pci_msix(p)) {
        pci_irq(&p->pci, 0, v->st.isr);
    } else if (vector < p->pci.n_msix) {
        pci_irq(&p->pci, vector, false);
        pci_irq(&p->pci, vector, true);
        pci_irq(&p->pci, vector, false);
    }
}

uint8_t virtio_pci_isr(VirtioPci *p)
{
    uint8_t isr = p->v->st.isr;

    p->v->st.isr = 0;
    if (!virtio_pci_msix(p))
        pci_irq(&p->pci, 0, false);
    return isr;
}

uint16_t virtio_pci_vector(VirtioPci *p, uint16_t vector)
{
    return vector < p->pci.n_msix ? vector : VIRTIO_NO_VECTOR;
}

/* ---- doorbells ---- */

static gboolean bell_rang(gint fd, GIOCondition cond, gpointer o)
{
    VirtQueue *vq = o;
    uint64_t n;

    if (read(fd, &n, sizeof(n)) < 0 || !vq->v->dev->vm->running)
        return G_SOURCE_CONTINUE; /* who runs again looks everywhere */
    virtq_kick(vq);
    return G_SOURCE_CONTINUE;
}

static void bells_place(VirtioPci *p, VirtQueue *vq, bool add)
{
    if (p->legacy)
        region_doorbell(&p->io, LEGACY_NOTIFY, 2, false, vq->index, vq->fd, add);
    if (p->modern)
        region_doorbell(&p->mem, MODERN_NOTIFY + vq->index * p->notify_step, 2, true, 0, vq->fd,
                        add);
    if (p->modern && p->pio_notify)
        region_doorbell(&p->pio, 0, 2, false, vq->index, vq->fd, add);
}

static void close_fd(void *fd)
{
    close(GPOINTER_TO_INT(fd));
}

/* Closed later: the map in use names it until the commit, to vCPUs and to the kernel, which needs
 * it to find what it is to forget. */
static void bell_drop(VirtQueue *vq)
{
    g_source_remove(vq->source);
    vm_call_main(vq->v->dev->vm, NULL, close_fd, GINT_TO_POINTER(vq->fd));
    vq->fd = -1;
}

static void bell_set(VirtioPci *p, VirtQueue *vq, bool on)
{
    if (on == (vq->fd >= 0))
        return;
    if (on) {
        vq->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (vq->fd < 0)
            return; /* out of them: the write itself does */
        vq->source = g_unix_fd_add(vq->fd, G_IO_IN, bell_rang, vq);
        bells_place(p, vq, true);
        return;
    }
    bells_place(p, vq, false);
    bell_drop(vq);
}

static void pci_ready(Virtio *v)
{
    VirtioPci *p = pci_of(v);

    space_begin(v->dev->vm->mem);
    for (unsigned i = 0; i < v->n_queues; i++)
        bell_set(p, &v->vq[i],
                 p->ioeventfd && (v->st.status & VIRTIO_DRIVER_OK) && v->q[i].enabled);
    space_commit(v->dev->vm->mem);
    /* rung on the old way, or before the driver said that it runs */
    for (unsigned i = 0; i < v->n_queues; i++)
        if (v->vq[i].fd >= 0)
            virtq_again(&v->vq[i]);
}

static const VirtioTransport pci_transport = { pci_interrupt, pci_ready };

/* ---- life ---- */

static bool refuse(VirtioPci *p, GError **err)
{
    const char *bad = p->v->conf.iommu_platform ? "iommu_platform=on: there is no IOMMU"
                      : p->ats                  ? "ats=on: there is no IOMMU"
                      : p->aer                  ? "aer=on: there is no PCI Express"
                      : !p->legacy && !p->modern
                          ? "device cannot work as neither modern nor legacy mode is enabled; "
                            "Set either disable-modern or disable-legacy to off"
                      : p->vectors != UINT32_MAX && p->vectors > 2048 ? "vectors=: at most 2048"
                                                                      : NULL;
    if (bad)
        user_fail(err, "%s", bad);
    return bad;
}

static void choose_mode(VirtioPci *p)
{
    const char *name = p->pci.dev.type->name;
    bool only_modern = g_str_has_suffix(name, "-non-transitional");
    bool both = g_str_has_suffix(name, "-transitional") && !only_modern;

    p->legacy = both || (!only_modern && p->disable_legacy != VIRTIO_LEGACY_ON);
    p->modern = both || only_modern || !p->disable_modern;
}

/* 4.1.2: transitional devices keep the ids of old; the others are 1040h + the device type */
static void set_identity(VirtioPci *p)
{
    if (!p->legacy) {
        pci_conf_default(&p->pci, 2, 2, 0x1040 + p->v->ops->id, 0);
        pci_conf_default(&p->pci, 8, 1, 1, 0);
        pci_conf_default(&p->pci, 0x2c, 4, 0x11001af4, 0);
    }
    if (p->class)
        pci_conf_default(&p->pci, 0x0a, 2, p->class, 0);
}

bool virtio_pci_plug(VirtioPci *p, Virtio *v, unsigned vectors, GError **err)
{
    p->v = v;
    choose_mode(p);
    if (refuse(p, err))
        return false;
    set_identity(p);
    if (p->legacy)
        virtio_pci_add_legacy(p);
    vectors = p->vectors == UINT32_MAX || !vectors ? vectors : p->vectors;
    if (vectors) /* the pending bits in the second half, as 7.2 has them for up to 128 */
        pci_msix(&p->pci, vectors, 1, 0, vectors <= 128 ? 2048 : 2048 * 16);
    if (p->modern)
        virtio_pci_add_modern(p);
    virtio_listen(v, &pci_transport);
    return true;
}

void virtio_pci_unplug(VirtioPci *p)
{
    Virtio *v = p->v;

    for (unsigned i = 0; v && i < v->n_queues; i++)
        if (v->vq[i].fd >= 0)
            bell_drop(&v->vq[i]); /* the core has taken the doorbells back */
    if (v)
        virtio_end(v);
    p->v = NULL;
}

void virtio_pci_reset(VirtioPci *p)
{
    virtio_reset_state(p->v);
    pci_irq(&p->pci, 0, false);
}

void virtio_pci_sync(VirtioPci *p)
{
    virtq_inuse_init(p->v);
    pci_ready(p->v);
}

bool virtio_pci_post_load(VirtioPci *p, GError **err)
{
    Virtio *v = p->v;

    v->st.config_vector = virtio_pci_vector(p, v->st.config_vector);
    for (unsigned i = 0; i < v->n_queues; i++)
        v->q[i].vector = virtio_pci_vector(p, v->q[i].vector);
    return virtio_check(v, err);
}

/* ---- one write to a queue's doorbell ---- */

void virtio_pci_notify(VirtioPci *p, unsigned queue)
{
    if (queue < p->v->n_queues)
        virtq_kick(&p->v->vq[queue]);
}
