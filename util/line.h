/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A line editor for terminals that may be anywhere: a tty, a socket, a text console. Pure: bytes
 * in, bytes out, no clock, no file; one a monitor. It assumes a VT100-like screen that moves its
 * cursor on CSI C, CSI D and erases on CSI K.
 */
#ifndef UTIL_LINE_H
#define UTIL_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct LineOps {
    void (*out)(void *o, const char *p, size_t n);
    /* A whole line, without its end. The text is the editor's, gone after the call. */
    void (*line)(void *o, const char *text);
    /*
     * What the word before the cursor may become: a NULL-ended vector for g_strfreev(), or NULL.
     * *start: where that word begins; each answer replaces text[*start, cursor). A unique answer
     * gets a blank behind it unless it ends in '/', '-', '=', ',' or ':'. May be NULL.
     */
    char **(*complete)(void *o, const char *text, size_t cursor, size_t *start);
} LineOps;
typedef struct LineEdit LineEdit;

LineEdit *line_new(const LineOps *, void *o);
void line_free(LineEdit *);

/* Shows a prompt and takes a line. hidden: asterisks, no history, no completion, wiped after use.
 */
void line_prompt(LineEdit *, const char *prompt, bool hidden);

/* The other side is gone: what it typed is forgotten, nothing is shown until the next prompt. */
void line_abandon(LineEdit *);

/* Returns the bytes used: stops behind a line until the next line_prompt(). */
size_t line_feed(LineEdit *, const uint8_t *p, size_t n);

/* The prompt and the text so far once more: after MUX_IN, after other output. */
void line_redraw(LineEdit *);

/* Output while a line is edited: appears above the prompt. Without a prompt: as it is. */
void line_output(LineEdit *, const char *p, size_t n);

/* The i-th line of the history, the oldest first; NULL behind the newest. */
const char *line_history(const LineEdit *, size_t i);

#endif
