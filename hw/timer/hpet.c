/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * High precision event timer: a 100 MHz counter and comparators at FED00000h. IA-PC HPET
 * specification 1.0a. The counter is not counted: it is the virtual clock since it was started. A
 * comparator arms a timer only while its interrupt is enabled. In legacy replacement comparator 0
 * takes IRQ 0 from the 8254 and comparator 1 shares IRQ 8 with the RTC. Not modelled: FSB (message)
 * interrupts. Threads: machine lock.
 */
#include "core/clock.h"
#include "core/device.h"
#include "core/memory.h"

enum { HPET_BASE = 0xfed00000, HPET_SIZE = 0x400, HPET_TIMERS = 3, TICK_NS = 10, LINES = 24 };
#define COUNTER_MAX ((1ull << 58) - 1) /* 91 years; times ten it is still a time in ns */
enum { GEN_ENABLE = 1, GEN_LEGACY = 2 };
enum {
    TN_LEVEL = 1 << 1,
    TN_ENABLE = 1 << 2,
    TN_PERIODIC = 1 << 3,
    TN_PERIODIC_CAP = 1 << 4,
    TN_64_CAP = 1 << 5,
    TN_SETVAL = 1 << 6,
    TN_32 = 1 << 8,
    TN_ROUTE = 31 << 9,
    TN_WRITABLE = TN_LEVEL | TN_ENABLE | TN_PERIODIC | TN_SETVAL | TN_32 | TN_ROUTE,
};

typedef struct HpetTimer {
    int64_t deadline;
    uint64_t config, cmp, period;
} HpetTimer;

typedef struct HpetState {
    uint64_t config, status;
    uint64_t counter; /* while it stands still */
    int64_t start;    /* virtual time at which the running counter was 0 */
    HpetTimer timer[HPET_TIMERS];
    bool pit; /* the 8254's level, held back in legacy mode */
    uint8_t pad[7];
} HpetState;

typedef struct Hpet {
    Device dev;
    /* config */ uint32_t intcap;
    /* state */ HpetState st;
    /* host */ Region mmio;
    struct HpetChannel {
        struct Hpet *hpet;
        unsigned n;
        Timer timer;
    } channel[HPET_TIMERS];
    IrqLine in[1];
    const IrqLine *pit_out[1], *legacy[2], *out[LINES];
} Hpet;

static const Prop Hpet_rows[] = { PROP_INT(Hpet, intcap, "hpet-intcap", 4,
                                           "interrupt lines that a comparator may be routed to"),
                                  PROP_END(Hpet) };

/* clang-format off */
static const Field HpetTimer_rows[] = {
    FIELD(HpetTimer, deadline), FIELD(HpetTimer, config), FIELD(HpetTimer, cmp), FIELD(HpetTimer, period), FIELD_END
};
static const Field HpetState_rows[] = {
    FIELD(HpetState, config, .max = 3), FIELD(HpetState, status), FIELD(HpetState, counter, .max = COUNTER_MAX), FIELD(HpetState, start),
    FIELD_STRUCTS(HpetState, timer, HpetTimer_rows), FIELD(HpetState, pit), FIELD_PAD(HpetState, pad), FIELD_END
};
/* clang-format on */

static int64_t hpet_now(Hpet *h)
{
    return clock_now(h->dev.vm, CLOCK_VIRTUAL);
}

static uint64_t hpet_counter(Hpet *h)
{
    if (!(h->st.config & GEN_ENABLE))
        return h->st.counter;
    return ((uint64_t)hpet_now(h) - (uint64_t)h->st.start) / TICK_NS;
}

static uint64_t hpet_mask(const HpetTimer *t)
{
    return t->config & TN_32 ? UINT32_MAX : UINT64_MAX;
}

/* ---- interrupts ---- */

static const IrqLine *hpet_line(const Hpet *h, unsigned n)
{
    unsigned route = h->st.timer[n].config >> 9 & 31;
    if (h->st.config & GEN_LEGACY && n < 2)
        return h->legacy[n];
    return route < LINES ? h->out[route] : NULL;
}

static void hpet_interrupt(Hpet *h, unsigned n)
{
    HpetTimer *t = &h->st.timer[n];
    const IrqLine *line = hpet_line(h, n);
    if (t->config & TN_LEVEL) {
        h->st.status |= 1u << n;
        irq_set(line, 1);
    } else {
        irq_set(line, 1);
        irq_set(line, 0);
    }
}

