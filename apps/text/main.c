/* main.c: one document that several people write at once (a sequence CRDT: RGA with Lamport ids).
 *
 * `chars` holds what was typed, `gone` what was deleted; both only ever grow, so nodes that have
 * the same entries have the same text, in whatever order they came. document.h says how the text
 * is read from them; here are the methods. */
#include "document.h"

#define OPS_MAX 4096u
#define TEXT_BYTES_MAX (256u * 1024u) /* of one insert: half the fuel of a call */
#define DELETE_LENGTH_MAX 65536
#define ELEMENTS_LIMIT_MAX 100000

static const uint8_t *self; /* the member who called */

typedef struct {
    const uint8_t *member;
    uint64_t counter; /* 0: the start of the document */
} element_t;

/* The result {}. */
static void out_nothing(void) {
    cv_out_object();
    cv_out_end_object();
    cv_out_done();
}

/* ---- What is there --------------------------------------------------------------------------- */

/* Whether a member has the elements with the counters `from` up to `to`. Their runs begin at most
 * 255 counters earlier, so the scan begins there and stops at the first gap. */
static bool covered(const uint8_t *member, uint64_t from, uint64_t to) {
    uint8_t after[ID_BYTES];
    bool bounded = from > RUN_LENGTH_MAX;
    write_id(after, member, bounded ? from - RUN_LENGTH_MAX : 0);
    cv_scan scan = cv_scan_open(CHARS, cv_view(member, MEMBER_BYTES),
                                cv_view(after, bounded ? ID_BYTES : 0));
    cv_bytes key, value;
    chars_t entry;
    while (from < to && cv_scan_next(&scan, &key, &value)) {
        if (!chars_read(key, value, &entry)) continue;
        if (entry.start > from) return false;
        if (entry.start + entry.count > from) from = entry.start + entry.count;
    }
    return from >= to;
}

static bool exists(const uint8_t *member, uint64_t counter, uint64_t count) {
    uint8_t id[ID_BYTES];
    write_id(id, member, counter);
    if (count == 1 && cv_has(CHARS, cv_view(id, ID_BYTES))) return true;
    void *mark = cv_alloc(0);
    bool found = covered(member, counter, counter + count);
    cv_alloc_trim(mark, 0);
    return found;
}

/* ---- What changes ---------------------------------------------------------------------------- */

/* One entry of `chars`: up to 256 characters from `text` on. Gives the bytes that it took. */
static uint32_t put_run(uint64_t counter, element_t origin, cv_bytes text, uint32_t *count) {
    uint32_t taken = 0;
    for (*count = 0; *count < RUN_LENGTH_MAX && taken < text.len; ++*count)
        taken += character_at(text.ptr + taken, text.ptr + text.len);
    uint8_t key[ID_BYTES], value[1 + ID_BYTES + 4 * RUN_LENGTH_MAX];
    write_id(key, self, counter);
    if (cv_has(CHARS, cv_view(key, ID_BYTES))) cv_fail("the counter of an insert is already used");
    uint32_t len = 0;
    if (origin.counter && same_member(origin.member, self)) {
        cv_write_be64(value + 1, origin.counter);
        len = 8;
    } else if (origin.counter) {
        write_id(value + 1, origin.member, origin.counter);
        len = ID_BYTES;
    }
    value[0] = (uint8_t)len;
    memcpy(value + 1 + len, text.ptr, taken);
    cv_put(CHARS, cv_view(key, ID_BYTES), cv_view(value, 1 + len + taken));
    return taken;
}

/* Insert a text behind an element; its characters take successive counters. Gives the next one. */
static uint64_t insert_text(uint64_t counter, element_t origin, cv_bytes text) {
    while (text.len) {
        uint32_t count, taken = put_run(counter, origin, text, &count);
        text = cv_view(text.ptr + taken, text.len - taken);
        counter += count;
        origin = (element_t){self, counter - 1};
    }
    return counter;
}

/* Delete successive elements of one member. An entry of `gone` stays as it is: what this member
 * has already deleted is skipped. */
static void delete_elements(element_t first, uint64_t count) {
    uint8_t key[GONE_KEY_BYTES], value[2];
    memcpy(key, self, MEMBER_BYTES);
    while (count > 0) {
        uint32_t length = (uint32_t)(count < RUN_LENGTH_MAX ? count : RUN_LENGTH_MAX);
        write_id(key + MEMBER_BYTES, first.member, first.counter);
        int32_t held = covey_get(GONE.ptr, GONE.len, key, GONE_KEY_BYTES, value, sizeof value);
        if (held == 2) {
            uint32_t before = (uint32_t)value[0] << 8 | value[1];
            if (before > 0 && before < length) length = before;
        } else {
            value[0] = (uint8_t)(length >> 8);
            value[1] = (uint8_t)length;
            cv_put(GONE, cv_view(key, GONE_KEY_BYTES), cv_view(value, 2));
        }
        first.counter += length;
        count -= length;
    }
}

