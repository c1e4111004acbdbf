/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every USB device does alike: control transfers on endpoint 0 (8.5.3), the standard requests
 * (9.4) and its descriptors (9.6). Host controllers bring single transactions, so the stage of a
 * control transfer is kept here:
 *
 *   SETUP -> ASKED -(IN)-> DATA_IN -(OUT)-> idle           the request runs at the first IN
 *         -> DATA_OUT -(OUT, all of it)- (IN) -> idle      the request runs at the status IN
 *
 * so an address takes effect behind its status stage. Data toggles are not checked.
 */
#include <string.h>

#include "hw/usb/usb.h"
#include "util/bytes.h"

enum { STAGE_IDLE, STAGE_ASKED, STAGE_DATA_IN, STAGE_DATA_OUT };
enum { DESC_DEVICE = 1, DESC_CONFIG, DESC_STRING, DESC_ENDPOINT = 5 };
enum { FEATURE_HALT = 0, FEATURE_REMOTE_WAKEUP = 1 };

static const UsbDesc *desc_of(const UsbDevice *u)
{
    return usb_info_of(u)->desc;
}

/* ---- endpoints ---- */

/* Its descriptor in the configuration, or NULL. addr: bit 7 is IN */
static const uint8_t *endpoint(const UsbDevice *u, uint8_t addr)
{
    const UsbDesc *d = desc_of(u);

    for (size_t i = 0; i + 7 <= d->config_len && d->config[i]; i += d->config[i])
        if (d->config[i + 1] == DESC_ENDPOINT && d->config[i + 2] == addr)
            return d->config + i;
    return NULL;
}

static uint16_t *halt_word(UsbDevice *u, uint8_t addr, uint16_t *bit)
{
    *bit = 1u << (addr & 15);
    return &u->st.halted[addr >> 7];
}

void usb_halt(UsbDevice *u, uint8_t addr)
{
    uint16_t bit, *word = halt_word(u, addr, &bit);

    *word |= bit;
}

static bool is_halted(UsbDevice *u, uint8_t addr)
{
    uint16_t bit, *word = halt_word(u, addr, &bit);

    return *word & bit;
}

/* ---- descriptors ---- */

static int put(uint8_t *data, size_t n, const void *from, size_t len)
{
    len = MIN(n, len);
    memcpy(data, from, len);
    return (int)len;
}

/* Two of a kind must differ, or the guest takes them for one: 7.2's number, controller and port */
static char *serial_number(const UsbDevice *u, const char *base)
{
    const Device *hc = u->dev.bus->owner;
    g_autoptr(GString) s = g_string_new(base);

    if (u->serial)
        return g_strdup(u->serial);
    if (hc->bus && hc->bus->type->addr) {
        g_string_append(s, "-0000:00:");
        hc->bus->type->addr(hc, s);
    }
    g_string_append_printf(s, "-%s", u->at ? u->at->path : "");
    return g_string_free(g_steal_pointer(&s), FALSE);
}

/* NULL: no such */
static char *string_at(const UsbDevice *u, unsigned index)
{
    const char *const *s = desc_of(u)->strings;

    for (unsigned i = 1; *s && i < index; i++)
        s++;
    return index == USB_STRING_SERIAL && *s ? serial_number(u, *s) : g_strdup(*s);
}

/* 9.6.7: UTF-16; string 0 lists the languages, of which there is one */
static int put_string(const UsbDevice *u, unsigned index, uint8_t *data, size_t n)
{
    static const uint8_t english[] = { 4, DESC_STRING, 0x09, 0x04 };
    uint8_t out[255];
    glong len = 0;

    if (!index)
        return put(data, n, english, sizeof(english));
    g_autofree char *text = string_at(u, index);
    if (!text)
        return USB_STALL;
    g_autofree gunichar2 *wide = g_utf8_to_utf16(text, -1, NULL, &len, NULL);
    len = wide ? MIN(len, 126) : 0;
    out[0] = (uint8_t)(2 + 2 * len);
    out[1] = DESC_STRING;
    for (glong i = 0; i < len; i++) {
        out[2 + 2 * i] = (uint8_t)wide[i];
        out[3 + 2 * i] = wide[i] >> 8;
    }
    return put(data, n, out, out[0]);
}

