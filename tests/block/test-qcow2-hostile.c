/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qcow2 images that somebody has tampered with: a table of single fields with the answer that each
 * must get, then random bytes anywhere in the tables. Nothing may crash, hang or write outside.
 */
#include "tests/block/memlog.h"

#define SIZE (1u << 20)

typedef struct Tamper {
    const char *what, *answer; /* answer: part of the message; NULL: opens */
    uint32_t off;
    uint8_t bytes;
    uint64_t value;
} Tamper;

/* clang-format off */
static const Tamper fields[] = {
    { "magic",            "not in qcow2 format",               0, 4, 0x514649fa },
    { "version 1",        "version 1",                         4, 4, 1 },
    { "version 4",        "version 4",                         4, 4, 4 },
    { "backing far",      "Invalid backing file offset",       8, 8, 1ull << 40 },
    { "backing in header","Invalid backing file offset",       8, 8, 8 },
    { "backing name long","Backing file name too long",       16, 4, 2000, },
    { "cluster 2^31",     "Unsupported cluster size: 2^31",   20, 4, 31 },
    { "cluster 2^8",      "Unsupported cluster size: 2^8",    20, 4, 8 },
    { "cluster 2^22",     "Unsupported cluster size: 2^22",   20, 4, 22 },
    { "size 2^62",        "L1 table too large",               24, 8, 1ull << 62 },
    { "size 2^64-1",      "Image is too big",                 24, 8, UINT64_MAX },
    { "encrypted AES",    "Encrypted qcow2 images",           32, 4, 1 },
    { "encryption 7",     "Unsupported encryption method 7",  32, 4, 7 },
    { "L1 size 0",        "L1 table is too small",            36, 4, 0 },
    { "L1 size 2^30",     "Active L1 table too large",        36, 4, 1u << 30 },
    { "L1 odd",           "Active L1 table offset invalid",   40, 8, 123 },
    { "L1 at 2^63",       "Active L1 table offset invalid",   40, 8, 1ull << 63 },
    { "counts odd",       "Reference count table offset",     48, 8, 123 },
    { "counts none",      "does not contain a reference",     56, 4, 0 },
    { "counts many",      "Reference count table too large",  56, 4, 1u << 30 },
    { "snapshots many",   "Snapshot table too large",         60, 4, 1u << 30 },
    { "dirty",            NULL,                               72, 8, 1 },
    { "corrupt",          "Image is corrupt",                 72, 8, 2 },
    { "data file",        "external data file",               72, 8, 4 },
    { "compression bit",  "Compression type incompatible",    72, 8, 8 },
    { "extended L2",      "L1 table is too small|extended L2",72, 8, 16 },
    { "bit 5",            "Unknown incompatible feature: 20", 72, 8, 32 },
    { "bit 63",           "feature: 8000000000000000",        72, 8, 1ull << 63 },
    { "compatible bits",  NULL,                               80, 8, UINT64_MAX },
    { "autoclear bits",   NULL,                               88, 8, ~1ull },
    { "refcount 2^7",     "width too large",                  96, 4, 7 },
    { "header 50",        "header too short",                100, 4, 50 },
    { "header 2^20",      "exceeds cluster size",            100, 4, 1u << 20 },
    { "compression 7",    "Unknown compression type 7",      104, 1, 7 },
    { "extension long",   "Header extension",                112 + 4, 4, 0x7fffffff },
};
/* clang-format on */

typedef struct Try {
    const Memlog *clean;
    const Tamper *field;
    GRand *rand;
} Try;

static void poke(Memlog *m, uint64_t off, unsigned bytes, uint64_t value)
{
    for (unsigned i = 0; i < bytes; i++)
        m->bytes[off + i] = value >> (8 * (bytes - 1 - i));
}

/* The answers are separated by '|': any of them is right. */
static bool answer_fits(const char *answer, const char *message)
{
    g_auto(GStrv) parts = g_strsplit(answer, "|", -1);

    for (int i = 0; parts[i]; i++) {
        if (strstr(message, parts[i]))
            return true;
    }
    return false;
}

static int field_co(void *o)
{
    Try *t = o;
    Memlog *m = memlog_copy(t->clean);
    GError *err = NULL;
    BlockNode *node;

    poke(m, t->field->off, t->field->bytes, t->field->value);
    if (t->field->off == 16)
        poke(m, 8, 8, 512); /* a name needs a place */
    node = memlog_qcow2_co(m, NODE_RDWR, NULL, NULL, &err);
    if (!t->field->answer) {
        g_assert_no_error(err);
        g_assert_nonnull(node);
    } else {
        g_assert_null(node);
        g_assert_nonnull(err);
        if (!answer_fits(t->field->answer, err->message))
            g_error("%s: '%s' instead of '%s'", t->field->what, err->message, t->field->answer);
        g_error_free(err);
    }
    node_unref_co(node);
    memlog_free(m);
    return 0;
}

