/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The user network from the guest's side: DHCP, TFTP, what is filtered, who waits for whom. */
#include <glib/gstdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "net/user-int.h"
#include "tests/net/fake-net.h"
#include "util/sock.h"

static unsigned get16(const uint8_t *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static const uint8_t guest_mac[6] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };

/* An IPv4 frame around `len` bytes; returns its length. */
static size_t make_ip(uint8_t *f, uint32_t from, uint32_t to, unsigned proto, const void *data,
                      size_t len)
{
    uint8_t *ip = f + 14;

    memset(f, 0xff, 6);
    memcpy(f + 6, guest_mac, 6);
    put16(f + 12, 0x800);
    memset(ip, 0, 20);
    ip[0] = 0x45;
    put16(ip + 2, (unsigned)(20 + len));
    ip[8] = 64;
    ip[9] = (uint8_t)proto;
    put16(ip + 12, from >> 16);
    put16(ip + 14, from);
    put16(ip + 16, to >> 16);
    put16(ip + 18, to);
    put16(ip + 10, (uint16_t)~net_checksum(0, ip, 20));
    memcpy(ip + 20, data, len);
    return 34 + len;
}

static size_t make_udp(uint8_t *f, uint32_t from, unsigned sport, uint32_t to, unsigned dport,
                       const void *data, size_t len)
{
    g_autofree uint8_t *u = g_malloc(8 + len);

    put16(u, sport);
    put16(u + 2, dport);
    put16(u + 4, (unsigned)(8 + len));
    put16(u + 6, 0); /* no checksum */
    memcpy(u + 8, data, len);
    return make_ip(f, from, to, 17, u, 8 + len);
}

typedef struct Setup {
    Vm *vm;
    NetPort *user;
    FakeNic *nic;
} Setup;

static Setup setup(const char *text)
{
    Setup s = { .vm = fake_vm(true) };

    s.user = netdev_good(s.vm, text);
    s.nic = nic_good(s.vm, "n", "u");
    return s;
}

static void teardown(Setup *s)
{
    g_ptr_array_unref(s->nic->seen.frames);
    fake_vm_free(s->vm);
}

/* The next frame to us with that protocol and destination port; NULL: none came. */
static const uint8_t *next_udp(Setup *s, unsigned dport, size_t *len)
{
    const GPtrArray *all = s->nic->seen.frames;

    for (int turn = 0; turn < 1000; turn++) {
        for (guint i = 0; i < all->len; i++) {
            GByteArray *f = all->pdata[i];

            if (f->len >= 42 && get16(f->data + 12) == 0x800 && f->data[23] == 17 &&
                get16(f->data + 36) == dport) {
                *len = get16(f->data + 38) - 8u;
                return f->data + 42;
            }
        }
        vm_loop_once(s->vm, false);
    }
    return NULL;
}

/* ---- DHCP ---- */

static const uint8_t *dhcp_option(const uint8_t *p, size_t len, unsigned code, size_t *n)
{
    for (size_t at = 240; at + 2 <= len && p[at] != 255; at += p[at] ? 2u + p[at + 1] : 1u) {
        if (p[at] == code) {
            *n = p[at + 1];
            return p + at + 2;
        }
    }
    *n = 0;
    return NULL;
}

static void discover(Setup *s)
{
    uint8_t dhcp[300] = { 1, 1, 6, 0, 1, 2, 3, 4 }, f[400];

    memcpy(dhcp + 28, guest_mac, 6);
    memcpy(dhcp + 236, "\x63\x82\x53\x63\x35\x01\x01\xff", 8);
    size_t n = make_udp(f, 0, 68, 0xffffffff, 67, dhcp, sizeof(dhcp));
    g_assert_cmpint(net_send_buf(s->nic->nic.port, f, n), >, 0);
}

static void check_text(const uint8_t *p, size_t len, unsigned code, const char *want)
{
    size_t n;
    const uint8_t *o = dhcp_option(p, len, code, &n);

    g_assert_nonnull(o);
    g_assert_cmpmem(o, n, want, strlen(want));
}

