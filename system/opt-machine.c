/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options about the machine: they only note what was asked for; setup.c builds from it. */
#include <string.h>

#include "core/device.h"
#include "system/system.h"
#include "util/log.h"
#include "util/text.h"

/* "-M ?", "-machine name,help" */
static bool machine_help(const char *name, GError **err)
{
    const MachineType *type = name ? machine_find(name) : NULL;

    return help_fail(err, type ? help_machine(type) : help_machines());
}

bool opt_machine(Vm *vm, const MachineArgs *args, GError **err)
{
    Startup *st = startup(vm);
    g_autoptr(Json) all = prop_to_json(MachineArgs_rows, args);

    if (rest_asks_help(args->rest))
        return machine_help(args->type, err);
    st->conf.usb |= args->usb == 1;
    if (args->dtb)
        return user_fail(err, "dtb= is not supported yet");
    /* what is left over keeps its words: a copy through JSON would lose them */
    prop_defaults(MachineArgs_rows, &st->machine);
    for (size_t i = 0; args->rest && i < args->rest->n; i++)
        json_remove(all, args->rest->mem[i].key);
    if (!prop_parse_json(MachineArgs_rows, all, &st->machine, vm, err))
        return false;
    st->machine.rest = args->rest ? json_copy(args->rest) : NULL;
    return true;
}

bool opt_accel(Vm *vm, const Str *args, GError **err)
{
    const char *text = g_str_has_prefix(*args, "accel=") ? *args + 6 : *args;

    if (text_is_help(text))
        return help_fail(err, help_accels());
    g_ptr_array_add(startup(vm)->accels, g_strdup(text));
    return true;
}

bool opt_enable_kvm(Vm *vm, const Empty *args, GError **err)
{
    startup(vm)->enable_kvm = true;
    return true;
}

bool opt_no_kvm(Vm *vm, const Empty *args, GError **err)
{
    startup(vm)->no_kvm = true;
    return true;
}

bool opt_no_kvm_irqchip(Vm *vm, const Empty *args, GError **err)
{
    startup(vm)->no_irqchip = true;
    return true;
}

/* Lost ticks of the PIT are dropped unless slewed: what the option asked for. */
bool opt_no_kvm_pit_reinjection(Vm *vm, const Empty *args, GError **err)
{
    return true;
}

bool opt_cpu(Vm *vm, const Str *args, GError **err)
{
    startup(vm)->cpu = g_strdup(*args);
    return true;
}

/* ---- -smp ---- */

/* What was not given follows from the rest, cores first as machines since 6.2 do it. */
static void smp_fill(SmpArgs *s)
{
    uint32_t want = s->maxcpus ? s->maxcpus : s->cpus;

    s->dies = MAX(s->dies, 1);
    if (!want) {
        s->sockets = MAX(s->sockets, 1);
        s->cores = MAX(s->cores, 1);
        s->threads = MAX(s->threads, 1);
        return;
    }
    if (!s->cores) {
        s->sockets = MAX(s->sockets, 1);
        s->threads = MAX(s->threads, 1);
        s->cores = MAX(want / (s->sockets * s->dies * s->threads), 1);
    } else if (!s->sockets) {
        s->threads = MAX(s->threads, 1);
        s->sockets = MAX(want / (s->dies * s->cores * s->threads), 1);
    }
    if (!s->threads)
        s->threads = MAX(want / (s->sockets * s->dies * s->cores), 1);
}

/* Both eras' command lines start: what does not multiply up is made to, with a warning. */
static void smp_mend(SmpArgs *s, uint32_t want)
{
    uint32_t per_socket = s->dies * s->cores * s->threads;
    uint32_t sockets = (want + per_socket - 1) / per_socket;

    warn_print("-smp: sockets (%u) * dies (%u) * cores (%u) * threads (%u) is not %u CPUs; "
               "using %u sockets",
               s->sockets, s->dies, s->cores, s->threads, want, sockets);
    s->sockets = sockets;
}

