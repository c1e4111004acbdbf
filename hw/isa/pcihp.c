/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/isa/pcihp.h"

/* clang-format off */
const Field PciHpState_rows[] = {
    FIELD(struct PciHpState, up), FIELD(struct PciHpState, down), FIELD(struct PciHpState, bus),
    FIELD(struct PciHpState, pad), FIELD_END
};
/* clang-format on */

static unsigned slot_of(const PciDevice *d)
{
    return d->devfn >> 3;
}

bool pcihp_removable(const PciBus *bus, unsigned slot)
{
    for (unsigned fn = 0; fn < 8; fn++) {
        const PciDevice *d = bus->fn[slot << 3 | fn];
        if (d && !(d->dev.type->flags & TYPE_HOTPLUG))
            return false;
    }
    return slot != 0;
}

/* The guest, or a reset, lets go of all functions of the slot. */
static void eject(PciHp *hp, unsigned slot)
{
    if (!pcihp_removable(hp->pci, slot))
        return;
    hp->asked &= ~(1u << slot);
    for (unsigned fn = 0; fn < 8; fn++) {
        PciDevice *d = hp->pci->fn[slot << 3 | fn];
        if (d)
            device_del_finish(&d->dev);
    }
}

static void eject_all(PciHp *hp, uint32_t slots)
{
    for (unsigned slot = 1; slot < PCIHP_SLOTS; slot++) {
        if (slots >> slot & 1)
            eject(hp, slot);
    }
}

static uint64_t pcihp_read(void *o, uint64_t off, unsigned size)
{
    PciHp *hp = o;
    uint32_t val = 0;
    switch (off) {
    case PCIHP_UP: /* told once */
        val = hp->st.bus ? 0 : hp->st.up;
        hp->st.up &= ~val;
        break;
    case PCIHP_DOWN: val = hp->st.bus ? 0 : hp->st.down; break;
    case PCIHP_EJECT: break; /* features: none beside these */
    case PCIHP_REMOVABLE:
        for (unsigned slot = 0; slot < PCIHP_SLOTS; slot++)
            val |= (uint32_t)pcihp_removable(hp->pci, slot) << slot;
        break;
    case PCIHP_BUS: val = hp->st.bus; break;
    }
    return val;
}

static void pcihp_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    PciHp *hp = o;
    if (off == PCIHP_BUS)
        hp->st.bus = val;
    if (off != PCIHP_EJECT || hp->st.bus)
        return;
    hp->st.down &= ~val;
    eject_all(hp, val);
}

static const IoOps pcihp_io = { pcihp_read, pcihp_write,   .min = 1,
                                .max = 4,   .impl_min = 4, .impl_max = 4 };

static bool pcihp_plugged(void *o, PciDevice *d, GError **err)
{
    PciHp *hp = o;
    /* function 0 comes last: only then the guest looks */
    if (d->devfn & 7)
        return true;
    hp->st.up |= 1u << slot_of(d);
    hp->raise(hp->o);
    return true;
}

static bool pcihp_request(void *o, PciDevice *d, GError **err)
{
    PciHp *hp = o;
    unsigned slot = slot_of(d);
    if (!pcihp_removable(hp->pci, slot))
        return user_fail(err, "slot %02x holds a device that cannot be unplugged", slot);
    hp->asked |= 1u << slot;
    hp->st.down |= 1u << slot;
    hp->raise(hp->o);
    return true;
}

static const PciHotplug pcihp_ops = { pcihp_plugged, pcihp_request };

void pcihp_init(PciHp *hp, Device *owner, PciBus *bus, void (*raise)(void *o), void *o)
{
    hp->pci = bus;
    hp->raise = raise;
    hp->o = o;
    bus->hp = &pcihp_ops;
    bus->hp_o = hp;
    region_init_io(&hp->io, owner, "acpi-pci-hotplug", PCIHP_SIZE, &pcihp_io, hp);
    space_map(bus->io,
              &(MapRow){ .base = PCIHP_BASE, .size = PCIHP_SIZE, .region = &hp->io, .on = true });
}

void pcihp_reset(PciHp *hp)
{
    eject_all(hp, hp->asked);
}
