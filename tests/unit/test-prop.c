/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The property engine: grammar of both eras, strict JSON, cases, drivers, lists, round trips. */
#include <string.h>

#include "core/prop.h"
#include "util/text.h"

typedef enum { CACHE_NONE, CACHE_BACK, CACHE_THROUGH } CacheMode;
static const char *const cache_names[] = { "none", "writeback", "writethrough", NULL };

typedef struct Cache {
    int8_t direct, no_flush;
} Cache;
static const Prop Cache_rows[] = {
    PROP_BOOL(Cache, direct, "direct", AUTO, "by-pass the host's cache"),
    PROP_BOOL(Cache, no_flush, "no-flush", AUTO, "ignore flushes"),
    PROP_END(Cache),
};

typedef struct Throttle {
    uint64_t iops, bps;
} Throttle;
static const Prop Throttle_rows[] = {
    PROP_INT(Throttle, iops, "iops-total", 0, ""),
    PROP_SIZE(Throttle, bps, "bps-total", 0, ""),
    PROP_END(Throttle),
};

/* a drive: word and sub-keys of one name, aliases, left-over keys */
typedef struct Drive {
    char *file, *id;
    int32_t index;
    int8_t cache_mode, read_only;
    bool snapshot;
    Cache cache;
    Throttle throttling;
    Json *rest;
} Drive;
static const Prop Drive_rows[] = {
    PROP_STR(Drive, file, "file", NULL, "image"),
    PROP_STR(Drive, id, "id", NULL, "name"),
    PROP_RANGE(Drive, index, "index", -1, 0, 100, "place"),
    PROP_ENUM(Drive, cache_mode, "cache", -1, cache_names, "cache mode"),
    PROP_PART(Drive, cache, "cache", Cache, ""),
    PROP_BOOL(Drive, read_only, "read-only", AUTO, "no writing"),
    PROP_BOOL(Drive, snapshot, "snapshot", false, "temporary overlay"),
    PROP_PART(Drive, throttling, "throttling", Throttle, ""),
    PROP_ALIAS("readonly", "read-only"),
    PROP_ALIAS("iops", "throttling.iops-total"),
    PROP_REST(Drive, rest),
    PROP_END(Drive),
};

/* a chardev as QMP nests it and the command line does not */
typedef struct Inet {
    char *host, *port;
    bool ipv4;
} Inet;
static const Prop Inet_rows[] = {
    PROP_STR(Inet, host, "host", "localhost", "host"),
    NEED_STR(Inet, port, "port", "port"),
    PROP_BOOL(Inet, ipv4, "ipv4", true, ""),
    PROP_END(Inet),
};
typedef struct Unix {
    char *path;
} Unix;
static const Prop Unix_rows[] = {
    NEED_STR(Unix, path, "path", "path"),
    PROP_END(Unix),
};
typedef enum { ADDR_INET, ADDR_UNIX } AddrKind;
static const char *const addr_names[] = { [ADDR_INET] = "inet", [ADDR_UNIX] = "unix", NULL };
typedef struct Addr {
    uint8_t type;
    union {
        Inet inet;
        Unix un;
    };
} Addr;
static const Prop Addr_rows[] = {
    NEED_ENUM(Addr, type, "type", addr_names, "kind of address"),
    PROP_CASE(Addr, inet, ADDR_INET, Inet, PROP_DATA),
    PROP_CASE(Addr, un, ADDR_UNIX, Unix, PROP_DATA),
    PROP_END(Addr),
};
typedef struct SockArgs {
    Addr addr;
    bool server, wait, nodelay, delay;
} SockArgs;
static const Prop SockArgs_rows[] = {
    NEED_PART(SockArgs, addr, "addr", Addr, "", PROP_FLAT),
    PROP_BOOL(SockArgs, server, "server", false, ""),
    PROP_BOOL(SockArgs, wait, "wait", true, ""),
    PROP_BOOL(SockArgs, nodelay, "nodelay", false, ""),
    PROP_BOOL(SockArgs, delay, "delay", true, ""),
    PROP_END(SockArgs),
};
typedef struct FileArgs {
    char *path;
    bool append;
} FileArgs;
static const Prop FileArgs_rows[] = {
    NEED_STR(FileArgs, path, "path", "file"),
    PROP_BOOL(FileArgs, append, "append", false, ""),
    PROP_END(FileArgs),
};

