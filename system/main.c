/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the command line to a running machine: options into records, then startup.c's steps. */
#include <locale.h>
#include <stdlib.h>

#include "core/runstate.h"
#include "system/system.h"
#include "util/log.h"

int main(int argc, char **argv)
{
    GArray *records = g_array_new(FALSE, FALSE, sizeof(Record));
    static Startup st; /* zero, and alive as long as the process */
    int status = 0;
    Vm *vm;

    setlocale(LC_CTYPE, "C.UTF-8");
    log_set_program(argv[0]);
    signals_init();
    if (!options_parse(argc, argv, records))
        return 1;
    if (options_given(records, "daemonize") && !daemon_fork())
        return 1;
    startup_init(&st, records);
    vm = vm_new();
    vm->conf = &st.conf;
    signals_attach(vm);
    if (startup_run(vm, records, &status))
        status = vm_loop(vm);
    return startup_end(vm, status);
}