/* libslirp 4.7 does not free this name, which is no reason for a test of leaks to fail. */
#ifdef CONFIG_SANITIZERS
#define SERVER_NAME ""
#else
#define SERVER_NAME "tftp-server-name=srv,"
#endif

static void test_dhcp(void)
{
    Setup s = setup("user,id=u,net=10.7.0.0/16,hostname=box,domainname=example.org," SERVER_NAME
                    "bootfile=/pxelinux.0,tftp=/,dnssearch=a.b,dnssearch=c.d,"
                    "dhcpstart=10.7.0.40,dns=10.7.0.9,host=10.7.0.8");
    static const uint8_t mine[4] = { 10, 7, 0, 40 }, dns[4] = { 10, 7, 0, 9 },
                         host[4] = { 10, 7, 0, 8 };
    size_t len, n;

    discover(&s);
    const uint8_t *p = next_udp(&s, 68, &len), *o;
    g_assert_nonnull(p);
    g_assert_cmpmem(p + 16, 4, mine, 4);
    check_text(p, len, 12, "box");
    check_text(p, len, 15, "example.org");
    if (*SERVER_NAME)
        check_text(p, len, 66, "srv");
    g_assert_cmpstr((const char *)p + 108, ==, "/pxelinux.0");
    o = dhcp_option(p, len, 6, &n);
    g_assert_cmpmem(o, n, dns, 4);
    o = dhcp_option(p, len, 3, &n);
    g_assert_cmpmem(o, n, host, 4);
    o = dhcp_option(p, len, 119, &n);
    g_assert_cmpmem(o, n, "\1a\1b\0\1c\1d\0", 10);
    o = dhcp_option(p, len, 1, &n);
    g_assert_cmpmem(o, n, "\xff\xff\0\0", 4);
    teardown(&s);
}

/* ---- TCP ---- */

static gboolean tick(gpointer turns)
{
    (*(int *)turns)++;
    return G_SOURCE_CONTINUE;
}

static size_t make_syn(uint8_t *f, unsigned port)
{
    /* the pseudo-header first */
    uint8_t t[32] = { 10, 0, 2, 15, 10, 0, 2, 2, 0, 6, 0, 20, 0x30, 0x39 };

    put16(t + 14, port);
    t[24] = 0x50;
    t[25] = 2;
    put16(t + 26, 1000);
    put16(t + 28, (uint16_t)~net_checksum(0, t, sizeof(t)));
    return make_ip(f, 0x0a00020f, 0x0a000202, 6, t + 12, 20);
}

/* A loop that turns often must not starve slirp's timers: the second SYN of a connection that we
 * do not answer comes after six seconds. */
static void test_again(void)
{
    SockAddr at = { .type = SOCK_INET, .inet = { "127.0.0.1", "0", -1, -1, -1, false, false } };
    Setup s = setup("user,id=u");
    const GPtrArray *all = s.nic->seen.frames;
    int fds[SOCK_MAX_LISTEN], turns = 0;
    guint timer = g_timeout_add(20, tick, &turns), syns = 0;
    uint16_t port;
    uint8_t f[100];

    g_assert_cmpuint(sock_listen(&at, true, fds, &port, NULL), ==, 1);
    discover(&s); /* slirp learns our address */
    g_assert_cmpint(net_send_buf(s.nic->nic.port, f, make_syn(f, port)), >, 0);
    while (syns < 2 && turns < 3000) {
        vm_loop_once(s.vm, true);
        syns = 0;
        for (guint i = 0; i < all->len; i++) {
            const GByteArray *got = all->pdata[i];
            syns += got->len >= 54 && got->data[23] == 6 && get16(got->data + 34) == port;
        }
    }
    g_assert_cmpuint(syns, ==, 2);
    g_source_remove(timer);
    close(fds[0]);
    teardown(&s);
}

