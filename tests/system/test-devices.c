/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every registered device type gets for nothing: its tables are sound, it can be made and
 * realized, its rows read back what was set, two resets leave the same state, a saved state loads
 * and saves the same again, also after random accesses to its registers, and a damaged stream is
 * refused or taken whole. Each type runs in a child of its own on a fresh PC under -accel qtest;
 * the devices of the board come with it. UPDATE=1 writes tests/golden/state-rows.txt anew.
 */
#include <glib.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "accel/accel.h"
#include "accel/x86/cpuid.h"
#include "block/drive.h"
#include "chardev/chardev.h"
#include "core/device.h"
#include "core/machine.h"
#include "core/memory.h"
#include "core/runstate.h"
#include "core/set.h"
#include "hw/pci/pci.h"

SET_DECLARE(device);
SET_DECLARE(machine);

enum { SKIPPED = 77 };
static int number, pipe_out;

/* ---- a child tells why it failed or was skipped ---- */

static G_GNUC_PRINTF(2, 3) void leave(int status, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    if (write(pipe_out, text, strlen(text)) < 0)
        status = 1;
    _exit(status);
}
#define FAIL(...) leave(1, __VA_ARGS__)

static void child(const char *name, void (*fn)(const DeviceType *), const DeviceType *type)
{
    int fds[2], status;
    char text[1024];
    size_t n = 0;
    ssize_t got;

    fflush(stdout);
    if (pipe(fds))
        abort();
    pid_t pid = fork();
    if (!pid) {
        close(fds[0]);
        pipe_out = fds[1];
        fn(type);
        _exit(0);
    }
    close(fds[1]);
    while (n < sizeof(text) - 1 && (got = read(fds[0], text + n, sizeof(text) - 1 - n)) > 0)
        n += got;
    text[n] = 0;
    close(fds[0]);
    waitpid(pid, &status, 0);
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    bool ok = code == 0 || code == SKIPPED;
    printf("%sok %d - %s%s%s\n", ok ? "" : "not ", ++number, name,
           code == SKIPPED ? " # SKIP " : "", code == SKIPPED ? text : "");
    if (!ok)
        printf("# exit %d: %s\n", code, text);
}

/* ---- the machine ---- */

static MachineConf *conf_new(void)
{
    MachineConf *c = g_new0(MachineConf, 1);

    c->ram_size = 16 << 20;
    c->boot.menu = -1;
    c->boot.splash_time = c->boot.reboot_timeout = -1;
    c->rtc.clock = CLOCK_VIRTUAL; /* stands still: no second passes between two resets */
    c->data_dirs = g_ptr_array_new();
    c->drives = g_ptr_array_new();
    c->name = g_strdup("test");
    c->usb = true;
    return c;
}

static size_t rows_size(const Prop *rows)
{
    while (rows->kind != P_END)
        rows++;
    return rows->off;
}

static const MachineType *pc_type(void)
{
    SET_FOREACH(machine, p)
        if (!g_strcmp0((*p)->alias, "pc"))
            return *p;
    return NULL;
}

static Vm *pc_new(void)
{
    static const char *const accel[] = { "qtest", NULL };
    Vm *vm = vm_new();
    GError *err = NULL;

    vm->conf = conf_new();
    vm->smp = (VmSmp){ 1, 1, 1, 1, 1, 1 };
    vm->machine = pc_type();
    if (!vm->machine)
        leave(SKIPPED, "no machine 'pc' is built in");
    void *args = g_malloc0(rows_size(vm->machine->props) + 1);
    prop_defaults(vm->machine->props, args);
    vm->machine_args = args;
    if (!cpu_model_parse(vm, NULL, &err) || !accel_init(vm, accel, &err) ||
        !accel_vcpus(vm, &err) || !vm->machine->build(vm, args, &err))
        FAIL("the machine: %s", err->message);
    return vm;
}

/* What the vCPUs and main still have to do (a reset that was asked for, calls from other threads).
 */
static void settle(void)
{
    for (int i = 0; i < 100 && g_main_context_pending(NULL); i++)
        g_main_context_iteration(NULL, false);
}

/* ---- links a device needs ---- */

static char *drive_file(void)
{
    char *path = NULL;
    int fd = g_file_open_tmp("devices-XXXXXX.raw", &path, NULL);

    if (fd < 0 || ftruncate(fd, 4 << 20))
        FAIL("cannot make a file");
    close(fd);
    return path;
}

