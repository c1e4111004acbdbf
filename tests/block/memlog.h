/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A protocol in memory for tests of formats. It remembers every write and flush with the moments at
 * which it began and ended, so that any power cut can be replayed; it finishes requests in random
 * order (an idle source picks one); and it fails the request that a test names.
 */
#ifndef TESTS_MEMLOG_H
#define TESTS_MEMLOG_H

#include <errno.h>
#include <string.h>

#include "block/check.h"
#include "block/create.h"
#include "block/node.h"
#include "util/iov.h"

typedef enum { LOG_WRITE, LOG_FLUSH, LOG_LENGTH } LogKind;

/* begin, end: ticks of the log's clock; end 0: still in flight */
typedef struct LogOp {
    LogKind kind;
    uint64_t begin, end, pos, len;
    uint8_t *data;
    bool zero, fua;
} LogOp;

typedef struct Memlog {
    uint8_t *bytes;
    uint64_t len, room, tick;
    GPtrArray *ops;     /* LogOp *, by begin; NULL: not recording */
    GPtrArray *waiting; /* MemWait * */
    GRand *rand;        /* NULL: answer at once */
    guint source;
    uint64_t requests, fail_at, fail_from; /* requests are counted from 1; 0: none fails */
    int fail_errno;
    bool fail_flush_only;
} Memlog;

typedef struct MemWait {
    Co *co;
    bool go, slow; /* slow: one of the few that outlast a whole flush */
} MemWait;

static gboolean memlog_idle(gpointer o)
{
    Memlog *m = o;
    MemWait *w;
    guint i;

    if (!m->waiting->len) {
        m->source = 0;
        return G_SOURCE_REMOVE;
    }
    i = g_rand_int_range(m->rand, 0, m->waiting->len);
    w = g_ptr_array_index(m->waiting, i);
    if (w->slow && g_rand_int_range(m->rand, 0, 300))
        return G_SOURCE_CONTINUE;
    g_ptr_array_remove_index_fast(m->waiting, i);
    w->go = true;
    co_wake(w->co);
    return G_SOURCE_CONTINUE;
}

static inline void memlog_pause_co(Memlog *m, bool may_be_slow)
{
    MemWait w = { .co = co_self() };

    if (!m->rand)
        return;
    w.slow = may_be_slow && !g_rand_int_range(m->rand, 0, 20);
    g_ptr_array_add(m->waiting, &w);
    if (!m->source) {
        GSource *s = g_idle_source_new();

        g_source_set_callback(s, memlog_idle, m, NULL);
        g_source_set_priority(s, G_PRIORITY_DEFAULT);
        m->source = g_source_attach(s, NULL);
        g_source_unref(s);
    }
    while (!w.go)
        co_suspend_co();
}

/* 0, or what this request fails with */
static inline int memlog_fails(Memlog *m, bool flush)
{
    m->requests++;
    if (m->fail_flush_only && !flush)
        return 0;
    if (m->requests == m->fail_at || (m->fail_from && m->requests >= m->fail_from))
        return -(m->fail_errno ? m->fail_errno : EIO);
    return 0;
}

static inline LogOp *memlog_begin(Memlog *m, LogKind kind, uint64_t pos, uint64_t len)
{
    LogOp *op = g_new0(LogOp, 1);

    op->kind = kind;
    op->pos = pos;
    op->len = len;
    op->begin = ++m->tick;
    if (m->ops)
        g_ptr_array_add(m->ops, op);
    return op;
}

static inline void memlog_end(Memlog *m, LogOp *op)
{
    op->end = ++m->tick;
    if (!m->ops) {
        g_free(op->data);
        g_free(op);
    }
}

static inline void memlog_reach(Memlog *m, uint64_t end)
{
    if (end > m->room) {
        uint64_t room = MAX(end, m->room * 2);

        m->bytes = g_realloc(m->bytes, room);
        memset(m->bytes + m->room, 0, room - m->room);
        m->room = room;
    }
    m->len = MAX(m->len, end);
}

static inline void memlog_apply(Memlog *m, const LogOp *op)
{
    memlog_reach(m, op->pos + op->len);
    if (op->zero)
        memset(m->bytes + op->pos, 0, op->len);
    else if (op->kind == LOG_WRITE)
        memcpy(m->bytes + op->pos, op->data, op->len);
}

