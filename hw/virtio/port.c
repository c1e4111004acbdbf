/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ports of a virtio-serial controller and the bus they are on: virtconsole (hvc in Linux, open
 * always) and virtserialport (vport, open while a process has it open).
 *
 * Both directions wait: what a back end does not take stays in the guest's ring (sent[] says how
 * much of its first element is gone), what the guest has no buffer for stays in the back end.
 * Threads: machine lock.
 */
#include "core/event.h"
#include "hw/virtio/serial-int.h"

enum { TURN = 64 };

/* clang-format off */
static const Prop SerialPort_rows[] = {
    PROP_LINK (SerialPort, chr, "chardev", "where the bytes come from and go to"),
    PROP_STR  (SerialPort, name, "name", NULL, "name that the guest sees"),
    PROP_INT  (SerialPort, nr, "nr", SERIAL_AUTO, "number; 4294967295: the first free one"),
    PROP_END  (SerialPort)
};
/* clang-format on */

/* ---- bytes from the guest ---- */

/* false: not all of it was taken */
static bool send_one(void *o, VirtqElem *e)
{
    SerialPort *p = o;
    uint32_t *sent = &p->s->st.sent[p->nr];
    uint64_t skip = MIN(*sent, e->out_len);

    for (unsigned i = 0; i < e->n_out; i++) {
        const char *at = e->out[i].iov_base;
        size_t n = e->out[i].iov_len, part = MIN(skip, n);
        skip -= part;
        if (n == part || !p->chr)
            continue;
        size_t took = char_write(p->chr, at + part, n - part);
        *sent += took;
        if (took < n - part)
            return false;
    }
    *sent = 0;
    return true;
}

void port_send(SerialPort *p)
{
    if (!p->waiting)
        p->waiting = !virtq_send(serial_tx(p->s, p->nr), TURN, send_one, p);
}

static void port_writable(void *o)
{
    SerialPort *p = o;

    p->waiting = false;
    if (p->s && p->s->v.vq)
        port_send(p);
}

/* ---- bytes to it ---- */

static size_t port_receive(void *o, const uint8_t *bytes, size_t n)
{
    SerialPort *p = o;
    VirtQueue *vq = p->s && p->s->v.vq ? serial_rx(p->s, p->nr) : NULL;
    size_t done = 0;
    VirtqElem *e;

    if (!vq || !serial_guest_open(p->s, p->nr))
        return 0;
    for (unsigned left = TURN; done < n && left; left--) {
        if (!(e = virtq_pop(vq))) {
            virtq_want_kicks(vq, true);
            if (!(e = virtq_pop(vq)))
                break;
        }
        size_t part = MIN(n - done, e->in_len);
        virtq_write(e, 0, bytes + done, part);
        virtq_push(e, part);
        done += part;
    }
    virtq_notify(vq);
    if (done < n && !virtq_empty(vq))
        virtq_again(vq);
    return done;
}

void port_accept(SerialPort *p)
{
    if (p->chr)
        char_accept(p->chr);
}

/* ---- open and closed ---- */

static void tell_open(SerialPort *p, bool open)
{
    EventVserport e = { .id = p->dev.id ? p->dev.id : p->dev.path, .open = open };

    if (p->told_open == open)
        return;
    p->told_open = open;
    event_vserport_change(p->dev.vm, &e);
}

void port_guest_opened(SerialPort *p, bool open)
{
    uint32_t bit = 1u << p->nr, *now = &p->s->st.guest_open;

    *now = open ? *now | bit : *now & ~bit;
    tell_open(p, open);
    if (open)
        port_accept(p);
}

/* A load brings the driver's word, but nobody has told it. */
void port_run(SerialPort *p)
{
    p->waiting = false;
    tell_open(p, p->s->st.guest_open >> p->nr & 1);
}

void port_reset(SerialPort *p)
{
    p->waiting = false;
    tell_open(p, false);
}

static void host_opened(SerialPort *p, bool open)
{
    if (p->is_console || p->host_open == open)
        return;
    p->host_open = open;
    if (p->dev.life != LIFE_REALIZED || !p->s || !(p->s->st.known >> p->nr & 1))
        return;
    p->s->st.open |= 1u << p->nr;
    serial_flush_control(p->s);
}

static void port_event(void *o, CharEvent event)
{
    if (event == CHR_OPENED || event == CHR_CLOSED)
        host_opened(o, event == CHR_OPENED);
}

