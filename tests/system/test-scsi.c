/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The SCSI bus with an adapter of the test's own: commands of disk and CD-ROM, data in pieces,
 * news, cancelling, a request that an error policy stops. */
#include <glib/gstdio.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "block/drive.h"
#include "hw/scsi/scsi.h"
#include "tests/system/pc-vm.h"

typedef struct TestHba {
    Device dev;
    ScsiBus bus;
} TestHba;

/* One command: what it gave, what it was given, how it ended. */
typedef struct Job {
    GByteArray *in;
    const uint8_t *out;
    size_t n_out, given, residue;
    bool done, hold;
    int status;
    uint8_t key;
    uint16_t asc;
    ScsiReq *req;
} Job;

static void hba_data(ScsiReq *r, uint8_t *buf, size_t n, bool to_guest)
{
    Job *j = scsi_hba_o(r);

    if (to_guest) {
        g_byte_array_append(j->in, buf, n);
    } else {
        n = MIN(n, j->n_out - j->given);
        memcpy(buf, j->out + j->given, n);
        j->given += n;
    }
    if (!j->hold)
        scsi_more(r);
}

static void hba_done(ScsiReq *r, int status, const uint8_t *sense, size_t n, size_t residue)
{
    Job *j = scsi_hba_o(r);

    g_assert_false(j->done);
    j->done = true;
    j->status = status;
    j->residue = residue;
    if (n) {
        j->key = sense[2];
        j->asc = sense[12] << 8 | sense[13];
    }
}

static const ScsiHba hba = {
    .targets = 8, .luns = 8, .channels = 1, .data = hba_data, .done = hba_done
};

static bool hba_realize(Device *dev, GError **err)
{
    TestHba *h = (TestHba *)dev;

    scsi_bus_init(&h->bus, dev, "test.0", &hba, h);
    return true;
}

static const DeviceType test_hba = { .name = "test-hba",
                                     .size = sizeof(TestHba),
                                     .realize = hba_realize };
REGISTER(device, test_hba);

/* ---- a machine with two drives ---- */

enum { DISK_SIZE = 1 << 20 };
static char *dir;
static Vm *vm;
static TestHba *adapter;

static void add_drive(const char *kv, unsigned target, bool cd)
{
    GError *err = NULL;
    DriveArgs a;
    g_autofree char *text = g_strdup_printf(kv, dir);

    prop_defaults(DriveArgs_rows, &a);
    g_assert_true(prop_parse_kv(DriveArgs_rows, "file", text, &a, vm, &err));
    g_assert_nonnull(drive_open(vm, &a, &err));
    g_assert_no_error(err);
    scsi_add_drive(&adapter->bus, a.id, target, 0, cd, &err);
    g_assert_no_error(err);
    prop_free(DriveArgs_rows, &a);
}

static void make_file(const char *name, size_t n)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);
    g_autofree uint8_t *p = g_malloc(n);
    GError *err = NULL;

    for (size_t i = 0; i < n; i++)
        p[i] = i / 512 + i;
    g_file_set_contents(path, (char *)p, n, &err);
    g_assert_no_error(err);
}

static void machine_up(void)
{
    GError *err = NULL;

    dir = g_dir_make_tmp("scsi-XXXXXX", NULL);
    make_file("hd", DISK_SIZE);
    make_file("cd", 300 * 2048);
    vm = pc_vm_new(1);
    adapter = (TestHba *)device_part(vm->root, device_type("test-hba"), NULL);
    g_assert_true(device_realize(&adapter->dev, NULL, &err));
    add_drive("file=%s/hd,format=raw,if=none,id=hd,serial=S1,werror=stop", 2, false);
    add_drive("file=%s/cd,format=raw,if=none,id=cd,media=cdrom,readonly=on", 3, true);
    vm_complete(vm);
}

static void machine_down(void)
{
    drives_close(vm);
    pc_vm_free(vm);
    for (const char *const *f = (const char *const[]){ "hd", "cd", NULL }; *f; f++) {
        g_autofree char *path = g_build_filename(dir, *f, NULL);
        g_unlink(path);
    }
    g_rmdir(dir);
    g_free(dir);
}

static Job begin(void)
{
    return (Job){ .in = g_byte_array_new() };
}

static void start(Job *j, unsigned target, unsigned lun, const uint8_t *cdb, size_t n)
{
    j->req = scsi_new(&adapter->bus, target, lun, 0, cdb, n, NULL, 0, j);
    g_assert_nonnull(j->req);
    scsi_start(j->req);
    g_assert_false(j->done);
}

static void await(Job *j)
{
    while (!j->done)
        vm_loop_once(vm, true);
}

#define CDB(...) ((const uint8_t[16]){ __VA_ARGS__ })

