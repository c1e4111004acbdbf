/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a TAP descriptor comes from: /dev/net/tun (Linux Documentation/networking/tuntap.rst), one
 * that was passed in, or a helper that may do what we may not. The helper's protocol is that of
 * qemu-bridge-helper: --use-vnet --fd=N --br=NAME, the descriptor comes by SCM_RIGHTS over N.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/tap-int.h"
#include "util/text.h"

const char tap_default_helper[] = "/usr/lib/qemu/qemu-bridge-helper";

static int give_up(int fd, GError **err, const char *what, const char *name)
{
    int error = errno;

    user_fail(err, "could not %s%s%s%s: %s", what, name ? " (" : "", name ? name : "",
              name ? ")" : "", g_strerror(error));
    if (fd >= 0)
        close(fd);
    return -1;
}

int tap_open_device(const TapArgs *a, char ifname[TAP_NAME], bool *vnet_hdr, GError **err)
{
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
    unsigned features = 0;

    if (fd < 0)
        return give_up(fd, err, "open /dev/net/tun", NULL);
    if (a->ifname && strlen(a->ifname) >= TAP_NAME) {
        close(fd);
        user_fail(err, "'%s' is longer than the name of an interface can be", a->ifname);
        return -1;
    }
    ioctl(fd, TUNGETFEATURES, &features);
    *vnet_hdr = a->vnet_hdr != 0 && (features & IFF_VNET_HDR);
    if (*vnet_hdr)
        ifr.ifr_flags |= IFF_VNET_HDR;
    g_strlcpy(ifr.ifr_name, a->ifname ? a->ifname : "tap%d", TAP_NAME);
    if (ioctl(fd, TUNSETIFF, &ifr) != 0)
        return give_up(fd, err, "configure /dev/net/tun", a->ifname);
    memcpy(ifname, ifr.ifr_name, TAP_NAME);
    ifname[TAP_NAME - 1] = '\0';
    return fd;
}

static bool tap_take(int fd, char ifname[TAP_NAME], bool *vnet_hdr, GError **err)
{
    struct ifreq ifr = { 0 };
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || ioctl(fd, TUNGETIFF, &ifr) != 0)
        return user_fail(err, "descriptor %d is no TAP: %s", fd, g_strerror(errno));
    if (!(ifr.ifr_flags & IFF_TAP) || !(ifr.ifr_flags & IFF_NO_PI))
        return user_fail(err, "descriptor %d must be opened with IFF_TAP and IFF_NO_PI", fd);
    *vnet_hdr = ifr.ifr_flags & IFF_VNET_HDR;
    memcpy(ifname, ifr.ifr_name, TAP_NAME);
    ifname[TAP_NAME - 1] = '\0';
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    return true;
}

int tap_open_fd(const char *number, char ifname[TAP_NAME], bool *vnet_hdr, GError **err)
{
    int64_t fd;

    if (!g_ascii_isdigit(*number) || !text_int(number, &fd) || fd > INT_MAX) {
        user_fail(err, "fd=%s: write the number of a descriptor", number);
        return -1;
    }
    return tap_take((int)fd, ifname, vnet_hdr, err) ? (int)fd : -1;
}

/* ---- children ---- */

/* In the child: our own signal mask is not for others. */
static void child_setup(gpointer keep_fd)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (keep_fd)
        fcntl(GPOINTER_TO_INT(keep_fd), F_SETFD, 0);
}

bool tap_no_script(const char *script)
{
    return !script || !*script || strcmp(script, "no") == 0;
}

/* The script's own words, on stderr, say what went wrong with it. */
bool tap_script(const char *script, const char *ifname, GError **err)
{
    char *argv[] = { (char *)script, (char *)ifname, NULL };
    g_autoptr(GError) why = NULL;
    int status = 0;

    if (tap_no_script(script))
        return true;
    if (!g_spawn_sync(NULL, argv, NULL, G_SPAWN_CHILD_INHERITS_STDIN, child_setup, NULL, NULL, NULL,
                      &status, &why))
        return user_fail(err, "could not launch network script '%s': %s", script, why->message);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    if (WIFSIGNALED(status))
        return user_fail(err, "network script %s was killed by signal %d", script,
                         WTERMSIG(status));
    return user_fail(err, "network script %s failed with status %d", script, WEXITSTATUS(status));
}

/* ---- the helper ---- */

static int receive_fd(int sock)
{
    char byte, room[CMSG_SPACE(sizeof(int))];
    struct iovec iov = { &byte, 1 };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)
    };
    ssize_t n;
    int fd;

    do {
        n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    struct cmsghdr *c = n >= 0 ? CMSG_FIRSTHDR(&msg) : NULL;
    if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
        c->cmsg_len != CMSG_LEN(sizeof(int)))
        return -1;
    memcpy(&fd, CMSG_DATA(c), sizeof(fd));
    return fd;
}

/* A helper with blanks in it is a shell's line. */
static char **helper_argv(const char *helper, const char *br, int fd)
{
    g_autofree char *fd_arg = g_strdup_printf("--fd=%d", fd);
    g_autofree char *br_arg = g_strdup_printf("--br=%s", br);
    GPtrArray *argv = g_ptr_array_new();

    if (strpbrk(helper, " \t")) {
        g_autofree char *quoted = g_shell_quote(br_arg);
        bool has_br = strstr(helper, "--br=");

        g_ptr_array_add(argv, g_strdup("/bin/sh"));
        g_ptr_array_add(argv, g_strdup("-c"));
        g_ptr_array_add(argv, g_strdup_printf("exec %s --use-vnet %s %s", helper, fd_arg,
                                              has_br ? "" : quoted));
    } else {
        g_ptr_array_add(argv, g_strdup(helper));
        g_ptr_array_add(argv, g_strdup("--use-vnet"));
        g_ptr_array_add(argv, g_steal_pointer(&fd_arg));
        g_ptr_array_add(argv, g_steal_pointer(&br_arg));
    }
    g_ptr_array_add(argv, NULL);
    return (char **)g_ptr_array_free(argv, FALSE);
}

int tap_open_helper(const char *helper, const char *br, char ifname[TAP_NAME], bool *vnet_hdr,
                    GError **err)
{
    const char *what = helper ? helper : tap_default_helper;
    g_auto(GStrv) argv = NULL;
    g_autoptr(GError) why = NULL;
    int pair[2], fd, status = 0;
    GPid pid;

    if (!helper && access(what, X_OK) != 0) {
        user_fail(err,
                  "bridge helper '%s' is not there; install qemu-system-common, name one with "
                  "helper=, or use tap with a script",
                  what);
        return -1;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return give_up(-1, err, "make a socket pair", NULL);
    argv = helper_argv(what, br, pair[1]);
    if (!g_spawn_async(NULL, argv, NULL, G_SPAWN_LEAVE_DESCRIPTORS_OPEN | G_SPAWN_DO_NOT_REAP_CHILD,
                       child_setup, GINT_TO_POINTER(pair[1]), &pid, &why)) {
        user_fail(err, "could not launch bridge helper '%s': %s", what, why->message);
        close(pair[0]);
        close(pair[1]);
        return -1;
    }
    close(pair[1]); /* so that a helper that ends without a word is seen */
    fd = receive_fd(pair[0]);
    close(pair[0]);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (fd < 0 || status) {
        user_fail(err, "bridge helper '%s' failed", what);
        if (fd >= 0)
            close(fd);
        return -1;
    }
    if (tap_take(fd, ifname, vnet_hdr, err))
        return fd;
    close(fd);
    return -1;
}
