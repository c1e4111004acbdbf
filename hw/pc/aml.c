/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The writer of aml.h. A block's length stands before its content and counts its own bytes (ACPI
 * 6.4, 20.2.4), so aml_close() inserts it once the content is known.
 */
#include "hw/pc/aml.h"

#include <ctype.h>
#include <string.h>

enum { EXT_OP = 0x5b };

void aml_byte(GString *a, unsigned op)
{
    g_string_append_c(a, (char)op);
}

static void put_le(GString *a, uint64_t val, unsigned n)
{
    for (; n; n--, val >>= 8)
        aml_byte(a, val & 0xff);
}

/* ---- lengths ---- */

void aml_close(GString *a, size_t at)
{
    size_t body = a->len - at;
    unsigned n = body + 1 < 0x40 ? 1 : body + 2 < 0x1000 ? 2 : 3;
    size_t len = body + n;
    char p[3] = { (char)len };

    g_assert(len < 0x100000);
    if (n > 1) {
        p[0] = (char)((n - 1) << 6 | (len & 15));
        p[1] = (char)(len >> 4);
        p[2] = (char)(len >> 12);
    }
    g_string_insert_len(a, at, p, n);
}

static void put_segment(GString *a, const char *s, size_t n)
{
    g_assert(n >= 1 && n <= 4);
    g_string_append_len(a, s, n);
    while (n++ < 4)
        aml_byte(a, '_');
}

void aml_path(GString *a, const char *path)
{
    if (*path == '\\')
        aml_byte(a, *path++);
    g_auto(GStrv) seg = g_strsplit(path, ".", -1);
    guint n = g_strv_length(seg);

    if (n == 2)
        aml_byte(a, 0x2e);
    else if (n > 2)
        put_le(a, 0x2f | n << 8, 2);
    for (guint i = 0; i < n; i++)
        put_segment(a, seg[i], strlen(seg[i]));
    if (n == 0)
        aml_byte(a, 0);
}

/* ---- blocks ---- */

size_t aml_scope(GString *a, const char *path)
{
    aml_byte(a, 0x10);
    size_t at = a->len;
    aml_path(a, path);
    return at;
}

size_t aml_device(GString *a, const char *name)
{
    put_le(a, EXT_OP | 0x82 << 8, 2);
    size_t at = a->len;
    aml_path(a, name);
    return at;
}

size_t aml_processor(GString *a, const char *name, uint8_t id)
{
    put_le(a, EXT_OP | 0x83 << 8, 2);
    size_t at = a->len;
    aml_path(a, name);
    aml_byte(a, id);
    put_le(a, 0, 5); /* no P_BLK: C1 only */
    return at;
}

size_t aml_method(GString *a, const char *name, unsigned args)
{
    aml_byte(a, 0x14);
    size_t at = a->len;
    aml_path(a, name);
    aml_byte(a, args);
    return at;
}

size_t aml_package(GString *a, unsigned n)
{
    g_assert(n < 256);
    aml_byte(a, 0x12);
    size_t at = a->len;
    aml_byte(a, n);
    return at;
}

size_t aml_field(GString *a, const char *region, unsigned access)
{
    put_le(a, EXT_OP | 0x81 << 8, 2);
    size_t at = a->len;
    aml_path(a, region);
    aml_byte(a, access);
    return at;
}

size_t aml_if(GString *a)
{
    aml_byte(a, 0xa0);
    return a->len;
}

/* ---- terms ---- */

void aml_int(GString *a, uint64_t v)
{
    if (v < 2) {
        aml_byte(a, v);
    } else {
        unsigned n = v < 0x100 ? 1 : v < 0x10000 ? 2 : v <= UINT32_MAX ? 4 : 8;
        aml_byte(a, n == 1 ? 0x0a : n == 2 ? 0x0b : n == 4 ? 0x0c : 0x0e);
        put_le(a, v, n);
    }
}

void aml_string(GString *a, const char *s)
{
    aml_byte(a, 0x0d);
    g_string_append_len(a, s, strlen(s) + 1);
}

/* three letters of five bits, four hex digits, big-endian */
void aml_eisa(GString *a, const char *id)
{
    uint32_t v = (id[0] - 0x40) << 26 | (id[1] - 0x40) << 21 | (id[2] - 0x40) << 16;

    g_assert(strlen(id) == 7);
    v |= g_ascii_strtoull(id + 3, NULL, 16);
    aml_byte(a, 0x0c);
    put_le(a, GUINT32_SWAP_LE_BE(v), 4);
}

