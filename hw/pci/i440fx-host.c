/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The 82441FX (PMC) north bridge: configuration mechanism 1 at ports CF8h and CFCh, and device
 * 00:00.0 with the registers that say what lies between A0000h and FFFFFh. Intel 82441FX data
 * sheet (290549), 3.2: PAM at 59h-5Fh, SMRAM at 72h. Port CF9h is the PIIX3's reset control, but a
 * part of the same double word. Threads: machine lock.
 *
 *   PAM attribute of a segment: bit 0 read from DRAM, bit 1 write to DRAM; else to PCI (the ROM)
 *   59h[5:4] F0000-FFFFF   5Ah C0000, C4000   5Bh C8000, CC000 ... 5Dh D8000, DC000
 *   5Eh E0000, E4000   5Fh E8000, EC000      (low nibble first)
 */
#include "hw/pci/pci.h"
#include "core/runstate.h"
#include "hw/pc/pc.h"
#include "core/vm.h"

enum { CONF_ADDR = 0xcf8, CONF_DATA = 0xcfc };
enum { RESET_CONTROL_GO = 4, RESET_CONTROL_WRITABLE = 0x0e };

/* ---- host ---- */

typedef struct PciHost {
    Device dev;
    /* config */ uint64_t hole64_size;
    /* state */ struct PciHostState {
        uint32_t addr;
        uint8_t reset_control, pad[3];
    } st;
    /* host */ PciBus bus;
    Region addr_io, data_io;
} PciHost;

static const Prop PciHost_rows[] = { PROP_SIZE(PciHost, hole64_size, "pci-hole64-size", 2ull << 30,
                                               "room for 64-bit BARs above RAM"),
                                     PROP_END(PciHost) };

static const Field PciHostState_rows[] = { FIELD(struct PciHostState, addr),
                                           FIELD(struct PciHostState, reset_control),
                                           FIELD_PAD(struct PciHostState, pad), FIELD_END };

/* Only a double word reaches the address register; a byte at CF9h is the PIIX3's. */
static uint64_t host_addr_read(void *o, uint64_t off, unsigned size)
{
    PciHost *h = o;
    if (size == 4)
        return h->st.addr;
    return size == 1 && off == 1 ? h->st.reset_control : 0xffffffff;
}

static void host_addr_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    PciHost *h = o;
    if (size == 4 && off == 0) {
        h->st.addr = val & 0x80fffffc;
    } else if (size == 1 && off == 1) {
        h->st.reset_control = val & RESET_CONTROL_WRITABLE & ~RESET_CONTROL_GO;
        if (val & RESET_CONTROL_GO)
            vm_request(h->dev.vm, VM_RESET, "guest-reset");
    }
}

/* One bus so far: others have nobody. */
static uint64_t host_data_read(void *o, uint64_t off, unsigned size)
{
    PciHost *h = o;
    uint32_t a = h->st.addr;
    if (!(a & 0x80000000) || (a >> 16 & 0xff))
        return 0xffffffff;
    return pci_config_read(&h->bus, a >> 8 & 0xff, (a & 0xfc) + off, size);
}

static void host_data_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    PciHost *h = o;
    uint32_t a = h->st.addr;
    if ((a & 0x80000000) && !(a >> 16 & 0xff))
        pci_config_write(&h->bus, a >> 8 & 0xff, (a & 0xfc) + off, val, size);
}

static const IoOps host_addr_io = { host_addr_read, host_addr_write, .min = 1,
                                    .max = 4,       .impl_min = 1,   .impl_max = 4 };
static const IoOps host_data_io = { host_data_read, host_data_write, .min = 1,
                                    .max = 4,       .impl_min = 1,   .impl_max = 4 };

static bool host_realize(Device *dev, GError **err)
{
    PciHost *h = (PciHost *)dev;
    Vm *vm = dev->vm;
    pci_bus_init(&h->bus, dev, "pci.0", vm->mem, vm->io, vm->mem);
    h->bus.root = true;
    region_init_io(&h->addr_io, dev, "pci-conf-idx", 4, &host_addr_io, h);
    region_init_io(&h->data_io, dev, "pci-conf-data", 4, &host_data_io, h);
    space_map(vm->io, &(MapRow){ .base = CONF_ADDR, .size = 4, .region = &h->addr_io, .on = true });
    space_map(vm->io, &(MapRow){ .base = CONF_DATA, .size = 4, .region = &h->data_io, .on = true });
    return true;
}

