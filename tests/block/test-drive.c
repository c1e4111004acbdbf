/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drives as the command line and devices see them: -drive's text, places and names, snapshot=on,
 * media changes, and the error policy up to a machine that stops and tries again.
 */
#include <glib/gstdio.h>
#include <unistd.h>

#include "block/front.h"
#include "core/event.h"
#include "core/runstate.h"
#include "util/json.h"
#include "tests/block/memlog.h"

static char *dir;

static char *path_of(const char *name)
{
    return g_build_filename(dir, name, NULL);
}

static BlockFront *try_open(Vm *vm, const char *text, GError **err)
{
    g_autofree char *at = strchr(text, '@') ? g_strdup(dir) : NULL;
    g_auto(GStrv) parts = g_strsplit(text, "@", -1);
    g_autofree char *full = g_strjoinv(at ? at : "", parts);
    DriveArgs a;
    BlockFront *blk = NULL;

    prop_defaults(DriveArgs_rows, &a);
    if (prop_parse_kv(DriveArgs_rows, "file", full, &a, vm, err))
        blk = drive_open(vm, &a, err);
    prop_free(DriveArgs_rows, &a);
    return blk;
}

/* '@' in the text is the directory. */
static BlockFront *must_open(Vm *vm, const char *text)
{
    GError *err = NULL;
    BlockFront *blk = try_open(vm, text, &err);

    g_assert_no_error(err);
    return blk;
}

static void must_fail(Vm *vm, const char *text, const char *answer)
{
    GError *err = NULL;

    g_assert_null(try_open(vm, text, &err));
    if (!strstr(err->message, answer))
        g_error("-drive %s: '%s' lacks '%s'", text, err->message, answer);
    g_error_free(err);
}

typedef struct Wait {
    bool done;
    int ret;
} Wait;

static void on_done(void *o, int ret)
{
    *(Wait *)o = (Wait){ true, ret };
}

static int await(Vm *vm, Wait *w)
{
    while (!w->done)
        vm_loop_once(vm, true);
    return w->ret;
}

static int rw(Vm *vm, BlockFront *blk, bool write, uint64_t off, void *buf, size_t len)
{
    struct iovec v = { buf, len };
    Wait w = { 0 };

    if (write)
        blk_writev(blk, off, &v, 1, false, on_done, &w);
    else
        blk_readv(blk, off, &v, 1, on_done, &w);
    g_assert_false(w.done);
    return await(vm, &w);
}

static void put_file(const char *name, size_t size, int fill)
{
    g_autofree char *p = path_of(name), *data = g_malloc(size);

    memset(data, fill, size);
    g_assert_true(g_file_set_contents(p, data, size, NULL));
}

/* ---- places ---- */

