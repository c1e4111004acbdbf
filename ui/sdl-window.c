/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The window: picture, title, grab, full screen, pointer shapes. The picture is a texture of the
 * software renderer, scaled to the window; OpenGL is not used. Thread: SDL's.
 */
#include <string.h>

#include "ui/sdl-int.h"

static bool sdl_fail(GError **err, const char *what)
{
    return user_fail(err, "%s: %s", what, SDL_GetError());
}

/* ---- title ---- */
static const char *grab_keys(const SdlDisplay *s)
{
    switch (s->in.hot.chord) {
    case HOTKEY_RCTRL: return "Right-Ctrl-G";
    case HOTKEY_SHIFT_CTRL_ALT: return "Ctrl-Alt-Shift-G";
    default: return "Ctrl-Alt-G";
    }
}

void sdl_window_title(SdlDisplay *s)
{
    g_autoptr(GString) t = g_string_new("QEMU");
    if (s->name)
        g_string_append_printf(t, " (%s)", s->name);
    g_mutex_lock(&s->label_lock);
    s->text = s->label != NULL;
    if (s->label)
        g_string_append_printf(t, " - %s", s->label);
    g_mutex_unlock(&s->label_lock);
    if (!atomic_load(&s->running))
        g_string_append(t, " [Stopped]");
    else if (s->grabbed)
        g_string_append_printf(t, " - Press %s to exit grab", grab_keys(s));
    SDL_SetWindowTitle(s->window, t->str);
}

/* ---- pointer and grab ---- */
void sdl_window_pointer(SdlDisplay *s)
{
    bool hide = !s->text && (s->absolute || s->grabbed) && !s->args.show_cursor;
    /* the host moves the guest's own shape for it */
    bool shape = !s->text && s->absolute && s->host_cursor && s->cursor_on;
    SDL_SetCursor(shape ? s->host_cursor : SDL_GetDefaultCursor());
    SDL_ShowCursor(!hide || shape);
}

void sdl_window_grab(SdlDisplay *s, bool on)
{
    s->grabbed = on;
    SDL_SetWindowGrab(s->window, on);
    SDL_SetRelativeMouseMode(on && !s->absolute && !s->text);
    sdl_window_pointer(s);
    sdl_window_title(s);
}

static void pointer_changed(SdlDisplay *s, bool absolute)
{
    s->absolute = absolute;
    if (absolute && s->grabbed && !s->full_screen)
        sdl_window_grab(s, false);
    else if (s->grabbed)
        SDL_SetRelativeMouseMode(!absolute && !s->text);
    sdl_window_pointer(s);
}

/* ---- size ---- */
void sdl_window_full_screen(SdlDisplay *s, bool on)
{
    if (SDL_SetWindowFullscreen(s->window, on ? SDL_WINDOW_FULLSCREEN_DESKTOP : 0) != 0)
        return;
    s->full_screen = on;
    if (!on)
        SDL_SetWindowSize(s->window, s->w, s->h);
    sdl_window_grab(s, on);
    sdl_window_draw(s);
}

void sdl_window_scale(SdlDisplay *s, int percent)
{
    int w = s->w, h = s->h, step = percent < 0 ? -50 : 50;
    if (s->full_screen)
        return;
    if (percent != 100) {
        SDL_GetWindowSize(s->window, &w, &h);
        w = MAX(w + step, 160);
        h = (int)((int64_t)w * s->h / s->w);
    }
    SDL_SetWindowSize(s->window, w, MAX(h, 1));
    sdl_window_draw(s);
}

static SDL_Texture *texture_new(SdlDisplay *s, int w, int h, uint32_t format)
{
    return SDL_CreateTexture(s->renderer, format, SDL_TEXTUREACCESS_STREAMING, w, h);
}

static void picture_resize(SdlDisplay *s, int w, int h)
{
    if (s->texture)
        SDL_DestroyTexture(s->texture);
    s->texture = texture_new(s, w, h, SDL_PIXELFORMAT_RGB888);
    if (s->w == w && s->h == h)
        return;
    s->w = w;
    s->h = h;
    if (!s->full_screen)
        SDL_SetWindowSize(s->window, w, h);
}

/* ---- what is new ---- */
static void copy_rect(SDL_Texture *t, const Surface *from, int x, int y, int w, int h)
{
    void *px;
    int pitch;
    const SDL_Rect r = { x, y, w, h };
    if (w <= 0 || h <= 0 || SDL_LockTexture(t, &r, &px, &pitch) != 0)
        return;
    surface_copy(px, pitch, from, x, y, w, h);
    SDL_UnlockTexture(t);
}

static void take_picture(SdlDisplay *s, const Frame *f)
{
    int w = surface_width(f->surface), h = surface_height(f->surface), n;
    if (f->what & FRAME_SURFACE || !s->texture) {
        picture_resize(s, w, h);
        if (s->texture)
            copy_rect(s->texture, f->surface, 0, 0, w, h);
        return;
    }
    const pixman_box32_t *box = pixman_region32_rectangles((pixman_region32_t *)&f->damage, &n);
    for (int i = 0; i < n; i++) {
        int x1 = CLAMP(box[i].x1, 0, w), y1 = CLAMP(box[i].y1, 0, h);
        copy_rect(s->texture, f->surface, x1, y1, MIN(box[i].x2, w) - x1, MIN(box[i].y2, h) - y1);
    }
}

