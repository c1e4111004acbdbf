/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fw_cfg: how the firmware reads what it must know. Port 510h selects an item (16 bits), 511h
 * gives its bytes one by one, 514h (high half first, big-endian) takes the address of a DMA
 * request {be32 control, be32 length, be64 address}. Item 19h is the directory of named files.
 *
 * The directory is made when the guest first looks after a reset; the ACPI tables only when one of
 * their files is selected, because they tell where the firmware has put the PCI devices. Writing
 * works by DMA and only to files that a device offered as writable.
 *
 * Threads: all under the machine lock. Every length and address is the guest's: bounds first.
 */
#include "hw/pc/fw_cfg.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/firmware.h"
#include "core/runstate.h"
#include "hw/timer/rtc.h"
#include "util/bytes.h"

enum { MAX_FILES = 96, N_GENERIC = FW_CFG_FILE_FIRST + MAX_FILES, N_ARCH = 8 };
enum { DMA_ERROR = 1, DMA_READ = 2, DMA_SKIP = 4, DMA_SELECT = 8, DMA_WRITE = 16 };

typedef struct FwItem {
    GBytes *bytes;
    bool acpi; /* made by acpi_build() when selected */
} FwItem;

struct FwCfg {
    Device dev;
    /* config */
    Pc *pc;
    /* state */
    STATE_BEGIN
    struct FwCfgState {
        uint64_t dma_addr;
        uint32_t off;
        uint16_t key;
        uint8_t pad[2];
    } st;
    STATE_END
    /* host: made again from the configuration, so it does not travel */
    FwItem generic[N_GENERIC], arch[N_ARCH];
    uint16_t n_files, acpi_tables, acpi_loader, acpi_rsdp;
    bool looked, acpi_made;
    Region io, dma;
};

static const Field FwCfgState_rows[] = {
    FIELD(struct FwCfgState, dma_addr),
    FIELD(struct FwCfgState, off),
    FIELD(struct FwCfgState, key),
    FIELD_PAD(struct FwCfgState, pad),
    FIELD_END,
};

/* ---- items ---- */

static FwItem *item_at(FwCfg *f, uint16_t key)
{
    if (key < N_GENERIC)
        return &f->generic[key];
    if (key >= FW_CFG_ARCH && key < FW_CFG_ARCH + N_ARCH)
        return &f->arch[key - FW_CFG_ARCH];
    return NULL;
}

static void item_clear(FwItem *it)
{
    if (it->bytes)
        g_bytes_unref(it->bytes);
    memset(it, 0, sizeof(*it));
}

void fw_cfg_set(FwCfg *f, uint16_t key, GBytes *take)
{
    FwItem *it = item_at(f, key);

    g_assert(it);
    item_clear(it);
    it->bytes = take;
}

void fw_cfg_set16(FwCfg *f, uint16_t key, uint16_t val)
{
    val = GUINT16_TO_LE(val);
    fw_cfg_set(f, key, g_bytes_new(&val, sizeof(val)));
}

void fw_cfg_set32(FwCfg *f, uint16_t key, uint32_t val)
{
    val = GUINT32_TO_LE(val);
    fw_cfg_set(f, key, g_bytes_new(&val, sizeof(val)));
}

void fw_cfg_set64(FwCfg *f, uint16_t key, uint64_t val)
{
    val = GUINT64_TO_LE(val);
    fw_cfg_set(f, key, g_bytes_new(&val, sizeof(val)));
}

/* What it gives now; *n its length. NULL with *n 0: nothing */
static const uint8_t *item_data(const FwItem *it, size_t *n)
{
    gsize len = 0;
    const uint8_t *p = NULL;

    if (it && it->bytes)
        p = g_bytes_get_data(it->bytes, &len);
    *n = len;
    return p;
}

/* ---- the directory ---- */

typedef struct NamedItem {
    const char *name;
    FwItem item;
} NamedItem;

static int by_name(const void *a, const void *b)
{
    return strcmp(((const NamedItem *)a)->name, ((const NamedItem *)b)->name);
}

static void name_bytes(GArray *all, const char *name, GBytes *take)
{
    NamedItem n = { name, { .bytes = take } };

    g_array_append_val(all, n);
}

static void name_acpi(GArray *all, const char *name, size_t size)
{
    NamedItem n = { name, { .bytes = g_bytes_new_take(g_malloc0(size), size), .acpi = true } };

    g_array_append_val(all, n);
}

