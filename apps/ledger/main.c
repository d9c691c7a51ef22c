/* ledger: who owes whom, among people who share expenses.
 * Collection balances (counter): a person's name → the cents that the others owe to them.
 *
 * Every call moves money from somewhere to somewhere. That no cent is made or lost, and that nobody
 * owes more than is agreed, is checked in one place, `validate`, whatever the methods do. */
#include "covey.h"

#define NAME_SIZE_BYTES_MAX 64
#define PEOPLE_MAX 64
#define AMOUNT_MAX 100000000 /* a million, in cents */
#define DEBT_MAX 1000000     /* ten thousand, in cents */

#define LIMIT_DEFAULT 100
#define LIMIT_MAX 1000

#define BALANCES CV_TEXT("balances")

static int64_t balance_of(cv_bytes name) {
    cv_bytes value;
    return cv_get(BALANCES, name, &value) ? cv_counter(value) : 0;
}

static void answer_nothing(void) {
    cv_out_object();
    cv_out_end_object();
    cv_out_done();
}

/* ---- What every call must keep --------------------------------------------------------------- */

_Noreturn static void refuse_debt(cv_bytes name) {
    cv_buf message = {0};
    cv_buf_text(&message, "'");
    cv_buf_add(&message, name);
    cv_buf_text(&message, "' would owe more than ");
    cv_buf_int(&message, DEBT_MAX);
    cv_fail_bytes(cv_buf_bytes(&message));
}

CV_EXPORT(validate) void validate(void) {
    cv_effects effects = cv_effects_open();
    cv_effect effect;
    int64_t sum = 0;
    while (cv_effects_next(&effects, &effect)) {
        if (__builtin_add_overflow(sum, effect.amount, &sum)) cv_fail("the amounts are too large");
        if (effect.amount < 0 && balance_of(effect.key) < -DEBT_MAX) refuse_debt(effect.key);
    }
    if (sum != 0) cv_fail("money would be made or lost");
}

/* ---- Methods --------------------------------------------------------------------------------- */

static int64_t amount_of(const cv_json *args) { return cv_arg_int(args, "amount", 1, AMOUNT_MAX); }

CV_EXPORT(pay) void pay(void) {
    const cv_json *args = cv_args("from to amount");
    int64_t amount = amount_of(args);
    cv_add(BALANCES, cv_arg_string(args, "from", 1, NAME_SIZE_BYTES_MAX), amount);
    cv_add(BALANCES, cv_arg_string(args, "to", 1, NAME_SIZE_BYTES_MAX), -amount);
    answer_nothing();
}

/* One paid for several, who bear it in equal parts; the cents that are left go to the first. */
CV_EXPORT(split) void split(void) {
    const cv_json *args = cv_args("payer among amount");
    const cv_json *among = cv_arg_array(args, "among", 1, PEOPLE_MAX);
    int64_t amount = amount_of(args), part = amount / among->count, left = amount % among->count;
    cv_add(BALANCES, cv_arg_string(args, "payer", 1, NAME_SIZE_BYTES_MAX), amount);
    for (const cv_json *person = among->first; person; person = person->next) {
        if (person->kind != CV_STRING || !person->string.len ||
            person->string.len > NAME_SIZE_BYTES_MAX)
            cv_fail("argument 'among' must hold names of 1 to 64 bytes");
        cv_add(BALANCES, person->string, -part - (left-- > 0));
    }
    answer_nothing();
}

CV_EXPORT(balances) void balances(void) {
    const cv_json *args = cv_args("after limit");
    cv_bytes name, value, after = CV_NONE;
    int64_t left = LIMIT_DEFAULT;
    bool more = false;
    if (cv_arg_has(args, "limit")) left = cv_arg_int(args, "limit", 1, LIMIT_MAX);
    if (cv_arg_has(args, "after")) after = cv_arg_string(args, "after", 0, NAME_SIZE_BYTES_MAX);
    cv_scan scan = cv_scan_open(BALANCES, CV_NONE, after);
    cv_out_object();
    cv_out_name("balances");
    cv_out_array();
    while (cv_scan_next(&scan, &name, &value)) {
        more = left-- == 0;
        if (more) break;
        cv_out_object();
        cv_out_name("name");
        cv_out_string(name);
        cv_out_name("balance");
        cv_out_int(cv_counter(value));
        cv_out_end_object();
    }
    cv_out_end_array();
    cv_out_name("more");
    cv_out_bool(more);
    cv_out_end_object();
    cv_out_done();
}

/* Asked by `covey app conformance` after every step: what each call keeps, merging keeps too. */
CV_EXPORT(invariant_sum) void invariant_sum(void) {
    cv_bytes name, value;
    int64_t sum = 0;
    cv_scan scan = cv_scan_open(BALANCES, CV_NONE, CV_NONE);
    while (cv_scan_next(&scan, &name, &value)) sum += cv_counter(value);
    cv_out_bool(sum == 0);
    cv_out_done();
}
