/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * e1000: Intel 82540EM, 82544GC and 82545EM gigabit controllers. Registers, interrupts, the
 * objects. Intel PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual
 * (317453): 13.4 registers, 3.4 interrupt moderation, 14 reset. tx, rx, phy: files beside.
 *
 * Not modelled: wake-up and flexible filters (their registers hold what is written), flow control
 * (a full ring stops the sender without it), TBI and SerDes links, the packet buffer as memory,
 * PCI-X. Threads: machine lock.
 */
#include <string.h>

#include "hw/net/e1000.h"

typedef struct E1000Row {
    uint16_t off, word, n;
    uint32_t reset, mask;
} E1000Row;

/* clang-format off */
#define E1000_TABLE(name, off, n, reset, mask) [ROW_##name] = { off, name, n, reset, mask },
static const E1000Row e1000_rows[E1000_ROWS] = { E1000_REGS(E1000_TABLE) };
#define E1000_WHERE(name, off, n, reset, mask) [off / 4 ... off / 4 + n - 1] = ROW_##name,
static const uint8_t e1000_row_at[0x6000 / 4] = { E1000_REGS(E1000_WHERE) };

static const Field E1000Context_rows[] = {
    FIELD(E1000Context, ipcse), FIELD(E1000Context, tucse), FIELD(E1000Context, mss),
    FIELD(E1000Context, ipcss), FIELD(E1000Context, ipcso), FIELD(E1000Context, tucss), FIELD(E1000Context, tucso),
    FIELD(E1000Context, hdrlen), FIELD(E1000Context, tucmd), FIELD_END
};

static const Field E1000State_rows[] = {
    FIELD_VAR(E1000State, frame, FRAME_ROOM), FIELD(E1000State, itr_due), FIELD(E1000State, tx_due),
    FIELD(E1000State, rx_due), FIELD(E1000State, tx_limit), FIELD(E1000State, rx_limit), FIELD(E1000State, work_due),
    FIELD(E1000State, link_due), FIELD_ARRAY(E1000State, reg), FIELD(E1000State, io_addr),
    FIELD_STRUCTS(E1000State, ctx, E1000Context_rows), FIELD_ARRAY(E1000State, phy), FIELD(E1000State, vlan),
    FIELD(E1000State, popts), FIELD(E1000State, dcmd), FIELD(E1000State, gathering), FIELD(E1000State, held),
    FIELD(E1000State, oversize), FIELD(E1000State, insert_vlan), FIELD_END
};

static const Prop E1000_rows[] = {
    PROP_BASE(E1000, nic, Nic),
    PROP_BOOL(E1000, autonegotiation, "autonegotiation", true, "the link comes up by negotiation"),
    PROP_BOOL(E1000, mitigation, "mitigation", true, "delays and throttles interrupts as the guest asks"),
    PROP_BOOL(E1000, extra_mac_registers, "extra_mac_registers", true, "registers that guests before 2.5 did not see"),
    PROP_BOOL(E1000, migrate_tso_props, "migrate_tso_props", true, "the segmentation context travels"),
    PROP_BOOL(E1000, init_vet, "init-vet", true, "VET is 8100h after reset"),
    PROP_END(E1000)
};
/* clang-format on */

/* ---- interrupts ---- */

/* The line rises at most once in ITR * 256 ns; what is true then is looked at when it fires. */
static void e1000_irq(E1000 *e)
{
    bool want = e->st.reg[ICR] & e->st.reg[IMS];
    if (want && !(e->pci.st.level & 1)) {
        if (e->st.itr_due)
            return;
        if (e->st.reg[ITR] && e->mitigation)
            timer_set(&e->itr, clock_now(e->pci.dev.vm, CLOCK_VIRTUAL) + e->st.reg[ITR] * 256ll);
    }
    pci_irq(&e->pci, 0, want);
}

static void e1000_itr_over(void *o)
{
    e1000_irq(o);
}

void e1000_cause(E1000 *e, uint32_t icr)
{
    e->st.reg[ICR] |= icr & ICR_ALL;
    e1000_irq(e);
}

