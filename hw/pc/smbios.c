/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SMBIOS 2.8 tables (DMTF DSP0134): system, chassis, one processor per socket, memory. Type 0 is
 * left to the firmware, which knows its own name and version. The entry point goes out without
 * address and check sums: the firmware places the tables and fills them in.
 */
#include <string.h>

#include "hw/pc/fw_cfg.h"

#define MANUFACTURER "QEMU"

enum { DIMM_MOST = 16 }; /* GiB in one type 17 structure */
enum { NO_HANDLE = 0xfffe };

typedef struct Smbios {
    GByteArray *out;
    size_t start, strings; /* of the structure being written */
    GString *text;
    unsigned n_text, n;
    size_t longest;
} Smbios;

static void put(Smbios *s, const void *p, size_t n)
{
    g_byte_array_append(s->out, p, n);
}

static void put8(Smbios *s, uint8_t v)
{
    put(s, &v, 1);
}

static void put16(Smbios *s, uint16_t v)
{
    v = GUINT16_TO_LE(v);
    put(s, &v, 2);
}

static void put32(Smbios *s, uint32_t v)
{
    v = GUINT32_TO_LE(v);
    put(s, &v, 4);
}

static void put64(Smbios *s, uint64_t v)
{
    v = GUINT64_TO_LE(v);
    put(s, &v, 8);
}

static void zeros(Smbios *s, unsigned n)
{
    while (n--)
        put8(s, 0);
}

/* a string's number in its structure; 0: none */
static void put_text(Smbios *s, const char *text)
{
    if (!text || !*text) {
        put8(s, 0);
        return;
    }
    g_string_append_len(s->text, text, strlen(text) + 1);
    put8(s, ++s->n_text);
}

static void begin(Smbios *s, uint8_t type, uint16_t handle)
{
    s->start = s->out->len;
    s->n_text = 0;
    g_string_truncate(s->text, 0);
    put8(s, type);
    put8(s, 0);
    put16(s, handle);
}

/* the length covers the fixed part; the strings end with one more NUL, two if there are none */
static void end(Smbios *s)
{
    s->out->data[s->start + 1] = s->out->len - s->start;
    put(s, s->text->str, s->text->len);
    zeros(s, s->text->len ? 1 : 2);
    s->longest = MAX(s->longest, s->out->len - s->start);
    s->n++;
}

/* since 2.6 the first three fields are little-endian */
static void put_uuid(Smbios *s, const uint8_t u[16])
{
    static const uint8_t order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };

    for (unsigned i = 0; i < 16; i++)
        put8(s, u[order[i]]);
}

static void system_info(Smbios *s, const Vm *vm)
{
    begin(s, 1, 0x100);
    put_text(s, MANUFACTURER);
    put_text(s, vm->machine->desc);
    put_text(s, vm->machine->name);
    put8(s, 0); /* serial number */
    put_uuid(s, vm->conf->uuid);
    put8(s, 6); /* woken by the power switch */
    zeros(s, 2);
    end(s);
}

static void chassis(Smbios *s, const Vm *vm)
{
    begin(s, 3, 0x300);
    put_text(s, MANUFACTURER);
    put8(s, 1); /* other */
    put_text(s, vm->machine->name);
    zeros(s, 2);
    put8(s, 3); /* boot, power supply, thermal: safe; security: unknown */
    put8(s, 3);
    put8(s, 3);
    put8(s, 2);
    zeros(s, 9);
    end(s);
}

static void processor(Smbios *s, const Vm *vm, unsigned socket)
{
    const VmSmp *smp = &vm->smp;
    unsigned cores = smp->cores * smp->dies, threads = cores * smp->threads;
    g_autofree char *name = g_strdup_printf("CPU %u", socket);

    begin(s, 4, 0x400 + socket);
    put_text(s, name);
    put8(s, 3); /* central processor */
    put8(s, 1); /* family: other */
    put_text(s, MANUFACTURER);
    put64(s, 0); /* the CPUID signature belongs to the accelerator */
    put_text(s, vm->machine->name);
    put8(s, 0);
    put16(s, 0);
    put16(s, 2000); /* MHz, maximum and current: what 7.2 says */
    put16(s, 2000);
    put8(s, 0x41); /* socket populated, enabled */
    put8(s, 1);
    put16(s, 0xffff); /* no cache structures */
    put16(s, 0xffff);
    put16(s, 0xffff);
    zeros(s, 3);
    put8(s, MIN(cores, 255));
    put8(s, MIN(cores, 255));
    put8(s, MIN(threads, 255));
    put16(s, 2); /* characteristics: unknown */
    put16(s, 1);
    end(s);
}

