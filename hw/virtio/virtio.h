/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio 1.2 as a device author sees it: a chip (struct Virtio first, then its own members), a
 * table of what it does, queues that give out elements, and PCI as the way it is reached:
 *
 *   typedef struct VirtioRng { Virtio v; ... } VirtioRng;                  the chip
 *   typedef struct VirtioRngPci { VirtioPci pci; VirtioRng chip; } ...;    the device
 *
 * The guest owns the rings and lies: what is read of them is read once, checked, and a ring that
 * makes no sense breaks the device (guest_error, DEVICE_NEEDS_RESET) until the guest resets it.
 * Threads: machine lock, main or a vCPU.
 */
#ifndef HW_VIRTIO_VIRTIO_H
#define HW_VIRTIO_VIRTIO_H

#include <sys/uio.h>

#include "core/device.h"
#include "core/memory.h"
#include "hw/pci/pci.h"

typedef struct Virtio Virtio;
typedef struct VirtQueue VirtQueue;
typedef struct VirtqElem VirtqElem;

enum { VIRTIO_NET = 1, VIRTIO_BLK = 2, VIRTIO_CONSOLE = 3, VIRTIO_RNG = 4, VIRTIO_BALLOON = 5 };

/* 2.1: device status */
enum {
    VIRTIO_ACKNOWLEDGE = 1,
    VIRTIO_DRIVER = 2,
    VIRTIO_DRIVER_OK = 4,
    VIRTIO_FEATURES_OK = 8,
    VIRTIO_NEEDS_RESET = 64,
    VIRTIO_FAILED = 128
};

/* 6: feature bits that are not a device type's own */
enum {
    VIRTIO_F_NOTIFY_ON_EMPTY = 24, /* legacy */
    VIRTIO_F_ANY_LAYOUT = 27,      /* legacy */
    VIRTIO_F_INDIRECT_DESC = 28,
    VIRTIO_F_EVENT_IDX = 29,
    VIRTIO_F_VERSION_1 = 32,
    VIRTIO_F_ACCESS_PLATFORM = 33,
    VIRTIO_F_RING_PACKED = 34,
    VIRTIO_F_RING_RESET = 40
};
#define VIRTIO_BIT(n) (1ull << (n))

enum {
    VIRTIO_QUEUES = 1024, /* of a device at most */
    VIRTIO_QUEUE_MAX = 1024,
    VIRTIO_CHAIN = 1024, /* descriptors of an element at most */
    VIRTIO_NO_VECTOR = 0xffff
};

typedef struct VirtioOps {
    uint16_t id;
    const char *name;
    /* what it offers beside what the rows of VirtioConf gave (host) */
    uint64_t (*features)(Virtio *, uint64_t host);
    /* fills the configuration (2.5), config_size bytes, zeros at first. written: bytes [off, off+n)
     * were written into buf, which config() had filled. Each may be NULL. */
    void (*config)(Virtio *, uint8_t *buf);
    void (*config_written)(Virtio *, unsigned off, unsigned n, const uint8_t *buf);
    /* the driver notified the queue, or may have: take what is there */
    void (*kick)(Virtio *, VirtQueue *);
    /* it has changed, but not to 0 (a reset of the device): what it is now. May be NULL */
    void (*status)(Virtio *, uint8_t now, uint8_t was);
    /* the machine begins to run, also after a load; queues are kicked afterwards. May be NULL */
    void (*run)(Virtio *);
} VirtioOps;

/* ---- state, saved ---- */
STATE_BEGIN
typedef struct VirtioState {
    uint64_t features;  /* what the driver took */
    GByteArray *parked; /* elements that wait, each with its segments (queue.c) */
    uint32_t host_select, guest_select;
    uint16_t config_vector, queue_select;
    uint8_t status, isr, generation;
    bool broken, refused; /* refused: it took features that were not offered */
    uint8_t pad[7];
} VirtioState;

typedef struct VirtQueueState {
    uint64_t desc, avail, used; /* packed: ring, driver's and device's event structure */
    uint16_t num, vector;
    uint16_t last_avail, used_idx; /* packed: places in the ring */
    uint16_t since;                /* used since the driver was last told or passed over */
    bool enabled, resetting;
    bool avail_wrap, used_wrap; /* packed: wrap counters */
    uint8_t pad[2];
} VirtQueueState;
STATE_END
extern const Field VirtioState_rows[], VirtQueueState_rows[];

/* ---- rows all of them have ---- */
typedef struct VirtioConf {
    uint64_t host; /* feature bits */
    bool iommu_platform, use_started, use_disabled_flag, no_legacy_check;
} VirtioConf;
extern const Prop VirtioConf_rows[];

typedef struct VirtioTransport {
    void (*interrupt)(Virtio *, uint16_t vector); /* vector NO_VECTOR: only ISR, level */
    void (*ready)(Virtio *);                      /* DRIVER_OK or a queue came or went */
} VirtioTransport;

struct VirtQueue {
    Virtio *v;
    unsigned index, max;
    unsigned inuse;  /* elements given out and not pushed, parked ones too */
    bool pending;    /* virtq_again() was called */
    int fd;          /* eventfd of its doorbell, -1: none */
    unsigned source; /* that watches it */
};

struct Virtio {
    /* config */ VirtioConf conf;
    uint32_t n_queues;
    /* state */ VirtioState st;
    VirtQueueState q[VIRTIO_QUEUES];
    /* host */ Device *dev;
    const VirtioOps *ops;
    const VirtioTransport *transport;
    uint64_t offered;
    unsigned config_size;
    VirtQueue *vq; /* n_queues of them */
    struct VirtqScratch *scratch;
    bool listening;
};

