/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * UHCI with a hub, a tablet, a keyboard and a disk, and the driver of a hostile guest: frame lists,
 * queues and transfers in RAM, ports, control transfers, commands to the disk. The input's head
 * says how much of the enumeration is done for it.
 *
 * RAM: 0 frame list, 1000h queue heads, 2000h transfers, 8000h a buffer each of 512 bytes.
 */
#include "hw/usb/usb.h"
#include "tests/fuzz/machine.h"
#include "ui/console.h"

#include <linux/input-event-codes.h>

enum {
    FRAMES = RAM,
    QH = RAM + 0x1000,
    TD = RAM + 0x2000,
    BUF = RAM + 0x8000,
    MOST_OPS = 120,
    MS = 1000000
};
enum { CMD = 0, STS = 2, INTR = 4, FRNUM = 6, BASE = 8, PORT = 16 };
enum { HUB = 1, TABLET, KBD, DISK, MOUSE };

static PciDevice *uhci;
static InputSource *source;
static unsigned n_td;

static void set(unsigned reg, uint64_t val, unsigned size)
{
    bar_io(uhci, 4, reg, val, size, true);
}

static void frames(unsigned n)
{
    int64_t ns = MIN((int64_t)n * MS, clock_left);
    clock_left -= ns;
    clock_step(vm, clock_now(vm, CLOCK_VIRTUAL) + ns);
}

/* ---- transfers ---- */

/* One more of the queue, n bytes; linked to the one that follows */
static void td(unsigned pid, unsigned addr, unsigned ep, unsigned n, uint32_t ctrl)
{
    uint32_t w[4] = { (TD + 32 * (n_td + 1)) | 4, ctrl | 1 << 23 | 3 << 27,
                      ((n - 1) & 0x7ff) << 21 | ep << 15 | addr << 8 | pid,
                      BUF + 512 * (n_td & 31) };
    ram_put(TD + 32 * n_td++, w, 16);
}

static uint64_t buffer(void) /* the next one's */
{
    return BUF + 512 * (n_td & 31);
}

/* What was queued runs for a few frames. */
static void run(unsigned n)
{
    uint32_t list[1024];
    if (n_td)
        ram_put_le(TD + 32 * (n_td - 1), 1, 4);
    ram_put_le(QH, 1 | (uint64_t)TD << 32, 8);
    for (unsigned i = 0; i < 1024; i++)
        list[i] = QH | 2;
    ram_put(FRAMES, list, sizeof(list));
    set(BASE, FRAMES, 4);
    set(INTR, 15, 2);
    set(CMD, 1, 2);
    for (; n; n--) { /* the disk answers from the main loop */
        frames(1);
        settle();
    }
    n_td = 0;
}

/* A control transfer; out: bytes of the input for the data stage */
static void control(unsigned addr, uint64_t setup, Bytes *out)
{
    unsigned length = setup >> 48, packet = addr == DISK ? 64 : 8;
    bool in = setup & 0x80;
    ram_put_le(buffer(), setup, 8);
    td(USB_SETUP, addr, 0, 8, 0);
    for (unsigned at = 0; at < MIN(length, 256u); at += packet) {
        unsigned n = MIN(packet, length - at);
        for (unsigned i = 0; !in && out && i < n; i++)
            ram_put_le(buffer() + i, take(out, 1), 1);
        td(in ? USB_IN : USB_OUT, addr, 0, n, in ? 1 << 29 : 0);
    }
    td(in ? USB_OUT : USB_IN, addr, 0, 0, 0);
    run(3);
}

static uint64_t setup(unsigned type, unsigned request, unsigned val, unsigned index, unsigned len)
{
    return type | request << 8 | (uint64_t)val << 16 | (uint64_t)index << 32 | (uint64_t)len << 48;
}

static void port_up(unsigned n)
{
    set(PORT + 2 * n, 0x200, 2);
    frames(1);
    set(PORT + 2 * n, 0, 2);
    set(PORT + 2 * n, 0xe, 2);
}

static void address(unsigned addr)
{
    control(0, setup(0, 5, addr, 0, 0), NULL);
    control(addr, setup(0, 9, 1, 0, 0), NULL);
}

