/* document.h: the whole document of the text application, put together from its two collections.
 *
 * Every character is an element with an id (member, counter). A run is one entry of `chars`: up to
 * 256 neighbouring elements of one member, with successive counters. Element i of a run stands
 * after element i-1; the first stands after the run's origin. So the elements are a tree, and the
 * text is that tree read from the start, siblings in descending order of (counter, member). The
 * tree is thousands deep, so nothing here recurses.
 *
 * doc_load reads both collections once, in O(n log n) at worst; doc_next then gives the live text
 * piece by piece. About 55 bytes of memory for a run of one character: 16 MiB hold some 250,000. */
#ifndef DOCUMENT_H
#define DOCUMENT_H

#include "entry.h"

#define PAGE_BYTES (64u * 1024u) /* of one page of a scan: crossings are the cost */
#define CHUNK_RUNS 1024u
#define RADIX_BITS 11u
#define NO_RUN UINT32_MAX

typedef struct {
    uint64_t start;      /* counter of the first element */
    uint64_t origin;     /* counter of the element it stands after, 0: the start */
    const uint8_t *text; /* UTF-8; the walk moves it on */
    uint32_t member;     /* number in doc_members */
    uint32_t above;      /* the origin's member; once linked: the next sibling, NO_RUN: none */
    uint32_t base;       /* number of the first element among all elements */
    uint16_t count, at;  /* elements, and the next one to walk over */
} run_t;

typedef struct {
    uint8_t key[MEMBER_BYTES];
    uint32_t from, to; /* its runs, in the order of their counters */
} member_t;

static run_t **doc_chunks; /* runs in the order of their keys: by member, then by counter */
static uint32_t doc_chunk_cap, doc_runs;
static member_t *doc_members;
static uint32_t doc_member_cap, doc_member_count;
static uint32_t *doc_slots; /* hash table over members, twice their capacity; number + 1 */
static uint8_t *doc_gone;   /* one bit for each element */
static uint32_t doc_elements;
static uint64_t doc_counter; /* the greatest counter */
static uint32_t *doc_first; /* for each element and then the start: the first run after it */
static uint32_t *doc_stack, doc_depth;

INLINE run_t *run_at(uint32_t index) {
    return &doc_chunks[index / CHUNK_RUNS][index % CHUNK_RUNS];
}

static uint32_t least(uint32_t a, uint32_t b) { return a < b ? a : b; }

/* ---- Members --------------------------------------------------------------------------------- */

static uint32_t *member_slot(const uint8_t *key) {
    uint32_t mask = 2 * doc_member_cap - 1;
    uint64_t mixed = word_at(key + 8) * 0x9E3779B97F4A7C15ull;
    for (uint32_t i = (uint32_t)(mixed >> 32) & mask;; i = (i + 1) & mask) {
        uint32_t held = doc_slots[i];
        if (!held || same_member(doc_members[held - 1].key, key))
            return &doc_slots[i];
    }
}

static void members_grow(void) {
    member_t *old = doc_members;
    doc_member_cap = doc_member_cap ? 2 * doc_member_cap : 16;
    doc_members = cv_alloc(doc_member_cap * (uint32_t)sizeof *doc_members);
    doc_slots = cv_alloc_zeroed(2 * doc_member_cap * (uint32_t)sizeof *doc_slots);
    memcpy(doc_members, old, doc_member_count * sizeof *old);
    for (uint32_t i = 0; i < doc_member_count; i++) *member_slot(doc_members[i].key) = i + 1;
}

/* The number of a member, given now if it is new. Neighbours mostly share it: `hint` is tried
 * first. */
INLINE uint32_t member_number(const uint8_t *key, uint32_t hint) {
    if (hint < doc_member_count && same_member(doc_members[hint].key, key))
        return hint;
    if (doc_member_count == doc_member_cap) members_grow();
    uint32_t *slot = member_slot(key);
    if (!*slot) {
        member_t *added = &doc_members[doc_member_count];
        memcpy(added->key, key, MEMBER_BYTES);
        added->from = added->to = 0;
        *slot = ++doc_member_count;
    }
    return *slot - 1;
}

/* ---- Runs ------------------------------------------------------------------------------------ */

static run_t *run_add(void) {
    uint32_t chunk = doc_runs / CHUNK_RUNS;
    if (chunk == doc_chunk_cap) {
        run_t **old = doc_chunks;
        doc_chunk_cap = doc_chunk_cap ? 2 * doc_chunk_cap : 64;
        doc_chunks = cv_alloc(doc_chunk_cap * (uint32_t)sizeof *doc_chunks);
        memcpy(doc_chunks, old, chunk * sizeof *old);
    }
    if (doc_runs % CHUNK_RUNS == 0) doc_chunks[chunk] = cv_alloc(CHUNK_RUNS * sizeof(run_t));
    return run_at(doc_runs++);
}

