/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cache of decoded blocks. One lock for decoding and killing; lookups take none: a bucket only
 * grows at its head, and a killed block stays readable (H_DEAD matches nobody, its handlers lead
 * out) until the arena starts over, which happens with all other vCPUs at instruction boundaries.
 *
 * A page with blocks has its DIRTY_CODE bit clear, so no TLB has it writable and every store to it
 * comes to soft_blocks_written(). Granules keep data beside code cheap: a store that hits no code
 * costs the slow path, not the blocks.
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "accel/soft/block.h"
#include "accel/soft/ops.h"
#include "accel/soft/rows.h"
#include "core/vcpu.h"
#include "core/vm.h"
#include "util/log.h"

enum { HASH_BITS = 19, HASH_SIZE = 1 << HASH_BITS, PAGE_HASH = 1 << 14 };
#define ARENA_SIZE (192ull << 20)

typedef struct CodePage CodePage;
struct CodePage {
    uint64_t host;     /* of the page */
    uint64_t granules; /* that some block has bytes in */
    Block *blocks;     /* chained by page_next[0], or [1] where this is their second page */
    CodePage *next;
};

/* One machine a process: the cache is the process's. */
static struct {
    GMutex lock;
    Block *_Atomic hash[HASH_SIZE];
    CodePage *page[PAGE_HASH];
    char *arena;
    size_t used;
    atomic_uint generation;
} cache;

unsigned blocks_generation(void)
{
    return atomic_load_explicit(&cache.generation, memory_order_relaxed);
}

static Block *_Atomic *bucket(uint64_t host, uint32_t hflags)
{
    uint64_t h = (host ^ (uint64_t)hflags << 40) * 0x9e3779b97f4a7c15ull;
    return &cache.hash[h >> (64 - HASH_BITS)];
}

static Block *cache_find(uint64_t host, uint32_t hflags)
{
    Block *b = atomic_load_explicit(bucket(host, hflags), memory_order_acquire);
    while (b && (b->host != host || b->hflags != hflags)) {
        b = b->hash_next;
    }
    return b;
}

/* ---- pages ---- */
static CodePage **page_bucket(uint64_t host)
{
    return &cache.page[(host >> 12 ^ host >> 24) & (PAGE_HASH - 1)];
}

static CodePage *page_find(uint64_t host)
{
    CodePage *p = *page_bucket(host);
    while (p && p->host != host) {
        p = p->next;
    }
    return p;
}

static CodePage *page_get(uint64_t host)
{
    CodePage *p = page_find(host);
    if (!p) {
        CodePage **at = page_bucket(host);
        p = g_new0(CodePage, 1);
        *p = (CodePage){ .host = host, .next = *at };
        *at = p;
    }
    return p;
}

/* Which chain of b the page is on. */
static unsigned page_side(const Block *b, uint64_t page)
{
    return (b->host & ~4095ull) != page;
}

/* Bits of the granules that b has bytes in on this page. */
static uint64_t block_granules(const Block *b, uint64_t page)
{
    uint64_t first = b->host & 4095, last = first + b->len - 1;
    if (page_side(b, page)) {
        first = 0;
        last -= 4096;
    } else {
        last = MIN(last, 4095);
    }
    return (~0ull << first / 64) & (~0ull >> (63 - last / 64));
}

static void page_add(uint64_t page, Block *b)
{
    CodePage *p = page_get(page);
    unsigned side = page_side(b, page);
    b->page_next[side] = p->blocks;
    p->blocks = b;
    p->granules |= block_granules(b, page);
}

/* Takes b off the page's chain; the granules are counted anew. */
static void page_remove(uint64_t page, Block *b)
{
    CodePage *p = page_find(page);
    Block **at = &p->blocks;
    p->granules = 0;
    while (*at) {
        Block *x = *at;
        Block **next = &x->page_next[page_side(x, page)];
        if (x == b) {
            *at = *next;
        } else {
            p->granules |= block_granules(x, page);
            at = next;
        }
    }
}

/* ---- killing ---- */
static void bucket_remove(Block *b)
{
    Block *_Atomic *head = bucket(b->host, b->hflags);
    Block *x = atomic_load(head);
    if (x == b) {
        atomic_store(head, b->hash_next);
        return;
    }
    while (x->hash_next != b) {
        x = x->hash_next;
    }
    x->hash_next = b->hash_next;
}

