/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What tests/bench/cpu runs inside the guests: one static program, one line a kernel, "name ns-per-unit".
 * Each kernel repeats for about 0.3 s of the guest's clock and reports the best of three.
 */
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile uint64_t sink;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

/* ---- kernels: each does n units ---- */
static void alu(uint64_t n)
{
    uint64_t a = 1, b = 3;
    while (n--) {
        a = a * 5 + b;
        b ^= a >> 7;
    }
    sink = a + b;
}

static uint32_t rol(uint32_t x, int n)
{
    return x << n | x >> (32 - n);
}

static void sha(uint64_t n) /* SHA-1 rounds over a block, per 64 bytes */
{
    uint32_t w[80], h[5] = { 1, 2, 3, 4, 5 };
    while (n--) {
        for (int i = 0; i < 16; i++)
            w[i] = h[i % 5] * i;
        for (int i = 16; i < 80; i++)
            w[i] = rol(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
        uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
        for (int i = 0; i < 80; i++) {
            uint32_t t = rol(a, 5) + ((b & c) | (~b & d)) + e + w[i] + 0x5a827999;
            e = d;
            d = c;
            c = rol(b, 30);
            b = a;
            a = t;
        }
        h[0] += a;
        h[1] += b;
        h[2] += c;
        h[3] += d;
        h[4] += e;
    }
    sink = h[0];
}

static unsigned __attribute__((noinline)) fib_(unsigned n)
{
    return n < 2 ? n : fib_(n - 1) + fib_(n - 2);
}
static void fib(uint64_t n)
{
    while (n--)
        sink = fib_(18);
}

static int compare(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}
static void sort(uint64_t n)
{
    static int v[2000];
    while (n--) {
        unsigned x = 1;
        for (int i = 0; i < 2000; i++)
            v[i] = (x = x * 1103515245 + 12345) >> 8;
        qsort(v, 2000, sizeof(int), compare);
    }
}

static uint64_t op0(uint64_t x) { return x + 1; }
static uint64_t op1(uint64_t x) { return x ^ 0x55; }
static uint64_t op2(uint64_t x) { return x * 3; }
static uint64_t op3(uint64_t x) { return x >> 1; }
static void indirect(uint64_t n)
{
    static uint64_t (*const op[4])(uint64_t) = { op0, op1, op2, op3 };
    uint64_t x = 1;
    while (n--)
        x = op[x & 3](x);
    sink = x;
}

static void chase(uint64_t n)
{
    static uint32_t next[16384];
    if (!next[0])
        for (int i = 0; i < 16384; i++)
            next[i] = (i + 4099) & 16383;
    uint32_t i = 0;
    while (n--)
        i = next[i];
    sink = i;
}

static void copy(uint64_t n) /* 64 KiB by libc */
{
    static char a[65536], b[65536];
    while (n--)
        memcpy(a, b, sizeof(a));
    sink = a[5];
}

static void text(uint64_t n)
{
    static char s[4001];
    memset(s, 'x', 4000);
    while (n--) {
        sink = strlen(s);
        __asm__ volatile("" ::: "memory");
    }
}

static void matmul(uint64_t n) /* double, SSE2 */
{
    static double a[32][32], b[32][32], c[32][32];
    for (int i = 0; i < 32; i++)
        for (int k = 0; k < 32; k++)
            a[i][k] = b[k][i] = i + k * 0.5;
    while (n--)
        for (int i = 0; i < 32; i++)
            for (int k = 0; k < 32; k++)
                for (int j = 0; j < 32; j++)
                    c[i][j] += a[i][k] * b[k][j];
    sink = c[3][4];
}

static void x87(uint64_t n)
{
    long double x = 1, y = 0.5L;
    while (n--) {
        x = x * 1.0000001L + y;
        y = y / 1.0000001L;
    }
    sink = (uint64_t)x;
}

static void getppid_(uint64_t n)
{
    while (n--)
        sink = syscall(SYS_getppid);
}

static void fault(uint64_t n) /* pages touched and given back, 16 at a time */
{
    while (n--) {
        char *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        for (int i = 0; i < 16; i++)
            p[i * 4096] = 1;
        munmap(p, 65536);
    }
}

static void fork_(uint64_t n)
{
    while (n--) {
        pid_t p = fork();
        if (!p)
            _exit(0);
        waitpid(p, NULL, 0);
    }
}

static void pipe_(uint64_t n) /* round trips between two processes */
{
    int a[2], b[2];
    char c = 0;
    if (pipe(a) || pipe(b))
        return;
    pid_t p = fork();
    if (!p) {
        while (read(a[0], &c, 1) == 1 && c != 'q')
            if (write(b[1], &c, 1) != 1)
                break;
        _exit(0);
    }
    while (n--)
        if (write(a[1], &c, 1) != 1 || read(b[0], &c, 1) != 1)
            break;
    c = 'q';
    if (write(a[1], &c, 1) == 1)
        waitpid(p, NULL, 0);
    close(a[0]), close(a[1]), close(b[0]), close(b[1]);
}

static const struct {
    const char *name;
    void (*run)(uint64_t n);
    double units; /* of the name's unit in one n */
} kernels[] = {
    { "alu-iteration", alu, 1 },       { "sha1-block", sha, 1 },
    { "fib18", fib, 1 },               { "qsort-element", sort, 2000 },
    { "indirect-call", indirect, 1 },  { "pointer-chase", chase, 1 },
    { "memcpy-KiB", copy, 64 },        { "strlen-4000", text, 1 },
    { "matmul-FMA", matmul, 32768 },   { "x87-iteration", x87, 1 },
    { "getppid", getppid_, 1 },        { "page-fault", fault, 16 },
    { "fork", fork_, 1 },              { "pipe-round-trip", pipe_, 1 },
};

int main(void)
{
    for (unsigned i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++) {
        double best = 0;
        uint64_t n = 1;
        for (int good = 0; good < 3;) {
            double t = now();
            kernels[i].run(n);
            t = now() - t;
            if (t < 1e8) {
                n = t < 1e6 ? n * 8 : (uint64_t)(n * 1.5e8 / t) + 1;
                continue;
            }
            double unit = t / (n * kernels[i].units);
            best = !good || unit < best ? unit : best;
            good++;
        }
        printf("%s %.3f\n", kernels[i].name, best);
        fflush(stdout);
    }
    return 0;
}