/* ---- edit ------------------------------------------------------------------------------------ */

#define FORM_INSERT "an insert is [\"i\", counter, element, text]"
#define FORM_DELETE "a delete is [\"d\", element, count]"
#define FORM_ELEMENT "an element is 0 (the start), a counter of your own, or [member, counter]"

static uint64_t read_counter(const cv_json *value, int64_t least_value, const char *form) {
    if (!value || value->kind != CV_INT || value->integer < least_value ||
        value->integer > COUNTER_MAX)
        cv_fail(form);
    return (uint64_t)value->integer;
}

static element_t read_element(const cv_json *value) {
    if (!value || value->kind != CV_ARRAY)
        return (element_t){self, read_counter(value, 0, FORM_ELEMENT)};
    const cv_json *member = value->first;
    if (value->count != 2 || member->kind != CV_STRING || member->string.len != 2 * MEMBER_BYTES)
        cv_fail(FORM_ELEMENT);
    uint8_t *key = cv_alloc(MEMBER_BYTES);
    for (uint32_t i = 0; i < MEMBER_BYTES; i++) {
        int32_t high = cv_hex_digit(member->string.ptr[2 * i]);
        int32_t low = cv_hex_digit(member->string.ptr[2 * i + 1]);
        if (high < 0 || low < 0) cv_fail(FORM_ELEMENT);
        key[i] = (uint8_t)(high << 4 | low);
    }
    return (element_t){key, read_counter(member->next, 1, FORM_ELEMENT)};
}

/* Gives the counter that follows the insert. `least_counter`: inserts of one call ascend, so that
 * they cannot meet. */
static uint64_t edit_insert(const cv_json *op, uint64_t least_counter) {
    if (op->count != 4) cv_fail(FORM_INSERT);
    const cv_json *counter_value = op->first->next, *origin_value = counter_value->next;
    const cv_json *text = origin_value->next;
    if (text->kind != CV_STRING || text->string.len == 0) cv_fail(FORM_INSERT);
    if (text->string.len > TEXT_BYTES_MAX) cv_fail("the text of one insert is beyond 256 KiB");
    uint64_t counter = read_counter(counter_value, 1, FORM_INSERT);
    element_t origin = read_element(origin_value);
    if (counter < least_counter) cv_fail("the counters of inserts must ascend within a call");
    if (counter <= origin.counter) cv_fail("a counter must be greater than that of the element");
    if (counter + text->string.len > (uint64_t)COUNTER_MAX) cv_fail("a counter is too great");
    if (origin.counter && !exists(origin.member, origin.counter, 1))
        cv_fail("there is no such element to insert after");
    return insert_text(counter, origin, text->string);
}

static void edit_delete(const cv_json *op) {
    if (op->count != 3) cv_fail(FORM_DELETE);
    const cv_json *element_value = op->first->next, *count = element_value->next;
    element_t first = read_element(element_value);
    if (first.counter == 0) cv_fail("the start of the document cannot be deleted");
    if (count->kind != CV_INT || count->integer < 1 || count->integer > DELETE_LENGTH_MAX)
        cv_fail(FORM_DELETE ", with a count from 1 to 65536");
    if (!exists(first.member, first.counter, (uint64_t)count->integer))
        cv_fail("there is no such element to delete");
    delete_elements(first, (uint64_t)count->integer);
}

CV_EXPORT(edit) void edit(void) {
    const cv_json *ops = cv_arg_array(cv_args("ops"), "ops", 0, OPS_MAX);
    uint64_t least_counter = 1;
    self = cv_member().ptr;
    for (const cv_json *op = ops->first; op; op = op->next) {
        if (op->kind != CV_ARRAY || op->count == 0 || op->first->kind != CV_STRING)
            cv_fail("an operation is an array that begins with \"i\" or \"d\"");
        cv_bytes kind = op->first->string;
        if (cv_same(kind, CV_TEXT("i"))) least_counter = edit_insert(op, least_counter);
        else if (cv_same(kind, CV_TEXT("d"))) edit_delete(op);
        else cv_fail("an operation is an array that begins with \"i\" or \"d\"");
    }
    out_nothing();
}

/* ---- By position: for people ----------------------------------------------------------------- */

static piece_t piece_left; /* what element_before did not use of a piece; count 0: nothing */

static bool next_piece(piece_t *piece) {
    if (piece_left.count == 0) return doc_next(piece);
    *piece = piece_left;
    piece_left.count = 0;
    return true;
}

/* Go to the element that ends at a position of the live text; what follows it is next. */
static element_t element_before(uint64_t position) {
    element_t found = {self, 0};
    for (piece_t piece; position > 0;) {
        if (!doc_next(&piece)) cv_fail("the position is beyond the end of the document");
        uint32_t step = position < piece.count ? (uint32_t)position : piece.count;
        found = (element_t){doc_members[piece.member].key, piece.counter + step - 1};
        position -= step;
        piece_left = piece_rest(piece, step);
    }
    return found;
}

