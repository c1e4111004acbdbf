/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Universal host controller: registers, two root ports, the frame timer. UHCI Design Guide 1.1;
 * 82371SB data sheet (290550), 2.7. The timer runs only while the guest runs the schedule; a late
 * one makes up for `maxframes` frames, the others are only counted. Not modelled: single stepping
 * (SWDBG), SOFMOD's effect on a frame's length, legacy keyboard support (LEGSUP reads as set).
 * Threads: machine lock; frames on main.
 */
#include "hw/usb/uhci-int.h"

enum {
    REG_CMD = 0,
    REG_STS = 2,
    REG_INTR = 4,
    REG_FRNUM = 6,
    REG_BASE = 8,
    REG_SOF = 12,
    REG_PORT = 16,
    REGS = 32
};
/* 2.1.7; bit 7 is always set */
enum {
    PORT_CONNECT = 1,
    PORT_CONNECT_CHANGE = 2,
    PORT_ENABLE = 4,
    PORT_ENABLE_CHANGE = 8,
    PORT_RESUME = 0x40,
    PORT_ONE = 0x80,
    PORT_LOW_SPEED = 0x100,
    PORT_RESET = 0x200,
    PORT_SUSPEND = 0x1000,
    PORT_WRITABLE = PORT_ENABLE | PORT_RESUME | PORT_RESET | PORT_SUSPEND,
    PORT_CHANGES = PORT_CONNECT_CHANGE | PORT_ENABLE_CHANGE,
};
enum { LEGSUP = 0xc0, SBRN = 0x60 };

/* ---- interrupt ---- */

static void uhci_irq(Uhci *u)
{
    const UhciState *st = &u->st;
    bool level = (st->why & WHY_IOC && st->intr & INTR_IOC) ||
                 (st->why & WHY_SHORT && st->intr & INTR_SHORT) ||
                 (st->sts & STS_ERROR && st->intr & INTR_CRC) ||
                 (st->sts & STS_RESUME && st->intr & INTR_RESUME) || st->sts & (STS_HSE | STS_HCPE);

    pci_irq(&u->pci, 0, level);
}

/* ---- frames ---- */

static void uhci_next(Uhci *u, int64_t due)
{
    u->st.due = due;
    timer_set(&u->timer, due);
}

static void uhci_run(Uhci *u, bool on)
{
    UhciState *st = &u->st;

    if (!on) {
        st->sts |= STS_HALTED;
        timer_cancel(&u->timer);
    } else if (st->sts & STS_HALTED || !st->deadline) {
        st->sts &= ~STS_HALTED;
        uhci_next(u, clock_now(u->pci.dev.vm, CLOCK_VIRTUAL) + UHCI_FRAME_NS);
    }
}

static void uhci_timer(void *o)
{
    Uhci *u = o;
    UhciState *st = &u->st;
    int64_t late = clock_now(u->pci.dev.vm, CLOCK_VIRTUAL) - st->due;
    int64_t n = MAX(late, 0) / UHCI_FRAME_NS + 1, walked = 0;

    for (; walked < MIN(n, u->maxframes) && st->cmd & CMD_RS; walked++) {
        uhci_frame(u);
        st->frame = (st->frame + 1) & 0x7ff;
    }
    if (st->cmd & CMD_RS) {
        st->frame = (st->frame + n - walked) & 0x7ff;
        uhci_next(u, st->due + n * UHCI_FRAME_NS);
    }
    uhci_irq(u);
}

/* ---- ports ---- */

static uint16_t *port_reg(UsbPort *p)
{
    return &((Uhci *)p->owner)->st.port[p->n];
}

/* Something woke the bus: a suspended one resumes by itself (2.1.1, FGR) */
static void uhci_resume(Uhci *u)
{
    if (!(u->st.cmd & CMD_EGSM))
        return;
    u->st.cmd |= CMD_FGR;
    u->st.sts |= STS_RESUME;
    uhci_irq(u);
}

static void port_show(UsbPort *p)
{
    uint16_t *reg = port_reg(p);

    if (p->dev)
        *reg |= PORT_CONNECT | PORT_CONNECT_CHANGE |
                (usb_info_of(p->dev)->speed == USB_LOW ? PORT_LOW_SPEED : 0);
}

static void port_attach(UsbPort *p)
{
    port_show(p);
    uhci_resume((Uhci *)p->owner);
}

static void port_detach(UsbPort *p)
{
    uint16_t *reg = port_reg(p);

    if (!(*reg & PORT_CONNECT))
        return;
    if (*reg & PORT_ENABLE)
        *reg |= PORT_ENABLE_CHANGE;
    *reg &= ~(PORT_CONNECT | PORT_ENABLE | PORT_LOW_SPEED | PORT_SUSPEND | PORT_RESUME);
    *reg |= PORT_CONNECT_CHANGE;
    uhci_resume((Uhci *)p->owner);
}

