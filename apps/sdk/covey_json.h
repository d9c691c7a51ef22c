/* covey_json.h: the arguments of a call. Include covey.h, not this file.
 *
 * Reading is strict: JSON by RFC 8259 in valid UTF-8, whole numbers of 64 bits only, no name
 * twice in one object, nothing after the value. Whatever deviates refuses the call with a
 * message; nothing here traps. */
#ifndef COVEY_JSON_H
#define COVEY_JSON_H

#define CV_JSON_DEPTH_MAX 32u    /* Recursion: keeps the reader far below the 16 KiB stack. */
#define CV_JSON_MEMBERS_MAX 256u /* Of one object: looking for double names is quadratic. */

/* ---- UTF-8 ----------------------------------------------------------------------------------- */

/* Bytes of the character at `at` (1 to 4), or 0 if it is not valid UTF-8 (too long a form,
 * surrogate, cut off). */
CV_API uint32_t cv_utf8_next(const uint8_t *at, const uint8_t *end) {
    uint32_t left = (uint32_t)(end - at);
    if (left == 0) return 0;
    uint8_t a = at[0];
    if (a < 0x80) return 1;
    if (a < 0xC2 || a > 0xF4) return 0;
    uint32_t len = a < 0xE0 ? 2 : a < 0xF0 ? 3 : 4;
    if (left < len) return 0;
    uint8_t low = a == 0xE0 ? 0xA0 : a == 0xF0 ? 0x90 : 0x80;
    uint8_t high = a == 0xED ? 0x9F : a == 0xF4 ? 0x8F : 0xBF;
    if (at[1] < low || at[1] > high) return 0;
    for (uint32_t i = 2; i < len; i++)
        if ((at[i] & 0xC0) != 0x80) return 0;
    return len;
}

/* The number of characters (code points); bytes that are not UTF-8 count one each. */
CV_API uint32_t cv_utf8_count(cv_bytes text) {
    uint32_t count = 0;
    for (const uint8_t *at = text.ptr, *end = at + text.len; at < end; count++) {
        uint32_t len = cv_utf8_next(at, end);
        at += len ? len : 1;
    }
    return count;
}

/* ---- Reading --------------------------------------------------------------------------------- */

typedef enum { CV_NULL, CV_BOOL, CV_INT, CV_STRING, CV_ARRAY, CV_OBJECT } cv_kind;

/* One value. Elements of an array and members of an object are a list: for (e = node->first; e;
 * e = e->next). */
typedef struct cv_json {
    cv_kind kind;
    bool boolean;    /* CV_BOOL */
    uint32_t count;  /* CV_ARRAY, CV_OBJECT: how many are in the list */
    int64_t integer; /* CV_INT */
    cv_bytes string; /* CV_STRING: UTF-8, may hold NUL */
    cv_bytes name;   /* as a member of an object */
    struct cv_json *first, *next;
} cv_json;

static const uint8_t *cv_json_begin, *cv_json_at, *cv_json_end;

_Noreturn CV_API void cv_json_refuse(const char *why) {
    cv_buf message = {0};
    cv_buf_text(&message, "the arguments are not acceptable JSON: ");
    cv_buf_text(&message, why);
    cv_buf_text(&message, " at byte ");
    cv_buf_int(&message, cv_json_at - cv_json_begin);
    cv_fail_bytes(cv_buf_bytes(&message));
}

CV_API void cv_json_space(void) {
    for (; cv_json_at < cv_json_end; cv_json_at++) {
        uint8_t c = *cv_json_at;
        if (c != ' ' && c != '\n' && c != '\t' && c != '\r') return;
    }
}

CV_API bool cv_json_take(uint8_t byte) {
    if (cv_json_at == cv_json_end || *cv_json_at != byte) return false;
    cv_json_at++;
    return true;
}

