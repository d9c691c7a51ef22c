/* covey_out.h: the result of a call as JSON. Include covey.h, not this file.
 *
 * Values go into one buffer in the order they are written; commas set themselves; cv_out_done
 * hands the buffer to the host. */
#ifndef COVEY_OUT_H
#define COVEY_OUT_H

static cv_buf cv_out;

/* A comma, unless the value is the first in its object or array or follows its name. */
CV_API void cv_out_comma(void) {
    uint8_t last = cv_out.len ? cv_out.ptr[cv_out.len - 1] : '[';
    if (last != '[' && last != '{' && last != ':') cv_buf_byte(&cv_out, ',');
}

CV_API void cv_out_object(void) { cv_out_comma(), cv_buf_byte(&cv_out, '{'); }
CV_API void cv_out_end_object(void) { cv_buf_byte(&cv_out, '}'); }
CV_API void cv_out_array(void) { cv_out_comma(), cv_buf_byte(&cv_out, '['); }
CV_API void cv_out_end_array(void) { cv_buf_byte(&cv_out, ']'); }
CV_API void cv_out_null(void) { cv_out_comma(), cv_buf_text(&cv_out, "null"); }
CV_API void cv_out_bool(bool value) {
    cv_out_comma(), cv_buf_text(&cv_out, value ? "true" : "false");
}
CV_API void cv_out_int(int64_t value) { cv_out_comma(), cv_buf_int(&cv_out, value); }

/* A piece of a string: escapes what JSON asks for and puts U+FFFD for bytes that are not UTF-8.
 * A key or value in the state may be anything, and must not make a result that nobody can read. */
CV_API void cv_out_escaped(cv_bytes text) {
    const uint8_t *at = text.ptr, *end = at + text.len, *plain = at;
    while (at < end) {
        uint32_t len = *at < 0x20 || *at == '"' || *at == '\\' ? 0 : 1;
        if (*at >= 0x80) len = cv_utf8_next(at, end);
        if (len) {
            at += len;
            continue;
        }
        cv_buf_add(&cv_out, cv_view(plain, (uint32_t)(at - plain)));
        if (*at == '"' || *at == '\\') {
            cv_buf_byte(&cv_out, '\\');
            cv_buf_byte(&cv_out, *at);
        } else if (*at < 0x20) {
            cv_buf_text(&cv_out, *at < 0x10 ? "\\u000" : "\\u001");
            cv_buf_byte(&cv_out, (uint8_t)"0123456789abcdef"[*at & 15]);
        } else {
            cv_buf_text(&cv_out, "\xEF\xBF\xBD");
        }
        plain = ++at;
    }
    cv_buf_add(&cv_out, cv_view(plain, (uint32_t)(at - plain)));
}

/* A string in pieces (a document, say): begin, any number of cv_out_escaped, end. No character
 * may be cut between two. */
CV_API void cv_out_string_begin(void) { cv_out_comma(), cv_buf_byte(&cv_out, '"'); }
CV_API void cv_out_string_end(void) { cv_buf_byte(&cv_out, '"'); }

CV_API void cv_out_string(cv_bytes text) {
    cv_out_string_begin();
    cv_out_escaped(text);
    cv_out_string_end();
}

/* The name of the next value in an object. */
CV_API void cv_out_name(const char *name) {
    cv_out_string(cv_view(name, strlen(name)));
    cv_buf_byte(&cv_out, ':');
}

CV_API void cv_out_hex(cv_bytes bytes) {
    cv_out_string_begin();
    for (uint32_t i = 0; i < bytes.len; i++) {
        cv_buf_byte(&cv_out, (uint8_t)"0123456789abcdef"[bytes.ptr[i] >> 4]);
        cv_buf_byte(&cv_out, (uint8_t)"0123456789abcdef"[bytes.ptr[i] & 15]);
    }
    cv_out_string_end();
}

/* A 32-byte member or device key as people see it: did:key:z6Mk… (base58btc of 0xED01 and the
 * key). */
CV_API void cv_out_did(cv_bytes key) {
    static const char alphabet[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    uint8_t digits[48] = {0};
    uint32_t count = 0;
    if (key.len != 32) cv_fail("a member key is not 32 bytes long");
    for (uint32_t i = 0; i < 34; i++) {
        uint32_t carry = i == 0 ? 0xED : i == 1 ? 0x01 : key.ptr[i - 2];
        for (uint32_t j = 0; j < count || carry; j++) {
            carry += 256u * digits[j];
            digits[j] = (uint8_t)(carry % 58);
            carry /= 58;
            if (j == count) count++;
        }
    }
    cv_out_string_begin();
    cv_buf_text(&cv_out, "did:key:z");
    while (count) cv_buf_byte(&cv_out, (uint8_t)alphabet[digits[--count]]);
    cv_out_string_end();
}

/* Hand the result to the host. Without it, the result of a call is null. */
CV_API void cv_out_done(void) { covey_output(cv_out.ptr, cv_out.len); }

#endif
