/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lengths and names against binutils: slices of this machine's own programs and random bytes go
 * through objdump as raw images, in 64-, 32- and 16-bit mode, and every line must agree.
 */
#include <glib.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#include "accel/soft/env.h"
#include "accel/soft/rows.h"

typedef struct Image {
    const char *file; /* NULL: random bytes; "vex": those, with C4 in front */
    const char *machine;
    uint32_t hflags;
} Image;

enum { SLICE = 96 * 1024, SKIP_HEAD = 4096 };

static const char vex[] = "vex";

/* Slots of 16 bytes: C4 and a legal map, random bytes, NOPs to get back in step. */
static void vex_slots(uint8_t *p, unsigned n, GRand *r)
{
    for (unsigned i = 0; i < n; i += 16) {
        p[i] = 0xc4;
        p[i + 1] = (p[i + 1] & 0xe0) | (1 + g_rand_int_range(r, 0, 3));
        memset(p + i + 11, 0x90, 5);
    }
}

/* The text of a program stands behind its headers; data among it disassembles as well. */
static char *image_bytes(const Image *im, size_t *n)
{
    g_autofree char *all = NULL;
    gsize len = 0;
    if (!im->file || im->file == vex) {
        GRand *r = g_rand_new_with_seed(7);
        guint32 *p = g_malloc(SLICE);
        for (int i = 0; i < SLICE / 4; i++) {
            p[i] = g_rand_int(r);
        }
        if (im->file) {
            vex_slots((uint8_t *)p, SLICE, r);
        }
        g_rand_free(r);
        *n = SLICE;
        return (char *)p;
    }
    if (!g_file_get_contents(im->file, &all, &len, NULL) || len / 4 + SKIP_HEAD + SLICE > len) {
        return NULL;
    }
    *n = SLICE;
    return memcpy(g_malloc(SLICE), all + (len / 4 & ~4095ul) + SKIP_HEAD, SLICE);
}

/* binutils' word for the same instruction: size letters, older and newer names */
static const char *const same[][2] = {
    { "movabs", "mov" }, { "sal", "shl" },      { "fwait", "wait" },
    { "xlatb", "xlat" }, { "callf", "call" },   { "jmpf", "jmp" },
    { "bndldx", "nop" }, { "bndstx", "nop" },   { "bndmk", "nop" },
    { "bndcl", "nop" },  { "bndcu", "nop" },    { "bndcn", "nop" },
    { "bndmov", "nop" }, { "cldemote", "nop" }, { "prefetchwt1", "prefetch" },
};

static const char *name_same(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(same); i++) {
        if (!strcmp(name, same[i][0])) {
            return same[i][1];
        }
    }
    return name;
}

/* Prefixes that objdump prints as words of their own. */
static bool is_prefix_word(const char *w)
{
    static const char *const words[] = { "rep",     "repz",     "repnz",    "lock", "data16",
                                         "data32",  "addr32",   "addr16",   "cs",   "ds",
                                         "es",      "ss",       "fs",       "gs",   "bnd",
                                         "notrack", "xacquire", "xrelease", "{vex}" };
    for (unsigned i = 0; i < G_N_ELEMENTS(words); i++) {
        if (!strcmp(w, words[i])) {
            return true;
        }
    }
    return g_str_has_prefix(w, "rex");
}

static char *mnemonic(const char *text)
{
    g_auto(GStrv) word = g_strsplit_set(text, " \t", -1);
    unsigned i = 0;
    while (word[i] && (!*word[i] || is_prefix_word(word[i]))) {
        i++;
    }
    char *end = word[i] ? strchr(word[i], '(') : NULL; /* fneni(8087 only) */
    if (end && end > word[i]) {
        *end = 0;
    }
    return g_strdup(word[i] ? name_same(word[i]) : "");
}

