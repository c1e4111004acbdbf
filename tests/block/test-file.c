/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Local files: reads past the end, growing, holes, O_DIRECT with any offset, locks and messages. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "block/create.h"
#include "block/file-lock.h"
#include "block/node.h"

typedef struct Case {
    char *dir, *path;
    unsigned flags;
    int (*fn_co)(struct Case *, BlockNode *);
    BlockNode *node;
    GError *err;
} Case;

static int open_and_run_co(void *o)
{
    Case *c = o;
    NodeOpts n = { .filename = c->path, .format = "raw", .flags = c->flags };
    BlockNode *node = node_open_co(&n, &c->err);
    int ret;

    if (!node)
        return -1;
    ret = c->fn_co ? c->fn_co(c, node) : 0;
    node_unref_co(node);
    return ret;
}

static void case_init(Case *c, unsigned flags, size_t size)
{
    g_autofree char *zeros = g_malloc0(size + 1),
                    *cwd = g_getenv("BUILD") ? g_canonicalize_filename(g_getenv("BUILD"), NULL)
                                             : g_get_current_dir();

    *c = (Case){ .flags = flags };
    /* not the tmpfs that /tmp may be: it has no O_DIRECT */
    c->dir = g_strdup_printf("%s/file-%d", cwd, getpid());
    g_mkdir_with_parents(c->dir, 0700);
    c->path = g_build_filename(c->dir, "disk.raw", NULL);
    g_assert_true(g_file_set_contents(c->path, zeros, size, NULL));
}

static void case_end(Case *c)
{
    unlink(c->path);
    g_rmdir(c->dir);
    g_free(c->path);
    g_free(c->dir);
    g_clear_error(&c->err);
}

static int ends_co(Case *c, BlockNode *node)
{
    uint8_t buf[1000];

    memset(buf, 1, sizeof(buf));
    g_assert_cmpint(node_read_co(node, 500, buf, 1000), ==, 0);
    for (int i = 0; i < 1000; i++)
        g_assert_cmpint(buf[i], ==, 0);
    memset(buf, 7, sizeof(buf));
    g_assert_cmpint(node_write_co(node, 5000, buf, 1000), ==, 0);
    g_assert_cmpint(node_length(node), ==, 6000);
    g_assert_cmpint(node_grow_co(node->file, 5500), ==, 0);
    g_assert_cmpint(node_length(node), ==, 6000);
    g_assert_cmpint(node_grow_co(node->file, 9000), ==, 0);
    g_assert_cmpint(node_length(node), ==, 9000);
    g_assert_cmpint(node_zero_co(node, 5100, 100, false, false), ==, 0);
    g_assert_cmpint(node_read_co(node, 5000, buf, 300), ==, 0);
    g_assert_cmpint(buf[99], ==, 7);
    g_assert_cmpint(buf[100], ==, 0);
    g_assert_cmpint(buf[199], ==, 0);
    g_assert_cmpint(buf[200], ==, 7);
    return node_flush_co(node);
}

static void test_ends(void)
{
    Case c;

    case_init(&c, NODE_RDWR, 1000);
    c.fn_co = ends_co;
    g_assert_cmpint(co_sync(NULL, open_and_run_co, &c), ==, 0);
    case_end(&c);
}

/* ---- O_DIRECT against a model, several at once ---- */

#define DISK (1u << 20)

typedef struct Direct {
    BlockNode *node;
    GRand *rand;
    uint8_t *model, busy[DISK / 64];
    int running, left;
} Direct;

/* Ranges that never touch the same 64 bytes, and so often share a block of the disk. */
static void direct_worker_co(void *o)
{
    Direct *d = o;

    while (d->left-- > 0) {
        uint64_t off = g_rand_int_range(d->rand, 0, DISK / 64 - 200);
        uint64_t n = g_rand_int_range(d->rand, 1, g_rand_boolean(d->rand) ? 8 : 200);
        g_autofree uint8_t *buf = g_malloc(n * 64);

        if (memchr(d->busy + off, 1, n))
            continue;
        memset(d->busy + off, 1, n);
        if (g_rand_boolean(d->rand)) {
            memset(buf, g_rand_int(d->rand), n * 64);
            g_assert_cmpint(node_write_co(d->node, off * 64, buf, n * 64), ==, 0);
            memcpy(d->model + off * 64, buf, n * 64);
        } else {
            g_assert_cmpint(node_read_co(d->node, off * 64, buf, n * 64), ==, 0);
            g_assert_cmpmem(buf, n * 64, d->model + off * 64, n * 64);
        }
        memset(d->busy + off, 0, n);
    }
    d->running--;
}

static int direct_open_co(void *o)
{
    Case *c = o;
    NodeOpts n = { .filename = c->path, .format = "raw", .flags = c->flags };
    BlockNode *node = node_open_co(&n, &c->err);

    c->node = node;
    return node ? 0 : -1;
}

static int unref_co(void *o)
{
    node_unref_co(o);
    return 0;
}

