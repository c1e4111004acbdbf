/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -object: made before the machine and its back ends, which may name it. A type that itself names
 * a back end is "late": its options wait until those are there.
 */
#include <string.h>

#include "core/object.h"
#include "core/prop-int.h"
#include "system/system.h"

/* The type that the text names, or NULL: the parser says what is wrong with it. */
static const ObjectType *named_type(const char *text)
{
    g_autoptr(Json) tree =
        *text == '{' ? json_parse(text, NULL) : prop_kv_tree("qom-type", text, false, true, NULL);
    const Json *name = tree ? json_get(tree, "qom-type") : NULL;
    PropChoice c;

    for (size_t i = 0; name && name->s && object_set.at(i, &c); i++) {
        if (strcmp(c.name, name->s) == 0)
            return c.type;
    }
    return NULL;
}

static bool make(Vm *vm, const char *text, GError **err)
{
    ObjectArgs args;

    prop_defaults(ObjectArgs_rows, &args);
    bool ok = prop_parse_kv(ObjectArgs_rows, "qom-type", text, &args, vm, err) &&
              object_new(vm, &args, err);
    prop_free(ObjectArgs_rows, &args);
    return ok;
}

bool opt_object(Vm *vm, const Str *text, GError **err)
{
    const ObjectType *type = named_type(*text);

    return (type && type->late) || make(vm, *text, err);
}

bool startup_objects(Vm *vm, int *status)
{
    const GArray *records = startup(vm)->records;

    for (guint i = 0; i < records->len; i++) {
        const Record *r = &g_array_index(records, Record, i);
        const ObjectType *type = !strcmp(r->opt->name, "object") ? named_type(r->text) : NULL;
        GError *err = NULL;

        if (!type || !type->late || make(vm, r->text, &err))
            continue;
        *status = option_report(r, err);
        return false;
    }
    return true;
}
