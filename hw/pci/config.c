/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Configuration space: registers by three masks (reset value, writable, write one to clear) and
 * what follows from them: which BARs are decoded where, whether the device may master the bus.
 * PCI Local Bus Specification 3.0, chapter 6. Threads: machine lock.
 */
#include <inttypes.h>
#include <stdatomic.h>

#include "core/firmware.h"
#include "hw/pci/pci-int.h"

enum { PCI_SUB_VENDOR_QUMRANET = 0x1af4, PCI_SUB_DEVICE_GENERIC = 0x1100 };

static uint32_t conf_get(const uint8_t *conf, unsigned off, unsigned len)
{
    uint32_t val = 0;
    for (unsigned i = 0; i < len; i++)
        val |= (uint32_t)conf[off + i] << 8 * i;
    return val;
}

static void conf_put(uint8_t *conf, unsigned off, unsigned len, uint32_t val)
{
    for (unsigned i = 0; i < len; i++)
        conf[off + i] = val >> 8 * i;
}

uint8_t pci_conf8(PciDevice *d, unsigned off)
{
    return d->st.conf[off];
}
uint16_t pci_conf16(PciDevice *d, unsigned off)
{
    return conf_get(d->st.conf, off, 2);
}
uint32_t pci_conf32(PciDevice *d, unsigned off)
{
    return conf_get(d->st.conf, off, 4);
}

void pci_conf_default(PciDevice *d, unsigned off, unsigned len, uint32_t val, uint32_t wmask)
{
    g_assert(len <= 4 && off + len <= 256);
    conf_put(d->conf0, off, len, val);
    conf_put(d->st.conf, off, len, val);
    conf_put(d->wmask, off, len, wmask);
}

void pci_conf_set(PciDevice *d, unsigned off, unsigned len, uint32_t val)
{
    g_assert(len <= 4 && off + len <= 256);
    conf_put(d->st.conf, off, len, val);
}

void pci_conf_init(PciDevice *d)
{
    const PciInfo *info = pci_info_of(d);
    pci_conf_default(d, 0, 4, info->vendor | (uint32_t)info->device << 16, 0);
    pci_conf_default(d, PCI_COMMAND, 2, 0,
                     COMMAND_IO | COMMAND_MEM | COMMAND_MASTER | 1 << 6 | 1 << 8 |
                         COMMAND_INTX_OFF);
    conf_put(d->w1c, PCI_STATUS, 2, 0xf900);
    pci_conf_default(d, 8, 4, info->rev | info->prog_if << 8 | (uint32_t)info->class << 16, 0);
    pci_conf_default(d, 0x0c, 1, 0, 0xff);
    pci_conf_default(d, PCI_HEADER_TYPE, 1, (info->bridge ? 1 : 0) | (d->multifunction ? 0x80 : 0),
                     0);
    if (!info->bridge)
        pci_conf_default(d, PCI_SUB_VENDOR, 4,
                         info->sub_vendor ? info->sub_vendor | (uint32_t)info->sub_device << 16
                                          : PCI_SUB_VENDOR_QUMRANET | PCI_SUB_DEVICE_GENERIC << 16,
                         0);
    pci_conf_default(d, PCI_IRQ_LINE, 1, 0, 0xff);
    pci_conf_default(d, PCI_IRQ_PIN, 1, info->pin, 0);
    d->next_cap = 0x40;
}

unsigned pci_cap(PciDevice *d, uint8_t id, unsigned size)
{
    unsigned off = d->next_cap;
    g_assert(off + size <= 256);
    d->next_cap = (off + size + 3) & ~3u;
    pci_conf_default(d, off, 2, id | conf_get(d->conf0, PCI_CAP_LIST, 1) << 8, 0);
    pci_conf_default(d, PCI_CAP_LIST, 1, off, 0);
    pci_conf_default(d, PCI_STATUS, 2, conf_get(d->conf0, PCI_STATUS, 2) | STATUS_CAPS, 0);
    return off;
}

/* ---- base address registers ---- */

