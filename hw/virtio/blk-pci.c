/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtio disks as users name them, their rows, and -drive if=virtio. */
#include "core/machine.h"
#include "hw/pc/pc.h"
#include "hw/virtio/blk-int.h"
#include "hw/virtio/types.h"

typedef struct VirtioBlkPci {
    VirtioPci pci;
    VirtioBlk chip;
} VirtioBlkPci;

/* clang-format off */
#define T VirtioBlkPci
#define BLK_ROWS                                                                                                \
    VIRTIO_PCI_ROWS(T), PROP_BASE(T, pci, VirtioPciVectors), PROP_BASE(T, pci, VirtioPciEvent),                 \
    PROP_BASE(T, pci, VirtioPciClass),                                                                          \
    PROP_LINK (T, chip.blk, "drive", "the disk's backend"),                                                     \
    PROP_INT  (T, chip.bootindex, "bootindex", -1, "place in the boot order"),                                  \
    PROP_STR  (T, chip.serial, "serial", NULL, "serial number, 20 characters"),                                 \
    PROP_INT  (T, chip.num_queues, "num-queues", UINT16_MAX, "request queues; 65535: one a vCPU"),              \
    PROP_INT  (T, chip.queue_size, "queue-size", 256, "places of a queue, a power of two from 4 to 1024"),      \
    PROP_BOOL (T, chip.seg_max_adjust, "seg-max-adjust", true, "segments of a request follow queue-size"),      \
    PROP_BIT  (T, chip.v.conf.host, "config-wce", VIRTIO_BLK_F_CONFIG_WCE, true, "the guest may change the write cache"), \
    PROP_BIT  (T, chip.v.conf.host, "discard", VIRTIO_BLK_F_DISCARD, true, "offer discard"),                    \
    PROP_BIT  (T, chip.v.conf.host, "write-zeroes", VIRTIO_BLK_F_WRITE_ZEROES, true, "offer write-zeroes"),     \
    PROP_INT  (T, chip.max_discard, "max-discard-sectors", 4194303, "of one request"),                          \
    PROP_INT  (T, chip.max_zeroes, "max-write-zeroes-sectors", 4194303, "of one request"),                      \
    PROP_SIZE (T, chip.logical_block_size, "logical_block_size", 0, "bytes, a power of two from 512; 0: 512"),  \
    PROP_SIZE (T, chip.physical_block_size, "physical_block_size", 0, "bytes, a power of two; 0: as logical"),  \
    PROP_SIZE (T, chip.min_io_size, "min_io_size", 0, "bytes, advertised"),                                     \
    PROP_SIZE (T, chip.opt_io_size, "opt_io_size", 0, "bytes, advertised"),                                     \
    PROP_SIZE (T, chip.discard_granularity, "discard_granularity", UINT32_MAX, "bytes, advertised"),            \
    PROP_INT  (T, chip.cyls, "cyls", 0, "cylinders; 0: from the size"),                                         \
    PROP_RANGE(T, chip.heads, "heads", 0, 0, 255, "heads; 0: 16"),                                              \
    PROP_RANGE(T, chip.secs, "secs", 0, 0, 255, "sectors a track; 0: 63"),                                      \
    PROP_BOOL (T, chip.write_cache, "write-cache", AUTO, "writes wait in the cache until a flush"),             \
    PROP_BOOL (T, chip.scsi, "scsi", false, "only off: no SCSI commands"),                                      \
    PROP_BOOL (T, chip.share_rw, "share-rw", false, "only off: one device a drive"),                            \
    PROP_BOOL (T, chip.request_merging, "request-merging", true, "no effect", PROP_HIDDEN)

static const Prop rows_mode[] = { BLK_ROWS, PROP_BASE(T, pci, VirtioPciMode), PROP_END(T) };
static const Prop rows_fixed[] = { BLK_ROWS, PROP_END(T) };
/* clang-format on */

static const Field VirtioBlkState_rows[] = { FIELD(VirtioBlkState, writeback),
                                             FIELD_PAD(VirtioBlkState, pad), FIELD_END };

static bool is_block_size(uint64_t n)
{
    return n >= 512 && n <= 2 << 20 && !(n & (n - 1));
}

