/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ports through the NAT of a user network: hostfwd (from the host to the guest), guestfwd (a port
 * of the network that is a command of its own per connection, or one character back end for all),
 * and smbd as such a command. libslirp starts commands and leaves their reaping to GLib.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/user-int.h"
#include "util/text.h"

enum { STREAM_MAX = 1 << 18, SMB_PORT = 139, CIFS_PORT = 445 };

/* ---- rules ---- */

typedef struct Rule {
    bool udp;
    struct in_addr host, guest; /* INADDR_ANY: not said */
    uint16_t host_port, guest_port;
} Rule;

static bool bad_rule(const char *rule, const char *why, GError **err)
{
    return user_fail(err, "Invalid host forwarding rule '%s' (%s)", rule, why);
}

/* Up to `sep`, which is skipped; NULL: it is not there. */
static char *take_until(const char **p, char sep)
{
    const char *end = strchr(*p, sep);
    char *part = end ? g_strndup(*p, (gsize)(end - *p)) : NULL;

    if (end)
        *p = end + 1;
    return part;
}

static bool rule_address(const char *text, struct in_addr *a)
{
    a->s_addr = INADDR_ANY;
    return !*text || inet_pton(AF_INET, text, a) == 1;
}

static bool rule_port(const char *text, bool zero, uint16_t *port)
{
    int64_t n;

    if (!g_ascii_isdigit(*text) || !text_int(text, &n) || n < !zero || n > UINT16_MAX)
        return false;
    *port = (uint16_t)n;
    return true;
}

/* "[tcp|udp]:[hostaddr]:hostport", ended by `end` */
static bool host_side(const char *rule, const char **p, char end, Rule *r, GError **err)
{
    g_autofree char *proto = take_until(p, ':'), *host = NULL, *port = NULL;

    if (!proto)
        return bad_rule(rule, "No protocol name", err);
    if (*proto && strcmp(proto, "tcp") && strcmp(proto, "udp"))
        return bad_rule(rule, "Bad protocol name", err);
    r->udp = strcmp(proto, "udp") == 0;
    host = take_until(p, ':');
    if (!host)
        return bad_rule(rule, "Missing : separator", err);
    if (!rule_address(host, &r->host))
        return bad_rule(rule, "Bad host address", err);
    port = end ? take_until(p, end) : g_strdup(*p);
    if (!port || !rule_port(port, true, &r->host_port))
        return bad_rule(rule, "Bad host port", err);
    return true;
}

static bool parse_rule(const char *rule, Rule *r, GError **err)
{
    const char *p = rule;
    g_autofree char *guest = NULL;

    if (!host_side(rule, &p, '-', r, err))
        return false;
    guest = take_until(&p, ':');
    if (!guest)
        return bad_rule(rule, "Missing guest address", err);
    if (!rule_address(guest, &r->guest))
        return bad_rule(rule, "Bad guest address", err);
    return rule_port(p, false, &r->guest_port) || bad_rule(rule, "Bad guest port", err);
}

/* ---- hostfwd ---- */

/* The descriptors of the forwards that libslirp has: only its table for people says so. */
static GArray *forward_fds(Slirp *s)
{
    g_autofree char *text = slirp_connection_info(s);
    g_auto(GStrv) line = g_strsplit(text, "\n", -1);
    GArray *fds = g_array_new(FALSE, FALSE, sizeof(int));

    for (char **l = line; *l; l++) {
        const char *at = strstr(*l, "[HOST_FORWARD]");
        int fd;

        if (at && sscanf(at + strlen("[HOST_FORWARD]"), "%d", &fd) == 1)
            g_array_append_val(fds, fd);
    }
    return fds;
}

static bool has_fd(const GArray *fds, int fd)
{
    for (guint i = 0; i < fds->len; i++) {
        if (g_array_index(fds, int, i) == fd)
            return true;
    }
    return false;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_in a;
    socklen_t n = sizeof(a);

    return getsockname(fd, (struct sockaddr *)&a, &n) == 0 && a.sin_family == AF_INET
               ? ntohs(a.sin_port)
               : 0;
}

static uint16_t new_port(Slirp *s, const GArray *before)
{
    g_autoptr(GArray) now = forward_fds(s);

    for (guint i = 0; i < now->len; i++) {
        int fd = g_array_index(now, int, i);

        if (!has_fd(before, fd))
            return port_of(fd);
    }
    return 0;
}

