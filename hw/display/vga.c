/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VGA registers and the planar window at A0000h. The picture is vga-draw.c's. Threads: machine
 * lock. Not modelled: the CPU-visible timing of the sequencer, light pen, the vertical retrace
 * interrupt.
 */
#include "hw/display/vga.h"

#include <string.h>

#include "core/clock.h"

enum { PORT_BASE = 0x3b0, PORT_COUNT = 0x30, VBE_PORT_BASE = 0x1ce };
enum { WINDOW_BASE = 0xa0000, WINDOW_SIZE = 0x20000 };
enum { VBE_ID_FIRST = 0xb0c0, VBE_ID_LAST = 0xb0c5, VBE_MAX_X = 16000, VBE_MAX_Y = 12000 };

const Field VgaState_rows[] = {
    FIELD_ARRAY(VgaState, latch),
    FIELD_ARRAY(VgaState, vbe),
    FIELD(VgaState, vbe_index),
    FIELD_ARRAY(VgaState, seq),
    FIELD_ARRAY(VgaState, gr),
    FIELD_ARRAY(VgaState, ar),
    FIELD_ARRAY(VgaState, cr),
    FIELD_ARRAY(VgaState, palette),
    FIELD(VgaState, seq_index, .max = 7),
    FIELD(VgaState, gr_index, .max = 15),
    FIELD(VgaState, ar_index, .max = 63),
    FIELD(VgaState, cr_index, .max = 31),
    FIELD(VgaState, ar_data, .max = 1),
    FIELD(VgaState, misc),
    FIELD(VgaState, feature),
    FIELD(VgaState, status0),
    FIELD(VgaState, dac_mask),
    FIELD(VgaState, dac_state),
    FIELD(VgaState, dac_sub, .max = 2),
    FIELD(VgaState, dac_read),
    FIELD(VgaState, dac_write),
    FIELD_ARRAY(VgaState, dac_cache),
    FIELD_PAD(VgaState, pad),
    FIELD_END,
};

/* ---- VBE ---- */
static bool vbe_on(const Vga *v)
{
    return v->st.vbe[VBE_ENABLE] & VBE_ENABLED;
}

static unsigned vbe_line_bytes(const Vga *v, unsigned pixels)
{
    unsigned bpp = v->st.vbe[VBE_BPP];
    return bpp == 4 ? pixels / 2 : pixels * ((bpp + 7) / 8);
}

/* Keep width, height and offsets inside display memory, whatever was written. */
static void vbe_fix(Vga *v)
{
    uint16_t *r = v->st.vbe;
    if (r[VBE_BPP] != 4 && r[VBE_BPP] != 8 && r[VBE_BPP] != 15 && r[VBE_BPP] != 16 &&
        r[VBE_BPP] != 24 && r[VBE_BPP] != 32)
        r[VBE_BPP] = 8;
    r[VBE_XRES] = CLAMP(r[VBE_XRES] & ~7u, 8, VBE_MAX_X);
    r[VBE_VIRT_WIDTH] = CLAMP(r[VBE_VIRT_WIDTH] & ~7u, r[VBE_XRES], VBE_MAX_X);
    unsigned line = vbe_line_bytes(v, r[VBE_VIRT_WIDTH]);
    if (line > v->vram_size) {
        r[VBE_VIRT_WIDTH] = r[VBE_XRES] = 640;
        line = vbe_line_bytes(v, 640);
    }
    unsigned most = v->vram_size / line;
    r[VBE_YRES] = CLAMP(r[VBE_YRES], 1, MIN(most, VBE_MAX_Y));
    r[VBE_VIRT_HEIGHT] = MIN(most, 65535);
    r[VBE_X_OFFSET] = MIN(r[VBE_X_OFFSET], r[VBE_VIRT_WIDTH] - r[VBE_XRES]);
    r[VBE_Y_OFFSET] = MIN(r[VBE_Y_OFFSET], r[VBE_VIRT_HEIGHT] - r[VBE_YRES]);
}