static const DeviceType i440fx_pcihost = {
    .name = "i440FX-pcihost",
    .desc = "i440FX host bridge",
    .size = sizeof(PciHost),
    .props = PciHost_rows,
    .state = STATE_PARTS(STATE(PciHost, st, PciHostState_rows, 1)),
    .boot = "pci@i0cf8",
    .realize = host_realize,
};
REGISTER(device, i440fx_pcihost);

/* ---- device 00:00.0 ---- */

enum { REG_PAM = 0x59, REG_SMRAM = 0x72, SEGMENTS = 13 };
enum { SMRAM_OPEN = 0x40, SMRAM_CLOSED = 0x20, SMRAM_LOCKED = 0x10, SMRAM_ENABLED = 0x08 };
enum { PAM_READ = 1, PAM_WRITE = 2 };

typedef struct I440fx {
    PciDevice pci;
    /* state: the reset that ends a suspend to RAM finds the firmware's shadow still mapped; from
     * there the firmware knows that it has run */
    struct I440fxKeep {
        uint8_t pam[7];
        bool asleep;
    } keep;
    /* host */ Pc *pc;
    struct PamSegment {
        struct I440fx *chip;
        uint32_t base, size;
        MapRow *ram, *split; /* split: writes go to DRAM, reads to PCI */
        Region io;
    } seg[SEGMENTS];
    MapRow *smram, *smram_smm;
} I440fx;

/* While firmware copies itself: reads still see the ROM, writes already reach the DRAM below. */
static uint64_t pam_split_read(void *o, uint64_t off, unsigned size)
{
    struct PamSegment *s = o;
    const Region *bios = &s->chip->pc->mem.bios;
    uint64_t val = UINT64_MAX, at = s->base + off;
    if (at >= 0xe0000 && bios->host && bios->size >= 0x20000)
        memcpy(&val, bios->host + bios->size - (0x100000 - at), size);
    return val;
}

static void pam_split_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    struct PamSegment *s = o;
    Region *ram = &s->chip->pc->mem.ram;
    memcpy(ram->host + s->base + off, &val, size);
    region_dirty(ram, s->base + off, size);
}

static const IoOps pam_split = { pam_split_read, pam_split_write, .min = 1,
                                 .max = 8,       .impl_min = 1,   .impl_max = 8 };

/* Segment 0 is F0000h (64 KiB), 1 to 12 are 16 KiB each from C0000h. */
static unsigned pam_attribute(const I440fx *c, unsigned n)
{
    const uint8_t *pam = c->pci.st.conf + REG_PAM;
    if (n == 0)
        return pam[0] >> 4 & 3;
    return pam[1 + (n - 1) / 2] >> ((n - 1) & 1 ? 4 : 0) & 3;
}

static void i440fx_decode(I440fx *c)
{
    uint8_t smram = c->pci.st.conf[REG_SMRAM];
    space_begin(c->pci.dev.vm->mem);
    for (unsigned n = 0; n < SEGMENTS; n++) {
        unsigned attr = pam_attribute(c, n);
        c->seg[n].ram->on = attr & PAM_READ;
        c->seg[n].ram->readonly = attr == PAM_READ;
        c->seg[n].split->on = attr == PAM_WRITE;
    }
    c->smram->on = (smram & SMRAM_ENABLED) && (smram & SMRAM_OPEN) && !(smram & SMRAM_CLOSED);
    if (c->smram_smm)
        c->smram_smm->on = smram & SMRAM_ENABLED;
    space_commit(c->pci.dev.vm->mem);
}

/* D_LCK: the register becomes read-only and D_OPEN falls, until reset. */
static void i440fx_config_written(PciDevice *d, unsigned off, unsigned len)
{
    I440fx *c = (I440fx *)d;
    bool pam = off < REG_PAM + 7 && off + len > REG_PAM;
    bool smram = off <= REG_SMRAM && off + len > REG_SMRAM;
    if (smram && (d->st.conf[REG_SMRAM] & SMRAM_LOCKED)) {
        pci_conf_set(d, REG_SMRAM, 1, d->st.conf[REG_SMRAM] & ~SMRAM_OPEN);
        d->wmask[REG_SMRAM] = 0;
    }
    if (pam || smram)
        i440fx_decode(c);
}

