/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Input: sources (viewers, windows, monitors) queue events from any thread; main pumps them into
 * the active handler of each kind, or into a text console. Keys and pointer have a queue each, so a
 * guest that does not read its mouse never holds up its keyboard. Queues are bounded: a source that
 * gets false waits. Threads: queues and held keys under ui->lock; handlers on main, locked.
 */
#include <linux/input-event-codes.h>
#include <string.h>

#include "ui/ui-int.h"

#define QUEUE_MAX   256
#define ORPHANS_MAX 16 /* of a guest that takes nothing: the oldest one's events are lost */
#define MS          1000000ll

typedef enum { Q_KEYS, Q_POINTER, QUEUES } QueueKind;

typedef struct Queued {
    InputEvent event;
    unsigned console;
} Queued;

struct InputSource {
    Ui *ui;
    char *name;
    GQueue queue[QUEUES]; /* Queued * */
    uint32_t held[KEY_CNT / 32];
    unsigned last_console;
    Timer wait;
    bool waiting;
    bool orphan; /* its owner has gone: freed when all was delivered */
    void (*done)(void *);
    void *done_o;
};

struct InputHandler {
    Ui *ui;
    Device *dev;
    const InputOps *ops;
    void *o;
    unsigned number;
};

static void pump_queue(Ui *ui);

static QueueKind queue_of(InputKind kind)
{
    return kind == IN_KEY || kind == IN_TEXT || kind == IN_WAIT ? Q_KEYS : Q_POINTER;
}

/* ---- handlers ---- */
static InputHandler *handler_for(Ui *ui, InputKind kind)
{
    for (unsigned i = ui->handlers->len; i-- > 0;) {
        InputHandler *h = ui->handlers->pdata[i];
        if (h->ops->kinds & 1u << kind)
            return h;
    }
    return NULL;
}

static bool is_pointer(const InputHandler *h)
{
    return h->ops->kinds & (1u << IN_REL | 1u << IN_ABS);
}

static InputHandler *current_pointer(Ui *ui)
{
    for (unsigned i = ui->handlers->len; i-- > 0;)
        if (is_pointer(ui->handlers->pdata[i]))
            return ui->handlers->pdata[i];
    return NULL;
}

static void pointer_changed(Ui *ui)
{
    InputHandler *h = current_pointer(ui);
    bool absolute = h && h->ops->kinds & 1u << IN_ABS;
    if (atomic_exchange(&ui->absolute, absolute) != absolute)
        views_tell(ui, NULL, FRAME_POINTER);
}

bool input_is_absolute(Vm *vm)
{
    return vm->ui && atomic_load(&vm->ui->absolute);
}

InputHandler *input_register(Vm *vm, Device *dev, const InputOps *ops, void *o)
{
    InputHandler *h = g_new0(InputHandler, 1);
    h->ui = ui_of(vm);
    h->dev = dev;
    h->ops = ops;
    h->o = o;
    h->number = ++h->ui->next_mouse;
    g_ptr_array_insert(h->ui->handlers, 0, h);
    pointer_changed(h->ui);
    return h;
}

void input_unregister(InputHandler *h)
{
    if (!h)
        return;
    g_ptr_array_remove(h->ui->handlers, h);
    pointer_changed(h->ui);
    g_free(h);
}

static void handler_move(InputHandler *h, int to)
{
    g_ptr_array_remove(h->ui->handlers, h);
    g_ptr_array_insert(h->ui->handlers, to, h);
    pointer_changed(h->ui);
    pump_queue(h->ui);
}

void input_activate(InputHandler *h)
{
    handler_move(h, -1);
}

void input_rest(InputHandler *h)
{
    handler_move(h, 0);
}

void input_leds(InputHandler *h, unsigned leds)
{
    if (h->ui->leds != leds) {
        h->ui->leds = leds;
        views_tell(h->ui, NULL, FRAME_LEDS);
    }
}

/* the current one last, as 7.2 lists them */
static InputHandler *mouse_at(Ui *ui, unsigned i)
{
    for (unsigned k = 0; k < ui->handlers->len; k++) {
        InputHandler *h = ui->handlers->pdata[k];
        if (is_pointer(h) && i-- == 0)
            return h;
    }
    return NULL;
}

bool input_mouse(Vm *vm, unsigned i, InputMouse *m)
{
    Ui *ui = ui_of(vm);
    InputHandler *h = mouse_at(ui, i);
    if (!h)
        return false;
    *m = (InputMouse){ h->ops->name, h->number, h->ops->kinds & 1u << IN_ABS,
                       h == current_pointer(ui) };
    return true;
}

