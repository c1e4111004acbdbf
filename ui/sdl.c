/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The SDL 2 window as a display: its thread, and what it asks of main. When the X server goes, Xlib
 * would end the process: its handler parks the thread instead, and the VM lives on without a
 * window. Wayland and others have no descriptor that we know: there the thread looks 50 times a
 * second.
 */
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <SDL_syswm.h>

#include "core/machine.h"
#include "core/runstate.h"
#include "ui/sdl-int.h"
#include "ui/ui-int.h"
#include "util/log.h"

enum { WANT_MS = 16, POLL_MS = 20, GUARD_MS = 1000 };

static void wake(SdlDisplay *s)
{
    uint64_t one = 1;
    /* full means it is awake already */
    (void)!write(s->wake, &one, sizeof(one));
}

static void on_view(void *o)
{
    wake(o);
}

/* ---- the thread's wishes, on main ---- */
static void show_console(void *o)
{
    SdlDisplay *s = o;
    Console *c = console_at(s->vm, atomic_load(&s->ask_console));
    if (!c || !s->view)
        return;
    g_mutex_lock(&s->label_lock);
    g_free(s->label);
    s->label = c->ops->input ? g_strdup(c->label) : NULL;
    g_mutex_unlock(&s->label_lock);
    view_show(s->view, c);
}

void sdl_ask_console(SdlDisplay *s, unsigned number)
{
    atomic_store(&s->ask_console, number);
    vm_call_main(s->vm, NULL, show_console, s);
}

static void end_vm(void *o)
{
    SdlDisplay *s = o;
    vm_actions(s->vm)->shutdown = SHUTDOWN_POWEROFF;
    vm_request(s->vm, VM_SHUTDOWN, "host-ui");
}

void sdl_ask_close(SdlDisplay *s)
{
    if (s->args.window_close)
        vm_call_main(s->vm, NULL, end_vm, s);
}

static void hint_size(void *o)
{
    SdlDisplay *s = o;
    Console *c = s->view ? s->view->console : NULL;
    if (c && c->ops->resize_hint)
        c->ops->resize_hint(c->o, atomic_load(&s->hint_w), atomic_load(&s->hint_h));
}

void sdl_ask_size(SdlDisplay *s, int w, int h)
{
    atomic_store(&s->hint_w, (unsigned)w);
    atomic_store(&s->hint_h, (unsigned)h);
    vm_call_main(s->vm, NULL, hint_size, s);
}

/* ---- the end of the X server ---- */
static _Thread_local SdlDisplay *here;

static int on_x_error(void *x, void *event)
{
    return 0; /* somebody destroyed our window: the next call says so again */
}

/* dead before stop is read, and stop set before sdl_close reads dead: never joined while parked */
static int on_x_gone(void *x)
{
    if (here) {
        atomic_store(&here->dead, true);
        view_want(here->view, 0);
        input_release(here->in.source);
        if (atomic_load(&here->stop))
            g_thread_exit(NULL);
    }
    warn_print("the X server is gone: the window is closed, the VM goes on");
    while (pause() != 0) /* always */
        ;
    return 0;
}

/* by name: libX11 is SDL's, not ours; NULL where the window is not one of X */
static void *x_function(const char *name)
{
    void *lib = SDL_LoadObject("libX11.so.6");
    return lib ? SDL_LoadFunction(lib, name) : NULL;
}

/* -1: none */
static int x_descriptor(SdlDisplay *s)
{
    SDL_SysWMinfo info;
    SDL_VERSION(&info.version);
    if (!SDL_GetWindowWMInfo(s->window, &info) || info.subsystem != SDL_SYSWM_X11)
        return -1;
    int (*connection)(void *) = (int (*)(void *))x_function("XConnectionNumber");
    return connection ? connection(info.info.x11.display) : -1;
}

static void x_handlers(void)
{
    void *(*errors)(void *) = (void *(*)(void *))x_function("XSetErrorHandler");
    void *(*gone)(void *) = (void *(*)(void *))x_function("XSetIOErrorHandler");
    if (errors && gone) {
        errors((void *)on_x_error);
        gone((void *)on_x_gone);
    }
}

/* ---- the thread ---- */
static void window_event(SdlDisplay *s, const SDL_WindowEvent *e)
{
    switch (e->event) {
    case SDL_WINDOWEVENT_EXPOSED: sdl_window_draw(s); break;
    case SDL_WINDOWEVENT_RESIZED: /* by the user, not by us */
        if (!s->full_screen && (e->data1 != s->w || e->data2 != s->h))
            sdl_ask_size(s, e->data1, e->data2);
        sdl_window_draw(s);
        break;
    case SDL_WINDOWEVENT_FOCUS_LOST:
        sdl_input_leave(s);
        if (s->grabbed && !s->full_screen)
            sdl_window_grab(s, false);
        break;
    case SDL_WINDOWEVENT_MINIMIZED:
    case SDL_WINDOWEVENT_HIDDEN: view_want(s->view, 0); break;
    case SDL_WINDOWEVENT_RESTORED:
    case SDL_WINDOWEVENT_SHOWN: view_want(s->view, WANT_MS); break;
    case SDL_WINDOWEVENT_CLOSE: sdl_ask_close(s); break;
    }
}

