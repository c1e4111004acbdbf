/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vnc-enc: pictures of all VNC displays, encoded by libvncserver. The library is given one end of a
 * socketpair a viewer and nothing else. It never compares pixels, so its frame buffer is our
 * shadow: blocks of 16 pixels that really changed are copied in and marked. Thread: vnc-enc, the
 * only one that calls the library.
 */
#include <errno.h>
#include <poll.h>
#include <rfb/rfb.h>
#include <string.h>
#include <unistd.h>

#include "core/machine.h"
#include "ui/vnc-int.h"

#define BLOCK      16
#define CURSOR_MAX 256

typedef struct Viewer {
    rfbClientPtr cl;
    VncClient *client;
    int told_w, told_h; /* the size it knows; 0: not yet in RFB_NORMAL */
} Viewer;

struct VncEnc {
    rfbScreenInfoPtr screen;
    uint32_t *pixels; /* the library's frame buffer */
    int w, h;
    char *title;        /* of the viewer's window: "QEMU (guest's name)" */
    GPtrArray *viewers; /* Viewer * */
};

static void no_log(const char *format, ...) {}

/* x8r8g8b8 as the library names it; a depth of 24 makes Tight and ZRLE send three bytes a pixel */
static void set_format(rfbScreenInfoPtr s)
{
    s->depth = s->serverFormat.depth = 24;
    s->serverFormat.trueColour = 1;
    s->serverFormat.redShift = 16;
    s->serverFormat.greenShift = 8;
    s->serverFormat.blueShift = 0;
}

static void screen_new(VncEnc *e, int w, int h)
{
    e->pixels = g_new0(uint32_t, (size_t)w * h);
    e->screen = rfbGetScreen(NULL, NULL, w, h, 8, 3, 4);
    if (!e->screen)
        g_error("libvncserver refuses a screen of %d x %d", w, h);
    e->screen->frameBuffer = (char *)e->pixels;
    e->screen->desktopName = e->title;
    e->screen->alwaysShared = TRUE; /* vnc-io keeps the share policy */
    e->screen->deferUpdateTime = 0; /* the View's interval is the rate */
    e->screen->cursor = NULL;
    e->screen->port = e->screen->ipv6port = 0;
    set_format(e->screen);
}

static void screen_resize(VncEnc *e, int w, int h)
{
    uint32_t *old = e->pixels;
    e->pixels = g_new0(uint32_t, (size_t)w * h);
    rfbNewFramebuffer(e->screen, (char *)e->pixels, w, h, 8, 3, 4);
    set_format(e->screen);
    for (unsigned i = 0; i < e->viewers->len; i++) {
        Viewer *v = e->viewers->pdata[i];
        e->screen->setTranslateFunction(v->cl);
        if (v->cl->useNewFBSize) { /* the library tells it */
            v->told_w = w;
            v->told_h = h;
        }
    }
    g_free(old);
}

/* ---- pixels ---- */
/* One band of at most 16 rows: copy it, compare by blocks, mark runs of changed ones. */
static void compare_band(VncEnc *e, const Surface *s, int x0, int x1, int y0, int y1)
{
    int w = x1 - x0;
    g_autofree uint32_t *fresh = g_new(uint32_t, (size_t)w * (y1 - y0));
    surface_copy(fresh, w * 4, s, x0, y0, w, y1 - y0);
    int run = -1;
    for (int x = 0; x <= w; x += BLOCK) {
        int n = MIN(BLOCK, w - x);
        bool changed = false;
        for (int y = y0; n > 0 && y < y1; y++) {
            uint32_t *to = e->pixels + (size_t)y * e->w + x0 + x;
            const uint32_t *from = fresh + (size_t)(y - y0) * w + x;
            if (memcmp(to, from, n * 4)) {
                memcpy(to, from, n * 4);
                changed = true;
            }
        }
        if (changed && run < 0)
            run = x;
        if (!changed && run >= 0) {
            rfbMarkRectAsModified(e->screen, x0 + run, y0, x0 + MIN(x, w), y1);
            run = -1;
        }
    }
    if (run >= 0)
        rfbMarkRectAsModified(e->screen, x0 + run, y0, x1, y1);
}

