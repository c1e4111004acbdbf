/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A qcow2 file of any bytes: opened for reading and writing, read, written, checked and repaired.
 * Random inputs get a header that looks right, or nothing but its first test would ever run.
 */
#include "tests/block/memlog.h"
#include "tests/fuzz/fuzz.h"

enum { HEADER = 104, MOST = 1 << 20 };

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    return 0;
}

static void put_be(Memlog *m, uint64_t at, unsigned n, uint64_t val)
{
    for (unsigned i = 0; i < n; i++)
        m->bytes[at + i] = val >> 8 * (n - 1 - i);
}

/* One of few plausible values a field, chosen by the input's own bytes. */
static void mend_header(Memlog *m)
{
    static const uint8_t bits[] = { 9, 12, 16, 21 };
    unsigned cluster = bits[m->bytes[23] & 3];
    put_be(m, 0, 4, 0x514649fb);
    put_be(m, 4, 4, 2 + (m->bytes[7] & 1));
    put_be(m, 8, 8, 0);
    put_be(m, 20, 4, cluster);
    put_be(m, 24, 8, 1 + (m->bytes[30] << 10));
    put_be(m, 32, 4, 0);
    put_be(m, 36, 4, 1 + (m->bytes[39] & 63));
    put_be(m, 40, 8, (uint64_t)(1 + (m->bytes[47] & 7)) << cluster);
    put_be(m, 48, 8, (uint64_t)(1 + (m->bytes[55] & 7)) << cluster);
    put_be(m, 56, 4, 1 + (m->bytes[59] & 1));
    put_be(m, 60, 4, m->bytes[63] & 3);
    put_be(m, 72, 8, m->bytes[79] & 1);
    put_be(m, 96, 4, m->bytes[99] % 7);
    put_be(m, 100, 4, HEADER);
}

static void use_co(BlockNode *node)
{
    uint8_t buf[5000] = { 1, 2, 3 };
    int64_t end = node_length(node);
    for (int64_t off = 0; off < MIN(end, 1 << 18); off += 4096)
        node_read_co(node, off, buf, MIN(4096, end - off));
    if (end >= 20000) {
        node_write_co(node, 3000, buf, sizeof(buf));
        node_zero_co(node, 9000, 6000, true, false);
        node_discard_co(node, 4096, 4096);
    }
    node_flush_co(node);
}

static int run_co(void *o)
{
    Memlog *m = o;
    CheckResult r = { 0 };
    BlockNode *node = memlog_qcow2_co(m, NODE_RDWR | NODE_UNMAP, NULL, NULL, NULL);
    if (node)
        use_co(node);
    node_unref_co(node);
    node = memlog_qcow2_co(m, NODE_RDWR | NODE_CHECK, NULL, NULL, NULL);
    if (node)
        node->drv->check_co(node, 3, &r);
    node_unref_co(node);
    check_result_clear(&r);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    Memlog *m = memlog_new();
    bool mend = n > HEADER && (data[0] & 1);
    memlog_reach(m, MIN(n, MOST));
    memcpy(m->bytes, data, MIN(n, MOST));
    m->len = MIN(n, MOST);
    if (mend)
        mend_header(m);
    co_sync(NULL, run_co, m);
    memlog_free(m);
    return 0;
}

FUZZ_MAIN("qcow2", 400, 40000)