static GBytes *boot_order(FwCfg *f)
{
    GString *text = g_string_new(NULL);

    fw_boot_order(f->dev.vm, text);
    if (f->dev.vm->conf->boot.strict)
        g_string_append(text, text->len ? "HALT\n" : "HALT");
    if (text->len && text->str[text->len - 1] == '\n')
        g_string_truncate(text, text->len - 1);
    /* the terminating NUL belongs to the file */
    size_t n = text->len ? text->len + 1 : 0;
    return g_bytes_new_take(g_string_free(text, false), n);
}

static GBytes *bytes_le(uint64_t val, size_t n)
{
    val = GUINT64_TO_LE(val);
    return g_bytes_new(&val, n);
}

/* Sn: 80h set = supported, low bits the value that the PM1 control register takes for it */
static GBytes *system_states(const Pc *pc)
{
    uint8_t states[6] = { 0x80, 0, 0, 1, 0, 0x80 };

    states[4] = pc_pm_row(pc, "s4_val", 2);
    states[3] |= pc_pm_row(pc, "disable_s3", 1) ? 0 : 0x80;
    states[4] |= pc_pm_row(pc, "disable_s4", 1) ? 0 : 0x80;
    return g_bytes_new(states, sizeof(states));
}

static void name_own_files(FwCfg *f, GArray *all)
{
    const BootConf *boot = &f->dev.vm->conf->boot;
    GBytes *anchor = NULL, *tables = smbios_tables(f->pc, &anchor);

    name_bytes(all, "bootorder", boot_order(f));
    name_bytes(all, "etc/boot-fail-wait", bytes_le((uint32_t)boot->reboot_timeout, 4));
    if (boot->splash_time >= 0)
        name_bytes(all, "etc/boot-menu-wait", bytes_le((uint16_t)boot->splash_time, 2));
    name_bytes(all, "etc/e820", pc_e820(f->pc));
    name_bytes(all, "etc/smbios/smbios-anchor", anchor);
    name_bytes(all, "etc/smbios/smbios-tables", tables);
    name_bytes(all, "etc/system-states", system_states(f->pc));
    if (pc_has_acpi(f->pc)) {
        name_acpi(all, "etc/acpi/rsdp", ACPI_RSDP_SIZE);
        name_acpi(all, "etc/acpi/tables", ACPI_TABLES_SIZE);
        name_acpi(all, "etc/table-loader", ACPI_LOADER_SIZE);
    }
}

static void name_device_files(FwCfg *f, GArray *all)
{
    const GPtrArray *files = fw_files(f->dev.vm);

    for (guint i = 0; i < files->len; i++) {
        const FwFile *file = files->pdata[i];
        NamedItem n = { file->name, { .bytes = g_bytes_ref(file->bytes) } };
        g_array_append_val(all, n);
    }
}

static void note_acpi_key(FwCfg *f, const char *name, uint16_t key)
{
    if (strcmp(name, "etc/acpi/tables") == 0)
        f->acpi_tables = key;
    else if (strcmp(name, "etc/table-loader") == 0)
        f->acpi_loader = key;
    else
        f->acpi_rsdp = key;
}

/* one directory entry: {be32 size, be16 key, 0, name[56]} */
static void dir_append(GByteArray *dir, size_t size, uint16_t key, const char *name)
{
    uint8_t e[64] = { 0 };

    put_be32(e, size);
    put_be16(e + 4, key);
    g_strlcpy((char *)e + 8, name, 56);
    g_byte_array_append(dir, e, sizeof(e));
}

static void fw_cfg_forget(FwCfg *f)
{
    for (unsigned i = 0; i < f->n_files; i++)
        item_clear(&f->generic[FW_CFG_FILE_FIRST + i]);
    item_clear(&f->generic[FW_CFG_FILE_DIR]);
    f->n_files = 0;
    f->looked = f->acpi_made = false;
}

/* Files in the order of their names: the keys do not depend on the order of devices. */
static void fw_cfg_look(FwCfg *f)
{
    g_autoptr(GArray) all = g_array_new(false, false, sizeof(NamedItem));
    GByteArray *dir = g_byte_array_new();

    name_own_files(f, all);
    name_device_files(f, all);
    qsort(all->data, all->len, sizeof(NamedItem), by_name);
    f->n_files = MIN(all->len, MAX_FILES);
    uint32_t count = GUINT32_TO_BE(f->n_files);
    g_byte_array_append(dir, (uint8_t *)&count, 4);
    for (guint i = 0; i < all->len; i++) {
        NamedItem *n = &g_array_index(all, NamedItem, i);
        uint16_t key = FW_CFG_FILE_FIRST + i;
        size_t len;
        if (i >= f->n_files) {
            item_clear(&n->item);
            continue;
        }
        f->generic[key] = n->item;
        item_data(&n->item, &len);
        if (n->item.acpi)
            note_acpi_key(f, n->name, key);
        dir_append(dir, len, key, n->name);
    }
    fw_cfg_set(f, FW_CFG_FILE_DIR, g_byte_array_free_to_bytes(dir));
    f->looked = true;
}

