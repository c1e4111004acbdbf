/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rng-builtin: the host kernel's generator. rng-random: a file, which may have nothing at times. */
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "hw/virtio/rng-backend.h"
#include "util/log.h"

typedef struct RngArgs {
    char *filename;
} RngArgs;

typedef struct Rng {
    Object obj;
    int fd; /* -1: built in */
    bool ended;
} Rng;

static const Prop RngArgs_rows[] = {
    PROP_STR(RngArgs, filename, "filename", "/dev/urandom", "file to read from"), PROP_END(RngArgs)
};

static bool builtin_open(Object *o, const void *args, GError **err)
{
    ((Rng *)o)->fd = -1;
    return true;
}

static bool random_open(Object *o, const void *args, GError **err)
{
    const RngArgs *a = args;
    Rng *r = (Rng *)o;

    r->fd = open(a->filename, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (r->fd < 0)
        user_fail(err, "Could not open '%s': %s", a->filename, g_strerror(errno));
    return r->fd >= 0;
}

static void random_close(Object *o)
{
    Rng *r = (Rng *)o;

    if (r->fd >= 0)
        close(r->fd);
}

static const ObjectType rng_builtin = {
    .name = "rng-builtin",
    .desc = "random numbers of the host's kernel",
    .size = sizeof(Rng),
    .props = Empty_rows,
    .open = builtin_open,
};
REGISTER(object, rng_builtin);

static const ObjectType rng_random = {
    .name = "rng-random",
    .desc = "random numbers from a file",
    .size = sizeof(Rng),
    .props = RngArgs_rows,
    .open = random_open,
    .close = random_close,
};
REGISTER(object, rng_random);

bool rng_is_backend(const Object *o)
{
    return o->type == &rng_builtin || o->type == &rng_random;
}

ssize_t rng_read(Object *o, void *buf, size_t n)
{
    Rng *r = (Rng *)o;
    ssize_t got;

    do
        got = r && r->fd >= 0 ? read(r->fd, buf, n) : getrandom(buf, n, GRND_NONBLOCK);
    while (got < 0 && errno == EINTR);
    if (got > 0)
        return got;
    if (got < 0 && errno == EAGAIN)
        return 0;
    if (r && !r->ended)
        warn_print("object '%s' gives no more random numbers: %s", o->id,
                   got < 0 ? g_strerror(errno) : "the file has ended");
    if (r)
        r->ended = true;
    return -1;
}

typedef struct Wait {
    void (*fn)(void *o);
    void *o;
} Wait;

static gboolean wait_over(gint fd, GIOCondition cond, gpointer p)
{
    Wait *w = p;

    w->fn(w->o);
    return G_SOURCE_REMOVE;
}

static gboolean wait_time(gpointer p)
{
    return wait_over(-1, G_IO_IN, p);
}

unsigned rng_wait(Object *o, void (*fn)(void *o), void *data)
{
    Rng *r = (Rng *)o;
    Wait *w = g_new(Wait, 1);

    *w = (Wait){ fn, data };
    if (r && r->fd >= 0)
        return g_unix_fd_add_full(G_PRIORITY_DEFAULT, r->fd, G_IO_IN, wait_over, w, g_free);
    /* the kernel's generator is not seeded yet: seconds after the host's start */
    return g_timeout_add_full(G_PRIORITY_DEFAULT, 100, wait_time, w, g_free);
}
