/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mouse_move and mouse_button: one source for all monitors, since a button stays down between two
 * commands. Which bit is which button is what 7.2 does, not what its help says.
 */
#include <linux/input-event-codes.h>

#include "monitor/monitor-int.h"
#include "ui/console.h"
#include "util/text.h"

enum { FAR = 1 << 20 };

static bool mouse_send(Vm *vm, const InputEvent *e, size_t n, GError **err)
{
    MonitorList *l = monitor_list(vm);

    if (!l->mouse)
        l->mouse = input_source_new(vm, "mouse");
    if (input_send(l->mouse, 0, e, n))
        return true;
    return user_fail(err, "the guest does not read its mouse: %u events wait",
                     input_pending(l->mouse));
}

/* texts, as the original reads them: "5 -7" would be one number, 5 - 7 */
typedef struct MoveArgs {
    char *dx, *dy, *dz;
} MoveArgs;

/* clang-format off */
static const Prop MoveArgs_rows[] = {
    NEED_STR(MoveArgs, dx, "dx",       "to the right"),
    NEED_STR(MoveArgs, dy, "dy",       "downwards"),
    PROP_STR(MoveArgs, dz, "dz", NULL, "steps of the wheel, upwards"),
    PROP_END(MoveArgs)
};
/* clang-format on */

static bool add_motion(InputEvent *e, size_t *n, uint16_t axis, const char *text, GError **err)
{
    int64_t val = 0;

    if (text && (!text_int(text, &val) || val < -FAR || val > FAR))
        return user_fail(err, "'%s' is not a number from %d to %d", text, -FAR, FAR);
    if (val)
        e[(*n)++] = (InputEvent){ IN_REL, axis, (int32_t)val };
    return true;
}

CMD(mouse_move, NULL, "mouse_move", "dx dy [dz]", MoveArgs, Empty, 0, "send mouse move events");

static bool cmd_mouse_move(Vm *vm, const MoveArgs *a, Reply *r, GError **err)
{
    InputEvent e[4];
    size_t n = 0;

    if (!add_motion(e, &n, REL_X, a->dx, err) || !add_motion(e, &n, REL_Y, a->dy, err) ||
        !add_motion(e, &n, REL_WHEEL, a->dz, err))
        return false;
    e[n++] = (InputEvent){ IN_SYNC, 0, 0 };
    return mouse_send(vm, e, n, err);
}

typedef struct ButtonArgs {
    uint32_t state;
} ButtonArgs;
static const Prop ButtonArgs_rows[] = { PROP_RANGE(ButtonArgs, state, "state", 0, 0, 7,
                                                   "those that are down", PROP_NEED),
                                        PROP_END(ButtonArgs) };

CMD(mouse_button, NULL, "mouse_button", "state", ButtonArgs, Empty, 0,
    "change mouse button state (1=L, 2=R, 4=M)");

static bool cmd_mouse_button(Vm *vm, const ButtonArgs *a, Reply *r, GError **err)
{
    static const uint16_t code[] = { BTN_LEFT, BTN_RIGHT, BTN_MIDDLE };
    InputEvent e[G_N_ELEMENTS(code) + 1];

    /* who releases what is not down is not heard */
    for (unsigned i = 0; i < G_N_ELEMENTS(code); i++)
        e[i] = (InputEvent){ IN_BUTTON, code[i], a->state >> i & 1 };
    e[G_N_ELEMENTS(code)] = (InputEvent){ IN_SYNC, 0, 0 };
    return mouse_send(vm, e, G_N_ELEMENTS(e), err);
}

/* ui_close() frees the source: a deferred free would find it gone */
void mouse_close(Vm *vm)
{
    monitor_list(vm)->mouse = NULL;
}