CV_API int32_t cv_hex_digit(uint8_t c) {
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

CV_API uint32_t cv_json_unit(void) {
    uint32_t unit = 0;
    for (int i = 0; i < 4; i++, cv_json_at++) {
        int32_t digit = cv_json_at < cv_json_end ? cv_hex_digit(*cv_json_at) : -1;
        if (digit < 0) cv_json_refuse("bad \\u escape");
        unit = unit << 4 | (uint32_t)digit;
    }
    return unit;
}

/* What follows a backslash, written as UTF-8. Returns the bytes written: at most 4, always fewer
 * than were read. */
CV_API uint32_t cv_json_escape(uint8_t *to) {
    uint8_t c = cv_json_at < cv_json_end ? *cv_json_at++ : 0;
    static const char from_letters[] = "\"\\/bfnrt", to_bytes[] = "\"\\/\b\f\n\r\t";
    for (uint32_t i = 0; c && from_letters[i]; i++)
        if ((uint8_t)from_letters[i] == c) return *to = (uint8_t)to_bytes[i], 1;
    if (c != 'u') cv_json_refuse("unknown escape");
    uint32_t point = cv_json_unit();
    if (point >= 0xD800 && point < 0xDC00 && cv_json_take('\\') && cv_json_take('u')) {
        uint32_t low = cv_json_unit();
        if (low < 0xDC00 || low > 0xDFFF) cv_json_refuse("lone surrogate");
        point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
    }
    if (point >= 0xD800 && point < 0xE000) cv_json_refuse("lone surrogate");
    if (point < 0x80) return *to = (uint8_t)point, 1;
    uint32_t more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    to[0] = (uint8_t)((more == 1 ? 0xC0 : more == 2 ? 0xE0 : 0xF0) | point >> 6 * more);
    for (uint32_t i = 1; i <= more; i++) to[i] = (uint8_t)(0x80 | (point >> 6 * (more - i) & 0x3F));
    return more + 1;
}

/* The rest of a string after its opening quote: a view of the input, or a copy if it has
 * escapes. */
CV_API cv_bytes cv_json_string(void) {
    const uint8_t *start = cv_json_at, *close = start, *end = cv_json_end;
    bool escaped = false;
    for (; close < end && *close != '"'; close++)
        if (*close == '\\') escaped = true, close++;
    if (close >= end) cv_json_refuse("string without an end");
    uint8_t *copy = escaped ? cv_alloc((uint32_t)(close - start)) : 0, *to = copy;
    while (cv_json_at < close) {
        if (*cv_json_at == '\\') {
            cv_json_at++;
            to += cv_json_escape(to);
            continue;
        }
        const uint8_t *plain = cv_json_at, *at = plain;
        while (at < close && *at != '\\') {
            uint32_t len = *at >= 0x20 && *at < 0x80 ? 1 : *at < 0x20 ? 0 : cv_utf8_next(at, close);
            at += len;
            if (len) continue;
            cv_json_at = at;
            cv_json_refuse(*at < 0x20 ? "control character" : "invalid UTF-8");
        }
        cv_json_at = at;
        if (!escaped) continue;
        memcpy(to, plain, (uint32_t)(at - plain));
        to += at - plain;
    }
    cv_json_at = close + 1;
    if (!escaped) return cv_view(start, (uint32_t)(close - start));
    return cv_view(copy, (uint32_t)(to - copy));
}

/* A whole number, gathered below zero because that side reaches one further. */
CV_API int64_t cv_json_number(void) {
    bool negative = cv_json_take('-');
    const uint8_t *start = cv_json_at;
    int64_t value = 0;
    for (; cv_json_at < cv_json_end && *cv_json_at >= '0' && *cv_json_at <= '9'; cv_json_at++) {
        int64_t digit = *cv_json_at - '0';
        if (value < INT64_MIN / 10 || (value == INT64_MIN / 10 && digit > 8))
            cv_json_refuse("number beyond 64 bits");
        value = value * 10 - digit;
    }
    if (cv_json_at == start) cv_json_refuse("unexpected character");
    if (*start == '0' && cv_json_at - start > 1) cv_json_refuse("number with a leading zero");
    if (cv_json_at < cv_json_end && (*cv_json_at == '.' || (*cv_json_at | 0x20) == 'e'))
        cv_json_refuse("number that is not whole");
    if (!negative && value == INT64_MIN) cv_json_refuse("number beyond 64 bits");
    return negative ? value : -value;
}

CV_API bool cv_json_word(const char *word) {
    uint32_t len = strlen(word);
    uint32_t left = (uint32_t)(cv_json_end - cv_json_at);
    if (left < len || memcmp(cv_json_at, word, len) != 0) return false;
    cv_json_at += len;
    return true;
}

CV_API const cv_json *cv_field_of(const cv_json *object, cv_bytes name) {
    for (const cv_json *member = object->first; member; member = member->next)
        if (cv_same(member->name, name)) return member;
    return 0;
}

CV_API cv_json *cv_json_value(uint32_t depth);

/* The rest of an array or object after its opening bracket. */
CV_API void cv_json_list(cv_json *list, uint8_t close, uint32_t depth) {
    cv_json **link = &list->first;
    if (depth == 0) cv_json_refuse("too deep nesting");
    cv_json_space();
    if (cv_json_take(close)) return;
    for (;;) {
        cv_bytes name = CV_NONE;
        if (list->kind == CV_OBJECT) {
            cv_json_space();
            if (!cv_json_take('"')) cv_json_refuse("no name");
            name = cv_json_string();
            if (list->count == CV_JSON_MEMBERS_MAX) cv_json_refuse("too many names in an object");
            if (cv_field_of(list, name)) cv_json_refuse("a name twice");
            cv_json_space();
            if (!cv_json_take(':')) cv_json_refuse("no colon");
        }
        cv_json *value = cv_json_value(depth - 1);
        value->name = name;
        *link = value;
        link = &value->next;
        list->count++;
        if (cv_json_take(close)) return;
        if (!cv_json_take(',')) cv_json_refuse("no comma");
    }
}

CV_API cv_json *cv_json_value(uint32_t depth) {
    cv_json *value = cv_alloc_zeroed(sizeof *value);
    cv_json_space();
    if (cv_json_take('"')) {
        value->kind = CV_STRING;
        value->string = cv_json_string();
    } else if (cv_json_take('{')) {
        value->kind = CV_OBJECT;
        cv_json_list(value, '}', depth);
    } else if (cv_json_take('[')) {
        value->kind = CV_ARRAY;
        cv_json_list(value, ']', depth);
    } else if (cv_json_word("true")) {
        value->kind = CV_BOOL;
        value->boolean = true;
    } else if (cv_json_word("false")) {
        value->kind = CV_BOOL;
    } else if (!cv_json_word("null")) {
        value->kind = CV_INT;
        value->integer = cv_json_number();
    }
    cv_json_space();
    return value;
}

/* Read one JSON value that fills `text`. */
CV_API const cv_json *cv_json_read(cv_bytes text) {
    cv_json_begin = cv_json_at = text.ptr;
    cv_json_end = text.ptr + text.len;
    const cv_json *value = cv_json_value(CV_JSON_DEPTH_MAX);
    if (cv_json_at != cv_json_end) cv_json_refuse("something after the value");
    return value;
}

/* ---- Arguments ------------------------------------------------------------------------------- */

/* Refuse the call because of one argument: "argument 'NAME' WHAT". */
_Noreturn CV_API void cv_arg_refuse(cv_bytes name, const char *what) {
    cv_buf message = {0};
    cv_buf_text(&message, "argument '");
    cv_buf_add(&message, name);
    cv_buf_text(&message, "' ");
    cv_buf_text(&message, what);
    cv_fail_bytes(cv_buf_bytes(&message));
}

/* The same with bounds: "argument 'NAME' must be WHAT FROM to TO UNIT". */
_Noreturn CV_API void cv_arg_refuse_range(const char *name, const char *what, int64_t from,
                                          int64_t to, const char *unit) {
    cv_buf text = {0};
    cv_buf_text(&text, "must be ");
    cv_buf_text(&text, what);
    cv_buf_int(&text, from);
    if (from != to) {
        cv_buf_text(&text, " to ");
        cv_buf_int(&text, to);
    }
    cv_buf_text(&text, unit);
    cv_buf_byte(&text, 0);
    cv_arg_refuse(cv_view(name, strlen(name)), (const char *)text.ptr);
}

/* Refuse an object with a name that is not in `allowed`: names with a space between them, "" for
 * none. */
CV_API void cv_only(const cv_json *object, const char *allowed) {
    for (const cv_json *member = object->first; member; member = member->next) {
        bool known = false;
        for (const char *word = allowed; *word && !known;) {
            uint32_t len = 0;
            while (word[len] && word[len] != ' ') len++;
            known = cv_same(member->name, cv_view(word, len));
            word += len + (word[len] == ' ');
        }
        if (!known) cv_arg_refuse(member->name, "is unknown");
    }
}

/* The arguments of the call: an object with no other names than `allowed`. No input counts as
 * {}. */
CV_API const cv_json *cv_args(const char *allowed) {
    uint32_t cap = 1024;
    uint8_t *text = cv_alloc(cap);
    uint32_t len = covey_input(text, cap);
    if (len > cap) {
        text = cv_alloc(len);
        covey_input(text, len);
    }
    const cv_json *args = cv_json_read(len ? cv_view(text, len) : CV_TEXT("{}"));
    if (args->kind != CV_OBJECT) cv_fail("the arguments must be a JSON object");
    cv_only(args, allowed);
    return args;
}

/* Whether an argument is there and not null. For what is optional: cv_arg_has(a, "n") ?
 * cv_arg_int(a, "n", 1, 9) : 5 */
CV_API bool cv_arg_has(const cv_json *object, const char *name) {
    const cv_json *value = cv_field_of(object, cv_view(name, strlen(name)));
    return value && value->kind != CV_NULL;
}

/* An argument of any kind; one that is missing refuses the call. */
CV_API const cv_json *cv_arg(const cv_json *object, const char *name) {
    const cv_json *value = cv_field_of(object, cv_view(name, strlen(name)));
    if (!value) cv_arg_refuse(cv_view(name, strlen(name)), "is missing");
    return value;
}

/* A string of `from` to `to` bytes. */
CV_API cv_bytes cv_arg_string(const cv_json *object, const char *name, uint32_t from, uint32_t to) {
    const cv_json *value = cv_arg(object, name);
    if (value->kind != CV_STRING || value->string.len < from || value->string.len > to)
        cv_arg_refuse_range(name, "a string of ", from, to, " bytes");
    return value->string;
}

CV_API int64_t cv_arg_int(const cv_json *object, const char *name, int64_t from, int64_t to) {
    const cv_json *value = cv_arg(object, name);
    if (value->kind != CV_INT || value->integer < from || value->integer > to)
        cv_arg_refuse_range(name, "a whole number from ", from, to, "");
    return value->integer;
}

CV_API bool cv_arg_bool(const cv_json *object, const char *name) {
    const cv_json *value = cv_arg(object, name);
    if (value->kind != CV_BOOL) cv_arg_refuse(cv_view(name, strlen(name)), "must be true or false");
    return value->boolean;
}

/* An array; its elements are value->first and so on. */
CV_API const cv_json *cv_arg_array(const cv_json *object, const char *name, uint32_t from,
                                   uint32_t to) {
    const cv_json *value = cv_arg(object, name);
    if (value->kind != CV_ARRAY || value->count < from || value->count > to)
        cv_arg_refuse_range(name, "an array of ", from, to, " elements");
    return value;
}

/* Exactly `len` bytes, written as hexadecimal digits. */
CV_API cv_bytes cv_arg_hex(const cv_json *object, const char *name, uint32_t len) {
    const cv_json *value = cv_arg(object, name);
    bool right = value->kind == CV_STRING && value->string.len == 2 * len;
    uint8_t *bytes = cv_alloc(len);
    for (uint32_t i = 0; right && i < len; i++) {
        int32_t high = cv_hex_digit(value->string.ptr[2 * i]);
        int32_t low = cv_hex_digit(value->string.ptr[2 * i + 1]);
        right = high >= 0 && low >= 0;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    if (!right) cv_arg_refuse_range(name, "", 2 * len, 2 * len, " hexadecimal digits");
    return cv_view(bytes, len);
}

#include "covey_out.h"

#endif
