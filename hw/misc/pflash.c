/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cfi.pflash01: parallel NOR flash with Intel's command set (JESD68.01 CFI; Intel 28F-J3 data
 * sheet). The guest reads and runs it as memory until a command makes it answer with registers.
 * What is programmed or erased goes to the drive behind the guest's back; it is on the way to the
 * disk when the chip says ready. Not here: chips side by side, big-endian wiring, suspend, locks of
 * single blocks (accepted, nothing is locked), secure=on (there is no SMM). Threads: machine lock.
 */
#include "hw/misc/pflash.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "block/block.h"

enum { WRITE_BUFFER = 2048, IO_MOST = 256 << 10 };
enum { SR_READY = 0x80, SR_ERASE_ERROR = 0x20, SR_PROGRAM_ERROR = 0x10 };
enum {
    CMD_READ = 0xff,
    CMD_PROGRAM = 0x40,
    CMD_PROGRAM_ALT = 0x10,
    CMD_ERASE = 0x20,
    CMD_CLEAR = 0x50,
    CMD_LOCK = 0x60,
    CMD_STATUS = 0x70,
    CMD_ID = 0x90,
    CMD_CFI = 0x98,
    CMD_BUFFER = 0xe8,
    CMD_CONFIRM = 0xd0,
    CMD_AMD_PROBE = 0xf0
};
/* of a command of several writes: what the next one is */
enum { STEP_COMMAND, STEP_DATA, STEP_COUNT, STEP_BUFFER, STEP_CONFIRM };

STATE_BEGIN
typedef struct PflashState {
    uint8_t buffer[WRITE_BUFFER];
    uint8_t filled[WRITE_BUFFER / 8]; /* which bytes of it */
    uint64_t block;                   /* where the buffer goes */
    uint32_t count;                   /* bytes it still takes */
    uint8_t cmd, step, status;        /* cmd CMD_READ: it reads as memory */
    bool started;                     /* block is settled */
} PflashState;
STATE_END

typedef struct Pflash {
    Device dev;
    /* config */
    BlockFront *blk;
    char *name;
    uint64_t sector_length;
    uint32_t num_blocks;
    uint16_t id[4];
    uint8_t width, device_width, max_device_width;
    bool big_endian, secure, old_multiple;
    /* state */
    PflashState st;
    /* host */
    Region mem;
    MapRow *row;
    uint64_t dirty_from, dirty_to; /* not yet on its way to the drive */
    uint64_t io_from, io_to;       /* on its way */
    uint8_t *bounce;
    bool in_flight;
} Pflash;

/* ---- to the drive ---- */

static void write_done(void *o, int ret);

/* The next piece of what changed; the guest may change it again meanwhile. */
static void write_back(Pflash *p)
{
    uint64_t n = MIN(p->dirty_to - p->dirty_from, IO_MOST);

    if (p->in_flight || !n || !p->blk || !blk_writable(p->blk))
        return;
    struct iovec v = { p->bounce, n };
    memcpy(p->bounce, p->mem.host + p->dirty_from, n);
    p->io_from = p->dirty_from;
    p->io_to = p->dirty_from += n;
    if (p->dirty_from == p->dirty_to)
        p->dirty_from = p->dirty_to = 0;
    p->in_flight = true;
    blk_writev(p->blk, p->io_from, &v, 1, false, write_done, p);
}

static void dirty_add(Pflash *p, uint64_t from, uint64_t to)
{
    bool none = p->dirty_from == p->dirty_to;

    p->dirty_from = none ? from : MIN(p->dirty_from, from);
    p->dirty_to = none ? to : MAX(p->dirty_to, to);
}

static void mark(Pflash *p, uint64_t from, uint64_t n)
{
    region_dirty(&p->mem, from, n);
    dirty_add(p, from & ~511ull, MIN((from + n + 511) & ~511ull, p->mem.size));
    write_back(p);
}

static void write_done(void *o, int ret)
{
    Pflash *p = o;

    p->in_flight = false;
    if (ret == -EAGAIN) {                   /* the machine stops: once more when it runs */
        dirty_add(p, p->io_from, p->io_to); /* beside what the guest wrote meanwhile */
        return;
    }
    if (ret < 0)
        p->st.status |= SR_PROGRAM_ERROR;
    write_back(p);
}

