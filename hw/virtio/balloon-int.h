/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio-balloon: between balloon.c and cmd-balloon.c. */
#ifndef HW_VIRTIO_BALLOON_INT_H
#define HW_VIRTIO_BALLOON_INT_H

#include "hw/virtio/virtio-int.h"

enum { BALLOON_STATS = 10, BALLOON_PAGE = 4096 };

STATE_BEGIN
typedef struct VirtioBalloonState {
    int64_t deadline; /* of the next question for statistics */
    uint32_t num_pages, actual, poison;
    uint8_t pad[4];
} VirtioBalloonState;
STATE_END

/* What the guest last said of itself; -1: not told */
typedef struct BalloonStatValues {
    int64_t at[BALLOON_STATS];
} BalloonStatValues;
typedef struct BalloonStats {
    BalloonStatValues stats;
    int64_t last_update; /* s since 1970; 0: never */
} BalloonStats;

typedef struct VirtioBalloon {
    Virtio v;
    /* config */ int64_t interval; /* s; 0: do not ask */
    BalloonStats *stats;
    bool free_page_hint, old_config;
    /* state */ VirtioBalloonState st;
    /* host */ Timer timer;
} VirtioBalloon;

VirtioBalloon *balloon_find(Vm *);              /* NULL: there is none */
uint64_t balloon_actual(const VirtioBalloon *); /* bytes the guest has now */
void balloon_set_target(VirtioBalloon *, uint64_t bytes);

#endif
