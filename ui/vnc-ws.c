/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * WebSocket framing (RFC 6455: 4.2 the server's handshake, 5.2 the frame).
 *
 *    0        1          2, 4 or 10           4 bytes
 *   +--------+----------+--------------------+------+---------------------------+
 *   |fin op  |mask len7 | longer len: 16, 64 | mask | payload, byte i ^ mask[i%4]|
 *   +--------+----------+--------------------+------+---------------------------+
 *
 * A viewer must mask. Payload is handed on as it comes, so a frame of 2^63 bytes costs nothing.
 */
#include "ui/vnc-ws.h"

#include <nettle/sha1.h>
#include <string.h>

enum { OP_CONTINUE = 0, OP_BINARY = 2, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };
enum { CLOSE_NORMAL = 1000, CLOSE_PROTOCOL = 1002, CLOSE_UNSUPPORTED = 1003 };

void ws_init(Ws *w)
{
    memset(w, 0, sizeof(*w));
    w->http = g_byte_array_new();
}

void ws_clear(Ws *w)
{
    if (w->http)
        g_byte_array_unref(w->http);
    w->http = NULL;
}

/* ---- frames out ---- */
static void put_frame(GByteArray *out, uint8_t opcode, const void *p, size_t n)
{
    uint8_t head[10] = { 0x80 | opcode };
    unsigned extra = n < 126 ? 0 : n < 65536 ? 2 : 8;
    head[1] = !extra ? n : extra == 2 ? 126 : 127;
    for (unsigned i = 0; i < extra; i++)
        head[2 + i] = (uint64_t)n >> (8 * (extra - 1 - i));
    g_byte_array_append(out, head, 2 + extra);
    g_byte_array_append(out, p, n);
}

void ws_wrap(GByteArray *out, const void *p, size_t n)
{
    if (n)
        put_frame(out, OP_BINARY, p, n);
}

static bool ws_close(Ws *w, GByteArray *out, unsigned code)
{
    put_frame(out, OP_CLOSE, (uint8_t[]){ code >> 8, code }, 2);
    w->state = WS_CLOSED;
    return false;
}

/* ---- the HTTP request ---- */
/* The value of a header, trimmed; NULL: it is not there. Free it. */
static char *header_of(char **lines, const char *name)
{
    size_t n = strlen(name);
    for (unsigned i = 1; lines[0] && lines[i]; i++)
        if (g_ascii_strncasecmp(lines[i], name, n) == 0 && lines[i][n] == ':')
            return g_strstrip(g_strdup(lines[i] + n + 1));
    return NULL;
}

/* Is `word` in a list like "keep-alive, Upgrade"? */
static bool list_has(const char *list, const char *word)
{
    if (!list)
        return false;
    g_auto(GStrv) items = g_strsplit(list, ",", -1);
    for (char **i = items; *i; i++)
        if (g_ascii_strcasecmp(g_strstrip(*i), word) == 0)
            return true;
    return false;
}

static char *accept_of(const char *key)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    struct sha1_ctx sha;
    uint8_t digest[SHA1_DIGEST_SIZE];
    sha1_init(&sha);
    sha1_update(&sha, strlen(key), (const uint8_t *)key);
    sha1_update(&sha, sizeof(guid) - 1, (const uint8_t *)guid);
    sha1_digest(&sha, sizeof(digest), digest);
    return g_base64_encode(digest, sizeof(digest));
}

static bool http_refuse(Ws *w, GByteArray *out, const char *status, const char *why)
{
    g_autofree char *text =
        g_strdup_printf("HTTP/1.1 %s\r\nServer: qemu-kvm VNC\r\nSec-WebSocket-Version: 13\r\n"
                        "Connection: close\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
                        "\r\n%s\n",
                        status, strlen(why) + 1, why);
    g_byte_array_append(out, (const uint8_t *)text, strlen(text));
    w->state = WS_CLOSED;
    return false;
}

static bool http_answer(Ws *w, char *request, GByteArray *out)
{
    g_auto(GStrv) lines = g_strsplit(request, "\r\n", -1);
    g_autofree char *upgrade = header_of(lines, "Upgrade");
    g_autofree char *connection = header_of(lines, "Connection");
    g_autofree char *key = header_of(lines, "Sec-WebSocket-Key");
    g_autofree char *version = header_of(lines, "Sec-WebSocket-Version");
    g_autofree char *protocol = header_of(lines, "Sec-WebSocket-Protocol");
    if (!lines[0] || !g_str_has_prefix(lines[0], "GET ") ||
        !g_str_has_suffix(lines[0], " HTTP/1.1"))
        return http_refuse(w, out, "400 Bad Request", "only GET with HTTP/1.1");
    if (!list_has(upgrade, "websocket") || !list_has(connection, "Upgrade") || !key ||
        strlen(key) != 24)
        return http_refuse(w, out, "400 Bad Request", "this port speaks WebSocket only");
    if (!version || strcmp(version, "13"))
        return http_refuse(w, out, "426 Upgrade Required", "WebSocket version 13 only");
    bool binary = list_has(protocol, "binary");
    if (protocol && !binary)
        return http_refuse(w, out, "400 Bad Request", "only the protocol 'binary'");
    g_autofree char *accept = accept_of(key);
    g_autofree char *text = g_strdup_printf(
        "HTTP/1.1 101 Switching Protocols\r\nServer: qemu-kvm VNC\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s\r\n",
        accept, binary ? "Sec-WebSocket-Protocol: binary\r\n" : "");
    g_byte_array_append(out, (const uint8_t *)text, strlen(text));
    w->state = WS_HEADER;
    return true;
}

