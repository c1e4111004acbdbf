/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules of docs/locking.md under load: vCPU threads of a made-up accelerator read and write
 * memory, registers and doorbells, flip the map, run alone, halt; an I/O thread does DMA; another
 * one kicks; main pauses, resets, plugs and unplugs, takes dirty bits, runs work on vCPUs. What the
 * rules promise is asserted at every step. Made to run under the thread sanitizer too.
 * LONG=1: fifty times as long.
 */
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/device.h"
#include "core/home.h"
#include "core/irqchip.h"
#include "core/memory.h"
#include "core/runstate.h"
#include "core/vcpu.h"

enum { VCPUS = 4, RAM = 1 << 20, CHIP = 0x200000, FLIP = 0x300000, SLOTS = 4, SLOT = 0x400000 };

/* What a vCPU tells the checks: where in its fake guest it is. */
typedef struct Cpu {
    _Atomic bool inside; /* between two instruction boundaries */
    _Atomic unsigned ops, halts;
    _Atomic bool intr; /* "pending()": only a request bit may make it look */
    uint64_t rnd;
} Cpu;

typedef struct Chip {
    Device dev;
    /* state */ struct ChipState {
        uint64_t count;
        int64_t deadline;
    } st;
    /* host */ Region io, self, flip, bell;
    MapRow *flip_row;
    Timer timer;
    _Atomic bool open; /* the flip region may be seen */
    _Atomic unsigned selfs;
    int bell_fd;
    bool bell_on;
} Chip;

typedef struct Plug {
    Device dev;
    Region ram, io;
    uint32_t slot;
} Plug;

static struct {
    Vm *vm;
    Cpu cpu[VCPUS];
    Chip *chip;
    Region *ram;
    Home *home;
    uint64_t alone; /* written only in vcpus_exclusive */
    unsigned target;
    _Atomic bool over;
    unsigned resets, plugs, unplugs;
    _Atomic unsigned dmas, kicks, calls;
    Plug *plugged[SLOTS];
} t;

static uint64_t rnd(uint64_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    return *s;
}

/* ---- the chip ---- */

static uint64_t chip_read(void *o, uint64_t off, unsigned size)
{
    Chip *c = o;

    return c->st.count;
}

static void chip_flip(Chip *c)
{
    bool on = !c->flip_row->on;

    if (on)
        c->open = true;
    space_begin(c->dev.vm->mem);
    c->flip_row->on = on;
    space_commit(c->dev.vm->mem);
    if (!on)
        c->open = false; /* nobody looks any more, or the commit lied */
}

/* Once it is removed nobody rings. */
static void chip_bell(Chip *c)
{
    uint64_t n;

    if (!c->bell_on)
        g_assert_cmpint(read(c->bell_fd, &n, 8), <, 0);
    c->bell_on = !c->bell_on;
    region_doorbell(&c->bell, 0, 4, true, 0, c->bell_fd, c->bell_on);
    while (!c->bell_on && read(c->bell_fd, &n, 8) == 8) {
    }
}

static void chip_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    Chip *c = o;
    uint64_t word = val;

    g_assert_true(vm_locked());
    c->st.count++;
    switch (val % 8) {
    case 0: chip_flip(c); break;
    case 1: chip_bell(c); break;
    case 2: timer_set(&c->timer, clock_now(c->dev.vm, CLOCK_VIRTUAL) + val % 100000); break;
    case 3: g_assert_true(dma_write(&c->dev, val % (RAM - 8), &word, 8)); break;
    case 4:
        g_assert_false(dma_write(&c->dev, CHIP, &word, 4)); /* its own registers */
        break;
    case 5:
        if (val % 4096 == 5)
            vm_request(c->dev.vm, VM_RESET, "guest-reset");
        break;
    case 6: vcpu_request(c->dev.vm->vcpu[val / 8 % VCPUS], REQ_INTR); break;
    }
}

static const IoOps chip_io = { chip_read, chip_write, .min = 4, .max = 4 };

static void self_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    Chip *c = o;

    g_assert_false(vm_locked());
    c->selfs++;
}

static const IoOps self_io = { NULL, self_write, .min = 4, .max = 4, .flags = IO_SELFLOCK };

static void bell_write(void *o, uint64_t off, uint64_t val, unsigned size) {}

static const IoOps bell_io = { NULL, bell_write, .min = 4, .max = 4 };

