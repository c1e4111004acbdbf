/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Going to the background, the PID file, giving up root. The parent of -daemonize waits on a pipe:
 * one byte says that the machine is ready, an end without it that the start failed.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "system/system.h"
#include "util/log.h"
#include "util/text.h"

static int ready_fd = -1;
static char *pid_path;

static void parent_wait(int fd)
{
    char status;
    ssize_t n;

    do {
        n = read(fd, &status, 1);
    } while (n < 0 && errno == EINTR);
    _exit(n == 1 && status == 0 ? 0 : 1);
}

bool daemon_fork(void)
{
    int fds[2];
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
        error_print("-daemonize: %s", strerror(errno));
        return false;
    }
    if (pid) {
        close(fds[1]);
        parent_wait(fds[0]);
    }
    close(fds[0]);
    ready_fd = fds[1];
    setsid();
    pid = fork(); /* no session leader: a terminal opened later never becomes ours */
    if (pid)
        _exit(pid < 0);
    umask(027);
    return true;
}

bool daemon_ready(GError **err)
{
    int null = open("/dev/null", O_RDWR);
    char ok = 0;

    if (null < 0 || chdir("/") < 0)
        return user_fail(err, "%s", strerror(errno));
    for (int fd = 0; fd <= 2; fd++)
        dup2(null, fd);
    if (null > 2)
        close(null);
    if (write(ready_fd, &ok, 1) != 1)
        return user_fail(err, "the parent is gone");
    close(ready_fd);
    return true;
}

/* Locked as long as we live; the lock, not the file's existence, says that somebody runs. */
bool pidfile_write(const char *path, GError **err)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    g_autofree char *text = g_strdup_printf("%d\n", getpid());
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, S_IRUSR | S_IWUSR);

    if (fd < 0)
        return user_fail(err, "cannot create PID file: Cannot open pid file: %s", strerror(errno));
    if (fcntl(fd, F_SETLK, &lock) < 0) {
        close(fd);
        return user_fail(err, "cannot create PID file: Cannot lock pid file: another process "
                              "holds it");
    }
    if (ftruncate(fd, 0) < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
        close(fd);
        return user_fail(err, "cannot create PID file: Failed to write pid file: %s",
                         strerror(errno));
    }
    pid_path = realpath(path, NULL);
    return true;
}

void pidfile_remove(void)
{
    if (pid_path)
        unlink(pid_path);
    free(pid_path);
    pid_path = NULL;
}

static bool find_user(const char *user, uid_t *uid, gid_t *gid)
{
    g_auto(GStrv) part = g_strsplit(user, ":", 2);
    const struct passwd *pw = getpwnam(user);
    uint64_t n[2];

    if (pw) {
        *uid = pw->pw_uid;
        *gid = pw->pw_gid;
        return true;
    }
    if (!part[0] || !part[1] || !text_uint(part[0], &n[0]) || !text_uint(part[1], &n[1]))
        return false;
    *uid = n[0];
    *gid = n[1];
    return true;
}

static bool change_user(const char *user, uid_t uid, gid_t gid, GError **err)
{
    const struct passwd *pw = getpwnam(user);

    if ((pw ? initgroups(user, gid) : setgroups(1, &gid)) < 0 || setgid(gid) < 0 || setuid(uid) < 0)
        return user_fail(err, "cannot become '%s': %s", user, strerror(errno));
    if (uid && setuid(0) == 0)
        return user_fail(err, "root was not given up");
    return true;
}

bool drop_privileges(const char *chroot_dir, const char *user, GError **err)
{
    uid_t uid = 0;
    gid_t gid = 0;

    /* names are looked up before the root changes */
    if (user && !find_user(user, &uid, &gid))
        return user_fail(err, "User \"%s\" doesn't exist (and is not <uid>:<gid>)", user);
    if (chroot_dir && (chroot(chroot_dir) < 0 || chdir("/") < 0))
        return user_fail(err, "chroot failed: %s", strerror(errno));
    return !user || change_user(user, uid, gid, err);
}
