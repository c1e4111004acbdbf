/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-rng: virtio 1.2, 5.4. One queue of buffers to fill with random bytes, at most max-bytes
 * of them in period ms of virtual time. Threads: machine lock.
 */
#include "core/vm.h"
#include "hw/virtio/rng-backend.h"
#include "hw/virtio/types.h"

enum { PIECE = 4096, QUEUE = 8 };

STATE_BEGIN
typedef struct VirtioRngState {
    int64_t deadline; /* of the period; 0: nobody waits for its end */
    uint64_t quota;   /* bytes left in it */
} VirtioRngState;
STATE_END

typedef struct VirtioRng {
    Virtio v;
    /* config */ Object *source;
    uint64_t max_bytes;
    uint32_t period;
    /* state */ VirtioRngState st;
    /* host */ Timer timer;
    unsigned waiting; /* GSource: the source of bytes has none */
} VirtioRng;

typedef struct VirtioRngPci {
    VirtioPci pci;
    VirtioRng chip;
} VirtioRngPci;

/* clang-format off */
#define T VirtioRngPci
#define RNG_ROWS                                                                                    \
    VIRTIO_PCI_ROWS(T), PROP_BASE(T, pci, VirtioPciVectors), PROP_BASE(T, pci, VirtioPciEvent),     \
    PROP_LINK (T, chip.source, "rng", "an -object rng-random or rng-builtin; none: built in"),      \
    PROP_RANGE(T, chip.max_bytes, "max-bytes", INT64_MAX, 1, INT64_MAX, "bytes in one period"),     \
    PROP_RANGE(T, chip.period, "period", 65536, 1, UINT32_MAX, "ms of the guest's time")

static const Prop rows_mode[] = { RNG_ROWS, PROP_BASE(T, pci, VirtioPciMode), PROP_END(T) };
static const Prop rows_fixed[] = { RNG_ROWS, PROP_END(T) };
/* clang-format on */

static const Field VirtioRngState_rows[] = { FIELD(VirtioRngState, deadline),
                                             FIELD(VirtioRngState, quota), FIELD_END };

static void rng_fill(VirtioRng *r);

static void rng_ready(void *o)
{
    VirtioRng *r = o;

    r->waiting = 0;
    if (r->v.dev->vm->running)
        rng_fill(r);
}

/* false: no bytes now or no quota; the element goes back */
static bool fill_one(VirtioRng *r, VirtqElem *e)
{
    uint8_t buf[PIECE];
    uint64_t want = MIN(e->in_len, r->st.quota), done = 0;

    while (done < want) {
        ssize_t n = rng_read(r->source, buf, MIN(want - done, sizeof(buf)));
        if (n <= 0) {
            if (n == 0 && !done)
                r->waiting = rng_wait(r->source, rng_ready, r);
            break;
        }
        virtq_write(e, done, buf, n);
        done += n;
        if (done >= PIECE * 16)
            break; /* enough for one element under the lock */
    }
    if (!done && e->in_len)
        return false;
    r->st.quota -= done;
    virtq_push(e, done);
    return true;
}

static void rng_fill(VirtioRng *r)
{
    VirtQueue *vq = &r->v.vq[0];
    bool dry = r->waiting;
    VirtqElem *e;

    for (unsigned left = QUEUE; left && !dry && r->st.quota; left--) {
        if (!(e = virtq_pop(vq)))
            break;
        dry = !fill_one(r, e);
        if (dry)
            virtq_unpop(e);
    }
    virtq_notify(vq);
    virtq_want_kicks(vq, true);
    /* a source that waits calls back; one that has ended is left alone */
    if (dry || virtq_empty(vq))
        return;
    if (!r->st.quota && !r->st.deadline)
        timer_set(&r->timer, clock_now(r->v.dev->vm, CLOCK_VIRTUAL) + r->period * 1000000ll);
    else if (r->st.quota)
        virtq_again(vq);
}

static void rng_period(void *o)
{
    VirtioRng *r = o;

    r->st.quota = r->max_bytes;
    rng_fill(r);
}

static void rng_kick(Virtio *v, VirtQueue *vq)
{
    rng_fill((VirtioRng *)v);
}

static const VirtioOps rng_ops = { .id = VIRTIO_RNG, .name = "virtio-rng", .kick = rng_kick };

static bool rng_realize(Device *dev, GError **err)
{
    VirtioRngPci *d = (VirtioRngPci *)dev;
    VirtioRng *r = &d->chip;

    if (r->source && !rng_is_backend(r->source))
        return user_fail(err,
                         "rng=%s: an object rng-random or rng-builtin is wanted, this one is %s",
                         r->source->id, r->source->type->name);
    virtio_init(&r->v, dev, &rng_ops, 0, 1);
    virtq_size(&r->v, 0, QUEUE);
    timer_init(&r->timer, dev, CLOCK_VIRTUAL, &r->st.deadline, rng_period, r);
    if (virtio_pci_plug(&d->pci, &r->v, 2, err))
        return true;
    virtio_pci_unplug(&d->pci);
    return false;
}

static void rng_stop_waiting(VirtioRng *r)
{
    if (r->waiting)
        g_source_remove(r->waiting);
    r->waiting = 0;
}

static void rng_reset(Device *dev)
{
    VirtioRngPci *d = (VirtioRngPci *)dev;

    virtio_pci_reset(&d->pci);
    rng_stop_waiting(&d->chip);
    d->chip.st.quota = d->chip.max_bytes;
}

static void rng_unrealize(Device *dev)
{
    VirtioRngPci *d = (VirtioRngPci *)dev;

    rng_stop_waiting(&d->chip);
    virtio_pci_unplug(&d->pci);
}

static const StatePart rng_state[] = { VIRTIO_STATE(T),
                                       STATE(T, chip.st, VirtioRngState_rows, 1),
                                       { .rows = NULL } };

VIRTIO_PCI_HOOKS(virtio_rng, T)
VIRTIO_PCI_TYPES(virtio_rng, "virtio-rng", "virtio source of random numbers", T, 0x1005, VIRTIO_RNG,
                 0x00ff, NULL, .state = rng_state, .realize = rng_realize, .reset = rng_reset,
                 .unrealize = rng_unrealize, VIRTIO_PCI_HOOKS_OF(virtio_rng));