static void compare_rect(VncEnc *e, const Surface *s, int x0, int y0, int x1, int y1)
{
    x0 = MAX(x0, 0) & -BLOCK;
    y0 = MAX(y0, 0) & -BLOCK;
    x1 = MIN((x1 + BLOCK - 1) & -BLOCK, e->w);
    y1 = MIN(y1, e->h);
    for (int y = y0; y < y1 && x0 < x1; y += BLOCK)
        compare_band(e, s, x0, x1, y, MIN(y + BLOCK, y1));
}

/* ---- the cursor ---- */
/*
 * A device's cursor: viewers with a cursor encoding get its shape, into other viewers' pictures the
 * library draws it. Copies: the library frees them.
 */
static rfbCursorPtr cursor_copy(const Frame *f)
{
    int w = surface_width(f->cursor), h = surface_height(f->cursor), row = (w + 7) / 8;
    rfbCursorPtr c = calloc(1, sizeof(*c));
    uint32_t *px = malloc((size_t)w * h * 4);
    uint8_t *mask = calloc(h, row), *alpha = malloc((size_t)w * h);
    if (!c || !px || !mask || !alpha)
        g_error("no memory for a cursor of %d x %d", w, h);
    surface_copy(px, w * 4, f->cursor, 0, 0, w, h);
    for (int i = 0; i < w * h; i++) {
        alpha[i] = px[i] >> 24;
        if (alpha[i] >= 128)
            mask[i / w * row + i % w / 8] |= 0x80 >> (i % w % 8);
    }
    c->cleanup = c->cleanupMask = c->cleanupRichSource = TRUE;
    c->width = w;
    c->height = h;
    c->xhot = f->hot_x;
    c->yhot = f->hot_y;
    c->mask = mask;
    c->richSource = (unsigned char *)px;
    c->alphaSource = alpha;
    c->alphaPreMultiplied = TRUE;
    return c;
}

static void cursor_apply(VncEnc *e, const Frame *f)
{
    if (f->what & (FRAME_CURSOR | FRAME_MOVED)) {
        bool show = f->cursor && f->cursor_on && surface_width(f->cursor) <= CURSOR_MAX &&
                    surface_height(f->cursor) <= CURSOR_MAX;
        if (show || e->screen->cursor)
            rfbSetCursor(e->screen, show ? cursor_copy(f) : NULL);
    }
    e->screen->cursorX = CLAMP(f->x + f->hot_x, 0, e->w - 1);
    e->screen->cursorY = CLAMP(f->y + f->hot_y, 0, e->h - 1);
}

/* what viewers with such extensions must hear of */
static void frame_tell(VncDisplay *d, const Frame *f)
{
    atomic_store(&d->leds_now, f->leds);
    atomic_store(&d->absolute, f->absolute);
    for (unsigned i = 0; i < d->enc->viewers->len; i++) {
        VncClient *c = ((Viewer *)d->enc->viewers->pdata[i])->client;
        unsigned tell =
            (f->what & FRAME_LEDS && c->leds ? VNC_TELL_LEDS : 0) |
            (f->what & FRAME_POINTER && c->pointer_type ? VNC_TELL_POINTER : 0) |
            (f->what & FRAME_BELL ? VNC_TELL_BELL : 0) |
            (f->what & (FRAME_CURSOR | FRAME_MOVED) && c->alpha_cursor ? VNC_TELL_CURSOR : 0);
        atomic_fetch_or(&c->tell, tell);
    }
}

static void frame_apply(VncDisplay *d, Frame *f)
{
    VncEnc *e = d->enc;
    int w = surface_width(f->surface), h = surface_height(f->surface);
    if (!e->screen)
        screen_new(e, w, h);
    else if (w != e->w || h != e->h)
        screen_resize(e, w, h);
    e->w = w;
    e->h = h;
    if (f->what & FRAME_SURFACE)
        compare_rect(e, f->surface, 0, 0, w, h);
    int n;
    pixman_box32_t *box = pixman_region32_rectangles(&f->damage, &n);
    for (int i = 0; i < n; i++)
        compare_rect(e, f->surface, box[i].x1, box[i].y1, box[i].x2, box[i].y2);
    cursor_apply(e, f);
    frame_tell(d, f);
    atomic_store(&d->height, h);
    atomic_store(&d->width, w);
    if (f->what & FRAME_SURFACE)
        vnc_wake(d->server->io_wake); /* a viewer may be waiting for the size */
}

