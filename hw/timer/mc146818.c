/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MC146818A real-time clock with 128 bytes of CMOS memory, ports 70h and 71h. Motorola data sheet
 * ADI-856R2. The time is not counted: it is the chosen clock plus an offset, and registers 0 to 9
 * are made when they are read. Flags of register C are made when it is read or when one of them
 * interrupts; only enabled interrupts arm a timer, so an idle guest wakes nobody.
 *
 *   offset: guest time - clock, ns      second n ends at (n + 1) * 1e9 of guest time
 *
 * Not modelled: daylight saving, square wave. Threads: machine lock.
 */
#include <time.h>

#include "core/clock.h"
#include "core/event.h"
#include "core/machine.h"
#include "hw/isa/isa.h"
#include "hw/timer/rtc.h"

enum {
    SECOND,
    SECOND_ALARM,
    MINUTE,
    MINUTE_ALARM,
    HOUR,
    HOUR_ALARM,
    WEEKDAY,
    DAY,
    MONTH,
    YEAR,
    REG_A,
    REG_B,
    REG_C,
    REG_D
};
enum { REG_CENTURY = 0x32, REG_CENTURY_PS2 = 0x37 };
enum {
    A_UIP = 0x80,
    A_RATE = 0x0f,
    B_SET = 0x80,
    B_PIE = 0x40,
    B_AIE = 0x20,
    B_UIE = 0x10,
    B_BINARY = 4,
    B_24H = 2
};
enum { C_IRQ = 0x80, C_PF = 0x40, C_AF = 0x20, C_UF = 0x10, D_VALID = 0x80 };
enum { ALARM_ANY = 0xc0, UIP_NS = 244000, REINJECT_MOST = 20 };
#define SEC 1000000000ll
/* Guest time stays between 1906 and 2255: a century register of FFh must not overflow the ns. */
#define FIRST_SECOND (-2000000000ll)
#define LAST_SECOND  9000000000ll

typedef enum { TICKS_DISCARD, TICKS_SLEW } TickPolicy;
static const char *const tick_policies[] = {
    [TICKS_DISCARD] = "discard", [TICKS_SLEW] = "slew", NULL
};

/* What the battery keeps */
typedef struct RtcKeep {
    int64_t offset;
    int64_t stopped; /* guest time at which SET or the divider stopped the clock; 0: it runs */
    uint8_t cmos[128];
} RtcKeep;

typedef struct RtcState {
    int64_t event, periodic; /* deadlines */
    int64_t seen;            /* the last second whose end is in register C already */
    int64_t periodic_seen;   /* the last period, counted from the start of virtual time */
    uint32_t lost, reinjected;
    uint8_t index, pad[7];
} RtcState;

typedef struct Rtc {
    Device dev;
    /* config */ int32_t base_year;
    uint16_t iobase;
    uint8_t irq;
    int32_t policy;
    /* state */ RtcKeep keep;
    RtcState st;
    /* host */ Region io;
    Timer event, periodic;
    const IrqLine *line;
    ClockId clock;
    int64_t base; /* keep.offset as -rtc base= made it */
} Rtc;

static const Prop Rtc_rows[] = {
    PROP_INT(Rtc, base_year, "base_year", 0, "year that register 9 counts from; 0: with a century"),
    PROP_INT(Rtc, iobase, "iobase", 0x70, "first port"),
    PROP_RANGE(Rtc, irq, "irq", 8, 0, 15, "ISA interrupt"),
    PROP_ENUM(Rtc, policy, "lost_tick_policy", TICKS_DISCARD, tick_policies,
              "what becomes of periodic interrupts that the guest missed"),
    PROP_END(Rtc)
};

static const Field RtcKeep_rows[] = { FIELD(RtcKeep, offset), FIELD(RtcKeep, stopped),
                                      FIELD_ARRAY(RtcKeep, cmos), FIELD_END };