void pci_bar(PciDevice *d, unsigned n, Region *r, unsigned kind)
{
    PciBus *b = pci_bus_of(d);
    bool io = (kind & 3) == PCI_BAR_IO && n != PCI_ROM_SLOT, wide = (kind & 3) == PCI_BAR_MEM64;
    g_assert(n < 7 && !d->bar[n].region && r->size && !(r->size & (r->size - 1)));
    uint64_t mask = ~(r->size - 1);
    uint32_t low = io ? 1 : (wide ? 4 : 0) | (kind & PCI_BAR_PREFETCH ? 8 : 0);
    if (n == PCI_ROM_SLOT)
        low = 0, mask |= 1; /* bit 0 enables the ROM */
    else if (io)
        mask &= ~3ull;
    else
        mask &= ~15ull;
    pci_conf_default(d, pci_bar_reg(n), 4, low, mask);
    if (wide)
        pci_conf_default(d, pci_bar_reg(n) + 4, 4, 0, mask >> 32);
    d->bar[n] = (PciBar){ r, NULL, r->size, kind };
    d->bar[n].row = space_map(io ? b->io : b->mem, &(MapRow){ .base = 0,
                                                              .size = r->size,
                                                              .region = r,
                                                              .prio = PCI_PRIO_BAR,
                                                              .readonly = n == PCI_ROM_SLOT,
                                                              .on = false });
}

void pci_bar_io(PciDevice *d, unsigned n, Region *r, unsigned kind, uint64_t size, const IoOps *ops,
                void *o)
{
    region_init_io(r, &d->dev, d->dev.type->name, size, ops, o);
    pci_bar(d, n, r, kind);
}

/* An address of 0, and one whose range ends at the very top (what sizing writes), count as not
 * assigned: no PC firmware puts anything there. */
bool pci_bar_at(const PciDevice *d, unsigned n, uint64_t *addr)
{
    const PciBar *bar = &d->bar[n];
    uint16_t command = conf_get(d->st.conf, PCI_COMMAND, 2);
    uint32_t low = conf_get(d->st.conf, pci_bar_reg(n), 4);
    bool io = (bar->kind & 3) == PCI_BAR_IO && n != PCI_ROM_SLOT;
    if (!bar->region || !(command & (io ? COMMAND_IO : COMMAND_MEM)))
        return false;
    if (n == PCI_ROM_SLOT && !(low & 1))
        return false;
    uint64_t at = low & (io ? ~3u : ~15u), top = UINT32_MAX;
    if (n == PCI_ROM_SLOT)
        at = low & ~0x7ffu;
    if ((bar->kind & 3) == PCI_BAR_MEM64 && n != PCI_ROM_SLOT) {
        at |= (uint64_t)conf_get(d->st.conf, pci_bar_reg(n) + 4, 4) << 32;
        top = UINT64_MAX;
    }
    at &= ~(bar->size - 1);
    *addr = at;
    return at != 0 && at + bar->size - 1 > at && at + bar->size - 1 < top;
}

/* Parts of [base, base + size) outside a bridge's window do not reach the bus. */
static void pci_row_place(const PciBus *b, MapRow *row, bool on, uint64_t base, uint64_t size,
                          unsigned window)
{
    uint64_t lo = base, hi = base + size - 1;
    if (!b->root) {
        lo = MAX(lo, b->win[window][0]);
        hi = MIN(hi, b->win[window][1]);
        on = on && lo <= hi;
    }
    row->on = on;
    if (!on)
        return;
    row->base = lo;
    row->off = lo - base;
    row->size = hi - lo + 1;
}

static void pci_decode_bar(PciDevice *d, unsigned n)
{
    const PciBus *b = pci_bus_of(d);
    PciBar *bar = &d->bar[n];
    uint64_t at = 0;
    bool on = pci_bar_at(d, n, &at);
    bool io = (bar->kind & 3) == PCI_BAR_IO && n != PCI_ROM_SLOT;
    pci_row_place(b, bar->row, on, at, bar->size, io ? 0 : bar->kind & PCI_BAR_PREFETCH ? 2 : 1);
    for (unsigned i = 0; i < 2 && n == d->msix_bar; i++) {
        if (d->msix_row[i])
            pci_row_place(b, d->msix_row[i], on, at + d->msix_at[i], d->msix_row[i]->region->size,
                          1);
    }
}