/* A NIC that is full keeps the answer waiting in our queue, and the guest goes on. */
static void test_waits(void)
{
    Setup s = setup("user,id=u");
    size_t len;

    s.nic->seen.full = true;
    discover(&s);
    settle(s.vm);
    g_assert_cmpuint(s.nic->seen.frames->len, ==, 0);
    s.nic->seen.full = false;
    net_resume(s.nic->nic.port);
    g_assert_nonnull(next_udp(&s, 68, &len));

    /* a guest that sends and never receives is stopped before memory grows */
    unsigned sent = 0;
    s.nic->seen.full = true;
    for (; sent < 100000; sent++) {
        uint8_t ping[1400] = { 8 }, f[1500];

        put16(ping + 2, (uint16_t)~net_checksum(0, ping, sizeof(ping)));
        size_t n = make_ip(f, 0x0a00020f, 0x0a000202, 1, ping, sizeof(ping));
        if (net_send_buf(s.nic->nic.port, f, n) == 0)
            break;
        if (sent % 64 == 0)
            vm_loop_once(s.vm, false);
    }
    g_assert_cmpuint(sent, >, 100);
    g_assert_cmpuint(sent, <, 2000);
    s.nic->seen.full = false;
    net_resume(s.nic->nic.port);
    settle(s.vm);
    g_assert_cmpuint(s.nic->seen.resumed, >, 0);
    g_assert_cmpuint(s.nic->seen.frames->len, >=, sent);
    teardown(&s);
}

static unsigned count_fds(void)
{
    g_autoptr(GDir) d = g_dir_open("/proc/self/fd", 0, NULL);
    unsigned n = 0;

    while (g_dir_read_name(d))
        n++;
    return n;
}

/* Half of the descriptors are not for the guest, also while libslirp is not asked. */
static void test_sockets(void)
{
    struct rlimit old, less;
    uint8_t f[100];

    getrlimit(RLIMIT_NOFILE, &old);
    less = (struct rlimit){ 256, old.rlim_max };
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &less), ==, 0);
    for (int full = 0; full < 2; full++) {
        Setup s = setup("user,id=u");
        unsigned before = count_fds();

        s.nic->seen.full = full;
        discover(&s);
        settle(s.vm);
        for (unsigned i = 0; i < 1000; i++) {
            size_t n = i & 1 ? make_udp(f, 0x0a00020f, 5000 + i, 0x0a000202, 9, "x", 1)
                             : make_ip(f, 0x0a00020f, 0x01020304, 1, "\x08\0\xf7\xff\0\0\0", 8);

            net_send_buf(s.nic->nic.port, f, n);
            if (i % 64 == 0)
                vm_loop_once(s.vm, false);
        }
        g_assert_cmpuint(count_fds() - before, >, 50);
        g_assert_cmpuint(count_fds() - before, <=, 128);
        teardown(&s);
    }
    setrlimit(RLIMIT_NOFILE, &old);
}

static void test_tftp(void)
{
    g_autofree char *dir = g_dir_make_tmp("net-tftp.XXXXXX", NULL);
    g_autofree char *file = g_build_filename(dir, "boot", NULL);
    g_autofree char *name = g_path_get_basename(dir), *above = g_path_get_dirname(dir);
    g_autofree char *text = g_strdup_printf("user,id=u,tftp=%s", name), *here = g_get_current_dir();
    static const char ask[] = "\0\1/boot\0octet", up[] = "\0\1/../etc/passwd\0octet";
    uint8_t f[200];
    size_t len;

    g_assert_true(g_file_set_contents(file, "kernel", 6, NULL));
    g_assert_cmpint(chdir(above), ==, 0);
    Setup s = setup(text);
    g_assert_cmpint(chdir("/"), ==, 0); /* as -daemonize does: the path was meant from above */
    discover(&s);                       /* and so slirp knows who 10.0.2.15 is */
    size_t n = make_udp(f, 0x0a00020f, 4000, 0x0a000202, 69, ask, sizeof(ask));
    g_assert_cmpint(net_send_buf(s.nic->nic.port, f, n), >, 0);
    const uint8_t *p = next_udp(&s, 4000, &len);
    g_assert_nonnull(p);
    g_assert_cmpmem(p, len, "\0\3\0\1kernel", 10);
    n = make_udp(f, 0x0a00020f, 4001, 0x0a000202, 69, up, sizeof(up));
    g_assert_cmpint(net_send_buf(s.nic->nic.port, f, n), >, 0);
    p = next_udp(&s, 4001, &len);
    g_assert_nonnull(p);
    g_assert_cmpuint(get16(p), ==, 5); /* an error: nothing above the directory */
    teardown(&s);
    g_assert_cmpint(chdir(here), ==, 0);
    g_remove(file);
    g_rmdir(dir);
}

