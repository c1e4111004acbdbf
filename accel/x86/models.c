/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPU models: the rows of models.def, what -cpu says about them, and what is left after the
 * accelerator had its word. Formats of the listing and of the warnings: those of 7.2.
 */
#include <stdlib.h>
#include <string.h>

#include "accel/x86/cpuid.h"
#include "core/device.h"
#include "core/machine.h"
#include "core/prop.h"
#include "core/vm.h"
#include "util/log.h"
#include "util/text.h"

typedef struct ModelRow {
    const char *name, *base, *note, *alias;
    const char *vendor;
    uint32_t family, model, stepping, level, xlevel;
    const char *id, *flags;
} ModelRow;

#define MODEL(name_, base_, note_, vendor_, f, m, s, l, x, id_, flags_) \
    { name_, base_, note_, NULL, vendor_, f, m, s, l, x, id_, flags_ },
#define ALIAS(name_, model_) { .name = name_, .alias = model_ },
static const ModelRow rows[] = {
#include "accel/x86/models.def"
};
#undef MODEL
#undef ALIAS

/* Those three are no rows: their flags come from code. Listed last. */
static const ModelRow special[] = {
    { .name = "base", .note = "base CPU model type with no features enabled", .vendor = "" },
    { .name = "host", .note = "processor with all supported host features " },
    { .name = "max",
      .note = "Enables all features supported by the accelerator in the current host" },
};

static const ModelRow *row_find(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return rows[i].alias ? row_find(rows[i].alias) : &rows[i];
        }
    }
    for (size_t i = 0; i < G_N_ELEMENTS(special); i++) {
        if (strcmp(special[i].name, name) == 0) {
            return &special[i];
        }
    }
    return NULL;
}

static char *row_hint(const char *name)
{
    Nearest near = nearest_to(name);

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        nearest_try(&near, rows[i].name);
    for (size_t i = 0; i < G_N_ELEMENTS(special); i++)
        nearest_try(&near, special[i].name);
    return nearest_hint(&near);
}

/* ---- a row becomes a model ---- */

static void row_apply(const ModelRow *r, CpuModel *m)
{
    if (r->base) {
        row_apply(row_find(r->base), m);
    }
    if (r->vendor) {
        g_strlcpy(m->vendor, r->vendor, sizeof(m->vendor));
    }
    if (r->id) {
        g_strlcpy(m->id, r->id, sizeof(m->id));
    }
    m->family = r->family ? r->family : m->family;
    m->model = r->model ? r->model : m->model;
    m->level = r->level ? r->level : m->level;
    m->xlevel = r->xlevel ? r->xlevel : m->xlevel;
    m->stepping = r->stepping;
    if (r->flags) {
        cpu_flags_apply(r->flags, m->word);
    }
}

/* What qemu64 looks like too, so that a guest finds nothing strange in `max`. */
static void model_set_max(CpuModel *m)
{
    m->all = true;
    g_strlcpy(m->vendor, "AuthenticAMD", sizeof(m->vendor));
    g_strlcpy(m->id, "QEMU TCG CPU version 2.5+", sizeof(m->id));
    m->family = 15;
    m->model = 107;
    m->stepping = 1;
    m->level = 0xd;
    m->xlevel = 0x8000000a;
}

static void model_set_vendor(CpuModel *m)
{
    m->kind = strcmp(m->vendor, "GenuineIntel") == 0   ? CPU_INTEL
              : strcmp(m->vendor, "AuthenticAMD") == 0 ? CPU_AMD
              : strcmp(m->vendor, "HygonGenuine") == 0 ? CPU_AMD
                                                       : CPU_OTHER;
}

static CpuModel *model_new(const ModelRow *r, const char *name)
{
    CpuModel *m = g_new0(CpuModel, 1);

    m->name = g_strdup(name);
    m->check = m->kvm_leaf = m->l3_cache = true;
    if (strcmp(r->name, "max") == 0 || strcmp(r->name, "host") == 0) {
        model_set_max(m);
    } else {
        row_apply(r, m);
    }
    return m;
}

static void model_free(CpuModel *m)
{
    g_free(m->name);
    g_free(m);
}

void cpu_model_free(CpuModel *m)
{
    if (m)
        model_free(m);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CpuModel, model_free)

bool cpu_model_parse(Vm *vm, const char *text, GError **err)
{
    g_auto(GStrv) words = NULL;
    g_autoptr(CpuModel) m = NULL;
    const ModelRow *row;

    if (!text) {
        text = vm->machine && vm->machine->cpu ? vm->machine->cpu : "qemu64";
    }
    if (*text == '?' || strcmp(text, "help") == 0) {
        g_autofree char *list = cpu_models_help();
        g_set_error_literal(err, prop_error_quark(), PROP_ERROR_HELP, list);
        return false;
    }
    words = g_strsplit(text, ",", -1);
    row = words[0] ? row_find(words[0]) : NULL;
    if (!row) {
        g_autofree char *hint = row_hint(words[0] ? words[0] : "");
        return user_fail(err, "unable to find CPU model '%s'%s (-cpu help lists them)",
                         words[0] ? words[0] : "", hint);
    }
    m = model_new(row, words[0]);
    for (char **w = words + 1; *w; w++) {
        if (**w && !cpu_model_word(m, *w, err)) {
            return false;
        }
    }
    model_set_vendor(m);
    if (vm->cpu) {
        model_free(vm->cpu);
    }
    vm->cpu = g_steal_pointer(&m);
    return true;
}

