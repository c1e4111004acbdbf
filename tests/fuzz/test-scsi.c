/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SCSI commands: to a disk and a CD-ROM of an adapter of the target's own, which takes and gives
 * data in its own time, and through the LSI 53C895A with scripts, made well or badly.
 *
 * RAM: 0 scripts, 4000h table, 5000h message, 5100h command, 5200h what comes back, 8000h data.
 */
#include "hw/scsi/lsi.h"
#include "tests/fuzz/machine.h"

enum {
    CODE = RAM,
    TABLE = RAM + 0x4000,
    MSG = RAM + 0x5000,
    CMD = RAM + 0x5100,
    BACK = RAM + 0x5200,
    DATA = RAM + 0x8000,
    MOST_OPS = 150,
    MOST_JOBS = 16
};

/* ---- the target's own adapter ---- */

typedef struct FuzzHba {
    Device dev;
    ScsiBus bus;
} FuzzHba;

typedef struct Job {
    ScsiReq *req; /* NULL: free */
    bool hold, waits;
    uint8_t fill;
} Job;

static Job jobs[MOST_JOBS];
static uint8_t touched;

static void hba_data(ScsiReq *r, uint8_t *buf, size_t n, bool to_guest)
{
    Job *j = scsi_hba_o(r);
    for (size_t i = 0; i < n; i += i + 64 < n ? 64 : 1)
        touched += ((volatile uint8_t *)buf)[i];
    if (!to_guest) {
        size_t some = MIN(n, 256);
        memset(buf, j->fill, n);
        space_rw(vm->mem, DATA, buf, some, false);
    }
    if (j->hold)
        j->waits = true;
    else
        scsi_more(r);
}

static void hba_done(ScsiReq *r, int status, const uint8_t *sense, size_t n, size_t residue)
{
    Job *j = scsi_hba_o(r);
    g_assert(j->req == r && n <= SCSI_SENSE_SIZE);
    *j = (Job){ 0 };
}

static const ScsiHba hba = {
    .targets = 8, .luns = 8, .channels = 1, .data = hba_data, .done = hba_done
};

static bool hba_realize(Device *dev, GError **err)
{
    scsi_bus_init(&((FuzzHba *)dev)->bus, dev, "own.0", &hba, dev);
    return true;
}

static const DeviceType fuzz_hba = {
    .name = "fuzz-hba", .size = sizeof(FuzzHba), .flags = TYPE_USER, .realize = hba_realize
};
REGISTER(device, fuzz_hba);

/* ---- commands ---- */

static const uint8_t opcodes[] = {
    0x00, 0x03, 0x04, 0x08, 0x0a, 0x12, 0x15, 0x1a, 0x1b, 0x1d, 0x1e, 0x25, 0x28, 0x2a, 0x2b,
    0x2e, 0x2f, 0x35, 0x3b, 0x3c, 0x41, 0x42, 0x43, 0x44, 0x46, 0x4a, 0x4d, 0x51, 0x52, 0x55,
    0x5a, 0x5b, 0x88, 0x8a, 0x8e, 0x8f, 0x91, 0x93, 0x9e, 0xa0, 0xa1, 0xa3, 0xa5, 0xa8, 0xaa,
    0xad, 0xae, 0xaf, 0xb6, 0xb9, 0xbd, 0xbe, 0xbf, 0x5e, 0x5f, 0x16, 0x17, 0x4c, 0x5d, 0x85,
};

/* The lengths and addresses of real commands are mostly small. */
static unsigned command(Bytes *b, uint8_t cdb[16])
{
    unsigned how = take(b, 1), op = take(b, 1);
    memset(cdb, 0, 16);
    cdb[0] = how & 1 ? op : opcodes[op % G_N_ELEMENTS(opcodes)];
    unsigned n = cdb[0] < 0x20 ? 6 : cdb[0] < 0x80 ? 10 : cdb[0] >= 0xa0 ? 12 : 16;
    for (unsigned i = 1; i < n; i++)
        if (how & 2 || i == 1 || i == 2 || i == 5 || i + 2 >= n - (n > 10))
            cdb[i] = take(b, 1);
    if (cdb[0] == 0xbe) /* READ CD: which parts of a sector */
        cdb[9] = take(b, 1);
    return how & 4 ? take(b, 1) % 17 : n;
}

