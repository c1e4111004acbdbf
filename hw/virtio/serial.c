/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-serial, the controller: virtio 1.2, 5.3. Queues: 0 and 1 port 0 in and out, 2 and 3
 * control in and out, then two for each further port. Control messages are {le32 port, le16 event,
 * le16 value[, name]}; what the guest must be told waits as bits until it gives a buffer, so
 * nothing is lost or grows. Not here: window sizes. Threads: machine lock.
 */
#include "hw/virtio/serial-int.h"
#include "hw/virtio/types.h"

enum { F_MULTIPORT = 1, F_EMERG_WRITE = 2 };
enum {
    CONTROL_IN = 2,
    CONTROL_OUT = 3,
    QUEUE = 128,
    CONTROL_QUEUE = 32,
    HEADER = 8,
    NAME_MAX_ = 255
};
enum {
    DEVICE_READY,
    PORT_ADD,
    PORT_REMOVE,
    PORT_READY,
    CONSOLE_PORT,
    RESIZE,
    PORT_OPEN,
    PORT_NAME
};

typedef struct VirtioSerialPci {
    VirtioPci pci;
    VirtioSerial chip;
} VirtioSerialPci;

/* clang-format off */
#define T VirtioSerialPci
#define SERIAL_ROWS                                                                              \
    VIRTIO_PCI_ROWS(T), PROP_BASE(T, pci, VirtioPciVectors), PROP_BASE(T, pci, VirtioPciEvent),  \
    PROP_BASE(T, pci, VirtioPciClass),                                                           \
    PROP_RANGE(T, chip.max_ports, "max_ports", 31, 1, SERIAL_PORTS, "ports of the bus, 1 to 32"), \
    PROP_BOOL (T, chip.emergency, "emergency-write", true, "single characters without a queue")

static const Prop rows_mode[] = { SERIAL_ROWS, PROP_BASE(T, pci, VirtioPciMode), PROP_END(T) };
static const Prop rows_fixed[] = { SERIAL_ROWS, PROP_END(T) };

#define S VirtioSerialState
static const Field VirtioSerialState_rows[] = {
    FIELD(S, guest_open), FIELD(S, add), FIELD(S, remove), FIELD(S, console), FIELD(S, name),
    FIELD(S, open), FIELD(S, known), FIELD_ARRAY(S, sent), FIELD(S, ready), FIELD_PAD(S, pad), FIELD_END
};
#undef S
/* clang-format on */

/* ---- which queue is whose ---- */

VirtQueue *serial_rx(VirtioSerial *s, unsigned nr)
{
    return &s->v.vq[nr ? 2 * nr + 2 : 0];
}
VirtQueue *serial_tx(VirtioSerial *s, unsigned nr)
{
    return &s->v.vq[nr ? 2 * nr + 3 : 1];
}

static SerialPort *port_of_queue(const VirtioSerial *s, unsigned index)
{
    unsigned nr = index < 2 ? 0 : index / 2 - 1;

    return nr < SERIAL_PORTS ? s->port[nr] : NULL;
}

VirtioSerial *serial_of_bus(const Bus *b)
{
    return (VirtioSerial *)((char *)b - offsetof(VirtioSerial, bus));
}

/* Old drivers know one port and have it open always. */
bool serial_guest_open(const VirtioSerial *s, unsigned nr)
{
    return !virtio_has(&s->v, F_MULTIPORT) || (s->st.guest_open >> nr & 1);
}

/* ---- control messages to the guest ---- */

static bool tell(VirtioSerial *s, unsigned nr, uint16_t event, uint16_t value, const char *text)
{
    VirtQueue *vq = &s->v.vq[CONTROL_IN];
    VirtqElem *e = virtq_pop(vq);
    uint8_t raw[HEADER + NAME_MAX_];
    size_t n = text ? MIN(strlen(text), NAME_MAX_) : 0;

    if (!e) {
        virtq_want_kicks(vq, true);
        e = virtq_pop(vq);
    }
    if (!e)
        return false;
    put_le32(raw, nr);
    put_le16(raw + 4, event);
    put_le16(raw + 6, value);
    if (n)
        memcpy(raw + HEADER, text, n);
    if (!virtq_write(e, 0, raw, HEADER + n))
        guest_error(s->v.dev, "a control buffer of %" G_GUINT64_FORMAT " bytes", e->in_len);
    virtq_push(e, HEADER + n);
    virtq_notify(vq);
    return true;
}

static bool tell_port(VirtioSerial *s, unsigned nr)
{
    const SerialPort *p = s->port[nr];
    uint32_t bit = 1u << nr;
    struct {
        uint32_t *bits;
        uint16_t event, value;
        const char *text;
    } all[] = {
        { &s->st.remove, PORT_REMOVE, 1, NULL },
        { &s->st.add, PORT_ADD, 1, NULL },
        { &s->st.console, CONSOLE_PORT, 1, NULL },
        { &s->st.name, PORT_NAME, 1, p ? p->name : NULL },
        { &s->st.open, PORT_OPEN, p && p->host_open, NULL },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(all); i++) {
        if (!(*all[i].bits & bit))
            continue;
        if (!tell(s, nr, all[i].event, all[i].value, all[i].text))
            return false;
        *all[i].bits &= ~bit;
    }
    return true;
}

void serial_flush_control(VirtioSerial *s)
{
    for (unsigned nr = 0; s->v.vq && s->st.ready && nr < s->max_ports; nr++)
        if (!tell_port(s, nr))
            return;
}

/* ---- and from it ---- */

