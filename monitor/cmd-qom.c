/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The machine as a tree of paths, as 7.2's clients walk it: devices under /machine, objects of
 * -object under /objects, the properties of each. A view over descriptors, nothing is kept.
 */
#include "monitor/monitor-int.h"

#include <string.h>

#include "core/device-add.h"
#include "core/object.h"

/* ---- the nodes ---- */

typedef struct Node {
    const char *path, *type;
    char *own, *own_type; /* of path and type, where they are not somebody else's */
    Device *dev;
    Object *obj;
} Node;

static void node_clear(void *p)
{
    Node *n = p;
    g_free(n->own);
    g_free(n->own_type);
}

static void add_device(Device *d, void *all)
{
    Node n = { .path = d->path, .type = d->type->name, .dev = d };
    g_array_append_val((GArray *)all, n);
}

static void add_object(Object *o, void *all)
{
    Node n = { .own = g_strconcat("/objects/", o->id, NULL), .type = o->type->name, .obj = o };
    n.path = n.own;
    g_array_append_val((GArray *)all, n);
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const Node *)a)->path, ((const Node *)b)->path);
}

static GArray *nodes(Vm *vm)
{
    static const char *const containers[] = { "/machine/peripheral", "/machine/peripheral-anon",
                                              "/machine/unattached", "/objects" };
    GArray *all = g_array_new(FALSE, FALSE, sizeof(Node));
    g_array_set_clear_func(all, node_clear);
    device_foreach(vm, add_device, all);
    objects_foreach(vm, add_object, all);
    Node root = { .path = "/machine", .type = "machine" };
    if (vm->machine)
        root.type = root.own_type = g_strconcat(vm->machine->name, "-machine", NULL);
    g_array_append_val(all, root);
    for (size_t i = 0; i < G_N_ELEMENTS(containers); i++) {
        Node n = { .path = containers[i], .type = "container" };
        g_array_append_val(all, n);
    }
    g_array_sort(all, by_path);
    return all;
}

static const Node *node_find(const GArray *all, const char *path)
{
    for (guint i = 0; i < all->len; i++) {
        const Node *n = &g_array_index(all, Node, i);
        if (strcmp(n->path, path) == 0)
            return n;
    }
    return NULL;
}

/* "/machine/..."; a name without a slash is a device's or an object's id. NULL: the error is set */
static const Node *node_get(const GArray *all, const char *path, GError **err)
{
    const Node *n = node_find(all, path);
    for (guint i = 0; !n && *path != '/' && i < all->len; i++) {
        const Node *m = &g_array_index(all, Node, i);
        const char *id = m->dev ? m->dev->id : m->obj ? m->obj->id : NULL;
        if (g_strcmp0(id, path) == 0)
            n = m;
    }
    if (!n)
        user_fail(err, "Device '%s' not found", path);
    return n;
}

static const Prop *no_rows(void)
{
    static const Prop end[] = { { .kind = P_END } };
    return end;
}

static const Prop *own_rows(const Node *n)
{
    return n->dev && n->dev->type->props ? n->dev->type->props : no_rows();
}

static const Prop *bus_rows(const Node *n)
{
    const BusType *t = n->dev && n->dev->bus ? n->dev->bus->type : NULL;
    return t && t->props ? t->props : no_rows();
}

/* ---- info qom-tree ---- */

typedef struct TreeArgs {
    char *path;
} TreeArgs;
static const Prop TreeArgs_rows[] = {
    PROP_STR(TreeArgs, path, "path", NULL, "where to begin; /machine without"), PROP_END(TreeArgs)
};

CMD(info_qom_tree, NULL, "info qom-tree", "[path]", TreeArgs, Empty, 0,
    "show QOM composition tree");