/* ---- viewers ---- */
static void adopt_all(VncServer *s)
{
    for (;;) {
        g_mutex_lock(&s->lock);
        VncAdopt *a = g_queue_pop_head(&s->adopt);
        g_mutex_unlock(&s->lock);
        if (!a)
            return;
        VncEnc *e = a->display->enc;
        Viewer *v = g_new0(Viewer, 1);
        v->client = a->client;
        v->cl = e->screen ? rfbNewClient(e->screen, a->fd) : NULL;
        if (v->cl) {
            g_ptr_array_add(e->viewers, v);
        } else {
            if (!e->screen)
                close(a->fd);
            vnc_client_unref(v->client);
            g_free(v);
        }
        g_free(a);
    }
}

static void viewer_gone(VncEnc *e, Viewer *v)
{
    rfbClientConnectionGone(v->cl);
    vnc_client_unref(v->client);
    g_ptr_array_remove(e->viewers, v);
    g_free(v);
}

/* ---- what extensions want to hear, between two updates ---- */
/* FramebufferUpdate of one pseudo-rectangle */
static void put_rect(GByteArray *out, int x, int y, int w, int h, int32_t encoding)
{
    uint16_t head[8] = { 0, g_htons(1), g_htons(x), g_htons(y), g_htons(w), g_htons(h) };
    int32_t e = GINT32_TO_BE(encoding);
    memcpy(&head[6], &e, 4);
    g_byte_array_append(out, (uint8_t *)head, sizeof(head));
}

/* ExtendedDesktopSize: one screen as large as the picture. reason 1: this viewer asked. */
static void put_layout(GByteArray *out, const VncEnc *e, unsigned reason, unsigned status)
{
    uint8_t screens[20] = { 1, [12] = e->w >> 8, e->w, e->h >> 8, e->h };
    put_rect(out, reason, status, e->w, e->h, -308);
    g_byte_array_append(out, screens, sizeof(screens));
}

/* Cursor With Alpha: the hot spot in place of a position, then RGBA, premultiplied */
static void put_cursor(GByteArray *out, const VncEnc *e)
{
    const rfbCursorPtr c = e->screen->cursor;
    static const uint8_t raw[4] = { 0 };
    put_rect(out, c ? c->xhot : 0, c ? c->yhot : 0, c ? c->width : 0, c ? c->height : 0, -314);
    g_byte_array_append(out, raw, 4);
    for (int i = 0; c && i < c->width * c->height; i++) {
        uint32_t px = ((uint32_t *)(void *)c->richSource)[i];
        g_byte_array_append(out, (uint8_t[]){ px >> 16, px >> 8, px, px >> 24 }, 4);
    }
}

/* false: its connection is over */
static bool viewer_tell(VncEnc *e, Viewer *v)
{
    VncClient *c = v->client;
    unsigned tell = atomic_exchange(&c->tell, 0);
    g_autoptr(GByteArray) out = g_byte_array_new();
    if (!tell)
        return true;
    if (tell & VNC_TELL_SCANCODES)
        put_rect(out, 0, 0, 0, 0, -258);
    if (tell & VNC_TELL_POINTER) {
        bool absolute = atomic_load(&c->display->absolute);
        put_rect(out, absolute, 0, e->w, e->h, -257);
        atomic_store(&c->relative, !absolute);
    }
    if (tell & VNC_TELL_LEDS) {
        put_rect(out, 0, 0, 1, 1, -261);
        g_byte_array_append(out, (uint8_t[]){ atomic_load(&c->display->leds_now) & 7 }, 1);
    }
    if (tell & VNC_TELL_LAYOUT)
        put_layout(out, e, 0, 0);
    if (tell & VNC_TELL_RESIZE)
        put_layout(out, e, 1, atomic_load(&c->resize_status));
    if (tell & VNC_TELL_CURSOR)
        put_cursor(out, e);
    if (tell & VNC_TELL_BELL)
        g_byte_array_append(out, (uint8_t[]){ 2 }, 1);
    if (tell & VNC_TELL_POWER)
        g_byte_array_append(out, (uint8_t[]){ 250, 0, 1, 1 }, 4);
    if (tell & VNC_TELL_NO_POWER)
        g_byte_array_append(out, (uint8_t[]){ 250, 0, 1, 0 }, 4);
    return rfbWriteExact(v->cl, (char *)out->data, out->len) > 0;
}

static bool readable(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    return poll(&p, 1, 0) > 0 && p.revents;
}

/* A change of size between ServerInit and the viewer's word that it understands such: the library
 * has told nobody, so it is told now. */
