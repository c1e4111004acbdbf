/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our own ROMs, built from hw/pc/rom/ and carried in the program. */
    .section .rodata
    .globl rom_linuxboot, rom_linuxboot_end
rom_linuxboot:
    .incbin "hw/pc/rom/linuxboot.bin"
rom_linuxboot_end:
    .section .note.GNU-stack, "", @progbits