static void pflash_again(void *o)
{
    write_back(o);
}

static const BlockFrontOps pflash_ops = { .again = pflash_again };

/* ---- reading in other modes ---- */

static uint8_t log2_of(uint64_t n)
{
    return n ? 63 - __builtin_clzll(n) : 0;
}

/* The query structure, from 10h (JESD68.01, table 1): one region of equal blocks */
static uint8_t cfi_byte(const Pflash *p, uint64_t at)
{
    uint32_t blocks = p->num_blocks - 1, len = p->sector_length >> 8;
    const uint8_t table[] = {
        'Q',  'R', 'Y', 1,   0,   0x31,   0,           0,   0,        0, 0, 0x45,
        0x55, 0,   0,   7,   7,   10,     0,           4,   4,        4, 0, log2_of(p->mem.size),
        2,    0,   11,  0,   1,   blocks, blocks >> 8, len, len >> 8, 0, 0, 0,
        0,    'P', 'R', 'I', '1', '0',    0,           0,   0,        0, 0, 0,
        0,    0,   0,   0,   1
    };

    return at >= 0x10 && at - 0x10 < sizeof(table) ? table[at - 0x10] : 0;
}

static uint8_t id_byte(const Pflash *p, uint64_t at)
{
    switch (at & 0xff) {
    case 0: return p->id[0];
    case 1: return p->id[1];
    }
    return 0; /* no block is locked */
}

static uint64_t pflash_read(void *o, uint64_t off, unsigned size)
{
    Pflash *p = o;
    uint64_t val = 0;

    switch (p->st.cmd) {
    case CMD_ID:
    case CMD_CFI:
        for (unsigned i = 0; i < size; i++)
            val |= (uint64_t)(p->st.cmd == CMD_ID ? id_byte(p, off + i) : cfi_byte(p, off + i))
                   << 8 * i;
        return val;
    case CMD_READ: memcpy(&val, p->mem.host + off, size); return GUINT64_FROM_LE(val);
    }
    return p->st.status * (size == 1 ? 1ull : size == 2 ? 0x101ull : 0x1010101ull);
}

/* ---- commands ---- */

/* reads go to registers, or to memory */
static void pflash_sync(Device *dev)
{
    Pflash *p = (Pflash *)dev;
    bool io = p->st.cmd != CMD_READ;

    if (!p->row || p->row->io == io)
        return;
    space_begin(dev->vm->mem);
    p->row->io = io;
    space_commit(dev->vm->mem);
}

static void mode(Pflash *p, uint8_t cmd)
{
    p->st.cmd = cmd;
    p->st.step = STEP_COMMAND;
    pflash_sync(&p->dev);
}

static bool writable(Pflash *p, uint8_t error)
{
    if (!p->blk || blk_writable(p->blk))
        return true;
    p->st.status |= error;
    return false;
}

/* Programming clears bits; only erasing sets them. */
static void program(Pflash *p, uint64_t off, const uint8_t *data, unsigned n)
{
    for (unsigned i = 0; i < n && off + i < p->mem.size; i++)
        p->mem.host[off + i] &= data[i];
    mark(p, off, MIN(n, p->mem.size - off));
}

static void erase(Pflash *p, uint64_t off)
{
    off -= off % p->sector_length;
    memset(p->mem.host + off, 0xff, p->sector_length);
    mark(p, off, p->sector_length);
}

static void take_buffer(Pflash *p, uint64_t off, uint64_t val, unsigned size)
{
    PflashState *s = &p->st;

    if (!s->started) {
        s->block = off - off % WRITE_BUFFER;
        s->started = true;
    }
    for (unsigned i = 0; i < size; i++) {
        uint64_t at = off + i - s->block;
        if (at >= WRITE_BUFFER) { /* it belongs to one block only */
            s->status |= SR_PROGRAM_ERROR;
            continue;
        }
        s->buffer[at] = val >> 8 * i;
        s->filled[at / 8] |= 1 << at % 8;
    }
    s->count -= MIN(size, s->count);
    if (!s->count)
        s->step = STEP_CONFIRM;
}

