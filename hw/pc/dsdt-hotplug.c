/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * AML of PCI hot-plug. Each slot that can be filled or emptied is a device object under PCI0 with
 * _SUN, its number, and _EJ0. GPE 1 reads which slots changed and notifies them: 1 look at the
 * bus, 3 please eject. A mutex keeps the bus selector and what is read behind it together.
 */
#include "hw/isa/pcihp.h"
#include "hw/pc/acpi.h"
#include "hw/pc/aml.h"

enum {
    EXT_OP = 0x5b,
    ACQUIRE = 0x23,
    RELEASE = 0x27,
    MUTEX = 0x01,
    NOTIFY = 0x86,
    SHIFT_LEFT = 0x79
};
enum { DEVICE_CHECK = 1, EJECT_REQUEST = 3 };

static void ext(GString *a, unsigned op)
{
    aml_byte(a, EXT_OP);
    aml_byte(a, op);
}

static void acquire(GString *a)
{
    ext(a, ACQUIRE);
    aml_path(a, "BLCK");
    aml_byte(a, 0xff); /* wait for ever */
    aml_byte(a, 0xff);
}

static void release(GString *a)
{
    ext(a, RELEASE);
    aml_path(a, "BLCK");
}

static void store_int(GString *a, uint64_t val, const char *to)
{
    aml_byte(a, AML_STORE);
    aml_int(a, val);
    aml_path(a, to);
}

static void registers(GString *a)
{
    static const char *const names[] = { "PCIU", "PCID", "B0EJ", "PCIR", "BNUM" };
    aml_region_io(a, "HPRG", PCIHP_BASE, PCIHP_SIZE);
    size_t f = aml_field(a, "HPRG", 3);
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
        aml_field_bits(a, names[i], 32);
    aml_close(a, f);
    ext(a, MUTEX);
    aml_path(a, "BLCK");
    aml_byte(a, 0);

    /* PCEJ(bus, slot): let go of it */
    size_t m = aml_method(a, "PCEJ", 2 | 8);
    acquire(a);
    aml_byte(a, AML_STORE);
    aml_byte(a, AML_ARG0);
    aml_path(a, "BNUM");
    aml_byte(a, SHIFT_LEFT);
    aml_int(a, 1);
    aml_byte(a, AML_ARG0 + 1);
    aml_path(a, "B0EJ");
    release(a);
    aml_return(a);
    aml_int(a, 0);
    aml_close(a, m);
}

static void slot_name(char name[5], unsigned slot)
{
    g_snprintf(name, 5, "S%02X_", slot << 3);
}

static void slot_device(GString *a, unsigned slot)
{
    char name[5];
    slot_name(name, slot);
    size_t d = aml_device(a, name);
    aml_name_int(a, "_SUN", slot);
    aml_name_int(a, "_ADR", slot << 16);
    size_t m = aml_method(a, "_EJ0", 1);
    aml_path(a, "PCEJ");
    aml_int(a, 0);
    aml_path(a, "_SUN");
    aml_close(a, m);
    aml_close(a, d);
}

/* If (mask & 1 << slot) Notify(slot, what) */
static void notify_slot(GString *a, unsigned slot)
{
    char name[5];
    slot_name(name, slot);
    size_t i = aml_if(a);
    aml_byte(a, AML_AND);
    aml_byte(a, AML_ARG0);
    aml_int(a, 1u << slot);
    aml_int(a, 0); /* no target */
    aml_byte(a, NOTIFY);
    aml_path(a, name);
    aml_byte(a, AML_ARG0 + 1);
    aml_close(a, i);
}

static void changed(GString *a, const char *reg, unsigned what)
{
    aml_path(a, "DVNT");
    aml_path(a, reg);
    aml_int(a, what);
}

void dsdt_hotplug(GString *a, const Pc *pc)
{
    const PciBus *bus = (const PciBus *)pc->pci;

    registers(a);
    for (unsigned slot = 1; slot < PCIHP_SLOTS; slot++) {
        if (pcihp_removable(bus, slot))
            slot_device(a, slot);
    }
    size_t m = aml_method(a, "DVNT", 2);
    for (unsigned slot = 1; slot < PCIHP_SLOTS; slot++) {
        if (pcihp_removable(bus, slot))
            notify_slot(a, slot);
    }
    aml_close(a, m);

    m = aml_method(a, "PCNT", 8);
    acquire(a);
    store_int(a, 0, "BNUM");
    changed(a, "PCIU", DEVICE_CHECK);
    changed(a, "PCID", EJECT_REQUEST);
    release(a);
    aml_close(a, m);
}

void dsdt_hotplug_event(GString *a)
{
    size_t s = aml_scope(a, "\\_GPE");
    size_t m = aml_method(a, "_E01", 0);
    aml_path(a, "\\_SB.PCI0.PCNT");
    aml_close(a, m);
    aml_close(a, s);
}