static void give_drive(Device *d, const char *row)
{
    g_autofree char *path = drive_file(),
                    *text = g_strdup_printf("file=%s,format=raw,if=none,id=d0,cache=unsafe", path);
    DriveArgs args;
    GError *err = NULL;

    prop_defaults(DriveArgs_rows, &args);
    if (!prop_parse_kv(DriveArgs_rows, NULL, text, &args, d->vm, &err) ||
        !drive_open(d->vm, &args, &err))
        FAIL("drive: %s", err->message);
    g_unlink(path);
    g_autoptr(Json) word = json_kv("d0");
    if (!device_set(d, row, word, &err))
        FAIL("%s=d0: %s", row, err->message);
}

static void give_chardev(Device *d, const char *row)
{
    GError *err = NULL;

    if (!chardev_find(d->vm, "c0") && !chardev_new_legacy(d->vm, "c0", "null", &err))
        FAIL("chardev: %s", err->message);
    g_autoptr(Json) word = json_kv("c0");
    if (!device_set(d, row, word, &err))
        FAIL("%s=c0: %s", row, err->message);
}

static void give_links(Device *d, const Prop *rows)
{
    for (const Prop *p = rows; p && p->kind != P_END; p++) {
        if (p->kind == P_LINK && p->width == LINK_BLOCK)
            give_drive(d, p->name);
        else if (p->kind == P_LINK && p->width == LINK_CHAR)
            give_chardev(d, p->name);
        else if (p->kind == P_PART && !p->name)
            give_links(d, p->aux);
    }
}

/* ---- tables ---- */

static void check_fields(const char *what, const Field *rows, uint32_t size)
{
    g_autofree bool *covered = g_new0(bool, size);

    for (const Field *f = rows; f->kind != F_END; f++) {
        uint64_t len = f->kind == F_VAR ? sizeof(void *) : (uint64_t)f->size * f->count;
        if (f->off + len > size)
            FAIL("%s.%s reaches past its struct", what, f->name);
        for (uint64_t i = f->off; i < f->off + len; i++) {
            if (covered[i])
                FAIL("%s.%s overlaps another row", what, f->name);
            covered[i] = true;
        }
        if (f->kind == F_STRUCT) {
            g_autofree char *sub = g_strdup_printf("%s.%s", what, f->name);
            check_fields(sub, f->sub, f->size);
        }
    }
    for (uint32_t i = 0; i < size; i++)
        if (!covered[i])
            FAIL("%s: no row covers byte %u of %u", what, i, size);
}

static void check_parts(const StatePart *parts)
{
    for (const StatePart *p = parts; p && p->rows; p++)
        check_fields(p->name, p->rows, p->len);
}

static void check_props(const Prop *rows, const char *name)
{
    g_autofree char *bad = rows ? prop_check(rows, name) : NULL;

    if (bad)
        FAIL("%s", bad);
}

static void test_tables(const DeviceType *t)
{
    check_props(t->props, t->name);
    check_parts(t->state);
    if (t->bus) {
        check_props(t->bus->props, t->bus->name);
        check_parts(t->bus->state);
        check_parts(t->bus->own);
    }
    for (const Pin *p = t->pins; p && p->name; p++)
        if (p->off + p->count * (p->out ? sizeof(void *) : sizeof(IrqLine)) > t->size)
            FAIL("pin '%s' is outside", p->name);
}

/* ---- rows ---- */

/* all: the table that rows are of, or a base of it */
static void round_trip(Device *d, const Prop *all, const Prop *rows)
{
    for (const Prop *p = rows; p && p->kind != P_END; p++) {
        GError *err = NULL;
        if (p->kind == P_PART && !p->name)
            round_trip(d, all, p->aux);
        if (!p->name || (p->kind > P_ENUM && p->kind != P_BOOL))
            continue;
        g_autoptr(Json) was = prop_get(all, d, p->name);
        if (!was || was->kind == J_NULL || (was->kind == J_STR && !*was->s))
            continue; /* an absent text reads as an empty one */
        if (!device_set(d, p->name, was, &err))
            FAIL("row '%s' refuses its own value: %s", p->name, err->message);
        g_autoptr(Json) now = prop_get(all, d, p->name);
        if (!json_equal(was, now))
            FAIL("row '%s' reads back another value", p->name);
    }
}

/* ---- states ---- */

