/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Page walks that ended well, remembered behind the TLB by address space: what a MOV CR3 or a small
 * TLB drops comes back without reading page tables. An address space is a number, `generation`,
 * that entries carry; global pages carry one of their own. Forgetting a space is taking a new
 * number. With CR4.PCIDE a PCID keeps its number while the guest says so.
 * Source: Intel SDM 3A, 4.10 (caching translation information).
 */
#include "accel/soft/env.h"

static unsigned walk_kind(Access acc, unsigned mode)
{
    if (acc == ACCESS_FETCH) {
        return tlb_is_user(mode) ? WALK_FETCH_USER : WALK_FETCH_SYS;
    }
    return mode == TLB_ALIGN ? TLB_USER : mode;
}

/* INVLPG inside a larger page must find all its 4 KiB: a mark for each GiB that has one. */
static void large_note(SoftEnv *env, uint64_t la)
{
    uint64_t gib = la >> 30 & 511;
    env->large[gib / 64] |= 1ull << gib % 64;
}

bool soft_walks_large(const SoftEnv *env, uint64_t la)
{
    uint64_t gib = la >> 30 & 511;
    return env->large[gib / 64] >> gib % 64 & 1;
}

/* Spaces lie apart, so that one does not displace another's stack and text. */
static WalkEntry *walk_slot(SoftEnv *env, unsigned kind, uint64_t la, uint64_t generation)
{
    return &env->walks[kind][(la >> 12 ^ la >> 22 ^ generation * 37) & (WALK_SIZE - 1)];
}

/* NULL: not remembered, or not for this access. */
static const WalkEntry *walk_recall(SoftEnv *env, unsigned kind, uint64_t la, Access acc)
{
    const uint64_t generation[2] = { env->gen_space, env->gen_global };

    for (unsigned i = 0; i < 2; i++) {
        const WalkEntry *e = walk_slot(env, kind, la, generation[i]);
        if (e->page == (la & ~0xfffull) && e->generation == generation[i] &&
            (acc != ACCESS_WRITE || e->writable)) {
            return e;
        }
    }
    return NULL;
}

static void walk_remember(SoftEnv *env, unsigned kind, uint64_t la, const Walk *w)
{
    uint64_t generation = w->global ? env->gen_global : env->gen_space;

    if (w->page_size > 4096) {
        large_note(env, la);
    }
    *walk_slot(env, kind, la, generation) = (WalkEntry){ .page = la & ~0xfffull,
                                                         .generation = generation,
                                                         .phys = w->phys & ~0xfffull,
                                                         .writable = w->writable };
}

Walk soft_walk_cached(X86State *s, uint64_t la, Access acc, unsigned mode)
{
    SoftEnv *env = soft_env(s);
    unsigned kind = walk_kind(acc, mode);
    const WalkEntry *e = s->cr0 & CR0_PG ? walk_recall(env, kind, la, acc) : NULL;

    if (e) {
        return (Walk){ .ok = true,
                       .phys = e->phys | (la & 0xfff),
                       .writable = e->writable,
                       .global = e->generation == env->gen_global,
                       .page_size = 4096 };
    }
    Walk w = soft_walk(s, la, acc, mode);
    if (w.ok && s->cr0 & CR0_PG) {
        walk_remember(env, kind, la, &w);
    }
    return w;
}

void soft_walks_forget_page(SoftEnv *env, uint64_t la)
{
    const uint64_t generation[2] = { env->gen_space, env->gen_global };

    for (unsigned k = 0; k < 2 * WALK_KINDS; k++) {
        WalkEntry *e = walk_slot(env, k / 2, la, generation[k & 1]);
        if (e->page == (la & ~0xfffull) && e->generation == generation[k & 1]) {
            e->generation = 0;
        }
    }
}

/* 0 is no generation: zeroed memory holds no entry. */
void soft_walks_forget_all(SoftEnv *env)
{
    env->gen_global = ++env->gen_last;
    env->gen_space = ++env->gen_last;
    memset(env->space, 0, sizeof(env->space));
    memset(env->large, 0, sizeof(env->large));
}

/* of a PCID, or the oldest one to take over */
static AddressSpace *space_slot(SoftEnv *env, unsigned pcid)
{
    for (unsigned i = 0; i < SPACES; i++) {
        if (env->space[i].generation && env->space[i].pcid == pcid) {
            return &env->space[i];
        }
    }
    env->space_next = (env->space_next + 1) % SPACES;
    env->space[env->space_next] = (AddressSpace){ .pcid = pcid };
    return &env->space[env->space_next];
}

void soft_space_enter(X86State *s, unsigned pcid, bool keep)
{
    SoftEnv *env = soft_env(s);
    AddressSpace *a = space_slot(env, pcid);

    if (!keep || !a->generation) {
        a->generation = ++env->gen_last;
    }
    env->gen_space = a->generation;
    soft_tlb_drop_local(s);
}

void soft_space_forget(X86State *s, unsigned pcid)
{
    space_slot(soft_env(s), pcid)->generation = 0;
}

void soft_spaces_forget(X86State *s)
{
    memset(soft_env(s)->space, 0, sizeof(soft_env(s)->space));
}
