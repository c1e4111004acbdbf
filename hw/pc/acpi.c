/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ACPI tables (ACPI 6.4, chapter 5) in one file, and the script by which the firmware places them:
 * every pointer is written as an offset into etc/acpi/tables, and a loader command has the firmware
 * add the address where it put that file; sums are left zero and computed by command too.
 *
 *   FACS  DSDT  FADT  MADT  HPET  WAET  SRAT  SLIT  RSDT  etc/acpi/tables
 *   RSDP -> RSDT -> FADT -> FACS, DSDT        etc/acpi/rsdp
 *
 * The FADT is of revision 3 for its reset register; addresses below 4 GiB, so no XSDT.
 */
#include "hw/pc/acpi.h"

#include <string.h>

#include "hw/pc/fw_cfg.h"

#define TABLES "etc/acpi/tables"
#define RSDP   "etc/acpi/rsdp"

enum { LOAD_ALLOCATE = 1, LOAD_POINTER = 2, LOAD_CHECKSUM = 3, ZONE_HIGH = 1, ZONE_F = 2 };
enum { HEADER = 36, FACS_LEN = 64 };

typedef struct AcpiBuild {
    Pc *pc;
    GString *out;
    GByteArray *script;
    size_t start;
} AcpiBuild;

static void put_le(GString *s, uint64_t v, unsigned n)
{
    for (; n; n--, v >>= 8)
        g_string_append_c(s, (char)(v & 0xff));
}

static void poke_le(GString *s, size_t at, uint64_t v, unsigned n)
{
    for (; n; n--, v >>= 8)
        s->str[at++] = (char)(v & 0xff);
}

/* ---- the loader's script: 128 bytes a command ---- */

static void script_allocate(AcpiBuild *b, const char *file, uint32_t align, uint8_t zone)
{
    uint8_t c[128] = { LOAD_ALLOCATE };

    strcpy((char *)c + 4, file);
    c[60] = align;
    c[64] = zone;
    g_byte_array_append(b->script, c, sizeof(c));
}

/* n bytes at off of file become an address inside TABLES */
static void script_pointer(AcpiBuild *b, const char *file, uint32_t off, uint8_t n)
{
    uint8_t c[128] = { LOAD_POINTER };

    strcpy((char *)c + 4, file);
    strcpy((char *)c + 60, TABLES);
    off = GUINT32_TO_LE(off);
    memcpy(c + 116, &off, 4);
    c[120] = n;
    g_byte_array_append(b->script, c, sizeof(c));
}

static void script_checksum(AcpiBuild *b, const char *file, uint32_t at, uint32_t from, uint32_t n)
{
    uint8_t c[128] = { LOAD_CHECKSUM };
    uint32_t arg[3] = { GUINT32_TO_LE(at), GUINT32_TO_LE(from), GUINT32_TO_LE(n) };

    strcpy((char *)c + 4, file);
    memcpy(c + 60, arg, sizeof(arg));
    g_byte_array_append(b->script, c, sizeof(c));
}

/* ---- tables ---- */

static void put_id(GString *s, const char *given, const char *normal, unsigned n)
{
    char text[9];

    g_snprintf(text, n + 1, "%-*.*s", n, n, given ? given : normal);
    g_string_append_len(s, text, n);
}

static size_t table_begin(AcpiBuild *b, const char *sig, uint8_t revision)
{
    const PcArgs *args = b->pc->args;

    b->start = b->out->len;
    g_string_append_len(b->out, sig, 4);
    put_le(b->out, 0, 4);
    put_le(b->out, revision, 2); /* and the sum */
    put_id(b->out, args ? args->oem_id : NULL, "BOCHS", 6);
    put_id(b->out, args ? args->oem_table_id : NULL, "BXPC", 8);
    put_le(b->out, 1, 4);
    g_string_append_len(b->out, "BXPC", 4);
    put_le(b->out, 1, 4);
    return b->start;
}

static void table_end(AcpiBuild *b)
{
    poke_le(b->out, b->start + 4, b->out->len - b->start, 4);
    script_checksum(b, TABLES, b->start + 9, b->start, b->out->len - b->start);
}

