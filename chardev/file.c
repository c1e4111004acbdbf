/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Output to a file (also /proc/self/fd/2 and FIFOs), input from another one. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chardev/chardev-int.h"

typedef struct FileArgs {
    CharCommon common;
    char *out, *in;
    bool append;
} FileArgs;

/* clang-format off */
static const Prop FileArgs_rows[] = {
    PROP_BASE (FileArgs, common, CharCommon),
    NEED_STR  (FileArgs, out,    "out",           "file that output goes to"),
    PROP_STR  (FileArgs, in,     "in",     NULL,  "file that input comes from"),
    PROP_BOOL (FileArgs, append, "append", false, "add to the file instead of starting it anew"),
    PROP_ALIAS("path", "out"),
    PROP_ALIAS("input-path", "in"),
    PROP_END  (FileArgs)
};
/* clang-format on */

typedef struct FileChar {
    Chardev chr;
    FdPort port;
} FileChar;

static FileChar *file_of(Chardev *c)
{
    return (FileChar *)c;
}

static int file_open_one(const char *path, int flags, GError **err)
{
    int fd = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0666);
    if (fd < 0)
        user_fail(err, "could not open '%s': %s", path, g_strerror(errno));
    return fd;
}

static void file_lost(Chardev *c)
{
    /* the end of an input file: output goes on */
}

static bool file_open(Chardev *c, const void *args, GError **err)
{
    const FileArgs *a = args;
    int in = -1,
        out = file_open_one(a->out, O_WRONLY | O_CREAT | (a->append ? O_APPEND : O_TRUNC), err);
    if (out < 0)
        return false;
    if (a->in && (in = file_open_one(a->in, O_RDONLY, err)) < 0) {
        close(out);
        return false;
    }
    fd_port_init(&file_of(c)->port, c, in, out, file_lost);
    c->filename = g_strdup("file");
    c->open = true;
    return true;
}

static void file_close(Chardev *c)
{
    fd_port_close(&file_of(c)->port);
}

static size_t file_write(Chardev *c, const void *p, size_t n)
{
    return fd_port_write(&file_of(c)->port, p, n);
}

static void file_accept(Chardev *c)
{
    fd_port_accept(&file_of(c)->port);
}

static bool file_wait(Chardev *c, int ms)
{
    return fd_port_wait(&file_of(c)->port, ms);
}

static const CharDriver char_file = {
    .name = "file",
    .desc = "writes to a file",
    .size = sizeof(FileChar),
    .props = FileArgs_rows,
    .open = file_open,
    .close = file_close,
    .write = file_write,
    .accept = file_accept,
    .wait_writable = file_wait,
};
REGISTER(chardev, char_file);

/* ---- a pair of FIFOs: PATH.in and PATH.out, else PATH both ways ---- */

typedef struct PipeArgs {
    CharCommon common;
    char *device;
} PipeArgs;

/* clang-format off */
static const Prop PipeArgs_rows[] = {
    PROP_BASE (PipeArgs, common, CharCommon),
    NEED_STR  (PipeArgs, device, "device", "PATH.in and PATH.out are FIFOs, or PATH is one"),
    PROP_ALIAS("path", "device"),
    PROP_END  (PipeArgs)
};
/* clang-format on */

/* Read and write: a FIFO opened so has never an end of file, and opening waits for nobody. */
static int fifo_open(const char *path, const char *end)
{
    g_autofree char *name = g_strconcat(path, end, NULL);
    return open(name, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static bool pipe_open(Chardev *c, const void *args, GError **err)
{
    const PipeArgs *a = args;
    int in = fifo_open(a->device, ".in"), out = fifo_open(a->device, ".out");
    if (in < 0 || out < 0) {
        if (in >= 0)
            close(in);
        if (out >= 0)
            close(out);
        in = out = fifo_open(a->device, "");
    }
    if (in < 0)
        return user_fail(err, "could not open pipe '%s': %s", a->device, g_strerror(errno));
    fd_port_init(&file_of(c)->port, c, in, out, file_lost);
    c->filename = g_strdup("pipe");
    c->open = true;
    return true;
}

static const CharDriver char_pipe = {
    .name = "pipe",
    .desc = "FIFOs in the file system",
    .size = sizeof(FileChar),
    .props = PipeArgs_rows,
    .open = pipe_open,
    .close = file_close,
    .write = file_write,
    .accept = file_accept,
    .wait_writable = file_wait,
};
REGISTER(chardev, char_pipe);
