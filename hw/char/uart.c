/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The 16550A UART. National PC16550D data sheet (June 1995), chapter 8. Bytes go out as fast as
 * the back end takes them: the divisor matters only to the receive time-out and to a back end that
 * is a real port. As on the machines we follow, OUT2 does not gate the interrupt. Threads: machine
 * lock.
 */
#include "hw/char/uart.h"
#include "core/runstate.h"

enum { IER_RX = 1, IER_THRE = 2, IER_LINE = 4, IER_MODEM = 8 };
enum { IIR_NONE = 1, IIR_MODEM = 0, IIR_THRE = 2, IIR_RX = 4, IIR_LINE = 6, IIR_TIMEOUT = 12 };
enum { FCR_ENABLE = 1, FCR_CLEAR_RX = 2, FCR_CLEAR_TX = 4 };
enum { LCR_BREAK = 0x40, LCR_DLAB = 0x80 };
enum { MCR_DTR = 1, MCR_RTS = 2, MCR_OUT1 = 4, MCR_OUT2 = 8, MCR_LOOP = 16 };
enum {
    LSR_DR = 1,
    LSR_OE = 2,
    LSR_PE = 4,
    LSR_FE = 8,
    LSR_BI = 16,
    LSR_THRE = 32,
    LSR_TEMT = 64,
    LSR_ERRORS = LSR_OE | LSR_PE | LSR_FE | LSR_BI,
};
enum {
    MSR_DELTA = 0x0f,
    MSR_TERI = 4,
    MSR_CTS = 0x10,
    MSR_DSR = 0x20,
    MSR_RI = 0x40,
    MSR_DCD = 0x80
};

/* clang-format off */
static const Field UartFifo_rows[] = {
    FIELD_ARRAY(UartFifo, byte), FIELD(UartFifo, head, .max = UART_FIFO - 1), FIELD(UartFifo, count, .max = UART_FIFO),
    FIELD_END
};
const Field UartState_rows[] = {
    FIELD(UartState, deadline),
    FIELD_STRUCT(UartState, rx, UartFifo_rows), FIELD_STRUCT(UartState, tx, UartFifo_rows),
    FIELD(UartState, divisor), FIELD(UartState, ier), FIELD(UartState, lcr), FIELD(UartState, mcr),
    FIELD(UartState, lsr), FIELD(UartState, msr), FIELD(UartState, scr), FIELD(UartState, fcr),
    FIELD(UartState, thre_pending), FIELD(UartState, timeout_pending), FIELD(UartState, pad),
    FIELD_END
};
/* clang-format on */

/* ---- FIFOs: one byte deep when FCR does not enable them ---- */

static unsigned uart_depth(const Uart *u)
{
    return u->st.fcr & FCR_ENABLE ? UART_FIFO : 1;
}

static void fifo_push(UartFifo *f, uint8_t byte)
{
    f->byte[(f->head + f->count++) % UART_FIFO] = byte;
}

static uint8_t fifo_pop(UartFifo *f)
{
    uint8_t byte = f->byte[f->head];
    f->head = (f->head + 1) % UART_FIFO;
    f->count--;
    return byte;
}

/* ---- interrupts ---- */

static unsigned uart_trigger(const Uart *u)
{
    static const uint8_t level[] = { 1, 4, 8, 14 };
    return u->st.fcr & FCR_ENABLE ? level[u->st.fcr >> 6] : 1;
}

/* The most urgent cause now, as IIR shows it */
static uint8_t uart_irq_cause(const Uart *u)
{
    const UartState *st = &u->st;
    if ((st->ier & IER_LINE) && (st->lsr & LSR_ERRORS))
        return IIR_LINE;
    if ((st->ier & IER_RX) && st->rx.count >= uart_trigger(u))
        return IIR_RX;
    if ((st->ier & IER_RX) && st->timeout_pending)
        return IIR_TIMEOUT;
    if ((st->ier & IER_THRE) && st->thre_pending)
        return IIR_THRE;
    if ((st->ier & IER_MODEM) && (st->msr & MSR_DELTA))
        return IIR_MODEM;
    return IIR_NONE;
}

static void uart_update_irq(Uart *u)
{
    irq_set(u->irq, uart_irq_cause(u) != IIR_NONE);
}

/* Four character times: start, data, parity and stop bits */
static int64_t uart_timeout(const Uart *u)
{
    unsigned bits = 7 + (u->st.lcr & 3) + (u->st.lcr >> 2 & 1) + (u->st.lcr >> 3 & 1);
    uint64_t baud = u->baudbase / MAX(u->st.divisor, 1);
    return 4 * bits * 1000000000ll / MAX(baud, 1);
}

static void uart_rx_changed(Uart *u)
{
    UartState *st = &u->st;
    st->timeout_pending = false;
    st->lsr = st->rx.count ? st->lsr | LSR_DR : st->lsr & ~LSR_DR;
    if ((st->fcr & FCR_ENABLE) && st->rx.count && st->rx.count < uart_trigger(u))
        timer_set(&u->rx_timer, clock_now(u->dev->vm, CLOCK_VIRTUAL) + uart_timeout(u));
    else
        timer_cancel(&u->rx_timer);
    uart_update_irq(u);
}