/* ---- the accelerator's word ---- */

static void missing_text(GString *out, const char *who, unsigned word, unsigned bit)
{
    static const char *const reg_name[] = { "EAX", "EBX", "ECX", "EDX" };
    const char *name = cpu_flag_name(X86_FEATURE(word, bit));
    uint32_t leaf, sub;
    unsigned reg;

    g_string_append_printf(out, "%s doesn't support requested feature: ", who);
    if (cpu_word_where(word, &leaf, &sub, &reg)) {
        g_string_append_printf(out, "CPUID.%02XH:%s", leaf, reg_name[reg]);
    } else if (word >= CPUID_NESTED) {
        g_string_append(out, "MSR");
    } else {
        g_string_append_printf(out, "MSR(%XH)", word == CPUID_ARCH_CAP ? 0x10a : 0xcf);
    }
    g_string_append_printf(out, "%s%s [bit %u]", name ? "." : "", name ? name : "", bit);
}

/* false: something was asked for and is missing, with enforce */
static bool model_remove(CpuModel *m, const uint32_t *supported, const char *who, GError **err)
{
    bool missing = false;

    for (unsigned w = 0; w < CPU_WORDS; w++) {
        uint32_t gone = m->word[w] & ~supported[w];

        m->word[w] &= supported[w];
        for (unsigned b = 0; gone && b < 32; b++) {
            if (gone >> b & 1 && (m->check || m->enforce)) {
                g_autoptr(GString) text = g_string_new(NULL);
                missing_text(text, who, w, b);
                warn_print("%s", text->str);
                missing = true;
            }
        }
    }
    if (missing && m->enforce) {
        return user_fail(
            err, "%s doesn't support requested features (without 'enforce' it does without them)",
            who);
    }
    return true;
}

static void native(uint32_t leaf, uint32_t out[4])
{
    __asm__("cpuid" : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3]) : "0"(leaf), "2"(0));
}

/* host and max under KVM: the processor underneath, which is the one that will run */
static void model_set_native(CpuModel *m)
{
    uint32_t r[4];

    native(0, r);
    m->level = r[0];
    memcpy(m->vendor, &r[1], 4);
    memcpy(m->vendor + 4, &r[3], 4);
    memcpy(m->vendor + 8, &r[2], 4);
    native(1, r);
    m->family = (r[0] >> 8 & 0xf) + ((r[0] >> 8 & 0xf) == 0xf ? r[0] >> 20 & 0xff : 0);
    m->model = (r[0] >> 4 & 0xf) | (r[0] >> 12 & 0xf0);
    m->stepping = r[0] & 0xf;
    native(0x80000000, r);
    m->xlevel = r[0];
    for (int i = 0; i < 3; i++) {
        native(0x80000002 + i, r);
        memcpy(m->id + i * 16, r, 16);
    }
    model_set_vendor(m);
}

static void level_raise(uint32_t *level, uint32_t min)
{
    *level = MAX(*level, min);
}

/* A feature in a leaf above level would be invisible. An explicit level= is obeyed. */
static void model_raise_levels(CpuModel *m)
{
    for (unsigned w = 0; w < CPU_WORDS; w++) {
        uint32_t leaf, sub;
        unsigned reg;

        if (!m->word[w] || !cpu_word_where(w, &leaf, &sub, &reg) || w == CPUID_KVM_EAX ||
            w == CPUID_KVM_EDX || w == CPUID_C1_EDX) {
            continue;
        }
        if (leaf >> 31 && !m->xlevel_set) {
            level_raise(&m->xlevel, leaf);
        } else if (!(leaf >> 31) && !m->level_set) {
            level_raise(&m->level, leaf);
        }
    }
    if (m->word[CPUID_8_EDX] >> 29 & 1 && !m->xlevel_set) {
        level_raise(&m->xlevel, 0x80000008);
    }
    /* Linux divides by the node count of leaf 8000001Eh as soon as TOPOEXT is there */
    if (m->word[CPUID_8_ECX] >> 22 & 1 && !m->xlevel_set) {
        level_raise(&m->xlevel, 0x8000001e);
    }
}

/*
 * AMD's way to tell threads from cores is TOPOEXT; without it a guest takes each thread for a core.
 * So `-smp threads=` brings it to models that lack it, unless the user said no. Linux wants leaf Bh
 * beside it.
 */