/* One buffer of the guest, mapped: out is what the driver wrote for us, in what we fill. */
typedef struct VirtqSeg {
    uint64_t addr;
    uint32_t len, pad;
} VirtqSeg;
struct VirtqElem {
    VirtQueue *vq;
    uint16_t id, slots; /* slots: places of a packed ring it takes */
    unsigned n_out, n_in, n_segs, n_out_segs;
    uint64_t out_len, in_len;
    struct iovec *out, *in;
    DmaMap *maps;   /* n_out + n_in, in that order */
    VirtqSeg *segs; /* as the driver gave them, for parking */
};

/* ---- queues ---- */

/* realize, before virtio_pci_plug; then virtq_size: its largest (and first) size, a power of two */
void virtio_init(Virtio *, Device *, const VirtioOps *, unsigned config_size, unsigned n_queues);
VirtQueue *virtq_size(Virtio *, unsigned index, unsigned max);

/* The next element, NULL: none (or the ring is broken, or the machine stopped). */
VirtqElem *virtq_pop(VirtQueue *);
/* Done with it: `written` bytes of `in` are the driver's to read. Frees it. Then virtq_notify(). */
void virtq_push(VirtqElem *, uint64_t written);
/* Several of one queue, of which the driver sees all or none. */
void virtq_push_all(VirtqElem *const *, const uint64_t *written, unsigned n);
/* As if it had not been popped; only the last one popped and only if none was pushed since. */
void virtq_unpop(VirtqElem *);
/* It stays in the state, unmapped and saved; comes back, oldest first, by virtq_unpark(). */
void virtq_park(VirtqElem *);
VirtqElem *virtq_unpark(Virtio *, VirtQueue *only); /* only NULL: of any queue */
/* Free it without a word to the driver: the queue or the device is being reset. */
void virtq_drop(VirtqElem *);

void virtq_notify(VirtQueue *); /* an interrupt, unless the driver does not want one */
bool virtq_empty(VirtQueue *);
/* Does the driver have to notify? Turned on: look into the queue once more. */
void virtq_want_kicks(VirtQueue *, bool on);
bool virtq_ready(const VirtQueue *); /* the driver has set it up and runs */
/* Comes back to the queue in the next turn of the main loop: enough for this one. */
void virtq_again(VirtQueue *);

/* What the driver sends, at most so many a turn: one() takes an element whole, or keeps nothing of
 * it and says false: it goes back, and so does false; call again when there is room. */
bool virtq_send(VirtQueue *, unsigned most, bool (*one)(void *o, VirtqElem *), void *o);

/* Takes what is there, not more than a ring full in one turn; one() pushes, parks, or keeps. */
void virtq_serve(VirtQueue *, void (*one)(Virtio *, VirtqElem *));

/* ---- the device ---- */
static inline bool virtio_has(const Virtio *v, unsigned feature)
{
    return v->st.features & VIRTIO_BIT(feature);
}
static inline bool virtio_modern(const Virtio *v)
{
    return virtio_has(v, VIRTIO_F_VERSION_1);
}
/* The driver's fault: DEVICE_NEEDS_RESET, nothing more is taken. */
void virtio_break(Virtio *, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
void virtio_config_changed(Virtio *); /* generation, interrupt */

/* Bytes of an element. false: shorter than that. */
bool virtq_read(const VirtqElem *, uint64_t off, void *buf, size_t n);
bool virtq_write(const VirtqElem *, uint64_t off, const void *buf, size_t n);

/* ---- PCI ---- */
typedef enum { VIRTIO_LEGACY_AUTO, VIRTIO_LEGACY_ON, VIRTIO_LEGACY_OFF } VirtioOnOff;

typedef struct VirtioPci {
    PciDevice pci;
    /* config */ int8_t disable_legacy; /* auto, on, off */
    bool disable_modern, ioeventfd, page_per_vq, pio_notify, ats, aer, migrate_extra;
    uint32_t vectors, class; /* UINT32_MAX, 0: the device's own */
    /* host */ Virtio *v;
    bool legacy, modern;
    unsigned notify_step, window; /* window: the capability to reach BARs by, 0: none */
    Region io, mem, pio;
} VirtioPci;
/* further tables over it, for who has such rows: PROP_BASE(T, pci, VirtioPciVectors) */
typedef VirtioPci VirtioPciMode, VirtioPciVectors, VirtioPciClass, VirtioPciEvent;
extern const Prop VirtioPci_rows[], VirtioPciMode_rows[], VirtioPciVectors_rows[],
    VirtioPciClass_rows[], VirtioPciEvent_rows[];

/* realize, after the queues were added. vectors: without vectors=; 0: no MSI-X */
bool virtio_pci_plug(VirtioPci *, Virtio *, unsigned vectors, GError **);
void virtio_pci_unplug(VirtioPci *); /* unrealize, and when realize fails after plug */
void virtio_pci_reset(VirtioPci *);  /* reset, before the device's own */
void virtio_pci_sync(VirtioPci *);   /* sync */
bool virtio_pci_post_load(VirtioPci *, GError **);

#define VIRTIO_STATE(T)                       \
    STATE(T, chip.v.st, VirtioState_rows, 1), \
        STATE_ARRAY(T, chip.v.q, chip.v.n_queues, VirtQueueState_rows, 1)

#endif
