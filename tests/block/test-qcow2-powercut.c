/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qcow2 and the power: random requests over a recording protocol, then cuts at random moments.
 * After each, the image must check without a corruption (leaks may be), every sector must hold what
 * the last finished flush covered or something written since, and the image must take writes again
 * and be clean after them.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "tests/block/memlog.h"

#define SECTOR    512u
#define WORKERS   6
#define CUTS      60
#define JUDGE_ALL 40 /* one cut of so many is also shown to Debian's qemu-img */

typedef struct Shape {
    const char *name, *compat;
    uint32_t cluster, refcount_bits, sectors;
    uint32_t full; /* sectors that have clusters already: the table of counts is about to move */
    bool unmap;
    uint32_t first; /* sectors it has at first; it grows, again and again. 0: all of them */
} Shape;

static const Shape shapes[] = {
    { "v3-4k", "1.1", 4096, 16, 1024, 0, true, 0 },
    { "v3-512", "1.1", 512, 16, 2048, 0, true, 0 },
    { "v3-512-refcount64", "1.1", 512, 64, 4500, 3840, false, 0 },
    { "v3-64k", "1.1", 65536, 16, 4096, 0, true, 0 },
    { "v2-1k", "0.10", 1024, 16, 1024, 0, true, 0 },
    { "v3-512-grows", "1.1", 512, 16, 6000, 0, true, 31 },
    { "v2-4k-grows", "0.10", 4096, 16, 6000, 0, true, 1 },
};

/* What was put into a sector: a stamp (0: zeros) and the guest's clock at both ends. */
typedef struct Put {
    uint32_t stamp;
    uint64_t begin, end;
    bool maybe; /* a discard: may have done nothing */
    bool fua;   /* on disk when it ends */
} Put;

typedef struct Flush {
    uint64_t begin, end;
} Flush;

/* sectors that it surely has from then on */
typedef struct Growth {
    uint64_t end;
    uint32_t sectors;
} Growth;

typedef struct Run {
    const Shape *shape;
    GRand *rand;
    BlockNode *node;
    Memlog *disk, *start;
    GArray **puts; /* Put, one array a sector */
    GArray *flushes, *growths;
    uint32_t sectors; /* so many now */
    bool growing;
    uint8_t *busy;
    uint32_t stamp;
    unsigned left, running;
} Run;

static uint64_t now(Run *r)
{
    return ++r->disk->tick;
}

/* ---- the guest ---- */

static bool take(Run *r, uint32_t first, uint32_t n, bool on)
{
    for (uint32_t s = first; on && s < first + n; s++) {
        if (r->busy[s])
            return false;
    }
    memset(r->busy + first, on, n);
    return true;
}

static void record(Run *r, uint32_t first, uint32_t n, const Put *p, bool end)
{
    for (uint32_t s = first; s < first + n; s++) {
        if (end)
            g_array_index(r->puts[s], Put, r->puts[s]->len - 1).end = p->end;
        else
            g_array_append_val(r->puts[s], *p);
    }
}

static int do_write(Run *r, uint32_t first, uint32_t n, uint32_t stamp, bool fua)
{
    g_autofree uint32_t *buf = g_new(uint32_t, n * SECTOR / 4);
    struct iovec v = { buf, n * SECTOR };

    for (uint32_t i = 0; i < n * SECTOR / 4; i++)
        buf[i] = stamp;
    return node_writev_co(r->node, (uint64_t)first * SECTOR, &v, 1, fua);
}

static void do_flush(Run *r)
{
    Flush f = { .begin = now(r) };

    g_assert_cmpint(node_flush_co(r->node), ==, 0);
    f.end = now(r);
    g_array_append_val(r->flushes, f);
}

static void do_grow(Run *r)
{
    Growth g = { .sectors = r->sectors + 1 + g_rand_int_range(r->rand, 0, r->shape->sectors / 4) };
    GError *err = NULL;

    if (r->growing || r->sectors == r->shape->sectors)
        return;
    r->growing = true;
    g.sectors = MIN(g.sectors, r->shape->sectors);
    node_drain_co(r->node);
    node_truncate_co(r->node, (uint64_t)g.sectors * SECTOR, PREALLOC_OFF, &err);
    node_undrain(r->node);
    g_assert_no_error(err);
    r->sectors = g.sectors;
    g.end = now(r);
    g_array_append_val(r->growths, g);
    r->growing = false;
}