/* The hub at the first port, behind it all others but the mouse */
static void enumerate(void)
{
    port_up(1);
    address(MOUSE);
    port_up(0);
    address(HUB);
    for (unsigned n = 1; n <= 3; n++) {
        control(HUB, setup(0x23, 3, 8, n, 0), NULL);
        control(HUB, setup(0x23, 3, 4, n, 0), NULL);
        control(HUB, setup(0xa3, 0, 0, n, 4), NULL); /* its end shows when one looks */
        address(TABLET + n - 1);
    }
}

/* ---- operations ---- */

static void control_op(Bytes *b)
{
    static const uint16_t requests[] = { 0x8006, 0x8000, 0x0001, 0x0003, 0x0005, 0x8008,
                                         0x0009, 0x810a, 0x010b, 0x0201, 0x0203, 0x8200,
                                         0x8106, 0xa101, 0xa102, 0xa103, 0x2109, 0x210a,
                                         0x210b, 0xa1fe, 0x21ff, 0xa000, 0xa300, 0x2301,
                                         0x2303, 0x2001, 0x2003, 0xa006, 0x2007, 0xc001 };
    unsigned how = take(b, 1), r = take(b, 1), addr = how & 7;
    uint16_t request = how & 8 ? r | take(b, 1) << 8 : requests[r % G_N_ELEMENTS(requests)];
    unsigned val = take(b, how & 16 ? 2 : 1) << (how & 32 ? 8 : 0);
    control(addr, setup(request >> 8, request & 255, val, take(b, 1), take(b, how & 64 ? 2 : 1)),
            b);
}

/* A command block, its data, its status; each as it should be or a little otherwise */
static void disk_command_op(Bytes *b)
{
    static const uint8_t opcodes[] = { 0x00, 0x03, 0x12, 0x1a, 0x1b, 0x1e, 0x23, 0x25,
                                       0x28, 0x2a, 0x2f, 0x35, 0x5a, 0xa0, 0x9e, 0x88 };
    unsigned how = take(b, 1), op = take(b, 1), n_cdb = 10, length = take(b, how & 1 ? 2 : 1);
    uint8_t cbw[31] = { 'U', 'S', 'B', 'C', 1, 2, 3, 4, length, length >> 8 };
    cbw[12] = how & 2 ? 0x80 : 0;
    cbw[13] = how & 4 ? take(b, 1) : 0;
    cbw[14] = how & 8 ? take(b, 1) : n_cdb;
    cbw[15] = how & 16 ? op : opcodes[op % G_N_ELEMENTS(opcodes)];
    for (unsigned i = 16; i < 25; i++)
        if (how & 32 || i == 19 || i == 20 || i == 23)
            cbw[i] = take(b, 1);
    if (how & 64)
        cbw[take(b, 1) % 31] = take(b, 1);
    ram_put(buffer(), cbw, 31);
    td(USB_OUT, DISK, 2, how & 0x80 ? take(b, 1) & 63 : 31, 0);
    for (unsigned at = 0; at < MIN(length, 1024u); at += 64)
        td(how & 2 ? USB_IN : USB_OUT, DISK, how & 2 ? 1 : 2, MIN(64, length - at),
           how & 2 ? 1 << 29 : 0);
    td(USB_IN, DISK, 1, 13, 0);
    run(4 + (op >> 6));
}

/* What a HID or the hub has to tell */
static void poll_op(Bytes *b)
{
    unsigned how = take(b, 1);
    for (unsigned i = 0; i <= (how >> 4 & 3); i++)
        td(USB_IN, 1 + (how & 7) % 5, 1, how & 8 ? take(b, 1) & 15 : 8, 0);
    run(1 + (how >> 6));
}

/* Any packet to anybody */
static void packet_op(Bytes *b)
{
    static const uint8_t pids[] = { USB_IN, USB_OUT, USB_SETUP, 0 };
    unsigned how = take(b, 1), pid = pids[how & 3], ep = take(b, 1);
    for (unsigned i = 0; i < (how >> 6) * 8; i++)
        ram_put_le(buffer() + i, take(b, 1), 1);
    td(pid ? pid : take(b, 1), how >> 2 & 7, ep & 15, ep & 0x80 ? take(b, 2) : ep >> 4,
       ep & 0x40 ? take(b, 4) : 0);
    if (how & 32 || n_td > 60)
        run(1);
}