bool opt_smp(Vm *vm, const SmpArgs *args, GError **err)
{
    const uint32_t most = 4096; /* keeps products in 32 bits */
    SmpArgs s = *args;
    uint32_t want;

    if (args->cpus == 0 && startup(vm)->at.text && strspn(startup(vm)->at.text, "0") > 0)
        warn_print("-smp: a topology of 0 CPUs cannot be: taken as not given");
    if (s.clusters > 1)
        return user_fail(err, "clusters not supported by this machine's CPU topology");
    if (MAX(MAX(s.cpus, s.maxcpus), MAX(s.sockets, s.dies)) > most ||
        MAX(s.cores, s.threads) > most ||
        (uint64_t)MAX(s.sockets, 1) * MAX(s.dies, 1) * MAX(s.cores, 1) > most ||
        (uint64_t)MAX(s.cores, 1) * MAX(s.threads, 1) * MAX(s.dies, 1) > most)
        return user_fail(err, "more than %u CPUs cannot be", most);
    if (s.maxcpus && s.maxcpus < s.cpus)
        return user_fail(err, "maxcpus must be equal to or greater than smp (%u < %u)", s.maxcpus,
                         s.cpus);
    smp_fill(&s);
    want = s.maxcpus ? s.maxcpus : s.cpus ? s.cpus : s.sockets * s.dies * s.cores * s.threads;
    if (s.sockets * s.dies * s.cores * s.threads != want)
        smp_mend(&s, want);
    s.maxcpus = s.sockets * s.dies * s.cores * s.threads;
    s.cpus = s.cpus ? s.cpus : s.maxcpus;
    vm->smp = (VmSmp){ s.cpus, s.sockets, s.dies, s.cores, s.threads, s.maxcpus };
    return true;
}

/* ---- memory ---- */

bool opt_m(Vm *vm, const MemArgs *args, GError **err)
{
    const uint64_t page = 4096, least = 1 << 20, most = 1ull << 46;

    if (args->slots || args->maxmem)
        return user_fail(err, "slots= and maxmem= are not supported yet");
    if (!args->size)
        return true;
    if (args->size > most)
        return user_fail(err, "more than %" G_GUINT64_FORMAT " TiB cannot be mapped", most >> 40);
    if (args->size < least)
        return user_fail(err, "a machine needs 1 MiB of memory at least");
    vm->conf->ram_size = (args->size + page - 1) & ~(page - 1);
    return true;
}

/* ---- -boot ---- */

static bool boot_set(BootConf *boot, const BootArgs *args, GError **err)
{
    if (!boot_order_check(args->order, err) || !boot_order_check(args->once, err))
        return false;
    if (args->order) {
        g_free(boot->order);
        boot->order = g_strdup(args->order);
    }
    if (args->once)
        boot->once = g_strdup(args->once);
    if (args->splash)
        boot->splash = g_strdup(args->splash);
    if (args->menu >= 0)
        boot->menu = args->menu;
    if (args->strict >= 0)
        boot->strict = args->strict;
    if (args->splash_time >= 0)
        boot->splash_time = args->splash_time;
    if (args->reboot_timeout >= 0)
        boot->reboot_timeout = args->reboot_timeout;
    return true;
}

bool opt_boot(Vm *vm, const BootArgs *args, GError **err)
{
    return boot_set(&vm->conf->boot, args, err);
}

/* ---- firmware, kernel ---- */

bool opt_bios(Vm *vm, const Str *args, GError **err)
{
    vm->conf->bios = g_strdup(*args);
    return true;
}

bool opt_kernel(Vm *vm, const Str *args, GError **err)
{
    vm->conf->kernel = g_strdup(*args);
    return true;
}

bool opt_append(Vm *vm, const Str *args, GError **err)
{
    vm->conf->append = g_strdup(*args);
    return true;
}

bool opt_initrd(Vm *vm, const Str *args, GError **err)
{
    vm->conf->initrd = g_strdup(*args);
    return true;
}

bool opt_no_acpi(Vm *vm, const Empty *args, GError **err)
{
    vm->conf->no_acpi = true;
    return true;
}

bool opt_no_hpet(Vm *vm, const Empty *args, GError **err)
{
    vm->conf->no_hpet = true;
    return true;
}

bool opt_no_fd_bootchk(Vm *vm, const Empty *args, GError **err)
{
    vm->conf->no_fd_bootchk = true;
    return true;
}

