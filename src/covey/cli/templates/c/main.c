/* NAME: a shared count. Everybody's additions count, also those made offline and at the same time. */
#include "covey.h"

#define COUNTS CV_TEXT("counts")
#define TOTAL CV_TEXT("total")

/* A call: it may write. increment {"by": 1 to 1000, 1 if it is left out} -> {} */
CV_EXPORT(increment) void increment(void) {
    const cv_json *args = cv_args("by");
    cv_add(COUNTS, TOTAL, cv_arg_has(args, "by") ? cv_arg_int(args, "by", 1, 1000) : 1);
    cv_out_object();
    cv_out_end_object();
    cv_out_done();
}

/* A query: it only reads. total {} -> {"total": number} */
CV_EXPORT(total) void total(void) {
    cv_bytes value;
    cv_args("");
    cv_out_object();
    cv_out_name("total");
    cv_out_int(cv_get(COUNTS, TOTAL, &value) ? cv_counter(value) : 0);
    cv_out_end_object();
    cv_out_done();
}
