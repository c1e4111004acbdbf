/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "cirrus-vga": the CL-GD5446's registers and windows.
 *
 *   BAR 0, 32 MiB   0 display memory   1000000h data for a blit from the CPU
 *   BAR 1, 4 KiB    0 ports 3C0h-3DFh  100h BitBLT registers (also at B8000h: SR17 bits 2 and 6)
 *   A0000h          two banks of 32 KiB or one of 64 in packed modes; the VGA's own otherwise
 *
 * Where nothing stands between the CPU and display memory, BAR 0 is plain RAM: a row over it, which
 * is taken away while a blit wants the CPU's data or writes are transformed, and comes back with
 * the next refresh of the picture. Nothing is above display memory: GRUB draws pages that do not
 * fit and would destroy the first one. Not modelled: the byte-swapping apertures there, blits to
 * the CPU, video overlay, DDC, interlace.
 * Source: CL-GD5446 TRM. Threads: machine lock.
 */
#include <string.h>

#include "hw/display/cirrus.h"
#include "hw/pci/pci.h"

enum { LINEAR_SIZE = 32 << 20, BLT_WINDOW = 16 << 20, BLT_BASE = 0x100 };
enum { SR_UNLOCK = 6, SR_MODE = 7, SR_CURSOR = 0x12, SR_CURSOR_AT = 0x13, SR_MMIO = 0x17 };
enum { GR_MODE = 5, GR_EXT = 0x0b, GR_BLT_MODE = 0x30, GR_BLT_GO = 0x31 };
enum { BLT_BUSY = 1, BLT_START = 2, BLT_RESET = 4, BLT_AUTO = 0x80 };
enum { EXT_DUAL = 1, EXT_BY8 = 2, EXT_WRITE = 4, EXT_16BPP = 0x10, EXT_16K = 0x20 };

typedef struct Cirrus {
    PciDevice pci;
    /* config */ uint32_t vgamem_mb;
    bool blitter;
    /* state and host */ Vga vga;
    CirrusState st;
    Region linear, regs;
    MapRow *ram; /* display memory over BAR 0 */
} Cirrus;

static const Prop Cirrus_rows[] = {
    PROP_RANGE(Cirrus, vgamem_mb, "vgamem_mb", 4, 1, 16, "display memory in MiB"),
    PROP_BOOL(Cirrus, blitter, "blitter", true, "the BitBLT engine works"), PROP_END(Cirrus)
};

/* clang-format off */
const Field CirrusState_rows[] = {
    FIELD_ARRAY(CirrusState, sr),
    FIELD_ARRAY(CirrusState, gr),
    FIELD_ARRAY(CirrusState, cr),
    FIELD_ARRAY(CirrusState, cursor_colors),
    FIELD_ARRAY(CirrusState, line),
    FIELD(CirrusState, blt_dst),
    FIELD(CirrusState, blt_lines, .max = 2048),
    FIELD(CirrusState, line_have, .max = CIRRUS_LINE_MAX),
    FIELD(CirrusState, line_want, .max = CIRRUS_LINE_MAX),
    FIELD(CirrusState, cursor_x, .max = 2047),
    FIELD(CirrusState, cursor_y, .max = 2047),
    FIELD(CirrusState, sr_index),
    FIELD(CirrusState, gr_index, .max = 63),
    FIELD(CirrusState, cr_index, .max = 63),
    FIELD(CirrusState, dac_peeks, .max = 4),
    FIELD(CirrusState, hidden_dac),
    FIELD_PAD(CirrusState, pad),
    FIELD_END,
};
/* clang-format on */

static Cirrus *cirrus_of(const Vga *v)
{
    return (Cirrus *)((char *)v - offsetof(Cirrus, vga));
}

static bool packed(const Cirrus *c)
{
    return c->st.sr[SR_MODE] & 1;
}

/* ---- what the CPU reaches directly ---- */
static bool transforms(const Cirrus *c)
{
    uint8_t ext = c->st.gr[GR_EXT], mode = c->st.gr[GR_MODE] & 7;
    return ext & (EXT_BY8 | EXT_16BPP) || (ext & EXT_WRITE && (mode == 4 || mode == 5));
}