static const Field RtcState_rows[] = { FIELD(RtcState, event),
                                       FIELD(RtcState, periodic),
                                       FIELD(RtcState, seen),
                                       FIELD(RtcState, periodic_seen),
                                       FIELD(RtcState, lost),
                                       FIELD(RtcState, reinjected),
                                       FIELD(RtcState, index, .max = 127),
                                       FIELD_PAD(RtcState, pad),
                                       FIELD_END };

/* ---- time ---- */

static int64_t rtc_now(Rtc *r)
{
    if (r->keep.stopped)
        return r->keep.stopped;
    return clock_now(r->dev.vm, r->clock) + r->keep.offset;
}

static bool rtc_runs(const Rtc *r)
{
    return !(r->keep.cmos[REG_B] & B_SET) && (r->keep.cmos[REG_A] & 0x70) <= 0x20;
}

static uint8_t rtc_out(const Rtc *r, unsigned v)
{
    return r->keep.cmos[REG_B] & B_BINARY ? v : v / 10 << 4 | v % 10;
}

static unsigned rtc_in(const Rtc *r, uint8_t v)
{
    return r->keep.cmos[REG_B] & B_BINARY ? v : (v >> 4) * 10 + (v & 15);
}

static uint8_t rtc_hour_out(const Rtc *r, unsigned hour)
{
    if (r->keep.cmos[REG_B] & B_24H)
        return rtc_out(r, hour);
    return rtc_out(r, hour % 12 ? hour % 12 : 12) | (hour >= 12 ? 0x80 : 0);
}

static unsigned rtc_hour_in(const Rtc *r, uint8_t v)
{
    if (r->keep.cmos[REG_B] & B_24H)
        return rtc_in(r, v);
    return rtc_in(r, v & 0x7f) % 12 + (v & 0x80 ? 12 : 0);
}

/* Registers 0 to 9 and the century show `ns`. */
static void rtc_show(Rtc *r, int64_t ns)
{
    uint8_t *cmos = r->keep.cmos;
    time_t t = ns / SEC - (ns % SEC < 0);
    struct tm tm;
    if (!gmtime_r(&t, &tm))
        return;
    int year = tm.tm_year + 1900 - r->base_year;
    cmos[SECOND] = rtc_out(r, tm.tm_sec);
    cmos[MINUTE] = rtc_out(r, tm.tm_min);
    cmos[HOUR] = rtc_hour_out(r, tm.tm_hour);
    cmos[WEEKDAY] = rtc_out(r, tm.tm_wday + 1);
    cmos[DAY] = rtc_out(r, tm.tm_mday);
    cmos[MONTH] = rtc_out(r, tm.tm_mon + 1);
    cmos[YEAR] = rtc_out(r, (unsigned)year % 100);
    cmos[REG_CENTURY] = cmos[REG_CENTURY_PS2] = rtc_out(r, (unsigned)year / 100 % 100);
}

/* The guest's registers as guest time, ns; nonsense and far away years end within what ns can hold
 */
static int64_t rtc_shown(const Rtc *r)
{
    const uint8_t *cmos = r->keep.cmos;
    struct tm tm = {
        .tm_sec = rtc_in(r, cmos[SECOND]),
        .tm_min = rtc_in(r, cmos[MINUTE]),
        .tm_hour = rtc_hour_in(r, cmos[HOUR]),
        .tm_mday = rtc_in(r, cmos[DAY]),
        .tm_mon = rtc_in(r, cmos[MONTH]) - 1,
        .tm_year = rtc_in(r, cmos[YEAR]) + rtc_in(r, cmos[REG_CENTURY]) * 100 + r->base_year - 1900,
    };
    return CLAMP((int64_t)timegm(&tm), FIRST_SECOND, LAST_SECOND) * SEC;
}

/* ---- alarm ---- */

static bool rtc_alarm_field(const Rtc *r, unsigned reg, unsigned v)
{
    uint8_t want = r->keep.cmos[reg];
    if ((want & ALARM_ANY) == ALARM_ANY)
        return true;
    return v == (reg == HOUR_ALARM ? rtc_hour_in(r, want) : rtc_in(r, want));
}

