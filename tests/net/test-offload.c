/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checksums and cutting, judged by putting the pieces together again; then hostile frames. */
#include "tests/net/fake-net.h"

enum { MAX = 65000 };

static unsigned get16(const uint8_t *p)
{
    return p[0] << 8 | p[1];
}

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

/* one's complement sum, the slow way; 0xffff: right */
static unsigned sum(unsigned s, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        s += i & 1 ? p[i] : p[i] << 8;
        s = (s & 0xffff) + (s >> 16);
    }
    return s;
}

static unsigned l4_sum(const uint8_t *ip, bool v6, size_t l4, size_t n, unsigned proto)
{
    return sum(sum(proto + (unsigned)n, ip + (v6 ? 8 : 12), v6 ? 32 : 8), ip + l4, n);
}

typedef struct Setup {
    Vm *vm;
    FakeBack *b;
    FakeNic *n;
} Setup;

static Setup setup(void)
{
    Setup s = { .vm = fake_vm(true) };

    s.b = (FakeBack *)netdev_good(s.vm, "fake,id=b");
    s.n = nic_good(s.vm, "n", "b");
    return s;
}

static void teardown(Setup *s)
{
    g_ptr_array_unref(s->n->seen.frames);
    fake_vm_free(s->vm);
}

/* A frame with n bytes of payload; vlan tag, IP options or none; returns where the payload is. */
static size_t make(uint8_t *f, bool v6, bool udp, bool vlan, size_t n, NetMeta *m)
{
    size_t l3 = vlan ? 18 : 14, ihl = v6 ? 40 : vlan ? 24 : 20, l4 = l3 + ihl;
    size_t head = l4 + (udp ? 8 : vlan ? 32 : 20);
    uint8_t *ip = f + l3, *t = f + l4;

    for (size_t i = 0; i < head + n; i++)
        f[i] = (uint8_t)g_test_rand_int();
    f[0] = 2;
    if (vlan)
        put16(f + 12, 0x8100);
    put16(f + l3 - 2, v6 ? 0x86dd : 0x800);
    ip[0] = v6 ? 0x60 : 0x40 | (uint8_t)(ihl / 4);
    if (v6) {
        put16(ip + 4, (unsigned)(head + n - l4));
        ip[6] = udp ? 17 : 6;
    } else {
        put16(ip + 2, (unsigned)(head + n - l3));
        put16(ip + 6, 0);
        ip[9] = udp ? 17 : 6;
    }
    if (udp) {
        put16(t + 4, (unsigned)(8 + n));
    } else {
        t[12] = (uint8_t)((head - l4) / 4 << 4);
        t[13] = 0x10 | 8 | 1 | 0x80; /* ACK PSH FIN CWR */
    }
    *m = (NetMeta){ .flags = NET_META_NEEDS_CSUM,
                    .csum_start = (uint16_t)l4,
                    .csum_off = udp ? 6 : 16,
                    .hdr_len = (uint16_t)head };
    return head;
}

static void test_checksum(void)
{
    g_autofree uint8_t *f = g_malloc(MAX);
    Setup s = setup();
    NetMeta m;

    for (int i = 0; i < 400; i++) {
        bool v6 = i & 1, udp = i & 2, vlan = i & 4;
        size_t n = (size_t)g_test_rand_int_range(0, 2000), head = make(f, v6, udp, vlan, n, &m);
        size_t l3 = vlan ? 18 : 14, l4 = m.csum_start;
        struct iovec one = { f, head + n };

        /* what a driver leaves in the field: the sum of the pseudo header */
        put16(f + l4 + m.csum_off, sum(sum((udp ? 17 : 6) + (unsigned)(head + n - l4),
                                           f + l3 + (v6 ? 8 : 12), v6 ? 32 : 8),
                                       NULL, 0));
        g_assert_cmpint(net_send(s.n->nic.port, &one, 1, &m), ==, head + n);
        GByteArray *got = s.b->seen.frames->pdata[0];
        g_assert_cmpuint(got->len, ==, head + n);
        g_assert_cmpuint(l4_sum(got->data + l3, v6, l4 - l3, head + n - l4, udp ? 17 : 6), ==,
                         0xffff);
        g_assert_cmpuint(s.b->seen.meta.flags, ==, 0);
        g_ptr_array_set_size(s.b->seen.frames, 0);
    }
    /* who takes it undone gets it undone */
    net_set_takes(&s.b->port, NET_CSUM);
    g_assert_cmpuint(net_offloads(s.n->nic.port, NET_CSUM | NET_TSO4), ==, NET_CSUM);
    size_t head = make(f, false, false, false, 100, &m);
    struct iovec one = { f, head + 100 };
    g_assert_cmpint(net_send(s.n->nic.port, &one, 1, &m), >, 0);
    GByteArray *got = s.b->seen.frames->pdata[0];
    g_assert_cmpmem(got->data, got->len, f, head + 100);
    g_assert_cmpuint(s.b->seen.meta.csum_start, ==, m.csum_start);
    teardown(&s);
}

