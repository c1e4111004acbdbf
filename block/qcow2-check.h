/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private to qcow2-check.c (counts the references) and qcow2-repair.c (compares and repairs). */
#ifndef BLOCK_QCOW2_CHECK_H
#define BLOCK_QCOW2_CHECK_H

#include "block/check.h"
#include "block/qcow2.h"

typedef struct Check {
    Qcow2 *q;
    CheckResult *r;
    int fix;
    uint64_t file_len, n_clusters, end; /* end: behind the last cluster that is used */
    GHashTable *pages;                  /* of counted references, sparse as the file may be */
    uint64_t contiguous;                /* where the next data cluster is expected */
} Check;

void check_line(Check *, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
void check_corrupt(Check *, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
uint32_t check_refs(const Check *, uint64_t cluster);
void check_add(Check *, uint64_t pos, uint64_t len);

/* Compares the counts with what was found, repairs them, then the COPIED flags. */
int check_counts_co(Check *);
int check_copied_co(Check *);

#endif