static bool cmd_info_qom_tree(Vm *vm, const TreeArgs *a, Reply *r, GError **err)
{
    g_autoptr(GArray) all = nodes(vm);
    const char *root = a->path ? a->path : "/machine";
    size_t len = strlen(root);
    if (!node_get(all, root, err))
        return false;
    for (guint i = 0; i < all->len; i++) {
        const Node *n = &g_array_index(all, Node, i);
        const char *rest = n->path + len;
        unsigned depth = 0;
        if (strncmp(n->path, root, len) != 0 || (*rest && *rest != '/'))
            continue;
        for (const char *p = rest; *p; p++)
            depth += *p == '/';
        reply_printf(r, "%*s%s (%s)\n", 2 * depth, "", *rest ? strrchr(n->path, '/') : root,
                     n->type);
    }
    return true;
}

/* ---- qom-list, qom-get, qom-set ---- */

typedef struct PropInfo {
    char *name, *type, *description;
    Json *value;
} PropInfo;
LIST_TYPE(PropInfo);

/* clang-format off */
const Prop PropInfo_rows[] = {
    NEED_STR(PropInfo, name,        "name",                "the property"),
    NEED_STR(PropInfo, type,        "type",                "of what type"),
    PROP_STR(PropInfo, description, "description",   NULL, "what it says"),
    PROP_ANY(PropInfo, value,       "default-value",       "without a word of the user's"),
    PROP_END(PropInfo)
};
/* clang-format on */
LIST_ROWS(PropInfo);

static void info_clear(void *p)
{
    PropInfo *i = p;
    g_free(i->name);
    g_free(i->type);
    g_free(i->description);
}

static void info_add(GArray *list, const char *name, const char *type, const char *desc)
{
    PropInfo i = { g_strdup(name), g_strdup(type), g_strdup(desc), NULL };
    g_array_append_val(list, i);
}

static void info_rows(GArray *list, const Prop *rows, bool help)
{
    for (const Prop *p = rows; p->kind != P_END; p++) {
        if (!p->name && p->kind == P_PART)
            info_rows(list, p->aux, help);
        if (p->name && p->kind != P_ALIAS && !(p->flags & PROP_HIDDEN))
            info_add(list, p->name, prop_type_name(p), help ? p->help : NULL);
    }
}

typedef struct PathArgs {
    char *path;
} PathArgs;
static const Prop PathArgs_rows[] = { NEED_STR(PathArgs, path, "path", "path, or an id"),
                                      PROP_END(PathArgs) };

static GArray *list_of(const GArray *all, const Node *n)
{
    GArray *list = g_array_new(FALSE, FALSE, sizeof(PropInfo));
    size_t len = strlen(n->path);
    g_array_set_clear_func(list, info_clear);
    info_add(list, "type", "string", NULL);
    if (n->dev) {
        info_add(list, "realized", "bool", NULL);
        info_add(list, "hotplugged", "bool", NULL);
        info_add(list, "hotpluggable", "bool", NULL);
    }
    info_rows(list, bus_rows(n), false);
    info_rows(list, own_rows(n), false);
    for (guint i = 0; i < all->len; i++) {
        const Node *c = &g_array_index(all, Node, i);
        if (strncmp(c->path, n->path, len) || c->path[len] != '/' || strchr(c->path + len + 1, '/'))
            continue;
        g_autofree char *type = g_strdup_printf("child<%s>", c->type);
        info_add(list, c->path + len + 1, type, NULL);
    }
    return list;
}

CMD(qom_list, "qom-list", NULL, NULL, PathArgs, PropInfoList, CMD_PRECONFIG,
    "properties and children of what is at a path");

static bool cmd_qom_list(Vm *vm, const PathArgs *a, Reply *r, GError **err)
{
    g_autoptr(GArray) all = nodes(vm);
    const Node *n = node_get(all, a->path, err);
    if (!n)
        return false;
    g_autoptr(GArray) list = list_of(all, n);
    PropInfoList res = { (PropInfo *)(void *)list->data, list->len };
    cmd_qom_list_reply(r, &res);
    return true;
}

CMD(hmp_qom_list, NULL, "qom-list", "[path]", TreeArgs, Empty, 0, "list QOM properties");

