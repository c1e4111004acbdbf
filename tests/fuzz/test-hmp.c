/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HMP lines up to where a command would run: the line editor with any keys, finding a command, its
 * words into rows, completion. Nothing is executed: commands write files.
 */
#include "core/command.h"
#include "core/runstate.h"
#include "monitor/monitor-int.h"
#include "tests/fuzz/fuzz.h"
#include "util/line.h"

static Vm *vm;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    vm = vm_new();
    monitor_list(vm);
    return 0;
}

static void try_line(const char *line)
{
    const char *rest;
    const Command *cmd = hmp_find(vm, line, &rest);
    size_t start;
    g_strfreev(hmp_complete(vm, line, strlen(line), &start));
    if (!cmd)
        return;
    void *args = command_args_new(cmd);
    g_autoptr(GError) err = NULL;
    prop_defaults(cmd->args, args);
    hmp_parse_args(cmd, rest, NULL, args, vm, &err);
    prop_free(cmd->args, args);
    g_free(args);
}

static void got_line(void *o, const char *text)
{
    try_line(text);
    line_prompt(*(LineEdit **)o, "(qemu) ", false);
}

static void drop(void *o, const char *p, size_t n) {}

static char **complete(void *o, const char *text, size_t cursor, size_t *start)
{
    return hmp_complete(vm, text, cursor, start);
}

/* The first byte chooses a command to begin with, so that random words reach its arguments. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const LineOps ops = { .out = drop, .line = got_line, .complete = complete };
    const GPtrArray *all = monitor_list(vm)->by_qmp;
    LineEdit *edit = NULL;
    edit = line_new(&ops, &edit);
    line_prompt(edit, "(qemu) ", false);
    line_feed(edit, data, n);
    line_free(edit);
    if (n && all->len) {
        const Command *c = all->pdata[data[0] % all->len];
        g_autofree char *words = g_strndup((const char *)data + 1, n - 1);
        g_autofree char *name = c->hmp ? hmp_first_name(c) : g_strdup("x");
        g_autofree char *line = g_strdup_printf("%s %s", name, words);
        try_line(line);
    }
    return 0;
}

FUZZ_MAIN("hmp", 3000, 120)