/* The pieces in order; the receiver is full now and then. */
static void send_cut(Setup *s, uint8_t *f, size_t len, const NetMeta *m, bool stutter)
{
    struct iovec two[2] = { { f, 5 }, { f + 5, len - 5 } };

    s->b->seen.full = stutter;
    if (stutter) {
        g_assert_cmpint(net_send(s->n->nic.port, two, 2, m), ==, 0);
        s->b->seen.full = false;
        net_resume(&s->b->port);
        settle(s->vm);
        g_assert_cmpuint(s->n->seen.resumed, ==, 1);
        s->n->seen.resumed = 0;
    }
    g_assert_cmpint(net_send(s->n->nic.port, two, 2, m), >, 0);
}

static void check_segments(Setup *s, const uint8_t *f, size_t len, bool v6, const NetMeta *m)
{
    size_t l4 = m->csum_start, head = m->hdr_len, at = head, l3 = f[12] == 0x81 ? 18 : 14;
    const GPtrArray *all = s->b->seen.frames;

    g_assert_cmpuint(all->len, ==, MAX(1, (len - head + m->gso_size - 1) / m->gso_size));
    for (guint i = 0; i < all->len; i++) {
        GByteArray *g = all->pdata[i];
        size_t n = MIN(m->gso_size, len - at);
        bool last = i + 1 == all->len;
        const uint8_t *ip = g->data + l3, *t = g->data + l4;
        uint32_t seq = get16(f + l4 + 4) << 16 | get16(f + l4 + 6);

        g_assert_cmpuint(g->len, ==, head + n);
        g_assert_cmpmem(g->data + head, n, f + at, n);
        g_assert_cmpmem(g->data, l3, f, l3);
        g_assert_cmpuint(get16(t + 4) << 16 | get16(t + 6), ==, seq + (uint32_t)(at - head));
        g_assert_cmpuint(t[13], ==, 0x10 | (i ? 0 : 0x80) | (last ? 9 : 0));
        g_assert_cmpuint(l4_sum(ip, v6, l4 - l3, g->len - l4, 6), ==, 0xffff);
        if (v6) {
            g_assert_cmpuint(get16(ip + 4), ==, g->len - l3 - 40);
        } else {
            g_assert_cmpuint(get16(ip + 2), ==, g->len - l3);
            g_assert_cmpuint(sum(0, ip, l4 - l3), ==, 0xffff);
            g_assert_cmpuint(get16(ip + 4), ==, (get16(f + l3 + 4) + i) & 0xffff);
        }
        at += n;
    }
    g_assert_cmpuint(at, ==, len);
}

static void test_tcp(void)
{
    g_autofree uint8_t *f = g_malloc(MAX + 100);
    Setup s = setup();
    NetMeta m;

    for (int i = 0; i < 200; i++) {
        bool v6 = i & 1;
        size_t n = (size_t)g_test_rand_int_range(0, i < 150 ? 9000 : MAX);
        size_t head = make(f, v6, false, i & 2, n, &m);

        m.gso_type = (uint8_t)((v6 ? NET_GSO_TCP6 : NET_GSO_TCP4) | (i & 8 ? NET_GSO_ECN : 0));
        m.gso_size = (uint16_t)g_test_rand_int_range(100, 3000);
        send_cut(&s, f, head + n, &m, i & 4);
        check_segments(&s, f, head + n, v6, &m);
        g_ptr_array_set_size(s.b->seen.frames, 0);
    }
    teardown(&s);
}

static ssize_t two_then_full(void *o, const struct iovec *iov, int n, const NetMeta *m)
{
    FakeBack *b = o;
    ssize_t r = fake_back_receive(o, iov, n, m);

    b->seen.full = b->seen.frames->len % 2 == 0;
    return r;
}

