/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vnc-io: sockets of the VNC server. Accepts, feeds what viewers send to the handshake
 * (vnc-login.c) and to the messages (vnc-msg.c), and moves the encoder's bytes out. Every viewer
 * costs bounded memory: its input is cut off at the longest message we take, its output at one
 * picture (the encoder waits). A WebSocket is unwrapped before and wrapped behind all that.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/event.h"
#include "ui/vnc-int.h"

#define READ_CHUNK 4096
#define IN_LIMIT   (VNC_ENCODINGS_MAX * 4 + 16 + READ_CHUNK)

void vnc_wake(int fd)
{
    uint64_t one = 1;
    /* full means it is awake already */
    if (write(fd, &one, sizeof(one)) < 0)
        return;
}

/* ---- output ---- */
/* Nothing is sent any more, or only its last words. */
static bool is_leaving(const VncClient *c)
{
    return c->hung_up || c->state == VNC_FAILING;
}

void vnc_client_put(VncClient *c, const void *p, size_t n)
{
    if (c->ws)
        ws_wrap(c->out, p, n);
    else
        g_byte_array_append(c->out, p, n);
    atomic_store(&c->queued, c->out->len - c->out_at);
}

/* false: gone */
static bool client_flush(VncClient *c)
{
    while (c->out_at < c->out->len) {
        ssize_t n = send(c->fd, c->out->data + c->out_at, c->out->len - c->out_at, MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        c->out_at += n;
    }
    g_byte_array_set_size(c->out, 0);
    c->out_at = 0;
    return true;
}

static void out_account(VncClient *c)
{
    /* keep what is sent from growing the front for ever */
    if (c->out_at > 256 << 10) {
        g_byte_array_remove_range(c->out, 0, c->out_at);
        c->out_at = 0;
    }
    size_t before = atomic_exchange(&c->queued, c->out->len - c->out_at);
    if (before >= VNC_QUEUE_HOLD && c->out->len - c->out_at < VNC_QUEUE_HOLD)
        vnc_wake(c->display->server->enc_wake);
}

/* ---- events ---- */
static EventVncPeer event_peer(const VncPeer *p)
{
    uint8_t family = p->family[0] == 'u' ? 2 : p->family[3] == '6';
    return (EventVncPeer){
        .host = p->host, .service = p->service, .family = family, .websocket = p->websocket
    };
}

void vnc_client_event(VncClient *c, char what)
{
    static const VncPeer nowhere = { (char *)"", (char *)"", "unix", false };
    VncDisplay *d = c->display;
    Vm *vm = d->server->vm;
    const VncPeer *at = &nowhere;
    for (unsigned i = d->n_listen; i-- > 0;)
        if (d->listen[i].websocket == c->peer.websocket)
            at = &d->listen[i];
    EventVncPeer server = event_peer(at);
    EventVncPeer client = event_peer(&c->peer);
    server.auth = (char *)(d->args.password ? "vnc" : "none");
    if (what == 'c')
        event_vnc_connected(vm, &(EventVncConnected){ server, client });
    else if (what == 'i')
        event_vnc_initialized(vm, &(EventVnc){ server, client });
    else
        event_vnc_disconnected(vm, &(EventVnc){ server, client });
}

/* Its last words are sent, for as long as a handshake may take; then it is gone. */
void vnc_client_fail(VncClient *c)
{
    c->state = VNC_FAILING;
    c->deadline = g_get_monotonic_time() + VNC_HANDSHAKE_S * G_USEC_PER_SEC;
}

/* ---- life ---- */
void vnc_client_add(VncDisplay *d, int fd, bool websocket)
{
    VncClient *c = g_new0(VncClient, 1);
    g_atomic_ref_count_init(&c->ref);
    c->display = d;
    c->fd = fd;
    c->pair = -1;
    c->in = g_byte_array_new();
    c->out = g_byte_array_new();
    c->deadline = g_get_monotonic_time() + VNC_HANDSHAKE_S * G_USEC_PER_SEC;
    c->x = c->y = -1;
    vnc_peer_of(fd, false, &c->peer);
    c->peer.websocket = websocket;
    if (websocket) {
        c->ws = g_new(Ws, 1);
        ws_init(c->ws);
        c->state = VNC_UPGRADE;
    } else {
        c->state = VNC_VERSION;
        vnc_client_put(c, "RFB 003.008\n", 12);
    }
    vnc_client_event(c, 'c');
    g_mutex_lock(&d->server->lock);
    g_ptr_array_add(d->clients, c); /* vnc-io's from here on */
    g_mutex_unlock(&d->server->lock);
    vnc_wake(d->server->io_wake);
}

void vnc_client_unref(VncClient *c)
{
    if (!g_atomic_ref_count_dec(&c->ref))
        return;
    if (c->ws)
        ws_clear(c->ws);
    g_free(c->ws);
    g_byte_array_unref(c->in);
    g_byte_array_unref(c->out);
    vnc_peer_clear(&c->peer);
    g_free(c);
}

static bool has_deadline(const VncClient *c)
{
    return c->state < VNC_WAIT_LIVE || is_leaving(c);
}

static void client_free(VncClient *c)
{
    VncServer *s = c->display->server;
    atomic_store(&c->gone, true);
    vnc_client_event(c, 'd');
    g_mutex_lock(&s->lock);
    g_ptr_array_remove(c->display->clients, c);
    g_mutex_unlock(&s->lock);
    close(c->fd);
    if (c->pair >= 0)
        close(c->pair); /* the library sees the end and forgets it */
    if (c->source && !--c->display->viewers) {
        view_want(c->display->view, 0);
        atomic_store(&c->display->width, 0); /* the next viewer waits for the size it has then */
    }
    input_source_free(c->source);
    vnc_client_unref(c);
}

/*
 * A place for one more before ClientInit: where all are taken the one that waits longest goes, so a
 * flood of half handshakes keeps nobody out who is quicker. false: too many are still leaving.
 */
static bool display_has_place(VncDisplay *d)
{
    VncClient *oldest = NULL;
    unsigned waiting = 0;
    g_mutex_lock(&d->server->lock); /* main adds some: reverse */
    unsigned all = d->clients->len;
    for (unsigned i = all; i-- > 0;) {
        VncClient *c = d->clients->pdata[i];
        if (c->state < VNC_RELAY) {
            oldest = c;
            waiting++;
        }
    }
    g_mutex_unlock(&d->server->lock);
    if (waiting >= VNC_MAX_WAITING)
        vnc_client_fail(oldest);
    return all < (uint64_t)d->args.connections + 2 * VNC_MAX_WAITING;
}

static void display_accept(VncDisplay *d, int listen_fd, bool websocket)
{
    int fd = vnc_accept(listen_fd);
    if (fd >= 0 && display_has_place(d))
        vnc_client_add(d, fd, websocket);
    else if (fd >= 0)
        close(fd);
    else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) /* no descriptor left */
        d->server->accept_after = g_get_monotonic_time() + VNC_REST_MS * 1000;
}