static FuzzHba *own;

static void own_op(Bytes *b)
{
    unsigned how = take(b, 1);
    Job *j = &jobs[how >> 4];
    uint8_t cdb[16];
    if (how & 8 && j->req) { /* what becomes of one under way */
        switch (how & 7) {
        case 0: scsi_cancel(j->req); break;
        case 1: scsi_bus_reset(&own->bus); break;
        default:
            if (j->waits) {
                j->waits = false;
                scsi_more(j->req);
            }
        }
        return;
    }
    unsigned n = command(b, cdb), where = take(b, 1);
    if (cdb[0] == 0x42) /* UNMAP: a list that says how long it is */
        ram_put(DATA, "\0\x16\0\x10\0\0\0\0\0\0\0\0\0\0\0", 15);
    else
        for (unsigned i = 0; i < (where >> 4) * 4u; i++)
            ram_put_le(DATA + i, take(b, 1), 1);
    if (cdb[0] == 0x42)
        ram_put_le(DATA + 15, take(b, 1) | take(b, 1) << 32, 8);
    if (j->req)
        return;
    *j = (Job){ .hold = how & 1, .fill = where };
    j->req = scsi_new(&own->bus, where & 1 ? 3 : 2, where >> 1 & 7 & (how & 2 ? 7 : 0), how >> 4,
                      cdb, n, NULL, 0, j);
    if (!j->req)
        return;
    touched += scsi_length(j->req) + scsi_dir(j->req);
    scsi_start(j->req);
    if (!(how & 4))
        settle();
}

/* ---- the LSI ---- */

static PciDevice *lsi;

static void word(uint64_t at, uint32_t insn, uint32_t arg)
{
    ram_put_le(at, insn | (uint64_t)arg << 32, 8);
}

/* One command, as a driver's script does it: data in either direction, disconnections. */
static void script_op(Bytes *b)
{
    unsigned how = take(b, 1), target = how & 1 ? 3 : 1, n_msg = 1, n_data = take(b, 2);
    uint8_t cdb[16];
    unsigned n = command(b, cdb);
    ram_put(CMD, cdb, 16);
    ram_put_le(MSG, (how & 2 ? 0xc0 : 0x80) | (how & 4 ? take(b, 1) & 7 : 0), 1);
    if (how & 8) {
        ram_put_le(MSG + 1, 0x20 | take(b, 1) << 8, 2);
        n_msg = 3;
    }
    if (how & 16)
        for (unsigned i = 0; i < 32; i++)
            ram_put_le(DATA + i, take(b, 1), 1);
    struct {
        uint32_t insn, arg;
    } s[] = {
        { 0x41000000 | target << 16, CODE + 8 * 30 },
        { 0x0e000000 | n_msg, MSG },
        { 0x0a000000 | n, CMD },
        { 0x810b0000, CODE + 8 * 9 },
        { 0x800b0000, CODE + 8 * 11 },
        { 0x830b0000, CODE + 8 * 21 },
        { 0x870b0000, CODE + 8 * 13 },
        { 0x98080000, 0xbad },
        { 0x98080000, 0xbad },
        { 0x09000000 | n_data, DATA },
        { 0x80080000, CODE + 8 * 3 },
        { 0x08000000 | n_data, DATA },
        { 0x80080000, CODE + 8 * 3 },
        { 0x0f000002, BACK + 0x10 },
        { 0x48000000, 0 },
        { 0x50000000, CODE + 8 * 30 },
        { 0x0f000001, BACK + 0x14 },
        { 0x870b0000, CODE + 8 * 19 },
        { 0x80080000, CODE + 8 * 3 },
        { 0x0f000002, BACK + 0x15 },
        { 0x80080000, CODE + 8 * 3 },
        { 0x0b000001, BACK },
        { 0x0f000001, BACK + 8 },
        { 0x48000000, 0 },
        { 0x98080000, 0x600d },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(s); i++)
        word(CODE + 8 * i, s[i].insn, s[i].arg);
    word(CODE + 8 * 30, 0x98080000, 0xa17);
    if (how & 0x40) { /* one of them otherwise */
        unsigned i = take(b, 1) % G_N_ELEMENTS(s);
        word(CODE + 8 * i, how & 0x80 ? s[i].insn ^ 1u << (take(b, 1) & 31) : take(b, 4),
             (uint32_t)value(b));
    }
    bar_io(lsi, 0, DSP, CODE, 4, true);
    if (!(how & 32))
        settle();
}

