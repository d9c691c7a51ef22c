/* covey_effects.h: what a call has done, for `validate`. Include covey.h, not this file.
 *
 * An application may export `validate`. The host runs it after each call that returned, as a query
 * on the state that the call leaves; where it calls cv_fail, the call is refused. For example, so
 * that no method leaves an empty entry behind:
 *
 *     CV_EXPORT(validate) void validate(void) {
 *         cv_effects effects = cv_effects_open();
 *         cv_effect effect;
 *         while (cv_effects_next(&effects, &effect))
 *             if (effect.op == CV_PUT && effect.value.len == 0) cv_fail("an entry is empty");
 *     }
 *
 * It is no method and not in abi.json. It has fresh memory, and what is left of the call's fuel. */
#ifndef COVEY_EFFECTS_H
#define COVEY_EFFECTS_H

typedef enum { CV_PUT, CV_DELETE, CV_ADD } cv_op;

/* What a call did to one entry. */
typedef struct {
    cv_op op;
    cv_bytes collection, key;
    cv_bytes value; /* CV_PUT */
    int64_t amount; /* CV_ADD, else 0 */
} cv_effect;

/* The effects in the order of (collection, key). The host writes them in one form, so reading it
 * takes no more than skipping what is always there. */
typedef struct {
    uint8_t *at;
} cv_effects;

CV_API cv_effects cv_effects_open(void) {
    uint32_t cap = 1024;
    uint8_t *text = cv_alloc(cap);
    uint32_t len = covey_input(text, cap);
    if (len > cap) {
        text = cv_alloc(len);
        covey_input(text, len);
    }
    if (len == 0 || *text != '[') cv_fail("these are not the effects of a call");
    return (cv_effects){text};
}

CV_API uint32_t cv_base64_digit(uint8_t c) {
    if (c >= 'a') return c - 'a' + 26u;
    if (c >= 'A') return c - 'A';
    if (c >= '0') return c - '0' + 52u;
    return c == '+' ? 62 : 63;
}

/* Base64 with padding, decoded in its own place. */
CV_API cv_bytes cv_base64_bytes(cv_bytes text) {
    uint8_t *start = (uint8_t *)text.ptr, *to = start;
    uint32_t padding = 0;
    for (uint32_t at = 0; at < text.len; at += 4) {
        uint32_t word = 0;
        for (uint32_t i = at; i < at + 4; i++) {
            bool pads = start[i] == '=';
            padding += pads;
            word = word << 6 | (pads ? 0 : cv_base64_digit(start[i]));
        }
        for (int shift = 16; shift >= 0; shift -= 8) *to++ = (uint8_t)(word >> shift);
    }
    return cv_view(start, (uint32_t)(to - start) - padding);
}

/* The string that begins after `before`; the next one begins at its closing quote. */
CV_API cv_bytes cv_effects_string(cv_effects *effects, const char *before) {
    uint8_t *start = effects->at + strlen(before);
    for (effects->at = start; *effects->at != '"';) effects->at++;
    return cv_view(start, (uint32_t)(effects->at - start));
}

CV_API bool cv_effects_next(cv_effects *effects, cv_effect *effect) {
    if (effects->at[0] == ']' || effects->at[1] == ']') return false;
    effect->collection = cv_effects_string(effects, "[{\"collection\":\"");
    uint8_t op = *cv_effects_string(effects, "\",\"op\":\"").ptr;
    effect->op = op == 'p' ? CV_PUT : op == 'd' ? CV_DELETE : CV_ADD;
    effect->key = cv_base64_bytes(cv_effects_string(effects, "\",\"key\":\""));
    effect->value = CV_NONE;
    effect->amount = 0;
    if (effect->op == CV_PUT)
        effect->value = cv_base64_bytes(cv_effects_string(effects, "\",\"value\":\""));
    if (effect->op != CV_ADD) {
        effects->at += strlen("\"}");
        return true;
    }
    effects->at += strlen("\",\"amount\":");
    bool negative = *effects->at == '-';
    uint64_t size = 0;
    for (effects->at += negative; *effects->at != '}'; effects->at++)
        size = size * 10 + (*effects->at - '0');
    effect->amount = (int64_t)(negative ? 0 - size : size);
    effects->at++;
    return true;
}

#endif
