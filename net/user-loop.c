/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libslirp in our main loop: a GSource that asks it before each poll what it waits for. While the
 * machine stands still, or while the peer has no room for a frame, slirp is not asked and waits for
 * nothing: what comes from the host stays in the kernel's sockets. The frames it makes in the turn
 * in which the peer becomes full are kept; when there are too many nothing more is taken from the
 * guest, whose frames are what makes them.
 *
 * Descriptors are kept in the source as long as slirp waits for them: GLib wakes the loop once more
 * for each new one, and an idle guest is to cost nothing. Threads: main; slirp's own callbacks also
 * on a vCPU, machine lock held.
 */
#include <poll.h>
#include <sys/resource.h>

#include "core/clock.h"
#include "net/user-int.h"
#include "util/log.h"

enum { MAX_OUT = 1 << 20 };
/* the guest's connections get one of so many parts of our descriptors, or so many */
enum { SPARE_FDS = 2, LEAST_FDS = 100 };

typedef struct UserFd {
    GPollFD poll;
    bool wanted;
} UserFd;

struct UserSource {
    GSource source;
    User *user;
    GHashTable *fds;  /* fd -> UserFd * */
    GPtrArray *order; /* UserFd *, by the index that slirp got */
    int64_t due;      /* us of g_source_get_time(): slirp's next turn; INT64_MAX: none */
    gint woken;
    bool notified;
};

/* ---- what slirp waits for ---- */

static const struct {
    int slirp;
    gushort poll;
} event_bits[] = {
    { SLIRP_POLL_IN, G_IO_IN },   { SLIRP_POLL_OUT, G_IO_OUT }, { SLIRP_POLL_PRI, G_IO_PRI },
    { SLIRP_POLL_ERR, G_IO_ERR }, { SLIRP_POLL_HUP, G_IO_HUP },
};

static int add_poll(int fd, int events, void *o)
{
    UserSource *s = o;
    UserFd *f = g_hash_table_lookup(s->fds, GINT_TO_POINTER(fd));

    if (!f) {
        f = g_new0(UserFd, 1);
        f->poll.fd = fd;
        g_hash_table_insert(s->fds, GINT_TO_POINTER(fd), f);
        g_source_add_poll(&s->source, &f->poll);
    }
    if (!f->wanted)
        f->poll.events = 0;
    f->wanted = true;
    for (size_t i = 0; i < G_N_ELEMENTS(event_bits); i++) {
        if (events & event_bits[i].slirp)
            f->poll.events |= event_bits[i].poll;
    }
    g_ptr_array_add(s->order, f);
    return (int)s->order->len - 1;
}

static int get_revents(int idx, void *o)
{
    UserSource *s = o;
    const UserFd *f;
    int events = 0;

    if (idx < 0 || (guint)idx >= s->order->len)
        return 0;
    f = s->order->pdata[idx];
    for (size_t i = 0; i < G_N_ELEMENTS(event_bits); i++) {
        if (f->poll.revents & event_bits[i].poll)
            events |= event_bits[i].slirp;
    }
    return events;
}

static gboolean drop_unwanted(gpointer key, gpointer value, gpointer o)
{
    UserSource *s = o;
    UserFd *f = value;
    bool drop = !f->wanted;

    f->wanted = false;
    if (drop)
        g_source_remove_poll(&s->source, &f->poll);
    return drop;
}

/* A guest that opens connections without end takes no descriptor that a disk or monitor needs. */
static unsigned room_beside(unsigned fds)
{
    struct rlimit r;
    rlim_t most = getrlimit(RLIMIT_NOFILE, &r) == 0 ? r.rlim_cur / SPARE_FDS : LEAST_FDS;

    most = CLAMP(most, LEAST_FDS, UINT_MAX);
    return fds < most ? (unsigned)most - fds : 0;
}

static bool frozen(const User *u)
{
    return !u->port.vm->running || user_full(u) || !g_queue_is_empty(u->out);
}

static gboolean source_prepare(GSource *g, gint *timeout)
{
    UserSource *s = (UserSource *)g;
    int64_t now = g_source_get_time(g);
    uint32_t ms = UINT32_MAX;

    g_atomic_int_set(&s->woken, 0);
    if (s->notified) {
        s->notified = false;
        user_fwd_accept(s->user);
    }
    g_ptr_array_set_size(s->order, 0);
    if (!frozen(s->user)) {
        slirp_pollfds_fill(s->user->slirp, &ms, add_poll, s);
        s->user->room = room_beside(s->order->len);
    }
    g_hash_table_foreach_remove(s->fds, drop_unwanted, s);
    /* a loop that turns more often does not put it off */
    s->due = ms == UINT32_MAX ? INT64_MAX : MIN(s->due, now + ms * (int64_t)1000);
    *timeout = ms == UINT32_MAX ? -1 : (gint)(MAX(s->due - now + 999, 0) / 1000);
    return FALSE;
}

