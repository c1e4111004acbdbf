/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Images that Debian's qemu-img makes, read and written here, and its opinion afterwards: packed
 * clusters of both kinds, chains, internal snapshots, other cluster sizes. Skipped without it.
 */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config.h"

#include "block/node.h"

#define IMG  "/usr/bin/qemu-img"
#define SIZE (3u << 20)

static char *dir;
static uint8_t *model;

/* In the directory; 0 is the only good answer. */
static int sh(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
static int sh(const char *fmt, ...)
{
    g_autofree char *cmd = NULL, *full = NULL;
    va_list ap;
    int status;

    va_start(ap, fmt);
    cmd = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    full = g_strdup_printf("cd %s && I=%s && %s", dir, IMG, cmd);
    status = system(full);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void put_model(const char *name, size_t len)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);

    g_assert_true(g_file_set_contents(path, (char *)model, len, NULL));
}

/* Some of it random, some text that packs well, some zeros. */
static void fill_model(GRand *rand)
{
    for (size_t i = 0; i < SIZE; i++) {
        unsigned kind = i / 40000 % 3;

        model[i] = kind == 0 ? g_rand_int(rand) : kind == 1 ? (uint8_t) "packed well "[i % 12] : 0;
    }
}

typedef struct Use {
    const char *name;
    unsigned flags;
    GRand *rand; /* NULL: only read */
} Use;

static void write_some_co(Use *u, BlockNode *node)
{
    uint8_t buf[5000];

    for (int i = 0; i < 60; i++) {
        size_t len = g_rand_int_range(u->rand, 1, sizeof(buf)), off;

        off = g_rand_int_range(u->rand, 0, SIZE - len);
        memset(buf, g_rand_int(u->rand), len);
        if (i % 5) {
            g_assert_cmpint(node_write_co(node, off, buf, len), ==, 0);
            memcpy(model + off, buf, len);
        } else {
            g_assert_cmpint(node_zero_co(node, off, len * 13 % (SIZE - off), i & 1, false), ==, 0);
            memset(model + off, 0, len * 13 % (SIZE - off));
        }
    }
}

static int use_co(void *o)
{
    Use *u = o;
    g_autofree char *path = g_build_filename(dir, u->name, NULL);
    g_autofree uint8_t *buf = g_malloc(SIZE);
    NodeOpts n = { .filename = path, .flags = u->flags | (u->rand ? NODE_RDWR : 0) };
    GError *err = NULL;
    BlockNode *node = node_open_co(&n, &err);

    g_assert_no_error(err);
    g_assert_cmpint(node_length(node), ==, SIZE);
    for (int round = 0; round < 2; round++) {
        g_assert_cmpint(node_read_co(node, 0, buf, SIZE), ==, 0);
        g_assert_cmpint(memcmp(buf, model, SIZE), ==, 0);
        if (u->rand)
            write_some_co(u, node);
    }
    g_assert_cmpint(node_flush_co(node), ==, 0);
    node_unref_co(node);
    return 0;
}

static void use(const char *name, unsigned flags, GRand *rand)
{
    Use u = { .name = name, .flags = flags, .rand = rand };

    co_sync(NULL, use_co, &u);
    if (!rand)
        return;
    put_model("now.raw", SIZE);
    g_assert_cmpint(sh("$I check -q %s >&2 && $I compare -q -F raw %s now.raw", name, name), ==, 0);
}

static bool need_debian(void)
{
    if (g_file_test(IMG, G_FILE_TEST_IS_EXECUTABLE))
        return true;
    g_test_skip("no " IMG);
    return false;
}

static void packed(const char *options, GRand *rand)
{
    fill_model(rand);
    put_model("a.raw", SIZE);
    g_assert_cmpint(sh("rm -f p.qcow2; $I convert -f raw -O qcow2 -c -o %s a.raw p.qcow2", options),
                    ==, 0);
    use("p.qcow2", 0, NULL);
    use("p.qcow2", NODE_UNMAP, rand);
    use("p.qcow2", 0, NULL);
}

static void test_packed(void)
{
    g_autoptr(GRand) rand = g_rand_new();

    if (!need_debian())
        return;
    packed("cluster_size=64k", rand);
    packed("cluster_size=512", rand);
    packed("cluster_size=2M", rand);
    packed("cluster_size=4k,compat=0.10", rand);
#ifdef CONFIG_ZSTD
    packed("cluster_size=64k,compression_type=zstd", rand);
    packed("cluster_size=4k,compression_type=zstd", rand);
#endif
}

