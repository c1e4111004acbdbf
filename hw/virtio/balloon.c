/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-balloon: virtio 1.2, 5.5. Pages the guest puts into it go back to the host; statistics on
 * request, free page reporting, page poison. Not here: free page hinting (it belongs to migration).
 * Threads: machine lock.
 */
#include "core/event.h"
#include "core/machine.h"
#include "core/vm.h"
#include "hw/virtio/balloon-int.h"
#include "hw/virtio/types.h"

enum { INFLATE, DEFLATE, STATS, REPORT };
enum { F_STATS_VQ = 1, F_DEFLATE_ON_OOM = 2, F_PAGE_POISON = 4, F_REPORTING = 5 };
enum { QUEUE = 128, REPORT_QUEUE = 32, PFNS_MAX = 4096, STAT_SIZE = 10 };

typedef struct VirtioBalloonPci {
    VirtioPci pci;
    VirtioBalloon chip;
} VirtioBalloonPci;

/* clang-format off */
#define STAT(n, name) PROP_INT(BalloonStatValues, at[n], name, -1, "", PROP_NEED)
static const Prop BalloonStatValues_rows[] = {
    STAT(0, "stat-swap-in"), STAT(1, "stat-swap-out"), STAT(2, "stat-major-faults"),
    STAT(3, "stat-minor-faults"), STAT(4, "stat-free-memory"), STAT(5, "stat-total-memory"),
    STAT(6, "stat-available-memory"), STAT(7, "stat-disk-caches"),
    STAT(8, "stat-htlb-pgalloc"), STAT(9, "stat-htlb-pgfail"), PROP_END(BalloonStatValues)
};
static const Prop BalloonStats_rows[] = {
    NEED_PART(BalloonStats, stats, "stats", BalloonStatValues, "in bytes or pages, -1: not told"),
    NEED_INT (BalloonStats, last_update, "last-update", "seconds since 1970"),
    PROP_END (BalloonStats)
};

#define T VirtioBalloonPci
#define BALLOON_ROWS                                                                                    \
    VIRTIO_PCI_ROWS(T),                                                                                 \
    PROP_BIT (T, chip.v.conf.host, "deflate-on-oom", F_DEFLATE_ON_OOM, false, "the guest may take pages back when short of memory"), \
    PROP_BIT (T, chip.v.conf.host, "free-page-reporting", F_REPORTING, false, "free pages go back to the host"), \
    PROP_BIT (T, chip.v.conf.host, "page-poison", F_PAGE_POISON, true, "the guest tells what it fills free pages with"), \
    PROP_BOOL(T, chip.free_page_hint, "free-page-hint", false, "only off"),                             \
    PROP_BOOL(T, chip.old_config, "qemu-4-0-config-size", false, "no effect", PROP_HIDDEN),             \
    PROP_BOX (T, chip.stats, "guest-stats", BalloonStats, "what the guest said of its memory"),         \
    PROP_RANGE(T, chip.interval, "guest-stats-polling-interval", 0, 0, UINT32_MAX, "seconds; 0: never", PROP_LIVE)

static const Prop rows_mode[] = { BALLOON_ROWS, PROP_BASE(T, pci, VirtioPciMode), PROP_END(T) };
static const Prop rows_fixed[] = { BALLOON_ROWS, PROP_END(T) };
static const Field VirtioBalloonState_rows[] = {
    FIELD(VirtioBalloonState, deadline), FIELD(VirtioBalloonState, num_pages),
    FIELD(VirtioBalloonState, actual), FIELD(VirtioBalloonState, poison),
    FIELD_PAD(VirtioBalloonState, pad), FIELD_END
};
/* clang-format on */

/* ---- pages ---- */

/* Pages in a row, upwards or downwards, go in one call. */
typedef struct Run {
    uint64_t first, n;
} Run;

static void run_end(VirtioBalloon *b, Run *r)
{
    if (r->n)
        space_discard(b->v.dev->vm->mem, r->first * BALLOON_PAGE, r->n * BALLOON_PAGE);
    r->n = 0;
}

