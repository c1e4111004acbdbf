/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Display adapters and a hostile guest's registers: modes, windows, the Cirrus' blitter, drawn
 * afterwards as a display and as screendump do. Display memory lies between pages that nobody may
 * touch. FUZZ_ADAPTER: which one (test-cirrus.c is this file again).
 */
#include <sys/mman.h>

#include "hw/display/vga.h"
#include "tests/fuzz/machine.h"
#include "ui/ui-int.h"

#ifndef FUZZ_ADAPTER
#define FUZZ_ADAPTER "VGA,vgamem_mb=1"
#define FUZZ_NAME    "vga"
#endif

enum { MOST_OPS = 200, MOST_DRAWS = 4, GUARD = 4 << 20, MOST_PIXELS = 3 << 20 };

static Console *con;
static Vga *vga;
static PciDevice *card;
static unsigned draws;
static GArray *cells; /* TextCell */

static void out8(unsigned port, uint8_t val)
{
    space_io(vm->io, port, val, 1, true);
}

/* What the pictures cost is bounded; a surface over display memory must lie inside it. */
static void draw(bool all)
{
    if (draws++ >= MOST_DRAWS)
        return;
    con->ops->refresh(con->o, all);
    TextScreen text = { .cells = cells };
    if (con->ops->text(con->o, &text))
        g_assert(cells->len >= text.cols * text.rows);
    Surface *s = console_surface(con);
    if (!s)
        return;
    int w = surface_width(s), h = surface_height(s), stride = pixman_image_get_stride(s->image);
    const uint8_t *px = (uint8_t *)pixman_image_get_data(s->image), *host = vga->vram.host;
    g_assert(w > 0 && h > 0 && stride >= 4 * w);
    if (s->owner)
        g_assert(px >= host && (size_t)stride * h <= vga->vram_size - (size_t)(px - host));
    else if ((int64_t)w * h > MOST_PIXELS)
        draws = MOST_DRAWS;
    static uint32_t line[16384];
    for (int y = 0; y < h; y += MAX(1, h / 8))
        surface_copy(line, sizeof(line), s, 0, y, MIN(w, 16384), 1);
}

static void look(bool on)
{
    if (con->watched == on)
        return;
    con->watched = on;
    con->ops->watch(con->o, on);
}

/* index and data of sequencer, graphics or CRT controller; attributes; the palette; VBE */
static void register_op(Bytes *b)
{
    static const uint16_t pairs[] = { 0x3c4, 0x3ce, 0x3d4, 0x3c0 };
    unsigned how = take(b, 1), index = take(b, 1), val = take(b, 1);
    if (how & 0x10) {
        space_io(vm->io, 0x1ce, index % 12, 2, true);
        space_io(vm->io, 0x1d0, how & 0x20 ? val | take(b, 1) << 8 : val, 2, !(how & 0x40));
        return;
    }
    if ((how & 3) == 3)
        space_io(vm->io, 0x3da, 0, 1, false);
    out8(pairs[how & 3], index & (how & 4 ? 0xff : 0x3f));
    out8((how & 3) == 3 ? 0x3c0 : pairs[how & 3] + 1, val);
}

static void port_op(Bytes *b)
{
    unsigned how = take(b, 1), port = 0x3b0 + (how & 0x7f) % 0x30;
    if (how & 0x80)
        out8(port, take(b, 1));
    else
        for (unsigned i = 0; i < 5; i++)
            space_io(vm->io, port, 0, 1, false);
}

/* A usual mode, so that what follows changes a picture. */
static void mode_op(Bytes *b)
{
    unsigned how = take(b, 1);
    static const uint8_t crtc[] = { 0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0,
                                    0x4f, 0,    0,    0,    0,    0,    0,    0x9c, 0x8e,
                                    0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff };
    out8(0x3c2, 0x67);
    space_io(vm->io, 0x3c4, 0x0300, 2, true);
    space_io(vm->io, 0x3c4, 0x0f02, 2, true);
    space_io(vm->io, 0x3c4, how & 1 ? 0x0e04 : 0x0604, 2, true);
    space_io(vm->io, 0x3ce, how & 1 ? 0x4005 : 0x1005, 2, true);
    space_io(vm->io, 0x3ce, how & 2 ? 0x0506 : 0x0e06, 2, true);
    space_io(vm->io, 0x3d4, 0x0011, 2, true);
    for (unsigned i = 0; i < sizeof(crtc); i++)
        space_io(vm->io, 0x3d4, crtc[i] << 8 | i, 2, true);
    space_io(vm->io, 0x3da, 0, 1, false);
    for (unsigned i = 0; i < 16; i++) {
        out8(0x3c0, i);
        out8(0x3c0, i);
    }
    out8(0x3c0, 0x10);
    out8(0x3c0, how & 2 ? 1 : 0x0c);
    out8(0x3c0, 0x20);
    if (how & 4) { /* VBE, or the Cirrus' own */
        static const uint8_t depths[] = { 4, 8, 15, 16, 24, 32, 0, 255 };
        uint16_t w = take(b, 1) << 3, h = take(b, 1) << 2;
        uint16_t regs[] = { 0, w, h, depths[how >> 3 & 7], 0x41 };
        for (unsigned i = 1; i < 5; i++) {
            space_io(vm->io, 0x1ce, i, 2, true);
            space_io(vm->io, 0x1d0, regs[i], 2, true);
        }
        space_io(vm->io, 0x3c4, 0x1206, 2, true);
        space_io(vm->io, 0x3c4, (how >> 2 & 0x0e) << 8 | 0x0107, 2, true);
    }
}

