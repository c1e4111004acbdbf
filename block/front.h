/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private to front.c and drive*.c. lock guards in_flight, drains and the root; a leaf. */
#ifndef BLOCK_FRONT_H
#define BLOCK_FRONT_H

#include "block/drive.h"
#include "block/node.h"
#include "block/throttle.h"

/* Somebody waits until nothing is in flight. */
typedef struct FrontDrain {
    struct FrontDrain *next;
    void (*done)(void *o);
    void *o;
} FrontDrain;

typedef struct FrontStats {
    uint64_t rd_bytes, wr_bytes, unmap_bytes, rd_ops, wr_ops, flush_ops, unmap_ops;
    uint64_t rd_failed, wr_failed, flush_failed;
    int64_t rd_ns, wr_ns, flush_ns, unmap_ns; /* time that requests took, summed */
    int64_t last;                             /* when the latest ended; 0: there was none */
    uint64_t wr_highest;                      /* end of the farthest write */
} FrontStats;

struct BlockFront {
    char *name;
    Vm *vm;
    DriveArgs args;
    gatomicrefcount ref;
    GMutex lock;
    BlockNode *root; /* NULL: no medium */
    Device *dev;
    const BlockFrontOps *ops;
    void *o;
    BlockLimits limits;
    OnError rerror, werror;
    bool no_limits; /* the program ends */
    bool tray_open, locked, writable, write_through, unmap;
    int detect_zeroes; /* 0 off, 1 on, 2 unmap */
    int io_status;     /* 0 or the errno that stopped the VM */
    unsigned resumes;  /* how often the VM has begun to run */
    unsigned in_flight;
    unsigned jobs; /* main: commands at work on the medium: no other may take it away */
    FrontDrain *drains;
    FrontStats stats;
    Throttle *throttle; /* NULL: no limits; main sets it, requests take a look */
};

struct DriveList {
    GPtrArray *fronts;
    unsigned n_nodes;
    unsigned n_busy; /* media that go, flushes of a stop: the end of the program waits for them */
    GArray *waiters; /* for n_busy to be 0; NULL: none */
};

BlockFront *front_new(Vm *, const char *name);
/* Something is in flight that a drain waits for: a request, or a job on the medium. leave: whoever
 * waited for the last one is told, inside the call. Any home. */
void front_enter(BlockFront *);
void front_leave(BlockFront *);
void front_unref(BlockFront *);
void front_set_root(BlockFront *, BlockNode *root, bool writable);
/* the user opens or closes it: an event, but nothing at the host's drive */
void front_tray_moved(BlockFront *, bool open);
/* A medium as the drive's words want it; write: whether it may be written. Then into the drive. */
BlockNode *drive_open_medium(BlockFront *, const char *file, const char *format, bool *write,
                             GError **);
void drive_insert(BlockFront *, BlockNode *take, bool write);
bool drive_removable(const BlockFront *);
void drives_settle(DriveList *); /* what was written reaches the images, behind what is in flight */
/* Main, outside coroutines: runs fn to its end on a context of its own; no other source runs. */
int front_run(int (*fn_co)(void *), void *arg);

#endif
