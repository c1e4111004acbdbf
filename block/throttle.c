/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Limits by leaky buckets: each request fills its buckets, which leak at the allowed rate; one that
 * finds a bucket above its brim waits for as long as the excess takes to leak. Requests take their
 * share when they come, so they leave in that order. The brim is a tenth of a second's worth, or
 * the burst that -max and -max-length allow.
 */
#include "block/throttle.h"

#include <string.h>

#include "block/error.h"
#include "util/co.h"

enum { TOTAL, READ, WRITE, KINDS };
enum { SLICE_MS = 50 };
#define LIMIT_MOST 1000000000000000ull

typedef struct Bucket {
    double level;
    int64_t at; /* us: when level was right */
} Bucket;

struct Throttle {
    gatomicrefcount ref;
    GMutex lock;
    char *group;
    DriveThrottle limits;
    Bucket bytes[KINDS], ops[KINDS];
};

/* ---- what the rows say ---- */

typedef struct Limit {
    const char *name;
    uint64_t avg, max, len;
} Limit;

static void limits_of(const DriveThrottle *t, Limit bytes[KINDS], Limit ops[KINDS])
{
    bytes[TOTAL] = (Limit){ "bps", t->bps_total, t->bps_total_max, t->bps_total_len };
    bytes[READ] = (Limit){ "bps_rd", t->bps_read, t->bps_read_max, t->bps_read_len };
    bytes[WRITE] = (Limit){ "bps_wr", t->bps_write, t->bps_write_max, t->bps_write_len };
    ops[TOTAL] = (Limit){ "iops", t->iops_total, t->iops_total_max, t->iops_total_len };
    ops[READ] = (Limit){ "iops_rd", t->iops_read, t->iops_read_max, t->iops_read_len };
    ops[WRITE] = (Limit){ "iops_wr", t->iops_write, t->iops_write_max, t->iops_write_len };
}

bool throttle_any(const DriveThrottle *t)
{
    Limit l[2][KINDS];
    bool any = false;

    limits_of(t, l[0], l[1]);
    for (unsigned i = 0; i < 2 * KINDS; i++)
        any |= l[i / KINDS][i % KINDS].avg || l[i / KINDS][i % KINDS].max;
    return any;
}

static bool check_one(const Limit *l, GError **err)
{
    if (l->avg > LIMIT_MOST || l->max > LIMIT_MOST)
        return block_fail(err, "bps/iops/max values must be within [0, %" G_GUINT64_FORMAT "]",
                          (uint64_t)LIMIT_MOST);
    if (l->max && !l->avg)
        return block_fail(err, "bps_max/iops_max require corresponding bps/iops values (%s)",
                          l->name);
    if (l->max && l->max < l->avg)
        return block_fail(err, "bps_max/iops_max cannot be lower than bps/iops (%s)", l->name);
    if (l->len > 1 && !l->max)
        return block_fail(err, "burst length set without burst rate (%s)", l->name);
    return true;
}

bool throttle_check(const DriveThrottle *t, GError **err)
{
    Limit l[2][KINDS];

    limits_of(t, l[0], l[1]);
    for (unsigned k = 0; k < 2; k++) {
        if ((l[k][TOTAL].avg && (l[k][READ].avg || l[k][WRITE].avg)) ||
            (l[k][TOTAL].max && (l[k][READ].max || l[k][WRITE].max)))
            return block_fail(err, "bps/iops/max total values and read/write values cannot be used "
                                   "at the same time");
        for (unsigned i = 0; i < KINDS; i++)
            if (!check_one(&l[k][i], err))
                return false;
    }
    if (t->iops_size && !l[1][TOTAL].avg && !l[1][READ].avg && !l[1][WRITE].avg)
        return block_fail(err, "iops size requires an iops value to be set");
    return true;
}

/* ---- life ---- */

static Throttle *group_find(Vm *vm, const char *group)
{
    for (BlockFront *b = NULL; group && (b = drive_next(vm, b));) {
        Throttle *t = drive_throttle(b);

        if (t && !g_strcmp0(t->group, group))
            return t;
    }
    return NULL;
}

