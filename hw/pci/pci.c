/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PCI bus: slots and functions, INTx wires, what every PCI device has in common.
 * PCI Local Bus Specification 3.0. Threads: machine lock; pci_irq from any thread.
 */
#include <inttypes.h>
#include <stdatomic.h>

#include "hw/pci/pci-int.h"
#include "core/vm.h"

static const Prop PciDevice_rows[] = {
    PROP_STR(PciDevice, addr, "addr", NULL, "slot and function: 04.1 or 4"),
    PROP_STR(PciDevice, romfile, "romfile", NULL, "option ROM; empty: none"),
    PROP_INT(PciDevice, rombar, "rombar", 1, "show the option ROM in a BAR"),
    PROP_BOOL(PciDevice, multifunction, "multifunction", false, "more functions in this slot"),
    PROP_INT(PciDevice, acpi_index, "acpi-index", 0, "number in predictable interface names"),
    PROP_END(PciDevice)
};

static const Field PciState_rows[] = { FIELD_ARRAY(PciState, conf),
                                       FIELD_VAR(PciState, msix, 2048 * sizeof(MsixEntry) + 512),
                                       FIELD(PciState, level), FIELD_PAD(PciState, pad),
                                       FIELD_END };

/* ---- slots ---- */

/* "4", "4.1", "0x4.1": slot in hex, function 0 to 7 */
static bool pci_parse_addr(const char *text, unsigned *devfn)
{
    char *end;
    unsigned long slot = strtoul(text, &end, 16), fn = 0;
    if (end == text)
        return false;
    if (*end == '.') {
        const char *digit = end + 1;
        fn = strtoul(digit, &end, 8);
        if (end == digit)
            return false;
    }
    *devfn = slot << 3 | fn;
    return !*end && slot < 32 && fn < 8;
}

static int pci_free_slot(const PciBus *b)
{
    for (unsigned devfn = 0; devfn < 256; devfn += 8) {
        if (!b->fn[devfn])
            return devfn;
    }
    return -1;
}

/* A guest looks at functions 1 to 7 only if function 0 says that there are more. */
static bool pci_check_functions(const PciBus *b, const PciDevice *d, GError **err)
{
    unsigned slot = d->devfn & ~7u;
    if (d->devfn & 7) {
        if (b->fn[slot] && !b->fn[slot]->multifunction)
            return user_fail(
                err,
                "PCI: single function device can't be populated in function %x.%x; give "
                "multifunction=on to the device at %x.0",
                slot >> 3, d->devfn & 7, slot >> 3);
        return true;
    }
    for (unsigned fn = slot + 1; fn < slot + 8 && !d->multifunction; fn++) {
        if (b->fn[fn])
            return user_fail(err,
                             "PCI: %x.0 indicates single function, but %x.%x is already populated",
                             slot >> 3, slot >> 3, fn & 7);
    }
    return true;
}

static bool pci_choose_slot(PciBus *b, PciDevice *d, GError **err)
{
    const char *name = d->dev.type->name;
    unsigned devfn;
    if (d->addr && strcmp(d->addr, "-1")) {
        if (!pci_parse_addr(d->addr, &devfn))
            return user_fail(
                err, "Parameter 'addr' does not accept '%s': slot 0-1f, a dot, function 0-7",
                d->addr);
        if (b->fn[devfn])
            return user_fail(err, "PCI: slot %u function %u not available for %s, in use by %s",
                             devfn >> 3, devfn & 7, name, b->fn[devfn]->dev.type->name);
    } else {
        int slot = pci_free_slot(b);
        if (slot < 0)
            return user_fail(err, "PCI: no slot/function available for %s, all in use", name);
        devfn = slot;
    }
    d->devfn = devfn;
    return pci_check_functions(b, d, err);
}

static bool pci_attach(Bus *bus, Device *dev, GError **err)
{
    PciBus *b = (PciBus *)bus;
    PciDevice *d = (PciDevice *)dev;
    if (!pci_choose_slot(b, d, err))
        return false;
    g_mutex_init(&d->msi_lock);
    atomic_store(&dev->space, NULL); /* until the guest enables bus mastering */
    dev->bus = bus;
    pci_conf_init(d);
    b->fn[d->devfn] = d;
    if (!pci_rom_load(d, err)) {
        b->fn[d->devfn] = NULL;
        return false;
    }
    return true;
}