/* The peer becomes full in the middle: the rest waits in the core, and nothing overtakes it. */
static void test_middle(void)
{
    static const NetOps ops = { two_then_full, fake_back_resume, NULL };
    g_autofree uint8_t *f = g_malloc(MAX);
    Setup s = setup();
    NetMeta m;
    size_t head = make(f, false, false, false, 7000, &m);
    struct iovec one = { f, head + 7000 };

    s.b->port.ops = &ops;
    m.gso_type = NET_GSO_TCP4;
    m.gso_size = 1000;
    g_assert_cmpint(net_send(s.n->nic.port, &one, 1, &m), >, 0);
    g_assert_cmpuint(s.b->seen.frames->len, ==, 2);
    g_assert_cmpint(net_send_buf(s.n->nic.port, f, 60), ==, 0);
    for (int i = 2; i <= 4; i++) {
        g_assert_cmpuint(s.n->seen.resumed, ==, 0);
        s.b->seen.full = false;
        net_resume(&s.b->port);
        settle(s.vm);
        g_assert_cmpuint(s.b->seen.frames->len, ==, MIN(2 * i, 7));
    }
    g_assert_cmpuint(s.n->seen.resumed, ==, 1);
    check_segments(&s, f, head + 7000, false, &m);
    /* in the middle again, and the peer goes away */
    s.b->seen.full = false;
    g_assert_cmpint(net_send(s.n->nic.port, &one, 1, &m), >, 0);
    g_assert_cmpint(net_send_buf(s.n->nic.port, f, 60), ==, 0);
    g_assert_true(netdev_del(s.vm, "b", NULL));
    settle(s.vm);
    g_assert_cmpuint(s.n->seen.resumed, ==, 2);
    teardown(&s);
}

static void test_udp(void)
{
    g_autofree uint8_t *f = g_malloc(MAX + 100), *whole = g_malloc(MAX + 100);
    Setup s = setup();
    NetMeta m;

    for (int i = 0; i < 100; i++) {
        bool v6 = i & 1;
        size_t n = (size_t)g_test_rand_int_range(1, 20000), head = make(f, v6, true, i & 2, n, &m);
        size_t l3 = f[12] == 0x81 ? 18 : 14, l4 = m.csum_start, at = 0;

        m.gso_type = NET_GSO_UDP;
        m.gso_size = (uint16_t)g_test_rand_int_range(100, 3000);
        /* of UDP, the header is in the first fragment only: everything from l4 on is cut */
        m.gso_size &= (uint16_t)~7;
        send_cut(&s, f, head + n, &m, i & 4);
        memcpy(whole, f, l4);
        for (guint k = 0; k < s.b->seen.frames->len; k++) {
            GByteArray *g = s.b->seen.frames->pdata[k];
            size_t data = v6 ? l4 + 8 : l4, got = g->len - data;
            unsigned off =
                v6 ? get16(g->data + l4 + 2) & 0xfff8 : (get16(g->data + l3 + 6) & 0x1fff) * 8u;
            bool more = v6 ? get16(g->data + l4 + 2) & 1 : get16(g->data + l3 + 6) & 0x2000;

            g_assert_cmpuint(off, ==, at);
            g_assert_cmpint(more, ==, k + 1 < s.b->seen.frames->len);
            if (!v6)
                g_assert_cmpuint(sum(0, g->data + l3, l4 - l3), ==, 0xffff);
            memcpy(whole + l4 + at, g->data + data, got);
            at += got;
        }
        g_assert_cmpuint(at, ==, head + n - l4);
        g_assert_cmpmem(whole + head, n, f + head, n);
        g_assert_cmpuint(l4_sum(whole + l3, v6, l4 - l3, at, 17), ==, 0xffff);
        g_ptr_array_set_size(s.b->seen.frames, 0);
    }
    teardown(&s);
}