static gboolean source_check(GSource *g)
{
    UserSource *s = (UserSource *)g;

    for (guint i = 0; i < s->order->len; i++) {
        if (((UserFd *)s->order->pdata[i])->poll.revents)
            return TRUE;
    }
    return g_source_get_time(g) >= s->due;
}

static gboolean source_dispatch(GSource *g, GSourceFunc fn, gpointer data)
{
    UserSource *s = (UserSource *)g;

    s->due = INT64_MAX;
    slirp_pollfds_poll(s->user->slirp, 0, get_revents, s);
    user_fwd_accept(s->user);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_funcs = {
    .prepare = source_prepare,
    .check = source_check,
    .dispatch = source_dispatch,
};

void user_loop_init(User *u)
{
    UserSource *s = (UserSource *)g_source_new(&source_funcs, sizeof(UserSource));

    s->user = u;
    s->fds = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    s->order = g_ptr_array_new();
    s->due = INT64_MAX;
    u->source = s;
    u->out = g_queue_new();
    u->room = room_beside(0);
    g_source_set_static_name(&s->source, "user network");
    g_source_attach(&s->source, NULL);
}

static void drop_out(gpointer frame)
{
    g_bytes_unref(frame);
}

void user_loop_fini(User *u)
{
    UserSource *s = u->source;

    g_source_destroy(&s->source);
    g_hash_table_unref(s->fds);
    g_ptr_array_unref(s->order);
    g_source_unref(&s->source);
    g_queue_free_full(u->out, drop_out);
}

void user_loop_wake(User *u)
{
    if (!g_main_context_is_owner(NULL) &&
        g_atomic_int_compare_and_exchange(&u->source->woken, 0, 1))
        g_main_context_wakeup(NULL);
}

/* ---- frames of slirp's ---- */

bool user_full(const User *u)
{
    return u->out_bytes >= MAX_OUT || user_fwd_full(u);
}

static ssize_t send_packet(const void *frame, size_t len, void *o)
{
    User *u = o;

    if (g_queue_is_empty(u->out) && net_send_buf(&u->port, frame, len) != 0)
        return (ssize_t)len;
    g_queue_push_tail(u->out, g_bytes_new(frame, len));
    u->out_bytes += len;
    return (ssize_t)len;
}

void user_flush(User *u)
{
    GBytes *frame;

    while ((frame = g_queue_peek_head(u->out)) != NULL) {
        size_t len;
        const void *p = g_bytes_get_data(frame, &len);

        if (net_send_buf(&u->port, p, len) == 0)
            return;
        u->out_bytes -= len;
        g_bytes_unref(g_queue_pop_head(u->out));
    }
    net_resume(&u->port);
    user_loop_wake(u);
}

/* ---- the rest of what slirp asks for ---- */

typedef struct UserTimer {
    Timer timer;
    User *user;
    SlirpTimerId id;
    void *arg;
} UserTimer;

static void timer_fired(void *o)
{
    UserTimer *t = o;

    slirp_handle_timer(t->user->slirp, t->id, t->arg);
}

static void *timer_new_cb(SlirpTimerId id, void *arg, void *o)
{
    UserTimer *t = g_new0(UserTimer, 1);

    t->user = o;
    t->id = id;
    t->arg = arg;
    timer_init_core(&t->timer, t->user->port.vm, CLOCK_VIRTUAL, timer_fired, t);
    return t;
}

static void timer_free_cb(void *timer, void *o)
{
    UserTimer *t = timer;

    timer_free(&t->timer);
    g_free(t);
}

static void timer_mod_cb(void *timer, int64_t ms, void *o)
{
    timer_set(&((UserTimer *)timer)->timer, ms * 1000000);
}

static int64_t clock_cb(void *o)
{
    return clock_now(((User *)o)->port.vm, CLOCK_VIRTUAL);
}

static void guest_error_cb(const char *msg, void *o)
{
    LOG(LOG_GUEST_ERRORS, "net: %s: %s\n", ((User *)o)->port.name, msg);
}

static void poll_fd_cb(int fd, void *o) {}

/* A TCP buffer has room: on main, so that no chardev is entered from inside slirp. */
static void notify_cb(void *o)
{
    User *u = o;

    u->source->notified = true;
    user_loop_wake(u);
}

const SlirpCb user_callbacks = {
    .send_packet = send_packet,
    .guest_error = guest_error_cb,
    .clock_get_ns = clock_cb,
    .timer_free = timer_free_cb,
    .timer_mod = timer_mod_cb,
    .register_poll_fd = poll_fd_cb,
    .unregister_poll_fd = poll_fd_cb,
    .notify = notify_cb,
    .timer_new_opaque = timer_new_cb,
};
