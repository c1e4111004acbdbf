/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands about the monitor itself and about what this program is. */
#include "monitor/monitor-int.h"

#include <string.h>

#include "accel/accel.h"
#include "config.h"
#include "core/machine.h"

/* ---- help ---- */

typedef struct HelpArgs {
    char *command;
} HelpArgs;

static const Prop HelpArgs_rows[] = { PROP_STR(HelpArgs, command, "command", NULL, "one command"),
                                      PROP_END(HelpArgs) };

static void help_line(Reply *r, const Command *c)
{
    g_autofree char *synopsis = hmp_synopsis(c);
    reply_printf(r, "%s%s -- %s\n", synopsis, c->grammar ? "" : " ", c->help);
}

/* "help" lists all but those of a group; "help info" the group; "help info cpus" one. */
CMD(help, NULL, "help|?", "[command...]", HelpArgs, Empty, 0, "show the help");

static bool cmd_help(Vm *vm, const HelpArgs *a, Reply *r, GError **err)
{
    const GPtrArray *all = monitor_list(vm)->by_hmp;
    g_autofree char *name = g_strstrip(g_strdup(a->command ? a->command : ""));
    g_autofree char *group = g_strconcat(name, " ", NULL);
    unsigned shown = 0;
    bool info_due = !*name;

    for (guint i = 0; i < all->len; i++) {
        const Command *c = all->pdata[i];
        bool in_group = strchr(c->hmp, ' ');
        if (info_due && strcmp(c->hmp, "info") > 0) {
            reply_printf(r,
                         "info [subcommand] -- show various information about the system state\n");
            info_due = false;
        }
        if (*name ? hmp_name_is(c, name) || g_str_has_prefix(c->hmp, group) : !in_group) {
            help_line(r, c);
            shown++;
        }
    }
    if (!shown)
        reply_printf(r, "unknown command: '%s'\n", name);
    return true;
}

CMD(info_history, NULL, "info history", NULL, Empty, Empty, 0, "show the command line history");

static bool cmd_info_history(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    const char *line;
    for (size_t i = 0; r->mon && r->mon->line && (line = line_history(r->mon->line, i)); i++)
        reply_printf(r, "%zu: '%s'\n", i, line);
    return true;
}

/* ---- version, name, uuid, accelerator ---- */

CMD(info_version, NULL, "info version", NULL, Empty, Empty, 0, "show the version of QEMU");

static bool cmd_info_version(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    reply_printf(r, "%s\n", CONFIG_VERSION);
    return true;
}

typedef struct VersionTriple {
    int64_t major, minor, micro;
} VersionTriple;
typedef struct VersionInfo {
    VersionTriple qemu;
    char *package;
} VersionInfo;

/* clang-format off */
static const Prop VersionTriple_rows[] = {
    NEED_INT(VersionTriple, micro, "micro", "third number"),
    NEED_INT(VersionTriple, minor, "minor", "second number"),
    NEED_INT(VersionTriple, major, "major", "first number"),
    PROP_END(VersionTriple)
};
static const Prop VersionInfo_rows[] = {
    NEED_PART(VersionInfo, qemu, "qemu", VersionTriple, "version"),
    NEED_STR (VersionInfo, package, "package", "who built it"),
    PROP_END (VersionInfo)
};
/* clang-format on */

CMD(query_version, "query-version", NULL, NULL, Empty, VersionInfo, CMD_PRECONFIG,
    "version of this program");

static bool cmd_query_version(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    g_autoptr(Json) v = version_json();
    const Json *q = json_get(v, "qemu");
    VersionInfo info = { .qemu = { json_get(q, "major")->i, json_get(q, "minor")->i,
                                   json_get(q, "micro")->i },
                         .package = (char *)"" };
    cmd_query_version_reply(r, &info);
    return true;
}

typedef struct NameInfo {
    char *name;
} NameInfo;
static const Prop NameInfo_rows[] = { PROP_STR(NameInfo, name, "name", NULL, "name of the VM"),
                                      PROP_END(NameInfo) };

CMD(query_name, "query-name", NULL, NULL, Empty, NameInfo, CMD_PRECONFIG, "name of the VM");

static bool cmd_query_name(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    NameInfo info = { vm->conf ? vm->conf->name : NULL };
    cmd_query_name_reply(r, &info);
    return true;
}

CMD(info_name, NULL, "info name", NULL, Empty, Empty, 0, "show the current VM name");

static bool cmd_info_name(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    if (vm->conf && vm->conf->name)
        reply_printf(r, "%s\n", vm->conf->name);
    return true;
}

typedef struct UuidInfo {
    char *uuid;
} UuidInfo;
static const Prop UuidInfo_rows[] = { NEED_STR(UuidInfo, uuid, "UUID", "as text; zeros: none"),
                                      PROP_END(UuidInfo) };

