/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The modern interface: virtio 1.2, 4.1.4. Vendor capabilities say where in which BAR the common
 * configuration, the notifications, ISR and the device's configuration are, and one of them is a
 * window: software that cannot reach a BAR accesses it through configuration space.
 * Threads: machine lock.
 */
#include "hw/virtio/pci-int.h"

enum {
    AT_COMMON = 0,
    AT_ISR = 0x1000,
    AT_CONFIG = 0x2000,
    PART = 0x1000,
    BAR_MEM = 4,
    BAR_PIO = 2
};
enum { CAP_VENDOR = 9, CAP_COMMON = 1, CAP_NOTIFY, CAP_ISR, CAP_CONFIG, CAP_WINDOW };

/* struct virtio_pci_common_cfg */
enum {
    FEATURE_SELECT = 0,
    FEATURE = 4,
    DRIVER_SELECT = 8,
    DRIVER_FEATURE = 12,
    CONFIG_VECTOR = 16,
    NUM_QUEUES = 18,
    STATUS = 20,
    GENERATION = 21,
    QUEUE_SELECT = 22,
    QUEUE_SIZE = 24,
    QUEUE_VECTOR = 26,
    QUEUE_ENABLE = 28,
    NOTIFY_OFF = 30,
    QUEUE_DESC = 32,
    QUEUE_DRIVER = 40,
    QUEUE_DEVICE = 48,
    NOTIFY_DATA = 56,
    QUEUE_RESET = 58,
};

static VirtQueue *selected(VirtioPci *p)
{
    unsigned n = p->v->st.queue_select;

    return n < p->v->n_queues && p->v->vq[n].max ? &p->v->vq[n] : NULL;
}

/* ---- common configuration ---- */

static uint64_t queue_read(VirtioPci *p, unsigned off)
{
    const VirtQueue *vq = selected(p);

    if (!vq)
        return off == QUEUE_VECTOR ? VIRTIO_NO_VECTOR : 0;
    const VirtQueueState *q = virtq_state(vq);
    switch (off) {
    case QUEUE_SIZE: return q->num;
    case QUEUE_VECTOR: return q->vector;
    case QUEUE_ENABLE: return q->enabled;
    case NOTIFY_OFF: return vq->index;
    case QUEUE_DESC: return (uint32_t)q->desc;
    case QUEUE_DESC + 4: return q->desc >> 32;
    case QUEUE_DRIVER: return (uint32_t)q->avail;
    case QUEUE_DRIVER + 4: return q->avail >> 32;
    case QUEUE_DEVICE: return (uint32_t)q->used;
    case QUEUE_DEVICE + 4: return q->used >> 32;
    case QUEUE_RESET: return q->resetting;
    }
    return 0;
}

static unsigned usable_queues(const Virtio *v)
{
    unsigned n = 0;

    for (unsigned i = 0; i < v->n_queues; i++)
        n = v->vq[i].max ? i + 1 : n;
    return n;
}

static uint64_t common_read(VirtioPci *p, unsigned off)
{
    const Virtio *v = p->v;

    switch (off) {
    case FEATURE_SELECT: return v->st.host_select;
    case FEATURE:
        return v->st.host_select < 2 ? virtio_offers(v, false) >> 32 * v->st.host_select : 0;
    case DRIVER_SELECT: return v->st.guest_select;
    case DRIVER_FEATURE:
        return v->st.guest_select < 2 ? v->st.features >> 32 * v->st.guest_select : 0;
    case CONFIG_VECTOR: return v->st.config_vector;
    case NUM_QUEUES: return usable_queues(v);
    case STATUS: return v->st.status;
    case GENERATION: return v->st.generation;
    case QUEUE_SELECT: return v->st.queue_select;
    }
    return queue_read(p, off);
}

static void set_low(uint64_t *reg, uint32_t val)
{
    *reg = (*reg & ~0xffffffffull) | val;
}

static void set_high(uint64_t *reg, uint32_t val)
{
    *reg = (uint32_t)*reg | (uint64_t)val << 32;
}

