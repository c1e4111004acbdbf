/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A NIC and a back end that do what a test tells them, on a machine without a processor. */
#ifndef TESTS_NET_FAKE_NET_H
#define TESTS_NET_FAKE_NET_H

#include <string.h>

#include "core/runstate.h"
#include "core/vcpu.h"
#include "net/netdev.h"
#include "util/iov.h"

/* What either end saw. */
typedef struct Seen {
    GPtrArray *frames; /* GByteArray * */
    NetMeta meta;      /* of the last one */
    bool full, echo, echo_refused;
    unsigned inside, resumed, links;
    bool link;
} Seen;

typedef struct FakeNic {
    Device dev;
    Nic nic;
    Seen seen;
} FakeNic;

typedef struct FakeBack {
    NetPort port;
    Seen seen;
} FakeBack;

static inline void seen_frame_free(void *p)
{
    g_byte_array_unref(p);
}

static inline void seen_init(Seen *s)
{
    s->frames = g_ptr_array_new_with_free_func(seen_frame_free);
}

static inline ssize_t seen_receive(Seen *s, NetPort *port, const struct iovec *iov, int n,
                                   const NetMeta *meta)
{
    g_assert_cmpuint(s->inside, ==, 0);
    if (s->full)
        return 0;
    s->inside++;
    GByteArray *f = g_byte_array_new();
    g_byte_array_set_size(f, (guint)iov_bytes(iov, n));
    iov_to_buf(iov, n, 0, f->data, f->len);
    g_ptr_array_add(s->frames, f);
    s->meta = meta ? *meta : (NetMeta){ 0 };
    if (s->echo && net_send_buf(port, f->data, f->len) == 0)
        s->echo_refused = true;
    s->inside--;
    return (ssize_t)f->len;
}

static inline ssize_t fake_nic_receive(void *o, const struct iovec *iov, int n, const NetMeta *m)
{
    FakeNic *f = o;

    g_assert_cmpuint(f->dev.in_io, >, 0);
    return seen_receive(&f->seen, f->nic.port, iov, n, m);
}

static inline void fake_nic_resume(void *o)
{
    ((FakeNic *)o)->seen.resumed++;
}

static inline void fake_nic_link(void *o, bool up)
{
    ((FakeNic *)o)->seen.links++;
    ((FakeNic *)o)->seen.link = up;
}

static const NetOps fake_nic_ops = { fake_nic_receive, fake_nic_resume, fake_nic_link };
static const Prop FakeNic_rows[] = { PROP_BASE(FakeNic, nic, Nic), PROP_END(FakeNic) };

static inline bool fake_nic_realize(Device *d, GError **err)
{
    FakeNic *f = (FakeNic *)d;

    seen_init(&f->seen);
    return nic_open(&f->nic, d, &fake_nic_ops, f, err);
}

static const DeviceType fake_nic = {
    .name = "fake-nic",
    .size = sizeof(FakeNic),
    .flags = TYPE_USER | TYPE_HOTPLUG,
    .props = FakeNic_rows,
    .realize = fake_nic_realize,
};
REGISTER(device, fake_nic);

static inline ssize_t fake_back_receive(void *o, const struct iovec *iov, int n, const NetMeta *m)
{
    return seen_receive(&((FakeBack *)o)->seen, o, iov, n, m);
}

static inline void fake_back_resume(void *o)
{
    ((FakeBack *)o)->seen.resumed++;
}

static inline bool fake_back_open(NetPort *p, const void *args, GError **err)
{
    seen_init(&((FakeBack *)p)->seen);
    return true;
}

static inline void fake_back_close(NetPort *p)
{
    g_ptr_array_unref(((FakeBack *)p)->seen.frames);
}

static inline void fake_back_info(NetPort *p, GString *out)
{
    g_string_append(out, "fake");
}

static const NetDriver fake = {
    .name = "fake",
    .desc = "a back end of tests",
    .size = sizeof(FakeBack),
    .props = Empty_rows,
    .ops = { fake_back_receive, fake_back_resume, NULL },
    .open = fake_back_open,
    .close = fake_back_close,
    .info = fake_back_info,
};
REGISTER(net, fake);

/* ---- the machine ---- */

static inline RunStop fake_run(Vcpu *v)
{
    return RUN_OK;
}

static const AccelOps fake_accel = { .name = "fake", .vcpu_run = fake_run };

static inline bool fake_build(Vm *vm, const void *args, GError **err)
{
    return true;
}

static const MachineType fake_machine = { .name = "fake",
                                          .props = Empty_rows,
                                          .build = fake_build };

static inline Vm *fake_vm(bool start)
{
    Vm *vm = vm_new();

    vm_set_accel(vm, &fake_accel);
    vm->machine = &fake_machine;
    vm_complete(vm);
    if (start)
        g_assert_true(vm_start(vm, NULL));
    return vm;
}

static inline void fake_vm_free(Vm *vm)
{
    NetList *nets = vm->nets;

    net_close_all(vm);
    vm_free(vm);
    net_free(nets);
}

/* Nothing is left to do on main. */
static inline void settle(Vm *vm)
{
    for (int i = 0; i < 8; i++)
        vm_loop_once(vm, false);
}

static inline NetPort *netdev_text(Vm *vm, const char *text, GError **err)
{
    NetdevArgs args;
    NetPort *p = NULL;

    prop_defaults(NetdevArgs_rows, &args);
    if (prop_parse_kv(NetdevArgs_rows, "type", text, &args, vm, err))
        p = netdev_new(vm, &args, err);
    prop_free(NetdevArgs_rows, &args);
    return p;
}

static inline NetPort *netdev_good(Vm *vm, const char *text)
{
    GError *err = NULL;
    NetPort *p = netdev_text(vm, text, &err);

    g_assert_no_error(err);
    g_assert_nonnull(p);
    return p;
}

static inline FakeNic *nic_text(Vm *vm, const char *id, const char *netdev, const char *mac,
                                GError **err)
{
    Device *d = device_new(vm, &fake_nic, id);
    g_autoptr(Json) back = json_kv(netdev);
    g_autoptr(Json) m = json_kv(mac);

    if ((netdev && !device_set(d, "netdev", back, err)) || (mac && !device_set(d, "mac", m, err)) ||
        !device_realize(d, NULL, err)) {
        device_unref(d);
        return NULL;
    }
    return (FakeNic *)d;
}

static inline FakeNic *nic_good(Vm *vm, const char *id, const char *netdev)
{
    GError *err = NULL;
    FakeNic *f = nic_text(vm, id, netdev, NULL, &err);

    g_assert_no_error(err);
    return f;
}

#endif
