/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The front of a drive: what devices call. Each request is a coroutine in the caller's home; the
 * error policy is applied where it ends. A request that the policy stops leaves nothing here: the
 * device keeps it and hears again() when the VM runs.
 */
#include "block/front.h"

#include <errno.h>
#include <string.h>

#include "block/error.h"
#include "core/event.h"
#include "core/prop.h"
#include "core/runstate.h"
#include "core/vm.h"
#include "util/iov.h"

typedef enum { REQ_READ, REQ_WRITE, REQ_FLUSH, REQ_ZERO, REQ_DISCARD } ReqKind;

typedef struct FrontReq {
    BlockFront *blk;
    BlockNode *root;
    ReqKind kind;
    bool fua, unmap;
    uint64_t off, len;
    int64_t start; /* us, monotonic */
    BlockDone *done;
    void *o;
    int n;
    struct iovec iov[];
} FrontReq;

/* ---- the policy ---- */

static const char *const op_names[] = { "read", "write", "flush", "zero", "discard" };

static OnError policy_of(const FrontReq *r, int error)
{
    OnError p = r->kind == REQ_READ ? r->blk->rerror : r->blk->werror;

    if (p == ON_ERROR_ENOSPC)
        p = error == ENOSPC ? ON_ERROR_STOP : ON_ERROR_REPORT;
    return p == ON_ERROR_STOP && !r->blk->vm ? ON_ERROR_REPORT : p;
}

/* An empty tray and a request that cannot be are the device's to report. */
static bool for_policy(int ret)
{
    return ret < 0 && ret != -ENOMEDIUM && ret != -EINVAL;
}

static void tell_error(const FrontReq *r, int error, OnError action)
{
    static const uint8_t actions[] = { [ON_ERROR_REPORT] = IO_ACTION_REPORT,
                                       [ON_ERROR_IGNORE] = IO_ACTION_IGNORE,
                                       [ON_ERROR_STOP] = IO_ACTION_STOP };
    EventIoError e = { .device = r->blk->name,
                       .node_name = r->root ? r->root->node_name : NULL,
                       .operation = r->kind == REQ_READ ? IO_OPERATION_READ : IO_OPERATION_WRITE,
                       .action = actions[action],
                       .nospace = error == ENOSPC,
                       .reason = (char *)g_strerror(error) };

    if (r->blk->vm)
        event_block_io_error(r->blk->vm, &e);
    if (action == ON_ERROR_STOP)
        block_warn("drive '%s': %s at %" G_GUINT64_FORMAT " failed: %s; the machine stops until "
                   "it can go on ('cont')",
                   r->blk->name, op_names[r->kind], r->off, g_strerror(error));
}

/* On main. A `cont` that came first has dealt with what failed already. */
static void stop_now(void *o)
{
    BlockFront *blk = o;

    if (blk->io_status && blk->vm->running)
        vm_stop(blk->vm, RUNSTATE_IO_ERROR);
    front_unref(blk);
}

static int apply_policy(const FrontReq *r, int ret)
{
    OnError action;

    if (!for_policy(ret))
        return MIN(ret, 0);
    action = policy_of(r, -ret);
    tell_error(r, -ret, action);
    if (action == ON_ERROR_IGNORE)
        return 0;
    if (action != ON_ERROR_STOP)
        return ret;
    r->blk->io_status = -ret;
    g_atomic_ref_count_inc(&r->blk->ref);
    vm_call_main(r->blk->vm, NULL, stop_now, r->blk);
    return -EAGAIN;
}

/* ---- requests ---- */

static bool vector_is_zero(const struct iovec *iov, int n)
{
    for (int i = 0; i < n; i++) {
        const char *p = iov[i].iov_base;
        size_t len = iov[i].iov_len;

        if (len && (p[0] || memcmp(p, p + 1, len - 1)))
            return false;
    }
    return true;
}

static int write_co(FrontReq *r)
{
    BlockFront *blk = r->blk;
    bool fua = r->fua || blk->write_through;

    if (blk->detect_zeroes && r->len && vector_is_zero(r->iov, r->n))
        return node_zero_co(r->root, r->off, r->len, blk->detect_zeroes == 2 && blk->unmap, fua);
    return node_writev_co(r->root, r->off, r->iov, r->n, fua);
}

