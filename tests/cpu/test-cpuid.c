/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPU models against known facts: names and signatures, what a flag does, what the software CPU
 * takes away, topology leaves, levels, reset values. The facts are those that 7.2 tells when
 * queried and of the manuals; a model listed there and missing here fails.
 */
#include "accel/x86/msr.h"
#include "core/machine.h"
#include "core/prop.h"
#include "tests/cpu/soft-vm.h"

typedef struct Leaf {
    uint32_t a, b, c, d;
} Leaf;

static Leaf leaf(SoftVm *m, uint32_t n, uint32_t sub)
{
    uint32_t r[4];

    cpuid(m->s, n, sub, r);
    return (Leaf){ r[0], r[1], r[2], r[3] };
}

/* ---- the list ---- */

static void test_names(void)
{
    static const char *const some[] = { "486",
                                        "qemu64",
                                        "qemu32",
                                        "kvm64",
                                        "coreduo",
                                        "core2duo",
                                        "phenom",
                                        "n270",
                                        "athlon",
                                        "pentium3",
                                        "Conroe",
                                        "Penryn",
                                        "Nehalem",
                                        "Westmere",
                                        "SandyBridge",
                                        "Haswell-noTSX-IBRS",
                                        "EPYC-Milan",
                                        "Opteron_G5",
                                        "Icelake-Server-v6",
                                        "max",
                                        "host",
                                        "base",
                                        "cpu64-rhel6",
                                        "cpu64-rhel5" };
    g_autofree char *help = cpu_models_help();
    CpuInfo c;
    size_t n = 0;

    while (cpu_model_info(n, &c)) {
        n++;
    }
    g_assert_cmpuint(n, ==, 134); /* 132 of 7.2, two of 0.12 */
    for (size_t i = 0; i < G_N_ELEMENTS(some); i++) {
        g_autofree char *line = g_strdup_printf("\nx86 %-20s  ", some[i]);
        g_assert_nonnull(strstr(help, line));
    }
    g_assert_nonnull(strstr(help, "x86 Broadwell-IBRS        (alias of Broadwell-v3)\n"));
    g_assert_nonnull(
        strstr(help, "x86 qemu64                (alias configured by machine type)\n"));
    g_assert_nonnull(strstr(help, "\nRecognized CPUID flags:\n  3dnow 3dnowext "));
}

/* Every row can be chosen, and enters the machine without features it cannot have. */
static void test_every_model(void)
{
    CpuInfo c;

    for (size_t i = 0; cpu_model_info(i, &c); i++) {
        g_autofree char *text = g_strconcat(c.name, ",check=off", NULL);
        SoftVm *m = soft_vm_new(text);
        const CpuModel *model = m->s->model;

        g_assert_cmphex(leaf(m, 0, 0).a, ==, model->level);
        if (model->xlevel) {
            g_assert_cmphex(leaf(m, 0x80000000, 0).a, ==, model->xlevel);
        }
        g_assert_false(x86_has(m->s, HAS_AVX) && !__builtin_cpu_supports("avx"));
        g_assert_false(x86_has(m->s, HAS_AVX2) && !__builtin_cpu_supports("avx2"));
        g_assert_false(x86_has(m->s, X86_FEATURE(CPUID_7_EBX, 16))); /* AVX-512 */
        g_assert_false(x86_has(m->s, X86_FEATURE(CPUID_1_ECX, 5)));
        soft_vm_free(m);
    }
}

/* ---- golden leaves ---- */

typedef struct Golden {
    const char *model, *vendor;
    uint32_t eax, ecx, edx, x_ecx, x_edx, level, xlevel; /* leaves 1 and 8000_0001h */
} Golden;

/* as the known program shows them, less SVM, and with VME, which it lacks */
/* clang-format off */
static const Golden golden[] = {
    { "qemu64",   "AuthenticAMD", 0x60fb1, 0x80002001, 0x078bfbfd, 1, 0x2193fbfd, 0xd, 0x8000000a },
    { "486",      "GenuineIntel", 0x00480, 0x80000000, 0x0000000b, 0, 0,          1,   0 },
    { "pentium3", "GenuineIntel", 0x00673, 0x80000000, 0x0383fbff, 0, 0,          3,   0 },
    { "Nehalem",  "GenuineIntel", 0x106a3, 0x80982201, 0x078bfbff, 1, 0x20100800, 0xb, 0x80000008 },
};
/* clang-format on */