/* Whoever runs in it leaves after the present instruction; its own hash_next stays for readers. */
static void block_stop(Block *b)
{
    bucket_remove(b);
    __atomic_store_n(&b->hflags, H_DEAD, __ATOMIC_RELAXED);
    for (unsigned i = 0; i <= b->n; i++) {
        __atomic_store_n(&b->insn[i].fn, insn_stale, __ATOMIC_RELAXED);
    }
}

static void block_kill(Block *b)
{
    block_stop(b);
    page_remove(b->host & ~4095ull, b);
    if (b->host2) {
        page_remove(b->host2, b);
    }
}

/* One pass over the chain: a page may have a thousand blocks. */
static void page_kill(CodePage *p, uint64_t granules)
{
    Block *b = p->blocks;

    p->blocks = NULL;
    p->granules = 0;
    for (Block *next; b; b = next) {
        unsigned side = page_side(b, p->host);
        next = b->page_next[side];
        if (!(block_granules(b, p->host) & granules)) {
            b->page_next[side] = p->blocks;
            p->blocks = b;
            p->granules |= block_granules(b, p->host);
            continue;
        }
        block_stop(b);
        if (b->host2) {
            page_remove(side ? b->host & ~4095ull : b->host2, b);
        }
    }
}

static bool code_bit(Region *r, uint64_t off)
{
    return r->dirty[DIRTY_CODE][off >> 18] >> (off >> 12 & 63) & 1;
}
static void code_bit_set(Region *r, uint64_t off)
{
    __atomic_fetch_or(&r->dirty[DIRTY_CODE][off >> 18], 1ul << (off >> 12 & 63), __ATOMIC_SEQ_CST);
}
static void code_bit_clear(Region *r, uint64_t off)
{
    __atomic_fetch_and(&r->dirty[DIRTY_CODE][off >> 18], ~(1ul << (off >> 12 & 63)),
                       __ATOMIC_SEQ_CST);
}

/*
 * One page. A device's write has set the bit already, so that stores may go past us from now on:
 * then all of the page goes. A page left without blocks may be written fast again.
 */
static void page_written(Region *r, uint64_t off, uint64_t first, uint64_t last)
{
    uint64_t host = (uint64_t)(uintptr_t)r->host + off;
    CodePage *p = page_find(host);
    if (p) {
        uint64_t hit = (~0ull << first / 64) & (~0ull >> (63 - last / 64));
        page_kill(p, code_bit(r, off) ? ~0ull : hit & p->granules);
    }
    if (!p || !p->blocks) {
        code_bit_set(r, off);
    }
}

void soft_blocks_written(Vm *vm, Region *r, uint64_t off, uint64_t len)
{
    g_mutex_lock(&cache.lock);
    for (uint64_t at = off, end = off + len; at < end; at = (at | 4095) + 1) {
        page_written(r, at & ~4095ull, at & 4095, MIN(end - 1, at | 4095) & 4095);
    }
    g_mutex_unlock(&cache.lock);
}

void soft_blocks_drop_all(Vm *vm)
{
    g_mutex_lock(&cache.lock);
    for (unsigned i = 0; i < PAGE_HASH; i++) {
        for (CodePage *p = cache.page[i]; p; p = p->next) {
            page_kill(p, ~0ull);
        }
    }
    g_mutex_unlock(&cache.lock);
}

/* ---- the arena ---- */
/* Others are at a boundary: nobody but the caller's vCPU may still look at a block. */
static void arena_restart(void *arg)
{
    Vm *vm = arg;
    soft_blocks_drop_all(vm);
    g_mutex_lock(&cache.lock);
    cache.used = 0;
    atomic_fetch_add(&cache.generation, 1);
    memset((void *)cache.hash, 0, sizeof(cache.hash));
    g_mutex_unlock(&cache.lock);
    for (unsigned i = 0; i < vm->n_vcpus; i++) {
        if (vm->vcpu[i] && vm->vcpu[i]->x86) {
            memset(soft_env(vm->vcpu[i]->x86)->jc, 0, sizeof(((SoftEnv *)0)->jc));
        }
    }
}

static bool arena_full(void)
{
    return cache.used + sizeof(Block) + (BLOCK_MAX + 1) * sizeof(Insn) > ARENA_SIZE;
}

/* Locked. Room for the longest block; block_publish() takes what it needs. */
static Block *arena_block(void)
{
    if (!cache.arena) {
        cache.arena = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        g_assert(cache.arena != MAP_FAILED);
    }
    return (Block *)(cache.arena + cache.used);
}