static int serve_co(FrontReq *r)
{
    BlockFront *blk = r->blk;
    int64_t end = r->root ? node_length(r->root) : -ENOMEDIUM;

    if (end < 0)
        return end;
    end = (end + 511) & ~511ll;
    if (r->off > (uint64_t)end || r->len > (uint64_t)end - r->off)
        return -EINVAL;
    if (r->kind != REQ_READ && !blk->writable)
        return r->kind == REQ_FLUSH ? 0 : -EPERM;
    switch (r->kind) {
    case REQ_READ: return node_readv_co(r->root, r->off, r->iov, r->n);
    case REQ_WRITE: return write_co(r);
    case REQ_FLUSH: return node_flush_co(r->root);
    case REQ_ZERO:
        return node_zero_co(r->root, r->off, r->len, r->unmap && blk->unmap,
                            r->fua || blk->write_through);
    case REQ_DISCARD: return blk->unmap ? node_discard_co(r->root, r->off, r->len) : 0;
    }
    g_assert_not_reached();
}

static void count(FrontReq *r, int ret)
{
    FrontStats *s = &r->blk->stats;
    int64_t now = g_get_monotonic_time(), ns = (now - r->start) * 1000;

    s->last = now;
    switch (r->kind) {
    case REQ_READ:
        *(ret < 0 ? &s->rd_failed : &s->rd_ops) += 1;
        s->rd_bytes += ret < 0 ? 0 : r->len;
        s->rd_ns += ns;
        break;
    case REQ_WRITE:
    case REQ_ZERO:
        *(ret < 0 ? &s->wr_failed : &s->wr_ops) += 1;
        s->wr_bytes += ret < 0 ? 0 : r->len;
        s->wr_highest = MAX(s->wr_highest, ret < 0 ? 0 : r->off + r->len);
        s->wr_ns += ns;
        break;
    case REQ_FLUSH:
        *(ret < 0 ? &s->flush_failed : &s->flush_ops) += 1;
        s->flush_ns += ns;
        break;
    case REQ_DISCARD:
        s->unmap_ops++;
        s->unmap_bytes += ret < 0 ? 0 : r->len;
        s->unmap_ns += ns;
        break;
    }
}

void front_enter(BlockFront *blk)
{
    g_mutex_lock(&blk->lock);
    blk->in_flight++;
    g_mutex_unlock(&blk->lock);
}

void front_leave(BlockFront *blk)
{
    FrontDrain *drains = NULL;

    g_mutex_lock(&blk->lock);
    if (!--blk->in_flight) {
        drains = blk->drains;
        blk->drains = NULL;
    }
    g_mutex_unlock(&blk->lock);
    while (drains) {
        FrontDrain *d = drains;

        drains = d->next;
        d->done(d->o);
        g_free(d);
    }
}

/* Somebody waits for the end of all requests: limits are no reason to keep him. */
static bool in_hurry(void *o)
{
    BlockFront *blk = o;
    bool yes;

    g_mutex_lock(&blk->lock);
    yes = blk->drains || blk->no_limits;
    g_mutex_unlock(&blk->lock);
    return yes;
}

static void wait_turn_co(const FrontReq *r)
{
    Throttle *t;

    if (r->kind == REQ_FLUSH || r->kind == REQ_DISCARD)
        return;
    g_mutex_lock(&r->blk->lock);
    t = r->blk->throttle ? throttle_ref(r->blk->throttle) : NULL;
    g_mutex_unlock(&r->blk->lock);
    if (t)
        throttle_wait_co(t, r->kind != REQ_READ, r->len, in_hurry, r->blk);
    throttle_unref(t);
}

static void request_co(void *o)
{
    FrontReq *r = o;
    unsigned resumes;
    int ret;

    wait_turn_co(r);
    do {
        /* what began before a `cont` may have failed before it: no reason to stop once more */
        resumes = r->blk->resumes;
        ret = serve_co(r);
    } while (resumes != r->blk->resumes && for_policy(ret) && policy_of(r, -ret) == ON_ERROR_STOP);
    ret = apply_policy(r, ret);

    node_unref_co(r->root);
    r->done(r->o, ret);
    g_mutex_lock(&r->blk->lock);
    count(r, ret);
    g_mutex_unlock(&r->blk->lock);
    front_leave(r->blk);
    front_unref(r->blk);
    g_free(r);
}