static int get_descriptor(const UsbDevice *u, uint16_t value, uint8_t *data, size_t n)
{
    const UsbDesc *d = desc_of(u);

    switch (value >> 8) {
    case DESC_DEVICE: return put(data, n, d->device, sizeof(d->device));
    case DESC_CONFIG: return value & 0xff ? USB_STALL : put(data, n, d->config, d->config_len);
    case DESC_STRING: return put_string(u, value & 0xff, data, n);
    }
    return USB_STALL; /* a device qualifier is asked of high-speed devices only */
}

/* ---- standard requests ---- */

static int device_feature(UsbDevice *u, const UsbSetup *s, bool on)
{
    if (s->value != FEATURE_REMOTE_WAKEUP || !(desc_of(u)->config[7] & 0x20))
        return USB_STALL;
    u->st.remote_wakeup = on;
    return 0;
}

static int endpoint_feature(UsbDevice *u, const UsbSetup *s, bool on)
{
    uint8_t addr = s->index & 0x8f;
    uint16_t bit, *word = halt_word(u, addr, &bit);

    if (s->value != FEATURE_HALT || !(s->index & 15 ? endpoint(u, addr) : u->dev.type->bus_info))
        return USB_STALL;
    *word = on ? *word | bit : *word & ~bit;
    return 0;
}

static int set_config(UsbDevice *u, uint16_t value)
{
    if (value > 1)
        return USB_STALL;
    u->st.config = (uint8_t)value;
    u->st.halted[0] = u->st.halted[1] = 0;
    if (usb_info_of(u)->configured)
        usb_info_of(u)->configured(u);
    return 0;
}

static bool interface_exists(const UsbDevice *u, unsigned n)
{
    return u->st.config && n < desc_of(u)->config[4];
}

static int get_status(UsbDevice *u, const UsbSetup *s, uint8_t *data, size_t n)
{
    uint8_t status[2] = { 0, 0 };

    switch (s->type & 0x1f) {
    case 0: status[0] = (desc_of(u)->config[7] >> 6 & 1) | (u->st.remote_wakeup ? 2 : 0); break;
    case 1:
        if (!interface_exists(u, s->index))
            return USB_STALL;
        break;
    default:
        if (s->index & 15 && !endpoint(u, s->index & 0x8f))
            return USB_STALL;
        status[0] = is_halted(u, s->index & 0x8f);
    }
    return put(data, n, status, 2);
}

static int request(UsbDevice *u, const UsbSetup *s, uint8_t *data, size_t n)
{
    static const uint8_t zero = 0;

    switch (usb_request(s)) {
    case 0x8000:
    case 0x8100:
    case 0x8200: return get_status(u, s, data, n);
    case 0x0001: return device_feature(u, s, false);
    case 0x0003: return device_feature(u, s, true);
    case 0x0201: return endpoint_feature(u, s, false);
    case 0x0203: return endpoint_feature(u, s, true);
    case 0x0005: u->st.addr = s->value & 127; return 0;
    case 0x8006: return get_descriptor(u, s->value, data, n);
    case 0x8008: return put(data, n, &u->st.config, 1);
    case 0x0009: return set_config(u, s->value);
    case 0x810a: return interface_exists(u, s->index) ? put(data, n, &zero, 1) : USB_STALL;
    case 0x010b: return interface_exists(u, s->index) && !s->value ? 0 : USB_STALL;
    }
    return usb_info_of(u)->control ? usb_info_of(u)->control(u, s, data, n) : USB_STALL;
}

/* ---- control transfers ---- */

static UsbSetup setup_of(const UsbState *st)
{
    const uint8_t *b = st->setup;

    return (UsbSetup){ b[0], b[1], get_le16(b + 2), get_le16(b + 4), get_le16(b + 6) };
}

