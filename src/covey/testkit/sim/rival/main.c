/* arena 2, as somebody else would have it: tags are counters there. */
#define PLAYED "playedR"
#define BUMPED_BY 5
#include "../arena/main.c"

#define MOST 64

/* Count the first notes, each by what it was. */
CV_EXPORT(migrate) void migrate(void) {
    int64_t most = cv_arg_int(cv_args("most"), "most", 0, MOST), counted = 0;
    cv_scan scan = cv_scan_open(CV_TEXT("notes"), CV_NONE, CV_NONE);
    cv_bytes key, value;
    while (counted < most && cv_scan_next(&scan, &key, &value)) {
        cv_add(CV_TEXT("tags"), key, (int64_t)value.len);
        counted++;
    }
    cv_emit("migrated", CV_TEXT("R"));
    cv_out_object();
    cv_out_name("changed");
    cv_out_int(counted);
    cv_out_end_object();
    cv_out_done();
}