/* Words of the lists: queue heads, transfers, frames */
static void list_op(Bytes *b)
{
    unsigned how = take(b, 1), i = take(b, 1), link = take(b, 1);
    uint32_t to = link & 0x80 ? (uint32_t)value(b)
                              : (link & 0x40 ? QH + 16 * (i & 7) : TD + 32 * (i & 15)) | (link & 7);
    switch (how & 3) {
    case 0: ram_put_le(QH + 16 * (how >> 2 & 7) + (link & 8 ? 4 : 0), to, 4); break;
    case 1: ram_put_le(TD + 32 * (how >> 2 & 15), to, 4); break;
    case 2: ram_put_le(FRAMES + 4 * i, to, 4); break;
    default:
        ram_put_le(TD + 32 * (how >> 2 & 15) + 4 * (i & 3), how & 0x80 ? value(b) : take(b, 4), 4);
    }
}

static void hid_op(Bytes *b)
{
    InputEvent e[8];
    unsigned n = 1 + take(b, 1) % 7;
    for (unsigned i = 0; i < n; i++) {
        unsigned what = take(b, 1);
        switch (what & 3) {
        case 0: e[i] = (InputEvent){ IN_KEY, take(b, 1), what >> 2 & 1 }; break;
        case 1: e[i] = (InputEvent){ IN_ABS, what >> 2 & 1, take(b, 2) & 0x7fff }; break;
        case 2:
            e[i] = (InputEvent){ IN_REL, what & 4 ? REL_WHEEL : what >> 3 & 1, (int8_t)take(b, 1) };
            break;
        default: e[i] = (InputEvent){ IN_BUTTON, BTN_LEFT + (what >> 3 & 3) % 3, what >> 2 & 1 };
        }
    }
    e[n] = (InputEvent){ IN_SYNC, 0, 0 };
    input_send(source, 0, e, n + 1);
}

static void register_op(Bytes *b)
{
    static const uint8_t regs[] = { CMD, STS, INTR, FRNUM, BASE, 12, PORT, PORT + 2 };
    unsigned how = take(b, 1);
    if (how & 0x80)
        set(regs[how & 7], value(b), how & 8 ? 4 : 2);
    else
        bar_io(uhci, 4, how & 31, 0, how & 32 ? 1 : 2, false);
}

static void operation(Bytes *b)
{
    unsigned op = take(b, 1);
    switch (op & 15) {
    case 0:
    case 1:
    case 2: control_op(b); break;
    case 3:
    case 4:
    case 5: disk_command_op(b); break;
    case 6: op & 0x10 ? poll_op(b) : packet_op(b); break;
    case 7:
    case 8: list_op(b); break;
    case 9: register_op(b); break;
    case 10: hid_op(b); break;
    case 11: frames(1 + (op >> 4)); break;
    case 12: disk_op(b); break;
    case 13: ram_op(b); break;
    case 14:
        if (op & 0x80)
            config_op(uhci, b);
        else if (op & 0x40)
            port_up(op >> 4 & 1);
        else if (op & 0x20)
            vm_stop(vm, RUNSTATE_PAUSED);
        else if (!vm->running)
            vm_start(vm, NULL);
        break;
    case 15: settle(); break;
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    clock_most = 150 * MS;
    machine_new("-device piix3-usb-uhci,id=uhci -device usb-hub,port=1 -device usb-tablet,port=1.1 "
                "-device usb-kbd,port=1.2 -drive if=none,id=d0,file=DISK,format=raw,werror=stop "
                "-device usb-storage,port=1.3,drive=d0 -device usb-mouse,port=2");
    uhci = pci_named("uhci");
    source = input_source_new(vm, "fuzz");
    machine_reset();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    Bytes b = { data, n };
    unsigned head = take(&b, 1);
    n_td = 0;
    machine_calm();
    input_release(source);
    device_anew(&uhci->dev);
    place_bars();
    if (head & 3)
        enumerate();
    else if (head & 4)
        port_up(head >> 3 & 1);
    for (int i = 0; i < MOST_OPS && b.n; i++)
        operation(&b);
    settle();
    return 0;
}

FUZZ_MAIN("usb", 500, 400)
