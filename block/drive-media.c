/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A drive's medium goes (`eject`, `change`, `drive_del`), and what all drives do when the machine
 * stops. Each is a coroutine of the main loop, where the requests are too: what it closes or
 * flushes may wait for one of them. Main, locked.
 *
 *   change: open the new one -> device told, old one out -> its requests end -> flush, close -> new
 *   one in -> device told
 */
#include <sys/stat.h>

#include "block/error.h"
#include "block/front.h"
#include "block/probe.h"
#include "core/vm.h"
#include "util/co.h"

typedef enum { SWAP_EJECT, SWAP_CHANGE, SWAP_CUT } SwapKind;

typedef struct Swap {
    BlockFront *blk;
    SwapKind kind;
    BlockNode *old, *new; /* new: NULL where it can be opened only when the old one is closed */
    bool write;
    char *file, *format;
    GError *err;
    DriveDone *done;
    void *o;
} Swap;

/* ---- nothing in flight ---- */

typedef struct Quiet {
    Co *co;
    bool yes;
} Quiet;

static void is_quiet(void *o)
{
    Quiet *q = o;

    q->yes = true;
    co_wake(q->co);
}

static void wait_quiet_co(BlockFront *blk)
{
    Quiet q = { .co = co_self() };

    blk_drain(blk, is_quiet, &q);
    while (!q.yes)
        co_suspend_co();
}

/* ---- work that the end of the program waits for ---- */

typedef struct Waiter {
    void (*done)(void *o);
    void *o;
} Waiter;

static void work_begin(DriveList *list)
{
    list->n_busy++;
}

static void work_end(DriveList *list)
{
    GArray *all = list->waiters;

    if (--list->n_busy || !all)
        return;
    list->waiters = NULL;
    for (guint i = 0; i < all->len; i++) {
        Waiter w = g_array_index(all, Waiter, i);
        w.done(w.o);
    }
    g_array_unref(all);
}

void drives_settled(Vm *vm, void (*done)(void *), void *o)
{
    DriveList *list = vm->drives;
    Waiter w = { done, o };

    if (!list || !list->n_busy) {
        done(o);
        return;
    }
    if (!list->waiters)
        list->waiters = g_array_new(false, false, sizeof(Waiter));
    g_array_append_val(list->waiters, w);
}

/* ---- the machine stops ---- */

static void settle_end(void *o)
{
    BlockFront *blk = o;

    work_end(blk->vm->drives);
    front_unref(blk);
}

static void settle_co(void *o)
{
    BlockFront *blk = o;
    BlockNode *root;

    wait_quiet_co(blk);
    root = blk->root ? node_ref(blk->root) : NULL;
    /* an error comes again with the next flush, and then somebody is told */
    if (root)
        node_flush_co(root);
    node_unref_co(root);
    vm_call_main(blk->vm, NULL, settle_end, blk);
}

void drives_settle(DriveList *list)
{
    for (guint i = 0; i < list->fronts->len; i++) {
        BlockFront *blk = list->fronts->pdata[i];

        if (!blk->writable)
            continue;
        work_begin(list);
        g_atomic_ref_count_inc(&blk->ref);
        co_start(NULL, settle_co, blk);
    }
}

/* ---- one medium goes, perhaps another comes ---- */

static bool may_go(BlockFront *blk, bool force, GError **err)
{
    if (!drive_removable(blk))
        return block_fail(err, "Device '%s' is not removable", blk->name);
    if (blk->jobs)
        return block_fail(err, "Device '%s' is busy: wait until the command before is over",
                          blk->name);
    if (!blk->locked || blk->tray_open)
        return true;
    if (blk->ops && blk->ops->eject_request)
        blk->ops->eject_request(blk->o, force);
    if (!force)
        return block_fail(err,
                          "Device '%s' is locked and force was not specified, wait for tray "
                          "to open and try again",
                          blk->name);
    blk_lock_medium(blk, false);
    return true;
}

static int unref_co(void *o)
{
    node_unref_co(o);
    return 0;
}

