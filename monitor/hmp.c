/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HMP: the monitor for people. A line is a command's name (one or two words), then its arguments by
 * the grammar in its row. Answers are the reply's text; errors follow as "Error: ...".
 */
#include "monitor/monitor-int.h"

#include <string.h>

#include "config.h"
#include "core/vcpu.h"
#include "util/text.h"

/* ---- names ---- */

bool hmp_name_is(const Command *c, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = c->hmp; p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL)
        if (strncmp(p, name, n) == 0 && (p[n] == 0 || p[n] == '|'))
            return true;
    return false;
}

static const Command *hmp_named(Vm *vm, const char *name)
{
    const GPtrArray *all = monitor_list(vm)->by_hmp;
    for (guint i = 0; i < all->len; i++)
        if (hmp_name_is(all->pdata[i], name))
            return all->pdata[i];
    return NULL;
}

/* A name ends at a blank, or at the '/' of a format: "p/x 255". */
static size_t name_length(const char *s)
{
    return strcspn(s, " \t/");
}

const Command *hmp_find(Vm *vm, const char *text, const char **rest)
{
    size_t n = name_length(text), gap = strspn(text + n, " \t");
    size_t second = gap ? name_length(text + n + gap) : 0;
    g_autofree char *one = g_strndup(text, n);
    g_autofree char *word = g_strndup(text + n + gap, second);
    g_autofree char *two = g_strconcat(one, " ", word, NULL);
    const Command *c = second ? hmp_named(vm, two) : NULL;

    if (c) {
        *rest = text + n + gap + second;
        return c;
    }
    *rest = text + n;
    return hmp_named(vm, one);
}

/* Some command begins with that word and has a second one: "info". */
static bool is_group(Vm *vm, const char *word)
{
    const GPtrArray *all = monitor_list(vm)->by_hmp;
    g_autofree char *begin = g_strconcat(word, " ", NULL);
    for (guint i = 0; i < all->len; i++)
        if (g_str_has_prefix(((const Command *)all->pdata[i])->hmp, begin))
            return true;
    return false;
}

/* What 0.12 or 7.2 had and we have not: a user of theirs is not sent looking for a spelling. */
/* clang-format off */
static const char *const later[] = {
    "acl_add", "acl_policy", "acl_remove", "acl_reset", "acl_show", "announce_self",
    "block_job_cancel", "block_job_complete", "block_job_pause", "block_job_resume",
    "block_job_set_speed", "block_stream", "client_migrate_info", "closefd", "cpu_set", "delvm",
    "drive_backup", "drive_mirror", "dump-guest-memory", "gdbserver", "getfd", "gpa2hpa", "gpa2hva",
    "info block-jobs", "info capture", "info dump", "info iothreads", "info irq", "info jit",
    "info migrate", "info migrate_capabilities", "info migrate_parameters", "info opcount",
    "info profile", "info ramblock", "info snapshots", "info spice", "info tpm",
    "info virtio", "loadvm", "mce", "migrate", "migrate_cancel", "migrate_continue",
    "migrate_incoming", "migrate_pause", "migrate_set_capability", "migrate_set_downtime",
    "migrate_set_parameter", "migrate_set_speed", "nbd_server_add", "nbd_server_remove",
    "nbd_server_start", "nbd_server_stop", "pci_add", "pci_del", "qemu-io", "ringbuf_read",
    "ringbuf_write", "savevm", "singlestep", "snapshot_blkdev", "snapshot_blkdev_internal",
    "snapshot_delete_blkdev_internal", "stopcapture", "sum", "wavcapture",
};
/* clang-format on */

static bool is_later(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(later); i++)
        if (strcmp(later[i], name) == 0)
            return true;
    return false;
}

static GError *hmp_unknown(Vm *vm, const char *text)
{
    g_autofree char *first = g_strndup(text, name_length(text));
    g_autofree char *name = g_strdup(is_group(vm, first) ? text : first);
    const GPtrArray *all = monitor_list(vm)->by_hmp;
    GError *err = NULL;

    g_strchomp(name);
    if (is_later(name)) {
        user_fail(&err, "'%s' is not supported yet", name);
        return err;
    }
    Nearest near = nearest_to(name);
    for (guint i = 0; i < all->len; i++) {
        g_autofree char *known = hmp_first_name(all->pdata[i]);
        nearest_try(&near, g_intern_string(known));
    }
    g_autofree char *hint = nearest_hint(&near);
    g_set_error(&err, qmp_error_quark(), QMP_COMMAND_NOT_FOUND, "unknown command: '%s'%s", name,
                hint);
    return err;
}

/* ---- running a line ---- */

/* Errors about the line itself come as they are, those of a command behind "Error: ". */
static void hmp_explain(Reply *r, const char *hint)
{
    reply_printf(r, "%s%s\n", hint ? "" : "Error: ", r->err->message);
    if (hint && *hint)
        reply_printf(r, "Try \"help %s\" for more information\n", hint);
}

