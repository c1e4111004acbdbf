/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The block graph: making, opening, counting and draining nodes. */
#include "block/node.h"

#include <string.h>

#include "block/error.h"
#include "block/probe.h"
#include "util/json.h"

/* A chain longer than this is one that refers to itself, or nothing a disk should be. */
#define CHAIN_MAX 100

/* ---- requests ---- */

static bool must_wait(const NodeReq *me)
{
    for (const NodeReq *r = me->prev; r; r = r->prev) {
        if (r->write && (r->serial || me->serial) && r->off < me->end && me->off < r->end)
            return true;
    }
    return false;
}

static void node_wait_co(BlockNode *node)
{
    node->n_waiting++;
    co_queue_wait_co(&node->waiters, &node->lock);
    node->n_waiting--;
}

void node_begin_co(BlockNode *node, NodeReq *r, uint64_t off, uint64_t len, bool write, bool serial)
{
    *r = (NodeReq){ .off = off, .end = off + len, .write = write, .serial = serial };
    g_mutex_lock(&node->lock);
    while (node->draining)
        node_wait_co(node);
    r->seq = ++node->seq;
    r->prev = node->last;
    if (node->last)
        node->last->next = r;
    else
        node->first = r;
    node->last = r;
    /* only earlier ones are waited for: nobody waits in a circle */
    if (write && node->limits.align > 1) {
        while (must_wait(r))
            node_wait_co(node);
    }
    g_mutex_unlock(&node->lock);
}

void node_end(BlockNode *node, NodeReq *r)
{
    g_mutex_lock(&node->lock);
    if (r->prev)
        r->prev->next = r->next;
    else
        node->first = r->next;
    if (r->next)
        r->next->prev = r->prev;
    else
        node->last = r->prev;
    if (node->n_waiting)
        co_queue_wake(&node->waiters);
    g_mutex_unlock(&node->lock);
}

uint64_t node_stamp(BlockNode *node)
{
    uint64_t seq;

    g_mutex_lock(&node->lock);
    seq = node->seq;
    g_mutex_unlock(&node->lock);
    return seq;
}

bool node_quiet(BlockNode *node, uint64_t stamp)
{
    bool quiet;

    g_mutex_lock(&node->lock);
    quiet = !node->first || node->first->seq > stamp;
    g_mutex_unlock(&node->lock);
    return quiet;
}

void node_drain_co(BlockNode *node)
{
    g_mutex_lock(&node->lock);
    node->draining++;
    while (node->first)
        node_wait_co(node);
    g_mutex_unlock(&node->lock);
}

void node_undrain(BlockNode *node)
{
    g_mutex_lock(&node->lock);
    g_assert(node->draining);
    if (!--node->draining)
        co_queue_wake(&node->waiters);
    g_mutex_unlock(&node->lock);
}

/* ---- life ---- */

BlockNode *node_ref(BlockNode *node)
{
    g_atomic_ref_count_inc(&node->ref);
    return node;
}

static void node_free_co(BlockNode *node)
{
    if (node->file)
        node_unref_co(node->file);
    if (node->backing)
        node_unref_co(node->backing);
    g_mutex_clear(&node->lock);
    g_free(node->priv);
    g_free(node->filename);
    g_free(node->node_name);
    g_free(node->backing_file);
    g_free(node->backing_format);
    g_free(node);
}

void node_unref_co(BlockNode *node)
{
    if (!node || !g_atomic_ref_count_dec(&node->ref))
        return;
    g_assert(!node->first);
    if (node->drv->close_co)
        node->drv->close_co(node);
    node_free_co(node);
}

BlockNode *node_new_co(const BlockDriver *drv, const void *args, const char *filename,
                       unsigned flags, BlockNode *file, BlockNode *backing, GError **err)
{
    BlockNode *node = g_new0(BlockNode, 1);

    node->drv = drv;
    node->priv = g_malloc0(MAX(drv->size, 1));
    node->filename = g_strdup(filename);
    node->flags = flags;
    node->file = file;
    node->backing = backing ? node_ref(backing) : NULL;
    node->limits = (BlockLimits){ .align = 1, .mem_align = 1 };
    g_atomic_ref_count_init(&node->ref);
    g_mutex_init(&node->lock);
    if (drv->open_co(node, args, err) < 0) {
        node_free_co(node);
        return NULL;
    }
    return node;
}

bool node_writable(const BlockNode *node)
{
    return node->flags & NODE_RDWR;
}

int64_t node_length(BlockNode *node)
{
    return node->drv->length ? node->drv->length(node) : node_length(node->file);
}

/* ---- opening by name ---- */

/* The keys that are for the driver's own rows; "file" and what names drivers are ours. */
static Json *rest_of_format(const NodeOpts *o)
{
    Json *own = o->rest ? json_copy(o->rest) : json_obj(), *name = json_get(own, "filename");

    json_remove(own, "driver");
    json_remove(own, "file");
    json_remove(own, "backing");
    if (name && !g_strcmp0(name->s, o->filename)) /* driver=host_device,filename= */
        json_remove(own, "filename");
    return own;
}

/* file.locking= and the like; NULL: none */
static Json *rest_of_file(const Json *rest)
{
    Json *file = rest ? json_get(rest, "file") : NULL, *own;

    if (!file || (file->kind != J_OBJ && file->kind != J_KV))
        return NULL;
    own = json_copy(file);
    json_remove(own, "driver");
    return own;
}