static GByteArray *saved(Device *d)
{
    GByteArray *b = g_byte_array_new();

    state_save(d, b);
    return b;
}

static bool same(const GByteArray *a, const GByteArray *b)
{
    return a->len == b->len && !memcmp(a->data, b->data, a->len);
}

static void check_state(Device *d, void *when)
{
    g_autoptr(GByteArray) one = saved(d);
    GError *err = NULL;

    if (!state_load(d, one->data, one->len, &err))
        FAIL("%s %s: its own state is refused: %s", d->path, (char *)when, err->message);
    g_autoptr(GByteArray) two = saved(d);
    if (!same(one, two))
        FAIL("%s %s: save, load, save differs", d->path, (char *)when);
}

static void keep_state(Device *d, void *into)
{
    g_hash_table_insert(into, d, saved(d));
}

static void compare_state(Device *d, void *with)
{
    GByteArray *one = g_hash_table_lookup(with, d);
    g_autoptr(GByteArray) two = saved(d);

    if (!one || !same(one, two))
        FAIL("%s: two resets differ", d->path);
}

static void machine_reset(Vm *vm)
{
    vm_request(vm, VM_RESET, "host-qmp-system-reset");
    settle();
}

static void check_reset(Vm *vm)
{
    GHashTable *states = g_hash_table_new(NULL, NULL);

    machine_reset(vm);
    device_foreach(vm, keep_state, states);
    machine_reset(vm);
    device_foreach(vm, compare_state, states);
}

/* Bits flipped, cut short: nothing but an error may come of it. */
static void damage(Device *d, void *unused)
{
    for (int i = 0; i < 60; i++) {
        g_autoptr(GByteArray) s = saved(d);
        g_autoptr(GByteArray) before = saved(d);
        size_t n = i % 3 ? s->len : (size_t)g_test_rand_int_range(0, s->len);
        for (int k = 0; k < 3 && n; k++)
            s->data[g_test_rand_int_range(0, n)] ^= 1 << g_test_rand_int_range(0, 8);
        bool ok = state_load(d, s->data, n, NULL);
        g_autoptr(GByteArray) after = saved(d);
        if (!ok && !same(before, after))
            FAIL("%s: a refused stream changed it", d->path);
    }
}

/* ---- random accesses ---- */

typedef struct Poke {
    Device *d; /* NULL: everybody's */
    Space *space;
    unsigned left;
} Poke;

static void poke_row(void *o, const MapRow *r)
{
    Poke *p = o;

    if (!r->on || !r->region || (p->d && r->region->owner != p->d))
        return;
    for (unsigned i = 0; i < p->left; i++) {
        unsigned size = 1 << g_test_rand_int_range(0, 4);
        uint64_t span = MIN(r->size, 1u << 20);
        uint64_t off = ((uint64_t)(uint32_t)g_test_rand_int() << 3) % span;
        off += g_test_rand_int_range(0, 4) ? 0 : g_test_rand_int_range(0, 8);
        uint64_t val = g_test_rand_int() & (g_test_rand_int_range(0, 2) ? ~0u : 0xff);
        space_io(p->space, r->base + MIN(off, r->size - 1), val, size, i & 1);
        if (i % 64 == 0)
            settle();
    }
}

/* Rows come and go while registers are written: take a copy of the list first. */
static void copy_row(void *o, const MapRow *r)
{
    g_array_append_vals(o, r, 1);
}

static void poke_space(Vm *vm, Space *s, Device *d, unsigned n)
{
    g_autoptr(GArray) rows = g_array_new(false, false, sizeof(MapRow));
    Poke p = { d, s, n };

    space_foreach(s, copy_row, rows);
    for (guint i = 0; i < rows->len; i++)
        poke_row(&p, &g_array_index(rows, MapRow, i));
}

static void poke_config(Vm *vm, unsigned devfn, unsigned off, uint32_t val)
{
    space_io(vm->io, 0xcf8, 0x80000000u | devfn << 8 | (off & ~3u), 4, true);
    space_io(vm->io, 0xcfc, val, 4, true);
}

