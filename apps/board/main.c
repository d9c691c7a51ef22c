/* board: profiles that only their member changes, posts and attachments that nobody changes.
 *
 * profiles     owned   member ‖ "name"              the name, UTF-8
 * marks        owned   member ‖ "posts"             BE64: the number of the member's last post
 * posts        frozen  member ‖ BE64 number ‖ 8 random bytes
 *                                                   BE64 time in ms (the author's claim) ‖ text
 * attachments  frozen  SHA-256 of the text          the text
 *
 * Posts of one member sort by their number. Two devices of a member may choose one number at the
 * same time: the random bytes keep both posts. */
#include "covey.h"

#define NAME_SIZE_BYTES_MAX 64
#define POST_SIZE_BYTES_MAX 4096
#define ATTACHMENT_SIZE_BYTES_MAX (64 * 1024)
#define LIMIT_DEFAULT 50
#define LIMIT_MAX 500

#define KEY_SIZE_BYTES 32
#define POST_KEY_SIZE_BYTES 48
#define TIME_SIZE_BYTES 8

#define PROFILES CV_TEXT("profiles")
#define MARKS CV_TEXT("marks")
#define POSTS CV_TEXT("posts")
#define ATTACHMENTS CV_TEXT("attachments")

static void answer_nothing(void) {
    cv_out_object();
    cv_out_end_object();
    cv_out_done();
}

static int64_t limit_of(const cv_json *args) {
    return cv_arg_has(args, "limit") ? cv_arg_int(args, "limit", 1, LIMIT_MAX) : LIMIT_DEFAULT;
}

static cv_bytes own_key(const char *field) {
    return cv_join(cv_member(), cv_view(field, strlen(field)));
}

/* ---- Profiles -------------------------------------------------------------------------------- */

CV_EXPORT(set_profile) void set_profile(void) {
    const cv_json *args = cv_args("name");
    cv_put(PROFILES, own_key("name"), cv_arg_string(args, "name", 1, NAME_SIZE_BYTES_MAX));
    answer_nothing();
}

CV_EXPORT(remove_profile) void remove_profile(void) {
    cv_args("");
    cv_bytes key = own_key("name");
    bool there = cv_has(PROFILES, key);
    if (there) cv_delete(PROFILES, key);
    cv_out_object();
    cv_out_name("removed");
    cv_out_bool(there);
    cv_out_end_object();
    cv_out_done();
}

CV_EXPORT(profiles) void profiles(void) {
    const cv_json *args = cv_args("after limit");
    int64_t left = limit_of(args);
    cv_bytes key, name, after = CV_NONE;
    if (cv_arg_has(args, "after"))
        after = cv_join(cv_arg_hex(args, "after", KEY_SIZE_BYTES), CV_TEXT("name"));
    cv_scan scan = cv_scan_open(PROFILES, CV_NONE, after);
    bool more = false;
    cv_out_object();
    cv_out_name("profiles");
    cv_out_array();
    while (cv_scan_next(&scan, &key, &name)) {
        if (key.len != KEY_SIZE_BYTES + 4) continue; /* not written by this code */
        more = left-- == 0;
        if (more) break;
        cv_bytes member = cv_view(key.ptr, KEY_SIZE_BYTES);
        cv_out_object();
        cv_out_name("id");
        cv_out_hex(member);
        cv_out_name("member");
        cv_out_did(member);
        cv_out_name("name");
        cv_out_string(name);
        cv_out_end_object();
    }
    cv_out_end_array();
    cv_out_name("more");
    cv_out_bool(more);
    cv_out_end_object();
    cv_out_done();
}

/* ---- Posts ----------------------------------------------------------------------------------- */

/* The number of the member's next post; keeps it. */
static uint64_t next_number(void) {
    cv_bytes mark = own_key("posts"), last;
    uint8_t *number = cv_alloc(8);
    uint64_t next = cv_get(MARKS, mark, &last) && last.len == 8 ? cv_read_be64(last.ptr) + 1 : 1;
    if (next == 0) cv_fail("this member has no more numbers for posts");
    cv_write_be64(number, next);
    cv_put(MARKS, mark, cv_view(number, 8));
    return next;
}

