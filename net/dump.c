/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames into a pcap file (libpcap's format 2.4, wireshark.org): `-net dump` records a hub,
 * `-object filter-dump` what goes over one back end's cable. A file that cannot be written any more
 * is said once and ends the recording, never the network.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/object.h"
#include "net/net-int.h"
#include "util/iov.h"
#include "util/log.h"

enum { PCAP_MAGIC = 0xa1b2c3d4, PCAP_ETHERNET = 1, DEFAULT_LENGTH = 65536 };

typedef struct Pcap {
    Vm *vm;
    int fd; /* -1: ended */
    uint32_t max;
    char *path;
} Pcap;

typedef struct PcapHeader {
    uint32_t magic;
    uint16_t major, minor;
    uint32_t zone, accuracy, max, link;
} PcapHeader;
typedef struct PcapRecord {
    uint32_t seconds, us, kept, len;
} PcapRecord;

static void pcap_close(Pcap *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    g_clear_pointer(&c->path, g_free);
}

/* A record is written whole or the file ends before it: no reader stumbles. */
static void pcap_write(Pcap *c, const void *p, size_t n)
{
    off_t before = lseek(c->fd, 0, SEEK_CUR);
    size_t done = 0;

    while (done < n) {
        ssize_t r = write(c->fd, (const char *)p + done, n - done);

        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0) {
            warn_print("%s: the recording of the network ends: %s", c->path,
                       g_strerror(r ? errno : ENOSPC));
            if (done && (before < 0 || ftruncate(c->fd, before) != 0))
                warn_print("%s: its last record is not whole", c->path);
            close(c->fd);
            c->fd = -1;
            return;
        }
        done += (size_t)r;
    }
}

static bool pcap_open(Pcap *c, Vm *vm, const char *path, uint64_t max, GError **err)
{
    PcapHeader h = { PCAP_MAGIC, 2, 4, 0, 0, (uint32_t)max, PCAP_ETHERNET };

    c->vm = vm;
    c->fd = -1;
    if (!max || max > NET_MAX_FRAME)
        return user_fail(err, "len=%" G_GUINT64_FORMAT ": write 1 to %d", max, NET_MAX_FRAME);
    c->max = (uint32_t)max;
    c->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (c->fd < 0)
        return user_fail(err, "can't open '%s': %s", path, g_strerror(errno));
    c->path = g_strdup(path);
    pcap_write(c, &h, sizeof(h));
    return true;
}

static void pcap_frame(Pcap *c, const struct iovec *iov, int n)
{
    int64_t us = clock_now(c->vm, CLOCK_HOST) / 1000;
    size_t len = iov_bytes(iov, n), kept = MIN(len, c->max);
    PcapRecord r = { (uint32_t)(us / 1000000), (uint32_t)(us % 1000000), (uint32_t)kept,
                     (uint32_t)len };
    g_autofree uint8_t *all = NULL;

    if (c->fd < 0)
        return;
    all = g_malloc(sizeof(r) + kept);
    memcpy(all, &r, sizeof(r));
    iov_to_buf(iov, n, 0, all + sizeof(r), kept);
    pcap_write(c, all, sizeof(r) + kept);
}

/* ---- -net dump ---- */

typedef struct Dump {
    NetPort port;
    Pcap file;
} Dump;

typedef struct DumpArgs {
    char *file;
    uint64_t len;
} DumpArgs;

/* clang-format off */
static const Prop DumpArgs_rows[] = {
    PROP_STR (DumpArgs, file, "file", NULL, "file to write (default qemu-vlanN.pcap)"),
    PROP_SIZE(DumpArgs, len,  "len",  DEFAULT_LENGTH,    "bytes of a frame that are kept"),
    PROP_END (DumpArgs)
};
/* clang-format on */

void net_dump_default(void *args, int hub)
{
    DumpArgs *a = args;

    if (!a->file)
        a->file = g_strdup_printf("qemu-vlan%d.pcap", hub);
}

static ssize_t dump_receive(void *o, const struct iovec *iov, int n, const NetMeta *meta)
{
    pcap_frame(&((Dump *)o)->file, iov, n);
    return 1;
}

static bool dump_open(NetPort *p, const void *args, GError **err)
{
    const DumpArgs *a = args;

    return pcap_open(&((Dump *)p)->file, p->vm, a->file ? a->file : "qemu-vlan0.pcap", a->len, err);
}