bool e1000_delay(E1000 *e, Timer *t, int64_t *limit, uint32_t delay, uint32_t absolute)
{
    if (!delay || !e->mitigation)
        return false;
    int64_t now = clock_now(e->pci.dev.vm, CLOCK_VIRTUAL), due = now + delay * 1024ll;
    if (absolute) {
        if (!*limit)
            *limit = now + absolute * 1024ll;
        due = MIN(due, *limit);
    }
    timer_set(t, due);
    return true;
}

static void e1000_tx_delayed(void *o)
{
    E1000 *e = o;
    e->st.tx_limit = 0;
    e1000_cause(e, ICR_TXDW);
}

static void e1000_rx_delayed(void *o)
{
    E1000 *e = o;
    e->st.rx_limit = 0;
    e1000_cause(e, ICR_RXT0);
}

/* ---- statistics: 32 bits each, or 64 in two words; they stay at their largest value ---- */

void e1000_count(E1000 *e, unsigned stat, uint64_t n)
{
    uint32_t *p = &e->st.reg[STATS + stat];
    bool wide = stat == GORCL || stat == GOTCL || stat == TORL || stat == TOTL;
    uint64_t max = wide ? UINT64_MAX : UINT32_MAX;
    uint64_t val = wide ? (uint64_t)p[1] << 32 | p[0] : p[0];
    val = n > max - val ? max : val + n;
    p[0] = val;
    if (wide)
        p[1] = val >> 32;
}

/* len without FCS; the counters of sizes and octets include it */
void e1000_count_frame(E1000 *e, bool sent, const uint8_t *frame, size_t len)
{
    size_t n = len + 4;
    unsigned class = n <= 64 ? 0 : n < 128 ? 1 : n < 256 ? 2 : n < 512 ? 3 : n < 1024 ? 4 : 5;
    bool multicast = frame[0] & 1, broadcast = frame_is_broadcast(frame);
    e1000_count(e, (sent ? PTC64 : PRC64) + class, 1);
    e1000_count(e, sent ? GPTC : GPRC, 1);
    e1000_count(e, sent ? TPT : TPR, 1);
    e1000_count(e, sent ? GOTCL : GORCL, n);
    e1000_count(e, sent ? TOTL : TORL, n);
    if (broadcast)
        e1000_count(e, sent ? BPTC : BPRC, 1);
    else if (multicast)
        e1000_count(e, sent ? MPTC : MPRC, 1);
}

/* ---- reset ---- */

/* The hardware loads the first receive address from words 0 to 2 of the EEPROM. */
static void e1000_reset_state(E1000 *e)
{
    for (unsigned i = 1; i < E1000_ROWS; i++) {
        for (unsigned n = 0; n < e1000_rows[i].n; n++)
            e->st.reg[e1000_rows[i].word + n] = e1000_rows[i].reset;
    }
    if (!e->init_vet)
        e->st.reg[VET] = 0;
    e->st.reg[RA] = e->eeprom.words[0] | (uint32_t)e->eeprom.words[1] << 16;
    e->st.reg[RA + 1] = e->eeprom.words[2] | 1u << 31;
    e1000_phy_reset(e);
    e1000_link_set(e, net_link_up(e->nic.port));
}

static void e1000_reset(Device *dev)
{
    e1000_reset_state((E1000 *)dev);
}

/* CTRL.RST: everything but the PCI part and the EEPROM */
static void e1000_soft_reset(E1000 *e)
{
    Timer *const timers[] = { &e->itr, &e->tx_delay, &e->rx_delay, &e->work, &e->link };
    GByteArray *frame = e->st.frame;
    for (unsigned i = 0; i < G_N_ELEMENTS(timers); i++)
        timer_cancel(timers[i]);
    g_byte_array_set_size(frame, 0);
    e->st = (E1000State){ .frame = frame };
    e1000_reset_state(e);
    pci_irq(&e->pci, 0, false);
    nic_show_mac(&e->nic, e->nic.addr);
    net_resume(e->nic.port);
}

/* ---- registers ---- */