static void port_wakeup(UsbPort *p)
{
    uint16_t *reg = port_reg(p);
    Uhci *u = (Uhci *)p->owner;

    if (*reg & PORT_SUSPEND && !(*reg & PORT_RESUME)) {
        *reg |= PORT_RESUME;
        u->st.sts |= STS_RESUME;
        uhci_irq(u);
    }
    uhci_resume(u);
}

static bool port_is_open(UsbPort *p)
{
    return (*port_reg(p) & (PORT_ENABLE | PORT_SUSPEND | PORT_RESET)) == PORT_ENABLE;
}

static const UsbPortOps port_ops = { port_attach, port_detach, port_wakeup, port_is_open };

static void port_write(Uhci *u, UsbPort *p, uint16_t val)
{
    uint16_t *reg = port_reg(p);
    bool reset = val & PORT_RESET && !(*reg & PORT_RESET);

    *reg &= ~(val & PORT_CHANGES);
    *reg = (*reg & ~PORT_WRITABLE) | (val & PORT_WRITABLE);
    if (*reg & PORT_RESET || !p->dev)
        *reg &= ~PORT_ENABLE;
    if (reset && p->dev)
        usb_reset(p->dev, NULL, NULL);
}

/* ---- registers ---- */

static void uhci_start_values(Uhci *u)
{
    u->st = (UhciState){ .sts = STS_HALTED, .sof = 64 };
    for (unsigned i = 0; i < UHCI_PORTS; i++) {
        u->st.port[i] = PORT_ONE;
        port_show(&u->port[i]);
    }
}

/* HCRESET, GRESET: devices lose their addresses, so that none of them believes in its driver */
static void uhci_reset_bus(Uhci *u, bool all)
{
    timer_cancel(&u->timer);
    uhci_start_values(u);
    if (all)
        u->st.cmd = CMD_GRESET;
    for (unsigned i = 0; i < UHCI_PORTS; i++)
        if (u->port[i].dev)
            usb_reset(u->port[i].dev, NULL, NULL);
}

static void cmd_write(Uhci *u, uint16_t val)
{
    UhciState *st = &u->st;

    if (val & CMD_HCRESET) {
        uhci_reset_bus(u, false);
        return;
    }
    if (val & CMD_GRESET) {
        if (!(st->cmd & CMD_GRESET))
            uhci_reset_bus(u, true);
        return;
    }
    st->cmd = val & 0xff;
    uhci_run(u, val & CMD_RS);
}

static uint16_t uhci_read16(const Uhci *u, unsigned reg)
{
    const UhciState *st = &u->st;

    switch (reg) {
    case REG_CMD: return st->cmd;
    case REG_STS: return st->sts;
    case REG_INTR: return st->intr;
    case REG_FRNUM: return st->frame;
    case REG_BASE: return st->base;
    case REG_BASE + 2: return st->base >> 16;
    case REG_SOF: return st->sof;
    case REG_PORT: return st->port[0];
    case REG_PORT + 2: return st->port[1];
    }
    return 0xff7f; /* no third port: bit 7 is clear */
}

static void uhci_write16(Uhci *u, unsigned reg, uint16_t val)
{
    UhciState *st = &u->st;

    switch (reg) {
    case REG_CMD: cmd_write(u, val); break;
    case REG_STS:
        st->sts &= ~(val & ~STS_HALTED);
        if (val & STS_INT)
            st->why = 0;
        break;
    case REG_INTR: st->intr = val & 15; break;
    case REG_FRNUM:
        if (st->sts & STS_HALTED)
            st->frame = val & 0x7ff;
        break;
    case REG_BASE: st->base = (st->base & 0xffff0000) | (val & 0xf000); break;
    case REG_BASE + 2: st->base = (st->base & 0xffff) | (uint32_t)val << 16; break;
    case REG_SOF: st->sof = val & 0x7f; break;
    case REG_PORT:
    case REG_PORT + 2: port_write(u, &u->port[(reg - REG_PORT) / 2], val); break;
    }
    uhci_irq(u);
}

static uint64_t uhci_read(void *o, uint64_t reg, unsigned size)
{
    uint16_t val = uhci_read16(o, reg & ~1u);

    return size == 1 ? (uint8_t)(val >> 8 * (reg & 1)) : val;
}

/* A byte of a register: the other one stays, and what is cleared by a one is not. */
static uint16_t merge_byte(const Uhci *u, unsigned reg, uint8_t val)
{
    uint16_t old = uhci_read16(u, reg & ~1u);

    if ((reg & ~1u) == REG_STS)
        old = 0;
    if (reg >= REG_PORT)
        old &= ~PORT_CHANGES;
    return reg & 1 ? (old & 0xff) | val << 8 : (old & 0xff00) | val;
}

