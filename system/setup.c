/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine type and its arguments, processors, the accelerator, the board. */
#include <string.h>

#include "accel/accel.h"
#include "accel/x86/cpuid.h"
#include "core/prop-int.h"
#include "core/runstate.h"
#include "system/qtest.h"
#include "system/system.h"
#include "util/log.h"
#include "util/text.h"

SET_DECLARE(machine);

const MachineType *machine_find(const char *name)
{
    SET_FOREACH(machine, p) {
        if (strcmp((*p)->name, name) == 0 || g_strcmp0((*p)->alias, name) == 0)
            return *p;
    }
    return NULL;
}

const MachineType *machine_default(void)
{
    return machine_find("pc");
}

/* The last record of an option, so that errors found later still name it. */
static Record record_of(Vm *vm, const char *name)
{
    const GArray *records = startup(vm)->records;
    Record found = { NULL, NULL, NULL };

    for (guint i = 0; i < records->len; i++) {
        const Record *r = &g_array_index(records, Record, i);

        if (strcmp(r->opt->name, name) == 0)
            found = *r;
    }
    return found;
}

static bool fail(Vm *vm, const char *option, GError *take, int *status)
{
    Record r = record_of(vm, option);

    *status = option_report(&r, take);
    return false;
}

static bool unknown_machine(const char *name, GError **err)
{
    Nearest near = nearest_to(name);
    g_autofree char *hint = NULL;

    SET_FOREACH(machine, p) {
        nearest_try(&near, (*p)->name);
        if ((*p)->alias)
            nearest_try(&near, (*p)->alias);
    }
    hint = nearest_hint(&near);
    return user_fail(
        err, "unsupported machine type%s\nUse -machine help to list supported machines", hint);
}

/* What -machine says in other words than the options of old. */
static bool machine_merge(Vm *vm, GError **err)
{
    MachineArgs *m = &startup(vm)->machine;
    MachineConf *conf = vm->conf;

    if (m->kernel)
        conf->kernel = g_strdup(m->kernel);
    if (m->initrd)
        conf->initrd = g_strdup(m->initrd);
    if (m->append)
        conf->append = g_strdup(m->append);
    if (m->firmware)
        conf->bios = g_strdup(m->firmware);
    if (m->memory_backend)
        conf->ram.backend = g_strdup(m->memory_backend);
    conf->ram.no_merge = m->mem_merge == 0;
    conf->ram.no_dump = m->dump_guest_core == 0;
    if (m->graphics == 0)
        conf->nographic = true;
    if (m->smp.cpus || m->smp.sockets || m->smp.cores || m->smp.threads || m->smp.maxcpus) {
        if (!opt_smp(vm, &m->smp, err))
            return false;
    }
    return opt_boot(vm, &m->boot, err);
}

static bool machine_args(Vm *vm, GError **err)
{
    Startup *st = startup(vm);
    const Prop *rows = vm->machine->props ? vm->machine->props : Empty_rows;
    g_autoptr(Json) none = json_kv(NULL);

    st->machine_args = g_malloc0(MAX(prop_size(rows), 1));
    vm->machine_args = st->machine_args;
    prop_defaults(rows, st->machine_args);
    return prop_parse_json(rows, st->machine.rest ? st->machine.rest : none, st->machine_args, vm,
                           err);
}

static bool check_smp(Vm *vm, GError **err)
{
    VmSmp *smp = &vm->smp;

    if (!smp->cpus)
        *smp = (VmSmp){ 1, 1, 1, 1, 1, 1 };
    if (smp->max > vm->machine->max_cpus)
        return user_fail(err, "Invalid SMP CPUs %u. The max CPUs supported by machine '%s' is %u",
                         smp->max, vm->machine->name, vm->machine->max_cpus);
    return true;
}

static bool check_kernel(const MachineConf *conf, const char **option, GError **err)
{
    if (conf->kernel)
        return true;
    *option = conf->append ? "append" : "initrd";
    if (conf->append)
        return user_fail(err, "-append only allowed with -kernel option");
    return !conf->initrd || user_fail(err, "-initrd only allowed with -kernel option");
}

static void choose_vga(Vm *vm)
{
    Startup *st = startup(vm);
    const char *vga = st->vga;

    if (!vga && (vm->defaults & DEFAULT_VGA))
        vga = vm->machine->vga;
    vm->conf->vga = g_strdup(vga);
}