static void e1000_write_ctrl(E1000 *e, uint32_t val)
{
    if (val & CTRL_RST) {
        e1000_soft_reset(e);
        return;
    }
    if (val & CTRL_PHY_RST) {
        e1000_phy_reset(e);
        e1000_link_set(e, net_link_up(e->nic.port));
    }
    e->st.reg[CTRL] = val & ~(uint32_t)CTRL_PHY_RST;
    e->st.reg[STATUS] |= STATUS_FD; /* what was negotiated, unless CTRL forces it */
    if ((val & CTRL_FRCDPX) && !(val & CTRL_FD))
        e->st.reg[STATUS] &= ~(uint32_t)STATUS_FD;
}

static void e1000_show_mac(E1000 *e)
{
    uint8_t mac[6];
    for (unsigned i = 0; i < 6; i++)
        mac[i] = e->st.reg[RA + i / 4] >> 8 * (i & 3);
    nic_show_mac(&e->nic, mac);
}

/* what follows from a register's new value */
static void e1000_written(E1000 *e, unsigned row, unsigned word)
{
    switch (row) {
    case ROW_PBA: /* the transmitter has the rest of 64 KiB */
        e->st.reg[PBA] = (e->st.reg[PBA] & 0xff) | (64 - MIN(e->st.reg[PBA] & 0xff, 64)) << 16;
        break;
    case ROW_RA:
        if (word == RA + 1)
            e1000_show_mac(e);
        break;
    case ROW_TCTL:
    case ROW_TDT: e1000_send(e); break;
    case ROW_RCTL:
    case ROW_RDT:
    case ROW_RDH:
    case ROW_RDLEN: net_resume(e->nic.port); break;
    }
}

/* extra_mac_registers=off: those that 7.2 shows only since its machine 2.5 */
static bool e1000_hidden(const E1000 *e, unsigned row)
{
    switch (row) {
    case ROW_FCAL:
    case ROW_FCAH:
    case ROW_FCT:
    case ROW_FCTTV:
    case ROW_RDFH:
    case ROW_TDFH:
    case ROW_IPAV:
    case ROW_IP4AT:
    case ROW_IP6AT:
    case ROW_WUPM:
    case ROW_WUS:
    case ROW_AIT:
    case ROW_FFLT: return !e->extra_mac_registers;
    }
    return row == ROW_NONE;
}

static unsigned e1000_find(const E1000 *e, uint64_t off, unsigned *word)
{
    unsigned row = off < 0x6000 ? e1000_row_at[off / 4] : ROW_NONE;
    if (e1000_hidden(e, row))
        return ROW_NONE;
    *word = e1000_rows[row].word + (off - e1000_rows[row].off) / 4;
    return row;
}

static uint64_t e1000_read(void *o, uint64_t off, unsigned size)
{
    E1000 *e = o;
    unsigned word, row = e1000_find(e, off, &word);
    uint32_t val;
    switch (row) {
    case ROW_NONE:
    case ROW_ICS:
    case ROW_IMC: return 0;
    case ROW_EECD: return e1000_eecd_read(e);
    case ROW_ICR:
        val = e->st.reg[ICR];
        e->st.reg[ICR] = 0;
        e1000_irq(e);
        return val;
    case ROW_STATS:
        val = e->st.reg[word];
        e->st.reg[word] = 0;
        return val;
    }
    return e->st.reg[word];
}

static void e1000_write(void *o, uint64_t off, uint64_t val64, unsigned size)
{
    E1000 *e = o;
    uint32_t val = val64;
    unsigned word, row = e1000_find(e, off, &word);
    switch (row) {
    case ROW_NONE: return;
    case ROW_CTRL: e1000_write_ctrl(e, val); return;
    case ROW_MDIC: e1000_mdic(e, val); return;
    case ROW_EERD: e1000_eerd(e, val); return;
    case ROW_EECD: e1000_eecd(e, val); return;
    case ROW_ICR: e->st.reg[ICR] &= ~val; break;
    case ROW_ICS: e->st.reg[ICR] |= val & ICR_ALL; break;
    case ROW_IMS: e->st.reg[IMS] |= val & ICR_ALL; break;
    case ROW_IMC: e->st.reg[IMS] &= ~val; break;
    default:
        e->st.reg[word] = (e->st.reg[word] & ~e1000_rows[row].mask) | (val & e1000_rows[row].mask);
        e1000_written(e, row, word);
        return;
    }
    e1000_irq(e);
}

