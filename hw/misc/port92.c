/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small ports of the PC: 92h (bit 0 fast reset, bit 1 A20), 80h (POST codes and delays, reads as
 * ones), F0h (clears the FPU error latch), and the A20 gate behind port 92h and the keyboard
 * controller. The gate follows whoever moved last, as software expects that knows only one of the
 * two. Threads: machine lock.
 */
#include <stdatomic.h>

#include "core/vcpu.h"
#include "hw/isa/isa.h"

/* ---- A20 gate ---- */

typedef struct A20 {
    Device dev;
    /* state */ struct A20State {
        bool on, from[2];
        uint8_t pad[5];
    } st;
    /* host */ IrqLine in[2];
} A20;

static const Field A20State_rows[] = { FIELD(struct A20State, on),
                                       FIELD_ARRAY(struct A20State, from),
                                       FIELD_PAD(struct A20State, pad), FIELD_END };

static void a20_apply(Device *dev)
{
    A20 *a = (A20 *)dev;
    for (unsigned i = 0; i < dev->vm->n_vcpus; i++) {
        Vcpu *v = dev->vm->vcpu[i];
        if (v && atomic_exchange(&v->a20, a->st.on) != a->st.on)
            vcpu_request(v, REQ_A20);
    }
}

static void a20_set(void *o, int n, int level)
{
    A20 *a = o;
    if (a->st.from[n] == !!level && a->st.on == !!level)
        return;
    a->st.from[n] = a->st.on = level;
    a20_apply(&a->dev);
}

static bool a20_realize(Device *dev, GError **err)
{
    A20 *a = (A20 *)dev;
    for (unsigned i = 0; i < 2; i++)
        a->in[i] = (IrqLine){ a20_set, a, i };
    return true;
}

/* Open after reset: the reset vector lies above 1 MiB. */
static void a20_reset(Device *dev)
{
    ((A20 *)dev)->st.on = true;
}

static const DeviceType a20 = {
    .name = "a20",
    .desc = "A20 gate",
    .size = sizeof(A20),
    .state = STATE_PARTS(STATE(A20, st, A20State_rows, 1)),
    .pins = PINS(PIN_IN(A20, in, "")),
    .realize = a20_realize,
    .reset = a20_reset,
    .sync = a20_apply,
};
REGISTER(device, a20);

/* ---- port 92h ---- */

typedef struct Port92 {
    Device dev;
    /* state */ struct Port92State {
        uint8_t out, pad[7];
    } st;
    /* host */ Region io;
    const IrqLine *a20[1];
} Port92;

static const Field Port92State_rows[] = { FIELD(struct Port92State, out),
                                          FIELD_PAD(struct Port92State, pad), FIELD_END };

static uint64_t port92_read(void *o, uint64_t off, unsigned size)
{
    return ((Port92 *)o)->st.out;
}

static void port92_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    Port92 *p = o;
    uint8_t was = p->st.out;
    p->st.out = val & ~1;
    irq_set(p->a20[0], val >> 1 & 1);
    if ((val & 1) && !(was & 1))
        vm_request(p->dev.vm, VM_RESET, "guest-reset");
}

static const IoOps port92_io = { port92_read, port92_write, .min = 1, .max = 1 };

static bool port92_realize(Device *dev, GError **err)
{
    Port92 *p = (Port92 *)dev;
    isa_io(dev, &p->io, 0x92, 1, &port92_io, p);
    return true;
}

static const DeviceType port92 = {
    .name = "port92",
    .desc = "port 92h",
    .size = sizeof(Port92),
    .bus = &isa_bus,
    .state = STATE_PARTS(STATE(Port92, st, Port92State_rows, 1)),
    .pins = PINS(PIN_OUT(Port92, a20, "a20")),
    .realize = port92_realize,
};
REGISTER(device, port92);

/* ---- ports 80h and F0h ---- */

typedef struct PostPorts {
    Device dev;
    /* host */ Region post, fpu;
} PostPorts;

static uint64_t post_read(void *o, uint64_t off, unsigned size)
{
    return UINT64_MAX;
}
static void post_write(void *o, uint64_t off, uint64_t val, unsigned size) {}
static const IoOps post_io = { post_read, post_write, .min = 1, .max = 1 };

static bool post_realize(Device *dev, GError **err)
{
    PostPorts *p = (PostPorts *)dev;
    isa_io(dev, &p->post, 0x80, 1, &post_io, p);
    isa_io(dev, &p->fpu, 0xf0, 1, &post_io, p);
    return true;
}

static const DeviceType isa_post = {
    .name = "isa-post-ports",
    .desc = "ports 80h and F0h",
    .size = sizeof(PostPorts),
    .bus = &isa_bus,
    .realize = post_realize,
};
REGISTER(device, isa_post);