/* two registered drivers */
typedef struct TestDriver {
    const char *name, *desc;
    const Prop *props;
} TestDriver;
typedef TestDriver set_testchr_t;
static const TestDriver drv_socket = { "socket", "a socket", SockArgs_rows };
static const TestDriver drv_file = { "file", "a file", FileArgs_rows };
static const TestDriver drv_null = { "null", "nothing", NULL };
REGISTER(testchr, drv_file);
REGISTER(testchr, drv_null);
REGISTER(testchr, drv_socket);
PROP_SET(testchr, TestDriver, props);

typedef struct Chr {
    char *id;
    PICK_OF(TestDriver) backend;
} Chr;
static const Prop Chr_rows[] = {
    NEED_STR(Chr, id, "id", "name"),
    PROP_PICK(Chr, backend, "backend", testchr_set, "kind", PROP_DATA),
    PROP_END(Chr),
};

/* recursion, alternatives, lists, ints of all widths */
typedef struct Node Node;
typedef struct Ref {
    char *name;
    Node *node;
    bool null;
} Ref;
extern const Prop Node_rows[];
static const Prop Ref_rows[] = {
    PROP_BOX(Ref, node, NULL, Node, "in place"),
    PROP_STR(Ref, name, NULL, NULL, "by name"),
    PROP_NULL(Ref, null),
    PROP_END(Ref),
};
typedef struct Cpu {
    char *name;
} Cpu;
LIST_TYPE(Cpu);
const Prop Cpu_rows[] = { NEED_STR(Cpu, name, "name", ""), PROP_END(Cpu) };
struct Node {
    char *driver;
    Ref file;
    Ref *backing;
    StrList words;
    IntList cpus;
    CpuList objs;
    Json *any;
    double num;
    uint64_t u64, size, mem;
    int64_t i64;
    uint32_t u32;
    int16_t i16;
    uint8_t u8, bits;
    int8_t tri;
};
const Prop Node_rows[] = {
    NEED_STR(Node, driver, "driver", ""),
    PROP_PART(Node, file, "file", Ref, ""),
    PROP_BOX(Node, backing, "backing", Ref, ""),
    PROP_LIST(Node, words, "words", Str, ""),
    PROP_LIST(Node, cpus, "cpus", Int, ""),
    PROP_LIST(Node, objs, "objs", Cpu, ""),
    PROP_ANY(Node, any, "any", ""),
    PROP_NUM(Node, num, "num", 1.5, ""),
    PROP_INT(Node, u64, "u64", 0, ""),
    PROP_SIZE(Node, size, "size", 0, ""),
    PROP_SIZE(Node, mem, "mem", 0, "", PROP_MIB),
    PROP_INT(Node, i64, "i64", 0, ""),
    PROP_INT(Node, u32, "u32", 7, ""),
    PROP_INT(Node, i16, "i16", -1, ""),
    PROP_INT(Node, u8, "u8", 0, ""),
    PROP_BIT(Node, bits, "bit3", 3, true, ""),
    PROP_BIT(Node, bits, "bit0", 0, false, ""),
    PROP_BOOL(Node, tri, "tri", AUTO, ""),
    PROP_END(Node),
};

typedef struct CpuArgs {
    char *model;
    Json *flags;
} CpuArgs;
static const Prop CpuArgs_rows[] = {
    NEED_STR(CpuArgs, model, "model", ""),
    PROP_REST(CpuArgs, flags, PROP_SIGN),
    PROP_END(CpuArgs),
};

