/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Log items, address filters, trace points. */
#include <glib/gstdio.h>
#include <string.h>

#include "util/log.h"
#include "util/trace.h"

static void test_items(void)
{
    g_autoptr(GError) err = NULL;
    g_autofree char *help = log_help();

    g_assert_true(log_set_items("int,cpu", &err));
    g_assert_true(log_on(LOG_INT) && log_on(LOG_CPU) && !log_on(LOG_MMU));
    g_assert_false(log_set_items("int,gues_errors", &err));
    g_assert_nonnull(strstr(err->message, "did you mean 'guest_errors'"));
    g_assert_nonnull(strstr(help, "\nguest_errors    "));
}

static void test_filter(void)
{
    g_autoptr(GError) err = NULL;

    g_assert_true(log_wants_pc(5));
    g_assert_true(log_set_filter("0x1000..0x1fff,0x3000+0x10,0x5000-0x10", &err));
    g_assert_true(log_wants_pc(0x1fff) && log_wants_pc(0x300f) && log_wants_pc(0x4ff1));
    g_assert_false(log_wants_pc(0x2000) || log_wants_pc(0x3010) || log_wants_pc(0x5001));
    g_assert_false(log_set_filter("10", &err));
    g_clear_error(&err);
    g_assert_false(log_set_filter("20..10", &err));
}

static int evaluated;

static void say(int n)
{
    TRACE(test_point, "n is %d", ++evaluated + n);
    TRACE(test_other, "n is %d", ++evaluated + n);
}

static void test_trace(void)
{
    g_autoptr(GError) err = NULL;
    g_autofree char *path = NULL;
    g_autofree char *text = NULL;
    g_autofree char *help = trace_help();
    int fd = g_file_open_tmp("traceXXXXXX", &path, NULL);

    g_assert_cmpint(fd, >=, 0);
    g_assert_true(log_set_file(path, &err));
    say(1);
    g_assert_cmpint(evaluated, ==, 0); /* off: its arguments are not computed */
    g_assert_true(trace_enable("test_*", &err));
    g_assert_true(trace_enable("-test_other", &err));
    say(40);
    g_assert_cmpint(evaluated, ==, 1);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_nonnull(strstr(text, ":test_point n is 41\n"));
    g_assert_null(strstr(text, "test_other"));
    g_assert_cmpstr(help, ==, "test_other\ntest_point\n");
    g_assert_false(trace_enable("nosuch", &err));
    g_unlink(path);
    g_close(fd, NULL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/log/items", test_items);
    g_test_add_func("/log/filter", test_filter);
    g_test_add_func("/log/trace", test_trace);
    return g_test_run();
}