static bool wants_ram(const Cirrus *c)
{
    return !c->st.blt_lines && !transforms(c) && (c->st.sr[SR_MMIO] & 0x44) != 0x44;
}

/* lazy: on only from refresh and sync, where many small blits count as one */
static void ram_update(Cirrus *c, bool may_show)
{
    uint64_t base = 0;
    bool at = pci_bar_at(&c->pci, 0, &base);
    bool on = at && wants_ram(c) && (may_show || (c->ram->on && c->ram->base == base));
    if (c->ram->on == on && (!on || c->ram->base == base))
        return;
    space_begin(c->pci.dev.vm->mem);
    c->ram->on = on;
    c->ram->base = base;
    space_commit(c->pci.dev.vm->mem);
}

/* ---- the engine ---- */
static CirrusBlt blt_decode(const Cirrus *c)
{
    const uint8_t *g = c->st.gr;
    CirrusBlt b = {
        .width = (g[0x20] | (g[0x21] & 31) << 8) + 1,
        .height = (g[0x22] | (g[0x23] & 7) << 8) + 1,
        .bytes = (g[GR_BLT_MODE] >> 4 & 3) + 1,
        .dst_pitch = g[0x24] | (g[0x25] & 31) << 8,
        .src_pitch = g[0x26] | (g[0x27] & 31) << 8,
        .dst = g[0x28] | g[0x29] << 8 | (g[0x2a] & 0x3f) << 16,
        .src = g[0x2c] | g[0x2d] << 8 | (g[0x2e] & 0x3f) << 16,
        .mode = g[GR_BLT_MODE],
        .rop = g[0x32],
        .ext = g[0x33],
        .bg = g[0] | g[0x10] << 8 | g[0x12] << 16 | (uint32_t)g[0x14] << 24,
        .fg = g[1] | g[0x11] << 8 | g[0x13] << 16 | (uint32_t)g[0x15] << 24,
        .key = g[0x34] | g[0x35] << 8,
    };
    if (b.mode & (BLT_PATTERN | BLT_EXPAND))
        b.skip = b.bytes == 3 ? g[0x2f] & 31 : (g[0x2f] & 7) * b.bytes;
    return b;
}

static CirrusMem mem_of(Cirrus *c)
{
    return (CirrusMem){ c->vga.vram.host, c->vga.vram_size - 1, UINT32_MAX, 0 };
}

static void mem_done(Cirrus *c, const CirrusMem *m)
{
    if (m->low <= m->high)
        region_dirty(&c->vga.vram, m->low, m->high - m->low + 1);
}

static void blt_stop(Cirrus *c)
{
    c->st.blt_lines = c->st.line_have = 0;
    c->st.gr[GR_BLT_GO] &= ~(BLT_START | BLT_BUSY | 8);
}

static void blt_start(Cirrus *c)
{
    CirrusState *s = &c->st;
    CirrusBlt b = blt_decode(c);
    if (!c->blitter || b.mode & BLT_TO_CPU) {
        if (c->blitter)
            guest_error(&c->pci.dev, "a blit to the CPU is not supported");
        blt_stop(c);
        return;
    }
    if (b.mode & BLT_FROM_CPU) {
        s->blt_dst = b.dst;
        s->blt_lines = b.mode & BLT_PATTERN ? 1 : b.height;
        s->line_want = cirrus_blt_line_bytes(&b);
        s->line_have = 0;
        s->gr[GR_BLT_GO] |= BLT_BUSY;
        ram_update(c, false);
        return;
    }
    CirrusMem m = mem_of(c);
    cirrus_blt_run(&m, &b);
    mem_done(c, &m);
    blt_stop(c);
}

/* A byte for the blit that waits. true: it was one */
static bool blt_feed(Cirrus *c, uint8_t val)
{
    CirrusState *s = &c->st;
    if (!s->blt_lines)
        return false;
    s->line[s->line_have++ % CIRRUS_LINE_MAX] = val;
    if (s->line_have < s->line_want)
        return true;
    CirrusBlt b = blt_decode(c);
    /* registers may have changed since: what was given must still be enough */
    if (cirrus_blt_line_bytes(&b) <= s->line_have) {
        CirrusMem m = mem_of(c);
        cirrus_blt_line(&m, &b, s->blt_dst, s->line);
        mem_done(c, &m);
    }
    s->line_have = 0;
    s->blt_dst += b.dst_pitch;
    if (--s->blt_lines == 0)
        blt_stop(c);
    return true;
}