/* NULL: the driver takes no arguments; else its struct, to be freed with its rows */
static bool driver_args(const BlockDriver *drv, const Json *own, const char *filename, void **args,
                        GError **err)
{
    const Prop *end = drv->open_props;

    *args = NULL;
    if (!end) {
        if (own && own->n)
            return block_fail(err, "Driver '%s' has no option '%s'", drv->name, own->mem[0].key);
        return true;
    }
    while (end->kind != P_END)
        end++;
    *args = g_malloc0(end->off);
    prop_defaults(drv->open_props, *args);
    if (!own || prop_parse_json(drv->open_props, own, *args, NULL, err))
        return true;
    g_prefix_error(err, "Could not open '%s': ", filename);
    prop_free(drv->open_props, *args);
    g_free(*args);
    return false;
}

static void driver_args_free(const BlockDriver *drv, void *args)
{
    if (args)
        prop_free(drv->open_props, args);
    g_free(args);
}

BlockNode *node_open_file_co(const NodeOpts *o, GError **err)
{
    const char *path;
    g_autofree char *protocol = block_protocol(o->filename, &path);
    g_autoptr(Json) own = rest_of_file(o->rest);
    const BlockDriver *drv;
    BlockNode *node;
    void *args;

    if (protocol) {
        block_fail(err, "Could not open '%s': %s", o->filename, block_protocol_reason(protocol));
        return NULL;
    }
    drv = block_driver(!file_is_device(path) ? "file"
                       : file_is_cdrom(path) ? "host_cdrom"
                                             : "host_device");
    if (!driver_args(drv, own, o->filename, &args, err))
        return NULL;
    node = node_new_co(drv, args, path, o->flags, NULL, NULL, err);
    driver_args_free(drv, args);
    return node;
}

/* What `format=` names, or what the image's first bytes say. */
static const BlockDriver *choose_format_co(const NodeOpts *o, BlockNode *file, unsigned *flags,
                                           GError **err)
{
    uint8_t head[PROBE_SIZE] = { 0 };
    const BlockDriver *drv;
    const char *other;
    int ret;

    if (o->format) {
        drv = block_driver(o->format);
        if (!drv)
            block_unknown_format(o->format, err);
        if (!drv || !block_driver_is_protocol(drv))
            return drv;
        if (drv != file->drv && (file->drv == block_driver("file") || drv == block_driver("file") ||
                                 drv == block_driver("host_cdrom"))) {
            block_fail(err, "'%s' driver requires '%s' to be %s", drv->name, o->filename,
                       drv == block_driver("file")         ? "a regular file"
                       : drv == block_driver("host_cdrom") ? "a CD-ROM drive"
                                                           : "a block device");
            return NULL;
        }
        return block_driver("raw");
    }
    ret = node_read_co(file, 0, head, MIN(sizeof(head), (uint64_t)MAX(node_length(file), 0)));
    if (ret < 0) {
        block_fail(err, "Could not read '%s' to find its format: %s", o->filename,
                   g_strerror(-ret));
        return NULL;
    }
    other = block_probe_other(head, sizeof(head));
    if (other) {
        block_fail(err, "Could not open '%s': its format is '%s', which is not supported yet",
                   o->filename, other);
        return NULL;
    }
    drv = block_probe(head, sizeof(head), o->filename);
    if (!strcmp(drv->name, "raw"))
        *flags |= NODE_PROBED_RAW;
    return drv;
}

BlockNode *node_open_co(const NodeOpts *o, GError **err)
{
    BlockNode *file = node_open_file_co(o, err), *node = NULL;
    g_autoptr(Json) own = rest_of_format(o);
    unsigned flags = o->flags;
    const BlockDriver *drv;
    void *args;

    if (!file)
        return NULL;
    drv = choose_format_co(o, file, &flags, err);
    if (!drv || !driver_args(drv, own, o->filename, &args, err)) {
        node_unref_co(file);
        return NULL;
    }
    node = node_new_co(drv, args, o->filename, flags, file, o->backing, err);
    driver_args_free(drv, args);
    if (!node) {
        g_prefix_error(err, "Could not open '%s': ", o->filename);
        return NULL;
    }
    if (!node->backing && !(flags & NODE_NO_BACKING) &&
        node_open_backing_co(node, o->depth, err) < 0) {
        node_unref_co(node);
        return NULL;
    }
    return node;
}

int node_open_backing_co(BlockNode *node, unsigned depth, GError **err)
{
    g_autofree char *path = NULL;
    NodeOpts o = { .format = node->backing_format,
                   .flags = node->flags & (NODE_DIRECT | NODE_SHARE | NODE_CHECK | NODE_INFO),
                   .depth = depth + 1 };

    if (!node->backing_file)
        return 0;
    if (depth >= CHAIN_MAX) {
        block_fail(err, "The chain of backing files of '%s' refers to itself or has more than %d",
                   node->filename, CHAIN_MAX);
        return -ELOOP;
    }
    path = block_path(node->filename, node->backing_file);
    o.filename = path;
    node->backing = node_open_co(&o, err);
    if (!node->backing) {
        g_prefix_error(err, "Could not open backing file: ");
        return -EINVAL;
    }
    return 0;
}
