/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vnc-io: sockets of the VNC server. Accepts, negotiates version and security, cuts the viewers'
 * bytes into whole messages, and moves the encoder's bytes out. Every viewer costs bounded memory:
 * its input is cut off at the longest message we take, its output at one picture (the encoder
 * waits). Source: RFC 6143, 7.1-7.5; extended key event: QEMU's RFB extension (message 255,
 * encoding -258).
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/event.h"
#include "ui/vnc-int.h"

enum {
    MSG_SET_PIXEL_FORMAT = 0,
    MSG_SET_ENCODINGS = 2,
    MSG_UPDATE_REQUEST = 3,
    MSG_KEY = 4,
    MSG_POINTER = 5,
    MSG_CUT_TEXT = 6,
    MSG_SET_DESKTOP_SIZE = 251,
    MSG_QEMU = 255,
};
enum { ENCODING_EXT_KEY = -258 };

#define READ_CHUNK 4096
#define IN_LIMIT   (VNC_ENCODINGS_MAX * 4 + 16 + READ_CHUNK)

static unsigned be16(const uint8_t *p)
{
    return p[0] << 8 | p[1];
}

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)be16(p) << 16 | be16(p + 2);
}

void vnc_wake(int fd)
{
    uint64_t one = 1;
    /* full means it is awake already */
    if (write(fd, &one, sizeof(one)) < 0)
        return;
}

/* ---- output ---- */
static void client_put(VncClient *c, const void *p, size_t n)
{
    g_byte_array_append(c->out, p, n);
    atomic_store(&c->queued, c->out->len - c->out_at);
}

static void client_put32(VncClient *c, uint32_t v)
{
    v = GUINT32_TO_BE(v);
    client_put(c, &v, 4);
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
    return (EventVncPeer){ .host = p->host, .service = p->service, .family = family };
}

/* what: connected, initialized, disconnected */
static void client_event(VncClient *c, char what)
{
    static const VncPeer nowhere = { (char *)"", (char *)"", "unix" };
    VncDisplay *d = c->display;
    Vm *vm = d->server->vm;
    EventVncPeer server = event_peer(d->n_listen ? &d->listen[0] : &nowhere);
    EventVncPeer client = event_peer(&c->peer);
    server.auth = (char *)(d->args.password ? "vnc" : "none");
    if (what == 'c')
        event_vnc_connected(vm, &(EventVncConnected){ server, client });
    else if (what == 'i')
        event_vnc_initialized(vm, &(EventVnc){ server, client });
    else
        event_vnc_disconnected(vm, &(EventVnc){ server, client });
}

/* ---- life ---- */
void vnc_client_add(VncDisplay *d, int fd, bool skip_auth)
{
    VncClient *c = g_new0(VncClient, 1);
    g_atomic_ref_count_init(&c->ref);
    c->display = d;
    c->fd = fd;
    c->pair = -1;
    c->skip_auth = skip_auth;
    c->in = g_byte_array_new();
    c->out = g_byte_array_new();
    c->deadline = g_get_monotonic_time() + VNC_HANDSHAKE_S * G_USEC_PER_SEC;
    c->x = c->y = -1;
    vnc_peer_of(fd, false, &c->peer);
    client_put(c, "RFB 003.008\n", 12);
    g_mutex_lock(&d->server->lock);
    g_ptr_array_add(d->clients, c);
    g_mutex_unlock(&d->server->lock);
    client_event(c, 'c');
    vnc_wake(d->server->io_wake);
}

void vnc_client_unref(VncClient *c)
{
    if (!g_atomic_ref_count_dec(&c->ref))
        return;
    g_byte_array_unref(c->in);
    g_byte_array_unref(c->out);
    vnc_peer_clear(&c->peer);
    g_free(c);
}