static void test_direct(void)
{
    Direct d = { .rand = g_rand_new(), .model = g_malloc0(DISK), .left = 800 };
    Case c;

    case_init(&c, NODE_RDWR | NODE_DIRECT, DISK);
    if (co_sync(NULL, direct_open_co, &c) < 0) {
        g_test_skip(c.err->message);
    } else {
        d.node = c.node;
        for (d.running = 0; d.running < 8; d.running++)
            co_start(NULL, direct_worker_co, &d);
        while (d.running)
            g_main_context_iteration(NULL, TRUE);
        co_sync(NULL, unref_co, d.node);
    }
    case_end(&c);
    g_rand_free(d.rand);
    g_free(d.model);
}

/* ---- locks ---- */

/* A child that holds the lock until its pipe closes. */
static pid_t hold_lock(const char *path, bool writer, int *end)
{
    int ready[2], stop[2];
    char c = 0;
    pid_t pid;

    g_assert_cmpint(pipe2(ready, O_CLOEXEC), ==, 0);
    g_assert_cmpint(pipe2(stop, O_CLOEXEC), ==, 0);
    pid = fork();
    if (pid == 0) {
        int fd = open(path, O_RDWR);

        close(stop[1]);
        c = file_lock(fd, path, writer, NULL);
        _exit(write(ready[1], &c, 1) != 1 || read(stop[0], &c, 1) < 0);
    }
    close(stop[0]);
    g_assert_cmpint(read(ready[0], &c, 1), ==, 1);
    g_assert_cmpint(c, ==, 1);
    close(ready[0]);
    close(ready[1]);
    *end = stop[1];
    return pid;
}

static void test_locks(void)
{
    g_autofree char *who = NULL;
    int end;
    pid_t pid;
    Case c;

    case_init(&c, NODE_RDWR, 1000);
    pid = hold_lock(c.path, true, &end);
    who = g_strdup_printf("process %d (test-file)", pid);
    g_assert_cmpint(co_sync(NULL, open_and_run_co, &c), ==, -1);
    g_assert_nonnull(strstr(c.err->message, "Failed to get \"write\" lock"));
    if (!strstr(c.err->message, who))
        g_error("'%s' does not name %s", c.err->message, who);
    g_clear_error(&c.err);
    c.flags = 0;
    g_assert_cmpint(co_sync(NULL, open_and_run_co, &c), ==, -1);
    g_assert_nonnull(strstr(c.err->message, "Failed to get shared \"write\" lock"));
    g_clear_error(&c.err);
    c.flags = NODE_SHARE;
    g_assert_cmpint(co_sync(NULL, open_and_run_co, &c), ==, 0);
    close(end);
    waitpid(pid, NULL, 0);
    pid = hold_lock(c.path, false, &end);
    c.flags = 0; /* readers go together */
    g_assert_cmpint(co_sync(NULL, open_and_run_co, &c), ==, 0);
    c.flags = NODE_RDWR;
    g_assert_cmpint(co_sync(NULL, open_and_run_co, &c), ==, -1);
    close(end);
    waitpid(pid, NULL, 0);
    g_clear_error(&c.err);
    g_assert_cmpint(co_sync(NULL, open_and_run_co, &c), ==, 0);
    case_end(&c);
}

static void test_messages(void)
{
    static const char *const names[][2] = {
        { "/nonexistent/x", "Could not open '/nonexistent/x': No such file or directory" },
        { "/tmp", "regular file" },
        { "/dev/null", "block device" },
        { "nbd:host:1", "not supported yet" },
        { "abc:x", "unknown protocol" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        Case c = { .path = (char *)names[i][0] };

        g_assert_cmpint(co_sync(NULL, open_and_run_co, &c), ==, -1);
        if (!strstr(c.err->message, names[i][1]))
            g_error("'%s' lacks '%s'", c.err->message, names[i][1]);
        g_error_free(c.err);
    }
}

/* ---- raw that was a guess ---- */

static int probed_co(Case *c, BlockNode *node)
{
    uint8_t head[1024] = "QFI\xfb\0\0\0\3";

    g_assert_true(node->flags & NODE_PROBED_RAW);
    g_assert_cmpint(node_write_co(node, 0, head, 512), ==, -EPERM);
    g_assert_cmpint(node_write_co(node, 0, head, 3), ==, 0);
    g_assert_cmpint(node_write_co(node, 3, head + 3, 5), ==, -EPERM);
    memcpy(head, "KDMV", 4);
    g_assert_cmpint(node_write_co(node, 0, head, 1024), ==, -EPERM);
    g_assert_cmpint(node_write_co(node, 512, head, 512), ==, 0);
    return 0;
}

static int open_probed_co(void *o)
{
    Case *c = o;
    NodeOpts n = { .filename = c->path, .flags = NODE_RDWR };
    BlockNode *node = node_open_co(&n, &c->err);
    int ret;

    g_assert_no_error(c->err);
    ret = probed_co(c, node);
    node_unref_co(node);
    return ret;
}

static void test_probed(void)
{
    Case c;

    case_init(&c, NODE_RDWR, 65536);
    g_assert_cmpint(co_sync(NULL, open_probed_co, &c), ==, 0);
    case_end(&c);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/file/ends", test_ends);
    g_test_add_func("/file/direct", test_direct);
    g_test_add_func("/file/locks", test_locks);
    g_test_add_func("/file/messages", test_messages);
    g_test_add_func("/file/probed-raw", test_probed);
    return g_test_run();
}
