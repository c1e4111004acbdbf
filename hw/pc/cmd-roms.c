/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "info roms" in the words of 7.2: option ROMs, the firmware, the tables for it. */
#include <inttypes.h>
#include <string.h>

#include "core/command.h"
#include "core/firmware.h"
#include "core/set.h"
#include "hw/pc/fw_cfg.h"

static void table_print(Reply *r, const char *name, unsigned size)
{
    reply_printf(r, "/rom@%s size=0x%06x name=\"%s\"\n", name, size, name);
}

CMD(info_roms, NULL, "info roms", NULL, Empty, Empty, 0, "show roms");

static bool cmd_info_roms(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    const GPtrArray *files = fw_files(vm);
    const Pc *pc = pc_of(vm);

    for (guint i = 0; i < files->len; i++) {
        const FwFile *f = files->pdata[i];
        if (f->rom)
            reply_printf(r, "fw=%s size=0x%06zx name=\"%s\"\n", f->name, g_bytes_get_size(f->bytes),
                         strchr(f->name, '/') + 1);
    }
    if (!pc)
        return true;
    if (pc->mem.bios.host) {
        g_autofree char *name = g_path_get_basename(vm->conf->bios ? vm->conf->bios : PC_BIOS);
        reply_printf(r, "addr=%016" PRIx64 " size=0x%06" PRIx64 " mem=rom name=\"%s\"\n",
                     UINT64_C(0x100000000) - pc->mem.bios.size, pc->mem.bios.size, name);
    }
    if (pc_has_acpi(pc)) {
        table_print(r, "etc/acpi/tables", ACPI_TABLES_SIZE);
        table_print(r, "etc/table-loader", ACPI_LOADER_SIZE);
        table_print(r, "etc/acpi/rsdp", ACPI_RSDP_SIZE);
    }
    return true;
}