/*
 * The VGA BIOS sets a VBE mode by these registers alone and expects the VGA's own to show it:
 * graphics at A0000h, all planes, chained above 4 bits a pixel.
 */
static void vbe_set_vga(Vga *v)
{
    VgaState *s = &v->st;
    s->gr[6] = (s->gr[6] & ~0x0c) | 0x05;
    s->cr[0x17] |= 3;
    s->cr[0x13] = MIN(vbe_line_bytes(v, s->vbe[VBE_VIRT_WIDTH]) >> 3, 255);
    s->cr[0x01] = (s->vbe[VBE_XRES] >> 3) - 1;
    unsigned h = s->vbe[VBE_YRES] - 1;
    s->cr[0x12] = h;
    s->cr[0x07] = (s->cr[0x07] & ~0x42) | (h >> 7 & 2) | (h >> 3 & 0x40);
    s->cr[0x18] = 0xff;
    s->cr[0x07] |= 0x10;
    s->cr[0x09] = (s->cr[0x09] | 0x40) & ~0x9f;
    if (s->vbe[VBE_BPP] == 4) {
        s->gr[5] &= ~0x60;
        s->seq[4] &= ~8;
    } else {
        s->gr[5] = (s->gr[5] & ~0x60) | 0x40;
        s->seq[4] |= 8;
        s->seq[2] |= 15;
    }
    s->seq[1] &= ~8;
}

static void vbe_enable(Vga *v, uint16_t val)
{
    uint16_t *r = v->st.vbe;
    bool was = vbe_on(v);
    r[VBE_ENABLE] = val;
    if ((val & VBE_ENABLED) && !was) {
        r[VBE_VIRT_WIDTH] = 0;
        r[VBE_X_OFFSET] = r[VBE_Y_OFFSET] = 0;
        vbe_fix(v);
        if (!(val & VBE_NOCLEAR)) {
            uint32_t n = MIN(v->vram_size, r[VBE_YRES] * vbe_line_bytes(v, r[VBE_VIRT_WIDTH]));
            memset(v->vram.host, 0, n);
            region_dirty(&v->vram, 0, n);
        }
        vbe_set_vga(v);
    }
    if (!(val & VBE_ENABLED))
        r[VBE_BANK] = 0;
    v->redraw = true;
}

uint16_t vga_vbe_read(Vga *v, unsigned reg)
{
    if (reg >= VBE_REGS)
        return 0;
    if (v->st.vbe[VBE_ENABLE] & VBE_GETCAPS) {
        switch (reg) {
        case VBE_XRES: return VBE_MAX_X;
        case VBE_YRES: return VBE_MAX_Y;
        case VBE_BPP: return 32;
        }
    }
    return reg == VBE_MEMORY_64K ? v->vram_size >> 16 : v->st.vbe[reg];
}

void vga_vbe_write(Vga *v, unsigned reg, uint16_t val)
{
    uint16_t *r = v->st.vbe;
    switch (reg) {
    case VBE_ID:
        if (val >= VBE_ID_FIRST && val <= VBE_ID_LAST)
            r[VBE_ID] = val;
        return;
    case VBE_BANK: r[VBE_BANK] = val & ((v->vram_size >> 16) - 1); return;
    case VBE_ENABLE: vbe_enable(v, val); return;
    case VBE_XRES:
    case VBE_YRES:
    case VBE_BPP:
    case VBE_VIRT_WIDTH:
    case VBE_X_OFFSET:
    case VBE_Y_OFFSET:
        r[reg] = val;
        if (vbe_on(v))
            vbe_fix(v);
        v->redraw = true;
    }
}

static uint64_t vbe_port_read(void *o, uint64_t off, unsigned size)
{
    Vga *v = o;
    return off == 0 ? v->st.vbe_index : vga_vbe_read(v, v->st.vbe_index);
}

static void vbe_port_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    Vga *v = o;
    if (off == 0)
        v->st.vbe_index = val;
    else
        vga_vbe_write(v, v->st.vbe_index, val);
}

