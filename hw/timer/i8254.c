/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The 8254 programmable interval timer and port 61h (speaker gate, refresh toggle, channel 2 out).
 * Intel 8254 data sheet (231164). Counters are not counted: each remembers when it was started,
 * and count and output follow from the virtual clock. Channel 0 arms a timer for its next rising
 * edge. Not modelled: sound. Threads: machine lock.
 */
#include "core/clock.h"
#include "core/irqchip.h"
#include "hw/isa/isa.h"

#define PIT_HZ 1193182

typedef struct Pit {
    Device dev;
    /* config */ uint32_t iobase;
    /* state */ PitState st;
    /* host */ Region io, speaker;
    Timer timer;
    uint64_t seen; /* periods of channel 0 that the timer has told of */
    uint64_t owed; /* ticks that it told too late: they follow */
    const IrqLine *out[1];
} Pit;

#define PIT_OWED_MAX 250

static const Prop Pit_rows[] = { PROP_INT(Pit, iobase, "iobase", 0x40, "first of the four ports"),
                                 PROP_END(Pit) };

/* clang-format off */
static const Field PitChannel_rows[] = {
    FIELD(PitChannel, start), FIELD(PitChannel, count, .max = 0x10000), FIELD(PitChannel, latched_count),
    FIELD(PitChannel, write_lsb), FIELD(PitChannel, rw_mode, .max = 3), FIELD(PitChannel, mode, .max = 5),
    FIELD(PitChannel, bcd, .max = 1), FIELD(PitChannel, gate, .max = 1), FIELD(PitChannel, latched_status),
    FIELD(PitChannel, latch_bytes, .max = 2), FIELD(PitChannel, status_latched), FIELD(PitChannel, write_high),
    FIELD(PitChannel, read_high), FIELD(PitChannel, null_count), FIELD(PitChannel, armed), FIELD(PitChannel, out),
    FIELD(PitChannel, held),
    FIELD_PAD(PitChannel, pad), FIELD_END
};
static const Field PitState_rows[] = {
    FIELD_STRUCTS(PitState, ch, PitChannel_rows), FIELD(PitState, deadline), FIELD(PitState, speaker),
    FIELD_PAD(PitState, pad), FIELD_END
};
/* clang-format on */

/* ---- counting ---- */

static int64_t pit_now(Pit *p)
{
    return clock_now(p->dev.vm, CLOCK_VIRTUAL);
}

static uint64_t pit_to_ticks(int64_t ns)
{
    return ns < 0 ? 0 : (uint64_t)((unsigned __int128)ns * PIT_HZ / 1000000000);
}

/* The first ns at which so many ticks have passed */
static int64_t pit_to_ns(uint64_t ticks)
{
    return (int64_t)(((unsigned __int128)ticks * 1000000000 + PIT_HZ - 1) / PIT_HZ);
}

static bool pit_periodic(const PitChannel *c)
{
    return c->mode == 2 || c->mode == 3;
}

static uint32_t pit_period(const PitChannel *c)
{
    return c->count ? c->count : 0x10000;
}

/* Ticks since the count was loaded */
static uint64_t pit_elapsed(const PitChannel *c, int64_t now)
{
    return c->held ? 0 : pit_to_ticks((int64_t)((uint64_t)now - (uint64_t)c->start));
}

static uint32_t pit_count(const PitChannel *c, int64_t now)
{
    uint64_t d = pit_elapsed(c, now);
    uint32_t n = pit_period(c);
    if (!c->armed)
        return n & 0xffff;
    switch (c->mode) {
    case 2: return n - d % n;
    case 3: return n - (2 * d % n & ~1ull);
    default: return (n - d) & 0xffff; /* goes on below zero */
    }
}

static bool pit_out(const PitChannel *c, int64_t now)
{
    uint64_t d = pit_elapsed(c, now);
    uint32_t n = pit_period(c);
    if (!c->armed)
        return c->mode != 0;
    switch (c->mode) {
    case 0:
    case 1: return d >= n;
    case 2: return !c->gate || d % n != n - 1;
    case 3: return !c->gate || d % n < (n + 1) / 2;
    default: return d != n; /* 4, 5: low for one tick */
    }
}

/* Tick of the next edge that matters to the interrupt controllers, 0 none. Where the output pulses
 * low (modes 2 to 5) that is the rising one: pit_fire() makes the falling one just before it. */
static uint64_t pit_next_edge(const PitChannel *c, uint64_t d)
{
    uint32_t n = pit_period(c);
    switch (c->mode) {
    case 0:
    case 1: return d < n ? n : 0;
    case 2:
    case 3: return d - d % n + n;
    default: return d <= n ? n + 1 : 0;
    }
}