/* A counter greater than all that this node has seen. Should a member have used the greatest there
 * is to block the others, then one greater than its own and the origin's. */
static uint64_t next_counter(uint64_t origin, uint64_t room) {
    if (doc_counter + room < (uint64_t)COUNTER_MAX) return doc_counter + 1;
    uint32_t to = doc_member_count ? doc_members[member_number(self, 0)].to : 0;
    const run_t *last = to ? run_at(to - 1) : 0;
    uint64_t own = last ? last->start + last->count - 1 : 0;
    return (own > origin ? own : origin) + 1;
}

CV_EXPORT(insert) void insert(void) {
    const cv_json *args = cv_args("position text");
    uint64_t position = (uint64_t)cv_arg_int(args, "position", 0, COUNTER_MAX);
    cv_bytes text = cv_arg_string(args, "text", 1, TEXT_BYTES_MAX);
    self = cv_member().ptr;
    doc_load();
    element_t origin = element_before(position);
    uint64_t counter = next_counter(origin.counter, text.len);
    if (counter + text.len > (uint64_t)COUNTER_MAX) cv_fail("the counters are used up");
    insert_text(counter, origin, text);
    cv_out_object();
    cv_out_name("counter");
    cv_out_int((int64_t)counter);
    cv_out_end_object();
    cv_out_done();
}

CV_EXPORT(remove) void remove_text(void) {
    const cv_json *args = cv_args("position length");
    uint64_t position = (uint64_t)cv_arg_int(args, "position", 0, COUNTER_MAX);
    uint64_t length = (uint64_t)cv_arg_int(args, "length", 1, DELETE_LENGTH_MAX);
    self = cv_member().ptr;
    doc_load();
    element_before(position);
    element_t first = {self, 0};
    uint64_t count = 0;
    for (piece_t piece; length > 0;) {
        if (!next_piece(&piece)) cv_fail("the length reaches beyond the end of the document");
        uint64_t taken = piece.count < length ? piece.count : length;
        const uint8_t *member = doc_members[piece.member].key;
        if (first.member != member || first.counter + count != piece.counter) {
            delete_elements(first, count);
            first = (element_t){member, piece.counter};
            count = 0;
        }
        count += taken;
        length -= taken;
    }
    delete_elements(first, count);
    out_nothing();
}

/* ---- Reading --------------------------------------------------------------------------------- */

CV_EXPORT(text) void text(void) {
    cv_args("");
    doc_load();
    cv_out_object();
    cv_out_name("text");
    cv_out_string_begin();
    for (piece_t piece; doc_next(&piece);) cv_out_escaped(piece.text);
    cv_out_string_end();
    cv_out_end_object();
    cv_out_done();
}

CV_EXPORT(length) void length(void) {
    uint64_t count = 0;
    cv_args("");
    doc_load();
    for (piece_t piece; doc_next(&piece);) count += piece.count;
    cv_out_object();
    cv_out_name("length");
    cv_out_int((int64_t)count);
    cv_out_end_object();
    cv_out_done();
}

static void out_element_end(void) {
    cv_out_string_end();
    cv_out_end_array();
}

/* Neighbours with successive counters of one member go into one element of the result. */
CV_EXPORT(elements) void elements(void) {
    const cv_json *args = cv_args("position limit");
    bool placed = cv_arg_has(args, "position"), limited = cv_arg_has(args, "limit");
    uint64_t position = placed ? (uint64_t)cv_arg_int(args, "position", 0, COUNTER_MAX) : 0;
    uint64_t limit = limited ? (uint64_t)cv_arg_int(args, "limit", 1, ELEMENTS_LIMIT_MAX) : 1000;
    doc_load();
    element_before(position);
    cv_out_object();
    cv_out_name("next_counter");
    cv_out_int((int64_t)doc_counter + 1);
    cv_out_name("elements");
    cv_out_array();
    element_t open = {0, 0};
    for (piece_t piece; limit > 0 && next_piece(&piece);) {
        if (piece.count > limit) piece = piece_first(piece, (uint32_t)limit);
        const uint8_t *member = doc_members[piece.member].key;
        if (open.member != member || open.counter != piece.counter) {
            if (open.member) out_element_end();
            cv_out_array();
            cv_out_hex(cv_view(member, MEMBER_BYTES));
            cv_out_int((int64_t)piece.counter);
            cv_out_string_begin();
        }
        cv_out_escaped(piece.text);
        open = (element_t){member, piece.counter + piece.count};
        limit -= piece.count;
    }
    if (open.member) out_element_end();
    cv_out_end_array();
    cv_out_end_object();
    cv_out_done();
}