static void test_places(void)
{
    Vm *vm = vm_new();

    put_file("a.raw", 10000, 1);
    g_assert_cmpstr(blk_name(must_open(vm, "@/a.raw,format=raw,if=ide,media=disk,readonly=on")), ==,
                    "ide0-hd0");
    g_assert_cmpstr(blk_name(must_open(vm, "file=@/a.raw,format=raw,media=cdrom")), ==, "ide0-cd1");
    g_assert_cmpstr(blk_name(must_open(vm, "if=ide,index=2,media=cdrom")), ==, "ide1-cd0");
    must_fail(vm, "index=2", "drive with bus=1, unit=0 (index=2) exists");
    must_fail(vm, "index=1,bus=1", "index cannot be used with bus and unit");
    must_fail(vm, "if=none,id=1bad", "Parameter 'id' expects an identifier");
    must_fail(vm, "if=none,id=my disk", "Parameter 'id' expects an identifier");
    must_fail(vm, "file=@/a.raw,format=raw,node-name=1n", "Invalid node-name: '1n'");
    must_fail(vm, "file=@/a.raw,format=raw,driver=raw",
              "Cannot specify both 'driver' and 'format'");
    must_fail(vm, "if=floppy,werror=stop", "werror is not supported by this bus type");
    must_fail(vm, "if=pflash,file=@/a.raw,rerror=report",
              "rerror is not supported by this bus type");
    must_fail(vm, "if=none,file=@/a.raw,format=raw,file.aio=native", "requires cache.direct=on");
    g_assert_cmpstr(blk_name(must_open(vm, "if=xen,index=0,bus=0,id=xen")), ==, "xen");
    g_assert_cmpstr(blk_name(must_open(vm, "if=none,id=zeroes,detect-zeroes=unmap")), ==, "zeroes");
    must_fail(vm, "if=ide,unit=7", "unit 7 too big (max is 1)");
    must_fail(vm, "if=ide,bus=2,unit=0", "machine type does not support if=ide,bus=2,unit=0");
    must_fail(vm, "if=floppy,file=@/missing", "No such file or directory");
    must_fail(vm, "if=virtio,file=@/a.raw,cache=fast", "fast");
    must_fail(vm, "if=none,file=@/a.raw,throttling.iops-total=5,throttling.iops-read=5",
              "at the same time");
    must_fail(vm, "if=none,file=@/a.raw,iops_max=5", "require corresponding");
    must_fail(vm, "if=none,file=@/a.raw,nonsense=5,format=raw,readonly", "nonsense");
    must_fail(vm, "if=none,file=@/a.raw,format=xyz,readonly", "Unknown driver 'xyz'");
    g_assert_cmpstr(blk_name(must_open(vm, "if=floppy")), ==, "floppy0");
    g_assert_cmpstr(
        blk_name(
            must_open(vm, "if=none,id=x,file.filename=@/a.raw,file.driver=file,driver=raw,readonly,"
                          "file.locking=off")),
        ==, "x");
    must_fail(vm, "if=none,id=x", "Duplicate ID 'x'");
    g_assert_cmpint(blk_length(drive_find(vm, "ide0-hd0")), ==, 10240);
    g_assert_cmpint(blk_length(drive_find(vm, "ide1-cd0")), ==, -ENOMEDIUM);
    g_assert_true(drive_at(vm, IF_IDE, 0, 1) == drive_find(vm, "ide0-cd1"));
    g_assert_false(blk_writable(drive_find(vm, "ide0-cd1")));
    g_assert_true(drives_close(vm));
    vm_free(vm);
}

/* ---- snapshot=on ---- */

static void test_snapshot(void)
{
    g_autofree char *p = path_of("s.raw"), *before = NULL, *after = NULL;
    Vm *vm = vm_new();
    uint8_t buf[70000];
    BlockFront *blk;
    Wait w = { 0 };

    put_file("s.raw", 200000 / 512 * 512, 3);
    g_assert_true(g_file_get_contents(p, &before, NULL, NULL));
    blk = must_open(vm, "@/s.raw,format=raw,snapshot=on");
    memset(buf, 9, sizeof(buf));
    g_assert_cmpint(rw(vm, blk, true, 1000, buf, sizeof(buf)), ==, 0);
    blk_flush(blk, on_done, &w);
    g_assert_cmpint(await(vm, &w), ==, 0);
    g_assert_cmpint(rw(vm, blk, false, 500, buf, 1000), ==, 0);
    g_assert_cmpint(buf[499], ==, 3);
    g_assert_cmpint(buf[500], ==, 9);
    g_assert_cmpint(rw(vm, blk, false, 199000, buf, 1000), ==, -EINVAL);
    g_assert_true(drives_close(vm));
    g_assert_true(g_file_get_contents(p, &after, NULL, NULL));
    g_assert_cmpmem(before, 199680, after, 199680);
    vm_free(vm);
}

/* ---- media ---- */

typedef struct Ended {
    bool done;
    GError *err;
} Ended;

static void on_end(void *o, GError *take)
{
    *(Ended *)o = (Ended){ true, take };
}

/* What was wrong, at once or in the end; NULL: nothing. file NULL: eject */
static char *try_change(Vm *vm, BlockFront *blk, const char *file, bool force)
{
    Ended e = { 0 };
    bool began = file ? drive_change(blk, file, "raw", force, on_end, &e, &e.err)
                      : drive_eject(blk, force, on_end, &e, &e.err);
    char *text;

    g_assert_false(e.done); /* never inside the call */
    while (began && !e.done)
        vm_loop_once(vm, true);
    text = e.err ? g_strdup(e.err->message) : NULL;
    g_clear_error(&e.err);
    return text;
}