static void buffer_confirmed(Pflash *p)
{
    const PflashState *s = &p->st;

    for (unsigned i = 0; i < WRITE_BUFFER && s->block + i < p->mem.size; i++)
        if (s->filled[i / 8] & 1 << i % 8)
            p->mem.host[s->block + i] &= s->buffer[i];
    if (s->block < p->mem.size)
        mark(p, s->block, MIN(WRITE_BUFFER, p->mem.size - s->block));
}

static void first_write(Pflash *p, uint8_t cmd)
{
    PflashState *s = &p->st;

    switch (cmd) {
    case 0x00:
    case CMD_AMD_PROBE:
    case CMD_READ: mode(p, CMD_READ); return;
    case CMD_CLEAR:
        s->status = SR_READY;
        mode(p, CMD_READ);
        return;
    case CMD_STATUS:
    case CMD_ID:
    case CMD_CFI: mode(p, cmd); return;
    case CMD_PROGRAM:
    case CMD_PROGRAM_ALT:
        mode(p, CMD_PROGRAM);
        s->step = STEP_DATA;
        return;
    case CMD_ERASE:
    case CMD_LOCK:
        mode(p, cmd);
        s->step = STEP_CONFIRM;
        return;
    case CMD_BUFFER:
        mode(p, cmd);
        s->step = STEP_COUNT;
        s->started = false;
        memset(s->filled, 0, sizeof(s->filled));
        return;
    }
    guest_error(&p->dev, "flash command %#x", cmd);
    mode(p, CMD_READ);
}

static void confirm(Pflash *p, uint64_t off, uint8_t val)
{
    uint8_t cmd = p->st.cmd;

    if (cmd == CMD_LOCK && (val == 0x01 || val == CMD_CONFIRM)) {
        mode(p, CMD_STATUS);
    } else if (val != CMD_CONFIRM) {
        mode(p, CMD_READ); /* given up; 7.2's guests write FFh here */
    } else {
        if (cmd == CMD_ERASE && writable(p, SR_ERASE_ERROR))
            erase(p, off);
        else if (cmd == CMD_BUFFER && writable(p, SR_PROGRAM_ERROR))
            buffer_confirmed(p);
        mode(p, CMD_STATUS);
    }
}

static void pflash_write(void *o, uint64_t off, uint64_t val, unsigned size)
{
    Pflash *p = o;
    uint8_t data[8];

    switch (p->st.step) {
    case STEP_DATA:
        for (unsigned i = 0; i < size; i++)
            data[i] = val >> 8 * i;
        if (writable(p, SR_PROGRAM_ERROR))
            program(p, off, data, size);
        mode(p, CMD_STATUS);
        break;
    case STEP_COUNT:
        p->st.count = ((val & 0xffff) % WRITE_BUFFER + 1) * p->width;
        p->st.step = STEP_BUFFER;
        break;
    case STEP_BUFFER: take_buffer(p, off, val, size); break;
    case STEP_CONFIRM: confirm(p, off, val); break;
    default: first_write(p, val);
    }
}

static const IoOps pflash_io = { pflash_read, pflash_write, .min = 1, .max = 8, .impl_max = 4 };

/* ---- life ---- */