Throttle *throttle_new(Vm *vm, const DriveThrottle *limits, const char *name)
{
    Throttle *t = vm ? group_find(vm, limits->group) : NULL;

    if (!throttle_any(limits) && !limits->group)
        return NULL;
    if (t) {
        g_atomic_ref_count_inc(&t->ref);
        if (throttle_any(limits))
            throttle_set(t, limits);
        return t;
    }
    t = g_new0(Throttle, 1);
    g_atomic_ref_count_init(&t->ref);
    g_mutex_init(&t->lock);
    t->group = g_strdup(limits->group ? limits->group : name);
    throttle_set(t, limits);
    return t;
}

Throttle *throttle_ref(Throttle *t)
{
    g_atomic_ref_count_inc(&t->ref);
    return t;
}

void throttle_unref(Throttle *t)
{
    if (!t || !g_atomic_ref_count_dec(&t->ref))
        return;
    g_mutex_clear(&t->lock);
    g_free(t->group);
    g_free(t);
}

void throttle_set(Throttle *t, const DriveThrottle *limits)
{
    g_mutex_lock(&t->lock);
    t->limits = *limits;
    t->limits.group = NULL;
    memset(t->bytes, 0, sizeof(t->bytes));
    memset(t->ops, 0, sizeof(t->ops));
    g_mutex_unlock(&t->lock);
}

const DriveThrottle *throttle_limits(const Throttle *t)
{
    return &t->limits;
}

const char *throttle_group(const Throttle *t)
{
    return t->group;
}

/* ---- requests ---- */

/* Fills the bucket; us until it is down to its brim again. */
static int64_t fill(Bucket *b, const Limit *l, double units, int64_t now)
{
    double brim = l->max ? (double)l->max * MAX(l->len, 1) : l->avg / 10.0, over;

    if (!l->avg)
        return 0;
    b->level = MAX(b->level - (double)(now - b->at) * l->avg / 1e6, 0);
    b->at = now;
    over = b->level - brim;
    b->level += units;
    return over > 0 ? over * 1e6 / l->avg : 0;
}

static int64_t take_share(Throttle *t, bool write, uint64_t len)
{
    Limit bytes[KINDS], ops[KINDS];
    int64_t now = g_get_monotonic_time(), wait = 0;
    unsigned kinds[2] = { TOTAL, write ? WRITE : READ };

    g_mutex_lock(&t->lock);
    limits_of(&t->limits, bytes, ops);
    double n =
        t->limits.iops_size ? MAX((len + t->limits.iops_size - 1) / t->limits.iops_size, 1) : 1;
    for (unsigned i = 0; i < 2; i++) {
        wait = MAX(wait, fill(&t->bytes[kinds[i]], &bytes[kinds[i]], len, now));
        wait = MAX(wait, fill(&t->ops[kinds[i]], &ops[kinds[i]], n, now));
    }
    g_mutex_unlock(&t->lock);
    return now + wait;
}

static gboolean wake(void *co)
{
    co_wake(co);
    return G_SOURCE_REMOVE;
}

static void sleep_co(int64_t ms)
{
    GSource *s = g_timeout_source_new(ms);
    int64_t end = g_get_monotonic_time() + ms * 1000;

    g_source_set_callback(s, wake, co_self(), NULL);
    g_source_attach(s, g_main_context_get_thread_default());
    while (g_get_monotonic_time() < end && !g_source_is_destroyed(s))
        co_suspend_co();
    g_source_destroy(s);
    g_source_unref(s);
}

void throttle_wait_co(Throttle *t, bool write, uint64_t len, bool (*hurry)(void *), void *o)
{
    int64_t until = take_share(t, write, len), left;

    while ((left = until - g_get_monotonic_time()) > 0 && !hurry(o))
        sleep_co(CLAMP((left + 999) / 1000, 1, SLICE_MS));
}