static void pci_detach(Bus *bus, Device *dev)
{
    PciBus *b = (PciBus *)bus;
    PciDevice *d = (PciDevice *)dev;
    pci_msg_end(d);
    if (b->fn[d->devfn] == d)
        b->fn[d->devfn] = NULL;
}

static bool pci_plugged(Bus *bus, Device *dev, bool hot, GError **err)
{
    PciBus *b = (PciBus *)bus;
    pci_rom_name_card((PciDevice *)dev);
    return !hot || !b->hp || b->hp->plugged(b->hp_o, (PciDevice *)dev, err);
}

static bool pci_unplug_request(Bus *bus, Device *dev, GError **err)
{
    PciBus *b = (PciBus *)bus;
    if (b->hp)
        return b->hp->request(b->hp_o, (PciDevice *)dev, err);
    return user_fail(err, "Bus '%s' does not support hotplugging", bus->name);
}

/* ---- the bus's part of a device's life ---- */

static void pci_reset(Device *dev)
{
    PciDevice *d = (PciDevice *)dev;
    memcpy(d->st.conf, d->conf0, sizeof(d->st.conf));
    pci_msg_reset(d);
}

static void pci_sync(Device *dev)
{
    pci_decode((PciDevice *)dev);
}

static bool pci_post_load(Device *dev, GError **err)
{
    PciDevice *d = (PciDevice *)dev;
    if (d->st.msix && d->n_msix && d->st.msix->len != d->n_msix * 16u + 2 * ((d->n_msix + 7u) / 8))
        return user_fail(err, "MSI-X table of %s has another size", dev->type->name);
    return pci_conf_check(d, err);
}

/* ---- INTx ---- */

static bool pci_intx_level(const PciDevice *d)
{
    return (d->st.level & 1) && !(d->st.conf[PCI_COMMAND + 1] & COMMAND_INTX_OFF >> 8) &&
           !pci_msg_enabled(d);
}

static unsigned pci_intx_pin(const PciDevice *d)
{
    return ((d->devfn >> 3) + d->st.conf[PCI_IRQ_PIN] - 1) & 3;
}

void pci_intx_update(PciDevice *d)
{
    PciBus *b = pci_bus_of(d);
    if (!d->st.conf[PCI_IRQ_PIN])
        return;
    unsigned pin = pci_intx_pin(d);
    int level = 0;
    d->st.conf[PCI_STATUS] =
        (d->st.conf[PCI_STATUS] & ~STATUS_INTX) | (d->st.level & 1 ? STATUS_INTX : 0);
    for (unsigned i = 0; i < 256 && !level; i++) {
        const PciDevice *f = b->fn[i];
        if (f && f->st.conf[PCI_IRQ_PIN] && pci_intx_pin(f) == pin)
            level = pci_intx_level(f);
    }
    if (b->intx)
        b->intx(b->intx_o, pin, level);
}

/* ---- texts ---- */

typedef struct PciClass {
    uint16_t class;
    const char *desc, *fw_name;
} PciClass;

/* clang-format off */
static const PciClass pci_classes[] = {
    { 0x0001, "VGA controller",      "display" },  { 0x0100, "SCSI controller",     "scsi" },
    { 0x0101, "IDE controller",      "ide" },      { 0x0102, "Floppy controller",   "fdc" },
    { 0x0103, "IPI controller",      "ipi" },      { 0x0104, "RAID controller",     "raid" },
    { 0x0106, "SATA controller",     NULL },       { 0x0180, "Storage controller",  NULL },
    { 0x0200, "Ethernet controller", "ethernet" }, { 0x0280, "Network controller",  NULL },
    { 0x0300, "VGA controller",      "display" },  { 0x0301, "XGA controller",      NULL },
    { 0x0302, "3D controller",       NULL },       { 0x0380, "Display controller",  NULL },
    { 0x0400, "Video controller",    "video" },    { 0x0401, "Audio controller",    "sound" },
    { 0x0403, "Audio controller",    "sound" },    { 0x0480, "Multimedia controller", NULL },
    { 0x0500, "RAM controller",      "memory" },   { 0x0501, "Flash controller",    "flash" },
    { 0x0580, "Memory controller",   NULL },       { 0x0600, "Host bridge",         "host" },
    { 0x0601, "ISA bridge",          "isa" },      { 0x0602, "EISA bridge",         "eisa" },
    { 0x0604, "PCI bridge",          "pci-bridge" }, { 0x0680, "Bridge",            NULL },
    { 0x0700, "Serial port",         "serial" },   { 0x0701, "Parallel port",       "parallel" },
    { 0x0780, "Class 0780",          NULL },       { 0x0880, "Class 0880",          NULL },
    { 0x0c00, "FireWire controller", "firewire" }, { 0x0c03, "USB controller",      "usb" },
    { 0x0c05, "SMBus",               NULL },       { 0x00ff, "Class 00ff",          NULL },
};
/* clang-format on */