static void test_chain(void)
{
    g_autoptr(GRand) rand = g_rand_new();

    if (!need_debian())
        return;
    fill_model(rand);
    put_model("a.raw", SIZE / 2);
    memset(model + SIZE / 2, 0, SIZE / 2);
    g_assert_cmpint(
        sh("mkdir -p sub && $I create -q -f qcow2 -b ../a.raw -F raw sub/b.qcow2 && "
           "$I create -q -f qcow2 -o cluster_size=4k -b sub/b.qcow2 -F qcow2 c.qcow2 %u",
           SIZE),
        ==, 0);
    use("c.qcow2", 0, NULL);
    use("c.qcow2", 0, rand);
    use("c.qcow2", NODE_DIRECT, rand);
}

/* Writing to an image with a snapshot leaves the snapshot as it was. */
static void test_snapshot(void)
{
    g_autoptr(GRand) rand = g_rand_new();
    g_autofree uint8_t *before = NULL;

    if (!need_debian())
        return;
    fill_model(rand);
    put_model("a.raw", SIZE);
    before = g_memdup2(model, SIZE);
    g_assert_cmpint(
        sh("rm -f s.qcow2; $I convert -f raw -O qcow2 -o cluster_size=4k a.raw s.qcow2 && "
           "$I snapshot -c one s.qcow2"),
        ==, 0);
    use("s.qcow2", NODE_UNMAP, rand);
    use("s.qcow2", NODE_UNMAP, rand);
    g_assert_cmpint(sh("$I snapshot -a one s.qcow2 && $I check -q s.qcow2 && "
                       "$I compare -q -F raw s.qcow2 a.raw"),
                    ==, 0);
    memcpy(model, before, SIZE);
    use("s.qcow2", 0, rand);
    g_assert_cmpint(sh("$I snapshot -d one s.qcow2 && $I check -q s.qcow2"), ==, 0);
}

/* Late reference counts: a crash left the mark and counts that are too low. */
static void test_dirty(void)
{
    g_autoptr(GRand) rand = g_rand_new();

    if (!need_debian())
        return;
    fill_model(rand);
    put_model("a.raw", SIZE);
    g_assert_cmpint(
        sh("rm -f l.qcow2; $I convert -f raw -O qcow2 -o lazy_refcounts=on a.raw l.qcow2"
           " && printf '\\1' | dd of=l.qcow2 bs=1 seek=79 conv=notrunc status=none"
           " && head -c 20 /dev/zero | dd of=l.qcow2 bs=1 seek=131080 conv=notrunc "
           "status=none"),
        ==, 0);
    g_assert_cmpint(sh("$I check -q l.qcow2 >/dev/null 2>&1"), ==, 2);
    use("l.qcow2", 0, NULL);
    use("l.qcow2", 0, rand);
}

/* Each side refuses what the other has open. */
static int locked_co(void *o)
{
    g_autofree char *path = g_build_filename(dir, "k.qcow2", NULL);
    NodeOpts n = { .filename = path, .flags = NODE_RDWR };
    GError *err = NULL;
    BlockNode *node = node_open_co(&n, &err);

    g_assert_no_error(err);
    g_assert_cmpint(sh("$I info k.qcow2 >/dev/null 2>&1"), ==, 1);
    g_assert_cmpint(sh("$I info -U k.qcow2 >/dev/null 2>&1"), ==, 0);
    node_unref_co(node);
    g_assert_cmpint(sh("$I info k.qcow2 >/dev/null 2>&1"), ==, 0);
    return 0;
}

static void test_locks(void)
{
    if (!need_debian())
        return;
    g_assert_cmpint(sh("$I create -q -f qcow2 k.qcow2 1M"), ==, 0);
    co_sync(NULL, locked_co, NULL);
}

int main(int argc, char **argv)
{
    g_autofree char *cwd =
        g_getenv("BUILD") ? g_canonicalize_filename(g_getenv("BUILD"), NULL) : g_get_current_dir();
    int ret;

    g_test_init(&argc, &argv, NULL);
    dir = g_strdup_printf("%s/interop-%d", cwd, getpid());
    g_mkdir(dir, 0700);
    model = g_malloc0(SIZE);
    g_test_add_func("/interop/packed", test_packed);
    g_test_add_func("/interop/chain", test_chain);
    g_test_add_func("/interop/snapshot", test_snapshot);
    g_test_add_func("/interop/dirty", test_dirty);
    g_test_add_func("/interop/locks", test_locks);
    ret = g_test_run();
    sh("rm -r %s", dir);
    g_free(model);
    g_free(dir);
    return ret;
}
