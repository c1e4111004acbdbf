/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the user asked of the machine, as plain values: system/ fills it from -m, -smp, -boot,
 * -rtc, -kernel, -serial, -drive and friends before MachineType.build; boards and devices read
 * it through vm->conf and never change it. Strings are NULL when the option was not given.
 */
#ifndef CORE_MACHINE_H
#define CORE_MACHINE_H

#include <glib.h>

#include "core/clock.h"
#include "core/types.h"

typedef enum { RTC_UTC, RTC_LOCALTIME, RTC_DATE } RtcBase;

/* offset: ns that the guest's UTC is ahead of the clock when base is RTC_DATE */
typedef struct RtcConf {
    RtcBase base;
    ClockId clock; /* host (default), rt = CLOCK_REAL, vm = CLOCK_VIRTUAL */
    int64_t offset;
    bool slew; /* -rtc driftfix=slew */
} RtcConf;

typedef struct BootConf {
    char *order, *once; /* letters a b c d n p; order NULL: "cad" */
    int8_t menu;        /* -1 not said */
    bool strict;
    char *splash;
    int32_t splash_time, reboot_timeout; /* ms; -1 not said */
} BootConf;

/* Letters that a PC boots from, each once, three at most; NULL is fine */
bool boot_order_check(const char *order, GError **);

typedef enum {
    IF_NONE,
    IF_IDE,
    IF_SCSI,
    IF_FLOPPY,
    IF_PFLASH,
    IF_MTD,
    IF_SD,
    IF_VIRTIO,
    IF_XEN
} DriveIf;

/* One -drive (or -hda, -cdrom, -fda ...) with if= other than none: the board makes its device.
 * id is the block backend's name, what drive=ID refers to. bus and unit are settled already. */
typedef struct DriveConf {
    char *id;
    DriveIf iface;
    bool cdrom;
    unsigned bus, unit;
    char *serial; /* -drive serial=, NULL: none */
    char *addr;   /* 0.12's PCI address of if=virtio, NULL: any */
    bool used;    /* the board took it; what nobody took is an error of the user's */
} DriveConf;

/* One -net nic or -nic: the board makes its device. model NULL: the machine's own
 * (MachineType.nic). netdev: id of its back end or hub port; NULL: it has no cable. */
typedef struct NicConf {
    char *model, *id, *mac, *netdev, *addr;
    int32_t vectors; /* -1 not said */
    bool used;       /* the board took it; what nobody took is an error of the user's */
} NicConf;

/* -numa. mem 0 with memdev: the backend's size. cpus: bit n is vCPU n */
enum { MAX_NODES = 128, MAX_NUMA_CPUS = 256 };
typedef struct NumaNode {
    uint64_t mem;
    char *memdev;
    uint64_t cpus[MAX_NUMA_CPUS / 64];
    bool present;
    uint8_t distance[MAX_NODES]; /* to node n; 0 not said */
} NumaNode;
typedef struct NumaConf {
    NumaNode *node; /* MAX_NODES of them; NULL: no -numa */
    unsigned n;     /* 0 .. n-1 are present once system/ has checked them */
    bool distances; /* somebody gave some: a SLIT is made */
} NumaConf;

/* Main memory: -mem-path, -mem-prealloc, -machine memory-backend=, mem-merge=, dump-guest-core= */
typedef struct RamConf {
    char *path, *backend;
    bool prealloc, no_merge, no_dump;
} RamConf;

enum { MAX_SERIAL = 4, MAX_PARALLEL = 3 };

struct MachineConf {
    uint64_t ram_size; /* bytes */
    RamConf ram;
    NumaConf numa;
    BootConf boot;
    RtcConf rtc;
    char *kernel, *initrd, *append;
    char *bios;
    GPtrArray *data_dirs; /* char *: -L first, then where we were installed; searched in order */
    char *name;
    uint8_t uuid[16];
    bool usb; /* -usb, -machine usb=on, -usbdevice: the board has its own controller */
    bool no_acpi, no_hpet, nographic, no_fd_bootchk;
    char *serial[MAX_SERIAL]; /* labels of chardevs, NULL: no such port */
    char *parallel[MAX_PARALLEL];
    GPtrArray *drives; /* DriveConf * */
    GPtrArray *nics;   /* NicConf * */
    char *vga;         /* "std", "none" ...: what -vga said or the machine's default; NULL: none */
};

#endif
