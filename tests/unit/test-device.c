/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices: rows, realize and what a failed one leaves, order of reset, state and hostile streams.
 */
#include <glib.h>
#include <string.h>

#include "core/device.h"
#include "core/firmware.h"
#include "core/memory.h"
#include "core/runstate.h"
#include "core/vcpu.h"

typedef struct TBus {
    Bus bus;
    /* state */ struct TBusState {
        uint32_t level, pad;
    } st;
    bool full;
} TBus;

typedef struct Leaf {
    Device dev;
    /* config of the bus */ uint32_t slot;
    /* config */ uint32_t n;
    char *text;
    bool fails, live;
    /* state */ struct LeafState {
        GByteArray *queue;
        int64_t deadline;
        uint16_t head, words[3];
        bool on;
        uint8_t mode, pad[6];
    } st;
    struct LeafKeep {
        uint8_t cmos[8];
    } keep;
    struct LeafPort {
        uint32_t a, b;
    } port[4];
    /* host */ Region io;
    Timer timer;
    const IrqLine *irq[2];
    unsigned resets, synced, unrealized;
} Leaf;

typedef struct Top {
    Device dev;
    TBus tbus;
    IrqLine in[4];
    uint8_t level[4];
} Top;

static GString *order;

/* ---- the types ---- */

static const Prop TBusProps[] = { PROP_INT(Leaf, slot, "slot", 3, "where"), PROP_END(Leaf) };
static const Field TBusState_rows[] = { FIELD(struct TBusState, level),
                                        FIELD_PAD(struct TBusState, pad), FIELD_END };

static bool tbus_attach(Bus *b, Device *d, GError **err)
{
    if (((TBus *)b)->full) {
        g_set_error(err, prop_error_quark(), PROP_ERROR_USER, "full");
        return false;
    }
    return true;
}

static bool tbus_unplug(Bus *b, Device *d, GError **err)
{
    device_del_finish(d);
    return true;
}

static void tbus_addr(const Device *d, GString *out)
{
    g_string_append_printf(out, "%u", ((const Leaf *)d)->slot);
}

static const BusType tbus_type = {
    .name = "TBUS",
    .prefix = "tbus",
    .props = TBusProps,
    .attach = tbus_attach,
    .unplug_request = tbus_unplug,
    .addr = tbus_addr,
    .own = STATE_PARTS(STATE(TBus, st, TBusState_rows, 1)),
};

static const Prop Leaf_rows[] = { PROP_INT(Leaf, n, "n", 7, "a number"),
                                  PROP_STR(Leaf, text, "text", "abc", "a text"),
                                  PROP_BOOL(Leaf, fails, "fails", false, "realize fails"),
                                  PROP_BOOL(Leaf, live, "live", false, "may change", PROP_LIVE),
                                  PROP_END(Leaf) };
static const Field LeafState_rows[] = { FIELD_VAR(struct LeafState, queue, 16),
                                        FIELD(struct LeafState, deadline),
                                        FIELD(struct LeafState, head, .max = 15),
                                        FIELD_ARRAY(struct LeafState, words),
                                        FIELD(struct LeafState, on),
                                        FIELD(struct LeafState, mode),
                                        FIELD_PAD(struct LeafState, pad),
                                        FIELD_END };
static const Field LeafKeep_rows[] = { FIELD_ARRAY(struct LeafKeep, cmos), FIELD_END };
static const Field LeafPort_rows[] = { FIELD(struct LeafPort, a), FIELD(struct LeafPort, b),
                                       FIELD_END };

static const IoOps leaf_io = { .min = 1, .max = 4 };

static void leaf_fired(void *o) {}

static bool leaf_realize(Device *d, GError **err)
{
    Leaf *l = (Leaf *)d;

    region_init_io(&l->io, d, "leaf", 16, &leaf_io, l);
    space_map(d->vm->io, &(MapRow){ .base = 0x100, .size = 16, .region = &l->io, .on = true });
    timer_init(&l->timer, d, CLOCK_VIRTUAL, &l->st.deadline, leaf_fired, l);
    fw_file(d, "etc/leaf", g_bytes_new("x", 1));
    memset(l->keep.cmos, 0xcc, 8);
    if (l->fails)
        g_set_error(err, prop_error_quark(), PROP_ERROR_USER, "as it was told");
    return !l->fails;
}