/* 13.3: IOADDR at 0 chooses what IODATA at 4 reads and writes */
static uint64_t e1000_io_read(void *o, uint64_t off, unsigned size)
{
    E1000 *e = o;
    return off == 0 ? e->st.io_addr : off == 4 ? e1000_read(e, e->st.io_addr & 0x1fffc, 4) : 0;
}

static void e1000_io_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    E1000 *e = o;
    if (off == 0)
        e->st.io_addr = val & 0x1ffff;
    else if (off == 4)
        e1000_write(e, e->st.io_addr & 0x1fffc, val, 4);
}

static const IoOps e1000_mmio = { e1000_read, e1000_write, .impl_min = 4, .impl_max = 4, .max = 8 };
static const IoOps e1000_io = { e1000_io_read, e1000_io_write, .min = 4, .max = 4 };

/* ---- the device ---- */

static const NetOps e1000_net = { e1000_receive, e1000_send, e1000_cable };

static bool e1000_realize(Device *dev, GError **err)
{
    E1000 *e = (E1000 *)dev;
    if (!e->migrate_tso_props)
        return user_fail(err, "%s: migrate_tso_props=off is not served: that state always travels",
                         dev->type->name);
    pci_bar_io(&e->pci, 0, &e->mmio, PCI_BAR_MEM, 0x20000, &e1000_mmio, e);
    pci_bar_io(&e->pci, 1, &e->io, PCI_BAR_IO, 64, &e1000_io, e);
    timer_init(&e->itr, dev, CLOCK_VIRTUAL, &e->st.itr_due, e1000_itr_over, e);
    timer_init(&e->tx_delay, dev, CLOCK_VIRTUAL, &e->st.tx_due, e1000_tx_delayed, e);
    timer_init(&e->rx_delay, dev, CLOCK_VIRTUAL, &e->st.rx_due, e1000_rx_delayed, e);
    timer_init(&e->work, dev, CLOCK_VIRTUAL, &e->st.work_due, e1000_send, e);
    timer_init(&e->link, dev, CLOCK_VIRTUAL, &e->st.link_due, e1000_link_done, e);
    if (!nic_open(&e->nic, dev, &e1000_net, e, err))
        return false;
    e1000_eeprom_init(e);
    return true;
}

static void e1000_sync(Device *dev)
{
    e1000_show_mac((E1000 *)dev);
}

#define E1000_TYPE(symbol, type_name, text, id, phy)                       \
    static const E1000Info symbol##_info = { { .vendor = 0x8086,           \
                                               .device = id,               \
                                               .class = 0x0200,            \
                                               .rev = 3,                   \
                                               .pin = 1,                   \
                                               .rom = "efi-e1000.rom" },   \
                                             phy };                        \
    static const DeviceType symbol = {                                     \
        .name = type_name,                                                 \
        .desc = text,                                                      \
        .size = sizeof(E1000),                                             \
        .boot = "ethernet-phy@0",                                          \
        .flags = TYPE_USER | TYPE_HOTPLUG,                   \
        .bus = &pci_bus_type,                                              \
        .bus_info = &symbol##_info,                                        \
        .props = E1000_rows,                                               \
        .realize = e1000_realize,                                          \
        .reset = e1000_reset,                                              \
        .sync = e1000_sync,                                                \
        .state = STATE_PARTS(STATE(E1000, st, E1000State_rows, 1),         \
                             STATE_KEEP(E1000, eeprom, Eeprom93_rows, 1)), \
    };                                                                     \
    REGISTER(device, symbol)

E1000_TYPE(e1000_82540em, "e1000", "Intel Gigabit Ethernet (82540EM)", 0x100e, 0x0c20);
E1000_TYPE(e1000_82544gc, "e1000-82544gc", "Intel Gigabit Ethernet (82544GC)", 0x100c, 0x0c30);
E1000_TYPE(e1000_82545em, "e1000-82545em", "Intel Gigabit Ethernet (82545EM)", 0x100f, 0x0c20);
