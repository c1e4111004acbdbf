/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * WebSocket as a VNC viewer in a browser speaks it: the HTTP upgrade, then frames. Pure: bytes in,
 * bytes out, no socket. Source: RFC 6455. Not served: text frames (and so the "base64" protocol of
 * old viewers), extensions, wss.
 */
#ifndef UI_VNC_WS_H
#define UI_VNC_WS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum { WS_HTTP_MAX = 8192, WS_CONTROL_MAX = 125 };

/* What it costs is bounded by the two limits, however long frames claim to be. */
typedef struct Ws {
    enum { WS_HTTP, WS_HEADER, WS_PAYLOAD, WS_CLOSED } state;
    GByteArray *http; /* the request so far; NULL once it was answered */
    uint8_t head[14];
    unsigned have; /* bytes of head, or of control */
    uint8_t opcode, mask[4], control[WS_CONTROL_MAX];
    bool fin, open; /* open: a message goes on in the next frame */
    uint64_t length, at;
} Ws;

void ws_init(Ws *);
void ws_clear(Ws *);

/*
 * Bytes from the viewer. What it said goes behind `in`, what must be sent behind `out`. false: it
 * is over (closed, or not the protocol); `out` may still hold a last word to send.
 */
bool ws_feed(Ws *, const uint8_t *p, size_t n, GByteArray *in, GByteArray *out);

/* n bytes for the viewer as one binary frame behind `out` */
void ws_wrap(GByteArray *out, const void *p, size_t n);

#endif
