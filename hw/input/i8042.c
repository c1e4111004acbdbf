/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The 8042 keyboard controller, ports 60h and 64h, with its PS/2 keyboard and mouse. IBM PS/2
 * Hardware Interface Technical Reference, "Keyboard and auxiliary device controller". Translation
 * of scan codes (set 2 to 1) is the controller's work, as in hardware. A byte that the host read
 * makes room for the next at once; both lines fall and rise with OBF. Threads: machine lock.
 */
#include "hw/input/ps2.h"
#include "hw/isa/isa.h"
#include "hw/pc/aml.h"

enum { STATUS_OBF = 1, STATUS_SYS = 4, STATUS_CMD = 8, STATUS_UNLOCKED = 16, STATUS_AUX = 32 };
enum {
    CTR_KBD_INT = 1,
    CTR_AUX_INT = 2,
    CTR_SYS = 4,
    CTR_KBD_OFF = 16,
    CTR_AUX_OFF = 32,
    CTR_XLATE = 64
};
enum { OUT_RESET = 1, OUT_A20 = 2, OUT_KBD_OBF = 16, OUT_AUX_OBF = 32 };

typedef struct I8042State {
    uint8_t ctr, out, obf;     /* obf: the byte at port 60h */
    uint8_t command;           /* waits for its parameter, 0 none */
    uint8_t answer;            /* the controller's own, when answered */
    bool full, aux, answered;  /* port 60h holds a byte; it is the mouse's */
    bool last_command, broken; /* broken: an F0 was swallowed, the next code is a break */
    bool answer_aux, sys;
    uint8_t pad[4];
} I8042State;

typedef struct I8042 {
    Device dev;
    /* config */ bool extended_state, throttle;
    uint8_t kbd_irq, mouse_irq;
    /* state */ I8042State st;
    Ps2KeyboardState kbd_st;
    Ps2MouseState mouse_st;
    /* host */ Ps2Keyboard kbd;
    Ps2Mouse mouse;
    Region data, control;
    const IrqLine *irq[2], *a20[1];
    bool filling, again;
} I8042;

static const Prop I8042_rows[] = {
    PROP_BOOL(I8042, extended_state, "extended-state", true, "accepted; all state is saved"),
    PROP_BOOL(I8042, throttle, "kbd-throttle", false, "accepted; keys never come faster than read"),
    PROP_RANGE(I8042, kbd_irq, "kbd-irq", 1, 0, 15, "ISA interrupt of the keyboard"),
    PROP_RANGE(I8042, mouse_irq, "mouse-irq", 12, 0, 15, "ISA interrupt of the mouse"),
    PROP_END(I8042)
};

/* clang-format off */
static const Field I8042State_rows[] = {
    FIELD(I8042State, ctr), FIELD(I8042State, out), FIELD(I8042State, obf), FIELD(I8042State, command),
    FIELD(I8042State, answer), FIELD(I8042State, full), FIELD(I8042State, aux), FIELD(I8042State, answered),
    FIELD(I8042State, last_command), FIELD(I8042State, broken), FIELD(I8042State, answer_aux),
    FIELD(I8042State, sys), FIELD_PAD(I8042State, pad), FIELD_END
};
/* clang-format on */

static void i8042_update_irq(I8042 *c)
{
    const I8042State *st = &c->st;
    irq_set(c->irq[0], st->full && !st->aux && (st->ctr & CTR_KBD_INT));
    irq_set(c->irq[1], st->full && st->aux && (st->ctr & CTR_AUX_INT));
}

static void i8042_put(I8042 *c, uint8_t byte, bool aux)
{
    c->st.obf = byte;
    c->st.aux = aux;
    c->st.full = true;
}

/* false: an F0 prefix that only announces a break code */
static bool i8042_translate(I8042State *st, uint8_t *byte)
{
    if (!(st->ctr & CTR_XLATE))
        return true;
    if (*byte == 0xf0) {
        st->broken = true;
        return false;
    }
    *byte = ps2_translate(*byte) | (st->broken ? 0x80 : 0);
    st->broken = false;
    return true;
}

