/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line as records, and running their handlers by phases. The order in which options
 * are typed does not matter between phases; within one it is kept.
 */
#include <string.h>

#include "core/device-add.h"
#include "core/prop-int.h"
#include "system/system.h"
#include "util/log.h"
#include "util/text.h"
#include "util/trace.h"

#define OPT(id, name, arg, phase, flags, implied, Args, synopsis, help) \
    static bool run_##id(Vm *vm, const void *args, GError **err)        \
    {                                                                   \
        return opt_##id(vm, args, err);                                 \
    }
#include "qemu-options.def"

#define OPT(id, n, a, ph, f, imp, Args, syn, h) \
    { n, OPTION_SERVED, a, ph, f, imp, Args##_rows, run_##id, syn, h, NULL },
#define OPT_SECTION(title) { .kind = OPTION_SERVED, .help = title },
#define OPT_MORE(syn, h)   { .kind = OPTION_SERVED, .synopsis = syn, .help = h },
#define OPT_ALIAS(n, o)    { .name = n, .kind = OPTION_ALIAS, .of = o },
#define OPT_LATER(n, a, syn, h) \
    { .name = n, .kind = OPTION_LATER, .arg = a, .synopsis = syn, .help = h },
#define OPT_IGNORE(n, a, why) { .name = n, .kind = OPTION_IGNORE, .arg = a, .of = why },
#define OPT_REJECT(n, a)      { .name = n, .kind = OPTION_REJECT, .arg = a },
const Option option_table[] = {
#include "qemu-options.def"
    { .name = NULL },
};

static bool is_end(const Option *o)
{
    return !o->name && !o->synopsis && !o->help;
}

static const Option *option_find(const char *name)
{
    for (const Option *o = option_table; !is_end(o); o++) {
        if (o->name && strcmp(o->name, name) == 0)
            return o->kind == OPTION_ALIAS ? option_find(o->of) : o;
    }
    return NULL;
}

static bool unknown_option(const char *typed, const char *name)
{
    Nearest near = nearest_to(name);
    g_autofree char *hint = NULL;
    g_autofree char *with_dash = NULL;

    for (const Option *o = option_table; !is_end(o); o++) {
        if (o->name)
            nearest_try(&near, o->name);
    }
    if (near.best)
        near.best = with_dash = g_strconcat("-", near.best, NULL);
    hint = nearest_hint(&near);
    error_print("%s: invalid option%s", typed, hint);
    return false;
}

/* Options that are no longer or not yet served answer right here. */
static bool check_kind(const Option *o, const char *typed)
{
    switch (o->kind) {
    case OPTION_LATER: error_print("%s: not supported yet", typed); return false;
    case OPTION_REJECT:
        error_print("%s: Option not supported for this target", typed);
        return false;
    case OPTION_IGNORE: warn_print("%s has no effect: %s", typed, o->of); return true;
    default: return true;
    }
}

bool options_parse(int argc, char **argv, GArray *records)
{
    for (int i = 1; i < argc; i++) {
        Record r = { NULL, argv[i], NULL };
        const char *name = argv[i];

        if (*name != '-') {
            r = (Record){ option_find("hda"), "", argv[i] };
            g_array_append_val(records, r);
            continue;
        }
        name += name[1] == '-' ? 2 : 1;
        r.opt = option_find(name);
        if (!r.opt)
            return unknown_option(argv[i], name);
        if (r.opt->arg == ARG_REQUIRED && i + 1 == argc) {
            error_print("%s: requires an argument", argv[i]);
            return false;
        }
        if (r.opt->arg == ARG_REQUIRED)
            r.text = argv[++i];
        if (!check_kind(r.opt, r.typed))
            return false;
        if (r.opt->kind == OPTION_SERVED)
            g_array_append_val(records, r);
    }
    return true;
}

bool options_given(const GArray *records, const char *name)
{
    for (guint i = 0; i < records->len; i++) {
        if (strcmp(g_array_index(records, Record, i).opt->name, name) == 0)
            return true;
    }
    return false;
}

bool help_fail(GError **err, char *take)
{
    g_set_error_literal(err, prop_error_quark(), PROP_ERROR_HELP, take);
    g_free(take);
    return false;
}

int option_report(const Record *r, GError *take)
{
    bool help = g_error_matches(take, prop_error_quark(), PROP_ERROR_HELP);

    if (help)
        fputs(take->message, stdout);
    else if (!r || !r->typed)
        error_print("%s", take->message);
    else
        error_print("%s%s%s: %s", r->typed, *r->typed && r->text ? " " : "", r->text ? r->text : "",
                    take->message);
    g_error_free(take);
    return help ? 0 : 1;
}

static bool run_one(Vm *vm, const Record *r, void *args, int *status)
{
    GError *err = NULL;

    TRACE(system_option, "%s %s", r->typed, r->text ? r->text : "");
    startup(vm)->at = *r;
    if (r->opt->run(vm, args, &err))
        return true;
    *status = option_report(r, err);
    return false;
}

static bool parse_text(const Record *r, void *args, Vm *vm, GError **err)
{
    return prop_parse_kv(r->opt->rows, r->opt->implied, r->text, args, vm, err);
}

const DeviceType *record_device(Vm *vm, const Record *r)
{
    const DeviceType *type = NULL;
    DeviceArgs args;

    if (r->opt->run != run_device)
        return NULL;
    prop_defaults(DeviceArgs_rows, &args);
    if (parse_text(r, &args, vm, NULL) && args.driver)
        type = device_type(args.driver);
    prop_free(DeviceArgs_rows, &args);
    return type;
}

static bool parse_one(Vm *vm, const Record *r, void *args, int *status)
{
    GError *err = NULL;

    if (!r->text || parse_text(r, args, vm, &err))
        return true;
    *status = option_report(r, err);
    return false;
}

/* One option typed several times fills one struct; the handler sees it once, filled. */
static bool run_merged(Vm *vm, const GArray *records, guint first, int *status)
{
    const Option *opt = g_array_index(records, Record, first).opt;
    g_autofree void *args = g_malloc0(MAX(prop_size(opt->rows), 1));
    const Record *last = NULL;
    bool ok = true;

    prop_defaults(opt->rows, args);
    for (guint i = first; ok && i < records->len; i++) {
        const Record *r = &g_array_index(records, Record, i);

        if (r->opt == opt) {
            last = r;
            ok = parse_one(vm, r, args, status);
        }
    }
    ok = ok && run_one(vm, last, args, status);
    prop_free(opt->rows, args);
    return ok;
}

static bool run_single(Vm *vm, const Record *r, int *status)
{
    g_autofree void *args = g_malloc0(MAX(prop_size(r->opt->rows), 1));
    bool ok;

    prop_defaults(r->opt->rows, args);
    ok = parse_one(vm, r, args, status) && run_one(vm, r, args, status);
    prop_free(r->opt->rows, args);
    return ok;
}

static bool asks_help(const Record *r)
{
    g_auto(GStrv) items = g_strsplit(r->text ? r->text : "", ",", -1);

    for (char **item = items; *item; item++) {
        const char *eq = strchr(*item, '=');

        if (text_is_help(eq ? eq + 1 : *item))
            return !prop_is_bare(r->opt->rows);
    }
    return false;
}

/* Nobody wants an accelerator's warning, or a disk opened, before a list is shown. */
bool options_help(Vm *vm, const GArray *records, int *status)
{
    for (guint i = 0; i < records->len; i++) {
        const Record *r = &g_array_index(records, Record, i);
        GError *err = NULL;
        void *args;

        if (!net_help(r->opt, r->text, &err)) {
            *status = option_report(r, err);
            return false;
        }
        if (!asks_help(r))
            continue;
        args = g_malloc0(MAX(prop_size(r->opt->rows), 1));
        prop_defaults(r->opt->rows, args);
        if (prop_parse_kv(r->opt->rows, r->opt->implied, r->text, args, vm, &err)) {
            if (r->opt->run == run_device)
                opt_device(vm, args, &err);
            else if (r->opt->run == run_drive)
                drive_formats_help(args, &err);
        }
        prop_free(r->opt->rows, args);
        g_free(args);
        if (g_error_matches(err, prop_error_quark(), PROP_ERROR_HELP)) {
            *status = option_report(r, err);
            return false;
        }
        g_clear_error(&err);
    }
    return true;
}

static bool comes_again(const GArray *records, guint i, bool before)
{
    const Option *opt = g_array_index(records, Record, i).opt;

    for (guint k = before ? 0 : i + 1; k < (before ? i : records->len); k++) {
        if (g_array_index(records, Record, k).opt == opt)
            return true;
    }
    return false;
}

bool options_run(Vm *vm, const GArray *records, Phase phase, int *status)
{
    for (guint i = 0; i < records->len; i++) {
        const Record *r = &g_array_index(records, Record, i);
        bool ok = true;

        if (r->opt->phase != phase)
            continue;
        if (r->opt->flags & OPT_MERGE)
            ok = comes_again(records, i, true) || run_merged(vm, records, i, status);
        else if (r->opt->flags & OPT_MULTI)
            ok = run_single(vm, r, status);
        else
            ok = comes_again(records, i, false) || run_single(vm, r, status);
        if (!ok)
            return false;
    }
    return true;
}
