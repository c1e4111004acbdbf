/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a viewer asks of the machine: another console, another size, a reset. vnc-io puts the
 * question, main answers it under the lock. A question holds its viewer; when the viewer has gone
 * (or the server: main joins vnc-io, which sets gone for all) it is dropped.
 */
#include "ui/ui-int.h"
#include "ui/vnc-int.h"

typedef struct Question {
    VncClient *client;
    unsigned a, b;
} Question;

static void ask(VncClient *c, void (*fn)(void *), unsigned a, unsigned b)
{
    Question *q = g_new(Question, 1);
    *q = (Question){ c, a, b };
    g_atomic_ref_count_inc(&c->ref);
    vm_call_main(c->display->server->vm, NULL, fn, q);
}

static void answered(Question *q)
{
    vnc_client_unref(q->client);
    g_free(q);
}

static void show_console(void *o)
{
    Question *q = o;
    if (!atomic_load(&q->client->gone)) {
        VncDisplay *d = q->client->display;
        Console *c = console_at(d->server->vm, q->a);
        if (c) {
            view_show(d->view, c);
            atomic_store(&d->console, q->a);
        }
        atomic_store(&q->client->switching, false);
    }
    answered(q);
}

void vnc_ask_console(VncClient *c, unsigned number)
{
    atomic_store(&c->switching, true);
    ask(c, show_console, number, 0);
}

/* ---- the size ---- */
enum { RESIZE_INVALID = 3, RESIZE_FORWARDED = 4 };

static void resize(void *o)
{
    Question *q = o;
    VncClient *c = q->client;
    if (!atomic_load(&c->gone)) {
        VncDisplay *d = c->display;
        Console *con = console_at(d->server->vm, atomic_load(&d->console));
        bool taken = con && q->a && q->b && con->ops->resize_hint &&
                     con->ops->resize_hint(con->o, q->a, q->b);
        atomic_store(&c->resize_status, taken ? RESIZE_FORWARDED : RESIZE_INVALID);
        atomic_fetch_or(&c->tell, VNC_TELL_RESIZE);
        atomic_store(&c->resizing, false);
        vnc_wake(d->server->enc_wake);
    }
    answered(q);
}

void vnc_ask_resize(VncClient *c, unsigned w, unsigned h)
{
    atomic_store(&c->resizing, true);
    ask(c, resize, w, h);
}

/* ---- power ---- */
enum { XVP_SHUTDOWN = 2, XVP_REBOOT = 3, XVP_RESET = 4 };

bool vnc_ask_power(VncClient *c, unsigned code)
{
    Vm *vm = c->display->server->vm;
    switch (code) {
    case XVP_SHUTDOWN: vm_request(vm, VM_POWERDOWN, "host-ui"); return true;
    case XVP_RESET: vm_request(vm, VM_RESET, "host-ui"); return true;
    default: return false; /* a reboot from inside is the guest's business */
    }
}
