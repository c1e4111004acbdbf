/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The protocol of local files and block devices: preadv and pwritev on worker threads. A read that
 * the page cache can answer is served at once (RWF_NOWAIT) and saves the two thread switches.
 *
 * After a failed fdatasync the kernel has dropped the dirty pages and would call the next one a
 * success: with the page cache in use the file stays failed from then on.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/cdrom.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <limits.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "block/create.h"
#include "block/error.h"
#include "block/file-lock.h"
#include "block/node.h"
#include "block/probe.h"
#include "core/set.h"
#include "util/iov.h"

typedef enum { LOCKING_AUTO, LOCKING_ON, LOCKING_OFF } Locking;
static const char *const locking_names[] = {
    [LOCKING_AUTO] = "auto", [LOCKING_ON] = "on", [LOCKING_OFF] = "off", NULL
};
typedef enum { AIO_THREADS, AIO_NATIVE, AIO_IO_URING } Aio;
static const char *const aio_names[] = {
    [AIO_THREADS] = "threads", [AIO_NATIVE] = "native", [AIO_IO_URING] = "io_uring", NULL
};

typedef struct FileArgs {
    char *filename;
    uint8_t locking, aio;
} FileArgs;
static const Prop FileArgs_rows[] = {
    PROP_STR(FileArgs, filename, "filename", NULL, "path of the file"),
    PROP_ENUM(FileArgs, locking, "locking", LOCKING_AUTO, locking_names,
              "lock the image against a second writer"),
    PROP_ENUM(FileArgs, aio, "aio", 0, aio_names, "how requests reach the kernel"),
    PROP_END(FileArgs)
};

typedef struct File {
    int fd;
    bool device, nowait, unlocked; /* unlocked: locking=off */
    GRWLock grow; /* writes share it, so that growing cannot cut one off that extends the file */
    gint failed;  /* errno of a flush that lost data */
    gint no_zero, no_punch;
} File;

static int64_t file_length(BlockNode *);

typedef struct FileJob {
    File *f;
    uint64_t off, len;
    const struct iovec *iov;
    int n, mode, flags;
} FileJob;

static int fd_sync(int fd)
{
    int ret;

    do {
        ret = fdatasync(fd);
    } while (ret < 0 && errno == EINTR);
    return ret < 0 ? -errno : 0;
}

/* ---- moving bytes ---- */

/* The vector after the first `done` bytes, in room for n pieces. */
static int iov_rest(struct iovec *v, const struct iovec *iov, int n, size_t done, size_t total)
{
    return MIN(iov_slice(v, iov, n, done, total - done), IOV_MAX);
}

/* Short counts go on; the end of the file reads as zeros. */
static int file_read_from(FileJob *j, size_t done)
{
    size_t total = iov_bytes(j->iov, j->n);
    g_autofree struct iovec *v = g_new(struct iovec, j->n);

    while (done < total) {
        int n = iov_rest(v, j->iov, j->n, done, total);
        ssize_t got = preadv(j->f->fd, v, n, j->off + done);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0) {
            iov_zero(j->iov, j->n, done, total - done);
            break;
        }
        done += got;
    }
    return 0;
}

static int read_work(void *o)
{
    return file_read_from(o, 0);
}

static int write_all(FileJob *j)
{
    size_t total = iov_bytes(j->iov, j->n), done = 0;
    g_autofree struct iovec *v = g_new(struct iovec, j->n);

    while (done < total) {
        int n = iov_rest(v, j->iov, j->n, done, total);
        ssize_t put = pwritev(j->f->fd, v, n, j->off + done);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -errno;
        if (put == 0)
            return -ENOSPC; /* the end of a block device */
        done += put;
    }
    return 0;
}

static int write_work(void *o)
{
    FileJob *j = o;
    int ret;

    g_rw_lock_reader_lock(&j->f->grow);
    ret = write_all(j);
    g_rw_lock_reader_unlock(&j->f->grow);
    return ret == 0 && j->flags ? fd_sync(j->f->fd) : ret;
}

/* True: answered from the page cache. */
static bool read_now(File *f, uint64_t off, const struct iovec *iov, int n)
{
    ssize_t total = iov_bytes(iov, n), got;

    if (!f->nowait || n > IOV_MAX)
        return false;
    got = preadv2(f->fd, iov, n, off, RWF_NOWAIT);
    if (got < 0 && (errno == EOPNOTSUPP || errno == EINVAL || errno == ENOSYS))
        f->nowait = false;
    return got == total;
}

