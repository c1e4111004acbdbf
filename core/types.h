/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names of the shared structs, so that a header needs another one only for its contents. */
#ifndef CORE_TYPES_H
#define CORE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Vm Vm;
typedef struct Device Device;
typedef struct Bus Bus;
typedef struct Object Object;
typedef struct Vcpu Vcpu;
typedef struct X86State X86State;
typedef struct CpuModel CpuModel;
typedef struct Space Space;
typedef struct Region Region;
typedef struct Json Json;
typedef struct Co Co;
typedef struct Chardev Chardev;
typedef struct CharFront CharFront;
typedef struct MachineType MachineType;
typedef struct MachineConf MachineConf;
typedef struct IrqchipOps IrqchipOps;
typedef struct LapicOps LapicOps;
typedef struct IrqLine IrqLine;
typedef struct NetPort NetPort;
typedef struct BlockFront BlockFront;
typedef struct BlockNode BlockNode;
typedef struct Console Console;
typedef struct Surface Surface;
typedef struct View View;
typedef struct InputHandler InputHandler;
typedef struct InputSource InputSource;
typedef struct KeyMap KeyMap;
typedef struct Flat Flat;
typedef struct FlatMap FlatMap;
typedef struct MapRow MapRow;
typedef struct CharList CharList;
typedef struct MonitorList MonitorList;
typedef struct DriveList DriveList;
typedef struct NetList NetList;
typedef struct Ui Ui;

#endif
