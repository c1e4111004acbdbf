/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small writer of ACPI machine language (ACPI 6.4, chapter 20) into a GString used as bytes.
 * What has a length is opened and closed: at = aml_device(a, "COM1"); ...; aml_close(a, at);
 * Names are paths as in ASL: "\\_SB.PCI0", "PRQ0"; segments are padded to four letters.
 */
#ifndef HW_PC_AML_H
#define HW_PC_AML_H

#include <glib.h>
#include <stdint.h>

/* ---- blocks: what they return goes to aml_close() ---- */
size_t aml_scope(GString *, const char *path);
size_t aml_device(GString *, const char *name);
size_t aml_processor(GString *, const char *name, uint8_t id);
size_t aml_method(GString *, const char *name, unsigned args);
size_t aml_package(GString *, unsigned n);
size_t aml_field(GString *, const char *region, unsigned access); /* 1 byte, 2 word, 3 dword */
size_t aml_if(GString *);
void aml_close(GString *, size_t at);

/* ---- terms ---- */
void aml_byte(GString *, unsigned op);
void aml_path(GString *, const char *path);
void aml_int(GString *, uint64_t);
void aml_string(GString *, const char *);
void aml_eisa(GString *, const char *id); /* "PNP0A03" */

/* Name(name, ...) */
void aml_name_int(GString *, const char *name, uint64_t);
void aml_name_string(GString *, const char *name, const char *);
void aml_name_eisa(GString *, const char *name, const char *id);
void aml_name(GString *, const char *name); /* the value follows */

void aml_region_io(GString *, const char *name, uint16_t port, uint16_t n);
void aml_region_pci(GString *, const char *name, uint8_t off, uint8_t n);
void aml_field_bits(GString *, const char *name, unsigned bits);
void aml_return(GString *); /* the value follows */

enum { AML_LOCAL0 = 0x60, AML_ARG0 = 0x68, AML_STORE = 0x70, AML_AND = 0x7b, AML_OR = 0x7d };
enum { AML_CREATE_DWORD_FIELD = 0x8a };

/* ---- resource templates: a buffer, opened and closed ---- */
size_t aml_resources(GString *);
void aml_resources_close(GString *, size_t at);
void aml_res_io(GString *, uint16_t port, uint8_t n);
void aml_res_irqs(GString *, uint16_t mask);
void aml_res_dma(GString *, uint8_t mask);
void aml_res_interrupts(GString *, const uint8_t *irq, unsigned n); /* level, high, shared */
void aml_res_bus(GString *, uint16_t first, uint16_t last);
void aml_res_io_window(GString *, uint16_t first, uint16_t last);
void aml_res_mem_window(GString *, uint32_t first, uint32_t last);
void aml_res_mem64_window(GString *, uint64_t first, uint64_t last);

#endif