#define KV(T, v, implied, text, err) \
    g_autoptr(GError) err = NULL;    \
    T v;                             \
    prop_defaults(T##_rows, &v);     \
    prop_parse_kv(T##_rows, implied, text, &v, NULL, &err)

/* text in, JSON out; a message that begins with "!" is the error. */
#define check_kv(T, implied, text, want)                                         \
    do {                                                                         \
        KV(T, kv_v, implied, text, kv_err);                                      \
        g_autoptr(Json) kv_j = kv_err ? NULL : prop_to_json(T##_rows, &kv_v);    \
        g_autofree char *kv_t =                                                  \
            kv_j ? json_text(kv_j, 0) : g_strconcat("!", kv_err->message, NULL); \
        g_assert_cmpstr(kv_t, ==, want);                                         \
        prop_free(T##_rows, &kv_v);                                              \
    } while (0)

#define check_json(T, text, want)                                     \
    do {                                                              \
        g_autoptr(GError) js_err = NULL;                              \
        g_autoptr(Json) js_in = json_parse(text, NULL);               \
        g_autofree char *js_t = NULL;                                 \
        T js_v;                                                       \
        prop_defaults(T##_rows, &js_v);                               \
        if (prop_parse_json(T##_rows, js_in, &js_v, NULL, &js_err)) { \
            g_autoptr(Json) js_j = prop_to_json(T##_rows, &js_v);     \
            js_t = json_text(js_j, 0);                                \
        } else {                                                      \
            js_t = g_strconcat("!", js_err->message, NULL);           \
        }                                                             \
        g_assert_cmpstr(js_t, ==, want);                              \
        prop_free(T##_rows, &js_v);                                   \
    } while (0)

static void test_kv(void)
{
    check_kv(Drive, NULL, "file=a,,b.img,if=virtio,index=0x2,",
             "{\"file\": \"a,b.img\", \"index\": 2, \"if\": \"virtio\"}");
    check_kv(Drive, NULL, "file=x,cache=none,cache.direct=on",
             "{\"file\": \"x\", \"cache\": {\"direct\": true}}");
    check_kv(Drive, NULL, "readonly,snapshot,iops=100",
             "{\"read-only\": true, \"snapshot\": true, \"throttling\": {\"iops-total\": 100}}");
    check_kv(Drive, NULL, "iops=1,throttling.iops-total=2,read_only=off",
             "{\"read-only\": false, \"throttling\": {\"iops-total\": 2}}");
    check_kv(Drive, NULL, "nosnapshot,file=a,file=b", "{\"file\": \"b\"}");
    check_kv(Drive, NULL, "driver=qcow2,file.driver=nbd,file.locking,lazy-refcounts",
             "{\"driver\": \"qcow2\", \"file\": {\"driver\": \"nbd\", \"locking\": \"on\"}, "
             "\"lazy-refcounts\": \"on\"}");
    check_kv(Drive, "file", "disk.img,index=3", "{\"file\": \"disk.img\", \"index\": 3}");
    check_kv(Drive, "file", "x,file.locking=off", "{\"file\": {\"locking\": \"off\"}}");
    check_kv(Drive, "readonly", "on", "{\"read-only\": true}");
    check_kv(Drive, NULL, "", "{}");
}

static void test_kv_bad(void)
{
    check_kv(Drive, NULL, "index=101", "!Parameter 'index' expects a number from 0 to 100");
    check_kv(Drive, NULL, "index=2x", "!Parameter 'index' expects a number, not '2x'");
    check_kv(Drive, NULL, "file", "!Parameter 'file' needs a value");
    check_kv(Drive, NULL, "=x", "!Invalid parameter ''");
    check_kv(Drive, NULL, "a..b=x", "!Invalid parameter 'a..b'");
    check_kv(Drive, NULL, "snapshot=maybe",
             "!Parameter 'snapshot' expects 'on' or 'off', not 'maybe'");
    check_kv(Drive, NULL, "cache=writebak",
             "!Parameter 'cache' does not accept value 'writebak' (did you mean 'writeback'?)");
    check_kv(Throttle, NULL, "iops-totl=1",
             "!Invalid parameter 'iops-totl' (did you mean 'iops-total'?)");
    check_kv(Throttle, NULL, "bps-total=-1",
             "!Parameter 'bps-total' expects a size: a number below 2^64 with k, M, G, T, P or E, "
             "not '-1'");
}

static void test_cases(void)
{
    check_kv(Chr, "backend", "socket,id=a,path=/x,server,nowait",
             "{\"id\": \"a\", \"backend\": \"socket\", \"data\": {\"addr\": {\"type\": \"unix\", "
             "\"data\": {\"path\": \"/x\"}}, \"server\": true, \"wait\": false}}");
    check_kv(Chr, "backend", "socket,host=h,port=1,id=a,nodelay",
             "{\"id\": \"a\", \"backend\": \"socket\", \"data\": {\"addr\": {\"type\": \"inet\", "
             "\"data\": {\"host\": \"h\", \"port\": \"1\"}}, \"nodelay\": true}}");
    check_kv(Chr, "backend", "null,id=z", "{\"id\": \"z\", \"backend\": \"null\"}");
    check_kv(Chr, "backend", "socket,id=a",
             "!Parameter 'type' is missing; it follows from one of host=, path=");
    check_kv(Chr, "backend", "socket,id=a,host=h", "!Parameter 'port' is missing");
    check_kv(Chr, "backend", "file,path=x", "!Parameter 'id' is missing");
    check_kv(Chr, "backend", "fil,id=x",
             "!Parameter 'backend' does not accept value 'fil' (did you mean 'file'?)");
    check_kv(Chr, "backend", "file,id=x,path=y,apend=on",
             "!Invalid parameter 'apend' (did you mean 'append'?)");
    check_json(Chr,
               "{'id':'a','backend':'socket','data':{'addr':{'type':'unix','data':"
               "{'path':'p'}}}}",
               "{\"id\": \"a\", \"backend\": \"socket\", \"data\": {\"addr\": {\"type\": \"unix\", "
               "\"data\": {\"path\": \"p\"}}}}");
    check_json(Chr, "{'id':'a','backend':'socket','path':'p'}", "!Parameter 'data' is missing");
    check_json(Chr, "{'id':'a','backend':'file','data':{'path':'p','x':1}}",
               "!Parameter 'data.x' is unexpected");
    check_json(Chr, "{'id':'a','backend':'usr'}",
               "!Parameter 'backend' does not accept value 'usr'");
}

static void test_json(void)
{
    check_json(Node, "{'driver':'d','u64':18446744073709551615,'i64':-9223372036854775808}",
               "{\"driver\": \"d\", \"u64\": 18446744073709551615, \"i64\": -9223372036854775808}");
    check_json(Node, "{'driver':'d','u8':256}", "!Parameter 'u8' expects a number from 0 to 255");
    check_json(Node, "{'driver':'d','u64':-1}",
               "!Parameter 'u64' expects a number from 0 to 18446744073709551615");
    check_json(Node, "{'driver':'d','u8':'1'}",
               "!Invalid parameter type for 'u8', expected: integer");
    check_json(Node, "{'driver':5}", "!Invalid parameter type for 'driver', expected: string");
    check_json(Node, "{}", "!Parameter 'driver' is missing");
    check_json(Node, "{'driver':'d','tri':'on'}",
               "!Invalid parameter type for 'tri', expected: boolean");
    check_json(Node, "{'driver':'d','file':{'driver':'e','backing':null},'backing':'x'}",
               "{\"driver\": \"d\", \"file\": {\"driver\": \"e\", \"backing\": null}, "
               "\"backing\": \"x\"}");
    check_json(
        Node, "{'driver':'d','words':[],'cpus':[1,2],'objs':[{'name':'a'}]}",
        "{\"driver\": \"d\", \"words\": [], \"cpus\": [1, 2], \"objs\": [{\"name\": \"a\"}]}");
    check_json(Node, "{'driver':'d','objs':[{'nam':'a'}]}", "!Parameter 'objs.0.name' is missing");
    check_json(Node, "{'driver':'d','any':{'x':[1,null]},'num':2,'bit0':true,'bit3':false}",
               "{\"driver\": \"d\", \"any\": {\"x\": [1, null]}, \"num\": 2, \"bit3\": false, "
               "\"bit0\": true}");
    check_json(Node, "[]", "!Invalid parameter type for '', expected: object");
}

static void test_lists(void)
{
    check_kv(Node, "driver", "d,words=a,words=b,cpus=1,cpus=4-6,objs=x,objs=y",
             "{\"driver\": \"d\", \"words\": [\"a\", \"b\"], \"cpus\": [1, 4, 5, 6], "
             "\"objs\": [{\"name\": \"x\"}, {\"name\": \"y\"}]}");
    check_kv(Node, "driver", "d,words.0=a,words.1=b,objs.0.name=q",
             "{\"driver\": \"d\", \"words\": [\"a\", \"b\"], \"objs\": [{\"name\": \"q\"}]}");
    check_kv(Node, "driver", "d,words.1=b", "!Parameter 'words.0' is missing");
    check_kv(Node, "driver", "d,words.x=b", "!Parameter 'words.x' is unexpected");
    check_kv(Node, "driver", "d,cpus=5-2",
             "!Parameter 'cpus' expects numbers like 5 or 2-7, not '5-2'");
    check_kv(Node, "driver", "d,file.driver=e,file.words=w,backing=b",
             "{\"driver\": \"d\", \"file\": {\"driver\": \"e\", \"words\": [\"w\"]}, "
             "\"backing\": \"b\"}");
    check_kv(Node, "driver", "d,size=1.5k,mem=512,u32=010,i16=-3,num=2.5",
             "{\"driver\": \"d\", \"num\": 2.5, \"size\": 1536, \"mem\": 536870912, \"u32\": 8, "
             "\"i16\": -3}");
    check_kv(Node, NULL, "{\"driver\": \"d\", \"size\": \"1k\"}",
             "!Invalid parameter type for 'size', expected: integer");
}

static void test_sign(void)
{
    check_kv(CpuArgs, "model", "qemu64,+sse4.1,-x2apic,check,level=5,sse4.2=off",
             "{\"model\": \"qemu64\", \"sse4.1\": \"on\", \"x2apic\": \"off\", "
             "\"check\": \"on\", \"level\": \"5\", \"sse4.2\": \"off\"}");
}

/* What REST kept is read later by a driver's own rows, as words. */
static void test_rest(void)
{
    KV(Drive, d, NULL, "driver=q,words=a,words=b,u8=3,tri,file.x=1", err);
    Node n;

    g_assert_no_error(err);
    prop_defaults(Node_rows, &n);
    g_assert_false(prop_parse_json(Node_rows, d.rest, &n, NULL, &err));
    g_assert_cmpstr(err->message, ==, "Invalid parameter 'file.x'");
    prop_free(Node_rows, &n);
    g_clear_error(&err);
    json_remove(d.rest, "file");
    prop_defaults(Node_rows, &n);
    g_assert_true(prop_parse_json(Node_rows, d.rest, &n, NULL, &err));
    g_assert_cmpuint(n.words.n, ==, 2);
    g_assert_cmpint(n.u8, ==, 3);
    g_assert_cmpint(n.tri, ==, 1);
    prop_free(Node_rows, &n);
    prop_free(Drive_rows, &d);
}

static void check_help(const char *implied, const char *text, const char *want)
{
    KV(Chr, v, implied, text, err);
    g_assert_error(err, prop_error_quark(), PROP_ERROR_HELP);
    if (!strstr(err->message, want))
        g_error("no '%s' in: %s", want, err->message);
    prop_free(Chr_rows, &v);
}

static void test_help(void)
{
    check_help("backend", "?", "  file\n");
    check_help("backend", "help", "Available testchr backend types: \n");
    check_help("backend", "socket,help", "socket options:\n");
    check_help("backend", "socket,?", "  server=<bool>          - on/off (default: false)\n");
    check_help("backend", "socket,type=?", "  inet\n  unix\n");
}

static void test_merge(void)
{
    g_autoptr(GError) err = NULL;
    Drive d;

    prop_defaults(Drive_rows, &d);
    g_assert_true(prop_parse_kv(Drive_rows, NULL, "file=a,index=1", &d, NULL, &err));
    g_assert_true(prop_parse_kv(Drive_rows, NULL, "index=2,x=1", &d, NULL, &err));
    g_assert_cmpstr(d.file, ==, "a");
    g_assert_cmpint(d.index, ==, 2);
    prop_free(Drive_rows, &d);
}

static void test_set_get(void)
{
    g_autoptr(GError) err = NULL;
    g_autoptr(Json) on = json_bool(true);
    g_autoptr(Json) word = json_kv("64k");
    g_autoptr(Json) got = NULL;
    Drive d;

    prop_defaults(Drive_rows, &d);
    g_assert_true(prop_set(Drive_rows, &d, "read-only", on, NULL, &err));
    g_assert_true(prop_set(Drive_rows, &d, "throttling.bps-total", word, NULL, &err));
    g_assert_cmpint(d.read_only, ==, 1);
    g_assert_cmpint(d.throttling.bps, ==, 65536);
    got = prop_get(Drive_rows, &d, "throttling.bps-total");
    g_assert_cmpint(got->i, ==, 65536);
    g_assert_false(prop_set(Drive_rows, &d, "snapshot", word, NULL, &err));
    g_assert_null(prop_find(Drive_rows, &d, "nothing"));
    g_assert_nonnull(prop_find(Drive_rows, &d, "readonly"));
    prop_free(Drive_rows, &d);
}

static void test_check(void)
{
    static const Prop bad[] = {
        PROP_STR(Drive, file, "a.b", NULL, ""),
        PROP_RANGE(Drive, index, "x", 300, 0, 100, ""),
        PROP_STR(Drive, id, "x", NULL, ""),
        PROP_ALIAS("y", "zz"),
        PROP_END(Cache),
    };
    static const Prop *const good[] = { Drive_rows,   Chr_rows,     SockArgs_rows, Node_rows,
                                        CpuArgs_rows, StrList_rows, Empty_rows };
    g_autofree char *text = prop_check(bad, "bad");

    g_assert_nonnull(strstr(text, "bad.a.b: a name has no"));
    g_assert_nonnull(strstr(text, "bad.x: the default is out of range"));
    g_assert_nonnull(strstr(text, "bad.x: the name comes twice"));
    g_assert_nonnull(strstr(text, "bad.y: alias of 'zz'"));
    g_assert_nonnull(strstr(text, "outside the struct"));
    for (size_t i = 0; i < G_N_ELEMENTS(good); i++)
        g_assert_cmpstr(prop_check(good[i], "good"), ==, NULL);
}

/* ---- random structs through JSON and back ---- */

static char *random_word(void)
{
    static const char letters[] = "abc,=.{ -0";
    char text[8] = { 0 };

    for (int i = g_test_rand_int_range(1, 7); i-- > 0;)
        text[i] = letters[g_test_rand_int_range(0, sizeof(letters) - 1)];
    return g_strdup(text[0] ? text : "x");
}

static void random_node(Node *n, int depth);

static void random_ref(Ref *r, int depth)
{
    switch (g_test_rand_int_range(0, depth ? 3 : 2)) {
    case 0: r->name = random_word(); break;
    case 1: r->null = true; break;
    default:
        r->node = g_new0(Node, 1);
        prop_defaults(Node_rows, r->node);
        random_node(r->node, depth - 1);
    }
}

#define MAYBE if (g_test_rand_int() & 1)

static void random_node(Node *n, int depth)
{
    g_free(n->driver);
    n->driver = random_word();
    MAYBE random_ref(&n->file, depth);
    MAYBE
    {
        n->backing = g_new0(Ref, 1);
        random_ref(n->backing, depth);
    }
    MAYBE
    {
        n->words.n = g_test_rand_int_range(0, 4);
        n->words.at = g_new0(char *, 5);
        for (size_t i = 0; i < n->words.n; i++)
            n->words.at[i] = random_word();
    }
    MAYBE n->u64 = (uint64_t)g_test_rand_int() << 32 | g_test_rand_int();
    MAYBE n->size = (uint64_t)g_test_rand_int() << 33;
    MAYBE n->i64 = -(int64_t)g_test_rand_int() * g_test_rand_int();
    MAYBE n->u32 = g_test_rand_int();
    MAYBE n->i16 = g_test_rand_int();
    MAYBE n->u8 = g_test_rand_int();
    MAYBE n->bits = g_test_rand_int() & 9;
    MAYBE n->tri = g_test_rand_int_range(-1, 2);
    MAYBE n->num = g_test_rand_double_range(-1e9, 1e9);
    MAYBE n->any = json_parse("[1,{'a':null}]", NULL);
}

static void test_round_trip(void)
{
    for (int i = 0; i < 3000; i++) {
        g_autoptr(GError) err = NULL;
        g_autoptr(Json) first = NULL;
        g_autoptr(Json) second = NULL;
        g_autoptr(Json) parsed = NULL;
        g_autofree char *text = NULL;
        Node a, b;

        prop_defaults(Node_rows, &a);
        prop_defaults(Node_rows, &b);
        random_node(&a, 3);
        first = prop_to_json(Node_rows, &a);
        text = json_text(first, 0);
        parsed = json_parse(text, &err);
        g_assert_no_error(err);
        prop_parse_json(Node_rows, parsed, &b, NULL, &err);
        g_assert_no_error(err);
        second = prop_to_json(Node_rows, &b);
        g_assert_true(json_equal(first, second));
        g_assert_cmpuint(a.u64, ==, b.u64);
        g_assert_cmpint(a.i16, ==, b.i16);
        g_assert_cmpint(a.bits, ==, b.bits);
        g_assert_true(a.num == b.num);
        prop_free(Node_rows, &a);
        prop_free(Node_rows, &b);
    }
}

/* Hostile or merely wrong text never crashes, leaks or leaves a half-freed struct. */
static void test_random_text(void)
{
    static const char *const bits[] = { "driver", "=",    ",",    "file", ".",   "words", "0",
                                        "objs",   "cpus", "1-3",  "help", "?",   "on",    "no",
                                        "tri",    "{",    "}",    "\"",   "+",   "any",   "backing",
                                        "size",   "9e9",  "name", ":",    "null" };

    for (int i = 0; i < 20000; i++) {
        g_autoptr(GString) text = g_string_new(i & 1 ? "driver=d," : "");
        Node n;
        Drive d;

        for (int k = g_test_rand_int_range(0, 14); k > 0; k--)
            g_string_append(text, bits[g_test_rand_int_range(0, G_N_ELEMENTS(bits))]);
        prop_defaults(Node_rows, &n);
        prop_defaults(Drive_rows, &d);
        prop_parse_kv(Node_rows, "driver", text->str, &n, NULL, NULL);
        prop_parse_kv(Drive_rows, "file", text->str, &d, NULL, NULL);
        prop_free(Node_rows, &n);
        prop_free(Drive_rows, &d);
    }
}

static void test_text(void)
{
    uint64_t u;
    int64_t lo, hi;
    g_autofree char *small = text_size_print(196 * 1024);
    g_autofree char *large = text_size_print(64424509440);

    g_assert_true(text_size("0x10", 1, &u) && u == 16);
    g_assert_true(text_size("1.5G", 1, &u) && u == 3ull << 29);
    g_assert_true(text_size("2e", 1, &u) && u == 2ull << 60);
    g_assert_true(text_size("128", 1 << 20, &u) && u == 128 << 20);
    g_assert_false(text_size("16e", 1, &u));
    g_assert_false(text_size("0x", 1, &u));
    g_assert_false(text_size("1kb", 1, &u));
    g_assert_false(text_size("-1", 1, &u));
    g_assert_true(text_int("-9223372036854775808", &lo) && lo == INT64_MIN);
    g_assert_false(text_int("9223372036854775808", &lo));
    g_assert_false(text_int(" 1", &lo));
    g_assert_true(text_range("3-8", &lo, &hi) && lo == 3 && hi == 8);
    g_assert_cmpstr(small, ==, "196 KiB");
    g_assert_cmpstr(large, ==, "60 GiB");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/prop/text", test_text);
    g_test_add_func("/prop/kv", test_kv);
    g_test_add_func("/prop/kv-bad", test_kv_bad);
    g_test_add_func("/prop/cases", test_cases);
    g_test_add_func("/prop/json", test_json);
    g_test_add_func("/prop/lists", test_lists);
    g_test_add_func("/prop/sign", test_sign);
    g_test_add_func("/prop/rest", test_rest);
    g_test_add_func("/prop/help", test_help);
    g_test_add_func("/prop/merge", test_merge);
    g_test_add_func("/prop/set-get", test_set_get);
    g_test_add_func("/prop/check", test_check);
    g_test_add_func("/prop/round-trip", test_round_trip);
    g_test_add_func("/prop/random-text", test_random_text);
    return g_test_run();
}