/* A stall of endpoint 0 lasts until the next SETUP (8.5.3.4) */
static int control_stall(UsbState *st, int ret)
{
    if (ret == USB_STALL)
        st->stage = STAGE_IDLE;
    return ret;
}

static int control_setup(UsbState *st, const UsbPacket *p)
{
    if (p->n != 8)
        return USB_IOERROR;
    memcpy(st->setup, p->buf, 8);
    g_byte_array_set_size(st->control, 0);
    st->at = 0;
    st->stage = st->setup[0] & 0x80 ? STAGE_ASKED : STAGE_DATA_OUT;
    return 0;
}

/* The device's answer, all of it, before its first packet */
static int control_ask(UsbDevice *u)
{
    UsbState *st = &u->st;
    UsbSetup s = setup_of(st);
    uint8_t data[USB_MAX_CONTROL];
    int n = request(u, &s, data, MIN(s.length, sizeof(data)));

    if (n < 0)
        return control_stall(st, n);
    g_byte_array_append(st->control, data, (guint)n);
    st->stage = STAGE_DATA_IN;
    return 0;
}

static int control_in(UsbDevice *u, UsbPacket *p)
{
    UsbState *st = &u->st;

    if (st->stage == STAGE_ASKED) {
        int ret = control_ask(u);
        if (ret < 0)
            return ret;
    }
    size_t n = MIN(st->control->len - st->at, desc_of(u)->device[7]);
    if (n > p->n)
        return USB_BABBLE;
    if (n)
        memcpy(p->buf, st->control->data + st->at, n);
    st->at += (uint32_t)n;
    p->done = n;
    return 0;
}

/* IN behind OUT data, or behind none: the status stage, where the request runs */
static int control_status(UsbDevice *u)
{
    UsbState *st = &u->st;
    UsbSetup s = setup_of(st);
    uint8_t data[USB_MAX_CONTROL];

    if (st->control->len != s.length)
        return control_stall(st, USB_STALL);
    if (s.length)
        memcpy(data, st->control->data, s.length);
    int ret = request(u, &s, data, s.length);
    if (ret < 0)
        return control_stall(st, ret);
    st->stage = STAGE_IDLE;
    return 0;
}

static int control_out(UsbState *st, UsbPacket *p)
{
    UsbSetup s = setup_of(st);

    if (st->stage == STAGE_ASKED || st->stage == STAGE_DATA_IN) {
        st->stage = STAGE_IDLE; /* the host has enough */
        return 0;
    }
    if (st->stage != STAGE_DATA_OUT || s.length > USB_MAX_CONTROL ||
        st->control->len + p->n > s.length)
        return control_stall(st, USB_STALL);
    g_byte_array_append(st->control, p->buf, (guint)p->n);
    p->done = p->n;
    return 0;
}

static int control(UsbDevice *u, UsbPacket *p)
{
    UsbState *st = &u->st;

    if (p->pid == USB_SETUP)
        return control_setup(st, p);
    if (p->pid == USB_OUT)
        return control_out(st, p);
    switch (st->stage) {
    case STAGE_ASKED:
    case STAGE_DATA_IN: return control_in(u, p);
    case STAGE_DATA_OUT: return control_status(u);
    }
    return USB_STALL;
}

int usb_handle(UsbDevice *u, UsbPacket *p)
{
    uint8_t addr = p->ep | (p->pid == USB_IN ? 0x80 : 0);

    p->done = 0;
    if (!p->ep) {
        int ret = control(u, p);
        if (p->pid == USB_SETUP && !ret)
            p->done = p->n;
        return ret;
    }
    const uint8_t *e = u->st.config && p->pid != USB_SETUP ? endpoint(u, addr) : NULL;
    if (!e)
        return USB_NODEV;
    if (is_halted(u, addr))
        return USB_STALL;
    size_t most = get_le16(e + 4) & 0x7ff;
    if (p->pid == USB_OUT && p->n > most)
        return USB_IOERROR;
    p->n = MIN(p->n, most);
    return usb_info_of(u)->data(u, p);
}
