/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -netdev user: libslirp's NAT, DHCP, TFTP and DNS behind one port, no privileges needed.
 * user-conf.c reads addresses, user-frag.c and user-filter.c keep away what libslirp 4.7 cannot
 * bear, user-loop.c polls, user-fwd.c forwards. Emulation of protocols (enable_emu) stays off: its
 * code is unsafe. Threads: main or a vCPU, machine lock held.
 */
#include "net/user-int.h"
#include "util/iov.h"
#include "util/log.h"

enum { MOST_SAID = 10 };

static ssize_t user_receive(void *o, const struct iovec *iov, int n, const NetMeta *meta)
{
    User *u = o;
    size_t len = iov_bytes(iov, n), whole;

    if (user_full(u))
        return 0;
    iov_to_buf(iov, n, 0, u->frame, len);
    whole = user_whole(u, len);
    if (!whole)
        return (ssize_t)len;
    if (!user_filter(u->frame, whole, &u->room)) {
        LOG(LOG_GUEST_ERRORS, "net: %s: a frame that libslirp must not see is lost\n",
            u->port.name);
        return (ssize_t)len;
    }
    slirp_input(u->slirp, u->frame, (int)whole);
    user_loop_wake(u);
    return (ssize_t)len;
}

static void user_resume(void *o)
{
    user_flush(o);
}

/* What libslirp would write to stderr by itself. A guest can make it speak with each frame. */
static void slirp_says(const char *domain, GLogLevelFlags level, const char *text, void *o)
{
    User *u = o;

    if (u->said++ < MOST_SAID)
        warn_print("libslirp: %s", text);
}

/* Port 0 takes a free one: which, the user has to be told. */
static bool forward(User *u, const char *rule, GError **err)
{
    uint16_t asked, port;

    if (!user_hostfwd(u, rule, &asked, &port, err))
        return false;
    if (!asked)
        info_print("hostfwd=%s: the host's port is %u", rule, port);
    return true;
}

static bool forward_all(User *u, const UserArgs *a, GError **err)
{
    for (size_t i = 0; i < a->hostfwd.n; i++) {
        if (!forward(u, a->hostfwd.at[i].str, err))
            return false;
    }
    for (size_t i = 0; i < a->guestfwd.n; i++) {
        if (!user_guestfwd(u, a->guestfwd.at[i].str, err))
            return false;
    }
    return !a->smb || user_smb(u, a->smb, err);
}

static void user_close(NetPort *p)
{
    User *u = (User *)p;

    slirp_cleanup(u->slirp);
    user_fwd_fini(u);
    user_loop_fini(u);
    g_log_remove_handler("Slirp", u->log);
    g_free(u->frags);
}

static bool user_open(NetPort *p, const void *args, GError **err)
{
    const UserArgs *a = args;
    User *u = (User *)p;
    UserConf conf;

    if (!user_conf(a, &conf, &u->net, err)) {
        user_conf_clear(&conf);
        return false;
    }
    u->restricted = a->restrict_net;
    u->dhcp = conf.c.vdhcp_start;
    u->smb_server = conf.smb_server;
    user_loop_init(u);
    u->log = g_log_set_handler("Slirp", G_LOG_LEVEL_MASK, slirp_says, u);
    u->slirp = slirp_new(&conf.c, &user_callbacks, u);
    user_conf_clear(&conf);
    if (!u->slirp) {
        user_loop_fini(u);
        g_log_remove_handler("Slirp", u->log);
        return user_fail(err, "libslirp %s refused to start", slirp_version_string());
    }
    if (forward_all(u, a, err))
        return true;
    user_close(p);
    return false;
}

static void user_info(NetPort *p, GString *out)
{
    const User *u = (User *)p;
    char text[INET_ADDRSTRLEN];

    inet_ntop(AF_INET, &u->net, text, sizeof(text));
    g_string_append_printf(out, "net=%s,restrict=%s", text, u->restricted ? "on" : "off");
}

static const NetDriver user = {
    .name = "user",
    .desc = "NAT, DHCP, TFTP and DNS without privileges",
    .size = sizeof(User),
    .props = UserArgs_rows,
    .ops = { .receive = user_receive, .resume = user_resume },
    .open = user_open,
    .close = user_close,
    .info = user_info,
};
REGISTER(net, user);

char *user_connections(NetPort *p)
{
    return slirp_connection_info(((User *)p)->slirp);
}