static inline void memlog_read(Memlog *m, uint64_t pos, const struct iovec *iov, int n)
{
    size_t len = iov_bytes(iov, n);
    size_t have = pos < m->len ? MIN(len, m->len - pos) : 0;

    if (have)
        iov_from_buf(iov, n, 0, m->bytes + pos, have);
    iov_zero(iov, n, have, len - have);
}

/* ---- the driver ---- */

static inline Memlog *memlog_of(BlockNode *node)
{
    return *(Memlog **)node->priv;
}

static int memlog_open_co(BlockNode *node, const void *args, GError **err)
{
    *(const void **)node->priv = args;
    return 0;
}

static int memlog_rw_co(BlockNode *node, uint64_t off, const struct iovec *iov, int n, bool write,
                        bool fua)
{
    Memlog *m = memlog_of(node);
    size_t len = iov_bytes(iov, n);
    int ret = memlog_fails(m, false);
    LogOp *op;

    if (!write) {
        memlog_pause_co(m, len <= 65536);
        if (ret == 0)
            memlog_read(m, off, iov, n);
        return ret;
    }
    op = memlog_begin(m, LOG_WRITE, off, len);
    op->fua = fua;
    op->data = g_malloc(len);
    iov_to_buf(iov, n, 0, op->data, len);
    memlog_pause_co(m, true);
    /* a failed write may have left any part of it: the first half here */
    if (ret < 0)
        op->len = len / 2;
    memlog_apply(m, op);
    memlog_end(m, op);
    return ret;
}

static int memlog_flush_co(BlockNode *node)
{
    Memlog *m = memlog_of(node);
    int ret = memlog_fails(m, true);
    LogOp *op = memlog_begin(m, LOG_FLUSH, 0, 0);

    memlog_pause_co(m, false);
    if (ret == 0)
        memlog_end(m, op);
    else if (!m->ops)
        g_free(op);
    return ret;
}

static int memlog_zero_co(BlockNode *node, uint64_t off, uint64_t len, bool unmap, bool fua)
{
    Memlog *m = memlog_of(node);
    int ret = memlog_fails(m, false);
    LogOp *op;

    if (ret < 0)
        return ret;
    op = memlog_begin(m, LOG_WRITE, off, len);
    op->zero = true;
    op->fua = fua;
    memlog_pause_co(m, false);
    memlog_apply(m, op);
    memlog_end(m, op);
    return 0;
}

/* A punch: what it hits reads as zeros, and it may come late. */
static int memlog_discard_co(BlockNode *node, uint64_t off, uint64_t len)
{
    Memlog *m = memlog_of(node);

    len = off < m->len ? MIN(len, m->len - off) : 0;
    return len ? memlog_zero_co(node, off, len, true, false) : 0;
}

static int memlog_truncate_co(BlockNode *node, uint64_t len, int prealloc, GError **err)
{
    Memlog *m = memlog_of(node);
    int ret = memlog_fails(m, false);
    LogOp *op;

    if (ret < 0)
        return ret;
    op = memlog_begin(m, LOG_LENGTH, len, 0);
    memlog_pause_co(m, false);
    if (len < m->len) { /* only before anything counts */
        memset(m->bytes + len, 0, m->len - len);
        m->len = len;
    }
    memlog_reach(m, len);
    memlog_end(m, op);
    return 0;
}

static int memlog_grow_co(BlockNode *node, uint64_t len)
{
    Memlog *m = memlog_of(node);
    int ret = memlog_fails(m, false);
    LogOp *op;

    if (ret < 0)
        return ret;
    op = memlog_begin(m, LOG_LENGTH, len, 0);
    memlog_pause_co(m, false);
    memlog_reach(m, len);
    memlog_end(m, op);
    return 0;
}

static int64_t memlog_length(BlockNode *node)
{
    return memlog_of(node)->len;
}

static const BlockDriver memlog_driver = {
    .name = "memlog",
    .desc = "memory that remembers",
    .size = sizeof(Memlog *),
    .open_co = memlog_open_co,
    .rw_co = memlog_rw_co,
    .flush_co = memlog_flush_co,
    .zero_co = memlog_zero_co,
    .discard_co = memlog_discard_co,
    .truncate_co = memlog_truncate_co,
    .length = memlog_length,
    .grow_co = memlog_grow_co,
};

