/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The PC's firmware image, its memory map for the firmware, and what -boot asks of it. */
#include "core/firmware.h"

#include <string.h>

#include "hw/pc/fw_cfg.h"

enum { BIOS_UNIT = 64 << 10, BIOS_MOST = 16 << 20 };

bool pc_bios_load(Pc *pc, GError **err)
{
    Vm *vm = pc->dev.vm;
    const char *name = vm->conf->bios ? vm->conf->bios : PC_BIOS;
    g_autoptr(GBytes) image = firmware_load(vm, name, BIOS_MOST, err);

    if (!image) {
        g_prefix_error(err, vm->conf->bios ? "-bios: " : "no firmware: ");
        return false;
    }
    size_t n = g_bytes_get_size(image);
    if (n % BIOS_UNIT)
        return user_fail(err, "firmware '%s' has %zu bytes: not a multiple of 64 KiB", name, n);
    if (!region_init_ram(&pc->mem.bios, &pc->dev, "pc.bios", n, err))
        return false;
    memcpy(pc->mem.bios.host, g_bytes_get_data(image, NULL), n);
    return true;
}

static void e820_add(GByteArray *a, uint64_t base, uint64_t len, uint32_t type)
{
    uint64_t range[2] = { GUINT64_TO_LE(base), GUINT64_TO_LE(len) };

    type = GUINT32_TO_LE(type);
    g_byte_array_append(a, (uint8_t *)range, sizeof(range));
    g_byte_array_append(a, (uint8_t *)&type, sizeof(type));
}

GBytes *pc_e820(const Pc *pc)
{
    enum { E820_RAM = 1 };
    GByteArray *a = g_byte_array_new();

    e820_add(a, 0, pc->mem.below_4g, E820_RAM);
    if (pc->mem.above_4g)
        e820_add(a, 1ull << 32, pc->mem.above_4g, E820_RAM);
    return g_byte_array_free_to_bytes(a);
}

int64_t pc_pm_row(const Pc *pc, const char *row, int64_t none)
{
    g_autoptr(Json) val = pc->pm ? prop_get(pc->pm->type->props, pc->pm, row) : NULL;

    return val && val->kind == J_INT ? val->i : val && val->kind == J_BOOL ? val->b : none;
}

/* The firmware chooses its decoder by the file's name. */
static bool splash_add(Pc *pc, Device *fw_cfg, GError **err)
{
    const char *file = pc->dev.vm->conf->boot.splash;

    if (!file)
        return true;
    GBytes *image = firmware_load(pc->dev.vm, file, 8 << 20, err);
    if (!image) {
        g_prefix_error(err, "-boot splash=%s: ", file);
        return false;
    }
    const uint8_t *p = g_bytes_get_data(image, NULL);
    bool two = g_bytes_get_size(image) > 2;
    if (two && p[0] == 0xff && p[1] == 0xd8) {
        fw_file(fw_cfg, "bootsplash.jpg", image);
    } else if (two && p[0] == 'B' && p[1] == 'M') {
        fw_file(fw_cfg, "bootsplash.bmp", image);
    } else {
        g_bytes_unref(image);
        return user_fail(err, "-boot splash=%s: neither a JPEG nor a BMP picture", file);
    }
    return true;
}

void pc_firmware_add(Board *b, Pc *pc)
{
    if (b->err)
        return;
    pc->fw_cfg = board_add(b, "fw_cfg_io", "fw_cfg", NULL, NULL);
    if (pc->fw_cfg)
        splash_add(pc, pc->fw_cfg, &b->err);
}
