/* arena: what the simulator's random calls run. A call's arguments say what it does.
 * Collections: one of each rule, and rulings (register), which only admins may write. */
#include "covey.h"

#define STEPS_MAX 16
#define TEXT_SIZE_BYTES_MAX 64
#define WORK_MAX 2000000
#define DIGITS_MAX 18 /* All of these fit 64 bits, and so does the number after them. */
#define EVENT_SIZE_BYTES_MAX 8
#ifndef PLAYED /* The later releases beside this one include this file, and do these otherwise. */
#define PLAYED "played"
#define BUMPED_BY 1
#endif

typedef enum { PUT, DELETE, ADD, STAMP, SEAL, OWN, DISOWN, COPY, BUMP, VERBS_COUNT } verb;

/* What must stand after a verb: texts, the first a collection, then perhaps a whole number. */
typedef struct {
    const char *name;
    uint32_t texts_count;
    bool has_amount;
    const char *wanted;
} shape;

static const shape SHAPES[VERBS_COUNT] = {
    [PUT] = {"put", 3, false, "must have collection, key and value after 'put'"},
    [DELETE] = {"delete", 2, false, "must have collection and key after 'delete'"},
    [ADD] = {"add", 2, true, "must have collection, key and a whole number after 'add'"},
    [STAMP] = {"stamp", 3, false, "must have collection, key and value after 'stamp'"},
    [SEAL] = {"seal", 2, false, "must have collection and text after 'seal'"},
    [OWN] = {"own", 3, false, "must have collection, key and value after 'own'"},
    [DISOWN] = {"disown", 2, false, "must have collection and key after 'disown'"},
    [COPY] = {"copy", 3, false, "must have collection, key and key after 'copy'"},
    [BUMP] = {"bump", 2, false, "must have collection and key after 'bump'"},
};

/* text: the value of put, stamp and own; where copy puts. Of seal, key is the text. */
typedef struct {
    verb verb;
    cv_bytes collection, key, text;
    int64_t amount;
} step;

/* ---- Arguments ------------------------------------------------------------------------------- */

_Noreturn static void refuse(const char *what) { cv_arg_refuse(CV_TEXT("steps"), what); }

static verb verb_of(const cv_json *item) {
    if (!item || item->kind != CV_STRING) refuse("must be arrays that begin with a verb");
    for (verb v = PUT; v < VERBS_COUNT; v++)
        if (cv_same(item->string, cv_view(SHAPES[v].name, strlen(SHAPES[v].name)))) return v;
    refuse("must begin with a verb that there is");
}

static step read_step(const cv_json *list) {
    const cv_json *item = list->kind == CV_ARRAY ? list->first : 0;
    step s = {.verb = verb_of(item)};
    const shape *wanted = &SHAPES[s.verb];
    cv_bytes *texts[] = {&s.collection, &s.key, &s.text};
    if (list->count != 1 + wanted->texts_count + wanted->has_amount) refuse(wanted->wanted);
    for (uint32_t i = 0; i < wanted->texts_count; i++) {
        item = item->next;
        if (item->kind != CV_STRING) refuse(wanted->wanted);
        if (item->string.len > TEXT_SIZE_BYTES_MAX) refuse("must have texts of at most 64 bytes");
        *texts[i] = item->string;
    }
    if (wanted->has_amount) {
        if (item->next->kind != CV_INT) refuse(wanted->wanted);
        s.amount = item->next->integer;
    }
    return s;
}

static cv_bytes text_of(const cv_json *args, const char *name) {
    return cv_arg_string(args, name, 0, TEXT_SIZE_BYTES_MAX);
}

/* ---- Steps ----------------------------------------------------------------------------------- */

static cv_bytes own_key(cv_bytes key) { return cv_join(cv_member(), key); }

static void copy(cv_bytes collection, cv_bytes from, cv_bytes to) {
    cv_bytes value;
    if (cv_get(collection, from, &value)) cv_put(collection, to, value);
    else cv_delete(collection, to);
}