static void chip_timer(void *o)
{
    Chip *c = o;

    g_assert_true(vm_locked());
    c->st.count++;
}

typedef void Quiet(Device *);

static void quiet(void *done)
{
    g_assert_true(device_held(&t.chip->dev));
    ((Quiet *)done)(&t.chip->dev);
}

/* As if I/O were in flight: done() comes later, on main. */
static void chip_quiesce(Device *d, Quiet *done)
{
    vm_call_main(d->vm, NULL, quiet, (void *)done);
}

static void chip_reset(Device *d)
{
    Chip *c = (Chip *)d;

    g_assert_cmpint(c->st.count, ==, 0);
    g_assert_true(device_held(d)); /* nothing new before all others are quiet, too */
}

static bool chip_realize(Device *d, GError **err)
{
    Chip *c = (Chip *)d;
    Space *mem = d->vm->mem;

    d->space = mem;
    c->bell_fd = eventfd(0, EFD_NONBLOCK);
    timer_init(&c->timer, d, CLOCK_VIRTUAL, &c->st.deadline, chip_timer, c);
    region_init_io(&c->io, d, "io", 4096, &chip_io, c);
    region_init_io(&c->self, d, "self", 4096, &self_io, c);
    region_init_io(&c->bell, d, "bell", 4096, &bell_io, c);
    if (!region_init_ram(&c->flip, d, "flip", 8192, err))
        return false;
    space_map(mem, &(MapRow){ .base = CHIP, .size = 4096, .region = &c->io, .on = true });
    space_map(mem, &(MapRow){ .base = CHIP + 4096, .size = 4096, .region = &c->self, .on = true });
    space_map(mem, &(MapRow){ .base = CHIP + 8192, .size = 4096, .region = &c->bell, .on = true });
    c->flip_row = space_map(mem, &(MapRow){ .base = FLIP, .size = 8192, .region = &c->flip });
    return true;
}

static const Field ChipState_rows[] = { FIELD(struct ChipState, count),
                                        FIELD(struct ChipState, deadline), FIELD_END };
static const DeviceType chip_type = {
    .name = "stress-chip",
    .size = sizeof(Chip),
    .state = STATE_PARTS(STATE(Chip, st, ChipState_rows, 1)),
    .realize = chip_realize,
    .reset = chip_reset,
    .quiesce = chip_quiesce,
};

/* ---- what comes and goes ---- */

static void plug_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    Plug *p = o;

    /* it may well unplug itself from inside: nothing of it is touched afterwards */
    if (val % 16 == 0)
        device_del_finish(&p->dev);
}

static const IoOps plug_io = { NULL, plug_write, .min = 1, .max = 8 };

static bool plug_realize(Device *d, GError **err)
{
    Plug *p = (Plug *)d;
    uint64_t at = SLOT + (uint64_t)p->slot * 0x10000;

    if (!region_init_ram(&p->ram, d, "plug-ram", 0x8000, err))
        return false;
    region_init_io(&p->io, d, "plug-io", 0x1000, &plug_io, p);
    space_begin(d->vm->mem);
    space_map(d->vm->mem, &(MapRow){ .base = at, .size = 0x8000, .region = &p->ram, .on = true });
    space_map(d->vm->mem,
              &(MapRow){ .base = at + 0x8000, .size = 0x1000, .region = &p->io, .on = true });
    space_commit(d->vm->mem);
    return true;
}

static void plug_unrealize(Device *d)
{
    t.plugged[((Plug *)d)->slot] = NULL;
    t.unplugs++;
}

static const DeviceType plug_type = { .name = "stress-plug",
                                      .size = sizeof(Plug),
                                      .flags = TYPE_HOTPLUG,
                                      .realize = plug_realize,
                                      .unrealize = plug_unrealize };

static void plug_or_not(unsigned slot)
{
    if (t.plugged[slot]) {
        device_del_finish(&t.plugged[slot]->dev);
        return;
    }
    Plug *p = (Plug *)device_new(t.vm, &plug_type, NULL);
    p->slot = slot;
    g_assert_true(device_realize(&p->dev, NULL, NULL));
    t.plugged[slot] = p;
    t.plugs++;
}

/* ---- the fake guest ---- */