static int file_rw_co(BlockNode *node, uint64_t off, const struct iovec *iov, int n, bool write,
                      bool fua)
{
    File *f = node->priv;
    FileJob j = { .f = f, .off = off, .iov = iov, .n = n };

    if (!write)
        return read_now(f, off, iov, n) ? 0 : co_work_co(read_work, &j);
    if (g_atomic_int_get(&f->failed))
        return -EIO;
    j.flags = fua && !(node->flags & NODE_NO_FLUSH);
    return co_work_co(write_work, &j);
}

static int flush_work(void *o)
{
    FileJob *j = o;
    int ret = fd_sync(j->f->fd);

    if (ret < 0 && !j->flags)
        g_atomic_int_set(&j->f->failed, -ret);
    return ret;
}

static int file_flush_co(BlockNode *node)
{
    File *f = node->priv;
    FileJob j = { .f = f, .flags = node->flags & NODE_DIRECT };

    if (g_atomic_int_get(&f->failed))
        return -EIO;
    return node->flags & NODE_NO_FLUSH ? 0 : co_work_co(flush_work, &j);
}

/* ---- space ---- */

static int allocate_work(void *o)
{
    FileJob *j = o;
    int ret;

    do {
        ret = fallocate(j->f->fd, j->mode, j->off, j->len);
    } while (ret < 0 && errno == EINTR);
    if (ret < 0)
        return errno == EOPNOTSUPP || errno == ENOSYS || errno == ENODEV || errno == EINVAL
                   ? -ENOTSUP
                   : -errno;
    return j->flags ? fd_sync(j->f->fd) : 0;
}

static int file_zero_co(BlockNode *node, uint64_t off, uint64_t len, bool unmap, bool fua)
{
    File *f = node->priv;
    FileJob j = { .f = f,
                  .off = off,
                  .len = len,
                  .flags = fua && !(node->flags & NODE_NO_FLUSH),
                  .mode = FALLOC_FL_ZERO_RANGE };
    int64_t end = node_length(node);
    int ret;

    /* a hole does not make a file longer */
    if (unmap && (node->flags & NODE_UNMAP) && end >= 0 && off + len <= (uint64_t)end &&
        !g_atomic_int_get(&f->no_punch)) {
        j.mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
        ret = co_work_co(allocate_work, &j);
        if (ret != -ENOTSUP)
            return ret;
        g_atomic_int_set(&f->no_punch, 1);
        j.mode = FALLOC_FL_ZERO_RANGE;
    }
    if (g_atomic_int_get(&f->no_zero))
        return -ENOTSUP;
    ret = co_work_co(allocate_work, &j);
    if (ret == -ENOTSUP)
        g_atomic_int_set(&f->no_zero, 1);
    return ret;
}

static int discard_work(void *o)
{
    FileJob *j = o;
    uint64_t range[2] = { j->off, j->len };

    return ioctl(j->f->fd, BLKDISCARD, range) < 0 ? -ENOTSUP : 0;
}

static int file_discard_co(BlockNode *node, uint64_t off, uint64_t len)
{
    File *f = node->priv;
    FileJob j = {
        .f = f, .off = off, .len = len, .mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE
    };

    return co_work_co(f->device ? discard_work : allocate_work, &j);
}

/* Writes zeros: the only way that leaves nothing to allocate later on any file system. */
static int fill_work(void *o)
{
    FileJob *j = o;
    g_autofree uint8_t *buf = g_malloc0(1 << 20);

    while (j->len) {
        ssize_t put = pwrite(j->f->fd, buf, MIN(j->len, 1 << 20), j->off);

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return put < 0 ? -errno : -ENOSPC;
        j->off += put;
        j->len -= put;
    }
    return 0;
}

static int truncate_work(void *o)
{
    FileJob *j = o;

    return ftruncate(j->f->fd, j->len) < 0 ? -errno : 0;
}

static int file_truncate_co(BlockNode *node, uint64_t len, int prealloc, GError **err)
{
    File *f = node->priv;
    FileJob j = { .f = f, .len = len };
    int64_t old = node_length(node);
    int ret;

    if (f->device)
        ret = old >= 0 && len <= (uint64_t)old ? 0 : -EINVAL;
    else
        ret = len > INT64_MAX ? -EFBIG : co_work_co(truncate_work, &j);
    if (ret == 0 && prealloc >= PREALLOC_FALLOC && len > (uint64_t)old) {
        j.off = old;
        j.len = len - old;
        ret = prealloc == PREALLOC_FALLOC ? co_work_co(allocate_work, &j) : -ENOTSUP;
        if (ret == -ENOTSUP)
            ret = co_work_co(fill_work, &j);
    }
    if (ret < 0)
        block_fail_errno(err, -ret, "Could not resize file '%s'", node->filename);
    return ret;
}

