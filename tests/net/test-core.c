/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports and cables: who gets a frame, who waits, who goes on; names, addresses, hubs. */
#include "tests/net/fake-net.h"

static const uint8_t frame[1500] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 0 };

static void free_nic(FakeNic *f)
{
    g_ptr_array_unref(f->seen.frames);
}

static void test_both_ways(void)
{
    Vm *vm = fake_vm(true);
    FakeBack *b = (FakeBack *)netdev_good(vm, "fake,id=b");
    FakeNic *n = nic_good(vm, "n", "b");
    struct iovec two[2] = { { (void *)frame, 20 }, { (void *)(frame + 20), 80 } };

    g_assert_cmpint(net_send(n->nic.port, two, 2, NULL), ==, 100);
    GByteArray *got = b->seen.frames->pdata[0];
    g_assert_cmpmem(got->data, got->len, frame, 100);

    /* to a NIC, and only to a NIC, short frames grow */
    g_assert_cmpint(net_send_buf(&b->port, frame, 14), >, 0);
    got = n->seen.frames->pdata[0];
    g_assert_cmpuint(got->len, ==, 60);
    g_assert_cmpmem(got->data, 60, frame, 60);
    g_assert_cmpint(net_send_buf(n->nic.port, frame, 14), >, 0);
    got = b->seen.frames->pdata[1];
    g_assert_cmpuint(got->len, ==, 14);

    /* no frame at all: lost */
    g_assert_cmpint(net_send_buf(n->nic.port, frame, 13), >, 0);
    g_assert_cmpint(net_send_buf(n->nic.port, frame, 0), >, 0);
    g_assert_cmpuint(b->seen.frames->len, ==, 2);
    g_assert_cmpint(net_send_buf(NULL, frame, 60), <, 0);
    free_nic(n);
    fake_vm_free(vm);
}

static void test_back_pressure(void)
{
    Vm *vm = fake_vm(true);
    FakeBack *b = (FakeBack *)netdev_good(vm, "fake,id=b");
    FakeNic *n = nic_good(vm, "n", "b");

    n->seen.full = true;
    g_assert_cmpint(net_send_buf(&b->port, frame, 60), ==, 0);
    settle(vm);
    g_assert_cmpuint(b->seen.resumed, ==, 0);
    n->seen.full = false;
    net_resume(n->nic.port);
    net_resume(n->nic.port);
    g_assert_cmpuint(b->seen.resumed, ==, 0); /* never inside the call */
    settle(vm);
    g_assert_cmpuint(b->seen.resumed, ==, 1);
    g_assert_cmpint(net_send_buf(&b->port, frame, 60), >, 0);
    /* nobody waits: nobody is woken */
    net_resume(n->nic.port);
    settle(vm);
    g_assert_cmpuint(b->seen.resumed, ==, 1);
    free_nic(n);
    fake_vm_free(vm);
}

/* What the peer answers inside a send is refused, and comes afterwards. */
static void test_no_recursion(void)
{
    Vm *vm = fake_vm(true);
    FakeBack *b = (FakeBack *)netdev_good(vm, "fake,id=b");
    FakeNic *n = nic_good(vm, "n", "b");

    b->seen.echo = true;
    g_assert_cmpint(net_send_buf(n->nic.port, frame, 60), >, 0);
    g_assert_true(b->seen.echo_refused);
    g_assert_cmpuint(n->seen.frames->len, ==, 0);
    settle(vm);
    g_assert_cmpuint(b->seen.resumed, ==, 1);
    g_assert_cmpint(net_send_buf(&b->port, frame, 60), >, 0);
    g_assert_cmpuint(n->seen.frames->len, ==, 1);
    free_nic(n);
    fake_vm_free(vm);
}

/* A NIC takes nothing, and goes on with nothing, while the machine stands still. */
static void test_stopped(void)
{
    Vm *vm = fake_vm(false);
    FakeBack *b = (FakeBack *)netdev_good(vm, "fake,id=b");
    FakeNic *n = nic_good(vm, "n", "b");

    g_assert_cmpint(net_send_buf(&b->port, frame, 60), ==, 0);
    settle(vm);
    g_assert_cmpuint(b->seen.resumed, ==, 0);
    g_assert_true(vm_start(vm, NULL));
    settle(vm);
    g_assert_cmpuint(b->seen.resumed, ==, 1);

    b->seen.full = true;
    g_assert_cmpint(net_send_buf(n->nic.port, frame, 60), ==, 0);
    vm_stop(vm, RUNSTATE_PAUSED);
    b->seen.full = false;
    net_resume(&b->port);
    settle(vm);
    g_assert_cmpuint(n->seen.resumed, ==, 1);
    g_assert_true(vm_start(vm, NULL));
    settle(vm);
    g_assert_cmpuint(n->seen.resumed, ==, 2);

    /* what a load brought the NIC to send is not known here: it is always asked */
    vm_stop(vm, RUNSTATE_PAUSED);
    g_assert_true(vm_start(vm, NULL));
    settle(vm);
    g_assert_cmpuint(n->seen.resumed, ==, 3);
    free_nic(n);
    fake_vm_free(vm);
}

