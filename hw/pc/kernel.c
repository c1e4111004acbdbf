/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -kernel, -initrd, -append: checks a bzImage, chooses addresses, patches the setup header (Linux
 * Documentation/arch/x86/boot.rst, "The Linux/x86 Boot Protocol") and hands the parts to our boot
 * ROM (hw/pc/rom/linuxboot.c) by fw_cfg. The kernel starts in real mode, after the firmware.
 *
 *   protocol 2.02 and later, bzImage    setup 10000h   command line 20000h   kernel 100000h
 *   older, or zImage                    setup 90000h   command line 9A000h - n   kernel 100000h,
 * 10000h
 *
 * Not here: ELF (PVH) kernels, multiboot, protocol 1.x (Linux before 1.3.73, of 1996).
 */
#include <string.h>

#include "core/firmware.h"
#include "hw/pc/fw_cfg.h"
#include "util/bytes.h"
#include "util/text.h"

extern const uint8_t rom_linuxboot[], rom_linuxboot_end[];

/* offsets of the setup header */
enum {
    HDR_SETUP_SECTS = 0x1f1,
    HDR_VID_MODE = 0x1fa,
    HDR_MAGIC = 0x202,
    HDR_VERSION = 0x206,
    HDR_LOADER = 0x210,
    HDR_LOADFLAGS = 0x211,
    HDR_RAMDISK = 0x218,
    HDR_RAMDISK_SIZE = 0x21c,
    HDR_HEAP_END = 0x224,
    HDR_CMDLINE = 0x228,
    HDR_INITRD_MAX = 0x22c,
    HDR_XLOADFLAGS = 0x236,
    HDR_CMDLINE_SIZE = 0x238,
    HDR_END = 0x23c,
    OLD_CMDLINE_MAGIC = 0x20,
    OLD_CMDLINE_OFFSET = 0x22,
};
enum { LOADED_HIGH = 1, CAN_USE_HEAP = 0x80, CAN_BE_ABOVE_4G = 2, LOADER_TYPE = 0xb0 };

/* The firmware keeps its tables in the top of low memory; the initial RAM disk stays below. */
enum { FIRMWARE_TOP = 512 << 10, KERNEL_MOST = 1 << 30 };

typedef struct LinuxImage {
    uint8_t *setup;
    size_t setup_len;
    const uint8_t *code;
    size_t code_len;
    uint16_t version;
    uint32_t setup_addr, cmdline_addr, code_addr;
} LinuxImage;

static bool refuse(GError **err, const char *option, const char *file, const char *why)
{
    return user_fail(err, "%s %s: %s", option, file, why);
}

static bool is_multiboot(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i + 4 <= MIN(n, 8192); i += 4)
        if (get_le32(p + i) == 0x1badb002)
            return true;
    return false;
}

/* Everything is the file's word: nothing is used before it was compared with the file's length. */
static bool image_check(const char *file, const uint8_t *p, size_t n, GError **err)
{
    if (n >= 4 && memcmp(p, "\177ELF", 4) == 0)
        return refuse(err, "-kernel", file,
                      "ELF kernels (vmlinux, PVH) are not supported yet: give the bzImage");
    if (n < 1024 || get_le16(p + 0x1fe) != 0xaa55 || memcmp(p + HDR_MAGIC, "HdrS", 4) != 0)
        return refuse(err, "-kernel", file,
                      is_multiboot(p, n) ? "multiboot kernels are not supported yet"
                                         : "not a Linux bzImage (no HdrS header)");
    if (get_le16(p + HDR_VERSION) < 0x200)
        return refuse(err, "-kernel", file, "boot protocol older than 2.00 is not supported");
    size_t sects = p[HDR_SETUP_SECTS] ? p[HDR_SETUP_SECTS] : 4;
    if ((sects + 1) * 512 >= n)
        return refuse(err, "-kernel", file, "the file ends inside its setup code");
    return true;
}

static void image_place(LinuxImage *k, size_t cmdline_len)
{
    bool high = k->setup[HDR_LOADFLAGS] & LOADED_HIGH;

    k->code_addr = high ? 0x100000 : 0x10000;
    if (high && k->version >= 0x202) {
        k->setup_addr = 0x10000;
        k->cmdline_addr = 0x20000;
    } else {
        k->setup_addr = 0x90000;
        k->cmdline_addr = (0x9a000 - cmdline_len) & ~15u;
    }
}