/* Whatever stands in the frame and beside it: no crash, and no more than 2048 pieces. */
static void test_hostile(void)
{
    static const uint8_t types[] = { 0, 1, 3, 4, 0x81, 0x84, 2, 0x80, 5 };
    g_autofree uint8_t *f = g_malloc(NET_MAX_FRAME + 1);
    Setup s = setup();

    for (int i = 0; i < 4000; i++) {
        NetMeta m;
        size_t n = (size_t)g_test_rand_int_range(0, i % 50 ? 200 : MAX);
        size_t head = make(f, i & 1, i & 2, i & 4, n, &m), len;

        for (int k = g_test_rand_int_range(0, 4); k > 0; k--)
            f[g_test_rand_int_range(0, (int)head)] = (uint8_t)g_test_rand_int();
        len = g_test_rand_bit() ? head + n : (size_t)g_test_rand_int_range(0, (int)(head + n) + 1);
        m.gso_type = types[g_test_rand_int_range(0, G_N_ELEMENTS(types))];
        m.gso_size = (uint16_t)(g_test_rand_bit() ? g_test_rand_int() : g_test_rand_int() & 63);
        if (g_test_rand_bit())
            m.csum_start = (uint16_t)(g_test_rand_bit() ? (size_t)g_test_rand_int() : len - 1);
        if (g_test_rand_bit())
            m.csum_off = (uint16_t)g_test_rand_int();
        m.flags = (uint8_t)g_test_rand_int();
        struct iovec one = { f, len };
        g_assert_cmpint(net_send(s.n->nic.port, &one, 1, &m), >, 0);
        g_assert_cmpuint(s.b->seen.frames->len, <=, 2049);
        g_ptr_array_set_size(s.b->seen.frames, 0);
    }
    struct iovec most[2] = { { f, NET_MAX_FRAME }, { f, 1 } };
    g_assert_cmpint(net_send(s.n->nic.port, most, 1, NULL), >, 0);
    g_assert_cmpuint(s.b->seen.frames->len, ==, 1);
    g_assert_cmpint(net_send(s.n->nic.port, most, 2, NULL), >, 0);
    g_assert_cmpuint(s.b->seen.frames->len, ==, 1);
    teardown(&s);
}

/* Through a hub: as it is to whom takes it, in pieces to whom does not, also after waiting. */
static void test_hub(void)
{
    g_autofree uint8_t *f = g_malloc(MAX);
    Vm *vm = fake_vm(true);
    FakeBack *from = (FakeBack *)netdev_good(vm, "fake,id=a"),
             *taker = (FakeBack *)netdev_good(vm, "fake,id=b"),
             *other = (FakeBack *)netdev_good(vm, "fake,id=c");
    Setup s = { vm, other, NULL };
    NetMeta m;
    size_t head = make(f, false, false, false, 5000, &m);
    struct iovec one = { f, head + 5000 };

    m.gso_type = NET_GSO_TCP4;
    m.gso_size = 1000;
    net_set_takes(&taker->port, NET_CSUM | NET_TSO4);
    net_hub_join(&from->port, 0);
    net_hub_join(&taker->port, 0);
    net_hub_join(&other->port, 0);
    for (int full = 0; full < 2; full++) {
        taker->seen.full = other->seen.full = full;
        g_assert_cmpint(net_send(&from->port, &one, 1, &m), >, 0);
        if (full)
            g_assert_cmpint(net_send(&from->port, &one, 1, &m), ==, 0);
        taker->seen.full = other->seen.full = false;
        net_resume(&taker->port);
        net_resume(&other->port);
        settle(vm);
        g_ptr_array_set_size(other->seen.frames, 5);
        check_segments(&s, f, head + 5000, false, &m);
        GByteArray *got = taker->seen.frames->pdata[0];
        g_assert_cmpmem(got->data, got->len, f, head + 5000);
        g_assert_cmpuint(taker->seen.meta.gso_size, ==, 1000);
        g_ptr_array_set_size(other->seen.frames, 0);
        g_ptr_array_set_size(taker->seen.frames, 0);
    }
    fake_vm_free(vm);
}

static void test_sums(void)
{
    static const uint8_t check[] = "123456789";

    g_assert_cmphex(net_crc32(check, 9), ==, 0xcbf43926); /* the usual check value */
    g_assert_cmphex(net_checksum(0, check, 9), ==, sum(0, check, 9));
    g_assert_cmphex(net_checksum(net_sum(check, 4), check + 4, 5), ==, sum(0, check, 9));
    g_autofree uint8_t *ones = g_malloc(MAX);
    memset(ones, 0xff, MAX);
    g_assert_cmphex(net_checksum(0xffffffff, ones, MAX), ==, 0xffff);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/net/sums", test_sums);
    g_test_add_func("/net/checksum", test_checksum);
    g_test_add_func("/net/cut-tcp", test_tcp);
    g_test_add_func("/net/cut-middle", test_middle);
    g_test_add_func("/net/cut-udp", test_udp);
    g_test_add_func("/net/cut-hub", test_hub);
    g_test_add_func("/net/cut-hostile", test_hostile);
    return g_test_run();
}
