/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the property engine share. */
#ifndef CORE_PROP_INT_H
#define CORE_PROP_INT_H

#include "core/prop.h"
#include "util/text.h"

/* A bare value or alternatives (all rows nameless), not an object. */
bool prop_is_bare(const Prop *rows);
size_t prop_size(const Prop *rows);

static inline void *prop_at(const Prop *row, const void *args)
{
    return (char *)args + row->off;
}

/* P_BOOL, P_INT, P_SIZE, P_ENUM: the member's value, whatever its width. */
int64_t prop_load(const Prop *, const void *args);
void prop_store(const Prop *, void *args, int64_t);

/* What an int row takes; a uint64_t is compared unsigned. */
bool prop_is_unsigned64(const Prop *);
void prop_limits(const Prop *, int64_t *min, int64_t *max);

/* The row holds its default (and so is absent). */
bool prop_is_default(const Prop *, const void *args);
void prop_row_defaults(const Prop *rows, const Prop *row, void *args);
void prop_row_free(const Prop *rows, const Prop *row, void *args);

/* The P_ENUM row that decides about this P_CASE row. */
const Prop *prop_case_tag(const Prop *rows, const Prop *row);
bool prop_case_active(const Prop *rows, const Prop *row, const void *args);

/* P_PICK: the choice that is set; false: none is. The struct is { type, args }. */
typedef struct PropPick {
    const void *type;
    void *args;
} PropPick;
bool prop_pick_choice(const Prop *, const PropPick *, PropChoice *);
bool prop_pick_named(const Prop *, const char *name, PropChoice *);
void prop_pick_free(const Prop *, PropPick *);

const PropLink *prop_link_of(const Prop *);
const char *prop_enum_name(const Prop *, int64_t value); /* NULL: out of range */

/* '-' and '_' are the same in what users type. */
bool prop_name_is(const char *name, const char *key);

/*
 * Every row that counts now, with the struct it lies in: own rows, bases, active cases, the chosen
 * driver's rows; with `text` the rows of FLAT parts instead of the part. args NULL: all cases. The
 * walk ends when visit returns true, and so does the call.
 */
typedef bool PropVisit(void *o, const Prop *row, void *args);
bool prop_each(const Prop *rows, void *args, bool text, PropVisit *visit, void *o);

/* ---- reading ---- */

/* Where in the value we are, for errors: "file.backing.0.name". */
typedef struct PropPath {
    const struct PropPath *up;
    const char *name;
    size_t index; /* where name is NULL and there is an up */
} PropPath;

typedef struct PropRead {
    Vm *vm;
    GError **err;
    bool partial; /* prop_set(): one row, so nothing else is missing */
} PropRead;

/* A value into a row (prop-value.c), an object or bare value into a table (prop-read.c). */
bool prop_read_row(PropRead *, const PropPath *, const Prop *, void *args, const Json *);
bool prop_read_table(PropRead *, const PropPath *, const Prop *rows, void *args, const Json *);
/* The text of a string, a name or a word; NULL: the error is set. A word alone is "on" if allowed.
 */
const char *prop_read_text(PropRead *, const PropPath *, const Json *, bool switchable);

/* All return false. "Parameter 'PATH' ...". */
bool prop_read_fail(PropRead *, const PropPath *, const char *fmt, ...) G_GNUC_PRINTF(3, 4);
bool prop_type_fail(PropRead *, const PropPath *, const char *type);
bool prop_help_fail(PropRead *, char *take);
bool prop_name_fail(PropRead *, const PropPath *, const Json *, const char *text,
                    const Nearest *near, GPtrArray *names);
void prop_path_print(const PropPath *, GString *);

/* ---- printing ---- */
Json *prop_row_to_json(const Prop *, const void *args);

/* key=value text as a tree of J_KV nodes; plain: dots are not a path (CPU flags). */
Json *prop_kv_tree(const char *implied, const char *text, bool plain, bool implied_help,
                   GError **err);

/* "  name=<type>  - help (default: x)" of every row that counts, or of what one row accepts. */
char *prop_help_now(const Prop *rows, void *args, const char *title);
char *prop_help_row(const Prop *);

#endif