static FrontReq *request_new(BlockFront *blk, ReqKind kind, uint64_t off, const struct iovec *iov,
                             int n, BlockDone *done, void *o)
{
    FrontReq *r = g_malloc0(sizeof(*r) + n * sizeof(*iov));

    r->blk = blk;
    r->kind = kind;
    r->off = off;
    r->start = g_get_monotonic_time();
    r->done = done;
    r->o = o;
    r->n = n;
    if (n)
        memcpy(r->iov, iov, n * sizeof(*iov));
    r->len = iov_bytes(r->iov, n);
    return r;
}

static void request_start(FrontReq *r)
{
    BlockFront *blk = r->blk;

    g_mutex_lock(&blk->lock);
    r->root = blk->root && !blk->tray_open ? node_ref(blk->root) : NULL;
    blk->in_flight++;
    g_mutex_unlock(&blk->lock);
    g_atomic_ref_count_inc(&blk->ref);
    co_start(g_main_context_get_thread_default(), request_co, r);
}

void blk_readv(BlockFront *blk, uint64_t off, const struct iovec *iov, int n, BlockDone *done,
               void *o)
{
    request_start(request_new(blk, REQ_READ, off, iov, n, done, o));
}

void blk_writev(BlockFront *blk, uint64_t off, const struct iovec *iov, int n, bool fua,
                BlockDone *done, void *o)
{
    FrontReq *r = request_new(blk, REQ_WRITE, off, iov, n, done, o);

    r->fua = fua;
    request_start(r);
}

void blk_flush(BlockFront *blk, BlockDone *done, void *o)
{
    request_start(request_new(blk, REQ_FLUSH, 0, NULL, 0, done, o));
}

void blk_zero(BlockFront *blk, uint64_t off, uint64_t len, unsigned how, BlockDone *done, void *o)
{
    FrontReq *r = request_new(blk, REQ_ZERO, off, NULL, 0, done, o);

    r->len = len;
    r->unmap = how & BLK_UNMAP;
    r->fua = how & BLK_FUA;
    request_start(r);
}

void blk_discard(BlockFront *blk, uint64_t off, uint64_t len, BlockDone *done, void *o)
{
    FrontReq *r = request_new(blk, REQ_DISCARD, off, NULL, 0, done, o);

    r->len = len;
    request_start(r);
}

void blk_drain(BlockFront *blk, void (*done)(void *), void *o)
{
    FrontDrain *d;
    bool busy;

    g_mutex_lock(&blk->lock);
    busy = blk->in_flight;
    if (busy) {
        d = g_new(FrontDrain, 1);
        *d = (FrontDrain){ .next = blk->drains, .done = done, .o = o };
        blk->drains = d;
    }
    g_mutex_unlock(&blk->lock);
    if (!busy)
        done(o);
}

typedef struct ReadNow {
    BlockNode *root;
    uint64_t off;
    void *buf;
    size_t len;
} ReadNow;

static int read_now_co(void *o)
{
    const ReadNow *r = o;

    return node_read_co(r->root, r->off, r->buf, r->len);
}

int blk_read_now(BlockFront *blk, uint64_t off, void *buf, size_t len)
{
    ReadNow r = { blk->root, off, buf, len };

    return blk->root ? MIN(front_run(read_now_co, &r), 0) : -ENOMEDIUM;
}

/* ---- what it is ---- */

bool blk_claim(BlockFront *blk, Device *dev, const BlockFrontOps *ops, void *o, bool write,
               GError **err)
{
    if (blk->dev && blk->dev != dev)
        return block_fail(err, "Drive '%s' is already in use by another block device", blk->name);
    if (write && blk->root && !blk->writable)
        return block_fail(err,
                          "Drive '%s' is read-only, and this device cannot be: Block node is "
                          "read-only",
                          blk->name);
    blk->dev = dev;
    blk->ops = ops;
    blk->o = o;
    return true;
}

int64_t blk_length(BlockFront *blk)
{
    int64_t len;

    g_mutex_lock(&blk->lock);
    len = blk->root && !blk->tray_open ? node_length(blk->root) : -ENOMEDIUM;
    g_mutex_unlock(&blk->lock);
    return len < 0 ? len : (len + 511) & ~511ll;
}