static void test_golden(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(golden); i++) {
        const Golden *g = &golden[i];
        g_autofree char *text = g_strconcat(g->model, ",check=off", NULL);
        SoftVm *m = soft_vm_new(text);
        Leaf l0 = leaf(m, 0, 0), l1 = leaf(m, 1, 0), x1 = leaf(m, 0x80000001, 0);
        char vendor[13] = { 0 };

        memcpy(vendor, &l0.b, 4);
        memcpy(vendor + 4, &l0.d, 4);
        memcpy(vendor + 8, &l0.c, 4);
        g_test_message("%s", g->model);
        g_assert_cmpstr(vendor, ==, g->vendor);
        g_assert_cmphex(l0.a, ==, g->level);
        g_assert_cmphex(m->s->model->xlevel, ==, g->xlevel);
        g_assert_cmphex(l1.a, ==, g->eax);
        g_assert_cmphex(l1.c, ==, g->ecx);
        g_assert_cmphex(l1.d, ==, g->edx);
        if (g->xlevel) {
            g_assert_cmphex(x1.c, ==, g->x_ecx);
            g_assert_cmphex(x1.d, ==, g->x_edx);
        }
        g_assert_cmphex(m->s->g[RDX], ==, g->eax); /* after reset */
        soft_vm_free(m);
    }
}

/* ---- words behind the name ---- */

static void expect_error(const char *text, const char *part)
{
    Vm *vm = vm_new();
    GError *err = NULL;
    bool ok = cpu_model_parse(vm, text, &err);

    g_assert_false(ok);
    g_assert_nonnull(strstr(err->message, part));
    g_error_free(err);
    vm_free(vm);
}

static void test_words(void)
{
    SoftVm *m = soft_vm_new("qemu64,+ssse3,-cx16,popcnt=on,pae=off,level=5,family=6,model=0x1a,"
                            "stepping=2,vendor=GenuineIntel,model_id=A Test,phys-bits=36");

    g_assert_true(x86_has(m->s, HAS_SSSE3));
    g_assert_true(x86_has(m->s, HAS_POPCNT));
    g_assert_false(x86_has(m->s, HAS_CX16));
    g_assert_false(x86_has(m->s, HAS_PAE));
    g_assert_cmphex(leaf(m, 0, 0).a, ==, 5);
    g_assert_cmphex(leaf(m, 1, 0).a, ==, 0x106a2);
    g_assert_true(x86_vendor_intel(m->s));
    g_assert_cmphex(leaf(m, 0x80000008, 0).a & 0xff, ==, 36);
    g_assert_cmphex(leaf(m, 0x80000002, 0).a, ==, 0x65542041); /* "A Te" */
    soft_vm_free(m);
    /* minus counts more than plus, whatever comes first */
    m = soft_vm_new("qemu64,-ssse3,+ssse3");
    g_assert_false(x86_has(m->s, HAS_SSSE3));
    soft_vm_free(m);
    m = soft_vm_new("max,sse4_2=off,-rdrand");
    g_assert_false(x86_has(m->s, HAS_SSE42));
    g_assert_false(x86_has(m->s, HAS_RDRAND));
    soft_vm_free(m);
    m = soft_vm_new(
        "max,migratable=on,host-phys-bits=on,host-phys-bits-limit=41,min-level=0x30,pmu=off,"
        "hv-time=off");
    g_assert_cmphex(leaf(m, 0x80000008, 0).a & 0xff, <=, 41);
    g_assert_cmphex(leaf(m, 0, 0).a, ==, 0x30);
    g_assert_false(leaf(m, 0x80000007, 0).d & 1 << 8);
    soft_vm_free(m);
    m = soft_vm_new("max");
    g_assert_true(leaf(m, 0x80000007, 0).d & 1 << 8);
    soft_vm_free(m);
    expect_error("max,pmu=on", "'pmu' is always off");
    expect_error("max,hv_relaxed", "Hyper-V");
    expect_error("max,tsc-frequency=1000000", "not supported yet");
    expect_error("Pentium9", "unable to find CPU model 'Pentium9'");
    expect_error("qemu64,+nonsense", "nonsense");
    expect_error("qemu64,family=x", "family");
    expect_error("qemu64,pae=maybe", "maybe");
    expect_error("?", "Available CPUs:");
}

static void test_enforce(void)
{
    Vm *vm = vm_new();
    GError *err = NULL;
    const char *const tries[] = { "tcg", NULL };
    bool ok = cpu_model_parse(vm, "qemu64,+avx512f,enforce", &err) && accel_init(vm, tries, &err);

    g_assert_false(ok);
    g_assert_nonnull(strstr(err->message, "doesn't support requested features"));
    g_error_free(err);
    vm_free(vm);
}

/* ---- topology ---- */