/* ---- random bytes ---- */

static void use_co(BlockNode *node, GRand *rand)
{
    g_autofree uint8_t *buf = g_malloc0(SIZE);

    node_read_co(node, 0, buf, SIZE);
    if (!node_writable(node))
        return;
    for (int i = 0; i < 12; i++) {
        uint64_t off = g_rand_int_range(rand, 0, SIZE - 70000);
        uint64_t len = g_rand_int_range(rand, 1, 70000);

        switch (g_rand_int_range(rand, 0, 5)) {
        case 0: node_zero_co(node, off, len, true, false); break;
        case 1: node_discard_co(node, off, len); break;
        case 2: node_flush_co(node); break;
        default: node_write_co(node, off, buf, len); break;
        }
    }
    node_flush_co(node);
}

static int random_co(void *o)
{
    static const unsigned modes[] = { 0, NODE_RDWR | NODE_UNMAP, NODE_CHECK,
                                      NODE_RDWR | NODE_CHECK };
    Try *t = o;

    for (size_t i = 0; i < G_N_ELEMENTS(modes); i++) {
        Memlog *m = memlog_copy(t->clean);
        int pokes = g_rand_int_range(t->rand, 1, 9);
        CheckResult r = { 0 };
        BlockNode *node;

        while (pokes--) {
            /* an entry of a table, or a byte of the header */
            uint64_t at = g_rand_boolean(t->rand) ? g_rand_int_range(t->rand, 0, 112)
                                                  : g_rand_int_range(t->rand, 0, m->len / 8) * 8;
            uint64_t value = g_rand_boolean(t->rand)
                                 ? (uint64_t)g_rand_int_range(t->rand, 0, 64) * 4096 |
                                       (uint64_t)g_rand_int_range(t->rand, 0, 4) << 62
                                 : (uint64_t)g_rand_int(t->rand) << 32 | g_rand_int(t->rand);

            poke(m, at, at < 112 ? 1 : 8, value);
        }
        node = memlog_qcow2_co(m, modes[i], NULL, NULL, NULL);
        if (node && (modes[i] & NODE_CHECK))
            node->drv->check_co(node, modes[i] & NODE_RDWR ? 3 : 0, &r);
        else if (node)
            use_co(node, t->rand);
        node_unref_co(node);
        check_result_clear(&r);
        g_assert_cmpuint(m->len, <, 64 << 20);
        memlog_free(m);
    }
    return 0;
}

/* An image with every kind of entry. */
static int make_co(void *o)
{
    Memlog *m = o;
    g_autofree uint8_t *buf = g_malloc(SIZE);
    Qcow2Create c = { .cluster_size = 4096,
                      .compat = (char *)"1.1",
                      .size = SIZE,
                      .compression_type = (char *)"zlib",
                      .data_file_raw = AUTO,
                      .encryption = AUTO,
                      .refcount_bits = 16 };
    BlockNode *node;

    memset(buf, 0x77, SIZE);
    c.node = memlog_node_co(m, NODE_RDWR);
    g_assert_cmpint(block_driver("qcow2")->create_co(&c, NULL), ==, 0);
    node_unref_co(c.node);
    node = memlog_qcow2_co(m, NODE_RDWR, NULL, NULL, NULL);
    for (uint64_t off = 0; off < SIZE; off += 50000)
        node_write_co(node, off, buf, MIN(20000, SIZE - off));
    node_zero_co(node, 8192, 16384, false, false);
    node_unref_co(node);
    return 0;
}

static void test_fields(void)
{
    Memlog *clean = memlog_new();

    co_sync(NULL, make_co, clean);
    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
        Try t = { .clean = clean, .field = &fields[i] };

        co_sync(NULL, field_co, &t);
    }
    memlog_free(clean);
}

static void test_random(void)
{
    Memlog *clean = memlog_new();
    Try t = { .clean = clean, .rand = g_rand_new_with_seed(test_seed()) };

    co_sync(NULL, make_co, clean);
    for (int i = 0; i < test_scale(150, 100); i++)
        co_sync(NULL, random_co, &t);
    g_rand_free(t.rand);
    memlog_free(clean);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_LEVEL_ERROR);
    g_test_add_func("/qcow2/hostile/fields", test_fields);
    g_test_add_func("/qcow2/hostile/random", test_random);
    return g_test_run();
}
