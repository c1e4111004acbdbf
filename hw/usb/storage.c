/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mass storage, bulk only: USB Mass Storage Class, Bulk-Only Transport 1.0. A command comes in a
 * wrapper, goes to the SCSI disk on the device's own bus, and ends with a status wrapper:
 *
 *   CBW (OUT) -> DATA (IN or OUT, while the disk has or takes any) -> CSW (IN) -> CBW ...
 *
 * While the disk works, packets are NAK'ed. A command under way is not saved: after a load it ends
 * with a phase error, and the guest's driver resets the device and repeats it.
 */
#include <string.h>

#include "block/drive.h"
#include "hw/scsi/scsi.h"
#include "hw/usb/usb.h"
#include "util/bytes.h"

enum { EP_IN = 0x81, EP_OUT = 0x02, CBW_SIZE = 31, CSW_SIZE = 13, MAX_PACKET = 64 };
enum { MODE_CBW, MODE_DATA_IN, MODE_DATA_OUT, MODE_CSW, MODE_BROKEN };
enum { CSW_PASSED, CSW_FAILED, CSW_PHASE_ERROR };

STATE_BEGIN
typedef struct StorageState {
    uint32_t tag, left, residue; /* of the host's length: not moved yet; not made use of */
    uint8_t mode, status;
    bool over; /* the disk has ended */
    bool part; /* the last packet was a short one */
} StorageState;
STATE_END

typedef struct UsbStorage {
    UsbDevice usb;
    /* config */ BlockFront *blk;
    bool removable;
    Tri write_cache;
    int64_t bootindex; /* 64 bits: not itself in the boot order, it is its disk's */
    uint64_t logical_block_size, physical_block_size;
    /* state */ StorageState st;
    /* host */ ScsiBus scsi;
    ScsiReq *req; /* at the disk; NULL: none */
    uint8_t *buf; /* the piece it waits for us to move: n bytes more */
    size_t n;
    bool own_drive; /* -usbdevice disk: made it, so it goes with the device */
} UsbStorage;

/* clang-format off */
static const uint8_t storage_config[] = {
    9, 2, USB_LE16(9 + 9 + 7 + 7), 1, 1, 0, 0xc0, 0,
    9, 4, 0, 0, 2, 8, 6, 0x50, 0,
    USB_ENDPOINT(EP_IN, 2, MAX_PACKET, 0),
    USB_ENDPOINT(EP_OUT, 2, MAX_PACKET, 0),
};
static const char *const storage_strings[] = { "QEMU", "QEMU USB HARDDRIVE", "1", NULL };
static const UsbDesc storage_desc = {
    .device = { 18, 1, USB_LE16(0x0200), 0, 0, 0, 8, USB_LE16(0x46f4), USB_LE16(0x0001), USB_LE16(0), 1, 2, 3, 1 },
    .config = storage_config, .config_len = sizeof(storage_config), .strings = storage_strings,
};
/* clang-format on */

/* ---- the disk's side ---- */

static void phase_error(UsbStorage *s)
{
    s->st.status = CSW_PHASE_ERROR;
    scsi_cancel(s->req);
}

/* What the host did not ask for is lost if it is the disk's, and an error if it is the host's. */
static void storage_data(ScsiReq *r, uint8_t *buf, size_t n, bool to_guest)
{
    UsbStorage *s = scsi_hba_o(r);

    if (r != s->req)
        return;
    if (s->st.mode == (to_guest ? MODE_DATA_IN : MODE_DATA_OUT)) {
        s->buf = buf;
        s->n = n;
    } else if (to_guest && s->st.mode == MODE_CSW) {
        scsi_more(r);
    } else {
        phase_error(s);
    }
}

static void storage_done(ScsiReq *r, int status, const uint8_t *sense, size_t n_sense,
                         size_t residue)
{
    UsbStorage *s = scsi_hba_o(r);

    if (r != s->req)
        return;
    s->req = NULL;
    s->buf = NULL;
    s->st.over = true;
    if (s->st.status == CSW_PASSED && status != SCSI_GOOD)
        s->st.status = CSW_FAILED;
}

static const ScsiHba storage_hba = {
    .targets = 1,
    .luns = 1,
    .channels = 1,
    .data = storage_data,
    .done = storage_done,
};

/* of a piece; the last byte of it makes the disk go on */
static size_t take(UsbStorage *s, size_t n)
{
    n = MIN(n, s->n);
    s->buf += n;
    s->n -= n;
    s->st.residue -= (uint32_t)n;
    return n;
}

static void go_on(UsbStorage *s)
{
    if (s->n)
        return;
    s->buf = NULL;
    scsi_more(s->req);
}

/* A command that nobody works on: the machine was loaded with it. */
static bool is_over(UsbStorage *s)
{
    if (!s->req && !s->st.over) {
        s->st.over = true;
        s->st.status = CSW_PHASE_ERROR;
    }
    return s->st.over;
}

/* ---- the host's side ---- */

