/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -usbdevice NAME and usb_add NAME: the words of 0.12 for -device usb-*; and what is not there. */
#include <string.h>

#include "block/drive.h"
#include "core/device-add.h"
#include "hw/usb/usb.h"
#include "util/text.h"

typedef struct Word {
    const char *word, *type;
    const char *why; /* type NULL: why not */
} Word;

#define NO_HOST    "devices of the host cannot be passed through"
#define NO_SERIAL  "there is no USB serial adapter; use -serial"
#define NO_BRAILLE "there is no braille display"
#define NO_WACOM   "there is no Wacom tablet; use tablet"
#define NO_NET     "there is no USB network adapter; use -net nic"
#define NO_CCID    "there is no smart card reader"
#define NO_AUDIO   "there is no USB sound device"
#define NO_EHCI    "there is no EHCI yet; write piix3-usb-uhci"

/* clang-format off */
static const Word words[] = {
    { "tablet",       "usb-tablet",       NULL },
    { "mouse",        "usb-mouse",        NULL },
    { "keyboard",     "usb-kbd",          NULL },
    { "wacom-tablet", NULL, NO_WACOM },
    { "disk",    NULL, "write disk:FILE" },
    { "host",    NULL, NO_HOST },
    { "serial",  NULL, NO_SERIAL },
    { "braille", NULL, NO_BRAILLE },
    { "net",     NULL, NO_NET },
    { "ccid",    NULL, NO_CCID },
    { "audio",   NULL, NO_AUDIO },
    { "bt",      NULL, "there is no Bluetooth" },
};

#define ABSENT(sym, type_name, text)                                      \
    static const AbsentDevice sym = { .name = type_name, .why = text };  \
    REGISTER(absent, sym)
ABSENT(usb_host,    "usb-host",    NO_HOST);
ABSENT(usb_serial,  "usb-serial",  NO_SERIAL);
ABSENT(usb_braille, "usb-braille", NO_BRAILLE);
ABSENT(usb_net,     "usb-net",     NO_NET);
ABSENT(usb_wacom,   "usb-wacom-tablet", NO_WACOM);
ABSENT(usb_ccid,    "usb-ccid",    NO_CCID);
ABSENT(usb_audio,   "usb-audio",   NO_AUDIO);
ABSENT(usb_redir,   "usb-redir",   "USB is not redirected");
ABSENT(usb_uas,     "usb-uas",     "write usb-storage");
ABSENT(usb_bot,     "usb-bot",     "write usb-storage");
ABSENT(usb_mtp,     "usb-mtp",     "there is no media transfer");
ABSENT(usb_ehci,    "usb-ehci",    NO_EHCI);
ABSENT(ich9_ehci1,  "ich9-usb-ehci1", NO_EHCI);
ABSENT(ich9_ehci2,  "ich9-usb-ehci2", NO_EHCI);
ABSENT(pci_ohci,    "pci-ohci",    "write piix3-usb-uhci");
/* clang-format on */

static Device *add(Vm *vm, const char *type, GError **err)
{
    Device *d = device_new(vm, device_type(type), NULL);

    if (device_realize(d, NULL, err))
        return d;
    device_unref(d);
    return NULL;
}

static void unknown(const char *text, size_t len, GError **err)
{
    g_autofree char *word = g_strndup(text, len);
    Nearest near = nearest_to(word);

    for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
        nearest_try(&near, words[i].word);
    g_autofree char *hint = nearest_hint(&near);
    user_fail(err, "could not add USB device '%s'%s", text, hint);
}

/* disk:[format=F:]FILE */
static bool parse_disk(Vm *vm, const char *text, DriveArgs *a, GError **err)
{
    const char *file = text;

    if (g_str_has_prefix(text, "format=")) {
        file = strchr(text, ':');
        if (file)
            a->format = g_strndup(text + 7, file++ - text - 7);
    }
    if (!file || !*file)
        return user_fail(
            err, "could not add USB device 'disk:%s': write disk:FILE or disk:format=raw:FILE",
            text);
    a->file = g_strdup(file);
    a->iface = IF_NONE;
    for (unsigned n = 0; !a->id || drive_find(vm, a->id); n++) {
        g_free(a->id);
        a->id = g_strdup_printf("usb%u", n);
    }
    return true;
}

static Device *add_disk(Vm *vm, const char *text, bool snapshot, GError **err)
{
    BlockFront *blk = NULL;
    Device *dev = NULL;
    DriveArgs args;

    prop_defaults(DriveArgs_rows, &args);
    args.snapshot = snapshot;
    if (parse_disk(vm, text, &args, err))
        blk = drive_open(vm, &args, err);
    if (blk)
        dev = usb_storage_new(vm, blk, err);
    if (blk && !dev)
        drive_close(vm, blk);
    prop_free(DriveArgs_rows, &args);
    return dev;
}

Device *usb_add(Vm *vm, const char *text, bool snapshot, GError **err)
{
    size_t len = strcspn(text, ":");

    if (g_str_has_prefix(text, "disk:"))
        return add_disk(vm, text + 5, snapshot, err);

    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        const Word *w = &words[i];
        if (strlen(w->word) != len || strncmp(w->word, text, len) != 0)
            continue;
        if (w->type && !text[len])
            return add(vm, w->type, err);
        user_fail(err, "could not add USB device '%s': %s", text,
                  w->type ? "it takes no parameters" : w->why);
        return NULL;
    }
    unknown(text, len, err);
    return NULL;
}
