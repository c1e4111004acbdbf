/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A virtio device whatever its transport: status, features, configuration, what is checked after a
 * load (virtio 1.2, chapters 2 and 3). Not here: in-order use, platform-ordered memory, shared
 * memory regions. Threads: machine lock.
 */
#include "hw/virtio/virtio-int.h"
#include "core/runstate.h"

enum { CONFIG_INTERRUPT = 2 };

/* clang-format off */
const Field VirtioState_rows[] = {
    FIELD(VirtioState, features), FIELD_VAR(VirtioState, parked, 64 << 20),
    FIELD(VirtioState, host_select), FIELD(VirtioState, guest_select),
    FIELD(VirtioState, config_vector), FIELD(VirtioState, queue_select),
    FIELD(VirtioState, status), FIELD(VirtioState, isr, .max = 3), FIELD(VirtioState, generation),
    FIELD(VirtioState, broken), FIELD(VirtioState, refused), FIELD_PAD(VirtioState, pad), FIELD_END
};
const Field VirtQueueState_rows[] = {
    FIELD(VirtQueueState, desc), FIELD(VirtQueueState, avail), FIELD(VirtQueueState, used),
    FIELD(VirtQueueState, num, .max = VIRTIO_QUEUE_MAX), FIELD(VirtQueueState, vector),
    FIELD(VirtQueueState, last_avail), FIELD(VirtQueueState, used_idx),
    FIELD(VirtQueueState, since), FIELD(VirtQueueState, enabled), FIELD(VirtQueueState, resetting),
    FIELD(VirtQueueState, avail_wrap), FIELD(VirtQueueState, used_wrap),
    FIELD_PAD(VirtQueueState, pad), FIELD_END
};
const Prop VirtioConf_rows[] = {
    PROP_BIT (VirtioConf, host, "indirect_desc", VIRTIO_F_INDIRECT_DESC, true, "tables of descriptors outside the ring"),
    PROP_BIT (VirtioConf, host, "event_idx", VIRTIO_F_EVENT_IDX, true, "both sides say when they want to be told"),
    PROP_BIT (VirtioConf, host, "notify_on_empty", VIRTIO_F_NOTIFY_ON_EMPTY, true, "legacy: an interrupt when the ring has run empty"),
    PROP_BIT (VirtioConf, host, "any_layout", VIRTIO_F_ANY_LAYOUT, true, "legacy: headers need no descriptor of their own"),
    PROP_BIT (VirtioConf, host, "packed", VIRTIO_F_RING_PACKED, false, "packed rings"),
    PROP_BIT (VirtioConf, host, "queue_reset", VIRTIO_F_RING_RESET, true, "single queues can be reset"),
    PROP_BOOL(VirtioConf, iommu_platform, "iommu_platform", false, "only off: there is no IOMMU"),
    PROP_BOOL(VirtioConf, use_started, "use-started", true, "no effect", PROP_HIDDEN),
    PROP_BOOL(VirtioConf, use_disabled_flag, "use-disabled-flag", true, "no effect", PROP_HIDDEN),
    PROP_BOOL(VirtioConf, no_legacy_check, "x-disable-legacy-check", false, "no effect", PROP_HIDDEN),
    PROP_END (VirtioConf)
};
/* clang-format on */

/* ---- features ---- */

#define LEGACY_ONLY (VIRTIO_BIT(VIRTIO_F_NOTIFY_ON_EMPTY) | VIRTIO_BIT(VIRTIO_F_ANY_LAYOUT))

uint64_t virtio_offers(const Virtio *v, bool legacy)
{
    if (legacy)
        return (uint32_t)v->offered;
    return (v->offered & ~LEGACY_ONLY) | VIRTIO_BIT(VIRTIO_F_VERSION_1);
}

void virtio_set_features(Virtio *v, uint64_t val, bool legacy)
{
    if (v->st.status & (VIRTIO_FEATURES_OK | VIRTIO_DRIVER_OK)) {
        guest_error(v->dev, "features written after they were settled");
        return;
    }
    v->st.features = val & virtio_offers(v, legacy);
    v->st.refused = !legacy && v->st.features != val;
}

/* ---- status ---- */

void virtio_set_status(Virtio *v, uint8_t val)
{
    uint8_t was = v->st.status, keep = was & VIRTIO_NEEDS_RESET;

    if (!val) {
        device_reset(v->dev, RESET_SELF, NULL, NULL);
        return;
    }
    if ((val & ~was & VIRTIO_FEATURES_OK) && (v->st.refused || !virtio_modern(v))) {
        guest_error(v->dev, "the driver takes features that were not offered, or not VERSION_1");
        val &= ~VIRTIO_FEATURES_OK;
    }
    v->st.status = val | keep;
    if ((val ^ was) & VIRTIO_DRIVER_OK)
        v->transport->ready(v);
    if (v->ops->status)
        v->ops->status(v, v->st.status, was);
}

static void tell_config(Virtio *v)
{
    v->st.generation++;
    if (!(v->st.status & VIRTIO_DRIVER_OK))
        return;
    v->st.isr |= 1 | CONFIG_INTERRUPT;
    v->transport->interrupt(v, v->st.config_vector);
}

void virtio_config_changed(Virtio *v)
{
    tell_config(v);
}

