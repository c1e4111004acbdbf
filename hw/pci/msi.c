/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Message interrupts: MSI (PCI 3.0, 6.8.1) and MSI-X (6.8.2), and pci_irq(), which chooses between
 * them and INTx. Threads: registers under the machine lock; pci_irq from any thread. msi_lock
 * keeps table, pending bits and levels together; nothing is called under it but what sends.
 */
#include "hw/pci/pci-int.h"
#include "core/irq.h"
#include "core/vm.h"
#include "util/bytes.h"

enum {
    MSI_ENABLE = 1,
    MSI_64 = 1 << 7,
    MSI_MASK = 1 << 8,
    MSIX_ENABLE = 0x80, /* of the high byte */
    MSIX_MASK_ALL = 0x40,
    MSIX_ENTRY_MASK = 1,
};

static uint32_t msi_get32(const PciDevice *d, unsigned off)
{
    return get_le32(d->st.conf + off);
}

static bool msi_on(const PciDevice *d)
{
    return d->msi_cap && (d->st.conf[d->msi_cap + 2] & MSI_ENABLE);
}
static bool msix_on(const PciDevice *d)
{
    return d->msix_cap && (d->st.conf[d->msix_cap + 3] & MSIX_ENABLE);
}

bool pci_msg_enabled(const PciDevice *d)
{
    return msi_on(d) || msix_on(d);
}

/* ---- MSI ---- */

void pci_msi(PciDevice *d, unsigned vectors)
{
    unsigned log = 0;
    while (1u << log < vectors)
        log++;
    g_assert(vectors && log <= 5);
    bool mask = vectors > 1;
    unsigned cap = pci_cap(d, CAP_MSI, mask ? 0x18 : 0x0e);
    uint16_t control = MSI_64 | log << 1 | (mask ? MSI_MASK : 0);
    pci_conf_default(d, cap + 2, 2, control, MSI_ENABLE | 7 << 4);
    pci_conf_default(d, cap + 4, 4, 0, 0xfffffffc);
    pci_conf_default(d, cap + 8, 4, 0, 0xffffffff);
    pci_conf_default(d, cap + 12, 2, 0, 0xffff);
    if (mask)
        pci_conf_default(d, cap + 16, 4, 0, vectors == 32 ? 0xffffffff : (1u << vectors) - 1);
    d->msi_cap = cap;
}

/* msi_lock held. Fewer vectors enabled than the device has: they share the last bits. */
static void msi_fire(PciDevice *d, unsigned vector)
{
    unsigned cap = d->msi_cap, enabled = 1u << (d->st.conf[cap + 2] >> 4 & 7);
    bool maskable = d->st.conf[cap + 3] & MSI_MASK >> 8;
    vector &= MIN(enabled, 32) - 1;
    if (maskable && (msi_get32(d, cap + 16) & 1u << vector)) {
        uint32_t pending = msi_get32(d, cap + 20) | 1u << vector;
        put_le32(d->st.conf + cap + 20, pending);
        return;
    }
    uint32_t data = get_le16(d->st.conf + cap + 12) | vector;
    msi_send(d->dev.vm, msi_get32(d, cap + 4) | (uint64_t)msi_get32(d, cap + 8) << 32, data);
}

static void msi_unmasked(PciDevice *d)
{
    unsigned cap = d->msi_cap;
    if (!(d->st.conf[cap + 3] & MSI_MASK >> 8) || !msi_on(d))
        return;
    uint32_t ready = msi_get32(d, cap + 20) & ~msi_get32(d, cap + 16);
    uint32_t left = msi_get32(d, cap + 20) & ~ready;
    put_le32(d->st.conf + cap + 20, left);
    for (unsigned v = 0; v < 32; v++) {
        if (ready & 1u << v)
            msi_fire(d, v);
    }
}

/* ---- MSI-X ---- */