/* The first second from `from` on at which the alarm goes off; -1: never. Days repeat. */
static int64_t rtc_alarm_after(const Rtc *r, int64_t from)
{
    int64_t t = from, end = from + 86400;
    while (t < end) {
        unsigned day = ((t % 86400) + 86400) % 86400;
        if (!rtc_alarm_field(r, HOUR_ALARM, day / 3600))
            t += 3600 - day % 3600;
        else if (!rtc_alarm_field(r, MINUTE_ALARM, day / 60 % 60))
            t += 60 - day % 60;
        else if (!rtc_alarm_field(r, SECOND_ALARM, day % 60))
            t++;
        else
            return t;
    }
    return -1;
}

/* ---- flags and interrupts ---- */

static int64_t rtc_second(Rtc *r)
{
    return rtc_now(r) / SEC;
}

/* ns of one period, 0 off */
static int64_t rtc_period(const Rtc *r)
{
    unsigned rate = r->keep.cmos[REG_A] & A_RATE;
    if (!rate || (r->keep.cmos[REG_A] & 0x70) > 0x20)
        return 0;
    if (rate < 3)
        rate += 7;
    return (SEC << (rate - 1)) / 32768;
}

static int64_t rtc_period_number(Rtc *r)
{
    int64_t period = rtc_period(r);
    return period ? clock_now(r->dev.vm, CLOCK_VIRTUAL) / period : 0;
}

static void rtc_flags(Rtc *r)
{
    uint8_t *c = &r->keep.cmos[REG_C];
    int64_t second = rtc_second(r), period = rtc_period_number(r);
    if (rtc_runs(r) && second > r->st.seen) {
        int64_t alarm = rtc_alarm_after(r, r->st.seen + 1);
        *c |= C_UF | (alarm >= 0 && alarm <= second ? C_AF : 0);
    }
    if (period && period != r->st.periodic_seen)
        *c |= C_PF;
    r->st.seen = second;
    r->st.periodic_seen = period;
}

static void rtc_update_irq(Rtc *r)
{
    uint8_t *c = &r->keep.cmos[REG_C], b = r->keep.cmos[REG_B];
    bool on = *c & b & (B_PIE | B_AIE | B_UIE);
    *c = (*c & ~C_IRQ) | (on ? C_IRQ : 0);
    irq_set(r->line, on);
    if (*c & b & B_AIE)
        vm_request(r->dev.vm, VM_WAKEUP, "rtc"); /* heard only by a machine that sleeps */
}

/* The next moment at which a flag with its interrupt enabled will rise */
static void rtc_arm(Rtc *r)
{
    uint8_t b = r->keep.cmos[REG_B], c = r->keep.cmos[REG_C];
    int64_t next = -1, period = rtc_period(r);
    if (rtc_runs(r) && (b & B_UIE) && !(c & C_UF))
        next = rtc_second(r) + 1;
    else if (rtc_runs(r) && (b & B_AIE) && !(c & C_AF))
        next = rtc_alarm_after(r, rtc_second(r) + 1);
    if (next >= 0)
        timer_set(&r->event, next * SEC - r->keep.offset);
    else
        timer_cancel(&r->event);
    if (period && (b & B_PIE))
        timer_set(&r->periodic, (rtc_period_number(r) + 1) * period);
    else
        timer_cancel(&r->periodic);
}

static void rtc_event(void *o)
{
    Rtc *r = o;
    rtc_flags(r);
    rtc_update_irq(r);
    rtc_arm(r);
}

static void rtc_periodic(void *o)
{
    Rtc *r = o;
    if (r->policy == TICKS_SLEW && (r->keep.cmos[REG_C] & C_PF))
        r->st.lost++;
    r->st.reinjected = 0;
    rtc_event(r);
}

/* ---- registers ---- */

/* Reading C clears it. With slew, what the guest missed follows at once, but not for ever: it must
 * get on with its work too. */
