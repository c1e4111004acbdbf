/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows of the options that are at home in system/. */
#include "system/args.h"

static const char *const irqchip_names[] = {
    [IRQCHIP_OFF] = "off",
    [IRQCHIP_ON] = "on",
    [IRQCHIP_SPLIT] = "split",
    NULL,
};
static const char *const rtc_clock_names[] = {
    [RTC_CLOCK_HOST] = "host",
    [RTC_CLOCK_RT] = "rt",
    [RTC_CLOCK_VM] = "vm",
    NULL,
};
static const char *const driftfix_names[] = { "none", "slew", NULL };
static const char *const reboot_names[] = {
    [REBOOT_RESET] = "reset",
    [REBOOT_SHUTDOWN] = "shutdown",
    NULL,
};
static const char *const shutdown_names[] = {
    [SHUTDOWN_POWEROFF] = "poweroff",
    [SHUTDOWN_PAUSE] = "pause",
    NULL,
};
static const char *const panic_names[] = {
    [PANIC_PAUSE] = "pause",
    [PANIC_SHUTDOWN] = "shutdown",
    [PANIC_EXIT_FAILURE] = "exit-failure",
    [PANIC_NONE] = "none",
    NULL,
};
static const char *const watchdog_names[] = {
    [WATCHDOG_RESET] = "reset",           [WATCHDOG_SHUTDOWN] = "shutdown",
    [WATCHDOG_POWEROFF] = "poweroff",     [WATCHDOG_PAUSE] = "pause",
    [WATCHDOG_DEBUG] = "debug",           [WATCHDOG_NONE] = "none",
    [WATCHDOG_INJECT_NMI] = "inject-nmi", NULL,
};