/* ---- registers ---- */
static uint8_t sr_read(Cirrus *c, unsigned i)
{
    CirrusState *s = &c->st;
    switch (i & 31) {
    case SR_UNLOCK: return s->sr[SR_UNLOCK];
    case 0x10:
    case 0x11: return s->sr_index; /* the low bits of the position are in the index */
    default: return (i & 31) < 5 ? c->vga.st.seq[i & 31] : s->sr[i & 31];
    }
}

static bool sr_write(Cirrus *c, unsigned i, uint8_t val)
{
    CirrusState *s = &c->st;
    switch (i & 31) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4: return false; /* the VGA's */
    case SR_UNLOCK: s->sr[SR_UNLOCK] = (val & 0x17) == 0x12 ? 0x12 : 0x0f; return true;
    case 0x10: s->cursor_x = val << 3 | i >> 5; break;
    case 0x11: s->cursor_y = val << 3 | i >> 5; break;
    case SR_MMIO: s->sr[SR_MMIO] = (s->sr[SR_MMIO] & 0x18) | (val & 0xe7); break;
    case SR_MODE:
    case SR_CURSOR:
        c->vga.redraw = true;
        s->sr[i & 31] = val;
        break;
    default: s->sr[i & 31] = val;
    }
    c->vga.cursor_dirty = true;
    ram_update(c, false);
    return true;
}

static void gr_go(Cirrus *c, uint8_t val)
{
    uint8_t old = c->st.gr[GR_BLT_GO];
    c->st.gr[GR_BLT_GO] = val;
    if (old & BLT_RESET && !(val & BLT_RESET))
        blt_stop(c);
    else if (!(old & BLT_START) && val & BLT_START)
        blt_start(c);
}

static void gr_write(Cirrus *c, unsigned i, uint8_t val)
{
    CirrusState *s = &c->st;
    switch (i) {
    case GR_BLT_GO: gr_go(c, val); break;
    case 0x2a:
        s->gr[i] = val & 0x3f;
        if (s->gr[GR_BLT_GO] & BLT_AUTO)
            blt_start(c);
        break;
    case 0x21:
    case 0x25:
    case 0x27: s->gr[i] = val & 0x1f; break;
    case 0x23:
        s->gr[i] = val & 0x1f; /* the engine uses three bits */
        break;
    case 0x2e: s->gr[i] = val & 0x3f; break;
    default:
        if (i <= 1 || (i >= 9 && i <= 0x0b) || (i >= 0x10 && i <= 0x15) ||
            (i >= 0x20 && i <= 0x35 && i != 0x2b) || i == 0x38 || i == 0x39)
            s->gr[i] = val;
    }
    if (i == GR_EXT)
        ram_update(c, false);
}

/* the DAC's extra colours: 16 entries, written like the palette */
static bool dac_write(Cirrus *c, unsigned port, uint8_t val)
{
    VgaState *v = &c->vga.st;
    if (port != 0x3c9 || !(c->st.sr[SR_CURSOR] & 2))
        return false;
    v->dac_cache[v->dac_sub] = val;
    if (++v->dac_sub == 3) {
        memcpy(c->st.cursor_colors + (v->dac_write & 15) * 3, v->dac_cache, 3);
        v->dac_sub = 0;
        v->dac_write++;
        c->vga.cursor_dirty = true;
    }
    return true;
}