static void must_change(Vm *vm, BlockFront *blk, const char *file, bool force)
{
    g_autofree char *text = try_change(vm, blk, file, force);

    g_assert_cmpstr(text, ==, NULL);
}

static void must_not_change(Vm *vm, BlockFront *blk, const char *file, const char *answer)
{
    g_autofree char *text = try_change(vm, blk, file, false);

    if (!text || !strstr(text, answer))
        g_error("'%s' lacks '%s'", text, answer);
}

/* A device's side of a drive with a tray */
typedef struct Tray {
    int loaded, gone, asked, forced;
} Tray;

static void tray_media(void *o, bool loaded)
{
    Tray *t = o;

    (*(loaded ? &t->loaded : &t->gone))++;
}

static void tray_asked(void *o, bool force)
{
    Tray *t = o;

    (*(force ? &t->forced : &t->asked))++;
}

static const BlockFrontOps tray_ops = { .media = tray_media,
                                        .tray = true,
                                        .eject_request = tray_asked };
static const BlockFrontOps disk_ops = { 0 };

static void test_media(void)
{
    g_autofree char *p = path_of("cd.iso");
    Vm *vm = vm_new();
    g_autofree char *none = path_of("none"), *same = path_of("same.raw");
    uint8_t buf[2048];
    BlockFront *blk = must_open(vm, "if=ide,index=2,media=cdrom"), *disk;
    Device dev = { .path = (char *)"dev" };
    Tray t = { 0 };

    put_file("cd.iso", 4096, 5);
    g_assert_cmpint(rw(vm, blk, false, 0, buf, 2048), ==, -ENOMEDIUM);
    g_assert_true(blk_claim(blk, &dev, &tray_ops, &t, false, NULL));
    must_change(vm, blk, p, false);
    g_assert_cmpint(t.gone, ==, 1);
    g_assert_cmpint(t.loaded, ==, 1);
    g_assert_cmpint(rw(vm, blk, false, 2048, buf, 2048), ==, 0);
    g_assert_cmpint(buf[0], ==, 5);
    /* a new medium that cannot be opened leaves the old one where it is */
    must_not_change(vm, blk, none, "No such file or directory");
    g_assert_cmpint(t.gone, ==, 1);
    g_assert_cmpint(rw(vm, blk, false, 0, buf, 2048), ==, 0);
    blk_lock_medium(blk, true);
    must_not_change(vm, blk, NULL, "is locked");
    g_assert_cmpint(t.asked, ==, 1);
    blk_eject(blk, true);
    g_assert_cmpint(blk_length(blk), ==, -ENOMEDIUM);
    blk_eject(blk, false);
    must_change(vm, blk, NULL, true);
    g_assert_cmpint(t.forced, ==, 1);
    g_assert_false(blk->locked);
    g_assert_true(blk->tray_open);
    must_not_change(vm, blk, none, "No such file or directory");
    must_change(vm, blk, p, false);
    g_assert_false(blk->tray_open);
    blk->dev = NULL;

    /* what its device cannot change stays; the same image is closed before it is opened */
    put_file("same.raw", 4096, 7);
    disk = must_open(vm, "@/same.raw,format=raw,if=none,id=d");
    g_assert_true(blk_claim(disk, &dev, &disk_ops, NULL, true, NULL));
    must_not_change(vm, disk, NULL, "is not removable");
    disk->dev = NULL;
    must_change(vm, disk, same, false);
    g_assert_cmpint(rw(vm, disk, true, 0, buf, 2048), ==, 0);
    g_assert_true(drives_close(vm));
    vm_free(vm);
}

/* A medium goes while a flush of it is under way, whose coroutine must go on; the next command
 * waits; and the program may end meanwhile. */