/* clang-format off */
const Prop NameArgs_rows[] = {
    PROP_STR  (NameArgs, guest,         "guest",         NULL,  "name of the guest"),
    PROP_STR  (NameArgs, process,       "process",       NULL,  "name of our process"),
    PROP_BOOL (NameArgs, debug_threads, "debug-threads", false, "name threads by what they do"),
    PROP_END  (NameArgs)
};
const Prop SmpArgs_rows[] = {
    PROP_INT  (SmpArgs, cpus,     "cpus",     0, "CPUs at start"),
    PROP_INT  (SmpArgs, sockets,  "sockets",  0, "sockets"),
    PROP_INT  (SmpArgs, dies,     "dies",     0, "dies of a socket"),
    PROP_INT  (SmpArgs, clusters, "clusters", 0, "clusters of a die (1)"),
    PROP_INT  (SmpArgs, cores,    "cores",    0, "cores of a die"),
    PROP_INT  (SmpArgs, threads,  "threads",  0, "threads of a core"),
    PROP_INT  (SmpArgs, maxcpus,  "maxcpus",  0, "CPUs in all, with those plugged in later"),
    PROP_END  (SmpArgs)
};
const Prop MemArgs_rows[] = {
    PROP_SIZE (MemArgs, size,   "size",   0, "guest memory; a bare number is MiB", PROP_MIB),
    PROP_INT  (MemArgs, slots,  "slots",  0, "slots for memory plugged in later"),
    PROP_SIZE (MemArgs, maxmem, "maxmem", 0, "memory in all, with what is plugged in later"),
    PROP_END  (MemArgs)
};
static const char *const numa_types[] = { "node", "dist", "cpu", "hmat-lb", "hmat-cache", NULL };
static const Prop NumaNodeArgs_rows[] = {
    PROP_RANGE(NumaNodeArgs, nodeid,    "nodeid",    -1, 0, MAX_NODES - 1, "number of the node"),
    PROP_LIST (NumaNodeArgs, cpus,      "cpus",      Int,  "its CPUs, first-last"),
    PROP_SIZE (NumaNodeArgs, mem,       "mem",       0,    "its memory; a bare number is MiB", PROP_MIB),
    PROP_STR  (NumaNodeArgs, memdev,    "memdev",    NULL, "its memory: a memory-backend object"),
    PROP_RANGE(NumaNodeArgs, initiator, "initiator", -1, 0, MAX_NODES - 1, "node of its CPUs"),
    PROP_END  (NumaNodeArgs)
};
static const Prop NumaDistArgs_rows[] = {
    NEED_INT  (NumaDistArgs, src, "src", "from that node"),
    NEED_INT  (NumaDistArgs, dst, "dst", "to that node"),
    NEED_INT  (NumaDistArgs, val, "val", "10 is its own memory, 255 cannot be reached"),
    PROP_END  (NumaDistArgs)
};
static const Prop NumaCpuArgs_rows[] = {
    NEED_INT  (NumaCpuArgs, node_id,   "node-id",       "node the CPUs belong to"),
    PROP_INT  (NumaCpuArgs, socket_id, "socket-id", -1, "socket"),
    PROP_INT  (NumaCpuArgs, die_id,    "die-id",    -1, "die"),
    PROP_INT  (NumaCpuArgs, core_id,   "core-id",   -1, "core"),
    PROP_INT  (NumaCpuArgs, thread_id, "thread-id", -1, "thread"),
    PROP_END  (NumaCpuArgs)
};
static const Prop NumaHmatArgs_rows[] = {
    PROP_REST (NumaHmatArgs, rest, PROP_HELP),
    PROP_END  (NumaHmatArgs)
};
const Prop NumaArgs_rows[] = {
    NEED_ENUM (NumaArgs, type, "type", numa_types, "what this says"),
    PROP_CASE (NumaArgs, node, NUMA_NODE, NumaNodeArgs),
    PROP_CASE (NumaArgs, dist, NUMA_DIST, NumaDistArgs),
    PROP_CASE (NumaArgs, cpu,  NUMA_CPU,  NumaCpuArgs),
    PROP_CASE (NumaArgs, hmat, NUMA_HMAT_LB,    NumaHmatArgs),
    PROP_CASE (NumaArgs, hmat, NUMA_HMAT_CACHE, NumaHmatArgs),
    PROP_END  (NumaArgs)
};
const Prop BootArgs_rows[] = {
    PROP_STR  (BootArgs, order,          "order",          NULL,  "letters of the drives, in order"),
    PROP_STR  (BootArgs, once,           "once",           NULL,  "the order of the first boot only"),
    PROP_BOOL (BootArgs, menu,           "menu",           AUTO,  "ask at boot"),
    PROP_STR  (BootArgs, splash,         "splash",         NULL,  "picture to show"),
    PROP_RANGE(BootArgs, splash_time,    "splash-time",    -1, 0, 65535, "how long, in ms"),
    PROP_RANGE(BootArgs, reboot_timeout, "reboot-timeout", -1, -1, 65535, "pause before a reboot, in ms; -1: none"),
    PROP_BOOL (BootArgs, strict,         "strict",         AUTO,  "boot from nothing else"),
    PROP_END  (BootArgs)
};
const Prop MachineArgs_rows[] = {
    PROP_STR  (MachineArgs, type,            "type",            NULL, "name of the machine"),
    PROP_STR  (MachineArgs, accel,           "accel",           NULL, "accelerators to try, a:b"),
    PROP_STR  (MachineArgs, kernel,          "kernel",          NULL, "as -kernel"),
    PROP_STR  (MachineArgs, initrd,          "initrd",          NULL, "as -initrd"),
    PROP_STR  (MachineArgs, append,          "append",          NULL, "as -append"),
    PROP_STR  (MachineArgs, dtb,             "dtb",             NULL, "as -dtb", PROP_HIDDEN),
    PROP_STR  (MachineArgs, firmware,        "firmware",        NULL, "as -bios"),
    PROP_BOOL (MachineArgs, graphics,        "graphics",        AUTO, "off: as -nographic tells the firmware"),
    PROP_ENUM (MachineArgs, kernel_irqchip,  "kernel-irqchip",  -1, irqchip_names, "interrupt chips in the kernel (KVM)"),
    PROP_BOOL (MachineArgs, mem_merge,       "mem-merge",       AUTO, "let the host merge equal pages"),
    PROP_BOOL (MachineArgs, dump_guest_core, "dump-guest-core", AUTO, "guest memory in a core dump"),
    PROP_STR  (MachineArgs, memory_backend,  "memory-backend",  NULL, "main memory: a memory-backend object"),
    PROP_BOOL (MachineArgs, suppress_vmdesc, "suppress-vmdesc", AUTO, "migration without its description"),
    PROP_BOOL (MachineArgs, usb,             "usb",             AUTO, "as -usb"),
    PROP_PART (MachineArgs, smp,             "smp",             SmpArgs, ""),
    PROP_PART (MachineArgs, boot,            "boot",            BootArgs, ""),
    PROP_REST (MachineArgs, rest,             PROP_HELP),
    PROP_END  (MachineArgs)
};
const Prop RtcArgs_rows[] = {
    PROP_STR  (RtcArgs, base,     "base",     NULL, "utc, localtime, 2006-06-17T16:01:21 or 2006-06-17"),
    PROP_ENUM (RtcArgs, clock,    "clock",    -1, rtc_clock_names, "the clock it follows"),
    PROP_ENUM (RtcArgs, driftfix, "driftfix", -1, driftfix_names,  "make up for lost ticks"),
    PROP_END  (RtcArgs)
};
const Prop GlobalArgs_rows[] = {
    NEED_STR  (GlobalArgs, driver,   "driver",   "device type"),
    NEED_STR  (GlobalArgs, property, "property", "its property"),
    NEED_STR  (GlobalArgs, value,    "value",    "the new default"),
    PROP_END  (GlobalArgs)
};
const Prop ActionArgs_rows[] = {
    PROP_ENUM (ActionArgs, reboot,   "reboot",   -1, reboot_names,   "the guest resets the machine"),
    PROP_ENUM (ActionArgs, shutdown, "shutdown", -1, shutdown_names, "the guest powers off"),
    PROP_ENUM (ActionArgs, panic,    "panic",    -1, panic_names,    "the guest says it panicked"),
    PROP_ENUM (ActionArgs, watchdog, "watchdog", -1, watchdog_names, "a watchdog fires"),
    PROP_END  (ActionArgs)
};
const Prop WatchdogArgs_rows[] = {
    { .kind = P_ENUM, .width = 0x81, .flags = PROP_NEED, .aux = watchdog_names },
    PROP_END  (WatchdogArgs)
};
const Prop OvercommitArgs_rows[] = {
    PROP_BOOL (OvercommitArgs, mem_lock, "mem-lock", false, "keep our memory from being swapped"),
    PROP_BOOL (OvercommitArgs, cpu_pm,   "cpu-pm",   false, "the guest uses the host's idle states"),
    PROP_END  (OvercommitArgs)
};
const Prop RealtimeArgs_rows[] = {
    PROP_BOOL (RealtimeArgs, mlock, "mlock", true, "keep our memory from being swapped"),
    PROP_END  (RealtimeArgs)
};
const Prop MsgArgs_rows[] = {
    PROP_BOOL (MsgArgs, timestamp,  "timestamp",  false, "time before each message"),
    PROP_BOOL (MsgArgs, guest_name, "guest-name", false, "guest's name before each message"),
    PROP_END  (MsgArgs)
};
const Prop TraceArgs_rows[] = {
    PROP_STR  (TraceArgs, enable, "enable", NULL, "pattern of trace points"),
    PROP_STR  (TraceArgs, events, "events", NULL, "file with patterns"),
    PROP_STR  (TraceArgs, file,   "file",   NULL, "where records go"),
    PROP_REST (TraceArgs, rest,   PROP_HELP),
    PROP_END  (TraceArgs)
};
/* clang-format on */