static void one_request(Run *r)
{
    uint32_t per = MAX(r->shape->cluster / SECTOR, 1), total = r->sectors;
    uint32_t n = 1 + g_rand_int_range(r->rand, 0, MIN(3 * per, 64));
    uint32_t first =
        g_rand_int_range(r->rand, 0, g_rand_boolean(r->rand) ? total : MIN(8 * per, total));
    int kind = g_rand_int_range(r->rand, 0, 100);
    Put p = { .stamp = kind < 70 ? ++r->stamp : 0, .maybe = kind >= 85, .fua = kind < 20 };
    int ret;

    if (kind < 6) {
        do_flush(r);
        return;
    }
    if (kind == 6) {
        do_grow(r);
        return;
    }
    if (r->shape->full && g_rand_boolean(r->rand))
        first = g_rand_int_range(r->rand, r->shape->full, total);
    if (g_rand_boolean(r->rand))
        first = first / per * per;
    n = MIN(n, total - first);
    if (kind >= 97) { /* maps clusters and writes nothing: the file must reach them all the same */
        g_assert_cmpint(node_allocate_co(r->node, (uint64_t)first * SECTOR, n * SECTOR), ==, 0);
        return;
    }
    if (!take(r, first, n, true))
        return;
    p.begin = now(r);
    record(r, first, n, &p, false);
    if (kind < 70)
        ret = do_write(r, first, n, p.stamp, p.fua);
    else if (kind < 85)
        ret = node_zero_co(r->node, (uint64_t)first * SECTOR, n * SECTOR, kind & 1, false);
    else
        ret = node_discard_co(r->node, (uint64_t)first * SECTOR, n * SECTOR);
    g_assert_cmpint(ret, ==, 0);
    p.end = now(r);
    record(r, first, n, &p, true);
    take(r, first, n, false);
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

/* ---- what a sector may hold after a cut ---- */

static bool allowed(const GArray *puts, uint64_t covered, uint64_t cut, uint32_t stamp)
{
    bool durable = false;

    for (guint i = puts->len; i-- > 0;) {
        const Put *p = &g_array_index(puts, Put, i);

        if (p->begin > cut)
            continue;
        if (p->stamp == stamp)
            return true;
        if (p->end && (p->end < covered || (p->fua && p->end <= cut)) && !p->maybe) {
            durable = true; /* what is older has been replaced for good */
            break;
        }
    }
    return !durable && stamp == 0; /* never written */
}

static uint64_t flushed_before(const Run *r, uint64_t cut)
{
    uint64_t begin = 0;

    for (guint i = 0; i < r->flushes->len; i++) {
        const Flush *f = &g_array_index(r->flushes, Flush, i);

        if (f->end <= cut)
            begin = MAX(begin, f->begin);
    }
    return begin;
}

static void check_sector(const Run *r, uint32_t s, const uint32_t *p, uint64_t covered,
                         uint64_t cut)
{
    for (uint32_t i = 1; i < SECTOR / 4; i++)
        g_assert_cmpuint(p[i], ==, p[0]);
    if (!allowed(r->puts[s], covered, cut, p[0]))
        g_error("cut at %" G_GUINT64_FORMAT ": sector %u holds stamp %u, which it cannot", cut, s,
                p[0]);
}

/* ---- one cut ---- */

typedef struct Cut {
    Run *r;
    Memlog *disk;
    uint64_t at;
} Cut;

static void check_data_co(Cut *c, BlockNode *node)
{
    uint64_t covered = flushed_before(c->r, c->at), len = node_length(node);
    g_autofree uint8_t *buf = g_malloc0((uint64_t)c->r->shape->sectors * SECTOR);

    for (guint i = 0; i < c->r->growths->len; i++) {
        const Growth *g = &g_array_index(c->r->growths, Growth, i);

        g_assert_true(g->end > c->at || g->sectors * SECTOR <= len);
    }
    g_assert_cmpint(node_read_co(node, 0, buf, len), ==, 0);
    for (uint32_t s = 0; s < c->r->shape->sectors; s++)
        check_sector(c->r, s, (uint32_t *)(buf + s * SECTOR), covered, c->at);
}

static void check_image_co(Memlog *disk, const char *when)
{
    CheckResult result = { 0 };

    g_assert_cmpint(memlog_check_co(disk, &result), ==, 0);
    if (result.corruptions || result.check_errors) {
        print_check(&result);
        g_error("%s: %d corruptions", when, result.corruptions);
    }
    check_result_clear(&result);
}

static int cut_co(void *o)
{
    Cut *c = o;
    uint32_t text[SECTOR / 4];
    GError *err = NULL;
    BlockNode *node;

    check_image_co(c->disk, "after the cut");
    node = memlog_qcow2_co(c->disk, NODE_RDWR, NULL, NULL, &err);
    g_assert_no_error(err);
    check_data_co(c, node);
    memset(text, 0x5a, sizeof(text));
    for (int i = 0; i < 20; i++) {
        uint32_t s = g_rand_int_range(c->r->rand, 0, node_length(node) / SECTOR);

        g_assert_cmpint(node_write_co(node, (uint64_t)s * SECTOR, text, SECTOR), ==, 0);
    }
    node_unref_co(node);
    check_image_co(c->disk, "after writing to it again");
    return 0;
}

static void judge(const Memlog *disk)
{
    g_autofree char *path = g_strdup_printf("%s/powercut-%d.qcow2", g_get_tmp_dir(), getpid());
    g_autofree char *cmd =
        g_strdup_printf("/usr/bin/qemu-img check -q -f qcow2 %s >/dev/null 2>&1", path);
    int status;

    if (!g_file_test("/usr/bin/qemu-img", G_FILE_TEST_IS_EXECUTABLE))
        return;
    g_assert_true(g_file_set_contents(path, (char *)disk->bytes, disk->len, NULL));
    status = system(cmd);
    unlink(path);
    /* 3: leaks, which a cut may leave */
    g_assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 3));
}