static bool cirrus_port_write(Vga *v, unsigned port, uint8_t val)
{
    Cirrus *c = cirrus_of(v);
    CirrusState *s = &c->st;
    unsigned peeks = s->dac_peeks;
    s->dac_peeks = 0;
    switch (port) {
    case 0x3c4:
        s->sr_index = val;
        v->st.seq_index = val & 7;
        return true;
    case 0x3c5: return sr_write(c, s->sr_index, val);
    case 0x3c6:
        if (peeks < 4)
            return false;
        s->hidden_dac = val;
        v->redraw = true;
        return true;
    case 0x3c9: return dac_write(c, port, val);
    case 0x3ce:
        s->gr_index = val & 63;
        v->st.gr_index = val & 15;
        return true;
    case 0x3cf:
        if (s->gr_index == GR_MODE) {
            s->gr[GR_MODE] = val & 0x7f;
            ram_update(c, false);
            return false; /* and the VGA's */
        }
        gr_write(c, s->gr_index, val);
        return s->gr_index > 8;
    case 0x3b4:
    case 0x3d4:
        s->cr_index = val & 63;
        v->st.cr_index = val & 31;
        return true;
    case 0x3b5:
    case 0x3d5:
        if (s->cr_index <= 0x18)
            return false;
        if (s->cr_index <= 0x1f || s->cr_index == 0x20 || s->cr_index == 0x21 ||
            s->cr_index == 0x23)
            s->cr[s->cr_index] = val;
        return true;
    }
    return false;
}

static uint8_t cr_read(const Cirrus *c)
{
    const CirrusState *s = &c->st;
    switch (s->cr_index) {
    case 0x22: return c->vga.st.latch[c->vga.st.gr[4] & 3];
    case 0x24: return c->vga.st.ar_data << 7;
    case 0x26: return c->vga.st.ar_index & 0x3f;
    case 0x27: return 0xb8; /* CL-GD5446 */
    default: return s->cr[s->cr_index];
    }
}

static bool cirrus_port_read(Vga *v, unsigned port, uint8_t *val)
{
    Cirrus *c = cirrus_of(v);
    CirrusState *s = &c->st;
    if (port != 0x3c6)
        s->dac_peeks = 0;
    switch (port) {
    case 0x3c4: *val = s->sr_index; return true;
    case 0x3c5: *val = sr_read(c, s->sr_index); return true;
    case 0x3c6:
        if (s->dac_peeks < 4) {
            s->dac_peeks++;
            return false;
        }
        *val = s->hidden_dac;
        s->dac_peeks = 0;
        return true;
    case 0x3c9:
        if (!(s->sr[SR_CURSOR] & 2))
            return false;
        *val = s->cursor_colors[(v->st.dac_read & 15) * 3 + v->st.dac_sub];
        if (++v->st.dac_sub == 3) {
            v->st.dac_sub = 0;
            v->st.dac_read++;
        }
        return true;
    case 0x3ce: *val = s->gr_index; return true;
    case 0x3cf:
        if (s->gr_index > 8 || s->gr_index <= 1 || s->gr_index == GR_MODE) {
            *val = s->gr[s->gr_index];
            return true;
        }
        return false;
    case 0x3b4:
    case 0x3d4: *val = s->cr_index; return true;
    case 0x3b5:
    case 0x3d5:
        if (s->cr_index <= 0x18)
            return false;
        *val = cr_read(c);
        return true;
    }
    return false;
}

/* BitBLT registers in memory: GR numbers by offset, FFh: nothing there */
static uint8_t blt_register(unsigned off)
{
    static const uint8_t gr[0x22] = {
        0x00, 0x10, 0x12, 0x14, 0x01, 0x11, 0x13, 0x15, 0x20, 0x21, 0x22, 0x23,
        0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0xff, 0x2c, 0x2d, 0x2e, 0x2f,
        0x30, 0xff, 0x32, 0x33, 0x34, 0x35, 0xff, 0xff, 0x38, 0x39,
    };
    return off < sizeof(gr) ? gr[off] : off == 0x40 ? GR_BLT_GO : 0xff;
}

static uint8_t blt_read(Cirrus *c, unsigned off)
{
    uint8_t gr = blt_register(off);
    return gr == 0xff ? 0xff : c->st.gr[gr];
}

static void blt_write(Cirrus *c, unsigned off, uint8_t val)
{
    uint8_t gr = blt_register(off);
    if (gr == 0xff)
        return;
    gr_write(c, gr, val);
    if (gr <= 1)
        c->vga.st.gr[gr] = val & 15;
}