static uint8_t rtc_read_c(Rtc *r)
{
    rtc_flags(r);
    rtc_update_irq(r);
    uint8_t val = r->keep.cmos[REG_C];
    r->keep.cmos[REG_C] = 0;
    rtc_update_irq(r);
    if (r->st.lost && (r->keep.cmos[REG_B] & B_PIE) && r->st.reinjected < REINJECT_MOST) {
        r->st.lost--;
        r->st.reinjected++;
        r->keep.cmos[REG_C] |= C_PF;
        rtc_update_irq(r);
    }
    rtc_arm(r);
    return val;
}

static uint8_t rtc_read_reg(Rtc *r, unsigned reg)
{
    int64_t now = rtc_now(r);
    switch (reg) {
    case SECOND:
    case MINUTE:
    case HOUR:
    case WEEKDAY ... YEAR:
    case REG_CENTURY:
    case REG_CENTURY_PS2:
        if (rtc_runs(r))
            rtc_show(r, now);
        return r->keep.cmos[reg];
    case REG_A:
        return (r->keep.cmos[REG_A] & ~A_UIP) |
               (rtc_runs(r) && now % SEC >= SEC - UIP_NS ? A_UIP : 0);
    case REG_C: return rtc_read_c(r);
    case REG_D: return D_VALID;
    }
    return r->keep.cmos[reg];
}

/* The clock goes on from what the registers show. */
static void rtc_restart(Rtc *r, int64_t ns)
{
    r->keep.stopped = 0;
    r->keep.offset = ns - clock_now(r->dev.vm, r->clock);
    r->st.seen = rtc_second(r);
    EventRtc e = { .offset = (r->keep.offset - r->base + SEC / 2) / SEC, .path = r->dev.path };
    event_rtc_change(r->dev.vm, &e);
}

/* SET and the divider stop and start the clock; leaving the divider's reset, the first second takes
 * 500 ms (data sheet, table 3). */
static void rtc_control(Rtc *r, unsigned reg, uint8_t val)
{
    bool ran = rtc_runs(r);
    rtc_flags(r);
    if (ran)
        rtc_show(r, rtc_now(r));
    int64_t now = rtc_now(r);
    uint8_t old = r->keep.cmos[reg];
    if (reg == REG_B && (val & B_SET))
        val &= ~B_UIE;
    r->keep.cmos[reg] = reg == REG_A ? val & ~A_UIP : val;
    bool runs = rtc_runs(r);
    if (ran && !runs)
        r->keep.stopped = now;
    else if (!ran && runs && reg == REG_B)
        rtc_restart(r, rtc_shown(r));
    else if (!ran && runs)
        rtc_restart(r, rtc_shown(r) + SEC / 2);
    if (reg == REG_A && ((old ^ val) & A_RATE))
        r->st.periodic_seen = rtc_period_number(r);
    if (reg == REG_B && runs && ((old ^ val) & (B_BINARY | B_24H)))
        rtc_show(r, rtc_now(r));
    rtc_update_irq(r);
    rtc_arm(r);
}

static void rtc_write_reg(Rtc *r, unsigned reg, uint8_t val)
{
    switch (reg) {
    case REG_A:
    case REG_B: rtc_control(r, reg, val); break;
    case REG_C:
    case REG_D: break;
    case SECOND_ALARM:
    case MINUTE_ALARM:
    case HOUR_ALARM:
        rtc_flags(r);
        r->keep.cmos[reg] = val;
        rtc_arm(r);
        break;
    case SECOND:
    case MINUTE:
    case HOUR:
    case WEEKDAY ... YEAR:
    case REG_CENTURY:
    case REG_CENTURY_PS2:
        if (rtc_runs(r))
            rtc_show(r, rtc_now(r));
        r->keep.cmos[reg] = val;
        if (reg == REG_CENTURY_PS2)
            r->keep.cmos[REG_CENTURY] = val;
        if (rtc_runs(r)) {
            rtc_restart(r, rtc_shown(r) + rtc_now(r) % SEC);
            rtc_arm(r);
        }
        break;
    default: r->keep.cmos[reg] = val;
    }
}

