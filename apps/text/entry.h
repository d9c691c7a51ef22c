/* entry.h: what one entry of the text application's two collections says.
 *
 * chars: (member, counter of the first element) -> origin and text of a run.
 * gone: (deleting member, id of the first element) -> how many elements, 16 bits, big-endian. */
#ifndef ENTRY_H
#define ENTRY_H

#include "covey.h"

#define CHARS CV_TEXT("chars")
#define GONE CV_TEXT("gone")

#define MEMBER_BYTES 32u
#define ID_BYTES 40u                  /* member, counter (big-endian, 64 bits) */
#define GONE_KEY_BYTES 72u            /* deleting member, id of the first element */
#define RUN_LENGTH_MAX 256u           /* so that an element's run is found within 256 counters */
#define COUNTER_MAX ((1ll << 53) - 1) /* JSON numbers are exact up to here */

#define INLINE static inline __attribute__((always_inline)) /* for what runs for every element */

INLINE uint64_t word_at(const uint8_t *at) { return ((const cv_word *)at)->word; }

INLINE bool same_member(const uint8_t *a, const uint8_t *b) {
    return word_at(a) == word_at(b) && word_at(a + 8) == word_at(b + 8) &&
           word_at(a + 16) == word_at(b + 16) && word_at(a + 24) == word_at(b + 24);
}

INLINE uint64_t read_counter_bytes(const uint8_t *from) {
    return __builtin_bswap64(word_at(from)); /* WebAssembly is little-endian. */
}

/* Bytes of the next character, 0 if it is not valid UTF-8; most are ASCII. */
INLINE uint32_t character_at(const uint8_t *at, const uint8_t *end) {
    return at < end && *at < 0x80 ? 1 : cv_utf8_next(at, end);
}

static void write_id(uint8_t *to, const uint8_t *member, uint64_t counter) {
    memcpy(to, member, MEMBER_BYTES);
    cv_write_be64(to + MEMBER_BYTES, counter);
}

/* What an entry of `chars` says. The value: the length of the origin (0: the start, 8: an element
 * of the same member, 40: of another), the origin, the text. */
typedef struct {
    const uint8_t *member, *origin_member;
    uint64_t start, origin;
    cv_bytes text;
    uint32_t count;
} chars_t;

/* Read an entry of `chars`; false for one that this application never writes. */
INLINE bool chars_read(cv_bytes key, cv_bytes value, chars_t *entry) {
    if (key.len != ID_BYTES || value.len < 2) return false;
    uint32_t len = value.ptr[0];
    if ((len != 0 && len != 8 && len != ID_BYTES) || value.len <= 1 + len) return false;
    const uint8_t *origin = value.ptr + 1;
    entry->member = key.ptr;
    entry->start = read_counter_bytes(key.ptr + MEMBER_BYTES);
    entry->origin_member = len == ID_BYTES ? origin : key.ptr;
    entry->origin = len ? read_counter_bytes(origin + len - 8) : 0;
    entry->text = cv_view(origin + len, value.len - 1 - len);
    if (entry->text.len > 4 * RUN_LENGTH_MAX) return false;
    entry->count = 0;
    const uint8_t *end = entry->text.ptr + entry->text.len;
    for (const uint8_t *at = entry->text.ptr; at < end; entry->count++) {
        uint32_t bytes = character_at(at, end);
        if (!bytes) return false;
        at += bytes;
    }
    /* An origin as new as the run could make a circle. */
    return entry->count <= RUN_LENGTH_MAX && entry->origin < entry->start &&
           (len == 0 || entry->origin > 0) && entry->start <= (uint64_t)COUNTER_MAX;
}

#endif
