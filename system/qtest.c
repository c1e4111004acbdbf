/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The qtest protocol. One line a command, numbers in any C notation, one line an answer, in order:
 *
 *   inb|inw|inl PORT, outb|outw|outl PORT VALUE           OK 0x0012
 *   readb|w|l|q ADDR, writeb|w|l|q ADDR VALUE             OK 0x0000000000000012
 *   read ADDR LEN, write ADDR LEN 0xHEX, memset ADDR LEN BYTE
 *   b64read ADDR LEN, b64write ADDR LEN BASE64
 *   clock_step [NS], clock_set NS                         OK NOW
 *   irq_intercept_in|irq_intercept_out PATH [PIN]         then, whenever one changes: IRQ raise N
 *   set_irq_in PATH PIN N LEVEL, endianness
 *
 * What is not understood is answered FAIL and a reason. Everything runs on main, locked, and acts
 * as the processor would: by the machine's memory and I/O spaces.
 */
#include "system/qtest.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "chardev/chardev.h"
#include "core/clock.h"
#include "core/device.h"
#include "core/memory.h"
#include "core/vcpu.h"

enum { MAX_LINES = 256, MAX_WORDS = 6, MAX_BYTES = 16 << 20 };

typedef struct Tap {
    IrqLine line; /* what the source drives now: calls us */
    IrqLine real; /* where it went before; set NULL: nowhere */
} Tap;

struct Qtest {
    Vm *vm;
    CharFront front;
    GString *in, *out; /* out: what the chardev did not take yet */
    FILE *log;
    bool own_log;
    int64_t start;
    Device *tapped;
    Tap tap[MAX_LINES];
    uint8_t level[MAX_LINES];
};

/* ---- output ---- */

static void log_line(Qtest *q, char way, const char *text)
{
    double t = (clock_now(q->vm, CLOCK_REAL) - q->start) / 1e9;

    if (q->log)
        fprintf(q->log, "[%c +%.6f] %s", way, t, text);
}

static void flush_out(void *o)
{
    Qtest *q = o;
    size_t n = char_write(&q->front, q->out->str, q->out->len);

    g_string_erase(q->out, 0, n);
}

static void G_GNUC_PRINTF(2, 3) say(Qtest *q, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    log_line(q, 'S', text);
    g_string_append(q->out, text);
    flush_out(q);
}

static void ok(Qtest *q)
{
    say(q, "OK\n");
}

/* ---- interrupt lines ---- */

static void tapped(void *o, int n, int level)
{
    Qtest *q = o;

    irq_set(&q->tap[n].real, level);
    if (q->level[n] != !!level) {
        q->level[n] = !!level;
        say(q, "IRQ %s %d\n", level ? "raise" : "lower", n);
    }
}

static const Pin *find_pin(const Device *d, const char *name, bool out)
{
    for (const Pin *p = d->type->pins; p && p->name; p++)
        if (p->out == out && !strcmp(p->name, name))
            return p;
    return NULL;
}

/* An input's IrqLine is what sources point to: it is replaced in place. An output is a pointer. */
static void tap_pin(Qtest *q, Device *d, const Pin *p)
{
    for (uint32_t i = 0; i < p->count && i < MAX_LINES; i++) {
        Tap *t = &q->tap[i];
        void *at = (char *)d + p->off;
        t->line = (IrqLine){ tapped, q, i };
        if (p->out) {
            const IrqLine **line = (const IrqLine **)at + i;
            t->real = *line ? **line : (IrqLine){ 0 };
            *line = &t->line;
        } else {
            IrqLine *line = (IrqLine *)at + i;
            t->real = *line;
            *line = t->line;
        }
    }
    q->tapped = d;
}

static void do_intercept(Qtest *q, char **w, unsigned n, bool out)
{
    Device *d = n > 1 ? device_by_path(q->vm, w[1]) : NULL;
    const Pin *p = d ? find_pin(d, n > 2 ? w[2] : "", out) : NULL;

    if (!d) {
        say(q, "FAIL Unknown device\n");
    } else if (q->tapped == d) {
        ok(q);
    } else if (q->tapped) {
        say(q, "FAIL IRQ intercept already enabled\n");
    } else if (!p) {
        say(q, "FAIL no such lines\n");
    } else {
        tap_pin(q, d, p);
        ok(q);
    }
}

/* ---- words ---- */

static bool number(const char *word, uint64_t *v)
{
    char *end;

    *v = g_ascii_strtoull(word, &end, 0);
    return end != word && !*end;
}

/* The n words behind the command are numbers. */
static bool numbers(Qtest *q, char **w, unsigned have, unsigned n, uint64_t *v)
{
    bool good = have > n;

    for (unsigned i = 0; good && i < n; i++)
        good = number(w[i + 1], &v[i]);
    if (!good)
        say(q, "FAIL %s needs %u number%s\n", w[0], n, n == 1 ? "" : "s");
    return good;
}

