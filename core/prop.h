/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The only schema language. A type T is a struct T plus a table T_rows; macros paste the name,
 * so a row cannot meet the wrong table.
 */
#ifndef CORE_PROP_H
#define CORE_PROP_H

#include <glib.h>

#include "core/set.h"
#include "core/types.h"
#include "util/json.h"

/*
 * A table of named rows is an object. A table of nameless rows is a bare value: one row = that
 * value ("list of strings", a command that returns a str), several = alternatives told apart by
 * their JSON type. A nameless P_PART is a base: its rows count as the owner's. PROP_END(T)
 * carries sizeof(T).
 */
typedef enum {
    P_END,
    P_BOOL,
    P_INT,
    P_SIZE,
    P_NUM,
    P_STR,
    P_ENUM,
    P_NULL,
    P_LINK,
    P_ANY,
    P_PART,
    P_LIST,
    P_CASE,
    P_PICK,
    P_REST,
    P_ALIAS
} PropKind;
typedef enum { LINK_DEVICE, LINK_CHAR, LINK_NET, LINK_BLOCK, LINK_OBJECT } LinkKind;
typedef struct Prop {
    /* width 1,2,4,8, | 0x80 signed; P_LINK: LinkKind */
    const char *name;
    uint8_t kind, width;
    uint16_t flags;
    uint32_t off;
    /* absent = default, when read and when printed. Where absence matters the default is a
     * sentinel: -1 (bool: an int8_t), NULL */
    union {
        int64_t i;
        const char *s;
        double d;
    } def;
    /* P_INT; both 0: what the width holds. PROP_BIT: 1, bit number */
    int64_t min, max;
    /* P_ENUM: NULL-ended names; P_PART, P_LIST, P_CASE: rows; P_PICK: PropSet; P_ALIAS: new dotted
     * name */
    const void *aux;
    const char *help;
} Prop;

/* NEED: must be given, is always printed. x-... rows are unstable unless STABLE */
enum {
    PROP_LIVE = 1,
    PROP_NEED = 2,
    PROP_HIDDEN = 4,
    PROP_DEPRECATED = 8,
    PROP_STABLE = 16,
    /* owned pointer; key=value: part without its name; JSON: case under "data"; bare number is MiB;
       REST takes +k -k; REST keeps "?" and "help" too: whoever reads it answers; STR: a key alone
       is "on" */
    PROP_BOXED = 32,
    PROP_FLAT = 64,
    PROP_DATA = 128,
    PROP_MIB = 256,
    PROP_SIGN = 512,
    PROP_HELP = 1024,
    PROP_ALONE = 2048
};
typedef struct PropChoice {
    const char *name, *desc;
    const Prop *rows;
    const void *type;
} PropChoice;

/* a registered set as choices, in the linker's order */
typedef struct PropSet {
    const char *what;
    bool (*at)(size_t i, PropChoice *);
} PropSet;
#define PROP_SET(S, Desc, table)                                      \
    SET_DECLARE(S);                                                   \
    extern const Desc *const S##_set_desc;                            \
    static bool S##_set_at(size_t i, PropChoice *c)                   \
    {                                                                 \
        const Desc *const *p = __start_set_##S + i;                   \
        if (p >= __stop_set_##S)                                      \
            return false;                                             \
        *c = (PropChoice){ (*p)->name, (*p)->desc, (*p)->table, *p }; \
        return true;                                                  \
    }                                                                 \
    const PropSet S##_set = { #S, S##_set_at }

/* member of a PROP_PICK: who was named, and its filled struct */
#define PICK_OF(Desc)     \
    struct {              \
        const Desc *type; \
        void *args;       \
    }

/* at NULL: absent; not NULL and n 0: empty */
#define LIST_TYPE(T)         \
    typedef struct T##List { \
        T *at;               \
        size_t n;            \
    } T##List;               \
    extern const Prop T##_rows[], T##List_rows[]

/* only where a list stands alone: a command's result */
#define LIST_ROWS(T) \
    const Prop T##List_rows[] = { { .kind = P_LIST, .aux = T##_rows }, PROP_END(T##List) }
#define PROP_IS(T, m, type) \
    (0 * sizeof(char[__builtin_types_compatible_p(__typeof__(((T *)0)->m), type) ? 1 : -1]))
/* clang-format off */
#define PROP_W(T, m)  _Generic(((T *)0)->m, uint8_t: 1, uint16_t: 2, uint32_t: 4, uint64_t: 8, int8_t: 0x81, int16_t: 0x82, int32_t: 0x84, int64_t: 0x88)
#define PROP_BW(T, m) _Generic(((T *)0)->m, bool: 1, int8_t: 0x81)
#define PROP_LK(T, m) _Generic(((T *)0)->m, Device *: LINK_DEVICE, CharFront *: LINK_CHAR, NetPort *: LINK_NET, BlockFront *: LINK_BLOCK, Object *: LINK_OBJECT)
/* clang-format on */

