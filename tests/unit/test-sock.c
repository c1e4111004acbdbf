/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Socket addresses as text, listening and connecting over TCP and UNIX, with and without waiting.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "core/sockaddr.h"

static void check_parse(const char *text, const char *want)
{
    g_autoptr(GError) err = NULL;
    g_autofree char *got = NULL;
    SockAddr a;

    if (sock_addr_parse(text, &a, &err))
        got = sock_addr_text(&a);
    else
        got = g_strconcat("!", err->message, NULL);
    g_assert_cmpstr(got, ==, want);
    sock_addr_clear(&a);
}

static void test_parse(void)
{
    check_parse("localhost:4444", "tcp:localhost:4444");
    check_parse("tcp:[::1]:5900,to=9,ipv4=off", "tcp:[::1]:5900");
    check_parse(":1", "tcp::1");
    check_parse("unix:/tmp/a,b", "unix:/tmp/a,b");
    check_parse("fd:3", "fd:3");
    check_parse("vsock:2:1234", "vsock:2:1234");
    check_parse("abc", "!address 'abc': expected host:port");
    check_parse("::1:80", "!address '::1:80': write an IPv6 address in brackets: [::1]:port");
    check_parse("a:", "!address 'a:': the port is missing");
    check_parse("a:1,to=x", "!address 'a:1,to=x': to= is a port number");
}

typedef struct Opts {
    SockAddr addr;
} Opts;
static const Prop Opts_rows[] = {
    NEED_PART(Opts, addr, "addr", SockAddr, "", PROP_FLAT),
    PROP_END(Opts),
};

static void test_rows(void)
{
    g_autoptr(GError) err = NULL;
    Opts o;

    g_assert_cmpstr(prop_check(Opts_rows, "o"), ==, NULL);
    g_assert_cmpstr(prop_check(SockAddrLegacy_rows, "l"), ==, NULL);
    prop_defaults(Opts_rows, &o);
    g_assert_true(prop_parse_kv(Opts_rows, NULL, "fd=7", &o, NULL, &err));
    g_assert_cmpint(o.addr.type, ==, SOCK_FD);
    g_assert_cmpstr(o.addr.fd.str, ==, "7");
    prop_free(Opts_rows, &o);
}

static void count_done(void *o, int fd, const GError *err)
{
    int *result = o;

    *result = fd >= 0 ? fd : -1;
}

static int connect_async(const SockAddr *a)
{
    int result = -2;

    sock_connect_start(a, NULL, count_done, &result);
    while (result == -2)
        g_main_context_iteration(NULL, TRUE);
    return result;
}

static void exchange(int listener, int client)
{
    struct pollfd p = { listener, POLLIN, 0 };
    char buf[4] = { 0 };
    int peer;

    g_assert_cmpint(poll(&p, 1, 5000), ==, 1);
    peer = sock_accept(listener);
    g_assert_cmpint(peer, >=, 0);
    g_assert_cmpint(write(client, "hey", 3), ==, 3);
    p = (struct pollfd){ peer, POLLIN, 0 };
    g_assert_cmpint(poll(&p, 1, 5000), ==, 1);
    g_assert_cmpint(read(peer, buf, 3), ==, 3);
    g_assert_cmpstr(buf, ==, "hey");
    g_assert_cmpint(sock_accept(listener), ==, -1);
    g_assert_cmpint(errno, ==, EAGAIN);
    close(peer);
    close(client);
}

static void test_tcp(void)
{
    g_autoptr(GError) err = NULL;
    g_autofree char *name = NULL;
    int fds[SOCK_MAX_LISTEN], client;
    uint16_t port = 0;
    SockAddr a;

    g_assert_true(sock_addr_parse("127.0.0.1:0", &a, NULL));
    g_assert_cmpuint(sock_listen(&a, false, fds, &port, &err), ==, 1);
    g_assert_no_error(err);
    sock_addr_clear(&a);
    a = (SockAddr){ .type = SOCK_INET, .inet = { .ipv4 = -1, .ipv6 = -1, .to = -1 } };
    a.inet.host = g_strdup("127.0.0.1");
    a.inet.port = g_strdup_printf("%u", port);
    client = sock_connect(&a, &err);
    g_assert_no_error(err);
    name = sock_name_text(client, true);
    g_assert_true(g_str_has_prefix(name, "127.0.0.1:"));
    exchange(fds[0], client);
    exchange(fds[0], connect_async(&a));
    close(fds[0]);
    g_assert_cmpint(sock_connect(&a, &err), ==, -1);
    g_assert_nonnull(strstr(err->message, "Failed to connect to '127.0.0.1:"));
    g_assert_cmpint(connect_async(&a), ==, -1);
    sock_addr_clear(&a);
}

/* to=: the next free port, the same on all addresses. */
static void test_port_range(void)
{
    g_autoptr(GError) err = NULL;
    g_autofree char *range = NULL;
    int first[SOCK_MAX_LISTEN], next[SOCK_MAX_LISTEN], none[SOCK_MAX_LISTEN];
    uint16_t p1 = 0, p2 = 0;
    SockAddr a, b;

    g_assert_true(sock_addr_parse("127.0.0.1:20000,to=30000", &a, NULL));
    g_assert_cmpuint(sock_listen(&a, true, first, &p1, &err), ==, 1);
    range = g_strdup_printf("127.0.0.1:%u,to=30000", p1);
    g_assert_true(sock_addr_parse(range, &b, NULL));
    g_assert_cmpuint(sock_listen(&b, false, next, &p2, &err), ==, 1);
    g_assert_cmpuint(p2, >, p1);
    b.inet.to = -1;
    g_assert_cmpuint(sock_listen(&b, false, none, NULL, &err), ==, 0);
    g_assert_nonnull(strstr(err->message, "Address already in use"));
    close(first[0]);
    close(next[0]);
    sock_addr_clear(&a);
    sock_addr_clear(&b);
}

static void test_unix(void)
{
    g_autoptr(GError) err = NULL;
    g_autofree char *dir = g_dir_make_tmp("sockXXXXXX", NULL);
    g_autofree char *text = g_strdup_printf("unix:%s/s", dir);
    int fds[SOCK_MAX_LISTEN];
    SockAddr a;

    g_assert_true(sock_addr_parse(text, &a, NULL));
    g_assert_cmpuint(sock_listen(&a, false, fds, NULL, &err), ==, 1);
    close(fds[0]); /* the path stays: the next one is to remove it */
    g_assert_cmpuint(sock_listen(&a, false, fds, NULL, &err), ==, 1);
    exchange(fds[0], sock_connect(&a, &err));
    exchange(fds[0], connect_async(&a));
    close(fds[0]);
    sock_unlink(&a);
    g_assert_cmpint(access(text + 5, F_OK), ==, -1);
    rmdir(dir);
    sock_addr_clear(&a);
}

static void test_cancel(void)
{
    int result = -2;
    SockAddr a;

    g_assert_true(sock_addr_parse("127.0.0.1:1", &a, NULL));
    sock_connect_cancel(sock_connect_start(&a, NULL, count_done, &result));
    sock_addr_clear(&a);
    for (int i = 0; i < 20; i++) {
        g_usleep(1000);
        g_main_context_iteration(NULL, FALSE);
    }
    g_assert_cmpint(result, ==, -2);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sock/parse", test_parse);
    g_test_add_func("/sock/rows", test_rows);
    g_test_add_func("/sock/tcp", test_tcp);
    g_test_add_func("/sock/port-range", test_port_range);
    g_test_add_func("/sock/unix", test_unix);
    g_test_add_func("/sock/cancel", test_cancel);
    return g_test_run();
}