static bool cmd_hmp_qom_list(Vm *vm, const TreeArgs *a, Reply *r, GError **err)
{
    g_autoptr(GArray) all = nodes(vm);
    if (!a->path) {
        reply_printf(r, "/\n");
        return true;
    }
    const Node *n = node_get(all, a->path, err);
    if (!n)
        return false;
    g_autoptr(GArray) list = list_of(all, n);
    for (guint i = 0; i < list->len; i++) {
        const PropInfo *p = &g_array_index(list, PropInfo, i);
        reply_printf(r, "%s (%s)\n", p->name, p->type);
    }
    return true;
}

typedef struct GetArgs {
    char *path, *property;
} GetArgs;
static const Prop GetArgs_rows[] = { NEED_STR(GetArgs, path, "path", "path, or an id"),
                                     NEED_STR(GetArgs, property, "property", "its name"),
                                     PROP_END(GetArgs) };

static Json *get(Vm *vm, const GetArgs *a, GError **err)
{
    g_autoptr(GArray) all = nodes(vm);
    const Node *n = node_get(all, a->path, err);
    Json *v = NULL;
    if (!n)
        return NULL;
    if (strcmp(a->property, "type") == 0)
        return json_str(n->type);
    if (strcmp(a->property, "realized") == 0 && n->dev)
        return json_bool(true);
    if (strcmp(a->property, "hotplugged") == 0 && n->dev)
        return json_bool(device_hotplugged(n->dev));
    if (strcmp(a->property, "hotpluggable") == 0 && n->dev)
        return json_bool(n->dev->type->flags & TYPE_HOTPLUG);
    v = prop_get(own_rows(n), n->dev, a->property);
    v = v ? v : prop_get(bus_rows(n), n->dev, a->property);
    if (!v)
        user_fail(err, "Property '%s.%s' not found", n->type, a->property);
    return v;
}

CMD(qom_get, "qom-get", NULL, NULL, GetArgs, Any, CMD_PRECONFIG, "value of a property");

static bool cmd_qom_get(Vm *vm, const GetArgs *a, Reply *r, GError **err)
{
    g_autoptr(Json) v = get(vm, a, err);
    if (v)
        cmd_qom_get_reply(r, &v);
    return v;
}

CMD(hmp_qom_get, NULL, "qom-get", "path property", GetArgs, Empty, 0, "print QOM property");

static bool cmd_hmp_qom_get(Vm *vm, const GetArgs *a, Reply *r, GError **err)
{
    g_autoptr(Json) v = get(vm, a, err);
    if (!v)
        return false;
    g_autofree char *text = json_text(v, 4);
    reply_printf(r, "%s\n", text);
    return true;
}

typedef struct SetArgs {
    char *path, *property;
    Json *value;
} SetArgs;
static const Prop SetArgs_rows[] = { NEED_STR(SetArgs, path, "path", "path, or an id"),
                                     NEED_STR(SetArgs, property, "property", "its name"),
                                     NEED_ANY(SetArgs, value, "value", "the new value"),
                                     PROP_END(SetArgs) };

static bool set(Vm *vm, const char *path, const char *property, const Json *v, GError **err)
{
    g_autoptr(GArray) all = nodes(vm);
    const Node *n = node_get(all, path, err);
    if (n && !n->dev)
        user_fail(err, "Property '%s.%s' cannot be changed", n->type, property);
    return n && n->dev && device_set(n->dev, property, v, err);
}

CMD(qom_set, "qom-set", NULL, NULL, SetArgs, Empty, CMD_PRECONFIG, "change a property");

static bool cmd_qom_set(Vm *vm, const SetArgs *a, Reply *r, GError **err)
{
    return set(vm, a->path, a->property, a->value, err);
}

typedef struct HmpSetArgs {
    char *path, *property, *value;
} HmpSetArgs;
static const Prop HmpSetArgs_rows[] = { NEED_STR(HmpSetArgs, path, "path", "path, or an id"),
                                        NEED_STR(HmpSetArgs, property, "property", "its name"),
                                        NEED_STR(HmpSetArgs, value, "value", "the new value"),
                                        PROP_END(HmpSetArgs) };