static void make_cuts(Run *r, int n)
{
    for (int i = 0; i < n; i++) {
        Cut c = { .r = r, .at = g_rand_int_range(r->rand, 1, r->disk->tick + 1) };

        c.disk = memlog_cut(r->start, r->disk, c.at, r->rand);
        if (i % JUDGE_ALL == 0)
            judge(c.disk);
        co_sync(NULL, cut_co, &c);
        memlog_free(c.disk);
    }
}

/* ---- the run ---- */

static int start_co(void *o)
{
    Run *r = o;
    Qcow2Create c = { .cluster_size = r->shape->cluster,
                      .compat = (char *)r->shape->compat,
                      .compression_type = (char *)"zlib",
                      .data_file_raw = AUTO,
                      .encryption = AUTO,
                      .size = (uint64_t)r->sectors * SECTOR,
                      .refcount_bits = r->shape->refcount_bits };
    GError *err = NULL;

    c.node = memlog_node_co(r->disk, NODE_RDWR);
    block_driver("qcow2")->create_co(&c, &err);
    g_assert_no_error(err);
    node_unref_co(c.node);
    if (r->shape->full) {
        r->node = memlog_qcow2_co(r->disk, NODE_RDWR, NULL, NULL, &err);
        node_allocate_co(r->node, 0, (uint64_t)r->shape->full * SECTOR);
        node_unref_co(r->node);
    }
    r->start = memlog_copy(r->disk);
    memlog_record(r->disk);
    r->node =
        memlog_qcow2_co(r->disk, NODE_RDWR | (r->shape->unmap ? NODE_UNMAP : 0), NULL, NULL, &err);
    g_assert_no_error(err);
    return 0;
}

static int end_co(void *o)
{
    Run *r = o;

    node_unref_co(r->node);
    return 0;
}

static void run_once(const Shape *shape, uint64_t seed)
{
    Run r = { .shape = shape, .rand = g_rand_new_with_seed(seed), .disk = memlog_new() };

    r.busy = g_malloc0(shape->sectors);
    r.puts = g_new(GArray *, shape->sectors);
    for (uint32_t i = 0; i < shape->sectors; i++)
        r.puts[i] = g_array_new(FALSE, TRUE, sizeof(Put));
    r.flushes = g_array_new(FALSE, FALSE, sizeof(Flush));
    r.growths = g_array_new(FALSE, FALSE, sizeof(Growth));
    r.sectors = shape->first ? shape->first : shape->sectors;
    co_sync(NULL, start_co, &r);
    r.disk->rand = g_rand_new_with_seed(seed + 1);
    r.left = 400;
    for (r.running = 0; r.running < WORKERS; r.running++)
        co_start(NULL, worker_co, &r);
    while (r.running)
        g_main_context_iteration(NULL, TRUE);
    co_sync(NULL, end_co, &r);
    if (shape->full)
        g_assert_cmpint(r.disk->bytes[59], >, 1); /* the table of counts has moved */
    make_cuts(&r, CUTS);
    for (uint32_t i = 0; i < shape->sectors; i++)
        g_array_free(r.puts[i], TRUE);
    g_array_free(r.flushes, TRUE);
    g_array_free(r.growths, TRUE);
    g_free(r.puts);
    g_free(r.busy);
    g_rand_free(r.rand);
    memlog_free(r.start);
    memlog_free(r.disk);
}

static void test_shape(gconstpointer shape)
{
    uint64_t seed = test_seed();

    for (int i = 0; i < test_scale(4, 200); i++)
        run_once(shape, seed + i * 2);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(shapes); i++) {
        g_autofree char *path = g_strdup_printf("/qcow2/powercut/%s", shapes[i].name);

        g_test_add_data_func(path, &shapes[i], test_shape);
    }
    return g_test_run();
}