static void client_free(VncClient *c)
{
    VncServer *s = c->display->server;
    client_event(c, 'd');
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

static void display_accept(VncDisplay *d, int listen_fd)
{
    int fd = vnc_accept(listen_fd);
    if (fd < 0)
        return;
    unsigned waiting = 0;
    for (unsigned i = 0; i < d->clients->len; i++)
        waiting += ((VncClient *)d->clients->pdata[i])->state < VNC_RELAY;
    if (waiting >= VNC_MAX_WAITING || d->clients->len >= d->args.connections + VNC_MAX_WAITING) {
        close(fd);
        return;
    }
    vnc_client_add(d, fd, false);
}

/* ---- handshake: each step takes its bytes, or waits for more ---- */
static void client_fail(VncClient *c, const char *reason)
{
    if (c->minor >= 8 && reason) {
        client_put32(c, strlen(reason) + 1);
        client_put(c, reason, strlen(reason) + 1);
    }
    c->state = VNC_FAILING;
}

static void refuse(VncClient *c)
{
    client_put32(c, 1);
    client_fail(c, "Authentication failed");
}

/* -> bytes used, 0: wait for more */
static size_t take_version(VncClient *c)
{
    unsigned major, minor;
    char text[13] = { 0 };
    if (c->in->len < 12)
        return 0;
    memcpy(text, c->in->data, 12);
    if (sscanf(text, "RFB %03u.%03u\n", &major, &minor) != 2 || major != 3) {
        c->state = VNC_FAILING;
        return 12;
    }
    /* 3.4 to 3.6 never were: some viewers say 3.5 and mean 3.3 */
    c->minor = minor >= 8 ? 8 : minor == 7 ? 7 : 3;
    bool password = c->display->args.password && !c->skip_auth;
    uint8_t type = password ? 2 : 1;
    if (c->minor == 3) {
        client_put32(c, type);
        c->state = password ? VNC_RESPONSE : VNC_INIT;
        if (password) {
            vnc_challenge(c->challenge);
            client_put(c, c->challenge, 16);
        }
    } else {
        client_put(c, (uint8_t[]){ 1, type }, 2);
        c->state = VNC_SECURITY;
    }
    return 12;
}

static size_t take_security(VncClient *c)
{
    bool password = c->display->args.password && !c->skip_auth;
    if (c->in->data[0] != (password ? 2 : 1)) {
        client_put32(c, 1);
        client_fail(c, "Unsupported security type");
    } else if (password) {
        vnc_challenge(c->challenge);
        client_put(c, c->challenge, 16);
        c->state = VNC_RESPONSE;
    } else {
        if (c->minor >= 8)
            client_put32(c, 0);
        c->state = VNC_INIT;
    }
    return 1;
}

static bool password_ok(VncClient *c)
{
    VncDisplay *d = c->display;
    char password[9];
    g_mutex_lock(&d->server->lock);
    bool ok = d->password_set && d->expires > g_get_real_time() / G_USEC_PER_SEC;
    memcpy(password, d->password, sizeof(password));
    g_mutex_unlock(&d->server->lock);
    /* always computed: the time does not tell whether a password is set */
    bool right = vnc_response_ok(c->challenge, c->in->data, password);
    explicit_bzero(password, sizeof(password));
    return ok && right;
}

static size_t take_response(VncClient *c)
{
    if (c->in->len < 16)
        return 0;
    if (password_ok(c)) {
        client_put32(c, 0);
        c->state = VNC_INIT;
    } else {
        refuse(c);
    }
    return 16;
}

/* share policy: an exclusive viewer sends the others away, or is refused beside them */
static bool share_ok(VncClient *c)
{
    VncDisplay *d = c->display;
    unsigned others = 0;
    for (unsigned i = 0; i < d->clients->len; i++) {
        VncClient *other = d->clients->pdata[i];
        if (other == c || other->state < VNC_WAIT_LIVE || other->state == VNC_FAILING)
            continue;
        if (d->args.share == VNC_SHARE_ALLOW_EXCLUSIVE && !c->shared)
            other->state = VNC_FAILING;
        others++;
    }
    if (d->args.share == VNC_SHARE_FORCE_SHARED && !c->shared)
        return false;
    return others < d->args.connections;
}

static size_t take_init(VncClient *c)
{
    VncDisplay *d = c->display;
    c->shared = c->in->data[0];
    if (!share_ok(c)) {
        c->state = VNC_FAILING;
        return 1;
    }
    c->state = VNC_WAIT_LIVE;
    c->source = input_source_new(d->server->vm, "vnc");
    if (!d->viewers++)
        view_want(d->view, 33);
    client_event(c, 'i');
    return 1;
}

/* The size is known: hand the encoder its end of a pair, and play a plain RFB 3.3 viewer to it. */
static bool client_relay(VncClient *c)
{
    VncServer *s = c->display->server;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
        return false;
    if (pair[1] >= VNC_PAIR_FD_MAX || write(pair[0], "RFB 003.003\n\1", 13) != 13) {
        close(pair[0]);
        close(pair[1]);
        return false;
    }
    c->pair = pair[0];
    c->skip = 12 + 4; /* the library's version, its security type */
    c->state = VNC_RELAY;
    VncAdopt *a = g_new(VncAdopt, 1);
    g_atomic_ref_count_inc(&c->ref);
    *a = (VncAdopt){ c, c->display, pair[1] };
    g_mutex_lock(&s->lock);
    g_queue_push_tail(&s->adopt, a);
    g_mutex_unlock(&s->lock);
    vnc_wake(s->enc_wake);
    return true;
}

/* ---- messages of a running viewer ---- */
static bool pair_write(VncClient *c, const void *p, size_t n)
{
    /* the encoder reads all the time and messages are small: a full pair is a viewer that floods */
    return write(c->pair, p, n) == (ssize_t)n;
}

/*
 * What the library may know of: real encodings, desktop size and last rectangle, compression
 * levels; JPEG quality only where the user allowed loss. Others' extensions would make it send or
 * expect messages that we do not cut.
 */
static bool encoding_forwarded(const VncClient *c, int32_t encoding)
{
    bool quality = (encoding >= -32 && encoding <= -23) || (encoding >= -512 && encoding <= -412);
    bool wanted = encoding >= 0 || encoding == -223 || encoding == -224 ||
                  (encoding >= -256 && encoding <= -247);
    return wanted || (quality && c->display->args.lossy);
}

static bool forward_encodings(VncClient *c, unsigned n)
{
    const uint8_t *p = c->in->data;
    g_autoptr(GByteArray) out = g_byte_array_new();
    g_byte_array_append(out, p, 4);
    unsigned kept = 0;
    for (unsigned i = 0; i < n; i++) {
        const uint8_t *e = p + 4 + 4 * i;
        int32_t encoding = (int32_t)be32(e);
        if (encoding == ENCODING_EXT_KEY && !c->scancodes) {
            c->scancodes = true;
            atomic_store(&c->ack_scancodes, true);
        }
        if (encoding_forwarded(c, encoding)) {
            g_byte_array_append(out, e, 4);
            kept++;
        }
    }
    out->data[2] = kept >> 8;
    out->data[3] = kept;
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
    if (!rate_ok(c) || !vnc_input_pointer(c, p[1], be16(p + 2), be16(p + 4))) {
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
        return take_key(c, be16(p + 2), be32(p + 4), be32(p + 8), 12);
    }
    c->state = VNC_FAILING;
    return 2;
}

/* Cut text goes nowhere yet; it is dropped as it comes, so it costs no memory. */
static size_t take_cut_text(VncClient *c)
{
    if (c->in->len < 8)
        return 0;
    uint32_t n = be32(c->in->data + 4);
    if (n > VNC_CUT_MAX) {
        c->state = VNC_FAILING;
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
        c->state = VNC_FAILING;
    return n;
}

static size_t take_encodings(VncClient *c)
{
    if (c->in->len < 4)
        return 0;
    unsigned n = be16(c->in->data + 2);
    if (n > VNC_ENCODINGS_MAX || (c->in->len >= 4 + 4 * n && !forward_encodings(c, n))) {
        c->state = VNC_FAILING;
        return 4;
    }
    return c->in->len >= 4 + 4 * n ? 4 + 4 * n : 0;
}

static size_t take_desktop_size(VncClient *c)
{
    if (c->in->len < 8)
        return 0;
    size_t n = 8 + 16 * c->in->data[6];
    /* the guest chooses the size: not ours to change */
    return c->in->len >= n ? n : 0;
}

static bool pixel_format_ok(const uint8_t *p)
{
    /* bits per pixel, depth, true colour: what the library divides and shifts by */
    unsigned bpp = p[4], depth = p[5], max_shift = bpp;
    return (bpp == 8 || bpp == 16 || bpp == 32) && depth <= bpp && p[14] < max_shift &&
           p[15] < max_shift && p[16] < max_shift;
}

static size_t take_message(VncClient *c)
{
    const uint8_t *p = c->in->data;
    size_t have = c->in->len;
    switch (p[0]) {
    case MSG_SET_PIXEL_FORMAT:
        if (have >= 20 && !pixel_format_ok(p)) {
            c->state = VNC_FAILING;
            return 20;
        }
        return forward(c, 20);
    case MSG_SET_ENCODINGS: return take_encodings(c);
    case MSG_UPDATE_REQUEST: return forward(c, 10);
    case MSG_KEY: return have >= 8 ? take_key(c, p[1], be32(p + 4), 0, 8) : 0;
    case MSG_POINTER: return have >= 6 ? take_pointer(c) : 0;
    case MSG_CUT_TEXT: return take_cut_text(c);
    case MSG_SET_DESKTOP_SIZE: return take_desktop_size(c);
    case MSG_QEMU: return take_qemu(c);
    default: c->state = VNC_FAILING; return 1;
    }
}

static size_t take(VncClient *c)
{
    switch (c->state) {
    case VNC_VERSION: return take_version(c);
    case VNC_SECURITY: return take_security(c);
    case VNC_RESPONSE: return take_response(c);
    case VNC_INIT: return take_init(c);
    case VNC_RELAY: return take_message(c);
    default: return 0;
    }
}

static void client_consume(VncClient *c)
{
    size_t used;
    c->input_blocked = false;
    while (c->in->len && c->state != VNC_FAILING && (used = take(c)))
        g_byte_array_remove_range(c->in, 0, MIN(used, c->in->len));
}

/* ---- the loop ---- */
static bool client_readable(const VncClient *c)
{
    return !c->input_blocked && c->state != VNC_FAILING && c->in->len < IN_LIMIT &&
           atomic_load(&c->queued) < VNC_QUEUE_STOP;
}

static bool client_read(VncClient *c)
{
    uint8_t buf[READ_CHUNK];
    ssize_t n = recv(c->fd, buf, sizeof(buf), 0);
    if (n <= 0)
        return n < 0 && (errno == EAGAIN || errno == EINTR);
    g_byte_array_append(c->in, buf, n);
    client_consume(c);
    return true;
}

/* the encoder's bytes, always taken: it would block everybody otherwise */
static bool client_drain_pair(VncClient *c)
{
    uint8_t buf[64 << 10];
    ssize_t n;
    while ((n = read(c->pair, buf, sizeof(buf))) > 0) {
        size_t skip = MIN((size_t)n, c->skip);
        c->skip -= skip;
        client_put(c, buf + skip, n - skip);
    }
    return n < 0 && (errno == EAGAIN || errno == EINTR);
}

static bool client_step(VncClient *c, short viewer, short pair)
{
    bool alive = !(viewer & (POLLERR | POLLNVAL));
    if (alive && viewer & POLLIN && client_readable(c))
        alive = client_read(c);
    else if (alive && viewer & (POLLHUP | POLLRDHUP) && !(viewer & POLLIN))
        alive = false;
    if (alive && c->input_blocked)
        client_consume(c);
    if (alive && c->state == VNC_WAIT_LIVE && view_live(c->display->view) &&
        atomic_load(&c->display->width)) {
        alive = client_relay(c);
        client_consume(c);
    }
    if (alive && pair & (POLLIN | POLLHUP))
        alive = client_drain_pair(c);
    alive = alive && client_flush(c);
    out_account(c);
    if (c->state == VNC_FAILING && c->out_at >= c->out->len)
        alive = false;
    if (c->state < VNC_WAIT_LIVE && g_get_monotonic_time() > c->deadline)
        alive = false;
    return alive;
}

typedef struct Polled {
    VncDisplay *display;
    VncClient *client;
    bool pair;
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
    g_mutex_lock(&s->lock);
    for (unsigned i = 0; i < s->displays->len; i++) {
        VncDisplay *d = s->displays->pdata[i];
        for (unsigned k = 0; k < d->listen_fds->len; k++)
            add_poll(fds, who, g_array_index(d->listen_fds, int, k), POLLIN,
                     (Polled){ d, NULL, false });
        for (unsigned k = 0; k < d->clients->len; k++) {
            VncClient *c = d->clients->pdata[k];
            short events = POLLRDHUP | (client_readable(c) ? POLLIN : 0) |
                           (c->out_at < c->out->len ? POLLOUT : 0);
            add_poll(fds, who, c->fd, events, (Polled){ d, c, false });
            add_poll(fds, who, c->pair, POLLIN, (Polled){ d, c, true });
            if (c->input_blocked)
                wait = 10;
            else if (c->state < VNC_WAIT_LIVE && wait < 0)
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
        if (poll(p, fds->len, wait) < 0 && errno != EINTR)
            break;
        if (p[0].revents)
            drain_wake(s->io_wake);
        for (unsigned i = 1; i < fds->len; i++) {
            Polled *w = &g_array_index(who, Polled, i);
            if (w->client && !w->pair) {
                /* its pair is the next entry */
                if (!client_step(w->client, p[i].revents, p[i + 1].revents))
                    client_free(w->client);
                i++;
            } else if (!w->client && p[i].revents & POLLIN) {
                display_accept(w->display, p[i].fd);
            }
        }
    }
    for (unsigned i = 0; i < s->displays->len; i++) {
        VncDisplay *d = s->displays->pdata[i];
        while (d->clients->len)
            client_free(d->clients->pdata[0]);
    }
    return NULL;
}