/* Decoding on, BARs somewhere free, so that there is something to poke at. */
static void place_bars(Vm *vm, Device *d)
{
    PciDevice *p = (PciDevice *)d;
    uint32_t mem = 0xe0000000, io = 0xc000;

    for (unsigned i = 0; i < 6; i++) {
        if (!p->bar[i].size)
            continue;
        bool is_io = (p->bar[i].kind & 3) == PCI_BAR_IO;
        uint64_t size = p->bar[i].size;
        uint32_t at = ((is_io ? io : mem) + size - 1) & ~(size - 1);
        poke_config(vm, p->devfn, 0x10 + 4 * i, at);
        if (is_io)
            io = at + size;
        else
            mem = at + size;
    }
    poke_config(vm, p->devfn, 4, 7);
}

static void storm(Vm *vm, Device *d, unsigned n)
{
    bool pci = d->bus && d->bus->type == &pci_bus_type;

    if (pci)
        place_bars(vm, d);
    poke_space(vm, vm->io, d, n);
    poke_space(vm, vm->mem, d, n);
    if (!pci)
        return;
    for (unsigned i = 0; i < n; i++)
        poke_config(vm, ((PciDevice *)d)->devfn, g_test_rand_int_range(0, 256), g_test_rand_int());
    poke_space(vm, vm->mem, d, n);
}

static void storm_fn(Device *d, void *all)
{
    g_ptr_array_add(all, d);
}

static void storm_all(Vm *vm, unsigned n)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new();

    device_foreach(vm, storm_fn, all);
    for (guint i = 0; i < all->len; i++)
        storm(vm, all->pdata[i], n);
    clock_step(vm, clock_now(vm, CLOCK_VIRTUAL) + 1000000000);
    settle();
}

/* ---- the tests ---- */

/* A device whose bus the board has not gets the controller that brings one. */
static void give_bus(Vm *vm, const DeviceType *t)
{
    static const char *const controllers[][2] = { { "SCSI", "lsi53c895a" },
                                                  { "virtio-serial-bus", "virtio-serial-pci" } };
    GError *err = NULL;

    for (unsigned i = 0; i < G_N_ELEMENTS(controllers); i++)
        if (t->bus && !g_strcmp0(t->bus->name, controllers[i][0]) &&
            !device_realize(device_new(vm, device_type(controllers[i][1]), "bus"), NULL, &err))
            FAIL("%s: %s", controllers[i][1], err->message);
}

static void test_user(const DeviceType *t)
{
    Vm *vm = pc_new();
    GError *err = NULL;

    give_bus(vm, t);
    Device *d = device_new(vm, t, "dut");
    give_links(d, t->bus ? t->bus->props : NULL);
    give_links(d, t->props);
    if (t->bus)
        round_trip(d, t->bus->props, t->bus->props);
    round_trip(d, t->props, t->props);
    if (!device_realize(d, NULL, &err))
        leave(SKIPPED, "%s", err->message);
    vm_complete(vm);
    check_reset(vm);
    check_state(d, "after reset");
    for (int i = 0; i < 5; i++) {
        storm(vm, d, 400);
        settle();
        check_state(d, "after random accesses");
        clock_step(vm, clock_now(vm, CLOCK_VIRTUAL) + 50000000);
        check_state(d, "after some time");
    }
    damage(d, NULL);
    storm(vm, d, 100);
    check_reset(vm);
    chardev_close_all(vm);
    vm_free(vm);
}

static void test_board(const DeviceType *unused)
{
    Vm *vm = pc_new();

    vm_complete(vm);
    check_reset(vm);
    device_foreach(vm, check_state, "after reset");
    for (int i = 0; i < 3; i++) {
        storm_all(vm, 200);
        device_foreach(vm, check_state, "after random accesses");
    }
    device_foreach(vm, damage, NULL);
    storm_all(vm, 50);
    check_reset(vm);
    vm_free(vm);
}

/* ---- names of rows are the wire format ---- */

static void list_fields(GString *out, const char *what, const Field *rows)
{
    static const char *const kinds[] = {
        [F_BOOL] = "bool", [F_INT] = "int", [F_STRUCT] = "struct", [F_VAR] = "var"
    };

    for (const Field *f = rows; f->kind != F_END; f++) {
        if (f->kind == F_PAD)
            continue;
        g_autofree char *name = g_strdup_printf("%s.%s", what, f->name);
        if (f->kind == F_STRUCT) {
            g_string_append_printf(out, "%s struct x%u\n", name, f->count);
            list_fields(out, name, f->sub);
            continue;
        }
        g_string_append_printf(out, "%s %s%u x%u", name, kinds[f->kind],
                               f->kind == F_VAR ? 8 : f->size * 8, f->count);
        if (f->since)
            g_string_append_printf(out, " since %u", f->since);
        g_string_append_c(out, '\n');
    }
}