/* The next byte for port 60h: the controller's answer, then keyboard, then mouse */
static void i8042_next(I8042 *c)
{
    I8042State *st = &c->st;
    uint8_t byte;
    if (!st->full && st->answered) {
        st->answered = false;
        i8042_put(c, st->answer, st->answer_aux);
    }
    while (!st->full && !(st->ctr & CTR_KBD_OFF) && ps2_keyboard_pop(&c->kbd, &byte)) {
        if (i8042_translate(st, &byte))
            i8042_put(c, byte, false);
    }
    if (!st->full && !(st->ctr & CTR_AUX_OFF) && ps2_mouse_pop(&c->mouse, &byte))
        i8042_put(c, byte, true);
}

/* Taking a byte makes room in a device, whose input then goes on and calls back in here. */
static void i8042_fill(I8042 *c)
{
    c->again = true;
    if (c->filling)
        return;
    c->filling = true;
    while (c->again && !c->st.full) {
        c->again = false;
        i8042_next(c);
    }
    c->filling = false;
    i8042_update_irq(c);
}

static void i8042_changed(Device *dev)
{
    i8042_fill((I8042 *)dev);
}

static void i8042_answer(I8042 *c, uint8_t byte, bool aux)
{
    c->st.answer = byte;
    c->st.answer_aux = aux;
    c->st.answered = true;
}

static void i8042_write_out(I8042 *c, uint8_t val)
{
    c->st.out = val;
    irq_set(c->a20[0], val >> 1 & 1);
    if (!(val & OUT_RESET))
        vm_request(c->dev.vm, VM_RESET, "guest-reset");
}

static uint8_t i8042_read_out(const I8042 *c)
{
    const I8042State *st = &c->st;
    return (st->out & 0xcf) | (st->full && !st->aux ? OUT_KBD_OBF : 0) |
           (st->full && st->aux ? OUT_AUX_OBF : 0);
}

static void i8042_command(I8042 *c, uint8_t val)
{
    I8042State *st = &c->st;
    st->command = 0;
    switch (val) {
    case 0x20: i8042_answer(c, st->ctr, false); break;
    case 0x60:
    case 0xd1 ... 0xd4: st->command = val; break;
    case 0xa7: st->ctr |= CTR_AUX_OFF; break;
    case 0xa8: st->ctr &= ~CTR_AUX_OFF; break;
    case 0xa9: i8042_answer(c, 0, false); break;
    case 0xaa:
        st->sys = true;
        i8042_answer(c, 0x55, false);
        break;
    case 0xab: i8042_answer(c, 0, false); break;
    case 0xad: st->ctr |= CTR_KBD_OFF; break;
    case 0xae: st->ctr &= ~CTR_KBD_OFF; break;
    case 0xc0: i8042_answer(c, 0x80, false); break; /* the keyboard is not locked */
    case 0xd0: i8042_answer(c, i8042_read_out(c), false); break;
    case 0xdd: i8042_write_out(c, st->out & ~OUT_A20); break;
    case 0xdf: i8042_write_out(c, st->out | OUT_A20); break;
    case 0xf0 ... 0xff:
        /* pulse: only bit 0, the reset line, is wired to something */
        if (!(val & OUT_RESET))
            vm_request(c->dev.vm, VM_RESET, "guest-reset");
        break;
    }
}

static void i8042_parameter(I8042 *c, uint8_t command, uint8_t val)
{
    switch (command) {
    case 0x60:
        c->st.ctr = val;
        c->st.sys = val & CTR_SYS;
        break;
    case 0xd1: i8042_write_out(c, val); break;
    case 0xd2: i8042_answer(c, val, false); break;
    case 0xd3: i8042_answer(c, val, true); break;
    case 0xd4:
        c->st.ctr &= ~CTR_AUX_OFF;
        ps2_mouse_write(&c->mouse, val);
        break;
    default:
        c->st.ctr &= ~CTR_KBD_OFF; /* sending to the keyboard opens its line */
        ps2_keyboard_write(&c->kbd, val);
    }
}

static uint64_t i8042_read_data(void *o, uint64_t off, unsigned size)
{
    I8042 *c = o;
    uint8_t byte = c->st.obf;
    if (!c->st.full)
        return byte;
    c->st.full = false;
    i8042_update_irq(c);
    i8042_fill(c);
    return byte;
}

