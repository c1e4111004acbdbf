/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory back ends and main memory. One address range is reserved for a whole region; each part
 * that has a file or a memfd is mapped over its piece of it, so that a region stays contiguous
 * whatever it is made of. NUMA policy by mbind(2), huge pages by hugetlbfs or MFD_HUGETLB.
 */
#include "core/ram.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <linux/mempolicy.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "core/machine.h"
#include "core/memory-int.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static bool ram_fail(GError **err, const char *what, const char *name)
{
    return user_fail(err, "%s '%s': %s", what, name, g_strerror(errno));
}

/* ---- files ---- */

static uint64_t page_size_of(int fd)
{
    struct statfs fs;

    if (fstatfs(fd, &fs) == 0 && fs.f_type == HUGETLBFS_MAGIC)
        return fs.f_bsize;
    return 4096;
}

/* A file of ours in that folder, without a name: gone when we are. */
static int open_in_folder(const char *folder, const char *id)
{
    g_autofree char *base = g_strdelimit(g_strdup(id), "/", '_');
    g_autofree char *path = g_strdup_printf("%s/qemu_back_mem.%s.XXXXXX", folder, base);
    int fd = mkostemp(path, O_CLOEXEC);

    if (fd >= 0)
        unlink(path);
    return fd;
}