/* ---- input ---- */
static void client_consume(VncClient *c)
{
    size_t used = 1;
    c->input_blocked = false;
    while (c->in->len && used) {
        if (c->state == VNC_RELAY)
            used = vnc_message(c);
        else
            used = vnc_login(c);
        g_byte_array_remove_range(c->in, 0, MIN(used, c->in->len));
    }
}

/* A whole raw picture may wait for a slow viewer: its keys still work. */
static size_t queue_most(const VncClient *c)
{
    size_t picture = 4 * (size_t)atomic_load(&c->display->width) * atomic_load(&c->display->height);
    return VNC_QUEUE_STOP + (c->state == VNC_RELAY ? picture : 0);
}

static bool client_readable(const VncClient *c)
{
    return !c->input_blocked && c->state != VNC_FAILING && c->in->len < IN_LIMIT &&
           atomic_load(&c->queued) < queue_most(c);
}

static bool client_read(VncClient *c)
{
    uint8_t buf[READ_CHUNK];
    ssize_t n = recv(c->fd, buf, sizeof(buf), 0);
    if (n <= 0)
        return n < 0 && (errno == EAGAIN || errno == EINTR);
    if (!c->ws) {
        g_byte_array_append(c->in, buf, n);
    } else if (!ws_feed(c->ws, buf, n, c->in, c->out)) {
        vnc_client_fail(c); /* its last word is sent first */
    } else if (c->state == VNC_UPGRADE && c->ws->state != WS_HTTP) {
        c->state = VNC_VERSION;
        vnc_client_put(c, "RFB 003.008\n", 12);
    }
    client_consume(c);
    return true;
}