/* the optional last argument of every row: its flags */
#define PROP_F(...) __VA_OPT__(| (__VA_ARGS__))
#define PROP_ROW(k, T, m, n, w, h, f, ...)                                                \
    {                                                                                     \
        .kind = k, .name = n, .off = offsetof(T, m), .width = w, .help = h, .flags = 0 f, \
        __VA_ARGS__                                                                       \
    }
#define PROP_BOOL(T, m, n, d, h, ...) \
    PROP_ROW(P_BOOL, T, m, n, PROP_BW(T, m), h, PROP_F(__VA_ARGS__), .def.i = d)
#define PROP_BIT(T, m, n, bit, d, h, ...)                                                 \
    PROP_ROW(P_BOOL, T, m, n, PROP_W(T, m), h, PROP_F(__VA_ARGS__), .def.i = d, .min = 1, \
             .max = bit)
#define PROP_INT(T, m, n, d, h, ...) \
    PROP_ROW(P_INT, T, m, n, PROP_W(T, m), h, PROP_F(__VA_ARGS__), .def.i = d)
#define PROP_RANGE(T, m, n, d, lo, hi, h, ...) \
    PROP_ROW(P_INT, T, m, n, PROP_W(T, m), h, PROP_F(__VA_ARGS__), .def.i = d, .min = lo, .max = hi)
#define PROP_SIZE(T, m, n, d, h, ...) \
    PROP_ROW(P_SIZE, T, m, n, 8 + PROP_IS(T, m, uint64_t), h, PROP_F(__VA_ARGS__), .def.i = d)
#define PROP_NUM(T, m, n, v, h, ...) \
    PROP_ROW(P_NUM, T, m, n, 8 + PROP_IS(T, m, double), h, PROP_F(__VA_ARGS__), .def.d = v)
#define PROP_STR(T, m, n, d, h, ...) \
    PROP_ROW(P_STR, T, m, n, 8 + PROP_IS(T, m, char *), h, PROP_F(__VA_ARGS__), .def.s = d)

/* "!name": a deprecated value */
#define PROP_ENUM(T, m, n, d, names, h, ...) \
    PROP_ROW(P_ENUM, T, m, n, PROP_W(T, m), h, PROP_F(__VA_ARGS__), .def.i = d, .aux = names)

/* counted reference, dropped by prop_free */
#define PROP_LINK(T, m, n, h, ...) PROP_ROW(P_LINK, T, m, n, PROP_LK(T, m), h, PROP_F(__VA_ARGS__))
#define PROP_ANY(T, m, n, h, ...) \
    PROP_ROW(P_ANY, T, m, n, 8 + PROP_IS(T, m, Json *), h, PROP_F(__VA_ARGS__))