static void list_parts(GString *out, const char *owner, const StatePart *parts)
{
    for (const StatePart *p = parts; p && p->rows; p++) {
        g_autofree char *name = g_strdup_printf("%s/%s", owner, p->name);
        g_string_append_printf(out, "%s version %u x%u%s\n", name, p->version, p->n,
                               p->keep ? " keep" : "");
        list_fields(out, name, p->rows);
    }
}

static void list_bus(GString *out, GHashTable *seen, const BusType *b)
{
    if (!b || !g_hash_table_add(seen, (void *)b))
        return;
    list_parts(out, b->name, b->state);
    g_autofree char *own = g_strdup_printf("%s bus", b->name);
    list_parts(out, own, b->own);
}

/* The lines as a set, and the parts ("type/part") that they speak of. */
static void index_rows(const char *text, GHashTable *lines, GHashTable *parts)
{
    g_auto(GStrv) all = g_strsplit(text, "\n", -1);

    for (char **l = all; *l; l++) {
        g_hash_table_add(lines, g_strdup(*l));
        const char *slash = strrchr(*l, '/');
        size_t n = slash ? slash - *l + strcspn(slash, ". ") : 0;
        g_hash_table_add(parts, g_strndup(*l, n));
    }
}

static bool part_known(const char *line, GHashTable *parts)
{
    const char *slash = strrchr(line, '/');
    g_autofree char *part = g_strndup(line, slash ? slash - line + strcspn(slash, ". ") : 0);

    return g_hash_table_contains(parts, part);
}

/* Nothing may go or change; what is new must be a whole part, not a row of one that exists. */
static void compare_rows(const char *want, const char *now)
{
    GHashTable *was = g_hash_table_new(g_str_hash, g_str_equal);
    GHashTable *is = g_hash_table_new(g_str_hash, g_str_equal);
    GHashTable *parts = g_hash_table_new(g_str_hash, g_str_equal);
    GHashTable *unused = g_hash_table_new(g_str_hash, g_str_equal);
    static const char *const cure = "a saved VM of before would be refused: give the part a new "
                                    "version and the row .since, then UPDATE=1";
    GHashTableIter i;
    void *line;

    index_rows(want, was, parts);
    index_rows(now, is, unused);
    g_hash_table_iter_init(&i, was);
    while (g_hash_table_iter_next(&i, &line, NULL))
        if (!g_hash_table_contains(is, line))
            FAIL("'%s' is gone or has changed: %s", (char *)line, cure);
    g_hash_table_iter_init(&i, is);
    while (g_hash_table_iter_next(&i, &line, NULL))
        if (!g_hash_table_contains(was, line) && part_known(line, parts))
            FAIL("'%s' is new: %s", (char *)line, cure);
}

static void test_golden(const DeviceType *unused)
{
    g_autoptr(GPtrArray) types = SET_SORTED(device);
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
    g_autoptr(GString) now = g_string_new(NULL);
    const char *src = g_getenv("SRC");
    g_autofree char *path = g_build_filename(src ? src : ".", "tests/golden/state-rows.txt", NULL);
    g_autofree char *want = NULL;

    for (guint i = 0; i < types->len; i++) {
        const DeviceType *t = types->pdata[i];
        list_bus(now, seen, t->bus);
        list_parts(now, t->name, t->state);
    }
    if (g_getenv("UPDATE")) {
        if (!g_file_set_contents(path, now->str, now->len, NULL))
            FAIL("cannot write %s", path);
        return;
    }
    if (!g_file_get_contents(path, &want, NULL, NULL))
        leave(SKIPPED, "no %s (SRC is the source directory)", path);
    compare_rows(want, now->str);
}

int main(int argc, char **argv)
{
    g_autoptr(GPtrArray) types = SET_SORTED(device);

    g_test_init(&argc, &argv, NULL);
    child("names of state rows", test_golden, NULL);
    for (guint i = 0; i < types->len; i++) {
        const DeviceType *t = types->pdata[i];
        g_autofree char *tables = g_strdup_printf("%s: tables", t->name);
        g_autofree char *life = g_strdup_printf("%s: life", t->name);
        child(tables, test_tables, t);
        if (t->flags & TYPE_USER)
            child(life, test_user, t);
    }
    child("board: life", test_board, NULL);
    printf("1..%d\n", number);
    return 0;
}