static void i8042_write_data(void *o, uint64_t off, uint64_t val, unsigned size)
{
    I8042 *c = o;
    uint8_t command = c->st.command;
    c->st.command = 0;
    c->st.last_command = false;
    i8042_parameter(c, command, val);
    i8042_fill(c);
}

static uint64_t i8042_read_status(void *o, uint64_t off, unsigned size)
{
    const I8042State *st = &((I8042 *)o)->st;
    return STATUS_UNLOCKED | (st->full ? STATUS_OBF : 0) | (st->full && st->aux ? STATUS_AUX : 0) |
           (st->sys ? STATUS_SYS : 0) | (st->last_command ? STATUS_CMD : 0);
}

static void i8042_write_command(void *o, uint64_t off, uint64_t val, unsigned size)
{
    I8042 *c = o;
    c->st.last_command = true;
    i8042_command(c, val);
    i8042_fill(c);
}

static const IoOps i8042_data_io = { i8042_read_data, i8042_write_data, .min = 1, .max = 1 };
static const IoOps i8042_control_io = { i8042_read_status, i8042_write_command, .min = 1,
                                        .max = 1 };

static bool i8042_realize(Device *dev, GError **err)
{
    I8042 *c = (I8042 *)dev;
    isa_io(dev, &c->data, 0x60, 1, &i8042_data_io, c);
    isa_io(dev, &c->control, 0x64, 1, &i8042_control_io, c);
    c->irq[0] = isa_irq(dev, c->kbd_irq);
    c->irq[1] = isa_irq(dev, c->mouse_irq);
    ps2_keyboard_init(&c->kbd, dev, &c->kbd_st, i8042_changed);
    ps2_mouse_init(&c->mouse, dev, &c->mouse_st, i8042_changed);
    return true;
}

static void i8042_reset(Device *dev)
{
    I8042 *c = (I8042 *)dev;
    c->st.ctr = CTR_KBD_INT | CTR_AUX_INT;
    c->st.out = OUT_RESET | OUT_A20;
    ps2_keyboard_reset(&c->kbd);
    ps2_mouse_reset(&c->mouse);
}

static void i8042_unrealize(Device *dev)
{
    I8042 *c = (I8042 *)dev;
    input_unregister(c->kbd.handler);
    input_unregister(c->mouse.handler);
}

static size_t acpi_begin(GString *a, const char *name, const char *hid)
{
    size_t at = aml_device(a, name);

    aml_name_eisa(a, "_HID", hid);
    aml_name_int(a, "_STA", 0x0f);
    aml_name(a, "_CRS");
    return at;
}

/* Two devices of one chip: the keyboard has the ports, each has a line of its own. */
static void i8042_acpi(Device *dev, GString *a)
{
    I8042 *c = (I8042 *)dev;

    size_t at = acpi_begin(a, "KBD", "PNP0303");
    size_t r = aml_resources(a);
    aml_res_io(a, 0x60, 1);
    aml_res_io(a, 0x64, 1);
    aml_res_irqs(a, 1u << (c->kbd_irq & 15));
    aml_resources_close(a, r);
    aml_close(a, at);

    at = acpi_begin(a, "MOU", "PNP0F13");
    r = aml_resources(a);
    aml_res_irqs(a, 1u << (c->mouse_irq & 15));
    aml_resources_close(a, r);
    aml_close(a, at);
}

static const DeviceType i8042 = {
    .name = "i8042",
    .desc = "keyboard controller with PS/2 keyboard and mouse",
    .size = sizeof(I8042),
    .bus = &isa_bus,
    .bus_info = &(const IsaInfo){ .acpi = i8042_acpi, .fw_name = "8042" },
    .props = I8042_rows,
    .state = STATE_PARTS(STATE(I8042, st, I8042State_rows, 1),
                         STATE(I8042, kbd_st, Ps2KeyboardState_rows, 1),
                         STATE(I8042, mouse_st, Ps2MouseState_rows, 1)),
    .pins = PINS(PIN_OUT(I8042, a20, "a20")),
    .realize = i8042_realize,
    .reset = i8042_reset,
    .unrealize = i8042_unrealize,
};
REGISTER(device, i8042);