static Job run(unsigned target, unsigned lun, const uint8_t *cdb)
{
    Job j = begin();

    start(&j, target, lun, cdb, 16);
    await(&j);
    return j;
}

static void end(Job *j)
{
    g_byte_array_unref(j->in);
}

static void expect(unsigned target, unsigned lun, const uint8_t *cdb, uint8_t key, uint16_t asc)
{
    Job j = run(target, lun, cdb);

    g_assert_cmpint(j.status, ==, key ? SCSI_CHECK_CONDITION : SCSI_GOOD);
    g_assert_cmphex(j.key, ==, key);
    g_assert_cmphex(j.asc, ==, asc);
    end(&j);
}

/* ---- tests ---- */

static void test_identity(void)
{
    Job j;

    g_assert_null(scsi_new(&adapter->bus, 5, 0, 0, CDB(0), 6, NULL, 0, NULL));
    j = run(2, 0, CDB(0x12, 0, 0, 0, 36));
    g_assert_cmpint(j.in->len, ==, 36);
    g_assert_cmpmem(j.in->data + 8, 28, "QEMU    QEMU HARDDISK   2.5+", 28);
    end(&j);
    /* news of the power first, once; INQUIRY does not take it */
    expect(2, 0, CDB(0x00), 6, 0x2900);
    expect(2, 0, CDB(0x00), 0, 0);
    j = run(2, 0, CDB(0x25));
    g_assert_cmpint(GUINT32_FROM_BE(*(uint32_t *)j.in->data), ==, DISK_SIZE / 512 - 1);
    end(&j);
    j = run(2, 0, CDB(0x12, 1, 0x80, 0, 255));
    g_assert_cmpmem(j.in->data, j.in->len, "\0\x80\0\2S1", 6);
    end(&j);
    /* another lun: INQUIRY says nothing is there, the rest is refused, REPORT LUNS knows */
    j = run(2, 5, CDB(0x12, 0, 0, 0, 36));
    g_assert_cmphex(j.in->data[0], ==, 0x7f);
    end(&j);
    expect(2, 5, CDB(0x00), 5, 0x2500);
    j = run(2, 5, CDB(0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 64));
    g_assert_cmpint(j.in->len, ==, 16);
    end(&j);
    expect(2, 0, CDB(0xff), 5, 0x2000);
    j = run(2, 0, CDB(0x03, 0, 0, 0, 18));
    g_assert_cmphex(j.in->data[2] << 16 | j.in->data[12] << 8, ==, 5 << 16 | 0x2000);
    end(&j);
    j = run(2, 0, CDB(0x1a, 0, 8, 0, 255));
    g_assert_cmphex(j.in->data[12], ==, 8);
    g_assert_cmphex(j.in->data[14], ==, 4); /* the write cache is on */
    end(&j);
}

static void test_data(void)
{
    g_autofree uint8_t *want = g_malloc(DISK_SIZE), *text = g_malloc(DISK_SIZE);
    Job j;

    for (size_t i = 0; i < DISK_SIZE; i++) {
        want[i] = i / 512 + i;
        text[i] = i * 7 + i / 4096;
    }
    /* 1000 blocks come in pieces */
    j = run(2, 0, CDB(0x28, 0, 0, 0, 0, 3, 0, 1000 >> 8, 1000 & 255));
    g_assert_cmpint(j.status, ==, SCSI_GOOD);
    g_assert_cmpmem(j.in->data, j.in->len, want + 3 * 512, 1000 * 512);
    end(&j);
    j = begin();
    j.out = text;
    j.n_out = 700 * 512;
    start(&j, 2, 0, CDB(0x2a, 8, 0, 0, 0, 9, 0, 700 >> 8, 700 & 255), 10);
    await(&j);
    g_assert_cmpint(j.status, ==, SCSI_GOOD);
    g_assert_cmpint(j.given, ==, 700 * 512);
    end(&j);
    j = run(2, 0, CDB(0x88, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 700 >> 8, 700 & 255));
    g_assert_cmpmem(j.in->data, j.in->len, text, 700 * 512);
    end(&j);
    /* compare, then zero, by UNMAP's cousin */
    for (unsigned bad = 0; bad < 2; bad++) {
        text[100 * 512] ^= bad;
        j = begin();
        j.out = text;
        j.n_out = 700 * 512;
        start(&j, 2, 0, CDB(0x2f, 2, 0, 0, 0, 9, 0, 700 >> 8, 700 & 255), 10);
        await(&j);
        g_assert_cmphex(j.key, ==, bad ? 14 : 0);
        end(&j);
    }
    expect(2, 0, CDB(0x93, 9, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 2), 0, 0);
    j = run(2, 0, CDB(0x28, 0, 0, 0, 0, 9, 0, 0, 3));
    memset(text, 0, 1024);
    g_assert_cmpmem(j.in->data, j.in->len, text, 3 * 512);
    end(&j);
    expect(2, 0, CDB(0x28, 0, 0, 0, 0x08, 0, 0, 0, 1), 5, 0x2100);
    expect(2, 0, CDB(0x88, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255), 5,
           0x2100);
    expect(2, 0, CDB(0x35), 0, 0);
}

