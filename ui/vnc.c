/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The VNC server's displays, and what options and monitor ask of them. The threads start with the
 * first display. Main, locked; what vnc-io reads as well is under the server's leaf lock.
 */
#include <glib-unix.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/secret.h"
#include "ui/ui-int.h"
#include "ui/vnc-int.h"

static VncServer *server_of(Vm *vm, bool make)
{
    Ui *ui = ui_of(vm);
    if (!ui->vnc && make) {
        VncServer *s = g_new0(VncServer, 1);
        s->vm = vm;
        g_mutex_init(&s->lock);
        s->displays = g_ptr_array_new();
        s->io_wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        s->enc_wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        g_assert(s->io_wake >= 0 && s->enc_wake >= 0);
        ui->vnc = s;
    }
    return ui->vnc;
}

static void display_wake(void *o)
{
    vnc_wake(((VncDisplay *)o)->server->enc_wake);
}

static VncDisplay *display_find(Vm *vm, const char *id)
{
    VncServer *s = server_of(vm, false);
    for (unsigned i = 0; s && i < s->displays->len; i++) {
        VncDisplay *d = s->displays->pdata[i];
        if (!id || strcmp(d->id, id) == 0)
            return d;
    }
    return NULL;
}

/* what a later release will serve is refused by name, never ignored */
static bool args_ok(const VncArgs *a, GError **err)
{
    const struct {
        const char *name;
        bool given;
    } later[] = {
        { "tls-creds", a->tls_creds },
        { "tls-authz", a->tls_authz },
        { "sasl", a->sasl },
        { "sasl-authz", a->sasl_authz },
        { "audiodev", a->audiodev },
        { "tls", a->tls },
        { "acl", a->acl },
        { "x509", a->x509 },
        { "x509verify", a->x509verify },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(later); i++) {
        if (later[i].given)
            return user_fail(err, "VNC option '%s' is not supported yet", later[i].name);
    }
    return true;
}

static void display_free(VncDisplay *d)
{
    for (unsigned i = 0; i < d->listen_fds->len; i++)
        close(g_array_index(d->listen_fds, VncListen, i).fd);
    for (unsigned i = 0; i < d->n_listen; i++)
        vnc_peer_clear(&d->listen[i]);
    for (unsigned i = 0; i < d->unix_paths->len; i++)
        unlink(d->unix_paths->pdata[i]);
    if (d->view)
        view_free(d->view);
    g_array_unref(d->listen_fds);
    g_ptr_array_unref(d->clients);
    explicit_bzero(d->password, sizeof(d->password));
    g_ptr_array_unref(d->unix_paths);
    g_free(d->listen);
    g_free(d->id);
    g_free(d);
}

static void display_start(VncServer *s, VncDisplay *d, Console *console)
{
    d->view = view_new(s->vm, console, display_wake, d);
    d->console = console ? console_number(console) : 0;
    g_mutex_lock(&s->lock);
    g_ptr_array_add(s->displays, d);
    g_mutex_unlock(&s->lock);
    if (!s->io) {
        s->io = g_thread_new("vnc-io", vnc_io_thread, s);
        s->enc = g_thread_new("vnc-enc", vnc_enc_thread, s);
    }
    vnc_wake(s->io_wake);
    vnc_wake(s->enc_wake);
}

/* The screen of display= and head=, or the first. false: there is no such */
static bool console_wanted(Vm *vm, const VncArgs *args, Console **c, GError **err)
{
    *c = console_at(vm, 0);
    if (!args->display)
        return true;
    Device *dev = device_by_id(vm, args->display);
    *c = dev ? console_of(vm, dev, args->head) : NULL;
    if (!*c)
        user_fail(err, "display=%s,head=%u: there is no device of that id with such a screen",
                  args->display, args->head);
    return *c;
}

static VncDisplay *display_new(VncServer *s, const VncArgs *args)
{
    VncDisplay *d = g_new0(VncDisplay, 1);
    d->server = s;
    d->id = g_strdup(args->id ? args->id : "default");
    for (unsigned n = 2; !args->id && display_find(s->vm, d->id); n++) {
        g_free(d->id);
        d->id = g_strdup_printf("vnc%u", n);
    }
    d->args = *args;
    d->listen_fds = g_array_new(FALSE, FALSE, sizeof(VncListen));
    d->unix_paths = g_ptr_array_new_with_free_func(g_free);
    d->clients = g_ptr_array_new();
    d->expires = INT64_MAX;
    return d;
}

/* The password of a secret object, from the start; the monitor may change it later. */
static bool password_from(VncDisplay *d, const char *secret, GError **err)
{
    if (!secret)
        return true;
    if (d->args.password)
        return user_fail(err, "'password' and 'password-secret' exclude each other");
    g_autofree char *text = secret_text(d->server->vm, secret, err);
    if (!text)
        return false;
    d->args.password = true;
    d->password_set = *text;
    g_strlcpy(d->password, text, sizeof(d->password));
    explicit_bzero(text, strlen(text));
    return true;
}

/*
 * Listening, or connected to a viewer that listens: its descriptor is *fd. "none": nobody
 * can come.
 */
static bool display_sockets(VncDisplay *d, const VncArgs *args, int *fd, GError **err)
{
    if (strcmp(args->vnc, "none") == 0)
        return true;
    if (args->reverse && args->websocket)
        return user_fail(err, "'reverse' and 'websocket' exclude each other");
    if (args->reverse)
        return (*fd = vnc_connect(d, args->vnc, err)) >= 0;
    return vnc_listen(d, args->vnc, err) &&
           (!args->websocket || vnc_listen_websocket(d, args->websocket, args->vnc, err));
}

