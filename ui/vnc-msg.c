/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages of a running viewer: the viewer's bytes are cut into whole ones, what concerns pictures
 * goes to the library, the rest ends here. Source: RFC 6143, 7.5; the community RFB specification
 * for extended key events, pointer type, LEDs, ExtendedDesktopSize and xvp. Thread: vnc-io.
 */
#include <string.h>
#include <unistd.h>

#include "ui/vnc-int.h"

enum {
    MSG_SET_PIXEL_FORMAT = 0,
    MSG_SET_ENCODINGS = 2,
    MSG_UPDATE_REQUEST = 3,
    MSG_KEY = 4,
    MSG_POINTER = 5,
    MSG_CUT_TEXT = 6,
    MSG_XVP = 250,
    MSG_SET_DESKTOP_SIZE = 251,
    MSG_QEMU = 255,
};
enum {
    ENCODING_POINTER_TYPE = -257,
    ENCODING_EXT_KEY = -258,
    ENCODING_LEDS = -261,
    ENCODING_EXT_DESKTOP_SIZE = -308,
    ENCODING_XVP = -309,
    ENCODING_ALPHA_CURSOR = -314,
};

static bool pair_write(VncClient *c, const void *p, size_t n)
{
    /* the encoder reads all the time and messages are small: a full pair is a viewer that floods */
    return write(c->pair, p, n) == (ssize_t)n;
}

/*
 * What the library may know of: real encodings, desktop size, last rectangle and cursor,
 * compression levels; JPEG quality only where the user allowed loss. Others' extensions would make
 * it send or expect messages that we do not cut.
 */
static bool encoding_forwarded(const VncClient *c, int32_t encoding)
{
    bool quality = (encoding >= -32 && encoding <= -23) || (encoding >= -512 && encoding <= -412);
    bool wanted = encoding >= 0 || encoding == -223 || encoding == -224 || encoding == -232 ||
                  encoding == -239 || encoding == -240 || encoding == ENCODING_EXT_DESKTOP_SIZE ||
                  (encoding >= -256 && encoding <= -247);
    return wanted || (quality && c->display->args.lossy);
}

/* Extensions that are ours: the viewer is told once, and again when it asks again. */
static void extension_announced(VncClient *c, int32_t encoding)
{
    unsigned tell = 0;
    switch (encoding) {
    case ENCODING_EXT_KEY:
        tell = c->scancodes ? 0 : VNC_TELL_SCANCODES;
        c->scancodes = true;
        break;
    case ENCODING_POINTER_TYPE:
        tell = VNC_TELL_POINTER;
        c->pointer_type = true;
        break;
    case ENCODING_LEDS:
        tell = VNC_TELL_LEDS;
        c->leds = true;
        break;
    case ENCODING_EXT_DESKTOP_SIZE:
        tell = VNC_TELL_LAYOUT;
        c->layout = true;
        break;
    case ENCODING_ALPHA_CURSOR:
        tell = VNC_TELL_CURSOR;
        c->alpha_cursor = true;
        break;
    case ENCODING_XVP:
        tell = c->xvp || !c->display->args.power_control ? 0 : VNC_TELL_POWER;
        c->xvp = c->display->args.power_control;
    }
    if (tell) {
        atomic_fetch_or(&c->tell, tell);
        vnc_wake(c->display->server->enc_wake);
    }
}

static bool forward_encodings(VncClient *c, unsigned n)
{
    const uint8_t *p = c->in->data;
    g_autoptr(GByteArray) out = g_byte_array_new();
    g_byte_array_append(out, p, 4);
    unsigned kept = 0;
    for (unsigned i = 0; i < n; i++) {
        const uint8_t *e = p + 4 + 4 * i;
        int32_t encoding = (int32_t)get_be32(e);
        extension_announced(c, encoding);
        if (encoding_forwarded(c, encoding)) {
            g_byte_array_append(out, e, 4);
            kept++;
        }
    }
    put_be16(out->data + 2, kept);
    return pair_write(c, out->data, out->len);
}

/* false: over the limit for this second */
static bool rate_ok(VncClient *c)
{
    int64_t second = g_get_monotonic_time() / G_USEC_PER_SEC;
    if (second != c->second) {
        c->second = second;
        c->events = 0;
    }
    return c->events++ < VNC_EVENTS_PER_S;
}

static size_t take_key(VncClient *c, bool down, uint32_t sym, unsigned xt, size_t size)
{
    if (!rate_ok(c) || !vnc_input_key(c, down, sym, xt)) {
        c->input_blocked = true;
        return 0;
    }
    return size;
}