static const CharFrontOps port_front = { .receive = port_receive,
                                         .writable = port_writable,
                                         .event = port_event };

/* ---- the bus ---- */

/* Port 0 is a console's, because old drivers know no other. */
static bool serial_attach(Bus *bus, Device *dev, GError **err)
{
    VirtioSerial *s = serial_of_bus(bus);
    SerialPort *p = (SerialPort *)dev;
    uint32_t nr = p->nr, first = !strcmp(dev->type->name, "virtconsole") ? 0 : 1;

    if (nr == SERIAL_AUTO)
        for (nr = first; nr < s->max_ports && s->port[nr];)
            nr++;
    if (nr == 0 && first)
        return user_fail(err,
                         "virtio-serial-bus: Port number 0 on virtio-serial devices reserved for "
                         "virtconsole devices for backward compatibility.");
    if (p->nr == SERIAL_AUTO && nr >= s->max_ports)
        return user_fail(err, "virtio-serial-bus: Maximum port limit for this device reached");
    if (nr >= s->max_ports)
        return user_fail(err, "virtio-serial-bus: Out-of-range port id specified, max. allowed: %u",
                         s->max_ports - 1);
    if (s->port[nr])
        return user_fail(err, "virtio-serial-bus: A port already exists at id %u", nr);
    p->nr = nr;
    p->s = s;
    s->port[nr] = p;
    dev->space = NULL;
    return true;
}

static void serial_detach(Bus *bus, Device *dev)
{
    SerialPort *p = (SerialPort *)dev;
    VirtioSerial *s = p->s;
    uint32_t bit;

    if (!s || s->port[p->nr] != p)
        return;
    bit = 1u << p->nr;
    s->port[p->nr] = NULL;
    p->s = NULL;
    s->st.guest_open &= ~bit;
    s->st.known &= ~bit;
    s->st.console &= ~bit;
    s->st.name &= ~bit;
    s->st.open &= ~bit;
    s->st.sent[p->nr] = 0;
    if (s->st.add & bit) /* it never heard of it */
        s->st.add &= ~bit;
    else if (s->st.ready)
        s->st.remove |= bit;
    serial_flush_control(s);
}

static bool serial_plugged(Bus *bus, Device *dev, bool hot, GError **err)
{
    SerialPort *p = (SerialPort *)dev;

    if (p->s->st.ready) {
        p->s->st.add |= 1u << p->nr;
        serial_flush_control(p->s);
    }
    return true;
}

/* The guest has no say: its open files see the end. */
static bool serial_unplug(Bus *bus, Device *dev, GError **err)
{
    device_del_finish(dev);
    return true;
}

static void serial_addr(const Device *dev, GString *out)
{
    g_string_append_printf(out, "%u", ((const SerialPort *)dev)->nr);
}

static void serial_info(const Device *dev, GString *out, int indent)
{
    const SerialPort *p = (const SerialPort *)dev;
    const char *const words[] = { "off", "on" };

    g_string_append_printf(out, "%*sport %u, guest %s, host %s, throttle %s\n", indent, "", p->nr,
                           words[serial_guest_open(p->s, p->nr)], words[p->host_open],
                           words[p->waiting]);
}

const BusType virtio_serial_bus = {
    .name = "virtio-serial-bus",
    .prefix = "virtio-serial-bus",
    .attach = serial_attach,
    .detach = serial_detach,
    .plugged = serial_plugged,
    .unplug_request = serial_unplug,
    .addr = serial_addr,
    .info = serial_info,
};

/* ---- the devices ---- */

static bool port_realize(Device *dev, GError **err)
{
    SerialPort *p = (SerialPort *)dev;

    p->is_console = !strcmp(dev->type->name, "virtconsole");
    p->host_open = p->is_console;
    return !p->chr || char_attach(p->chr, &port_front, p, err);
}

#define PORT_TYPE(id, nm, text)            \
    static const DeviceType id = {         \
        .name = nm,                        \
        .desc = text,                      \
        .size = sizeof(SerialPort),        \
        .flags = TYPE_USER | TYPE_HOTPLUG, \
        .bus = &virtio_serial_bus,         \
        .props = SerialPort_rows,          \
        .realize = port_realize,           \
    };                                     \
    REGISTER(device, id)

PORT_TYPE(virtconsole, "virtconsole", "virtio console port");
PORT_TYPE(virtserialport, "virtserialport", "virtio serial port");