CMD(hmp_qom_set, NULL, "qom-set", "path property value", HmpSetArgs, Empty, 0, "set QOM property");

static bool cmd_hmp_qom_set(Vm *vm, const HmpSetArgs *a, Reply *r, GError **err)
{
    g_autoptr(Json) v = json_kv(a->value);
    return set(vm, a->path, a->property, v, err);
}

/* ---- types ---- */

typedef struct TypeArgs {
    char *implements;
    Tri abstract;
} TypeArgs;
typedef struct TypeInfo {
    char *name, *parent;
} TypeInfo;
LIST_TYPE(TypeInfo);

/* clang-format off */
static const Prop TypeArgs_rows[] = {
    PROP_STR (TypeArgs, implements, "implements", NULL, "only those that are one of these"),
    PROP_BOOL(TypeArgs, abstract,   "abstract",   AUTO, "also those that cannot be made"),
    PROP_END (TypeArgs)
};
const Prop TypeInfo_rows[] = {
    NEED_STR(TypeInfo, name,   "name",         "the type"),
    PROP_STR(TypeInfo, parent, "parent", NULL, "what it is a kind of"),
    PROP_END(TypeInfo)
};
/* clang-format on */
LIST_ROWS(TypeInfo);
SET_DECLARE(device);
SET_DECLARE(object);

static void type_add(GArray *list, const char *name, const char *parent, const char *want)
{
    TypeInfo t = { (char *)name, (char *)parent };
    if (!want || !strcmp(want, parent) || !strcmp(want, name) || !strcmp(want, "object"))
        g_array_append_val(list, t);
}

CMD(qom_list_types, "qom-list-types", NULL, NULL, TypeArgs, TypeInfoList, CMD_PRECONFIG,
    "types of devices and objects");

static bool cmd_qom_list_types(Vm *vm, const TypeArgs *a, Reply *r, GError **err)
{
    g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(TypeInfo));
    SET_FOREACH(device, p)
        type_add(list, (*p)->name, "device", a->implements);
    SET_FOREACH(object, p)
        type_add(list, (*p)->name, "user-creatable", a->implements);
    TypeInfoList res = { (TypeInfo *)(void *)list->data, list->len };
    cmd_qom_list_types_reply(r, &res);
    return true;
}

typedef struct TypeNameArgs {
    char *name;
} TypeNameArgs;
static const Prop TypeNameArgs_rows[] = { NEED_STR(TypeNameArgs, name, "typename", "the type"),
                                          PROP_END(TypeNameArgs) };

static bool reply_rows(Reply *r, const char *name, GError **err)
{
    const DeviceType *d = device_type(name);
    PropChoice c;
    g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(PropInfo));
    bool found = d;
    g_array_set_clear_func(list, info_clear);
    if (d && d->bus && d->bus->props)
        info_rows(list, d->bus->props, true);
    if (d && d->props)
        info_rows(list, d->props, true);
    for (size_t i = 0; !d && object_set.at(i, &c); i++) {
        if (strcmp(c.name, name) == 0) {
            found = true;
            info_rows(list, c.rows, true);
        }
    }
    if (!found)
        return user_fail(err, "Device '%s' not found", name);
    PropInfoList res = { (PropInfo *)(void *)list->data, list->len };
    reply_send(r, &res);
    return true;
}

CMD(device_list_properties, "device-list-properties", NULL, NULL, TypeNameArgs, PropInfoList,
    CMD_PRECONFIG, "properties that -device TYPE takes");

static bool cmd_device_list_properties(Vm *vm, const TypeNameArgs *a, Reply *r, GError **err)
{
    return reply_rows(r, a->name, err);
}

CMD(qom_list_properties, "qom-list-properties", NULL, NULL, TypeNameArgs, PropInfoList,
    CMD_PRECONFIG, "properties of a type");

static bool cmd_qom_list_properties(Vm *vm, const TypeNameArgs *a, Reply *r, GError **err)
{
    return reply_rows(r, a->name, err);
}
