/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drives: opening what -drive describes, the list of them, their media. Opening runs coroutines on
 * a context of its own, so the main loop's other sources stay still meanwhile.
 */
#include "block/drive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "block/create.h"
#include "block/error.h"
#include "block/front.h"
#include "core/device.h"
#include "core/runstate.h"
#include "util/json.h"

/* ---- the list ---- */

/* The VM runs: what the policy stopped may be tried again; not where a reset is about to forget it.
 * It stops: what was written reaches the images. */
static void drives_state(void *o, RunState old, RunState now)
{
    DriveList *list = o;

    if (old == RUNSTATE_RUNNING)
        drives_settle(list);
    for (guint i = 0; now == RUNSTATE_RUNNING && i < list->fronts->len; i++) {
        BlockFront *blk = g_ptr_array_index(list->fronts, i);

        blk->io_status = 0;
        blk->resumes++;
        if (blk->ops && blk->ops->again && !(blk->dev && device_held(blk->dev)))
            blk->ops->again(blk->o);
    }
}

static void committed(void *o, GError *take)
{
    if (take)
        block_warn("%s", take->message);
    g_clear_error(&take);
}

/* C-a s of a terminal */
static void drives_commit(void *o)
{
    DriveList *list = o;

    if (list->fronts->len)
        drive_commit(((BlockFront *)list->fronts->pdata[0])->vm, NULL, committed, NULL);
}

static const VmListener drives_listener = { .state = drives_state, .commit = drives_commit };

static DriveList *drives_of(Vm *vm)
{
    if (!vm->drives) {
        vm->drives = g_new0(DriveList, 1);
        vm->drives->fronts = g_ptr_array_new();
        vm_listen(vm, &drives_listener, vm->drives);
    }
    return vm->drives;
}

BlockFront *drive_next(Vm *vm, BlockFront *prev)
{
    GPtrArray *a = vm->drives ? vm->drives->fronts : NULL;

    for (guint i = 0; a && i < a->len; i++) {
        if (!prev)
            return g_ptr_array_index(a, i);
        if (g_ptr_array_index(a, i) == prev)
            return i + 1 < a->len ? g_ptr_array_index(a, i + 1) : NULL;
    }
    return NULL;
}

BlockFront *drive_find(Vm *vm, const char *name)
{
    for (BlockFront *b = drive_next(vm, NULL); b; b = drive_next(vm, b)) {
        if (!strcmp(b->name, name))
            return b;
    }
    return NULL;
}

BlockFront *drive_at(Vm *vm, DriveIf iface, int bus, int unit)
{
    for (BlockFront *b = drive_next(vm, NULL); b; b = drive_next(vm, b)) {
        if (b->args.iface == (int8_t)iface && b->args.bus == bus && b->args.unit == unit)
            return b;
    }
    return NULL;
}

/* ---- what the arguments mean ---- */

static void cache_switches(const DriveArgs *a, bool *writeback, bool *direct, bool *no_flush)
{
    CacheMode m = a->cache_mode;

    *writeback = a->cache.writeback != AUTO ? a->cache.writeback
                                            : m != CACHE_WRITETHROUGH && m != CACHE_DIRECTSYNC;
    *direct = a->cache.direct != AUTO ? a->cache.direct
                                      : m == CACHE_NONE || m == CACHE_OFF || m == CACHE_DIRECTSYNC;
    *no_flush = a->cache.no_flush != AUTO ? a->cache.no_flush : m == CACHE_UNSAFE;
}

static const char *aio_word(int aio)
{
    return aio == AIO_NATIVE ? "native" : "io_uring";
}

static bool check_names(Vm *vm, const DriveArgs *a, GError **err)
{
    const char *node = a->node_name;

    if (a->id && !id_check(a->id, err))
        return false;
    if (node && !id_check(node, NULL))
        return block_fail(err, "Invalid node-name: '%s'", node);
    for (BlockFront *b = NULL; node && (b = drive_next(vm, b));) {
        if (!g_strcmp0(b->args.node_name, node))
            return block_fail(err, "Duplicate nodes with node-name='%s'", node);
    }
    return true;
}

