/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands about character back ends. */
#include "monitor/monitor-int.h"

#include <string.h>

#include "util/text.h"

typedef struct ChardevInfo {
    char *label, *filename;
    bool open;
} ChardevInfo;
LIST_TYPE(ChardevInfo);

/* clang-format off */
const Prop ChardevInfo_rows[] = {
    NEED_BOOL(ChardevInfo, open,     "frontend-open", "somebody uses it"),
    NEED_STR (ChardevInfo, filename, "filename",      "what it is, where it is connected to"),
    NEED_STR (ChardevInfo, label,    "label",         "name"),
    PROP_END (ChardevInfo)
};
/* clang-format on */
LIST_ROWS(ChardevInfo);

CMD(query_chardev, "query-chardev", NULL, NULL, Empty, ChardevInfoList, CMD_PRECONFIG,
    "character back ends");

static bool cmd_query_chardev(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    const GPtrArray *all = chardev_all(vm);
    g_autofree ChardevInfo *at = g_new0(ChardevInfo, all->len + 1);
    ChardevInfoList list = { at, all->len };
    for (guint i = 0; i < all->len; i++) {
        Chardev *c = all->pdata[i];
        at[i] = (ChardevInfo){ c->label, c->filename, c->fronts->len };
    }
    cmd_query_chardev_reply(r, &list);
    return true;
}

CMD(info_chardev, NULL, "info chardev", NULL, Empty, Empty, 0, "show the character devices");

static bool cmd_info_chardev(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    const GPtrArray *all = chardev_all(vm);
    for (guint i = 0; i < all->len; i++) {
        Chardev *c = all->pdata[i];
        reply_printf(r, "%s: filename=%s\n", c->label, c->filename);
    }
    return true;
}

typedef struct BackendInfo {
    char *name;
} BackendInfo;
LIST_TYPE(BackendInfo);
const Prop BackendInfo_rows[] = { NEED_STR(BackendInfo, name, "name", "kind of back end"),
                                  PROP_END(BackendInfo) };
LIST_ROWS(BackendInfo);

CMD(query_chardev_backends, "query-chardev-backends", NULL, NULL, Empty, BackendInfoList, 0,
    "kinds of character back ends");

static bool cmd_query_chardev_backends(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    g_autoptr(GArray) at = g_array_new(FALSE, TRUE, sizeof(BackendInfo));
    PropChoice c;
    for (size_t i = 0; chardev_set.at(i, &c); i++) {
        BackendInfo info = { (char *)c.name };
        g_array_append_val(at, info);
    }
    BackendInfoList list = { (BackendInfo *)(void *)at->data, at->len };
    cmd_query_chardev_backends_reply(r, &list);
    return true;
}

/* ---- adding and removing ---- */

typedef struct AddBackend {
    PICK_OF(CharDriver) driver;
} AddBackend;
typedef struct AddArgs {
    char *id;
    AddBackend backend;
} AddArgs;
typedef struct AddReturn {
    char *pty;
} AddReturn;

/* clang-format off */
static const Prop AddBackend_rows[] = {
    PROP_PICK(AddBackend, driver, "type", chardev_set, "kind of back end", PROP_DATA),
    PROP_END (AddBackend)
};
static const Prop AddArgs_rows[] = {
    NEED_STR (AddArgs, id,      "id",                  "name for it"),
    NEED_PART(AddArgs, backend, "backend", AddBackend, "what it is"),
    PROP_END (AddArgs)
};
static const Prop AddReturn_rows[] = {
    PROP_STR(AddReturn, pty, "pty", NULL, "path of the slave"),
    PROP_END(AddReturn)
};
/* clang-format on */

CMD(chardev_add, "chardev-add", NULL, NULL, AddArgs, AddReturn, 0, "add a character back end");

static bool cmd_chardev_add(Vm *vm, const AddArgs *a, Reply *r, GError **err)
{
    ChardevArgs args = { .id = a->id, .by_qmp = true };
    args.backend.type = a->backend.driver.type;
    args.backend.args = a->backend.driver.args;
    Chardev *c = chardev_new(vm, &args, err);
    if (!c)
        return false;
    AddReturn back = { g_str_has_prefix(c->filename, "pty:") ? c->filename + 4 : NULL };
    cmd_chardev_add_reply(r, &back);
    return true;
}

CMD(hmp_chardev_add, NULL, "chardev-add", "{backend}", ChardevArgs, Empty, 0, "add chardev");

static bool cmd_hmp_chardev_add(Vm *vm, const ChardevArgs *a, Reply *r, GError **err)
{
    return chardev_new(vm, a, err);
}

typedef struct IdArgs {
    char *id;
} IdArgs;
static const Prop IdArgs_rows[] = { NEED_STR(IdArgs, id, "id", "the chardev's name"),
                                    PROP_END(IdArgs) };

CMD(chardev_remove, "chardev-remove", "chardev-remove", "id", IdArgs, Empty, 0, "remove chardev");

static bool cmd_chardev_remove(Vm *vm, const IdArgs *a, Reply *r, GError **err)
{
    return chardev_remove(vm, a->id, err);
}

CMD(chardev_send_break, "chardev-send-break", "chardev-send-break", "id", IdArgs, Empty, 0,
    "send a break on chardev");

static bool cmd_chardev_send_break(Vm *vm, const IdArgs *a, Reply *r, GError **err)
{
    Chardev *c = chardev_find(vm, a->id);
    if (c)
        char_event(c, CHR_BREAK);
    else
        user_fail(err, "Chardev '%s' not found", a->id);
    return c;
}
