/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Displays on this host, by -display and its old spellings; VNC has options of its own (ui/vnc.h).
 */
#ifndef UI_DISPLAY_H
#define UI_DISPLAY_H

#include "ui/console.h"
#include "ui/hotkey.h"

/* -display [type=]TYPE,...; rows of all types in one table, as all of them are windows or screens
 */
typedef struct DisplayArgs {
    char *type, *charset;
    bool full_screen, window_close, show_cursor, no_frame;
    int8_t grab_mod; /* HotKeyChord; -1: not said */
    int8_t gl;
} DisplayArgs;
enum { DISPLAY_GL_OFF, DISPLAY_GL_ON, DISPLAY_GL_CORE, DISPLAY_GL_ES };
extern const Prop DisplayArgs_rows[];

/* A type: "sdl", "curses" are there when built in, "none" always. NULL: no such. */
const DisplayDriver *display_find(const char *type);
char *display_help(void);
/* why a known type is not there; NULL: it is not known */
const char *display_why_not(const char *type);

/* main, locked, once; false: nothing is shown and nothing is left behind */
bool display_open(Vm *, const DisplayArgs *, GError **);
void display_close(Vm *); /* joins its thread */

#endif