/* Brings the comparator of a periodic timer up to the counter, then arms it. A value that has just
 * been passed comes round again after the counter has wrapped: guests check for that. */
static void hpet_arm(Hpet *h, unsigned n)
{
    HpetTimer *t = &h->st.timer[n];
    Timer *timer = &h->channel[n].timer;
    uint64_t mask = hpet_mask(t), now = hpet_counter(h);
    if (!(h->st.config & GEN_ENABLE) || !(t->config & TN_ENABLE)) {
        timer_cancel(timer);
        return;
    }
    uint64_t left = (t->cmp - now) & mask;
    if ((t->config & TN_PERIODIC) && t->period && left > mask / 2) {
        uint64_t late = (now - t->cmp) & mask;
        t->cmp = (t->cmp + (late / t->period + 1) * t->period) & mask;
        left = (t->cmp - now) & mask;
    }
    int64_t at = (int64_t)((uint64_t)h->st.start + (now + left) * TICK_NS);
    if (left > (uint64_t)INT64_MAX / TICK_NS / 4 || at < 0)
        timer_cancel(timer); /* centuries away */
    else
        timer_set(timer, at);
}

static void hpet_fire(void *o)
{
    struct HpetChannel *c = o;
    Hpet *h = c->hpet;
    HpetTimer *t = &h->st.timer[c->n];
    hpet_interrupt(h, c->n);
    if ((t->config & TN_PERIODIC) && t->period) {
        t->cmp = (t->cmp + t->period) & hpet_mask(t);
        hpet_arm(h, c->n);
    } else if (t->config & TN_32) {
        timer_set(&c->timer, hpet_now(h) + (1ll << 32) * TICK_NS);
    }
}

static void hpet_pit_update(Hpet *h)
{
    irq_set(h->pit_out[0], h->st.pit && !(h->st.config & GEN_LEGACY));
}

static void hpet_pit(void *o, int n, int level)
{
    Hpet *h = o;
    h->st.pit = level;
    hpet_pit_update(h);
}

/* ---- registers: 64 bits, written in whole or in halves ---- */

static void hpet_set_config(Hpet *h, uint64_t val)
{
    uint64_t old = h->st.config, counter = hpet_counter(h);
    h->st.config = val & (GEN_ENABLE | GEN_LEGACY);
    if ((val & GEN_ENABLE) && !(old & GEN_ENABLE))
        h->st.start = hpet_now(h) - (int64_t)counter * TICK_NS;
    else if (!(val & GEN_ENABLE) && (old & GEN_ENABLE))
        h->st.counter = counter;
    for (unsigned n = 0; n < HPET_TIMERS; n++)
        hpet_arm(h, n);
    hpet_pit_update(h);
}

static void hpet_clear_status(Hpet *h, uint64_t val)
{
    for (unsigned n = 0; n < HPET_TIMERS; n++) {
        if (val & h->st.status & 1u << n)
            irq_set(hpet_line(h, n), 0);
    }
    h->st.status &= ~val;
}

static void hpet_set_counter(Hpet *h, uint64_t val)
{
    val &= COUNTER_MAX;
    if (h->st.config & GEN_ENABLE)
        h->st.start = hpet_now(h) - (int64_t)val * TICK_NS;
    else
        h->st.counter = val;
}

static void hpet_set_timer(Hpet *h, unsigned n, uint64_t val)
{
    HpetTimer *t = &h->st.timer[n];
    if (h->st.status & 1u << n && !(val & TN_ENABLE))
        hpet_clear_status(h, 1u << n);
    t->config = (t->config & ~(uint64_t)TN_WRITABLE) | (val & TN_WRITABLE);
    if (t->config & TN_32)
        t->cmp &= UINT32_MAX, t->period &= UINT32_MAX;
    hpet_arm(h, n);
}

/* Periodic mode: a plain write sets the period, after SETVAL the comparator too (2.3.9.2.2). */
static void hpet_set_comparator(Hpet *h, unsigned n, uint64_t val)
{
    HpetTimer *t = &h->st.timer[n];
    val &= hpet_mask(t);
    if (!(t->config & TN_PERIODIC) || (t->config & TN_SETVAL))
        t->cmp = val;
    if (t->config & TN_PERIODIC)
        t->period = val;
    t->config &= ~(uint64_t)TN_SETVAL;
    hpet_arm(h, n);
}