static void window_op(Bytes *b)
{
    unsigned how = take(b, 1), size = 1u << (how & 3);
    uint64_t at = 0xa0000 + (take(b, how & 0x40 ? 2 : 1) << (how & 0x20 ? 1 : 0)),
             val = take(b, size);
    for (unsigned i = 0; i < (how & 0x10 ? 64u : 1u); i++)
        space_io(vm->mem, at + i * size, val, size, how & 0x80);
}

/* Display memory by its BAR: at its beginning, its end, or anywhere. */
static void vram_op(Bytes *b)
{
    unsigned how = take(b, 1), size = 1u << (how & 3);
    uint64_t off = take(b, how & 4 ? 3 : 1), val = take(b, size);
    if (how & 8)
        off = card->bar[0].size - size - off % 4096;
    for (unsigned i = 0; i < (how & 0x10 ? 64u : 1u); i++)
        bar_io(card, 0, off + i * size, val, size, how & 0xc0);
}

/* The blitter of a Cirrus: GR20..GR33 and go; bytes of the CPU's. Other adapters have none. */
static void blit_op(Bytes *b)
{
    static const uint8_t regs[] = { 0x20, 0x22, 0x24, 0x26, 0x28, 0x2c };
    unsigned how = take(b, 1);
    for (unsigned i = 0; i < sizeof(regs); i++) {
        unsigned n = i < 4 ? 2 : 3, wide = i != 1 && how >> i & 1; /* not too high: it takes long */
        uint32_t v = take(b, wide ? n : 1);
        for (unsigned k = 0; k < n; k++)
            space_io(vm->io, 0x3ce, (v >> 8 * k & 255) << 8 | (regs[i] + k), 2, true);
    }
    unsigned mode = take(b, 1), rop = take(b, 1), ext = take(b, 1);
    static const uint8_t rops[] = { 0,    5,    6,    9,    0x0b, 0x0d, 0x0e, 0x50,
                                    0x59, 0x6d, 0x90, 0x95, 0xad, 0xd0, 0xd6, 0xda };
    space_io(vm->io, 0x3ce, mode << 8 | 0x30, 2, true);
    space_io(vm->io, 0x3ce, (rop & 16 ? rop : rops[rop & 15]) << 8 | 0x32, 2, true);
    space_io(vm->io, 0x3ce, (ext & 7) << 8 | 0x33, 2, true);
    space_io(vm->io, 0x3ce, (ext >> 3) << 8 | 0x2f, 2, true);
    space_io(vm->io, 0x3ce, 0x0231, 2, true);
    if (how & 0x40)
        for (unsigned i = 0; i < 256; i++)
            bar_io(card, 0, (how & 0x80 ? 16 << 20 : 0) + 4 * i, mode * 0x01010101u + i, 4, true);
}

static void operation(Bytes *b)
{
    unsigned op = take(b, 1);
    switch (op & 15) {
    case 0:
    case 1:
    case 2:
    case 3: register_op(b); break;
    case 4: port_op(b); break;
    case 5: mode_op(b); break;
    case 6:
    case 7: window_op(b); break;
    case 8: vram_op(b); break;
    case 9:
    case 10: blit_op(b); break;
    case 11: bar_op(card, b); break;
    case 12: draw(op & 0x80); break;
    case 13: look(op & 0x80); break;
    case 14: clock_op(b); break;
    case 15: op & 0x80 ? config_op(card, b) : draw(false); break;
    }
}

/* Display memory between pages that nobody may touch */
static void fence(Region *vram)
{
    uint8_t *p = mmap(NULL, vram->size + 2 * GUARD, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    g_assert(p != MAP_FAILED && !mprotect(p + GUARD, vram->size, PROT_READ | PROT_WRITE));
    vram->host = p + GUARD;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    machine_new("-device " FUZZ_ADAPTER ",id=card,romfile=");
    card = pci_named("card");
    con = console_at(vm, 0);
    vga = con->o;
    cells = g_array_new(FALSE, FALSE, sizeof(TextCell));
    space_begin(vm->mem);
    fence(&vga->vram);
    space_commit(vm->mem);
    machine_reset();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    Bytes b = { data, n };
    draws = 0;
    machine_calm();
    look(false);
    memset(vga->vram.host, 0, vga->vram_size);
    device_anew(&card->dev);
    place_bars();
    look(true);
    for (int i = 0; i < MOST_OPS && b.n; i++)
        operation(&b);
    draw(false);
    settle();
    return 0;
}

FUZZ_MAIN(FUZZ_NAME, 200, 400)
