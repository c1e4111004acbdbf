/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A viewer's way in: version, security, ClientInit, and its place beside the others. Each step
 * takes its bytes or waits for more; ten seconds for all of it. Source: RFC 6143, 7.1-7.3. Thread:
 * vnc-io.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ui/vnc-int.h"

static void put32(VncClient *c, uint32_t v)
{
    v = GUINT32_TO_BE(v);
    vnc_client_put(c, &v, 4);
}

static void client_fail(VncClient *c, const char *reason)
{
    if (c->minor >= 8 && reason) {
        put32(c, strlen(reason) + 1);
        vnc_client_put(c, reason, strlen(reason) + 1);
    }
    vnc_client_fail(c);
}

static void refuse(VncClient *c)
{
    put32(c, 1);
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
        vnc_client_fail(c);
        return 12;
    }
    /* 3.4 to 3.6 never were: some viewers say 3.5 and mean 3.3 */
    c->minor = minor >= 8 ? 8 : minor == 7 ? 7 : 3;
    bool password = c->display->args.password;
    uint8_t type = password ? 2 : 1;
    if (c->minor == 3) {
        put32(c, type);
        c->state = password ? VNC_RESPONSE : VNC_INIT;
        if (password) {
            vnc_challenge(c->challenge);
            vnc_client_put(c, c->challenge, 16);
        }
    } else {
        vnc_client_put(c, (uint8_t[]){ 1, type }, 2);
        c->state = VNC_SECURITY;
    }
    return 12;
}

static size_t take_security(VncClient *c)
{
    bool password = c->display->args.password;
    if (c->in->data[0] != (password ? 2 : 1)) {
        put32(c, 1);
        client_fail(c, "Unsupported security type");
    } else if (password) {
        vnc_challenge(c->challenge);
        vnc_client_put(c, c->challenge, 16);
        c->state = VNC_RESPONSE;
    } else {
        if (c->minor >= 8)
            put32(c, 0);
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
        put32(c, 0);
        c->state = VNC_INIT;
    } else {
        refuse(c);
    }
    return 16;
}

/* share policy: an exclusive viewer sends the others away; where all must share it is refused */
static bool share_ok(VncClient *c)
{
    VncDisplay *d = c->display;
    unsigned others = 0;
    bool alone = false; /* somebody asked to be */
    g_mutex_lock(&d->server->lock);
    for (unsigned i = 0; i < d->clients->len; i++) {
        VncClient *other = d->clients->pdata[i];
        if (other == c || other->state < VNC_WAIT_LIVE || other->state == VNC_FAILING ||
            other->hung_up)
            continue;
        bool exclusive = d->args.share == VNC_SHARE_ALLOW_EXCLUSIVE && !c->shared;
        if (exclusive)
            vnc_client_fail(other);
        else
            others++;
        alone = alone || !other->shared;
    }
    g_mutex_unlock(&d->server->lock);
    if (d->args.share == VNC_SHARE_FORCE_SHARED && !c->shared)
        return false;
    if (d->args.share == VNC_SHARE_ALLOW_EXCLUSIVE && c->shared && alone)
        return false;
    return others < d->args.connections;
}

static size_t take_init(VncClient *c)
{
    VncDisplay *d = c->display;
    c->shared = c->in->data[0];
    if (!share_ok(c)) {
        vnc_client_fail(c);
        return 1;
    }
    c->state = VNC_WAIT_LIVE;
    c->source = input_source_new(d->server->vm, "vnc");
    if (!d->viewers++)
        view_want(d->view, 33);
    vnc_client_event(c, 'i');
    return 1;
}

/* The size is known: hand the encoder its end of a pair, and play a plain RFB 3.3 viewer to it. */
bool vnc_relay_start(VncClient *c)
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

size_t vnc_login(VncClient *c)
{
    switch (c->state) {
    case VNC_VERSION: return take_version(c);
    case VNC_SECURITY: return take_security(c);
    case VNC_RESPONSE: return take_response(c);
    case VNC_INIT: return take_init(c);
    default: return 0;
    }
}