static void device_ready(VirtioSerial *s, bool ok)
{
    s->st.ready = ok;
    s->st.known = 0;
    if (!ok)
        guest_error(s->v.dev, "the driver says that it failed");
    for (unsigned nr = 0; ok && nr < s->max_ports; nr++)
        if (s->port[nr])
            s->st.add |= 1u << nr;
}

static void port_ready(VirtioSerial *s, SerialPort *p, bool ok)
{
    uint32_t bit = 1u << p->nr;

    if (!ok) {
        guest_error(s->v.dev, "the driver failed with port %u", p->nr);
        return;
    }
    s->st.known |= bit;
    if (p->is_console)
        s->st.console |= bit;
    if (p->name)
        s->st.name |= bit;
    if (p->host_open)
        s->st.open |= bit;
}

static void control_one(Virtio *v, VirtqElem *e)
{
    VirtioSerial *s = (VirtioSerial *)v;
    VirtQueue *vq = e->vq;
    uint8_t raw[HEADER];
    bool whole = virtq_read(e, 0, raw, HEADER);

    virtq_push(e, 0);
    virtq_notify(vq);
    if (!whole)
        return;
    uint32_t nr = get_le32(raw);
    uint16_t event = get_le16(raw + 4), value = get_le16(raw + 6);
    SerialPort *p = nr < s->max_ports ? s->port[nr] : NULL;
    if (event == DEVICE_READY)
        device_ready(s, value);
    else if (p && event == PORT_READY)
        port_ready(s, p, value);
    else if (p && event == PORT_OPEN)
        port_guest_opened(p, value);
}

static void serial_kick(Virtio *v, VirtQueue *vq)
{
    VirtioSerial *s = (VirtioSerial *)v;
    SerialPort *p;

    if (vq->index == CONTROL_OUT)
        virtq_serve(vq, control_one);
    if (vq->index == CONTROL_OUT || vq->index == CONTROL_IN) {
        serial_flush_control(s);
    } else if ((p = port_of_queue(s, vq->index))) {
        if (vq->index & 1)
            port_send(p);
        else
            port_accept(p);
    }
}

/* ---- the device ---- */

static uint64_t serial_features(Virtio *v, uint64_t host)
{
    const VirtioSerial *s = (VirtioSerial *)v;

    return (s->max_ports > 1 ? VIRTIO_BIT(F_MULTIPORT) : 0) |
           (s->emergency ? VIRTIO_BIT(F_EMERG_WRITE) : 0);
}

static void serial_config(Virtio *v, uint8_t *c)
{
    put_le32(c + 4, ((VirtioSerial *)v)->max_ports);
}

static void serial_config_written(Virtio *v, unsigned off, unsigned n, const uint8_t *c)
{
    VirtioSerial *s = (VirtioSerial *)v;

    if (off <= 8 && off + n > 8 && s->emergency && s->port[0] && s->port[0]->chr)
        char_write(s->port[0]->chr, c + 8, 1);
}

/* What the driver does not use waits in the back ends. */
static void serial_run(Virtio *v)
{
    VirtioSerial *s = (VirtioSerial *)v;

    for (unsigned nr = 0; nr < s->max_ports; nr++)
        if (s->port[nr])
            port_run(s->port[nr]);
}

static const VirtioOps serial_ops = {
    .id = VIRTIO_CONSOLE,
    .name = "virtio-serial",
    .features = serial_features,
    .config = serial_config,
    .config_written = serial_config_written,
    .kick = serial_kick,
    .run = serial_run,
};

static bool serial_realize(Device *dev, GError **err)
{
    VirtioSerialPci *d = (VirtioSerialPci *)dev;
    VirtioSerial *s = &d->chip;
    unsigned n = s->max_ports > 1 ? 2 * (s->max_ports + 1) : 2;

    virtio_init(&s->v, dev, &serial_ops, 12, n);
    for (unsigned i = 0; i < n; i++)
        virtq_size(&s->v, i, i == CONTROL_IN || i == CONTROL_OUT ? CONTROL_QUEUE : QUEUE);
    bus_init(&s->bus, dev, &virtio_serial_bus, NULL);
    if (virtio_pci_plug(&d->pci, &s->v, 2, err))
        return true;
    virtio_pci_unplug(&d->pci);
    return false;
}

static void serial_reset(Device *dev)
{
    VirtioSerialPci *d = (VirtioSerialPci *)dev;

    virtio_pci_reset(&d->pci);
    for (unsigned nr = 0; nr < SERIAL_PORTS; nr++)
        if (d->chip.port[nr])
            port_reset(d->chip.port[nr]);
}

static bool serial_post_load(Device *dev, GError **err)
{
    VirtioSerialPci *d = (VirtioSerialPci *)dev;

    return virtio_pci_post_load(&d->pci, err);
}

static void serial_sync(Device *dev)
{
    virtio_pci_sync(&((VirtioSerialPci *)dev)->pci);
}

static void serial_unrealize(Device *dev)
{
    virtio_pci_unplug(&((VirtioSerialPci *)dev)->pci);
}

static const StatePart serial_state[] = { VIRTIO_STATE(T),
                                          STATE(T, chip.st, VirtioSerialState_rows, 1),
                                          { .rows = NULL } };

VIRTIO_PCI_TYPES(virtio_serial, "virtio-serial", "virtio serial controller", T, 0x1003,
                 VIRTIO_CONSOLE, 0x0780, NULL, .state = serial_state, .realize = serial_realize,
                 .reset = serial_reset, .unrealize = serial_unrealize, .sync = serial_sync,
                 .post_load = serial_post_load);