/* 6.2: only a reset and both halts cleared help now */
static int broken(UsbStorage *s)
{
    s->st.mode = MODE_BROKEN;
    usb_halt(&s->usb, EP_IN);
    usb_halt(&s->usb, EP_OUT);
    return USB_STALL;
}

static int take_cbw(UsbStorage *s, const UsbPacket *p)
{
    const uint8_t *b = p->buf;

    if (s->req)
        return USB_NAK; /* a cancelled command still ends */
    if (p->n != CBW_SIZE || get_le32(b) != 0x43425355 || (b[13] & 15) || !b[14] || b[14] > 16)
        return broken(s);
    s->st = (StorageState){ .tag = get_le32(b + 4),
                            .left = get_le32(b + 8),
                            .residue = get_le32(b + 8) };
    s->st.mode = !s->st.left ? MODE_CSW : b[12] & 0x80 ? MODE_DATA_IN : MODE_DATA_OUT;
    s->req = scsi_new(&s->scsi, 0, 0, s->st.tag, b + 15, b[14], NULL, 0, s);
    if (s->req)
        scsi_start(s->req);
    return 0;
}

/* The disk gave or took less than the host expects (6.7.2, 6.7.3): said by a stall, unless a short
 * packet has said so. */
static int early_end(UsbStorage *s, uint8_t ep)
{
    s->st.mode = MODE_CSW;
    usb_halt(&s->usb, ep);
    return USB_STALL;
}

static int data_out(UsbStorage *s, UsbPacket *p)
{
    if (is_over(s))
        return early_end(s, EP_OUT);
    if (!s->buf)
        return USB_NAK;
    if (p->n > s->st.left)
        return broken(s);
    uint8_t *to = s->buf;
    memcpy(to, p->buf, take(s, p->n));
    s->st.left -= (uint32_t)p->n;
    p->done = p->n;
    if (!s->st.left)
        s->st.mode = MODE_CSW;
    if (!s->st.left && s->n)
        phase_error(s); /* the host has no more, the disk wants it */
    else
        go_on(s);
    return 0;
}

static int give_csw(UsbStorage *s, UsbPacket *p)
{
    if (!is_over(s))
        return USB_NAK;
    if (p->n < CSW_SIZE)
        return USB_BABBLE;
    put_le32(p->buf, 0x53425355);
    put_le32(p->buf + 4, s->st.tag);
    put_le32(p->buf + 8, s->st.residue);
    p->buf[12] = s->st.status;
    p->done = CSW_SIZE;
    s->st = (StorageState){ .mode = MODE_CBW };
    return 0;
}

static int data_in(UsbStorage *s, UsbPacket *p)
{
    if (!s->buf && is_over(s)) {
        if (!s->st.part)
            return early_end(s, EP_IN);
        s->st.mode = MODE_CSW;
        return give_csw(s, p);
    }
    if (!s->buf)
        return USB_NAK;
    const uint8_t *from = s->buf;
    p->done = take(s, MIN(p->n, s->st.left));
    memcpy(p->buf, from, p->done);
    s->st.left -= (uint32_t)p->done;
    s->st.part = p->done < MAX_PACKET;
    if (!s->st.left) {
        s->st.mode = MODE_CSW;
        s->n = 0; /* the rest is more than the host wants */
    }
    go_on(s);
    return 0;
}

static int storage_packet(UsbDevice *u, UsbPacket *p)
{
    UsbStorage *s = (UsbStorage *)u;
    bool in = p->pid == USB_IN;
    int ret = USB_STALL;

    if (s->st.mode == MODE_CBW && !in) {
        ret = take_cbw(s, p);
        p->done = ret ? 0 : p->n;
    } else if (s->st.mode == MODE_DATA_OUT && !in) {
        ret = data_out(s, p);
    } else if (s->st.mode == MODE_DATA_IN && in) {
        ret = data_in(s, p);
    } else if (s->st.mode == MODE_CSW && in) {
        ret = give_csw(s, p);
    } else if (s->st.mode == MODE_BROKEN) {
        ret = broken(s);
    } else if (s->st.mode == MODE_CBW) {
        ret = USB_NAK; /* there is no status before a command */
    }
    return ret;
}

/* Ready for a command, whatever was before. The old one's end may still come: NAK until then. */
static void bulk_reset(UsbStorage *s)
{
    s->st = (StorageState){ .mode = MODE_CBW };
    s->buf = NULL;
    if (s->req)
        scsi_cancel(s->req);
}

static int storage_control(UsbDevice *u, const UsbSetup *setup, uint8_t *data, size_t n)
{
    switch (usb_request(setup)) {
    case 0x21ff: bulk_reset((UsbStorage *)u); return 0;
    case 0xa1fe:
        if (!n)
            return USB_STALL;
        data[0] = 0; /* the highest lun */
        return 1;
    }
    return USB_STALL;
}

static void storage_configured(UsbDevice *u)
{
    bulk_reset((UsbStorage *)u);
}

/* ---- life ---- */

static bool set_word(Device *d, const char *row, const char *value, GError **err)
{
    g_autoptr(Json) word = value ? json_kv(value) : NULL;

    return !value || device_set(d, row, word, err);
}