CV_EXPORT(post) void post(void) {
    const cv_json *args = cv_args("text");
    cv_bytes text = cv_arg_string(args, "text", 1, POST_SIZE_BYTES_MAX);
    uint8_t *key = cv_alloc(POST_KEY_SIZE_BYTES), *value = cv_alloc(TIME_SIZE_BYTES + text.len);
    covey_member(key);
    cv_write_be64(key + KEY_SIZE_BYTES, next_number());
    covey_random(key + KEY_SIZE_BYTES + 8, 8);
    cv_write_be64(value, (uint64_t)covey_time());
    memcpy(value + TIME_SIZE_BYTES, text.ptr, text.len);
    cv_bytes id = cv_view(key, POST_KEY_SIZE_BYTES);
    cv_put(POSTS, id, cv_view(value, TIME_SIZE_BYTES + text.len));
    cv_emit("posted", id);
    cv_out_object();
    cv_out_name("id");
    cv_out_hex(id);
    cv_out_end_object();
    cv_out_done();
}

static void answer_post(cv_bytes id, cv_bytes value, const cv_bytes *name) {
    cv_out_object();
    cv_out_name("id");
    cv_out_hex(id);
    cv_out_name("author");
    cv_out_did(cv_view(id.ptr, KEY_SIZE_BYTES));
    cv_out_name("name");
    if (name) cv_out_string(*name);
    else cv_out_null();
    cv_out_name("number");
    cv_out_int((int64_t)cv_read_be64(id.ptr + KEY_SIZE_BYTES));
    cv_out_name("time_ms");
    cv_out_int((int64_t)cv_read_be64(value.ptr));
    cv_out_name("text");
    cv_out_string(cv_view(value.ptr + TIME_SIZE_BYTES, value.len - TIME_SIZE_BYTES));
    cv_out_end_object();
}

CV_EXPORT(posts) void posts(void) {
    const cv_json *args = cv_args("after limit");
    int64_t left = limit_of(args);
    cv_bytes id, value, name, author = CV_NONE, after = CV_NONE;
    if (cv_arg_has(args, "after")) after = cv_arg_hex(args, "after", POST_KEY_SIZE_BYTES);
    cv_scan scan = cv_scan_open(POSTS, CV_NONE, after);
    bool more = false, named = false;
    cv_out_object();
    cv_out_name("posts");
    cv_out_array();
    while (cv_scan_next(&scan, &id, &value)) {
        if (id.len != POST_KEY_SIZE_BYTES || value.len < TIME_SIZE_BYTES) continue; /* as above */
        more = left-- == 0;
        if (more) break;
        cv_bytes member = cv_view(id.ptr, KEY_SIZE_BYTES);
        if (!cv_same(member, author)) { /* its posts follow one another: one look-up for all */
            author = member;
            named = cv_get(PROFILES, cv_join(member, CV_TEXT("name")), &name);
        }
        answer_post(id, value, named ? &name : 0);
    }
    cv_out_end_array();
    cv_out_name("more");
    cv_out_bool(more);
    cv_out_end_object();
    cv_out_done();
}

/* ---- Attachments ----------------------------------------------------------------------------- */

CV_EXPORT(attach) void attach(void) {
    const cv_json *args = cv_args("text");
    cv_bytes text = cv_arg_string(args, "text", 1, ATTACHMENT_SIZE_BYTES_MAX);
    cv_bytes hash = cv_sha256(text);
    /* The same text is there once: frozen entries are never put again. */
    if (!cv_has(ATTACHMENTS, hash)) cv_put(ATTACHMENTS, hash, text);
    cv_out_object();
    cv_out_name("hash");
    cv_out_hex(hash);
    cv_out_end_object();
    cv_out_done();
}

CV_EXPORT(attachment) void attachment(void) {
    cv_bytes text, hash = cv_arg_hex(cv_args("hash"), "hash", KEY_SIZE_BYTES);
    cv_out_object();
    cv_out_name("text");
    if (cv_get(ATTACHMENTS, hash, &text)) cv_out_string(text);
    else cv_out_null();
    cv_out_end_object();
    cv_out_done();
}
