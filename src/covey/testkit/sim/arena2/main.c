/* arena 2: notes have tags. What `play` does is told apart from the first release's. */
#define PLAYED "played2"
#define BUMPED_BY 2
#include "../arena/main.c"

#define MOST 64

/* Tag the first notes with what they say. */
CV_EXPORT(migrate) void migrate(void) {
    int64_t most = cv_arg_int(cv_args("most"), "most", 0, MOST), tagged = 0;
    cv_scan scan = cv_scan_open(CV_TEXT("notes"), CV_NONE, CV_NONE);
    cv_bytes key, value;
    while (tagged < most && cv_scan_next(&scan, &key, &value)) {
        cv_put(CV_TEXT("tags"), key, value);
        tagged++;
    }
    cv_emit("migrated", CV_TEXT("2"));
    cv_out_object();
    cv_out_name("changed");
    cv_out_int(tagged);
    cv_out_end_object();
    cv_out_done();
}
