/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files that devices give the firmware, and where firmware images are found on the host. */
#include "core/firmware.h"

#include <string.h>

#include "config.h"
#include "core/device-int.h"
#include "core/machine.h"

static void file_free(void *p)
{
    FwFile *f = p;

    if (f->bytes)
        g_bytes_unref(f->bytes);
    g_free(f);
}

static GPtrArray *files_of(Vm *vm)
{
    if (!vm->fw)
        vm->fw = g_ptr_array_new_with_free_func(file_free);
    return vm->fw;
}

static FwFile *file_add(Device *d, const char *name)
{
    GPtrArray *all = files_of(d->vm);

    g_assert(strlen(name) < sizeof(((FwFile *)0)->name));
    for (guint i = 0; i < all->len; i++)
        g_assert(strcmp(((FwFile *)all->pdata[i])->name, name) != 0);
    FwFile *f = g_new0(FwFile, 1);
    g_strlcpy(f->name, name, sizeof(f->name));
    f->owner = d;
    f->bootindex = -1;
    g_ptr_array_add(all, f);
    return f;
}

void fw_file(Device *d, const char *name, GBytes *take)
{
    file_add(d, name)->bytes = take;
}

void fw_option_rom_bytes(Device *d, const char *name, GBytes *take, int bootindex)
{
    g_autofree char *path = g_strdup_printf("genroms/%.40s", name);
    FwFile *f = file_add(d, path);

    f->bytes = take;
    f->bootindex = bootindex;
    f->rom = true;
}

const GPtrArray *fw_files(Vm *vm)
{
    return files_of(vm);
}

void fw_forget(Device *d)
{
    GPtrArray *all = files_of(d->vm);

    for (guint i = all->len; i-- > 0;)
        if (((FwFile *)all->pdata[i])->owner == d)
            g_ptr_array_remove_index(all, i);
}

void fw_fini(Vm *vm)
{
    g_clear_pointer(&vm->fw, g_ptr_array_unref);
}

static bool is_file(const char *path)
{
    return g_file_test(path, G_FILE_TEST_IS_REGULAR);
}

char *firmware_find(Vm *vm, const char *name, GError **err)
{
    const GPtrArray *user = vm->conf ? vm->conf->data_dirs : NULL;
    g_auto(GStrv) built_in = g_strsplit(CONFIG_FIRMWARE_PATH, ":", -1);
    g_autoptr(GString) tried = g_string_new(NULL);
    guint n_user = user ? user->len : 0;

    if (is_file(name))
        return g_strdup(name);
    if (strchr(name, '/')) {
        user_fail(err, "could not find '%s'", name);
        return NULL;
    }
    for (guint i = 0; i < n_user + g_strv_length(built_in); i++) {
        const char *dir = i < n_user ? user->pdata[i] : built_in[i - n_user];
        g_autofree char *path = g_build_filename(dir, name, NULL);
        if (is_file(path))
            return g_steal_pointer(&path);
        g_string_append_printf(tried, "%s%s", tried->len ? ", " : "", dir);
    }
    user_fail(err,
              "could not find '%s' in %s (install the package 'seabios', or name its directory "
              "with -L)",
              name, tried->str);
    return NULL;
}

GBytes *firmware_load(Vm *vm, const char *name, size_t most, GError **err)
{
    g_autofree char *path = firmware_find(vm, name, err);
    g_autofree char *text = NULL;
    size_t n = 0;

    if (!path || !g_file_get_contents(path, &text, &n, err))
        return NULL;
    if (n == 0 || n > most) {
        user_fail(err, "'%s' has %zu bytes: 1 to %zu were expected", path, n, most);
        return NULL;
    }
    return g_bytes_new_take(g_steal_pointer(&text), n);
}

/* ---- the boot order ---- */

typedef struct BootEntry {
    int index;
    unsigned order; /* ROMs first, then devices as they were made */
    char *path;
} BootEntry;

static int by_index(const void *a, const void *b)
{
    const BootEntry *x = a, *y = b;

    return x->index != y->index ? (x->index < y->index ? -1 : 1)
                                : (x->order > y->order) - (x->order < y->order);
}

/* "/pci@i0cf8/ide@1,1/drive@0/disk@0": the bus's name of each device, from the root down */
static void boot_path(const Device *d, GString *out)
{
    const Bus *bus = d->bus;

    if (bus && bus->owner)
        boot_path(bus->owner, out);
    if (bus && bus->type->fw_path) {
        g_string_append_c(out, '/');
        bus->type->fw_path(d, out);
    }
    if (d->type->boot)
        g_string_append_printf(out, "/%s", d->type->boot);
}

/* the value of its row named bootindex; -1: none */
static int boot_index(const Device *d)
{
    /* by value: the row may lie in a base of the struct (a NIC's) */
    g_autoptr(Json) v = d->type->props ? prop_get(d->type->props, d, "bootindex") : NULL;

    return v && v->kind == J_INT && v->i <= INT32_MAX ? (int)v->i : -1;
}

/* A disk inside a device repeats its owner's number (usb-storage). */
bool boot_index_check(const Device *d, GError **err)
{
    const GPtrArray *devices = vm_core(d->vm)->devices;
    int index = boot_index(d);

    for (guint i = 0; index >= 0 && i < devices->len; i++) {
        const Device *other = devices->pdata[i];
        if (other->life == LIFE_REALIZED && boot_index(other) == index)
            return user_fail(err, "The bootindex %d has already been used", index);
    }
    return true;
}

static void boot_add(GArray *all, int index, char *take)
{
    BootEntry e = { index, all->len, take };

    g_array_append_val(all, e);
}

const char *fw_boot_order(Vm *vm, GString *out)
{
    const GPtrArray *files = fw_files(vm), *devices = vm_core(vm)->devices;
    g_autoptr(GArray) all = g_array_new(false, false, sizeof(BootEntry));

    for (guint i = 0; i < files->len; i++) {
        const FwFile *f = files->pdata[i];
        if (f->rom && f->bootindex >= 0)
            boot_add(all, f->bootindex, g_strdup_printf("/rom@%s", f->name));
    }
    for (guint i = 0; i < devices->len; i++) {
        const Device *d = devices->pdata[i];
        int index = boot_index(d);
        if (index < 0)
            continue;
        GString *path = g_string_new(NULL);
        boot_path(d, path);
        boot_add(all, index, g_string_free(path, false));
    }
    g_array_sort(all, by_index);
    for (guint i = 0; i < all->len; i++) {
        BootEntry *e = &g_array_index(all, BootEntry, i);
        g_string_append_printf(out, "%s\n", e->path);
        g_free(e->path);
    }
    return out->str;
}