void aml_name(GString *a, const char *name)
{
    aml_byte(a, 0x08);
    aml_path(a, name);
}

void aml_name_int(GString *a, const char *name, uint64_t v)
{
    aml_name(a, name);
    aml_int(a, v);
}

void aml_name_string(GString *a, const char *name, const char *s)
{
    aml_name(a, name);
    aml_string(a, s);
}

void aml_name_eisa(GString *a, const char *name, const char *id)
{
    aml_name(a, name);
    aml_eisa(a, id);
}

static void put_region(GString *a, const char *name, unsigned space, unsigned at, unsigned n)
{
    put_le(a, EXT_OP | 0x80 << 8, 2);
    aml_path(a, name);
    aml_byte(a, space);
    aml_int(a, at);
    aml_int(a, n);
}

void aml_region_io(GString *a, const char *name, uint16_t port, uint16_t n)
{
    put_region(a, name, 1, port, n);
}

void aml_region_pci(GString *a, const char *name, uint8_t off, uint8_t n)
{
    put_region(a, name, 2, off, n);
}

void aml_field_bits(GString *a, const char *name, unsigned bits)
{
    g_assert(bits < 0x40);
    put_segment(a, name, strlen(name));
    aml_byte(a, bits);
}

void aml_return(GString *a)
{
    aml_byte(a, 0xa4);
}

/* ---- resource templates (ACPI 6.4, 6.4) ---- */

size_t aml_resources(GString *a)
{
    aml_byte(a, 0x11);
    return a->len;
}

void aml_resources_close(GString *a, size_t at)
{
    g_autoptr(GString) size = g_string_new(NULL);

    put_le(a, 0x79, 2); /* end tag; sum 0: not checked */
    aml_int(size, a->len - at);
    g_string_insert_len(a, at, size->str, size->len);
    aml_close(a, at);
}

void aml_res_io(GString *a, uint16_t port, uint8_t n)
{
    put_le(a, 0x47 | 1 << 8, 2); /* decodes 16 bits */
    put_le(a, port, 2);
    put_le(a, port, 2);
    aml_byte(a, 1);
    aml_byte(a, n);
}

void aml_res_irqs(GString *a, uint16_t mask)
{
    aml_byte(a, 0x22);
    put_le(a, mask, 2);
}

void aml_res_dma(GString *a, uint8_t mask)
{
    put_le(a, 0x2a | mask << 8, 3);
}

void aml_res_interrupts(GString *a, const uint8_t *irq, unsigned n)
{
    aml_byte(a, 0x89);
    put_le(a, 2 + 4 * n, 2);
    aml_byte(a, 1 | 8); /* consumer, level, active high, shared */
    aml_byte(a, n);
    for (unsigned i = 0; i < n; i++)
        put_le(a, irq[i], 4);
}

/* word, dword and qword address space descriptors differ in width only; produced, both ends fixed
 */
static void put_window(GString *a, unsigned tag, unsigned type, unsigned flags, uint64_t first,
                       uint64_t last, unsigned width)
{
    aml_byte(a, tag);
    put_le(a, 3 + 5 * width, 2);
    aml_byte(a, type);
    aml_byte(a, 0x0c);
    aml_byte(a, flags);
    put_le(a, 0, width);
    put_le(a, first, width);
    put_le(a, last, width);
    put_le(a, 0, width);
    put_le(a, last - first + 1, width);
}

void aml_res_bus(GString *a, uint16_t first, uint16_t last)
{
    put_window(a, 0x88, 2, 0, first, last, 2);
}

void aml_res_io_window(GString *a, uint16_t first, uint16_t last)
{
    put_window(a, 0x88, 1, 3, first, last, 2);
}

void aml_res_mem_window(GString *a, uint32_t first, uint32_t last)
{
    put_window(a, 0x87, 0, 3, first, last, 4); /* cacheable for VGA too: the MTRRs decide */
}

void aml_res_mem64_window(GString *a, uint64_t first, uint64_t last)
{
    put_window(a, 0x8a, 0, 3, first, last, 8);
}
