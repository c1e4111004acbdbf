/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vnc-enc: pictures of all VNC displays, encoded by libvncserver. The library is given one end of a
 * socketpair a viewer and nothing else (docs/libraries.md lists what it does to sockets of its
 * own). It never compares pixels, so its frame buffer is our shadow: blocks of 16 pixels that
 * really changed are copied in and marked. Thread: vnc-enc, the only one that calls the library.
 */
#include <errno.h>
#include <poll.h>
#include <rfb/rfb.h>
#include <string.h>
#include <unistd.h>

#include "ui/vnc-int.h"

#define BLOCK 16

typedef struct Viewer {
    rfbClientPtr cl;
    VncClient *client;
} Viewer;

struct VncEnc {
    rfbScreenInfoPtr screen;
    uint32_t *pixels; /* the library's frame buffer */
    int w, h;
    GPtrArray *viewers; /* Viewer * */
};

static void no_log(const char *format, ...) {}

/* x8r8g8b8 as the library names it */
static void set_format(rfbScreenInfoPtr s)
{
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
    e->screen->desktopName = "QEMU";
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
    for (unsigned i = 0; i < e->viewers->len; i++)
        e->screen->setTranslateFunction(((Viewer *)e->viewers->pdata[i])->cl);
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
    atomic_store(&d->console, f->console);
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

/* FramebufferUpdate with one empty rectangle of encoding -258: scancodes are understood */
static bool ack_scancodes(Viewer *v)
{
    static const uint8_t update[16] = {
        0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xfe, 0xfe
    };
    return write(v->cl->sock, update, sizeof(update)) == sizeof(update);
}

static bool readable(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    return poll(&p, 1, 0) > 0 && p.revents;
}

/* false: its connection is over */
static bool viewer_step(Viewer *v)
{
    while (v->cl->sock >= 0 && readable(v->cl->sock))
        rfbProcessClientMessage(v->cl);
    if (v->cl->sock >= 0 && v->cl->state == RFB_NORMAL &&
        atomic_exchange(&v->client->ack_scancodes, false) && !ack_scancodes(v))
        return false;
    if (v->cl->sock >= 0 && v->cl->state == RFB_NORMAL &&
        atomic_load(&v->client->queued) < VNC_QUEUE_HOLD)
        rfbUpdateClient(v->cl);
    return v->cl->sock >= 0;
}

static void display_step(VncDisplay *d)
{
    Frame f;
    if (!d->enc) {
        d->enc = g_new0(VncEnc, 1);
        d->enc->viewers = g_ptr_array_new();
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
                if (!viewer_step(e->viewers->pdata[k]))
                    viewer_gone(e, e->viewers->pdata[k]);
        }
        wait_for_work(s, displays);
    }
    for (unsigned i = 0; i < s->displays->len; i++)
        display_close(s->displays->pdata[i]);
    return NULL;
}