/* ---- display memory through windows ---- */
static uint32_t scaled(const Cirrus *c, uint32_t off)
{
    uint8_t ext = c->st.gr[GR_EXT];
    if ((ext & (EXT_WRITE | EXT_16BPP)) == (EXT_WRITE | EXT_16BPP))
        off <<= 4;
    else if (ext & EXT_BY8)
        off <<= 3;
    return off & (c->vga.vram_size - 1);
}

/* false: beyond display memory */
static bool bank_map(const Cirrus *c, uint64_t off, uint32_t *at)
{
    const uint8_t *g = c->st.gr;
    bool dual = g[GR_EXT] & EXT_DUAL;
    unsigned shift = g[GR_EXT] & EXT_16K ? 14 : 12;
    uint32_t base = (uint32_t)g[dual && off >= 0x8000 ? 0x0a : 9] << shift;
    uint32_t a = base + (dual ? off & 0x7fff : off);
    *at = scaled(c, a);
    return a < c->vga.vram_size;
}

static void mem_put(Cirrus *c, uint32_t at, uint8_t val)
{
    c->vga.vram.host[at & (c->vga.vram_size - 1)] = val;
}

/* write modes 4 and 5: eight pixels by the bits of val, in mode 4 only those whose bit is 1 */
static void mem_expand(Cirrus *c, uint32_t at, uint8_t val)
{
    const uint8_t *g = c->st.gr;
    bool both = (g[GR_MODE] & 7) == 5, wide = g[GR_EXT] & EXT_16BPP;
    for (unsigned i = 0; i < 8; i++) {
        bool bit = val >> (7 - i) & 1;
        if (!bit && !both)
            continue;
        mem_put(c, at + (i << wide), g[bit ? 1 : 0]);
        if (wide)
            mem_put(c, at + (i << 1) + 1, g[bit ? 0x11 : 0x10]);
    }
}

static void mem_write(Cirrus *c, uint32_t at, uint8_t val)
{
    uint8_t mode = c->st.gr[GR_MODE] & 7;
    if (c->st.gr[GR_EXT] & EXT_WRITE && (mode == 4 || mode == 5))
        mem_expand(c, at, val);
    else
        mem_put(c, at, val);
    uint32_t n = MIN(16u, c->vga.vram_size - at);
    region_dirty(&c->vga.vram, at, n);
    if (n < 16)
        region_dirty(&c->vga.vram, 0, 16 - n);
}

/* B8000h: the engine's registers where SR17 says so */
static bool blt_at_b8000(const Cirrus *c, uint64_t off)
{
    return (c->st.sr[SR_MMIO] & 0x44) == 4 && off >= 0x18000 && off < 0x18100;
}

static bool cirrus_window_read(Vga *v, uint64_t off, uint8_t *val)
{
    Cirrus *c = cirrus_of(v);
    uint32_t at;
    if (!packed(c))
        return false;
    *val = 0xff;
    if (off < 0x10000 && bank_map(c, off, &at))
        *val = v->vram.host[at];
    else if (blt_at_b8000(c, off))
        *val = blt_read(c, off & 0xff);
    return true;
}

static bool cirrus_window_write(Vga *v, uint64_t off, uint8_t val)
{
    Cirrus *c = cirrus_of(v);
    uint32_t at;
    if (!packed(c))
        return false;
    if (blt_at_b8000(c, off))
        blt_write(c, off & 0xff, val);
    else if (off < 0x10000 && !blt_feed(c, val) && bank_map(c, off, &at))
        mem_write(c, at, val);
    return true;
}

static bool blt_at_end(const Cirrus *c, uint64_t off)
{
    uint32_t mask = c->vga.vram_size - 1;
    return (c->st.sr[SR_MMIO] & 0x44) == 0x44 && off <= mask && off >= mask - 255;
}

static uint64_t linear_read(void *o, uint64_t off, unsigned size)
{
    Cirrus *c = o;
    if (off >= c->vga.vram_size)
        return 0xff;
    return blt_at_end(c, off) ? blt_read(c, off & 0xff) : c->vga.vram.host[scaled(c, off)];
}

