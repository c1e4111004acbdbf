/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -netdev tap and bridge: a TAP interface of the host's. With vnet_hdr each frame has the header
 * of virtio 1.2, 5.1.6 before it: large and unsummed frames pass as they are to whom can take them.
 * What the peer takes may change at any time (a guest's driver negotiates it): the kernel is told
 * before the next read, and the core completes what was under way.
 * Not served: vhost, several queues. Threads: main; receive() also on a vCPU, machine lock held.
 */
#include <errno.h>
#include <glib-unix.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "net/tap-int.h"
#include "util/iov.h"
#include "util/log.h"

enum { TURN = 64, NO_OFFLOADS = -1 }; /* TURN: frames before others in the loop get their turn */
static const char script_up[] = "/etc/qemu-ifup", script_down[] = "/etc/qemu-ifdown";

G_STATIC_ASSERT(sizeof(NetMeta) == 10);

typedef struct Tap {
    NetPort port;
    int fd;
    bool vnet_hdr;
    char ifname[TAP_NAME];
    char *script, *downscript, *info;
    guint in_watch, out_watch;
    int offloads; /* TUN_F_ that the kernel was told; NO_OFFLOADS: nothing yet */
    size_t len;   /* of the frame that the peer has yet to take; 0: none */
    NetMeta meta;
    uint8_t frame[NET_MAX_FRAME];
} Tap;

/* clang-format off */
static const Prop TapArgs_rows[] = {
    PROP_STR (TapArgs, ifname,     "ifname",     NULL,  "name of the interface (default: the next free tapN)"),
    PROP_STR (TapArgs, fd,         "fd",         NULL,  "descriptor of an opened TAP interface"),
    PROP_STR (TapArgs, fds,        "fds",        NULL,  "descriptors, one per queue, separated by ':'"),
    PROP_STR (TapArgs, script,     "script",     NULL,  "program that sets it up (default /etc/qemu-ifup); no: none"),
    PROP_STR (TapArgs, downscript, "downscript", NULL,  "program that takes it down (default /etc/qemu-ifdown); no: none"),
    PROP_STR (TapArgs, br,         "br",         NULL,  "bridge that the helper puts it in (default br0)"),
    PROP_STR (TapArgs, helper,     "helper",     NULL,  "program that opens it for us"),
    PROP_SIZE(TapArgs, sndbuf,     "sndbuf",     0,     "bytes under way to the host before the guest waits; 0: no limit"),
    PROP_BOOL(TapArgs, vnet_hdr,   "vnet_hdr",   AUTO,  "pass large and unsummed frames"),
    PROP_BOOL(TapArgs, vhost,      "vhost",      AUTO,  "packets by the kernel; only off is supported"),
    PROP_STR (TapArgs, vhostfd,    "vhostfd",    NULL,  "not supported", PROP_HIDDEN),
    PROP_STR (TapArgs, vhostfds,   "vhostfds",   NULL,  "not supported", PROP_HIDDEN),
    PROP_BOOL(TapArgs, vhostforce, "vhostforce", AUTO,  "only off is supported", PROP_HIDDEN),
    PROP_INT (TapArgs, queues,     "queues",     1,     "number of queues; only 1 is supported"),
    PROP_INT (TapArgs, poll_us,    "poll-us",    0,     "vhost's busy polling; only 0 is supported", PROP_HIDDEN),
    PROP_END (TapArgs)
};
/* clang-format on */

/* ---- from the host ---- */

static void tap_watch(Tap *, bool in);

/* The kernel may leave undone what the peer takes. */
static void tell_offloads(Tap *t)
{
    static const int bits[][2] = { { NET_CSUM, TUN_F_CSUM },
                                   { NET_TSO4, TUN_F_TSO4 },
                                   { NET_TSO6, TUN_F_TSO6 },
                                   { NET_ECN, TUN_F_TSO_ECN },
                                   { NET_UFO, TUN_F_UFO } };
    unsigned takes = net_offloads(&t->port, ~0u);
    int flags = 0;

    if (!t->vnet_hdr)
        return;
    for (size_t i = 0; i < G_N_ELEMENTS(bits); i++)
        flags |= takes & bits[i][0] ? bits[i][1] : 0;
    if (!(flags & TUN_F_CSUM)) /* without it the kernel takes none of the others */
        flags = 0;
    if (flags == t->offloads)
        return;
    t->offloads = flags;
    if (ioctl(t->fd, TUNSETOFFLOAD, flags) != 0 && flags & TUN_F_UFO)
        ioctl(t->fd, TUNSETOFFLOAD, flags & ~TUN_F_UFO);
}

/* false: nothing there */
static bool tap_read(Tap *t)
{
    size_t head = t->vnet_hdr ? sizeof(t->meta) : 0;
    struct iovec two[2] = { { &t->meta, head }, { t->frame, sizeof(t->frame) } };
    ssize_t n;

    do {
        n = readv(t->fd, two + !head, head ? 2 : 1);
    } while (n < 0 && errno == EINTR);
    if (n > (ssize_t)head)
        t->len = (size_t)n - head;
    else if (n < 0 && errno != EAGAIN) {
        warn_print("netdev %s: interface %s is gone: %s", t->port.name, t->ifname,
                   g_strerror(errno));
        tap_watch(t, false);
    }
    return t->len;
}

static bool tap_pass(Tap *t)
{
    struct iovec one = { t->frame, t->len };

    if (net_send(&t->port, &one, 1, t->vnet_hdr ? &t->meta : NULL) == 0)
        return false;
    t->len = 0;
    return true;
}

static gboolean tap_readable(gint fd, GIOCondition what, gpointer o)
{
    Tap *t = o;

    tell_offloads(t);
    for (int i = 0; i < TURN && tap_read(t); i++) {
        if (!tap_pass(t)) {
            t->in_watch = 0;
            return G_SOURCE_REMOVE;
        }
    }
    return t->in_watch ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void tap_watch(Tap *t, bool in)
{
    if (in && !t->in_watch)
        t->in_watch = g_unix_fd_add(t->fd, G_IO_IN, tap_readable, t);
    else if (!in && t->in_watch)
        g_source_remove(t->in_watch);
    if (!in)
        t->in_watch = 0;
}

static void tap_resume(void *o)
{
    Tap *t = o;

    if (!t->len || tap_pass(t))
        tap_watch(t, true);
}

/* ---- to the host ---- */

static gboolean tap_writable(gint fd, GIOCondition what, gpointer o)
{
    Tap *t = o;

    t->out_watch = 0;
    net_resume(&t->port);
    return G_SOURCE_REMOVE;
}

static ssize_t tap_writev(Tap *t, const struct iovec *iov, int n, const NetMeta *meta)
{
    static const NetMeta plain;
    struct iovec all[NET_MAX_IOV];
    int head = t->vnet_hdr;

    if (head)
        all[0] = (struct iovec){ (void *)(meta ? meta : &plain), sizeof(*meta) };
    memcpy(all + head, iov, sizeof(*iov) * (size_t)n);
    return writev(t->fd, all, n + head);
}

static ssize_t tap_receive(void *o, const struct iovec *iov, int n, const NetMeta *meta)
{
    Tap *t = o;
    g_autofree uint8_t *copy = NULL;
    struct iovec one;
    ssize_t done;

    if (n >= NET_MAX_IOV) {
        one.iov_len = iov_bytes(iov, n);
        one.iov_base = copy = g_malloc(one.iov_len);
        iov_to_buf(iov, n, 0, copy, one.iov_len);
        iov = &one;
        n = 1;
    }
    do {
        done = tap_writev(t, iov, n, meta);
    } while (done < 0 && errno == EINTR);
    if (done >= 0)
        return 1;
    if (errno == EAGAIN) {
        if (!t->out_watch)
            t->out_watch = g_unix_fd_add(t->fd, G_IO_OUT, tap_writable, t);
        return 0;
    }
    /* EIO: the interface is down, a cable that is out; the rest no sender could help */
    LOG(LOG_GUEST_ERRORS, "net: %s: a frame is lost: %s\n", t->port.name, g_strerror(errno));
    return 1;
}

/* ---- opening ---- */

static void tap_start(Tap *t, const TapArgs *a)
{
    int sndbuf = a->sndbuf && a->sndbuf < INT_MAX ? (int)a->sndbuf : INT_MAX;

    t->offloads = NO_OFFLOADS;
    if (ioctl(t->fd, TUNSETSNDBUF, &sndbuf) != 0 && a->sndbuf)
        warn_print("netdev %s: sndbuf= cannot be set: %s", t->port.name, g_strerror(errno));
    if (t->vnet_hdr) {
        int size = sizeof(NetMeta);
        unsigned takes = NET_CSUM | NET_TSO4 | NET_TSO6 | NET_ECN;

        ioctl(t->fd, TUNSETVNETHDRSZ, &size);
        if (ioctl(t->fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_UFO) == 0)
            takes |= NET_UFO;
        net_set_takes(&t->port, takes);
        tell_offloads(t);
    }
    tap_watch(t, true);
}

static bool not_served(const TapArgs *a, GError **err)
{
    if (a->vhost == 1 || a->vhostforce == 1 || a->vhostfd || a->vhostfds || a->poll_us)
        return user_fail(err, "vhost is not supported yet; leave vhost= out or write vhost=off");
    if (a->queues != 1 || (a->fds && strchr(a->fds, ':')))
        return user_fail(err, "several queues are not supported yet");
    return true;
}

static bool excluded(const TapArgs *a, GError **err)
{
    bool own = a->ifname || a->script || a->downscript || a->vnet_hdr != AUTO;

    if (a->fd && a->fds)
        return user_fail(err, "fd= and fds= exclude each other");
    if ((a->fd || a->fds) && (own || a->helper || a->br))
        return user_fail(err, "ifname=, script=, downscript=, vnet_hdr=, br= and helper= are "
                              "invalid with fd=");
    return !(a->helper || a->br) || !own ||
           user_fail(err, "ifname=, script=, downscript= and vnet_hdr= are invalid with helper= "
                          "and br=");
}

static bool open_with_script(Tap *t, const TapArgs *a, GError **err)
{
    t->script = g_strdup(a->script ? a->script : script_up);
    t->downscript = g_strdup(a->downscript ? a->downscript : script_down);
    t->fd = tap_open_device(a, t->ifname, &t->vnet_hdr, err);
    if (t->fd < 0)
        return false;
    if (a->vnet_hdr == 1 && !t->vnet_hdr)
        return user_fail(err, "vnet_hdr=1 requested, but no kernel support for IFF_VNET_HDR "
                              "available");
    t->info =
        g_strdup_printf("ifname=%s,script=%s,downscript=%s", t->ifname, t->script, t->downscript);
    if (!tap_no_script(t->downscript)) { /* -daemonize goes to another directory */
        g_free(t->downscript);
        t->downscript = g_canonicalize_filename(a->downscript ? a->downscript : script_down, NULL);
    }
    return tap_script(t->script, t->ifname, err);
}

static bool open_any(Tap *t, const TapArgs *a, GError **err)
{
    const char *fd = a->fd ? a->fd : a->fds, *br = a->br ? a->br : "br0";

    if (fd) {
        t->fd = tap_open_fd(fd, t->ifname, &t->vnet_hdr, err);
        t->info = g_strdup_printf("fd=%d", t->fd);
    } else if (a->helper || a->br) {
        t->fd = tap_open_helper(a->helper, br, t->ifname, &t->vnet_hdr, err);
        t->info =
            g_strdup_printf("helper=%s,br=%s", a->helper ? a->helper : tap_default_helper, br);
    } else {
        return open_with_script(t, a, err);
    }
    return t->fd >= 0;
}

static void tap_free(Tap *t)
{
    tap_watch(t, false);
    if (t->out_watch)
        g_source_remove(t->out_watch);
    if (t->fd >= 0)
        close(t->fd);
    g_free(t->script);
    g_free(t->downscript);
    g_free(t->info);
}

static bool tap_open(NetPort *p, const void *args, GError **err)
{
    const TapArgs *a = args;
    Tap *t = (Tap *)p;

    t->fd = -1;
    if (!not_served(a, err) || !excluded(a, err) || !open_any(t, a, err)) {
        tap_free(t);
        return false;
    }
    tap_start(t, a);
    return true;
}

static void tap_close(NetPort *p)
{
    Tap *t = (Tap *)p;
    g_autoptr(GError) err = NULL;

    if (!tap_script(t->downscript, t->ifname, &err))
        warn_print("%s", err->message);
    tap_free(t);
}

static void tap_info(NetPort *p, GString *out)
{
    g_string_append(out, ((Tap *)p)->info);
}

static const NetDriver tap = {
    .name = "tap",
    .desc = "a TAP interface of the host",
    .size = sizeof(Tap),
    .props = TapArgs_rows,
    .ops = { .receive = tap_receive, .resume = tap_resume },
    .open = tap_open,
    .close = tap_close,
    .info = tap_info,
};
REGISTER(net, tap);

/* ---- -netdev bridge: a TAP by the helper ---- */

typedef struct BridgeArgs {
    char *br, *helper;
} BridgeArgs;

/* clang-format off */
static const Prop BridgeArgs_rows[] = {
    PROP_STR(BridgeArgs, br,     "br",     "br0", "bridge of the host's"),
    PROP_STR(BridgeArgs, helper, "helper", NULL,  "program that opens a TAP in it (default /usr/lib/qemu/qemu-bridge-helper)"),
    PROP_END(BridgeArgs)
};
/* clang-format on */

static bool bridge_open(NetPort *p, const void *args, GError **err)
{
    const BridgeArgs *b = args;
    TapArgs a;
    bool ok;

    prop_defaults(TapArgs_rows, &a);
    a.br = g_strdup(b->br);
    a.helper = g_strdup(b->helper);
    ok = tap_open(p, &a, err);
    prop_free(TapArgs_rows, &a);
    return ok;
}

static const NetDriver bridge = {
    .name = "bridge",
    .desc = "a TAP interface in a bridge, opened by a helper",
    .size = sizeof(Tap),
    .props = BridgeArgs_rows,
    .ops = { .receive = tap_receive, .resume = tap_resume },
    .open = bridge_open,
    .close = tap_close,
    .info = tap_info,
};
REGISTER(net, bridge);