static void uart_rx_timeout(void *o)
{
    Uart *u = o;
    if (u->st.rx.count)
        u->st.timeout_pending = true;
    uart_update_irq(u);
}

/* ---- data ---- */

static void uart_take(Uart *u, uint8_t byte)
{
    if (u->st.rx.count >= uart_depth(u))
        u->st.lsr |= LSR_OE;
    else
        fifo_push(&u->st.rx, byte);
}

static size_t uart_receive(void *o, const uint8_t *p, size_t n)
{
    Uart *u = o;
    size_t room = u->st.mcr & MCR_LOOP ? 0 : uart_depth(u) - u->st.rx.count, took = MIN(n, room);

    if (u->wakeup && vm_state(u->dev->vm) == RUNSTATE_SUSPENDED)
        vm_request(u->dev->vm, VM_WAKEUP, NULL);
    for (size_t i = 0; i < took; i++)
        uart_take(u, p[i]);
    if (took)
        uart_rx_changed(u);
    return took;
}

static void uart_tx_done(Uart *u)
{
    u->st.lsr |= LSR_THRE | LSR_TEMT;
    u->st.thre_pending = true;
}

/* Gives the back end what waits; what it does not take stays until writable(). */
static void uart_flush(Uart *u)
{
    UartFifo *f = &u->st.tx;
    while (f->count) {
        if (u->st.mcr & MCR_LOOP)
            uart_take(u, f->byte[f->head]);
        else if (u->chr && char_write(u->chr, &f->byte[f->head], 1) == 0)
            return;
        fifo_pop(f);
    }
    uart_tx_done(u);
}

static void uart_writable(void *o)
{
    Uart *u = o;
    if (!u->st.tx.count)
        return;
    uart_flush(u);
    uart_update_irq(u);
}

static void uart_transmit(Uart *u, uint8_t byte)
{
    if (u->st.tx.count >= uart_depth(u))
        fifo_pop(&u->st.tx); /* overrun: the guest did not wait for THRE */
    fifo_push(&u->st.tx, byte);
    u->st.thre_pending = false;
    u->st.lsr &= ~(LSR_THRE | LSR_TEMT);
    uart_flush(u);
    if (u->st.mcr & MCR_LOOP)
        uart_rx_changed(u);
    else
        uart_update_irq(u);
}

static uint8_t uart_read_data(Uart *u)
{
    if (!u->st.rx.count)
        return 0;
    uint8_t byte = fifo_pop(&u->st.rx);
    uart_rx_changed(u);
    if (u->chr && !(u->st.mcr & MCR_LOOP))
        char_accept(u->chr);
    return byte;
}

static void uart_event(void *o, CharEvent event)
{
    Uart *u = o;
    if (event != CHR_BREAK)
        return;
    uart_take(u, 0);
    u->st.lsr |= LSR_BI;
    uart_rx_changed(u);
}

static const CharFrontOps uart_front = { .receive = uart_receive,
                                         .writable = uart_writable,
                                         .event = uart_event };

/* ---- line and modem ---- */

static void uart_set_line(Uart *u)
{
    uint8_t lcr = u->st.lcr;
    CharLine line = {
        .baud = u->baudbase / MAX(u->st.divisor, 1),
        .data = 5 + (lcr & 3),
        .stop = lcr & 4 ? 2 : 1,
        .parity = !(lcr & 8) ? 'N'
                  : lcr & 16 ? 'E'
                             : 'O',
    };
    if (u->chr && u->st.divisor)
        char_control(u->chr, CHR_SET_LINE, &line);
}

/* The modem inputs: the back end's, all ready where it has none, our own outputs in loop back */
static uint8_t uart_modem_lines(Uart *u)
{
    uint8_t mcr = u->st.mcr;
    int bits = 0;
    if (mcr & MCR_LOOP)
        return (mcr & MCR_RTS ? MSR_CTS : 0) | (mcr & MCR_DTR ? MSR_DSR : 0) |
               (mcr & MCR_OUT1 ? MSR_RI : 0) | (mcr & MCR_OUT2 ? MSR_DCD : 0);
    if (!u->chr || char_control(u->chr, CHR_GET_MODEM, &bits) < 0)
        return MSR_CTS | MSR_DSR | MSR_DCD;
    return (bits & CHR_MODEM_CTS ? MSR_CTS : 0) | (bits & CHR_MODEM_DSR ? MSR_DSR : 0) |
           (bits & CHR_MODEM_RI ? MSR_RI : 0) | (bits & CHR_MODEM_CAR ? MSR_DCD : 0);
}

/* Deltas; of RI only the trailing edge counts. */
static void uart_modem_update(Uart *u)
{
    uint8_t now = uart_modem_lines(u), was = u->st.msr & 0xf0, delta = (now ^ was) >> 4;
    if ((delta & MSR_TERI) && (now & MSR_RI))
        delta &= ~MSR_TERI;
    u->st.msr = now | (u->st.msr & MSR_DELTA) | delta;
}