/* Channel 0's output goes to IRQ 0, as it is at `now`. */
static void pit_update_at(Pit *p, int64_t now)
{
    PitChannel *c = &p->st.ch[0];
    c->out = pit_out(c, now);
    irq_set(p->out[0], c->out);
    uint64_t next = c->armed && !c->held ? pit_next_edge(c, pit_elapsed(c, now)) : 0;
    if (!next) {
        timer_cancel(&p->timer);
        return;
    }
    int64_t due = (int64_t)((uint64_t)c->start + (uint64_t)pit_to_ns(next));
    if (p->owed)
        due = MIN(due, now + pit_to_ns(pit_period(c)) / 16);
    timer_set(&p->timer, due);
}

static void pit_update(Pit *p)
{
    pit_update_at(p, pit_now(p));
}

/*
 * A busy host may let us be late by whole periods. What the guest missed it gets afterwards, close
 * together but one by one: Linux, for one, gives up on a timer that ticks too seldom at boot.
 */
static void pit_count_missed(Pit *p)
{
    PitChannel *c = &p->st.ch[0];
    uint64_t edge = pit_elapsed(c, pit_now(p)) / pit_period(c);
    if (edge == p->seen && p->owed)
        p->owed--;
    else if (edge > p->seen + 1)
        p->owed = MIN(p->owed + (edge - p->seen - 1), PIT_OWED_MAX);
    p->seen = edge;
}

static void pit_fire(void *o)
{
    Pit *p = o;
    if (pit_periodic(&p->st.ch[0]))
        pit_count_missed(p);
    if (p->st.ch[0].mode >= 2) {
        irq_set(p->out[0], 0);
        irq_set(p->out[0], 1);
    }
    pit_update(p);
}

/* ---- programming ---- */

static void pit_load(Pit *p, unsigned n, uint16_t val)
{
    PitChannel *c = &p->st.ch[n];
    uint32_t count = val;
    if (c->bcd) {
        uint32_t dec =
            (val >> 12) * 1000 + (val >> 8 & 15) * 100 + (val >> 4 & 15) * 10 + (val & 15);
        count = dec ? dec : 10000;
    } else if (!count) {
        count = 0x10000;
    }
    c->count = count;
    c->null_count = false;
    /* modes 1 and 5 start by the gate's rising edge */
    if (c->mode != 1 && c->mode != 5) {
        c->start = pit_now(p);
        c->armed = true;
        c->held = !c->gate;
    }
    if (n == 0) {
        p->owed = p->seen = 0;
        /* as of the start: a short one-shot may be over by now, and still has to fire */
        pit_update_at(p, c->armed ? c->start : pit_now(p));
    }
}

static void pit_latch_count(Pit *p, PitChannel *c)
{
    if (c->latch_bytes)
        return;
    c->latched_count = pit_count(c, pit_now(p));
    c->latch_bytes = c->rw_mode == 3 ? 2 : 1;
}

static void pit_latch_status(Pit *p, PitChannel *c)
{
    if (c->status_latched)
        return;
    c->latched_status =
        pit_out(c, pit_now(p)) << 7 | c->null_count << 6 | c->rw_mode << 4 | c->mode << 1 | c->bcd;
    c->status_latched = true;
}

static void pit_read_back(Pit *p, uint8_t val)
{
    for (unsigned n = 0; n < 3; n++) {
        if (!(val & 2 << n))
            continue;
        if (!(val & 0x20))
            pit_latch_count(p, &p->st.ch[n]);
        if (!(val & 0x10))
            pit_latch_status(p, &p->st.ch[n]);
    }
}

static void pit_control(Pit *p, uint8_t val)
{
    unsigned n = val >> 6;
    if (n == 3) {
        pit_read_back(p, val);
        return;
    }
    PitChannel *c = &p->st.ch[n];
    if (!(val >> 4 & 3)) {
        pit_latch_count(p, c);
        return;
    }
    unsigned mode = val >> 1 & 7;
    c->rw_mode = val >> 4 & 3;
    c->mode = mode > 5 ? mode & 3 : mode;
    c->bcd = val & 1;
    c->write_high = c->read_high = false;
    c->latch_bytes = 0;
    c->status_latched = false;
    c->null_count = true;
    c->armed = false;
    if (n == 0)
        pit_update(p);
}

static void pit_write_count(Pit *p, unsigned n, uint8_t val)
{
    PitChannel *c = &p->st.ch[n];
    c->null_count = true;
    switch (c->rw_mode) {
    case 1: pit_load(p, n, val); break;
    case 2: pit_load(p, n, val << 8); break;
    case 3:
        if (!c->write_high) {
            c->write_lsb = val;
            /* mode 0: the first byte stops the count */
            if (c->mode == 0) {
                c->armed = false;
                if (n == 0)
                    pit_update(p);
            }
        } else {
            pit_load(p, n, c->write_lsb | val << 8);
        }
        c->write_high = !c->write_high;
        break;
    }
}

static uint16_t pit_bcd(uint32_t v)
{
    return v / 1000 % 10 << 12 | v / 100 % 10 << 8 | v / 10 % 10 << 4 | v % 10;
}

