/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every instance struct begins with `Device dev;` (or the bus's PciDevice, which does) */
#ifndef CORE_DEVICE_H
#define CORE_DEVICE_H

#include <glib.h>

#include "core/clock.h"
#include "core/irq.h"
#include "core/prop.h"
#include "core/set.h"
#include "core/state.h"
#include "core/vm.h"

typedef struct BusType {
    const char *name, *prefix; /* "PCI", "pci" */
    /* what every device on it has (config space, addr=, romfile= ...): offsets in the bus's own
     * XDevice, with which the instance struct of each of its devices begins */
    const StatePart *state;
    const Prop *props;
    /* locked; before realize: choose and check the slot, set dev->space. detach: after unrealize,
     * and after an attach or a realize that failed */
    bool (*attach)(Bus *, Device *, GError **);
    void (*detach)(Bus *, Device *);
    /* after each realize (USB: the port sees it); false takes it back. hot: the machine was
     * complete before */
    bool (*plugged)(Bus *, Device *, bool hot, GError **);
    /* asks the guest; device_del_finish() follows later. NULL: "Bus 'x' does not support
     * hotplugging" */
    bool (*unplug_request)(Bus *, Device *, GError **);
    /* the bus's part of one device, before the device's own hook. PCI: bits outside wmask must be
     * conf0's */
    void (*reset)(Device *);
    void (*sync)(Device *);
    bool (*post_load)(Device *, GError **);
    /* the bus's own state (levels ORed, requests in flight), offsets in its XBus; sent with its
     * owner */
    const StatePart *own;
    /* "04.0", "1.2", "0": in the address path (migration finds a device by it) and info qtree */
    void (*addr)(const Device *, GString *);
    /* "ide@1,1", "drive@0": one component of the boot order */
    void (*fw_path)(const Device *, GString *);
    /* the bus's lines under a device of info qtree */
    void (*info)(const Device *, GString *, int indent);
} BusType;

/*
 * A pin is a named end of wires: struct rows again, so qtree's gpio lines, irq_intercept_in/out
 * and a board's wiring are generic. Inputs: an IrqLine[] the device fills with its set();
 * outputs: a const IrqLine *[], NULL = open. Name "" (NULL in 7.2's gpio): the chip's plain
 * lines.
 */
typedef struct Pin {
    const char *name;
    uint32_t off, count;
    bool out;
} Pin;
#define PIN_OUT(T, m, name)                                                                   \
    {                                                                                         \
        name, offsetof(T, m),                                                                 \
            sizeof(((T *)0)->m) / sizeof(IrqLine *) + PROP_IS(T, m[0], const IrqLine *), true \
    }
#define PIN_IN(T, m, name)                                                                       \
    {                                                                                            \
        name, offsetof(T, m), sizeof(((T *)0)->m) / sizeof(IrqLine) + PROP_IS(T, m[0], IrqLine), \
            false                                                                                \
    }
#define PINS(...)        \
    (const Pin[])        \
    {                    \
        __VA_ARGS__,     \
        {                \
            .name = NULL \
        }                \
    }

/* an input, to wire to; a missing one is a bug: assert */
const IrqLine *pin(Device *, const char *name, unsigned n);

/* an output */
void wire(Device *, const char *name, unsigned n, const IrqLine *to);
enum {
    TYPE_USER = 1,
    TYPE_HOTPLUG = 2,
    DEFAULT_SERIAL = 16,
    DEFAULT_PARALLEL = 32,
    DEFAULT_FLOPPY = 64,
    DEFAULT_CDROM = 128,
    DEFAULT_VGA = 256,
    DEFAULT_NET = 512,
    DEFAULT_SD = 1024
};

/* One kind of device. Every hook may be NULL; all are called with the machine lock held. */
typedef struct DeviceType {
    const char *name, *desc, *alias; /* alias: another name for -device; may be NULL */
    size_t size;                     /* of the instance struct */
    /* TYPE_USER | TYPE_HOTPLUG | a DEFAULT_ bit: a user's own one removes that default device
     * (-serial, VGA, floppy ...) */
    uint32_t flags;
    /* bus_info: const PciInfo * {vendor, device, class, rom} ...: no second descriptor struct */
    const BusType *bus;
    const void *bus_info;
    const Prop *props;
    const StatePart *state;
    const Pin *pins;
    /* last component(s) of its boot path: "disk@0,0", "ethernet-phy@0"; with a row named bootindex
     * it is bootable */
    const char *boot;
    /* Starts no I/O that it would have to wait for. On failure, as after unrealize, the core takes
     * back all that the device was given through core calls (rows, doorbells, timers, claims of its
     * links, buses, parts, firmware files): neither hook does. */
    bool (*realize)(Device *, GError **);
    /* the state is zero: write only what is not */
    void (*reset)(Device *);
    /* inside begin/commit; after reset and after load: rows, doorbells, surface follow the state.
     * Sets no line, no state */
    void (*sync)(Device *);
    /* rarely: conditions between members that .max cannot say: the stream is hostile */
    bool (*post_load)(Device *, GError **);
    /* a PROP_LIVE row of a realized device was set; false: the old value comes back. Without it no
     * row is LIVE */
    bool (*changed)(Device *, const Prop *, GError **);
    /* after the core has drained the links of its rows; done() may come later, on main */
    void (*quiesce)(Device *, void (*done)(Device *));
    /* nothing of the device runs any more */
    void (*unrealize)(Device *);
    /* "info pic", "info usb" ...: the monitor never includes hw/ */
    void (*info)(Device *, GString *);
} DeviceType;
typedef DeviceType set_device_t;

/* NEW: rows can be set. LEAVING, GONE: unrealized; the memory stays until the last reference. */
typedef enum { LIFE_NEW, LIFE_REALIZING, LIFE_REALIZED, LIFE_LEAVING, LIFE_GONE } DeviceLife;

/*
 * Every instance struct begins with one. Rows of a type and of its bus are rows over the whole
 * instance struct; device_new zeroes it, lays defaults, machine-version rows and -global over it.
 */
struct Device {
    const DeviceType *type;
    Vm *vm;
    Bus *bus; /* NULL: on none */
    /* whom it goes with: who made it with device_part, else bus->owner unless attach says another
     * (a device in a USB hub's port) */
    Device *parent;
    char *id, *path;
    /* what its DMA sees; written by the bus only; NULL: DMA refused (bus master off) */
    Space *_Atomic space;
    GMainContext *home; /* NULL: main */
    gatomicrefcount ref;
    uint8_t life, in_io; /* life: DeviceLife; in_io: how deep we are in its callbacks */
    struct DeviceCore *core;
};
struct Bus {
    const BusType *type;
    Device *owner;
    char *name;
    GPtrArray *devices;
};

/*
 * embedded in the owner's struct, in realize. name NULL: "ID.N" of an owner with an id, else
 * prefix and a running number: "ide.1"
 */
void bus_init(Bus *, Device *owner, const BusType *, const char *name);

/*
 * defaults, machine-version rows and -global are applied. /machine/peripheral/ID, NULL:
 * /machine/peripheral-anon/device[N]. The reference is the caller's until device_realize succeeds,
 * then the core's: after a failure the caller drops it.
 */
Device *device_new(Vm *, const DeviceType *, const char *id);

/*
 * onboard: PARENT'S PATH/NAME; of vm->root with NULL: /machine/unattached/device[N]. Goes with
 * its parent
 */
Device *device_part(Device *parent, const DeviceType *, const char *name);

/* a J_KV word or a JSON value */
bool device_set(Device *, const char *prop, const Json *value, GError **);

/*
 * Bus NULL: the first bus of its kind with room. Resets a hot-added one; before that the
 * machine's first reset does
 */
bool device_realize(Device *, Bus *, GError **);

/*
 * locked, any thread; once. Goes on on main: what hangs below it first, quiesce, rows and
 * timers removed, unrealize, detach, DEVICE_DELETED
 */
void device_del_finish(Device *);

/* NULL: no such. Descriptors are static: others name them */
const DeviceType *device_type(const char *name);

/* the n-th realized one of a type, or NULL: commands of hw/ (balloon, info pic) find theirs */
Device *device_find(Vm *, const char *type, unsigned n);
Device *device_by_id(Vm *, const char *id);     /* realized, as -device id= named it; or NULL */
Device *device_by_path(Vm *, const char *path); /* realized, "/machine/unattached/device[3]" */

/* locked; every realized device, parents before what hangs below them; fn makes and ends none */
void device_foreach(Vm *, void (*fn)(Device *, void *o), void *o);
Bus *device_bus(Device *, unsigned n);       /* the n-th of bus_init, or NULL */
Bus *bus_find(Vm *, const char *name);       /* "pci.0"; NULL: no such */
unsigned device_errors(Device *);            /* any; guest_error()s so far */
bool device_held(const Device *);            /* a reset or its end waits for I/O: start none */
void device_addr(const Device *, GString *); /* its address path: stable across migration */
bool device_hotplugged(const Device *);

/* -global TYPE.PROP=VALUE: for devices made after it, of that type or on a bus of that name */
void device_global(Vm *, const char *type, const char *prop, const char *value);

/*
 * locked; asks the guest where the bus says so (DEVICE_DELETED follows), or goes at once. false:
 * it cannot be unplugged.
 */
bool device_del(Device *, GError **);

/*
 * A board is one straight function over these. The first failure sticks: everything after it does
 * nothing and passes NULL on, `return board_ok(b, err)` ends it.
 */
typedef struct Board {
    Vm *vm;
    GError *err;
} Board;

/* device_part, rows from a key=value text (NULL: none), realize. Bus NULL: none */
Device *board_add(Board *, const char *type, const char *name, Bus *, const char *kv);

/* NULL of NULL */
Bus *board_bus(Device *, unsigned n);

/*
 * after both ends are realized, before the first reset; the chip reads its pin when it uses it
 */
void board_wire(Device *, const char *out, unsigned n, const IrqLine *to);

/* NULL of NULL */
const IrqLine *board_pin(Device *, const char *in, unsigned n);

/* n side by side */
void board_wires(Device *, const char *out, Device *to, const char *in, unsigned n);
bool board_ok(Board *, GError **);

/* any; the last one frees on main, and only then its Regions: unrealize never does */
void device_ref(Device *);
void device_unref(Device *);

/* any; rate-limited, counted, never fatal */
void guest_error(Device *, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
typedef struct CompatRow {
    const char *type, *prop, *value;
} CompatRow;
struct MachineType {
    const char *name, *alias, *desc;
    const CompatRow *const *compat;
    const Prop *props;
    /* build: one straight function */
    const char *nic, *vga, *cpu;
    unsigned max_cpus;
    bool (*build)(Vm *, const void *args, GError **);
};
typedef MachineType set_machine_t;

#endif