static uint64_t rtc_read(void *o, uint64_t off, unsigned size)
{
    Rtc *r = o;
    return off ? rtc_read_reg(r, r->st.index) : 0xff;
}

/* Bit 7 of the index would mask NMIs; nothing here makes one that it could hold back. */
static void rtc_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    Rtc *r = o;
    if (off == 0)
        r->st.index = val & 0x7f;
    else
        rtc_write_reg(r, r->st.index, val);
}

static const IoOps rtc_io = { rtc_read, rtc_write, .min = 1, .max = 1 };

void rtc_set_cmos(Device *dev, unsigned reg, uint8_t val)
{
    if (dev)
        ((Rtc *)dev)->keep.cmos[reg & 0x7f] = val;
}

/* ---- life ---- */

/* -rtc base=: guest time minus clock, at the start. The chosen clock may not be the host's. */
static int64_t rtc_base_offset(Rtc *r, const RtcConf *conf)
{
    int64_t host = clock_now(r->dev.vm, CLOCK_HOST), own = clock_now(r->dev.vm, r->clock);
    time_t t = host / SEC;
    struct tm tm;
    switch (conf ? conf->base : RTC_UTC) {
    case RTC_LOCALTIME:
        if (localtime_r(&t, &tm))
            host += tm.tm_gmtoff * SEC;
        break;
    case RTC_DATE: host += conf->offset; break;
    case RTC_UTC: break;
    }
    return host - own;
}

static bool rtc_realize(Device *dev, GError **err)
{
    Rtc *r = (Rtc *)dev;
    const MachineConf *conf = dev->vm->conf;
    r->clock = conf ? conf->rtc.clock : CLOCK_HOST;
    if (conf && conf->rtc.slew)
        r->policy = TICKS_SLEW;
    r->keep.offset = r->base = rtc_base_offset(r, conf ? &conf->rtc : NULL);
    r->keep.cmos[REG_A] = 0x26;
    r->keep.cmos[REG_B] = B_24H;
    r->keep.cmos[REG_D] = D_VALID;
    isa_io(dev, &r->io, r->iobase, 2, &rtc_io, r);
    r->line = isa_irq(dev, r->irq);
    timer_init(&r->event, dev, r->clock, &r->st.event, rtc_event, r);
    timer_init(&r->periodic, dev, CLOCK_VIRTUAL, &r->st.periodic, rtc_periodic, r);
    return true;
}

static void rtc_reset(Device *dev)
{
    Rtc *r = (Rtc *)dev;
    r->keep.cmos[REG_B] &= ~(B_PIE | B_AIE | B_UIE | 8);
    r->keep.cmos[REG_C] = 0;
    r->st.seen = rtc_second(r);
    r->st.periodic_seen = rtc_period_number(r);
}

static bool rtc_post_load(Device *dev, GError **err)
{
    const Rtc *r = (const Rtc *)dev;
    const RtcKeep *k = &r->keep;
    /* a clock is added: the host's is 2030 at most, the machine's own begins at 0 */
    int64_t most = r->clock == CLOCK_HOST ? 7300000000ll : LAST_SECOND;

    if (k->stopped / SEC >= FIRST_SECOND && k->stopped / SEC <= LAST_SECOND &&
        k->offset / SEC >= FIRST_SECOND * 2 && k->offset / SEC <= most)
        return true;
    return user_fail(err, "%s: a time out of range", dev->path);
}

static const DeviceType mc146818rtc = {
    .name = "mc146818rtc",
    .desc = "real-time clock and CMOS memory",
    .size = sizeof(Rtc),
    .bus = &isa_bus,
    .bus_info = &(const IsaInfo){ .acpi_hid = "PNP0B00", .fw_name = "rtc" },
    .props = Rtc_rows,
    .state = STATE_PARTS(STATE_KEEP(Rtc, keep, RtcKeep_rows, 1), STATE(Rtc, st, RtcState_rows, 1)),
    .realize = rtc_realize,
    .reset = rtc_reset,
    .post_load = rtc_post_load,
};
REGISTER(device, mc146818rtc);
