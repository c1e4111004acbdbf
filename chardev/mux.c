/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A mux: up to four fronts (serial port, monitor ...) share one base chardev. Input goes to the
 * front in focus; the escape key (C-a) and one more key are commands. Output of every front goes
 * out. A mux is itself the front of its base, and a chardev to its own fronts:
 *
 *   base --receive--> [escape filter] --deliver--> kept --> front in focus
 *   base <--write---- [time stamps]   <--write---- any front
 *
 * Commands are seen even when the front in focus takes nothing: input waits here, not in the base,
 * until INPUT_MAX bytes wait.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chardev/chardev-int.h"
#include "core/clock.h"
#include "core/runstate.h"

enum { INPUT_MAX = 64 * 1024 };

typedef struct MuxArgs {
    CharCommon common;
    char *chardev;
} MuxArgs;

/* clang-format off */
static const Prop MuxArgs_rows[] = {
    PROP_BASE(MuxArgs, common, CharCommon),
    NEED_STR (MuxArgs, chardev, "chardev", "the chardev that is shared"),
    PROP_END (MuxArgs)
};
/* clang-format on */

typedef struct MuxChar {
    Chardev chr;
    CharFront base;
    GByteArray *held; /* output that the base did not take yet */
    uint8_t escape;
    bool escaped, stamps, line_begun;
    int64_t first_ns; /* of the first time stamp; 0: none yet */
} MuxChar;

static MuxChar *mux_of(Chardev *c)
{
    return (MuxChar *)c;
}

/* ---- output ---- */

static bool mux_flush(MuxChar *m)
{
    size_t n = char_write(&m->base, m->held->data, m->held->len);
    g_byte_array_remove_range(m->held, 0, (guint)n);
    return !m->held->len;
}

static void mux_stamp(MuxChar *m)
{
    int64_t now = clock_now(m->chr.vm, CLOCK_REAL);
    char text[32];
    if (!m->first_ns)
        m->first_ns = now;
    int64_t ms = (now - m->first_ns) / 1000000;
    int n = snprintf(text, sizeof(text), "[%02d:%02d:%02d.%03d] ", (int)(ms / 3600000 % 100),
                     (int)(ms / 60000 % 60), (int)(ms / 1000 % 60), (int)(ms % 1000));
    g_byte_array_append(m->held, (uint8_t *)text, (guint)n);
}

static size_t mux_write(Chardev *c, const void *p, size_t n)
{
    MuxChar *m = mux_of(c);
    const uint8_t *s = p;

    if (!mux_flush(m))
        return 0;
    if (!m->stamps)
        return char_write(&m->base, p, n);
    for (size_t i = 0; i < n; i++) {
        if (!m->line_begun)
            mux_stamp(m);
        m->line_begun = s[i] != '\n';
        g_byte_array_append(m->held, s + i, 1);
    }
    mux_flush(m);
    return n;
}

/* Our own words go out whole, behind what the fronts wrote. */
static void mux_say(MuxChar *m, const char *text)
{
    g_byte_array_append(m->held, (const uint8_t *)text, (guint)strlen(text));
    mux_flush(m);
}

/* ---- the escape key's commands ---- */

static void mux_help(MuxChar *m)
{
    static const struct {
        const char *key, *what;
    } keys[] = {
        { "h", "print this help" },
        { "x", "exit emulator" },
        { "s", "save disk data back to file (if -snapshot)" },
        { "t", "toggle console timestamps" },
        { "b", "send break (magic sysrq)" },
        { "c", "switch between console and monitor" },
    };
    bool letter = m->escape >= 1 && m->escape <= 26;
    g_autofree char *name =
        letter ? g_strdup_printf("C-%c", m->escape - 1 + 'a') : g_strdup("Escape-Char");
    g_autoptr(GString) s = g_string_new("\n\r");

    if (!letter)
        g_string_append_printf(s, "Escape-Char set to Ascii: 0x%02x\n\r", m->escape);
    g_string_append(s, "\n\r");
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
        g_string_append_printf(s, "%s %s    %s\n\r", name, keys[i].key, keys[i].what);
    g_string_append_printf(s, "%s %s  sends %s\n\r", name, name, name);
    mux_say(m, s->str);
}

