/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Boot ROM for -kernel: reads setup code, kernel, command line and initial RAM disk by fw_cfg DMA
 * to the places that hw/pc/kernel.c chose and patched into the setup header, then enters the
 * kernel's real-mode code (Linux x86 boot protocol). It is a boot entry (BEV) of a Plug and Play
 * option ROM (PnP BIOS specification 1.0A, section 3), so it takes part in the boot order.
 *
 * 16-bit code: the entry copies the ROM to 4000:0000 and runs there with every segment the same,
 * because compiled code expects data and stack in one segment.
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define RUN_SEG 0x4000

/* clang-format off */
__asm__(".code16\n"
        ".section .head, \"ax\"\n"
        "    .byte 0x55, 0xaa, rom_blocks\n"
        "    lret\n"                        /* nothing to initialise; offset 3 */
        "    .org 0x1a\n"
        "    .word pnp\n"
        "    .org 0x1c\n"
        "pnp:\n"
        "    .ascii \"$PnP\"\n"
        "    .byte 1, 2\n"                  /* revision, length / 16 */
        "    .word 0\n"                     /* no further header */
        "    .byte 0, 0\n"                 /* checksum: set by hw/pc/kernel.c */
        "    .long 0\n"                     /* device id */
        "    .word 0, product\n"            /* manufacturer, product */
        "    .byte 2, 0x80, 0\n"            /* class: mass storage, other */
        "    .byte 0x64\n"                  /* an IPL device; the option ROM may be shadowed */
        "    .word 0, 0, bev\n"             /* BCV, disconnect vector, BEV */
        "    .word 0, 0\n"
        "product:\n"
        "    .asciz \"Linux kernel of -kernel\"\n"
        "bev:\n"
        "    cli\n"
        "    cld\n"
        "    movw $0x4000, %ax\n"
        "    movw %ax, %es\n"
        "    pushw %cs\n"
        "    popw %ds\n"
        "    xorw %si, %si\n"
        "    xorw %di, %di\n"
        "    movw $rom_end, %cx\n"
        "    rep movsb\n"
        "    ljmp $0x4000, $run\n"
        "run:\n"
        "    movw %ax, %ds\n"
        "    movw %ax, %ss\n"
        "    movl $0xfff0, %esp\n"          /* compiled code addresses the stack by ESP */
        "    sti\n"
        "    calll boot\n"
        ".code16gcc\n"
        ".text\n");
/* clang-format on */

/* the standard keys of fw_cfg */
enum {
    KERNEL_ADDR = 0x07,
    KERNEL_SIZE = 0x08,
    INITRD_ADDR = 0x0a,
    INITRD_SIZE = 0x0b,
    KERNEL_DATA = 0x11,
    INITRD_DATA = 0x12,
    CMDLINE_ADDR = 0x13,
    CMDLINE_SIZE = 0x14,
    CMDLINE_DATA = 0x15,
    SETUP_ADDR = 0x16,
    SETUP_SIZE = 0x17,
    SETUP_DATA = 0x18,
};

struct dma {
    u32 control, length;
    u64 address;
};

static inline void outl(u32 val, u16 port)
{
    __asm__ volatile("outl %0, %1" : : "a"(val), "d"(port) : "memory");
}

static inline u32 swap32(u32 x)
{
    return x >> 24 | (x >> 8 & 0xff00) | (x & 0xff00) << 8 | x << 24;
}

static void print(const char *s)
{
    for (; *s; s++) {
        u32 ax = 0x0e00 | (u8)*s;
        __asm__ volatile("int $0x10" : "+a"(ax) : "b"(7) : "memory");
    }
}

static void __attribute__((noreturn)) fail(const char *what)
{
    print("-kernel: cannot read the ");
    print(what);
    print(" by fw_cfg\r\n");
    for (;;)
        __asm__ volatile("sti; hlt");
}

/* selects key and reads n bytes of it to physical address `to` */
static void read_item(u16 key, u32 to, u32 n, const char *what)
{
    volatile struct dma d;

    d.control = swap32((u32)key << 16 | 8 | 2);
    d.length = swap32(n);
    d.address = (u64)swap32(to) << 32;
    outl(0, 0x514);
    outl(swap32(RUN_SEG * 16 + (u32)&d), 0x518);
    while (d.control & ~swap32(1))
        ;
    if (d.control)
        fail(what);
}

static u32 read_u32(u16 key, const char *what)
{
    u32 val;

    read_item(key, RUN_SEG * 16 + (u32)&val, 4, what);
    __asm__ volatile("" : "+m"(val) : : "memory");
    return val;
}

static void load(u16 addr_key, u16 size_key, u16 data_key, const char *what)
{
    u32 n = read_u32(size_key, what);

    if (n)
        read_item(data_key, read_u32(addr_key, what), n, what);
}

void boot(void);
void boot(void)
{
    load(SETUP_ADDR, SETUP_SIZE, SETUP_DATA, "setup code");
    load(CMDLINE_ADDR, CMDLINE_SIZE, CMDLINE_DATA, "command line");
    load(KERNEL_ADDR, KERNEL_SIZE, KERNEL_DATA, "kernel");
    load(INITRD_ADDR, INITRD_SIZE, INITRD_DATA, "initial RAM disk");

    u32 setup = read_u32(SETUP_ADDR, "setup code");
    u32 top = read_u32(CMDLINE_ADDR, "command line") - setup;
    u32 seg = setup >> 4;

    /* the setup code starts 20h paragraphs on; its stack and heap end where the command line is */
    __asm__ volatile("cli\n\t"
                     "movw %w0, %%ds\n\t"
                     "movw %w0, %%es\n\t"
                     "movw %w0, %%fs\n\t"
                     "movw %w0, %%gs\n\t"
                     "movw %w0, %%ss\n\t"
                     "movl %1, %%esp\n\t"
                     "pushw %w2\n\t"
                     "pushw $0\n\t"
                     "lretw"
                     :
                     : "r"(seg), "r"((top > 0x10000 ? 0x10000 : top) - 16), "r"(seg + 0x20)
                     : "memory");
    __builtin_unreachable();
}
