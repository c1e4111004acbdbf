/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pure: bytes in, bytes out; one a monitor */
#ifndef UTIL_LINE_H
#define UTIL_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct LineOps {
    void (*out)(void *o, const char *p, size_t n);
    void (*line)(void *o, const char *text);
    char **(*complete)(void *o, const char *text, size_t cursor);
} LineOps;
typedef struct LineEdit LineEdit;
LineEdit *line_new(const LineOps *, void *o);
void line_free(LineEdit *);

/* hidden: asterisks, no history, no completion, wiped after use */
void line_prompt(LineEdit *, const char *prompt, bool hidden);

/* bytes used: stops behind a line until the next line_prompt() */
size_t line_feed(LineEdit *, const uint8_t *p, size_t n);

/* after MUX_IN; text above the prompt */
void line_redraw(LineEdit *);
void line_output(LineEdit *, const char *p, size_t n);

#endif