static bool check_policy(const DriveArgs *a, GError **err)
{
    bool any =
        a->iface == IF_IDE || a->iface == IF_SCSI || a->iface == IF_VIRTIO || a->iface == IF_NONE;

    if (!any && (a->werror >= 0 || a->rerror >= 0))
        return block_fail(err, "%s is not supported by this bus type",
                          a->werror >= 0 ? "werror" : "rerror");
    if (a->rerror == ON_ERROR_ENOSPC)
        return block_fail(err, "'enospc' is not a valid rerror= value: use report, ignore or stop");
    return true;
}

static bool check_args(const DriveArgs *a, GError **err)
{
    bool writeback, direct, no_flush;

    cache_switches(a, &writeback, &direct, &no_flush);
    if (!check_policy(a, err))
        return false;
    if (a->format && a->rest && json_get(a->rest, "driver"))
        return block_fail(err, "Cannot specify both 'driver' and 'format'");
    if (a->copy_on_read == 1)
        return block_fail(err, "copy-on-read=on is not supported yet");
    if (!throttle_check(&a->throttling, err))
        return false;
    if (a->aio == AIO_NATIVE && !direct && a->file)
        return block_fail(err, "aio=native was specified, but it requires cache.direct=on, which "
                               "was not specified.");
    if (a->aio != AIO_THREADS && a->file)
        block_warn("aio=%s is served by worker threads so far", aio_word(a->aio));
    if (a->force_share == 1 && a->read_only != 1)
        return block_fail(err, "force-share=on can only be used with read-only images");
    return true;
}

static unsigned node_flags(const DriveArgs *a, bool write)
{
    bool writeback, direct, no_flush;

    cache_switches(a, &writeback, &direct, &no_flush);
    return (write ? NODE_RDWR : 0) | (direct ? NODE_DIRECT : 0) | (no_flush ? NODE_NO_FLUSH : 0) |
           (a->discard == 1 || a->discard == 3 ? NODE_UNMAP : 0) |
           (a->force_share == 1 ? NODE_SHARE : 0);
}

/* ---- opening ---- */

typedef struct Open {
    const DriveArgs *a;
    const char *file, *format;
    bool write, snapshot;
    BlockNode *root;
    GError *err;
} Open;

static void warn_probed_raw(const char *file)
{
    fprintf(stderr,
            "WARNING: Image format was not specified for '%s' and probing guessed raw.\n"
            "         A guest could write another format's header there, so writes to block 0 "
            "are checked.\n"
            "         Say format=raw to remove this restriction.\n",
            file);
}

/* Writes go to a file without a name; the image below is opened read-only. */
static BlockNode *overlay_co(BlockNode *base, GError **err)
{
    const char *dir = g_getenv("TMPDIR") ? g_getenv("TMPDIR") : "/var/tmp";
    g_autofree char *path = g_strdup_printf("%s/vl.XXXXXX", dir);
    Qcow2Create c = { .cluster_size = 65536,
                      .refcount_bits = 16,
                      .size = node_length(base),
                      .compression_type = (char *)"zlib",
                      .encryption = AUTO };
    BlockNode *node = NULL;
    int fd = mkostemp(path, O_CLOEXEC);

    if (fd < 0) {
        block_fail_errno(err, errno, "Could not create a temporary file in '%s' for the snapshot",
                         dir);
        return NULL;
    }
    c.node = file_create_co(path, err);
    if (c.node && block_driver("qcow2")->create_co(&c, err) == 0)
        node = node_new_co(block_driver("qcow2"), NULL, path,
                           NODE_RDWR | NODE_NO_FLUSH | NODE_UNMAP, node_ref(c.node), base, err);
    node_unref_co(c.node);
    unlink(path);
    close(fd);
    if (node)
        node->backing_file = g_strdup(base->filename);
    return node;
}

static int open_co(void *o)
{
    Open *op = o;
    NodeOpts n = { .filename = op->file,
                   .format = op->format,
                   .rest = op->a->rest,
                   .flags = node_flags(op->a, op->write && !op->snapshot) };
    BlockNode *base = node_open_co(&n, &op->err);

    if (!base && op->a->auto_read_only == 1 && (n.flags & NODE_RDWR)) {
        g_clear_error(&op->err);
        n.flags &= ~(unsigned)NODE_RDWR;
        op->write = false;
        base = node_open_co(&n, &op->err);
    }
    if (!base)
        return -EINVAL;
    if (base->flags & NODE_PROBED_RAW && op->write)
        warn_probed_raw(op->file);
    op->root = base;
    if (op->snapshot) {
        op->root = overlay_co(base, &op->err);
        node_unref_co(base);
    }
    return op->root ? 0 : -EINVAL;
}