static void guest_memory(Vcpu *v, Cpu *c, uint64_t r)
{
    static const uint64_t bases[] = {
        0, FLIP, SLOT, SLOT + 0x10000, SLOT + 0x20000, SLOT + 0x30000
    };
    uint64_t addr = bases[r % 6] + ((r >> 8) & 0x7ff8);
    const Flat *f = flat_find(space_flat(v->mem, &v->mem_cache), addr);

    if (!f || f->region->kind != REGION_RAM)
        return;
    uint64_t *p = (uint64_t *)(f->region->host + f->off + (addr - f->base));
    if (f->region == &t.chip->flip)
        g_assert_true(t.chip->open);
    if (r & 64) {
        __atomic_store_n(p, r, __ATOMIC_RELAXED);
        region_dirty(f->region, f->off + (addr - f->base), 8);
    } else {
        __atomic_load_n(p, __ATOMIC_RELAXED);
    }
    if (f->region == &t.chip->flip)
        g_assert_true(t.chip->open);
}

static void alone(void *o)
{
    for (int i = 0; i < VCPUS; i++)
        if (&t.cpu[i] != o)
            g_assert_true(!t.cpu[i].inside || t.vm->vcpu[i]->where == VCPU_WAITX);
    t.alone++;
    space_io(t.vm->mem, CHIP, 7, 4, true);
}

static void guest_insn(Vcpu *v, Cpu *c, uint64_t r)
{
    switch (r % 64) {
    case 0 ... 7: space_io(v->mem, CHIP, r >> 8, 4, true); break;
    case 8: space_io(v->mem, CHIP + 4096, r, 4, true); break;
    case 9: space_io(v->mem, CHIP + 8192, r, 4, true); break;
    case 10: space_io(v->mem, SLOT + (r >> 8 & 3) * 0x10000 + 0x8000, r >> 16, 1, true); break;
    case 11: vcpus_exclusive(v->vm, alone, c); break;
    case 12:
        if (r >> 8 & 1)
            v->halted = true;
        break;
    default: guest_memory(v, c, r >> 6); break;
    }
}

static RunStop fake_run(Vcpu *v)
{
    Cpu *c = &t.cpu[v->index];

    v->todo = 0;
    if (v->halted && atomic_exchange(&c->intr, false)) {
        v->halted = false;
        c->halts++;
    }
    while (!v->request && !v->halted) {
        c->inside = true;
        guest_insn(v, c, rnd(&c->rnd));
        c->inside = false;
        c->ops++;
    }
    return RUN_OK;
}

static void fake_event(Vcpu *v, uint32_t bits)
{
    if (bits & REQ_RESET)
        v->halted = v->wait_sipi = false;
}

static const AccelOps fake = { .name = "fake", .vcpu_run = fake_run };

/* ---- other threads ---- */

static void called(void *o)
{
    g_assert_true(vm_locked());
    t.calls++;
}

static void home_work(void *o)
{
    static uint64_t s = 88172645463325252ull;
    uint64_t word, r = rnd(&s);
    DmaMap m;

    if (t.over)
        return;
    dma_write(&t.chip->dev, r % (RAM - 8), &r, 8);
    dma_read(&t.chip->dev, FLIP + r % 4096, &word, 8);
    dma_read(&t.chip->dev, SLOT + (r & 3) * 0x10000, &word, 8);
    g_assert_false(dma_write(&t.chip->dev, CHIP, &word, 4)); /* registers: not from a home */
    if (dma_map(&t.chip->dev, SLOT + (r & 3) * 0x10000, 4096, true, &m)) {
        __atomic_store_n((uint64_t *)m.p, r, __ATOMIC_RELAXED);
        dma_unmap(&t.chip->dev, &m, 8);
    }
    t.dmas++;
    if (r % 16 == 0)
        vm_call_main(t.vm, &t.chip->dev, called, NULL);
    if (r % 4 == 0)
        g_usleep(20);
    home_call(home_context(t.home), home_work, NULL);
}

static gpointer kicker(gpointer p)
{
    uint64_t s = 362436069362436069ull;

    while (!t.over) {
        unsigned i = rnd(&s) % VCPUS;
        t.cpu[i].intr = true;
        vcpu_request(t.vm->vcpu[i], REQ_INTR);
        t.kicks++;
        g_usleep(50);
    }
    return NULL;
}

static void on_cpu(Vcpu *v, void *o)
{
    g_assert_true(vcpu_self() == v && !vm_locked() && !t.cpu[v->index].inside);
    ++*(unsigned *)o;
}

/* ---- main ---- */

