/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -display: its rows, the types that are built in, the one that is open. Main, locked. */
#include "ui/display.h"

#include <string.h>

#include "core/set.h"
#include "ui/ui-int.h"
#include "ui/vnc.h"

SET_DECLARE(display);

static const char *const chord_names[] = {
    [HOTKEY_CTRL_ALT] = "lctrl-lalt",
    [HOTKEY_RCTRL] = "rctrl",
    [HOTKEY_SHIFT_CTRL_ALT] = "lshift-lctrl-lalt",
    NULL,
};
static const char *const gl_names[] = {
    [DISPLAY_GL_OFF] = "off",
    [DISPLAY_GL_ON] = "on",
    [DISPLAY_GL_CORE] = "core",
    [DISPLAY_GL_ES] = "es",
    NULL,
};

/* clang-format off */
const Prop DisplayArgs_rows[] = {
    NEED_STR (DisplayArgs, type,         "type",                     "kind of display"),
    PROP_BOOL(DisplayArgs, full_screen,  "full-screen",  false,      "start full screen"),
    PROP_BOOL(DisplayArgs, window_close, "window-close", true,       "closing the window ends the VM"),
    PROP_BOOL(DisplayArgs, show_cursor,  "show-cursor",  false,      "show the host's pointer over the guest's"),
    PROP_ENUM(DisplayArgs, gl,           "gl",           DISPLAY_GL_OFF, gl_names, "OpenGL; only off so far"),
    PROP_ENUM(DisplayArgs, grab_mod,     "grab-mod",     -1, chord_names, "sdl: keys that grab input, with G"),
    PROP_STR (DisplayArgs, charset,      "charset",      NULL,       "curses: what the guest's text is in (CP437)"),
    PROP_END (DisplayArgs)
};
/* clang-format on */

static bool none_open(Vm *vm, const void *args, GError **err)
{
    return true;
}

static const DisplayDriver display_none = {
    .name = "none",
    .desc = "nothing is shown",
    .props = DisplayArgs_rows,
    .open = none_open,
};
REGISTER(display, display_none);

const DisplayDriver *display_find(const char *type)
{
    SET_FOREACH(display, p) {
        if (strcmp((*p)->name, type) == 0)
            return *p;
    }
    return NULL;
}

const char *display_why_not(const char *type)
{
    static const struct {
        const char *type, *why;
    } rows[] = {
        { "sdl", "this qemu-kvm was built without SDL (libsdl2-dev)" },
        { "curses", "this qemu-kvm was built without curses (libncurses-dev)" },
        { "gtk", "there is no GTK window; write sdl or vnc=:0" },
        { "egl-headless", "there is no OpenGL; write none or vnc=:0" },
        { "spice-app", "there is no SPICE; write sdl or vnc=:0" },
        { "dbus", "there is no D-Bus display; write none or vnc=:0" },
        { "cocoa", "cocoa is of macOS; write sdl or vnc=:0" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        if (strcmp(rows[i].type, type) == 0)
            return rows[i].why;
    return NULL;
}

char *display_help(void)
{
    GPtrArray *all = SET_SORTED(display);
    GString *s = g_string_new("Available display backend types:\n");
    for (guint i = 0; i < all->len; i++)
        g_string_append_printf(s, "%s\n", ((const DisplayDriver *)all->pdata[i])->name);
    g_ptr_array_unref(all);
#ifdef CONFIG_VNC
    g_string_append(s, "vnc\n");
#endif
    return g_string_free(s, FALSE);
}

bool display_open(Vm *vm, const DisplayArgs *args, GError **err)
{
    const DisplayDriver *d = display_find(args->type);
    const char *why = d ? NULL : display_why_not(args->type);
    if (d && args->gl > DISPLAY_GL_OFF) {
        d = NULL;
        why = "OpenGL is not supported; write gl=off";
    }
    if (!d)
        return user_fail(err, "%s", why ? why : "no such display");
    if (!d->open(vm, args, err))
        return false;
    ui_of(vm)->display = d;
    return true;
}

void display_close(Vm *vm)
{
    const DisplayDriver *d = vm->ui ? vm->ui->display : NULL;
    if (d && d->close)
        d->close(vm);
    if (d)
        vm->ui->display = NULL;
}
