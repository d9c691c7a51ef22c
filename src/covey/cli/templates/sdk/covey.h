/* covey.h: what a C application for covey includes.
 *
 * An application is a WebAssembly module that imports only from "covey" and exports its methods,
 * each without parameters and results. A method reads its arguments (JSON), reads and changes
 * entries of its collections, and writes one result (JSON). A whole application with one method:
 *
 *     #include "covey.h"
 *
 *     CV_EXPORT(greet) void greet(void) {
 *         const cv_json *args = cv_args("name");
 *         cv_bytes name = cv_arg_string(args, "name", 1, 64);
 *         cv_put(CV_TEXT("greeted"), name, CV_TEXT("yes"));
 *         cv_out_object();
 *         cv_out_name("hello");
 *         cv_out_string(name);
 *         cv_out_end_object();
 *         cv_out_done();
 *     }
 *
 * Rules worth knowing:
 * - Each call begins with fresh memory: no variable survives it. What must last is an entry of a
 *   collection.
 * - Memory comes from cv_alloc and is never freed: it goes when the call ends.
 * - cv_fail refuses the call with a message and does not return; nothing that the call did takes
 *   effect.
 * - A query may not write, emit or draw random bytes: the host stops it.
 * - There are no floats, files, clocks or network. Two nodes that run one call get the same
 *   bytes.
 * - The stack is 16 KiB: put large things into cv_alloc, and do not recurse over data.
 *
 * This file: the host's functions, bytes, memory, entries. covey_json.h: arguments. covey_out.h:
 * results. covey_effects.h: `validate`. */
#ifndef COVEY_H
#define COVEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CV_IMPORT(name) __attribute__((import_module("covey"), import_name(#name)))
#define CV_EXPORT(name) __attribute__((export_name(#name)))
#define CV_API static __attribute__((unused))

/* ---- The host's functions, as the interface covey/1 names them. Below are easier ones. -------- */

CV_IMPORT(input) uint32_t covey_input(void *to, uint32_t cap);
CV_IMPORT(output) void covey_output(const void *json, uint32_t len);
CV_IMPORT(fail) void covey_fail(const void *message, uint32_t len);
CV_IMPORT(get) int32_t covey_get(const void *collection, uint32_t clen,
                                 const void *key, uint32_t klen, void *to, uint32_t cap);
CV_IMPORT(put) void covey_put(const void *collection, uint32_t clen,
                              const void *key, uint32_t klen, const void *value, uint32_t vlen);
CV_IMPORT(delete) void covey_delete(const void *collection, uint32_t clen,
                                    const void *key, uint32_t klen);
CV_IMPORT(add) void covey_add(const void *collection, uint32_t clen,
                              const void *key, uint32_t klen, int64_t amount);
CV_IMPORT(scan) int32_t covey_scan(const void *collection, uint32_t clen,
                                   const void *prefix, uint32_t plen,
                                   const void *after, uint32_t alen);
CV_IMPORT(next) int32_t covey_next(int32_t handle, void *to, uint32_t cap);
CV_IMPORT(member) void covey_member(void *to_32_bytes);
CV_IMPORT(device) void covey_device(void *to_32_bytes);
CV_IMPORT(context) void covey_context(void *to_36_bytes);
CV_IMPORT(time) int64_t covey_time(void);
CV_IMPORT(random) void covey_random(void *to, uint32_t len);
CV_IMPORT(emit) void covey_emit(const void *name, uint32_t nlen, const void *data, uint32_t len);
CV_IMPORT(log) void covey_log(const void *text, uint32_t len);
CV_IMPORT(verify) int32_t covey_verify(const void *signature_64_bytes, const void *key_32_bytes,
                                       const void *message, uint32_t len);
CV_IMPORT(sha256) void covey_sha256(const void *of, uint32_t len, void *to_32_bytes);

/* ---- What the compiler calls by itself. There is no C library below us. ---------------------- */

typedef struct { uint64_t word; } __attribute__((packed, may_alias)) cv_word;

__attribute__((used, no_builtin)) void *memcpy(void *to, const void *from, size_t len) {
    uint8_t *t = to;
    const uint8_t *f = from;
    for (; len >= 8; len -= 8, t += 8, f += 8) ((cv_word *)t)->word = ((const cv_word *)f)->word;
    for (; len > 0; len--) *t++ = *f++;
    return to;
}

__attribute__((used, no_builtin)) void *memmove(void *to, const void *from, size_t len) {
    uint8_t *t = to;
    const uint8_t *f = from;
    if (t <= f || t >= f + len) {
        for (; len > 0; len--) *t++ = *f++;
    } else {
        while (len > 0) len--, t[len] = f[len];
    }
    return to;
}

__attribute__((used, no_builtin)) void *memset(void *to, int byte, size_t len) {
    uint8_t *t = to;
    uint64_t eight = (uint8_t)byte * 0x0101010101010101u;
    for (; len >= 8; len -= 8, t += 8) ((cv_word *)t)->word = eight;
    for (; len > 0; len--) *t++ = (uint8_t)byte;
    return to;
}

