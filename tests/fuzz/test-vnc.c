/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The VNC server with its two threads, and a viewer that says anything: handshake and messages,
 * plain or through a WebSocket, read or not read, while the picture changes. The input's head
 * chooses display, transport and how far the handshake is done for it.
 *
 * Both threads sleep before the next operation begins (SYNC), so most inputs run the same twice.
 */
#include "config.h"

#ifdef CONFIG_VNC
#include <dirent.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>

#include "hw/display/vga.h"
#include "tests/fuzz/machine.h"
#include "ui/ui-int.h"
#include "ui/vnc-int.h"

enum { MOST_OPS = 60, DISPLAYS = 2 };

static VncServer *server;
static Console *con;
static int stat_fd[2]; /* of vnc-io and vnc-enc: their /proc .../stat */
static int fd;         /* the viewer's end */
static bool wrapped;   /* in frames of a WebSocket */

/* ---- the threads ---- */

static char thread_state(int stat)
{
    char text[256] = "";
    ssize_t n = pread(stat, text, sizeof(text) - 1, 0);
    const char *end = n > 0 ? strrchr(text, ')') : NULL;
    return end ? end[2] : '?';
}

static void threads_look(void)
{
    static const char *const names[] = { "vnc-io", "vnc-enc" };
    DIR *dir = opendir("/proc/self/task");
    struct dirent *e;
    while ((e = readdir(dir))) {
        g_autofree char *comm = g_strdup_printf("/proc/self/task/%s/comm", e->d_name);
        g_autofree char *stat = g_strdup_printf("/proc/self/task/%s/stat", e->d_name);
        g_autofree char *name = NULL;
        for (unsigned i = 0; g_file_get_contents(comm, &name, NULL, NULL) && i < 2; i++) {
            if (!stat_fd[i] && g_str_has_prefix(name, names[i]) && name[strlen(names[i])] == '\n')
                stat_fd[i] = open(stat, O_RDONLY | O_CLOEXEC);
            g_clear_pointer(&name, g_free);
        }
    }
    closedir(dir);
}

/* A thread names itself, when it gets to it. */
static void threads_find(void)
{
    while (!stat_fd[0] || !stat_fd[1]) {
        threads_look();
        sched_yield();
    }
}

/* Until both sleep and main has nothing to do */
static void sync_all(void)
{
    for (int tries = 0, calm = 0; tries < 2000 && calm < 3; tries++) {
        bool busy = g_main_context_iteration(NULL, false);
        busy |= thread_state(stat_fd[0]) != 'S' || thread_state(stat_fd[1]) != 'S';
        calm = busy ? 0 : calm + 1;
        if (busy)
            sched_yield();
    }
}

/* ---- the viewer ---- */

static void drain(void)
{
    static uint8_t buf[65536];
    while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
        ;
}