/* ---- the filter ---- */

static size_t make_tcp(uint8_t *f, bool v6, unsigned flags, size_t payload)
{
    uint8_t tcp[100] = { 1, 2, 0, 80, 9, 8, 7, 6, 5, 4, 3, 2, 0x50 };
    uint32_t sum;

    tcp[13] = (uint8_t)flags;
    put16(tcp + 14, 1000);
    put16(tcp + 18, 77);
    for (size_t i = 0; i < payload; i++)
        tcp[20 + i] = (uint8_t)g_test_rand_int();
    if (v6) {
        memset(f, 0, 54);
        put16(f + 12, 0x86dd);
        f[14] = 0x60;
        put16(f + 18, (unsigned)(20 + payload));
        f[20] = 6;
        f[21] = 64;
        f[37] = 1, f[53] = 2;
        sum = net_sum(f + 22, 32) + 6 + 20 + (uint32_t)payload;
        put16(tcp + 16, (uint16_t)~net_checksum(sum, tcp, 20 + payload));
        memcpy(f + 54, tcp, 20 + payload);
        return 74 + payload;
    }
    size_t n = make_ip(f, 0x0a00020f, 0x01020304, 6, tcp, 20 + payload);
    sum = net_sum(f + 26, 8) + 6 + 20 + (uint32_t)payload;
    put16(f + 34 + 16, (uint16_t)~net_checksum(sum, f + 34, 20 + payload));
    return n;
}

static void test_urgent(void)
{
    uint8_t f[300], plain[300];
    unsigned room = 1000;

    for (int i = 0; i < 200; i++) {
        bool v6 = i & 1;
        unsigned flags = 0x10 | (i & 2 ? 0x20 : 0) | (unsigned)(g_test_rand_int() & 0x0b);
        size_t n = make_tcp(f, v6, flags, (size_t)g_test_rand_int_range(0, 60));
        size_t l4 = v6 ? 54 : 34;
        uint32_t sum = (v6 ? net_sum(f + 22, 32) : net_sum(f + 26, 8)) + 6 + (uint32_t)(n - l4);

        memcpy(plain, f, n);
        g_assert_true(user_filter(f, n, &room));
        g_assert_cmphex(f[l4 + 13], ==, flags & ~0x20u);
        g_assert_cmpuint(get16(f + l4 + 18), ==, flags & 0x20 ? 0 : 77);
        g_assert_cmphex(net_checksum(sum, f + l4, n - l4), ==, 0xffff);
        if (!(flags & 0x20))
            g_assert_cmpmem(f, n, plain, n);
    }
}

