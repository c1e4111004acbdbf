/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -object: the list of a VM's objects, and links to them. */
#include <string.h>

#include "core/object.h"
#include "core/vm-int.h"

PROP_SET(object, ObjectType, props);

/* clang-format off */
const Prop ObjectArgs_rows[] = {
    NEED_STR (ObjectArgs, id,       "id",                   "name that others refer to"),
    PROP_PICK(ObjectArgs, qom_type, "qom-type", object_set, "kind of object"),
    PROP_END (ObjectArgs)
};
/* clang-format on */

static GPtrArray *list(Vm *vm)
{
    VmCore *c = vm_core(vm);

    if (!c->objects)
        c->objects = g_ptr_array_new();
    return c->objects;
}

Object *object_find(Vm *vm, const char *id)
{
    const GPtrArray *all = list(vm);

    for (guint i = 0; i < all->len; i++) {
        Object *o = all->pdata[i];

        if (strcmp(o->id, id) == 0)
            return o;
    }
    return NULL;
}

void objects_foreach(Vm *vm, void (*fn)(Object *, void *o), void *o)
{
    const GPtrArray *all = list(vm);

    for (guint i = 0; i < all->len; i++)
        fn(all->pdata[i], o);
}

static void object_free(Object *o)
{
    if (o->listed)
        g_ptr_array_remove(list(o->vm), o);
    if (o->type->close)
        o->type->close(o);
    g_free(o->id);
    g_free(o);
}

bool object_new(Vm *vm, const ObjectArgs *args, GError **err)
{
    const ObjectType *type = args->qom_type.type;
    Object *o;

    if (!id_check(args->id, err))
        return false;
    if (object_find(vm, args->id)) {
        return user_fail(err, "attempt to add duplicate property '%s' to object (type 'container')",
                         args->id);
    }
    o = g_malloc0(type->size);
    *o = (Object){ .type = type, .vm = vm, .id = g_strdup(args->id) };
    if (!type->open(o, args->qom_type.args, err)) {
        object_free(o);
        return false;
    }
    o->listed = true;
    g_ptr_array_add(list(vm), o);
    return true;
}

bool object_del(Vm *vm, const char *id, GError **err)
{
    Object *o = object_find(vm, id);

    if (!o)
        return user_fail(err, "object '%s' not found", id);
    if (o->users)
        return user_fail(err, "object '%s' is in use, can not be deleted", id);
    object_free(o);
    return true;
}

Object *object_get(Vm *vm, const char *id, const char *type_prefix, GError **err)
{
    Object *o = object_find(vm, id);

    if (!o)
        user_fail(err, "object '%s' not found; make it by -object %s...,id=%s", id, type_prefix,
                  id);
    else if (!g_str_has_prefix(o->type->name, type_prefix))
        user_fail(err, "object '%s' is of type %s, not %s", id, o->type->name, type_prefix);
    else
        return o;
    return NULL;
}

void object_use(Object *o, int by)
{
    g_assert(by > 0 || o->users);
    o->users += by;
}

void objects_free(Vm *vm)
{
    VmCore *c = vm_core(vm);

    while (c->objects && c->objects->len)
        object_free(c->objects->pdata[c->objects->len - 1]);
    g_clear_pointer(&c->objects, g_ptr_array_unref);
}

/* ---- P_LINK ---- */

static void *link_get(Vm *vm, const char *id, GError **err)
{
    Object *o = object_find(vm, id);

    if (o)
        o->users++;
    else
        user_fail(err, "object '%s' not found", id);
    return o;
}

static const char *link_id(const void *link)
{
    return ((const Object *)link)->id;
}

static void link_drop(void *link)
{
    object_use(link, -1);
}

static const PropLink object_link = {
    .name = "object", .kind = LINK_OBJECT, .get = link_get, .id = link_id, .drop = link_drop
};
REGISTER(link, object_link);