/* The new medium into the drive, unless that has gone meanwhile. */
static void swap_in(Swap *s)
{
    BlockFront *blk = s->blk;

    if (!s->new)
        s->new = drive_open_medium(blk, s->file, s->format, &s->write, &s->err);
    if (!s->new)
        return;
    if (!g_ptr_array_find(blk->vm->drives->fronts, blk, NULL)) {
        front_run(unref_co, s->new);
        return;
    }
    drive_insert(blk, s->new, s->write);
    g_free(blk->args.file);
    blk->args.file = g_steal_pointer(&s->file);
    blk_eject(blk, false);
    if (blk->ops && blk->ops->media)
        blk->ops->media(blk->o, true);
}

static void swap_end(void *o)
{
    Swap *s = o;
    BlockFront *blk = s->blk;

    blk->jobs--;
    if (s->kind == SWAP_CHANGE)
        swap_in(s);
    /* what werror=stop parked in its device ends with an error: `cont` no longer asks for it */
    if (s->kind == SWAP_CUT && blk->ops && blk->ops->again)
        blk->ops->again(blk->o);
    s->done(s->o, s->err);
    work_end(blk->vm->drives);
    front_unref(blk);
    g_free(s->file);
    g_free(s->format);
    g_free(s);
}

static void swap_co(void *o)
{
    Swap *s = o;
    int ret;

    wait_quiet_co(s->blk);
    ret = s->old ? node_flush_co(s->old) : 0;
    node_unref_co(s->old);
    if (ret < 0)
        block_warn("drive '%s': its last data could not be written", s->blk->name);
    vm_call_main(s->blk->vm, NULL, swap_end, s);
}

static Swap *swap_new(BlockFront *blk, SwapKind kind, DriveDone *done, void *o)
{
    Swap *s = g_new0(Swap, 1);

    *s = (Swap){ .blk = blk, .kind = kind, .done = done, .o = o };
    return s;
}

/* From here on the device finds no medium. */
static void swap_begin(Swap *s)
{
    BlockFront *blk = s->blk;

    g_atomic_ref_count_inc(&blk->ref);
    work_begin(blk->vm->drives);
    blk->jobs++;
    s->old = blk->root;
    front_set_root(blk, NULL, false);
    co_start(NULL, swap_co, s);
}

static void tell_gone(BlockFront *blk)
{
    if (!blk->ops || !blk->ops->media)
        return;
    blk->ops->media(blk->o, false);
    if (blk->ops->tray)
        front_tray_moved(blk, true);
}

bool drive_eject(BlockFront *blk, bool force, DriveDone *done, void *o, GError **err)
{
    if (!may_go(blk, force, err))
        return false;
    tell_gone(blk);
    swap_begin(swap_new(blk, SWAP_EJECT, done, o));
    return true;
}

static bool stat_image(const char *name, struct stat *st)
{
    const char *path;
    g_autofree char *protocol = block_protocol(name, &path);

    return !protocol && stat(path, st) == 0;
}

/* The same image once more can be opened for writing only when it is closed. */
static bool is_in_drive(const BlockFront *blk, const char *file)
{
    struct stat a, b;

    return blk->root && blk->args.file && stat_image(file, &a) && stat_image(blk->args.file, &b) &&
           a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

bool drive_change(BlockFront *blk, const char *file, const char *format, bool force,
                  DriveDone *done, void *o, GError **err)
{
    Swap *s;

    if (!may_go(blk, force, err))
        return false;
    s = swap_new(blk, SWAP_CHANGE, done, o);
    s->file = g_strdup(file);
    s->format = g_strdup(format);
    if (!is_in_drive(blk, file) &&
        !(s->new = drive_open_medium(blk, file, format, &s->write, err))) {
        g_free(s->file);
        g_free(s->format);
        g_free(s);
        return false;
    }
    tell_gone(blk);
    swap_begin(s);
    return true;
}

bool drive_cut(Vm *vm, BlockFront *blk, DriveDone *done, void *o, GError **err)
{
    if (blk->jobs)
        return block_fail(err, "Device '%s' is busy: wait until the command before is over",
                          blk->name);
    swap_begin(swap_new(blk, SWAP_CUT, done, o));
    g_ptr_array_remove(vm->drives->fronts, blk);
    front_unref(blk);
    return true;
}
