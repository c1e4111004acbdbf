/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON: one document, and a stream that is cut anywhere. What was read prints and reads the same.
 */
#include "tests/fuzz/fuzz.h"
#include "util/json.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    return 0;
}

static void whole(const uint8_t *data, size_t n)
{
    g_autofree char *text = g_strndup((const char *)data, n);
    g_autoptr(Json) v = json_parse(text, NULL);
    if (!v)
        return;
    g_autofree char *printed = json_text(v, 0);
    g_autoptr(Json) again = json_parse(printed, NULL);
    g_autofree char *twice = again ? json_text(again, 0) : NULL;
    g_assert_cmpstr(printed, ==, twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    JsonStream *s = json_stream_new();
    whole(data, n);
    for (size_t at = 0; at < n;) {
        size_t part = MIN(n - at, 1u + data[at] % 16);
        Json *v;
        GError *err = NULL;
        json_stream_feed(s, (const char *)data + at, part);
        while ((v = json_next(s, &err)) || err) {
            json_free(v);
            g_clear_error(&err);
        }
        at += part;
    }
    json_stream_free(s);
    return 0;
}

FUZZ_MAIN("json", 20000, 200)