bool input_mouse_set(Vm *vm, unsigned number)
{
    Ui *ui = ui_of(vm);
    for (unsigned k = 0; k < ui->handlers->len; k++) {
        InputHandler *h = ui->handlers->pdata[k];
        if (h->number == number && is_pointer(h)) {
            input_activate(h);
            return true;
        }
    }
    return false;
}

/* ---- the pump, on main ---- */
static void pump(Ui *ui);

static void pump_call(void *o)
{
    Ui *ui = o;
    atomic_store(&ui->pump_queued, false);
    pump(ui);
}

static void pump_queue(Ui *ui)
{
    if (!atomic_exchange(&ui->pump_queued, true))
        vm_call_main(ui->vm, NULL, pump_call, ui);
}

void input_ready(InputHandler *h)
{
    pump_queue(h->ui);
}

/* false: nobody can take it now */
static bool deliver(Ui *ui, const Queued *q)
{
    Console *c = console_at(ui->vm, q->console);
    if (c)
        console_look(c); /* its echo should be seen at once */
    if (c && c->ops->input) {
        c->ops->input(c->o, &q->event);
        return true;
    }
    if (q->event.kind == IN_SYNC) {
        InputHandler *h = current_pointer(ui);
        return !h || h->ops->event(h->o, &q->event);
    }
    /* a wheel belongs to whoever has the buttons, absolute or not */
    bool wheel = q->event.kind == IN_REL && q->event.code != REL_X && q->event.code != REL_Y;
    InputHandler *h = handler_for(ui, wheel ? IN_BUTTON : q->event.kind);
    return !h || h->ops->event(h->o, &q->event);
}

static void wait_over(void *o)
{
    InputSource *s = o;
    s->waiting = false;
    pump(s->ui);
}

static Queued *queue_head(InputSource *s, QueueKind k)
{
    g_mutex_lock(&s->ui->lock);
    Queued *q = g_queue_peek_head(&s->queue[k]);
    g_mutex_unlock(&s->ui->lock);
    return q;
}

static void queue_pop(InputSource *s, QueueKind k)
{
    g_mutex_lock(&s->ui->lock);
    g_free(g_queue_pop_head(&s->queue[k]));
    g_mutex_unlock(&s->ui->lock);
}

static void pump_queue_of(InputSource *s, QueueKind k)
{
    Queued *q;
    while (!(k == Q_KEYS && s->waiting) && (q = queue_head(s, k))) {
        if (q->event.kind == IN_WAIT) {
            s->waiting = true;
            timer_set(&s->wait, clock_now(s->ui->vm, CLOCK_REAL) + q->event.value * MS);
        } else if (!deliver(s->ui, q)) {
            return; /* input_ready() brings us back */
        }
        queue_pop(s, k);
    }
}

static void source_free(InputSource *s)
{
    timer_free(&s->wait);
    g_mutex_lock(&s->ui->lock);
    g_ptr_array_remove(s->ui->sources, s);
    g_mutex_unlock(&s->ui->lock);
    for (unsigned k = 0; k < QUEUES; k++)
        g_queue_clear_full(&s->queue[k], g_free);
    g_free(s->name);
    g_free(s);
}

static void pump(Ui *ui)
{
    g_mutex_lock(&ui->lock);
    g_autoptr(GPtrArray) sources = g_ptr_array_copy(ui->sources, NULL, NULL);
    g_mutex_unlock(&ui->lock);
    for (unsigned i = 0; i < sources->len; i++) {
        InputSource *s = sources->pdata[i];
        pump_queue_of(s, Q_KEYS);
        pump_queue_of(s, Q_POINTER);
        if (s->done && !input_pending(s)) {
            void (*done)(void *) = s->done;
            s->done = NULL;
            done(s->done_o); /* may free the source: touch it no more */
        } else if (s->orphan && !input_pending(s)) {
            source_free(s);
        }
    }
}

/* ---- sources ---- */
InputSource *input_source_new(Vm *vm, const char *name)
{
    InputSource *s = g_new0(InputSource, 1);
    s->ui = ui_of(vm);
    s->name = g_strdup(name);
    timer_init_core(&s->wait, vm, CLOCK_REAL, wait_over, s);
    g_mutex_lock(&s->ui->lock);
    g_ptr_array_add(s->ui->sources, s);
    g_mutex_unlock(&s->ui->lock);
    return s;
}

static void orphans_limit(Ui *ui)
{
    InputSource *oldest = NULL;
    unsigned n = 0;
    g_mutex_lock(&ui->lock);
    for (unsigned i = ui->sources->len; i-- > 0;) {
        InputSource *s = ui->sources->pdata[i];
        if (s->orphan) {
            oldest = s;
            n++;
        }
    }
    g_mutex_unlock(&ui->lock);
    if (n > ORPHANS_MAX)
        source_free(oldest);
}

