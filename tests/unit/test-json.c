/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON: values, exact integers, texts that must be refused, streams cut anywhere, round trips. */
#include <string.h>

#include "util/json.h"

static void check_text(const char *in, const char *out)
{
    g_autoptr(GError) err = NULL;
    g_autoptr(Json) j = json_parse(in, &err);
    g_autofree char *text = NULL;

    g_assert_no_error(err);
    text = json_text(j, 0);
    g_assert_cmpstr(text, ==, out);
}

static void test_values(void)
{
    check_text(" null ", "null");
    check_text("[true,false]", "[true, false]");
    check_text("{'a':'x\"y'}", "{\"a\": \"x\\\"y\"}");
    check_text("9223372036854775807", "9223372036854775807");
    check_text("-9223372036854775808", "-9223372036854775808");
    check_text("18446744073709551615", "18446744073709551615");
    check_text("0.1", "0.1");
    check_text("1e3", "1000");
    check_text("\"\\u00e9\\ud83d\\ude00\\/\\n\"", "\"\\u00E9\\uD83D\\uDE00/\\n\"");
    check_text("{\"b\": {}, \"a\": []}", "{\"b\": {}, \"a\": []}");
}

static void test_kinds(void)
{
    g_autoptr(Json) i = json_parse("5", NULL);
    g_autoptr(Json) u = json_parse("9223372036854775808", NULL);
    g_autoptr(Json) d = json_parse("18446744073709551616", NULL);

    g_assert_cmpint(i->kind, ==, J_INT);
    g_assert_cmpint(u->kind, ==, J_UINT);
    g_assert_cmpint(d->kind, ==, J_NUM);
}

static void test_pretty(void)
{
    g_autoptr(Json) j = json_parse("{\"a\":[1,{}],\"b\":2}", NULL);
    g_autofree char *text = json_text(j, 4);

    g_assert_cmpstr(text, ==,
                    "{\n    \"a\": [\n        1,\n        {\n        }\n    ],\n    \"b\": 2\n}");
}

static void test_refused(void)
{
    static const char *const bad[] = {
        "",
        "[",
        "{",
        "]",
        "[1,]",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "01",
        "-",
        "1.",
        "1e",
        "+1",
        "tru",
        "1 2",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\ud800\"",
        "\"\\u0000\"",
        "\"a\nb\"",
        "\"\xc3\"",
        "1e999",
        "{\"a\":1,\"a\":2}",
        "\"abc",
        "nul\x01",
        "[1 2]",
        "{\"a\" 1}",
        "\"\\udc00\"",
        "@",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) err = NULL;
        Json *j = json_parse(bad[i], &err);

        if (j)
            g_error("taken: %s", bad[i]);
        g_assert_nonnull(err);
        g_assert_true(g_str_has_prefix(err->message, "JSON parse error, "));
    }
}

static void test_depth(void)
{
    g_autofree char *deep = g_strnfill(1024, '[');
    g_autofree char *close = g_strnfill(1024, ']');
    g_autofree char *fits = g_strconcat(deep, close, NULL);
    g_autofree char *over = g_strconcat("[", fits, "]", NULL);
    g_autoptr(Json) j = json_parse(fits, NULL);
    g_autoptr(GError) err = NULL;

    g_assert_nonnull(j);
    g_assert_null(json_parse(over, &err));
    g_assert_nonnull(err);
}

/* Many keys: neither quadratic nor wrong about the one that comes twice. */
static void test_many_keys(void)
{
    g_autoptr(GString) text = g_string_new("{");
    g_autoptr(Json) j = NULL;

    for (int i = 0; i < 50000; i++)
        g_string_append_printf(text, "\"k%d\":%d,", i, i);
    g_string_append(text, "\"z\":0}");
    j = json_parse(text->str, NULL);
    g_assert_nonnull(j);
    g_assert_cmpuint(j->n, ==, 50001);
    g_string_truncate(text, text->len - 1);
    g_string_append(text, ",\"k7\":1}");
    g_assert_null(json_parse(text->str, NULL));
}

/* The stream as text: values one a line, "!" for an error. Fed `step` bytes at a time. */
static char *stream_result(const char *in, size_t step)
{
    JsonStream *s = json_stream_new();
    GString *out = g_string_new(NULL);

    for (size_t at = 0; at < strlen(in); at += step) {
        json_stream_feed(s, in + at, MIN(step, strlen(in) - at));
        for (;;) {
            g_autoptr(GError) err = NULL;
            g_autoptr(Json) j = json_next(s, &err);

            if (!j && !err)
                break;
            if (j)
                json_print(out, j, 0);
            g_string_append(out, j ? "\n" : "!\n");
        }
    }
    json_stream_free(s);
    return g_string_free(out, FALSE);
}

