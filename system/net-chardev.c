/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A chardev as the far end of guestfwd=: net/ and chardev/ do not know each other. Main, locked. */
#include "chardev/chardev.h"
#include "net/user.h"

struct NetStream {
    CharFront *front;
    const NetStreamUser *user;
    void *o;
    char *own; /* label of the chardev that goes with us; NULL: it was there before */
};

static size_t stream_receive(void *o, const uint8_t *p, size_t n)
{
    NetStream *s = o;

    return s->user->receive(s->o, p, n);
}

static void stream_writable(void *o)
{
    NetStream *s = o;

    s->user->writable(s->o);
}

static const CharFrontOps stream_front = { .receive = stream_receive, .writable = stream_writable };

static void stream_close(NetStream *s)
{
    Vm *vm = s->front->chr ? s->front->chr->vm : NULL;

    char_front_free(s->front);
    if (s->own && vm)
        chardev_remove(vm, s->own, NULL);
    g_free(s->own);
    g_free(s);
}

/* "chardev:ID" is one that is there already. */
static NetStream *stream_open(Vm *vm, const char *label, const char *text,
                              const NetStreamUser *user, void *o, GError **err)
{
    Chardev *c = chardev_new_legacy(vm, label, text, err);
    NetStream *s;

    if (!c)
        return NULL;
    s = g_new0(NetStream, 1);
    s->user = user;
    s->o = o;
    s->own = g_strcmp0(c->label, label) ? NULL : g_strdup(label);
    s->front = char_front_new(vm, c->label, NULL);
    if (char_attach(s->front, &stream_front, s, err))
        return s;
    stream_close(s);
    return NULL;
}

static size_t stream_write(NetStream *s, const void *p, size_t n)
{
    return char_write(s->front, p, n);
}

static void stream_accept(NetStream *s)
{
    char_accept(s->front);
}

static const NetStreamOps chardev_stream = {
    .name = "chardev",
    .open = stream_open,
    .write = stream_write,
    .accept = stream_accept,
    .close = stream_close,
};
REGISTER(netstream, chardev_stream);