static uint8_t pit_read_latched(PitChannel *c)
{
    uint16_t v = c->bcd ? pit_bcd(c->latched_count) : c->latched_count;
    bool high = c->rw_mode == 2 || (c->rw_mode == 3 && c->latch_bytes == 1);
    c->latch_bytes--;
    return high ? v >> 8 : v;
}

static uint8_t pit_read_count(Pit *p, PitChannel *c)
{
    if (c->status_latched) {
        c->status_latched = false;
        return c->latched_status;
    }
    if (c->latch_bytes)
        return pit_read_latched(c);
    uint16_t v = pit_count(c, pit_now(p));
    if (c->bcd)
        v = pit_bcd(v);
    bool high = c->rw_mode == 2 || (c->rw_mode == 3 && c->read_high);
    if (c->rw_mode == 3)
        c->read_high = !c->read_high;
    return high ? v >> 8 : v;
}

static uint64_t pit_read(void *o, uint64_t off, unsigned size)
{
    Pit *p = o;
    return off == 3 ? 0 : pit_read_count(p, &p->st.ch[off]);
}

static void pit_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    Pit *p = o;
    if (off == 3)
        pit_control(p, val);
    else
        pit_write_count(p, off, val);
}

/* A low gate holds modes 0, 2, 3 and 4. When it rises, 2 and 3 begin anew, 0 and 4 go on where they
 * were, 1 and 5 are started by it. */
static void pit_set_gate(Pit *p, unsigned n, bool gate)
{
    PitChannel *c = &p->st.ch[n];
    uint64_t gone = pit_elapsed(c, pit_now(p));
    if (gate && !c->gate) {
        if (c->held || c->mode == 1 || c->mode == 5)
            c->start = pit_now(p);
        if (c->mode == 1 || c->mode == 5)
            c->armed = c->count != 0;
        c->held = false;
    } else if (!gate && c->gate && c->armed) {
        if (pit_periodic(c)) {
            c->held = true;
        } else if ((c->mode == 0 || c->mode == 4) && gone < c->count) {
            c->held = true;
            c->count -= gone;
        }
    }
    c->gate = gate;
}

/* ---- port 61h: 0 gate of channel 2, 1 speaker on, 4 refresh toggle, 5 channel 2's output ---- */

static uint64_t speaker_read(void *o, uint64_t off, unsigned size)
{
    Pit *p = o;
    const PitChannel *c = &p->st.ch[2];
    int64_t now = pit_now(p);
    /* memory refresh: every 15 us; guests time short delays by it */
    return c->gate | p->st.speaker << 1 | (now / 15085 & 1) << 4 | pit_out(c, now) << 5;
}

static void speaker_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    Pit *p = o;
    p->st.speaker = val >> 1 & 1;
    pit_set_gate(p, 2, val & 1);
}

static const IoOps pit_io = { pit_read, pit_write, .min = 1, .max = 1 };
static const IoOps speaker_io = { speaker_read, speaker_write, .min = 1, .max = 1 };

static bool pit_realize(Device *dev, GError **err)
{
    Pit *p = (Pit *)dev;
    isa_io(dev, &p->io, p->iobase, 4, &pit_io, p);
    isa_io(dev, &p->speaker, 0x61, 1, &speaker_io, p);
    timer_init(&p->timer, dev, CLOCK_VIRTUAL, &p->st.deadline, pit_fire, p);
    return true;
}

/* Power-on contents are undefined; what every BIOS of the time left behind is mode 3, 18.2 Hz, but
 * nothing counts before a mode is set. */
/* after a load nothing is late: the clock went on from where it was */
static void pit_sync(Device *dev)
{
    Pit *p = (Pit *)dev;
    p->owed = 0;
    p->seen = pit_elapsed(&p->st.ch[0], pit_now(p)) / pit_period(&p->st.ch[0]);
}

static void pit_reset(Device *dev)
{
    Pit *p = (Pit *)dev;
    for (unsigned n = 0; n < 3; n++) {
        p->st.ch[n].mode = 3;
        p->st.ch[n].rw_mode = 3;
        p->st.ch[n].count = 0x10000;
        p->st.ch[n].gate = n != 2;
    }
}

static const DeviceType isa_pit = {
    .name = "isa-pit",
    .desc = "8254 interval timer",
    .size = sizeof(Pit),
    .bus = &isa_bus,
    .bus_info = &(const IsaInfo){ .acpi_hid = "PNP0100", .fw_name = "timer" },
    .props = Pit_rows,
    .state = STATE_PARTS(STATE(Pit, st, PitState_rows, 1)),
    .pins = PINS(PIN_OUT(Pit, out, "")),
    .realize = pit_realize,
    .reset = pit_reset,
    .sync = pit_sync,
};
REGISTER(device, isa_pit);
