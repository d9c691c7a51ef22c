/* tally: shared counters.
 * Collection totals (counter): additions made apart from one another all count. */
#include "covey.h"

#define NAME_SIZE_BYTES_MAX 128
#define AMOUNT_MAX 9007199254740991 /* 2^53 - 1: what every JSON reader keeps exact. */
#define LIMIT_DEFAULT 100
#define LIMIT_MAX 1000

#define TOTALS CV_TEXT("totals")

static cv_bytes name_of(const cv_json *args) {
    return cv_arg_string(args, "name", 1, NAME_SIZE_BYTES_MAX);
}

static void answer_total(cv_bytes name) {
    cv_bytes value;
    cv_out_object();
    cv_out_name("total");
    cv_out_int(cv_get(TOTALS, name, &value) ? cv_counter(value) : 0);
    cv_out_end_object();
    cv_out_done();
}

CV_EXPORT(add) void add(void) {
    const cv_json *args = cv_args("name amount");
    cv_bytes name = name_of(args);
    int64_t amount = 1;
    if (cv_arg_has(args, "amount")) amount = cv_arg_int(args, "amount", -AMOUNT_MAX, AMOUNT_MAX);
    cv_add(TOTALS, name, amount);
    answer_total(name);
}

CV_EXPORT(read) void read_total(void) { answer_total(name_of(cv_args("name"))); }

CV_EXPORT(totals) void totals(void) {
    const cv_json *args = cv_args("after limit");
    cv_bytes name, value, after = CV_NONE;
    int64_t left = LIMIT_DEFAULT;
    if (cv_arg_has(args, "limit")) left = cv_arg_int(args, "limit", 1, LIMIT_MAX);
    if (cv_arg_has(args, "after")) after = cv_arg_string(args, "after", 0, NAME_SIZE_BYTES_MAX);
    cv_scan scan = cv_scan_open(TOTALS, CV_NONE, after);
    bool more = false;
    cv_out_object();
    cv_out_name("totals");
    cv_out_array();
    while (cv_scan_next(&scan, &name, &value)) {
        more = left-- == 0;
        if (more) break;
        cv_out_object();
        cv_out_name("name");
        cv_out_string(name);
        cv_out_name("total");
        cv_out_int(cv_counter(value));
        cv_out_end_object();
    }
    cv_out_end_array();
    cv_out_name("more");
    cv_out_bool(more);
    cv_out_end_object();
    cv_out_done();
}