static void dump_close(NetPort *p)
{
    pcap_close(&((Dump *)p)->file);
}

static void dump_info(NetPort *p, GString *out)
{
    const Pcap *c = &((Dump *)p)->file;

    g_string_append_printf(out, "dump to %s (len=%u)%s", c->path, c->max,
                           c->fd < 0 ? ", ended" : "");
}

static const NetDriver dump = {
    .name = "dump",
    .desc = "records the frames of a hub in a pcap file",
    .size = sizeof(Dump),
    .props = DumpArgs_rows,
    .ops = { .receive = dump_receive },
    .open = dump_open,
    .close = dump_close,
    .info = dump_info,
};
REGISTER(net, dump);

/* ---- -object filter-dump ---- */

typedef struct FilterDump {
    Object obj;
    Pcap file;
    NetPort *port; /* NULL: it was deleted */
    NetWatch watch;
    int8_t queue;
    bool on;
} FilterDump;

enum { QUEUE_ALL, QUEUE_RX, QUEUE_TX };
static const char *const queue_names[] = {
    [QUEUE_ALL] = "all", [QUEUE_RX] = "rx", [QUEUE_TX] = "tx", NULL
};

typedef struct FilterDumpArgs {
    char *netdev, *file, *position;
    int8_t queue;
    bool status;
    uint32_t maxlen;
} FilterDumpArgs;

/* clang-format off */
static const Prop FilterDumpArgs_rows[] = {
    NEED_STR (FilterDumpArgs, netdev,   "netdev",                       "back end whose frames are recorded"),
    NEED_STR (FilterDumpArgs, file,     "file",                         "file to write"),
    PROP_ENUM(FilterDumpArgs, queue,    "queue",  QUEUE_ALL, queue_names, "rx: what it is sent; tx: what it sends"),
    PROP_BOOL(FilterDumpArgs, status,   "status",   true,               "record"),
    PROP_STR (FilterDumpArgs, position, "position", NULL,               "of no meaning for a recorder", PROP_HIDDEN),
    PROP_INT (FilterDumpArgs, maxlen,   "maxlen",   DEFAULT_LENGTH,     "bytes of a frame that are kept"),
    PROP_END (FilterDumpArgs)
};
/* clang-format on */

static void filter_frame(void *o, bool sent, const struct iovec *iov, int n)
{
    FilterDump *f = o;

    if (f->on && f->queue != (sent ? QUEUE_RX : QUEUE_TX))
        pcap_frame(&f->file, iov, n);
}

static void filter_gone(void *o)
{
    ((FilterDump *)o)->port = NULL;
}

static void filter_info(void *o, GString *out)
{
    const FilterDump *f = o;

    g_string_append_printf(out, "%s: type=%s,file=%s,maxlen=%u,status=%s,netdev=%s,queue=%s%s",
                           f->obj.id, f->obj.type->name, f->file.path, f->file.max,
                           f->on ? "on" : "off", f->port->name, queue_names[f->queue],
                           f->file.fd < 0 ? ", ended" : "");
}

static bool filter_open(Object *obj, const void *args, GError **err)
{
    const FilterDumpArgs *a = args;
    FilterDump *f = (FilterDump *)obj;

    f->file.fd = -1;
    f->port = netdev_find(obj->vm, a->netdev);
    if (!f->port)
        return user_fail(err, "network back end '%s' not found", a->netdev);
    if (!pcap_open(&f->file, obj->vm, a->file, a->maxlen, err)) {
        f->port = NULL;
        return false;
    }
    f->queue = a->queue;
    f->on = a->status;
    f->watch = (NetWatch){ filter_frame, filter_gone, filter_info, f };
    net_watch_add(f->port, &f->watch);
    return true;
}

static void filter_close(Object *obj)
{
    FilterDump *f = (FilterDump *)obj;

    if (f->port)
        net_watch_remove(f->port, &f->watch);
    pcap_close(&f->file);
}

static const ObjectType filter_dump = {
    .name = "filter-dump",
    .desc = "records the frames of a network back end in a pcap file",
    .size = sizeof(FilterDump),
    .props = FilterDumpArgs_rows,
    .open = filter_open,
    .close = filter_close,
    .late = true,
};
REGISTER(object, filter_dump);