static void fw_cfg_make_acpi(FwCfg *f)
{
    AcpiFiles a;

    acpi_build(f->pc, &a);
    fw_cfg_set(f, f->acpi_tables, a.tables);
    fw_cfg_set(f, f->acpi_loader, a.loader);
    fw_cfg_set(f, f->acpi_rsdp, a.rsdp);
    f->acpi_made = true;
}

/* The item of the selected key, as complete as it gets */
static FwItem *fw_cfg_item(FwCfg *f)
{
    if (!f->looked && f->st.key >= FW_CFG_FILE_DIR && f->st.key < FW_CFG_ARCH)
        fw_cfg_look(f);
    FwItem *it = item_at(f, f->st.key);
    if (it && it->acpi && !f->acpi_made)
        fw_cfg_make_acpi(f);
    return it;
}

/* ---- registers ---- */

static void fw_cfg_select(FwCfg *f, uint16_t key)
{
    f->st.key = key;
    f->st.off = 0;
}

static uint64_t fw_cfg_read(void *o, uint64_t reg, unsigned size)
{
    FwCfg *f = o;
    size_t n;

    if (size != 1)
        return ~0ull;
    const uint8_t *p = item_data(fw_cfg_item(f), &n);
    return f->st.off < n ? p[f->st.off++] : 0;
}

static void fw_cfg_write(void *o, uint64_t reg, uint64_t val, unsigned size)
{
    if (reg == 0 && size == 2)
        fw_cfg_select(o, val);
}

/* Past the end an item reads as zeros. */
static bool dma_give(FwCfg *f, const uint8_t *p, size_t n, uint64_t addr, uint32_t len)
{
    static const uint8_t zeros[4096];

    if (f->st.off < n) {
        uint32_t now = MIN(len, n - f->st.off);
        if (!dma_write(&f->dev, addr, p + f->st.off, now))
            return false;
        f->st.off += now;
        addr += now;
        len -= now;
    }
    while (len) {
        uint32_t now = MIN(len, sizeof(zeros));
        if (!dma_write(&f->dev, addr, zeros, now))
            return false;
        addr += now;
        len -= now;
    }
    return true;
}

static bool dma_run(FwCfg *f, uint32_t control, uint32_t len, uint64_t addr)
{
    size_t n;

    if (control & DMA_SELECT)
        fw_cfg_select(f, control >> 16);
    FwItem *it = fw_cfg_item(f);
    const uint8_t *p = item_data(it, &n);
    if (control & DMA_READ)
        return dma_give(f, p, n, addr, len);
    if (control & DMA_WRITE)
        return false; /* nothing here is the guest's to write */
    if (control & DMA_SKIP)
        f->st.off = len > UINT32_MAX - f->st.off ? UINT32_MAX : f->st.off + len;
    return true;
}

static void dma_start(FwCfg *f)
{
    uint64_t at = f->st.dma_addr;
    struct {
        uint32_t control, length;
        uint64_t address;
    } req;
    uint32_t status = GUINT32_TO_BE(DMA_ERROR);

    f->st.dma_addr = 0;
    if (!dma_read(&f->dev, at, &req, sizeof(req))) {
        guest_error(&f->dev, "fw_cfg DMA request at %#" PRIx64 " is not in RAM", at);
    } else if (dma_run(f, GUINT32_FROM_BE(req.control), GUINT32_FROM_BE(req.length),
                       GUINT64_FROM_BE(req.address))) {
        status = 0;
    }
    dma_write(&f->dev, at, &status, sizeof(status));
}

/* reading tells that DMA is there: "QEMU CFG", big-endian */
static uint64_t dma_reg_read(void *o, uint64_t reg, unsigned size)
{
    return GUINT32_TO_BE(reg ? 0x20434647u : 0x51454d55u);
}