/* index at 1CEh; data at 1CFh for old BIOSes and at 1D0h, where a word is aligned */
static const IoOps vbe_port_ops = { vbe_port_read, vbe_port_write, .min = 1, .max = 2,
                                    .flags = IO_UNALIGNED };

/* ---- VGA registers ---- */
/*
 * Input status 1: software waits for retrace to begin and to end, and measures the rate. 60 frames
 * a second on the virtual clock, the last twentieth is retrace.
 */
static uint8_t status1(Vga *v)
{
    const int64_t frame = 1000000000 / 60, line = frame / 525;
    int64_t at = clock_now(v->dev->vm, CLOCK_VIRTUAL) % frame;
    if (at >= frame - frame / 20)
        return 9;
    return at % line >= line - line / 5 ? 1 : 0;
}

static uint8_t dac_data_read(Vga *v)
{
    VgaState *s = &v->st;
    uint8_t val = s->palette[s->dac_read * 3 + s->dac_sub];
    if (++s->dac_sub == 3) {
        s->dac_sub = 0;
        s->dac_read++;
    }
    return val;
}

static void dac_data_write(Vga *v, uint8_t val)
{
    VgaState *s = &v->st;
    s->dac_cache[s->dac_sub] = val;
    if (++s->dac_sub == 3) {
        s->dac_sub = 0;
        memcpy(s->palette + s->dac_write * 3, s->dac_cache, 3);
        s->dac_write++;
        v->redraw = true;
    }
}

/* 3B0h-3BFh answers in monochrome, 3D0h-3DFh in colour mode; the others always */
static bool port_off(const Vga *v, unsigned port)
{
    bool color = v->st.misc & 1;
    return (port >= 0x3b0 && port <= 0x3bf && color) || (port >= 0x3d0 && port <= 0x3df && !color);
}

uint64_t vga_port_read(void *o, uint64_t off, unsigned size)
{
    Vga *v = o;
    VgaState *s = &v->st;
    unsigned port = PORT_BASE + off;
    uint8_t ext;
    if (port_off(v, port))
        return 0xff;
    if (v->ext && v->ext->port_read && v->ext->port_read(v, port, &ext))
        return ext;
    switch (port) {
    case 0x3c0: return s->ar_data ? 0 : s->ar_index;
    case 0x3c1: return (s->ar_index & 31) < 21 ? s->ar[s->ar_index & 31] : 0;
    case 0x3c2: return s->status0;
    case 0x3c4: return s->seq_index;
    case 0x3c5: return s->seq[s->seq_index];
    case 0x3c6: return s->dac_mask;
    case 0x3c7: return s->dac_state;
    case 0x3c8: return s->dac_write;
    case 0x3c9: return dac_data_read(v);
    case 0x3ca: return s->feature;
    case 0x3cc: return s->misc;
    case 0x3ce: return s->gr_index;
    case 0x3cf: return s->gr[s->gr_index];
    case 0x3b4:
    case 0x3d4: return s->cr_index;
    case 0x3b5:
    case 0x3d5: return s->cr[s->cr_index];
    case 0x3ba:
    case 0x3da: s->ar_data = 0; return status1(v);
    default: return 0xff;
    }
}

static void attribute_write(Vga *v, uint8_t val)
{
    static const uint8_t mask[5] = { 0xef, 0xff, 0x3f, 0x0f, 0x0f };
    VgaState *s = &v->st;
    unsigned i = s->ar_index & 31;
    if (!s->ar_data)
        s->ar_index = val & 0x3f;
    else if (i < 16)
        s->ar[i] = val & 0x3f;
    else if (i < 21)
        s->ar[i] = val & mask[i - 16];
    s->ar_data ^= 1;
}

static void crtc_write(Vga *v, uint8_t val)
{
    VgaState *s = &v->st;
    unsigned i = s->cr_index;
    /* CR11 bit 7 protects CR0 to CR7, but for the line-compare bit in CR7 */
    if (s->cr[0x11] & 0x80 && i <= 7) {
        if (i == 7)
            s->cr[7] = (s->cr[7] & ~0x10) | (val & 0x10);
        return;
    }
    s->cr[i] = val;
}