/* Registers of a queue that runs stay as they are. */
static void queue_setup(VirtioPci *p, VirtQueue *vq, unsigned off, uint32_t val)
{
    VirtQueueState *q = virtq_state(vq);

    if (q->enabled || q->resetting) {
        guest_error(p->v->dev, "queue %u: register %u written while in use", vq->index, off);
        return;
    }
    switch (off) {
    case QUEUE_SIZE:
        if (val && val <= vq->max)
            q->num = val;
        break;
    case QUEUE_ENABLE:
        if (val == 1)
            virtq_enable(vq);
        break;
    case QUEUE_DESC: set_low(&q->desc, val); break;
    case QUEUE_DESC + 4: set_high(&q->desc, val); break;
    case QUEUE_DRIVER: set_low(&q->avail, val); break;
    case QUEUE_DRIVER + 4: set_high(&q->avail, val); break;
    case QUEUE_DEVICE: set_low(&q->used, val); break;
    case QUEUE_DEVICE + 4: set_high(&q->used, val); break;
    }
}

static void queue_write(VirtioPci *p, unsigned off, uint32_t val)
{
    VirtQueue *vq = selected(p);

    if (!vq)
        return;
    if (off == QUEUE_VECTOR) {
        virtq_state(vq)->vector = virtio_pci_vector(p, val);
    } else if (off == QUEUE_RESET) {
        if (val == 1 && virtio_has(p->v, VIRTIO_F_RING_RESET) && virtq_state(vq)->enabled)
            virtq_reset(vq);
    } else {
        queue_setup(p, vq, off, val);
    }
}

static void driver_features(Virtio *v, uint32_t val)
{
    uint64_t all = v->st.features;

    if (v->st.guest_select > 1) {
        v->st.refused |= val != 0;
        return;
    }
    bool was_refused = v->st.refused;
    if (v->st.guest_select)
        set_high(&all, val);
    else
        set_low(&all, val);
    virtio_set_features(v, all, false);
    v->st.refused |= was_refused;
}

static void common_write(VirtioPci *p, unsigned off, uint32_t val)
{
    Virtio *v = p->v;

    switch (off) {
    case FEATURE_SELECT: v->st.host_select = val; break;
    case DRIVER_SELECT: v->st.guest_select = val; break;
    case DRIVER_FEATURE: driver_features(v, val); break;
    case CONFIG_VECTOR: v->st.config_vector = virtio_pci_vector(p, val); break;
    case STATUS: virtio_set_status(v, val); break;
    case QUEUE_SELECT: v->st.queue_select = val; break;
    default: queue_write(p, off, val);
    }
}

/* ---- the BARs ---- */

static uint64_t mem_read(void *o, uint64_t off, unsigned size)
{
    VirtioPci *p = o;

    switch (off / PART) {
    case AT_COMMON / PART: return common_read(p, off);
    case AT_ISR / PART: return off == AT_ISR ? virtio_pci_isr(p) : 0;
    case AT_CONFIG / PART: return virtio_config_read(p->v, off - AT_CONFIG, size);
    }
    return 0;
}

static void mem_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    VirtioPci *p = o;

    if (off >= MODERN_NOTIFY)
        virtio_pci_notify(p, (off - MODERN_NOTIFY) / p->notify_step);
    else if (off / PART == AT_COMMON / PART)
        common_write(p, off, val);
    else if (off / PART == AT_CONFIG / PART)
        virtio_config_write(p->v, off - AT_CONFIG, val, size);
}

static uint64_t pio_read(void *o, uint64_t off, unsigned size)
{
    return 0;
}

static void pio_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    virtio_pci_notify(o, val & 0xffff);
}

static const IoOps mem_ops = { mem_read, mem_write, .min = 1, .max = 8, .impl_max = 4 };
static const IoOps pio_ops = { pio_read, pio_write, .min = 1, .max = 4 };

/* ---- the window (4.1.4.9) ---- */