/* binutils may add a letter for the operand size. */
static bool name_fits(const char *theirs, const char *mine)
{
    size_t n = strlen(mine);
    /* cmpltps is cmpps with its predicate in the name */
    if (g_str_has_prefix(mine, "cmp") && n > 4 && g_str_has_prefix(theirs, "cmp") &&
        g_str_has_suffix(theirs, mine + 3)) {
        return true;
    }
    if (g_str_has_prefix(mine, "vcmp") && g_str_has_prefix(theirs, "vcmp") &&
        g_str_has_suffix(theirs, mine + 4)) {
        return true;
    }
    /* pclmullqlqdq and its kin */
    if (g_str_has_suffix(mine, "pclmulqdq")) {
        return strstr(theirs, "pclmul") && g_str_has_suffix(theirs, "qdq");
    }
    /* 66 90 */
    if (!strcmp(mine, "nop") && !strcmp(theirs, "xchg")) {
        return true;
    }
    return !strcmp(theirs, mine) ||
           (!strncmp(theirs, mine, n) && strchr("bwdlq", theirs[n]) && theirs[n] && !theirs[n + 1]);
}

/* What we do not know at all decodes to "(bad)": counted, not compared (AVX-512 and the like). */
typedef struct Tally {
    unsigned lines, unknown, length, name;
    GHashTable *missing;
} Tally;

static void line_check(Tally *t, const Image *im, const uint8_t *p, unsigned n, unsigned at,
                       unsigned len, const char *text)
{
    char buf[128];
    unsigned ours = insn_print(im->hflags, p + at, MIN(n - at, 15u), at, buf, sizeof(buf));
    g_autofree char *theirs = mnemonic(text), *mine = mnemonic(buf);

    t->lines++;
    if (!strcmp(buf, "(bad)") || !ours) {
        t->unknown++;
        if (strcmp(theirs, "(bad)") && *theirs) {
            g_hash_table_add(t->missing, g_strdup(theirs));
        }
        return;
    }
    if (strstr(text, "(bad)") || !*theirs || strchr(theirs, '.') || p[at] == 0x9b) {
        return; /* 9B: binutils takes WAIT and what follows as one */
    }
    if (ours != len) {
        if (t->length++ < 20) {
            g_test_message("%x: length %u, objdump %u: %s / %s (%02x %02x %02x)", at, ours, len,
                           buf, text, p[at], p[at + 1], p[at + 2]);
        }
    } else if (!name_fits(theirs, mine)) {
        if (t->name++ < 40) {
            g_test_message("%x: '%s', objdump '%s' (%02x %02x %02x)", at, buf, text, p[at],
                           p[at + 1], p[at + 2]);
        }
    }
}

/* "   1a2b:<TAB>48 89 e5 <TAB>mov    rbp,rsp" */
static void lines_check(Tally *t, const Image *im, const uint8_t *p, unsigned n, char *out)
{
    g_auto(GStrv) line = g_strsplit(out, "\n", -1);
    for (unsigned i = 0; line[i]; i++) {
        g_auto(GStrv) col = g_strsplit(line[i], "\t", 3);
        if (g_strv_length(col) == 3) {
            unsigned at = strtoul(col[0], NULL, 16), len = 0;
            g_auto(GStrv) byte = g_strsplit(col[1], " ", -1);
            for (unsigned k = 0; byte[k]; k++) {
                len += *byte[k] != 0;
            }
            line_check(t, im, p, n, at, len, col[2]);
        }
    }
}

static char *objdump(const Image *im, const char *bytes, size_t n)
{
    g_autofree char *dir = g_dir_make_tmp("decode-XXXXXX", NULL);
    g_autofree char *file = g_build_filename(dir, "image", NULL);
    char *argv[] = { "objdump", "-D", "-w",   "-z", "--insn-width=16",   "-b",
                     "binary",  "-m", "i386", "-M", (char *)im->machine, file,
                     NULL };
    char *out = NULL;

    g_file_set_contents(file, bytes, n, NULL);
    g_spawn_sync(NULL, argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL,
                 &out, NULL, NULL, NULL);
    g_remove(file);
    g_rmdir(dir);
    return out;
}

static void test_image(gconstpointer arg)
{
    const Image *im = arg;
    size_t n = 0;
    g_autofree char *bytes = image_bytes(im, &n), *tool = g_find_program_in_path("objdump");
    Tally t = { .missing = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL) };

    if (!tool || !bytes) {
        g_test_skip(tool ? "the program is not on this machine" : "binutils is not installed");
        return;
    }
    g_autofree char *out = objdump(im, bytes, n);
    lines_check(&t, im, (uint8_t *)bytes, n, out);
    g_autofree char **names = (char **)g_hash_table_get_keys_as_array(t.missing, NULL);
    g_autofree char *missing = g_strjoinv(" ", names);
    g_test_message("%u lines, %u unknown to us, %u lengths and %u names differ", t.lines, t.unknown,
                   t.length, t.name);
    if (g_getenv("VERBOSE")) {
        g_test_message("not decoded: %s", missing);
    }
    g_assert_cmpuint(t.lines, >, 1000);
    g_assert_cmpuint(t.length, ==, 0);
    g_assert_cmpuint(t.name, ==, 0);
    g_hash_table_unref(t.missing);
}