static void leaf_reset(Device *d)
{
    Leaf *l = (Leaf *)d;

    g_assert_cmpint(l->st.queue->len, ==, 0);
    g_assert_cmpint(l->port[3].b, ==, 0);
    l->st.mode = 3;
    l->resets++;
    if (order)
        g_string_append(order, "leaf ");
}

static void leaf_sync(Device *d)
{
    ((Leaf *)d)->synced++;
}

static bool leaf_post_load(Device *d, GError **err)
{
    Leaf *l = (Leaf *)d;

    if (l->st.words[0] > l->st.words[1]) {
        g_set_error(err, prop_error_quark(), PROP_ERROR_USER, "words");
        return false;
    }
    return true;
}

static bool leaf_changed(Device *d, const Prop *p, GError **err)
{
    return !((Leaf *)d)->live || ((Leaf *)d)->n != 99;
}

static void leaf_unrealize(Device *d)
{
    ((Leaf *)d)->unrealized++;
    if (order)
        g_string_append(order, "-leaf ");
}

static const DeviceType leaf_type = {
    .name = "leaf",
    .size = sizeof(Leaf),
    .flags = TYPE_USER | TYPE_HOTPLUG,
    .bus = &tbus_type,
    .props = Leaf_rows,
    .state =
        STATE_PARTS(STATE(Leaf, st, LeafState_rows, 1), STATE_KEEP(Leaf, keep, LeafKeep_rows, 1),
                    STATE_ARRAY(Leaf, port, n, LeafPort_rows, 1)),
    .pins = PINS(PIN_OUT(Leaf, irq, "")),
    .realize = leaf_realize,
    .reset = leaf_reset,
    .sync = leaf_sync,
    .post_load = leaf_post_load,
    .changed = leaf_changed,
    .unrealize = leaf_unrealize,
};
REGISTER(device, leaf_type);

static void top_in(void *o, int n, int level)
{
    ((Top *)o)->level[n] = level;
}

static void set(Device *d, const char *prop, const char *word)
{
    g_autoptr(Json) v = json_kv(word);
    GError *err = NULL;

    device_set(d, prop, v, &err);
    g_assert_no_error(err);
}

static bool top_realize(Device *d, GError **err)
{
    Top *t = (Top *)d;

    for (int i = 0; i < 4; i++)
        t->in[i] = (IrqLine){ top_in, t, i };
    bus_init(&t->tbus.bus, d, &tbus_type, NULL);
    /* made and realized inside its parent's realize */
    Device *child = device_part(d, &leaf_type, "child");
    set(child, "slot", "9");
    return device_realize(child, &t->tbus.bus, err);
}

static void top_reset(Device *d)
{
    if (order)
        g_string_append(order, "top ");
}

static const DeviceType top_type = { .name = "top",
                                     .size = sizeof(Top),
                                     .realize = top_realize,
                                     .reset = top_reset,
                                     .pins = PINS(PIN_IN(Top, in, "")) };
REGISTER(device, top_type);

/* ---- helpers ---- */

static Vm *vm;

static Leaf *leaf_new(const char *id, bool fails)
{
    Leaf *l = (Leaf *)device_new(vm, &leaf_type, id);

    set(&l->dev, "n", "2");
    set(&l->dev, "fails", fails ? "on" : "off");
    return l;
}

static Top *start(void)
{
    Board b = { vm = vm_new(), NULL };
    Device *top = board_add(&b, "top", "top", NULL, NULL);

    g_assert_true(board_ok(&b, NULL));
    return (Top *)top;
}

static unsigned files(void)
{
    return fw_files(vm)->len;
}

/* ---- tests ---- */