static unsigned size_of(char letter)
{
    switch (letter) {
    case 'b': return 1;
    case 'w': return 2;
    case 'l': return 4;
    case 'q': return 8;
    }
    return 0;
}

static void access_one(Qtest *q, char **w, unsigned n, unsigned size, bool io, bool write)
{
    Space *s = io ? q->vm->io : q->vm->mem;
    uint64_t v[2] = { 0 };

    if (!numbers(q, w, n, write ? 2 : 1, v))
        return;
    uint64_t r = space_io(s, v[0], v[1], size, write);
    if (write)
        ok(q);
    else if (io)
        say(q, "OK 0x%04" G_GINT64_MODIFIER "x\n", r);
    else
        say(q, "OK 0x%016" G_GINT64_MODIFIER "x\n", r);
}

/* inb outw readl writeq: true when w[0] was one of them */
static bool do_access(Qtest *q, char **w, unsigned n)
{
    static const char *const verbs[] = { "in", "out", "read", "write" };

    for (unsigned i = 0; i < G_N_ELEMENTS(verbs); i++) {
        size_t len = strlen(verbs[i]);
        unsigned size = strncmp(w[0], verbs[i], len) ? 0 : size_of(w[0][len]);
        if (!size || w[0][len + 1] || (i < 2 && size == 8))
            continue;
        access_one(q, w, n, size, i < 2, i & 1);
        return true;
    }
    return false;
}

/* ---- memory ---- */

static uint8_t *room_for(Qtest *q, uint64_t n)
{
    if (n && n <= MAX_BYTES)
        return g_malloc0(n);
    say(q, "FAIL the length must be 1 to %d\n", MAX_BYTES);
    return NULL;
}

static void do_read(Qtest *q, char **w, unsigned n, bool base64)
{
    uint64_t v[2];

    if (!numbers(q, w, n, 2, v))
        return;
    g_autofree uint8_t *p = room_for(q, v[1]);
    if (!p)
        return;
    space_rw(q->vm->mem, v[0], p, v[1], false);
    if (base64) {
        g_autofree char *text = g_base64_encode(p, v[1]);
        say(q, "OK %s\n", text);
        return;
    }
    g_autoptr(GString) text = g_string_sized_new(2 * v[1]);
    for (uint64_t i = 0; i < v[1]; i++)
        g_string_append_printf(text, "%02x", p[i]);
    say(q, "OK 0x%s\n", text->str);
}

/* Missing digits are zeros, those too many are ignored. */
static void from_hex(const char *text, uint8_t *p, uint64_t n)
{
    if (g_str_has_prefix(text, "0x"))
        text += 2;
    for (uint64_t i = 0; i < n && g_ascii_isxdigit(text[0]) && g_ascii_isxdigit(text[1]); i++) {
        p[i] = g_ascii_xdigit_value(text[0]) << 4 | g_ascii_xdigit_value(text[1]);
        text += 2;
    }
}

static void from_base64(const char *text, uint8_t *p, uint64_t n)
{
    size_t len;
    g_autofree uint8_t *bytes = g_base64_decode(text, &len);

    memcpy(p, bytes, MIN(len, n));
}

static void do_write(Qtest *q, char **w, unsigned n, bool base64)
{
    uint64_t v[2];

    if (!numbers(q, w, n, 2, v))
        return;
    if (n < 4) {
        say(q, "FAIL %s needs the bytes\n", w[0]);
        return;
    }
    g_autofree uint8_t *p = room_for(q, v[1]);
    if (!p)
        return;
    if (base64)
        from_base64(w[3], p, v[1]);
    else
        from_hex(w[3], p, v[1]);
    space_rw(q->vm->mem, v[0], p, v[1], true);
    ok(q);
}

static void do_memset(Qtest *q, char **w, unsigned n)
{
    uint64_t v[3];

    if (!numbers(q, w, n, 3, v))
        return;
    g_autofree uint8_t *p = v[1] ? room_for(q, v[1]) : NULL;
    if (p) {
        memset(p, v[2], v[1]);
        space_rw(q->vm->mem, v[0], p, v[1], true);
    }
    if (p || !v[1])
        ok(q);
}

/* ---- clock, lines, the rest ---- */

static void do_clock(Qtest *q, char **w, unsigned n, bool set)
{
    int64_t now = clock_now(q->vm, CLOCK_VIRTUAL);
    uint64_t v = 0;

    if (!vm_accel(q->vm) || !vm_accel(q->vm)->stepped) {
        say(q, "FAIL the clock runs by itself: -accel qtest\n");
        return;
    }
    if (n < 2 && !set)
        v = clock_next(q->vm) == INT64_MAX ? 0 : MAX(clock_next(q->vm) - now, 0);
    else if (!numbers(q, w, n, 1, &v))
        return;
    clock_step(q->vm, set ? (int64_t)v : now + (int64_t)v);
    say(q, "OK %" G_GINT64_FORMAT "\n", clock_now(q->vm, CLOCK_VIRTUAL));
}