/* clang-format off */
static const Prop Pflash_rows[] = {
    PROP_LINK (Pflash, blk, "drive", "what is in it, and where changes go"),
    PROP_INT  (Pflash, num_blocks, "num-blocks", 0, "erase blocks"),
    PROP_SIZE (Pflash, sector_length, "sector-length", 0, "bytes an erase block"),
    PROP_RANGE(Pflash, width, "width", 0, 0, 4, "bytes of the bus"),
    PROP_RANGE(Pflash, device_width, "device-width", 0, 0, 4, "bytes of one chip"),
    PROP_RANGE(Pflash, max_device_width, "max-device-width", 0, 0, 4, "bytes of one chip, at most"),
    PROP_BOOL (Pflash, big_endian, "big-endian", false, "byte order of the bus"),
    PROP_BOOL (Pflash, secure, "secure", false, "writes from SMM only"),
    PROP_INT  (Pflash, id[0], "id0", 0, "manufacturer"),
    PROP_INT  (Pflash, id[1], "id1", 0, "device"),
    PROP_INT  (Pflash, id[2], "id2", 0, "more of it"),
    PROP_INT  (Pflash, id[3], "id3", 0, "more of it"),
    PROP_STR  (Pflash, name, "name", NULL, "of its memory"),
    PROP_BOOL (Pflash, old_multiple, "old-multiple-chip-handling", false, "of chips side by side"),
    PROP_END  (Pflash)
};
static const Field PflashState_rows[] = {
    FIELD_ARRAY(PflashState, buffer), FIELD_ARRAY(PflashState, filled), FIELD(PflashState, block),
    FIELD(PflashState, count, .max = WRITE_BUFFER * 4), FIELD(PflashState, cmd),
    FIELD(PflashState, step, .max = STEP_CONFIRM), FIELD(PflashState, status), FIELD(PflashState, started),
    FIELD_END
};
/* clang-format on */

static bool check_rows(Pflash *p, GError **err)
{
    uint64_t n = p->sector_length * p->num_blocks;

    if (!p->width)
        p->width = 1;
    if (!p->sector_length || !p->num_blocks || p->sector_length > 1 << 24 || n > 1 << 30)
        return user_fail(err, "attributes 'sector-length' and 'num-blocks' must be set");
    if (p->secure)
        return user_fail(err, "secure=on needs system management mode, which is not there");
    if (p->big_endian || p->old_multiple || (p->device_width && p->device_width != p->width))
        return user_fail(err, "only one chip of the bus's width, little-endian");
    return true;
}

static bool read_contents(Pflash *p, GError **err)
{
    int64_t have = p->blk ? blk_length(p->blk) : 0;

    memset(p->mem.host, 0xff, p->mem.size);
    if (!p->blk)
        return true;
    if (have < (int64_t)p->mem.size)
        return user_fail(err,
                         "device requires %" G_GUINT64_FORMAT
                         " bytes, block backend provides %" PRId64 " bytes",
                         p->mem.size, have);
    if (blk_read_now(p->blk, 0, p->mem.host, p->mem.size) == 0)
        return true;
    return user_fail(err, "failed to read the initial flash content");
}

static bool pflash_realize(Device *dev, GError **err)
{
    Pflash *p = (Pflash *)dev;

    if (!check_rows(p, err))
        return false;
    if (p->blk && !blk_claim(p->blk, dev, &pflash_ops, p, false, err))
        return false;
    if (!region_init_romd(&p->mem, dev, "system.flash", p->sector_length * p->num_blocks,
                          &pflash_io, p, err))
        return false;
    p->bounce = aligned_alloc(4096, IO_MOST);
    return p->bounce && read_contents(p, err);
}

static void pflash_reset(Device *dev)
{
    Pflash *p = (Pflash *)dev;

    p->st.cmd = CMD_READ;
    p->st.status = SR_READY;
}

static void pflash_unrealize(Device *dev)
{
    g_clear_pointer(&((Pflash *)dev)->bounce, free);
}

static const DeviceType cfi_pflash01 = {
    .name = "cfi.pflash01",
    .desc = "parallel flash, Intel command set",
    .size = sizeof(Pflash),
    .props = Pflash_rows,
    .state = STATE_PARTS(STATE(Pflash, st, PflashState_rows, 1)),
    .realize = pflash_realize,
    .reset = pflash_reset,
    .sync = pflash_sync,
    .unrealize = pflash_unrealize,
};
REGISTER(device, cfi_pflash01);

Region *pflash_region(Device *dev)
{
    return &((Pflash *)dev)->mem;
}

void pflash_map(Device *dev, uint64_t base, int prio)
{
    Pflash *p = (Pflash *)dev;

    p->row = space_map(
        dev->vm->mem,
        &(MapRow){
            .base = base, .size = p->mem.size, .region = &p->mem, .prio = prio, .on = true });
}
