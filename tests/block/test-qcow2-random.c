/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qcow2 against a model of bytes: several coroutines with random requests of every kind, each on a
 * range that is its own for that time, over a protocol that answers in random order; evictions come
 * from a cache of 16 tables. At the end the image must be clean without a leak, equal to the model,
 * and Debian's qemu-img must agree.
 */
#include <glib/gstdio.h>
#include <unistd.h>

#include "tests/block/memlog.h"

#define DISK    (4u << 20)
#define SECTOR  512u
#define WORKERS 8

typedef struct Shape {
    const char *name, *compat;
    uint32_t cluster, refcount_bits;
    bool backing, unmap;
    uint64_t odd; /* bytes that the size is more than a multiple of the cluster */
} Shape;

static const Shape shapes[] = {
    { "v3-64k", "1.1", 65536, 16, false, false, 0 },
    { "v3-64k-backing", "1.1", 65536, 16, true, false, 512 },
    { "v3-4k-unmap", "1.1", 4096, 16, true, true, 1536 },
    { "v3-512-refcount1", "1.1", 512, 1, false, true, 0 },
    { "v3-512-refcount64", "1.1", 512, 64, true, false, 0 },
    { "v2-4k-backing", "0.10", 4096, 16, true, true, 512 },
    { "v2-512", "0.10", 512, 16, false, true, 0 },
    { "v3-2m", "1.1", 2 << 20, 8, true, false, 512 },
};

typedef struct Run {
    const Shape *shape;
    GRand *rand;
    BlockNode *node;
    Memlog *disk, *base;
    uint8_t *model, *busy; /* busy: one byte a sector */
    uint64_t size;
    unsigned left, running;
    CoQueue free;
    GMutex lock;
} Run;

/* The node's args: tables for 16 clusters only. The struct is the driver's, so through its rows. */
static void *small_cache(void)
{
    const Prop *rows = block_driver("qcow2")->open_props, *end = rows;
    g_autoptr(GError) err = NULL;
    void *args;

    while (end->kind != P_END)
        end++;
    args = g_malloc0(end->off);
    prop_defaults(rows, args);
    g_assert_true(prop_parse_kv(rows, NULL, "l2-cache-size=0", args, NULL, &err));
    return args;
}

static void small_cache_free(void *args)
{
    prop_free(block_driver("qcow2")->open_props, args);
    g_free(args);
}

static bool range_busy(const Run *r, uint64_t off, uint64_t len)
{
    for (uint64_t s = off / SECTOR; s <= (off + len - 1) / SECTOR; s++) {
        if (r->busy[s])
            return true;
    }
    return false;
}

static void range_set(Run *r, uint64_t off, uint64_t len, bool busy)
{
    for (uint64_t s = off / SECTOR; s <= (off + len - 1) / SECTOR; s++)
        r->busy[s] = busy;
}

/* Clusters of one place most of the time: collisions are what is looked for. */
static void pick_range(Run *r, uint64_t *off, uint64_t *len)
{
    uint64_t max = g_rand_int_range(r->rand, 0, 4) ? 3 * r->shape->cluster : 65536 * 5;
    uint64_t span = g_rand_boolean(r->rand) ? r->size : MIN(r->size, 16 * r->shape->cluster);

    max = MIN(max, r->size);
    *len = 1 + g_rand_int_range(r->rand, 0, max);
    if (g_rand_boolean(r->rand))
        *len = (*len + SECTOR - 1) / SECTOR * SECTOR;
    *off = g_rand_int_range(r->rand, 0, span);
    if (g_rand_boolean(r->rand))
        *off = *off / r->shape->cluster * r->shape->cluster;
    *len = MIN(*len, r->size - *off);
}

static void take_range(Run *r, uint64_t *off, uint64_t *len)
{
    g_mutex_lock(&r->lock);
    for (;;) {
        pick_range(r, off, len);
        if (!range_busy(r, *off, *len))
            break;
        co_queue_wait_co(&r->free, &r->lock);
    }
    range_set(r, *off, *len, true);
    g_mutex_unlock(&r->lock);
}

