/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Consoles: who shows what, and when it is drawn. A polled console is refreshed at the smallest
 * interval that one of its views wants; quiet ones back off to 250 ms; when nobody looks there is
 * no timer and no dirty logging. Main, locked.
 */
#include "ui/ui-int.h"

#define QUIET_AFTER 8 /* refreshes without damage before the interval doubles */
#define QUIET_MAX   250
#define MS          1000000ll

Ui *ui_of(Vm *vm)
{
    if (!vm->ui) {
        Ui *ui = g_new0(Ui, 1);
        ui->vm = vm;
        g_mutex_init(&ui->lock);
        ui->consoles = g_ptr_array_new();
        ui->views = g_ptr_array_new();
        ui->handlers = g_ptr_array_new();
        ui->sources = g_ptr_array_new();
        vm->ui = ui;
    }
    return vm->ui;
}

void ui_close(Vm *vm)
{
    if (vm->ui)
        input_close(vm->ui);
}

void ui_free(Ui *ui)
{
    if (!ui)
        return;
    input_free(ui);
    g_ptr_array_unref(ui->consoles);
    g_ptr_array_unref(ui->views);
    g_mutex_clear(&ui->lock);
    g_free(ui->sdl);
    g_free(ui);
}

void keymap_set(Vm *vm, KeyMap *map)
{
    ui_of(vm)->keymap = map;
}

KeyMap *keymap_of(Vm *vm)
{
    Ui *ui = ui_of(vm);
    return ui->keymap ? ui->keymap : keymap_get("en-us", NULL);
}

/* ---- refresh ---- */
static unsigned interval_of(const Console *c)
{
    unsigned ms = views_interval(c);
    for (unsigned q = c->quiet; ms && q >= QUIET_AFTER && ms < QUIET_MAX; q -= QUIET_AFTER)
        ms = MIN(ms * 2, QUIET_MAX);
    return ms;
}

static void console_watch(Console *c, bool on)
{
    if (c->watched != on) {
        c->watched = on;
        if (c->ops->watch)
            c->ops->watch(c->o, on);
    }
}

static void console_tick(void *o)
{
    Console *c = o;
    unsigned ms = interval_of(c);
    if (!ms) {
        console_watch(c, false);
        return;
    }
    if (c->ops->polled || c->changed) {
        c->changed = c->damaged = false;
        c->ops->refresh(c->o, false);
        c->quiet = c->damaged ? 0 : MIN(c->quiet + 1, 1000);
        ms = interval_of(c);
    }
    if (ms && c->ops->polled)
        timer_set(&c->timer, clock_now(c->ui->vm, CLOCK_REAL) + ms * MS);
}

void console_look(Console *c)
{
    c->quiet = 0;
    if (!views_interval(c))
        return;
    if (!c->watched) {
        console_watch(c, true);
        c->ops->refresh(c->o, true);
    }
    timer_set(&c->timer, clock_now(c->ui->vm, CLOCK_REAL) + views_interval(c) * MS);
}

void console_changed(Console *c)
{
    if (!c->changed) {
        c->changed = true;
        unsigned ms = views_interval(c);
        if (ms)
            timer_set(&c->timer, clock_now(c->ui->vm, CLOCK_REAL) + ms * MS);
    }
}

/* ---- made and found ---- */
static void consoles_number(Ui *ui)
{
    for (unsigned i = 0; i < ui->consoles->len; i++)
        ((Console *)ui->consoles->pdata[i])->number = i;
}

Console *console_new(Vm *vm, Device *dev, unsigned head, const char *label, const ConsoleOps *ops,
                     void *o)
{
    Ui *ui = ui_of(vm);
    Console *c = g_new0(Console, 1);
    c->ui = ui;
    c->dev = dev;
    c->head = head;
    c->label = g_strdup(label);
    c->ops = ops;
    c->o = o;
    timer_init_core(&c->timer, vm, CLOCK_REAL, console_tick, c);
    unsigned at = ui->consoles->len;
    /* graphics first */
    for (unsigned i = 0; dev && i < at; i++)
        if (!((Console *)ui->consoles->pdata[i])->dev)
            at = i;
    g_ptr_array_insert(ui->consoles, at, c);
    consoles_number(ui);
    return c;
}

void console_free(Console *c)
{
    if (!c)
        return;
    timer_free(&c->timer);
    views_forget(c);
    g_ptr_array_remove(c->ui->consoles, c);
    consoles_number(c->ui);
    surface_unref(c->surface);
    surface_unref(c->cursor);
    g_free(c->label);
    g_free(c);
}

Console *console_at(Vm *vm, unsigned number)
{
    Ui *ui = ui_of(vm);
    return number < ui->consoles->len ? ui->consoles->pdata[number] : NULL;
}

Console *console_of(Vm *vm, Device *dev, unsigned head)
{
    Ui *ui = ui_of(vm);
    for (unsigned i = 0; i < ui->consoles->len; i++) {
        Console *c = ui->consoles->pdata[i];
        if (c->dev == dev && c->head == head)
            return c;
    }
    return NULL;
}

unsigned console_number(const Console *c)
{
    return c->number;
}

bool console_text(Console *c, TextScreen *t)
{
    g_array_set_size(t->cells, 0);
    t->cursor_x = t->cursor_y = -1;
    t->cp437 = false;
    return c->ops->text && c->ops->text(c->o, t);
}

/* ---- the device's words ---- */
void console_set_surface(Console *c, Surface *take)
{
    g_mutex_lock(&c->ui->lock);
    Surface *old = c->surface;
    c->surface = take;
    g_mutex_unlock(&c->ui->lock);
    surface_unref(old);
    c->damaged = true;
    views_tell(c->ui, c, FRAME_SURFACE);
}

Surface *console_surface(Console *c)
{
    return c->surface;
}

void console_damage(Console *c, int x, int y, int w, int h)
{
    if (!c->surface || w <= 0 || h <= 0)
        return;
    c->damaged = true;
    views_damage(c, x, y, w, h);
}

void console_cursor(Console *c, Surface *take, int hot_x, int hot_y)
{
    g_mutex_lock(&c->ui->lock);
    Surface *old = c->cursor;
    c->cursor = take;
    c->hot_x = hot_x;
    c->hot_y = hot_y;
    g_mutex_unlock(&c->ui->lock);
    surface_unref(old);
    views_tell(c->ui, c, FRAME_CURSOR);
}

void console_cursor_at(Console *c, int x, int y, bool on)
{
    g_mutex_lock(&c->ui->lock);
    c->cursor_x = x;
    c->cursor_y = y;
    c->cursor_on = on;
    g_mutex_unlock(&c->ui->lock);
    views_tell(c->ui, c, FRAME_MOVED);
}

void console_bell(Console *c)
{
    views_tell(c->ui, c, FRAME_BELL);
}

Surface *console_snapshot(Console *c)
{
    c->ops->refresh(c->o, !c->watched);
    if (!c->surface)
        return NULL;
    int w = surface_width(c->surface), h = surface_height(c->surface);
    Surface *copy = surface_new(w, h);
    surface_copy(pixman_image_get_data(copy->image), pixman_image_get_stride(copy->image),
                 c->surface, 0, 0, w, h);
    return copy;
}