void virtio_break(Virtio *v, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    guest_error(v->dev, "%s", text);
    if (v->st.broken)
        return;
    v->st.broken = true;
    if (virtio_modern(v)) {
        v->st.status |= VIRTIO_NEEDS_RESET;
        tell_config(v);
    }
}

/* ---- configuration ---- */

static void config_fill(Virtio *v, uint8_t buf[VIRTIO_CONFIG_MAX])
{
    memset(buf, 0, VIRTIO_CONFIG_MAX);
    if (v->ops->config)
        v->ops->config(v, buf);
}

uint64_t virtio_config_read(Virtio *v, unsigned off, unsigned size)
{
    uint8_t buf[VIRTIO_CONFIG_MAX];
    uint64_t val = 0;

    if (off >= v->config_size || size > v->config_size - off)
        return ~0ull;
    config_fill(v, buf);
    for (unsigned i = 0; i < size; i++)
        val |= (uint64_t)buf[off + i] << 8 * i;
    return val;
}

void virtio_config_write(Virtio *v, unsigned off, uint64_t val, unsigned size)
{
    uint8_t buf[VIRTIO_CONFIG_MAX];

    if (off >= v->config_size || size > v->config_size - off || !v->ops->config_written)
        return;
    config_fill(v, buf);
    for (unsigned i = 0; i < size; i++)
        buf[off + i] = val >> 8 * i;
    v->ops->config_written(v, off, size, buf);
}

/* ---- queues ---- */

bool virtq_enable(VirtQueue *vq)
{
    VirtQueueState *q = virtq_state(vq);
    bool packed = virtio_has(vq->v, VIRTIO_F_RING_PACKED);

    if (!vq->max || !q->num || q->num > vq->max || (!packed && (q->num & (q->num - 1)))) {
        guest_error(vq->v->dev, "queue %u cannot have %u places", vq->index, q->num);
        return false;
    }
    if (q->resetting)
        return false;
    q->enabled = true;
    vq->v->transport->ready(vq->v);
    return true;
}

/* ---- life ---- */

void virtio_reset_state(Virtio *v)
{
    v->st.config_vector = VIRTIO_NO_VECTOR;
    for (unsigned i = 0; i < v->n_queues; i++)
        virtq_clear(&v->vq[i]);
}

/* Places beyond the ring are guest addresses like others: no harm. */
static bool queue_loaded_ok(const VirtQueue *vq)
{
    const VirtQueueState *q = virtq_state(vq);

    /* a size that was written and not enabled yet may be anything */
    return !q->enabled || (q->num && q->num <= vq->max);
}

bool virtio_check(Virtio *v, GError **err)
{
    const char *bad = NULL;

    if (v->st.features & ~(virtio_offers(v, false) | virtio_offers(v, true)))
        bad = "features that this device does not offer";
    for (unsigned i = 0; i < v->n_queues; i++)
        if (!queue_loaded_ok(&v->vq[i]))
            bad = "a queue that cannot be";
    if (!virtq_parked_ok(v))
        bad = "waiting requests that cannot be";
    if (bad)
        user_fail(err, "%s: the stream has %s", v->ops->name, bad);
    return !bad;
}

/* What was rung while the machine stood, or before a load, is not known: look everywhere. */
static void run_state(void *o, RunState old, RunState now)
{
    Virtio *v = o;

    if (now != RUNSTATE_RUNNING || v->dev->life != LIFE_REALIZED)
        return;
    if (v->ops->run)
        v->ops->run(v);
    for (unsigned i = 0; i < v->n_queues; i++)
        virtq_kick(&v->vq[i]);
}

static const VmListener virtio_listener = { .state = run_state };

void virtio_init(Virtio *v, Device *dev, const VirtioOps *ops, unsigned config_size,
                 unsigned n_queues)
{
    g_assert(n_queues <= VIRTIO_QUEUES && config_size <= VIRTIO_CONFIG_MAX);
    v->dev = dev;
    v->ops = ops;
    v->config_size = config_size;
    v->n_queues = n_queues;
    v->vq = g_new0(VirtQueue, n_queues);
    v->scratch = g_malloc(sizeof(VirtqScratch));
    for (unsigned i = 0; i < n_queues; i++)
        v->vq[i] = (VirtQueue){ .v = v, .index = i, .fd = -1 };
}

VirtQueue *virtq_size(Virtio *v, unsigned index, unsigned max)
{
    g_assert(index < v->n_queues && max && max <= VIRTIO_QUEUE_MAX && !(max & (max - 1)));
    v->vq[index].max = max;
    return &v->vq[index];
}

void virtio_listen(Virtio *v, const VirtioTransport *t)
{
    v->transport = t;
    v->offered = v->conf.host;
    if (v->ops->features)
        v->offered |= v->ops->features(v, v->conf.host);
    virtio_reset_state(v);
    vm_listen(v->dev->vm, &virtio_listener, v);
    v->listening = true;
}

void virtio_end(Virtio *v)
{
    if (v->listening)
        vm_unlisten(v->dev->vm, &virtio_listener, v);
    v->listening = false;
    g_clear_pointer(&v->vq, g_free);
    g_clear_pointer(&v->scratch, g_free);
    v->n_queues = 0;
}