static void test_topology(void)
{
    SoftVm *m = soft_vm_new("max");
    Leaf l;

    /* 2 sockets of 3 cores of 2 threads: 2 bits of core, 1 of thread */
    m->vm->smp =
        (VmSmp){ .cpus = 12, .sockets = 2, .dies = 1, .cores = 3, .threads = 2, .max = 12 };
    g_assert_cmphex(smp_apic_id(&m->vm->smp, 0), ==, 0);
    g_assert_cmphex(smp_apic_id(&m->vm->smp, 5), ==, 5);
    g_assert_cmphex(smp_apic_id(&m->vm->smp, 6), ==, 8);
    m->v.apic_id = 8;
    l = leaf(m, 1, 0);
    g_assert_cmphex(l.b >> 24, ==, 8);
    g_assert_cmphex(l.b >> 16 & 0xff, ==, 8);
    g_assert_true(l.d >> 28 & 1);
    l = leaf(m, 0xb, 0);
    g_assert_cmphex(l.a, ==, 1);
    g_assert_cmphex(l.b, ==, 2);
    g_assert_cmphex(l.c, ==, 0x100);
    l = leaf(m, 0xb, 1);
    g_assert_cmphex(l.a, ==, 3);
    g_assert_cmphex(l.b, ==, 6);
    g_assert_cmphex(l.c, ==, 0x201);
    g_assert_cmphex(l.d, ==, 8);
    l = leaf(m, 0x80000008, 0);
    g_assert_cmphex(l.c, ==, 3 << 12 | 5);
    l = leaf(m, 0x8000001e, 0);
    g_assert_cmphex(l.a, ==, 8);
    g_assert_cmphex(l.b >> 8 & 0xff, ==, 1);
    soft_vm_free(m);
}

/* The default model shows threads as threads. */
static void test_threads(void)
{
    static const struct {
        const char *cpu;
        bool topoext;
    } cases[] = { { "qemu64", true }, { "qemu64,-topoext", false }, { "Nehalem", false } };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        Vm *vm = vm_new();
        GError *err = NULL;
        const char *const tries[] = { "tcg", NULL };

        vm->smp = (VmSmp){ .cpus = 4, .sockets = 1, .dies = 1, .cores = 2, .threads = 2, .max = 4 };
        bool ok = cpu_model_parse(vm, cases[i].cpu, &err) && accel_init(vm, tries, &err);
        g_assert_no_error(err);
        g_assert_true(ok);
        g_assert_cmpint(vm->cpu->word[CPUID_8_ECX] >> 22 & 1, ==, cases[i].topoext);
        g_assert_cmphex(vm->cpu->level, >=, 0xb);
        if (cases[i].topoext) {
            g_assert_cmphex(vm->cpu->xlevel, >=, 0x8000001e);
        }
        vm_free(vm);
    }
}

/* ---- hypervisor leaf, MSRs ---- */

static void test_hypervisor(void)
{
    SoftVm *m = soft_vm_new("qemu64");
    Leaf l = leaf(m, 0x40000000, 0);

    g_assert_cmphex(l.a, ==, 0x40000001);
    g_assert_cmpmem(&l.b, 4, "TCGT", 4);
    soft_vm_free(m);
    m = soft_vm_new("qemu64,-hypervisor");
    g_assert_cmphex(leaf(m, 0x40000000, 0).a, !=, 0x40000001);
    soft_vm_free(m);
}

static void test_msr(void)
{
    SoftVm *m = soft_vm_new("qemu64");
    uint64_t v = 0;

    g_assert_true(x86_msr_read(m->s, 0x277, &v));
    g_assert_cmphex(v, ==, 0x0007040600070406ull);
    g_assert_false(x86_msr_write(m->s, 0x277, 2)); /* no such memory type */
    g_assert_true(x86_msr_write(m->s, 0x20b, 0x800));
    g_assert_cmphex(m->s->mtrr_mask[5], ==, 0x800);
    g_assert_true(x86_msr_write(m->s, 0x26f, 0x0606060606060606ull));
    g_assert_cmphex(m->s->mtrr_fixed[10], ==, 0x0606060606060606ull);
    g_assert_false(x86_msr_write(m->s, 0xc0000082, 1ull << 47)); /* not canonical */
    g_assert_false(x86_msr_write(m->s, 0xfe, 0));                /* read-only */
    g_assert_false(x86_msr_read(m->s, 0x12345, &v));
    soft_vm_free(m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cpu/cpuid/names", test_names);
    g_test_add_func("/cpu/cpuid/every-model", test_every_model);
    g_test_add_func("/cpu/cpuid/golden", test_golden);
    g_test_add_func("/cpu/cpuid/words", test_words);
    g_test_add_func("/cpu/cpuid/enforce", test_enforce);
    g_test_add_func("/cpu/cpuid/topology", test_topology);
    g_test_add_func("/cpu/cpuid/threads", test_threads);
    g_test_add_func("/cpu/cpuid/hypervisor", test_hypervisor);
    g_test_add_func("/cpu/cpuid/msr", test_msr);
    return g_test_run();
}
