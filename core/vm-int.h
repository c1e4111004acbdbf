/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private to core/: what one VM has beside what devices may read. Unless said, a member is touched
 * with the machine lock held.
 */
#ifndef CORE_VM_INT_H
#define CORE_VM_INT_H

#include <glib.h>
#include <pthread.h>
#include <stdatomic.h>

#include "core/clock.h"
#include "core/device.h"
#include "core/event.h"
#include "core/home.h"
#include "core/memory.h"
#include "core/runstate.h"
#include "core/vcpu.h"
#include "core/vm.h"

/* pthread locks throughout core: the thread sanitizer knows them, GLib's futexes it does not. */

/* The timers of one home, three heaps; heap[c]->pdata[0] is unused. */
typedef struct TimerQueue {
    Vm *vm;
    GMainContext *context; /* NULL: main */
    pthread_t thread;
    GPtrArray *heap[3];
    GPtrArray *due; /* Timer *, NULL where cancelled: what this round still has to run */
    uint64_t seq;
} TimerQueue;

/* What a thread that runs a main loop is to core: its poll function finds it here. */
typedef struct Loop {
    Vm *vm;
    TimerQueue *timers;
    bool main; /* holds the machine lock but in poll */
} Loop;
extern _Thread_local Loop loop_self;

typedef struct MainCall {
    struct MainCall *next;
    void (*fn)(void *);
    void *arg;
    Device *owner;
} MainCall;

/* The virtual clock, read without a lock: seq is odd while it changes. */
typedef struct VirtualClock {
    _Atomic unsigned seq;
    _Atomic bool running, stepped;
    _Atomic int64_t offset; /* running: now = monotonic + offset; stopped, stepped: now = offset */
} VirtualClock;

/* The gate of all vCPUs (vcpu.c); everything but hold under lock, a leaf lock. */
typedef struct Gate {
    pthread_mutex_t lock;
    pthread_cond_t in, out; /* in: vCPUs wait to go on; out: somebody waits for them to leave */
    _Atomic unsigned hold;  /* reasons why nobody may go IN */
    unsigned pauses;
    unsigned committing; /* somebody changes the map: nobody may start to run alone */
    Vcpu *alone;         /* runs in vcpus_exclusive */
} Gate;

typedef struct VmHook {
    const VmListener *ops;
    void *o;
} VmHook;
typedef struct EventHook {
    EventFn *fn;
    void *o;
} EventHook;

typedef struct DoorBell {
    Region *region;
    Bell bell; /* addr: offset in the region */
} DoorBell;

typedef struct VmCore {
    Vm vm;
    pthread_mutex_t lock;
    _Atomic uint32_t main_wants, served; /* vm.c: the turnstiles of the lock */
    _Atomic unsigned waiting;
    _Atomic bool main_yields;

    /* loop.c */
    GSource *source;
    pthread_mutex_t calls_lock;
    MainCall *calls, **calls_end;
    _Atomic bool quit;
    _Atomic int status;
    TimerQueue timers;
    GPtrArray *homes;
    VirtualClock clock;

    /* runstate.c */
    _Atomic int state;
    bool complete;
    VmActions actions;
    GArray *hooks; /* VmHook */

    /* event.c */
    GArray *event_hooks; /* EventHook */

    /* memory.c */
    GPtrArray *spaces;
    GArray *doorbells; /* DoorBell */
    unsigned map_depth;
    bool map_busy;

    /* vcpu.c */
    Gate gate;
    const AccelOps *accel;
    VcpuEvent *vcpu_event;

    /* object.c */
    GPtrArray *objects; /* NULL: none yet */

    /* device.c */
    GPtrArray *devices; /* realized, parents before what hangs below them */
    GArray *globals;    /* DeviceGlobal */
    unsigned n_anon, n_unattached;
    GHashTable *bus_numbers; /* prefix -> next number */
} VmCore;

static inline VmCore *vm_core(Vm *vm)
{
    return (VmCore *)vm;
}

/* vm.c */
void vm_give_way(Vm *); /* main, unlocked: lets in a vCPU that waits for the lock */

/* loop.c */
void loop_init(VmCore *);
void loop_fini(VmCore *);
void loop_wake(Vm *); /* any: main looks again at its timers and calls */
gint loop_poll(GPollFD *, guint n, gint timeout_ms);

/* clock.c */
void timer_queue_init(TimerQueue *, Vm *, GMainContext *);
void timer_queue_fini(TimerQueue *);
int64_t timer_queue_wait(TimerQueue *); /* ns until the first is due; 0: now; -1: none */
void timer_queue_run(TimerQueue *);     /* one round */
void clock_run(Vm *, bool running);
void timer_arm(Timer *); /* from *deadline, after reset and load */
void timer_disarm(Timer *);
TimerQueue *home_timers(Vm *, GMainContext *);

/* memory.c, space.c */
void memory_fini(VmCore *);
void memory_forget(Device *);  /* rows and doorbells of its regions go */
void memory_release(Device *); /* its regions' memory goes */
void map_caches_drop(void);    /* a home's, before it polls */
void vcpu_caches_drop(Vcpu *); /* held outside guest code, or its own thread */

/* vcpu.c */
void gate_init(VmCore *);
void gate_fini(VmCore *);
void gate_hold(Vm *); /* locked; on return no other vCPU is IN */
void gate_release(Vm *);
void gate_wait_lock(Vcpu *); /* before and after the machine lock on a vCPU */
void gate_got_lock(Vcpu *);
void vcpu_block(Vcpu *, bool on); /* any: counted; it executes nothing more while blocked */
void vcpus_reset(Vm *);
void vcpu_unbar(Vcpu *);
void vcpus_end(Vm *); /* their threads; the structs stay: devices name them */
void vcpus_free(Vm *);

/* device.c, reset.c */
void device_own_timer(Device *, Timer *);
void device_disown_timer(Device *, Timer *);
void device_own_region(Device *, Region *);
void devices_init(VmCore *);
void devices_fini(VmCore *);
void vm_reset(Vm *, void (*done)(Vm *, void *), void *o); /* the whole machine, vCPUs paused */

/* event.c */
void event_init(VmCore *);
void event_fini(VmCore *);

#endif
