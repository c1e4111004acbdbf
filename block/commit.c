/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `commit`, and C-a s: what an overlay has goes into the image below it. `block_resize`. Both hold
 * the guest's requests of that drive meanwhile; the machine runs. The overlay is emptied once the
 * image below has it for good.
 *
 * The image below is open read-only. It is opened once more to be written, then once more
 * read-only: at no moment is the drive without it, and it is written only under its lock.
 */
#include <errno.h>
#include <string.h>

#include "block/error.h"
#include "block/front.h"
#include "block/io-int.h"

enum { PIECE = 1 << 20 };

typedef struct Job {
    Vm *vm;
    GPtrArray *fronts; /* BlockFront *, referenced */
    uint64_t size;
    GError *err;
    DriveDone *done;
    void *o;
} Job;

/* ---- the image below, opened another way ---- */

static BlockNode *open_again_co(const BlockFront *blk, BlockNode *old, bool write, GError **err)
{
    NodeOpts o = { .filename = old->filename,
                   .format = old->drv->name,
                   .backing = old->backing,
                   .flags = (old->flags & (NODE_DIRECT | NODE_NO_FLUSH | NODE_PROBED_RAW)) |
                            NODE_SHARE | (write ? NODE_RDWR : 0),
                   .rest = blk->args.snapshot ? blk->args.rest : NULL };
    BlockNode *node = node_open_co(&o, err);

    if (node && old->node_name)
        node->node_name = g_strdup(old->node_name);
    return node;
}

/* node takes the place of what is below root, and its lock. root is drained. */
static bool swap_co(BlockNode *root, BlockNode *node, GError **err)
{
    BlockNode *old = root->backing, *file = node->file;

    root->backing = node;
    node_unref_co(old);
    node->flags &= ~(unsigned)NODE_SHARE;
    if (!file || !file->drv->lock)
        return true;
    file->flags &= ~(unsigned)NODE_SHARE;
    return file->drv->lock(file, err);
}

/* ---- copying ---- */

static int copy_extent_co(BlockNode *root, const Extent *ext, uint64_t off, uint64_t n, void *buf)
{
    struct iovec v = { buf, n };
    int ret;

    if (ext->kind == EXT_ZERO)
        return node_zero_co(root->backing, off, n, true, false);
    /* the node is drained: its requests wait, this is none of them */
    ret = node_read_mapped_co(root, off, &v, 1);
    return ret < 0 ? ret : node_write_co(root->backing, off, buf, n);
}

static int copy_co(BlockNode *root, void *buf)
{
    uint64_t end = node_length(root);
    int ret = 0;

    for (uint64_t off = 0; off < end && ret == 0;) {
        Extent ext = { 0 };
        uint64_t n;

        ret = root->drv->map_co(root, off, end - off, WANT_READ, &ext);
        if (ret < 0)
            break;
        n = MIN(ext.off + ext.len, end) - off;
        if (ext.kind != EXT_BACKING) {
            n = MIN(n, PIECE);
            ret = copy_extent_co(root, &ext, off, n, buf);
        }
        off += n;
    }
    return ret < 0 ? ret : node_flush_co(root->backing);
}

static int copy_all_co(BlockNode *root, GError **err)
{
    int64_t have = node_length(root->backing), want = node_length(root);
    void *buf = g_try_malloc(PIECE);
    int ret = buf ? 0 : -ENOMEM;

    if (ret == 0 && have < want)
        ret = node_truncate_co(root->backing, want, 0, err);
    if (ret == 0)
        ret = copy_co(root, buf);
    g_free(buf);
    return ret;
}

static bool commit_drained_co(BlockFront *blk, BlockNode *root, GError **err)
{
    BlockNode *node = open_again_co(blk, root->backing, true, err);
    g_autoptr(GError) again = NULL;
    int ret;

    if (!node)
        return false;
    bool locked = swap_co(root, node, err);
    ret = locked ? copy_all_co(root, err) : -EAGAIN;
    if (ret == 0 && root->drv->empty_co)
        ret = root->drv->empty_co(root);
    node = open_again_co(blk, root->backing, false, &again);
    if (!node || !swap_co(root, node, &again))
        block_warn("drive '%s': %s", blk->name, again->message);
    if (ret < 0 && err && !*err)
        block_fail(err, "'commit' error for '%s': %s", blk->name, g_strerror(-ret));
    return ret == 0;
}

