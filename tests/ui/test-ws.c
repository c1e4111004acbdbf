/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The WebSocket codec: the example of RFC 6455, every way to cut a stream, what a viewer must not
 * send, and noise.
 */
#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "config.h"

#ifdef CONFIG_VNC
#include "ui/vnc-ws.h"

static const char hello[] = "GET /chat HTTP/1.1\r\nHost: server\r\nUpgrade: websocket\r\n"
                            "Connection: keep-alive, Upgrade\r\n"
                            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                            "Sec-WebSocket-Protocol: chat, binary\r\n"
                            "Sec-WebSocket-Version: 13\r\n\r\n";

typedef struct Peer {
    Ws ws;
    GByteArray *in, *out;
} Peer;

static Peer peer_new(void)
{
    Peer p = { .in = g_byte_array_new(), .out = g_byte_array_new() };
    ws_init(&p.ws);
    return p;
}

static void peer_free(Peer *p)
{
    ws_clear(&p->ws);
    g_byte_array_unref(p->in);
    g_byte_array_unref(p->out);
}

static bool feed(Peer *p, const void *data, size_t n)
{
    return ws_feed(&p->ws, data, n, p->in, p->out);
}

static Peer peer_open(void)
{
    Peer p = peer_new();
    g_assert_true(feed(&p, hello, sizeof(hello) - 1));
    g_byte_array_set_size(p.out, 0);
    return p;
}

/* a masked frame */
static GByteArray *frame(uint8_t first, uint64_t claim, const char *data)
{
    static const uint8_t mask[4] = { 0x37, 0xfa, 0x21, 0x3d };
    GByteArray *f = g_byte_array_new();
    size_t n = strlen(data);
    g_byte_array_append(f, &first, 1);
    unsigned extra = claim < 126 ? 0 : claim < 65536 ? 2 : 8;
    g_byte_array_append(f, (uint8_t[]){ 0x80 | (!extra ? claim : extra == 2 ? 126 : 127) }, 1);
    for (unsigned i = extra; i-- > 0;)
        g_byte_array_append(f, (uint8_t[]){ claim >> (8 * i) }, 1);
    g_byte_array_append(f, mask, 4);
    for (size_t i = 0; i < n; i++)
        g_byte_array_append(f, (uint8_t[]){ data[i] ^ mask[i & 3] }, 1);
    return f;
}

