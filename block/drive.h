/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -drive and its relatives (-hda, -cdrom, -fda, a bare image): the arguments, where a drive goes,
 * and opening it. Everything here is called on main, locked, strings are borrowed unless said.
 */
#ifndef BLOCK_DRIVE_H
#define BLOCK_DRIVE_H

#include "block/block.h"
#include "core/machine.h"
#include "core/prop.h"

typedef enum { DRIVE_DISK, DRIVE_CDROM } DriveMedia;
typedef enum {
    CACHE_DEFAULT = -1, /* writeback */
    CACHE_NONE,
    CACHE_OFF, /* 0.12's word for none */
    CACHE_WRITEBACK,
    CACHE_WRITETHROUGH,
    CACHE_DIRECTSYNC,
    CACHE_UNSAFE
} CacheMode;
typedef enum { AIO_THREADS, AIO_NATIVE, AIO_IO_URING } AioMode;
typedef enum { ON_ERROR_REPORT, ON_ERROR_IGNORE, ON_ERROR_STOP, ON_ERROR_ENOSPC } OnError;

typedef struct DriveCache {
    Tri writeback, direct, no_flush;
} DriveCache;
extern const Prop DriveCache_rows[];

typedef struct DriveThrottle {
    uint64_t bps_total, bps_read, bps_write, iops_total, iops_read, iops_write;
    uint64_t bps_total_max, bps_read_max, bps_write_max, iops_total_max, iops_read_max,
        iops_write_max;
    uint64_t bps_total_len, bps_read_len, bps_write_len, iops_total_len, iops_read_len,
        iops_write_len;
    uint64_t iops_size;
    char *group;
} DriveThrottle;
extern const Prop DriveThrottle_rows[];

extern const char *const drive_if_names[]; /* by DriveIf, NULL at the end */

/* iface is a DriveIf. It, index, bus, unit, the geometry, cache_mode, rerror, werror: -1 where not
 * given; drive_place() fills iface, bus and unit. */
typedef struct DriveArgs {
    char *id, *file, *format, *serial, *node_name, *addr;
    int32_t index, bus, unit, cyls, heads, secs;
    int8_t iface, media, cache_mode, aio, discard, detect_zeroes, rerror, werror, trans;
    Tri read_only, copy_on_read, auto_read_only, force_share;
    bool snapshot, boot, stats_invalid, stats_failed;
    DriveCache cache;
    DriveThrottle throttling;
    Json *rest; /* driver=, file.*=, l2-cache-size= ...: the drivers' own rows */
} DriveArgs;
extern const Prop DriveArgs_rows[];

/*
 * Chooses interface, bus and unit (the first free ones where the user gave none) and refuses a
 * taken place. drive_open() does it too: call it first only where the place must be known before.
 */
bool drive_place(Vm *, DriveArgs *, GError **);

/*
 * Opens the file and its backing chain, registers the drive under args->id or a name made from its
 * place: ide0-hd0, ide0-cd1, ide1-cd0, floppy0, virtio0. No file: an empty drive (of removable
 * media). args->snapshot (set it for -snapshot): writes go to a temporary overlay. Changes args
 * only by placing it. The list owns the drive. if= other than none: a DriveConf is added to
 * vm->conf->drives for the board.
 */
BlockFront *drive_open(Vm *, DriveArgs *, GError **);
void drive_close(Vm *, BlockFront *);

/* After vm_loop(): flushes and closes everything; false: data could not be written (said so). */
bool drives_close(Vm *);

BlockFront *drive_find(Vm *, const char *name);
BlockFront *drive_at(Vm *, DriveIf, int bus, int unit);
BlockFront *drive_next(Vm *, BlockFront *); /* in the order they were opened; NULL: the first */

/* Later, on main: what failed, or NULL. It is the callee's. */
typedef void DriveDone(void *o, GError *take);

/* Of the drive's own words: "change ide1-cd0 FILE", "eject". force: though the guest locked it.
 * false: nothing has changed, done is not called. */
bool drive_change(BlockFront *, const char *file, const char *format, bool force, DriveDone *,
                  void *o, GError **);
bool drive_eject(BlockFront *, bool force, DriveDone *, void *o, GError **);
/* How the next medium is opened. */
void drive_read_only(BlockFront *, bool on);

/* What an overlay has goes into the image below it; blk NULL: of all that have one. */
void drive_commit(Vm *, BlockFront *, DriveDone *, void *o);
void drive_resize(BlockFront *, uint64_t size, DriveDone *, void *o);

/* Its limits; NULL: none. */
struct Throttle *drive_throttle(BlockFront *);
bool drive_set_throttle(BlockFront *, const DriveThrottle *, GError **);

/* The image goes, a device that has it sees errors, the name is free again; false as above. */
bool drive_cut(Vm *, BlockFront *, DriveDone *, void *o, GError **);

/* done: the media that go have gone; and if the machine has stopped, what was written before has
 * reached the images. Inside the call if that is so already. */
void drives_settled(Vm *, void (*done)(void *o), void *o);

/* 7.2's lines of `info block`, and one element of query-block. */
void drive_info(BlockFront *, GString *out, bool verbose);
/* Of nodes; name NULL: of all. false: there is none of that name. */
bool drive_nodes_info(Vm *, const char *name, GString *out, bool verbose);
Json *drive_json(BlockFront *);

/* Its line of `info blockstats`, and one element of query-blockstats. */
void drive_stats(BlockFront *, GString *out);
Json *drive_stats_json(BlockFront *);

#endif
