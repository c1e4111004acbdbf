/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Spaces: what is seen where, how accesses are split, doorbells, dirty bits, DMA. */
#include <glib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/device.h"
#include "core/memory.h"
#include "core/runstate.h"

/* Registers that remember how they were asked. */
typedef struct Chip {
    Device dev;
    Region io, ram, rom;
    GString *log;
} Chip;

static uint64_t chip_read(void *o, uint64_t off, unsigned size)
{
    Chip *c = o;

    g_string_append_printf(c->log, "r%u@%" G_GINT64_MODIFIER "x ", size, off);
    return 0x1122334455667788ull >> off * 8;
}

static void chip_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    Chip *c = o;

    g_string_append_printf(c->log, "w%u@%" G_GINT64_MODIFIER "x=%" G_GINT64_MODIFIER "x ", size,
                           off, val);
}

static const DeviceType chip_type = { .name = "test-chip", .size = sizeof(Chip) };

static Chip *chip_new(Vm *vm)
{
    Chip *c = (Chip *)device_part(vm->root, &chip_type, NULL);
    bool ok = device_realize(&c->dev, NULL, NULL);

    g_assert(ok);
    c->log = g_string_new(NULL);
    c->dev.space = vm->mem;
    return c;
}

static void expect(Chip *c, const char *log)
{
    g_assert_cmpstr(c->log->str, ==, log);
    g_string_truncate(c->log, 0);
}

static Chip *chip_with(Vm *vm, const IoOps *ops)
{
    Chip *c = chip_new(vm);

    region_init_io(&c->io, &c->dev, "io", 8, ops, c);
    space_map(vm->io, &(MapRow){ .base = 0x100, .size = 8, .region = &c->io, .on = true });
    return c;
}

static void done(Vm *vm, Chip *c)
{
    g_string_free(c->log, true);
    vm_free(vm);
}

static void test_split(void)
{
    static const IoOps bytes = { chip_read, chip_write, .min = 1, .max = 4, .impl_max = 1 };
    static const IoOps words = { chip_read, chip_write, .min = 1, .max = 4, .impl_min = 4 };
    static const IoOps narrow = { chip_read, chip_write, .min = 1, .max = 2 };
    Vm *vm = vm_new();
    Chip *c = chip_with(vm, &bytes);

    g_assert_cmphex(space_io(vm->io, 0x100, 0, 4, false), ==, 0x55667788);
    expect(c, "r1@0 r1@1 r1@2 r1@3 ");
    space_io(vm->io, 0x102, 0xabcd, 2, true);
    expect(c, "w1@2=cd w1@3=ab ");
    g_assert_cmphex(space_io(vm->io, 0x106, 0, 4, false), ==, 0xffff1122); /* over the end */
    expect(c, "r1@6 r1@7 ");
    g_assert_cmphex(space_io(vm->io, 0x90, 0, 4, false), ==, 0xffffffff);
    done(vm, c);

    vm = vm_new();
    c = chip_with(vm, &words);
    g_assert_cmphex(space_io(vm->io, 0x105, 0, 1, false), ==, 0x33);
    expect(c, "r4@4 ");
    space_io(vm->io, 0x106, 0xee, 1, true);
    expect(c, "w4@4=ee0000 ");
    done(vm, c);

    vm = vm_new();
    c = chip_with(vm, &narrow);
    g_assert_cmphex(space_io(vm->io, 0x100, 0, 4, false), ==, 0xffffffff);
    space_io(vm->io, 0x100, 1, 4, true);
    expect(c, "");
    g_assert_cmphex(space_io(vm->io, 0x101, 0, 2, false), ==, 0x6677); /* unaligned */
    expect(c, "r1@1 r1@2 ");
    done(vm, c);
}