/* ---- decoding ---- */
typedef struct Source {
    X86State *s;
    uint64_t la;
    uint32_t hflags;
    const uint8_t *host, *host2; /* of the first byte, of the next page */
    unsigned left;               /* bytes to the end of the page */
} Source;

static void insn_close_make(Block *b, uint32_t hflags, unsigned len)
{
    b->insn[b->n] = (Insn){
        .fn = hflags & H_ONE ? insn_close_one : insn_close,
        .off = len,
        .imm = len,
        .osz = hflags & H_CS64 ? 8 : 4,
    };
}

/* -d in_asm: the n bytes that were just decoded. */
static void code_log(const Source *src, const uint8_t *p, unsigned n)
{
    uint64_t rip = src->s->rip;

    if (!log_on(LOG_IN_ASM) || !log_wants_pc(rip)) {
        return;
    }
    g_autoptr(GString) text = g_string_new("----------------\nIN:\n");
    for (unsigned at = 0, len; at < n; at += len) {
        char line[128];
        len = insn_print(src->hflags, p + at, n - at, rip + at, line, sizeof(line));
        if (!len) {
            break;
        }
        g_string_append_printf(text, "0x%08" PRIx64 ":  %s\n", rip + at, line);
    }
    log_print("%s", text->str);
}

/* Up to the end of the page, or one instruction. */
static void decode_run(const Source *src, Block *b)
{
    DecodeCtx ctx = { src->s, src->hflags & ~H_ONE };
    unsigned len = 0, max = src->hflags & H_ONE ? 1 : BLOCK_MAX;

    while (b->n < max) {
        Insn *in = &b->insn[b->n];
        unsigned n = insn_decode(&ctx, src->host + len, src->left - len, len, in);
        if (!n) {
            break;
        }
        b->n++;
        len += n;
        if (in->row->attr & END || len == src->left) {
            break;
        }
    }
    b->len = len;
    code_log(src, src->host, len);
}

/* One instruction whose bytes were collected from both pages. */
static void decode_crossing(const Source *src, Block *b)
{
    DecodeCtx ctx = { src->s, src->hflags & ~H_ONE };
    uint8_t bytes[15];
    unsigned n = MIN(src->left, sizeof(bytes));

    memcpy(bytes, src->host, n);
    memcpy(bytes + n, src->host2, sizeof(bytes) - n);
    b->len = insn_decode(&ctx, bytes, sizeof(bytes), 0, &b->insn[0]);
    b->host2 = (uint64_t)(uintptr_t)src->host2;
    b->n = 1;
    code_log(src, bytes, b->len);
}

static void block_publish(Block *b, const Source *src)
{
    Block *_Atomic *head = bucket(b->host, b->hflags);

    insn_close_make(b, src->hflags, b->len);
    page_add(b->host & ~4095ull, b);
    if (b->host2) {
        page_add(b->host2, b);
    }
    b->hash_next = atomic_load_explicit(head, memory_order_relaxed);
    atomic_store_explicit(head, b, memory_order_release);
    cache.used += sizeof(Block) + (b->n + 1) * sizeof(Insn);
    cache.used = (cache.used + 63) & ~63ull;
}

/* ---- code pages are write-protected before they are read ---- */
typedef struct Protect {
    Vm *vm;
    SoftPhys p;
} Protect;

static void protect_now(void *arg)
{
    Protect *a = arg;
    const uint8_t *page = a->p.host - (a->p.off & 4095);

    code_bit_clear(a->p.region, a->p.off);
    for (unsigned i = 0; i < a->vm->n_vcpus; i++) {
        if (a->vm->vcpu[i] && a->vm->vcpu[i]->x86) {
            soft_tlb_protect(soft_env(a->vm->vcpu[i]->x86), page);
        }
    }
}

static bool page_protected(X86State *s, uint64_t phys)
{
    SoftPhys p;
    return !soft_phys(s, phys, &p) || soft_page_code(&p);
}

/*
 * true: it was already. Another vCPU's TLB is only safe to change while that vCPU stands still;
 * whatever was looked up before that wait is stale after it.
 */
static bool page_protect(X86State *s, uint64_t phys)
{
    Protect a = { .vm = s->vcpu->vm };
    if (!soft_phys(s, phys, &a.p) || soft_page_code(&a.p)) {
        return true;
    }
    if (a.vm->n_vcpus > 1) {
        vcpus_exclusive(a.vm, protect_now, &a);
    } else {
        protect_now(&a);
    }
    return false;
}