static size_t facs(AcpiBuild *b)
{
    size_t at = b->out->len;

    g_string_append_len(b->out, "FACS", 4);
    put_le(b->out, FACS_LEN, 4);
    for (unsigned i = 8; i < FACS_LEN; i++)
        put_le(b->out, 0, 1);
    return at;
}

static size_t dsdt(AcpiBuild *b)
{
    size_t at = table_begin(b, "DSDT", 1);

    dsdt_write(b->out, b->pc);
    table_end(b);
    return at;
}

/* a generic address: I/O space */
static void put_gas(GString *s, unsigned bits, uint16_t port)
{
    put_le(s, port ? 1 : 0, 1);
    put_le(s, port ? bits : 0, 1);
    put_le(s, 0, 2);
    put_le(s, port, 8);
}

static void fadt_ports(GString *s)
{
    put_le(s, PC_PM_BASE, 4);     /* PM1a event */
    put_le(s, 0, 4);              /* PM1b event */
    put_le(s, PC_PM_BASE + 4, 4); /* PM1a control */
    put_le(s, 0, 4);              /* PM1b control */
    put_le(s, 0, 4);              /* PM2 control */
    put_le(s, PC_PM_BASE + 8, 4); /* PM timer */
    put_le(s, PC_GPE_BASE, 4);    /* GPE0; GPE1: none */
    put_le(s, 0, 4);
    put_le(s, 4 | 2 << 8, 3); /* lengths: event, control, PM2 */
    put_le(s, 4 | 4 << 8, 5); /* timer, GPE0, GPE1, GPE1 base, _CST */
}

static size_t fadt(AcpiBuild *b, size_t facs_at, size_t dsdt_at)
{
    enum { WBINVD = 1, PROC_C1 = 4, NO_SLEEP_BUTTON = 0x20, NO_RTC_WAKE = 0x40, RESET_REG = 0x400 };
    enum { USE_PLATFORM_CLOCK = 0x8000, LEGACY_DEVICES = 1, HAS_8042 = 2 };
    size_t at = table_begin(b, "FACP", 3);
    GString *s = b->out;

    script_pointer(b, TABLES, s->len, 4);
    put_le(s, facs_at, 4);
    script_pointer(b, TABLES, s->len, 4);
    put_le(s, dsdt_at, 4);
    put_le(s, 0, 2); /* reserved, profile: unspecified */
    put_le(s, PC_SCI_IRQ, 2);
    put_le(s, 0xb2, 4); /* SMI command port: */
    put_le(s, 0xf1, 1); /* ACPI on, */
    put_le(s, 0xf0, 1); /* off */
    put_le(s, 0, 2);    /* S4BIOS, P-states: none */
    fadt_ports(s);
    put_le(s, 0xfff, 2); /* no C2, no C3 */
    put_le(s, 0xfff, 2);
    put_le(s, 0, 6);    /* flush size and stride, duty */
    put_le(s, 0, 2);    /* day and month alarm: none */
    put_le(s, 0x32, 1); /* CMOS century */
    put_le(s, LEGACY_DEVICES | HAS_8042, 2);
    put_le(s, 0, 1);
    put_le(s, WBINVD | PROC_C1 | NO_SLEEP_BUTTON | NO_RTC_WAKE | RESET_REG | USE_PLATFORM_CLOCK, 4);
    put_gas(s, 8, 0xcf9);
    put_le(s, 0x0f, 1); /* reset: a hard one */
    put_le(s, 0, 3);
    put_le(s, 0, 8); /* X_FIRMWARE_CTRL: the 32-bit one counts */
    script_pointer(b, TABLES, s->len, 8);
    put_le(s, dsdt_at, 8);
    put_gas(s, 32, PC_PM_BASE);
    put_gas(s, 0, 0);
    put_gas(s, 16, PC_PM_BASE + 4);
    put_gas(s, 0, 0);
    put_gas(s, 0, 0);
    put_gas(s, 32, PC_PM_BASE + 8);
    put_gas(s, 32, PC_GPE_BASE);
    put_gas(s, 0, 0);
    g_assert(s->len - at == 244);
    table_end(b);
    return at;
}