static char *uuid_text(Vm *vm)
{
    static const uint8_t none[16];
    const uint8_t *u = vm->conf ? vm->conf->uuid : none;
    GString *s = g_string_new(NULL);
    for (int i = 0; i < 16; i++)
        g_string_append_printf(s, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", u[i]);
    return g_string_free(s, FALSE);
}

CMD(query_uuid, "query-uuid", NULL, NULL, Empty, UuidInfo, CMD_PRECONFIG, "UUID of the VM");

static bool cmd_query_uuid(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    g_autofree char *text = uuid_text(vm);
    UuidInfo info = { text };
    cmd_query_uuid_reply(r, &info);
    return true;
}

CMD(info_uuid, NULL, "info uuid", NULL, Empty, Empty, 0, "show the current VM UUID");

static bool cmd_info_uuid(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    g_autofree char *text = uuid_text(vm);
    reply_printf(r, "%s\n", text);
    return true;
}

typedef struct KvmInfo {
    bool enabled, present;
} KvmInfo;

/* clang-format off */
static const Prop KvmInfo_rows[] = {
    NEED_BOOL(KvmInfo, enabled, "enabled", "the VM runs on it"),
    NEED_BOOL(KvmInfo, present, "present", "it is built in"),
    PROP_END (KvmInfo)
};
/* clang-format on */

static KvmInfo kvm_info(Vm *vm)
{
    const AccelOps *now = accel_ops(vm);
    return (KvmInfo){ now && strcmp(now->name, "kvm") == 0, accel_find("kvm") };
}

CMD(query_kvm, "query-kvm", NULL, NULL, Empty, KvmInfo, 0, "whether KVM runs the VM");

static bool cmd_query_kvm(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    KvmInfo info = kvm_info(vm);
    cmd_query_kvm_reply(r, &info);
    return true;
}

CMD(info_kvm, NULL, "info kvm", NULL, Empty, Empty, 0, "show KVM information");

static bool cmd_info_kvm(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    KvmInfo info = kvm_info(vm);
    reply_printf(r, "kvm support: %s\n",
                 !info.present  ? "not compiled"
                 : info.enabled ? "enabled"
                                : "disabled");
    return true;
}

typedef struct TargetInfo {
    char *arch;
} TargetInfo;
static const Prop TargetInfo_rows[] = { NEED_STR(TargetInfo, arch, "arch", "the guest's"),
                                        PROP_END(TargetInfo) };

CMD(query_target, "query-target", NULL, NULL, Empty, TargetInfo, 0, "what the guest's CPU is");

static bool cmd_query_target(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    TargetInfo info = { (char *)"x86_64" };
    cmd_query_target_reply(r, &info);
    return true;
}

/* ---- lists of commands and events ---- */

typedef struct CommandInfo {
    char *name;
} CommandInfo;
LIST_TYPE(CommandInfo);
const Prop CommandInfo_rows[] = { NEED_STR(CommandInfo, name, "name", "as it is executed"),
                                  PROP_END(CommandInfo) };
LIST_ROWS(CommandInfo);

CMD(query_commands, "query-commands", NULL, NULL, Empty, CommandInfoList, CMD_PRECONFIG,
    "names of all commands");

static bool cmd_query_commands(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    const GPtrArray *all = monitor_list(vm)->by_qmp;
    g_autofree CommandInfo *at = g_new0(CommandInfo, all->len);
    CommandInfoList list = { at, 0 };
    for (guint i = 0; i < all->len; i++) {
        const Command *c = all->pdata[i];
        at[list.n++].name = (char *)c->qmp;
    }
    cmd_query_commands_reply(r, &list);
    return true;
}

CMD(query_events, "query-events", NULL, NULL, Empty, CommandInfoList, CMD_DEPRECATED,
    "names of all events (0.12; query-qmp-schema says more)");

static bool cmd_query_events(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    g_autoptr(GArray) at = g_array_new(FALSE, TRUE, sizeof(CommandInfo));
    for (const EventRow *e = event_rows; e->name; e++) {
        CommandInfo info = { (char *)e->name };
        g_array_append_val(at, info);
    }
    CommandInfoList list = { (CommandInfo *)(void *)at->data, at->len };
    cmd_query_events_reply(r, &list);
    return true;
}

CMD(info_commands, NULL, "info commands", NULL, Empty, Empty, 0, "list QMP available commands");

static bool cmd_info_commands(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    const GPtrArray *all = monitor_list(vm)->by_qmp;
    for (guint i = 0; i < all->len; i++)
        reply_printf(r, "%s\n", ((const Command *)all->pdata[i])->qmp);
    return true;
}

/* ---- HMP through QMP ---- */

typedef struct HmpArgs {
    char *line;
    int64_t cpu;
} HmpArgs;

/* clang-format off */
static const Prop HmpArgs_rows[] = {
    NEED_STR(HmpArgs, line, "command-line", "a line of the human monitor"),
    PROP_INT(HmpArgs, cpu, "cpu-index", -1, "the CPU that it looks at"),
    PROP_END(HmpArgs)
};
/* clang-format on */

static void hmc_done(Reply *inner, void *o)
{
    Reply *outer = o;
    g_autoptr(GString) s = g_string_new(NULL);
    if (inner->err)
        reply_printf(inner, "Error: %s\n", inner->err->message);
    for (const char *p = inner->text->str; *p; p++) {
        if (*p == '\n')
            g_string_append_c(s, '\r');
        g_string_append_c(s, *p);
    }
    reply_free(inner);
    reply_send(outer, &s->str);
}

CMD(human_monitor_command, "human-monitor-command", NULL, NULL, HmpArgs, Str, 0,
    "run a line of the human monitor");

static bool cmd_human_monitor_command(Vm *vm, const HmpArgs *a, Reply *r, GError **err)
{
    if (a->cpu != -1 && (a->cpu < 0 || a->cpu >= vm->n_vcpus))
        return user_fail(err, "Parameter 'cpu-index' expects a CPU number");
    reply_defer(r);
    hmp_run(vm, NULL, a->cpu < 0 ? r->cpu : (unsigned)a->cpu, a->line, hmc_done, r);
    return true;
}