static int unref_co(void *o)
{
    int ret = node_flush_co(o);

    node_unref_co(o);
    return ret;
}

static const char *rest_word(const Json *rest, const char *key)
{
    const Json *v = rest ? json_get(rest, key) : NULL;

    return v && (v->kind == J_KV || v->kind == J_STR) ? v->s : NULL;
}

BlockNode *drive_open_medium(BlockFront *blk, const char *file, const char *format, bool *write,
                             GError **err)
{
    const DriveArgs *a = &blk->args;
    Open op = { .a = a,
                .file = file,
                .format = format,
                .snapshot = a->snapshot,
                .write = a->read_only == AUTO ? a->media != DRIVE_CDROM : !a->read_only };

    if (op.snapshot && a->media == DRIVE_CDROM)
        op.snapshot = false;
    if (op.snapshot)
        op.write = true;
    if (!op.format)
        op.format = rest_word(a->rest, "driver");
    if (front_run(open_co, &op) < 0) {
        g_propagate_error(err, op.err);
        return NULL;
    }
    *write = op.write;
    return op.root;
}

void drive_insert(BlockFront *blk, BlockNode *take, bool write)
{
    const DriveArgs *a = &blk->args;
    bool writeback, direct, no_flush;

    cache_switches(a, &writeback, &direct, &no_flush);
    blk->write_through = !writeback && !a->snapshot;
    take->node_name = a->node_name ? g_strdup(a->node_name)
                                   : g_strdup_printf("#block%03u", blk->vm->drives->n_nodes++);
    front_set_root(blk, take, write);
}

static bool drive_load(BlockFront *blk, const char *file, const char *format, GError **err)
{
    bool write;
    BlockNode *root = drive_open_medium(blk, file, format, &write, err);

    if (root)
        drive_insert(blk, root, write);
    return root;
}

bool drive_removable(const BlockFront *blk)
{
    return !blk->dev || (blk->ops && blk->ops->media);
}

static char *drive_name(const DriveArgs *a)
{
    const char *media = a->media == DRIVE_CDROM ? "-cd" : "-hd";

    if (a->id)
        return g_strdup(a->id);
    if (a->iface == IF_IDE || a->iface == IF_SCSI)
        return g_strdup_printf("%s%d%s%d", drive_if_names[a->iface], a->bus, media, a->unit);
    return g_strdup_printf("%s%d", drive_if_names[a->iface], a->unit);
}

/* A copy that the front owns, through the rows: what they do not know does not exist. */
static bool copy_args(const DriveArgs *a, DriveArgs *to, GError **err)
{
    DriveArgs own_rows = *a;
    g_autoptr(Json) j = NULL;

    own_rows.rest = NULL; /* words there must stay words */
    j = prop_to_json(DriveArgs_rows, &own_rows);
    prop_defaults(DriveArgs_rows, to);
    if (!prop_parse_json(DriveArgs_rows, j, to, NULL, err))
        return false;
    to->rest = a->rest ? json_copy(a->rest) : NULL;
    return true;
}

static void tell_board(Vm *vm, BlockFront *blk)
{
    DriveConf *c;

    if (blk->args.iface == IF_NONE || !vm->conf || !vm->conf->drives)
        return;
    c = g_new0(DriveConf, 1);
    *c = (DriveConf){ .id = g_strdup(blk->name),
                      .iface = blk->args.iface,
                      .cdrom = blk->args.media == DRIVE_CDROM,
                      .bus = blk->args.bus,
                      .unit = blk->args.unit,
                      .serial = g_strdup(blk->args.serial),
                      .addr = g_strdup(blk->args.addr) };
    g_ptr_array_add(vm->conf->drives, c);
}