static uint64_t hpet_reg(Hpet *h, unsigned off)
{
    unsigned n = (off - 0x100) >> 5;
    switch (off) {
    case 0: return (uint64_t)TICK_NS * 1000000 << 32 | 0x8086a001 | (HPET_TIMERS - 1) << 8;
    case 0x10: return h->st.config;
    case 0x20: return h->st.status;
    case 0xf0: return hpet_counter(h);
    }
    if (off < 0x100 || n >= HPET_TIMERS)
        return 0;
    switch (off & 0x18) {
    case 0: return h->st.timer[n].config;
    case 8: return h->st.timer[n].cmp;
    }
    return 0;
}

static void hpet_set_reg(Hpet *h, unsigned off, uint64_t val)
{
    unsigned n = (off - 0x100) >> 5;
    switch (off) {
    case 0x10: hpet_set_config(h, val); return;
    case 0x20: hpet_clear_status(h, val); return;
    case 0xf0: hpet_set_counter(h, val); return;
    }
    if (off < 0x100 || n >= HPET_TIMERS)
        return;
    switch (off & 0x18) {
    case 0: hpet_set_timer(h, n, val); break;
    case 8: hpet_set_comparator(h, n, val); break;
    }
}

static uint64_t hpet_read(void *o, uint64_t off, unsigned size)
{
    return hpet_reg(o, off & ~7u) >> (off & 4 ? 32 : 0);
}

/* Main may be late: what is due happens before a register changes, or arming anew would put it off
 * until the counter has gone round. */
static void hpet_catch_up(Hpet *h)
{
    int64_t now = hpet_now(h);
    for (unsigned n = 0; n < HPET_TIMERS; n++) {
        struct HpetChannel *c = &h->channel[n];
        int64_t due = *c->timer.deadline;
        if (due && due <= now) {
            timer_cancel(&c->timer);
            hpet_fire(c);
        }
    }
}

static void hpet_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    Hpet *h = o;
    hpet_catch_up(h);
    uint64_t whole = val, old = hpet_reg(h, off & ~7u);
    if (off == 0x20 || off == 0x24)
        old = 0; /* written ones clear */
    if (size == 4)
        whole = off & 4 ? (old & UINT32_MAX) | val << 32
                        : (old & ~(uint64_t)UINT32_MAX) | (uint32_t)val;
    hpet_set_reg(h, off & ~7u, whole);
}

static const IoOps hpet_io = { hpet_read, hpet_write,    .min = 4,
                               .max = 8,  .impl_min = 4, .impl_max = 8 };

static bool hpet_realize(Device *dev, GError **err)
{
    Hpet *h = (Hpet *)dev;
    region_init_io(&h->mmio, dev, "hpet", HPET_SIZE, &hpet_io, h);
    space_map(
        dev->vm->mem,
        &(MapRow){
            .base = HPET_BASE, .size = HPET_SIZE, .region = &h->mmio, .prio = 1, .on = true });
    for (unsigned n = 0; n < HPET_TIMERS; n++) {
        struct HpetChannel *c = &h->channel[n];
        c->hpet = h;
        c->n = n;
        timer_init(&c->timer, dev, CLOCK_VIRTUAL, &h->st.timer[n].deadline, hpet_fire, c);
    }
    h->in[0] = (IrqLine){ hpet_pit, h, 0 };
    return true;
}

static void hpet_reset(Device *dev)
{
    Hpet *h = (Hpet *)dev;
    for (unsigned n = 0; n < HPET_TIMERS; n++) {
        h->st.timer[n].config = TN_PERIODIC_CAP | TN_64_CAP | (uint64_t)h->intcap << 32;
        h->st.timer[n].cmp = UINT64_MAX;
    }
}

static const DeviceType hpet = {
    .name = "hpet",
    .desc = "high precision event timer",
    .size = sizeof(Hpet),
    .props = Hpet_rows,
    .state = STATE_PARTS(STATE(Hpet, st, HpetState_rows, 1)),
    .pins = PINS(PIN_IN(Hpet, in, "pit"), PIN_OUT(Hpet, pit_out, "pit-out"),
                 PIN_OUT(Hpet, legacy, "legacy"), PIN_OUT(Hpet, out, "")),
    .realize = hpet_realize,
    .reset = hpet_reset,
};
REGISTER(device, hpet);
