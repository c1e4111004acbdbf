/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A fuzz target is a file test-NAME.c with LLVMFuzzerTestOneInput(). Built for `make check` it has
 * a main() that replays tests/fuzz/corpus/NAME and then inputs of a random generator with a fixed
 * seed. For libFuzzer, in a build of its own:
 *   ../configure --cc=clang CFLAGS="-O1 -g -fsanitize=fuzzer-no-link,address,undefined" \
 *                LDFLAGS="-fsanitize=address,undefined"
 *   make fuzz-NAME && SRC=.. UBSAN_OPTIONS=halt_on_error=1 ./fuzz-NAME CORPUS-FOLDER
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* What the input gives, zeros at its end. */
typedef struct Bytes {
    const uint8_t *p;
    size_t n;
} Bytes;

static inline uint64_t take(Bytes *b, unsigned n)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < n; i++) {
        v |= b->n ? (uint64_t)*b->p << 8 * i : 0;
        b->p += b->n ? 1 : 0;
        b->n -= b->n ? 1 : 0;
    }
    return v;
}

#ifndef FUZZING
static int replay_corpus(const char *name)
{
    g_autofree char *folder = g_strdup_printf("%s/tests/fuzz/corpus/%s", g_getenv("SRC"), name);
    GDir *dir = g_dir_open(folder, 0, NULL);
    const char *file;
    int n = 0;
    while (dir && (file = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, file, NULL);
        g_autofree char *text = NULL;
        size_t len;
        if (g_file_get_contents(path, &text, &len, NULL)) {
            LLVMFuzzerTestOneInput((uint8_t *)text, len);
            n++;
        }
    }
    if (dir)
        g_dir_close(dir);
    return n;
}

/*
 * FUZZ_INPUTS: how many random ones (or FUZZ_SECONDS: for how long); FUZZ_SEED. Each is printed
 * before it runs when FUZZ_SAY is set, so that a crash can be repeated.
 */
static int fuzz_main(const char *name, int inputs, size_t most, int argc, char **argv)
{
    const char *want = g_getenv("FUZZ_INPUTS"), *seconds = g_getenv("FUZZ_SECONDS");
    const char *seed = g_getenv("FUZZ_SEED");
    uint32_t first = seed ? strtoul(seed, NULL, 0) : 1;
    time_t end = seconds ? time(NULL) + atol(seconds) : 0;
    if (!g_getenv("SRC"))
        g_setenv("SRC", ".", true);
    LLVMFuzzerInitialize(&argc, &argv);
    printf("1..2\nok 1 - %d inputs of the corpus\n", replay_corpus(name));
    fflush(stdout);
    inputs = want ? atoi(want) : inputs;
    int done = 0;
    for (; end ? time(NULL) < end : done < inputs; done++) {
        GRand *r = g_rand_new_with_seed(first + done);
        size_t n = g_rand_int_range(r, 1, most);
        g_autofree uint8_t *data = g_malloc(n);
        for (size_t i = 0; i < n; i++)
            data[i] = g_rand_int(r);
        g_rand_free(r);
        if (g_getenv("FUZZ_SAY"))
            fprintf(stderr, "FUZZ_SEED=%u\n", first + done);
        LLVMFuzzerTestOneInput(data, n);
    }
    printf("ok 2 - %d random inputs\n", done);
    return 0;
}
#define FUZZ_MAIN(name, inputs, most)                     \
    int main(int argc, char **argv)                       \
    {                                                     \
        return fuzz_main(name, inputs, most, argc, argv); \
    }
#else
#define FUZZ_MAIN(name, inputs, most)
#endif

#endif