int64_t blk_length_by_name(Vm *vm, const char *name, GError **err)
{
    BlockFront *blk = drive_find(vm, name);

    if (!blk)
        return block_fail(err, "Can't find value '%s'", name);
    return blk_length(blk);
}

bool blk_writable(BlockFront *blk)
{
    return blk->writable;
}

const char *blk_name(const BlockFront *blk)
{
    return blk->name;
}

const char *blk_serial(const BlockFront *blk)
{
    return blk->args.serial;
}

bool blk_is_cdrom(const BlockFront *blk)
{
    return blk->args.media == DRIVE_CDROM;
}

bool blk_inserted(const BlockFront *blk)
{
    /* a real drive may be empty though it is open */
    return blk->root && !blk->tray_open && node_length(blk->root) != -ENOMEDIUM;
}

/* Where the bytes come from in the end; NULL: no medium */
static BlockNode *bottom_of(const BlockFront *blk)
{
    BlockNode *n = blk->root;

    while (n && n->file)
        n = n->file;
    return n;
}

void front_tray_moved(BlockFront *blk, bool open)
{
    EventTray e = { .device = blk->name,
                    .id = blk->dev && blk->dev->id ? blk->dev->id : (char *)"",
                    .tray_open = open };

    if (blk->tray_open == open)
        return;
    blk->tray_open = open;
    if (blk->vm)
        event_device_tray_moved(blk->vm, &e);
}

void blk_eject(BlockFront *blk, bool open)
{
    BlockNode *bottom = bottom_of(blk);

    if (blk->tray_open != open && bottom && bottom->drv->eject)
        bottom->drv->eject(bottom, open);
    front_tray_moved(blk, open);
}

void blk_lock_medium(BlockFront *blk, bool on)
{
    BlockNode *bottom = bottom_of(blk);

    blk->locked = on;
    if (bottom && bottom->drv->lock_medium)
        bottom->drv->lock_medium(bottom, on);
}

/* ---- life ---- */

BlockFront *front_new(Vm *vm, const char *name)
{
    BlockFront *blk = g_new0(BlockFront, 1);

    blk->vm = vm;
    blk->name = g_strdup(name);
    blk->limits = (BlockLimits){ .align = 1, .mem_align = 1 };
    g_atomic_ref_count_init(&blk->ref);
    g_mutex_init(&blk->lock);
    return blk;
}

void front_set_root(BlockFront *blk, BlockNode *root, bool writable)
{
    g_mutex_lock(&blk->lock);
    blk->root = root;
    blk->writable = root && writable;
    if (root)
        blk->limits = root->limits;
    g_mutex_unlock(&blk->lock);
}

void front_unref(BlockFront *blk)
{
    if (!g_atomic_ref_count_dec(&blk->ref))
        return;
    g_assert(!blk->root && !blk->in_flight);
    prop_free(DriveArgs_rows, &blk->args);
    throttle_unref(blk->throttle);
    g_mutex_clear(&blk->lock);
    g_free(blk->name);
    g_free(blk);
}

int front_run(int (*fn_co)(void *), void *arg)
{
    GMainContext *ctx = g_main_context_new();
    int ret;

    g_main_context_push_thread_default(ctx);
    ret = co_sync(ctx, fn_co, arg);
    g_main_context_pop_thread_default(ctx);
    g_main_context_unref(ctx);
    return ret;
}

/* ---- rows that point at drives ---- */

static void *link_find(Vm *vm, const char *name, GError **err)
{
    BlockFront *blk = drive_find(vm, name);

    if (!blk) {
        block_fail(err, "Can't find value '%s'", name);
        return NULL;
    }
    g_atomic_ref_count_inc(&blk->ref);
    return blk;
}

static void link_drop(void *link)
{
    front_unref(link);
}

static const char *link_id(const void *link)
{
    return ((const BlockFront *)link)->name;
}

static void link_release(void *link, Device *dev)
{
    BlockFront *blk = link;

    if (blk->dev != dev)
        return;
    blk->dev = NULL;
    blk->ops = NULL;
    blk->o = NULL;
}

static void link_drain(void *link, void (*done)(void *o), void *o)
{
    blk_drain(link, done, o);
}

static const PropLink drive_link = {
    .name = "drive",
    .kind = LINK_BLOCK,
    .get = link_find,
    .drop = link_drop,
    .id = link_id,
    .release = link_release,
    .drain = link_drain,
};
REGISTER(link, drive_link);