static int grow_work(void *o)
{
    FileJob *j = o;
    struct stat st;
    int ret = 0;

    g_rw_lock_writer_lock(&j->f->grow);
    if (fstat(j->f->fd, &st) < 0 || ((uint64_t)st.st_size < j->len && ftruncate(j->f->fd, j->len)))
        ret = -errno;
    g_rw_lock_writer_unlock(&j->f->grow);
    return ret;
}

static int file_grow_co(BlockNode *node, uint64_t len)
{
    File *f = node->priv;
    FileJob j = { .f = f, .len = len };

    if (f->device)
        return file_length(node) >= (int64_t)len ? 0 : -ENOSPC;
    return len > INT64_MAX ? -EFBIG : co_work_co(grow_work, &j);
}

static int64_t file_length(BlockNode *node)
{
    File *f = node->priv;
    struct stat st;
    uint64_t size;

    if (f->device)
        return ioctl(f->fd, BLKGETSIZE64, &size) < 0 ? -errno : (int64_t)size;
    return fstat(f->fd, &st) < 0 ? -errno : st.st_size;
}

static int64_t file_allocated(BlockNode *node)
{
    File *f = node->priv;
    struct stat st;

    return fstat(f->fd, &st) < 0 ? -errno : (int64_t)st.st_blocks * 512;
}

/* ---- opening ---- */

/* O_DIRECT: the smallest block that the file system reads, and that much for memory too. */
static int file_probe_align(BlockNode *node, File *f)
{
    uint32_t align = 512;
    void *buf;
    int ret = -EINVAL;

    node->limits.max_iov = IOV_MAX;
    if (!(node->flags & NODE_DIRECT))
        return 0;
    if (posix_memalign(&buf, 65536, 65536))
        return -ENOMEM;
    for (; align <= 65536 && ret == -EINVAL; align *= 2)
        ret = pread(f->fd, buf, align, 0) < 0 ? -errno : 0;
    free(buf);
    node->limits.align = align / 2;
    node->limits.mem_align = MAX(align / 2, 512);
    return ret;
}

static int file_check_type(const char *path, File *f, bool want_device, GError **err)
{
    struct stat st;

    if (fstat(f->fd, &st) < 0)
        return block_fail_errno(err, errno, "Could not open '%s'", path), -EINVAL;
    f->device = S_ISBLK(st.st_mode);
    if (want_device ? f->device : S_ISREG(st.st_mode))
        return 0;
    block_fail(err,
               want_device ? "Could not open '%s': it is not a block device"
                           : "Could not open '%s': it must be a regular file or a block device",
               path);
    return -EINVAL;
}

static int file_setup(BlockNode *node, File *f, const FileArgs *a, bool device, GError **err)
{
    int ret = file_check_type(node->filename, f, device, err);

    if (ret < 0)
        return ret;
    ret = file_probe_align(node, f);
    if (ret < 0) {
        block_fail_errno(err, -ret, "Could not open '%s' for direct I/O (cache=none)",
                         node->filename);
        return ret;
    }
    if (a->aio == AIO_NATIVE && !(node->flags & NODE_DIRECT)) {
        block_fail(err, "aio=native was specified, but it requires cache.direct=on, which was not "
                        "specified.");
        return -EINVAL;
    }
    f->nowait = !(node->flags & NODE_DIRECT);
    f->unlocked = a->locking == LOCKING_OFF;
    if (f->unlocked || (node->flags & NODE_SHARE))
        return 0;
    return file_lock(f->fd, node->filename, node_writable(node), err) ? 0 : -EAGAIN;
}

static int open_failed(const BlockNode *node, int number, GError **err)
{
    bool only_read = (node->flags & NODE_RDWR) && (number == EACCES || number == EROFS) &&
                     access(node->filename, R_OK) == 0;

    if (only_read)
        block_fail(err,
                   "Could not open '%s': it can be read, but not written: add snapshot=on or "
                   "readonly=on",
                   node->filename);
    else
        block_fail_errno(err, number, "Could not open '%s'", node->filename);
    return -number;
}