static bool check_sizes(VirtioBlk *b, GError **err)
{
    b->logical_block_size = b->logical_block_size ? b->logical_block_size : 512;
    if (!b->physical_block_size)
        b->physical_block_size = b->logical_block_size;
    if (!is_block_size(b->logical_block_size) || !is_block_size(b->physical_block_size))
        return user_fail(err,
                         "logical_block_size and physical_block_size must be powers of two from "
                         "512 to 2097152");
    if (b->logical_block_size > b->physical_block_size)
        return user_fail(err, "logical_block_size > physical_block_size not supported");
    if (b->discard_granularity == UINT32_MAX)
        b->discard_granularity = b->logical_block_size;
    if (b->queue_size < 4 || b->queue_size > VIRTIO_QUEUE_MAX ||
        (b->queue_size & (b->queue_size - 1)))
        return user_fail(err, "invalid queue-size property: a power of two from 4 to 1024");
    if (!b->num_queues || b->num_queues > VIRTIO_QUEUES)
        return user_fail(err, "num-queues property must be larger than 0 and less than 1024");
    b->heads = b->heads ? b->heads : 16;
    b->secs = b->secs ? b->secs : 63;
    b->seg_max = b->seg_max_adjust ? b->queue_size - 2 : 126;
    return true;
}

static bool claim_drive(VirtioBlk *b, Device *dev, GError **err)
{
    if (!b->blk)
        return user_fail(err, "drive property not set");
    if (b->scsi)
        return user_fail(err, "scsi=on: SCSI commands are not supported; write scsi=off");
    if (b->share_rw)
        return user_fail(err, "share-rw=on: a drive belongs to one device; write share-rw=off");
    if (!blk_claim(b->blk, dev, &virtio_blk_front, b, false, err))
        return false;
    if (blk_length(b->blk) < 0)
        return user_fail(err, "Device needs media, but drive is empty");
    if (!b->serial && blk_serial(b->blk))
        b->serial = g_strdup(blk_serial(b->blk));
    return true;
}

static bool blk_realize(Device *dev, GError **err)
{
    VirtioBlkPci *d = (VirtioBlkPci *)dev;
    VirtioBlk *b = &d->chip;

    if (b->num_queues == UINT16_MAX)
        b->num_queues = CLAMP(dev->vm->smp.max, 1, VIRTIO_QUEUES - 1);
    if (!check_sizes(b, err) || !claim_drive(b, dev, err))
        return false;
    virtio_init(&b->v, dev, &virtio_blk_ops, 60, b->num_queues);
    for (unsigned i = 0; i < b->num_queues; i++)
        virtq_size(&b->v, i, b->queue_size);
    if (virtio_pci_plug(&d->pci, &b->v, b->num_queues + 1, err))
        return true;
    virtio_pci_unplug(&d->pci);
    return false;
}

static void blk_reset(Device *dev)
{
    VirtioBlkPci *d = (VirtioBlkPci *)dev;

    virtio_pci_reset(&d->pci);
    d->chip.st.writeback = d->chip.write_cache != 0;
}

static void blk_unrealize(Device *dev)
{
    virtio_pci_unplug(&((VirtioBlkPci *)dev)->pci);
}

static const StatePart blk_state[] = { VIRTIO_STATE(T),
                                       STATE(T, chip.st, VirtioBlkState_rows, 1),
                                       { .rows = NULL } };

VIRTIO_PCI_HOOKS(virtio_blk, T)
VIRTIO_PCI_TYPES(virtio_blk, "virtio-blk", "virtio disk", T, 0x1001, VIRTIO_BLK, 0x0100, NULL,
                 .state = blk_state, .realize = blk_realize, .reset = blk_reset,
                 .unrealize = blk_unrealize, VIRTIO_PCI_HOOKS_OF(virtio_blk), .boot = "disk@0,0");

/* ---- -drive if=virtio ---- */

void virtio_board_drives(Board *b, Bus *pci)
{
    const GPtrArray *drives = b->vm->conf->drives;

    for (guint i = 0; drives && i < drives->len; i++) {
        DriveConf *c = drives->pdata[i];
        if (c->iface != IF_VIRTIO)
            continue;
        g_autoptr(GString) kv = g_string_new(NULL);
        g_string_append_printf(kv, "drive=%s", c->id);
        if (c->addr)
            g_string_append_printf(kv, ",addr=%s", c->addr);
        board_add(b, "virtio-blk-pci", NULL, pci, kv->str);
        c->used = true;
    }
}