static void give_range(Run *r, uint64_t off, uint64_t len)
{
    g_mutex_lock(&r->lock);
    range_set(r, off, len, false);
    co_queue_wake(&r->free);
    g_mutex_unlock(&r->lock);
}

static void do_write(Run *r, uint64_t off, uint64_t len)
{
    g_autofree uint8_t *buf = g_malloc(len);
    uint64_t cut = len > 2 ? (uint64_t)g_rand_int_range(r->rand, 1, len) : len;
    struct iovec v[2] = { { buf, cut }, { buf + cut, len - cut } };

    for (uint64_t i = 0; i < len; i++)
        buf[i] = g_rand_int(r->rand) | 1;
    g_assert_cmpint(node_writev_co(r->node, off, v, 2, !g_rand_int_range(r->rand, 0, 16)), ==, 0);
    memcpy(r->model + off, buf, len);
}

static void expect_equal(Run *r, uint64_t off, const uint8_t *buf, uint64_t len)
{
    for (uint64_t i = 0; i < len; i++) {
        if (buf[i] != r->model[off + i])
            g_error("request at %" G_GUINT64_FORMAT "+%" G_GUINT64_FORMAT
                    ": byte %" G_GUINT64_FORMAT " of the disk reads 0x%02x, not 0x%02x",
                    off, len, off + i, buf[i], r->model[off + i]);
    }
}

static void do_read(Run *r, uint64_t off, uint64_t len)
{
    g_autofree uint8_t *buf = g_malloc(len);

    g_assert_cmpint(node_read_co(r->node, off, buf, len), ==, 0);
    expect_equal(r, off, buf, len);
}

static void do_zero(Run *r, uint64_t off, uint64_t len)
{
    g_assert_cmpint(node_zero_co(r->node, off, len, g_rand_boolean(r->rand), false), ==, 0);
    memset(r->model + off, 0, len);
}

/* A discarded sector reads as before, or as zeros; either way it stays so. */
static void do_discard(Run *r, uint64_t off, uint64_t len)
{
    g_autofree uint8_t *buf = g_malloc(len);

    g_assert_cmpint(node_discard_co(r->node, off, len), ==, 0);
    g_assert_cmpint(node_read_co(r->node, off, buf, len), ==, 0);
    for (uint64_t i = 0; i < len; i++) {
        g_assert_true(buf[i] == 0 || buf[i] == r->model[off + i]);
        r->model[off + i] = buf[i];
    }
}

static void one_request(Run *r)
{
    uint64_t off, len;
    int kind = g_rand_int_range(r->rand, 0, 100);

    if (kind < 4) {
        g_assert_cmpint(node_flush_co(r->node), ==, 0);
        return;
    }
    take_range(r, &off, &len);
    if (kind < 50)
        do_write(r, off, len);
    else if (kind < 75)
        do_read(r, off, len);
    else if (kind < 87)
        do_zero(r, off, len);
    else
        do_discard(r, off, len);
    give_range(r, off, len);
}

static void worker_co(void *o)
{
    Run *r = o;

    while (r->left) {
        r->left--;
        one_request(r);
    }
    r->running--;
}

/* ---- before and after ---- */

static int start_co(void *o)
{
    Run *r = o;
    Qcow2Create c = { .cluster_size = r->shape->cluster,
                      .compat = (char *)r->shape->compat,
                      .compression_type = (char *)"zlib",
                      .size = r->size,
                      .data_file_raw = AUTO,
                      .encryption = AUTO,
                      .refcount_bits = r->shape->refcount_bits };
    unsigned flags = NODE_RDWR | (r->shape->unmap ? NODE_UNMAP : 0);
    BlockNode *backing = r->base ? node_new_co(block_driver("raw"), NULL, "base", 0,
                                               memlog_node_co(r->base, 0), NULL, NULL)
                                 : NULL;
    void *args = small_cache();
    GError *err = NULL;

    c.node = memlog_node_co(r->disk, NODE_RDWR);
    block_driver("qcow2")->create_co(&c, &err);
    g_assert_no_error(err);
    node_unref_co(c.node);
    r->node = memlog_qcow2_co(r->disk, flags, backing, args, &err);
    g_assert_no_error(err);
    small_cache_free(args);
    node_unref_co(backing);
    return 0;
}

