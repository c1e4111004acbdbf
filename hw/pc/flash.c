/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PC's flash chips: if=pflash units 0 and 1, or -machine pflash0=, pflash1=, one below the
 * other from 4 GiB down. The first one takes the place of the firmware's ROM.
 */
#include <string.h>

#include "block/block.h"
#include "hw/misc/pflash.h"
#include "hw/pc/pc.h"

enum { SECTOR_LENGTH = 4096, FLASH_MOST = 8 << 20, UNITS = 2 };

/* The drive of a unit: the machine's row names any drive, -drive if=pflash its own place. */
static const char *flash_drive(Vm *vm, const PcArgs *args, unsigned unit)
{
    const GPtrArray *drives = vm->conf->drives;
    const char *named = unit ? args->pflash1 : args->pflash0;

    for (guint i = 0; drives && i < drives->len; i++) {
        DriveConf *c = drives->pdata[i];

        if (c->iface == IF_PFLASH && !c->bus && c->unit == unit) {
            c->used = !named;
            return named ? named : c->id;
        }
    }
    return named;
}

bool pc_has_flash(Vm *vm, const PcArgs *args)
{
    return flash_drive(vm, args, 0);
}

static Device *add_chip(Board *b, unsigned unit, const char *drive)
{
    g_autofree char *name = g_strdup_printf("system.flash%u", unit);
    g_autoptr(GError) err = NULL;
    int64_t n = blk_length_by_name(b->vm, drive, &err);

    if (err) {
        g_propagate_error(&b->err, g_steal_pointer(&err));
        return NULL;
    }
    if (n <= 0 || n % SECTOR_LENGTH) {
        user_fail(&b->err,
                  "system firmware block device '%s' has invalid size %" G_GINT64_FORMAT
                  ": its size must be a non-zero multiple of 0x%x",
                  drive, n, SECTOR_LENGTH);
        return NULL;
    }
    g_autofree char *kv =
        g_strdup_printf("drive=%s,name=%s,width=1,sector-length=%u,num-blocks=%u", drive, name,
                        SECTOR_LENGTH, (unsigned)MIN(n / SECTOR_LENGTH, UINT32_MAX));
    return board_add(b, "cfi.pflash01", name, NULL, kv);
}

void pc_flash_add(Board *b, Pc *pc)
{
    uint64_t end = 1ull << 32, all = 0;

    for (unsigned u = 0; pc && !b->err && u < UNITS; u++) {
        const char *drive = flash_drive(b->vm, pc->args, u);
        Device *chip = drive ? add_chip(b, u, drive) : NULL;

        if (!chip) {
            if (u == 0 && !drive && flash_drive(b->vm, pc->args, 1))
                user_fail(&b->err, "pflash unit 1 needs unit 0: the firmware is there");
            return;
        }
        all += pflash_region(chip)->size;
        if (all > FLASH_MOST) {
            user_fail(&b->err, "combined size of system firmware exceeds %u bytes", FLASH_MOST);
            return;
        }
        pflash_map(chip, end - pflash_region(chip)->size, PC_PRIO_ROM);
        end -= pflash_region(chip)->size;
        if (u == 0)
            pc_map_bios_low(pc, pflash_region(chip));
    }
}