static void run_add(VirtioBalloon *b, Run *r, uint64_t pfn)
{
    if (r->n && pfn == r->first + r->n) {
        r->n++;
    } else if (r->n && pfn + 1 == r->first) {
        r->first = pfn;
        r->n++;
    } else {
        run_end(b, r);
        *r = (Run){ pfn, 1 };
    }
}

static void inflate(Virtio *v, VirtqElem *e)
{
    VirtioBalloon *b = (VirtioBalloon *)v;
    VirtQueue *vq = e->vq;
    Run r = { 0, 0 };
    uint8_t raw[4];

    if (e->out_len > PFNS_MAX * 4)
        guest_error(v->dev, "%" G_GUINT64_FORMAT " pages at once", e->out_len / 4);
    for (uint64_t off = 0; off < PFNS_MAX * 4 && virtq_read(e, off, raw, 4); off += 4)
        run_add(b, &r, get_le32(raw));
    run_end(b, &r);
    virtq_push(e, 0);
    virtq_notify(vq);
}

/* The guest uses them again: the host gives pages by itself. */
static void deflate(Virtio *v, VirtqElem *e)
{
    VirtQueue *vq = e->vq;

    virtq_push(e, 0);
    virtq_notify(vq);
}

/* Its writable segments are free memory; what is poisoned must not come back as zeros. */
static void report(Virtio *v, VirtqElem *e)
{
    VirtioBalloon *b = (VirtioBalloon *)v;
    VirtQueue *vq = e->vq;

    for (unsigned i = e->n_out_segs; i < e->n_segs && !b->st.poison; i++) {
        uint64_t from = (e->segs[i].addr + BALLOON_PAGE - 1) & ~(uint64_t)(BALLOON_PAGE - 1);
        uint64_t to = (e->segs[i].addr + e->segs[i].len) & ~(uint64_t)(BALLOON_PAGE - 1);
        if (from < to)
            space_discard(v->dev->vm->mem, from, to - from);
    }
    virtq_push(e, 0);
    virtq_notify(vq);
}

/* ---- statistics ---- */

static void stats_timer(VirtioBalloon *b)
{
    if (b->interval)
        timer_set(&b->timer, clock_now(b->v.dev->vm, CLOCK_VIRTUAL) + b->interval * 1000000000ll);
    else
        timer_cancel(&b->timer);
}

/* {le16 tag, le64 value} each. The element stays with us: giving it back asks for the next ones. */
static void stats_told(Virtio *v, VirtqElem *e)
{
    VirtioBalloon *b = (VirtioBalloon *)v;
    VirtqElem *old = virtq_unpark(v, e->vq);
    uint8_t raw[STAT_SIZE];

    for (uint64_t off = 0; off < STAT_SIZE * 64 && virtq_read(e, off, raw, STAT_SIZE);
         off += STAT_SIZE)
        if (get_le16(raw) < BALLOON_STATS)
            b->stats->stats.at[get_le16(raw)] = get_le64(raw + 2);
    if (e->out_len)
        b->stats->last_update = clock_now(v->dev->vm, CLOCK_HOST) / 1000000000;
    if (old) { /* one is enough */
        virtq_push(old, 0);
        virtq_notify(e->vq);
    }
    virtq_park(e);
    if (!b->st.deadline)
        stats_timer(b);
}

static void stats_ask(void *o)
{
    VirtioBalloon *b = o;
    VirtqElem *e = virtq_unpark(&b->v, &b->v.vq[STATS]);

    if (e) {
        VirtQueue *vq = e->vq;
        virtq_push(e, 0);
        virtq_notify(vq);
    }
    stats_timer(b);
}

/* ---- the device ---- */

static void balloon_kick(Virtio *v, VirtQueue *vq)
{
    static void (*const fn[])(Virtio *, VirtqElem *) = { inflate, deflate, stats_told, report };

    virtq_serve(vq, fn[vq->index]);
}

static uint64_t balloon_features(Virtio *v, uint64_t host)
{
    return VIRTIO_BIT(F_STATS_VQ);
}

static void balloon_config(Virtio *v, uint8_t *c)
{
    const VirtioBalloon *b = (VirtioBalloon *)v;

    put_le32(c, b->st.num_pages);
    put_le32(c + 4, b->st.actual);
    put_le32(c + 12, b->st.poison);
}