static void test_media_busy(void)
{
    g_autofree char *p = path_of("cd.iso");
    Vm *vm = vm_new();
    uint8_t buf[512] = { 1 };
    BlockFront *blk = must_open(vm, "@/s.raw,format=raw,snapshot=on,if=floppy"), *other;
    struct iovec v = { buf, sizeof(buf) };
    Wait w = { 0 }, w2 = { 0 };
    Ended e = { 0 }, e2 = { 0 };

    g_assert_cmpint(rw(vm, blk, true, 0, buf, 512), ==, 0);
    blk_flush(blk, on_done, &w);
    vm_loop_once(vm, true);
    g_assert_false(w.done);
    g_assert_true(drive_change(blk, p, "raw", false, on_end, &e, NULL));
    g_assert_false(drive_eject(blk, false, on_end, &e2, &e2.err));
    g_assert_nonnull(strstr(e2.err->message, "is busy"));
    g_clear_error(&e2.err);
    blk_readv(blk, 0, &v, 1, on_done, &w2);
    while (!e.done)
        vm_loop_once(vm, true);
    g_assert_no_error(e.err);
    g_assert_true(w.done);
    g_assert_cmpint(w2.ret, ==, -ENOMEDIUM);
    g_assert_cmpint(rw(vm, blk, false, 0, buf, 512), ==, 0);
    g_assert_cmpint(buf[0], ==, 5);

    other = must_open(vm, "@/s.raw,format=raw,snapshot=on,if=none,id=o");
    e = (Ended){ 0 };
    g_assert_true(drive_cut(vm, other, on_end, &e, NULL));
    g_assert_null(drive_find(vm, "o"));
    g_assert_true(drive_eject(blk, false, on_end, &e2, NULL));
    g_assert_true(drives_close(vm));
    g_assert_true(e.done && e2.done);
    vm_free(vm);
}

/* ---- errors ---- */

typedef struct Parked {
    Vm *vm;
    BlockFront *blk;
    Memlog *log;
    Wait w;
    int again;
    uint8_t buf[512];
} Parked;

static void parked_again(void *o)
{
    Parked *p = o;
    struct iovec v = { p->buf, 512 };

    p->again++;
    p->w.done = false;
    blk_writev(p->blk, 0, &v, 1, false, on_done, &p->w);
}

static const BlockFrontOps parked_ops = { .again = parked_again };

static int memory_root_co(void *o)
{
    BlockFront *blk = ((void **)o)[0];
    Memlog *m = ((void **)o)[1];

    front_set_root(blk,
                   node_new_co(block_driver("raw"), NULL, "mem", NODE_RDWR,
                               memlog_node_co(m, NODE_RDWR), NULL, NULL),
                   true);
    return 0;
}

static void parked_open(Parked *p, Memlog *m)
{
    void *pair[2];

    memlog_reach(m, 65536);
    p->blk = must_open(p->vm, "if=none,id=d,werror=enospc,rerror=ignore");
    pair[0] = p->blk;
    pair[1] = m;
    front_run(memory_root_co, pair);
    p->blk->ops = &parked_ops;
    p->blk->o = p;
}

static void test_policy(void)
{
    Memlog *m = memlog_new();
    Vm *vm = vm_new();
    Parked p = { .vm = vm };

    parked_open(&p, m);
    m->fail_from = 1;
    m->fail_errno = EIO;
    g_assert_cmpint(rw(vm, p.blk, true, 0, p.buf, 512), ==, -EIO);
    g_assert_cmpint(rw(vm, p.blk, false, 0, p.buf, 512), ==, 0);
    m->fail_errno = ENOSPC;
    g_assert_true(vm_start(vm, NULL));
    p.again = 0;
    g_assert_cmpint(rw(vm, p.blk, true, 0, p.buf, 512), ==, -EAGAIN);
    while (vm_state(vm) == RUNSTATE_RUNNING)
        vm_loop_once(vm, true);
    g_assert_cmpint(vm_state(vm), ==, RUNSTATE_IO_ERROR);
    g_assert_cmpint(p.blk->io_status, ==, ENOSPC);
    m->fail_from = 0;
    g_assert_true(vm_start(vm, NULL));
    g_assert_cmpint(p.again, ==, 1);
    g_assert_cmpint(await(vm, &p.w), ==, 0);
    g_assert_cmpint(p.blk->io_status, ==, 0);
    vm_stop(vm, RUNSTATE_PAUSED);
    g_assert_true(drives_close(vm));
    vm_free(vm);
    memlog_free(m);
}