static int compare_co(void *o)
{
    Run *r = o;
    g_autofree uint8_t *buf = g_malloc(r->size);

    g_assert_cmpint(node_read_co(r->node, 0, buf, r->size), ==, 0);
    expect_equal(r, 0, buf, r->size);
    return 0;
}

static int close_co(void *o)
{
    Run *r = o;

    node_unref_co(r->node);
    return 0;
}

static int check_co(void *o)
{
    Run *r = o;
    CheckResult result = { 0 };

    g_assert_cmpint(memlog_check_co(r->disk, &result), ==, 0);
    print_check(&result);
    g_assert_cmpint(result.corruptions, ==, 0);
    g_assert_cmpint(result.leaks, ==, 0);
    g_assert_cmpint(result.check_errors, ==, 0);
    check_result_clear(&result);
    return 0;
}

/* ---- Debian's opinion ---- */

static void put(const char *dir, const char *name, const void *p, size_t n)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);

    g_assert_true(g_file_set_contents(path, p, n, NULL));
}

static void judge(Run *r)
{
    g_autofree char *dir = g_dir_make_tmp("qcow2-XXXXXX", NULL);
    g_autofree char *cmd = NULL;

    if (!g_file_test("/usr/bin/qemu-img", G_FILE_TEST_IS_EXECUTABLE)) {
        g_test_message("no /usr/bin/qemu-img: not judged");
        g_rmdir(dir);
        return;
    }
    put(dir, "disk.qcow2", r->disk->bytes, r->disk->len);
    put(dir, "model.raw", r->model, r->size);
    put(dir, "base.raw", r->base ? (void *)r->base->bytes : "", r->base ? r->base->len : 0);
    cmd = g_strdup_printf(
        "cd %s && I=/usr/bin/qemu-img; %s $I check -q -f qcow2 disk.qcow2 && "
        "$I compare -q -f qcow2 -F raw disk.qcow2 model.raw; s=$?; rm -r %s; exit $s",
        dir, r->base ? "$I rebase -u -f qcow2 -b base.raw -F raw disk.qcow2 &&" : "", dir);
    g_assert_cmpint(system(cmd), ==, 0);
}

static void run_shape(const Shape *shape, uint64_t seed)
{
    Run r = { .shape = shape, .rand = g_rand_new_with_seed(seed), .disk = memlog_new() };

    r.size = (shape->cluster < 4096 && shape->refcount_bits < 64 ? DISK / 4 : DISK) + shape->odd;
    r.model = g_malloc0(r.size);
    r.busy = g_malloc0(r.size / SECTOR + 1);
    if (shape->backing) { /* shorter than the overlay */
        r.base = memlog_new();
        memlog_reach(r.base, r.size * 3 / 4 / SECTOR * SECTOR);
        for (uint64_t i = 0; i < r.base->len; i++)
            r.base->bytes[i] = r.model[i] = g_rand_int(r.rand);
    }
    co_sync(NULL, start_co, &r);
    r.disk->rand = g_rand_new_with_seed(seed + 1);
    r.left = test_scale(1200, 20);
    for (r.running = 0; r.running < WORKERS; r.running++)
        co_start(NULL, worker_co, &r);
    while (r.running)
        g_main_context_iteration(NULL, TRUE);
    co_sync(NULL, compare_co, &r);
    co_sync(NULL, close_co, &r);
    co_sync(NULL, check_co, &r);
    if (shape->refcount_bits == 64) /* its table had to move */
        g_assert_cmpint(r.disk->bytes[59], >, 1);
    judge(&r);
    if (r.base)
        memlog_free(r.base);
    memlog_free(r.disk);
    g_rand_free(r.rand);
    g_free(r.model);
    g_free(r.busy);
}