static void balloon_config_written(Virtio *v, unsigned off, unsigned n, const uint8_t *c)
{
    VirtioBalloon *b = (VirtioBalloon *)v;
    uint32_t was = b->st.actual;

    if (off < 8 && off + n > 4)
        b->st.actual = get_le32(c + 4);
    if (off + n > 12 && virtio_has(v, F_PAGE_POISON))
        b->st.poison = get_le32(c + 12);
    if (b->st.actual != was) {
        EventBalloon e = { balloon_actual(b) };
        event_balloon_change(v->dev->vm, &e);
    }
}

static const VirtioOps balloon_ops = {
    .id = VIRTIO_BALLOON,
    .name = "virtio-balloon",
    .features = balloon_features,
    .config = balloon_config,
    .config_written = balloon_config_written,
    .kick = balloon_kick,
};

uint64_t balloon_actual(const VirtioBalloon *b)
{
    uint64_t ram = b->v.dev->vm->conf->ram_size, in = (uint64_t)b->st.actual * BALLOON_PAGE;

    return ram - MIN(in, ram);
}

void balloon_set_target(VirtioBalloon *b, uint64_t bytes)
{
    uint64_t ram = b->v.dev->vm->conf->ram_size;

    b->st.num_pages = (ram - MIN(bytes, ram)) / BALLOON_PAGE;
    virtio_config_changed(&b->v);
}

VirtioBalloon *balloon_find(Vm *vm)
{
    static const char *const names[] = { "virtio-balloon-pci", "virtio-balloon-pci-transitional",
                                         "virtio-balloon-pci-non-transitional" };

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        Device *d = device_find(vm, names[i], 0);
        if (d)
            return &((VirtioBalloonPci *)d)->chip;
    }
    return NULL;
}

static bool balloon_realize(Device *dev, GError **err)
{
    VirtioBalloonPci *d = (VirtioBalloonPci *)dev;
    VirtioBalloon *b = &d->chip;
    bool reporting = b->v.conf.host & VIRTIO_BIT(F_REPORTING);
    const char *bad = balloon_find(dev->vm) ? "Only one balloon device is supported"
                      : b->free_page_hint
                          ? "free-page-hint=on is not supported: it belongs to migration"
                          : NULL;

    if (bad)
        return user_fail(err, "%s", bad);
    if (!b->stats) {
        b->stats = g_new0(BalloonStats, 1); /* the row's */
        prop_defaults(BalloonStats_rows, b->stats);
    }
    virtio_init(&b->v, dev, &balloon_ops, 16, reporting ? REPORT + 1 : REPORT);
    for (unsigned i = 0; i < b->v.n_queues; i++)
        virtq_size(&b->v, i, i == REPORT ? REPORT_QUEUE : QUEUE);
    timer_init(&b->timer, dev, CLOCK_VIRTUAL, &b->st.deadline, stats_ask, b);
    if (virtio_pci_plug(&d->pci, &b->v, 0, err))
        return true;
    virtio_pci_unplug(&d->pci);
    return false;
}

static void balloon_reset(Device *dev)
{
    virtio_pci_reset(&((VirtioBalloonPci *)dev)->pci);
}

static bool balloon_changed(Device *dev, const Prop *row, GError **err)
{
    stats_timer(&((VirtioBalloonPci *)dev)->chip);
    return true;
}

static void balloon_unrealize(Device *dev)
{
    virtio_pci_unplug(&((VirtioBalloonPci *)dev)->pci);
}

static const StatePart balloon_state[] = { VIRTIO_STATE(T),
                                           STATE(T, chip.st, VirtioBalloonState_rows, 1),
                                           { .rows = NULL } };

VIRTIO_PCI_HOOKS(virtio_balloon, T)
VIRTIO_PCI_TYPES(virtio_balloon, "virtio-balloon", "virtio memory balloon", T, 0x1002,
                 VIRTIO_BALLOON, 0x00ff, NULL, .state = balloon_state, .realize = balloon_realize,
                 .reset = balloon_reset, .unrealize = balloon_unrealize, .changed = balloon_changed,
                 VIRTIO_PCI_HOOKS_OF(virtio_balloon));
