/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Objects that a user makes by name and other things refer to: memory back ends, sources of random
 * numbers, secrets, I/O threads (-object, object-add). Main, machine lock.
 */
#ifndef CORE_OBJECT_H
#define CORE_OBJECT_H

#include "core/prop.h"
#include "core/set.h"
#include "core/vm.h"

typedef struct ObjectType {
    const char *name, *desc;
    size_t size; /* of the struct that begins with Object */
    const Prop *props;
    bool (*open)(Object *, const void *args, GError **);
    void (*close)(Object *); /* nobody refers to it any more; also after open failed. May be NULL */
    /* made after back ends and before devices, because its rows name a chardev, netdev or drive;
     * the others are made before all of these */
    bool late;
} ObjectType;
typedef ObjectType set_object_t; /* REGISTER(object, x) */
extern const ObjectType *const object_set_desc;
extern const PropSet object_set;

/* A type's struct begins with it. */
struct Object {
    const ObjectType *type;
    Vm *vm;
    char *id;
    unsigned users; /* P_LINK rows that hold it: while there are some object_del refuses */
    bool listed;
};

/* -object [qom-type=]TYPE,id=ID,...: implied key "qom-type" */
typedef struct ObjectArgs {
    char *id;
    PICK_OF(ObjectType) qom_type;
} ObjectArgs;
extern const Prop ObjectArgs_rows[];

bool object_new(Vm *, const ObjectArgs *, GError **); /* the VM's, until object_del */
bool object_del(Vm *, const char *id, GError **);     /* refused while somebody uses it */
Object *object_find(Vm *, const char *id);            /* NULL: no such */
void objects_foreach(Vm *, void (*fn)(Object *, void *o), void *o);

/* What a row refers to by id, of that type (any of a family: names it begins with), or NULL and an
 * error that says what `prop` wants. Text stands for LINK rows where the type matters. */
Object *object_get(Vm *, const char *id, const char *type_prefix, GError **);
void object_use(Object *, int by); /* +1, -1: for holders without a P_LINK row */

/* vm_free: the last of all */
void objects_free(Vm *);

#endif
