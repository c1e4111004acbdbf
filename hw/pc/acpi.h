/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between acpi.c, which builds the tables around it, and dsdt.c. */
#ifndef HW_PC_ACPI_H
#define HW_PC_ACPI_H

#include "hw/pc/pc.h"

/* appends the AML after the table's header */
void dsdt_write(GString *aml, const Pc *);

#endif