/* 8-4-4-4-12 hexadecimal digits */
bool opt_uuid(Vm *vm, const Str *args, GError **err)
{
    const char *p = *args;
    uint8_t *out = vm->conf->uuid;

    if (strlen(p) != 36)
        return user_fail(err, "Fail to parse UUID string: write "
                              "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
    for (int i = 0; i < 16; i++, p += 2) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            if (*p++ != '-')
                return user_fail(err, "Fail to parse UUID string: a '-' is missing");
        }
        if (!g_ascii_isxdigit(p[0]) || !g_ascii_isxdigit(p[1]))
            return user_fail(err, "Fail to parse UUID string: '%.2s' is not hexadecimal", p);
        out[i] = g_ascii_xdigit_value(p[0]) << 4 | g_ascii_xdigit_value(p[1]);
    }
    return true;
}

/* ---- the clock ---- */

static bool rtc_date(RtcConf *rtc, const char *text, GError **err)
{
    g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
    g_autofree char *full =
        strchr(text, 'T') ? g_strdup(text) : g_strconcat(text, "T00:00:00", NULL);
    g_autoptr(GDateTime) date = g_date_time_new_from_iso8601(full, utc);

    if (!date)
        return user_fail(err, "invalid datetime format; valid formats: '2006-06-17T16:01:21' or "
                              "'2006-06-17'");
    rtc->base = RTC_DATE;
    rtc->offset = (g_date_time_to_unix(date) * G_USEC_PER_SEC - g_get_real_time()) * 1000;
    return true;
}

static bool rtc_base(RtcConf *rtc, const char *text, GError **err)
{
    if (strcmp(text, "utc") == 0 || strcmp(text, "now") == 0)
        rtc->base = RTC_UTC;
    else if (strcmp(text, "localtime") == 0)
        rtc->base = RTC_LOCALTIME;
    else
        return rtc_date(rtc, text, err);
    return true;
}

bool opt_rtc(Vm *vm, const RtcArgs *args, GError **err)
{
    static const ClockId clocks[] = {
        [RTC_CLOCK_HOST] = CLOCK_HOST,
        [RTC_CLOCK_RT] = CLOCK_REAL,
        [RTC_CLOCK_VM] = CLOCK_VIRTUAL,
    };
    RtcConf *rtc = &vm->conf->rtc;

    if (args->base && !rtc_base(rtc, args->base, err))
        return false;
    if (args->clock >= 0)
        rtc->clock = clocks[args->clock];
    if (args->driftfix >= 0)
        rtc->slew = args->driftfix;
    return true;
}

bool opt_localtime(Vm *vm, const Empty *args, GError **err)
{
    return rtc_base(&vm->conf->rtc, "localtime", err);
}

bool opt_startdate(Vm *vm, const Str *args, GError **err)
{
    return rtc_base(&vm->conf->rtc, *args, err);
}

bool opt_rtc_td_hack(Vm *vm, const Empty *args, GError **err)
{
    vm->conf->rtc.slew = true;
    return true;
}

/* ---- devices ---- */

/* A device type or a bus: both may have defaults. A wrong name is no error, as ever. */
static bool names_device(const char *name)
{
    SET_DECLARE(device);

    SET_FOREACH(device, p) {
        if (strcmp((*p)->name, name) == 0 || ((*p)->bus && strcmp((*p)->bus->name, name) == 0))
            return true;
    }
    return false;
}

/* "type.prop=value", or the three as keys */
static bool parse_global(Vm *vm, const char *text, GlobalArgs *g, GError **err)
{
    const char *dot = strchr(text, '.'), *eq = strchr(text, '=');

    prop_defaults(GlobalArgs_rows, g);
    if (dot && eq && dot < eq) {
        g->driver = g_strndup(text, dot - text);
        g->property = g_strndup(dot + 1, eq - dot - 1);
        g->value = g_strdup(eq + 1);
        return true;
    }
    return (strstr(text, "driver=") || user_fail(err, "write driver.property=value")) &&
           prop_parse_kv(GlobalArgs_rows, NULL, text, g, vm, err);
}

const DeviceType *global_device(Vm *vm, const char *text)
{
    const DeviceType *type = NULL;
    GlobalArgs g;

    if (parse_global(vm, text, &g, NULL))
        type = device_type(g.driver);
    prop_free(GlobalArgs_rows, &g);
    return type;
}

bool opt_global(Vm *vm, const Str *args, GError **err)
{
    GlobalArgs g;
    bool ok = parse_global(vm, *args, &g, err);

    if (ok && !names_device(g.driver))
        warn_print("global %s.%s has invalid class name", g.driver, g.property);
    if (ok)
        device_global(vm, g.driver, g.property, g.value);
    prop_free(GlobalArgs_rows, &g);
    return ok;
}
