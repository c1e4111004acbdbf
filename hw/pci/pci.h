/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_PCI_PCI_H
#define HW_PCI_PCI_H

#include "core/device.h"
#include "core/memory.h"

typedef struct PciBus PciBus;
typedef struct PciDevice PciDevice;

/* pin 0: none, 1: INTA */
typedef struct PciInfo {
    uint16_t vendor, device, class, sub_vendor, sub_device;
    uint8_t rev, prog_if, pin;
    const char *rom;
    bool bridge, express;
    /* after the core stored it and synced BARs; for chip-set registers */
    void (*config_written)(PciDevice *, unsigned off, unsigned len);
    void (*acpi)(Device *, GString *aml);
} PciInfo;
typedef enum { PCI_BAR_IO, PCI_BAR_MEM, PCI_BAR_MEM64, PCI_BAR_PREFETCH = 4 } PciBarKind;

/* [6] is the ROM */
typedef struct PciBar {
    Region *region;
    MapRow *row;
    uint64_t size;
    uint8_t kind;
} PciBar;
typedef struct MsixEntry {
    uint64_t addr;
    uint32_t data, ctl;
} MsixEntry;

/* the bus part: conf = conf0 at reset; MSI-X table then pending bits */
typedef struct PciState {
    uint8_t conf[256];
    GByteArray *msix;
    uint8_t intx, pad[7];
} PciState;
struct PciDevice {
    Device dev; /* config */
    char *addr, *romfile;
    bool multifunction;
    int32_t rombar;
    /* state */ PciState st;
    /* host */ uint8_t devfn, next_cap, msi_cap, msix_cap;
    uint16_t n_msix;
    uint8_t conf0[256], wmask[256], w1c[256];
    PciBar bar[7];
    Region rom, msix_io;
    GMutex msi_lock;
};
extern const BusType pci_bus_type;

/*
 * realize; size = region->size (a power of two: assert). Decoded, clipped by bridge windows,
 * moved, unmapped by the bus
 */
void pci_bar(PciDevice *, unsigned n, Region *, unsigned kind);

/* region_init_io and pci_bar */
void pci_bar_io(PciDevice *, unsigned n, Region *, unsigned kind, uint64_t size, const IoOps *,
                void *o);

/* realize; its offset; the guest may write what wmask says */
unsigned pci_cap(PciDevice *, uint8_t id, unsigned size);

/* realize */
void pci_msi(PciDevice *, unsigned vectors);

/* realize; over the device's own BAR region, or one of its own (region NULL so far) */
void pci_msix(PciDevice *, unsigned vectors, unsigned bar, uint32_t table, uint32_t pba);

/*
 * any. The only way to interrupt: MSI-X or MSI if the guest enabled it (rising level sends;
 * masked: pending), else INTx = level (from a home by vm_call_main). Level devices call it with
 * their present level as often as they like
 */
void pci_irq(PciDevice *, unsigned vector, bool level);
uint8_t pci_conf8(PciDevice *, unsigned off);
uint16_t pci_conf16(PciDevice *, unsigned off);
void pci_conf_default(PciDevice *, unsigned off, unsigned len, uint32_t val, uint32_t wmask);

/* ACPI, SHPC, PCIe slot: set on the PciBus */
typedef struct PciHotplug {
    bool (*plugged)(void *o, PciDevice *, GError **);
    bool (*request)(void *o, PciDevice *, GError **);
} PciHotplug;
struct PciBus {
    Bus bus;
    PciDevice *fn[256];
    Space *mem, *io, *dma;
    const PciHotplug *hp;
    void *hp_o;
    void (*intx)(void *o, unsigned pin, int level);
    void *intx_o;
    /* intx: 4 pins ORed over the bus's functions (walked, not counted); a bridge swizzles into its
     * own bus. win: io, mem, prefetch */
    uint64_t win[3][2];
    bool root;
};
void pci_bus_init(PciBus *, Device *owner, const char *name, Space *mem, Space *io, Space *dma);

#endif