static uint8_t *msix_pending(PciDevice *d)
{
    return d->st.msix->data + d->n_msix * sizeof(MsixEntry);
}
static uint8_t *msix_levels(PciDevice *d)
{
    return msix_pending(d) + (d->n_msix + 7) / 8;
}
static MsixEntry *msix_entry(PciDevice *d, unsigned v)
{
    return (MsixEntry *)d->st.msix->data + v;
}

/* msi_lock held */
static void msix_fire(PciDevice *d, unsigned v)
{
    const MsixEntry *e = msix_entry(d, v);
    if ((e->ctl & MSIX_ENTRY_MASK) || (d->st.conf[d->msix_cap + 3] & MSIX_MASK_ALL))
        msix_pending(d)[v / 8] |= 1 << v % 8;
    else if (d->msix_wire)
        msi_wire_send(d->dev.vm, &d->msix_wire[v], e->addr, e->data);
}

static void msix_unmasked(PciDevice *d, unsigned v)
{
    uint8_t bit = 1 << v % 8;
    if (!msix_on(d) || !(msix_pending(d)[v / 8] & bit))
        return;
    msix_pending(d)[v / 8] &= ~bit;
    msix_fire(d, v);
}

static uint64_t msix_read(void *o, uint64_t off, unsigned size)
{
    PciDevice *d = o;
    uint64_t val = 0;
    if (off + size <= d->n_msix * sizeof(MsixEntry))
        memcpy(&val, d->st.msix->data + off, size);
    return val;
}

static void msix_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    PciDevice *d = o;
    if (off + size > d->n_msix * sizeof(MsixEntry))
        return;
    g_mutex_lock(&d->msi_lock);
    memcpy(d->st.msix->data + off, &val, size);
    msix_entry(d, off / sizeof(MsixEntry))->ctl &= MSIX_ENTRY_MASK;
    msix_unmasked(d, off / sizeof(MsixEntry));
    g_mutex_unlock(&d->msi_lock);
}

static uint64_t msix_pba_read(void *o, uint64_t off, unsigned size)
{
    PciDevice *d = o;
    uint64_t val = 0;
    unsigned bytes = (d->n_msix + 7) / 8;
    g_mutex_lock(&d->msi_lock);
    for (unsigned i = 0; i < size && off + i < bytes; i++)
        val |= (uint64_t)msix_pending(d)[off + i] << 8 * i;
    g_mutex_unlock(&d->msi_lock);
    return val;
}

static void msix_pba_write(void *o, uint64_t off, uint64_t val, unsigned size) {}

static const IoOps msix_ops = { msix_read, msix_write,    .min = 4,
                                .max = 8,  .impl_min = 4, .impl_max = 8 };
static const IoOps msix_pba_ops = { msix_pba_read, msix_pba_write, .min = 1,
                                    .max = 8,      .impl_min = 1,  .impl_max = 8 };

static MapRow *msix_overlay(PciDevice *d, Region *r)
{
    return space_map(pci_bus_of(d)->mem,
                     &(MapRow){ .size = r->size, .region = r, .prio = PCI_PRIO_BAR + 1 });
}

/* A BAR of its own: a plain region with nothing in it, under the two tables */
static uint64_t msix_none_read(void *o, uint64_t off, unsigned size)
{
    return 0;
}
static const IoOps msix_none = { msix_none_read, msix_pba_write, .min = 1,
                                 .max = 8,       .impl_min = 1,  .impl_max = 8 };

