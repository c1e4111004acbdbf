/* SPDX-License-Identifier: GPL-2.0-or-later */
/* query-pci and "info pci": functions, their BARs and interrupts, in the words of 7.2. */
#include <inttypes.h>

#include "core/command.h"
#include "core/set.h"
#include "hw/pci/pci-int.h"

typedef struct PciRegionInfo {
    int64_t bar, address, size;
    char *type;
    Tri prefetch, mem64;
} PciRegionInfo;
LIST_TYPE(PciRegionInfo);
typedef struct PciClassInfo {
    char *desc;
    int64_t class;
} PciClassInfo;
typedef struct PciIdInfo {
    int64_t device, vendor, subsystem, subsystem_vendor;
} PciIdInfo;
typedef struct PciFunctionInfo {
    int64_t bus, slot, function, irq, irq_pin;
    PciClassInfo class;
    PciIdInfo id;
    char *qdev_id;
    PciRegionInfoList regions;
} PciFunctionInfo;
LIST_TYPE(PciFunctionInfo);
typedef struct PciBusReport {
    int64_t bus;
    PciFunctionInfoList devices;
} PciBusReport;
LIST_TYPE(PciBusReport);

/* clang-format off */
const Prop PciRegionInfo_rows[] = {
    NEED_INT (PciRegionInfo, bar,      "bar",     "number of the BAR; 6: ROM"),
    NEED_STR (PciRegionInfo, type,     "type",    "io or memory"),
    NEED_INT (PciRegionInfo, address,  "address", "where it is decoded; -1: nowhere"),
    NEED_INT (PciRegionInfo, size,     "size",    "bytes"),
    PROP_BOOL(PciRegionInfo, prefetch, "prefetch", AUTO, "reads have no side effects"),
    PROP_BOOL(PciRegionInfo, mem64,    "mem_type_64", AUTO, "64-bit BAR"),
    PROP_END (PciRegionInfo)
};
static const Prop PciClassInfo_rows[] = {
    PROP_STR(PciClassInfo, desc,  "desc", NULL, "class in words"),
    NEED_INT(PciClassInfo, class, "class", "class code"),
    PROP_END(PciClassInfo)
};
static const Prop PciIdInfo_rows[] = {
    NEED_INT(PciIdInfo, device,           "device", "device id"),
    NEED_INT(PciIdInfo, vendor,           "vendor", "vendor id"),
    PROP_INT(PciIdInfo, subsystem,        "subsystem", -1, "subsystem id"),
    PROP_INT(PciIdInfo, subsystem_vendor, "subsystem-vendor", -1, "subsystem's vendor"),
    PROP_END(PciIdInfo)
};
const Prop PciFunctionInfo_rows[] = {
    NEED_INT (PciFunctionInfo, bus,      "bus", "bus number"),
    NEED_INT (PciFunctionInfo, slot,     "slot", "slot"),
    NEED_INT (PciFunctionInfo, function, "function", "function"),
    NEED_PART(PciFunctionInfo, class,    "class_info", PciClassInfo, "class"),
    NEED_PART(PciFunctionInfo, id,       "id", PciIdInfo, "identity"),
    PROP_INT (PciFunctionInfo, irq,      "irq", -1, "interrupt line that the firmware wrote down"),
    NEED_INT (PciFunctionInfo, irq_pin,  "irq_pin", "0 none, 1 INTA"),
    NEED_STR (PciFunctionInfo, qdev_id,  "qdev_id", "device id"),
    NEED_LIST(PciFunctionInfo, regions,  "regions", PciRegionInfo, "BARs"),
    PROP_END (PciFunctionInfo)
};
const Prop PciBusReport_rows[] = {
    NEED_INT (PciBusReport, bus,     "bus", "bus number"),
    NEED_LIST(PciBusReport, devices, "devices", PciFunctionInfo, "functions"),
    PROP_END (PciBusReport)
};
/* clang-format on */
LIST_ROWS(PciBusReport);

static void region_fill(PciDevice *d, unsigned n, PciRegionInfo *r)
{
    const PciBar *bar = &d->bar[n];
    bool io = (bar->kind & 3) == PCI_BAR_IO && n != PCI_ROM_SLOT;
    uint64_t at;
    *r = (PciRegionInfo){
        .bar = n,
        .address = pci_bar_at(d, n, &at) ? (int64_t)at : -1,
        .size = bar->size,
        .type = (char *)(io ? "io" : "memory"),
        .prefetch = io ? AUTO : !!(bar->kind & PCI_BAR_PREFETCH),
        .mem64 = io ? AUTO : (bar->kind & 3) == PCI_BAR_MEM64,
    };
}