static size_t take_pointer(VncClient *c)
{
    const uint8_t *p = c->in->data;
    if (!rate_ok(c) || !vnc_input_pointer(c, p[1], get_be16(p + 2), get_be16(p + 4))) {
        c->input_blocked = true;
        return 0;
    }
    return 6;
}

/* message 255: 0 is a key with its scancode, 1 audio, which we never announced */
static size_t take_qemu(VncClient *c)
{
    const uint8_t *p = c->in->data;
    if (c->in->len < 2)
        return 0;
    if (p[1] == 0) {
        if (c->in->len < 12)
            return 0;
        return take_key(c, get_be16(p + 2), get_be32(p + 4), get_be32(p + 8), 12);
    }
    vnc_client_fail(c);
    return 2;
}

/* Cut text goes nowhere yet; it is dropped as it comes, so it costs no memory. */
static size_t take_cut_text(VncClient *c)
{
    if (c->in->len < 8)
        return 0;
    uint32_t n = get_be32(c->in->data + 4);
    if (n > VNC_CUT_MAX) {
        vnc_client_fail(c);
        return 8;
    }
    size_t here = MIN(c->in->len - 8, n);
    if (here == n)
        return 8 + here;
    uint32_t rest = GUINT32_TO_BE((uint32_t)(n - here));
    memcpy(c->in->data + 4, &rest, 4);
    g_byte_array_remove_range(c->in, 8, here);
    return 0;
}

/* whole messages that are the library's business: -> used */
static size_t forward(VncClient *c, size_t n)
{
    if (c->in->len < n)
        return 0;
    if (!pair_write(c, c->in->data, n))
        vnc_client_fail(c);
    return n;
}

static size_t take_encodings(VncClient *c)
{
    if (c->in->len < 4)
        return 0;
    unsigned n = get_be16(c->in->data + 2);
    if (n > VNC_ENCODINGS_MAX || (c->in->len >= 4 + 4 * n && !forward_encodings(c, n))) {
        vnc_client_fail(c);
        return 4;
    }
    return c->in->len >= 4 + 4 * n ? 4 + 4 * n : 0;
}

/* The guest may take the hint; main answers, and until then this viewer's input waits. */
static size_t take_desktop_size(VncClient *c)
{
    const uint8_t *p = c->in->data;
    if (c->in->len < 8)
        return 0;
    size_t n = 8 + 16 * p[6];
    if (c->in->len < n)
        return 0;
    if (!c->layout)
        return n;
    if (atomic_load(&c->resizing) || atomic_load(&c->tell) & VNC_TELL_RESIZE || !rate_ok(c)) {
        c->input_blocked = true;
        return 0;
    }
    vnc_ask_resize(c, get_be16(p + 2), p[6] ? get_be16(p + 4) : 0);
    return n;
}

static size_t take_xvp(VncClient *c)
{
    const uint8_t *p = c->in->data;
    if (c->in->len < 4)
        return 0;
    if (!c->xvp) {
        vnc_client_fail(c);
    } else if (p[2] != 1 || !vnc_ask_power(c, p[3])) {
        atomic_fetch_or(&c->tell, VNC_TELL_NO_POWER);
        vnc_wake(c->display->server->enc_wake);
    }
    return 4;
}

static bool pixel_format_ok(const uint8_t *p)
{
    /* bits per pixel, depth, true colour: what the library divides and shifts by */
    unsigned bpp = p[4], depth = p[5], max_shift = bpp;
    return (bpp == 8 || bpp == 16 || bpp == 32) && depth <= bpp && p[14] < max_shift &&
           p[15] < max_shift && p[16] < max_shift;
}

size_t vnc_message(VncClient *c)
{
    const uint8_t *p = c->in->data;
    size_t have = c->in->len;
    switch (p[0]) {
    case MSG_SET_PIXEL_FORMAT:
        if (have >= 20 && !pixel_format_ok(p)) {
            vnc_client_fail(c);
            return 20;
        }
        return forward(c, 20);
    case MSG_SET_ENCODINGS: return take_encodings(c);
    case MSG_UPDATE_REQUEST: return forward(c, 10);
    case MSG_KEY: return have >= 8 ? take_key(c, p[1], get_be32(p + 4), 0, 8) : 0;
    case MSG_POINTER: return have >= 6 ? take_pointer(c) : 0;
    case MSG_CUT_TEXT: return take_cut_text(c);
    case MSG_XVP: return take_xvp(c);
    case MSG_SET_DESKTOP_SIZE: return take_desktop_size(c);
    case MSG_QEMU: return take_qemu(c);
    default: vnc_client_fail(c); return 1;
    }
}