bool user_hostfwd(User *u, const char *rule, uint16_t *asked, uint16_t *port, GError **err)
{
    g_autoptr(GArray) before = forward_fds(u->slirp);
    Rule r;

    if (!parse_rule(rule, &r, err))
        return false;
    if (!r.guest.s_addr)
        r.guest = u->dhcp;
    errno = 0;
    if (slirp_add_hostfwd(u->slirp, r.udp, r.host, r.host_port, r.guest, r.guest_port) < 0)
        return user_fail(err, "Could not set up host forwarding rule '%s'%s%s", rule,
                         errno ? ": " : "", errno ? g_strerror(errno) : "");
    *asked = r.host_port;
    *port = r.host_port ? r.host_port : new_port(u->slirp, before);
    user_loop_wake(u);
    return true;
}

bool user_hostfwd_add(NetPort *p, const char *rule, uint16_t *asked, uint16_t *port, GError **err)
{
    return user_hostfwd((User *)p, rule, asked, port, err);
}

bool user_hostfwd_remove(NetPort *p, const char *rule, bool *found, GError **err)
{
    const char *at = rule;
    User *u = (User *)p;
    Rule r;

    if (!host_side(rule, &at, strchr(rule, '-') ? '-' : '\0', &r, err))
        return false;
    *found = slirp_remove_hostfwd(u->slirp, r.udp, r.host, r.host_port) == 0;
    return true;
}

/* ---- guestfwd to a character back end ---- */

SET_DECLARE(netstream);

typedef struct GuestFwd {
    User *user;
    const NetStreamOps *ops;
    NetStream *stream;
    struct in_addr server;
    int port;
    GByteArray *out; /* from the guest; the back end has yet to take it */
} GuestFwd;

static void fwd_push(GuestFwd *f)
{
    size_t n = f->ops->write(f->stream, f->out->data, f->out->len);

    if (n)
        g_byte_array_remove_range(f->out, 0, (guint)n);
}

/* libslirp takes "all" for an answer, whatever it is: user_full() stops the guest instead. */
static ssize_t fwd_write(const void *p, size_t n, void *o)
{
    GuestFwd *f = o;

    g_byte_array_append(f->out, p, (guint)n);
    fwd_push(f);
    return (ssize_t)n;
}

static void fwd_writable(void *o)
{
    GuestFwd *f = o;
    bool full = user_full(f->user);

    fwd_push(f);
    if (full && !user_full(f->user)) {
        net_resume(&f->user->port);
        user_loop_wake(f->user);
    }
}

static size_t fwd_receive(void *o, const uint8_t *p, size_t n)
{
    GuestFwd *f = o;
    size_t room = slirp_socket_can_recv(f->user->slirp, f->server, f->port);

    n = MIN(n, MIN(room, (size_t)INT_MAX));
    if (n)
        slirp_socket_recv(f->user->slirp, f->server, f->port, p, (int)n);
    return n;
}

static const NetStreamUser fwd_user = { fwd_receive, fwd_writable };

bool user_fwd_full(const User *u)
{
    for (guint i = 0; u->fwds && i < u->fwds->len; i++) {
        if (((GuestFwd *)u->fwds->pdata[i])->out->len >= STREAM_MAX)
            return true;
    }
    return false;
}

void user_fwd_accept(User *u)
{
    for (guint i = 0; u->fwds && i < u->fwds->len; i++) {
        GuestFwd *f = u->fwds->pdata[i];

        if (slirp_socket_can_recv(u->slirp, f->server, f->port))
            f->ops->accept(f->stream);
    }
}

static void fwd_free(void *o)
{
    GuestFwd *f = o;

    if (f->stream)
        f->ops->close(f->stream);
    g_byte_array_unref(f->out);
    g_free(f);
}

static bool conflict(const char *rule, GError **err)
{
    return user_fail(err, "Conflicting/invalid host:port in guest forwarding rule '%s'", rule);
}

static bool fwd_stream(User *u, const char *rule, struct in_addr server, int port, const char *dev,
                       GError **err)
{
    g_autofree char *label = g_strdup_printf("guestfwd.tcp.%d", port);
    const NetStreamOps *ops = NULL;
    GuestFwd *f;

    SET_FOREACH(netstream, p)
        ops = *p;
    if (!ops)
        return user_fail(err, "guestfwd: this program has only cmd:");
    f = g_new0(GuestFwd, 1);
    f->user = u;
    f->ops = ops;
    f->server = server;
    f->port = port;
    f->out = g_byte_array_new();
    f->stream = ops->open(u->port.vm, label, dev, &fwd_user, f, err);
    if (!f->stream) {
        fwd_free(f);
        return false;
    }
    if (!u->fwds)
        u->fwds = g_ptr_array_new_with_free_func(fwd_free);
    if (slirp_add_guestfwd(u->slirp, fwd_write, f, &f->server, port) < 0) {
        fwd_free(f);
        return conflict(rule, err);
    }
    g_ptr_array_add(u->fwds, f);
    return true;
}

