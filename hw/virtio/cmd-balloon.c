/* SPDX-License-Identifier: GPL-2.0-or-later */
/* balloon, query-balloon, "info balloon": in the words of 7.2. */
#include "core/command.h"
#include "core/machine.h"
#include "core/set.h"
#include "hw/virtio/balloon-int.h"

typedef struct BalloonInfo {
    int64_t actual;
} BalloonInfo;
static const Prop BalloonInfo_rows[] = { NEED_INT(BalloonInfo, actual, "actual",
                                                  "bytes of memory that the guest has"),
                                         PROP_END(BalloonInfo) };

typedef struct BalloonArgs {
    int64_t value;
} BalloonArgs;
static const Prop BalloonArgs_rows[] = { NEED_INT(BalloonArgs, value, "value",
                                                  "bytes of memory that the guest is to have"),
                                         PROP_END(BalloonArgs) };

typedef struct BalloonHmpArgs {
    uint64_t value;
} BalloonHmpArgs;
static const Prop BalloonHmpArgs_rows[] = { NEED_SIZE(BalloonHmpArgs, value, "value",
                                                      "size; a bare number is MiB", PROP_MIB),
                                            PROP_END(BalloonHmpArgs) };

static VirtioBalloon *need_balloon(Vm *vm, GError **err)
{
    VirtioBalloon *b = balloon_find(vm);

    if (!b)
        g_set_error(err, qmp_error_quark(), QMP_DEVICE_NOT_ACTIVE,
                    "No balloon device has been activated");
    return b;
}

static bool set_target(Vm *vm, int64_t bytes, GError **err)
{
    VirtioBalloon *b = need_balloon(vm, err);

    if (!b)
        return false;
    if (bytes <= 0)
        return user_fail(err, "Parameter 'target' expects a size");
    balloon_set_target(b, bytes);
    return true;
}

CMD(balloon, "balloon", NULL, NULL, BalloonArgs, Empty, 0,
    "ask the guest to change its memory size");

static bool cmd_balloon(Vm *vm, const BalloonArgs *a, Reply *r, GError **err)
{
    return set_target(vm, a->value, err);
}

CMD(hmp_balloon, NULL, "balloon", "value", BalloonHmpArgs, Empty, 0,
    "request VM to change its memory allocation (in MB)");

static bool cmd_hmp_balloon(Vm *vm, const BalloonHmpArgs *a, Reply *r, GError **err)
{
    return set_target(vm, MIN(a->value, INT64_MAX), err);
}

CMD(query_balloon, "query-balloon", NULL, NULL, Empty, BalloonInfo, 0, "size of the balloon");

static bool cmd_query_balloon(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    const VirtioBalloon *b = need_balloon(vm, err);

    if (!b)
        return false;
    BalloonInfo info = { balloon_actual(b) };
    cmd_query_balloon_reply(r, &info);
    return true;
}

CMD(info_balloon, NULL, "info balloon", NULL, Empty, Empty, 0, "show balloon information");

static bool cmd_info_balloon(Vm *vm, const Empty *a, Reply *r, GError **err)
{
    const VirtioBalloon *b = need_balloon(vm, err);

    if (!b)
        return false;
    reply_printf(r, "balloon: actual=%" G_GUINT64_FORMAT "\n", balloon_actual(b) >> 20);
    return true;
}
