/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The object "secret": bytes given in place or read from a file once, plain or in base64. Not
 * served: secrets encrypted with another one (keyid=, iv=).
 */
#include "core/secret.h"

#include <string.h>

enum { SECRET_MAX = 65536 };

typedef struct SecretArgs {
    char *data, *file, *keyid, *iv;
    uint8_t format;
} SecretArgs;

typedef struct Secret {
    Object object;
    uint8_t *bytes; /* with a 0 behind */
    size_t n;
} Secret;

static const char *const formats[] = { "raw", "base64", NULL };

/* clang-format off */
static const Prop SecretArgs_rows[] = {
    PROP_STR (SecretArgs, data,   "data",   NULL,       "the secret itself"),
    PROP_STR (SecretArgs, file,   "file",   NULL,       "file that holds it"),
    PROP_ENUM(SecretArgs, format, "format", 0, formats, "how it is written there"),
    PROP_STR (SecretArgs, keyid,  "keyid",  NULL,       "secret that this one is encrypted with"),
    PROP_STR (SecretArgs, iv,     "iv",     NULL,       "initialization vector for keyid"),
    PROP_END (SecretArgs)
};
/* clang-format on */

static bool secret_load(Secret *s, const SecretArgs *a, GError **err)
{
    gchar *text = NULL;
    gsize n = 0;
    if (!a->file) {
        s->bytes = (uint8_t *)g_strdup(a->data);
        s->n = strlen(a->data);
        return true;
    }
    if (!g_file_get_contents(a->file, &text, &n, err))
        return false;
    s->bytes = (uint8_t *)text;
    s->n = n;
    return n <= SECRET_MAX ||
           user_fail(err, "secret file '%s' is longer than %d bytes", a->file, SECRET_MAX);
}

static bool secret_decode(Secret *s, GError **err)
{
    gsize n = 0;
    g_strstrip((char *)s->bytes);
    s->n = strlen((char *)s->bytes);
    bool ok = s->n % 4 == 0 && strspn((char *)s->bytes, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop"
                                                        "qrstuvwxyz0123456789+/=") == s->n;
    guchar *out = g_base64_decode((char *)s->bytes, &n);
    explicit_bzero(s->bytes, s->n);
    g_free(s->bytes);
    s->bytes = g_realloc(out, n + 1);
    s->bytes[n] = 0;
    s->n = n;
    return ok || user_fail(err, "secret '%s' is not base64", s->object.id);
}

static bool secret_open(Object *o, const void *args, GError **err)
{
    Secret *s = (Secret *)o;
    const SecretArgs *a = args;
    if (!a->data == !a->file)
        return user_fail(err, "a secret needs either data= or file=");
    if (a->keyid || a->iv)
        return user_fail(err, "encrypted secrets (keyid=, iv=) are not supported yet");
    return secret_load(s, a, err) && (!a->format || secret_decode(s, err));
}

static void secret_close(Object *o)
{
    Secret *s = (Secret *)o;
    if (s->bytes)
        explicit_bzero(s->bytes, s->n);
    g_free(s->bytes);
}

static const ObjectType secret = {
    .name = "secret",
    .desc = "password or key that others refer to",
    .size = sizeof(Secret),
    .props = SecretArgs_rows,
    .open = secret_open,
    .close = secret_close,
};
REGISTER(object, secret);

char *secret_text(Vm *vm, const char *id, GError **err)
{
    Secret *s = (Secret *)object_get(vm, id, "secret", err);
    if (!s)
        return NULL;
    if (memchr(s->bytes, 0, s->n)) {
        user_fail(err, "secret '%s' is not text", id);
        return NULL;
    }
    return g_strdup((char *)s->bytes);
}