/* The reset empties a NIC's ring: who waited for room goes on. */
static void test_reset(void)
{
    Vm *vm = fake_vm(true);
    FakeBack *b = (FakeBack *)netdev_good(vm, "fake,id=b");
    FakeNic *n = nic_good(vm, "n", "b");

    n->seen.full = true;
    g_assert_cmpint(net_send_buf(&b->port, frame, 60), ==, 0);
    n->seen.full = false;
    vm_request(vm, VM_RESET, "host-qmp-system-reset");
    settle(vm);
    g_assert_cmpuint(b->seen.resumed, ==, 1);
    free_nic(n);
    fake_vm_free(vm);
}

static void test_link(void)
{
    Vm *vm = fake_vm(true);
    FakeBack *b = (FakeBack *)netdev_good(vm, "fake,id=b");
    FakeNic *n = nic_good(vm, "n", "b");
    GError *err = NULL;

    /* who waits when the cable is pulled goes on: his frame is lost */
    n->seen.full = true;
    g_assert_cmpint(net_send_buf(&b->port, frame, 60), ==, 0);
    g_assert_true(net_set_link(vm, "n", false, NULL));
    g_assert_cmpuint(n->seen.links, ==, 1);
    g_assert_false(n->seen.link);
    settle(vm);
    g_assert_cmpuint(b->seen.resumed, ==, 1);
    g_assert_cmpint(net_send_buf(&b->port, frame, 60), >, 0);
    g_assert_cmpint(net_send_buf(n->nic.port, frame, 60), >, 0);
    g_assert_cmpuint(n->seen.frames->len + b->seen.frames->len, ==, 0);
    g_assert_true(net_set_link(vm, "n", true, NULL));
    g_assert_true(n->seen.link);

    /* the other end's name does the same */
    g_assert_true(net_set_link(vm, "b", false, NULL));
    g_assert_false(n->seen.link);
    g_assert_false(net_link_up(n->nic.port));
    g_assert_true(net_set_link(vm, "b", true, NULL));
    g_assert_true(net_link_up(n->nic.port));
    g_assert_false(net_set_link(vm, "x", true, &err));
    g_assert_cmpstr(err->message, ==, "Device 'x' not found");
    g_clear_error(&err);
    free_nic(n);
    fake_vm_free(vm);
}

static void test_delete(void)
{
    Vm *vm = fake_vm(true);
    FakeBack *b = (FakeBack *)netdev_good(vm, "fake,id=b");
    FakeNic *n = nic_good(vm, "n", "b");
    GError *err = NULL;

    b->seen.full = true;
    g_assert_cmpint(net_send_buf(n->nic.port, frame, 60), ==, 0);
    g_assert_true(netdev_del(vm, "b", NULL));
    g_assert_false(n->seen.link);
    settle(vm);
    g_assert_cmpuint(n->seen.resumed, ==, 1);
    g_assert_cmpint(net_send_buf(n->nic.port, frame, 60), <, 0);
    g_assert_false(netdev_del(vm, "b", &err));
    g_assert_cmpstr(err->message, ==, "Device 'b' not found");
    g_clear_error(&err);
    /* and the NIC's name is no back end's */
    g_assert_false(netdev_del(vm, "n", &err));
    g_clear_error(&err);
    free_nic(n);
    fake_vm_free(vm);
}

static void test_unplug(void)
{
    Vm *vm = fake_vm(true);
    FakeBack *b = (FakeBack *)netdev_good(vm, "fake,id=b");
    FakeNic *n = nic_good(vm, "n", "b");

    n->seen.full = true;
    g_assert_cmpint(net_send_buf(&b->port, frame, 60), ==, 0);
    free_nic(n);
    device_del_finish(&n->dev);
    settle(vm);
    g_assert_cmpuint(b->seen.resumed, ==, 1);
    g_assert_null(b->port.peer);
    n = nic_good(vm, "n", "b"); /* and the cable fits the next one */
    g_assert_true(b->port.peer == n->nic.port);
    free_nic(n);
    fake_vm_free(vm);
}

