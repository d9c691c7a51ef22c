/* kv: shared entries, a text under a key.
 * Collection entries (register): the latest write of a key stays. */
#include "covey.h"

#define KEY_SIZE_BYTES_MAX 256
#define VALUE_SIZE_BYTES_MAX (64 * 1024)
#define LIMIT_DEFAULT 100
#define LIMIT_MAX 1000
#define PAGE_SIZE_BYTES_MAX (512 * 1024) /* Of one answer, whatever its limit: memory is 16 MiB. */

#define ENTRIES CV_TEXT("entries")

static cv_bytes key_of(const cv_json *args) {
    return cv_arg_string(args, "key", 1, KEY_SIZE_BYTES_MAX);
}

static cv_bytes optional_key(const cv_json *args, const char *name) {
    return cv_arg_has(args, name) ? cv_arg_string(args, name, 0, KEY_SIZE_BYTES_MAX) : CV_NONE;
}

CV_EXPORT(set) void set(void) {
    const cv_json *args = cv_args("key value");
    cv_put(ENTRIES, key_of(args), cv_arg_string(args, "value", 0, VALUE_SIZE_BYTES_MAX));
    cv_out_object();
    cv_out_end_object();
    cv_out_done();
}

CV_EXPORT(get) void get(void) {
    cv_bytes key = key_of(cv_args("key")), value;
    cv_out_object();
    cv_out_name("value");
    if (cv_get(ENTRIES, key, &value)) cv_out_string(value);
    else cv_out_null();
    cv_out_end_object();
    cv_out_done();
}

CV_EXPORT(remove) void remove_entry(void) {
    cv_bytes key = key_of(cv_args("key"));
    bool there = cv_has(ENTRIES, key);
    if (there) cv_delete(ENTRIES, key);
    cv_out_object();
    cv_out_name("removed");
    cv_out_bool(there);
    cv_out_end_object();
    cv_out_done();
}

CV_EXPORT(entries) void entries(void) {
    const cv_json *args = cv_args("prefix after limit");
    cv_bytes key, value;
    int64_t left = LIMIT_DEFAULT;
    if (cv_arg_has(args, "limit")) left = cv_arg_int(args, "limit", 1, LIMIT_MAX);
    cv_scan scan = cv_scan_open(ENTRIES, optional_key(args, "prefix"), optional_key(args, "after"));
    bool more = false;
    cv_out_object();
    cv_out_name("entries");
    cv_out_array();
    while (cv_scan_next(&scan, &key, &value)) {
        more = left-- == 0 || cv_out.len > PAGE_SIZE_BYTES_MAX;
        if (more) break;
        cv_out_object();
        cv_out_name("key");
        cv_out_string(key);
        cv_out_name("value");
        cv_out_string(value);
        cv_out_end_object();
    }
    cv_out_end_array();
    cv_out_name("more");
    cv_out_bool(more);
    cv_out_end_object();
    cv_out_done();
}
