/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that look into memory and ports, and at their map. */
#include "monitor/monitor-int.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "accel/soft/decode.h"
#include "accel/soft/env.h"
#include "accel/x86/state.h"
#include "core/memory.h"
#include "core/vcpu.h"

enum { DUMP_MAX = 64 * 1024 * 1024, PAGE = 4096 };

/* ---- reading what a vCPU, or the bus, sees ---- */

typedef struct MemView {
    Vm *vm;
    Vcpu *vcpu; /* NULL: physical */
    const X86State *x;
} MemView;

static bool mem_read(const MemView *m, uint64_t addr, void *buf, size_t n)
{
    uint8_t *p = buf;
    while (n) {
        size_t part = MIN(n, PAGE - addr % PAGE);
        uint64_t pa = addr;
        if (m->vcpu && !walk_linear(m->vcpu, m->x, addr, &pa))
            return false;
        if (!space_rw(m->vm->mem, pa, p, part, false))
            return false;
        addr += part;
        p += part;
        n -= part;
    }
    return true;
}

/* ---- x and xp ---- */

typedef struct DumpArgs {
    char *fmt;
    uint64_t addr;
} DumpArgs;

/* clang-format off */
static const Prop DumpArgs_rows[] = {
    PROP_STR(DumpArgs, fmt,  "fmt", NULL, "count, letter (x d u o c i), size (b h w g)"),
    NEED_INT(DumpArgs, addr, "addr",      "address; registers count: $rsp"),
    PROP_END(DumpArgs)
};
/* clang-format on */

static unsigned unit_of(const MemFormat *f)
{
    return f->letter == 'c' ? 1 : f->size;
}

static void dump_lines(Reply *r, const MemView *m, const MemFormat *f, uint64_t addr)
{
    unsigned size = unit_of(f), line = size == 1 ? 8 : 16;
    for (uint64_t left = (uint64_t)f->count * size; left;) {
        uint8_t buf[16];
        unsigned n = (unsigned)MIN(left, line);
        g_autoptr(GString) s = g_string_new(NULL);
        if (!mem_read(m, addr, buf, n)) {
            reply_printf(r, "%016" PRIx64 ": Cannot access memory\n", addr);
            return;
        }
        for (unsigned i = 0; i < n; i += size) {
            uint64_t v = 0;
            memcpy(&v, buf + i, size);
            g_string_append_c(s, ' ');
            mem_format_value(s, v, f->letter, size, true);
        }
        reply_printf(r, "%016" PRIx64 ":%s\n", addr, s->str);
        addr += n;
        left -= n;
    }
}

/* ---- instructions ---- */

enum { INSN_MAX = 15 };

/* What the decoder must know of the processor's mode: the width of its code. */
static uint32_t code_width(const X86State *x)
{
    if (x->efer & EFER_LMA && x->seg[SEG_CS].attr & SEG_L)
        return H_CS64 | H_LMA;
    return x->seg[SEG_CS].attr & SEG_DB ? H_CS32 : 0;
}

static void dump_insns(Reply *r, const MemView *m, unsigned count, uint64_t addr)
{
    uint32_t width = code_width(m->x);
    while (count--) {
        uint8_t buf[INSN_MAX];
        char text[128] = "";
        unsigned n = INSN_MAX;
        while (n && !mem_read(m, addr, buf, n))
            n--;
        unsigned len = n ? insn_print(width, buf, n, addr, text, sizeof(text)) : 0;
        if (!len) {
            reply_printf(r, "0x%08" PRIx64 ":  Cannot access memory\n", addr);
            return;
        }
        g_autoptr(GString) bytes = g_string_new(NULL);
        for (unsigned i = 0; i < len; i++)
            g_string_append_printf(bytes, " %02x", buf[i]);
        reply_printf(r, "0x%0*" PRIx64 ": %-24s  %s\n", width & H_CS64 ? 16 : 8, addr, bytes->str,
                     text);
        addr += len;
    }
}

