/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qcow2 with an error at every position: the same fixed work is done again and again, each time
 * with the next request of the file failing: once, from there on until the end, or from there on
 * for good. The guest sees an error; the image stays free of corruption; what was not refused is
 * there.
 */
#include "tests/block/memlog.h"

#define SECTOR  512u
#define SECTORS 512u

typedef enum { FAIL_ONCE, FAIL_THEN_HEAL, FAIL_FOR_GOOD } Mode;

typedef struct Work {
    Mode mode;
    uint32_t cluster;
    uint64_t at;
    int error;
    Memlog *disk, *base;
    BlockNode *node;
    uint32_t now[SECTORS], maybe[SECTORS]; /* stamps; maybe: of a write that failed */
    unsigned failed;
} Work;

static BlockNode *open_image_co(Work *w)
{
    BlockNode *base =
        node_new_co(block_driver("raw"), NULL, "base", 0, memlog_node_co(w->base, 0), NULL, NULL);
    BlockNode *node = memlog_qcow2_co(w->disk, NODE_RDWR | NODE_UNMAP, base, NULL, NULL);

    node_unref_co(base);
    return node;
}

static void set(Work *w, uint32_t first, uint32_t n, uint32_t stamp, int ret)
{
    w->failed += ret < 0;
    for (uint32_t s = first; s < first + n; s++) {
        w->maybe[s] = stamp;
        if (ret == 0)
            w->now[s] = stamp;
    }
}

static void put(Work *w, uint32_t first, uint32_t n, uint32_t stamp)
{
    g_autofree uint32_t *buf = g_new(uint32_t, n * SECTOR / 4);

    for (uint32_t i = 0; i < n * SECTOR / 4; i++)
        buf[i] = stamp;
    set(w, first, n, stamp, node_write_co(w->node, first * SECTOR, buf, n * SECTOR));
}

static void zero(Work *w, uint32_t first, uint32_t n, bool unmap)
{
    set(w, first, n, 0, node_zero_co(w->node, first * SECTOR, n * SECTOR, unmap, false));
}

static void flush(Work *w)
{
    w->failed += node_flush_co(w->node) < 0;
}

static void grow(Work *w, uint64_t sectors)
{
    node_drain_co(w->node);
    w->failed += node_truncate_co(w->node, sectors * SECTOR, PREALLOC_OFF, NULL) < 0;
    node_undrain(w->node);
}

/* Allocation, copy on write, overwriting, zero flags, freed and reused clusters, growing, several
 * flushes.
 */
static void do_work(Work *w)
{
    uint32_t stamp = 1;

    for (uint32_t s = 0; s < SECTORS; s += 37)
        put(w, s, 5, stamp++);
    flush(w);
    put(w, 3, 64, stamp++);
    zero(w, 16, 48, true);
    flush(w);
    put(w, 20, 8, stamp++);
    grow(w, SECTORS * 8);
    zero(w, 128, 64, false);
    put(w, 130, 4, stamp++);
    put(w, 300, 100, stamp++);
    flush(w);
    zero(w, 288, 128, true);
    flush(w);
    grow(w, SECTORS * 20);
    for (uint32_t s = 200; s < 260; s += 7)
        put(w, s, 3, stamp++);
    flush(w);
}

static bool may_be(const Work *w, uint32_t s, uint32_t stamp)
{
    return stamp == w->now[s] || stamp == w->maybe[s];
}

static void compare_co(Work *w, BlockNode *node)
{
    uint32_t buf[SECTOR / 4];

    for (uint32_t s = 0; s < SECTORS; s++) {
        g_assert_cmpint(node_read_co(node, s * SECTOR, buf, SECTOR), ==, 0);
        for (uint32_t i = 0; i < SECTOR / 4; i++) {
            if (!may_be(w, s, buf[i]))
                g_error("error at request %" G_GUINT64_FORMAT ": sector %u reads %u, not %u or %u",
                        w->at, s, buf[i], w->now[s], w->maybe[s]);
        }
    }
}