/* Opens or makes the file and sees that it is large enough. */
static bool open_path(RamBackend *b, GError **err)
{
    struct stat st;

    b->fd = open(b->path, O_RDWR | O_CLOEXEC);
    if (b->fd < 0 && errno == EISDIR)
        b->fd = open_in_folder(b->path, b->obj.id);
    else if (b->fd < 0 && errno == ENOENT)
        b->fd = open(b->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (b->fd < 0 || fstat(b->fd, &st) != 0)
        return ram_fail(err, "can't open backing store for guest RAM", b->path);
    if (S_ISREG(st.st_mode) && st.st_size && (uint64_t)st.st_size < b->args.size)
        return user_fail(err,
                         "backing store %s has 0x%" PRIx64
                         " bytes, which does not match 'size' option "
                         "0x%" PRIx64,
                         b->path, (uint64_t)st.st_size, b->args.size);
    return st.st_size || !S_ISREG(st.st_mode) || ftruncate(b->fd, b->args.size) == 0 ||
           ram_fail(err, "cannot make room for guest RAM in", b->path);
}

static bool open_memfd(RamBackend *b, GError **err)
{
    unsigned flags = MFD_CLOEXEC | (b->seal ? MFD_ALLOW_SEALING : 0);

    if (b->hugetlb)
        flags |= MFD_HUGETLB;
    if (b->hugetlb > 1)
        flags |= (unsigned)__builtin_ctzll(b->hugetlb) << 26; /* MFD_HUGE_SHIFT */
    b->fd = memfd_create(b->obj.id, flags);
    if (b->fd < 0 || ftruncate(b->fd, b->args.size) != 0)
        return ram_fail(err, "failed to create memfd for", b->obj.id);
    if (b->seal)
        fcntl(b->fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
    return true;
}

/* ---- a part of the address range ---- */

static bool bind_nodes(const RamBackend *b, uint8_t *at, uint64_t size, GError **err)
{
    static const int modes[] = { MPOL_DEFAULT, MPOL_PREFERRED, MPOL_BIND, MPOL_INTERLEAVE };
    unsigned long mask[1024 / 64] = { 0 };

    for (size_t i = 0; i < b->args.host_nodes.n; i++) {
        int64_t node = b->args.host_nodes.at[i];
        if (node < 0 || node >= 1023)
            return user_fail(err, "host-nodes: there is no node %" PRId64, node);
        mask[node / 64] |= 1ul << node % 64;
    }
    if (b->args.policy == RAM_POLICY_DEFAULT) {
        if (!b->args.host_nodes.n)
            return true;
        return user_fail(err, "host-nodes must be empty for policy default");
    }
    if (!b->args.host_nodes.n)
        return user_fail(err, "host-nodes must be set for this policy");
    return syscall(SYS_mbind, at, size, modes[b->args.policy], mask, 1024, 0) == 0 ||
           ram_fail(err, "cannot bind memory to host NUMA nodes of", b->obj.id);
}

typedef struct Prealloc {
    uint8_t *at;
    uint64_t size;
    int error;
} Prealloc;

/* Every page is there afterwards; on kernels before 5.14 by touching each. */
static void *prealloc_run(void *arg)
{
    Prealloc *p = arg;

    if (madvise(p->at, p->size, MADV_POPULATE_WRITE) == 0)
        return NULL;
    if (errno != EINVAL) {
        p->error = errno;
        return NULL;
    }
    for (uint64_t i = 0; i < p->size; i += 4096) {
        volatile uint8_t *byte = p->at + i;
        *byte = *byte;
    }
    return NULL;
}

static bool prealloc(uint8_t *at, uint64_t size, unsigned threads, GError **err)
{
    Prealloc job[16] = { 0 };
    GThread *thread[16];
    unsigned n = CLAMP(threads, 1, 16);
    uint64_t piece = ((size / n >> 30) + 1) << 30;
    int error = 0;

    for (unsigned i = 0; i < n; i++) {
        uint64_t from = MIN(size, i * piece);
        job[i] = (Prealloc){ at + from, MIN(piece, size - from), 0 };
        thread[i] = job[i].size ? g_thread_new("prealloc", prealloc_run, &job[i]) : NULL;
    }
    for (unsigned i = 0; i < n; i++) {
        if (thread[i])
            g_thread_join(thread[i]);
        error = error ? error : job[i].error;
    }
    if (error)
        user_fail(err, "preallocating %" PRIu64 " MiB of guest memory failed: %s", size >> 20,
                  g_strerror(error == EFAULT ? ENOMEM : error));
    return !error;
}

/* Over a piece of the range, which is anonymous memory without a reservation. */
static bool map_backend(RamBackend *b, uint8_t *at, GError **err)
{
    uint64_t page = b->fd < 0 ? 4096 : page_size_of(b->fd);
    int flags = MAP_FIXED | (b->args.reserve ? 0 : MAP_NORESERVE) |
                (b->args.share == 1 ? MAP_SHARED : MAP_PRIVATE) | (b->fd < 0 ? MAP_ANONYMOUS : 0);

    if (b->args.size % page || (uintptr_t)at % page)
        return user_fail(err, "memory of '%s' must be a multiple of its page size, 0x%" PRIx64,
                         b->obj.id, page);
    if (mmap(at, b->args.size, PROT_READ | PROT_WRITE, flags, b->fd, 0) == MAP_FAILED)
        return ram_fail(err, "unable to map backing store for guest RAM of", b->obj.id);
    if (b->fd < 0)
        madvise(at, b->args.size, MADV_HUGEPAGE); /* as the range was */
    return true;
}

/* AUTO: as -machine says */
static void advise(Vm *vm, const RamBackend *b, uint8_t *at, uint64_t size)
{
    const RamConf *conf = vm->conf ? &vm->conf->ram : &(RamConf){ 0 };
    bool merge = b && b->args.merge != AUTO ? b->args.merge : !conf->no_merge;
    bool dump = b && b->args.dump != AUTO ? b->args.dump : !conf->no_dump;

    /* hints: a kernel without KSM refuses the first */
    if (merge)
        madvise(at, size, MADV_MERGEABLE);
    if (!dump)
        madvise(at, size, MADV_DONTDUMP);
}

static bool map_part(Region *r, const RamPart *part, uint64_t off, GError **err)
{
    RamBackend *b = part->backend;
    uint8_t *at = r->host + off;

    if (b && (b->fd >= 0 || b->args.reserve) && !map_backend(b, at, err))
        return false;
    advise(r->owner->vm, b, at, part->size);
    if (!b)
        return true;
    if (!bind_nodes(b, at, part->size, err))
        return false;
    if (b->args.prealloc && !prealloc(at, part->size, b->args.prealloc_threads, err))
        return false;
    b->mapped = true;
    object_use(&b->obj, 1);
    return true;
}

bool region_init_ram_parts(Region *r, Device *d, const char *name, const RamPart *part, unsigned n,
                           GError **err)
{
    uint64_t size = 0, off = 0, align = 0;

    for (unsigned i = 0; i < n; i++) {
        RamBackend *b = part[i].backend;
        size += part[i].size;
        if (b && b->fd >= 0)
            align = MAX(align, MAX(b->align, page_size_of(b->fd)));
    }
    if (!region_init_aligned(r, d, name, size, align, err))
        return false;
    for (unsigned i = 0; i < n; off += part[i++].size) {
        if (!map_part(r, &part[i], off, err))
            return false;
        r->shared |= part[i].backend && part[i].backend->args.share == 1;
    }
    if (n == 1 && part->backend && part->backend->args.share == 1)
        r->fd = part->backend->fd;
    return true;
}

/* ---- main memory ---- */

RamBackend *ram_backend_get(Vm *vm, const char *id, GError **err)
{
    RamBackend *b = (RamBackend *)object_get(vm, id, "memory-backend-", err);

    if (b && b->mapped) {
        user_fail(err, "memory backend '%s' is used already: make one for each use", id);
        return NULL;
    }
    return b;
}

/* -mem-path, -mem-prealloc: what a memory-backend-file (or -ram) of that name would be */
static RamBackend *backend_of_options(Vm *vm, const char *name, uint64_t size, GError **err)
{
    const RamConf *conf = &vm->conf->ram;
    g_autofree char *text =
        g_strdup_printf("%s,id=%s,size=%" PRIu64 ",prealloc=%s",
                        conf->path ? "memory-backend-file" : "memory-backend-ram", name, size,
                        conf->prealloc ? "on" : "off");
    ObjectArgs args;
    g_autofree char *path = NULL;

    if (conf->path) {
        g_auto(GStrv) parts = g_strsplit(conf->path, ",", -1);
        g_autofree char *doubled = g_strjoinv(",,", parts);
        path = g_strconcat(text, ",mem-path=", doubled, NULL);
    }
    prop_defaults(ObjectArgs_rows, &args);
    bool ok = prop_parse_kv(ObjectArgs_rows, "qom-type", path ? path : text, &args, vm, err) &&
              object_new(vm, &args, err);
    prop_free(ObjectArgs_rows, &args);
    return ok ? ram_backend_get(vm, name, err) : NULL;
}

static bool nodes_init(Region *r, Device *d, const char *name, GError **err)
{
    const NumaConf *numa = &d->vm->conf->numa;
    g_autofree RamPart *part = g_new0(RamPart, numa->n);
    unsigned n = 0;

    for (unsigned i = 0; i < numa->n; i++) {
        const NumaNode *node = &numa->node[i];
        if (!node->mem)
            continue;
        part[n].size = node->mem;
        if (node->memdev && !(part[n].backend = ram_backend_get(d->vm, node->memdev, err)))
            return false;
        n++;
    }
    return region_init_ram_parts(r, d, name, part, n, err);
}

bool region_init_main_ram(Region *r, Device *d, const char *name, uint64_t size, GError **err)
{
    const MachineConf *conf = d->vm->conf;
    RamPart part = { size, NULL };

    if (conf->numa.n && conf->numa.node[0].memdev)
        return nodes_init(r, d, name, err);
    if (conf->ram.backend)
        part.backend = ram_backend_get(d->vm, conf->ram.backend, err);
    else if (conf->ram.path || conf->ram.prealloc)
        part.backend = backend_of_options(d->vm, name, size, err);
    else
        return region_init_ram_parts(r, d, name, &part, 1, err);
    return part.backend && region_init_ram_parts(r, d, name, &part, 1, err);
}

/* ---- the objects ---- */

static const char *const policy_names[] = { "default", "preferred", "bind", "interleave", NULL };

typedef struct FileArgs {
    RamArgs ram;
    char *path;
    uint64_t align;
    bool discard, pmem, readonly;
} FileArgs;
typedef struct MemfdArgs {
    RamArgs ram;
    uint64_t hugetlbsize;
    bool hugetlb, seal;
} MemfdArgs;

/* clang-format off */
const Prop RamArgs_rows[] = {
    NEED_SIZE(RamArgs, size,             "size",                        "bytes"),
    PROP_BOOL(RamArgs, merge,            "merge",            AUTO,      "let the host merge equal pages"),
    PROP_BOOL(RamArgs, dump,             "dump",             AUTO,      "part of a core dump of the process"),
    PROP_BOOL(RamArgs, prealloc,         "prealloc",         false,     "take the memory from the host at once"),
    PROP_RANGE(RamArgs, prealloc_threads, "prealloc-threads", 1, 1, 64, "how many threads do that"),
    PROP_STR (RamArgs, prealloc_context, "prealloc-context", NULL,      "thread context for them"),
    PROP_BOOL(RamArgs, share,            "share",            AUTO,      "other processes see what is written"),
    PROP_BOOL(RamArgs, reserve,          "reserve",          true,      "reserve swap space or huge pages"),
    PROP_LIST(RamArgs, host_nodes,       "host-nodes",       Int,       "host NUMA nodes of policy"),
    PROP_ENUM(RamArgs, policy,           "policy",           0, policy_names, "host NUMA policy"),
    PROP_END (RamArgs)
};
static const Prop FileArgs_rows[] = {
    PROP_BASE(FileArgs, ram, RamArgs),
    NEED_STR (FileArgs, path,     "mem-path",            "file, or folder (of hugetlbfs)"),
    PROP_SIZE(FileArgs, align,    "align",        0,     "alignment in our address space"),
    PROP_BOOL(FileArgs, discard,  "discard-data", false, "what was written need not be kept at the end"),
    PROP_BOOL(FileArgs, pmem,     "pmem",         false, "persistent memory"),
    PROP_BOOL(FileArgs, readonly, "readonly",     false, "the guest cannot write"),
    PROP_END (FileArgs)
};
static const Prop MemfdArgs_rows[] = {
    PROP_BASE(MemfdArgs, ram, RamArgs),
    PROP_BOOL(MemfdArgs, hugetlb,     "hugetlb",     false, "huge pages"),
    PROP_SIZE(MemfdArgs, hugetlbsize, "hugetlbsize", 0,     "of that size; 0: the host's default"),
    PROP_BOOL(MemfdArgs, seal,        "seal",        true,  "its size cannot be changed"),
    PROP_END (MemfdArgs)
};
/* clang-format on */

/* What is alike; the struct takes over the lists and strings it keeps. */
static bool backend_open(RamBackend *b, const RamArgs *args, GError **err)
{
    b->fd = -1;
    b->args = *args;
    b->args.prealloc_context = NULL;
    b->args.host_nodes.at = args->host_nodes.n
                                ? g_memdup2(args->host_nodes.at, args->host_nodes.n * sizeof(Int))
                                : NULL;
    if (args->prealloc_context)
        user_fail(err, "prealloc-context= is not supported: there are no thread contexts");
    else if (args->prealloc && !args->reserve)
        user_fail(err, "'prealloc=on' and 'reserve=off' are incompatible");
    else if (!args->size)
        user_fail(err, "property 'size' of memory backend doesn't take value '0'");
    else if (args->size % 4096)
        user_fail(err, "size: %" PRIu64 " bytes are no whole pages", args->size);
    else
        return true;
    return false;
}

static bool ram_open(Object *o, const void *args, GError **err)
{
    RamBackend *b = (RamBackend *)o;

    if (!backend_open(b, args, err))
        return false;
    /* shared: the same as a memfd */
    return b->args.share != 1 || open_memfd(b, err);
}

static bool file_open(Object *o, const void *args, GError **err)
{
    RamBackend *b = (RamBackend *)o;
    const FileArgs *a = args;

    if (!backend_open(b, &a->ram, err))
        return false;
    b->path = g_strdup(a->path);
    b->align = a->align;
    b->discard = a->discard;
    if (a->pmem || a->readonly)
        return user_fail(err, "%s=on is not supported yet", a->pmem ? "pmem" : "readonly");
    if (a->align & (a->align - 1))
        return user_fail(err, "align: 0x%" PRIx64 " is not a power of two", a->align);
    return open_path(b, err);
}

static bool memfd_open(Object *o, const void *args, GError **err)
{
    RamBackend *b = (RamBackend *)o;
    const MemfdArgs *a = args;

    if (!backend_open(b, &a->ram, err))
        return false;
    if (b->args.share == AUTO)
        b->args.share = true;
    b->seal = a->seal;
    b->hugetlb = a->hugetlbsize ? a->hugetlbsize : a->hugetlb;
    if (a->hugetlbsize & (a->hugetlbsize - 1))
        return user_fail(err, "hugetlbsize: 0x%" PRIx64 " is not a power of two", a->hugetlbsize);
    return open_memfd(b, err);
}

static void backend_close(Object *o)
{
    RamBackend *b = (RamBackend *)o;

    if (b->fd >= 0 && b->discard &&
        fallocate(b->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, b->args.size) != 0) {
        /* then the bytes stay: nobody asked for more than a hint */
    }
    if (b->fd >= 0)
        close(b->fd);
    g_free(b->path);
    g_free(b->args.host_nodes.at);
}

#define BACKEND(id, type, what, rows, open_fn) \
    static const ObjectType backend_##id = {   \
        .name = type,                          \
        .desc = what,                          \
        .size = sizeof(RamBackend),            \
        .props = rows,                         \
        .open = open_fn,                       \
        .close = backend_close,                \
    };                                         \
    REGISTER(object, backend_##id)

BACKEND(ram, "memory-backend-ram", "anonymous memory", RamArgs_rows, ram_open);
BACKEND(file, "memory-backend-file", "memory in a file", FileArgs_rows, file_open);
BACKEND(memfd, "memory-backend-memfd", "memory that other processes can map", MemfdArgs_rows,
        memfd_open);
