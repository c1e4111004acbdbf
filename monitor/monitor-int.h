/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of monitor/ share. Everything on main, locked. */
#ifndef MONITOR_MONITOR_INT_H
#define MONITOR_MONITOR_INT_H

#include "chardev/chardev.h"
#include "core/command.h"
#include "core/event.h"
#include "monitor/monitor.h"
#include "util/json.h"
#include "util/line.h"

const char *qmp_error_class(const GError *);

/* What "/4xw" says. */
typedef struct MemFormat {
    unsigned count, size; /* size 0: not given */
    char letter;          /* x d u o c i, 0: not given */
} MemFormat;

typedef struct Monitor Monitor;
struct Monitor {
    Vm *vm;
    CharFront front;
    int mode;
    bool pretty, talks;     /* talks: its peer is there */
    bool greeted, prompted; /* readline: a line can be typed */
    unsigned cpu;           /* index of the vCPU that commands look at */
    unsigned session;       /* counts peers: a late reply must not reach the next one */
    guint turn;             /* source id: waits for the main loop's next turn */
    Reply *pending;         /* the command that deferred its reply; input waits */
    GByteArray *out;        /* what the chardev did not take yet */
    /* readline */
    LineEdit *line;
    void (*answer)(Monitor *, const char *text, void *o); /* instead of a command: a question's */
    void *answer_o;
    MemFormat last_format; /* of x and xp */
    /* control */
    JsonStream *json;
    bool negotiated;
};

struct MonitorList {
    GPtrArray *all;    /* Monitor * */
    GPtrArray *by_qmp; /* const Command *, sorted by name */
    GPtrArray *by_hmp;
    struct EventPace *pace;          /* one an event type */
    struct KeyQueue *keys;           /* NULL: none sent yet */
    struct InputSource *mouse;       /* the same */
    bool started, listening, ending; /* ending: quit was said, nothing more runs */
};
MonitorList *monitor_list(Vm *);

/* ---- monitor.c ---- */
void monitor_out(Monitor *, const char *p, size_t n);
bool monitor_may_run(Monitor *); /* started, nothing pending, output not piled up */
void monitor_resume(Monitor *);  /* input that waited goes on */
void monitor_yield(Monitor *);   /* the same, on the main loop's next turn */

/* ---- hmp.c ---- */
void hmp_open(Monitor *);
void hmp_close(Monitor *);
void hmp_event(Monitor *, CharEvent);
size_t hmp_receive(Monitor *, const uint8_t *p, size_t n);
void hmp_resume(Monitor *);
/* Runs one line; done(r, o) once, perhaps later, with the reply's text and error, then frees it. */
void hmp_run(Vm *, Monitor *or_null, unsigned cpu, const char *line, void (*done)(Reply *, void *),
             void *o);
/* A question with an own prompt; fn gets the answer. false: there is nobody to ask. */
bool hmp_ask(Reply *, const char *prompt, bool hidden, void (*fn)(Monitor *, const char *, void *),
             void *o);
/* The longest command name that the text begins with; *rest behind it. NULL: none. */
const Command *hmp_find(Vm *, const char *text, const char **rest);
bool hmp_name_is(const Command *, const char *name); /* one of "cont|c" */
char *hmp_first_name(const Command *);

/* ---- hmp-args.c ---- */
char *hmp_synopsis(const Command *); /* "sendkey keys [hold_ms]" */
/* The words of a line into the rows of a command, by its grammar. */
bool hmp_parse_args(const Command *, const char *text, Vcpu *, void *args, Vm *, GError **);
/* The row that the last, unfinished word would fill; NULL: none, or a file name (*file). */
const Prop *hmp_row_at(const Command *, const char *text);

/* ---- complete.c ---- */
char **hmp_complete(Vm *, const char *text, size_t cursor, size_t *start);

/* ---- qmp.c ---- */
void qmp_open(Monitor *);
void qmp_close(Monitor *);
void qmp_event(Monitor *, CharEvent);
size_t qmp_receive(Monitor *, const uint8_t *p, size_t n);
void qmp_resume(Monitor *);
void qmp_send(Monitor *, const Json *);
Json *version_json(void); /* {"qemu": {...}, "package": "..."} */

/* ---- events.c ---- */
void events_open(Vm *);
void events_close(Vm *);

/* ---- reply.c ---- */
struct Reply {
    Vm *vm;
    const Command *cmd;
    Monitor *mon; /* NULL: none, or it closed meanwhile */
    unsigned cpu;
    GString *text;
    Json *result; /* NULL: none given */
    GError *err;
    bool deferred, ready, running;
    void (*done)(Reply *, void *o);
    void *o;
};
Reply *reply_new(Vm *, const Command *, Monitor *, unsigned cpu, void (*done)(Reply *, void *),
                 void *o);
/* Runs the command with args it frees; done() comes inside the call, or later if it deferred. */
void reply_run(Reply *, void *args);
/* The same for what failed before the command could run. */
void reply_refuse(Reply *, GError *take);
void reply_free(Reply *);

void *command_args_new(const Command *); /* zeroed, as large as its rows say */
/* A DriveDone: the reply of a command that deferred it. */
void reply_done(void *reply, GError *take);

/* ---- cmd-drive.c ---- */
BlockFront *drive_named(Vm *, const char *name, GError **);

/* ---- expr.c ---- pure */
typedef bool ExprReg(void *o, const char *name, uint64_t *value);
/* Reads as far as the expression goes; *p behind it. Loosest first: + -, then & | ^, then * / %. */
bool expr_parse(const char **p, ExprReg *, void *o, int64_t *value, GError **);

/* ---- format.c ---- */
bool mem_format_parse(const char *text, MemFormat *, GError **);
/* One value as print and x show it, width padded as a column of a dump if dump. */
void mem_format_value(GString *, uint64_t value, char letter, unsigned size, bool dump);

/* ---- walk.c ---- false: not mapped */
bool walk_linear(Vcpu *, const X86State *, uint64_t la, uint64_t *pa);

/* ---- sendkey.c ---- what sendkey and send-key share */
typedef struct KeyPress {
    uint16_t code[16];
    size_t n;
} KeyPress;
bool keys_send(Vm *, const KeyPress *, int64_t hold_ms, Reply *, GError **);
void keys_close(Vm *);

/* ---- cmd-mouse.c ---- */
void mouse_close(Vm *);

#endif