/* "tcp:server:port-dev" */
bool user_guestfwd(User *u, const char *rule, GError **err)
{
    const char *p = rule;
    g_autofree char *proto = take_until(&p, ':'), *server = proto ? take_until(&p, ':') : NULL;
    g_autofree char *port = server ? take_until(&p, '-') : NULL;
    struct in_addr a;
    uint16_t n;

    if (!port || (*proto && strcmp(proto, "tcp")) || !rule_address(server, &a) ||
        !rule_port(port, false, &n) || !*p)
        return user_fail(err,
                         "Invalid guest forwarding rule '%s'; write tcp:server:port-chardev or "
                         "tcp:server:port-cmd:command",
                         rule);
    if (!g_str_has_prefix(p, "cmd:"))
        return fwd_stream(u, rule, a, n, p, err);
    return slirp_add_exec(u->slirp, p + 4, &a, n) == 0 || conflict(rule, err);
}

/* ---- smb= ---- */

static const char smb_conf[] = "[global]\n"
                               "private dir=%1$s\n"
                               "interfaces=127.0.0.1\n"
                               "bind interfaces only=yes\n"
                               "pid directory=%1$s\n"
                               "lock directory=%1$s\n"
                               "state directory=%1$s\n"
                               "cache directory=%1$s\n"
                               "ncalrpc dir=%1$s/ncalrpc\n"
                               "log file=%1$s/log.smbd\n"
                               "smb passwd file=%1$s/smbpasswd\n"
                               "security=user\n"
                               "map to guest=Bad User\n"
                               "load printers=no\n"
                               "printing=bsd\n"
                               "disable spoolss=yes\n"
                               "usershare max shares=0\n"
                               "[qemu]\n"
                               "path=%2$s\n"
                               "read only=no\n"
                               "guest ok=yes\n"
                               "force user=%3$s\n";

static bool smb_write_conf(User *u, const char *dir, GError **err)
{
    g_autofree char *path = g_build_filename(u->smb_dir, "smb.conf", NULL);
    g_autofree char *shared = g_canonicalize_filename(dir, NULL);
    g_autofree char *text = g_strdup_printf(smb_conf, u->smb_dir, shared, g_get_user_name());

    return g_file_set_contents(path, text, -1, err);
}

bool user_smb(User *u, const char *dir, GError **err)
{
    g_autofree char *found = g_find_program_in_path("smbd"), *cmd = NULL, *quoted = NULL;
    const char *smbd = found ? found : "/usr/sbin/smbd";

    if (access(smbd, X_OK) != 0)
        return user_fail(err, "Could not find '%s', please install it (Debian: samba)", smbd);
    if (access(dir, R_OK | X_OK) != 0 || strchr(dir, '\n'))
        return user_fail(err, "Error accessing shared directory '%s': %s", dir, g_strerror(errno));
    u->smb_dir = g_dir_make_tmp("qemu-smb.XXXXXX", err);
    if (!u->smb_dir || !smb_write_conf(u, dir, err))
        return false;
    quoted = g_shell_quote(u->smb_dir);
    cmd = g_strdup_printf("%s -l %s -s %s/smb.conf", smbd, quoted, quoted);
    if (slirp_add_exec(u->slirp, cmd, &u->smb_server, SMB_PORT) < 0 ||
        slirp_add_exec(u->slirp, cmd, &u->smb_server, CIFS_PORT) < 0)
        return user_fail(err, "Conflicting/invalid smbserver address");
    return true;
}

static void remove_tree(const char *path)
{
    g_autoptr(GDir) d = g_dir_open(path, 0, NULL);
    const char *name;

    while (d && (name = g_dir_read_name(d)) != NULL) {
        g_autofree char *below = g_build_filename(path, name, NULL);

        if (unlink(below) != 0 && errno == EISDIR)
            remove_tree(below);
    }
    rmdir(path);
}

void user_fwd_fini(User *u)
{
    if (u->fwds)
        g_ptr_array_unref(u->fwds);
    u->fwds = NULL;
    if (u->smb_dir)
        remove_tree(u->smb_dir);
    g_free(u->smb_dir);
}