/* ---- encodings that decide themselves ---- */
static unsigned length_of(uint32_t hflags, const char *bytes, unsigned n, bool *bad)
{
    DecodeCtx ctx = { NULL, hflags | H_PE | H_OSFXSR };
    Insn in;
    unsigned len = insn_decode(&ctx, (const uint8_t *)bytes, n, 0, &in);
    *bad = len && in.fn == insn_ud;
    return len;
}

static void test_edges(void)
{
    bool bad;
    char many[20];
    memset(many, 0x66, sizeof(many));
    g_assert_cmpuint(length_of(H_CS64, "\x48", 1, &bad), ==, 0);
    g_assert_cmpuint(length_of(H_CS64, "\x48\x8b", 2, &bad), ==, 0);
    g_assert_cmpuint(length_of(H_CS64, many, 15, &bad), ==, 15);
    length_of(H_CS64, "\x06", 1, &bad);
    g_assert_true(bad); /* push es */
    length_of(H_CS32, "\x06", 1, &bad);
    g_assert_false(bad);
    length_of(H_CS64, "\xf0\x01\xc0", 3, &bad);
    g_assert_true(bad); /* LOCK without memory */
    length_of(H_CS64, "\xf0\x01\x00", 3, &bad);
    g_assert_false(bad);
    length_of(H_CS64, "\x8d\xc0", 2, &bad);
    g_assert_true(bad); /* LEA of a register */
    length_of(H_CS64, "\x8f\xc8", 2, &bad);
    g_assert_true(bad);                                              /* unassigned /reg */
    g_assert_cmpuint(length_of(H_CS32, "\xc5\x00", 2, &bad), ==, 2); /* lds, not VEX */
    g_assert_cmpuint(length_of(0, "\xe8\x00\x00", 3, &bad), ==, 3);
    g_assert_cmpuint(length_of(H_CS64, "\x66\x48\xb8\1\2\3\4\5\6\7\10", 11, &bad), ==, 11);
}

/* Every row has a handler for some form: a hole would be #UD at run time. */
static void row_has_handlers(const Row *r, void *arg)
{
    bool any = false;
    g_assert_nonnull(r->fam);
    for (int f = 0; f < FORMS; f++) {
        for (int c = 0; c < 4; c++) {
            any |= r->fam->fn[f][c] != NULL;
        }
    }
    if (!any) {
        g_error("row %s has no handler", r->name);
    }
    ++*(unsigned *)arg;
}

static void test_rows(void)
{
    unsigned n = 0;
    rows_each(row_has_handlers, &n);
    g_assert_cmpuint(n, >, 400);
}

static const Image images[] = {
    { "/bin/busybox", "x86-64,intel,intel64", H_CS64 },
    { "/usr/bin/bash", "x86-64,intel,intel64", H_CS64 },
    { "/lib/x86_64-linux-gnu/libc.so.6", "x86-64,intel,intel64", H_CS64 },
    { "/usr/lib/x86_64-linux-gnu/libdav1d.so.6", "x86-64,intel,intel64", H_CS64 },
    { vex, "x86-64,intel,intel64", H_CS64 },
    { vex, "i386,intel", H_CS32 },
    { NULL, "x86-64,intel,intel64", H_CS64 },
    { NULL, "i386,intel", H_CS32 },
    { NULL, "i8086,intel", 0 },
    { "/usr/share/seabios/bios-256k.bin", "i8086,intel", 0 },
    { "/usr/share/seabios/bios-256k.bin", "i386,intel", H_CS32 },
};

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cpu/decode/edges", test_edges);
    g_test_add_func("/cpu/decode/rows", test_rows);
    for (unsigned i = 0; i < G_N_ELEMENTS(images); i++) {
        g_autofree char *path = g_strdup_printf(
            "/cpu/decode/%s-%s", images[i].file ? images[i].file : "random", images[i].machine);
        g_test_add_data_func(path, &images[i], test_image);
    }
    return g_test_run();
}