void pci_decode(PciDevice *d)
{
    PciBus *b = pci_bus_of(d);
    uint16_t command = conf_get(d->st.conf, PCI_COMMAND, 2);
    space_begin(b->mem);
    for (unsigned n = 0; n < 7; n++) {
        if (d->bar[n].region)
            pci_decode_bar(d, n);
    }
    space_commit(b->mem);
    atomic_store(&d->dev.space, command & COMMAND_MASTER ? b->dma : NULL);
}

/* One ROM of ours serves several cards, but firmware runs it where its PCI data structure (3.0,
 * 6.3.1.2) names the card. Byte 6, which iPXE keeps for this, makes up for it in the sum. */
void pci_rom_name_card(PciDevice *d)
{
    uint8_t *rom = d->rom.host;
    const uint8_t *id = d->conf0;
    if (!rom || d->romfile)
        return;
    uint64_t size = d->rom.size;
    uint32_t at = conf_get(rom, 0x18, 2);

    if (conf_get(rom, 0, 2) != 0xaa55 || at + 8 > size || memcmp(rom + at, "PCIR", 4) != 0)
        return;
    for (unsigned i = 0; i < 4; i++) {
        rom[6] += rom[at + 4 + i] - id[i];
        rom[at + 4 + i] = id[i];
    }
}

bool pci_rom_load(PciDevice *d, GError **err)
{
    const char *file = d->romfile ? d->romfile : pci_info_of(d)->rom;
    if (!file || !*file || !d->rombar)
        return true;
    g_autoptr(GBytes) bytes = firmware_load(d->dev.vm, file, 64 << 20, err);
    if (!bytes)
        return false;
    uint64_t size = 2048;
    while (size < g_bytes_get_size(bytes))
        size <<= 1;
    if (!region_init_ram(&d->rom, &d->dev, "rom", size, err))
        return false;
    memset(d->rom.host, 0xff, size);
    memcpy(d->rom.host, g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
    pci_bar(d, PCI_ROM_SLOT, &d->rom, PCI_BAR_MEM);
    return true;
}

/* ---- accesses ---- */

uint32_t pci_config_read(PciBus *b, unsigned devfn, unsigned off, unsigned len)
{
    PciDevice *d = devfn < 256 ? b->fn[devfn] : NULL;
    if (!d || off + len > 256)
        return len == 4 ? 0xffffffff : (1u << 8 * len) - 1;
    if (pci_info_of(d)->config_read)
        pci_info_of(d)->config_read(d, off, len);
    return conf_get(d->st.conf, off, len);
}

static bool touches(unsigned off, unsigned len, unsigned first, unsigned count)
{
    return off < first + count && first < off + len;
}

void pci_config_write(PciBus *b, unsigned devfn, unsigned off, uint32_t val, unsigned len)
{
    PciDevice *d = devfn < 256 ? b->fn[devfn] : NULL;
    bool moved = false;
    if (!d || off + len > 256)
        return;
    for (unsigned i = off; i < off + len; i++, val >>= 8) {
        uint8_t was = d->st.conf[i];
        d->st.conf[i] = ((was & ~d->wmask[i]) | (val & d->wmask[i])) & ~(val & d->w1c[i]);
        moved |= d->st.conf[i] != was;
    }
    if (moved && (touches(off, len, PCI_COMMAND, 2) || touches(off, len, PCI_BAR0, 24) ||
                  touches(off, len, PCI_ROM, 4)))
        pci_decode(d);
    pci_msg_written(d, off, len);
    pci_intx_update(d);
    if (pci_info_of(d)->config_written)
        pci_info_of(d)->config_written(d, off, len);
}

/* From a stream: what the guest cannot write must be as this device has it. The interrupt status
 * is the bus's own. */
bool pci_conf_check(PciDevice *d, GError **err)
{
    for (unsigned i = 0; i < 256; i++) {
        uint8_t fixed = ~(d->wmask[i] | d->w1c[i]);
        if (i == PCI_STATUS)
            fixed &= ~STATUS_INTX;
        if (i < 0x40 && ((d->st.conf[i] ^ d->conf0[i]) & fixed))
            return user_fail(err, "PCI register %02x of %s is %02x in the stream, here %02x", i,
                             d->dev.type->name, d->st.conf[i], d->conf0[i]);
    }
    return true;
}