static void test_unmap(void)
{
    static const uint8_t list[24] = { 0, 22, 0, 16, [15] = 40, [19] = 8 };
    static const uint8_t far[24] = { 0, 22, 0, 16, [8] = 1, [19] = 8 };
    Job j = begin();

    j.out = list;
    j.n_out = 24;
    start(&j, 2, 0, CDB(0x42, 0, 0, 0, 0, 0, 0, 0, 24), 10);
    await(&j);
    g_assert_cmpint(j.status, ==, SCSI_GOOD);
    end(&j);
    j = begin();
    j.out = far;
    j.n_out = 24;
    start(&j, 2, 0, CDB(0x42, 0, 0, 0, 0, 0, 0, 0, 24), 10);
    await(&j);
    g_assert_cmphex(j.asc, ==, 0x2100);
    end(&j);
}

static void test_cdrom(void)
{
    Job j = run(3, 0, CDB(0x12, 0, 0, 0, 36));

    g_assert_cmphex(j.in->data[0] << 8 | j.in->data[1], ==, 0x0580);
    end(&j);
    expect(3, 0, CDB(0x00), 6, 0x2900);
    j = run(3, 0, CDB(0x25));
    g_assert_cmpmem(j.in->data, j.in->len, "\0\0\1\x2b\0\0\x08", 8);
    end(&j);
    j = run(3, 0, CDB(0x28, 0, 0, 0, 0, 2, 0, 0, 200));
    g_assert_cmpint(j.in->len, ==, 200 * 2048);
    g_assert_cmphex(j.in->data[0], ==, (uint8_t)(2 * 2048 / 512));
    end(&j);
    j = run(3, 0, CDB(0xbe, 0, 0, 0, 0, 2, 0, 0, 100, 0xf8));
    g_assert_cmpint(j.in->len, ==, 100 * 2352);
    g_assert_cmphex(j.in->data[2352 + 15], ==, 1);
    g_assert_cmphex(j.in->data[2352 + 16], ==, (uint8_t)(3 * 2048 / 512));
    end(&j);
    j = run(3, 0, CDB(0x1a, 0, 0x2a, 0, 255));
    g_assert_cmphex(j.in->data[4], ==, 0x2a);
    end(&j);
    expect(3, 0, CDB(0x28, 0, 0, 0, 1, 44, 0, 0, 1), 5, 0x2100);
    expect(3, 0, CDB(0x2a, 0, 0, 0, 0, 0, 0, 0, 1), 5, 0x2000);
}

/* An adapter with a list of the guest's memory: no data() at all. */
static void test_iovec(void)
{
    uint8_t a[100], b[2000];
    struct iovec v[2] = { { a, sizeof(a) }, { b, sizeof(b) } };
    Job j = begin();
    ScsiReq *r =
        scsi_new(&adapter->bus, 2, 0, 0, CDB(0x28, 0, 0, 0, 3, 0x20, 0, 0, 4), 10, v, 2, &j);

    scsi_start(r);
    await(&j);
    g_assert_cmpint(j.status, ==, SCSI_GOOD);
    g_assert_cmpint(j.residue, ==, 2100 - 2048);
    g_assert_cmphex(a[99], ==, (uint8_t)(800 + 99));
    g_assert_cmphex(b[0], ==, (uint8_t)(800 + 100));
    end(&j);
}

static void test_cancel(void)
{
    Job j = begin();

    j.hold = true;
    start(&j, 2, 0, CDB(0x28, 0, 0, 0, 0, 0, 0, 2, 0), 10);
    while (!j.in->len)
        vm_loop_once(vm, true);
    scsi_cancel(j.req);
    g_assert_false(j.done);
    await(&j);
    g_assert_cmpint(j.status, ==, SCSI_CANCELLED);
    end(&j);
    /* while the block layer has it, and by the reset of the bus */
    j = begin();
    start(&j, 2, 0, CDB(0x28, 0, 0, 0, 0, 0, 0, 2, 0), 10);
    scsi_bus_reset(&adapter->bus);
    await(&j);
    g_assert_cmpint(j.status, ==, SCSI_CANCELLED);
    end(&j);
    expect(2, 0, CDB(0x00), 6, 0x2902);
    expect(2, 0, CDB(0x00), 0, 0);
}

