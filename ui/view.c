/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Views: what is new for one pair of eyes, merged until its thread takes it. The pending part is
 * under ui->lock, a leaf; want and live are atomic, because displays set and read them at any time.
 */
#include "ui/ui-int.h"

static void view_unref(View *v)
{
    if (!g_atomic_ref_count_dec(&v->ref))
        return;
    pixman_region32_fini(&v->damage);
    g_free(v);
}

/* under the leaf lock */
static void view_wake(View *v)
{
    if (!v->woken && !v->gone) {
        v->woken = true;
        v->wake(v->o);
    }
}

View *view_new(Vm *vm, Console *c, void (*wake)(void *o), void *o)
{
    View *v = g_new0(View, 1);
    g_atomic_ref_count_init(&v->ref);
    v->ui = ui_of(vm);
    v->console = c;
    v->wake = wake;
    v->o = o;
    v->what = FRAME_ALL;
    pixman_region32_init(&v->damage);
    g_ptr_array_add(v->ui->views, v);
    return v;
}

/* main: somebody began to look, or looks at another console */
static void view_start(void *o)
{
    View *v = o;
    atomic_store(&v->start_queued, false);
    if (!v->gone && atomic_load(&v->want)) {
        bool fresh = atomic_exchange(&v->restart, false);
        if (v->console) {
            Console *c = v->console;
            bool watched = c->watched;
            console_look(c);
            if (watched && fresh)
                c->ops->refresh(c->o, true);
        }
        if (!fresh) { /* it only wants to be told more often */
            view_unref(v);
            return;
        }
        g_mutex_lock(&v->ui->lock);
        v->what = FRAME_ALL;
        atomic_store(&v->live, true);
        v->woken = true;
        v->wake(v->o);
        g_mutex_unlock(&v->ui->lock);
    }
    view_unref(v);
}

static void view_queue_start(View *v)
{
    if (!atomic_exchange(&v->start_queued, true)) {
        g_atomic_ref_count_inc(&v->ref);
        vm_call_main(v->ui->vm, NULL, view_start, v);
    }
}

void view_want(View *v, unsigned ms)
{
    unsigned old = atomic_exchange(&v->want, ms);
    if (!ms || !old)
        atomic_store(&v->live, false);
    if (!old && ms)
        atomic_store(&v->restart, true);
    if ((!old && ms) || ms < old)
        view_queue_start(v);
}

bool view_live(View *v)
{
    return atomic_load(&v->live);
}

void view_show(View *v, Console *c)
{
    g_mutex_lock(&v->ui->lock);
    v->console = c;
    v->what = FRAME_ALL;
    g_mutex_unlock(&v->ui->lock);
    atomic_store(&v->live, false);
    atomic_store(&v->restart, true);
    if (atomic_load(&v->want))
        view_queue_start(v);
}

void view_free(View *v)
{
    atomic_store(&v->want, 0);
    g_mutex_lock(&v->ui->lock);
    v->gone = true;
    g_mutex_unlock(&v->ui->lock);
    g_ptr_array_remove(v->ui->views, v);
    view_unref(v);
}

bool view_take(View *v, Frame *f)
{
    g_mutex_lock(&v->ui->lock);
    v->woken = false;
    bool any = v->what || pixman_region32_not_empty(&v->damage);
    Console *c = v->console;
    if (any) {
        *f = (Frame){ .what = v->what,
                      .leds = v->ui->leds,
                      .absolute = atomic_load(&v->ui->absolute) };
        f->surface = c && c->surface ? surface_ref(c->surface) : surface_new(640, 480);
        if (c) {
            f->cursor = c->cursor ? surface_ref(c->cursor) : NULL;
            f->console = c->number;
            f->hot_x = c->hot_x;
            f->hot_y = c->hot_y;
            f->x = c->cursor_x;
            f->y = c->cursor_y;
            f->cursor_on = c->cursor_on;
        }
        pixman_region32_init(&f->damage);
        pixman_region32_copy(&f->damage, &v->damage);
        pixman_region32_clear(&v->damage);
        v->what = 0;
    }
    g_mutex_unlock(&v->ui->lock);
    return any;
}

void frame_done(Frame *f)
{
    surface_unref(f->surface);
    surface_unref(f->cursor);
    pixman_region32_fini(&f->damage);
}

/* ---- the consoles' side ---- */
void views_damage(Console *c, int x, int y, int w, int h)
{
    Ui *ui = c->ui;
    g_mutex_lock(&ui->lock);
    for (unsigned i = 0; i < ui->views->len; i++) {
        View *v = ui->views->pdata[i];
        if (v->console == c && atomic_load(&v->want)) {
            pixman_region32_union_rect(&v->damage, &v->damage, x, y, w, h);
            /* a guest that draws confetti must not make the list of rectangles long */
            if (pixman_region32_n_rects(&v->damage) > 256) {
                pixman_box32_t box = *pixman_region32_extents(&v->damage);
                pixman_region32_reset(&v->damage, &box);
            }
            view_wake(v);
        }
    }
    g_mutex_unlock(&ui->lock);
}

void views_tell(Ui *ui, Console *c, unsigned what)
{
    g_mutex_lock(&ui->lock);
    for (unsigned i = 0; i < ui->views->len; i++) {
        View *v = ui->views->pdata[i];
        if (c && v->console != c)
            continue;
        v->what |= what;
        /* stale rectangles may lie outside the new surface; all of it is new anyway */
        if (what & FRAME_SURFACE)
            pixman_region32_clear(&v->damage);
        if (atomic_load(&v->want))
            view_wake(v);
    }
    g_mutex_unlock(&ui->lock);
}

unsigned views_interval(const Console *c)
{
    unsigned least = 0;
    for (unsigned i = 0; i < c->ui->views->len; i++) {
        View *v = c->ui->views->pdata[i];
        unsigned want = atomic_load(&v->want);
        if (v->console == c && want)
            least = least ? MIN(least, want) : want;
    }
    return least;
}

void views_forget(Console *c)
{
    for (unsigned i = 0; i < c->ui->views->len; i++) {
        View *v = c->ui->views->pdata[i];
        if (v->console == c)
            view_show(v, NULL);
    }
}
