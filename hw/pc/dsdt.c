/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The DSDT of the 440FX board: processors, the PCI root with its windows and interrupt routing by
 * the four link devices of the PIIX3, and every ISA device by its own description.
 * PCI hot-plug: dsdt-hotplug.c. Not here: hot-plug of processors and memory.
 */
#include <string.h>

#include "hw/isa/isa.h"
#include "hw/pc/acpi.h"
#include "hw/pc/aml.h"
#include "hw/pci/pci.h"

/* first byte above the BARs: the IOAPIC */
enum { PCI_WINDOW_END = PC_IOAPIC_BASE };

static void processors(GString *a, const Pc *pc)
{
    size_t sb = aml_scope(a, "\\_SB");

    for (unsigned i = 0; i < pc->dev.vm->smp.cpus; i++) {
        char name[8];
        g_snprintf(name, sizeof(name), "C%03X", i);
        aml_close(a, aml_processor(a, name, i));
    }
    aml_close(a, sb);
}

/* ---- PCI0 ---- */

/* Where the firmware has put BARs above 4 GiB; false: nowhere */
static bool high_window(const Pc *pc, uint64_t *first, uint64_t *last)
{
    const PciBus *bus = (const PciBus *)pc->pci;

    *first = UINT64_MAX;
    *last = 0;
    for (unsigned i = 0; i < 256; i++) {
        const PciDevice *d = bus->fn[i];
        uint64_t at;
        for (unsigned n = 0; d && n < 6; n++) {
            if ((d->bar[n].kind & 3) != PCI_BAR_MEM64 || !pci_bar_at(d, n, &at) || at >> 32 == 0)
                continue;
            *first = MIN(*first, at);
            *last = MAX(*last, at + d->bar[n].size - 1);
        }
    }
    return *first < *last;
}

static void pci_windows(GString *a, const Pc *pc)
{
    uint64_t first, last;

    aml_name(a, "_CRS");
    size_t r = aml_resources(a);
    aml_res_bus(a, 0, 255);
    aml_res_io(a, 0xcf8, 8);
    aml_res_io_window(a, 0, 0xcf7);
    aml_res_io_window(a, 0xd00, 0xffff);
    aml_res_mem_window(a, 0xa0000, 0xbffff);
    aml_res_mem_window(a, pc->mem.below_4g, PCI_WINDOW_END - 1);
    if (high_window(pc, &first, &last))
        aml_res_mem64_window(a, first, last);
    aml_resources_close(a, r);
}

static const char *const LINKS[] = { "LNKA", "LNKB", "LNKC", "LNKD" };

/* One row: pin of all functions of a slot, then the link, or 0 and a fixed interrupt. */
static void route(GString *a, unsigned slot, unsigned pin, const char *link, unsigned gsi)
{
    size_t row = aml_package(a, 4);

    aml_int(a, slot << 16 | 0xffff);
    aml_int(a, pin);
    if (link)
        aml_path(a, link);
    else
        aml_int(a, 0);
    aml_int(a, gsi);
    aml_close(a, row);
}

/* The board rotates pins by slot; the PM function (slot 1, INTA) has the SCI for itself. */
static void pci_routing(GString *a)
{
    enum { SLOTS = 32, PINS = 4 };

    aml_name(a, "_PRT");
    size_t p = aml_package(a, SLOTS * PINS);
    for (unsigned slot = 0; slot < SLOTS; slot++)
        for (unsigned pin = 0; pin < PINS; pin++)
            if (slot == 1 && pin == 0)
                route(a, slot, pin, NULL, PC_SCI_IRQ);
            else
                route(a, slot, pin, LINKS[(slot + pin + 3) % 4], 0);
    aml_close(a, p);
}

/* ---- links ---- */

/* PIIX3 PIRQRCA-D, 60h-63h: bit 7 off, else the ISA IRQ */
static void link_methods(GString *a, const char *reg)
{
    static const uint8_t none[] = { 0 };
    size_t m, r;

    m = aml_method(a, "_STA", 0);
    size_t off = aml_if(a);
    aml_byte(a, AML_AND);
    aml_path(a, reg);
    aml_int(a, 0x80);
    aml_int(a, 0);
    aml_return(a);
    aml_int(a, 0x09);
    aml_close(a, off);
    aml_return(a);
    aml_int(a, 0x0b);
    aml_close(a, m);

    m = aml_method(a, "_DIS", 0);
    aml_byte(a, AML_OR);
    aml_path(a, reg);
    aml_int(a, 0x80);
    aml_path(a, reg);
    aml_close(a, m);

    /* serialised: it makes a named object */
    m = aml_method(a, "_CRS", 8);
    aml_name(a, "BUF");
    r = aml_resources(a);
    aml_res_interrupts(a, none, 1);
    aml_resources_close(a, r);
    aml_byte(a, AML_CREATE_DWORD_FIELD);
    aml_path(a, "BUF");
    aml_int(a, 5);
    aml_path(a, "IRQ");
    aml_byte(a, AML_AND);
    aml_path(a, reg);
    aml_int(a, 0x0f);
    aml_path(a, "IRQ");
    aml_return(a);
    aml_path(a, "BUF");
    aml_close(a, m);

    m = aml_method(a, "_SRS", 1 | 8);
    aml_byte(a, AML_CREATE_DWORD_FIELD);
    aml_byte(a, AML_ARG0);
    aml_int(a, 5);
    aml_path(a, "IRQ");
    aml_byte(a, AML_STORE);
    aml_path(a, "IRQ");
    aml_path(a, reg);
    aml_close(a, m);
}