static bool set_number(Device *d, const char *row, int64_t value, GError **err)
{
    g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, value);

    return set_word(d, row, text, err);
}

/* The disk behind the wrappers, with what the user said of it */
static bool add_disk(UsbStorage *s, GError **err)
{
    bool cd = blk_is_cdrom(s->blk);
    Device *d = device_part(&s->usb.dev, device_type(cd ? "scsi-cd" : "scsi-hd"), NULL);

    return set_word(d, "drive", blk_name(s->blk), err) &&
           set_word(d, "serial", s->usb.serial, err) &&
           (cd || set_word(d, "removable", s->removable ? "on" : "off", err)) &&
           set_word(d, "write-cache",
                    s->write_cache < 0 ? NULL
                    : s->write_cache   ? "on"
                                       : "off",
                    err) &&
           (s->bootindex < 0 || set_number(d, "bootindex", s->bootindex, err)) &&
           (!s->logical_block_size ||
            set_number(d, "logical_block_size", (int64_t)s->logical_block_size, err)) &&
           (!s->physical_block_size ||
            set_number(d, "physical_block_size", (int64_t)s->physical_block_size, err)) &&
           device_realize(d, &s->scsi.bus, err);
}

static bool storage_realize(Device *dev, GError **err)
{
    UsbStorage *s = (UsbStorage *)dev;

    if (!s->blk)
        return user_fail(err, "drive property not set");
    if (!s->usb.serial)
        s->usb.serial = g_strdup(blk_serial(s->blk));
    scsi_bus_init(&s->scsi, dev, NULL, &storage_hba, s);
    return add_disk(s, err);
}

/* The disk's own reset drops the request. */
static void storage_reset(Device *dev)
{
    UsbStorage *s = (UsbStorage *)dev;

    s->req = NULL;
    s->buf = NULL;
    s->n = 0;
}

typedef struct OwnDrive {
    Vm *vm;
    char *name;
} OwnDrive;

/* Nobody has the drive any more; or the machine has ended and closed it. */
static void close_drive(void *o)
{
    OwnDrive *own = o;
    BlockFront *b = own->vm->drives ? drive_find(own->vm, own->name) : NULL;

    if (b)
        drive_close(own->vm, b);
    g_free(own->name);
    g_free(own);
}

static void storage_unrealize(Device *dev)
{
    UsbStorage *s = (UsbStorage *)dev;

    s->req = NULL;
    if (!s->own_drive || !dev->vm->drives)
        return;
    OwnDrive *own = g_new(OwnDrive, 1);
    *own = (OwnDrive){ dev->vm, g_strdup(blk_name(s->blk)) };
    vm_call_main(dev->vm, NULL, close_drive, own);
}

Device *usb_storage_new(Vm *vm, BlockFront *blk, GError **err)
{
    Device *dev = device_new(vm, device_type("usb-storage"), NULL);

    ((UsbStorage *)dev)->own_drive = true;
    if (set_word(dev, "drive", blk_name(blk), err) && device_realize(dev, NULL, err))
        return dev;
    device_unref(dev);
    return NULL;
}

/* clang-format off */
static const Prop UsbStorage_rows[] = {
    PROP_LINK(UsbStorage, blk, "drive", "the drive's backend"),
    PROP_INT (UsbStorage, bootindex, "bootindex", -1, "place in the boot order"),
    PROP_BOOL(UsbStorage, removable, "removable", false, "a stick, to the guest"),
    PROP_BOOL(UsbStorage, write_cache, "write-cache", AUTO, "writes wait in the cache until a flush"),
    PROP_SIZE(UsbStorage, logical_block_size, "logical_block_size", 0, "bytes; 0: 512"),
    PROP_SIZE(UsbStorage, physical_block_size, "physical_block_size", 0, "bytes, a power of two; 0: the same"),
    PROP_END (UsbStorage)
};
static const Field StorageState_rows[] = {
    FIELD(StorageState, tag), FIELD(StorageState, left), FIELD(StorageState, residue), FIELD(StorageState, mode, .max = MODE_BROKEN),
    FIELD(StorageState, status, .max = 2), FIELD(StorageState, over), FIELD(StorageState, part), FIELD_END
};
/* clang-format on */

static const DeviceType usb_storage = {
    .name = "usb-storage",
    .desc = "USB mass storage: a disk or CD-ROM",
    .size = sizeof(UsbStorage),
    .flags = TYPE_USER | TYPE_HOTPLUG,
    .bus = &usb_bus_type,
    .bus_info = &(const UsbInfo){ .desc = &storage_desc,
                                  .speed = USB_FULL,
                                  .product = "QEMU USB MSD",
                                  .fw_name = "storage",
                                  .control = storage_control,
                                  .data = storage_packet,
                                  .configured = storage_configured },
    .props = UsbStorage_rows,
    .state = STATE_PARTS(STATE(UsbStorage, st, StorageState_rows, 1)),
    .realize = storage_realize,
    .reset = storage_reset,
    .unrealize = storage_unrealize,
};
REGISTER(device, usb_storage);