/* What a viewer typed before it went is still typed, and what it held is released behind that. */
static void source_orphan(void *o)
{
    InputSource *s = o;
    input_release(s);
    s->orphan = true;
    orphans_limit(s->ui);
    pump_queue(s->ui);
}

/* any thread: a viewer's thread frees its source, but timers are main's */
void input_source_free(InputSource *s)
{
    if (s)
        vm_call_main(s->ui->vm, NULL, source_orphan, s);
}

static bool held_test(const InputSource *s, unsigned code)
{
    return s->held[code / 32] >> (code % 32) & 1;
}

static void held_set(InputSource *s, unsigned code, bool on)
{
    uint32_t bit = 1u << (code % 32);
    s->held[code / 32] = on ? s->held[code / 32] | bit : s->held[code / 32] & ~bit;
}

static bool is_key(const InputEvent *e)
{
    return (e->kind == IN_KEY || e->kind == IN_BUTTON) && e->code < KEY_CNT;
}

/* the pending motion that this one can join: nothing but motion behind it */
static InputEvent *merge_target(InputSource *s, const InputEvent *e, unsigned console)
{
    for (GList *l = s->queue[Q_POINTER].tail; l; l = l->prev) {
        Queued *q = l->data;
        if (q->event.kind == IN_BUTTON || q->console != console)
            return NULL;
        if (q->event.kind == e->kind && q->event.code == e->code)
            return &q->event;
    }
    return NULL;
}

/* under the lock */
static void put(InputSource *s, unsigned console, const InputEvent *e)
{
    if (is_key(e)) {
        if (!e->value && !held_test(s, e->code))
            return;
        held_set(s, e->code, e->value);
    }
    /* the head may be in a handler's hands on main just now: never change it */
    bool motion = e->kind == IN_REL || e->kind == IN_ABS || e->kind == IN_SYNC;
    InputEvent *same =
        motion && s->queue[Q_POINTER].length > 32 ? merge_target(s, e, console) : NULL;
    Queued *head = g_queue_peek_head(&s->queue[Q_POINTER]);
    if (same && head && same != &head->event) {
        same->value = e->kind == IN_REL ? same->value + e->value : e->value;
        return;
    }
    Queued *q = g_new(Queued, 1);
    *q = (Queued){ *e, console };
    g_queue_push_tail(&s->queue[queue_of(e->kind)], q);
}

bool input_send(InputSource *s, unsigned console, const InputEvent *e, size_t n)
{
    Ui *ui = s->ui;
    unsigned room[QUEUES];
    bool ok = true;
    g_mutex_lock(&ui->lock);
    for (unsigned k = 0; k < QUEUES; k++)
        room[k] = QUEUE_MAX > s->queue[k].length ? QUEUE_MAX - s->queue[k].length : 0;
    for (size_t i = 0; i < n && ok; i++) {
        bool release = is_key(&e[i]) && !e[i].value;
        unsigned *left = &room[queue_of(e[i].kind)];
        ok = release || *left;
        *left -= *left > 0;
    }
    for (size_t i = 0; i < n && ok; i++)
        put(s, console, &e[i]);
    s->last_console = console;
    g_mutex_unlock(&ui->lock);
    if (ok)
        pump_queue(ui);
    return ok;
}

void input_release(InputSource *s)
{
    g_mutex_lock(&s->ui->lock);
    bool any = false;
    for (unsigned code = 0; code < KEY_CNT; code++) {
        if (!held_test(s, code))
            continue;
        bool button = code >= BTN_MOUSE && code < BTN_JOYSTICK;
        put(s, s->last_console, &(InputEvent){ button ? IN_BUTTON : IN_KEY, code, 0 });
        if (button)
            put(s, s->last_console, &(InputEvent){ IN_SYNC, 0, 0 });
        any = true;
    }
    g_mutex_unlock(&s->ui->lock);
    if (any)
        pump_queue(s->ui);
}

unsigned input_pending(InputSource *s)
{
    g_mutex_lock(&s->ui->lock);
    unsigned n = s->queue[Q_KEYS].length + s->queue[Q_POINTER].length + s->waiting;
    g_mutex_unlock(&s->ui->lock);
    return n;
}

void input_when_done(InputSource *s, void (*fn)(void *), void *o)
{
    s->done = fn;
    s->done_o = o;
    pump_queue(s->ui);
}

/* ---- the end ---- */
void input_close(Ui *ui)
{
    while (ui->sources->len)
        source_free(ui->sources->pdata[0]);
}

void input_free(Ui *ui)
{
    for (unsigned i = 0; i < ui->handlers->len; i++)
        g_free(ui->handlers->pdata[i]);
    g_ptr_array_unref(ui->handlers);
    g_ptr_array_unref(ui->sources);
}