void vga_port_write(void *o, uint64_t off, uint64_t value, unsigned size)
{
    static const uint8_t seq_mask[8] = { 0x03, 0x3d, 0x0f, 0x3f, 0x0e, 0, 0, 0xff };
    static const uint8_t gr_mask[16] = { 0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff };
    Vga *v = o;
    VgaState *s = &v->st;
    unsigned port = PORT_BASE + off;
    uint8_t val = value;
    if (port_off(v, port))
        return;
    if (v->ext && v->ext->port_write && v->ext->port_write(v, port, val))
        return;
    switch (port) {
    case 0x3c0: attribute_write(v, val); break;
    case 0x3c2: s->misc = val & ~0x10; break;
    case 0x3c4: s->seq_index = val & 7; return;
    case 0x3c5: s->seq[s->seq_index] = val & seq_mask[s->seq_index]; break;
    case 0x3c6: s->dac_mask = val; break;
    case 0x3c7:
        s->dac_read = val;
        s->dac_sub = 0;
        s->dac_state = 3;
        return;
    case 0x3c8:
        s->dac_write = val;
        s->dac_sub = 0;
        s->dac_state = 0;
        return;
    case 0x3c9: dac_data_write(v, val); return;
    case 0x3ce: s->gr_index = val & 15; return;
    case 0x3cf: s->gr[s->gr_index] = val & gr_mask[s->gr_index]; break;
    case 0x3b4:
    case 0x3d4: s->cr_index = val & 31; return;
    case 0x3b5:
    case 0x3d5: crtc_write(v, val); break;
    case 0x3ba:
    case 0x3da: s->feature = val & 0x10; return;
    default: return;
    }
    /* the mode is derived anew at the next refresh, and what differs is drawn */
}

static const IoOps port_ops = {
    vga_port_read, vga_port_write,        .min = 1, .max = 4, .impl_min = 1,
    .impl_max = 1, .flags = IO_UNALIGNED,
};

/* ---- the window at A0000h ---- */
/* -> offset in the mapped part, false: this address is not mapped now */
static bool window_map(const Vga *v, uint64_t *off)
{
    switch (v->st.gr[6] >> 2 & 3) {
    case 0: return true;
    case 1: return *off < 0x10000;
    case 2: *off -= 0x10000; return *off < 0x8000;
    default: *off -= 0x18000; return *off < 0x8000;
    }
}

static uint64_t banked(const Vga *v, uint64_t off)
{
    return vbe_on(v) ? off + ((uint64_t)v->st.vbe[VBE_BANK] << 16) : off;
}

static uint64_t window_read(void *o, uint64_t off, unsigned size)
{
    Vga *v = o;
    VgaState *s = &v->st;
    const uint8_t *ram = v->vram.host;
    uint8_t ext;
    if (v->ext && v->ext->window_read && v->ext->window_read(v, off, &ext))
        return ext;
    if (!window_map(v, &off))
        return 0xff;
    off = banked(v, off);
    if (s->seq[4] & 8)
        return off < v->vram_size ? ram[off] : 0xff;
    if (s->gr[5] & 0x10) { /* odd/even: text */
        uint64_t at = (off & ~1ull) << 1 | (s->gr[4] & 2) | (off & 1);
        return at < v->vram_size ? ram[at] : 0xff;
    }
    if (off * 4 + 4 > v->vram_size)
        return 0xff;
    memcpy(s->latch, ram + off * 4, 4);
    if (!(s->gr[5] & 8))
        return s->latch[s->gr[4] & 3];
    uint8_t same = 0xff; /* read mode 1: which pixels have the colour */
    for (unsigned p = 0; p < 4; p++)
        if (s->gr[7] >> p & 1)
            same &= ~(s->latch[p] ^ (s->gr[2] >> p & 1 ? 0xff : 0));
    return same;
}

