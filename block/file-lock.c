/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Image locks: open file description locks on single bytes, laid out as other programs that use
 * these images do, so that both sides see each other.
 *   100 + right  "I use this right"            read 0, write 1, resize 3
 *   200 + right  "nobody else may use it"
 * Both kinds are shared locks; a conflict is looked for with F_OFD_GETLK on the opposite byte. Such
 * a lock does not tell its owner's process: /proc does.
 */
#include "block/file-lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "block/error.h"

enum { RIGHT_READ = 0, RIGHT_WRITE = 1, RIGHT_RESIZE = 3, USES = 100, REFUSES = 200 };

/* Does this process hold an OFD lock of the file through one of its descriptors? */
static bool fd_has_lock(const char *pid, const char *fd)
{
    g_autofree char *path = g_strdup_printf("/proc/%s/fdinfo/%s", pid, fd);
    g_autofree char *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) && strstr(text, "OFDLCK");
}

static bool process_holds(const char *pid, const struct stat *file, int own_fd)
{
    g_autofree char *dir = g_strdup_printf("/proc/%s/fd", pid);
    bool me = strtol(pid, NULL, 10) == getpid(), found = false;
    DIR *d = opendir(dir);
    struct dirent *e;
    struct stat st;

    while (d && !found && (e = readdir(d))) {
        found = g_ascii_isdigit(e->d_name[0]) && fstatat(dirfd(d), e->d_name, &st, 0) == 0 &&
                st.st_dev == file->st_dev && st.st_ino == file->st_ino &&
                !(me && atoi(e->d_name) == own_fd) && fd_has_lock(pid, e->d_name);
    }
    if (d)
        closedir(d);
    return found;
}

/* "process 1234 (qemu-kvm)"; NULL: not to be seen from here */
static char *lock_holder(int fd)
{
    struct stat st;
    struct dirent *e;
    char *text = NULL;
    DIR *proc;

    if (fstat(fd, &st) < 0 || !(proc = opendir("/proc")))
        return NULL;
    while (!text && (e = readdir(proc))) {
        g_autofree char *comm = NULL, *path = NULL;

        if (!g_ascii_isdigit(e->d_name[0]) || !process_holds(e->d_name, &st, fd))
            continue;
        path = g_strdup_printf("/proc/%s/comm", e->d_name);
        if (g_file_get_contents(path, &comm, NULL, NULL))
            text = g_strdup_printf("process %s (%s)", e->d_name, g_strchomp(comm));
    }
    closedir(proc);
    return text;
}

static int lock_byte(int fd, int cmd, int byte, short type, struct flock *fl)
{
    int ret;

    *fl = (struct flock){ .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };
    do {
        ret = fcntl(fd, cmd, fl);
    } while (ret < 0 && errno == EINTR);
    return ret < 0 ? -errno : 0;
}

static bool lock_busy(int fd, const char *path, const char *what, GError **err)
{
    g_autofree char *who = lock_holder(fd);

    return block_fail(err,
                      "Could not open '%s': Failed to get %s lock\n"
                      "Is another process using the image [%s]? It is in use by %s",
                      path, what, path, who ? who : "a process that cannot be seen from here");
}

bool file_lock(int fd, const char *path, bool write, GError **err)
{
    static const int reader[] = { USES + RIGHT_READ, REFUSES + RIGHT_WRITE, 0 };
    static const int writer[] = { USES + RIGHT_READ,      USES + RIGHT_WRITE,
                                  USES + RIGHT_RESIZE,    REFUSES + RIGHT_WRITE,
                                  REFUSES + RIGHT_RESIZE, 0 };
    const int *bytes = write ? writer : reader;
    const char *what = write ? "\"write\"" : "shared \"write\"";
    struct flock fl;

    for (int i = 0; bytes[i]; i++) {
        int ret = lock_byte(fd, F_OFD_SETLK, bytes[i], F_RDLCK, &fl);

        if (ret == -EAGAIN || ret == -EACCES)
            return lock_busy(fd, path, what, err);
        if (ret < 0)
            return true; /* a file system without locks: as if locking=off */
    }
    for (int i = 0; bytes[i]; i++) {
        int other = bytes[i] < REFUSES ? bytes[i] - USES + REFUSES : bytes[i] - REFUSES + USES;

        if (lock_byte(fd, F_OFD_GETLK, other, F_WRLCK, &fl) == 0 && fl.l_type != F_UNLCK)
            return lock_busy(fd, path, what, err);
    }
    return true;
}