/* Returns the key, by which everybody can check the text. */
static cv_bytes seal(cv_bytes collection, cv_bytes text) {
    cv_bytes hash = cv_sha256(text);
    cv_put(collection, hash, text);
    return hash;
}

/* The number that a text is, or 0: of what is no number, and of one with too many digits. */
static int64_t number_in(cv_bytes text) {
    uint32_t at = text.len && text.ptr[0] == '-';
    int64_t number = 0;
    if (text.len == at || text.len - at > DIGITS_MAX) return 0;
    for (uint32_t i = at; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') return 0;
        number = number * 10 + (text.ptr[i] - '0');
    }
    return at ? -number : number;
}

static void bump(cv_bytes collection, cv_bytes key) {
    cv_bytes value;
    cv_buf text = {0};
    cv_buf_int(&text, (cv_get(collection, key, &value) ? number_in(value) : 0) + BUMPED_BY);
    cv_put(collection, key, cv_buf_bytes(&text));
}

/* Take a step. Returns the key it names last. */
static cv_bytes take(step s) {
    switch (s.verb) {
    case PUT: return cv_put(s.collection, s.key, s.text), s.key;
    case DELETE: return cv_delete(s.collection, s.key), s.key;
    case ADD: return cv_add(s.collection, s.key, s.amount), s.key;
    case STAMP:
    case OWN: return cv_put(s.collection, own_key(s.key), s.text), s.key;
    case DISOWN: return cv_delete(s.collection, own_key(s.key)), s.key;
    case COPY: return copy(s.collection, s.key, s.text), s.text;
    case BUMP: return bump(s.collection, s.key), s.key;
    case SEAL: return seal(s.collection, s.key);
    case VERBS_COUNT: break;
    }
    __builtin_unreachable();
}

/* Spend fuel: volatile, so that no compiler sees that nothing comes of it. */
static void work(uint32_t rounds) {
    for (volatile uint32_t left = rounds; left > 0; left--) {}
}

CV_EXPORT(play) void play(void) {
    const cv_json *args = cv_args("steps fails work");
    const cv_json *steps = cv_arg_array(args, "steps", 1, STEPS_MAX);
    bool fails = cv_arg_has(args, "fails") && cv_arg_bool(args, "fails");
    cv_bytes last = CV_NONE;
    if (cv_arg_has(args, "work")) work((uint32_t)cv_arg_int(args, "work", 0, WORK_MAX));
    for (const cv_json *item = steps->first; item; item = item->next) last = take(read_step(item));
    if (fails) cv_fail("it was told to fail");
    if (last.len > EVENT_SIZE_BYTES_MAX) last.len = EVENT_SIZE_BYTES_MAX;
    cv_emit(PLAYED, last);
    cv_out_object();
    cv_out_name("steps");
    cv_out_int(steps->count);
    cv_out_end_object();
    cv_out_done();
}

/* ---- Queries --------------------------------------------------------------------------------- */

static void answer_value(cv_bytes collection, cv_bytes key) {
    cv_bytes value;
    cv_out_object();
    cv_out_name("value");
    if (cv_get(collection, key, &value)) cv_out_hex(value);
    else cv_out_null();
    cv_out_end_object();
    cv_out_done();
}

CV_EXPORT(read) void read_entry(void) {
    const cv_json *args = cv_args("collection key");
    answer_value(text_of(args, "collection"), text_of(args, "key"));
}

CV_EXPORT(read_own) void read_own(void) {
    const cv_json *args = cv_args("collection key");
    answer_value(text_of(args, "collection"), own_key(text_of(args, "key")));
}

CV_EXPORT(count) void count(void) {
    cv_bytes key, value;
    cv_scan scan = cv_scan_open(text_of(cv_args("collection"), "collection"), CV_NONE, CV_NONE);
    int64_t entries = 0;
    while (cv_scan_next(&scan, &key, &value)) entries++;
    cv_out_object();
    cv_out_name("entries");
    cv_out_int(entries);
    cv_out_end_object();
    cv_out_done();
}