static void links(GString *a)
{
    static const char *const regs[] = { "PRQA", "PRQB", "PRQC", "PRQD" };
    static const uint8_t irqs[] = { 5, 10, 11 };

    size_t f = aml_field(a, "\\_SB.PCI0.ISA.PIRQ", 1);
    for (unsigned i = 0; i < 4; i++)
        aml_field_bits(a, regs[i], 8);
    aml_close(a, f);
    for (unsigned i = 0; i < 4; i++) {
        size_t d = aml_device(a, LINKS[i]);
        aml_name_eisa(a, "_HID", "PNP0C0F");
        aml_name_int(a, "_UID", i);
        aml_name(a, "_PRS");
        size_t r = aml_resources(a);
        aml_res_interrupts(a, irqs, 3);
        aml_resources_close(a, r);
        link_methods(a, regs[i]);
        aml_close(a, d);
    }
}

/* ---- the ISA bridge and what is behind it ---- */

static void isa_resources(GString *a, const Device *d)
{
    IsaTaken t = { .n_io = 0 };

    isa_taken(d, &t);
    aml_name(a, "_CRS");
    size_t r = aml_resources(a);
    for (unsigned i = 0; i < t.n_io; i++)
        aml_res_io(a, t.io[i].port, MIN(t.io[i].n, 255));
    if (t.irqs)
        aml_res_irqs(a, t.irqs);
    if (t.dmas)
        aml_res_dma(a, t.dmas);
    aml_resources_close(a, r);
}

/* how many of the same kind stand before it, from 1 */
static unsigned isa_uid(const GPtrArray *all, guint at, const char *hid)
{
    unsigned uid = 1;

    for (guint i = 0; i < at; i++) {
        const Device *d = all->pdata[i];
        const IsaInfo *info = d->type->bus_info;
        uid += info && info->acpi_hid && strcmp(info->acpi_hid, hid) == 0;
    }
    return uid;
}

static void isa_devices(GString *a, const Pc *pc)
{
    const GPtrArray *all = pc->isa->devices;

    for (guint i = 0; i < all->len; i++) {
        Device *d = all->pdata[i];
        const IsaInfo *info = d->type->bus_info;
        char name[8];
        if (info && info->acpi_hid) {
            g_snprintf(name, sizeof(name), "I%03X", i & 0xfff);
            size_t at = aml_device(a, name);
            aml_name_eisa(a, "_HID", info->acpi_hid);
            aml_name_int(a, "_UID", isa_uid(all, i, info->acpi_hid));
            aml_name_int(a, "_STA", 0x0f);
            isa_resources(a, d);
            aml_close(a, at);
        }
        if (info && info->acpi)
            info->acpi(d, a);
    }
}

static void isa_bridge(GString *a, const Pc *pc)
{
    size_t d = aml_device(a, "ISA");

    aml_name_int(a, "_ADR", 0x10000);
    aml_region_pci(a, "PIRQ", 0x60, 4);
    isa_devices(a, pc);
    aml_close(a, d);
}

static void fw_cfg_device(GString *a)
{
    size_t d = aml_device(a, "FWCF");

    aml_name_string(a, "_HID", "QEMU0002");
    aml_name_int(a, "_STA", 0x0b); /* present, enabled, nothing for a user interface */
    aml_name(a, "_CRS");
    size_t r = aml_resources(a);
    aml_res_io(a, PC_FW_CFG_PORT, 12);
    aml_resources_close(a, r);
    aml_close(a, d);
}

static bool hotplug(const Pc *pc)
{
    return pc_pm_row(pc, "acpi-root-pci-hotplug", 0);
}

static void pci_root(GString *a, const Pc *pc)
{
    size_t sb = aml_scope(a, "\\_SB");
    size_t d = aml_device(a, "PCI0");

    aml_name_eisa(a, "_HID", "PNP0A03");
    aml_name_int(a, "_ADR", 0);
    aml_name_int(a, "_UID", 0);
    pci_windows(a, pc);
    pci_routing(a);
    isa_bridge(a, pc);
    fw_cfg_device(a);
    if (hotplug(pc))
        dsdt_hotplug(a, pc);
    aml_close(a, d);
    links(a);
    aml_close(a, sb);
}

static void sleep_state(GString *a, const char *name, unsigned slp_typ)
{
    aml_name(a, name);
    size_t p = aml_package(a, 4);
    for (unsigned i = 0; i < 4; i++)
        aml_int(a, i < 2 ? slp_typ : 0);
    aml_close(a, p);
}

/* SLP_TYP of the PIIX4: 0 is soft off */
static void sleep_states(GString *a, const Pc *pc)
{
    if (pc_pm_row(pc, "disable_s3", 1) == 0)
        sleep_state(a, "\\_S3", 1);
    if (pc_pm_row(pc, "disable_s4", 1) == 0)
        sleep_state(a, "\\_S4", pc_pm_row(pc, "s4_val", 2));
    sleep_state(a, "\\_S5", 0);
}

void dsdt_write(GString *a, const Pc *pc)
{
    processors(a, pc);
    pci_root(a, pc);
    if (hotplug(pc))
        dsdt_hotplug_event(a);
    sleep_states(a, pc);
}