static void model_add_threads(CpuModel *m, const VmSmp *smp, const uint32_t *supported)
{
    const uint32_t bit = 1u << (HAS_TOPOEXT - 1) % 32;
    const unsigned w = CPUID_8_ECX;

    if (smp->threads > 1 && m->kind == CPU_AMD && m->xlevel &&
        !(((m->off[w] & ~m->on[w]) | m->minus[w]) & bit)) {
        m->word[w] |= bit & supported[w];
        if (!m->level_set) {
            level_raise(&m->level, 0xb);
        }
    }
}

bool cpu_model_filter(Vm *vm, const uint32_t supported[CPU_WORDS], const char *who, const char *on,
                      const char *off, GError **err)
{
    CpuModel *m;
    uint32_t accel_on[CPU_WORDS] = { 0 }, accel_off[CPU_WORDS] = { 0 };
    const uint32_t invtsc = 1 << 8; /* a rate that another host would not have */

    if (!vm->cpu && !cpu_model_parse(vm, NULL, err)) {
        return false;
    }
    m = vm->cpu;
    if (m->filtered) {
        return true;
    }
    if (strcmp(who, "host") == 0) {
        m->signature = m->kvm_leaf ? "KVMKVMKVM\0\0\0" : NULL;
        if (m->all) {
            model_set_native(m);
        }
    } else {
        m->signature = "TCGTCGTCGTCG";
    }
    if (off) {
        cpu_flags_apply(off, accel_off);
    }
    if (on && !m->all) {
        cpu_flags_apply(on, accel_on);
    }
    for (unsigned w = 0; w < CPU_WORDS; w++) {
        uint32_t bits = m->all ? supported[w] : m->word[w] | (accel_on[w] & supported[w]);

        bits &= ~accel_off[w];
        if (m->all && m->migratable && w == CPUID_X7_EDX) {
            bits &= ~invtsc;
        }
        bits = (bits | m->on[w]) & ~(m->off[w] & ~m->on[w]);
        m->word[w] = (bits | m->plus[w]) & ~m->minus[w];
    }
    if (!model_remove(m, supported, who, err)) {
        return false;
    }
    model_add_threads(m, &vm->smp, supported);
    model_raise_levels(m);
    level_raise(&m->level, m->min_level);
    level_raise(&m->xlevel, m->min_xlevel);
    if (m->host_phys_bits) {
        uint32_t r[4];
        native(0x80000008, r);
        m->phys_bits = m->phys_bits_limit ? MIN(r[0] & 0xff, m->phys_bits_limit) : r[0] & 0xff;
    }
    m->filtered = true;
    return true;
}

/* ---- listings ---- */

static void info_fill(const ModelRow *r, CpuInfo *out)
{
    *out = (CpuInfo){ .name = r->name, .alias = r->alias, .desc = r->id ? r->id : "" };
    for (const ModelRow *b = r; !r->alias && !b->id && b->base;) {
        b = row_find(b->base);
        out->desc = b->id ? b->id : "";
    }
    out->note = r->note ? r->note : "";
}

bool cpu_model_info(size_t i, CpuInfo *out)
{
    if (i < G_N_ELEMENTS(rows)) {
        info_fill(&rows[i], out);
    } else if (i - G_N_ELEMENTS(rows) < G_N_ELEMENTS(special)) {
        info_fill(&special[i - G_N_ELEMENTS(rows)], out);
    } else {
        return false;
    }
    return true;
}

/* X is an alias by machine type of X-v1; other aliases name an old model */
static void help_line(const CpuInfo *c, GString *out)
{
    g_autofree char *desc = NULL;

    if (!c->alias) {
        desc = g_strconcat(c->desc, *c->desc && *c->note ? " " : "", c->note, NULL);
    } else if (g_str_has_prefix(c->alias, c->name) &&
               strcmp(c->alias + strlen(c->name), "-v1") == 0) {
        desc = g_strdup("(alias configured by machine type)");
    } else {
        desc = g_strdup_printf("(alias of %s)", c->alias);
    }
    g_string_append_printf(out, "x86 %-20s  %s\n", c->name, desc);
}

char *cpu_models_help(void)
{
    GString *out = g_string_new("Available CPUs:\n");
    g_autoptr(GPtrArray) names = cpu_flag_names();
    CpuInfo c;
    size_t column = 0;

    for (size_t i = 0; cpu_model_info(i, &c); i++) {
        help_line(&c, out);
    }
    g_string_append(out, "\nRecognized CPUID flags:\n");
    for (guint i = 0; i < names->len; i++) {
        const char *n = names->pdata[i];

        if (column && column + strlen(n) + 1 > 75) {
            g_string_append_c(out, '\n');
            column = 0;
        }
        g_string_append_printf(out, column ? " %s" : "  %s", n);
        column += strlen(n) + (column ? 1 : 2);
    }
    g_string_append(out, "\n\n");
    return g_string_free(out, FALSE);
}