static uint8_t *doc_texts;
static uint32_t doc_texts_left;

INLINE const uint8_t *text_keep(cv_bytes text) {
    if (text.len > doc_texts_left) {
        doc_texts_left = PAGE_BYTES;
        doc_texts = cv_alloc(doc_texts_left);
    }
    uint8_t *kept = doc_texts;
    for (uint32_t i = 0; i < text.len; i++) kept[i] = text.ptr[i];
    doc_texts += text.len;
    doc_texts_left -= text.len;
    return kept;
}

static void load_chars(cv_bytes key, cv_bytes value) {
    chars_t entry;
    if (!chars_read(key, value, &entry)) return;
    run_t *before = doc_runs ? run_at(doc_runs - 1) : 0;
    run_t *run = run_add();
    run->member = member_number(entry.member, before ? before->member : 0);
    run->above = member_number(entry.origin_member, run->member);
    run->start = entry.start;
    run->origin = entry.origin;
    run->text = text_keep(entry.text);
    run->count = (uint16_t)entry.count;
    run->base = doc_elements;
    run->at = 0;
    doc_elements += entry.count;
    member_t *member = &doc_members[run->member];
    if (member->to == 0) member->from = doc_runs - 1;
    member->to = doc_runs;
    if (entry.start + entry.count - 1 > doc_counter) doc_counter = entry.start + entry.count - 1;
}

/* The last run of a member that begins at or before a counter, or NO_RUN. */
static uint32_t run_of(uint32_t member, uint64_t counter) {
    uint32_t from = doc_members[member].from, to = doc_members[member].to;
    uint32_t first = from;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (run_at(middle)->start <= counter) from = middle + 1;
        else to = middle;
    }
    return from > first ? from - 1 : NO_RUN;
}

/* An entry of `gone`: `count` elements from an id on, whoever deleted them. */
static void load_gone(cv_bytes key, cv_bytes value) {
    if (key.len != GONE_KEY_BYTES || value.len != 2 || !doc_member_count) return;
    uint32_t held = *member_slot(key.ptr + MEMBER_BYTES);
    uint64_t from = read_counter_bytes(key.ptr + 2 * MEMBER_BYTES);
    uint64_t to = from + least((uint32_t)value.ptr[0] << 8 | value.ptr[1], RUN_LENGTH_MAX);
    if (!held || from > (uint64_t)COUNTER_MAX) return;
    uint32_t index = run_of(held - 1, from);
    if (index == NO_RUN) index = doc_members[held - 1].from;
    for (; index < doc_members[held - 1].to; index++) {
        run_t *run = run_at(index);
        uint64_t end = run->start + run->count;
        if (run->start >= to) return;
        for (uint64_t at = from > run->start ? from : run->start; at < to && at < end; at++) {
            uint32_t element = run->base + (uint32_t)(at - run->start);
            doc_gone[element / 8] |= (uint8_t)(1u << element % 8);
        }
    }
}

/* Every entry of a collection through one page of memory, which the next page overwrites. */
static void for_each(cv_bytes collection, void (*take)(cv_bytes key, cv_bytes value)) {
    static uint8_t *page;
    static uint32_t cap;
    int32_t handle = covey_scan(collection.ptr, collection.len, 0, 0, 0, 0);
    for (;;) {
        if (!page) page = cv_alloc(cap = cap ? cap : PAGE_BYTES);
        uint32_t len = (uint32_t)covey_next(handle, page, cap);
        if (len == 0) return;
        if (len > cap) {
            page = 0;
            cap = len;
            continue;
        }
        for (const uint8_t *at = page; at < page + len;) {
            cv_bytes key = cv_view(at + 4, cv_read_le32(at));
            cv_bytes value = cv_view(key.ptr + key.len + 4, cv_read_le32(key.ptr + key.len));
            take(key, value);
            at = value.ptr + value.len;
        }
    }
}

/* ---- The tree -------------------------------------------------------------------------------- */

/* The number of the element that a run stands after; doc_elements is the start. Where two devices
 * of one member used one counter, only one entry stayed; what stood in the other moves to the
 * nearest element before it rather than being lost. */
static uint32_t element_above(uint32_t index) {
    const run_t *run = run_at(index), *before = index ? run_at(index - 1) : 0;
    /* Mostly a run goes on where its member's last one ended. */
    if (before && before->member == run->above &&
        before->start + before->count - 1 == run->origin)
        return run->base - 1;
    uint32_t above = run->origin ? run_of(run->above, run->origin) : NO_RUN;
    if (above == NO_RUN) return doc_elements;
    const run_t *found = run_at(above);
    uint64_t offset = run->origin - found->start;
    return found->base + (offset < found->count ? (uint32_t)offset : found->count - 1u);
}