static void viewer_size(VncEnc *e, Viewer *v)
{
    if (v->cl->state != RFB_NORMAL)
        return;
    if (v->told_w && v->cl->useNewFBSize && (v->told_w != e->w || v->told_h != e->h))
        v->cl->newFBSizePending = TRUE;
    if (!v->told_w || v->cl->useNewFBSize) {
        v->told_w = e->w;
        v->told_h = e->h;
    }
}

/* false: its connection is over */
static bool viewer_step(VncEnc *e, Viewer *v)
{
    while (v->cl->sock >= 0 && readable(v->cl->sock)) {
        rfbProcessClientMessage(v->cl);
        viewer_size(e, v);
    }
    if (v->client->alpha_cursor)
        v->cl->cursorWasChanged = FALSE; /* it has a better one */
    /* nothing more for one that does not read */
    if (v->cl->sock >= 0 && v->cl->state == RFB_NORMAL &&
        atomic_load(&v->client->queued) < VNC_QUEUE_HOLD) {
        if (!viewer_tell(e, v))
            return false;
        rfbUpdateClient(v->cl);
        if (v->cl->sock >= 0)
            rfbUpdateClient(v->cl); /* the first may have told the size only */
    }
    return v->cl->sock >= 0;
}

static void display_step(VncDisplay *d)
{
    Frame f;
    if (!d->enc) {
        d->enc = g_new0(VncEnc, 1);
        d->enc->viewers = g_ptr_array_new();
        const char *name = d->server->vm->conf ? d->server->vm->conf->name : NULL;
        d->enc->title = name ? g_strdup_printf("QEMU (%s)", name) : g_strdup("QEMU");
    }
    if (view_take(d->view, &f)) {
        frame_apply(d, &f);
        frame_done(&f);
    }
}

static void display_close(VncDisplay *d)
{
    VncEnc *e = d->enc;
    if (!e)
        return;
    while (e->viewers->len)
        viewer_gone(e, e->viewers->pdata[0]);
    g_ptr_array_unref(e->viewers);
    if (e->screen)
        rfbScreenCleanup(e->screen);
    g_free(e->pixels);
    g_free(e->title);
    g_free(e);
    d->enc = NULL;
}

/* ---- the loop ---- */
static void wait_for_work(VncServer *s, GPtrArray *displays)
{
    g_autoptr(GArray) fds = g_array_new(FALSE, FALSE, sizeof(struct pollfd));
    g_array_append_vals(fds, &(struct pollfd){ .fd = s->enc_wake, .events = POLLIN }, 1);
    for (unsigned i = 0; i < displays->len; i++) {
        VncEnc *e = ((VncDisplay *)displays->pdata[i])->enc;
        for (unsigned k = 0; e && k < e->viewers->len; k++) {
            Viewer *v = e->viewers->pdata[k];
            g_array_append_vals(fds, &(struct pollfd){ .fd = v->cl->sock, .events = POLLIN }, 1);
        }
    }
    uint64_t n;
    if (poll((struct pollfd *)fds->data, fds->len, -1) > 0 &&
        read(s->enc_wake, &n, sizeof(n)) < 0 && errno != EAGAIN)
        g_error("eventfd: %s", g_strerror(errno));
}

gpointer vnc_enc_thread(gpointer server)
{
    VncServer *s = server;
    g_autoptr(GPtrArray) displays = g_ptr_array_new();
    rfbLog = rfbErr = no_log;
    while (!atomic_load(&s->stop)) {
        g_mutex_lock(&s->lock);
        g_ptr_array_set_size(displays, 0);
        for (unsigned i = 0; i < s->displays->len; i++)
            g_ptr_array_add(displays, s->displays->pdata[i]);
        g_mutex_unlock(&s->lock);
        for (unsigned i = 0; i < displays->len; i++)
            display_step(displays->pdata[i]);
        adopt_all(s);
        for (unsigned i = 0; i < displays->len; i++) {
            VncEnc *e = ((VncDisplay *)displays->pdata[i])->enc;
            for (unsigned k = e->viewers->len; k-- > 0;)
                if (!viewer_step(e, e->viewers->pdata[k]))
                    viewer_gone(e, e->viewers->pdata[k]);
        }
        wait_for_work(s, displays);
    }
    for (unsigned i = 0; i < s->displays->len; i++)
        display_close(s->displays->pdata[i]);
    return NULL;
}
