/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the monitor says of drives: `info block` in 7.2's lines, and query-block's elements. */
#include <errno.h>
#include <string.h>

#include "block/front.h"
#include "block/info.h"
#include "util/json.h"

static unsigned chain_depth(const BlockNode *node)
{
    unsigned n = 0;

    for (; node && node->backing; node = node->backing)
        n++;
    return n;
}

static const char *detect_names[] = { "off", "on", "unmap" };

static const char *file_of(const BlockNode *node)
{
    return node->filename ? node->filename : "";
}

static void print_medium(const BlockFront *blk, GString *out)
{
    const BlockNode *root = blk->root;

    if (!root) {
        g_string_append(out, ": [not inserted]\n");
        return;
    }
    g_string_append_printf(out, " (%s): %s (%s%s)\n", root->node_name, file_of(root),
                           root->drv->name, blk->writable ? "" : ", read-only");
}

static void print_cache(const BlockNode *node, bool write_through, GString *out)
{
    g_string_append_printf(out, "    Cache mode:       %s%s%s\n",
                           write_through ? "writethrough" : "writeback",
                           node->flags & NODE_DIRECT ? ", direct" : "",
                           node->flags & NODE_NO_FLUSH ? ", ignore flushes" : "");
}

static void print_backing(const BlockNode *node, GString *out)
{
    if (node->backing)
        g_string_append_printf(out, "    Backing file:     %s (chain depth: %u)\n",
                               node->backing_file ? node->backing_file : file_of(node->backing),
                               chain_depth(node));
}

static void print_images(BlockNode *node, GString *out)
{
    g_string_append(out, "\nImages:\n");
    for (; node; node = node->backing) {
        g_autoptr(Json) info = image_info(node, file_of(node));

        image_info_print(info, out);
    }
}

static void print_limits(BlockFront *blk, GString *out)
{
    const DriveThrottle *t;

    if (!blk->throttle)
        return;
    t = throttle_limits(blk->throttle);
#define N "%" G_GUINT64_FORMAT
    g_string_append_printf(
        out,
        "    I/O throttling:   bps=" N " bps_rd=" N " bps_wr=" N " bps_max=" N " bps_rd_max=" N
        " bps_wr_max=" N " iops=" N " iops_rd=" N " iops_wr=" N " iops_max=" N " iops_rd_max=" N
        " iops_wr_max=" N " iops_size=" N " group=%s\n",
        t->bps_total, t->bps_read, t->bps_write, t->bps_total_max, t->bps_read_max,
        t->bps_write_max, t->iops_total, t->iops_read, t->iops_write, t->iops_total_max,
        t->iops_read_max, t->iops_write_max, t->iops_size, throttle_group(blk->throttle));
#undef N
}

void drive_info(BlockFront *blk, GString *out, bool verbose)
{
    BlockNode *root = blk->root;

    g_string_append(out, blk->name);
    print_medium(blk, out);
    if (blk->dev)
        g_string_append_printf(out, "    Attached to:      %s\n",
                               blk->dev->id ? blk->dev->id : blk->dev->path);
    if (drive_removable(blk))
        g_string_append_printf(out, "    Removable device: %slocked, tray %s\n",
                               blk->locked ? "" : "not ", blk->tray_open ? "open" : "closed");
    if (blk->io_status)
        g_string_append_printf(out, "    I/O status:       %s\n",
                               blk->io_status == ENOSPC ? "nospace" : "failed");
    if (!root)
        return;
    print_cache(root, blk->write_through, out);
    print_backing(root, out);
    if (blk->detect_zeroes)
        g_string_append_printf(out, "    Detect zeroes:    %s\n", detect_names[blk->detect_zeroes]);
    print_limits(blk, out);
    if (verbose)
        print_images(root, out);
}

/* Nodes below a drive's have names only from here on: nobody asked before. */
static bool node_info(DriveList *list, BlockNode *node, const char *name, GString *out,
                      bool verbose)
{
    bool shown = false;

    if (!node)
        return false;
    if (!node->node_name)
        node->node_name = g_strdup_printf("#block%03u", list->n_nodes++);
    if (!name || !strcmp(name, node->node_name)) {
        g_string_append_printf(out, "%s%s: %s (%s%s)\n", out->len ? "\n" : "", node->node_name,
                               file_of(node), node->drv->name,
                               node_writable(node) ? "" : ", read-only");
        print_cache(node, false, out);
        print_backing(node, out);
        if (verbose)
            print_images(node, out);
        shown = true;
    }
    return node_info(list, node->file, name, out, verbose) |
           node_info(list, node->backing, name, out, verbose) | shown;
}

bool drive_nodes_info(Vm *vm, const char *name, GString *out, bool verbose)
{
    bool shown = false;

    for (BlockFront *b = NULL; (b = drive_next(vm, b));)
        shown |= node_info(vm->drives, b->root, name, out, verbose);
    return shown;
}

/* The image and, one inside the other, what it stands on. */
static Json *chain_json(BlockNode *node)
{
    Json *j = image_info(node, file_of(node));

    if (node->backing)
        json_set(j, "backing-image", chain_json(node->backing));
    return j;
}

static Json *cache_json(const BlockFront *blk)
{
    Json *j = json_obj();

    json_set(j, "no-flush", json_bool(blk->root->flags & NODE_NO_FLUSH));
    json_set(j, "direct", json_bool(blk->root->flags & NODE_DIRECT));
    json_set(j, "writeback", json_bool(!blk->write_through));
    return j;
}