static void memory_array(Smbios *s, uint64_t ram, unsigned dimms)
{
    uint64_t kib = ram >> 10;

    begin(s, 16, 0x1000);
    put8(s, 1); /* other location */
    put8(s, 3); /* system memory */
    put8(s, 6); /* multi-bit ECC */
    put32(s, kib < 0x80000000u ? kib : 0x80000000u);
    put16(s, NO_HANDLE);
    put16(s, dimms);
    put64(s, kib < 0x80000000u ? 0 : ram);
    end(s);
}

static void memory_device(Smbios *s, unsigned i, uint64_t size)
{
    g_autofree char *name = g_strdup_printf("DIMM %u", i);
    uint64_t mib = size >> 20;

    begin(s, 17, 0x1100 + i);
    put16(s, 0x1000);
    put16(s, NO_HANDLE);
    put16(s, 0xffff); /* widths unknown */
    put16(s, 0xffff);
    put16(s, mib < 0x7fff ? mib : 0x7fff);
    put8(s, 9); /* DIMM */
    put8(s, 0);
    put_text(s, name);
    put8(s, 0);
    put8(s, 7); /* RAM */
    put16(s, 2);
    put16(s, 0);
    put_text(s, MANUFACTURER);
    zeros(s, 4);
    put32(s, mib < 0x7fff ? 0 : mib);
    zeros(s, 8);
    end(s);
}

/* one range of guest-physical addresses */
static void memory_range(Smbios *s, unsigned i, uint64_t base, uint64_t size)
{
    uint64_t first = base >> 10, last = (base + size - 1) >> 10;
    bool far = last > 0xfffffffe;

    begin(s, 19, 0x1300 + i);
    put32(s, far ? UINT32_MAX : first);
    put32(s, far ? UINT32_MAX : last);
    put16(s, 0x1000);
    put8(s, 1);
    put64(s, far ? base : 0);
    put64(s, far ? base + size - 1 : 0);
    end(s);
}

static void memory(Smbios *s, const Pc *pc)
{
    uint64_t ram = pc->dev.vm->conf->ram_size, one = (uint64_t)DIMM_MOST << 30;
    unsigned dimms = (ram + one - 1) / one;

    memory_array(s, ram, dimms);
    for (unsigned i = 0; i < dimms; i++)
        memory_device(s, i, MIN(one, ram - i * one));
    memory_range(s, 0, 0, pc->mem.below_4g);
    if (pc->mem.above_4g)
        memory_range(s, 1, 1ull << 32, pc->mem.above_4g);
}

static void boot_and_end(Smbios *s)
{
    begin(s, 32, 0x2000);
    zeros(s, 7);
    end(s);
    begin(s, 127, 0x7f00);
    end(s);
}

static GBytes *anchor_of(const Smbios *s)
{
    GByteArray *a = g_byte_array_new();
    Smbios e = { .out = a };

    put(&e, "_SM_", 4);
    put8(&e, 0); /* check sum */
    put8(&e, 0x1f);
    put8(&e, 2);
    put8(&e, 8);
    put16(&e, MIN(s->longest, 0xffff));
    zeros(&e, 6);
    put(&e, "_DMI_", 5);
    put8(&e, 0);
    put16(&e, s->out->len);
    put32(&e, 0);
    put16(&e, s->n);
    put8(&e, 0x28);
    return g_byte_array_free_to_bytes(a);
}

GBytes *smbios_tables(const Pc *pc, GBytes **anchor)
{
    Smbios s = { .out = g_byte_array_new(), .text = g_string_new(NULL) };

    system_info(&s, pc->dev.vm);
    chassis(&s, pc->dev.vm);
    for (unsigned i = 0; i < pc->dev.vm->smp.sockets; i++)
        processor(&s, pc->dev.vm, i);
    memory(&s, pc);
    boot_and_end(&s);
    g_string_free(s.text, true);
    *anchor = anchor_of(&s);
    return g_byte_array_free_to_bytes(s.out);
}