/* A property that names a back end which is deleted before the device is realized. */
static void test_early_delete(void)
{
    Vm *vm = fake_vm(true);
    Device *d = device_new(vm, &fake_nic, "n");
    g_autoptr(Json) name = json_kv("b");
    GError *err = NULL;

    netdev_good(vm, "fake,id=b");
    g_assert_true(device_set(d, "netdev", name, NULL));
    g_assert_true(netdev_del(vm, "b", NULL));
    g_assert_false(device_realize(d, NULL, &err));
    g_assert_nonnull(strstr(err->message, "was deleted"));
    g_clear_error(&err);
    free_nic((FakeNic *)d);
    device_unref(d);
    fake_vm_free(vm);
}

static void test_names(void)
{
    Vm *vm = fake_vm(true);
    NetPort *b = netdev_good(vm, "fake,id=b");
    FakeNic *n = nic_good(vm, "b", "b"), *m;
    GError *err = NULL;

    g_assert_cmpstr(n->nic.port->name, ==, "b"); /* a netdev and a device may share one id */
    g_assert_null(netdev_text(vm, "fake,id=b", &err));
    g_assert_cmpstr(err->message, ==, "Duplicate ID 'b' for netdev");
    g_clear_error(&err);
    g_assert_null(netdev_text(vm, "fake,id=1", &err));
    g_clear_error(&err);
    g_assert_null(nic_text(vm, NULL, "b", NULL, &err));
    g_assert_nonnull(strstr(err->message, "network back end 'b' is in use by 'b'"));
    g_clear_error(&err);
    g_assert_null(nic_text(vm, NULL, "x", NULL, &err));
    g_assert_nonnull(strstr(err->message, "network back end 'x' not found"));
    g_clear_error(&err);
    m = nic_good(vm, NULL, NULL);
    g_assert_cmpstr(m->nic.port->name, ==, "fake-nic.0");
    g_assert_true(b->peer == n->nic.port);
    free_nic(n);
    free_nic(m);
    fake_vm_free(vm);
}

static void test_addresses(void)
{
    static const uint8_t third[6] = { 0x52, 0x54, 0, 0x12, 0x34, 0x58 };
    Vm *vm = fake_vm(true);
    FakeNic *n[4];
    GError *err = NULL;

    n[0] = nic_good(vm, NULL, NULL);
    n[1] = nic_text(vm, NULL, NULL, "52-54-00-12-34-57", &err);
    g_assert_no_error(err);
    n[2] = nic_good(vm, NULL, NULL);
    g_assert_cmpmem(n[2]->nic.addr, 6, third, 6);
    g_assert_cmpstr(n[0]->nic.mac, ==, "52:54:00:12:34:56");
    n[3] = nic_text(vm, NULL, NULL, "52:54:0:12:34:58", &err); /* warned of, but made */
    g_assert_no_error(err);
    static const char *const bad[] = { "52:54:00:12:34", "52:54:00:12:34:56:78", "x",
                                       "01:0:0:0:0:0",   "52:54:00:12:34:5g",    "525400123456" };
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_null(nic_text(vm, NULL, NULL, bad[i], &err));
        g_assert_nonnull(strstr(err->message, bad[i]));
        g_clear_error(&err);
    }
    for (int i = 0; i < 4; i++)
        free_nic(n[i]);
    fake_vm_free(vm);
}

/* ---- hubs ---- */

static void test_hub(void)
{
    Vm *vm = fake_vm(true);
    FakeBack *b[3];
    static const char *const name[] = { "fake,id=a", "fake,id=b", "fake,id=c" };

    for (int i = 0; i < 3; i++) {
        b[i] = (FakeBack *)netdev_good(vm, name[i]);
        net_hub_join(&b[i]->port, 7);
        g_assert_cmpint(net_hub_id(&b[i]->port), ==, 7);
    }
    /* c is full: b has the frame once, a's next one waits, b can still send to a */
    b[2]->seen.full = true;
    g_assert_cmpint(net_send_buf(&b[0]->port, frame, 100), >, 0);
    g_assert_cmpuint(b[1]->seen.frames->len, ==, 1);
    g_assert_cmpint(net_send_buf(&b[0]->port, frame, 200), ==, 0);
    g_assert_cmpuint(b[1]->seen.frames->len, ==, 1);
    g_assert_cmpint(net_send_buf(&b[1]->port, frame, 300), >, 0);
    g_assert_cmpuint(b[0]->seen.frames->len, ==, 1);
    settle(vm);
    g_assert_cmpuint(b[0]->seen.resumed, ==, 0);
    b[2]->seen.full = false;
    net_resume(&b[2]->port);
    settle(vm);
    g_assert_cmpuint(b[2]->seen.frames->len, ==, 2);
    g_assert_cmpuint(b[0]->seen.resumed, ==, 1);
    g_assert_cmpint(net_send_buf(&b[0]->port, frame, 200), >, 0);
    g_assert_cmpuint(b[1]->seen.frames->len, ==, 2);
    g_assert_cmpuint(b[2]->seen.frames->len, ==, 3);

    /* a port that is full and goes away holds up nobody; its hub port goes with it */
    b[2]->seen.full = true;
    g_assert_cmpint(net_send_buf(&b[0]->port, frame, 100), >, 0);
    g_assert_cmpint(net_send_buf(&b[0]->port, frame, 100), ==, 0);
    g_assert_true(netdev_del(vm, "c", NULL));
    g_assert_null(netdev_find(vm, "hub7port2"));
    settle(vm);
    g_assert_cmpuint(b[0]->seen.resumed, ==, 2);
    g_assert_cmpint(net_send_buf(&b[0]->port, frame, 100), >, 0);
    fake_vm_free(vm);
}