/* -> bytes used of n */
static size_t http_feed(Ws *w, const uint8_t *p, size_t n, GByteArray *out, bool *ok)
{
    size_t before = w->http->len, take = MIN(n, WS_HTTP_MAX - before);
    g_byte_array_append(w->http, p, take);
    const char *text = (const char *)w->http->data;
    size_t from = before > 3 ? before - 3 : 0;
    const char *end = g_strstr_len(text + from, w->http->len - from, "\r\n\r\n");
    if (!end) {
        *ok = w->http->len < WS_HTTP_MAX ||
              http_refuse(w, out, "400 Bad Request", "the request is too long");
        return take;
    }
    size_t whole = end + 4 - text;
    if (memchr(text, 0, whole)) {
        *ok = http_refuse(w, out, "400 Bad Request", "a NUL in the request");
    } else {
        g_autofree char *request = g_strndup(text, end - text);
        *ok = http_answer(w, request, out);
    }
    ws_clear(w);
    return whole - before;
}

/* ---- frames in ---- */
/* How long the header is, as far as its first two bytes are there. */
static unsigned head_size(const Ws *w)
{
    unsigned len7 = w->have >= 2 ? w->head[1] & 127 : 0;
    return 2 + (len7 == 126 ? 2 : len7 == 127 ? 8 : 0) + 4;
}

static bool head_ok(const Ws *w)
{
    bool control = w->opcode & 8;
    if (w->head[0] & 0x70 || !(w->head[1] & 0x80))
        return false; /* no extension was agreed on; a viewer must mask */
    if (control)
        return w->fin && w->length <= WS_CONTROL_MAX &&
               (w->opcode == OP_CLOSE || w->opcode == OP_PING || w->opcode == OP_PONG);
    return !(w->length >> 63) && w->opcode == (w->open ? OP_CONTINUE : OP_BINARY);
}

static size_t head_feed(Ws *w, const uint8_t *p, size_t n, GByteArray *out, bool *ok)
{
    size_t used = 0;
    while (used < n && w->have < head_size(w))
        w->head[w->have++] = p[used++];
    unsigned size = head_size(w);
    if (w->have < size)
        return used;
    w->fin = w->head[0] & 0x80;
    w->opcode = w->head[0] & 15;
    w->length = w->head[1] & 127;
    if (size > 6) {
        w->length = 0;
        for (unsigned i = 2; i < size - 4; i++)
            w->length = w->length << 8 | w->head[i];
    }
    memcpy(w->mask, w->head + size - 4, 4);
    w->have = 0;
    w->at = 0;
    w->state = WS_PAYLOAD;
    if (w->opcode == 1)
        *ok = ws_close(w, out, CLOSE_UNSUPPORTED);
    else if (!head_ok(w))
        *ok = ws_close(w, out, CLOSE_PROTOCOL);
    return used;
}

static bool frame_end(Ws *w, GByteArray *out)
{
    w->state = WS_HEADER;
    switch (w->opcode) {
    case OP_CLOSE: return ws_close(w, out, CLOSE_NORMAL);
    case OP_PING: put_frame(out, OP_PONG, w->control, w->length); break;
    case OP_PONG: break;
    default: w->open = !w->fin;
    }
    return true;
}

static size_t payload_feed(Ws *w, const uint8_t *p, size_t n, GByteArray *in)
{
    size_t take = MIN(n, w->length - w->at);
    guint start = in->len;
    uint8_t *to = w->control + w->at;
    if (!(w->opcode & 8)) {
        g_byte_array_set_size(in, start + take);
        to = in->data + start;
    }
    for (size_t i = 0; i < take; i++)
        to[i] = p[i] ^ w->mask[(w->at + i) & 3];
    w->at += take;
    return take;
}

bool ws_feed(Ws *w, const uint8_t *p, size_t n, GByteArray *in, GByteArray *out)
{
    bool ok = w->state != WS_CLOSED;
    while (ok && (n || (w->state == WS_PAYLOAD && w->at == w->length))) {
        size_t used = 0;
        if (w->state == WS_HTTP)
            used = http_feed(w, p, n, out, &ok);
        else if (w->state == WS_HEADER)
            used = head_feed(w, p, n, out, &ok);
        else if (w->at < w->length)
            used = payload_feed(w, p, n, in);
        if (ok && w->state == WS_PAYLOAD && w->at == w->length)
            ok = frame_end(w, out);
        p += used;
        n -= used;
    }
    return ok;
}
