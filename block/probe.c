/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names: of drivers, of formats by their first bytes, of files by what an image says of them. */
#include "block/probe.h"

#include <string.h>
#include <sys/stat.h>

#include "block/error.h"
#include "block/node.h"
#include "core/set.h"

SET_DECLARE(block);

const BlockDriver *block_driver(const char *name)
{
    SET_FOREACH(block, p) {
        if (!strcmp((*p)->name, name))
            return *p;
    }
    return NULL;
}

bool block_driver_is_protocol(const BlockDriver *drv)
{
    return drv->rw_co != NULL;
}

/* clang-format off */
static const struct { const char *name; unsigned off; uint8_t n; const char *magic; } others[] = {
    { "vmdk",      0,  4, "KDMV" },
    { "vmdk",      0,  4, "COWD" },
    { "vmdk",      0, 21, "# Disk DescriptorFile" },
    { "vdi",      64,  4, "\x7f\x10\xda\xbe" },
    { "vhdx",      0,  8, "vhdxfile" },
    { "vpc",       0,  8, "conectix" },
    { "qed",       0,  4, "QED\0" },
    { "luks",      0,  6, "LUKS\xba\xbe" },
    { "parallels", 0, 16, "WithoutFreeSpace" },
    { "parallels", 0, 16, "WithouFreSpacExt" },
    { "bochs",     0, 22, "Bochs Virtual HD Image" },
    { "qcow",      0,  8, "QFI\xfb\0\0\0\1" },
};
static const char *const later_formats[] = { "blkdebug", "bochs", "cloop", "compress", "dmg", "luks",
    "parallels", "qcow", "qed", "quorum", "throttle", "vdi", "vhdx", "vmdk", "vpc", "vvfat", NULL };
static const char *const later_protocols[] = { "blkdebug", "blkverify", "fat", "ftp", "ftps", "gluster",
    "gluster+tcp", "gluster+unix", "host_cdrom", "http", "https", "iscsi", "iser", "json", "nbd", "nbd+tcp", "nbd+unix",
    "nfs", "null-aio", "null-co", "nvme", "rbd", "ssh", NULL };
/* clang-format on */

const char *block_probe_other(const uint8_t *head, size_t n)
{
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        if (others[i].off + others[i].n <= n &&
            !memcmp(head + others[i].off, others[i].magic, others[i].n))
            return others[i].name;
    }
    return NULL;
}

const BlockDriver *block_probe(const uint8_t *head, size_t n, const char *filename)
{
    const BlockDriver *best = block_driver("raw");
    int score = 0;

    SET_FOREACH(block, p) {
        int s = (*p)->probe ? (*p)->probe(head, n, filename) : 0;

        if (s > score) {
            score = s;
            best = *p;
        }
    }
    return best;
}

const char *block_protocol_reason(const char *protocol)
{
    return g_strv_contains(later_protocols, protocol)
               ? "this protocol is not supported yet, only local files are"
               : "unknown protocol (a file's name with a ':' is written ./NAME)";
}

void block_unknown_format(const char *name, GError **err)
{
    if (g_strv_contains(later_formats, name))
        block_fail(err, "Driver '%s' is not supported yet (raw and qcow2 are)", name);
    else
        block_fail(err, "Unknown driver '%s'", name);
}

bool file_is_device(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && (S_ISBLK(st.st_mode) || S_ISCHR(st.st_mode));
}

/* A protocol's name ends at a ':' that comes before any '/'. */
char *block_protocol(const char *filename, const char **path)
{
    size_t n =
        strspn(filename, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-_.");

    *path = filename;
    if (filename[n] != ':' || !n)
        return NULL;
    if (!strncmp(filename, "file:", 5) || !strncmp(filename, "host_device:", 12) ||
        !strncmp(filename, "host_cdrom:", 11)) {
        *path = filename + n + 1;
        return NULL;
    }
    return g_strndup(filename, n);
}

char *block_path(const char *base, const char *file)
{
    const char *path, *base_path;
    g_autofree char *protocol = block_protocol(file, &path);
    g_autofree char *base_protocol = base ? block_protocol(base, &base_path) : NULL;
    const char *slash;

    if (protocol || !base || base_protocol || path != file || g_path_is_absolute(file))
        return g_strdup(file);
    slash = strrchr(base_path, '/');
    if (!slash)
        return g_strdup(file);
    return g_strdup_printf("%.*s%s", (int)(slash + 1 - base_path), base_path, file);
}