/* One stable pass of a radix sort over the digit of the counters at `shift`. */
static void sort_pass(const uint32_t *from, uint32_t *to, uint32_t shift) {
    static uint32_t places[1u << RADIX_BITS];
    const uint32_t mask = (1u << RADIX_BITS) - 1;
    for (uint32_t digit = 0; digit <= mask; digit++) places[digit] = 0;
    for (uint32_t i = 0; i < doc_runs; i++) places[run_at(i)->start >> shift & mask]++;
    for (uint32_t digit = 0, sum = 0; digit <= mask; digit++) {
        sum += places[digit];
        places[digit] = sum - places[digit];
    }
    for (uint32_t i = 0; i < doc_runs; i++)
        to[places[run_at(from[i])->start >> shift & mask]++] = from[i];
}

/* Hang every run under the element it stands after. Runs are numbered in the order of their
 * members, so a stable sort by counter gives (counter, member). The greatest goes in first and
 * ends last among its siblings; a stack turns that round. */
static void link_runs(void) {
    uint32_t *order = cv_alloc(doc_runs * 4), *other = cv_alloc(doc_runs * 4);
    for (uint32_t i = 0; i < doc_runs; i++) order[i] = i;
    for (uint32_t shift = 0; shift < 64 && doc_counter >> shift; shift += RADIX_BITS) {
        sort_pass(order, other, shift);
        uint32_t *swap = order;
        order = other;
        other = swap;
    }
    doc_first = cv_alloc((doc_elements + 1) * 4);
    for (uint32_t i = 0; i <= doc_elements; i++) doc_first[i] = NO_RUN;
    for (uint32_t i = doc_runs; i > 0; i--) {
        uint32_t index = order[i - 1], above = element_above(index);
        run_at(index)->above = doc_first[above];
        doc_first[above] = index;
    }
    doc_stack = other;
}

/* ---- The walk -------------------------------------------------------------------------------- */

/* Neighbouring live elements of one run. */
typedef struct {
    uint32_t member; /* number in doc_members */
    uint64_t counter;
    uint32_t count;
    cv_bytes text;
} piece_t;

/* The part of a piece before its element `count`, and the part from there on. */
static piece_t piece_first(piece_t piece, uint32_t count) {
    const uint8_t *at = piece.text.ptr, *end = at + piece.text.len;
    for (uint32_t i = 0; i < count; i++) at += cv_utf8_next(at, end);
    return (piece_t){piece.member, piece.counter, count,
                     cv_view(piece.text.ptr, (uint32_t)(at - piece.text.ptr))};
}

static piece_t piece_rest(piece_t piece, uint32_t count) {
    uint32_t used = piece_first(piece, count).text.len;
    return (piece_t){piece.member, piece.counter + count, piece.count - count,
                     cv_view(piece.text.ptr + used, piece.text.len - used)};
}

INLINE bool is_gone(uint32_t element) { return doc_gone[element / 8] >> element % 8 & 1; }

/* Runs from the list of an element's children, greatest last: it comes off the stack first. */
INLINE void push_runs(uint32_t index) {
    for (; index != NO_RUN; index = run_at(index)->above) doc_stack[doc_depth++] = index;
}

/* A run was walked up to the element before `at`, which has children: they come next, then the
 * rest of the run. Only children with the counter of the run's own next element and a smaller
 * member come after that rest. */
static void descend(uint32_t index, uint32_t child) {
    run_t *run = run_at(index);
    if (run->at < run->count) {
        uint64_t counter = run->start + run->at;
        for (; child != NO_RUN && child < index && run_at(child)->start == counter;
             child = run_at(child)->above)
            doc_stack[doc_depth++] = child;
        doc_stack[doc_depth++] = index;
    }
    push_runs(child);
}

/* Read both collections and go to the start of the text. */
static void doc_load(void) {
    for_each(CHARS, load_chars);
    doc_gone = cv_alloc_zeroed((doc_elements + 7) / 8);
    for_each(GONE, load_gone);
    link_runs();
    push_runs(doc_first[doc_elements]);
}

/* The next live piece of the text; false at its end. */
static bool doc_next(piece_t *piece) {
    while (doc_depth) {
        uint32_t index = doc_stack[--doc_depth], child = NO_RUN;
        run_t *run = run_at(index);
        piece->count = 0;
        while (child == NO_RUN && run->at < run->count) {
            uint32_t element = run->base + run->at;
            bool live = !is_gone(element);
            if (!live && piece->count) break;
            uint32_t bytes = character_at(run->text, run->text + 4);
            if (live && piece->count++ == 0) {
                piece->member = run->member;
                piece->counter = run->start + run->at;
                piece->text = cv_view(run->text, 0);
            }
            if (live) piece->text.len += bytes;
            run->text += bytes;
            run->at++;
            child = doc_first[element];
        }
        if (child != NO_RUN || run->at < run->count) descend(index, child);
        if (piece->count) return true;
    }
    return false;
}

#endif
