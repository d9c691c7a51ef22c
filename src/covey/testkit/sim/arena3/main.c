/* arena 3: tags as in arena 2, and tallies. */
#define PLAYED "played3"
#define BUMPED_BY 3
#include "../arena/main.c"

#define MOST 64

/* Tally the first tags, and mark the notes of that name. */
CV_EXPORT(migrate) void migrate(void) {
    int64_t most = cv_arg_int(cv_args("most"), "most", 0, MOST), tallied = 0;
    cv_scan scan = cv_scan_open(CV_TEXT("tags"), CV_NONE, CV_NONE);
    cv_bytes key, value;
    while (tallied < most && cv_scan_next(&scan, &key, &value)) {
        cv_add(CV_TEXT("tallies"), key, (int64_t)value.len + 1);
        cv_put(CV_TEXT("notes"), key, CV_TEXT("tallied"));
        tallied++;
    }
    cv_emit("migrated", CV_TEXT("3"));
    cv_out_object();
    cv_out_name("changed");
    cv_out_int(tallied);
    cv_out_end_object();
    cv_out_done();
}