static void test_stream(void)
{
    static const char in[] = " {\"a\": \"}]\\\"\"}\n{'b': [1, {}]} 12 true[3]\"x\"{]"
                             "{\"a}\n{\"c\": @} [4]\xff[5\xff{\"d\": 6} } 7 ";

    for (size_t step = 1; step < sizeof(in); step++) {
        g_autofree char *out = stream_result(in, step);

        g_assert_cmpstr(out, ==,
                        "{\"a\": \"}]\\\"\"}\n{\"b\": [1, {}]}\n12\ntrue\n[3]\n\"x\"\n!\n!\n!\n"
                        "[4]\n!\n!\n{\"d\": 6}\n!\n7\n");
    }
}

static void test_stream_hostile(void)
{
    g_autofree char *deep = g_strnfill(100000, '[');
    g_autofree char *in = g_strconcat(deep, "\n{\"a\": 1}\n", NULL);
    g_autofree char *out = stream_result(in, 4096);

    g_assert_cmpstr(out, ==, "!\n{\"a\": 1}\n");
}

static Json *random_value(int depth)
{
    int kind = g_test_rand_int_range(0, depth ? 8 : 6);
    Json *j;

    switch (kind) {
    case 0: return json_null();
    case 1: return json_bool(g_test_rand_int() & 1);
    case 2: return json_int((int64_t)((uint64_t)g_test_rand_int() << 32 | g_test_rand_int()));
    case 3: return json_uint((uint64_t)g_test_rand_int() << 40 ^ g_test_rand_int());
    case 4: return json_num(g_test_rand_double_range(-1e18, 1e18));
    case 5: {
        GString *s = g_string_new(NULL);

        for (int i = g_test_rand_int_range(0, 8); i > 0; i--) {
            gunichar c = g_test_rand_int_range(1, 0x11000);

            g_string_append_unichar(s, g_unichar_validate(c) ? c : '?');
        }
        return json_take_str(g_string_free(s, FALSE));
    }
    case 6:
        j = json_list();
        for (int i = g_test_rand_int_range(0, 5); i > 0; i--)
            json_append(j, random_value(depth - 1));
        return j;
    default:
        j = json_obj();
        for (int i = g_test_rand_int_range(0, 5); i > 0; i--) {
            g_autofree char *key = g_strdup_printf("k%d", g_test_rand_int_range(0, 9));

            json_set(j, key, random_value(depth - 1));
        }
        return j;
    }
}

static void test_round_trip(void)
{
    for (int i = 0; i < 5000; i++) {
        g_autoptr(Json) a = random_value(5);
        g_autofree char *text = json_text(a, i % 3);
        g_autoptr(GError) err = NULL;
        g_autoptr(Json) b = json_parse(text, &err);
        g_autoptr(Json) c = json_copy(a);

        g_assert_no_error(err);
        g_assert_true(json_equal(a, b));
        g_assert_true(json_equal(a, c));
    }
}

static void test_edit(void)
{
    g_autoptr(Json) o = json_obj();

    json_set(o, "a", json_int(1));
    json_set(o, "b", json_str("x"));
    json_set(o, "a", json_int(2));
    g_assert_cmpint(json_get(o, "a")->i, ==, 2);
    g_assert_cmpstr(json_get_str(o, "b"), ==, "x");
    g_assert_null(json_get_str(o, "a"));
    g_assert_true(json_remove(o, "a"));
    g_assert_false(json_remove(o, "a"));
    g_assert_cmpuint(o->n, ==, 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/json/values", test_values);
    g_test_add_func("/json/kinds", test_kinds);
    g_test_add_func("/json/pretty", test_pretty);
    g_test_add_func("/json/refused", test_refused);
    g_test_add_func("/json/depth", test_depth);
    g_test_add_func("/json/many-keys", test_many_keys);
    g_test_add_func("/json/stream", test_stream);
    g_test_add_func("/json/stream-hostile", test_stream_hostile);
    g_test_add_func("/json/round-trip", test_round_trip);
    g_test_add_func("/json/edit", test_edit);
    return g_test_run();
}