static void check_co(Work *w, bool leaks)
{
    CheckResult r = { 0 };

    g_assert_cmpint(memlog_check_co(w->disk, &r), ==, 0);
    if (r.corruptions || (r.leaks && !leaks))
        print_check(&r);
    g_assert_cmpint(r.corruptions, ==, 0);
    if (!leaks)
        g_assert_cmpint(r.leaks, ==, 0);
    check_result_clear(&r);
}

static void make_image_co(Work *w)
{
    Qcow2Create c = { .cluster_size = w->cluster,
                      .compat = (char *)"1.1",
                      .size = SECTORS * SECTOR,
                      .compression_type = (char *)"zlib",
                      .data_file_raw = AUTO,
                      .encryption = AUTO,
                      .refcount_bits = 16 };

    c.node = memlog_node_co(w->disk, NODE_RDWR);
    g_assert_cmpint(block_driver("qcow2")->create_co(&c, NULL), ==, 0);
    node_unref_co(c.node);
    memlog_reach(w->base, SECTORS * SECTOR / 2);
    for (uint32_t s = 0; s < SECTORS / 2; s++) {
        w->now[s] = w->maybe[s] = 1000 + s;
        for (uint32_t i = 0; i < SECTOR / 4; i++)
            ((uint32_t *)w->base->bytes)[s * (SECTOR / 4) + i] = 1000 + s;
    }
}

static int work_co(void *o)
{
    Work *w = o;
    BlockNode *again;

    make_image_co(w);
    w->disk->requests = 0;
    w->disk->fail_errno = w->error;
    w->node = open_image_co(w);
    g_assert_nonnull(w->node);
    w->disk->requests = 0;
    w->disk->fail_at = w->mode == FAIL_ONCE ? w->at : 0;
    w->disk->fail_from = w->mode == FAIL_ONCE ? 0 : w->at;
    do_work(w);
    if (w->mode != FAIL_FOR_GOOD) {
        w->disk->fail_at = w->disk->fail_from = 0;
        g_assert_cmpint(node_flush_co(w->node), ==, 0);
        compare_co(w, w->node);
    }
    node_unref_co(w->node);
    w->disk->fail_at = w->disk->fail_from = 0;
    check_co(w, w->failed);
    if (w->mode != FAIL_FOR_GOOD) {
        again = open_image_co(w);
        g_assert_nonnull(again);
        compare_co(w, again);
        node_unref_co(again);
    }
    return 0;
}

/* Until the work ends before the failing request comes. */
static void run(Mode mode, uint32_t cluster, int error)
{
    uint64_t count = 0, at;

    for (at = 1; at == 1 || at <= count; at++) {
        Work w = { .mode = mode,
                   .cluster = cluster,
                   .at = at,
                   .error = error,
                   .disk = memlog_new(),
                   .base = memlog_new() };

        co_sync(NULL, work_co, &w);
        count = MAX(count, w.disk->requests);
        memlog_free(w.disk);
        memlog_free(w.base);
    }
    g_test_message("%" G_GUINT64_FORMAT " positions", at - 1);
}

static void test_once(void)
{
    run(FAIL_ONCE, 4096, EIO);
    run(FAIL_ONCE, 65536, ENOSPC);
    run(FAIL_ONCE, 512, EIO);
}

static void test_heal(void)
{
    run(FAIL_THEN_HEAL, 4096, ENOSPC);
    run(FAIL_THEN_HEAL, 512, EIO);
}

static void test_for_good(void)
{
    run(FAIL_FOR_GOOD, 4096, EIO);
    run(FAIL_FOR_GOOD, 512, EIO);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qcow2/errors/once", test_once);
    g_test_add_func("/qcow2/errors/until-the-end", test_heal);
    g_test_add_func("/qcow2/errors/for-good", test_for_good);
    return g_test_run();
}