static void check_pause(void)
{
    unsigned ops[VCPUS];

    vcpus_pause(t.vm);
    for (int i = 0; i < VCPUS; i++) {
        g_assert_false(t.cpu[i].inside);
        ops[i] = t.cpu[i].ops;
    }
    if (g_random_int_range(0, 4) == 0)
        g_usleep(100);
    for (int i = 0; i < VCPUS; i++)
        g_assert_cmpint(ops[i], ==, t.cpu[i].ops);
    vcpus_resume(t.vm);
}

static void home_nothing(void *o)
{
    ++*(unsigned *)o;
}

static void main_step(uint64_t r)
{
    unsigned long bits[RAM / 4096 / 64];
    unsigned n = 0;

    switch (r % 10) {
    case 0: check_pause(); break;
    case 1:
        vcpu_run_on(t.vm->vcpu[r / 16 % VCPUS], on_cpu, &n);
        g_assert_cmpint(n, ==, 1);
        break;
    case 2:
    case 3: plug_or_not(r / 16 % SLOTS); break;
    case 4: region_dirty_take(t.ram, DIRTY_DISPLAY, 0, RAM, bits); break;
    case 5:
        home_wait(home_context(t.home), home_nothing, &n);
        g_assert_cmpint(n, ==, 1);
        break;
    case 6:
        if (r / 16 % 8 == 0)
            vm_request(t.vm, VM_RESET, "host-qmp-system-reset");
        break;
    case 7:
        vm_stop(t.vm, RUNSTATE_PAUSED);
        for (int i = 0; i < VCPUS; i++)
            g_assert_false(t.cpu[i].inside);
        g_assert_true(vm_start(t.vm, NULL));
        break;
    case 8: device_reset(&t.chip->dev, RESET_SELF, NULL, NULL); break;
    case 9:
        region_log(t.ram, DIRTY_DISPLAY, true);
        region_log(t.ram, DIRTY_DISPLAY, false);
        break;
    }
}

static void was_reset(void *o)
{
    for (int i = 0; i < VCPUS; i++)
        g_assert_false(t.cpu[i].inside);
    t.resets++;
}

static const VmListener listener = { .reset = was_reset };

static gboolean tick(gpointer p)
{
    static uint64_t s = 521288629546311ull;
    bool enough = true;

    main_step(rnd(&s));
    for (int i = 0; i < VCPUS; i++)
        enough &= t.cpu[i].ops >= t.target;
    if (enough)
        vm_quit(t.vm, 0);
    return G_SOURCE_CONTINUE;
}

static void start(void)
{
    Vm *vm = t.vm = vm_new();

    vm_set_accel(vm, &fake);
    g_assert_true(vcpus_new(vm, VCPUS, NULL, fake_event, NULL));
    for (int i = 0; i < VCPUS; i++)
        t.cpu[i].rnd = 0x9e3779b97f4a7c15ull * (i + 1);
    t.chip = (Chip *)device_part(vm->root, &chip_type, "chip");
    g_assert_true(device_realize(&t.chip->dev, NULL, NULL));
    t.ram = g_new0(Region, 1);
    g_assert_true(region_init_ram(t.ram, vm->root, "ram", RAM, NULL));
    space_map(vm->mem, &(MapRow){ .size = RAM, .region = t.ram, .on = true });
    t.home = home_new(vm, "io");
    vm_listen(vm, &listener, NULL);
    vm_complete(vm);
    g_assert_true(vm_start(vm, NULL));
    home_call(home_context(t.home), home_work, NULL);
}

static void test_storm(void)
{
    t.target = getenv("LONG") ? 1000000 : 20000;
    start();
    GThread *k = g_thread_new("kicker", kicker, NULL);
    guint id = g_timeout_add(1, tick, NULL);
    g_assert_cmpint(vm_loop(t.vm), ==, 0);
    g_source_remove(id);
    t.over = true;
    vm_unlock(t.vm);
    g_thread_join(k);
    vm_lock(t.vm);
    vm_stop(t.vm, RUNSTATE_PAUSED);
    g_test_message("resets %u plugs %u unplugs %u dma %u kicks %u calls %u alone %u halts %u",
                   t.resets, t.plugs, t.unplugs, t.dmas, t.kicks, t.calls, (unsigned)t.alone,
                   t.cpu[0].halts);
    g_assert_cmpint(t.dmas, >, 0);
    close(t.chip->bell_fd);
    vm_free(t.vm);
    g_free(t.ram);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/stress/storm", test_storm);
    return g_test_run();
}
