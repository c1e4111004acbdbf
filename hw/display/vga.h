/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VGA with the Bochs VBE extension, as a chip: registers, the window at A0000h, and the picture.
 * Objects on it: hw/display/vga-pci.c. Display memory keeps plane p of address a in byte 4a + p, so
 * chained, planar and linear modes see the same bytes.
 * Sources: IBM VGA Technical Reference; Bochs' VBE display extension ("dispi") description.
 */
#ifndef HW_DISPLAY_VGA_H
#define HW_DISPLAY_VGA_H

#include "core/device.h"
#include "core/memory.h"
#include "ui/console.h"

enum {
    VBE_ID,
    VBE_XRES,
    VBE_YRES,
    VBE_BPP,
    VBE_ENABLE,
    VBE_BANK,
    VBE_VIRT_WIDTH,
    VBE_VIRT_HEIGHT,
    VBE_X_OFFSET,
    VBE_Y_OFFSET,
    VBE_MEMORY_64K,
    VBE_REGS = 12, /* with one to spare: the state has no holes */
};
enum { VBE_ENABLED = 1, VBE_GETCAPS = 2, VBE_8BIT_DAC = 0x20, VBE_LFB = 0x40, VBE_NOCLEAR = 0x80 };

STATE_BEGIN
typedef struct VgaState {
    uint8_t latch[4];
    uint16_t vbe[VBE_REGS];
    uint16_t vbe_index;
    uint8_t seq[8], gr[16], ar[32], cr[32];
    uint8_t palette[768];
    uint8_t seq_index, gr_index, ar_index, cr_index;
    uint8_t ar_data; /* the flip-flop of 3C0h: 1: the next write is data */
    uint8_t misc, feature, status0;
    uint8_t dac_mask, dac_state, dac_sub, dac_read, dac_write, dac_cache[3];
    uint8_t pad[6];
} VgaState;
STATE_END
extern const Field VgaState_rows[];

/* The mode that was drawn last: a difference means everything is new. */
typedef struct VgaMode {
    enum { VGA_BLANK, VGA_TEXT, VGA_PLANAR, VGA_CGA, VGA_LINEAR8, VGA_DIRECT } kind;
    int width, height;      /* pixels of the picture, as the monitor sees them */
    int bpp;                /* VGA_DIRECT: 15, 16, 24, 32 */
    uint32_t start, stride; /* bytes in display memory */
    int cell_w, cell_h;     /* VGA_TEXT */
    int dup;                /* how often a pixel is shown side by side */
    int row_scans, twice;   /* row scans a row, shift: each of them is shown twice */
    int preset;             /* row scans that the first row lacks */
    uint32_t bank, banks;   /* address bits that the row scan counter replaces, lowest and all */
    uint32_t wrap;          /* addresses are cut to these bits */
    uint32_t split;         /* last line before display memory is read from 0 again */
    uint32_t font[2];
    uint8_t cursor_start, cursor_end, underline;
    uint8_t pan;       /* pixels that the first column lacks */
    bool pan_split;    /* below the split as well */
    bool own_pixels;   /* a 32-bit mode is drawn all the same: a cursor lies over it */
    bool wide9, blink; /* wide9: the ninth column repeats the eighth in C0h..DFh */
} VgaMode;

typedef struct Vga Vga;

/* What an extended VGA adds. Each may be NULL. Hooks return true where the access was theirs. */
typedef struct VgaExt {
    bool no_vbe; /* no Bochs VBE ports */
    bool (*port_read)(Vga *, unsigned port, uint8_t *val);
    bool (*port_write)(Vga *, unsigned port, uint8_t val);
    bool (*window_read)(Vga *, uint64_t off, uint8_t *val); /* A0000h + off */
    bool (*window_write)(Vga *, uint64_t off, uint8_t val);
    bool (*mode)(const Vga *, VgaMode *); /* true: a mode of its own is on */
    /* a hardware cursor, drawn into line y of the picture; the lines it covers now */
    void (*cursor_line)(const Vga *, int y, uint32_t *px, int width);
    bool (*cursor)(const Vga *, int *y, int *height); /* false: off */
} VgaExt;

struct Vga {
    VgaState st;
    /* host */
    Device *dev;
    const VgaExt *ext;
    Region vram, window, ports, vbe_ports;
    uint32_t vram_size;
    Console *con;
    VgaMode mode;
    uint32_t colors[256];
    bool redraw, over_vram, cursor_dirty;
    uint32_t *cells; /* what each text cell shows; VGA_TEXT */
    unsigned n_cells;
    uint32_t cursor_cell;
    int cursor_y, cursor_h; /* where the hardware cursor was drawn; 0: nowhere */
};

/* realize: the ports, the window, display memory; sizes in bytes, a power of two */
bool vga_init(Vga *, Device *, uint32_t vram_size, GError **);
void vga_reset(Vga *);
void vga_sync(Vga *); /* after reset and load: draw everything */
void vga_fini(Vga *);

/* registers as ports 3B0h.. and 1CEh.. reach them; also by the MMIO bar */
uint64_t vga_port_read(void *vga, uint64_t off, unsigned size);
void vga_port_write(void *vga, uint64_t off, uint64_t val, unsigned size);
uint16_t vga_vbe_read(Vga *, unsigned reg);
void vga_vbe_write(Vga *, unsigned reg, uint16_t val);

extern const ConsoleOps vga_console_ops; /* vga-draw.c */

#endif
