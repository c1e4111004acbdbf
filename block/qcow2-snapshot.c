/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qcow2: the table of internal snapshots, read only; and what `info` says of an image. */
#include <errno.h>
#include <string.h>

#include "block/error.h"
#include "block/qcow2.h"
#include "util/json.h"

#define SNAPSHOT_HEAD 40u
#define SNAPSHOTS_MAX (64ull << 20) /* bytes of the table */

static char *take_text(const uint8_t *p, unsigned n)
{
    return g_strndup((const char *)p, n);
}

/* One entry: fixed part, extra data, id, name, padded to 8. *at moves behind it. */
static bool read_one_co(Qcow2 *q, Qcow2Snapshot *s, uint64_t *at, GError **err)
{
    uint8_t h[SNAPSHOT_HEAD], extra[24] = { 0 };
    uint32_t extra_len, id_len, name_len;
    g_autofree uint8_t *text = NULL;
    int ret = node_read_co(q->file, *at, h, sizeof(h));

    id_len = get_be16(h + 12);
    name_len = get_be16(h + 14);
    extra_len = get_be32(h + 36);
    if (ret == 0 && extra_len > 1024)
        return block_fail(err, "Too much extra metadata in snapshot table entry");
    text = g_malloc0(id_len + name_len + 1);
    if (ret == 0)
        ret = node_read_co(q->file, *at + SNAPSHOT_HEAD, extra, MIN(extra_len, sizeof(extra)));
    if (ret == 0)
        ret = node_read_co(q->file, *at + SNAPSHOT_HEAD + extra_len, text, id_len + name_len);
    if (ret < 0)
        return block_fail_errno(err, -ret, "Could not read snapshots");
    *s = (Qcow2Snapshot){ .l1_pos = get_be64(h),
                          .l1_size = get_be32(h + 8),
                          .date_sec = get_be32(h + 16),
                          .date_nsec = get_be32(h + 20),
                          .vm_clock = get_be64(h + 24),
                          .vm_size = extra_len >= 8 ? get_be64(extra) : get_be32(h + 32),
                          .disk_size = extra_len >= 16 ? get_be64(extra + 8) : q->size,
                          .icount = extra_len >= 24 ? get_be64(extra + 16) : UINT64_MAX,
                          .id = take_text(text, id_len),
                          .name = take_text(text + id_len, name_len) };
    *at += (SNAPSHOT_HEAD + extra_len + id_len + name_len + 7) & ~7ull;
    return true;
}

bool qcow2_read_snapshots_co(Qcow2 *q, GError **err)
{
    uint64_t at = q->snapshots_pos;

    if (!q->n_snapshots)
        return true;
    q->snapshots = g_new0(Qcow2Snapshot, q->n_snapshots);
    for (uint32_t i = 0; i < q->n_snapshots; i++) {
        if (at - q->snapshots_pos > SNAPSHOTS_MAX)
            return block_fail(err, "Snapshot table too large");
        if (!read_one_co(q, &q->snapshots[i], &at, err))
            return false;
    }
    q->snapshots_len = at - q->snapshots_pos;
    return true;
}

static Json *snapshot_json(const Qcow2Snapshot *s)
{
    Json *j = json_obj();

    if (s->icount != UINT64_MAX)
        json_set(j, "icount", json_uint(s->icount));
    json_set(j, "vm-clock-nsec", json_uint(s->vm_clock % 1000000000));
    json_set(j, "name", json_str(s->name));
    json_set(j, "date-sec", json_int(s->date_sec));
    json_set(j, "date-nsec", json_int(s->date_nsec));
    json_set(j, "vm-clock-sec", json_uint(s->vm_clock / 1000000000));
    json_set(j, "id", json_str(s->id));
    json_set(j, "vm-state-size", json_uint(s->vm_size));
    return j;
}

static Json *specific_json(const Qcow2 *q)
{
    Json *j = json_obj();

    json_set(j, "compat", json_str(q->version >= 3 ? "1.1" : "0.10"));
    json_set(j, "compression-type", json_str(q->compression == QCOW2_ZSTD ? "zstd" : "zlib"));
    if (q->version >= 3)
        json_set(j, "lazy-refcounts", json_bool(q->compat & COMPAT_LAZY_REFCOUNTS));
    json_set(j, "refcount-bits", json_int(1 << q->refcount_order));
    if (q->version >= 3) {
        json_set(j, "corrupt", json_bool(q->incompat & INCOMPAT_CORRUPT));
        json_set(j, "extended-l2", json_bool(q->incompat & INCOMPAT_EXTENDED_L2));
    }
    if (q->crypt) {
        Json *e = json_obj();

        json_set(e, "format", json_str(q->crypt == 1 ? "aes" : "luks"));
        json_set(j, "encrypt", e);
    }
    return j;
}

/* "data": what is printed as format specific; beside it what is the same for all formats. */
Json *qcow2_info(BlockNode *node)
{
    const Qcow2 *q = node->priv;
    Json *j = json_obj(), *list;

    json_set(j, "data", specific_json(q));
    json_set(j, "dirty-flag", json_bool(q->incompat & INCOMPAT_DIRTY));
    if (q->crypt)
        json_set(j, "encrypted", json_bool(true));
    if (q->n_snapshots) {
        list = json_list();
        for (uint32_t i = 0; i < q->n_snapshots; i++)
            json_append(list, snapshot_json(&q->snapshots[i]));
        json_set(j, "snapshots", list);
    }
    return j;
}
