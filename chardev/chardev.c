/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every chardev shares: the list of them, fronts, and the flow of bytes between a driver and
 * the front in focus.
 *
 *   driver --char_deliver--> kept --receive()--> front      fewer taken: the driver stops reading
 *   driver <---accept()----- char_accept() <---- front      until the front asks for more
 *   front ---char_write----> write() ----------> driver     fewer taken: writable() follows
 */
#include "chardev/chardev.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "chardev/chardev-int.h"
#include "util/log.h"

enum { MUX_FRONTS = 4, DEFAULT_ESCAPE = 1 };

struct CharList {
    GPtrArray *all; /* Chardev *, the oldest first; a mux behind its base */
    uint8_t escape;
};

static CharList *char_list(Vm *vm)
{
    if (!vm->chardevs) {
        vm->chardevs = g_new0(CharList, 1);
        vm->chardevs->all = g_ptr_array_new();
        vm->chardevs->escape = DEFAULT_ESCAPE;
    }
    return vm->chardevs;
}

void chardev_set_escape(Vm *vm, uint8_t key)
{
    char_list(vm)->escape = key;
}

uint8_t chardev_escape(Vm *vm)
{
    return char_list(vm)->escape;
}

const GPtrArray *chardev_all(Vm *vm)
{
    return char_list(vm)->all;
}

Chardev *chardev_find(Vm *vm, const char *label)
{
    const GPtrArray *all = chardev_all(vm);
    for (guint i = 0; i < all->len; i++) {
        Chardev *c = all->pdata[i];
        if (strcmp(c->label, label) == 0)
            return c;
    }
    return NULL;
}

/* ---- from the driver to the front ---- */

static CharFront *char_in_focus(Chardev *c)
{
    return c->focus < c->fronts->len ? c->fronts->pdata[c->focus] : NULL;
}

/* Hands out what is kept as long as the front takes it. Inside receive(): only notes the wish. */
static void char_pump(Chardev *c)
{
    if (c->in) {
        c->again = true;
        return;
    }
    c->in = true;
    do {
        CharFront *f = char_in_focus(c);
        c->again = false;
        if (!f || !c->kept->len)
            break;
        size_t n = c->kept->len;
        if (f->ops->receive)
            n = f->ops->receive(f->o, c->kept->data, n);
        g_assert(n <= c->kept->len);
        g_byte_array_remove_range(c->kept, 0, (guint)n);
    } while (c->again);
    c->in = false;
}

static void char_tell(Chardev *c, CharEvent e)
{
    for (guint i = c->fronts->len; i-- > 0;) {
        CharFront *f = c->fronts->pdata[i];
        if (f->ops->event)
            f->ops->event(f->o, e);
    }
}

static void char_close_if_done(Chardev *c)
{
    if (c->closing && !c->kept->len) {
        c->closing = false;
        char_tell(c, CHR_CLOSED);
    }
}

bool char_deliver(Chardev *c, const void *p, size_t n)
{
    g_byte_array_append(c->kept, p, (guint)n);
    char_pump(c);
    return !c->kept->len;
}

void char_accept(CharFront *f)
{
    Chardev *c = f ? f->chr : NULL;
    if (!c || f != char_in_focus(c))
        return;
    bool inside = c->in;
    char_pump(c);
    if (inside || c->kept->len)
        return;
    char_close_if_done(c);
    if (c->type->accept)
        c->type->accept(c);
}

void char_event(Chardev *c, CharEvent e)
{
    CharFront *f = char_in_focus(c);
    switch (e) {
    case CHR_OPENED:
        if (c->closing) { /* a new peer: nobody will ask for the old one's last bytes again */
            g_byte_array_set_size(c->kept, 0);
            char_close_if_done(c);
        }
        c->open = true;
        c->wait = false;
        char_tell(c, e);
        break;
    case CHR_CLOSED:
        if (!c->open)
            break;
        c->open = false;
        c->closing = true;
        char_close_if_done(c);
        break;
    case CHR_BREAK:
    case CHR_MUX_IN:
    case CHR_MUX_OUT:
        if (f && f->ops->event)
            f->ops->event(f->o, e);
        break;
    }
}

/* ---- from the front to the driver ---- */