/* Letter and size stay as they were said last, as in gdb; print shares the letter. */
static MemFormat *format_said(Reply *r, MemFormat *none)
{
    MemFormat *last = r->mon ? &r->mon->last_format : none;
    last->letter = last->letter ? last->letter : 'x';
    last->size = last->size ? last->size : 4;
    return last;
}

static bool dump(Vm *vm, const DumpArgs *a, Vcpu *v, Reply *r, GError **err)
{
    MemFormat f, none = { 0 }, *last = format_said(r, &none);

    if (!mem_format_parse(a->fmt, &f, err))
        return false;
    f.letter = f.letter ? f.letter : last->letter;
    f.size = f.size ? f.size : last->size;
    *last = f;
    if ((uint64_t)f.count * f.size > DUMP_MAX)
        return user_fail(err, "too much at once: at most %d MiB", DUMP_MAX >> 20);
    Vcpu *mode = reply_vcpu(r);
    MemView m = { vm, v, NULL };
    if (!mode && f.letter == 'i')
        return user_fail(err, "No CPU available");
    vcpus_pause(vm);
    if (mode)
        m.x = vcpu_state(mode, false);
    if (f.letter == 'i')
        dump_insns(r, &m, f.count, a->addr);
    else
        dump_lines(r, &m, &f, a->addr);
    vcpus_resume(vm);
    return true;
}

CMD(x, NULL, "x", "/fmt addr", DumpArgs, Empty, 0, "virtual memory dump starting at 'addr'");

static bool cmd_x(Vm *vm, const DumpArgs *a, Reply *r, GError **err)
{
    Vcpu *v = reply_vcpu(r);
    if (!v)
        return user_fail(err, "No CPU available");
    return dump(vm, a, v, r, err);
}

CMD(xp, NULL, "xp", "/fmt addr", DumpArgs, Empty, 0, "physical memory dump starting at 'addr'");

static bool cmd_xp(Vm *vm, const DumpArgs *a, Reply *r, GError **err)
{
    return dump(vm, a, NULL, r, err);
}

/* ---- print ---- */

typedef struct PrintArgs {
    char *fmt;
    uint64_t value;
} PrintArgs;

/* clang-format off */
static const Prop PrintArgs_rows[] = {
    PROP_STR(PrintArgs, fmt,   "fmt", NULL, "a letter: x d u o c; at first x"),
    NEED_INT(PrintArgs, value, "expr",      "expression"),
    PROP_END(PrintArgs)
};
/* clang-format on */

CMD(print, NULL, "print|p", "/fmt expr", PrintArgs, Empty, 0,
    "print expression value (use $reg for CPU register access)");

static bool cmd_print(Vm *vm, const PrintArgs *a, Reply *r, GError **err)
{
    MemFormat f, none = { 0 }, *last = format_said(r, &none);
    g_autoptr(GString) s = g_string_new(NULL);
    if (!mem_format_parse(a->fmt, &f, err))
        return false;
    last->letter = f.letter ? f.letter : last->letter;
    mem_format_value(s, a->value, last->letter == 'i' ? 'x' : last->letter, 8, false);
    reply_printf(r, "%s\n", s->str);
    return true;
}

/* ---- ports ---- */

typedef struct PortArgs {
    char *fmt;
    int64_t addr;
    uint64_t value;
} PortArgs;

/* clang-format off */
static const Prop InArgs_rows[] = {
    PROP_STR(PortArgs, fmt,  "fmt", NULL, "size: b, w or l"),
    NEED_INT(PortArgs, addr, "addr",      "port"),
    PROP_END(PortArgs)
};
static const Prop OutArgs_rows[] = {
    PROP_STR(PortArgs, fmt,   "fmt", NULL, "size: b, w or l"),
    NEED_INT(PortArgs, addr,  "addr",      "port"),
    NEED_INT(PortArgs, value, "val",       "what is written"),
    PROP_END(PortArgs)
};
/* clang-format on */
typedef PortArgs InArgs;
typedef PortArgs OutArgs;