static void do_set_irq(Qtest *q, char **w, unsigned n)
{
    Device *d = n == 5 ? device_by_path(q->vm, w[1]) : NULL;
    const char *name = n == 5 && strcmp(w[2], "unnamed-gpio-in") ? w[2] : "";
    const Pin *p = d ? find_pin(d, name, false) : NULL;
    uint64_t line, level;

    if (!p || !number(w[3], &line) || !number(w[4], &level) || line >= p->count) {
        say(q, "FAIL no such line\n");
        return;
    }
    irq_set(pin(d, name, line), level != 0);
    ok(q);
}

static void command(Qtest *q, char **w, unsigned n)
{
    const char *c = w[0];

    if (do_access(q, w, n))
        return;
    if (!strcmp(c, "read") || !strcmp(c, "b64read"))
        do_read(q, w, n, *c == 'b');
    else if (!strcmp(c, "write") || !strcmp(c, "b64write"))
        do_write(q, w, n, *c == 'b');
    else if (!strcmp(c, "memset"))
        do_memset(q, w, n);
    else if (!strcmp(c, "clock_step") || !strcmp(c, "clock_set"))
        do_clock(q, w, n, !strcmp(c, "clock_set"));
    else if (!strcmp(c, "irq_intercept_in") || !strcmp(c, "irq_intercept_out"))
        do_intercept(q, w, n, !strcmp(c, "irq_intercept_out"));
    else if (!strcmp(c, "set_irq_in"))
        do_set_irq(q, w, n);
    else if (!strcmp(c, "endianness"))
        say(q, "OK little\n");
    else
        say(q, "FAIL Unknown command '%s'\n", c);
}

/* ---- input ---- */

static void line(Qtest *q, char *text)
{
    char *w[MAX_WORDS] = { NULL }, *save;
    unsigned n = 0;

    log_line(q, 'R', text);
    if (q->log)
        fputc('\n', q->log);
    for (char *word = strtok_r(text, " \t\r", &save); word && n < MAX_WORDS;
         word = strtok_r(NULL, " \t\r", &save))
        w[n++] = word;
    if (n)
        command(q, w, n);
}

static size_t receive(void *o, const uint8_t *p, size_t n)
{
    Qtest *q = o;
    char *end;

    g_string_append_len(q->in, (const char *)p, n);
    while ((end = memchr(q->in->str, '\n', q->in->len))) {
        g_autofree char *text = g_strndup(q->in->str, end - q->in->str);
        g_string_erase(q->in, 0, end - q->in->str + 1);
        line(q, text);
    }
    if (q->in->len > 4 * MAX_BYTES) {
        g_string_truncate(q->in, 0);
        say(q, "FAIL the line is too long\n");
    }
    return n;
}

static void event(void *o, CharEvent e)
{
    Qtest *q = o;

    if (e == CHR_OPENED) {
        memset(q->level, 0, sizeof(q->level));
        g_string_truncate(q->in, 0);
        g_string_truncate(q->out, 0);
        log_line(q, 'I', "OPENED\n");
    } else if (e == CHR_CLOSED) {
        log_line(q, 'I', "CLOSED\n");
    }
}

static const CharFrontOps front_ops = { .receive = receive, .writable = flush_out, .event = event };

static bool open_log(Qtest *q, const char *log, GError **err)
{
    if (!log)
        q->log = stderr;
    else if (strcmp(log, "none") && !(q->log = fopen(log, "w"))) {
        return user_fail(err, "-qtest-log %s: cannot write it", log);
    }
    q->own_log = log && q->log;
    if (q->own_log)
        setvbuf(q->log, NULL, _IOLBF, 0);
    return true;
}

Qtest *qtest_new(Vm *vm, const char *chardev, const char *log, GError **err)
{
    Chardev *chr = chardev_new_legacy(vm, "qtest", chardev, err);

    if (!chr)
        return NULL;
    Qtest *q = g_new0(Qtest, 1);
    q->vm = vm;
    q->start = clock_now(vm, CLOCK_REAL);
    q->in = g_string_new(NULL);
    q->out = g_string_new(NULL);
    q->front.chr = chr;
    if (open_log(q, log, err) && char_attach(&q->front, &front_ops, q, err))
        return q;
    q->front.chr = NULL;
    qtest_free(q);
    return NULL;
}

void qtest_free(Qtest *q)
{
    if (!q)
        return;
    if (q->front.chr)
        char_detach(&q->front);
    if (q->own_log)
        fclose(q->log);
    g_string_free(q->in, true);
    g_string_free(q->out, true);
    g_free(q);
}