static void madt_cpu(GString *s, unsigned index, uint32_t apic_id)
{
    if (apic_id < 255) {
        put_le(s, 0 | 8 << 8, 2);
        put_le(s, index, 1);
        put_le(s, apic_id, 1);
        put_le(s, 1, 4);
    } else {
        put_le(s, 9 | 16 << 8, 4); /* x2APIC */
        put_le(s, apic_id, 4);
        put_le(s, 1, 4);
        put_le(s, index, 4);
    }
}

/* ISA IRQ `irq` is IOAPIC pin gsi; flags 0: as the bus says, 0Dh: high, level */
static void madt_override(GString *s, uint8_t irq, uint32_t gsi, uint16_t flags)
{
    put_le(s, 2 | 10 << 8, 3);
    put_le(s, irq, 1);
    put_le(s, gsi, 4);
    put_le(s, flags, 2);
}

static size_t madt(AcpiBuild *b)
{
    const VmSmp *smp = &b->pc->dev.vm->smp;
    size_t at = table_begin(b, "APIC", 1);
    GString *s = b->out;

    put_le(s, PC_LAPIC_BASE, 4);
    put_le(s, 1, 4); /* with two 8259s */
    for (unsigned i = 0; i < smp->cpus; i++)
        madt_cpu(s, i, smp_apic_id(smp, i));
    put_le(s, 1 | 12 << 8, 2); /* IOAPIC 0, from GSI 0 */
    put_le(s, 0, 2);
    put_le(s, PC_IOAPIC_BASE, 4);
    put_le(s, 0, 4);
    madt_override(s, 0, 2, 0);
    madt_override(s, 5, 5, 0x0d);
    madt_override(s, 9, 9, 0x0d);
    madt_override(s, 10, 10, 0x0d);
    madt_override(s, 11, 11, 0x0d);
    put_le(s, 4 | 6 << 8, 2); /* NMI on LINT1 of all */
    put_le(s, 0xff, 1);
    put_le(s, 0, 2);
    put_le(s, 1, 1);
    table_end(b);
    return at;
}

/* Windows: the PM timer needs no double reading */
static size_t waet(AcpiBuild *b)
{
    size_t at = table_begin(b, "WAET", 1);

    put_le(b->out, 2, 4);
    table_end(b);
    return at;
}

static size_t hpet(AcpiBuild *b)
{
    size_t at = table_begin(b, "HPET", 1);
    GString *s = b->out;

    put_le(s, 0x8086a201, 4); /* the low half of its capability register */
    put_le(s, 0, 4);          /* address: in memory */
    put_le(s, PC_HPET_BASE, 8);
    put_le(s, 0, 1);
    put_le(s, 0, 2);
    put_le(s, 0, 1);
    table_end(b);
    return at;
}

/* ---- -numa: ACPI 6.4, 5.2.16 and 5.2.17 ---- */

static void srat_cpu(GString *s, uint32_t apic_id, unsigned node)
{
    if (apic_id < 255) {
        put_le(s, 0 | 16 << 8, 2);
        put_le(s, node, 1);
        put_le(s, apic_id, 1);
        put_le(s, 1, 4); /* enabled */
        put_le(s, 0, 8); /* SAPIC id, rest of the node, clock domain */
    } else {
        put_le(s, 2 | 24 << 8, 4); /* x2APIC */
        put_le(s, node, 4);
        put_le(s, apic_id, 4);
        put_le(s, 1, 4);
        put_le(s, 0, 8);
    }
}

static void srat_memory(GString *s, uint64_t base, uint64_t size, unsigned node)
{
    if (!size)
        return;
    put_le(s, 1 | 40 << 8, 2);
    put_le(s, node, 4);
    put_le(s, 0, 2);
    put_le(s, base, 8);
    put_le(s, size, 8);
    put_le(s, 0, 4);
    put_le(s, 1, 4); /* enabled */
    put_le(s, 0, 8);
}

/* [from, from + size) of RAM's offsets, in the pieces that the guest sees */
static void srat_node(GString *s, const PcMemory *mem, uint64_t from, uint64_t size, unsigned node)
{
    const uint64_t low_end = 0xa0000, high = 0x100000, four_gib = 1ull << 32;
    uint64_t end = from + size;

    if (from < low_end)
        srat_memory(s, from, MIN(end, low_end) - from, node);
    if (from < mem->below_4g && end > high)
        srat_memory(s, MAX(from, high), MIN(end, mem->below_4g) - MAX(from, high), node);
    if (end > mem->below_4g) {
        uint64_t above = MAX(from, mem->below_4g);
        srat_memory(s, four_gib + above - mem->below_4g, end - above, node);
    }
}