static void take_cursor(SdlDisplay *s, const Frame *f)
{
    if (s->cursor)
        SDL_DestroyTexture(s->cursor);
    if (s->host_cursor) {
        SDL_SetCursor(SDL_GetDefaultCursor());
        SDL_FreeCursor(s->host_cursor);
    }
    s->cursor = NULL;
    s->host_cursor = NULL;
    if (!f->cursor)
        return;
    int w = surface_width(f->cursor), h = surface_height(f->cursor);
    SDL_Surface *image = SDL_CreateRGBSurfaceWithFormat(0, w, h, 32, SDL_PIXELFORMAT_ARGB8888);
    if (!image)
        return;
    surface_copy(image->pixels, image->pitch, f->cursor, 0, 0, w, h);
    s->cursor = SDL_CreateTextureFromSurface(s->renderer, image);
    s->host_cursor =
        SDL_CreateColorCursor(image, CLAMP(f->hot_x, 0, w - 1), CLAMP(f->hot_y, 0, h - 1));
    SDL_FreeSurface(image);
    if (s->cursor)
        SDL_SetTextureBlendMode(s->cursor, SDL_BLENDMODE_BLEND);
}

void sdl_window_take(SdlDisplay *s)
{
    Frame f;
    if (!view_take(s->view, &f))
        return;
    if (f.what & FRAME_CONSOLE) {
        s->console = f.console;
        sdl_window_title(s);
    }
    take_picture(s, &f);
    if (f.what & FRAME_CURSOR)
        take_cursor(s, &f);
    if (f.what & (FRAME_CURSOR | FRAME_MOVED)) {
        s->cursor_x = f.x;
        s->cursor_y = f.y;
        s->cursor_on = f.cursor_on;
    }
    if (f.what & FRAME_POINTER || f.absolute != s->absolute)
        pointer_changed(s, f.absolute);
    else if (f.what & (FRAME_CURSOR | FRAME_MOVED | FRAME_CONSOLE))
        sdl_window_pointer(s);
    frame_done(&f);
    sdl_window_draw(s);
}

void sdl_window_draw(SdlDisplay *s)
{
    int w, h, cw, ch;
    SDL_GetWindowSize(s->window, &w, &h);
    SDL_RenderClear(s->renderer);
    if (s->texture)
        SDL_RenderCopy(s->renderer, s->texture, NULL, NULL);
    /* with an absolute pointer the host shows the shape where its own pointer is */
    if (s->cursor && s->cursor_on && !s->absolute && s->w && s->h) {
        SDL_QueryTexture(s->cursor, NULL, NULL, &cw, &ch);
        const SDL_FRect to = { (float)s->cursor_x * (float)w / (float)s->w,
                               (float)s->cursor_y * (float)h / (float)s->h,
                               (float)cw * (float)w / (float)s->w,
                               (float)ch * (float)h / (float)s->h };
        SDL_RenderCopyF(s->renderer, s->cursor, NULL, &to);
    }
    SDL_RenderPresent(s->renderer);
}

/* ---- open and close ---- */
/* Left alone SDL would take a screen that nobody sees; the user's SDL_VIDEODRIVER wins. */
static bool set_driver(GError **err)
{
    const char *x = g_getenv("DISPLAY"), *wayland = g_getenv("WAYLAND_DISPLAY");
    bool has_x = x && *x, has_wayland = wayland && *wayland;
    if (!has_x && !has_wayland && !g_getenv("SDL_VIDEODRIVER")) {
        SDL_SetError("neither DISPLAY nor WAYLAND_DISPLAY is set");
        return sdl_fail(err, "could not initialise SDL");
    }
    SDL_SetHint(SDL_HINT_VIDEODRIVER, has_x && has_wayland ? "x11,wayland"
                                      : has_x              ? "x11"
                                                           : "wayland");
    return true;
}

static void set_hints(void)
{
    SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
    SDL_SetHint(SDL_HINT_GRAB_KEYBOARD, "1");
    SDL_SetHint(SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "1");
    SDL_SetHint(SDL_HINT_VIDEO_X11_NET_WM_BYPASS_COMPOSITOR, "0");
    SDL_SetHint(SDL_HINT_FRAMEBUFFER_ACCELERATION, "0");
}

bool sdl_window_open(SdlDisplay *s, GError **err)
{
    uint32_t flags = SDL_WINDOW_RESIZABLE | (s->args.no_frame ? SDL_WINDOW_BORDERLESS : 0);
    set_hints();
    if (!set_driver(err))
        return false;
    if (SDL_Init(SDL_INIT_VIDEO) != 0)
        return sdl_fail(err, "could not initialise SDL");
    s->w = 640;
    s->h = 480;
    s->window = SDL_CreateWindow("QEMU", SDL_WINDOWPOS_UNDEFINED, SDL_WINDOWPOS_UNDEFINED, s->w,
                                 s->h, flags);
    if (s->window)
        s->renderer = SDL_CreateRenderer(s->window, -1, SDL_RENDERER_SOFTWARE);
    if (!s->renderer) {
        sdl_fail(err, "could not open a window");
        sdl_window_close(s);
        return false;
    }
    SDL_StartTextInput();
    sdl_window_title(s);
    if (s->args.full_screen)
        sdl_window_full_screen(s, true);
    return true;
}

void sdl_window_close(SdlDisplay *s)
{
    if (s->host_cursor)
        SDL_FreeCursor(s->host_cursor);
    if (s->renderer)
        SDL_DestroyRenderer(s->renderer); /* with its textures */
    if (s->window)
        SDL_DestroyWindow(s->window);
    SDL_Quit();
}