void pci_msix(PciDevice *d, unsigned vectors, unsigned bar, uint32_t table, uint32_t pba)
{
    unsigned bytes = vectors * sizeof(MsixEntry), bits = (vectors + 63) / 64 * 8;
    g_assert(vectors && vectors <= 2048 && bar < 6);
    unsigned cap = pci_cap(d, CAP_MSIX, 12);
    pci_conf_default(d, cap + 2, 2, vectors - 1, (MSIX_ENABLE | MSIX_MASK_ALL) << 8);
    pci_conf_default(d, cap + 4, 4, table | bar, 0);
    pci_conf_default(d, cap + 8, 4, pba | bar, 0);
    d->msix_wire = g_new0(MsiWire, vectors);
    d->msix_cap = cap;
    d->n_msix = vectors;
    d->msix_bar = bar;
    d->msix_at[0] = table;
    d->msix_at[1] = pba;
    if (!d->bar[bar].region) {
        uint64_t size = 4096;
        while (size < MAX((uint64_t)table + bytes, (uint64_t)pba + bits))
            size <<= 1;
        pci_bar_io(d, bar, &d->msix_none, PCI_BAR_MEM, size, &msix_none, d);
    }
    region_init_io(&d->msix_io, &d->dev, "msix-table", bytes, &msix_ops, d);
    region_init_io(&d->msix_pba, &d->dev, "msix-pba", bits, &msix_pba_ops, d);
    d->msix_row[0] = msix_overlay(d, &d->msix_io);
    d->msix_row[1] = msix_overlay(d, &d->msix_pba);
    pci_msg_reset(d);
}

/* ---- both ---- */

void pci_msg_reset(PciDevice *d)
{
    if (!d->n_msix || !d->st.msix)
        return;
    g_byte_array_set_size(d->st.msix, d->n_msix * sizeof(MsixEntry) + 2 * ((d->n_msix + 7) / 8));
    memset(d->st.msix->data, 0, d->st.msix->len);
    for (unsigned v = 0; v < d->n_msix; v++)
        msix_entry(d, v)->ctl = MSIX_ENTRY_MASK;
}

void pci_msg_end(PciDevice *d)
{
    g_mutex_lock(&d->msi_lock);
    for (unsigned v = 0; d->msix_wire && v < d->n_msix; v++)
        msi_wire_free(d->dev.vm, &d->msix_wire[v]);
    g_clear_pointer(&d->msix_wire, g_free);
    g_mutex_unlock(&d->msi_lock);
}

void pci_msg_written(PciDevice *d, unsigned off, unsigned len)
{
    g_mutex_lock(&d->msi_lock);
    if (d->msi_cap && off < d->msi_cap + 24u && off + len > d->msi_cap)
        msi_unmasked(d);
    if (d->msix_cap && off < d->msix_cap + 4u && off + len > d->msix_cap &&
        !(d->st.conf[d->msix_cap + 3] & MSIX_MASK_ALL)) {
        for (unsigned v = 0; v < d->n_msix; v++) {
            if (!(msix_entry(d, v)->ctl & MSIX_ENTRY_MASK))
                msix_unmasked(d, v);
        }
    }
    g_mutex_unlock(&d->msi_lock);
}

/* msi_lock held; was it a rising level? */
static bool pci_level(PciDevice *d, unsigned v, bool level)
{
    if (v < 32) {
        uint32_t was = d->st.level, bit = 1u << v;
        d->st.level = level ? was | bit : was & ~bit;
        return level && !(was & bit);
    }
    uint8_t *at = msix_levels(d) + v / 8, bit = 1 << v % 8, was = *at;
    *at = level ? was | bit : was & ~bit;
    return level && !(was & bit);
}

static void pci_irq_main(void *o)
{
    pci_intx_update(o);
}

void pci_irq(PciDevice *d, unsigned vector, bool level)
{
    g_assert(vector < 32 || vector < d->n_msix);
    g_mutex_lock(&d->msi_lock);
    bool rose = pci_level(d, vector, level), messages = pci_msg_enabled(d);
    if (rose && msix_on(d) && vector < d->n_msix)
        msix_fire(d, vector);
    else if (rose && msi_on(d))
        msi_fire(d, vector);
    g_mutex_unlock(&d->msi_lock);
    if (messages || vector)
        return;
    if (vm_locked())
        pci_intx_update(d);
    else
        vm_call_main(d->dev.vm, &d->dev, pci_irq_main, d);
}