void hmp_run(Vm *vm, Monitor *m, unsigned cpu, const char *line, void (*done)(Reply *, void *),
             void *o)
{
    static const Command nothing = { .args = Empty_rows, .result = Empty_rows };
    const char *rest;
    while (g_ascii_isspace(*line))
        line++;
    bool empty = !*line || *line == '#';
    g_autofree char *group = g_strstrip(g_strdup(line));
    const Command *c = empty ? &nothing : hmp_find(vm, line, &rest);
    if (!c && is_group(vm, group)) { /* "info" alone lists them */
        rest = group;
        c = hmp_named(vm, "help");
    }
    Reply *r = reply_new(vm, c ? c : &nothing, m, cpu, done, o);
    GError *err = NULL;

    if (empty || !c) {
        if (!empty) {
            r->err = hmp_unknown(vm, line);
            hmp_explain(r, "");
            g_clear_error(&r->err);
        }
        done(r, o);
        return;
    }
    void *args = command_args_new(c);
    if (hmp_parse_args(c, rest, reply_vcpu(r), args, vm, &err)) {
        reply_run(r, args);
        return;
    }
    g_autofree char *name = g_strndup(line, (gsize)(rest - line));
    prop_free(c->args, args);
    g_free(args);
    r->err = err;
    hmp_explain(r, g_strstrip(name));
    g_clear_error(&r->err);
    done(r, o);
}

/* ---- the monitor on a terminal ---- */

static void hmp_print(Monitor *m, const char *text)
{
    g_autoptr(GString) s = g_string_new(NULL);
    for (; *text; text++) {
        if (*text == '\n')
            g_string_append_c(s, '\r');
        g_string_append_c(s, *text);
    }
    line_output(m->line, s->str, s->len);
}

static void hmp_prompt(Monitor *m)
{
    line_prompt(m->line, "(qemu) ", false);
    m->prompted = true;
}

/* The prompt comes when the next line can run. */
static void hmp_done(Reply *r, void *o)
{
    Monitor *m = r->mon;
    unsigned session = GPOINTER_TO_UINT(o);
    if (m && m->session == session && !m->answer) {
        if (r->err)
            hmp_explain(r, NULL);
        hmp_print(m, r->text->str);
    }
    reply_free(r);
    if (m)
        monitor_yield(m);
}

static void hmp_line(void *o, const char *text)
{
    Monitor *m = o;
    m->prompted = false;
    if (m->answer) {
        void (*fn)(Monitor *, const char *, void *) = m->answer;
        m->answer = NULL;
        fn(m, text, m->answer_o);
        monitor_yield(m);
        return;
    }
    hmp_run(m->vm, m, m->cpu, text, hmp_done, GUINT_TO_POINTER(m->session));
}

static void hmp_out(void *o, const char *p, size_t n)
{
    monitor_out(o, p, n);
}

static char **hmp_words(void *o, const char *text, size_t cursor, size_t *start)
{
    Monitor *m = o;
    return m->answer ? NULL : hmp_complete(m->vm, text, cursor, start);
}

static const LineOps hmp_line_ops = { .out = hmp_out, .line = hmp_line, .complete = hmp_words };

bool hmp_ask(Reply *r, const char *prompt, bool hidden, void (*fn)(Monitor *, const char *, void *),
             void *o)
{
    Monitor *m = r->mon;
    if (!m || m->mode != MON_READLINE || !m->talks)
        return false;
    hmp_print(m, r->text->str);
    g_string_truncate(r->text, 0);
    m->answer = fn;
    m->answer_o = o;
    line_prompt(m->line, prompt, hidden);
    m->prompted = true;
    return true;
}

void hmp_open(Monitor *m)
{
    m->line = line_new(&hmp_line_ops, m);
}

void hmp_close(Monitor *m)
{
    line_free(m->line);
}

static void hmp_greet(Monitor *m)
{
    m->greeted = true;
    hmp_print(m, "QEMU " CONFIG_VERSION " monitor - type 'help' for more information\n");
    hmp_prompt(m);
}

void hmp_resume(Monitor *m)
{
    if (!m->session || m->prompted || !char_has_focus(&m->front))
        return;
    if (m->greeted)
        hmp_prompt(m);
    else
        hmp_greet(m);
}

void hmp_event(Monitor *m, CharEvent e)
{
    switch (e) {
    case CHR_OPENED:
        m->answer = NULL; /* a question does not wait for the next peer */
        m->greeted = m->prompted = false;
        line_abandon(m->line);
        if (monitor_may_run(m)) /* else monitor_start() does, when it is clear who has the focus */
            hmp_resume(m);
        break;
    case CHR_CLOSED: m->answer = NULL; break;
    case CHR_MUX_IN:
        if (m->prompted)
            line_redraw(m->line);
        else if (!m->pending)
            hmp_resume(m);
        break;
    case CHR_MUX_OUT:
        if (m->greeted)
            monitor_out(m, "\r\n", 2);
        break;
    case CHR_BREAK: break;
    }
}

size_t hmp_receive(Monitor *m, const uint8_t *p, size_t n)
{
    return line_feed(m->line, p, n);
}