/* what the data path makes of one byte for plane p */
static uint8_t plane_byte(const VgaState *s, unsigned p, uint8_t val)
{
    unsigned rotate = s->gr[3] & 7, mode = s->gr[5] & 3;
    uint8_t mask = s->gr[8], color = s->gr[0] >> p & 1 ? 0xff : 0, latch = s->latch[p];
    uint8_t turned = val >> rotate | val << (8 - rotate);
    switch (mode) {
    case 0: val = s->gr[1] >> p & 1 ? color : turned; break;
    case 1: return latch;
    case 2: val = val >> p & 1 ? 0xff : 0; break;
    default: val = color; mask &= turned;
    }
    switch (s->gr[3] >> 3 & 3) {
    case 1: val &= latch; break;
    case 2: val |= latch; break;
    case 3: val ^= latch;
    }
    return (val & mask) | (latch & ~mask);
}

static void window_write(void *o, uint64_t off, uint64_t value, unsigned size)
{
    Vga *v = o;
    VgaState *s = &v->st;
    uint8_t *ram = v->vram.host, val = value;
    if (v->ext && v->ext->window_write && v->ext->window_write(v, off, val))
        return;
    if (!window_map(v, &off))
        return;
    off = banked(v, off);
    if (s->seq[4] & 8) { /* chained: the address picks the plane */
        if (off < v->vram_size && s->seq[2] >> (off & 3) & 1) {
            ram[off] = val;
            region_dirty(&v->vram, off, 1);
        }
        return;
    }
    if (s->gr[5] & 0x10) {
        unsigned plane = (s->gr[4] & 2) | (off & 1);
        uint64_t at = (off & ~1ull) << 1 | plane;
        if (at < v->vram_size && s->seq[2] >> plane & 1) {
            ram[at] = val;
            region_dirty(&v->vram, at, 1);
        }
        return;
    }
    if (off * 4 + 4 > v->vram_size)
        return;
    for (unsigned p = 0; p < 4; p++)
        if (s->seq[2] >> p & 1)
            ram[off * 4 + p] = plane_byte(s, p, val);
    region_dirty(&v->vram, off * 4, 4);
}

static const IoOps window_ops = {
    window_read,   window_write,          .min = 1, .max = 8, .impl_min = 1,
    .impl_max = 1, .flags = IO_UNALIGNED,
};

/* ---- life ---- */
bool vga_init(Vga *v, Device *dev, uint32_t vram_size, GError **err)
{
    Vm *vm = dev->vm;
    v->dev = dev;
    v->vram_size = vram_size;
    if (!region_init_ram(&v->vram, dev, "vga.vram", vram_size, err))
        return false;
    region_init_io(&v->window, dev, "vga-lowmem", WINDOW_SIZE, &window_ops, v);
    region_init_io(&v->ports, dev, "vga", PORT_COUNT, &port_ops, v);
    region_init_io(&v->vbe_ports, dev, "vbe", 4, &vbe_port_ops, v);
    space_map(vm->mem, &(MapRow){ .base = WINDOW_BASE,
                                  .size = WINDOW_SIZE,
                                  .region = &v->window,
                                  .prio = 1,
                                  .on = true });
    space_map(vm->io,
              &(MapRow){ .base = PORT_BASE, .size = PORT_COUNT, .region = &v->ports, .on = true });
    if (!v->ext || !v->ext->no_vbe)
        space_map(
            vm->io,
            &(MapRow){ .base = VBE_PORT_BASE, .size = 4, .region = &v->vbe_ports, .on = true });
    v->con = console_new(vm, dev, 0, "vga", &vga_console_ops, v);
    return true;
}

/* display memory keeps what it has, as a real card's does */
void vga_reset(Vga *v)
{
    v->st.vbe[VBE_ID] = VBE_ID_LAST;
    v->st.vbe[VBE_BPP] = 8;
    v->st.dac_mask = 0xff;
    v->st.misc = 1;
}

void vga_sync(Vga *v)
{
    if (vbe_on(v))
        vbe_fix(v);
    v->redraw = true;
    console_changed(v->con);
}

void vga_fini(Vga *v)
{
    console_free(v->con);
    g_free(v->cells);
    v->con = NULL;
    v->cells = NULL;
}