/* An instruction of any kind, somewhere */
static void insn_op(Bytes *b)
{
    static const uint32_t kinds[] = { 0x08000010, 0x18000000, 0x41010000, 0x48000000, 0x50000000,
                                      0x58000008, 0x60000008, 0x74080000, 0x7c080100, 0x68080000,
                                      0x80080000, 0x88080000, 0x90080000, 0x98080000, 0xc0000010,
                                      0xe0340004, 0xe1340004, 0x28000010 };
    unsigned how = take(b, 1), at = take(b, 1) & 63;
    uint32_t insn =
        how & 0x80 ? take(b, 4) : kinds[how % G_N_ELEMENTS(kinds)] ^ (how & 0x40 ? take(b, 3) : 0);
    word(CODE + 8 * at, insn, (uint32_t)value(b));
    if (how & 0x20)
        bar_io(lsi, 0, DSP, CODE + 8 * (take(b, 1) & 63), 4, true);
}

static void lsi_register_op(Bytes *b)
{
    static const uint8_t regs[] = { SCNTL0, SCNTL1, SCID,   SXFER, SDID,   ISTAT0, DSA,
                                    CTEST3, DMODE,  DCNTL,  SIEN0, STEST2, STEST3, CCNTL0,
                                    CCNTL1, PMJAD1, PMJAD2, DSP,   MMRS,   DBMS };
    unsigned how = take(b, 1), reg = how & 0x80 ? take(b, 1) : regs[how % G_N_ELEMENTS(regs)];
    bar_io(lsi, how >> 6 & 1, reg, how & 0x20 ? value(b) : take(b, 1), how & 0x20 ? 4 : 1, true);
}

static void operation(Bytes *b)
{
    unsigned op = take(b, 1);
    switch (op & 15) {
    case 0:
    case 1:
    case 2:
    case 3: own_op(b); break;
    case 4:
    case 5:
    case 6: script_op(b); break;
    case 7: insn_op(b); break;
    case 8: lsi_register_op(b); break;
    case 9: bar_op(lsi, b); break;
    case 10: ram_op(b); break;
    case 11: disk_op(b); break;
    case 12: clock_op(b); break;
    case 13:
        if (op & 0x80)
            vm_stop(vm, RUNSTATE_PAUSED);
        else if (!vm->running)
            vm_start(vm, NULL);
        break;
    case 14: op & 0x80 ? config_op(lsi, b) : ram_put_le(TABLE + take(b, 1) * 4, value(b), 4); break;
    case 15: settle(); break;
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    clock_most = 100000; /* a script without an end works all the time */
    machine_new(
        "-device fuzz-hba,id=own -device lsi53c895a,id=lsi,romfile= "
        "-drive "
        "if=none,id=d0,file=DISK,format=raw,file.locking=off,serial=abc,werror=stop,rerror=stop "
        "-drive if=none,id=d1,file=DISK,format=raw,file.locking=off,readonly=on,media=cdrom "
        "-drive if=none,id=d2,file=DISK,format=raw,file.locking=off "
        "-drive if=none,id=d3,file=DISK,format=raw,file.locking=off,readonly=on,media=cdrom "
        "-device scsi-hd,bus=own.0,drive=d0,scsi-id=2 -device scsi-cd,bus=own.0,drive=d1,scsi-id=3 "
        "-device scsi-hd,bus=lsi.0,drive=d2,scsi-id=1 -device "
        "scsi-cd,bus=lsi.0,drive=d3,scsi-id=3");
    own = (FuzzHba *)device_by_id(vm, "own");
    lsi = pci_named("lsi");
    machine_reset();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    Bytes b = { data, n };
    machine_calm();
    device_anew(&own->dev);
    memset(jobs, 0, sizeof(jobs));
    device_anew(&lsi->dev);
    place_bars();
    for (int i = 0; i < MOST_OPS && b.n; i++)
        operation(&b);
    machine_rest();
    return 0;
}

FUZZ_MAIN("scsi", 1500, 400)
