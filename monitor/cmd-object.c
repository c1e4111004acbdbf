/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that make and end objects: memory back ends, secrets, sources of random numbers. */
#include "monitor/monitor-int.h"

#include "core/object.h"

CMD(object_add, "object-add", "object_add", "{qom-type}", ObjectArgs, Empty, CMD_PRECONFIG,
    "create an object of type");

static bool cmd_object_add(Vm *vm, const ObjectArgs *a, Reply *r, GError **err)
{
    return object_new(vm, a, err);
}

typedef struct DelArgs {
    char *id;
} DelArgs;
static const Prop DelArgs_rows[] = { NEED_STR(DelArgs, id, "id", "the object's name"),
                                     PROP_END(DelArgs) };

CMD(object_del, "object-del", "object_del", "id", DelArgs, Empty, CMD_PRECONFIG,
    "destroy an object");

static bool cmd_object_del(Vm *vm, const DelArgs *a, Reply *r, GError **err)
{
    return object_del(vm, a->id, err);
}