static VncDisplay *display_open(Vm *vm, const VncArgs *args, GError **err)
{
    Console *console;
    int viewer = -1;
    if (args->id && display_find(vm, args->id)) {
        user_fail(err, "there is a VNC display '%s' already", args->id);
        return NULL;
    }
    if (!args_ok(args, err) || !console_wanted(vm, args, &console, err))
        return NULL;
    VncServer *s = server_of(vm, true);
    VncDisplay *d = display_new(s, args);
    d->map = keymap_of(vm);
    if (!d->map || !password_from(d, args->password_secret, err) ||
        !display_sockets(d, args, &viewer, err)) {
        display_free(d);
        return NULL;
    }
    display_start(s, d, console);
    if (viewer >= 0)
        vnc_client_add(d, viewer, false);
    return d;
}

bool vnc_open(Vm *vm, const VncArgs *args, GError **err)
{
    if (!args->vnc)
        return user_fail(err, "a VNC display needs a place: type host:N, for example :0");
    VncDisplay *d = display_open(vm, args, err);
    if (d && args->to && d->n_listen) /* the user cannot know it */
        fprintf(stderr, "VNC server running on %s:%s\n", d->listen[0].host, d->listen[0].service);
    return d;
}

bool vnc_open_default(Vm *vm, GError **err)
{
    VncArgs args;
    prop_defaults(VncArgs_rows, &args);
    args.vnc = g_strdup("localhost:0");
    args.to = 99;
    VncDisplay *d = display_open(vm, &args, err);
    prop_free(VncArgs_rows, &args);
    if (d) {
        printf("VNC server running on `%s:%s'\n", d->listen[0].host, d->listen[0].service);
        fflush(stdout);
    }
    return d;
}

void vnc_close_all(Vm *vm)
{
    VncServer *s = vm->ui ? vm->ui->vnc : NULL;
    if (!s)
        return;
    atomic_store(&s->stop, true);
    vnc_wake(s->io_wake);
    vnc_wake(s->enc_wake);
    if (s->io) {
        g_thread_join(s->io);
        g_thread_join(s->enc);
    }
    for (unsigned i = 0; i < s->displays->len; i++)
        display_free(s->displays->pdata[i]);
    VncAdopt *a;
    while ((a = g_queue_pop_head(&s->adopt))) {
        close(a->fd);
        vnc_client_unref(a->client);
        g_free(a);
    }
    g_ptr_array_unref(s->displays);
    close(s->io_wake);
    close(s->enc_wake);
    g_mutex_clear(&s->lock);
    g_free(s);
    vm->ui->vnc = NULL;
}

/* ---- the monitor's questions ---- */
static VncDisplay *password_display(Vm *vm, const char *id, GError **err)
{
    VncDisplay *d = display_find(vm, id);
    if (!d) {
        if (id)
            user_fail(err, "there is no VNC display '%s'", id);
        else
            user_fail(
                err,
                "Could not set password: no VNC display is open (start with -vnc :0,password=on)");
        return NULL;
    }
    if (!d->args.password) {
        user_fail(
            err,
            "If you want use passwords please enable password auth using '-vnc ${dpy},password'.");
        return NULL;
    }
    return d;
}

bool vnc_set_password(Vm *vm, const char *display, const char *password, VncConnected connected,
                      GError **err)
{
    VncDisplay *d = password_display(vm, display, err);
    if (!d)
        return false;
    if (connected != VNC_KEEP)
        return user_fail(err, "only connected=keep works with VNC: viewers that are in stay in");
    g_mutex_lock(&d->server->lock);
    explicit_bzero(d->password, sizeof(d->password));
    g_strlcpy(d->password, password ? password : "", sizeof(d->password));
    d->password_set = password && *password;
    g_mutex_unlock(&d->server->lock);
    return true;
}

bool vnc_expire_password(Vm *vm, const char *display, int64_t unix_s, GError **err)
{
    VncDisplay *d = password_display(vm, display, err);
    if (!d)
        return false;
    g_mutex_lock(&d->server->lock);
    d->expires = unix_s;
    g_mutex_unlock(&d->server->lock);
    return true;
}

static void server_info_free(gpointer p)
{
    VncServerInfo *i = p;
    for (unsigned k = 0; k < i->n_listen; k++)
        vnc_peer_clear(&i->listen[k]);
    for (unsigned k = 0; k < i->n_client; k++)
        vnc_peer_clear(&i->client[k]);
    g_free(i->listen);
    g_free(i->client);
    g_free(i->id);
    g_free(i);
}

static VncPeer peer_copy(const VncPeer *p)
{
    return (VncPeer){ g_strdup(p->host), g_strdup(p->service), p->family, p->websocket };
}

GPtrArray *vnc_info(Vm *vm)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(server_info_free);
    VncServer *s = server_of(vm, false);
    for (unsigned i = 0; s && i < s->displays->len; i++) {
        VncDisplay *d = s->displays->pdata[i];
        VncServerInfo *info = g_new0(VncServerInfo, 1);
        info->id = g_strdup(d->id);
        info->auth = d->args.password ? "vnc" : "none";
        info->listen = g_new0(VncPeer, d->n_listen);
        for (unsigned k = 0; k < d->n_listen; k++)
            info->listen[info->n_listen++] = peer_copy(&d->listen[k]);
        g_mutex_lock(&s->lock);
        info->client = g_new0(VncPeer, d->clients->len);
        for (unsigned k = 0; k < d->clients->len; k++)
            info->client[info->n_client++] = peer_copy(&((VncClient *)d->clients->pdata[k])->peer);
        g_mutex_unlock(&s->lock);
        g_ptr_array_add(list, info);
    }
    return list;
}
