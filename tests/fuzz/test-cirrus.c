/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Cirrus, by the operations of test-vga.c. */
#define FUZZ_ADAPTER "cirrus-vga"
#define FUZZ_NAME    "cirrus"
#include "tests/fuzz/test-vga.c"
