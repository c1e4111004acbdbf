/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The start of the process, private to system/: options as records, what they ask for, and the
 * steps main.c lists. Everything runs on main; from vm_new() on with the machine lock held.
 */
#ifndef SYSTEM_SYSTEM_H
#define SYSTEM_SYSTEM_H

#include <glib.h>

#include "core/command.h"
#include "core/machine.h"
#include "system/args.h"
#include "ui/display.h"

/* ---- options.c ---- */
typedef enum { OPTION_SERVED, OPTION_LATER, OPTION_IGNORE, OPTION_REJECT, OPTION_ALIAS } OptionKind;
typedef struct Option {
    const char *name;
    OptionKind kind;
    ArgKind arg;
    Phase phase;
    unsigned flags;
    const char *implied;
    const Prop *rows;
    bool (*run)(Vm *, const void *args, GError **);
    const char *synopsis, *help;
    const char *of; /* ALIAS: that name; IGNORE: why */
} Option;
extern const Option option_table[]; /* name NULL and synopsis NULL ends it; a section: only help */

/* One option as typed. */
typedef struct Record {
    const Option *opt;
    const char *typed, *text; /* "-M", "pc"; text NULL: none */
} Record;

/* All of argv into records; says what is wrong and returns false. */
bool options_parse(int argc, char **argv, GArray *records);
/* The handlers of one phase, in the order typed. Prints the error; false: end with *status. */
bool options_run(Vm *, const GArray *records, Phase, int *status);
/* The lists that `?` and `help` ask for, before anything is opened; false: one was printed. */
bool options_help(Vm *, const GArray *records, int *status);
bool options_given(const GArray *records, const char *name);
/* The type that a -device or the text of a -global names, before it is run. NULL: no such type, or
 * no -device */
const DeviceType *record_device(Vm *, const Record *);
const DeviceType *global_device(Vm *, const char *text);
/* "-opt value: message", or help on stdout; the exit status */
int option_report(const Record *, GError *take);

/* ---- what options asked for ---- */
typedef struct Startup {
    MachineConf conf; /* first: vm->conf points here */
    const GArray *records;
    MachineArgs machine;
    void *machine_args; /* the machine type's own rows */
    char *cpu, *display_vnc, *vga, *pidfile, *chroot, *runas, *qtest, *qtest_log, *debugcon;
    char *hdachs;
    DisplayArgs display;   /* type NULL: not said */
    GPtrArray *accels;     /* char *: -accel, in order */
    GPtrArray *serials;    /* char * */
    GPtrArray *parallels;  /* char * */
    GPtrArray *monitors;   /* MonitorOpt * */
    GArray *numa_cpus;     /* NumaCpuArgs; NULL: none */
    GPtrArray *usbdevices; /* char *: -usbdevice, in order; NULL: none */
    bool enable_kvm, no_kvm, snapshot, nographic, daemonize, stopped, nodefaults, no_irqchip,
        vnc_given, msg_time, msg_name;
    /* of the first user network: -tftp, -bootp, -smb, hostfwd= rules, guestfwd= rules */
    char *tftp, *bootp, *smb;
    GPtrArray *redirs, *channels; /* char * */
    struct Qtest *qtest_server;
    Record at; /* the record being run, for errors of later steps */
} Startup;

typedef struct MonitorOpt {
    Record from;
    int mode;
    bool pretty;
} MonitorOpt;

static inline Startup *startup(Vm *vm)
{
    return (Startup *)vm->conf;
}

/* HELP error with this text: printed on stdout, exit 0 */
bool help_fail(GError **err, char *take);

/* opt-drive.c: the list of -drive format=?; true: nobody asked */
bool drive_formats_help(const DriveArgs *, GError **);

/* ---- opt-numa.c: once -m, -smp and -object are known ---- */
bool numa_complete(Vm *, GError **);
bool memory_complete(Vm *, bool size_given, GError **);

/* ---- opt-net.c ---- */
bool net_help(const Option *, const char *text, GError **); /* false: a list was asked for */
bool startup_network(Vm *, GError **);                      /* the NIC and network of no option */
void startup_check_nets(Vm *); /* warns of NICs not made, of back ends without a peer */

/* ---- help.c ---- */
char *help_text(void);
char *version_text(void);
char *help_machines(void);
char *help_machine(const MachineType *);
bool rest_asks_help(const Json *rest); /* "?" or "help" among left-over words */
char *help_device(const DeviceType *);
char *help_accels(void);

/* ---- startup.c ---- */
void startup_init(Startup *, const GArray *records);
bool startup_run(Vm *, const GArray *records, int *status); /* false: end with *status */
int startup_end(Vm *, int status); /* in the reverse order, whatever of it took place */

/* ---- steps of startup.c, in their order; each false: the error is printed, end with *status ----
 */
bool startup_check(Vm *, int *status);   /* defaults.c: options that exclude each other */
bool startup_machine(Vm *, int *status); /* setup.c: machine type, its arguments, CPUs, memory */
bool startup_accel(Vm *, int *status);
bool startup_objects(Vm *, int *status);  /* opt-object.c: those that name a back end */
bool startup_defaults(Vm *, int *status); /* defaults.c: serial, monitor, CD-ROM, VGA */
bool startup_board(Vm *, int *status);
bool startup_complete(Vm *, int *status); /* the first reset; from now on devices are hot-plugged */
bool startup_display(Vm *, int *status);
bool startup_finish(Vm *, int *status); /* wait for chardevs, go to the background, start */

const MachineType *machine_find(const char *name); /* by name or alias; NULL: no such */
const MachineType *machine_default(void);

/* ---- opt-usb.c ---- */
bool usbdevices_add(Vm *, int *status); /* after the board */

/* ---- daemon.c ---- */
bool daemon_fork(void);       /* in the child: true; the parent ends when the child is ready */
bool daemon_ready(GError **); /* the parent may go; stdio becomes /dev/null */
bool pidfile_write(const char *path, GError **);
void pidfile_remove(void);
bool drop_privileges(const char *chroot_dir, const char *user, GError **);

/* ---- signals.c ---- */
void signals_init(void);   /* before anything may change the terminal */
void signals_attach(Vm *); /* SIGINT, SIGTERM, SIGHUP end vm_loop() */
int signals_pending(void); /* one came before vm_loop(): its number, else 0 */

/* Declares opt_ID of each row that is served; Args: Str is the text as it is, Empty no argument. */
#define OPT(id, name, arg, phase, flags, implied, Args, synopsis, help) \
    bool opt_##id(Vm *vm, const Args *args, GError **err);
#include "qemu-options.def"

#endif