static void dma_reg_write(void *o, uint64_t reg, uint64_t val, unsigned size)
{
    FwCfg *f = o;
    uint64_t half = GUINT32_FROM_BE((uint32_t)val);

    if (reg == 0) {
        f->st.dma_addr = half << 32;
    } else {
        f->st.dma_addr |= half;
        dma_start(f);
    }
}

static const IoOps fw_cfg_io = { fw_cfg_read, fw_cfg_write, .min = 1, .max = 2 };
static const IoOps fw_cfg_dma = { dma_reg_read, dma_reg_write, .min = 4, .max = 4 };

/* ---- the device ---- */

static void fw_cfg_set_constants(FwCfg *f)
{
    const MachineConf *conf = f->dev.vm->conf;
    uint32_t max = f->dev.vm->smp.max;

    fw_cfg_set(f, FW_CFG_SIGNATURE, g_bytes_new_static("QEMU", 4));
    fw_cfg_set32(f, FW_CFG_ID, 1 | 2); /* bytes by port, DMA */
    fw_cfg_set(f, FW_CFG_UUID, g_bytes_new(conf->uuid, 16));
    fw_cfg_set64(f, FW_CFG_RAM_SIZE, conf->ram_size);
    fw_cfg_set16(f, FW_CFG_NOGRAPHIC, conf->nographic);
    fw_cfg_set16(f, FW_CFG_NB_CPUS, f->dev.vm->smp.cpus);
    fw_cfg_set64(f, FW_CFG_NUMA, 0);
    fw_cfg_set16(f, FW_CFG_BOOT_MENU, conf->boot.menu == 1);
    /* not a count: one more than the highest APIC id, for tables indexed by it */
    fw_cfg_set16(f, FW_CFG_MAX_CPUS, max ? smp_apic_id(&f->dev.vm->smp, max - 1) + 1 : 1);
    fw_cfg_set32(f, FW_CFG_IRQ0_OVERRIDE, 1); /* IRQ 0 is wired to IOAPIC pin 2 */
}

/* Suspended: the reset at the wake-up is to resume and not to boot (CMOS 0Fh, SeaBIOS's code). */
static void fw_cfg_suspend(void *o)
{
    enum { SHUTDOWN_CODE = 0x0f, RESUME_S3 = 0xfe };

    rtc_set_cmos(((FwCfg *)o)->pc->rtc, SHUTDOWN_CODE, RESUME_S3);
}

static const VmListener fw_cfg_listener = { .suspend = fw_cfg_suspend };

static bool fw_cfg_realize(Device *dev, GError **err)
{
    FwCfg *f = (FwCfg *)dev;
    Vm *vm = dev->vm;

    f->pc = pc_of(vm);
    if (!f->pc)
        return user_fail(err, "fw_cfg_io needs a PC board");
    atomic_store(&dev->space, vm->mem);
    fw_cfg_set_constants(f);
    region_init_io(&f->io, dev, "fwcfg", 2, &fw_cfg_io, f);
    region_init_io(&f->dma, dev, "fwcfg.dma", 8, &fw_cfg_dma, f);
    space_map(vm->io, &(MapRow){ .base = PC_FW_CFG_PORT, .size = 2, .region = &f->io, .on = true });
    space_map(vm->io,
              &(MapRow){ .base = PC_FW_CFG_PORT + 4, .size = 8, .region = &f->dma, .on = true });
    if (!kernel_load(f->pc, f, err))
        return false;
    vm_listen(vm, &fw_cfg_listener, f);
    return true;
}

/* the machine may have changed since: look again */
static void fw_cfg_reset(Device *dev)
{
    fw_cfg_forget((FwCfg *)dev);
}

static void fw_cfg_unrealize(Device *dev)
{
    FwCfg *f = (FwCfg *)dev;

    vm_unlisten(dev->vm, &fw_cfg_listener, f);
    fw_cfg_forget(f);
    for (unsigned i = 0; i < N_GENERIC; i++)
        item_clear(&f->generic[i]);
    for (unsigned i = 0; i < N_ARCH; i++)
        item_clear(&f->arch[i]);
}

static const Prop FwCfg_rows[] = { PROP_END(FwCfg) };

static const DeviceType fw_cfg_device = {
    .name = "fw_cfg_io",
    .desc = "firmware configuration ports",
    .size = sizeof(FwCfg),
    .props = FwCfg_rows,
    .state = STATE_PARTS(STATE(FwCfg, st, FwCfgState_rows, 1)),
    .realize = fw_cfg_realize,
    .reset = fw_cfg_reset,
    .unrealize = fw_cfg_unrealize,
};
REGISTER(device, fw_cfg_device);