static void uhci_write(void *o, uint64_t reg, uint64_t val, unsigned size)
{
    Uhci *u = o;

    uhci_write16(u, reg & ~1u, size == 1 ? merge_byte(u, reg, val) : (uint16_t)val);
}

static const IoOps uhci_ops = { uhci_read, uhci_write, .min = 1, .max = 4, .impl_max = 2 };

/* ---- the device ---- */

static bool uhci_realize(Device *dev, GError **err)
{
    Uhci *u = (Uhci *)dev;

    if (u->masterbus || u->firstport)
        return user_fail(err, "%s masterbus=: there is no EHCI controller to be the companion of",
                         dev->type->name);
    pci_conf_default(&u->pci, SBRN, 1, 0x10, 0);
    pci_conf_default(&u->pci, LEGSUP, 2, 0x2000, 0x20bf);
    pci_bar_io(&u->pci, 4, &u->io, PCI_BAR_IO, REGS, &uhci_ops, u);
    timer_init(&u->timer, dev, CLOCK_VIRTUAL, &u->st.deadline, uhci_timer, u);
    usb_bus_init(&u->bus, dev);
    for (unsigned i = 0; i < UHCI_PORTS; i++)
        usb_port_add(&u->bus, &u->port[i], dev, NULL, i, &port_ops, USB_LOW | USB_FULL);
    return true;
}

static void uhci_reset(Device *dev)
{
    uhci_start_values((Uhci *)dev);
}

/* clang-format off */
static const Prop Uhci_rows[] = {
    PROP_STR  (Uhci, masterbus, "masterbus", NULL, "EHCI whose companion it is (not supported)"),
    PROP_INT  (Uhci, firstport, "firstport", 0,    "its first port there"),
    PROP_RANGE(Uhci, bandwidth, "bandwidth", 1280, 64, 65536, "bytes a frame"),
    PROP_RANGE(Uhci, maxframes, "maxframes", 128, 1, 128, "late frames that are made up for"),
    PROP_END  (Uhci)
};
static const Field UhciState_rows[] = {
    FIELD(UhciState, deadline), FIELD(UhciState, due, .max = INT64_MAX / 2), FIELD(UhciState, base), FIELD(UhciState, cmd, .max = 0xff), FIELD(UhciState, sts, .max = 0x3f),
    FIELD(UhciState, intr, .max = 15), FIELD(UhciState, frame, .max = 0x7ff), FIELD_ARRAY(UhciState, port),
    FIELD(UhciState, sof, .max = 0x7f), FIELD(UhciState, why, .max = 3), FIELD_PAD(UhciState, pad), FIELD_END
};

#define UHCI(sym, type_name, text, id, irq_pin)                                                   \
    static const DeviceType sym = {                                                               \
        .name = type_name, .desc = text, .size = sizeof(Uhci), .flags = TYPE_USER,                \
        .bus = &pci_bus_type, .props = Uhci_rows,                                                 \
        .bus_info = &(const PciInfo){ .vendor = 0x8086, .device = id, .class = 0x0c03, .pin = irq_pin }, \
        .state = STATE_PARTS(STATE(Uhci, st, UhciState_rows, 1)),                                 \
        .realize = uhci_realize, .reset = uhci_reset,                                             \
    };                                                                                            \
    REGISTER(device, sym)

UHCI(piix3_usb_uhci, "piix3-usb-uhci", "PIIX3 USB controller (UHCI)", 0x7020, 4);
UHCI(piix4_usb_uhci, "piix4-usb-uhci", "PIIX4 USB controller (UHCI)", 0x7112, 4);
UHCI(ich9_usb_uhci1, "ich9-usb-uhci1", "ICH9 USB controller 1 (UHCI)", 0x2934, 1);
UHCI(ich9_usb_uhci2, "ich9-usb-uhci2", "ICH9 USB controller 2 (UHCI)", 0x2935, 2);
UHCI(ich9_usb_uhci3, "ich9-usb-uhci3", "ICH9 USB controller 3 (UHCI)", 0x2936, 3);
UHCI(ich9_usb_uhci4, "ich9-usb-uhci4", "ICH9 USB controller 4 (UHCI)", 0x2937, 1);
UHCI(ich9_usb_uhci5, "ich9-usb-uhci5", "ICH9 USB controller 5 (UHCI)", 0x2938, 2);
UHCI(ich9_usb_uhci6, "ich9-usb-uhci6", "ICH9 USB controller 6 (UHCI)", 0x2939, 3);
/* clang-format on */
