/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The legacy interface: virtio 1.2, 4.1.4.10 and 2.7.2.
 *
 *   0 host features  4 guest features  8 queue PFN  12 queue size  14 select  16 notify
 *   18 status  19 ISR  [with MSI-X: 20 config vector, 22 queue vector]  20 or 24 configuration
 *
 * A queue is one piece of memory: descriptors and available ring, from the next page on the used
 * ring. Threads: machine lock.
 */
#include "hw/virtio/pci-int.h"

enum {
    HOST_FEATURES = 0,
    GUEST_FEATURES = 4,
    QUEUE_PFN = 8,
    QUEUE_SIZE = 12,
    QUEUE_SELECT = 14,
    STATUS = 18,
    ISR = 19,
    CONFIG_VECTOR = 20,
    QUEUE_VECTOR = 22,
    PAGE = 4096,
};

static unsigned config_at(VirtioPci *p)
{
    return virtio_pci_msix(p) ? 24 : 20;
}

static VirtQueue *selected(VirtioPci *p)
{
    unsigned n = p->v->st.queue_select;

    return n < p->v->n_queues && p->v->vq[n].max ? &p->v->vq[n] : NULL;
}

static uint64_t legacy_read(void *o, uint64_t off, unsigned size)
{
    VirtioPci *p = o;
    Virtio *v = p->v;
    const VirtQueue *vq = selected(p);

    if (off >= config_at(p))
        return virtio_config_read(v, off - config_at(p), size);
    switch (off) {
    case HOST_FEATURES: return virtio_offers(v, true);
    case GUEST_FEATURES: return v->st.features;
    case QUEUE_PFN: return vq ? virtq_state(vq)->desc / PAGE : 0;
    case QUEUE_SIZE: return vq ? virtq_state(vq)->num : 0;
    case QUEUE_SELECT: return v->st.queue_select;
    case STATUS: return v->st.status;
    case ISR: return virtio_pci_isr(p);
    case CONFIG_VECTOR: return v->st.config_vector;
    case QUEUE_VECTOR: return vq ? virtq_state(vq)->vector : VIRTIO_NO_VECTOR;
    }
    return 0;
}

static void set_pfn(VirtioPci *p, uint32_t pfn)
{
    VirtQueue *vq = selected(p);

    if (!vq)
        return;
    if (!pfn) { /* how the driver takes a queue back */
        device_reset(p->v->dev, RESET_SELF, NULL, NULL);
        return;
    }
    VirtQueueState *q = virtq_state(vq);
    if (q->enabled) {
        guest_error(p->v->dev, "queue %u was moved while in use", vq->index);
        return;
    }
    q->desc = (uint64_t)pfn * PAGE;
    q->avail = q->desc + (uint64_t)q->num * DESC_SIZE;
    q->used = (q->avail + 2 * (3 + q->num) + PAGE - 1) & ~(uint64_t)(PAGE - 1);
    virtq_enable(vq);
}

/* Drivers of old forget to let the device master the bus. */
static void set_status(VirtioPci *p, uint8_t val)
{
    uint16_t command = pci_conf16(&p->pci, 4);

    if ((val & VIRTIO_DRIVER_OK) && !(command & 4))
        pci_config_write((PciBus *)p->pci.dev.bus, p->pci.devfn, 4, command | 4, 2);
    virtio_set_status(p->v, val);
}

static void legacy_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    VirtioPci *p = o;
    Virtio *v = p->v;
    const VirtQueue *vq = selected(p);

    if (off >= config_at(p)) {
        virtio_config_write(v, off - config_at(p), val, size);
        return;
    }
    switch (off) {
    case GUEST_FEATURES: virtio_set_features(v, val, true); break;
    case QUEUE_PFN: set_pfn(p, val); break;
    case QUEUE_SELECT: v->st.queue_select = val; break;
    case LEGACY_NOTIFY: virtio_pci_notify(p, val & 0xffff); break;
    case STATUS: set_status(p, val); break;
    case CONFIG_VECTOR: v->st.config_vector = virtio_pci_vector(p, val); break;
    case QUEUE_VECTOR:
        if (vq)
            virtq_state(vq)->vector = virtio_pci_vector(p, val);
        break;
    }
}

static const IoOps legacy_ops = { legacy_read, legacy_write, .min = 1, .max = 4 };

void virtio_pci_add_legacy(VirtioPci *p)
{
    unsigned size = 32;

    while (size < 24 + p->v->config_size)
        size *= 2;
    pci_bar_io(&p->pci, 0, &p->io, PCI_BAR_IO, size, &legacy_ops, p);
}