/* A user's own device takes the place of the default one of its kind. */
static void choose_defaults(Vm *vm)
{
    Startup *st = startup(vm);

    vm->defaults = st->nodefaults ? 0
                                  : DEFAULT_SERIAL | DEFAULT_PARALLEL | DEFAULT_FLOPPY |
                                        DEFAULT_CDROM | DEFAULT_VGA | DEFAULT_NET | DEFAULT_SD;
    for (guint i = 0; i < st->records->len; i++) {
        const Record *r = &g_array_index(st->records, Record, i);
        const DeviceType *type =
            strcmp(r->opt->name, "global") ? record_device(vm, r) : global_device(vm, r->text);

        if (type)
            vm->defaults &= ~(type->flags & ~(TYPE_USER | TYPE_HOTPLUG));
    }
    if (st->serials->len)
        vm->defaults &= ~DEFAULT_SERIAL;
    if (st->parallels->len)
        vm->defaults &= ~DEFAULT_PARALLEL;
    if (st->vga)
        vm->defaults &= ~DEFAULT_VGA;
    if (options_given(st->records, "net") || options_given(st->records, "nic") ||
        options_given(st->records, "netdev"))
        vm->defaults &= ~DEFAULT_NET;
    choose_vga(vm);
}

bool startup_machine(Vm *vm, int *status)
{
    const char *name = startup(vm)->machine.type, *option = NULL;
    GError *err = NULL;

    vm->machine = name ? machine_find(name) : machine_default();
    if (!vm->machine) {
        if (name)
            unknown_machine(name, &err);
        else
            user_fail(&err, "there is no default machine in this build");
        return fail(vm, "machine", err, status);
    }
    if (!machine_merge(vm, &err) || !machine_args(vm, &err))
        return fail(vm, "machine", err, status);
    if (!check_smp(vm, &err))
        return fail(vm, "smp", err, status);
    if (!memory_complete(vm, options_given(startup(vm)->records, "m"), &err))
        return fail(vm, "machine", err, status);
    if (!numa_complete(vm, &err))
        return fail(vm, "numa", err, status);
    if (!check_kernel(vm->conf, &option, &err)) {
        *status = option_report(NULL, err);
        return false;
    }
    choose_defaults(vm);
    if (startup(vm)->pidfile && !pidfile_write(startup(vm)->pidfile, &err))
        return fail(vm, "pidfile", err, status);
    return true;
}

/* ---- the accelerator ---- */

static const char *irqchip_word(const Startup *st)
{
    static const char *const words[] = {
        [IRQCHIP_OFF] = "off",
        [IRQCHIP_ON] = "on",
        [IRQCHIP_SPLIT] = "split",
    };

    if (st->no_irqchip)
        return "off";
    return st->machine.kernel_irqchip >= 0 ? words[st->machine.kernel_irqchip] : NULL;
}

/* kernel-irqchip= of -machine is KVM's property. */
static void add_try(GPtrArray *tries, const char *text, const char *irqchip)
{
    if (irqchip && g_str_has_prefix(text, "kvm") && !strstr(text, "kernel-irqchip"))
        g_ptr_array_add(tries, g_strdup_printf("%s,kernel-irqchip=%s", text, irqchip));
    else
        g_ptr_array_add(tries, g_strdup(text));
}

/* NULL-ended; empty: the default */
static GPtrArray *accel_tries(const Startup *st)
{
    GPtrArray *tries = g_ptr_array_new_with_free_func(g_free);
    const char *irqchip = irqchip_word(st);

    for (guint i = 0; i < st->accels->len; i++)
        add_try(tries, st->accels->pdata[i], irqchip);
    if (!tries->len && st->machine.accel) {
        g_auto(GStrv) names = g_strsplit(st->machine.accel, ":", -1);

        for (char **name = names; *name; name++)
            add_try(tries, *name, irqchip);
    }
    if (!tries->len && st->enable_kvm)
        add_try(tries, "kvm", irqchip);
    if (!tries->len && st->no_kvm)
        add_try(tries, "tcg", NULL);
    g_ptr_array_add(tries, NULL);
    return tries;
}

static bool is_qtest(Vm *vm)
{
    return strcmp(accel_ops(vm)->name, "qtest") == 0;
}

bool startup_accel(Vm *vm, int *status)
{
    Startup *st = startup(vm);
    g_autoptr(GPtrArray) tries = accel_tries(st);
    const char *option = st->accels->len ? "accel" : st->machine.accel ? "machine" : "enable-kvm";
    GError *err = NULL;

    if (st->accels->len && st->machine.accel) {
        user_fail(&err, "The -accel and \"-machine accel=\" options are incompatible");
        return fail(vm, "accel", err, status);
    }
    if (!cpu_model_parse(vm, st->cpu, &err))
        return fail(vm, "cpu", err, status);
    if (!accel_init(vm, tries->len > 1 ? (const char *const *)tries->pdata : NULL, &err))
        return fail(vm, option, err, status);
    if (!accel_vcpus(vm, &err))
        return fail(vm, "smp", err, status);
    return true;
}

