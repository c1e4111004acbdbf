/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the board asks of hw/virtio: -drive if=virtio, -balloon, -virtioconsole. */
#ifndef HW_VIRTIO_BOARD_H
#define HW_VIRTIO_BOARD_H

#include "core/device.h"

/* a virtio-blk-pci for each drive of the user's that says if=virtio; Bus NULL: none */
void virtio_board_drives(Board *, Bus *pci);

#endif