static void test_handshake(void)
{
    Peer p = peer_new();
    g_assert_true(feed(&p, hello, sizeof(hello) - 1));
    g_byte_array_append(p.out, (const uint8_t *)"", 1);
    const char *text = (char *)p.out->data;
    g_assert_true(g_str_has_prefix(text, "HTTP/1.1 101 "));
    g_assert_nonnull(strstr(text, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    g_assert_nonnull(strstr(text, "Sec-WebSocket-Protocol: binary\r\n"));
    g_assert_true(g_str_has_suffix(text, "\r\n\r\n"));
    peer_free(&p);
}

static void refused(const char *request, const char *status)
{
    Peer p = peer_new();
    g_assert_false(feed(&p, request, strlen(request)));
    g_byte_array_append(p.out, (const uint8_t *)"", 1);
    g_assert_true(g_str_has_prefix((char *)p.out->data + 9, status));
    g_assert_false(feed(&p, "x", 1));
    peer_free(&p);
}

static void test_refusals(void)
{
    refused("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "400");
    refused("POST / HTTP/1.1\r\n\r\n", "400");
    refused("RFB 003.008\n\r\n\r\n", "400");
    refused("\r\n\r\n", "400");
    refused("GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: "
            "dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 8\r\n\r\n",
            "426");
    refused("GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: "
            "dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: base64\r\n\r\n",
            "400");
    g_autofree char *endless = g_strnfill(WS_HTTP_MAX + 10, 'x');
    refused(endless, "400");
}

/* The same stream, cut at every place: the same bytes come out. */
static void test_cuts(void)
{
    g_autoptr(GByteArray) stream = g_byte_array_new();
    g_autofree char *longer = g_strnfill(300, 'L');
    g_byte_array_append(stream, (const uint8_t *)hello, sizeof(hello) - 1);
    GByteArray *part[] = { frame(0x02, 2, "He"),     frame(0x89, 4, "ping"), frame(0x80, 3, "llo"),
                           frame(0x82, 300, longer), frame(0x82, 0, ""),     frame(0x82, 1, "!") };
    for (unsigned i = 0; i < G_N_ELEMENTS(part); i++) {
        g_byte_array_append(stream, part[i]->data, part[i]->len);
        g_byte_array_unref(part[i]);
    }
    for (size_t cut = 0; cut <= stream->len; cut++) {
        Peer p = peer_new();
        g_assert_true(feed(&p, stream->data, cut));
        g_assert_true(feed(&p, stream->data + cut, stream->len - cut));
        g_assert_cmpuint(p.in->len, ==, 306);
        g_assert_cmpint(memcmp(p.in->data, "HelloLLL", 8), ==, 0);
        g_assert_cmpint(p.in->data[305], ==, '!');
        g_assert_cmpint(memcmp(p.out->data + p.out->len - 6, "\x8a\4ping", 6), ==, 0);
        peer_free(&p);
    }
}

static void test_wrap(void)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    g_autofree char *data = g_strnfill(70000, 'd');
    ws_wrap(out, data, 125);
    ws_wrap(out, data, 126);
    ws_wrap(out, data, 70000);
    g_assert_cmpint(memcmp(out->data, "\x82\x7d", 2), ==, 0);
    g_assert_cmpint(memcmp(out->data + 127, "\x82\x7e\0\x7e", 4), ==, 0);
    g_assert_cmpint(memcmp(out->data + 127 + 130, "\x82\x7f\0\0\0\0\0\1\x11\x70", 10), ==, 0);
    g_assert_cmpuint(out->len, ==, 127 + 130 + 70010);
}

static void wrong(uint8_t first, uint64_t claim, const char *data, unsigned code)
{
    Peer p = peer_open();
    g_autoptr(GByteArray) f = frame(first, claim, data);
    g_assert_false(feed(&p, f->data, f->len));
    g_assert_cmpuint(p.out->len, ==, 4);
    g_assert_cmpuint(p.out->data[0], ==, 0x88);
    g_assert_cmpuint(p.out->data[2] << 8 | p.out->data[3], ==, code);
    peer_free(&p);
}

static void test_wrong_frames(void)
{
    wrong(0x81, 1, "t", 1003);   /* text */
    wrong(0xc2, 1, "x", 1002);   /* a reserved bit */
    wrong(0x83, 1, "x", 1002);   /* a reserved opcode */
    wrong(0x80, 1, "x", 1002);   /* a continuation of nothing */
    wrong(0x09, 1, "x", 1002);   /* a ping in pieces */
    wrong(0x89, 200, "x", 1002); /* a long ping */
    wrong(0x82, 1ull << 63, "x", 1002);
    wrong(0x88, 2, "\3\xe8", 1000); /* good-bye */
    Peer p = peer_open();
    g_assert_false(feed(&p, "\x82\1x0000", 7)); /* not masked */
    peer_free(&p);
}

static void test_huge_frame(void)
{
    Peer p = peer_open();
    g_autoptr(GByteArray) f = frame(0x82, 1ull << 62, "");
    uint8_t chunk[4096] = { 0 };
    g_assert_true(feed(&p, f->data, f->len));
    for (unsigned i = 0; i < 100; i++) {
        g_assert_true(feed(&p, chunk, sizeof(chunk)));
        g_assert_cmpuint(p.in->len, ==, sizeof(chunk));
        g_byte_array_set_size(p.in, 0);
    }
    peer_free(&p);
}

static void test_noise(void)
{
    g_autoptr(GRand) r = g_rand_new_with_seed(6455);
    for (unsigned round = 0; round < 3000; round++) {
        Peer p = round & 1 ? peer_open() : peer_new();
        bool ok = true;
        for (unsigned k = 0; ok && k < 20; k++) {
            uint8_t noise[200];
            size_t n = (size_t)g_rand_int_range(r, 0, sizeof(noise));
            for (size_t i = 0; i < n; i++)
                noise[i] = g_rand_int(r);
            if (n > 1 && k & 1) { /* nearer to a frame */
                noise[0] = (noise[0] & 0x8f) | 0x80;
                noise[1] |= 0x80;
            }
            guint before = p.in->len;
            ok = feed(&p, noise, n);
            g_assert_cmpuint(p.in->len - before, <=, n);
        }
        peer_free(&p);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ws/handshake", test_handshake);
    g_test_add_func("/ws/refusals", test_refusals);
    g_test_add_func("/ws/cuts", test_cuts);
    g_test_add_func("/ws/wrap", test_wrap);
    g_test_add_func("/ws/wrong-frames", test_wrong_frames);
    g_test_add_func("/ws/huge-frame", test_huge_frame);
    g_test_add_func("/ws/noise", test_noise);
    return g_test_run();
}
#else
int main(void)
{
    puts("1..0 # SKIP built without VNC");
    return 0;
}
#endif