/* A write to a full disk, by the size that files may have: the machine stops, the request waits. */
static void write_full(Job *j, const uint8_t text[512], uint8_t lba)
{
    struct rlimit was, low;

    g_assert_true(vm_start(vm, NULL));
    getrlimit(RLIMIT_FSIZE, &was);
    low = was;
    low.rlim_cur = 4096;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &low);
    j->out = text;
    j->n_out = 512;
    start(j, 2, 0, CDB(0x2a, 0, 0, 0, 0, lba, 0, 0, 1), 10);
    while (vm_state(vm) != RUNSTATE_IO_ERROR)
        vm_loop_once(vm, true);
    setrlimit(RLIMIT_FSIZE, &was);
    g_assert_false(j->done);
}

/* With room it goes on, and the adapter saw nothing but a slow command. */
static void test_stop(void)
{
    uint8_t text[512];
    Job j = begin(), k;

    memset(text, 0x5a, sizeof(text));
    write_full(&j, text, 100);
    g_assert_true(vm_start(vm, NULL));
    await(&j);
    g_assert_cmpint(j.status, ==, SCSI_GOOD);
    vm_stop(vm, RUNSTATE_PAUSED);
    k = run(2, 0, CDB(0x28, 0, 0, 0, 0, 100, 0, 0, 1));
    g_assert_cmpmem(k.in->data, k.in->len, text, 512);
    end(&j);
    end(&k);
}

static void is_over(void *o)
{
    *(bool *)o = true;
}

/* A reset of the adapter that must wait for a read of the CD */
static void reset_begin(Job *cd, bool *over)
{
    start(cd, 3, 0, CDB(0x28, 0, 0, 0, 0, 2, 0, 0, 200), 10);
    device_reset(&adapter->dev, RESET_FULL, is_over, over);
    g_assert_false(*over);
    g_assert_true(device_held(&adapter->dev));
}

/* While a reset waits no request of its devices begins another piece: neither one whose answer was
 * due, nor one that the error policy had stopped, though the machine runs again. */
static void test_held(void)
{
    uint8_t text[512];
    Job answer = begin(), parked = begin(), cd = begin(), was, is;
    bool over = false;

    expect(3, 0, CDB(0x00), 6, 0x2902);
    start(&answer, 2, 0, CDB(0x12, 0, 0, 0, 36), 6);
    reset_begin(&cd, &over);
    while (!over)
        vm_loop_once(vm, true);
    g_assert_cmpint(answer.in->len, ==, 0);
    g_assert_false(answer.done);

    expect(2, 0, CDB(0x00), 6, 0x2900);
    expect(3, 0, CDB(0x00), 6, 0x2900);
    was = run(2, 0, CDB(0x28, 0, 0, 0, 0, 101, 0, 0, 1));
    memset(text, 0xa5, sizeof(text));
    write_full(&parked, text, 101);
    over = false;
    reset_begin(&cd, &over);
    g_assert_true(vm_start(vm, NULL));
    while (!over)
        vm_loop_once(vm, true);
    vm_stop(vm, RUNSTATE_PAUSED);
    over = false;
    drives_settled(vm, is_over, &over);
    while (!over)
        vm_loop_once(vm, true);
    expect(2, 0, CDB(0x00), 6, 0x2900);
    is = run(2, 0, CDB(0x28, 0, 0, 0, 0, 101, 0, 0, 1));
    g_assert_cmpmem(was.in->data, was.in->len, is.in->data, is.in->len);
    g_assert_false(parked.done);
    end(&answer);
    end(&parked);
    end(&cd);
    end(&was);
    end(&is);
}

static void test_random(void)
{
    GRand *rnd = g_rand_new_with_seed(5);
    static const uint8_t zeros[65536];

    for (int i = 0; i < 3000; i++) {
        uint8_t cdb[16];
        Job j = begin();

        for (int n = 0; n < 16; n++)
            cdb[n] = g_rand_int_range(rnd, 0, 3) ? g_rand_int(rnd) & 3 : g_rand_int(rnd);
        cdb[0] = g_rand_int(rnd);
        j.out = zeros;
        j.n_out = sizeof(zeros);
        start(&j, 2 + (i & 1), i % 7 == 0, cdb, 16);
        await(&j);
        end(&j);
    }
    g_rand_free(rnd);
}

int main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    machine_up();
    g_test_add_func("/scsi/identity", test_identity);
    g_test_add_func("/scsi/data", test_data);
    g_test_add_func("/scsi/unmap", test_unmap);
    g_test_add_func("/scsi/cdrom", test_cdrom);
    g_test_add_func("/scsi/iovec", test_iovec);
    g_test_add_func("/scsi/cancel", test_cancel);
    g_test_add_func("/scsi/stop", test_stop);
    g_test_add_func("/scsi/held", test_held);
    g_test_add_func("/scsi/random", test_random);
    ret = g_test_run();
    machine_down();
    return ret;
}