static bool needs_second(const Source *src)
{
    DecodeCtx ctx = { src->s, src->hflags & ~H_ONE };
    Insn in;
    return src->left < 15 && !insn_decode(&ctx, src->host, src->left, 0, &in);
}

static Block *decode_locked(Source *src)
{
    Block *b = cache_find((uint64_t)(uintptr_t)src->host, src->hflags);
    if (b) {
        return b;
    }
    b = arena_block();
    *b = (Block){ .host = (uint64_t)(uintptr_t)src->host, .hflags = src->hflags };
    if (src->host2) {
        decode_crossing(src, b);
    } else {
        decode_run(src, b);
    }
    block_publish(b, src);
    return b;
}

/* ---- code outside RAM and ROM: fetched a byte at a time, decoded for one use ---- */
static uint8_t fetch_byte(X86State *s, uint64_t la)
{
    const uint8_t *host;
    uint64_t phys = soft_fetch_page(s, la, &host);
    return host ? *host : soft_phys_io(s, phys, 0, 1, false);
}

static Block *block_uncached(X86State *s, uint64_t la, uint32_t hflags)
{
    SoftEnv *env = soft_env(s);
    DecodeCtx ctx = { s, hflags & ~H_ONE };
    uint8_t bytes[15];
    unsigned n = 0;
    Block *b = env->scratch;

    if (!b) {
        b = env->scratch = g_malloc0(sizeof(Block) + 2 * sizeof(Insn));
    }
    *b = (Block){ .hflags = H_DEAD, .n = 1 };
    do {
        bytes[n] = fetch_byte(s, soft_wrap(s, la + n));
        n++;
        b->len = insn_decode(&ctx, bytes, n, 0, &b->insn[0]);
    } while (!b->len);
    insn_close_make(b, H_ONE, b->len);
    return b;
}

/* ---- lookup ---- */
/* NULL: something was waited for, translate again. */
static Block *block_new(X86State *s, Source *src, uint64_t phys)
{
    uint64_t phys2 = phys, same = (uint64_t)(uintptr_t)src->host & ~4095ull;
    Block *b = NULL;

    if (!page_protect(s, phys)) {
        return NULL;
    }
    if (needs_second(src)) {
        phys2 = soft_fetch_page(s, soft_wrap(s, src->la + src->left), &src->host2);
        if (!src->host2 || (uint64_t)(uintptr_t)src->host2 == same) {
            return block_uncached(s, src->la, src->hflags);
        }
        if (!page_protect(s, phys2)) {
            return NULL;
        }
    }
    if (arena_full()) {
        if (s->vcpu->vm->n_vcpus > 1) {
            vcpus_exclusive(s->vcpu->vm, arena_restart, s->vcpu->vm);
        } else {
            arena_restart(s->vcpu->vm);
        }
        return NULL;
    }
    g_mutex_lock(&cache.lock);
    /* a store by another vCPU may have unprotected the page, or its code filled the arena */
    if (!arena_full() && page_protected(s, phys) && page_protected(s, phys2)) {
        b = decode_locked(src);
    }
    g_mutex_unlock(&cache.lock);
    return b;
}

/* The second page may be mapped elsewhere by now. */
static bool crossing_is_current(X86State *s, const Block *b, uint64_t la)
{
    const uint8_t *host2;
    soft_fetch_page(s, soft_wrap(s, (la | 4095) + 1), &host2);
    return (uint64_t)(uintptr_t)host2 == b->host2;
}

/* NULL: try again */
static Block *block_try(X86State *s, uint64_t la, uint32_t hflags)
{
    Source src = { .s = s, .la = la, .hflags = hflags, .left = 4096 - (la & 4095) };
    uint64_t phys = soft_fetch_page(s, la, &src.host);
    Block *b;

    /* a page that is not whole, or not aligned in its region, cannot be tracked */
    if (!src.host || ((uintptr_t)src.host & 4095) != (la & 4095)) {
        return block_uncached(s, la, hflags);
    }
    b = cache_find((uint64_t)(uintptr_t)src.host, hflags);
    if (b && b->host2 && !crossing_is_current(s, b, la)) {
        g_mutex_lock(&cache.lock);
        if (b->hflags != H_DEAD) {
            block_kill(b);
        }
        g_mutex_unlock(&cache.lock);
        b = NULL;
    }
    return b ? b : block_new(s, &src, phys);
}

Block *block_at(X86State *s, uint64_t la, uint32_t hflags)
{
    Block *b;
    do {
        b = block_try(s, la, hflags);
    } while (!b);
    return b;
}