static void event(SdlDisplay *s, const SDL_Event *e)
{
    switch (e->type) {
    case SDL_KEYDOWN:
    case SDL_KEYUP: sdl_input_key(s, &e->key); break;
    case SDL_TEXTINPUT: sdl_input_text(s, e->text.text); break;
    case SDL_MOUSEMOTION: sdl_input_motion(s, &e->motion); break;
    case SDL_MOUSEBUTTONDOWN:
    case SDL_MOUSEBUTTONUP: sdl_input_button(s, &e->button); break;
    case SDL_MOUSEWHEEL: sdl_input_wheel(s, &e->wheel); break;
    case SDL_WINDOWEVENT: window_event(s, &e->window); break;
    }
}

/* Xlib may have read events while we drew: only an empty round may sleep. */
static bool events(SdlDisplay *s)
{
    SDL_Event e;
    bool any = false;
    while (!atomic_load(&s->stop) && SDL_PollEvent(&e)) {
        event(s, &e);
        any = true;
    }
    return any;
}

static void wait_for_news(SdlDisplay *s, int x)
{
    struct pollfd fds[2] = { { .fd = s->wake, .events = POLLIN }, { .fd = x, .events = POLLIN } };
    uint64_t n;
    poll(fds, 2, x >= 0 ? GUARD_MS : POLL_MS);
    (void)!read(s->wake, &n, sizeof(n));
}

static gpointer sdl_thread(gpointer o)
{
    SdlDisplay *s = o;
    GError *err = NULL;
    bool running = true;
    here = s;
    if (!sdl_window_open(s, &err)) {
        g_async_queue_push(s->ready, g_strdup(err->message));
        g_error_free(err);
        return NULL;
    }
    x_handlers();
    int x = x_descriptor(s);
    view_want(s->view, WANT_MS);
    g_async_queue_push(s->ready, g_strdup(""));
    while (!atomic_load(&s->stop)) {
        bool any = events(s);
        if (atomic_load(&s->running) != running) {
            running = !running;
            sdl_window_title(s);
        }
        sdl_window_take(s);
        if (!any && !events(s))
            wait_for_news(s, x);
    }
    sdl_window_close(s);
    return NULL;
}

/* ---- the driver ---- */
static void on_state(void *o, RunState old, RunState now)
{
    SdlDisplay *s = o;
    atomic_store(&s->running, now == RUNSTATE_RUNNING);
    wake(s);
}

static const VmListener listener = { .state = on_state };

static void sdl_close(Vm *vm)
{
    SdlDisplay *s = ui_of(vm)->sdl;
    if (!s || !s->view)
        return;
    vm_unlisten(vm, &listener, s);
    atomic_store(&s->stop, true);
    if (atomic_load(&s->dead)) /* parked for ever, inside Xlib */
        return;
    wake(s);
    g_thread_join(s->thread);
    view_free(s->view);
    s->view = NULL;
    input_source_free(s->in.source);
    close(s->wake);
    g_async_queue_unref(s->ready);
    g_free(s->label);
    g_free(s->name);
    g_mutex_clear(&s->label_lock);
}

static SdlDisplay *sdl_new(Vm *vm, const DisplayArgs *args, const char *name)
{
    Ui *ui = ui_of(vm);
    SdlDisplay *s = ui->sdl = g_realloc(ui->sdl, sizeof(SdlDisplay));
    memset(s, 0, sizeof(*s));
    s->vm = vm;
    s->args = *args;
    s->args.type = s->args.charset = NULL;
    s->in.hot.chord = args->grab_mod >= 0 ? (HotKeyChord)args->grab_mod : HOTKEY_CTRL_ALT;
    s->in.hot.window = true;
    s->name = g_strdup(name);
    s->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    g_mutex_init(&s->label_lock);
    s->ready = g_async_queue_new();
    s->in.source = input_source_new(vm, "sdl");
    s->view = view_new(vm, console_at(vm, 0), on_view, s);
    return s;
}

static bool sdl_open(Vm *vm, const void *args, GError **err)
{
    SdlDisplay *s = sdl_new(vm, args, vm->conf ? vm->conf->name : NULL);
    if (s->wake < 0)
        return user_fail(err, "no descriptor is left for the window");
    vm_listen(vm, &listener, s);
    show_console(s);
    s->thread = g_thread_new("sdl", sdl_thread, s);
    g_autofree char *text = g_async_queue_pop(s->ready);
    if (!*text)
        return true;
    user_fail(err, "%s", text);
    sdl_close(vm);
    return false;
}

static const DisplayDriver display_sdl = {
    .name = "sdl",
    .desc = "a window by SDL 2",
    .props = DisplayArgs_rows,
    .open = sdl_open,
    .close = sdl_close,
};
REGISTER(display, display_sdl);