static size_t srat(AcpiBuild *b)
{
    const Vm *vm = b->pc->dev.vm;
    const NumaConf *numa = &vm->conf->numa;
    size_t at = table_begin(b, "SRAT", 1);
    uint64_t from = 0;

    put_le(b->out, 1, 4);
    put_le(b->out, 0, 8);
    for (unsigned n = 0; n < numa->n; n++) {
        for (unsigned i = 0; i < vm->smp.cpus; i++) {
            if (numa->node[n].cpus[i / 64] >> i % 64 & 1)
                srat_cpu(b->out, smp_apic_id(&vm->smp, i), n);
        }
    }
    for (unsigned n = 0; n < numa->n; from += numa->node[n++].mem)
        srat_node(b->out, &b->pc->mem, from, numa->node[n].mem, n);
    table_end(b);
    return at;
}

static size_t slit(AcpiBuild *b)
{
    const NumaConf *numa = &b->pc->dev.vm->conf->numa;
    size_t at = table_begin(b, "SLIT", 1);

    put_le(b->out, numa->n, 8);
    for (unsigned i = 0; i < numa->n; i++)
        g_string_append_len(b->out, (const char *)numa->node[i].distance, numa->n);
    table_end(b);
    return at;
}

static size_t rsdt(AcpiBuild *b, const size_t *tables, unsigned n)
{
    size_t at = table_begin(b, "RSDT", 1);

    for (unsigned i = 0; i < n; i++) {
        script_pointer(b, TABLES, b->out->len, 4);
        put_le(b->out, tables[i], 4);
    }
    table_end(b);
    return at;
}

static GBytes *rsdp(AcpiBuild *b, size_t rsdt_at)
{
    GString *s = g_string_new("RSD PTR ");

    put_le(s, 0, 1); /* sum */
    put_id(s, b->pc->args ? b->pc->args->oem_id : NULL, "BOCHS", 6);
    put_le(s, 0, 1); /* revision: ACPI 1.0, 20 bytes */
    put_le(s, rsdt_at, 4);
    script_pointer(b, RSDP, 16, 4);
    script_checksum(b, RSDP, 8, 0, ACPI_RSDP_SIZE);
    g_assert(s->len == ACPI_RSDP_SIZE);
    return g_string_free_to_bytes(s);
}

void acpi_build(Pc *pc, AcpiFiles *files)
{
    AcpiBuild b = { pc, g_string_new(NULL), g_byte_array_new(), 0 };

    script_allocate(&b, RSDP, 16, ZONE_F);
    script_allocate(&b, TABLES, 64, ZONE_HIGH);
    size_t facs_at = facs(&b);
    size_t dsdt_at = dsdt(&b);
    size_t in_rsdt[6];
    const NumaConf *numa = &pc->dev.vm->conf->numa;
    unsigned n = 0;
    in_rsdt[n++] = fadt(&b, facs_at, dsdt_at);
    in_rsdt[n++] = madt(&b);
    if (device_find(pc->dev.vm, "hpet", 0))
        in_rsdt[n++] = hpet(&b);
    in_rsdt[n++] = waet(&b);
    if (numa->n)
        in_rsdt[n++] = srat(&b);
    if (numa->distances)
        in_rsdt[n++] = slit(&b);
    files->rsdp = rsdp(&b, rsdt(&b, in_rsdt, n));

    /* as long as the directory promised */
    g_assert(b.out->len <= ACPI_TABLES_SIZE && b.script->len <= ACPI_LOADER_SIZE);
    while (b.out->len < ACPI_TABLES_SIZE)
        g_string_append_len(b.out, "\0\0\0\0\0\0\0", MIN(8, ACPI_TABLES_SIZE - b.out->len));
    guint used = b.script->len;
    g_byte_array_set_size(b.script, ACPI_LOADER_SIZE);
    memset(b.script->data + used, 0, ACPI_LOADER_SIZE - used);
    files->tables = g_string_free_to_bytes(b.out);
    files->loader = g_byte_array_free_to_bytes(b.script);
}