static void linear_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    Cirrus *c = o;
    if (blt_at_end(c, off))
        blt_write(c, off & 0xff, val);
    else if (!blt_feed(c, val) && off < c->vga.vram_size)
        mem_write(c, scaled(c, off), val);
}

static const IoOps linear_ops = {
    linear_read,   linear_write,          .min = 1, .max = 8, .impl_min = 1,
    .impl_max = 1, .flags = IO_UNALIGNED,
};

static uint64_t regs_read(void *o, uint64_t off, unsigned size)
{
    Cirrus *c = o;
    if (off >= BLT_BASE)
        return blt_read(c, off - BLT_BASE);
    return off < 0x20 ? vga_port_read(&c->vga, 0x10 + off, 1) : 0xff;
}

static void regs_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    Cirrus *c = o;
    if (off >= BLT_BASE)
        blt_write(c, off - BLT_BASE, val);
    else if (off < 0x20)
        vga_port_write(&c->vga, 0x10 + off, val, 1);
}

static const IoOps regs_ops = {
    regs_read, regs_write, .min = 1, .max = 8, .impl_min = 1, .impl_max = 1, .flags = IO_UNALIGNED,
};

/* ---- the picture ---- */
static bool cursor_visible(const Vga *v)
{
    return cirrus_of(v)->st.sr[SR_CURSOR] & 1;
}

/* SR7 says how many bytes, the hidden DAC how two of them are colours. SeaBIOS leaves SR1's
 * screen-off bit set in these modes: it does not count here. */
static bool cirrus_mode(const Vga *v, VgaMode *m)
{
    static const uint8_t bits[8] = { 8, 16, 24, 16, 32, 8, 8, 8 };
    const CirrusState *s = &cirrus_of(v)->st;
    unsigned start = s->cr[0x1b], pitch = v->st.cr[0x13] | (s->cr[0x1b] & 0x10) << 4;
    ram_update(cirrus_of(v), true);
    m->own_pixels = cursor_visible(v);
    if (!(s->sr[SR_MODE] & 1))
        return false;
    m->bpp = bits[s->sr[SR_MODE] >> 1 & 7];
    if (m->bpp == 16 && !(s->hidden_dac & 15))
        m->bpp = 15;
    m->kind = m->bpp == 8 ? VGA_LINEAR8 : VGA_DIRECT;
    m->width = (v->st.cr[1] + 1) * 8;
    if (s->cr[0x1a] & 1)
        m->height *= 2;
    m->start = (v->st.cr[0x0c] << 8 | v->st.cr[0x0d] | (start & 1) << 16 | (start & 0x0c) << 15 |
                (s->cr[0x1d] & 0x80) << 12) *
               4;
    m->stride = pitch * 8;
    m->start &= v->vram_size - 1;
    m->wrap = v->vram_size - 1;
    m->row_scans = 1;
    m->twice = m->preset = m->pan = 0;
    m->split = UINT32_MAX;
    return true;
}

static bool cirrus_cursor(const Vga *v, int *y, int *height)
{
    const CirrusState *s = &cirrus_of(v)->st;
    *y = s->cursor_y;
    *height = s->sr[SR_CURSOR] & 4 ? 64 : 32;
    return cursor_visible(v);
}

static uint32_t cursor_color(const CirrusState *s, unsigned i)
{
    const uint8_t *p = s->cursor_colors + 3 * i;
    uint32_t rgb = 0;
    for (unsigned k = 0; k < 3; k++)
        rgb = rgb << 8 | (p[k] & 63) << 2 | (p[k] & 1) * 3;
    return rgb;
}

/* two planes: 00 clear, 01 inverted, 10 and 11 the two colours */
static void cirrus_cursor_line(const Vga *v, int y, uint32_t *px, int width)
{
    const CirrusState *s = &cirrus_of(v)->st;
    bool large = s->sr[SR_CURSOR] & 4;
    unsigned row = (unsigned)y - s->cursor_y, n = large ? 64 : 32;
    uint32_t at = v->vram_size - 16384, plane1;
    if (row >= n)
        return;
    at += large ? (s->sr[SR_CURSOR_AT] & 0x3c) * 256 + row * 16
                : (s->sr[SR_CURSOR_AT] & 0x3f) * 256 + row * 4;
    plane1 = at + (large ? 8 : 128);
    for (unsigned i = 0; i < n && s->cursor_x + i < (unsigned)width; i++) {
        unsigned bit = 7 - (i & 7), k = v->vram.host[at + i / 8] >> bit & 1;
        k |= (v->vram.host[plane1 + i / 8] >> bit & 1) << 1;
        uint32_t *p = &px[s->cursor_x + i];
        if (k == 1)
            *p ^= 0xffffff;
        else if (k)
            *p = cursor_color(s, k == 3 ? 15 : 0);
    }
}