static void test_shape(gconstpointer shape)
{
    run_shape(shape, test_seed());
}

/* ---- requests that race ---- */

#define RACE_SECTORS 64u

/*
 * Nothing keeps these apart, as a guest may do that reads what it is discarding. What a sector
 * holds is then open, but it is never another sector's: each word written names its place.
 */
static void race_check(const uint32_t *buf, uint32_t first, uint32_t n)
{
    for (uint32_t i = 0; i < n * SECTOR / 4; i++) {
        uint32_t place = buf[i] >> 16;

        if (buf[i] && place != first + i / (SECTOR / 4) + 1)
            g_error("sector %u holds what was written to sector %u", first + i / (SECTOR / 4),
                    place - 1);
    }
}

static void race_request(Run *r)
{
    uint32_t first = g_rand_int_range(r->rand, 0, RACE_SECTORS);
    uint32_t n = g_rand_int_range(r->rand, 1, MIN(RACE_SECTORS - first, 8) + 1);
    uint64_t off = (uint64_t)first * SECTOR;
    uint32_t buf[8 * SECTOR / 4];
    int ret = 0;

    for (uint32_t i = 0; i < n * SECTOR / 4; i++)
        buf[i] = (first + i / (SECTOR / 4) + 1) << 16 | (r->left & 0xffff);
    switch (g_rand_int_range(r->rand, 0, 12)) {
    case 0:
    case 1: ret = node_flush_co(r->node); break;
    case 2:
    case 3:
    case 4: ret = node_discard_co(r->node, off, n * SECTOR); break;
    case 5: ret = node_zero_co(r->node, off, n * SECTOR, r->left & 1, false); break;
    case 6:
    case 7:
    case 8: ret = node_writev_co(r->node, off, &(struct iovec){ buf, n * SECTOR }, 1, false); break;
    default: ret = node_read_co(r->node, off, buf, n * SECTOR); race_check(buf, first, n);
    }
    g_assert_cmpint(ret, ==, 0);
}

static void race_worker_co(void *o)
{
    Run *r = o;

    while (r->left) {
        r->left--;
        race_request(r);
    }
    r->running--;
}

static int race_end_co(void *o)
{
    Run *r = o;
    uint32_t buf[RACE_SECTORS * SECTOR / 4];

    g_assert_cmpint(node_read_co(r->node, 0, buf, sizeof(buf)), ==, 0);
    race_check(buf, 0, RACE_SECTORS);
    return close_co(r);
}

static void test_races(void)
{
    static const Shape shape = { "races", "1.1", 512, 16, false, true, 0 };
    uint64_t seed = test_seed();
    Run r = { .shape = &shape,
              .rand = g_rand_new_with_seed(seed),
              .disk = memlog_new(),
              .size = RACE_SECTORS * SECTOR };

    co_sync(NULL, start_co, &r);
    r.disk->rand = g_rand_new_with_seed(seed + 1);
    r.left = test_scale(20000, 50);
    for (r.running = 0; r.running < 2 * WORKERS; r.running++)
        co_start(NULL, race_worker_co, &r);
    while (r.running)
        g_main_context_iteration(NULL, TRUE);
    co_sync(NULL, race_end_co, &r);
    co_sync(NULL, check_co, &r);
    memlog_free(r.disk);
    g_rand_free(r.rand);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(shapes); i++) {
        g_autofree char *path = g_strdup_printf("/qcow2/random/%s", shapes[i].name);

        g_test_add_data_func(path, &shapes[i], test_shape);
    }
    g_test_add_func("/qcow2/races", test_races);
    return g_test_run();
}