/* Returns true if the key itself is input: the escape key twice. */
static bool mux_command(MuxChar *m, uint8_t key)
{
    Chardev *c = &m->chr;
    if (key == m->escape)
        return true;
    switch (key) {
    case 'h':
    case '?': mux_help(m); break;
    case 'x':
        mux_say(m, "QEMU: Terminated\n\r");
        char_wait_writable(&m->base, 100);
        mux_flush(m);
        vm_actions(c->vm)->shutdown = SHUTDOWN_POWEROFF;
        vm_request(c->vm, VM_SHUTDOWN, "host-ui");
        break;
    case 's': vm_request(c->vm, VM_COMMIT, NULL); break;
    case 't':
        m->stamps = !m->stamps;
        m->line_begun = false;
        m->first_ns = 0;
        break;
    case 'b': char_event(c, CHR_BREAK); break;
    case 'c':
        if (c->fronts->len > 1)
            char_focus(c, (c->focus + 1) % c->fronts->len);
        break;
    }
    return false;
}

static size_t mux_receive(void *o, const uint8_t *p, size_t n)
{
    MuxChar *m = o;
    size_t used = 0;

    while (used < n && m->chr.kept->len < INPUT_MAX) {
        const uint8_t *esc = memchr(p + used, m->escape, n - used);
        size_t plain = esc ? (size_t)(esc - p) : n;
        if (m->escaped) {
            m->escaped = false;
            if (mux_command(m, p[used]))
                char_deliver(&m->chr, &p[used], 1);
            used++;
        } else if (plain > used) {
            char_deliver(&m->chr, p + used, plain - used);
            used = plain;
        } else {
            m->escaped = true;
            used++;
        }
    }
    return used;
}

static void mux_writable(void *o)
{
    MuxChar *m = o;
    if (mux_flush(m))
        char_writable(&m->chr);
}

static void mux_base_event(void *o, CharEvent e)
{
    MuxChar *m = o;
    char_event(&m->chr, e);
}

static const CharFrontOps mux_base_ops = { .receive = mux_receive,
                                           .writable = mux_writable,
                                           .event = mux_base_event };

/* ---- the driver ---- */

static void mux_init(MuxChar *m, Chardev *base)
{
    m->chr.mux = true;
    m->chr.filename = g_strdup("mux");
    m->base.chr = base;
    m->escape = chardev_escape(m->chr.vm);
    m->held = g_byte_array_new();
}

static void mux_close(Chardev *c)
{
    MuxChar *m = mux_of(c);
    char_detach(&m->base);
    g_byte_array_unref(m->held);
}

static bool mux_attach(MuxChar *m, GError **err)
{
    if (char_attach(&m->base, &mux_base_ops, m, err))
        return true;
    mux_close(&m->chr);
    return false;
}

static bool mux_open(Chardev *c, const void *args, GError **err)
{
    const MuxArgs *a = args;
    Chardev *base = chardev_find(c->vm, a->chardev);
    if (!base)
        return user_fail(err, "mux: base chardev '%s' not found", a->chardev);
    mux_init(mux_of(c), base);
    return mux_attach(mux_of(c), err);
}

static void mux_accept(Chardev *c)
{
    char_accept(&mux_of(c)->base);
}

static int mux_control(Chardev *c, CharControl what, void *arg)
{
    return char_control(&mux_of(c)->base, what, arg);
}

static bool mux_wait(Chardev *c, int ms)
{
    return char_wait_writable(&mux_of(c)->base, ms);
}

static const CharDriver char_mux = {
    .name = "mux",
    .desc = "several fronts on one back end",
    .size = sizeof(MuxChar),
    .props = MuxArgs_rows,
    .open = mux_open,
    .close = mux_close,
    .write = mux_write,
    .accept = mux_accept,
    .control = mux_control,
    .wait_writable = mux_wait,
};
REGISTER(chardev, char_mux);

Chardev *chardev_make_mux(Vm *vm, const char *label, Chardev *base, GError **err)
{
    MuxArgs args = { .chardev = base->label };
    return chardev_make(vm, &char_mux, label, &args, false, err);
}