static void test_rows(void)
{
    Vm *vm = vm_new();
    Chip *c = chip_new(vm);
    uint8_t buf[16];

    region_init_ram(&c->ram, &c->dev, "ram", 1 << 20, NULL);
    region_init_rom(&c->rom, &c->dev, "rom", 4096, NULL);
    memset(c->rom.host, 0xaa, 4096);
    space_map(vm->mem, &(MapRow){ .base = 0, .size = 1 << 20, .region = &c->ram, .on = true });
    MapRow *over = space_map(
        vm->mem,
        &(MapRow){ .base = 0x1000, .size = 0x1000, .region = &c->rom, .prio = 1, .on = true });

    g_assert_true(space_rw(vm->mem, 0xffc, "abcdefgh", 8, true));
    g_assert_true(space_rw(vm->mem, 0xffc, buf, 8, false));
    g_assert_cmpmem(buf, 8, "abcd\xaa\xaa\xaa\xaa", 8);
    g_assert_cmphex(space_io(vm->mem, 0xffe, 0, 4, false), ==, 0xaaaa6463); /* across rows */
    space_begin(vm->mem);
    over->on = false;
    space_commit(vm->mem);
    g_assert_true(space_rw(vm->mem, 0xffc, buf, 8, false));
    g_assert_cmpmem(buf, 8, "abcd\0\0\0\0", 8);
    /* read-only view of RAM, as PAM makes it */
    MapRow *ro = space_map(vm->mem, &(MapRow){ .base = 0x2000,
                                               .size = 0x1000,
                                               .off = 0x2000,
                                               .region = &c->ram,
                                               .prio = 1,
                                               .on = true,
                                               .readonly = true });
    space_io(vm->mem, 0x2000, 0x55, 1, true);
    g_assert_cmphex(space_io(vm->mem, 0x2000, 0, 1, false), ==, 0);
    space_unmap(vm->mem, ro);
    space_io(vm->mem, 0x2000, 0x55, 1, true);
    g_assert_cmphex(c->ram.host[0x2000], ==, 0x55);
    /* the SMM space shows memory through, its own rows lie over it */
    space_map(vm->smm, &(MapRow){ .base = 0x2000, .size = 0x1000, .region = &c->rom, .on = true });
    g_assert_cmphex(space_io(vm->smm, 0x2000, 0, 1, false), ==, 0xaa);
    g_assert_cmphex(space_io(vm->smm, 0xffc, 0, 1, false), ==, 'a');
    g_assert_false(space_rw(vm->mem, 0x100000, buf, 4, false));
    done(vm, c);
}

/* Many random rows against a byte model: each byte shows the row that the rule names. */
static void test_model(void)
{
    enum { N = 24, SPAN = 4096 };
    Vm *vm = vm_new();
    Chip *c = chip_new(vm);
    MapRow want[N], *row[N];

    region_init_ram(&c->ram, &c->dev, "ram", SPAN, NULL);
    for (int i = 0; i < SPAN; i++)
        c->ram.host[i] = g_test_rand_int();
    for (int round = 0; round < 200; round++) {
        space_begin(vm->mem);
        for (int i = 0; i < N; i++) {
            uint64_t size = g_test_rand_int_range(1, 600);
            want[i] = (MapRow){ .base = g_test_rand_int_range(0, SPAN - 600),
                                .size = size,
                                .off = g_test_rand_int_range(0, SPAN - 600),
                                .region = g_test_rand_int_range(0, 5) ? &c->ram : NULL,
                                .prio = g_test_rand_int_range(-2, 3),
                                .on = g_test_rand_int_range(0, 4) };
            row[i] = space_map(vm->mem, &want[i]);
        }
        space_commit(vm->mem);
        for (uint64_t a = 0; a < SPAN; a++) {
            int top = -1;
            for (int i = 0; i < N; i++)
                if (want[i].on && a - want[i].base < want[i].size &&
                    (top < 0 || want[i].prio >= want[top].prio))
                    top = i;
            uint8_t seen = top < 0 || !want[top].region
                               ? 0xff
                               : c->ram.host[want[top].off + a - want[top].base];
            g_assert_cmphex(space_io(vm->mem, a, 0, 1, false), ==, seen);
        }
        space_begin(vm->mem);
        for (int i = 0; i < N; i++)
            space_unmap(vm->mem, row[i]);
        space_commit(vm->mem);
    }
    done(vm, c);
}

static uint64_t rung(int fd)
{
    uint64_t n = 0;

    return read(fd, &n, 8) == 8 ? n : 0;
}

