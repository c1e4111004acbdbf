/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between acpi.c, which builds the tables around it, and dsdt.c. */
#ifndef HW_PC_ACPI_H
#define HW_PC_ACPI_H

#include "hw/pc/fw_cfg.h"

/* of the PIIX4's power management, as 7.2 places it: status and enable, 2 bytes each */
enum { PC_GPE_BASE = 0xafe0 };

/* appends the AML after the table's header */
void dsdt_write(GString *aml, const Pc *);

/* dsdt-hotplug.c: inside PCI0, and the event's method behind it */
void dsdt_hotplug(GString *aml, const Pc *);
void dsdt_hotplug_event(GString *aml);

#endif