static const VgaExt cirrus_ext = {
    .no_vbe = true,
    .port_read = cirrus_port_read,
    .port_write = cirrus_port_write,
    .window_read = cirrus_window_read,
    .window_write = cirrus_window_write,
    .mode = cirrus_mode,
    .cursor = cirrus_cursor,
    .cursor_line = cirrus_cursor_line,
};

/* ---- life ---- */
static bool cirrus_realize(Device *dev, GError **err)
{
    Cirrus *c = (Cirrus *)dev;
    if (c->vgamem_mb != 4 && c->vgamem_mb != 8 && c->vgamem_mb != 16)
        return user_fail(err, "Invalid cirrus_vga ram size '%u': type 4, 8 or 16", c->vgamem_mb);
    c->vga.ext = &cirrus_ext;
    if (!vga_init(&c->vga, dev, c->vgamem_mb << 20, err))
        return false;
    pci_bar_io(&c->pci, 0, &c->linear, PCI_BAR_MEM | PCI_BAR_PREFETCH, LINEAR_SIZE, &linear_ops, c);
    pci_bar_io(&c->pci, 1, &c->regs, PCI_BAR_MEM, 4096, &regs_ops, c);
    c->ram = space_map(dev->vm->mem, &(MapRow){ .size = c->vga.vram_size,
                                                .region = &c->vga.vram,
                                                .prio = PCI_PRIO_BAR,
                                                .on = false });
    return true;
}

static void cirrus_reset(Device *dev)
{
    Cirrus *c = (Cirrus *)dev;
    vga_reset(&c->vga);
    c->vga.st.vbe[VBE_ID] = 0;
    c->st.sr[SR_UNLOCK] = 0x0f;
    c->st.sr[0x0f] = 0x98; /* 32-bit wide memory, two banks */
    c->st.sr[0x15] = 4;    /* 4 MiB */
    c->st.sr[SR_MMIO] = 0x20;
    c->st.sr[0x1f] = 0x2d;
    c->st.gr[0x18] = 0x0f;
    c->st.cr[0x27] = 0xb8;
}

static void cirrus_sync(Device *dev)
{
    Cirrus *c = (Cirrus *)dev;
    ram_update(c, true);
    vga_sync(&c->vga);
}

static void cirrus_config_written(PciDevice *dev, unsigned off, unsigned len)
{
    ram_update((Cirrus *)dev, true);
}

static void cirrus_unrealize(Device *dev)
{
    vga_fini(&((Cirrus *)dev)->vga);
}

static const PciInfo cirrus_info = {
    .vendor = 0x1013,
    .device = 0x00b8,
    .class = 0x0300,
    .sub_vendor = 0x1af4,
    .sub_device = 0x1100,
    .rom = "vgabios-cirrus.bin",
    .config_written = cirrus_config_written,
};

static const DeviceType cirrus_vga = {
    .name = "cirrus-vga",
    .desc = "Cirrus CLGD 54xx VGA",
    .size = sizeof(Cirrus),
    .flags = TYPE_USER | DEFAULT_VGA,
    .bus = &pci_bus_type,
    .bus_info = &cirrus_info,
    .props = Cirrus_rows,
    .state = STATE_PARTS(STATE(Cirrus, vga.st, VgaState_rows, 1),
                         STATE(Cirrus, st, CirrusState_rows, 1)),
    .realize = cirrus_realize,
    .reset = cirrus_reset,
    .sync = cirrus_sync,
    .unrealize = cirrus_unrealize,
};
REGISTER(device, cirrus_vga);