static void uart_write_mcr(Uart *u, uint8_t val)
{
    uint8_t was = u->st.mcr;
    u->st.mcr = val & 0x1f;
    uart_modem_update(u);
    if (u->chr && ((was ^ val) & (MCR_DTR | MCR_RTS)) && !(val & MCR_LOOP)) {
        int bits = (val & MCR_DTR ? CHR_MODEM_DTR : 0) | (val & MCR_RTS ? CHR_MODEM_RTS : 0);
        char_control(u->chr, CHR_SET_MODEM, &bits);
    }
    if (u->chr && (was & MCR_LOOP) && !(val & MCR_LOOP))
        char_accept(u->chr);
}

static void uart_write_lcr(Uart *u, uint8_t val)
{
    int on = !!(val & LCR_BREAK);
    bool was = u->st.lcr & LCR_BREAK;
    u->st.lcr = val;
    uart_set_line(u);
    if (u->chr && on != was)
        char_control(u->chr, CHR_SET_BREAK, &on);
}

static void uart_write_fcr(Uart *u, uint8_t val)
{
    if ((val ^ u->st.fcr) & FCR_ENABLE)
        val |= FCR_CLEAR_RX | FCR_CLEAR_TX;
    u->st.fcr = val & 0xc9;
    if (val & FCR_CLEAR_RX) {
        u->st.rx = (UartFifo){ .count = 0 };
        u->st.lsr &= ~LSR_BI;
    }
    if (val & FCR_CLEAR_TX) {
        u->st.tx = (UartFifo){ .count = 0 };
        u->st.lsr |= LSR_THRE | LSR_TEMT;
        u->st.thre_pending = true;
    }
    uart_rx_changed(u);
    if (u->chr && (val & FCR_CLEAR_RX))
        char_accept(u->chr);
}

/* ---- registers ---- */

static uint64_t uart_read(void *o, uint64_t off, unsigned size)
{
    Uart *u = o;
    UartState *st = &u->st;
    uint8_t val;
    switch (off) {
    case 0: return st->lcr & LCR_DLAB ? (uint8_t)st->divisor : uart_read_data(u);
    case 1: return st->lcr & LCR_DLAB ? st->divisor >> 8 : st->ier;
    case 2:
        val = uart_irq_cause(u);
        if (val == IIR_THRE)
            st->thre_pending = false;
        uart_update_irq(u);
        return val | (st->fcr & FCR_ENABLE ? 0xc0 : 0);
    case 3: return st->lcr;
    case 4: return st->mcr;
    case 5:
        val = st->lsr;
        st->lsr &= ~LSR_ERRORS;
        uart_update_irq(u);
        return val;
    case 6:
        uart_modem_update(u);
        val = st->msr;
        st->msr &= ~MSR_DELTA;
        uart_update_irq(u);
        return val;
    }
    return st->scr;
}

static void uart_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    Uart *u = o;
    UartState *st = &u->st;
    bool dlab = st->lcr & LCR_DLAB;
    switch (off) {
    case 0:
        if (!dlab) {
            uart_transmit(u, val);
            return;
        }
        st->divisor = (st->divisor & 0xff00) | (uint8_t)val;
        uart_set_line(u);
        break;
    case 1:
        if (dlab) {
            st->divisor = (st->divisor & 0xff) | (uint8_t)val << 8;
            uart_set_line(u);
            break;
        }
        /* enabling the transmitter's interrupt while it is empty raises it at once */
        if ((val & IER_THRE) && !(st->ier & IER_THRE) && (st->lsr & LSR_THRE))
            st->thre_pending = true;
        st->ier = val & 0x0f;
        break;
    case 2: uart_write_fcr(u, val); break;
    case 3: uart_write_lcr(u, val); break;
    case 4: uart_write_mcr(u, val); break;
    case 7: st->scr = val; break;
    }
    uart_update_irq(u);
}

const IoOps uart_io = { uart_read, uart_write, .min = 1, .max = 1 };

/* ---- life ---- */

bool uart_init(Uart *u, Device *dev, const IrqLine *irq, GError **err)
{
    u->dev = dev;
    u->irq = irq;
    timer_init(&u->rx_timer, dev, CLOCK_VIRTUAL, &u->st.deadline, uart_rx_timeout, u);
    return !u->chr || char_attach(u->chr, &uart_front, u, err);
}

void uart_fini(Uart *u)
{
    if (u->chr)
        char_detach(u->chr);
}

void uart_reset(Uart *u)
{
    u->st.divisor = 12; /* 9600 baud */
    u->st.lsr = LSR_THRE | LSR_TEMT;
    u->st.mcr = MCR_OUT2;
    u->st.msr = MSR_CTS | MSR_DSR | MSR_DCD;
    u->st.lcr = 3;
}

void uart_sync(Uart *u)
{
    uart_set_line(u);
}