static bool cmdline_check(const LinuxImage *k, const char *text, GError **err)
{
    uint32_t most = k->version >= 0x206 ? get_le32(k->setup + HDR_CMDLINE_SIZE) : 255;

    if (strlen(text) <= MIN(most, 0x10000))
        return true;
    return user_fail(err, "-append: %zu characters, but this kernel takes at most %u", strlen(text),
                     most);
}

/* vga=: the setup code wants it in its header (boot.rst, "Special Command Line Options"). */
static void video_mode_patch(uint8_t *h, const char *cmdline)
{
    static const struct {
        const char *name;
        uint16_t mode;
    } names[] = { { "normal", 0xffff }, { "ext", 0xfffe }, { "ask", 0xfffd } };
    g_auto(GStrv) words = g_strsplit_set(cmdline, " \t\n", -1);

    for (int i = 0; words[i]; i++) {
        const char *value = words[i] + 4;
        uint64_t mode;

        if (!g_str_has_prefix(words[i], "vga="))
            continue;
        for (size_t j = 0; j < G_N_ELEMENTS(names); j++)
            if (strcmp(value, names[j].name) == 0)
                put_le16(h + HDR_VID_MODE, names[j].mode);
        if (text_uint(value, &mode) && mode <= 0xffff)
            put_le16(h + HDR_VID_MODE, mode);
    }
}

static void setup_patch(const LinuxImage *k, const char *cmdline)
{
    uint8_t *h = k->setup;

    video_mode_patch(h, cmdline);
    h[HDR_LOADER] = LOADER_TYPE;
    if (k->version >= 0x201) {
        h[HDR_LOADFLAGS] |= CAN_USE_HEAP;
        put_le16(h + HDR_HEAP_END, MIN(k->cmdline_addr - k->setup_addr, 0x10000u) - 0x200);
    }
    if (k->version >= 0x202) {
        put_le32(h + HDR_CMDLINE, k->cmdline_addr);
    } else {
        put_le16(h + OLD_CMDLINE_MAGIC, 0xa33f);
        put_le16(h + OLD_CMDLINE_OFFSET, k->cmdline_addr - k->setup_addr);
    }
}

/* last byte an initial RAM disk may occupy */
static uint32_t initrd_limit(const Pc *pc, const LinuxImage *k)
{
    uint32_t max = 0x37ffffff;

    if (k->version >= 0x20c && get_le16(k->setup + HDR_XLOADFLAGS) & CAN_BE_ABOVE_4G)
        max = UINT32_MAX;
    else if (k->version >= 0x203)
        max = get_le32(k->setup + HDR_INITRD_MAX);
    uint64_t ram = pc->mem.below_4g > FIRMWARE_TOP ? pc->mem.below_4g - FIRMWARE_TOP : 0;
    return MIN(max, ram ? ram - 1 : 0);
}

static bool initrd_load(Pc *pc, FwCfg *f, LinuxImage *k, const char *file, GError **err)
{
    uint32_t limit = initrd_limit(pc, k);
    g_autofree char *text = NULL;
    size_t n = 0;

    if (!g_file_get_contents(file, &text, &n, err)) {
        g_prefix_error(err, "-initrd %s: ", file);
        return false;
    }
    if (n == 0)
        return refuse(err, "-initrd", file, "the file is empty");
    if (n > limit || limit - n < k->code_addr + k->code_len)
        return user_fail(err,
                         "-initrd %s: %zu KiB do not fit beside the kernel below %u MiB; give the "
                         "machine more memory with -m",
                         file, n >> 10, limit >> 20);
    uint32_t addr = (limit - n + 1) & ~4095u;
    put_le32(k->setup + HDR_RAMDISK, addr);
    put_le32(k->setup + HDR_RAMDISK_SIZE, n);
    fw_cfg_set32(f, FW_CFG_INITRD_ADDR, addr);
    fw_cfg_set32(f, FW_CFG_INITRD_SIZE, n);
    fw_cfg_set(f, FW_CFG_INITRD_DATA, g_bytes_new_take(g_steal_pointer(&text), n));
    return true;
}

