/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The arguments of the options whose rows are at home in system/ (rows: args.c). */
#ifndef SYSTEM_ARGS_H
#define SYSTEM_ARGS_H

#include "block/drive.h"
#include "chardev/chardev.h"
#include "core/device-add.h"
#include "core/prop.h"
#include "core/runstate.h"
#include "monitor/monitor.h"
#include "ui/vnc.h"

/* A text that is kept as it was typed. */
extern const Prop Str_rows[];

typedef struct NameArgs {
    char *guest, *process;
    bool debug_threads;
} NameArgs;
extern const Prop NameArgs_rows[];

/* 0: not given */
typedef struct SmpArgs {
    uint32_t cpus, sockets, dies, clusters, cores, threads, maxcpus;
} SmpArgs;
extern const Prop SmpArgs_rows[];

typedef struct MemArgs {
    uint64_t size, maxmem;
    uint32_t slots;
} MemArgs;
extern const Prop MemArgs_rows[];

typedef enum { NUMA_NODE, NUMA_DIST, NUMA_CPU, NUMA_HMAT_LB, NUMA_HMAT_CACHE } NumaType;
/* Each -1: not said */
typedef struct NumaNodeArgs {
    int32_t nodeid, initiator;
    IntList cpus;
    uint64_t mem;
    char *memdev;
} NumaNodeArgs;
typedef struct NumaDistArgs {
    uint16_t src, dst;
    uint8_t val;
} NumaDistArgs;
typedef struct NumaCpuArgs {
    int32_t node_id, socket_id, die_id, core_id, thread_id;
} NumaCpuArgs;
typedef struct NumaHmatArgs {
    Json *rest;
} NumaHmatArgs;
typedef struct NumaArgs {
    uint8_t type; /* NumaType */
    NumaNodeArgs node;
    NumaDistArgs dist;
    NumaCpuArgs cpu;
    NumaHmatArgs hmat;
} NumaArgs;
extern const Prop NumaArgs_rows[];

typedef struct BootArgs {
    char *order, *once, *splash;
    int8_t menu, strict;
    int32_t splash_time, reboot_timeout;
} BootArgs;
extern const Prop BootArgs_rows[];

typedef enum { IRQCHIP_OFF, IRQCHIP_ON, IRQCHIP_SPLIT } IrqchipMode;

typedef struct MachineArgs {
    char *type, *accel, *kernel, *initrd, *append, *firmware, *dtb, *memory_backend;
    int8_t graphics, kernel_irqchip, mem_merge, dump_guest_core, suppress_vmdesc, usb;
    SmpArgs smp;
    BootArgs boot;
    Json *rest; /* the machine type's own rows */
} MachineArgs;
extern const Prop MachineArgs_rows[];

typedef enum { RTC_CLOCK_HOST, RTC_CLOCK_RT, RTC_CLOCK_VM } RtcClock;
typedef struct RtcArgs {
    char *base;
    int8_t clock, driftfix;
} RtcArgs;
extern const Prop RtcArgs_rows[];

typedef struct GlobalArgs {
    char *driver, *property, *value;
} GlobalArgs;
extern const Prop GlobalArgs_rows[];

/* Each -1: not said. Values are those of core/runstate.h */
typedef struct ActionArgs {
    int8_t reboot, shutdown, panic, watchdog;
} ActionArgs;
extern const Prop ActionArgs_rows[];

typedef struct WatchdogArgs {
    int8_t action;
} WatchdogArgs;
extern const Prop WatchdogArgs_rows[];

typedef struct OvercommitArgs {
    bool mem_lock, cpu_pm;
} OvercommitArgs;
extern const Prop OvercommitArgs_rows[];

typedef struct RealtimeArgs {
    bool mlock;
} RealtimeArgs;
extern const Prop RealtimeArgs_rows[];

typedef struct MsgArgs {
    bool timestamp, guest_name;
} MsgArgs;
extern const Prop MsgArgs_rows[];

typedef struct TraceArgs {
    char *enable, *events, *file;
    Json *rest; /* "help" */
} TraceArgs;
extern const Prop TraceArgs_rows[];

#endif