static Json *inserted_json(const BlockFront *blk)
{
    const DriveThrottle none = { 0 }, *t = blk->throttle ? throttle_limits(blk->throttle) : &none;
    BlockNode *root = blk->root;
    Json *j = json_obj();

    json_set(j, "ro", json_bool(!blk->writable));
    json_set(j, "node-name", json_str(root->node_name));
    json_set(j, "backing_file_depth", json_int(chain_depth(root)));
    json_set(j, "drv", json_str(root->drv->name));
    json_set(j, "iops_rd", json_int(t->iops_read));
    json_set(j, "iops_wr", json_int(t->iops_write));
    json_set(j, "iops", json_int(t->iops_total));
    json_set(j, "bps_rd", json_int(t->bps_read));
    json_set(j, "bps_wr", json_int(t->bps_write));
    json_set(j, "bps", json_int(t->bps_total));
    if (blk->throttle)
        json_set(j, "group", json_str(throttle_group(blk->throttle)));
    json_set(j, "write_threshold", json_int(0));
    json_set(j, "encrypted", json_bool(false));
    json_set(j, "image", chain_json(root));
    json_set(j, "cache", cache_json(blk));
    json_set(j, "file", json_str(file_of(root)));
    json_set(j, "detect_zeroes", json_str(detect_names[blk->detect_zeroes]));
    if (root->backing_file)
        json_set(j, "backing_file", json_str(root->backing_file));
    return j;
}

Json *drive_json(BlockFront *blk)
{
    Json *j = json_obj();

    json_set(j, "io-status",
             json_str(!blk->io_status            ? "ok"
                      : blk->io_status == ENOSPC ? "nospace"
                                                 : "failed"));
    json_set(j, "device", json_str(blk->name));
    json_set(j, "locked", json_bool(blk->locked));
    json_set(j, "removable", json_bool(drive_removable(blk)));
    if (blk->root)
        json_set(j, "inserted", inserted_json(blk));
    if (blk->dev)
        json_set(j, "qdev", json_str(blk->dev->id ? blk->dev->id : blk->dev->path));
    if (blk->ops && blk->ops->tray)
        json_set(j, "tray_open", json_bool(blk->tray_open));
    json_set(j, "type", json_str("unknown"));
    return j;
}

/* ---- counters ---- */

static FrontStats stats_now(BlockFront *blk)
{
    FrontStats s;

    g_mutex_lock(&blk->lock);
    s = blk->stats;
    g_mutex_unlock(&blk->lock);
    return s;
}

static int64_t idle_ns(const FrontStats *s)
{
    return s->last ? (g_get_monotonic_time() - s->last) * 1000 : 0;
}

void drive_stats(BlockFront *blk, GString *out)
{
    FrontStats s = stats_now(blk);

#define N "%" G_GINT64_FORMAT
    g_string_append_printf(out,
                           "%s: rd_bytes=" N " wr_bytes=" N " rd_operations=" N " wr_operations=" N
                           " flush_operations=" N " wr_total_time_ns=" N " rd_total_time_ns=" N
                           " flush_total_time_ns=" N " rd_merged=0 wr_merged=0 idle_time_ns=" N
                           "\n",
                           blk->name, s.rd_bytes, s.wr_bytes, s.rd_ops, s.wr_ops, s.flush_ops,
                           s.wr_ns, s.rd_ns, s.flush_ns, idle_ns(&s));
#undef N
}

static Json *counters_json(const FrontStats *s, const DriveArgs *args)
{
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        { "rd_bytes", s->rd_bytes },
        { "wr_bytes", s->wr_bytes },
        { "unmap_bytes", s->unmap_bytes },
        { "rd_operations", s->rd_ops },
        { "wr_operations", s->wr_ops },
        { "flush_operations", s->flush_ops },
        { "unmap_operations", s->unmap_ops },
        { "rd_total_time_ns", s->rd_ns },
        { "wr_total_time_ns", s->wr_ns },
        { "flush_total_time_ns", s->flush_ns },
        { "unmap_total_time_ns", s->unmap_ns },
        { "wr_highest_offset", s->wr_highest },
        { "rd_merged", 0 },
        { "wr_merged", 0 },
        { "unmap_merged", 0 },
        { "failed_rd_operations", s->rd_failed },
        { "failed_wr_operations", s->wr_failed },
        { "failed_flush_operations", s->flush_failed },
        { "failed_unmap_operations", 0 },
        { "invalid_rd_operations", 0 },
        { "invalid_wr_operations", 0 },
        { "invalid_flush_operations", 0 },
        { "invalid_unmap_operations", 0 },
    };
    Json *j = json_obj();

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        json_set(j, rows[i].name, json_uint(rows[i].value));
    json_set(j, "account_invalid", json_bool(args->stats_invalid));
    json_set(j, "account_failed", json_bool(args->stats_failed));
    json_set(j, "timed_stats", json_list());
    if (s->last)
        json_set(j, "idle_time_ns", json_int(idle_ns(s)));
    return j;
}

Json *drive_stats_json(BlockFront *blk)
{
    FrontStats s = stats_now(blk);
    Json *j = json_obj();

    json_set(j, "device", json_str(blk->name));
    if (blk->dev)
        json_set(j, "qdev", json_str(blk->dev->id ? blk->dev->id : blk->dev->path));
    if (blk->root)
        json_set(j, "node-name", json_str(blk->root->node_name));
    json_set(j, "stats", counters_json(&s, &blk->args));
    return j;
}
