/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The 440FX board of 1996: i440FX and PIIX3, with the PIIX4's power management. Read it as a
 * schematic: chips from the processors outwards, then wires, then what the user gets by default.
 * Slots: 00.0 i440FX, 01.0 PIIX3, 01.1 IDE, 01.2 USB, 01.3 PM, 02.0 VGA.
 */
#include "hw/isa/isa.h"
#include "hw/pc/machines.h"
#include "hw/pc/pc.h"
#include "util/log.h"

static void add_ports(Board *b, Bus *isa, const char *type, char *const *chardevs, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (!chardevs[i])
            continue;
        g_autofree char *kv = g_strdup_printf("index=%u,chardev=%s", i, chardevs[i]);
        board_add(b, type, NULL, isa, kv);
    }
}

/* -net nic,model=NAME: which device that is */
static const char *nic_device(const char *name)
{
    return !strcmp(name, "virtio") ? "virtio-net-pci" : name;
}

static void add_nics(Board *b, Pc *pc)
{
    const MachineConf *conf = b->vm->conf;
    for (guint i = 0; conf->nics && i < conf->nics->len; i++) {
        NicConf *nic = conf->nics->pdata[i];
        const char *type = nic_device(nic->model ? nic->model : b->vm->machine->nic);
        bool isa = !strcmp(type, "ne2k_isa");
        g_autoptr(GString) kv = g_string_new(NULL);
        if (nic->mac)
            g_string_append_printf(kv, ",mac=%s", nic->mac);
        if (nic->netdev)
            g_string_append_printf(kv, ",netdev=%s", nic->netdev);
        if (nic->addr && !isa)
            g_string_append_printf(kv, ",addr=%s", nic->addr);
        if (nic->vectors >= 0 && prop_find(device_type(type)->props, NULL, "vectors"))
            g_string_append_printf(kv, ",vectors=%d", nic->vectors);
        else if (nic->vectors >= 0)
            warn_print("vectors=%d has no effect: %s has no MSI-X", nic->vectors, type);
        board_add(b, type, nic->id, isa ? pc->isa : pc->pci, kv->len ? kv->str + 1 : NULL);
        nic->used = true;
    }
}

static void add_local_apics(Board *b)
{
    for (unsigned i = 0; i < b->vm->n_vcpus; i++) {
        g_autofree char *kv = g_strdup_printf("cpu=%u", i);
        g_autofree char *name = g_strdup_printf("lapic[%u]", i);
        board_add(b, "apic", name, NULL, kv);
    }
}

/* The HPET stands between the 8254 and IRQ 0, which it takes over in legacy replacement. */
static void add_hpet(Board *b, Pc *pc, Device *pit)
{
    if (!pc->args->hpet || b->vm->conf->no_hpet) {
        if (pit)
            board_wire(pit, "", 0, isa_line(pc->isa, 0));
        return;
    }
    Device *hpet = board_add(b, "hpet", "hpet", NULL, NULL);
    board_wire(pit, "", 0, board_pin(hpet, "pit", 0));
    if (pit)
        board_wire(hpet, "pit-out", 0, isa_line(pc->isa, 0));
    board_wire(hpet, "legacy", 0, isa_line(pc->isa, 0));
    board_wire(hpet, "legacy", 1, isa_line(pc->isa, 8));
    board_wire(hpet, "", 2, isa_line(pc->isa, 0)); /* IRQ 0 is pin 2 of the IOAPIC */
}

bool board_i440fx(Vm *vm, const void *args, GError **err)
{
    Board b = { vm, NULL };
    const MachineConf *conf = vm->conf;

    /* memory and ROM */
    Pc *pc = (Pc *)board_add(&b, "pc", "pc", NULL, NULL);
    if (!pc)
        return board_ok(&b, err);
    pc_flash_add(&b, pc);

    /* interrupt controllers: a GSI goes to the PIC pair and to the IOAPIC (GSI 0 on pin 2) */
    pc->gsi = board_add(&b, "gsi", "gsi", NULL, NULL);
    pc->pic = board_add(&b, "isa-i8259", "pic", NULL, NULL);
    pc->ioapic = board_add(&b, "ioapic", "ioapic", NULL, NULL);
    Device *apics = board_add(&b, "apic-bus", "apic-bus", NULL, NULL);
    add_local_apics(&b);
    board_wires(pc->gsi, "pic", pc->pic, "", 16);
    board_wires(pc->gsi, "ioapic", pc->ioapic, "", 24);
    board_wire(pc->pic, "int", 0, board_pin(apics, "lint", 0));

    /* north bridge, south bridge */
    Device *host = board_add(&b, "i440FX-pcihost", "i440fx", NULL, NULL);
    pc->pci = board_bus(host, 0);
    board_add(&b, "i440FX", NULL, pc->pci, "addr=00.0");
    Device *piix = board_add(&b, "PIIX3", NULL, pc->pci, "addr=01.0,multifunction=on");
    pc->isa = board_bus(piix, 0);
    board_wires(piix, "", pc->gsi, "", 16);
    pc->pm = board_add(&b, "PIIX4_PM", NULL, pc->pci, "addr=01.3");
    board_wire(pc->pm, "", 0, isa_line(pc->isa, PC_SCI_IRQ));

    /* on the board */
    Device *gate = board_add(&b, "a20", "a20", NULL, NULL);
    Device *kbc = pc->args->i8042 ? board_add(&b, "i8042", NULL, pc->isa, NULL) : NULL;
    Device *port92 = board_add(&b, "port92", NULL, pc->isa, NULL);
    Device *pit = pc->args->pit ? board_add(&b, "isa-pit", NULL, pc->isa, NULL) : NULL;
    board_add(&b, "i8257", NULL, pc->isa, "base=0,page-base=0x80,pageh-base=0x480");
    board_add(&b, "i8257", NULL, pc->isa, "base=0xc0,page-base=0x88,pageh-base=0x488,dshift=1");
    pc->rtc = board_add(&b, "mc146818rtc", "rtc", pc->isa, NULL);
    board_add(&b, "isa-post-ports", NULL, pc->isa, NULL);
    board_wire(kbc, "a20", 0, board_pin(gate, "", 0));
    board_wire(port92, "a20", 0, board_pin(gate, "", 1));
    add_hpet(&b, pc, pit);

    /* what the user brought, or gets by default */
    if (conf->vga && strcmp(conf->vga, "none"))
        board_add(&b, strcmp(conf->vga, "std") ? "cirrus-vga" : "VGA", NULL, pc->pci, "addr=02.0");
    add_ports(&b, pc->isa, "isa-serial", conf->serial, MAX_SERIAL);
    add_ports(&b, pc->isa, "isa-parallel", conf->parallel, MAX_PARALLEL);
    add_nics(&b, pc);
    if (conf->usb)
        board_add(&b, "piix3-usb-uhci", NULL, pc->pci, "addr=01.2");
    Device *ide = board_add(&b, "piix3-ide", NULL, pc->pci, "addr=01.1");
    if (ide) {
        board_wire(ide, "irq", 0, isa_line(pc->isa, 14));
        board_wire(ide, "irq", 1, isa_line(pc->isa, 15));
        ide_board_drives(&b, ide);
    }
    virtio_board_drives(&b, pc->pci);
    scsi_board_drives(&b, pc->pci);
    floppy_board_drives(&b, board_add(&b, "isa-fdc", NULL, pc->isa, NULL));
    if (!b.err)
        pc_firmware_add(&b, pc);
    return board_ok(&b, err);
}