/* A NIC of vlan=N that cannot be made leaves no port of its own in the hub. */
static void test_hub_refused(void)
{
    Vm *vm = fake_vm(true);
    Device *d = device_new(vm, &fake_nic, "n");
    g_autoptr(Json) vlan = json_kv("3");
    g_autoptr(Json) mac = json_kv("nonsense");
    GError *err = NULL;

    g_assert_true(device_set(d, "vlan", vlan, NULL) && device_set(d, "mac", mac, NULL));
    g_assert_false(device_realize(d, NULL, &err));
    g_clear_error(&err);
    g_assert_cmpuint(net_ports(vm)->len, ==, 0);
    free_nic((FakeNic *)d);
    device_unref(d);
    fake_vm_free(vm);
}

static void test_hub_nested(void)
{
    Vm *vm = fake_vm(true);
    FakeBack *a = (FakeBack *)netdev_good(vm, "fake,id=a"),
             *b = (FakeBack *)netdev_good(vm, "fake,id=b");

    net_hub_join(&a->port, 0);
    net_hub_join(&b->port, 0);
    b->seen.echo = true;
    g_assert_cmpint(net_send_buf(&a->port, frame, 60), >, 0);
    g_assert_true(b->seen.echo_refused);
    settle(vm);
    g_assert_cmpuint(b->seen.resumed, ==, 1);
    g_assert_cmpint(net_send_buf(&b->port, frame, 60), >, 0);
    g_assert_cmpuint(a->seen.frames->len, ==, 1);
    fake_vm_free(vm);
}

static void test_info(void)
{
    Vm *vm = fake_vm(true);
    g_autoptr(GString) out = g_string_new(NULL);
    FakeNic *n, *m;

    net_hub_port(vm, 0, "card");
    n = nic_good(vm, NULL, "hub0port0");
    net_hub_join(netdev_good(vm, "fake,id=a"), 0);
    netdev_good(vm, "fake,id=x");
    netdev_good(vm, "fake,id=y");
    m = nic_good(vm, "m", "y");
    net_info_all(vm, out);
    g_assert_cmpstr(
        out->str, ==,
        "hub 0\n"
        " \\ hub0port1: a: index=0,type=fake,fake\n"
        " \\ hub0port0: card: index=0,type=nic,model=fake-nic,macaddr=52:54:00:12:34:56\n"
        "x: index=0,type=fake,fake\n"
        "m: index=0,type=nic,model=fake-nic,macaddr=52:54:00:12:34:57\n"
        " \\ y: index=0,type=fake,fake\n");
    free_nic(n);
    free_nic(m);
    fake_vm_free(vm);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/net/both-ways", test_both_ways);
    g_test_add_func("/net/back-pressure", test_back_pressure);
    g_test_add_func("/net/no-recursion", test_no_recursion);
    g_test_add_func("/net/stopped", test_stopped);
    g_test_add_func("/net/reset", test_reset);
    g_test_add_func("/net/link", test_link);
    g_test_add_func("/net/delete", test_delete);
    g_test_add_func("/net/unplug", test_unplug);
    g_test_add_func("/net/early-delete", test_early_delete);
    g_test_add_func("/net/names", test_names);
    g_test_add_func("/net/addresses", test_addresses);
    g_test_add_func("/net/hub", test_hub);
    g_test_add_func("/net/hub-refused", test_hub_refused);
    g_test_add_func("/net/hub-nested", test_hub_nested);
    g_test_add_func("/net/info", test_info);
    return g_test_run();
}