enum { WINDOW_BAR = 4, WINDOW_OFF = 8, WINDOW_LEN = 12, WINDOW_DATA = 16 };

static bool window_open(VirtioPci *p, unsigned off, unsigned len, uint64_t *at, unsigned *size)
{
    unsigned cap = p->window;

    if (!cap || off >= cap + WINDOW_DATA + 4 || off + len <= cap + WINDOW_DATA)
        return false;
    *at = pci_conf32(&p->pci, cap + WINDOW_OFF);
    *size = pci_conf32(&p->pci, cap + WINDOW_LEN);
    return pci_conf8(&p->pci, cap + WINDOW_BAR) == BAR_MEM &&
           (*size == 1 || *size == 2 || *size == 4) && !(*at & (*size - 1)) &&
           *at + *size <= p->mem.size;
}

void virtio_pci_config_written(PciDevice *d, unsigned off, unsigned len)
{
    VirtioPci *p = (VirtioPci *)d;
    uint64_t at;
    unsigned size;

    if (window_open(p, off, len, &at, &size))
        mem_write(p, at, pci_conf32(d, p->window + WINDOW_DATA) & (~0u >> (32 - 8 * size)), size);
}

void virtio_pci_config_read(PciDevice *d, unsigned off, unsigned len)
{
    VirtioPci *p = (VirtioPci *)d;
    uint64_t at;
    unsigned size;

    if (window_open(p, off, len, &at, &size))
        pci_conf_set(d, p->window + WINDOW_DATA, size, mem_read(p, at, size));
}

/* ---- capabilities ---- */

static unsigned add_cap(VirtioPci *p, uint8_t type, uint8_t bar, uint32_t off, uint32_t len,
                        unsigned size)
{
    unsigned cap = pci_cap(&p->pci, CAP_VENDOR, size);

    pci_conf_default(&p->pci, cap + 2, 1, size, 0);
    pci_conf_default(&p->pci, cap + 3, 1, type, 0);
    pci_conf_default(&p->pci, cap + 4, 4, bar, 0);
    pci_conf_default(&p->pci, cap + 8, 4, off, 0);
    pci_conf_default(&p->pci, cap + 12, 4, len, 0);
    return cap;
}

void virtio_pci_add_modern(VirtioPci *p)
{
    unsigned cap, all, size = 0x4000;

    p->notify_step = p->page_per_vq ? 4096 : 4;
    all = p->notify_step * VIRTIO_QUEUES;
    while (size < MODERN_NOTIFY + all)
        size *= 2;
    pci_bar_io(&p->pci, BAR_MEM, &p->mem, PCI_BAR_MEM64 | PCI_BAR_PREFETCH, size, &mem_ops, p);
    add_cap(p, CAP_COMMON, BAR_MEM, AT_COMMON, PART, 16);
    add_cap(p, CAP_ISR, BAR_MEM, AT_ISR, PART, 16);
    add_cap(p, CAP_CONFIG, BAR_MEM, AT_CONFIG, PART, 16);
    cap = add_cap(p, CAP_NOTIFY, BAR_MEM, MODERN_NOTIFY, all, 20);
    pci_conf_default(&p->pci, cap + 16, 4, p->notify_step, 0);
    if (p->pio_notify) {
        pci_bar_io(&p->pci, BAR_PIO, &p->pio, PCI_BAR_IO, 4, &pio_ops, p);
        cap = add_cap(p, CAP_NOTIFY, BAR_PIO, 0, 4, 20);
        pci_conf_default(&p->pci, cap + 16, 4, 0, 0);
    }
    cap = add_cap(p, CAP_WINDOW, 0, 0, 0, 20);
    pci_conf_default(&p->pci, cap + WINDOW_BAR, 1, 0, 0xff);
    pci_conf_default(&p->pci, cap + WINDOW_OFF, 4, 0, ~0u);
    pci_conf_default(&p->pci, cap + WINDOW_LEN, 4, 0, ~0u);
    pci_conf_default(&p->pci, cap + WINDOW_DATA, 4, 0, ~0u);
    p->window = cap;
}