/* ---- the board ---- */

static bool check_drives(Vm *vm, GError **err)
{
    const GPtrArray *drives = vm->conf->drives;

    for (guint i = 0; i < drives->len; i++) {
        const DriveConf *d = drives->pdata[i];

        if (!d->used)
            return user_fail(err, "machine type does not support if=%s,bus=%u,unit=%u",
                             drive_if_names[d->iface], d->bus, d->unit);
    }
    return true;
}

bool startup_board(Vm *vm, int *status)
{
    GError *err = NULL;

    if (vm->machine->build(vm, vm->machine_args, &err) && check_drives(vm, &err))
        return true;
    *status = option_report(NULL, err);
    return false;
}

static bool add_debugcon(Vm *vm, GError **err)
{
    const char *text = startup(vm)->debugcon;
    DeviceArgs args;
    bool ok;

    if (!text)
        return true;
    if (!chardev_new_legacy(vm, "debugcon", text, err))
        return false;
    prop_defaults(DeviceArgs_rows, &args);
    ok = prop_parse_kv(DeviceArgs_rows, "driver", "isa-debugcon,iobase=0xe9,chardev=debugcon",
                       &args, vm, err) &&
         opt_device(vm, &args, err);
    prop_free(DeviceArgs_rows, &args);
    return ok;
}

bool startup_complete(Vm *vm, int *status)
{
    Startup *st = startup(vm);
    GError *err = NULL;

    if (!add_debugcon(vm, &err))
        return fail(vm, "debugcon", err, status);
    if (st->qtest) {
        st->qtest_server = qtest_new(vm, st->qtest, st->qtest_log, &err);
        if (!st->qtest_server)
            return fail(vm, "qtest", err, status);
    }
    startup_check_nets(vm);
    vm_complete(vm);
    return true;
}

/* ---- displays ---- */

static bool open_vnc(Vm *vm, const char *text, GError **err)
{
    VncArgs args;
    bool ok;

    prop_defaults(VncArgs_rows, &args);
    ok = prop_parse_kv(VncArgs_rows, "vnc", text, &args, vm, err) && vnc_open(vm, &args, err);
    prop_free(VncArgs_rows, &args);
    return ok;
}

/* Nobody said which: a window where there is a screen for it, else VNC. */
static bool open_default(Vm *vm, GError **err)
{
    Startup *st = startup(vm);
    const char *x = g_getenv("DISPLAY"), *wayland = g_getenv("WAYLAND_DISPLAY");
    bool screen = (x && *x) || (wayland && *wayland);

    if (screen && !st->daemonize && display_find("sdl")) {
        st->display.type = g_strdup("sdl");
        if (display_open(vm, &st->display, NULL))
            return true;
    }
    return vnc_open_default(vm, err);
}

static bool open_display(Vm *vm, GError **err)
{
    Startup *st = startup(vm);

    if (st->display_vnc)
        return open_vnc(vm, st->display_vnc, err);
    if (st->display.type && st->daemonize && strcmp(st->display.type, "none"))
        return user_fail(err, "%s cannot be used with -daemonize", st->display.type);
    if (st->display.type)
        return display_open(vm, &st->display, err);
    if (st->vnc_given || st->nographic || is_qtest(vm))
        return true;
    return open_default(vm, err);
}

bool startup_display(Vm *vm, int *status)
{
    GError *err = NULL;

    return open_display(vm, &err) || fail(vm, "display", err, status);
}

/* ---- the last steps ---- */

static bool wait_for_chardevs(Vm *vm)
{
    while (chardev_waiting(vm)) {
        if (signals_pending())
            return false;
        vm_loop_once(vm, true);
    }
    return true;
}

bool startup_finish(Vm *vm, int *status)
{
    Startup *st = startup(vm);
    GError *err = NULL;

    if (!wait_for_chardevs(vm))
        return false;
    if ((st->chroot || st->runas) && !drop_privileges(st->chroot, st->runas, &err))
        return fail(vm, st->chroot ? "chroot" : "runas", err, status);
    monitor_start(vm);
    if (st->daemonize && !daemon_ready(&err))
        return fail(vm, "daemonize", err, status);
    if (!st->stopped && !vm_start(vm, &err)) {
        *status = option_report(NULL, err);
        return false;
    }
    return true;
}