static void test_doorbell(void)
{
    static const IoOps ops = { chip_read, chip_write, .min = 1, .max = 4 };
    Vm *vm = vm_new();
    Chip *c = chip_with(vm, &ops);
    int fd = eventfd(0, EFD_NONBLOCK);

    region_doorbell(&c->io, 4, 2, false, 7, fd, true);
    space_io(vm->io, 0x104, 7, 2, true);
    g_assert_cmpint(rung(fd), ==, 1);
    expect(c, "");
    space_io(vm->io, 0x104, 8, 2, true);
    space_io(vm->io, 0x104, 7, 1, true);
    g_assert_cmpint(rung(fd), ==, 0);
    expect(c, "w2@4=8 w1@4=7 ");
    region_doorbell(&c->io, 4, 2, false, 7, fd, false);
    space_io(vm->io, 0x104, 7, 2, true);
    g_assert_cmpint(rung(fd), ==, 0);
    expect(c, "w2@4=7 ");
    close(fd);
    done(vm, c);
}

static void test_dirty(void)
{
    Vm *vm = vm_new();
    Chip *c = chip_new(vm);
    unsigned long bits[4];

    region_init_ram(&c->ram, &c->dev, "ram", 1 << 20, NULL);
    space_map(vm->mem, &(MapRow){ .size = 1 << 20, .region = &c->ram, .on = true });
    g_assert_true(region_dirty_take(&c->ram, DIRTY_DISPLAY, 0, 1 << 20, bits)); /* all, at first */
    g_assert_cmphex(bits[3], ==, ~0ul);
    g_assert_false(region_dirty_take(&c->ram, DIRTY_DISPLAY, 0, 1 << 20, bits));
    space_rw(vm->mem, 0x41ffe, "four", 4, true);
    g_assert_true(dma_write(&c->dev, 0x80000, "x", 1));
    g_assert_true(region_dirty_take(&c->ram, DIRTY_DISPLAY, 0x40000, 0x80000, bits));
    g_assert_cmphex(bits[0], ==, 6);
    g_assert_cmphex(bits[1], ==, 1);
    g_assert_true(region_dirty_take(&c->ram, DIRTY_MIGRATION, 0x41000, 4096, bits));
    done(vm, c);
}

static uint64_t again_read(void *o, uint64_t off, unsigned size)
{
    Chip *c = o;
    uint8_t b;

    /* DMA into oneself, while inside */
    return dma_read(&c->dev, 0x100000, &b, 1);
}

static void test_dma(void)
{
    static const IoOps ops = { again_read, NULL, .min = 1, .max = 4 };
    Vm *vm = vm_new();
    Chip *c = chip_new(vm);
    DmaMap m;

    region_init_ram(&c->ram, &c->dev, "ram", 8192, NULL);
    region_init_io(&c->io, &c->dev, "io", 8, &ops, c);
    space_map(vm->mem, &(MapRow){ .size = 8192, .region = &c->ram, .on = true });
    space_map(vm->mem, &(MapRow){ .base = 0x100000, .size = 8, .region = &c->io, .on = true });
    g_assert_cmpint(space_io(vm->mem, 0x100000, 0, 1, false), ==, 0);
    g_assert_cmpint(device_errors(&c->dev), ==, 1);
    g_assert_true(dma_map(&c->dev, 0x1ff0, 64, true, &m));
    g_assert_cmpint(m.len, ==, 16);
    memset(m.p, 1, m.len);
    g_assert_true(space_discard(vm->mem, 0x1000, 0x1000));
    g_assert_cmpint(*(char *)m.p, ==, 0);
    dma_unmap(&c->dev, &m, 16);
    g_assert_false(space_discard(vm->mem, 0x1000, 0x800));
    g_assert_false(dma_map(&c->dev, 0x100000, 4, false, &m));
    c->dev.space = NULL;
    g_assert_false(dma_write(&c->dev, 0, "x", 1));
    done(vm, c);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/memory/split", test_split);
    g_test_add_func("/memory/rows", test_rows);
    g_test_add_func("/memory/model", test_model);
    g_test_add_func("/memory/doorbell", test_doorbell);
    g_test_add_func("/memory/dirty", test_dirty);
    g_test_add_func("/memory/dma", test_dma);
    return g_test_run();
}