static void test_rows(void)
{
    static const CompatRow rows[] = { { "leaf", "n", "5" }, { NULL, NULL, NULL } };
    static const CompatRow *const tables[] = { rows, NULL };
    static const MachineType machine = { .name = "m", .compat = tables };
    GError *err = NULL;

    vm = vm_new();
    vm->machine = &machine;
    device_global(vm, "leaf", "text", "from -global");
    Leaf *l = (Leaf *)device_new(vm, &leaf_type, "l0");
    g_assert_cmpint(l->slot, ==, 3);
    g_assert_cmpint(l->n, ==, 5);
    g_assert_cmpstr(l->text, ==, "from -global");
    g_assert_cmpstr(l->dev.path, ==, "/machine/peripheral/l0");
    g_assert_false(device_set(&l->dev, "m", NULL, &err));
    g_assert_cmpstr(err->message, ==, "Property 'leaf.m' not found");
    g_clear_error(&err);
    g_assert_false(device_realize(&l->dev, NULL, &err));
    g_assert_cmpstr(err->message, ==, "No 'TBUS' bus found for device 'leaf'");
    g_clear_error(&err);
    device_unref(&l->dev);
    device_global(vm, "leaf", "n", "nonsense");
    l = (Leaf *)device_new(vm, &leaf_type, NULL);
    g_assert_false(device_realize(&l->dev, NULL, &err));
    g_clear_error(&err);
    device_unref(&l->dev);
    vm_free(vm);
}

static void test_failed(void)
{
    Top *top = start();
    GError *err = NULL;
    unsigned n = files();
    Leaf *l = (Leaf *)device_by_path(vm, "/machine/top/child");

    /* the child is the only user of the ports and the file: let it go first */
    g_assert_nonnull(l);
    device_del_finish(&l->dev);
    while (top->tbus.bus.devices->len)
        vm_loop_once(vm, false);
    g_assert_cmpint(files(), ==, n - 1);
    l = leaf_new(NULL, true);
    g_assert_false(device_realize(&l->dev, NULL, &err));
    g_assert_cmpstr(err->message, ==, "as it was told");
    g_clear_error(&err);
    g_assert_cmpint(files(), ==, n - 1);
    g_assert_cmpint(top->tbus.bus.devices->len, ==, 0);
    device_unref(&l->dev);
    l = leaf_new("x", false);
    g_assert_true(device_realize(&l->dev, NULL, NULL));
    g_assert_true(device_by_id(vm, "x") == &l->dev);
    g_assert_cmpint(files(), ==, n);
    Leaf *twice = leaf_new("x", false);
    g_assert_false(device_realize(&twice->dev, NULL, &err));
    g_assert_cmpstr(err->message, ==, "Duplicate ID 'x' for device");
    g_clear_error(&err);
    device_unref(&twice->dev);
    vm_free(vm);
}

static void test_order(void)
{
    Top *top;

    order = g_string_new(NULL);
    top = start();
    vm_complete(vm);
    g_assert_cmpstr(order->str, ==, "top leaf ");
    g_assert_cmpstr(top->tbus.bus.name, ==, "tbus.0");
    vm_free(vm);
    g_assert_cmpstr(order->str, ==, "top leaf -leaf ");
    g_string_free(order, true);
    order = NULL;
}

static void hot_done(void *o)
{
    ++*(unsigned *)o;
}

static void test_hot(void)
{
    Top *top = start();
    Leaf *l = (Leaf *)device_by_path(vm, "/machine/top/child");
    unsigned done = 0;
    GError *err = NULL;

    vm_complete(vm);
    wire(&l->dev, "", 1, pin(&top->dev, "", 2));
    irq_set(l->irq[1], 1);
    l->st.head = 9;
    g_byte_array_append(l->st.queue, (const uint8_t *)"abc", 3);
    l->keep.cmos[1] = 1;
    timer_set(&l->timer, 1000);
    device_reset(&l->dev, RESET_SELF, hot_done, &done);
    g_assert_cmpint(done, ==, 1);
    g_assert_cmpint(l->resets, ==, 2);
    g_assert_cmpint(l->st.head, ==, 0);
    g_assert_cmpint(l->st.mode, ==, 3);
    g_assert_cmpint(l->keep.cmos[1], ==, 1);
    g_assert_cmpint(l->timer.heap_pos, ==, 0);
    g_assert_cmpint(top->level[2], ==, 0);
    /* live rows */
    set(&l->dev, "live", "on");
    l->n = 99;
    l->live = false;
    g_autoptr(Json) on = json_kv("on");
    g_assert_false(device_set(&l->dev, "live", on, NULL));
    g_assert_false(l->live);
    g_assert_false(device_set(&l->dev, "n", on, &err));
    g_assert_cmpstr(err->message, ==,
                    "Attempt to set property 'n' on device '/machine/top/child' (type 'leaf') "
                    "after it was realized");
    g_clear_error(&err);
    vm_free(vm);
}