/* the encoder's bytes, always taken: it would block everybody otherwise */
static bool client_drain_pair(VncClient *c)
{
    uint8_t buf[64 << 10];
    ssize_t n;
    while ((n = read(c->pair, buf, sizeof(buf))) > 0) {
        size_t skip = is_leaving(c) ? (size_t)n : MIN((size_t)n, c->skip);
        c->skip -= MIN(skip, c->skip);
        vnc_client_put(c, buf + skip, n - skip);
    }
    return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/*
 * The viewer closed its side. A program types and leaves: what it sent before is still read, as
 * fast as the guest takes it.
 */
static void client_hung_up(VncClient *c)
{
    c->hung_up = true;
    c->deadline = g_get_monotonic_time() + VNC_HANDSHAKE_S * G_USEC_PER_SEC;
    g_byte_array_set_size(c->out, 0);
    c->out_at = 0;
    out_account(c);
}

/* false: there is nothing more to hear from it */
static bool client_listen(VncClient *c, short viewer)
{
    bool alive = true;
    if (!c->hung_up && viewer & (POLLERR | POLLHUP | POLLRDHUP)) {
        if (c->state != VNC_RELAY)
            return false;
        client_hung_up(c);
    }
    if ((c->hung_up || viewer & POLLIN) && client_readable(c))
        alive = client_read(c);
    if (alive && c->input_blocked)
        client_consume(c);
    return alive && !(c->hung_up && c->state == VNC_FAILING);
}

static bool client_step(VncClient *c, short viewer, short pair)
{
    bool alive = !(viewer & POLLNVAL) && client_listen(c, viewer);
    if (alive && c->state == VNC_WAIT_LIVE && view_live(c->display->view) &&
        atomic_load(&c->display->width)) {
        alive = vnc_relay_start(c);
        client_consume(c);
    }
    if (alive && pair & (POLLIN | POLLHUP))
        alive = client_drain_pair(c);
    if (alive && !client_flush(c)) {
        alive = c->state == VNC_RELAY && !c->hung_up;
        client_hung_up(c);
    }
    out_account(c);
    if (c->state == VNC_FAILING && c->out_at >= c->out->len)
        alive = false;
    if (has_deadline(c) && g_get_monotonic_time() > c->deadline)
        alive = false;
    return alive;
}

/* ---- the loop ---- */
typedef struct Polled {
    VncDisplay *display;
    VncClient *client;
    bool pair, websocket;
} Polled;

static void add_poll(GArray *fds, GArray *who, int fd, short events, Polled p)
{
    g_array_append_vals(fds, &(struct pollfd){ .fd = fd, .events = events }, 1);
    g_array_append_vals(who, &p, 1);
}

/* -> ms until something is due, -1: nothing */
static int collect(VncServer *s, GArray *fds, GArray *who)
{
    int wait = -1;
    g_array_set_size(fds, 0);
    g_array_set_size(who, 0);
    add_poll(fds, who, s->io_wake, POLLIN, (Polled){ 0 });
    bool rest = g_get_monotonic_time() < s->accept_after;
    if (rest)
        wait = VNC_REST_MS;
    g_mutex_lock(&s->lock);
    for (unsigned i = 0; i < s->displays->len; i++) {
        VncDisplay *d = s->displays->pdata[i];
        for (unsigned k = 0; k < d->listen_fds->len; k++) {
            VncListen *l = &g_array_index(d->listen_fds, VncListen, k);
            add_poll(fds, who, rest ? -1 : l->fd, POLLIN, (Polled){ d, NULL, false, l->websocket });
        }
        for (unsigned k = 0; k < d->clients->len; k++) {
            VncClient *c = d->clients->pdata[k];
            short events = POLLRDHUP | (client_readable(c) ? POLLIN : 0) |
                           (c->out_at < c->out->len ? POLLOUT : 0);
            /* a hang-up stays: it is not waited for, but tried again */
            add_poll(fds, who, c->hung_up ? -1 : c->fd, events, (Polled){ d, c, false, false });
            if (c->pair >= 0)
                add_poll(fds, who, c->pair, POLLIN, (Polled){ d, c, true, false });
            if (c->state == VNC_FAILING && c->out_at >= c->out->len)
                wait = 0; /* another viewer's exclusive wish ended it */
            else if ((c->input_blocked || c->hung_up) && wait)
                wait = client_readable(c) ? 0 : 10;
            else if (has_deadline(c) && wait < 0)
                wait = 1000;
        }
    }
    g_mutex_unlock(&s->lock);
    return wait;
}

static void drain_wake(int fd)
{
    uint64_t n;
    if (read(fd, &n, sizeof(n)) < 0)
        return;
}

gpointer vnc_io_thread(gpointer server)
{
    VncServer *s = server;
    g_autoptr(GArray) fds = g_array_new(FALSE, FALSE, sizeof(struct pollfd));
    g_autoptr(GArray) who = g_array_new(FALSE, FALSE, sizeof(Polled));
    while (!atomic_load(&s->stop)) {
        int wait = collect(s, fds, who);
        struct pollfd *p = (struct pollfd *)fds->data;
        if (poll(p, fds->len, wait) < 0) {
            if (errno != EINTR) /* no memory: it passes */
                g_usleep(VNC_REST_MS * 1000);
            continue;
        }
        if (p[0].revents)
            drain_wake(s->io_wake);
        for (unsigned i = 1; i < fds->len; i++) {
            Polled *w = &g_array_index(who, Polled, i);
            if (!w->client) {
                if (p[i].revents & POLLIN)
                    display_accept(w->display, p[i].fd, w->websocket);
                continue;
            }
            /* its pair, if it has one, is the next entry */
            bool pair = i + 1 < fds->len && g_array_index(who, Polled, i + 1).pair;
            if (!client_step(w->client, p[i].revents, pair ? p[i + 1].revents : 0))
                client_free(w->client);
            i += pair;
        }
    }
    for (unsigned i = 0; i < s->displays->len; i++) {
        VncDisplay *d = s->displays->pdata[i];
        while (d->clients->len)
            client_free(d->clients->pdata[0]);
    }
    return NULL;
}
