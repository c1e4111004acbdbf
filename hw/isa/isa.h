/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_ISA_ISA_H
#define HW_ISA_ISA_H

#include "core/device.h"
#include "core/memory.h"

/*
 * "PNP0501": hw/pc writes Device(){_HID,_UID,_CRS} from the ports, lines, DMA channels taken
 * below
 */
typedef struct IsaInfo {
    const char *acpi_hid;
    /* Open Firmware name for boot paths: "fdc", "serial"; NULL: the type's name */
    const char *fw_name;
    void (*acpi)(Device *, GString *aml);
} IsaInfo;

/* bus_info: const IsaInfo *, or NULL */
extern const BusType isa_bus;

/* realize; the region and its row in vm->io; noted for ACPI and boot paths */
void isa_io(Device *, Region *, uint16_t port, uint16_t n, const IoOps *, void *o);

/* realize; a line of its own into the bus's OR for ISA IRQ n */
const IrqLine *isa_irq(Device *, unsigned n);

/* for isa_dma(): noted for ACPI */
void isa_take_dma(const Device *, unsigned chan);

/* what a device of the bus took in realize, in that order: for ACPI and boot paths (hw/pc) */
typedef struct IsaTaken {
    struct {
        uint16_t port, n;
    } io[8];
    unsigned n_io;
    uint16_t irqs; /* bit n: ISA IRQ n */
    uint8_t dmas;  /* bit n: channel n */
} IsaTaken;
void isa_taken(const Device *, IsaTaken *);

/* the same for a chip that is not on the bus (legacy IDE, PIT); NULL of NULL */
const IrqLine *isa_line(Bus *, unsigned n);

/*
 * The bus itself, for the bridge that has it. Each source of an ISA IRQ has a line of its own; the
 * bus ORs them and drives out[n] of its bridge (an array of 16 output pins).
 */
enum { ISA_IRQS = 16, ISA_SOURCES = 32 };

typedef struct IsaBus {
    Bus bus;
    /* state */ struct IsaBusState {
        uint32_t level[ISA_IRQS]; /* bit s: source s holds the IRQ up */
    } st;
    /* host */ const IrqLine **out;
    IrqLine line[ISA_IRQS][ISA_SOURCES];
    const Device *source[ISA_IRQS][ISA_SOURCES]; /* whose line it is */
    uint8_t used[ISA_IRQS];
    GHashTable *taken; /* Device * -> IsaTaken * */
} IsaBus;
void isa_bus_init(IsaBus *, Device *owner, const char *name, const IrqLine **out);

#endif