/* in place; keys n.key */
#define PROP_PART(T, m, n, U, h, ...) \
    PROP_ROW(P_PART, T, m, n, 1 + PROP_IS(T, m, U), h, PROP_F(__VA_ARGS__), .aux = U##_rows)

/* NULL: absent; may recurse */
#define PROP_BOX(T, m, n, U, h, ...)                                                       \
    PROP_ROW(P_PART, T, m, n, 8 + PROP_IS(T, m, U *), h, | PROP_BOXED PROP_F(__VA_ARGS__), \
             .aux = U##_rows)
#define PROP_LIST(T, m, n, U, h, ...) \
    PROP_ROW(P_LIST, T, m, n, 16 + PROP_IS(T, m, U##List), h, PROP_F(__VA_ARGS__), .aux = U##_rows)

/* NEED_*: no default to write */
#define NEED_BOOL(T, m, n, h, ...) PROP_BOOL(T, m, n, 0, h, PROP_NEED PROP_F(__VA_ARGS__))
#define NEED_INT(T, m, n, h, ...)  PROP_INT(T, m, n, 0, h, PROP_NEED PROP_F(__VA_ARGS__))
#define NEED_SIZE(T, m, n, h, ...) PROP_SIZE(T, m, n, 0, h, PROP_NEED PROP_F(__VA_ARGS__))
#define NEED_NUM(T, m, n, h, ...)  PROP_NUM(T, m, n, 0, h, PROP_NEED PROP_F(__VA_ARGS__))
#define NEED_STR(T, m, n, h, ...)  PROP_STR(T, m, n, NULL, h, PROP_NEED PROP_F(__VA_ARGS__))
#define NEED_ENUM(T, m, n, names, h, ...) \
    PROP_ENUM(T, m, n, 0, names, h, PROP_NEED PROP_F(__VA_ARGS__))
#define NEED_ANY(T, m, n, h, ...)     PROP_ANY(T, m, n, h, PROP_NEED PROP_F(__VA_ARGS__))
#define NEED_PART(T, m, n, U, h, ...) PROP_PART(T, m, n, U, h, PROP_NEED PROP_F(__VA_ARGS__))
#define NEED_BOX(T, m, n, U, h, ...)  PROP_BOX(T, m, n, U, h, PROP_NEED PROP_F(__VA_ARGS__))
#define NEED_LIST(T, m, n, U, h, ...) PROP_LIST(T, m, n, U, h, PROP_NEED PROP_F(__VA_ARGS__))

/* an alternative: JSON null */
#define PROP_NULL(T, m) PROP_ROW(P_NULL, T, m, NULL, 1 + PROP_IS(T, m, bool), NULL, )
#define PROP_BASE(T, m, U) \
    PROP_ROW(P_PART, T, m, NULL, 1 + PROP_IS(T, m, U), NULL, , .aux = U##_rows)

/* U's rows count when the P_ENUM row just above the cases is v; members may share a C union */
#define PROP_CASE(T, m, v, U, ...)                                                            \
    PROP_ROW(P_CASE, T, m, NULL, 1 + PROP_IS(T, m, U), NULL, PROP_F(__VA_ARGS__), .def.i = v, \
             .aux = U##_rows)

/* n= names a registered driver, its rows count */
#define PROP_PICK(T, m, n, set, h, ...)                                           \
    PROP_ROW(P_PICK, T, m, n, 16 + PROP_IS(T, m.type, __typeof__(set##_desc)), h, \
             | PROP_NEED PROP_F(__VA_ARGS__), .aux = &set)

/* left-over keys, words kept as words */
#define PROP_REST(T, m, ...) \
    PROP_ROW(P_REST, T, m, NULL, 8 + PROP_IS(T, m, Json *), NULL, PROP_F(__VA_ARGS__))

/* key=value only: the other era's name */
#define PROP_ALIAS(n, target)                     \
    {                                             \
        .kind = P_ALIAS, .name = n, .aux = target \
    }

/* optional: the type's feature words for query-qmp-schema */
#define PROP_END(T, ...)                                                  \
    {                                                                     \
        .kind = P_END, .off = sizeof(T) __VA_OPT__(, .help = __VA_ARGS__) \
    }

/* typedef char *Str; BARE(P_STR, Str, 8); */
#define BARE(k, T, w, ...)                                                                \
    const Prop T##_rows[] = { { .kind = k, .width = w, .flags = PROP_NEED, __VA_ARGS__ }, \
                              PROP_END(T) }
typedef char *Str;
typedef int64_t Int;
typedef Json *Any;
typedef struct Empty {
    char none;
} Empty;
LIST_TYPE(Str);
LIST_TYPE(Int);
extern const Prop Any_rows[], Empty_rows[];

/* an optional bool: AUTO, 0, 1 */
typedef int8_t Tri;
enum { AUTO = -1 };

/* HELP ("?", "help"): the message goes to stdout, exit status 0 */
typedef enum { PROP_ERROR_USER, PROP_ERROR_HELP } PropError;
GQuark prop_error_quark(void);

/* A mistake of the user's; always false. */
bool user_fail(GError **, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/* A name that the user gives a device, a drive, a netdev ...; else what an id looks like. */
bool id_check(const char *id, GError **);

/* zero, then defaults; strings are copies the struct owns */
void prop_defaults(const Prop *, void *args);

/* the same without zeroing first: several tables over one struct (a device's bus and type) */
void prop_lay_defaults(const Prop *, void *args);

/*
 * One row by name, aliases and dotted paths too. prop_set: value is a J_KV word or strict JSON; an
 * unknown name is an error. prop_get: the value even where it is the default; NULL: no such row.
 * prop_find: the row itself (of the table, its bases and active cases), NULL: no such row.
 */
bool prop_set(const Prop *, void *args, const char *name, const Json *value, Vm *, GError **);
Json *prop_get(const Prop *, const void *args, const char *name);
const Prop *prop_find(const Prop *, const void *args, const char *name);

/* "int32", "bool", "str" ... as -device X,help and device-list-properties name a row's type */
const char *prop_type_name(const Prop *);

/* over what is there: prop_defaults first; again = merge. Vm: for P_LINK */
bool prop_parse_kv(const Prop *, const char *implied, const char *text, void *args, Vm *,
                   GError **);

/* strict types, except that a J_KV node (what PROP_REST kept) is read as words */
bool prop_parse_json(const Prop *, const Json *, void *args, Vm *, GError **);
Json *prop_to_json(const Prop *, const void *args);
void prop_free(const Prop *, void *args);
char *prop_help(const Prop *, const char *title);

/* NULL, or what is wrong with the table (order, offsets, names, sub-tables): for the table test */
char *prop_check(const Prop *, const char *name);

/*
 * How a P_LINK row of one kind is read, printed and dropped. The room that owns the kind registers
 * it, so that core/prop knows no chardevs or drives. get: a counted reference by id.
 */
typedef struct PropLink {
    const char *name; /* "chardev": said in errors and help */
    LinkKind kind;
    void *(*get)(Vm *, const char *id, GError **);
    const char *(*id)(const void *link);
    void (*drop)(void *link);
    /* core/device.c, locked; each may be NULL. release: the device failed to realize or is
     * unrealized, its claim ends. drain: done(o) on main once nothing of the link is in flight,
     * inside the call if so already. */
    void (*release)(void *link, Device *);
    void (*drain)(void *link, void (*done)(void *o), void *o);
} PropLink;
typedef PropLink set_link_t; /* REGISTER(link, x) */

#endif
