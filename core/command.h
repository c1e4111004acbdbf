/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What options and monitor commands are made of. docs/monitor.md shows how a command is written.
 * One command is one screen of monitor/cmd-SUBJECT.c (or of hw/X/cmd-X.c, if it is about a kind of
 * hardware): struct, rows, CMD(), handler. No list names it and no header declares it.
 */
#ifndef CORE_COMMAND_H
#define CORE_COMMAND_H

#include <glib.h>

#include "core/prop.h"
#include "core/vm.h"

typedef enum { PHASE_EARLY, PHASE_MACHINE, PHASE_BACKEND, PHASE_DEVICE, PHASE_UI, PHASE_RUN } Phase;
typedef enum { ARG_NONE, ARG_REQUIRED } ArgKind;
typedef struct Reply Reply;
void reply_send(Reply *, const void *result);

/* each one counts, or what they say is put together; else the last one counts */
enum { OPT_MULTI = 1, OPT_MERGE = 2 };

enum { CMD_PRECONFIG = 1, CMD_DEPRECATED = 2 };
typedef struct Command {
    /* qmp NULL: HMP only; hmp NULL: QMP only; hmp may have aliases ("cont|c") and two words ("info
     * cpus"). grammar: the words of an HMP line; NULL: none. help: HMP's line, behind " -- " */
    const char *qmp, *hmp, *grammar, *help;
    const Prop *args, *result;
    unsigned flags;
    bool (*run)(Vm *, const void *args, Reply *, GError **);
} Command;

typedef Command set_command_t;

/* Declares cmd_ID(vm, args, reply, err), which follows, and cmd_ID_reply(reply, result). */
#define CMD(id, qmp, hmp, grammar, Args, Result, flags, help)                              \
    static bool cmd_##id(Vm *vm, const Args *args, Reply *reply, GError **err);            \
    static bool run_##id(Vm *vm, const void *args, Reply *reply, GError **err)             \
    {                                                                                      \
        return cmd_##id(vm, args, reply, err);                                             \
    }                                                                                      \
    G_GNUC_UNUSED static void cmd_##id##_reply(Reply *r, const Result *res)                \
    {                                                                                      \
        reply_send(r, res);                                                                \
    }                                                                                      \
    static const Command command_##id = { qmp,         hmp,           grammar, help,       \
                                          Args##_rows, Result##_rows, flags,   run_##id }; \
    REGISTER(command, command_##id)

/* Errors that QMP clients tell apart; all others are GenericError. */
typedef enum {
    QMP_COMMAND_NOT_FOUND,
    QMP_DEVICE_NOT_ACTIVE,
    QMP_DEVICE_NOT_FOUND,
    QMP_KVM_MISSING
} QmpClass;
GQuark qmp_error_quark(void); /* monitor/ has it */

/*
 * A handler returns false with an error; or true, after at most one reply (an empty one needs no
 * call); or true after reply_defer(), and replies once later, on main. Its args end with the call.
 */
void reply_fail(Reply *, GError *take);
void reply_defer(Reply *);

/* HMP: text of the answer, before the reply; a line ends in \n. QMP never shows it. */
void reply_printf(Reply *, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/* The vCPU the monitor's user chose (HMP's cpu, QMP's cpu-index); index 0 at first. */
Vcpu *reply_vcpu(Reply *);

#endif