static int file_open_any(BlockNode *node, const FileArgs *a, bool device, GError **err)
{
    File *f = node->priv;
    int mode = (node->flags & NODE_RDWR ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK;
    int ret;

    f->fd = open(node->filename, mode | (node->flags & NODE_DIRECT ? O_DIRECT : 0));
    if (f->fd < 0)
        return open_failed(node, errno, err);
    g_rw_lock_init(&f->grow);
    ret = file_setup(node, f, a, device, err);
    if (ret < 0) {
        g_rw_lock_clear(&f->grow);
        close(f->fd);
    }
    return ret;
}

static int file_open_co(BlockNode *node, const void *args, GError **err)
{
    return file_open_any(node, args, false, err);
}

static int device_open_co(BlockNode *node, const void *args, GError **err)
{
    return file_open_any(node, args, true, err);
}

static bool file_take_lock(BlockNode *node, GError **err)
{
    File *f = node->priv;

    return f->unlocked || file_lock(f->fd, node->filename, node_writable(node), err);
}

static void file_close_co(BlockNode *node)
{
    File *f = node->priv;

    close(f->fd);
    g_rw_lock_clear(&f->grow);
}

/* ---- a real CD-ROM drive ---- */

static int cdrom_status(const File *f)
{
    return ioctl(f->fd, CDROM_DRIVE_STATUS, CDSL_CURRENT);
}

static int cdrom_open_co(BlockNode *node, const void *args, GError **err)
{
    int ret = file_open_any(node, args, true, err);

    if (ret < 0 || cdrom_status(node->priv) >= 0)
        return ret;
    block_fail(err, "Could not open '%s': it is not a CD-ROM drive", node->filename);
    close(((File *)node->priv)->fd);
    g_rw_lock_clear(&((File *)node->priv)->grow);
    return -EINVAL;
}

static int64_t cdrom_length(BlockNode *node)
{
    return cdrom_status(node->priv) == CDS_DISC_OK ? file_length(node) : -ENOMEDIUM;
}

static void cdrom_eject(BlockNode *node, bool open)
{
    File *f = node->priv;

    if (ioctl(f->fd, open ? CDROMEJECT : CDROMCLOSETRAY, 0) < 0)
        block_warn("'%s': the tray did not move: %s", node->filename, g_strerror(errno));
}

static void cdrom_lock(BlockNode *node, bool on)
{
    ioctl(((File *)node->priv)->fd, CDROM_LOCKDOOR, on); /* some drives have no lock */
}

bool file_is_cdrom(const char *path)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    bool yes = fd >= 0 && file_is_device(path) && ioctl(fd, CDROM_DRIVE_STATUS, CDSL_CURRENT) >= 0;

    if (fd >= 0)
        close(fd);
    return yes;
}

BlockNode *file_create_co(const char *filename, GError **err)
{
    NodeOpts o = { .filename = filename, .flags = NODE_RDWR };
    const char *path;
    g_autofree char *protocol = block_protocol(filename, &path);
    BlockNode *node;
    int fd;

    if (protocol) {
        block_fail(err, "Could not create '%s': %s", filename, block_protocol_reason(protocol));
        return NULL;
    }
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
        block_fail_errno(err, errno, "Could not create '%s'", path);
        return NULL;
    }
    close(fd);
    /* emptied only under the lock: it may be somebody's disk */
    node = node_open_file_co(&o, err);
    if (node && !file_is_device(path) && node_truncate_co(node, 0, PREALLOC_OFF, err) < 0) {
        node_unref_co(node);
        return NULL;
    }
    return node;
}

/* clang-format off */
#define FILE_OPS                                                                                  \
    .size = sizeof(File), .open_props = FileArgs_rows, .close_co = file_close_co,                 \
    .rw_co = file_rw_co, .flush_co = file_flush_co, .zero_co = file_zero_co,                      \
    .discard_co = file_discard_co, .truncate_co = file_truncate_co, .length = file_length,        \
    .allocated = file_allocated, .grow_co = file_grow_co, .lock = file_take_lock
/* clang-format on */

static const BlockDriver file = {
    .name = "file", .desc = "local file", .open_co = file_open_co, FILE_OPS
};
REGISTER(block, file);

static const BlockDriver host_device = {
    .name = "host_device", .desc = "block device of the host", .open_co = device_open_co, FILE_OPS
};
REGISTER(block, host_device);

static const BlockDriver host_cdrom = {
    .name = "host_cdrom",
    .desc = "CD-ROM drive of the host",
    .size = sizeof(File),
    .open_props = FileArgs_rows,
    .open_co = cdrom_open_co,
    .close_co = file_close_co,
    .rw_co = file_rw_co,
    .flush_co = file_flush_co,
    .length = cdrom_length,
    .lock = file_take_lock,
    .eject = cdrom_eject,
    .lock_medium = cdrom_lock,
};
REGISTER(block, host_cdrom);