/* b, w, l of the instructions, and h of the dumps; default b */
static bool port_size(const char *fmt, unsigned *size, GError **err)
{
    static const char letters[] = "bwhl";
    char c = fmt && *fmt ? *fmt : 'b';
    const char *at = strchr(letters, c);
    if (!at || (fmt && *fmt && fmt[1]))
        return user_fail(err, "invalid size '%s': use b, w or l", fmt);
    *size = c == 'b' ? 1 : c == 'l' ? 4 : 2;
    return true;
}

CMD(i, NULL, "i", "/fmt addr", InArgs, Empty, 0, "I/O port read");

static bool cmd_i(Vm *vm, const InArgs *a, Reply *r, GError **err)
{
    unsigned size;
    if (!port_size(a->fmt, &size, err))
        return false;
    uint64_t port = (uint64_t)a->addr & 0xffff, v = space_io(vm->io, port, 0, size, false);
    reply_printf(r, "port%c[0x%04x] = 0x%0*" PRIx64 "\n",
                 size == 1   ? 'b'
                 : size == 2 ? 'w'
                             : 'l',
                 (unsigned)port, (int)size * 2, v);
    return true;
}

CMD(o, NULL, "o", "/fmt addr val", OutArgs, Empty, 0, "I/O port write");

static bool cmd_o(Vm *vm, const OutArgs *a, Reply *r, GError **err)
{
    unsigned size;
    if (!port_size(a->fmt, &size, err))
        return false;
    space_io(vm->io, (uint64_t)a->addr & 0xffff, a->value, size, true);
    return true;
}

/* ---- to a file ---- */

typedef struct SaveArgs {
    uint64_t addr, size;
    char *filename;
    int64_t cpu;
} SaveArgs;

/* clang-format off */
static const Prop SaveArgs_rows[] = {
    NEED_INT(SaveArgs, addr,     "val",             "address"),
    NEED_INT(SaveArgs, size,     "size",            "bytes"),
    NEED_STR(SaveArgs, filename, "filename",        "file to write"),
    PROP_INT(SaveArgs, cpu,      "cpu-index", -1,   "whose memory (memsave)"),
    PROP_END(SaveArgs)
};
/* clang-format on */

static bool save(const MemView *m, const SaveArgs *a, GError **err)
{
    uint8_t buf[PAGE];
    FILE *f = fopen(a->filename, "wbe");
    bool ok = f;
    uint64_t addr = a->addr;

    for (uint64_t left = a->size; ok && left;) {
        size_t n = (size_t)MIN(left, sizeof(buf));
        if (!mem_read(m, addr, buf, n)) {
            user_fail(err, "Invalid addr 0x%016" PRIx64 "/size %" PRIu64 " specified", a->addr,
                      a->size);
            fclose(f);
            return false;
        }
        ok = fwrite(buf, 1, n, f) == n;
        addr += n;
        left -= n;
    }
    if (f && fclose(f) != 0)
        ok = false;
    if (!ok)
        user_fail(err, "could not write '%s': %s", a->filename, g_strerror(errno));
    return ok;
}

CMD(pmemsave, "pmemsave", "pmemsave", "val size filename", SaveArgs, Empty, 0,
    "save to disk physical memory dump starting at 'addr' of size 'size'");

static bool cmd_pmemsave(Vm *vm, const SaveArgs *a, Reply *r, GError **err)
{
    MemView m = { vm, NULL, NULL };
    return save(&m, a, err);
}

CMD(memsave, "memsave", "memsave", "val size filename", SaveArgs, Empty, 0,
    "save to disk virtual memory dump starting at 'addr' of size 'size'");

static bool cmd_memsave(Vm *vm, const SaveArgs *a, Reply *r, GError **err)
{
    Vcpu *v = a->cpu < 0 ? reply_vcpu(r) : a->cpu < vm->n_vcpus ? vm->vcpu[a->cpu] : NULL;
    if (!v)
        return user_fail(err, "Parameter 'cpu-index' expects a CPU number");
    vcpus_pause(vm);
    MemView m = { vm, v, vcpu_state(v, false) };
    bool ok = save(&m, a, err);
    vcpus_resume(vm);
    return ok;
}