static bool commit_one_co(BlockFront *blk, GError **err)
{
    BlockNode *root = blk->root ? node_ref(blk->root) : NULL;
    bool ok;

    if (!root)
        return block_fail(err, "Device '%s' has no medium", blk->name);
    node_drain_co(root);
    if (!root->backing || !root->drv->map_co)
        ok = block_fail(err,
                        "'commit' error for '%s': Operation not supported: there is no image "
                        "below it",
                        blk->name);
    else
        ok = commit_drained_co(blk, root, err);
    node_undrain(root);
    node_unref_co(root);
    return ok;
}

/* ---- the size ---- */

static bool resize_one_co(BlockFront *blk, uint64_t size, GError **err)
{
    BlockNode *root = blk->root ? node_ref(blk->root) : NULL;
    int ret = 0;

    if (!root)
        return block_fail(err, "Device '%s' has no medium", blk->name);
    node_drain_co(root);
    if (!blk->writable)
        block_fail(err, "Device '%s' is read only", blk->name);
    else if (!root->drv->truncate_co)
        block_fail(err, "Image format driver '%s' does not support resize yet", root->drv->name);
    else
        ret = node_truncate_co(root, size, 0, err);
    node_undrain(root);
    node_unref_co(root);
    if (ret < 0 && err && !*err)
        block_fail(err, "Could not resize '%s': %s", blk->name, g_strerror(-ret));
    return !*err;
}

/* ---- jobs ---- */

/* On main, outside coroutines: who hears of it may do anything. */
static void job_end(void *o)
{
    Job *j = o;

    j->done(j->o, j->err);
    for (guint i = 0; i < j->fronts->len; i++)
        front_unref(j->fronts->pdata[i]);
    g_ptr_array_unref(j->fronts);
    g_free(j);
}

static Job *job_new(Vm *vm, DriveDone *done, void *o)
{
    Job *j = g_new0(Job, 1);

    *j = (Job){ .vm = vm, .fronts = g_ptr_array_new(), .done = done, .o = o };
    return j;
}

static void job_add(Job *j, BlockFront *blk)
{
    g_atomic_ref_count_inc(&blk->ref);
    front_enter(blk); /* the medium stays until job_over() */
    blk->jobs++;
    g_ptr_array_add(j->fronts, blk);
}

static void job_over(Job *j)
{
    for (guint i = 0; i < j->fronts->len; i++) {
        BlockFront *blk = j->fronts->pdata[i];

        blk->jobs--;
        front_leave(blk);
    }
    vm_call_main(j->vm, NULL, job_end, j);
}

static void commit_job_co(void *o)
{
    Job *j = o;

    for (guint i = 0; i < j->fronts->len && !j->err; i++)
        commit_one_co(j->fronts->pdata[i], &j->err);
    job_over(j);
}

static void resize_job_co(void *o)
{
    Job *j = o;
    BlockFront *blk = j->fronts->pdata[0];

    if (resize_one_co(blk, j->size, &j->err) && blk->ops && blk->ops->resized)
        blk->ops->resized(blk->o);
    job_over(j);
}

void drive_commit(Vm *vm, BlockFront *blk, DriveDone *done, void *o)
{
    Job *j = job_new(vm, done, o);

    if (blk)
        job_add(j, blk);
    for (BlockFront *b = NULL; !blk && (b = drive_next(vm, b));)
        if (b->root && b->root->backing)
            job_add(j, b);
    co_start(NULL, commit_job_co, j);
}

void drive_resize(BlockFront *blk, uint64_t size, DriveDone *done, void *o)
{
    Job *j = job_new(blk->vm, done, o);

    job_add(j, blk);
    j->size = size;
    co_start(NULL, resize_job_co, j);
}