static void char_log(Chardev *c, const char *p, size_t n)
{
    while (c->log_fd >= 0 && n) {
        ssize_t done = write(c->log_fd, p, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return; /* a full disk costs the log, not the guest */
        p += done;
        n -= (size_t)done;
    }
}

size_t char_write(CharFront *f, const void *p, size_t n)
{
    Chardev *c = f ? f->chr : NULL;
    if (!c || !c->type->write)
        return n;
    size_t done = c->type->write(c, p, n);
    char_log(c, p, done);
    return done;
}

void char_writable(Chardev *c)
{
    for (guint i = c->fronts->len; i-- > 0;) {
        CharFront *f = c->fronts->pdata[i];
        if (f->ops->writable)
            f->ops->writable(f->o);
    }
}

int char_control(CharFront *f, CharControl what, void *arg)
{
    Chardev *c = f ? f->chr : NULL;
    return c && c->type->control ? c->type->control(c, what, arg) : -ENOTSUP;
}

bool char_wait_writable(CharFront *f, int ms)
{
    Chardev *c = f ? f->chr : NULL;
    return !c || !c->type->wait_writable || c->type->wait_writable(c, ms);
}

/* ---- fronts ---- */

static bool front_is_background(const Chardev *c, unsigned i)
{
    return ((CharFront *)c->fronts->pdata[i])->ops->background;
}

bool char_attach(CharFront *f, const CharFrontOps *ops, void *o, GError **err)
{
    Chardev *c = f->chr;
    f->ops = ops;
    f->o = o;
    if (!c)
        return true;
    if (c->fronts->len == (c->mux ? MUX_FRONTS : 1))
        return user_fail(err, "chardev '%s' is in use%s", c->label,
                         c->mux ? " by four already" : ": give it mux=on to share it");
    g_ptr_array_add(c->fronts, f);
    unsigned last = c->fronts->len - 1;
    if (last && !ops->background && front_is_background(c, c->focus))
        char_focus(c, last);
    if (c->open && ops->event)
        ops->event(o, CHR_OPENED);
    char_accept(f);
    return true;
}

/* What waits for a front moves into the chardev when the front gets the focus, and out again. */
static void front_swap_kept(Chardev *c, CharFront *f)
{
    GByteArray *kept = c->kept;
    c->kept = f->waiting ? f->waiting : g_byte_array_new();
    f->waiting = kept;
}

void char_focus(Chardev *c, unsigned front)
{
    if (front >= c->fronts->len || front == c->focus)
        return;
    char_event(c, CHR_MUX_OUT);
    front_swap_kept(c, char_in_focus(c));
    c->focus = front;
    front_swap_kept(c, char_in_focus(c));
    char_event(c, CHR_MUX_IN);
    char_pump(c);
}

void char_detach(CharFront *f)
{
    Chardev *c = f ? f->chr : NULL;
    guint i;
    if (!c || !g_ptr_array_find(c->fronts, f, &i))
        return;
    if (i == c->focus && c->fronts->len > 1)
        char_focus(c, i ? 0 : 1);
    g_ptr_array_remove_index(c->fronts, i);
    if (c->focus > i)
        c->focus--;
    g_clear_pointer(&f->waiting, g_byte_array_unref);
}

bool char_has_focus(const CharFront *f)
{
    return f->chr && f == char_in_focus(f->chr);
}

CharFront *char_front_new(Vm *vm, const char *label, GError **err)
{
    Chardev *c = chardev_find(vm, label);
    if (!c) {
        user_fail(err, "chardev '%s' not found", label);
        return NULL;
    }
    CharFront *f = g_new0(CharFront, 1);
    f->chr = c;
    return f;
}

void char_front_free(CharFront *f)
{
    char_detach(f);
    g_free(f);
}

static void *link_get(Vm *vm, const char *id, GError **err)
{
    return char_front_new(vm, id, err);
}

static const char *link_id(const void *link)
{
    const CharFront *f = link;
    return f->chr ? f->chr->label : "";
}

static void link_drop(void *link)
{
    char_front_free(link);
}

static void link_release(void *link, Device *d)
{
    char_detach(link);
}

static const PropLink char_link = {
    .name = "chardev",
    .kind = LINK_CHAR,
    .get = link_get,
    .id = link_id,
    .drop = link_drop,
    .release = link_release,
};
REGISTER(link, char_link);

/* ---- making and removing ---- */

PROP_SET(chardev, CharDriver, props);

/* clang-format off */
const Prop CharCommon_rows[] = {
    PROP_STR (CharCommon, logfile,   "logfile",   NULL,  "file that gets a copy of all output"),
    PROP_BOOL(CharCommon, logappend, "logappend", false, "add to the log file instead of starting it anew"),
    PROP_END (CharCommon)
};
const Prop ChardevArgs_rows[] = {
    NEED_STR (ChardevArgs, id,      "id",                   "name that devices and monitors refer to"),
    PROP_BOOL(ChardevArgs, mux,     "mux",     false,       "several users share it, switched by C-a c"),
    PROP_PICK(ChardevArgs, backend, "backend", chardev_set, "kind of back end"),
    PROP_END (ChardevArgs)
};
/* clang-format on */

bool char_open_log(Chardev *c, const CharCommon *args, GError **err)
{
    if (!args->logfile)
        return true;
    int how = O_WRONLY | O_CREAT | O_CLOEXEC | (args->logappend ? O_APPEND : O_TRUNC);
    c->log_fd = open(args->logfile, how, 0666);
    if (c->log_fd >= 0)
        return true;
    return user_fail(err, "could not open log file '%s': %s", args->logfile, g_strerror(errno));
}

static void chardev_free(Chardev *c)
{
    for (guint i = 0; i < c->fronts->len; i++) {
        CharFront *f = c->fronts->pdata[i];
        g_clear_pointer(&f->waiting, g_byte_array_unref);
        f->chr = NULL;
    }
    if (c->log_fd >= 0)
        close(c->log_fd);
    g_ptr_array_unref(c->fronts);
    g_byte_array_unref(c->kept);
    g_free(c->label);
    g_free(c->filename);
    g_free(c);
}

Chardev *chardev_make(Vm *vm, const CharDriver *type, const char *label, const void *args,
                      bool by_qmp, GError **err)
{
    Chardev *c = g_malloc0(type->size);
    c->by_qmp = by_qmp;
    c->type = type;
    c->vm = vm;
    c->label = g_strdup(label);
    c->fronts = g_ptr_array_new();
    c->kept = g_byte_array_new();
    c->log_fd = -1;
    /* every driver's args begin with CharCommon */
    if ((args && !char_open_log(c, args, err)) || !type->open(c, args, err)) {
        chardev_free(c);
        return NULL;
    }
    if (!c->filename)
        c->filename = g_strdup(type->name);
    g_ptr_array_add(char_list(vm)->all, c);
    return c;
}

static void chardev_close(Chardev *c)
{
    g_ptr_array_remove(char_list(c->vm)->all, c);
    if (c->type->close)
        c->type->close(c);
    chardev_free(c);
}

/* As 7.2 wants ids: a letter, then letters, digits, '-', '.', '_'. */
Chardev *chardev_new(Vm *vm, const ChardevArgs *a, GError **err)
{
    if (!id_check(a->id, err))
        return NULL;
    return chardev_new_labelled(vm, a, err);
}

Chardev *chardev_new_labelled(Vm *vm, const ChardevArgs *a, GError **err)
{
    if (chardev_find(vm, a->id)) {
        user_fail(err, "Duplicate ID '%s' for chardev", a->id);
        return NULL;
    }
    if (!a->mux)
        return chardev_make(vm, a->backend.type, a->id, a->backend.args, a->by_qmp, err);
    g_autofree char *base = g_strconcat(a->id, "-base", NULL);
    Chardev *b = chardev_make(vm, a->backend.type, base, a->backend.args, a->by_qmp, err);
    Chardev *mux = b ? chardev_make_mux(vm, a->id, b, err) : NULL;
    if (b && !mux)
        chardev_close(b);
    return mux;
}

bool chardev_remove(Vm *vm, const char *label, GError **err)
{
    Chardev *c = chardev_find(vm, label);
    if (!c)
        return user_fail(err, "Chardev '%s' not found", label);
    if (c->fronts->len)
        return user_fail(err, "Chardev '%s' is busy", label);
    chardev_close(c);
    return true;
}

Chardev *chardev_waiting(Vm *vm)
{
    const GPtrArray *all = chardev_all(vm);
    for (guint i = 0; i < all->len; i++) {
        Chardev *c = all->pdata[i];
        if (!c->wait || c->open)
            continue;
        if (!c->told) {
            info_print("QEMU waiting for connection on: %s", c->filename);
            c->told = true;
        }
        return c;
    }
    return NULL;
}

void chardev_close_all(Vm *vm)
{
    CharList *l = vm->chardevs;
    if (!l)
        return;
    /* the newest first: a mux before its base */
    while (l->all->len)
        chardev_close(l->all->pdata[l->all->len - 1]);
    g_ptr_array_unref(l->all);
    g_free(l);
    vm->chardevs = NULL;
    char_term_restore();
}