/* The user is as fast as can be: `stop` and `cont` between a failure and the stop it asked for. */
static void cont_at_once(void *o, int ret)
{
    Parked *p = o;

    g_assert_cmpint(ret, ==, -EAGAIN);
    p->log->fail_from = 0;
    vm_stop(p->vm, RUNSTATE_PAUSED);
    g_assert_true(vm_start(p->vm, NULL));
}

static void test_cont_between(void)
{
    Memlog *m = memlog_new();
    Vm *vm = vm_new();
    Parked p = { .vm = vm, .log = m };
    struct iovec v = { p.buf, 512 };
    Wait w = { 0 };

    parked_open(&p, m);
    g_assert_true(vm_start(vm, NULL));
    p.again = 0;
    m->fail_from = 1;
    m->fail_errno = ENOSPC;
    blk_writev(p.blk, 0, &v, 1, false, cont_at_once, &p);
    while (!p.again)
        vm_loop_once(vm, true);
    g_assert_cmpint(await(vm, &p.w), ==, 0);
    g_assert_true(vm->running);

    /* a request that fails before `cont` and tells so after it is made once more */
    m->rand = g_rand_new_with_seed(1);
    m->fail_at = m->requests + 1;
    blk_writev(p.blk, 512, &v, 1, false, on_done, &w);
    while (!m->waiting->len)
        vm_loop_once(vm, true);
    vm_stop(vm, RUNSTATE_IO_ERROR);
    g_assert_true(vm_start(vm, NULL));
    g_assert_cmpint(await(vm, &w), ==, 0);
    g_assert_cmpint(await(vm, &p.w), ==, 0);
    g_assert_true(vm->running);
    g_clear_pointer(&m->rand, g_rand_free);
    vm_stop(vm, RUNSTATE_PAUSED);
    g_assert_true(drives_close(vm));
    vm_free(vm);
    memlog_free(m);
}

/* ---- what the monitor shows ---- */

static void test_info(void)
{
    g_autoptr(GString) text = g_string_new(NULL);
    Vm *vm = vm_new();
    BlockFront *blk;
    Json *j;

    put_file("i.raw", 10240, 1);
    blk = must_open(vm, "@/i.raw,format=raw,cache=none");
    drive_info(blk, text, false);
    g_assert_nonnull(strstr(text->str, "ide0-hd0 (#block000): "));
    g_assert_nonnull(strstr(text->str,
                            "/i.raw (raw)\n    Removable device: not locked, tray closed\n"
                            "    Cache mode:       writeback, direct\n"));
    g_string_truncate(text, 0);
    drive_info(must_open(vm, "media=cdrom"), text, false);
    g_assert_cmpstr(text->str, ==,
                    "ide0-cd1: [not inserted]\n    Removable device: not locked, tray "
                    "closed\n");
    j = drive_json(blk);
    json_free(j);
    g_assert_true(drives_close(vm));
    vm_free(vm);
}

int main(int argc, char **argv)
{
    g_autofree char *cwd =
        g_getenv("BUILD") ? g_canonicalize_filename(g_getenv("BUILD"), NULL) : g_get_current_dir();
    int ret;

    g_test_init(&argc, &argv, NULL);
    dir = g_strdup_printf("%s/drive-%d", cwd, getpid());
    g_mkdir(dir, 0700);
    g_test_add_func("/drive/places", test_places);
    g_test_add_func("/drive/snapshot", test_snapshot);
    g_test_add_func("/drive/media", test_media);
    g_test_add_func("/drive/media-busy", test_media_busy);
    g_test_add_func("/drive/policy", test_policy);
    g_test_add_func("/drive/cont-between", test_cont_between);
    g_test_add_func("/drive/info", test_info);
    ret = g_test_run();
    for (const char *const *n = (const char *const[]){ "a.raw", "s.raw", "cd.iso", "i.raw", NULL };
         *n; n++) {
        g_autofree char *p = path_of(*n);

        unlink(p);
    }
    g_rmdir(dir);
    g_free(dir);
    return ret;
}