/* ---- life ---- */

static inline void log_op_free(gpointer p)
{
    LogOp *op = p;

    g_free(op->data);
    g_free(op);
}

static inline Memlog *memlog_new(void)
{
    Memlog *m = g_new0(Memlog, 1);

    m->waiting = g_ptr_array_new();
    return m;
}

static inline void memlog_record(Memlog *m)
{
    m->ops = g_ptr_array_new_with_free_func(log_op_free);
}

static inline void memlog_free(Memlog *m)
{
    g_assert(!m->waiting->len);
    if (m->source)
        g_source_remove(m->source);
    g_ptr_array_unref(m->waiting);
    if (m->ops)
        g_ptr_array_unref(m->ops);
    if (m->rand)
        g_rand_free(m->rand);
    g_free(m->bytes);
    g_free(m);
}

static inline Memlog *memlog_copy(const Memlog *from)
{
    Memlog *m = memlog_new();

    m->len = m->room = from->len;
    m->bytes = g_memdup2(from->bytes, from->len);
    return m;
}

static inline BlockNode *memlog_node_co(Memlog *m, unsigned flags)
{
    return node_new_co(&memlog_driver, m, "mem", flags, NULL, NULL, NULL);
}

static inline BlockNode *memlog_qcow2_co(Memlog *m, unsigned flags, BlockNode *backing,
                                         const void *args, GError **err)
{
    return node_new_co(block_driver("qcow2"), args, "mem.qcow2", flags, memlog_node_co(m, flags),
                       backing, err);
}

/*
 * The disk after a cut at tick t: all that a flush which ended by then had covered, and of the rest
 * that had begun any sectors at all.
 */
static inline Memlog *memlog_cut(const Memlog *start, const Memlog *m, uint64_t t, GRand *rand)
{
    Memlog *d = memlog_copy(start);
    uint64_t covered = 0;
    int mode = g_rand_int_range(rand, 0, 4); /* nothing, all, half, whole writes only */

    for (guint i = 0; i < m->ops->len; i++) {
        const LogOp *op = g_ptr_array_index(m->ops, i);

        if (op->kind == LOG_FLUSH && op->end && op->end <= t)
            covered = MAX(covered, op->begin);
    }
    for (guint i = 0; i < m->ops->len; i++) {
        const LogOp *op = g_ptr_array_index(m->ops, i);
        bool durable = op->end && (op->end < covered || (op->fua && op->end <= t));
        bool whole = g_rand_boolean(rand);

        if (op->begin > t || op->kind == LOG_FLUSH)
            continue;
        if (durable || mode == 1 || (mode == 3 && whole)) {
            memlog_apply(d, op);
            continue;
        }
        if (mode == 0 || mode == 3 || op->kind == LOG_LENGTH)
            continue;
        for (uint64_t s = 0; s < op->len; s += 512 - (op->pos + s) % 512) {
            LogOp part = *op;

            part.pos += s;
            part.len = MIN(512 - part.pos % 512, op->len - s);
            part.data = op->data ? op->data + s : NULL;
            if (g_rand_boolean(rand))
                memlog_apply(d, &part);
        }
    }
    return d;
}

/* check without repair; the result's lines are the caller's */
static inline int memlog_check_co(Memlog *m, CheckResult *r)
{
    BlockNode *node = memlog_qcow2_co(m, NODE_CHECK, NULL, NULL, NULL);
    int ret;

    if (!node)
        return -EINVAL;
    ret = node->drv->check_co(node, 0, r);
    node_unref_co(node);
    return ret;
}

static inline void print_check(const CheckResult *r)
{
    for (guint i = 0; r->lines && i < r->lines->len && i < 20; i++)
        g_printerr("# %s\n", (char *)g_ptr_array_index(r->lines, i));
}

static inline uint64_t test_seed(void)
{
    const char *s = g_getenv("SEED");
    uint64_t seed = s ? g_ascii_strtoull(s, NULL, 0) : (uint64_t)g_get_real_time();

    g_test_message("SEED=%" G_GUINT64_FORMAT, seed);
    return seed;
}

static inline int test_scale(int n, int more)
{
    return g_getenv("LONG") ? n * more : n;
}

#endif