static void function_fill(PciDevice *d, PciFunctionInfo *f)
{
    uint16_t class = pci_conf16(d, 0x0a);
    *f = (PciFunctionInfo){
        .slot = d->devfn >> 3,
        .function = d->devfn & 7,
        .class = { .desc = (char *)pci_class_desc(class), .class = class },
        .id = { pci_conf16(d, 2), pci_conf16(d, 0), pci_conf16(d, 0x2e), pci_conf16(d, 0x2c) },
        .irq = pci_conf8(d, PCI_IRQ_PIN) ? pci_conf8(d, PCI_IRQ_LINE) : -1,
        .irq_pin = pci_conf8(d, PCI_IRQ_PIN),
        .qdev_id = (char *)(d->dev.id ? d->dev.id : ""),
    };
    f->regions.at = g_new0(PciRegionInfo, 7);
    for (unsigned n = 0; n < 7; n++) {
        if (d->bar[n].region)
            region_fill(d, n, &f->regions.at[f->regions.n++]);
    }
}

static PciBus *root_bus(Vm *vm)
{
    Device *host = device_find(vm, "i440FX-pcihost", 0);
    return host ? (PciBus *)device_bus(host, 0) : NULL;
}

static void report_fill(PciBus *b, PciBusReport *report)
{
    *report = (PciBusReport){ .devices = { .at = g_new0(PciFunctionInfo, 256) } };
    for (unsigned i = 0; i < 256; i++) {
        if (b->fn[i])
            function_fill(b->fn[i], &report->devices.at[report->devices.n++]);
    }
}

static void report_free(PciBusReport *report)
{
    for (size_t i = 0; i < report->devices.n; i++)
        g_free(report->devices.at[i].regions.at);
    g_free(report->devices.at);
}

CMD(query_pci, "query-pci", NULL, NULL, Empty, PciBusReportList, 0,
    "PCI buses and their functions");

static bool cmd_query_pci(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    PciBus *b = root_bus(vm);
    PciBusReport report;
    PciBusReportList list = { &report, b ? 1 : 0 };
    if (b)
        report_fill(b, &report);
    cmd_query_pci_reply(r, &list);
    if (b)
        report_free(&report);
    return true;
}

static void print_region(Reply *r, const PciRegionInfo *x)
{
    uint64_t end = (uint64_t)x->address + x->size - 1;
    if (!strcmp(x->type, "io"))
        reply_printf(r, "      BAR%" PRId64 ": I/O at 0x%04" PRIx64 " [0x%04" PRIx64 "].\n", x->bar,
                     (uint64_t)x->address, end);
    else
        reply_printf(
            r, "      BAR%" PRId64 ": %d bit%s memory at 0x%08" PRIx64 " [0x%08" PRIx64 "].\n",
            x->bar, x->mem64 ? 64 : 32, x->prefetch ? " prefetchable" : "", (uint64_t)x->address,
            end);
}

static void print_function(Reply *r, const PciFunctionInfo *f)
{
    reply_printf(r, "  Bus %2" PRId64 ", device %3" PRId64 ", function %" PRId64 ":\n", f->bus,
                 f->slot, f->function);
    if (f->class.desc)
        reply_printf(r, "    %s", f->class.desc);
    else
        reply_printf(r, "    Class %04" PRIx64, f->class.class);
    reply_printf(r, ": PCI device %04" PRIx64 ":%04" PRIx64 "\n", f->id.vendor, f->id.device);
    reply_printf(r, "      PCI subsystem %04" PRIx64 ":%04" PRIx64 "\n", f->id.subsystem_vendor,
                 f->id.subsystem);
    if (f->irq >= 0)
        reply_printf(r, "      IRQ %" PRId64 ", pin %c\n", f->irq, (char)('A' + f->irq_pin - 1));
    for (size_t i = 0; i < f->regions.n; i++)
        print_region(r, &f->regions.at[i]);
    reply_printf(r, "      id \"%s\"\n", f->qdev_id);
}

CMD(info_pci, NULL, "info pci", NULL, Empty, Empty, 0, "show PCI info");

static bool cmd_info_pci(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    PciBus *b = root_bus(vm);
    PciBusReport report;
    if (!b) {
        reply_printf(r, "PCI devices not supported\n");
        return true;
    }
    report_fill(b, &report);
    for (size_t i = 0; i < report.devices.n; i++)
        print_function(r, &report.devices.at[i]);
    report_free(&report);
    return true;
}