static const PciClass *pci_class(uint16_t class)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(pci_classes); i++) {
        if (pci_classes[i].class == class)
            return &pci_classes[i];
    }
    return NULL;
}

const char *pci_class_desc(uint16_t class)
{
    const PciClass *c = pci_class(class);
    return c ? c->desc : NULL;
}

const char *pci_class_fw_name(uint16_t class)
{
    const PciClass *c = pci_class(class);
    return c ? c->fw_name : NULL;
}

static void pci_addr(const Device *dev, GString *s)
{
    const PciDevice *d = (const PciDevice *)dev;
    g_string_append_printf(s, "%02x.%x", d->devfn >> 3, d->devfn & 7);
}

static void pci_fw_path(const Device *dev, GString *s)
{
    const PciDevice *d = (const PciDevice *)dev;
    const PciInfo *info = pci_info_of(d);
    const char *name = pci_class_fw_name(info->class);
    if (name)
        g_string_append_printf(s, "%s@%x", name, d->devfn >> 3);
    else
        g_string_append_printf(s, "pci%04x,%04x@%x", info->vendor, info->device, d->devfn >> 3);
    if (d->devfn & 7)
        g_string_append_printf(s, ",%x", d->devfn & 7);
}

static void pci_info_text(const Device *dev, GString *s, int indent)
{
    PciDevice *d = (PciDevice *)dev;
    const char *class = pci_class_desc(pci_conf16(d, 0x0a));
    g_autofree char *other = g_strdup_printf("Class %04x", pci_conf16(d, 0x0a));
    g_string_append_printf(s, "%*sclass %s, addr %02x:%02x.%x, pci id %04x:%04x (sub %04x:%04x)\n",
                           indent, "", class ? class : other, 0, d->devfn >> 3, d->devfn & 7,
                           pci_conf16(d, 0), pci_conf16(d, 2), pci_conf16(d, 0x2c),
                           pci_conf16(d, 0x2e));
    for (unsigned n = 0; n < 7; n++) {
        uint64_t at = UINT64_MAX;
        if (!d->bar[n].region)
            continue;
        bool io = (d->bar[n].kind & 3) == PCI_BAR_IO && n != PCI_ROM_SLOT;
        if (!pci_bar_at(d, n, &at))
            at = UINT64_MAX;
        g_string_append_printf(s, "%*sbar %u: %s at 0x%" PRIx64 " [0x%" PRIx64 "]\n", indent, "", n,
                               io ? "i/o" : "mem", at, at + d->bar[n].size - 1);
    }
}

const BusType pci_bus_type = {
    .name = "PCI",
    .prefix = "pci",
    .state = STATE_PARTS(STATE(PciDevice, st, PciState_rows, 1)),
    .props = PciDevice_rows,
    .attach = pci_attach,
    .detach = pci_detach,
    .plugged = pci_plugged,
    .unplug_request = pci_unplug_request,
    .reset = pci_reset,
    .sync = pci_sync,
    .post_load = pci_post_load,
    .addr = pci_addr,
    .fw_path = pci_fw_path,
    .info = pci_info_text,
};

void pci_bus_init(PciBus *b, Device *owner, const char *name, Space *mem, Space *io, Space *dma)
{
    bus_init(&b->bus, owner, &pci_bus_type, name);
    b->mem = mem;
    b->io = io;
    b->dma = dma;
}