/* n < 64K; what does not fit is lost: a viewer that sends half a message */
static void say(const void *p, size_t n)
{
    g_autoptr(GByteArray) frame = g_byte_array_new();
    if (wrapped) {
        uint8_t head[8] = { 0x82, 0x80 | (n < 126 ? n : 126), n >> 8, n };
        g_byte_array_append(frame, head, n < 126 ? 2 : 4);
        g_byte_array_append(frame, (uint8_t *)"\0\0\0\0", 4);
    }
    g_byte_array_append(frame, p, n);
    if (send(fd, frame->data, frame->len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        return;
}

static void say_raw(Bytes *b, unsigned n)
{
    bool was = wrapped;
    uint8_t text[256];
    for (unsigned i = 0; i < n; i++)
        text[i] = take(b, 1);
    wrapped = false;
    say(text, n);
    wrapped = was;
}

static void begin(Bytes *b)
{
    int pair[2];
    unsigned head = take(b, 1);
    VncDisplay *d = server->displays->pdata[head % DISPLAYS];
    bool websocket = head & 4;
    g_assert(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair));
    fd = pair[0];
    wrapped = false;
    vnc_client_add(d, pair[1], websocket);
    if (websocket && !(head & 0x80)) {
        static const char ask[] =
            "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: binary\r\n\r\n";
        say(ask, sizeof(ask) - 1);
        wrapped = true;
    }
    if (head & 0x40)
        return;
    static const char *const versions[] = { "RFB 003.008\n", "RFB 003.007\n", "RFB 003.003\n",
                                            "RFB 003.005\n" };
    unsigned version = head >> 4 & 3;
    say(versions[version], 12);
    if (version < 2)
        say(head % DISPLAYS == 1 ? "\2" : "\1", 1);
    if (head % DISPLAYS == 1) {
        uint8_t answer[16];
        for (unsigned i = 0; i < 16; i++)
            answer[i] = take(b, 1);
        say(answer, 16);
    }
    say(&(uint8_t){ take(b, 1) & 1 }, 1);
    sync_all();
}

/* ---- messages ---- */

static void put16(uint8_t *p, unsigned v)
{
    p[0] = v >> 8;
    p[1] = v;
}

static void encodings_op(Bytes *b)
{
    static const int16_t known[] = { 0,    1,    2,    5,    6,    7,    8,    15,   16,
                                     17,   21,   -23,  -26,  -32,  -223, -224, -232, -239,
                                     -240, -247, -256, -257, -258, -259, -261, -308, -309,
                                     -312, -313, -314, -412, -512, -305, -306, -307, 9 };
    uint8_t m[4 + 4 * 64] = { 2 };
    unsigned how = take(b, 1), n = how & 15;
    for (unsigned i = 0; i < n; i++) {
        unsigned k = take(b, 1);
        int32_t e = k & 0x80 ? (int32_t)take(b, 4) : known[k % G_N_ELEMENTS(known)];
        e = GINT32_TO_BE(e);
        memcpy(m + 4 + 4 * i, &e, 4);
    }
    put16(m + 2, how & 0x80 ? take(b, 2) : n);
    say(m, 4 + 4 * n);
}

static void format_op(Bytes *b)
{
    static const uint8_t usual[][13] = {
        { 32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0 },
        { 16, 16, 0, 1, 0, 31, 0, 63, 0, 31, 11, 5, 0 },
        { 8, 8, 0, 1, 0, 7, 0, 7, 0, 3, 0, 3, 6 },
        { 8, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 },
        { 32, 24, 1, 1, 0, 255, 0, 255, 0, 255, 0, 8, 16 },
        { 16, 15, 1, 1, 0, 31, 0, 31, 0, 31, 10, 5, 0 },
    };
    uint8_t m[20] = { 0 };
    unsigned how = take(b, 1);
    memcpy(m + 4, usual[(how & 15) % G_N_ELEMENTS(usual)], 13);
    for (unsigned i = how >> 4; i; i--)
        m[4 + take(b, 1) % 13] = take(b, 1);
    say(m, 20);
}

static void request_op(Bytes *b)
{
    unsigned how = take(b, 1);
    uint8_t m[10] = { 3, how & 1, 0, 0, 0, 0, 255, 255, 255, 255 };
    for (unsigned i = 2; how & 2 && i < 10; i++)
        m[i] = take(b, 1);
    say(m, 10);
}

static void input_op(Bytes *b)
{
    unsigned how = take(b, 1);
    uint8_t m[12] = { 0 };
    switch (how & 3) {
    case 0:
        m[0] = 4;
        m[1] = how >> 2 & 1;
        put16(m + 6, how & 8 ? 0xff00 | take(b, 1) : take(b, how & 16 ? 2 : 1));
        if (how & 32)
            put16(m + 4, take(b, 2));
        say(m, 8);
        break;
    case 1:
        m[0] = 5;
        m[1] = take(b, 1);
        put16(m + 2, take(b, 2));
        put16(m + 4, take(b, 2));
        say(m, 6);
        break;
    case 2:
        m[0] = 255;
        m[1] = how & 8 ? take(b, 1) : 0;
        m[3] = how >> 2 & 1;
        put16(m + 6, take(b, 2));
        put16(m + 10, how & 16 ? take(b, 2) : take(b, 1));
        say(m, 12);
        break;
    case 3: { /* Ctrl-Alt-N: another console */
        static const uint8_t mods[] = { 0xe3, 0xe9 };
        for (unsigned i = 0; i < 2; i++)
            say((uint8_t[]){ 4, 1, 0, 0, 0, 0, 0xff, mods[i] }, 8);
        for (unsigned i = 0; i < 2; i++)
            say((uint8_t[]){ 4, !i, 0, 0, 0, 0, 0, '1' + (how >> 2 & 7) }, 8);
        for (unsigned i = 0; i < 2; i++)
            say((uint8_t[]){ 4, 0, 0, 0, 0, 0, 0xff, mods[i] }, 8);
    }
    }
}

static void other_op(Bytes *b)
{
    unsigned how = take(b, 1), n = how >> 4;
    uint8_t m[8 + 16 * 16] = { 0 };
    if (how & 1) { /* cut text: less, all or more than it says */
        uint32_t len = how & 2 ? take(b, 4) : n;
        len = GUINT32_TO_BE(len);
        m[0] = 6;
        memcpy(m + 4, &len, 4);
        say(m, 8 + n);
    } else if (how & 2) {
        m[0] = 250;
        m[2] = how & 4 ? take(b, 1) : 1;
        m[3] = how >> 4;
        say(m, 4);
    } else {
        m[0] = 251;
        put16(m + 2, take(b, 2));
        put16(m + 4, take(b, 2));
        m[6] = n;
        for (unsigned i = 0; how & 4 && i < 16 * n; i++)
            m[8 + i] = take(b, 1);
        say(m, 8 + 16 * n);
    }
}

/* ---- the machine's side ---- */

static void screen_size(unsigned w, unsigned h)
{
    static const uint16_t at[] = { 4, 1, 2, 3, 4 };
    uint16_t val[] = { 0, w, h, 32, 0x41 };
    for (unsigned i = 0; i < 5; i++) {
        space_io(vm->io, 0x1ce, at[i], 2, true);
        space_io(vm->io, 0x1d0, val[i], 2, true);
    }
}

static void picture_op(Bytes *b)
{
    unsigned how = take(b, 1);
    switch (how & 7) {
    case 0: screen_size(8 * (1 + (take(b, 1) & 15)), 1 + (take(b, 1) & 63)); break;
    case 1: {
        int w = 1 + (take(b, 1) & 63), h = 1 + (take(b, 1) & 63);
        Surface *s = surface_new(w, h);
        memset(pixman_image_get_data(s->image), take(b, 1),
               (size_t)pixman_image_get_stride(s->image) * h);
        console_cursor(con, how & 8 ? NULL : s, take(b, 1), take(b, 1));
        if (how & 8)
            surface_unref(s);
        break;
    }
    case 2: console_cursor_at(con, (int8_t)take(b, 1), (int8_t)take(b, 1), how & 8); break;
    case 3: console_bell(con); break;
    case 4: input_leds(con->ui->handlers->pdata[0], how >> 3); break;
    default: {
        uint64_t off = take(b, 2), v = take(b, how & 8 ? 4 : 1);
        for (unsigned i = 0; i < 1u << (how >> 4); i++)
            bar_io(pci_named("vga"), 0, (off + i) * 4, v * (1 + (how & 16 ? i : 0)), 4, true);
    }
    }
    con->ops->refresh(con->o, false);
}

static void operation(Bytes *b)
{
    unsigned op = take(b, 1);
    switch (op & 15) {
    case 0:
    case 1: encodings_op(b); break;
    case 2: format_op(b); break;
    case 3:
    case 4:
    case 5: request_op(b); break;
    case 6:
    case 7: input_op(b); break;
    case 8:
    case 9: other_op(b); break;
    case 10:
    case 11: picture_op(b); break;
    case 12: say_raw(b, op >> 4); break;
    case 13: say((uint8_t[]){ take(b, 1) }, 1); break;
    case 14: drain(); break;
    case 15: sync_all(); break;
    }
    if (op & 0x80)
        sync_all();
}

/* It goes at once, and leaves nothing. */
static void end(void)
{
    close(fd);
    for (int tries = 0;; tries++) {
        unsigned left = 0;
        g_mutex_lock(&server->lock);
        for (unsigned i = 0; i < DISPLAYS; i++)
            left += ((VncDisplay *)server->displays->pdata[i])->clients->len;
        g_mutex_unlock(&server->lock);
        g_main_context_iteration(NULL, false);
        if (!left)
            break;
        if (tries > 1000)
            g_usleep(1000);
        g_assert(tries < 6000);
    }
    sync_all();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    g_autofree char *path = g_strdup_printf("%s/fuzz-vnc-%d", g_get_tmp_dir(), getpid());
    g_autofree char *words = g_strdup_printf("-device VGA,id=vga,vgamem_mb=1,romfile= -serial vc "
                                             "-vnc unix:%s-0,share=ignore,power-control=on "
                                             "-vnc unix:%s-1,id=second,password=on,lossy=on",
                                             path, path);
    signal(SIGPIPE, SIG_IGN); /* as system/signals.c does */
    machine_new(words);
    machine_reset();
    server = vm->ui->vnc;
    con = console_at(vm, 0);
    vnc_set_password(vm, "second", "geheim", VNC_KEEP, NULL);
    for (unsigned i = 0; i < DISPLAYS; i++) {
        g_autofree char *one = g_strdup_printf("%s-%u", path, i);
        unlink(one);
    }
    threads_find();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    Bytes b = { data, n };
    for (unsigned i = 0; i < DISPLAYS; i++) {
        VncDisplay *d = server->displays->pdata[i];
        view_show(d->view, con);
        atomic_store(&d->console, 0);
    }
    screen_size(64, 48);
    for (int i = 0; i < 64; i++)
        space_io(vm->io, 0x60, 0, 1, false);
    begin(&b);
    for (int i = 0; i < MOST_OPS && b.n; i++)
        operation(&b);
    sync_all();
    end();
    return 0;
}

FUZZ_MAIN("vnc", 300, 300)
#else
#include <stdio.h>

int main(void)
{
    puts("1..0 # SKIP built without VNC");
    return 0;
}
#endif