static GByteArray *saved(Device *d)
{
    GByteArray *b = g_byte_array_new();

    state_save(d, b);
    return b;
}

static void test_state(void)
{
    start();
    Leaf *l = (Leaf *)device_by_path(vm, "/machine/top/child");
    GError *err = NULL;

    l->n = 2;
    vm_complete(vm);
    l->st.head = 15;
    l->st.on = true;
    l->st.words[0] = 4;
    l->st.words[1] = 5;
    l->port[1].b = 0x12345678;
    g_byte_array_append(l->st.queue, (const uint8_t *)"hello", 5);
    timer_set(&l->timer, 1234567);
    g_autoptr(GByteArray) one = saved(&l->dev);
    device_reset(&l->dev, RESET_FULL, NULL, NULL);
    l->keep.cmos[2] = 0;
    unsigned synced = l->synced;
    state_load(&l->dev, one->data, one->len, &err);
    g_assert_no_error(err);
    g_assert_cmpint(l->synced, ==, synced + 1);
    g_assert_cmpint(l->timer.key, ==, 1234567);
    g_assert_cmpint(l->timer.heap_pos, ==, 1);
    g_assert_cmpint(l->keep.cmos[2], ==, 0xcc);
    g_autoptr(GByteArray) two = saved(&l->dev);
    g_assert_cmpmem(one->data, one->len, two->data, two->len);

    l->st.words[0] = 6; /* what post_load refuses is put back */
    g_autoptr(GByteArray) bad = saved(&l->dev);
    l->st.words[0] = 4;
    g_assert_false(state_load(&l->dev, bad->data, bad->len, &err));
    g_assert_cmpstr(err->message, ==, "words");
    g_clear_error(&err);
    g_autoptr(GByteArray) same = saved(&l->dev);
    g_assert_cmpmem(one->data, one->len, same->data, same->len);
    g_assert_cmpint(l->timer.heap_pos, ==, 1);

    l->st.head = 16; /* over its max */
    g_autoptr(GByteArray) over = saved(&l->dev);
    l->st.head = 15;
    g_assert_false(state_load(&l->dev, over->data, over->len, &err));
    g_assert_cmpstr(err->message, ==, "/machine/top/child: st.head: a value out of range");
    g_clear_error(&err);
    vm_free(vm);
}

/* Flips, cuts and noise: refused or taken, never more, and a refused one changes nothing. */
static void test_hostile(void)
{
    start();
    Leaf *l = (Leaf *)device_by_path(vm, "/machine/top/child");

    l->n = 3;
    vm_complete(vm);
    l->st.words[1] = 0xffff;
    g_byte_array_append(l->st.queue, (const uint8_t *)"0123456789", 10);
    g_autoptr(GByteArray) good = saved(&l->dev);
    for (int i = 0; i < 20000; i++) {
        g_autofree uint8_t *p = g_memdup2(good->data, good->len);
        size_t n = good->len;
        g_autoptr(GByteArray) before = saved(&l->dev);
        if (i & 1)
            n = g_test_rand_int_range(0, n);
        for (int k = g_test_rand_int_range(0, 4); k > 0 && n; k--)
            p[g_test_rand_int_range(0, n)] = g_test_rand_int();
        bool ok = state_load(&l->dev, p, n, NULL);
        g_assert_cmpint(l->st.head, <=, 15);
        g_assert_cmpint(l->st.queue->len, <=, 16);
        if (!ok) {
            g_autoptr(GByteArray) after = saved(&l->dev);
            g_assert_cmpmem(before->data, before->len, after->data, after->len);
        }
    }
    vm_free(vm);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/device/rows", test_rows);
    g_test_add_func("/device/failed", test_failed);
    g_test_add_func("/device/order", test_order);
    g_test_add_func("/device/hot", test_hot);
    g_test_add_func("/device/state", test_state);
    g_test_add_func("/device/hostile", test_hostile);
    return g_test_run();
}