/* "driver=host_device,filename=F": the protocol alone, without a format above it */
static bool is_protocol(const char *driver)
{
    const BlockDriver *drv = driver ? block_driver(driver) : NULL;

    return drv && block_driver_is_protocol(drv);
}

static bool drive_fill(BlockFront *blk, const DriveArgs *a, GError **err)
{
    const char *file;

    if (!copy_args(a, &blk->args, err) || !check_args(&blk->args, err))
        return false;
    blk->rerror = a->rerror < 0 ? ON_ERROR_REPORT : a->rerror;
    blk->werror = a->werror < 0 ? ON_ERROR_ENOSPC : a->werror;
    blk->throttle = throttle_new(blk->vm, &a->throttling, blk->name);
    blk->unmap = a->discard == 1 || a->discard == 3;
    blk->detect_zeroes = a->detect_zeroes;
    file = a->file && *a->file ? a->file : NULL;
    if (!file && blk->args.rest && json_get(blk->args.rest, "file"))
        file = rest_word(json_get(blk->args.rest, "file"), "filename");
    if (!file && is_protocol(rest_word(blk->args.rest, "driver")))
        file = rest_word(blk->args.rest, "filename");
    return !file || drive_load(blk, file, a->format, err);
}

BlockFront *drive_open(Vm *vm, DriveArgs *a, GError **err)
{
    g_autofree char *name = NULL;
    BlockFront *blk;

    drives_of(vm);
    if (!check_names(vm, a, err) || !drive_place(vm, a, err))
        return NULL;
    name = drive_name(a);
    if (drive_find(vm, name)) {
        block_fail(err, "Duplicate ID '%s' for drive", name);
        return NULL;
    }
    blk = front_new(vm, name);
    if (!drive_fill(blk, a, err)) {
        front_unref(blk);
        return NULL;
    }
    g_ptr_array_add(vm->drives->fronts, blk);
    tell_board(vm, blk);
    return blk;
}

/* ---- closing ---- */

static bool drive_unload(BlockFront *blk)
{
    BlockNode *root = blk->root;

    front_set_root(blk, NULL, false);
    return !root || front_run(unref_co, root) == 0;
}

void drive_close(Vm *vm, BlockFront *blk)
{
    g_ptr_array_remove(vm->drives->fronts, blk);
    if (!drive_unload(blk))
        block_warn("drive '%s': its last data could not be written", blk->name);
    front_unref(blk);
}

Throttle *drive_throttle(BlockFront *blk)
{
    return blk->throttle;
}

bool drive_set_throttle(BlockFront *blk, const DriveThrottle *limits, GError **err)
{
    Throttle *t, *old;

    if (!throttle_check(limits, err))
        return false;
    if (blk->throttle && throttle_any(limits) && !limits->group) {
        throttle_set(blk->throttle, limits);
        return true;
    }
    t = throttle_new(blk->vm, limits, blk->name);
    g_mutex_lock(&blk->lock);
    old = blk->throttle;
    blk->throttle = t;
    g_mutex_unlock(&blk->lock);
    throttle_unref(old);
    return true;
}

/* What is in flight lives in the main loop: it is turned until that has ended. */
static void drained(void *o)
{
    *(bool *)o = true;
}

bool drives_close(Vm *vm)
{
    bool ok = true;

    while (vm->drives && vm->drives->n_busy)
        vm_loop_once(vm, true);
    while (vm->drives && vm->drives->fronts->len) {
        BlockFront *blk = g_ptr_array_index(vm->drives->fronts, vm->drives->fronts->len - 1);
        bool quiet = false;

        blk->no_limits = true;
        blk_drain(blk, drained, &quiet);
        while (!quiet)
            vm_loop_once(vm, true);
        g_ptr_array_remove_index(vm->drives->fronts, vm->drives->fronts->len - 1);
        if (!drive_unload(blk)) {
            block_warn("drive '%s': its last data could not be written", blk->name);
            ok = false;
        }
        front_unref(blk);
    }
    if (vm->drives) {
        vm_unlisten(vm, &drives_listener, vm->drives);
        g_ptr_array_unref(vm->drives->fronts);
        g_clear_pointer(&vm->drives, g_free);
    }
    return ok;
}

void drive_read_only(BlockFront *blk, bool on)
{
    blk->args.read_only = on;
}
