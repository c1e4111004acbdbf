/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Surfaces: counted pixels, and the one way to read them while the guest writes. surface_copy reads
 * word by word, so a torn picture is possible and a crash is not; the damage that follows repairs
 * it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "ui/ui-int.h"

static Surface *surface_wrap(Device *owner, void *px, int w, int h, int stride)
{
    Surface *s = g_new0(Surface, 1);
    g_atomic_ref_count_init(&s->ref);
    s->owner = owner;
    s->image = pixman_image_create_bits(PIXMAN_x8r8g8b8, w, h, px, stride);
    g_assert(s->image);
    if (owner)
        device_ref(owner);
    return s;
}

Surface *surface_new(int w, int h)
{
    return surface_wrap(NULL, NULL, w, h, 0);
}

Surface *surface_over(Device *owner, void *px, int w, int h, int stride)
{
    return surface_wrap(owner, px, w, h, stride);
}

Surface *surface_ref(Surface *s)
{
    g_atomic_ref_count_inc(&s->ref);
    return s;
}

void surface_unref(Surface *s)
{
    if (!s || !g_atomic_ref_count_dec(&s->ref))
        return;
    pixman_image_unref(s->image);
    if (s->owner)
        device_unref(s->owner);
    g_free(s);
}

/* The guest may write these words now: exempt from the thread sanitizer by design. */
__attribute__((no_sanitize("thread"))) static void copy_row(uint32_t *to,
                                                            const volatile uint32_t *from, int n)
{
    for (int i = 0; i < n; i++)
        to[i] = from[i];
}

void surface_copy(void *dst, int stride, const Surface *s, int x, int y, int w, int h)
{
    int from_stride = pixman_image_get_stride(s->image);
    const char *from = (const char *)pixman_image_get_data(s->image);
    char *to = dst;
    w = MIN(w, surface_width(s) - x);
    h = MIN(h, surface_height(s) - y);
    for (int row = 0; row < h; row++)
        copy_row((uint32_t *)(to + (ptrdiff_t)row * stride),
                 (const volatile uint32_t *)(from + (ptrdiff_t)(y + row) * from_stride) + x, w);
}

/* ---- files ---- */
/* rows of R, G, B; each with `lead` zero bytes before it (PNG's filter byte) */
static GByteArray *surface_rgb(const Surface *s, unsigned lead)
{
    int w = surface_width(s), h = surface_height(s);
    GByteArray *out = g_byte_array_sized_new(h * (w * 3 + lead));
    g_autofree uint32_t *row = g_new(uint32_t, w);
    g_autofree uint8_t *line = g_malloc0(w * 3 + lead);
    for (int y = 0; y < h; y++) {
        surface_copy(row, w * 4, s, 0, y, w, 1);
        for (int x = 0; x < w; x++) {
            line[lead + x * 3] = row[x] >> 16;
            line[lead + x * 3 + 1] = row[x] >> 8;
            line[lead + x * 3 + 2] = row[x];
        }
        g_byte_array_append(out, line, w * 3 + lead);
    }
    return out;
}

static bool write_file(const char *path, const GByteArray *bytes, GError **err)
{
    FILE *f = fopen(path, "wb");
    bool ok = f && fwrite(bytes->data, 1, bytes->len, f) == bytes->len;
    int error = errno;
    if (f && fclose(f) != 0 && ok) {
        error = errno;
        ok = false;
    }
    if (!ok)
        user_fail(err, "failed to write '%s': %s", path, g_strerror(error));
    return ok;
}

bool surface_write_ppm(const Surface *s, const char *path, GError **err)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    g_autofree char *head =
        g_strdup_printf("P6\n%d %d\n255\n", surface_width(s), surface_height(s));
    g_autoptr(GByteArray) rgb = surface_rgb(s, 0);
    g_byte_array_append(out, (uint8_t *)head, strlen(head));
    g_byte_array_append(out, rgb->data, rgb->len);
    return write_file(path, out, err);
}

static void png_chunk(GByteArray *out, const char *type, const uint8_t *p, uint32_t n)
{
    uint32_t size = GUINT32_TO_BE(n);
    uLong crc = crc32(0, (const Bytef *)type, 4);
    if (n) /* without bytes it would begin anew */
        crc = crc32(crc, p, n);
    uint32_t sum = GUINT32_TO_BE((uint32_t)crc);
    g_byte_array_append(out, (uint8_t *)&size, 4);
    g_byte_array_append(out, (const uint8_t *)type, 4);
    if (n)
        g_byte_array_append(out, p, n);
    g_byte_array_append(out, (uint8_t *)&sum, 4);
}

/* PNG (ISO 15948): 8-bit RGB, no interlace, filter 0 */
bool surface_write_png(const Surface *s, const char *path, GError **err)
{
    g_autoptr(GByteArray) rgb = surface_rgb(s, 1);
    uLongf n = compressBound(rgb->len);
    g_autofree uint8_t *packed = g_malloc(n);
    if (compress2(packed, &n, rgb->data, rgb->len, 6) != Z_OK)
        return user_fail(err, "failed to compress '%s'", path);
    struct {
        uint32_t w, h;
        uint8_t depth, color, compression, filter, interlace;
    } __attribute__((packed)) head = { GUINT32_TO_BE((uint32_t)surface_width(s)),
                                       GUINT32_TO_BE((uint32_t)surface_height(s)),
                                       8,
                                       2,
                                       0,
                                       0,
                                       0 };
    g_autoptr(GByteArray) out = g_byte_array_new();
    g_byte_array_append(out, (const uint8_t *)"\x89PNG\r\n\x1a\n", 8);
    png_chunk(out, "IHDR", (uint8_t *)&head, sizeof(head));
    png_chunk(out, "IDAT", packed, n);
    png_chunk(out, "IEND", NULL, 0);
    return write_file(path, out, err);
}