static void test_filter(void)
{
    uint8_t f[300];
    size_t n = make_tcp(f, false, 0x10, 40);
    unsigned room = 0, none = 0;

    put16(f + 20, 0x4000); /* not to be cut: no fragment */
    g_assert_true(user_filter(f, n, &room));
    for (unsigned where = 1; where < 0x4000; where <<= 1) { /* a fragment */
        put16(f + 20, where);
        g_assert_false(user_filter(f, n, &room));
    }
    put16(f + 20, 0);
    put16(f + 16, 20 + 16); /* half a header of TCP */
    g_assert_false(user_filter(f, n, &room));
    put16(f + 16, 2000); /* longer than the frame */
    g_assert_false(user_filter(f, n, &room));

    /* nothing new when there are too many connections; what runs goes on */
    room = 3;
    n = make_tcp(f, false, 2, 0);
    g_assert_true(user_filter(f, n, &room));
    g_assert_false(user_filter(f, n, &none));
    n = make_tcp(f, true, 0x12, 0);
    g_assert_true(user_filter(f, n, &none));
    n = make_udp(f, 0x0a00020f, 1, 0x01020304, 2, "x", 1);
    g_assert_true(user_filter(f, n, &room));
    g_assert_false(user_filter(f, n, &none));
    n = make_ip(f, 0x0a00020f, 0x01020304, 1, "\x08\0\xf7\xff\0\0\0\0", 8);
    g_assert_true(user_filter(f, n, &room));
    g_assert_false(user_filter(f, n, &none));
    g_assert_cmpuint(room, ==, 0);
}

static void test_hostile(void)
{
    Setup s = setup("user,id=u,restrict=on");
    uint8_t f[300];

    for (int i = 0; i < 20000; i++) {
        size_t n = make_tcp(f, i & 1, (unsigned)g_test_rand_int(), i % 60);

        for (int k = g_test_rand_int_range(0, 5); k > 0; k--)
            f[g_test_rand_int_range(12, (int)n)] = (uint8_t)g_test_rand_int();
        if (g_test_rand_bit())
            n = (size_t)g_test_rand_int_range(14, (int)n + 1);
        g_assert_cmpint(net_send_buf(s.nic->nic.port, f, n), !=, -1);
        if (i % 16 == 0)
            vm_loop_once(s.vm, false);
        if (i % 512 == 0)
            g_ptr_array_set_size(s.nic->seen.frames, 0);
    }
    teardown(&s);
}

/* ---- forwards ---- */

static void test_rules(void)
{
    Setup s = setup("user,id=u,hostfwd=tcp:127.0.0.1:0-:22,hostfwd=udp:127.0.0.1:0-:53");
    static const char *const bad[] = {
        "",          "tcp",           "tcp:22",    "icmp::1-:2", "tcp:x:1-:2",
        "tcp::-:2",  "tcp::70000-:2", "tcp::1-:0", "tcp::1-2",   "tcp::1-1.2.3:4",
        "tcp::1-:2x"
    };
    uint16_t asked, port;
    bool found;
    GError *err = NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_false(user_hostfwd_add(s.user, bad[i], &asked, &port, &err));
        g_assert_nonnull(strstr(err->message, "Invalid host forwarding rule"));
        g_clear_error(&err);
    }
    g_assert_true(user_hostfwd_add(s.user, "tcp:127.0.0.1:0-10.0.2.99:7", &asked, &port, &err));
    g_assert_no_error(err);
    g_assert_cmpuint(asked, ==, 0);
    g_assert_cmpuint(port, >, 1023);
    g_autofree char *rule = g_strdup_printf("tcp:127.0.0.1:%u", port);
    g_autofree char *again = g_strdup_printf("%s-:7", rule);
    g_assert_false(user_hostfwd_add(s.user, again, &asked, &port, &err));
    g_assert_nonnull(strstr(err->message, "in use"));
    g_clear_error(&err);
    g_assert_true(user_hostfwd_remove(s.user, again, &found, &err));
    g_assert_true(found);
    g_assert_true(user_hostfwd_remove(s.user, rule, &found, &err));
    g_assert_false(found);
    teardown(&s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/net/user/dhcp", test_dhcp);
    g_test_add_func("/net/user/waits", test_waits);
    g_test_add_func("/net/user/sockets", test_sockets);
    g_test_add_func("/net/user/again", test_again);
    g_test_add_func("/net/user/tftp", test_tftp);
    g_test_add_func("/net/user/urgent", test_urgent);
    g_test_add_func("/net/user/filter", test_filter);
    g_test_add_func("/net/user/hostile", test_hostile);
    g_test_add_func("/net/user/rules", test_rules);
    return g_test_run();
}