__attribute__((used, no_builtin)) int memcmp(const void *a, const void *b, size_t len) {
    const uint8_t *x = a, *y = b;
    for (; len > 0; len--, x++, y++)
        if (*x != *y) return *x < *y ? -1 : 1;
    return 0;
}

__attribute__((used, no_builtin)) size_t strlen(const char *text) {
    size_t len = 0;
    while (text[len]) len++;
    return len;
}

/* ---- Bytes: a view, never owned. ------------------------------------------------------------- */

typedef struct {
    const uint8_t *ptr;
    uint32_t len;
} cv_bytes;

#define CV_TEXT(literal) ((cv_bytes){(const uint8_t *)(literal), sizeof(literal) - 1})
#define CV_NONE ((cv_bytes){0, 0})

CV_API cv_bytes cv_view(const void *ptr, uint32_t len) { return (cv_bytes){ptr, len}; }

/* Equal contents. */
CV_API bool cv_same(cv_bytes a, cv_bytes b) {
    return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

/* The order of keys: byte by byte, a prefix first. Negative, zero or positive. */
CV_API int cv_compare(cv_bytes a, cv_bytes b) {
    int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* Refuse the call with a message for the caller. Does not return. */
_Noreturn CV_API void cv_fail_bytes(cv_bytes message) {
    covey_fail(message.ptr, message.len);
    __builtin_trap();
}

_Noreturn CV_API void cv_fail(const char *message) {
    cv_fail_bytes(cv_view(message, strlen(message)));
}

/* ---- Memory: it is handed out upwards and goes when the call ends. --------------------------- */

extern unsigned char __heap_base;
static uint32_t cv_arena_top;

/* `len` bytes, aligned to 8, not cleared. The host bounds memory; with none left, the call
 * fails. */
CV_API void *cv_alloc(uint32_t len) {
    uint32_t start = ((cv_arena_top ? cv_arena_top : (uint32_t)&__heap_base) + 7u) & ~7u;
    uint64_t end = (uint64_t)start + len, have = (uint64_t)__builtin_wasm_memory_size(0) << 16;
    if (end > have) {
        uint64_t pages = (end - have + 65535) >> 16;
        if (end >= UINT32_MAX || __builtin_wasm_memory_grow(0, (uint32_t)pages) == (size_t)-1)
            cv_fail("the application is out of memory");
    }
    cv_arena_top = (uint32_t)end;
    return (void *)start;
}

CV_API void *cv_alloc_zeroed(uint32_t len) { return memset(cv_alloc(len), 0, len); }

/* Keep only the first `len` bytes of the newest allocation. */
CV_API void cv_alloc_trim(const void *newest, uint32_t len) {
    cv_arena_top = (uint32_t)newest + len;
}

/* ---- A growing buffer. Start with `cv_buf b = {0};`. ----------------------------------------- */

typedef struct {
    uint8_t *ptr;
    uint32_t len, cap;
} cv_buf;

CV_API cv_bytes cv_buf_bytes(const cv_buf *b) { return cv_view(b->ptr, b->len); }

/* Room for `len` more bytes, counted as used; the caller fills them. */
CV_API uint8_t *cv_buf_room(cv_buf *b, uint32_t len) {
    uint64_t need = (uint64_t)b->len + len;
    if (need > b->cap) {
        uint64_t cap = need < 128 ? 256 : need * 2;
        if (cap > INT32_MAX) cv_fail("the application is out of memory");
        uint8_t *bigger = cv_alloc((uint32_t)cap);
        memcpy(bigger, b->ptr, b->len);
        b->ptr = bigger;
        b->cap = (uint32_t)cap;
    }
    uint8_t *room = b->ptr + b->len;
    b->len = (uint32_t)need;
    return room;
}

CV_API void cv_buf_add(cv_buf *b, cv_bytes more) {
    memcpy(cv_buf_room(b, more.len), more.ptr, more.len);
}
CV_API void cv_buf_byte(cv_buf *b, uint8_t byte) { *cv_buf_room(b, 1) = byte; }
CV_API void cv_buf_text(cv_buf *b, const char *text) { cv_buf_add(b, cv_view(text, strlen(text))); }

CV_API void cv_buf_int(cv_buf *b, int64_t value) {
    uint8_t digits[20];
    uint32_t at = sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do digits[--at] = (uint8_t)('0' + rest % 10), rest /= 10;
    while (rest);
    if (value < 0) digits[--at] = '-';
    cv_buf_add(b, cv_view(digits + at, sizeof digits - at));
}

/* Numbers in keys are big-endian, so that keys sort as the numbers do. */
CV_API void cv_write_be64(uint8_t *to, uint64_t value) {
    for (int i = 7; i >= 0; i--, value >>= 8) to[i] = (uint8_t)value;
}
CV_API uint64_t cv_read_be64(const uint8_t *from) {
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) value = value << 8 | from[i];
    return value;
}
CV_API uint32_t cv_read_le32(const uint8_t *from) {
    return from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

/* ---- Entries --------------------------------------------------------------------------------- */

/* The value of an entry, or false if there is none. Sees what this call has written. */
CV_API bool cv_get(cv_bytes collection, cv_bytes key, cv_bytes *value) {
    uint32_t cap = 512;
    for (;;) {
        uint8_t *to = cv_alloc(cap);
        int32_t len = covey_get(collection.ptr, collection.len, key.ptr, key.len, to, cap);
        if (len >= 0 && (uint32_t)len > cap) {
            cv_alloc_trim(to, 0);
            cap = (uint32_t)len;
            continue;
        }
        cv_alloc_trim(to, len < 0 ? 0 : (uint32_t)len);
        *value = len < 0 ? CV_NONE : cv_view(to, (uint32_t)len);
        return len >= 0;
    }
}

/* Whether there is such an entry, without copying its value. */
CV_API bool cv_has(cv_bytes collection, cv_bytes key) {
    return covey_get(collection.ptr, collection.len, key.ptr, key.len, 0, 0) >= 0;
}

CV_API void cv_put(cv_bytes collection, cv_bytes key, cv_bytes value) {
    covey_put(collection.ptr, collection.len, key.ptr, key.len, value.ptr, value.len);
}

CV_API void cv_delete(cv_bytes collection, cv_bytes key) {
    covey_delete(collection.ptr, collection.len, key.ptr, key.len);
}

/* Add to an entry of a counter collection. */
CV_API void cv_add(cv_bytes collection, cv_bytes key, int64_t amount) {
    covey_add(collection.ptr, collection.len, key.ptr, key.len, amount);
}

/* The value of a counter entry as cv_get and cv_scan_next give it: 8 bytes, little-endian. */
CV_API int64_t cv_counter(cv_bytes value) {
    if (value.len != 8) cv_fail("a counter's value is not 8 bytes long");
    return (int64_t)(cv_read_le32(value.ptr) | (uint64_t)cv_read_le32(value.ptr + 4) << 32);
}

/* Entries whose keys begin with `prefix`, in the order of keys, after the key `after` (CV_NONE:
 * from the first). Keys and values stay valid until the call ends. Writing does not move a scan
 * under way. */
typedef struct {
    int32_t handle;
    const uint8_t *at, *end;
} cv_scan;

#define CV_SCAN_PAGE_SIZE_BYTES 16384u

CV_API cv_scan cv_scan_open(cv_bytes collection, cv_bytes prefix, cv_bytes after) {
    return (cv_scan){covey_scan(collection.ptr, collection.len, prefix.ptr, prefix.len,
                                after.ptr, after.len), 0, 0};
}

CV_API bool cv_scan_next(cv_scan *scan, cv_bytes *key, cv_bytes *value) {
    uint32_t cap = CV_SCAN_PAGE_SIZE_BYTES;
    while (scan->at == scan->end) {
        uint8_t *page = cv_alloc(cap);
        uint32_t len = (uint32_t)covey_next(scan->handle, page, cap);
        cv_alloc_trim(page, len > cap ? 0 : len);
        if (len == 0) return false;
        if (len > cap) {
            cap = len;
            continue;
        }
        scan->at = page;
        scan->end = page + len;
    }
    *key = cv_view(scan->at + 4, cv_read_le32(scan->at));
    scan->at = key->ptr + key->len;
    *value = cv_view(scan->at + 4, cv_read_le32(scan->at));
    scan->at = value->ptr + value->len;
    return true;
}

/* ---- Who, events, hashes --------------------------------------------------------------------- */

/* The 32-byte key of the member who called; in a query, of this node's member. */
CV_API cv_bytes cv_member(void) {
    uint8_t *key = cv_alloc(32);
    covey_member(key);
    return cv_view(key, 32);
}

CV_API cv_bytes cv_sha256(cv_bytes of) {
    uint8_t *hash = cv_alloc(32);
    covey_sha256(of.ptr, of.len, hash);
    return cv_view(hash, 32);
}

/* Tell subscribers of the context that something happened. */
CV_API void cv_emit(const char *name, cv_bytes data) {
    covey_emit(name, strlen(name), data.ptr, data.len);
}

/* A line for the developer; never part of the state. */
CV_API void cv_log(const char *text) { covey_log(text, strlen(text)); }

/* Two views joined, for keys such as member ‖ field. */
CV_API cv_bytes cv_join(cv_bytes a, cv_bytes b) {
    uint8_t *both = cv_alloc(a.len + b.len);
    memcpy(both, a.ptr, a.len);
    memcpy(both + a.len, b.ptr, b.len);
    return cv_view(both, a.len + b.len);
}

#include "covey_json.h"

#include "covey_effects.h"

#endif