static MapRow *pam_row(I440fx *c, Region *r, uint32_t base, uint32_t size, uint64_t off)
{
    return space_map(
        c->pci.dev.vm->mem,
        &(MapRow){ .base = base, .size = size, .region = r, .off = off, .prio = PC_PRIO_PAM });
}

static void i440fx_suspend(void *o)
{
    I440fx *c = o;
    memcpy(c->keep.pam, c->pci.st.conf + REG_PAM, sizeof(c->keep.pam));
    c->keep.asleep = true;
}

static const VmListener i440fx_listener = { .suspend = i440fx_suspend };

static bool i440fx_realize(Device *dev, GError **err)
{
    I440fx *c = (I440fx *)dev;
    c->pc = pc_of(dev->vm);
    g_assert(c->pc);
    pci_conf_default(&c->pci, 0x50, 2, 0, 0xffff);
    pci_conf_default(&c->pci, REG_PAM, 1, 0, 0x30);
    for (unsigned i = 1; i < 7; i++)
        pci_conf_default(&c->pci, REG_PAM + i, 1, 0, 0x33);
    pci_conf_default(&c->pci, REG_SMRAM, 1, 2, 0x78);
    for (unsigned n = 0; n < SEGMENTS; n++) {
        struct PamSegment *s = &c->seg[n];
        s->chip = c;
        s->base = n ? 0xc0000 + (n - 1) * 0x4000 : 0xf0000;
        s->size = n ? 0x4000 : 0x10000;
        region_init_io(&s->io, dev, "pam-split", s->size, &pam_split, s);
        s->ram = pam_row(c, &c->pc->mem.ram, s->base, s->size, s->base);
        s->split = pam_row(c, &s->io, s->base, s->size, 0);
    }
    c->smram = pam_row(c, &c->pc->mem.ram, 0xa0000, 0x20000, 0xa0000);
    c->smram->prio = PC_PRIO_SMRAM;
    if (dev->vm->smm) {
        c->smram_smm = space_map(dev->vm->smm, &(MapRow){ .base = 0xa0000,
                                                          .size = 0x20000,
                                                          .region = &c->pc->mem.ram,
                                                          .off = 0xa0000,
                                                          .prio = PC_PRIO_SMRAM });
    }
    vm_listen(dev->vm, &i440fx_listener, c);
    return true;
}

static void i440fx_unrealize(Device *dev)
{
    vm_unlisten(dev->vm, &i440fx_listener, dev);
}

static void i440fx_reset(Device *dev)
{
    I440fx *c = (I440fx *)dev;
    c->pci.wmask[REG_SMRAM] = 0x78;
    for (unsigned i = 0; c->keep.asleep && i < sizeof(c->keep.pam); i++)
        pci_conf_set(&c->pci, REG_PAM + i, 1, c->keep.pam[i]);
    c->keep.asleep = false;
}

static void i440fx_sync(Device *dev)
{
    I440fx *c = (I440fx *)dev;
    c->pci.wmask[REG_SMRAM] = c->pci.st.conf[REG_SMRAM] & SMRAM_LOCKED ? 0 : 0x78;
    i440fx_decode(c);
}

static const Field I440fxKeep_rows[] = { FIELD_ARRAY(struct I440fxKeep, pam),
                                         FIELD(struct I440fxKeep, asleep), FIELD_END };

static const DeviceType i440fx = {
    .name = "i440FX",
    .desc = "Host bridge",
    .size = sizeof(I440fx),
    .bus = &pci_bus_type,
    .bus_info = &(const PciInfo){ .vendor = 0x8086,
                                  .device = 0x1237,
                                  .rev = 2,
                                  .class = 0x0600,
                                  .config_written = i440fx_config_written },
    .state = STATE_PARTS(STATE_KEEP(I440fx, keep, I440fxKeep_rows, 1)),
    .realize = i440fx_realize,
    .unrealize = i440fx_unrealize,
    .reset = i440fx_reset,
    .sync = i440fx_sync,
};
REGISTER(device, i440fx);
