/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options about our process: help, logs, messages, background, what follows a shutdown. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "config.h"
#include "system/system.h"
#include "util/log.h"
#include "util/text.h"
#include "util/trace.h"

bool opt_help(Vm *vm, const Empty *args, GError **err)
{
    return help_fail(err, help_text());
}

bool opt_version(Vm *vm, const Empty *args, GError **err)
{
    return help_fail(err, version_text());
}

bool opt_audio_help(Vm *vm, const Empty *args, GError **err)
{
    return help_fail(err, g_strdup("There are no audio backends in this version.\n"));
}

/* -msg and -name come in any order. */
static void style_update(Startup *st)
{
    log_set_style(st->msg_time, st->msg_name ? st->conf.name : NULL);
}

bool opt_name(Vm *vm, const NameArgs *args, GError **err)
{
    vm->conf->name = g_strdup(args->guest);
    style_update(startup(vm));
    if (args->process)
        prctl(PR_SET_NAME, args->process);
    return true;
}

bool opt_pidfile(Vm *vm, const Str *args, GError **err)
{
    startup(vm)->pidfile = g_strdup(*args);
    return true;
}

bool opt_daemonize(Vm *vm, const Empty *args, GError **err)
{
    startup(vm)->daemonize = true;
    return true;
}

/* The interpreter steps single instructions anyway. */
bool opt_singlestep(Vm *vm, const Empty *args, GError **err)
{
    return true;
}

bool opt_S(Vm *vm, const Empty *args, GError **err)
{
    startup(vm)->stopped = true;
    return true;
}

static bool lock_memory(GError **err)
{
    if (mlockall(MCL_CURRENT | MCL_FUTURE) == 0)
        return true;
    return user_fail(err, "cannot lock memory: %s; raise the limit with ulimit -l",
                     strerror(errno));
}

bool opt_overcommit(Vm *vm, const OvercommitArgs *args, GError **err)
{
    if (args->cpu_pm)
        return user_fail(err, "cpu-pm=on is not supported yet");
    return !args->mem_lock || lock_memory(err);
}

bool opt_realtime(Vm *vm, const RealtimeArgs *args, GError **err)
{
    return !args->mlock || lock_memory(err);
}

static bool log_item(const char *item, GError **err)
{
    if (text_is_help(item))
        return help_fail(err, log_help());
    if (g_str_has_prefix(item, "trace:"))
        return trace_enable(item + 6, err);
    return log_set_items(item, err);
}

bool opt_d(Vm *vm, const Str *args, GError **err)
{
    g_auto(GStrv) items = g_strsplit(*args, ",", -1);

    for (char **item = items; *item; item++) {
        if (!log_item(*item, err))
            return false;
    }
    return true;
}

bool opt_D(Vm *vm, const Str *args, GError **err)
{
    return log_set_file(*args, err);
}

bool opt_dfilter(Vm *vm, const Str *args, GError **err)
{
    return log_set_filter(*args, err);
}

bool opt_trace(Vm *vm, const TraceArgs *args, GError **err)
{
    if (rest_asks_help(args->rest))
        return help_fail(err, trace_help());
    if (args->rest)
        return user_fail(err, "Invalid parameter '%s'", args->rest->mem[0].key);
    if (args->file && !log_set_file(args->file, err))
        return false;
    if (args->events && !trace_enable_file(args->events, err))
        return false;
    return !args->enable || trace_enable(args->enable, err);
}

bool opt_msg(Vm *vm, const MsgArgs *args, GError **err)
{
    startup(vm)->msg_time = args->timestamp;
    startup(vm)->msg_name = args->guest_name;
    style_update(startup(vm));
    return true;
}

bool opt_L(Vm *vm, const Str *args, GError **err)
{
    if (text_is_help(*args)) {
        GString *out = g_string_new(NULL);

        for (guint i = 0; i < vm->conf->data_dirs->len; i++)
            g_string_append_printf(out, "%s\n", (char *)vm->conf->data_dirs->pdata[i]);
        g_string_append_printf(out, "%s\n", CONFIG_FIRMWARE_PATH);
        for (char *p = out->str; *p; p++)
            *p = *p == ':' ? '\n' : *p;
        return help_fail(err, g_string_free(out, FALSE));
    }
    g_ptr_array_add(vm->conf->data_dirs, g_strdup(*args));
    return true;
}

bool opt_no_reboot(Vm *vm, const Empty *args, GError **err)
{
    vm_actions(vm)->reboot = REBOOT_SHUTDOWN;
    return true;
}

bool opt_no_shutdown(Vm *vm, const Empty *args, GError **err)
{
    vm_actions(vm)->shutdown = SHUTDOWN_PAUSE;
    return true;
}

bool opt_action(Vm *vm, const ActionArgs *args, GError **err)
{
    VmActions *a = vm_actions(vm);

    if (args->reboot >= 0)
        a->reboot = args->reboot;
    if (args->shutdown >= 0)
        a->shutdown = args->shutdown;
    if (args->panic >= 0)
        a->panic = args->panic;
    if (args->watchdog >= 0)
        a->watchdog = args->watchdog;
    return true;
}

bool opt_watchdog_action(Vm *vm, const WatchdogArgs *args, GError **err)
{
    vm_actions(vm)->watchdog = args->action;
    return true;
}

bool opt_echr(Vm *vm, const Str *args, GError **err)
{
    int64_t n;

    if (!text_int(*args, &n) || n < 0 || n > 255)
        return user_fail(err, "the escape character is a number from 0 to 255 (1 is C-a)");
    chardev_set_escape(vm, n);
    return true;
}

bool opt_nodefaults(Vm *vm, const Empty *args, GError **err)
{
    startup(vm)->nodefaults = true;
    return true;
}

bool opt_chroot(Vm *vm, const Str *args, GError **err)
{
    startup(vm)->chroot = g_strdup(*args);
    return true;
}

bool opt_runas(Vm *vm, const Str *args, GError **err)
{
    startup(vm)->runas = g_strdup(*args);
    return true;
}

bool opt_sandbox(Vm *vm, const Str *args, GError **err)
{
    return strcmp(*args, "off") == 0 || user_fail(err, "only 'off' is supported yet");
}

/* There are no configuration files to leave out. */
bool opt_no_user_config(Vm *vm, const Empty *args, GError **err)
{
    return true;
}

/* Host timers are always the kernel's high-resolution ones. */
bool opt_clock(Vm *vm, const Str *args, GError **err)
{
    if (text_is_help(*args))
        return help_fail(err, g_strdup("Available alarm timers, in order of precedence:\n"
                                       "dynticks\n"));
    warn_print("-clock has no effect: there is one kind of host timer");
    return true;
}

bool opt_qtest(Vm *vm, const Str *args, GError **err)
{
    startup(vm)->qtest = g_strdup(*args);
    return true;
}

bool opt_qtest_log(Vm *vm, const Str *args, GError **err)
{
    startup(vm)->qtest_log = g_strdup(*args);
    return true;
}