static uint8_t sum8(const uint8_t *p, size_t n)
{
    uint8_t sum = 0;

    while (n--)
        sum += *p++;
    return sum;
}

/* The ROM as the firmware wants it: PnP header and whole sum up to zero. */
static GBytes *boot_rom(void)
{
    size_t n = rom_linuxboot_end - rom_linuxboot;
    uint8_t *rom = g_memdup2(rom_linuxboot, n);
    uint8_t *pnp = rom + get_le16(rom + 0x1a);

    g_assert(n >= 512 && n == rom[2] * 512u && memcmp(pnp, "$PnP", 4) == 0);
    pnp[9] -= sum8(pnp, 32);
    rom[n - 1] -= sum8(rom, n);
    return g_bytes_new_take(rom, n);
}

static void give(FwCfg *f, uint16_t addr_key, uint32_t addr, uint16_t size_key, uint16_t data_key,
                 GBytes *take)
{
    fw_cfg_set32(f, addr_key, addr);
    fw_cfg_set32(f, size_key, g_bytes_get_size(take));
    fw_cfg_set(f, data_key, take);
}

static bool image_load(Pc *pc, FwCfg *f, GBytes *file, GError **err)
{
    const MachineConf *conf = pc->dev.vm->conf;
    const char *cmdline = conf->append ? conf->append : "";
    size_t n;
    const uint8_t *p = g_bytes_get_data(file, &n);

    if (!image_check(conf->kernel, p, n, err))
        return false;
    LinuxImage k = { .version = get_le16(p + HDR_VERSION) };
    k.setup_len = ((p[HDR_SETUP_SECTS] ? p[HDR_SETUP_SECTS] : 4) + 1) * 512;
    g_autoptr(GBytes) setup = g_bytes_new_take(g_memdup2(p, k.setup_len), k.setup_len);
    k.setup = (uint8_t *)g_bytes_get_data(setup, NULL);
    k.code = p + k.setup_len;
    k.code_len = n - k.setup_len;
    image_place(&k, strlen(cmdline) + 1);
    if (!cmdline_check(&k, cmdline, err))
        return false;
    if (k.code_addr + k.code_len > pc->mem.below_4g)
        return refuse(err, "-kernel", conf->kernel, "larger than the machine's memory (see -m)");
    setup_patch(&k, cmdline);
    if (conf->initrd && !initrd_load(pc, f, &k, conf->initrd, err))
        return false;
    give(f, FW_CFG_SETUP_ADDR, k.setup_addr, FW_CFG_SETUP_SIZE, FW_CFG_SETUP_DATA,
         g_steal_pointer(&setup));
    give(f, FW_CFG_CMDLINE_ADDR, k.cmdline_addr, FW_CFG_CMDLINE_SIZE, FW_CFG_CMDLINE_DATA,
         g_bytes_new(cmdline, strlen(cmdline) + 1));
    give(f, FW_CFG_KERNEL_ADDR, k.code_addr, FW_CFG_KERNEL_SIZE, FW_CFG_KERNEL_DATA,
         g_bytes_new_from_bytes(file, k.setup_len, k.code_len));
    return true;
}

bool kernel_load(Pc *pc, FwCfg *f, GError **err)
{
    const MachineConf *conf = pc->dev.vm->conf;
    g_autoptr(GBytes) file = NULL;
    g_autofree char *text = NULL;
    size_t n = 0;

    if (!conf->kernel) {
        if (conf->initrd)
            return refuse(err, "-initrd", conf->initrd, "needs -kernel");
        if (conf->append)
            return refuse(err, "-append", conf->append, "needs -kernel");
        return true;
    }
    if (!g_file_get_contents(conf->kernel, &text, &n, err)) {
        g_prefix_error(err, "-kernel %s: ", conf->kernel);
        return false;
    }
    if (n > KERNEL_MOST)
        return refuse(err, "-kernel", conf->kernel, "more than 1 GiB");
    file = g_bytes_new_take(g_steal_pointer(&text), n);
    if (!image_load(pc, f, file, err))
        return false;
    fw_option_rom_bytes((Device *)f, "linuxboot.bin", boot_rom(), 0);
    return true;
}
