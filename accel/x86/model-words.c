/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words behind the model's name in -cpu: +flag, -flag, flag=on|off, key=value. */
#include <stdlib.h>
#include <string.h>

#include "accel/x86/cpuid.h"
#include "core/prop.h"

static bool parse_bool(const char *key, const char *val, bool *out, GError **err)
{
    if (!val || strcmp(val, "on") == 0 || strcmp(val, "yes") == 0 || strcmp(val, "true") == 0) {
        *out = true;
    } else if (strcmp(val, "off") == 0 || strcmp(val, "no") == 0 || strcmp(val, "false") == 0) {
        *out = false;
    } else {
        return user_fail(err, "'%s' is not 'on' or 'off' for CPU property '%s'", val, key);
    }
    return true;
}

static bool parse_number(const char *key, const char *val, uint32_t max, uint32_t *out,
                         GError **err)
{
    char *end = NULL;
    uint64_t n = val ? g_ascii_strtoull(val, &end, 0) : 0;

    if (!val || !*val || *end || *val == '-' || n > max) {
        return user_fail(err, "CPU property '%s' wants a number from 0 to %u, not '%s'", key, max,
                         val ? val : "");
    }
    *out = n;
    return true;
}

static bool set_text(CpuModel *m, const char *key, const char *val, GError **err)
{
    if (strcmp(key, "vendor") == 0) {
        if (!val || strlen(val) != 12) {
            return user_fail(err, "CPU property 'vendor' wants 12 letters, not '%s'%s",
                             val ? val : "", "");
        }
        g_strlcpy(m->vendor, val, sizeof(m->vendor));
    } else {
        g_strlcpy(m->id, val ? val : "", sizeof(m->id));
    }
    return true;
}

static bool set_level(uint32_t *level, bool *set, const char *key, const char *val, GError **err)
{
    *set = true;
    return parse_number(key, val, 0xffffffff, level, err);
}

/* Properties of 7.2 whose default is all there is yet. 1 taken, 0 not one of them, -1 error */
static int set_fixed(const char *key, const char *val, GError **err)
{
    static const struct {
        const char *name;
        bool is;
    } fixed[] = {
        { "cpuid-0xb", true },
        { "fill-mtrr-mask", true },
        { "full-cpuid-auto-level", true },
        { "tcg-cpuid", true },
        { "host-cache-info", false },
        { "kvm-no-smi-migration", false },
        { "lmce", false },
        { "kvm-pv-enforce-cpuid", false },
        { "pmu", false },
        { "vmware-cpuid-freq", true },
    };
    static const char *const unserved[] = { "level-func7",   "lbr-fmt",   "min-xlevel2",
                                            "tsc-frequency", "ucode-rev", "xlevel2" };
    bool on;

    for (size_t i = 0; i < G_N_ELEMENTS(fixed); i++) {
        if (strcmp(key, fixed[i].name) != 0) {
            continue;
        }
        if (!parse_bool(key, val, &on, err)) {
            return -1;
        }
        if (on != fixed[i].is) {
            user_fail(err, "CPU property '%s' is always %s here", key, on ? "off" : "on");
        }
        return on == fixed[i].is ? 1 : -1;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(unserved); i++) {
        if (strcmp(key, unserved[i]) == 0) {
            user_fail(err, "CPU property '%s' is not supported yet", key);
            return -1;
        }
    }
    if (g_str_has_prefix(key, "hv-") && !(val && strcmp(val, "off") == 0)) {
        user_fail(err, "'%s': Hyper-V enlightenments are not supported yet", key);
        return -1;
    }
    return g_str_has_prefix(key, "hv-");
}

/* 1 done, 0 not a property, -1 error */
static int set_property(CpuModel *m, const char *key, const char *val, GError **err)
{
    static const struct {
        const char *name;
        size_t off;
    } bools[] = {
        { "check", offsetof(CpuModel, check) },
        { "enforce", offsetof(CpuModel, enforce) },
        { "kvm", offsetof(CpuModel, kvm_leaf) },
        { "l3-cache", offsetof(CpuModel, l3_cache) },
        { "migratable", offsetof(CpuModel, migratable) },
        { "host-phys-bits", offsetof(CpuModel, host_phys_bits) },
    };
    static const struct {
        const char *name;
        size_t off;
        uint32_t max;
    } numbers[] = {
        { "family", offsetof(CpuModel, family), 0xff + 0xf },
        { "model", offsetof(CpuModel, model), 0xff },
        { "stepping", offsetof(CpuModel, stepping), 0xf },
        { "phys-bits", offsetof(CpuModel, phys_bits), 52 },
        { "host-phys-bits-limit", offsetof(CpuModel, phys_bits_limit), 52 },
        { "min-level", offsetof(CpuModel, min_level), 0xffffffff },
        { "min-xlevel", offsetof(CpuModel, min_xlevel), 0xffffffff },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(bools); i++) {
        if (strcmp(key, bools[i].name) == 0) {
            return parse_bool(key, val, (bool *)((char *)m + bools[i].off), err) ? 1 : -1;
        }
    }
    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
        if (strcmp(key, numbers[i].name) == 0) {
            return parse_number(key, val, numbers[i].max, (uint32_t *)((char *)m + numbers[i].off),
                                err)
                       ? 1
                       : -1;
        }
    }
    if (strcmp(key, "level") == 0) {
        return set_level(&m->level, &m->level_set, key, val, err) ? 1 : -1;
    }
    if (strcmp(key, "xlevel") == 0) {
        return set_level(&m->xlevel, &m->xlevel_set, key, val, err) ? 1 : -1;
    }
    if (strcmp(key, "vendor") == 0 || strcmp(key, "model-id") == 0) {
        return set_text(m, key, val, err) ? 1 : -1;
    }
    return set_fixed(key, val, err);
}

bool cpu_model_word(CpuModel *m, const char *word, GError **err)
{
    g_autofree char *key = NULL;
    const char *val = strchr(word, '=');
    bool on;
    int done;

    if (*word == '+' || *word == '-') {
        if (!cpu_flag_set(*word == '+' ? m->plus : m->minus, word + 1, true)) {
            return user_fail(err, "CPU feature '%s' not found (-cpu help lists the known ones)",
                             word + 1);
        }
        return true;
    }
    key = val ? g_strndup(word, val - word) : g_strdup(word);
    val = val ? val + 1 : NULL;
    g_strdelimit(key, "_", '-');
    done = set_property(m, key, val, err);
    if (done) {
        return done > 0;
    }
    if (!cpu_flag_find(key)) {
        return user_fail(err, "CPU model '%s' has no property or feature '%s'", m->name, key);
    }
    if (!parse_bool(key, val, &on, err)) {
        return false;
    }
    cpu_flag_set(m->on, key, on);
    return cpu_flag_set(m->off, key, !on);
}
