/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI 2.3 and 3.0 as a device author sees them: a descriptor (PciInfo), BARs, capabilities and one
 * call to interrupt. Configuration space, decoding, MSI and INTx are the bus's work.
 */
#ifndef HW_PCI_PCI_H
#define HW_PCI_PCI_H

#include "core/device.h"
#include "core/irq.h"
#include "core/memory.h"

typedef struct PciBus PciBus;
typedef struct PciDevice PciDevice;

/* bus_info of a PCI device. pin 0: no interrupt, 1: INTA ... sub_vendor 0: 1af4:1100.
 * rom: file of the option ROM, unless romfile= says otherwise. */
typedef struct PciInfo {
    uint16_t vendor, device, class, sub_vendor, sub_device;
    uint8_t rev, prog_if, pin;
    const char *rom;
    bool bridge, express;
    /* after the core stored it and moved the BARs; for chip-set registers */
    void (*config_written)(PciDevice *, unsigned off, unsigned len);
    /* before the guest reads there: registers that are not what was written */
    void (*config_read)(PciDevice *, unsigned off, unsigned len);
    void (*acpi)(Device *, GString *aml);
} PciInfo;

typedef enum { PCI_BAR_IO, PCI_BAR_MEM, PCI_BAR_MEM64, PCI_BAR_PREFETCH = 4 } PciBarKind;

/* Where BARs lie among the rows of a Space: under RAM; the board's fixed parts are above it. */
enum { PCI_PRIO_BAR = -1, PCI_ROM_SLOT = 6 };

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

/*
 * The bus's part of a device's state. conf: equal to conf0 after reset. msix: the table, then the
 * pending bits, then the vectors' levels. level: bit n is vector n; bit 0 is INTx too.
 */
typedef struct PciState {
    uint8_t conf[256];
    GByteArray *msix;
    uint32_t level;
    uint8_t pad[4];
} PciState;

struct PciDevice {
    Device dev;
    /* config */ char *addr, *romfile;
    bool multifunction;
    int32_t rombar;
    uint32_t acpi_index;
    /* state */ PciState st;
    /* host */ uint8_t devfn, next_cap, msi_cap, msix_cap;
    uint16_t n_msix;
    uint8_t conf0[256], wmask[256], w1c[256];
    PciBar bar[7];
    Region rom, msix_io, msix_pba, msix_none;
    MapRow *msix_row[2]; /* the table and the pending bits, laid over a BAR of the device */
    uint32_t msix_at[2];
    uint8_t msix_bar;
    MsiWire *msix_wire; /* one a vector; msi_lock */
    GMutex msi_lock;
};
extern const BusType pci_bus_type;

/* realize; size = region->size (a power of two: assert). Decoded, clipped by bridge windows,
 * moved, unmapped by the bus */
void pci_bar(PciDevice *, unsigned n, Region *, unsigned kind);

/* region_init_io and pci_bar */
void pci_bar_io(PciDevice *, unsigned n, Region *, unsigned kind, uint64_t size, const IoOps *,
                void *o);

/* Where a BAR is mapped now; false: not decoded, or not assigned */
bool pci_bar_at(const PciDevice *, unsigned n, uint64_t *addr);

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

/* Configuration space as the guest sees it */
uint8_t pci_conf8(PciDevice *, unsigned off);
uint16_t pci_conf16(PciDevice *, unsigned off);
uint32_t pci_conf32(PciDevice *, unsigned off);

/* realize: reset value (little endian, len <= 4) and the bits that the guest may write */
void pci_conf_default(PciDevice *, unsigned off, unsigned len, uint32_t val, uint32_t wmask);

/* The device changes a register itself; locked */
void pci_conf_set(PciDevice *, unsigned off, unsigned len, uint32_t val);

/* ACPI, SHPC, PCIe slot: set on the PciBus */
typedef struct PciHotplug {
    bool (*plugged)(void *o, PciDevice *, GError **);
    bool (*request)(void *o, PciDevice *, GError **);
} PciHotplug;

/* intx: pin (slot + INTx) mod 4, ORed over the bus's functions; they are walked, not counted, so
 * nothing can get out of step. A bridge passes its own on. win: io, mem, prefetch. */
struct PciBus {
    Bus bus;
    PciDevice *fn[256];
    Space *mem, *io, *dma;
    const PciHotplug *hp;
    void *hp_o;
    void (*intx)(void *o, unsigned pin, int level);
    void *intx_o;
    uint64_t win[3][2];
    bool root;
};
void pci_bus_init(PciBus *, Device *owner, const char *name, Space *mem, Space *io, Space *dma);

/* ---- for host bridges ---- */

/* locked; one access to configuration space, len 1, 2 or 4; nobody there: all-ones */
uint32_t pci_config_read(PciBus *, unsigned devfn, unsigned off, unsigned len);
void pci_config_write(PciBus *, unsigned devfn, unsigned off, uint32_t val, unsigned len);

/* one component of a boot path, and the name of a class: "ide", "IDE controller" */
const char *pci_class_fw_name(uint16_t class);
const char *pci_class_desc(uint16_t class);

#endif
